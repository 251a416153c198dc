use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::Response;
use reqwest::Url;
use serde_json::Value;
use sha2::Digest as _;
use sha2::Sha256;

use super::support::Visit;
use super::support::refusal_of;
use crate::simulator::Settings;
use crate::simulator::SignIn;

const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";
const BACK: &str = "http://localhost:8365/connect/callback";
const SCOPES: &str = "User.Read.All User.Read Group.Read.All Directory.Read.All Reports.Read.All AuditLog.Read.All offline_access";

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// The right request to the sign-in page, with what a test puts in its place; "" leaves it out.
async fn authorize(visit: &Visit, changes: &[(&str, &str)]) -> Response {
    let (client_id, challenge) = (visit.microsoft.client_id(), challenge());
    let mut query = vec![
        ("client_id", client_id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("scope", SCOPES),
        ("state", "a state & more"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        query.retain(|(other, _)| other != name);
        query.push((name, value));
    }
    query.retain(|(_, value)| !value.is_empty());
    let url = format!(
        "{}/{}/oauth2/v2.0/authorize",
        visit.microsoft.login_url(),
        visit.microsoft.domain()
    );
    visit.http.get(url).query(&query).send().await.unwrap()
}

/// A part of the query that the browser is sent back with.
fn sent_back(answer: &Response, name: &str) -> Option<String> {
    let location = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    assert!(location.as_str().starts_with(BACK), "{location}");
    location
        .query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

async fn redeem(visit: &Visit, changes: &[(&str, &str)]) -> Response {
    let (id, secret) = (visit.microsoft.client_id(), visit.microsoft.client_secret());
    let mut form = vec![
        ("client_id", id.as_str()),
        ("client_secret", secret.as_str()),
        ("grant_type", "authorization_code"),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
        ("scope", SCOPES),
    ];
    for (name, value) in changes {
        form.retain(|(other, _)| other != name);
        form.push((name, value));
    }
    form.retain(|(_, value)| !value.is_empty());
    visit.ask_token(visit.microsoft.domain(), &form).await
}

async fn code(visit: &Visit) -> String {
    sent_back(&authorize(visit, &[]).await, "code").unwrap()
}

/// The token answer to a sign-in.
pub(super) async fn signed_in(visit: &Visit) -> Value {
    let code = code(visit).await;
    let answer = redeem(visit, &[("code", &code)]).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

async fn refresh(visit: &Visit, token: &str) -> Response {
    redeem(
        visit,
        &[
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("code_verifier", ""),
            ("redirect_uri", ""),
        ],
    )
    .await
}

/// The AADSTS number of a refusal, whose shape is checked on the way.
pub(super) async fn aadsts(answer: Response) -> i64 {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert!(
        status.is_client_error() || status.is_server_error(),
        "{body}"
    );
    let number = body["error_codes"][0].as_i64().unwrap();
    let description = body["error_description"].as_str().unwrap();
    assert!(
        description.starts_with(&format!("AADSTS{number}: ")),
        "{description}"
    );
    for part in ["Trace ID", "Correlation ID", "Timestamp"] {
        assert!(description.contains(part), "{description}");
    }
    for key in ["error", "trace_id", "correlation_id", "timestamp"] {
        assert!(body[key].is_string(), "{body}");
    }
    number
}

#[tokio::test]
async fn a_sign_in_ends_with_tokens_that_graph_takes() {
    let mut visit = Visit::to(10).await;
    let back = authorize(&visit, &[]).await;
    assert_eq!(back.status(), 302);
    assert_eq!(sent_back(&back, "state").as_deref(), Some("a state & more"));
    let answer = signed_in(&visit).await;
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 3599);
    assert!(
        answer["scope"]
            .as_str()
            .unwrap()
            .split(' ')
            .any(|scope| scope == "User.Read.All")
    );
    assert_eq!(answer.get("id_token"), None);
    visit.token = answer["access_token"].as_str().unwrap().to_owned();
    assert_eq!(visit.get("/v1.0/users").await.status(), 200);
    let counted = visit.microsoft.token_requests();
    assert_eq!(
        (
            counted.authorize,
            counted.authorization_code,
            counted.client_credentials,
            counted.refused
        ),
        (2, 1, 1, 0)
    );
}

#[tokio::test]
async fn a_forged_sign_in_is_sent_back_with_an_error_or_not_sent_at_all() {
    let visit = Visit::to(10).await;
    let too_many = format!("{SCOPES} Mail.Read");
    for (changes, error) in [
        ([("response_type", "token")], "invalid_request"),
        ([("state", "")], "invalid_request"),
        ([("code_challenge_method", "plain")], "invalid_request"),
        ([("code_challenge_method", "")], "invalid_request"),
        ([("code_challenge", "short")], "invalid_request"),
        ([("scope", "User.Read offline_access")], "invalid_scope"),
        ([("scope", too_many.as_str())], "invalid_scope"),
    ] {
        let back = authorize(&visit, &changes).await;
        assert_eq!(
            sent_back(&back, "error").as_deref(),
            Some(error),
            "{changes:?}"
        );
        assert_eq!(sent_back(&back, "code"), None, "{changes:?}");
    }
    for changes in [
        [("client_id", "00000000-0000-4000-8000-000000000000")],
        [("redirect_uri", "https://evil.example/connect/callback")],
        [("redirect_uri", "http://localhost:8365/elsewhere")],
    ] {
        let page = authorize(&visit, &changes).await;
        assert_eq!(page.status(), 400, "{changes:?}");
        assert!(page.headers().get("location").is_none(), "{changes:?}");
        assert!(page.text().await.unwrap().contains("AADSTS"), "{changes:?}");
    }
    visit
        .microsoft
        .register_redirect_uri("http://localhost:9/connect/callback");
    assert_eq!(
        authorize(&visit, &[]).await.status(),
        400,
        "only what is registered"
    );
}

#[tokio::test]
async fn a_person_may_decline_lack_an_administrator_or_be_shown_a_page() {
    let visit = Visit::to(10).await;
    visit.microsoft.set_sign_in(SignIn::Declined);
    let back = authorize(&visit, &[]).await;
    assert_eq!(sent_back(&back, "error").as_deref(), Some("access_denied"));
    assert!(
        sent_back(&back, "error_description")
            .unwrap()
            .starts_with("AADSTS65004")
    );
    visit.microsoft.set_sign_in(SignIn::AdminConsentMissing);
    assert!(
        sent_back(&authorize(&visit, &[]).await, "error_description")
            .unwrap()
            .starts_with("AADSTS90094")
    );
    visit.microsoft.set_sign_in(SignIn::Page);
    let page = authorize(&visit, &[]).await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(
        page.contains("id=\"sign-in\"") && page.contains("code=") && page.contains(BACK),
        "{page}"
    );
}

#[tokio::test]
async fn a_code_is_for_one_use_of_its_verifier_and_its_address() {
    let visit = Visit::to(10).await;
    let fresh = code(&visit).await;
    assert_eq!(redeem(&visit, &[("code", &fresh)]).await.status(), 200);
    assert_eq!(
        aadsts(redeem(&visit, &[("code", &fresh)]).await).await,
        54_005
    );
    let other = code(&visit).await;
    assert_eq!(
        aadsts(
            redeem(
                &visit,
                &[
                    ("code", &other),
                    (
                        "code_verifier",
                        "another-verifier-of-forty-three-characters-..."
                    )
                ]
            )
            .await
        )
        .await,
        501_481
    );
    assert_eq!(
        aadsts(redeem(&visit, &[("code", &other)]).await).await,
        54_005,
        "spent by the attempt"
    );
    let third = code(&visit).await;
    assert_eq!(
        aadsts(
            redeem(
                &visit,
                &[
                    ("code", &third),
                    ("redirect_uri", "http://localhost:1/connect/callback")
                ]
            )
            .await
        )
        .await,
        500_112
    );
    assert_eq!(
        aadsts(redeem(&visit, &[("code", "made-up")]).await).await,
        70_000
    );
    assert_eq!(aadsts(redeem(&visit, &[]).await).await, 900_144);
}

#[tokio::test]
async fn codes_and_tokens_expire_by_the_clock() {
    let now = Arc::new(AtomicI64::new(1_800_000_000));
    let clock = Arc::clone(&now);
    let settings = Settings {
        users: 10,
        now: Some(Arc::new(move || {
            Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap()
        })),
        ..Settings::default()
    };
    let visit = Visit::with(settings).await;
    let code = code(&visit).await;
    now.fetch_add(10 * 60, Ordering::SeqCst);
    assert_eq!(
        aadsts(redeem(&visit, &[("code", &code)]).await).await,
        70_008
    );
    assert_eq!(visit.get("/v1.0/users").await.status(), 200);
    now.fetch_add(3000, Ordering::SeqCst);
    assert_eq!(
        visit.refusal("/v1.0/users").await,
        (401, "InvalidAuthenticationToken".to_owned())
    );
}

#[tokio::test]
async fn every_redemption_returns_another_refresh_token_and_the_old_one_lives_until_retired() {
    let visit = Visit::to(10).await;
    let first = signed_in(&visit).await["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer: Value = refresh(&visit, &first).await.json().await.unwrap();
    let second = answer["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(
        refresh(&visit, &first).await.status(),
        200,
        "not revoked at once"
    );
    visit.microsoft.retire_redeemed_refresh_tokens();
    assert_eq!(aadsts(refresh(&visit, &first).await).await, 50_173);
    assert_eq!(refresh(&visit, &second).await.status(), 200);
    visit.microsoft.revoke_refresh_tokens();
    assert_eq!(aadsts(refresh(&visit, &second).await).await, 50_173);
    let third = signed_in(&visit).await["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    visit.microsoft.expire_refresh_tokens();
    assert_eq!(aadsts(refresh(&visit, &third).await).await, 700_082);
    assert_eq!(aadsts(refresh(&visit, "made-up").await).await, 70_000);
    assert_eq!(visit.microsoft.token_requests().refresh_token, 7);
}

#[tokio::test]
async fn without_consent_nothing_is_refreshed_until_somebody_signs_in_again() {
    let visit = Visit::to(10).await;
    let token = signed_in(&visit).await["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    visit.microsoft.withdraw_consent();
    assert_eq!(aadsts(refresh(&visit, &token).await).await, 65_001);
    signed_in(&visit).await;
    assert_eq!(refresh(&visit, &token).await.status(), 200);
}

#[tokio::test]
async fn graph_refuses_tokens_that_it_does_not_know_or_that_were_ended() {
    let mut visit = Visit::to(10).await;
    visit.microsoft.expire_access_tokens();
    let answer = visit.get("/v1.0/users").await;
    assert!(
        answer.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Bearer")
    );
    assert_eq!(
        refusal_of(answer).await,
        (401, "InvalidAuthenticationToken".to_owned())
    );
    visit.token = visit.application_token().await;
    assert_eq!(visit.get("/v1.0/users").await.status(), 200);
    visit.token = "made-up".to_owned();
    assert_eq!(visit.get("/v1.0/users").await.status(), 401);
    let bare = visit
        .http
        .get(format!("{}/v1.0/users", visit.microsoft.graph_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 401);
}
