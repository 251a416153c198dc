//! The login service over real HTTP: what is sent to it, and what becomes of its answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::auth::{Credential, DELEGATED_SCOPES, Login, SignInError, SignInErrorKind, TokenAnswer};
use super::certificate::Certificate;
use super::certificate::tests::{RSA, verified};
use super::http::{Http, NetworkSettings};
use super::origin::Endpoints;
use super::testing::{FixedClock, TestTiming, endpoints_of};
use crate::domain::tenant::Cloud;

const CLIENT_ID: &str = "99999999-8888-7777-6666-555555555555";
const SECRET: &str = "s3cret~+/=&";

struct LoginBench {
    server: MockServer,
    login: Login,
    timing: Arc<TestTiming>,
}

impl LoginBench {
    async fn start(credential: Credential) -> Self {
        let server = MockServer::start().await;
        let timing = Arc::new(TestTiming::default());
        let login = login(endpoints_of(&server), credential).with_timing(timing.clone());
        Self {
            server,
            login,
            timing,
        }
    }

    /// A bench whose login service always answers this.
    async fn answering(answer: ResponseTemplate) -> Self {
        let bench = Self::start(Credential::Secret(SECRET.into())).await;
        bench.on(answer, u64::MAX).await;
        bench
    }

    async fn on(&self, answer: ResponseTemplate, times: u64) {
        Mock::given(method("POST"))
            .respond_with(answer)
            .up_to_n_times(times)
            .mount(&self.server)
            .await;
    }

    /// The forms that were posted.
    async fn forms(&self) -> Vec<HashMap<String, String>> {
        let requests = self.server.received_requests().await.unwrap();
        let form = |request: &wiremock::Request| {
            assert_eq!(request.url.path(), "/contoso.com/oauth2/v2.0/token");
            assert!(!request.headers.contains_key("authorization"));
            url::form_urlencoded::parse(&request.body)
                .into_owned()
                .collect()
        };
        requests.iter().map(form).collect()
    }

    async fn refresh(&self) -> Result<TokenAnswer, SignInError> {
        self.login.refresh(&SecretString::from("old")).await
    }

    async fn refusal(&self) -> SignInError {
        self.refresh().await.map(|_| ()).unwrap_err()
    }
}

fn login(endpoints: Endpoints, credential: Credential) -> Login {
    let http = Http::new(&NetworkSettings::default()).unwrap();
    let clock = Arc::new(FixedClock("2026-11-23T10:00:00Z".parse().unwrap()));
    Login::new(http, endpoints, "contoso.com", CLIENT_ID, credential, clock)
}

fn tokens() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "token_type": "Bearer", "expires_in": 4_242, "access_token": "access", "refresh_token": "new",
        "scope": "https://graph.microsoft.com/User.Read.All User.Read",
    }))
}

fn refusal(status: u16, error: &str, number: u32) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({
        "error": error, "error_description": format!("AADSTS{number}: ann@contoso.com"), "error_codes": [number],
    }))
}

fn redirect() -> Url {
    Url::parse("https://seatwise.example/connect/callback").unwrap()
}

fn query(url: &Url) -> HashMap<String, String> {
    url.query_pairs().into_owned().collect()
}

#[test]
fn the_browser_is_sent_to_consent_to_exactly_the_seven_scopes() {
    let endpoints = Endpoints::new(Cloud::Global, None, None).unwrap();
    let login = login(endpoints, Credential::Secret(SECRET.into()));
    let url = login.authorize_url(&redirect(), "st&te", "ch4llenge");
    let address = "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/authorize?";
    assert!(url.as_str().starts_with(address), "{url}");
    let expected = [
        ("response_type", "code"),
        ("response_mode", "query"),
        ("client_id", CLIENT_ID),
        ("state", "st&te"),
        ("redirect_uri", "https://seatwise.example/connect/callback"),
        ("code_challenge", "ch4llenge"),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
        (
            "scope",
            "User.Read.All User.Read Group.Read.All Directory.Read.All Reports.Read.All AuditLog.Read.All offline_access",
        ),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(query(&url), HashMap::from(expected));
}

#[test]
fn in_a_sovereign_cloud_the_scopes_name_its_own_graph() {
    let endpoints = Endpoints::new(Cloud::UsGovHigh, None, None).unwrap();
    let login = login(endpoints, Credential::Secret(SECRET.into()));
    let url = login.authorize_url(&redirect(), "s", "c");
    let scope = &query(&url)["scope"];
    let scopes: Vec<_> = scope.split(' ').collect();
    assert_eq!(scopes.len(), DELEGATED_SCOPES.len());
    assert_eq!(scopes[0], "https://graph.microsoft.us/User.Read.All");
    assert_eq!(scopes[6], "offline_access");
}

#[tokio::test]
async fn a_code_is_redeemed_with_its_verifier_and_the_secret_in_the_body() {
    let bench = LoginBench::answering(tokens()).await;
    let verifier = SecretString::from("v".repeat(43));
    let answer = bench
        .login
        .redeem_code("c0de", &verifier, &redirect())
        .await
        .unwrap();
    assert_eq!(answer.access_token.expose_secret(), "access");
    assert_eq!(answer.refresh_token.unwrap().expose_secret(), "new");
    assert_eq!(answer.expires_in, Duration::from_secs(4_242));
    assert_eq!(answer.scopes.unwrap(), ["User.Read.All", "User.Read"]);
    let form = &bench.forms().await[0];
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "c0de");
    assert_eq!(form["code_verifier"], "v".repeat(43));
    assert_eq!(form["redirect_uri"], redirect().as_str());
    assert_eq!(form["client_id"], CLIENT_ID);
    assert_eq!(form["client_secret"], SECRET);
    assert_eq!(form["scope"], DELEGATED_SCOPES.join(" "));
    assert!(!form.contains_key("client_assertion"));
}

#[tokio::test]
async fn a_refresh_token_is_redeemed_for_the_scopes_that_were_consented_to() {
    let bench = LoginBench::answering(tokens()).await;
    let answer = bench.refresh().await.unwrap();
    assert_eq!(answer.refresh_token.unwrap().expose_secret(), "new");
    let form = &bench.forms().await[0];
    assert_eq!(form["grant_type"], "refresh_token");
    assert_eq!(form["refresh_token"], "old");
    assert_eq!(form["client_secret"], SECRET);
    assert!(!form.contains_key("scope"));
}

#[tokio::test]
async fn an_application_signs_in_by_itself_and_gets_no_refresh_token() {
    let body = json!({"token_type": "Bearer", "access_token": "access"});
    let bench = LoginBench::answering(ResponseTemplate::new(200).set_body_json(body)).await;
    let answer = bench.login.client_credentials().await.unwrap();
    assert!(answer.refresh_token.is_none() && answer.scopes.is_none());
    assert_eq!(answer.expires_in, Duration::from_secs(3_600));
    let form = &bench.forms().await[0];
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], format!("{}/.default", bench.server.uri()));
}

#[tokio::test]
async fn a_certificate_signs_a_fresh_assertion_for_every_request() {
    let certificate = Certificate::from_pem(RSA.as_bytes()).unwrap();
    let bench = LoginBench::start(Credential::Certificate(certificate)).await;
    bench.on(ResponseTemplate::new(503), 1).await;
    bench.on(tokens(), 3).await;
    let verifier = SecretString::from("v".repeat(43));
    bench.login.client_credentials().await.unwrap();
    bench.refresh().await.unwrap();
    bench
        .login
        .redeem_code("c0de", &verifier, &redirect())
        .await
        .unwrap();
    let audience = format!("{}/contoso.com/oauth2/v2.0/token", bench.server.uri());
    let mut ids = std::collections::HashSet::new();
    for form in bench.forms().await {
        assert_eq!(
            form["client_assertion_type"],
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        assert!(!form.contains_key("client_secret"));
        let claims = verified(&form["client_assertion"], &audience);
        assert_eq!(claims["iss"], CLIENT_ID);
        ids.insert(claims["jti"].to_string());
    }
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn a_refused_sign_in_is_not_repeated() {
    let bench = LoginBench::answering(refusal(400, "invalid_grant", 700_082)).await;
    let error = bench.refusal().await;
    assert_eq!(
        (error.kind, error.aadsts),
        (SignInErrorKind::NeedsConsent, Some(700_082))
    );
    assert!(!error.message.contains("ann@"), "{error}");
    assert_eq!(bench.forms().await.len(), 1);

    let bench = LoginBench::answering(refusal(401, "invalid_client", 7_000_215)).await;
    let error = bench
        .login
        .client_credentials()
        .await
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.kind, SignInErrorKind::Misconfigured);
    assert!(!error.message.contains(SECRET), "{error}");
    assert_eq!(bench.forms().await.len(), 1);
}

#[tokio::test]
async fn being_told_of_a_loop_stops_the_loop() {
    let bench = LoginBench::answering(refusal(400, "invalid_grant", 50_196)).await;
    assert_eq!(bench.refusal().await.kind, SignInErrorKind::Transient);
    assert_eq!(bench.forms().await.len(), 1);
}

#[tokio::test]
async fn a_failing_login_service_is_asked_three_times() {
    for answer in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(503).set_body_string("<html>"),
        ResponseTemplate::new(429),
        refusal(400, "temporarily_unavailable", 90_055),
    ] {
        let bench = LoginBench::answering(answer).await;
        assert_eq!(bench.refusal().await.kind, SignInErrorKind::Transient);
        assert_eq!(bench.forms().await.len(), 3);
        assert_eq!(bench.timing.elapsed(), Duration::from_secs(1 + 2));
    }
}

#[tokio::test]
async fn a_short_wait_is_waited_for_and_a_long_one_handed_on() {
    let bench = LoginBench::start(Credential::Secret(SECRET.into())).await;
    bench
        .on(
            ResponseTemplate::new(429).insert_header("Retry-After", "20"),
            1,
        )
        .await;
    bench.on(tokens(), 1).await;
    assert!(bench.refresh().await.is_ok());
    assert_eq!(bench.timing.elapsed(), Duration::from_secs(20));

    let long = ResponseTemplate::new(429).insert_header("Retry-After", "120");
    let bench = LoginBench::answering(long).await;
    let error = bench.refusal().await;
    assert_eq!(error.kind, SignInErrorKind::Transient);
    assert!(error.message.contains("120 seconds"), "{error}");
    assert_eq!(
        (bench.forms().await.len(), bench.timing.elapsed()),
        (1, Duration::ZERO)
    );
}

async fn check_odd(answer: ResponseTemplate, kind: SignInErrorKind) {
    let error = LoginBench::answering(answer).await.refusal().await;
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.message.contains("login_url"), "{error}");
    assert!(!error.message.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn what_is_not_the_login_service_is_named_without_repeating_it() {
    let html = || "<html>hunter2</html>";
    check_odd(
        ResponseTemplate::new(200).set_body_raw(html(), "text/html"),
        SignInErrorKind::Transient,
    )
    .await;
    check_odd(
        ResponseTemplate::new(404).set_body_raw(html(), "text/html"),
        SignInErrorKind::Misconfigured,
    )
    .await;
    check_odd(
        ResponseTemplate::new(302).insert_header("Location", "http://127.0.0.2:1/"),
        SignInErrorKind::Misconfigured,
    )
    .await;
    let cut = json!({"access_token": "hunter2"}); // no token_type
    check_odd(
        ResponseTemplate::new(200).set_body_json(cut),
        SignInErrorKind::Transient,
    )
    .await;
    check_odd(
        ResponseTemplate::new(200).set_body_json(Value::Null),
        SignInErrorKind::Transient,
    )
    .await;
}

#[tokio::test]
async fn a_login_service_that_is_not_there_is_transient() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let endpoints = Endpoints::new(Cloud::Global, Some(&url), None).unwrap();
    let login = login(endpoints, Credential::Secret(SECRET.into()))
        .with_timing(Arc::new(TestTiming::default()));
    let error = login.client_credentials().await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind, SignInErrorKind::Transient);
    assert!(error.message.contains("127.0.0.1"), "{error}");
}

#[test]
fn a_callback_error_is_worded_like_any_other() {
    let error = SignInError::from_callback(
        "access_denied",
        Some("AADSTS65004: ann@contoso.com declined"),
    );
    assert_eq!(error.kind, SignInErrorKind::NeedsConsent);
    assert!(
        error
            .message
            .starts_with("AADSTS65004: Whoever signed in declined"),
        "{error}"
    );
}
