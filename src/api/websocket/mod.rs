//! GraphQL over WebSocket: graphql-transport-ws, each message through the same gate as a POST.
//!
//! async-graphql's own implementation is not used: it does not look at `Origin`, answers an invalid
//! operation with `next` and closes with codes that the protocol does not know.

mod protocol;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session,
};
use async_graphql::parser::types::OperationType;
use futures_util::StreamExt;
use futures_util::stream::{LocalBoxStream, SelectAll};
use serde_json::{Map, Value};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::api::caller::Caller;
use crate::api::gate::Refusal;
use crate::api::http::{Failure, Media, Outcome, Parameters, Problem, header_values, request};
use crate::api::server::Shared;
use protocol::{ClientMessage, Closing};

/// How long a client may take to say `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the client is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long it may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long a message may wait for a slow reader.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether a request wants to become a WebSocket.
pub(super) fn is_upgrade(http: &HttpRequest) -> bool {
    http.method() == Method::GET
        && header_values(http, header::UPGRADE)
            .flat_map(|value| value.split(','))
            .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// Answers the handshake and serves the connection until it ends.
pub(super) fn accept(http: &HttpRequest, payload: Payload, shared: &Data<Shared>) -> HttpResponse {
    handshake(http, payload, shared).unwrap_or_else(|problem| {
        problem.into_response(Media::Json, request::id(http), shared.endpoint.limits())
    })
}

fn handshake(
    http: &HttpRequest,
    payload: Payload,
    shared: &Data<Shared>,
) -> Result<HttpResponse, Problem> {
    // Browsers let any page open a WebSocket to any server and tell only here whose page it is.
    if !shared.origins.allows_websocket(http) {
        return Err(Problem::ForeignOrigin);
    }
    let caller = match header_values(http, header::AUTHORIZATION).next() {
        Some(_) => Some(shared.authorize(http)?),
        None => None,
    };
    let mut offered =
        header_values(http, header::SEC_WEBSOCKET_PROTOCOL).flat_map(|value| value.split(','));
    if !offered.any(|offer| offer.trim() == protocol::SUBPROTOCOL) {
        return Err(Refusal::request("Offer the subprotocol graphql-transport-ws.").into());
    }
    let (response, session, messages) =
        actix_ws::handle_with_protocols(http, payload, &[protocol::SUBPROTOCOL])
            .map_err(|_| Refusal::request("This is not the handshake of a WebSocket."))?;
    let bytes_max = shared.endpoint.limits().body_bytes_max;
    let messages = messages
        .max_frame_size(bytes_max)
        .aggregate_continuations()
        .max_continuation_size(bytes_max);
    let connection = Connection {
        shared: Data::clone(shared),
        session,
        client_address: request::client_address(http),
        request_id: request::id(http),
        caller,
        is_initialized: false,
        running: HashMap::new(),
        events: SelectAll::new(),
    };
    // The connection's own thread carries it; it ends with the connection or the server.
    actix_web::rt::spawn(connection.serve(messages).in_current_span());
    Ok(response)
}

struct Connection {
    shared: Data<Shared>,
    session: Session,
    client_address: IpAddr,
    request_id: String,
    /// By the header's token, or since `connection_init` by its own.
    caller: Option<Caller>,
    is_initialized: bool,
    /// Operations by id, each with what ends it.
    running: HashMap<String, CancellationToken>,
    events: SelectAll<LocalBoxStream<'static, Event>>,
}

/// Something to tell the client of an operation.
enum Event {
    Result {
        id: String,
        outcome: Result<Outcome, Failure>,
    },
    Over {
        id: String,
    },
}

/// How serving ended.
enum End {
    Close(Closing),
    /// The client closed, or is gone.
    Gone(Option<CloseReason>),
}

impl Connection {
    async fn serve(mut self, mut messages: AggregatedMessageStream) {
        let end = match self.converse(&mut messages).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        let reason = match end {
            End::Close(closing) => {
                tracing::debug!(
                    request_id = self.request_id,
                    code = closing.code(),
                    "closed a WebSocket"
                );
                Some(CloseReason {
                    code: CloseCode::from(closing.code()),
                    description: Some(closing.reason().to_owned()),
                })
            }
            End::Gone(reason) => reason,
        };
        // Where the client is gone there is nobody to tell.
        let _ = tokio::time::timeout(SEND_TIMEOUT, self.session.close(reason)).await;
    }

    async fn converse(
        &mut self,
        messages: &mut AggregatedMessageStream,
    ) -> Result<std::convert::Infallible, End> {
        let opened = Instant::now();
        let mut last_heard = opened;
        let mut beat = tokio::time::interval_at(opened + PING_EVERY, PING_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shutdown = self.shared.shutdown.clone();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Err(End::Close(Closing::GoingAway)),
                () = tokio::time::sleep_until(opened + INIT_TIMEOUT), if !self.is_initialized => {
                    return Err(End::Close(Closing::InitTimeout));
                }
                _ = beat.tick() => {
                    if last_heard.elapsed() > SILENCE_MAX {
                        return Err(End::Close(Closing::Silent));
                    }
                    self.session.ping(b"").await.map_err(|_| End::Gone(None))?;
                }
                message = messages.recv() => {
                    last_heard = Instant::now();
                    match message {
                        Some(Ok(message)) => self.hear(message).await?,
                        Some(Err(error)) => return Err(End::Close(closing_for(&error))),
                        None => return Err(End::Gone(None)),
                    }
                }
                Some(event) = self.events.next(), if !self.events.is_empty() => self.tell(event).await?,
            }
        }
    }

    async fn hear(&mut self, message: AggregatedMessage) -> Result<(), End> {
        let text = match message {
            AggregatedMessage::Text(text) => text,
            AggregatedMessage::Binary(_) => return Err(End::Close(Closing::BadMessage)),
            AggregatedMessage::Ping(bytes) => {
                return self.session.pong(&bytes).await.map_err(|_| End::Gone(None));
            }
            AggregatedMessage::Pong(_) => return Ok(()),
            AggregatedMessage::Close(reason) => return Err(End::Gone(reason)),
        };
        let nesting_max = self.shared.endpoint.limits().nesting_max;
        match ClientMessage::parse(&text, nesting_max).map_err(End::Close)? {
            ClientMessage::Init { authorization } => {
                self.initialize(authorization.as_deref()).await
            }
            ClientMessage::Ping => self.send(protocol::PONG.to_owned()).await,
            ClientMessage::Pong => Ok(()),
            ClientMessage::Subscribe { id, parameters } => self.subscribe(id, parameters).await,
            ClientMessage::Complete { id } => {
                if let Some(operation) = self.running.remove(&id) {
                    operation.cancel();
                }
                Ok(())
            }
        }
    }

    async fn initialize(&mut self, authorization: Option<&str>) -> Result<(), End> {
        if self.is_initialized {
            return Err(End::Close(Closing::TooManyInits));
        }
        if authorization.is_some() || self.caller.is_none() {
            let caller =
                self.shared
                    .access
                    .authorize(authorization, self.client_address, Instant::now());
            self.caller = Some(caller.map_err(|_| End::Close(Closing::Forbidden))?);
        }
        self.is_initialized = true;
        self.send(protocol::ACK.to_owned()).await
    }

    async fn subscribe(&mut self, id: String, parameters: Map<String, Value>) -> Result<(), End> {
        let caller = self.caller.clone().filter(|_| self.is_initialized);
        let caller = caller.ok_or(End::Close(Closing::Unauthorized))?;
        if self.running.contains_key(&id) {
            return Err(End::Close(Closing::OperationExists));
        }
        match self.start(&id, parameters, &caller) {
            Ok(events) => {
                let cancelled = CancellationToken::new();
                let events = events.take_until(cancelled.clone().cancelled_owned());
                self.running.insert(id, cancelled);
                self.events.push(events.boxed_local());
                Ok(())
            }
            Err(problem) => {
                let error =
                    problem.to_server_error(&self.request_id, self.shared.endpoint.limits());
                self.send(protocol::error(&id, &to_json(&[error]))).await
            }
        }
    }

    fn start(
        &self,
        id: &str,
        parameters: Map<String, Value>,
        caller: &Caller,
    ) -> Result<LocalBoxStream<'static, Event>, Problem> {
        let endpoint = self.shared.endpoint.clone();
        let admitted = endpoint.admit(Parameters::from_object(parameters)?, caller)?;
        let id = id.to_owned();
        if admitted.operation != OperationType::Subscription {
            let events = async_stream::stream! {
                yield Event::Result { id: id.clone(), outcome: endpoint.run(admitted).await };
                yield Event::Over { id };
            };
            return Ok(events.boxed_local());
        }
        let mut results = endpoint.open(admitted, caller)?;
        let events = async_stream::stream! {
            while let Some(outcome) = results.next().await {
                yield Event::Result { id: id.clone(), outcome };
            }
            yield Event::Over { id };
        };
        Ok(events.boxed_local())
    }

    async fn tell(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Result {
                id,
                outcome: Ok(Outcome::Executed { json, .. }),
            } => {
                let result = String::from_utf8_lossy(&json);
                self.send(protocol::next(&id, &result)).await
            }
            Event::Result {
                id,
                outcome: Ok(Outcome::Rejected { errors, .. }),
            } => self.fail(&id, &errors).await,
            Event::Result {
                id,
                outcome: Err(failure),
            } => {
                let error =
                    failure.to_server_error(&self.request_id, self.shared.endpoint.limits());
                self.fail(&id, &[error]).await
            }
            // What failed is over already and said so.
            Event::Over { id } => match self.running.remove(&id) {
                Some(_) => self.send(protocol::complete(&id)).await,
                None => Ok(()),
            },
        }
    }

    async fn fail(&mut self, id: &str, errors: &[async_graphql::ServerError]) -> Result<(), End> {
        if let Some(operation) = self.running.remove(id) {
            operation.cancel();
        }
        self.send(protocol::error(id, &to_json(errors))).await
    }

    async fn send(&mut self, message: String) -> Result<(), End> {
        match tokio::time::timeout(SEND_TIMEOUT, self.session.text(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone(None)),
        }
    }
}

/// Errors are strings and numbers only, which always serialize.
fn to_json(errors: &[async_graphql::ServerError]) -> String {
    serde_json::to_string(errors).unwrap_or_else(|_| "[]".to_owned())
}

fn closing_for(error: &ProtocolError) -> Closing {
    match error {
        ProtocolError::Overflow => Closing::TooLarge,
        ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Closing::NotUtf8
        }
        ProtocolError::Io(_) => Closing::TooLarge,
        _ => Closing::BadFrame,
    }
}
