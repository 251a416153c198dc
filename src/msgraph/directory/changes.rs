//! Rounds of changes: what Graph calls a delta query.

use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::domain::ids::ObjectId;
use crate::domain::sync_run::ProblemKind;
use crate::msgraph::client::Error;
use crate::msgraph::meter::Meter;
use crate::msgraph::paging::{Chain, Key, Quarantined, Query, RawPage, Row, Rows};
use crate::msgraph::problem;
use crate::msgraph::retry::{Caller, Stop, untrusted_link};

/// One page of a delta round.
#[derive(Debug)]
pub struct Changes<T> {
    /// In Microsoft's order: a later patch of an object is applied upon an earlier one.
    pub changed: Vec<T>,
    /// Objects that are gone, deleted softly or for good. None of them is among the changed ones: of
    /// an object that left and came back on one page, or the other way round, the last counts.
    pub removed: Vec<ObjectId>,
    /// Rows that could not be read.
    pub quarantined: Vec<Quarantined>,
}

/// What a row of a round says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<T> {
    /// It is there, and this is new of it.
    Changed(T),
    /// It is gone.
    Removed(ObjectId),
}

/// What can change. Public only because [`ChangePages`] asks for it; nobody outside can name it.
pub trait Patch: Sized + Send + 'static {
    /// Reads one element of `value`; the error names the property and never its value.
    fn read(json: &str) -> Result<Change<Self>, String>;
    /// What is changed.
    fn object_id(&self) -> ObjectId;
}

impl<T: Patch> Change<T> {
    fn object_id(&self) -> ObjectId {
        match self {
            Self::Changed(patch) => patch.object_id(),
            Self::Removed(id) => *id,
        }
    }
}

impl<T: Patch> Row for Change<T> {
    const ID: &'static str = "id";

    fn read(json: &str) -> Result<Self, String> {
        T::read(json)
    }

    fn key(&self) -> Key {
        Key::Id(self.object_id().0)
    }
}

/// Where a round begins.
pub(super) enum Begin {
    /// With everything there is.
    Everything,
    /// With nothing: only the link to what comes is wanted.
    Now,
    /// After the round that gave this link.
    After(String),
}

/// The pages of a delta round, and then the link to the next one.
pub struct ChangePages<T> {
    caller: Arc<Caller>,
    query: Query,
    meter: Meter,
    begin: Begin,
    stage: Stage,
    rows: usize,
    /// Graph has answered something.
    has_begun: bool,
    delta_link: Option<String>,
    patch: PhantomData<fn() -> T>,
}

enum Stage {
    /// Nothing was asked yet.
    New,
    /// A page is under way.
    Reading(Chain),
    /// There is no more, or it failed.
    Over,
    /// Somebody gave up in the middle of a page, which is lost.
    Abandoned,
}

impl<T> ChangePages<T> {
    /// `query` is what is asked without a link. Nothing is asked yet.
    pub(super) fn new(caller: Arc<Caller>, query: Query, begin: Begin, meter: Meter) -> Self {
        Self {
            caller,
            query,
            meter,
            begin,
            stage: Stage::New,
            rows: 0,
            has_begun: false,
            delta_link: None,
            patch: PhantomData,
        }
    }

    /// Where the changes after these are told; `Some` after the last page. Keep it only once what the
    /// pages said is kept as well.
    pub fn delta_link(&self) -> Option<&str> {
        self.delta_link.as_deref()
    }
}

impl<T: Patch> ChangePages<T> {
    /// The next page; `None` after the last. [`Error::Expired`]: Microsoft forgot where we were;
    /// everything must be read anew.
    ///
    /// A page may be empty with more to come, and an object may come several times. To stop, cancel
    /// the meter: if this future is dropped instead, its page is lost, and every later call says that
    /// reading was canceled rather than skip it.
    pub async fn next(&mut self) -> Result<Option<Changes<T>>, Error> {
        let page = match std::mem::replace(&mut self.stage, Stage::Abandoned) {
            Stage::Abandoned => return Err(Error::Canceled),
            Stage::Over => Ok(None),
            Stage::Reading(chain) => self.read(chain).await,
            Stage::New => match self.begin() {
                Ok(chain) => self.read(chain).await,
                Err(stop) => Err(stop),
            },
        };
        match page {
            Ok(Some((changes, stage))) => {
                self.stage = stage;
                Ok(Some(changes))
            }
            Ok(None) => {
                self.stage = Stage::Over;
                Ok(None)
            }
            Err(stop) => {
                self.stage = Stage::Over;
                Err(self.error(stop))
            }
        }
    }

    fn begin(&self) -> Result<Chain, Stop> {
        let deadline = self.caller.timing.now() + self.caller.limits.time;
        let (caller, query, meter) = (self.caller.clone(), self.query.clone(), self.meter.clone());
        let Begin::After(link) = &self.begin else {
            return Ok(Chain::begin(caller, query, meter, deadline));
        };
        // It was Graph's own when it was kept: Graph is somewhere else now.
        if caller.endpoints.follow(link).is_err() {
            return Err(Stop::Error(Error::Expired));
        }
        Chain::resume(caller, query, meter, deadline, link)
    }

    async fn read(&mut self, mut chain: Chain) -> Result<Option<(Changes<T>, Stage)>, Stop> {
        let Some(page) = chain.arrive().await? else {
            return Ok(None);
        };
        self.has_begun = true;
        self.rows = self.rows.saturating_add(page.len());
        if self.rows > self.caller.limits.rows {
            return Err(chain.problem(ProblemKind::TooLarge, "has more rows than any tenant"));
        }
        let delta_link = match &page.next_link {
            Some(link) => {
                chain.go_on(link)?;
                None
            }
            None => Some(self.check_delta_link(&page)?),
        };
        let rows = chain.decode(page).await?;
        self.delta_link = delta_link;
        Ok(Some((arrange(rows), Stage::Reading(chain))))
    }

    /// The link to the next round, which is kept and followed much later.
    fn check_delta_link(&self, page: &RawPage) -> Result<String, Stop> {
        let dataset = self.query.dataset;
        let problem = match &page.delta_link {
            Some(link) if self.caller.endpoints.follow(link).is_ok() => return Ok(link.clone()),
            Some(_) => untrusted_link(dataset),
            None => problem::bad_response(
                dataset,
                None,
                "its last page of changes does not say where the next ones will be",
            ),
        };
        Err(Stop::Error(Error::Problem(problem)))
    }

    fn error(&self, stop: Stop) -> Error {
        let is_of_a_link = match self.begin {
            Begin::Everything => self.has_begun,
            Begin::Now | Begin::After(_) => true,
        };
        match stop {
            Stop::Refused(refusal) if is_of_a_link && refusal.is_expired() => Error::Expired,
            stop => stop.into(),
        }
    }
}

/// Changed and removed objects apart.
fn arrange<T: Patch>(page: Rows<Change<T>>) -> Changes<T> {
    let mut is_gone = HashMap::new();
    for change in &page.rows {
        let is_removed = matches!(change, Change::Removed(_));
        is_gone.insert(change.object_id(), is_removed);
    }
    let mut changes = Changes {
        changed: Vec::new(),
        removed: Vec::new(),
        quarantined: page.quarantined,
    };
    let mut told = HashSet::new();
    for change in page.rows {
        let is_gone = is_gone.get(&change.object_id()).copied().unwrap_or(false);
        match change {
            Change::Changed(patch) if !is_gone => changes.changed.push(patch),
            Change::Removed(id) if is_gone && told.insert(id) => changes.removed.push(id),
            Change::Changed(_) | Change::Removed(_) => {}
        }
    }
    changes
}
