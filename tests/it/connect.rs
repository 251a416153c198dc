//! Connecting a tenant by a browser: there, back, and everything that is not a sign-in.

use std::collections::BTreeSet;

use reqwest::{StatusCode, Url};
use seatwise::simulator::{Fault, Host, SignIn};
use serde_json::{Value, json};

use crate::browser::{Browser, Page, parameter, with_parameter};
use crate::support::{Options, Server, TOKEN};

/// The cookie that binds the way back to the browser that went.
const COOKIE: &str = "seatwise_sign_in";

/// What the service account is asked for: no more, no less.
const SCOPES: [&str; 7] = [
    "AuditLog.Read.All",
    "Directory.Read.All",
    "Group.Read.All",
    "Reports.Read.All",
    "User.Read",
    "User.Read.All",
    "offline_access",
];

/// A server whose tenant waits for somebody to sign in.
pub(crate) async fn unconnected() -> Server {
    let options = Options {
        access: "delegated",
        ..Options::default()
    };
    tokio::task::spawn_blocking(|| Server::start(options))
        .await
        .unwrap()
}

/// A server whose tenant was connected by a browser and read once.
pub(crate) async fn connected() -> Server {
    let server = unconnected().await;
    sign_in(&server).await;
    server
}

/// Connects by a browser of its own; the first run after it is over, and complete.
pub(crate) async fn sign_in(server: &Server) {
    visit(server).await;
    assert_eq!(server.synced().await["state"], "COMPLETE");
}

/// Connects by a browser of its own; the first run after it has begun.
pub(crate) async fn visit(server: &Server) {
    let page = Browser::new().visit(&connect_url(server).await).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.text.contains("The tenant contoso is connected."),
        "{}",
        page.text
    );
}

/// A new address, with its ticket, that opens the flow.
pub(crate) async fn connect_url(server: &Server) -> Url {
    let connecting = change(server, "connectTenant(tenant: $tenant) {url}").await;
    let url = &connecting["data"]["connectTenant"]["url"];
    Url::parse(url.as_str().unwrap_or_else(|| panic!("{connecting}"))).unwrap()
}

/// The whole answer to one mutation of the tenant.
pub(crate) async fn change(server: &Server, field: &str) -> Value {
    let tenant = server.tenant_id().await;
    let document = format!("mutation ($tenant: ID!) {{{field}}}");
    server.query(&document, json!({"tenant": tenant})).await
}

/// The tenant as it stands.
pub(crate) async fn tenant(server: &Server) -> Value {
    let data = server
        .data("{tenants {access connection problem grantedScopes tenantId userCount nextSyncAt lastSync {state trigger}}}")
        .await;
    data["tenants"][0].clone()
}

/// A browser that signed in at Microsoft and was sent back, but has not come yet.
struct Returning {
    browser: Browser,
    callback: Url,
}

impl Returning {
    async fn to(server: &Server) -> Self {
        let mut browser = Browser::new();
        let begun = browser.step(&connect_url(server).await).await;
        let signed_in = browser.step(&begun.location.unwrap()).await;
        Self {
            browser,
            callback: signed_in.location.unwrap(),
        }
    }

    async fn arrive(&mut self) -> Page {
        self.browser.step(&self.callback).await
    }
}

#[track_caller]
fn says(page: &Page, status: StatusCode, words: &str) {
    assert_eq!(page.status, status, "{}", page.text);
    assert!(
        page.text.contains(words),
        "{words:?} is not in {}",
        page.text
    );
}

/// Whether nobody is connected, nothing was read, and so many codes were shown to Microsoft, in vain.
async fn check_nothing_came_of_it(server: &Server, codes_refused: u64) {
    let tenant = tenant(server).await;
    assert_eq!(tenant["connection"], "NEEDS_CONSENT");
    assert_eq!(tenant["grantedScopes"], Value::Null);
    assert_eq!(tenant["lastSync"], Value::Null);
    let refused = change(server, "startSync(tenant: $tenant) {id}").await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "CONFLICT");
    let asked = server.microsoft().token_requests();
    assert_eq!(
        (asked.total(), asked.refused),
        (codes_refused, codes_refused)
    );
}

#[tokio::test]
async fn a_service_account_signs_in_and_its_tenant_is_read() {
    let server = unconnected().await;
    let before = tenant(&server).await;
    assert_eq!(before["access"], "DELEGATED");
    assert_eq!(before["nextSyncAt"], Value::Null);
    assert!(
        before["problem"]
            .as_str()
            .unwrap()
            .contains("seatwise connect")
    );
    check_nothing_came_of_it(&server, 0).await;
    assert!(server.microsoft().requests().is_empty());

    let ticket = connect_url(&server).await;
    let public = format!("http://localhost:{}", server.address.port());
    assert!(
        ticket
            .as_str()
            .starts_with(&format!("{public}/connect/contoso?ticket="))
    );
    let mut browser = Browser::new();
    let begun = browser.step(&ticket).await;
    assert_eq!(begun.status, StatusCode::FOUND);
    let set_cookie = begun.set_cookie.unwrap();
    for attribute in ["Path=/connect", "HttpOnly", "SameSite=Lax", "Max-Age=600"] {
        assert!(set_cookie.contains(attribute), "{set_cookie}");
    }
    let authorize = begun.location.unwrap();
    check_authorize(&server, &authorize, &format!("{public}/connect/callback"));

    let callback = browser.step(&authorize).await.location.unwrap();
    assert_eq!(
        parameter(&callback, "state"),
        parameter(&authorize, "state")
    );
    assert!(browser.cookie(&callback, COOKIE).is_some());
    let page = browser.step(&callback).await;
    says(&page, StatusCode::OK, "The tenant contoso is connected.");
    assert_eq!(browser.cookie(&callback, COOKIE), None);

    assert_eq!(server.synced().await["state"], "COMPLETE");
    let after = tenant(&server).await;
    assert_eq!(after["connection"], "CONNECTED");
    assert_eq!(after["problem"], Value::Null);
    assert_eq!(after["lastSync"]["trigger"], "FIRST");
    assert_eq!(after["userCount"], server.microsoft().user_count());
    assert_eq!(after["tenantId"], server.microsoft().tenant_id());
    assert_ne!(after["nextSyncAt"], Value::Null);
    let granted: BTreeSet<&str> = after["grantedScopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scope| scope.as_str().unwrap())
        .collect();
    // offline_access is granted by the refresh token itself.
    assert_eq!(granted, BTreeSet::from_iter(SCOPES[..6].iter().copied()));
    let asked = server.microsoft().token_requests();
    assert_eq!((asked.authorize, asked.authorization_code), (1, 1));
    // The sign-in's own token is good for the first sync.
    assert_eq!((asked.total(), asked.refused), (1, 0));
}

fn check_authorize(server: &Server, url: &Url, redirect_uri: &str) {
    let microsoft = server.microsoft();
    let here = format!(
        "{}/{}/oauth2/v2.0/authorize?",
        microsoft.login_url(),
        microsoft.tenant_id()
    );
    assert!(url.as_str().starts_with(&here), "{url}");
    let scope = parameter(url, "scope");
    let graph = format!("{}/", microsoft.graph_url());
    let scopes: Vec<&str> = scope
        .split(' ')
        .map(|scope| scope.strip_prefix(&graph).unwrap_or(scope))
        .collect();
    assert_eq!(scopes.len(), SCOPES.len());
    assert_eq!(BTreeSet::from_iter(scopes), BTreeSet::from(SCOPES));
    for (name, expected) in [
        ("response_type", "code"),
        ("response_mode", "query"),
        ("client_id", microsoft.client_id().as_str()),
        ("redirect_uri", redirect_uri),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(parameter(url, name), expected, "{name}");
    }
    // SHA-256 and 244 random bits in base64url.
    assert_eq!(parameter(url, "code_challenge").len(), 43);
    assert_eq!(parameter(url, "state").len(), 43);
}

#[tokio::test]
async fn a_ticket_is_good_once_and_for_its_tenant_alone() {
    let options = Options {
        access: "delegated",
        ..Options::default()
    };
    let other = |key: &str| format!("TENANTS__FABRIKAM__{key}");
    let options = options
        .with(&other("TENANT_ID"), "fabrikam.example")
        .with(&other("CLIENT_ID"), "11111111-2222-4333-8444-555555555555")
        .with(&other("CLIENT_SECRET"), "of-nobody")
        .with(&other("ACCESS"), "delegated");
    let server = tokio::task::spawn_blocking(|| Server::start(options))
        .await
        .unwrap();
    let mut browser = Browser::new();

    let ticket = connect_url(&server).await;
    assert_eq!(browser.step(&ticket).await.status, StatusCode::FOUND);
    let used = browser.step(&ticket).await;
    says(&used, StatusCode::NOT_FOUND, "used already");
    assert_eq!(used.set_cookie, None);

    // What is refused is refused in the same words, whatever tenants there are.
    let ticket = connect_url(&server).await;
    for path in ["/connect/fabrikam", "/connect/nobody", "/connect/No%20Key"] {
        let mut elsewhere = connect_url(&server).await;
        elsewhere.set_path(path);
        let page = browser.step(&elsewhere).await;
        assert_eq!(
            (page.status, &page.text),
            (used.status, &used.text),
            "{path}"
        );
    }
    let guessed = browser
        .step(&with_parameter(&ticket, "ticket", Some("guess")))
        .await;
    assert_eq!((guessed.status, &guessed.text), (used.status, &used.text));
    let mut asked_without = Vec::new();
    for key in ["contoso", "nobody"] {
        let mut url = with_parameter(&ticket, "ticket", None);
        url.set_path(&format!("/connect/{key}"));
        let page = browser.step(&url).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
        asked_without.push(page.text);
    }
    assert_eq!(asked_without[0], asked_without[1]);
    assert_eq!(browser.step(&ticket).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn an_administrators_token_opens_the_flow_as_well_as_a_ticket() {
    let server = unconnected().await;
    let url = with_parameter(&connect_url(&server).await, "ticket", None);
    let mut browser = Browser::new();
    let refused = browser
        .step_with_token(&url, "a-token-that-was-guessed")
        .await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.set_cookie, None);
    let mut nobody = url.clone();
    nobody.set_path("/connect/nobody");
    let unknown = browser.step_with_token(&nobody, TOKEN).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);

    let begun = browser.step_with_token(&url, TOKEN).await;
    assert_eq!(begun.status, StatusCode::FOUND);
    let page = browser.visit(&begun.location.unwrap()).await;
    says(&page, StatusCode::OK, "The tenant contoso is connected.");
}

#[tokio::test]
async fn a_browser_that_came_by_another_name_goes_to_the_public_one_first() {
    let server = unconnected().await;
    let ticket = connect_url(&server).await;
    let mut elsewhere = ticket.clone();
    elsewhere.set_host(Some("127.0.0.1")).unwrap();
    let mut browser = Browser::new();
    let moved = browser.step(&elsewhere).await;
    assert_eq!(moved.status, StatusCode::FOUND);
    assert_eq!(moved.set_cookie, None);
    let there = moved.location.unwrap();
    assert_eq!(there.host_str(), Some("localhost"));
    assert_eq!(parameter(&there, "ticket"), parameter(&ticket, "ticket"));
    // The way there has not used the ticket up.
    let page = browser.visit(&there).await;
    says(&page, StatusCode::OK, "The tenant contoso is connected.");
}

/// Makes, of the address that this browser was sent back to and that of another, a false one.
type Forgery = fn(mine: &Url, theirs: &Url) -> Url;

const FORGERIES: [(&str, Forgery); 9] = [
    ("nothing at all", |mine, _| {
        let mut url = mine.clone();
        url.set_query(None);
        url
    }),
    ("no state", |mine, _| with_parameter(mine, "state", None)),
    ("an empty state", |mine, _| {
        with_parameter(mine, "state", Some(""))
    }),
    ("a guessed state", |mine, _| {
        with_parameter(mine, "state", Some(&"x".repeat(43)))
    }),
    ("the state twice", |mine, _| {
        let mut url = mine.clone();
        let state = parameter(mine, "state");
        url.query_pairs_mut().append_pair("state", &state);
        url
    }),
    ("no code", |mine, _| with_parameter(mine, "code", None)),
    ("the code twice", |mine, _| {
        let mut url = mine.clone();
        let code = parameter(mine, "code");
        url.query_pairs_mut().append_pair("code", &code);
        url
    }),
    ("the state of another browser", |mine, theirs| {
        with_parameter(mine, "state", Some(&parameter(theirs, "state")))
    }),
    ("all that another browser was sent with", |_, theirs| {
        theirs.clone()
    }),
];

#[tokio::test]
async fn a_forged_way_back_asks_microsoft_nothing_and_stores_nothing() {
    let server = unconnected().await;
    for (name, forge) in FORGERIES {
        let mut mine = Returning::to(&server).await;
        let theirs = Returning::to(&server).await;
        let forged = forge(&mine.callback, &theirs.callback);
        let page = mine.browser.step(&forged).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{name}");
        assert!(page.text.contains("was not begun here"), "{name}");
        check_nothing_came_of_it(&server, 0).await;
    }
    // A state is used up by the first who brings it, right or wrong.
    let mut mine = Returning::to(&server).await;
    let stolen = Browser::new().step(&mine.callback).await;
    says(&stolen, StatusCode::BAD_REQUEST, "was not begun here");
    says(
        &mine.arrive().await,
        StatusCode::BAD_REQUEST,
        "was not begun here",
    );
    check_nothing_came_of_it(&server, 0).await;
}

#[tokio::test]
async fn a_way_back_is_gone_once_and_a_code_is_shown_once() {
    let server = unconnected().await;
    let mut first = Returning::to(&server).await;
    let mut second = Returning::to(&server).await;
    says(&first.arrive().await, StatusCode::OK, "is connected");
    assert_eq!(server.synced().await["state"], "COMPLETE");
    says(
        &first.arrive().await,
        StatusCode::BAD_REQUEST,
        "was not begun here",
    );
    assert_eq!(server.microsoft().token_requests().total(), 1);

    let code = parameter(&first.callback, "code");
    second.callback = with_parameter(&second.callback, "code", Some(&code));
    says(&second.arrive().await, StatusCode::OK, "AADSTS54005");
    // What was connected before stays so.
    assert_eq!(tenant(&server).await["connection"], "CONNECTED");
    server.microsoft().expire_access_tokens();
    assert_eq!(server.sync().await["state"], "COMPLETE");
}

#[tokio::test]
async fn a_code_of_another_sign_in_does_not_fit_the_one_that_was_begun() {
    let server = unconnected().await;
    let mut mine = Returning::to(&server).await;
    let code = parameter(&Returning::to(&server).await.callback, "code");
    mine.callback = with_parameter(&mine.callback, "code", Some(&code));
    says(&mine.arrive().await, StatusCode::OK, "Not connected");
    check_nothing_came_of_it(&server, 1).await;
}

#[tokio::test]
async fn who_declines_or_may_not_consent_is_told_so_in_our_words() {
    let server = unconnected().await;
    for (sign_in, words) in [
        (SignIn::Declined, "AADSTS65004: Whoever signed in declined"),
        (
            SignIn::AdminConsentMissing,
            "AADSTS90094: Only an administrator",
        ),
    ] {
        server.microsoft().set_sign_in(sign_in);
        let mut returning = Returning::to(&server).await;
        assert!(returning.callback.query().unwrap().contains("error="));
        says(&returning.arrive().await, StatusCode::OK, words);
        check_nothing_came_of_it(&server, 0).await;
    }
    // Microsoft's own sentence may hold names, and an attacker's may hold anything.
    let mut returning = Returning::to(&server).await;
    let hostile = "AADSTS65004: Ann Lee <ann.lee@contoso.com> <script>alert(1)</script> declined";
    returning.callback = with_parameter(&returning.callback, "error_description", Some(hostile));
    let page = returning.arrive().await;
    says(
        &page,
        StatusCode::OK,
        "AADSTS65004: Whoever signed in declined",
    );
    for part in ["Ann", "ann.lee", "contoso.com", "script"] {
        assert!(!page.text.contains(part), "{part}: {}", page.text);
    }
    let mut returning = Returning::to(&server).await;
    returning.callback = with_parameter(&returning.callback, "error", Some("<b>ann.lee</b>"));
    let page = returning.arrive().await;
    assert!(!page.text.contains("ann.lee"), "{}", page.text);
    check_nothing_came_of_it(&server, 0).await;
}

#[tokio::test]
async fn an_organization_that_is_not_the_configured_one_is_refused_with_words() {
    let server = unconnected().await;
    let stranger = "99999999-9999-4999-8999-999999999999";
    let organization = || Fault::on("/v1.0/organization").first(1);
    server
        .microsoft()
        .fault(organization().organization_id(stranger));
    let page = Returning::to(&server).await.arrive().await;
    let words = format!("The organization that answered is {stranger}");
    says(&page, StatusCode::OK, &words);
    says(&page, StatusCode::OK, "Correct tenant_id");
    let tenant = tenant(&server).await;
    assert_eq!(tenant["connection"], "NEEDS_CONSENT");
    assert_eq!(tenant["grantedScopes"], Value::Null);
    check_no_token_is_stored(&server).await;

    server.microsoft().fault(organization().html());
    let page = Returning::to(&server).await.arrive().await;
    says(&page, StatusCode::OK, "Not connected");
    check_no_token_is_stored(&server).await;
    sign_in(&server).await;
}

/// Whether there is nothing that could be redeemed: Microsoft is not even asked.
pub(crate) async fn check_no_token_is_stored(server: &Server) {
    let key = seatwise::domain::ids::TenantKey::parse("contoso").unwrap();
    let asked = server.microsoft().requests().len();
    let probed = server.coordinator.probe(&key).await.unwrap();
    for (dataset, result) in probed {
        let problem = result.unwrap_err().message;
        assert!(
            problem.contains("Nobody has signed in"),
            "{dataset:?}: {problem}"
        );
    }
    assert_eq!(server.microsoft().requests().len(), asked);
}

#[tokio::test]
async fn a_sign_in_without_a_refresh_token_is_refused_with_words() {
    let server = unconnected().await;
    server
        .microsoft()
        .fault(Fault::at_token().first(1).rewrite(|answer| {
            answer.as_object_mut().unwrap().remove("refresh_token");
        }));
    let page = Returning::to(&server).await.arrive().await;
    says(&page, StatusCode::OK, "offline_access");
    assert_eq!(tenant(&server).await["connection"], "NEEDS_CONSENT");
    check_no_token_is_stored(&server).await;
}

#[tokio::test]
async fn an_application_needs_no_browser() {
    let server = Server::fresh(Options::default()).await;
    let connecting = change(&server, "connectTenant(tenant: $tenant) {url}").await;
    assert_eq!(connecting["data"]["connectTenant"]["url"], Value::Null);
    let url = Url::parse(&format!(
        "http://localhost:{}/connect/contoso",
        server.address.port()
    ));
    let page = Browser::new().step_with_token(&url.unwrap(), TOKEN).await;
    says(&page, StatusCode::CONFLICT, "no browser is needed");
    let signed_in = |request: &seatwise::simulator::RecordedRequest| {
        request.host == Host::Login && request.path().ends_with("/authorize")
    };
    assert!(!server.microsoft().requests().iter().any(signed_in));
}
