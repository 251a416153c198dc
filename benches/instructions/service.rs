//! The product in this process, without a port: a request's bytes in, an answer's bytes out.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::rt::System;
use actix_web::{App, test};
use bytes::Bytes;
use seatwise::api;
use seatwise::api::auth::{AccessControl, TokenDigest};
use seatwise::api::health::Health;
use seatwise::api::http::Endpoint;
use seatwise::api::schema::Parts;
use seatwise::api::server::Server;
use seatwise::app::Core;
use seatwise::clock::SystemClock;
use seatwise::config::{Config, Sources};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{Outcome, organization};

const TOKEN: &str = "the-token-of-the-benchmark-0123456789";
const KEY: &str = "4f1c2d3e4f5a6b7c8d9eafb0c1d2e3f405162738495a6b7c8d9eafb0c1d2e3f4";

/// Does work that asks the product, all of it on this thread: what is counted has no other.
pub(crate) fn serve(work: impl FnOnce(&dyn Fn(&str) -> Bytes) -> Outcome<()>) -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let config = config(directory.path())?;
    let core = Core::open(&config, Arc::new(SystemClock))?;
    core.engine.publish(organization::index()?);
    let system = System::new();
    let runtime = system.block_on(async { Handle::current() });
    let routes = server(config, &core, runtime).into_routes();
    let app = system.block_on(test::init_service(App::new().configure(routes)));
    work(&|body| {
        let request = test::TestRequest::post()
            .uri("/graphql")
            .insert_header((header::AUTHORIZATION, format!("Bearer {TOKEN}")))
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .set_payload(body.to_owned())
            .to_request();
        system.block_on(test::call_and_read_body(&app, request))
    })
}

fn config(directory: &std::path::Path) -> Outcome<Config> {
    let storage = format!("sled:{}", directory.join("data").display());
    let settings = [
        ("STORAGE__URL", storage.as_str()),
        ("STORAGE__FREE_BYTES_MIN", "0"),
        ("AUTH__ADMIN_TOKEN", TOKEN),
        ("SECURITY__ENCRYPTION_KEY", KEY),
        // Each answer is made anew.
        ("LIMITS__ANSWERS_KEPT_BYTES_MAX", "0"),
    ];
    let settings = settings.map(|(name, value)| (format!("SEATWISE_{name}").into(), value.into()));
    let sources = Sources {
        file: None,
        environment: settings.into(),
        directory: directory.to_owned(),
    };
    Ok(Config::load(&sources).map_err(|error| error.to_string())?)
}

fn server(config: Config, core: &Core, runtime: Handle) -> Server {
    let limits = config.server.limits.clone();
    let schema = api::schema::build(Parts {
        coordinator: Arc::clone(&core.coordinator),
        cursor_key: [7; 32],
        limits: limits.clone(),
    });
    let attach = Arc::new(api::schema::attach(&schema));
    let planner = api::schema::planner(&schema, &limits);
    let failures_max = limits.failed_tokens_per_minute_max;
    Server {
        endpoint: Endpoint::new(schema, attach, limits, runtime).with_planner(planner),
        access: Arc::new(AccessControl::new(TokenDigest::of(TOKEN), failures_max)),
        sign_in: Arc::clone(&core.coordinator) as _,
        calendars: Arc::new(|_| None),
        health: Arc::new(|| Health {
            is_ready: true,
            degraded: Vec::new(),
        }),
        pages: Arc::new(api::pages::asset),
        metrics: None,
        shutdown: CancellationToken::new(),
        settings: config.server,
    }
}
