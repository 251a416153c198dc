//! The sign-in log and the audit log, newest entries first.

use jiff::Timestamp;

use super::client::Client;
use super::directory::RowPages;
use super::meter::Meter;
use crate::domain::audit::DirectoryChange;
use crate::domain::ids::{ApplicationId, ObjectId};
use crate::domain::standing::Span;

/// An interactive sign-in: Graph's `signIn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// `id`.
    pub id: String,
    /// `createdDateTime`.
    pub at: Timestamp,
    /// `userId`.
    pub user: Option<ObjectId>,
    /// `appId`.
    pub application: Option<ApplicationId>,
    /// `appDisplayName`.
    pub application_name: Option<String>,
    /// `status.errorCode` is 0.
    pub succeeded: bool,
}

/// An entry of the audit log that is about licenses or roles of users: Graph's `directoryAudit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryAudit {
    /// `id`; not a GUID.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What was done; `None` for an entry that is about something else.
    pub change: Option<DirectoryChange>,
    /// `targetResources` that are users.
    pub users: Vec<ObjectId>,
}

impl Client {
    /// Sign-ins of a span, newest first: `GET /auditLogs/signIns`.
    pub fn sign_ins(&self, _span: Span, _meter: &Meter) -> RowPages<SignIn> {
        todo!()
    }

    /// Changes of a span, newest first: `GET /auditLogs/directoryAudits`.
    pub fn directory_audits(&self, _span: Span, _meter: &Meter) -> RowPages<DirectoryAudit> {
        todo!()
    }
}
