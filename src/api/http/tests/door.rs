//! Who is let in: tokens, names, origins, connections; and how the server stops.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::harness::{Answer, TOKEN, soon, start, start_with};

async fn sent(request: reqwest::RequestBuilder) -> Answer {
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_there_is_nothing_not_even_the_schema() {
    let server = start();
    for request in [
        server
            .get("/graphql")
            .query(&[("query", "{__schema{types{name}}}")]),
        server.request(Method::POST, "/graphql").body("nonsense"),
        server.request(Method::POST, "/graphql").bearer_auth(""),
        server
            .request(Method::POST, "/graphql")
            .basic_auth("admin", Some(TOKEN)),
        server.get("/metrics"),
    ] {
        let answer = sent(request).await;
        answer.refused(401, "UNAUTHENTICATED");
        assert_eq!(
            answer.header("www-authenticate"),
            "Bearer realm=\"seatwise\""
        );
    }
    let answer = sent(server.get("/metrics").bearer_auth("wrong")).await;
    answer.refused(401, "UNAUTHENTICATED");
    assert!(answer.header("www-authenticate").contains("invalid_token"));
    assert_eq!(
        sent(server.get("/metrics").bearer_auth(TOKEN)).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_tokens_is_told_to_wait_and_the_right_one_still_passes() {
    let server = start();
    let guess = || {
        server
            .request(Method::POST, "/graphql")
            .bearer_auth("wrong")
            .body("{}")
    };
    for _ in 0..10 {
        sent(guess()).await.refused(401, "UNAUTHENTICATED");
    }
    let answer = sent(guess()).await;
    answer.refused(429, "LIMIT_EXCEEDED");
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(server.ask("{hello}").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_address_guesses_for_itself() {
    let server = start_with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        settings.limits.failed_tokens_per_minute_max = 1;
    });
    let guess = |address: &str| {
        server
            .get("/metrics")
            .bearer_auth("wrong")
            .header("x-forwarded-for", address)
    };
    sent(guess("192.0.2.1"))
        .await
        .refused(401, "UNAUTHENTICATED");
    sent(guess("192.0.2.1"))
        .await
        .refused(429, "LIMIT_EXCEEDED");
    sent(guess("192.0.2.2"))
        .await
        .refused(401, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_asked_by_a_foreign_name_does_not_answer() {
    let server = start();
    for path in ["/", "/graphql", "/healthz", "/connect/contoso?ticket=good"] {
        let answer = sent(server.get(path).header("host", "evil.example.com")).await;
        answer.refused(421, "BAD_INPUT");
        assert!(!answer.text.contains("evil"), "{}", answer.text);
    }
    assert_eq!(
        sent(server.get("/healthz").header("host", "seats.example.com"))
            .await
            .status,
        200
    );
    assert!(
        server.sign_in.asked.lock().await.is_empty(),
        "no ticket was used up"
    );
    let foreign_target = b"GET http://evil.example.com/healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert!(server.raw(foreign_target).await.starts_with("HTTP/1.1 421"));
    let two =
        b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: evil\r\nconnection: close\r\n\r\n";
    assert!(server.raw(two).await.starts_with("HTTP/1.1 400"));
    let none = b"GET /healthz HTTP/1.0\r\n\r\n";
    assert!(server.raw(none).await.starts_with("HTTP/1.0 400"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    let server = start();
    for path in ["/", "/graphql", "/healthz", "/nowhere", "/connect/contoso"] {
        let answer = sent(server.get(path)).await;
        let policy = answer.header("content-security-policy");
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self' wss://seats.example.com",
            "frame-ancestors 'none'",
            "form-action 'none'",
        ] {
            assert!(
                policy.split(';').any(|part| part.trim() == directive),
                "{path}: {policy}"
            );
        }
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(
            answer.header("cross-origin-opener-policy"),
            "same-origin",
            "{path}"
        );
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=31536000",
            "{path}"
        );
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        assert!(!answer.header("cache-control").is_empty(), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    let plain =
        start_with(|settings| settings.public_url = "http://localhost:8365".parse().unwrap());
    let answer = sent(plain.get("/")).await;
    assert!(
        answer
            .header("content-security-policy")
            .contains("connect-src 'self' ws://localhost:8365;")
    );
    assert_eq!(answer.header("strict-transport-security"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_configured_origins_may_ask_across() {
    let server = start();
    let preflight = |origin: &str| {
        server
            .request(Method::OPTIONS, "/graphql")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization")
    };
    let answer = sent(preflight("https://tools.example.com")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://tools.example.com"
    );
    assert!(
        answer
            .header("access-control-allow-headers")
            .contains("authorization")
    );
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    for origin in [
        "https://evil.example.com",
        "null",
        "https://tools.example.com.evil.com",
        "http://tools.example.com",
    ] {
        let answer = sent(preflight(origin)).await;
        assert!(answer.status.is_client_error(), "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
    }
    let asked = server
        .post(json!({"query": "{hello}"}).to_string())
        .header("origin", "https://tools.example.com");
    let answer = sent(asked).await;
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://tools.example.com"
    );
    assert_eq!(answer.header("vary"), "Origin");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_holds_only_so_many_connections() {
    let server = start_with(|settings| settings.connections_per_address_max = 2);
    let address = server.base.strip_prefix("http://").unwrap();
    let ask = async |stream: &mut TcpStream| {
        // A refused connection may be closed before we write.
        let _ = stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await;
        let mut start = [0; 12];
        stream
            .read_exact(&mut start)
            .await
            .is_ok_and(|_| start == *b"HTTP/1.1 200")
    };
    let mut first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut first).await && ask(&mut second).await);
    let mut third = TcpStream::connect(address).await.unwrap();
    assert!(!ask(&mut third).await, "closed at once");
    drop(first);
    let reopened = async {
        loop {
            let mut fourth = TcpStream::connect(address).await.unwrap();
            if ask(&mut fourth).await {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reopened)
        .await
        .expect("a place is free again");
}

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Reads until `found` is among what came; empty once the connection is closed.
async fn read_until(stream: &mut TcpStream, found: &str) -> String {
    let mut heard = Vec::new();
    let mut piece = [0; 1024];
    loop {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return String::new(),
            Ok(length) => heard.extend_from_slice(&piece[..length]),
        }
        let text = String::from_utf8_lossy(&heard);
        if text.contains(found) {
            return text.into_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_drips_does_not_hold_a_connection() {
    let server = start();
    let mut stream = TcpStream::connect(server.base.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    stream.write_all(HEALTH).await.unwrap();
    assert!(
        read_until(&mut stream, "problems")
            .await
            .starts_with("HTTP/1.1 200")
    );
    // The head of a second request begins and never ends.
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nx: ")
        .await
        .unwrap();
    server
        .connections
        .sweep(Instant::now() + Duration::from_secs(14));
    stream
        .write_all(b"y\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    assert!(
        read_until(&mut stream, "problems")
            .await
            .starts_with("HTTP/1.1 200"),
        "still in time"
    );
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nx: ")
        .await
        .unwrap();
    server
        .connections
        .sweep(Instant::now() + Duration::from_secs(16));
    assert_eq!(
        soon(read_until(&mut stream, "problems")).await,
        "",
        "closed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_reading_loses_its_connection() {
    let server = start();
    let mut stream = TcpStream::connect(server.base.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let body = json!({"query": "{large(bytes:15000000)}"}).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(
        read_until(&mut stream, "\"large\"")
            .await
            .starts_with("HTTP/1.1 200")
    );
    server
        .connections
        .sweep(Instant::now() + Duration::from_secs(31));
    let mut rest = Vec::new();
    let _ = soon(stream.read_to_end(&mut rest)).await;
    assert!(rest.len() < 14_000_000, "{} bytes came", rest.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_server_is_left_alone() {
    let server = start();
    let asking = server.post(json!({"query": "{wait}"}).to_string()).send();
    let sweeping = async {
        server.world.waits.notified().await;
        server
            .connections
            .sweep(Instant::now() + Duration::from_secs(3_600));
        server.world.go.cancel();
    };
    let (answer, ()) = tokio::join!(asking, sweeping);
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_through_a_proxy_count_for_the_address_that_it_names() {
    let server = start_with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        settings.connections_per_address_max = 1;
    });
    let slow = server
        .post(json!({"query": "{wait}"}).to_string())
        .header("x-forwarded-for", "192.0.2.1")
        .send();
    let others = async {
        server.world.waits.notified().await;
        let same = sent(
            server
                .get("/healthz")
                .header("x-forwarded-for", "192.0.2.1"),
        )
        .await;
        same.refused(503, "UNAVAILABLE");
        assert_eq!(same.header("retry-after"), "1");
        assert_eq!(
            sent(
                server
                    .get("/healthz")
                    .header("x-forwarded-for", "192.0.2.2")
            )
            .await
            .status,
            200
        );
        server.world.go.cancel();
    };
    let (slow, ()) = tokio::join!(slow, others);
    assert_eq!(slow.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_lets_what_runs_end_and_takes_nothing_new() {
    let server = start_with(|settings| settings.shutdown_grace = Duration::from_secs(10));
    let asking = server.post(json!({"query": "{wait}"}).to_string()).send();
    let stopping = async {
        server.world.waits.notified().await;
        server.shutdown.cancel();
        let address = server.base.strip_prefix("http://").unwrap();
        // Closed listeners refuse; until then the backlog may still take a connection in.
        let refused = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await
            }
        };
        tokio::time::timeout(Duration::from_secs(5), refused)
            .await
            .expect("no new connections");
        server.world.go.cancel();
    };
    let (answer, ()) = tokio::join!(asking, stopping);
    assert_eq!(answer.unwrap().status(), 200, "what ran was answered");
    let stopped = tokio::time::timeout(Duration::from_secs(10), server.stopped).await;
    stopped.expect("stopped in time").unwrap().unwrap();
}
