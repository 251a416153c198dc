//! Usage reports and logs from one day to the next: whose a row is, what is asked for again, and what
//! is said where Microsoft says nothing, conceals it or refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use seatwise::clock::{Clock, SystemClock};
use seatwise::simulator::{Cloud, Fault, Premium, Settings, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::asking::{list, number, text};
use crate::connect::unconnected;
use crate::export::{exported, rows_of_lines};
use crate::support::people::token_of;
use crate::support::{Server, dataset, tenant_settings};

/// The clock of this machine, so many hours ahead.
#[derive(Clone)]
pub(crate) struct Ahead(pub(crate) Arc<AtomicI64>);

impl Ahead {
    /// By which it is between noon and one: no test meets midnight.
    fn at_noon() -> Self {
        let now = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC);
        Self(Arc::new(AtomicI64::new(12 - i64::from(now.hour()))))
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_hours(self.0.load(Ordering::SeqCst))
    }
}

/// A Microsoft and a data directory that outlive servers. Both go by one clock.
pub(crate) struct Place {
    pub(crate) microsoft: Simulator,
    pub(crate) clock: Ahead,
    directory: TempDir,
    settings: Vec<(String, String)>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let clock = Ahead::at_noon();
        let told = clock.clone();
        let microsoft = Simulator::start(Settings {
            now: Some(Arc::new(move || told.now())),
            ..Settings::default()
        });
        // Runs begin by hand only.
        let usual = [("SYNC__SCHEDULE", "0 0 0 29 2 *")];
        let settings = usual.iter().chain(settings);
        Self {
            microsoft: microsoft.unwrap(),
            clock,
            directory: tempfile::tempdir().unwrap(),
            settings: settings
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    /// A server on it; the first has begun its first sync.
    async fn server(&self) -> Server {
        let mut settings = tenant_settings(&self.microsoft, "app");
        let data = self.directory.path().join("data");
        settings.push((
            "STORAGE__URL".to_owned(),
            format!("sled:{}", data.display()),
        ));
        settings.extend(self.settings.iter().cloned());
        let clock = self.clock.clone();
        let start = move || Server::start_by(&settings, Arc::new(clock));
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    /// The first server, synced.
    pub(crate) async fn synced(&self) -> Server {
        let server = self.server().await;
        server.synced().await;
        server
    }

    /// A server on the day after, synced; and the run.
    pub(crate) async fn a_day_later(&self, server: Server) -> (Server, Value) {
        self.hours_later(server, 24).await
    }

    /// The same after so many hours.
    pub(crate) async fn hours_later(&self, server: Server, hours: i64) -> (Server, Value) {
        tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
        self.clock.0.fetch_add(hours, Ordering::SeqCst);
        let server = self.server().await;
        let run = server.sync().await;
        (server, run)
    }

    /// A report as Microsoft gives it to anybody who asks: fields by the names of their columns.
    pub(crate) async fn report(&self, call: &str) -> Vec<BTreeMap<String, String>> {
        self.microsoft.set_report_limits(false);
        let url = format!("{}/v1.0/reports/{call}", self.microsoft.graph_url());
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let client = client.build().unwrap();
        let token = token_of(&self.microsoft).await;
        let answer = client.get(url).bearer_auth(token).send().await.unwrap();
        let link = answer.headers()["location"].to_str().unwrap();
        let body = client
            .get(link)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap();
        let mut reader = csv::Reader::from_reader(body);
        reader.deserialize().map(Result::unwrap).collect()
    }
}

pub(crate) const EMAILS: &str = "getEmailActivityUserDetail(period='D180')";

/// Datasets that are reports.
pub(crate) const REPORTS: [&str; 11] = [
    "ACTIVE_USERS",
    "EMAIL_ACTIVITY",
    "MAILBOX_USAGE",
    "TEAMS_ACTIVITY",
    "ONEDRIVE_ACTIVITY",
    "ONEDRIVE_USAGE",
    "SHAREPOINT_ACTIVITY",
    "VIVA_ENGAGE_ACTIVITY",
    "APPS_USAGE",
    "APPS_ACTIVATIONS",
    "COPILOT_USAGE",
];

const USERS: &str = "objectId userPrincipalName lastActiveOn lastSignInAt activityState licenseValues
    activity(period: D180) {outlook {lastActiveOn reportedOn emailsSent mailboxBytes} teams {chatMessages}
        oneDrive {storageBytes} sharePoint {visitedPages} vivaEngage {read}
        apps {windows activatedPlatforms} copilot {lastActiveOn}}";

/// Everybody, by object id.
pub(crate) async fn everybody(server: &Server) -> BTreeMap<String, Value> {
    let document = format!("{{users(first: 500) {{totalCount nodes {{{USERS}}}}}}}");
    let users = server.data(&document).await["users"].clone();
    let nodes = list(&users["nodes"]);
    assert_eq!(nodes.len(), number(&users["totalCount"]));
    let by_id = nodes
        .iter()
        .map(|user| (text(&user["objectId"]), user.clone()));
    by_id.collect()
}

/// State and remedy of each capability.
pub(crate) async fn capabilities(server: &Server) -> BTreeMap<String, (String, Value)> {
    let data = server
        .data("{tenants {capabilities {dataset state remedy}}}")
        .await;
    let capabilities = list(&data["tenants"][0]["capabilities"]);
    let by_name = capabilities.iter().map(|one| {
        let said = (text(&one["state"]), one["remedy"].clone());
        (text(&one["dataset"]), said)
    });
    by_name.collect()
}

/// Checks that all reports are in this state, with such a remedy, and everything else can be read.
async fn check_reports_are(server: &Server, state: &str, remedy: &str) {
    for (name, (own, told)) in capabilities(server).await {
        if REPORTS.contains(&name.as_str()) {
            assert_eq!(own, state, "{name}");
            assert!(text(&told).contains(remedy), "{name}: {told}");
        } else {
            assert_eq!(own, "OK", "{name}: {told}");
        }
    }
}

/// Checks that no workload says anything of anybody, and that nobody is idle for that reason.
async fn check_nothing_is_told(server: &Server) {
    let mut unknown = 0;
    for user in everybody(server).await.values() {
        let workloads = user["activity"].as_object().unwrap();
        assert!(workloads.values().all(Value::is_null), "{user}");
        let last = user["lastSignInAt"].as_str().map(|at| &at[..10]);
        assert_eq!(user["lastActiveOn"].as_str(), last, "{user}");
        // Its services are reported; whoever has none of these is judged by sign-ins alone.
        if list(&user["licenseValues"]).contains(&json!("SPE_E3")) {
            let state = user["activityState"].as_str().unwrap();
            assert!(["ACTIVE", "UNKNOWN"].contains(&state), "{user}");
            unknown += u64::from(state == "UNKNOWN");
        }
    }
    assert!(unknown > 0, "everybody signed in lately");
    // Nor is it in a file.
    let rows = rows_of_lines(&exported(server, "users", &[("format", "jsonl")]).await);
    for (column, value) in rows.iter().flatten() {
        assert!(
            !column.starts_with("activity.") || value.is_null(),
            "{column}"
        );
    }
}

/// Checks that the reports say the same of everybody; sign-ins go on.
fn check_same_activity(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) {
    assert_eq!(before.len(), after.len());
    for (id, user) in after {
        assert_eq!(user["activity"], before[id]["activity"], "{id}");
    }
}

fn requests_of_reports(place: &Place) -> usize {
    let asked = ["/v1.0/reports/", "/v1.0/copilot/", "/data/download/"];
    let requests = asked.map(|prefix| place.microsoft.requests_to(prefix).len());
    requests.iter().sum()
}

#[tokio::test]
async fn what_a_report_says_is_served_of_whom_it_is_about_and_of_nobody_else() {
    let place = Place::new();
    let server = place.synced().await;
    let run = server.last_run().await;
    let rows = place.report(EMAILS).await;
    let users = everybody(&server).await;
    let mut by_name: BTreeMap<String, &Value> = BTreeMap::new();
    for user in users.values() {
        by_name.insert(text(&user["userPrincipalName"]).to_lowercase(), user);
    }
    let (mut unmatched, mut in_other_case, mut told) = (0, 0, BTreeSet::new());
    for row in &rows {
        let name = &row["User Principal Name"];
        let Some(user) = by_name.get(&name.to_lowercase()) else {
            unmatched += 1;
            continue;
        };
        assert_eq!(row["Is Deleted"], "False");
        in_other_case += u64::from(user["userPrincipalName"] != name.as_str());
        let outlook = &user["activity"]["outlook"];
        assert_eq!(outlook["emailsSent"].to_string(), row["Send Count"]);
        assert_eq!(outlook["reportedOn"], row["Report Refresh Date"]);
        told.insert(text(&user["objectId"]));
    }
    assert!(in_other_case > 20 && unmatched > 3);
    assert_eq!(dataset(&run, "EMAIL_ACTIVITY")["unmatchedRows"], unmatched);
    assert_eq!(dataset(&run, "EMAIL_ACTIVITY")["rows"], rows.len());
    for (id, user) in &users {
        let counts = !user["activity"]["outlook"]["emailsSent"].is_null();
        assert_eq!(counts, told.contains(id), "{user}");
    }
}

#[tokio::test]
async fn a_report_still_finds_people_under_the_name_that_they_had() {
    let place = Place::new();
    place.microsoft.withdraw_permission("Reports.Read.All");
    let server = place.synced().await;
    let before = everybody(&server).await;
    let renamed = place.microsoft.rename_users(40, 1);
    let removed = place.microsoft.remove_users(12);
    place.microsoft.grant_permission("Reports.Read.All");
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    let after = everybody(&server).await;
    let rows = place.report(EMAILS).await;
    let row_of = |name: &str| {
        let mut rows = rows.iter();
        rows.find(|row| row["User Principal Name"].eq_ignore_ascii_case(name))
    };
    let mut found = 0;
    for id in renamed.iter().filter(|id| after.contains_key(*id)) {
        let former_name = text(&before[id]["userPrincipalName"]);
        assert_ne!(after[id]["userPrincipalName"], former_name.as_str());
        let outlook = &after[id]["activity"]["outlook"];
        match row_of(&former_name) {
            Some(row) => {
                assert_eq!(outlook["emailsSent"].to_string(), row["Send Count"]);
                found += 1;
            }
            None => assert!(outlook["emailsSent"].is_null(), "{former_name}"),
        }
    }
    assert!(found > 10, "{found} of the renamed are in the report");
    // Rows of the removed are in the report too, and nobody's.
    let names: BTreeSet<String> = after
        .values()
        .map(|user| text(&user["userPrincipalName"]).to_lowercase())
        .collect();
    let formerly = |name: &str| {
        let mut renamed = renamed.iter().filter(|id| after.contains_key(*id));
        renamed
            .any(|id| name.eq_ignore_ascii_case(before[id]["userPrincipalName"].as_str().unwrap()))
    };
    let unmatched = rows.iter().filter(|row| {
        let name = row["User Principal Name"].to_lowercase();
        !names.contains(&name) && !formerly(&name)
    });
    let of_removed = |row: &BTreeMap<String, String>| {
        removed.iter().any(|id| {
            let name = before[id]["userPrincipalName"].as_str().unwrap();
            row["User Principal Name"].eq_ignore_ascii_case(name)
        })
    };
    let unmatched: Vec<_> = unmatched.collect();
    assert!(unmatched.iter().any(|row| of_removed(row)));
    assert_eq!(
        dataset(&run, "EMAIL_ACTIVITY")["unmatchedRows"],
        unmatched.len()
    );
}

#[tokio::test]
async fn nobody_is_idle_because_a_report_knows_them_by_a_name_from_before_the_first_sync() {
    let place = Place::new();
    place.microsoft.set_premium(Premium::None);
    let renamed = place.microsoft.rename_users(40, 1);
    let server = place.synced().await;
    let states = |users: &BTreeMap<String, Value>| {
        let users = users.values();
        let licensed = users.filter(|user| list(&user["licenseValues"]).contains(&json!("SPE_E3")));
        let state = |user: &Value| (text(&user["objectId"]), text(&user["activityState"]));
        licensed.map(state).collect::<BTreeMap<_, _>>()
    };
    let of_renamed = |states: &BTreeMap<String, String>| {
        let states = renamed.iter().filter_map(|id| states.get(id));
        states.cloned().collect::<Vec<_>>()
    };
    let unknown = |states: &[String]| states.iter().filter(|state| *state == "UNKNOWN").count();
    let first = of_renamed(&states(&everybody(&server).await));
    assert!(first.len() > 10, "{first:?}");
    assert!(unknown(&first) > 0, "all were seen by their ids: {first:?}");
    for state in &first {
        assert!(["ACTIVE", "UNKNOWN"].contains(&state.as_str()), "{first:?}");
    }
    // By then no report can use a name that was gone before we came.
    place.clock.0.fetch_add(24 * 5, Ordering::SeqCst);
    let (server, _) = place.a_day_later(server).await;
    let later = of_renamed(&states(&everybody(&server).await));
    assert!(unknown(&later) < unknown(&first), "{first:?} {later:?}");
}

#[tokio::test]
async fn whoever_a_report_lost_keeps_what_was_known_and_is_not_called_idle() {
    let place = Place::new();
    let server = place.synced().await;
    let before = everybody(&server).await;
    let rows = place.report(EMAILS).await;
    let idle = |row: &BTreeMap<String, String>| {
        let mut idle = before
            .values()
            .filter(|user| user["activityState"] == "INACTIVE");
        idle.find(|user| {
            let name = user["userPrincipalName"].as_str().unwrap();
            name.eq_ignore_ascii_case(&row["User Principal Name"])
        })
    };
    let mut lines = (1..).zip(&rows);
    let (line, user) = lines
        .find_map(|(line, row)| Some((line, idle(row)?)))
        .unwrap();
    let id = text(&user["objectId"]);
    let damage = Fault::at_download().report_line(line, "soon,soon@contoso.com");
    place.microsoft.fault(damage);
    let (server, run) = place.a_day_later(server).await;
    assert_eq!(dataset(&run, "EMAIL_ACTIVITY")["quarantinedRows"], 1);
    let after = everybody(&server).await[&id].clone();
    assert_eq!(after["activityState"], "UNKNOWN", "{after}");
    let sent = |user: &Value| user["activity"]["outlook"]["emailsSent"].clone();
    assert_eq!(sent(&after), sent(user));
    place.microsoft.clear_faults();
    let (server, _) = place.a_day_later(server).await;
    let later = everybody(&server).await[&id].clone();
    assert_eq!(later["activityState"], "INACTIVE", "{later}");
}

#[tokio::test]
async fn a_report_without_the_day_of_activity_is_refused_and_takes_nothing_away() {
    let place = Place::new();
    let server = place.synced().await;
    let before = everybody(&server).await;
    place.microsoft.drop_report_column("Last Activity Date");
    let (server, run) = place.a_day_later(server).await;
    assert_eq!(run["state"], "PARTIAL");
    for name in REPORTS {
        let part = dataset(&run, name);
        if ["ACTIVE_USERS", "APPS_ACTIVATIONS"].contains(&name) {
            assert!(part["problem"].is_null(), "{part}");
            continue;
        }
        assert_eq!(part["state"], "FAILED", "{part}");
        let problem = text(&part["problem"]);
        assert!(problem.starts_with("BAD_RESPONSE: "), "{problem}");
        assert!(problem.contains("\"Last Activity Date\""), "{problem}");
    }
    let after = everybody(&server).await;
    for (id, user) in &after {
        let held = &before[id]["activity"];
        assert_eq!(user["activity"]["teams"], held["teams"], "{id}");
        let last = (
            user["lastActiveOn"].as_str(),
            before[id]["lastActiveOn"].as_str(),
        );
        assert!(last.0 >= last.1, "{id}: {last:?}");
    }
}

/// Successful sign-ins of each user, as they are counted.
async fn successes(server: &Server) -> BTreeMap<String, u64> {
    let users = "{users(first: 500) {nodes {objectId applications {successes}}}}";
    let users = server.data(users).await["users"]["nodes"].clone();
    let count = |user: &Value| {
        let applications = list(&user["applications"]).iter();
        let successes = applications.map(|one| number(&one["successes"]) as u64);
        (text(&user["objectId"]), successes.sum())
    };
    list(&users).iter().map(count).collect()
}

#[tokio::test]
async fn a_log_that_breaks_off_keeps_what_came_and_goes_on_from_there() {
    const LOG: &str = "/v1.0/auditLogs/signIns";
    let place = Place::new();
    place.microsoft.fault(Fault::at(LOG).after(1).status(400));
    let server = place.synced().await;
    let run = server.last_run().await;
    let part = dataset(&run, "SIGN_INS");
    assert_eq!(
        (&part["state"], &part["requests"]),
        (&json!("FAILED"), &json!(2))
    );
    let first = successes(&server).await;
    let counted: u64 = first.values().sum();
    assert!(
        (500..1_000).contains(&counted),
        "{counted} of the first page"
    );
    place.microsoft.clear_faults();
    let (server, run) = place.a_day_later(server).await;
    assert_eq!(dataset(&run, "SIGN_INS")["state"], "COMPLETE");
    let second = successes(&server).await;
    assert!(second.values().sum::<u64>() > counted);
    for (id, count) in &first {
        assert!(second[id] >= *count, "{id}");
    }
}

#[tokio::test]
async fn a_second_sync_on_a_day_asks_for_no_report_again() {
    let place = Place::new();
    let server = place.synced().await;
    assert!(requests_of_reports(&place) > 30);
    let before = everybody(&server).await;
    place.microsoft.clear_requests();
    let run = server.sync().await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(requests_of_reports(&place), 0);
    for name in REPORTS {
        let part = dataset(&run, name);
        assert_eq!(
            (&part["state"], &part["problem"]),
            (&json!("SKIPPED"), &json!(null))
        );
    }
    check_all_can_be_read(&server).await;
    check_same_activity(&before, &everybody(&server).await);
    for request in place.microsoft.requests() {
        assert_ne!(request.status, Some(429), "{}", request.path());
    }
}

async fn check_all_can_be_read(server: &Server) {
    for (name, (state, remedy)) in capabilities(server).await {
        assert_eq!(state, "OK", "{name}: {remedy}");
    }
}

#[tokio::test]
async fn the_next_day_brings_newer_reports_and_more_days_of_history() {
    let place = Place::new();
    let server = place.synced().await;
    let reported_on = |users: &BTreeMap<String, Value>| {
        let mut days = users
            .values()
            .filter_map(|user| user["activity"]["outlook"]["reportedOn"].as_str());
        days.next().unwrap().to_owned()
    };
    let points = "query ($from: Date!, $to: Date!) {
        usage(workload: OUTLOOK, from: $from, to: $to) {on activeUsers metrics {name total}}}";
    let before = everybody(&server).await;
    let now = place.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let range = json!({"from": (now - SignedDuration::from_hours(24 * 40)).to_string(),
        "to": (now + SignedDuration::from_hours(48)).to_string()});
    let history = server.query(points, range.clone()).await["data"]["usage"].clone();
    place.microsoft.clear_requests();
    let (server, run) = place.a_day_later(server).await;
    assert_eq!(run["state"], "COMPLETE");
    check_all_can_be_read(&server).await;
    let after = everybody(&server).await;
    assert!(reported_on(&after) > reported_on(&before));
    let longer = server.query(points, range).await["data"]["usage"].clone();
    assert!(list(&longer).len() > list(&history).len());
    for day in list(&history) {
        assert!(list(&longer).contains(day), "{day}");
    }
    for request in place.microsoft.requests() {
        assert_ne!(request.status, Some(429), "{}", request.path());
    }
}

#[tokio::test]
async fn a_report_that_did_not_move_is_answered_with_nothing_new() {
    let place = Place::new();
    place.microsoft.set_report_etags(true);
    let server = place.synced().await;
    let before = everybody(&server).await;
    // Microsoft is a day later than it was.
    place.microsoft.set_report_lag(3);
    place.microsoft.clear_requests();
    let (server, run) = place.a_day_later(server).await;
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(dataset(&run, "MAILBOX_USAGE")["state"], "UNCHANGED");
    let asked = place
        .microsoft
        .requests_to("/v1.0/reports/getMailboxUsageDetail");
    assert_eq!(asked.len(), 1);
    assert!(asked[0].header("if-none-match").is_some());
    assert_eq!(asked[0].status, Some(304));
    let downloads = place.microsoft.requests_to("/data/download/");
    assert!(
        downloads
            .iter()
            .all(|request| !request.path().contains("getMailboxUsageDetail"))
    );
    check_all_can_be_read(&server).await;
    check_same_activity(&before, &everybody(&server).await);
}

#[tokio::test]
async fn reports_with_a_header_only_leave_everything_as_it_is() {
    let place = Place::new();
    let server = place.synced().await;
    let before = everybody(&server).await;
    place.microsoft.set_reports_empty(true);
    let (server, run) = place.a_day_later(server).await;
    for name in REPORTS {
        let state = text(&dataset(&run, name)["state"]);
        assert_ne!(state, "COMPLETE", "{name}");
    }
    check_same_activity(&before, &everybody(&server).await);
}

#[tokio::test]
async fn reports_of_a_new_tenant_tell_nothing_and_make_nobody_idle() {
    let place = Place::new();
    place.microsoft.set_reports_empty(true);
    let server = place.synced().await;
    let run = server.last_run().await;
    assert_eq!(run["state"], "COMPLETE");
    check_all_can_be_read(&server).await;
    check_nothing_is_told(&server).await;
}

#[tokio::test]
async fn concealed_names_are_joined_to_nobody_and_said_to_be_concealed() {
    let place = Place::new();
    place.microsoft.set_concealed(true);
    let server = place.synced().await;
    let run = server.last_run().await;
    assert_eq!(run["state"], "COMPLETE");
    for name in REPORTS {
        let part = dataset(&run, name);
        assert_eq!(part["state"], "SKIPPED", "{part}");
        assert!(text(&part["problem"]).starts_with("CONCEALED: "), "{part}");
    }
    check_reports_are(
        &server,
        "CONCEALED",
        "Display concealed user, group, and site names",
    )
    .await;
    check_nothing_is_told(&server).await;
    // One request tells that it still is so.
    let functions = place.microsoft.requests_to("/v1.0/reports/");
    assert_eq!(functions.len(), 10);
}

#[tokio::test]
async fn names_that_become_concealed_hide_what_was_known_until_they_are_shown_again() {
    let place = Place::new();
    let server = place.synced().await;
    place.microsoft.set_concealed(true);
    let (server, run) = place.a_day_later(server).await;
    assert_eq!(run["state"], "COMPLETE");
    check_reports_are(
        &server,
        "CONCEALED",
        "Display concealed user, group, and site names",
    )
    .await;
    check_nothing_is_told(&server).await;
    place.microsoft.set_concealed(false);
    let (server, run) = place.a_day_later(server).await;
    assert_eq!(run["state"], "COMPLETE");
    check_all_can_be_read(&server).await;
    let users = everybody(&server).await;
    for workload in [
        "outlook",
        "teams",
        "oneDrive",
        "sharePoint",
        "vivaEngage",
        "apps",
        "copilot",
    ] {
        let mut all = users.values();
        assert!(
            all.any(|user| !user["activity"][workload].is_null()),
            "{workload}"
        );
    }
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named_and_found_once_it_is_there() {
    let place = Place::new();
    place.microsoft.withdraw_permission("Reports.Read.All");
    let server = place.synced().await;
    let run = server.last_run().await;
    assert_eq!(run["state"], "PARTIAL");
    assert_eq!(run["problem"], Value::Null);
    for name in REPORTS {
        let part = dataset(&run, name);
        assert_eq!(part["state"], "FAILED", "{part}");
        assert!(text(&part["problem"]).starts_with("PERMISSION: "), "{part}");
    }
    check_reports_are(&server, "MISSING_SCOPE", "Reports.Read.All").await;
    check_nothing_is_told(&server).await;
    place.microsoft.grant_permission("Reports.Read.All");
    assert_eq!(server.sync().await["state"], "COMPLETE");
    check_all_can_be_read(&server).await;
}

#[tokio::test]
async fn facts_stay_when_the_permission_is_withdrawn() {
    let place = Place::new();
    let server = place.synced().await;
    let before = everybody(&server).await;
    place.microsoft.withdraw_permission("Reports.Read.All");
    let (server, run) = place.a_day_later(server).await;
    assert_eq!(run["state"], "PARTIAL");
    check_reports_are(&server, "MISSING_SCOPE", "Reports.Read.All").await;
    check_same_activity(&before, &everybody(&server).await);
}

#[tokio::test]
async fn a_service_account_without_the_role_is_told_which_one() {
    let server = unconnected().await;
    server.microsoft().set_reports_role(false);
    crate::connect::visit(&server).await;
    let run = server.synced().await;
    assert_eq!(run["state"], "PARTIAL");
    for (name, (state, remedy)) in capabilities(&server).await {
        if REPORTS.contains(&name.as_str()) {
            assert_eq!(state, "MISSING_ROLE", "{name}: {remedy}");
            assert!(text(&remedy).contains("Reports Reader"), "{remedy}");
        }
    }
    server.microsoft().set_reports_role(true);
    assert_eq!(server.sync().await["state"], "COMPLETE");
    check_all_can_be_read(&server).await;
}

#[tokio::test]
async fn what_another_cloud_lacks_is_no_failure() {
    for (name, cloud) in [
        ("us-gov-high", Cloud::UsGovernment),
        ("us-gov-dod", Cloud::UsGovernment),
        ("china", Cloud::China),
    ] {
        let place = Place::with(&[("TENANTS__CONTOSO__CLOUD", name)]);
        place.microsoft.set_cloud(cloud);
        let server = place.synced().await;
        let run = server.last_run().await;
        assert_eq!(run["state"], "COMPLETE", "{name}");
        for (dataset, (state, remedy)) in capabilities(&server).await {
            let lacks = REPORTS.contains(&dataset.as_str())
                || (cloud == Cloud::China && dataset == "DIRECTORY_AUDITS");
            let expected = if lacks { "UNSUPPORTED_CLOUD" } else { "OK" };
            assert_eq!(state, expected, "{name} {dataset}: {remedy}");
        }
        check_nothing_is_told(&server).await;
    }
}
