//! The numbers that stand for enums on disk. They are never reused and never reordered.

use super::SecretKind;
use crate::domain::audit::DirectoryChangeKind;
use crate::domain::money::BillingPeriod;
use crate::domain::renewal::reminder::Reminder;
use crate::domain::sync_run::{Dataset, DatasetState, ProblemKind, SyncState, SyncTrigger};
use crate::domain::tenant::ConnectionState;
use crate::domain::terms::{Billing, Term};
use crate::domain::usage::{MailboxType, Metric, Period, Workload};
use crate::domain::user::{AssignmentState, UserType};

/// An enum that is kept as a number. Zero stands for nothing, so that a field that is missing from a
/// record never reads as a value.
pub(super) trait Numbered: Sized + Copy {
    /// The number on disk.
    fn number(self) -> u32;
    /// The value of a number; `None` for one that this version does not know.
    fn from_number(number: u32) -> Option<Self>;
    /// The number as the byte that it is in keys.
    fn number_byte(self) -> u8 {
        u8::try_from(self.number()).unwrap_or(u8::MAX)
    }
}

macro_rules! numbered {
    ($($name:ident { $($variant:ident = $number:literal),+ $(,)? })+) => {$(
        impl Numbered for $name {
            fn number(self) -> u32 {
                // Every variant is listed: a new one does not compile until it has a number.
                match self { $(Self::$variant => $number),+ }
            }
            fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
        }
    )+};
}

numbered! {
    Dataset {
        Organization = 1, Users = 2, Licenses = 3, Groups = 4, Subscriptions = 5, SignInActivity = 6,
        SignIns = 7, DirectoryAudits = 8, ActiveUsers = 9, EmailActivity = 10, MailboxUsage = 11,
        TeamsActivity = 12, OneDriveActivity = 13, OneDriveUsage = 14, SharePointActivity = 15,
        VivaEngageActivity = 16, AppsUsage = 17, AppsActivations = 18, CopilotUsage = 19,
    }
    Reminder {
        Review = 1, EvidenceFreeze = 2, Decide = 3, Order = 4, LastCheck = 5, ReductionWindow = 6,
    }
    SecretKind { RefreshToken = 1 }
    SyncTrigger { First = 1, Schedule = 2, Manual = 3, CatchUp = 4 }
    SyncState { Queued = 1, Running = 2, Complete = 3, Partial = 4, Failed = 5, Canceled = 6 }
    DatasetState { Waiting = 1, Running = 2, Complete = 3, Unchanged = 4, Skipped = 5, Failed = 6 }
    ConnectionState { Connecting = 1, Connected = 2, NeedsConsent = 3, Misconfigured = 4, Disconnected = 5 }
    UserType { Member = 1, Guest = 2, Unknown = 3 }
    AssignmentState { Active = 1, ActiveWithError = 2, Disabled = 3, Error = 4, Unknown = 5 }
    DirectoryChangeKind { License = 1, Role = 2 }
    BillingPeriod { Month = 1, Year = 2 }
    Term { Monthly = 1, Annual = 2, ThreeYears = 3, Unknown = 4 }
    Billing { Monthly = 1, Annual = 2, Upfront = 3, Unknown = 4 }
    MailboxType { User = 1, Shared = 2, Room = 3, Equipment = 4, Scheduling = 5, Unknown = 6 }
    Period { D7 = 1, D30 = 2, D90 = 3, D180 = 4 }
    Workload {
        Outlook = 1, Teams = 2, OneDrive = 3, SharePoint = 4, VivaEngage = 5, Apps = 6, Copilot = 7,
    }
    Metric {
        ExchangeOn = 1, OneDriveOn = 2, SharePointOn = 3, SkypeOn = 4, YammerOn = 5, TeamsOn = 6,
        EmailsSent = 7, EmailsReceived = 8, EmailsRead = 9, MeetingsCreated = 10,
        MeetingsInteracted = 11, MailboxBytes = 12, MailboxQuotaBytes = 13, HasArchive = 14,
        ChannelMessages = 15, ChatMessages = 16, Calls = 17, Meetings = 18, MeetingsOrganized = 19,
        MeetingsAttended = 20, AudioSeconds = 21, VideoSeconds = 22, ScreenShareSeconds = 23,
        ViewedOrEdited = 24, Synced = 25, SharedInternally = 26, SharedExternally = 27,
        VisitedPages = 28, StorageBytes = 29, Posted = 30, Read = 31, Liked = 32, OnWindows = 33,
        OnMac = 34, OnMobile = 35, OnWeb = 36, ActivatedWindows = 37, ActivatedMac = 38,
        ActivatedWindowsMobile = 39, ActivatedIos = 40, ActivatedAndroid = 41, CopilotChatOn = 42,
        CopilotTeamsOn = 43, CopilotWordOn = 44, CopilotExcelOn = 45, CopilotPowerPointOn = 46,
        CopilotOutlookOn = 47, CopilotOneNoteOn = 48, CopilotLoopOn = 49,
    }
    ProblemKind {
        SignIn = 1, Permission = 2, Throttled = 3, Unreachable = 4, BadResponse = 5, Refused = 6,
        UntrustedLink = 7, Loop = 8, TooLarge = 9, Quarantine = 10, WrongTenant = 11, DiskFull = 12,
        Storage = 13, Interrupted = 14, Internal = 15, Role = 16, NeedsPremium = 17,
        Concealed = 18, UnsupportedCloud = 19, Suspect = 20,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Numbered + PartialEq + std::fmt::Debug>(count: u32) {
        assert_eq!(T::from_number(0), None);
        for number in 1..=count {
            assert_eq!(T::from_number(number).unwrap().number(), number);
        }
        assert_eq!(T::from_number(count + 1), None);
    }

    #[test]
    fn numbers_read_back_and_unknown_ones_are_nothing() {
        check::<Dataset>(19);
        check::<SecretKind>(1);
        check::<SyncTrigger>(4);
        check::<SyncState>(6);
        check::<DatasetState>(6);
        check::<ConnectionState>(5);
        check::<UserType>(3);
        check::<AssignmentState>(5);
        check::<ProblemKind>(20);
        check::<DirectoryChangeKind>(2);
        check::<BillingPeriod>(2);
        check::<Term>(4);
        check::<Billing>(4);
        check::<MailboxType>(6);
        check::<Period>(4);
        check::<Workload>(7);
        check::<Metric>(49);
    }
}
