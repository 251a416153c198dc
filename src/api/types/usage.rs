//! Use over time.

use async_graphql::{Enum, SimpleObject};
use jiff::civil;

use crate::api::error::Error;
use crate::api::scalars::{BigInt, Date, int};
use crate::domain::usage::Metric;
use crate::engine;

/// The most days of one series: a year, and what it is compared with at both ends.
pub(crate) const DAYS_MAX: i32 = 400;

/// The days from one to another, both inclusive, if they are a range that is answered.
pub(crate) fn checked_range(from: Date, to: Date) -> Result<(civil::Date, civil::Date), Error> {
    let (from, to) = (from.0, to.0);
    let days = (to - from).get_days().saturating_add(1);
    if days < 1 {
        return Err(Error::bad_input(format!(
            "`from` is {from}, after `to`, which is {to}."
        )));
    }
    if days > DAYS_MAX {
        return Err(Error::bad_input(format!(
            "`from` to `to` is {days} days; it takes at most {DAYS_MAX}."
        )));
    }
    Ok((from, to))
}

/// How many days one point stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "engine::Granularity")]
pub(crate) enum Granularity {
    /// A point a day.
    Day,
    /// A point a week, on its Monday.
    Week,
    /// A point a month, on its first day.
    Month,
}

/// Use of a workload on one day, or over the days of a week or month that are known.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(crate) struct UsagePoint {
    /// The day, or the first of the week or month.
    on: Date,
    /// How many of the selected users were active on one of the days.
    active_users: i32,
    /// What they did, summed; a number that no report told is left out.
    metrics: Vec<UsageMetric>,
}

/// One number of a point.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(crate) struct UsageMetric {
    /// Which: the field of the same name in the workload's activity, such as "emailsSent".
    name: String,
    /// The sum over the selected users and the days.
    total: BigInt,
}

impl From<engine::UsagePoint> for UsagePoint {
    fn from(point: engine::UsagePoint) -> Self {
        let metric = |(metric, total)| UsageMetric {
            name: metric_name(metric).to_owned(),
            total: BigInt(total),
        };
        Self {
            on: Date(point.on),
            active_users: int(point.active_users),
            metrics: point.totals.into_iter().map(metric).collect(),
        }
    }
}

/// The name of the field that has the same number of one user.
fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::ExchangeOn => "exchangeOn",
        Metric::OneDriveOn => "oneDriveOn",
        Metric::SharePointOn => "sharePointOn",
        Metric::SkypeOn => "skypeOn",
        Metric::YammerOn => "yammerOn",
        Metric::TeamsOn => "teamsOn",
        Metric::EmailsSent => "emailsSent",
        Metric::EmailsReceived => "emailsReceived",
        Metric::EmailsRead => "emailsRead",
        Metric::MeetingsCreated => "meetingsCreated",
        Metric::MeetingsInteracted => "meetingsInteracted",
        Metric::MailboxBytes => "mailboxBytes",
        Metric::MailboxQuotaBytes => "mailboxQuotaBytes",
        Metric::HasArchive => "hasArchive",
        Metric::ChannelMessages => "channelMessages",
        Metric::ChatMessages => "chatMessages",
        Metric::Calls => "calls",
        Metric::Meetings => "meetings",
        Metric::MeetingsOrganized => "meetingsOrganized",
        Metric::MeetingsAttended => "meetingsAttended",
        Metric::AudioSeconds => "audioSeconds",
        Metric::VideoSeconds => "videoSeconds",
        Metric::ScreenShareSeconds => "screenShareSeconds",
        Metric::ViewedOrEdited => "viewedOrEdited",
        Metric::Synced => "synced",
        Metric::SharedInternally => "sharedInternally",
        Metric::SharedExternally => "sharedExternally",
        Metric::VisitedPages => "visitedPages",
        Metric::StorageBytes => "storageBytes",
        Metric::Posted => "posted",
        Metric::Read => "read",
        Metric::Liked => "liked",
        Metric::OnWindows => "windows",
        Metric::OnMac => "mac",
        Metric::OnMobile => "mobile",
        Metric::OnWeb => "web",
        Metric::ActivatedWindows => "activatedWindows",
        Metric::ActivatedMac => "activatedMac",
        Metric::ActivatedWindowsMobile => "activatedWindowsMobile",
        Metric::ActivatedIos => "activatedIos",
        Metric::ActivatedAndroid => "activatedAndroid",
        Metric::CopilotChatOn => "copilotChatOn",
        Metric::CopilotTeamsOn => "copilotTeamsOn",
        Metric::CopilotWordOn => "copilotWordOn",
        Metric::CopilotExcelOn => "copilotExcelOn",
        Metric::CopilotPowerPointOn => "copilotPowerPointOn",
        Metric::CopilotOutlookOn => "copilotOutlookOn",
        Metric::CopilotOneNoteOn => "copilotOneNoteOn",
        Metric::CopilotLoopOn => "copilotLoopOn",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::error::Code;

    fn day(text: &str) -> Date {
        Date(text.parse().unwrap())
    }

    #[track_caller]
    fn check(from: &str, to: &str, refusal: Option<&str>) {
        let refused = checked_range(day(from), day(to)).err();
        assert!(refused.iter().all(|error| error.code == Code::BadInput));
        assert_eq!(refused.map(|error| error.message).as_deref(), refusal);
    }

    #[test]
    fn a_range_is_1_to_400_days_and_the_refusal_says_so() {
        check("2026-11-20", "2026-11-20", None);
        check("2025-10-17", "2026-11-20", None);
        check(
            "2025-10-16",
            "2026-11-20",
            Some("`from` to `to` is 401 days; it takes at most 400."),
        );
        check(
            "2026-11-21",
            "2026-11-20",
            Some("`from` is 2026-11-21, after `to`, which is 2026-11-20."),
        );
        let ends = checked_range(Date(civil::Date::MIN), Date(civil::Date::MAX));
        assert_eq!(ends.unwrap_err().code, Code::BadInput);
    }

    #[test]
    fn a_point_names_its_numbers_as_the_activity_does() {
        let point = engine::UsagePoint {
            on: day("2026-11-20").0,
            active_users: 3,
            totals: vec![(Metric::EmailsSent, 12), (Metric::OnWindows, u64::MAX)],
        };
        let point = UsagePoint::from(point);
        let names: Vec<_> = point.metrics.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["emailsSent", "windows"]);
        assert_eq!(point.metrics[1].total, BigInt(u64::MAX));
        assert_eq!((point.on, point.active_users), (day("2026-11-20"), 3));
    }
}
