//! What is asked of findings, and in which order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::day::Day;
use super::filter::{OrderDirection, UserFilter};
use super::finding::{Confidence, FindingKey, FindingKind, FindingState, Saving};
use super::ids::{SkuId, TenantKey};
use super::money::Currency;

/// A condition on findings.
#[derive(Debug, Clone, PartialEq)]
pub enum FindingFilter {
    /// Every one holds.
    And(Vec<FindingFilter>),
    /// One holds.
    Or(Vec<FindingFilter>),
    /// Does not hold.
    Not(Box<FindingFilter>),
    /// One of these, by tenant.
    Id(BTreeMap<TenantKey, BTreeSet<FindingKey>>),
    /// Of one of these kinds.
    Kind(BTreeSet<FindingKind>),
    /// In one of these states.
    State(BTreeSet<FindingState>),
    /// So sure.
    Confidence(BTreeSet<Confidence>),
    /// Of one of these tenants.
    Tenant(BTreeSet<TenantKey>),
    /// About one of these licenses, by tenant.
    License(BTreeMap<TenantKey, BTreeSet<SkuId>>),
    /// About a user for whom this holds. What is about no user, or one who is gone, meets no such
    /// condition.
    User(UserFilter),
}

/// By what findings are sorted, and which way. What is absent comes last, whichever the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindingOrder {
    /// By which property.
    pub field: FindingOrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// What findings can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingOrderField {
    /// What it would save a month.
    MonthlySavings,
    /// Since when it holds.
    FirstSeenOn,
    /// The kind, in the order of the schema.
    Kind,
}

/// The order of whoever says none: the largest saving first.
pub const USUAL_ORDER: FindingOrder = FindingOrder {
    field: FindingOrderField::MonthlySavings,
    direction: OrderDirection::Descending,
};

/// Where a finding stands in a list. It says where and not how many come before, so it stays good when
/// findings come and go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingPosition {
    /// As it is written down: currencies are never compared, only put in order. `None`: not known.
    pub monthly_savings: Option<(Option<Currency>, Decimal)>,
    /// Since when it holds.
    pub first_seen_on: Day,
    /// What it is about: breaks ties.
    pub key: FindingKey,
    /// Whose.
    pub tenant: TenantKey,
}

impl FindingPosition {
    /// The sort key of a saving: nothing is less than something in any currency.
    pub fn savings(saving: Saving) -> Option<(Option<Currency>, Decimal)> {
        match saving {
            Saving::Nothing => Some((None, Decimal::ZERO)),
            Saving::Monthly(money) => Some((Some(money.currency()), money.amount())),
            Saving::Unpriced => None,
        }
    }

    /// Whether following it would save something, known or not.
    pub fn saves_anything(&self) -> bool {
        !matches!(self.monthly_savings, Some((None, _)))
    }

    /// How two stand to each other in an order.
    pub fn compare(&self, other: &Self, orders: &[FindingOrder]) -> Ordering {
        let by = |order: &FindingOrder| match order.field {
            FindingOrderField::MonthlySavings => {
                match (&self.monthly_savings, &other.monthly_savings) {
                    (Some(own), Some(other)) => directed(own.cmp(other), order.direction),
                    // Absent ones come last either way.
                    (own, other) => own.is_none().cmp(&other.is_none()),
                }
            }
            FindingOrderField::FirstSeenOn => directed(
                self.first_seen_on.cmp(&other.first_seen_on),
                order.direction,
            ),
            FindingOrderField::Kind => {
                directed(self.key.kind.cmp(&other.key.kind), order.direction)
            }
        };
        let mut decided = orders.iter().map(by);
        let decided = decided.find(|ordering| ordering.is_ne());
        decided
            .unwrap_or(Ordering::Equal)
            .then_with(|| self.tenant.cmp(&other.tenant))
            .then_with(|| self.key.cmp(&other.key))
    }
}

fn directed(ordering: Ordering, direction: OrderDirection) -> Ordering {
    match direction {
        OrderDirection::Ascending => ordering,
        OrderDirection::Descending => ordering.reverse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(number: u128, savings: Option<i64>, first_seen_on: i64) -> FindingPosition {
        let user = super::super::ids::ObjectId(uuid::Uuid::from_u128(number));
        let sku = SkuId(uuid::Uuid::nil());
        FindingPosition {
            monthly_savings: savings.map(|own| (None, Decimal::from(own))),
            first_seen_on: Day::numbered(first_seen_on).unwrap(),
            key: FindingKey::of_seat(FindingKind::Inactive, user, sku),
            tenant: TenantKey::parse("contoso").unwrap(),
        }
    }

    fn sorted(field: FindingOrderField, direction: OrderDirection) -> Vec<u128> {
        let mut all = [
            position(1, Some(5), 9),
            position(2, None, 8),
            position(3, Some(7), 7),
            position(4, Some(5), 7),
        ];
        all.sort_by(|one, other| one.compare(other, &[FindingOrder { field, direction }]));
        let users = all.iter().filter_map(|own| own.key.user);
        users.map(|user| user.0.as_u128()).collect()
    }

    #[test]
    fn what_is_not_known_comes_last_and_ties_are_broken_by_what_it_is_about() {
        use FindingOrderField::{FirstSeenOn, Kind, MonthlySavings};
        use OrderDirection::{Ascending, Descending};
        assert_eq!(sorted(MonthlySavings, Descending), [3, 1, 4, 2]);
        assert_eq!(sorted(MonthlySavings, Ascending), [1, 4, 3, 2]);
        assert_eq!(sorted(FirstSeenOn, Ascending), [3, 4, 2, 1]);
        assert_eq!(sorted(Kind, Descending), [1, 2, 3, 4]);
    }
}
