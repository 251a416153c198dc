//! Settings: what the operator wrote ([`raw::RawConfig`]), and what the program uses ([`Config`]).
//!
//! Three layers lie on top of each other: the compiled-in `config.toml`, the operator's file and the
//! environment. Every value remembers where it was written, so that a refusal can name the line or
//! the variable. A `Config` that exists is valid: nothing below this module checks settings again.
//!
//! The environment is handed in as pairs; this module never asks the process for it.

mod checks;
mod deserialize;
mod origin;
mod policy;
mod raw;
mod secret_file;
mod tenants;
mod tree;
mod webhooks;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use croner::Cron;
use jiff::tz::TimeZone;
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

use crate::api::settings::ServerSettings;
use crate::domain::ids::TenantKey;
use crate::domain::policy::Policy;
use crate::domain::prices::Segment;
use crate::domain::tenant::{Cloud, TenantAccess};
use crate::domain::terms::TermsPolicy;
use crate::msgraph::{Credential, NetworkSettings};
use crate::store::EncryptionKey;
use crate::telemetry::LogSettings;

pub use webhooks::WebhookConfig;

use deserialize::Reader;
use origin::Problem;
use raw::RawConfig;
use tree::Table;

/// The documented settings with their defaults: the manual and the lowest layer are one file.
pub const SHIPPED: &str = include_str!("../../config.toml");

/// The file that is read when none is named, where there is one.
pub const USUAL_FILE: &str = "config.toml";

/// The most bytes a configuration file may have.
const FILE_BYTES_MAX: u64 = 1_000_000;

/// Where settings come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that the operator named; else [`USUAL_FILE`], where there is one.
    pub file: Option<PathBuf>,
    /// Names and values, as the process got them.
    pub environment: Vec<(OsString, OsString)>,
    /// What relative paths count from; empty for the current directory.
    pub directory: PathBuf,
}

/// All settings, checked.
#[derive(Debug)]
pub struct Config {
    /// Where and how to serve, with the limits of a request.
    pub server: ServerSettings,
    /// How Microsoft is reached.
    pub network: NetworkSettings,
    /// Where facts are kept.
    pub storage: StorageSettings,
    /// The administrator's token, where the operator chose one.
    pub admin_token: Option<SecretString>,
    /// Where the key comes from under which secrets are kept.
    pub encryption_key: KeySource,
    /// When tenants are read.
    pub sync: SyncSettings,
    /// How long it is kept what was.
    pub history: HistorySettings,
    /// In order of key.
    pub tenants: Vec<TenantConfig>,
    /// How product names are kept new.
    pub catalog: CatalogSettings,
    /// What holds for every purchase of licenses.
    pub terms: TermsPolicy,
    /// Where events are told, in order of name.
    pub webhooks: Vec<WebhookConfig>,
    /// What is logged, and how.
    pub log: LogSettings,
    /// What is allowed but unwise, in words for the log.
    pub warnings: Vec<String>,
}

/// Where facts are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageSettings {
    /// The data directory.
    pub directory: PathBuf,
    /// A sync does not begin with less free disk than this; 0: unchecked.
    pub free_bytes_min: u64,
}

/// Where the key comes from under which secrets are kept.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// By the operator, or found in the usual file.
    Given(EncryptionKey),
    /// None is configured and the usual file is not there: the very first start makes it here. Where
    /// a store exists already, its key is missing, and nothing may be written.
    FirstStart(PathBuf),
}

/// When tenants are read.
#[derive(Debug, Clone)]
pub struct SyncSettings {
    /// Six fields, seconds first.
    pub schedule: Cron,
    /// Where the fields of the schedule count; with daylight saving.
    pub timezone: TimeZone,
}

/// How long it is kept what was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistorySettings {
    /// Days of use.
    pub usage_days: u16,
    /// Days on which something changed.
    pub changes_days: u16,
}

/// One configured tenant.
#[derive(Clone)]
pub struct TenantConfig {
    /// The name of its section.
    pub key: TenantKey,
    /// Microsoft's GUID or a verified domain, checked by its grammar: never a path.
    pub tenant_id: String,
    /// GUID of the app registration.
    pub client_id: String,
    /// How the application proves who it is.
    pub credential: Credential,
    /// How we sign in.
    pub access: TenantAccess,
    /// Which of Microsoft's clouds.
    pub cloud: Cloud,
    /// The kind of customer that its prices are for, if it is of one.
    pub segment: Option<Segment>,
    /// Another login host than the cloud's own: a bare origin.
    pub login_url: Option<Url>,
    /// Another Graph host than the cloud's own: a bare origin.
    pub graph_url: Option<Url>,
    /// By what its users and licenses are judged.
    pub policy: Arc<Policy>,
}

/// How product names are kept new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogSettings {
    /// Where Microsoft's published CSV is; `None`: never fetched.
    pub url: Option<Url>,
    /// Days from one fetch to the next; a start fetches too.
    pub refresh_days: u16,
}

/// Why there is no valid configuration: one line a problem, each with where it was written and what
/// would be right. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<String>,
}

impl Config {
    /// Reads and checks all layers. Files that settings name are read here too: a start that
    /// succeeds does not meet an unreadable certificate later.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let layers = layers(sources)?;
        let raw = RawConfig::deserialize(Reader::new(&layers))
            .map_err(|problem| ConfigError::one(problem.to_string()))?;
        checks::check(raw, &layers, &sources.directory)
    }
}

fn layers(sources: &Sources) -> Result<Table, ConfigError> {
    let mut layers = tree::from_toml(SHIPPED, None)?;
    if let Some((path, text)) = operators_file(sources)? {
        let file = tree::from_toml(&text, Some(&path))?;
        raw::refuse_in_file(&file)?;
        tree::overlay(&mut layers, file);
    }
    tree::overlay(&mut layers, tree::from_environment(&sources.environment)?);
    Ok(layers)
}

/// The operator's file, as it is called in messages, and its text.
fn operators_file(sources: &Sources) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let (path, is_named) = match &sources.file {
        Some(path) => (path.clone(), true),
        None => (PathBuf::from(USUAL_FILE), false),
    };
    match read_text(&sources.directory.join(&path)) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => Ok(None),
        Err(error) => Err(ConfigError::one(format!(
            "{}: cannot be read: {error}",
            path.display()
        ))),
    }
}

fn read_text(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::other("larger than 1 MB"));
    }
    Ok(text)
}

impl ConfigError {
    fn one(problem: impl Into<String>) -> Self {
        Self {
            problems: vec![problem.into()],
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self::one(problem.to_string())
    }
}

/// Without the credential.
impl fmt::Debug for TenantConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TenantConfig")
            .field("key", &self.key)
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .field("access", &self.access)
            .field("cloud", &self.cloud)
            .field("segment", &self.segment)
            .field("login_url", &self.login_url)
            .field("graph_url", &self.graph_url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
