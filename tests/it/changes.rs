//! What later syncs do: they ask for changes, believe no sudden loss, and go on where one was cut.

use std::collections::{BTreeMap, BTreeSet};

use seatwise::simulator::{
    DeltaEnd, Fault, Premium, RecordedRequest, RetryAfter, Settings, Simulator,
};
use serde_json::{Value, json};

use crate::support::{Options, Server, dataset};

async fn fresh() -> Server {
    Server::fresh(Options::default()).await
}

/// A server of an organization of so many, whose first sync meets a prepared Microsoft.
async fn against(users: u64, prepare: impl FnOnce(&Simulator) + Send + 'static) -> Server {
    let server = tokio::task::spawn_blocking(move || {
        let simulator = Simulator::start(Settings {
            users,
            ..Settings::default()
        })
        .unwrap();
        prepare(&simulator);
        Server::start_against(simulator, Options::default())
    });
    let server = server.await.unwrap();
    server.synced().await;
    server
}

/// The requests for the list of users; sign-ins are listed at the same path.
fn lists_of_users(server: &Server) -> Vec<RecordedRequest> {
    let mut asked = server.microsoft().requests_to("/v1.0/users");
    asked.retain(|request| {
        request.path() == "/v1.0/users" && !request.target.contains("signInActivity")
    });
    asked
}

/// The members of every group, by the ids that Microsoft gave them.
async fn members(server: &Server) -> BTreeMap<String, BTreeSet<String>> {
    let data = server
        .data("{groups(first: 500) {nodes {id objectId}}}")
        .await;
    let mut all = BTreeMap::new();
    for group in data["groups"]["nodes"].as_array().unwrap() {
        let document = "query ($id: ID!) {node(id: $id) {... on Group {members(first: 500) {nodes {objectId}}}}}";
        let answer = server.query(document, json!({"id": group["id"]})).await;
        let members = answer["data"]["node"]["members"]["nodes"]
            .as_array()
            .unwrap();
        all.insert(
            group["objectId"].as_str().unwrap().to_owned(),
            members.iter().map(object_id).collect(),
        );
    }
    all
}

/// The groups of which Microsoft hides the members; all others have whom they have at Microsoft.
fn hidden_groups(
    held: &BTreeMap<String, BTreeSet<String>>,
    told: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<String> {
    assert!(held.keys().eq(told.keys()), "not the same groups");
    let differ = told
        .iter()
        .filter(|(group, members)| held[*group] != **members);
    let hidden: BTreeSet<String> = differ.map(|(group, _)| group.clone()).collect();
    for group in &hidden {
        assert!(held[group].is_empty(), "{group} has other members");
    }
    assert!(hidden.len() < told.len() / 4, "{hidden:?}");
    hidden
}

fn object_id(node: &Value) -> String {
    node["objectId"].as_str().unwrap().to_owned()
}

async fn user(server: &Server, object_id: &str) -> Value {
    let document = "query ($id: ID!) {user(by: {objectId: $id}) {userPrincipalName groups(first: 100) {nodes {objectId}}}}";
    let answer = server.query(document, json!({"id": object_id})).await;
    answer["data"]["user"].clone()
}

/// State and remedy of a dataset, as the tenant shows them.
async fn capability(server: &Server, dataset: &str) -> Value {
    let data = server
        .data("{tenants {capabilities {dataset state asOf remedy}}}")
        .await;
    let all = data["tenants"][0]["capabilities"].as_array().unwrap();
    all.iter()
        .find(|one| one["dataset"] == dataset)
        .unwrap()
        .clone()
}

fn problem<'a>(run: &'a Value, name: &str) -> &'a str {
    dataset(run, name)["problem"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_later_sync_asks_for_changes_only() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let held = server.user_count().await;
    let renamed = microsoft.rename_users(1, 1);
    let before = user(&server, &renamed[0]).await;
    let added = microsoft.add_users(4);
    let removed = microsoft.remove_users(2);
    microsoft.clear_requests();
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(dataset(&run, "USERS")["state"], "COMPLETE");
    assert_eq!(dataset(&run, "USERS")["requests"], 1);
    assert_eq!(lists_of_users(&server).len(), 0);
    assert_eq!(server.user_count().await, held + 4 - 2);
    let after = user(&server, &renamed[0]).await;
    assert_ne!(after["userPrincipalName"], before["userPrincipalName"]);
    assert_ne!(user(&server, &added[0]).await, Value::Null);
    assert_eq!(user(&server, &removed[0]).await, Value::Null);
}

/// Whatever way Microsoft says that it forgot where we were, everybody is read again; until that has
/// gone well, what was before is served.
async fn check_forgotten(end: DeltaEnd) {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let held = server.user_count().await;
    microsoft.add_users(4);
    microsoft.remove_users(1);
    microsoft.add_groups(2);
    microsoft.expire_delta_tokens(end);
    microsoft.fault(Fault::at("/v1.0/users").status(403));
    assert_eq!(server.sync().await["state"], "FAILED");
    assert_eq!(server.user_count().await, held);
    microsoft.clear_faults();
    microsoft.clear_requests();
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    assert!(!lists_of_users(&server).is_empty());
    assert_eq!(server.user_count().await, held + 4 - 1);
    assert_eq!(server.user_count().await, microsoft.user_count());
    let groups = server.data("{groups(first: 1) {totalCount}}").await;
    assert_eq!(groups["groups"]["totalCount"], microsoft.group_count());
    // From there on, changes do again.
    microsoft.add_users(1);
    let run = server.sync().await;
    assert_eq!(dataset(&run, "USERS")["requests"], 1);
    assert_eq!(server.user_count().await, microsoft.user_count());
}

#[tokio::test]
async fn changes_that_are_gone_mean_a_full_list() {
    check_forgotten(DeltaEnd::Gone410WithLocation).await;
}

#[tokio::test]
async fn a_lost_sync_state_means_a_full_list() {
    check_forgotten(DeltaEnd::SyncStateNotFound400).await;
}

#[tokio::test]
async fn a_refused_link_to_changes_means_a_full_list() {
    check_forgotten(DeltaEnd::BadRequest400).await;
}

#[tokio::test]
async fn who_joins_or_leaves_a_group_is_seen_on_both_sides() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let hidden = hidden_groups(&members(&server).await, &microsoft.group_members());
    let moved = microsoft.change_members(6, 1);
    assert!(!moved.is_empty());
    let added = microsoft.add_groups(1);
    let removed = microsoft.remove_groups(1);
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(dataset(&run, "GROUPS")["state"], "COMPLETE");
    // The changes, and the groups that assign licenses.
    assert_eq!(dataset(&run, "GROUPS")["requests"], 2);
    let held = members(&server).await;
    assert_eq!(hidden_groups(&held, &microsoft.group_members()), hidden);
    assert!(held.contains_key(&added[0]) && !held.contains_key(&removed[0]));
    for change in moved {
        let user = user(&server, &change.user_id).await;
        let groups = user["groups"]["nodes"].as_array().unwrap();
        let is_shown = groups
            .iter()
            .any(|group| object_id(group) == change.group_id);
        let is_member = change.is_member && !removed.contains(&change.group_id);
        assert_eq!(is_shown, is_member, "{change:?}");
    }
}

/// A server whose last run told that most users are gone, and how many there were.
async fn after_a_sudden_drop() -> (Server, u64) {
    let server = fresh().await;
    let held = server.user_count().await;
    server.microsoft().remove_users(held * 2 / 3);
    let run = server.sync().await;
    assert_eq!(run["state"], "FAILED");
    assert!(problem(&run, "USERS").starts_with("SUSPECT: "), "{run}");
    assert!(problem(&run, "USERS").contains("acceptSync"), "{run}");
    assert_eq!(server.user_count().await, held);
    (server, held)
}

#[tokio::test]
async fn a_sudden_drop_is_published_once_somebody_accepts_it() {
    let (server, _) = after_a_sudden_drop().await;
    let run = server.last_run().await;
    let accept = "mutation ($run: ID!) {acceptSync(run: $run) {id state problem}}";
    let accepted = server.query(accept, json!({"run": run["id"]})).await;
    assert_eq!(accepted.get("errors"), None, "{accepted}");
    assert_eq!(accepted["data"]["acceptSync"]["id"], run["id"]);
    assert_eq!(accepted["data"]["acceptSync"]["state"], "COMPLETE");
    assert_eq!(server.user_count().await, server.microsoft().user_count());
    assert_eq!(server.last_run().await["state"], "COMPLETE");
    let again = server.query(accept, json!({"run": run["id"]})).await;
    assert_eq!(again["errors"][0]["extensions"]["code"], "CONFLICT");
    // The changes go on behind it.
    server.microsoft().add_users(2);
    assert_eq!(server.sync().await["state"], "COMPLETE");
    assert_eq!(server.user_count().await, server.microsoft().user_count());
}

#[tokio::test]
async fn what_is_accepted_is_believed_by_the_next_run_only() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let subscriptions = || Fault::at("/v1.0/directory/subscriptions");
    microsoft.fault(subscriptions().keep_rows(3));
    let run = server.sync().await;
    assert_eq!(run["state"], "PARTIAL");
    assert!(problem(&run, "SUBSCRIPTIONS").starts_with("SUSPECT: "));
    // The run that believes it comes to nothing.
    microsoft.fault(Fault::at("/v1.0/users/delta").status(403));
    let accept = "mutation ($run: ID!) {acceptSync(run: $run) {id}}";
    let accepted = server.query(accept, json!({"run": run["id"]})).await;
    assert_eq!(accepted.get("errors"), None, "{accepted}");
    assert_eq!(server.synced().await["state"], "FAILED");
    microsoft.clear_faults();
    microsoft.fault(subscriptions().keep_rows(2));
    let run = server.sync().await;
    assert!(
        problem(&run, "SUBSCRIPTIONS").starts_with("SUSPECT: "),
        "{run}"
    );
    let accepted = server.query(accept, json!({"run": run["id"]})).await;
    assert_eq!(accepted.get("errors"), None, "{accepted}");
    assert_eq!(server.synced().await["state"], "COMPLETE");
}

#[tokio::test]
async fn a_sudden_drop_is_published_once_a_second_run_sees_the_same() {
    let (server, held) = after_a_sudden_drop().await;
    // Others gone besides are another loss, which was seen but once.
    server.microsoft().remove_users(3);
    assert_eq!(server.sync().await["state"], "FAILED");
    assert_eq!(server.user_count().await, held);
    assert_eq!(server.sync().await["state"], "COMPLETE");
    assert_eq!(server.user_count().await, server.microsoft().user_count());
}

#[tokio::test]
async fn a_short_list_is_held_back_and_forgotten_when_the_next_is_whole() {
    let server = fresh().await;
    let held = server.user_count().await;
    let microsoft = server.microsoft();
    microsoft.expire_delta_tokens(DeltaEnd::Gone410WithLocation);
    microsoft.fault(Fault::at("/v1.0/users").keep_rows(100));
    let run = server.sync().await;
    assert_eq!(run["state"], "FAILED");
    assert!(problem(&run, "USERS").starts_with("SUSPECT: "), "{run}");
    assert_eq!(server.user_count().await, held);
    microsoft.clear_faults();
    assert_eq!(server.sync().await["state"], "COMPLETE");
    assert_eq!(server.user_count().await, held);
}

#[tokio::test]
async fn without_premium_users_are_whole_and_sign_ins_say_what_is_missing() {
    let server = against(300, |microsoft| microsoft.set_premium(Premium::None)).await;
    let run = server.last_run().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(server.user_count().await, server.microsoft().user_count());
    for name in ["SIGN_IN_ACTIVITY", "SIGN_INS"] {
        assert_eq!(dataset(&run, name)["state"], "SKIPPED", "{name}");
        let problem = problem(&run, name);
        assert!(problem.starts_with("NEEDS_PREMIUM: "), "{name}: {problem}");
        let capability = capability(&server, name).await;
        assert_eq!(capability["state"], "NEEDS_PREMIUM", "{name}");
        assert!(capability["remedy"].as_str().unwrap().contains("P1"));
    }
}

#[tokio::test]
async fn a_missing_permission_for_groups_costs_groups_only() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let held = members(&server).await;
    microsoft.withdraw_permission("GroupMember.Read.All");
    microsoft.add_groups(1);
    microsoft.add_users(1);
    let run = server.sync().await;
    assert_eq!(run["state"], "PARTIAL");
    assert_eq!(dataset(&run, "GROUPS")["state"], "FAILED");
    assert!(problem(&run, "GROUPS").starts_with("PERMISSION: "), "{run}");
    assert_eq!(server.user_count().await, microsoft.user_count());
    assert_eq!(members(&server).await, held);
    let missing = capability(&server, "GROUPS").await;
    assert_eq!(missing["state"], "MISSING_SCOPE");
    let remedy = missing["remedy"].as_str().unwrap();
    assert!(remedy.contains("Group.Read.All"), "{remedy}");
    assert_ne!(missing["asOf"], Value::Null);
    microsoft.grant_permission("GroupMember.Read.All");
    assert_eq!(server.sync().await["state"], "COMPLETE");
    assert_eq!(capability(&server, "GROUPS").await["state"], "OK");
    hidden_groups(&members(&server).await, &microsoft.group_members());
}

#[tokio::test]
async fn a_first_sync_that_was_cut_goes_on_where_it_was() {
    // Five pages, and hours of 503 after the third or the fourth. Whether there are sign-ins to be read
    // is asked at the same path, once.
    let server = against(4_500, |microsoft| {
        microsoft.set_premium(Premium::None);
        let unavailable = Fault::at("/v1.0/users").after(4);
        microsoft.fault(unavailable.unavailable(RetryAfter::Seconds(1)));
    })
    .await;
    let microsoft = server.microsoft();
    assert_eq!(server.last_run().await["state"], "FAILED");
    assert_eq!(server.user_count().await, 0);
    microsoft.clear_faults();
    microsoft.clear_requests();
    let added = microsoft.add_users(3);
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    let asked = lists_of_users(&server).len();
    assert!(asked <= 2, "{asked} of five pages were asked for again");
    // The changes since the first run began are still to come: nobody asked where to begin anew.
    assert_eq!(microsoft.requests_to("/v1.0/users/delta").len(), 0);
    assert_eq!(server.sync().await["state"], "COMPLETE");
    assert_eq!(server.user_count().await, microsoft.user_count());
    assert_ne!(user(&server, &added[0]).await, Value::Null);
}

#[tokio::test]
async fn where_changes_are_not_told_everything_is_read_every_time() {
    let server = against(300, |microsoft| microsoft.set_b2c(true)).await;
    let microsoft = server.microsoft();
    assert_eq!(
        dataset(&server.last_run().await, "USERS")["state"],
        "COMPLETE"
    );
    let removed = microsoft.remove_users(1);
    microsoft.add_users(2);
    microsoft.clear_requests();
    let run = server.sync().await;
    assert_eq!(dataset(&run, "USERS")["state"], "COMPLETE", "{run}");
    assert_eq!(lists_of_users(&server).len(), 1);
    assert_eq!(server.user_count().await, microsoft.user_count());
    assert_eq!(user(&server, &removed[0]).await, Value::Null);
}

#[tokio::test]
async fn the_sign_ins_of_everybody_are_read_in_several_chains() {
    // Eight pages with sign-ins, two chains' worth; and a chain for whom nobody knows when created.
    let server = against(3_600, |_| ()).await;
    let microsoft = server.microsoft();
    let asked = microsoft.requests_to("/v1.0/users");
    let targets = asked.iter().map(|request| request.target.as_str());
    let of_sign_ins: Vec<_> = targets
        .filter(|target| target.contains("signInActivity"))
        .collect();
    let begins_part =
        |target: &&&str| target.contains("filter=createdDateTime") && !target.contains("skiptoken");
    assert_eq!(of_sign_ins.iter().filter(begins_part).count(), 3);
    assert!(of_sign_ins.len() <= 8 + 3, "{of_sign_ins:?}");
    let run = server.last_run().await;
    let read = dataset(&run, "SIGN_IN_ACTIVITY");
    assert_eq!(read["state"], "COMPLETE", "{read}");
    assert_eq!(read["rows"], microsoft.user_count());
    let held = server
        .data("{users(filter: {lastSignInAt: {isNull: false}}) {totalCount}}")
        .await;
    let signed_in = held["users"]["totalCount"].as_u64().unwrap();
    assert!(signed_in > 2_400, "{signed_in}");
}

#[tokio::test]
async fn who_signed_in_since_is_asked_for_alone() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let signed_in = microsoft.sign_in_users(5, 1);
    microsoft.clear_requests();
    let run = server.sync().await;
    assert_eq!(dataset(&run, "SIGN_IN_ACTIVITY")["state"], "COMPLETE");
    assert_eq!(dataset(&run, "SIGN_IN_ACTIVITY")["requests"], 1);
    let rows = dataset(&run, "SIGN_IN_ACTIVITY")["rows"].as_u64().unwrap();
    assert!((5..50).contains(&rows), "{rows}");
    assert_eq!(signed_in.len(), 5);
}
