//! How fast a tenant is read, against a simulated Microsoft that takes 150 ms for each answer, and
//! beside Microsoft's own SDK walking the same list in the same run; then what one core does with
//! pages that are there already.
//!
//! `cargo bench --bench sync`; `USERS=20000` makes it shorter, and `ONLY=core` leaves out everything but
//! the pages in memory, which takes seconds. Ratios count, not figures: the same machine is Microsoft,
//! the SDK and us.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark is no product: it prints, and stops where it cannot measure"
)]

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use seatwise::app::App;
use seatwise::clock::{Clock, SharedClock};
use seatwise::config::{Config, Sources};
use seatwise::domain::catalog::{LicenseName, NameSource};
use seatwise::domain::ids::TenantKey;
use seatwise::domain::sync_run::{Dataset, DatasetRun, SyncRun, SyncTrigger};
use seatwise::engine::{TenantIndex, TenantUpdate};
use seatwise::msgraph::fuzzing;
use seatwise::simulator::{Settings, Simulator};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// What the server itself allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What Graph takes for an answer, by experience.
const LATENCY: Duration = Duration::from_millis(150);
/// How often the work of one core is measured; the best counts, others share the machine.
const CORE_ROUNDS: usize = 5;
/// What the product asks of users.
const USERS_QUERY: &str = "/users?$select=id,userPrincipalName,displayName,mail,employeeId,employeeType,jobTitle,department,companyName,officeLocation,country,usageLocation,userType,isResourceAccount,accountEnabled,createdDateTime,employeeHireDate,onPremisesSyncEnabled,assignedLicenses,licenseAssignmentStates&$expand=manager($levels=1;$select=id)&$count=true&$top=999";

/// The time of day of both sides, which a benchmark can move on.
#[derive(Default)]
struct MovedClock(AtomicI64);

impl MovedClock {
    fn advance(&self, by: SignedDuration) {
        self.0.fetch_add(by.as_secs(), Ordering::Relaxed);
    }
}

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
        // What is measured is waiting and work, not the patience of whoever is throttled: both sides
        // are read several times in a minute, which nobody does.
        resource_units: Some(u32::MAX),
        now: Some(Arc::new(move || simulated.now())),
        ..Settings::default()
    })
    .expect("the simulator starts");
    simulator.set_report_limits(false);
    simulator.set_log_limits(false);
    println!("{users} users");
    let runtime = Runtime::new().expect("a runtime");
    if std::env::var("ONLY").is_ok_and(|part| part == "core") {
        bench_core(&runtime.block_on(bodies(&simulator)));
        return;
    }
    // Once without latency and unmeasured: it makes the simulator's rows and reports, for which neither
    // side shall pay.
    let rows = walk_with_sdk(&simulator);
    let reports = Server::start(&simulator, &clock, &runtime).first_run();
    drop((rows, reports));
    let sdk_at_once = walk_with_sdk(&simulator);
    let ours_at_once = Server::start(&simulator, &clock, &runtime).first_run();
    simulator.set_latency(LATENCY);
    let sdk = walk_with_sdk(&simulator);
    let server = Server::start(&simulator, &clock, &runtime);
    let first = server.first_run();
    print_list(
        [sdk_at_once, sdk],
        [users_of(&ours_at_once), users_of(&first)],
    );

    // An hourly run and a daily one. Each is as if somebody had asked for it, so that it reads the logs
    // no further back than the first did.
    clock.advance(SignedDuration::from_hours(1));
    simulator.change_users(100, 1);
    let hourly = server.sync();
    clock.advance(SignedDuration::from_hours(25));
    simulator.change_users(100, 2);
    let daily = server.sync();
    print_runs([&first, &hourly, &daily]);

    bench_core(&runtime.block_on(bodies(&simulator)));
}

/// The list of users, beside Microsoft's SDK: without latency, and with it.
fn print_list(sdk: [Option<Walk>; 2], ours: [Walk; 2]) {
    println!(
        "\n{:34}{:>12}{:>10}{:>10}",
        "the list of users", "users/s", "requests", "seconds"
    );
    for ((latency, sdk), ours) in ["no latency", "150 ms"].into_iter().zip(&sdk).zip(&ours) {
        if let Some(sdk) = sdk {
            print_walk(&format!("Microsoft's SDK, {latency}"), sdk);
        }
        print_walk(&format!("Seatwise, {latency}"), ours);
    }
    let ([_, Some(sdk)], [_, ours]) = (sdk, ours) else {
        return;
    };
    println!(
        "{:.1} times the users/s of the SDK at 150 ms (at least 10 wanted), {:.2} times its requests (at most 1.25)",
        ours.rate() / sdk.rate(),
        ours.requests as f64 / sdk.requests as f64
    );
}

/// Whole runs, one after the other.
fn print_runs(runs: [&SyncRun; 3]) {
    println!(
        "\n{:26}{:>22}{:>22}{:>22}",
        "whole runs at 150 ms", "the first", "100 changes", "and whole columns"
    );
    println!(
        "{:26}{}",
        "",
        format!("{:>12}{:>10}", "requests", "seconds").repeat(3)
    );
    for dataset in Dataset::ALL {
        print_cells(dataset.name(), runs.map(|run| cost(run.dataset(dataset))));
    }
    let costs = runs.map(|run| (requests(run), seconds(run)));
    print_cells("everything", costs);
    let [first, rest @ ..] = costs;
    for (what, (requests, seconds)) in ["100 changes", "and whole columns"].iter().zip(rest) {
        println!(
            "{what}: {:.1} % of the requests and {:.1} % of the time of the first",
            100.0 * requests as f64 / first.0 as f64,
            100.0 * seconds / first.1
        );
    }
    println!("(wanted for 100 changes: at most 25 % of the requests and 10 % of the time)");
}

/// What one core does with pages that are there: decodes them, and makes an index of them.
fn bench_core(bodies: &[String]) {
    let rounds = (0..CORE_ROUNDS).map(|_| round_of_core(bodies));
    let best = rounds.min_by_key(CoreRound::all);
    let best = best.expect("there are rounds");
    let rate = |time: Duration| best.users as f64 / time.as_secs_f64();
    let megabytes = bodies.iter().map(String::len).sum::<usize>() as f64 / 1e6;
    println!(
        "\n{:34}{:>12}{:>10}{:>10}",
        "pages in memory, one core", "users/s", "seconds", "MB/s"
    );
    let print = |what: &str, time: Duration| {
        println!(
            "{what:34}{:>12.0}{:>10.3}{:>10.0}",
            rate(time),
            time.as_secs_f64(),
            megabytes / time.as_secs_f64()
        );
    };
    print("decoded", best.decoding);
    print("merged", best.merging);
    print("indexed", best.indexing);
    print("decoded, merged and indexed", best.all());
    println!(
        "({megabytes:.0} MB, {:.0} bytes a user; the best of {CORE_ROUNDS}; at least 250000 users/s wanted)",
        1e6 * megabytes / best.users as f64
    );
}

/// What the parts of the work took.
struct CoreRound {
    users: u64,
    decoding: Duration,
    merging: Duration,
    indexing: Duration,
}

impl CoreRound {
    fn all(&self) -> Duration {
        self.decoding + self.merging + self.indexing
    }
}

fn round_of_core(bodies: &[String]) -> CoreRound {
    let base = TenantIndex::empty(contoso());
    let mut draft = base.draft();
    let (mut decoding, mut merging) = (Duration::ZERO, Duration::ZERO);
    for body in bodies {
        let began = core_time();
        let users = fuzzing::users(body);
        decoding += core_time().saturating_sub(began);
        let began = core_time();
        for user in &users {
            draft.merge(user);
        }
        drop(users);
        merging += core_time().saturating_sub(began);
    }
    let began = core_time();
    let update = TenantUpdate {
        organization: None,
        licenses: None,
        users: Some(draft),
        groups: None,
        subscriptions: None,
        history: None,
        standings: Vec::new(),
        as_of: None,
        now: Timestamp::now(),
    };
    let index = base.updated(update, &|_, part_number| LicenseName {
        text: part_number.to_owned(),
        source: NameSource::PartNumber,
    });
    CoreRound {
        users: index.user_count(),
        decoding,
        merging,
        indexing: core_time().saturating_sub(began),
    }
}

/// What this thread has kept a core busy so far: whoever shares the machine does not count. Where the
/// system does not tell, what a clock says instead.
fn core_time() -> Duration {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| BEGAN.elapsed(), Duration::from_nanos)
}

/// Every page of the list, as it came.
async fn bodies(simulator: &Simulator) -> Vec<String> {
    simulator.set_latency(Duration::ZERO);
    let http = reqwest::Client::new();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &simulator.client_id()),
        ("client_secret", &simulator.client_secret()),
        ("scope", &format!("{}/.default", simulator.graph_url())),
    ];
    let token_url = format!(
        "{}/{}/oauth2/v2.0/token",
        simulator.login_url(),
        simulator.tenant_id()
    );
    let answer = http.post(token_url).form(&form).send().await;
    let answer = answer.expect("a token is answered").json::<Token>().await;
    let token = answer.expect("a token").access_token;
    let mut next = Some(format!("{}/v1.0{USERS_QUERY}", simulator.graph_url()));
    let mut bodies = Vec::new();
    while let Some(url) = next {
        let request = http.get(url).bearer_auth(&token);
        let answer = request.header("ConsistencyLevel", "eventual").send().await;
        let body = answer.expect("a page is answered").text().await;
        let body = body.expect("a page");
        let link: Link = serde_json::from_str(&body).expect("a page of JSON");
        next = link.next;
        bodies.push(body);
    }
    bodies
}

#[derive(serde::Deserialize)]
struct Token {
    access_token: String,
}

#[derive(serde::Deserialize)]
struct Link {
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

fn print_walk(what: &str, walk: &Walk) {
    println!(
        "{what:34}{:>12.0}{:>10}{:>10.2}",
        walk.rate(),
        walk.requests,
        walk.seconds
    );
}

fn print_cells(what: &str, runs: [(u64, f64); 3]) {
    let cells = runs.map(|(requests, seconds)| match requests {
        0 => format!("{:>12}{:>10}", "-", "-"),
        _ => format!("{requests:>12}{seconds:>10.2}"),
    });
    println!("{what:26}{}", cells.concat());
}

/// Requests and seconds of a dataset.
fn cost(part: Option<&DatasetRun>) -> (u64, f64) {
    let Some(part) = part else {
        return (0, 0.0);
    };
    let span = part.started_at.zip(part.finished_at);
    let seconds = span.map_or(0.0, |(began, ended)| {
        ended.duration_since(began).as_secs_f64()
    });
    (part.requests, seconds)
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
    let (requests, seconds) = cost(Some(part));
    Walk {
        users: part.rows,
        requests,
        seconds,
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
                "the-token-of-the-benchmark-0123456789".to_owned(),
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
        let started = app.coordinator().start(&tenant, SyncTrigger::Manual);
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
