//! `/calendar/{token}.ics`: renewals, for programs that can send no header.
//!
//! A calendar program knows an address and nothing else, so the address carries the token. It opens this
//! feed alone, it is in no log and no label (requests are told by their route), and a page that leads
//! elsewhere is never answered here, so it is in no `Referer`.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::api::auth::Denied;
use crate::api::http::{Media, Problem, header_values, not_found, request};
use crate::api::server::Shared;
use crate::domain::renewal::calendar;

/// Finds the calendar that a token reads.
pub type Calendars = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Serves a calendar.
pub(super) async fn feed(
    http: HttpRequest,
    token: Path<String>,
    shared: Data<Shared>,
) -> HttpResponse {
    let calendars = Arc::clone(&shared.calendars);
    // Thousands of purchases take milliseconds to write.
    let writing = web::block(move || calendars(&token)).await;
    let Ok(found) = writing else {
        return failed(
            Problem::Failed(crate::api::http::Failure::Panicked),
            &http,
            &shared,
        );
    };
    match found {
        Some(text) => serve(&http, text),
        None => {
            let from = request::client_address(&http);
            match shared.access.refuse(from, Instant::now()) {
                // What a wrong token reads is not there: a question for a password, with which
                // programs answer 401, would lead nowhere.
                Denied::Missing | Denied::Refused => not_found().await,
                wait @ Denied::Wait { .. } => failed(wait.into(), &http, &shared),
            }
        }
    }
}

fn serve(http: &HttpRequest, text: String) -> HttpResponse {
    let tag = tag(&text);
    let is_known = header_values(http, header::IF_NONE_MATCH)
        .flat_map(|value| value.split(','))
        .map(|known| known.trim())
        .any(|known| known == tag || known == "*");
    let status = match is_known {
        true => StatusCode::NOT_MODIFIED,
        false => StatusCode::OK,
    };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"));
    if is_known {
        return response.finish();
    }
    response
        .insert_header((header::CONTENT_TYPE, "text/calendar; charset=utf-8"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            "inline; filename=\"renewals.ics\"",
        ))
        .body(text)
}

/// Weak: two readings of the same facts are the same calendar, though their bytes tell when they were.
fn tag(text: &str) -> String {
    let mut digest = Sha256::new();
    for line in calendar::telling(text) {
        digest.update(line.as_bytes());
        digest.update(b"\n");
    }
    let digest = URL_SAFE_NO_PAD.encode(digest.finalize());
    format!("W/\"{digest}\"")
}

fn failed(problem: Problem, http: &HttpRequest, shared: &Shared) -> HttpResponse {
    problem.into_response(Media::Json, request::id(http), shared.endpoint.limits())
}
