//! What an answer of Graph that is no success means, and what to do about it.
//!
//! The status decides first, then the innermost code that is known; Microsoft's own sentences are
//! never branched on (with one exception, the page size) and never repeated, since they may hold names.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use serde_json::Value;
use uuid::Uuid;

use super::http::{Answer, TransportError, TransportErrorKind};
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};

/// Codes that say more than the ones around them, in lower case.
const KNOWN_CODES: [&str; 20] = [
    "accessdenied",
    "authentication_msgraphpermissionmissing",
    "authentication_requestfromnonpremiumtenantorb2ctenant",
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
pub(super) struct GraphError {
    /// The innermost known code as Microsoft wrote it, else the outermost.
    pub(super) code: Option<String>,
    /// Microsoft's id of the request, for its support.
    pub(super) request_id: Option<Uuid>,
    /// The body complains of the page size.
    pub(super) wants_smaller_pages: bool,
}

impl GraphError {
    /// Reads any answer: Graph's error, an error wrapped in another's message, HTML, or nothing.
    pub(super) fn read(answer: &Answer) -> Self {
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

    fn has_code(&self, code: &str) -> bool {
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

fn request_id(headers: &HeaderMap) -> Option<Uuid> {
    headers.get("request-id")?.to_str().ok().and_then(guid)
}

/// The path of a dataset, for people who look it up in Microsoft's documentation.
pub(super) fn path(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::Organization => "/organization",
        Dataset::Users => "/users",
        Dataset::Licenses => "/subscribedSkus",
        Dataset::Groups => "/groups/delta",
        Dataset::Subscriptions => "/directory/subscriptions",
        Dataset::SignInActivity => "/users?$select=signInActivity",
        Dataset::SignIns => "/auditLogs/signIns",
        Dataset::DirectoryAudits => "/auditLogs/directoryAudits",
        Dataset::ActiveUsers => "/reports/getOffice365ActiveUserDetail",
        Dataset::EmailActivity => "/reports/getEmailActivityUserDetail",
        Dataset::MailboxUsage => "/reports/getMailboxUsageDetail",
        Dataset::TeamsActivity => "/reports/getTeamsUserActivityUserDetail",
        Dataset::OneDriveActivity => "/reports/getOneDriveActivityUserDetail",
        Dataset::OneDriveUsage => "/reports/getOneDriveUsageAccountDetail",
        Dataset::SharePointActivity => "/reports/getSharePointActivityUserDetail",
        Dataset::VivaEngageActivity => "/reports/getYammerActivityUserDetail",
        Dataset::AppsUsage => "/reports/getM365AppUserDetail",
        Dataset::AppsActivations => "/reports/getOffice365ActivationsUserDetail",
        Dataset::CopilotUsage => "/copilot/reports/getMicrosoft365CopilotUsageUserDetail",
    }
}

/// The permission that covers a dataset, the least one first.
fn permissions(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::Organization => "Organization.Read.All (or Directory.Read.All)",
        Dataset::Users => "User.Read.All (or Directory.Read.All)",
        Dataset::Licenses => "LicenseAssignment.Read.All (or Directory.Read.All)",
        Dataset::Groups => "Group.Read.All (or Directory.Read.All)",
        Dataset::Subscriptions => "Organization.Read.All (or Directory.Read.All)",
        Dataset::SignInActivity => "AuditLog.Read.All",
        Dataset::SignIns => "AuditLog.Read.All",
        Dataset::DirectoryAudits => "AuditLog.Read.All",
        Dataset::ActiveUsers
        | Dataset::EmailActivity
        | Dataset::MailboxUsage
        | Dataset::TeamsActivity
        | Dataset::OneDriveActivity
        | Dataset::OneDriveUsage
        | Dataset::SharePointActivity
        | Dataset::VivaEngageActivity
        | Dataset::AppsUsage
        | Dataset::AppsActivations
        | Dataset::CopilotUsage => "Reports.Read.All",
    }
}

/// The problem behind an answer that is no success and will not become one.
pub(super) fn of_answer(dataset: Dataset, answer: &Answer, error: &GraphError) -> Problem {
    let (kind, words) = match answer.status {
        StatusCode::UNAUTHORIZED if asks_for_claims(&answer.headers) => {
            (ProblemKind::SignIn, CONDITIONAL_ACCESS.to_owned())
        }
        // What an application gets that was never granted anything.
        StatusCode::UNAUTHORIZED if error.has_code("Authorization_IdentityNotFound") => {
            (ProblemKind::Permission, grant(dataset))
        }
        StatusCode::UNAUTHORIZED => (
            ProblemKind::SignIn,
            "Graph does not accept the access token, not even a fresh one. Check that the tenant's `cloud` is the one it lives in, and that graph_url, if set, belongs to the same cloud as login_url.".to_owned(),
        ),
        StatusCode::FORBIDDEN if error.has_code("insufficient_claims") => {
            (ProblemKind::SignIn, CONDITIONAL_ACCESS.to_owned())
        }
        StatusCode::FORBIDDEN => (ProblemKind::Permission, grant(dataset)),
        StatusCode::TOO_MANY_REQUESTS => (
            ProblemKind::Throttled,
            "Microsoft still throttles this application after the last try. It passes by itself; if it keeps coming back, sync less often, or find what else uses the same app registration.".to_owned(),
        ),
        status if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => (
            ProblemKind::Unreachable,
            "Graph failed on its side up to the last try. It passes by itself; Microsoft's service health page tells of longer outages.".to_owned(),
        ),
        status if status.is_redirection() => (
            ProblemKind::BadResponse,
            "Graph does not redirect here, so something between us and Microsoft did: look for a proxy or a sign-in page of your network.".to_owned(),
        ),
        _ => (
            ProblemKind::Refused,
            "Graph refuses the request itself. If graph_url is set, check it; otherwise this is a fault of this version of Seatwise, please report it with this line.".to_owned(),
        ),
    };
    Problem::new(kind, sentence(dataset, answer, error, &words))
}

const CONDITIONAL_ACCESS: &str = "A Conditional Access policy asks for more than this sign-in proved. Exclude the service account or the application from the policy, or sign in again from a place and in a way that it allows.";

/// A problem with an answer that says 200 and is not what Graph promises.
pub(super) fn bad_response(dataset: Dataset, answer_id: Option<Uuid>, what: &str) -> Problem {
    Problem::new(
        ProblemKind::BadResponse,
        format!(
            "{} answered 200, but {what}{}. If it stays like this, look for a proxy that changes answers.",
            path(dataset),
            id_words(answer_id)
        ),
    )
}

/// A problem with the connection, after the last try.
pub(super) fn of_transport(dataset: Dataset, host: &str, error: &TransportError) -> Problem {
    let words = &error.words;
    let path = path(dataset);
    match error.kind {
        TransportErrorKind::Connect => Problem::new(
            ProblemKind::Unreachable,
            format!(
                "No connection to {host}: {words}. Check name resolution, firewall, network.proxy and, behind an inspecting proxy, network.ca_file."
            ),
        ),
        TransportErrorKind::Timeout => Problem::new(
            ProblemKind::Unreachable,
            format!("{host} was too slow to answer {path} up to the last try: {words}."),
        ),
        TransportErrorKind::TooLarge => Problem::new(
            ProblemKind::TooLarge,
            format!("{path}: {words}, more than any page has."),
        ),
        TransportErrorKind::Broken => Problem::new(
            ProblemKind::BadResponse,
            format!("The answer of {host} to {path} broke off up to the last try: {words}."),
        ),
    }
}

/// Whether a 401 asks for a stronger sign-in, which no refresh gives.
pub(super) fn asks_for_claims(headers: &HeaderMap) -> bool {
    headers.get_all(WWW_AUTHENTICATE).iter().any(|value| {
        value
            .as_bytes()
            .windows(7)
            .any(|window| window == b"claims=")
    })
}

/// Microsoft's request id of an answer, whatever its status.
pub(super) fn id_of(answer: &Answer) -> Option<Uuid> {
    request_id(&answer.headers)
}

fn grant(dataset: Dataset) -> String {
    format!(
        "The permission is missing. In the Entra admin center open App registrations, your application, API permissions, Microsoft Graph, add {} (Application permissions for access = \"app\", Delegated for \"delegated\") and press \"Grant admin consent\". A service account also needs a directory role that may read this, such as Global Reader.",
        permissions(dataset)
    )
}

fn sentence(dataset: Dataset, answer: &Answer, error: &GraphError, words: &str) -> String {
    let status = answer.status.as_u16();
    let code = error
        .code
        .as_deref()
        .map(|code| format!(" {code}"))
        .unwrap_or_default();
    let id = id_words(error.request_id);
    format!("{} answered {status}{code}{id}. {words}", path(dataset))
}

fn id_words(request_id: Option<Uuid>) -> String {
    request_id
        .map(|id| format!(" (request-id {id})"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "11111111-2222-3333-4444-555555555555";

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

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
    fn check(status: u16, code: &str, kind: ProblemKind, word: &str) {
        let body = format!(r#"{{"error":{{"code":"{code}","message":"ann@contoso.com"}}}}"#);
        let answer = answer(status, &body);
        let problem = of_answer(Dataset::Users, &answer, &GraphError::read(&answer));
        assert_eq!(problem.kind, kind, "{status} {code}");
        assert!(problem.message.contains(word), "{}", problem.message);
        assert!(
            problem.message.contains(&status.to_string()),
            "{}",
            problem.message
        );
        assert!(!problem.message.contains("ann@"), "{}", problem.message);
    }

    #[test]
    fn every_status_has_a_kind_and_a_remedy() {
        check(
            400,
            "Request_UnsupportedQuery",
            ProblemKind::Refused,
            "Request_UnsupportedQuery",
        );
        check(
            401,
            "InvalidAuthenticationToken",
            ProblemKind::SignIn,
            "cloud",
        );
        check(
            401,
            "Authorization_IdentityNotFound",
            ProblemKind::Permission,
            "User.Read.All",
        );
        check(402, "", ProblemKind::Refused, "report it");
        check(
            403,
            "Authorization_RequestDenied",
            ProblemKind::Permission,
            "User.Read.All",
        );
        check(
            403,
            "insufficient_claims",
            ProblemKind::SignIn,
            "Conditional Access",
        );
        check(
            404,
            "Request_ResourceNotFound",
            ProblemKind::Refused,
            "graph_url",
        );
        check(410, "syncStateNotFound", ProblemKind::Refused, "report it");
        check(429, "TooManyRequests", ProblemKind::Throttled, "throttles");
        check(500, "", ProblemKind::Unreachable, "passes by itself");
        check(501, "NotImplemented", ProblemKind::Refused, "report it");
        check(
            503,
            "serviceNotAvailable",
            ProblemKind::Unreachable,
            "passes by itself",
        );
        check(302, "", ProblemKind::BadResponse, "proxy");
    }

    #[test]
    fn each_dataset_names_its_own_permission() {
        for (dataset, permission) in [
            (Dataset::Organization, "Organization.Read.All"),
            (Dataset::Users, "User.Read.All"),
            (Dataset::Licenses, "LicenseAssignment.Read.All"),
        ] {
            let answer = answer(403, "");
            let problem = of_answer(dataset, &answer, &GraphError::read(&answer));
            assert!(problem.message.contains(permission), "{}", problem.message);
        }
    }
}
