//! Anything with a global id.

use async_graphql::{ID, Interface};

use super::finding::Finding;
use super::group::Group;
use super::license::License;
use super::price::Price;
use super::reading::Reading;
use super::sync_run::SyncRun;
use super::tenant::Tenant;
use super::tenant_subscription::TenantSubscription;
use super::user::User;
use crate::api::error::Error;
use crate::api::ids::GlobalId;

/// Anything that can be fetched again by its `id`.
#[derive(Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "Opaque and unique among all types; `node(id:)` takes it. It stays the same from sync to sync."
))]
pub(crate) enum Node {
    Tenant(Tenant),
    User(User),
    License(License),
    Group(Group),
    TenantSubscription(TenantSubscription),
    Price(Price),
    SyncRun(SyncRun),
    Finding(Finding),
}

impl Node {
    /// What an id names; `None` where it names nothing that is there.
    pub(crate) async fn find(
        reading: &std::sync::Arc<Reading>,
        id: &ID,
    ) -> Result<Option<Self>, Error> {
        Ok(match GlobalId::parse(id)? {
            GlobalId::Tenant(key) => reading.tenant(&key).map(Self::Tenant),
            GlobalId::User(key, id) => reading.user(&key, id).map(Self::User),
            GlobalId::License(key, id) => reading.license(&key, id).map(Self::License),
            GlobalId::Group(key, id) => reading.group(&key, id).map(Self::Group),
            GlobalId::Subscription(key, id) => {
                reading.subscription(&key, id).map(Self::TenantSubscription)
            }
            GlobalId::Price(id) => reading.price(id).map(Self::Price),
            GlobalId::Finding(key, finding) => reading.finding(&key, &finding).map(Self::Finding),
            GlobalId::SyncRun(key, id) => reading.sync_run(&key, id).await?.map(Self::SyncRun),
        })
    }
}
