//! The four parameters of a GraphQL request, from a body or an address; strictly typed.

use async_graphql::Variables;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::api::gate::{Refusal, parse_json};

/// What a client asks, its types checked and nothing more.
#[derive(Debug, Clone)]
pub(in crate::api) struct Parameters {
    pub(in crate::api) query: String,
    pub(in crate::api) operation_name: Option<String>,
    pub(in crate::api) variables: Variables,
}

/// Brackets of a body around its variables: the body itself and `variables`.
const BODY_NESTING: usize = 2;

impl Parameters {
    /// From the body of a POST.
    pub(in crate::api) fn from_body(body: &[u8], nesting_max: usize) -> Result<Self, Refusal> {
        match parse_json(body, nesting_max.saturating_add(BODY_NESTING))? {
            Value::Object(fields) => Self::from_object(fields),
            Value::Array(_) => Err(Refusal::request(
                "Batches are not supported; send one request with one operation, which may have many fields.",
            )),
            _ => Err(Refusal::request(
                "The body must be a JSON object with `query`.",
            )),
        }
    }

    /// From a JSON object: a body, or the payload of a WebSocket's `subscribe`.
    pub(in crate::api) fn from_object(mut fields: Map<String, Value>) -> Result<Self, Refusal> {
        let query = match fields.remove("query") {
            Some(Value::String(query)) => query,
            None => {
                return Err(Refusal::request(
                    "`query` is missing: the GraphQL document, as a string.",
                ));
            }
            Some(_) => {
                return Err(Refusal::request(
                    "`query` must be a string: the GraphQL document.",
                ));
            }
        };
        let operation_name = match fields.remove("operationName") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => {
                return Err(Refusal::request(
                    "`operationName` must be a string or null.",
                ));
            }
        };
        let variables = match fields.remove("variables") {
            None | Some(Value::Null) => Variables::default(),
            Some(map @ Value::Object(_)) => Variables::from_json(map),
            Some(_) => return Err(Refusal::request("`variables` must be an object or null.")),
        };
        match fields.remove("extensions") {
            None | Some(Value::Null | Value::Object(_)) => {}
            Some(_) => return Err(Refusal::request("`extensions` must be an object or null.")),
        }
        Ok(Self {
            query,
            operation_name,
            variables,
        })
    }

    /// From the query part of a GET's address, where maps are JSON texts.
    pub(in crate::api) fn from_address(
        address_query: &str,
        nesting_max: usize,
    ) -> Result<Self, Refusal> {
        let mut fields = Map::new();
        for (name, text) in form_urlencoded::parse(address_query.as_bytes()) {
            // The decoder puts this character where the bytes are not UTF-8.
            if text.contains('\u{fffd}') {
                return Err(Refusal::request("The parameters are not UTF-8."));
            }
            let value = match name.as_ref() {
                "query" | "operationName" => Value::String(text.into_owned()),
                "variables" | "extensions" if text.is_empty() => Value::Null,
                "variables" | "extensions" => {
                    parse_json(text.as_bytes(), nesting_max.saturating_add(1))?
                }
                _ => continue,
            };
            if fields.insert(name.into_owned(), value).is_some() {
                return Err(Refusal::request("A parameter is given twice."));
            }
        }
        Self::from_object(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(result: Result<Parameters, Refusal>, about: &str) {
        let refusal = result.unwrap_err();
        assert!(refusal.message.contains(about), "{}", refusal.message);
    }

    #[test]
    fn a_body_is_read_strictly() {
        let parameters = Parameters::from_body(
            br#"{"query":"{a}","variables":{"x":[1]},"extensions":null}"#,
            24,
        )
        .unwrap();
        assert_eq!(parameters.query, "{a}");
        assert_eq!(parameters.variables.len(), 1);
        refused(Parameters::from_body(b"[]", 24), "Batches");
        refused(Parameters::from_body(b"1", 24), "object");
        refused(Parameters::from_body(b"{}", 24), "`query` is missing");
        refused(
            Parameters::from_body(br#"{"query":null}"#, 24),
            "`query` must",
        );
        refused(
            Parameters::from_body(br#"{"query":"","operationName":1}"#, 24),
            "`operationName`",
        );
        refused(
            Parameters::from_body(br#"{"query":"","variables":[]}"#, 24),
            "`variables`",
        );
        refused(
            Parameters::from_body(br#"{"query":"","extensions":"x"}"#, 24),
            "`extensions`",
        );
        refused(
            Parameters::from_body(br#"{"query":""#, 24),
            "ends too early",
        );
        refused(Parameters::from_body(b"\xff", 24), "not UTF-8");
        refused(
            Parameters::from_body(b"{\"query\":\"\xc3\"}", 24),
            "not UTF-8",
        );
    }

    #[test]
    fn nesting_is_bounded_before_the_parser_recurses() {
        let deep = format!(
            r#"{{"query":"","variables":{{"x":{}1{}}}}}"#,
            "[".repeat(24),
            "]".repeat(24)
        );
        assert!(Parameters::from_body(deep.as_bytes(), 24).is_ok());
        let deeper = format!(r#"{{"query":"","variables":{{"x":{}"#, "[".repeat(500_000));
        refused(Parameters::from_body(deeper.as_bytes(), 24), "at most 26");
        let in_string = format!(r#"{{"query":"{}\\\"[["}}"#, "[".repeat(100));
        assert!(
            Parameters::from_body(in_string.as_bytes(), 24).is_ok(),
            "brackets in strings do not nest"
        );
    }

    #[test]
    fn an_address_is_read_like_a_body() {
        let parameters = Parameters::from_address(
            "query=%7Ba%7D&variables=%7B%22x%22%3A1%7D&operationName=&utm=1",
            24,
        )
        .unwrap();
        assert_eq!(parameters.query, "{a}");
        assert_eq!(parameters.variables.len(), 1);
        refused(Parameters::from_address("", 24), "`query` is missing");
        refused(Parameters::from_address("query=a&query=b", 24), "twice");
        refused(
            Parameters::from_address("query=a&variables=%5B%5D", 24),
            "`variables`",
        );
        refused(Parameters::from_address("query=%ff", 24), "not UTF-8");
    }
}
