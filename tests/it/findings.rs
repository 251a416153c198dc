//! What costs money and does no good: each kind with its evidence, what becomes of it over time, and what
//! the operator decides. What is found is held against what users and licenses say of themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use seatwise::clock::{Clock, SystemClock};
use seatwise::simulator::{Settings, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::asking::{count, data, list, number, refusal, sentences, text};
use crate::evidence::{KINDS, SILENT, TIDY, is_of, says_what_it_rests_on};
use crate::support::{Options, Server, tenant_settings};

sentences! { of one demo:
    every_kind_is_found_and_says_what_it_rests_on
    who_is_found_idle_says_so_of_themselves
    what_is_free_is_never_waste
    a_user_a_filter_and_a_node_tell_the_same_findings
    pages_follow_each_other_both_ways_in_every_order
    seats_without_a_price_are_counted_once
}

/// Those that are found by comparing prices; the demo of these tests has none.
const PRICED: [&str; 1] = ["DOWNGRADE"];

const LIST: &str = "query ($filter: FindingFilter, $orderBy: [FindingOrder!], $first: Int, $after: String,
        $last: Int, $before: String) {
    findings(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
        totalCount unpricedSeats
        pageInfo {hasNextPage hasPreviousPage startCursor endCursor}
        nodes {id kind state confidence summary seats firstSeenOn realizedOn
            exemption {reason owner until} user {id activityState} license {id class}
            subscription {id} evidence {fact value source asOf}}}}";

async fn page(server: &Server, arguments: Value) -> Value {
    data(server, LIST, arguments).await["findings"].clone()
}

/// Everything that a filter selects, in an order, walked through from one end or the other.
async fn walk(server: &Server, filter: &Value, order: &Value, backward: bool) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let mut asked = json!({"filter": filter, "orderBy": order});
        let (size, at) = match backward {
            true => ("last", "before"),
            false => ("first", "after"),
        };
        asked[size] = json!(250);
        asked[at] = cursor;
        let page = page(server, asked).await;
        let nodes = list(&page["nodes"]).to_vec();
        let (more, next) = match backward {
            true => {
                found.splice(0..0, nodes);
                ("hasPreviousPage", "startCursor")
            }
            false => {
                found.extend(nodes);
                ("hasNextPage", "endCursor")
            }
        };
        if page["pageInfo"][more] == false {
            assert_eq!(found.len(), number(&page["totalCount"]));
            return found;
        }
        cursor = page["pageInfo"][next].clone();
    }
}

async fn all(server: &Server, filter: Value) -> Vec<Value> {
    walk(server, &filter, &Value::Null, false).await
}

fn ids<'a>(nodes: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    nodes.into_iter().map(|node| text(&node["id"])).collect()
}

async fn every_kind_is_found_and_says_what_it_rests_on(server: &Server) {
    let found = all(server, Value::Null).await;
    for kind in KINDS {
        let is_found = found.iter().any(|own| own["kind"] == kind);
        assert_eq!(is_found, !PRICED.contains(&kind), "{kind}");
    }
    let today = today().to_string();
    for finding in &found {
        assert_eq!(finding["state"], "OPEN", "{finding}");
        assert_eq!(finding["firstSeenOn"], today, "{finding}");
        says_what_it_rests_on(finding);
    }
}

async fn who_is_found_idle_says_so_of_themselves(server: &Server) {
    for kind in ["INACTIVE", "NEVER_ACTIVE"] {
        let found = all(server, json!({"kind": {"eq": kind}})).await;
        assert!(!found.is_empty());
        for finding in &found {
            assert_eq!(finding["user"]["activityState"], kind, "{finding}");
        }
        // Not all who are idle cost money, but whoever works is never found so.
        let filter = json!({"kind": {"eq": kind}, "user": {"activityState": {"eq": "ACTIVE"}}});
        assert_eq!(all(server, filter).await, [] as [Value; 0]);
    }
}

async fn what_is_free_is_never_waste(server: &Server) {
    let answer = data(
        server,
        "{licenses(first: 100) {nodes {id value class}}}",
        json!({}),
    )
    .await;
    let licenses = list(&answer["licenses"]["nodes"]);
    let class = |value: &str| {
        let license = licenses.iter().find(|own| own["value"] == value);
        text(&license.unwrap()["class"])
    };
    assert_eq!(class("SPE_E3"), "PAID");
    assert_eq!(class("VISIOCLIENT"), "ADDON");
    assert_eq!(class("TEAMS_EXPLORATORY"), "TRIAL");
    assert_eq!(class("FLOW_FREE"), "FREE");
    assert_eq!(class("CONTOSO_PHONE_SYSTEM_E5"), "UNKNOWN");
    let found = all(server, Value::Null).await;
    for finding in found.iter().filter(|own| !is_of(own, &TIDY)) {
        let class = text(&finding["license"]["class"]);
        assert!(["PAID", "ADDON"].contains(&class.as_str()), "{finding}");
    }
}

async fn a_user_a_filter_and_a_node_tell_the_same_findings(server: &Server) {
    let found = all(server, Value::Null).await;
    let mut by_user: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in found.iter().filter(|own| !own["user"].is_null()) {
        let own = by_user.entry(text(&finding["user"]["id"])).or_default();
        own.insert(text(&finding["id"]));
    }
    let document = "query ($ids: [ID!]!) {nodes(ids: $ids) {... on User {id findings {id}}}}";
    let users: Vec<&String> = by_user.keys().step_by(9).collect();
    let answer = data(server, document, json!({"ids": users})).await;
    for user in list(&answer["nodes"]) {
        let own = ids(list(&user["findings"]));
        assert_eq!(own, by_user[&text(&user["id"])]);
    }
    for kind in KINDS {
        let of_kind = found.iter().filter(|own| own["kind"] == kind);
        let of_kind: Vec<&Value> = of_kind.collect();
        let filter = json!({"kind": {"eq": kind}});
        let selected = all(server, filter).await;
        assert_eq!(ids(&selected), ids(of_kind.iter().copied()), "{kind}");
        let users = of_kind.iter().filter(|own| !own["user"].is_null());
        let users: BTreeSet<String> = users.map(|own| text(&own["user"]["id"])).collect();
        let selected = count(server, json!({"finding": {"eq": kind}})).await;
        assert_eq!(selected, users.len(), "{kind}");
    }
    let everybody = count(server, Value::Null).await;
    let free = count(server, json!({"finding": {"isNull": true}})).await;
    assert_eq!(everybody - free, by_user.len());

    let some = &found[found.len() / 2];
    let document = "query ($id: ID!) {node(id: $id) {id ... on Finding {kind summary}}}";
    let node = data(server, document, json!({"id": some["id"]})).await["node"].clone();
    assert_eq!(node["summary"], some["summary"]);
    let license = &found.iter().find(|own| own["kind"] == "OVERLAP").unwrap()["license"]["id"];
    let filter = json!({"and": [{"license": {"eq": license}}, {"not": {"kind": {"eq": "OVERLAP"}}}],
        "state": {"eq": "OPEN"}, "confidence": {"in": ["HIGH", "MEDIUM"]}});
    let expected = found.iter().filter(|own| {
        own["license"]["id"] == *license && own["kind"] != "OVERLAP" && own["confidence"] != "LOW"
    });
    assert_eq!(ids(&all(server, filter).await), ids(expected));
    let two = [&found[0]["id"], &found[1]["id"]];
    let selected = all(server, json!({"id": {"in": two}})).await;
    assert_eq!(selected.len(), 2);
    let others = all(server, json!({"id": {"notIn": two}})).await;
    assert_eq!(others.len(), found.len() - 2);
    let tenant = json!({"id": {"eq": some["id"]}, "tenant": {"in": []}});
    assert_eq!(all(server, tenant).await, [] as [Value; 0]);
}

async fn pages_follow_each_other_both_ways_in_every_order(server: &Server) {
    for field in ["MONTHLY_SAVINGS", "FIRST_SEEN_ON", "KIND"] {
        for direction in ["ASC", "DESC"] {
            let order = json!([{"field": field, "direction": direction}]);
            let forward = walk(server, &Value::Null, &order, false).await;
            let backward = walk(server, &Value::Null, &order, true).await;
            assert_eq!(forward, backward, "{field} {direction}");
            assert_eq!(ids(&forward).len(), forward.len(), "one came twice");
        }
    }
    let order = json!([{"field": "KIND", "direction": "ASC"}]);
    let sorted = walk(server, &Value::Null, &order, false).await;
    assert_eq!(sorted[0]["kind"], "INACTIVE");
    // A cursor is good in its own order only.
    let asked = json!({"orderBy": order, "first": 1});
    let cursor = page(server, asked).await["pageInfo"]["endCursor"].clone();
    let code = refusal(server, LIST, json!({"first": 1, "after": cursor})).await;
    assert_eq!(code, "BAD_INPUT");
}

async fn seats_without_a_price_are_counted_once(server: &Server) {
    let whole = page(server, json!({"first": 1})).await;
    let seats = number(&whole["unpricedSeats"]);
    assert!(seats > 0);
    // One seat, whatever is found of it: fewer than findings that are not tidying up.
    let mut summed = 0;
    for kind in KINDS {
        let filter = json!({"filter": {"kind": {"eq": kind}}, "first": 1});
        summed += number(&page(server, filter).await["unpricedSeats"]);
    }
    assert_eq!(summed, seats);
    let tidy = json!({"filter": {"kind": {"in": TIDY}}, "first": 1});
    assert_eq!(page(server, tidy).await["unpricedSeats"], 0);
}

/// The clock of this machine, so many hours ahead.
#[derive(Clone, Default)]
struct Ahead(Arc<AtomicI64>);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_hours(self.0.load(Ordering::SeqCst))
    }
}

fn today() -> Date {
    SystemClock.now().to_zoned(TimeZone::UTC).date()
}

/// A synced server by a clock that can be set ahead; it can be started again over the same data.
struct Timed {
    server: Option<Server>,
    microsoft: Simulator,
    clock: Ahead,
    settings: Vec<(String, String)>,
    _directory: TempDir,
}

impl Timed {
    async fn new(users: u64, prepare: impl FnOnce(&Simulator) + Send + 'static) -> Self {
        let clock = Ahead::default();
        let mut timed = tokio::task::spawn_blocking(move || {
            let told = clock.clone();
            let microsoft = Simulator::start(Settings {
                users,
                now: Some(Arc::new(move || told.now())),
                ..Settings::default()
            })
            .unwrap();
            prepare(&microsoft);
            let directory = tempfile::tempdir().unwrap();
            let data = format!("sled:{}", directory.path().join("data").display());
            let mut settings = tenant_settings(&microsoft, "app");
            // Runs begin by hand only.
            settings.push(("SYNC__SCHEDULE".to_owned(), "0 0 0 29 2 *".to_owned()));
            settings.push(("STORAGE__URL".to_owned(), data));
            Self {
                server: None,
                microsoft,
                clock,
                settings,
                _directory: directory,
            }
        })
        .await
        .unwrap();
        timed.start().await;
        timed.server().synced().await;
        timed
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    async fn start(&mut self) {
        let (settings, clock) = (self.settings.clone(), self.clock.clone());
        let starting = move || Server::start_by(&settings, Arc::new(clock));
        self.server = Some(tokio::task::spawn_blocking(starting).await.unwrap());
    }

    async fn restart(&mut self) {
        let server = self.server.take().unwrap();
        tokio::task::spawn_blocking(move || server.stop())
            .await
            .unwrap();
        self.start().await;
    }

    /// Lets hours pass; the heartbeat beats.
    async fn wait(&self, hours: i64) {
        self.clock.0.fetch_add(hours, Ordering::SeqCst);
        self.server().coordinator.tick().await;
    }
}

#[tokio::test]
async fn what_the_data_cannot_tell_is_unknown_and_no_finding() {
    for prepare in [
        (|microsoft| microsoft.set_concealed(true)) as fn(&Simulator),
        |microsoft| microsoft.set_report_lag(20),
    ] {
        let timed = Timed::new(1_000, prepare).await;
        let found = all(timed.server(), Value::Null).await;
        for finding in &found {
            assert!(!is_of(finding, &SILENT), "{finding}");
        }
        assert!(found.iter().any(|own| is_of(own, &["DISABLED_ACCOUNT"])));
        let is_licensed = json!({"licenseValues": {"hasSome": ["SPE_E3", "SPE_E5"]}});
        let idle = json!({"activityState": {"in": ["INACTIVE", "NEVER_ACTIVE"]}});
        // Of whom every service is switched off, sign-ins alone tell.
        let opened = json!({"not": {"finding": {"eq": "EMPTY_LICENSE"}}});
        let idle = json!({"and": [is_licensed, idle, opened]});
        assert_eq!(count(timed.server(), idle).await, 0);
        let unknown = json!({"activityState": {"eq": "UNKNOWN"}});
        assert!(count(timed.server(), unknown).await > 0);
    }
}

const EXEMPT: &str = "mutation ($input: ExemptionInput!) {
    exemptFinding(input: $input) {id state exemption {reason owner until}}}";
const REOPEN: &str =
    "mutation ($id: ID!) {reopenFinding(finding: $id) {id state exemption {reason}}}";

#[tokio::test]
async fn an_exemption_holds_over_a_restart_and_expires_by_itself() {
    let mut timed = Timed::new(300, |_| {}).await;
    let found = all(timed.server(), json!({"kind": {"eq": "DISABLED_ACCOUNT"}})).await;
    let id = &found[0]["id"];
    let until = (timed.clock.now().to_zoned(TimeZone::UTC).date() + 1.day()).to_string();
    let input = |reason: &str, until: &str| json!({"input": {"finding": id, "reason": reason, "owner": "Ann", "until": until}});

    let refused = refusal(timed.server(), EXEMPT, input("", &until)).await;
    assert_eq!(refused, "BAD_INPUT");
    let refused = refusal(timed.server(), EXEMPT, input("On leave", "2020-01-01")).await;
    assert_eq!(refused, "BAD_INPUT");

    let before = page(timed.server(), json!({"first": 1})).await["unpricedSeats"].clone();
    let exempted = data(timed.server(), EXEMPT, input(" On  leave ", &until)).await;
    assert_eq!(exempted["exemptFinding"]["state"], "EXEMPT");
    let exemption = json!({"reason": "On leave", "owner": "Ann", "until": until});
    assert_eq!(exempted["exemptFinding"]["exemption"], exemption);
    let after = page(timed.server(), json!({"first": 1})).await["unpricedSeats"].clone();
    assert!(number(&after) < number(&before));

    timed.restart().await;
    timed.server().sync().await;
    let exempt = json!({"state": {"eq": "EXEMPT"}});
    let listed = all(timed.server(), exempt.clone()).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["exemption"], exemption);
    timed.wait(24).await;
    assert_eq!(all(timed.server(), exempt.clone()).await.len(), 1);
    timed.wait(24).await;
    let open = all(timed.server(), json!({"id": {"eq": id}})).await;
    assert_eq!(open[0]["state"], "OPEN");
    assert_eq!(open[0]["exemption"], Value::Null);
    assert_eq!(open[0]["firstSeenOn"], found[0]["firstSeenOn"]);

    let later = (timed.clock.now().to_zoned(TimeZone::UTC).date() + 9.days()).to_string();
    data(timed.server(), EXEMPT, input("Again", &later)).await;
    let reopened = data(timed.server(), REOPEN, json!({"id": id})).await;
    assert_eq!(reopened["reopenFinding"]["state"], "OPEN");
    assert_eq!(all(timed.server(), exempt).await.len(), 0);
}

#[tokio::test]
async fn a_finding_is_realized_once_a_sync_shows_its_seat_gone_and_is_told_after_a_restart() {
    let mut timed = Timed::new(2_000, |_| {}).await;
    let before = all(timed.server(), Value::Null).await;
    let gone: BTreeSet<String> = timed.microsoft.remove_users(300).into_iter().collect();
    assert_eq!(all(timed.server(), Value::Null).await, before);

    timed.server().sync().await;
    let realized = all(timed.server(), json!({"state": {"eq": "REALIZED"}})).await;
    let of_gone: Vec<&Value> = realized
        .iter()
        .filter(|own| own["user"].is_null() && own["kind"] != "UNASSIGNED_SEATS")
        .collect();
    assert!(!of_gone.is_empty() && !gone.is_empty());
    let known = |id: &Value| before.iter().find(|own| own["id"] == *id);
    for finding in &of_gone {
        let was = known(&finding["id"]).expect("it was found before");
        assert!(!is_of(finding, &TIDY), "{finding}");
        assert_eq!(finding["evidence"], was["evidence"]);
        assert_eq!(finding["firstSeenOn"], was["firstSeenOn"]);
        assert!(!finding["realizedOn"].is_null());
    }
    let conflict = json!({"id": of_gone[0]["id"]});
    assert_eq!(refusal(timed.server(), REOPEN, conflict).await, "CONFLICT");

    let now = all(timed.server(), Value::Null).await;
    timed.restart().await;
    assert_eq!(all(timed.server(), Value::Null).await, now);
    timed.server().sync().await;
    let later = all(timed.server(), json!({"state": {"eq": "REALIZED"}})).await;
    assert_eq!(ids(&later), ids(&realized));
}

#[tokio::test]
async fn the_day_on_which_a_finding_was_seen_first_outlives_a_restart() {
    let mut timed = Timed::new(300, |_| {}).await;
    let first = all(timed.server(), json!({"kind": {"eq": "DISABLED_ACCOUNT"}})).await;
    timed.clock.0.fetch_add(72, Ordering::SeqCst);
    timed.restart().await;
    let filter = json!({"kind": {"eq": "DISABLED_ACCOUNT"}});
    let seen = |found: &[Value]| -> BTreeMap<String, String> {
        let seen = found.iter();
        seen.map(|own| (text(&own["id"]), text(&own["firstSeenOn"])))
            .collect()
    };
    let again = all(timed.server(), filter.clone()).await;
    assert_eq!(seen(&again), seen(&first));
    timed.server().sync().await;
    timed.restart().await;
    let (after, before) = (seen(&all(timed.server(), filter).await), seen(&first));
    let kept = before.iter().filter(|(id, _)| after.contains_key(*id));
    assert!(kept.clone().count() > 0);
    assert!(kept.clone().all(|(id, on)| after[id] == *on));
}

#[tokio::test]
async fn a_license_that_somebody_calls_free_is_no_waste_until_it_is_taken_back() {
    let mut timed = Timed::new(300, |_| {}).await;
    let filter = json!({"filter": {"value": {"eq": "SPE_E3"}}});
    let document = "query ($filter: LicenseFilter) {licenses(filter: $filter) {nodes {id class}}}";
    let license =
        data(timed.server(), document, filter).await["licenses"]["nodes"][0]["id"].clone();
    let waste = json!({"license": {"eq": license}, "not": {"kind": {"in": TIDY}}});
    let before = all(timed.server(), waste.clone()).await;
    assert!(!before.is_empty());
    let classify = "mutation ($license: ID!, $class: LicenseClass) {
        classifyLicense(license: $license, class: $class) {class}}";
    let free = json!({"license": license, "class": "FREE"});
    let answer = data(timed.server(), classify, free).await;
    assert_eq!(answer["classifyLicense"]["class"], "FREE");
    assert_eq!(all(timed.server(), waste.clone()).await, [] as [Value; 0]);
    timed.restart().await;
    assert_eq!(all(timed.server(), waste.clone()).await, [] as [Value; 0]);
    let back = json!({"license": license, "class": null});
    let answer = data(timed.server(), classify, back).await;
    assert_eq!(answer["classifyLicense"]["class"], "PAID");
    assert_eq!(ids(&all(timed.server(), waste).await), ids(&before));
}

#[tokio::test]
async fn the_policy_of_the_configuration_is_what_activity_and_findings_are_judged_by() {
    let inactive = json!({"activityState": {"eq": "INACTIVE"}});
    let usual = Server::fresh(Options::default()).await;
    let options = Options::default().with("POLICY__INACTIVE_AFTER_DAYS", "14");
    let strict = Server::fresh(options).await;
    let options = Options::default()
        .with("POLICY__INACTIVE_AFTER_DAYS", "14")
        .with("TENANTS__CONTOSO__POLICY__INACTIVE_AFTER_DAYS", "90")
        .with("TENANTS__CONTOSO__POLICY__BUFFER_SEATS_MIN", "100000")
        .with("POLICY__CLASSES", "SPE_E5 = FREE, POWER_BI_PRO=trial");
    let own = Server::fresh(options).await;
    let (many, few) = (
        count(&strict, inactive.clone()).await,
        count(&usual, inactive.clone()).await,
    );
    assert!(many > few, "{many} and {few}");
    assert_eq!(count(&own, inactive).await, few);
    let spare = json!({"kind": {"eq": "UNASSIGNED_SEATS"}});
    assert!(!all(&usual, spare.clone()).await.is_empty());
    assert_eq!(all(&own, spare).await, [] as [Value; 0]);
    let document = "{licenses(first: 100) {nodes {value class}}}";
    let licenses = own.data(document).await;
    let class = |value: &str| {
        let mut all = list(&licenses["licenses"]["nodes"]).iter();
        text(&all.find(|one| one["value"] == value).unwrap()["class"])
    };
    assert_eq!([class("SPE_E5"), class("POWER_BI_PRO")], ["FREE", "TRIAL"]);
    // By a shorter time more is found, and nothing less.
    let silent = json!({"kind": {"in": ["INACTIVE", "NEVER_ACTIVE"]}});
    let found = all(&usual, silent.clone()).await.len();
    assert!(all(&strict, silent).await.len() > found);
}
