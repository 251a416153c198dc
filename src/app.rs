//! The composition root: the only file that knows every part; it starts and stops them.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::api::auth::{AccessControl, TokenDigest};
use crate::api::calendar::Calendars;
use crate::api::health::{Degradation, DegradationKind, Health, HealthCheck};
use crate::api::http::Endpoint;
use crate::clock::SharedClock;
use crate::config::{Config, KeySource, TenantConfig, WebhookConfig};
use crate::engine::Engine;
use crate::msgraph::{Endpoints, Http};
use crate::store::{EncryptionKey, Health as StoreHealth, OpenError, OpenOptions, Store};
use crate::sync::schedule::Heartbeat;
use crate::sync::webhook::{self, WebhookSettings};
use crate::sync::{
    CatalogSource, Coordinator, Parts, Retention, Schedule, TenantSettings, random_secret,
};

/// Why the server cannot start; each kind has an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The configuration or the key is not usable.
    #[error("{0}")]
    Config(String),
    /// The address cannot be had.
    #[error(
        "cannot listen on {address}: {source}. Set server.listen to another address; port 0 takes a free one"
    )]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// A fault of ours or of the machine.
    #[error("{0}")]
    Internal(String),
}

/// The parts that need no network address: what offline commands use.
pub struct Core {
    /// Everything that happens to tenants.
    pub coordinator: Arc<Coordinator>,
    /// The read model.
    pub engine: Arc<Engine>,
    store: Store,
    key: EncryptionKey,
}

impl Core {
    /// Opens the store and loads every configured tenant. Blocks on the disk.
    ///
    /// The very first start makes the encryption key; a later start without it is refused before
    /// anything is written.
    pub fn open(config: &Config, clock: SharedClock) -> Result<Self, StartError> {
        let directory = &config.storage.directory;
        let key = encryption_key(&config.encryption_key, directory)?;
        let store = Store::open(OpenOptions {
            directory: directory.clone(),
            key: key.clone(),
            free_bytes_min: config.storage.free_bytes_min,
        })?;
        let engine = Arc::new(Engine::new());
        let coordinator = Coordinator::load(Parts {
            store: store.clone(),
            engine: Arc::clone(&engine),
            clock,
            http: Http::new(&config.network).map_err(StartError::Config)?,
            public_url: config.server.public_url.clone(),
            schedule: Schedule {
                cron: config.sync.schedule.clone(),
                zone: config.sync.timezone.clone(),
            },
            tenants: config
                .tenants
                .iter()
                .map(tenant_settings)
                .collect::<Result<_, _>>()?,
            catalog_source: config.catalog.url.clone().map(|url| CatalogSource {
                url,
                refresh_days: u32::from(config.catalog.refresh_days),
            }),
            terms_policy: config.terms,
            retention: Retention {
                usage_days: config.history.usage_days,
                changes_days: config.history.changes_days,
            },
            webhooks: config.webhooks.iter().map(webhook_settings).collect(),
        })
        .map_err(store_error)?;
        Ok(Self {
            coordinator,
            engine,
            store,
            key,
        })
    }
}

/// Opens the store and the tenants for a command that works without a server.
pub async fn open_offline(config: &Config, clock: SharedClock) -> Result<Core, StartError> {
    // Opening blocks on the disk; a command has nothing else to do meanwhile.
    tokio::task::block_in_place(|| Core::open(config, clock))
}

/// Sends a test event to a webhook; the status that it answered, or why it has not got it.
pub async fn test_webhook(
    config: &Config,
    webhook: &WebhookConfig,
    clock: SharedClock,
) -> Result<u16, String> {
    let http = Http::new(&config.network)?;
    webhook::test(&http, &webhook_settings(webhook), clock.now()).await
}

fn webhook_settings(webhook: &WebhookConfig) -> WebhookSettings {
    WebhookSettings {
        name: webhook.name.clone(),
        url: webhook.url.clone(),
        secret: webhook.secret.clone(),
        events: webhook.events.clone(),
        tenants: webhook.tenants.clone(),
        seats_min: webhook.seats_min,
        yearly_cost_min: webhook.yearly_cost_min,
        open_findings_min: webhook.open_findings_min,
        monthly_savings_min: webhook.monthly_savings_min,
    }
}

/// A server that has its port, its data and its first runs under way.
pub struct App {
    core: Core,
    address: SocketAddr,
    new_admin_token: Option<SecretString>,
    listening: api::server::Listening,
    heartbeat: Heartbeat,
    shutdown: CancellationToken,
}

impl App {
    /// Opens everything, listens, and starts what is due. Needs a Tokio runtime around it.
    pub async fn start(
        mut config: Config,
        clock: SharedClock,
        metrics: Option<PrometheusHandle>,
    ) -> Result<Self, StartError> {
        let free_port = match config.server.listen.port() {
            0 => Some(take_free_port(&mut config)?),
            _ => None,
        };
        let config = Arc::new(config);
        let opening = Arc::clone(&config);
        let (core, admin) = on_own_thread(move || {
            let core = Core::open(&opening, clock)?;
            let token = admin_token(&opening, &core.store)?;
            Ok::<_, StartError>((core, token))
        })
        .await
        .ok_or_else(|| {
            StartError::Internal("the store could not be opened; the log has more".to_owned())
        })??;
        let shutdown = CancellationToken::new();
        // After the store: a second process is told of the first one's store, not of its port.
        let listener = match free_port {
            Some(listener) => listener,
            None => bind(config.server.listen)?,
        };
        let listening = serve(
            &config,
            &core,
            admin.digest,
            metrics,
            (listener, shutdown.clone()),
        )?;
        let address = listening.address();
        let heartbeat = Heartbeat::start(Arc::clone(&core.coordinator))
            .await
            .map_err(|error| {
                StartError::Internal(format!("the scheduler did not start: {error}"))
            })?;
        Ok(Self {
            core,
            address,
            new_admin_token: admin.new_token,
            listening,
            heartbeat,
            shutdown,
        })
    }

    /// Where it listens: the real port where a free one was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The administrator's token, where this start made it. Tell it, then have its hash kept.
    pub fn new_admin_token(&self) -> Option<&SecretString> {
        self.new_admin_token.as_ref()
    }

    /// Keeps the hash of a token that this start made, now that it was told: one that was kept and
    /// not told would lock everybody out, since it cannot be told again.
    pub async fn keep_new_admin_token(&self) -> Result<(), StartError> {
        let Some(token) = &self.new_admin_token else {
            return Ok(());
        };
        let digest = TokenDigest::of(token.expose_secret());
        let store = self.core.store.clone();
        tokio::task::spawn_blocking(move || store.save_admin_token_hash(*digest.as_bytes()))
            .await
            .map_err(|_| StartError::Internal("the token's hash could not be kept".to_owned()))?
            .map_err(store_error)
    }

    /// Everything that happens to tenants.
    pub fn coordinator(&self) -> &Arc<Coordinator> {
        &self.core.coordinator
    }

    /// The read model.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.core.engine
    }

    /// Serves until `stop` is canceled; then no new requests are taken, running ones end within the
    /// configured grace, and runs are stopped so that the next start makes them up.
    pub async fn run_until_stopped(self, stop: CancellationToken) -> Result<(), StartError> {
        let shutdown = self.shutdown.clone();
        let serving = self.listening.run();
        tokio::pin!(serving);
        let served = tokio::select! {
            served = &mut serving => served,
            () = stop.cancelled() => {
                shutdown.cancel();
                // Runs stop while requests drain: subscribers of their progress would wait for them.
                let (served, ()) = tokio::join!(serving, stop_runs(self.heartbeat, &self.core.coordinator));
                return served.map_err(io_error);
            }
        };
        stop_runs(self.heartbeat, &self.core.coordinator).await;
        served.map_err(io_error)
    }
}

/// How long the allocator waits before it gives back what was freed, and a little more.
const GIVES_BACK_AFTER: Duration = Duration::from_secs(2);

/// Does work on a thread of its own; `None` where it panicked. The thread ends a little later: at the end of a
/// thread all that was freed goes back to the system, but for what was freed just now. Whole tenants are read
/// from disk, and whoever reads them takes twice of what stays.
async fn on_own_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let runtime = Handle::current();
    let (done, result) = oneshot::channel();
    std::thread::spawn(move || {
        let context = runtime.enter();
        // Whoever waits may be gone.
        let _ = done.send(work());
        drop(context);
        std::thread::sleep(GIVES_BACK_AFTER);
    });
    result.await.ok()
}

async fn stop_runs(heartbeat: Heartbeat, coordinator: &Coordinator) {
    heartbeat.stop().await;
    coordinator.stop().await;
}

fn io_error(error: std::io::Error) -> StartError {
    StartError::Internal(error.to_string())
}

fn store_error(error: crate::store::Error) -> StartError {
    StartError::Store(match error {
        crate::store::Error::DiskFull => OpenError::Full,
        other => OpenError::Damaged(other.to_string()),
    })
}

/// Builds the schema and takes the port.
fn serve(
    config: &Config,
    core: &Core,
    admin: TokenDigest,
    metrics: Option<PrometheusHandle>,
    (listener, shutdown): (TcpListener, CancellationToken),
) -> Result<api::server::Listening, StartError> {
    let settings = config.server.clone();
    let limits = settings.limits.clone();
    let schema = api::schema::build(api::schema::Parts {
        coordinator: Arc::clone(&core.coordinator),
        cursor_key: core.key.derive("cursors"),
        limits: limits.clone(),
    });
    let attach = Arc::new(api::schema::attach(&schema));
    let planner = api::schema::planner(&schema, &limits);
    let exporter = api::schema::exporter(&schema, &limits);
    let listen = settings.listen;
    let server = api::server::Server {
        endpoint: Endpoint::new(schema, attach, limits.clone(), Handle::current())
            .with_planner(planner)
            .with_exporter(exporter),
        access: Arc::new(AccessControl::new(
            admin,
            limits.failed_tokens_per_minute_max,
        )),
        sign_in: Arc::clone(&core.coordinator) as _,
        calendars: calendars_of(core),
        health: health_of(core),
        pages: Arc::new(api::pages::asset),
        metrics,
        shutdown,
        settings,
    };
    server
        .listen_on(listener)
        .map_err(|source| StartError::Listen {
            address: listen,
            source,
        })
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|source| StartError::Listen { address, source })
}

/// Takes a free port and writes it into the configuration: browsers on this machine must be told.
fn take_free_port(config: &mut Config) -> Result<TcpListener, StartError> {
    let address = config.server.listen;
    let listener = bind(address)?;
    let taken = listener
        .local_addr()
        .map_err(|source| StartError::Listen { address, source })?;
    config.server.listen = taken;
    let url = &mut config.server.public_url;
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if is_local && url.set_port(Some(taken.port())).is_err() {
        tracing::warn!("public_url cannot take the free port");
    }
    Ok(listener)
}

fn calendars_of(core: &Core) -> Calendars {
    let coordinator = Arc::clone(&core.coordinator);
    Arc::new(move |token| coordinator.calendar(token))
}

fn health_of(core: &Core) -> HealthCheck {
    let (store, coordinator) = (core.store.clone(), Arc::clone(&core.coordinator));
    Arc::new(move || {
        let damages = coordinator.damages().into_iter();
        let mut degraded: Vec<_> = damages
            .map(|reason| Degradation {
                kind: DegradationKind::DamagedFacts,
                reason,
            })
            .collect();
        if let StoreHealth::ReadOnly { reason } = store.health() {
            degraded.push(Degradation {
                kind: DegradationKind::ReadOnlyStore,
                reason: format!("the store is read-only: {reason}"),
            });
        }
        Health {
            is_ready: true,
            degraded,
        }
    })
}

/// The digest that is accepted, and the token itself where this start made it.
struct AdminToken {
    digest: TokenDigest,
    new_token: Option<SecretString>,
}

/// The configured administrator's token, else the one that an earlier start made and told, else a new one.
fn admin_token(config: &Config, store: &Store) -> Result<AdminToken, StartError> {
    if let Some(token) = &config.admin_token {
        return Ok(AdminToken {
            digest: TokenDigest::of(token.expose_secret()),
            new_token: None,
        });
    }
    if let Some(hash) = store.admin_token_hash().map_err(store_error)? {
        return Ok(AdminToken {
            digest: TokenDigest::from_bytes(hash),
            new_token: None,
        });
    }
    let token = random_token()?;
    Ok(AdminToken {
        digest: TokenDigest::of(token.expose_secret()),
        new_token: Some(token),
    })
}

/// A new administrator's token: 256 random bits behind a prefix that scanners for leaked secrets can
/// look for.
pub fn random_token() -> Result<SecretString, StartError> {
    let secret = random_secret().map_err(|missing| StartError::Internal(missing.to_string()))?;
    let token = format!("seatwise_{}", secret.expose_secret());
    Ok(SecretString::from(token))
}

/// The configured key, else the one in the usual file; the very first start makes that.
fn encryption_key(source: &KeySource, directory: &Path) -> Result<EncryptionKey, StartError> {
    match source {
        KeySource::Given(key) => Ok(key.clone()),
        KeySource::FirstStart(path) if Store::exists(directory) => {
            Err(StartError::Config(format!(
                "{} holds a store, but its encryption key is not here: put the key file back at {}, or name it in security.encryption_key_file. Without it the stored sign-ins cannot be read.",
                directory.display(),
                path.display()
            )))
        }
        KeySource::FirstStart(path) => {
            let key = EncryptionKey::random();
            write_key_file(path, &key).map_err(|error| {
                StartError::Config(format!("{}: cannot be written: {error}", path.display()))
            })?;
            tracing::info!(file = %path.display(), "made a new encryption key; keep a copy apart from the data");
            Ok(key)
        }
    }
}

fn write_key_file(path: &Path, key: &EncryptionKey) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".seatwise.key.")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(directory)?;
    file.write_all(key.to_text().expose_secret().as_bytes())?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    // Whole or not at all, and never over one that another process has just made.
    file.persist_noclobber(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

fn tenant_settings(tenant: &TenantConfig) -> Result<TenantSettings, StartError> {
    let refused = |error: String| StartError::Config(format!("tenants.{}: {error}", tenant.key));
    let endpoints = Endpoints::new(
        tenant.cloud,
        tenant.login_url.as_ref().map(Url::as_str),
        tenant.graph_url.as_ref().map(Url::as_str),
    )
    .map_err(refused)?;
    Ok(TenantSettings {
        key: tenant.key.clone(),
        tenant_id: tenant.tenant_id.clone(),
        client_id: tenant.client_id.clone(),
        credential: tenant.credential.clone(),
        access: tenant.access,
        cloud: tenant.cloud,
        endpoints,
        segment: tenant.segment.clone(),
        policy: tenant.policy.clone(),
    })
}
