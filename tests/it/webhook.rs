//! Events, as a receiver gets them: signed, each once, after failures and restarts too.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};

use jiff::Timestamp;
use seatwise::clock::{Clock, SystemClock};
use seatwise::domain::ids::TenantKey;
use seatwise::simulator::{Settings, Simulator};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::process::{environment_for, run, settings_for};
use crate::support::{PATIENCE, Server, tenant_settings};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[derive(Clone)]
struct At(Arc<AtomicI64>);

impl At {
    fn turn_to(&self, moment: &str) {
        let moment: Timestamp = moment.parse().unwrap();
        self.0.store(moment.as_second(), Ordering::SeqCst);
    }
}

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// What came in one request.
struct Came {
    headers: BTreeMap<String, String>,
    body: String,
    answered: u16,
}

impl Came {
    fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn id(&self) -> String {
        self.headers["seatwise-event-id"].clone()
    }

    /// When it was signed, in seconds since 1970.
    fn signed_at(&self) -> i64 {
        let signed = &self.headers["seatwise-signature"];
        let (at, _) = signed.split_once(',').unwrap();
        at.strip_prefix("t=").unwrap().parse().unwrap()
    }

    /// Verifies as README.md says, with HMAC written out.
    fn is_signed(&self) -> bool {
        let signed = &self.headers["seatwise-signature"];
        let (at, mac) = signed.split_once(',').unwrap();
        let (at, mac) = (
            at.strip_prefix("t=").unwrap(),
            mac.strip_prefix("v1=").unwrap(),
        );
        let mut key = [0_u8; 64];
        key[..SECRET.len()].copy_from_slice(SECRET.as_bytes());
        let inner = Sha256::new()
            .chain_update(key.map(|byte| byte ^ 0x36))
            .chain_update(format!("{at}.{}", self.body))
            .finalize();
        let outer = Sha256::new()
            .chain_update(key.map(|byte| byte ^ 0x5c))
            .chain_update(inner)
            .finalize();
        let hex: String = outer.iter().map(|byte| format!("{byte:02x}")).collect();
        hex == mac
    }
}

/// A receiver that answers every request with the status that it is set to.
struct Receiver {
    url: String,
    status: Arc<AtomicU16>,
    came: UnboundedReceiver<Came>,
}

impl Receiver {
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook-a1b2c3", listener.local_addr().unwrap());
        let status = Arc::new(AtomicU16::new(status));
        let (tell, came) = unbounded_channel();
        let answers = Arc::clone(&status);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, tell) = (Arc::clone(&answers), tell.clone());
                std::thread::spawn(move || serve(stream.unwrap(), &answers, &tell));
            }
        });
        Self { url, status, came }
    }

    async fn next(&mut self) -> Came {
        let came = tokio::time::timeout(PATIENCE, self.came.recv()).await;
        came.expect("nothing came").unwrap()
    }
}

fn serve(stream: TcpStream, status: &AtomicU16, tell: &UnboundedSender<Came>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            if let Some((name, value)) = line.trim().split_once(": ") {
                headers.insert(name.to_lowercase(), value.to_owned());
            }
            line.clear();
        }
        let Some(length) = headers.get("content-length") else {
            return;
        };
        let mut body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let answered = status.load(Ordering::SeqCst);
        let body = String::from_utf8(body).unwrap();
        let head =
            format!("HTTP/1.1 {answered} x\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n");
        let _ = tell.send(Came {
            headers,
            body,
            answered,
        });
        if reader.get_mut().write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

// What ticks begin runs here: it must end while a failed test waits for the server.
#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_a_renewal_is_told_once_after_failures_and_a_restart_too() {
    let clock = At(Arc::default());
    clock.turn_to("2026-03-15T12:00:00Z");
    let told = clock.clone();
    let microsoft = Simulator::start(Settings {
        now: Some(Arc::new(move || told.now())),
        ..Settings::default()
    })
    .unwrap();
    let mut receiver = Receiver::start(503);
    let directory = tempfile::tempdir().unwrap();
    let mut settings = tenant_settings(&microsoft, "app");
    let data = format!("sled:{}", directory.path().join("data").display());
    let more = [
        ("STORAGE__URL", data.as_str()),
        ("SYNC__SCHEDULE", "0 0 0 29 2 *"),
        ("WEBHOOKS__ERP__URL", &receiver.url),
        ("WEBHOOKS__ERP__SECRET", SECRET),
    ];
    settings.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let start = async || {
        let (settings, clock) = (settings.clone(), clock.clone());
        let start = move || Server::start_by(&settings, Arc::new(clock));
        tokio::task::spawn_blocking(start).await.unwrap()
    };
    let server = start().await;
    server.synced().await;
    let document = "{licenses(first: 500) {nodes {skuId name seats {consumed}
        subscriptions {id subscriptionId status isTrial seats}}}}";
    let licenses = server.data(document).await;
    let license = licenses["licenses"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|own| {
            let first = &own["subscriptions"][0];
            first["status"] == "Enabled" && first["isTrial"] == false && first["seats"].is_u64()
        });
    let license = license.unwrap();
    let purchase = &license["subscriptions"][0];
    let declare = "mutation ($input: TermsInput!) {declareTerms(input: $input) {id}}";
    let input = json!({"subscription": purchase["id"], "term": "ANNUAL", "autoRenews": true,
        "renewsOn": "2026-05-14"});
    let declared = server.query(declare, json!({"input": input})).await;
    assert_eq!(declared.get("errors"), None, "{declared}");

    // Nobody takes it, the server is started anew, and it is still told.
    server.coordinator.tick().await;
    let refused = receiver.next().await;
    assert!(refused.is_signed());
    // It is not tried again at once: what comes meanwhile is another one.
    let waiting = async {
        loop {
            server.coordinator.tick().await;
            tokio::task::yield_now().await;
            if let Ok(came) = receiver.came.try_recv() {
                return came;
            }
        }
    };
    let second = tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    assert_ne!(second.id(), refused.id());
    let now = clock.now().as_second();
    assert_eq!([refused.signed_at(), second.signed_at()], [now; 2]);
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    receiver.status.store(204, Ordering::SeqCst);
    clock.turn_to("2026-03-15T13:00:00Z");
    let server = start().await;
    server.coordinator.tick().await;
    let mut taken = Vec::new();
    let ours = |came: &Came, step: &str| {
        let event = came.event();
        came.answered == 204
            && event["subscriptionId"] == purchase["subscriptionId"]
            && event["renewal"]["on"] == "2026-05-14"
            && event["renewal"]["step"] == step
    };
    loop {
        let came = receiver.next().await;
        assert!(came.is_signed());
        // Signed anew at every try, so that nobody takes an old one for a replay.
        let age = clock.now().as_second() - came.signed_at();
        assert!(came.answered != 204 || age == 0, "signed {age} s ago");
        let is_ours = ours(&came, "DECIDE");
        taken.extend((came.answered == 204).then_some(came));
        if is_ours {
            break;
        }
    }
    let first = taken.last().unwrap();
    assert_eq!(first.headers["seatwise-event"], "renewal.reminder");
    assert_eq!(first.headers["content-type"], "application/json");
    let event = first.event();
    let expected = json!({"id": first.id(), "event": "renewal.reminder", "at": event["at"],
        "tenant": "contoso", "license": {"skuId": license["skuId"], "name": license["name"]},
        "subscriptionId": purchase["subscriptionId"],
        "renewal": {"on": "2026-05-14", "isDeclared": true, "daysLeft": 60, "step": "DECIDE"},
        "seats": {"bought": purchase["seats"], "assigned": license["seats"]["consumed"]},
        "yearlyCost": null});
    assert_eq!(event, expected);

    // The next step is told on its day, and none before it again.
    clock.turn_to("2026-03-16T12:00:00Z");
    server.coordinator.tick().await;
    clock.turn_to("2026-04-14T12:00:00Z");
    server.coordinator.tick().await;
    loop {
        let came = receiver.next().await;
        let is_ours = ours(&came, "ORDER");
        taken.push(came);
        if is_ours {
            break;
        }
    }
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    while let Ok(came) = receiver.came.try_recv() {
        taken.push(came);
    }
    let ids: BTreeSet<_> = taken.iter().map(Came::id).collect();
    assert_eq!(ids.len(), taken.len(), "an event was taken twice");
    assert!(ids.contains(&refused.id()), "what was refused was lost");
    let decided = taken.iter().filter(|came| ours(came, "DECIDE")).count();
    assert_eq!(decided, 1);
    assert!(
        taken.iter().all(|came| !came.body.contains('@')),
        "nobody's address"
    );
}

/// The purchases that are at a step of their renewal: whose, and which, with their seats.
async fn due(server: &Server) -> BTreeMap<(String, String), (Value, u64)> {
    let answer = server.data("{tenants {id key}}").await;
    let mut due = BTreeMap::new();
    for tenant in answer["tenants"].as_array().unwrap() {
        let document = "query ($tenant: ID!) {renewals(withinDays: 120, tenant: $tenant) {
            reminder seats subscription {subscriptionId license {skuId}}}}";
        let asked = server
            .query(document, json!({"tenant": tenant["id"]}))
            .await;
        let renewals = asked["data"]["renewals"].as_array().unwrap().iter();
        for renewal in renewals.filter(|own| !own["reminder"].is_null()) {
            let subscription = &renewal["subscription"];
            let id = subscription["subscriptionId"].as_str().unwrap();
            let key = (tenant["key"].as_str().unwrap().to_owned(), id.to_owned());
            let seats = renewal["seats"].as_u64().unwrap_or(0);
            due.insert(key, (subscription["license"]["skuId"].clone(), seats));
        }
    }
    due
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_told_of_the_tenants_and_purchases_that_its_settings_name() {
    const SEATS_MIN: u64 = 30;
    let clock = At(Arc::default());
    clock.turn_to("2026-03-15T12:00:00Z");
    let simulated = |name: &str, seed| {
        let told = clock.clone();
        let settings = Settings {
            name: name.to_owned(),
            seed,
            now: Some(Arc::new(move || told.now())),
            ..Settings::default()
        };
        Simulator::start(settings).unwrap()
    };
    let (contoso, fabrikam) = (simulated("Contoso", 1), simulated("Fabrikam", 2));
    let mut settings = settings_for("contoso", &contoso);
    settings.extend(settings_for("fabrikam", &fabrikam));
    let directory = tempfile::tempdir().unwrap();
    let data = format!("sled:{}", directory.path().join("data").display());
    settings.push(("STORAGE__URL".to_owned(), data));
    settings.push(("SYNC__SCHEDULE".to_owned(), "0 0 0 29 2 *".to_owned()));
    let cost_min = (SEATS_MIN * 120).to_string();
    let seats_min = SEATS_MIN.to_string();
    let named = [
        ("ALL", "TENANTS", "contoso,fabrikam"),
        ("ONE", "TENANTS", "fabrikam"),
        ("LARGE", "SEATS_MIN", seats_min.as_str()),
        ("DEAR", "YEARLY_COST_MIN", cost_min.as_str()),
    ];
    let mut receivers: Vec<Receiver> = named.iter().map(|_| Receiver::start(204)).collect();
    for ((name, key, value), receiver) in named.iter().zip(&receivers) {
        let more = [
            ("URL", receiver.url.as_str()),
            ("SECRET", SECRET),
            ("EVENTS", "renewal.reminder"),
            (key, value),
        ];
        let more = more.map(|(key, value)| (format!("WEBHOOKS__{name}__{key}"), value.to_owned()));
        settings.extend(more);
    }
    let at = clock.clone();
    let start = move || Server::start_by(&settings, Arc::new(at));
    let server = tokio::task::spawn_blocking(start).await.unwrap();
    for key in ["contoso", "fabrikam"] {
        let key = TenantKey::parse(key).unwrap();
        let mut newest = server.coordinator.watch(&key).unwrap();
        let ended = newest.wait_for(|run| run.as_ref().is_some_and(|run| run.state.is_over()));
        tokio::time::timeout(PATIENCE, ended)
            .await
            .unwrap()
            .unwrap();
    }

    // Every seat costs 10 a month, but those of one small purchase, which nobody priced.
    let due = due(&server).await;
    let small = due.values().filter(|(_, seats)| *seats < SEATS_MIN);
    let (unpriced, _) = small.clone().next().unwrap();
    assert!(small.clone().any(|(sku, _)| sku != unpriced));
    for (sku, _) in due.values().filter(|(sku, _)| sku != unpriced) {
        let set = "mutation ($input: PriceInput!) {setPrice(input: $input) {id}}";
        let price = json!({"skuId": sku, "amount": "10", "currency": "EUR"});
        // A second price of the same product is refused, and that is well.
        server.query(set, json!({"input": price})).await;
    }
    server.coordinator.tick().await;
    let expected = [
        due.keys().collect::<BTreeSet<_>>(),
        due.keys()
            .filter(|(tenant, _)| tenant == "fabrikam")
            .collect(),
        due.iter()
            .filter(|(_, (_, seats))| *seats >= SEATS_MIN)
            .map(|(key, _)| key)
            .collect(),
        due.iter()
            .filter(|(_, (sku, seats))| *seats >= SEATS_MIN || sku == unpriced)
            .map(|(key, _)| key)
            .collect(),
    ];
    let mut told = Vec::new();
    for (receiver, expected) in receivers.iter_mut().zip(&expected) {
        let mut own = Vec::new();
        while own.len() < expected.len() {
            own.push(receiver.next().await);
        }
        told.push(own);
    }
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    for (place, receiver) in receivers.iter_mut().enumerate() {
        while let Ok(more) = receiver.came.try_recv() {
            told[place].push(more);
        }
        let keys = told[place].iter().map(|came| {
            let event = came.event();
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            let (sku, seats) = &due[&(text("tenant"), text("subscriptionId"))];
            let cost = match sku == unpriced {
                true => Value::Null,
                false => json!({"amount": format!("{}.00", seats * 120), "currency": "EUR"}),
            };
            assert_eq!(event["yearlyCost"], cost, "{event}");
            (text("tenant"), text("subscriptionId"))
        });
        let keys: Vec<(String, String)> = keys.collect();
        assert_eq!(keys.len(), expected[place].len(), "{}", named[place].0);
        let keys: BTreeSet<&(String, String)> = keys.iter().collect();
        assert_eq!(keys, expected[place], "{}", named[place].0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_tries_a_webhook_and_is_told_the_outcome_without_its_secrets() {
    let microsoft = Simulator::start(Settings::default()).unwrap();
    let mut receiver = Receiver::start(204);
    let directory = tempfile::tempdir().unwrap();
    let url = receiver.url.clone();
    let settings = [
        ("WEBHOOKS__ERP__URL", url.as_str()),
        ("WEBHOOKS__ERP__SECRET", SECRET),
        ("LOG__LEVEL", "trace"),
    ];
    let environment = environment_for("contoso", &microsoft, &settings);
    let test = |name: &str| run(directory.path(), &environment, &["webhook", "test", name]);
    let mut said = Vec::new();
    let ended = test("erp").with(0);
    assert_eq!(ended.stdout, "erp: delivered, it answered 204\n");
    said.push(ended);
    let came = receiver.next().await;
    assert!(came.is_signed());
    assert_eq!(came.event()["event"], "test");
    receiver.status.store(302, Ordering::SeqCst);
    let ended = test("erp").with(1);
    assert!(
        ended.stderr.contains("redirects are not followed"),
        "{}",
        ended.stderr
    );
    said.push(ended);
    receiver.next().await;
    assert!(receiver.came.try_recv().is_err(), "a redirect was followed");
    test("nobody").with(78);
    for ended in said {
        let all = ended.stdout + &ended.stderr;
        assert!(
            !all.contains(SECRET) && !all.contains("hook-a1b2c3"),
            "{all}"
        );
    }
    let refused = [
        ("WEBHOOKS__ERP__URL", "http://erp.contoso.com/hook-a1b2c3"),
        ("WEBHOOKS__ERP__SECRET", SECRET),
    ];
    let environment = environment_for("contoso", &microsoft, &refused);
    let ended = run(directory.path(), &environment, &["webhook", "test", "erp"]).with(78);
    assert!(
        ended.stderr.contains("no https address"),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_told_when_they_come_to_a_number_and_not_again_while_they_stay() {
    let microsoft = Simulator::start(Settings::default()).unwrap();
    let mut receiver = Receiver::start(204);
    let directory = tempfile::tempdir().unwrap();
    let data = format!("sled:{}", directory.path().join("data").display());
    let mut settings = tenant_settings(&microsoft, "app");
    let more = [
        ("STORAGE__URL", data.as_str()),
        ("SYNC__SCHEDULE", "0 0 0 29 2 *"),
        ("WEBHOOKS__ERP__URL", &receiver.url),
        ("WEBHOOKS__ERP__SECRET", SECRET),
        ("WEBHOOKS__ERP__EVENTS", "findings.threshold"),
        ("WEBHOOKS__ERP__OPEN_FINDINGS_MIN", "10"),
        ("WEBHOOKS__ERP__MONTHLY_SAVINGS_MIN", "100.00 EUR"),
    ];
    settings.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let start = async || {
        let settings = settings.clone();
        let start = move || Server::start_by(&settings, Arc::new(SystemClock));
        tokio::task::spawn_blocking(start).await.unwrap()
    };
    let server = start().await;
    server.synced().await;
    server.coordinator.tick().await;
    let came = receiver.next().await;
    assert!(came.is_signed());
    assert_eq!(came.headers["seatwise-event"], "findings.threshold");
    let event = came.event();
    let document = "{findings(filter: {state: {eq: OPEN}}, first: 1) {
        totalCount monthlySavings {amount currency}}}";
    let open = server.data(document).await["findings"]["totalCount"].clone();
    let crossed = json!([{"measure": "OPEN_FINDINGS", "atLeast": "10", "before": null,
        "now": open.to_string()}]);
    let expected = json!({"id": came.id(), "event": "findings.threshold", "at": event["at"],
        "tenant": "contoso", "crossed": crossed, "openFindings": open,
        "monthlySavings": {"amount": "0.00", "currency": "EUR"}});
    assert_eq!(event, expected);

    // A price makes them worth telling; a restart does not.
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    let server = start().await;
    server.coordinator.tick().await;
    let licenses = "{licenses(filter: {value: {eq: \"SPE_E3\"}}) {nodes {skuId}}}";
    let licenses = server.data(licenses).await;
    let price = json!({"skuId": licenses["licenses"]["nodes"][0]["skuId"], "amount": "39.00",
        "currency": "EUR", "per": "MONTH", "validFrom": "2020-01-01"});
    let told = "mutation ($input: PriceInput!) {setPrice(input: $input) {id}}";
    let answer = server.query(told, json!({"input": price})).await;
    assert_eq!(answer.get("errors"), None, "{answer}");
    server.coordinator.tick().await;
    let event = receiver.next().await.event();
    assert_eq!(event["crossed"].as_array().unwrap().len(), 1, "{event}");
    assert_eq!(event["crossed"][0]["measure"], "MONTHLY_SAVINGS");
    assert_eq!(event["crossed"][0]["before"], "0.00");
    let savings = server.data(document).await["findings"]["monthlySavings"][0].clone();
    assert_eq!(event["monthlySavings"], savings);
    assert_eq!(event["crossed"][0]["now"], savings["amount"]);
    server.coordinator.tick().await;
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    assert!(receiver.came.try_recv().is_err(), "it was told again");
}
