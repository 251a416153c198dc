//! Filters as no page would think of them: random conditions, nested as deep as is allowed, compiled
//! and counted through the read model alone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use seatwise::domain::filter::{
    DayCondition, ListCondition, NESTING_MAX, TextCondition, TimeCondition, UserDimension,
    UserFilter, UserFlag, UserText,
};
use seatwise::domain::ids::ObjectId;
use seatwise::domain::text::Folded;
use seatwise::domain::usage::{ActivityState, Workload};
use seatwise::domain::user::UserType;
use seatwise::engine::TenantIndex;
use serde::{Deserialize, Serialize};

use crate::export::{groups, selected};

/// Conditions of one filter.
const LEAVES: usize = 12;
/// How often each is timed; the best counts, others share the machine.
const ROUNDS: usize = 3;
/// The first day that is asked for.
const EARLIEST: Date = date(2016, 1, 1);
/// Days from there on that something happened on.
const DAYS: u64 = 3_970;

/// What executing random filters took, in microseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct FilterTimes {
    /// Conditions on properties, licenses, groups, dates and activity.
    pub(crate) plain: Times,
    /// The same, with one condition in each on a part of the display name.
    pub(crate) with_search: Times,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Times {
    pub(crate) median: f64,
    pub(crate) worst: f64,
}

pub(crate) fn time_filters(index: &Arc<TenantIndex>, count: usize) -> FilterTimes {
    let mut filters = Filters::new(index);
    let plain: Vec<_> = (0..count).map(|_| filters.nested()).collect();
    let with_search: Vec<_> = (0..count / 4).map(|_| filters.with_search()).collect();
    FilterTimes {
        plain: times(index, &plain),
        with_search: times(index, &with_search),
    }
}

fn times(index: &Arc<TenantIndex>, filters: &[UserFilter]) -> Times {
    let mut times: Vec<Duration> = filters.iter().map(|filter| time(index, filter)).collect();
    times.sort_unstable();
    let microseconds = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e6);
    Times {
        median: microseconds(times.get(times.len() / 2)),
        worst: microseconds(times.last()),
    }
}

fn time(index: &Arc<TenantIndex>, filter: &UserFilter) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let began = Instant::now();
        std::hint::black_box(selected(index, filter).count());
        began.elapsed()
    });
    rounds.min().unwrap_or_default()
}

/// Makes filters of what the organization has.
struct Filters {
    state: u64,
    texts: Vec<(UserText, Vec<String>)>,
    licenses: Vec<String>,
    groups: Vec<ObjectId>,
}

impl Filters {
    fn new(index: &Arc<TenantIndex>) -> Self {
        let everybody = selected(index, &UserFilter::EVERYBODY);
        let values = |by| {
            let groups = groups(&everybody, by).into_iter();
            groups.map(|(value, _)| value).collect::<Vec<_>>()
        };
        let texts = [
            (UserText::Department, UserDimension::Department),
            (UserText::JobTitle, UserDimension::JobTitle),
            (UserText::CompanyName, UserDimension::Company),
            (UserText::OfficeLocation, UserDimension::OfficeLocation),
            (UserText::Country, UserDimension::Country),
            (UserText::UsageLocation, UserDimension::UsageLocation),
            (UserText::EmployeeType, UserDimension::EmployeeType),
        ];
        Self {
            state: 1,
            texts: texts.map(|(text, by)| (text, values(by))).into(),
            licenses: values(UserDimension::LicenseName),
            groups: index.groups().iter().map(|group| group.object_id).collect(),
        }
    }

    fn nested(&mut self) -> UserFilter {
        self.branch(NESTING_MAX, LEAVES)
    }

    fn with_search(&mut self) -> UserFilter {
        const PARTS: [&str; 8] = ["ann", "son", "berg", "mar", "chen", "lind", "garc", "smit"];
        let part = Folded::new(PARTS[self.below(PARTS.len())]);
        let search = UserFilter::Text(UserText::DisplayName, TextCondition::Contains(part));
        let rest = self.branch(NESTING_MAX - 1, LEAVES - 1);
        match self.below(2) {
            0 => UserFilter::And(vec![search, rest]),
            _ => UserFilter::Or(vec![search, rest]),
        }
    }

    /// So many conditions, nested at most so deep.
    fn branch(&mut self, depth: usize, leaves: usize) -> UserFilter {
        if leaves == 1 {
            return self.leaf();
        }
        if depth > 1 && self.below(5) == 0 {
            return UserFilter::Not(Box::new(self.branch(depth - 1, leaves)));
        }
        let parts = match depth {
            1 => vec![1; leaves],
            _ => self.split(leaves),
        };
        let parts = parts
            .into_iter()
            .map(|leaves| self.branch(depth - 1, leaves))
            .collect();
        match self.below(2) {
            0 => UserFilter::And(parts),
            _ => UserFilter::Or(parts),
        }
    }

    /// Two to four numbers above zero that add up.
    fn split(&mut self, leaves: usize) -> Vec<usize> {
        let parts = (2 + self.below(3)).min(leaves);
        let mut sizes = vec![1; parts];
        for _ in parts..leaves {
            let place = self.below(parts);
            sizes[place] += 1;
        }
        sizes
    }

    fn leaf(&mut self) -> UserFilter {
        match self.below(12) {
            0..4 => self.text(),
            4..7 => self.license(),
            7 => {
                let flags = [
                    UserFlag::ResourceAccount,
                    UserFlag::AccountEnabled,
                    UserFlag::SyncedFromOnPremises,
                ];
                UserFilter::Flag(flags[self.below(3)], self.below(2) == 0)
            }
            8 => match self.below(2) {
                0 => UserFilter::UserType([UserType::ALL[self.below(2)]].into()),
                _ => UserFilter::ActivityState([ActivityState::ALL[self.below(4)]].into()),
            },
            9 => UserFilter::CreatedAt(self.times()),
            10 => match self.below(3) {
                0 => UserFilter::LastActiveOn(self.days()),
                1 => UserFilter::LastSignInAt(self.times()),
                _ => {
                    let workload = Workload::ALL[self.below(Workload::ALL.len())];
                    UserFilter::WorkloadLastActiveOn(workload, self.days())
                }
            },
            _ => {
                let count = 1 + self.below(3);
                let groups = (0..count).filter_map(|_| {
                    let place = self.below(self.groups.len().max(1));
                    self.groups.get(place).copied()
                });
                UserFilter::Group(groups.collect())
            }
        }
    }

    fn text(&mut self) -> UserFilter {
        let place = self.below(self.texts.len());
        let property = self.texts[place].0;
        let count = 1 + self.below(3);
        let chosen: Vec<Folded> = (0..count)
            .filter_map(|_| {
                let value = self.below(self.texts[place].1.len().max(1));
                self.texts[place].1.get(value).map(|text| Folded::new(text))
            })
            .collect();
        let condition = match (self.below(8), chosen.first()) {
            (0, _) | (_, None) => TextCondition::IsAbsent,
            (1, Some(text)) => {
                let start: String = text.as_str().chars().take(3).collect();
                TextCondition::StartsWith(Folded::new(&start))
            }
            _ => TextCondition::In(chosen.into_iter().collect()),
        };
        UserFilter::Text(property, condition)
    }

    fn license(&mut self) -> UserFilter {
        let count = 1 + self.below(2);
        let chosen: BTreeSet<Folded> = (0..count)
            .filter_map(|_| {
                let place = self.below(self.licenses.len().max(1));
                self.licenses.get(place).map(|name| Folded::new(name))
            })
            .collect();
        UserFilter::LicenseNames(match self.below(8) {
            0 => ListCondition::IsEmpty,
            1 => ListCondition::HasNone(chosen),
            2 => ListCondition::HasEvery(chosen),
            _ => ListCondition::HasSome(chosen),
        })
    }

    fn times(&mut self) -> TimeCondition {
        let (from, to) = (self.day(), self.day());
        let midnight = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
        TimeCondition::Within {
            from: midnight(from.min(to)),
            before: midnight(from.max(to)),
        }
    }

    fn days(&mut self) -> DayCondition {
        let (from, to) = (self.day(), self.day());
        DayCondition::Within {
            from: Some(from.min(to)),
            to: Some(from.max(to)),
        }
    }

    fn day(&mut self) -> Date {
        let days = self.number() % DAYS;
        EARLIEST.saturating_add(jiff::SignedDuration::from_hours(24 * days.cast_signed()))
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    /// `SplitMix64`: the same filters each time.
    fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
