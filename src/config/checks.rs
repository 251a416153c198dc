//! From what the operator wrote to what the program uses.
//!
//! Each section is one function; what is wrong in several sections is told in one go.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use crate::api::settings::{Limits, ServerSettings};
use crate::domain::terms::TermsPolicy;
use crate::msgraph::{NetworkSettings, bare_origin, is_loopback, is_private};
use crate::store::EncryptionKey;
use crate::telemetry::LogSettings;

use super::origin::{Origin, Problem};
use super::raw::{
    RawAuth, RawCatalog, RawConfig, RawHistory, RawLimits, RawMoney, RawNetwork, RawSecret,
    RawSecurity, RawServer, RawStorage, RawSync,
};
use super::tree::{Table, origin_of};
use super::{
    CatalogSettings, Config, ConfigError, HistorySettings, KeySource, StorageSettings,
    SyncSettings, policy, secret_file, tenants, webhooks,
};

/// The key file of a server that was started without a word about keys.
const USUAL_KEY_FILE: &str = "./seatwise.key";

/// The fewest characters of an administrator's token: 32 of a generator's are beyond guessing.
const ADMIN_TOKEN_CHARACTERS_MIN: usize = 32;

/// What is wrong with one key of the section at hand.
pub(super) struct Invalid {
    /// Empty for the section itself.
    key: &'static str,
    text: String,
}

impl Invalid {
    pub(super) fn new(key: &'static str, text: impl Into<String>) -> Self {
        Self {
            key,
            text: text.into(),
        }
    }

    /// For `map_err`: what is wrong is wrong with `key`.
    pub(super) fn of(key: &'static str) -> impl FnOnce(String) -> Self {
        move |text| Self { key, text }
    }
}

/// Collects what is wrong, with its place.
struct Findings<'tree> {
    layers: &'tree Table,
    problems: Vec<String>,
}

impl Findings<'_> {
    fn keep<T>(&mut self, section: &[&str], result: Result<T, Invalid>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(invalid) => {
                let mut path = section.to_vec();
                if !invalid.key.is_empty() {
                    path.push(invalid.key);
                }
                let problem = Problem::new(invalid.text);
                let problem = match origin_of(self.layers, &path) {
                    Some(origin) => problem.at(origin, &path.join(".")),
                    None => problem,
                };
                self.problems.push(problem.to_string());
                None
            }
        }
    }
}

/// Checks everything; `directory` is what relative paths count from.
pub(super) fn check(
    raw: RawConfig,
    layers: &Table,
    directory: &Path,
) -> Result<Config, ConfigError> {
    let mut findings = Findings {
        layers,
        problems: Vec::new(),
    };
    let limits = findings.keep(&["limits"], limits(&raw.limits));
    let server = findings.keep(&["server"], server(&raw.server, limits));
    let storage = findings.keep(&["storage"], storage(&raw.storage, directory));
    let admin_token = findings.keep(&["auth"], admin_token(raw.auth, directory));
    let key = findings.keep(&["security"], encryption_key(raw.security, directory));
    let sync = findings.keep(&["sync"], sync(&raw.sync));
    let history = findings.keep(&["history"], history(&raw.history));
    let network = findings.keep(&["network"], network(&raw.network, directory));
    let catalog = findings.keep(&["catalog"], catalog(&raw.catalog));
    let terms = findings.keep(&["money"], terms(&raw.money));
    let general = findings.keep(&["policy"], policy::policy(&raw.policy, None));
    let mut tenants = Vec::with_capacity(raw.tenants.len());
    for (name, tenant) in raw.tenants {
        let own = tenant.policy.as_ref().filter(|_| general.is_some());
        let own = own.map(|own| policy::policy(&raw.policy, Some(own)));
        let own = own.and_then(|own| findings.keep(&["tenants", &name, "policy"], own));
        let policy = own.or(general.clone()).unwrap_or_default();
        let checked = tenants::tenant(&name, tenant, policy, directory);
        tenants.extend(findings.keep(&["tenants", &name], checked));
    }
    let mut webhooks = Vec::with_capacity(raw.webhooks.len());
    for (name, webhook) in raw.webhooks {
        let checked = webhooks::webhook(&name, webhook, directory);
        webhooks.extend(findings.keep(&["webhooks", &name], checked));
    }
    let (Some(server), Some(storage), Some(admin_token), Some(encryption_key)) =
        (server, storage, admin_token, key)
    else {
        return Err(findings.into());
    };
    let (Some(sync), Some(history), Some(network), Some(catalog), Some(terms), true) = (
        sync,
        history,
        network,
        catalog,
        terms,
        findings.problems.is_empty(),
    ) else {
        return Err(findings.into());
    };
    Ok(Config {
        warnings: warnings(layers, directory, &server.public_url),
        server,
        network,
        storage,
        admin_token,
        encryption_key,
        sync,
        history,
        tenants,
        catalog,
        terms,
        webhooks,
        log: LogSettings {
            format: raw.log.format,
            level: raw.log.level,
        },
    })
}

impl From<Findings<'_>> for ConfigError {
    fn from(findings: Findings<'_>) -> Self {
        Self {
            problems: findings.problems,
        }
    }
}

/// `limits` that were refused are told once: the defaults stand in for them.
fn server(raw: &RawServer, limits: Option<Limits>) -> Result<ServerSettings, Invalid> {
    let listen = SocketAddr::from_str(&raw.listen).map_err(|_| {
        let text = format!(
            "\"{}\" is not an IP address with a port, such as \"127.0.0.1:8365\" or \"[::1]:8365\"",
            raw.listen
        );
        Invalid::new("listen", text)
    })?;
    let connections = within(raw.connections_per_address_max, 1, 100_000);
    Ok(ServerSettings {
        listen,
        public_url: origin(&raw.public_url).map_err(Invalid::of("public_url"))?,
        allowed_hosts: each(&raw.allowed_hosts, allowed_host)
            .map_err(Invalid::of("allowed_hosts"))?,
        cors_origins: each(&raw.cors_origins, cors_origin).map_err(Invalid::of("cors_origins"))?,
        trusted_proxies: each(&raw.trusted_proxies, ip_address)
            .map_err(Invalid::of("trusted_proxies"))?,
        shutdown_grace: seconds(raw.shutdown_grace_seconds)
            .map_err(Invalid::of("shutdown_grace_seconds"))?,
        connections_per_address_max: connections
            .map_err(Invalid::of("connections_per_address_max"))?,
        limits: limits.unwrap_or_default(),
    })
}

fn allowed_host(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let inside = lower.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = inside.parse::<Ipv6Addr>() {
        // As it stands in a Host header.
        return Ok(format!("[{address}]"));
    }
    if is_host_name(&lower) {
        return Ok(lower);
    }
    Err(format!(
        "\"{text}\" is not a host name without port, such as \"seatwise.contoso.com\""
    ))
}

fn cors_origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Err("\"*\" would let every web page call the API; name each origin".into());
    }
    origin(text).map(|url| url.origin().ascii_serialization())
}

fn ip_address(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is not an IP address"))
}

fn storage(raw: &RawStorage, directory: &Path) -> Result<StorageSettings, Invalid> {
    match raw.url.split_once(':') {
        Some(("sled", path)) if !path.is_empty() => Ok(StorageSettings {
            directory: directory.join(path),
            free_bytes_min: raw.free_bytes_min,
        }),
        _ => Err(Invalid::new(
            "url",
            format!(
                "\"{}\" is no storage that this version has; use \"sled:\" and a directory, such as \"sled:./data\"",
                raw.url
            ),
        )),
    }
}

fn admin_token(raw: RawAuth, directory: &Path) -> Result<Option<SecretString>, Invalid> {
    let token = match (raw.admin_token, raw.admin_token_file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let text = "is set beside admin_token_file; keep one";
            return Err(Invalid::new("admin_token", text));
        }
        (Some(RawSecret(token)), None) => ("admin_token", Ok(token)),
        (None, Some(path)) => (
            "admin_token_file",
            secret_file::read_line(&directory.join(path)),
        ),
    };
    let (key, token) = (token.0, token.1.map_err(Invalid::of(token.0))?);
    let text = token.expose_secret();
    if text.len() < ADMIN_TOKEN_CHARACTERS_MIN || !text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(Invalid::new(
            key,
            "is no token: at least 32 characters of plain ASCII without spaces (`openssl rand -hex 32`)",
        ));
    }
    Ok(Some(token))
}

fn encryption_key(raw: RawSecurity, directory: &Path) -> Result<KeySource, Invalid> {
    let usual = directory.join(USUAL_KEY_FILE);
    let (key, given) = match (raw.encryption_key, raw.encryption_key_file) {
        (Some(_), Some(_)) => {
            let text = "is set beside encryption_key_file; keep one";
            return Err(Invalid::new("encryption_key", text));
        }
        (Some(RawSecret(given)), None) => ("encryption_key", Ok(given)),
        (None, Some(path)) => (
            "encryption_key_file",
            secret_file::read_line(&directory.join(path)),
        ),
        (None, None) if usual.exists() => ("", secret_file::read_line(&usual)),
        (None, None) => return Ok(KeySource::FirstStart(usual)),
    };
    let given = given.map_err(Invalid::of(key))?;
    EncryptionKey::parse(given.expose_secret())
        .map(KeySource::Given)
        .map_err(Invalid::of(key))
}

fn sync(raw: &RawSync) -> Result<SyncSettings, Invalid> {
    let timezone = TimeZone::get(&raw.timezone).map_err(|_| {
        let text = format!(
            "\"{}\" is not an IANA time zone, such as \"UTC\" or \"Europe/Berlin\"",
            raw.timezone
        );
        Invalid::new("timezone", text)
    })?;
    Ok(SyncSettings {
        schedule: schedule(&raw.schedule).map_err(Invalid::of("schedule"))?,
        timezone,
    })
}

/// A cron expression of six fields, or five, which are taken as second 0.
fn schedule(text: &str) -> Result<Cron, String> {
    const FORM: &str = "second minute hour day month weekday, such as \"0 0 */6 * * *\"";
    let fields = text.split_whitespace().count();
    if !(5..=6).contains(&fields) {
        return Err(format!(
            "\"{text}\" has {fields} field{}; a schedule has six: {FORM} (five are taken as second 0)",
            if fields == 1 { "" } else { "s" }
        ));
    }
    let cron = Cron::from_str(text)
        .map_err(|error| format!("\"{text}\" is not a schedule: {FORM} ({error})"))?;
    // From a fixed day: whether an expression ever comes due does not depend on today.
    let start = Zoned::new(Timestamp::UNIX_EPOCH, TimeZone::UTC);
    match cron.find_next_occurrence(&start, true) {
        Ok(_) => Ok(cron),
        Err(_) => Err(format!("\"{text}\" never comes due")),
    }
}

/// No fewer days than syncs read back: else they would read again what was just forgotten.
fn history(raw: &RawHistory) -> Result<HistorySettings, Invalid> {
    let days = |days| within(days, 30, 3_650);
    Ok(HistorySettings {
        usage_days: days(raw.usage_days).map_err(Invalid::of("usage_days"))?,
        changes_days: days(raw.changes_days).map_err(Invalid::of("changes_days"))?,
    })
}

fn network(raw: &RawNetwork, directory: &Path) -> Result<NetworkSettings, Invalid> {
    if raw.proxy.is_none() && !raw.no_proxy.is_empty() {
        let text =
            "is set and proxy is not: set both, or name the hosts in the system's own NO_PROXY";
        return Err(Invalid::new("no_proxy", text));
    }
    let proxy = raw.proxy.as_ref().map(|RawSecret(text)| proxy(text));
    let ca_file = raw.ca_file.as_ref().map(|path| {
        let path = directory.join(path);
        match std::fs::read_to_string(&path) {
            Ok(text) if text.contains("BEGIN CERTIFICATE-----") => Ok(path),
            Ok(_) => Err(format!("{} holds no certificate in PEM", path.display())),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        }
    });
    Ok(NetworkSettings {
        proxy: proxy.transpose().map_err(Invalid::of("proxy"))?,
        no_proxy: raw.no_proxy.clone(),
        ca_file: ca_file.transpose().map_err(Invalid::of("ca_file"))?,
    })
}

/// The text is not repeated in the refusal: it may hold a password.
fn proxy(text: &SecretString) -> Result<Url, String> {
    Url::parse(text.expose_secret())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| {
            "is not an http or https URL, such as \"http://proxy.contoso.com:3128\"".into()
        })
}

fn limits(raw: &RawLimits) -> Result<Limits, Invalid> {
    /// The key named like its field, within its bounds.
    macro_rules! limit {
        ($key:ident, $min:literal ..= $max:expr) => {
            within(raw.$key, $min, $max).map_err(Invalid::of(stringify!($key)))?
        };
    }
    Ok(Limits {
        body_bytes_max: limit!(body_bytes_max, 1_000..=100_000_000),
        body_timeout: seconds(raw.body_timeout_seconds)
            .map_err(Invalid::of("body_timeout_seconds"))?,
        tokens_max: limit!(tokens_max, 10..=100_000),
        nesting_max: limit!(nesting_max, 4..=Limits::NESTING_MOST as u64),
        aliases_max: limit!(aliases_max, 0..=100_000),
        directives_max: limit!(directives_max, 0..=100_000),
        expanded_nodes_max: limit!(expanded_nodes_max, 10..=100_000),
        root_fields_max: limit!(root_fields_max, 1..=10_000),
        definitions_max: limit!(definitions_max, 1..=10_000),
        cost_max: limit!(cost_max, 100..=100_000_000),
        page_rows_max: limit!(page_rows_max, 1..=Limits::PAGE_ROWS_MOST as u64),
        errors_max: limit!(errors_max, 1..=100),
        answer_bytes_max: limit!(answer_bytes_max, 10_000..=1_000_000_000),
        answers_kept_bytes_max: limit!(answers_kept_bytes_max, 0..=100_000_000_000),
        deadline: seconds(raw.deadline_seconds).map_err(Invalid::of("deadline_seconds"))?,
        running_max: limit!(running_max, 1..=10_000),
        subscriptions_max: limit!(subscriptions_max, 0..=10_000),
        exports_max: limit!(exports_max, 1..=100),
        failed_tokens_per_minute_max: limit!(failed_tokens_per_minute_max, 1..=10_000),
    })
}

fn catalog(raw: &RawCatalog) -> Result<CatalogSettings, Invalid> {
    let url = match raw.url.as_str() {
        "" => None,
        text => {
            let url = Url::parse(text).ok();
            let problem = format!("\"{text}\" is not an https URL");
            Some(
                url.filter(is_private)
                    .ok_or(problem)
                    .map_err(Invalid::of("url"))?,
            )
        }
    };
    Ok(CatalogSettings {
        url,
        refresh_days: within(raw.refresh_days, 1, 365).map_err(Invalid::of("refresh_days"))?,
    })
}

fn terms(raw: &RawMoney) -> Result<TermsPolicy, Invalid> {
    let days = within(raw.reduction_window_days, 0, 365);
    Ok(TermsPolicy {
        reduction_window_days: days.map_err(Invalid::of("reduction_window_days"))?,
    })
}

/// What is allowed but unwise.
fn warnings(layers: &Table, directory: &Path, public_url: &Url) -> Vec<String> {
    let mut warnings = Vec::new();
    if public_url.scheme() == "http" && !is_local_page(public_url) {
        warnings.push(format!(
            "server.public_url {public_url} is plain http: tokens cross the network in the clear. Put a reverse proxy with TLS before Seatwise."
        ));
    }
    if let Some(path) = file_with_secret(layers)
        && secret_file::is_open_to_others(&directory.join(path))
    {
        let path = path.display();
        warnings.push(format!(
            "{path} holds a secret and is open to other users of this machine; run: chmod 600 {path}"
        ));
    }
    warnings
}

/// The operator's file, if a secret is written in it.
fn file_with_secret(layers: &Table) -> Option<&Path> {
    layers.values().find_map(|section| {
        let super::tree::Value::Table(section) = &section.value else {
            return None;
        };
        let own = ["client_secret", "encryption_key"].iter().find_map(|key| {
            match &section.get(*key)?.origin {
                Origin::File { path, .. } => Some(path.as_path()),
                _ => None,
            }
        });
        own.or_else(|| file_with_secret(section))
    })
}

fn each<T>(items: &[String], parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    items.iter().map(|item| parse(item)).collect()
}

/// The number as the type that a setting has, where it lies within its bounds.
fn within<T: TryFrom<u64>>(number: u64, min: u64, max: u64) -> Result<T, String> {
    let in_bounds = Some(number).filter(|number| (min..=max).contains(number));
    in_bounds
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("{number} is not within {min} to {max}"))
}

fn seconds(number: u64) -> Result<Duration, String> {
    within(number, 1, 300).map(Duration::from_secs)
}

/// An http or https URL of scheme, host and port alone. What may hold a password is not repeated.
pub(super) fn origin(text: &str) -> Result<Url, String> {
    bare_origin(text).ok_or_else(|| {
        let after_scheme = text.split_once("://").map_or(text, |(_, after)| after);
        let user = after_scheme.rsplit_once('@').map_or("", |(user, _)| user);
        let shown = match user.contains(':') {
            true => "it".to_owned(),
            false => format!("\"{text}\""),
        };
        format!("{shown} is not an http or https URL without path, such as \"https://seatwise.contoso.com\"")
    })
}

/// Whether a page at a URL stays on this machine: browsers keep names below localhost there, too.
fn is_local_page(url: &Url) -> bool {
    let is_below = |name: &str| name.ends_with(".localhost");
    is_loopback(url) || url.domain().is_some_and(is_below)
}

/// Labels of letters, digits and inner hyphens, separated by dots, as DNS has them; lower case.
pub(super) fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    text.len() <= 253 && text.split('.').all(label)
}
