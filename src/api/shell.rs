//! What every request goes through, whatever it asks: a name, a host check, headers, one line of log.

use std::borrow::Cow;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse};
use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use crate::api::connections::{Connection, Watched};
use crate::api::error::Code;
use crate::api::http::http_error;
use crate::api::http::request::Facts;
use crate::api::peer;
use crate::api::places::Place;
use crate::api::server::Shared;

/// Runs a request and dresses its answer.
///
/// The connection is told that a request runs, until the last piece of its answer is written.
pub(super) async fn shell<B>(
    http: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    B: MessageBody + 'static,
{
    let running = http.conn_data::<Arc<Connection>>().map(Connection::request);
    let answered = answer(http, next).await?;
    Ok(match running {
        Some(running) => answered.map_body(|_, body| BoxBody::new(Watched::new(body, running))),
        None => answered,
    })
}

async fn answer<B>(http: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error>
where
    B: MessageBody + 'static,
{
    let began = Instant::now();
    let Some(shared) = http.app_data::<Data<Shared>>().cloned() else {
        return Ok(http.into_response(HttpResponse::InternalServerError()));
    };
    let facts = Facts {
        id: Uuid::new_v4().simple().to_string(),
        client_address: peer::client_address(
            http.peer_addr(),
            http.headers(),
            &shared.settings.trusted_proxies,
        ),
    };
    http.extensions_mut().insert(facts.clone());
    let visit = Visit {
        id: facts.id.clone(),
        method: method_label(http.method()),
        route: route_label(http.path()),
        cors_origin: shared
            .origins
            .cors_origin(http.headers())
            .map(str::to_owned),
        began,
    };

    let (refusal, _place) = refuse(
        &http,
        &shared,
        facts.client_address,
        visit.cors_origin.is_some(),
    );
    if let Some(mut response) = refusal {
        visit.finish(&shared, response.status(), response.headers_mut());
        return Ok(http.into_response(response));
    }
    // Whatever is logged on the way carries the id; an error's, so that no level leaves it away.
    let span = tracing::error_span!("request", request_id = visit.id);
    let handled = AssertUnwindSafe(async move { next.call(http).await }.instrument(span))
        .catch_unwind()
        .await;
    match handled {
        Ok(Ok(response)) => {
            let mut response = response.map_into_boxed_body();
            let status = response.status();
            visit.finish(&shared, status, response.headers_mut());
            Ok(response)
        }
        Ok(Err(error)) => {
            let mut response = error.error_response();
            visit.finish(&shared, response.status(), response.headers_mut());
            Err(InternalError::from_response(error, response).into())
        }
        Err(_panic) => {
            tracing::error!(
                request_id = visit.id,
                route = visit.route,
                "a request panicked"
            );
            let words = "The server failed; its log tells more under the id in x-request-id.";
            let mut response = http_error(
                StatusCode::INTERNAL_SERVER_ERROR,
                Code::Internal,
                words.into(),
            );
            visit.finish(&shared, response.status(), response.headers_mut());
            Err(InternalError::from_response("a request panicked", response).into())
        }
    }
}

/// What is known of a request before it is handled.
struct Visit {
    id: String,
    method: &'static str,
    route: &'static str,
    cors_origin: Option<String>,
    began: Instant,
}

impl Visit {
    fn finish(&self, shared: &Shared, status: StatusCode, headers: &mut HeaderMap) {
        for (name, value) in shared.headers.iter() {
            headers.insert(name.clone(), value.clone());
        }
        // Answers of the API are of the moment and for one reader.
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        if let Some(origin) = self
            .cors_origin
            .as_deref()
            .and_then(|origin| HeaderValue::from_str(origin).ok())
        {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let exposed = HeaderValue::from_static(
                "x-request-id, retry-after, content-disposition, x-total-count",
            );
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
            // Elsewhere the page would be no other page's to embed or read.
            headers.insert(
                HeaderName::from_static("cross-origin-resource-policy"),
                HeaderValue::from_static("cross-origin"),
            );
        }
        if !shared.settings.cors_origins.is_empty() {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        let took = self.began.elapsed();
        shared
            .requests
            .count(self.route, self.method, status.as_u16(), took);
        tracing::debug!(
            request_id = self.id,
            method = self.method,
            route = self.route,
            status = status.as_u16(),
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "answered a request"
        );
    }
}

/// What is answered without asking a handler, and else the place that the request takes.
fn refuse(
    http: &ServiceRequest,
    shared: &Shared,
    client_address: IpAddr,
    is_cors: bool,
) -> (Option<HttpResponse>, Option<Place<IpAddr>>) {
    if let Err((status, words)) = check_host(http, shared) {
        return (
            Some(http_error(status, Code::BadInput, Cow::Borrowed(words))),
            None,
        );
    }
    let place = if peer::is_proxied(http.peer_addr(), client_address) {
        match shared.proxied.take(client_address) {
            Some(place) => Some(place),
            None => {
                let words = "This address has too many requests running; try again soon.";
                let mut response = http_error(
                    StatusCode::SERVICE_UNAVAILABLE,
                    Code::Unavailable,
                    words.into(),
                );
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                return (Some(response), None);
            }
        }
    } else {
        None
    };
    let is_preflight = http.method() == Method::OPTIONS
        && http
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if is_preflight && is_cors {
        let response = HttpResponse::NoContent()
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
            .insert_header((
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, content-type, accept",
            ))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
            .finish();
        return (Some(response), place);
    }
    (None, place)
}

fn check_host(http: &ServiceRequest, shared: &Shared) -> Result<(), (StatusCode, &'static str)> {
    const NO_HOST: (StatusCode, &str) = (
        StatusCode::BAD_REQUEST,
        "The request must have one Host header.",
    );
    let mut hosts = http.headers().get_all(header::HOST);
    let host = hosts
        .next()
        .and_then(|host| host.to_str().ok())
        .ok_or(NO_HOST)?;
    if hosts.next().is_some() {
        return Err(NO_HOST);
    }
    let named = http
        .uri()
        .authority()
        .map_or(host, |authority| authority.as_str());
    if shared.origins.allows_host(host) && shared.origins.allows_host(named) {
        return Ok(());
    }
    Err((
        StatusCode::MISDIRECTED_REQUEST,
        "The server is not known by this name; an operator allows names in the configuration.",
    ))
}

/// Labels of metrics and logs come from lists: what a stranger may write is not one.
fn route_label(path: &str) -> &'static str {
    match path {
        "/graphql" => "/graphql",
        "/healthz" => "/healthz",
        "/readyz" => "/readyz",
        "/metrics" => "/metrics",
        "/" => "/",
        "/graphiql" => "/graphiql",
        "/connect/callback" => "/connect/callback",
        // The rest of it is a token.
        _ if path.starts_with("/calendar/") => "/calendar",
        _ if path.starts_with("/assets/") => "/assets",
        _ if path.starts_with("/connect/") => "/connect",
        _ if path.starts_with("/export/") => "/export",
        _ => "other",
    }
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Headers that every answer carries.
pub(super) fn security_headers(public_url: &reqwest::Url) -> Vec<(HeaderName, HeaderValue)> {
    // `'self'` covers WebSockets of the same origin in most browsers; Safari wants them spelled out.
    let websocket = match public_url.origin().ascii_serialization().split_once("://") {
        Some(("https", authority)) => format!(" wss://{authority}"),
        Some((_, authority)) => format!(" ws://{authority}"),
        None => String::new(),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'{websocket}; \
         style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    );
    let mut headers = vec![
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff".to_owned()),
        ("referrer-policy", "no-referrer".to_owned()),
        ("x-frame-options", "DENY".to_owned()),
        ("cross-origin-opener-policy", "same-origin".to_owned()),
        ("cross-origin-resource-policy", "same-origin".to_owned()),
    ];
    if public_url.scheme() == "https" {
        headers.push(("strict-transport-security", "max-age=31536000".to_owned()));
    }
    let parsed = headers.into_iter().filter_map(|(name, value)| {
        Some((
            HeaderName::from_static(name),
            HeaderValue::from_str(&value).ok()?,
        ))
    });
    parsed.collect()
}
