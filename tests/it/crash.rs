//! kill -9 at any moment: it opens again, what was acknowledged stays, what was not never shows.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use seatwise::simulator::{Fault, Settings, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::chance::{Chance, number};
use crate::support::people::{EVERYBODY, People, difference, served_by, told_by};
use crate::support::process::{
    Environment, Process, environment_for, is_over, made_token, program, without,
};

/// Runs that were cut off are made up within a minute, spread by the tenants' names. This one's turn
/// comes first.
const TENANT: &str = "vanarsdel";

/// Kills of each kind; CI and people ask for more by `CRASH_CYCLES`.
const CYCLES: u64 = 6;

fn cycles() -> u32 {
    u32::try_from(number("CRASH_CYCLES").unwrap_or(CYCLES)).unwrap()
}

/// Waits for a moment that chance has chosen: the only thing that the tests here sleep for.
async fn wait_for_the_moment(moment: Duration) {
    tokio::time::sleep(moment).await;
}

/// A directory with a server in it that is killed again and again, and what was seen of it.
struct Victim {
    directory: TempDir,
    environment: Environment,
    simulator: Simulator,
    chance: Chance,
    tenant: Value,
    /// How long a start and a sync take where nobody disturbs them.
    start_takes: Duration,
    sync_takes: Duration,
    /// What Microsoft told when the last sync that is known to be complete began.
    before: People,
    /// Every run that was seen over, as it was seen.
    over: BTreeMap<String, Value>,
    outcomes: BTreeMap<&'static str, u32>,
}

impl Victim {
    async fn new() -> (Self, Process) {
        let simulator = Simulator::start(Settings {
            users: 400,
            resource_units: Some(u32::MAX),
            ..Settings::default()
        })
        .unwrap();
        // Several pages that take their time, so that a run has a middle.
        simulator.fault(Fault::at("/v1.0/users").page_size_max(100));
        simulator.set_latency(Duration::from_millis(5));
        let directory = tempfile::tempdir().unwrap();
        // Nothing begins that nobody asked for but what is made up.
        let settings = [EVERYBODY, ("SYNC__SCHEDULE", "0 0 0 1 1 *")];
        let environment = environment_for(TENANT, &simulator, &settings);
        let chance = Chance::seeded_by("CRASH_SEED");
        let started = Instant::now();
        let process = start(directory.path(), &environment);
        let start_takes = started.elapsed();
        let tenant = process.tenant(TENANT).await;
        process.last_run(&tenant).await;
        let began = Instant::now();
        assert_eq!(process.sync(&tenant).await["state"], "COMPLETE");
        let victim = Self {
            before: told_by(&simulator).await,
            sync_takes: began.elapsed(),
            start_takes,
            directory,
            environment,
            simulator,
            chance,
            tenant,
            over: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        };
        (victim, process)
    }

    /// One edit, one sync that is killed, maybe some starts that are killed, and the judgement.
    async fn cycle(&mut self, process: Process, number: u32, count: u32) -> Process {
        self.simulator.change_users(40, number);
        self.simulator.add_users(2);
        self.simulator.remove_users(2);
        let after = told_by(&self.simulator).await;
        assert_ne!(after, self.before, "an edit must show");

        let started = process.start_sync(&self.tenant).await;
        let run = &started["data"]["startSync"];
        let id = run["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{started}"))
            .to_owned();
        let whole = self.sync_takes.mul_f64(1.3);
        let moment = self.chance.moment_in(whole, number, count);
        // Whichever comes first: a run is also killed at the moment in which its end is told.
        let told = tokio::select! {
            told = process.follow(&self.tenant, is_over) => told,
            () = wait_for_the_moment(moment) => None,
        };
        process.kill();
        if let Some(told) = &told {
            assert_eq!(told["id"], *id);
            assert_eq!(told["state"], "COMPLETE", "{told}");
        }
        for _ in 0..self.chance.below(3) {
            self.kill_a_start().await;
        }
        let process = start(self.directory.path(), &self.environment);
        self.judge(&process, &id, told.is_some(), &after).await;
        self.before = after;
        process
    }

    async fn kill_a_start(&mut self) {
        let whole = self.start_takes.mul_f64(1.3);
        let moment = self.chance.moment_in(whole, 0, 1);
        let mut child = program(self.directory.path(), &self.environment, &["serve"])
            .spawn()
            .unwrap();
        wait_for_the_moment(moment).await;
        child.kill().unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(
            ended.status.code(),
            None,
            "it must run until it is killed: {ended:?}"
        );
        *self.outcomes.entry("starts killed").or_default() += 1;
    }

    /// Looks at what a start after the kills serves, and again after what was cut off is made up.
    async fn judge(&mut self, process: &Process, id: &str, was_told: bool, after: &People) {
        let ledger = self.ledger(process).await;
        let run = &ledger[id];
        let is_complete = run["state"] == "COMPLETE";
        assert!(
            is_complete || !was_told,
            "the end that was told is lost: {run}"
        );
        if !is_complete {
            assert_eq!(run["state"], "FAILED", "{run}");
            let problem = run["problem"].as_str().unwrap();
            assert!(problem.starts_with("INTERRUPTED: "), "{problem}");
        }
        let served = served_by(process, &self.tenant).await;
        self.check_whole(&served, after, &ledger, &self.ledger(process).await, id);

        let newest = process.last_run(&self.tenant).await;
        assert_eq!(newest["state"], "COMPLETE", "{newest}");
        if is_complete {
            assert_eq!(newest["id"], *id, "nothing was left to be made up");
        } else {
            assert_eq!(newest["trigger"], "CATCH_UP", "{newest}");
        }
        let served = served_by(process, &self.tenant).await;
        assert_eq!(
            difference(&served, after),
            [],
            "made up, and yet not served"
        );
        self.over = self.ledger(process).await;
        assert!(self.over.values().all(is_over));
        let outcome = match (was_told, is_complete) {
            (true, _) => "runs told complete",
            (false, true) => "runs complete before they were told",
            (false, false) => "runs interrupted and made up",
        };
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    /// What is served is one of the two moments, and the one of which the ledger says so.
    fn check_whole(
        &self,
        served: &People,
        after: &People,
        ledger_before: &BTreeMap<String, Value>,
        ledger_after: &BTreeMap<String, Value>,
        id: &str,
    ) {
        let is_old = *served == self.before;
        let is_new = served == after;
        assert!(
            is_old || is_new,
            "half a run is served. Different from before: {:?}. Different from after: {:?}",
            difference(served, &self.before),
            difference(served, after),
        );
        // Ids of runs are no order; whatever was not over before this cycle began in it.
        let is_published = |ledger: &BTreeMap<String, Value>| {
            let mut new = ledger
                .iter()
                .filter(|(run, _)| !self.over.contains_key(*run));
            new.any(|(_, run)| run["state"] == "COMPLETE")
        };
        assert!(
            is_new || !is_published(ledger_before),
            "run {id} is complete and not served"
        );
        assert!(
            is_old || is_published(ledger_after),
            "run {id} is served and not complete"
        );
    }

    /// All runs by id. Those that were seen over before are as they were.
    async fn ledger(&self, process: &Process) -> BTreeMap<String, Value> {
        let document = "query ($after: String) {syncRuns(first: 500, after: $after) {
            pageInfo {hasNextPage endCursor}
            nodes {id trigger state problem startedAt finishedAt
                datasets {dataset state rows requests problem finishedAt}}}}";
        let (mut ledger, mut after) = (BTreeMap::new(), Value::Null);
        loop {
            let answer = process.query(document, json!({"after": after})).await;
            let page = &answer["data"]["syncRuns"];
            let runs = page["nodes"].as_array();
            let runs = runs.unwrap_or_else(|| panic!("{answer}")).iter();
            ledger.extend(runs.map(|run| (run["id"].as_str().unwrap().to_owned(), run.clone())));
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        for (id, seen) in &self.over {
            assert_eq!(
                ledger.get(id),
                Some(seen),
                "the ledger lost or changed a run"
            );
        }
        ledger
    }
}

fn start(directory: &Path, environment: &Environment) -> Process {
    Process::serve(directory, environment).unwrap_or_else(|ended| panic!("bricked: {ended:?}"))
}

#[tokio::test]
async fn a_killed_server_opens_again_loses_no_run_and_shows_no_half_one() {
    let (mut victim, mut process) = Victim::new().await;
    victim.over = victim.ledger(&process).await;
    let count = cycles();
    for number in 0..count {
        process = victim.cycle(process, number, count).await;
    }
    process.terminate().with(0);
    eprintln!(
        "{count} cycles, a sync of {:?}, a start of {:?}: {:?}",
        victim.sync_takes, victim.start_takes, victim.outcomes
    );
}

#[tokio::test]
async fn a_killed_first_start_leaves_nothing_in_the_way_and_its_token_counts_if_it_was_told() {
    let mut chance = Chance::seeded_by("CRASH_SEED");
    let simulator = Simulator::start(Settings::default()).unwrap();
    let environment = environment_for(TENANT, &simulator, &[]);
    let environment = without(
        &environment,
        &["AUTH__ADMIN_TOKEN", "SECURITY__ENCRYPTION_KEY"],
    );
    let undisturbed = tempfile::tempdir().unwrap();
    let began = Instant::now();
    start(undisturbed.path(), &environment).terminate().with(0);
    let whole = began.elapsed();
    let count = cycles();
    for number in 0..count {
        let directory = tempfile::tempdir().unwrap();
        let moment = chance.moment_in(whole, number, count);
        let mut child = program(directory.path(), &environment, &["serve"])
            .spawn()
            .unwrap();
        wait_for_the_moment(moment).await;
        child.kill().unwrap();
        let ended = child.wait_with_output().unwrap();
        let told = made_token(std::str::from_utf8(&ended.stdout).unwrap());

        let process = start(directory.path(), &environment);
        // Told twice, the last one counts: the first was not kept yet.
        let token = process.made_token.clone().or(told);
        let token = token.expect("a token was kept that nobody was told");
        let asked = process
            .query_as(&token, "{viewer {role}}", Value::Null)
            .await;
        let (status, answer) = asked.unwrap();
        assert_eq!(status, 200, "{answer}");
    }
}
