//! All users, in parallel parts.
//!
//! What a list of users takes is not work but waiting: a hundred pages, each linked by the one before.
//! So, where there are many, they are listed in parts by the time of creation, each part in a chain of
//! its own. The first page of the plain list says how many users there are and how their times are
//! spread; a part that turns out too large is split again. Whatever Graph does to a filter, nobody is
//! lost: what the parts gave together is compared with the number of users, and where that is not it,
//! the plain list is read to its end as well.

mod checkpoint;
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
use super::paging::{Chain, Key, PAGE_ROWS_MAX, Quarantined, RawPage, Rows};
use super::problem;
use super::retry::{Caller, Stop};
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::domain::user::User;

pub use self::checkpoint::UsersCheckpoint;

/// Pages of users, in no order.
pub struct UserPages {
    caller: Arc<Caller>,
    meter: Meter,
    stage: Stage,
    /// When everything must be read; set with the first request.
    deadline: Option<Instant>,
    expected: Option<u64>,
    page_rows: u32,
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

enum Stage {
    /// Nothing was asked yet.
    New,
    /// One chain for everybody.
    Whole(Whole),
    /// A chain for each part.
    Parts(Reader),
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
enum Step {
    Page(Rows<User>, Stage),
    GoOn(Stage),
    Over,
}

impl UserPages {
    /// Users from the beginning, or from where an earlier reading was cut; from the beginning also if
    /// that was at another Graph. Nothing is asked yet.
    pub(super) fn new(caller: Arc<Caller>, resume: Option<&UsersCheckpoint>, meter: Meter) -> Self {
        let is_ours = |link: &str| caller.endpoints.follow(link).is_ok();
        let resume = resume.filter(|checkpoint| checkpoint.links().all(is_ours));
        let is_resumed = resume.is_some();
        let fresh = || UsersCheckpoint::new(None, PAGE_ROWS_MAX, vec![Share::new(Part::All)]);
        let from = resume.cloned().unwrap_or_else(fresh);
        Self {
            caller,
            meter,
            stage: Stage::New,
            deadline: None,
            expected: from.expected,
            page_rows: from.page_rows,
            shares: from.shares,
            on_kept_link: HashSet::new(),
            chains: 0,
            seen: HashMap::new(),
            seen_unreadable: HashMap::new(),
            rows: 0,
            is_resumed,
        }
    }

    /// How many users there are, as the first page said; `None` before, and where it did not say.
    pub fn expected(&self) -> Option<u64> {
        self.expected
    }

    /// What is left to read after the pages that were handed out. Reading from there may repeat users
    /// and skips none.
    pub fn checkpoint(&self) -> UsersCheckpoint {
        let is_read = |share: &&Share| share.next != Next::Split;
        let shares = self.shares.iter().filter(is_read).cloned().collect();
        UsersCheckpoint::new(self.expected, self.page_rows, shares)
    }

    /// The next page; `None` after the last, and after an error. What comes after it is asked for
    /// before it is handed out. Dropping the pages stops the requests under way.
    ///
    /// A page may be empty with more to come. A user that came before is quarantined: the directory
    /// may change while it is read. (Not so one who is in two parts: parts may overlap, and such a user
    /// is handed out once.) To stop, cancel the meter: if this future is dropped instead, its page is
    /// lost, and every later call says that reading was canceled rather than skip it.
    pub async fn next(&mut self) -> Result<Option<Rows<User>>, Error> {
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

    fn begin(&mut self) -> Result<Stage, Stop> {
        match self.shares.as_slice() {
            [_, _, ..] => self.begin_parts(),
            [whole] if whole.is_over() => Ok(Stage::Over),
            _ => self.begin_whole(true),
        }
    }

    /// The plain list from where it stands.
    fn begin_whole(&mut self, is_partible: bool) -> Result<Stage, Stop> {
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
        let query = part.query(self.page_rows);
        let chain = match next {
            Next::Link(link) => {
                self.on_kept_link.insert(share);
                Chain::resume(caller, query, meter, deadline, link)?
            }
            Next::Start | Next::End | Next::Split => Chain::begin(caller, query, meter, deadline),
        };
        Ok((chain, self.chains))
    }

    async fn read_whole(&mut self, mut whole: Whole) -> Result<Step, Stop> {
        let arrived = whole.chain.arrive().await;
        if self.on_kept_link.remove(&0) && matches!(arrived, Err(Stop::Refused(_))) {
            // Links are good for a while only.
            self.shares[0].restart();
            return self.begin_whole(whole.is_partible).map(Step::GoOn);
        }
        let Some(page) = arrived? else {
            return Ok(Step::Over);
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
    fn hand_out(&mut self, page: Rows<User>, number: u32) -> Result<Rows<User>, Stop> {
        let Rows {
            mut rows,
            mut quarantined,
        } = page;
        quarantined.retain(|row| match row.id {
            None => true,
            Some(id) => is_from(self.seen_unreadable.insert(id, number), number),
        });
        rows.retain(|user| {
            let last = self.seen.insert(user.object_id.0, number);
            if last == Some(number) {
                quarantined.push(Quarantined::repeated(Key::Id(user.object_id.0)));
            }
            last.is_none()
        });
        self.rows = self
            .rows
            .saturating_add(rows.len())
            .saturating_add(quarantined.len());
        if self.rows > self.caller.limits.rows {
            return Err(stop(ProblemKind::TooLarge, "has more rows than any tenant"));
        }
        Ok(Rows { rows, quarantined })
    }
}

/// Whether a row was given by no chain before, or by this one.
fn is_from(last: Option<u32>, number: u32) -> bool {
    last.is_none_or(|last| last == number)
}

fn stop(kind: ProblemKind, what: &str) -> Stop {
    let message = format!("{} {what}.", problem::path(Dataset::Users));
    Stop::Error(Error::Problem(Problem::new(kind, message)))
}
