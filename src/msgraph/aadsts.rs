//! What the login service's errors mean, and what an administrator can do about each.
//!
//! `error` decides whose move it is; the AADSTS number only words the remedy, since Microsoft may
//! change the numbers. Microsoft's own description is never repeated: it may hold names.

use uuid::Uuid;

use super::auth::{SignInError, SignInErrorKind};

/// Microsoft's error body, as far as it is used. Everything may be missing.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<u32>,
    trace_id: Option<String>,
    correlation_id: Option<String>,
}

/// Who asked for the token. It decides whose move it is when the grant is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// The service account signed in: it can do so again.
    Delegated,
    /// The application itself: nobody signs in.
    App,
}

/// Numbers that pass by themselves, whatever `error` says.
const TRANSIENT: [u32; 4] = [50_196, 90_055, 90_024, 50_033];

/// "Too many identical requests in a short time": asking again at once is what it forbids.
pub(super) const LOOP_DETECTED: u32 = 50_196;

impl ErrorBody {
    /// Reads an answer of the token endpoint; `None` if it is not Microsoft's error.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let body: Self = serde_json::from_slice(body).ok()?;
        (!body.error.is_empty()).then_some(body)
    }

    /// What the browser brought back from the sign-in page.
    pub(super) fn of_callback(error: &str, description: Option<&str>) -> Self {
        Self {
            error: error.to_owned(),
            error_description: description.unwrap_or_default().to_owned(),
            ..Self::default()
        }
    }

    /// The AADSTS number: from the list if there is one, else from the description.
    fn number(&self) -> Option<u32> {
        self.error_codes.first().copied().or_else(|| {
            let (_, rest) = self.error_description.split_once("AADSTS")?;
            let digits = rest
                .split(|character: char| !character.is_ascii_digit())
                .next()?;
            digits.parse().ok()
        })
    }

    /// The error in words of ours.
    pub(super) fn into_error(self, flow: Flow) -> SignInError {
        let aadsts = self.number();
        let kind = match aadsts {
            Some(number) if TRANSIENT.contains(&number) => SignInErrorKind::Transient,
            _ => kind(&self.error, flow),
        };
        let words = aadsts.and_then(remedy).unwrap_or_else(|| words(kind));
        let number = aadsts
            .map(|number| format!("AADSTS{number}: "))
            .unwrap_or_default();
        let ids = self.ids();
        SignInError {
            kind,
            aadsts,
            message: format!("{number}{words}{ids}"),
        }
    }

    /// What Microsoft's support asks for. Only what looks like it is shown.
    fn ids(&self) -> String {
        let guid = |text: &Option<String>| Uuid::try_parse(text.as_deref()?).ok();
        let is_word = self.error.len() <= 64
            && self
                .error
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let parts: Vec<String> = [
            is_word.then(|| self.error.clone()),
            guid(&self.trace_id).map(|id| format!("trace id {id}")),
            guid(&self.correlation_id).map(|id| format!("correlation id {id}")),
        ]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
        if parts.is_empty() {
            String::new()
        } else {
            format!(" ({})", parts.join(", "))
        }
    }
}

/// Whose move it is, by OAuth's word.
fn kind(error: &str, flow: Flow) -> SignInErrorKind {
    match error {
        "consent_required" => SignInErrorKind::NeedsConsent,
        "invalid_grant" | "interaction_required" | "login_required" | "access_denied" => match flow
        {
            Flow::Delegated => SignInErrorKind::NeedsConsent,
            Flow::App => SignInErrorKind::Misconfigured,
        },
        "temporarily_unavailable" | "server_error" | "slow_down" => SignInErrorKind::Transient,
        // invalid_client, unauthorized_client, invalid_request, invalid_scope, invalid_resource and
        // whatever comes new: repeating it does not help.
        _ => SignInErrorKind::Misconfigured,
    }
}

/// What to say without a number that is known.
fn words(kind: SignInErrorKind) -> &'static str {
    match kind {
        SignInErrorKind::NeedsConsent => {
            "Microsoft wants somebody to sign in and consent again: connect the tenant again."
        }
        SignInErrorKind::Misconfigured => {
            "Microsoft refuses the configuration of this tenant: check tenant_id, client_id, the secret or certificate, and cloud."
        }
        SignInErrorKind::Transient => {
            "Microsoft's login service is not available for the moment; it is asked again later."
        }
    }
}

/// What is wrong and what to do, for the numbers that administrators meet.
fn remedy(aadsts: u32) -> Option<&'static str> {
    Some(match aadsts {
        65_001 => {
            "Consent is missing. Connect the tenant again and let an administrator accept the permissions, or press \"Grant admin consent\" at the app registration's API permissions."
        }
        65_004 => {
            "Whoever signed in declined the permissions. Connect the tenant again and accept them."
        }
        90_094 => {
            "Only an administrator can accept these permissions. Press \"Grant admin consent\" at the app registration's API permissions, then connect again."
        }
        700_082 | 70_008 => {
            "The sign-in expired because it was not used for too long (90 days). Connect the tenant again."
        }
        700_084 => {
            "The sign-in expired after its fixed 24 hours, because the redirect address is registered for a single-page application. Register it under the platform \"Web\" instead, then connect again."
        }
        50_173 | 50_132 | 50_133 => {
            "The sign-in was revoked, as after a change of the service account's password. Connect the tenant again."
        }
        70_043 => {
            "A Conditional Access policy limits how long a sign-in lasts. Exclude the service account from its sign-in frequency, then connect again; otherwise this comes back."
        }
        50_076 | 50_079 | 50_074 | 50_078 => {
            "Multifactor authentication is asked for. Connect the tenant again and complete it; if it comes back, exclude the service account from the policy that asks for it on every sign-in."
        }
        53_003 | 53_000 | 530_032 => {
            "A Conditional Access policy blocks this sign-in. The Entra sign-in log names the policy: allow the service account or the application from this server, then connect again."
        }
        50_057 => "The service account is disabled. Enable it, then connect again.",
        50_034 | 50_020 => {
            "The account that signed in does not belong to this tenant. Connect again with an account of the configured tenant_id."
        }
        54_005 => "The sign-in was completed once already. Connect the tenant again.",
        7_000_215 => {
            "The client secret's value was not accepted; often the secret's ID was pasted instead of its value. Make a new secret under Certificates & secrets and copy its value."
        }
        7_000_222 => {
            "The client secret has expired. Make a new one under Certificates & secrets and put its value into the configuration."
        }
        7_000_218 => {
            "The app registration wants a secret or certificate and none was sent: set client_secret or certificate_file."
        }
        700_025 => {
            "The redirect address is registered for a public client, which must not send a secret. Register it under the platform \"Web\" instead."
        }
        700_016 => {
            "The application is not known in this tenant. Check client_id (the application's ID, not its object ID) and tenant_id, and that both are of this cloud."
        }
        7_000_112 | 70_001 => {
            "The application is disabled or gone in this tenant. Enable it under Enterprise applications, or check client_id."
        }
        700_027 | 50_012 => {
            "The certificate was not accepted. Upload its public part under Certificates & secrets, and check that it has not expired, that the file belongs to it, and that this server's clock is right."
        }
        500_011 => {
            "Microsoft Graph is not known in this tenant under its address: check cloud, and graph_url if it is set."
        }
        90_002 | 900_021 | 900_023 => {
            "The tenant was not found. Check tenant_id for a typing error, and cloud: each cloud knows only its own tenants."
        }
        50_194 => {
            "The application belongs to one tenant, and tenant_id names none. Set tenant_id to the tenant's GUID or domain."
        }
        70_011 => {
            "A permission was asked for in a form that this cloud does not know: check cloud, and graph_url if it is set."
        }
        50_011 => {
            "The redirect address is not registered. Register {public_url}/connect/callback, exactly as it is written there, under Authentication, platform \"Web\"."
        }
        LOOP_DETECTED => {
            "Microsoft saw too many identical token requests in a short time and wants a pause. Nothing is to be done; if it comes back, look for a second server that uses the same application."
        }
        90_055 | 90_024 | 50_033 => {
            "Microsoft's login service is not available for the moment; it is asked again later."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::SignInErrorKind::{Misconfigured, NeedsConsent, Transient};
    use super::*;

    fn error(error: &str, number: u32, flow: Flow) -> SignInError {
        let body = serde_json::json!({
            "error": error,
            "error_description": format!("AADSTS{number}: Ann Lee <ann@contoso.com> Trace ID: x"),
            "error_codes": [number],
            "trace_id": "11111111-2222-3333-4444-555555555555",
            "correlation_id": "<script>",
        });
        ErrorBody::read(body.to_string().as_bytes())
            .unwrap()
            .into_error(flow)
    }

    #[track_caller]
    fn check(number: u32, word: &str, kind: SignInErrorKind, remedy: &str) {
        let error = error(word, number, Flow::Delegated);
        assert_eq!((error.kind, error.aadsts), (kind, Some(number)), "{number}");
        let message = error.message;
        assert!(
            message.starts_with(&format!("AADSTS{number}: ")),
            "{message}"
        );
        assert!(message.contains(remedy), "{message}");
        assert!(message.contains("trace id 11111111-2222"), "{message}");
        assert!(
            !message.contains("ann@") && !message.contains("script"),
            "{message}"
        );
    }

    #[test]
    fn every_number_that_administrators_meet_has_a_remedy() {
        check(65_001, "invalid_grant", NeedsConsent, "Grant admin consent");
        check(
            65_001,
            "consent_required",
            NeedsConsent,
            "Grant admin consent",
        );
        check(65_004, "access_denied", NeedsConsent, "declined");
        check(90_094, "access_denied", NeedsConsent, "administrator");
        check(700_082, "invalid_grant", NeedsConsent, "90 days");
        check(70_008, "invalid_grant", NeedsConsent, "90 days");
        check(700_084, "invalid_grant", NeedsConsent, "24 hours");
        check(50_173, "invalid_grant", NeedsConsent, "password");
        check(50_132, "invalid_grant", NeedsConsent, "revoked");
        check(50_133, "invalid_grant", NeedsConsent, "revoked");
        check(70_043, "invalid_grant", NeedsConsent, "frequency");
        check(50_076, "interaction_required", NeedsConsent, "Multifactor");
        check(50_079, "invalid_grant", NeedsConsent, "Multifactor");
        check(50_074, "invalid_grant", NeedsConsent, "Multifactor");
        check(50_078, "invalid_grant", NeedsConsent, "Multifactor");
        check(53_003, "access_denied", NeedsConsent, "Conditional Access");
        check(53_000, "invalid_grant", NeedsConsent, "Conditional Access");
        check(530_032, "invalid_grant", NeedsConsent, "Conditional Access");
        check(50_057, "invalid_grant", NeedsConsent, "disabled");
        check(50_034, "invalid_grant", NeedsConsent, "does not belong");
        check(50_020, "invalid_grant", NeedsConsent, "does not belong");
        check(54_005, "invalid_grant", NeedsConsent, "once already");
        check(7_000_215, "invalid_client", Misconfigured, "secret's ID");
        check(7_000_222, "invalid_client", Misconfigured, "expired");
        check(
            7_000_218,
            "invalid_client",
            Misconfigured,
            "certificate_file",
        );
        check(700_025, "invalid_client", Misconfigured, "Web");
        check(700_016, "unauthorized_client", Misconfigured, "client_id");
        check(7_000_112, "unauthorized_client", Misconfigured, "disabled");
        check(70_001, "unauthorized_client", Misconfigured, "disabled");
        check(700_027, "invalid_client", Misconfigured, "clock");
        check(50_012, "invalid_client", Misconfigured, "clock");
        check(500_011, "invalid_resource", Misconfigured, "graph_url");
        check(90_002, "invalid_request", Misconfigured, "tenant_id");
        check(50_194, "invalid_request", Misconfigured, "tenant_id");
        check(70_011, "invalid_scope", Misconfigured, "cloud");
        check(
            50_011,
            "invalid_request",
            Misconfigured,
            "/connect/callback",
        );
        check(50_196, "invalid_grant", Transient, "pause");
        check(90_055, "temporarily_unavailable", Transient, "later");
        check(90_024, "temporarily_unavailable", Transient, "later");
        check(50_033, "temporarily_unavailable", Transient, "later");
    }

    #[track_caller]
    fn check_app(number: u32, word: &str, kind: SignInErrorKind) {
        assert_eq!(error(word, number, Flow::App).kind, kind, "{word} {number}");
    }

    #[test]
    fn an_application_is_not_sent_to_sign_in() {
        check_app(7_000_215, "invalid_client", Misconfigured);
        check_app(700_016, "unauthorized_client", Misconfigured);
        check_app(90_002, "invalid_request", Misconfigured);
        check_app(53_003, "invalid_grant", Misconfigured);
        check_app(50_196, "invalid_grant", Transient);
        check_app(90_033, "temporarily_unavailable", Transient);
    }

    #[test]
    fn an_unknown_number_is_still_told() {
        let error = error("invalid_grant", 123_456, Flow::Delegated);
        assert_eq!(error.kind, NeedsConsent);
        assert!(
            error
                .message
                .starts_with("AADSTS123456: Microsoft wants somebody"),
            "{error}"
        );
    }

    #[test]
    fn the_number_is_found_in_the_description_of_a_callback() {
        let body = ErrorBody::of_callback("access_denied", Some("AADSTS65004: User declined"));
        assert_eq!(body.into_error(Flow::Delegated).aadsts, Some(65_004));
        let body = ErrorBody::of_callback("<b>ann@contoso.com</b>", None);
        let error = body.into_error(Flow::Delegated);
        assert!(!error.message.contains("ann@"), "{error}");
        let body = ErrorBody::of_callback("x", Some("AADSTS99999999999999999999"));
        assert_eq!(body.into_error(Flow::Delegated).aadsts, None);
    }

    #[test]
    fn what_is_not_microsofts_error_is_none() {
        assert!(ErrorBody::read(b"").is_none());
        assert!(ErrorBody::read(b"<html>").is_none());
        assert!(ErrorBody::read(b"{}").is_none());
        assert!(ErrorBody::read(b"[1]").is_none());
    }
}
