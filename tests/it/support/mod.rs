//! The real server on a free port, against the simulated Microsoft, spoken to over HTTP.

pub(crate) mod chance;
pub(crate) mod people;
pub(crate) mod process;
pub(crate) mod timed;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use seatwise::app::App;
use seatwise::clock::{SharedClock, SystemClock};
use seatwise::config::{Config, Sources};
use seatwise::simulator::{Handle, Settings, Simulator};
use seatwise::sync::Coordinator;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The administrator's token of every test server.
pub(crate) const TOKEN: &str = "the-token-of-the-tests-0123456789";

/// The key under which test stores keep their secrets.
pub(crate) const KEY: &str = "4f1c2d3e4f5a6b7c8d9eafb0c1d2e3f405162738495a6b7c8d9eafb0c1d2e3f4";

/// How long anything may take before a test gives up on it; far more than it needs on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running server and, mostly, the Microsoft that it reads.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) coordinator: Arc<Coordinator>,
    simulator: Option<Simulator>,
    client: reqwest::Client,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
    /// Deleted with the server; `None` where the directory is somebody else's.
    _directory: Option<TempDir>,
}

/// How a test server differs from the usual one.
pub(crate) struct Options {
    /// Users of the simulated organization.
    pub(crate) users: u64,
    /// "app" or "delegated".
    pub(crate) access: &'static str,
    /// Settings on top, such as `("LIMITS__TOKENS_MAX", "100")`.
    pub(crate) settings: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            users: 300,
            access: "app",
            settings: Vec::new(),
        }
    }
}

impl Options {
    /// With one more setting.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.push((name.to_owned(), value.into()));
        self
    }
}

impl Server {
    /// A demo of 2,000 users that is synced; one for all tests that only read.
    pub(crate) async fn demo() -> &'static Self {
        static DEMO: OnceLock<Server> = OnceLock::new();
        let demo = tokio::task::spawn_blocking(|| {
            DEMO.get_or_init(|| {
                Self::start(Options {
                    users: 2_000,
                    ..Options::default()
                })
            })
        });
        let demo = demo.await.unwrap();
        demo.synced().await;
        demo
    }

    /// A synced server of its own, for tests that change what they read.
    pub(crate) async fn fresh(options: Options) -> Self {
        let server = tokio::task::spawn_blocking(|| Self::start(options))
            .await
            .unwrap();
        server.synced().await;
        server
    }

    /// A server that has just begun its first sync (or waits for consent).
    pub(crate) fn start(options: Options) -> Self {
        let simulator = Simulator::start(Settings {
            users: options.users,
            ..Settings::default()
        })
        .unwrap();
        Self::start_against(simulator, options)
    }

    /// The same against a Microsoft that a test has prepared.
    pub(crate) fn start_against(simulator: Simulator, options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = tenant_settings(&simulator, options.access);
        settings.push((
            "STORAGE__URL".into(),
            format!("sled:{}", directory.path().join("data").display()),
        ));
        settings.extend(options.settings);
        let mut server = Self::start_with(&settings);
        server.simulator = Some(simulator);
        server._directory = Some(directory);
        server
    }

    /// A server with exactly these settings on top of what every test needs.
    pub(crate) fn start_with(settings: &[(String, String)]) -> Self {
        Self::start_by(settings, Arc::new(SystemClock))
    }

    /// The same by another clock than this machine's.
    pub(crate) fn start_by(settings: &[(String, String)], clock: SharedClock) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let environment = environment(settings);
        let sources = Sources {
            file: None,
            environment,
            directory: directory.path().to_owned(),
        };
        let config = Config::load(&sources).unwrap_or_else(|error| panic!("{error}"));
        let stop = CancellationToken::new();
        let (started, starts) = std::sync::mpsc::channel();
        let stopping = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let app = App::start(config, clock, None).await.unwrap();
                started
                    .send((app.address(), Arc::clone(app.coordinator())))
                    .unwrap();
                app.run_until_stopped(stopping).await.unwrap();
            });
        });
        let (address, coordinator) = starts.recv().unwrap();
        Self {
            address,
            coordinator,
            simulator: None,
            // Tests share servers and have a runtime each: a connection must not outlive its own.
            client: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .build()
                .unwrap(),
            stop,
            thread: Some(thread),
            _directory: Some(directory),
        }
    }

    /// The simulated Microsoft.
    pub(crate) fn microsoft(&self) -> &Handle {
        self.simulator
            .as_ref()
            .expect("this server has no simulator")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks with the administrator's token; the whole answer.
    pub(crate) async fn query(&self, document: &str, variables: Value) -> Value {
        let body = json!({"query": document, "variables": variables});
        let request = self
            .client
            .post(self.url("/graphql"))
            .bearer_auth(TOKEN)
            .json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The data of an answer that must have no errors.
    pub(crate) async fn data(&self, document: &str) -> Value {
        let answer = self.query(document, json!({})).await;
        assert_eq!(answer.get("errors"), None, "{document}");
        answer["data"].clone()
    }

    /// The global id of the tenant.
    pub(crate) async fn tenant_id(&self) -> String {
        let data = self.data("{tenants {id}}").await;
        data["tenants"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Starts a sync (or joins the running one) and waits for its end; the run as the ledger tells it.
    pub(crate) async fn sync(&self) -> Value {
        let tenant = self.tenant_id().await;
        let started = self
            .query(
                "mutation ($tenant: ID!) {startSync(tenant: $tenant) {id}}",
                json!({"tenant": tenant}),
            )
            .await;
        assert_eq!(started.get("errors"), None);
        self.synced().await
    }

    /// Waits for the end of the newest run; the run as the ledger tells it.
    pub(crate) async fn synced(&self) -> Value {
        let key = seatwise::domain::ids::TenantKey::parse("contoso").unwrap();
        let mut newest = self.coordinator.watch(&key).unwrap();
        let ended = newest.wait_for(|run| run.as_ref().is_some_and(|run| run.state.is_over()));
        let ended = tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("the sync does not end");
        drop(ended.unwrap());
        self.last_run().await
    }

    /// The newest run, whole.
    pub(crate) async fn last_run(&self) -> Value {
        let data = self
            .data("{syncRuns(first: 1) {nodes {id trigger state problem progress startedAt finishedAt
                datasets {dataset state rows quarantinedRows unmatchedRows requests throttledRequests
                    startedAt finishedAt problem}}}}")
            .await;
        data["syncRuns"]["nodes"][0].clone()
    }

    pub(crate) async fn user_count(&self) -> u64 {
        let data = self.data("{users(first: 1) {totalCount}}").await;
        data["users"]["totalCount"].as_u64().unwrap()
    }

    /// Stops in good order, as SIGTERM would.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server panicked");
        }
    }
}

/// A server that a test forgot still ends in good order, or the test fails.
impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// One part of a run.
pub(crate) fn dataset<'a>(run: &'a Value, name: &str) -> &'a Value {
    let datasets = run["datasets"].as_array().unwrap();
    datasets
        .iter()
        .find(|part| part["dataset"] == name)
        .unwrap()
}

/// The settings that point a tenant named contoso at a simulator.
pub(crate) fn tenant_settings(microsoft: &Handle, access: &str) -> Vec<(String, String)> {
    let tenant = |key: &str, value: &str| (format!("TENANTS__CONTOSO__{key}"), value.to_owned());
    vec![
        tenant("TENANT_ID", &microsoft.tenant_id()),
        tenant("CLIENT_ID", &microsoft.client_id()),
        tenant("CLIENT_SECRET", &microsoft.client_secret()),
        tenant("ACCESS", access),
        tenant("LOGIN_URL", microsoft.login_url()),
        tenant("GRAPH_URL", microsoft.graph_url()),
    ]
}

/// What every test server is configured with, and these settings on top.
pub(crate) fn environment(
    settings: &[(String, String)],
) -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    let usual = [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("STORAGE__FREE_BYTES_MIN", "0"),
        ("AUTH__ADMIN_TOKEN", TOKEN),
        ("SECURITY__ENCRYPTION_KEY", KEY),
        // Tests share one address.
        ("SERVER__CONNECTIONS_PER_ADDRESS_MAX", "1000"),
    ];
    let usual = usual.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut all = std::collections::BTreeMap::from(usual);
    all.extend(settings.iter().cloned());
    all.into_iter()
        .map(|(name, value)| (format!("SEATWISE_{name}").into(), value.into()))
        .collect()
}
