//! The commands beside `serve`: alone, and while a server has the data.

use std::fs;
use std::path::Path;

use seatwise::simulator::{Settings, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::TOKEN;
use crate::support::process::{Ended, Environment, Process, environment_for, run};

/// A directory, a Microsoft, and what the environment says of both.
struct Place {
    directory: TempDir,
    simulator: Simulator,
    environment: Environment,
}

impl Place {
    fn new() -> Self {
        let simulator = Simulator::start(Settings::default()).unwrap();
        Self {
            directory: tempfile::tempdir().unwrap(),
            environment: environment_for("contoso", &simulator, &[]),
            simulator,
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        run(self.path(), &self.environment, arguments)
    }

    fn serve(&self) -> Process {
        let served = Process::serve(self.path(), &self.environment);
        served.unwrap_or_else(|ended| panic!("{ended:?}"))
    }

    /// The environment of a person who asks a running server.
    fn asking(&self, server: &Process, token: Option<&str>) -> Environment {
        let listen = [("SERVER__LISTEN", server.address())];
        let mut environment = environment_for("contoso", &self.simulator, &listen);
        environment.extend(token.map(|token| ("SEATWISE_TOKEN".into(), token.into())));
        environment
    }

    fn ask(&self, server: &Process, arguments: &[&str]) -> Ended {
        run(self.path(), &self.asking(server, Some(TOKEN)), arguments)
    }
}

/// A server whose first sync is over.
async fn synced(place: &Place) -> (Process, Value) {
    let server = place.serve();
    let tenant = server.tenant("contoso").await;
    assert_eq!(server.last_run(&tenant).await["state"], "COMPLETE");
    (server, tenant)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[track_caller]
fn assert_lines(text: &str, expected: &[&str]) {
    for line in expected {
        assert!(text.lines().any(|one| one == *line), "{line}: {text}");
    }
}

#[tokio::test]
async fn a_sync_without_a_server_reads_and_keeps_everything() {
    let place = Place::new();
    let ended = place.run(&["sync"]).with(0);
    let told = lines(&ended.stdout);
    assert_eq!(told.first(), Some(&"contoso: sync started"), "{ended:?}");
    let last = told.last().copied().unwrap_or_default();
    assert!(last.starts_with("contoso: sync complete ("), "{ended:?}");
    assert_lines(
        &ended.stdout,
        &[
            "contoso: organization complete, 1 row",
            "contoso: users complete, 300 rows",
        ],
    );
    assert_eq!(ended.stderr, "");
    let ended = place.run(&["sync", "--tenant", "contoso"]).with(0);
    assert_lines(&ended.stdout, &["contoso: users unchanged, 0 rows"]);

    let server = place.serve();
    let data = server
        .data("{users {totalCount} syncRuns {totalCount}}")
        .await;
    assert_eq!(data["users"]["totalCount"], 300);
    assert_eq!(data["syncRuns"]["totalCount"], 2, "nothing was left to do");
}

#[tokio::test]
async fn a_sync_that_microsoft_refuses_fails_and_says_why() {
    let place = Place::new();
    place.simulator.set_client_secret("another");
    let ended = place.run(&["sync"]).with(1);
    assert!(ended.stdout.contains("AADSTS7000215"), "{ended:?}");
    let verdict = lines(&ended.stderr).pop();
    assert_eq!(verdict, Some("seatwise: 0 of 1 syncs complete"));
}

#[test]
fn a_sync_of_nothing_or_of_nobody_is_a_matter_of_the_configuration() {
    let place = Place::new();
    let ended = place.run(&["sync", "--tenant", "fabrikam"]).with(78);
    assert_eq!(
        ended.stderr,
        "seatwise: no section [tenants.fabrikam] in the configuration\n"
    );
    let nothing = crate::support::environment(&[]);
    let ended = run(place.path(), &nothing, &["sync"]).with(78);
    assert!(ended.stderr.contains("[tenants.NAME]"), "{ended:?}");
}

#[tokio::test]
async fn a_sync_beside_a_server_is_the_servers() {
    let place = Place::new();
    let (server, tenant) = synced(&place).await;
    place.simulator.add_users(4);
    let ended = place.ask(&server, &["sync"]).with(0);
    assert_lines(&ended.stdout, &["contoso: users complete, 4 rows"]);
    assert_eq!(ended.stderr, "");
    let run = server.last_run(&tenant).await;
    assert_eq!(run["trigger"], "MANUAL");
    let data = server.data("{users {totalCount}}").await;
    assert_eq!(data["users"]["totalCount"], 304);

    place.simulator.set_client_secret("another");
    place.simulator.expire_access_tokens();
    let ended = place.ask(&server, &["sync", "--tenant", "contoso"]).with(1);
    assert!(ended.stdout.contains("AADSTS7000215"), "{ended:?}");
}

#[tokio::test]
async fn a_running_server_is_asked_with_its_token_or_not_at_all() {
    let place = Place::new();
    let (server, _) = synced(&place).await;
    let check = |token: Option<&str>, arguments: &[&str], word: &str| {
        let environment = place.asking(&server, token);
        let ended = run(place.path(), &environment, arguments).with(77);
        assert_eq!(lines(&ended.stderr).len(), 1, "{ended:?}");
        assert!(ended.stderr.contains("SEATWISE_TOKEN"), "{ended:?}");
        assert!(ended.stderr.contains(word), "{ended:?}");
        assert!(ended.stderr.contains(&server.url), "{ended:?}");
        assert_eq!(ended.stdout, "");
    };
    let catalog = place.path().join("names.csv");
    fs::write(&catalog, names_of("x")).unwrap();
    let catalog = catalog.to_str().unwrap();
    for arguments in [
        &["sync"][..],
        &["connect", "contoso"],
        &["catalog", "update", catalog],
    ] {
        check(None, arguments, "set");
        check(
            Some("a-token-that-nobody-gave-out-at-all"),
            arguments,
            "refused",
        );
    }
    // The doctor examines what it can and tells the rest as a finding.
    let environment = place.asking(&server, None);
    let ended = run(place.path(), &environment, &["doctor"]).with(1);
    assert!(ended.stdout.contains("SEATWISE_TOKEN"), "{ended:?}");
}

#[tokio::test]
async fn a_server_on_an_unknown_port_cannot_be_asked_and_a_gone_one_is_told() {
    let place = Place::new();
    let (server, _) = synced(&place).await;
    let mut blind = place.environment.clone();
    blind.push(("SEATWISE_TOKEN".into(), TOKEN.into()));
    let ended = run(place.path(), &blind, &["sync"]).with(78);
    assert!(ended.stderr.contains("public_url"), "{ended:?}");
    let environment = place.asking(&server, Some(TOKEN));
    server.terminate().with(0);
    let ended = run(place.path(), &environment, &["connect", "contoso"]).with(69);
    assert!(ended.stderr.contains("seatwise serve"), "{ended:?}");
}

#[test]
fn the_doctor_examines_a_first_setup_and_makes_nothing() {
    let place = Place::new();
    let ended = place.run(&["doctor"]).with(0);
    for word in ["sign-in", "organization", "users", "licenses"] {
        let subject = format!("contoso: {word}");
        let line = ended.stdout.lines().find(|line| line.contains(&subject));
        assert!(
            line.is_some_and(|line| line.starts_with("ok ")),
            "{ended:?}"
        );
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);

    place.run(&["sync"]).with(0);
    let ended = place.run(&["doctor"]).with(0);
    assert!(ended.stdout.contains("storage"), "{ended:?}");
}

#[test]
fn the_doctor_says_the_remedy() {
    let place = Place::new();
    place.simulator.withdraw_permission("User.Read.All");
    let ended = place.run(&["doctor"]).with(1);
    let mut lines = ended
        .stdout
        .lines()
        .skip_while(|line| !line.contains("contoso: users"));
    let users = lines.next().unwrap_or_else(|| panic!("{ended:?}"));
    assert!(users.starts_with("failed"), "{users}");
    assert!(users.contains("missing scope"), "{users}");
    let remedy: Vec<_> = lines.take_while(|line| line.starts_with(' ')).collect();
    assert!(remedy.concat().contains("User.Read.All"), "{remedy:?}");

    place.simulator.grant_permission("User.Read.All");
    place.simulator.set_client_secret("another");
    let ended = place.run(&["doctor"]).with(1);
    let refused = ended.stdout.lines().find(|line| line.contains("sign-in"));
    let refused = refused.unwrap_or_else(|| panic!("{ended:?}"));
    assert!(refused.starts_with("failed"), "{refused}");
    assert!(refused.contains("AADSTS7000215"), "{refused}");
    assert!(refused.contains("Make a new secret"), "{refused}");

    let bad = environment_for("contoso", &place.simulator, &[("SYNC__TIMEZONE", "Mars")]);
    let ended = run(place.path(), &bad, &["doctor"]).with(1);
    assert!(
        ended.stdout.contains("SEATWISE_SYNC__TIMEZONE"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn the_doctor_asks_a_running_server() {
    let place = Place::new();
    let (server, tenant) = synced(&place).await;
    let ended = place.ask(&server, &["doctor"]).with(0);
    assert!(
        ended.stdout.contains(&format!("process {}", server.pid())),
        "{ended:?}"
    );
    assert!(ended.stdout.contains("contoso: users"), "{ended:?}");

    place.simulator.withdraw_permission("User.Read.All");
    assert_eq!(server.sync(&tenant).await["state"], "FAILED");
    let ended = place.ask(&server, &["doctor"]).with(1);
    assert!(ended.stdout.contains("missing scope"), "{ended:?}");
    assert!(ended.stdout.contains("User.Read.All"), "{ended:?}");
}

#[tokio::test]
async fn connecting_an_application_tries_it_and_a_service_account_gets_an_address_once() {
    let place = Place::new();
    let (server, _) = synced(&place).await;
    let ended = place.ask(&server, &["connect", "contoso"]).with(0);
    assert_eq!(ended.stdout, "contoso: connected\n");
    let ended = place.ask(&server, &["connect", "fabrikam"]).with(1);
    assert!(
        ended.stderr.contains("contoso"),
        "it names those it has: {ended:?}"
    );
    drop(server);

    let mut place = Place::new();
    let delegated = [("TENANTS__CONTOSO__ACCESS", "delegated")];
    place.environment = environment_for("contoso", &place.simulator, &delegated);
    let server = place.serve();
    let ended = place.ask(&server, &["connect", "contoso"]).with(0);
    let address = ended
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("  "));
    let address = address.unwrap_or_else(|| panic!("{ended:?}"));
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let opened = client.get(address).send().await.unwrap();
    assert!(opened.status().is_redirection(), "{}", opened.status());
    let microsoft = opened.headers()["location"].to_str().unwrap();
    assert!(
        microsoft.starts_with(place.simulator.login_url()),
        "{microsoft}"
    );
    let again = client.get(address).send().await.unwrap();
    assert!(again.status().is_client_error(), "{}", again.status());
}

/// A list as Microsoft publishes it, in which one product that the simulator sells has this name.
fn names_of(name: &str) -> String {
    format!(
        "Product_Display_Name,String_Id,GUID,Service_Plan_Name,Service_Plan_Id,Service_Plans_Included_Friendly_Names\n\
         {name},SPE_E3,05e9a617-0261-4cee-bb44-138d3ef5d965,EXCHANGE_S_ENTERPRISE,efb87545-963c-4e0d-99df-69c6916d9eb0,Exchange Online (Plan 2)\n"
    )
}

async fn holders_of(server: &Process, name: &str) -> Value {
    let document = "query ($name: String!) {
        users(filter: {licenseNames: {hasSome: [$name]}}) {totalCount}}";
    let answer = server.query(document, json!({"name": name})).await;
    answer["data"]["users"]["totalCount"].clone()
}

#[tokio::test]
async fn a_newer_catalog_renames_products_with_and_without_a_server() {
    let place = Place::new();
    let (server, _) = synced(&place).await;
    let holders = holders_of(&server, "Microsoft 365 E3").await;
    assert!(holders.as_u64().unwrap() > 0);
    let file = place.path().join("names.csv");
    let update = ["catalog", "update", file.to_str().unwrap()];

    fs::write(&file, names_of("Microsoft 365 E3 Next")).unwrap();
    let ended = place.ask(&server, &update).with(0);
    assert_lines(
        &ended.stdout,
        &["renamed  Microsoft 365 E3 -> Microsoft 365 E3 Next"],
    );
    assert_eq!(holders_of(&server, "Microsoft 365 E3 Next").await, holders);
    assert_eq!(holders_of(&server, "Microsoft 365 E3").await, 0);
    server.terminate().with(0);

    fs::write(&file, names_of("Microsoft 365 E3 Last")).unwrap();
    let ended = place.run(&update).with(0);
    assert_lines(
        &ended.stdout,
        &["renamed  Microsoft 365 E3 Next -> Microsoft 365 E3 Last"],
    );
    let server = place.serve();
    assert_eq!(holders_of(&server, "Microsoft 365 E3 Last").await, holders);
}

#[test]
fn a_file_without_product_names_is_refused() {
    let place = Place::new();
    let missing = place.run(&["catalog", "update", "nowhere.csv"]).with(74);
    assert!(missing.stderr.contains("nowhere.csv"), "{missing:?}");
    fs::write(place.path().join("page.html"), "<html>Not found</html>").unwrap();
    let page = place.run(&["catalog", "update", "page.html"]).with(1);
    assert!(page.stderr.contains("Product_Display_Name"), "{page:?}");
}

#[test]
fn schema_and_completions_are_printed_without_any_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let schema = run(directory.path(), &Vec::new(), &["schema"]).with(0);
    assert_eq!(schema.stdout, include_str!("../../schema.graphql"));
    let script = run(directory.path(), &Vec::new(), &["completions", "bash"]).with(0);
    for word in ["complete -F _seatwise", "doctor", "--tenant"] {
        assert!(script.stdout.contains(word), "{word}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}
