//! Invented filters, searches and orders.

use jiff::civil::Date;
use proptest::prelude::*;

use crate::domain::filter::*;
use crate::domain::text::Folded;
use crate::domain::usage::{ActivityState, Workload};
use crate::domain::user::UserType;

use super::model::*;
use super::told::*;

fn folded_text() -> impl Strategy<Value = Folded> {
    let texts = [
        "ann",
        "ann lee",
        "STRASSE 1",
        "a",
        "e",
        "",
        "x",
        "cy",
        "école",
        "user",
        "1",
        "no",
        "a.b-c@d",
        "ï",
    ];
    prop::sample::select(texts.to_vec()).prop_map(Folded::new)
}

pub(super) fn search() -> impl Strategy<Value = Vec<Folded>> {
    prop::collection::vec(folded_text(), 0..3)
}

fn text_condition() -> impl Strategy<Value = TextCondition> {
    prop_oneof![
        prop::collection::btree_set(folded_text(), 0..4).prop_map(TextCondition::In),
        folded_text().prop_map(TextCondition::Contains),
        folded_text().prop_map(TextCondition::StartsWith),
        Just(TextCondition::IsAbsent),
    ]
}

fn list_condition() -> impl Strategy<Value = ListCondition> {
    let texts = [
        "suite", "mail", "visio", "other", "nothing", "part_0", "part_1",
    ]
    .map(Folded::new);
    let some = prop::collection::btree_set(prop::sample::select(texts.to_vec()), 0..3);
    prop_oneof![
        some.clone().prop_map(ListCondition::HasSome),
        some.clone().prop_map(ListCondition::HasEvery),
        some.prop_map(ListCondition::HasNone),
        Just(ListCondition::IsEmpty),
    ]
}

fn day_condition() -> impl Strategy<Value = DayCondition> {
    let ends = [Date::MIN, Date::ZERO, Date::MAX, Date::constant(2149, 6, 6)];
    let day = prop_oneof![
        5 => (0..200i64).prop_map(days_ago),
        1 => prop::sample::select(ends.to_vec()),
    ];
    let within = (prop::option::of(day.clone()), prop::option::of(day));
    prop_oneof![
        4 => within.prop_map(|(from, to)| DayCondition::Within { from, to }),
        1 => Just(DayCondition::IsAbsent),
    ]
}

fn sign_in_condition() -> impl Strategy<Value = TimeCondition> {
    let time = (0..200i64).prop_map(|days| now() - jiff::SignedDuration::from_hours(24 * days));
    let within = (prop::option::of(time.clone()), prop::option::of(time));
    prop_oneof![
        4 => within.prop_map(|(from, before)| TimeCondition::Within { from, before }),
        1 => Just(TimeCondition::IsAbsent),
    ]
}

fn leaf() -> impl Strategy<Value = UserFilter> {
    let text = prop::sample::select(vec![
        UserText::Department,
        UserText::UserPrincipalName,
        UserText::DisplayName,
        UserText::Mail,
        UserText::EmployeeId,
        UserText::JobTitle,
        UserText::CompanyName,
        UserText::OfficeLocation,
        UserText::Country,
        UserText::UsageLocation,
        UserText::EmployeeType,
    ]);
    let flag = prop::sample::select(vec![
        UserFlag::ResourceAccount,
        UserFlag::AccountEnabled,
        UserFlag::SyncedFromOnPremises,
    ]);
    let types = prop::collection::btree_set(prop::sample::select(UserType::ALL.to_vec()), 0..3);
    let tenants =
        prop::collection::btree_set(prop::sample::select(vec![key("one"), key("two")]), 0..2);
    let states =
        prop::collection::btree_set(prop::sample::select(ActivityState::ALL.to_vec()), 0..4);
    prop_oneof![
        5 => (text, text_condition()).prop_map(|(text, condition)| UserFilter::Text(text, condition)),
        1 => (flag, any::<bool>()).prop_map(|(flag, value)| UserFilter::Flag(flag, value)),
        1 => types.prop_map(UserFilter::UserType),
        1 => list_condition().prop_map(UserFilter::LicenseNames),
        1 => list_condition().prop_map(UserFilter::LicenseValues),
        1 => tenants.prop_map(UserFilter::Tenant),
        1 => (some_time(), some_time()).prop_map(|(from, before)| UserFilter::CreatedAt(TimeCondition::Within { from, before })),
        1 => Just(UserFilter::CreatedAt(TimeCondition::IsAbsent)),
        1 => prop::collection::btree_set((0..5u32).prop_map(group_id), 0..3).prop_map(UserFilter::Group),
        1 => states.prop_map(UserFilter::ActivityState),
        1 => day_condition().prop_map(UserFilter::LastActiveOn),
        1 => sign_in_condition().prop_map(UserFilter::LastSignInAt),
        1 => (prop::sample::select(Workload::ALL.to_vec()), day_condition())
            .prop_map(|(workload, condition)| UserFilter::WorkloadLastActiveOn(workload, condition)),
    ]
}

pub(super) fn filter() -> impl Strategy<Value = UserFilter> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(UserFilter::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(UserFilter::Or),
            inner.prop_map(|inner| UserFilter::Not(Box::new(inner))),
        ]
    })
}

pub(super) fn orders() -> impl Strategy<Value = Vec<UserOrder>> {
    let field = prop::sample::select(crate::engine::orders::FIELDS.to_vec());
    let direction =
        prop::sample::select(vec![OrderDirection::Ascending, OrderDirection::Descending]);
    prop::collection::vec(
        (field, direction).prop_map(|(field, direction)| UserOrder { field, direction }),
        0..3,
    )
}
