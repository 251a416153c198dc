//! Tenants, their connection and what works of it.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::reading::Reading;
use super::sync_run::{Dataset, SyncRun};
use crate::api::ids::GlobalId;
use crate::api::scalars::{DateTime, int};
use crate::domain::ids::OrganizationId;
use crate::domain::{sync_run, tenant};
use crate::engine::TenantIndex;
use crate::sync::TenantStatus;

/// A configured tenant at one moment; the schema's description is on its `Object`.
pub(crate) struct Tenant {
    reading: Arc<Reading>,
    status: Arc<TenantStatus>,
    index: Arc<TenantIndex>,
}

impl Tenant {
    pub(crate) fn new(
        reading: Arc<Reading>,
        status: Arc<TenantStatus>,
        index: Arc<TenantIndex>,
    ) -> Self {
        Self {
            reading,
            status,
            index,
        }
    }

    fn known_since(&self, log: sync_run::Dataset) -> Option<DateTime> {
        let standing = self.index.standing(log)?;
        standing.known_since().map(DateTime)
    }
}

/// A Microsoft 365 organization that this server is configured for.
#[Object]
impl Tenant {
    /// Opaque and unique among all types; `node(id:)` takes it. It stays as long as `key` does.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::Tenant(self.status.key.clone()).to_id()
    }

    /// Its name in config.toml, in /connect/{key} and on the command line.
    async fn key(&self) -> &str {
        self.status.key.as_str()
    }

    /// Microsoft's GUID of the organization. Null while config.toml names a domain and Microsoft has
    /// not answered yet.
    async fn tenant_id(&self) -> Option<ID> {
        let answered = self.status.connection.organization_id;
        let stored = || {
            self.index
                .organization()
                .map(|organization| organization.id)
        };
        let configured = || OrganizationId::parse(&self.status.configured_id);
        let id = answered.or_else(stored).or_else(configured);
        id.map(|id| ID(id.to_string()))
    }

    /// The organization's display name; `key` until Microsoft told it.
    async fn name(&self) -> &str {
        tenant_name(&self.index)
    }

    /// The default verified domain, lower case. Null until the organization was read.
    async fn primary_domain(&self) -> Option<&str> {
        self.index.organization()?.primary_domain()
    }

    /// Microsoft's cloud that holds the organization.
    async fn cloud(&self) -> Cloud {
        self.status.cloud.into()
    }

    /// How this server signs in.
    async fn access(&self) -> TenantAccess {
        self.status.access.into()
    }

    /// What stands between this server and the tenant's data. What was read stays readable in every
    /// state.
    async fn connection(&self) -> ConnectionState {
        self.status.connection.state.into()
    }

    /// Why it is not CONNECTED and what to do, with Microsoft's AADSTS code. Null when nothing is wrong.
    async fn problem(&self) -> Option<&str> {
        self.status.connection.problem.as_deref()
    }

    /// What works and what does not, one entry a dataset, each with the remedy.
    async fn capabilities(&self) -> Vec<Capability> {
        let capabilities = self.status.capabilities.iter();
        capabilities.map(Capability::from).collect()
    }

    /// The permissions that were consented, as Microsoft's token answer said. Null where it says
    /// nothing, as for APP.
    async fn granted_scopes(&self) -> Option<&[String]> {
        self.status.connection.granted_scopes.as_deref()
    }

    /// How many users are served.
    async fn user_count(&self) -> i32 {
        int(self.index.user_count())
    }

    /// When the sync read Microsoft whose facts are served: their age. Null until a first sync is done.
    async fn data_as_of(&self) -> Option<DateTime> {
        self.index.as_of().map(DateTime)
    }

    /// Since when the sign-in log is known without a gap: what `User.applications` rests on. Null until
    /// it was read.
    async fn sign_ins_known_since(&self) -> Option<DateTime> {
        self.known_since(sync_run::Dataset::SignIns)
    }

    /// Since when the audit log is known without a gap: what `User.directoryChanges` rests on. Null until
    /// it was read.
    async fn directory_changes_known_since(&self) -> Option<DateTime> {
        self.known_since(sync_run::Dataset::DirectoryAudits)
    }

    /// The newest sync, over or not. Null until one was asked for.
    async fn last_sync(&self) -> Option<SyncRun> {
        let run = self.status.last_run.clone()?;
        Some(SyncRun::new(self.reading.clone(), run))
    }

    /// When the schedule is due next. Null while nothing is read on its own: not connected, or no
    /// schedule.
    async fn next_sync_at(&self) -> Option<DateTime> {
        self.status.next_sync_at.map(DateTime)
    }
}

/// The organization's display name, else the tenant's key.
pub(crate) fn tenant_name(index: &TenantIndex) -> &str {
    let told = index
        .organization()
        .and_then(|organization| organization.display_name.as_deref());
    told.unwrap_or(index.key().as_str())
}

/// Microsoft's clouds. Sign-ins of one are worth nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "tenant::Cloud")]
pub(crate) enum Cloud {
    /// The worldwide cloud, GCC included.
    Global,
    /// US Government L4, GCC High.
    UsGovHigh,
    /// US Government L5, the Department of Defense.
    UsGovDod,
    /// Operated by 21Vianet.
    China,
}

/// How this server signs in to a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "tenant::TenantAccess")]
pub(crate) enum TenantAccess {
    /// As the application itself: client credentials.
    App,
    /// As a service account that signed in once and consented.
    Delegated,
}

/// What stands between this server and a tenant's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "tenant::ConnectionState")]
pub(crate) enum ConnectionState {
    /// Configured for APP; Microsoft has not answered yet.
    Connecting,
    /// Microsoft answered with the configured organization.
    Connected,
    /// Nobody has signed in and consented yet, or what was consented has died: call `connectTenant`.
    NeedsConsent,
    /// Microsoft refuses the tenant, client, secret or certificate of config.toml.
    Misconfigured,
    /// By `disconnectTenant`; nothing is read until `connectTenant`.
    Disconnected,
}

/// What works for one dataset, and what an administrator has to do where it does not.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Capability {
    /// Which facts.
    dataset: Dataset,
    /// Whether they can be read.
    state: CapabilityState,
    /// When this dataset was last read whole: the age of what is served of it. Null if it never was.
    as_of: Option<DateTime>,
    /// What an administrator has to do; null when nothing.
    remedy: Option<String>,
}

impl From<&sync_run::Capability> for Capability {
    fn from(capability: &sync_run::Capability) -> Self {
        Self {
            dataset: capability.dataset.into(),
            state: capability.state.into(),
            as_of: capability.as_of.map(DateTime),
            remedy: capability.remedy.clone(),
        }
    }
}

/// Whether a dataset can be read, and if not, whose move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "sync_run::CapabilityState")]
pub(crate) enum CapabilityState {
    /// The last attempt read it whole.
    Ok,
    /// The consented permissions do not cover it; `remedy` names the one that is missing.
    MissingScope,
    /// The account that signed in lacks a directory role; `remedy` names it.
    MissingRole,
    /// Microsoft tells it only to tenants with Entra ID P1 or P2.
    NeedsPremium,
    /// The tenant conceals names in usage reports, so that nothing can be told of a person; `remedy`
    /// says where that is switched off.
    Concealed,
    /// The tenant's cloud does not have it.
    UnsupportedCloud,
    /// The last attempt failed for another reason; older facts are served.
    Failing,
    /// Never tried.
    Unknown,
}

/// How connecting goes on.
#[derive(SimpleObject)]
pub(crate) struct TenantConnecting {
    /// The tenant as it stands now.
    pub(crate) tenant: Tenant,
    /// Where the browser goes next to sign in and consent, with a ticket that is good once and for
    /// 10 minutes. Null for APP, which is tried at once.
    pub(crate) url: Option<String>,
}
