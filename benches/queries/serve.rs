//! The product, in a process of its own, and what is measured inside it.

use std::io::BufRead as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use seatwise::app::App;
use seatwise::clock::SharedClock;
use seatwise::config::{Config, Sources};
use seatwise::domain::ids::TenantKey;
use seatwise::domain::sync_run::{Dataset, SyncRun, SyncTrigger};
use seatwise::engine::{Engine, TenantIndex};
use seatwise::sync::Coordinator;
use seatwise::telemetry;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Handle, Runtime};
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::changes::{change_everybody, change_some};
use crate::child::tell;
use crate::clock::MovedClock;
use crate::export::export;
use crate::filters::time_filters;
use crate::simulate::Organization;

/// What opens the server under test.
pub(crate) const TOKEN: &str = "the-token-of-the-benchmark-0123456789";
const KEY: &str = "4f1c2d3e4f5a6b7c8d9eafb0c1d2e3f405162738495a6b7c8d9eafb0c1d2e3f4";
/// The setting that bounds the memory of answers kept, in bytes; 0 keeps none.
const ANSWERS_KEPT: &str = "LIMITS__ANSWERS_KEPT_BYTES_MAX";

#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Where it keeps its data
    data: PathBuf,
    /// A file with the organization to read; without it there is none
    #[arg(long)]
    organization: Option<PathBuf>,
    /// Seconds by which the time of this machine is moved
    #[arg(long, allow_hyphen_values = true)]
    clock: i64,
    /// Whether whole answers may be kept
    #[arg(long)]
    keep_answers: bool,
}

/// What a server says first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    /// What opening, loading and listening took.
    pub(crate) seconds: f64,
}

/// How a sync went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Synced {
    pub(crate) users: u64,
    /// From when it was asked for until its facts were served.
    pub(crate) seconds: f64,
    /// Datasets that were not read whole.
    pub(crate) incomplete: Vec<String>,
}

/// Serves until standard input ends, and does what is said there meanwhile.
pub(crate) fn run(arguments: &ServeArgs) -> Outcome<()> {
    let began = Instant::now();
    let config = config(arguments)?;
    let clock: SharedClock = MovedClock::moved_by(arguments.clock).shared();
    telemetry::start_logging(config.log, Arc::clone(&clock));
    let metrics = telemetry::start_metrics()?;
    let runtime = Runtime::new()?;
    let app = runtime.block_on(App::start(config, Arc::clone(&clock), Some(metrics)))?;
    tell(&Listening {
        address: app.address(),
        seconds: began.elapsed().as_secs_f64(),
    })?;
    let stop = CancellationToken::new();
    let told = Told {
        engine: Arc::clone(app.engine()),
        coordinator: Arc::clone(app.coordinator()),
        runtime: runtime.handle().clone(),
        clock,
    };
    let stopping = stop.clone();
    let obeying = std::thread::spawn(move || {
        let obeyed = told.obey();
        stopping.cancel();
        obeyed
    });
    runtime.block_on(app.run_until_stopped(stop))?;
    obeying.join().map_err(|_| "what was asked for panicked")?
}

/// The server is configured as any other is, and nothing begins but what is measured.
fn config(arguments: &ServeArgs) -> Outcome<Config> {
    let data = std::path::absolute(&arguments.data)?;
    let mut settings = vec![
        ("SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ("STORAGE__FREE_BYTES_MIN".to_owned(), "0".to_owned()),
        (
            "STORAGE__URL".to_owned(),
            format!("sled:{}", data.display()),
        ),
        ("AUTH__ADMIN_TOKEN".to_owned(), TOKEN.to_owned()),
        ("SECURITY__ENCRYPTION_KEY".to_owned(), KEY.to_owned()),
        ("SYNC__SCHEDULE".to_owned(), "0 0 0 1 1 *".to_owned()),
        ("LOG__LEVEL".to_owned(), "error".to_owned()),
    ];
    if !arguments.keep_answers {
        settings.push((ANSWERS_KEPT.to_owned(), "0".to_owned()));
    }
    if let Some(file) = &arguments.organization {
        settings.extend(tenant(file)?);
    }
    let named = |(name, value)| (format!("SEATWISE_{name}").into(), String::into(value));
    let sources = Sources {
        file: None,
        environment: settings.into_iter().map(named).collect(),
        directory: data.parent().map(Path::to_owned).unwrap_or_default(),
    };
    Ok(Config::load(&sources).map_err(|error| error.to_string())?)
}

fn tenant(file: &Path) -> Outcome<[(String, String); 6]> {
    let organization: Organization = serde_json::from_slice(&std::fs::read(file)?)?;
    let named = |name: &str| format!("TENANTS__CONTOSO__{name}");
    Ok([
        (named("TENANT_ID"), organization.tenant_id),
        (named("CLIENT_ID"), organization.client_id),
        (named("CLIENT_SECRET"), organization.client_secret),
        (named("ACCESS"), "app".to_owned()),
        (named("LOGIN_URL"), organization.login_url),
        (named("GRAPH_URL"), organization.graph_url),
    ])
}

/// Who is told what to do.
struct Told {
    engine: Arc<Engine>,
    coordinator: Arc<Coordinator>,
    runtime: Handle,
    clock: SharedClock,
}

impl Told {
    fn obey(&self) -> Outcome<()> {
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                // The run that the start began.
                ["first"] => tell(&self.ended()?)?,
                ["sync"] => tell(&self.sync()?)?,
                ["heap"] => tell(&self.engine.world().heap_bytes())?,
                ["heap-by-part"] => tell(&self.index()?.heap_by_part())?,
                ["export", directory] => tell(&export(&self.index()?, Path::new(directory))?)?,
                ["filters", count] => tell(&time_filters(&self.index()?, count.parse()?))?,
                ["change-some", count] => {
                    tell(&change_some(&self.engine, &self.clock, count.parse()?)?)?;
                }
                ["change-everybody"] => tell(&change_everybody(&self.engine, &self.clock)?)?,
                _ => return Err(format!("{line:?} is nothing that the server does").into()),
            }
        }
        Ok(())
    }

    fn index(&self) -> Outcome<Arc<TenantIndex>> {
        index(&self.engine)
    }

    fn sync(&self) -> Outcome<Synced> {
        let tenant = contoso()?;
        let started = self.coordinator.start(&tenant, SyncTrigger::Manual);
        self.runtime
            .block_on(started)
            .map_err(|refusal| format!("no run starts: {refusal:?}"))?;
        self.ended()
    }

    fn ended(&self) -> Outcome<Synced> {
        let tenant = contoso()?;
        let newest = self.coordinator.watch(&tenant);
        let mut newest = newest.ok_or("the tenant is not configured")?;
        let ended = self.runtime.block_on(async {
            let ended = newest.wait_for(|run| run.as_ref().is_some_and(|run| run.state.is_over()));
            ended.await.map(|run| run.clone())
        })?;
        let run = ended.ok_or("there is no run")?;
        if !run.state.is_published() {
            return Err(format!("a sync ended as {run:?}").into());
        }
        Ok(Synced {
            users: self.index()?.user_count(),
            seconds: seconds(&run)?,
            incomplete: incomplete(&run),
        })
    }
}

/// The tenant as it is served now.
pub(crate) fn index(engine: &Engine) -> Outcome<Arc<TenantIndex>> {
    let world = engine.world();
    let index = world.tenants().first().cloned();
    Ok(index.ok_or("nothing was read yet")?)
}

fn contoso() -> Outcome<TenantKey> {
    Ok(TenantKey::parse("contoso").map_err(|_| "no key")?)
}

fn seconds(run: &SyncRun) -> Outcome<f64> {
    let finished = run.finished_at.ok_or("a run that is over has an end")?;
    Ok(finished.duration_since(run.started_at).as_secs_f64())
}

/// Whatever has a problem, by name.
fn incomplete(run: &SyncRun) -> Vec<String> {
    let parts = Dataset::ALL
        .into_iter()
        .filter_map(|dataset| run.dataset(dataset));
    let parts = parts.filter(|part| part.problem.is_some());
    parts.map(|part| part.dataset.name().to_owned()).collect()
}
