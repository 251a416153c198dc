//! A day as a small number, for the columns and sums in which days are compared by the million.

use std::num::NonZeroU16;

use jiff::Timestamp;
use jiff::civil::Date;

const EPOCH: Date = Date::constant(1970, 1, 1);
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A day in UTC from 1970-01-02 to 2149-06-06. No service tells of another one; what claims to be one
/// is a fault of whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NonZeroU16);

impl Day {
    /// The day with a calendar date; `None` outside the range.
    pub fn of(date: Date) -> Option<Self> {
        Self::numbered(number(date))
    }

    /// The day of an instant; `None` outside the range.
    pub fn of_instant(instant: Timestamp) -> Option<Self> {
        Self::numbered(number_of_instant(instant))
    }

    /// The day so many days after 1970-01-01; `None` outside the range.
    pub fn numbered(number: i64) -> Option<Self> {
        NonZeroU16::new(u16::try_from(number).ok()?).map(Self)
    }

    /// Days since 1970-01-01.
    pub fn number(self) -> i64 {
        i64::from(self.0.get())
    }

    /// The calendar date.
    pub fn date(self) -> Date {
        date(self.number()).unwrap_or(EPOCH)
    }
}

/// Days from 1970-01-01 to a date; negative before.
pub fn number(date: Date) -> i64 {
    date.duration_since(EPOCH).as_secs() / DAY_SECONDS
}

/// Days from 1970-01-01 to the UTC day of an instant; negative before.
pub fn number_of_instant(instant: Timestamp) -> i64 {
    // Before 1970 the fraction is negative, and cut off from the second above.
    let second = instant.as_second() - i64::from(instant.subsec_nanosecond() < 0);
    second.div_euclid(DAY_SECONDS)
}

/// The date so many days after 1970-01-01; `None` where the calendar ends.
pub fn date(number: i64) -> Option<Date> {
    let days = jiff::Span::new().try_days(number).ok()?;
    EPOCH.checked_add(days).ok()
}

/// The date so many months later; the last of its month where that has no such day. `None` where the
/// calendar ends.
///
/// Month ends are not a chain: a month after 31 January is 28 February, and two are 31 March. So a
/// series of months is counted from its first day, never from the one before.
pub fn months_after(date: Date, months: i32) -> Option<Date> {
    let months = jiff::Span::new().try_months(months).ok()?;
    date.checked_add(months).ok()
}

/// How many whole months lie between two dates; 0 where the second is not after the first.
pub fn whole_months(from: Date, to: Date) -> u32 {
    let months = from.until((jiff::Unit::Month, to));
    let months = months.map_or(0, |span| span.get_months());
    u32::try_from(months).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(date: &str, number: Option<i64>) {
        let date: Date = date.parse().unwrap();
        let day = Day::of(date);
        assert_eq!(day.map(Day::number), number, "{date}");
        assert_eq!(day.map(Day::date), number.map(|_| date));
    }

    #[test]
    fn a_day_is_a_number_and_the_date_again() {
        check("1970-01-02", Some(1));
        check("2024-02-29", Some(19_782));
        check("2149-06-06", Some(65_535));
        check("1970-01-01", None);
        check("2149-06-07", None);
        check("0001-01-01", None);
        check("9999-12-31", None);
    }

    #[test]
    fn an_instant_belongs_to_its_utc_day() {
        let day = |text: &str| Day::of_instant(text.parse().unwrap()).map(Day::date);
        let date = |text: &str| text.parse().ok();
        assert_eq!(day("2026-11-23T00:00:00Z"), date("2026-11-23"));
        assert_eq!(day("2026-11-23T23:59:59.999Z"), date("2026-11-23"));
        assert_eq!(day("2026-11-23T23:30:00-02:00"), date("2026-11-24"));
        assert_eq!(day("1969-12-31T23:59:59.5Z"), None);
        assert_eq!(
            number_of_instant("1969-12-31T23:59:59.5Z".parse().unwrap()),
            -1
        );
    }

    #[test]
    fn every_date_of_the_calendar_has_a_number() {
        for end in [Date::MIN, Date::ZERO, Date::MAX] {
            assert_eq!(date(number(end)), Some(end));
        }
        assert_eq!(date(number(Date::MAX) + 1), None);
        assert_eq!(date(i64::MAX), None);
    }

    #[test]
    fn a_month_after_the_end_of_a_month_is_the_end_of_the_next() {
        let check = |from: &str, months, expected: &str| {
            let after = months_after(from.parse().unwrap(), months).unwrap();
            assert_eq!(after.to_string(), expected);
        };
        check("2026-01-30", 1, "2026-02-28");
        check("2026-01-31", 1, "2026-02-28");
        check("2026-01-31", 2, "2026-03-31");
        check("2028-01-31", 1, "2028-02-29");
        check("2028-02-29", 12, "2029-02-28");
        check("2028-02-29", 48, "2032-02-29");
        check("2026-03-31", -1, "2026-02-28");
        assert_eq!(months_after(Date::MAX, 1), None);
        assert_eq!(months_after(Date::MIN, i32::MAX), None);
    }

    #[test]
    fn months_that_are_not_whole_do_not_count() {
        let check = |from: &str, to: &str, expected| {
            let months = whole_months(from.parse().unwrap(), to.parse().unwrap());
            assert_eq!(months, expected, "{from} to {to}");
        };
        check("2026-03-15", "2026-07-14", 3);
        check("2026-03-15", "2026-07-15", 4);
        check("2026-03-15", "2026-07-16", 4);
        check("2026-03-15", "2026-03-15", 0);
        check("2026-03-15", "2026-01-01", 0);
        check("2026-02-28", "2027-01-31", 11);
        check("2026-01-31", "2026-02-28", 0);
    }
}
