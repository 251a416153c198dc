//! A collection, page by page: one page ahead of the reader, and to an end even if Graph has none.

mod chain;
mod pages;

use std::borrow::Cow;
use std::time::Duration;

use reqwest::Url;
use uuid::Uuid;

pub(super) use chain::{Chain, PANICKED, RawPage, decode, link_key, open};
pub(super) use pages::Pages;

use super::origin::Endpoints;
use super::problem;
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};

/// What no real tenant needs: beyond any of these a dataset ends as too large.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Pages of one chain.
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

/// The most rows a page that Microsoft documents for directory objects.
pub(super) const PAGE_ROWS_MAX: u32 = 999;
/// The smallest page that is tried when Microsoft wants fewer rows.
pub(super) const PAGE_ROWS_MIN: u32 = 20;

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

/// What may come only once in a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A GUID.
    Id(Uuid),
    /// Another text, as its hash: texts are as long as Microsoft likes.
    Text(blake3::Hash),
}

impl Key {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(blake3::hash(text.as_bytes()))
    }
}

/// A row that pages are read into.
pub(super) trait Row: Sized + Send + 'static {
    /// Reads one element of `value`; the error names the property and never its value.
    fn read(json: &str) -> Result<Self, String>;
    /// The property that holds the key.
    const ID: &'static str;
    /// What may come only once in a collection.
    fn key(&self) -> Key;
}

/// What is asked of Graph to get a collection.
#[derive(Clone)]
pub(super) struct Query {
    pub(super) dataset: Dataset,
    pub(super) path: &'static str,
    /// The query without `$top`, as OData has it; may be empty.
    pub(super) query: Cow<'static, str>,
    /// Needs `ConsistencyLevel: eventual`, on every page.
    pub(super) is_advanced: bool,
    /// `$top` of the first try, halved as long as Graph complains; `None` where it is not taken.
    pub(super) page_rows: Option<u32>,
}

impl Query {
    fn url(&self, endpoints: &Endpoints) -> Url {
        let top = self.page_rows.map(|rows| format!("$top={rows}"));
        let parts = [Some(&*self.query), top.as_deref()];
        let parts: Vec<&str> = parts
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        let query = parts.join("&");
        endpoints.api(self.path, Some(&*query).filter(|query| !query.is_empty()))
    }
}
