//! Running an operation: on bounded places, against a deadline, and whatever it does, with an answer.

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{ObjectType, Request, Response, Schema, ServerError, SubscriptionType, Value};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tracing::Instrument;

use crate::api::caller::Caller;
use crate::api::error::{Code, Error};
use crate::api::export::Exporter;
use crate::api::gate::{self, Fault, Refusal};
use crate::api::http::parameters::Parameters;
use crate::api::metrics::{self, Running};
use crate::api::places::Places;
use crate::api::plan::Planner;
use crate::api::settings::Limits;
use crate::api::waiting;

/// Gives a request what its resolvers need: who asks, and whatever else belongs to one request.
pub type Attach = Arc<dyn Fn(Request, &Caller) -> Request + Send + Sync>;

type Execute = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;
type Subscribe = Arc<dyn Fn(Request) -> BoxStream<'static, Response> + Send + Sync>;

/// A GraphQL schema behind the gate, its types erased: the transports are compiled once.
#[derive(Clone)]
pub struct Endpoint {
    execute: Execute,
    subscribe: Subscribe,
    attach: Attach,
    limits: Arc<Limits>,
    runtime: Handle,
    running: Arc<Semaphore>,
    planner: Option<Planner>,
    exporter: Option<Exporter>,
    subscriptions: Places<String>,
}

/// A request that passed the gate.
pub(in crate::api) struct Admitted {
    request: Request,
    /// What it does.
    pub(in crate::api) operation: OperationType,
    /// What it costs.
    pub(in crate::api) cost: usize,
}

/// An operation's result as JSON, and what its status must tell.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::api) enum Outcome {
    /// Execution began: `data` is there, be it null.
    Executed {
        json: Bytes,
        /// There is no error in it.
        is_clean: bool,
    },
    /// Execution did not begin: only `errors` is there.
    Rejected {
        errors: Vec<ServerError>,
        fault: Fault,
    },
}

/// Why an operation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Failure {
    /// All places are taken.
    Busy,
    /// This caller has as many subscriptions as it may.
    TooManySubscriptions,
    /// It ran longer than it may.
    Deadline,
    /// Its answer is larger than it may be.
    AnswerTooLarge,
    /// It panicked; the log has it.
    Panicked,
    /// The server stops.
    Stopping,
}

impl Endpoint {
    /// Serves a schema. Operations run on `runtime` and not on the threads that hold connections, so
    /// a heavy one delays no other's refusal.
    pub fn new<Q, M, S>(
        schema: Schema<Q, M, S>,
        attach: Attach,
        mut limits: Limits,
        runtime: Handle,
    ) -> Self
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        limits.nesting_max = limits.nesting_max.min(Limits::NESTING_MOST);
        let of_streams = schema.clone();
        Self {
            execute: Arc::new(move |request| {
                let schema = schema.clone();
                async move { schema.execute(request).await }.boxed()
            }),
            subscribe: Arc::new(move |request| of_streams.execute_stream(request)),
            attach,
            running: Arc::new(Semaphore::new(limits.running_max)),
            subscriptions: Places::new(limits.subscriptions_max),
            limits: Arc::new(limits),
            planner: None,
            exporter: None,
            runtime,
        }
    }

    /// Answers by plans what they can answer.
    pub fn with_planner(mut self, planner: Option<Planner>) -> Self {
        self.planner = planner;
        self
    }

    /// Exports lists too.
    pub fn with_exporter(mut self, exporter: Option<Exporter>) -> Self {
        self.exporter = exporter;
        self
    }

    /// What exports lists.
    pub(in crate::api) fn exporter(&self) -> Option<&Exporter> {
        self.exporter.as_ref()
    }

    /// Where operations run.
    pub(in crate::api) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// What answers by plans.
    pub(in crate::api) fn planner(&self) -> Option<&Planner> {
        self.planner.as_ref()
    }

    /// What one request may ask for.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Lets a request through the gate, for a caller.
    pub(in crate::api) fn admit(
        &self,
        parameters: Parameters,
        caller: &Caller,
    ) -> Result<Admitted, Refusal> {
        let Parameters {
            query,
            operation_name,
            variables,
        } = parameters;
        let admitted = gate::check(&query, &variables, operation_name.as_deref(), &self.limits)
            .inspect_err(|refusal| metrics::count_refusal(refusal.code()))?;
        let mut request = Request::new(query).variables(variables);
        request.operation_name = admitted.operation_name;
        request.set_parsed_query(admitted.document);
        Ok(Admitted {
            request: (self.attach)(request, caller),
            operation: admitted.operation,
            cost: admitted.cost,
        })
    }

    /// Runs a query or a mutation.
    ///
    /// A query ends when nobody waits for it any more. A mutation goes on: half of one is worse than
    /// one that nobody saw.
    pub(in crate::api) async fn run(&self, admitted: Admitted) -> Result<Outcome, Failure> {
        let place = Arc::clone(&self.running)
            .try_acquire_owned()
            .map_err(|_| Failure::Busy)?;
        let (wait, execution) = waiting::awaited((self.execute)(admitted.request));
        let limits = Arc::clone(&self.limits);
        let work = async move {
            let _while_it_runs = (place, Running::operation());
            outcome_of(execution.await, &limits)
        };
        let task = self.runtime.spawn(work.in_current_span());
        let is_query = admitted.operation == OperationType::Query;
        // Aborting ends what waits, the other what works.
        let _abandoned_query =
            is_query.then(|| (AbortOnDrop(task.abort_handle()), wait.until_dropped()));
        match tokio::time::timeout(self.limits.deadline, task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) if error.is_panic() => Err(Failure::Panicked),
            Ok(Err(_)) => Err(Failure::Stopping),
            Err(_) => Err(Failure::Deadline),
        }
    }

    /// Carries work to its end where operations run, whether or not somebody still waits for it.
    pub(in crate::api) async fn carry_out<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let task = self.runtime.spawn(work.in_current_span());
        task.await.map_err(|error| match error.is_panic() {
            true => Failure::Panicked,
            false => Failure::Stopping,
        })
    }

    /// Starts an operation of any kind whose results come one by one; it ends when they are dropped.
    pub(in crate::api) fn open(
        &self,
        admitted: Admitted,
        caller: &Caller,
    ) -> Result<Results, Failure> {
        let place = self
            .subscriptions
            .take(caller.name.clone())
            .ok_or(Failure::TooManySubscriptions)?;
        let (sender, receiver) = mpsc::channel(RESULTS_AHEAD);
        let stream = (self.subscribe)(admitted.request);
        let limits = Arc::clone(&self.limits);
        let work = async move {
            let _while_it_is_open = (place, Running::subscription());
            let forwarding = forward(stream, &sender, &limits);
            if AssertUnwindSafe(forwarding).catch_unwind().await.is_err() {
                // Nobody may be listening any more.
                let _ = sender.send(Err(Failure::Panicked)).await;
            }
        };
        let task = self.runtime.spawn(work.in_current_span());
        Ok(Results {
            receiver,
            _task: AbortOnDrop(task.abort_handle()),
        })
    }
}

/// Results that wait for a slow reader before the subscription waits too.
const RESULTS_AHEAD: usize = 4;

/// Results of a subscription, as they come.
pub(in crate::api) struct Results {
    receiver: mpsc::Receiver<Result<Outcome, Failure>>,
    _task: AbortOnDrop,
}

impl Results {
    /// The next one; `None` after the last.
    pub(in crate::api) async fn next(&mut self) -> Option<Result<Outcome, Failure>> {
        self.receiver.recv().await
    }
}

async fn forward(
    mut stream: BoxStream<'static, Response>,
    sender: &mpsc::Sender<Result<Outcome, Failure>>,
    limits: &Limits,
) {
    while let Some(response) = stream.next().await {
        if sender.send(outcome_of(response, limits)).await.is_err() {
            return;
        }
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Characters of an error's message; some of async-graphql's quote the values they refuse.
const MESSAGE_CHARS_MAX: usize = 500;

fn outcome_of(mut response: Response, limits: &Limits) -> Result<Outcome, Failure> {
    // Errors of fields have a path; without one, and without data, no field was ever asked.
    let has_begun = response.data != Value::Null
        || response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty());
    response.errors.truncate(limits.errors_max);
    response.errors.iter_mut().for_each(make_presentable);
    if !has_begun {
        let is_limit = response
            .errors
            .iter()
            .any(|error| code_of(error) == Some(Code::LimitExceeded.as_str()));
        let fault = if is_limit {
            Fault::Limit
        } else {
            Fault::Document
        };
        let code = if is_limit {
            Code::LimitExceeded
        } else {
            Code::BadInput
        };
        metrics::count_refusal(code);
        return Ok(Outcome::Rejected {
            errors: response.errors,
            fault,
        });
    }
    #[derive(Serialize)]
    struct Executed<'a> {
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        errors: &'a [ServerError],
        data: &'a Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        extensions: Option<&'a std::collections::BTreeMap<String, Value>>,
    }
    let extensions = (!response.extensions.is_empty()).then_some(&response.extensions);
    let executed = Executed {
        errors: &response.errors,
        data: &response.data,
        extensions,
    };
    let mut body = Bounded {
        written: Vec::new(),
        most: limits.answer_bytes_max,
    };
    serde_json::to_writer(&mut body, &executed).map_err(|_| Failure::AnswerTooLarge)?;
    Ok(Outcome::Executed {
        json: body.written.into(),
        is_clean: response.errors.is_empty(),
    })
}

/// Gives an error a code and a message of bounded length, without guesses at what was meant: those
/// would list the schema.
fn make_presentable(error: &mut ServerError) {
    if let Some(guess) = error.message.find(" Did you mean") {
        error.message.truncate(guess);
    }
    if let Some((cut, _)) = error.message.char_indices().nth(MESSAGE_CHARS_MAX) {
        error.message.truncate(cut);
        error.message.push('…');
    }
    if code_of(error).is_none() {
        let code = if is_limit_message(&error.message) {
            Code::LimitExceeded
        } else {
            Code::BadInput
        };
        error
            .extensions
            .get_or_insert_default()
            .set("code", code.as_str());
    }
}

/// async-graphql's own limits have no code, only these words.
fn is_limit_message(message: &str) -> bool {
    matches!(
        message,
        "Query is too complex." | "Query is nested too deep."
    ) || message.starts_with("The recursion depth of the query")
        || message.starts_with("The amount of")
}

fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

/// A buffer that refuses to grow beyond its bound.
struct Bounded {
    written: Vec<u8>,
    most: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.written.len().saturating_add(bytes.len()) > self.most {
            return Err(std::io::Error::from(std::io::ErrorKind::FileTooLarge));
        }
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// `errors` of a request that has no result.
pub(in crate::api) fn errors_json(errors: &[ServerError]) -> Bytes {
    #[derive(Serialize)]
    struct Rejected<'a> {
        errors: &'a [ServerError],
    }
    // Errors are strings and numbers only, which always serialize.
    serde_json::to_vec(&Rejected { errors })
        .unwrap_or_default()
        .into()
}

impl Outcome {
    /// As a GraphQL result.
    pub(in crate::api) fn into_json(self) -> Bytes {
        match self {
            Self::Executed { json, .. } => json,
            Self::Rejected { errors, .. } => errors_json(&errors),
        }
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::Rejected {
            errors: vec![refusal.to_server_error()],
            fault: refusal.fault,
        }
    }
}

impl Failure {
    /// Whether trying again later may help, and when.
    pub(in crate::api) fn retry_after(self) -> Option<Duration> {
        matches!(self, Self::Busy | Self::Stopping).then_some(Duration::from_secs(1))
    }

    /// In words and with its code; what failed in us is found in the log by the request's id.
    pub(in crate::api) fn to_server_error(self, request_id: &str, limits: &Limits) -> ServerError {
        let (code, message) = match self {
            Self::Busy => (
                Code::Unavailable,
                "The server runs as many operations as it can; try again soon.".to_owned(),
            ),
            Self::Stopping => (
                Code::Unavailable,
                "The server is stopping; try again soon.".to_owned(),
            ),
            Self::TooManySubscriptions => {
                let most = limits.subscriptions_max;
                (
                    Code::LimitExceeded,
                    format!("A token may have at most {most} subscriptions open."),
                )
            }
            Self::Deadline => {
                let seconds = limits.deadline.as_secs();
                let message = format!(
                    "The operation took longer than {seconds} s; a mutation may still take effect."
                );
                (Code::LimitExceeded, message)
            }
            Self::AnswerTooLarge => {
                let most = limits.answer_bytes_max;
                (
                    Code::LimitExceeded,
                    format!("The answer would be larger than {most} bytes; ask for less."),
                )
            }
            Self::Panicked => {
                tracing::error!(request_id, "an operation panicked");
                (
                    Code::Internal,
                    "The server failed; its log tells more under this request's id.".to_owned(),
                )
            }
        };
        metrics::count_refusal(code);
        let error = async_graphql::Error::from(Error::new(code, message));
        let mut outward = ServerError::new(error.message, None);
        outward.extensions = error.extensions;
        if code == Code::Internal {
            outward
                .extensions
                .get_or_insert_default()
                .set("requestId", request_id);
        }
        outward
    }
}
