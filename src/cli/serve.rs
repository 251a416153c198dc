//! `seatwise serve`

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::telemetry;

use super::exit::{Exit, Failure};
use super::{ConfigArgs, Environment, block_on, output};

pub(super) fn run(arguments: &ConfigArgs, environment: &Environment) -> Result<(), Failure> {
    let config = arguments.load(environment)?;
    let facts = Facts::of(&config);
    block_on(async {
        let signals = Signals::listen()?;
        let app = App::start(config, Arc::new(SystemClock), start_metrics()).await?;
        output::print(&greeting(app.address(), app.new_admin_token(), &facts));
        app.keep_new_admin_token().await?;
        if !facts.has_tenants {
            tracing::warn!(
                "no tenant is configured: add [tenants.NAME] to config.toml and start again"
            );
        }
        until_stopped(app, signals).await
    })
}

/// Serves until a signal comes, then ends in an orderly way; a second signal ends it at once.
pub(super) async fn until_stopped(app: App, mut signals: Signals) -> Result<(), Failure> {
    let shutdown = CancellationToken::new();
    let served = app.run_until_stopped(shutdown.clone());
    tokio::pin!(served);
    tokio::select! {
        result = &mut served => return Ok(result?),
        () = signals.next() => shutdown.cancel(),
    }
    tracing::info!("stopping; once more stops at once");
    tokio::select! {
        result = &mut served => Ok(result?),
        () = signals.next() => Err(Failure::new(Exit::Failed, "stopped at once, in the middle of requests")),
    }
}

/// Metrics are worth a warning, not a failed start.
pub(super) fn start_metrics() -> Option<PrometheusHandle> {
    telemetry::start_metrics()
        .inspect_err(|error| tracing::warn!(%error, "there will be no metrics"))
        .ok()
}

/// SIGTERM and SIGINT. Listened to from before the start, so that one that comes early is not lost.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::new(Exit::Internal, format!("no signals: {error}")))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What the greeting says of the configuration.
struct Facts {
    has_tenants: bool,
    /// Where browsers go; none where the port is only known after the start.
    public_url: Option<String>,
}

impl Facts {
    fn of(config: &Config) -> Self {
        let public_url = config.server.public_url.as_str().trim_end_matches('/');
        Self {
            has_tenants: !config.tenants.is_empty(),
            public_url: (config.server.listen.port() != 0).then(|| public_url.to_owned()),
        }
    }
}

/// What is printed once the server answers.
fn greeting(address: SocketAddr, made_token: Option<&SecretString>, facts: &Facts) -> String {
    let here = format!("http://{address}");
    let page = facts.public_url.as_ref().unwrap_or(&here);
    // Writing to a String cannot fail.
    let mut text = format!("Seatwise listens on {here}\n");
    if let Some(token) = made_token {
        let token = token.expose_secret();
        let _ = write!(
            text,
            "\nThe administrator's token, shown this once (only its hash is kept):\n\n  {token}\n\n"
        );
    }
    let _ = writeln!(text, "Queries: {page}/graphiql");
    if !facts.has_tenants {
        let _ = write!(
            text,
            "\nNo tenant is configured yet. Next:\n  \
             1. Register an application in Microsoft Entra with the permissions that {page}/ lists.\n  \
             2. Write its ids under [tenants.NAME] in config.toml and start again.\n  \
             3. Run `seatwise doctor`: it says what is still missing.\n\
             Or see it work at once: `seatwise demo`.\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(has_tenants: bool) -> Facts {
        Facts {
            has_tenants,
            public_url: Some("https://seats.example".into()),
        }
    }

    #[test]
    fn a_configured_server_says_where_it_is() {
        let address = "127.0.0.1:8365".parse().unwrap();
        assert_eq!(
            greeting(address, None, &facts(true)),
            "Seatwise listens on http://127.0.0.1:8365\nQueries: https://seats.example/graphiql\n"
        );
    }

    #[test]
    fn a_free_port_is_printed() {
        let address = "127.0.0.1:41234".parse().unwrap();
        let facts = Facts {
            has_tenants: true,
            public_url: None,
        };
        assert_eq!(
            greeting(address, None, &facts),
            "Seatwise listens on http://127.0.0.1:41234\nQueries: http://127.0.0.1:41234/graphiql\n"
        );
    }

    #[test]
    fn the_first_start_shows_its_token_and_the_next_steps() {
        let text = greeting(
            "127.0.0.1:8365".parse().unwrap(),
            Some(&"s3cret".into()),
            &facts(false),
        );
        insta::assert_snapshot!(text, @r"
        Seatwise listens on http://127.0.0.1:8365

        The administrator's token, shown this once (only its hash is kept):

          s3cret

        Queries: https://seats.example/graphiql

        No tenant is configured yet. Next:
          1. Register an application in Microsoft Entra with the permissions that https://seats.example/ lists.
          2. Write its ids under [tenants.NAME] in config.toml and start again.
          3. Run `seatwise doctor`: it says what is still missing.
        Or see it work at once: `seatwise demo`.
        ");
    }
}
