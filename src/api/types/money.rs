//! Amounts of money, exchange rates, and how sums are told in another currency.

use async_graphql::SimpleObject;

use super::reading::Reading;
use crate::api::error::Error;
use crate::api::scalars::{Date, Decimal};
use crate::domain::money::{self, Currency, Sums};
use crate::domain::prices::Price;

/// An exact amount in one currency. Amounts in several currencies are never added.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub(crate) struct Money {
    /// The amount, with the decimals of its currency: "36.00" EUR, "1500" JPY. A price may have more of
    /// them. Sums are exact until they are written here, where they are rounded half to even.
    amount: Decimal,
    /// ISO 4217: "EUR".
    currency: String,
}

impl From<money::Money> for Money {
    fn from(money: money::Money) -> Self {
        Self {
            amount: Decimal(money.amount_text()),
            currency: money.currency().to_string(),
        }
    }
}

impl Money {
    /// What a price was told as.
    pub(crate) fn of_price(price: &Price) -> Self {
        Self {
            amount: Decimal(price.amount_text()),
            currency: price.rate.currency().to_string(),
        }
    }

    /// An entry for each currency, in the order of their codes.
    pub(crate) fn of_sums(sums: &Sums) -> Vec<Self> {
        sums.totals().iter().copied().map(Self::from).collect()
    }
}

/// A currency in which sums are told, where the operator's rates of today lead to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told(Option<Currency>);

impl Told {
    /// Reads the argument of a field; none tells each sum in its own currency.
    pub(crate) fn parse(currency: Option<&str>) -> Result<Self, Error> {
        let parsed = currency.map(Currency::parse).transpose();
        parsed
            .map(Self)
            .map_err(|invalid| Error::bad_input(format!("`currency` is none: {invalid}.")))
    }

    /// Sums by currency, those that have a rate in this one.
    pub(crate) fn sums(self, reading: &Reading, sums: &Sums) -> Vec<Money> {
        match self.0 {
            None => Money::of_sums(sums),
            Some(to) => {
                let rates = &reading.declared().exchange_rates;
                Money::of_sums(&rates.converted_sums(sums, to, reading.today()))
            }
        }
    }
}

/// What one unit of a currency is worth in another, from a day on until the next rate of the two.
/// Nothing is derived from it: the way back and the way by a third currency have rates of their own.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct ExchangeRate {
    /// ISO 4217: the currency that is converted.
    from: String,
    /// ISO 4217: the currency that it is converted to.
    to: String,
    /// The first day, in UTC.
    on: Date,
    /// How many units of `to` one unit of `from` is worth: "0.92".
    rate: Decimal,
}

impl ExchangeRate {
    /// Every rate that was told.
    pub(crate) fn all(reading: &Reading) -> Vec<Self> {
        let entries = reading.declared().exchange_rates.entries();
        entries
            .map(|((from, to), on, rate)| Self {
                from: from.to_string(),
                to: to.to_string(),
                on: Date(on),
                rate: Decimal(rate.to_string()),
            })
            .collect()
    }
}
