//! Failures in the shape that Graph gives them.

use serde_json::json;

use super::bucket::Refusal;
use crate::simulator::message::Answer;
use crate::simulator::message::JSON;
use crate::simulator::message::Request;
use crate::simulator::world::World;
use crate::simulator::world::http_date;

/// A failure.
#[derive(Debug, Clone)]
pub(crate) struct GraphError {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl GraphError {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    /// A query that cannot be understood.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "Request_BadRequest", message)
    }

    /// A query that is understood and not supported.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(400, "Request_UnsupportedQuery", message)
    }

    /// A permission is missing.
    pub(crate) fn denied() -> Self {
        Self::new(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
    }

    /// Too many requests.
    pub(crate) fn throttled(world: &World, cost: u32, refusal: Refusal) -> Self {
        Self::too_many(world)
            .with("retry-after", refusal.wait.as_secs().to_string())
            .with("x-ms-resource-unit", cost.to_string())
            .with(
                "x-ms-throttle-limit-percentage",
                format!("{:.1}", refusal.fill),
            )
    }

    /// Too many requests, and no word of when to come back.
    pub(crate) fn too_many(world: &World) -> Self {
        let scope = format!(
            "Tenant_Application/ReadWrite/{}/{}",
            world.client_id, world.organization.tenant_id
        );
        Self::new(429, "TooManyRequests", "Too many requests.")
            .with("x-ms-throttle-scope", scope)
            .with("x-ms-throttle-information", "ResourceUnitLimitExceeded")
    }

    /// What fits a status that says it all.
    pub(crate) fn by_status(world: &World, status: u16) -> Self {
        let (code, message) = match status {
            400 => ("BadRequest", "The request is not valid."),
            401 => (
                "InvalidAuthenticationToken",
                "Access token validation failure.",
            ),
            403 => return Self::denied(),
            404 => ("Request_ResourceNotFound", "Resource not found."),
            429 => return Self::too_many(world),
            502 => ("BadGateway", "Bad gateway."),
            503 => (
                "ServiceUnavailable",
                "The service is temporarily unavailable.",
            ),
            504 => ("GatewayTimeout", "The gateway did not answer in time."),
            _ => ("InternalServerError", "An internal error occurred."),
        };
        Self::new(status, code, message)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn answer(self, world: &World, request: &Request) -> Answer {
        let request_id = world.answer_id().to_string();
        let client_request_id = request.header("client-request-id").unwrap_or(&request_id);
        let body = json!({
            "error": {
                "code": self.code,
                "message": self.message,
                "innerError": {
                    "date": world.now().strftime("%Y-%m-%dT%H:%M:%S").to_string(),
                    "request-id": request_id,
                    "client-request-id": client_request_id,
                },
            },
        });
        let mut answer = Answer::new(self.status, JSON, body.to_string());
        answer.headers = self.headers;
        if self.status == 401 {
            let login_url = &world.login_url;
            answer = answer.with("www-authenticate", format!("Bearer realm=\"\", authorization_uri=\"{login_url}/common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\""));
        }
        let answer = answer.with("request-id", request_id.clone());
        dated(answer, world, client_request_id)
    }
}

/// The answer with the ids that support asks for.
pub(crate) fn identified(answer: Answer, world: &World, request: &Request) -> Answer {
    let request_id = world.answer_id().to_string();
    let client_request_id = request
        .header("client-request-id")
        .unwrap_or(&request_id)
        .to_owned();
    dated(
        answer.with("request-id", request_id),
        world,
        &client_request_id,
    )
}

fn dated(answer: Answer, world: &World, client_request_id: &str) -> Answer {
    answer
        .with("client-request-id", client_request_id)
        .with("date", http_date(world.now()))
        .with("cache-control", "no-cache")
}
