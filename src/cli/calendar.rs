//! `seatwise calendar create|list|revoke`: who may subscribe to the calendar of renewals.

use std::sync::Arc;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::{Core, StartError, open_offline};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::domain::ids::{CalendarFeedId, TenantKey};
use crate::store::OpenError;

use super::exit::{Exit, Failure};
use super::remote::Remote;
use super::{ConfigArgs, Environment, block_on, output};

#[derive(Debug, Args)]
pub(super) struct CalendarArgs {
    #[command(subcommand)]
    action: CalendarAction,
}

#[derive(Debug, Subcommand)]
enum CalendarAction {
    /// Make an address that calendar programs subscribe to, and print it once
    ///
    /// Whoever knows the address reads the renewals, and nothing else: no person and no amount of money
    /// is in them. A running server is asked: give its token in `SEATWISE_TOKEN`.
    Create {
        /// Whom or what it is for, such as "Purchasing"
        name: String,
        /// The only tenant whose renewals are in it, as its section in config.toml is called
        #[arg(long, value_name = "NAME", value_parser = TenantKey::parse)]
        tenant: Option<TenantKey>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// List the calendars that may be read; their addresses are not known any more
    List {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Revoke a calendar: its address reads nothing from now on
    Revoke {
        /// The id, as `list` tells it
        #[arg(value_parser = feed_id)]
        id: CalendarFeedId,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

fn feed_id(text: &str) -> Result<CalendarFeedId, String> {
    CalendarFeedId::parse(text).ok_or_else(|| "it is no id of a calendar".to_owned())
}

/// A feed in a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    name: String,
    tenant: Option<Tenant>,
    is_of_all_tenants: bool,
    created_at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Tenant {
    key: String,
}

pub(super) fn run(arguments: &CalendarArgs, environment: &Environment) -> Result<(), Failure> {
    match &arguments.action {
        CalendarAction::Create {
            name,
            tenant,
            config,
        } => {
            let config = config.load_quietly(environment)?;
            let address = block_on(create(&config, environment, name, tenant.as_ref()))?;
            output::print(&format!(
                "Subscribe to this address in a calendar program. It is shown once:\n\n  {address}\n"
            ));
        }
        CalendarAction::List { config } => {
            let config = config.load_quietly(environment)?;
            output::print(&table(&block_on(list(&config, environment))?));
        }
        CalendarAction::Revoke { id, config } => {
            let config = config.load_quietly(environment)?;
            block_on(revoke(&config, environment, *id))?;
            output::print("revoked\n");
        }
    }
    Ok(())
}

/// The parts of a server on this data directory, or the server that runs on it.
enum Answering {
    Here(Core),
    There(Remote),
}

async fn answering(config: &Config, environment: &Environment) -> Result<Answering, Failure> {
    match open_offline(config, Arc::new(SystemClock)).await {
        Ok(core) => Ok(Answering::Here(core)),
        Err(StartError::Store(OpenError::InUse { .. })) => {
            Ok(Answering::There(Remote::new(config, environment)?))
        }
        Err(error) => Err(error.into()),
    }
}

async fn create(
    config: &Config,
    environment: &Environment,
    name: &str,
    tenant: Option<&TenantKey>,
) -> Result<String, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        create_calendar_feed: Created,
    }
    #[derive(Deserialize)]
    struct Created {
        address: String,
    }
    match answering(config, environment).await? {
        Answering::Here(core) => {
            let made = core.coordinator.create_calendar_feed(name, tenant.cloned());
            Ok(made.await?.address.expose_secret().to_owned())
        }
        Answering::There(remote) => {
            let tenant = match tenant {
                Some(key) => Value::String(remote.tenant(key).await?.id),
                None => Value::Null,
            };
            let query = "mutation($input: CalendarFeedInput!) \
                { createCalendarFeed(input: $input) { address } }";
            let input = json!({ "input": { "name": name, "tenant": tenant } });
            let answer: Answer = remote.ask(query, input).await?;
            Ok(answer.create_calendar_feed.address)
        }
    }
}

async fn list(config: &Config, environment: &Environment) -> Result<Vec<Row>, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        calendar_feeds: Vec<Row>,
    }
    match answering(config, environment).await? {
        Answering::Here(core) => {
            let feeds = core.coordinator.calendar_feeds().into_iter();
            Ok(feeds
                .map(|feed| Row {
                    id: feed.id.to_string(),
                    name: feed.name,
                    is_of_all_tenants: feed.tenant.is_none(),
                    tenant: feed.tenant.map(|key| Tenant {
                        key: key.to_string(),
                    }),
                    created_at: feed.created_at.to_string(),
                })
                .collect())
        }
        Answering::There(remote) => {
            let query = "{ calendarFeeds { id name tenant { key } isOfAllTenants createdAt } }";
            let answer: Answer = remote.ask(query, json!({})).await?;
            Ok(answer.calendar_feeds)
        }
    }
}

async fn revoke(
    config: &Config,
    environment: &Environment,
    id: CalendarFeedId,
) -> Result<(), Failure> {
    match answering(config, environment).await? {
        Answering::Here(core) => match core.coordinator.revoke_calendar_feed(id).await? {
            true => Ok(()),
            false => Err(Failure::new(
                Exit::Failed,
                "There is no such calendar feed.".to_owned(),
            )),
        },
        Answering::There(remote) => {
            let query = "mutation($id: ID!) { revokeCalendarFeed(id: $id) }";
            let id = json!({ "id": id.to_string() });
            let _: Value = remote.ask(query, id).await?;
            Ok(())
        }
    }
}

fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no calendar feeds; make one with `seatwise calendar create NAME`\n".to_owned();
    }
    let line = |row: &Row| {
        let tenant = match (&row.tenant, row.is_of_all_tenants) {
            (Some(tenant), _) => tenant.key.as_str(),
            (None, true) => "all tenants",
            (None, false) => "a tenant that is not configured",
        };
        let made = row.created_at.split('T').next().unwrap_or_default();
        format!("{}  {made}  {tenant}  {}\n", row.id, row.name)
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_whose_renewals_each_has() {
        let row = |tenant: Option<&str>, is_of_all_tenants| Row {
            id: "7".to_owned(),
            name: "Purchasing".to_owned(),
            tenant: tenant.map(|key| Tenant {
                key: key.to_owned(),
            }),
            is_of_all_tenants,
            created_at: "2026-03-15T12:00:00Z".to_owned(),
        };
        let rows = [
            row(Some("contoso"), false),
            row(None, true),
            row(None, false),
        ];
        assert_eq!(
            table(&rows),
            "7  2026-03-15  contoso  Purchasing\n7  2026-03-15  all tenants  Purchasing\n\
             7  2026-03-15  a tenant that is not configured  Purchasing\n"
        );
        assert!(table(&[]).contains("calendar create"));
    }
}
