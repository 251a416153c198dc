//! How the reports and the logs behave, and what a demo or a test does to change that.

use super::graph::audit_logs::HeldBack;
use super::handle::Handle;

/// What the lines of a report depend on besides its days.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// How many days ago reports were refreshed.
    pub(crate) report_lag_days: i64,
    pub(crate) conceals_names: bool,
    /// Reports have a header and no lines.
    pub(crate) reports_are_empty: bool,
    pub(crate) added_columns: Vec<String>,
    pub(crate) dropped_columns: Vec<String>,
    pub(crate) reverses_columns: bool,
}

/// The switches.
#[derive(Debug, Clone)]
pub(crate) struct Switches {
    pub(crate) shape: Shape,
    pub(crate) gives_etags: bool,
    /// Whether this cloud has usage reports.
    pub(crate) has_reports: bool,
    /// Whether the account that signs in has a role that may read reports and logs.
    pub(crate) has_reports_role: bool,
    pub(crate) limits_reports: bool,
    pub(crate) limits_logs: bool,
    /// Whether a throttled report or log says when to come back.
    pub(crate) tells_retry_after: bool,
    /// Whether a page of a log begins with the last entry of the page before.
    pub(crate) repeats_log_entries: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            shape: Shape {
                report_lag_days: 2,
                conceals_names: false,
                reports_are_empty: false,
                added_columns: Vec::new(),
                dropped_columns: Vec::new(),
                reverses_columns: false,
            },
            gives_etags: true,
            has_reports: true,
            has_reports_role: true,
            limits_reports: true,
            limits_logs: true,
            tells_retry_after: true,
            repeats_log_entries: false,
        }
    }
}

/// Usage reports.
impl Handle {
    /// `http://127.0.0.1:{port}` of the host that reports are fetched from.
    pub fn download_url(&self) -> &str {
        &self.world.download_url
    }

    /// How many days ago the reports were refreshed: two, before this is called.
    pub fn set_report_lag(&self, days: u32) {
        self.world.switches().shape.report_lag_days = i64::from(days);
    }

    /// Whether reports show pseudonyms instead of names. Microsoft conceals them unless told otherwise;
    /// here, names are shown before this is called.
    pub fn set_concealed(&self, conceals: bool) {
        self.world.switches().shape.conceals_names = conceals;
    }

    /// Whether reports have a header only, as those of a new tenant do.
    pub fn set_reports_empty(&self, are_empty: bool) {
        self.world.switches().shape.reports_are_empty = are_empty;
    }

    /// Adds a column to every report, before `Report Period` where there is one. Its fields have quotes
    /// in them.
    pub fn add_report_column(&self, name: &str) {
        let mut switches = self.world.switches();
        switches.shape.added_columns.push(name.to_owned());
    }

    /// Leaves a column out of every report.
    pub fn drop_report_column(&self, name: &str) {
        let mut switches = self.world.switches();
        switches.shape.dropped_columns.push(name.to_owned());
    }

    /// Whether the columns of every report come in the opposite order.
    pub fn reverse_report_columns(&self, reverses: bool) {
        self.world.switches().shape.reverses_columns = reverses;
    }

    /// Whether reports have an `ETag`, and answer 304 to who knows it.
    pub fn set_report_etags(&self, gives: bool) {
        self.world.switches().gives_etags = gives;
    }

    /// Whether there are usage reports at all: only the global cloud has them.
    pub fn set_reports_available(&self, are_there: bool) {
        self.world.switches().has_reports = are_there;
    }

    /// Whether who signs in has a role that may read reports and logs; for the application itself, its
    /// permissions do.
    pub fn set_reports_role(&self, has_role: bool) {
        self.world.switches().has_reports_role = has_role;
    }

    /// Whether more than 14 requests in ten minutes for one report are refused.
    pub fn set_report_limits(&self, limits: bool) {
        self.world.switches().limits_reports = limits;
    }

    /// Whether a refusal of a report or a log for its limits says when to come back.
    pub fn set_limits_tell_when(&self, tell: bool) {
        self.world.switches().tells_retry_after = tell;
    }

    /// Gives `count` employees another surname, in the userPrincipalName too; reports name them as
    /// before until they are refreshed up to this day. Returns their object ids.
    pub fn rename_users(&self, count: u64, round: u32) -> Vec<String> {
        let renamed = self.world.organization.rename(count, round);
        let today = self.world.today();
        self.world.happened().note_names(&renamed, today);
        self.ids(renamed)
    }
}

/// The sign-in log and the audit log.
impl Handle {
    /// Whether more than 5 requests in ten seconds for the two logs together are refused.
    pub fn set_log_limits(&self, limits: bool) {
        self.world.switches().limits_logs = limits;
    }

    /// Holds back the newest `count` entries that each log shows now: until they are released, the
    /// logs are as if those were not there yet, and newer ones come before them.
    pub fn hold_back_log(&self, count: usize) {
        *self.world.held_back() = HeldBack::newest(&self.world, count);
    }

    /// Lets the entries in that were held back.
    pub fn release_log(&self) {
        *self.world.held_back() = HeldBack::default();
    }

    /// Whether the last entry of a page of a log is the first of the next page too.
    pub fn repeat_log_entries(&self, repeats: bool) {
        self.world.switches().repeats_log_entries = repeats;
    }
}
