//! `seatwise webhook test NAME`: whether a receiver gets what it is to be told.

use std::sync::Arc;

use clap::{Args, Subcommand};

use crate::app::test_webhook;
use crate::clock::SystemClock;

use super::exit::{Exit, Failure};
use super::{ConfigArgs, Environment, block_on, output};

#[derive(Debug, Args)]
pub(super) struct WebhookArgs {
    #[command(subcommand)]
    action: WebhookAction,
}

#[derive(Debug, Subcommand)]
enum WebhookAction {
    /// Send a test event to a webhook, once, and say what it answered
    ///
    /// It is signed as every event is. No server needs to run.
    Test {
        /// The webhook, as its section in config.toml is called
        name: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(super) fn run(arguments: &WebhookArgs, environment: &Environment) -> Result<(), Failure> {
    let WebhookAction::Test { name, config } = &arguments.action;
    let config = config.load_quietly(environment)?;
    let webhook = config.webhooks.iter().find(|webhook| webhook.name == *name);
    let Some(webhook) = webhook else {
        let message = format!("the configuration has no section [webhooks.{name}]");
        return Err(Failure::new(Exit::Config, message));
    };
    block_on(async {
        match test_webhook(&config, webhook, Arc::new(SystemClock)).await {
            Ok(status) => {
                output::print(&format!("{name}: delivered, it answered {status}\n"));
                Ok(())
            }
            Err(error) => Err(Failure::new(
                Exit::Failed,
                format!("{name}: not delivered: {error}"),
            )),
        }
    })
}
