use std::os::unix::fs::PermissionsExt as _;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use crate::api::settings::Limits;
use crate::telemetry::{LogFormat, LogLevel};

use super::*;

const GUID: &str = "11111111-2222-4333-8444-555555555555";
/// Of a generator: a key that shows a pattern is refused.
const KEY: &str = "6b1f0c9d2e8a47535fd1b7c04e96a3382d7a15e8c4f06b932a5ed8713c40f9b6";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn is_key(source: &KeySource) -> bool {
    let text = |key: &EncryptionKey| key.to_text().expose_secret().to_owned();
    matches!(source, KeySource::Given(key) if text(key) == text(&EncryptionKey::parse(KEY).unwrap()))
}

/// A directory with a `config.toml`, and the environment.
struct Story {
    directory: TempDir,
    environment: Vec<(OsString, OsString)>,
    file: Option<PathBuf>,
}

fn story(file: &str) -> Story {
    let story = Story {
        directory: tempfile::tempdir().unwrap(),
        environment: Vec::new(),
        file: None,
    };
    story.with_file("config.toml", 0o600, file)
}

impl Story {
    fn with_file(self, name: &str, mode: u32, text: &str) -> Self {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&Sources {
            file: self.file.clone(),
            environment: self.environment.clone(),
            directory: self.directory.path().to_owned(),
        })
    }

    /// The refusal, with the story's directory written as `DIR`.
    #[track_caller]
    fn refusal(&self) -> String {
        let directory = self.directory.path().display().to_string();
        self.load()
            .unwrap_err()
            .to_string()
            .replace(&directory, "DIR")
    }

    #[track_caller]
    fn refused(&self, expected: &str) {
        assert_eq!(self.refusal(), expected);
    }
}

/// A file with one valid tenant, and `more` keys of it.
fn tenant(more: &str) -> Story {
    story(&format!(
        "[tenants.contoso]\ntenant_id = \"contoso.com\"\nclient_id = \"{GUID}\"\n{more}\n"
    ))
}

#[track_caller]
fn refused(file: &str, expected: &str) {
    story(file).refused(expected);
}

#[track_caller]
fn refused_variable(name: &str, value: &str, expected: &str) {
    story("").with(name, value).refused(expected);
}

#[test]
fn with_nothing_set_the_shipped_defaults_hold() {
    let story = story("");
    let config = story.load().unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8365");
    assert_eq!(config.terms.reduction_window_days, 7);
    assert_eq!(config.server.public_url.as_str(), "http://localhost:8365/");
    assert_eq!(config.server.connections_per_address_max, 64);
    assert_eq!(config.server.shutdown_grace.as_secs(), 10);
    assert_eq!(
        config.storage.directory,
        story.directory.path().join("./data")
    );
    assert_eq!(config.storage.free_bytes_min, 512_000_000);
    assert_eq!(config.sync.schedule.as_str(), "0 0 */6 * * *");
    assert_eq!(config.sync.timezone.iana_name(), Some("UTC"));
    assert_eq!(
        config.history,
        HistorySettings {
            usage_days: 400,
            changes_days: 1_095
        }
    );
    assert_eq!(
        config.catalog,
        CatalogSettings {
            url: None,
            refresh_days: 7
        }
    );
    assert_eq!(
        (config.log.format, config.log.level),
        (LogFormat::Pretty, LogLevel::Info)
    );
    assert!(config.tenants.is_empty() && config.admin_token.is_none());
    assert!(config.network.proxy.is_none() && config.network.ca_file.is_none());
    assert!(
        matches!(config.encryption_key, KeySource::FirstStart(path) if path.ends_with("seatwise.key"))
    );
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn the_shipped_policy_is_the_one_in_the_code() {
    let config = tenant("client_secret = \"s\"").load().unwrap();
    assert_eq!(*config.tenants[0].policy, Policy::default());
}

#[test]
fn a_tenant_says_of_the_policy_what_differs_and_the_environment_goes_before() {
    let more = "client_secret = \"s\"\n[tenants.contoso.policy]\ngrace_days = 5\nladders = []\n\
        bundles = [\"ENTERPRISEPACK + EMS = SPE_E3\"]\n[policy]\ngrace_days = 7\nbuffer_percent = 9";
    let story = tenant(more).with("SEATWISE_TENANTS__CONTOSO__POLICY__TRIAL_ENDING_DAYS", "3");
    let config = story.load().unwrap();
    let policy = config.tenants[0].policy.settings();
    assert_eq!((policy.grace_days, policy.buffer_percent), (5, 9));
    assert_eq!(policy.trial_ending_days, 3);
    assert_eq!((policy.ladders.len(), policy.bundles.len()), (0, 1));
}

#[test]
fn products_of_the_policy_are_named_by_part_number_or_guid() {
    let more = format!(
        "client_secret = \"s\"\n[policy]\npremium_services = \"not-needed\"\n\
         planned_hires = [\"spe_e3 = 12\", \"{GUID} = 1\"]\nclasses = [\"MCOPSTN5 = free\"]"
    );
    let config = tenant(&more).load().unwrap();
    let policy = config.tenants[0].policy.settings();
    assert!(policy.premium_is_not_needed);
    let hires: Vec<u32> = policy.planned_hires.values().copied().collect();
    assert_eq!(hires, [12, 1]);
    // One part number, two products.
    assert_eq!(policy.classes.len(), 2);
}

#[test]
fn a_policy_that_does_not_hold_is_refused_by_its_key_with_what_would_be_right() {
    refused(
        "[policy]\ninactive_after_days = 181\n",
        "config.toml:2: policy.inactive_after_days: 181 is out of range: 1 to 180",
    );
    refused(
        "[policy]\nreports_fresh_days = 0\n",
        "config.toml:2: policy.reports_fresh_days: 0 is out of range: 1 to 3650",
    );
    refused(
        "[policy]\nladders = [\"SPE_E5 > SPE_E3\"]\n",
        "config.toml:2: policy.ladders: \"SPE_E5 > SPE_E3\" is no step down, such as \"SPE_E5 > SPE_E3: premium\"; what may be lost is one of desktop_apps, frontline, premium, large_mailbox",
    );
    refused(
        "[policy]\nclasses = [\"SPE_E3 = CHEAP\"]\n",
        "config.toml:2: policy.classes: \"SPE_E3 = CHEAP\": \"CHEAP\" is not one of PAID, ADDON, TRIAL, FREE, UNKNOWN",
    );
    refused(
        "[policy]\nplanned_hires = [\"NOTHING = 1\"]\n",
        "config.toml:2: policy.planned_hires: \"NOTHING\" is neither a product's GUID (skuId) nor a part number of Microsoft's public list",
    );
    tenant("client_secret = \"s\"\n[tenants.contoso.policy]\nheadroom_percent = 101").refused(
        "config.toml:6: tenants.contoso.policy.headroom_percent: 101 is out of range: 1 to 100",
    );
}

#[test]
fn the_shipped_limits_are_the_ones_in_the_code() {
    let limits = story("").load().unwrap().server.limits;
    assert_eq!(format!("{limits:?}"), format!("{:?}", Limits::default()));
}

#[test]
fn the_shipped_file_as_the_operators_own_changes_nothing() {
    let (shipped, nothing) = (story(SHIPPED), story(""));
    let text = |story: &Story| {
        let directory = story.directory.path().display().to_string();
        format!("{:?}", story.load().unwrap()).replace(&directory, "DIR")
    };
    assert_eq!(text(&shipped), text(&nothing));
}

/// Every key of the raw settings, learned from what a refusal calls valid.
fn keys_of(section: &str) -> Vec<String> {
    let refusal = story(&format!("[{section}]\nxyzzy = 1\n")).refusal();
    let (_, valid) = refusal.split_once("Valid keys: ").unwrap();
    valid.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_shipped_file_documents_every_section_and_key() {
    let refusal = story("[xyzzy]\n").refusal();
    let (_, sections) = refusal.split_once("Valid sections: ").unwrap();
    assert_eq!(sections, raw::SECTIONS.join(", ").as_str());
    for section in sections.split(", ") {
        let (header, name) = match section {
            "tenants" => ("# [tenants.contoso]".to_owned(), "tenants.contoso"),
            "webhooks" => ("# [webhooks.erp]".to_owned(), "webhooks.erp"),
            name => (format!("[{name}]"), name),
        };
        let (_, after) = SHIPPED.split_once(&format!("\n{header}\n")).unwrap();
        let body = after.split("\n[").next().unwrap();
        for key in keys_of(name) {
            // Its own words say that it is taken from the environment alone.
            let is_documented = key == "admin_token"
                || body.lines().any(|line| {
                    let line = line.strip_prefix("# ").unwrap_or(line);
                    line.starts_with(&format!("{key} = "))
                });
            assert!(is_documented, "{key} of [{name}] is not in config.toml");
        }
    }
    assert!(SHIPPED.contains("SEATWISE_AUTH__ADMIN_TOKEN"));
}

#[test]
fn the_commented_examples_of_the_shipped_file_are_valid_settings() {
    let (_, from_tenant) = SHIPPED.split_once("# [tenants.contoso]\n").unwrap();
    let section = from_tenant.split("\n\n").next().unwrap();
    let settings: Vec<_> = section
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| {
            line.split_once(" = ")
                .is_some_and(|(key, _)| !key.contains(' '))
        })
        .filter(|line| {
            !line.starts_with("client_secret_file") && !line.starts_with("certificate_file")
        })
        .collect();
    assert_eq!(settings.len(), 9, "{settings:?}");
    let file = format!("[tenants.contoso]\n{}\n", settings.join("\n"));
    assert_eq!(story(&file).load().unwrap().tenants.len(), 1);
}

#[test]
fn a_webhook_is_read_and_what_is_wrong_with_one_is_told_without_its_secrets() {
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    let with = |settings: &str| story(&format!("[webhooks.erp]\n{settings}\n"));
    let url = "url = \"https://erp.contoso.com/hook-a1b2c3\"\n";
    let whole = format!("{url}secret = \"{SECRET}\"\n");
    let config = with(&whole).load().unwrap();
    let webhook = &config.webhooks[0];
    assert_eq!((webhook.seats_min, webhook.events.len()), (0, 2));
    assert_eq!(
        (webhook.open_findings_min, webhook.monthly_savings_min),
        (None, None)
    );
    let lines = "open_findings_min = 100\nmonthly_savings_min = \"1000.00 EUR\"";
    let config = with(&format!("{whole}{lines}")).load().unwrap();
    let (amount, currency) = config.webhooks[0].monthly_savings_min.unwrap();
    assert_eq!(
        (amount.to_string().as_str(), currency.code()),
        ("1000.00", "EUR")
    );
    assert_eq!(config.webhooks[0].open_findings_min, Some(100));
    assert_eq!(webhook.tenants, None);
    let shown = format!("{config:?}");
    assert!(
        !shown.contains(SECRET) && !shown.contains("hook-a1b2c3"),
        "{shown}"
    );
    let check = |settings: &str, expected: &str| {
        let refusal = with(settings).refusal();
        assert!(refusal.contains(expected), "{refusal}");
        assert!(!refusal.contains("hook-a1b2c3"), "{refusal}");
    };
    check(url, "has no secret");
    check(&format!("{url}secret = \"short\""), "is no secret");
    check(&format!("{whole}secret_file = \"x\""), "keep one");
    check(&format!("secret = \"{SECRET}\""), "is missing");
    check(&whole.replace("https", "http"), "no https address");
    check(
        &whole.replace("erp.", "me:hook-a1b2c3@erp."),
        "user or password",
    );
    check(&format!("{whole}events = [\"x\"]"), "renewal.reminder");
    check(&format!("{whole}tenants = [\"A b\"]"), "tenants");
    check(&format!("{whole}seats_min = 5000000000"), "too many");
    check(
        &format!("{whole}yearly_cost_min = \"much\""),
        "yearly_cost_min",
    );
    for amount in ["1000", "much EUR", "5 euros"] {
        let line = format!("{whole}monthly_savings_min = \"{amount}\"");
        check(&line, "such as \"1000.00 EUR\"");
    }
}

#[test]
fn the_environment_lies_above_the_file_and_the_file_above_the_defaults() {
    let file = "[sync]\nschedule = \"0 30 4 * * *\"\ntimezone = \"Europe/Berlin\"\n";
    let config = story(file)
        .with("SEATWISE_SYNC__TIMEZONE", "Asia/Tokyo")
        .load()
        .unwrap();
    assert_eq!(config.sync.schedule.as_str(), "0 30 4 * * *");
    assert_eq!(config.sync.timezone.iana_name(), Some("Asia/Tokyo"));
    assert_eq!(config.server.listen.port(), 8365);
}

#[test]
fn variables_are_read_as_what_their_key_wants() {
    let config = story("")
        .with(
            "SEATWISE_SERVER__ALLOWED_HOSTS",
            "a.example, B.example, 192.0.2.7, 2001:DB8::7, [2001:db8::8],",
        )
        .with("SEATWISE_LIMITS__TOKENS_MAX", "3000")
        .with("SEATWISE_LOG__FORMAT", "json")
        .with("SEATWISE_TENANTS__CON_TOSO__TENANT_ID", GUID)
        .with("SEATWISE_TENANTS__CON_TOSO__CLIENT_ID", GUID)
        .with("SEATWISE_TENANTS__CON_TOSO__CLIENT_SECRET", "12345")
        .with("SEATWISE_TENANTS__CON_TOSO__ACCESS", "delegated")
        .with("SEATWISE_TOKEN", "not a setting")
        .with("SEATWISE_TEST_ALL", "1")
        .with("PATH", "/bin")
        .load()
        .unwrap();
    // An IPv6 address has brackets where a client names it.
    assert_eq!(
        config.server.allowed_hosts,
        [
            "a.example",
            "b.example",
            "192.0.2.7",
            "[2001:db8::7]",
            "[2001:db8::8]"
        ]
    );
    assert_eq!(config.server.limits.tokens_max, 3_000);
    assert_eq!(config.log.format, LogFormat::Json);
    let tenant = &config.tenants[0];
    assert_eq!(tenant.key.as_str(), "con_toso");
    assert_eq!(tenant.access, TenantAccess::Delegated);
    assert!(matches!(&tenant.credential, Credential::Secret(s) if s.expose_secret() == "12345"));
}

#[test]
fn a_tenant_of_the_file_takes_its_secret_from_the_environment() {
    let config =
        tenant("client_secret = \"old\"").with("SEATWISE_TENANTS__CONTOSO__CLIENT_SECRET", "new");
    let config = config.load().unwrap();
    assert!(
        matches!(&config.tenants[0].credential, Credential::Secret(s) if s.expose_secret() == "new")
    );
    assert_eq!(config.tenants[0].tenant_id, "contoso.com");
}

#[test]
fn a_secret_file_above_replaces_a_secret_below() {
    let config = tenant("client_secret = \"old\"")
        .with_file("secret", 0o400, " new \n")
        .with("SEATWISE_TENANTS__CONTOSO__CLIENT_SECRET_FILE", "secret")
        .load()
        .unwrap();
    assert!(
        matches!(&config.tenants[0].credential, Credential::Secret(s) if s.expose_secret() == "new")
    );
}

#[test]
fn every_secret_is_read_from_a_file_too() {
    let config = story("")
        .with_file("token", 0o600, &format!("{TOKEN}\n"))
        .with_file("key", 0o600, &format!("{KEY}\n"))
        .with("SEATWISE_AUTH__ADMIN_TOKEN_FILE", "token")
        .with("SEATWISE_SECURITY__ENCRYPTION_KEY_FILE", "key")
        .load()
        .unwrap();
    assert_eq!(config.admin_token.unwrap().expose_secret(), TOKEN);
    assert!(is_key(&config.encryption_key));
}

#[test]
fn the_usual_key_file_is_read_where_it_is() {
    let config = story("")
        .with_file("seatwise.key", 0o600, KEY)
        .load()
        .unwrap();
    assert!(is_key(&config.encryption_key));
    story("").with_file("seatwise.key", 0o644, KEY).refused(
        "security: DIR/./seatwise.key is open to other users of this machine (mode 0644); run: chmod 600 DIR/./seatwise.key",
    );
}

#[test]
fn unknown_keys_and_sections_are_refused_with_their_line_and_the_valid_ones() {
    refused(
        "# mine\n[sync]\nshedule = \"0 0 0 * * *\"\n",
        "config.toml:3: unknown key \"shedule\" in [sync]; did you mean \"schedule\"? Valid keys: schedule, timezone",
    );
    refused(
        "[snyc]\n",
        "config.toml:1: unknown section [snyc]; did you mean \"sync\"? Valid sections: server, storage, auth, security, sync, history, tenants, policy, network, limits, catalog, money, webhooks, log",
    );
    refused(
        "listen = \"127.0.0.1:1\"\n",
        "config.toml:1: unknown key \"listen\" outside of a section. Valid sections: server, storage, auth, security, sync, history, tenants, policy, network, limits, catalog, money, webhooks, log",
    );
    tenant("client_secret = \"s\"\ntenant = \"x\"").refused(
        "config.toml:5: unknown key \"tenant\" in [tenants.contoso]; did you mean \"tenant_id\"? Valid keys: tenant_id, client_id, client_secret, client_secret_file, certificate_file, access, cloud, segment, login_url, graph_url, policy",
    );
    refused_variable(
        "SEATWISE_SYNC__SHEDULE",
        "x",
        "SEATWISE_SYNC__SHEDULE: unknown key \"shedule\" in [sync]; did you mean \"schedule\"? Valid keys: schedule, timezone",
    );
    refused_variable(
        "SEATWISE_SYNC_SCHEDULE",
        "x",
        "SEATWISE_SYNC_SCHEDULE: two underscores stand between a section and its key; did you mean SEATWISE_SYNC__SCHEDULE?",
    );
}

#[test]
fn broken_toml_is_refused_with_line_and_column() {
    refused(
        "[sync]\nschedule = \"0 0\n",
        "config.toml:2:16: invalid basic string, expected `\"`",
    );
    refused("[sync]\n[sync]\n", "config.toml:2:2: duplicate key");
}

#[test]
fn absurdly_nested_toml_is_refused() {
    let check = |file: String| assert!(story(&file).load().is_err());
    check(format!("x = {}", "[".repeat(100_000)));
    check(format!(
        "x = {}{}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    ));
    check(format!("x = {}", "{ a = ".repeat(100_000)));
    check(format!("{}x = 1", "a.".repeat(100_000)));
    check(format!("[{}x]", "a.".repeat(100_000)));
}

#[test]
fn a_value_of_the_wrong_type_is_refused_without_repeating_it() {
    refused(
        "sync = 3\n",
        "config.toml:1: sync: expected a section, found a number",
    );
    refused(
        "[sync]\nschedule = 6\n",
        "config.toml:2: sync.schedule: expected text in quotes, found a number",
    );
    refused(
        "[limits]\ntokens_max = \"many\"\n",
        "config.toml:2: limits.tokens_max: expected a whole number, found text",
    );
    refused(
        "[limits]\ntokens_max = 0.5\n",
        "config.toml:2: limits.tokens_max: expected a whole number, found a number with a fraction",
    );
    refused(
        "[limits]\ntokens_max = -1\n",
        "config.toml:2: limits.tokens_max: expected a whole number from 0 up",
    );
    refused(
        "[server]\nallowed_hosts = \"a\"\n",
        "config.toml:2: server.allowed_hosts: expected a list, such as [\"one\", \"two\"], found text",
    );
    refused(
        "[server]\nallowed_hosts = [\"a\",\n  true]\n",
        "config.toml:2: server.allowed_hosts: expected text in quotes, found true or false",
    );
    refused_variable(
        "SEATWISE_LIMITS__TOKENS_MAX",
        "many",
        "SEATWISE_LIMITS__TOKENS_MAX: expected a whole number from 0 up",
    );
    tenant("client_secret = 4711").refused(
        "config.toml:4: tenants.contoso.client_secret: expected text in quotes, found a number",
    );
}

#[test]
fn a_word_that_is_no_choice_is_refused_with_the_choices() {
    tenant("cloud = \"us-gov-hihg\"").refused(
        "config.toml:4: tenants.contoso.cloud: \"us-gov-hihg\" is not a choice; did you mean \"us-gov-high\"? Valid choices: global, us-gov-high, us-gov-dod, china",
    );
    tenant("access = \"user\"").refused(
        "config.toml:4: tenants.contoso.access: \"user\" is not a choice. Valid choices: app, delegated",
    );
    refused_variable(
        "SEATWISE_LOG__LEVEL",
        "verbose",
        "SEATWISE_LOG__LEVEL: \"verbose\" is not a choice. Valid choices: error, warn, info, debug, trace",
    );
}

#[test]
fn a_bad_server_section_is_refused() {
    refused(
        "[server]\nlisten = \"localhost\"\n",
        "config.toml:2: server.listen: \"localhost\" is not an IP address with a port, such as \"127.0.0.1:8365\" or \"[::1]:8365\"",
    );
    let url_problem = |text: &str| {
        format!(
            "config.toml:2: server.public_url: \"{text}\" is not an http or https URL without path, such as \"https://seatwise.contoso.com\""
        )
    };
    for url in [
        "seatwise",
        "ftp://seatwise",
        "https://a.example/seats",
        "https://a.example/?q",
        "https://a.example/#f",
        "https://me@a.example",
    ] {
        refused(
            &format!("[server]\npublic_url = \"{url}\"\n"),
            &url_problem(url),
        );
    }
    refused(
        "[server]\nallowed_hosts = [\"a.example:80\"]\n",
        "config.toml:2: server.allowed_hosts: \"a.example:80\" is not a host name without port, such as \"seatwise.contoso.com\"",
    );
    refused(
        "[server]\ncors_origins = [\"*\"]\n",
        "config.toml:2: server.cors_origins: \"*\" would let every web page call the API; name each origin",
    );
    refused(
        "[server]\ntrusted_proxies = [\"proxy\"]\n",
        "config.toml:2: server.trusted_proxies: \"proxy\" is not an IP address",
    );
    refused(
        "[server]\nshutdown_grace_seconds = 0\n",
        "config.toml:2: server.shutdown_grace_seconds: 0 is not within 1 to 300",
    );
}

#[test]
fn a_cors_origin_is_kept_as_browsers_send_it() {
    let config = story("[server]\ncors_origins = [\"https://Portal.example:443/\"]\n")
        .load()
        .unwrap();
    assert_eq!(config.server.cors_origins, ["https://portal.example"]);
}

#[test]
fn a_schedule_has_six_fields_or_five() {
    let check = |text: &str, valid: bool| {
        let story = story(&format!("[sync]\nschedule = \"{text}\"\n"));
        assert_eq!(story.load().is_ok(), valid, "{text}");
    };
    check("0 0 */6 * * *", true);
    check("30 2 * * MON-FRI", true);
    check("0 0 0 29 2 *", true);
    check("0 0 0 1 1 * 2030", false);
    check("@daily", false);
    refused(
        "[sync]\nschedule = \"0 0 * *\"\n",
        "config.toml:2: sync.schedule: \"0 0 * *\" has 4 fields; a schedule has six: second minute hour day month weekday, such as \"0 0 */6 * * *\" (five are taken as second 0)",
    );
    refused(
        "[sync]\nschedule = \"0 61 * * * *\"\n",
        "config.toml:2: sync.schedule: \"0 61 * * * *\" is not a schedule: second minute hour day month weekday, such as \"0 0 */6 * * *\" (Component error: Number out of bounds.)",
    );
    refused(
        "[sync]\nschedule = \"0 0 0 31 2 *\"\n",
        "config.toml:2: sync.schedule: \"0 0 0 31 2 *\" never comes due",
    );
}

#[test]
fn five_fields_are_taken_as_second_zero() {
    let config = story("[sync]\nschedule = \"30 2 * * *\"\n").load().unwrap();
    let start: jiff::Zoned = "2026-11-23T00:00:00[UTC]".parse().unwrap();
    let next = config
        .sync
        .schedule
        .find_next_occurrence(&start, false)
        .unwrap();
    assert_eq!(next.to_string(), "2026-11-23T02:30:00+00:00[UTC]");
}

#[test]
fn a_time_zone_is_an_iana_name() {
    refused(
        "[sync]\ntimezone = \"Berlin\"\n",
        "config.toml:2: sync.timezone: \"Berlin\" is not an IANA time zone, such as \"UTC\" or \"Europe/Berlin\"",
    );
}

#[test]
fn a_tenants_ids_are_held_to_their_grammar() {
    let check = |id: &str, read: Option<&str>| {
        let story =
            tenant("client_secret = \"s\"").with("SEATWISE_TENANTS__CONTOSO__TENANT_ID", id);
        let ids: Option<String> = story
            .load()
            .ok()
            .map(|config| config.tenants[0].tenant_id.clone());
        assert_eq!(ids.as_deref(), read, "{id}");
    };
    check("Contoso.COM", Some("contoso.com"));
    check("contoso.onmicrosoft.com", Some("contoso.onmicrosoft.com"));
    check(&GUID.to_uppercase(), Some(GUID));
    check("contoso", None);
    check("../contoso.com", None);
    check("evil.com/", None);
    check("evil.com/x?y#z", None);
    check("a..com", None);
    check("-a.com", None);
    check("a b.com", None);
    check("common", None);
    check("", None);
    check("{11111111-2222-4333-8444-555555555555}", None);
    check(&format!("{}.com", "a".repeat(64)), None);
    tenant("client_secret = \"s\"").with("SEATWISE_TENANTS__CONTOSO__TENANT_ID", "Common").refused(
        "SEATWISE_TENANTS__CONTOSO__TENANT_ID: \"Common\" is no tenant of its own; name the one to read",
    );
    tenant("client_secret = \"s\"")
        .with("SEATWISE_TENANTS__CONTOSO__CLIENT_ID", "me")
        .refused("SEATWISE_TENANTS__CONTOSO__CLIENT_ID: \"me\" is not a GUID");
    refused(
        "[tenants.Contoso]\n",
        "config.toml:1: tenants.Contoso: \"Contoso\" is no name of a tenant: a tenant's key is 1 to 63 characters of a-z, 0-9 and _, such as \"contoso\"",
    );
    refused(
        "[tenants.contoso]\nclient_secret = \"s\"\n",
        "config.toml:1: tenants.contoso.tenant_id: is missing: the directory (tenant) id, or a verified domain such as \"contoso.com\"",
    );
}

#[test]
fn a_tenant_has_exactly_one_credential() {
    tenant("").refused(
        "config.toml:1: tenants.contoso: has no credential: set client_secret, client_secret_file or certificate_file",
    );
    tenant("access = \"delegated\"").refused(
        "config.toml:1: tenants.contoso: has no credential: set client_secret, client_secret_file or certificate_file",
    );
    tenant("client_secret = \"s\"\ncertificate_file = \"x.pem\"").refused(
        "config.toml:1: tenants.contoso: has more than one of client_secret, client_secret_file and certificate_file; keep one",
    );
    tenant("client_secret = \"\"")
        .refused("config.toml:4: tenants.contoso.client_secret: is empty");
    tenant("client_secret = \"two words\"").refused(
        "config.toml:4: tenants.contoso.client_secret: holds a space or a line break; copy the secret's value once more",
    );
}

#[test]
fn files_are_read_at_start_and_must_be_private() {
    tenant("client_secret_file = \"none\"").refused(
        "config.toml:4: tenants.contoso.client_secret_file: DIR/none cannot be read: No such file or directory (os error 2)",
    );
    tenant("client_secret_file = \"secret\"").with_file("secret", 0o640, "s").refused(
        "config.toml:4: tenants.contoso.client_secret_file: DIR/secret is open to other users of this machine (mode 0640); run: chmod 600 DIR/secret",
    );
    tenant("client_secret_file = \"secret\"").with_file("secret", 0o600, "a\nb\n").refused(
        "config.toml:4: tenants.contoso.client_secret_file: DIR/secret holds more than one line",
    );
    tenant("client_secret_file = \"secret\"")
        .with_file("secret", 0o600, "\n")
        .refused("config.toml:4: tenants.contoso.client_secret_file: DIR/secret is empty");
    let pem = |text| tenant("certificate_file = \"c.pem\"").with_file("c.pem", 0o600, text);
    pem("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n").refused(
        "config.toml:4: tenants.contoso.certificate_file: DIR/c.pem: the file holds no private key (-----BEGIN PRIVATE KEY-----)",
    );
    let config = pem(include_str!("../msgraph/fixtures/rsa.pem"))
        .load()
        .unwrap();
    assert!(matches!(
        config.tenants[0].credential,
        Credential::Certificate(_)
    ));
}

#[test]
fn other_hosts_are_bare_origins_and_http_stays_on_loopback() {
    let check = |url: &str, valid: bool| {
        let story = tenant(&format!(
            "client_secret = \"s\"\ngraph_url = \"{url}\"\nlogin_url = \"{url}\""
        ));
        assert_eq!(story.load().is_ok(), valid, "{url}");
    };
    check("https://graph.example", true);
    check("http://127.0.0.1:9", true);
    check("http://[::1]:9", true);
    check("http://localhost:9", true);
    check("http://graph.example", false);
    check("http://127.0.0.1.evil.example", false);
    check("https://graph.example/v1.0", false);
    tenant("client_secret = \"s\"\nlogin_url = \"http://login.example\"").refused(
        "config.toml:5: tenants.contoso.login_url: \"http://login.example\" would send tokens in the clear; only a loopback address goes without https",
    );
}

#[test]
fn the_administrators_token_is_strong_and_never_in_the_file() {
    refused(
        &format!("[auth]\nadmin_token = \"{TOKEN}\"\n"),
        "config.toml:2: auth.admin_token: is not read from a configuration file; set SEATWISE_AUTH__ADMIN_TOKEN, or admin_token_file",
    );
    refused_variable(
        "SEATWISE_AUTH__ADMIN_TOKEN",
        "hunter2",
        "SEATWISE_AUTH__ADMIN_TOKEN: is no token: at least 32 characters of plain ASCII without spaces (`openssl rand -hex 32`)",
    );
    story("")
        .with("SEATWISE_AUTH__ADMIN_TOKEN", TOKEN)
        .with("SEATWISE_AUTH__ADMIN_TOKEN_FILE", "token")
        .refused("SEATWISE_AUTH__ADMIN_TOKEN: is set beside admin_token_file; keep one");
}

#[test]
fn other_sections_are_refused_in_words() {
    refused(
        "[storage]\nurl = \"postgres://db\"\n",
        "config.toml:2: storage.url: \"postgres://db\" is no storage that this version has; use \"sled:\" and a directory, such as \"sled:./data\"",
    );
    refused(
        "[network]\nproxy = \"socks5://me:hunter2@proxy\"\n",
        "config.toml:2: network.proxy: is not an http or https URL, such as \"http://proxy.contoso.com:3128\"",
    );
    refused(
        "[network]\nno_proxy = [\"intranet.contoso.com\"]\n",
        "config.toml:2: network.no_proxy: is set and proxy is not: set both, or name the hosts in the system's own NO_PROXY",
    );
    refused(
        "[server]\npublic_url = \"https://me:hunter2@seats.example\"\n",
        "config.toml:2: server.public_url: it is not an http or https URL without path, such as \"https://seatwise.contoso.com\"",
    );
    refused(
        "[network]\nca_file = \"config.toml\"\n",
        "config.toml:2: network.ca_file: DIR/config.toml holds no certificate in PEM",
    );
    refused(
        "[catalog]\nurl = \"http://example.com/list.csv\"\n",
        "config.toml:2: catalog.url: \"http://example.com/list.csv\" is not an https URL",
    );
    refused(
        "[limits]\nnesting_max = 1550\n",
        "config.toml:2: limits.nesting_max: 1550 is not within 4 to 32",
    );
    let refusal = story("")
        .with("SEATWISE_SECURITY__ENCRYPTION_KEY", "hunter2")
        .refusal();
    assert!(
        refusal.starts_with("SEATWISE_SECURITY__ENCRYPTION_KEY: "),
        "{refusal}"
    );
    assert!(!refusal.contains("hunter2"), "{refusal}");
}

#[test]
fn problems_of_several_sections_are_told_together() {
    refused(
        "[server]\nlisten = \"x\"\n[sync]\ntimezone = \"y\"\n",
        "config.toml:2: server.listen: \"x\" is not an IP address with a port, such as \"127.0.0.1:8365\" or \"[::1]:8365\"\nconfig.toml:4: sync.timezone: \"y\" is not an IANA time zone, such as \"UTC\" or \"Europe/Berlin\"",
    );
}

#[test]
fn a_named_file_must_be_there_and_the_usual_one_need_not() {
    let mut story = story("[log]\nlevel = \"debug\"\n").with_file(
        "other.toml",
        0o600,
        "[log]\nlevel = \"warn\"\n",
    );
    assert_eq!(story.load().unwrap().log.level, LogLevel::Debug);
    story.file = Some("other.toml".into());
    assert_eq!(story.load().unwrap().log.level, LogLevel::Warn);
    story.file = Some("none.toml".into());
    story.refused("none.toml: cannot be read: No such file or directory (os error 2)");
    story.file = None;
    std::fs::remove_file(story.directory.path().join("config.toml")).unwrap();
    assert_eq!(story.load().unwrap().log.level, LogLevel::Info);
}

#[test]
fn what_is_allowed_but_unwise_is_warned_of() {
    let story = tenant("client_secret = \"s\"\n[server]\npublic_url = \"http://seats.example\"");
    let path = story.directory.path().join("config.toml");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        story.load().unwrap().warnings,
        [
            "server.public_url http://seats.example/ is plain http: tokens cross the network in the clear. Put a reverse proxy with TLS before Seatwise.",
            "config.toml holds a secret and is open to other users of this machine; run: chmod 600 config.toml",
        ]
    );
}

#[test]
fn plain_http_goes_to_this_machine_only() {
    let warnings = |url: &str| {
        let file = format!("[server]\npublic_url = \"{url}\"\n");
        story(&file).load().unwrap().warnings.len()
    };
    assert_eq!(warnings("http://app.localhost:8365"), 0);
    assert_eq!(warnings("http://localhost.example"), 1);
    let credentials = "client_secret = \"s\"\n";
    let graph = |url: &str| tenant(&format!("{credentials}graph_url = \"{url}\"")).load();
    assert!(graph("http://127.0.0.1:1").is_ok());
    // A browser keeps such a name on its machine, a resolver need not.
    assert!(graph("http://graph.localhost").is_err());
}

#[test]
fn no_secret_is_in_debug_output() {
    let secrets = ["canary-client", "canary-proxy", TOKEN, KEY];
    let config = tenant(
        "client_secret = \"canary-client\"\n[network]\nproxy = \"http://me:canary-proxy@proxy\"",
    )
    .with("SEATWISE_AUTH__ADMIN_TOKEN", TOKEN)
    .with("SEATWISE_SECURITY__ENCRYPTION_KEY", KEY)
    .load()
    .unwrap();
    let text = format!("{config:?} {config:#?}");
    for secret in secrets {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("REDACTED") && text.contains("contoso.com"));
}

#[test]
fn seats_may_fall_for_so_many_days_and_a_tenant_is_of_a_segment() {
    refused(
        "[money]\nreduction_window_days = 366\n",
        "config.toml:2: money.reduction_window_days: 366 is not within 0 to 365",
    );
    let long = "ü".repeat(61);
    tenant(&format!("client_secret = \"s\"\nsegment = \"{long}\""))
        .refused("config.toml:5: tenants.contoso.segment: a segment has at most 60 characters");
}

#[test]
fn history_is_kept_for_a_month_to_ten_years() {
    let config = story("[history]\nusage_days = 30\nchanges_days = 3650\n").load();
    let kept = config.unwrap().history;
    assert_eq!((kept.usage_days, kept.changes_days), (30, 3_650));
    refused(
        "[history]\nusage_days = 29\n",
        "config.toml:2: history.usage_days: 29 is not within 30 to 3650",
    );
    refused(
        "[history]\nchanges_days = 3651\n",
        "config.toml:2: history.changes_days: 3651 is not within 30 to 3650",
    );
}
