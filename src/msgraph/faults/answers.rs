use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::domain::tenant::Cloud;
use crate::msgraph::http::{Http, NetworkSettings, Timeouts};
use crate::msgraph::origin::Endpoints;
use crate::msgraph::paging::LIMITS;
use crate::msgraph::testing::{RawServer, TestTiming, TestTokens, Then};

async fn check_bad_response(body: Vec<u8>, content_type: &str, word: &str) {
    let bench = Bench::start().await;
    bench
        .on_first(
            ResponseTemplate::new(200).set_body_raw(body, content_type),
            1,
        )
        .await;
    let (kind, message) = bench.failure().await;
    assert_eq!(kind, ProblemKind::BadResponse, "{message}");
    assert!(message.contains(word), "{message}");
    assert_eq!(bench.requests().await, 1);
}

#[tokio::test]
async fn an_answer_that_is_no_page_is_a_bad_response() {
    let json = "application/json";
    check_bad_response(b"<html>sign in</html>".to_vec(), "text/html", "HTML").await;
    check_bad_response(b"".to_vec(), json, "cut or damaged").await;
    check_bad_response(br#"{"value":[{"id":"#.to_vec(), json, "cut or damaged").await;
    check_bad_response(br#"{"value":[NaN]}"#.to_vec(), json, "cut or damaged").await;
    check_bad_response(
        b"\xef\xbb\xbf{\"value\":[]}".to_vec(),
        json,
        "cut or damaged",
    )
    .await;
    check_bad_response(b"{\"value\":[\"\xff\"]}".to_vec(), json, "UTF-8").await;
    check_bad_response(
        br#"{"value":"Authorization_RequestDenied"}"#.to_vec(),
        json,
        "not a page",
    )
    .await;
    check_bad_response("[".repeat(100_000).into_bytes(), json, "not a page").await;
}

#[tokio::test]
async fn a_compressed_bomb_is_cut_off_at_the_cap() {
    // A page with 40 MB of spaces in it, 40 kB on the wire.
    let bench = Bench::start().await;
    let bomb = ResponseTemplate::new(200)
        .insert_header("Content-Encoding", "gzip")
        .set_body_raw(
            include_bytes!("../fixtures/bomb.json.gz").to_vec(),
            "application/json",
        );
    bench.on_first(bomb, 1).await;
    let (kind, message) = bench.failure().await;
    assert_eq!(kind, ProblemKind::TooLarge, "{message}");
    assert_eq!(bench.requests().await, 1);
}

#[tokio::test]
async fn a_body_that_is_not_what_its_headers_say_is_a_bad_response() {
    let bench = Bench::start().await;
    let lie = ResponseTemplate::new(200)
        .insert_header("Content-Encoding", "gzip")
        .set_body_string("plain");
    bench.on_first(lie, 100).await;
    assert_eq!(bench.failure().await.0, ProblemKind::BadResponse);
    assert_eq!(bench.requests().await, 8);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let bench = Bench::start().await;
    let elsewhere = Bench::start().await;
    let redirect = ResponseTemplate::new(302).insert_header("Location", elsewhere.server.uri());
    bench.on_first(redirect, 1).await;
    assert_eq!(bench.failure().await.0, ProblemKind::BadResponse);
    assert_eq!(elsewhere.requests().await, 0);
}

/// The longest that anything may take, where a test is not about it.
const NEVER: Duration = Duration::from_secs(3_600);

const PATIENT: Timeouts = Timeouts {
    connect: NEVER,
    idle: NEVER,
    whole: NEVER,
};

/// How asking a server fails, after eight tries.
async fn failure_at(url: &str, timeouts: Timeouts) -> (ProblemKind, String) {
    let http = Http::with_timeouts(&NetworkSettings::default(), timeouts).unwrap();
    let endpoints = Endpoints::new(Cloud::Global, Some(url), Some(url)).unwrap();
    let timing = Arc::new(TestTiming::default());
    let tokens = Arc::new(TestTokens::default());
    let client = Client::bounded(http, endpoints, tokens, timing.clone(), LIMITS);
    let meter = Meter::default();
    let failure = problem(client.organization(&meter).await.unwrap_err());
    assert_eq!(meter.requests(), 8);
    assert_eq!(timing.elapsed(), Duration::from_secs(123));
    failure
}

const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"val";
const CUT_CHUNK: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"val";

#[tokio::test]
async fn a_connection_that_hangs_or_drips_is_given_up_and_tried_again() {
    let idle = Timeouts {
        idle: Duration::from_millis(40),
        ..PATIENT
    };
    let whole = Timeouts {
        whole: Duration::from_millis(40),
        ..PATIENT
    };
    for timeouts in [idle, whole] {
        let server = RawServer::start(CUT, Then::Stays);
        let (kind, message) = failure_at(&server.url, timeouts).await;
        assert_eq!(kind, ProblemKind::Unreachable, "{message}");
        assert!(message.contains("too slow"), "{message}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_tried_again_and_then_a_bad_response() {
    for cut in [CUT, CUT_CHUNK] {
        let server = RawServer::start(cut, Then::HangsUp);
        let (kind, message) = failure_at(&server.url, PATIENT).await;
        assert_eq!(kind, ProblemKind::BadResponse, "{message}");
    }
}

#[tokio::test]
async fn each_repeated_request_takes_a_new_connection() {
    let unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let server = RawServer::start(unavailable, Then::Stays);
    let (kind, message) = failure_at(&server.url, PATIENT).await;
    assert_eq!(kind, ProblemKind::Unreachable, "{message}");
    assert_eq!(server.connections(), 8);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (kind, message) = failure_at(&url, PATIENT).await;
    assert_eq!(kind, ProblemKind::Unreachable, "{message}");
    assert!(
        message.contains("No connection") && message.contains("ca_file"),
        "{message}"
    );
}
