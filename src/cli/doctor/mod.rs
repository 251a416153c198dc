//! `seatwise doctor`: what works, what does not, and the remedy.
//!
//! Without a server it opens the store itself and tries each dataset with its smallest request. While
//! a server runs, that server says how its tenants stand. Either way it is the same table.

mod capability;
mod probe;
mod report;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use crate::app::{StartError, open_offline};
use crate::clock::SystemClock;
use crate::config::{Config, ConfigError, KeySource};
use crate::domain::ids::TenantKey;
use crate::domain::sync_run::{Dataset, Problem};
use crate::domain::tenant::{ConnectionState, TenantAccess};
use crate::store::{OpenError, Store};
use crate::sync::{Coordinator, TenantStatus};

use super::exit::{DAMAGED_REMEDY, Exit, Failure};
use super::remote::Remote;
use super::{ConfigArgs, Environment, block_on, output};

use capability::Ability;
use report::{Check, Report};

pub(super) fn run(arguments: &ConfigArgs, environment: &Environment) -> Result<(), Failure> {
    let mut report = Report::default();
    match arguments.load_quietly(environment) {
        Ok(config) => {
            report.extend(configuration_checks(&config));
            let checks = block_on(async { Ok(server_checks(&config, environment).await) })?;
            report.extend(checks);
        }
        Err(error) => report.extend(broken_configuration(&error)),
    }
    output::print(&report.to_text());
    match report.failed_count() {
        0 => Ok(()),
        1 => Err(Failure::new(Exit::Failed, "1 problem was found")),
        count => Err(Failure::new(
            Exit::Failed,
            format!("{count} problems were found"),
        )),
    }
}

fn broken_configuration(error: &ConfigError) -> Vec<Check> {
    let failed =
        |problem: &String| Check::failed("configuration", problem, "correct it and start again");
    error.problems.iter().map(failed).collect()
}

fn configuration_checks(config: &Config) -> Vec<Check> {
    let mut checks = vec![match config.tenants.len() {
        0 => Check::warning(
            "configuration",
            "no tenant is configured",
            "add [tenants.NAME] to config.toml, or see it work with `seatwise demo`",
        ),
        1 => Check::ok("configuration", "1 tenant"),
        count => Check::ok("configuration", &format!("{count} tenants")),
    }];
    let warnings = config.warnings.iter();
    checks.extend(warnings.map(|warning| Check::warning("configuration", warning, "")));
    checks.push(match &config.encryption_key {
        KeySource::Given(_) => Check::ok("encryption key", "given"),
        KeySource::FirstStart(path) => key_check(Store::exists(&config.storage.directory), path),
    });
    checks
}

/// Without a key file: right before the first start, a loss after it.
fn key_check(has_store: bool, path: &std::path::Path) -> Check {
    let path = path.display();
    if has_store {
        return Check::failed(
            "encryption key",
            &format!("{path} is missing, and what is stored was encrypted with it"),
            "bring the file back from a backup, or set SEATWISE_SECURITY__ENCRYPTION_KEY",
        );
    }
    Check::ok(
        "encryption key",
        &format!("none yet; the first start makes {path}"),
    )
}

async fn server_checks(config: &Config, environment: &Environment) -> Vec<Check> {
    let directory = config.storage.directory.display().to_string();
    if !Store::exists(&config.storage.directory) {
        // An examination makes nothing: neither a key nor a store.
        let none = format!("none yet; the first start makes {directory}");
        let mut checks = vec![Check::ok("storage", &none)];
        checks.extend(here(config, None).await);
        return checks;
    }
    match open_offline(config, Arc::new(SystemClock)).await {
        Ok(core) => {
            let mut checks = vec![Check::ok("storage", &directory)];
            checks.extend(here(config, Some(&core.coordinator)).await);
            checks
        }
        Err(StartError::Store(OpenError::InUse { pid, .. })) => {
            let mut checks = vec![Check::ok(
                "storage",
                &format!("in use by the server, process {pid}"),
            )];
            checks.extend(there(config, environment).await);
            checks
        }
        Err(error) => vec![storage_check(&error)],
    }
}

fn storage_check(error: &StartError) -> Check {
    let remedy = match error {
        StartError::Store(OpenError::WrongKey) => {
            "give the key that the store was made with: SEATWISE_SECURITY__ENCRYPTION_KEY or its file"
        }
        StartError::Store(OpenError::Newer { .. }) => {
            "run the version that wrote it, or a newer one"
        }
        StartError::Store(OpenError::Full) => "make room on the disk of the data directory",
        StartError::Store(OpenError::Damaged(_)) => DAMAGED_REMEDY,
        StartError::Store(OpenError::Io(_)) => "make the directory writable for this user",
        _ => "",
    };
    Check::failed("storage", &error.to_string(), remedy)
}

async fn here(config: &Config, coordinator: Option<&Coordinator>) -> Vec<Check> {
    let mut checks = Vec::new();
    for tenant in &config.tenants {
        let known = coordinator.and_then(|coordinator| coordinator.tenant(&tenant.key));
        match (tenant.access, coordinator, known) {
            (TenantAccess::App, _, known) => {
                let (sign_in, met) = probe::tenant(&config.network, tenant, &SystemClock).await;
                checks.push(sign_in);
                checks.extend(met_checks(&tenant.key, met, known.as_ref()));
            }
            // Its token is the coordinator's alone to use: each use replaces it.
            (TenantAccess::Delegated, Some(coordinator), Some(known)) => {
                checks.extend(service_account_checks(coordinator, &known).await);
            }
            (TenantAccess::Delegated, ..) => checks.push(Check::warning(
                &format!("{}: sign-in", tenant.key),
                "nobody has signed in yet",
                &format!(
                    "start `seatwise serve`, then run `seatwise connect {}`",
                    tenant.key
                ),
            )),
        }
    }
    checks
}

/// What a service account can read, where somebody has signed in; else how the tenant stands.
async fn service_account_checks(coordinator: &Coordinator, known: &TenantStatus) -> Vec<Check> {
    if known.connection.state != ConnectionState::Connected {
        return standing_checks(Standing::from(known));
    }
    let key = &known.key;
    let mut checks = vec![Check::ok(&format!("{key}: sign-in"), "connected")];
    let met = coordinator.probe(key).await.unwrap_or_default();
    checks.extend(met_checks(key, met, Some(known)));
    checks
}

/// What each dataset met just now, with the age of what an earlier sync has stored of it.
fn met_checks(
    key: &TenantKey,
    met: Vec<(Dataset, Result<(), Problem>)>,
    known: Option<&TenantStatus>,
) -> Vec<Check> {
    let stored = known.map_or(&[][..], |known| &known.capabilities);
    let abilities = met.into_iter().map(|(dataset, met)| {
        let mut stored = stored.iter();
        let as_of = stored.find(|one| one.dataset == dataset);
        Ability::of_attempt(dataset, met, as_of.and_then(|one| one.as_of))
    });
    abilities
        .map(|ability| ability.check(key.as_str()))
        .collect()
}

async fn there(config: &Config, environment: &Environment) -> Vec<Check> {
    #[derive(Deserialize)]
    struct Answer {
        tenants: Vec<Standing>,
    }
    let query = "{ tenants { key connection problem capabilities { dataset state asOf remedy } } }";
    let asked = match Remote::new(config, environment) {
        Ok(remote) => remote.ask::<Answer>(query, json!({})).await,
        Err(error) => Err(error),
    };
    match asked {
        Ok(answer) => answer
            .tenants
            .into_iter()
            .flat_map(standing_checks)
            .collect(),
        Err(error) => vec![Check::failed("server", &error.to_string(), "")],
    }
}

/// How a tenant stands, in the words of the API.
#[derive(Debug, Deserialize)]
struct Standing {
    key: String,
    connection: String,
    problem: Option<String>,
    capabilities: Vec<Ability>,
}

impl From<&TenantStatus> for Standing {
    fn from(status: &TenantStatus) -> Self {
        let connection = match status.connection.state {
            ConnectionState::Connecting => "CONNECTING",
            ConnectionState::Connected => "CONNECTED",
            ConnectionState::NeedsConsent => "NEEDS_CONSENT",
            ConnectionState::Misconfigured => "MISCONFIGURED",
            ConnectionState::Disconnected => "DISCONNECTED",
        };
        Self {
            key: status.key.to_string(),
            connection: connection.to_owned(),
            problem: status.connection.problem.clone(),
            capabilities: status.capabilities.iter().map(Ability::from).collect(),
        }
    }
}

fn standing_checks(standing: Standing) -> Vec<Check> {
    let key = &standing.key;
    let sign_in = format!("{key}: sign-in");
    let problem = standing.problem.as_deref();
    let connection = standing.connection.to_lowercase().replace('_', " ");
    let mut checks = vec![match standing.connection.as_str() {
        "CONNECTED" => Check::ok(&sign_in, "connected"),
        "CONNECTING" => Check::warning(
            &sign_in,
            problem.unwrap_or("Microsoft has not answered yet"),
            "",
        ),
        "NEEDS_CONSENT" => Check::failed(
            &sign_in,
            problem.unwrap_or(&connection),
            &format!("seatwise connect {key}"),
        ),
        "DISCONNECTED" => Check::warning(
            &sign_in,
            "disconnected by an administrator",
            &format!("seatwise connect {key}"),
        ),
        _ => Check::failed(
            &sign_in,
            problem.unwrap_or(&connection),
            "correct it in the configuration",
        ),
    }];
    let abilities = standing.capabilities.iter();
    checks.extend(abilities.map(|ability| ability.check(key)));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(checks: Vec<Check>) -> String {
        let mut report = Report::default();
        report.extend(checks);
        report.to_text()
    }

    #[test]
    fn a_tenants_standing_is_told_with_the_remedies() {
        let standing: Standing = serde_json::from_value(json!({
            "key": "contoso", "connection": "CONNECTED", "problem": null,
            "capabilities": [
                { "dataset": "ORGANIZATION", "state": "OK", "asOf": "2026-11-20T02:00:00Z", "remedy": null },
                { "dataset": "USERS", "state": "MISSING_SCOPE", "asOf": null, "remedy": "consent to User.Read.All" },
                { "dataset": "SIGN_INS", "state": "UNKNOWN", "asOf": null, "remedy": null },
            ]
        }))
        .unwrap();
        insta::assert_snapshot!(text(standing_checks(standing)), @r"
        ok       contoso: sign-in       connected
        ok       contoso: organization  readable, as of 2026-11-20 02:00 UTC
        failed   contoso: users         missing scope
                                        -> consent to User.Read.All
        warning  contoso: sign-ins      never tried
                                        -> seatwise sync --tenant contoso
        ");
    }

    #[test]
    fn every_connection_that_is_none_has_its_remedy() {
        let check = |connection: &str, problem: Option<&str>, expected: &str| {
            let standing = Standing {
                key: "c".into(),
                connection: connection.into(),
                problem: problem.map(Into::into),
                capabilities: Vec::new(),
            };
            assert_eq!(text(standing_checks(standing)), expected, "{connection}");
        };
        let indent = " ".repeat(21);
        check(
            "NEEDS_CONSENT",
            Some("AADSTS50173: revoked"),
            &format!("failed   c: sign-in  AADSTS50173: revoked\n{indent}-> seatwise connect c\n"),
        );
        check(
            "MISCONFIGURED",
            None,
            &format!(
                "failed   c: sign-in  misconfigured\n{indent}-> correct it in the configuration\n"
            ),
        );
        check(
            "CONNECTING",
            None,
            "warning  c: sign-in  Microsoft has not answered yet\n",
        );
    }

    #[test]
    fn a_missing_key_is_a_loss_only_after_the_first_start() {
        let path = std::path::Path::new("./seatwise.key");
        let check = |has_store, expected: &str| {
            assert_eq!(
                text(vec![key_check(has_store, path)]).lines().next(),
                Some(expected)
            );
        };
        check(
            false,
            "ok       encryption key  none yet; the first start makes ./seatwise.key",
        );
        check(
            true,
            "failed   encryption key  ./seatwise.key is missing, and what is stored was encrypted with it",
        );
    }

    #[test]
    fn a_broken_configuration_is_a_finding_like_any_other() {
        let error = ConfigError {
            problems: vec!["config.toml:2: a".into(), "config.toml:3: b".into()],
        };
        let mut report = Report::default();
        report.extend(broken_configuration(&error));
        assert_eq!(report.failed_count(), 2);
    }
}
