//! Subscriptions as server-sent events: graphql-sse, distinct connections mode.
//!
//! Any operation can be asked this way. What is wrong with a document is told in a `next` event, as the
//! protocol wants: the browser's own event source shows nothing of an answer that is not 200. What is
//! wrong around it (token, type, JSON) is told by the status.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Data};
use async_graphql::parser::types::OperationType;

use crate::api::caller::Caller;
use crate::api::http::{Admitted, Media, Outcome, Problem, errors_json};
use crate::api::server::Shared;

/// A comment this often tells proxies that the connection lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

const COMPLETE: &[u8] = b"event: complete\ndata:\n\n";

/// Runs what was admitted and answers with its results.
pub(super) async fn respond(
    shared: &Data<Shared>,
    admitted: Admitted,
    caller: &Caller,
    request_id: String,
) -> Result<HttpResponse, Problem> {
    if admitted.operation != OperationType::Subscription {
        return Ok(respond_once(shared.endpoint.run(admitted).await?));
    }
    let mut results = shared.endpoint.open(admitted, caller)?;
    let shared = Data::clone(shared);
    let events = async_stream::stream! {
        let mut beat = tokio::time::interval(KEEP_ALIVE);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let result = tokio::select! {
                result = results.next() => result,
                _ = beat.tick() => {
                    // The first comes at once and opens the stream.
                    yield Ok::<_, Infallible>(Bytes::from_static(b":\n\n"));
                    continue;
                }
                () = shared.shutdown.cancelled() => None,
            };
            match result {
                Some(Ok(outcome)) => yield Ok(next_event(outcome)),
                Some(Err(failure)) => {
                    let error = failure.to_server_error(&request_id, shared.endpoint.limits());
                    yield Ok(event_of(&errors_json(&[error])));
                    break;
                }
                None => break,
            }
        }
        yield Ok(Bytes::from_static(COMPLETE));
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, Media::EventStream.content_type()))
        // nginx holds answers back unless told not to.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events))
}

/// A stream of one result.
pub(super) fn respond_once(outcome: Outcome) -> HttpResponse {
    let mut events = BytesMut::from(next_event(outcome).as_ref());
    events.extend_from_slice(COMPLETE);
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, Media::EventStream.content_type()))
        .body(events.freeze())
}

fn next_event(outcome: Outcome) -> Bytes {
    event_of(&outcome.into_json())
}

/// JSON has no raw line breaks, so one `data` line holds it.
fn event_of(json: &[u8]) -> Bytes {
    [b"event: next\ndata: ", json, b"\n\n"].concat().into()
}
