//! Lists, pages and sums of findings are those of the findings one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::findings::{decisions, holder};
use super::model::{at_prices, key, license, name, nothing, sku};
use super::told::{now, standings, tell};
use crate::domain::filter::{OrderDirection, UserDimension, UserFilter, UserFlag};
use crate::domain::finding::{
    Confidence, FindingKey, FindingKind, FindingState, KnownFinding, Saving, Totals,
};
use crate::domain::finding_filter::{
    FindingFilter, FindingOrder, FindingOrderField, FindingPosition,
};
use crate::domain::ids::{ObjectId, TenantKey};
use crate::domain::license::{License, SeatCounts};
use crate::domain::money::Sums;
use crate::domain::user::User;
use crate::engine::{
    FindingRow, FindingSelection, FindingWindow, GroupDetail, TenantIndex, TenantUpdate,
    UsersDraft, select, select_findings,
};

/// Of product 2 fewer seats are paid for than come free.
fn shelf() -> Vec<License> {
    let seats = |number| SeatCounts {
        enabled: [1_500, 1_300, 40, 1_400][number],
        consumed: 1_200,
        ..SeatCounts::default()
    };
    let licenses = (0..4).map(|number| License {
        seats: seats(number as usize),
        ..license(number)
    });
    licenses.collect()
}

fn followed(base: &TenantIndex, draft: UsersDraft, at: Timestamp) -> Arc<TenantIndex> {
    let update = TenantUpdate {
        licenses: Some(shelf()),
        users: Some(draft),
        standings: standings(),
        now: at,
        ..nothing()
    };
    at_prices(&base.updated(update, &name))
}

/// Two thirds of the users are judged two days before the others; then some of the former change, and some
/// go.
fn tenant(tenant: &str, count: u32) -> (Arc<TenantIndex>, Vec<User>) {
    let mut users: Vec<User> = (0..count)
        .map(|number| User {
            department: Some(format!("Department {}", number % 23)),
            ..holder(number)
        })
        .collect();
    let base = TenantIndex::remembering(key(tenant), decisions(), Vec::new());
    let mut draft = base.draft();
    for user in users.iter().take(count as usize * 2 / 3) {
        draft.merge(user);
        tell(&mut draft, user);
    }
    let first = followed(&base, draft, now() - SignedDuration::from_hours(48));
    let mut draft = first.draft();
    for user in users.iter().skip(count as usize * 2 / 3) {
        draft.merge(user);
        tell(&mut draft, user);
    }
    let second = followed(&first, draft, now());
    let mut draft = second.draft();
    for user in users.iter_mut().step_by(31) {
        user.account_enabled = !user.account_enabled;
        draft.merge(user);
        tell(&mut draft, user);
    }
    for user in users.drain(10..40) {
        draft.remove(user.object_id);
    }
    (followed(&second, draft, now()), users)
}

/// A finding, and whose it is.
type Listed = (TenantKey, KnownFinding);

struct Scene {
    tenants: Vec<Arc<TenantIndex>>,
    disabled: BTreeSet<ObjectId>,
    all: Vec<Listed>,
}

fn scene() -> Scene {
    let (one, mut users) = tenant("one", 2_600);
    let (two, others) = tenant("two", 300);
    users.extend(others);
    let tenants = vec![one, two];
    let selection = select_findings(&tenants, &FindingFilter::And(Vec::new()), &[]);
    let disabled = users.iter().filter(|user| !user.account_enabled);
    Scene {
        disabled: disabled.map(|user| user.object_id).collect(),
        all: listed(&selection),
        tenants,
    }
}

fn told(row: &FindingRow) -> Listed {
    (row.tenant().key().clone(), row.known().clone())
}

fn listed(selection: &FindingSelection) -> Vec<Listed> {
    let rows = (0..selection.count()).map(|place| selection.row(place));
    rows.map(|row| told(&row.expect("a finding"))).collect()
}

fn position((tenant, known): &Listed) -> FindingPosition {
    FindingPosition {
        monthly_savings: FindingPosition::savings(known.finding.saving),
        first_seen_on: known.first_seen_on,
        key: known.finding.key,
        tenant: tenant.clone(),
    }
}

impl Scene {
    /// The meaning of the filters that are tried.
    fn holds(&self, filter: &FindingFilter, listed: &Listed) -> bool {
        let (tenant, known) = listed;
        let key = &known.finding.key;
        let is_there = |user| {
            let tenants = self.tenants.iter().filter(|own| own.key() == tenant);
            tenants.into_iter().any(|own| own.find(user).is_some())
        };
        match filter {
            FindingFilter::And(parts) => parts.iter().all(|part| self.holds(part, listed)),
            FindingFilter::Or(parts) => parts.iter().any(|part| self.holds(part, listed)),
            FindingFilter::Not(part) => !self.holds(part, listed),
            FindingFilter::Id(ids) => ids.get(tenant).is_some_and(|keys| keys.contains(key)),
            FindingFilter::Kind(kinds) => kinds.contains(&key.kind),
            FindingFilter::State(states) => states.contains(&known.state),
            FindingFilter::Confidence(own) => own.contains(&known.finding.confidence),
            FindingFilter::Tenant(keys) => keys.contains(tenant),
            FindingFilter::License(ids) => {
                let own = ids.get(tenant).zip(key.sku);
                own.is_some_and(|(own, sku)| own.contains(&sku))
            }
            // The one that is asked for.
            FindingFilter::User(_) => key
                .user
                .is_some_and(|user| is_there(user) && self.disabled.contains(&user)),
        }
    }

    fn filters(&self) -> Vec<FindingFilter> {
        let disabled = || FindingFilter::User(UserFilter::Flag(UserFlag::AccountEnabled, false));
        let kind = |kind| FindingFilter::Kind([kind].into());
        let one = |number| FindingFilter::License([(key("one"), [sku(number)].into())].into());
        let some = |step| -> BTreeMap<TenantKey, BTreeSet<FindingKey>> {
            let mut keys: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
            for (tenant, known) in self.all.iter().step_by(step) {
                keys.entry(tenant.clone())
                    .or_default()
                    .insert(known.finding.key);
            }
            keys
        };
        vec![
            FindingFilter::And(Vec::new()),
            FindingFilter::Or(Vec::new()),
            kind(FindingKind::DisabledAccount),
            FindingFilter::State([FindingState::Realized].into()),
            FindingFilter::Not(Box::new(FindingFilter::Confidence(
                [Confidence::High].into(),
            ))),
            FindingFilter::Tenant([key("two")].into()),
            one(2),
            disabled(),
            FindingFilter::Not(Box::new(disabled())),
            FindingFilter::Or(vec![disabled(), one(1)]),
            FindingFilter::And(vec![disabled(), one(0), kind(FindingKind::DisabledAccount)]),
            FindingFilter::Or(vec![
                FindingFilter::Not(Box::new(FindingFilter::Or(vec![disabled(), one(3)]))),
                kind(FindingKind::UnassignedSeats),
            ]),
            FindingFilter::Id(some(97)),
            FindingFilter::Not(Box::new(FindingFilter::Id(some(2)))),
        ]
    }

    fn selected(&self, filter: &FindingFilter, orders: &[FindingOrder]) -> Vec<Listed> {
        let all = self.all.iter().filter(|own| self.holds(filter, own));
        let mut selected: Vec<_> = all.cloned().collect();
        selected.sort_by(|one, other| position(one).compare(&position(other), orders));
        selected
    }

    fn totals(&self, selected: &[Listed]) -> Totals {
        let mut totals = Totals::default();
        for tenant in &self.tenants {
            let own = selected.iter().filter(|(key, _)| key == tenant.key());
            let own = own.map(|(_, known)| known);
            totals.add_all(&Totals::of(own, |sku| tenant.monthly_spend(sku)));
        }
        totals
    }
}

fn orders() -> Vec<Vec<FindingOrder>> {
    use FindingOrderField::{FirstSeenOn, Kind, MonthlySavings};
    use OrderDirection::{Ascending, Descending};
    let order = |field, direction| FindingOrder { field, direction };
    vec![
        vec![order(MonthlySavings, Descending)],
        vec![order(MonthlySavings, Ascending)],
        vec![order(FirstSeenOn, Descending)],
        vec![order(Kind, Descending), order(MonthlySavings, Ascending)],
        vec![
            order(MonthlySavings, Descending),
            order(FirstSeenOn, Ascending),
        ],
        vec![order(FirstSeenOn, Ascending), order(Kind, Ascending)],
    ]
}

#[test]
fn a_list_of_findings_has_what_its_filter_means_in_its_order() {
    let scene = scene();
    for state in [FindingState::Open, FindingState::Realized] {
        assert!(
            scene
                .all
                .iter()
                .filter(|(_, own)| own.state == state)
                .count()
                > 10
        );
    }
    let days: BTreeSet<_> = scene.all.iter().map(|(_, own)| own.first_seen_on).collect();
    assert_eq!(days.len(), 2);
    for filter in &scene.filters() {
        for orders in &orders() {
            let selection = select_findings(&scene.tenants, filter, orders);
            let expected = scene.selected(filter, orders);
            assert_eq!(selection.count(), expected.len(), "{filter:?}");
            let keys = |listed: &[Listed]| -> Vec<_> { listed.iter().map(position).collect() };
            assert!(
                keys(&listed(&selection)) == keys(&expected),
                "{filter:?} {orders:?}"
            );
        }
    }
}

/// Goes through a list page by page, from one end.
fn check_pages(selection: &FindingSelection, expected: &[Listed], size: usize, from_end: bool) {
    let mut window = FindingWindow {
        size,
        from_end,
        ..FindingWindow::default()
    };
    let mut met = 0;
    loop {
        let page = selection.page(&window);
        let rest = expected.len() - met;
        let shown = rest.min(size);
        let range = match from_end {
            true => rest - shown..rest,
            false => met..met + shown,
        };
        let rows: Vec<_> = page.rows.iter().map(told).collect();
        assert!(
            rows == expected[range.clone()],
            "{range:?} of {}",
            expected.len()
        );
        assert_eq!(page.has_previous, range.start > 0, "{range:?}");
        assert_eq!(page.has_next, range.end < expected.len(), "{range:?}");
        met += shown;
        if met == expected.len() {
            break;
        }
        match from_end {
            true => window.before = page.rows.first().map(FindingRow::position),
            false => window.after = page.rows.last().map(FindingRow::position),
        }
    }
}

#[test]
fn pages_of_findings_in_both_directions_are_the_whole_list() {
    let scene = scene();
    for filter in &scene.filters() {
        for orders in &orders() {
            let selection = select_findings(&scene.tenants, filter, orders);
            let expected = scene.selected(filter, orders);
            for size in [expected.len() / 5 + 1, expected.len().max(1)] {
                check_pages(&selection, &expected, size, false);
                check_pages(&selection, &expected, size, true);
            }
        }
    }
}

#[test]
fn a_window_of_findings_shows_what_is_between_two_places() {
    let scene = scene();
    let filter = FindingFilter::Not(Box::new(FindingFilter::State(
        [FindingState::Exempt].into(),
    )));
    for orders in &orders() {
        let selection = select_findings(&scene.tenants, &filter, orders);
        let expected = scene.selected(&filter, orders);
        let places = [0, 1, 7, expected.len() / 2, expected.len() - 1];
        for (after, before) in places
            .iter()
            .flat_map(|one| places.map(|other| (*one, other)))
        {
            for from_end in [false, true] {
                let page = selection.page(&FindingWindow {
                    size: 4,
                    from_end,
                    after: Some(position(&expected[after])),
                    before: Some(position(&expected[before])),
                });
                let inside = expected.get(after + 1..before).unwrap_or_default();
                let surplus = inside.len().saturating_sub(4);
                let wanted = match from_end {
                    true => &inside[surplus..],
                    false => &inside[..inside.len() - surplus],
                };
                let rows: Vec<_> = page.rows.iter().map(told).collect();
                assert!(rows == wanted, "{after} to {before}");
                assert!(page.has_previous, "the one at `after` is there");
                let is_more = after < expected.len() - 1;
                assert_eq!(page.has_next, is_more, "{after} to {before}");
            }
        }
    }
}

#[test]
fn sums_of_findings_are_those_of_each() {
    let scene = scene();
    for filter in &scene.filters() {
        let selection = select_findings(&scene.tenants, filter, &[]);
        let expected = scene.totals(&scene.selected(filter, &[]));
        assert_eq!(selection.totals(), expected, "{filter:?}");
    }
    let totals = scene.totals(&scene.all);
    assert_eq!(totals.monthly_savings.totals().len(), 2, "EUR and CHF");
    assert!(!totals.monthly_savings_realized.totals().is_empty());
    assert!(totals.unpriced_seats > 0, "product 3 has no price");
}

#[test]
fn what_a_license_would_save_is_the_sum_of_its_findings() {
    let scene = scene();
    for tenant in &scene.tenants {
        for number in 0..5 {
            let own = |(of, known): &&Listed| {
                of == tenant.key() && known.finding.key.sku == Some(sku(number))
            };
            let all: Vec<&KnownFinding> = scene
                .all
                .iter()
                .filter(own)
                .map(|(_, known)| known)
                .collect();
            let totals = Totals::of(all.iter().copied(), |sku| tenant.monthly_spend(sku));
            let expected = match number {
                3 | 4 => None, // Without a price.
                _ => totals.monthly_savings.only(),
            };
            assert_eq!(tenant.monthly_savings(sku(number)), expected, "{number}");
            let frees = |known: &&&KnownFinding| {
                known.state == FindingState::Open
                    && known.finding.confidence == Confidence::High
                    && known.finding.key.kind != FindingKind::Downgrade
                    && known.finding.key.user.is_some()
                    && known.finding.saving != Saving::Nothing
            };
            let freed = all.iter().filter(frees).count();
            assert_eq!(
                tenant.reclaimable_seats(sku(number)) as usize,
                freed,
                "{number}"
            );
        }
        let spend = tenant.monthly_spend(sku(2));
        assert_eq!(
            tenant.monthly_savings(sku(2)),
            spend,
            "not more than is paid"
        );
    }
}

#[test]
fn what_groups_of_users_would_save_is_the_sum_of_their_findings() {
    let scene = scene();
    let someone = UserFilter::Not(Box::new(UserFilter::License(sku(1))));
    let users = select(&scene.tenants, &someone, &[]);
    let of = |dimension: UserDimension, tenant: &Arc<TenantIndex>, user: ObjectId| {
        let row = tenant.find(user).expect("who is there");
        match dimension {
            UserDimension::Department => row.department().map(str::to_owned),
            UserDimension::Tenant => Some(tenant.key().to_string()),
            _ => Some(row.account_enabled().to_string()),
        }
    };
    for dimension in [
        UserDimension::Department,
        UserDimension::Tenant,
        UserDimension::AccountEnabled,
    ] {
        let groups = users.breakdown(dimension, 100, GroupDetail::Count);
        assert!(groups.len() > 1);
        for (group, sums) in groups.iter().zip(users.savings_of(dimension, &groups)) {
            let mut expected = Sums::default();
            for (key, known) in &scene.all {
                let tenants = scene.tenants.iter().filter(|own| own.key() == key);
                let tenant = tenants.into_iter().next().expect("a tenant");
                let user = known.finding.key.user;
                let user = user.filter(|user| tenant.find(*user).is_some());
                let is_open = known.state == FindingState::Open
                    && known.finding.confidence != Confidence::Low;
                let (Some(user), Saving::Monthly(money), true) =
                    (user, known.finding.saving, is_open)
                else {
                    continue;
                };
                let holds = tenant
                    .users()
                    .assignments()
                    .has_seat(tenant.users().find(user).expect("who is there"), sku(1));
                if !holds && of(dimension, tenant, user) == group.key {
                    expected.add(money);
                }
            }
            assert_eq!(sums, expected, "{:?}", group.key);
        }
    }
}

#[test]
fn a_verdict_that_nobody_has_is_forgotten_once_they_are_many() {
    let (index, _) = tenant("one", 300);
    let before = index.findings().verdict_count();
    let mut index = (*index).clone();
    // Every price makes verdicts of its own.
    for price in 1..900 {
        index = super::model::at_yearly_price(&index, price);
    }
    let after = index.findings().verdict_count();
    assert!(after > before && after < 4_096 + 200, "{after} verdicts");
    let tenants = [Arc::new(index)];
    let all = select_findings(&tenants, &FindingFilter::And(Vec::new()), &[]);
    let totals = Totals::of(listed(&all).iter().map(|(_, known)| known), |sku| {
        tenants[0].monthly_spend(sku)
    });
    assert_eq!(all.totals(), totals);
    assert!(all.count() > 100);
}
