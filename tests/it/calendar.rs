//! The calendar of renewals, as a calendar program reads it: by its address alone.

use std::collections::BTreeSet;

use reqwest::{Client, Response, StatusCode, header};
use seatwise::simulator::{Settings, Simulator};
use serde_json::{Value, json};

use crate::search::files;
use crate::support::process::{Asker, Process, environment_for, run};
use crate::support::{PATIENCE, TOKEN};

const CREATE: &str = "mutation ($input: CalendarFeedInput!) {createCalendarFeed(input: $input) {
    address feed {id name isOfAllTenants tenant {key}}}}";
const REVOKE: &str = "mutation ($id: ID!) {revokeCalendarFeed(id: $id)}";

fn client() -> Client {
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0);
    client.timeout(PATIENCE).build().unwrap()
}

async fn read(address: &str) -> Response {
    client().get(address).send().await.unwrap()
}

/// Status and text of what stands at an address.
async fn told(address: &str) -> (StatusCode, String) {
    let response = read(address).await;
    (response.status(), response.text().await.unwrap())
}

async fn created(server: &Asker, input: Value) -> Value {
    let answer = server.query(CREATE, json!({"input": input})).await;
    assert_eq!(answer.get("errors"), None, "{answer}");
    answer["data"]["createCalendarFeed"].clone()
}

fn token_of(address: &str) -> &str {
    let (_, token) = address.rsplit_once('/').unwrap();
    token.strip_suffix(".ics").unwrap()
}

/// The values of a property, the lines joined as RFC 5545 says.
fn values(calendar: &str, name: &str) -> Vec<String> {
    let unfolded = calendar.replace("\r\n ", "");
    let lines = unfolded.split("\r\n");
    let values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    values.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_calendar_is_read_by_its_address_until_it_is_revoked_and_nobody_else_learns_it() {
    let microsoft = Simulator::start(Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let environment = environment_for("contoso", &microsoft, &[("LOG__LEVEL", "trace")]);
    let server = Process::serve(directory.path(), &environment).unwrap();
    let asker = server.asker();
    let tenant = asker.tenant("contoso").await;
    asker.sync(&tenant).await;

    let made = created(&asker, json!({"name": " Purchasing "})).await;
    let feed = json!({"id": made["feed"]["id"], "name": "Purchasing", "isOfAllTenants": true,
        "tenant": null});
    assert_eq!(made["feed"], feed);
    let address = made["address"].as_str().unwrap().to_owned();
    let token = token_of(&address);
    assert!(token.starts_with("swcal_") && token.len() == 49, "{token}");

    let response = read(&address).await;
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    assert_eq!(
        headers[header::CONTENT_TYPE],
        "text/calendar; charset=utf-8"
    );
    assert_eq!(headers[header::CACHE_CONTROL], "private, no-cache");
    assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
    let calendar = response.text().await.unwrap();
    let renewals = asker
        .data("{renewals(withinDays: 2200) {on subscription {subscriptionId}}}")
        .await;
    let id_of = |own: &Value| {
        let day = own["on"].as_str().unwrap().replace('-', "");
        let id = own["subscription"]["subscriptionId"].as_str().unwrap();
        format!("{id}.{day}.renewal@contoso.seatwise")
    };
    let expected: BTreeSet<_> = renewals["renewals"]
        .as_array()
        .unwrap()
        .iter()
        .map(id_of)
        .collect();
    let ids = values(&calendar, "UID");
    let told_of: BTreeSet<_> = ids
        .iter()
        .filter(|id| id.contains(".renewal@"))
        .cloned()
        .collect();
    assert!(!expected.is_empty());
    // One that was on the days before today is in the calendar still.
    assert!(expected.is_subset(&told_of), "{expected:?} {told_of:?}");
    assert!(calendar.split("\r\n").all(|line| line.len() <= 75));
    assert_eq!(calendar.matches('@').count(), ids.len(), "nobody's address");

    // A program that has it already is told so, also after another sync of the same facts.
    let tag = headers[header::ETAG].to_str().unwrap();
    asker.sync(&tenant).await;
    let again = client().get(&address).header(header::IF_NONE_MATCH, tag);
    let again = again.send().await.unwrap();
    assert_eq!(again.status(), 304);
    assert_eq!(again.text().await.unwrap(), "");

    // The token reads the calendar and nothing else.
    let (status, _) = asker
        .query_as(token, "{tenants {key}}", json!({}))
        .await
        .unwrap();
    assert_eq!(status, 401);
    let changing = client().post(&address).send().await.unwrap();
    assert_eq!(changing.status(), 405);

    // It outlives the server, and not its being revoked.
    server.terminate().with(0);
    let again = Process::serve(directory.path(), &environment).unwrap();
    let asker = again.asker();
    let path = format!("/calendar/{token}.ics");
    assert_eq!(asker.get(&path).await.0, 200);
    let listed = asker
        .data("{calendarFeeds {id name isOfAllTenants tenant {key}}}")
        .await;
    assert_eq!(listed["calendarFeeds"], json!([feed]));
    let revoked = asker.query(REVOKE, json!({"id": feed["id"]})).await;
    assert_eq!(revoked["data"]["revokeCalendarFeed"], feed["id"]);
    let (status, nothing) = asker.get(&path).await;
    assert_eq!(status, 404);
    assert!(!nothing.contains("VCALENDAR"));
    let twice = asker.query(REVOKE, json!({"id": feed["id"]})).await;
    assert_eq!(twice["errors"][0]["extensions"]["code"], "NOT_FOUND");
    let (_, metrics) = {
        let asked = client().get(format!("http://{}/metrics", asker.address()));
        let response = asked.bearer_auth(TOKEN).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    };
    assert!(metrics.contains("route=\"/calendar\""), "{metrics}");
    let ended = again.terminate().with(0);
    for said in [&ended.stderr, &ended.stdout, &metrics] {
        assert!(!said.contains(token), "the token was told");
    }
    assert!(ended.stderr.contains("/calendar"), "the log says nothing");
    for file in files(directory.path()) {
        let bytes = std::fs::read(&file).unwrap();
        let found = bytes
            .windows(token.len())
            .any(|part| part == token.as_bytes());
        assert!(!found, "the token is in {}", file.display());
    }
}

#[tokio::test]
async fn whoever_guesses_addresses_waits_and_whoever_knows_one_does_not() {
    let microsoft = Simulator::start(Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let few = [("LIMITS__FAILED_TOKENS_PER_MINUTE_MAX", "3")];
    let environment = environment_for("contoso", &microsoft, &few);
    let server = Process::serve(directory.path(), &environment).unwrap();
    let asker = server.asker();
    let tenant = asker.tenant("contoso").await;
    let made = created(&asker, json!({"name": "Purchasing", "tenant": tenant})).await;
    assert_eq!(made["feed"]["tenant"]["key"], "contoso");
    let address = made["address"].as_str().unwrap();
    let near = address.replace(".ics", "x.ics");
    for _ in 0..3 {
        assert_eq!(told(&near).await.0, 404);
    }
    let waiting = read(&near).await;
    assert_eq!(waiting.status(), 429);
    assert!(waiting.headers().contains_key(header::RETRY_AFTER));
    let (status, calendar) = told(address).await;
    assert_eq!(status, 200);
    assert_eq!(
        values(&calendar, "X-WR-CALNAME"),
        ["License renewals of contoso"]
    );
    let (status, _) = asker
        .query_as("wrong", "{tenants {key}}", json!({}))
        .await
        .unwrap();
    assert_eq!(status, 429, "guesses of both kinds are counted together");
}

#[tokio::test]
async fn a_feed_is_asked_for_properly_or_refused() {
    let microsoft = Simulator::start(Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let environment = environment_for("contoso", &microsoft, &[]);
    let server = Process::serve(directory.path(), &environment).unwrap();
    let asker = server.asker();
    let code = async |document: &str, variables: Value| {
        let answer = asker.query(document, variables).await;
        answer["errors"][0]["extensions"]["code"].clone()
    };
    for name in ["", "  ", "a\nb"] {
        let input = json!({"input": {"name": name}});
        assert_eq!(code(CREATE, input).await, "BAD_INPUT", "{name:?}");
    }
    let stranger = json!({"input": {"name": "x", "tenant": "VGVuYW50Om5vYm9keQ"}});
    assert_eq!(code(CREATE, stranger).await, "NOT_FOUND");
    assert_eq!(code(REVOKE, json!({"id": "x"})).await, "BAD_INPUT");
    for path in [
        "/calendar/.ics",
        "/calendar/x",
        "/calendar/",
        "/calendar/a/b.ics",
    ] {
        assert_eq!(asker.get(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn an_operator_makes_lists_and_revokes_calendars_with_a_server_and_without() {
    let microsoft = Simulator::start(Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let environment = environment_for("contoso", &microsoft, &[]);
    let offline = |arguments: &[&str]| run(directory.path(), &environment, arguments);
    let create = ["calendar", "create", "Purchasing", "--tenant", "contoso"];
    let made = offline(&create).with(0).stdout;
    let address = made.lines().last().unwrap().trim().to_owned();
    let listed = offline(&["calendar", "list"]).with(0).stdout;
    assert!(listed.contains("contoso  Purchasing"), "{listed}");
    let id = listed.split(' ').next().unwrap().to_owned();

    let server = Process::serve(directory.path(), &environment).unwrap();
    let path = format!("/calendar/{}.ics", token_of(&address));
    assert_eq!(server.asker().get(&path).await.0, 200);
    let mut asking = environment.clone();
    let listen = server.asker().address().to_owned();
    asking.retain(|(name, _)| name != "SEATWISE_SERVER__LISTEN");
    asking.push(("SEATWISE_SERVER__LISTEN".into(), listen.into()));
    asking.push(("SEATWISE_TOKEN".into(), TOKEN.into()));
    let ask = |arguments: &[&str]| run(directory.path(), &asking, arguments);
    assert_eq!(ask(&["calendar", "list"]).with(0).stdout, listed);
    let second = ask(&["calendar", "create", "Finance"]).with(0).stdout;
    assert!(second.contains("/calendar/swcal_"), "{second}");
    assert_eq!(
        ask(&["calendar", "revoke", &id]).with(0).stdout,
        "revoked\n"
    );
    assert_eq!(server.asker().get(&path).await.0, 404);
    ask(&["calendar", "revoke", &id]).with(1);
    server.terminate().with(0);
    offline(&["calendar", "revoke", &id]).with(1);
    let left = offline(&["calendar", "list"]).with(0).stdout;
    assert!(left.contains("all tenants  Finance"), "{left}");
}
