//! Health and static pages.

use reqwest::Method;
use serde_json::json;

use super::harness::{Answer, TOKEN, start};
use crate::api::health::{Degradation, DegradationKind};

async fn sent(request: reqwest::RequestBuilder) -> Answer {
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_without_a_token() {
    let server = start();
    let answer = sent(server.get("/healthz")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (200, r#"{"problems":{},"status":"ok"}"#)
    );
    assert_eq!(sent(server.get("/readyz")).await.status, 200);

    server.health.lock().unwrap().degraded = degraded();
    let answer = sent(server.get("/healthz")).await;
    assert_eq!(answer.status, 200, "a restart would help nothing");

    server.health.lock().unwrap().is_ready = false;
    let answer = sent(server.get("/readyz")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (503, "1")
    );
}

fn degraded() -> Vec<Degradation> {
    let of = |kind, reason: &str| Degradation {
        kind,
        reason: reason.to_owned(),
    };
    vec![
        of(DegradationKind::DamagedFacts, "contoso: damaged"),
        of(DegradationKind::DamagedFacts, "fabrikam: damaged"),
        of(DegradationKind::ReadOnlyStore, "the disk is full"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_facts_are_damaged_is_told_to_a_token_only() {
    let server = start();
    server.health.lock().unwrap().degraded = degraded();
    let open = sent(server.get("/healthz")).await;
    let expected =
        json!({"status": "degraded", "problems": {"DAMAGED_FACTS": 2, "READ_ONLY_STORE": 1}});
    assert_eq!(open.json(), expected);

    let known = sent(server.get("/healthz").bearer_auth(TOKEN)).await;
    assert_eq!(known.json()["problems"], expected["problems"]);
    assert_eq!(
        known.json()["reasons"],
        json!(["contoso: damaged", "fabrikam: damaged", "the disk is full"])
    );
    let guessed = sent(server.get("/healthz").bearer_auth("guess")).await;
    assert!(!guessed.text.contains("contoso"), "{}", guessed.text);
    guessed.refused(401, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted() {
    let server = start();
    server.ask("{hello}").await;
    server.ask("{nothing}").await;
    server.ask(&"{a".repeat(900)).await;
    sent(server.get("/secret-path")).await;
    let answer = sent(server.get("/metrics").bearer_auth(TOKEN)).await;
    assert!(answer.header("content-type").starts_with("text/plain"));
    for line in [
        "seatwise_http_requests_total{route=\"/graphql\",method=\"POST\",status=\"200\"} ",
        "seatwise_http_requests_total{route=\"other\",method=\"GET\",status=\"404\"} ",
        "seatwise_graphql_refusals_total{code=\"BAD_INPUT\"} ",
        "seatwise_graphql_refusals_total{code=\"LIMIT_EXCEEDED\"} ",
        "seatwise_http_request_duration_seconds_count{route=\"/graphql\"} ",
        "seatwise_graphql_operations_running ",
        "# HELP seatwise_graphql_operations_running Operations running now",
    ] {
        assert!(answer.text.contains(line), "{line}\n{}", answer.text);
    }
    assert!(!answer.text.contains("secret"), "labels are ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_served_with_etags() {
    let server = start();
    let answer = sent(server.get("/")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (200, "<!doctype html>front")
    );
    assert_eq!(answer.header("cache-control"), "no-cache");
    let etag = answer.header("etag").to_owned();
    for known in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"other\", {etag}"),
        "*".to_owned(),
    ] {
        let again = sent(server.get("/").header("if-none-match", &known)).await;
        assert_eq!(
            (again.status.as_u16(), again.text.as_str()),
            (304, ""),
            "{known}"
        );
    }
    assert_eq!(
        sent(server.get("/").header("if-none-match", "\"other\""))
            .await
            .status,
        200
    );

    let head = sent(server.request(Method::HEAD, "/")).await;
    assert_eq!(
        (
            head.status.as_u16(),
            head.text.as_str(),
            head.header("content-length")
        ),
        (200, "", "20")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hashed_files_are_kept_for_good_and_come_packed_to_who_unpacks() {
    let server = start();
    let plain = sent(
        server
            .get("/assets/main-1a2b.js")
            .header("accept-encoding", "identity"),
    )
    .await;
    assert_eq!(
        (plain.text.as_str(), plain.header("content-encoding")),
        ("script", "")
    );
    assert!(plain.header("cache-control").contains("immutable"));
    let raw = b"GET /assets/main-1a2b.js HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip, br\r\nconnection: close\r\n\r\n";
    let packed = server.raw(raw).await;
    assert!(
        packed.contains("content-encoding: br") && packed.ends_with("packed"),
        "{packed}"
    );
    assert!(
        packed
            .to_ascii_lowercase()
            .contains("vary: accept-encoding"),
        "{packed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_read_takes_no_other_method() {
    let server = start();
    for path in [
        "/",
        "/healthz",
        "/metrics",
        "/connect/contoso",
        "/connect/callback",
    ] {
        let answer = sent(server.request(Method::POST, path).bearer_auth(TOKEN)).await;
        answer.refused(405, "BAD_INPUT");
        assert_eq!(answer.header("allow"), "GET, HEAD", "{path}");
    }
    assert_eq!(
        sent(server.request(Method::HEAD, "/healthz")).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_are_not_found_whoever_asks() {
    let server = start();
    for path in [
        "/nowhere",
        "/graphiql",
        "/assets/../secret",
        "/assets/%2e%2e/secret",
        "/graphql/",
        "/.env",
    ] {
        sent(server.get(path).bearer_auth(TOKEN))
            .await
            .refused(404, "NOT_FOUND");
        sent(server.get(path)).await.refused(404, "NOT_FOUND");
    }
}
