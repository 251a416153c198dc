//! Connecting, reading, committing, publishing, scheduling, and what operators tell.
//!
//! The [`Coordinator`] is the only way to start, stop, connect, rename or price anything. It calls the three
//! rooms that never meet: Graph tells, the store keeps, the engine answers.

mod accept;
mod calendar;
mod capability;
mod catalog;
pub mod catalog_csv;
mod connect;
mod decide;
mod era;
mod load;
mod money;
mod names;
pub mod plan;
mod probe;
mod run;
pub mod schedule;
mod secret;
mod sign_in;
mod tenant;
mod tokens;
mod usage;
pub mod webhook;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use reqwest::Url;
use tokio::sync::{MutexGuard, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use self::calendar::NewCalendarFeed;
pub use self::connect::{Callback, SignInRefused, SignInStart};
pub use self::decide::ExemptionDraft;
pub use self::money::ImportedPrices;
pub use self::plan::Schedule;
pub use self::probe::probe;
pub use self::secret::{NoRandomness, random_secret};

use self::capability::Experience;
use self::names::Names;
use self::plan::Situation;
use self::run::Effort;
use self::sign_in::{BegunSignIn, Proofs};
use self::tenant::{Running, Shared, TenantState, lock};
use self::webhook::{WebhookSettings, Webhooks};
use crate::clock::SharedClock;
use crate::domain::calendar_feed::CalendarFeed;
use crate::domain::catalog::{Catalog, CatalogChanges};
use crate::domain::ids::{RunId, SkuId, TenantKey};
use crate::domain::license::{self, InvalidLicenseName};
use crate::domain::policy::Policy;
use crate::domain::prices::Segment;
use crate::domain::sync_run::{Capability, Dataset, Problem, ProblemKind, SyncRun, SyncTrigger};
use crate::domain::tenant::{Cloud, Connection, ConnectionState, TenantAccess};
use crate::domain::terms::TermsPolicy;
use crate::engine::Engine;
use crate::msgraph::{Credential, Endpoints, Http};
use crate::store::{self, Store};

/// A tenant as configured.
pub struct TenantSettings {
    /// What its facts are filed under.
    pub key: TenantKey,
    /// `tenant_id`: a GUID or a verified domain, checked by its grammar.
    pub tenant_id: String,
    /// The application's GUID.
    pub client_id: String,
    /// How the application proves who it is.
    pub credential: Credential,
    /// How we sign in.
    pub access: TenantAccess,
    /// Which of Microsoft's clouds.
    pub cloud: Cloud,
    /// The hosts in force.
    pub endpoints: Endpoints,
    /// By what its users and licenses are judged.
    pub policy: Arc<Policy>,
    /// The kind of customer that its prices are for, if it is of one.
    pub segment: Option<Segment>,
}

/// What a coordinator is made of.
pub struct Parts {
    /// Open.
    pub store: Store,
    /// Empty; filled from the store.
    pub engine: Arc<Engine>,
    /// What time it is.
    pub clock: SharedClock,
    /// For Microsoft and for the catalog.
    pub http: Http,
    /// Where browsers reach us; the callback is under it.
    pub public_url: Url,
    /// When tenants are read.
    pub schedule: Schedule,
    /// All of the configuration.
    pub tenants: Vec<TenantSettings>,
    /// Where Microsoft publishes product names, and how often to look, if at all.
    pub catalog_source: Option<CatalogSource>,
    /// What holds for every purchase.
    pub terms_policy: TermsPolicy,
    /// How long it is kept what was.
    pub retention: Retention,
    /// Where events are told.
    pub webhooks: Vec<WebhookSettings>,
}

/// For how long it is kept what was. Whatever is older is forgotten by the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days of use.
    pub usage_days: u16,
    /// Days on which something changed.
    pub changes_days: u16,
}

/// Where product names are refreshed from.
#[derive(Debug, Clone)]
pub struct CatalogSource {
    /// Microsoft's published CSV.
    pub url: Url,
    /// Days from one look to the next.
    pub refresh_days: u32,
}

/// What happens to tenants: the only way to start, stop, connect, rename or price anything.
pub struct Coordinator {
    shared: Arc<Shared>,
    tenants: BTreeMap<TenantKey, Arc<TenantState>>,
    schedule: Schedule,
    public_url: Url,
    tickets: Proofs<TenantKey>,
    sign_ins: Proofs<BegunSignIn>,
    catalog_source: Option<CatalogSource>,
    catalog_updating: tokio::sync::Mutex<()>,
    catalog_looked_at: Mutex<Option<Timestamp>>,
    webhooks: Webhooks,
    /// Who may read the calendar.
    calendar_feeds: ArcSwap<Vec<CalendarFeed>>,
    /// Held from reading what operators told to publishing what changes it.
    declaring: tokio::sync::Mutex<()>,
    /// Every background task: a stop waits for them.
    tasks: TaskTracker,
}

/// A configured tenant as it stands now.
#[derive(Debug, Clone)]
pub struct TenantStatus {
    /// Its name in the configuration.
    pub key: TenantKey,
    /// `tenant_id` of the configuration: a GUID or a domain.
    pub configured_id: String,
    /// Which of Microsoft's clouds.
    pub cloud: Cloud,
    /// How we sign in.
    pub access: TenantAccess,
    /// What stands between us and its data.
    pub connection: Connection,
    /// The newest run, over or not.
    pub last_run: Option<SyncRun>,
    /// When the next one is due; `None` while the tenant is not to be read.
    pub next_sync_at: Option<Timestamp>,
    /// What works and what does not.
    pub capabilities: Vec<Capability>,
}

/// Why something was not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// There is no such tenant, run or license.
    #[error("there is no such tenant, run or license")]
    NotFound,
    /// The state of things forbids it; says which and what to do.
    #[error("{0}")]
    Conflict(String),
    /// The input is wrong; says how.
    #[error("{0}")]
    BadInput(String),
    /// Try again later; says why.
    #[error("{0}")]
    Unavailable(String),
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<InvalidLicenseName> for Refusal {
    fn from(invalid: InvalidLicenseName) -> Self {
        Self::BadInput(invalid.to_string())
    }
}

impl From<NoRandomness> for Refusal {
    fn from(missing: NoRandomness) -> Self {
        Self::Unavailable(missing.to_string())
    }
}

impl Coordinator {
    /// Loads every configured tenant from the store into the engine. Blocks on the disk.
    ///
    /// Runs that a crash or stop cut off are filed as interrupted. Facts of a tenant that are damaged
    /// are reported and not served; the tenant is read anew.
    pub fn load(parts: Parts) -> Result<Arc<Self>, store::Error> {
        let catalog = load::catalog(&parts.store)?;
        let shared = Arc::new(Shared {
            store: parts.store,
            engine: parts.engine,
            started_at: parts.clock.now(),
            clock: parts.clock,
            names: Names::new(catalog),
            http: parts.http,
            retention: parts.retention,
            stopping: CancellationToken::new(),
        });
        let webhooks = Webhooks::load(parts.webhooks, &shared.store)?;
        let calendar_feeds = shared.store.calendar_feeds()?;
        load::declared(&shared, &parts.tenants, parts.terms_policy)?;
        let mut tenants = BTreeMap::new();
        for settings in parts.tenants {
            let state = load::tenant(&shared, settings)?;
            tenants.insert(state.key.clone(), Arc::new(state));
        }
        Ok(Arc::new(Self {
            shared,
            tenants,
            schedule: parts.schedule,
            public_url: parts.public_url,
            tickets: Proofs::new(),
            sign_ins: Proofs::new(),
            catalog_source: parts.catalog_source,
            catalog_updating: tokio::sync::Mutex::default(),
            catalog_looked_at: Mutex::default(),
            webhooks,
            calendar_feeds: ArcSwap::from_pointee(calendar_feeds),
            declaring: tokio::sync::Mutex::default(),
            tasks: TaskTracker::new(),
        }))
    }

    /// What time it is, by the clock that everything here goes by.
    pub fn now(&self) -> jiff::Timestamp {
        self.shared.clock.now()
    }

    /// Every configured tenant, in order of key.
    pub fn tenants(&self) -> Vec<TenantStatus> {
        self.tenants
            .values()
            .map(|tenant| self.status(tenant))
            .collect()
    }

    /// One tenant; `None` when it is not configured.
    pub fn tenant(&self, key: &TenantKey) -> Option<TenantStatus> {
        self.tenants.get(key).map(|tenant| self.status(tenant))
    }

    fn status(&self, tenant: &TenantState) -> TenantStatus {
        let due = self.next_due(tenant);
        TenantStatus {
            key: tenant.key.clone(),
            configured_id: tenant.configured_id.clone(),
            cloud: tenant.cloud,
            access: tenant.access,
            connection: tenant.connection(),
            last_run: tenant.newest_run.borrow().clone(),
            next_sync_at: due.map(|(at, _)| at.max(self.shared.clock.now())),
            capabilities: lock(&tenant.experience).capabilities(&self.shared.index(&tenant.key)),
        }
    }

    /// When the tenant is due next; `None` while nobody may read it.
    fn next_due(&self, tenant: &TenantState) -> Option<(Timestamp, SyncTrigger)> {
        let is_waiting_for_people = match tenant.connection().state {
            ConnectionState::Disconnected | ConnectionState::NeedsConsent => true,
            ConnectionState::Connecting
            | ConnectionState::Connected
            | ConnectionState::Misconfigured => false,
        };
        if is_waiting_for_people {
            return None;
        }
        let last_run = tenant.newest_run.borrow();
        let situation = Situation {
            last_run: last_run.as_ref(),
            was_published: self.shared.index(&tenant.key).as_of().is_some(),
            server_started_at: self.shared.started_at,
            spread: tenant.key.as_str().bytes().map(u64::from).sum(),
        };
        let due = plan::next_due(situation, &self.schedule, self.shared.clock.now());
        let is_damaged = lock(&tenant.damage).is_some();
        // Damaged facts are not served, so the tenant is as good as never read.
        match is_damaged
            && last_run
                .as_ref()
                .is_none_or(|run| run.started_at < self.shared.started_at)
        {
            true => Some((self.shared.started_at, SyncTrigger::CatchUp)),
            false => due,
        }
    }

    /// What is damaged and not served, in words for an operator; the next run reads it anew.
    pub fn damages(&self) -> Vec<String> {
        let tenants = self.tenants.values();
        tenants
            .filter_map(|tenant| {
                let what = lock(&tenant.damage).clone()?;
                Some(format!(
                    "{}: stored facts are damaged and not served until the next sync: {what}",
                    tenant.key
                ))
            })
            .collect()
    }

    fn state(&self, key: &TenantKey) -> Result<&Arc<TenantState>, Refusal> {
        self.tenants.get(key).ok_or(Refusal::NotFound)
    }

    /// Starts a run, or answers with the one that is running. The run is in the ledger before this
    /// returns.
    pub async fn start(&self, key: &TenantKey, trigger: SyncTrigger) -> Result<SyncRun, Refusal> {
        let tenant = self.state(key)?;
        let running = tenant.running.lock().await;
        if running.is_some()
            && let Some(run) = tenant.newest_run.borrow().clone()
        {
            return Ok(run);
        }
        self.begin(tenant, running, trigger, BTreeSet::new()).await
    }

    /// Begins a run where none is running, which believes some datasets, however short.
    async fn begin(
        &self,
        tenant: &Arc<TenantState>,
        mut running: MutexGuard<'_, Option<Running>>,
        trigger: SyncTrigger,
        accepted: BTreeSet<Dataset>,
    ) -> Result<SyncRun, Refusal> {
        self.check_startable(tenant)?;
        if trigger == SyncTrigger::Manual {
            tenant.tokens.forget_refusal();
        }
        let now = self.shared.clock.now();
        let run = SyncRun::queued(new_run_id(now), tenant.key.clone(), trigger, now);
        let filed = run.clone();
        self.shared
            .with_store(move |store| store.record_run(&filed))
            .await?;
        let cancel = self.shared.stopping.child_token();
        *running = Some(Running {
            id: run.id,
            cancel: cancel.clone(),
        });
        // Under the lock: whoever finds a run in progress must find that run to answer with.
        let before = tenant.newest_run.send_replace(Some(run.clone()));
        *lock(&tenant.previous_run) = before;
        *lock(&tenant.accepted) = accepted;
        drop(running);
        let (shared, tenant) = (Arc::clone(&self.shared), Arc::clone(tenant));
        self.tasks.spawn(carry_out(shared, tenant, cancel));
        Ok(run)
    }

    fn check_startable(&self, tenant: &TenantState) -> Result<(), Refusal> {
        if self.shared.stopping.is_cancelled() {
            return Err(Refusal::Unavailable("the server is stopping".to_owned()));
        }
        let connection = tenant.connection();
        match connection.state {
            ConnectionState::Connecting
            | ConnectionState::Connected
            | ConnectionState::Misconfigured => Ok(()),
            ConnectionState::Disconnected => Err(Refusal::Conflict(format!(
                "{} was disconnected. Connect it again with connectTenant.",
                tenant.key
            ))),
            ConnectionState::NeedsConsent => {
                Err(Refusal::Conflict(connection.problem.unwrap_or_else(|| {
                    format!(
                        "{} needs consent. Connect it with connectTenant.",
                        tenant.key
                    )
                })))
            }
        }
    }

    /// Stops a run before it is published, and answers with it as it ended. A run that is being
    /// published meanwhile ends COMPLETE all the same; one that is over is refused.
    pub async fn cancel(&self, key: &TenantKey, id: RunId) -> Result<SyncRun, Refusal> {
        let tenant = self.state(key)?;
        let mut newest = tenant.newest_run.subscribe();
        let is_running = {
            let running = tenant.running.lock().await;
            let ours = running.as_ref().filter(|running| running.id == id);
            ours.inspect(|running| running.cancel.cancel()).is_some()
        };
        if !is_running {
            return Err(match self.run(key, id).await? {
                Some(_) => Refusal::Conflict("the run is over".to_owned()),
                None => Refusal::NotFound,
            });
        }
        let is_ended = |run: &Option<SyncRun>| {
            run.as_ref()
                .is_none_or(|run| run.id != id || run.state.is_over())
        };
        // The sender lives as long as the tenant: waiting cannot fail.
        let _ = newest.wait_for(is_ended).await;
        self.run(key, id).await?.ok_or(Refusal::NotFound)
    }

    /// The newest run of a tenant, at once and then at every change.
    pub fn watch(&self, key: &TenantKey) -> Option<watch::Receiver<Option<SyncRun>>> {
        self.tenants
            .get(key)
            .map(|tenant| tenant.newest_run.subscribe())
    }

    /// One run of a tenant; `None` when there is none of that id.
    pub async fn run(&self, key: &TenantKey, id: RunId) -> Result<Option<SyncRun>, Refusal> {
        let tenant = self.state(key)?;
        if let Some(newest) = tenant
            .newest_run
            .borrow()
            .as_ref()
            .filter(|run| run.id == id)
        {
            return Ok(Some(newest.clone()));
        }
        let key = key.clone();
        Ok(self
            .shared
            .with_store(move |store| store.run(&key, id))
            .await?)
    }

    /// Ids of all runs of a tenant, newest first; a running one included.
    pub async fn run_ids(&self, key: &TenantKey) -> Result<Vec<RunId>, Refusal> {
        self.state(key)?;
        let key = key.clone();
        Ok(self
            .shared
            .with_store(move |store| store.run_ids(&key))
            .await?)
    }

    /// Gives a license the operator's own name; `None` goes back to the catalog's.
    pub async fn rename_license(
        &self,
        key: &TenantKey,
        id: SkuId,
        name: Option<&str>,
    ) -> Result<(), Refusal> {
        let tenant = Arc::clone(self.state(key)?);
        if self.shared.index(key).license(id).is_none() {
            return Err(Refusal::NotFound);
        }
        let name = name.map(license::operator_name).transpose()?;
        let (key, filed) = (key.clone(), name.clone());
        self.shared
            .with_store(move |store| store.save_license_name(&key, id, filed.as_deref()))
            .await?;
        self.shared
            .names
            .set_operator_name(&tenant.key, id, name.as_deref());
        self.publish_names(&tenant).await
    }

    /// Republishes a tenant's index under the names in force.
    async fn publish_names(&self, tenant: &Arc<TenantState>) -> Result<(), Refusal> {
        let (shared, tenant) = (Arc::clone(&self.shared), Arc::clone(tenant));
        tokio::task::spawn_blocking(move || {
            let _publishing = lock(&tenant.publishing);
            let names = |id, part_number: &str| shared.names.name(&tenant.key, id, part_number);
            shared
                .engine
                .publish(shared.index(&tenant.key).renamed(&names));
        })
        .await
        .map_err(|_| Refusal::Unavailable("the new names could not be published".to_owned()))
    }

    /// The product names in force.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.shared.names.catalog()
    }

    /// Lays newer product names over those in force, for good, and says what that changes.
    pub async fn update_catalog(&self, newer: Catalog) -> Result<CatalogChanges, Refusal> {
        // One after the other: each lays its names over those of the one before.
        let _updating = self.catalog_updating.lock().await;
        let (merged, changes) = self.catalog().updated(&newer);
        let text = merged.to_text();
        self.shared
            .with_store(move |store| store.save_catalog(&text))
            .await?;
        self.shared.names.set_catalog(merged);
        for tenant in self.tenants.values() {
            self.publish_names(tenant).await?;
            let catalog = self.catalog();
            self.decide(tenant, |decisions| decisions.catalog = catalog)
                .await?;
        }
        Ok(changes)
    }

    /// Cancels what runs, so that it is made up after the next start, and waits for it.
    pub async fn stop(&self) {
        self.shared.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Carries out a queued run and what follows from its end. A panic in it is a failed run, not a tenant
/// that never syncs again.
async fn carry_out(shared: Arc<Shared>, tenant: Arc<TenantState>, cancel: CancellationToken) {
    let executed = AssertUnwindSafe(run::execute(&shared, &tenant, cancel))
        .catch_unwind()
        .await;
    let (run, effort) = match executed {
        Ok(ended) => ended,
        Err(_) => (file_panicked(&shared, &tenant).await, None),
    };
    log_end(&run, effort.unwrap_or_default());
    lock(&tenant.experience).learn(&run);
    // Watchers hear of the end under the lock: whoever waited for it may start the next run.
    let mut running = tenant.running.lock().await;
    *running = None;
    tenant.newest_run.send_replace(Some(run));
}

async fn file_panicked(shared: &Shared, tenant: &TenantState) -> SyncRun {
    let now = shared.clock.now();
    let newest = tenant.newest_run.borrow().clone();
    let mut run = newest.unwrap_or_else(|| {
        SyncRun::queued(
            new_run_id(now),
            tenant.key.clone(),
            SyncTrigger::Manual,
            now,
        )
    });
    let problem = Problem::new(
        ProblemKind::Internal,
        "a fault in Seatwise; the log has more",
    );
    run::end(&mut run, Some(problem), now);
    tenant.file_end(shared, run.clone()).await;
    run
}

fn log_end(run: &SyncRun, effort: Effort) {
    let rows: u64 = run.datasets.iter().map(|part| part.rows).sum();
    let requests: u64 = run.datasets.iter().map(|part| part.requests).sum();
    let state = format!("{:?}", run.state).to_lowercase();
    metrics::counter!("seatwise_sync_runs_total", "state" => state.clone()).increment(1);
    match &run.problem {
        None => {
            tracing::info!(
                tenant = %run.tenant,
                run = %run.id,
                state,
                rows,
                requests,
                changed_users = effort.changed_users,
                merging = ?effort.merging,
                indexing = ?effort.indexing,
                committing = ?effort.committing,
                "sync run ended"
            );
        }
        Some(problem) => {
            tracing::warn!(tenant = %run.tenant, run = %run.id, state, rows, requests, %problem, "sync run ended");
        }
    }
}

/// A new run's id; ids sort by the time of their making.
pub(crate) fn new_run_id(now: Timestamp) -> RunId {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    let moment = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds);
    RunId(Uuid::new_v7(moment))
}
