//! Subscriptions, by WebSocket and by server-sent events.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::harness::{Running, TOKEN, soon, start, start_with};

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn try_open(server: &Running, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let url = format!("{}/graphql", server.base.replace("http://", "ws://"));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert(
            "sec-websocket-protocol",
            "graphql-transport-ws".parse().unwrap(),
        );
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(SocketError::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opened and initialized by a token in `connection_init`, as browsers must.
    async fn open(server: &Running) -> Self {
        let mut socket = Self::try_open(server, &[]).await.unwrap();
        socket.say(json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {TOKEN}")}})).await;
        assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
        socket
    }

    async fn say(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({"id": id, "type": "subscribe", "payload": {"query": query}}))
            .await;
    }

    async fn hear(&mut self) -> Value {
        loop {
            match soon(self.0.next()).await.expect("open").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The code that the server closes with.
    async fn closed(mut self) -> u16 {
        while let Some(Ok(message)) = soon(self.0.next()).await {
            if let Message::Close(Some(frame)) = message {
                return frame.code.into();
            }
        }
        0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_answered_result_by_result() {
    let server = start();
    let mut socket = Socket::open(&server).await;
    socket.subscribe("a", "subscription{count(to:2)}").await;
    assert_eq!(
        socket.hear().await,
        json!({"id": "a", "type": "next", "payload": {"data": {"count": 0}}})
    );
    assert_eq!(
        socket.hear().await,
        json!({"id": "a", "type": "next", "payload": {"data": {"count": 1}}})
    );
    assert_eq!(socket.hear().await, json!({"id": "a", "type": "complete"}));
    socket.subscribe("a", "{hello}").await;
    assert_eq!(
        socket.hear().await,
        json!({"id": "a", "type": "next", "payload": {"data": {"hello": "hello"}}})
    );
    assert_eq!(
        socket.hear().await,
        json!({"id": "a", "type": "complete"}),
        "the id is free again"
    );
    socket.subscribe("b", "mutation{change}").await;
    assert_eq!(socket.hear().await["payload"]["data"]["change"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_may_come_in_the_handshake() {
    let server = start();
    let token = format!("Bearer {TOKEN}");
    let mut socket = Socket::try_open(&server, &[("authorization", &token)])
        .await
        .unwrap();
    socket.say(json!({"type": "connection_init"})).await;
    assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await, json!({"type": "pong"}));
    assert_eq!(
        Socket::try_open(&server, &[("authorization", "Bearer wrong")])
            .await
            .err(),
        Some(401)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_foreign_origins_cannot_open_one() {
    let server = start();
    for origin in ["https://evil.example.com", "null"] {
        assert_eq!(
            Socket::try_open(&server, &[("origin", origin)]).await.err(),
            Some(403),
            "{origin}"
        );
    }
    let own = server.base.clone();
    for origin in [
        own.as_str(),
        "https://seats.example.com",
        "https://tools.example.com",
    ] {
        assert!(
            Socket::try_open(&server, &[("origin", origin)])
                .await
                .is_ok(),
            "{origin}"
        );
    }
    assert_eq!(
        Socket::try_open(&server, &[("sec-websocket-protocol", "graphql-ws")])
            .await
            .err(),
        Some(400)
    );
    assert_eq!(
        Socket::try_open(&server, &[("host", "evil.example.com")])
            .await
            .err(),
        Some(421)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_protocol_forbids_closes_with_its_code() {
    let server = start();
    let closed_after = async |messages: &[Value]| {
        let mut socket = Socket::try_open(&server, &[]).await.unwrap();
        for message in messages {
            socket.say(message.clone()).await;
        }
        socket.closed().await
    };
    let init =
        json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {TOKEN}")}});
    let forever =
        json!({"id": "a", "type": "subscribe", "payload": {"query": "subscription{forever}"}});
    assert_eq!(closed_after(&[json!({"type": "nonsense"})]).await, 4400);
    assert_eq!(closed_after(std::slice::from_ref(&forever)).await, 4401);
    assert_eq!(
        closed_after(&[json!({"type": "connection_init"})]).await,
        4403
    );
    let wrong = json!({"type": "connection_init", "payload": {"authorization": "Bearer wrong"}});
    assert_eq!(closed_after(&[wrong]).await, 4403);
    assert_eq!(closed_after(&[init.clone(), init.clone()]).await, 4429);
    assert_eq!(
        closed_after(&[init.clone(), forever.clone(), forever]).await,
        4409
    );

    let mut socket = Socket::open(&server).await;
    socket.0.send(Message::binary(vec![1_u8])).await.unwrap();
    assert_eq!(socket.closed().await, 4400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_closes() {
    let server = start_with(|settings| settings.limits.body_bytes_max = 1_000);
    let mut socket = Socket::open(&server).await;
    socket
        .say(json!({"type": "ping", "payload": {"x": "x".repeat(2_000)}}))
        .await;
    assert_eq!(socket.closed().await, 1009);
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_go_through_the_same_gate() {
    let server = start();
    let mut socket = Socket::open(&server).await;
    for (query, code) in [
        ("{", "BAD_INPUT"),
        ("{nothing}", "BAD_INPUT"),
        ("subscription{count(to:1) forever}", "BAD_INPUT"),
        ("subscription{nothing}", "BAD_INPUT"),
        (&"{a".repeat(900), "LIMIT_EXCEEDED"),
        ("{panic}", "INTERNAL"),
        ("subscription{panicking}", "INTERNAL"),
    ] {
        socket.subscribe("a", query).await;
        let message = socket.hear().await;
        assert_eq!(
            (&message["type"], &message["id"]),
            (&json!("error"), &json!("a")),
            "{message}"
        );
        assert_eq!(
            message["payload"][0]["extensions"]["code"], code,
            "{message}"
        );
    }
    socket
        .say(json!({"id": "b", "type": "subscribe", "payload": {"query": 1}}))
        .await;
    assert_eq!(socket.hear().await["type"], "error");

    socket.subscribe("c", "subscription{failing}").await;
    assert_eq!(socket.hear().await["payload"]["data"]["failing"], 1);
    let failed = socket.hear().await;
    assert_eq!(failed["type"], "next", "a field's error is a result");
    assert_eq!(
        failed["payload"]["errors"][0]["extensions"]["code"],
        "UNAVAILABLE"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_or_abandoned_subscription_ends() {
    let server = start();
    let mut socket = Socket::open(&server).await;
    socket.subscribe("a", "subscription{forever}").await;
    assert_eq!(socket.hear().await["payload"]["data"]["forever"], 1);
    socket.say(json!({"id": "a", "type": "complete"})).await;
    soon(server.world.dropped.notified()).await;
    socket.subscribe("a", "subscription{forever}").await;
    assert_eq!(socket.hear().await["payload"]["data"]["forever"], 1);
    drop(socket);
    soon(server.world.dropped.notified()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_only_so_many_subscriptions_whatever_the_transport() {
    let server = start_with(|settings| settings.limits.subscriptions_max = 1);
    let mut socket = Socket::open(&server).await;
    socket.subscribe("a", "subscription{forever}").await;
    assert_eq!(socket.hear().await["type"], "next");
    socket.subscribe("b", "subscription{forever}").await;
    let refused = socket.hear().await;
    assert_eq!(
        (&refused["type"], &refused["id"]),
        (&json!("error"), &json!("b"))
    );
    assert_eq!(
        refused["payload"][0]["extensions"]["code"],
        "LIMIT_EXCEEDED"
    );
    let response = stream(&server, "subscription{forever}")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_says_goodbye() {
    let server = start();
    let mut socket = Socket::open(&server).await;
    socket.subscribe("a", "subscription{forever}").await;
    assert_eq!(socket.hear().await["type"], "next");
    let mut events = stream(&server, "subscription{forever}")
        .send()
        .await
        .unwrap();
    let mut heard = String::new();
    while !heard.contains("event: next") {
        heard.push_str(std::str::from_utf8(&events.chunk().await.unwrap().unwrap()).unwrap());
    }
    server.shutdown.cancel();
    assert_eq!(socket.closed().await, 1001);
    let rest = events.text().await.unwrap();
    assert!(
        format!("{heard}{rest}").ends_with("event: complete\ndata:\n\n"),
        "{heard}{rest}"
    );
    let stopped = tokio::time::timeout(Duration::from_secs(10), server.stopped).await;
    stopped.expect("stopped in time").unwrap().unwrap();
}

fn stream(server: &Running, query: &str) -> reqwest::RequestBuilder {
    server
        .request(Method::POST, "/graphql")
        .bearer_auth(TOKEN)
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(json!({"query": query}).to_string())
}

async fn events(request: reqwest::RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    if status == 200 {
        assert_eq!(
            response.headers()["content-type"],
            "text/event-stream; charset=utf-8"
        );
    }
    let text = response.text().await.unwrap();
    // The comments keep proxies awake and mean nothing.
    let events: Vec<&str> = text.split("\n\n").filter(|event| *event != ":").collect();
    (status, events.join("\n\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_as_server_sent_events() {
    let server = start();
    let expected = "event: next\ndata: {\"data\":{\"count\":0}}\n\n\
                    event: next\ndata: {\"data\":{\"count\":1}}\n\nevent: complete\ndata:\n\n";
    let (status, text) = events(stream(&server, "subscription{count(to:2)}")).await;
    assert_eq!(status, 200);
    assert_eq!(text, expected);

    let by_get = server
        .get("/graphql")
        .bearer_auth(TOKEN)
        .header("accept", "text/event-stream")
        .query(&[("query", "subscription{count(to:2)}")]);
    assert_eq!(events(by_get).await, (200, expected.to_owned()));

    let (_, text) = events(stream(&server, "{hello}")).await;
    assert!(
        text.starts_with("event: next\ndata: {\"data\":{\"hello\":\"hello\"}}\n\nevent: complete"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_wrong_documents_as_results_and_wrong_requests_by_status() {
    let server = start();
    for (query, code) in [
        ("{", "BAD_INPUT"),
        ("subscription{nothing}", "BAD_INPUT"),
        (&"{a".repeat(900), "LIMIT_EXCEEDED"),
        ("subscription{panicking}", "INTERNAL"),
    ] {
        let (status, text) = events(stream(&server, query)).await;
        assert_eq!(status, 200);
        assert!(
            text.starts_with("event: next\ndata: {\"errors\"") && text.contains(code),
            "{text}"
        );
        assert!(text.contains("event: complete"), "{text}");
    }
    assert_eq!(
        events(stream(&server, "{hello}").bearer_auth("wrong"))
            .await
            .0,
        401
    );
    assert_eq!(
        events(stream(&server, "{hello}").body("nonsense")).await.0,
        400
    );
    let by_get = server
        .get("/graphql")
        .bearer_auth(TOKEN)
        .header("accept", "text/event-stream");
    assert_eq!(
        events(by_get.query(&[("query", "mutation{change}")]))
            .await
            .0,
        405
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_nobody_reads_any_more_ends() {
    let server = start();
    let mut response = stream(&server, "subscription{forever}")
        .send()
        .await
        .unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    drop(response);
    soon(server.world.dropped.notified()).await;
}
