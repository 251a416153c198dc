//! What operators tell of money: the price book, the terms of purchases, exchange rates.
//!
//! Told once, it is on disk before it shows, and it shows everywhere at once: the next world has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::tenant::Shared;
use super::{Coordinator, Refusal};
use crate::domain::declared::Declared;
use crate::domain::ids::{PriceId, SubscriptionId, TenantKey};
use crate::domain::money::Currency;
use crate::domain::prices::book::{PriceBook, PriceConflict};
use crate::domain::prices::exchange::InvalidExchangeRate;
use crate::domain::prices::table::{self, TableError, TableFault};
use crate::domain::prices::{InvalidPrice, Price, ToldPrice};
use crate::domain::terms::Terms;
use crate::engine::World;

/// What an import has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportedPrices {
    /// Entries that are new.
    pub added: usize,
    /// Entries that took the place of one with the same id.
    pub replaced: usize,
    /// Entries of the book afterwards.
    pub total: usize,
}

impl From<InvalidPrice> for Refusal {
    fn from(invalid: InvalidPrice) -> Self {
        Self::BadInput(invalid.to_string())
    }
}

impl From<InvalidExchangeRate> for Refusal {
    fn from(invalid: InvalidExchangeRate) -> Self {
        Self::BadInput(invalid.to_string())
    }
}

impl From<PriceConflict> for Refusal {
    fn from(conflict: PriceConflict) -> Self {
        match conflict {
            PriceConflict::Unknown(_) => Self::NotFound,
            PriceConflict::Overlap { .. } | PriceConflict::Taken(_) | PriceConflict::Full => {
                Self::Conflict(conflict.to_string())
            }
        }
    }
}

impl Shared {
    /// The day that it is, in UTC.
    pub(super) fn today(&self) -> Date {
        self.clock.now().to_zoned(TimeZone::UTC).date()
    }

    fn declared(&self) -> Declared {
        Declared::clone(self.engine.world().declared())
    }

    fn declare(&self, declared: Declared) {
        self.engine.declare(&Arc::new(declared), self.today());
    }
}

impl Coordinator {
    /// The world of this moment, at the prices of the day that it is.
    pub fn moment(&self) -> (Arc<World>, Date) {
        let (engine, today) = (&self.shared.engine, self.shared.today());
        let world = engine.world();
        if world.prices_hold_on(today) {
            return (world, today);
        }
        engine.price_anew(today);
        (engine.world(), today)
    }

    /// Adds a price to the book, and says under which id. One for the same seats on the same days is
    /// refused.
    pub async fn set_price(&self, told: ToldPrice<'_>) -> Result<PriceId, Refusal> {
        if let Some(tenant) = &told.tenant {
            self.state(tenant)?;
        }
        let price = Price::new(new_price_id(), told)?;
        self.check_purchase(&price)?;
        let id = price.id;
        let _declaring = self.declaring.lock().await;
        let mut declared = self.shared.declared();
        declared.prices = Arc::new(declared.prices.with(price)?);
        let saved: Vec<_> = declared.prices.get(id).cloned().into_iter().collect();
        self.shared
            .with_store(move |store| store.save_prices(&saved, &[]))
            .await?;
        self.shared.declare(declared);
        Ok(id)
    }

    /// The price of a purchase is for what was bought.
    fn check_purchase(&self, price: &Price) -> Result<(), Refusal> {
        let (Some(tenant), Some(id)) = (price.scope.tenant(), price.scope.subscription()) else {
            return Ok(());
        };
        let index = self.shared.index(tenant);
        let bought = index.subscription(id).ok_or(Refusal::NotFound)?;
        if bought.sku_id != price.sku_id {
            return Err(Refusal::BadInput(format!(
                "that subscription is of the license {}, not of {}: name the skuId that was bought",
                bought.sku_id, price.sku_id
            )));
        }
        Ok(())
    }

    /// Takes a price out of the book.
    pub async fn delete_price(&self, id: PriceId) -> Result<(), Refusal> {
        let _declaring = self.declaring.lock().await;
        let mut declared = self.shared.declared();
        declared.prices = Arc::new(declared.prices.without(id)?);
        self.shared
            .with_store(move |store| store.save_prices(&[], &[id]))
            .await?;
        self.shared.declare(declared);
        Ok(())
    }

    /// Takes a table of prices into the book: all of it, or nothing with what is wrong in which line.
    pub async fn import_prices(&self, text: String) -> Result<ImportedPrices, Refusal> {
        let _declaring = self.declaring.lock().await;
        let mut declared = self.shared.declared();
        let before = Arc::clone(&declared.prices);
        let tenants = self.tenants.keys().cloned().collect();
        // A table of megabytes takes a while to read.
        let reading = tokio::task::spawn_blocking(move || read(&before, &text, &tenants));
        let read = reading.await.map_err(|_| {
            Refusal::Unavailable("the table could not be read; the log has more".to_owned())
        })?;
        let (book, saved) = read.map_err(|faults| refusal(&faults))?;
        let known = saved
            .iter()
            .filter(|price| declared.prices.get(price.id).is_some());
        let imported = ImportedPrices {
            replaced: known.clone().count(),
            added: saved.len() - known.count(),
            total: book.len(),
        };
        declared.prices = Arc::new(book);
        self.shared
            .with_store(move |store| store.save_prices(&saved, &[]))
            .await?;
        self.shared.declare(declared);
        Ok(imported)
    }

    /// Declares what Microsoft does not tell of a purchase, in place of what was declared before.
    pub async fn declare_terms(
        &self,
        tenant: &TenantKey,
        id: SubscriptionId,
        terms: Terms,
    ) -> Result<(), Refusal> {
        self.state(tenant)?;
        let index = self.shared.index(tenant);
        index.subscription(id).ok_or(Refusal::NotFound)?;
        let kept = Some(terms).filter(|terms| *terms != Terms::UNKNOWN);
        let _declaring = self.declaring.lock().await;
        let mut declared = self.shared.declared();
        let place = (tenant.clone(), id);
        let all = Arc::make_mut(&mut declared.terms);
        match kept {
            Some(terms) => all.insert(place, terms),
            None => all.remove(&place),
        };
        let tenant = tenant.clone();
        self.shared
            .with_store(move |store| store.save_terms(&tenant, id, kept.as_ref()))
            .await?;
        self.shared.declare(declared);
        Ok(())
    }

    /// Tells what one unit of a currency is worth in another from a day on; `None` takes it back.
    pub async fn set_exchange_rate(
        &self,
        pair: (Currency, Currency),
        on: Date,
        rate: Option<Decimal>,
    ) -> Result<(), Refusal> {
        let _declaring = self.declaring.lock().await;
        let mut declared = self.shared.declared();
        let rates = Arc::make_mut(&mut declared.exchange_rates);
        match rate {
            Some(rate) => rates.insert(pair, on, rate)?,
            None if rates.remove(pair, on) => {}
            None => {
                return Err(Refusal::Conflict(format!(
                    "no rate from {} to {} was told for {on}; `exchangeRates` lists those that were",
                    pair.0, pair.1
                )));
            }
        }
        self.shared
            .with_store(move |store| store.save_exchange_rate(pair, on, rate))
            .await?;
        self.shared.declare(declared);
        Ok(())
    }

    /// Forgets what was told of a tenant that is purged.
    pub(super) fn forget_declared(&self, tenant: &TenantKey) {
        let mut declared = self.shared.declared();
        let of_tenant = declared.prices.entries();
        let of_tenant = of_tenant.filter(|price| price.scope.tenant() == Some(tenant));
        let ids: BTreeSet<PriceId> = of_tenant.map(|price| price.id).collect();
        declared.prices = Arc::new(declared.prices.without_all(&ids));
        Arc::make_mut(&mut declared.terms).retain(|(owner, _), _| owner != tenant);
        self.shared.declare(declared);
    }
}

/// The book with a table taken into it, and what was in the table.
fn read(
    book: &PriceBook,
    text: &str,
    tenants: &BTreeSet<TenantKey>,
) -> Result<(PriceBook, Vec<Arc<Price>>), Vec<TableError>> {
    let rows = table::parse(text, new_price_id)?;
    // A tenant that left the configuration may have prices still: they may come back as they are.
    let known: BTreeSet<&TenantKey> = book
        .entries()
        .filter_map(|own| own.scope.tenant())
        .collect();
    let is_known = |tenant: &TenantKey| tenants.contains(tenant) || known.contains(tenant);
    let strangers = rows.iter().filter(|row| {
        let tenant = row.price.scope.tenant();
        tenant.is_some_and(|tenant| !is_known(tenant))
    });
    let faults: Vec<_> = strangers
        .map(|row| TableError {
            line: row.line,
            fault: TableFault::Cell {
                column: "tenant",
                expected: "there is no such tenant; expected the name of a section [tenants.…] of the configuration",
            },
        })
        .collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let ids: Vec<PriceId> = rows.iter().map(|row| row.price.id).collect();
    let book = table::taken(book, rows)?;
    let saved = ids.iter().filter_map(|id| book.get(*id).cloned());
    let saved = saved.collect();
    Ok((book, saved))
}

/// So many faults of a table are told at once.
const FAULTS_TOLD_MAX: usize = 20;

fn refusal(faults: &[TableError]) -> Refusal {
    let mut lines: Vec<_> = faults.iter().map(TableError::to_string).collect();
    if lines.len() > FAULTS_TOLD_MAX {
        let more = lines.len() - FAULTS_TOLD_MAX;
        lines.truncate(FAULTS_TOLD_MAX);
        lines.push(format!("and {more} more"));
    }
    let told = lines.join("\n");
    Refusal::BadInput(format!(
        "the table was not imported, no line of it:\n{told}"
    ))
}

fn new_price_id() -> PriceId {
    PriceId(Uuid::new_v4())
}
