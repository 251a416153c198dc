//! The short way through a request: an answer that is kept, or one by plan.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::{Asked, Media, Parameters, header_values};
use crate::api::caller::Caller;
use crate::api::plan::{Answer, Planner, Question, Unplanned};

/// One request on its short way.
pub(super) struct ShortWay<'a> {
    planner: &'a Planner,
    http: &'a HttpRequest,
    media: Media,
    question: Question,
}

/// Where the short way of a request led.
pub(super) enum Planned {
    /// To its answer.
    Answered(HttpResponse),
    /// To an answer that is larger than it may be.
    TooLarge,
    /// Nowhere yet: if the long way leads to an answer without an error, it may be planned.
    Unknown,
    /// Nowhere: only the long way is left.
    Not,
}

impl<'a> ShortWay<'a> {
    pub(super) fn new(
        planner: &'a Planner,
        http: &'a HttpRequest,
        caller: &Caller,
        media: Media,
        asked: &Asked,
    ) -> Self {
        let question = match asked {
            Asked::Body(body) => planner.question(caller, b'B', body),
            Asked::Address(query) => planner.question(caller, b'A', query.as_bytes()),
        };
        Self {
            planner,
            http,
            media,
            question,
        }
    }

    /// The answer that is kept, or word that the asker has it already.
    pub(super) fn kept(&self) -> Option<HttpResponse> {
        if self.http.method() == Method::GET {
            let tag = self.tag(self.planner.version());
            let mut known = header_values(self.http, header::IF_NONE_MATCH);
            // A tag is made under a secret key: who has it was given this very answer.
            if known.any(|tags| tags.split(',').any(|one| is_tag(one, &tag))) {
                let mut response = HttpResponse::NotModified();
                let_keep(&mut response, tag);
                return Some(response.finish());
            }
        }
        self.planner
            .kept(&self.question)
            .map(|answer| self.respond(answer))
    }

    /// The answer by plan.
    pub(super) fn planned(&self, parameters: &Parameters) -> Planned {
        match self.planner.answer(&self.question, parameters) {
            Ok(answer) => Planned::Answered(self.respond(answer)),
            Err(Unplanned::TooLarge) => Planned::TooLarge,
            Err(Unplanned::Unknown) => Planned::Unknown,
            Err(Unplanned::Not) => Planned::Not,
        }
    }

    fn respond(&self, answer: Answer) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.insert_header((header::CONTENT_TYPE, self.media.content_type()));
        if self.http.method() == Method::GET {
            let_keep(&mut response, self.tag(answer.version));
        }
        response.body(answer.json)
    }

    fn tag(&self, version: u64) -> String {
        let media = self.media.content_type();
        format!("\"{}\"", self.planner.tag(&self.question, media, version))
    }
}

/// Lets the asker keep what GET is answered, and ask each time whether it still holds. Word that it does
/// has to say the same again: its headers replace those of what is kept.
fn let_keep(response: &mut HttpResponseBuilder, tag: String) {
    response.insert_header((header::ETAG, tag));
    response.insert_header((header::CACHE_CONTROL, "private, no-cache"));
    response.insert_header((header::VARY, "Accept, Authorization"));
}

/// Whether one entry of `If-None-Match` is a tag. Proxies that change the encoding make tags weak.
fn is_tag(entry: &str, tag: &str) -> bool {
    let entry = entry.trim();
    entry.strip_prefix("W/").unwrap_or(entry) == tag
}
