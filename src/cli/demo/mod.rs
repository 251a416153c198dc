//! `seatwise demo`: the whole server, on a simulated organization.

mod money;

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use secrecy::ExposeSecret as _;

use crate::app::App;
use crate::clock::SystemClock;
use crate::config::{Config, Sources};
use crate::domain::ids::TenantKey;
use crate::simulator::{Settings, Simulator};
use crate::sync::{Coordinator, random_secret};
use crate::telemetry;

use super::exit::{Exit, Failure};
use super::serve::{Signals, start_metrics, until_stopped};
use super::{Environment, block_on, output};

/// What the organization is called in addresses.
const TENANT: &str = "contoso";

/// The question that this product was made for.
const QUERY: &str = r#"{ users(filter: {department: {eq: \"Sales\"}, isResourceAccount: false, licenseNames: {hasSome: [\"Microsoft 365 E3\"]}, userType: {eq: MEMBER}}, first: 50) { totalCount nodes { displayName department licenseNames licenseValues userType } } }"#;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// How many users the simulated organization has
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    users: u32,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8365")]
    listen: SocketAddr,
}

pub(super) fn run(arguments: &DemoArgs) -> Result<(), Failure> {
    let io =
        |error: std::io::Error| Failure::new(Exit::Io, format!("the demo cannot start: {error}"));
    let directory = tempfile::Builder::new()
        .prefix("seatwise-demo-")
        .tempdir()
        .map_err(io)?;
    let random =
        || random_secret().map_err(|missing| Failure::new(Exit::Internal, missing.to_string()));
    let (token, key) = (random()?, random()?);
    let (token, key) = (token.expose_secret(), key.expose_secret());
    block_on(async {
        let signals = Signals::listen()?;
        let simulator = Simulator::start(Settings {
            users: u64::from(arguments.users),
            // Loopback is faster than compression.
            compress: false,
            ..Settings::default()
        })
        .map_err(io)?;
        let config = Config::load(&Sources {
            file: None,
            environment: settings(arguments.listen, &simulator, token, key),
            // Not the operator's: a demo beside a config.toml is still a demo, and leaves no data.
            directory: directory.path().to_owned(),
        })?;
        telemetry::start_logging(config.log, Arc::new(SystemClock));
        let app = App::start(config, Arc::new(SystemClock), start_metrics()).await?;
        let coordinator = Arc::clone(app.coordinator());
        money::tell_prices(&coordinator).await?;
        output::print(&greeting(app.address(), token, arguments.users));
        let served = until_stopped(app, signals);
        tokio::pin!(served);
        tokio::select! {
            ended = &mut served => return ended,
            declared = declare_terms(&coordinator) => declared?,
        }
        served.await
    })
}

/// A demo without terms is still one.
async fn declare_terms(coordinator: &Coordinator) -> Result<(), Failure> {
    let tenant = TenantKey::parse(TENANT)
        .map_err(|invalid| Failure::new(Exit::Internal, invalid.to_string()))?;
    if let Err(refusal) = money::declare_terms(coordinator, &tenant).await {
        tracing::warn!(%refusal, "the demo has no terms of its purchases");
    }
    Ok(())
}

/// The demo is configured as any server is: there is no second way to make a `Config`.
fn settings(listen: SocketAddr, simulator: &Simulator, token: &str, key: &str) -> Environment {
    let tenant = |key: &str| format!("TENANTS__{}__{key}", TENANT.to_uppercase());
    let pairs = [
        ("SERVER__LISTEN".to_owned(), listen.to_string()),
        ("SERVER__PUBLIC_URL".to_owned(), public_url(listen)),
        ("STORAGE__FREE_BYTES_MIN".to_owned(), "0".to_owned()),
        ("AUTH__ADMIN_TOKEN".to_owned(), token.to_owned()),
        ("SECURITY__ENCRYPTION_KEY".to_owned(), key.to_owned()),
        ("LOG__LEVEL".to_owned(), "warn".to_owned()),
        (tenant("TENANT_ID"), simulator.tenant_id()),
        (tenant("CLIENT_ID"), simulator.client_id()),
        (tenant("CLIENT_SECRET"), simulator.client_secret()),
        (tenant("LOGIN_URL"), simulator.login_url().to_owned()),
        (tenant("GRAPH_URL"), simulator.graph_url().to_owned()),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (format!("SEATWISE_{name}").into(), value.into()))
        .collect()
}

/// What a browser on this machine calls the demo.
fn public_url(listen: SocketAddr) -> String {
    format!("http://localhost:{}", listen.port())
}

fn greeting(address: SocketAddr, token: &str, users: u32) -> String {
    let page = public_url(address);
    format!(
        "A simulated organization of {} users, being read now. Nothing leaves this machine.\n\
         Prices and terms are invented, and show once it is read.\n\n\
         Open   {page}/#token={token}\n\
         Token  {token}\n\
         Ask    curl -s {page}/graphql -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' -d '{{\"query\":\"{QUERY}\"}}'\n\n\
         Ctrl-C ends the demo and removes its data.\n",
        super::progress::grouped(users.into()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_has_a_page_a_token_and_a_curl_line_that_is_one_json_body() {
        let text = greeting("127.0.0.1:41234".parse().unwrap(), "abc", 1_000_000);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "A simulated organization of 1,000,000 users, being read now. Nothing leaves this machine."
        );
        assert_eq!(
            lines[1],
            "Prices and terms are invented, and show once it is read."
        );
        assert_eq!(lines[3], "Open   http://localhost:41234/#token=abc");
        assert_eq!(lines[4], "Token  abc");
        let (command, body) = lines[5].split_once(" -d ").unwrap();
        assert_eq!(
            command,
            "Ask    curl -s http://localhost:41234/graphql -H 'Authorization: Bearer abc' -H 'Content-Type: application/json'"
        );
        let body: serde_json::Value = serde_json::from_str(body.trim_matches('\'')).unwrap();
        assert!(body["query"].as_str().unwrap().contains("{eq: \"Sales\"}"));
    }
}
