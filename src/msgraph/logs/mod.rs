//! The sign-in log and the audit log, newest entries first.

/// One entry of each log.
mod entries;
/// The pages of a log.
mod pages;

use jiff::Timestamp;

use super::client::Client;
use super::meter::Meter;
use super::paging::{Row, decode};
use crate::domain::audit::DirectoryChange;
use crate::domain::ids::{ApplicationId, ObjectId};
use crate::domain::standing::Span;
use crate::domain::sync_run::Dataset;

use pages::Log;
pub use pages::LogPages;

/// An interactive sign-in: Graph's `signIn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// `id`.
    pub id: String,
    /// `createdDateTime`.
    pub at: Timestamp,
    /// `userId`; `None` where Microsoft knew nobody by the name that was typed.
    pub user: Option<ObjectId>,
    /// `appId`.
    pub application: Option<ApplicationId>,
    /// `appDisplayName`.
    pub application_name: Option<String>,
    /// `status.errorCode` is 0. What Microsoft says nothing of is not taken for a success.
    pub succeeded: bool,
}

/// An entry of the audit log: Graph's `directoryAudit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryAudit {
    /// `id`; not a GUID.
    pub id: String,
    /// `activityDateTime`.
    pub at: Timestamp,
    /// What was done, for an entry about licenses or directory roles; `None` for one about something
    /// else.
    pub change: Option<DirectoryChange>,
    /// `targetResources` that are users.
    pub users: Vec<ObjectId>,
}

/// `GET /auditLogs/signIns`. Version 1.0 of Graph tells interactive sign-ins only.
static SIGN_INS: Log<SignIn> = Log {
    dataset: Dataset::SignIns,
    path: "auditLogs/signIns",
    time: "createdDateTime",
    // Only a success shows that somebody uses something; failures may be a third of the log.
    only: Some("status/errorCode eq 0"),
    select: "id,createdDateTime,userId,appId,appDisplayName,status",
    decode: decode::<SignIn>,
    key: SignIn::key,
};

/// `GET /auditLogs/directoryAudits`
static DIRECTORY_AUDITS: Log<DirectoryAudit> = Log {
    dataset: Dataset::DirectoryAudits,
    path: "auditLogs/directoryAudits",
    time: "activityDateTime",
    only: None,
    select: "id,activityDateTime,activityDisplayName,category,result,initiatedBy,targetResources",
    decode: decode::<DirectoryAudit>,
    key: DirectoryAudit::key,
};

impl Client {
    /// Successful sign-ins of a span, newest first: `GET /auditLogs/signIns`. Both logs together are asked five
    /// times in ten seconds at most, which is what Microsoft allows.
    pub fn sign_ins(&self, span: Span, meter: &Meter) -> LogPages<SignIn> {
        LogPages::new(self.caller.clone(), &SIGN_INS, span, meter.clone())
    }

    /// Changes of a span, newest first: `GET /auditLogs/directoryAudits`.
    pub fn directory_audits(&self, span: Span, meter: &Meter) -> LogPages<DirectoryAudit> {
        LogPages::new(self.caller.clone(), &DIRECTORY_AUDITS, span, meter.clone())
    }
}
