//! One day of a workload in a few bytes a user.
//!
//! Users are known by their place among the users of the day, and what they did is kept metric by
//! metric: a sum then runs over one short array, and costs well under a nanosecond a user. A zero
//! adds nothing to a sum, which is all that is ever asked, so zeros and blanks are not told apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::seven_bits::{put, take};
use crate::domain::usage::{Metric, UsageDay, Values};
use crate::engine::heap::{Heap, Parts};

/// Who used a workload on a day, and what they did.
pub(super) struct Day {
    /// How many users there are.
    users: u32,
    /// For each user by number, the step from the number before.
    steps: Box<[u8]>,
    /// By metric: those that some user has a number of.
    columns: Box<[(Metric, Column)]>,
}

/// The values of one metric, by place of the user.
enum Column {
    /// None is above 1: a bit for each place.
    Flags(Box<[u64]>),
    /// Most are zero: for each that is not, the step from the place before, and the value.
    Few(Box<[u8]>),
    /// A byte for each place, and what is left of those that do not fit.
    Many {
        low: Box<[u8]>,
        rest: Box<[(u32, u64)]>,
    },
}

/// A column is [`Column::Few`] below this share of values that are not zero: each takes two bytes.
const FEW_SHARE: usize = 3;

impl Day {
    pub(super) fn new(day: &UsageDay) -> Self {
        let users: BTreeMap<u32, &Values> = day
            .users
            .iter()
            .map(|(number, values)| (number.0, values))
            .collect();
        let mut steps = Vec::new();
        let mut before = 0;
        for number in users.keys() {
            put(&mut steps, u64::from(number - before));
            before = *number;
        }
        let all = users.values().flat_map(|values| values.iter());
        let metrics: BTreeSet<Metric> = all.map(|(metric, _)| metric).collect();
        let column = |metric: Metric| {
            let values = users.values().map(|values| values.get(metric).unwrap_or(0));
            (metric, Column::new(&values.collect::<Vec<_>>()))
        };
        Self {
            users: users.len() as u32, // Distinct numbers of four bytes.
            // A copy: a block that has grown is not made smaller by giving back its end.
            steps: steps.as_slice().into(),
            columns: metrics.into_iter().map(column).collect(),
        }
    }

    /// Asks of every user whether it is wanted, by number, and adds up the values of those who are.
    pub(super) fn sums(
        &self,
        mut is_wanted: impl FnMut(u32) -> bool,
    ) -> impl Iterator<Item = (Metric, u64)> {
        let (mut steps, mut number) = (&*self.steps, 0_u32);
        let wanted: Vec<bool> = (0..self.users)
            .map(|_| {
                number = number.wrapping_add(take(&mut steps) as u32); // Written from a u32.
                is_wanted(number)
            })
            .collect();
        let columns = self.columns.iter();
        columns.map(move |(metric, column)| (*metric, column.sum(&wanted)))
    }
}

impl Column {
    fn new(values: &[u64]) -> Self {
        let filled = || values.iter().zip(0_u32..).filter(|(value, _)| **value != 0);
        if values.iter().all(|value| *value <= 1) {
            let word = |values: &[u64]| values.iter().rev().fold(0, |word, bit| word << 1 | bit);
            return Self::Flags(values.chunks(64).map(word).collect());
        }
        if filled().count() < values.len() / FEW_SHARE {
            let (mut bytes, mut before) = (Vec::new(), 0);
            for (value, place) in filled() {
                put(&mut bytes, u64::from(place - before));
                put(&mut bytes, *value);
                before = place;
            }
            return Self::Few(bytes.as_slice().into());
        }
        let low = |value: &u64| u8::try_from(*value).unwrap_or(u8::MAX);
        let rest = filled().map(|(value, place)| (place, value.saturating_sub(u8::MAX.into())));
        Self::Many {
            low: values.iter().map(low).collect(),
            rest: rest.filter(|(_, rest)| *rest != 0).collect(),
        }
    }

    fn sum(&self, wanted: &[bool]) -> u64 {
        let is_wanted = |place: usize| wanted.get(place).is_some_and(|is_wanted| *is_wanted);
        match self {
            Self::Flags(words) => {
                let count = |(word, wanted): (&u64, &[bool])| {
                    let bits = wanted.iter().rev().map(|is_wanted| u64::from(*is_wanted));
                    let wanted = bits.fold(0, |word, bit| word << 1 | bit);
                    u64::from((word & wanted).count_ones())
                };
                words.iter().zip(wanted.chunks(64)).map(count).sum()
            }
            Self::Few(bytes) => {
                let (mut bytes, mut place, mut sum) = (&**bytes, 0_usize, 0_u64);
                while !bytes.is_empty() {
                    place = place.wrapping_add(take(&mut bytes) as usize); // Written from a u32.
                    let value = take(&mut bytes);
                    if is_wanted(place) {
                        sum = sum.saturating_add(value);
                    }
                }
                sum
            }
            Self::Many { low, rest } => {
                let pairs = low.iter().zip(wanted);
                let low: u64 = pairs
                    .map(|(low, is)| u64::from(*low) * u64::from(*is))
                    .sum();
                let rest = rest.iter().filter(|(place, _)| is_wanted(*place as usize));
                rest.fold(low, |sum, (_, rest)| sum.saturating_add(*rest))
            }
        }
    }
}

impl Heap for Day {
    fn heap(&self, _parts: &mut Parts) -> usize {
        let columns = self.columns.iter().map(|(_, column)| match column {
            Column::Flags(words) => size_of_val(&**words),
            Column::Few(bytes) => bytes.len(),
            Column::Many { low, rest } => low.len() + size_of_val(&**rest),
        });
        self.steps.len() + size_of_val(&*self.columns) + columns.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::usage::{HistoryNumber, Workload};

    fn day(users: Vec<(HistoryNumber, Values)>) -> Day {
        Day::new(&UsageDay {
            workload: Workload::Outlook,
            on: jiff::civil::date(2026, 11, 2),
            users,
        })
    }

    #[track_caller]
    fn check_number(value: u64, length: usize) {
        let mut bytes = Vec::new();
        put(&mut bytes, value);
        assert_eq!(bytes.len(), length);
        let mut rest = &*bytes;
        assert_eq!((take(&mut rest), rest.len()), (value, 0));
    }

    #[test]
    fn a_number_takes_a_byte_for_seven_bits() {
        check_number(0, 1);
        check_number(127, 1);
        check_number(128, 2);
        check_number(1 << 14, 3);
        check_number(u64::MAX, 10);
    }

    /// Bytes that a day of 1,200 users takes beyond what does not grow with them.
    #[track_caller]
    fn check_size(values: &dyn Fn(u64) -> Vec<(Metric, u64)>, bytes_a_user: f64) {
        let numbers = (0..2_000).filter(|number| number % 5 < 3);
        let values = |number: u32| Values::new(values(number.into()));
        let day = day(numbers.map(|n| (HistoryNumber(n), values(n))).collect());
        let fixed = size_of_val(&*day.columns);
        let bytes = (day.heap(&mut Parts::default()) - fixed) as f64;
        assert!(bytes <= bytes_a_user * f64::from(day.users), "{bytes}");
    }

    #[test]
    fn a_user_takes_a_few_bytes() {
        let mail = |number| {
            vec![
                (Metric::EmailsSent, number % 20),
                (Metric::EmailsReceived, number % 90),
                (Metric::EmailsRead, number % 60),
                (Metric::MeetingsCreated, 2 * u64::from(number % 20 == 0)),
            ]
        };
        check_size(&mail, 4.2);
        let apps = |_| vec![(Metric::OnWindows, 1), (Metric::OnWeb, 1)];
        check_size(&apps, 1.3);
        check_size(&|_| Vec::new(), 1.0);
    }

    proptest! {
        #[test]
        fn what_was_written_is_summed_up(
            users in prop::collection::btree_map(0_u32..5_000_000, any_values(), 0..150),
            odd in any::<bool>(),
        ) {
            let list = users.iter().map(|(number, values)| (HistoryNumber(*number), values.clone()));
            let day = day(list.rev().collect());
            let is_wanted = |number: u32| (number % 2 == 1) == odd;
            let mut asked = Vec::new();
            let sums = day.sums(|number| {
                asked.push(number);
                is_wanted(number)
            });
            let sums: BTreeMap<Metric, u64> = sums.collect();
            prop_assert_eq!(asked, users.keys().copied().collect::<Vec<_>>());
            for metric in METRICS {
                let had = users.values().any(|values| values.get(metric).is_some());
                let wanted = users.iter().filter(|(number, _)| is_wanted(**number));
                let sum = wanted
                    .filter_map(|(_, values)| values.get(metric))
                    .fold(0_u64, u64::saturating_add);
                prop_assert_eq!(sums.get(&metric).copied(), had.then_some(sum));
            }
        }
    }

    const METRICS: [Metric; 4] = [
        Metric::EmailsSent,
        Metric::HasArchive,
        Metric::Calls,
        Metric::CopilotLoopOn,
    ];

    /// So that every kind of column comes: one of flags, a sparse one, and others.
    fn any_values() -> impl Strategy<Value = Values> {
        let value = prop_oneof![3 => 0..3_u64, 2 => 0..1_000_u64, 1 => any::<u64>()];
        let place = prop::sample::select(vec![0, 0, 0, 1, 1, 2, 2, 3]);
        prop::collection::vec((place, value), 0..5).prop_map(|list| {
            let entries = list.into_iter().map(|(place, value)| match METRICS[place] {
                Metric::HasArchive => (Metric::HasArchive, value % 2),
                metric => (metric, value),
            });
            Values::new(entries)
        })
    }
}
