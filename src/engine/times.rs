//! Instants in four bytes each.
//!
//! Microsoft sends whole seconds of this age; what is not one is kept beside, exactly.

use jiff::Timestamp;

use crate::domain::filter::TimeCondition;

use super::bits::gathered;
use super::chunked::{CHUNK_ROWS, Chunks, split_row};
use super::fit::fit;
use super::heap::{Heap, Parts};

/// There is no value.
const ABSENT: u32 = u32::MAX;
/// The value is kept beside.
const EXACT: u32 = u32::MAX - 1;

/// A list of instants, each of which may be absent.
#[derive(Clone, Default)]
pub(super) struct Times {
    /// Seconds since 1970.
    seconds: Vec<u32>,
    /// What does not fit there, by index.
    exact: Vec<(u32, Timestamp)>,
}

impl Times {
    pub(super) fn get(&self, index: usize) -> Option<Timestamp> {
        match *self.seconds.get(index)? {
            ABSENT => None,
            EXACT => {
                let at = self
                    .exact
                    .binary_search_by_key(&(index as u32), |entry| entry.0)
                    .ok()?;
                self.exact.get(at).map(|entry| entry.1)
            }
            seconds => Timestamp::from_second(i64::from(seconds)).ok(),
        }
    }

    /// Sets one value; those before it that were never set are absent.
    pub(super) fn set(&mut self, index: usize, value: Option<Timestamp>) {
        if self.seconds.len() < index {
            self.seconds.resize(index, ABSENT);
        }
        let count = usize::from(index < self.seconds.len());
        self.replace(index, count, std::iter::once(value));
    }

    /// Replaces `count` values from `index` on with others, as many as there are. What is behind moves.
    pub(super) fn replace(
        &mut self,
        index: usize,
        count: usize,
        values: impl Iterator<Item = Option<Timestamp>>,
    ) {
        if index == self.seconds.len() {
            // As new rows come: nothing is behind that would have to move.
            for (value, at) in values.zip(index as u32..) {
                let packed = pack(value, at, &mut self.exact);
                self.seconds.push(packed);
            }
            return;
        }
        let (start, end) = (index as u32, (index + count) as u32); // Chunks are far below 2^32.
        let mut exact = Vec::new();
        let packed: Vec<u32> = values
            .zip(start..)
            .map(|(value, at)| pack(value, at, &mut exact))
            .collect();
        let moved = packed.len() as u32;
        let first = self.exact.partition_point(|entry| entry.0 < start);
        let behind = self.exact.partition_point(|entry| entry.0 < end);
        for entry in &mut self.exact[behind..] {
            entry.0 = entry.0 - (end - start) + moved;
        }
        self.exact.splice(first..behind, exact);
        self.seconds.splice(index..index + count, packed);
    }

    /// Sets the bits of the values that meet a condition. What is behind the last value is absent.
    pub(super) fn add_meeting(&self, condition: TimeCondition, bits: &mut [u64]) {
        let values = self
            .seconds
            .chunks(64)
            .map(Some)
            .chain(std::iter::repeat(None));
        let (from, before) = match condition {
            TimeCondition::Within { from, before } => {
                let low = from.map_or(0, whole_seconds);
                (low, before.map_or(EXACT, whole_seconds).max(low))
            }
            TimeCondition::IsAbsent => (ABSENT, ABSENT),
        };
        for (bits, values) in bits.iter_mut().zip(values) {
            let values = values.unwrap_or_default();
            *bits = match condition {
                // One comparison, which the compiler does for many values at once.
                TimeCondition::Within { .. } => {
                    gathered(values, |seconds| seconds.wrapping_sub(from) < before - from)
                }
                TimeCondition::IsAbsent => {
                    gathered(values, |seconds| *seconds == ABSENT)
                        | u64::MAX.checked_shl(values.len() as u32).unwrap_or(0) // At most 64.
                }
            };
        }
        for (index, value) in &self.exact {
            let bit = 1 << (index % 64);
            if let (Some(bits), true) = (
                bits.get_mut(*index as usize / 64),
                meets(condition, Some(*value)),
            ) {
                *bits |= bit;
            }
        }
    }

    /// The instants of some rows of a column, one behind the other.
    pub(super) fn arranged(column: &Chunks<Self>, rows: &[u32]) -> Chunks<Self> {
        let instant = |row: &u32| {
            let (chunk, at) = split_row(*row);
            column.get(chunk)?.get(at)
        };
        let chunk = |rows: &[u32]| {
            let mut times = Self::default();
            times.replace(0, 0, rows.iter().map(instant));
            times
        };
        rows.chunks(CHUNK_ROWS).map(chunk).collect()
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        fit(&mut self.seconds);
        fit(&mut self.exact);
    }
}

/// Whether an instant meets a condition.
fn meets(condition: TimeCondition, value: Option<Timestamp>) -> bool {
    match (condition, value) {
        (TimeCondition::IsAbsent, value) => value.is_none(),
        (TimeCondition::Within { .. }, None) => false,
        (TimeCondition::Within { from, before }, Some(value)) => {
            from.is_none_or(|from| value >= from) && before.is_none_or(|before| value < before)
        }
    }
}

/// The first whole second that is not before an instant, as far as seconds are kept.
fn whole_seconds(instant: Timestamp) -> u32 {
    let second = instant.as_second() + i64::from(instant.subsec_nanosecond() > 0);
    second.clamp(0, i64::from(EXACT)) as u32 // Within the range.
}

fn pack(value: Option<Timestamp>, at: u32, exact: &mut Vec<(u32, Timestamp)>) -> u32 {
    let Some(value) = value else {
        return ABSENT;
    };
    match u32::try_from(value.as_second()) {
        Ok(seconds) if seconds < EXACT && value.subsec_nanosecond() == 0 => seconds,
        _ => {
            exact.push((at, value));
            EXACT
        }
    }
}

impl Heap for Times {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.seconds.heap(parts) + self.exact.heap(parts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time() -> impl Strategy<Value = Option<Timestamp>> {
        let around = prop_oneof![
            Just(-1i64),
            Just(0),
            Just(1_700_000_000),
            Just(i64::from(u32::MAX) - 2),
            Just(i64::from(u32::MAX) - 1),
            Just(i64::from(u32::MAX)),
        ];
        let nanosecond = prop_oneof![Just(0), Just(1), Just(999_999_999)];
        prop::option::of(
            (around, nanosecond)
                .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap()),
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(80))]

        #[test]
        fn instants_come_back_exactly_wherever_others_move_them(
            splices in prop::collection::vec((0..12usize, 0..4usize, prop::collection::vec(time(), 0..4)), 0..20)
        ) {
            let mut times = Times::default();
            let mut model: Vec<Option<Timestamp>> = Vec::new();
            for (index, count, values) in splices {
                let index = index.min(model.len());
                let count = count.min(model.len() - index);
                times.replace(index, count, values.iter().copied());
                model.splice(index..index + count, values);
            }
            times.set(model.len() + 2, Some(Timestamp::MIN));
            model.extend([None, None, Some(Timestamp::MIN)]);
            for (index, value) in model.iter().enumerate() {
                prop_assert_eq!(times.get(index), *value);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn bits_are_of_the_instants_that_meet_a_condition(
            values in prop::collection::vec(time(), 0..150),
            from in time(),
            before in time(),
        ) {
            let mut times = Times::default();
            for (index, value) in values.iter().enumerate() {
                times.set(index, *value);
            }
            for condition in [TimeCondition::Within { from, before }, TimeCondition::IsAbsent] {
                let mut bits = [0; 3];
                times.add_meeting(condition, &mut bits);
                for index in 0..192 {
                    let is_met = bits[index / 64] & (1 << (index % 64)) != 0;
                    let value = values.get(index).copied().flatten();
                    prop_assert_eq!(is_met, meets(condition, value), "{} of {:?}", index, condition);
                }
            }
        }
    }
}
