//! Logs that are read in runs: every entry counts once, and none is forgotten.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::ids::ObjectId;
use crate::domain::standing::{Span, Standing};
use crate::domain::sync_run::Dataset;
use crate::msgraph::Rows;
use crate::sync::usage::log::{Entry, LogReading};

#[derive(Debug, Clone, PartialEq)]
struct Line {
    id: String,
    at: Timestamp,
    /// From when on Microsoft tells of it.
    told_from: Timestamp,
    users: Vec<ObjectId>,
}

impl Entry for Line {
    fn id(&self) -> &str {
        &self.id
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn counts(&self) -> bool {
        true
    }

    fn users(&self) -> &[ObjectId] {
        &self.users
    }
}

/// Seconds after the log began.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn line(number: usize, second: i64, late: i64) -> Line {
    Line {
        id: format!("SSGM_{number}"),
        at: at(second),
        told_from: at(second + late),
        users: Vec::new(),
    }
}

/// A run that reads pages of so many entries until its budget of pages is spent.
fn run(
    log: &[Line],
    standing: &Standing,
    now: Timestamp,
    page_size: usize,
    pages_left: usize,
) -> (Vec<Line>, Standing) {
    let mut reading = read(log, standing, now, page_size, pages_left);
    let standing = reading.next_standing();
    (reading.entries, standing)
}

fn read(
    log: &[Line],
    standing: &Standing,
    now: Timestamp,
    page_size: usize,
    mut pages_left: usize,
) -> LogReading<Line> {
    let mut reading = LogReading::new(standing, false, now);
    'gaps: while let Some(mut gap) = reading.next_gap() {
        let Span { from, until } = gap.span;
        let is_told = |line: &&Line| line.told_from <= now && (from..=until).contains(&line.at);
        let mut told: Vec<Line> = log.iter().filter(is_told).cloned().collect();
        told.sort_by_key(|line| std::cmp::Reverse(line.at));
        let mut pages = told.chunks(page_size);
        loop {
            if pages_left == 0 {
                reading.cut(gap);
                break 'gaps;
            }
            let Some(page) = pages.next() else {
                break;
            };
            pages_left -= 1;
            reading.take(
                &mut gap,
                Rows {
                    rows: page.to_vec(),
                    quarantined: Vec::new(),
                },
            );
        }
        reading.end(gap);
    }
    reading
}

fn fresh() -> Standing {
    Standing::new(Dataset::SignIns)
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn counts(lines: &[Line]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line.id.clone()).or_default() += 1;
    }
    counts
}

#[test]
fn an_entry_that_arrives_late_is_counted_and_the_others_are_not_counted_again() {
    let log = [
        line(1, 100 * HOUR, 0),
        line(2, 101 * HOUR, 3 * HOUR),
        line(3, 102 * HOUR, 0),
    ];
    let (first, standing) = run(&log, &fresh(), at(103 * HOUR), 10, 9);
    assert_eq!(first, [log[2].clone(), log[0].clone()]);
    let (second, standing) = run(&log, &standing, at(104 * HOUR), 10, 9);
    assert_eq!(second, [log[1].clone()]);
    let (third, _) = run(&log, &standing, at(105 * HOUR), 10, 9);
    assert_eq!(third, []);
}

#[test]
fn an_entry_of_somebody_unknown_is_met_again_until_entries_come_no_more() {
    let [ann, bo] = [1, 2].map(|number| ObjectId(Uuid::from_u128(number)));
    let of = |users: &[ObjectId], line| Line {
        users: users.to_vec(),
        ..line
    };
    let log = [
        of(&[ann], line(1, 90 * HOUR, 0)),
        of(&[bo], line(2, 91 * HOUR, 0)),
        of(&[ann], line(3, 100 * HOUR, 0)),
        of(&[ann, bo], line(4, 101 * HOUR, 0)),
    ];
    let run = |standing: &Standing, hour: i64, held: &[ObjectId]| {
        let mut reading = read(&log, standing, at(hour * HOUR), 10, 9);
        reading.await_users(|id| held.contains(&id));
        let standing = reading.next_standing();
        let told = reading.entries.iter().map(|line| line.id.clone());
        (told.collect::<Vec<_>>(), standing)
    };
    let (first, standing) = run(&fresh(), 102, &[ann]);
    assert_eq!(first, ["SSGM_4", "SSGM_3", "SSGM_2", "SSGM_1"]);
    let (second, standing) = run(&standing, 103, &[ann]);
    assert_eq!(second, ["SSGM_4"], "the one of Bo that may come late");
    let (third, standing) = run(&standing, 104, &[ann, bo]);
    assert_eq!(third, ["SSGM_4"]);
    let (fourth, _) = run(&standing, 105, &[ann, bo]);
    assert!(fourth.is_empty(), "{fourth:?}");
}

#[test]
fn a_run_that_is_cut_leaves_the_older_days_to_later_ones() {
    let log: Vec<Line> = (0..100)
        .map(|number| line(number, number as i64 * HOUR, 0))
        .collect();
    let now = at(120 * HOUR);
    let (first, standing) = run(&log, &fresh(), now, 10, 4);
    // The oldest instant of the last page may have more entries: it is left for later.
    assert_eq!(first, log[61..].iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(
        standing.known_since(),
        Some(crate::sync::usage::spans::after(log[60].at))
    );
    let (second, standing) = run(&log, &standing, at(121 * HOUR), 10, 4);
    assert_eq!(
        second,
        log[22..61].iter().rev().cloned().collect::<Vec<_>>()
    );
    let (third, standing) = run(&log, &standing, at(122 * HOUR), 10, 4);
    assert_eq!(third, log[..22].iter().rev().cloned().collect::<Vec<_>>());
    let days_back = at(122 * HOUR).duration_since(standing.known_since().unwrap());
    assert!(
        days_back > SignedDuration::from_hours(6 * 24),
        "{days_back:?}"
    );
}

#[test]
fn nothing_is_asked_from_before_what_microsoft_keeps() {
    for (is_premium, days) in [(true, 30), (false, 7)] {
        let now = at(100 * DAY);
        let gap = LogReading::<Line>::new(&fresh(), is_premium, now)
            .next_gap()
            .unwrap();
        let reach = gap.span.until.duration_since(gap.span.from);
        assert!(reach < SignedDuration::from_hours(days * 24));
        assert!(reach > SignedDuration::from_hours(days * 24 - 2));
    }
}

#[test]
fn entries_that_were_not_asked_for_are_left_out() {
    let mut reading = LogReading::new(&fresh(), false, at(DAY));
    let mut gap = reading.next_gap().unwrap();
    let rows = vec![line(1, 2 * DAY, 0), line(2, HOUR, 0), line(3, -40 * DAY, 0)];
    reading.take(
        &mut gap,
        Rows {
            rows,
            quarantined: Vec::new(),
        },
    );
    reading.end(gap);
    assert_eq!(reading.entries, [line(2, HOUR, 0)]);
}

#[test]
fn a_page_that_moved_while_it_was_read_counts_nothing_twice() {
    let mut reading = LogReading::new(&fresh(), false, at(DAY));
    let mut gap = reading.next_gap().unwrap();
    for rows in [
        [line(3, 3, 0), line(2, 2, 0)],
        [line(2, 2, 0), line(1, 1, 0)],
    ] {
        let rows = rows.to_vec();
        reading.take(
            &mut gap,
            Rows {
                rows,
                quarantined: Vec::new(),
            },
        );
    }
    reading.end(gap);
    assert_eq!(
        reading.entries,
        [3, 2, 1].map(|number| line(number as usize, number, 0))
    );
}

#[test]
fn what_is_remembered_of_a_busy_log_is_bounded() {
    let busy: Vec<Line> = (0..30_000)
        .map(|number| line(number, DAY + number as i64 / 4, 0))
        .collect();
    let now = at(DAY + 7_500);
    let (first, standing) = run(&busy, &fresh(), now, 1_000, 60);
    assert_eq!(first.len(), 30_000);
    assert!(standing.recent.len() <= 10_000);
    assert!(standing.recent.len() > 9_000, "{}", standing.recent.len());
    let (second, _) = run(
        &busy,
        &standing,
        now + SignedDuration::from_secs(60),
        1_000,
        60,
    );
    assert_eq!(second, []);
}

#[test]
fn a_clock_that_is_set_back_counts_nothing_twice() {
    let log: Vec<Line> = (0..48)
        .map(|number| line(number, number as i64 * HOUR, 0))
        .collect();
    let mut all = Vec::new();
    let mut standing = fresh();
    for hour in [50, 20, 49, 50, 60] {
        let (new, next) = run(&log, &standing, at(hour * HOUR), 10, 9);
        all.extend(new);
        standing = next;
    }
    assert_eq!(counts(&all), counts(&log));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Runs at any time over a log with entries at equal instants: with any budget while entries come
    /// in time, and up to six hours late while nothing has to be left for later.
    #[test]
    fn every_entry_counts_once(
        entries in prop::collection::vec((0..40_i64, 0..=6_i64, 0..4_i64), 0..120),
        runs in prop::collection::vec((1..9_i64, 1..4_usize), 1..16),
        is_punctual in any::<bool>(),
    ) {
        // Five days, with instants ten minutes apart every three hours.
        let lines = entries.iter().enumerate();
        let lines = lines.map(|(number, (slot, hours_late, tenth))| {
            let late = if is_punctual { 0 } else { (hours_late * HOUR - 1).max(0) };
            line(number, slot * 3 * HOUR + tenth * 600, late)
        });
        let log: Vec<Line> = lines.collect();
        let (mut standing, mut all, mut now) = (fresh(), Vec::new(), 0);
        for (hours, budget) in runs {
            now += hours * HOUR;
            let budget = if is_punctual { budget } else { 1_000 };
            let (new, next) = run(&log, &standing, at(now), 7, budget);
            prop_assert!(next.covered.is_sorted_by(|newer, older| older.until < newer.from));
            all.extend(new);
            standing = next;
        }
        // Every three hours with room for everything, until the log is over.
        while now < 6 * DAY {
            now += 3 * HOUR;
            let (new, next) = run(&log, &standing, at(now), 7, 1_000);
            all.extend(new);
            standing = next;
        }
        prop_assert_eq!(counts(&all), counts(&log));
    }

    /// Whatever is lost where a run is cut, nothing is made up.
    #[test]
    fn no_entry_counts_twice_however_late_it_comes(
        entries in prop::collection::vec((0..40_i64, 0..30_i64, 0..4_i64), 0..120),
        runs in prop::collection::vec((0..9_i64, 0..5_usize), 1..40),
    ) {
        let lines = entries.iter().enumerate();
        let log: Vec<Line> = lines
            .map(|(number, (slot, hours_late, tenth))| {
                line(number, slot * 3 * HOUR + tenth * 600, hours_late * HOUR)
            })
            .collect();
        let (mut standing, mut all, mut now) = (fresh(), Vec::new(), 0);
        for (hours, budget) in runs {
            now += hours * HOUR;
            let (new, next) = run(&log, &standing, at(now), 7, budget);
            all.extend(new);
            standing = next;
        }
        prop_assert!(counts(&all).values().all(|count| *count == 1));
    }
}
