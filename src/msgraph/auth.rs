//! Microsoft's login service: from a consent, a refresh token or the application's own proof to an
//! access token. It keeps none of them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl,
    RefreshToken, Scope, TokenResponse, TokenUrl,
};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::aadsts::{ErrorBody, Flow, LOOP_DETECTED};
use super::certificate::Certificate;
use super::http::{Answer, Connection, Http, LOGIN_BYTES_MAX, TransportError};
use super::origin::Endpoints;
use super::pace::retry_after;
use super::timing::{SystemTiming, Timing, backoff};
use crate::clock::SharedClock;

/// The seven scopes of the service account, in the order of the mission: read-only, always.
pub const DELEGATED_SCOPES: [&str; 7] = [
    "User.Read.All",
    "User.Read",
    "Group.Read.All",
    "Directory.Read.All",
    "Reports.Read.All",
    "AuditLog.Read.All",
    "offline_access",
];

/// How often a token is asked for before the failure counts. Few: the one who needs it asks again.
const TRIES_MAX: u32 = 3;

/// A longer wait than this is for the one who asks, who may be a person at a browser.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a token is taken to be good when the answer does not say: the shortest life documented.
const EXPIRES_IN_DEFAULT: Duration = Duration::from_secs(3_600);

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How the application proves who it is.
#[derive(Clone)]
pub enum Credential {
    /// The value of a client secret.
    Secret(SecretString),
    /// PEM with the private key and the certificate; signs client assertions (PS256, x5t#S256).
    Certificate(Certificate),
}

/// The login service for one tenant and one application.
#[derive(Clone)]
pub struct Login {
    http: TokenHttp,
    endpoints: Endpoints,
    client: EntraClient,
    client_id: String,
    token_url: Url,
    credential: Credential,
    clock: SharedClock,
    timing: Arc<dyn Timing>,
}

type EntraClient =
    BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// What the login service answered.
pub struct TokenAnswer {
    /// The bearer for Graph. Opaque: nothing is read from it.
    pub access_token: SecretString,
    /// How long it is good from now on.
    pub expires_in: Duration,
    /// Replaces the one that was redeemed. None for an application.
    pub refresh_token: Option<SecretString>,
    /// Scopes as Microsoft granted them, without the resource's prefix.
    pub scopes: Option<Vec<String>>,
}

/// Why a sign-in failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SignInError {
    /// Whose move it is.
    pub kind: SignInErrorKind,
    /// The AADSTS number, where Microsoft gave one.
    pub aadsts: Option<u32>,
    /// What is wrong, whose move it is and what to do, beginning with "AADSTS<n>" where known; no
    /// secret, no name.
    pub message: String,
}

/// Whose move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInErrorKind {
    /// Somebody has to sign in and consent again.
    NeedsConsent,
    /// The configuration is refused: tenant, client, secret or certificate.
    Misconfigured,
    /// Passes by itself: try again later.
    Transient,
}

impl SignInError {
    /// The error that Microsoft's sign-in page sent the browser back with (`error` and
    /// `error_description` of the callback), in words of ours.
    pub fn from_callback(error: &str, description: Option<&str>) -> Self {
        ErrorBody::of_callback(error, description).into_error(Flow::Delegated)
    }

    fn transient(message: String) -> Self {
        Self {
            kind: SignInErrorKind::Transient,
            aadsts: None,
            message,
        }
    }
}

/// Why one try gave no token.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// An answer that is no success.
    #[error("refused")]
    Refused(Box<Answer>),
    #[error("no answer")]
    Transport(#[from] TransportError),
    #[error("the request cannot be made")]
    Unusable,
}

type TokenResult = Result<
    BasicTokenResponse,
    oauth2::RequestTokenError<Failure, oauth2::basic::BasicErrorResponse>,
>;

impl Login {
    /// `tenant`: a GUID or a verified domain, already checked by its grammar. The clock dates what a
    /// certificate signs.
    pub fn new(
        http: Http,
        endpoints: Endpoints,
        tenant: &str,
        client_id: &str,
        credential: Credential,
        clock: SharedClock,
    ) -> Self {
        let token_url = endpoints.login_path(tenant, "oauth2/v2.0/token");
        let authorize_url = endpoints.login_path(tenant, "oauth2/v2.0/authorize");
        // Entra takes the credential from the body; the header's own encoding is a source of trouble.
        let mut client = BasicClient::new(ClientId::new(client_id.to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(authorize_url))
            .set_token_uri(TokenUrl::from_url(token_url.clone()));
        if let Credential::Secret(secret) = &credential {
            client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
        }
        Self {
            http: TokenHttp(http),
            endpoints,
            client,
            client_id: client_id.to_owned(),
            token_url,
            credential,
            clock,
            timing: Arc::new(SystemTiming),
        }
    }

    #[cfg(test)]
    pub(super) fn with_timing(mut self, timing: Arc<dyn Timing>) -> Self {
        self.timing = timing;
        self
    }

    /// Where the browser goes to sign in and consent: code flow, PKCE S256, [`DELEGATED_SCOPES`].
    /// The account is always asked for: an administrator's own session must not become the service
    /// account by accident.
    pub fn authorize_url(&self, redirect_uri: &Url, state: &str, pkce_challenge: &str) -> Url {
        let redirect = RedirectUrl::from_url(redirect_uri.clone());
        let state = CsrfToken::new(state.to_owned());
        let (url, _) = self
            .client
            .authorize_url(|| state)
            .set_redirect_uri(std::borrow::Cow::Owned(redirect))
            .add_scopes(self.delegated_scopes().map(Scope::new))
            .add_extra_param("code_challenge", pkce_challenge)
            .add_extra_param("code_challenge_method", "S256")
            .add_extra_param("response_mode", "query")
            .add_extra_param("prompt", "select_account")
            .url();
        url
    }

    /// Redeems the code that the browser brought back; `redirect_uri` is the one it was asked with.
    pub async fn redeem_code(
        &self,
        code: &str,
        pkce_verifier: &SecretString,
        redirect_uri: &Url,
    ) -> Result<TokenAnswer, SignInError> {
        let redirect = RedirectUrl::from_url(redirect_uri.clone());
        let scopes = self.delegated_scopes().collect::<Vec<_>>().join(" ");
        self.patiently(Flow::Delegated, |assertion| {
            let mut request = self
                .client
                .exchange_code(AuthorizationCode::new(code.to_owned()))
                .set_pkce_verifier(PkceCodeVerifier::new(
                    pkce_verifier.expose_secret().to_owned(),
                ))
                .set_redirect_uri(std::borrow::Cow::Owned(redirect.clone()))
                .add_extra_param("scope", scopes.clone());
            for (name, value) in assertion_params(assertion) {
                request = request.add_extra_param(name, value);
            }
            Box::pin(request.request_async(&self.http))
        })
        .await
    }

    /// Redeems a refresh token. The answer holds the one that replaces it. The scopes stay those
    /// that were consented to.
    pub async fn refresh(&self, refresh_token: &SecretString) -> Result<TokenAnswer, SignInError> {
        let refresh_token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        self.patiently(Flow::Delegated, |assertion| {
            let mut request = self.client.exchange_refresh_token(&refresh_token);
            for (name, value) in assertion_params(assertion) {
                request = request.add_extra_param(name, value);
            }
            Box::pin(request.request_async(&self.http))
        })
        .await
    }

    /// Signs in as the application itself. A token comes even if no permission was ever granted;
    /// Graph then answers 403.
    pub async fn client_credentials(&self) -> Result<TokenAnswer, SignInError> {
        let scope = self.endpoints.resource_scope(".default");
        self.patiently(Flow::App, |assertion| {
            let mut request = self
                .client
                .exchange_client_credentials()
                .add_scope(Scope::new(scope.clone()));
            for (name, value) in assertion_params(assertion) {
                request = request.add_extra_param(name, value);
            }
            Box::pin(request.request_async(&self.http))
        })
        .await
    }

    fn delegated_scopes(&self) -> impl Iterator<Item = String> {
        DELEGATED_SCOPES
            .into_iter()
            .map(|name| self.endpoints.scope(name))
    }

    /// A fresh proof of the application, where it is not a secret.
    fn assertion(&self) -> Result<Option<SecretString>, SignInError> {
        let Credential::Certificate(certificate) = &self.credential else {
            return Ok(None);
        };
        certificate
            .assertion(&self.client_id, &self.token_url, self.clock.now())
            .map(Some)
            .map_err(|_| SignInError {
                kind: SignInErrorKind::Misconfigured,
                aadsts: None,
                message: "The private key of certificate_file cannot sign: make a new certificate with an RSA key of 2048 bits or more.".to_owned(),
            })
    }

    /// Asks for a token a few times, as long as the failure may pass and the wait is short.
    async fn patiently<'a>(
        &'a self,
        flow: Flow,
        ask: impl Fn(Option<SecretString>) -> BoxFuture<'a, TokenResult>,
    ) -> Result<TokenAnswer, SignInError> {
        let mut tries = 1;
        loop {
            let failure = match ask(self.assertion()?).await {
                Ok(answer) => return Ok(token_answer(&answer)),
                Err(error) => failure(error, flow, self.host()),
            };
            let wait = failure
                .wait
                .unwrap_or_else(|| backoff(tries, self.timing.chance()));
            let is_worth_it = failure.error.kind == SignInErrorKind::Transient
                && failure.error.aadsts != Some(LOOP_DETECTED)
                && wait <= WAIT_MAX;
            if !is_worth_it || tries == TRIES_MAX {
                return Err(failure.error);
            }
            tries += 1;
            self.timing.sleep_until(self.timing.now() + wait).await;
        }
    }

    fn host(&self) -> &str {
        self.endpoints.login().host_str().unwrap_or_default()
    }
}

/// The HTTP client that `oauth2` asks for: ours. What is no success becomes an error here, since
/// Microsoft's error body says more than the standard one.
#[derive(Clone)]
struct TokenHttp(Http);

impl<'c> AsyncHttpClient<'c> for TokenHttp {
    type Error = Failure;
    type Future = BoxFuture<'c, Result<HttpResponse, Failure>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(|_| Failure::Unusable)?;
            let answer = self
                .0
                .send(request, LOGIN_BYTES_MAX, Connection::Pooled)
                .await?;
            if answer.status != StatusCode::OK {
                return Err(Failure::Refused(Box::new(answer)));
            }
            let mut response = HttpResponse::new(answer.body);
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

fn assertion_params(assertion: Option<SecretString>) -> Vec<(&'static str, String)> {
    match assertion {
        None => Vec::new(),
        Some(assertion) => vec![
            ("client_assertion_type", ASSERTION_TYPE.to_owned()),
            ("client_assertion", assertion.expose_secret().to_owned()),
        ],
    }
}

fn token_answer(answer: &BasicTokenResponse) -> TokenAnswer {
    TokenAnswer {
        access_token: answer.access_token().secret().as_str().into(),
        expires_in: answer.expires_in().unwrap_or(EXPIRES_IN_DEFAULT),
        refresh_token: answer
            .refresh_token()
            .map(|token| token.secret().as_str().into()),
        scopes: answer
            .scopes()
            .map(|scopes| scopes.iter().map(|scope| without_resource(scope)).collect()),
    }
}

/// `https://graph.microsoft.com/User.Read` is `User.Read`.
fn without_resource(scope: &str) -> String {
    scope.rsplit('/').next().unwrap_or(scope).to_owned()
}

/// A failed try.
struct FailedTry {
    error: SignInError,
    /// How long Microsoft wants us to wait.
    wait: Option<Duration>,
}

fn failure(
    error: oauth2::RequestTokenError<Failure, oauth2::basic::BasicErrorResponse>,
    flow: Flow,
    host: &str,
) -> FailedTry {
    let answer = match error {
        oauth2::RequestTokenError::Request(Failure::Refused(answer)) => answer,
        oauth2::RequestTokenError::Request(Failure::Transport(error)) => {
            return FailedTry {
                error: SignInError::transient(format!(
                    "The login service at {host} could not be reached: {error}. Check name resolution, firewall, network.proxy and, behind an inspecting proxy, network.ca_file."
                )),
                wait: None,
            };
        }
        // The body that could not be read may hold tokens: nothing of it is shown.
        _ => {
            return FailedTry {
                error: SignInError::transient(format!(
                    "{host} answered 200 with something else than tokens. If it stays like this, check login_url and look for a proxy or a sign-in page of your network."
                )),
                wait: None,
            };
        }
    };
    let wait = retry_after(&answer.headers);
    FailedTry {
        error: refused(&answer, wait, flow, host),
        wait,
    }
}

fn refused(answer: &Answer, wait: Option<Duration>, flow: Flow, host: &str) -> SignInError {
    let status = answer.status;
    let is_transient = status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT;
    if is_transient {
        let when = wait
            .map(|wait| format!("in {} seconds", wait.as_secs()))
            .unwrap_or_else(|| "later".to_owned());
        return SignInError::transient(format!(
            "The login service at {host} answered {}; it is asked again {when}.",
            status.as_u16()
        ));
    }
    match ErrorBody::read(&answer.body) {
        Some(body) => body.into_error(flow),
        None => SignInError {
            kind: SignInErrorKind::Misconfigured,
            aadsts: None,
            message: format!(
                "{host} answered {} without Microsoft's error: it is probably not the login service. Check login_url, network.proxy and tenant_id.",
                status.as_u16()
            ),
        },
    }
}
