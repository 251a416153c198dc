//! What operators told of money (prices, terms of purchases, exchange rates), and whom they let read the
//! calendar.
//!
//! They are the operator's own work and not Microsoft's: a disconnect leaves them, a purge deletes those
//! of the tenant.

mod deliveries;
mod feeds;
mod records;

use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::civil::Date;
use prost::Message;
use rust_decimal::Decimal;

pub use self::deliveries::{LevelKey, ToldKey};

use self::records::{ExchangeRateRecord, PriceRecord, TermsRecord};
use super::backend::{Batch, Direction, Key, Range, Table};
use super::envelope::{self, Kind};
use super::records::{damaged, decode};
use super::{Error, Store, keys};
use crate::domain::ids::{PriceId, SubscriptionId, TenantKey};
use crate::domain::money::Currency;
use crate::domain::prices::Price;
use crate::domain::prices::book::PriceBook;
use crate::domain::prices::exchange::ExchangeRates;
use crate::domain::terms::Terms;

impl Store {
    /// The price book.
    pub fn prices(&self) -> Result<PriceBook, Error> {
        let all = keys::all_of_nobody(Table::Price);
        let mut prices = Vec::new();
        self.each_record(&all, Kind::Price, &mut |key, record: PriceRecord| {
            let id = keys::guid_of(&key.bytes).map(PriceId);
            let id = id.ok_or_else(|| damaged("the key of a price"))?;
            prices.push(record.into_price(id)?);
            Ok(())
        })?;
        let book = PriceBook::default().with_all(prices);
        book.map_err(|(_, conflict)| damaged(&format!("the price book: {conflict}")))
    }

    /// Files some prices and deletes others, all or nothing; durable on return.
    pub fn save_prices(&self, saved: &[Arc<Price>], deleted: &[PriceId]) -> Result<(), Error> {
        let mut batch = Batch::default();
        for id in deleted {
            batch.delete(keys::price(*id));
        }
        for price in saved {
            let record = PriceRecord::from(&**price).encode_to_vec();
            put(&mut batch, keys::price(price.id), Kind::Price, &record);
        }
        self.write_durably(batch)
    }

    /// Deletes the prices of a tenant. What cannot be read is left: it cannot be said whose it is.
    pub(super) fn delete_prices_of(&self, tenant: &TenantKey) -> Result<(), Error> {
        let mut batch = Batch::default();
        for key in self.keys_in(&keys::all_of_nobody(Table::Price), usize::MAX)? {
            let record = self.read(&key, Kind::Price);
            let record =
                record.and_then(|record| decode::<PriceRecord>(&record.unwrap_or_default()));
            if record.is_ok_and(|record| record.is_of(tenant)) {
                batch.delete(key);
            }
        }
        match batch.is_empty() {
            true => Ok(()),
            false => self.write_durably(batch),
        }
    }

    /// What was declared of a tenant's purchases, by GUID.
    pub fn terms(&self, tenant: &TenantKey) -> Result<Vec<(SubscriptionId, Terms)>, Error> {
        let all = keys::all_of(Table::Terms, tenant);
        let mut terms = Vec::new();
        self.each_record(&all, Kind::Terms, &mut |key, record: TermsRecord| {
            let id = keys::guid_of(&key.bytes).map(SubscriptionId);
            let id = id.ok_or_else(|| damaged("the key of terms"))?;
            terms.push((id, record.into_terms()?));
            Ok(())
        })?;
        Ok(terms)
    }

    /// Files what was declared of a purchase; `None` deletes it. Durable on return.
    pub fn save_terms(
        &self,
        tenant: &TenantKey,
        id: SubscriptionId,
        terms: Option<&Terms>,
    ) -> Result<(), Error> {
        let mut batch = Batch::default();
        let key = keys::terms(tenant, id);
        match terms {
            Some(terms) => {
                let record = TermsRecord::from(terms).encode_to_vec();
                put(&mut batch, key, Kind::Terms, &record);
            }
            None => batch.delete(key),
        }
        self.write_durably(batch)
    }

    /// The exchange rates.
    pub fn exchange_rates(&self) -> Result<ExchangeRates, Error> {
        let all = keys::all_of_nobody(Table::ExchangeRate);
        let mut rates = ExchangeRates::default();
        self.each_record(
            &all,
            Kind::ExchangeRate,
            &mut |_, record: ExchangeRateRecord| {
                let (pair, on, rate) = record.into_rate()?;
                let inserted = rates.insert(pair, on, rate);
                inserted.map_err(|refused| damaged(&format!("an exchange rate: {refused}")))
            },
        )?;
        Ok(rates)
    }

    /// Files what one currency is worth in another from a day on; `None` deletes it. Durable on return.
    pub fn save_exchange_rate(
        &self,
        pair: (Currency, Currency),
        on: Date,
        rate: Option<Decimal>,
    ) -> Result<(), Error> {
        let mut batch = Batch::default();
        let key = keys::exchange_rate(pair, on);
        match rate {
            Some(rate) => {
                let record = ExchangeRateRecord::new(pair, on, rate).encode_to_vec();
                put(&mut batch, key, Kind::ExchangeRate, &record);
            }
            None => batch.delete(key),
        }
        self.write_durably(batch)
    }

    /// Reads every record of a range, up to the first that is damaged.
    fn each_record<R: Message + Default>(
        &self,
        range: &Range,
        kind: Kind,
        take: &mut dyn FnMut(&Key, R) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut outcome = Ok(());
        let mut visit = |bytes: &[u8], value: &[u8]| {
            let key = Key {
                table: range.table,
                bytes: bytes.to_vec(),
            };
            let record = envelope::open(&key, kind, value).and_then(|bytes| decode(&bytes));
            outcome = record.and_then(|record| take(&key, record));
            match outcome {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        let backend = &self.inner.backend;
        backend.scan(range, Direction::Ascending, &mut visit)?;
        outcome
    }
}

fn put(batch: &mut Batch, key: Key, kind: Kind, record: &[u8]) {
    let value = envelope::seal(&key, kind, record);
    batch.put(key, value);
}
