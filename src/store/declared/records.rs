//! Records of prices, terms and exchange rates, and the way from the domain and back.

use jiff::civil::Date;
use prost::Message;
use rust_decimal::Decimal;

use crate::domain::day;
use crate::domain::ids::{PriceId, SkuId, SubscriptionId, TenantKey};
use crate::domain::money::{Currency, parse_amount};
use crate::domain::prices::{Price, ToldPrice};
use crate::domain::terms::Terms;
use crate::store::Error;
use crate::store::numbers::Numbered;
use crate::store::records::{damaged, guid, known};

/// An entry of the price book, as it was told. Its id is in its key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PriceRecord {
    #[prost(string, optional, tag = "1")]
    tenant: Option<String>,
    #[prost(bytes = "vec", optional, tag = "2")]
    subscription: Option<Vec<u8>>,
    #[prost(bytes = "vec", tag = "3")]
    sku_id: Vec<u8>,
    #[prost(string, optional, tag = "4")]
    segment: Option<String>,
    /// A decimal number: no binary one is exact.
    #[prost(string, tag = "5")]
    amount: String,
    #[prost(string, tag = "6")]
    currency: String,
    #[prost(uint32, tag = "7")]
    per: u32,
    /// Days from 1970-01-01, here and below.
    #[prost(sint64, tag = "8")]
    valid_from: i64,
    #[prost(sint64, optional, tag = "9")]
    valid_to: Option<i64>,
    #[prost(string, optional, tag = "10")]
    source: Option<String>,
}

impl From<&Price> for PriceRecord {
    fn from(price: &Price) -> Self {
        let Price {
            id: _,
            scope,
            sku_id,
            segment,
            rate,
            per,
            validity,
            source,
        } = price;
        let subscription = scope.subscription();
        Self {
            tenant: scope.tenant().map(ToString::to_string),
            subscription: subscription.map(|id| id.0.as_bytes().to_vec()),
            sku_id: sku_id.0.as_bytes().to_vec(),
            segment: segment.as_ref().map(|own| own.as_str().to_owned()),
            amount: price.amount_text(),
            currency: rate.currency().to_string(),
            per: per.number(),
            valid_from: day::number(validity.from()),
            valid_to: validity.to().map(day::number),
            source: source.as_ref().map(|own| own.as_str().to_owned()),
        }
    }
}

impl PriceRecord {
    pub(super) fn is_of(&self, tenant: &TenantKey) -> bool {
        self.tenant.as_deref() == Some(tenant.as_str())
    }

    pub(super) fn into_price(self, id: PriceId) -> Result<Price, Error> {
        let subscription = self.subscription.as_deref().map(guid).transpose()?;
        let told = ToldPrice {
            tenant: self.tenant.as_deref().map(tenant_key).transpose()?,
            subscription: subscription.map(SubscriptionId),
            sku_id: SkuId(guid(&self.sku_id)?),
            segment: self.segment.as_deref(),
            amount: parse_amount(&self.amount).map_err(|error| damaged(&error.to_string()))?,
            currency: &self.currency,
            per: known(self.per, "billing period")?,
            valid_from: date(self.valid_from)?,
            valid_to: self.valid_to.map(date).transpose()?,
            source: self.source.as_deref(),
        };
        Price::new(id, told).map_err(|error| damaged(&format!("price {id}: {error}")))
    }
}

/// What was declared of a purchase. Tenant and purchase are in its key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TermsRecord {
    #[prost(uint32, tag = "1")]
    term: u32,
    #[prost(uint32, tag = "2")]
    billing: u32,
    #[prost(bool, optional, tag = "3")]
    auto_renews: Option<bool>,
    #[prost(sint64, optional, tag = "4")]
    renews_on: Option<i64>,
}

impl From<&Terms> for TermsRecord {
    fn from(terms: &Terms) -> Self {
        let Terms {
            term,
            billing,
            auto_renews,
            renews_on,
        } = terms;
        Self {
            term: term.number(),
            billing: billing.number(),
            auto_renews: *auto_renews,
            renews_on: renews_on.map(day::number),
        }
    }
}

impl TermsRecord {
    pub(super) fn into_terms(self) -> Result<Terms, Error> {
        Ok(Terms {
            term: known(self.term, "term")?,
            billing: known(self.billing, "billing")?,
            auto_renews: self.auto_renews,
            renews_on: self.renews_on.map(date).transpose()?,
        })
    }
}

/// What one currency is worth in another from a day on.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExchangeRateRecord {
    #[prost(string, tag = "1")]
    from: String,
    #[prost(string, tag = "2")]
    to: String,
    #[prost(sint64, tag = "3")]
    on: i64,
    #[prost(string, tag = "4")]
    rate: String,
}

impl ExchangeRateRecord {
    pub(super) fn new((from, to): (Currency, Currency), on: Date, rate: Decimal) -> Self {
        Self {
            from: from.to_string(),
            to: to.to_string(),
            on: day::number(on),
            rate: rate.to_string(),
        }
    }

    pub(super) fn into_rate(self) -> Result<((Currency, Currency), Date, Decimal), Error> {
        let currency = |code: &str| {
            Currency::parse(code).map_err(|_| damaged(&format!("an unknown currency {code}")))
        };
        let rate = Decimal::from_str_exact(&self.rate);
        let rate = rate.map_err(|_| damaged("an exchange rate is no number"))?;
        Ok((
            (currency(&self.from)?, currency(&self.to)?),
            date(self.on)?,
            rate,
        ))
    }
}

fn tenant_key(text: &str) -> Result<TenantKey, Error> {
    TenantKey::parse(text).map_err(|_| damaged("a price of no tenant's key"))
}

pub(super) fn date(number: i64) -> Result<Date, Error> {
    day::date(number).ok_or_else(|| damaged("a date out of range"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::money::BillingPeriod;
    use crate::domain::terms::{Billing, Term};
    use crate::store::records::decode;

    fn any_price() -> impl Strategy<Value = Price> {
        let text = || prop::option::of("[a-zß€ ]{0,20}");
        let scope = (0u8..3, any::<u128>());
        let days = (-1_000i64..40_000, prop::option::of(0i64..2_000));
        let amount = (0i64..=1_000_000_000_000_000, 0u32..=6);
        let currency = prop::sample::select(vec!["EUR", "JPY", "KWD"]);
        let per = prop::sample::select(vec![BillingPeriod::Month, BillingPeriod::Year]);
        let parts = (scope, (text(), text()), days, amount, currency, per);
        parts.prop_map(
            |((scope, guid), (segment, source), (from, length), (units, digits), currency, per)| {
                let told = ToldPrice {
                    tenant: (scope > 0).then(|| TenantKey::parse("contoso").unwrap()),
                    subscription: (scope > 1).then_some(SubscriptionId(Uuid::from_u128(guid))),
                    sku_id: SkuId(Uuid::from_u128(guid)),
                    segment: segment.as_deref(),
                    amount: Decimal::new(units, 6).round_dp(digits),
                    currency,
                    per,
                    valid_from: day::date(from).unwrap(),
                    valid_to: length.map(|length| day::date(from + length).unwrap()),
                    source: source.as_deref(),
                };
                Price::new(PriceId(Uuid::from_u128(guid)), told).unwrap()
            },
        )
    }

    fn any_terms() -> impl Strategy<Value = Terms> {
        use Term::{Annual, Monthly, ThreeYears, Unknown};
        let term = prop::sample::select(vec![Monthly, Annual, ThreeYears, Unknown]);
        let billing = prop::sample::select(vec![
            Billing::Monthly,
            Billing::Annual,
            Billing::Upfront,
            Billing::Unknown,
        ]);
        let renews_on = prop::option::of(-1_000i64..40_000);
        (term, billing, any::<Option<bool>>(), renews_on).prop_map(
            |(term, billing, auto_renews, renews_on)| Terms {
                term,
                billing,
                auto_renews,
                renews_on: renews_on.and_then(day::date),
            },
        )
    }

    proptest! {
        #[test]
        fn a_price_reads_back_as_it_was(price in any_price()) {
            let bytes = PriceRecord::from(&price).encode_to_vec();
            let record: PriceRecord = decode(&bytes).unwrap();
            prop_assert_eq!(record.into_price(price.id).unwrap(), price);
        }

        #[test]
        fn terms_read_back_as_they_were(terms in any_terms()) {
            let bytes = TermsRecord::from(&terms).encode_to_vec();
            let record: TermsRecord = decode(&bytes).unwrap();
            prop_assert_eq!(record.into_terms().unwrap(), terms);
        }

        #[test]
        fn no_bytes_make_a_record_panic(bytes: Vec<u8>) {
            let id = PriceId(Uuid::nil());
            let _ = decode::<PriceRecord>(&bytes).and_then(|record| record.into_price(id));
            let _ = decode::<TermsRecord>(&bytes).and_then(TermsRecord::into_terms);
            let _ = decode::<ExchangeRateRecord>(&bytes).and_then(ExchangeRateRecord::into_rate);
        }
    }

    #[test]
    fn a_rate_reads_back_to_the_last_decimal() {
        let pair = ["USD", "EUR"].map(|code| Currency::parse(code).unwrap());
        let pair = (pair[0], pair[1]);
        let on: Date = "2026-01-31".parse().unwrap();
        let rate = Decimal::from_str_exact("0.9234567891").unwrap();
        let record = ExchangeRateRecord::new(pair, on, rate);
        let read = decode::<ExchangeRateRecord>(&record.encode_to_vec()).unwrap();
        assert_eq!(read.into_rate().unwrap(), (pair, on, rate));
    }

    #[test]
    fn what_is_no_price_is_damage() {
        let record = PriceRecord {
            amount: "x".to_owned(),
            ..PriceRecord::default()
        };
        let read = record.into_price(PriceId(Uuid::nil()));
        assert!(matches!(read, Err(Error::Damaged(_))));
    }
}
