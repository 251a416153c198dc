//! What a run makes of what an earlier one had staged.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::Merger;
use crate::domain::group::Group;
use crate::domain::ids::{ObjectId, RunId, SkuId, SubscriptionId, TenantKey};
use crate::domain::license::{License, SeatCounts};
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::{SyncRun, SyncTrigger};
use crate::engine::TenantIndex;
use crate::store::{EncryptionKey, Fact, OpenOptions, Store};

const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn tenant() -> TenantKey {
    TenantKey::parse("contoso").unwrap()
}

fn run_id(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

fn license(number: u128) -> License {
    License {
        sku_id: SkuId(Uuid::from_u128(number)),
        part_number: format!("PART_{number}"),
        status: "Enabled".to_owned(),
        is_company_wide: false,
        seats: SeatCounts::default(),
        service_plans: Vec::new(),
    }
}

fn subscription(number: u128) -> Subscription {
    Subscription {
        id: SubscriptionId(Uuid::from_u128(number)),
        commerce_id: None,
        sku_id: SkuId(Uuid::from_u128(number)),
        part_number: format!("PART_{number}"),
        status: "Enabled".to_owned(),
        seats: Some(5),
        is_trial: None,
        created_at: None,
        next_change_at: None,
    }
}

fn group(number: u128) -> Group {
    Group {
        object_id: ObjectId(Uuid::from_u128(number)),
        display_name: None,
        mail: None,
        is_dynamic: false,
        is_synced_from_on_premises: false,
        assigns: Vec::new(),
    }
}

/// A run that is told of these.
fn merger_of(store: &Store, run: RunId, told: &[u128]) -> Merger {
    let base = Arc::new(TenantIndex::empty(tenant()));
    let mut merger = Merger::begin(store, &tenant(), run, base, AT).unwrap();
    let numbers = || told.iter().copied();
    merger
        .set_licenses(numbers().map(license).collect())
        .unwrap();
    let subscriptions = numbers().map(subscription).collect();
    merger.set_subscriptions(subscriptions).unwrap();
    merger.set_groups(numbers().map(group).collect()).unwrap();
    merger
}

#[test]
fn what_is_gone_when_a_first_run_is_gone_on_with_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(OpenOptions {
        directory: directory.path().join("data"),
        key: EncryptionKey::random(),
        free_bytes_min: 0,
    });
    let store = store.unwrap();
    let mut cut = merger_of(&store, run_id(1), &[1, 2, 3]);
    cut.staging.checkpoint(AT, b"the rest").unwrap();
    drop(cut);
    let merger = merger_of(&store, run_id(2), &[1, 3]);
    assert_eq!(merger.note.as_deref(), Some(&b"the rest"[..]));
    let (update, staging, _) = merger.into_parts(AT);
    assert_eq!(update.licenses, Some(vec![license(1), license(3)]));
    let mut run = SyncRun::queued(run_id(2), tenant(), SyncTrigger::First, AT);
    super::finish(&mut run, AT);
    staging.commit(&run, AT).unwrap();
    let mut kept = Vec::new();
    store.load(&tenant(), &mut |fact| kept.push(fact)).unwrap();
    for number in [1, 3] {
        assert!(kept.contains(&Fact::License(license(number))));
        assert!(kept.contains(&Fact::Subscription(subscription(number))));
        assert!(kept.contains(&Fact::Group(group(number))));
    }
    assert_eq!(kept.len(), 6, "{kept:?}");
}
