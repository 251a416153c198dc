//! Years of work: which days somebody is at it, and how much. A year is 52 weeks, so that it begins
//! anew on the same weekday; sums over any span and the latest day before any day are looked up.

use std::sync::OnceLock;

use crate::simulator::random::Draws;
use crate::simulator::random::Stream;

/// How many different years there are.
pub(crate) const YEARS: u64 = 24;
/// Weeks of a year.
pub(crate) const WEEKS: u64 = 52;
const DAYS: usize = 7 * WEEKS as usize;
/// Years are the same in every organization; whose year is which is not.
const SEED: u64 = 0x5EA7;
/// How often people are at work on a weekday, per mille; a year's diligence is its number modulo this.
const DILIGENCE: [u64; 8] = [980, 960, 930, 890, 820, 600, 280, 90];
/// 1970-01-01 was a Thursday; years begin on a Monday.
const MONDAY: i64 = 3;

/// How often something is done. On a day that has the rarer one, it has the more frequent one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Course {
    /// On every day at work.
    Daily,
    /// On three days of five.
    Often,
    /// On one of four.
    Sometimes,
    /// On one of twelve.
    Rarely,
    /// On every day of the calendar, as mail comes in.
    Always,
}

/// What is done on the days of a year, and what follows from that.
struct Track {
    /// The sum over the days before each day; at the end that of the whole year.
    before: [i64; DAYS + 1],
    /// How many days ago something was done last, today included; `None` is never.
    ago: [Option<i64>; DAYS],
}

/// One year.
pub(crate) struct Year {
    tracks: [Track; 5],
}

impl Year {
    /// The year of this number.
    pub(crate) fn numbered(number: u64) -> &'static Self {
        static ALL: OnceLock<Vec<Year>> = OnceLock::new();
        let all = ALL.get_or_init(|| (0..YEARS).map(Year::new).collect());
        &all[(number % YEARS) as usize]
    }

    fn new(number: u64) -> Self {
        let mut draws = Draws::about(SEED, Stream::Year, number);
        let diligence = DILIGENCE[(number % DILIGENCE.len() as u64) as usize];
        let holidays: [u64; 5] = std::array::from_fn(|_| draws.below(WEEKS));
        let days: [[i64; 5]; DAYS] = std::array::from_fn(|day| {
            let is_off = holidays.contains(&(day as u64 / 7));
            day_of(day % 7 >= 5, is_off, diligence, &mut draws)
        });
        Self {
            tracks: std::array::from_fn(|course| Track::new(days.map(|amounts| amounts[course]))),
        }
    }

    /// The sum over the days from `first` to `last`, both included; days count from 1970.
    pub(crate) fn sum(&self, course: Course, first: i64, last: i64) -> i64 {
        let track = &self.tracks[course as usize];
        if last < first {
            return 0;
        }
        track.up_to(last + 1) - track.up_to(first)
    }

    /// The latest day, up to `day`, on which something is done.
    pub(crate) fn latest(&self, course: Course, day: i64) -> Option<i64> {
        let of_year = (day + MONDAY).rem_euclid(DAYS as i64);
        let ago = self.tracks[course as usize].ago[of_year as usize]?;
        Some(day - ago)
    }
}

/// How much is done on one day, by course.
fn day_of(is_weekend: bool, is_off: bool, diligence: u64, draws: &mut Draws) -> [i64; 5] {
    let (at_work, most) = match is_weekend {
        true => (diligence / 25, 2),
        false => (diligence, 9),
    };
    let is_at_work = draws.chance(at_work) && !is_off;
    // One draw for all courses: a day that has the rarer has the more frequent too.
    let luck = draws.below(1000);
    let mut amount = |is_done: bool, most: u64| {
        let drawn = 1 + draws.below(most) as i64;
        if is_done { drawn } else { 0 }
    };
    [
        amount(is_at_work, most),
        amount(is_at_work && luck < 600, 5),
        amount(is_at_work && luck < 250, 3),
        amount(is_at_work && luck < 85, 2),
        amount(true, most),
    ]
}

impl Track {
    fn new(amounts: [i64; DAYS]) -> Self {
        let mut before = [0; DAYS + 1];
        for (day, amount) in amounts.iter().enumerate() {
            before[day + 1] = before[day] + amount;
        }
        let ago = std::array::from_fn(|day| {
            (0..DAYS)
                .find(|ago| amounts[(day + DAYS - ago) % DAYS] > 0)
                .map(|ago| ago as i64)
        });
        Self { before, ago }
    }

    /// The sum over all days before `day`, counted from the Monday before 1970.
    fn up_to(&self, day: i64) -> i64 {
        let day = day + MONDAY;
        let years = day.div_euclid(DAYS as i64);
        let of_year = day.rem_euclid(DAYS as i64);
        years * self.before[DAYS] + self.before[of_year as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COURSES: [Course; 5] = [
        Course::Daily,
        Course::Often,
        Course::Sometimes,
        Course::Rarely,
        Course::Always,
    ];

    #[test]
    fn a_sum_is_that_of_its_days_wherever_it_begins() {
        for course in COURSES {
            let year = Year::numbered(3);
            for (first, last) in [(0, 6), (-10, 3), (20_700, 20_879), (20_000, 20_900)] {
                let days: i64 = (first..=last).map(|day| year.sum(course, day, day)).sum();
                assert_eq!(year.sum(course, first, last), days, "{course:?}");
            }
            assert_eq!(year.sum(course, 5, 4), 0);
        }
    }

    #[test]
    fn the_latest_day_is_the_last_with_something_on_it() {
        for course in COURSES {
            let year = Year::numbered(5);
            for day in 20_400..20_800 {
                let by_day = (0..400)
                    .map(|ago| day - ago)
                    .find(|&day| year.sum(course, day, day) > 0);
                assert_eq!(year.latest(course, day), by_day, "{course:?} {day}");
            }
        }
    }

    #[test]
    fn weekdays_are_busy_weekends_quiet_and_what_is_rare_comes_with_the_usual() {
        let year = Year::numbered(0);
        let on = |course, day| year.sum(course, day, day) > 0;
        let (mut weekdays, mut weekends) = (0, 0);
        // 2026-01-05 was a Monday.
        for day in 20_458..20_458 + 364 {
            let is_weekend = (day - 20_458) % 7 >= 5;
            if on(Course::Daily, day) {
                *(if is_weekend {
                    &mut weekends
                } else {
                    &mut weekdays
                }) += 1;
            }
            assert!(!on(Course::Rarely, day) || on(Course::Sometimes, day));
            assert!(!on(Course::Sometimes, day) || on(Course::Often, day));
            assert!(!on(Course::Often, day) || on(Course::Daily, day));
            assert!(on(Course::Always, day), "mail comes every day");
        }
        assert!((220..250).contains(&weekdays), "{weekdays}");
        assert!(weekends <= 12, "{weekends}");
    }
}
