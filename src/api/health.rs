//! `/healthz`, `/readyz`, `/metrics`: how the server is, for those that watch it.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::api::caller::Role;
use crate::api::http::{Media, Problem, header_values, request};
use crate::api::server::Shared;

/// How the server is, as the parts that know tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Queries can be answered: the store is open and what it held is loaded.
    pub is_ready: bool,
    /// What does not work though queries are answered. Empty where all is well.
    pub degraded: Vec<Degradation>,
}

/// Something that does not work though queries are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degradation {
    /// For everybody that may ask.
    pub kind: DegradationKind,
    /// For an operator, without names of people; it may name a tenant.
    pub reason: String,
}

/// The kinds of what may not work; they say nothing about whose data it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DegradationKind {
    /// A tenant's stored facts are damaged and not served until they were read anew.
    DamagedFacts,
    /// Nothing can be stored, as on a full disk.
    ReadOnlyStore,
}

impl DegradationKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::DamagedFacts => "DAMAGED_FACTS",
            Self::ReadOnlyStore => "READ_ONLY_STORE",
        }
    }
}

/// Asked at each request; must not block.
pub type HealthCheck = Arc<dyn Fn() -> Health + Send + Sync>;

/// 200 while queries are answered, also degraded: a restart would help nothing. Everybody is told how
/// many problems of which kind there are; whose they are and why only to who shows a token.
pub(super) async fn healthz(http: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let knows = match header_values(&http, header::AUTHORIZATION).next() {
        None => false,
        Some(_) => match shared.authorize(&http) {
            Ok(caller) => match caller.role {
                Role::Admin => true,
            },
            Err(problem) => return denied(problem, &http, &shared),
        },
    };
    let degraded = (shared.health)().degraded;
    let mut problems = BTreeMap::<_, u32>::new();
    for one in &degraded {
        let count = problems.entry(one.kind.as_str()).or_default();
        *count = count.saturating_add(1);
    }
    let status = if degraded.is_empty() {
        "ok"
    } else {
        "degraded"
    };
    let mut body = json!({"status": status, "problems": problems});
    if knows {
        let reasons: Vec<String> = degraded.into_iter().map(|one| one.reason).collect();
        body["reasons"] = json!(reasons);
    }
    json_answer(StatusCode::OK, body)
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
            .body(rendered(&shared)),
        Err(problem) => denied(problem, &http, &shared),
    }
}

fn denied(problem: Problem, http: &HttpRequest, shared: &Shared) -> HttpResponse {
    problem.into_response(Media::Json, request::id(http), shared.endpoint.limits())
}

fn rendered(shared: &Shared) -> String {
    let Some(metrics) = &shared.metrics else {
        return String::new();
    };
    if let Some(planner) = shared.endpoint.planner() {
        planner.show_memory();
    }
    // Histograms keep every sample until somebody tidies them up; nobody else does.
    metrics.run_upkeep();
    metrics.render()
}

fn json_answer(status: StatusCode, body: serde_json::Value) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, Media::Json.content_type()))
        .body(body.to_string())
}
