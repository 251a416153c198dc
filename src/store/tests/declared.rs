//! Prices, terms and exchange rates.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::*;
use crate::domain::ids::{PriceId, SkuId};
use crate::domain::money::{BillingPeriod, Currency};
use crate::domain::prices::book::PriceBook;
use crate::domain::prices::{Price, ToldPrice};
use crate::domain::terms::{Billing, Term, Terms};
use crate::store::backend::Table;
use crate::store::memory::Surviving;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// 36 EUR a month of a product with the same number, for everybody or one tenant.
fn price(number: u128, tenant: Option<&TenantKey>) -> Arc<Price> {
    let told = ToldPrice {
        tenant: tenant.cloned(),
        subscription: None,
        sku_id: SkuId(Uuid::from_u128(number)),
        segment: None,
        amount: 36.into(),
        currency: "EUR",
        per: BillingPeriod::Month,
        valid_from: day("2026-01-01"),
        valid_to: None,
        source: Some("Invoice 7"),
    };
    Arc::new(Price::new(PriceId(Uuid::from_u128(number)), told).unwrap())
}

fn book(prices: &[Arc<Price>]) -> PriceBook {
    let prices = prices.iter().map(|price| Price::clone(price));
    PriceBook::default().with_all(prices.collect()).unwrap()
}

fn terms() -> Terms {
    Terms {
        term: Term::Annual,
        billing: Billing::Monthly,
        auto_renews: Some(true),
        renews_on: Some(day("2027-03-01")),
    }
}

fn pair() -> (Currency, Currency) {
    let [from, to] = ["USD", "EUR"].map(|code| Currency::parse(code).unwrap());
    (from, to)
}

#[test]
fn what_operators_told_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let key = EncryptionKey::random();
    let subscription = SubscriptionId(Uuid::from_u128(5));
    let both = [price(1, None), price(2, Some(&contoso()))];
    let store = open(directory.path(), &key);
    assert_eq!(store.prices().unwrap(), PriceBook::default());
    store.save_prices(&both, &[]).unwrap();
    store
        .save_terms(&contoso(), subscription, Some(&terms()))
        .unwrap();
    let rate = Some(Decimal::new(92, 2));
    store
        .save_exchange_rate(pair(), day("2026-01-31"), rate)
        .unwrap();
    store
        .save_exchange_rate(pair(), day("1969-01-31"), rate)
        .unwrap();
    drop(store);

    let store = open(directory.path(), &key);
    assert_eq!(store.prices().unwrap(), book(&both));
    assert_eq!(store.terms(&contoso()).unwrap(), [(subscription, terms())]);
    assert_eq!(store.terms(&tenant("fabrikam")).unwrap(), []);
    let rates = store.exchange_rates().unwrap();
    let days: Vec<_> = rates.entries().map(|(_, on, rate)| (on, rate)).collect();
    let rate = Decimal::new(92, 2);
    assert_eq!(days, [(day("1969-01-31"), rate), (day("2026-01-31"), rate)]);

    store.save_prices(&[], &[both[0].id]).unwrap();
    store.save_terms(&contoso(), subscription, None).unwrap();
    store
        .save_exchange_rate(pair(), day("2026-01-31"), None)
        .unwrap();
    assert_eq!(store.prices().unwrap(), book(&both[1..]));
    assert_eq!(store.terms(&contoso()).unwrap(), []);
    assert_eq!(store.exchange_rates().unwrap().entries().count(), 1);
}

#[test]
fn a_table_of_prices_is_kept_whole_or_not_at_all() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let old = [price(1, None), price(2, None)];
    store.save_prices(&old, &[]).unwrap();
    let new: Vec<_> = (3..60).map(|number| price(number, None)).collect();
    let after = book(&new);
    for surviving in Surviving::EACH {
        for call in 1.. {
            let copy = backend.after_crash(Surviving::Nothing);
            let store = in_memory(&copy);
            copy.fail_at(call, Error::DiskFull, surviving);
            let saved = store.save_prices(&new, &[old[0].id, old[1].id]);
            let found = in_memory(&copy.after_crash(surviving)).prices().unwrap();
            assert!(found == book(&old) || found == after, "call {call}");
            if !copy.has_failed() {
                assert_eq!(saved, Ok(()));
                assert_eq!(found, after);
                break;
            }
        }
    }
}

#[test]
fn a_purge_deletes_the_prices_and_terms_of_the_tenant_alone() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let fabrikam = tenant("fabrikam");
    let all = [
        price(1, None),
        price(2, Some(&contoso())),
        price(3, Some(&fabrikam)),
    ];
    store.save_prices(&all, &[]).unwrap();
    let subscription = SubscriptionId(Uuid::from_u128(5));
    for tenant in [contoso(), fabrikam.clone()] {
        store
            .save_terms(&tenant, subscription, Some(&terms()))
            .unwrap();
    }
    store.purge(&contoso(), None).unwrap();
    assert_eq!(
        store.prices().unwrap(),
        book(&[all[0].clone(), all[2].clone()])
    );
    assert_eq!(store.terms(&contoso()).unwrap(), []);
    assert_eq!(store.terms(&fabrikam).unwrap().len(), 1);
}

#[test]
fn a_damaged_price_is_told_and_hinders_no_purge() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let prices = [price(1, None), price(2, Some(&contoso()))];
    store.save_prices(&prices, &[]).unwrap();
    let damaged = crate::store::keys::price(prices[0].id);
    backend.edit(|values| {
        let place = (Table::Price, damaged.bytes.clone());
        values.get_mut(&place).unwrap().push(0);
    });
    assert!(matches!(store.prices(), Err(Error::Damaged(_))));
    store.purge(&contoso(), None).unwrap();
    assert_eq!(backend.count(Table::Price), 1);
}
