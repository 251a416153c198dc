//! Invented users, and the same questions answered from a list of them, one by one.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::catalog::{LicenseName, NameSource};
use crate::domain::declared::Declared;
use crate::domain::filter::*;
use crate::domain::ids::{ObjectId, PlanId, PriceId, SkuId, TenantKey};
use crate::domain::license::{License, SeatCounts, ServicePlan};
use crate::domain::money::BillingPeriod;
use crate::domain::prices::{Price, ToldPrice};
use crate::domain::text::{Folded, fold, words};
use crate::domain::user::*;
use crate::engine::{TenantIndex, TenantUpdate, UsersDraft};

use super::told::*;

/// Names of four products; two of them share one.
const NAMES: [&str; 4] = ["Suite", "suite", "Mail", "Visio"];

/// Their service plans; that of the last is one that nobody knows.
const PLANS: [&[(u128, &str)]; 4] = [
    &[(0, "EXCHANGE_S_ENTERPRISE"), (1, "TEAMS1")],
    &[(2, "SHAREPOINTENTERPRISE")],
    &[(0, "EXCHANGE_S_STANDARD")],
    &[(1, "VISIO_CLIENT_SUBSCRIPTION")],
];

/// What they cost a year.
const PRICES: [Option<(u32, &str)>; 4] = [
    Some((432, "EUR")),
    Some((25, "EUR")),
    Some((77, "CHF")),
    None,
];

fn price(number: u128, yearly: u32, currency: &str) -> Price {
    let told = ToldPrice {
        tenant: None,
        subscription: None,
        sku_id: sku(number),
        segment: None,
        amount: yearly.into(),
        currency,
        per: BillingPeriod::Year,
        valid_from: Date::constant(2000, 1, 1),
        valid_to: None,
        source: None,
    };
    Price::new(PriceId(Uuid::from_u128(number)), told).unwrap()
}

/// What the operator told of it.
pub(super) fn prices() -> Arc<Declared> {
    let mut declared = Declared::default();
    let told = (0..).zip(&PRICES);
    let told = told.filter_map(|(number, told)| told.map(|told| (number, told)));
    for (number, (yearly, currency)) in told {
        let price = price(number, yearly, currency);
        declared.prices = Arc::new(declared.prices.with(price).unwrap());
    }
    Arc::new(declared)
}

/// An index after product 0 took another price.
pub(super) fn at_yearly_price(index: &TenantIndex, yearly: u32) -> TenantIndex {
    let today = now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut declared = Declared::default();
    let price = price(0, yearly, "EUR");
    declared.prices = Arc::new(declared.prices.with(price).unwrap());
    index.priced(&Arc::new(declared), today)
}

/// An index as a world shows it.
pub(super) fn at_prices(index: &TenantIndex) -> Arc<TenantIndex> {
    let today = now().to_zoned(jiff::tz::TimeZone::UTC).date();
    Arc::new(index.priced(&prices(), today))
}

pub(super) fn assigned(number: u128) -> LicenseAssignment {
    LicenseAssignment {
        sku_id: sku(number),
        state: AssignmentState::Active,
        error: None,
        assigned_directly: true,
        assigned_by_groups: Vec::new(),
        disabled_plans: Vec::new(),
        last_updated_at: None,
    }
}

pub(super) fn key(text: &str) -> TenantKey {
    TenantKey::parse(text).unwrap()
}

pub(super) fn object_id(number: u32) -> ObjectId {
    // Not in order of number, so that no test passes because rows are in order of id.
    ObjectId(Uuid::from_u128(
        u128::from(number.wrapping_mul(2_654_435_761)) << 32 | u128::from(number),
    ))
}

pub(super) fn sku(number: u128) -> SkuId {
    SkuId(Uuid::from_u128(number + 1))
}

pub(super) fn name(id: SkuId, _part_number: &str) -> LicenseName {
    let number = id.0.as_u128() as usize - 1;
    LicenseName {
        text: NAMES.get(number).map_or("Other", |name| name).to_owned(),
        source: NameSource::Catalog,
    }
}

pub(super) fn license(number: u128) -> License {
    License {
        sku_id: sku(number),
        part_number: format!("PART_{number}"),
        status: "Enabled".to_owned(),
        is_company_wide: false,
        seats: SeatCounts::default(),
        service_plans: PLANS
            .get(number as usize)
            .map_or(&[][..], |plans| plans)
            .iter()
            .map(|(plan, value)| ServicePlan {
                plan_id: PlanId(Uuid::from_u128(*plan)),
                value: (*value).to_owned(),
            })
            .collect(),
    }
}

/// A user with nothing but what must be there.
pub(super) fn plain(number: u32) -> User {
    User {
        object_id: object_id(number),
        user_principal_name: format!("user{number}@contoso.example"),
        display_name: None,
        mail: None,
        employee_id: None,
        employee_type: None,
        job_title: None,
        department: None,
        company_name: None,
        office_location: None,
        country: None,
        usage_location: None,
        user_type: UserType::Member,
        is_resource_account: false,
        account_enabled: true,
        created_at: None,
        hired_on: None,
        is_synced_from_on_premises: false,
        manager: None,
        assignments: Vec::new(),
    }
}

pub(super) fn some_text() -> impl Strategy<Value = Option<String>> {
    let texts = [
        "Ann Lee",
        "ann lee",
        "ANN",
        "Bo",
        "Straße 1",
        "strasse 1",
        "École",
        " Cy ",
        "a.b-c@d",
        "1007",
        "Zoë Ann",
    ];
    prop::option::weighted(
        0.8,
        prop::sample::select(texts.to_vec()).prop_map(str::to_owned),
    )
}

pub(super) fn some_time() -> impl Strategy<Value = Option<Timestamp>> {
    let nanosecond = prop_oneof![4 => Just(0), 1 => 0..1_000_000_000];
    let time = (0..5i64, nanosecond).prop_map(|(day, nanosecond)| {
        Timestamp::new(1_700_000_000 + day * 86_400, nanosecond).unwrap()
    });
    prop::option::weighted(0.8, time)
}

fn assignment(number: u128) -> impl Strategy<Value = LicenseAssignment> {
    let state = prop::sample::select(vec![AssignmentState::Active, AssignmentState::Error]);
    let error = prop::option::of(Just("CountViolation".to_owned()));
    let groups = prop::collection::vec((0..3u32).prop_map(object_id), 0..2);
    let plans = prop::collection::vec(
        (0..3u128).prop_map(|plan| PlanId(Uuid::from_u128(plan))),
        0..2,
    );
    (state, error, any::<bool>(), groups, plans, some_time()).prop_map(
        move |(
            state,
            error,
            assigned_directly,
            assigned_by_groups,
            disabled_plans,
            last_updated_at,
        )| LicenseAssignment {
            sku_id: sku(number),
            state,
            error,
            assigned_directly,
            assigned_by_groups,
            disabled_plans,
            last_updated_at,
        },
    )
}

fn assignments() -> impl Strategy<Value = Vec<LicenseAssignment>> {
    let each = |number| prop::option::weighted(0.3, assignment(number));
    (each(0), each(1), each(2), each(3), each(4)).prop_map(|(one, two, three, four, five)| {
        [one, two, three, four, five]
            .into_iter()
            .flatten()
            .collect()
    })
}

/// A user, one of `count`, with a state that another draw of the same number may change.
pub(super) fn user(count: u32) -> impl Strategy<Value = User> {
    let texts = prop::collection::vec(some_text(), 9);
    let flags = prop::array::uniform4(any::<bool>());
    let facts = (
        prop::sample::select(UserType::ALL.to_vec()),
        flags,
        some_time(),
        prop::option::of((1..28i8).prop_map(|day| Date::constant(2020, 2, day))),
        prop::option::of((0..count + 2).prop_map(object_id)),
    );
    (0..count, texts, facts, assignments()).prop_map(|(number, texts, facts, assignments)| {
        let mut texts = texts.into_iter();
        let mut next = || texts.next().flatten();
        let (
            user_type,
            [is_resource_account, account_enabled, synced, same_mail],
            created_at,
            hired_on,
            manager,
        ) = facts;
        let user_principal_name = next().unwrap_or_else(|| format!("User{number}@x"));
        let own_mail = next();
        User {
            object_id: object_id(number),
            mail: if same_mail {
                Some(user_principal_name.clone())
            } else {
                own_mail
            },
            user_principal_name,
            display_name: next(),
            employee_id: next(),
            employee_type: next(),
            job_title: next(),
            department: next(),
            company_name: next(),
            office_location: next(),
            country: Some("NO".to_owned()).filter(|_| synced),
            usage_location: None,
            user_type,
            is_resource_account,
            account_enabled,
            created_at,
            hired_on,
            is_synced_from_on_premises: synced,
            manager,
            assignments,
        }
    })
}

pub(super) fn users(count: u32, most: usize) -> impl Strategy<Value = Vec<User>> {
    prop::collection::vec(user(count), 0..most).prop_map(|users| {
        let by_id: BTreeMap<ObjectId, User> = users
            .into_iter()
            .map(|user| (user.object_id, user))
            .collect();
        by_id.into_values().collect()
    })
}

pub(super) fn published(base: &TenantIndex, draft: UsersDraft) -> Arc<TenantIndex> {
    let update = TenantUpdate {
        users: Some(draft),
        ..nothing()
    };
    at_prices(&base.updated(update, &name))
}

/// An update that keeps everything.
pub(super) fn nothing() -> TenantUpdate {
    TenantUpdate {
        organization: None,
        licenses: None,
        users: None,
        groups: None,
        subscriptions: None,
        history: None,
        standings: Vec::new(),
        as_of: None,
        now: now(),
    }
}

/// The users, and of each what [`facts_of`] says.
pub(super) fn told_index_of(tenant: &str, users: &[User]) -> Arc<TenantIndex> {
    let base = TenantIndex::empty(key(tenant));
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

pub(super) fn index_of(tenant: &str, users: &[User]) -> Arc<TenantIndex> {
    let base = TenantIndex::empty(key(tenant));
    let mut draft = base.draft();
    for user in users {
        draft.merge(user);
    }
    let update = TenantUpdate {
        licenses: Some((0..4).map(license).collect()),
        users: Some(draft),
        ..nothing()
    };
    at_prices(&base.updated(update, &name))
}

fn part_number(id: SkuId) -> String {
    let number = id.0.as_u128() - 1;
    if number < 4 {
        format!("PART_{number}")
    } else {
        id.to_string()
    }
}

fn text_of(user: &User, text: UserText) -> Option<&str> {
    match text {
        UserText::UserPrincipalName => return Some(&user.user_principal_name),
        UserText::Department => &user.department,
        UserText::DisplayName => &user.display_name,
        UserText::Mail => &user.mail,
        UserText::EmployeeId => &user.employee_id,
        UserText::JobTitle => &user.job_title,
        UserText::CompanyName => &user.company_name,
        UserText::OfficeLocation => &user.office_location,
        UserText::Country => &user.country,
        UserText::UsageLocation => &user.usage_location,
        UserText::EmployeeType => &user.employee_type,
    }
    .as_deref()
}

/// The assignments that take a seat.
pub(super) fn held(user: &User) -> impl Iterator<Item = &LicenseAssignment> {
    user.assignments.iter().filter(|one| one.holds_seat())
}

/// Whether a filter holds for a user: the meaning, without any index.
pub(super) fn holds(filter: &UserFilter, tenant: &Tenant, user: &User) -> bool {
    let list = |condition: &ListCondition, text: &dyn Fn(&LicenseAssignment) -> String| {
        let has = |wanted: &Folded| held(user).any(|held| fold(&text(held)) == wanted.as_str());
        match condition {
            ListCondition::HasSome(wanted) => wanted.iter().any(has),
            ListCondition::HasEvery(wanted) => wanted.iter().all(has),
            ListCondition::HasNone(wanted) => !wanted.iter().any(has),
            ListCondition::IsEmpty => held(user).next().is_none(),
        }
    };
    match filter {
        UserFilter::And(parts) => parts.iter().all(|part| holds(part, tenant, user)),
        UserFilter::Or(parts) => parts.iter().any(|part| holds(part, tenant, user)),
        UserFilter::Not(inner) => !holds(inner, tenant, user),
        UserFilter::Text(text, condition) => {
            condition.holds(text_of(user, *text).map(fold).as_deref())
        }
        UserFilter::Flag(UserFlag::ResourceAccount, value) => user.is_resource_account == *value,
        UserFilter::Flag(UserFlag::AccountEnabled, value) => user.account_enabled == *value,
        UserFilter::Flag(UserFlag::SyncedFromOnPremises, value) => {
            user.is_synced_from_on_premises == *value
        }
        UserFilter::UserType(types) => types.contains(&user.user_type),
        UserFilter::LicenseNames(condition) => list(condition, &|held| name(held.sku_id, "").text),
        UserFilter::LicenseValues(condition) => list(condition, &|held| part_number(held.sku_id)),
        UserFilter::License(id) => held(user).any(|held| held.sku_id == *id),
        UserFilter::Tenant(keys) => keys.contains(&tenant.key),
        UserFilter::CreatedAt(condition) => meets_time(*condition, user.created_at),
        UserFilter::Group(groups) => groups_of(user).iter().any(|group| groups.contains(group)),
        UserFilter::ActivityState(states) => states.contains(&state_of(tenant, user)),
        UserFilter::Finding(_) => false, // What the rules find is tested apart.
        UserFilter::LastActiveOn(condition) => meets_day(*condition, last_active_on(user)),
        UserFilter::LastSignInAt(condition) => meets_time(*condition, succeeded_at(user)),
        UserFilter::WorkloadLastActiveOn(workload, condition) => {
            meets_day(*condition, workload_last_active_on(user, *workload))
        }
    }
}

fn meets_time(condition: TimeCondition, at: Option<Timestamp>) -> bool {
    match condition {
        TimeCondition::IsAbsent => at.is_none(),
        TimeCondition::Within { from, before } => at.is_some_and(|at| {
            from.is_none_or(|from| at >= from) && before.is_none_or(|before| at < before)
        }),
    }
}

fn meets_day(condition: DayCondition, on: Option<Date>) -> bool {
    match condition {
        DayCondition::IsAbsent => on.is_none(),
        DayCondition::Within { from, to } => {
            on.is_some_and(|on| from.is_none_or(|from| on >= from) && to.is_none_or(|to| on <= to))
        }
    }
}

/// Whether every word of a search is found.
pub(super) fn is_found(search: &[Folded], user: &User) -> bool {
    let texts = [
        user.display_name.as_deref(),
        Some(&user.user_principal_name),
        user.mail.as_deref(),
        user.employee_id.as_deref(),
    ];
    let folded: Vec<String> = texts.into_iter().flatten().map(fold).collect();
    let begins = |word: &Folded| {
        folded
            .iter()
            .flat_map(|text| words(text))
            .any(|own| own.starts_with(word.as_str()))
    };
    search.iter().all(begins)
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Sorted {
    Text(String),
    Time(Timestamp),
    Count(usize),
    Day(Date),
    /// Of a year, which is a whole number.
    Amount(&'static str, u32),
}

/// What all licenses that have a price cost, in one currency.
fn cost(user: &User) -> Option<Sorted> {
    let prices = held(user).filter_map(|held| {
        let number = held.sku_id.0.as_u128() as usize - 1;
        PRICES.get(number).copied().flatten()
    });
    let prices: Vec<(u32, &str)> = prices.collect();
    let (_, currency) = *prices.first()?;
    let is_one = prices.iter().all(|(_, own)| *own == currency);
    let sum = prices.iter().map(|(yearly, _)| yearly).sum();
    is_one.then_some(Sorted::Amount(currency, sum))
}

/// What a user is sorted by.
type Keys = Vec<(Option<Sorted>, OrderDirection)>;

fn keys(orders: &[UserOrder], user: &User) -> Keys {
    let text = |text: &str| Sorted::Text(fold(text));
    let key = |field| match field {
        UserOrderField::DisplayName => user.display_name.as_deref().map(text),
        UserOrderField::UserPrincipalName => Some(text(&user.user_principal_name)),
        UserOrderField::Department => user.department.as_deref().map(text),
        UserOrderField::CreatedAt => user.created_at.map(Sorted::Time),
        UserOrderField::LicenseCount => Some(Sorted::Count(held(user).count())),
        UserOrderField::LastActiveOn => last_active_on(user).map(Sorted::Day),
        UserOrderField::MonthlyCost => cost(user),
    };
    orders
        .iter()
        .map(|order| (key(order.field), order.direction))
        .collect()
}

fn compare(left: &Keys, right: &Keys) -> Ordering {
    let pairs = left.iter().zip(right);
    let mut by_keys = pairs.map(|((left, direction), (right, _))| match (left, right) {
        (Some(left), Some(right)) if *direction == OrderDirection::Descending => right.cmp(left),
        (Some(left), Some(right)) => left.cmp(right),
        (left, right) => left.is_none().cmp(&right.is_none()),
    });
    by_keys
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Users of some tenants in an order.
pub(super) fn sorted<'a>(
    orders: &[UserOrder],
    users: impl IntoIterator<Item = (&'a str, &'a User)>,
) -> Vec<(&'a str, &'a User)> {
    let keyed = users
        .into_iter()
        .map(|(tenant, user)| (keys(orders, user), user.object_id, tenant, user));
    let mut keyed: Vec<_> = keyed.collect();
    keyed.sort_by(|left, right| {
        let by_keys = compare(&left.0, &right.0);
        by_keys.then_with(|| (left.1, left.2).cmp(&(right.1, right.2)))
    });
    keyed
        .into_iter()
        .map(|(_, _, tenant, user)| (tenant, user))
        .collect()
}
