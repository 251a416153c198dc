//! A span of a log, page by page and newest first.
//!
//! No page is asked for ahead: Microsoft allows one every two seconds, and who reads a log may have
//! enough of it at any page.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use reqwest::Url;
use tokio::time::Instant;

use crate::domain::standing::Span;
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::msgraph::client::Error;
use crate::msgraph::meter::Meter;
use crate::msgraph::paging::{Key, RawPage, Rows, link_key, open};
use crate::msgraph::problem;
use crate::msgraph::retry::{Call, Caller, Stop, TRIES_MAX, untrusted_link};

/// The page size that is asked for first: the most that Microsoft documents for logs.
const PAGE_ROWS_MAX: u32 = 1_000;
/// The smallest that is tried when Microsoft wants fewer.
const PAGE_ROWS_MIN: u32 = 20;

/// How often a span is shortened to what Microsoft says that it keeps. Once is enough, unless the
/// beginning moves on meanwhile.
const BEGINNINGS_MAX: u32 = 3;

/// A log and how it is asked for.
pub(super) struct Log<T> {
    pub(super) dataset: Dataset,
    pub(super) path: &'static str,
    /// The property with the time of an entry.
    pub(super) time: &'static str,
    /// What the entries must be besides, in OData's words.
    pub(super) only: Option<&'static str>,
    pub(super) select: &'static str,
    /// Reads the rows of a page.
    pub(super) decode: fn(&str, &[Range<usize>]) -> Rows<T>,
    /// What may come only once.
    pub(super) key: fn(&T) -> Key,
}

/// The pages of a log, newest entries first.
pub struct LogPages<T: 'static> {
    caller: Arc<Caller>,
    log: &'static Log<T>,
    span: Span,
    meter: Meter,
    page_rows: u32,
    next: Next,
    /// Everything must be read by then; set by the first request.
    deadline: Option<Instant>,
    /// Since when Microsoft keeps the log, once it has complained.
    begins_at: Option<Timestamp>,
    beginnings: u32,
    links: HashSet<blake3::Hash>,
    keys: HashSet<Key>,
    rows: usize,
}

/// What is asked for next.
#[derive(Clone)]
enum Next {
    First,
    Link(Url),
    /// There is no more, or it failed.
    Over,
}

impl<T: Send + 'static> LogPages<T> {
    pub(super) fn new(caller: Arc<Caller>, log: &'static Log<T>, span: Span, meter: Meter) -> Self {
        Self {
            caller,
            log,
            span,
            meter,
            page_rows: PAGE_ROWS_MAX,
            next: Next::First,
            deadline: None,
            begins_at: None,
            beginnings: 0,
            links: HashSet::new(),
            keys: HashSet::new(),
            rows: 0,
        }
    }

    /// The next page; `None` after the last, and after an error. An entry that came before is left
    /// out. A future that is dropped loses nothing: the same page is asked for again.
    pub async fn next(&mut self) -> Result<Option<Rows<T>>, Error> {
        match self.next_or_stop().await {
            Ok(page) => Ok(page),
            Err(stop) => {
                self.next = Next::Over;
                Err(stop.on_page(self.links.len() + 1).into())
            }
        }
    }

    /// Since when Microsoft keeps the log, where that is later than the beginning of the span: what is
    /// before it will never be told. Known once Microsoft has said so, at the first page usually.
    pub fn begins_at(&self) -> Option<Timestamp> {
        self.begins_at
    }

    async fn next_or_stop(&mut self) -> Result<Option<Rows<T>>, Stop> {
        loop {
            let url = match &self.next {
                Next::First => self.first(),
                Next::Link(url) => url.clone(),
                Next::Over => return Ok(None),
            };
            let call = self.call(url);
            match self.caller.get(&call).await {
                Ok(answer) => {
                    let page = open(self.log.dataset, answer)?;
                    return self.take(page).await.map(Some);
                }
                Err(Stop::SmallerPages(_)) if self.can_shrink() => {
                    self.page_rows = (self.page_rows / 2).max(PAGE_ROWS_MIN);
                }
                Err(Stop::TooEarly { begins_at, problem }) => self.begin_at(begins_at, problem)?,
                Err(stop) => return Err(stop),
            }
        }
    }

    /// The first page of what is left of the span.
    fn first(&self) -> Url {
        let Log {
            path, time, select, ..
        } = self.log;
        let Span { from, until } = self.span;
        let top = self.page_rows;
        let only = self.log.only.map(|only| format!(" and {only}"));
        let only = only.unwrap_or_default();
        let query = format!(
            "$filter={time} ge {from} and {time} le {until}{only}&$orderby={time} desc&$select={select}&$top={top}"
        );
        self.caller.endpoints.api(path, Some(&query))
    }

    fn call(&mut self, url: Url) -> Call {
        let end = self.caller.timing.now() + self.caller.limits.time;
        Call {
            url,
            dataset: self.log.dataset,
            accept: "application/json",
            is_advanced: false,
            if_none_match: None,
            tries_max: TRIES_MAX,
            deadline: *self.deadline.get_or_insert(end),
            meter: self.meter.clone(),
        }
    }

    fn can_shrink(&self) -> bool {
        matches!(self.next, Next::First) && self.page_rows > PAGE_ROWS_MIN
    }

    /// Shortens the span to what Microsoft keeps: the end of what is there is no failure.
    fn begin_at(&mut self, begins_at: Timestamp, problem: Problem) -> Result<(), Stop> {
        self.beginnings += 1;
        if self.beginnings > BEGINNINGS_MAX || begins_at <= self.span.from {
            // It said so before, or complains of a beginning that nobody asked for.
            return Err(Stop::Error(Error::Problem(problem)));
        }
        self.begins_at = Some(begins_at);
        self.span.from = begins_at;
        let is_nothing_left = begins_at > self.span.until;
        // A later page has told all that was there.
        if is_nothing_left || matches!(self.next, Next::Link(_)) {
            self.next = Next::Over;
        }
        Ok(())
    }

    /// Reads the rows of a page that came, and notes where the next one is.
    async fn take(&mut self, page: RawPage) -> Result<Rows<T>, Stop> {
        self.rows = self.rows.saturating_add(page.rows.len());
        if self.rows > self.caller.limits.rows {
            return Err(self.problem(ProblemKind::TooLarge, "has more rows than any tenant"));
        }
        let next = match &page.next_link {
            Some(link) => Next::Link(self.check_link(link)?),
            None => Next::Over,
        };
        let (body, ranges) = (page.body, page.rows);
        // Milliseconds for a full page: too long to hold a thread that answers queries.
        let decode = self.log.decode;
        let decoded = tokio::task::spawn_blocking(move || decode(&body, &ranges)).await;
        let mut page = decoded.map_err(|_| {
            let what =
                "could not be read because of a fault in Seatwise; please report it with the log";
            self.problem(ProblemKind::Internal, what)
        })?;
        // Entries arrive late and move the ones after them to the next page.
        page.rows
            .retain(|row| self.keys.insert((self.log.key)(row)));
        self.next = next;
        Ok(page)
    }

    /// Whether a link may be followed: to Graph, not twice, and not without end.
    fn check_link(&mut self, link: &str) -> Result<Url, Stop> {
        let dataset = self.log.dataset;
        let Ok(url) = self.caller.endpoints.follow(link) else {
            return Err(Stop::Error(Error::Problem(untrusted_link(dataset))));
        };
        if !self.links.insert(link_key(&url)) {
            let what = "linked to a page that it had linked to before, so it would never end. It usually passes by itself";
            return Err(self.problem(ProblemKind::Loop, what));
        }
        if self.links.len() > self.caller.limits.pages {
            return Err(self.problem(ProblemKind::TooLarge, "has more pages than any tenant"));
        }
        Ok(url)
    }

    fn problem(&self, kind: ProblemKind, what: &str) -> Stop {
        let message = format!("{} {what}.", problem::path(self.log.dataset));
        Stop::Error(Error::Problem(Problem::new(kind, message)))
    }
}
