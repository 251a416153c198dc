//! What the usage reports say of a user.

use jiff::civil::Date;

use super::ids::ObjectId;
use super::sync_run::Dataset;

/// The days that a report's counts are sums over, ending on the report's refresh date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// 7 days.
    D7,
    /// 30 days.
    D30,
    /// 90 days.
    D90,
    /// 180 days.
    D180,
}

impl Period {
    /// Every period, shortest first.
    pub const ALL: [Self; 4] = [Self::D7, Self::D30, Self::D90, Self::D180];

    /// Microsoft's word: "D7".
    pub fn name(self) -> &'static str {
        match self {
            Self::D7 => "D7",
            Self::D30 => "D30",
            Self::D90 => "D90",
            Self::D180 => "D180",
        }
    }
}

/// A service whose use is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Workload {
    /// Exchange Online.
    Outlook,
    /// Microsoft Teams.
    Teams,
    /// OneDrive.
    OneDrive,
    /// SharePoint.
    SharePoint,
    /// Viva Engage, once Yammer.
    VivaEngage,
    /// Microsoft 365 Apps.
    Apps,
    /// Microsoft 365 Copilot.
    Copilot,
}

impl Workload {
    /// Every workload, in the order of the schema.
    pub const ALL: [Self; 7] = [
        Self::Outlook,
        Self::Teams,
        Self::OneDrive,
        Self::SharePoint,
        Self::VivaEngage,
        Self::Apps,
        Self::Copilot,
    ];

    /// The report whose refresh date and last activity dates count for the workload.
    pub fn dataset(self) -> Dataset {
        match self {
            Self::Outlook => Dataset::EmailActivity,
            Self::Teams => Dataset::TeamsActivity,
            Self::OneDrive => Dataset::OneDriveActivity,
            Self::SharePoint => Dataset::SharePointActivity,
            Self::VivaEngage => Dataset::VivaEngageActivity,
            Self::Apps => Dataset::AppsUsage,
            Self::Copilot => Dataset::CopilotUsage,
        }
    }
}

/// A number that a report has of a user. Flags are 0 or 1, days are days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    missing_docs,
    reason = "each is the field of the same name in the schema"
)]
pub enum Metric {
    // Active users: the last day of activity in each service.
    ExchangeOn,
    OneDriveOn,
    SharePointOn,
    SkypeOn,
    YammerOn,
    TeamsOn,
    // Email activity.
    EmailsSent,
    EmailsReceived,
    EmailsRead,
    MeetingsCreated,
    MeetingsInteracted,
    // Mailbox usage.
    MailboxBytes,
    MailboxQuotaBytes,
    HasArchive,
    // Teams.
    ChannelMessages,
    ChatMessages,
    Calls,
    Meetings,
    MeetingsOrganized,
    MeetingsAttended,
    AudioSeconds,
    VideoSeconds,
    ScreenShareSeconds,
    // OneDrive and SharePoint activity.
    ViewedOrEdited,
    Synced,
    SharedInternally,
    SharedExternally,
    VisitedPages,
    // OneDrive usage.
    StorageBytes,
    // Viva Engage.
    Posted,
    Read,
    Liked,
    // Microsoft 365 Apps: whether they were used there.
    OnWindows,
    OnMac,
    OnMobile,
    OnWeb,
    // Activations: how many devices.
    ActivatedWindows,
    ActivatedMac,
    ActivatedWindowsMobile,
    ActivatedIos,
    ActivatedAndroid,
    // Copilot: the last day of use in each application.
    CopilotChatOn,
    CopilotTeamsOn,
    CopilotWordOn,
    CopilotExcelOn,
    CopilotPowerPointOn,
    CopilotOutlookOn,
    CopilotOneNoteOn,
    CopilotLoopOn,
}

impl Metric {
    /// Every metric, each at the place of its discriminant.
    pub const ALL: [Self; 49] = [
        Self::ExchangeOn,
        Self::OneDriveOn,
        Self::SharePointOn,
        Self::SkypeOn,
        Self::YammerOn,
        Self::TeamsOn,
        Self::EmailsSent,
        Self::EmailsReceived,
        Self::EmailsRead,
        Self::MeetingsCreated,
        Self::MeetingsInteracted,
        Self::MailboxBytes,
        Self::MailboxQuotaBytes,
        Self::HasArchive,
        Self::ChannelMessages,
        Self::ChatMessages,
        Self::Calls,
        Self::Meetings,
        Self::MeetingsOrganized,
        Self::MeetingsAttended,
        Self::AudioSeconds,
        Self::VideoSeconds,
        Self::ScreenShareSeconds,
        Self::ViewedOrEdited,
        Self::Synced,
        Self::SharedInternally,
        Self::SharedExternally,
        Self::VisitedPages,
        Self::StorageBytes,
        Self::Posted,
        Self::Read,
        Self::Liked,
        Self::OnWindows,
        Self::OnMac,
        Self::OnMobile,
        Self::OnWeb,
        Self::ActivatedWindows,
        Self::ActivatedMac,
        Self::ActivatedWindowsMobile,
        Self::ActivatedIos,
        Self::ActivatedAndroid,
        Self::CopilotChatOn,
        Self::CopilotTeamsOn,
        Self::CopilotWordOn,
        Self::CopilotExcelOn,
        Self::CopilotPowerPointOn,
        Self::CopilotOutlookOn,
        Self::CopilotOneNoteOn,
        Self::CopilotLoopOn,
    ];
}

/// Numbers of one report row. What is blank in the report is not in it: absence is never zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values(Vec<(Metric, u64)>);

impl Values {
    /// Of these numbers; of a metric that comes twice the later counts.
    pub fn new(values: impl IntoIterator<Item = (Metric, u64)>) -> Self {
        let mut own = Self::default();
        for (metric, value) in values {
            own.set(metric, value);
        }
        own
    }

    /// None yet, with room for so many.
    pub fn with_room(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// One number; `None` where the report has a blank or no such column.
    pub fn get(&self, metric: Metric) -> Option<u64> {
        let place = self.0.binary_search_by_key(&metric, |(own, _)| *own).ok()?;
        self.0.get(place).map(|(_, value)| *value)
    }

    /// Looks up one number after the other; cheap where their metrics ascend.
    pub fn seek(&self) -> Seek<'_> {
        Seek {
            values: self,
            at: 0,
        }
    }

    /// Sets one number.
    pub fn set(&mut self, metric: Metric, value: u64) {
        // Mostly they come in order.
        if self.0.last().is_none_or(|(last, _)| *last < metric) {
            return self.0.push((metric, value));
        }
        match self.0.binary_search_by_key(&metric, |(own, _)| *own) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (metric, value)),
        }
    }

    /// By metric.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Whether the report has no number at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Looks up numbers; see [`Values::seek`].
pub struct Seek<'a> {
    values: &'a Values,
    /// Behind the one that was found last.
    at: usize,
}

impl Seek<'_> {
    /// As [`Values::get`].
    pub fn get(&mut self, metric: Metric) -> Option<u64> {
        let values = &self.values.0;
        let is_next = values.get(self.at).is_some_and(|(own, _)| *own == metric);
        if !is_next {
            self.at = values.binary_search_by_key(&metric, |(own, _)| *own).ok()?;
        }
        let (_, value) = values.get(self.at)?;
        self.at += 1;
        Some(*value)
    }
}

/// What one report says of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The user, as the report's row was joined.
    pub object_id: ObjectId,
    /// One of [`Dataset::REPORTS`].
    pub dataset: Dataset,
    /// `Last Activity Date`: of all time, whatever the period. `None`: none was ever recorded.
    pub last_active_on: Option<Date>,
    /// Numbers that have no period: sizes, activations, days of use.
    pub standing: Values,
    /// Sums over a period, at the place of each [`Period`]; `None` where that period's report has no
    /// row of the user.
    pub sums: [Option<Values>; 4],
    /// `Recipient Type` of the mailbox report, where the tenant's report has it.
    pub mailbox_type: Option<MailboxType>,
    /// The newest answer of the report has no row that is surely the user's, though it may have had
    /// one: what is said here is of an earlier day, if of any.
    pub is_left_out: bool,
}

impl Usage {
    /// Of a user of whom a report says nothing.
    pub fn nothing(dataset: Dataset, object_id: ObjectId) -> Self {
        Self {
            object_id,
            dataset,
            last_active_on: None,
            standing: Values::default(),
            sums: [const { None }; 4],
            mailbox_type: None,
            is_left_out: false,
        }
    }

    /// Whether the report said nothing of the user, in this answer or before.
    pub fn is_nothing(&self) -> bool {
        let nothing = Self {
            is_left_out: self.is_left_out,
            ..Self::nothing(self.dataset, self.object_id)
        };
        *self == nothing
    }
}

/// What a mailbox is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailboxType {
    /// A person's.
    User,
    /// Read by several people.
    Shared,
    /// A meeting room's.
    Room,
    /// A projector's, a car's.
    Equipment,
    /// For bookings.
    Scheduling,
    /// A word that this version does not know.
    Unknown,
}

impl MailboxType {
    /// Every variant, in the order of the schema.
    pub const ALL: [Self; 6] = [
        Self::User,
        Self::Shared,
        Self::Room,
        Self::Equipment,
        Self::Scheduling,
        Self::Unknown,
    ];
}

/// Whether a user is in use. Never guessed: what the data cannot tell is [`ActivityState::Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActivityState {
    /// A workload or a successful sign-in shows the user within the policy's `inactive_after_days`.
    Active,
    /// Was seen once, and in none of the licensed workloads for so many days.
    Inactive,
    /// Was never seen, though everything that would show the user was read.
    NeverActive,
    /// The data is stale, concealed, not permitted, or silent.
    Unknown,
}

impl ActivityState {
    /// Every variant, in the order of the schema.
    pub const ALL: [Self; 4] = [
        Self::Active,
        Self::Inactive,
        Self::NeverActive,
        Self::Unknown,
    ];
}

/// The users who used a workload on a day, with what they did: one entry of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageDay {
    /// Which service.
    pub workload: Workload,
    /// The day, in UTC.
    pub on: Date,
    /// By number.
    pub users: Vec<(HistoryNumber, Values)>,
}

/// What the history calls a user: numbers are given once and never again, so that a day of a hundred
/// thousand users is small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HistoryNumber(pub u32);

/// A user's number in the history. It stays when the user is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryUser {
    /// The user.
    pub object_id: ObjectId,
    /// The number.
    pub number: HistoryNumber,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_at_the_place_of_its_discriminant() {
        for (place, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(metric as usize, place, "{metric:?}");
        }
    }
}
