//! Starting and stopping: what is made, what is refused and how it is said.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use seatwise::simulator::{Fault, Settings, Simulator};
use serde_json::{Value, json};

use crate::support::process::{Ended, Environment, Process, environment_for, run, without};
use crate::support::{KEY, TOKEN, environment};

/// What is configured by a person who has configured nothing.
const NOTHING: [&str; 2] = ["AUTH__ADMIN_TOKEN", "SECURITY__ENCRYPTION_KEY"];

fn nothing_configured() -> Environment {
    without(&environment(&[]), &NOTHING)
}

fn serve(directory: &Path, environment: &Environment) -> Process {
    Process::serve(directory, environment).unwrap_or_else(|ended| panic!("{ended:?}"))
}

/// A start that must end, with this code.
#[track_caller]
fn refused(directory: &Path, environment: &Environment, code: i32) -> Ended {
    match Process::serve(directory, environment) {
        Ok(process) => panic!("it serves at {}", process.url),
        Err(ended) => ended.with(code),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every file below a directory with its bytes.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    files
}

async fn status_of(process: &Process, token: &str) -> u16 {
    let asked = process.query_as(token, "{viewer {role}}", json!({})).await;
    asked.unwrap().0
}

#[tokio::test]
async fn the_very_first_start_makes_a_key_and_a_token_and_tells_the_token_once() {
    let directory = tempfile::tempdir().unwrap();
    let first = serve(directory.path(), &nothing_configured());
    let token = first.made_token.clone().expect("no token was told");
    assert_eq!(status_of(&first, &token).await, 200);
    assert_eq!(status_of(&first, TOKEN).await, 401);
    let ended = first.terminate().with(0);
    assert_eq!(ended.stdout.matches(&token).count(), 1, "{ended:?}");
    assert!(
        !ended.stderr.contains(&token),
        "a token in the log: {ended:?}"
    );
    assert!(ended.stderr.contains("seatwise.key"), "{ended:?}");

    let second = serve(directory.path(), &nothing_configured());
    assert_eq!(second.made_token, None);
    assert_eq!(status_of(&second, &token).await, 200);
    second.terminate().with(0);

    let key = fs::read_to_string(directory.path().join("seatwise.key")).unwrap();
    for (file, bytes) in files(&directory.path().join("data")) {
        for secret in [token.as_bytes(), key.trim().as_bytes()] {
            let is_there = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!is_there, "a secret is in {file}");
        }
    }
}

#[tokio::test]
async fn whatever_a_start_makes_is_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    serve(directory.path(), &nothing_configured())
        .terminate()
        .with(0);
    let data = directory.path().join("data");
    assert_eq!(mode(&directory.path().join("seatwise.key")), 0o600);
    assert_eq!(mode(&data), 0o700);
    let files = files(&data);
    assert!(files.len() > 2, "{:?}", files.keys());
    for file in files.keys() {
        assert_eq!(mode(Path::new(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_first_start_that_fails_keeps_no_token_that_nobody_was_told() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let settings = environment(&[("SERVER__LISTEN".into(), address.clone())]);
    let ended = refused(directory.path(), &without(&settings, &NOTHING), 74);
    assert!(ended.stderr.contains(&address), "{ended:?}");
    assert!(ended.stderr.contains("server.listen"), "{ended:?}");
    drop(taken);
    let process = serve(directory.path(), &nothing_configured());
    let token = process.made_token.clone().expect("the token is lost");
    assert_eq!(status_of(&process, &token).await, 200);
}

#[tokio::test]
async fn a_store_without_its_key_is_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    serve(directory.path(), &nothing_configured())
        .terminate()
        .with(0);
    let key = directory.path().join("seatwise.key");
    let other_place = tempfile::tempdir().unwrap();
    let elsewhere = other_place.path().join("seatwise.key");
    fs::rename(&key, &elsewhere).unwrap();
    let before = files(directory.path());
    let ended = refused(directory.path(), &nothing_configured(), 78);
    for word in [
        "seatwise.key",
        "put the key file back",
        "encryption_key_file",
    ] {
        assert!(ended.stderr.contains(word), "{word}: {ended:?}");
    }
    assert_eq!(files(directory.path()), before);
    fs::rename(&elsewhere, &key).unwrap();
    serve(directory.path(), &nothing_configured())
        .terminate()
        .with(0);
}

#[tokio::test]
async fn another_key_than_the_stores_is_refused_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    serve(directory.path(), &environment(&[]))
        .terminate()
        .with(0);
    let other: String = KEY.chars().rev().collect();
    let other = environment(&[("SECURITY__ENCRYPTION_KEY".into(), other)]);
    let ended = refused(directory.path(), &other, 78);
    let words = "the encryption key is not the one this store was made with";
    assert!(ended.stderr.contains(words), "{ended:?}");
    serve(directory.path(), &environment(&[]))
        .terminate()
        .with(0);
}

#[tokio::test]
async fn a_key_file_that_others_can_read_is_refused_with_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    serve(directory.path(), &nothing_configured())
        .terminate()
        .with(0);
    let key = directory.path().join("seatwise.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let ended = refused(directory.path(), &nothing_configured(), 78);
    assert!(ended.stderr.contains("chmod 600"), "{ended:?}");
}

#[tokio::test]
async fn a_second_process_on_the_same_data_is_refused_and_the_first_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let environment = environment(&[]);
    let first = serve(directory.path(), &environment);
    let ended = refused(directory.path(), &environment, 73);
    assert!(ended.stderr.contains("./data"), "{ended:?}");
    assert!(ended.stderr.contains(&first.pid().to_string()), "{ended:?}");
    assert_eq!(status_of(&first, TOKEN).await, 200);
    first.terminate().with(0);
}

#[tokio::test]
async fn files_that_are_no_store_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("data")).unwrap();
    fs::write(directory.path().join("data/thesis.odt"), "text").unwrap();
    let before = files(directory.path());
    let ended = refused(directory.path(), &environment(&[]), 74);
    assert!(ended.stderr.contains("thesis.odt"), "{ended:?}");
    assert_eq!(files(directory.path()), before);
}

#[test]
fn what_is_wrong_in_the_configuration_is_told_with_its_place() {
    let check = |file: &str, settings: &[(&str, &str)], expected: &[&str]| {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("config.toml"), file).unwrap();
        let settings = settings.iter();
        let settings: Vec<_> = settings
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let ended = refused(directory.path(), &environment(&settings), 78);
        for word in expected {
            assert!(ended.stderr.contains(word), "{word}: {ended:?}");
        }
        assert!(!directory.path().join("data").exists());
    };
    check(
        "[server]\n\npubic_url = \"http://localhost:1\"\n",
        &[],
        &["config.toml:3", "pubic_url", "public_url"],
    );
    check(
        "[sync]\ntimezone = \"Europe/Atlantis\"\n[log]\nformat = \"pretty\"\n",
        &[],
        &["config.toml:2", "Europe/Atlantis", "Europe/Berlin"],
    );
    check("[log]\nlevel = \"loud\"\n", &[], &["config.toml:2", "warn"]);
    check("[server\n", &[], &["config.toml:1"]);
    check(
        "",
        &[("SYNC__SCHEDULE", "often")],
        &["SEATWISE_SYNC__SCHEDULE", "six"],
    );
    check(
        "[tenants.contoso]\ntenant_id = \"../x\"\nclient_secret = \"s\"\n",
        &[],
        &["config.toml:", "tenants.contoso"],
    );
}

#[tokio::test]
async fn with_nothing_configured_it_starts_and_says_what_to_do_next() {
    let directory = tempfile::tempdir().unwrap();
    let process = serve(directory.path(), &nothing_configured());
    // Port 0 was asked for; the port that was taken is told, everywhere.
    let port = process.url.rsplit(':').next().unwrap().to_owned();
    assert_ne!(port, "0");
    let (status, page) = process.get("/").await;
    assert_eq!(status, 200);
    assert!(page.to_lowercase().contains("<html"), "{page}");
    let (status, health) = process.get("/healthz").await;
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!((status, &health["status"]), (200, &json!("ok")));
    let token = process.made_token.clone().unwrap();
    let asked = process
        .query_as(&token, "{tenants {key}}", Value::Null)
        .await;
    assert_eq!(asked.unwrap().1["data"]["tenants"], json!([]));
    let ended = process.terminate().with(0);
    for word in [
        "No tenant is configured yet",
        "[tenants.NAME]",
        "seatwise doctor",
        "seatwise demo",
        &format!("http://127.0.0.1:{port}/graphiql"),
    ] {
        assert!(ended.stdout.contains(word), "{word}: {ended:?}");
    }
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_sync_is_quick_and_the_run_is_made_up() {
    // The one whose turn to be made up comes first.
    let tenant = "vanarsdel";
    let simulator = Simulator::start(Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let environment = environment_for(tenant, &simulator, &[("SYNC__SCHEDULE", "0 0 0 1 1 *")]);
    let process = serve(directory.path(), &environment);
    let id = process.tenant(tenant).await;
    assert_eq!(process.last_run(&id).await["state"], "COMPLETE");
    simulator.fault(Fault::at("/v1.0/users").hang());
    let started = process.start_sync(&id).await;
    let run = started["data"]["startSync"]["id"].clone();
    let is_reading = |run: &Value| run["datasets"][1]["state"] == "RUNNING";
    process.follow(&id, is_reading).await.unwrap();
    process.terminate().with(0);

    simulator.clear_faults();
    let process = serve(directory.path(), &environment);
    let made_up = process.last_run(&id).await;
    assert_eq!(made_up["state"], "COMPLETE", "{made_up}");
    assert_eq!(made_up["trigger"], "CATCH_UP", "{made_up}");
    let node = "query ($id: ID!) {node(id: $id) {... on SyncRun {state problem}}}";
    let stopped = process.query(node, json!({"id": run})).await;
    let stopped = &stopped["data"]["node"];
    assert_eq!(stopped["state"], "FAILED");
    let problem = stopped["problem"].as_str().unwrap();
    assert!(problem.starts_with("INTERRUPTED: "), "{problem}");
    process.terminate().with(0);
}

#[tokio::test]
async fn watchers_are_told_the_end_of_a_server_and_do_not_hold_it_up() {
    let simulator = Simulator::start(Settings::default()).unwrap();
    simulator.fault(Fault::on("/v1.0/organization").hang());
    let directory = tempfile::tempdir().unwrap();
    let process = serve(
        directory.path(),
        &environment_for("contoso", &simulator, &[]),
    );
    let id = process.tenant("contoso").await;
    let watcher = process.asker();
    let watched = tokio::sync::Notify::new();
    let watching = watcher.follow(&id, |_| {
        watched.notify_one();
        false
    });
    let stopping = async {
        watched.notified().await;
        tokio::task::spawn_blocking(|| process.terminate().with(0)).await
    };
    let (told, stopped) = tokio::join!(watching, stopping);
    assert_eq!(told, None);
    stopped.unwrap();
}

#[test]
fn every_command_explains_itself() {
    let directory = tempfile::tempdir().unwrap();
    let help = run(directory.path(), &Vec::new(), &["--help"])
        .with(0)
        .stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands: Vec<_> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap())
        // What clap says of its own command is not ours.
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.contains(&"serve") && commands.contains(&"doctor"));
    for command in commands {
        let ended = run(directory.path(), &Vec::new(), &[command, "--help"]).with(0);
        assert!(ended.stdout.contains("Usage: seatwise"), "{ended:?}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn wrong_arguments_are_told_apart_from_failures() {
    let check = |arguments: &[&str]| {
        let directory = tempfile::tempdir().unwrap();
        let ended = run(directory.path(), &Vec::new(), arguments).with(2);
        assert!(ended.stderr.contains("--help"), "{ended:?}");
        assert_eq!(ended.stdout, "");
    };
    check(&["fly"]);
    check(&["serve", "--prot", "1"]);
    check(&["sync", "--tenant"]);
    check(&["catalog"]);
}
