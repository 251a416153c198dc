//! Failures in the shape that the login service gives them.

use serde_json::json;

use crate::simulator::message::Answer;
use crate::simulator::message::Request;
use crate::simulator::world::World;

/// A failure with its AADSTS number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoginError {
    pub(crate) aadsts: u32,
    pub(crate) words: String,
}

impl LoginError {
    pub(crate) fn new(aadsts: u32, words: impl Into<String>) -> Self {
        Self {
            aadsts,
            words: words.into(),
        }
    }

    /// A failure by its number alone, with Microsoft's sense in our words.
    pub(crate) fn by_number(aadsts: u32) -> Self {
        let words = match aadsts {
            50_034 => "The user account does not exist in the directory.",
            50_057 => "The user account is disabled.",
            50_076 | 50_079 => "You must use multi-factor authentication to access the resource.",
            50_173 => {
                "The provided grant has expired due to it being revoked, a fresh auth token is needed."
            }
            50_196 => {
                "The server terminated an operation because it encountered a client request loop."
            }
            53_003 => "Access has been blocked by Conditional Access policies.",
            65_001 => "The user or administrator has not consented to use the application.",
            70_008 | 700_082 => "The refresh token has expired due to inactivity.",
            70_043 => {
                "The refresh token has expired or is invalid due to sign-in frequency checks by Conditional Access."
            }
            90_024 | 90_055 => "The server is temporarily too busy to handle this request.",
            700_016 => "The application was not found in the directory.",
            7_000_215 => "Invalid client secret provided.",
            7_000_222 => "The provided client secret keys are expired.",
            _ => "The request was refused.",
        };
        Self::new(aadsts, words)
    }

    /// `error`: what a program should branch on.
    pub(crate) fn code(&self) -> &'static str {
        match self.aadsts {
            7_000_215 | 7_000_218 | 7_000_222 | 700_027 | 50_012 => "invalid_client",
            700_016 | 7_000_112 | 70_001 => "unauthorized_client",
            65_004 => "access_denied",
            90_094 => "consent_required",
            50_074 | 50_076 | 50_078 | 50_079 => "interaction_required",
            70_011 => "invalid_scope",
            500_011 => "invalid_resource",
            70_003 => "unsupported_grant_type",
            90_024 | 90_055 | 50_033 => "temporarily_unavailable",
            65_001 | 70_000 | 70_008 | 700_082 | 700_084 | 70_043 | 50_173 | 50_132 | 50_133
            | 53_000 | 53_003 | 530_032 | 50_057 | 50_034 | 50_020 | 50_196 | 54_005 | 501_481
            | 500_112 => "invalid_grant",
            _ => "invalid_request",
        }
    }

    fn status(&self) -> u16 {
        match self.code() {
            "invalid_client" => 401,
            "temporarily_unavailable" => 503,
            _ => 400,
        }
    }

    /// The words as they are shown, with the ids that support asks for.
    pub(crate) fn description(&self, world: &World) -> String {
        let (trace_id, correlation_id) = (world.answer_id(), world.answer_id());
        self.describe(
            &trace_id.to_string(),
            &correlation_id.to_string(),
            &timestamp(world),
        )
    }

    fn describe(&self, trace_id: &str, correlation_id: &str, timestamp: &str) -> String {
        let Self { aadsts, words } = self;
        format!(
            "AADSTS{aadsts}: {words} Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {timestamp}"
        )
    }

    /// The token endpoint's answer.
    pub(crate) fn answer(&self, world: &World, request: &Request) -> Answer {
        let trace_id = world.answer_id().to_string();
        let correlation_id = request
            .header("client-request-id")
            .map_or_else(|| world.answer_id().to_string(), str::to_owned);
        let timestamp = timestamp(world);
        let mut body = json!({
            "error": self.code(),
            "error_description": self.describe(&trace_id, &correlation_id, &timestamp),
            "error_codes": [self.aadsts],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": format!("{}/error?code={}", world.login_url, self.aadsts),
        });
        if self.aadsts == 65_001 {
            body["suberror"] = json!("consent_required");
        }
        Answer::new(self.status(), JSON, body.to_string()).with("x-ms-request-id", trace_id)
    }

    /// A page, for failures that must not send the browser anywhere.
    pub(crate) fn page(&self, world: &World) -> Answer {
        let words = self
            .description(world)
            .replace('&', "&amp;")
            .replace('<', "&lt;");
        Answer::html(
            400,
            "Sign in to your account",
            &format!("<p>Sorry, but we're having trouble signing you in.</p><p>{words}</p>"),
        )
    }
}

pub(crate) const JSON: &str = "application/json; charset=utf-8";

fn timestamp(world: &World) -> String {
    world.now().strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
