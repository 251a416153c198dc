//! `/healthz`, `/readyz`, `/metrics`: how the server is, for those that watch it.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use crate::api::http::{Media, request};
use crate::api::server::Shared;

/// How the server is, as the parts that know tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Queries can be answered: the store is open and what it held is loaded.
    pub is_ready: bool,
    /// What does not work though queries are answered, such as a full disk; in words for an operator,
    /// without names of people. Empty where all is well.
    pub degraded: Vec<String>,
}

/// Asked at each request; must not block.
pub type HealthCheck = Arc<dyn Fn() -> Health + Send + Sync>;

/// 200 while queries are answered, also degraded: a restart would help nothing.
pub(super) async fn healthz(shared: Data<Shared>) -> HttpResponse {
    let health = (shared.health)();
    let status = if health.degraded.is_empty() {
        "ok"
    } else {
        "degraded"
    };
    json_answer(
        StatusCode::OK,
        json!({"status": status, "reasons": health.degraded}),
    )
}

/// 503 until queries can be answered, and again once the server stops.
pub(super) async fn readyz(shared: Data<Shared>) -> HttpResponse {
    let is_stopping = shared.shutdown.is_cancelled();
    if (shared.health)().is_ready && !is_stopping {
        return json_answer(StatusCode::OK, json!({"status": "ready"}));
    }
    let status = if is_stopping { "stopping" } else { "starting" };
    let mut response = json_answer(StatusCode::SERVICE_UNAVAILABLE, json!({"status": status}));
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    response
}

/// What is counted and measured, for Prometheus; a token is needed.
pub(super) async fn metrics(http: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    match shared.authorize(&http) {
        Ok(_) => HttpResponse::Ok()
            .insert_header((
                header::CONTENT_TYPE,
                "text/plain; version=0.0.4; charset=utf-8",
            ))
            .body(shared.metrics.as_ref().map(rendered).unwrap_or_default()),
        Err(problem) => {
            problem.into_response(Media::Json, request::id(&http), shared.endpoint.limits())
        }
    }
}

fn rendered(metrics: &PrometheusHandle) -> String {
    // Histograms keep every sample until somebody tidies them up; nobody else does.
    metrics.run_upkeep();
    metrics.render()
}

fn json_answer(status: StatusCode, body: serde_json::Value) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, Media::Json.content_type()))
        .body(body.to_string())
}
