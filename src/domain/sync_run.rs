//! One attempt to read a tenant, and what became of it.

use jiff::Timestamp;

use super::ids::{RunId, TenantKey};

/// One attempt to read a tenant from Microsoft Graph. The ledger has every one, however it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncRun {
    /// Sorts by start.
    pub id: RunId,
    /// Whose data.
    pub tenant: TenantKey,
    /// Why it began.
    pub trigger: SyncTrigger,
    /// Where it stands.
    pub state: SyncState,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// When it ended, however it did.
    pub finished_at: Option<Timestamp>,
    /// 0 to 1; `None` while the total is not known.
    pub progress: Option<f64>,
    /// Why the whole run failed and what to do.
    pub problem: Option<Problem>,
    /// One entry a dataset, in the order of [`Dataset::ALL`].
    pub datasets: Vec<DatasetRun>,
}

impl SyncRun {
    /// A run that was asked for and has not begun to read.
    pub fn queued(id: RunId, tenant: TenantKey, trigger: SyncTrigger, now: Timestamp) -> Self {
        Self {
            id,
            tenant,
            trigger,
            state: SyncState::Queued,
            started_at: now,
            finished_at: None,
            progress: None,
            problem: None,
            datasets: Dataset::ALL.map(DatasetRun::waiting).to_vec(),
        }
    }

    /// The part of the run that reads `dataset`.
    pub fn dataset(&self, dataset: Dataset) -> Option<&DatasetRun> {
        self.datasets.iter().find(|part| part.dataset == dataset)
    }

    /// The part of the run that reads `dataset`, to be written to.
    pub fn dataset_mut(&mut self, dataset: Dataset) -> Option<&mut DatasetRun> {
        self.datasets
            .iter_mut()
            .find(|part| part.dataset == dataset)
    }
}

/// Why a run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SyncTrigger {
    /// The tenant was never read.
    First,
    /// The cron expression was due.
    Schedule,
    /// Somebody asked.
    Manual,
    /// Due times passed while the server was down.
    CatchUp,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SyncState {
    /// Asked for.
    Queued,
    /// Reading.
    Running,
    /// Everything was read and published.
    Complete,
    /// Published, but some dataset failed and kept its older facts.
    Partial,
    /// Nothing was published; readers still see the run before.
    Failed,
    /// Stopped by somebody; nothing was published.
    Canceled,
}

impl SyncState {
    /// Whether nothing will happen to the run any more.
    pub fn is_over(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Complete | Self::Partial | Self::Failed | Self::Canceled => true,
        }
    }

    /// Whether the run's facts are what readers got.
    pub fn is_published(self) -> bool {
        matches!(self, Self::Complete | Self::Partial)
    }
}

/// What is read from Microsoft Graph as one whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dataset {
    /// `/organization`
    Organization,
    /// `/users` and `/users/delta`
    Users,
    /// `/groups/delta`, members included
    Groups,
    /// `/subscribedSkus`
    Licenses,
    /// `/directory/subscriptions`
    Subscriptions,
    /// `signInActivity` of `/users`
    SignInActivity,
    /// `/auditLogs/signIns`
    SignIns,
    /// `/auditLogs/directoryAudits`
    DirectoryAudits,
    /// `getOffice365ActiveUserDetail`
    ActiveUsers,
    /// `getEmailActivityUserDetail`
    EmailActivity,
    /// `getMailboxUsageDetail`
    MailboxUsage,
    /// `getTeamsUserActivityUserDetail`
    TeamsActivity,
    /// `getOneDriveActivityUserDetail`
    OneDriveActivity,
    /// `getOneDriveUsageAccountDetail`
    OneDriveUsage,
    /// `getSharePointActivityUserDetail`
    SharePointActivity,
    /// `getYammerActivityUserDetail`
    VivaEngageActivity,
    /// `getM365AppUserDetail`
    AppsUsage,
    /// `getOffice365ActivationsUserDetail`
    AppsActivations,
    /// `getMicrosoft365CopilotUsageUserDetail`
    CopilotUsage,
}

impl Dataset {
    /// Every dataset, in the order in which a run lists them.
    pub const ALL: [Self; 19] = [
        Self::Organization,
        Self::Users,
        Self::Groups,
        Self::Licenses,
        Self::Subscriptions,
        Self::SignInActivity,
        Self::SignIns,
        Self::DirectoryAudits,
        Self::ActiveUsers,
        Self::EmailActivity,
        Self::MailboxUsage,
        Self::TeamsActivity,
        Self::OneDriveActivity,
        Self::OneDriveUsage,
        Self::SharePointActivity,
        Self::VivaEngageActivity,
        Self::AppsUsage,
        Self::AppsActivations,
        Self::CopilotUsage,
    ];

    /// The usage reports: CSV with a row a user.
    pub const REPORTS: [Self; 11] = [
        Self::ActiveUsers,
        Self::EmailActivity,
        Self::MailboxUsage,
        Self::TeamsActivity,
        Self::OneDriveActivity,
        Self::OneDriveUsage,
        Self::SharePointActivity,
        Self::VivaEngageActivity,
        Self::AppsUsage,
        Self::AppsActivations,
        Self::CopilotUsage,
    ];

    /// The word for logs, progress lines and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Licenses => "licenses",
            Self::Subscriptions => "subscriptions",
            Self::SignInActivity => "sign-in activity",
            Self::SignIns => "sign-ins",
            Self::DirectoryAudits => "directory audits",
            Self::ActiveUsers => "active users",
            Self::EmailActivity => "email activity",
            Self::MailboxUsage => "mailbox usage",
            Self::TeamsActivity => "Teams activity",
            Self::OneDriveActivity => "OneDrive activity",
            Self::OneDriveUsage => "OneDrive usage",
            Self::SharePointActivity => "SharePoint activity",
            Self::VivaEngageActivity => "Viva Engage activity",
            Self::AppsUsage => "apps usage",
            Self::AppsActivations => "apps activations",
            Self::CopilotUsage => "Copilot usage",
        }
    }

    /// Whether nothing can be published without it: who there is and what they may hold.
    pub fn is_essential(self) -> bool {
        matches!(self, Self::Users | Self::Licenses)
    }
}

/// The part of a run that reads one dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetRun {
    /// Which.
    pub dataset: Dataset,
    /// Where it stands.
    pub state: DatasetState,
    /// Rows read.
    pub rows: u64,
    /// Rows that could not be read and were left out.
    pub quarantined_rows: u64,
    /// Rows of a report that belong to nobody we know: deleted or renamed people.
    pub unmatched_rows: u64,
    /// Requests sent, repeated ones included.
    pub requests: u64,
    /// Requests that Microsoft answered with 429, or 503 and a time to wait.
    pub throttled_requests: u64,
    /// When its first request was sent.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What went wrong and what to do, with Microsoft's request id.
    pub problem: Option<Problem>,
}

impl DatasetRun {
    /// A dataset that has not begun.
    pub fn waiting(dataset: Dataset) -> Self {
        Self {
            dataset,
            state: DatasetState::Waiting,
            rows: 0,
            quarantined_rows: 0,
            unmatched_rows: 0,
            requests: 0,
            throttled_requests: 0,
            started_at: None,
            finished_at: None,
            problem: None,
        }
    }
}

/// Why a run or a dataset of it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// For programs.
    pub kind: ProblemKind,
    /// For people: what went wrong, what to do, and Microsoft's request id where there is one.
    /// Never a secret, never a person's data.
    pub message: String,
}

impl Problem {
    /// A problem of a kind, in words.
    pub fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.kind.code(), self.message)
    }
}

/// The kinds of failure that call for different remedies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The sign-in was refused; somebody has to consent again or correct the configuration.
    SignIn,
    /// Microsoft says that a permission is missing.
    Permission,
    /// The permission is there, but the account that signed in lacks a directory role.
    Role,
    /// Microsoft tells it only to tenants with Entra ID P1 or P2.
    NeedsPremium,
    /// The tenant conceals names in usage reports: nothing of it can be told of a person.
    Concealed,
    /// The tenant's cloud does not have it.
    UnsupportedCloud,
    /// More than half of the rows are gone: held back until a second run or somebody confirms it.
    Suspect,
    /// Microsoft still throttled after the last try.
    Throttled,
    /// Microsoft could not be reached or answered 5xx after the last try.
    Unreachable,
    /// An answer that is not what Graph promises: HTML, cut JSON, a wrong shape.
    BadResponse,
    /// Microsoft refused the request itself (4xx): a fault of this version.
    Refused,
    /// A link that leads away from the configured origin; it was not followed.
    UntrustedLink,
    /// The same page came twice.
    Loop,
    /// More pages, rows, bytes or time than any tenant needs.
    TooLarge,
    /// More than 1 % of the rows could not be read.
    Quarantine,
    /// The organization that answered is not the configured one.
    WrongTenant,
    /// The disk is full or nearly so.
    DiskFull,
    /// The store refused for another reason.
    Storage,
    /// The server stopped in the middle of the run.
    Interrupted,
    /// A fault of ours.
    Internal,
}

impl ProblemKind {
    /// The word that stands before the message.
    pub fn code(self) -> &'static str {
        match self {
            Self::SignIn => "SIGN_IN",
            Self::Permission => "PERMISSION",
            Self::Role => "ROLE",
            Self::NeedsPremium => "NEEDS_PREMIUM",
            Self::Concealed => "CONCEALED",
            Self::UnsupportedCloud => "UNSUPPORTED_CLOUD",
            Self::Suspect => "SUSPECT",
            Self::Throttled => "THROTTLED",
            Self::Unreachable => "UNREACHABLE",
            Self::BadResponse => "BAD_RESPONSE",
            Self::Refused => "REFUSED",
            Self::UntrustedLink => "UNTRUSTED_LINK",
            Self::Loop => "LOOP",
            Self::TooLarge => "TOO_LARGE",
            Self::Quarantine => "QUARANTINE",
            Self::WrongTenant => "WRONG_TENANT",
            Self::DiskFull => "DISK_FULL",
            Self::Storage => "STORAGE",
            Self::Interrupted => "INTERRUPTED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// Where a dataset of a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DatasetState {
    /// Not begun.
    Waiting,
    /// Being read.
    Running,
    /// Read whole.
    Complete,
    /// Read whole; nothing differs from what we held.
    Unchanged,
    /// Not read in this run.
    Skipped,
    /// Not read; the older facts stay.
    Failed,
}

/// Whether a dataset can be read at all, and if not, whose move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CapabilityState {
    /// The last attempt read it whole.
    Ok,
    /// The consented permissions do not cover it.
    MissingScope,
    /// The account that signed in lacks a directory role.
    MissingRole,
    /// Microsoft tells it only to tenants with Entra ID P1 or P2.
    NeedsPremium,
    /// The tenant conceals names in usage reports.
    Concealed,
    /// The tenant's cloud does not have it.
    UnsupportedCloud,
    /// The last attempt failed for another reason.
    Failing,
    /// Never tried.
    Unknown,
}

impl CapabilityState {
    /// Whose move it is when the last attempt met a problem of this kind.
    pub fn after(kind: ProblemKind) -> Self {
        match kind {
            ProblemKind::Permission => Self::MissingScope,
            ProblemKind::Role => Self::MissingRole,
            ProblemKind::NeedsPremium => Self::NeedsPremium,
            ProblemKind::Concealed => Self::Concealed,
            ProblemKind::UnsupportedCloud => Self::UnsupportedCloud,
            ProblemKind::SignIn
            | ProblemKind::Suspect
            | ProblemKind::Throttled
            | ProblemKind::Unreachable
            | ProblemKind::BadResponse
            | ProblemKind::Refused
            | ProblemKind::UntrustedLink
            | ProblemKind::Loop
            | ProblemKind::TooLarge
            | ProblemKind::Quarantine
            | ProblemKind::WrongTenant
            | ProblemKind::DiskFull
            | ProblemKind::Storage
            | ProblemKind::Interrupted
            | ProblemKind::Internal => Self::Failing,
        }
    }
}

/// What works for one dataset of a tenant and what an administrator has to do where it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// Which.
    pub dataset: Dataset,
    /// Whether it can be read.
    pub state: CapabilityState,
    /// When it was last read whole: the age of what is served of it.
    pub as_of: Option<Timestamp>,
    /// What to do; `None` when nothing.
    pub remedy: Option<String>,
}
