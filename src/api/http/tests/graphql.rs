//! Operations by POST and GET, and every way to be refused.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::harness::{Answer, TOKEN, soon, start, start_with};

async fn sent(request: reqwest::RequestBuilder) -> Answer {
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_answered_to_its_caller() {
    let server = start();
    let answer = server.ask("{hello caller}").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"data": {"hello": "hello", "caller": "admin"}})
    );
    assert!(
        answer
            .header("content-type")
            .starts_with("application/graphql-response+json")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-request-id").len(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_are_refused_get_their_status_and_code() {
    let server = start();
    server.ask("{").await.refused(400, "BAD_INPUT");
    server.ask("{nothing}").await.refused(400, "BAD_INPUT");
    server
        .ask("{hello hello{x}}")
        .await
        .refused(400, "BAD_INPUT");
    server
        .ask("query($x:Int!){times(number:$x)}")
        .await
        .refused(400, "BAD_INPUT");
    server
        .ask("{times(number:\"x\")}")
        .await
        .refused(400, "BAD_INPUT");
    server
        .ask("{a:hello ...f} fragment f on Query{...f}")
        .await
        .refused(400, "BAD_INPUT");
    server
        .ask("subscription{count(to:1)}")
        .await
        .refused(400, "BAD_INPUT");
    server
        .ask(&format!("{{{}}}", "hello ".repeat(51)))
        .await
        .refused(400, "LIMIT_EXCEEDED");
    server
        .ask(&format!("{{f(a:{}", "[".repeat(1_550)))
        .await
        .refused(400, "LIMIT_EXCEEDED");
    server.ask("{hello}").await.json()["data"]["hello"]
        .as_str()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schemas_own_limit_is_told_by_its_code() {
    let server = start();
    let wide = format!("{{x:__schema{{types{{{}}}}}}}", "name ".repeat(600));
    server.ask(&wide).await.refused(400, "LIMIT_EXCEEDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_know_only_json_get_200_for_a_wrong_document_but_not_for_a_bomb() {
    let server = start();
    for accept in ["application/json", "*/*"] {
        let request = |query: &str| {
            server
                .request(Method::POST, "/graphql")
                .bearer_auth(TOKEN)
                .header("content-type", "application/json")
                .header("accept", accept)
                .body(json!({"query": query}).to_string())
        };
        let answer = sent(request("{nothing}")).await;
        answer.refused(200, "BAD_INPUT");
        assert!(
            answer
                .header("content-type")
                .starts_with("application/json")
        );
        sent(request("{")).await.refused(200, "BAD_INPUT");
        sent(request(&"{a".repeat(900)))
            .await
            .refused(400, "LIMIT_EXCEEDED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_fields_keep_their_codes_and_the_rest_of_the_answer() {
    let server = start();
    let answer = server.ask("{hello nullable}").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json()["data"],
        json!({"hello": "hello", "nullable": null})
    );
    assert_eq!(answer.code(), "CONFLICT");

    let answer = server.ask("{broken}").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (200, "NOT_FOUND")
    );
    assert!(
        answer.json()["data"].is_null() && answer.json().get("data").is_some(),
        "execution began"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_few_short_and_without_suggestions() {
    let server = start();
    let unknown: String = (0..40).map(|number| format!("hell{number} ")).collect();
    let answer = server.ask(&format!("{{{unknown}}}")).await;
    answer.refused(400, "BAD_INPUT");
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 5);
    assert!(!answer.text.contains("Did you mean"), "{}", answer.text);

    let answer = server
        .ask(&format!("{{times(number:\"{}\")}}", "ä".repeat(10_000)))
        .await;
    answer.refused(400, "BAD_INPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_json_in_utf8_is_taken_as_a_body() {
    let server = start();
    let with_type = |content_type: &str| {
        server
            .request(Method::POST, "/graphql")
            .bearer_auth(TOKEN)
            .header("content-type", content_type)
            .body(r#"{"query":"mutation{change}"}"#)
    };
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=iso-8859-1",
        "application/jsonx",
        "",
    ] {
        sent(with_type(content_type))
            .await
            .refused(415, "BAD_INPUT");
    }
    let untyped = server
        .request(Method::POST, "/graphql")
        .bearer_auth(TOKEN)
        .body(r#"{"query":"mutation{change}"}"#);
    sent(untyped).await.refused(415, "BAD_INPUT");
    sent(with_type("application/json").header("content-encoding", "gzip"))
        .await
        .refused(415, "BAD_INPUT");
    assert_eq!(
        server.world.mutations.load(Ordering::SeqCst),
        0,
        "nothing ran"
    );
    assert_eq!(
        sent(with_type("application/json;charset=UTF-8"))
            .await
            .status,
        200
    );
    assert_eq!(server.world.mutations.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies_are_the_clients_fault() {
    let server = start();
    let bodies: [&[u8]; 10] = [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b"[{\"query\":\"{hello}\"}]",
        b"{\"query\":1}",
        b"{\"query\":\"{hello}\",\"variables\":[]}",
        b"\xff\xfe",
        b"{\"query\":\"{hello}\"}trailing",
        b"\xef\xbb\xbf{\"query\":\"{hello}\"}",
    ];
    for body in bodies {
        sent(server.post(body.to_vec()))
            .await
            .refused(400, "BAD_INPUT");
    }
    sent(server.post("[".repeat(900_000)))
        .await
        .refused(400, "LIMIT_EXCEEDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn get_queries_and_changes_nothing() {
    let server = start();
    let get = |query: &str| {
        server
            .get("/graphql")
            .bearer_auth(TOKEN)
            .query(&[("query", query)])
    };
    assert_eq!(sent(get("{hello}")).await.json()["data"]["hello"], "hello");
    let named = get("query a{hello} query b{caller}").query(&[("operationName", "b")]);
    assert_eq!(sent(named).await.json()["data"]["caller"], "admin");
    let answer = sent(get("mutation{change}")).await;
    answer.refused(405, "BAD_INPUT");
    assert_eq!(answer.header("allow"), "POST");
    assert_eq!(server.world.mutations.load(Ordering::SeqCst), 0);
    sent(server.get("/graphql").bearer_auth(TOKEN))
        .await
        .refused(400, "BAD_INPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_told_which_are_allowed() {
    let server = start();
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let answer = sent(server.request(method, "/graphql").bearer_auth(TOKEN)).await;
        answer.refused(405, "BAD_INPUT");
        assert_eq!(answer.header("allow"), "GET, POST");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_can_read_is_not_given() {
    let server = start();
    let request = server
        .request(Method::POST, "/graphql")
        .bearer_auth(TOKEN)
        .header("content-type", "application/json")
        .header("accept", "text/html")
        .body(r#"{"query":"{hello}"}"#);
    sent(request).await.refused(406, "BAD_INPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_5_mb_is_refused_at_once() {
    let server = start();
    let body = format!(
        r#"{{"query":"{{hello}}","variables":{{"x":"{}"}}}}"#,
        "x".repeat(5_000_000)
    );
    sent(server.post(body.clone()))
        .await
        .refused(413, "LIMIT_EXCEEDED");

    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: 100000000000\r\n\r\n"
    );
    let answer = server.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");

    let chunks = body
        .into_bytes()
        .chunks(50_000)
        .map(<[u8]>::to_vec)
        .map(Ok::<_, std::io::Error>)
        .collect::<Vec<_>>();
    let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    sent(server.post(chunked))
        .await
        .refused(413, "LIMIT_EXCEEDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_is_cut_off() {
    let server = start_with(|settings| settings.limits.body_timeout = Duration::from_millis(200));
    let mut stream = tokio::net::TcpStream::connect(server.base.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(15), reading)
        .await
        .expect("closed");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("LIMIT_EXCEEDED"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_framed_two_ways_are_refused() {
    let server = start();
    let both = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: 19\r\ntransfer-encoding: chunked\r\n\r\n\
         13\r\n{{\"query\":\"{{hello}}\"}}\r\n0\r\n\r\n"
    );
    let answer = server.raw(both.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let answer = server.raw(b"NONSENSE\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let answer = server
        .raw(
            format!(
                "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
                "x".repeat(200_000)
            )
            .as_bytes(),
        )
        .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_running_ones_others_are_told_to_come_back() {
    let server = start_with(|settings| settings.limits.running_max = 1);
    let first = server.post(json!({"query": "{wait}"}).to_string()).send();
    let second = async {
        server.world.waits.notified().await;
        let answer = server.ask("{hello}").await;
        answer.refused(503, "UNAVAILABLE");
        assert_eq!(answer.header("retry-after"), "1");
        server.world.go.cancel();
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.unwrap().status(), 200);
    assert_eq!(
        server.ask("{hello}").await.status,
        200,
        "the place is free again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_takes_too_long_is_ended() {
    let server = start_with(|settings| settings.limits.deadline = Duration::from_millis(100));
    server.ask("{wait}").await.refused(400, "LIMIT_EXCEEDED");
    soon(server.world.dropped.notified()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_ends_when_its_client_is_gone() {
    let server = start_with(|settings| settings.limits.deadline = Duration::from_secs(3_600));
    let asking = server.post(json!({"query": "{wait}"}).to_string()).send();
    tokio::select! {
        _ = asking => panic!("nobody let it go on"),
        () = server.world.waits.notified() => {}
    }
    soon(server.world.dropped.notified()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_told_with_the_requests_id_and_hurts_nobody_else() {
    let server = start();
    let answer = server.ask("{panic}").await;
    answer.refused(500, "INTERNAL");
    assert_eq!(
        answer.json()["errors"][0]["extensions"]["requestId"],
        answer.header("x-request-id")
    );
    assert!(!answer.text.contains("on purpose"), "{}", answer.text);
    assert_eq!(server.ask("{hello}").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_large_is_refused() {
    let server = start_with(|settings| settings.limits.answer_bytes_max = 1_000);
    server
        .ask("{large(bytes:1000)}")
        .await
        .refused(400, "LIMIT_EXCEEDED");
    assert_eq!(server.ask("{large(bytes:900)}").await.status, 200);
}
