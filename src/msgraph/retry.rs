//! One request, until it is answered or there is no more sense in asking.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue, IF_NONE_MATCH};
use reqwest::{StatusCode, Url};
use secrecy::SecretString;
use tokio::time::Instant;
use uuid::Uuid;

use super::client::{Error, TokenSource};
use super::http::{
    Answer, Connection, Http, PAGE_BYTES_MAX, REPORT_BYTES_MAX, TransportError, TransportErrorKind,
};
use super::meter::Meter;
use super::origin::{Endpoints, NotSent};
use super::pace::{Paces, Turn, load, retry_after};
use super::paging::Limits;
use super::problem::{self, GraphError, Question};
use super::quota::Quotas;
use super::timing::{Timing, backoff};
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};

/// How often one request is sent before its failure counts, the first time included. The fetch of a
/// fresh token is not counted: it happens once.
pub(super) const TRIES_MAX: u32 = 8;

/// What is asked, for whom, and how patiently.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) url: Url,
    pub(super) dataset: Dataset,
    pub(super) accept: &'static str,
    /// Advanced queries need `ConsistencyLevel: eventual`, on every page again.
    pub(super) is_advanced: bool,
    /// The `ETag` of an earlier answer: only something newer is wanted.
    pub(super) if_none_match: Option<HeaderValue>,
    pub(super) tries_max: u32,
    /// Nothing is waited for beyond this.
    pub(super) deadline: Instant,
    pub(super) meter: Meter,
}

/// Why a call ended without an answer.
#[derive(Debug)]
pub(super) enum Stop {
    /// Graph wants fewer rows a page; the problem if no fewer can be asked for.
    SmallerPages(Problem),
    /// Graph does not take the request as it is, or no longer: 400, 404, 410, 501 and the like.
    Refused(Refusal),
    /// The span of a log that is asked for begins before what Microsoft keeps.
    TooEarly {
        /// Since when it is kept.
        begins_at: Timestamp,
        problem: Problem,
    },
    /// Anything else.
    Error(Error),
}

/// An answer that says that the request itself cannot be answered.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// The innermost known code, else the outermost.
    code: Option<String>,
    pub(super) problem: Problem,
}

impl Refusal {
    /// Microsoft no longer knows what the link of an earlier answer refers to, or never gives such
    /// links: Azure AD B2C has no changes and says so as a bad request.
    pub(super) fn is_expired(&self) -> bool {
        let is_bad = matches!(self.status, StatusCode::BAD_REQUEST | StatusCode::GONE);
        let code = self.code.as_deref().unwrap_or_default();
        is_bad
            || code.eq_ignore_ascii_case("syncStateNotFound")
            || code.eq_ignore_ascii_case("resyncRequired")
    }
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::SmallerPages(problem) | Stop::TooEarly { problem, .. } => Self::Problem(problem),
            Stop::Refused(refusal) => Self::Problem(refusal.problem),
            Stop::Error(error) => error,
        }
    }
}

impl Stop {
    fn problem(problem: Problem) -> Self {
        Self::Error(Error::Problem(problem))
    }

    /// The same, saying that it happened on this page of a chain, counted from 1; of a first page there
    /// is nothing to say.
    pub(super) fn on_page(mut self, number: usize) -> Self {
        let problem = match &mut self {
            Self::SmallerPages(problem)
            | Self::TooEarly { problem, .. }
            | Self::Refused(Refusal { problem, .. })
            | Self::Error(Error::Problem(problem)) => problem,
            Self::Error(Error::SignIn(_) | Error::Expired | Error::Canceled) => return self,
        };
        if number > 1 {
            problem
                .message
                .push_str(&format!(" That was page {number}."));
        }
        self
    }
}

/// Sends calls of one tenant. What Microsoft counts together shares a pace.
pub(super) struct Caller {
    pub(super) http: Http,
    pub(super) endpoints: Endpoints,
    pub(super) tokens: Arc<dyn TokenSource>,
    pub(super) timing: Arc<dyn Timing>,
    pub(super) paces: Paces,
    pub(super) quotas: Quotas,
    pub(super) limits: Limits,
}

/// What one try means for the next.
enum Verdict {
    /// A success, or of a report the way to it or that it is not newer.
    Answered(Answer),
    /// The token is refused; a fresh one may help.
    FreshToken(Problem),
    /// It may pass.
    TryAgain {
        /// How long Microsoft wants us to wait, if it says so.
        wait: Option<Duration>,
        /// Microsoft throttles: everybody waits.
        is_throttled: bool,
        problem: Problem,
    },
    /// It will not pass.
    Over(Stop),
}

impl Caller {
    /// The first success; stops at once when the meter is canceled.
    pub(super) async fn get(&self, call: &Call) -> Result<Answer, Stop> {
        call.meter
            .unless_canceled(self.get_patiently(call))
            .await
            .unwrap_or(Err(Stop::Error(Error::Canceled)))
    }

    async fn get_patiently(&self, call: &Call) -> Result<Answer, Stop> {
        let mut tries = 0;
        let mut connection = Connection::Pooled;
        let mut stale: Option<Arc<SecretString>> = None;
        let mut is_refreshed = false;
        // Who is not let in need not wait to be told so, nor take the place of one who is.
        self.token(None).await?;
        loop {
            let turn = self.turn(call).await?;
            // After the wait: it may have outlived the token.
            let token = self.token(stale.take().as_deref()).await?;
            let outcome = self.send(call, &token, connection).await?;
            drop(turn);
            match self.judge(call.dataset, outcome) {
                Verdict::Answered(answer) => {
                    self.paces.of(call.dataset).answered(load(&answer.headers));
                    return Ok(answer);
                }
                Verdict::Over(stop) => return Err(stop),
                Verdict::FreshToken(problem) if is_refreshed => return Err(Stop::problem(problem)),
                Verdict::FreshToken(_) => {
                    is_refreshed = true;
                    stale = Some(token);
                }
                Verdict::TryAgain {
                    wait,
                    is_throttled,
                    problem,
                } => {
                    tries += 1;
                    connection = Connection::Fresh;
                    if is_throttled {
                        call.meter.count_throttled();
                    }
                    if !self.wait_after(call, tries, wait, is_throttled).await {
                        return Err(Stop::problem(problem));
                    }
                }
            }
        }
    }

    /// Returns when one request may be sent: neither ahead of the pace nor beyond a quota.
    async fn turn(&self, call: &Call) -> Result<Turn, Stop> {
        let patience = call.meter.patience();
        let patient_until = patience.map(|patience| self.timing.now() + patience);
        let deadline = patient_until.map_or(call.deadline, |until| until.min(call.deadline));
        let too_late = || match deadline < call.deadline {
            true => held_back(call),
            false => too_late(call),
        };
        loop {
            let turn = self.paces.of(call.dataset).turn(deadline).await;
            let turn = turn.map_err(|_| too_late())?;
            let Err(room_at) = self.quotas.take(call.dataset, self.timing.now()) else {
                return Ok(turn);
            };
            // Others may go meanwhile.
            drop(turn);
            if room_at > deadline {
                return Err(too_late());
            }
            self.timing.sleep_until(room_at).await;
        }
    }

    async fn token(&self, stale: Option<&SecretString>) -> Result<Arc<SecretString>, Stop> {
        self.tokens
            .access_token(stale)
            .await
            .map_err(|error| Stop::Error(Error::SignIn(error)))
    }

    /// One try. The outer error is ours, the inner one the network's.
    async fn send(
        &self,
        call: &Call,
        token: &SecretString,
        connection: Connection,
    ) -> Result<Result<Answer, TransportError>, Stop> {
        let mut request = self
            .endpoints
            .authorized_get(&call.url, token)
            .map_err(|reason| Stop::problem(not_sent(call.dataset, reason)))?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(call.accept));
        headers.insert(
            HeaderName::from_static("x-ms-throttle-priority"),
            HeaderValue::from_static("low"),
        );
        if call.is_advanced {
            headers.insert(
                HeaderName::from_static("consistencylevel"),
                HeaderValue::from_static("eventual"),
            );
        }
        if let Some(etag) = &call.if_none_match {
            headers.insert(IF_NONE_MATCH, etag.clone());
        }
        let id = Uuid::new_v4();
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            headers.insert(HeaderName::from_static("client-request-id"), value);
        }
        call.meter.count_request();
        let bytes_max = match Dataset::REPORTS.contains(&call.dataset) {
            true => REPORT_BYTES_MAX,
            false => PAGE_BYTES_MAX,
        };
        let outcome = self.http.send(request, bytes_max, connection).await;
        tracing::debug!(
            dataset = call.dataset.name(),
            client_request_id = %id,
            request_id = outcome.as_ref().ok().and_then(problem::id_of).map(tracing::field::display),
            status = outcome.as_ref().ok().map(|answer| answer.status.as_u16()),
            error = outcome.as_ref().err().map(tracing::field::display),
            "asked Microsoft Graph",
        );
        Ok(outcome)
    }

    /// Waits before the next try; false if there is none.
    async fn wait_after(
        &self,
        call: &Call,
        tries: u32,
        wait: Option<Duration>,
        is_throttled: bool,
    ) -> bool {
        let chance = self.timing.chance();
        // Never sooner than asked for, and a little later by chance.
        let wait = match wait {
            Some(wait) => wait + Duration::from_secs(1).mul_f64(chance),
            None => backoff(tries, chance),
        };
        let is_too_long = call
            .meter
            .patience()
            .is_some_and(|patience| wait > patience);
        let is_last = tries >= call.tries_max || is_too_long;
        if is_throttled {
            // Also after the last try: others share the pace.
            self.paces.of(call.dataset).throttled(wait);
        } else if !is_last {
            self.timing.sleep_until(self.timing.now() + wait).await;
        }
        !is_last
    }

    fn host(&self) -> &str {
        self.endpoints.graph().host_str().unwrap_or_default()
    }

    fn judge(&self, dataset: Dataset, outcome: Result<Answer, TransportError>) -> Verdict {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => {
                let problem = problem::of_transport(dataset, self.host(), &error);
                return match error.kind {
                    TransportErrorKind::TooLarge => Verdict::Over(Stop::problem(problem)),
                    TransportErrorKind::Connect
                    | TransportErrorKind::Timeout
                    | TransportErrorKind::Broken => Verdict::TryAgain {
                        wait: None,
                        is_throttled: false,
                        problem,
                    },
                };
            }
        };
        if is_success(dataset, answer.status) {
            return Verdict::Answered(answer);
        }
        let error = GraphError::read(&answer);
        let scopes = self.tokens.granted_scopes();
        let question = Question {
            dataset,
            cloud: self.endpoints.cloud(),
            scopes: scopes.as_deref(),
        };
        let problem = problem::of_answer(&question, &answer, &error);
        if answer.status == StatusCode::BAD_REQUEST
            && let Some(begins_at) = error.begins_at
        {
            return Verdict::Over(Stop::TooEarly { begins_at, problem });
        }
        let wait = retry_after(&answer.headers);
        match answer.status {
            StatusCode::UNAUTHORIZED if !problem::asks_for_claims(&answer.headers) => {
                Verdict::FreshToken(problem)
            }
            StatusCode::BAD_REQUEST if error.wants_smaller_pages => {
                Verdict::Over(Stop::SmallerPages(problem))
            }
            StatusCode::TOO_MANY_REQUESTS => Verdict::TryAgain {
                wait,
                is_throttled: true,
                problem,
            },
            StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Verdict::TryAgain {
                wait,
                is_throttled: answer.status == StatusCode::SERVICE_UNAVAILABLE && wait.is_some(),
                problem,
            },
            status if is_refusal(status) => Verdict::Over(Stop::Refused(Refusal {
                status,
                code: error.code,
                problem,
            })),
            _ => Verdict::Over(Stop::problem(problem)),
        }
    }
}

/// Whether an answer is one that was asked for. A report lies elsewhere, or is no newer than the one
/// that we have.
fn is_success(dataset: Dataset, status: StatusCode) -> bool {
    let is_report = Dataset::REPORTS.contains(&dataset);
    match status {
        StatusCode::OK => true,
        StatusCode::FOUND | StatusCode::NOT_MODIFIED => is_report,
        _ => false,
    }
}

/// Whether it is the request that Graph does not like, not who sends it.
fn is_refusal(status: StatusCode) -> bool {
    let is_of_sender = matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN
    );
    (status.is_client_error() && !is_of_sender) || status == StatusCode::NOT_IMPLEMENTED
}

fn not_sent(dataset: Dataset, reason: NotSent) -> Problem {
    match reason {
        NotSent::UntrustedLink => untrusted_link(dataset),
        NotSent::UnusableToken => Problem::new(
            ProblemKind::SignIn,
            "The login service handed out an access token with characters that no token has.",
        ),
    }
}

/// A link that leads to another origin than Graph's.
pub(super) fn untrusted_link(dataset: Dataset) -> Problem {
    Problem::new(
        ProblemKind::UntrustedLink,
        format!(
            "{} linked its next page to another place than Graph's own address. The link was not followed, and no token was sent. Look for a proxy that rewrites answers; if graph_url is set, it must be the address that Graph itself puts into its links.",
            problem::path(dataset)
        ),
    )
}

/// Microsoft's limits hold the call back for longer than the caller is patient.
fn held_back(call: &Call) -> Stop {
    Stop::problem(Problem::new(
        ProblemKind::Throttled,
        format!(
            "{} takes no more requests of this application just now. It passes by itself within ten minutes.",
            problem::path(call.dataset)
        ),
    ))
}

fn too_late(call: &Call) -> Stop {
    Stop::problem(Problem::new(
        ProblemKind::TooLarge,
        format!(
            "{} was not read within two hours, waits for Microsoft included.",
            problem::path(call.dataset)
        ),
    ))
}
