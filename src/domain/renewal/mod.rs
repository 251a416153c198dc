//! What to order when a purchase renews, what that saves, and when to think of it.
//!
//! Three sums that are easily taken for one another are kept apart: what the seats that could go cost in
//! a year (*gross*), the part of it that the terms of the purchases allow within a horizon
//! (*realizable*), and what need not be bought because somebody else's seat is given out again
//! (*redeployable*). A seat is in one of the last two, never in both.

pub mod calendar;
pub mod cost;
pub mod due;
mod lines;
pub mod milestones;
pub mod plan;
pub mod reminder;
pub mod upcoming;

use jiff::civil::Date;

use super::day::Day;
use super::license::SeatCounts;
use super::money::Rate;
use super::subscription::Subscription;
use super::terms::Terms;

/// A purchase of a license, with what the operator told of it.
#[derive(Debug, Clone, Copy)]
pub struct Purchase<'a> {
    /// What Microsoft tells.
    pub subscription: &'a Subscription,
    /// What was declared.
    pub terms: Terms,
    /// What a seat of this purchase costs; `None` where nobody gave it a price.
    pub rate: Option<Rate>,
}

impl Purchase<'_> {
    /// Whether its seats may be used: it is in force, or expired and in the time of grace.
    fn is_usable(&self) -> bool {
        let status = &self.subscription.status;
        ["Enabled", "Warning"]
            .iter()
            .any(|usable| status.eq_ignore_ascii_case(usable))
    }

    /// Whether it is a trial, which is not paid and ends by itself.
    fn is_trial(&self) -> bool {
        self.subscription.is_trial == Some(true)
    }

    fn bought_on(&self) -> Option<Date> {
        let created = self.subscription.created_at?;
        Day::of_instant(created).map(Day::date)
    }
}

/// A license of a tenant, as far as its renewals are concerned.
#[derive(Debug, Clone, Copy)]
pub struct Holding<'a> {
    /// How many seats there are and how many are held.
    pub seats: SeatCounts,
    /// What an assigned seat costs, as [`PriceBook::seat_price_on`] tells; `None` without a price.
    ///
    /// [`PriceBook::seat_price_on`]: super::prices::book::PriceBook::seat_price_on
    pub rate: Option<Rate>,
    /// Every purchase of the license.
    pub purchases: &'a [Purchase<'a>],
    /// Held seats that findings of high confidence free, without those that are exempt.
    pub reclaimable: u32,
}

/// So many seats, from one purchase or from none that is known.
#[derive(Debug, Clone, Copy)]
struct Lot<'a> {
    purchase: Option<Purchase<'a>>,
    seats: u64,
    rate: Option<Rate>,
}

impl<'a> Holding<'a> {
    /// Seats that are paid and usable: neither suspended nor from a trial.
    pub fn held(&self) -> u64 {
        let usable = u64::from(self.seats.enabled) + u64::from(self.seats.warning);
        let trials = self
            .purchases
            .iter()
            .filter(|own| own.is_usable() && own.is_trial());
        let on_trial = trials.map(|own| u64::from(own.subscription.seats.unwrap_or(0)));
        usable.saturating_sub(on_trial.fold(0, u64::saturating_add))
    }

    /// Where the seats are from. Microsoft's numbers for the license and for its purchases may disagree;
    /// the license has the last word, and what no purchase tells of is a lot of its own.
    fn lots(&self) -> Vec<Lot<'a>> {
        let paid = |own: &&Purchase<'a>| own.is_usable() && !own.is_trial();
        let mut paid: Vec<&Purchase<'a>> = self.purchases.iter().filter(paid).collect();
        paid.sort_by_key(|purchase| purchase.subscription.id);
        let mut left = self.held();
        let mut lots = Vec::with_capacity(paid.len() + 1);
        for purchase in &paid {
            // The only purchase has all the seats there are; of several, nobody knows.
            let all_there_are = (paid.len() == 1).then_some(left);
            let told = purchase.subscription.seats.map(u64::from);
            let Some(seats) = told.or(all_there_are) else {
                continue;
            };
            let seats = seats.min(left);
            left -= seats;
            lots.push(Lot {
                purchase: Some(**purchase),
                seats,
                rate: purchase.rate.or(self.rate),
            });
        }
        if left > 0 {
            lots.push(Lot {
                purchase: None,
                seats: left,
                rate: self.rate,
            });
        }
        lots
    }
}

#[cfg(test)]
mod samples {
    //! Purchases to plan with.

    use jiff::civil::Date;
    use uuid::Uuid;

    use super::super::ids::{SkuId, SubscriptionId};
    use super::super::money::{BillingPeriod, Currency, Rate};
    use super::super::subscription::Subscription;
    use super::super::terms::{Billing, Term, Terms};

    pub(super) fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// A price a month.
    pub(super) fn rate(amount: i64, currency: &str) -> Option<Rate> {
        let currency = Currency::parse(currency).unwrap();
        Rate::new(amount.into(), currency, BillingPeriod::Month).ok()
    }

    /// An old purchase in force.
    pub(super) fn subscription(number: u128, seats: Option<u32>) -> Subscription {
        Subscription {
            id: SubscriptionId(Uuid::from_u128(number)),
            commerce_id: None,
            sku_id: SkuId(Uuid::from_u128(1)),
            part_number: "SPE_E3".into(),
            status: "Enabled".into(),
            seats,
            is_trial: Some(false),
            created_at: "2020-01-01T00:00:00Z".parse().ok(),
            next_change_at: None,
        }
    }

    /// A term that renews by itself.
    pub(super) fn terms(term: Term, renews_on: &str) -> Terms {
        Terms {
            term,
            billing: Billing::Unknown,
            auto_renews: Some(true),
            renews_on: renews_on.parse().ok(),
        }
    }
}
