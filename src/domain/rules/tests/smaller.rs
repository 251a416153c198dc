//! Cheaper licenses that are enough, Copilot and add-ons: R11, R17 and R18.

use super::office::*;
use crate::domain::finding::{AddonProduct, Said, Unseen};
use crate::domain::rules::AddonUse;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::Workload;

const GIB: u64 = 1 << 30;

/// Somebody with Office 365 E3 who needs none of what E1 lacks, and has too much mail for F3.
fn modest() -> Person {
    worker(&["ENTERPRISEPACK"]).with(|person| {
        person.usage.used_on_desktop = Some(false);
        person.usage.desktop_activations = Some(0);
        person.usage.mailbox_bytes = Some(10 * GIB);
        person.usage.files_bytes = Some(10 * GIB);
    })
}

const TO_E1: &[&str] = &["Downgrade ENTERPRISEPACK Medium 12.00"];
const TO_F3: &[&str] = &["Downgrade ENTERPRISEPACK Medium 16.00"];

#[test]
fn e1_is_enough_without_office_on_a_desktop_while_mail_and_files_fit() {
    let office = Office::open();
    office.check(&modest(), TO_E1);
    let mail = |bytes| modest().with(|person| person.usage.mailbox_bytes = bytes);
    office.check(&mail(Some(40 * GIB - 1)), TO_E1);
    office.check(&mail(Some(40 * GIB)), TO_E1);
    office.check(&mail(Some(40 * GIB + 1)), &[]);
    office.check(&mail(None), &[]);
    let room = 1024 * GIB / 100 * 80 + 1024 * GIB % 100 * 80 / 100;
    let files = |bytes| modest().with(|person| person.usage.files_bytes = bytes);
    office.check(&files(Some(room)), TO_E1);
    office.check(&files(Some(room + 1)), &[]);
    office.check(&files(None), TO_E1);
    let desktop = |used| modest().with(|person| person.usage.used_on_desktop = used);
    office.check(&desktop(Some(true)), &[]);
    let activated = |count| modest().with(|person| person.usage.desktop_activations = count);
    office.check(&activated(Some(1)), &[]);
    office.check(&activated(None), TO_E1);
}

#[test]
fn the_share_of_the_smaller_room_is_the_operators() {
    let tight = Office::open().with(|office| office.policy.headroom_percent = 100);
    let mail = |bytes| modest().with(|person| person.usage.mailbox_bytes = Some(bytes));
    tight.check(&mail(50 * GIB), TO_E1);
    tight.check(&mail(50 * GIB + 1), &[]);
}

#[test]
fn a_step_down_rests_on_reports_that_are_fresh_and_whole() {
    let check = |change: &dyn Fn(&mut Office), expected: &[&str]| {
        let office = Office::open().with(|office| change(office));
        office.check(&modest(), expected);
    };
    check(&|office| office.age(Dataset::AppsUsage, 14), TO_E1);
    check(&|office| office.age(Dataset::AppsUsage, 15), &[]);
    check(&|office| office.age(Dataset::AppsActivations, 15), &[]);
    check(
        &|office| office.standing(Dataset::AppsActivations).reaches = None,
        &[],
    );
    check(&|office| office.age(Dataset::MailboxUsage, 7), TO_E1);
    check(&|office| office.age(Dataset::MailboxUsage, 8), &[]);
    check(&|office| office.age(Dataset::OneDriveUsage, 8), &[]);
    check(
        &|office| office.standing(Dataset::MailboxUsage).is_concealed = true,
        &[],
    );
    // A row with a blank where the use on a desktop stands says nothing.
    let blank = modest().with(|person| {
        person.usage.used_on_desktop = None;
        let told = &mut person.activity.reported.told;
        *told = told.and(&[Workload::Apps]);
    });
    Office::open().check(&blank, &[]);
    let absent = modest().with(|person| person.usage.used_on_desktop = None);
    Office::open().check(&absent, TO_E1);
}

#[test]
fn f3_is_enough_where_two_gigabytes_are_and_saves_more_than_e1() {
    let office = Office::open();
    let room = 2 * GIB / 100 * 80 + 2 * GIB % 100 * 80 / 100;
    let small = |mail: u64, files: u64| {
        modest().with(|person| {
            person.usage.mailbox_bytes = Some(mail);
            person.usage.files_bytes = Some(files);
        })
    };
    office.check(&small(room, room), TO_F3);
    office.check(&small(room + 1, room), TO_E1);
    office.check(&small(room, room + 1), TO_E1);
}

#[test]
fn e3_is_enough_for_e5_only_where_somebody_says_so() {
    let office = Office::open();
    let person = worker(&["SPE_E5"]);
    office.check(&person, &["Downgrade SPE_E5 Low 24.00"]);
    let found = office.judge(&person);
    let unseen: Vec<Unseen> = found[0]
        .facts
        .iter()
        .filter_map(|fact| match fact.said {
            Said::Unseen(unseen) => Some(unseen),
            _ => None,
        })
        .collect();
    assert_eq!(unseen, Unseen::ALL);
    let declared = office.with(|office| office.policy.premium_is_not_needed = true);
    declared.check(&person, &["Downgrade SPE_E5 Medium 24.00"]);
}

#[test]
fn a_large_mailbox_or_an_archive_needs_exchange_plan_2() {
    let office = Office::open();
    let person = |bytes, has_archive| {
        worker(&["EXCHANGEENTERPRISE"]).with(|person| {
            person.usage.mailbox_bytes = Some(bytes);
            person.usage.has_archive = has_archive;
        })
    };
    let found: &[&str] = &["Downgrade EXCHANGEENTERPRISE Medium 4.00"];
    office.check(&person(40 * GIB, Some(false)), found);
    office.check(&person(40 * GIB + 1, Some(false)), &[]);
    office.check(&person(GIB, Some(true)), &[]);
    office.check(&person(GIB, None), &[]);
}

#[test]
fn a_step_down_leads_to_something_cheaper_that_has_a_price() {
    let to_e1 = |price: &str| {
        Office::open().with(|office| {
            office.shelf("STANDARDPACK").rate = rate(price);
            office.shelf("DESKLESSPACK").rate = None;
        })
    };
    to_e1("19.99").check(&modest(), &["Downgrade ENTERPRISEPACK Medium 0.01"]);
    to_e1("20").check(&modest(), &[]);
    to_e1("").check(&modest(), &[]);
    let unpriced = Office::open().with(|office| office.shelf("ENTERPRISEPACK").rate = None);
    unpriced.check(&modest(), &[]);
    let without = Office::open().with(|office| office.policy.ladders.clear());
    without.check(&modest(), &[]);
}

#[test]
fn no_step_takes_away_what_another_license_was_dropped_for() {
    let office = Office::open();
    // What E3 gives too may go along.
    office.check(
        &worker(&["EMS", "SPE_E5"]),
        &["Overlap EMS High 9.00", "Downgrade SPE_E5 Low 24.00"],
    );
    // Entra P2 is in E5 only.
    office.check(
        &worker(&["AAD_PREMIUM_P2", "SPE_E5"]),
        &["Overlap AAD_PREMIUM_P2 High 11.00"],
    );
    // The smaller one is held already.
    office.check(
        &worker(&["SPE_E3", "SPE_E5"]),
        &["Overlap SPE_E3 High 36.00"],
    );
}

/// Somebody with Copilot, last used in some applications so many days before the report's day.
fn copilot(apps: &[i64]) -> Person {
    worker(&["Microsoft_365_Copilot"]).with(|person| {
        person.usage.copilot_apps = [None; 8];
        let days = apps.iter().map(|days| days_ago(LAG + days));
        for (own, on) in person.usage.copilot_apps.iter_mut().zip(days) {
            *own = on;
        }
        let last = person.usage.copilot_apps.into_iter().max().flatten();
        person.activity.last_active_on[Workload::Copilot as usize] = last;
    })
}

const UNUSED: &[&str] = &["CopilotUnused Microsoft_365_Copilot High 30.00"];
const UNDERUSED: &[&str] = &["CopilotUnderused Microsoft_365_Copilot Medium 30.00"];

#[test]
fn copilot_is_unused_after_thirty_days_without_any_application() {
    let office = Office::open();
    office.check(&copilot(&[]), UNUSED);
    office.check(&copilot(&[30, 31]), UNUSED);
    office.check(&copilot(&[29]), UNDERUSED);
    office.check(&copilot(&[29, 30]), UNDERUSED);
    office.check(&copilot(&[29, 29]), &[]);
    office.check(&copilot(&[0, 0, 0]), &[]);
    let strict = office.with(|office| office.policy.copilot_apps_min = 3);
    strict.check(&copilot(&[0, 0]), UNDERUSED);
}

#[test]
fn copilot_is_judged_once_it_is_held_for_a_while_and_its_report_is_fresh() {
    let office = Office::open();
    let held = |days: Option<i64>| {
        copilot(&[]).with(|person| person.held[0].since = days.and_then(days_ago))
    };
    office.check(&held(Some(13)), &[]);
    office.check(&held(Some(14)), UNUSED);
    office.check(&held(Some(15)), UNUSED);
    office.check(&held(None), &[]);
    let aged = |days| Office::open().with(|office| office.age(Dataset::CopilotUsage, days));
    aged(7).check(&copilot(&[]), UNUSED);
    aged(8).check(&copilot(&[]), &[]);
    // Used of late, and the report does not say where.
    let somewhere = copilot(&[]).with(|person| {
        person.activity.last_active_on[Workload::Copilot as usize] = days_ago(LAG + 29);
    });
    Office::open().check(&somewhere, &[]);
    let elsewhere = copilot(&[29]).with(|person| {
        person.activity.last_active_on[Workload::Copilot as usize] = days_ago(LAG + 28);
    });
    Office::open().check(&elsewhere, &[]);
}

fn drawing(used: AddonUse) -> Person {
    worker(&["VISIOCLIENT"]).with(|person| person.usage.addons[AddonProduct::Visio as usize] = used)
}

#[test]
fn an_addon_is_unused_after_ninety_days_and_never_surely() {
    let office = Office::open();
    let found: &[&str] = &["AddonUnused VISIOCLIENT Medium 15.00"];
    office.check(&drawing(AddonUse::Unknown), &[]);
    office.check(&drawing(AddonUse::Never), found);
    let on = |days| drawing(days_ago(days).map_or(AddonUse::Unknown, AddonUse::On));
    office.check(&on(89), &[]);
    office.check(&on(90), found);
    office.check(&on(91), found);
    let new = |days| drawing(AddonUse::Never).with(|person| person.held[0].since = days_ago(days));
    office.check(&new(30), &[]);
    office.check(&new(31), found);
    let aged = |days| Office::open().with(|office| office.age(Dataset::AppsActivations, days));
    aged(14).check(&drawing(AddonUse::Never), found);
    aged(15).check(&drawing(AddonUse::Never), &[]);
}

#[test]
fn power_bi_is_judged_by_a_log_of_sign_ins_that_reaches_back_far_enough() {
    let person = worker(&["POWER_BI_PRO"])
        .with(|person| person.usage.addons[AddonProduct::PowerBi as usize] = AddonUse::Never);
    let known_for = |days| {
        Office::open().with(|office| {
            office.standing(Dataset::SignIns).covered[0].from = instant(TODAY - days);
        })
    };
    known_for(89).check(&person, &[]);
    known_for(90).check(&person, &["AddonUnused POWER_BI_PRO Medium 10.00"]);
    let stale = Office::open().with(|office| office.age(Dataset::SignIns, 8));
    stale.check(&person, &[]);
}
