//! What a run does with usage reports and logs: what to ask for, whose a row is, what changes.
//!
//! Reading and applying are two steps, since reports arrive while the users are still being read, and
//! a row can be joined only to a directory that is complete. What waits in between is kept small.
//! Nothing here decides whether a dataset may be published; that is for the run.

mod answer;
mod audits;
mod combine;
mod due;
mod join;
mod log;
mod packed;
mod report;
mod sign_ins;
mod spans;
#[cfg(test)]
mod tests;

use crate::domain::standing::Standing;

pub(super) use self::audits::read_directory_audits;
pub(super) use self::due::due;
pub(super) use self::join::Joiner;
pub(super) use self::log::{Entry, LogReading};
pub(super) use self::report::{ReportReading, read_report};
pub(super) use self::sign_ins::read_sign_ins;

/// What applying a reading came to.
#[derive(Debug)]
pub(in crate::sync) struct Applied {
    /// Rows of nobody we know: deleted or renamed people, or names that two may have meant.
    pub(in crate::sync) unmatched: u64,
    /// Facts and days that are new, changed or gone.
    pub(in crate::sync) changed: u64,
    /// To be stored in the same commit.
    pub(in crate::sync) standing: Standing,
}
