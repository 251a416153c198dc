//! What publishing costs is near the size of what it changed: the rest is shared, not copied.

use std::collections::HashSet;

use crate::domain::group::Memberships;
use crate::domain::sign_in::SignInActivity;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::Usage;
use crate::domain::user::User;
use crate::domain::user_fact::UserFact;
use crate::engine::heap::{Heap, Parts};
use crate::engine::{Change, TenantIndex, UsersDraft};

use super::memory::realistic;
use super::model::{index_of, object_id, published};
use super::told::{days_ago, group_id, now};

fn parts(index: &TenantIndex) -> (HashSet<usize>, usize) {
    let mut parts = Parts::default();
    index.heap(&mut parts);
    (parts.addresses().clone(), parts.bytes())
}

/// How many parts and bytes of the next index are new.
fn copied(users: &[User], edit: impl FnOnce(&mut UsersDraft)) -> (usize, usize) {
    let base = index_of("one", users);
    let mut draft = base.draft();
    edit(&mut draft);
    let next = published(&base, draft);
    // Counted together, only what is not in the base adds bytes.
    let mut both = Parts::default();
    TenantIndex::heap(&base, &mut both);
    let old = both.bytes();
    TenantIndex::heap(&next, &mut both);
    let new_parts = parts(&next).0.difference(&parts(&base).0).count();
    (new_parts, both.bytes() - old)
}

/// The same where facts are said of everybody before.
fn copied_of_told(count: u32, edit: impl FnOnce(&mut UsersDraft)) -> (usize, usize) {
    let users: Vec<User> = (0..count).map(realistic).collect();
    let base = index_of("one", &users);
    let mut draft = base.draft();
    for number in 0..count {
        for fact in said(number, number % 100) {
            draft.set(&fact);
        }
    }
    let base = published(&base, draft);
    let mut draft = base.draft();
    edit(&mut draft);
    let next = published(&base, draft);
    let mut both = Parts::default();
    TenantIndex::heap(&base, &mut both);
    let old = both.bytes();
    TenantIndex::heap(&next, &mut both);
    let new_parts = parts(&next).0.difference(&parts(&base).0).count();
    (new_parts, both.bytes() - old)
}

fn said(number: u32, days: u32) -> [UserFact; 3] {
    let on = days_ago(i64::from(days));
    [
        UserFact::Usage(Usage {
            last_active_on: Some(on),
            ..Usage::nothing(Dataset::TeamsActivity, object_id(number))
        }),
        UserFact::SignInActivity(SignInActivity {
            object_id: object_id(number),
            succeeded_at: Some(now() - jiff::SignedDuration::from_hours(24 * i64::from(days))),
            attempted_at: None,
        }),
        UserFact::Memberships(Memberships {
            object_id: object_id(number),
            groups: vec![group_id(number % 5)],
        }),
    ]
}

#[test]
fn facts_that_are_told_again_copy_nothing() {
    let (parts, bytes) = copied_of_told(5_000, |draft| {
        for number in 0..5_000 {
            for fact in said(number, number % 100) {
                assert_eq!(draft.set(&fact), Some(Change::Unchanged));
            }
        }
        assert!(draft.remove_unseen_facts(Dataset::TeamsActivity).is_empty());
        assert!(!draft.is_changed());
    });
    assert_eq!((parts, bytes), (0, 0));
}

#[test]
fn what_one_changed_fact_costs_does_not_grow_with_the_tenant() {
    let cost = |count| {
        copied_of_told(count, |draft| {
            for fact in said(500, 3) {
                draft.set(&fact);
            }
        })
    };
    let ((few_parts, few_bytes), (many_parts, many_bytes)) = (cost(2_000), cost(16_000));
    assert!(few_parts <= 40, "{few_parts} parts");
    assert!(few_bytes < 60_000, "{few_bytes} bytes");
    assert!(
        many_parts <= few_parts + 3,
        "{few_parts} parts of 2,000 and {many_parts} of 16,000"
    );
    assert!(
        many_bytes <= few_bytes * 2,
        "{few_bytes} bytes of 2,000 and {many_bytes} of 16,000"
    );
}

fn crowd() -> Vec<User> {
    (0..20_000).map(realistic).collect()
}

#[test]
fn one_changed_user_costs_a_few_chunks() {
    let users = crowd();
    let (_, all) = parts(&index_of("one", &users));
    let (parts, bytes) = copied(&users, |draft| {
        let mut user = users[7_777].clone();
        user.department = Some("Moved".to_owned());
        user.display_name = Some("Zz Moved".to_owned());
        draft.merge(&user);
    });
    assert!(parts <= 40, "{parts} parts");
    assert!(bytes < 80_000, "{bytes} of {all} bytes");
}

#[test]
fn one_user_who_comes_and_one_who_goes_cost_a_few_chunks() {
    let users = crowd();
    let (parts, bytes) = copied(&users, |draft| {
        draft.merge(&realistic(50_000));
        draft.remove(object_id(123));
    });
    assert!(parts <= 170, "{parts} parts");
    assert!(bytes < 550_000, "{bytes} bytes");
}

#[test]
fn a_sync_without_changes_copies_nothing() {
    let users = crowd();
    let (parts, bytes) = copied(&users, |draft| {
        for user in &users {
            draft.merge(user);
        }
        assert!(draft.unseen().is_empty());
    });
    assert_eq!((parts, bytes), (0, 0));
}

#[test]
fn what_a_change_costs_does_not_grow_with_the_tenant() {
    let cost = |count: u32| {
        let users: Vec<User> = (0..count).map(realistic).collect();
        copied(&users, |draft| {
            let mut user = users[500].clone();
            user.job_title = Some("Moved".to_owned());
            draft.merge(&user);
        })
    };
    let ((few_parts, few_bytes), (many_parts, many_bytes)) = (cost(4_000), cost(32_000));
    assert!(
        many_parts <= few_parts + 3,
        "{few_parts} parts of 4,000 and {many_parts} of 32,000"
    );
    assert!(
        many_bytes <= few_bytes * 2,
        "{few_bytes} bytes of 4,000 and {many_bytes} of 32,000"
    );
}
