//! What the usage reports say of a user, workload by workload.
//!
//! Absence is never zero here: what a report leaves blank, conceals or does not cover is null.

use async_graphql::{Enum, Object};
use jiff::civil;

use super::workload_activity::{
    AppsActivity, CopilotActivity, FileActivity, OutlookActivity, TeamsActivity, VivaEngageActivity,
};
use crate::api::scalars::{BigInt, Date, int};
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{self, Metric};
use crate::engine::UserRow;

/// The schema's description is on its `Object`.
pub(crate) struct UserActivity {
    row: UserRow,
    period: usage::Period,
}

impl UserActivity {
    pub(crate) fn new(row: UserRow, period: usage::Period) -> Self {
        Self { row, period }
    }

    /// What one report says of the user; `None` where it says nothing or tells of nobody by name.
    fn report(&self, dataset: Dataset) -> Option<Report> {
        let standing = self.row.tenant().standing(dataset)?;
        if standing.is_concealed {
            return None;
        }
        let of_period = standing.reported_on(Some(self.period));
        Some(Report {
            reported_on: of_period.or_else(|| standing.reported_on(None))?,
            usage: self
                .row
                .usage(dataset)
                .filter(|usage| !usage.is_left_out || !usage.is_nothing())?,
            period: self.period,
        })
    }

    /// The same of the report of active users, which has a day for most workloads and nothing else.
    fn active_users(&self, day: Metric) -> Option<Report> {
        let report = self.report(Dataset::ActiveUsers)?;
        report.number(day).is_some().then_some(report)
    }

    fn told(&self, workload: usage::Workload, reports: [Option<Report>; 3]) -> Option<Told> {
        Told::of(reports, self.row.workload_last_active_on(workload))
    }
}

/// One report's row about the user.
#[derive(Debug, Clone)]
pub(super) struct Report {
    /// The day up to which it tells.
    pub(super) reported_on: civil::Date,
    pub(super) usage: usage::Usage,
    pub(super) period: usage::Period,
}

impl Report {
    /// One number, summed over the period where it is a sum.
    fn number(&self, metric: Metric) -> Option<u64> {
        let sums = self.usage.sums.get(self.period as usize);
        let summed = sums
            .and_then(Option::as_ref)
            .and_then(|sums| sums.get(metric));
        summed.or_else(|| self.usage.standing.get(metric))
    }
}

/// What all reports on one workload say of a user.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The workload's own report first.
    reports: [Option<Report>; 3],
    pub(super) reported_on: Date,
    pub(super) last_active_on: Option<Date>,
}

impl Told {
    /// `None` where no report says anything.
    pub(super) fn of(
        reports: [Option<Report>; 3],
        last_active_on: Option<civil::Date>,
    ) -> Option<Self> {
        let first = reports.iter().flatten().next()?;
        Some(Self {
            reported_on: Date(first.reported_on),
            last_active_on: last_active_on.map(Date),
            reports,
        })
    }

    fn number(&self, metric: Metric) -> Option<u64> {
        let mut reports = self.reports.iter().flatten();
        reports.find_map(|report| report.number(metric))
    }

    pub(super) fn count(&self, metric: Metric) -> Option<i32> {
        self.number(metric).map(int)
    }

    pub(super) fn big(&self, metric: Metric) -> Option<BigInt> {
        self.number(metric).map(BigInt)
    }

    pub(super) fn flag(&self, metric: Metric) -> Option<bool> {
        self.number(metric).map(|number| number != 0)
    }

    pub(super) fn day(&self, metric: Metric) -> Option<Date> {
        self.number(metric).and_then(day)
    }
}

/// The day that so many days follow 1970-01-01.
fn day(number: u64) -> Option<Date> {
    let days = jiff::Span::new()
        .try_days(i64::try_from(number).ok()?)
        .ok()?;
    civil::date(1970, 1, 1).checked_add(days).ok().map(Date)
}

/// What a user did, one member a workload. A member is null where Microsoft reported nothing about the
/// user, or conceals whom its report is about. Counts are sums over the period that ends on
/// `reportedOn`; a count that the report leaves blank, or that was not asked for this period, is null.
#[Object]
impl UserActivity {
    /// Mail and meetings.
    async fn outlook(&self) -> Option<OutlookActivity> {
        let reports = [
            self.report(Dataset::EmailActivity),
            self.report(Dataset::MailboxUsage),
            self.active_users(Metric::ExchangeOn),
        ];
        let told = self.told(usage::Workload::Outlook, reports)?;
        Some(OutlookActivity::from(&told))
    }

    /// Chats, calls and meetings.
    async fn teams(&self) -> Option<TeamsActivity> {
        let reports = [
            self.report(Dataset::TeamsActivity),
            self.active_users(Metric::TeamsOn),
            None,
        ];
        let told = self.told(usage::Workload::Teams, reports)?;
        Some(TeamsActivity::from(&told))
    }

    /// Files in the user's OneDrive and those of others.
    async fn one_drive(&self) -> Option<FileActivity> {
        let reports = [
            self.report(Dataset::OneDriveActivity),
            self.report(Dataset::OneDriveUsage),
            self.active_users(Metric::OneDriveOn),
        ];
        let told = self.told(usage::Workload::OneDrive, reports)?;
        Some(FileActivity::from(&told))
    }

    /// Files and pages of sites.
    async fn share_point(&self) -> Option<FileActivity> {
        let reports = [
            self.report(Dataset::SharePointActivity),
            self.active_users(Metric::SharePointOn),
            None,
        ];
        let told = self.told(usage::Workload::SharePoint, reports)?;
        Some(FileActivity::from(&told))
    }

    /// Viva Engage, once Yammer.
    async fn viva_engage(&self) -> Option<VivaEngageActivity> {
        let reports = [
            self.report(Dataset::VivaEngageActivity),
            self.active_users(Metric::YammerOn),
            None,
        ];
        let told = self.told(usage::Workload::VivaEngage, reports)?;
        Some(VivaEngageActivity::from(&told))
    }

    /// Microsoft 365 Apps, by where they were used and activated.
    async fn apps(&self) -> Option<AppsActivity> {
        let reports = [
            self.report(Dataset::AppsUsage),
            self.report(Dataset::AppsActivations),
            None,
        ];
        let told = self.told(usage::Workload::Apps, reports)?;
        Some(AppsActivity::from(&told))
    }

    /// Microsoft 365 Copilot, by the application it was used in.
    async fn copilot(&self) -> Option<CopilotActivity> {
        let reports = [self.report(Dataset::CopilotUsage), None, None];
        let told = self.told(usage::Workload::Copilot, reports)?;
        Some(CopilotActivity::from(&told))
    }
}

/// Over how many days counts are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "usage::Period")]
pub(crate) enum Period {
    /// 7 days.
    #[graphql(name = "D7")]
    D7,
    /// 30 days.
    #[graphql(name = "D30")]
    D30,
    /// 90 days.
    #[graphql(name = "D90")]
    D90,
    /// 180 days.
    #[graphql(name = "D180")]
    D180,
}

/// A service whose use is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "usage::Workload")]
pub(crate) enum Workload {
    /// Exchange Online: mail and meetings.
    Outlook,
    /// Microsoft Teams.
    Teams,
    /// OneDrive.
    #[graphql(name = "ONEDRIVE")]
    OneDrive,
    /// SharePoint.
    #[graphql(name = "SHAREPOINT")]
    SharePoint,
    /// Viva Engage, once Yammer.
    VivaEngage,
    /// Microsoft 365 Apps: Word, Excel and the others on devices and in browsers.
    Apps,
    /// Microsoft 365 Copilot.
    Copilot,
}

/// Whether a user is in use. Never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "usage::ActivityState")]
pub(crate) enum ActivityState {
    /// A workload or a successful sign-in shows the user of late: within the policy's `inactive_after_days`,
    /// 90 unless config.toml says otherwise.
    Active,
    /// Was seen once, and nowhere for so many days.
    Inactive,
    /// Was never seen, though everything that would show the user was read.
    NeverActive,
    /// The data cannot tell: it is stale, concealed, not permitted or silent. It is never guessed to be
    /// inactive.
    Unknown,
}

/// Users by whether they are in use.
pub(crate) struct ActivityCounts {
    pub(crate) active: i32,
    /// Inactive now or always.
    pub(crate) inactive: i32,
    pub(crate) unknown: i32,
}

/// In the order of the domain's activity states.
impl From<[u64; 4]> for ActivityCounts {
    fn from([active, inactive, never_active, unknown]: [u64; 4]) -> Self {
        Self {
            active: int(active),
            inactive: int(inactive.saturating_add(never_active)),
            unknown: int(unknown),
        }
    }
}

/// What a mailbox is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "usage::MailboxType")]
pub(crate) enum MailboxType {
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
    /// A word of Microsoft's that this version does not know.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_counted_in_the_order_of_the_states() {
        use usage::ActivityState::{Active, Inactive, NeverActive, Unknown};
        assert_eq!(
            usage::ActivityState::ALL,
            [Active, Inactive, NeverActive, Unknown]
        );
    }
}
