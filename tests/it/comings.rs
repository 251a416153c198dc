//! Who comes, goes and comes back, and what groups say of it: each is told once, and often not at the
//! same time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use seatwise::clock::{Clock, SystemClock};
use seatwise::simulator::{DeltaEnd, Fault, Handle, Settings, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Options, Server, dataset, tenant_settings};

async fn fresh() -> Server {
    Server::fresh(Options::default()).await
}

/// The clock of this machine, so many hours ahead.
#[derive(Clone, Default)]
struct Ahead(Arc<AtomicI64>);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_hours(self.0.load(Ordering::SeqCst))
    }
}

/// A synced server and its Microsoft, by a clock that can be set ahead. Runs begin by hand only.
struct Timed {
    server: Server,
    microsoft: Simulator,
    clock: Ahead,
    _directory: TempDir,
}

impl Timed {
    async fn new() -> Self {
        let clock = Ahead::default();
        let started = tokio::task::spawn_blocking(move || {
            let told = clock.clone();
            let microsoft = Simulator::start(Settings {
                now: Some(Arc::new(move || told.now())),
                ..Settings::default()
            })
            .unwrap();
            let directory = tempfile::tempdir().unwrap();
            let data = format!("sled:{}", directory.path().join("data").display());
            let mut settings = tenant_settings(&microsoft, "app");
            settings.push(("SYNC__SCHEDULE".to_owned(), "0 0 0 29 2 *".to_owned()));
            settings.push(("STORAGE__URL".to_owned(), data));
            Self {
                server: Server::start_by(&settings, Arc::new(clock.clone())),
                microsoft,
                clock,
                _directory: directory,
            }
        });
        let timed = started.await.unwrap();
        timed.server.synced().await;
        timed
    }

    async fn sync_after(&self, hours: i64) -> Value {
        self.clock.0.fetch_add(hours, Ordering::SeqCst);
        self.server.sync().await
    }
}

type Groups = BTreeMap<String, BTreeSet<String>>;

/// The groups of every user who is in any, by the ids that Microsoft gave them.
async fn groups(server: &Server) -> Groups {
    let document = "{users(first: 500) {nodes {objectId groups(first: 40) {nodes {objectId}}}}}";
    let data = server.data(document).await;
    let users = data["users"]["nodes"].as_array().unwrap();
    let of_user = |user: &Value| {
        let groups = user["groups"]["nodes"].as_array().unwrap();
        (object_id(user), groups.iter().map(object_id).collect())
    };
    let mut all: Groups = users.iter().map(of_user).collect();
    all.retain(|_, groups: &mut BTreeSet<_>| !groups.is_empty());
    all
}

/// The same as Microsoft tells them: not those of the groups that hide their members.
fn told(microsoft: &Handle, hidden: &BTreeSet<String>) -> Groups {
    let mut all = Groups::new();
    for (group, members) in microsoft.group_members() {
        for member in members {
            if !hidden.contains(&group) {
                all.entry(member).or_default().insert(group.clone());
            }
        }
    }
    all
}

/// Groups with members of which none is told.
fn hidden(held: &Groups, microsoft: &Handle) -> BTreeSet<String> {
    let shown: BTreeSet<&String> = held.values().flatten().collect();
    let groups = microsoft.group_members().into_keys();
    groups.filter(|group| !shown.contains(group)).collect()
}

fn object_id(node: &Value) -> String {
    node["objectId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_member_who_is_told_before_the_user_is_in_the_groups_once_the_user_comes() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let hidden = hidden(&groups(&server).await, microsoft);
    microsoft.hold_back_user_changes(true);
    let added = microsoft.add_users(2);
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(server.user_count().await + 2, microsoft.user_count());
    // Groups tell nothing more of it.
    assert_eq!(server.sync().await["state"], "COMPLETE");
    microsoft.hold_back_user_changes(false);
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(dataset(&run, "GROUPS")["requests"], 2, "{run}");
    let held = groups(&server).await;
    assert!(added.iter().all(|user| held.contains_key(user)));
    assert_eq!(held, told(microsoft, &hidden));
}

#[tokio::test]
async fn a_member_who_is_told_before_the_user_is_not_forgotten_when_groups_fail() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let hidden = hidden(&groups(&server).await, microsoft);
    microsoft.hold_back_user_changes(true);
    let added = microsoft.add_users(2);
    server.sync().await;
    microsoft.hold_back_user_changes(false);
    let removed = microsoft.remove_users(6);
    microsoft.fault(Fault::at("/v1.0/groups/delta").status(403));
    assert_eq!(server.sync().await["state"], "PARTIAL");
    let held = groups(&server).await;
    assert!(added.iter().all(|user| held.contains_key(user)));
    assert!(removed.iter().all(|user| !held.contains_key(user)));
    microsoft.clear_faults();
    assert!(!microsoft.restore_users(6).is_empty());
    assert_eq!(server.sync().await["state"], "COMPLETE");
    assert_eq!(groups(&server).await, told(microsoft, &hidden));
}

#[tokio::test]
async fn who_is_restored_is_in_the_groups_of_before() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let before = groups(&server).await;
    let hidden = hidden(&before, microsoft);
    microsoft.remove_users(30);
    assert_eq!(server.sync().await["state"], "COMPLETE");
    assert_eq!(server.user_count().await, microsoft.user_count());
    assert_eq!(groups(&server).await, told(microsoft, &hidden));
    let restored = microsoft.restore_users(10);
    microsoft.purge_users(5);
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(dataset(&run, "GROUPS")["requests"], 2, "{run}");
    assert_eq!(server.user_count().await, microsoft.user_count());
    let after = groups(&server).await;
    assert_eq!(after, told(microsoft, &hidden));
    assert!(restored.iter().any(|user| before.contains_key(user)));
    for user in restored {
        assert_eq!(after.get(&user), before.get(&user), "{user}");
    }
}

#[tokio::test]
async fn who_is_restored_in_silence_is_found_within_a_day() {
    let timed = Timed::new().await;
    let (server, microsoft) = (&timed.server, &timed.microsoft);
    let hidden = hidden(&groups(server).await, microsoft);
    microsoft.remove_users(30);
    server.sync().await;
    assert_eq!(microsoft.restore_users_untold(10).len(), 10);
    server.sync().await;
    assert_eq!(server.user_count().await + 10, microsoft.user_count());
    let run = timed.sync_after(25).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    assert_eq!(server.user_count().await, microsoft.user_count());
    assert_eq!(groups(server).await, told(microsoft, &hidden));
}

#[tokio::test]
async fn who_comes_while_the_columns_are_read_does_not_cost_a_full_list() {
    let timed = Timed::new().await;
    let (server, microsoft) = (&timed.server, &timed.microsoft);
    microsoft.hold_back_user_changes(true);
    microsoft.add_users(3);
    let handle = microsoft.handle();
    let let_in = move |page: &mut Value| {
        let row = &page["value"][0];
        if row.get("assignedLicenses").is_some() && row.get("mail").is_none() {
            handle.hold_back_user_changes(false);
        }
    };
    microsoft.fault(Fault::at("/v1.0/users").rewrite(let_in));
    microsoft.clear_requests();
    let run = timed.sync_after(25).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    assert_eq!(server.user_count().await, microsoft.user_count());
    assert_eq!(microsoft.requests_to("/v1.0/users/delta").len(), 2);
    let listed = microsoft.requests_to("/v1.0/users");
    let is_whole = |target: &str| target.starts_with("/v1.0/users?") && target.contains("jobTitle");
    assert!(!listed.iter().any(|request| is_whole(&request.target)));
}

#[tokio::test]
async fn who_is_removed_for_good_after_a_while_is_no_second_loss() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    microsoft.remove_users(200);
    let run = server.sync().await;
    assert_eq!(run["state"], "FAILED");
    let accept = "mutation ($run: ID!) {acceptSync(run: $run) {state}}";
    let accepted = server.query(accept, json!({"run": run["id"]})).await;
    assert_eq!(accepted["data"]["acceptSync"]["state"], "COMPLETE");
    let held = server.user_count().await;
    assert!(microsoft.purge_users(200).len() as u64 > held);
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    assert_eq!(server.user_count().await, held);
}

#[tokio::test]
async fn a_group_that_cannot_be_read_keeps_its_members_and_licenses() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let everything = "{groups(first: 500) {nodes {objectId displayName assignsLicenses {value}}}}";
    let before = (groups(&server).await, server.data(everything).await);
    microsoft.expire_delta_tokens(DeltaEnd::Gone410WithLocation);
    microsoft.fault(Fault::at("/v1.0/groups/delta").raw_in_row(1, "displayName", "7"));
    microsoft.fault(Fault::at("/v1.0/groups").raw_in_row(1, "assignedLicenses", "7"));
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    assert_eq!(dataset(&run, "GROUPS")["quarantinedRows"], 2);
    assert_eq!(
        (groups(&server).await, server.data(everything).await),
        before
    );
    // It is not asked for again and again.
    let run = server.sync().await;
    assert_eq!(dataset(&run, "GROUPS")["requests"], 2, "{run}");
    assert_eq!(
        (groups(&server).await, server.data(everything).await),
        before
    );
}

#[tokio::test]
async fn a_group_that_does_not_say_which_it_is_may_be_any() {
    let server = fresh().await;
    let microsoft = server.microsoft();
    let before = groups(&server).await;
    microsoft.expire_delta_tokens(DeltaEnd::Gone410WithLocation);
    microsoft.fault(Fault::at("/v1.0/groups/delta").null_id_in_row(1));
    let run = server.sync().await;
    assert_eq!(dataset(&run, "GROUPS")["quarantinedRows"], 1, "{run}");
    assert_eq!(groups(&server).await, before);
}

/// All groups are read again a day after a change that could not be read, and a week after anything.
#[tokio::test]
async fn groups_are_read_whole_a_day_after_a_change_was_lost_and_once_a_week() {
    let timed = Timed::new().await;
    let (server, microsoft) = (&timed.server, &timed.microsoft);
    let hidden = hidden(&groups(server).await, microsoft);
    microsoft.change_members(2, 1);
    microsoft.fault(Fault::at("/v1.0/groups/delta").raw_in_row(0, "displayName", "7"));
    let run = server.sync().await;
    assert_eq!(dataset(&run, "GROUPS")["quarantinedRows"], 1, "{run}");
    assert_ne!(groups(server).await, told(microsoft, &hidden));
    microsoft.clear_faults();
    let rows = |run: &Value| dataset(run, "GROUPS")["rows"].as_u64().unwrap();
    assert_eq!(rows(&timed.sync_after(25).await), microsoft.group_count());
    assert_eq!(groups(server).await, told(microsoft, &hidden));
    assert_eq!(rows(&timed.sync_after(25).await), 0);
    assert_eq!(
        rows(&timed.sync_after(6 * 24).await),
        microsoft.group_count()
    );
}

/// Microsoft's count and its parts may differ by a few; whoever is in none of them is not gone.
#[tokio::test]
async fn who_is_in_none_of_the_parts_is_not_gone() {
    let users = 6_000;
    let server = Server::fresh(Options {
        users,
        ..Options::default()
    })
    .await;
    let microsoft = server.microsoft();
    let held = server.user_count().await;
    assert_eq!(held, users);
    microsoft.expire_delta_tokens(DeltaEnd::Gone410WithLocation);
    let is_hidden = AtomicBool::new(false);
    let hide = move |page: &mut Value| {
        let count = page["@odata.count"].as_u64();
        let is_part = count.is_some_and(|count| (10..users).contains(&count));
        let rows = page["value"].as_array_mut().unwrap();
        let tells_names = rows.first().is_some_and(|row| row.get("mail").is_some());
        if is_part && tells_names && !is_hidden.swap(true, Ordering::SeqCst) {
            rows.remove(7);
        }
    };
    microsoft.fault(Fault::at("/v1.0/users").rewrite(hide));
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    assert_eq!(server.user_count().await, held);
    // Who is gone all the same is so by the list.
    microsoft.clear_faults();
    microsoft.remove_users(3);
    microsoft.expire_delta_tokens(DeltaEnd::Gone410WithLocation);
    server.sync().await;
    assert_eq!(server.user_count().await, held - 3);
}

#[tokio::test]
async fn groups_of_a_tenant_without_changes_are_not_offered() {
    let server = tokio::task::spawn_blocking(|| {
        let microsoft = Simulator::start(Settings::default()).unwrap();
        microsoft.set_b2c(true);
        Server::start_against(microsoft, Options::default())
    });
    let server = server.await.unwrap();
    let run = server.synced().await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    let groups = dataset(&run, "GROUPS");
    assert_eq!(groups["state"], "SKIPPED");
    let problem = groups["problem"].as_str().unwrap();
    assert!(
        problem.contains("B2C") && !problem.contains("fault"),
        "{problem}"
    );
    let data = server
        .data("{tenants {capabilities {dataset state}}}")
        .await;
    let all = data["tenants"][0]["capabilities"]
        .as_array()
        .unwrap()
        .clone();
    let groups = all.iter().find(|one| one["dataset"] == "GROUPS").unwrap();
    assert_eq!(groups["state"], "UNSUPPORTED_CLOUD");
}
