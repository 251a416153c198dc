//! Whole licenses and purchases: R12, R13, R15 and R16.

use super::office::*;
use crate::domain::finding::{Said, Saving};
use crate::domain::license::SeatCounts;
use crate::domain::license_class::LicenseClass;

/// An office that has seats of Microsoft 365 E3 only.
fn with_seats(seats: SeatCounts) -> Office {
    Office::open().with(|office| office.shelf("SPE_E3").license.seats = seats)
}

fn seats(enabled: u32, consumed: u32) -> SeatCounts {
    SeatCounts {
        enabled,
        consumed,
        ..SeatCounts::default()
    }
}

#[test]
fn seats_beyond_those_held_and_those_in_reserve_are_told() {
    with_seats(seats(90, 88)).check_all(&[]);
    with_seats(seats(91, 88)).check_all(&[]);
    with_seats(seats(92, 88)).check_all(&["UnassignedSeats SPE_E3 High 36.00"]);
    with_seats(seats(100, 88)).check_all(&["UnassignedSeats SPE_E3 High 324.00"]);
    // The least reserve, of nothing.
    with_seats(seats(2, 0)).check_all(&[]);
    with_seats(seats(3, 0)).check_all(&["UnassignedSeats SPE_E3 High 36.00"]);
}

#[test]
fn seats_in_grace_are_usable_and_suspended_ones_are_not() {
    let some = |warning, suspended, locked_out| SeatCounts {
        warning,
        suspended,
        locked_out,
        ..seats(90, 88)
    };
    with_seats(some(2, 0, 0)).check_all(&["UnassignedSeats SPE_E3 High 36.00"]);
    with_seats(some(0, 500, 500)).check_all(&[]);
}

#[test]
fn planned_hires_need_seats_and_a_reserve() {
    let hiring = |hires| {
        with_seats(seats(100, 88)).with(|office| {
            office.policy.planned_hires.insert(sku("SPE_E3"), hires);
        })
    };
    hiring(8).check_all(&["UnassignedSeats SPE_E3 High 36.00"]);
    hiring(9).check_all(&[]);
    hiring(crate::domain::policy::SEATS_MAX).check_all(&[]);
}

#[test]
fn free_seats_and_the_companys_own_are_nobodys_to_reclaim() {
    let office = || with_seats(seats(10_000, 1));
    for class in [
        LicenseClass::Free,
        LicenseClass::Trial,
        LicenseClass::Unknown,
    ] {
        office()
            .with(|office| office.shelf("SPE_E3").class = class)
            .check_all(&[]);
    }
    let company_wide =
        office().with(|office| office.shelf("SPE_E3").license.is_company_wide = true);
    company_wide.check_all(&[]);
    let unpriced = office().with(|office| office.shelf("SPE_E3").rate = None);
    unpriced.check_all(&["UnassignedSeats SPE_E3 High ?"]);
    assert_eq!(unpriced.judge_all()[0].seats, 9_997);
}

#[test]
fn seats_in_use_that_nobody_paid_for_are_told_with_what_they_would_cost() {
    with_seats(seats(88, 88)).check_all(&[]);
    let short = with_seats(seats(88, 90));
    short.check_all(&["OverConsumed SPE_E3 High -"]);
    let found = short.judge_all();
    let mut facts = found[0].facts.iter();
    let cost = facts.find_map(|fact| match fact.said {
        Said::ShortfallCost(money) => Some(money.to_string()),
        _ => None,
    });
    assert_eq!(cost.as_deref(), Some("72.00 EUR"));
    let in_grace = SeatCounts {
        warning: 2,
        ..seats(88, 90)
    };
    with_seats(in_grace).check_all(&[]);
}

fn with_purchase(status: &str, next_change_in: Option<i64>) -> Office {
    Office::open()
        .with(|office| office.subscriptions = vec![subscription("SPE_E3", status, next_change_in)])
}

const CHANGE: &[&str] = &["SubscriptionChange SPE_E3 High -"];

#[test]
fn a_purchase_that_changes_its_state_soon_is_told() {
    with_purchase("Enabled", Some(121)).check_all(&[]);
    with_purchase("Enabled", Some(120)).check_all(CHANGE);
    with_purchase("Enabled", Some(119)).check_all(CHANGE);
    with_purchase("Enabled", Some(-1)).check_all(CHANGE);
    with_purchase("Enabled", None).check_all(&[]);
    for status in ["Warning", "Suspended", "lockedout", "Deleted"] {
        with_purchase(status, None).check_all(CHANGE);
        with_purchase(status, Some(-400)).check_all(CHANGE);
    }
    with_purchase("Thinking", None).check_all(&[]);
    with_purchase("Thinking", Some(1)).check_all(CHANGE);
}

#[test]
fn a_trial_is_told_before_it_ends_and_saves_nothing() {
    let trial = |days| {
        with_purchase("Enabled", days).with(|office| office.subscriptions[0].is_trial = Some(true))
    };
    let found: &[&str] = &["TrialEnding SPE_E3 High -"];
    trial(Some(31)).check_all(&[]);
    trial(Some(30)).check_all(found);
    trial(Some(29)).check_all(found);
    trial(None).check_all(&[]);
    let by_class = with_purchase("Enabled", Some(10))
        .with(|office| office.shelf("SPE_E3").class = LicenseClass::Trial);
    by_class.check_all(found);
    let finding = &trial(Some(29)).judge_all()[0];
    assert_eq!(finding.saving, Saving::Nothing);
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.said == Said::DaysLeft(29))
    );
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.said == Said::SeatsConsumed(100))
    );
}
