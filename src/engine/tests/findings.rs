//! What is found after a change is what would be found anew.

use std::slice;
use std::sync::Arc;

use jiff::SignedDuration;

use super::model::{
    assigned, at_prices, key, license, name, nothing, plain, prices, published, sku,
};
use super::told::{now, standings, tell};
use crate::domain::day::Day;
use crate::domain::finding::{
    Exemption, FindingKind, FindingState, FindingsPast, KnownFinding, Said,
};
use crate::domain::finding_filter::{FindingFilter, USUAL_ORDER};
use crate::domain::license_class::LicenseClass;
use crate::domain::policy::{Policy, PolicySettings};
use crate::domain::user::User;
use crate::engine::{Decisions, TenantIndex, TenantUpdate, select_findings};

pub(super) fn decisions() -> Decisions {
    Decisions {
        classes: (0..4)
            .map(|number| (sku(number), LicenseClass::Paid))
            .collect(),
        declared: prices(),
        ..Decisions::default()
    }
}

/// Somebody with one or two licenses, of whom nothing is rare.
pub(super) fn holder(number: u32) -> User {
    User {
        account_enabled: !number.is_multiple_of(7),
        assignments: (0..1 + u128::from(number) % 2)
            .map(|more| assigned((u128::from(number) + more) % 4))
            .collect(),
        ..plain(number)
    }
}

fn made_of(base: TenantIndex, users: &[User]) -> Arc<TenantIndex> {
    let mut draft = base.draft();
    for user in users {
        draft.merge(user);
        tell(&mut draft, user);
    }
    let update = TenantUpdate {
        licenses: Some((0..4).map(license).collect()),
        users: Some(draft),
        standings: standings(),
        ..nothing()
    };
    at_prices(&base.updated(update, &name))
}

fn index_of(users: &[User]) -> Arc<TenantIndex> {
    let base = TenantIndex::remembering(key("one"), decisions(), Vec::new());
    made_of(base, users)
}

fn found(index: &Arc<TenantIndex>) -> Vec<KnownFinding> {
    let tenants = [Arc::clone(index)];
    let all = select_findings(&tenants, &FindingFilter::And(Vec::new()), &[USUAL_ORDER]);
    let rows = (0..all.count()).filter_map(|place| all.row(place));
    rows.map(|row| row.known().clone()).collect()
}

fn open(index: &Arc<TenantIndex>) -> Vec<KnownFinding> {
    let mut found = found(index);
    found.retain(|known| known.state == FindingState::Open);
    found
}

fn crowd() -> Vec<User> {
    (0..3_000).map(holder).collect()
}

#[test]
fn a_few_changes_find_what_a_new_index_finds() {
    let mut users = crowd();
    let before = index_of(&users);
    assert!(open(&before).len() > 100);
    let mut draft = before.draft();
    for user in users.iter_mut().step_by(90) {
        user.account_enabled = !user.account_enabled;
        draft.merge(user);
        tell(&mut draft, user);
    }
    for user in users.iter_mut().skip(3).step_by(110) {
        user.assignments.truncate(1);
        draft.merge(user);
        tell(&mut draft, user);
    }
    for user in users.drain(100..110) {
        draft.remove(user.object_id);
    }
    // They take the rows that were freed.
    for number in 9_000..9_005 {
        let newcomer = holder(number);
        draft.merge(&newcomer);
        tell(&mut draft, &newcomer);
        users.push(newcomer);
    }
    let after = published(&before, draft);
    let (changed, anew) = (open(&after), open(&index_of(&users)));
    for (changed, anew) in changed.iter().zip(&anew) {
        assert_eq!(changed, anew);
    }
    assert_eq!(changed.len(), anew.len());
    for kind in FindingKind::ALL {
        let rows = after.findings().set(kind).iter();
        let users: Vec<_> = rows.map(|row| after.users().object_id(row)).collect();
        let has = |known: &KnownFinding| known.finding.key.kind == kind;
        let open = open(&after);
        let mut expected: Vec<_> = open.iter().filter(|known| has(known)).collect();
        expected.dedup_by_key(|known| known.finding.key.user);
        let expected = expected.iter().filter_map(|known| known.finding.key.user);
        let expected: std::collections::BTreeSet<_> = expected.collect();
        assert_eq!(
            users.into_iter().collect::<std::collections::BTreeSet<_>>(),
            expected
        );
    }
}

#[test]
fn who_is_gone_leaves_what_was_saved_and_who_comes_back_is_found_anew() {
    let users = crowd();
    let before = index_of(&users);
    let disabled: Vec<&User> = users
        .iter()
        .filter(|user| !user.account_enabled)
        .take(5)
        .collect();
    let mut draft = before.draft();
    for user in &disabled {
        draft.remove(user.object_id);
    }
    let after = published(&before, draft);
    let saved = |index: &Arc<TenantIndex>| {
        let mut found = found(index);
        found.retain(|known| {
            known.state == FindingState::Realized && known.finding.key.user.is_some()
        });
        found
    };
    let realized = saved(&after);
    assert!(realized.len() >= disabled.len());
    for known in &realized {
        let was = before
            .finding(&known.finding.key)
            .expect("it was found before");
        assert_eq!(was.known().finding, known.finding);
        assert_eq!(
            after
                .finding(&known.finding.key)
                .expect("it is told")
                .known(),
            known
        );
    }
    // What is stored brings it all back.
    let past = after.unsaved_findings();
    let mut left = users.clone();
    left.retain(|user| !disabled.iter().any(|gone| gone.object_id == user.object_id));
    let again = made_of(
        TenantIndex::remembering(key("one"), decisions(), past),
        &left,
    );
    assert_eq!(found(&again), found(&after));
    assert!(again.unsaved_findings().is_empty());

    let mut draft = after.draft();
    for user in &disabled {
        draft.merge(user);
        tell(&mut draft, user);
    }
    let back = published(&after, draft);
    assert_eq!(saved(&back), []);
    assert_eq!(open(&back), open(&before));
}

#[test]
fn an_exemption_is_of_its_day_and_touches_one_chunk() {
    let before = index_of(&crowd());
    let key = open(&before)[0].finding.key;
    let today = Day::of_instant(now()).expect("a day");
    let exemption = Exemption {
        reason: "On leave".to_owned(),
        owner: "Ann".to_owned(),
        until: today,
    };
    let exempting = Decisions {
        exemptions: Arc::new([(key, exemption.clone())].into()),
        ..decisions()
    };
    let exempt = Arc::new(before.decided(exempting, now()));
    let known = exempt.finding(&key).expect("it holds").known().clone();
    assert_eq!(known.state, FindingState::Exempt);
    assert_eq!(known.exemption, Some(exemption));
    assert_eq!(open(&exempt).len() + 1, open(&before).len());
    let tomorrow = exempt.judged(now() + SignedDuration::from_hours(24));
    let tomorrow = Arc::new(tomorrow.expect("a day makes a difference"));
    let known = tomorrow.finding(&key).expect("it holds").known().clone();
    assert_eq!((known.state, known.exemption), (FindingState::Open, None));
    assert_eq!(known.first_seen_on, today);
}

#[test]
fn what_is_free_is_found_no_more() {
    let before = index_of(&crowd());
    let free = Decisions {
        classes: (0..4)
            .map(|number| (sku(number), LicenseClass::Free))
            .collect(),
        ..decisions()
    };
    let after = Arc::new(before.decided(free, now()));
    let is_waste = |known: &KnownFinding| known.finding.is_primary;
    assert!(open(&before).iter().any(is_waste));
    assert!(!found(&after).iter().any(is_waste));
    assert_eq!(after.class(sku(0)), LicenseClass::Free);
}

/// Accounts are left alone for three days after they were disabled.
fn patient() -> Decisions {
    let settings = PolicySettings {
        disabled_grace_days: 3,
        ..PolicySettings::default()
    };
    Decisions {
        policy: Arc::new(Policy::new(settings).unwrap()),
        ..decisions()
    }
}

fn found_disabled(index: &Arc<TenantIndex>) -> Vec<(Day, Said)> {
    let mut found = open(index);
    found.retain(|known| known.finding.key.kind == FindingKind::DisabledAccount);
    let first = |known: &KnownFinding| (known.first_seen_on, known.finding.facts[0].said);
    found.iter().map(first).collect()
}

#[test]
fn a_disabled_account_is_found_once_its_days_of_grace_are_over_whoever_restarts_meanwhile() {
    let after = |days: i64| now() + SignedDuration::from_hours(24 * days);
    let day = |days| Day::of_instant(after(days)).unwrap();
    let judged = |index: &TenantIndex, days| {
        let judged = index.judged(after(days));
        Arc::new(judged.unwrap_or_else(|| index.clone()))
    };
    let gone = User {
        account_enabled: false,
        ..holder(1)
    };
    let past = |index: &TenantIndex| -> Vec<FindingsPast> { index.unsaved_findings() };
    let base = TenantIndex::remembering(key("one"), patient(), Vec::new());
    let first = made_of(base, &[gone.clone(), holder(2)]);
    assert_eq!(found_disabled(&judged(&first, 2)), []);
    let found_on = |days| vec![(day(days), Said::Disabled(Some(day(0)))); 2];
    assert_eq!(found_disabled(&judged(&first, 3)), found_on(3));
    let about: Vec<_> = past(&first)
        .into_iter()
        .filter(|past| past.disabled_on.is_some())
        .collect();
    assert_eq!(about.len(), 1);
    assert_eq!(
        (about[0].about, about[0].disabled_on),
        (Some(gone.object_id), Some(day(0)))
    );

    let base = TenantIndex::remembering(key("one"), patient(), past(&first));
    let again = made_of(base, &[gone.clone(), holder(2)]);
    assert_eq!(found_disabled(&judged(&again, 4)), found_on(4));

    // Back for a day, and the days are counted anew.
    let merged = |index: &TenantIndex, user: &User, days| {
        let mut draft = index.draft();
        draft.merge(user);
        tell(&mut draft, user);
        let update = TenantUpdate {
            users: Some(draft),
            now: after(days),
            ..nothing()
        };
        Arc::new(index.updated(update, &name))
    };
    let back = User {
        account_enabled: true,
        ..gone.clone()
    };
    let back = merged(&again, &back, 2);
    let forgotten = past(&back);
    let about = forgotten
        .iter()
        .find(|past| past.about == Some(gone.object_id));
    assert!(about.is_some_and(|past| past.disabled_on.is_none()));
    let disabled = merged(&back, &gone, 3);
    assert_eq!(found_disabled(&judged(&disabled, 5)), []);
    let found_on = vec![(day(6), Said::Disabled(Some(day(3)))); 2];
    assert_eq!(found_disabled(&judged(&disabled, 6)), found_on);

    let mut draft = disabled.draft();
    draft.remove(gone.object_id);
    let removed = published(&disabled, draft);
    let past = past(&removed);
    let about = past.iter().find(|past| past.about == Some(gone.object_id));
    assert!(about.is_some_and(|past| past.disabled_on.is_none()));
}

/// Whether a user is found to be idle.
fn is_idle(index: &Arc<TenantIndex>, user: &User) -> bool {
    open(index).iter().any(|known| {
        let key = known.finding.key;
        let is_idle = [FindingKind::Inactive, FindingKind::NeverActive].contains(&key.kind);
        is_idle && key.user == Some(user.object_id)
    })
}

#[test]
fn an_edit_of_a_seat_makes_nobody_new_and_a_seat_that_was_gone_is_a_new_one() {
    let ago = |days: i64| now() - SignedDuration::from_hours(24 * days);
    let held = |number, days| {
        let mut user = holder(number);
        for assignment in &mut user.assignments {
            assignment.last_updated_at = Some(ago(days));
        }
        user
    };
    let idle = |number: &u32| is_idle(&index_of(&[held(*number, 300)]), &holder(*number));
    let number = (0..100).find(idle).unwrap();
    let (old, edited) = (held(number, 300), held(number, 1));
    assert!(
        !is_idle(&index_of(slice::from_ref(&edited)), &old),
        "it is new"
    );

    let merged = |index: &TenantIndex, user: &User| {
        let mut draft = index.draft();
        draft.merge(user);
        published(index, draft)
    };
    let index = merged(&index_of(slice::from_ref(&old)), &edited);
    assert!(is_idle(&index, &old), "it was edited");
    let again = merged(&index, &held(number, 0));
    assert!(is_idle(&again, &old), "it was edited twice");

    // After a restart too.
    let past = index.unsaved_findings();
    assert!(past.iter().any(|past| !past.held_since.is_empty()));
    let base = TenantIndex::remembering(key("one"), decisions(), past);
    assert!(is_idle(&made_of(base, slice::from_ref(&edited)), &old));

    let without = User {
        assignments: Vec::new(),
        ..old.clone()
    };
    let gone = merged(&index, &without);
    let past = gone.unsaved_findings();
    assert!(past.iter().all(|past| past.held_since.is_empty()));
    let back = merged(&gone, &held(number, 1));
    assert!(!is_idle(&back, &old), "it was away");
}
