//! The settings as written: one struct a section, one field a key, nothing checked but types.
//!
//! Keys without a default are `Option`; all others are in the compiled-in file, so none is missing.
//! There is no `Debug` here: some of it is secret.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use crate::telemetry::{LogFormat, LogLevel};

use super::ConfigError;
use super::origin::Problem;
use super::policy::RawPolicy;
use super::tree::{Table, Value};

/// The sections, as they stand in the file.
pub(super) const SECTIONS: [&str; 14] = [
    "server", "storage", "auth", "security", "sync", "history", "tenants", "policy", "network",
    "limits", "catalog", "money", "webhooks", "log",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    pub(super) server: RawServer,
    pub(super) storage: RawStorage,
    pub(super) auth: RawAuth,
    pub(super) security: RawSecurity,
    pub(super) sync: RawSync,
    pub(super) history: RawHistory,
    #[serde(default)]
    pub(super) tenants: BTreeMap<String, RawTenant>,
    pub(super) policy: RawPolicy,
    pub(super) network: RawNetwork,
    pub(super) limits: RawLimits,
    pub(super) catalog: RawCatalog,
    pub(super) money: RawMoney,
    #[serde(default)]
    pub(super) webhooks: BTreeMap<String, RawWebhook>,
    pub(super) log: RawLog,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawServer {
    pub(super) listen: String,
    pub(super) public_url: String,
    pub(super) allowed_hosts: Vec<String>,
    pub(super) cors_origins: Vec<String>,
    pub(super) trusted_proxies: Vec<String>,
    pub(super) shutdown_grace_seconds: u64,
    pub(super) connections_per_address_max: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStorage {
    pub(super) url: String,
    pub(super) free_bytes_min: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAuth {
    pub(super) admin_token: Option<RawSecret>,
    pub(super) admin_token_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSecurity {
    pub(super) encryption_key: Option<RawSecret>,
    pub(super) encryption_key_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSync {
    pub(super) schedule: String,
    pub(super) timezone: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHistory {
    pub(super) usage_days: u64,
    pub(super) changes_days: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTenant {
    pub(super) tenant_id: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<RawSecret>,
    pub(super) client_secret_file: Option<String>,
    pub(super) certificate_file: Option<String>,
    #[serde(default)]
    pub(super) access: RawAccess,
    #[serde(default)]
    pub(super) cloud: RawCloud,
    pub(super) segment: Option<String>,
    pub(super) login_url: Option<String>,
    pub(super) graph_url: Option<String>,
    pub(super) policy: Option<RawPolicy>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawAccess {
    #[default]
    App,
    Delegated,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawCloud {
    #[default]
    Global,
    UsGovHigh,
    UsGovDod,
    China,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNetwork {
    pub(super) proxy: Option<RawSecret>,
    pub(super) no_proxy: Vec<String>,
    pub(super) ca_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) body_bytes_max: u64,
    pub(super) body_timeout_seconds: u64,
    pub(super) tokens_max: u64,
    pub(super) nesting_max: u64,
    pub(super) aliases_max: u64,
    pub(super) directives_max: u64,
    pub(super) expanded_nodes_max: u64,
    pub(super) root_fields_max: u64,
    pub(super) definitions_max: u64,
    pub(super) cost_max: u64,
    pub(super) page_rows_max: u64,
    pub(super) errors_max: u64,
    pub(super) answer_bytes_max: u64,
    pub(super) answers_kept_bytes_max: u64,
    pub(super) deadline_seconds: u64,
    pub(super) running_max: u64,
    pub(super) subscriptions_max: u64,
    pub(super) exports_max: u64,
    pub(super) failed_tokens_per_minute_max: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCatalog {
    pub(super) url: String,
    pub(super) refresh_days: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMoney {
    pub(super) reduction_window_days: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWebhook {
    pub(super) url: Option<String>,
    pub(super) secret: Option<RawSecret>,
    pub(super) secret_file: Option<String>,
    pub(super) events: Option<Vec<String>>,
    pub(super) tenants: Option<Vec<String>>,
    pub(super) seats_min: Option<u64>,
    pub(super) yearly_cost_min: Option<String>,
    pub(super) open_findings_min: Option<u64>,
    pub(super) monthly_savings_min: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    pub(super) format: LogFormat,
    pub(super) level: LogLevel,
}

/// A text that is kept from logs from the moment it is read.
pub(super) struct RawSecret(pub(super) SecretString);

impl<'de> Deserialize<'de> for RawSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// The administrator's token is the one secret that no configuration file holds: such files are
/// copied, mailed and committed, and it opens everything.
pub(super) fn refuse_in_file(file: &Table) -> Result<(), ConfigError> {
    let auth = file.get("auth").map(|node| &node.value);
    let token = match auth {
        Some(Value::Table(auth)) => auth.get("admin_token"),
        _ => None,
    };
    match token {
        Some(node) => Err(Problem::new(
            "is not read from a configuration file; set SEATWISE_AUTH__ADMIN_TOKEN, or admin_token_file",
        )
        .at(&node.origin, "auth.admin_token")
        .into()),
        None => Ok(()),
    }
}
