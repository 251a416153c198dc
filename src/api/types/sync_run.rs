//! Sync runs and the datasets they read.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::reading::Reading;
use super::tenant::Tenant;
use crate::api::error::Error;
use crate::api::ids::GlobalId;
use crate::api::scalars::{DateTime, int};
use crate::domain::sync_run;

/// One run as it stood at one moment; the schema's description is on its `Object`.
pub(crate) struct SyncRun {
    reading: Arc<Reading>,
    run: sync_run::SyncRun,
}

impl SyncRun {
    pub(crate) fn new(reading: Arc<Reading>, run: sync_run::SyncRun) -> Self {
        Self { reading, run }
    }
}

/// One attempt to read a tenant from Microsoft Graph. The newest 5,000 of a tenant are kept, failed
/// ones too. Its facts show all at once when it ends COMPLETE or PARTIAL, and until then those of the
/// run before are served.
#[Object]
impl SyncRun {
    /// Opaque and unique among all types; `node(id:)` takes it.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::SyncRun(self.run.tenant.clone(), self.run.id).to_id()
    }

    /// Whose data.
    async fn tenant(&self) -> Result<Tenant, Error> {
        self.reading.tenant_of_node(&self.run.tenant)
    }

    /// Why it began.
    async fn trigger(&self) -> SyncTrigger {
        self.run.trigger.into()
    }

    /// Where it stands.
    async fn state(&self) -> SyncState {
        self.run.state.into()
    }

    /// When it was asked for.
    async fn started_at(&self) -> DateTime {
        DateTime(self.run.started_at)
    }

    /// When it ended, however it did. Null until then.
    async fn finished_at(&self) -> Option<DateTime> {
        self.run.finished_at.map(DateTime)
    }

    /// How much is done, 0 to 1. Null while the total is not known.
    async fn progress(&self) -> Option<f64> {
        self.run.progress
    }

    /// Why the whole run failed and what to do: a refused sign-in, a full disk. Each dataset that it
    /// stopped says so too. Null when it did not fail.
    async fn problem(&self) -> Option<String> {
        self.run.problem.as_ref().map(ToString::to_string)
    }

    /// What was read, one entry a dataset.
    async fn datasets(&self) -> Vec<DatasetRun> {
        self.run.datasets.iter().map(DatasetRun::from).collect()
    }
}

/// Why a run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "sync_run::SyncTrigger")]
pub(crate) enum SyncTrigger {
    /// The tenant was never read.
    First,
    /// The schedule was due.
    Schedule,
    /// Somebody asked.
    Manual,
    /// The schedule was due while the server was down.
    CatchUp,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "sync_run::SyncState")]
pub(crate) enum SyncState {
    /// Asked for, not begun.
    Queued,
    /// Reading.
    Running,
    /// Everything was read and is served.
    Complete,
    /// Some dataset failed and kept its older facts; the rest is new and served.
    Partial,
    /// Nothing of it is served; `problem` says why.
    Failed,
    /// Stopped by `cancelSync`; nothing of it is served.
    Canceled,
}

/// What is read from Microsoft Graph as one whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "sync_run::Dataset")]
pub(crate) enum Dataset {
    /// The organization: its name and domains.
    Organization,
    /// The users, with managers and assigned licenses.
    Users,
    /// The groups, with members and the licenses they assign.
    Groups,
    /// The licenses, with seats and service plans.
    Licenses,
    /// The purchases of licenses.
    Subscriptions,
    /// When each user signed in last.
    SignInActivity,
    /// The sign-in log: which applications people sign in to.
    SignIns,
    /// The audit log: changes of licenses and roles.
    DirectoryAudits,
    /// The report of active users.
    ActiveUsers,
    /// The report of mails and meetings.
    EmailActivity,
    /// The report of mailboxes and their sizes.
    MailboxUsage,
    /// The report of Teams.
    TeamsActivity,
    /// The report of OneDrive.
    #[graphql(name = "ONEDRIVE_ACTIVITY")]
    OneDriveActivity,
    /// The report of OneDrive storage.
    #[graphql(name = "ONEDRIVE_USAGE")]
    OneDriveUsage,
    /// The report of SharePoint.
    #[graphql(name = "SHAREPOINT_ACTIVITY")]
    SharePointActivity,
    /// The report of Viva Engage, once Yammer.
    VivaEngageActivity,
    /// The report of Microsoft 365 Apps.
    AppsUsage,
    /// The report of activated Microsoft 365 Apps.
    AppsActivations,
    /// The report of Microsoft 365 Copilot.
    CopilotUsage,
}

/// The part of a run that reads one dataset.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct DatasetRun {
    /// Which facts.
    dataset: Dataset,
    /// Where it stands.
    state: DatasetState,
    /// Rows read.
    rows: i32,
    /// Rows that could not be read and were left out.
    quarantined_rows: i32,
    /// Rows of a usage report that belong to nobody we know: deleted or renamed people.
    unmatched_rows: i32,
    /// Requests sent to Microsoft, repeated ones included.
    requests: i32,
    /// Requests that Microsoft answered with a wait instead of data.
    throttled_requests: i32,
    /// When its first request was sent; null until then.
    started_at: Option<DateTime>,
    /// When it ended, however it did; null until then.
    finished_at: Option<DateTime>,
    /// What went wrong and what to do, with Microsoft's request id; null when nothing did.
    problem: Option<String>,
}

impl From<&sync_run::DatasetRun> for DatasetRun {
    fn from(part: &sync_run::DatasetRun) -> Self {
        Self {
            dataset: part.dataset.into(),
            state: part.state.into(),
            rows: int(part.rows),
            quarantined_rows: int(part.quarantined_rows),
            unmatched_rows: int(part.unmatched_rows),
            requests: int(part.requests),
            throttled_requests: int(part.throttled_requests),
            started_at: part.started_at.map(DateTime),
            finished_at: part.finished_at.map(DateTime),
            problem: part.problem.as_ref().map(ToString::to_string),
        }
    }
}

/// Where a dataset of a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "sync_run::DatasetState")]
pub(crate) enum DatasetState {
    /// Not begun.
    Waiting,
    /// Being read.
    Running,
    /// Read whole.
    Complete,
    /// Read whole; nothing differs from what is served.
    Unchanged,
    /// Not read in this run.
    Skipped,
    /// Not read; its older facts are served.
    Failed,
}
