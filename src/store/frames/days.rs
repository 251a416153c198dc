//! Days: one as a number, and a column of many.

use jiff::SignedDuration;
use jiff::civil::Date;
use prost::Message;

use super::columns::{ABSENT, cut};
use crate::store::Error;
use crate::store::records::damaged;

/// A day as a number; never 0, which is absent.
pub(super) fn day_number(day: Option<Date>) -> u32 {
    let Some(day) = day else {
        return ABSENT;
    };
    // Years run from -9999, so this is at least 1.
    let year = u32::from(day.year().saturating_add(10_000).unsigned_abs());
    year << 9 | u32::from(day.month().unsigned_abs()) << 5 | u32::from(day.day().unsigned_abs())
}

/// The day of a number.
pub(super) fn day(number: u32) -> Result<Option<Date>, Error> {
    if number == ABSENT {
        return Ok(None);
    }
    let year = i16::try_from(number >> 9)
        .ok()
        .and_then(|year| year.checked_sub(10_000));
    let month = i8::try_from(number >> 5 & 0xf).ok();
    let day = i8::try_from(number & 0x1f).ok();
    let (Some(year), Some(month), Some(day)) = (year, month, day) else {
        return Err(damaged("a day out of range"));
    };
    let date = Date::new(year, month, day).map_err(|_| damaged("a day out of range"))?;
    Ok(Some(date))
}

/// Days of one property.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DayColumn {
    /// The latest day, in days since 1970-01-01.
    #[prost(sint32, tag = "1")]
    base: i32,
    /// Days before the base, plus one; 0 is absent.
    #[prost(uint32, repeated, tag = "2")]
    offsets: Vec<u32>,
}

impl DayColumn {
    /// Builds the column.
    pub(super) fn new(values: &[Option<Date>]) -> Self {
        let days: Vec<_> = values.iter().map(|day| day.map(days_since_epoch)).collect();
        let base = days.iter().flatten().copied().max().unwrap_or(0);
        let offset =
            |day: Option<i32>| day.map_or(ABSENT, |day| base.abs_diff(day).saturating_add(1));
        Self {
            base,
            offsets: days.into_iter().map(offset).collect(),
        }
    }
}

/// Reads a [`DayColumn`] row by row.
pub(super) struct DayReader<'a> {
    base: i32,
    offsets: std::slice::Iter<'a, u32>,
    is_missing: bool,
}

impl<'a> DayReader<'a> {
    /// A column that the record does not have is absent in every row.
    pub(super) fn new(column: &'a Option<DayColumn>) -> Self {
        Self {
            base: column.as_ref().map_or(0, |column| column.base),
            offsets: column
                .as_ref()
                .map_or([].iter(), |column| column.offsets.iter()),
            is_missing: column.is_none(),
        }
    }

    /// The next row's value.
    pub(super) fn read(&mut self) -> Result<Option<Date>, Error> {
        if self.is_missing {
            return Ok(None);
        }
        let offset = self.offsets.next().ok_or_else(cut)?;
        let Some(offset) = offset.checked_sub(1) else {
            return Ok(None);
        };
        let days = self.base.checked_sub_unsigned(offset).ok_or_else(cut)?;
        let since = SignedDuration::from_secs(i64::from(days).saturating_mul(DAY_SECONDS));
        let day = EPOCH.checked_add(since);
        day.map(Some).map_err(|_| damaged("a day out of range"))
    }
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);
const DAY_SECONDS: i64 = 86_400;

fn days_since_epoch(day: Date) -> i32 {
    let days = day.duration_since(EPOCH).as_secs() / DAY_SECONDS;
    // The calendar has 7,304,484 days.
    i32::try_from(days).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples;

    fn read_all(days: &[Option<Date>]) -> Vec<Option<Date>> {
        let column = Some(DayColumn::new(days));
        let mut reader = DayReader::new(&column);
        let read = days.iter().map(|_| reader.read().unwrap()).collect();
        assert!(reader.read().is_err());
        read
    }

    proptest! {
        #[test]
        fn days_read_back(date in samples::any_date()) {
            prop_assert_eq!(day(day_number(Some(date))).unwrap(), Some(date));
        }

        #[test]
        fn columns_of_days_read_back(days in prop::collection::vec(prop::option::of(samples::any_date()), 0..20)) {
            prop_assert_eq!(read_all(&days), days);
        }

        #[test]
        fn no_number_makes_a_day_panic(number: u32, base: i32) {
            let _ = day(number);
            let column = Some(DayColumn { base, offsets: vec![number] });
            let _ = DayReader::new(&column).read();
        }
    }

    #[test]
    fn the_ends_of_the_calendar_read_back() {
        for date in [Date::MIN, Date::MAX] {
            assert_eq!(day(day_number(Some(date))).unwrap(), Some(date));
        }
        let days = [Some(Date::MIN), None, Some(Date::MAX)];
        assert_eq!(read_all(&days), days);
    }

    #[test]
    fn a_missing_column_is_absent_in_every_row() {
        assert_eq!(DayReader::new(&None).read().unwrap(), None);
    }
}
