//! The store as a whole: on sled in a directory of its own, and on the engine that fails on demand.

mod commits;
mod faults;
mod opening;
mod settings;
mod size;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::memory::MemoryBackend;
use super::samples::{run, tenant};
use super::{EncryptionKey, Error, Fact, OpenError, OpenOptions, Published, Staging, Store};
use crate::domain::ids::TenantKey;
use crate::domain::license::License;
use crate::domain::tenant::Organization;
use crate::domain::user::User;

fn contoso() -> TenantKey {
    tenant("contoso")
}

fn try_open(directory: &Path, key: &EncryptionKey) -> Result<Store, OpenError> {
    Store::open(OpenOptions {
        directory: directory.to_owned(),
        key: key.clone(),
        free_bytes_min: 0,
    })
}

fn open(directory: &Path, key: &EncryptionKey) -> Store {
    try_open(directory, key).unwrap()
}

fn in_memory(backend: &Arc<MemoryBackend>) -> Store {
    let key =
        EncryptionKey::parse("8f1b7c2d9e0a4356c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9f00112233a")
            .unwrap();
    Store::open_on(backend.clone(), key, 0).unwrap()
}

fn as_of(number: u128) -> Timestamp {
    Timestamp::new(1_700_000_000 + number as i64, 123_456_789).unwrap()
}

/// All facts of a tenant.
#[derive(Debug, Clone, PartialEq, Default)]
struct World {
    organization: Option<Organization>,
    licenses: BTreeMap<Uuid, License>,
    users: BTreeMap<Uuid, User>,
}

/// What is loaded, and the number of the run that is current (0: none).
fn load(store: &Store, tenant: &TenantKey) -> Result<(u128, World), Error> {
    let mut world = World::default();
    let mut kinds = Vec::new();
    let published = store.load(tenant, &mut |fact| match fact {
        Fact::Organization(fact) => {
            kinds.push(0);
            assert!(world.organization.replace(fact).is_none());
        }
        Fact::License(fact) => {
            kinds.push(1);
            assert!(world.licenses.insert(fact.sku_id.0, fact).is_none());
        }
        Fact::User(fact) => {
            kinds.push(2);
            assert!(world.users.insert(fact.object_id.0, fact).is_none());
        }
    })?;
    assert!(kinds.is_sorted(), "organization, licenses, users");
    let number = published.map_or(0, |Published { run, as_of: found }| {
        assert_eq!(found, as_of(run.0.as_u128()));
        run.0.as_u128()
    });
    Ok((number, world))
}

/// Commits a run that makes `after` of what is stored.
fn commit(store: &Store, tenant: &TenantKey, number: u128, after: &World) -> Result<(), Error> {
    let (_, before) = load(store, tenant)?;
    stage(store, tenant, number, &before, after)?.commit(&run(tenant, number), as_of(number))
}

/// Stages what differs between two worlds.
fn stage(
    store: &Store,
    tenant: &TenantKey,
    number: u128,
    before: &World,
    after: &World,
) -> Result<Staging, Error> {
    let mut staging = store.stage(tenant, run(tenant, number).id);
    if let Some(organization) = after
        .organization
        .as_ref()
        .filter(|_| before.organization != after.organization)
    {
        staging.set_organization(organization)?;
    }
    for (id, license) in &after.licenses {
        if before.licenses.get(id) != Some(license) {
            staging.put_license(license)?;
        }
    }
    for license in before
        .licenses
        .values()
        .filter(|license| !after.licenses.contains_key(&license.sku_id.0))
    {
        staging.remove_license(license.sku_id)?;
    }
    for (id, user) in &after.users {
        if before.users.get(id) != Some(user) {
            staging.put_user(user)?;
        }
    }
    for user in before
        .users
        .values()
        .filter(|user| !after.users.contains_key(&user.object_id.0))
    {
        staging.remove_user(user.object_id)?;
    }
    Ok(staging)
}

fn world(users: u64, licenses: u64) -> World {
    World {
        organization: Some(super::samples::organization("Contoso")),
        licenses: super::samples::licenses(licenses)
            .into_iter()
            .map(|license| (license.sku_id.0, license))
            .collect(),
        users: super::samples::users(users)
            .into_iter()
            .map(|user| (user.object_id.0, user))
            .collect(),
    }
}

/// The world with every `n`-th user changed and, of those, every tenth gone.
fn changed(world: &World, n: usize, stamp: u128) -> World {
    let mut changed = world.clone();
    let ids: Vec<_> = world
        .users
        .keys()
        .copied()
        .skip(stamp as usize % n)
        .step_by(n)
        .collect();
    for (index, id) in ids.into_iter().enumerate() {
        if index % 10 == 9 {
            changed.users.remove(&id);
        } else if let Some(user) = changed.users.get_mut(&id) {
            user.job_title = Some(format!("Title {stamp}"));
        }
    }
    changed
}
