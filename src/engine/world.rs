//! All tenants at one moment, and how one moment follows another.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::civil::Date;

use crate::domain::declared::Declared;
use crate::domain::ids::TenantKey;

use super::heap::{Heap, Parts};
use super::index::TenantIndex;

/// Swaps worlds: readers take the current one, a sync publishes the next.
#[derive(Default)]
pub struct Engine {
    world: ArcSwap<World>,
}

impl Engine {
    /// An engine without tenants.
    pub fn new() -> Self {
        Self::default()
    }

    /// The current world; one request asks once and answers from it.
    pub fn world(&self) -> Arc<World> {
        self.world.load_full()
    }

    /// Replaces (or adds) one tenant's index, at the prices in force; readers of older worlds are not
    /// disturbed.
    pub fn publish(&self, index: TenantIndex) {
        self.world.rcu(|world| {
            let priced = Arc::new(index.priced(&world.declared, world.priced_on));
            let mut tenants = world.without(index.key());
            let place = tenants.partition_point(|tenant| tenant.key() < index.key());
            tenants.insert(place, priced);
            world.followed_by(tenants)
        });
    }

    /// Replaces what operators told of money: every tenant is at the new prices from then on.
    pub fn declare(&self, declared: &Arc<Declared>, today: Date) {
        self.world.rcu(|world| world.priced(declared, today));
    }

    /// Takes the prices of another day, where they differ from those of the day before.
    pub fn price_anew(&self, today: Date) {
        self.world.rcu(|world| match world.prices_hold_on(today) {
            true => Arc::clone(world),
            false => Arc::new(world.priced(&world.declared, today)),
        });
    }

    /// Removes a tenant.
    pub fn remove(&self, tenant: &TenantKey) {
        self.world
            .rcu(|world| world.followed_by(world.without(tenant)));
    }
}

/// All tenants at one moment, and what operators told of money.
pub struct World {
    version: u64,
    tenants: Vec<Arc<TenantIndex>>,
    declared: Arc<Declared>,
    /// The day whose prices the tenants are at.
    priced_on: Date,
    /// The first day after it on which some price is another.
    prices_change_on: Option<Date>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            version: 0,
            tenants: Vec::new(),
            declared: Arc::default(),
            priced_on: Date::MIN,
            prices_change_on: None,
        }
    }
}

impl World {
    /// Increases with every publication.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// In order of key.
    pub fn tenants(&self) -> &[Arc<TenantIndex>] {
        &self.tenants
    }

    /// One tenant.
    pub fn tenant(&self, key: &TenantKey) -> Option<&Arc<TenantIndex>> {
        let place = self
            .tenants
            .binary_search_by_key(&key, |tenant| tenant.key())
            .ok()?;
        self.tenants.get(place)
    }

    /// Prices, terms and exchange rates.
    pub fn declared(&self) -> &Arc<Declared> {
        &self.declared
    }

    /// Whether the tenants are at the prices of a day.
    pub fn prices_hold_on(&self, day: Date) -> bool {
        self.priced_on <= day && self.prices_change_on.is_none_or(|change| day < change)
    }

    /// Bytes on the heap that users and history of all tenants take; see [`TenantIndex::heap_bytes`].
    pub fn heap_bytes(&self) -> usize {
        let mut parts = Parts::default();
        let own: usize = self
            .tenants
            .iter()
            .map(|tenant| tenant.heap(&mut parts))
            .sum();
        own + parts.bytes()
    }

    fn without(&self, key: &TenantKey) -> Vec<Arc<TenantIndex>> {
        let others = self.tenants.iter().filter(|tenant| tenant.key() != key);
        others.cloned().collect()
    }

    fn followed_by(&self, tenants: Vec<Arc<TenantIndex>>) -> Self {
        Self {
            version: self.version + 1,
            tenants,
            declared: Arc::clone(&self.declared),
            priced_on: self.priced_on,
            prices_change_on: self.prices_change_on,
        }
    }

    fn priced(&self, declared: &Arc<Declared>, today: Date) -> Self {
        let tenants = self.tenants.iter();
        let priced = tenants.map(|tenant| Arc::new(tenant.priced(declared, today)));
        Self {
            version: self.version + 1,
            tenants: priced.collect(),
            declared: Arc::clone(declared),
            priced_on: today,
            prices_change_on: declared.prices.next_change_after(today),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> TenantKey {
        TenantKey::parse(text).unwrap()
    }

    #[test]
    fn every_publication_is_a_new_version_and_an_older_world_stays_as_it_was() {
        let engine = Engine::new();
        let first = engine.world();
        engine.publish(TenantIndex::empty(key("b")));
        engine.publish(TenantIndex::empty(key("a")));
        let second = engine.world();
        engine.publish(TenantIndex::empty(key("b")));
        engine.remove(&key("a"));
        let third = engine.world();
        let keys = |world: &World| {
            world
                .tenants()
                .iter()
                .map(|tenant| tenant.key().to_string())
                .collect::<Vec<_>>()
        };
        assert!(keys(&first).is_empty());
        assert_eq!(keys(&second), ["a", "b"]);
        assert_eq!(keys(&third), ["b"]);
        assert_eq!(
            [&first, &second, &third].map(|world| world.version()),
            [0, 2, 4]
        );
        assert!(second.tenant(&key("a")).is_some() && third.tenant(&key("a")).is_none());
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// 36 EUR in the first half of 2026.
    fn first_half() -> Arc<Declared> {
        use crate::domain::ids::{PriceId, SkuId};
        use crate::domain::money::BillingPeriod;
        use crate::domain::prices::{Price, ToldPrice};
        let told = ToldPrice {
            tenant: None,
            subscription: None,
            sku_id: SkuId(uuid::Uuid::from_u128(1)),
            segment: None,
            amount: 36.into(),
            currency: "EUR",
            per: BillingPeriod::Month,
            valid_from: day("2026-01-01"),
            valid_to: Some(day("2026-06-30")),
            source: None,
        };
        let price = Price::new(PriceId(uuid::Uuid::from_u128(9)), told).unwrap();
        let mut declared = Declared::default();
        declared.prices = Arc::new(declared.prices.with(price).unwrap());
        Arc::new(declared)
    }

    #[test]
    fn a_world_says_until_when_its_prices_hold_and_the_next_one_is_a_new_version() {
        let engine = Engine::new();
        engine.publish(TenantIndex::empty(key("a")));
        assert!(
            engine.world().prices_hold_on(day("2030-01-01")),
            "there are none"
        );
        engine.declare(&first_half(), day("2026-03-15"));
        let march = engine.world();
        let check = |on: &str, holds| assert_eq!(march.prices_hold_on(day(on)), holds, "{on}");
        check("2026-03-14", false);
        check("2026-03-15", true);
        check("2026-06-30", true);
        check("2026-07-01", false);
        engine.price_anew(day("2026-06-30"));
        assert_eq!(engine.world().version(), march.version(), "nothing changed");
        engine.price_anew(day("2026-07-01"));
        let july = engine.world();
        assert_eq!(july.version(), march.version() + 1);
        assert!(
            july.prices_hold_on(day("2030-01-01")),
            "no price begins or ends"
        );
        engine.publish(TenantIndex::empty(key("b")));
        assert!(
            !engine.world().prices_hold_on(day("2026-06-30")),
            "it stays in July"
        );
    }
}
