//! What a license costs, and how much of that nobody uses.

use super::Holding;
use crate::domain::money::{Money, SeatCost};

/// What a license costs a month.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LicenseCost {
    /// The seats that are paid, assigned or not, each at the price of its purchase.
    pub spend: SeatCost,
    /// The seats that are assigned.
    pub assigned: SeatCost,
    /// What is paid for seats that are not assigned: spend less assigned. Below zero where more are
    /// assigned than paid; `None` where a price is missing or there are several currencies.
    pub idle: Option<Money>,
}

impl Holding<'_> {
    /// What the license costs a month.
    pub fn cost(&self) -> LicenseCost {
        let mut spend = SeatCost::default();
        for lot in self.lots().iter().filter(|lot| lot.seats > 0) {
            spend.add(lot.rate, lot.seats);
        }
        let mut assigned = SeatCost::default();
        if self.seats.consumed > 0 {
            assigned.add(self.rate, self.seats.consumed.into());
        }
        LicenseCost {
            idle: difference(&spend, &assigned, self),
            spend,
            assigned,
        }
    }
}

fn difference(spend: &SeatCost, assigned: &SeatCost, of: &Holding<'_>) -> Option<Money> {
    if spend.unpriced_seats > 0 || assigned.unpriced_seats > 0 {
        return None;
    }
    // No seat at all costs nothing, in the currency of the other sum.
    let only = |cost: &SeatCost, other: &SeatCost| match cost.monthly.totals() {
        [] => {
            let currency = other.monthly.only().map(Money::currency);
            let currency = currency.or(of.rate.map(|rate| rate.currency()));
            currency.map(Money::zero)
        }
        _ => cost.monthly.only(),
    };
    only(spend, assigned)?.minus(only(assigned, spend)?)
}

#[cfg(test)]
mod tests {
    use super::super::Purchase;
    use super::super::samples::{rate, subscription};
    use super::*;
    use crate::domain::license::SeatCounts;
    use crate::domain::money::Rate;
    use crate::domain::subscription::Subscription;
    use crate::domain::terms::Terms;

    /// What so many seats cost, of which so many are assigned.
    fn cost(
        (enabled, consumed): (u32, u32),
        seat: Option<Rate>,
        purchases: &[(Subscription, Option<Rate>)],
    ) -> LicenseCost {
        let purchases: Vec<_> = purchases
            .iter()
            .map(|(subscription, rate)| Purchase {
                subscription,
                terms: Terms::UNKNOWN,
                rate: *rate,
            })
            .collect();
        Holding {
            seats: SeatCounts {
                enabled,
                consumed,
                ..SeatCounts::default()
            },
            rate: seat,
            purchases: &purchases,
            reclaimable: 0,
        }
        .cost()
    }

    #[track_caller]
    fn check(cost: &LicenseCost, spend: &str, assigned: &str, idle: Option<&str>) {
        let text = |cost: &SeatCost| {
            let totals = cost.monthly.totals().iter().map(Money::to_string);
            let unpriced =
                (cost.unpriced_seats > 0).then(|| format!("{} unpriced", cost.unpriced_seats));
            totals.chain(unpriced).collect::<Vec<_>>().join(" + ")
        };
        assert_eq!(text(&cost.spend), spend);
        assert_eq!(text(&cost.assigned), assigned);
        assert_eq!(cost.idle.map(|money| money.to_string()).as_deref(), idle);
    }

    #[test]
    fn what_is_paid_is_paid_for_assigned_and_idle_seats() {
        let one = [(subscription(1, Some(100)), None)];
        let cost_of = |held, consumed| cost((held, consumed), rate(39, "EUR"), &one);
        check(
            &cost_of(100, 88),
            "3900.00 EUR",
            "3432.00 EUR",
            Some("468.00 EUR"),
        );
        check(
            &cost_of(100, 100),
            "3900.00 EUR",
            "3900.00 EUR",
            Some("0.00 EUR"),
        );
        check(
            &cost_of(100, 101),
            "3900.00 EUR",
            "3939.00 EUR",
            Some("-39.00 EUR"),
        );
        check(&cost_of(100, 0), "3900.00 EUR", "", Some("3900.00 EUR"));
        check(&cost_of(0, 2), "", "78.00 EUR", Some("-78.00 EUR"));
        check(&cost_of(0, 0), "", "", Some("0.00 EUR"));
    }

    #[test]
    fn each_purchase_is_paid_at_its_own_price_and_the_rest_at_that_of_the_license() {
        let two = [
            (subscription(1, Some(60)), rate(40, "EUR")),
            (subscription(2, Some(30)), None),
        ];
        let seen = cost((100, 50), rate(39, "EUR"), &two);
        check(&seen, "3960.00 EUR", "1950.00 EUR", Some("2010.00 EUR"));
    }

    #[test]
    fn purchases_never_have_more_seats_than_the_license() {
        let one = [(subscription(1, Some(500)), rate(40, "EUR"))];
        let seen = cost((100, 100), rate(40, "EUR"), &one);
        check(&seen, "4000.00 EUR", "4000.00 EUR", Some("0.00 EUR"));
    }

    #[test]
    fn what_has_no_price_is_counted_and_makes_no_idle_cost() {
        let one = [(subscription(1, Some(100)), None)];
        check(
            &cost((100, 88), None, &one),
            "100 unpriced",
            "88 unpriced",
            None,
        );
        let part = [(subscription(1, Some(60)), rate(40, "EUR"))];
        check(
            &cost((100, 0), None, &part),
            "2400.00 EUR + 40 unpriced",
            "",
            None,
        );
    }

    #[test]
    fn currencies_are_not_mixed() {
        let two = [
            (subscription(1, Some(50)), rate(40, "EUR")),
            (subscription(2, Some(50)), rate(44, "USD")),
        ];
        let seen = cost((100, 10), rate(40, "EUR"), &two);
        check(&seen, "2000.00 EUR + 2200.00 USD", "400.00 EUR", None);
    }

    #[test]
    fn trials_and_what_is_suspended_are_not_paid() {
        let trial = Subscription {
            is_trial: Some(true),
            ..subscription(1, Some(25))
        };
        let suspended = Subscription {
            status: "Suspended".into(),
            ..subscription(2, Some(30))
        };
        let two = [(trial, rate(99, "EUR")), (suspended, rate(99, "EUR"))];
        let seen = cost((100, 0), rate(40, "EUR"), &two);
        check(&seen, "3000.00 EUR", "", Some("3000.00 EUR"));
    }
}
