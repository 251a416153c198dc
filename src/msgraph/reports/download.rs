//! The way from Graph's answer to the bytes of a report.
//!
//! Graph redirects to a link that bears its own permission and lives for minutes, at another host. It
//! is followed once, without our token and without anything else of ours. One that is refused is not
//! asked again: Graph gives a fresh one.

use std::time::Duration;

use reqwest::header::{ETAG, HeaderMap, LOCATION};
use reqwest::{Method, Request, StatusCode, Url};
use uuid::Uuid;

use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::msgraph::client::Error;
use crate::msgraph::http::{Answer, Connection, REPORT_BYTES_MAX, TransportErrorKind};
use crate::msgraph::pace::retry_after;
use crate::msgraph::problem;
use crate::msgraph::retry::{Call, Caller};
use crate::msgraph::timing::backoff;

/// How many links of one report are tried. Each costs one of the few requests that Microsoft allows.
const LINKS_MAX: u32 = 4;

/// The longest `ETag` that is kept.
const ETAG_BYTES_MAX: usize = 256;

/// A report as it was sent.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) bytes: Vec<u8>,
    pub(super) etag: Option<String>,
    /// Microsoft's id of the request, for its support.
    pub(super) request_id: Option<Uuid>,
}

/// What became of one link.
enum Outcome {
    Bytes(Vec<u8>),
    /// A fresh link may do better.
    TryAgain {
        wait: Option<Duration>,
        problem: Problem,
    },
    /// It will not pass.
    Over(Problem),
}

/// The report that is asked for; `None` if it is no newer than the one that the call names.
pub(super) async fn document(caller: &Caller, call: &Call) -> Result<Option<Document>, Error> {
    let mut links = 0;
    loop {
        let answer = caller.get(call).await?;
        let (etag, request_id) = (etag(&answer.headers), problem::id_of(&answer));
        let bytes = match answer.status {
            StatusCode::NOT_MODIFIED if call.if_none_match.is_some() => return Ok(None),
            StatusCode::NOT_MODIFIED => {
                let what = "then that nothing had changed, which nobody asked";
                return Err(Error::Problem(problem::bad_response(
                    call.dataset,
                    request_id,
                    what,
                )));
            }
            StatusCode::FOUND => {
                links += 1;
                let connection = match links {
                    1 => Connection::Pooled,
                    _ => Connection::Fresh,
                };
                let link = link(caller, call.dataset, &answer)?;
                let outcome = download(caller, call, &link, connection);
                let outcome = call.meter.unless_canceled(outcome).await;
                match outcome.ok_or(Error::Canceled)? {
                    Outcome::Bytes(bytes) => bytes,
                    Outcome::Over(problem) => return Err(Error::Problem(problem)),
                    Outcome::TryAgain { wait, problem } => {
                        wait_for_next(caller, call, links, wait, problem).await?;
                        continue;
                    }
                }
            }
            _ => answer.body,
        };
        return Ok(Some(Document {
            bytes,
            etag,
            request_id,
        }));
    }
}

/// The link that Graph redirects to, if it may be followed.
fn link(caller: &Caller, dataset: Dataset, answer: &Answer) -> Result<Url, Error> {
    let location = answer.headers.get(LOCATION);
    let Some(link) = location.and_then(|location| location.to_str().ok()) else {
        let message = format!(
            "{} answered 302, but does not say where the report is.",
            problem::path(dataset)
        );
        return Err(Error::Problem(Problem::new(
            ProblemKind::BadResponse,
            message,
        )));
    };
    let followed = caller.endpoints.download(link);
    followed.map_err(|_| Error::Problem(untrusted(dataset)))
}

/// Follows a link, once, with nothing of ours.
async fn download(caller: &Caller, call: &Call, link: &Url, connection: Connection) -> Outcome {
    let dataset = call.dataset;
    let host = link.host_str().unwrap_or_default();
    call.meter.count_request();
    let request = Request::new(Method::GET, link.clone());
    let sent = caller
        .http
        .send(request, REPORT_BYTES_MAX, connection)
        .await;
    tracing::debug!(
        dataset = dataset.name(),
        status = sent.as_ref().ok().map(|answer| answer.status.as_u16()),
        error = sent.as_ref().err().map(tracing::field::display),
        "downloaded a usage report",
    );
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) => {
            let problem = problem::of_transport(dataset, host, &error);
            return match error.kind {
                TransportErrorKind::TooLarge => Outcome::Over(problem),
                TransportErrorKind::Connect
                | TransportErrorKind::Timeout
                | TransportErrorKind::Broken => Outcome::TryAgain {
                    wait: None,
                    problem,
                },
            };
        }
    };
    match answer.status {
        StatusCode::OK => Outcome::Bytes(answer.body),
        status if status.is_redirection() => Outcome::Over(redirected(dataset, host)),
        status => Outcome::TryAgain {
            wait: retry_after(&answer.headers),
            problem: refused(dataset, host, status),
        },
    }
}

/// Waits before a fresh link is asked for; the problem instead if there is no sense in another.
async fn wait_for_next(
    caller: &Caller,
    call: &Call,
    links: u32,
    wait: Option<Duration>,
    problem: Problem,
) -> Result<(), Error> {
    let timing = &caller.timing;
    let wait = wait.unwrap_or_else(|| backoff(links, timing.chance()));
    let until = timing.now() + wait;
    let is_too_long = call
        .meter
        .patience()
        .is_some_and(|patience| wait > patience);
    if links >= LINKS_MAX || until > call.deadline || is_too_long {
        return Err(Error::Problem(problem));
    }
    let waited = call.meter.unless_canceled(timing.sleep_until(until)).await;
    waited.ok_or(Error::Canceled)
}

/// An `ETag` that can be sent back. What the download's host calls the file means nothing to Graph.
fn etag(headers: &HeaderMap) -> Option<String> {
    let etag = headers.get(ETAG)?.to_str().ok()?.trim();
    let is_usable = (1..=ETAG_BYTES_MAX).contains(&etag.len());
    is_usable.then(|| etag.to_owned())
}

fn untrusted(dataset: Dataset) -> Problem {
    Problem::new(
        ProblemKind::UntrustedLink,
        format!(
            "{} says that the report is at a place where Microsoft has none: in clear, at an address of a local network, or with a name and password. The link was not followed, and no token was sent. Look for a proxy that rewrites answers.",
            problem::path(dataset)
        ),
    )
}

fn redirected(dataset: Dataset, host: &str) -> Problem {
    Problem::new(
        ProblemKind::BadResponse,
        format!(
            "{}: {host}, where the report should be, says that it is elsewhere, which Microsoft does not. Nothing more was followed. Look for a proxy or a sign-in page of your network.",
            problem::path(dataset)
        ),
    )
}

fn refused(dataset: Dataset, host: &str, status: StatusCode) -> Problem {
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => ProblemKind::Throttled,
        _ => ProblemKind::Unreachable,
    };
    Problem::new(
        kind,
        format!(
            "{}: {host} answered {} instead of the report, also to a fresh link. It usually passes by itself; if it does not, look for a proxy or firewall that does not let it through.",
            problem::path(dataset),
            status.as_u16()
        ),
    )
}
