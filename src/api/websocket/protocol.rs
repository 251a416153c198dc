//! Messages of the graphql-transport-ws protocol, read and written; no connection here.

use serde_json::{Map, Value, json};

use crate::api::gate::parse_json;

/// The subprotocol's name in the handshake.
pub(super) const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Characters of an operation's id; clients send UUIDs or counters.
const ID_CHARS_MAX: usize = 128;

/// Brackets of a message around an operation's variables.
const MESSAGE_NESTING: usize = 3;

/// Why the server closes, as a code and words of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    BadMessage,
    Unauthorized,
    Forbidden,
    InitTimeout,
    OperationExists,
    TooManyInits,
    GoingAway,
    TooLarge,
    NotUtf8,
    BadFrame,
    Silent,
}

impl Closing {
    pub(super) fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::BadFrame => 1002,
            Self::NotUtf8 => 1007,
            Self::Silent => 1008,
            Self::TooLarge => 1009,
            Self::BadMessage => 4400,
            Self::Unauthorized => 4401,
            Self::Forbidden => 4403,
            Self::InitTimeout => 4408,
            Self::OperationExists => 4409,
            Self::TooManyInits => 4429,
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "The server stops",
            Self::BadFrame => "Not a WebSocket frame",
            Self::NotUtf8 => "Not UTF-8",
            Self::Silent => "No sign of life",
            Self::TooLarge => "Message too large",
            Self::BadMessage => "Not a message of graphql-transport-ws",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::InitTimeout => "Connection initialisation timeout",
            Self::OperationExists => "Subscriber for this id already exists",
            Self::TooManyInits => "Too many initialisation requests",
        }
    }
}

/// What a client says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ClientMessage {
    /// Opens the connection; browsers cannot set headers, so the token may come here.
    Init {
        authorization: Option<String>,
    },
    Ping,
    Pong,
    Subscribe {
        id: String,
        parameters: Map<String, Value>,
    },
    /// The client wants no more of an operation.
    Complete {
        id: String,
    },
}

impl ClientMessage {
    /// Reads a message; whatever is not one closes the connection.
    pub(super) fn parse(text: &str, nesting_max: usize) -> Result<Self, Closing> {
        let nesting_max = nesting_max.saturating_add(MESSAGE_NESTING);
        let message = parse_json::<Map<String, Value>>(text.as_bytes(), nesting_max);
        let mut message = message.map_err(|_| Closing::BadMessage)?;
        let Some(Value::String(kind)) = message.remove("type") else {
            return Err(Closing::BadMessage);
        };
        let payload = match message.remove("payload") {
            None | Some(Value::Null) => None,
            Some(Value::Object(payload)) => Some(payload),
            Some(_) => return Err(Closing::BadMessage),
        };
        match (kind.as_str(), payload) {
            ("connection_init", payload) => Ok(Self::Init {
                authorization: payload.and_then(authorization),
            }),
            ("ping", _) => Ok(Self::Ping),
            ("pong", _) => Ok(Self::Pong),
            ("subscribe", Some(parameters)) => Ok(Self::Subscribe {
                id: id_of(&mut message)?,
                parameters,
            }),
            ("complete", None) => Ok(Self::Complete {
                id: id_of(&mut message)?,
            }),
            _ => Err(Closing::BadMessage),
        }
    }
}

/// `authorization` of an init's payload, however its first letter is written.
fn authorization(payload: Map<String, Value>) -> Option<String> {
    payload.into_iter().find_map(|(name, value)| match value {
        Value::String(value) if name.eq_ignore_ascii_case("authorization") => Some(value),
        _ => None,
    })
}

fn id_of(message: &mut Map<String, Value>) -> Result<String, Closing> {
    match message.remove("id") {
        Some(Value::String(id)) if (1..=ID_CHARS_MAX).contains(&id.chars().count()) => Ok(id),
        _ => Err(Closing::BadMessage),
    }
}

pub(super) const ACK: &str = r#"{"type":"connection_ack"}"#;
pub(super) const PONG: &str = r#"{"type":"pong"}"#;

/// A result of an operation, its JSON written already.
pub(super) fn next(id: &str, result: &str) -> String {
    format!(r#"{{"id":{},"type":"next","payload":{result}}}"#, json!(id))
}

/// An operation that did not begin; nothing more comes of it. `errors` is a JSON list.
pub(super) fn error(id: &str, errors: &str) -> String {
    format!(
        r#"{{"id":{},"type":"error","payload":{errors}}}"#,
        json!(id)
    )
}

/// An operation that is over.
pub(super) fn complete(id: &str) -> String {
    json!({"id": id, "type": "complete"}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: ClientMessage) {
        assert_eq!(ClientMessage::parse(text, 24), Ok(expected));
    }

    #[track_caller]
    fn refused(text: &str) {
        assert_eq!(
            ClientMessage::parse(text, 24),
            Err(Closing::BadMessage),
            "{text}"
        );
    }

    #[test]
    fn messages_of_the_protocol_are_understood() {
        check(
            r#"{"type":"connection_init"}"#,
            ClientMessage::Init {
                authorization: None,
            },
        );
        check(
            r#"{"type":"connection_init","payload":{"Authorization":"Bearer x"}}"#,
            ClientMessage::Init {
                authorization: Some("Bearer x".to_owned()),
            },
        );
        check(r#"{"type":"ping","payload":{"a":1}}"#, ClientMessage::Ping);
        check(r#"{"type":"pong"}"#, ClientMessage::Pong);
        check(
            r#"{"id":"1","type":"subscribe","payload":{}}"#,
            ClientMessage::Subscribe {
                id: "1".to_owned(),
                parameters: Map::new(),
            },
        );
        check(
            r#"{"id":"1","type":"complete"}"#,
            ClientMessage::Complete { id: "1".to_owned() },
        );
    }

    #[test]
    fn everything_else_closes_the_connection() {
        for text in [
            "",
            "[]",
            "{}",
            "nonsense",
            r#"{"type":1}"#,
            r#"{"type":"next"}"#,
            r#"{"type":"connection_init","payload":[]}"#,
            r#"{"type":"subscribe","payload":{}}"#,
            r#"{"type":"subscribe","id":1,"payload":{}}"#,
            r#"{"type":"subscribe","id":"","payload":{}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"complete"}"#,
        ] {
            refused(text);
        }
        refused(&format!(
            r#"{{"type":"complete","id":"{}"}}"#,
            "x".repeat(129)
        ));
        refused(&format!(
            r#"{{"type":"ping","payload":{{"x":{}"#,
            "[".repeat(100_000)
        ));
    }

    #[test]
    fn ids_are_quoted_in_answers() {
        assert_eq!(
            next("\"", "{}"),
            r#"{"id":"\"","type":"next","payload":{}}"#
        );
        assert_eq!(
            error("a", "[]"),
            r#"{"id":"a","type":"error","payload":[]}"#
        );
        assert_eq!(complete("a"), r#"{"id":"a","type":"complete"}"#);
    }
}
