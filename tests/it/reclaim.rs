//! What to do so that seats come free: each step is held against what the user's own assignments say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use seatwise::clock::{Clock as _, SystemClock};
use seatwise::simulator::{Settings, Simulator};
use serde_json::{Value, json};

use crate::asking::{data, list, number, refusal, sentences, text};
use crate::support::process::{Process, environment_for, run};
use crate::support::{Options, Server, TOKEN};

sentences! { of one demo:
    each_seat_of_an_open_finding_is_there_once
    a_step_names_the_path_by_which_the_seat_is_held
    pages_of_a_plan_follow_each_other_both_ways
    a_plan_is_a_table_an_array_and_a_script
    a_wrong_question_is_told_so
}

/// Kinds that are about a user's seat.
const OF_SEATS: [&str; 11] = [
    "INACTIVE",
    "NEVER_ACTIVE",
    "DISABLED_ACCOUNT",
    "GUEST",
    "RESOURCE_ACCOUNT",
    "OVERLAP",
    "DUPLICATE_ASSIGNMENT",
    "DOWNGRADE",
    "EMPTY_LICENSE",
    "COPILOT_UNUSED",
    "ADDON_UNUSED",
];

const PLAN: &str =
    "query ($filter: FindingFilter, $first: Int, $after: String, $last: Int, $before: String) {
    reclaimPlan(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
        totalCount unpricedSeats pageInfo {hasNextPage hasPreviousPage startCursor endCursor}
        edges {cursor}
        nodes {act takesAlso {skuId name} replacedBy {skuId name}
            groupsToLeave {membership group {objectId isDynamic isSyncedFromOnPremises}}
            finding {id kind state user {id userPrincipalName} license {id skuId}}}}}";

const FINDINGS: &str = "query ($filter: FindingFilter, $after: String) {
    findings(filter: $filter, first: 500, after: $after) {
        pageInfo {hasNextPage endCursor} nodes {id kind user {id} license {id}}}}";

async fn plan(server: &Server, arguments: Value) -> Value {
    data(server, PLAN, arguments).await["reclaimPlan"].clone()
}

/// All steps that a filter selects, walked through from one end or the other.
async fn walk(server: &Server, filter: &Value, size: usize, is_backward: bool) -> Vec<Value> {
    let mut steps: Vec<Value> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let (count, at) = match is_backward {
            true => ("last", "before"),
            false => ("first", "after"),
        };
        let page = plan(server, json!({"filter": filter, count: size, at: cursor})).await;
        let nodes = list(&page["nodes"]).to_vec();
        let (more, next) = match is_backward {
            true => {
                steps.splice(0..0, nodes);
                ("hasPreviousPage", "startCursor")
            }
            false => {
                steps.extend(nodes);
                ("hasNextPage", "endCursor")
            }
        };
        if page["pageInfo"][more] == false {
            assert_eq!(steps.len(), number(&page["totalCount"]));
            return steps;
        }
        cursor = page["pageInfo"][next].clone();
    }
}

async fn steps(server: &Server) -> Vec<Value> {
    walk(server, &Value::Null, 500, false).await
}

/// Who holds which license.
fn seat(finding: &Value) -> (String, String) {
    (
        text(&finding["user"]["id"]),
        text(&finding["license"]["id"]),
    )
}

/// What a user's assignments say, by `skuId`: whether directly, and by which groups.
type Paths = BTreeMap<String, (bool, BTreeSet<String>)>;

/// Of each user who is in a plan.
async fn paths(server: &Server, steps: &[Value]) -> BTreeMap<String, Paths> {
    let users = steps
        .iter()
        .map(|step| text(&step["finding"]["user"]["id"]));
    let users: Vec<String> = users.collect::<BTreeSet<_>>().into_iter().collect();
    let document = "query ($ids: [ID!]!) {nodes(ids: $ids) {... on User {id
        licenses {state assignedDirectly assignedByGroups {objectId} license {skuId}}}}}";
    let mut paths = BTreeMap::new();
    for ids in users.chunks(500) {
        let answer = data(server, document, json!({"ids": ids})).await;
        for user in list(&answer["nodes"]) {
            let of_license = |own: &Value| {
                let groups = list(&own["assignedByGroups"]).iter();
                let groups = groups.map(|group| text(&group["objectId"])).collect();
                let is_direct = own["assignedDirectly"] == true;
                (text(&own["license"]["skuId"]), (is_direct, groups))
            };
            let held = list(&user["licenses"]).iter();
            let held = held.filter(|own| own["state"] != "ERROR");
            paths.insert(text(&user["id"]), held.map(of_license).collect());
        }
    }
    paths
}

async fn each_seat_of_an_open_finding_is_there_once(server: &Server) {
    let filter = json!({"state": {"eq": "OPEN"}, "kind": {"in": OF_SEATS}});
    let mut by_seat: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let mut cursor = Value::Null;
    loop {
        let asked = json!({"filter": filter, "after": cursor});
        let page = data(server, FINDINGS, asked).await["findings"].clone();
        for finding in list(&page["nodes"]) {
            let kinds = by_seat.entry(seat(finding)).or_default();
            kinds.insert(text(&finding["kind"]));
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        cursor = page["pageInfo"]["endCursor"].clone();
    }
    let steps = steps(server).await;
    let seats: BTreeSet<_> = steps.iter().map(|step| seat(&step["finding"])).collect();
    assert_eq!(seats.len(), steps.len(), "a seat came twice");
    assert_eq!(seats, by_seat.keys().cloned().collect());
    assert!(by_seat.values().any(|kinds| kinds.len() > 1));
}

async fn a_step_names_the_path_by_which_the_seat_is_held(server: &Server) {
    let steps = steps(server).await;
    let paths = paths(server, &steps).await;
    let mut acts = BTreeSet::new();
    for step in &steps {
        let (user, _) = seat(&step["finding"]);
        let sku_id = text(&step["finding"]["license"]["skuId"]);
        let (is_direct, groups) = &paths[&user][&sku_id];
        let named = list(&step["groupsToLeave"]).iter();
        let named: BTreeSet<_> = named.map(|path| text(&path["group"]["objectId"])).collect();
        let is_twin = step["finding"]["kind"] == "DUPLICATE_ASSIGNMENT";
        let expected = match (is_direct, groups.is_empty()) {
            (true, _) if is_twin => "UNASSIGN_TWIN",
            (true, true) => "UNASSIGN",
            (true, false) => "UNASSIGN_AND_LEAVE_GROUPS",
            (false, _) => "LEAVE_GROUPS",
        };
        assert_eq!(step["act"], expected, "{step}");
        acts.insert(expected);
        if is_twin {
            assert!(named.is_empty(), "{step}");
        } else {
            assert_eq!(named, *groups, "{step}");
        }
        let goes = |(own, (is_direct, groups)): &(&String, &(bool, BTreeSet<String>))| {
            **own != sku_id && !is_direct && !groups.is_empty() && groups.is_subset(&named)
        };
        let lost = paths[&user].iter().filter(goes);
        let lost: BTreeSet<String> = lost.map(|(own, _)| own.clone()).collect();
        let told = list(&step["takesAlso"]).iter();
        let told: BTreeSet<_> = told.map(|product| text(&product["skuId"])).collect();
        assert_eq!(told, lost, "{step}");
        for path in list(&step["groupsToLeave"]) {
            let group = &path["group"];
            let expected = match (&group["isSyncedFromOnPremises"], &group["isDynamic"]) {
                (Value::Bool(true), _) => "ON_PREMISES",
                (_, Value::Bool(true)) => "DYNAMIC",
                (_, Value::Null) => "UNKNOWN",
                _ => "ASSIGNED",
            };
            assert_eq!(path["membership"], expected, "{path}");
        }
    }
    let all = ["LEAVE_GROUPS", "UNASSIGN", "UNASSIGN_TWIN"];
    assert!(acts.is_superset(&all.into()), "{acts:?}");
}

async fn pages_of_a_plan_follow_each_other_both_ways(server: &Server) {
    let filter = json!({"kind": {"in": ["INACTIVE", "OVERLAP"]}});
    let forward = walk(server, &filter, 37, false).await;
    assert!(forward.len() > 74);
    assert_eq!(walk(server, &filter, 37, true).await, forward);
    let kinds: BTreeSet<_> = forward
        .iter()
        .map(|step| text(&step["finding"]["kind"]))
        .collect();
    assert_eq!(kinds, ["INACTIVE".to_owned(), "OVERLAP".to_owned()].into());
}

async fn a_plan_is_a_table_an_array_and_a_script(server: &Server) {
    let document = "query ($filter: FindingFilter) {
        tenants {tenantId}
        reclaimPlan(filter: $filter) {totalCount
            csv: file(format: CSV) json: file(format: JSON) powershell: file(format: POWERSHELL)}}";
    let filter = json!({"kind": {"eq": "DISABLED_ACCOUNT"}});
    let answer = data(server, document, json!({"filter": filter})).await;
    let plan = &answer["reclaimPlan"];
    let count = number(&plan["totalCount"]);
    assert!(count > 1);
    let (csv, script) = (text(&plan["csv"]), text(&plan["powershell"]));
    let rows = csv::Reader::from_reader(csv.as_bytes()).into_records();
    let rows: Vec<csv::StringRecord> = rows.map(Result::unwrap).collect();
    let objects: Vec<Value> = serde_json::from_str(&text(&plan["json"])).unwrap();
    assert_eq!((rows.len(), objects.len()), (count, count));
    let tenant = text(&answer["tenants"][0]["tenantId"]);
    assert!(script.contains(&format!("$tenantId = '{tenant}'")));
    for (number, (row, object)) in (1..).zip(rows.iter().zip(&objects)) {
        assert_eq!(row[0], text(&object["userId"]));
        assert_eq!(row[3], text(&object["skuId"]));
        assert_eq!(object["finding"], "DISABLED_ACCOUNT");
        let step = format!("Number = {number}; User = '{}'", &row[0]);
        assert!(script.contains(&step), "{step}");
    }
}

#[tokio::test]
async fn what_somebody_decided_to_leave_is_in_no_plan() {
    let options = Options {
        users: 2_000,
        ..Options::default()
    };
    let server = &Server::fresh(options).await;
    let step = plan(server, json!({"first": 1})).await;
    let finding = &step["nodes"][0]["finding"];
    let name = &finding["user"]["userPrincipalName"];
    let license = &finding["license"]["id"];
    let filter = json!({"user": {"userPrincipalName": {"eq": name}}, "license": {"eq": license}});
    let before = plan(server, json!({"filter": filter})).await;
    assert_eq!(before["totalCount"], 1);
    let asked = json!({"filter": filter, "after": null});
    let answer = data(server, FINDINGS, asked).await;
    let now = SystemClock.now().to_zoned(TimeZone::UTC);
    let until = (now.date() + 30.days()).to_string();
    let document = "mutation ($input: ExemptionInput!) {exemptFinding(input: $input) {state}}";
    for finding in list(&answer["findings"]["nodes"]) {
        let input = json!({"finding": finding["id"], "reason": "on leave", "owner": "Kim",
            "until": until});
        data(server, document, json!({"input": input})).await;
    }
    let after = plan(server, json!({"filter": filter})).await;
    assert_eq!(after["totalCount"], 0);
    let exempt = json!({"and": [filter, {"state": {"eq": "EXEMPT"}}]});
    assert_eq!(
        plan(server, json!({"filter": exempt})).await["totalCount"],
        0
    );
}

async fn a_wrong_question_is_told_so(server: &Server) {
    let document = "query ($tenant: ID, $after: String) {
        reclaimPlan(tenant: $tenant, after: $after) {totalCount}}";
    let code = refusal(server, document, json!({"tenant": "nonsense"})).await;
    assert_eq!(code, "BAD_INPUT");
    let code = refusal(server, document, json!({"after": "nonsense"})).await;
    assert_eq!(code, "BAD_INPUT");
    // A cursor of findings is none of a plan.
    let answer = data(server, FINDINGS, json!({})).await;
    let cursor = &answer["findings"]["pageInfo"]["endCursor"];
    let code = refusal(server, document, json!({"after": cursor})).await;
    assert_eq!(code, "BAD_INPUT");
}

#[tokio::test]
async fn a_command_writes_a_plan_as_the_name_of_its_file_says() {
    let simulator = Simulator::start(Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let served = Process::serve(
        directory.path(),
        &environment_for("contoso", &simulator, &[]),
    );
    let server = served.unwrap_or_else(|ended| panic!("{ended:?}"));
    let tenant = server.tenant("contoso").await;
    server.last_run(&tenant).await;
    let listen = [("SERVER__LISTEN", server.address())];
    let mut environment = environment_for("contoso", &simulator, &listen);
    environment.push(("SEATWISE_TOKEN".into(), TOKEN.into()));
    let command = |arguments: &[&str]| run(directory.path(), &environment, arguments);

    let filter = "{kind: {eq: DISABLED_ACCOUNT}}";
    let told = command(&["reclaim-plan", "--tenant", "contoso", "--filter", filter]).with(0);
    assert_eq!(told.stderr, "");
    let rows = csv::Reader::from_reader(told.stdout.as_bytes())
        .into_records()
        .count();
    assert!(rows > 1);
    let ended = command(&["reclaim-plan", "--filter", filter, "-o", "free.ps1"]).with(0);
    let expected = format!("free.ps1: {rows} seats; {rows} without a price\n");
    assert_eq!(ended.stdout, expected);
    let path = directory.path().join("free.ps1");
    let script = std::fs::read_to_string(&path).unwrap();
    assert!(script.starts_with("\u{feff}#Requires"));
    assert!(script.contains(&format!("Number = {rows};")));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it names people");
    }

    let ended = command(&["reclaim-plan", "--filter", "{knd: 1}", "-o", "free.ps1"]).with(1);
    assert!(ended.stderr.contains("knd"), "{ended:?}");
    let ended = command(&["reclaim-plan", "--filter", "{", "-o", "free.ps1"]).with(1);
    assert!(ended.stderr.contains("--filter"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), script);
    let ended = command(&["reclaim-plan", "--tenant", "fabrikam"]).with(1);
    assert!(ended.stderr.contains("fabrikam"), "{ended:?}");
}
