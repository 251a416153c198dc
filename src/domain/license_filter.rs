//! What may be asked of licenses: filters and orders, already checked, and what they mean.
//!
//! A tenant holds some dozens of products, so a license is judged one by one from its facts; users,
//! who are many, are answered by the engine's bit sets.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use super::catalog::{LicenseName, NameSource};
use super::filter::{OrderDirection, TextCondition};
use super::ids::{SkuId, TenantKey};
use super::license::License;
use super::license_class::LicenseClass;
use super::money::{Currency, Money};
use super::text::{fold, sort_key};

/// A condition on licenses.
#[derive(Debug, Clone, PartialEq)]
pub enum LicenseFilter {
    /// Every one must hold; none holds for every license.
    And(Vec<LicenseFilter>),
    /// One must hold; none holds for no license.
    Or(Vec<LicenseFilter>),
    /// Must not hold.
    Not(Box<LicenseFilter>),
    /// The license is held by one of these tenants.
    Tenant(Vec<TenantKey>),
    /// What it is called.
    Name(TextCondition),
    /// Microsoft's part number.
    Value(TextCondition),
    /// Seats that could still be given out.
    Available(NumberCondition),
    /// Who named it: one of these.
    NameSource(Vec<NameSource>),
    /// It is one of these to whoever pays.
    Class(Vec<LicenseClass>),
}

impl LicenseFilter {
    /// Whether a license meets the condition.
    pub fn holds(&self, facts: LicenseFacts<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(facts)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(facts)),
            Self::Not(part) => !part.holds(facts),
            Self::Tenant(keys) => keys.contains(facts.tenant),
            Self::Name(condition) => condition.holds(Some(&fold(&facts.name.text))),
            Self::Value(condition) => condition.holds(Some(&fold(&facts.license.part_number))),
            Self::Available(condition) => condition.holds(facts.license.seats.available()),
            Self::NameSource(sources) => sources.contains(&facts.name.source),
            Self::Class(classes) => classes.contains(&facts.class),
        }
    }
}

/// What a license is judged by.
#[derive(Debug, Clone, Copy)]
pub struct LicenseFacts<'a> {
    /// Who holds it.
    pub tenant: &'a TenantKey,
    /// What Microsoft says of it.
    pub license: &'a License,
    /// What it is called, and by whom.
    pub name: &'a LicenseName,
    /// What its paid seats cost a month; `None` where that is not known, or not asked for.
    pub monthly_spend: Option<Money>,
    /// What following its open findings would save a month; `None` where that is not known.
    pub monthly_savings: Option<Money>,
    /// What it is to whoever pays.
    pub class: LicenseClass,
}

/// A range of whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumberCondition {
    /// Inclusive; `None` is no bound.
    pub from: Option<i64>,
    /// Inclusive; `None` is no bound.
    pub to: Option<i64>,
}

impl NumberCondition {
    /// Whether a number lies in the range.
    pub fn holds(self, number: i64) -> bool {
        self.from.is_none_or(|from| from <= number) && self.to.is_none_or(|to| number <= to)
    }
}

/// What to sort licenses by. Ties are broken by tenant, then by GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LicenseOrder {
    /// By which property.
    pub field: LicenseOrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// The properties licenses can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LicenseOrderField {
    /// The name, by its folded form.
    Name,
    /// Enabled seats.
    Seats,
    /// Seats held by users.
    Consumed,
    /// Seats that could still be given out.
    Available,
    /// What its paid seats cost a month: by currency, then by amount. Where that is not known, last.
    MonthlySpend,
    /// What following its open findings would save a month: in the same way.
    MonthlySavings,
}

/// Where a license stands in an order. It stays a place when the license is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicensePosition {
    /// One value for each order.
    pub keys: Vec<SortKey>,
    /// The last but one tie-break.
    pub tenant: TenantKey,
    /// The last tie-break.
    pub sku_id: SkuId,
}

/// One value that licenses are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// The [`sort_key`] of a text.
    Text(String),
    /// A count of seats.
    Number(i64),
    /// The [`twelfths`](Money::twelfths) of an amount.
    Amount(Currency, Decimal),
    /// No value: last, whichever the direction.
    Absent,
}

impl LicensePosition {
    /// Where a license stands.
    pub fn of(facts: LicenseFacts<'_>, orders: &[LicenseOrder]) -> Self {
        let amount = |money: Option<Money>| {
            money.map_or(SortKey::Absent, |money| {
                SortKey::Amount(money.currency(), money.twelfths())
            })
        };
        let key = |order: &LicenseOrder| match order.field {
            LicenseOrderField::Name => SortKey::Text(sort_key(&facts.name.text)),
            LicenseOrderField::Seats => SortKey::Number(facts.license.seats.enabled.into()),
            LicenseOrderField::Consumed => SortKey::Number(facts.license.seats.consumed.into()),
            LicenseOrderField::Available => SortKey::Number(facts.license.seats.available()),
            LicenseOrderField::MonthlySpend => amount(facts.monthly_spend),
            LicenseOrderField::MonthlySavings => amount(facts.monthly_savings),
        };
        Self {
            keys: orders.iter().map(key).collect(),
            tenant: facts.tenant.clone(),
            sku_id: facts.license.sku_id,
        }
    }

    /// Which of two places in the order `orders` comes first.
    pub fn compare(&self, other: &Self, orders: &[LicenseOrder]) -> Ordering {
        let by_keys = orders
            .iter()
            .zip(self.keys.iter().zip(&other.keys))
            .map(|(order, (left, right))| {
                let is_absent = |key: &SortKey| *key == SortKey::Absent;
                let by_absence = is_absent(left).cmp(&is_absent(right));
                by_absence.then_with(|| match order.direction {
                    OrderDirection::Ascending => left.cmp(right),
                    OrderDirection::Descending => right.cmp(left),
                })
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal);
        by_keys
            .then_with(|| self.tenant.cmp(&other.tenant))
            .then_with(|| self.sku_id.cmp(&other.sku_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::SeatCounts;
    use crate::domain::text::Folded;

    fn license(number: u128, enabled: u32, consumed: u32) -> License {
        License {
            sku_id: SkuId(uuid::Uuid::from_u128(number)),
            part_number: "SPE_E3".into(),
            status: "Enabled".into(),
            is_company_wide: false,
            seats: SeatCounts {
                enabled,
                consumed,
                ..SeatCounts::default()
            },
            service_plans: Vec::new(),
        }
    }

    fn name(text: &str) -> LicenseName {
        LicenseName {
            text: text.into(),
            source: NameSource::Catalog,
        }
    }

    #[track_caller]
    fn check(filter: LicenseFilter, holds: bool) {
        let tenant = TenantKey::parse("contoso").unwrap();
        let facts = LicenseFacts {
            class: LicenseClass::Paid,
            tenant: &tenant,
            license: &license(1, 10, 12),
            name: &name("Microsoft 365 E3"),
            monthly_spend: None,
            monthly_savings: None,
        };
        assert_eq!(filter.holds(facts), holds, "{filter:?}");
        assert_eq!(LicenseFilter::Not(Box::new(filter)).holds(facts), !holds);
    }

    fn available(from: Option<i64>, to: Option<i64>) -> LicenseFilter {
        LicenseFilter::Available(NumberCondition { from, to })
    }

    #[test]
    fn a_license_is_judged_by_every_fact_a_filter_names() {
        let contoso = TenantKey::parse("contoso").unwrap();
        let fabrikam = TenantKey::parse("fabrikam").unwrap();
        check(LicenseFilter::Tenant(vec![contoso]), true);
        check(LicenseFilter::Tenant(vec![fabrikam]), false);
        check(
            LicenseFilter::Name(TextCondition::Contains(Folded::new("365 E"))),
            true,
        );
        check(LicenseFilter::Name(TextCondition::IsAbsent), false);
        check(
            LicenseFilter::Value(TextCondition::StartsWith(Folded::new("spe_"))),
            true,
        );
        check(
            LicenseFilter::Value(TextCondition::StartsWith(Folded::new("E3"))),
            false,
        );
        check(LicenseFilter::NameSource(vec![NameSource::Catalog]), true);
        check(LicenseFilter::NameSource(vec![NameSource::Operator]), false);
    }

    #[test]
    fn seats_short_of_what_is_used_are_below_zero() {
        check(available(None, Some(-2)), true);
        check(available(Some(-2), None), true);
        check(available(Some(-1), None), false);
        check(available(None, Some(-3)), false);
        check(available(None, None), true);
    }

    #[test]
    fn no_parts_hold_for_every_license_together_and_for_none_as_a_choice() {
        check(LicenseFilter::And(Vec::new()), true);
        check(LicenseFilter::Or(Vec::new()), false);
        check(
            LicenseFilter::And(vec![available(None, None), LicenseFilter::Or(Vec::new())]),
            false,
        );
        check(
            LicenseFilter::Or(vec![available(None, None), LicenseFilter::Or(Vec::new())]),
            true,
        );
    }

    #[test]
    fn equal_keys_are_told_apart_by_tenant_then_guid_in_either_direction() {
        let tenant = |key| TenantKey::parse(key).unwrap();
        let (ann, bob) = (tenant("ann"), tenant("bob"));
        let place = |tenant: &TenantKey, number, consumed, orders: &[LicenseOrder]| {
            let facts = LicenseFacts {
                class: LicenseClass::Paid,
                tenant,
                license: &license(number, 0, consumed),
                name: &name("E3"),
                monthly_spend: None,
                monthly_savings: None,
            };
            LicensePosition::of(facts, orders)
        };
        for direction in [OrderDirection::Ascending, OrderDirection::Descending] {
            let orders = [LicenseOrder {
                field: LicenseOrderField::Consumed,
                direction,
            }];
            let compare = |left: &LicensePosition, right| left.compare(right, &orders);
            let few = place(&bob, 9, 1, &orders);
            let many = place(&ann, 1, 2, &orders);
            let expected = match direction {
                OrderDirection::Ascending => Ordering::Less,
                OrderDirection::Descending => Ordering::Greater,
            };
            assert_eq!(compare(&few, &many), expected);
            assert_eq!(compare(&place(&ann, 9, 1, &orders), &few), Ordering::Less);
            assert_eq!(compare(&place(&bob, 8, 1, &orders), &few), Ordering::Less);
            assert_eq!(compare(&few.clone(), &few), Ordering::Equal);
        }
    }

    #[test]
    fn licenses_are_sorted_by_money_within_a_currency_and_those_without_are_last_either_way() {
        use crate::domain::money::{BillingPeriod, Rate};
        let tenant = TenantKey::parse("contoso").unwrap();
        let money = |amount: i64, code: &str| {
            let currency = Currency::parse(code).unwrap();
            let rate = Rate::new(amount.into(), currency, BillingPeriod::Month);
            Some(rate.unwrap().monthly())
        };
        let check = |field, direction, expected: [u128; 5]| {
            let orders = [LicenseOrder { field, direction }];
            let amounts = [
                (1, None),
                (2, money(5, "USD")),
                (3, money(100, "EUR")),
                (4, money(9, "EUR")),
                (5, None),
            ];
            let is_spend = field == LicenseOrderField::MonthlySpend;
            let mut places = amounts.map(|(number, amount)| {
                let facts = LicenseFacts {
                    tenant: &tenant,
                    license: &license(number, 0, 0),
                    name: &name("E3"),
                    class: LicenseClass::Paid,
                    monthly_spend: amount.filter(|_| is_spend),
                    monthly_savings: amount.filter(|_| !is_spend),
                };
                LicensePosition::of(facts, &orders)
            });
            places.sort_by(|left, right| left.compare(right, &orders));
            let numbers = places.map(|place| place.sku_id.0.as_u128());
            assert_eq!(numbers, expected);
        };
        for field in [
            LicenseOrderField::MonthlySpend,
            LicenseOrderField::MonthlySavings,
        ] {
            check(field, OrderDirection::Ascending, [4, 3, 2, 1, 5]);
            check(field, OrderDirection::Descending, [2, 3, 4, 1, 5]);
        }
    }
}
