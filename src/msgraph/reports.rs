//! Usage reports: CSV behind a redirect, or Copilot's, which comes at once.

use jiff::civil::Date;

use super::client::{Client, Error};
use super::meter::Meter;
use super::paging::Quarantined;
use crate::domain::ids::ObjectId;
use crate::domain::standing::Fetched;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{MailboxType, Values};

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
    /// `Report Refresh Date`; `None` when the report has no rows.
    pub reported_on: Option<Date>,
    /// `ETag`, where Microsoft gave one.
    pub etag: Option<String>,
    /// Names are concealed: no row can be joined to anybody.
    pub is_concealed: bool,
    /// In Microsoft's order.
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
    /// `Last Activity Date`.
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
    /// Neither: a resource mailbox.
    Nobody,
}

impl Client {
    /// One report of one period or day; `etag` is that of an earlier answer to the same question.
    pub async fn report(
        &self,
        _dataset: Dataset,
        _what: Fetched,
        _etag: Option<&str>,
        _meter: &Meter,
    ) -> Result<ReportAnswer, Error> {
        todo!()
    }
}
