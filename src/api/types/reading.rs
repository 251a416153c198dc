//! What one request sees: one world, one state of every tenant, one catalog.

use std::sync::{Arc, OnceLock};

use async_graphql::Context;
use jiff::civil::Date;

use super::finding::Finding;
use super::group::Group;
use super::group_connection::{self, SortedGroup};
use super::license::License;
use super::price::Price;
use super::sync_run::SyncRun;
use super::tenant::Tenant;
use super::tenant_subscription::TenantSubscription;
use super::user::User;
use crate::api::caller::{Caller, Role};
use crate::api::cursor::CursorSeal;
use crate::api::error::{Code, Error};
use crate::api::schema::Parts;
use crate::api::settings::Limits;
use crate::domain::catalog::Catalog;
use crate::domain::declared::Declared;
use crate::domain::finding::FindingKey;
use crate::domain::ids::{ObjectId, PriceId, RunId, SkuId, SubscriptionId, TenantKey};
use crate::domain::prices::table;
use crate::engine::{TenantIndex, World};
use crate::sync::{Coordinator, TenantStatus};

/// What resolvers ask, and the settings they need for it.
pub(crate) struct Rooms {
    /// What happens to tenants.
    pub(crate) coordinator: Arc<Coordinator>,
    /// Under which cursors are sealed.
    pub(crate) cursors: CursorSeal,
    /// The most rows of one page.
    pub(crate) page_rows_max: usize,
}

impl Rooms {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            coordinator: parts.coordinator,
            cursors: CursorSeal::new(parts.cursor_key),
            page_rows_max: parts.limits.page_rows_max.clamp(1, Limits::PAGE_ROWS_MOST),
        }
    }
}

/// One moment, held still. A query is answered from the one that its request began with; what a
/// mutation changed and what a subscription tells of is read in a moment of its own.
pub(crate) struct Reading {
    rooms: Arc<Rooms>,
    world: Arc<World>,
    /// The day that it was then, in UTC.
    today: Date,
    /// In order of key; read when first asked for.
    statuses: OnceLock<Vec<Arc<TenantStatus>>>,
    /// Read when first asked for.
    catalog: OnceLock<Arc<Catalog>>,
    /// Every group in the order of lists; sorted when first asked for, and once for a request.
    groups: OnceLock<Vec<SortedGroup>>,
}

impl Reading {
    /// This moment.
    pub(crate) fn now(rooms: Arc<Rooms>) -> Arc<Self> {
        let (world, today) = rooms.coordinator.moment();
        Arc::new(Self {
            world,
            today,
            rooms,
            statuses: OnceLock::new(),
            catalog: OnceLock::new(),
            groups: OnceLock::new(),
        })
    }

    /// The moment that the request is answered from.
    pub(crate) fn of<'a>(context: &Context<'a>) -> Result<&'a Arc<Self>, Error> {
        context
            .data::<Arc<Self>>()
            .map_err(|_| Error::internal("a request reached a resolver without its reading"))
    }

    /// The same, for what only an administrator may do.
    pub(crate) fn of_admin<'a>(context: &Context<'a>) -> Result<&'a Arc<Self>, Error> {
        match caller(context)?.role {
            Role::Admin => Self::of(context),
        }
    }

    /// A later moment, in which a change shows that was just made.
    pub(crate) fn renewed(&self) -> Arc<Self> {
        Self::now(self.rooms.clone())
    }

    /// The day that it is, in UTC.
    pub(crate) fn today(&self) -> Date {
        self.today
    }

    /// Prices, terms and exchange rates.
    pub(crate) fn declared(&self) -> &Arc<Declared> {
        self.world.declared()
    }

    /// The version of the world.
    pub(crate) fn version(&self) -> u64 {
        self.world.version()
    }

    pub(crate) fn rooms(&self) -> &Arc<Rooms> {
        &self.rooms
    }

    pub(crate) fn coordinator(&self) -> &Coordinator {
        &self.rooms.coordinator
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        self.catalog
            .get_or_init(|| self.rooms.coordinator.catalog())
    }

    /// What is known of every configured tenant, in order of key; nothing yet of one never read.
    pub(crate) fn indexes(&self) -> &[Arc<TenantIndex>] {
        self.world.tenants()
    }

    /// Users of all tenants.
    pub(crate) fn user_count(&self) -> u64 {
        self.indexes().iter().map(|index| index.user_count()).sum()
    }

    /// What is known of one tenant.
    pub(crate) fn index(&self, key: &TenantKey) -> Option<&Arc<TenantIndex>> {
        self.world.tenant(key)
    }

    /// The groups of all tenants, by name.
    pub(crate) fn groups_by_name(&self) -> &[SortedGroup] {
        self.groups
            .get_or_init(|| group_connection::sorted(self.indexes()))
    }

    /// The keys of the configured tenants, in order.
    pub(crate) fn tenant_keys(&self) -> impl Iterator<Item = &TenantKey> {
        self.statuses().iter().map(|status| &status.key)
    }

    /// Every configured tenant, in order of key.
    pub(crate) fn tenants(self: &Arc<Self>) -> Vec<Tenant> {
        let statuses = self.statuses().iter().cloned();
        statuses.map(|status| self.tenant_of(status)).collect()
    }

    /// A configured tenant.
    pub(crate) fn tenant(self: &Arc<Self>, key: &TenantKey) -> Option<Tenant> {
        let statuses = self.statuses();
        let found = statuses.binary_search_by(|status| status.key.cmp(key));
        let status = found.ok().and_then(|position| statuses.get(position))?;
        Some(self.tenant_of(status.clone()))
    }

    /// The tenant of a node; that node is there, so the tenant has to be.
    pub(crate) fn tenant_of_node(self: &Arc<Self>, key: &TenantKey) -> Result<Tenant, Error> {
        self.tenant(key)
            .ok_or_else(|| Error::internal("a node belongs to a tenant that is not configured"))
    }

    pub(crate) fn user(self: &Arc<Self>, key: &TenantKey, id: ObjectId) -> Option<User> {
        let row = self.world.tenant(key)?.find(id)?;
        Some(User::new(self.clone(), row))
    }

    pub(crate) fn license(self: &Arc<Self>, key: &TenantKey, id: SkuId) -> Option<License> {
        License::find(self, self.world.tenant(key)?, id)
    }

    /// What a product is called in a tenant, or by Microsoft's public list where the tenant has none of it.
    pub(crate) fn product_name(&self, index: &TenantIndex, id: SkuId) -> String {
        if let Some(entry) = index.license(id) {
            return entry.name.text.clone();
        }
        let listed = self.catalog().product(id);
        listed.map_or_else(|| id.to_string(), |entry| entry.name.clone())
    }

    pub(crate) fn group(self: &Arc<Self>, key: &TenantKey, id: ObjectId) -> Option<Group> {
        Group::find(self, self.world.tenant(key)?, id)
    }

    pub(crate) fn subscription(
        self: &Arc<Self>,
        key: &TenantKey,
        id: SubscriptionId,
    ) -> Option<TenantSubscription> {
        TenantSubscription::find(self, self.world.tenant(key)?, id)
    }

    pub(crate) fn price(self: &Arc<Self>, id: PriceId) -> Option<Price> {
        let price = self.declared().prices.get(id)?;
        Some(Price::new(self.clone(), price.clone()))
    }

    /// The price book as CSV.
    pub(crate) fn price_table(&self) -> String {
        table::print(self.declared().prices.entries().map(|price| &**price))
    }

    pub(crate) fn finding(
        self: &Arc<Self>,
        key: &TenantKey,
        finding: &FindingKey,
    ) -> Option<Finding> {
        let row = self.world.tenant(key)?.finding(finding)?;
        Some(Finding::new(self.clone(), row))
    }

    pub(crate) async fn sync_run(
        self: &Arc<Self>,
        key: &TenantKey,
        id: RunId,
    ) -> Result<Option<SyncRun>, Error> {
        if self.tenant(key).is_none() {
            return Ok(None);
        }
        let run = self.coordinator().run(key, id).await?;
        Ok(run.map(|run| SyncRun::new(self.clone(), run)))
    }

    fn tenant_of(self: &Arc<Self>, status: Arc<TenantStatus>) -> Tenant {
        let known = self.world.tenant(&status.key).cloned();
        let index = known.unwrap_or_else(|| Arc::new(TenantIndex::empty(status.key.clone())));
        Tenant::new(self.clone(), status, index)
    }

    fn statuses(&self) -> &[Arc<TenantStatus>] {
        self.statuses.get_or_init(|| {
            let statuses = self.rooms.coordinator.tenants();
            statuses.into_iter().map(Arc::new).collect()
        })
    }
}

/// Who asks.
pub(crate) fn caller<'a>(context: &Context<'a>) -> Result<&'a Caller, Error> {
    context
        .data::<Caller>()
        .map_err(|_| Error::new(Code::Unauthenticated, "This needs a token."))
}
