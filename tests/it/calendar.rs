//! The calendar of renewals, as a calendar program reads it: by its address alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use reqwest::{Client, Response, StatusCode, header};
use seatwise::clock::{Clock as _, SystemClock};
use seatwise::simulator::{Settings, Simulator};
use serde_json::{Value, json};

use crate::search::files;
use crate::support::process::{Asker, Process, environment_for, run, settings_for};
use crate::support::{PATIENCE, TOKEN, environment};

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
    let first = server.terminate().with(0);
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
    for said in [
        &first.stderr,
        &first.stdout,
        &ended.stderr,
        &ended.stdout,
        &metrics,
    ] {
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

/// The days on which events of a purchase begin, by the word of their step.
fn steps(calendar: &str, subscription: &str) -> BTreeMap<String, String> {
    let events = calendar.split("BEGIN:VEVENT").skip(1);
    let steps = events.filter_map(|event| {
        let id = values(event, "UID").remove(0);
        let step = id.strip_prefix(subscription)?.split(['.', '@']).nth(2)?;
        let begins = values(event, "DTSTART;VALUE=DATE").remove(0);
        Some((step.to_owned(), begins))
    });
    steps.collect()
}

#[tokio::test]
async fn a_calendar_has_the_steps_of_declared_terms_and_changes_with_them() {
    let microsoft = Simulator::start(Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let environment = environment_for("contoso", &microsoft, &[]);
    let server = Process::serve(directory.path(), &environment).unwrap();
    let asker = server.asker();
    let tenant = asker.tenant("contoso").await;
    asker.sync(&tenant).await;
    let document = "{licenses(first: 100) {nodes {skuId name value
        subscriptions {id subscriptionId status}}}}";
    let licenses = asker.data(document).await;
    let mut licenses = licenses["licenses"]["nodes"].as_array().unwrap().iter();
    let license = licenses.find(|own| own["value"] == "SPE_E3").unwrap();
    let purchase = &license["subscriptions"][0];
    let subscription = purchase["subscriptionId"].as_str().unwrap();
    let told = async |document: &str, input: Value| {
        let answer = asker.query(document, json!({"input": input})).await;
        assert_eq!(answer.get("errors"), None, "{answer}");
    };
    let price = json!({"skuId": license["skuId"], "amount": "48.15", "currency": "SEK",
        "validFrom": "2020-01-01"});
    let set = "mutation ($input: PriceInput!) {setPrice(input: $input) {id}}";
    told(set, price).await;
    let made = created(&asker, json!({"name": "Purchasing", "tenant": tenant})).await;
    let address = made["address"].as_str().unwrap().to_owned();

    let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
    let declare = "mutation ($input: TermsInput!) {declareTerms(input: $input) {id}}";
    let mut tags = BTreeSet::new();
    for days in [200, 201] {
        let on = today + days.days();
        let terms = json!({"subscription": purchase["id"], "term": "ANNUAL", "autoRenews": true,
            "renewsOn": on.to_string()});
        told(declare, terms).await;
        let response = read(&address).await;
        let tag = response.headers()[header::ETAG].to_str().unwrap();
        assert!(tags.insert(tag.to_owned()), "it is told to be the same");
        let calendar = response.text().await.unwrap();
        let before = |days: i64| (on - days.days()).strftime("%Y%m%d").to_string();
        let ladder = [
            ("review", 120),
            ("evidence", 90),
            ("decide", 60),
            ("order", 30),
            ("check", 7),
            ("renewal", 0),
        ];
        let expected = ladder.map(|(step, days)| (step.to_owned(), before(days)));
        assert_eq!(steps(&calendar, subscription), BTreeMap::from(expected));
        let name = license["name"].as_str().unwrap();
        let summaries = values(&calendar, "SUMMARY");
        assert!(
            summaries.contains(&format!("{name} renews")),
            "{summaries:?}"
        );
        for amount in ["48.15", "48,15", "SEK"] {
            assert!(!calendar.contains(amount), "an amount of money: {amount}");
        }
    }
}

#[tokio::test]
async fn the_calendar_of_one_tenant_has_nothing_of_another() {
    let named = |name: &str| {
        let settings = Settings {
            name: name.to_owned(),
            seed: name.len() as u64,
            ..Settings::default()
        };
        Simulator::start(settings).unwrap()
    };
    let (contoso, fabrikam) = (named("Contoso"), named("Fabrikam"));
    let mut settings = settings_for("contoso", &contoso);
    settings.extend(settings_for("fabrikam", &fabrikam));
    let directory = tempfile::tempdir().unwrap();
    let server = Process::serve(directory.path(), &environment(&settings)).unwrap();
    let asker = server.asker();
    let keys = ["contoso", "fabrikam"];
    let mut feeds = Vec::new();
    for key in keys {
        let tenant = asker.tenant(key).await;
        asker.sync(&tenant).await;
        feeds.push(created(&asker, json!({"name": key, "tenant": tenant})).await);
    }
    let owner = |id: &String| id.rsplit_once('@').unwrap().1.to_owned();
    let of = async |feed: &Value| {
        let (status, calendar) = told(feed["address"].as_str().unwrap()).await;
        assert_eq!(status, 200);
        let ids: BTreeSet<String> = values(&calendar, "UID").into_iter().collect();
        (calendar, ids)
    };
    let mut together = BTreeSet::new();
    for (key, feed) in keys.iter().zip(&feeds) {
        let (_, ids) = of(feed).await;
        let owners: BTreeSet<String> = ids.iter().map(owner).collect();
        assert_eq!(owners, BTreeSet::from([format!("{key}.seatwise")]));
        together.extend(ids);
    }
    let (calendar, ids) = of(&created(&asker, json!({"name": "all"})).await).await;
    assert_eq!(ids, together);
    // In a calendar of several, each event says whose it is.
    let names_one = |summary: &String| {
        keys.iter()
            .any(|key| summary.starts_with(&format!("{key}: ")))
    };
    assert!(values(&calendar, "SUMMARY").iter().all(names_one));
}
