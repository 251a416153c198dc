use wiremock::matchers::{body_string_contains, header as has_header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::config::Sources;
use crate::domain::sync_run::SyncState;

use super::*;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn remote(server: &MockServer) -> Remote {
    let mut remote = Remote::at(server.uri(), TOKEN.into()).unwrap();
    remote.poll_every = Duration::ZERO;
    remote
}

fn contoso() -> RemoteTenant {
    RemoteTenant {
        id: "T1".into(),
        key: "contoso".into(),
    }
}

fn run(state: &str) -> Value {
    json!({
        "id": "R1", "state": state, "progress": null, "problem": null,
        "tenant": { "key": "contoso" }, "datasets": [],
    })
}

fn node(state: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "data": { "node": run(state) } }))
}

/// Answers a question that contains `word`, as often as is said.
async fn answers(server: &MockServer, word: &str, times: u64, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path("/graphql"))
        .and(has_header("authorization", format!("Bearer {TOKEN}")))
        .and(body_string_contains(word))
        .respond_with(answer)
        .up_to_n_times(times)
        .expect(times)
        .mount(server)
        .await;
}

async fn asking(answer: ResponseTemplate) -> Result<Vec<RemoteTenant>, String> {
    let server = MockServer::start().await;
    answers(&server, "tenants", 1, answer).await;
    let tenants = remote(&server).tenants().await;
    tenants.map_err(|error| {
        let failure = Failure::from(error);
        format!(
            "{}: {}",
            failure.exit as u8,
            failure.message.replace(&server.uri(), "URL")
        )
    })
}

#[tokio::test]
async fn an_answer_is_read() {
    let answer = json!({ "data": { "tenants": [{ "id": "T1", "key": "contoso" }] } });
    let answer = ResponseTemplate::new(200).set_body_json(answer);
    assert_eq!(asking(answer).await, Ok(vec![contoso()]));
}

#[tokio::test]
async fn every_other_answer_is_one_line_and_an_exit_code() {
    let check = async |answer: ResponseTemplate, expected: &str| {
        assert_eq!(asking(answer).await, Err(expected.to_owned()));
    };
    let error = |code: &str| json!({ "errors": [{ "message": "In words.", "extensions": { "code": code } }] });
    let refused = "77: URL refused the token in SEATWISE_TOKEN";
    check(ResponseTemplate::new(401), refused).await;
    check(
        ResponseTemplate::new(200).set_body_json(error("UNAUTHENTICATED")),
        refused,
    )
    .await;
    check(
        ResponseTemplate::new(400).set_body_json(error("CONFLICT")),
        "1: In words.",
    )
    .await;
    let page = ResponseTemplate::new(404).set_body_string("<html>");
    check(page, "69: what answers at URL is not Seatwise (HTTP 404)").await;
    let empty = ResponseTemplate::new(200).set_body_json(json!({ "data": {} }));
    check(empty, "69: what answers at URL is not Seatwise (HTTP 200)").await;
    let elsewhere = ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/");
    check(
        elsewhere,
        "69: what answers at URL is not Seatwise (HTTP 302)",
    )
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let remote = Remote::at(base.clone(), TOKEN.into()).unwrap();
    assert_eq!(remote.tenants().await, Err(RemoteError::Unreachable(base)));
}

#[tokio::test]
async fn an_unknown_tenant_is_told_with_the_known_ones() {
    let server = MockServer::start().await;
    let answer = json!({ "data": { "tenants": [{ "id": "T1", "key": "contoso" }] } });
    answers(
        &server,
        "tenants",
        1,
        ResponseTemplate::new(200).set_body_json(answer),
    )
    .await;
    let key = TenantKey::parse("fabrikam").unwrap();
    let error = remote(&server).tenant(&key).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no tenant \"fabrikam\" on the server; it has: contoso"
    );
}

/// The states that following shows, and the one it ends with.
async fn followed(server: &MockServer) -> (Vec<SyncState>, Result<SyncState, RemoteError>) {
    let mut shown = Vec::new();
    let last = remote(server)
        .follow(&contoso(), "R1", |snapshot| shown.push(snapshot.state))
        .await;
    (shown, last.map(|snapshot| snapshot.state))
}

fn stream(states: &[&str]) -> ResponseTemplate {
    let event = |state: &&str| {
        let data = json!({ "data": { "syncProgress": run(state) } });
        format!(": ping\n\nevent: next\ndata: {data}\n\n")
    };
    let text: String = states.iter().map(event).collect();
    ResponseTemplate::new(200).set_body_raw(text, "text/event-stream")
}

#[tokio::test]
async fn a_run_is_followed_by_subscription_to_its_end() {
    let server = MockServer::start().await;
    answers(
        &server,
        "syncProgress",
        1,
        stream(&["RUNNING", "COMPLETE", "QUEUED"]),
    )
    .await;
    let (shown, last) = followed(&server).await;
    assert_eq!(shown, [SyncState::Running, SyncState::Complete]);
    assert_eq!(last, Ok(SyncState::Complete));
}

#[tokio::test]
async fn a_subscription_that_breaks_off_is_replaced_by_asking() {
    let server = MockServer::start().await;
    answers(&server, "syncProgress", 1, stream(&["RUNNING"])).await;
    answers(&server, "node", 1, node("RUNNING")).await;
    answers(&server, "node", 1, node("PARTIAL")).await;
    let (shown, last) = followed(&server).await;
    assert_eq!(
        shown,
        [SyncState::Running, SyncState::Running, SyncState::Partial]
    );
    assert_eq!(last, Ok(SyncState::Partial));
}

#[tokio::test]
async fn a_subscription_that_goes_on_with_a_later_run_is_not_taken_for_ours() {
    let server = MockServer::start().await;
    let data = json!({ "data": { "syncProgress": run("COMPLETE") } }).to_string();
    let later = format!("event: next\ndata: {}\n\n", data.replace("R1", "R2"));
    let later = ResponseTemplate::new(200).set_body_raw(later, "text/event-stream");
    answers(&server, "syncProgress", 1, later).await;
    answers(&server, "node", 1, node("FAILED")).await;
    assert_eq!(
        followed(&server).await,
        (vec![SyncState::Failed], Ok(SyncState::Failed))
    );
}

#[tokio::test]
async fn a_proxy_that_knows_no_streams_does_not_matter() {
    let server = MockServer::start().await;
    answers(&server, "syncProgress", 1, ResponseTemplate::new(406)).await;
    answers(&server, "node", 1, node("FAILED")).await;
    assert_eq!(followed(&server).await.1, Ok(SyncState::Failed));
}

#[tokio::test]
async fn a_run_that_the_server_forgot_is_a_failure() {
    let server = MockServer::start().await;
    answers(&server, "syncProgress", 1, ResponseTemplate::new(406)).await;
    let nothing = ResponseTemplate::new(200).set_body_json(json!({ "data": { "node": null } }));
    answers(&server, "node", 1, nothing).await;
    assert!(matches!(
        followed(&server).await.1,
        Err(RemoteError::Refused(_))
    ));
}

#[tokio::test]
async fn a_server_that_went_away_is_waited_for_but_not_for_ever() {
    // Every connection is closed without an answer.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut remote = Remote::at(base.clone(), TOKEN.into()).unwrap();
    remote.poll_every = Duration::ZERO;
    let mut connections = 0;
    let hang_up = async {
        while listener.accept().await.is_ok() {
            connections += 1;
        }
    };
    let tenant = contoso();
    let last = tokio::select! {
        last = remote.follow(&tenant, "R1", |_| ()) => last,
        () = hang_up => unreachable!("a listener that accepts for ever"),
    };
    assert_eq!(last.unwrap_err(), RemoteError::Unreachable(base));
    assert_eq!(connections, 1 + 1 + FAILED_POLLS_MAX); // the subscription, a question, its repetitions
}

fn found(settings: &[(&str, &str)]) -> Result<String, RemoteError> {
    let directory = tempfile::tempdir().unwrap();
    let environment: Environment = settings
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let config = Config::load(&Sources {
        file: None,
        environment: environment.clone(),
        directory: directory.path().to_owned(),
    });
    Remote::new(&config.unwrap(), &environment).map(|remote| remote.base)
}

#[test]
fn the_server_is_asked_where_it_listens() {
    let check = |listen: &str, expected: &str| {
        let settings = [
            ("SEATWISE_TOKEN", TOKEN),
            ("SEATWISE_SERVER__LISTEN", listen),
        ];
        assert_eq!(found(&settings), Ok(expected.to_owned()));
    };
    check("127.0.0.1:1", "http://127.0.0.1:1");
    check("0.0.0.0:80", "http://127.0.0.1:80");
    check("[::]:80", "http://[::1]:80");
    check("10.0.0.7:8365", "http://10.0.0.7:8365");
}

#[test]
fn what_is_missing_is_said() {
    let missing = "a server is to be asked at http://127.0.0.1:8365: set SEATWISE_TOKEN to its administrator's token";
    assert_eq!(found(&[]).unwrap_err().to_string(), missing);
    assert_eq!(
        found(&[("SEATWISE_TOKEN", " ")]).unwrap_err().to_string(),
        missing
    );
    let port = [
        ("SEATWISE_TOKEN", TOKEN),
        ("SEATWISE_SERVER__LISTEN", "127.0.0.1:0"),
    ];
    assert_eq!(found(&port), Err(RemoteError::PortUnknown));
}
