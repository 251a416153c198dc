//! What licenses cost, over the front door: told once, answered everywhere, to the cent.

mod cost;
mod orders;
mod prices;
mod renewals;
mod savings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use seatwise::clock::Clock;
use seatwise::simulator::{Settings, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::asking::{data, list, number, refusal, text};
use crate::support::process::{Ended, Process, environment_for, run};
use crate::support::{Server, TOKEN, tenant_settings};

/// The day on which the tests begin.
const TODAY: &str = "2026-03-15";

const SET_PRICE: &str = "mutation ($input: PriceInput!) {setPrice(input: $input) {id}}";
const DECLARE: &str = "mutation ($input: TermsInput!) {declareTerms(input: $input) {
    terms {term billing autoRenews renewsOn}}}";

/// A clock that stands at noon of a day, in UTC.
#[derive(Clone)]
struct Noon(Arc<AtomicI64>);

impl Noon {
    fn of(day: &str) -> Self {
        let noon = Self(Arc::default());
        noon.turn_to(day);
        noon
    }

    fn turn_to(&self, day: &str) {
        let day: Date = day.parse().unwrap();
        let midnight = day.to_zoned(TimeZone::UTC).unwrap().timestamp();
        let noon = midnight + SignedDuration::from_hours(12);
        self.0.store(noon.as_second(), Ordering::SeqCst);
    }
}

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A tenant whose server may be stopped and started again on the same data.
struct Office {
    clock: Noon,
    microsoft: Simulator,
    directory: TempDir,
    settings: Vec<(String, String)>,
}

impl Office {
    fn new(settings: &[(&str, &str)]) -> Self {
        Self::of(Settings::default().users, settings)
    }

    fn of(users: u64, settings: &[(&str, &str)]) -> Self {
        let clock = Noon::of(TODAY);
        let told = clock.clone();
        let microsoft = Simulator::start(Settings {
            users,
            now: Some(Arc::new(move || told.now())),
            ..Settings::default()
        });
        let settings = settings.iter();
        let settings = settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            clock,
            microsoft: microsoft.unwrap(),
            directory: tempfile::tempdir().unwrap(),
            settings: settings.collect(),
        }
    }

    async fn server(&self) -> Server {
        let mut settings = tenant_settings(&self.microsoft, "app");
        let data = self.directory.path().join("data");
        settings.push((
            "STORAGE__URL".to_owned(),
            format!("sled:{}", data.display()),
        ));
        settings.push(("SYNC__SCHEDULE".to_owned(), "0 0 0 29 2 *".to_owned()));
        settings.extend(self.settings.iter().cloned());
        let clock = self.clock.clone();
        let start = move || Server::start_by(&settings, Arc::new(clock));
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    /// The first server, synced.
    async fn synced(&self) -> Server {
        let server = self.server().await;
        server.synced().await;
        server
    }

    async fn restarted(&self, server: Server) -> Server {
        tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
        self.server().await
    }
}

async fn opened() -> (Office, Server) {
    let office = Office::new(&[]);
    let server = office.synced().await;
    (office, server)
}

/// Licenses by part number.
async fn licenses(server: &Server) -> BTreeMap<String, Value> {
    let document = "{licenses(first: 500) {nodes {id skuId value seats {enabled warning consumed}
        users(first: 1) {totalCount}
        subscriptions {id subscriptionId status isTrial seats terms {term billing autoRenews renewsOn}}}}}";
    let data = data(server, document, json!({})).await;
    let nodes = list(&data["licenses"]["nodes"]).iter();
    nodes
        .map(|node| (text(&node["value"]), node.clone()))
        .collect()
}

async fn e3(server: &Server) -> Value {
    licenses(server).await["SPE_E3"].clone()
}

/// The input of a price of a license in euros a month, for every tenant.
fn price_of(license: &Value, amount: &str) -> Value {
    json!({"skuId": license["skuId"], "amount": amount, "currency": "EUR"})
}

fn with(mut input: Value, more: Value) -> Value {
    let more = more.as_object().unwrap().clone();
    input.as_object_mut().unwrap().extend(more);
    input
}

async fn set_price(server: &Server, input: Value) -> Value {
    data(server, SET_PRICE, json!({"input": input})).await["setPrice"]["id"].clone()
}

async fn declare(server: &Server, input: Value) -> Value {
    data(server, DECLARE, json!({"input": input})).await["declareTerms"]["terms"].clone()
}

fn money(amount: &str, currency: &str) -> Value {
    json!({"amount": amount, "currency": currency})
}

/// An amount in hundredths.
fn cents(amount: &Value) -> i64 {
    let amount = text(amount);
    let (whole, hundredths) = amount.split_once('.').unwrap();
    assert_eq!(hundredths.len(), 2, "{amount}");
    whole.parse::<i64>().unwrap() * 100 + hundredths.parse::<i64>().unwrap()
}

fn euros(cents: i64) -> Value {
    money(&format!("{}.{:02}", cents / 100, cents % 100), "EUR")
}

/// A license with one purchase that is paid, and seats in use.
async fn single(server: &Server) -> Value {
    let all = licenses(server).await;
    let single = all.into_values().find(|license| {
        let purchases = list(&license["subscriptions"]);
        purchases.len() == 1
            && purchases[0]["isTrial"] == false
            && purchases[0]["status"] == "Enabled"
            && purchases[0]["seats"] == license["seats"]["enabled"]
            && (20..5_000).contains(&number(&license["seats"]["consumed"]))
    });
    single.unwrap()
}
