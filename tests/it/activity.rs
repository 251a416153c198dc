//! What people use: activity by workload, who is in use, groups, applications, changes, and use over
//! time. What is told of one is held against what is told of all, and against Microsoft's own word.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use seatwise::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::asking::{data, list, number, object, sentences, text};
use crate::support::Server;

sentences! { of one demo:
    every_workload_shows_somebody_and_longer_periods_count_no_less
    the_last_day_of_activity_is_the_latest_of_all_workloads_and_sign_ins
    states_follow_the_last_day_of_activity
    states_are_counted_and_add_up
    a_filter_on_the_state_selects_who_says_so
    a_filter_on_the_last_day_of_activity_selects_who_says_so
    a_filter_on_one_workload_selects_who_says_so
    groups_their_members_and_the_filter_on_them_agree_with_microsoft
    applications_and_changes_come_from_the_logs
    purchases_add_up_to_the_seats
    everything_can_be_read
    the_days_of_a_week_add_up_to_the_week_of_everybody
    a_day_is_the_sum_of_the_days_of_parts_of_the_people
    no_token_goes_to_where_reports_are_downloaded
    microsoft_refuses_nothing_for_its_limits
}

/// The workloads by their names in the schema, and one number of each that is a sum over days.
const WORKLOADS: [(&str, &str, Option<&str>); 7] = [
    ("OUTLOOK", "outlook", Some("emailsSent")),
    ("TEAMS", "teams", Some("chatMessages")),
    ("ONEDRIVE", "oneDrive", Some("viewedOrEdited")),
    ("SHAREPOINT", "sharePoint", Some("visitedPages")),
    ("VIVA_ENGAGE", "vivaEngage", Some("read")),
    ("APPS", "apps", None),
    ("COPILOT", "copilot", None),
];

/// Days that may pass between Microsoft's last report and today.
const LATE_DAYS: i64 = 3;

fn today() -> Date {
    let now = SystemClock.now();
    now.to_zoned(TimeZone::UTC).date()
}

fn days_ago(days: i64) -> String {
    (today() - days.days()).to_string()
}

/// These fields of everybody whom a filter selects.
async fn people(server: &Server, fields: &str, filter: Value) -> Vec<Value> {
    let document = format!(
        "query ($filter: UserFilter, $after: String) {{
            users(filter: $filter, first: 250, after: $after) {{
                totalCount pageInfo {{hasNextPage endCursor}} nodes {{id {fields}}}}}}}"
    );
    let mut people = Vec::new();
    let mut after = Value::Null;
    loop {
        let asked = json!({"filter": filter, "after": after});
        let page = data(server, &document, asked).await["users"].clone();
        people.extend_from_slice(list(&page["nodes"]));
        if page["pageInfo"]["hasNextPage"] == false {
            assert_eq!(people.len(), number(&page["totalCount"]));
            return people;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

fn ids<'a>(people: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    people.into_iter().map(|user| text(&user["id"])).collect()
}

/// Checks that a filter selects whoever says of themselves what it asks for; not nobody and not
/// everybody.
async fn check_filter(
    server: &Server,
    everybody: &[Value],
    filter: Value,
    holds: impl Fn(&Value) -> bool,
) {
    let expected = ids(everybody.iter().filter(|user| holds(user)));
    assert!(!expected.is_empty(), "nobody says so: {filter}");
    assert!(expected.len() < everybody.len(), "all say so: {filter}");
    let selected = people(server, "", filter.clone()).await;
    assert_eq!(ids(&selected), expected, "{filter}");
}

async fn every_workload_shows_somebody_and_longer_periods_count_no_less(server: &Server) {
    let sums = "outlook {lastActiveOn reportedOn emailsSent}
        teams {lastActiveOn reportedOn chatMessages}
        oneDrive {lastActiveOn reportedOn viewedOrEdited}
        sharePoint {lastActiveOn reportedOn visitedPages}
        vivaEngage {lastActiveOn reportedOn read}
        apps {lastActiveOn reportedOn windows activatedPlatforms}
        copilot {lastActiveOn reportedOn byApp {app lastActiveOn}}";
    let fields = format!(
        "d7: activity(period: D7) {{{sums}}} d30: activity {{{sums}}}
         d90: activity(period: D90) {{{sums}}} d180: activity(period: D180) {{{sums}}}"
    );
    let everybody = people(server, &fields, Value::Null).await;
    let earliest = days_ago(LATE_DAYS);
    for (_, workload, sum) in WORKLOADS {
        let mut active = 0;
        let mut totals = [0; 4];
        for user in &everybody {
            let periods = ["d7", "d30", "d90", "d180"].map(|period| &user[period][workload]);
            if periods[3].is_null() {
                continue;
            }
            assert!(
                text(&periods[3]["reportedOn"]) >= earliest,
                "{workload}: {user}"
            );
            active += u64::from(!periods[3]["lastActiveOn"].is_null());
            if let Some(sum) = sum {
                // A mailbox of several people, say, has a size and sends nothing.
                let counts = periods.map(|period| period[sum].as_u64());
                assert!(counts.is_sorted(), "{workload}: {user}");
                assert_eq!(
                    counts[0].is_some(),
                    counts[3].is_some(),
                    "{workload}: {user}"
                );
                totals = std::array::from_fn(|place| totals[place] + counts[place].unwrap_or(0));
            }
        }
        assert!(active > 0, "nobody was ever active in {workload}");
        if sum.is_some() {
            assert!(totals[0] > 0, "nothing in a week of {workload}");
            assert!(
                totals.is_sorted_by(|shorter, longer| shorter < longer),
                "{workload}: {totals:?}"
            );
        }
    }
    let on_windows = |user: &&Value| user["d30"]["apps"]["windows"] == true;
    assert!(everybody.iter().any(|user| on_windows(&user)));
    let activated = |user: &Value| {
        let platforms = &user["d30"]["apps"]["activatedPlatforms"];
        platforms.as_array().is_some_and(|all| !all.is_empty())
    };
    assert!(everybody.iter().any(activated));
    let in_teams = |user: &Value| {
        let apps = user["d30"]["copilot"]["byApp"].as_array();
        apps.is_some_and(|apps| {
            apps.iter()
                .any(|one| one["app"] == "Teams" && !one["lastActiveOn"].is_null())
        })
    };
    assert!(everybody.iter().any(in_teams));
}

const LAST_DAYS: &str = "objectId activityState lastActiveOn lastSignInAt lastSignInAttemptAt
    activity {outlook {lastActiveOn} teams {lastActiveOn} oneDrive {lastActiveOn}
        sharePoint {lastActiveOn} vivaEngage {lastActiveOn} apps {lastActiveOn} copilot {lastActiveOn}}";

/// The last day of activity in any workload, by the workloads.
fn last_day_in_workloads(user: &Value) -> Option<String> {
    let days = WORKLOADS.map(|(_, workload, _)| &user["activity"][workload]["lastActiveOn"]);
    let days = days.into_iter().filter_map(Value::as_str);
    days.max().map(str::to_owned)
}

async fn the_last_day_of_activity_is_the_latest_of_all_workloads_and_sign_ins(server: &Server) {
    let everybody = people(server, LAST_DAYS, Value::Null).await;
    let (mut by_workload, mut by_sign_in) = (0, 0);
    for user in &everybody {
        let workloads = last_day_in_workloads(user);
        let sign_in = user["lastSignInAt"].as_str().map(|at| at[..10].to_owned());
        by_workload += u64::from(workloads > sign_in);
        by_sign_in += u64::from(sign_in > workloads);
        let expected = workloads.max(sign_in);
        assert_eq!(user["lastActiveOn"].as_str(), expected.as_deref(), "{user}");
    }
    assert!(by_workload > 0, "sign-ins alone decide");
    assert!(by_sign_in > 0, "workloads alone decide");
}

async fn states_follow_the_last_day_of_activity(server: &Server) {
    let (recent, old) = (days_ago(90 + LATE_DAYS), days_ago(89));
    for user in people(server, LAST_DAYS, Value::Null).await {
        let last = user["lastActiveOn"].as_str();
        let attempted = !user["lastSignInAttemptAt"].is_null();
        let agrees = match user["activityState"].as_str().unwrap() {
            "ACTIVE" => last.is_some_and(|last| last > recent.as_str()),
            "INACTIVE" => last.map_or(attempted, |last| last < old.as_str()),
            "NEVER_ACTIVE" => last.is_none() && !attempted,
            _ => last.is_none_or(|last| last < old.as_str()),
        };
        assert!(agrees, "{user}");
    }
}

const STATES: [&str; 4] = ["ACTIVE", "INACTIVE", "NEVER_ACTIVE", "UNKNOWN"];

async fn states_are_counted_and_add_up(server: &Server) {
    let everybody = people(server, "activityState", Value::Null).await;
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for user in &everybody {
        *expected.entry(text(&user["activityState"])).or_default() += 1;
    }
    let document = "{users(first: 1) {totalCount
        states: breakdown(by: ACTIVITY_STATE) {key count activeCount inactiveCount unknownCount}
        departments: breakdown(by: DEPARTMENT, first: 500) {count activeCount inactiveCount unknownCount}}
        licenses(first: 100) {nodes {value users(first: 1) {totalCount} seats {active inactive unknown}}}}";
    let answer = data(server, document, json!({})).await;
    let users = &answer["users"];
    let states = list(&users["states"]);
    let counted: BTreeMap<String, usize> = states
        .iter()
        .map(|state| (text(&state["key"]), number(&state["count"])))
        .collect();
    assert_eq!(counted, expected);
    for state in ["ACTIVE", "INACTIVE", "NEVER_ACTIVE"] {
        assert!(counted.contains_key(state), "nobody is {state}");
    }
    assert_eq!(
        counted.values().sum::<usize>(),
        number(&users["totalCount"])
    );
    for state in states {
        let columns = match state["key"].as_str().unwrap() {
            "ACTIVE" => "activeCount",
            "UNKNOWN" => "unknownCount",
            _ => "inactiveCount",
        };
        assert_eq!(state[columns], state["count"]);
    }
    let sum = |groups: &[Value], field: &str| -> usize {
        groups.iter().map(|group| number(&group[field])).sum()
    };
    for field in ["count", "activeCount", "inactiveCount", "unknownCount"] {
        let departments = list(&users["departments"]);
        assert_eq!(sum(departments, field), sum(states, field), "{field}");
    }
    for license in list(&answer["licenses"]["nodes"]) {
        let seats = &license["seats"];
        let parts = ["active", "inactive", "unknown"].map(|state| number(&seats[state]));
        let holders = number(&license["users"]["totalCount"]);
        assert_eq!(parts.iter().sum::<usize>(), holders, "{license}");
    }
}

async fn a_filter_on_the_state_selects_who_says_so(server: &Server) {
    let everybody = people(server, "activityState", Value::Null).await;
    let is = |user: &Value, states: &[&str]| states.iter().any(|own| user["activityState"] == *own);
    for state in &STATES[..3] {
        let filter = json!({"activityState": {"eq": state}});
        check_filter(server, &everybody, filter, |user| is(user, &[state])).await;
        let filter = json!({"activityState": {"ne": state}});
        check_filter(server, &everybody, filter, |user| !is(user, &[state])).await;
    }
    let idle = ["INACTIVE", "NEVER_ACTIVE"];
    let filter = json!({"activityState": {"in": idle}});
    check_filter(server, &everybody, filter, |user| is(user, &idle)).await;
    let filter = json!({"activityState": {"notIn": idle}});
    check_filter(server, &everybody, filter, |user| !is(user, &idle)).await;
}

/// How two days compare, in the spelling that sorts as they do.
type Comparison = fn(&str, &str) -> bool;

/// Checks every operator on a day against what people say.
async fn check_days(
    server: &Server,
    everybody: &[Value],
    filter: impl Fn(Value) -> Value,
    own: impl Fn(&Value) -> Option<String>,
) {
    let mut days: Vec<String> = everybody.iter().filter_map(&own).collect();
    days.sort();
    // The earlier ones are rarer: the newest is on the last day of most.
    let day = days[days.len() / 4].clone();
    let cases: [(&str, Comparison); 4] = [
        ("lt", |own, day| own < day),
        ("lte", |own, day| own <= day),
        ("gt", |own, day| own > day),
        ("gte", |own, day| own >= day),
    ];
    for (operator, holds) in cases {
        let asked = filter(object(operator, json!(day)));
        check_filter(server, everybody, asked, |user| {
            own(user).is_some_and(|own| holds(&own, &day))
        })
        .await;
    }
    for is_null in [true, false] {
        let asked = filter(json!({"isNull": is_null}));
        check_filter(server, everybody, asked, |user| {
            own(user).is_none() == is_null
        })
        .await;
    }
}

async fn a_filter_on_the_last_day_of_activity_selects_who_says_so(server: &Server) {
    let everybody = people(server, "lastActiveOn", Value::Null).await;
    let own = |user: &Value| user["lastActiveOn"].as_str().map(str::to_owned);
    check_days(
        server,
        &everybody,
        |days| json!({"lastActiveOn": days}),
        own,
    )
    .await;
}

async fn a_filter_on_one_workload_selects_who_says_so(server: &Server) {
    let everybody = people(server, LAST_DAYS, Value::Null).await;
    for (name, field, _) in WORKLOADS {
        let filter = |days: Value| json!({"activity": [{"workload": name, "lastActiveOn": days}]});
        let own = |user: &Value| {
            let day = user["activity"][field]["lastActiveOn"].as_str();
            day.map(str::to_owned)
        };
        check_days(server, &everybody, filter, own).await;
    }
    let recent = days_ago(20);
    let both = json!({"activity": [
        {"workload": "TEAMS", "lastActiveOn": {"gte": recent}},
        {"workload": "COPILOT", "lastActiveOn": {"isNull": true}}]});
    check_filter(server, &everybody, both, |user| {
        let activity = &user["activity"];
        let teams = activity["teams"]["lastActiveOn"].as_str();
        teams.is_some_and(|day| day >= recent.as_str())
            && activity["copilot"]["lastActiveOn"].is_null()
    })
    .await;
}

async fn groups_their_members_and_the_filter_on_them_agree_with_microsoft(server: &Server) {
    let document = "{groups(first: 500) {totalCount nodes {id objectId displayName members(first: 1) {totalCount}}}}";
    let answer = data(server, document, json!({})).await;
    let groups = list(&answer["groups"]["nodes"]);
    let told = server.microsoft().group_members();
    assert_eq!(number(&answer["groups"]["totalCount"]), told.len());
    let users = people(
        server,
        "objectId groups(first: 50) {nodes {objectId}}",
        Value::Null,
    )
    .await;
    let mut hidden = 0;
    for group in groups {
        let object_id = text(&group["objectId"]);
        let count = number(&group["members"]["totalCount"]);
        if count == 0 && !told[&object_id].is_empty() {
            // Microsoft shows the group, and not who is in it.
            hidden += 1;
            continue;
        }
        assert_eq!(count, told[&object_id].len(), "{group}");
        let say_so: BTreeSet<String> = users
            .iter()
            .filter(|user| {
                let own = list(&user["groups"]["nodes"]);
                own.iter().any(|own| own["objectId"] == object_id.as_str())
            })
            .map(|user| text(&user["objectId"]))
            .collect();
        assert_eq!(say_so, told[&object_id], "{group}");
    }
    assert!(
        hidden < 3 && groups.len() > 20,
        "{hidden} of {} groups",
        groups.len()
    );
    let seen = |group: &&Value| number(&group["members"]["totalCount"]) > 0;
    for group in groups.iter().filter(seen).step_by(groups.len() / 5 + 1) {
        let filter = json!({"group": {"eq": group["id"]}});
        let selected = people(server, "objectId", filter).await;
        let selected: BTreeSet<String> = selected
            .iter()
            .map(|user| text(&user["objectId"]))
            .collect();
        assert_eq!(selected, told[&text(&group["objectId"])], "{group}");
    }
}

async fn applications_and_changes_come_from_the_logs(server: &Server) {
    let fields = "applications {applicationId name lastSuccessAt successes}
        directoryChanges {activity at kind succeeded byApplication byUser {id}}";
    let everybody = people(server, fields, Value::Null).await;
    let tenant = server
        .data("{tenants {signInsKnownSince directoryChangesKnownSince}}")
        .await["tenants"][0]
        .clone();
    let instant = |value: &Value| -> Timestamp { text(value).parse().unwrap() };
    let mut names = BTreeSet::new();
    for user in &everybody {
        let used = list(&user["applications"]);
        assert!(used.is_sorted_by_key(|one| std::cmp::Reverse(instant(&one["lastSuccessAt"]))));
        for application in used {
            assert!(number(&application["successes"]) > 0);
            assert!(
                instant(&application["lastSuccessAt"]) >= instant(&tenant["signInsKnownSince"])
            );
            names.extend(application["name"].as_str());
        }
    }
    assert!(names.len() > 3, "{names:?}");
    let changes: Vec<&Value> = everybody
        .iter()
        .flat_map(|user| list(&user["directoryChanges"]))
        .collect();
    let since = instant(&tenant["directoryChangesKnownSince"]);
    assert!(changes.iter().all(|change| instant(&change["at"]) >= since));
    assert!(changes.iter().any(|change| change["kind"] == "LICENSE"));
    assert!(
        changes
            .iter()
            .any(|change| !change["byUser"].is_null() || !change["byApplication"].is_null())
    );
}

async fn purchases_add_up_to_the_seats(server: &Server) {
    let document = "{licenses(first: 100) {nodes {value seats {enabled}
        subscriptions {id seats status license {value}}}}}";
    let answer = data(server, document, json!({})).await;
    let licenses = list(&answer["licenses"]["nodes"]);
    let mut counted = 0;
    for license in licenses {
        let purchases = list(&license["subscriptions"]);
        assert!(!purchases.is_empty(), "{license}");
        assert!(
            purchases
                .iter()
                .all(|purchase| purchase["license"]["value"] == license["value"])
        );
        let enabled = purchases
            .iter()
            .filter(|purchase| purchase["status"] == "Enabled");
        // What is free has no end, and no number.
        let seats: Option<u64> = enabled.map(|purchase| purchase["seats"].as_u64()).sum();
        if let Some(seats) = seats {
            assert_eq!(license["seats"]["enabled"], seats, "{license}");
            counted += 1;
        }
    }
    assert!(counted > licenses.len() / 2);
}

async fn everything_can_be_read(server: &Server) {
    let document = "{tenants {capabilities {dataset state asOf remedy} lastSync {state}}}";
    let tenant = data(server, document, json!({})).await["tenants"][0].clone();
    assert_eq!(tenant["lastSync"]["state"], "COMPLETE");
    let capabilities = list(&tenant["capabilities"]);
    assert_eq!(capabilities.len(), 19);
    for capability in capabilities {
        assert_eq!(capability["state"], "OK", "{capability}");
        assert_eq!(capability["remedy"], Value::Null, "{capability}");
        assert!(!capability["asOf"].is_null(), "{capability}");
    }
}

async fn usage(server: &Server, workload: &str, by: &str, filter: Value) -> Vec<Value> {
    let document = "query ($workload: Workload!, $from: Date!, $to: Date!, $by: Granularity!, $filter: UserFilter) {
        usage(workload: $workload, from: $from, to: $to, by: $by, filter: $filter) {
            on activeUsers metrics {name total}}}";
    let asked = json!({"workload": workload, "from": days_ago(40), "to": today().to_string(),
        "by": by, "filter": filter});
    list(&data(server, document, asked).await["usage"]).to_vec()
}

/// One number of a point.
fn metric(point: &Value, name: &str) -> Option<u64> {
    let metrics = list(&point["metrics"]).iter();
    let mut named = metrics.filter(|metric| metric["name"] == name);
    Some(text(&named.next()?["total"]).parse().unwrap())
}

async fn the_days_of_a_week_add_up_to_the_week_of_everybody(server: &Server) {
    for (name, field, sum) in WORKLOADS {
        let points = usage(server, name, "DAY", Value::Null).await;
        assert!(
            points.is_sorted_by(|older, newer| text(&older["on"]) < text(&newer["on"])),
            "{name}"
        );
        let Some(sum) = sum else {
            // Those without sums of days have the last one only.
            let last = points.last();
            assert!(
                last.is_some_and(|point| number(&point["activeUsers"]) > 0),
                "{name}"
            );
            continue;
        };
        let fields = format!("activity(period: D7) {{{field} {{reportedOn {sum}}}}}");
        let everybody = people(server, &fields, Value::Null).await;
        let rows = everybody.iter().map(|user| &user["activity"][field]);
        let rows: Vec<&Value> = rows.filter(|row| !row.is_null()).collect();
        let expected: u64 = rows.iter().filter_map(|row| row[sum].as_u64()).sum();
        let until: Date = text(&rows[0]["reportedOn"]).parse().unwrap();
        let from = (until - 6.days()).to_string();
        let week: Vec<&Value> = points
            .iter()
            .filter(|point| text(&point["on"]) >= from)
            .collect();
        assert_eq!(week.len(), 7, "{name}");
        assert_eq!(points.last().unwrap()["on"], until.to_string(), "{name}");
        let days: u64 = week.iter().filter_map(|point| metric(point, sum)).sum();
        assert_eq!(days, expected, "{name}");
        assert!(days > 0, "{name}");
    }
}

async fn a_day_is_the_sum_of_the_days_of_parts_of_the_people(server: &Server) {
    let whole = usage(server, "TEAMS", "DAY", Value::Null).await;
    let members = usage(
        server,
        "TEAMS",
        "DAY",
        json!({"department": {"eq": "Sales"}}),
    )
    .await;
    let others = usage(
        server,
        "TEAMS",
        "DAY",
        json!({"not": {"department": {"eq": "Sales"}}}),
    )
    .await;
    assert_eq!((members.len(), others.len()), (whole.len(), whole.len()));
    for ((whole, part), rest) in whole.iter().zip(&members).zip(&others) {
        assert_eq!((&part["on"], &rest["on"]), (&whole["on"], &whole["on"]));
        let active = |point: &Value| number(&point["activeUsers"]);
        assert_eq!(active(part) + active(rest), active(whole));
        let calls = |point: &Value| metric(point, "calls").unwrap_or(0);
        assert_eq!(calls(part) + calls(rest), calls(whole));
    }
    let weeks = usage(server, "TEAMS", "WEEK", Value::Null).await;
    let calls = |points: &[Value]| -> u64 {
        points
            .iter()
            .filter_map(|point| metric(point, "calls"))
            .sum()
    };
    assert!(weeks.len() < whole.len());
    assert_eq!(calls(&weeks), calls(&whole));
    assert!(calls(&whole) > 0);
}

async fn no_token_goes_to_where_reports_are_downloaded(server: &Server) {
    let microsoft = server.microsoft();
    let downloads = microsoft.requests_to("/data/download/");
    let reports: BTreeSet<&str> = downloads
        .iter()
        .filter_map(|request| request.path().split('/').nth(3))
        .collect();
    assert_eq!(reports.len(), 10, "{reports:?}");
    for request in &downloads {
        assert_eq!(request.header("authorization"), None, "{}", request.path());
        assert_eq!(request.status, Some(200));
    }
    let asked = microsoft.requests_to("/v1.0/reports/");
    assert!(asked.len() >= downloads.len());
    assert!(
        asked
            .iter()
            .all(|request| request.header("authorization").is_some())
    );
}

async fn microsoft_refuses_nothing_for_its_limits(server: &Server) {
    let microsoft = server.microsoft();
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for request in microsoft.requests() {
        assert_ne!(request.status, Some(429), "{}", request.path());
        let path = request.path();
        if path.contains("/reports/") {
            let function = path.split('(').next().unwrap();
            *calls.entry(function.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(calls.len(), 11, "{calls:?}");
    assert!(calls.values().all(|count| *count <= 14), "{calls:?}");
    assert!(microsoft.requests_to("/v1.0/auditLogs/").len() <= 5);
}
