//! The life and death of a connection: tokens that rotate, that die, that are deleted.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use reqwest::StatusCode;
use seatwise::simulator::{Fault, Handle, Settings, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::Browser;
use crate::connect::{change, check_no_token_is_stored, connect_url, connected, sign_in, tenant};
use crate::hold::Hold;
use crate::support::process::Process;
use crate::support::{Options, Server, TOKEN, dataset, environment, tenant_settings};

/// Settings that keep the store in a directory of the test, so that one server can follow another.
fn settings_in(directory: &TempDir, microsoft: &Handle) -> Vec<(String, String)> {
    let mut settings = tenant_settings(microsoft, "delegated");
    let data = directory.path().join("data");
    settings.push((
        "STORAGE__URL".to_owned(),
        format!("sled:{}", data.display()),
    ));
    settings
}

async fn start_with(settings: &[(String, String)]) -> Server {
    let settings = settings.to_owned();
    tokio::task::spawn_blocking(move || Server::start_with(&settings))
        .await
        .unwrap()
}

async fn stop(server: Server) {
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
}

#[tokio::test]
async fn each_refresh_token_is_followed_by_the_next_also_across_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let microsoft = Simulator::start(Settings::default()).unwrap();
    let settings = settings_in(&directory, &microsoft);
    let server = start_with(&settings).await;
    sign_in(&server).await;
    for refreshes in 1..=3 {
        // Only the newest refresh token is good now.
        microsoft.expire_access_tokens();
        microsoft.retire_redeemed_refresh_tokens();
        assert_eq!(server.sync().await["state"], "COMPLETE");
        assert_eq!(microsoft.token_requests().refresh_token, refreshes);
    }
    stop(server).await;
    microsoft.retire_redeemed_refresh_tokens();
    let server = start_with(&settings).await;
    assert_eq!(tenant(&server).await["connection"], "CONNECTED");
    assert_eq!(server.sync().await["state"], "COMPLETE");
    let asked = microsoft.token_requests();
    assert_eq!((asked.refresh_token, asked.refused), (4, 0));
}

#[tokio::test]
async fn a_new_refresh_token_is_durable_before_anything_is_asked_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let microsoft = Simulator::start(Settings::default()).unwrap();
    let settings = settings_in(&directory, &microsoft);
    let server = start_with(&settings).await;
    sign_in(&server).await;
    stop(server).await;

    let process = serve(directory.path(), &settings);
    let organization = Hold::at(&microsoft, Fault::on("/v1.0/organization"));
    let mutation = format!(
        "mutation {{startSync(tenant: {}) {{id}}}}",
        ask(&process, "{tenants {id}}").await["data"]["tenants"][0]["id"]
    );
    ask(&process, &mutation).await;
    organization.reached().await;
    process.kill();
    assert_eq!(microsoft.token_requests().refresh_token, 1);

    drop(organization);
    microsoft.retire_redeemed_refresh_tokens();
    let server = start_with(&settings).await;
    assert_eq!(server.sync().await["state"], "COMPLETE");
    let asked = microsoft.token_requests();
    assert_eq!((asked.refresh_token, asked.refused), (2, 0));
}

fn serve(directory: &Path, settings: &[(String, String)]) -> Process {
    Process::serve(directory, &environment(settings)).unwrap_or_else(|output| panic!("{output:?}"))
}

async fn ask(process: &Process, document: &str) -> Value {
    let request = reqwest::Client::new()
        .post(format!("{}/graphql", process.url))
        .bearer_auth(TOKEN)
        .json(&json!({"query": document}));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer.get("errors"), None, "{document}");
    answer
}

#[tokio::test]
async fn all_who_need_a_token_at_once_share_one_refresh() {
    let server = connected().await;
    // Users and licenses are asked for side by side, both with the token that died under them.
    let microsoft = server.microsoft().clone();
    let organization = Fault::on("/v1.0/organization").first(1);
    server
        .microsoft()
        .fault(organization.rewrite(move |_| microsoft.expire_access_tokens()));
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    let asked = server.microsoft().token_requests();
    assert_eq!((asked.refresh_token, asked.refused), (1, 0));
}

/// How a sign-in dies, and what is said of it.
type Death = (fn(&Handle), &'static str, &'static str);

const DEATHS: [Death; 3] = [
    (
        Handle::revoke_refresh_tokens,
        "AADSTS50173: ",
        "the service account's password",
    ),
    (Handle::expire_refresh_tokens, "AADSTS700082: ", "90 days"),
    (
        Handle::withdraw_consent,
        "AADSTS65001: ",
        "Grant admin consent",
    ),
];

#[tokio::test]
async fn a_dead_sign_in_asks_for_a_new_one_and_microsoft_only_once() {
    let server = connected().await;
    let held = server.user_count().await;
    for (kill, number, remedy) in DEATHS {
        server.microsoft().add_users(1);
        kill(server.microsoft());
        server.microsoft().expire_access_tokens();
        let before = server.microsoft().token_requests();
        let run = server.sync().await;
        assert_eq!(run["state"], "FAILED", "{number}");
        assert_eq!(dataset(&run, "USERS")["state"], "SKIPPED");
        let tenant = tenant(&server).await;
        assert_eq!(tenant["connection"], "NEEDS_CONSENT");
        assert_eq!(tenant["nextSyncAt"], Value::Null);
        for problem in [&run["problem"], &tenant["problem"]] {
            let problem = problem.as_str().unwrap();
            assert!(
                problem.contains(number) && problem.contains(remedy),
                "{problem}"
            );
        }
        for _ in 0..3 {
            server.coordinator.tick().await;
            let refused = change(&server, "startSync(tenant: $tenant) {id}").await;
            let error = &refused["errors"][0];
            assert_eq!(error["extensions"]["code"], "CONFLICT");
            assert!(
                error["message"].as_str().unwrap().contains(number),
                "{error}"
            );
        }
        let after = server.microsoft().token_requests();
        assert_eq!(after.refresh_token, before.refresh_token + 1);
        assert_eq!(after.total(), before.total() + 1);
        // What was read stays readable; the new sign-in reads what came since.
        assert_eq!(
            server.user_count().await,
            tenant["userCount"].as_u64().unwrap()
        );
        assert_eq!(server.last_run().await["id"], run["id"]);
        sign_in(&server).await;
        assert_eq!(server.last_run().await["trigger"], "MANUAL");
        assert_eq!(server.user_count().await, server.microsoft().user_count());
    }
    assert_eq!(server.user_count().await, held + DEATHS.len() as u64);
}

#[tokio::test]
async fn disconnecting_deletes_the_tokens_and_stops_what_runs() {
    let server = connected().await;
    let held = server.user_count().await;
    server.microsoft().fault(Fault::at("/v1.0/users").hang());
    let started = change(&server, "startSync(tenant: $tenant) {id}").await;
    let disconnected = change(
        &server,
        "disconnectTenant(tenant: $tenant) {connection grantedScopes}",
    )
    .await;
    assert_eq!(
        disconnected["data"]["disconnectTenant"],
        json!({"connection": "DISCONNECTED", "grantedScopes": null})
    );
    let run = server.last_run().await;
    assert_eq!(run["id"], started["data"]["startSync"]["id"]);
    assert_eq!(run["state"], "CANCELED");
    assert_eq!(server.user_count().await, held);
    check_no_token_is_stored(&server).await;

    // An address that was handed out before leads nowhere; only a new one does.
    server.microsoft().clear_faults();
    let url = connect_url(&server).await;
    assert_eq!(tenant(&server).await["connection"], "NEEDS_CONSENT");
    change(&server, "disconnectTenant(tenant: $tenant) {id}").await;
    let page = Browser::new().visit(&url).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    sign_in(&server).await;
}

#[tokio::test]
async fn a_sign_in_that_was_begun_before_the_disconnect_connects_nothing() {
    let server = connected().await;
    let mut browser = Browser::new();
    let begun = browser.step(&connect_url(&server).await).await;
    let back = browser
        .step(&begun.location.unwrap())
        .await
        .location
        .unwrap();
    // The code is redeemed already when somebody disconnects.
    let organization = Hold::at(server.microsoft(), Fault::on("/v1.0/organization"));
    let disconnecting = async {
        organization.reached().await;
        let disconnected = change(&server, "disconnectTenant(tenant: $tenant) {connection}").await;
        drop(organization);
        disconnected
    };
    let (page, disconnected) = tokio::join!(browser.step(&back), disconnecting);
    assert_eq!(
        disconnected["data"]["disconnectTenant"]["connection"],
        "DISCONNECTED"
    );
    assert!(page.text.contains("Not connected"), "{}", page.text);
    assert_eq!(tenant(&server).await["connection"], "DISCONNECTED");
    check_no_token_is_stored(&server).await;
}

#[tokio::test]
async fn a_token_that_comes_after_the_disconnect_is_not_kept() {
    let server = connected().await;
    server.microsoft().expire_access_tokens();
    let token = Hold::at(server.microsoft(), Fault::at_token());
    change(&server, "startSync(tenant: $tenant) {id}").await;
    token.reached().await;
    // Nobody waits for Microsoft to disconnect.
    let disconnected = change(&server, "disconnectTenant(tenant: $tenant) {connection}").await;
    assert_eq!(
        disconnected["data"]["disconnectTenant"]["connection"],
        "DISCONNECTED"
    );
    drop(token);
    check_no_token_is_stored(&server).await;
    assert_eq!(tenant(&server).await["connection"], "DISCONNECTED");
}

#[tokio::test]
async fn purging_deletes_the_facts_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let microsoft = Simulator::start(Settings::default()).unwrap();
    let settings = settings_in(&directory, &microsoft);
    let server = start_with(&settings).await;
    sign_in(&server).await;
    let purged = change(
        &server,
        "disconnectTenant(tenant: $tenant, purge: true) {connection userCount tenantId lastSync {id}}",
    )
    .await;
    let nothing = json!({"connection": "DISCONNECTED", "userCount": 0, "tenantId": microsoft.tenant_id(), "lastSync": null});
    assert_eq!(purged["data"]["disconnectTenant"], nothing);
    stop(server).await;
    let server = start_with(&settings).await;
    server.coordinator.tick().await;
    assert_eq!(server.user_count().await, 0);
    assert_eq!(tenant(&server).await["connection"], "DISCONNECTED");
    let runs = server.data("{syncRuns(first: 1) {totalCount}}").await;
    assert_eq!(runs["syncRuns"]["totalCount"], 0);
    sign_in(&server).await;
    assert_eq!(server.user_count().await, microsoft.user_count());
}

#[tokio::test]
async fn a_wrong_secret_is_the_configurations_fault_until_it_is_right() {
    let microsoft = Simulator::start(Settings::default()).unwrap();
    let server = tokio::task::spawn_blocking(|| {
        let options =
            Options::default().with("TENANTS__CONTOSO__CLIENT_SECRET", "the-id-of-the-secret");
        Server::start_against(microsoft, options)
    });
    let server = server.await.unwrap();
    let run = server.synced().await;
    assert_eq!(run["state"], "FAILED");
    let wrong = tenant(&server).await;
    assert_eq!(wrong["connection"], "MISCONFIGURED");
    for problem in [&run["problem"], &wrong["problem"]] {
        let problem = problem.as_str().unwrap();
        assert!(problem.contains("AADSTS7000215: "), "{problem}");
        assert!(problem.contains("copy its value"), "{problem}");
    }
    let asked = server.microsoft().token_requests();
    assert_eq!((asked.client_credentials, asked.refused), (1, 1));

    server.microsoft().set_client_secret("the-id-of-the-secret");
    let connecting = change(
        &server,
        "connectTenant(tenant: $tenant) {url tenant {connection problem}}",
    )
    .await;
    let right = json!({"url": null, "tenant": {"connection": "CONNECTED", "problem": null}});
    assert_eq!(connecting["data"]["connectTenant"], right);
    assert_eq!(server.synced().await["state"], "COMPLETE");
}

#[tokio::test]
async fn a_certificate_signs_in_where_it_is_registered() {
    const PEM: &str = include_str!("../../src/msgraph/fixtures/rsa.pem");
    const OTHER: &str = include_str!("../../src/msgraph/fixtures/other_certificate.pem");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("contoso.pem");
    let mut options = std::fs::OpenOptions::new();
    let mut written = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
        .unwrap();
    std::io::Write::write_all(&mut written, PEM.as_bytes()).unwrap();

    for (access, is_registered) in [("app", true), ("app", false), ("delegated", true)] {
        let microsoft = Simulator::start(Settings::default()).unwrap();
        assert!(microsoft.register_certificate(if is_registered { PEM } else { OTHER }));
        let mut settings = tenant_settings(&microsoft, access);
        settings.retain(|(name, _)| !name.ends_with("CLIENT_SECRET"));
        settings.push((
            "TENANTS__CONTOSO__CERTIFICATE_FILE".to_owned(),
            file.display().to_string(),
        ));
        let server = start_with(&settings).await;
        if access == "delegated" {
            sign_in(&server).await;
            continue;
        }
        let run = server.synced().await;
        let tenant = tenant(&server).await;
        if is_registered {
            assert_eq!(
                (&run["state"], &tenant["connection"]),
                (&json!("COMPLETE"), &json!("CONNECTED"))
            );
        } else {
            assert_eq!(
                (&run["state"], &tenant["connection"]),
                (&json!("FAILED"), &json!("MISCONFIGURED"))
            );
            assert!(
                tenant["problem"]
                    .as_str()
                    .unwrap()
                    .contains("AADSTS700027: ")
            );
        }
    }
}
