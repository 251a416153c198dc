//! All tenants at one moment, and how one moment follows another.

use std::sync::Arc;

use arc_swap::ArcSwap;

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

    /// Replaces (or adds) one tenant's index; readers of older worlds are not disturbed.
    pub fn publish(&self, index: TenantIndex) {
        let index = Arc::new(index);
        self.world.rcu(|world| {
            let mut tenants = world.without(index.key());
            let place = tenants.partition_point(|tenant| tenant.key() < index.key());
            tenants.insert(place, Arc::clone(&index));
            world.followed_by(tenants)
        });
    }

    /// Removes a tenant.
    pub fn remove(&self, tenant: &TenantKey) {
        self.world
            .rcu(|world| world.followed_by(world.without(tenant)));
    }
}

/// All tenants at one moment.
#[derive(Default)]
pub struct World {
    version: u64,
    tenants: Vec<Arc<TenantIndex>>,
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
}
