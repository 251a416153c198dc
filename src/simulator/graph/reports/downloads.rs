//! The host that reports are fetched from: a link is all that it wants to see. Whoever sends a token
//! along is refused, for it has no business there.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;

use super::asked::Asked;
use super::report::csv;
use super::table::date;
use crate::simulator::message::Answer;
use crate::simulator::message::Request;
use crate::simulator::random::Stream;
use crate::simulator::random::guid;
use crate::simulator::world::World;
use crate::simulator::world::http_date;

/// A link is good for so long.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Links beyond this many are looked through for dead ones.
const LINKS_SWEPT_AT: usize = 1024;
const XML: &str = "application/xml";
const CSV: &str = "application/octet-stream";

struct Link {
    asked: Asked,
    expires_at: Timestamp,
}

/// The links that were given out.
#[derive(Default)]
pub(crate) struct Downloads {
    links: Mutex<HashMap<String, Link>>,
}

impl Downloads {
    /// The path under which a report can be fetched from now on.
    pub(super) fn offer(&self, world: &World, asked: Asked) -> String {
        let now = world.now();
        let mut links = self.links();
        if links.len() >= LINKS_SWEPT_AT {
            links.retain(|_, link| now < link.expires_at);
        }
        let number = world.answer_number();
        let token: String = (0..2)
            .map(|part| guid(world.organization.seed, Stream::Download, number * 2 + part))
            .map(|random| random.simple().to_string())
            .collect();
        let path = format!("/data/download/{}/{token}", asked.report.function);
        let expires_at = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
        links.insert(token, Link { asked, expires_at });
        path
    }

    /// What makes the links secret.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.links().keys().cloned().collect()
    }

    fn links(&self) -> MutexGuard<'_, HashMap<String, Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a request to the download host.
pub(crate) fn answer(world: &World, request: &Request) -> Answer {
    let answer = respond(world, request);
    answer
        .with("date", http_date(world.now()))
        .with("cache-control", "no-store")
}

/// What an expired link gets.
pub(crate) fn expired() -> Answer {
    refusal(
        403,
        "AuthenticationFailed",
        "Signature not valid in the specified time frame.",
    )
}

fn respond(world: &World, request: &Request) -> Answer {
    if request.method != "GET" {
        return refusal(
            405,
            "UnsupportedHttpVerb",
            "The resource doesn't support the specified HTTP verb.",
        );
    }
    if request.header("authorization").is_some() {
        return refusal(
            401,
            "InvalidAuthenticationInfo",
            "Server failed to authenticate the request. The link is its own authentication.",
        );
    }
    let token = request.path.rsplit('/').next().unwrap_or_default();
    let asked = match world.downloads.links().get(token) {
        None => {
            return refusal(
                404,
                "ResourceNotFound",
                "The specified resource does not exist.",
            );
        }
        Some(link) if link.expires_at <= world.now() => return expired(),
        Some(link) => link.asked.clone(),
    };
    let name = asked.report.function.trim_start_matches("get");
    let file = format!(
        "attachment; filename=\"{name}_{}.csv\"",
        date(asked.refreshed_on)
    );
    Answer::new(200, CSV, csv(world, &asked)).with("content-disposition", file)
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    Answer::new(status, XML, body)
}
