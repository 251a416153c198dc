//! A collection, page by page: one page ahead of the reader, and to an end even if Graph has none.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::client::Error;
use super::http::Answer;
use super::meter::Meter;
use super::origin::Endpoints;
use super::problem;
use super::retry::{Call, Caller, Stop, TRIES_MAX, untrusted_link};
use super::wire;
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::domain::user::User;

/// What no real tenant needs: beyond any of these a dataset ends as too large.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Pages of one dataset.
    pub(super) pages: usize,
    /// Rows of one dataset, unreadable ones included.
    pub(super) rows: usize,
    /// From the first request for a dataset to the last, waits included.
    pub(super) time: Duration,
}

/// The largest tenants known have about a million users, a thousand pages.
pub(super) const LIMITS: Limits = Limits {
    pages: 10_000,
    rows: 5_000_000,
    time: Duration::from_secs(2 * 60 * 60),
};

/// The page size that is asked for first: the most that Microsoft documents.
const PAGE_ROWS_MAX: u32 = 999;
/// The smallest that is tried when Microsoft wants fewer.
const PAGE_ROWS_MIN: u32 = 20;

/// As many unreadable rows are taken as bad luck, in however small a tenant.
const QUARANTINED_ROWS_MAX: u64 = 3;

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// What is wrong, without the row's values: "userPrincipalName is a number".
    pub reason: String,
    /// The id, where at least that can be read: what we hold of the row is not out of date by it.
    pub id: Option<Uuid>,
}

/// Rows of one page.
#[derive(Debug)]
pub struct Rows<T> {
    /// Those that could be read, in Graph's order.
    pub rows: Vec<T>,
    /// Those that could not, or that had come before.
    pub quarantined: Vec<Quarantined>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            quarantined: Vec::new(),
        }
    }
}

/// Why a dataset may not be published with this many unreadable rows in it: more than 1 %, where a
/// handful is always forgiven unless it is everything. `example` is the reason of one of them.
pub fn quarantine_problem(
    dataset: Dataset,
    rows: u64,
    quarantined: u64,
    example: Option<&Quarantined>,
) -> Option<Problem> {
    let all = rows.saturating_add(quarantined);
    let is_handful = quarantined <= QUARANTINED_ROWS_MAX && rows > 0;
    if quarantined == 0 || is_handful || quarantined.saturating_mul(100) <= all {
        return None;
    }
    let example = example
        .map(|example| format!(" (one because {})", example.reason))
        .unwrap_or_default();
    Some(Problem::new(
        ProblemKind::Quarantine,
        format!(
            "{quarantined} of {all} rows of {} could not be read{example}. Too many to publish the rest as if it were everything; please report this line.",
            problem::path(dataset)
        ),
    ))
}

/// A row that pages are read into.
pub(super) trait Row: Sized + Send + 'static {
    /// Reads one element of `value`; the error names the property and never its value.
    fn read(json: &str) -> Result<Self, String>;
    /// The property that holds the key.
    const ID: &'static str;
    /// What may come only once in a collection.
    fn key(&self) -> Uuid;
}

/// What is asked of Graph to get a collection.
#[derive(Clone, Copy)]
pub(super) struct Query {
    pub(super) dataset: Dataset,
    pub(super) path: &'static str,
    pub(super) query: &'static str,
    /// Needs `ConsistencyLevel: eventual`, on every page.
    pub(super) is_advanced: bool,
    /// Takes `$top`.
    pub(super) is_sized: bool,
}

impl Query {
    fn url(&self, endpoints: &Endpoints, page_rows: u32) -> Url {
        let top = if self.is_sized {
            format!("&$top={page_rows}")
        } else {
            String::new()
        };
        endpoints.api(self.path, Some(&format!("{}{top}", self.query)))
    }
}

/// Pages of users, in the order Graph gives them.
pub struct UserPages(Pages<User>);

impl UserPages {
    pub(super) fn new(pages: Pages<User>) -> Self {
        Self(pages)
    }

    /// How many users there are, as the first page said; `None` before, and where it did not say.
    pub fn expected(&self) -> Option<u64> {
        todo!()
    }

    /// What is left to read after the pages that were handed out. Reading from there may repeat users
    /// and skips none.
    pub fn checkpoint(&self) -> UsersCheckpoint {
        todo!()
    }

    /// The next page; `None` after the last, and after an error. The page after it is asked for
    /// before this one is handed out. Dropping the pages stops the request under way.
    ///
    /// A page may be empty with more to come. A user that came before is quarantined: the directory
    /// may change while it is read. To stop, cancel the meter: if this future is dropped instead, its
    /// page is lost, and every later call says that reading was canceled rather than skip it.
    pub async fn next(&mut self) -> Result<Option<Rows<User>>, Error> {
        self.0.next().await
    }
}

/// What is left of a reading of all users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsersCheckpoint {}

impl UsersCheckpoint {
    /// For the disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` for anything else.
    pub fn from_bytes(_bytes: &[u8]) -> Option<Self> {
        todo!()
    }
}

/// The pages of any collection.
pub(super) struct Pages<T> {
    caller: Arc<Caller>,
    query: Query,
    meter: Meter,
    stage: Stage,
    /// The page that is being fetched; never more than one. Ends with the pages.
    ahead: JoinSet<Result<Fetched, Stop>>,
    links: HashSet<blake3::Hash>,
    keys: HashSet<Uuid>,
    rows: usize,
    row: PhantomData<fn() -> T>,
}

#[derive(Clone, Copy)]
enum Stage {
    /// Nothing was asked yet.
    New,
    /// A page is under way; the whole must be read by then.
    Reading { deadline: Instant },
    /// There is no more, or it failed.
    Over,
    /// Somebody gave up in the middle of a page, which is lost.
    Abandoned,
}

/// A page whose envelope is read and whose rows are not.
struct Fetched {
    body: String,
    /// Where in the body each row lies.
    rows: Vec<Range<usize>>,
    next_link: Option<String>,
}

impl<T: Row> Pages<T> {
    pub(super) fn new(caller: Arc<Caller>, query: Query, meter: Meter) -> Self {
        Self {
            caller,
            query,
            meter,
            stage: Stage::New,
            ahead: JoinSet::new(),
            links: HashSet::new(),
            keys: HashSet::new(),
            rows: 0,
            row: PhantomData,
        }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Rows<T>>, Error> {
        let deadline = match self.stage {
            Stage::Over => return Ok(None),
            Stage::Abandoned => return Err(Error::Canceled),
            Stage::Reading { deadline } => deadline,
            Stage::New => self.begin(),
        };
        self.stage = Stage::Abandoned;
        let page = self.next_or_stop(deadline).await;
        self.stage = match page {
            Ok(Some(_)) => Stage::Reading { deadline },
            Ok(None) | Err(_) => Stage::Over,
        };
        page.map_err(Error::from)
    }

    async fn next_or_stop(&mut self, deadline: Instant) -> Result<Option<Rows<T>>, Stop> {
        let arrived = self.meter.unless_canceled(self.ahead.join_next()).await;
        let fetched = match arrived {
            None => return Err(Stop::Error(Error::Canceled)),
            Some(None) => return Ok(None), // the last page had no link
            Some(Some(Ok(fetched))) => fetched?,
            Some(Some(Err(_))) => return Err(self.problem(ProblemKind::Internal, PANICKED)),
        };
        self.rows = self.rows.saturating_add(fetched.rows.len());
        if self.rows > self.caller.limits.rows {
            return Err(self.problem(ProblemKind::TooLarge, "has more rows than any tenant"));
        }
        if let Some(link) = &fetched.next_link {
            let url = self.check_link(link)?;
            self.fetch(self.call(url, deadline));
        }
        let (body, ranges) = (fetched.body, fetched.rows);
        // Milliseconds for a full page: too long to hold a thread that answers queries.
        let decoded = tokio::task::spawn_blocking(move || decode(&body, &ranges)).await;
        let page = decoded.map_err(|_| self.problem(ProblemKind::Internal, PANICKED))?;
        Ok(Some(self.without_repeated(page)))
    }

    /// Asks for the first page and says when everything must be read.
    fn begin(&mut self) -> Instant {
        let deadline = self.caller.timing.now() + self.caller.limits.time;
        let url = self.query.url(&self.caller.endpoints, PAGE_ROWS_MAX);
        self.links.insert(link_key(&url));
        let call = self.call(url, deadline);
        let (caller, query) = (self.caller.clone(), self.query);
        self.ahead
            .spawn(async move { fetch_first(&caller, query, call).await });
        deadline
    }

    fn call(&self, url: Url, deadline: Instant) -> Call {
        Call {
            url,
            dataset: self.query.dataset,
            accept: "application/json",
            is_advanced: self.query.is_advanced,
            tries_max: TRIES_MAX,
            deadline,
            meter: self.meter.clone(),
        }
    }

    fn fetch(&mut self, call: Call) {
        let caller = self.caller.clone();
        self.ahead.spawn(async move {
            let answer = caller.get(&call).await?;
            open(call.dataset, answer)
        });
    }

    /// Whether a link may be followed: to Graph, not twice, and not without end.
    fn check_link(&mut self, link: &str) -> Result<Url, Stop> {
        let dataset = self.query.dataset;
        let Ok(url) = self.caller.endpoints.follow(link) else {
            return Err(Stop::Error(Error::Problem(untrusted_link(dataset))));
        };
        if !self.links.insert(link_key(&url)) {
            return Err(self.problem(
                ProblemKind::Loop,
                "linked to a page that it had linked to before, so it would never end. It usually passes by itself",
            ));
        }
        if self.links.len() > self.caller.limits.pages {
            return Err(self.problem(ProblemKind::TooLarge, "has more pages than any tenant"));
        }
        Ok(url)
    }

    fn without_repeated(&mut self, page: Rows<T>) -> Rows<T> {
        let Rows {
            mut rows,
            mut quarantined,
        } = page;
        rows.retain(|row| {
            let is_new = self.keys.insert(row.key());
            if !is_new {
                quarantined.push(Quarantined {
                    reason: "its id came before".to_owned(),
                    id: Some(row.key()),
                });
            }
            is_new
        });
        Rows { rows, quarantined }
    }

    fn problem(&self, kind: ProblemKind, what: &str) -> Stop {
        let message = format!("{} {what}.", problem::path(self.query.dataset));
        Stop::Error(Error::Problem(Problem::new(kind, message)))
    }
}

const PANICKED: &str =
    "could not be read because of a fault in Seatwise; please report it with the log";

/// The first page. Microsoft's limits on its size vary, so it is halved as long as Graph complains;
/// the links carry the size on.
async fn fetch_first(caller: &Caller, query: Query, mut call: Call) -> Result<Fetched, Stop> {
    let mut page_rows = PAGE_ROWS_MAX;
    loop {
        match caller.get(&call).await {
            Err(Stop::SmallerPages(_)) if query.is_sized && page_rows > PAGE_ROWS_MIN => {
                page_rows = (page_rows / 2).max(PAGE_ROWS_MIN);
                call.url = query.url(&caller.endpoints, page_rows);
            }
            answer => return open(call.dataset, answer?),
        }
    }
}

/// What identifies a page. Graph was seen to repeat a page under links that differ in order or
/// detail, so its token counts where there is one.
fn link_key(url: &Url) -> blake3::Hash {
    let token = url
        .query_pairs()
        .find(|(name, _)| name.eq_ignore_ascii_case("$skiptoken"))
        .map(|(_, token)| token);
    blake3::hash(token.as_deref().unwrap_or(url.as_str()).as_bytes())
}

/// Reads the envelope of a page.
fn open(dataset: Dataset, answer: Answer) -> Result<Fetched, Stop> {
    let id = problem::id_of(&answer);
    let bad = |what: &str| Stop::Error(Error::Problem(problem::bad_response(dataset, id, what)));
    let body = String::from_utf8(answer.body).map_err(|_| bad("its text is not UTF-8"))?;
    let envelope = match wire::Envelope::read(&body) {
        Ok(envelope) => envelope,
        Err(what) => return Err(bad(what)),
    };
    let rows = envelope.rows(&body);
    let next_link = envelope.next_link.map(String::from);
    Ok(Fetched {
        body,
        rows,
        next_link,
    })
}

/// Reads the rows of a page, each for itself: a bad one does not spoil the others.
fn decode<T: Row>(body: &str, rows: &[Range<usize>]) -> Rows<T> {
    let mut page = Rows::default();
    page.rows.reserve_exact(rows.len());
    for json in rows.iter().filter_map(|range| body.get(range.clone())) {
        match read_row(json) {
            Ok(row) => page.rows.push(row),
            Err(reason) => page.quarantined.push(Quarantined {
                reason,
                id: wire::row_id(json, T::ID),
            }),
        }
    }
    page
}

fn read_row<T: Row>(json: &str) -> Result<T, String> {
    T::read(json).or_else(|reason| match wire::without_lone_surrogates(json) {
        Some(mended) => T::read(&mended),
        None => Err(reason),
    })
}
