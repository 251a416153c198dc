//! `seatwise connect NAME`: hands out the address where a service account signs in.

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::domain::ids::TenantKey;

use super::exit::{Exit, Failure};
use super::remote::Remote;
use super::{ConfigArgs, Environment, block_on, output};

#[derive(Debug, Args)]
pub(super) struct ConnectArgs {
    /// The tenant, as its section in config.toml is called
    #[arg(value_name = "NAME", value_parser = TenantKey::parse)]
    tenant: TenantKey,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    connect_tenant: Connecting,
}

#[derive(Deserialize)]
struct Connecting {
    tenant: Connection,
    url: Option<String>,
}

#[derive(Deserialize)]
struct Connection {
    connection: String,
    problem: Option<String>,
}

pub(super) fn run(arguments: &ConnectArgs, environment: &Environment) -> Result<(), Failure> {
    let config = arguments.config.load_quietly(environment)?;
    block_on(async {
        let remote = Remote::new(&config, environment)?;
        let tenant = remote.tenant(&arguments.tenant).await?;
        let query = "mutation($tenant: ID!) { connectTenant(tenant: $tenant) { url tenant { connection problem } } }";
        let answer: Answer = remote.ask(query, json!({ "tenant": tenant.id })).await?;
        outcome(&arguments.tenant, answer.connect_tenant).map(|text| output::print(&text))
    })
}

/// A service account gets an address; an application was tried at once.
fn outcome(tenant: &TenantKey, connecting: Connecting) -> Result<String, Failure> {
    if let Some(url) = connecting.url {
        return Ok(format!(
            "Open this address in a browser and sign in as the service account (good once, for 10 minutes):\n\n  {url}\n"
        ));
    }
    let Connection {
        connection,
        problem,
    } = connecting.tenant;
    match (connection.as_str(), problem) {
        ("CONNECTED" | "CONNECTING", None) => {
            Ok(format!("{tenant}: {}\n", connection.to_lowercase()))
        }
        (_, problem) => Err(Failure::new(
            Exit::Failed,
            format!("{tenant}: {}", problem.unwrap_or(connection)),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        url: Option<&str>,
        connection: &str,
        problem: Option<&str>,
        expected: Result<&str, &str>,
    ) {
        let connecting = Connecting {
            tenant: Connection {
                connection: connection.into(),
                problem: problem.map(Into::into),
            },
            url: url.map(Into::into),
        };
        let outcome = outcome(&TenantKey::parse("contoso").unwrap(), connecting);
        let outcome = outcome
            .as_deref()
            .map_err(|failure| failure.message.as_str());
        assert_eq!(outcome, expected);
    }

    #[test]
    fn a_service_account_gets_an_address_and_an_application_its_outcome() {
        check(
            Some("https://s.example/connect/contoso?ticket=t"),
            "NEEDS_CONSENT",
            Some("Nobody has signed in yet."),
            Ok(
                "Open this address in a browser and sign in as the service account (good once, for 10 minutes):\n\n  https://s.example/connect/contoso?ticket=t\n",
            ),
        );
        check(None, "CONNECTED", None, Ok("contoso: connected\n"));
        check(
            None,
            "MISCONFIGURED",
            Some("AADSTS7000215: wrong secret"),
            Err("contoso: AADSTS7000215: wrong secret"),
        );
        check(None, "DISCONNECTED", None, Err("contoso: DISCONNECTED"));
    }
}
