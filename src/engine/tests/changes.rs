//! What a run is said to have changed is what differs between everybody before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::model::{key, name, nothing, object_id, plain, sku, told_index_of, user};
use super::told::{now, tell};
use crate::domain::day::Day;
use crate::domain::finding::{FindingKey, FindingKind, FindingsPast, PastFinding};
use crate::domain::ids::{ObjectId, RunId, SkuId};
use crate::domain::text::Folded;
use crate::domain::usage::ActivityState;
use crate::domain::user::User;
use crate::domain::user_change::{RunChanges, UserChange, UserChangeFilter};
use crate::engine::{
    ChangeRow, NewChanges, TenantIndex, TenantUpdate, open_findings, select_changes,
};

/// A user at one moment, with what it is called.
#[derive(Clone, PartialEq)]
struct Person {
    names: (Option<String>, Option<String>),
    department: Option<String>,
    skus: BTreeSet<SkuId>,
    state: ActivityState,
    findings: BTreeSet<FindingKind>,
}

type Everybody = BTreeMap<ObjectId, Person>;

fn everybody(index: &Arc<TenantIndex>) -> Everybody {
    let live = index.users().live().iter();
    let ids = live.map(|row| index.users().object_id(row));
    let person = |id: ObjectId| {
        let row = index.find(id).unwrap();
        let user: User = row.to_user();
        let seats = user.assignments.iter().filter(|held| held.holds_seat());
        let kinds = FindingKind::ALL.into_iter();
        let holds = |kind: &FindingKind| index.findings().set(*kind).contains(row.row());
        Person {
            skus: seats.map(|held| held.sku_id).collect(),
            names: (Some(user.user_principal_name), user.display_name),
            department: user.department,
            state: row.activity_state(),
            findings: kinds.filter(holds).collect(),
        }
    };
    ids.map(|id| (id, person(id))).collect()
}

type Changes = BTreeSet<(UserChange, ObjectId)>;

fn expected(before: &Everybody, after: &Everybody) -> Changes {
    let mut changes = Changes::new();
    for id in before.keys().chain(after.keys()) {
        let mut tell = |change| {
            changes.insert((change, *id));
        };
        let (was, is) = (before.get(id), after.get(id));
        let (mut held, mut found) = (
            [BTreeSet::new(), BTreeSet::new()],
            [const { BTreeSet::new() }; 2],
        );
        for (place, person) in [was, is].into_iter().enumerate() {
            if let Some(person) = person {
                held[place].clone_from(&person.skus);
                found[place].clone_from(&person.findings);
            }
        }
        for sku in &held[1] - &held[0] {
            tell(UserChange::LicenseAssigned(sku));
        }
        for sku in &held[0] - &held[1] {
            tell(UserChange::LicenseRemoved(sku));
        }
        for kind in &found[1] - &found[0] {
            tell(UserChange::FindingOpened(kind));
        }
        for kind in &found[0] - &found[1] {
            tell(UserChange::FindingClosed(kind));
        }
        match (was, is) {
            (None, _) => tell(UserChange::Joined),
            (_, None) => tell(UserChange::Left),
            (Some(was), Some(is)) => {
                let (from, to) = (was.department.clone(), is.department.clone());
                let folded = |text: &Option<String>| text.as_deref().map(Folded::new);
                if folded(&from) != folded(&to) {
                    tell(UserChange::DepartmentChanged { from, to });
                }
                let (from, to) = (was.state, is.state);
                if from != to {
                    tell(UserChange::ActivityStateChanged { from, to });
                }
            }
        }
    }
    changes
}

/// Everything that an index remembers, newest first.
fn remembered(index: &Arc<TenantIndex>) -> Vec<ChangeRow> {
    let filter = UserChangeFilter {
        tenant: None,
        from: Date::MIN,
        to: Date::MAX,
        kinds: None,
        licenses: Vec::new(),
        users: Vec::new(),
    };
    let selection = select_changes(std::slice::from_ref(index), filter);
    let rows = selection.rows(0..selection.count());
    assert_eq!(rows.len() as u64, selection.count());
    for (place, row) in (0..).zip(&rows) {
        assert_eq!(selection.around(&row.position()), (place, place + 1));
    }
    rows
}

fn told(rows: &[ChangeRow]) -> Changes {
    let told = rows.iter();
    told.map(|row| (row.change().clone(), row.object_id()))
        .collect()
}

#[derive(Debug, Clone)]
enum Edit {
    Merge(Box<User>),
    Remove(u32),
    /// Days go by.
    Wait(i64),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        5 => user(16).prop_map(|user| Edit::Merge(Box::new(user))),
        3 => (0..16_u32).prop_map(Edit::Remove),
        1 => (1..60_i64).prop_map(Edit::Wait),
    ];
    prop::collection::vec(edit, 0..12)
}

fn run(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

/// What a commit makes of edits: the next index, and what is to be stored of it.
fn committed(
    base: &Arc<TenantIndex>,
    edits: Vec<Edit>,
    number: u128,
    clock: &mut Timestamp,
) -> (Arc<TenantIndex>, NewChanges) {
    let mut draft = base.draft();
    let mut base = Arc::clone(base);
    for edit in edits {
        match edit {
            Edit::Merge(user) => {
                draft.merge(&user);
                tell(&mut draft, &user);
            }
            Edit::Remove(number) => {
                draft.remove(object_id(number));
            }
            Edit::Wait(days) => {
                *clock += SignedDuration::from_hours(days * 24);
                if let Some(judged) = base.judged(*clock) {
                    base = Arc::new(judged);
                }
            }
        }
    }
    *clock += SignedDuration::from_secs(1);
    let changed = draft.changed_users();
    let update = TenantUpdate {
        users: Some(draft),
        as_of: Some(*clock),
        now: *clock,
        ..nothing()
    };
    let next = base.updated(update, &name);
    let (next, new) = next.with_changes_since(&base, &changed, run(number), *clock);
    (Arc::new(next.with_findings_saved()), new)
}

/// The findings that are remembered on disk.
fn past(index: &Arc<TenantIndex>) -> Vec<FindingsPast> {
    let of = |(about, person): (ObjectId, Person)| {
        let findings = person.findings.into_iter().map(|kind| PastFinding {
            key: FindingKey::of_seat(kind, about, sku(0)),
            first_seen_on: Day::numbered(20_000).unwrap(),
            realized: None,
        });
        FindingsPast {
            about: Some(about),
            findings: findings.collect(),
            disabled_on: None,
            held_since: Vec::new(),
        }
    };
    everybody(index).into_iter().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn runs_tell_what_differs_whoever_takes_whose_row_and_whatever_time_does(
        generations in prop::collection::vec((edits(), any::<bool>()), 1..6),
    ) {
        let mut clock = now();
        let (mut index, new) = committed(&told_index_of("one", &[]), Vec::new(), 1, &mut clock);
        let mut stored: Vec<RunChanges> = new.changes.into_iter().collect();
        prop_assert_eq!(stored[0].changes.bytes(), b"");
        let mut history = Vec::new();
        for ((edits, is_restarted), number) in generations.into_iter().zip(2..) {
            let before = everybody(&index);
            let (next, new) = committed(&index, edits, number, &mut clock);
            index = next;
            let after = everybody(&index);
            let all = remembered(&index);
            let own: Vec<_> = all.iter().filter(|row| row.run() == run(number)).cloned().collect();
            prop_assert_eq!(told(&own), expected(&before, &after));
            prop_assert_eq!(told(&own).len(), own.len());
            history.push((number, before, after));
            // Names are as they were, however often they changed since.
            for row in &all {
                let Some((_, before, after)) = history.iter().find(|own| run(own.0) == row.run()) else {
                    continue;
                };
                let id = row.object_id();
                let person = before.get(&id).unwrap_or_else(|| &after[&id]);
                prop_assert_eq!(&row.names(), &person.names);
            }
            stored.extend(new.changes);
            if is_restarted {
                let reloaded = (*index).clone().with_change_log(
                    stored.clone(),
                    &open_findings(&past(&index)),
                    (run(number), clock),
                );
                let reloaded = Arc::new(reloaded);
                prop_assert_eq!(told(&remembered(&reloaded)), told(&all));
                index = reloaded;
            }
        }
    }
}

#[test]
fn whoever_was_the_first_is_no_change_and_old_runs_are_forgotten() {
    let mut clock = now();
    let people = [plain(1), plain(2)];
    let first = Edit::Merge(Box::new(people[0].clone()));
    let empty = Arc::new(TenantIndex::empty(key("one")));
    let (index, new) = committed(&empty, vec![first], 1, &mut clock);
    assert!(new.users.is_empty());
    assert_eq!(remembered(&index).len(), 0);
    let begun = clock;
    let second = Edit::Merge(Box::new(people[1].clone()));
    let wait = Edit::Wait(3);
    let (index, new) = committed(&index, vec![second, wait], 2, &mut clock);
    assert_eq!(new.users.len(), 1);
    let joined = (UserChange::Joined, people[1].object_id);
    assert!(told(&remembered(&index)).contains(&joined));
    let mut index = (*index).clone();
    assert_eq!(index.forget_changes_before(begun), []);
    assert_eq!(index.forget_changes_before(clock), [run(1)]);
    assert!(told(&remembered(&Arc::new(index.clone()))).contains(&joined));
    let after = clock + SignedDuration::from_secs(1);
    assert_eq!(index.forget_changes_before(after), [run(2)]);
    assert_eq!(remembered(&Arc::new(index)).len(), 0);
}
