//! What a stranger, a careless program and a hostile one are refused, through the real schema.

use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::asking::{data, refusal, text};
use crate::support::{Options, PATIENCE, Server, TOKEN};

/// Unguarded, what is sent here takes minutes or the process; guarded, milliseconds.
const FAR_TOO_LONG: Duration = Duration::from_secs(10);

fn ask(server: &Server, method: Method, path: &str) -> RequestBuilder {
    let client = Client::builder().pool_max_idle_per_host(0).no_proxy();
    client.build().unwrap().request(method, server.url(path))
}

fn post(server: &Server) -> RequestBuilder {
    ask(server, Method::POST, "/graphql").bearer_auth(TOKEN)
}

async fn send(request: RequestBuilder) -> Response {
    let answer = tokio::time::timeout(FAR_TOO_LONG, request.send()).await;
    answer.expect("the server is busy with it").unwrap()
}

/// The status and the code of the first error.
async fn refused(request: RequestBuilder) -> (StatusCode, String) {
    let answer = send(request).await;
    let status = answer.status();
    let body = answer.text().await.unwrap();
    assert!(body.len() <= 16_000, "{} bytes", body.len());
    let json: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"));
    assert_eq!(json.get("data"), None, "{body}");
    assert!(json["errors"].as_array().unwrap().len() <= 5, "{body}");
    (status, text(&json["errors"][0]["extensions"]["code"]))
}

async fn refused_document(server: &Server, document: &str) -> (StatusCode, String) {
    let request = post(server).header(header::ACCEPT, "application/graphql-response+json");
    refused(request.json(&json!({"query": document}))).await
}

fn bad(status: StatusCode, code: &str) -> (StatusCode, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn pages_of_every_list_have_at_least_one_row_and_at_most_500() {
    let server = Server::demo().await;
    let lists: [&dyn Fn(&str) -> String; 5] = [
        &|page| format!("{{users({page}) {{totalCount}}}}"),
        &|page| format!("{{licenses({page}) {{totalCount}}}}"),
        &|page| format!("{{syncRuns({page}) {{totalCount}}}}"),
        &|page| format!("{{licenses(first: 1) {{nodes {{users({page}) {{totalCount}}}}}}}}"),
        &|page| {
            format!(
                "{{tenants {{lastSync {{id}}}} users(first: 1) {{nodes {{id}}}} more: users({page}) {{nodes {{id}}}}}}"
            )
        },
    ];
    let nothing = json!({});
    for list in lists {
        for rows in [
            "0",
            "-1",
            "501",
            "2147483647",
            "-2147483648",
            "2147483648",
            "1e3",
            "\"5\"",
        ] {
            for end in ["first", "last"] {
                let document = list(&format!("{end}: {rows}"));
                let code = refusal(server, &document, nothing.clone()).await;
                assert_eq!(code, "BAD_INPUT", "{document}");
            }
        }
        data(server, &list("first: 1"), nothing.clone()).await;
    }
    let breakdown =
        |rows: &str| format!("{{users {{breakdown(by: DEPARTMENT, first: {rows}) {{key}}}}}}");
    for rows in ["0", "-1", "501", "2147483647"] {
        assert_eq!(
            refusal(server, &breakdown(rows), nothing.clone()).await,
            "BAD_INPUT"
        );
    }
}

#[tokio::test]
async fn a_cursor_is_opaque_and_no_other_will_do() {
    let server = Server::demo().await;
    let found = data(
        server,
        "{users(first: 1) {nodes {displayName userPrincipalName} pageInfo {endCursor}}
          licenses(first: 1) {pageInfo {endCursor}}
          syncRuns(first: 1) {pageInfo {endCursor}}}",
        json!({}),
    )
    .await;
    let cursor = |list: &str| text(&found[list]["pageInfo"]["endCursor"]);
    let (user, license, run) = (cursor("users"), cursor("licenses"), cursor("syncRuns"));
    let name = text(&found["users"]["nodes"][0]["displayName"]);
    check_opaque(&user, &name);

    let mut cursors = vec![
        String::new(),
        "1".to_owned(),
        "A".repeat(10_000),
        "é".to_owned(),
        license,
        run,
    ];
    for position in (0..user.len()).step_by(7) {
        let mut forged = user.clone().into_bytes();
        forged[position] = if forged[position] == b'A' { b'B' } else { b'A' };
        cursors.push(String::from_utf8(forged).unwrap());
        cursors.push(user[..position].to_owned());
    }
    for cursor in cursors {
        for side in ["after", "before"] {
            let document = format!(
                "{{users(first: 1, {side}: {}) {{totalCount}}}}",
                json!(cursor)
            );
            assert_eq!(
                refusal(server, &document, json!({})).await,
                "BAD_INPUT",
                "{document}"
            );
        }
    }
    let licenses = format!(
        "{{licenses(first: 1, after: {}) {{totalCount}}}}",
        json!(user)
    );
    assert_eq!(refusal(server, &licenses, json!({})).await, "BAD_INPUT");
}

/// Whether a cursor, however it is unwrapped, does not show a name.
fn check_opaque(cursor: &str, name: &str) {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let engines = [URL_SAFE_NO_PAD, STANDARD_NO_PAD];
    let unwrapped = engines
        .iter()
        .filter_map(|engine| engine.decode(cursor).ok());
    let shown: Vec<String> = unwrapped
        .map(|bytes| String::from_utf8_lossy(&bytes).to_lowercase())
        .collect();
    assert!(!shown.is_empty(), "{cursor}");
    let first_name = name.split(' ').next().unwrap().to_lowercase();
    assert!(
        shown.iter().all(|text| !text.contains(&first_name)),
        "{shown:?}"
    );
}

#[tokio::test]
async fn a_large_body_is_refused_before_it_is_read() {
    let server = Server::demo().await;
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
    );
    let announced = format!("{head}Content-Length: 5000000\r\n\r\n");
    let without_length = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\nF4241\r\n{}",
        " ".repeat(1_000_001)
    );
    for request in [announced, without_length] {
        let answer = raw(server, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(
            answer.contains("LIMIT_EXCEEDED") && answer.contains("1000000 bytes"),
            "{answer}"
        );
    }
    // Without a token nobody is told of limits.
    let stranger = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n";
    let answer = raw(server, stranger.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

/// Sends bytes as they are; what comes back before the server closes or has no more to say.
async fn raw(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let whole = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = whole.split_once("\r\n\r\n") {
            let mut lengths = head.lines().filter_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse::<usize>().unwrap())
            });
            if lengths.next().is_some_and(|length| body.len() >= length) {
                return whole;
            }
        }
        let reading = tokio::time::timeout(PATIENCE, stream.read_buf(&mut answer)).await;
        if reading.expect("no answer comes").unwrap() == 0 {
            return whole;
        }
    }
}

/// `n` levels of fragments, each of which spreads the next `times` times.
fn fragment_bomb(levels: usize, times: usize) -> String {
    let mut document = "query {...f0}".to_owned();
    for level in 0..levels {
        let spread = format!("...f{} ", level + 1);
        document += &format!(" fragment f{level} on Query {{{}}}", spread.repeat(times));
    }
    document + &format!(" fragment f{levels} on Query {{__typename}}")
}

/// Small documents that ask for more than any server has.
fn bombs() -> Vec<(&'static str, String)> {
    let nested = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    vec![
        ("lists", format!("{{f(a:{})}}", nested("[", "", "]", 1_550))),
        ("open lists", format!("{{f(a:{}", "[".repeat(3_000))),
        ("objects", format!("{{f(a:{})}}", nested("{a:", "1", "}", 1_230))),
        ("selections", nested("{a", "", "}", 1_000)),
        ("types", format!("query($a:{}) {{viewer {{name}}}}", nested("[", "Int", "]", 1_000))),
        ("filters", format!("{{users(filter: {}) {{totalCount}}}}", nested("{not: ", "{}", "}", 500))),
        ("four levels of a hundred spreads", fragment_bomb(4, 100)),
        ("22 levels of two spreads", fragment_bomb(22, 2)),
        ("aliases", format!("{{{}}}", (0..600).map(|n| format!("a{n}:__typename ")).collect::<String>())),
        ("directives", format!("{{__typename {}}}", "@skip(if:false)".repeat(300))),
        ("operations", (0..400).map(|n| format!("query q{n}{{__typename}} ")).collect()),
        ("introspection", format!("{{__schema {{types {{fields {{type {{{}}}}}}}}}}}", nested("ofType {fields {type {", "name", "}}}", 6))),
        ("rows of rows", "{licenses(first: 500) {nodes {users(first: 500) {nodes {licenses {license {users(first: 500) {nodes {id}}}}}}}}}".to_owned()),
    ]
}

#[tokio::test]
async fn a_small_document_cannot_ask_for_everything() {
    let server = Server::demo().await;
    for (name, document) in bombs() {
        assert!(document.len() < 10_000, "{name}");
        let refused = refused_document(server, &document).await;
        assert_eq!(
            refused,
            bad(StatusCode::BAD_REQUEST, "LIMIT_EXCEEDED"),
            "{name}"
        );
        // The same server still answers.
        data(server, "{viewer {name}}", json!({})).await;
    }
    let circle = "{...a} fragment a on Query {...b} fragment b on Query {...a}";
    let unused: String = (0..45)
        .map(|n| format!("fragment f{n} on Query {{x{n}}} "))
        .collect();
    for document in [circle.to_owned(), format!("{{__typename}} {unused}")] {
        let refused = refused_document(server, &document).await;
        assert_eq!(
            refused,
            bad(StatusCode::BAD_REQUEST, "BAD_INPUT"),
            "{document}"
        );
    }
    let deep_json = format!(
        "{{\"query\":\"{{__typename}}\",\"variables\":{{\"a\":{}{}}}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    let batch = "[{\"query\":\"{__typename}\"}]".to_owned();
    for body in [
        deep_json,
        batch,
        "{\"query\":".to_owned(),
        "{\"query\":\"\u{0}".to_owned(),
    ] {
        let request = post(server)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.clone());
        let (status, _) = refused(request).await;
        assert_eq!(
            status,
            StatusCode::BAD_REQUEST,
            "{}",
            &body[..body.len().min(60)]
        );
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_told() {
    let server = Server::demo().await;
    let mut told = Vec::new();
    for document in [
        "{viewer {name}}",
        "{__schema {types {name}}}",
        "{usrs}",
        "{f(a:[[[[",
    ] {
        let request = ask(server, Method::POST, "/graphql").json(&json!({"query": document}));
        let answer = send(request).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{document}");
        assert_eq!(
            answer.headers()[header::WWW_AUTHENTICATE],
            "Bearer realm=\"seatwise\""
        );
        told.push(answer.text().await.unwrap());
    }
    let by_get = ask(
        server,
        Method::GET,
        "/graphql?query={__schema{types{name}}}",
    );
    told.push(send(by_get).await.text().await.unwrap());
    let in_address = format!("/graphql?access_token={TOKEN}&token={TOKEN}&query={{__typename}}");
    told.push(
        send(ask(server, Method::GET, &in_address))
            .await
            .text()
            .await
            .unwrap(),
    );
    for path in ["/metrics", "/export/users", "/export/nothing?x=1"] {
        let answer = send(ask(server, Method::GET, path)).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        told.push(answer.text().await.unwrap());
    }
    assert!(told.iter().all(|text| *text == told[0]), "{told:?}");
    assert!(told[0].contains("UNAUTHENTICATED"));

    let metrics = send(ask(server, Method::GET, "/metrics").bearer_auth(TOKEN)).await;
    assert_eq!(metrics.status(), StatusCode::OK);
    // With one, no name is guessed at.
    let request = post(server).json(&json!({"query": "{usrs {totalCont}}"}));
    let answer = send(request).await.text().await.unwrap();
    assert!(
        answer.contains("BAD_INPUT") && !answer.contains("mean"),
        "{answer}"
    );
}

#[tokio::test]
async fn who_guesses_tokens_has_to_wait() {
    let options = Options {
        users: 2,
        ..Options::default()
    };
    let server = Server::fresh(options).await;
    let guess = |token: &str| {
        ask(&server, Method::POST, "/graphql")
            .bearer_auth(token)
            .json(&json!({"query": "{__typename}"}))
    };
    let near = &TOKEN[..TOKEN.len() - 1];
    for _ in 0..10 {
        assert_eq!(
            refused(guess(near)).await,
            bad(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED")
        );
    }
    for path in ["/graphql", "/metrics", "/export/users", "/connect/contoso"] {
        let answer = send(ask(&server, Method::GET, path).bearer_auth(near)).await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        let wait: u64 = answer.headers()[header::RETRY_AFTER]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    // The right token does not wait: others sit behind the same address.
    data(&server, "{viewer {name}}", json!({})).await;
}

#[tokio::test]
async fn a_foreign_page_cannot_make_a_browser_change_anything() {
    let server = Server::demo().await;
    let tenant = server.tenant_id().await;
    let runs = "{syncRuns(first: 1) {totalCount nodes {id}}}";
    let before = data(server, runs, json!({})).await;
    let mutation = format!("mutation {{startSync(tenant: {}) {{id}}}}", json!(tenant));
    let body = json!({"query": mutation}).to_string();

    let by_get = ask(server, Method::GET, "/graphql")
        .bearer_auth(TOKEN)
        .query(&[("query", &mutation)]);
    assert_eq!(
        refused(by_get).await,
        bad(StatusCode::METHOD_NOT_ALLOWED, "BAD_INPUT")
    );
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
    ] {
        let request = post(server)
            .header(header::CONTENT_TYPE, content_type)
            .body(body.clone());
        assert_eq!(
            refused(request).await,
            bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_INPUT"),
            "{content_type}"
        );
    }
    let untyped = post(server).body(body.clone());
    assert_eq!(refused(untyped).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request = ask(server, method.clone(), "/graphql")
            .bearer_auth(TOKEN)
            .body(body.clone());
        assert_eq!(
            refused(request).await.0,
            StatusCode::METHOD_NOT_ALLOWED,
            "{method}"
        );
    }
    assert_eq!(data(server, runs, json!({})).await, before);
}

#[tokio::test]
async fn health_and_pages_are_open_and_named_hosts_only() {
    let server = Server::demo().await;
    let get = |path: &str| ask(server, Method::GET, path);
    let health: Value = send(get("/healthz")).await.json().await.unwrap();
    assert_eq!(health, json!({"status": "ok", "problems": {}}));
    let ready: Value = send(get("/readyz")).await.json().await.unwrap();
    assert_eq!(ready, json!({"status": "ready"}));
    for path in ["/", "/graphiql"] {
        assert_eq!(send(get(path)).await.status(), StatusCode::OK, "{path}");
    }
    for path in [
        "/",
        "/graphql",
        "/healthz",
        "/metrics",
        "/export/users",
        "/connect/contoso",
        "/nothing",
    ] {
        let renamed = get(path)
            .bearer_auth(TOKEN)
            .header(header::HOST, "evil.example");
        let answer = send(renamed).await;
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{path}");
        assert!(!answer.text().await.unwrap().contains("evil"), "{path}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_browsers() {
    let server = Server::demo().await;
    let foreign = |request: RequestBuilder| request.header(header::ORIGIN, "https://evil.example");
    let get = |path: &str| foreign(ask(server, Method::GET, path));
    let answers = [
        get("/"),
        get("/graphiql"),
        get("/graphql"),
        get("/healthz"),
        get("/nothing"),
        get("/connect/contoso?ticket=guess"),
        get("/connect/callback?state=guess"),
        get("/").header(header::HOST, "evil.example"),
        foreign(post(server)).json(&json!({"query": "{viewer {name}}"})),
        foreign(post(server)).json(&json!({"query": "{"})),
        foreign(ask(server, Method::OPTIONS, "/graphql"))
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST"),
    ];
    for request in answers {
        let answer = send(request).await;
        check_protected(answer.url().path(), answer.headers());
    }
}

fn check_protected(path: &str, headers: &HeaderMap) {
    let value = |name: &'static str| headers[HeaderName::from_static(name)].to_str().unwrap();
    let policy = value("content-security-policy");
    let directives: Vec<&str> = policy.split("; ").collect();
    for directive in [
        "default-src 'none'",
        "script-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(directives.contains(&directive), "{path}: {policy}");
    }
    assert!(
        !policy.contains("unsafe-eval") && !policy.contains('*') && !policy.contains("http"),
        "{path}: {policy}"
    );
    for (name, expected) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(value(name), expected, "{path}");
    }
    assert_eq!(value("x-request-id").len(), 32, "{path}");
    let is_cors = |name: &HeaderName| name.as_str().starts_with("access-control-");
    assert!(!headers.keys().any(is_cors), "{path}");
}
