//! The price book: which price of a seat counts on a day.
//!
//! The narrowest wins: that of the purchase, then the tenant's, then everybody's, and within each the
//! one for the tenant's segment before the one for any. What nobody gave a price has none; it is never
//! taken for free.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::{Price, PriceScope, Segment, Validity};
use crate::domain::day::months_after;
use crate::domain::ids::{PriceId, SkuId, SubscriptionId, TenantKey};
use crate::domain::money::{Money, SeatCost};

/// The most entries of a price book.
pub const PRICES_MAX: usize = 20_000;

/// The most months that [`PriceBook::cost_over`] looks ahead or back: a hundred years.
const MONTHS_MAX: u16 = 1_200;

/// Every price there is. No two entries for the same seats hold on the same day.
///
/// A value: a change makes another book and leaves this one to whoever reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceBook {
    /// Of each license, the widest first, then by day.
    by_sku: BTreeMap<SkuId, Vec<Arc<Price>>>,
    /// Of which license an entry is.
    skus: BTreeMap<PriceId, SkuId>,
}

/// Why the book did not take a change. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceConflict {
    /// There is a price for the same seats on some of the days.
    #[error("{}", overlap_text(*id, *validity, *starts))]
    Overlap {
        /// The one there is.
        id: PriceId,
        /// Its days.
        validity: Validity,
        /// The first day of the one that was not taken.
        starts: Date,
    },
    /// There is another price with the id.
    #[error("there is a price with the id {0}: delete it first")]
    Taken(PriceId),
    /// There is no price with the id.
    #[error("there is no price with the id {0}; it may have been deleted already")]
    Unknown(PriceId),
    /// There are [`PRICES_MAX`].
    #[error("a price book has at most {PRICES_MAX} entries: delete those that have ended")]
    Full,
}

fn overlap_text(id: PriceId, validity: Validity, starts: Date) -> String {
    let day_before = starts.yesterday().ok();
    let remedy = match day_before.filter(|day| validity.from() <= *day) {
        Some(day) => format!("delete that one and set it again with validTo {day}"),
        None => "delete that one first, or let this one begin after it has ended".to_owned(),
    };
    format!("price {id} for the same seats holds {validity}: {remedy}")
}

/// Whose seat is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The tenant that holds it.
    pub tenant: &'a TenantKey,
    /// The license.
    pub sku_id: SkuId,
    /// The purchase it is from, where that is known: Microsoft does not say it of assigned seats.
    pub subscription: Option<SubscriptionId>,
    /// The tenant's segment, if it has one.
    pub segment: Option<&'a Segment>,
}

impl Asked<'_> {
    fn is_met_by(&self, price: &Price) -> bool {
        let scope = match &price.scope {
            PriceScope::All => true,
            PriceScope::Tenant(tenant) => tenant == self.tenant,
            PriceScope::Subscription(tenant, subscription) => {
                tenant == self.tenant && self.subscription == Some(*subscription)
            }
        };
        scope && (price.segment.is_none() || price.segment.as_ref() == self.segment)
    }
}

/// The narrower the larger.
fn narrowness(price: &Price) -> (u8, bool) {
    let scope = match price.scope {
        PriceScope::All => 0,
        PriceScope::Tenant(_) => 1,
        PriceScope::Subscription(..) => 2,
    };
    (scope, price.segment.is_some())
}

impl PriceBook {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.skus.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.skus.is_empty()
    }

    /// Every entry, by license, the widest first, then by day.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<Price>> {
        self.by_sku.values().flatten()
    }

    /// The entry with an id.
    pub fn get(&self, id: PriceId) -> Option<&Arc<Price>> {
        let entries = self.by_sku.get(self.skus.get(&id)?)?;
        entries.iter().find(|price| price.id == id)
    }

    /// The book as it stands on a day and as it will: all that has not ended, by license, the widest
    /// first, then by day.
    pub fn standing_on(&self, day: Date) -> impl Iterator<Item = &Arc<Price>> {
        self.entries()
            .filter(move |price| price.validity.is_open_on(day))
    }

    /// The book with one more entry.
    pub fn with(&self, price: Price) -> Result<Self, PriceConflict> {
        let mut book = self.clone();
        book.insert(price)?;
        Ok(book)
    }

    /// The book without an entry.
    pub fn without(&self, id: PriceId) -> Result<Self, PriceConflict> {
        let mut book = self.clone();
        match book.remove(id) {
            true => Ok(book),
            false => Err(PriceConflict::Unknown(id)),
        }
    }

    /// The book without some entries, where they are there.
    pub fn without_all<'a>(&self, ids: impl IntoIterator<Item = &'a PriceId>) -> Self {
        let mut book = self.clone();
        for id in ids {
            book.remove(*id);
        }
        book
    }

    /// The book with many entries at once, all or none. One whose id is in the book replaces that entry,
    /// so that what was exported may be edited and imported again. The error comes with the place of
    /// the entry that could not be taken.
    pub fn with_all(&self, prices: Vec<Price>) -> Result<Self, (usize, PriceConflict)> {
        let mut book = self.clone();
        // All first: an entry may take the days that another one gives up.
        for price in &prices {
            book.remove(price.id);
        }
        for (place, price) in prices.into_iter().enumerate() {
            book.insert(price).map_err(|conflict| (place, conflict))?;
        }
        Ok(book)
    }

    fn insert(&mut self, price: Price) -> Result<(), PriceConflict> {
        if self.len() >= PRICES_MAX {
            return Err(PriceConflict::Full);
        }
        if self.skus.contains_key(&price.id) {
            return Err(PriceConflict::Taken(price.id));
        }
        let entries = self
            .by_sku
            .get(&price.sku_id)
            .map_or(&[][..], Vec::as_slice);
        let mut same = entries.iter().filter(|own| own.is_for_the_same_as(&price));
        if let Some(own) = same.find(|own| own.validity.overlaps(price.validity)) {
            return Err(PriceConflict::Overlap {
                id: own.id,
                validity: own.validity,
                starts: price.validity.from(),
            });
        }
        let position = |price: &Price| (narrowness(price), price.validity.from(), price.id);
        let place = entries.partition_point(|own| position(own) < position(&price));
        self.skus.insert(price.id, price.sku_id);
        let entries = self.by_sku.entry(price.sku_id).or_default();
        entries.insert(place, Arc::new(price));
        Ok(())
    }

    fn remove(&mut self, id: PriceId) -> bool {
        let Some(sku_id) = self.skus.remove(&id) else {
            return false;
        };
        if let Some(entries) = self.by_sku.get_mut(&sku_id) {
            entries.retain(|price| price.id != id);
            if entries.is_empty() {
                self.by_sku.remove(&sku_id);
            }
        }
        true
    }

    /// The price of a seat on a day: the narrowest that holds. `None` where nobody gave one.
    pub fn price_on(&self, asked: Asked<'_>, day: Date) -> Option<&Arc<Price>> {
        let entries = self.by_sku.get(&asked.sku_id)?.iter();
        entries
            .filter(|price| price.validity.holds_on(day) && asked.is_met_by(price))
            .max_by_key(|price| narrowness(price))
    }

    /// The price of an assigned seat. Microsoft does not say from which purchase it comes, so where they
    /// have prices of their own the lowest counts: no saving is promised that may not be had. Where
    /// they are in several currencies, none is the lowest, and the price of the license counts.
    pub fn seat_price_on(
        &self,
        asked: Asked<'_>,
        purchases: impl IntoIterator<Item = SubscriptionId>,
        day: Date,
    ) -> Option<&Arc<Price>> {
        let of_license = || {
            self.price_on(
                Asked {
                    subscription: None,
                    ..asked
                },
                day,
            )
        };
        let mut lowest: Option<&Arc<Price>> = None;
        for subscription in purchases {
            let own = Asked {
                subscription: Some(subscription),
                ..asked
            };
            let Some(price) = self.price_on(own, day) else {
                continue;
            };
            lowest = match lowest {
                None => Some(price),
                Some(low) if low.rate.currency() != price.rate.currency() => return of_license(),
                Some(low) if price.rate < low.rate => Some(price),
                Some(low) => Some(low),
            };
        }
        lowest.or_else(of_license)
    }

    /// What a seat costs over some months, each at the price of the day on which it begins. Months
    /// without a price are counted as `unpriced_seats`.
    pub fn cost_over(&self, asked: Asked<'_>, from: Date, months: u16) -> SeatCost {
        let mut cost = SeatCost::default();
        for month in 0..months.min(MONTHS_MAX) {
            let price = months_after(from, month.into()).and_then(|day| self.price_on(asked, day));
            cost.add(price.map(|price| price.rate), 1);
        }
        cost
    }

    /// By how much a year of the seat is dearer at the prices of one day than at those of another. `None`
    /// where one is missing or the currency has changed.
    pub fn yearly_rise(&self, asked: Asked<'_>, from: Date, to: Date) -> Option<Money> {
        let yearly = |day| Some(self.price_on(asked, day)?.rate.yearly());
        yearly(to)?.minus(yearly(from)?)
    }

    /// The first day after this one on which some price begins to hold or no longer does: until then,
    /// sums need not be made again.
    pub fn next_change_after(&self, day: Date) -> Option<Date> {
        let days = self.entries().flat_map(|price| {
            let ended = price.validity.to().and_then(|to| to.tomorrow().ok());
            [Some(price.validity.from()), ended]
        });
        days.flatten().filter(|change| *change > day).min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::ToldPrice;
    use super::*;
    use crate::domain::money::BillingPeriod;

    const SKU: SkuId = SkuId(Uuid::from_u128(1));

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn tenant(text: &str) -> TenantKey {
        TenantKey::parse(text).unwrap()
    }

    fn subscription(number: u128) -> SubscriptionId {
        SubscriptionId(Uuid::from_u128(number))
    }

    fn id(number: u128) -> PriceId {
        PriceId(Uuid::from_u128(number))
    }

    /// A price of 36 EUR a month for everybody.
    fn told() -> ToldPrice<'static> {
        ToldPrice {
            tenant: None,
            subscription: None,
            sku_id: SKU,
            segment: None,
            amount: 36.into(),
            currency: "EUR",
            per: BillingPeriod::Month,
            valid_from: day("2026-01-01"),
            valid_to: None,
            source: None,
        }
    }

    fn book(prices: &[(u128, ToldPrice<'_>)]) -> PriceBook {
        let prices = prices.iter();
        let prices = prices.map(|(number, told)| Price::new(id(*number), told.clone()).unwrap());
        PriceBook::default().with_all(prices.collect()).unwrap()
    }

    /// The same as everybody's, the tenant's and that of its purchase 7, each with a segment or without.
    fn every_scope() -> PriceBook {
        let contoso = || Some(tenant("contoso"));
        let scoped = |number: u128, tenant, purchase: Option<u128>, segment| {
            let told = ToldPrice {
                tenant,
                subscription: purchase.map(subscription),
                segment,
                ..told()
            };
            (number, told)
        };
        book(&[
            scoped(6, contoso(), Some(7), Some("Education")),
            scoped(1, None, None, None),
            scoped(4, contoso(), None, Some("Education")),
            scoped(3, contoso(), None, None),
            scoped(2, None, None, Some("Education")),
            scoped(5, contoso(), Some(7), None),
        ])
    }

    #[track_caller]
    fn check_winner(
        book: &PriceBook,
        (key, purchase, segment): (&str, Option<u128>, &str),
        expected: Option<u128>,
    ) {
        let segment = Segment::parse(segment).unwrap();
        let key = tenant(key);
        let asked = Asked {
            subscription: purchase.map(subscription),
            segment: segment.as_ref(),
            ..asked(&key)
        };
        let winner = book.price_on(asked, day("2026-03-01"));
        assert_eq!(winner.map(|price| price.id), expected.map(id));
    }

    #[test]
    fn the_narrowest_price_wins() {
        let mut book = every_scope();
        let asked = ("contoso", Some(7), "EDUCATION");
        for narrowest in (1..=6).rev() {
            check_winner(&book, asked, Some(narrowest));
            book = book.without(id(narrowest)).unwrap();
        }
        check_winner(&book, asked, None);
    }

    #[test]
    fn a_price_of_others_never_counts() {
        let book = every_scope();
        check_winner(&book, ("fabrikam", Some(7), "Education"), Some(2));
        check_winner(&book, ("fabrikam", None, ""), Some(1));
        check_winner(&book, ("contoso", Some(8), "Education"), Some(4));
        check_winner(&book, ("contoso", Some(8), "Charity"), Some(3));
        check_winner(&book, ("contoso", None, ""), Some(3));
        check_winner(&book, ("contoso", Some(7), ""), Some(5));
        let other = Asked {
            tenant: &tenant("contoso"),
            sku_id: SkuId(Uuid::from_u128(2)),
            subscription: None,
            segment: None,
        };
        assert_eq!(book.price_on(other, day("2026-03-01")), None);
    }

    fn asked(tenant: &TenantKey) -> Asked<'_> {
        Asked {
            tenant,
            sku_id: SKU,
            subscription: None,
            segment: None,
        }
    }

    /// 36 until the end of June, 39 from July on.
    fn rising() -> PriceBook {
        let until_june = ToldPrice {
            valid_to: Some(day("2026-06-30")),
            ..told()
        };
        let from_july = ToldPrice {
            amount: 39.into(),
            valid_from: day("2026-07-01"),
            ..told()
        };
        book(&[(1, until_june), (2, from_july)])
    }

    #[test]
    fn a_price_holds_from_its_first_to_its_last_day() {
        let check = |on: &str, expected: Option<u128>| {
            let contoso = tenant("contoso");
            let book = rising();
            let price = book.price_on(asked(&contoso), day(on));
            assert_eq!(price.map(|price| price.id), expected.map(id), "{on}");
        };
        check("2025-12-31", None);
        check("2026-01-01", Some(1));
        check("2026-06-30", Some(1));
        check("2026-07-01", Some(2));
        check("2040-01-01", Some(2));
    }

    /// Vector 5.
    #[test]
    fn a_price_that_rises_on_1_july_costs_36_more_a_year_and_450_in_the_calendar_year() {
        let (book, contoso) = (rising(), tenant("contoso"));
        let rise = book.yearly_rise(asked(&contoso), day("2026-06-30"), day("2026-07-01"));
        assert_eq!(rise.unwrap().to_string(), "36.00 EUR");
        let year = book.cost_over(asked(&contoso), day("2026-01-01"), 12);
        assert_eq!(year.monthly.only().unwrap().to_string(), "450.00 EUR");
        assert_eq!(year.unpriced_seats, 0);
        let earlier = book.cost_over(asked(&contoso), day("2025-11-01"), 3);
        assert_eq!(earlier.monthly.only().unwrap().to_string(), "36.00 EUR");
        assert_eq!(earlier.unpriced_seats, 2);
        let unknown = book.yearly_rise(asked(&contoso), day("2025-06-30"), day("2026-07-01"));
        assert_eq!(unknown, None);
    }

    #[test]
    fn prices_for_the_same_seats_never_hold_on_the_same_day() {
        let check = |from: &str, to: Option<&str>, expected: Option<&str>| {
            let price = ToldPrice {
                valid_from: day(from),
                valid_to: to.map(day),
                ..told()
            };
            let outcome = rising().with(Price::new(id(3), price).unwrap());
            let message = outcome.err().map(|conflict| conflict.to_string());
            assert_eq!(message.as_deref(), expected);
        };
        check("2025-01-01", Some("2025-12-31"), None);
        check(
            "2025-01-01",
            Some("2026-01-01"),
            Some(
                "price 00000000-0000-0000-0000-000000000001 for the same seats holds from 2026-01-01 to \
                 2026-06-30: delete that one first, or let this one begin after it has ended",
            ),
        );
        check(
            "2027-01-01",
            None,
            Some(
                "price 00000000-0000-0000-0000-000000000002 for the same seats holds from 2026-07-01 on: \
                 delete that one and set it again with validTo 2026-12-31",
            ),
        );
    }

    #[test]
    fn another_currency_or_period_is_still_for_the_same_seats() {
        let dollars = ToldPrice {
            currency: "USD",
            per: BillingPeriod::Year,
            ..told()
        };
        let outcome = rising().with(Price::new(id(3), dollars).unwrap());
        assert!(matches!(outcome, Err(PriceConflict::Overlap { .. })));
    }

    #[test]
    fn an_id_is_taken_once_and_deleted_once() {
        let book = rising();
        let later = ToldPrice {
            segment: Some("Charity"),
            ..told()
        };
        let again = Price::new(id(1), later).unwrap();
        assert_eq!(book.with(again), Err(PriceConflict::Taken(id(1))));
        let less = book.without(id(1)).unwrap();
        assert_eq!((book.len(), less.len()), (2, 1));
        assert_eq!(less.without(id(1)), Err(PriceConflict::Unknown(id(1))));
        assert_eq!(less.without(id(2)), Ok(PriceBook::default()));
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let prices = |count: usize| {
            let told = |number: usize| ToldPrice {
                sku_id: SkuId(Uuid::from_u128(number as u128)),
                ..told()
            };
            (0..count)
                .map(|number| Price::new(id(number as u128), told(number)).unwrap())
                .collect()
        };
        let full = PriceBook::default().with_all(prices(PRICES_MAX)).unwrap();
        assert_eq!(full.len(), PRICES_MAX);
        let outcome = PriceBook::default().with_all(prices(PRICES_MAX + 1));
        assert_eq!(outcome, Err((PRICES_MAX, PriceConflict::Full)));
    }

    #[test]
    fn many_are_taken_together_and_may_change_places_or_none_is() {
        let book = rising();
        let price = |number, from, to: Option<&str>| {
            let told = ToldPrice {
                valid_from: day(from),
                valid_to: to.map(day),
                ..told()
            };
            Price::new(id(number), told).unwrap()
        };
        let swapped = vec![
            price(2, "2026-01-01", Some("2026-03-31")),
            price(1, "2026-04-01", None),
        ];
        assert_eq!(book.with_all(swapped).unwrap().len(), 2);
        let clash = vec![
            price(3, "2025-01-01", Some("2025-12-31")),
            price(4, "2026-06-01", None),
        ];
        let (place, conflict) = book.with_all(clash).unwrap_err();
        assert_eq!(place, 1);
        assert!(matches!(conflict, PriceConflict::Overlap { id: own, .. } if own == id(1)));
        let twice = vec![
            price(3, "2025-01-01", Some("2025-01-01")),
            price(3, "2024-01-01", Some("2024-01-01")),
        ];
        assert_eq!(book.with_all(twice), Err((1, PriceConflict::Taken(id(3)))));
    }

    #[test]
    fn the_book_is_listed_as_it_stands_and_as_it_will() {
        let check = |on, expected: &[u128]| {
            let book = rising();
            let listed: Vec<_> = book.standing_on(day(on)).map(|price| price.id).collect();
            assert_eq!(listed, expected.iter().copied().map(id).collect::<Vec<_>>());
        };
        check("2025-01-01", &[1, 2]);
        check("2026-06-30", &[1, 2]);
        check("2026-07-01", &[2]);
        let book = every_scope();
        let widest_first: Vec<_> = book.entries().map(|price| price.id).collect();
        assert_eq!(widest_first, (1..=6).map(id).collect::<Vec<_>>());
    }

    #[test]
    fn sums_hold_until_a_price_begins_or_has_ended() {
        let check = |on: &str, expected: Option<&str>| {
            let change = rising().next_change_after(day(on));
            assert_eq!(change, expected.map(day), "{on}");
        };
        check("2025-01-01", Some("2026-01-01"));
        check("2026-01-01", Some("2026-07-01"));
        check("2026-06-30", Some("2026-07-01"));
        check("2026-07-01", None);
    }

    #[test]
    fn an_assigned_seat_costs_the_least_that_a_purchase_costs() {
        let contoso = tenant("contoso");
        let of = |number: u128, amount: i64, currency| {
            let told = ToldPrice {
                tenant: Some(tenant("contoso")),
                subscription: Some(subscription(number)),
                amount: amount.into(),
                currency,
                ..told()
            };
            (number, told)
        };
        let check = |book: &PriceBook, purchases: &[u128], expected: Option<u128>| {
            let purchases = purchases.iter().copied().map(subscription);
            let price = book.seat_price_on(asked(&contoso), purchases, day("2026-03-01"));
            assert_eq!(price.map(|price| price.id), expected.map(id));
        };
        let own = [of(1, 40, "EUR"), of(2, 38, "EUR"), of(3, 30, "USD")];
        check(&book(&own), &[], None);
        check(&book(&own), &[1], Some(1));
        check(&book(&own), &[1, 2], Some(2));
        check(&book(&own), &[2, 1, 9], Some(2));
        check(&book(&own), &[1, 3], None);
        let with_license = [own[0].clone(), own[2].clone(), (8, told())];
        check(&book(&with_license), &[1], Some(1));
        check(&book(&with_license), &[1, 9], Some(8));
        check(&book(&with_license), &[1, 3], Some(8));
    }

    fn any_price() -> impl Strategy<Value = ToldPrice<'static>> {
        let segments = prop::sample::select(vec![None, Some("Education"), Some("Charity")]);
        let scopes = (0u8..3, 0u8..2, 1u128..3);
        let days = (0i64..60, prop::option::of(0i64..20));
        (scopes, segments, days, 1i64..100).prop_map(
            |((scope, key, purchase), segment, (from, length), amount)| {
                let date = |number: i64| crate::domain::day::date(20_000 + number).unwrap();
                let key = ["contoso", "fabrikam"][usize::from(key)];
                ToldPrice {
                    tenant: (scope > 0).then(|| tenant(key)),
                    subscription: (scope > 1).then(|| subscription(purchase)),
                    segment,
                    amount: amount.into(),
                    valid_from: date(from),
                    valid_to: length.map(|length| date(from + length)),
                    ..told()
                }
            },
        )
    }

    proptest! {
        #[test]
        fn the_price_on_a_day_holds_then_is_the_askers_and_does_not_depend_on_the_order(
            told in prop::collection::vec(any_price(), 0..30),
            on in -5i64..90,
            purchase in prop::option::of(1u128..4),
            segment in prop::sample::select(vec!["", "education", "Other"]),
        ) {
            let mut book = PriceBook::default();
            for (number, told) in told.into_iter().enumerate() {
                let price = Price::new(id(number as u128), told).unwrap();
                book = book.with(price).unwrap_or(book);
            }
            let mut backwards: Vec<Price> = book.entries().map(|price| Price::clone(price)).collect();
            backwards.reverse();
            let again = PriceBook::default().with_all(backwards).unwrap();
            prop_assert_eq!(&again, &book);

            let on = crate::domain::day::date(20_000 + on).unwrap();
            let (contoso, segment) = (tenant("contoso"), Segment::parse(segment).unwrap());
            let asked = Asked {
                subscription: purchase.map(subscription),
                segment: segment.as_ref(),
                ..asked(&contoso)
            };
            let fits = |price: &Price| {
                price.validity.holds_on(on)
                    && price.scope.tenant().is_none_or(|own| *own == contoso)
                    && price.scope.subscription().is_none_or(|own| asked.subscription == Some(own))
                    && price.segment.as_ref().is_none_or(|own| segment.as_ref() == Some(own))
            };
            let fitting: Vec<_> = book.entries().filter(|price| fits(price)).collect();
            match book.price_on(asked, on) {
                None => prop_assert!(fitting.is_empty()),
                Some(winner) => {
                    prop_assert!(fits(winner));
                    let narrower = fitting.iter().filter(|own| narrowness(own) >= narrowness(winner));
                    prop_assert_eq!(narrower.count(), 1);
                }
            }
        }
    }
}
