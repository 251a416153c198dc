//! What is never told, logged or kept in clear: a whole life of the real binary at its most talkative,
//! and then a search through everything that it left and said.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::ACCEPT;
use reqwest::{Client, Url};
use seatwise::simulator::{
    DeltaEnd, Fault, FaultPoint, Handle, RetryAfter, Settings, SignIn, Simulator,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::{Browser, parameter, with_parameter};
use crate::search::{Needles, files, unfolded};
use crate::support::process::program;
use crate::support::{KEY, TOKEN, environment, tenant_settings};

/// The secret of a second tenant that Microsoft does not accept.
const WRONG_SECRET: &str = "q8Q~wrong-but-somebodys-secret-0123456789";

/// What somebody sends who mistypes the administrator's token.
const MISTYPED_TOKEN: &str = "the-token-of-the-tests-0123456780";

/// A server as an operator starts it, and everything that it ever says.
struct Life {
    directory: TempDir,
    microsoft: Simulator,
    child: Child,
    stdout: Option<JoinHandle<String>>,
    url: Url,
    tenant: String,
    /// Answers, by what was asked.
    told: Vec<(String, String)>,
    /// What passed between browsers, us and Microsoft and is nobody else's.
    one_time: BTreeSet<String>,
}

impl Life {
    async fn begin() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let microsoft = Simulator::start(Settings::default()).unwrap();
        // It syncs more often than anybody would.
        microsoft.set_log_limits(false);
        microsoft.set_report_limits(false);
        let mut settings = tenant_settings(&microsoft, "delegated");
        let second = tenant_settings(&microsoft, "app").into_iter();
        settings.extend(second.map(|(name, value)| {
            let is_secret = name.ends_with("CLIENT_SECRET");
            let value = if is_secret {
                WRONG_SECRET.to_owned()
            } else {
                value
            };
            (name.replace("CONTOSO", "FABRIKAM"), value)
        }));
        settings.push(("LOG__LEVEL".to_owned(), "trace".to_owned()));
        let (child, url, stdout) = start(directory.path(), &settings);
        let mut life = Self {
            directory,
            microsoft,
            child,
            stdout: Some(stdout),
            url: Url::parse(&url).unwrap(),
            tenant: String::new(),
            told: Vec::new(),
            one_time: BTreeSet::new(),
        };
        let tenants = life.ask("{tenants {id key}}", json!({})).await;
        let tenant = &tenants["data"]["tenants"][0];
        assert_eq!(tenant["key"], "contoso");
        life.tenant = tenant["id"].as_str().unwrap().to_owned();
        life
    }

    fn address(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    async fn ask(&mut self, document: &str, variables: Value) -> Value {
        let request = Client::new()
            .post(self.address("/graphql"))
            .bearer_auth(TOKEN)
            .json(&json!({"query": document, "variables": variables}));
        let text = request.send().await.unwrap().text().await.unwrap();
        self.told.push((document.to_owned(), text.clone()));
        serde_json::from_str(&text).unwrap()
    }

    async fn get(&mut self, path: &str, token: Option<&str>) -> String {
        let mut request = Client::new().get(self.address(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let text = request.send().await.unwrap().text().await.unwrap();
        self.told.push((path.to_owned(), text.clone()));
        text
    }

    /// Does something to the tenant.
    async fn change(&mut self, field: &str) -> Value {
        let variables = json!({"tenant": self.tenant});
        self.ask(&format!("mutation ($tenant: ID!) {{{field}}}"), variables)
            .await
    }

    /// Waits for the end of the newest run by watching it; its state.
    async fn synced(&mut self) -> String {
        let watch = "subscription ($tenant: ID!) {syncProgress(tenant: $tenant) {state problem}}";
        let request = Client::new()
            .post(self.address("/graphql"))
            .bearer_auth(TOKEN)
            .header(ACCEPT, "text/event-stream")
            .json(&json!({"query": watch, "variables": {"tenant": self.tenant}}));
        let events = request.send().await.unwrap().text().await.unwrap();
        let mut results = events
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        let last: Value = serde_json::from_str(results.next_back().unwrap()).unwrap();
        self.told.push((watch.to_owned(), events));
        last["data"]["syncProgress"]["state"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn sync(&mut self) -> String {
        self.change("startSync(tenant: $tenant) {id state}").await;
        self.synced().await
    }

    /// Where a browser begins, with its ticket.
    async fn connect(&mut self) -> Url {
        let connecting = self.change("connectTenant(tenant: $tenant) {url}").await;
        let url = connecting["data"]["connectTenant"]["url"].as_str().unwrap();
        let url = Url::parse(url).unwrap();
        self.one_time.insert(parameter(&url, "ticket"));
        url
    }

    /// A browser goes to Microsoft and back; `change` spoils the way back.
    async fn sign_in(&mut self, change: impl FnOnce(Url) -> Url) -> String {
        let url = self.connect().await;
        let mut browser = Browser::new();
        let authorize = browser.step(&url).await.location.unwrap();
        let callback = browser.step(&authorize).await.location.unwrap();
        self.one_time.insert(parameter(&authorize, "state"));
        self.one_time.extend(
            browser
                .cookie(&callback, "seatwise_sign_in")
                .map(str::to_owned),
        );
        let page = browser.step(&change(callback)).await;
        self.told
            .push(("the way back".to_owned(), page.text.clone()));
        page.text
    }

    /// Ends in good order; everything that was printed or logged.
    fn end(&mut self) -> String {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        let printed = self.stdout.take().unwrap().join().unwrap();
        printed + &std::fs::read_to_string(log_file(self.directory.path())).unwrap()
    }
}

/// A test that fails must not leave a process behind.
impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_file(directory: &Path) -> PathBuf {
    directory.join("log")
}

/// Starts the binary with its log in a file; where it listens, and what it prints from then on.
fn start(directory: &Path, settings: &[(String, String)]) -> (Child, String, JoinHandle<String>) {
    let log = File::create(log_file(directory)).unwrap();
    let mut child = program(directory, &environment(settings), &["serve"])
        .stderr(Stdio::from(log))
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("Seatwise listens on ");
    let url = url.unwrap_or_else(|| panic!("{line:?}")).to_owned();
    let printing = std::thread::spawn(move || {
        let mut printed = String::new();
        stdout.read_to_string(&mut printed).unwrap();
        printed
    });
    (child, url, printing)
}

/// People of the simulated organization: what names each of them.
async fn people(life: &mut Life) -> Vec<BTreeMap<String, String>> {
    let document = "{users(first: 500) {nodes {displayName userPrincipalName mail}}}";
    let answer = life.ask(document, json!({})).await;
    let nodes = answer["data"]["users"]["nodes"].as_array().unwrap();
    let people: Vec<BTreeMap<String, String>> = nodes
        .iter()
        .map(|node| {
            let texts = node.as_object().unwrap().iter();
            texts
                .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
                .collect()
        })
        .collect();
    assert!(people.len() > 200);
    people
}

/// Everything that Microsoft can do wrong with a secret or a name at hand.
fn faults(somebody: &str) -> Vec<Fault> {
    let users = || Fault::at("/v1.0/users");
    // Values under names where they are of a wrong type: parsers like to quote what they refuse.
    let misplaced = |field: &'static str, from: &'static str| {
        users().rewrite(move |page| {
            for row in page["value"].as_array_mut().into_iter().flatten().take(2) {
                row[field] = row[from].clone();
            }
        })
    };
    let denied = |point: FaultPoint, status: u16| {
        let body = json!({"error": {"code": "Authentication_MSGraphPermissionMissing", "message": format!("{somebody} may not read this."), "innerError": {"request-id": somebody}}});
        point.respond(status, "application/json", body.to_string())
    };
    let login = json!({"error": "invalid_request", "error_codes": [90014], "error_description": format!("AADSTS90014: {somebody} is missing."), "trace_id": somebody});
    vec![
        misplaced("accountEnabled", "displayName"),
        misplaced("createdDateTime", "userPrincipalName"),
        misplaced("assignedLicenses", "displayName"),
        misplaced("id", "userPrincipalName"),
        misplaced("licenseAssignmentStates", "mail"),
        misplaced("manager", "displayName"),
        users().respond(
            200,
            "application/json",
            format!("{{\"value\":[{{\"displayName\":\"{somebody}\","),
        ),
        users().respond(200, "text/html", format!("<title>{somebody}</title>")),
        denied(users(), 403),
        denied(users(), 400),
        denied(Fault::on("/v1.0/subscribedSkus"), 404),
        denied(Fault::on("/v1.0/organization"), 403),
        users().next_link(&format!("https://evil.example/{somebody}?$skiptoken=x")),
        users().next_link(&format!("{somebody}://x")),
        users().next_link_to_itself(),
        users()
            .first(1)
            .throttle(RetryAfter::Text(somebody.to_owned())),
        Fault::at_token().respond(400, "application/json", login.to_string()),
        Fault::at_token().first(1).respond(
            200,
            "application/json",
            format!("{{\"access_token\":\"{somebody}\""),
        ),
    ]
}

/// Names in every place where somebody could write one.
async fn ask_about(life: &mut Life, person: &BTreeMap<String, String>) {
    let (name, upn) = (&person["displayName"], &person["userPrincipalName"]);
    let search = "query ($search: String) {users(search: $search, first: 1) {totalCount}}";
    life.ask(search, json!({"search": name})).await;
    let filter = "query ($filter: UserFilter) {users(filter: $filter, first: 1) {totalCount}}";
    for wrong in [json!({"displayName": name}), json!({name: upn}), json!(upn)] {
        life.ask(filter, json!({"filter": wrong})).await;
    }
    let quoted = json!(upn).to_string();
    for document in [
        format!("{{user(by: {{userPrincipalName: {quoted}}}) {{displayName}}}}"),
        format!("{{users(after: {quoted}) {{totalCount}}}}"),
        format!("{{node(id: {quoted}) {{id}}}}"),
        format!("{{users(first: {quoted}) {{totalCount}}}}"),
        format!("{{users {{totalCount}} # {name}\n"),
        format!("{{{}}}", name.replace(' ', "_")),
        format!("mutation {{startSync(tenant: {quoted}) {{id}}}}"),
    ] {
        life.ask(&document, json!({})).await;
    }
    for path in [
        "/connect/",
        "/assets/",
        "/",
        "/graphql?query=",
        "/connect/callback?error=",
        "/export/users?search=",
        "/export/users?filter=",
        "/export/",
    ] {
        life.get(&format!("{path}{name}"), Some(TOKEN)).await;
        life.get(&format!("{path}{upn}"), None).await;
    }
}

async fn live(life: &mut Life) -> Vec<BTreeMap<String, String>> {
    let microsoft = life.microsoft.handle();
    assert!(life.sign_in(|url| url).await.contains("is connected"));
    assert_eq!(life.synced().await, "COMPLETE");
    let people = people(life).await;
    let (somebody, spy) = (people[3].clone(), people[4].clone());

    rotate(life, &microsoft).await;
    for fault in faults(&somebody["userPrincipalName"]) {
        // Whoever connects again asks for a fresh attempt, whatever Microsoft refused before.
        life.connect().await;
        microsoft.clear_faults();
        microsoft.expire_access_tokens();
        // The full list is what is struck, and only who lost the changes reads it again.
        microsoft.expire_delta_tokens(DeltaEnd::Gone410WithLocation);
        microsoft.fault(fault);
        life.sync().await;
    }
    microsoft.clear_faults();
    ask_about(life, &somebody).await;
    forge(life, &microsoft, &spy["displayName"]).await;

    for token in [None, Some(MISTYPED_TOKEN), Some(TOKEN)] {
        for path in [
            "/metrics",
            "/healthz",
            "/readyz",
            "/",
            "/graphql?query={viewer{name}}",
        ] {
            life.get(path, token).await;
        }
    }
    life.get(&format!("/graphql?access_token={TOKEN}"), None)
        .await;
    life.get(&format!("/connect/contoso?ticket={TOKEN}"), None)
        .await;

    microsoft.revoke_refresh_tokens();
    microsoft.expire_access_tokens();
    assert_eq!(life.sync().await, "FAILED");
    life.sign_in(|url| url).await;
    assert_eq!(life.synced().await, "COMPLETE");
    life.ask("{tenants {key connection problem grantedScopes capabilities {remedy}} syncRuns(first: 100) {nodes {state problem datasets {problem}}}}", json!({})).await;
    life.change("disconnectTenant(tenant: $tenant) {connection}")
        .await;
    people
}

/// Tokens come and go.
async fn rotate(life: &mut Life, microsoft: &Handle) {
    for _ in 0..2 {
        microsoft.expire_access_tokens();
        microsoft.retire_redeemed_refresh_tokens();
        microsoft.change_users(3, 1);
        assert_eq!(life.sync().await, "COMPLETE");
    }
}

/// Ways back that are not what they should be.
async fn forge(life: &mut Life, microsoft: &Handle, name: &str) {
    life.sign_in(|url| with_parameter(&url, "state", Some("guess")))
        .await;
    life.sign_in(|url| with_parameter(&url, "code", Some(name)))
        .await;
    let page = life.sign_in(|url| with_parameter(&url, "code", None)).await;
    assert!(page.contains("was not begun here"));
    microsoft.set_sign_in(SignIn::Declined);
    let described = format!("AADSTS65004: {name} declined");
    let page = life
        .sign_in(|url| with_parameter(&url, "error_description", Some(&described)))
        .await;
    assert!(page.contains("AADSTS65004"));
    microsoft.set_sign_in(SignIn::AtOnce);
}

#[tokio::test]
async fn a_whole_life_leaves_no_secret_in_clear_and_no_person_in_the_log() {
    let mut life = Life::begin().await;
    let people = live(&mut life).await;
    let log = life.end();
    let given = life.microsoft.secrets();
    assert!(given.len() > 20);
    let lasting: Vec<&str> = given
        .iter()
        .map(String::as_str)
        .chain([TOKEN, KEY, WRONG_SECRET, MISTYPED_TOKEN])
        .collect();
    let one_time = life.one_time.iter().map(String::as_str);
    let key = key_bytes();
    let all = Needles::of(lasting.iter().copied().chain(one_time)).and_key(&key);

    // The search sees what is there: the log is at its most talkative, and the disk is unfolded.
    for words in [
        "DEBUG",
        "rows were left out",
        "BAD_RESPONSE",
        "PERMISSION",
        "UNTRUSTED_LINK",
        "LOOP",
        "AADSTS50173",
        "AADSTS7000215",
    ] {
        assert!(log.contains(words), "{words}");
    }
    all.check_absent("the log", log.as_bytes());
    let mut kept = Vec::new();
    for file in files(&life.directory.path().join("data")) {
        let bytes = std::fs::read(&file).unwrap();
        let place = file.display().to_string();
        all.check_absent(&place, &bytes);
        let unfolded = unfolded(&bytes);
        all.check_absent(&place, &unfolded);
        kept.extend(unfolded);
    }
    assert!(memchr::memmem::find(&kept, b"AADSTS50173").is_some());

    // A ticket is told, to whom asked for it; nothing else is.
    let lasting = Needles::of(lasting).and_key(&key);
    for (asked, answer) in &life.told {
        lasting.check_absent(asked, answer.as_bytes());
    }
    for person in people {
        for text in person.values() {
            assert!(
                !log.contains(text.as_str()),
                "{text}: {}",
                lines_with(&log, text)
            );
        }
    }
}

/// The key of the tests as it is in memory.
fn key_bytes() -> Vec<u8> {
    let digits = KEY.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn lines_with(log: &str, text: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(text)).collect();
    lines.join("\n")
}

#[tokio::test]
async fn what_the_first_start_makes_is_kept_as_a_hash_or_apart_from_the_data() {
    let directory = tempfile::tempdir().unwrap();
    let settings: Vec<(String, String)> = vec![("LOG__LEVEL".to_owned(), "trace".to_owned())];
    let mut made_here = environment(&settings);
    made_here.retain(|(name, _)| {
        let name = name.to_str().unwrap();
        !name.ends_with("ADMIN_TOKEN") && !name.ends_with("ENCRYPTION_KEY")
    });
    let log = File::create(log_file(directory.path())).unwrap();
    let child = program(directory.path(), &made_here, &["serve"])
        .stderr(Stdio::from(log))
        .spawn()
        .unwrap();
    let mut child = Ended(child);
    let mut printed = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let token = printed
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.trim().starts_with("seatwise_"))
        .unwrap();
    let token = token.trim().to_owned();
    drop(child);
    let key = std::fs::read_to_string(directory.path().join("seatwise.key")).unwrap();
    let key = key.trim();
    let key_bytes = STANDARD.decode(key).unwrap();
    let needles = Needles::of([token.as_str(), key]).and_key(&key_bytes);
    let kept = files(&directory.path().join("data"));
    assert!(!kept.is_empty());
    for file in kept.iter().chain([&log_file(directory.path())]) {
        let bytes = std::fs::read(file).unwrap();
        needles.check_absent(&file.display().to_string(), &bytes);
        needles.check_absent(&file.display().to_string(), &unfolded(&bytes));
    }
}

/// A process that is killed when it is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
