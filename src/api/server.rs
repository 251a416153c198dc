//! The HTTP server: its routes, its limits on connections, its start and its end.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, FromRequest, Handler, HttpResponse, HttpServer, Resource, dev};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use crate::api::auth::AccessControl;
use crate::api::calendar::{self, Calendars};
use crate::api::connect::{self, SignIn};
use crate::api::connections::Connections;
use crate::api::export;
use crate::api::health::{self, HealthCheck};
use crate::api::http::{self, Endpoint};
use crate::api::metrics;
use crate::api::origin::Origins;
use crate::api::places::Places;
use crate::api::settings::ServerSettings;
use crate::api::shell;
use crate::api::web::{Pages, page};

/// How long a request's head may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may be silent between requests.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long we wait for a client to close after an answer that it did not wait for.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// What a server is made of.
pub struct Server {
    /// Where and how to serve.
    pub settings: ServerSettings,
    /// GraphQL.
    pub endpoint: Endpoint,
    /// Who is let in.
    pub access: Arc<AccessControl>,
    /// What `/connect/…` asks.
    pub sign_in: Arc<dyn SignIn>,
    /// What `/calendar/…` answers.
    pub calendars: Calendars,
    /// What `/healthz` and `/readyz` tell.
    pub health: HealthCheck,
    /// Static pages.
    pub pages: Pages,
    /// What `/metrics` renders; without one it is empty.
    pub metrics: Option<PrometheusHandle>,
    /// Cancelled to stop: no new requests, running ones have `settings.shutdown_grace` to end,
    /// subscriptions are closed at once.
    pub shutdown: CancellationToken,
}

/// What handlers share.
pub(super) struct Shared {
    pub(super) settings: ServerSettings,
    pub(super) endpoint: Endpoint,
    pub(super) access: Arc<AccessControl>,
    pub(super) sign_in: Arc<dyn SignIn>,
    pub(super) calendars: Calendars,
    pub(super) health: HealthCheck,
    pub(super) pages: Pages,
    pub(super) metrics: Option<PrometheusHandle>,
    pub(super) shutdown: CancellationToken,
    pub(super) origins: Origins,
    /// What was answered.
    pub(super) requests: metrics::Requests,
    /// Headers of every answer.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Requests that came through trusted proxies, by the address that they name.
    pub(super) proxied: Places<IpAddr>,
}

/// A server that has its port and its threads, and runs while it is awaited.
pub struct Listening {
    address: SocketAddr,
    server: dev::Server,
    connections: Connections,
}

impl Server {
    /// Takes the port of the settings; see [`Self::listen_on`].
    pub fn listen(self) -> io::Result<Listening> {
        let listener = TcpListener::bind(self.settings.listen)?;
        self.listen_on(listener)
    }

    /// Starts the threads that serve a port which is taken already; needs a Tokio runtime around it.
    pub fn listen_on(self, listener: TcpListener) -> io::Result<Listening> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Data::new(Shared::from(self));
        if shared.metrics.is_some() {
            metrics::describe();
        }
        let shutdown = shared.shutdown.clone();
        let grace = shared.settings.shutdown_grace;
        let settings = &shared.settings;
        let connections = Connections::new(
            settings.connections_per_address_max,
            &settings.trusted_proxies,
        );
        let admitting = connections.clone();

        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&shared))
                .wrap(from_fn(shell::shell))
                .configure(routes)
                .default_service(web::to(http::not_found))
        })
        .on_connect(move |io, extensions| admitting.admit(io, extensions))
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        // Who hangs up wants no answer: what runs for it ends.
        .h1_allow_half_closed(false)
        .shutdown_signal(shutdown.cancelled_owned())
        .shutdown_timeout(http::seconds_up(grace))
        .listen(listener)?
        .run();
        Ok(Listening {
            address,
            server,
            connections,
        })
    }
}

impl Server {
    /// Its routes alone, for an app without a port and without the shell around them: what is counted
    /// is what happens to a request inside.
    pub fn into_routes(self) -> impl FnOnce(&mut web::ServiceConfig) {
        let shared = Data::new(Shared::from(self));
        move |app| {
            app.app_data(shared).configure(routes);
        }
    }
}

impl From<Server> for Shared {
    fn from(server: Server) -> Self {
        Self {
            origins: Origins::new(&server.settings),
            requests: metrics::Requests::default(),
            headers: shell::security_headers(&server.settings.public_url),
            proxied: Places::new(server.settings.connections_per_address_max),
            settings: server.settings,
            endpoint: server.endpoint,
            access: server.access,
            sign_in: server.sign_in,
            calendars: server.calendars,
            health: server.health,
            pages: server.pages,
            metrics: server.metrics,
            shutdown: server.shutdown,
        }
    }
}

impl Listening {
    /// Where it listens; the real port where a free one was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the shutdown token is cancelled and what ran then has ended or run out of grace.
    pub async fn run(self) -> io::Result<()> {
        tokio::select! {
            stopped = self.server => stopped,
            never = self.connections.keep_sweeping() => match never {},
        }
    }

    /// The open connections, for a test to look through ahead of time.
    #[cfg(test)]
    pub(super) fn connections(&self) -> Connections {
        self.connections.clone()
    }
}

/// Every route on one page.
fn routes(app: &mut web::ServiceConfig) {
    app.route("/graphql", web::to(http::graphql))
        .route("/export/{list}", web::to(export::export))
        .service(to_read("/healthz", health::healthz))
        .service(to_read("/readyz", health::readyz))
        .service(to_read("/metrics", health::metrics))
        .service(to_use_once("/connect/callback", connect::callback))
        .service(to_use_once("/connect/{tenant}", connect::begin))
        .service(to_read("/calendar/{token}.ics", calendar::feed))
        .service(to_read("/", page))
        .service(to_read("/graphiql", page))
        .service(to_read("/assets/{file:.*}", page))
        .service(to_read("/favicon.svg", page))
        .service(to_read("/licenses.txt", page));
}

/// A link that GET uses up. HEAD, with which programs look where links lead, must leave it as it is.
fn to_use_once<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args, Output = HttpResponse> + Copy,
    Args: FromRequest + 'static,
{
    web::resource(path)
        .route(web::get().to(handler))
        .route(web::head().to(connect::unused))
        .default_service(web::to(http::only_to_read))
}

/// Something that is only read, by GET and HEAD.
fn to_read<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args, Output = HttpResponse> + Copy,
    Args: FromRequest + 'static,
{
    web::resource(path)
        .route(web::get().to(handler))
        .route(web::head().to(handler))
        .default_service(web::to(http::only_to_read))
}
