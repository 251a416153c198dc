//! What an answer of Graph that is no success means, and what to do about it.
//!
//! The status decides first, then the innermost code that is known, then who asked and where:
//! Microsoft refuses a missing permission, a missing role and a missing endpoint alike. Its own
//! sentences are never branched on (with two exceptions, the page size and the beginning of a log) and
//! never repeated, since they may hold names.

/// What covers a dataset: permissions, roles, clouds.
mod access;
/// What Graph's error body says.
mod graph_error;
#[cfg(test)]
mod tests;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use uuid::Uuid;

use super::http::{Answer, TransportError, TransportErrorKind};
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::domain::tenant::Cloud;

pub(super) use graph_error::GraphError;

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

/// Who asked for what, and where.
pub(super) struct Question<'a> {
    pub(super) dataset: Dataset,
    pub(super) cloud: Cloud,
    /// What the account that signed in consented to; `None` for an application, and where the login
    /// service did not say.
    pub(super) scopes: Option<&'a [String]>,
}

/// The problem behind an answer that is no success and will not become one.
pub(super) fn of_answer(question: &Question<'_>, answer: &Answer, error: &GraphError) -> Problem {
    let dataset = question.dataset;
    let (kind, words) = match answer.status {
        StatusCode::UNAUTHORIZED if asks_for_claims(&answer.headers) => {
            (ProblemKind::SignIn, CONDITIONAL_ACCESS.to_owned())
        }
        // What an application gets that was never granted anything.
        StatusCode::UNAUTHORIZED if error.has_code("Authorization_IdentityNotFound") => {
            (ProblemKind::Permission, access::grant(dataset))
        }
        StatusCode::UNAUTHORIZED => (
            ProblemKind::SignIn,
            "Graph does not accept the access token, not even a fresh one. Check that the tenant's `cloud` is the one it lives in, and that graph_url, if set, belongs to the same cloud as login_url.".to_owned(),
        ),
        StatusCode::TOO_MANY_REQUESTS => (
            ProblemKind::Throttled,
            "Microsoft still throttles this application after the last try. It passes by itself; if it keeps coming back, sync less often, or find what else uses the same app registration.".to_owned(),
        ),
        StatusCode::FORBIDDEN => forbidden(question, error),
        status if is_absent(question, status) => absent(question),
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

/// What a 403 means.
fn forbidden(question: &Question<'_>, error: &GraphError) -> (ProblemKind, String) {
    let dataset = question.dataset;
    if error.has_code("insufficient_claims") {
        return (ProblemKind::SignIn, CONDITIONAL_ACCESS.to_owned());
    }
    if error.has_code("Authentication_RequestFromNonPremiumTenantOrB2CTenant") {
        return (ProblemKind::NeedsPremium, access::PREMIUM.to_owned());
    }
    if is_absent(question, StatusCode::FORBIDDEN) {
        return absent(question);
    }
    // Two codes mean one of the two and nothing else; the others mean either.
    let is_about_role = error.has_code("Authentication_RequestFromUnsupportedUserRole");
    let is_about_permission = error.has_code("Authentication_MSGraphPermissionMissing");
    let is_granted = question
        .scopes
        .is_some_and(|scopes| access::is_granted(dataset, scopes));
    if is_about_role || (is_granted && !is_about_permission) {
        (ProblemKind::Role, access::assign_role(dataset))
    } else {
        (ProblemKind::Permission, access::grant(dataset))
    }
}

/// Whether a refusal means that the tenant's cloud does not have the dataset.
fn is_absent(question: &Question<'_>, status: StatusCode) -> bool {
    let is_refusal = status.is_client_error() || status == StatusCode::NOT_IMPLEMENTED;
    is_refusal && access::is_absent_from(question.dataset, question.cloud)
}

fn absent(question: &Question<'_>) -> (ProblemKind, String) {
    let words = access::absence(question.dataset, question.cloud);
    (ProblemKind::UnsupportedCloud, words)
}

/// The problem with a report in which Microsoft conceals whose each row is. Not an error of the
/// reading: the report was told, only not of whom.
pub fn concealed_problem(dataset: Dataset) -> Problem {
    Problem::new(
        ProblemKind::Concealed,
        format!("{} tells no names. {}", path(dataset), access::REVEAL),
    )
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
            format!("{path}: {words}, more than Microsoft ever sends of it."),
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
    graph_error::request_id(&answer.headers)
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
