//! GraphQL over HTTP: one request, one answer.
//!
//! The handler of async-graphql's actix integration is not used: it has no limit on bodies, takes any
//! content type (a form of a foreign page could run mutations), runs mutations on GET and answers
//! everything with 200. What the draft of GraphQL over HTTP and its widely used audits want differently
//! is answered as the audits want: a document that is refused gets 400, and 200 where the client knows
//! only `application/json`.

mod accept;
mod body;
mod execution;
mod parameters;
mod problem;
pub(in crate::api) mod request;
mod short;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::parser::types::OperationType;
use bytes::Bytes;

use self::short::{Planned, ShortWay};

use crate::api::caller::Caller;
use crate::api::gate::{Fault, Refusal};
use crate::api::server::Shared;
use crate::api::{sse, websocket};

pub use execution::{Attach, Endpoint};

pub(in crate::api) use accept::{Media, best_of};
pub(in crate::api) use execution::{Admitted, Failure, Outcome, errors_json};
pub(in crate::api) use parameters::Parameters;
pub(in crate::api) use problem::{Problem, http_error, seconds_up};

/// Answers `/graphql`, whichever way it is asked.
pub(in crate::api) async fn graphql(
    http: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> HttpResponse {
    if websocket::is_upgrade(&http) {
        return websocket::accept(&http, payload, &shared);
    }
    let media = accept::negotiate(header_values(&http, header::ACCEPT));
    let answered = answer(&http, payload, &shared, media).await;
    answered.unwrap_or_else(|problem| {
        // Whom nothing suits is told so in JSON; a stream that cannot begin is no stream.
        let media = media
            .filter(|media| *media != Media::EventStream)
            .unwrap_or(Media::Json);
        problem.into_response(media, request::id(&http), shared.endpoint.limits())
    })
}

async fn answer(
    http: &HttpRequest,
    payload: Payload,
    shared: &Data<Shared>,
    media: Option<Media>,
) -> Result<HttpResponse, Problem> {
    let caller = shared.authorize(http)?;
    if http.method() != Method::GET && http.method() != Method::POST {
        return Err(Problem::MethodNotAllowed { allow: "GET, POST" });
    }
    let media = media.ok_or(Problem::NotAcceptable)?;
    let asked = Asked::read(http, payload, shared).await?;
    let endpoint = &shared.endpoint;
    let short = endpoint
        .planner()
        .filter(|_| media != Media::EventStream)
        .map(|planner| ShortWay::new(planner, http, &caller, media, &asked));
    if let Some(response) = short.as_ref().and_then(ShortWay::kept) {
        return Ok(response);
    }
    let parameters = asked.parameters(endpoint.limits().nesting_max)?;
    let mut lesson = None;
    match short.as_ref().map(|short| short.planned(&parameters)) {
        Some(Planned::Answered(response)) => return Ok(response),
        Some(Planned::TooLarge) => return Err(Failure::AnswerTooLarge.into()),
        Some(Planned::Unknown) => lesson = Some(parameters.clone()),
        Some(Planned::Not) | None => {}
    }
    let admitted = match endpoint.admit(parameters, &caller) {
        Ok(admitted) => admitted,
        Err(refusal) if media == Media::EventStream && refusal.fault != Fault::Request => {
            return Ok(sse::respond_once(refusal.into()));
        }
        Err(refusal) => return Err(refusal.into()),
    };
    if admitted.operation == OperationType::Mutation && http.method() == Method::GET {
        return Err(Problem::MethodNotAllowed { allow: "POST" });
    }
    if media == Media::EventStream {
        return sse::respond(shared, admitted, &caller, request::id(http)).await;
    }
    if admitted.operation == OperationType::Subscription {
        return Err(Problem::Refused(Refusal::request(
            "Subscriptions need a WebSocket (graphql-transport-ws) or `Accept: text/event-stream`.",
        )));
    }
    let cost = admitted.cost;
    let outcome = endpoint.run(admitted).await?;
    if let (Some(planner), Some(lesson)) = (endpoint.planner(), lesson)
        && matches!(outcome, Outcome::Executed { is_clean: true, .. })
    {
        planner.learn(&lesson, cost);
    }
    Ok(respond(outcome, media))
}

/// What a request asks, as it came.
enum Asked {
    Body(Bytes),
    Address(String),
}

impl Asked {
    async fn read(http: &HttpRequest, payload: Payload, shared: &Shared) -> Result<Self, Problem> {
        if http.method() == Method::GET {
            return Ok(Self::Address(http.query_string().to_owned()));
        }
        body::check_headers(http)?;
        let body = body::read(http, payload, shared.endpoint.limits()).await?;
        Ok(Self::Body(body))
    }

    fn parameters(&self, nesting_max: usize) -> Result<Parameters, Refusal> {
        match self {
            Self::Body(body) => Parameters::from_body(body, nesting_max),
            Self::Address(query) => Parameters::from_address(query, nesting_max),
        }
    }
}

/// An outcome as an answer; the two media types differ in what their status tells.
fn respond(outcome: Outcome, media: Media) -> HttpResponse {
    let status = match &outcome {
        Outcome::Executed { .. } => StatusCode::OK,
        Outcome::Rejected {
            fault: Fault::Document,
            ..
        } if media == Media::Json => StatusCode::OK,
        Outcome::Rejected { .. } => StatusCode::BAD_REQUEST,
    };
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, media.content_type()))
        .body(outcome.into_json())
}

impl Shared {
    /// Who asks, by the request's bearer token.
    pub(in crate::api) fn authorize(&self, http: &HttpRequest) -> Result<Caller, Problem> {
        let mut tokens = header_values(http, header::AUTHORIZATION);
        // Of two headers a proxy may have checked the other one, so two are as good as none.
        let token = tokens.next().filter(|_| tokens.next().is_none());
        let from = request::client_address(http);
        Ok(self
            .access
            .authorize(token, from, tokio::time::Instant::now())?)
    }
}

/// Values of a header that are text.
pub(in crate::api) fn header_values(
    http: &HttpRequest,
    name: header::HeaderName,
) -> impl Iterator<Item = &str> {
    http.headers()
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
}

/// Answers methods that would change something where nothing can be changed.
pub(in crate::api) async fn only_to_read(http: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let problem = Problem::MethodNotAllowed { allow: "GET, HEAD" };
    problem.into_response(Media::Json, request::id(&http), shared.endpoint.limits())
}

/// Answers whatever has no route.
pub(in crate::api) async fn not_found() -> HttpResponse {
    http_error(
        StatusCode::NOT_FOUND,
        crate::api::error::Code::NotFound,
        Cow::Borrowed("There is nothing at this address."),
    )
}
