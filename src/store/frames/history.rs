//! The history: numbers of users, by column, and days, each a row with columns of its own.

use jiff::civil::Date;
use prost::Message;
use uuid::Uuid;

use super::FactRef;
use super::by_id::{Columns, ReadFact};
use super::columns::cut;
use super::days::{day, day_number};
use super::values::{ValuesColumn, ValuesReader, ValuesWriter};
use crate::domain::usage::{HistoryNumber, HistoryUser, UsageDay, Workload};
use crate::store::collection::Collection;
use crate::store::numbers::Numbered;
use crate::store::records::known;
use crate::store::{Error, Fact};

/// The id that a day of a workload has among rows, which all have one.
pub(in crate::store) fn usage_day_id(workload: Workload, on: Date) -> Uuid {
    Uuid::from_u64_pair(workload.number().into(), day_number(Some(on)).into())
}

/// What [`usage_day_id`] made an id of.
pub(in crate::store) fn day_of_id(id: Uuid) -> Option<(Workload, Date)> {
    let (workload, on) = id.as_u64_pair();
    let workload = Workload::from_number(u32::try_from(workload).ok()?)?;
    let on = day(u32::try_from(on).ok()?).ok()??;
    Some((workload, on))
}

/// The columns of users on disk.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HistoryRecord {
    /// From the number of the row before to that of this one; the first begins at 0.
    #[prost(sint64, repeated, tag = "1")]
    steps: Vec<i64>,
}

/// Builds a [`HistoryRecord`].
#[derive(Default)]
pub(super) struct HistoryColumns {
    numbers: Vec<HistoryNumber>,
}

impl Columns for HistoryColumns {
    type Record = HistoryRecord;

    fn push(&mut self, fact: FactRef<'_>) -> bool {
        let FactRef::HistoryUser(fact) = fact else {
            return false;
        };
        let HistoryUser {
            object_id: _,
            number,
        } = *fact;
        self.numbers.push(number);
        true
    }

    fn bytes(&self) -> usize {
        self.numbers.len().saturating_mul(2)
    }

    fn take(&mut self, _ids: &[u8]) -> HistoryRecord {
        let numbers = std::mem::take(&mut self.numbers);
        HistoryRecord {
            steps: steps(numbers.into_iter()),
        }
    }

    fn reader<'a>(
        _: Collection,
        record: &'a HistoryRecord,
        _ids: &'a [[u8; 16]],
    ) -> Result<ReadFact<'a>, Error> {
        let mut numbers = Numbers::new(&record.steps);
        Ok(Box::new(move |object_id| {
            let number = numbers.read()?.ok_or_else(cut)?;
            Ok(Fact::HistoryUser(HistoryUser { object_id, number }))
        }))
    }
}

/// One day of a workload.
#[derive(Clone, PartialEq, Message)]
pub(super) struct UsageDayRecord {
    #[prost(uint32, tag = "1")]
    workload: u32,
    /// See `days::day_number`.
    #[prost(uint32, tag = "2")]
    on: u32,
    /// From the number of the user before to that of this one; the first begins at 0.
    #[prost(sint64, repeated, tag = "3")]
    steps: Vec<i64>,
    #[prost(message, optional, tag = "4")]
    values: Option<ValuesColumn>,
}

impl From<&UsageDay> for UsageDayRecord {
    fn from(day: &UsageDay) -> Self {
        let UsageDay {
            workload,
            on,
            users,
        } = day;
        let mut values = ValuesWriter::default();
        for (_, row) in users {
            values.push(Some(row), None);
        }
        Self {
            workload: workload.number(),
            on: day_number(Some(*on)),
            steps: steps(users.iter().map(|(number, _)| *number)),
            values: Some(values.take()),
        }
    }
}

impl UsageDayRecord {
    /// The day.
    pub(super) fn into_day(self) -> Result<UsageDay, Error> {
        let mut values = ValuesReader::new(&self.values)?;
        let mut numbers = Numbers::new(&self.steps);
        let mut users = Vec::with_capacity(self.steps.len());
        while let Some(number) = numbers.read()? {
            users.push((number, values.read(None)?.ok_or_else(cut)?));
        }
        Ok(UsageDay {
            workload: known(self.workload, "workload")?,
            on: day(self.on)?.ok_or_else(cut)?,
            users,
        })
    }
}

/// From each number to the next.
fn steps(numbers: impl Iterator<Item = HistoryNumber>) -> Vec<i64> {
    let mut before = 0;
    let step = |HistoryNumber(number): HistoryNumber| {
        let number = i64::from(number);
        number.saturating_sub(std::mem::replace(&mut before, number))
    };
    numbers.map(step).collect()
}

/// Reads numbers from the steps between them.
struct Numbers<'a> {
    steps: std::slice::Iter<'a, i64>,
    before: i64,
}

impl<'a> Numbers<'a> {
    fn new(steps: &'a [i64]) -> Self {
        Self {
            steps: steps.iter(),
            before: 0,
        }
    }

    /// The next; `None` behind the last.
    fn read(&mut self) -> Result<Option<HistoryNumber>, Error> {
        let Some(step) = self.steps.next() else {
            return Ok(None);
        };
        self.before = self.before.checked_add(*step).ok_or_else(cut)?;
        let number = u32::try_from(self.before).map_err(|_| cut())?;
        Ok(Some(HistoryNumber(number)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples;

    proptest! {
        #[test]
        fn the_id_of_a_day_tells_workload_and_day(workload in prop::sample::select(&Workload::ALL), on in samples::any_date()) {
            prop_assert_eq!(day_of_id(usage_day_id(workload, on)), Some((workload, on)));
        }

        #[test]
        fn no_id_makes_a_day_panic(id: u128) {
            let _ = day_of_id(Uuid::from_u128(id));
        }
    }

    #[test]
    fn numbers_are_never_out_of_their_range() {
        let read = |steps: &[i64]| {
            let mut numbers = Numbers::new(steps);
            steps.iter().map(|_| numbers.read()).collect::<Vec<_>>()
        };
        assert_eq!(
            read(&[i64::from(u32::MAX), -1]),
            [
                Ok(Some(HistoryNumber(u32::MAX))),
                Ok(Some(HistoryNumber(u32::MAX - 1)))
            ]
        );
        assert!(read(&[i64::from(u32::MAX), 1])[1].is_err());
        assert!(read(&[-1])[0].is_err());
        assert!(read(&[1, i64::MAX])[1].is_err());
    }
}
