//! The facts that a finding rests on, small and typed. What they are called is in `words`.

use crate::domain::day::Day;
use crate::domain::ids::SkuId;
use crate::domain::money::Money;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{MailboxType, Workload};
use crate::domain::user::AssignmentState;

/// One fact, where it comes from and of which day it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// What is so.
    pub said: Said,
    /// Who says it.
    pub source: Source,
    /// The day up to which the source tells: a report's refresh date, or when a dataset was read.
    pub as_of: Option<Day>,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Microsoft, in a dataset.
    Dataset(Dataset),
    /// The operator, in the policy.
    Policy,
    /// The operator, in the price book.
    PriceBook,
    /// This server, which compares what it read with what it had read before.
    Seatwise,
}

/// What is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The last day of activity in a workload; `None`: none was ever reported.
    LastActive(Workload, Option<Day>),
    /// The last successful sign-in; `None`: none was ever recorded.
    LastSignIn(Option<Day>),
    /// What a number of the policy is.
    Threshold(Threshold, u32),
    /// The account is disabled, since a day if it is known.
    Disabled(Option<Day>),
    /// When the account was made.
    Created(Day),
    /// Since when the license is held, as far as is known.
    HeldSince(Day),
    /// The user is a guest.
    Guest,
    /// Microsoft says that it is no person's account.
    ResourceAccount,
    /// The operator says that it is no person's account.
    SharedByPolicy,
    /// What the mailbox is for.
    Mailbox(MailboxType),
    /// The size of the mailbox, in bytes; `None` where it is not reported.
    MailboxBytes(Option<u64>),
    /// Whether the mailbox has an archive.
    Archive(Option<bool>),
    /// The size of the user's own files, in bytes.
    FilesBytes(u64),
    /// Whether Office was used on Windows or Mac.
    DesktopApps(bool),
    /// On how many devices Office was activated for Windows or Mac.
    DesktopActivations(u64),
    /// In how many applications Copilot was used of late.
    CopilotApps(u32),
    /// The last use of an add-on; `None`: none was ever seen.
    AddonUsed(AddonProduct, Option<Day>),
    /// Another license of the user gives what this one gives.
    GivenBy(SkuId),
    /// The license is a part of a bundle.
    PartOf(SkuId),
    /// The cheaper license that is enough.
    Enough(SkuId),
    /// What would be lost and shows no use that anybody could see.
    Unseen(Unseen),
    /// By how many groups the license is assigned, besides directly.
    AlsoByGroups(u32),
    /// How the assignment went.
    Assignment(AssignmentState),
    /// Why it failed.
    Error(ErrorCode),
    /// The account has no usage location, without which Microsoft assigns nothing.
    NoUsageLocation,
    /// How many of the license's services that show use are switched on.
    WorkloadPlans(u32),
    /// Seats of one purchase.
    SeatsBought(u32),
    /// Seats that may be assigned: paid for, and those in the time of grace.
    SeatsUsable(u32),
    /// Seats in use.
    SeatsConsumed(u32),
    /// Seats kept in reserve.
    SeatsReserved(u32),
    /// Seats for people about to come.
    SeatsPlanned(u32),
    /// Seats too few.
    SeatsShort(u32),
    /// What a purchase's state is.
    Status(SubscriptionStatus),
    /// When the purchase changes its state unless somebody acts.
    NextChange(Day),
    /// In how many days that is; below zero when it is past.
    DaysLeft(i64),
    /// What a seat costs a month.
    Price(Money),
    /// What the seats that are too few would cost a month.
    ShortfallCost(Money),
    /// What a reader ought to know besides.
    Note(Note),
}

/// A number of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each is the field of the same name in the policy"
)]
pub enum Threshold {
    InactiveAfterDays,
    GraceDays,
    DisabledGraceDays,
    CopilotUnusedAfterDays,
    CopilotHeldDays,
    CopilotAppsMin,
    AddonUnusedAfterDays,
    HeadroomPercent,
    SubscriptionChangeDays,
    TrialEndingDays,
}

/// A product that adds to a suite and whose use can be seen apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddonProduct {
    /// Visio.
    Visio,
    /// Project and Planner plans.
    Project,
    /// Power BI.
    PowerBi,
    /// Power Apps, Power Automate and Power Pages.
    PowerPlatform,
}

/// What E5 and A5 have and Microsoft reports no use of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unseen {
    /// Defender.
    Security,
    /// Purview.
    Compliance,
    /// Privileged Identity Management and Identity Protection.
    Identity,
    /// Phone and audio conferencing.
    Voice,
    /// Power BI.
    PowerBi,
}

impl Unseen {
    /// All of it.
    pub const ALL: [Self; 5] = [
        Self::Security,
        Self::Compliance,
        Self::Identity,
        Self::Voice,
        Self::PowerBi,
    ];
}

/// Why Microsoft did not assign a license (`licenseAssignmentState.error`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// No seat is left.
    CountViolation,
    /// It cannot be held together with another license of the user.
    MutuallyExclusive,
    /// It needs a service that the user does not have.
    Dependency,
    /// Microsoft does not offer it where the user is.
    ProhibitedInUsageLocation,
    /// An address of the user is already taken.
    Uniqueness,
    /// Something else.
    Other,
}

impl ErrorCode {
    /// Reads Microsoft's word, such as "`CountViolation`" or "`MutuallyExclusiveViolation`".
    pub fn read(word: &str) -> Self {
        let known = [
            ("Count", Self::CountViolation),
            ("MutuallyExclusive", Self::MutuallyExclusive),
            ("Dependency", Self::Dependency),
            ("ProhibitedInUsageLocation", Self::ProhibitedInUsageLocation),
            ("Uniqueness", Self::Uniqueness),
        ];
        let word = word.trim();
        let stem = match word.len().checked_sub("Violation".len()) {
            Some(end)
                if word.is_char_boundary(end) && word[end..].eq_ignore_ascii_case("Violation") =>
            {
                &word[..end]
            }
            _ => word,
        };
        let mut known = known.into_iter();
        let found = known.find(|(name, _)| name.eq_ignore_ascii_case(stem));
        found.map_or(Self::Other, |(_, code)| code)
    }
}

/// The state of a purchase: Graph's `companySubscription.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubscriptionStatus {
    /// In force.
    Enabled,
    /// Expired, in the time of grace.
    Warning,
    /// Expired; nobody can use it, and nothing is deleted yet.
    Suspended,
    /// Gone.
    Deleted,
    /// Shut by Microsoft.
    LockedOut,
    /// A word that this version does not know.
    Unknown,
}

impl SubscriptionStatus {
    /// Reads Microsoft's word.
    pub fn read(word: &str) -> Self {
        let known = [
            Self::Enabled,
            Self::Warning,
            Self::Suspended,
            Self::Deleted,
            Self::LockedOut,
        ];
        let mut known = known.into_iter();
        let found = known.find(|status| status.name().eq_ignore_ascii_case(word.trim()));
        found.unwrap_or(Self::Unknown)
    }

    /// Microsoft's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Warning => "Warning",
            Self::Suspended => "Suspended",
            Self::Deleted => "Deleted",
            Self::LockedOut => "LockedOut",
            Self::Unknown => "Unknown",
        }
    }
}

/// What a reader of a finding ought to know besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Taking the license away may delete the mailbox, and holds are not visible here.
    CheckRetention,
    /// The mailbox is too large, or has an archive: it needs a small license of its own.
    ReplaceByMailboxLicense,
    /// An administrator's account: it may be meant to rest.
    Privileged,
    /// The user signs in and works in nothing that is reported: training, or a service.
    SignsInOnly,
    /// Microsoft reports no use of this license; its user is silent elsewhere.
    UseIsNotReported,
    /// The license has other services, switched on, that show no use.
    OtherServicesAreOn,
}
