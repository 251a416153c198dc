//! All hosts over real HTTP: takes requests in, hands answers out, and breaks off where told to.

use std::io;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use actix_web::App;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::HttpServer;
use actix_web::body::SizedStream;
use actix_web::dev::Server;
use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::rt::time::sleep;
use actix_web::web;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt as _;
use futures_util::future;
use futures_util::stream;

use super::faults;
use super::message::Answer;
use super::message::Delivery;
use super::message::Host;
use super::message::Request;
use super::world::World;

/// Connections that nobody uses stay open for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Shorter bodies are not worth compressing.
const COMPRESSED_FROM: usize = 1024;

/// Stops the servers.
pub(crate) type Handles = [ServerHandle; 3];

/// Serves until the servers are stopped; says through `started` how to do that.
pub(crate) fn run(
    world: Arc<World>,
    [login, graph, downloads]: [TcpListener; 3],
    workers: usize,
    started: &Sender<io::Result<Handles>>,
) {
    actix_web::rt::System::new().block_on(async {
        let all = serve(&world, Host::Login, login, 1).and_then(|login| {
            let graph = serve(&world, Host::Graph, graph, workers)?;
            Ok((
                login,
                graph,
                serve(&world, Host::Downloads, downloads, workers)?,
            ))
        });
        match all {
            Err(error) => {
                let _ = started.send(Err(error));
            }
            Ok((login, graph, downloads)) => {
                let handles = [login.handle(), graph.handle(), downloads.handle()];
                let _ = started.send(Ok(handles));
                let _ = future::join3(login, graph, downloads).await;
            }
        }
    });
}

fn serve(
    world: &Arc<World>,
    host: Host,
    listener: TcpListener,
    workers: usize,
) -> io::Result<Server> {
    let world = web::Data::from(Arc::clone(world));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(world.clone())
            .app_data(web::PayloadConfig::new(1024 * 1024))
            .default_service(web::to(move |world, request, body| {
                handle(host, world, request, body)
            }))
    });
    let server = server
        .workers(workers.max(1))
        .keep_alive(KEEP_ALIVE)
        .disable_signals()
        .shutdown_timeout(0);
    Ok(server.listen(listener)?.run())
}

async fn handle(
    host: Host,
    world: web::Data<World>,
    http: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let request = request_of(&http, &body);
    let ticket = world.recorder.arrived(host, &request);
    let strike = world.faults.strike(host, &request);
    match strike
        .as_ref()
        .map_or(Some(Duration::ZERO), faults::Strike::delay)
    {
        None => future::pending().await,
        Some(delay) => {
            let latency = match host {
                Host::Login => Duration::ZERO,
                Host::Graph | Host::Downloads => world.latency(),
            };
            let wait = delay.saturating_add(latency);
            if !wait.is_zero() {
                sleep(wait).await;
            }
        }
    }
    let mut answer = faults::answer(&world, host, &request, strike.as_ref());
    if world.compresses && answer.delivery == Delivery::Whole && accepts_gzip(&request) {
        compress(&mut answer);
    }
    ticket.answered(answer.status);
    deliver(answer)
}

fn request_of(http: &HttpRequest, body: &[u8]) -> Request {
    let headers = http
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let target = http
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    Request::new(http.method().as_str(), target, headers, body.to_vec())
}

fn accepts_gzip(request: &Request) -> bool {
    request
        .header("accept-encoding")
        .is_some_and(|encodings| encodings.contains("gzip"))
}

fn compress(answer: &mut Answer) {
    if answer.body.len() < COMPRESSED_FROM {
        return;
    }
    let mut encoder = GzEncoder::new(
        Vec::with_capacity(answer.body.len() / 4),
        Compression::fast(),
    );
    if encoder.write_all(&answer.body).is_ok()
        && let Ok(body) = encoder.finish()
    {
        answer.body = body;
        answer.headers.push(("content-encoding", "gzip".to_owned()));
        answer.headers.push(("vary", "accept-encoding".to_owned()));
    }
}

fn deliver(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.content_type(answer.content_type);
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    let body = Bytes::from(answer.body);
    let whole = body.len() as u64;
    let half = body.slice(..body.len() / 2);
    let broken_off = || Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionAborted));
    match answer.delivery {
        Delivery::Whole | Delivery::AsIs => response.body(body),
        Delivery::Cut => {
            // The pause lets the head and the half leave before the connection does.
            let parts = stream::iter([Ok(half)]).chain(after_a_pause(broken_off()));
            response.body(SizedStream::new(whole, Box::pin(parts)))
        }
        Delivery::CutChunk => {
            let parts = stream::iter([Ok(half)]).chain(after_a_pause(broken_off()));
            response.streaming(Box::pin(parts))
        }
        Delivery::Closed => {
            response.body(SizedStream::new(whole.max(1), stream::iter([broken_off()])))
        }
        Delivery::Dripped(pause) => {
            let bytes = stream::unfold(body, move |mut left| async move {
                if left.is_empty() {
                    return None;
                }
                sleep(pause).await;
                Some((Ok::<_, io::Error>(left.split_to(1)), left))
            });
            response.body(SizedStream::new(whole, Box::pin(bytes)))
        }
    }
}

fn after_a_pause(item: io::Result<Bytes>) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    stream::once(async {
        sleep(Duration::from_millis(20)).await;
        item
    })
}
