//! A disk that lies, loses or is full: damaged data is told and never served, and nobody panics.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use seatwise::simulator::{Fault, Settings, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::PATIENCE;
use crate::support::chance::{Chance, number};
use crate::support::people::{EVERYBODY, People, difference, served_by, told_by};
use crate::support::process::{Environment, Process, environment_for, prepare, run, settings_for};

/// Flips of single bits; people ask for more by `DAMAGE_FLIPS`.
const FLIPS: u64 = 6;

const TENANTS: [&str; 2] = ["contoso", "fabrikam"];

/// Runs of each tenant in the ledger.
const RUNS: u32 = 4;

/// Two organizations in one data directory that a server has left in good order.
struct Original {
    simulators: [Simulator; 2],
    told: [People; 2],
    directory: TempDir,
    environment: Environment,
}

/// What a damage came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The start was refused in words.
    Refused,
    /// Everything is served.
    Whole,
    /// What is damaged is not served, which is told, and was read anew.
    Healed,
    /// Everything is served, but the ledger lacks a run, which nobody tells.
    Forgetful,
}

impl Original {
    async fn new() -> Self {
        let simulators = [1, 2].map(|seed| {
            let simulator = Simulator::start(Settings {
                seed,
                users: 450,
                ..Settings::default()
            })
            .unwrap();
            // Everything is read anew more often than Microsoft would answer.
            simulator.set_log_limits(false);
            simulator.set_report_limits(false);
            simulator
        });
        let directory = tempfile::tempdir().unwrap();
        let mut settings = vec![EVERYBODY];
        settings.push(("SYNC__SCHEDULE", "0 0 0 1 1 *"));
        let other = settings_for(TENANTS[1], &simulators[1]);
        let other = other.iter();
        settings.extend(other.map(|(name, value)| (name.as_str(), value.as_str())));
        let environment = environment_for(TENANTS[0], &simulators[0], &settings);
        run(directory.path(), &environment, &["sync"]).with(0);
        for round in 1..RUNS {
            for simulator in &simulators {
                simulator.change_users(400, round);
            }
            run(directory.path(), &environment, &["sync"]).with(0);
        }
        Self {
            told: [told_by(&simulators[0]).await, told_by(&simulators[1]).await],
            simulators,
            directory,
            environment,
        }
    }

    /// Damages a copy, starts a server on it and judges what it does.
    async fn with(&self, damage: impl FnOnce(&Path)) -> Outcome {
        let copy = tempfile::tempdir().unwrap();
        let data = copy.path().join("data");
        for name in files(&self.data()) {
            fs::create_dir_all(data.join(&name).parent().unwrap()).unwrap();
            fs::copy(self.data().join(&name), data.join(&name)).unwrap();
        }
        damage(&data);
        // What is damaged is read anew at once, which must wait until it was looked at.
        for simulator in &self.simulators {
            simulator.fault(Fault::on("/v1.0/organization").hang());
        }
        let outcome = match Process::serve(copy.path(), &self.environment) {
            Err(ended) => {
                let ended = ended.with(74);
                assert!(
                    ended.stderr.contains("seatwise: the store is damaged: "),
                    "{ended:?}"
                );
                assert!(ended.stderr.contains("restore a backup"), "{ended:?}");
                Outcome::Refused
            }
            Ok(process) => {
                let outcome = self.look(&process).await;
                process.terminate().with(0);
                outcome
            }
        };
        self.clear_faults();
        outcome
    }

    async fn look(&self, process: &Process) -> Outcome {
        let health = process.health().await;
        let (mut damaged, mut is_forgetful) = (Vec::new(), false);
        for (key, told) in TENANTS.iter().zip(&self.told) {
            let tenant = process.tenant(key).await;
            let complete = complete_runs(process, &tenant).await;
            is_forgetful |= complete < usize::try_from(RUNS).unwrap();
            let served = served_by(process, &tenant).await;
            if served != *told {
                let wrong = difference(&served, told);
                assert!(
                    served.is_empty(),
                    "{key}: wrong people are served: {wrong:?}"
                );
                let is_told = health["reasons"].to_string().contains(key);
                assert!(is_told, "{key}: silently empty: {health}");
                assert_eq!(health["status"], "degraded");
                damaged.push((key, tenant, told));
            }
        }
        self.clear_faults();
        for (key, tenant, told) in &damaged {
            let run = self.sync_anew(process, tenant).await;
            assert_eq!(run["state"], "COMPLETE", "{key}: {run}");
            let served = served_by(process, tenant).await;
            assert_eq!(difference(&served, told), [], "{key}");
        }
        match damaged.is_empty() {
            true if is_forgetful => Outcome::Forgetful,
            true => Outcome::Whole,
            false => {
                let health = process.health().await;
                assert_eq!(health["status"], "ok", "{health}");
                Outcome::Healed
            }
        }
    }

    /// A run in place of the one that hangs.
    async fn sync_anew(&self, process: &Process, tenant: &Value) -> Value {
        let hanging = process.start_sync(tenant).await;
        let hanging = &hanging["data"]["startSync"]["id"];
        let cancel = "mutation ($run: ID!) {cancelSync(run: $run) {state}}";
        process.query(cancel, json!({"run": hanging})).await;
        process.sync(tenant).await
    }

    fn clear_faults(&self) {
        for simulator in &self.simulators {
            simulator.clear_faults();
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

async fn complete_runs(process: &Process, tenant: &Value) -> usize {
    let document = "query ($tenant: ID!) {syncRuns(tenant: $tenant) {nodes {state}}}";
    let answer = process.query(document, json!({"tenant": tenant})).await;
    let runs = answer["data"]["syncRuns"]["nodes"].as_array();
    let runs = runs.unwrap_or_else(|| panic!("{answer}")).iter();
    runs.filter(|run| run["state"] == "COMPLETE").count()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All files of a directory and the directories in it, as paths from there.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for name in names(directory) {
        match directory.join(&name).is_dir() {
            false => files.push(PathBuf::from(name)),
            true => {
                let inside = self::files(&directory.join(&name)).into_iter();
                files.extend(inside.map(|file| Path::new(&name).join(file)));
            }
        }
    }
    files
}

/// The files of a tenant's segments, as paths from the data directory.
fn segments(data: &Path, tenant: &str) -> Vec<PathBuf> {
    let mut all = files(data);
    all.retain(|file| file.starts_with(Path::new("segments").join(tenant)));
    assert!(!all.is_empty(), "no segment of {tenant} is in a file");
    all
}

fn snapshots(data: &Path) -> Vec<PathBuf> {
    let names = names(data).into_iter();
    let snapshots = names.filter(|name| name.starts_with("snap."));
    snapshots.map(|name| data.join(name)).collect()
}

/// The bytes of a file up to the zeros at its end: sled makes room ahead.
fn used(path: &Path) -> u64 {
    let bytes = fs::read(path).unwrap();
    let last = bytes.iter().rposition(|&byte| byte != 0);
    last.map_or(0, |last| last as u64 + 1)
}

/// Flips one bit of a file.
fn flip(path: &Path, offset: u64, bit: u8) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ (1 << bit)], offset).unwrap();
}

#[tokio::test]
async fn a_flipped_bit_is_told_or_healed_and_never_served() {
    let mut chance = Chance::seeded_by("DAMAGE_SEED");
    let original = Original::new().await;
    let lock = Path::new("seatwise.lock");
    let all = files(&original.data()).into_iter();
    let all: Vec<_> = all
        .filter(|name| name != lock)
        .map(|name| (used(&original.data().join(&name)), name))
        .collect();
    let log: Vec<_> = all
        .iter()
        .filter(|(_, name)| name == Path::new("db"))
        .collect();
    let facts: Vec<_> = all
        .iter()
        .filter(|(_, name)| name.starts_with("segments"))
        .collect();
    let all: Vec<_> = all.iter().collect();
    let mut outcomes = BTreeMap::new();
    for turn in 0..number("DAMAGE_FLIPS").unwrap_or(FLIPS) {
        // The facts are in the log and the segments; every other file has a turn now and then.
        let among = [&all, &log, &facts][usize::try_from(turn % 3).unwrap()];
        let (bytes, name) = among[usize::try_from(chance.below(among.len() as u64)).unwrap()];
        let offset = chance.below(*bytes);
        let bit = u8::try_from(chance.below(8)).unwrap();
        let name = name.display();
        eprintln!("bit {bit} of byte {offset} of {bytes} of {name}");
        let damage = |data: &Path| flip(&data.join(name.to_string()), offset, bit);
        let outcome = original.with(damage).await;
        assert_ne!(outcome, Outcome::Forgetful);
        let is_segment = turn % 3 == 2;
        assert!(!is_segment || outcome == Outcome::Healed, "{outcome:?}");
        *outcomes.entry(format!("{name} {outcome:?}")).or_insert(0) += 1;
    }
    eprintln!("{outcomes:?}");
}

#[tokio::test]
async fn lost_and_emptied_files_are_told_or_done_without_and_never_an_empty_database() {
    let original = Original::new().await;
    let truncate = |path: &Path, bytes: u64| {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(bytes).unwrap();
    };
    let log = |data: &Path| data.join("db");

    let outcome = original.with(|_| ()).await;
    assert_eq!(outcome, Outcome::Whole, "untouched");
    // What a crash of sled in the middle of its start leaves behind.
    let outcome = original
        .with(|data| fs::write(data.join("snap.FFFFFFFFFFFFFFFF.generating"), [0; 40]).unwrap())
        .await;
    assert_eq!(outcome, Outcome::Whole, "an unfinished snapshot");
    assert!(!snapshots(&original.data()).is_empty());
    let outcome = original
        .with(|data| {
            let mut snapshots = snapshots(data).into_iter();
            snapshots.try_for_each(fs::remove_file).unwrap();
        })
        .await;
    assert_eq!(outcome, Outcome::Whole, "a lost snapshot");
    let outcome = original
        .with(|data| snapshots(data).iter().for_each(|path| truncate(path, 50)))
        .await;
    assert_eq!(outcome, Outcome::Whole, "a cut snapshot");
    let outcome = original
        .with(|data| fs::remove_file(data.join("seatwise.store")).unwrap())
        .await;
    assert_eq!(outcome, Outcome::Whole, "a lost marker");
    let outcome = original
        .with(|data| fs::remove_file(log(data)).unwrap())
        .await;
    assert_eq!(outcome, Outcome::Refused, "a lost log");
    let outcome = original.with(|data| truncate(&log(data), 0)).await;
    assert_eq!(outcome, Outcome::Refused, "an emptied log");
    let outcome = original.with(|data| truncate(&log(data), 20_000)).await;
    assert_eq!(outcome, Outcome::Refused, "a cut log");
    let outcome = original
        .with(|data| {
            let bytes = fs::metadata(log(data)).unwrap().len();
            fs::write(log(data), vec![0; usize::try_from(bytes).unwrap()]).unwrap();
        })
        .await;
    assert_eq!(outcome, Outcome::Refused, "a log of zeros");
    let of_fabrikam = |data: &Path| data.join(&segments(data, "fabrikam")[0]);
    let outcome = original
        .with(|data| fs::remove_file(of_fabrikam(data)).unwrap())
        .await;
    assert_eq!(outcome, Outcome::Healed, "a lost segment");
    let outcome = original.with(|data| truncate(&of_fabrikam(data), 0)).await;
    assert_eq!(outcome, Outcome::Healed, "an emptied segment");
    let outcome = original
        .with(|data| truncate(&of_fabrikam(data), used(&of_fabrikam(data)) - 1))
        .await;
    assert_eq!(outcome, Outcome::Healed, "a cut segment");
    let outcome = original
        .with(|data| fs::remove_dir_all(data.join("segments")).unwrap())
        .await;
    assert_eq!(outcome, Outcome::Healed, "all segments lost");
    let outcome = original
        .with(|data| {
            // As a run leaves it that was killed.
            let left = "segments/fabrikam/2-0198f00d0198f00d0198f00d0198f00d-0";
            fs::write(data.join(left), [7; 9_000]).unwrap();
        })
        .await;
    assert_eq!(outcome, Outcome::Whole, "a segment of nobody");
    // Refused or done without: either will do, and `with` has looked for everything else.
    for outcome in [
        original
            .with(|data| truncate(&log(data), used(&log(data)) / 2))
            .await,
        original
            .with(|data| fs::remove_file(data.join("conf")).unwrap())
            .await,
        original.with(|data| truncate(&data.join("conf"), 0)).await,
        original
            .with(|data| truncate(&data.join("seatwise.store"), 0))
            .await,
    ] {
        assert!(
            matches!(outcome, Outcome::Refused | Outcome::Whole),
            "{outcome:?}"
        );
    }
}

/// Changes the first row of a table that belongs to a tenant, or loses it: `change` says whether it
/// stays.
fn edit_row(data: &Path, table: u8, tenant: &str, change: impl FnOnce(&mut Vec<u8>) -> bool) {
    let config = sled::Config::new().path(data).flush_every_ms(None);
    let rows = config.open().unwrap();
    let prefix = [&[table], tenant.as_bytes()].concat();
    let row = rows.scan_prefix(&prefix).next();
    let (key, value) = row.expect("no row to edit").unwrap();
    let mut value = value.to_vec();
    match change(&mut value) {
        true => rows.insert(key, value),
        false => rows.remove(key),
    }
    .unwrap();
    rows.flush().unwrap();
}

#[tokio::test]
async fn a_row_that_sled_loses_or_changes_is_missed_and_only_where_it_was() {
    let original = Original::new().await;
    let mut outcomes = BTreeMap::new();
    // Of each table the first row: the pointer, a block, a manifest, a run, the connection.
    for table in *b"CFMRS" {
        let lost = original
            .with(|data| edit_row(data, table, "fabrikam", |_| false))
            .await;
        let flipped = original
            .with(|data| {
                edit_row(data, table, "fabrikam", |value| {
                    *value.last_mut().unwrap() ^= 1;
                    true
                });
            })
            .await;
        outcomes.insert(char::from(table), (lost, flipped));
    }
    for facts in ['C', 'F', 'M'] {
        assert_eq!(
            outcomes[&facts],
            (Outcome::Healed, Outcome::Healed),
            "{facts}"
        );
    }
    eprintln!("{outcomes:?}");
}

/// A data directory on a small file system of its own, which only the server's namespace has.
struct SmallDisk {
    directory: TempDir,
}

/// Ways into a namespace of its own: as root, and as anybody where the kernel lets them.
const NAMESPACES: [&[&str]; 2] = [&["--mount"], &["--mount", "--map-root-user"]];

impl SmallDisk {
    /// `None` where no file system may be mounted.
    fn new() -> Option<(Self, &'static [&'static str])> {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("disk")).unwrap();
        let disk = Self { directory };
        let may = |arguments: &&&'static [&'static str]| {
            let mut attempt = disk.command(arguments, "true", &Vec::new());
            match attempt.output() {
                Ok(output) => output.status.success(),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let is_optional = std::env::var_os("SEATWISE_TEST_ALL").is_none();
                    assert!(is_optional, "`unshare` is missing: install util-linux");
                    false
                }
                Err(error) => panic!("{error}"),
            }
        };
        let namespace = NAMESPACES.iter().find(may).copied();
        if namespace.is_none() {
            eprintln!("skipped: nothing may be mounted here, so no disk can be filled");
        }
        namespace.map(|namespace| (disk, namespace))
    }

    /// A script with the small disk mounted, as another process of which the server can become.
    fn command(&self, namespace: &[&str], script: &str, environment: &Environment) -> Command {
        let script = format!("set -e; mount -t tmpfs -o size=40m,mode=700 seatwise disk; {script}");
        let mut environment = environment.clone();
        environment.push(("PATH".into(), std::env::var_os("PATH").unwrap()));
        let mut command = Command::new("unshare");
        command
            .args(namespace)
            .args(["sh", "-c", &script, env!("CARGO_BIN_EXE_seatwise")]);
        prepare(&mut command, self.directory.path(), &environment);
        command
    }

    /// Where the tests find what fills the disk: through the server's own view of the files.
    fn ballast(&self, process: &Process) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", process.pid()));
        let inside = self.directory.path().join("disk/ballast");
        root.join(inside.strip_prefix("/").unwrap())
    }
}

/// Writes until nothing more fits.
fn fill(ballast: &Path) {
    let file = File::create(ballast).unwrap();
    let (mut offset, mut piece) = (0, vec![7; 1 << 20]);
    while !piece.is_empty() {
        match file.write_at(&piece, offset) {
            Ok(written) if written > 0 => offset += written as u64,
            _ => piece.truncate(piece.len() / 2),
        }
    }
}

/// Asks again until the health is as wanted, for as long as a heartbeat may take.
async fn until_health_is(process: &Process, status: &str) -> Value {
    let began = Instant::now();
    let mut again = tokio::time::interval(Duration::from_millis(200));
    loop {
        again.tick().await;
        let health = process.health().await;
        if health["status"] == status {
            return health;
        }
        assert!(began.elapsed() < PATIENCE, "still {health}");
    }
}

fn disk_environment(simulator: &Simulator) -> Environment {
    let mut settings = vec![EVERYBODY];
    settings.push(("STORAGE__URL", "sled:./disk/data"));
    environment_for("contoso", simulator, &settings)
}

#[tokio::test]
async fn a_full_disk_fails_the_run_keeps_the_answers_and_heals_by_itself() {
    let Some((disk, namespace)) = SmallDisk::new() else {
        return;
    };
    let simulator = Simulator::start(Settings::default()).unwrap();
    let environment = disk_environment(&simulator);
    let mut command = disk.command(namespace, "exec \"$0\" serve", &environment);
    let process = Process::start(&mut command).unwrap_or_else(|ended| panic!("{ended:?}"));
    let tenant = process.tenant("contoso").await;
    assert_eq!(process.last_run(&tenant).await["state"], "COMPLETE");
    let before = told_by(&simulator).await;

    // The disk fills up in the middle of a run: while Microsoft makes the answer to it.
    simulator.change_users(200, 1);
    let ballast = disk.ballast(&process);
    let path = ballast.clone();
    simulator.fault(
        Fault::at("/v1.0/users")
            .first(1)
            .rewrite(move |_| fill(&path)),
    );
    let failed = process.sync(&tenant).await;
    assert_eq!(failed["state"], "FAILED", "{failed}");
    let problem = failed["problem"].as_str().unwrap();
    assert!(problem.starts_with("DISK_FULL: "), "{problem}");
    let health = process.health().await;
    assert_eq!(health["status"], "degraded");
    assert!(
        health["reasons"].to_string().contains("disk is full"),
        "{health}"
    );
    let served = served_by(&process, &tenant).await;
    assert_eq!(difference(&served, &before), [], "queries go on");
    let refused = process.start_sync(&tenant).await;
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "UNAVAILABLE",
        "{refused}"
    );
    assert_eq!(process.get("/readyz").await.0, 200);

    fs::remove_file(&ballast).unwrap();
    until_health_is(&process, "ok").await;
    let run = process.sync(&tenant).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    let served = served_by(&process, &tenant).await;
    assert_eq!(difference(&served, &told_by(&simulator).await), []);
    // The ledger is right about the past, too.
    let node = "query ($id: ID!) {node(id: $id) {... on SyncRun {state problem}}}";
    let past = process.query(node, json!({"id": failed["id"]})).await;
    assert_eq!(past["data"]["node"]["state"], "FAILED", "{past}");
    assert_eq!(past["data"]["node"]["problem"], failed["problem"]);
    process.terminate().with(0);
}

#[tokio::test]
async fn a_sync_does_not_begin_with_less_room_than_was_asked_for() {
    let simulator = Simulator::start(Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let wanted = u64::MAX.to_string();
    let settings = [("STORAGE__FREE_BYTES_MIN", wanted.as_str())];
    let environment = environment_for("contoso", &simulator, &settings);
    let ended = run(directory.path(), &environment, &["sync"]).with(1);
    assert!(ended.stdout.contains("DISK_FULL: "), "{ended:?}");
    assert!(simulator.requests_to("/v1.0/users").is_empty());
}

#[tokio::test]
async fn a_start_on_a_full_disk_is_refused_and_works_once_there_is_room() {
    let Some((disk, namespace)) = SmallDisk::new() else {
        return;
    };
    let simulator = Simulator::start(Settings::default()).unwrap();
    let environment = disk_environment(&simulator);
    let script = "\"$0\" sync >&2
        cat /dev/zero > disk/ballast 2>/dev/null || true
        code=0; \"$0\" serve || code=$?
        echo \"the start on a full disk ended with $code\" >&2
        rm disk/ballast
        exec \"$0\" serve";
    let mut command = disk.command(namespace, script, &environment);
    let process = Process::start(&mut command).unwrap_or_else(|ended| panic!("{ended:?}"));
    let tenant = process.tenant("contoso").await;
    let served = served_by(&process, &tenant).await;
    assert_eq!(difference(&served, &told_by(&simulator).await), []);
    let ended = process.terminate().with(0);
    for words in ["ended with 75", "seatwise: the data directory is full"] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
}
