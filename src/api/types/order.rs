//! What lists are sorted by.

use async_graphql::{Enum, InputObject};

use crate::domain::filter::{self, UserOrder};
use crate::domain::license_filter::{self, LicenseOrder};

/// One property that users are sorted by, and which way. Absent values come last, whichever the
/// direction; ties are broken by `id`.
#[derive(Debug, Clone, Copy, InputObject)]
#[graphql(name = "UserOrder")]
pub(crate) struct UserOrderInput {
    /// By which property.
    field: UserOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Ascending")]
    direction: OrderDirection,
}

/// Which way to sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "filter::OrderDirection")]
pub(crate) enum OrderDirection {
    /// Smallest, first in the alphabet or oldest first.
    #[graphql(name = "ASC")]
    Ascending,
    /// Largest, last in the alphabet or newest first.
    #[graphql(name = "DESC")]
    Descending,
}

/// The properties users can be sorted by. Texts are sorted without regard to case, by Unicode code
/// point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "filter::UserOrderField")]
pub(crate) enum UserOrderField {
    /// By `displayName`.
    DisplayName,
    /// By `userPrincipalName`.
    UserPrincipalName,
    /// By `department`.
    Department,
    /// By `createdAt`.
    CreatedAt,
    /// By how many licenses are assigned.
    LicenseCount,
    /// By `lastActiveOn`.
    LastActiveOn,
    /// By `monthlyCost`, currency by currency in the order of their codes.
    MonthlyCost,
}

/// One property that licenses are sorted by, and which way. Ties are broken by `id`.
#[derive(Debug, Clone, Copy, InputObject)]
#[graphql(name = "LicenseOrder")]
pub(crate) struct LicenseOrderInput {
    /// By which property.
    field: LicenseOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Ascending")]
    direction: OrderDirection,
}

/// The properties licenses can be sorted by. Absent values come last, whichever the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "license_filter::LicenseOrderField")]
pub(crate) enum LicenseOrderField {
    /// By `name`, without regard to case.
    Name,
    /// By `seats.enabled`.
    Seats,
    /// By `seats.consumed`.
    Consumed,
    /// By `seats.available`.
    Available,
    /// By `monthlySpend`, currency by currency in the order of their codes.
    MonthlySpend,
    /// By `monthlySavings`, currency by currency in the order of their codes.
    MonthlySavings,
}

/// The orders of users. A property said twice counts the first time: the second could decide nothing.
/// Unsaid is by name, so that the two make the same cursors.
pub(crate) fn user_orders(input: Option<Vec<UserOrderInput>>) -> Vec<UserOrder> {
    let mut orders: Vec<UserOrder> = Vec::new();
    for order in input.unwrap_or_default() {
        let field = order.field.into();
        if orders.iter().all(|earlier| earlier.field != field) {
            let direction = order.direction.into();
            orders.push(UserOrder { field, direction });
        }
    }
    if orders.is_empty() {
        orders.push(UserOrder {
            field: filter::UserOrderField::DisplayName,
            direction: filter::OrderDirection::Ascending,
        });
    }
    orders
}

/// The orders of licenses; the same rules as for users.
pub(crate) fn license_orders(input: Option<Vec<LicenseOrderInput>>) -> Vec<LicenseOrder> {
    let mut orders: Vec<LicenseOrder> = Vec::new();
    for order in input.unwrap_or_default() {
        let field = order.field.into();
        if orders.iter().all(|earlier| earlier.field != field) {
            let direction = order.direction.into();
            orders.push(LicenseOrder { field, direction });
        }
    }
    if orders.is_empty() {
        orders.push(LicenseOrder {
            field: license_filter::LicenseOrderField::Name,
            direction: filter::OrderDirection::Ascending,
        });
    }
    orders
}

#[cfg(test)]
mod tests {
    use async_graphql::{InputType, Value, value};

    use super::*;

    #[track_caller]
    fn check(input: Value, expected: &[(filter::UserOrderField, filter::OrderDirection)]) {
        let input = Option::<Vec<UserOrderInput>>::parse(Some(input));
        let orders = user_orders(input.unwrap_or_else(|_| panic!("the input is well-formed")));
        let orders: Vec<_> = orders
            .iter()
            .map(|order| (order.field, order.direction))
            .collect();
        assert_eq!(orders, expected);
    }

    #[test]
    fn users_are_sorted_by_name_unless_said_otherwise() {
        use filter::OrderDirection::{Ascending, Descending};
        use filter::UserOrderField::{CreatedAt, Department, DisplayName};
        check(value!(null), &[(DisplayName, Ascending)]);
        check(value!([]), &[(DisplayName, Ascending)]);
        check(
            value!([{"field": "DISPLAY_NAME"}]),
            &[(DisplayName, Ascending)],
        );
        check(
            value!([{"field": "DEPARTMENT"}, {"field": "CREATED_AT", "direction": "DESC"}]),
            &[(Department, Ascending), (CreatedAt, Descending)],
        );
        check(
            value!([{"field": "DEPARTMENT"}, {"field": "DEPARTMENT", "direction": "DESC"}]),
            &[(Department, Ascending)],
        );
    }
}
