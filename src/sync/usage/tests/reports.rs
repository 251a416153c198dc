//! What becomes of the answers of a report.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::ids::ObjectId;
use crate::domain::standing::{Fetched, FormerName, Standing};
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::domain::text::Folded;
use crate::domain::usage::{Metric, Period, Usage, Values};
use crate::msgraph::{Error, Quarantined, Report, ReportAnswer, ReportKey, ReportRow};
use crate::sync::usage::join::Joiner;
use crate::sync::usage::report::ReportReading;

const D180: Fetched = Fetched::Period(Period::D180);
const D90: Fetched = Fetched::Period(Period::D90);
const D30: Fetched = Fetched::Period(Period::D30);
const D7: Fetched = Fetched::Period(Period::D7);

const REPORTED_ON: Date = date(2026, 11, 18);

fn now() -> Timestamp {
    "2026-11-20T02:00:00Z".parse().unwrap()
}

fn id(number: u128) -> ObjectId {
    ObjectId(Uuid::from_u128(number))
}

/// "ann@x" is user 1, "bo@x" 2, "cy@x" 3.
fn holder(name: &Folded) -> Option<ObjectId> {
    let names = ["ann@x", "bo@x", "cy@x"];
    let place = names.iter().position(|own| *own == name.as_str())?;
    Some(id(place as u128 + 1))
}

fn row(name: &str, active: &str, sent: u64) -> ReportRow {
    ReportRow {
        who: ReportKey::PrincipalName(name.to_owned()),
        is_deleted: false,
        last_active_on: active.parse().ok(),
        values: Values::new([(Metric::EmailsSent, sent)]),
        mailbox_type: None,
    }
}

fn report(rows: Vec<ReportRow>) -> Report {
    Report {
        reported_on: (!rows.is_empty()).then_some(REPORTED_ON),
        etag: Some("\"1\"".to_owned()),
        rows,
        ..Report::default()
    }
}

fn unreadable() -> Quarantined {
    Quarantined {
        reason: "a number is no number".to_owned(),
        id: None,
    }
}

fn reading_of(dataset: Dataset, answers: Vec<(Fetched, Report)>) -> ReportReading {
    let mut reading = ReportReading::new(&Standing::new(dataset), now());
    for (what, report) in answers {
        reading.take(what, ReportAnswer::Report(report));
    }
    reading
}

/// What is known of everybody whom a reading names, and whether it tells who is not in the report.
fn told(
    reading: &ReportReading,
    held: &[Usage],
    former: &[FormerName],
) -> (BTreeMap<ObjectId, Usage>, bool) {
    let joiner = Joiner::by(holder, former, now());
    let people = reading.people();
    let parts = reading.join(&people, &joiner, &|_| None);
    let users_before = held.len() as u64;
    let held = |id| held.iter().find(|usage| usage.object_id == id).cloned();
    let usages = parts
        .users()
        .into_iter()
        .map(|id| (id, parts.usage(id, held(id))));
    let is_ours = |id: ObjectId| id.0.as_u128() <= 3;
    let is_whole = reading.is_whole(&parts, &joiner, users_before, is_ours);
    (usages.collect(), is_whole)
}

/// Last activity and mails sent in 7, 30, 90 and 180 days.
fn mails(usage: &Usage) -> (Option<Date>, [Option<u64>; 4]) {
    let sent = |sums: &Option<Values>| sums.as_ref()?.get(Metric::EmailsSent);
    (usage.last_active_on, usage.sums.each_ref().map(sent))
}

type Users = Vec<(u128, Option<u64>)>;

/// Who was active on which day, with a number each.
fn days(reading: &ReportReading, metric: Metric) -> Vec<(Date, Users)> {
    let joiner = Joiner::by(holder, &[], now());
    let people = reading.people();
    let parts = reading.join(&people, &joiner, &|_| None);
    let days = reading.days(&parts, &people, &joiner, &|_| None);
    let days = days.map(|day| {
        let users = day.users.iter();
        let users = users.map(|(id, values)| (id.0.as_u128(), values.get(metric)));
        (day.on, users.collect())
    });
    days.collect()
}

#[test]
fn the_answers_of_all_periods_become_one_usage_of_a_user() {
    let reading = reading_of(
        Dataset::EmailActivity,
        vec![
            (
                D180,
                report(vec![row("Ann@X", "2026-11-17", 180), row("bo@x", "", 0)]),
            ),
            (
                D90,
                report(vec![row("ann@x", "2026-11-17", 90), row("bo@x", "", 0)]),
            ),
            (D30, report(vec![row("ann@x", "2026-11-17", 30)])),
            (
                D7,
                report(vec![row("ann@x", "2026-11-17", 7), row("bo@x", "", 0)]),
            ),
        ],
    );
    let (usages, is_whole) = told(&reading, &[], &[]);
    let last = Some(date(2026, 11, 17));
    let sums = [7, 30, 90, 180].map(Some);
    assert_eq!(mails(&usages[&id(1)]), (last, sums));
    assert_eq!(
        mails(&usages[&id(2)]),
        (None, [Some(0), None, Some(0), Some(0)])
    );
    assert!(usages[&id(1)].standing.is_empty());
    assert!(is_whole);
    assert_eq!(reading.rows(), 2);
}

#[test]
fn what_was_not_asked_for_stays_as_it_was() {
    let (first, _) = told(
        &reading_of(
            Dataset::EmailActivity,
            vec![
                (D180, report(vec![row("ann@x", "2026-11-17", 180)])),
                (D30, report(vec![row("ann@x", "2026-11-17", 30)])),
            ],
        ),
        &[],
        &[],
    );
    let held: Vec<Usage> = first.into_values().collect();
    let narrow = reading_of(
        Dataset::EmailActivity,
        vec![(D30, report(vec![row("ann@x", "2026-11-10", 31)]))],
    );
    let (next, is_whole) = told(&narrow, &held, &[]);
    let expected = [None, Some(31), None, Some(180)];
    assert_eq!(mails(&next[&id(1)]), (Some(date(2026, 11, 17)), expected));
    assert!(!is_whole, "only the widest part tells who is gone");
    let wide = reading_of(
        Dataset::EmailActivity,
        vec![(D180, report(vec![row("ann@x", "2026-11-10", 150)]))],
    );
    let (next, _) = told(&wide, &held, &[]);
    let expected = [None, Some(30), None, Some(150)];
    assert_eq!(mails(&next[&id(1)]), (Some(date(2026, 11, 17)), expected));
}

#[test]
fn a_last_day_is_kept_unless_microsoft_cannot_know_of_it() {
    #[track_caller]
    fn check(held: &str, told: &str, expected: &str) {
        let held = Usage {
            last_active_on: held.parse().ok(),
            is_left_out: true,
            ..Usage::nothing(Dataset::EmailActivity, id(1))
        };
        let rows = vec![row("ann@x", told, 1)];
        let reading = reading_of(Dataset::EmailActivity, vec![(D180, report(rows))]);
        let (next, _) = told_of(&reading, &[held]);
        assert_eq!(next.last_active_on, expected.parse().ok());
        assert!(!next.is_left_out);
    }
    fn told_of(reading: &ReportReading, held: &[Usage]) -> (Usage, bool) {
        let (next, is_whole) = told(reading, held, &[]);
        (next[&id(1)].clone(), is_whole)
    }
    check("", "2026-11-17", "2026-11-17");
    check("2026-11-17", "", "2026-11-17");
    check("2026-11-17", "2026-11-10", "2026-11-17");
    check("2026-11-10", "2026-11-17", "2026-11-17");
    check("2026-11-18", "", "2026-11-18");
    check("2099-01-01", "2026-11-10", "2026-11-10"); // The report tells up to the 18th.
}

#[test]
fn of_two_rows_of_a_user_the_later_activity_counts_and_nothing_is_added_up() {
    let renamed = [FormerName {
        name: "old@x".to_owned(),
        object_id: id(1),
        until: "2026-11-19T00:00:00Z".parse().unwrap(),
    }];
    let rows = [
        row("old@x", "2026-11-17", 40),
        row("ann@x", "2026-11-01", 2),
    ];
    for rows in [rows.to_vec(), rows.iter().rev().cloned().collect()] {
        let reading = reading_of(Dataset::EmailActivity, vec![(D180, report(rows))]);
        let (usages, _) = told(&reading, &[], &renamed);
        let expected = [None, None, None, Some(40)];
        assert_eq!(mails(&usages[&id(1)]), (Some(date(2026, 11, 17)), expected));
        assert_eq!(usages.len(), 1);
    }
}

#[test]
fn rows_of_deleted_people_and_of_nobody_are_counted_and_never_joined() {
    let rows = vec![
        row("ann@x", "2026-11-17", 1),
        ReportRow {
            is_deleted: true,
            ..row("bo@x", "2026-11-17", 2)
        },
        row("stranger@x", "2026-11-17", 3),
        ReportRow {
            who: ReportKey::Nobody,
            ..row("", "2026-11-17", 4)
        },
        row(" ", "2026-11-17", 5),
    ];
    let reading = reading_of(Dataset::EmailActivity, vec![(D180, report(rows))]);
    let (usages, _) = told(&reading, &[], &[]);
    assert_eq!(usages.keys().copied().collect::<Vec<_>>(), [id(1)]);
    let joiner = Joiner::by(holder, &[], now());
    let people = reading.people();
    let parts = reading.join(&people, &joiner, &|_| None);
    assert_eq!((parts.joined[0].unmatched(), reading.rows()), (4, 5));
}

#[test]
fn a_user_whose_name_changed_hands_is_doubtful_and_keeps_what_is_held() {
    let taken = [FormerName {
        name: "ann@x".to_owned(),
        object_id: id(9),
        until: "2026-11-19T00:00:00Z".parse().unwrap(),
    }];
    let rows = vec![row("ann@x", "2026-11-17", 1), row("bo@x", "2026-11-17", 2)];
    let reading = reading_of(Dataset::EmailActivity, vec![(D180, report(rows))]);
    let joiner = Joiner::by(holder, &taken, now());
    let people = reading.people();
    let parts = reading.join(&people, &joiner, &|_| None);
    assert_eq!(parts.users().into_iter().collect::<Vec<_>>(), [id(2)]);
    assert_eq!(parts.doubtful().into_iter().collect::<Vec<_>>(), [id(1)]);
    assert_eq!(parts.joined[0].unmatched(), 1);
}

#[test]
fn nobody_loses_anything_by_a_report_that_may_be_wrong() {
    let rows = || vec![row("ann@x", "", 1), row("bo@x", "", 2), row("cy@x", "", 3)];
    let is_whole = |rows_before: u64, report: Report| {
        let mut standing = Standing::new(Dataset::EmailActivity);
        standing.rows = rows_before;
        let mut reading = ReportReading::new(&standing, now());
        reading.take(D180, ReportAnswer::Report(report));
        told(&reading, &[], &[]).1
    };
    assert!(is_whole(0, report(rows())));
    assert!(is_whole(6, report(rows())));
    assert!(!is_whole(7, report(rows())), "less than half is left");
    assert!(!is_whole(0, report(Vec::new())), "there are no rows");
    let damaged = Report {
        quarantined: vec![unreadable()],
        ..report(rows())
    };
    assert!(!is_whole(3, damaged), "a row could not be read");
    assert!(!is_whole(0, report(vec![row("", "", 1), row(" ", "", 2)])));
    let gone = |row| ReportRow {
        is_deleted: true,
        ..row
    };
    let all_gone = rows().into_iter().map(gone).collect();
    assert!(!is_whole(0, report(all_gone)), "it names nobody");
    let concealed = ReportRow {
        who: ReportKey::Concealed,
        ..row("", "", 4)
    };
    let concealed = report(rows().into_iter().chain([concealed]).collect());
    assert!(!is_whole(0, concealed), "a name is concealed");
    let strangers = (0..4).map(|number| row(&format!("stranger{number}@x"), "", 1));
    let strange = report(rows().into_iter().chain(strangers).collect());
    assert!(!is_whole(0, strange), "most people are unknown");
}

#[test]
fn a_report_of_few_of_those_it_told_of_before_does_not_tell_that_the_others_are_gone() {
    let held = |count: u128| (1..=count).map(|own| Usage::nothing(Dataset::EmailActivity, id(own)));
    let rows = vec![row("ann@x", "", 1), row("bo@x", "", 2)];
    let reading = reading_of(Dataset::EmailActivity, vec![(D180, report(rows))]);
    let is_whole = |count| told(&reading, &held(count).collect::<Vec<_>>(), &[]).1;
    assert!(is_whole(4));
    assert!(!is_whole(5));
    // Ids of people whom we do not hold are nobody of ours, however many.
    let by_id = |own: u128| ReportRow {
        who: ReportKey::Id(id(own)),
        ..row("", "", 1)
    };
    let rows = vec![by_id(7), by_id(8), by_id(9)];
    let reading = reading_of(Dataset::TeamsActivity, vec![(D180, report(rows))]);
    assert!(!told(&reading, &[], &[]).1);
}

#[test]
fn of_two_rows_under_one_name_neither_counts() {
    let check = |rows: Vec<ReportRow>, users: &[u128], doubtful: &[u128], unmatched| {
        let reading = reading_of(Dataset::AppsUsage, vec![(D180, report(rows))]);
        let joiner = Joiner::by(holder, &[], now());
        let people = reading.people();
        let created_at = |own| (own == id(2)).then(|| "2026-11-01T00:00:00Z".parse().unwrap());
        let parts = reading.join(&people, &joiner, &created_at);
        let ids = |ids: &[u128]| ids.iter().copied().map(id).collect();
        assert_eq!(parts.users(), ids(users));
        assert_eq!(parts.doubtful(), ids(doubtful));
        assert_eq!(parts.joined[0].unmatched(), unmatched);
    };
    let ann = || row("ann@x", "2026-11-17", 1);
    let other = row("Ann@X", "2026-11-17", 2);
    let another = row("ann@x", "", 3);
    check(
        vec![ann(), row("bo@x", "", 1), other.clone()],
        &[2],
        &[1],
        2,
    );
    check(vec![ann(), other, another], &[], &[1], 3);
    check(vec![ann(), ann()], &[1], &[], 0);
    // One of somebody who was here before Bo is not his.
    let before = row("bo@x", "2026-10-01", 5);
    check(vec![before, row("bo@x", "2026-11-17", 6)], &[2], &[], 1);
}

#[test]
fn a_row_that_could_not_be_read_takes_no_sums_away() {
    let (first, _) = told(
        &reading_of(
            Dataset::EmailActivity,
            vec![
                (D180, report(vec![row("ann@x", "2026-11-17", 180)])),
                (D7, report(vec![row("ann@x", "2026-11-17", 7)])),
            ],
        ),
        &[],
        &[],
    );
    let held: Vec<Usage> = first.into_values().collect();
    let damaged = Report {
        quarantined: vec![unreadable()],
        ..report(vec![row("bo@x", "", 1)])
    };
    let reading = reading_of(
        Dataset::EmailActivity,
        vec![
            (D180, report(vec![row("ann@x", "2026-11-17", 181)])),
            (D7, damaged),
        ],
    );
    let (next, _) = told(&reading, &held, &[]);
    assert_eq!(mails(&next[&id(1)]).1, [Some(7), None, None, Some(181)]);
    assert_eq!(
        (reading.quarantined(), reading.example()),
        (1, Some(&unreadable()))
    );
}

#[test]
fn numbers_without_a_period_are_kept_as_they_stand() {
    let mailbox = |bytes| ReportRow {
        values: Values::new([(Metric::MailboxBytes, bytes)]),
        mailbox_type: Some(crate::domain::usage::MailboxType::Shared),
        ..row("ann@x", "2026-11-17", 0)
    };
    let reading = reading_of(
        Dataset::MailboxUsage,
        vec![(D180, report(vec![mailbox(5)]))],
    );
    let (usages, _) = told(&reading, &[], &[]);
    let usage = &usages[&id(1)];
    assert_eq!(usage.standing.get(Metric::MailboxBytes), Some(5));
    assert_eq!(usage.sums, [const { None }; 4]);
    assert_eq!(
        usage.mailbox_type,
        Some(crate::domain::usage::MailboxType::Shared)
    );
    assert_eq!(days(&reading, Metric::MailboxBytes), []);
}

#[test]
fn activations_of_several_products_share_devices() {
    let product = |active: &str, windows: u64, mac: Option<u64>| ReportRow {
        values: Values::new(
            [
                (Metric::ActivatedWindows, Some(windows)),
                (Metric::ActivatedMac, mac),
            ]
            .into_iter()
            .filter_map(|(metric, value)| Some((metric, value?))),
        ),
        ..row("ann@x", active, 0)
    };
    let rows = vec![
        product("2026-11-01", 2, None),
        row("bo@x", "", 1),
        product("2026-10-01", 1, Some(3)),
    ];
    let reading = reading_of(
        Dataset::AppsActivations,
        vec![(Fetched::Whole, report(rows))],
    );
    let (usages, _) = told(&reading, &[], &[]);
    let usage = &usages[&id(1)];
    assert_eq!(usage.last_active_on, Some(date(2026, 11, 1)));
    assert_eq!(
        usage.standing,
        Values::new([(Metric::ActivatedWindows, 2), (Metric::ActivatedMac, 3)])
    );
    assert_eq!(reading.rows(), 3);
}

#[test]
fn a_day_has_those_who_did_something_on_it() {
    let on = date(2026, 11, 16);
    let received = |name: &str, active: &str, sent, received| ReportRow {
        values: Values::new([
            (Metric::EmailsSent, sent),
            (Metric::EmailsReceived, received),
        ]),
        ..row(name, active, 0)
    };
    let rows = vec![
        received("ann@x", "2026-11-16", 0, 9), // active by the day itself
        received("bo@x", "2026-11-18", 4, 9),  // active since, and on that day too
        received("cy@x", "2026-11-10", 0, 9),  // mail only came in
        received("stranger@x", "2026-11-16", 1, 1),
    ];
    let reading = reading_of(
        Dataset::EmailActivity,
        vec![
            (Fetched::Day(on), report(rows)),
            (Fetched::Day(date(2026, 11, 15)), report(Vec::new())),
        ],
    );
    assert_eq!(
        days(&reading, Metric::EmailsSent),
        [
            (on, vec![(1, Some(0)), (2, Some(4))]),
            (date(2026, 11, 15), vec![])
        ]
    );
    assert_eq!(
        reading.rows(),
        0,
        "days say nothing of how many rows the report has"
    );
}

#[test]
fn a_day_with_too_many_unreadable_rows_is_no_history() {
    let damaged = Report {
        quarantined: vec![unreadable(); 20],
        ..report(vec![row("ann@x", "2026-11-16", 1)])
    };
    let reading = reading_of(
        Dataset::EmailActivity,
        vec![(Fetched::Day(date(2026, 11, 16)), damaged)],
    );
    assert_eq!(days(&reading, Metric::EmailsSent), []);
}

#[test]
fn who_used_copilot_last_on_the_refresh_date_makes_its_day() {
    let day_number = |day: i64| 20_775 + day as u64 - 18; // 2026-11-18 is day 20,775
    let used = |name: &str, active: &str, chat: i64, word: i64| ReportRow {
        values: Values::new([
            (Metric::CopilotChatOn, day_number(chat)),
            (Metric::CopilotWordOn, day_number(word)),
        ]),
        ..row(name, active, 0)
    };
    let rows = vec![
        used("ann@x", "2026-11-18", 18, 3),
        used("bo@x", "2026-11-18", 17, 18),
        used("cy@x", "2026-11-17", 17, 17),
    ];
    let reading = reading_of(Dataset::CopilotUsage, vec![(D180, report(rows))]);
    assert_eq!(
        days(&reading, Metric::CopilotWordOn),
        [(REPORTED_ON, vec![(1, None), (2, Some(1))])]
    );
    let (usages, _) = told(&reading, &[], &[]);
    let standing = &usages[&id(1)].standing;
    assert_eq!(standing.get(Metric::CopilotWordOn), Some(day_number(3)));
}

#[test]
fn a_concealed_report_leaves_the_age_of_what_is_held_and_ends_the_questions() {
    let mut standing = Standing::new(Dataset::EmailActivity);
    let mut reading = ReportReading::new(&standing, now());
    for what in [D180, D90, D30, D7] {
        reading.take(
            what,
            ReportAnswer::Report(report(vec![row("ann@x", "", 1)])),
        );
    }
    standing = reading.next_standing();
    assert_eq!((standing.as_of, standing.rows), (Some(now()), 1));

    let later = now() + SignedDuration::from_hours(24);
    let mut reading = ReportReading::new(&standing, later);
    assert_eq!(reading.next_question(), Some(D180));
    let concealed = Report {
        is_concealed: true,
        reported_on: Some(date(2026, 11, 19)),
        ..report(vec![row("0123", "", 1); 40])
    };
    reading.take(D180, ReportAnswer::Report(concealed));
    assert!(reading.is_concealed() && reading.is_due());
    assert_eq!(reading.next_question(), None);
    standing = reading.next_standing();
    assert_eq!((standing.as_of, standing.rows), (Some(now()), 1));
    assert_eq!(standing.reported_on(Some(Period::D180)), Some(REPORTED_ON));
    let mut etags = standing.fetches.iter().map(|fetch| &fetch.etag);
    assert!(etags.all(Option::is_none), "everything is needed again");

    let mut reading = ReportReading::new(&standing, later + SignedDuration::from_hours(24));
    reading.take(
        D180,
        ReportAnswer::Report(report(vec![row("ann@x", "", 1)])),
    );
    assert!(!reading.is_concealed());
    assert_eq!(
        reading.next_question(),
        Some(D90),
        "the rest is asked again"
    );
}

#[test]
fn a_report_without_rows_leaves_everything_as_it_was() {
    let mut reading = reading_of(
        Dataset::MailboxUsage,
        vec![(D180, report(vec![row("ann@x", "2026-11-17", 1)]))],
    );
    let held = reading.next_standing();
    let later = now() + SignedDuration::from_hours(24);
    reading = ReportReading::new(&held, later);
    reading.take(D180, ReportAnswer::Report(report(Vec::new())));
    assert_eq!(reading.rows(), 0);
    let (usages, is_whole) = told(&reading, &[], &[]);
    assert!(usages.is_empty() && !is_whole);
    let next = reading.next_standing();
    assert_eq!((next.as_of, next.rows), (Some(now()), 1));
    assert_eq!(next.reported_on(None), Some(REPORTED_ON));
    // A tenant that never had any is up to date with nothing.
    let new = reading_of(Dataset::MailboxUsage, vec![(D180, report(Vec::new()))]);
    assert_eq!(new.next_standing().as_of, Some(now()));
}

#[test]
fn nothing_new_is_an_answer_too() {
    let first = reading_of(
        Dataset::MailboxUsage,
        vec![(D180, report(vec![row("ann@x", "2026-11-17", 1)]))],
    );
    let later = now() + SignedDuration::from_hours(6);
    let mut reading = ReportReading::new(&first.next_standing(), later);
    assert!(!reading.is_due());
    assert_eq!(reading.next_question(), Some(D180));
    reading.take(D180, ReportAnswer::Unchanged);
    assert!(reading.is_due());
    assert_eq!((reading.next_question(), reading.rows()), (None, 1));
    let next = reading.next_standing();
    assert_eq!((next.as_of, next.rows), (Some(later), 1));
    assert_eq!(next.reported_on(None), Some(REPORTED_ON));
    assert_eq!(next.fetches[0].etag.as_deref(), Some("\"1\""));
}

#[test]
fn a_first_reading_asks_for_all_parts_and_then_for_days() {
    let mut reading = ReportReading::new(&Standing::new(Dataset::TeamsActivity), now());
    let mut asked = Vec::new();
    while let Some(what) = reading.next_question() {
        asked.push(what);
        reading.take(
            what,
            ReportAnswer::Report(report(vec![row("ann@x", "", 1)])),
        );
    }
    assert_eq!(asked[..4], [D180, D90, D30, D7]);
    assert_eq!(asked.len(), 14);
    assert_eq!(asked[4], Fetched::Day(REPORTED_ON));
    assert_eq!(asked[13], Fetched::Day(date(2026, 11, 9)));
}

#[test]
fn a_day_that_cannot_be_read_costs_only_itself() {
    let error = |kind| Error::Problem(Problem::new(kind, "of a day"));
    let begun = || {
        let mut reading = ReportReading::new(&Standing::new(Dataset::TeamsActivity), now());
        for what in [D180, D90, D30, D7] {
            reading.take(
                what,
                ReportAnswer::Report(report(vec![row("ann@x", "", 1)])),
            );
        }
        reading
    };
    let newest = Fetched::Day(REPORTED_ON);
    let mut refused = begun();
    assert!(refused.fail(newest, error(ProblemKind::Refused)).is_ok());
    assert_eq!(
        refused.next_question(),
        Some(Fetched::Day(date(2026, 11, 17)))
    );
    let mut unreachable = begun();
    assert!(
        unreachable
            .fail(newest, error(ProblemKind::Unreachable))
            .is_ok()
    );
    assert_eq!(unreachable.next_question(), None);
    let next = ReportReading::new(
        &unreachable.next_standing(),
        now() + SignedDuration::from_hours(1),
    );
    assert_eq!(
        next.next_question(),
        Some(newest),
        "a later run tries again"
    );
    assert!(begun().fail(newest, Error::Canceled).is_err());
    assert!(begun().fail(D7, error(ProblemKind::Unreachable)).is_err());
}
