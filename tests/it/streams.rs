//! Watching a sync: over server-sent events and over a WebSocket, to its end or to the server's.

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Response, StatusCode};
use seatwise::simulator::Fault;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::connect::change;
use crate::hold::Hold;
use crate::support::{Options, PATIENCE, Server, TOKEN, dataset};

const PROGRESS: &str = "subscription ($tenant: ID!) {
    syncProgress(tenant: $tenant) {id state progress datasets {dataset state rows}}}";

async fn fresh() -> Server {
    Server::fresh(Options::default()).await
}

/// A sync under way that will find changes, and whose first answer is held.
async fn held_sync(server: &Server) -> Hold {
    server.microsoft().change_users(3, 1);
    let organization = Hold::at(server.microsoft(), Fault::on("/v1.0/organization"));
    change(server, "startSync(tenant: $tenant) {id}").await;
    organization.reached().await;
    organization
}

/// What is asked of a tenant that is watched.
async fn progress_of(server: &Server) -> Value {
    json!({"query": PROGRESS, "variables": {"tenant": server.tenant_id().await}})
}

/// The run as a result tells it, which has no errors.
fn run_of(result: &Value) -> Value {
    assert_eq!(result.get("errors"), None);
    result["data"]["syncProgress"].clone()
}

/// Whether these are all that is told of one run, from its first request to its end.
fn check_told(runs: &[Value]) {
    let (first, last) = (runs.first().unwrap(), runs.last().unwrap());
    assert_eq!(first["state"], "RUNNING");
    assert_eq!(dataset(first, "ORGANIZATION")["state"], "RUNNING");
    assert_eq!(dataset(first, "USERS")["state"], "WAITING");
    assert_eq!(
        (&last["state"], &last["progress"]),
        (&json!("COMPLETE"), &json!(1.0))
    );
    assert!(dataset(last, "USERS")["rows"].as_u64() > Some(0));
    for (position, run) in runs.iter().enumerate() {
        assert_eq!(run["id"], first["id"]);
        let is_last = position + 1 == runs.len();
        assert_eq!(run["state"] == "COMPLETE", is_last, "{run}");
    }
    assert!(runs.is_sorted_by_key(|run| {
        let progress = run["progress"].as_f64().unwrap_or_default();
        (progress * 1e6) as u64
    }));
}

/// Server-sent events as they come.
struct Events {
    answer: Response,
    waiting: String,
}

impl Events {
    async fn ask(server: &Server, body: &Value) -> Self {
        let request = reqwest::Client::new()
            .post(server.url("/graphql"))
            .bearer_auth(TOKEN)
            .header(ACCEPT, "text/event-stream")
            .json(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let content_type = answer.headers()[CONTENT_TYPE].to_str().unwrap();
        assert!(content_type.starts_with("text/event-stream"));
        Self {
            answer,
            waiting: String::new(),
        }
    }

    /// The next event's name and data, comments passed over; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((event, rest)) = self.waiting.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.waiting = rest;
                let line = |name: &str| {
                    let mut lines = event.lines().filter_map(|line| line.strip_prefix(name));
                    lines.next().map(|value| value.trim_start().to_owned())
                };
                match (line("event:"), line("data:")) {
                    (Some(name), Some(data)) => return Some((name, data)),
                    _ => assert_eq!(event, ":"),
                }
            } else {
                let chunk = tokio::time::timeout(PATIENCE, self.answer.chunk()).await;
                let chunk = chunk.expect("no event comes").unwrap()?;
                self.waiting.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        }
    }

    async fn result(&mut self) -> Value {
        let (name, data) = self.next().await.unwrap();
        assert_eq!(name, "next");
        serde_json::from_str(&data).unwrap()
    }

    /// All results up to `complete`, after which nothing comes.
    async fn rest(mut self) -> Vec<Value> {
        let mut results = Vec::new();
        while let Some((name, data)) = self.next().await {
            if name == "complete" {
                assert_eq!((data.as_str(), self.next().await), ("", None));
                return results;
            }
            assert_eq!(name, "next");
            results.push(serde_json::from_str(&data).unwrap());
        }
        panic!("the stream broke off after {results:?}");
    }
}

#[tokio::test]
async fn server_sent_events_tell_a_sync_from_now_to_its_end() {
    let server = fresh().await;
    let held = held_sync(&server).await;
    let mut events = Events::ask(&server, &progress_of(&server).await).await;
    let mut runs = vec![run_of(&events.result().await)];
    drop(held);
    runs.extend(events.rest().await.iter().map(run_of));
    check_told(&runs);

    // Of a sync that is over, its end is told.
    let events = Events::ask(&server, &progress_of(&server).await).await;
    let again: Vec<Value> = events.rest().await.iter().map(run_of).collect();
    assert_eq!(again, runs[runs.len() - 1..]);
}

#[tokio::test]
async fn server_sent_events_tell_what_is_wrong_and_answer_queries_too() {
    let server = Server::demo().await;
    let unknown = json!({"query": PROGRESS, "variables": {"tenant": "VGVuYW50Om5vYm9keQ"}});
    let results = Events::ask(server, &unknown).await.rest().await;
    assert_eq!(results[0]["errors"][0]["extensions"]["code"], "NOT_FOUND");
    let results = Events::ask(server, &json!({"query": "{viewer"}))
        .await
        .rest()
        .await;
    assert_eq!(results[0]["errors"][0]["extensions"]["code"], "BAD_INPUT");
    let results = Events::ask(server, &json!({"query": "{tenants {key}}"}))
        .await
        .rest()
        .await;
    assert_eq!(
        results,
        [json!({"data": {"tenants": [{"key": "contoso"}]}})]
    );

    let request = reqwest::Client::new()
        .post(server.url("/graphql"))
        .header(ACCEPT, "text/event-stream")
        .json(&progress_of(server).await);
    let denied = request.send().await.unwrap();
    assert_eq!(denied.status(), StatusCode::UNAUTHORIZED);
}

/// A client of graphql-transport-ws.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// The handshake, with headers on top of the usual.
    async fn open(server: &Server, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let url = format!("ws://{}/graphql", server.address);
        let mut request: Request<()> = url.into_client_request().unwrap();
        let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
        for (name, value) in [protocol].iter().chain(headers) {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, answer) = tokio_tungstenite::connect_async(request).await?;
        assert_eq!(answer.headers()[protocol.0], protocol.1);
        Ok(Self(socket))
    }

    /// The same, with a token in the first message, as a browser has to.
    async fn initialized(server: &Server) -> Self {
        let mut socket = Self::open(server, &[]).await.unwrap();
        socket.say(&init(TOKEN)).await;
        assert_eq!(socket.hear().await["type"], "connection_ack");
        socket
    }

    async fn say(&mut self, message: &Value) {
        let message = Message::text(message.to_string());
        self.0.send(message).await.unwrap();
    }

    async fn subscribe(&mut self, id: &str, payload: &Value) {
        self.say(&json!({"id": id, "type": "subscribe", "payload": payload}))
            .await;
    }

    async fn frame(&mut self) -> Message {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.0.next()).await;
            match frame.expect("no message comes").unwrap().unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                frame => return frame,
            }
        }
    }

    async fn hear(&mut self) -> Value {
        match self.frame().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The code that the server closes with, after whatever it still tells.
    async fn closed(mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.frame().await {
                return frame.unwrap().code.into();
            }
        }
    }

    /// Hears an operation up to its `complete`.
    async fn rest(&mut self, id: &str) -> Vec<Value> {
        let mut results = Vec::new();
        loop {
            let mut message = self.hear().await;
            assert_eq!(message["id"], id);
            if message["type"] == "complete" {
                return results;
            }
            assert_eq!(message["type"], "next", "{message}");
            results.push(message["payload"].take());
        }
    }
}

fn init(token: &str) -> Value {
    json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}})
}

#[tokio::test]
async fn a_websocket_tells_a_sync_from_now_to_its_end() {
    let server = fresh().await;
    let held = held_sync(&server).await;
    let mut socket = Socket::initialized(&server).await;
    socket.subscribe("a", &progress_of(&server).await).await;
    let mut runs = vec![run_of(&socket.hear().await["payload"])];
    drop(held);
    runs.extend(socket.rest("a").await.iter().map(run_of));
    check_told(&runs);

    // The connection, and the id, are good for more.
    socket
        .subscribe("a", &json!({"query": "{tenants {key}}"}))
        .await;
    let expected = json!({"data": {"tenants": [{"key": "contoso"}]}});
    assert_eq!(socket.rest("a").await, [expected]);
    socket.subscribe("b", &json!({"query": "{nonsense}"})).await;
    let refused = socket.hear().await;
    assert_eq!(
        (&refused["id"], &refused["type"]),
        (&json!("b"), &json!("error"))
    );
    assert_eq!(refused["payload"][0]["extensions"]["code"], "BAD_INPUT");
}

#[tokio::test]
async fn who_wants_no_more_hears_no_more() {
    let server = fresh().await;
    let held = held_sync(&server).await;
    let mut socket = Socket::initialized(&server).await;
    socket.subscribe("a", &progress_of(&server).await).await;
    assert_eq!(socket.hear().await["type"], "next");
    socket.say(&json!({"id": "a", "type": "complete"})).await;
    socket.say(&json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await, json!({"type": "pong"}));
    drop(held);
    assert_eq!(server.synced().await["state"], "COMPLETE");
    socket.say(&json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await, json!({"type": "pong"}));
}

#[tokio::test]
async fn a_websocket_takes_its_token_by_header_or_by_first_message() {
    let server = fresh().await;
    let right = format!("Bearer {TOKEN}");
    let mut socket = Socket::open(&server, &[("authorization", &right)])
        .await
        .unwrap();
    socket.say(&json!({"type": "connection_init"})).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    socket
        .subscribe("1", &json!({"query": "{viewer {role}}"}))
        .await;
    assert_eq!(
        socket.rest("1").await,
        [json!({"data": {"viewer": {"role": "ADMIN"}}})]
    );

    for first in [
        json!({"type": "connection_init"}),
        init("guessed"),
        init(""),
    ] {
        let mut socket = Socket::open(&server, &[]).await.unwrap();
        socket.say(&first).await;
        assert_eq!(socket.closed().await, 4403, "{first}");
    }
    let mut early = Socket::open(&server, &[("authorization", &right)])
        .await
        .unwrap();
    early
        .subscribe("1", &json!({"query": "{viewer {role}}"}))
        .await;
    assert_eq!(early.closed().await, 4401);

    let foreign = ("origin", "https://evil.example");
    for (headers, status) in [
        (vec![("authorization", "Bearer guessed")], 401),
        (vec![("authorization", right.as_str()), foreign], 403),
        (vec![foreign], 403),
    ] {
        match Socket::open(&server, &headers).await {
            Err(Error::Http(refused)) => assert_eq!(refused.status(), status),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{headers:?} got in"),
        }
    }
}

#[tokio::test]
async fn a_server_that_stops_ends_what_is_watched() {
    let server = fresh().await;
    server
        .microsoft()
        .fault(Fault::on("/v1.0/organization").hang());
    change(&server, "startSync(tenant: $tenant) {id}").await;
    let progress = progress_of(&server).await;
    let mut events = Events::ask(&server, &progress).await;
    run_of(&events.result().await);
    let mut socket = Socket::initialized(&server).await;
    socket.subscribe("a", &progress).await;
    assert_eq!(socket.hear().await["type"], "next");

    let stopping = tokio::task::spawn_blocking(|| server.stop());
    let (results, code) = tokio::join!(events.rest(), socket.closed());
    stopping.await.unwrap();
    assert_eq!(code, 1001);
    // Whether the run's own end is still told is a matter of who is faster.
    for result in results {
        let state = run_of(&result)["state"].clone();
        assert!(
            ["RUNNING", "FAILED"].contains(&state.as_str().unwrap()),
            "{state}"
        );
    }
}
