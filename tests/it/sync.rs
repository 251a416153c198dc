//! What a sync does when Microsoft answers well, badly or not at all.

use seatwise::simulator::{DeltaEnd, Fault, Listener, RetryAfter, Settings, Simulator};
use serde_json::json;

use crate::support::{Options, Server, dataset};

async fn fresh() -> Server {
    Server::fresh(Options::default()).await
}

/// A server whose first sync meets a prepared Microsoft.
async fn against(prepare: impl FnOnce(&Simulator) + Send + 'static) -> Server {
    let server = tokio::task::spawn_blocking(|| {
        let simulator = Simulator::start(Settings::default()).unwrap();
        prepare(&simulator);
        Server::start_against(simulator, Options::default())
    });
    let server = server.await.unwrap();
    server.synced().await;
    server
}

/// A synced server whose next run is not told what changed, and must read the whole list.
async fn before_a_full_list() -> Server {
    let server = fresh().await;
    server
        .microsoft()
        .expire_delta_tokens(DeltaEnd::Gone410WithLocation);
    server
}

#[tokio::test]
async fn the_first_sync_reads_every_user_and_license() {
    let server = fresh().await;
    let run = server.last_run().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(run["trigger"], "FIRST");
    assert_eq!(run["progress"], 1.0);
    assert_eq!(server.user_count().await, server.microsoft().user_count());
    assert_eq!(
        dataset(&run, "USERS")["rows"],
        server.microsoft().user_count()
    );
    let seats = server
        .data("{licenses(first: 100) {nodes {value seats {consumed}}}}")
        .await;
    for license in seats["licenses"]["nodes"].as_array().unwrap() {
        let value = license["value"].as_str().unwrap();
        let used = server
            .microsoft()
            .seats_in_use()
            .get(value)
            .copied()
            .unwrap_or(0);
        assert_eq!(license["seats"]["consumed"], used, "{value}");
    }
}

#[tokio::test]
async fn a_sync_without_changes_says_so_and_changes_nothing() {
    let server = fresh().await;
    let everybody = "{users(first: 500) {nodes {id displayName department licenseNames}}}";
    let before = server.data(everybody).await;
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    for name in ["ORGANIZATION", "USERS", "LICENSES"] {
        assert_eq!(dataset(&run, name)["state"], "UNCHANGED", "{name}");
    }
    assert_eq!(server.data(everybody).await, before);
}

#[tokio::test]
async fn changed_added_and_removed_users_are_seen_after_the_next_sync() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let before = microsoft.user_count();
    microsoft.change_users(5, 1);
    let added = microsoft.add_users(7);
    let removed = microsoft.remove_users(3);
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(dataset(&run, "USERS")["state"], "COMPLETE");
    assert_eq!(server.user_count().await, before + 7 - 3);
    let find = "query ($id: ID!) {user(by: {objectId: $id}) {objectId}}";
    let found = server.query(find, json!({"id": added[0]})).await;
    assert_eq!(found["data"]["user"]["objectId"], added[0]);
    let gone = server.query(find, json!({"id": removed[0]})).await;
    assert_eq!(gone["data"]["user"], json!(null));
}

#[tokio::test]
async fn a_throttled_sync_obeys_the_wait_and_completes() {
    let server = against(|microsoft| {
        microsoft.fault(
            Fault::at("/v1.0/users/delta")
                .first(1)
                .throttle(RetryAfter::Seconds(1)),
        );
        microsoft.fault(
            Fault::on("/v1.0/subscribedSkus")
                .first(1)
                .unavailable(RetryAfter::Missing),
        );
    })
    .await;
    let run = server.last_run().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(dataset(&run, "USERS")["throttledRequests"], 1);
    let asked = server.microsoft().requests_to("/v1.0/users/delta");
    assert!(asked[1].at.duration_since(asked[0].at).as_secs_f64() >= 1.0);
}

#[tokio::test]
async fn a_failure_on_any_page_keeps_the_snapshot_before() {
    // Three pages; the few who signed in since are listed at the same path meanwhile.
    let server = Server::fresh(Options {
        users: 2_500,
        ..Options::default()
    })
    .await;
    let held = server.user_count().await;
    let microsoft = server.microsoft();
    microsoft.expire_delta_tokens(DeltaEnd::Gone410WithLocation);
    microsoft.add_users(5);
    for good in 0..=2 {
        microsoft.clear_faults();
        microsoft.fault(Fault::at("/v1.0/users").after(good).html());
        let run = server.sync().await;
        assert_eq!(run["state"], "FAILED", "after {good} pages");
        let problem = dataset(&run, "USERS")["problem"].as_str().unwrap();
        assert!(problem.starts_with("BAD_RESPONSE: "), "{problem}");
        assert_eq!(server.user_count().await, held);
    }
    microsoft.clear_faults();
    assert_eq!(server.sync().await["state"], "COMPLETE");
    assert_eq!(server.user_count().await, held + 5);
}

#[tokio::test]
async fn a_failure_on_any_page_of_changes_loses_none_of_them() {
    let server = fresh().await;
    let held = server.user_count().await;
    let microsoft = server.microsoft();
    microsoft.set_log_limits(false);
    microsoft.set_delta_page_rows(10);
    microsoft.add_users(25);
    for page in 1..=3 {
        microsoft.clear_faults();
        microsoft.fault(Fault::at("/v1.0/users/delta").nth(page).html());
        let run = server.sync().await;
        assert_eq!(run["state"], "FAILED", "page {page}");
        let problem = dataset(&run, "USERS")["problem"].as_str().unwrap();
        assert!(problem.starts_with("BAD_RESPONSE: "), "{problem}");
        assert_eq!(server.user_count().await, held);
    }
    microsoft.clear_faults();
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(dataset(&run, "USERS")["rows"], 25);
    assert_eq!(server.user_count().await, held + 25);
}

#[tokio::test]
async fn lying_answers_fail_the_run_by_kind() {
    let server = before_a_full_list().await;
    let held = server.user_count().await;
    let cases: [(Fault, &str); 4] = [
        (Fault::at("/v1.0/users").empty_body(), "BAD_RESPONSE"),
        (Fault::at("/v1.0/users").deep_nesting(100_000), "QUARANTINE"),
        (Fault::at("/v1.0/users").next_link_to_itself(), "LOOP"),
        (Fault::at("/v1.0/users").status(403), "PERMISSION"),
    ];
    for (fault, code) in cases {
        server.microsoft().clear_faults();
        server.microsoft().fault(fault);
        let run = server.sync().await;
        assert_eq!(run["state"], "FAILED", "{code}");
        let problem = dataset(&run, "USERS")["problem"].as_str().unwrap();
        assert!(problem.starts_with(code), "{code}: {problem}");
        assert_eq!(server.user_count().await, held);
    }
}

#[tokio::test]
async fn a_link_to_another_host_is_never_followed() {
    let listener = Listener::start("127.0.0.2").unwrap();
    let server = before_a_full_list().await;
    server.microsoft().fault(
        Fault::at("/v1.0/users").next_link(&format!("{}/v1.0/users?page=2", listener.url())),
    );
    let run = server.sync().await;
    assert_eq!(run["state"], "FAILED");
    let problem = dataset(&run, "USERS")["problem"].as_str().unwrap();
    assert!(problem.starts_with("UNTRUSTED_LINK: "), "{problem}");
    assert_eq!(listener.connections(), 0);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_left_out_and_counted() {
    let server =
        against(|microsoft| microsoft.fault(Fault::at("/v1.0/users").wrong_type_in_row(4))).await;
    let run = server.last_run().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(dataset(&run, "USERS")["quarantinedRows"], 1);
    assert_eq!(
        server.user_count().await,
        server.microsoft().user_count() - 1
    );
}

#[tokio::test]
async fn more_than_one_bad_row_in_a_hundred_is_not_believed() {
    let server = before_a_full_list().await;
    let nameless = |page: &mut serde_json::Value| {
        for row in page["value"].as_array_mut().unwrap().iter_mut().take(8) {
            row["id"] = serde_json::Value::Null;
        }
    };
    server
        .microsoft()
        .fault(Fault::at("/v1.0/users").rewrite(nameless));
    let run = server.sync().await;
    assert_eq!(run["state"], "FAILED");
    assert_eq!(server.user_count().await, server.microsoft().user_count());
}

#[tokio::test]
async fn an_expired_token_is_replaced_once_in_the_middle_of_a_run() {
    let server = fresh().await;
    let before = server.microsoft().token_requests().client_credentials;
    server.microsoft().expire_access_tokens();
    assert_eq!(server.sync().await["state"], "COMPLETE");
    assert_eq!(
        server.microsoft().token_requests().client_credentials,
        before + 1
    );
}

#[tokio::test]
async fn a_withdrawn_permission_fails_the_dataset_with_the_remedy_and_shows_as_a_capability() {
    let server = fresh().await;
    for permission in ["User.Read.All", "Directory.Read.All"] {
        server.microsoft().withdraw_permission(permission);
    }
    let run = server.sync().await;
    assert_eq!(run["state"], "FAILED");
    let problem = dataset(&run, "USERS")["problem"].as_str().unwrap();
    assert!(
        problem.starts_with("PERMISSION: ") && problem.contains("User.Read.All"),
        "{problem}"
    );
    let data = server
        .data("{tenants {capabilities {dataset state asOf remedy}}}")
        .await;
    let capabilities = data["tenants"][0]["capabilities"]
        .as_array()
        .unwrap()
        .clone();
    let users = capabilities
        .iter()
        .find(|one| one["dataset"] == "USERS")
        .unwrap();
    assert_eq!(users["state"], "MISSING_SCOPE");
    assert!(users["remedy"].as_str().unwrap().contains("User.Read.All"));
    assert_ne!(users["asOf"], json!(null));
    // Of whatever else was given up nothing bad is known.
    for name in ["LICENSES", "GROUPS", "SUBSCRIPTIONS"] {
        assert_eq!(dataset(&run, name)["problem"], json!(null), "{name}");
        let other = capabilities.iter().find(|one| one["dataset"] == name);
        assert_eq!(other.unwrap()["state"], "OK", "{name}");
    }
}

#[tokio::test]
async fn a_failing_organization_leaves_the_run_partial() {
    let server = fresh().await;
    server.microsoft().add_users(2);
    server
        .microsoft()
        .fault(Fault::on("/v1.0/organization").html());
    let run = server.sync().await;
    assert_eq!(run["state"], "PARTIAL");
    assert_eq!(dataset(&run, "ORGANIZATION")["state"], "FAILED");
    assert_eq!(server.user_count().await, server.microsoft().user_count());
    assert_eq!(
        server.data("{tenants {name}}").await["tenants"][0]["name"],
        server.microsoft().organization_name()
    );
}

#[tokio::test]
async fn another_organization_than_the_configured_one_is_refused() {
    let server = against(|microsoft| {
        microsoft.fault(
            Fault::on("/v1.0/organization").organization_id("99999999-9999-4999-8999-999999999999"),
        );
    })
    .await;
    let run = server.last_run().await;
    assert_eq!(run["state"], "FAILED");
    assert!(
        run["problem"]
            .as_str()
            .unwrap()
            .starts_with("WRONG_TENANT: ")
    );
    let data = server
        .data("{tenants {connection problem userCount}}")
        .await;
    assert_eq!(data["tenants"][0]["connection"], "MISCONFIGURED");
    assert_eq!(data["tenants"][0]["userCount"], 0);
}

#[tokio::test]
async fn a_canceled_run_publishes_nothing() {
    let server = fresh().await;
    let held = server.user_count().await;
    server.microsoft().add_users(4);
    server.microsoft().fault(Fault::at("/v1.0/users").hang());
    let tenant = server.tenant_id().await;
    let started = server
        .query(
            "mutation ($tenant: ID!) {startSync(tenant: $tenant) {id state}}",
            json!({"tenant": tenant}),
        )
        .await;
    let run = &started["data"]["startSync"]["id"];
    let canceled = server
        .query(
            "mutation ($run: ID!) {cancelSync(run: $run) {state}}",
            json!({"run": run}),
        )
        .await;
    assert_eq!(canceled["data"]["cancelSync"]["state"], "CANCELED");
    assert_eq!(server.user_count().await, held);
    server.microsoft().clear_faults();
    assert_eq!(server.sync().await["state"], "COMPLETE");
    assert_eq!(server.user_count().await, held + 4);
}

#[tokio::test]
async fn two_starts_are_one_run() {
    let server = fresh().await;
    server
        .microsoft()
        .set_latency(std::time::Duration::from_millis(50));
    let tenant = server.tenant_id().await;
    let start = || {
        server.query(
            "mutation ($tenant: ID!) {startSync(tenant: $tenant) {id}}",
            json!({"tenant": tenant}),
        )
    };
    let (one, two) = tokio::join!(start(), start());
    assert_eq!(
        one["data"]["startSync"]["id"],
        two["data"]["startSync"]["id"]
    );
    server.synced().await;
}

#[tokio::test]
async fn who_cannot_be_read_today_keeps_the_facts_of_before() {
    let server = before_a_full_list().await;
    let held = server.user_count().await;
    server
        .microsoft()
        .fault(Fault::at("/v1.0/users").wrong_type_in_row(4));
    server
        .microsoft()
        .fault(Fault::on("/v1.0/subscribedSkus").raw_in_row(0, "prepaidUnits", "7"));
    let licenses = "{licenses(first: 100) {totalCount nodes {name seats {enabled}}}}";
    let before = server.data(licenses).await;
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(dataset(&run, "USERS")["quarantinedRows"], 1);
    assert_eq!(dataset(&run, "LICENSES")["quarantinedRows"], 1);
    assert_eq!(server.user_count().await, held);
    assert_eq!(server.data(licenses).await, before);
}
