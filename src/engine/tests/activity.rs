//! States of users as indexes follow each other and time passes.

use jiff::SignedDuration;

use crate::domain::filter::UserFilter;
use crate::domain::standing::{Fetch, Fetched, Standing};
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{ActivityState, Usage, Workload};
use crate::domain::user::User;
use crate::domain::user_fact::UserFact;
use crate::engine::{Decisions, TenantIndex, TenantUpdate, select};

use super::drafts::varied;
use super::model::*;
use super::told::*;

fn licensed(number: u32) -> User {
    let mut user = varied(number);
    user.assignments = vec![crate::domain::user::LicenseAssignment {
        sku_id: sku(u128::from(number % 4)),
        state: crate::domain::user::AssignmentState::Active,
        error: None,
        assigned_directly: true,
        assigned_by_groups: Vec::new(),
        disabled_plans: Vec::new(),
        last_updated_at: None,
    }];
    user
}

#[track_caller]
fn check(index: &TenantIndex, tenant: &Tenant, users: &[User]) {
    let index = std::sync::Arc::new(index.clone());
    let mut holders = [[0; 4]; 4];
    for user in users {
        let state = index.find(user.object_id).unwrap().activity_state();
        assert_eq!(state, state_of(tenant, user));
        for held in held(user) {
            holders[held.sku_id.0.as_u128() as usize - 1][state as usize] += 1;
        }
    }
    for (number, holders) in (0..).zip(holders) {
        assert_eq!(index.holders_by_activity(sku(number)), holders);
    }
    let count = |state| {
        let filter = UserFilter::ActivityState([state].into());
        select(std::slice::from_ref(&index), &filter, &[]).count()
    };
    let counted: u64 = ActivityState::ALL.into_iter().map(count).sum();
    assert_eq!(counted, users.len() as u64, "everybody is in one state");
}

fn crowd() -> (Vec<User>, Tenant, std::sync::Arc<TenantIndex>) {
    let users: Vec<User> = (0..3000).map(licensed).collect();
    let index = told_index_of("one", &users);
    (users.clone(), tenant_of("one", &users), index)
}

#[test]
fn everybody_is_judged_when_an_index_is_made() {
    let (users, tenant, index) = crowd();
    check(&index, &tenant, &users);
    for state in ActivityState::ALL {
        let is_met = users.iter().any(|user| state_of(&tenant, user) == state);
        assert!(is_met, "{state:?} is nobody's");
    }
}

#[test]
fn a_few_changes_judge_whom_they_touch() {
    let (mut users, tenant, base) = crowd();
    let mut draft = base.draft();
    for user in users.iter_mut().step_by(50) {
        user.assignments.clear();
        draft.merge(user);
    }
    for user in users.iter_mut().skip(7).step_by(70) {
        user.account_enabled = false;
        draft.merge(user);
        tell(&mut draft, user);
    }
    for user in users.drain(100..110) {
        draft.remove(user.object_id);
    }
    let newcomer = licensed(9_001);
    draft.merge(&newcomer);
    tell(&mut draft, &newcomer);
    users.push(newcomer);
    check(&published(&base, draft), &tenant, &users);
}

#[test]
fn a_standing_or_another_list_of_plans_judges_everybody() {
    let (users, mut tenant, base) = crowd();
    let stale = Standing::new(Dataset::TeamsActivity);
    let place = Workload::Teams as usize;
    tenant.standings[place] = stale.clone();
    let update = TenantUpdate {
        standings: vec![stale],
        ..nothing()
    };
    let next = base.updated(update, &name);
    check(&next, &tenant, &users);

    // Products without plans: only sign-ins tell of whom no report has to show.
    let mut licenses: Vec<_> = (0..4).map(license).collect();
    for license in &mut licenses {
        license.service_plans.clear();
    }
    let update = TenantUpdate {
        licenses: Some(licenses),
        ..nothing()
    };
    let next = std::sync::Arc::new(next.updated(update, &name));
    let bare: Vec<User> = users
        .iter()
        .map(|user| User {
            assignments: Vec::new(),
            ..user.clone()
        })
        .collect();
    for (user, bare) in users.iter().zip(&bare) {
        let state = next.find(user.object_id).unwrap().activity_state();
        assert_eq!(state, state_of(&tenant, bare));
    }
}

#[test]
fn the_passing_of_time_alone_makes_stale_what_was_fresh() {
    let (users, mut tenant, index) = crowd();
    let later = |days: i64| now() + SignedDuration::from_hours(24 * days);
    let mut at = |days| {
        tenant.now = later(days);
        tenant.clone()
    };
    // The report of SharePoint is stale and measured from the day, so that some turn every day.
    let next = index.judged(later(1)).expect("a day makes a difference");
    check(&next, &at(1), &users);
    let much_later = next.judged(later(40)).expect("nothing is fresh any more");
    check(&much_later, &at(40), &users);
    assert!(much_later.judged(later(40)).is_none());
    assert!(
        much_later
            .judged(later(40) + SignedDuration::from_hours(1))
            .is_none()
    );
    check(&index, &at(0), &users);
}

#[test]
fn while_every_report_is_fresh_another_day_makes_no_other_index() {
    let (users, _, index) = crowd();
    let fresh = Workload::ALL.map(|workload| Standing {
        fetches: vec![Fetch {
            what: Fetched::Whole,
            at: now(),
            reported_on: Some(days_ago(0)),
            etag: None,
        }],
        ..Standing::new(workload.dataset())
    });
    let update = TenantUpdate {
        standings: fresh.to_vec(),
        ..nothing()
    };
    // Nobody says that anything costs money, so no rule finds anything.
    let index = index.decided(Decisions::default(), now());
    let index = index.updated(update, &name);
    for days in 0..=7 {
        let later = now() + SignedDuration::from_hours(24 * days);
        assert!(index.judged(later).is_none(), "{days} days later");
    }
    assert!(
        index
            .judged(now() + SignedDuration::from_hours(24 * 8))
            .is_some()
    );
    assert_eq!(index.user_count() as usize, users.len());
}

#[test]
fn a_row_that_a_report_lost_makes_its_silence_mean_nothing() {
    let users: Vec<User> = (0..2).map(licensed).collect();
    let tenant = tenant_of("one", &users);
    let base = told_index_of("one", &users);
    let told = |number: u32, is_left_out| {
        let usage = |workload: Workload| {
            let usage = Usage {
                last_active_on: Some(days_ago(150)),
                is_left_out,
                ..Usage::nothing(workload.dataset(), object_id(number))
            };
            UserFact::Usage(usage)
        };
        Workload::ALL.map(usage)
    };
    let silent = |is_left_out| {
        let mut draft = base.draft();
        for dataset in TELLING {
            draft.remove_fact(dataset, object_id(0));
        }
        for fact in told(0, is_left_out) {
            draft.set(&fact);
        }
        let mut standings = tenant.standings.clone();
        for standing in &mut standings {
            let reported_on = Some(days_ago(2));
            standing
                .fetches
                .iter_mut()
                .for_each(|fetch| fetch.reported_on = reported_on);
            standing.reaches = reported_on;
        }
        let update = TenantUpdate {
            users: Some(draft),
            standings,
            ..nothing()
        };
        let next = std::sync::Arc::new(base.updated(update, &name));
        next.find(object_id(0)).unwrap().activity_state()
    };
    assert_eq!(silent(false), ActivityState::Inactive);
    assert_eq!(silent(true), ActivityState::Unknown);
}
