//! The application as it is registered with the organization: its secrets, its redirect URIs and what
//! it was allowed.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest as _;
use sha2::Sha256;
use url::Url;

/// What the application may be granted for itself.
pub(crate) const APPLICATION_PERMISSIONS: [&str; 7] = [
    "AuditLog.Read.All",
    "GroupMember.Read.All",
    "LicenseAssignment.Read.All",
    "Organization.Read.All",
    "Reports.Read.All",
    "ReportSettings.Read.All",
    "User.Read.All",
];

/// What somebody who signs in must be asked for: exactly this.
pub(crate) const DELEGATED_SCOPES: [&str; 7] = [
    "AuditLog.Read.All",
    "Directory.Read.All",
    "Group.Read.All",
    "Reports.Read.All",
    "User.Read",
    "User.Read.All",
    "offline_access",
];

/// What the sign-in page does with whoever comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignIn {
    /// Sends the browser back with a code, without a page.
    #[default]
    AtOnce,
    /// Shows a page with a link of the id `sign-in` that leads back with a code.
    Page,
    /// The person declines: `access_denied`, AADSTS65004.
    Declined,
    /// An administrator has to consent first: AADSTS90094.
    AdminConsentMissing,
}

/// A certificate that client assertions may be signed with.
#[derive(Clone)]
pub(crate) struct RegisteredCertificate {
    /// `x5t#S256` of its assertions.
    pub(crate) thumbprint: String,
    /// PEM, for the signature.
    pub(crate) pem: String,
}

impl RegisteredCertificate {
    /// A certificate as PEM; `None` when there is none in it.
    pub(crate) fn parse(pem: &str) -> Option<Self> {
        let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
        let (text, _) = rest.split_once("-----END CERTIFICATE-----")?;
        let text: String = text.split_whitespace().collect();
        let der = STANDARD.decode(&text).ok()?;
        Some(Self {
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&der)),
            pem: format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"),
        })
    }
}

/// The application's registration.
pub(crate) struct Registration {
    pub(crate) client_secret: String,
    pub(crate) is_secret_expired: bool,
    pub(crate) certificates: Vec<RegisteredCertificate>,
    /// Empty: every `/connect/callback` on loopback will do.
    pub(crate) redirect_uris: BTreeSet<String>,
    pub(crate) application_permissions: BTreeSet<String>,
    pub(crate) delegated_permissions: BTreeSet<String>,
    pub(crate) is_consent_given: bool,
    pub(crate) sign_in: SignIn,
}

impl Registration {
    /// A registration with everything granted.
    pub(crate) fn new(client_secret: String) -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            client_secret,
            is_secret_expired: false,
            certificates: Vec::new(),
            redirect_uris: BTreeSet::new(),
            application_permissions: owned(&APPLICATION_PERMISSIONS),
            delegated_permissions: owned(&DELEGATED_SCOPES),
            is_consent_given: true,
            sign_in: SignIn::default(),
        }
    }

    /// Whether the login service may send a browser there.
    pub(crate) fn allows_redirect_to(&self, uri: &str) -> bool {
        if !self.redirect_uris.is_empty() {
            return self.redirect_uris.contains(uri);
        }
        Url::parse(uri).is_ok_and(|uri| {
            let is_loopback = matches!(uri.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
            uri.scheme() == "http"
                && is_loopback
                && uri.path() == "/connect/callback"
                && uri.query().is_none()
        })
    }
}
