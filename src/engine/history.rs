//! Who used what on which day.

use jiff::civil::Date;

use super::index::TenantIndex;
use super::select::UserSelection;
use crate::domain::ids::ObjectId;
use crate::domain::usage::{HistoryUser, Metric, UsageDay, Values, Workload};

/// The history being changed on top of an index.
pub struct HistoryDraft {}

/// Use on one day, or over the days of a week or month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsagePoint {
    /// The first day.
    pub on: Date,
    /// Users who were active on one of the days.
    pub active_users: u64,
    /// Sums, by metric.
    pub totals: Vec<(Metric, u64)>,
}

/// The steps of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// A point a day.
    Day,
    /// A point an ISO week, on its Monday.
    Week,
    /// A point a month, on its first.
    Month,
}

impl TenantIndex {
    /// Begins to change the history.
    pub fn history_draft(&self) -> HistoryDraft {
        todo!()
    }

    /// The days of which a workload's use is known, sorted.
    pub fn history_days(&self, _workload: Workload) -> Vec<Date> {
        todo!()
    }
}

impl HistoryDraft {
    /// Takes in who used a workload on a day; what is to be stored of it: new numbers, and the day.
    pub fn record(
        &mut self,
        _workload: Workload,
        _on: Date,
        _users: Vec<(ObjectId, Values)>,
    ) -> (Vec<HistoryUser>, UsageDay) {
        todo!()
    }

    /// Takes in a number as it was stored.
    pub fn load_user(&mut self, _user: HistoryUser) {
        todo!()
    }

    /// Takes in a day as it was stored.
    pub fn load_day(&mut self, _day: &UsageDay) {
        todo!()
    }

    /// Forgets days before one; which.
    pub fn forget_before(&mut self, _day: Date) -> Vec<(Workload, Date)> {
        todo!()
    }
}

impl UserSelection {
    /// Use of a workload by the selected users over time. A day that no report covers has no point.
    pub fn usage(
        &self,
        _workload: Workload,
        _from: Date,
        _to: Date,
        _by: Granularity,
    ) -> Vec<UsagePoint> {
        todo!()
    }
}
