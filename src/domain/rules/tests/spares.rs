//! Licenses that others make superfluous, and how licenses are assigned: R07 to R10, R14 and R19.

use super::office::*;
use crate::domain::finding::{ErrorCode, Note, Said};
use crate::domain::ids::SkuId;
use crate::domain::license_class::LicenseClass;
use crate::domain::policy::Bundle;
use crate::domain::sync_run::Dataset;
use crate::domain::user::AssignmentState;

/// The licenses that a finding says give the same.
fn givers(office: &Office, person: &Person) -> Vec<SkuId> {
    let found = office.judge(person);
    let facts = found.first().map(|finding| finding.facts.as_slice());
    let given_by = facts
        .unwrap_or_default()
        .iter()
        .filter_map(|fact| match fact.said {
            Said::GivenBy(sku) => Some(sku),
            _ => None,
        });
    given_by.collect()
}

#[test]
fn what_a_larger_license_gives_is_superfluous() {
    let office = Office::open();
    office.check(
        &worker(&["AAD_PREMIUM_P2", "SPE_E5"]),
        &["Overlap AAD_PREMIUM_P2 High 11.00"],
    );
    office.check(&worker(&["VISIOCLIENT", "SPE_E3"]), &[]);
    let chain = worker(&["STANDARDPACK", "ENTERPRISEPACK", "SPE_E3"]);
    office.check(
        &chain,
        &[
            "Overlap ENTERPRISEPACK High 20.00",
            "Overlap STANDARDPACK High 8.00",
        ],
    );
    assert_eq!(givers(&office, &chain), [sku("SPE_E3")]);
}

#[test]
fn what_is_switched_off_overlaps_with_nothing() {
    let office = Office::open();
    let mut person = worker(&["EXCHANGESTANDARD", "ENTERPRISEPACK"]);
    office.check(&person, &["Overlap EXCHANGESTANDARD High 4.00"]);
    person.held[1].disabled =
        office.plans_like("ENTERPRISEPACK", |value| value == "EXCHANGE_S_ENTERPRISE");
    office.check(&person, &[]);
    // Nor does what is not in force.
    for state in [AssignmentState::Error, AssignmentState::Disabled] {
        let mut person = worker(&["AAD_PREMIUM_P2", "SPE_E5"]);
        person.held[1].state = state;
        let found = office.judge(&person);
        assert!(
            found
                .iter()
                .all(|finding| finding.key.sku == Some(sku("SPE_E5")))
        );
    }
}

#[test]
fn a_trial_makes_nothing_superfluous() {
    let office = Office::open();
    let person = worker(&["EXCHANGESTANDARD", "TEAMS_EXPLORATORY"]);
    office.check(&person, &[]);
    let lasting = office.with(|office| {
        office.shelf("TEAMS_EXPLORATORY").class = LicenseClass::Free;
    });
    lasting.check(&person, &["Overlap EXCHANGESTANDARD High 4.00"]);
}

#[test]
fn of_two_licenses_that_give_the_same_the_dearer_goes_and_of_equal_ones_the_later() {
    let twins = |price: &str, other: &str| {
        Office::open().with(|office| {
            let plans = office.shelf("SPE_E3").license.service_plans.clone();
            office.shelf("SPE_F1").license.service_plans = plans;
            office.shelf("SPE_E3").rate = rate(price);
            office.shelf("SPE_F1").rate = rate(other);
        })
    };
    let person = worker(&["SPE_E3", "SPE_F1"]);
    twins("36", "8").check(&person, &["Overlap SPE_E3 High 36.00"]);
    twins("8", "36").check(&person, &["Overlap SPE_F1 High 36.00"]);
    twins("8", "8").check(&person, &["Overlap SPE_F1 High 8.00"]);
    // What has no price is not known to be cheaper.
    twins("8", "").check(&person, &["Overlap SPE_F1 High ?"]);
    twins("", "8").check(&person, &["Overlap SPE_E3 High ?"]);
}

#[test]
fn what_several_others_give_together_is_superfluous_and_they_are_named() {
    // A small mailbox and Entra P1, in no other license together.
    let office = Office::open().with(|office| {
        let own = ["EXCHANGE_S_DESKLESS", "AAD_PREMIUM"];
        let plans = &mut office.shelf("SPE_F1").license.service_plans;
        plans.retain(|plan| own.contains(&plan.value.as_str()));
        assert_eq!(plans.len(), own.len());
    });
    let union: &[&str] = &["UnionOverlap SPE_F1 High 8.00"];
    let person = worker(&["SPE_F1", "STANDARDPACK", "EMS"]);
    office.check(&person, union);
    assert_eq!(givers(&office, &person), [sku("EMS"), sku("STANDARDPACK")]);
    office.check(&worker(&["SPE_F1", "STANDARDPACK"]), &[]);
    office.check(&worker(&["SPE_F1", "EMS"]), &[]);
    // Of more than are enough, the dearest are not named.
    let more = worker(&[
        "SPE_F1",
        "EXCHANGESTANDARD",
        "STANDARDPACK",
        "EMS",
        "VISIOCLIENT",
    ]);
    let found: &[&str] = &["Overlap EXCHANGESTANDARD High 4.00", union[0]];
    office.check(&more, found);
    let named = office.judge(&more).remove(1);
    let enough = Said::GivenBy(sku("EMS"));
    assert!(named.facts.iter().any(|fact| fact.said == enough));
}

#[test]
fn a_license_that_goes_itself_keeps_no_other_from_being_needed() {
    // The suite goes since the account is a room's; the room's own license stays.
    let office = Office::open().with(|office| {
        let plans = office.plans_like("SPE_E3", |value| value == "TEAMS1");
        let shelf = office.shelf("Microsoft_Teams_Rooms_Pro");
        shelf
            .license
            .service_plans
            .retain(|plan| plans.contains(&plan.plan_id));
    });
    let both = worker(&["Microsoft_Teams_Rooms_Pro", "SPE_E3"]);
    office.check(&both, &["Overlap Microsoft_Teams_Rooms_Pro High 40.00"]);
    let room = both.with(|person| {
        person.mailbox_type = Some(crate::domain::usage::MailboxType::Room);
    });
    office.check(&room, &["ResourceAccount SPE_E3 High 36.00"]);
}

#[test]
fn what_a_silent_license_gives_is_told_and_saves_nothing_beside_it() {
    // The suite is unused, and what it makes superfluous is too new to be called so.
    let person = silent_for(200, &["STANDARDPACK", "SPE_E3"])
        .with(|person| person.held[0].since = days_ago(1));
    Office::open().check(
        &person,
        &["Inactive SPE_E3 High 36.00", "Overlap STANDARDPACK High -"],
    );
}

fn bundle(office: &mut Office, parts: &[&str], whole: &str) {
    office.policy.bundles = vec![Bundle {
        parts: parts.iter().map(|part| (*part).into()).collect(),
        whole: whole.into(),
    }];
}

#[test]
fn parts_that_cost_more_than_their_bundle_are_told_with_it() {
    let parts = &["EMS", "ENTERPRISEPACK"];
    let at = |price: &str| {
        Office::open().with(|office| {
            bundle(office, parts, "SPE_E3");
            office.shelf("SPE_E3").rate = rate(price);
        })
    };
    at("29.01").check(&worker(parts), &[]);
    at("29").check(&worker(parts), &[]);
    at("28.99").check(
        &worker(parts),
        &[
            "Consolidate EMS Medium 0.00",
            "Consolidate ENTERPRISEPACK Medium 0.01",
        ],
    );
    // No part saves more than it costs.
    at("1").check(
        &worker(parts),
        &[
            "Consolidate EMS Medium 8.00",
            "Consolidate ENTERPRISEPACK Medium 20.00",
        ],
    );
    at("").check(&worker(parts), &[]);
    at("1").check(&worker(&["EMS"]), &[]);
}

#[test]
fn parts_are_bundled_only_where_all_of_them_are_needed() {
    let office = Office::open().with(|office| {
        bundle(office, &["EMS", "ENTERPRISEPACK"], "SPE_E3");
        office.shelf("SPE_E3").rate = rate("20");
    });
    let held = worker(&["EMS", "ENTERPRISEPACK", "EMSPREMIUM"]);
    office.check(&held, &["Overlap EMS High 9.00"]);
    let unused = silent_for(200, &["EMS", "ENTERPRISEPACK"]);
    let found: &[&str] = &[
        "Inactive EMS High 9.00",
        "Inactive ENTERPRISEPACK High 20.00",
        "Consolidate EMS Medium -",
        "Consolidate ENTERPRISEPACK Medium -",
    ];
    office.check(&unused, found);
    let has_it = worker(&["EMS", "ENTERPRISEPACK", "SPE_E3"]);
    office.check(
        &has_it,
        &["Overlap EMS High 9.00", "Overlap ENTERPRISEPACK High 20.00"],
    );
}

#[test]
fn one_seat_assigned_twice_is_one_seat_and_saves_nothing() {
    let office = Office::open();
    let by = |is_direct, groups| {
        worker(&["SPE_E3"]).with(|person| {
            person.held[0].is_direct = is_direct;
            person.held[0].groups = groups;
        })
    };
    office.check(&by(true, 0), &[]);
    office.check(&by(false, 1), &[]);
    office.check(&by(false, 2), &[]);
    office.check(&by(true, 1), &["DirectAndGroup SPE_E3 High -"]);
}

#[test]
fn a_failed_assignment_is_told_with_its_reason() {
    let office = Office::open();
    let failed = |state, error| {
        worker(&["FLOW_FREE"]).with(|person| {
            person.held[0].state = state;
            person.held[0].error = error;
        })
    };
    let found: &[&str] = &["AssignmentError FLOW_FREE High -"];
    office.check(
        &failed(AssignmentState::Error, Some("CountViolation")),
        found,
    );
    office.check(&failed(AssignmentState::ActiveWithError, None), found);
    office.check(&failed(AssignmentState::Active, Some("None")), &[]);
    office.check(&failed(AssignmentState::Disabled, None), &[]);
    let nowhere = failed(
        AssignmentState::Error,
        Some("ProhibitedInUsageLocationViolation"),
    )
    .with(|person| person.has_usage_location = false);
    let facts: Vec<Said> = office.judge(&nowhere)[0]
        .facts
        .iter()
        .map(|fact| fact.said)
        .collect();
    assert_eq!(
        facts,
        [
            Said::Assignment(AssignmentState::Error),
            Said::Error(ErrorCode::ProhibitedInUsageLocation),
            Said::NoUsageLocation,
        ]
    );
}

#[test]
fn microsofts_reasons_are_read_with_and_without_their_ending() {
    let read = |word| ErrorCode::read(word);
    assert_eq!(read("CountViolation"), ErrorCode::CountViolation);
    assert_eq!(
        read("mutuallyExclusiveViolation"),
        ErrorCode::MutuallyExclusive
    );
    assert_eq!(read("DependencyViolation"), ErrorCode::Dependency);
    assert_eq!(read("UniquenessViolation"), ErrorCode::Uniqueness);
    assert_eq!(read("Other"), ErrorCode::Other);
    assert_eq!(read("Violation"), ErrorCode::Other);
    assert_eq!(read("éééé"), ErrorCode::Other);
}

#[test]
fn what_takes_no_seat_saves_none() {
    let office = Office::open();
    let mut person = never_seen(&["SPE_E3"]);
    person.account_enabled = false;
    person.held[0].state = AssignmentState::Error;
    office.check(&person, &["AssignmentError SPE_E3 High -"]);
    person.held[0].state = AssignmentState::Disabled;
    office.check(&person, &["DisabledAccount SPE_E3 High 36.00"]);
}

#[test]
fn a_license_with_everything_switched_off_that_people_work_in_is_empty() {
    let office = Office::open();
    let without = |part_number, holds: &dyn Fn(&str) -> bool| {
        worker(&[part_number]).with(|person| {
            person.held[0].disabled = office.plans_like(part_number, holds);
        })
    };
    let opens = |value: &str| !crate::domain::service_plans::workloads_of_plan(value).is_empty();
    office.check(
        &without("SPE_E3", &opens),
        &["EmptyLicense SPE_E3 Medium 36.00"],
    );
    office.check(
        &without("SPE_E3", &|_| true),
        &["EmptyLicense SPE_E3 High 36.00"],
    );
    let all_but_teams = |value: &str| opens(value) && value != "TEAMS1";
    office.check(&without("SPE_E3", &all_but_teams), &[]);
    // What never shows any use is not empty for that.
    office.check(&without("EMS", &|_| true), &[]);
    let some = without("SPE_E3", &opens);
    assert_eq!(
        office.judge(&some)[0].notes().collect::<Vec<_>>(),
        [Note::OtherServicesAreOn]
    );
    // It rests on no report.
    let stale = Office::open().with(|office| {
        for dataset in Dataset::REPORTS {
            office.age(dataset, 300);
        }
    });
    stale.check(&some, &["EmptyLicense SPE_E3 Medium 36.00"]);
}
