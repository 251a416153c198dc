//! What changed of users (`changes`) and what they used (`usage`), as this server remembers it: held
//! against everybody as they were before and after.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::asking::{data, list, number, text};
use crate::support::timed::Timed;
use crate::support::{Options, Server};

/// A user at one moment.
#[derive(Debug, Clone, PartialEq)]
struct Person {
    names: [Value; 2],
    department: Value,
    state: String,
    skus: BTreeSet<String>,
    findings: BTreeSet<String>,
}

type Everybody = BTreeMap<String, Person>;

/// A change: of whom, of what kind, and what else there is to tell.
type Told = (String, &'static str, String);

async fn everybody(server: &Server) -> Everybody {
    let document = "query ($after: String) {users(first: 100, after: $after) {
        pageInfo {hasNextPage endCursor}
        nodes {objectId displayName userPrincipalName department activityState
            licenses {license {skuId} state} findings {kind state}}}}";
    let (mut everybody, mut after) = (Everybody::new(), Value::Null);
    loop {
        let page = data(server, document, json!({"after": after})).await["users"].clone();
        for user in list(&page["nodes"]) {
            let seats = list(&user["licenses"]).iter();
            let seats = seats.filter(|held| held["state"] != "ERROR");
            let findings = list(&user["findings"]).iter();
            let findings = findings.filter(|own| own["state"] != "REALIZED");
            let person = Person {
                names: [
                    user["displayName"].clone(),
                    user["userPrincipalName"].clone(),
                ],
                department: user["department"].clone(),
                state: text(&user["activityState"]),
                skus: seats.map(|held| text(&held["license"]["skuId"])).collect(),
                findings: findings.map(|own| text(&own["kind"])).collect(),
            };
            everybody.insert(text(&user["objectId"]), person);
        }
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            return everybody;
        }
    }
}

/// What ought to be told of everybody, from one moment to another.
fn expected(before: &Everybody, after: &Everybody) -> BTreeSet<Told> {
    let mut expected = BTreeSet::new();
    let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for id in ids {
        let mut tell = |kind, what: &str| {
            expected.insert((id.clone(), kind, what.to_owned()));
        };
        let (was, is) = (before.get(id), after.get(id));
        match (was, is) {
            (None, _) => tell("JOINED", ""),
            (_, None) => tell("LEFT", ""),
            (Some(was), Some(is)) => {
                if was.department != is.department {
                    let what = format!("{} to {}", was.department, is.department);
                    tell("DEPARTMENT_CHANGED", &what);
                }
                if was.state != is.state {
                    let what = format!("{} to {}", was.state, is.state);
                    tell("ACTIVITY_STATE_CHANGED", &what);
                }
            }
        }
        let none = BTreeSet::new();
        let sets = [
            (
                "LICENSE_REMOVED",
                "LICENSE_ASSIGNED",
                [was, is].map(|own| own.map(|own| &own.skus)),
            ),
            (
                "FINDING_CLOSED",
                "FINDING_OPENED",
                [was, is].map(|own| own.map(|own| &own.findings)),
            ),
        ];
        for (lost, got, [was, is]) in sets {
            let (was, is) = (was.unwrap_or(&none), is.unwrap_or(&none));
            was.difference(is).for_each(|what| tell(lost, what));
            is.difference(was).for_each(|what| tell(got, what));
        }
    }
    expected
}

const CHANGES: &str = "query ($from: Date!, $to: Date!, $tenant: ID, $filter: ChangeFilter,
        $first: Int, $after: String, $last: Int, $before: String) {
    changes(from: $from, to: $to, tenant: $tenant, filter: $filter,
            first: $first, after: $after, last: $last, before: $before) {
        totalCount counts {kind count} knownSince
        pageInfo {hasNextPage hasPreviousPage startCursor endCursor}
        edges {cursor node {
            kind on seenAt objectId displayName userPrincipalName tenant {id} run {id}
            user {id objectId} license {id skuId} skuId licenseName
            departmentBefore departmentAfter activityStateBefore activityStateAfter findingKind}}}}";

/// One page of what changed between two days.
async fn page(server: &Server, (from, to): (Date, Date), more: Value) -> Value {
    let mut asked = json!({"from": from.to_string(), "to": to.to_string()});
    for (name, value) in more.as_object().unwrap() {
        asked[name] = value.clone();
    }
    data(server, CHANGES, asked).await["changes"].clone()
}

/// Everything that changed, of the last year.
async fn all(timed: &Timed, filter: Value) -> Vec<Value> {
    let days = (timed.today() - 399.days(), timed.today());
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let more = json!({"filter": filter, "first": 100, "after": after});
        let page = page(timed.server(), days, more).await;
        all.extend(list(&page["edges"]).iter().map(|edge| edge["node"].clone()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            assert_eq!(all.len(), number(&page["totalCount"]));
            let counts = list(&page["counts"]).iter();
            let counts: Vec<_> = counts.map(|own| number(&own["count"])).collect();
            assert!(counts.iter().all(|count| *count > 0));
            assert_eq!(counts.iter().sum::<usize>(), all.len());
            return all;
        }
    }
}

fn told(change: &Value) -> Told {
    let (kind, what) = match change["kind"].as_str().unwrap() {
        "JOINED" => ("JOINED", String::new()),
        "LEFT" => ("LEFT", String::new()),
        "LICENSE_ASSIGNED" => ("LICENSE_ASSIGNED", text(&change["skuId"])),
        "LICENSE_REMOVED" => ("LICENSE_REMOVED", text(&change["skuId"])),
        "FINDING_OPENED" => ("FINDING_OPENED", text(&change["findingKind"])),
        "FINDING_CLOSED" => ("FINDING_CLOSED", text(&change["findingKind"])),
        "DEPARTMENT_CHANGED" => {
            let (from, to) = (&change["departmentBefore"], &change["departmentAfter"]);
            ("DEPARTMENT_CHANGED", format!("{from} to {to}"))
        }
        _ => {
            let states = ["activityStateBefore", "activityStateAfter"];
            let [from, to] = states.map(|state| text(&change[state]));
            ("ACTIVITY_STATE_CHANGED", format!("{from} to {to}"))
        }
    };
    (text(&change["objectId"]), kind, what)
}

/// The changes of the newest run.
async fn newest(timed: &Timed) -> Vec<Value> {
    let run = timed.server().last_run().await["id"].clone();
    let mut all = all(timed, Value::Null).await;
    all.retain(|change| change["run"]["id"] == run);
    all
}

#[track_caller]
fn check(changes: &[Value], before: &Everybody, after: &Everybody) {
    let all: BTreeSet<Told> = changes.iter().map(told).collect();
    let expected = expected(before, after);
    let missing: Vec<_> = expected.difference(&all).take(5).collect();
    let surplus: Vec<_> = all.difference(&expected).take(5).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "{missing:?}, {surplus:?}"
    );
    assert_eq!(all.len(), changes.len(), "something is told twice");
}

fn kinds(changes: &[Value]) -> BTreeSet<String> {
    changes.iter().map(|change| text(&change["kind"])).collect()
}

#[tokio::test]
async fn the_first_sync_is_a_beginning_and_no_change() {
    let timed = Timed::new(300, &[]).await;
    let days = (timed.today() - 30.days(), timed.today());
    let page = page(timed.server(), days, json!({})).await;
    assert_eq!(page["totalCount"], 0);
    assert_eq!(page["counts"], json!([]));
    let run = timed.server().last_run().await;
    assert_eq!(page["knownSince"], run["finishedAt"]);
    timed.server().sync().await;
    assert_eq!(all(&timed, Value::Null).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_sync_tells_what_differs_from_the_sync_before() {
    let timed = Timed::new(1_000, &[]).await;
    let before = everybody(timed.server()).await;
    timed.microsoft.change_users(200, 1);
    let removed = timed.microsoft.remove_users(12);
    timed.microsoft.add_users(9);
    timed.sync_after(70).await;
    let after = everybody(timed.server()).await;
    let changes = newest(&timed).await;
    check(&changes, &before, &after);
    assert_eq!(kinds(&changes).len(), 8, "{:?}", kinds(&changes));
    let run = timed.server().last_run().await;
    for change in &changes {
        assert_eq!(change["seenAt"], run["finishedAt"]);
        assert_eq!(change["on"], timed.today().to_string());
        let id = text(&change["objectId"]);
        let called = before.get(&id).unwrap_or_else(|| &after[&id]);
        let names = ["displayName", "userPrincipalName"].map(|name| change[name].clone());
        assert_eq!(names, called.names, "{change}");
        match removed.contains(&id) {
            true => assert!(change["user"].is_null()),
            false => assert_eq!(change["user"]["objectId"], change["objectId"]),
        }
        let sku = &change["skuId"];
        assert_eq!(&change["license"]["skuId"], sku, "{change}");
        assert_eq!(change["licenseName"].is_null(), sku.is_null());
    }
    // Names as they were outlive the next change of names.
    let renamed = |changes: &[Value]| {
        let mut renamed = changes.iter().filter(|change| {
            let id = text(&change["objectId"]);
            before
                .get(&id)
                .zip(after.get(&id))
                .is_some_and(|(was, is)| was.names != is.names)
        });
        renamed.next().is_some()
    };
    assert!(renamed(&changes), "nobody got another name");
    timed.microsoft.change_users(200, 1);
    timed.microsoft.remove_users(40);
    timed.sync_after(1).await;
    let mut again = all(&timed, Value::Null).await;
    again.retain(|change| change["run"]["id"] == run["id"]);
    let plain = |changes: &[Value]| -> Vec<Value> {
        let fields = ["kind", "objectId", "displayName", "userPrincipalName"];
        let plain = changes.iter();
        plain
            .map(|change| fields.map(|field| change[field].clone()).to_vec().into())
            .collect()
    };
    assert_eq!(plain(&again), plain(&changes));
}

#[tokio::test]
async fn whoever_comes_back_left_and_joined() {
    let timed = Timed::new(300, &[]).await;
    let removed = timed.microsoft.remove_users(6);
    timed.sync_after(1).await;
    let restored = timed.microsoft.restore_users(6);
    assert!(!restored.is_empty());
    timed.sync_after(1).await;
    let of_kind = async |kind| {
        let changes = all(&timed, json!({"kind": {"eq": kind}})).await;
        let ids = changes.iter().map(|change| text(&change["objectId"]));
        ids.collect::<BTreeSet<_>>()
    };
    assert_eq!(of_kind("LEFT").await, removed.into_iter().collect());
    assert_eq!(of_kind("JOINED").await, restored.into_iter().collect());
    // Seats come and go with who holds them.
    let assigned = all(&timed, json!({"kind": {"eq": "LICENSE_ASSIGNED"}})).await;
    assert!(!assigned.is_empty());
}

#[tokio::test]
async fn what_was_told_outlives_a_restart_and_is_not_told_again() {
    let mut timed = Timed::new(300, &[]).await;
    timed.microsoft.change_users(40, 1);
    timed.microsoft.remove_users(5);
    timed.sync_after(2).await;
    let changes = all(&timed, Value::Null).await;
    assert!(changes.len() > 20);
    timed.restart().await;
    assert_eq!(all(&timed, Value::Null).await, changes);
    timed.server().sync().await;
    assert_eq!(all(&timed, Value::Null).await, changes);
}

#[tokio::test]
async fn a_verdict_that_time_alone_changed_is_told_by_the_next_sync_after_a_restart_too() {
    let mut timed = Timed::new(1_000, &[]).await;
    let before = everybody(timed.server()).await;
    timed.wait(5).await;
    timed.restart().await;
    timed.wait(40).await;
    // By now reports are stale, and nobody is judged by them.
    assert_ne!(everybody(timed.server()).await, before);
    assert_eq!(all(&timed, Value::Null).await, [] as [Value; 0]);
    timed.server().sync().await;
    let changes = newest(&timed).await;
    check(&changes, &before, &everybody(timed.server()).await);
    assert!(kinds(&changes).contains("ACTIVITY_STATE_CHANGED"));
    let unknown = changes
        .iter()
        .filter(|change| change["activityStateAfter"] == "UNKNOWN");
    assert!(unknown.count() < changes.len() / 10);
}

#[tokio::test]
async fn pages_walk_the_list_both_ways_and_cursors_outlive_a_sync() {
    let timed = Timed::new(300, &[]).await;
    for round in 1..4 {
        timed.microsoft.change_users(30, round);
        timed.sync_after(3).await;
    }
    let changes = all(&timed, Value::Null).await;
    let seen: Vec<_> = changes
        .iter()
        .map(|change| text(&change["seenAt"]))
        .collect();
    assert!(seen.is_sorted_by(|newer, older| newer >= older));
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 3);
    let days = (timed.today() - 30.days(), timed.today());
    let count = changes.len();
    let mut walked = Vec::new();
    let mut before = Value::Null;
    loop {
        let more = json!({"last": 7, "before": before});
        let page = page(timed.server(), days, more).await;
        let nodes = list(&page["edges"]).iter().rev();
        walked.extend(nodes.map(|edge| edge["node"].clone()));
        before = page["pageInfo"]["startCursor"].clone();
        assert_eq!(page["pageInfo"]["hasNextPage"], walked.len() > 7);
        if page["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
    }
    walked.reverse();
    assert_eq!(walked, changes);
    // The cursor of the eleventh is good when there are newer ones, and under a filter that leaves it out.
    let first = page(timed.server(), days, json!({"first": 11})).await;
    let after = first["pageInfo"]["endCursor"].clone();
    timed.microsoft.change_users(30, 9);
    timed.server().sync().await;
    let more = json!({"first": 500, "after": after});
    let rest = page(timed.server(), days, more).await;
    assert!(number(&rest["totalCount"]) > count);
    let nodes: Vec<_> = list(&rest["edges"])
        .iter()
        .map(|edge| edge["node"].clone())
        .collect();
    assert_eq!(nodes, changes[11..]);
    let other = (changes[10]["kind"] == "LICENSE_REMOVED").then_some("LICENSE_ASSIGNED");
    let kind = other.unwrap_or("LICENSE_REMOVED");
    let filter = json!({"kind": {"eq": kind}});
    let more = json!({"first": 500, "after": after, "filter": filter});
    let rest = page(timed.server(), days, more).await;
    let wanted = changes[11..].iter().filter(|change| change["kind"] == kind);
    assert_eq!(list(&rest["edges"]).len(), wanted.count());
}

#[tokio::test]
async fn a_filter_selects_by_kind_license_user_and_day() {
    let timed = Timed::new(300, &[]).await;
    for round in 1..3 {
        timed.microsoft.change_users(60, round);
        timed.microsoft.add_users(3);
        timed.sync_after(2).await;
    }
    let changes = all(&timed, Value::Null).await;
    let select = async |filter: Value, wanted: &dyn Fn(&Value) -> bool| {
        let expected: Vec<_> = changes.iter().filter(|own| wanted(own)).cloned().collect();
        assert!(
            !expected.is_empty() && expected.len() < changes.len(),
            "{filter}"
        );
        assert_eq!(all(&timed, filter.clone()).await, expected, "{filter}");
    };
    let is = |kind: &'static str| move |change: &Value| change["kind"] == kind;
    select(json!({"kind": {"eq": "JOINED"}}), &is("JOINED")).await;
    let two = json!({"kind": {"in": ["JOINED", "DEPARTMENT_CHANGED"]}});
    let is_either = |own: &Value| is("JOINED")(own) || is("DEPARTMENT_CHANGED")(own);
    select(two, &is_either).await;
    let license = changes
        .iter()
        .find(|own| !own["license"].is_null())
        .unwrap()["license"]
        .clone();
    let is_of = |own: &Value| own["license"] == license;
    select(json!({"license": {"eq": license["id"]}}), &is_of).await;
    select(json!({"license": {"notIn": [license["id"]]}}), &|own| {
        !is_of(own)
    })
    .await;
    let mut users: Vec<_> = changes
        .iter()
        .map(|own| own["user"]["id"].clone())
        .collect();
    users.dedup();
    let two = json!({"user": {"in": [users[0], users[5]]}});
    let is_one = |own: &Value| [&users[0], &users[5]].contains(&&own["user"]["id"]);
    select(two, &is_one).await;
    let both =
        json!({"user": {"notIn": [users[0], users[5]]}, "kind": {"eq": "DEPARTMENT_CHANGED"}});
    select(both, &|own| !is_one(own) && is("DEPARTMENT_CHANGED")(own)).await;
    let earlier = (timed.today() - 2.days(), timed.today() - 1.days());
    let page = page(timed.server(), earlier, json!({"first": 500})).await;
    let on = changes
        .iter()
        .filter(|own| own["on"] == earlier.0.to_string());
    assert_eq!(number(&page["totalCount"]), on.count());
    assert!(number(&page["totalCount"]) > 0);
}

#[tokio::test]
async fn a_question_about_changes_that_makes_no_sense_is_refused_with_what_would() {
    let server = Server::demo().await;
    let day = |days: i64| {
        let now = seatwise::clock::Clock::now(&seatwise::clock::SystemClock);
        (now.to_zoned(jiff::tz::TimeZone::UTC).date() + days.days()).to_string()
    };
    let refused = async |asked: Value| {
        let answer = server.query(CHANGES, asked).await;
        let error = &answer["errors"][0];
        assert_eq!(answer["data"], Value::Null);
        (text(&error["extensions"]["code"]), text(&error["message"]))
    };
    let (code, message) = refused(json!({"from": day(-1), "to": day(-2)})).await;
    assert_eq!(code, "BAD_INPUT");
    assert!(message.starts_with("`from` is "), "{message}");
    let (code, message) = refused(json!({"from": day(-400), "to": day(0)})).await;
    assert_eq!(code, "BAD_INPUT");
    assert_eq!(message, "`from` to `to` is 401 days; it takes at most 400.");
    let (code, message) = refused(json!({"from": day(-2), "to": day(3)})).await;
    assert_eq!(code, "BAD_INPUT");
    assert!(message.contains("still to come"), "{message}");
    let (code, message) = refused(json!({"from": day(4), "to": day(5)})).await;
    assert_eq!(code, "BAD_INPUT");
    assert!(message.starts_with("`from` is "), "{message}");
    let known = json!({"from": day(-2), "to": day(0)});
    let with = |name: &str, value: Value| {
        let mut asked = known.clone();
        asked[name] = value;
        asked
    };
    // A tenant that is not there, by an id in the right spelling.
    let stranger = "VGVuYW50OmZhYnJpa2Ft";
    let (code, message) = refused(with("tenant", json!(stranger))).await;
    assert_eq!(code, "NOT_FOUND");
    assert_eq!(message, "There is no such tenant.");
    let (code, _) = refused(with("tenant", json!("contoso"))).await;
    assert_eq!(code, "BAD_INPUT");
    let (code, _) = refused(with("after", json!("made up"))).await;
    assert_eq!(code, "BAD_INPUT");
    let (code, _) = refused(with("first", json!(501))).await;
    assert_eq!(code, "BAD_INPUT");
    let license = json!({"license": {"eq": stranger}});
    let (code, message) = refused(with("filter", license)).await;
    assert_eq!(code, "BAD_INPUT");
    assert!(message.contains("id of a Tenant"), "{message}");
    let tenant = server.tenant_id().await;
    let answer = server.query(CHANGES, with("tenant", json!(tenant))).await;
    assert_eq!(answer.get("errors"), None);
}

/// The days between two on which a workload was used.
async fn used_on(timed: &Timed, (from, to): (Date, Date)) -> BTreeSet<String> {
    let document = "query ($from: Date!, $to: Date!) {
        usage(workload: TEAMS, from: $from, to: $to) {on activeUsers}}";
    let asked = json!({"from": from.to_string(), "to": to.to_string()});
    let points = data(timed.server(), document, asked).await;
    let points = list(&points["usage"]).iter();
    let used = points.filter(|point| point["activeUsers"].as_u64() > Some(0));
    used.map(|point| text(&point["on"])).collect()
}

#[tokio::test]
async fn history_is_kept_past_microsofts_180_days_and_forgotten_when_the_operator_says() {
    let settings = &[
        ("HISTORY__USAGE_DAYS", "225"),
        ("HISTORY__CHANGES_DAYS", "203"),
    ];
    let mut timed = Timed::new(300, settings).await;
    timed.microsoft.change_users(40, 1);
    timed.sync_after(1).await;
    let (begin, first) = (timed.today() - 30.days(), timed.today());
    let (used, changes) = (
        used_on(&timed, (begin, first)).await,
        all(&timed, Value::Null).await,
    );
    assert!(used.len() > 5, "{used:?}");
    assert!(changes.len() > 20, "{}", changes.len());

    // More than half a year later nothing of it is lost, though Microsoft knows none of it any more.
    timed.sync_after(195).await;
    timed.restart().await;
    timed.sync_after(5).await;
    assert_eq!(used_on(&timed, (begin, first)).await, used);
    let range = (begin, first);
    let then = page(timed.server(), range, json!({"first": 500})).await;
    assert_eq!(number(&then["totalCount"]), changes.len());

    // A day too old is forgotten by the next sync, on disk too; one that is not stays.
    let oldest = used.iter().nth(used.len() / 2).unwrap();
    let then: Date = oldest.parse().unwrap();
    let days = (then + 225.days() - timed.today()).get_days();
    timed.sync_after(days.into()).await;
    let kept: BTreeSet<_> = used.iter().filter(|on| *on >= oldest).cloned().collect();
    assert!(kept.len() < used.len());
    for _ in 0..2 {
        assert_eq!(used_on(&timed, (begin, first)).await, kept);
        let then = page(timed.server(), range, json!({})).await;
        assert_eq!(then["totalCount"], 0);
        let known = text(&then["knownSince"]);
        assert!(known >= (timed.today() - 203.days()).to_string(), "{known}");
        timed.restart().await;
    }
    timed.sync_after(30).await;
    assert_eq!(used_on(&timed, (begin, first)).await, BTreeSet::new());
}

#[tokio::test]
async fn changes_of_a_server_that_was_told_to_forget_its_tenant_are_forgotten() {
    let server = Server::fresh(Options::default()).await;
    server.microsoft().change_users(40, 1);
    server.sync().await;
    let document =
        "query ($from: Date!, $to: Date!) {changes(from: $from, to: $to) {totalCount knownSince}}";
    let now = seatwise::clock::Clock::now(&seatwise::clock::SystemClock);
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let asked = json!({"from": (today - 2.days()).to_string(), "to": today.to_string()});
    let before = data(&server, document, asked.clone()).await;
    assert!(number(&before["changes"]["totalCount"]) > 0);
    let tenant = server.tenant_id().await;
    let purge = "mutation ($tenant: ID!) {disconnectTenant(tenant: $tenant, purge: true) {id}}";
    data(&server, purge, json!({"tenant": tenant})).await;
    let after = data(&server, document, asked).await;
    assert_eq!(
        after["changes"],
        json!({"totalCount": 0, "knownSince": null})
    );
}
