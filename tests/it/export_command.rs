//! `seatwise export`: what it writes where, and what it leaves when it fails.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use seatwise::simulator::{Settings, Simulator};

use crate::export::{rows_of_lines, rows_of_parquet};
use crate::support::process::{Environment, Process, environment_for, run, without};
use crate::support::{TOKEN, environment};

/// A directory, a server in it, and the environment of a person who asks that server.
struct Place {
    directory: tempfile::TempDir,
    environment: Environment,
    server: Process,
    _simulator: Simulator,
}

impl Place {
    async fn new() -> Self {
        let simulator = Simulator::start(Settings::default()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let environment = environment_for("contoso", &simulator, &[]);
        let served = Process::serve(directory.path(), &environment);
        let server = served.unwrap_or_else(|ended| panic!("{ended:?}"));
        let tenant = server.tenant("contoso").await;
        server.last_run(&tenant).await;
        let listen = [("SERVER__LISTEN", server.address())];
        let mut environment = environment_for("contoso", &simulator, &listen);
        environment.push(("SEATWISE_TOKEN".into(), TOKEN.into()));
        Self {
            directory,
            environment,
            server,
            _simulator: simulator,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What was left of exports that did not end.
    fn leavings(&self) -> usize {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_str().unwrap().starts_with(".seatwise-"))
            .count()
    }
}

#[tokio::test]
async fn a_command_writes_a_list_to_a_file_or_to_standard_output() {
    let place = Place::new().await;
    let command = |arguments: &[&str]| run(place.directory.path(), &place.environment, arguments);
    let filter = "{activityState: {eq: INACTIVE}, accountEnabled: true}";
    let order = "lastActiveOn, displayName";
    let asked = ["export", "users", "--filter", filter, "--order-by", order];
    let told = command(&asked).with(0);
    assert_eq!(told.stderr, "");
    let file = [asked.as_slice(), &["--output", "idle.csv"]].concat();
    let ended = command(&file).with(0);
    assert_eq!(
        fs::read_to_string(place.path("idle.csv")).unwrap(),
        told.stdout
    );
    let rows = csv::Reader::from_reader(told.stdout.as_bytes())
        .into_records()
        .count();
    assert!(rows > 1);
    assert!(
        ended
            .stdout
            .starts_with(&format!("idle.csv: {rows} users, ")),
        "{ended:?}"
    );

    command(&["export", "users", "-o", "all.parquet"]).with(0);
    let body = fs::read(place.path("all.parquet")).unwrap();
    let count = place.server.data("{users {totalCount}}").await;
    assert_eq!(
        rows_of_parquet(body.into()).len(),
        count["users"]["totalCount"]
    );
    let columns = [
        "export",
        "licenses",
        "--columns",
        "name,seats.available",
        "--format",
        "jsonl",
    ];
    let lines = rows_of_lines(command(&columns).with(0).stdout.as_bytes());
    assert!(
        lines
            .iter()
            .all(|line| line.len() == 2 && line["seats.available"].is_i64())
    );

    fs::write(place.path("kept.csv"), "from before").unwrap();
    let ended = command(&["export", "users", "--filter", "{nme: 1}", "-o", "kept.csv"]).with(1);
    assert!(ended.stderr.contains("nme"), "{ended:?}");
    assert_eq!(
        fs::read_to_string(place.path("kept.csv")).unwrap(),
        "from before"
    );
    command(&["export", "users", "-o", "nowhere/x.csv"]).with(74);
    assert_eq!(place.leavings(), 0);
    let stranger = without(&place.environment, &["TOKEN"]);
    run(place.directory.path(), &stranger, &["export", "users"]).with(77);
}

/// A server that stops in the middle: a chunk, and no end.
fn stops_halfway() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let begun = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nname\r\n";
            let _ = stream.write_all(begun.as_bytes());
        }
    });
    address
}

#[tokio::test]
async fn an_export_that_breaks_off_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let address = stops_halfway().to_string();
    let listen = [("SERVER__LISTEN".to_owned(), address)];
    let mut environment = environment(&listen);
    environment.push(("SEATWISE_TOKEN".into(), TOKEN.into()));
    let before = fs::read_dir(directory.path()).unwrap().count();
    for output in ["half.csv", "-"] {
        let asked = ["export", "users", "--output", output];
        let ended = run(directory.path(), &environment, &asked).with(1);
        assert!(ended.stderr.contains("broke off"), "{ended:?}");
    }
    let left = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, before);
}
