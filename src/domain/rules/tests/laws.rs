//! What holds whatever is judged, and sums that were worked out by hand.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::office::*;
use crate::domain::finding::{Finding, FindingKind, Saving};
use crate::domain::money::{Money, Sums};
use crate::domain::rules::{AddonUse, UsageNumbers};
use crate::domain::usage::{MailboxType, Workload};
use crate::domain::user::{AssignmentState, UserType};

const PARTS: [&str; 21] = [
    "AAD_PREMIUM_P2",
    "DESKLESSPACK",
    "EMS",
    "EMSPREMIUM",
    "ENTERPRISEPACK",
    "ENTERPRISEPREMIUM",
    "EXCHANGEENTERPRISE",
    "EXCHANGESTANDARD",
    "FLOW_FREE",
    "INTUNE_A",
    "M365_F1",
    "MCOEV",
    "Microsoft_365_Copilot",
    "Microsoft_Teams_Rooms_Pro",
    "POWER_BI_PRO",
    "SPE_E3",
    "SPE_E5",
    "SPE_F1",
    "STANDARDPACK",
    "TEAMS_EXPLORATORY",
    "VISIOCLIENT",
];

/// The place of Copilot among the workloads.
const COPILOT: usize = Workload::Copilot as usize;

fn yearly(findings: &[Finding]) -> String {
    let savings = findings.iter().filter_map(|finding| match finding.saving {
        Saving::Monthly(money) => Some(money.times(12)),
        _ => None,
    });
    savings
        .collect::<Sums>()
        .only()
        .map_or_else(String::new, Money::amount_text)
}

#[test]
fn two_licenses_of_a_disabled_user_are_freed_once_each_and_their_overlap_is_worth_nothing() {
    let office = Office::open();
    let gone = worker(&["SPE_E5", "AAD_PREMIUM_P2"]).with(|person| person.account_enabled = false);
    office.check(
        &gone,
        &[
            "DisabledAccount AAD_PREMIUM_P2 High 11.00",
            "DisabledAccount SPE_E5 High 60.00",
            "Overlap AAD_PREMIUM_P2 High -",
        ],
    );
    assert_eq!(yearly(&office.judge(&gone)), "852.00");
}

#[test]
fn the_same_two_of_an_active_user_overlap_and_save_the_smaller() {
    let office = Office::open();
    let active = worker(&["SPE_E5", "AAD_PREMIUM_P2"]);
    assert_eq!(yearly(&office.judge(&active)), "132.00");
}

#[test]
fn a_missing_price_changes_no_sum_and_is_counted() {
    let gone = |held| worker(held).with(|person| person.account_enabled = false);
    let office = Office::open();
    let unpriced = |findings: &[Finding]| {
        let unpriced = findings.iter().filter(|own| own.saving == Saving::Unpriced);
        unpriced.count()
    };
    let all = office.judge(&gone(&["SPE_E5", "AAD_PREMIUM_P2", "VISIOCLIENT"]));
    assert_eq!((yearly(&all).as_str(), unpriced(&all)), ("1032.00", 0));
    let without = Office::open().with(|office| office.shelf("VISIOCLIENT").rate = None);
    let some = without.judge(&gone(&["SPE_E5", "AAD_PREMIUM_P2", "VISIOCLIENT"]));
    assert_eq!((yearly(&some).as_str(), unpriced(&some)), ("852.00", 1));
}

/// The first rule that holds carries the saving.
#[test]
fn of_several_findings_about_a_seat_one_carries_the_saving() {
    let office = Office::open();
    let held = &["ENTERPRISEPACK", "SPE_E3"];
    let person = silent_for(200, held).with(|person| {
        person.account_enabled = false;
        person.user_type = UserType::Guest;
        person.mailbox_type = Some(MailboxType::Room);
        person.held[0].groups = 1;
    });
    office.check(
        &person,
        &[
            "DisabledAccount ENTERPRISEPACK High 20.00",
            "DisabledAccount SPE_E3 High 36.00",
            "Guest ENTERPRISEPACK Medium -",
            "Guest SPE_E3 Medium -",
            "ResourceAccount ENTERPRISEPACK High -",
            "ResourceAccount SPE_E3 High -",
            "Overlap ENTERPRISEPACK High -",
            "DirectAndGroup ENTERPRISEPACK High -",
        ],
    );
    let silent = silent_for(200, held);
    office.check(
        &silent,
        &[
            "Inactive ENTERPRISEPACK High 20.00",
            "Inactive SPE_E3 High 36.00",
            "Overlap ENTERPRISEPACK High -",
        ],
    );
}

#[test]
fn every_fact_has_words_and_every_finding_a_sentence() {
    let office = Office::open();
    let person = silent_for(90, &["SPE_E3"]);
    let found = office.judge(&person);
    let name_of = |_| "Microsoft 365 E3".to_owned();
    assert_eq!(
        found[0].summary(&name_of),
        "Microsoft 365 E3 is held by somebody who shows no activity for 90 days or more, last on 2026-08-23 in Copilot."
    );
    let rows: Vec<String> = found[0]
        .facts
        .iter()
        .map(|fact| fact.shown(&name_of))
        .map(|row| {
            format!(
                "{}: {} ({}, {:?})",
                row.fact, row.value, row.source, row.as_of
            )
        })
        .collect();
    assert_eq!(
        rows[1],
        "last activity in Teams: 2026-08-23 (Teams activity, Some(2026-11-21))"
    );
    assert!(
        rows.contains(
            &"last successful sign-in: never (sign-in activity, Some(2026-11-23))".into()
        )
    );
    assert!(rows.contains(&"inactive after: 90 days (policy, None)".into()));
    assert!(
        rows.contains(&"price of a seat a month: 36.00 EUR (price book, Some(2026-11-23))".into())
    );
}

// ---------------------------------------------------------------- properties

fn assigned() -> impl Strategy<Value = Assigned> {
    let state = prop_oneof![
        6 => Just(AssignmentState::Active),
        1 => prop::sample::select(vec![
            AssignmentState::ActiveWithError,
            AssignmentState::Disabled,
            AssignmentState::Error,
            AssignmentState::Unknown,
        ]),
    ];
    let since = prop::option::weighted(0.9, 0..100i64);
    (0..PARTS.len(), state, any::<bool>(), 0..2usize, since).prop_map(
        |(part, state, is_direct, groups, since)| Assigned {
            part_number: PARTS[part],
            state,
            error: None,
            is_direct,
            groups,
            disabled: Vec::new(),
            since: since.and_then(days_ago),
        },
    )
}

fn usage() -> impl Strategy<Value = UsageNumbers> {
    (
        prop::option::of(0..70u64),
        prop::option::of(any::<bool>()),
        prop::option::of(0..1100u64),
        prop::option::of(any::<bool>()),
        prop::option::of(0..2u64),
        prop::array::uniform8(prop::option::of(0..60i64)),
        prop::array::uniform4(prop::option::of(prop::option::of(0..200i64))),
    )
        .prop_map(
            |(mail, archive, files, desktop, activations, apps, addons)| UsageNumbers {
                mailbox_bytes: mail.map(|gib| gib << 30),
                has_archive: archive,
                files_bytes: files.map(|gib| gib << 30),
                used_on_desktop: desktop,
                desktop_activations: activations,
                copilot_apps: apps.map(|days| days.and_then(days_ago)),
                addons: addons.map(|used| match used {
                    None => AddonUse::Unknown,
                    Some(None) => AddonUse::Never,
                    Some(Some(days)) => days_ago(days).map_or(AddonUse::Unknown, AddonUse::On),
                }),
            },
        )
}

fn person() -> impl Strategy<Value = Person> {
    let days = || prop::option::of(0..200i64);
    (
        prop::collection::vec(assigned(), 0..6),
        usage(),
        prop::array::uniform7(days()),
        (days(), days(), days(), days()),
        prop::sample::select(vec![UserType::Member, UserType::Guest]),
        prop::option::of(prop::sample::select(MailboxType::ALL.to_vec())),
        (
            prop::bool::weighted(0.8),
            prop::bool::weighted(0.1),
            any::<bool>(),
        ),
    )
        .prop_map(
            |(mut held, usage, active, dates, user_type, mailbox_type, flags)| {
                held.sort_by_key(|own| sku(own.part_number));
                held.dedup_by_key(|own| own.part_number);
                let (succeeded, created, hired, disabled) = dates;
                worker(&[]).with(|person| {
                    person.held = held;
                    person.usage = usage;
                    person.activity.last_active_on = active.map(|days| days.and_then(days_ago));
                    // The report's day for all of Copilot is the latest of its applications.
                    person.activity.last_active_on[COPILOT] =
                        usage.copilot_apps.into_iter().max().flatten();
                    person.activity.succeeded_on = succeeded.and_then(days_ago);
                    person.created_on = created.and_then(days_ago);
                    person.hired_on = hired.and_then(days_ago);
                    person.disabled_on = disabled.and_then(days_ago);
                    person.user_type = user_type;
                    person.mailbox_type = mailbox_type;
                    person.account_enabled = flags.0;
                    person.is_resource_account = flags.1;
                    person.has_usage_location = flags.2;
                })
            },
        )
}

/// The office of all these tests, with a bundle and a reason to keep some accounts apart.
fn office() -> Office {
    Office::open().with(|office| {
        office.policy.bundles = vec![crate::domain::policy::Bundle {
            parts: vec!["ENTERPRISEPACK".into(), "EMS".into()],
            whole: "SPE_F1".into(),
        }];
    })
}

fn saved(finding: &Finding) -> Option<Money> {
    match finding.saving {
        Saving::Monthly(money) => Some(money),
        Saving::Nothing | Saving::Unpriced => None,
    }
}

/// What makes a seat a matter of money, by license: a verdict by silence counts as one, whichever it is.
fn verdicts(findings: &[Finding]) -> Vec<(FindingKind, Option<crate::domain::ids::SkuId>)> {
    let merge = |kind| match kind {
        FindingKind::NeverActive => FindingKind::Inactive,
        kind => kind,
    };
    let kinds = findings
        .iter()
        .map(|own| (merge(own.key.kind), own.key.sku));
    kinds.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_seat_saves_more_than_it_costs_and_none_twice(person in person()) {
        let office = office();
        let findings = office.judge(&person);
        let mut by_seat: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
        for finding in &findings {
            by_seat.entry(finding.key.sku.unwrap()).or_default().push(finding);
        }
        let mut total = Sums::default();
        for (sku, findings) in by_seat {
            let shelf = office.shelves.iter().find(|own| own.license.sku_id == sku).unwrap();
            let primary = findings.iter().filter(|finding| finding.is_primary).count();
            prop_assert!(primary <= 1, "{findings:?}");
            for finding in findings {
                prop_assert!(finding.is_primary || finding.saving == Saving::Nothing);
                prop_assert!(finding.key.kind.precedence().is_some() || !finding.is_primary);
                prop_assert!(!finding.facts.is_empty());
                prop_assert!(!finding.summary(&|_| "X".into()).is_empty());
                if let Some(money) = saved(finding) {
                    prop_assert!(money.is_positive() || money.is_zero());
                    prop_assert!(money <= shelf.rate.unwrap().monthly());
                    prop_assert!(shelf.class.is_paid());
                    total.add(money);
                }
            }
        }
        let cost: Sums = person.held.iter().filter(|own| own.state.holds_seat()).filter_map(|own| {
            let mut shelves = office.shelves.iter();
            let shelf = shelves.find(|shelf| shelf.license.part_number == own.part_number)?;
            Some(shelf.rate?.monthly())
        }).collect();
        if let Some(total) = total.only() {
            prop_assert!(total <= cost.only().unwrap());
        }
    }

    #[test]
    fn findings_are_told_once_each(person in person()) {
        let findings = office().judge(&person);
        let mut keys: Vec<_> = findings.iter().map(|finding| finding.key).collect();
        prop_assert!(keys.is_sorted());
        keys.dedup();
        prop_assert_eq!(keys.len(), findings.len());
    }

    #[test]
    fn more_activity_never_makes_a_finding(
        person in person(),
        workload in 0..7usize,
        days in 0..200i64,
        signs_in: bool,
        app in 0..8usize,
        addon in 0..4usize,
    ) {
        let office = office();
        let mut busier = person.clone();
        let on = match signs_in {
            true => &mut busier.activity.succeeded_on,
            false => &mut busier.activity.last_active_on[workload],
        };
        *on = (*on).max(days_ago(days));
        if workload == COPILOT {
            let on = &mut busier.usage.copilot_apps[app];
            *on = (*on).max(days_ago(days));
            let last = &mut busier.activity.last_active_on[COPILOT];
            *last = (*last).max(*on);
        }
        let used = &mut busier.usage.addons[addon];
        *used = match (*used, days_ago(days)) {
            (AddonUse::On(on), Some(day)) => AddonUse::On(on.max(day)),
            (AddonUse::Never, Some(day)) => AddonUse::On(day),
            (used, _) => used,
        };
        if days < 90 {
            busier.usage.used_on_desktop = Some(true);
        }
        let (before, after) = (office.judge(&person), office.judge(&busier));
        let (before, after) = (verdicts(&before), verdicts(&after));
        for verdict in &after {
            prop_assert!(before.contains(verdict), "{verdict:?} is new: {before:?}");
        }
    }

    #[test]
    fn a_longer_patience_finds_nobody_inactive_anew(person in person(), days in 1..180u32, more in 0..90u32) {
        let at = |days: u32| {
            let office = office().with(|office| office.policy.inactive_after_days = days.min(180));
            let findings = office.judge(&person);
            let by_silence = findings.into_iter().filter(|own| own.key.kind == FindingKind::Inactive);
            by_silence.map(|finding| finding.key).collect::<Vec<_>>()
        };
        let (before, after) = (at(days), at(days + more));
        prop_assert!(after.iter().all(|key| before.contains(key)), "{before:?} {after:?}");
    }

    #[test]
    fn the_order_of_what_is_told_changes_nothing(
        person in person(),
        mut places in Just(()).prop_flat_map(|()| prop::collection::vec(any::<u32>(), 6)),
        turn in 0..21usize,
    ) {
        let office = office();
        let findings = office.judge(&person);
        let mut other = office.clone();
        other.shelves.rotate_left(turn);
        other.standings.reverse();
        let mut shuffled = person;
        places.truncate(shuffled.held.len());
        let mut held: Vec<(u32, Assigned)> = places.into_iter().zip(shuffled.held).collect();
        held.sort_by_key(|(place, _)| *place);
        shuffled.held = held.into_iter().map(|(_, own)| own).collect();
        prop_assert_eq!(other.judge(&shuffled), findings);
    }
}
