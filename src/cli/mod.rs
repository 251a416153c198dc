//! What a person runs: one file a command.
//!
//! Commands that need the data directory open it themselves; while a server holds it, they ask that
//! server over HTTP instead (`remote`). What a command has to say goes to standard output, logs and
//! complaints go to standard error, and the exit code tells scripts how it went.

mod calendar;
mod catalog;
mod completions;
mod connect;
mod demo;
mod doctor;
mod exit;
mod export;
mod output;
mod prices;
mod progress;
mod reclaim_plan;
mod remote;
mod schema;
mod serve;
mod sync;
mod webhook;
mod whole_file;

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use crate::clock::SystemClock;
use crate::config::{Config, ConfigError, Sources};
use crate::telemetry::{self, LogLevel, LogSettings};

use exit::{Exit, Failure};

/// Names and values of the process, as `main` collected them.
type Environment = Vec<(OsString, OsString)>;

const LONG_ABOUT: &str = "\
Seatwise reads who holds which Microsoft 365 license from Microsoft Graph, keeps it, and answers it \
over GraphQL. It only reads: nothing is ever changed at Microsoft.";

const AFTER_LONG_HELP: &str = "\
Examples:
  seatwise demo                          A simulated organization, ready in seconds
  seatwise serve                         Serve what ./config.toml names
  seatwise doctor                        Say what does not work yet, and the remedy
  seatwise sync --tenant contoso         Read one tenant now
  seatwise prices import prices.csv      Tell what seats cost
  seatwise export users -o users.csv     The whole list as CSV, JSON Lines or Parquet
  seatwise reclaim-plan -o plan.csv      What to do so that seats come free
  seatwise schema > schema.graphql       The GraphQL schema, for code generators

Environment:
  SEATWISE_<SECTION>__<KEY>              A setting, above the file: SEATWISE_SYNC__TIMEZONE=UTC
  SEATWISE_<SECTION>__<KEY>_FILE         A secret from a file that only its owner can read
  SEATWISE_CONFIG                        The configuration file, as --config
  SEATWISE_TOKEN                         The token for asking a running server
  config.toml of the source documents every setting with its unit and default.

Exit codes:
   0  done
   1  what was asked for failed: a sync is not complete, the doctor found a problem
   2  wrong arguments
  69  the server cannot be reached
  70  a fault of this program
  73  another process uses the data directory
  74  a file or an address cannot be used, or the data is damaged
  75  the disk of the data directory is full
  77  the token is missing or was refused
  78  the configuration or the encryption key is wrong";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "seatwise",
    version,
    about = "Who holds which Microsoft 365 license, answered over GraphQL",
    long_about = LONG_ABOUT,
    after_long_help = AFTER_LONG_HELP,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the GraphQL API and keep the configured tenants in sync
    ///
    /// Without any configuration it starts too, and says what to do next. The very first start makes
    /// an encryption key (./seatwise.key) and an administrator's token, which is printed once.
    /// SIGTERM and Ctrl-C end it after running requests; the second one ends it at once.
    Serve(ConfigArgs),
    /// Serve a simulated organization: no Microsoft tenant, no configuration
    ///
    /// Starts a simulated Microsoft Graph on this machine, syncs it over HTTP and serves the result.
    /// Everything is kept in a temporary directory and gone afterwards.
    Demo(demo::DemoArgs),
    /// Read tenants from Microsoft once, then exit
    ///
    /// Shows a bar for each dataset on a terminal, plain lines elsewhere. While a server runs on the
    /// same data directory, that server syncs: give its token in `SEATWISE_TOKEN`.
    Sync(sync::SyncArgs),
    /// Check configuration, storage, sign-in and permissions, and say the remedy
    Doctor(ConfigArgs),
    /// Connect a tenant: prints the address where a service account signs in
    ///
    /// The address is good once, for 10 minutes. The server must be running, and `SEATWISE_TOKEN` must
    /// hold its token: the browser comes back to it.
    Connect(connect::ConnectArgs),
    /// Write a list to a file: users, licenses, groups, findings or prices
    ///
    /// The running server reads the whole list from one moment and sends it as it reads it; give its
    /// token in `SEATWISE_TOKEN`. A file appears only once it is whole, readable for its owner alone, and
    /// replaces one of the same name.
    #[command(after_long_help = export::EXAMPLES)]
    Export(export::ExportArgs),
    /// Let calendar programs subscribe to the renewals
    Calendar(calendar::CalendarArgs),
    /// Keep the names of products new
    Catalog(catalog::CatalogArgs),
    /// Take the price book to a spreadsheet and back
    Prices(prices::PricesArgs),
    /// Write what to do so that seats come free: a list, or a script
    ///
    /// Nothing is changed, here or at Microsoft: the script is for an administrator to read and to run. The
    /// seats are those of open findings, each once; each step names the user, the license, and whether
    /// it is assigned directly or by groups. The running server is asked: give its token in
    /// `SEATWISE_TOKEN`. A file names people and is readable for its owner alone.
    #[command(after_long_help = reclaim_plan::EXAMPLES)]
    ReclaimPlan(reclaim_plan::ReclaimPlanArgs),
    /// Try the addresses that events are sent to
    Webhook(webhook::WebhookArgs),
    /// Print the GraphQL schema (SDL)
    Schema,
    /// Print a completion script for a shell
    ///
    /// For bash: `seatwise completions bash > /etc/bash_completion.d/seatwise`
    Completions(completions::CompletionsArgs),
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// Configuration file [default: ./config.toml, where there is one]
    #[arg(
        long,
        value_name = "FILE",
        env = "SEATWISE_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    fn sources(&self, environment: &Environment) -> Sources {
        Sources {
            file: self.config.clone(),
            environment: environment.clone(),
            directory: PathBuf::new(),
        }
    }

    /// Loads the configuration and, since now it is known how, begins to log.
    fn load(&self, environment: &Environment) -> Result<Config, Failure> {
        let config = Config::load(&self.sources(environment))?;
        telemetry::start_logging(config.log, Arc::new(SystemClock));
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        Ok(config)
    }

    /// As `load`, for commands that say themselves what they do: they log only what goes wrong,
    /// unless the operator wants more than usual.
    fn load_quietly(&self, environment: &Environment) -> Result<Config, ConfigError> {
        let config = Config::load(&self.sources(environment))?;
        let level = match config.log.level {
            LogLevel::Info => LogLevel::Warn,
            level => level,
        };
        let settings = LogSettings {
            level,
            ..config.log
        };
        telemetry::start_logging(settings, Arc::new(SystemClock));
        Ok(config)
    }
}

/// Runs one command to its end.
pub fn run(cli: Cli, environment: Vec<(OsString, OsString)>) -> ExitCode {
    let done = match &cli.command {
        Command::Serve(arguments) => serve::run(arguments, &environment),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Sync(arguments) => sync::run(arguments, &environment),
        Command::Doctor(arguments) => doctor::run(arguments, &environment),
        Command::Connect(arguments) => connect::run(arguments, &environment),
        Command::Export(arguments) => export::run(arguments, &environment),
        Command::Calendar(arguments) => calendar::run(arguments, &environment),
        Command::Catalog(arguments) => catalog::run(arguments, &environment),
        Command::Prices(arguments) => prices::run(arguments, &environment),
        Command::ReclaimPlan(arguments) => reclaim_plan::run(arguments, &environment),
        Command::Webhook(arguments) => webhook::run(arguments, &environment),
        Command::Schema => schema::run(),
        Command::Completions(arguments) => completions::run(arguments),
    };
    match done {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            output::complain(&failure.message);
            failure.exit.into()
        }
    }
}

/// Runs the asynchronous part of a command.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("no runtime: {error}")))?
        .block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_teaches() {
        let mut command = Cli::command().term_width(100);
        command.build();
        let mut text = command.render_long_help().to_string();
        let update = command
            .find_subcommand("catalog")
            .unwrap()
            .find_subcommand("update");
        let grouped = ["prices", "calendar", "webhook"].into_iter();
        let grouped = grouped.filter_map(|name| command.find_subcommand(name));
        let grouped = grouped.flat_map(|group| group.get_subcommands());
        for command in command.get_subcommands().chain(update).chain(grouped) {
            // What clap says of its own `help` is not ours.
            if command.get_name() != "help" {
                let mut command = command.clone();
                text += &format!("\n{}\n{}", "-".repeat(100), command.render_long_help());
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn arguments_are_read() {
        let check = |line: &str, valid: bool| {
            let words = line.split(' ');
            assert_eq!(Cli::try_parse_from(words).is_ok(), valid, "{line}");
        };
        check("seatwise serve --config x.toml", true);
        check("seatwise demo --users 1000000 --listen 127.0.0.1:0", true);
        check("seatwise demo --users 0", false);
        check("seatwise demo --users 5000001", false);
        check("seatwise demo --listen nowhere", false);
        check("seatwise sync --tenant contoso", true);
        check("seatwise sync --tenant ../x", false);
        check("seatwise connect", false);
        check("seatwise catalog update list.csv", true);
        check("seatwise prices export", true);
        check("seatwise prices export prices.csv", true);
        check("seatwise prices import -", true);
        check("seatwise prices import", false);
        check("seatwise export users --format parquet --output x", true);
        check("seatwise export users --format xls", false);
        check("seatwise export everything", false);
        check("seatwise calendar create Purchasing --tenant contoso", true);
        check("seatwise calendar create", false);
        check("seatwise calendar list", true);
        check("seatwise calendar revoke 7", false);
        check(
            "seatwise reclaim-plan --tenant contoso --format powershell",
            true,
        );
        check("seatwise reclaim-plan --format xls", false);
        check("seatwise completions zsh", true);
        check("seatwise", false);
    }
}
