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

/// What of a saving findings are sorted by, as it is written down: currencies are never compared, only put
/// in order.
pub type SavingKey = (Option<Currency>, Decimal);

/// Where a finding stands in a list. It says where and not how many come before, so it stays good when
/// findings come and go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingPosition {
    /// What it would save; `None`: not known.
    pub monthly_savings: Option<SavingKey>,
    /// Since when it holds.
    pub first_seen_on: Day,
    /// What it is about: breaks ties.
    pub key: FindingKey,
    /// Whose.
    pub tenant: TenantKey,
}

/// The same of a finding that is kept elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct FindingPlace<'a> {
    /// What it shares with many.
    pub lead: FindingLead<'a>,
    /// Since when it holds.
    pub first_seen_on: Day,
    /// What it is about: breaks ties.
    pub key: FindingKey,
}

/// What findings that are alike are sorted by.
#[derive(Debug, Clone, Copy)]
pub struct FindingLead<'a> {
    /// What one of them would save; `None`: not known.
    pub monthly_savings: Option<&'a SavingKey>,
    /// Their kind.
    pub kind: FindingKind,
    /// Whose they are.
    pub tenant: &'a TenantKey,
}

impl FindingPosition {
    /// The sort key of a saving: nothing is less than something in any currency.
    pub fn savings(saving: Saving) -> Option<SavingKey> {
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

    /// The place that it is.
    pub fn place(&self) -> FindingPlace<'_> {
        FindingPlace {
            lead: FindingLead {
                monthly_savings: self.monthly_savings.as_ref(),
                kind: self.key.kind,
                tenant: &self.tenant,
            },
            first_seen_on: self.first_seen_on,
            key: self.key,
        }
    }

    /// How two stand to each other in an order.
    pub fn compare(&self, other: &Self, orders: &[FindingOrder]) -> Ordering {
        self.place().compare(&other.place(), orders)
    }
}

impl FindingPlace<'_> {
    /// How two stand to each other in an order.
    pub fn compare(&self, other: &FindingPlace<'_>, orders: &[FindingOrder]) -> Ordering {
        let by = |order: &FindingOrder| {
            let days = || self.first_seen_on.cmp(&other.first_seen_on);
            let by_lead = self.lead.compare_by(&other.lead, *order);
            by_lead.unwrap_or_else(|| directed(days(), order.direction))
        };
        let mut decided = orders.iter().map(by);
        let decided = decided.find(|ordering| ordering.is_ne());
        decided
            .unwrap_or(Ordering::Equal)
            .then_with(|| self.lead.tenant.cmp(other.lead.tenant))
            .then_with(|| self.key.cmp(&other.key))
    }
}

impl FindingLead<'_> {
    /// How findings that are alike stand to others; equal where that is not the same for all of them.
    pub fn compare(&self, other: &FindingLead<'_>, orders: &[FindingOrder]) -> Ordering {
        for order in orders {
            match self.compare_by(other, *order) {
                Some(Ordering::Equal) => {}
                Some(ordering) => return ordering,
                None => return Ordering::Equal,
            }
        }
        let tenants = self.tenant.cmp(other.tenant);
        tenants.then_with(|| self.kind.cmp(&other.kind))
    }

    /// By one property; `None` where they do not share it.
    fn compare_by(&self, other: &FindingLead<'_>, order: FindingOrder) -> Option<Ordering> {
        let ordering = match order.field {
            FindingOrderField::FirstSeenOn => return None,
            FindingOrderField::Kind => self.kind.cmp(&other.kind),
            FindingOrderField::MonthlySavings => {
                match (self.monthly_savings, other.monthly_savings) {
                    (Some(own), Some(other)) => own.cmp(other),
                    // Absent ones come last either way.
                    (own, other) => return Some(own.is_none().cmp(&other.is_none())),
                }
            }
        };
        Some(directed(ordering, order.direction))
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
