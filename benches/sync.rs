//! How fast a tenant is read, against a simulated Microsoft that takes 150 ms for each answer, and
//! beside Microsoft's own SDK walking the same list in the same run.
//!
//! `cargo bench --bench sync`; `USERS=20000` makes it shorter. Ratios count, not figures: the machine
//! does both.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark is no product: it prints, and stops where it cannot measure"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use seatwise::app::App;
use seatwise::clock::{Clock, SharedClock};
use seatwise::config::{Config, Sources};
use seatwise::domain::ids::TenantKey;
use seatwise::domain::sync_run::{Dataset, SyncRun, SyncTrigger};
use seatwise::simulator::{Settings, Simulator};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// What Graph takes for an answer, by experience.
const LATENCY: Duration = Duration::from_millis(150);
/// What the product asks of users.
const USERS_QUERY: &str = "/users?$select=id,userPrincipalName,displayName,mail,employeeId,employeeType,jobTitle,department,companyName,officeLocation,country,usageLocation,userType,isResourceAccount,accountEnabled,createdDateTime,employeeHireDate,onPremisesSyncEnabled,assignedLicenses,licenseAssignmentStates&$expand=manager($levels=1;$select=id)&$count=true&$top=999";

/// The time of day of both sides, which a benchmark can move on.
#[derive(Default)]
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// A walk of the list, by whomever.
#[derive(serde::Deserialize)]
struct Walk {
    users: u64,
    requests: u64,
    seconds: f64,
}

impl Walk {
    fn rate(&self) -> f64 {
        self.users as f64 / self.seconds
    }
}

fn main() {
    // `cargo test --benches` asks whether it can be run, not how fast it is.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let users = std::env::var("USERS")
        .ok()
        .and_then(|users| users.parse().ok());
    let users = users.unwrap_or(100_000);
    let clock = Arc::new(MovedClock::default());
    let simulated = Arc::clone(&clock);
    let simulator = Simulator::start(Settings {
        users,
        compress: false,
        caches_rows: true,
        now: Some(Arc::new(move || simulated.now())),
        ..Settings::default()
    })
    .expect("the simulator starts");
    println!("{users} users\n");
    let runtime = Runtime::new().expect("a runtime");
    bench_first(&simulator, &clock, &runtime);
}

/// Everything that is measured, in one sitting.
fn bench_first(simulator: &Simulator, clock: &Arc<MovedClock>, runtime: &Runtime) {
    // Without latency first: it also makes the simulator's rows, which neither side shall pay for.
    let sdk_at_once = walk_with_sdk(simulator);
    let ours_at_once = Server::start(simulator, clock, runtime).first_run();
    simulator.set_latency(LATENCY);
    let sdk = walk_with_sdk(simulator);
    let server = Server::start(simulator, clock, runtime);
    let first = server.first_run();
    simulator.change_users(100, 1);
    let small = server.sync();
    clock.0.fetch_add(25 * 60 * 60, Ordering::Relaxed);
    simulator.change_users(100, 2);
    let daily = server.sync();

    println!(
        "{:34}{:>12}{:>10}{:>10}",
        "the list of users", "users/s", "requests", "seconds"
    );
    if let Some(sdk) = &sdk_at_once {
        print_walk("Microsoft's SDK, no latency", sdk);
    }
    print_walk("Seatwise, no latency", &users_of(&ours_at_once));
    if let Some(sdk) = &sdk {
        print_walk("Microsoft's SDK, 150 ms", sdk);
    }
    let ours = users_of(&first);
    print_walk("Seatwise, 150 ms", &ours);
    if let Some(sdk) = &sdk {
        println!(
            "\nSeatwise / SDK at 150 ms: {:.1} times (at least 10 wanted)",
            ours.rate() / sdk.rate()
        );
        let share = ours.requests as f64 / sdk.requests as f64;
        println!("requests: {share:.2} times those of one chain (at most 1.25 wanted)");
    }
    println!(
        "\n{:34}{:>10}{:>10}{:>12}{:>10}",
        "a whole run", "requests", "seconds", "of requests", "of time"
    );
    print_run("the first", &first, &first);
    print_run("100 changes", &small, &first);
    print_run("100 changes and whole columns", &daily, &first);
    println!("(wanted for 100 changes: at most 25 % of the requests and 10 % of the time)");
}

fn print_walk(what: &str, walk: &Walk) {
    println!(
        "{what:34}{:>12.0}{:>10}{:>10.2}",
        walk.rate(),
        walk.requests,
        walk.seconds
    );
}

fn print_run(what: &str, run: &SyncRun, first: &SyncRun) {
    let of = |own: f64, whole: f64| format!("{:.1} %", 100.0 * own / whole);
    println!(
        "{what:34}{:>10}{:>10.2}{:>12}{:>10}",
        requests(run),
        seconds(run),
        of(requests(run) as f64, requests(first) as f64),
        of(seconds(run), seconds(first)),
    );
}

fn requests(run: &SyncRun) -> u64 {
    run.datasets.iter().map(|part| part.requests).sum()
}

fn seconds(run: &SyncRun) -> f64 {
    let end = run.finished_at.expect("the run is over");
    end.duration_since(run.started_at).as_secs_f64()
}

fn users_of(run: &SyncRun) -> Walk {
    let part = run.dataset(Dataset::Users).expect("every run reads users");
    let (began, ended) = (part.started_at, part.finished_at);
    let (began, ended) = began.zip(ended).expect("users were read");
    Walk {
        users: part.rows,
        requests: part.requests,
        seconds: ended.duration_since(began).as_secs_f64(),
    }
}

/// The same list, walked by Microsoft's SDK for JavaScript; `None` where there is no Node.js.
fn walk_with_sdk(simulator: &Simulator) -> Option<Walk> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/sdk");
    if !folder.join("node_modules").exists() {
        let mut npm = Command::new("npm");
        let npm = npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        if !npm
            .current_dir(&folder)
            .status()
            .is_ok_and(|status| status.success())
        {
            println!(
                "Microsoft's SDK is left out: npm ci in benches/sdk failed; install Node.js 20.19 or newer"
            );
            return None;
        }
    }
    let output = Command::new("node")
        .arg("walk.mjs")
        .current_dir(&folder)
        .env("GRAPH_URL", simulator.graph_url())
        .env("LOGIN_URL", simulator.login_url())
        .env("TENANT_ID", simulator.tenant_id())
        .env("CLIENT_ID", simulator.client_id())
        .env("CLIENT_SECRET", simulator.client_secret())
        .env("PATH_AND_QUERY", USERS_QUERY)
        .output()
        .expect("node runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(serde_json::from_slice(&output.stdout).expect("the walk says how long it took"))
}

/// The product, in this process.
struct Server<'a> {
    runtime: &'a Runtime,
    app: Option<App>,
    _directory: tempfile::TempDir,
}

impl<'a> Server<'a> {
    fn start(simulator: &Simulator, clock: &Arc<MovedClock>, runtime: &'a Runtime) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let tenant = |name: &str| format!("TENANTS__CONTOSO__{name}");
        let settings = [
            ("SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("STORAGE__FREE_BYTES_MIN".to_owned(), "0".to_owned()),
            (
                "STORAGE__URL".to_owned(),
                format!("sled:{}", directory.path().join("data").display()),
            ),
            (
                "AUTH__ADMIN_TOKEN".to_owned(),
                "the-token-of-the-benchmark-0123".to_owned(),
            ),
            (
                "SECURITY__ENCRYPTION_KEY".to_owned(),
                "4f1c2d3e4f5a6b7c8d9eafb0c1d2e3f405162738495a6b7c8d9eafb0c1d2e3f4".to_owned(),
            ),
            // Nothing begins but what is measured.
            ("SYNC__SCHEDULE".to_owned(), "0 0 0 1 1 *".to_owned()),
            (tenant("TENANT_ID"), simulator.tenant_id()),
            (tenant("CLIENT_ID"), simulator.client_id()),
            (tenant("CLIENT_SECRET"), simulator.client_secret()),
            (tenant("ACCESS"), "app".to_owned()),
            (tenant("LOGIN_URL"), simulator.login_url().to_owned()),
            (tenant("GRAPH_URL"), simulator.graph_url().to_owned()),
        ];
        let settings = settings.into_iter();
        let sources = Sources {
            file: None,
            environment: settings
                .map(|(name, value)| (format!("SEATWISE_{name}").into(), value.into()))
                .collect(),
            directory: directory.path().to_owned(),
        };
        let config = Config::load(&sources).unwrap_or_else(|error| panic!("{error}"));
        let clock: SharedClock = Arc::clone(clock) as SharedClock;
        let app = runtime
            .block_on(App::start(config, clock, None))
            .expect("the server starts");
        Self {
            runtime,
            app: Some(app),
            _directory: directory,
        }
    }

    /// The run that the start began.
    fn first_run(&self) -> SyncRun {
        self.ended()
    }

    fn sync(&self) -> SyncRun {
        let app = self.app.as_ref().expect("it runs");
        let tenant = contoso();
        let started = app.coordinator().start(&tenant, SyncTrigger::Schedule);
        self.runtime.block_on(started).expect("a run starts");
        self.ended()
    }

    fn ended(&self) -> SyncRun {
        let app = self.app.as_ref().expect("it runs");
        let mut newest = app
            .coordinator()
            .watch(&contoso())
            .expect("the tenant is configured");
        let began = Instant::now();
        let run = self.runtime.block_on(async {
            let ended = newest.wait_for(|run| run.as_ref().is_some_and(|run| run.state.is_over()));
            ended.await.expect("the server runs").clone()
        });
        let run = run.expect("there is a run");
        assert!(
            run.state.is_published(),
            "{run:?} after {:?}",
            began.elapsed()
        );
        run
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            let stopped = CancellationToken::new();
            stopped.cancel();
            let _ = self.runtime.block_on(app.run_until_stopped(stopped));
        }
    }
}

fn contoso() -> TenantKey {
    TenantKey::parse("contoso").expect("a key")
}
