//! Filters, searches, pages and breakdowns against the plain list.

use std::sync::Arc;

use proptest::prelude::*;

use crate::domain::filter::*;
use crate::domain::text::Folded;
use crate::domain::usage::{ActivityState, Workload};
use crate::domain::user::User;
use crate::engine::walk::{Begin, Toward, Walk};
use crate::engine::{
    GroupDetail, Page, Position, TenantIndex, UserRow, UserSelection, Window, select,
};

use super::asked::*;
use super::drafts::varied;
use super::model::*;
use super::told::*;

pub(super) type Tenants = [(&'static str, Vec<User>); 2];

pub(super) fn indexes(tenants: &Tenants) -> Vec<Arc<TenantIndex>> {
    tenants
        .iter()
        .map(|(tenant, users)| told_index_of(tenant, users))
        .collect()
}

fn ids(rows: &[UserRow]) -> Vec<String> {
    rows.iter().map(|row| format!("{row:?}")).collect()
}

fn expected(
    tenants: &Tenants,
    filter: &UserFilter,
    search: &[Folded],
    orders: &[UserOrder],
) -> Vec<String> {
    in_order(&selected(tenants, filter, search), orders)
}

fn selected<'a>(
    tenants: &'a Tenants,
    filter: &UserFilter,
    search: &[Folded],
) -> Vec<(&'a str, &'a User)> {
    let mut users = Vec::new();
    for (key, all) in tenants {
        let tenant = tenant_of(key, all);
        let selected = all
            .iter()
            .filter(|user| holds(filter, &tenant, user) && is_found(search, user));
        users.extend(selected.map(|user| (*key, user)));
    }
    users
}

fn in_order(users: &[(&str, &User)], orders: &[UserOrder]) -> Vec<String> {
    let by_name = [UserOrder {
        field: UserOrderField::DisplayName,
        direction: OrderDirection::Ascending,
    }];
    let orders = if orders.is_empty() { &by_name } else { orders };
    sorted(orders, users.iter().copied())
        .iter()
        .map(|(tenant, user)| format!("{tenant}/{}", user.object_id))
        .collect()
}

/// Through bytes, as a cursor goes.
fn cursor(row: &UserRow, orders: &[UserOrder]) -> Option<Position> {
    let position = row.position(orders);
    let read = Position::from_bytes(&position.to_bytes(), orders);
    assert_eq!(read.as_ref(), Some(&position));
    read
}

/// All pages, one behind the other, in the order of the list.
fn walked(
    selection: &UserSelection,
    orders: &[UserOrder],
    size: usize,
    from_end: bool,
) -> Vec<String> {
    let mut pages: Vec<Vec<String>> = Vec::new();
    let mut window = Window {
        size,
        from_end,
        ..Window::default()
    };
    loop {
        let page = selection.page(orders, &window);
        let (is_first, is_last) = if from_end {
            (!page.has_next, !page.has_previous)
        } else {
            (!page.has_previous, !page.has_next)
        };
        assert_eq!(is_first, pages.is_empty());
        assert!(page.rows.len() <= size && (is_last || page.rows.len() == size));
        pages.push(ids(&page.rows));
        if is_last {
            break;
        }
        if from_end {
            window.before = cursor(page.rows.first().unwrap(), orders);
        } else {
            window.after = cursor(page.rows.last().unwrap(), orders);
        }
    }
    if from_end {
        pages.reverse();
    }
    pages.concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_filter_and_a_search_select_whom_they_mean(one in users(40, 40), two in users(40, 10), filter in filter(), search in search()) {
        let tenants = [("one", one), ("two", two)];
        let selection = select(&indexes(&tenants), &filter, &search);
        let wanted = expected(&tenants, &filter, &search, &[]);
        prop_assert_eq!(selection.count() as usize, wanted.len());
        let all = Window { size: 1000, ..Window::default() };
        prop_assert_eq!(ids(&selection.page(&[], &all).rows), wanted);
    }

    #[test]
    fn pages_in_both_directions_are_the_whole_list(one in users(40, 40), two in users(40, 10), filter in filter(), orders in orders(), size in 1..9usize) {
        let tenants = [("one", one), ("two", two)];
        let selection = select(&indexes(&tenants), &filter, &[]);
        let wanted = expected(&tenants, &filter, &[], &orders);
        prop_assert_eq!(&walked(&selection, &orders, size, false), &wanted);
        prop_assert_eq!(&walked(&selection, &orders, size, true), &wanted);
    }

    #[test]
    fn a_window_between_two_places_shows_what_is_between(users in users(40, 40), orders in orders(), size in 0..9usize, ends in (0..40usize, 0..40usize), from_end: bool) {
        let tenants = [("one", users), ("two", Vec::new())];
        let selection = select(&indexes(&tenants), &UserFilter::EVERYBODY, &[]);
        let all = selection.page(&orders, &Window { size: 1000, ..Window::default() }).rows;
        prop_assume!(!all.is_empty());
        let ends = (ends.0 % all.len(), ends.1 % all.len());
        let (after, before) = (cursor(&all[ends.0], &orders), cursor(&all[ends.1], &orders));
        let page = selection.page(&orders, &Window { size, from_end, after, before });
        let inside: &[UserRow] = all.get(ends.0 + 1..ends.1).unwrap_or_default();
        let surplus = inside.len().saturating_sub(size);
        let wanted = if from_end { &inside[surplus..] } else { &inside[..inside.len() - surplus] };
        prop_assert_eq!(ids(&page.rows), ids(wanted));
        prop_assert!(page.has_previous, "the row at `after` is there");
        prop_assert!(page.has_next, "the row at `before` is there");
    }

    #[test]
    fn bytes_that_are_no_position_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), orders in orders()) {
        if let Some(position) = Position::from_bytes(&bytes, &orders) {
            prop_assert_eq!(position.to_bytes(), bytes);
        }
    }
}

/// More rows than a chunk or a block holds, so that walks, runs, ranges and scans meet borders.
fn crowd() -> (Vec<User>, Arc<TenantIndex>) {
    let users: Vec<User> = (0..5_000).map(varied).collect();
    let index = told_index_of("one", &users);
    (users, index)
}

#[test]
fn a_crowd_is_filtered_ordered_and_paged_like_the_list() {
    let (users, index) = crowd();
    let tenants = [("one", users), ("two", Vec::new())];
    let text = |text, condition| UserFilter::Text(text, condition);
    let contains = |part: &str| TextCondition::Contains(Folded::new(part));
    let starts = |part: &str| TextCondition::StartsWith(Folded::new(part));
    let filters = [
        UserFilter::EVERYBODY,
        text(UserText::DisplayName, contains("son 12")),
        text(UserText::DisplayName, contains("strasse 1")),
        text(UserText::DisplayName, starts("PERSON 8")),
        text(UserText::DisplayName, starts("p")),
        text(UserText::UserPrincipalName, contains("99@")),
        UserFilter::Not(Box::new(text(UserText::UserPrincipalName, contains("1")))),
        text(
            UserText::UserPrincipalName,
            TextCondition::In([Folded::new("USER77@contoso.example")].into()),
        ),
        text(UserText::Department, starts("department number 1")),
    ];
    for filter in &filters {
        let selection = select(std::slice::from_ref(&index), filter, &[]);
        let users = selected(&tenants, filter, &[]);
        for field in crate::engine::orders::FIELDS {
            for direction in [OrderDirection::Ascending, OrderDirection::Descending] {
                let second = UserOrder {
                    field: UserOrderField::UserPrincipalName,
                    direction: OrderDirection::Ascending,
                };
                for orders in [
                    vec![UserOrder { field, direction }],
                    vec![UserOrder { field, direction }, second],
                ] {
                    check_some_pages(&selection, &in_order(&users, &orders), &orders);
                }
            }
        }
    }
}

#[test]
fn a_crowd_is_filtered_by_what_is_said_of_it() {
    let (users, index) = crowd();
    let tenants = [("one", users), ("two", Vec::new())];
    let filters = [
        UserFilter::ActivityState([ActivityState::Inactive].into()),
        UserFilter::Group([group_id(0), group_id(3)].into()),
        UserFilter::LastActiveOn(DayCondition::Within {
            from: Some(days_ago(10)),
            to: Some(days_ago(6)),
        }),
        UserFilter::LastActiveOn(DayCondition::Within {
            from: None,
            to: Some(days_ago(40)),
        }),
        UserFilter::Not(Box::new(UserFilter::LastSignInAt(TimeCondition::Within {
            from: Some(now() - jiff::SignedDuration::from_hours(24 * 60)),
            before: None,
        }))),
        UserFilter::WorkloadLastActiveOn(Workload::Teams, DayCondition::IsAbsent),
    ];
    for filter in &filters {
        let selection = select(std::slice::from_ref(&index), filter, &[]);
        let wanted = expected(&tenants, filter, &[], &[]);
        assert!(!wanted.is_empty() && wanted.len() < 5_000, "{filter:?}");
        assert_eq!(selection.count() as usize, wanted.len(), "{filter:?}");
        check_some_pages(&selection, &wanted, &[]);
    }
}

#[test]
fn a_dense_page_is_walked_in_few_steps_and_is_the_page_that_gathering_gives() {
    let (_, index) = crowd();
    let everybody = UserFilter::EVERYBODY;
    let selection = select(std::slice::from_ref(&index), &everybody, &[]);
    for field in crate::engine::orders::FIELDS {
        for direction in [OrderDirection::Ascending, OrderDirection::Descending] {
            let orders = [UserOrder { field, direction }];
            let walk = Walk {
                users: index.users(),
                tenant: index.key(),
                rows: &selection.parts[0].rows,
                orders: &orders,
            };
            for toward in [Toward::End, Toward::Start] {
                let walked = walk.walked(toward, None, 50, 50 * 34 + 32);
                let position = walk
                    .gathered(toward, None, 2_500)
                    .last()
                    .map(|row| UserRow::new(&index, *row).position(&orders));
                assert_eq!(walked, Some(walk.gathered(toward, None, 50)), "{orders:?}");
                let begin = position.as_ref().map(|position| Begin {
                    position,
                    is_included: true,
                });
                let walked = walk.walked(toward, begin, 50, 50 * 34 + 32);
                assert_eq!(walked, Some(walk.gathered(toward, begin, 50)), "{orders:?}");
            }
        }
    }
}

#[test]
fn most_values_of_a_property_at_once_are_still_not_the_absent_one() {
    let users: Vec<User> = (0..)
        .zip([Some("e"), Some("d"), None, Some("c"), Some("b"), Some("a")])
        .map(|(number, text)| User {
            department: text.map(str::to_owned),
            ..plain(number)
        })
        .collect();
    let index = index_of("one", &users);
    let count = |texts: &[&str], holds: bool| {
        let texts = texts.iter().map(|text| Folded::new(text)).collect();
        let is_in = UserFilter::Text(UserText::Department, TextCondition::In(texts));
        let filter = if holds {
            is_in
        } else {
            UserFilter::Not(Box::new(is_in))
        };
        select(std::slice::from_ref(&index), &filter, &[]).count()
    };
    assert_eq!(
        (
            count(&["a", "b", "c", "d", "e"], true),
            count(&["a", "b", "c", "d", "e"], false)
        ),
        (5, 1)
    );
    assert_eq!(
        (
            count(&["a", "c", "d", "e"], true),
            count(&["a", "c", "d", "e"], false)
        ),
        (4, 2)
    );
    assert_eq!(
        (count(&["a", "x"], true), count(&["a", "x"], false)),
        (1, 5)
    );
}

/// The first and the last pages, and one from the middle.
fn check_some_pages(selection: &UserSelection, wanted: &[String], orders: &[UserOrder]) {
    let size = 20;
    let page = |window| selection.page(orders, &window);
    let first = page(Window {
        size,
        ..Window::default()
    });
    assert_eq!(
        ids(&first.rows),
        wanted[..size.min(wanted.len())],
        "{orders:?}"
    );
    let last = page(Window {
        size,
        from_end: true,
        ..Window::default()
    });
    assert_eq!(
        ids(&last.rows),
        wanted[wanted.len().saturating_sub(size)..],
        "{orders:?}"
    );
    let middle = wanted.len() / 2;
    let Some(row) = page(Window {
        size: middle + 1,
        ..Window::default()
    })
    .rows
    .pop() else {
        return;
    };
    let behind = page(Window {
        size,
        after: cursor(&row, orders),
        ..Window::default()
    });
    assert_eq!(
        ids(&behind.rows),
        wanted[middle + 1..wanted.len().min(middle + 1 + size)],
        "{orders:?}"
    );
    let before = page(Window {
        size,
        from_end: true,
        before: cursor(&row, orders),
        ..Window::default()
    });
    assert_eq!(
        ids(&before.rows),
        wanted[middle.saturating_sub(size)..middle],
        "{orders:?}"
    );
}

#[test]
fn pages_read_across_a_sync_repeat_no_row_and_skip_none() {
    let (users, index) = crowd();
    let orders = [UserOrder {
        field: UserOrderField::Department,
        direction: OrderDirection::Descending,
    }];
    let mut index = index;
    let mut window = Window {
        size: 100,
        ..Window::default()
    };
    let mut shown = Vec::new();
    for round in 0u32.. {
        let page = select(std::slice::from_ref(&index), &UserFilter::EVERYBODY, &[])
            .page(&orders, &window);
        shown.extend(page.rows.iter().map(UserRow::object_id));
        if !page.has_next {
            break;
        }
        // The very row that the cursor names leaves, and others come.
        let last = page.rows.last().unwrap();
        window.after = cursor(last, &orders);
        let mut draft = index.draft();
        draft.remove(last.object_id());
        draft.merge(&varied(10_000 + round));
        index = published(&index, draft);
    }
    let of_old = |id| users.iter().any(|user| user.object_id == id);
    let mut old: Vec<_> = shown.iter().copied().filter(|id| of_old(*id)).collect();
    old.sort_unstable();
    let mut wanted: Vec<_> = users.iter().map(|user| user.object_id).collect();
    wanted.sort_unstable();
    assert_eq!(
        old, wanted,
        "everyone who was there all the time or left after being shown, once"
    );
    shown.sort_unstable();
    assert!(
        shown.is_sorted_by(|left, right| left < right),
        "nobody twice"
    );
}

#[test]
fn a_position_belongs_to_its_order() {
    let index = index_of("one", &[varied(1)]);
    let row = index.find(object_id(1)).unwrap();
    let order = |field, direction| [UserOrder { field, direction }];
    let by_name = order(UserOrderField::DisplayName, OrderDirection::Ascending);
    let bytes = row.position(&by_name).to_bytes();
    assert!(Position::from_bytes(&bytes, &by_name).is_some());
    assert!(
        Position::from_bytes(&bytes, &[]).is_some(),
        "what an order of none means"
    );
    assert_eq!(
        Position::from_bytes(
            &bytes,
            &order(UserOrderField::DisplayName, OrderDirection::Descending)
        ),
        None
    );
    assert_eq!(
        Position::from_bytes(
            &bytes,
            &order(UserOrderField::Department, OrderDirection::Ascending)
        ),
        None
    );
    assert_eq!(
        Position::from_bytes(&bytes[..bytes.len() - 4], &by_name),
        None,
        "the tenant is missing"
    );
    let debug = format!("{:?} {row:?}", row.position(&by_name));
    assert!(!debug.contains("erson"), "{debug}");
}

#[test]
fn nothing_is_found_where_there_are_no_tenants() {
    let selection = select(&[], &UserFilter::EVERYBODY, &[]);
    let page: Page<UserRow> = selection.page(
        &[],
        &Window {
            size: 5,
            ..Window::default()
        },
    );
    assert_eq!(
        (
            selection.count(),
            page.rows.len(),
            page.has_next,
            page.has_previous
        ),
        (0, 0, false, false)
    );
    assert!(
        selection
            .breakdown(UserDimension::Department, 5, GroupDetail::Count)
            .is_empty()
    );
}
