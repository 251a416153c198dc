//! Use over time by the users of a selection.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;

use super::{Granularity, History, UsagePoint};
use crate::domain::usage::{Metric, Workload};
use crate::engine::select::{Part, UserSelection};

impl UserSelection {
    /// Use of a workload by the selected users over time, both days included. A day that no report
    /// covers has no point, nor has a week or month of such days. Whoever is gone no longer counts.
    pub fn usage(
        &self,
        workload: Workload,
        from: Date,
        to: Date,
        by: Granularity,
    ) -> Vec<UsagePoint> {
        let mut buckets = BTreeMap::new();
        for part in &self.parts {
            add_part(part, workload, (from, to), by, &mut buckets);
        }
        let point = |(on, bucket): (Date, Bucket)| UsagePoint {
            on,
            active_users: bucket.active_users,
            totals: bucket.totals.into_iter().collect(),
        };
        buckets.into_iter().map(point).collect()
    }
}

/// A point in the making.
#[derive(Default)]
struct Bucket {
    active_users: u64,
    totals: BTreeMap<Metric, u64>,
}

/// In which bucket a user was met last: numbered from 1 in order of time, 0 for none.
const NONE_YET: u32 = 0;
/// The user is not among the selected ones.
const NOT_WANTED: u32 = u32::MAX;

fn add_part(
    part: &Part,
    workload: Workload,
    (from, to): (Date, Date),
    by: Granularity,
    buckets: &mut BTreeMap<Date, Bucket>,
) {
    let history = part.tenant.history();
    let mut met_in = Vec::new();
    let (mut bucket_on, mut bucket_number) = (None, NONE_YET);
    for (on, day) in history.days_of(workload, from, to) {
        if met_in.is_empty() {
            // Only now, since most tenants have no day of most workloads.
            met_in = wanted(part, history);
        }
        let on = by.first_day(on);
        if bucket_on.replace(on) != Some(on) {
            bucket_number += 1;
        }
        let bucket = buckets.entry(on).or_default();
        let mut active_users = 0;
        let sums = day.sums(|number| match met_in.get_mut(number as usize) {
            None | Some(&mut NOT_WANTED) => false,
            Some(met_in) => {
                let is_first = std::mem::replace(met_in, bucket_number) != bucket_number;
                active_users += u64::from(is_first);
                true
            }
        });
        for (metric, sum) in sums {
            let total = bucket.totals.entry(metric).or_default();
            *total = total.saturating_add(sum);
        }
        bucket.active_users += active_users;
    }
}

/// For each number whether its user is selected; looked up once, whatever the number of days.
fn wanted(part: &Part, history: &History) -> Vec<u32> {
    let users = part.tenant.users();
    let is_wanted = |number| {
        let row = users.find(history.numbers.get(number));
        row.is_some_and(|row| part.rows.contains(row))
    };
    let number = |number| {
        if is_wanted(number) {
            NONE_YET
        } else {
            NOT_WANTED
        }
    };
    (0..history.numbers_end).map(number).collect()
}

impl Granularity {
    /// The day that a point stands on.
    fn first_day(self, day: Date) -> Date {
        match self {
            Self::Day => day,
            Self::Week => {
                let since_monday = day.weekday().to_monday_zero_offset();
                day.saturating_sub(i64::from(since_monday).days())
            }
            Self::Month => day.first_of_month(),
        }
    }
}
