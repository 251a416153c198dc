//! Bodies: of one type, of bounded size, in bounded time.

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;

use crate::api::http::accept::is_utf8;
use crate::api::http::{Problem, header_values};
use crate::api::settings::Limits;

/// Refuses what is not plain JSON before a byte of it is read.
///
/// A form of a foreign page can send three other types without asking first; only this one makes a
/// browser ask.
pub(super) fn check_headers(http: &HttpRequest) -> Result<(), Problem> {
    let encodings = header_values(http, header::CONTENT_ENCODING);
    if encodings
        .flat_map(|value| value.split(','))
        .any(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"))
    {
        return Err(Problem::UnsupportedMedia(
            "Send the body without Content-Encoding.",
        ));
    }
    let mut types = header_values(http, header::CONTENT_TYPE);
    let content_type = types
        .next()
        .filter(|_| types.next().is_none())
        .unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    if !parts
        .next()
        .unwrap_or_default()
        .eq_ignore_ascii_case("application/json")
    {
        return Err(Problem::UnsupportedMedia(
            "Send the body as `Content-Type: application/json`.",
        ));
    }
    let is_foreign =
        parts
            .filter_map(|parameter| parameter.split_once('='))
            .any(|(name, value)| {
                name.trim().eq_ignore_ascii_case("charset")
                    && !is_utf8(value.trim().trim_matches('"'))
            });
    if is_foreign {
        return Err(Problem::UnsupportedMedia("Send the body in UTF-8."));
    }
    Ok(())
}

/// Reads a body whole. The time counts for all of it: a byte now and then keeps nothing open.
pub(super) async fn read(
    http: &HttpRequest,
    payload: Payload,
    limits: &Limits,
) -> Result<Bytes, Problem> {
    let announced = header_values(http, header::CONTENT_LENGTH).next();
    let announced = announced
        .and_then(|length| length.parse::<u64>().ok())
        .unwrap_or(0);
    if usize::try_from(announced).map_or(true, |length| length > limits.body_bytes_max) {
        return Err(Problem::BodyTooLarge);
    }
    let reading = collect(payload, limits.body_bytes_max);
    tokio::time::timeout(limits.body_timeout, reading)
        .await
        .map_err(|_| Problem::BodyTooSlow)?
}

async fn collect(mut payload: Payload, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::BodyBroken)?;
        if body.len().saturating_add(chunk.len()) > bytes_max {
            return Err(Problem::BodyTooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
