//! What Graph's error body says, read from whatever came instead of a success.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use reqwest::header::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

use crate::msgraph::http::Answer;

/// Codes that say more than the ones around them, in lower case.
const KNOWN_CODES: [&str; 21] = [
    "accessdenied",
    "authentication_msgraphpermissionmissing",
    "authentication_requestfromnonpremiumtenantorb2ctenant",
    "authentication_requestfromunsupporteduserrole",
    "authorization_identitynotfound",
    "authorization_requestdenied",
    "badrequest",
    "directory_expiredpagetoken",
    "forbidden",
    "insufficient_claims",
    "invalidauthenticationtoken",
    "request_badrequest",
    "request_resourcenotfound",
    "request_throttled",
    "request_unsupportedquery",
    "s2sunauthorized",
    "serviceunavailable",
    "syncstatenotfound",
    "toomanyrequests",
    "unauthorized",
    "unknownerror",
];

/// How often a code may be wrapped in another one.
const NESTING_MAX: usize = 8;

/// What Graph's error body says, as far as it can be trusted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::msgraph) struct GraphError {
    /// The innermost known code as Microsoft wrote it, else the outermost.
    pub(in crate::msgraph) code: Option<String>,
    /// Microsoft's id of the request, for its support.
    pub(in crate::msgraph) request_id: Option<Uuid>,
    /// The body complains of the page size.
    pub(in crate::msgraph) wants_smaller_pages: bool,
    /// The body says that a log begins only here.
    pub(in crate::msgraph) begins_at: Option<Timestamp>,
}

impl GraphError {
    /// Reads any answer: Graph's error, an error wrapped in another's message, HTML, or nothing.
    pub(in crate::msgraph) fn read(answer: &Answer) -> Self {
        let mut error = Self {
            request_id: request_id(&answer.headers),
            ..Self::default()
        };
        // A `Value` is bounded in depth by its parser and in size by what was read.
        if let Ok(body) = serde_json::from_slice::<Value>(&answer.body)
            && let Some(inner) = body.get("error")
        {
            error.walk(inner, 0);
        }
        error
    }

    fn walk(&mut self, error: &Value, depth: usize) {
        if depth == NESTING_MAX {
            return;
        }
        if let Some(code) = error
            .get("code")
            .and_then(Value::as_str)
            .filter(|code| is_code(code))
            && (self.code.is_none() || is_known(code))
        {
            self.code = Some(code.to_owned());
        }
        if self.request_id.is_none() {
            self.request_id = error
                .get("request-id")
                .and_then(Value::as_str)
                .and_then(guid);
        }
        if let Some(message) = error.get("message").and_then(Value::as_str) {
            self.wants_smaller_pages |= complains_of_page_size(message);
            self.begins_at = self.begins_at.or_else(|| earliest_allowed(message));
            // Reports wrap the real error as JSON text.
            if message.trim_start().starts_with('{')
                && let Ok(wrapped) = serde_json::from_str::<Value>(message)
                && let Some(inner) = wrapped.get("error")
            {
                self.walk(inner, depth + 1);
            }
        }
        // The wire says innerError, Microsoft's type says innererror.
        for key in ["innerError", "innererror"] {
            if let Some(inner) = error.get(key) {
                self.walk(inner, depth + 1);
            }
        }
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code
            .as_deref()
            .is_some_and(|own| own.eq_ignore_ascii_case(code))
    }
}

/// Microsoft has no code for this: "Invalid page size specified: '1000'. Must be between 1 and 999
/// inclusive." or "Cannot query data for more than 120 users at a time.", both as an ordinary 400.
fn complains_of_page_size(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("page size")
        || (message.contains("more than") && message.contains("at a time"))
}

/// Nor for this: "Minimum allowed time for activityDateTime is 2/5/2023 12:00:00 AM", for a span of a log
/// that begins before what is kept. The date is Microsoft's or ISO 8601, in UTC.
fn earliest_allowed(message: &str) -> Option<Timestamp> {
    let message = message.to_ascii_lowercase();
    let start = message
        .find("minimum allowed")
        .or_else(|| message.find("earliest allowed"))?;
    let words: Vec<&str> = message
        .get(start..)?
        .split_ascii_whitespace()
        .map(|word| word.trim_matches(|mark: char| !mark.is_ascii_alphanumeric()))
        .collect();
    (0..words.len()).find_map(|place| time_at(words.get(place..)?))
}

/// The time that begins at the first of the words and may be up to three of them long.
fn time_at(words: &[&str]) -> Option<Timestamp> {
    let text = |length| Some(words.get(..length)?.join(" ").to_ascii_uppercase());
    let whole = |(pattern, length)| DateTime::strptime(pattern, text(length)?).ok();
    let midnight = |pattern| Some(Date::strptime(pattern, text(1)?).ok()?.at(0, 0, 0, 0));
    if let Ok(at) = text(1)?.parse() {
        return Some(at);
    }
    let time = [("%m/%d/%Y %I:%M:%S %p", 3), ("%Y-%m-%d %H:%M:%S", 2)]
        .into_iter()
        .find_map(whole)
        .or_else(|| ["%m/%d/%Y", "%Y-%m-%d"].into_iter().find_map(midnight))?;
    let at = time.to_zoned(TimeZone::UTC).ok()?;
    Some(at.timestamp())
}

/// Whether a text looks like a code and may be shown.
fn is_code(text: &str) -> bool {
    (1..=80).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

fn is_known(code: &str) -> bool {
    KNOWN_CODES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(code))
}

fn guid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

pub(super) fn request_id(headers: &HeaderMap) -> Option<Uuid> {
    headers.get("request-id")?.to_str().ok().and_then(guid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msgraph::problem::tests::{ID, answer};

    #[track_caller]
    fn check_code(body: &str, code: Option<&str>) {
        assert_eq!(
            GraphError::read(&answer(403, body)).code.as_deref(),
            code,
            "{body}"
        );
    }

    #[test]
    fn the_innermost_known_code_counts() {
        check_code(
            r#"{"error":{"code":"Authorization_RequestDenied","message":"x"}}"#,
            Some("Authorization_RequestDenied"),
        );
        check_code(
            r#"{"error":{"code":"Forbidden","innerError":{"code":"S2SUnauthorized"}}}"#,
            Some("S2SUnauthorized"),
        );
        check_code(
            r#"{"error":{"code":"Forbidden","innererror":{"code":"s2sunauthorized"}}}"#,
            Some("s2sunauthorized"),
        );
        check_code(
            r#"{"error":{"code":"Forbidden","innerError":{"code":"SomethingNew"}}}"#,
            Some("Forbidden"),
        );
        check_code(
            r#"{"error":{"code":"","innerError":{"code":"SomethingNew"}}}"#,
            Some("SomethingNew"),
        );
        check_code(
            r#"{"error":{"code":"UnknownError","message":"{\"error\":{\"code\":\"S2SUnauthorized\",\"message\":\"Invalid permission.\"}}","innerError":{"date":"x"}}}"#,
            Some("S2SUnauthorized"),
        );
    }

    #[test]
    fn a_body_without_a_code_has_none() {
        check_code("", None);
        check_code("<html><body>502 Bad Gateway</body></html>", None);
        check_code(
            r#"{"@odata.context":"x","value":"Authorization_RequestDenied"}"#,
            None,
        );
        check_code(r#"{"error":"forbidden"}"#, None);
        check_code(r#"{"error":{"code":5}}"#, None);
        check_code(
            r#"{"error":{"code":"ann@contoso.com is not allowed"}}"#,
            None,
        );
        check_code(&"[".repeat(100_000), None);
    }

    #[test]
    fn wrapping_without_end_is_walked_to_a_bound() {
        let mut body = r#"{"code":"Forbidden"}"#.to_owned();
        for _ in 0..40 {
            body = format!(r#"{{"innerError":{body}}}"#);
        }
        check_code(&format!(r#"{{"error":{body}}}"#), None);
    }

    #[test]
    fn the_request_id_comes_from_the_header_or_the_body() {
        let id = Some(guid(ID).unwrap());
        let body = format!(r#"{{"error":{{"code":"","innerError":{{"request-id":"{ID}"}}}}}}"#);
        assert_eq!(GraphError::read(&answer(400, &body)).request_id, id);
        let mut html = answer(502, "<html>");
        html.headers.insert("request-id", ID.parse().unwrap());
        assert_eq!(GraphError::read(&html).request_id, id);
        let forged = r#"{"error":{"innerError":{"request-id":"<script>"}}}"#;
        assert_eq!(GraphError::read(&answer(400, forged)).request_id, None);
    }

    #[track_caller]
    fn check_page_size(message: &str, wants_smaller_pages: bool) {
        let body =
            serde_json::json!({"error": {"code": "Request_UnsupportedQuery", "message": message}});
        let error = GraphError::read(&answer(400, &body.to_string()));
        assert_eq!(error.wants_smaller_pages, wants_smaller_pages, "{message}");
    }

    #[test]
    fn a_complaint_of_the_page_size_is_recognized() {
        check_page_size(
            "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.",
            true,
        );
        check_page_size("Cannot query data for more than 120 users at a time.", true);
        check_page_size("The specified $expand is not supported.", false);
    }

    #[track_caller]
    fn check_beginning(message: &str, begins_at: Option<&str>) {
        let body = serde_json::json!({"error": {"code": "BadRequest", "message": message}});
        let error = GraphError::read(&answer(400, &body.to_string()));
        let begins_at = begins_at.map(|text| text.parse().unwrap());
        assert_eq!(error.begins_at, begins_at, "{message}");
    }

    #[test]
    fn the_beginning_of_a_log_is_read_from_the_complaint() {
        check_beginning(
            "Specified argument was out of the range of valid values. (Parameter 'Minimum allowed time for activityDateTime is 2/5/2023 12:00:00 AM')",
            Some("2023-02-05T00:00:00Z"),
        );
        check_beginning(
            "Minimum allowed time is 12/31/2026 1:02:03 PM",
            Some("2026-12-31T13:02:03Z"),
        );
        check_beginning(
            "Minimum allowed date is 12/31/2026.",
            Some("2026-12-31T00:00:00Z"),
        );
        check_beginning(
            "minimum allowed date: 2026-10-24T05:06:07Z.",
            Some("2026-10-24T05:06:07Z"),
        );
        check_beginning(
            "minimum allowed date: '2026-10-24'",
            Some("2026-10-24T00:00:00Z"),
        );
        check_beginning(
            "Earliest allowed time is 2026-10-24 05:06:07",
            Some("2026-10-24T05:06:07Z"),
        );
        check_beginning(
            "2026-10-01 is before the minimum allowed date 2026-10-24",
            Some("2026-10-24T00:00:00Z"),
        );
        check_beginning("Minimum allowed time is 31/31/2026 1:02:03 PM", None);
        check_beginning("Minimum allowed page size is 5", None);
        check_beginning("Invalid filter clause: 2026-10-24T05:06:07Z", None);
        check_beginning("minimum allowed", None);
    }
}
