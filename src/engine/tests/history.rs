//! Use over time against a plain list of who did what when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::{Date, ISOWeekDate, date};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::model::{key, name, object_id, plain};
use crate::domain::filter::{TextCondition, UserFilter, UserText};
use crate::domain::text::Folded;
use crate::domain::usage::{HistoryNumber, HistoryUser, Metric, UsageDay, Values, Workload};
use crate::engine::{
    Granularity, HistoryDraft, TenantIndex, TenantUpdate, UsagePoint, UsersDraft, select,
};

const WORKLOADS: [Workload; 2] = [Workload::Outlook, Workload::Teams];
const METRICS: [Metric; 3] = [Metric::EmailsSent, Metric::OnWeb, Metric::Calls];

fn next(base: &TenantIndex, users: Option<UsersDraft>, history: HistoryDraft) -> Arc<TenantIndex> {
    let update = TenantUpdate {
        organization: None,
        licenses: None,
        users,
        groups: None,
        subscriptions: None,
        history: Some(history),
        standings: Vec::new(),
        as_of: None,
        now: Timestamp::UNIX_EPOCH,
    };
    Arc::new(base.updated(update, &name))
}

/// A tenant of users 0 to `users`; every third is in Sales.
fn tenant_of(tenant: &str, users: u32) -> Arc<TenantIndex> {
    let base = TenantIndex::empty(key(tenant));
    let mut draft = base.draft();
    for number in 0..users {
        let mut user = plain(number);
        user.department = is_in_sales(number).then(|| "Sales".to_owned());
        draft.merge(&user);
    }
    next(&base, Some(draft), base.history_draft())
}

fn is_in_sales(number: u32) -> bool {
    number.is_multiple_of(3)
}

fn sales() -> UserFilter {
    let names = BTreeSet::from([Folded::new("sales")]);
    UserFilter::Text(UserText::Department, TextCondition::In(names))
}

fn everything(index: &Arc<TenantIndex>, workload: Workload, by: Granularity) -> Vec<UsagePoint> {
    let selection = select(std::slice::from_ref(index), &UserFilter::EVERYBODY, &[]);
    selection.usage(workload, Date::MIN, Date::MAX, by)
}

fn sent(count: u64) -> Values {
    Values::new([(Metric::EmailsSent, count)])
}

fn point(on: Date, active_users: u64, emails_sent: u64) -> UsagePoint {
    UsagePoint {
        on,
        active_users,
        totals: vec![(Metric::EmailsSent, emails_sent)],
    }
}

/// Who did what when: by workload, day and user.
type Model = BTreeMap<(Workload, Date), BTreeMap<u32, Values>>;

fn record(draft: &mut HistoryDraft, model: &Model) -> (Vec<HistoryUser>, Vec<UsageDay>) {
    let mut stored = (Vec::new(), Vec::new());
    for ((workload, on), users) in model {
        let users = users
            .iter()
            .map(|(number, values)| (object_id(*number), values.clone()));
        let (new, day) = draft.record(*workload, *on, users.collect());
        stored.0.extend(new);
        stored.1.push(day);
    }
    stored
}

/// The first day of the bucket, told in another way than the engine does.
fn bucket(on: Date, by: Granularity) -> Date {
    match by {
        Granularity::Day => on,
        Granularity::Week => {
            let week = on.iso_week_date();
            let monday = ISOWeekDate::new(week.year(), week.week(), jiff::civil::Weekday::Monday);
            monday.unwrap().date()
        }
        Granularity::Month => date(on.year(), on.month(), 1),
    }
}

fn expected(
    model: &Model,
    workload: Workload,
    (from, to): (Date, Date),
    by: Granularity,
    counts: impl Fn(u32) -> bool,
) -> Vec<UsagePoint> {
    let mut points: BTreeMap<Date, (BTreeSet<u32>, BTreeMap<Metric, u64>)> = BTreeMap::new();
    for ((_, on), users) in model
        .iter()
        .filter(|((own, on), _)| *own == workload && (from..=to).contains(on))
    {
        let (active, totals) = points.entry(bucket(*on, by)).or_default();
        for (number, values) in users {
            for (metric, value) in values.iter() {
                *totals.entry(metric).or_default() += value * u64::from(counts(*number));
            }
        }
        active.extend(users.keys().filter(|number| counts(**number)));
    }
    let point =
        |(on, (active, totals)): (Date, (BTreeSet<u32>, BTreeMap<Metric, u64>))| UsagePoint {
            on,
            active_users: active.len() as u64,
            totals: totals.into_iter().collect(),
        };
    points.into_iter().map(point).collect()
}

fn any_model() -> impl Strategy<Value = Model> {
    let values = prop::collection::vec((0..METRICS.len(), 0..300_u64), 0..4).prop_map(|list| {
        Values::new(
            list.into_iter()
                .map(|(place, value)| (METRICS[place], value)),
        )
    });
    let users = prop::collection::btree_map(0..24_u32, values, 0..16);
    // Over the end of a month, of a year and of its last ISO week.
    let day = (0..WORKLOADS.len(), 0..40_i64)
        .prop_map(|(place, day)| (WORKLOADS[place], date(2026, 12, 10) + day.days()));
    prop::collection::btree_map(day, users, 0..30)
}

fn any_granularity() -> impl Strategy<Value = Granularity> {
    prop::sample::select(vec![
        Granularity::Day,
        Granularity::Week,
        Granularity::Month,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn use_over_time_is_what_a_list_says(
        older in any_model(),
        newer in any_model(),
        by in any_granularity(),
        (from, days) in (0..40_i64, -2..40_i64),
        gone in prop::collection::btree_set(0..20_u32, 0..6),
        in_sales in any::<bool>(),
    ) {
        // Users from 20 on never were in the directory; some others have left since.
        let base = tenant_of("one", 20);
        let mut draft = base.history_draft();
        record(&mut draft, &older);
        let index = next(&base, None, draft);
        let mut draft = index.history_draft();
        record(&mut draft, &newer);
        let mut users = index.draft();
        for number in &gone {
            users.remove(object_id(*number));
        }
        let index = next(&index, Some(users), draft);
        let mut model = older;
        model.extend(newer);

        let from = date(2026, 12, 8) + from.days();
        let to = from + days.days();
        let counts = |number: u32| {
            number < 20 && !gone.contains(&number) && (!in_sales || is_in_sales(number))
        };
        let filter = if in_sales { sales() } else { UserFilter::EVERYBODY };
        let selection = select(std::slice::from_ref(&index), &filter, &[]);
        for workload in WORKLOADS {
            let points = selection.usage(workload, from, to, by);
            prop_assert_eq!(points, expected(&model, workload, (from, to), by, counts));
            let days = model.keys().filter(|(own, _)| *own == workload).map(|(_, on)| *on);
            prop_assert_eq!(index.history_days(workload), days.collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_was_stored_is_loaded_in_any_order(model in any_model(), by in any_granularity()) {
        let base = tenant_of("one", 24);
        let mut draft = base.history_draft();
        let (users, days) = record(&mut draft, &model);
        let recorded = next(&base, None, draft);
        let mut draft = base.history_draft();
        days.iter().for_each(|day| draft.load_day(day));
        users.iter().rev().for_each(|user| draft.load_user(*user));
        let loaded = next(&base, None, draft);
        for workload in WORKLOADS {
            prop_assert_eq!(
                everything(&loaded, workload, by),
                everything(&recorded, workload, by)
            );
        }
    }

    #[test]
    fn several_tenants_are_added_up(one in any_model(), two in any_model(), by in any_granularity()) {
        let tenant = |name: &str, model: &Model| {
            let base = tenant_of(name, 24);
            let mut draft = base.history_draft();
            record(&mut draft, model);
            next(&base, None, draft)
        };
        let tenants = [tenant("one", &one), tenant("two", &two)];
        for workload in WORKLOADS {
            let all = (Date::MIN, Date::MAX);
            let mut sum: BTreeMap<Date, (u64, BTreeMap<Metric, u64>)> = BTreeMap::new();
            for model in [&one, &two] {
                for point in expected(model, workload, all, by, |_| true) {
                    let (active, totals) = sum.entry(point.on).or_default();
                    *active += point.active_users;
                    for (metric, total) in point.totals {
                        *totals.entry(metric).or_default() += total;
                    }
                }
            }
            let sum: Vec<UsagePoint> = sum
                .into_iter()
                .map(|(on, (active_users, totals))| UsagePoint {
                    on,
                    active_users,
                    totals: totals.into_iter().collect(),
                })
                .collect();
            let selection = select(&tenants, &UserFilter::EVERYBODY, &[]);
            prop_assert_eq!(selection.usage(workload, all.0, all.1, by), sum);
        }
    }
}

#[test]
fn a_number_is_given_once_and_never_again() {
    let base = tenant_of("one", 2);
    let mut draft = base.history_draft();
    let day = date(2026, 11, 2);
    let users = |numbers: &[u32]| {
        let user = |number: &u32| (object_id(*number), sent(1));
        numbers.iter().map(user).collect::<Vec<_>>()
    };
    let numbers =
        |users: &[HistoryUser]| users.iter().map(|user| user.number.0).collect::<Vec<_>>();
    let (new, _) = draft.record(Workload::Outlook, day, users(&[7, 8]));
    assert_eq!(numbers(&new), [0, 1]);
    draft.forget_before(Date::MAX);
    let (new, day) = draft.record(Workload::Outlook, day, users(&[8, 9, 7]));
    assert_eq!(numbers(&new), [2]);
    assert_eq!(
        day.users
            .iter()
            .map(|(number, _)| number.0)
            .collect::<Vec<_>>(),
        [0, 1, 2]
    );
}

#[test]
fn a_stored_number_that_cannot_be_is_left_out() {
    let base = tenant_of("one", 4);
    let mut draft = base.history_draft();
    let user = |user: u32, number: u32| HistoryUser {
        object_id: object_id(user),
        number: HistoryNumber(number),
    };
    draft.load_user(user(0, u32::MAX));
    draft.load_user(user(1, 3));
    draft.load_user(user(2, 3));
    draft.load_user(user(1, 2));
    let day = date(2026, 11, 2);
    draft.load_day(&UsageDay {
        workload: Workload::Outlook,
        on: day,
        users: [3, 2, u32::MAX]
            .map(|number| (HistoryNumber(number), sent(5)))
            .into(),
    });
    let mut users = base.draft();
    users.remove(object_id(0)); // Its id is nil, which in a column of ids is nobody's.
    let index = next(&base, Some(users), draft);
    assert_eq!(
        everything(&index, Workload::Outlook, Granularity::Day),
        [point(day, 1, 5)]
    );
}

#[test]
fn a_day_on_which_nobody_was_active_has_a_point_and_an_unknown_day_has_none() {
    let base = tenant_of("one", 4);
    let mut draft = base.history_draft();
    draft.record(Workload::Outlook, date(2026, 11, 1), Vec::new());
    draft.record(
        Workload::Outlook,
        date(2026, 11, 3),
        vec![(object_id(1), sent(4))],
    );
    let index = next(&base, None, draft);
    let quiet = UsagePoint {
        on: date(2026, 11, 1),
        active_users: 0,
        totals: Vec::new(),
    };
    assert_eq!(
        everything(&index, Workload::Outlook, Granularity::Day),
        [quiet, point(date(2026, 11, 3), 1, 4)]
    );
    assert_eq!(everything(&index, Workload::Teams, Granularity::Day), []);
}

#[test]
fn a_user_of_a_whole_week_counts_once() {
    let base = tenant_of("one", 4);
    let mut draft = base.history_draft();
    for day in 2..=8 {
        draft.record(
            Workload::Outlook,
            date(2026, 11, day),
            vec![(object_id(1), sent(10))],
        );
    }
    draft.record(
        Workload::Outlook,
        date(2026, 11, 9),
        vec![(object_id(1), sent(1))],
    );
    let index = next(&base, None, draft);
    assert_eq!(
        everything(&index, Workload::Outlook, Granularity::Week),
        [
            point(date(2026, 11, 2), 1, 70),
            point(date(2026, 11, 9), 1, 1)
        ]
    );
}

#[test]
fn days_before_a_day_are_forgotten_in_every_workload() {
    let base = tenant_of("one", 4);
    let mut draft = base.history_draft();
    for workload in WORKLOADS {
        for day in 1..=3 {
            draft.record(workload, date(2026, 11, day), vec![(object_id(1), sent(1))]);
        }
    }
    let mut forgotten = draft.forget_before(date(2026, 11, 3));
    forgotten.sort_unstable();
    let expected = [1, 2].map(|day| date(2026, 11, day));
    let expected = WORKLOADS
        .map(|workload| expected.map(|day| (workload, day)))
        .concat();
    assert_eq!(forgotten, expected);
    let index = next(&base, None, draft);
    assert_eq!(index.history_days(Workload::Teams), [date(2026, 11, 3)]);
}

#[test]
fn an_older_index_keeps_its_history_and_shares_what_stays() {
    let base = tenant_of("one", 4);
    let mut draft = base.history_draft();
    draft.record(
        Workload::Outlook,
        date(2026, 11, 1),
        vec![(object_id(1), sent(1))],
    );
    let old = next(&base, None, draft);
    let mut draft = old.history_draft();
    draft.record(
        Workload::Outlook,
        date(2026, 11, 1),
        vec![(object_id(2), sent(2))],
    );
    draft.record(
        Workload::Outlook,
        date(2026, 11, 2),
        vec![(object_id(1), sent(3))],
    );
    let new = next(&old, None, draft);
    let day = date(2026, 11, 1);
    assert_eq!(
        everything(&old, Workload::Outlook, Granularity::Day),
        [point(day, 1, 1)]
    );
    assert_eq!(
        everything(&new, Workload::Outlook, Granularity::Day),
        [point(day, 1, 2), point(date(2026, 11, 2), 1, 3)]
    );
    let kept = next(&new, Some(new.draft()), new.history_draft());
    let shared = everything(&kept, Workload::Outlook, Granularity::Day);
    assert_eq!(
        shared,
        everything(&new, Workload::Outlook, Granularity::Day)
    );
}
