//! Lists of all users, in parallel parts: the users themselves, and what only a list tells of them.
//!
//! What a list of users takes is not work but waiting: a hundred pages, each linked by the one before.
//! So, where there are many, they are listed in parts by the time of creation, each part in a chain of
//! its own. The first page of the plain list says how many users there are and how their times are
//! spread; a part that turns out too large is split again. Whatever Graph does to a filter, nobody is
//! lost: what the parts gave together is compared with the number of users, and where that is not it,
//! the plain list is read to its end as well; and where Graph does not count, it is all that is read.

mod checkpoint;
mod list;
mod part;
mod parts;
mod plan;
mod reader;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use self::checkpoint::{Next, Share};
use self::part::Part;
use self::plan::Size;
use self::reader::Reader;
use super::client::Error;
use super::meter::Meter;
use super::paging::{Chain, Quarantined, RawPage, Rows};
use super::problem;
use super::retry::{Caller, Refusal, Stop};
use crate::domain::ids::ObjectId;
use crate::domain::sync_run::{Problem, ProblemKind};
use crate::domain::user::User;

pub use self::checkpoint::UsersCheckpoint;
pub(super) use self::list::{List, Listed, UserRow};

/// Pages of a list of all users, in no order.
pub struct UserPages<T> {
    caller: Arc<Caller>,
    meter: Meter,
    stage: Stage<T>,
    /// When everything must be read; set with the first request.
    deadline: Option<Instant>,
    expected: Option<u64>,
    page_rows: u32,
    /// Whether a large list may be read in parts.
    may_part: bool,
    /// The whole list first. If there are more, they are read instead of it.
    shares: Vec<Share>,
    /// Shares that go on at a link that was kept, and have not answered yet.
    on_kept_link: HashSet<usize>,
    /// Chains so far; the number of one is its place among them.
    chains: u32,
    /// By user: the chain that gave it last.
    seen: HashMap<Uuid, u32>,
    /// The same of users who could not be read.
    seen_unreadable: HashMap<Uuid, u32>,
    /// Rows that were handed out, unreadable ones included.
    rows: usize,
    /// The reading began in an earlier process: who was read then is not in `seen`.
    is_resumed: bool,
}

enum Stage<T> {
    /// Nothing was asked yet.
    New,
    /// One chain for everybody.
    Whole(Whole),
    /// A chain for each part.
    Parts(Reader<T>),
    /// There is no more, or it failed.
    Over,
    /// Somebody gave up in the middle of a page, which is lost.
    Abandoned,
}

/// The plain list under way.
struct Whole {
    chain: Chain,
    number: u32,
    /// It may be parted after its first page.
    is_partible: bool,
}

/// What a step came to.
enum Step<T> {
    Page(Rows<T>, Stage<T>),
    GoOn(Stage<T>),
    Over,
}

impl<T: UserRow> UserPages<T> {
    /// The list from its beginning. Nothing is asked yet.
    pub(super) fn new(caller: Arc<Caller>, meter: Meter) -> Self {
        Self {
            caller,
            meter,
            stage: Stage::New,
            deadline: None,
            expected: None,
            page_rows: T::LIST.page_rows,
            may_part: true,
            shares: vec![Share::new(Part::All)],
            on_kept_link: HashSet::new(),
            chains: 0,
            seen: HashMap::new(),
            seen_unreadable: HashMap::new(),
            rows: 0,
            is_resumed: false,
        }
    }

    /// The same in one chain, however large it is: slower, and sure to have everybody. Parts may differ
    /// by a few users from what Microsoft counts.
    #[must_use]
    pub fn in_one_chain(self) -> Self {
        Self {
            may_part: false,
            ..self
        }
    }

    /// How many users there are, as the first page said; `None` before, and where it did not say.
    pub fn expected(&self) -> Option<u64> {
        self.expected
    }

    /// The next page; `None` after the last, and after an error. What comes after it is asked for
    /// before it is handed out. Dropping the pages stops the requests under way.
    ///
    /// A page may be empty with more to come. A user that came before is quarantined: the directory
    /// may change while it is read. (Not so one who is in two parts: parts may overlap, and such a user
    /// is handed out once.) To stop, cancel the meter: if this future is dropped instead, its page is
    /// lost, and every later call says that reading was canceled rather than skip it.
    pub async fn next(&mut self) -> Result<Option<Rows<T>>, Error> {
        let mut stage = std::mem::replace(&mut self.stage, Stage::Abandoned);
        loop {
            let step = match stage {
                Stage::Abandoned => return Err(Error::Canceled),
                Stage::Over => Ok(Step::Over),
                Stage::New => self.begin().map(Step::GoOn),
                Stage::Whole(whole) => self.read_whole(whole).await,
                Stage::Parts(reader) => self.read_parts(reader).await,
            };
            match step {
                Ok(Step::GoOn(next)) => stage = next,
                Ok(Step::Page(rows, next)) => {
                    self.stage = next;
                    return Ok(Some(rows));
                }
                Ok(Step::Over) => {
                    self.stage = Stage::Over;
                    return Ok(None);
                }
                Err(stop) => {
                    self.stage = Stage::Over;
                    return Err(stop.into());
                }
            }
        }
    }

    fn begin(&mut self) -> Result<Stage<T>, Stop> {
        match self.shares.as_slice() {
            [_, _, ..] => self.begin_parts(),
            [whole] if whole.is_over() => Ok(Stage::Over),
            _ => self.begin_whole(self.may_part),
        }
    }

    /// The plain list from where it stands.
    fn begin_whole(&mut self, is_partible: bool) -> Result<Stage<T>, Stop> {
        let (chain, number) = self.begin_chain(0)?;
        Ok(Stage::Whole(Whole {
            chain,
            number,
            is_partible,
        }))
    }

    /// A chain for a share, from where it stands, and its number.
    fn begin_chain(&mut self, share: usize) -> Result<(Chain, u32), Stop> {
        let now = self.caller.timing.now();
        let deadline = *self.deadline.get_or_insert(now + self.caller.limits.time);
        self.chains = self.chains.saturating_add(1);
        let (caller, meter) = (self.caller.clone(), self.meter.clone());
        let Share { part, next, .. } = &self.shares[share];
        let query = T::LIST.query(*part, self.page_rows);
        let chain = match next {
            Next::Link(link) => {
                self.on_kept_link.insert(share);
                Chain::resume(caller, query, meter, deadline, link)?
            }
            Next::Start | Next::End | Next::Split => Chain::begin(caller, query, meter, deadline),
        };
        Ok((chain, self.chains))
    }

    async fn read_whole(&mut self, mut whole: Whole) -> Result<Step<T>, Stop> {
        let arrived = whole.chain.arrive().await;
        let was_on_kept_link = self.on_kept_link.remove(&0);
        let page = match arrived {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(Step::Over),
            Err(Stop::Refused(_)) if was_on_kept_link => {
                // Links are good for a while only.
                self.shares[0].restart();
                return self.begin_whole(whole.is_partible).map(Step::GoOn);
            }
            Err(Stop::Refused(refusal)) if self.may_tell_uncounted(&refusal) => {
                return self.begin_uncounted();
            }
            Err(stop) => return Err(stop),
        };
        let may_part = whole.is_partible && self.note_first(&page);
        if let Some(link) = &page.next_link
            && !may_part
        {
            whole.chain.go_on(link)?;
        }
        self.shares[0].advance(page.len(), page.count, page.next_link.clone());
        let number = whole.number;
        let rows = whole.chain.decode(page).await?;
        let stage = match may_part {
            true => self.part(whole, &rows)?,
            false => Stage::Whole(whole),
        };
        Ok(Step::Page(self.hand_out(rows, number)?, stage))
    }

    /// Whether Graph, which refused the plain list, may yet tell it without its count.
    fn may_tell_uncounted(&self, refusal: &Refusal) -> bool {
        self.shares[0].part == Part::All
            && !T::LIST.is_always_advanced
            && refusal.problem.kind == ProblemKind::Refused
    }

    /// The plain list from its start without its count, and so in one chain.
    fn begin_uncounted(&mut self) -> Result<Step<T>, Stop> {
        let dataset = T::LIST.dataset.name();
        tracing::info!(dataset, "reading users in one chain, uncounted");
        self.shares[0] = Share::new(Part::Uncounted);
        self.begin_whole(false).map(Step::GoOn)
    }

    /// Learns from a page how large the list is, if it is the first. Whether it is, and large.
    fn note_first(&mut self, page: &RawPage) -> bool {
        if self.shares[0].next != Next::Start {
            return false;
        }
        self.expected = page.count;
        self.page_rows = page.page_rows.unwrap_or(self.page_rows);
        page.next_link.is_some() && self.size().is_some_and(|size| !size.is_small())
    }

    fn size(&self) -> Option<Size> {
        Some(Size {
            rows: self.expected?,
            page_rows: self.page_rows.into(),
        })
    }

    /// Each user once. One that its own chain had given before is quarantined.
    fn hand_out(&mut self, page: Rows<Listed<T>>, number: u32) -> Result<Rows<T>, Stop> {
        let mut rows = Vec::with_capacity(page.rows.len());
        let mut quarantined = page.quarantined;
        quarantined.retain(|row| match row.id {
            None => true,
            Some(id) => is_from(self.seen_unreadable.insert(id, number), number),
        });
        for user in page.rows {
            let ObjectId(id) = user.object_id;
            match self.seen.insert(id, number) {
                None => rows.push(user.row),
                Some(last) if last == number => {
                    quarantined.push(Quarantined::repeated());
                }
                Some(_) => {}
            }
        }
        self.rows = self
            .rows
            .saturating_add(rows.len())
            .saturating_add(quarantined.len());
        if self.rows > self.caller.limits.rows {
            return Err(Self::stop(
                ProblemKind::TooLarge,
                "has more rows than any tenant",
            ));
        }
        Ok(Rows { rows, quarantined })
    }

    fn stop(kind: ProblemKind, what: &str) -> Stop {
        let message = format!("{} {what}.", problem::path(T::LIST.dataset));
        Stop::Error(Error::Problem(Problem::new(kind, message)))
    }
}

impl UserPages<User> {
    /// The list from where an earlier reading was cut; from its beginning if that was at another Graph.
    /// Nothing is asked yet.
    pub(super) fn resume(caller: Arc<Caller>, from: &UsersCheckpoint, meter: Meter) -> Self {
        let is_ours = from
            .links()
            .all(|link| caller.endpoints.follow(link).is_ok());
        let pages = Self::new(caller, meter);
        if !is_ours {
            return pages;
        }
        Self {
            expected: from.expected,
            page_rows: from.page_rows,
            shares: from.shares.clone(),
            is_resumed: true,
            ..pages
        }
    }

    /// What is left to read after the pages that were handed out. Reading from there may repeat users
    /// and skips none.
    pub fn checkpoint(&self) -> UsersCheckpoint {
        let is_read = |share: &&Share| share.next != Next::Split;
        let shares = self.shares.iter().filter(is_read).cloned().collect();
        UsersCheckpoint::new(self.expected, self.page_rows, shares)
    }
}

/// Whether a row was given by no chain before, or by this one.
fn is_from(last: Option<u32>, number: u32) -> bool {
    last.is_none_or(|last| last == number)
}
