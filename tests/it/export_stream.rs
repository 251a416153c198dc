//! Exports under way: a reader that is slow, one that leaves, and a sync in between.

use std::net::SocketAddr;

use seatwise::simulator::{Settings, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::process::{Process, environment_for};
use crate::support::{PATIENCE, TOKEN};

/// More than what lies in the buffers of a connection that nobody reads from.
const USERS: u64 = 8_000;

struct Place {
    server: Process,
    simulator: Simulator,
    _directory: TempDir,
}

impl Place {
    /// A synced server that runs one export at a time.
    async fn new() -> Self {
        let simulator = Simulator::start(Settings {
            users: USERS,
            ..Settings::default()
        });
        let simulator = simulator.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let settings = [
            ("LIMITS__EXPORTS_MAX", "1"),
            ("SERVER__SHUTDOWN_GRACE_SECONDS", "1"),
        ];
        let environment = environment_for("contoso", &simulator, &settings);
        let served = Process::serve(directory.path(), &environment);
        let server = served.unwrap_or_else(|ended| panic!("{ended:?}"));
        let tenant = server.tenant("contoso").await;
        assert_eq!(server.last_run(&tenant).await["state"], "COMPLETE");
        Self {
            server,
            simulator,
            _directory: directory,
        }
    }

    /// Begins an export, and reads no more of it than that it has begun.
    async fn begin(&self) -> TcpStream {
        let address: SocketAddr = self.server.address().parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let head = format!(
            "GET /export/users?format=jsonl HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut status = [0; 15];
        stream.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200 OK");
        stream
    }

    async fn status_of_another(&self) -> u16 {
        let client = reqwest::Client::new();
        let asked = client.get(format!("{}/export/licenses", self.server.url));
        let answer = asked.bearer_auth(TOKEN).send().await.unwrap();
        let status = answer.status().as_u16();
        let waits = answer.headers().contains_key("retry-after");
        assert_eq!(waits, status == 503);
        answer.bytes().await.unwrap();
        status
    }

    async fn running(&self) -> u64 {
        self.server.metric("seatwise_exports_running").await
    }

    /// Waits until no export runs.
    async fn ended(&self) {
        let ending = async { while self.running().await > 0 {} };
        let ended = tokio::time::timeout(PATIENCE, ending).await;
        ended.expect("an export goes on for nobody");
    }

    async fn everybody(&self) -> Vec<Value> {
        let mut users = Vec::new();
        let mut after = Value::Null;
        loop {
            let document = "query ($after: String) {users(first: 500, after: $after)
                {nodes {objectId department jobTitle displayName} pageInfo {hasNextPage endCursor}}}";
            let answer = self.server.query(document, json!({"after": after})).await;
            let page = &answer["data"]["users"];
            users.extend(page["nodes"].as_array().unwrap().iter().cloned());
            if page["pageInfo"]["hasNextPage"] == false {
                return users;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }
}

/// What a chunked body says, its head read up to some place; that it was ended is held too.
fn unchunked(answer: &[u8]) -> Vec<u8> {
    let position = |bytes: &[u8], wanted: &[u8]| {
        let mut windows = bytes.windows(wanted.len());
        windows.position(|window| window == wanted).unwrap()
    };
    let mut rest = &answer[position(answer, b"\r\n\r\n") + 4..];
    let mut body = Vec::new();
    loop {
        let line = position(rest, b"\r\n");
        let length = std::str::from_utf8(&rest[..line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return body;
        }
        let start = line + 2;
        body.extend_from_slice(&rest[start..start + length]);
        rest = &rest[start + length + 2..];
    }
}

#[tokio::test]
async fn a_slow_reader_is_waited_for_and_a_sync_in_between_does_not_show() {
    let place = Place::new().await;
    let before = place.everybody().await;
    let mut stream = place.begin().await;
    assert_eq!(place.running().await, 1);
    assert_eq!(place.status_of_another().await, 503);

    place.simulator.change_users(500, 1);
    let tenant = place.server.tenant("contoso").await;
    assert_eq!(place.server.sync(&tenant).await["state"], "COMPLETE");
    assert_ne!(place.everybody().await, before);
    let written = place.server.metric("seatwise_exported_rows_total").await;
    assert!(written < USERS, "{written} rows were not waited for");
    assert_eq!(place.running().await, 1);

    let mut answer = Vec::new();
    let reading = async {
        // The connection stays open behind the answer.
        while !answer.ends_with(b"\r\n0\r\n\r\n") {
            stream.read_buf(&mut answer).await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    let body = unchunked(&answer);
    let lines = std::str::from_utf8(&body).unwrap().lines();
    let told = lines.map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        json!({
            "objectId": row["objectId"],
            "department": row["department"],
            "jobTitle": row["jobTitle"],
            "displayName": row["displayName"],
        })
    });
    assert!(
        told.collect::<Vec<_>>() == before,
        "a sync shows in an export that began before it"
    );
}

#[tokio::test]
async fn a_reader_that_leaves_ends_its_export() {
    let place = Place::new().await;
    let stream = place.begin().await;
    assert_eq!(place.running().await, 1);
    drop(stream);
    place.ended().await;
    let name = "seatwise_exports_total{list=\"users\",format=\"jsonl\",end=\"abandoned\"}";
    assert_eq!(place.server.metric(name).await, 1);
    assert!(place.server.metric("seatwise_exported_rows_total").await < USERS);
    assert_eq!(place.status_of_another().await, 200);

    place.ended().await;
    // One that stays and reads nothing does not keep the server from stopping.
    let _stream = place.begin().await;
    place.server.terminate().with(0);
}
