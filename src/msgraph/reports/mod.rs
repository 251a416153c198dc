//! Usage reports: CSV behind a redirect, or Copilot's, which comes at once.
//!
//! A report is asked for, downloaded and read here, and no more: whose a row is, and what several
//! reports together say of a person, is for the one who asked.

/// One cell of a report.
mod cells;
/// The way from Graph's answer to the bytes of a report.
mod download;
/// What a whole report says.
mod read;
/// Where each row of the text begins and ends.
mod records;
/// What each report is called and which columns it has.
mod table;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use reqwest::header::HeaderValue;

use super::client::{Client, Error};
use super::meter::Meter;
use super::paging::Quarantined;
use super::problem;
use super::retry::{Call, TRIES_MAX};
use crate::domain::ids::ObjectId;
use crate::domain::standing::Fetched;
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::domain::usage::{MailboxType, Values};

pub(super) use read::read_report;
pub use table::report_has_sums;

/// What asking for a report gave.
#[derive(Debug)]
pub enum ReportAnswer {
    /// Nothing is new since the answer that had the `ETag`.
    Unchanged,
    /// The report.
    Report(Report),
}

/// A usage report as it was read.
#[derive(Debug, Default)]
pub struct Report {
    /// `Report Refresh Date`, the latest of all rows; `None` when the report has no rows.
    pub reported_on: Option<Date>,
    /// `ETag`, where Microsoft gave one.
    pub etag: Option<String>,
    /// Names are concealed, at least most of them: whom the report is about is not told.
    pub is_concealed: bool,
    /// In Microsoft's order. Where a report tells of a user in parts, they are one row here; else two
    /// rows under one name stand as they are, since nobody knows which of them is right.
    pub rows: Vec<ReportRow>,
    /// Rows that could not be read.
    pub quarantined: Vec<Quarantined>,
}

/// One row of a usage report: a user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRow {
    /// Whose.
    pub who: ReportKey,
    /// `Is Deleted`, or Viva Engage's state deleted: the person has gone.
    pub is_deleted: bool,
    /// `Last Activity Date`; in the report of active users, which has none, the latest of all its
    /// services.
    pub last_active_on: Option<Date>,
    /// The numbers of the row.
    pub values: Values,
    /// `Recipient Type`, where the report has it.
    pub mailbox_type: Option<MailboxType>,
}

/// By what a row tells whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportKey {
    /// The object id; only Teams tells it.
    Id(ObjectId),
    /// The user principal name as Microsoft wrote it.
    PrincipalName(String),
    /// Somebody whose name is concealed.
    Concealed,
    /// None of these: a resource mailbox.
    Nobody,
}

impl Client {
    /// One report of one period or day; `etag` is that of an earlier answer to the same question.
    ///
    /// Waits for Microsoft's limit on requests of one report where it has to; see
    /// [`requests_left`](Self::requests_left).
    pub async fn report(
        &self,
        dataset: Dataset,
        what: Fetched,
        etag: Option<&str>,
        meter: &Meter,
    ) -> Result<ReportAnswer, Error> {
        let path = table::path(dataset, what).ok_or_else(|| not_told(dataset))?;
        let call = Call {
            url: self.caller.endpoints.api(&path, None),
            dataset,
            accept: "*/*",
            is_advanced: false,
            if_none_match: etag.and_then(|etag| HeaderValue::from_str(etag).ok()),
            tries_max: TRIES_MAX,
            deadline: self.caller.timing.now() + self.caller.limits.time,
            meter: meter.clone(),
        };
        let Some(document) = download::document(&self.caller, &call).await? else {
            return Ok(ReportAnswer::Unchanged);
        };
        // Seconds for the largest: too long to hold a thread that answers queries.
        let read = tokio::task::spawn_blocking(move || read_report(dataset, what, &document.bytes));
        let mut report = match read.await {
            Ok(Ok(report)) => report,
            Ok(Err(what)) => {
                let problem = problem::bad_response(dataset, document.request_id, &what);
                return Err(Error::Problem(problem));
            }
            Err(_) => return Err(Error::Problem(panicked(dataset))),
        };
        report.etag = document.etag;
        Ok(ReportAnswer::Report(report))
    }

    /// How many requests for a report or a log may be sent now before Microsoft's limit makes the next
    /// one wait; `None` for a dataset whose requests it does not count one by one.
    pub fn requests_left(&self, dataset: Dataset) -> Option<usize> {
        let now = self.caller.timing.now();
        self.caller.quotas.left(dataset, now)
    }
}

fn not_told(dataset: Dataset) -> Error {
    let message = format!(
        "{} was asked for a part that Microsoft does not tell. Please report this line.",
        problem::path(dataset)
    );
    Error::Problem(Problem::new(ProblemKind::Internal, message))
}

fn panicked(dataset: Dataset) -> Problem {
    let message = format!(
        "{} could not be read because of a fault in Seatwise; please report it with the log.",
        problem::path(dataset)
    );
    Problem::new(ProblemKind::Internal, message)
}
