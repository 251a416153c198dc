//! What people do that Microsoft counts.

use super::year::Course;
use crate::simulator::organization::licensing::Held;
use crate::simulator::organization::products::PRODUCTS;

/// A service that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    Outlook,
    Teams,
    OneDrive,
    SharePoint,
    Engage,
    Apps,
    Copilot,
}

impl Workload {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Outlook,
        Self::Teams,
        Self::OneDrive,
        Self::SharePoint,
        Self::Engage,
        Self::Apps,
        Self::Copilot,
    ];

    /// The service plans that bring it.
    fn plans(self) -> &'static [&'static str] {
        match self {
            Self::Outlook => &[
                "EXCHANGE_S_ENTERPRISE",
                "EXCHANGE_S_STANDARD",
                "EXCHANGE_S_DESKLESS",
            ],
            Self::Teams => &["TEAMS1"],
            Self::OneDrive => &[
                "SHAREPOINTENTERPRISE",
                "SHAREPOINTSTANDARD",
                "SHAREPOINTDESKLESS",
                "ONEDRIVE_BASIC",
            ],
            Self::SharePoint => &[
                "SHAREPOINTENTERPRISE",
                "SHAREPOINTSTANDARD",
                "SHAREPOINTDESKLESS",
            ],
            Self::Engage => &["YAMMER_ENTERPRISE"],
            Self::Apps => &["OFFICESUBSCRIPTION", "OFFICEMOBILE_SUBSCRIPTION"],
            Self::Copilot => &["M365_COPILOT_APPS", "M365_COPILOT_BUSINESS_CHAT"],
        }
    }

    /// Whether one of the products brings it.
    pub(crate) fn is_held(self, held: Held) -> bool {
        brings(held, self.plans())
    }

    /// How often those who use it do.
    pub(super) fn course(self) -> Course {
        match self {
            Self::Outlook | Self::Teams | Self::Apps => Course::Daily,
            Self::OneDrive | Self::Copilot => Course::Often,
            Self::SharePoint | Self::Engage => Course::Sometimes,
        }
    }

    /// Of a thousand who may use it: those who never did, and those who gave it up long ago.
    pub(super) fn abstainers(self) -> (u64, u64) {
        match self {
            Self::Outlook => (20, 40),
            Self::Teams => (40, 60),
            Self::OneDrive => (150, 90),
            Self::SharePoint => (180, 100),
            Self::Engage => (550, 150),
            Self::Apps => (50, 50),
            Self::Copilot => (180, 220),
        }
    }
}

/// Whether one of the products has one of these service plans.
pub(crate) fn brings(held: Held, plans: &[&str]) -> bool {
    held.positions()
        .filter_map(|position| PRODUCTS.get(position))
        .flat_map(|product| product.plans)
        .any(|plan| plans.contains(&plan.name))
}

/// Something that is counted by the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    MailRead,
    MailSent,
    MailReceived,
    MeetingCreated,
    MeetingInteracted,
    PrivateChatMessage,
    TeamChatMessage,
    Call,
    PostMessage,
    ReplyMessage,
    UrgentMessage,
    AdHocOrganized,
    AdHocAttended,
    OneTimeOrganized,
    OneTimeAttended,
    RecurringOrganized,
    RecurringAttended,
    DriveFileViewed,
    DriveFileSynced,
    DriveSharedInternally,
    DriveSharedExternally,
    SitePageVisited,
    SiteFileViewed,
    SiteFileSynced,
    SiteSharedInternally,
    SiteSharedExternally,
    EngageRead,
    EngagePosted,
    EngageLiked,
}

/// How a deed is done.
pub(super) struct Manner {
    pub(super) workload: Workload,
    pub(super) course: Course,
    /// Of a thousand people who use the workload, those who do it at all. The first deed of a workload
    /// is everybody's: whoever is active has something to show for it.
    pub(super) share: u64,
    /// How much more the busiest do than the calmest.
    pub(super) range: u64,
}

impl Deed {
    pub(super) fn manner(self) -> Manner {
        use Course::*;
        use Workload::*;
        let (workload, course, share, range) = match self {
            Self::MailRead => (Outlook, Daily, 1000, 6),
            Self::MailSent => (Outlook, Daily, 950, 3),
            Self::MailReceived => (Outlook, Always, 1000, 7),
            Self::MeetingCreated => (Outlook, Rarely, 600, 1),
            Self::MeetingInteracted => (Outlook, Often, 800, 1),
            Self::PrivateChatMessage => (Teams, Daily, 1000, 5),
            Self::TeamChatMessage => (Teams, Often, 700, 2),
            Self::Call => (Teams, Sometimes, 600, 2),
            Self::PostMessage => (Teams, Rarely, 500, 1),
            Self::ReplyMessage => (Teams, Sometimes, 500, 1),
            Self::UrgentMessage => (Teams, Rarely, 60, 1),
            Self::AdHocOrganized => (Teams, Rarely, 300, 1),
            Self::AdHocAttended => (Teams, Rarely, 700, 1),
            Self::OneTimeOrganized => (Teams, Rarely, 450, 1),
            Self::OneTimeAttended => (Teams, Sometimes, 800, 1),
            Self::RecurringOrganized => (Teams, Rarely, 350, 1),
            Self::RecurringAttended => (Teams, Often, 850, 1),
            Self::DriveFileViewed => (OneDrive, Often, 1000, 5),
            Self::DriveFileSynced => (OneDrive, Often, 450, 3),
            Self::DriveSharedInternally => (OneDrive, Sometimes, 600, 1),
            Self::DriveSharedExternally => (OneDrive, Rarely, 250, 1),
            Self::SitePageVisited => (SharePoint, Sometimes, 1000, 4),
            Self::SiteFileViewed => (SharePoint, Sometimes, 850, 3),
            Self::SiteFileSynced => (SharePoint, Rarely, 300, 2),
            Self::SiteSharedInternally => (SharePoint, Rarely, 300, 1),
            Self::SiteSharedExternally => (SharePoint, Rarely, 90, 1),
            Self::EngageRead => (Engage, Sometimes, 1000, 4),
            Self::EngagePosted => (Engage, Rarely, 300, 1),
            Self::EngageLiked => (Engage, Sometimes, 450, 1),
        };
        Manner {
            workload,
            course,
            share,
            range,
        }
    }
}
