//! Changes of licenses and roles, from the directory's audit log.

use jiff::Timestamp;

use super::ids::ObjectId;

/// What the audit log says was changed about a user, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryChanges {
    /// The user who was changed.
    pub object_id: ObjectId,
    /// Newest first, at most [`DirectoryChanges::KEPT`]; never empty.
    pub changes: Vec<DirectoryChange>,
}

impl DirectoryChanges {
    /// So many changes of a user are kept; older ones are forgotten.
    pub const KEPT: usize = 50;
}

/// One entry of the audit log: Graph's `directoryAudit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryChange {
    /// `activityDateTime`.
    pub at: Timestamp,
    /// What kind of change.
    pub kind: DirectoryChangeKind,
    /// `activityDisplayName`, such as "Change user license".
    pub activity: String,
    /// `result`: true for success, false for failure or timeout; `None` where Microsoft says neither.
    pub succeeded: Option<bool>,
    /// `initiatedBy`: the user's id, where a user did it.
    pub by_user: Option<ObjectId>,
    /// `initiatedBy.app.displayName`, where an application did it.
    pub by_application: Option<String>,
}

/// What an entry of the audit log is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DirectoryChangeKind {
    /// Licenses of a user.
    License,
    /// Directory roles of a user.
    Role,
}
