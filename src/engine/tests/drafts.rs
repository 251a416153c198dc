//! Generations of changes end in the users that were merged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use crate::domain::filter::{OrderDirection, UserFilter, UserOrder, UserOrderField};
use crate::domain::text::Folded;
use crate::domain::usage::{Usage, Workload};
use crate::domain::user::User;
use crate::domain::user_fact::UserFact;
use crate::engine::orders::FIELDS;
use crate::engine::property::Property;
use crate::engine::{
    Change, CodedUsage, TenantIndex, UserRow, UsersDraft, UsersLoading, Window, select,
};

use super::model::*;
use super::told::*;

type Model = BTreeMap<crate::domain::ids::ObjectId, User>;

fn listed(index: &Arc<TenantIndex>, orders: &[UserOrder]) -> Vec<User> {
    let all = Window {
        size: usize::MAX,
        ..Window::default()
    };
    let page = select(std::slice::from_ref(index), &UserFilter::EVERYBODY, &[]).page(orders, &all);
    page.rows.iter().map(UserRow::to_user).collect()
}

fn check(index: &Arc<TenantIndex>, model: &Model) {
    assert_eq!(index.user_count() as usize, model.len());
    for (id, user) in model {
        let row = index.find(*id).expect("every user is found by id");
        assert_eq!(row.to_user(), *user);
        assert_eq!(
            row.manager().map(|manager| manager.object_id()),
            user.manager.filter(|id| model.contains_key(id))
        );
        let held: Vec<_> = row.licenses().map(|entry| entry.license.sku_id).collect();
        assert_eq!(
            held,
            super::model::held(user)
                .map(|held| held.sku_id)
                .collect::<Vec<_>>()
        );
        let name = Folded::new(&user.user_principal_name);
        let namesakes = model
            .values()
            .filter(|other| Folded::new(&other.user_principal_name) == name);
        let first = namesakes.map(|other| other.object_id).min();
        assert_eq!(
            index
                .find_by_principal_name(&name)
                .map(|row| row.object_id()),
            first
        );
    }
    check_facts(index, model);
    check_orders(index, model);
    for field in FIELDS {
        for direction in [OrderDirection::Ascending, OrderDirection::Descending] {
            let orders = [UserOrder { field, direction }];
            let expected = sorted(&orders, model.values().map(|user| ("one", user)));
            let listed = listed(index, &orders);
            assert!(
                listed.iter().eq(expected.iter().map(|(_, user)| *user)),
                "{orders:?}"
            );
        }
    }
}

/// Whether the orders that are kept are those of the users; a list of everybody is gathered without them.
fn check_orders(index: &Arc<TenantIndex>, model: &Model) {
    let users = index.users();
    for field in FIELDS {
        let order = users.orders().get(field);
        if !order.is_made() {
            assert!(model.is_empty() || field == UserOrderField::MonthlyCost);
            continue;
        }
        let lists = [&order.present, &order.absent];
        let rows = lists.map(|list| list.between(list.start(), list.end()));
        let kept: Vec<_> = rows.into_iter().flatten().collect();
        let kept = kept.iter().map(|row| users.object_id(*row));
        let direction = OrderDirection::Ascending;
        let by = [UserOrder { field, direction }];
        let expected = sorted(&by, model.values().map(|user| ("one", user)));
        let expected = expected.iter().map(|(_, user)| user.object_id);
        assert!(kept.eq(expected), "{field:?}");
    }
}

/// Whether every user has the facts that were told, and every set those users.
fn check_facts(index: &Arc<TenantIndex>, model: &Model) {
    let tenant = tenant_of("one", model.values());
    let draft = index.draft();
    for (id, user) in model {
        let row = index.find(*id).unwrap();
        for dataset in TELLING {
            assert_eq!(draft.fact(dataset, *id), fact_of(user, dataset));
        }
        assert_eq!(row.group_ids(), groups_of(user));
        assert_eq!(row.last_active_on(), last_active_on(user));
        for workload in Workload::ALL {
            let on = workload_last_active_on(user, workload);
            assert_eq!(row.workload_last_active_on(workload), on);
        }
        assert_eq!(row.activity_state(), state_of(&tenant, user));
    }
    for group in (0..5).map(group_id) {
        let members = model
            .values()
            .filter(|user| groups_of(user).contains(&group));
        assert_eq!(index.member_count(group) as usize, members.count());
    }
}

/// Whether the rows of each department lie side by side, and in it by name.
fn lies_by_department_and_name(draft: &UsersDraft) -> bool {
    let users = draft.users();
    let department = |row: &u32| users.values(Property::Department).group(*row);
    let name = |row: &u32| users.display_name_start(*row);
    let rows: Vec<u32> = users.live().iter().collect();
    let departments: Vec<&[u32]> = rows
        .chunk_by(|one, next| department(one) == department(next))
        .collect();
    let distinct: BTreeSet<u32> = rows.iter().map(department).collect();
    departments.len() == distinct.len()
        && departments.iter().all(|rows| rows.is_sorted_by_key(name))
}

#[derive(Debug, Clone)]
enum Edit {
    Merge(Box<User>),
    Remove(u32),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        3 => user(30).prop_map(|user| Edit::Merge(Box::new(user))),
        1 => (0..30u32).prop_map(Edit::Remove),
    ];
    prop::collection::vec(edit, 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_index_holds_what_generations_of_drafts_merged(generations in prop::collection::vec(edits(), 1..5)) {
        let mut index = told_index_of("one", &[]);
        let mut model = Model::new();
        for edits in generations {
            let (before, old_model) = (Arc::clone(&index), model.clone());
            let mut draft = index.draft();
            for edit in edits {
                match edit {
                    Edit::Merge(user) => {
                        let change = match model.insert(user.object_id, (*user).clone()) {
                            None => Change::Added,
                            Some(old) if old == *user => Change::Unchanged,
                            Some(_) => Change::Changed,
                        };
                        prop_assert_eq!(draft.merge(&user), change);
                        prop_assert_eq!(draft.merge(&user), Change::Unchanged);
                        tell(&mut draft, &user);
                        prop_assert_eq!(draft.user(user.object_id), Some((*user).clone()));
                    }
                    Edit::Remove(number) => {
                        let id = object_id(number);
                        prop_assert_eq!(draft.remove(id), model.remove(&id).is_some());
                    }
                }
                prop_assert_eq!(draft.len() as usize, model.len());
            }
            if model != old_model {
                prop_assert!(draft.is_changed());
            }
            index = published(&index, draft);
            check(&index, &model);
            check(&before, &old_model);
        }
    }

    #[test]
    fn users_of_a_first_list_are_the_same_in_whatever_order_their_rows_are(first in edits(), later in edits()) {
        let mut draft = told_index_of("one", &[]).draft();
        let mut model = Model::new();
        let mut edit = |draft: &mut UsersDraft, edit| match edit {
            Edit::Merge(user) => {
                draft.merge(&user);
                model.insert(user.object_id, *user);
            }
            Edit::Remove(number) => {
                draft.remove(object_id(number));
                model.remove(&object_id(number));
            }
        };
        first.into_iter().for_each(|change| edit(&mut draft, change));
        draft.arrange();
        prop_assert_eq!(draft.unseen(), vec![]);
        prop_assert!(lies_by_department_and_name(&draft));
        later.into_iter().for_each(|change| edit(&mut draft, change));
        for user in model.values() {
            let read = draft.user(user.object_id);
            prop_assert_eq!(read.as_ref(), Some(user));
            tell(&mut draft, user);
        }
        check(&published(&told_index_of("one", &[]), draft), &model);
    }

    #[test]
    fn rows_stay_where_they_are_once_something_was_said_of_them(all in users(30, 30)) {
        let mut draft = told_index_of("one", &[]).draft();
        for user in &all {
            draft.merge(user);
            tell(&mut draft, user);
        }
        draft.arrange();
        check(&published(&told_index_of("one", &[]), draft), &all.into_iter().map(|user| (user.object_id, user)).collect());
    }

    #[test]
    fn few_changes_among_many_users_keep_every_order(changes in prop::collection::vec(user(300), 1..30), removed in prop::collection::btree_set(0..300u32, 0..6)) {
        let mut model: Model = (0..300).map(|number| (object_id(number), varied(number))).collect();
        let base = told_index_of("one", &model.values().cloned().collect::<Vec<_>>());
        let mut draft = base.draft();
        for number in removed {
            draft.remove(object_id(number));
            model.remove(&object_id(number));
        }
        for user in changes {
            draft.merge(&user);
            tell(&mut draft, &user);
            model.insert(user.object_id, user);
        }
        check(&published(&base, draft), &model);
    }

    #[test]
    fn after_a_complete_list_whoever_was_not_in_it_is_gone(old in users(20, 30), new in users(20, 30)) {
        let base = told_index_of("one", &old);
        let mut draft = base.draft();
        for user in &new {
            draft.merge(user);
            tell(&mut draft, user);
        }
        let gone = draft.unseen();
        for id in &gone {
            draft.remove(*id);
        }
        let mut expected: Vec<_> = old.iter().map(|user| user.object_id).filter(|id| new.iter().all(|user| user.object_id != *id)).collect();
        let mut gone: Vec<_> = gone;
        gone.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(gone, expected);
        check(&published(&base, draft), &new.into_iter().map(|user| (user.object_id, user)).collect());
    }

    #[test]
    fn loaded_users_are_the_first_of_each_id(batches in prop::collection::vec(users(40, 30), 0..4), is_told_at_once: bool) {
        let base = told_index_of("one", &[]);
        let mut loading = UsersLoading::new();
        let mut model = Model::new();
        let tell = |loading: &mut UsersLoading, user: &User| {
            for fact in TELLING.iter().filter_map(|dataset| fact_of(user, *dataset)) {
                match &fact {
                    UserFact::Usage(usage) => loading.usage(&CodedUsage::of(usage)),
                    _ => loading.fact(&fact),
                }
                let later = UserFact::Usage(Usage::nothing(fact.dataset(), user.object_id));
                loading.fact(&later);
            }
        };
        for user in batches.iter().flatten() {
            loading.user(Box::new(user.clone()));
            let known = model.entry(user.object_id).or_insert_with(|| user.clone());
            if is_told_at_once {
                tell(&mut loading, known);
            }
        }
        if !is_told_at_once {
            model.values().for_each(|user| tell(&mut loading, user));
        }
        check(&published(&base, loading.finish()), &model);
    }
}

/// A user that differs from its neighbors in every order.
pub(super) fn varied(number: u32) -> User {
    let mut user = plain(number);
    user.display_name = (!number.is_multiple_of(7)).then(|| match number % 10 {
        3 => format!("Straße {}", number % 90),
        _ => format!("Person {}", number % 90),
    });
    user.department =
        (!number.is_multiple_of(5)).then(|| format!("Department number {}", number % 11));
    user.created_at = (!number.is_multiple_of(3))
        .then(|| jiff::Timestamp::from_second(i64::from(number % 50) * 1000).unwrap());
    user.assignments = (0..5)
        .filter(|product| number & (1 << product) != 0)
        .map(assigned)
        .collect();
    user
}

#[test]
fn a_draft_that_merges_what_is_there_changes_nothing() {
    let users: Vec<User> = (0..50).map(varied).collect();
    let base = index_of("one", &users);
    let mut draft = base.draft();
    for user in &users {
        assert_eq!(draft.merge(user), Change::Unchanged);
    }
    assert!(draft.unseen().is_empty());
    assert!(!draft.is_changed());
}

#[test]
fn every_order_is_at_the_place_of_its_field() {
    for (index, field) in FIELDS.into_iter().enumerate() {
        assert_eq!(field as usize, index);
    }
}

#[test]
fn a_product_that_only_an_assignment_names_is_a_license_until_nobody_holds_it() {
    let mut holder = plain(1);
    holder.assignments = vec![crate::domain::user::LicenseAssignment {
        sku_id: sku(7),
        state: crate::domain::user::AssignmentState::Active,
        error: None,
        assigned_directly: true,
        assigned_by_groups: Vec::new(),
        disabled_plans: Vec::new(),
        last_updated_at: None,
    }];
    let base = index_of("one", &[holder.clone()]);
    let entry = base.license(sku(7)).unwrap();
    assert_eq!(entry.license.part_number, sku(7).to_string());
    assert_eq!(
        (entry.license.status.as_str(), entry.license.seats.enabled),
        ("Unknown", 0)
    );
    assert_eq!(entry.name.text, "Other");
    assert_eq!(base.holder_count(sku(7)), 1);
    let ids: Vec<_> = base
        .licenses()
        .iter()
        .map(|entry| entry.license.sku_id)
        .collect();
    assert_eq!(ids, [0, 1, 2, 3, 7].map(sku));

    let named = |_, part: &str| crate::domain::catalog::LicenseName {
        text: format!("New {part}"),
        source: crate::domain::catalog::NameSource::Operator,
    };
    let renamed = base.renamed(&named);
    assert_eq!(renamed.license(sku(0)).unwrap().name.text, "New PART_0");
    assert_eq!(renamed.licenses().len(), 5);

    holder.assignments.clear();
    let mut draft = base.draft();
    draft.merge(&holder);
    let next = published(&base, draft);
    assert_eq!(next.license(sku(7)), None);
    assert_eq!(next.licenses().len(), 4, "what Microsoft lists stays");
}
