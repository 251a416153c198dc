//! The store as a whole: on sled in a directory of its own, and on the engine that fails on demand.

mod commits;
mod declared;
mod faults;
mod lists;
mod opening;
mod settings;
mod size;
mod unfinished;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::collection::Collection;
use super::frames::{FactRef, day_of_id};
use super::memory::MemoryBackend;
use super::samples::{run, tenant};
use super::segments::Layout;
use super::{EncryptionKey, Error, Fact, OpenError, OpenOptions, Published, Staging, Store};
use crate::domain::finding::FindingsPast;
use crate::domain::ids::{ObjectId, RunId, SubscriptionId, TenantKey};
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

fn memory_key() -> EncryptionKey {
    EncryptionKey::parse("8f1b7c2d9e0a4356c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9f00112233a")
        .unwrap()
}

/// So short that a few rows are in blocks and all else is in files, and that what grows moves.
const LAYOUT: Layout = Layout {
    blocks_bytes_max: 250,
    listed_rows_min: 2,
};

fn in_memory(backend: &Arc<MemoryBackend>) -> Store {
    Store::open_on(backend.clone(), memory_key(), 0, LAYOUT).unwrap()
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
    /// Of all other collections.
    others: BTreeMap<(Collection, Uuid), Fact>,
}

/// Where a fact is kept, and under which id.
fn place(fact: &Fact) -> (Collection, Uuid) {
    let fact = FactRef::from(fact);
    (fact.collection().unwrap(), fact.id())
}

/// What is loaded, and the number of the run that is current (0: none).
fn load(store: &Store, tenant: &TenantKey) -> Result<(u128, World), Error> {
    let mut world = World::default();
    let mut collections = Vec::new();
    let published = store.load(tenant, &mut |fact| {
        let (collection, id) = place(&fact);
        collections.push(collection);
        let before = match fact {
            Fact::Organization(fact) => world.organization.replace(fact).is_some(),
            Fact::License(fact) => world.licenses.insert(id, fact).is_some(),
            Fact::User(fact) => world.users.insert(id, fact).is_some(),
            other => world.others.insert((collection, id), other).is_some(),
        };
        assert!(!before, "{collection:?} {id} came twice");
    })?;
    assert!(collections.is_sorted(), "the order of loading");
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
    stage_others(&mut staging, before, after)?;
    Ok(staging)
}

fn stage_others(staging: &mut Staging, before: &World, after: &World) -> Result<(), Error> {
    for (place, fact) in &after.others {
        if before.others.get(place) != Some(fact) {
            put(staging, fact)?;
        }
    }
    for place in before.others.keys() {
        if !after.others.contains_key(place) {
            remove(staging, *place)?;
        }
    }
    Ok(())
}

fn put(staging: &mut Staging, fact: &Fact) -> Result<(), Error> {
    match fact {
        Fact::Organization(fact) => staging.set_organization(fact),
        Fact::License(fact) => staging.put_license(fact),
        Fact::User(fact) => staging.put_user(fact),
        Fact::Group(fact) => staging.put_group(fact),
        Fact::Subscription(fact) => staging.put_subscription(fact),
        Fact::UserFact(fact) => staging.put_user_fact(fact),
        Fact::HistoryUser(fact) => staging.put_history_user(fact),
        Fact::UsageDay(fact) => staging.put_usage_day(fact),
        Fact::Standing(fact) => staging.set_standing(fact),
        Fact::Findings(fact) => staging.put_findings(fact),
        Fact::UserChanges(fact) => staging.put_user_changes(fact),
    }
}

fn remove(staging: &mut Staging, (collection, id): (Collection, Uuid)) -> Result<(), Error> {
    match (collection, collection.dataset()) {
        (Collection::Groups, _) => staging.remove_group(ObjectId(id)),
        (Collection::Findings, _) => staging.put_findings(&FindingsPast {
            about: Some(ObjectId(id)),
            disabled_on: None,
            held_since: Vec::new(),
            findings: Vec::new(),
        }),
        (Collection::UserChanges, _) => staging.remove_user_changes(RunId(id)),
        (Collection::Subscriptions, _) => staging.remove_subscription(SubscriptionId(id)),
        (Collection::UsageDays(_), _) => {
            let (workload, on) = day_of_id(id).unwrap();
            staging.remove_usage_day(workload, on)
        }
        (_, Some(dataset)) => staging.remove_user_fact(dataset, ObjectId(id)),
        (_, None) => panic!("{collection:?} has no removals"),
    }
}

/// Facts of every collection.
fn whole_world(users: u64) -> World {
    let mut world = world(users, 12);
    for fact in super::samples::facts(users) {
        match fact {
            Fact::Organization(_) | Fact::License(_) | Fact::User(_) => {}
            other => drop(world.others.insert(place(&other), other)),
        }
    }
    world
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
        others: BTreeMap::new(),
    }
}

/// The world with every `n`-th user and other fact changed and, of those, every tenth gone.
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
    let places: Vec<_> = world.others.keys().copied().collect();
    let places = places.into_iter().skip(stamp as usize % n).step_by(n);
    for (index, place) in places.enumerate() {
        let is_kept = matches!(
            place.0,
            Collection::Standing(_)
                | Collection::Organization
                | Collection::HistoryUsers
                | Collection::Findings
                | Collection::UserChanges
        );
        if index % 10 == 9 && !is_kept {
            changed.others.remove(&place);
        } else if let Some(fact) = changed.others.get_mut(&place) {
            *fact = super::samples::later(fact, stamp as u64);
        }
    }
    changed
}
