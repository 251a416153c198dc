//! Why a request gets no result, as a status, a code and words.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use async_graphql::ServerError;

use crate::api::auth::Denied;
use crate::api::error::{Code, Error};
use crate::api::gate::{Fault, Refusal};
use crate::api::http::{Failure, Media, errors_json};
use crate::api::metrics;
use crate::api::settings::Limits;

/// Why a request gets no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) enum Problem {
    Denied(Denied),
    Refused(Refusal),
    Failed(Failure),
    MethodNotAllowed { allow: &'static str },
    NotAcceptable,
    UnsupportedMedia(&'static str),
    BodyTooLarge,
    BodyTooSlow,
    BodyBroken,
    ForeignOrigin,
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Problem {
    /// As an answer of a media type.
    pub(in crate::api) fn into_response(
        self,
        media: Media,
        request_id: String,
        limits: &Limits,
    ) -> HttpResponse {
        let mut response = HttpResponse::build(self.status(media));
        response.insert_header((header::CONTENT_TYPE, media.content_type()));
        if let Some(wait) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, seconds_up(wait)));
        }
        match &self {
            Self::Denied(Denied::Missing) => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"seatwise\""));
            }
            Self::Denied(Denied::Refused) => {
                response.insert_header((
                    header::WWW_AUTHENTICATE,
                    "Bearer realm=\"seatwise\", error=\"invalid_token\"",
                ));
            }
            Self::MethodNotAllowed { allow } => {
                response.insert_header((header::ALLOW, *allow));
            }
            // What is still to come of the body is not worth waiting for.
            Self::BodyTooLarge | Self::BodyTooSlow | Self::BodyBroken => {
                response.force_close();
            }
            _ => {}
        }
        response.body(errors_json(&[self.to_server_error(&request_id, limits)]))
    }

    fn status(&self, media: Media) -> StatusCode {
        match self {
            Self::Denied(Denied::Wait { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Denied(_) => StatusCode::UNAUTHORIZED,
            Self::Refused(refusal) if refusal.fault == Fault::Document && media == Media::Json => {
                StatusCode::OK
            }
            Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::Failed(Failure::Panicked) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Failed(Failure::Busy | Failure::Stopping) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed(Failure::TooManySubscriptions) => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed(Failure::Deadline | Failure::AnswerTooLarge) => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMedia(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Denied(Denied::Wait { retry_after }) => Some(*retry_after),
            Self::Failed(failure) => failure.retry_after(),
            _ => None,
        }
    }

    /// As an entry of `errors`.
    pub(in crate::api) fn to_server_error(&self, request_id: &str, limits: &Limits) -> ServerError {
        match self {
            Self::Refused(refusal) => refusal.to_server_error(),
            Self::Failed(failure) => failure.to_server_error(request_id, limits),
            _ => {
                let (code, message) = self.in_words(limits);
                metrics::count_refusal(code);
                error_entry(code, message)
            }
        }
    }

    fn in_words(&self, limits: &Limits) -> (Code, Cow<'static, str>) {
        match self {
            Self::Denied(Denied::Missing) => {
                (Code::Unauthenticated, "A token is needed: send `Authorization: Bearer …`.".into())
            }
            Self::Denied(Denied::Refused) => (Code::Unauthenticated, "The token is not accepted.".into()),
            Self::Denied(Denied::Wait { .. }) => {
                (Code::LimitExceeded, "Too many tokens from this address were refused; wait.".into())
            }
            Self::MethodNotAllowed { allow } => {
                (Code::BadInput, format!("This needs another method; allowed: {allow}.").into())
            }
            Self::NotAcceptable => (
                Code::BadInput,
                "`Accept` allows neither application/graphql-response+json nor application/json.".into(),
            ),
            Self::UnsupportedMedia(message) => (Code::BadInput, (*message).into()),
            Self::BodyTooLarge => {
                (Code::LimitExceeded, format!("A body may have at most {} bytes.", limits.body_bytes_max).into())
            }
            Self::BodyTooSlow => {
                let seconds = limits.body_timeout.as_secs();
                (Code::LimitExceeded, format!("The body took longer than {seconds} s to arrive.").into())
            }
            Self::BodyBroken => (Code::BadInput, "The body broke off or is not framed as HTTP wants.".into()),
            Self::ForeignOrigin => (
                Code::Forbidden,
                "Pages of this origin may not ask; an operator allows origins in the configuration.".into(),
            ),
            // Both speak for themselves and never come here.
            Self::Refused(_) | Self::Failed(_) => (Code::BadInput, "".into()),
        }
    }
}

/// An answer for what is not GraphQL, in the same shape.
pub(in crate::api) fn http_error(
    status: StatusCode,
    code: Code,
    message: Cow<'static, str>,
) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, Media::Json.content_type()))
        .body(errors_json(&[error_entry(code, message)]))
}

fn error_entry(code: Code, message: Cow<'static, str>) -> ServerError {
    let error = async_graphql::Error::from(Error::new(code, message));
    let mut outward = ServerError::new(error.message, None);
    outward.extensions = error.extensions;
    outward
}

/// Whole seconds, at least one: a client that obeys must not come too early.
pub(in crate::api) fn seconds_up(wait: Duration) -> u64 {
    let seconds = wait.as_secs();
    if wait.subsec_nanos() > 0 {
        seconds.saturating_add(1)
    } else {
        seconds.max(1)
    }
}
