//! One chain of pages: from a first request along the links that Graph hands out.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use reqwest::Url;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{PAGE_ROWS_MIN, Quarantined, Query, Row, Rows};
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::msgraph::client::Error;
use crate::msgraph::http::Answer;
use crate::msgraph::meter::Meter;
use crate::msgraph::problem;
use crate::msgraph::retry::{Call, Caller, Stop, TRIES_MAX, untrusted_link};
use crate::msgraph::wire;

/// The pages of one chain, as they come. Whoever reads says when the next one is asked for: before
/// this one is decoded, unless it may not be wanted. Ends with what it asked for.
pub(in crate::msgraph) struct Chain {
    caller: Arc<Caller>,
    query: Query,
    meter: Meter,
    /// The whole must be read by then.
    deadline: Instant,
    /// The page that is being fetched; never more than one.
    ahead: JoinSet<Result<RawPage, Stop>>,
    links: HashSet<blake3::Hash>,
}

/// A page whose envelope is read and whose rows are not.
pub(in crate::msgraph) struct RawPage {
    pub(in crate::msgraph) body: String,
    /// Where in the body each row lies.
    pub(in crate::msgraph) rows: Vec<Range<usize>>,
    pub(in crate::msgraph) next_link: Option<String>,
    pub(in crate::msgraph) delta_link: Option<String>,
    /// How many rows there are in all; only a first page says so.
    pub(in crate::msgraph) count: Option<u64>,
    /// The page size that a first page was got with.
    pub(in crate::msgraph) page_rows: Option<u32>,
}

impl Chain {
    /// Asks for the first page.
    pub(in crate::msgraph) fn begin(
        caller: Arc<Caller>,
        query: Query,
        meter: Meter,
        deadline: Instant,
    ) -> Self {
        let mut chain = Self::new(caller, query, meter, deadline);
        let url = chain.query.url(&chain.caller.endpoints);
        chain.links.insert(link_key(&url));
        let (caller, query) = (chain.caller.clone(), chain.query.clone());
        let call = chain.call(url);
        chain
            .ahead
            .spawn(async move { fetch_first(&caller, query, call).await });
        chain
    }

    /// Asks for the page of a link that was kept.
    pub(in crate::msgraph) fn resume(
        caller: Arc<Caller>,
        query: Query,
        meter: Meter,
        deadline: Instant,
        link: &str,
    ) -> Result<Self, Stop> {
        let mut chain = Self::new(caller, query, meter, deadline);
        chain.go_on(link)?;
        Ok(chain)
    }

    fn new(caller: Arc<Caller>, query: Query, meter: Meter, deadline: Instant) -> Self {
        Self {
            caller,
            query,
            meter,
            deadline,
            ahead: JoinSet::new(),
            links: HashSet::new(),
        }
    }

    /// The page that was asked for; `None` if none was, because the last one had no link.
    pub(in crate::msgraph) async fn arrive(&mut self) -> Result<Option<RawPage>, Stop> {
        match self.meter.unless_canceled(self.ahead.join_next()).await {
            None => Err(Stop::Error(Error::Canceled)),
            Some(None) => Ok(None),
            Some(Some(Ok(page))) => page
                .map(Some)
                .map_err(|stop| stop.on_page(self.links.len())),
            Some(Some(Err(_))) => Err(self.problem(ProblemKind::Internal, PANICKED)),
        }
    }

    /// Asks for the page of a link, if it may be followed: to Graph, not twice, and not without end.
    pub(in crate::msgraph) fn go_on(&mut self, link: &str) -> Result<(), Stop> {
        let Ok(url) = self.caller.endpoints.follow(link) else {
            let problem = untrusted_link(self.query.dataset);
            return Err(Stop::Error(Error::Problem(problem)));
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
        let (caller, call) = (self.caller.clone(), self.call(url));
        self.ahead.spawn(async move {
            let answer = caller.get(&call).await?;
            open(call.dataset, answer)
        });
        Ok(())
    }

    /// The rows of a page. Milliseconds for a full one: too long to hold a thread that answers queries.
    pub(in crate::msgraph) async fn decode<T: Row>(&self, page: RawPage) -> Result<Rows<T>, Stop> {
        let decoded = tokio::task::spawn_blocking(move || decode(&page.body, &page.rows)).await;
        decoded.map_err(|_| self.problem(ProblemKind::Internal, PANICKED))
    }

    pub(in crate::msgraph) fn problem(&self, kind: ProblemKind, what: &str) -> Stop {
        let message = format!("{} {what}.", problem::path(self.query.dataset));
        Stop::Error(Error::Problem(Problem::new(kind, message)))
    }

    fn call(&self, url: Url) -> Call {
        Call {
            url,
            dataset: self.query.dataset,
            accept: "application/json",
            is_advanced: self.query.is_advanced,
            if_none_match: None,
            tries_max: TRIES_MAX,
            deadline: self.deadline,
            meter: self.meter.clone(),
        }
    }
}

impl RawPage {
    /// How many rows it has, readable or not.
    pub(in crate::msgraph) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Ends a sentence that begins with the dataset.
pub(in crate::msgraph) const PANICKED: &str =
    "could not be read because of a fault in Seatwise; please report it with the log";

/// The first page. Microsoft's limits on its size vary, so it is halved as long as Graph complains;
/// the links carry the size on.
async fn fetch_first(caller: &Caller, mut query: Query, mut call: Call) -> Result<RawPage, Stop> {
    loop {
        let answer = caller.get(&call).await;
        match (answer, query.page_rows) {
            (Err(Stop::SmallerPages(_)), Some(rows)) if rows > PAGE_ROWS_MIN => {
                query.page_rows = Some((rows / 2).max(PAGE_ROWS_MIN));
                call.url = query.url(&caller.endpoints);
            }
            (answer, page_rows) => {
                let page = open(call.dataset, answer?)?;
                return Ok(RawPage { page_rows, ..page });
            }
        }
    }
}

/// What identifies a page. Graph was seen to repeat a page under links that differ in order or
/// detail, so its token counts where there is one.
pub(in crate::msgraph) fn link_key(url: &Url) -> blake3::Hash {
    let token = url
        .query_pairs()
        .find(|(name, _)| name.eq_ignore_ascii_case("$skiptoken"))
        .map(|(_, token)| token);
    blake3::hash(token.as_deref().unwrap_or(url.as_str()).as_bytes())
}

/// Reads the envelope of a page.
pub(in crate::msgraph) fn open(dataset: Dataset, answer: Answer) -> Result<RawPage, Stop> {
    let id = problem::id_of(&answer);
    let bad = |what: &str| Stop::Error(Error::Problem(problem::bad_response(dataset, id, what)));
    let body = String::from_utf8(answer.body).map_err(|_| bad("its text is not UTF-8"))?;
    let envelope = match wire::Envelope::read(&body) {
        Ok(envelope) => envelope,
        Err(what) => return Err(bad(what)),
    };
    let rows = envelope.rows(&body);
    let count = envelope.count();
    let next_link = envelope.next_link.map(String::from);
    let delta_link = envelope.delta_link.map(String::from);
    Ok(RawPage {
        body,
        rows,
        next_link,
        delta_link,
        count,
        page_rows: None,
    })
}

/// Reads the rows of a page, each for itself: a bad one does not spoil the others.
pub(in crate::msgraph) fn decode<T: Row>(body: &str, rows: &[Range<usize>]) -> Rows<T> {
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
