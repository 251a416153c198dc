//! What one user did in one workload.

use async_graphql::SimpleObject;

use super::activity::Told;
use crate::api::scalars::{BigInt, Date};
use crate::domain::usage::Metric;

/// Mail and meetings of one user.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(crate) struct OutlookActivity {
    /// The day up to which Microsoft's report tells.
    reported_on: Date,
    /// The last day of activity, whatever the period; null where none was ever recorded.
    last_active_on: Option<Date>,
    /// Mails sent.
    emails_sent: Option<i32>,
    /// Mails received.
    emails_received: Option<i32>,
    /// Mails read.
    emails_read: Option<i32>,
    /// Meetings that the user created.
    meetings_created: Option<i32>,
    /// Meetings that the user answered, changed or joined by mail.
    meetings_interacted: Option<i32>,
    /// Bytes that the mailbox takes, archive aside; now, whatever the period.
    mailbox_bytes: Option<BigInt>,
    /// Bytes from which on nothing is sent any more.
    mailbox_quota_bytes: Option<BigInt>,
    /// Whether the mailbox has an archive.
    has_archive: Option<bool>,
}

impl From<&Told> for OutlookActivity {
    fn from(told: &Told) -> Self {
        Self {
            reported_on: told.reported_on,
            last_active_on: told.last_active_on,
            emails_sent: told.count(Metric::EmailsSent),
            emails_received: told.count(Metric::EmailsReceived),
            emails_read: told.count(Metric::EmailsRead),
            meetings_created: told.count(Metric::MeetingsCreated),
            meetings_interacted: told.count(Metric::MeetingsInteracted),
            mailbox_bytes: told.big(Metric::MailboxBytes),
            mailbox_quota_bytes: told.big(Metric::MailboxQuotaBytes),
            has_archive: told.flag(Metric::HasArchive),
        }
    }
}

/// Microsoft Teams of one user.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(crate) struct TeamsActivity {
    /// The day up to which Microsoft's report tells.
    reported_on: Date,
    /// The last day of activity, whatever the period; null where none was ever recorded.
    last_active_on: Option<Date>,
    /// Messages in channels.
    channel_messages: Option<i32>,
    /// Messages in private chats.
    chat_messages: Option<i32>,
    /// Calls of two.
    calls: Option<i32>,
    /// Meetings of any kind.
    meetings: Option<i32>,
    /// Meetings that the user organized.
    meetings_organized: Option<i32>,
    /// Meetings that the user attended.
    meetings_attended: Option<i32>,
    /// Seconds with sound.
    audio_seconds: Option<BigInt>,
    /// Seconds with video.
    video_seconds: Option<BigInt>,
    /// Seconds of shared screens.
    screen_share_seconds: Option<BigInt>,
}

impl From<&Told> for TeamsActivity {
    fn from(told: &Told) -> Self {
        Self {
            reported_on: told.reported_on,
            last_active_on: told.last_active_on,
            channel_messages: told.count(Metric::ChannelMessages),
            chat_messages: told.count(Metric::ChatMessages),
            calls: told.count(Metric::Calls),
            meetings: told.count(Metric::Meetings),
            meetings_organized: told.count(Metric::MeetingsOrganized),
            meetings_attended: told.count(Metric::MeetingsAttended),
            audio_seconds: told.big(Metric::AudioSeconds),
            video_seconds: told.big(Metric::VideoSeconds),
            screen_share_seconds: told.big(Metric::ScreenShareSeconds),
        }
    }
}

/// Files of one user, in OneDrive or in SharePoint.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(crate) struct FileActivity {
    /// The day up to which Microsoft's report tells.
    reported_on: Date,
    /// The last day of activity, whatever the period; null where none was ever recorded.
    last_active_on: Option<Date>,
    /// Files that the user looked at or changed.
    viewed_or_edited: Option<i32>,
    /// Files that were synced to a device.
    synced: Option<i32>,
    /// Files shared with people inside.
    shared_internally: Option<i32>,
    /// Files shared with people outside.
    shared_externally: Option<i32>,
    /// Pages that the user visited; null for OneDrive, which has none.
    visited_pages: Option<i32>,
    /// Bytes that the user's OneDrive takes, now, whatever the period; null for SharePoint, whose bytes
    /// are the sites'.
    storage_bytes: Option<BigInt>,
}

impl From<&Told> for FileActivity {
    fn from(told: &Told) -> Self {
        Self {
            reported_on: told.reported_on,
            last_active_on: told.last_active_on,
            viewed_or_edited: told.count(Metric::ViewedOrEdited),
            synced: told.count(Metric::Synced),
            shared_internally: told.count(Metric::SharedInternally),
            shared_externally: told.count(Metric::SharedExternally),
            visited_pages: told.count(Metric::VisitedPages),
            storage_bytes: told.big(Metric::StorageBytes),
        }
    }
}

/// Viva Engage of one user.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(crate) struct VivaEngageActivity {
    /// The day up to which Microsoft's report tells.
    reported_on: Date,
    /// The last day of activity, whatever the period; null where none was ever recorded.
    last_active_on: Option<Date>,
    /// Messages posted.
    posted: Option<i32>,
    /// Messages read.
    read: Option<i32>,
    /// Messages liked.
    liked: Option<i32>,
}

impl From<&Told> for VivaEngageActivity {
    fn from(told: &Told) -> Self {
        Self {
            reported_on: told.reported_on,
            last_active_on: told.last_active_on,
            posted: told.count(Metric::Posted),
            read: told.count(Metric::Read),
            liked: told.count(Metric::Liked),
        }
    }
}

/// Microsoft 365 Apps of one user.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(crate) struct AppsActivity {
    /// The day up to which Microsoft's report tells.
    reported_on: Date,
    /// The last day of activity, whatever the period; null where none was ever recorded.
    last_active_on: Option<Date>,
    /// Whether any was used on Windows.
    windows: Option<bool>,
    /// Whether any was used on a Mac.
    mac: Option<bool>,
    /// Whether any was used on a phone or tablet.
    mobile: Option<bool>,
    /// Whether any was used in a browser.
    web: Option<bool>,
    /// Where the user has activated them on a device, now, whatever the period: `Windows`, `Mac`,
    /// `Windows Mobile`, `iOS`, `Android`. Empty where nowhere, or where Microsoft does not say.
    activated_platforms: Vec<String>,
}

/// Platforms on which the apps are activated.
const PLATFORMS: [(Metric, &str); 5] = [
    (Metric::ActivatedWindows, "Windows"),
    (Metric::ActivatedMac, "Mac"),
    (Metric::ActivatedWindowsMobile, "Windows Mobile"),
    (Metric::ActivatedIos, "iOS"),
    (Metric::ActivatedAndroid, "Android"),
];

impl From<&Told> for AppsActivity {
    fn from(told: &Told) -> Self {
        let activated = PLATFORMS
            .into_iter()
            .filter(|(devices, _)| told.flag(*devices) == Some(true));
        Self {
            reported_on: told.reported_on,
            last_active_on: told.last_active_on,
            windows: told.flag(Metric::OnWindows),
            mac: told.flag(Metric::OnMac),
            mobile: told.flag(Metric::OnMobile),
            web: told.flag(Metric::OnWeb),
            activated_platforms: activated.map(|(_, name)| name.to_owned()).collect(),
        }
    }
}

/// Microsoft 365 Copilot of one user.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(crate) struct CopilotActivity {
    /// The day up to which Microsoft's report tells.
    reported_on: Date,
    /// The last day of activity, whatever the period; null where none was ever recorded.
    last_active_on: Option<Date>,
    /// The last day of use in each application.
    by_app: Vec<CopilotAppActivity>,
}

/// Microsoft 365 Copilot of one user in one application.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(crate) struct CopilotAppActivity {
    /// Where Copilot was used: `Copilot Chat`, `Teams`, `Word`, `Excel`, `PowerPoint`, `Outlook`,
    /// `OneNote` or `Loop`.
    app: String,
    /// The last day of use there; null where none was ever recorded.
    last_active_on: Option<Date>,
}

/// Where Copilot is used.
const COPILOT_APPS: [(Metric, &str); 8] = [
    (Metric::CopilotChatOn, "Copilot Chat"),
    (Metric::CopilotTeamsOn, "Teams"),
    (Metric::CopilotWordOn, "Word"),
    (Metric::CopilotExcelOn, "Excel"),
    (Metric::CopilotPowerPointOn, "PowerPoint"),
    (Metric::CopilotOutlookOn, "Outlook"),
    (Metric::CopilotOneNoteOn, "OneNote"),
    (Metric::CopilotLoopOn, "Loop"),
];

impl From<&Told> for CopilotActivity {
    fn from(told: &Told) -> Self {
        let by_app = COPILOT_APPS.map(|(day, app)| CopilotAppActivity {
            app: app.to_owned(),
            last_active_on: told.day(day),
        });
        Self {
            reported_on: told.reported_on,
            last_active_on: told.last_active_on,
            by_app: by_app.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::types::activity::Report;
    use crate::domain::ids::ObjectId;
    use crate::domain::sync_run::Dataset;
    use crate::domain::usage::{Period as Of, Usage, Values};

    fn on(text: &str) -> Date {
        Date(text.parse().unwrap())
    }

    fn report(
        dataset: Dataset,
        reported_on: &str,
        standing: &[(Metric, u64)],
        monthly: &[(Metric, u64)],
    ) -> Option<Report> {
        let values = |values: &[(Metric, u64)]| Values::new(values.iter().copied());
        Some(Report {
            reported_on: reported_on.parse().unwrap(),
            usage: Usage {
                standing: values(standing),
                sums: [None, Some(values(monthly)), None, None],
                ..Usage::nothing(dataset, ObjectId(uuid::Uuid::nil()))
            },
            period: Of::D30,
        })
    }

    fn told(reports: [Option<Report>; 3]) -> Told {
        Told::of(reports, Some(on("2026-11-18").0)).unwrap()
    }

    #[test]
    fn a_workload_of_which_no_report_tells_is_absent() {
        assert!(Told::of([None, None, None], Some(on("2026-11-18").0)).is_none());
    }

    #[test]
    fn mail_is_told_by_two_reports_and_dated_by_its_own() {
        let email = report(
            Dataset::EmailActivity,
            "2026-11-20",
            &[],
            &[(Metric::EmailsSent, 7), (Metric::EmailsReceived, 0)],
        );
        let mailbox = report(
            Dataset::MailboxUsage,
            "2026-11-19",
            &[
                (Metric::MailboxBytes, 5_000_000_000),
                (Metric::HasArchive, 1),
            ],
            &[],
        );
        let whole = OutlookActivity::from(&told([email, mailbox.clone(), None]));
        let expected = OutlookActivity {
            reported_on: on("2026-11-20"),
            last_active_on: Some(on("2026-11-18")),
            emails_sent: Some(7),
            emails_received: Some(0),
            emails_read: None,
            meetings_created: None,
            meetings_interacted: None,
            mailbox_bytes: Some(BigInt(5_000_000_000)),
            mailbox_quota_bytes: None,
            has_archive: Some(true),
        };
        assert_eq!(whole, expected);
        let alone = OutlookActivity::from(&told([None, mailbox, None]));
        let expected = OutlookActivity {
            reported_on: on("2026-11-19"),
            emails_sent: None,
            emails_received: None,
            ..expected
        };
        assert_eq!(alone, expected);
    }

    #[test]
    fn sums_of_another_period_are_not_told() {
        let mut teams = report(
            Dataset::TeamsActivity,
            "2026-11-20",
            &[],
            &[(Metric::Calls, 3)],
        );
        let calls = |report: &Option<Report>| {
            TeamsActivity::from(&told([report.clone(), None, None])).calls
        };
        assert_eq!(calls(&teams), Some(3));
        if let Some(report) = &mut teams {
            report.period = Of::D180;
        }
        assert_eq!(calls(&teams), None);
    }

    #[test]
    fn a_count_beyond_int_is_the_largest_and_bytes_are_whole() {
        let files = report(
            Dataset::OneDriveUsage,
            "2026-11-20",
            &[(Metric::StorageBytes, u64::MAX)],
            &[(Metric::ViewedOrEdited, u64::MAX)],
        );
        let files = FileActivity::from(&told([None, files, None]));
        assert_eq!(files.viewed_or_edited, Some(i32::MAX));
        assert_eq!(files.storage_bytes, Some(BigInt(u64::MAX)));
        assert_eq!(files.visited_pages, None);
    }

    #[test]
    fn apps_are_told_by_where_they_run() {
        let used = report(
            Dataset::AppsUsage,
            "2026-11-20",
            &[],
            &[(Metric::OnWindows, 1), (Metric::OnWeb, 0)],
        );
        let activated = report(
            Dataset::AppsActivations,
            "2026-11-19",
            &[
                (Metric::ActivatedMac, 0),
                (Metric::ActivatedAndroid, 1),
                (Metric::ActivatedWindows, 2),
            ],
            &[],
        );
        let apps = AppsActivity::from(&told([used, activated, None]));
        assert_eq!(
            (apps.windows, apps.mac, apps.web),
            (Some(true), None, Some(false))
        );
        assert_eq!(apps.activated_platforms, ["Windows", "Android"]);
    }

    #[test]
    fn copilot_has_a_day_for_each_application_or_none() {
        let days = report(
            Dataset::CopilotUsage,
            "2026-11-20",
            &[
                (Metric::CopilotWordOn, 20_000),
                (Metric::CopilotLoopOn, u64::MAX),
            ],
            &[],
        );
        let copilot = CopilotActivity::from(&told([days, None, None]));
        let told: Vec<_> = copilot
            .by_app
            .iter()
            .map(|app| (app.app.as_str(), app.last_active_on))
            .filter(|(_, day)| day.is_some())
            .collect();
        assert_eq!(copilot.by_app.len(), 8);
        assert_eq!(told, [("Word", Some(on("2024-10-04")))]);
    }
}
