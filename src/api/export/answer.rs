//! From a request to the head of its answer; the body is written behind it.

use std::borrow::Cow;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::{ID, Value, Variables};
use jiff::tz::TimeZone;
use serde_json::json;
use tokio::sync::oneshot;

use super::asked::Asked;
use super::format::Format;
use super::lists::{self, List};
use super::output;
use super::work::Work;
use crate::api::caller::Caller;
use crate::api::error::Code;
use crate::api::http::{
    Failure, Media, Outcome, Parameters, Problem, header_values, http_error, request,
};
use crate::api::ids;
use crate::api::metrics;
use crate::api::server::Shared;
use crate::api::types::reading::Reading;

/// How many rows the file has, for who wants to show how far it is.
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Answers `/export/{list}`.
pub(in crate::api) async fn export(
    http: HttpRequest,
    name: Path<String>,
    shared: Data<Shared>,
) -> HttpResponse {
    let asking = Asking {
        http: &http,
        shared: &shared,
    };
    asking.answer(&name).await.unwrap_or_else(|refused| refused)
}

/// One request on its way.
struct Asking<'a> {
    http: &'a HttpRequest,
    shared: &'a Shared,
}

impl Asking<'_> {
    /// The answer; an error is one too.
    async fn answer(&self, name: &str) -> Result<HttpResponse, HttpResponse> {
        let caller = self.shared.authorize(self.http);
        let caller = caller.map_err(|problem| self.told(problem))?;
        if self.http.method() != Method::GET {
            return Err(self.told(Problem::MethodNotAllowed { allow: "GET" }));
        }
        let endpoint = &self.shared.endpoint;
        let found = lists::find(name).zip(endpoint.exporter());
        let (list, exporter) = found.ok_or_else(|| {
            let words = format!(
                "There is no such list to export; there are: {}.",
                lists::names()
            );
            refusal(StatusCode::NOT_FOUND, Code::NotFound, words)
        })?;
        let asked = Asked::parse(self.http.query_string(), list, endpoint.limits());
        let asked = asked.map_err(|refusal| self.told(refusal.into()))?;
        let accepted = || Format::of_accept(header_values(self.http, header::ACCEPT));
        let format = asked.format.or_else(accepted).ok_or_else(|| {
            let words = "`Accept` allows none of text/csv, application/x-ndjson and \
                application/vnd.apache.parquet; say `format=csv`, `jsonl` or `parquet` instead.";
            refusal(StatusCode::NOT_ACCEPTABLE, Code::BadInput, words)
        })?;
        self.judge(list, asked.arguments.clone(), &caller).await?;
        let place = exporter.place().ok_or_else(busy)?;
        let reading = exporter.reading();
        let file_name = file_name(&reading, list, &asked.arguments, format);

        let (output, chunks) = output::way(endpoint.runtime().clone());
        let (opening, opened) = oneshot::channel();
        let work = Work {
            list,
            reading,
            arguments: asked.arguments,
            columns: asked.columns,
            format,
            has_bom: asked.has_bom,
            place,
        };
        let span = tracing::Span::current();
        endpoint
            .runtime()
            .spawn_blocking(move || span.in_scope(|| work.run(opening, output)));
        let count = match tokio::time::timeout(endpoint.limits().deadline, opened).await {
            Ok(Ok(Ok(count))) => count,
            Ok(Ok(Err(error))) => {
                let (status, code) = (status_of(error.code), error.code);
                return Err(refusal(status, code, error.message));
            }
            Ok(Err(_)) => return Err(self.told(Failure::Panicked.into())),
            Err(_) => return Err(self.told(Failure::Deadline.into())),
        };
        Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, format.content_type()))
            .insert_header((
                header::CONTENT_DISPOSITION,
                format!("attachment; filename=\"{file_name}\""),
            ))
            .insert_header((TOTAL_COUNT, HeaderValue::from(count)))
            .streaming(chunks))
    }

    /// Whether GraphQL finds the arguments good, within the limits of any request.
    async fn judge(
        &self,
        list: &List,
        arguments: Variables,
        caller: &Caller,
    ) -> Result<(), HttpResponse> {
        let endpoint = &self.shared.endpoint;
        let parameters = Parameters {
            query: list.question.to_owned(),
            operation_name: None,
            variables: arguments,
        };
        let admitted = endpoint.admit(parameters, caller);
        let admitted = admitted.map_err(|refusal| self.told(refusal.into()))?;
        let outcome = endpoint.run(admitted).await;
        let errors = match outcome.map_err(|failure| self.told(failure.into()))? {
            Outcome::Executed { is_clean: true, .. } => return Ok(()),
            Outcome::Executed { json, .. } => serde_json::from_slice(&json)
                .map(|mut answer: serde_json::Value| answer["errors"].take())
                .unwrap_or_default(),
            Outcome::Rejected { errors, .. } => serde_json::to_value(errors).unwrap_or_default(),
        };
        Err(refused_by_graphql(errors))
    }

    /// A problem as an answer. It is JSON whatever was asked for, and its status tells what it is.
    fn told(&self, problem: Problem) -> HttpResponse {
        let id = request::id(self.http);
        let limits = self.shared.endpoint.limits();
        let mut response = problem.into_response(Media::GraphqlResponse, id, limits);
        let json = HeaderValue::from_static(Media::Json.content_type());
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

/// GraphQL's errors without their places, which are places in a document that the client has not seen.
fn refused_by_graphql(mut errors: serde_json::Value) -> HttpResponse {
    for error in errors.as_array_mut().into_iter().flatten() {
        if let Some(error) = error.as_object_mut() {
            error.remove("locations");
            error.remove("path");
        }
    }
    let status = match errors[0]["extensions"]["code"].as_str() {
        Some("INTERNAL") | None => StatusCode::INTERNAL_SERVER_ERROR,
        Some("UNAVAILABLE") => StatusCode::SERVICE_UNAVAILABLE,
        Some("FORBIDDEN") => StatusCode::FORBIDDEN,
        Some("NOT_FOUND") => StatusCode::NOT_FOUND,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, Media::Json.content_type()))
        .body(json!({ "errors": errors }).to_string())
}

fn status_of(code: Code) -> StatusCode {
    match code {
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn busy() -> HttpResponse {
    let words = "The server runs as many exports as it may; try again when one has ended.";
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, words);
    let soon = HeaderValue::from_static("5");
    response.headers_mut().insert(header::RETRY_AFTER, soon);
    response
}

fn refusal(status: StatusCode, code: Code, message: impl Into<Cow<'static, str>>) -> HttpResponse {
    metrics::count_refusal(code);
    http_error(status, code, message.into())
}

/// `seatwise-users-contoso-2026-11-23.csv`: "all" where it may be of several tenants.
fn file_name(reading: &Reading, list: &List, arguments: &Variables, format: Format) -> String {
    let tenant = asked_tenant(arguments)
        .and_then(|id| ids::tenant(&ID(id)).ok())
        .filter(|key| reading.index(key).is_some());
    let only = match reading.indexes() {
        [only] => Some(only.key().clone()),
        _ => None,
    };
    let tenant = tenant.or(only);
    let tenant = tenant.as_ref().map_or("all", |key| key.as_str());
    let today = reading.coordinator().now().to_zoned(TimeZone::UTC).date();
    let (list, extension) = (list.name, format.extension());
    format!("seatwise-{list}-{tenant}-{today}.{extension}")
}

/// The tenant that a filter asks for before all else.
fn asked_tenant(arguments: &Variables) -> Option<String> {
    let mut value = arguments.get("filter")?;
    for name in ["tenant", "eq"] {
        let Value::Object(fields) = value else {
            return None;
        };
        value = fields.get(name)?;
    }
    match value {
        Value::String(id) => Some(id.clone()),
        _ => None,
    }
}
