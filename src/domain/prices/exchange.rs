//! What one currency is worth in another, on the days for which the operator says so.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::domain::money::{Currency, Money, Sums};

/// The largest rate; the smallest is its inverse. Beyond, one of two numbers was mistyped.
pub const RATE_MAX: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// The most decimals of a rate.
pub const RATE_DECIMALS_MAX: u32 = 10;

/// The most rates that are kept: a hundred years of days of one pair, or years of several.
pub const RATES_MAX: usize = 40_000;

/// The operator's dated rates. Nothing is derived from them: the way back and the way by way of a third
/// currency each have a price of their own, so they are told or not taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExchangeRates {
    pairs: BTreeMap<(Currency, Currency), BTreeMap<Date, Decimal>>,
}

/// Why a number is not a rate. Each says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExchangeRate {
    /// Between a currency and itself.
    #[error("an exchange rate is between two different currencies")]
    SameCurrency,
    /// Zero, below, or too small.
    #[error(
        "an exchange rate is at least 1/{RATE_MAX}: how many units of the second currency one of the first is worth"
    )]
    TooSmall,
    /// Above [`RATE_MAX`].
    #[error(
        "an exchange rate is at most {RATE_MAX}: how many units of the second currency one of the first is worth"
    )]
    TooLarge,
    /// More than [`RATE_DECIMALS_MAX`].
    #[error("an exchange rate has at most {RATE_DECIMALS_MAX} decimals")]
    TooManyDecimals,
    /// More than [`RATES_MAX`].
    #[error("there are {RATES_MAX} exchange rates; remove old ones first")]
    Full,
}

impl ExchangeRates {
    /// Adds a rate: from that day on, one unit of the first currency is worth so many of the second. One
    /// that was told for the same day is replaced.
    pub fn insert(
        &mut self,
        (from, to): (Currency, Currency),
        on: Date,
        rate: Decimal,
    ) -> Result<(), InvalidExchangeRate> {
        let rate = rate.normalize();
        if from == to {
            return Err(InvalidExchangeRate::SameCurrency);
        } else if rate > RATE_MAX {
            return Err(InvalidExchangeRate::TooLarge);
        } else if rate < Decimal::ONE / RATE_MAX {
            return Err(InvalidExchangeRate::TooSmall);
        } else if rate.scale() > RATE_DECIMALS_MAX {
            return Err(InvalidExchangeRate::TooManyDecimals);
        }
        let count: usize = self.pairs.values().map(BTreeMap::len).sum();
        let rates = self.pairs.entry((from, to)).or_default();
        if count >= RATES_MAX && !rates.contains_key(&on) {
            return Err(InvalidExchangeRate::Full);
        }
        rates.insert(on, rate);
        Ok(())
    }

    /// Takes out the rate that was told for a day; whether there was one.
    pub fn remove(&mut self, pair: (Currency, Currency), on: Date) -> bool {
        let Some(rates) = self.pairs.get_mut(&pair) else {
            return false;
        };
        let was_there = rates.remove(&on).is_some();
        if rates.is_empty() {
            self.pairs.remove(&pair);
        }
        was_there
    }

    /// Every rate, by pair of currencies, then by day.
    pub fn entries(&self) -> impl Iterator<Item = ((Currency, Currency), Date, Decimal)> {
        let pairs = self.pairs.iter();
        pairs.flat_map(|(pair, rates)| rates.iter().map(|(on, rate)| (*pair, *on, *rate)))
    }

    /// The newest rate on or before a day, and since when it is told.
    pub fn newest(&self, from: Currency, to: Currency, on: Date) -> Option<(Date, Decimal)> {
        let rates = self.pairs.get(&(from, to))?;
        let (since, rate) = rates.range(..=on).next_back()?;
        Some((*since, *rate))
    }

    /// An amount in another currency, by the newest rate on or before a day; `None` without one.
    pub fn converted(&self, money: Money, to: Currency, on: Date) -> Option<Money> {
        if money.currency() == to {
            return Some(money);
        }
        let (_, rate) = self.newest(money.currency(), to, on)?;
        Some(money.converted(rate, to))
    }

    /// The same sums with everything in one currency that has a rate; the rest stays as it is.
    pub fn converted_sums(&self, sums: &Sums, to: Currency, on: Date) -> Sums {
        let amounts = sums.totals().iter();
        amounts
            .map(|money| self.converted(*money, to, on).unwrap_or(*money))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::{BillingPeriod, Rate, parse_amount};

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn money(amount: &str, code: &str) -> Money {
        let amount = parse_amount(amount).unwrap();
        Rate::new(amount, currency(code), BillingPeriod::Month)
            .unwrap()
            .monthly()
    }

    fn rates() -> ExchangeRates {
        let mut rates = ExchangeRates::default();
        let pair = (currency("USD"), currency("EUR"));
        rates
            .insert(pair, day("2026-01-01"), Decimal::new(9, 1))
            .unwrap();
        rates
            .insert(pair, day("2026-07-01"), Decimal::new(8, 1))
            .unwrap();
        rates
    }

    #[track_caller]
    fn check(from: &str, to: &str, on: &str, expected: Option<&str>) {
        let converted = rates().converted(money("10", from), currency(to), day(on));
        assert_eq!(
            converted.map(|money| money.to_string()).as_deref(),
            expected
        );
    }

    #[test]
    fn an_amount_is_converted_by_the_newest_rate_on_or_before_the_day() {
        check("USD", "EUR", "2025-12-31", None);
        check("USD", "EUR", "2026-01-01", Some("9.00 EUR"));
        check("USD", "EUR", "2026-06-30", Some("9.00 EUR"));
        check("USD", "EUR", "2026-07-01", Some("8.00 EUR"));
        check("USD", "EUR", "2040-01-01", Some("8.00 EUR"));
    }

    #[test]
    fn a_rate_that_is_removed_leaves_the_days_to_the_one_before() {
        let mut rates = rates();
        let pair = (currency("USD"), currency("EUR"));
        assert!(rates.remove(pair, day("2026-07-01")));
        assert!(!rates.remove(pair, day("2026-07-01")));
        let newest = rates.newest(pair.0, pair.1, day("2026-12-31"));
        assert_eq!(newest, Some((day("2026-01-01"), Decimal::new(9, 1))));
        assert_eq!(rates.entries().count(), 1);
        assert!(rates.remove(pair, day("2026-01-01")));
        assert_eq!(rates, ExchangeRates::default());
    }

    #[test]
    fn no_rate_is_turned_around_or_made_of_two() {
        check("EUR", "USD", "2026-07-01", None);
        check("USD", "JPY", "2026-07-01", None);
        check("JPY", "JPY", "2000-01-01", Some("10 JPY"));
    }

    #[test]
    fn sums_without_a_rate_stay_in_their_currency() {
        let sums: Sums = [money("10", "USD"), money("1", "EUR"), money("5", "JPY")]
            .into_iter()
            .collect();
        let converted = rates().converted_sums(&sums, currency("EUR"), day("2026-01-01"));
        let texts: Vec<_> = converted.totals().iter().map(Money::to_string).collect();
        assert_eq!(texts, ["10.00 EUR", "5 JPY"]);
        let too_early = rates().converted_sums(&sums, currency("EUR"), day("2025-01-01"));
        assert_eq!(too_early, sums);
    }

    #[test]
    fn a_rate_is_within_bounds() {
        let check = |rate: Decimal, expected| {
            let pair = (currency("USD"), currency("EUR"));
            let outcome = ExchangeRates::default().insert(pair, day("2026-01-01"), rate);
            assert_eq!(outcome.err(), expected, "{rate}");
        };
        check(RATE_MAX, None);
        check(
            RATE_MAX + Decimal::new(1, 10),
            Some(InvalidExchangeRate::TooLarge),
        );
        check(Decimal::new(1, 6), None);
        check(Decimal::new(9_999, 10), Some(InvalidExchangeRate::TooSmall));
        check(Decimal::ZERO, Some(InvalidExchangeRate::TooSmall));
        check(Decimal::NEGATIVE_ONE, Some(InvalidExchangeRate::TooSmall));
        check(Decimal::new(12_345_678_901, 10), None);
        check(
            Decimal::new(123_456_789_012, 11),
            Some(InvalidExchangeRate::TooManyDecimals),
        );
        let same = (currency("EUR"), currency("EUR"));
        let outcome = ExchangeRates::default().insert(same, day("2026-01-01"), Decimal::ONE);
        assert_eq!(outcome, Err(InvalidExchangeRate::SameCurrency));
    }

    #[test]
    fn a_rate_told_again_for_a_day_replaces_the_first_and_the_number_of_rates_is_bounded() {
        let mut rates = ExchangeRates::default();
        let pair = (currency("USD"), currency("EUR"));
        for number in 0..RATES_MAX {
            let on = crate::domain::day::date(number as i64).unwrap();
            rates.insert(pair, on, Decimal::ONE).unwrap();
        }
        let next = crate::domain::day::date(RATES_MAX as i64).unwrap();
        let outcome = rates.insert(pair, next, Decimal::ONE);
        assert_eq!(outcome, Err(InvalidExchangeRate::Full));
        let first = crate::domain::day::date(0).unwrap();
        assert_eq!(rates.insert(pair, first, Decimal::TWO), Ok(()));
        assert_eq!(
            rates.newest(pair.0, pair.1, first),
            Some((first, Decimal::TWO))
        );
    }
}
