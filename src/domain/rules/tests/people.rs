//! People who need nothing of what they hold: R01 to R06, R20 and R23.

use super::office::*;
use crate::domain::finding::{Confidence, Note};
use crate::domain::policy::Pattern;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{MailboxType, Workload};
use crate::domain::user::UserType;

const E3: &[&str] = &["SPE_E3"];
const INACTIVE: &[&str] = &["Inactive SPE_E3 High 36.00"];
const NEVER: &[&str] = &["NeverActive SPE_E3 High 36.00"];
const DISABLED: &[&str] = &["DisabledAccount SPE_E3 High 36.00"];

#[test]
fn somebody_is_inactive_after_ninety_days_of_silence_in_every_licensed_workload() {
    let office = Office::open();
    office.check(&worker(E3), &[]);
    office.check(&silent_for(89, E3), &[]);
    office.check(&silent_for(90, E3), INACTIVE);
    office.check(&silent_for(91, E3), INACTIVE);
    for workload in Workload::ALL {
        let one = silent_for(90, E3).with(|person| {
            person.activity.last_active_on[workload as usize] = days_ago(LAG + 89);
        });
        office.check(&one, &[]);
    }
    let patient = office.with(|office| office.policy.inactive_after_days = 91);
    patient.check(&silent_for(90, E3), &[]);
    patient.check(&silent_for(91, E3), INACTIVE);
}

#[test]
fn a_successful_sign_in_speaks_against_being_inactive() {
    let office = Office::open();
    let signed_in =
        |days| silent_for(200, E3).with(|person| person.activity.succeeded_on = days_ago(days));
    office.check(&signed_in(89), &[]);
    office.check(&signed_in(90), INACTIVE);
}

#[test]
fn stale_concealed_lost_or_missing_reports_find_nobody_inactive() {
    let teams = Dataset::TeamsActivity;
    let check = |change: &dyn Fn(&mut Office), expected: &[&str]| {
        let office = Office::open().with(|office| change(office));
        office.check(&silent_for(200, E3), expected);
    };
    check(&|office| office.age(teams, 7), INACTIVE);
    check(&|office| office.age(teams, 8), &[]);
    check(&|office| office.age(Dataset::AppsUsage, 14), INACTIVE);
    check(&|office| office.age(Dataset::AppsUsage, 15), &[]);
    check(&|office| office.standing(teams).is_concealed = true, &[]);
    check(&|office| office.standing(teams).reaches = None, &[]);
    check(
        &|office| office.standings.retain(|own| own.dataset != teams),
        &[],
    );
    // What the user has no license for may be as old as it likes.
    check(&|office| office.age(Dataset::CopilotUsage, 300), INACTIVE);
    let left_out = silent_for(200, E3).with(|person| {
        person.activity.reported.left_out =
            person.activity.reported.left_out.and(&[Workload::Teams]);
    });
    Office::open().check(&left_out, &[]);
}

#[test]
fn without_sign_in_data_an_inactive_user_is_likely_and_not_sure() {
    let office = Office::open().with(|office| {
        let unread =
            |own: &crate::domain::standing::Standing| own.dataset != Dataset::SignInActivity;
        office.standings.retain(unread);
    });
    let holds = &["SPE_E3", "POWER_BI_PRO"];
    office.check(
        &silent_for(90, holds),
        &[
            "Inactive POWER_BI_PRO Low 10.00",
            "Inactive SPE_E3 Medium 36.00",
        ],
    );
    // Power BI shows no use, so that alone it can tell nothing.
    office.check(&silent_for(90, &["POWER_BI_PRO"]), &[]);
    Office::open().check(&silent_for(90, &["POWER_BI_PRO"]), &[]);
}

#[test]
fn who_is_new_is_not_judged_by_silence() {
    type Way = fn(&mut Person, i64);
    let office = Office::open();
    let new = |change: Way, days| silent_for(200, E3).with(|person| change(person, days));
    let ways: [Way; 3] = [
        |person, days| person.created_on = days_ago(days),
        |person, days| person.hired_on = days_ago(days),
        |person, days| person.held[0].since = days_ago(days),
    ];
    for way in ways {
        office.check(&new(way, -5), &[]);
        office.check(&new(way, 29), &[]);
        office.check(&new(way, 30), &[]);
        office.check(&new(way, 31), INACTIVE);
    }
}

#[test]
fn somebody_never_seen_is_told_once_the_account_and_the_seat_are_old_enough() {
    let office = Office::open();
    office.check(&never_seen(E3), NEVER);
    let created = |days| never_seen(E3).with(|person| person.created_on = days_ago(days));
    office.check(&created(30), &[]);
    office.check(&created(31), NEVER);
    let given = |days| never_seen(E3).with(|person| person.held[0].since = days_ago(days));
    office.check(&given(30), &[]);
    office.check(&given(31), NEVER);
    let ageless = never_seen(E3).with(|person| {
        person.created_on = None;
        person.held[0].since = None;
    });
    office.check(&ageless, &[]);
    let stale = office.with(|office| office.age(Dataset::EmailActivity, 8));
    stale.check(&never_seen(E3), &[]);
}

#[test]
fn a_disabled_account_holds_no_license() {
    let office = Office::open();
    let disabled = |since: Option<i64>| {
        worker(E3).with(|person| {
            person.account_enabled = false;
            person.disabled_on = since.and_then(days_ago);
        })
    };
    office.check(&disabled(None), DISABLED);
    office.check(&disabled(Some(0)), DISABLED);
    let patient = office.with(|office| office.policy.disabled_grace_days = 10);
    patient.check(&disabled(Some(9)), &[]);
    patient.check(&disabled(Some(10)), DISABLED);
    patient.check(&disabled(Some(11)), DISABLED);
    patient.check(&disabled(None), &[]);
}

#[test]
fn of_a_disabled_account_silence_is_not_told_and_retention_is() {
    let office = Office::open();
    let gone = silent_for(200, E3).with(|person| person.account_enabled = false);
    office.check(&gone, DISABLED);
    let notes: Vec<Note> = office.judge(&gone)[0].notes().collect();
    assert_eq!(notes, [Note::CheckRetention]);
    let shared = gone.with(|person| person.mailbox_type = Some(MailboxType::Shared));
    let found = office.judge(&shared);
    assert_eq!(found[0].confidence, Confidence::Low);
}

#[test]
fn a_guest_holds_no_paid_license() {
    let office = Office::open();
    let of_type =
        |user_type| worker(&["SPE_E3", "FLOW_FREE"]).with(|person| person.user_type = user_type);
    office.check(&of_type(UserType::Guest), &["Guest SPE_E3 Medium 36.00"]);
    office.check(&of_type(UserType::Member), &[]);
    office.check(&of_type(UserType::Unknown), &[]);
}

#[test]
fn what_is_no_person_holds_only_what_is_made_for_it() {
    let office = Office::open();
    let room = |kind| {
        worker(&["SPE_E3", "Microsoft_Teams_Rooms_Pro"])
            .with(|person| person.mailbox_type = Some(kind))
    };
    let found: &[&str] = &["ResourceAccount SPE_E3 High 36.00"];
    for kind in [
        MailboxType::Room,
        MailboxType::Equipment,
        MailboxType::Scheduling,
    ] {
        office.check(&room(kind), found);
    }
    office.check(&room(MailboxType::Unknown), &[]);
    let flagged = worker(E3).with(|person| person.is_resource_account = true);
    office.check(&flagged, &["ResourceAccount SPE_E3 Medium 36.00"]);
    let named = worker(E3).with(|person| person.name = "room-blue@contoso.com");
    office.check(&named, &[]);
    let telling = office.with(|office| {
        office.policy.shared_accounts = vec![Pattern::parse("room-*").unwrap()];
    });
    telling.check(&named, found);
    telling.check(&worker(E3), &[]);
}

#[test]
fn a_room_is_not_inactive() {
    let silent = silent_for(200, &["Microsoft_Teams_Rooms_Pro"]);
    let office = Office::open();
    office.check(&silent, &["Inactive Microsoft_Teams_Rooms_Pro High 40.00"]);
    let room = silent.with(|person| person.mailbox_type = Some(MailboxType::Room));
    office.check(&room, &[]);
}

#[test]
fn a_shared_mailbox_needs_no_license_or_a_small_one_and_somebody_has_to_look() {
    let office = Office::open();
    let shared = |bytes: Option<u64>, has_archive| {
        worker(&["SPE_E3"]).with(|person| {
            person.mailbox_type = Some(MailboxType::Shared);
            person.usage.mailbox_bytes = bytes;
            person.usage.has_archive = has_archive;
        })
    };
    let all: &[&str] = &["SharedMailbox SPE_E3 Low 36.00"];
    let difference: &[&str] = &["SharedMailbox SPE_E3 Low 28.00"];
    office.check(&shared(Some((50 << 30) - 1), Some(false)), all);
    office.check(&shared(Some(50 << 30), Some(false)), all);
    office.check(&shared(Some((50 << 30) + 1), Some(false)), difference);
    office.check(&shared(Some(1), Some(true)), difference);
    office.check(&shared(None, None), all);
    let notes = |person: &Person| office.judge(person)[0].notes().collect::<Vec<_>>();
    assert_eq!(notes(&shared(Some(1), Some(false))), [Note::CheckRetention]);
    let large = shared(Some(60 << 30), Some(false));
    assert_eq!(
        notes(&large),
        [Note::CheckRetention, Note::ReplaceByMailboxLicense]
    );
    // It has the small license already.
    let small = large
        .clone()
        .with(|person| person.held = worker(&["EXCHANGEENTERPRISE"]).held);
    office.check(&small, &[]);
    // Without a mailbox in it, it is any license of what is no person.
    let drawing = large.with(|person| person.held = worker(&["VISIOCLIENT"]).held);
    office.check(&drawing, &["ResourceAccount VISIOCLIENT High 15.00"]);
}

#[test]
fn a_large_shared_mailbox_saves_nobody_knows_what_without_a_price_of_the_small_license() {
    let office = Office::open().with(|office| office.shelf("EXCHANGEENTERPRISE").rate = None);
    let shared = worker(&["SPE_E3"]).with(|person| {
        person.mailbox_type = Some(MailboxType::Shared);
        person.usage.has_archive = Some(true);
    });
    office.check(&shared, &["SharedMailbox SPE_E3 Low ?"]);
    let dear = Office::open().with(|office| office.shelf("EXCHANGEENTERPRISE").rate = rate("36"));
    dear.check(&shared, &[]);
}

#[test]
fn an_administrators_silence_is_for_review() {
    let office = Office::open();
    let admin = silent_for(90, E3).with(|person| person.name = "adm-ada@contoso.com");
    office.check(&admin, &["Inactive SPE_E3 Low 36.00"]);
    assert!(
        office.judge(&admin)[0]
            .notes()
            .any(|note| note == Note::Privileged)
    );
    let disabled = admin.with(|person| person.account_enabled = false);
    office.check(&disabled, DISABLED);
}

#[test]
fn whoever_signs_in_and_works_in_nothing_is_told_so_beside_what_else_is_found() {
    let office = Office::open();
    let trainee = |days| {
        silent_for(days, &["SPE_E5", "EMS"])
            .with(|person| person.activity.succeeded_on = days_ago(1))
    };
    let notes = |person: &Person| office.judge(person)[0].notes().collect::<Vec<_>>();
    office.check(
        &trainee(90),
        &["Overlap EMS High 9.00", "Downgrade SPE_E5 Low 24.00"],
    );
    assert_eq!(notes(&trainee(90)), [Note::SignsInOnly]);
    assert_eq!(notes(&trainee(89)), []);
}

#[test]
fn what_is_free_a_trial_unknown_or_company_wide_is_never_waste() {
    use crate::domain::license_class::LicenseClass;
    let gone = never_seen(E3).with(|person| person.account_enabled = false);
    for class in [
        LicenseClass::Free,
        LicenseClass::Trial,
        LicenseClass::Unknown,
    ] {
        let office = Office::open().with(|office| office.shelf("SPE_E3").class = class);
        office.check(&gone, &[]);
    }
    let addon = Office::open().with(|office| office.shelf("SPE_E3").class = LicenseClass::Addon);
    addon.check(&gone, DISABLED);
    let everybodys =
        Office::open().with(|office| office.shelf("SPE_E3").license.is_company_wide = true);
    everybodys.check(&gone, &[]);
}

#[test]
fn a_seat_without_a_price_is_no_free_seat() {
    let gone = worker(&["INTUNE_A"]).with(|person| person.account_enabled = false);
    Office::open().check(&gone, &["DisabledAccount INTUNE_A High ?"]);
}
