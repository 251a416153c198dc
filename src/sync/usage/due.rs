//! What is to be asked of a usage report.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::domain::standing::{Fetch, Fetched, Standing};
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{Period, Workload};

/// Microsoft answers so many requests for one report ...
const REQUESTS_MAX: usize = 14;
/// ... in 10 minutes. A request is filed under the time at which its reading began, so that some more
/// pass before it is forgotten.
const REQUESTS_TIME: SignedDuration = SignedDuration::from_mins(15);

/// A report that does not reach to yesterday yet is asked again after this time.
const RETRY_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// So many days back a report of one day is asked for; Microsoft has 30.
const DAYS_BACK: i64 = 28;

/// So many answers are remembered: every part of a report, and the days that may be asked for.
const FETCHES_MAX: usize = 64;

/// Reports with sums by period. Every period lists the same people, so the widest comes first: what it
/// says of them is never less than what the others do.
const PERIODS: [Fetched; 4] = [
    Fetched::Period(Period::D180),
    Fetched::Period(Period::D90),
    Fetched::Period(Period::D30),
    Fetched::Period(Period::D7),
];

/// The parts of a report besides its days, the widest first; none for what is no report.
pub(super) fn parts(dataset: Dataset) -> &'static [Fetched] {
    match dataset {
        Dataset::EmailActivity
        | Dataset::TeamsActivity
        | Dataset::OneDriveActivity
        | Dataset::SharePointActivity
        | Dataset::VivaEngageActivity
        | Dataset::AppsUsage => &PERIODS,
        // Without sums, the period only says how long ago people may have left.
        Dataset::ActiveUsers
        | Dataset::MailboxUsage
        | Dataset::OneDriveUsage
        | Dataset::CopilotUsage => &PERIODS[..1],
        Dataset::AppsActivations => &[Fetched::Whole],
        Dataset::Organization
        | Dataset::Users
        | Dataset::Groups
        | Dataset::Licenses
        | Dataset::Subscriptions
        | Dataset::SignInActivity
        | Dataset::SignIns
        | Dataset::DirectoryAudits => &[],
    }
}

/// Whether the numbers of a report are sums over a period.
pub(super) fn has_sums(dataset: Dataset) -> bool {
    parts(dataset).len() > 1
}

/// The workload whose use a report shows.
pub(super) fn workload(dataset: Dataset) -> Option<Workload> {
    let mut all = Workload::ALL.into_iter();
    all.find(|workload| workload.dataset() == dataset)
}

/// What is to be asked of a report now, in this order: its parts once a day, then days of the last four
/// weeks that were never asked for, newest first. No more than Microsoft answers at once; the rest is
/// due later. Of a report that is late the narrowest part, which is the smallest, is asked again now
/// and then, and the others once that one has moved. Of a concealed report one part tells whether it
/// still is.
pub(in crate::sync) fn due(dataset: Dataset, standing: &Standing, now: Timestamp) -> Vec<Fetched> {
    let asked = standing.fetches.iter().filter(|fetch| {
        let age = now.duration_since(fetch.at);
        age.abs() < REQUESTS_TIME
    });
    let room = REQUESTS_MAX.saturating_sub(asked.count());
    let parts = parts(dataset);
    let (parts, days) = if standing.is_concealed {
        (&parts[..parts.len().min(1)], Vec::new())
    } else {
        (parts, missing_days(dataset, standing, now))
    };
    let narrowest = parts.last();
    let expected = |part: &Fetched| match Some(part) == narrowest {
        true => day_of(now).yesterday().ok(),
        false => standing.reported_on(None),
    };
    let is_due = |part: &Fetched| is_due(fetch(standing, *part), expected(part), now);
    let parts = parts.iter().copied().filter(is_due);
    parts.chain(days).take(room).collect()
}

/// Whether a part of a report is to be asked for: not on the same day again, unless it is behind the
/// day that it is expected to reach.
fn is_due(last: Option<&Fetch>, expected: Option<Date>, now: Timestamp) -> bool {
    let Some(last) = last else {
        return true;
    };
    let is_behind = last.reported_on < expected;
    let age = now.duration_since(last.at);
    day_of(last.at) != day_of(now) || (is_behind && age >= RETRY_AFTER)
}

fn missing_days(dataset: Dataset, standing: &Standing, now: Timestamp) -> Vec<Fetched> {
    // What Microsoft has not counted yet, no report of a day has.
    let Some(counted) = standing.reported_on(None) else {
        return Vec::new();
    };
    if !has_sums(dataset) || workload(dataset).is_none() {
        return Vec::new();
    }
    let today = day_of(now);
    let days = (0..=DAYS_BACK).filter_map(|back| today.checked_sub(back.days()).ok());
    let days = days.filter(|day| *day <= counted).map(Fetched::Day);
    days.filter(|day| fetch(standing, *day).is_none()).collect()
}

/// The last answer to a question.
pub(super) fn fetch(standing: &Standing, what: Fetched) -> Option<&Fetch> {
    standing.fetches.iter().find(|fetch| fetch.what == what)
}

/// Remembers an answer in place of an earlier one to the same question.
pub(super) fn remember(standing: &mut Standing, answer: Fetch) {
    let today = day_of(answer.at);
    let oldest = today.checked_sub((DAYS_BACK + 2).days());
    let oldest = oldest.unwrap_or(Date::MIN);
    standing.fetches.retain(|fetch| match fetch.what {
        Fetched::Day(day) => fetch.what != answer.what && day >= oldest,
        Fetched::Period(_) | Fetched::Whole => fetch.what != answer.what,
    });
    standing.fetches.insert(0, answer);
    standing
        .fetches
        .sort_by_key(|fetch| std::cmp::Reverse(fetch.at));
    standing.fetches.truncate(FETCHES_MAX);
}

/// The day in UTC, in which Microsoft counts.
pub(super) fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn answered(standing: &mut Standing, what: Fetched, now: &str, reported_on: &str) {
        let answer = Fetch {
            what,
            at: at(now),
            reported_on: reported_on.parse().ok(),
            etag: None,
        };
        remember(standing, answer);
    }

    /// A report all of whose parts were answered at an instant.
    fn asked(dataset: Dataset, now: &str, reported_on: &str) -> Standing {
        let mut standing = Standing::new(dataset);
        for part in parts(dataset) {
            answered(&mut standing, *part, now, reported_on);
        }
        standing
    }

    #[track_caller]
    fn check(standing: &Standing, now: &str, parts: usize, days: usize) {
        let due = due(standing.dataset, standing, at(now));
        let is_day = |what: &Fetched| matches!(what, Fetched::Day(_));
        let due_days = due.iter().filter(|what| is_day(what)).count();
        assert_eq!((due.len() - due_days, due_days), (parts, days), "{due:?}");
        assert!(due.is_sorted_by_key(is_day), "days come last");
    }

    #[test]
    fn a_report_that_was_never_read_is_due_with_all_its_parts() {
        check(
            &Standing::new(Dataset::TeamsActivity),
            "2026-11-10T02:00:00Z",
            4,
            0,
        );
        check(
            &Standing::new(Dataset::MailboxUsage),
            "2026-11-10T02:00:00Z",
            1,
            0,
        );
        check(
            &Standing::new(Dataset::CopilotUsage),
            "2026-11-10T02:00:00Z",
            1,
            0,
        );
        check(
            &Standing::new(Dataset::AppsActivations),
            "2026-11-10T02:00:00Z",
            1,
            0,
        );
        check(&Standing::new(Dataset::Users), "2026-11-10T02:00:00Z", 0, 0);
        let whole = due(
            Dataset::AppsActivations,
            &Standing::new(Dataset::AppsActivations),
            at("2026-11-10T02:00:00Z"),
        );
        assert_eq!(whole, [Fetched::Whole]);
    }

    #[test]
    fn a_part_is_asked_once_a_day() {
        let standing = asked(Dataset::MailboxUsage, "2026-11-10T02:00:01Z", "2026-11-09");
        check(&standing, "2026-11-10T03:00:00Z", 0, 0);
        check(&standing, "2026-11-10T23:59:59Z", 0, 0);
        check(&standing, "2026-11-11T02:00:00Z", 1, 0);
    }

    #[test]
    fn a_late_report_is_asked_again_after_six_hours() {
        let late = asked(Dataset::MailboxUsage, "2026-11-10T02:00:00Z", "2026-11-08");
        check(&late, "2026-11-10T07:59:59Z", 0, 0);
        check(&late, "2026-11-10T08:00:00Z", 1, 0);
        let empty = asked(Dataset::MailboxUsage, "2026-11-10T02:00:00Z", "");
        check(&empty, "2026-11-10T07:59:59Z", 0, 0);
        check(&empty, "2026-11-10T08:00:00Z", 1, 0);
    }

    #[test]
    fn of_a_late_report_the_others_are_asked_once_the_narrowest_has_moved() {
        let [d180, d90, d30, d7] = PERIODS;
        let asked_now = |standing: &Standing, now| due(Dataset::EmailActivity, standing, at(now));
        let mut late = asked(Dataset::EmailActivity, "2026-11-10T02:00:00Z", "2026-11-08");
        for day in missing_days(Dataset::EmailActivity, &late, at("2026-11-10T02:00:00Z")) {
            answered(&mut late, day, "2026-11-09T02:00:00Z", "");
        }
        assert_eq!(asked_now(&late, "2026-11-10T07:59:59Z"), []);
        assert_eq!(asked_now(&late, "2026-11-10T08:00:00Z"), [d7]);
        answered(&mut late, d7, "2026-11-10T08:00:00Z", "2026-11-08");
        assert_eq!(asked_now(&late, "2026-11-10T08:00:00Z"), []);
        assert_eq!(asked_now(&late, "2026-11-10T14:00:00Z"), [d7]);
        answered(&mut late, d7, "2026-11-10T14:00:00Z", "2026-11-09");
        let newest = Fetched::Day(jiff::civil::date(2026, 11, 9));
        assert_eq!(
            asked_now(&late, "2026-11-10T14:00:00Z"),
            [d180, d90, d30, newest]
        );
        // One that stays behind is not asked with every run.
        answered(&mut late, newest, "2026-11-10T14:00:00Z", "");
        for part in [d180, d90, d30] {
            answered(&mut late, part, "2026-11-10T14:00:00Z", "2026-11-08");
        }
        assert_eq!(asked_now(&late, "2026-11-10T15:00:00Z"), []);
        assert_eq!(asked_now(&late, "2026-11-10T20:00:00Z"), [d180, d90, d30]);
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nothing() {
        let standing = asked(Dataset::MailboxUsage, "2027-01-01T00:00:00Z", "2026-12-31");
        check(&standing, "2026-11-10T02:00:00Z", 1, 0);
    }

    #[test]
    fn days_are_filled_from_the_newest_back_within_what_microsoft_answers() {
        let now = "2026-11-10T02:00:00Z";
        let mut standing = asked(Dataset::EmailActivity, now, "2026-11-08");
        check(&standing, now, 0, 10); // 4 of 14 went to the parts
        let mut runs = Vec::new();
        for minute in [0, 5, 16, 32, 48] {
            let now = at(now) + SignedDuration::from_mins(minute);
            let days = due(Dataset::EmailActivity, &standing, now);
            for what in &days {
                answered(&mut standing, *what, &now.to_string(), "");
            }
            runs.push(days);
        }
        assert_eq!(
            runs.iter().map(Vec::len).collect::<Vec<_>>(),
            [10, 0, 14, 3, 0]
        );
        let all = runs.concat();
        let day = |back: i64| jiff::civil::date(2026, 11, 8) - back.days();
        let expected: Vec<_> = (0..27).map(|back| Fetched::Day(day(back))).collect();
        assert_eq!(all, expected, "from the refresh date to 28 days ago");
        // The next day brings one more.
        let tomorrow = "2026-11-11T02:00:00Z";
        for part in PERIODS {
            answered(&mut standing, part, tomorrow, "2026-11-09");
        }
        check(&standing, "2026-11-11T02:30:00Z", 0, 1);
        assert!(standing.fetches.len() <= FETCHES_MAX);
    }

    #[test]
    fn answers_are_remembered_newest_first_and_not_for_ever() {
        let mut standing = Standing::new(Dataset::EmailActivity);
        let mut now = at("2026-01-01T02:00:00Z");
        for _ in 0..200 {
            let reported_on = day_of(now).yesterday().unwrap();
            for what in PERIODS.into_iter().chain([Fetched::Day(reported_on)]) {
                answered(
                    &mut standing,
                    what,
                    &now.to_string(),
                    &reported_on.to_string(),
                );
            }
            now += SignedDuration::from_hours(24);
        }
        assert!(
            standing
                .fetches
                .is_sorted_by(|newer, older| newer.at >= older.at)
        );
        assert_eq!(standing.fetches.len(), 4 + 30);
        assert!(PERIODS.iter().all(|part| fetch(&standing, *part).is_some()));
    }

    #[test]
    fn of_a_concealed_report_one_part_is_asked() {
        let mut standing = Standing::new(Dataset::EmailActivity);
        standing.is_concealed = true;
        check(&standing, "2026-11-10T02:00:00Z", 1, 0);
        answered(
            &mut standing,
            PERIODS[0],
            "2026-11-10T02:00:00Z",
            "2026-11-09",
        );
        check(&standing, "2026-11-10T03:00:00Z", 0, 0);
        check(&standing, "2026-11-11T02:00:00Z", 1, 0);
    }

    #[test]
    fn only_reports_of_a_workload_with_sums_fill_days() {
        for dataset in Dataset::REPORTS {
            let now = "2026-11-10T02:00:00Z";
            let standing = asked(dataset, now, "2026-11-09");
            let has_days = !due(dataset, &standing, at(now)).is_empty();
            assert_eq!(has_days, has_sums(dataset), "{dataset:?}");
        }
    }
}
