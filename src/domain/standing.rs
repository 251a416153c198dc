//! What is known of a dataset besides its rows: how old it is, how far it reaches, where to go on.

use jiff::Timestamp;
use jiff::civil::Date;

use super::group::Memberships;
use super::ids::ObjectId;
use super::sync_run::Dataset;
use super::usage::Period;

/// The standing of one dataset of a tenant. It is written together with the rows, so that it never
/// speaks of rows that were not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub dataset: Dataset,
    /// When it was last read whole, or brought up to date.
    pub as_of: Option<Timestamp>,
    /// How many rows the last whole reading had.
    pub rows: u64,
    /// Where changes are asked for in between: when everything was last read whole.
    pub whole_at: Option<Timestamp>,
    /// A change was told that could not be read: only a whole reading makes up for it.
    pub has_gaps: bool,
    /// Where Microsoft tells the next changes (`@odata.deltaLink`).
    pub delta_link: Option<String>,
    /// A report says that the tenant conceals names.
    pub is_concealed: bool,
    /// What was fetched of a report, newest first.
    pub fetches: Vec<Fetch>,
    /// Of a report: the refresh date of the last answer that was whole. Whoever is not in that answer
    /// had shown nothing by then; later answers may have lost people.
    pub reaches: Option<Date>,
    /// Of a log: the spans that were read, newest first; they neither meet nor overlap.
    pub covered: Vec<Span>,
    /// Of a log: hashes of the ids of the latest entries, against counting one twice.
    pub recent: Vec<u64>,
    /// Of users: names that people no longer have and reports may still use, newest first.
    pub former_names: Vec<FormerName>,
    /// Of groups: members whom the users do not tell, the latest first.
    pub absent_members: Vec<AbsentMember>,
    /// Of users: since when no name was lost without being kept among the former ones.
    pub names_since: Option<Timestamp>,
}

impl Standing {
    /// Of a dataset that was never read.
    pub fn new(dataset: Dataset) -> Self {
        Self {
            dataset,
            as_of: None,
            rows: 0,
            whole_at: None,
            has_gaps: false,
            delta_link: None,
            is_concealed: false,
            fetches: Vec::new(),
            reaches: None,
            covered: Vec::new(),
            recent: Vec::new(),
            former_names: Vec::new(),
            absent_members: Vec::new(),
            names_since: None,
        }
    }

    /// `Report Refresh Date`: the day up to which a report of this period tells. The latest of all
    /// periods for a report without one.
    pub fn reported_on(&self, period: Option<Period>) -> Option<Date> {
        let of_period = |fetch: &&Fetch| match fetch.what {
            Fetched::Period(own) => period.is_none_or(|period| own == period),
            Fetched::Whole => true,
            Fetched::Day(_) => false,
        };
        let fetches = self.fetches.iter().filter(of_period);
        fetches.filter_map(|fetch| fetch.reported_on).max()
    }

    /// Since when a log is known without a gap; `None` before it was read.
    pub fn known_since(&self) -> Option<Timestamp> {
        self.covered.first().map(|span| span.from)
    }
}

/// One answer of a usage report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// What was asked for.
    pub what: Fetched,
    /// When.
    pub at: Timestamp,
    /// The refresh date it gave; `None` when it had no rows.
    pub reported_on: Option<Date>,
    /// `ETag`, where Microsoft gave one.
    pub etag: Option<String>,
}

/// Which part of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fetched {
    /// `period='D7'`
    Period(Period),
    /// `date=2026-11-01`
    Day(Date),
    /// A report without an argument.
    Whole,
}

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Inclusive.
    pub from: Timestamp,
    /// Inclusive.
    pub until: Timestamp,
}

/// A user principal name that somebody had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerName {
    /// The name, folded.
    pub name: String,
    /// Who had it.
    pub object_id: ObjectId,
    /// When we saw that it was gone.
    pub until: Timestamp,
}

/// A member of groups who is no user: not yet, or no longer. Groups keep whoever is removed for as long
/// as it can be restored, and do not tell its memberships again when it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentMember {
    /// Who, and in which groups.
    pub memberships: Memberships,
    /// When it was last told, or when the user went.
    pub since: Timestamp,
}
