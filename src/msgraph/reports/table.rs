//! What each report is called, what it takes, and which of its columns are read into what.
//!
//! Columns are found by name and never by place: Microsoft's own samples and what it sends differ in
//! their order, and new ones are put in between.

use crate::domain::standing::Fetched;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{Metric, Period};
use crate::msgraph::problem;

/// The column that every report has: the day up to which it tells.
pub(super) const REFRESHED: &str = "Report Refresh Date";
/// The days that the row's counts are sums over.
pub(super) const PERIOD: &str = "Report Period";
/// The object id; only Teams has it.
pub(super) const OBJECT_ID: &str = "User Id";
/// What a mailbox is for; only some tenants' mailbox reports have it.
pub(super) const RECIPIENT_TYPE: &str = "Recipient Type";

const PRINCIPAL_NAME: &str = "User Principal Name";
const LAST_ACTIVE: &str = "Last Activity Date";

/// How one report is asked for and read.
pub(super) struct Layout {
    takes: Takes,
    /// Whether its numbers are sums over the period. Else they are the same in every period: sizes,
    /// devices, days of use.
    has_sums: bool,
    /// The column with the principal name; without it the report is none.
    pub(super) key: &'static str,
    pub(super) last_active: LastActive,
    pub(super) gone: Gone,
    pub(super) repeats: Repeats,
    pub(super) other_periods: OtherPeriods,
    pub(super) columns: &'static [Column],
}

/// What a report is asked with.
enum Takes {
    Period,
    PeriodOrDay,
    Nothing,
}

/// Where a report says when a user was active last.
pub(super) enum LastActive {
    Column(&'static str),
    /// The latest of all columns with a day.
    Latest,
    /// Nowhere.
    Untold,
}

/// Where a report says that a user has gone.
pub(super) enum Gone {
    /// True or False.
    Flag(&'static str),
    /// The word "deleted".
    State(&'static str),
    /// Nowhere.
    Untold,
}

/// What a second row of the same user is.
pub(super) enum Repeats {
    /// Another part of the same: numbers are added.
    Parts,
    /// Of somebody else with the same name, or of nobody knows whom: each row stands for itself.
    Rows,
}

/// What a row of another period than the one asked for is.
pub(super) enum OtherPeriods {
    /// One of a report that tells all periods.
    LeftOut,
    /// A fault: its cells have moved, or it is the answer to another question.
    Fault,
}

/// A column with a number.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) metric: Metric,
    pub(super) content: Content,
}

/// How a number is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// `17`
    Number,
    /// `2026-11-01`, read as days since 1970-01-01.
    Day,
    /// `True` or `Yes`, read as 1.
    Flag,
    /// `PT1H2M3S`, read as seconds. Stands in for a column of seconds that is not there.
    Duration,
}

const fn number(name: &'static str, metric: Metric) -> Column {
    column(name, metric, Content::Number)
}

const fn day(name: &'static str, metric: Metric) -> Column {
    column(name, metric, Content::Day)
}

const fn flag(name: &'static str, metric: Metric) -> Column {
    column(name, metric, Content::Flag)
}

const fn duration(name: &'static str, metric: Metric) -> Column {
    column(name, metric, Content::Duration)
}

const fn column(name: &'static str, metric: Metric, content: Content) -> Column {
    Column {
        name,
        metric,
        content,
    }
}

/// What most reports are like.
const USUAL: Layout = Layout {
    takes: Takes::PeriodOrDay,
    has_sums: true,
    key: PRINCIPAL_NAME,
    last_active: LastActive::Column(LAST_ACTIVE),
    gone: Gone::Flag("Is Deleted"),
    repeats: Repeats::Rows,
    other_periods: OtherPeriods::Fault,
    columns: &[],
};

const ACTIVE_USERS: Layout = Layout {
    has_sums: false,
    last_active: LastActive::Latest,
    columns: &[
        day("Exchange Last Activity Date", Metric::ExchangeOn),
        day("OneDrive Last Activity Date", Metric::OneDriveOn),
        day("SharePoint Last Activity Date", Metric::SharePointOn),
        day("Skype For Business Last Activity Date", Metric::SkypeOn),
        day("Yammer Last Activity Date", Metric::YammerOn),
        day("Teams Last Activity Date", Metric::TeamsOn),
    ],
    ..USUAL
};

const EMAIL_ACTIVITY: Layout = Layout {
    columns: &[
        number("Send Count", Metric::EmailsSent),
        number("Receive Count", Metric::EmailsReceived),
        number("Read Count", Metric::EmailsRead),
        number("Meeting Created Count", Metric::MeetingsCreated),
        number("Meeting Interacted Count", Metric::MeetingsInteracted),
    ],
    ..USUAL
};

const MAILBOX_USAGE: Layout = Layout {
    takes: Takes::Period,
    has_sums: false,
    columns: &[
        number("Storage Used (Byte)", Metric::MailboxBytes),
        // Beyond this one nothing comes in any more: the size that the mailbox has.
        number(
            "Prohibit Send/Receive Quota (Byte)",
            Metric::MailboxQuotaBytes,
        ),
        flag("Has Archive", Metric::HasArchive),
    ],
    ..USUAL
};

const TEAMS_ACTIVITY: Layout = Layout {
    columns: &[
        // "Team chat" is what is written in channels, "private chat" all other chats.
        number("Team Chat Message Count", Metric::ChannelMessages),
        number("Private Chat Message Count", Metric::ChatMessages),
        number("Call Count", Metric::Calls),
        number("Meeting Count", Metric::Meetings),
        number("Meetings Organized Count", Metric::MeetingsOrganized),
        number("Meetings Attended Count", Metric::MeetingsAttended),
        number("Audio Duration In Seconds", Metric::AudioSeconds),
        duration("Audio Duration", Metric::AudioSeconds),
        number("Video Duration In Seconds", Metric::VideoSeconds),
        duration("Video Duration", Metric::VideoSeconds),
        number(
            "Screen Share Duration In Seconds",
            Metric::ScreenShareSeconds,
        ),
        duration("Screen Share Duration", Metric::ScreenShareSeconds),
    ],
    ..USUAL
};

const ONEDRIVE_ACTIVITY: Layout = Layout {
    columns: &[
        number("Viewed Or Edited File Count", Metric::ViewedOrEdited),
        number("Synced File Count", Metric::Synced),
        number("Shared Internally File Count", Metric::SharedInternally),
        number("Shared Externally File Count", Metric::SharedExternally),
    ],
    ..USUAL
};

const ONEDRIVE_USAGE: Layout = Layout {
    has_sums: false,
    key: "Owner Principal Name",
    // Somebody may own several sites.
    repeats: Repeats::Parts,
    columns: &[number("Storage Used (Byte)", Metric::StorageBytes)],
    ..USUAL
};

const SHAREPOINT_ACTIVITY: Layout = Layout {
    columns: &[
        number("Viewed Or Edited File Count", Metric::ViewedOrEdited),
        number("Synced File Count", Metric::Synced),
        number("Shared Internally File Count", Metric::SharedInternally),
        number("Shared Externally File Count", Metric::SharedExternally),
        number("Visited Page Count", Metric::VisitedPages),
    ],
    ..USUAL
};

const VIVA_ENGAGE_ACTIVITY: Layout = Layout {
    gone: Gone::State("User State"),
    columns: &[
        number("Posted Count", Metric::Posted),
        number("Read Count", Metric::Read),
        number("Liked Count", Metric::Liked),
    ],
    ..USUAL
};

const APPS_USAGE: Layout = Layout {
    gone: Gone::Untold,
    columns: &[
        flag("Windows", Metric::OnWindows),
        flag("Mac", Metric::OnMac),
        flag("Mobile", Metric::OnMobile),
        flag("Web", Metric::OnWeb),
    ],
    ..USUAL
};

const APPS_ACTIVATIONS: Layout = Layout {
    takes: Takes::Nothing,
    has_sums: false,
    // The day of an activation shows that somebody installed it, not that anybody uses it.
    last_active: LastActive::Untold,
    gone: Gone::Untold,
    // One row a product.
    repeats: Repeats::Parts,
    columns: &[
        number("Windows", Metric::ActivatedWindows),
        number("Mac", Metric::ActivatedMac),
        number("Windows 10 Mobile", Metric::ActivatedWindowsMobile),
        number("iOS", Metric::ActivatedIos),
        number("Android", Metric::ActivatedAndroid),
    ],
    ..USUAL
};

const COPILOT_USAGE: Layout = Layout {
    takes: Takes::Period,
    has_sums: false,
    gone: Gone::Untold,
    other_periods: OtherPeriods::LeftOut,
    columns: &[
        day("Copilot Chat Last Activity Date", Metric::CopilotChatOn),
        day(
            "Microsoft Teams Copilot Last Activity Date",
            Metric::CopilotTeamsOn,
        ),
        day("Word Copilot Last Activity Date", Metric::CopilotWordOn),
        day("Excel Copilot Last Activity Date", Metric::CopilotExcelOn),
        day(
            "PowerPoint Copilot Last Activity Date",
            Metric::CopilotPowerPointOn,
        ),
        day(
            "Outlook Copilot Last Activity Date",
            Metric::CopilotOutlookOn,
        ),
        day(
            "OneNote Copilot Last Activity Date",
            Metric::CopilotOneNoteOn,
        ),
        day("Loop Copilot Last Activity Date", Metric::CopilotLoopOn),
    ],
    ..USUAL
};

/// How a report is asked for and read; `None` for a dataset that is no report.
pub(super) fn layout(dataset: Dataset) -> Option<&'static Layout> {
    match dataset {
        Dataset::Organization
        | Dataset::Users
        | Dataset::Groups
        | Dataset::Licenses
        | Dataset::Subscriptions
        | Dataset::SignInActivity
        | Dataset::SignIns
        | Dataset::DirectoryAudits => None,
        Dataset::ActiveUsers => Some(&ACTIVE_USERS),
        Dataset::EmailActivity => Some(&EMAIL_ACTIVITY),
        Dataset::MailboxUsage => Some(&MAILBOX_USAGE),
        Dataset::TeamsActivity => Some(&TEAMS_ACTIVITY),
        Dataset::OneDriveActivity => Some(&ONEDRIVE_ACTIVITY),
        Dataset::OneDriveUsage => Some(&ONEDRIVE_USAGE),
        Dataset::SharePointActivity => Some(&SHAREPOINT_ACTIVITY),
        Dataset::VivaEngageActivity => Some(&VIVA_ENGAGE_ACTIVITY),
        Dataset::AppsUsage => Some(&APPS_USAGE),
        Dataset::AppsActivations => Some(&APPS_ACTIVATIONS),
        Dataset::CopilotUsage => Some(&COPILOT_USAGE),
    }
}

/// Whether the numbers of a report are sums over the period that it is asked for. Those of the others
/// are the same in every period: sizes, devices, days of use.
pub fn report_has_sums(dataset: Dataset) -> bool {
    layout(dataset).is_some_and(|layout| layout.has_sums)
}

/// What is asked of Graph for a part of a report; `None` for a part that it does not tell.
pub(super) fn path(dataset: Dataset, what: Fetched) -> Option<String> {
    let takes = &layout(dataset)?.takes;
    // The period is a text for OData, the day is not.
    let argument = match (takes, what) {
        (Takes::Period | Takes::PeriodOrDay, Fetched::Period(period)) => {
            format!("(period='{}')", period.name())
        }
        (Takes::PeriodOrDay, Fetched::Day(day)) => format!("(date={day})"),
        (Takes::Nothing, Fetched::Whole) => String::new(),
        (Takes::Period, Fetched::Day(_) | Fetched::Whole)
        | (Takes::PeriodOrDay, Fetched::Whole)
        | (Takes::Nothing, Fetched::Period(_) | Fetched::Day(_)) => return None,
    };
    let function = problem::path(dataset).trim_start_matches('/');
    Some(format!("{function}{argument}"))
}

/// Whether a cell of [`PERIOD`] means another period than the one asked for: "7", also "D7".
pub(super) fn is_other_period(cell: &str, period: Period) -> bool {
    let days = |text: &str| text.trim_start_matches(['D', 'd']).parse::<u16>().ok();
    days(cell) != days(period.name())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jiff::civil::date;

    use super::*;

    #[track_caller]
    fn check_path(dataset: Dataset, what: Fetched, expected: Option<&str>) {
        assert_eq!(path(dataset, what).as_deref(), expected, "{dataset:?}");
    }

    #[test]
    fn each_report_is_asked_for_what_it_tells() {
        let day = Fetched::Day(date(2026, 11, 1));
        let week = Fetched::Period(Period::D7);
        let emails = Dataset::EmailActivity;
        check_path(
            emails,
            week,
            Some("reports/getEmailActivityUserDetail(period='D7')"),
        );
        check_path(
            emails,
            day,
            Some("reports/getEmailActivityUserDetail(date=2026-11-01)"),
        );
        check_path(emails, Fetched::Whole, None);
        let mailboxes = Dataset::MailboxUsage;
        let half_a_year = Fetched::Period(Period::D180);
        check_path(
            mailboxes,
            half_a_year,
            Some("reports/getMailboxUsageDetail(period='D180')"),
        );
        check_path(mailboxes, day, None);
        let activations = Dataset::AppsActivations;
        check_path(
            activations,
            Fetched::Whole,
            Some("reports/getOffice365ActivationsUserDetail"),
        );
        check_path(activations, week, None);
        check_path(
            Dataset::CopilotUsage,
            week,
            Some("copilot/reports/getMicrosoft365CopilotUsageUserDetail(period='D7')"),
        );
        check_path(Dataset::CopilotUsage, day, None);
        check_path(Dataset::Users, week, None);
    }

    #[test]
    fn every_report_has_a_layout_and_nothing_else_has() {
        for dataset in Dataset::ALL {
            let is_report = Dataset::REPORTS.contains(&dataset);
            assert_eq!(layout(dataset).is_some(), is_report, "{dataset:?}");
        }
    }

    #[test]
    fn no_two_columns_of_a_report_feed_one_number_unless_one_stands_in() {
        for dataset in Dataset::REPORTS {
            let mut fed = HashSet::new();
            for column in layout(dataset).unwrap().columns {
                let is_new = fed.insert(column.metric);
                let stands_in = column.content == Content::Duration;
                assert_eq!(is_new, !stands_in, "{dataset:?} {}", column.name);
            }
        }
    }

    #[test]
    fn every_metric_is_fed() {
        let columns = Dataset::REPORTS.map(|dataset| layout(dataset).unwrap().columns);
        let fed: HashSet<Metric> = columns
            .iter()
            .copied()
            .flatten()
            .map(|column| column.metric)
            .collect();
        // The last one of the list.
        assert_eq!(fed.len(), Metric::CopilotLoopOn as usize + 1);
    }

    #[track_caller]
    fn check_period(cell: &str, period: Period, is_other: bool) {
        assert_eq!(is_other_period(cell, period), is_other, "{cell}");
    }

    #[test]
    fn a_period_is_a_number_of_days() {
        check_period("7", Period::D7, false);
        check_period("D7", Period::D7, false);
        check_period("180", Period::D180, false);
        check_period("28", Period::D30, true);
        check_period("70", Period::D7, true);
        check_period("ALL", Period::D7, true);
    }
}
