//! Connecting a tenant: the browser flow of the service account, the direct attempt of an application,
//! and the end of a connection.

use std::sync::Arc;
use std::time::Duration;

use oauth2::PkceCodeChallenge;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use super::decide;
use super::probe::probe;
use super::sign_in::BegunSignIn;
use super::tenant::{RefreshToken, TenantState};
use super::{Coordinator, Refusal};
use crate::domain::ids::TenantKey;
use crate::domain::sync_run::{Dataset, Problem, SyncTrigger};
use crate::domain::tenant::{Connection, ConnectionState, Organization, TenantAccess};
use crate::engine::TenantIndex;
use crate::msgraph::{self, Client, Meter, SignInError, SignInErrorKind, TokenAnswer, TokenSource};

/// How long a direct attempt may keep the person who asked waiting; the next run tries again anyway.
const ATTEMPT_LASTS_MAX: Duration = Duration::from_secs(20);

/// Where a browser goes to sign in, and the secret that binds the flow to it (its state cookie).
pub struct SignInStart {
    /// At Microsoft.
    pub url: Url,
    /// For the browser alone; the callback must bring it.
    pub browser_secret: SecretString,
}

/// What Microsoft sent the browser back with; each value as it came, unchecked.
#[derive(Debug, Default)]
pub struct Callback {
    /// The authorization code, good once.
    pub code: Option<String>,
    /// Our own state.
    pub state: Option<String>,
    /// Microsoft's word for what went wrong instead.
    pub error: Option<String>,
    /// Microsoft's sentence about it; never shown as it is, only searched for an AADSTS number.
    pub error_description: Option<String>,
}

/// Why a sign-in ended nowhere; for the page that the browser shows.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct SignInRefused {
    /// The flow itself was forged, repeated or too old: nothing was asked of Microsoft.
    pub is_forged: bool,
    /// What happened and what to do.
    pub message: String,
}

impl SignInRefused {
    fn forged() -> Self {
        Self {
            is_forged: true,
            message: "This sign-in was not begun here, was already used, or is older than 10 minutes. Begin again with `seatwise connect` or connectTenant.".to_owned(),
        }
    }

    /// Words of problems begin in lower case; here they stand on a page of their own.
    fn because(message: impl Into<String>) -> Self {
        let message = message.into();
        let mut characters = message.chars();
        let first = characters.next().into_iter().flat_map(char::to_uppercase);
        Self {
            is_forged: false,
            message: first.chain(characters).collect(),
        }
    }
}

/// The one token of a sign-in that is being verified.
struct NewToken(Arc<SecretString>);

#[async_trait::async_trait]
impl TokenSource for NewToken {
    async fn access_token(
        &self,
        stale: Option<&SecretString>,
    ) -> Result<Arc<SecretString>, SignInError> {
        match stale {
            None => Ok(Arc::clone(&self.0)),
            Some(_) => Err(SignInError {
                kind: SignInErrorKind::NeedsConsent,
                aadsts: None,
                message: "Microsoft Graph refused the new token. Sign in again.".to_owned(),
            }),
        }
    }
}

impl Coordinator {
    /// Connects for the first time or again. An application is tried at once and needs no browser; for
    /// a service account the address is returned that opens the flow, once, for 10 minutes.
    pub async fn connect(&self, key: &TenantKey) -> Result<Option<Url>, Refusal> {
        let tenant = Arc::clone(self.state(key)?);
        tenant.tokens.forget();
        match tenant.access {
            TenantAccess::Delegated => {
                self.leave_disconnected(&tenant).await?;
                Ok(Some(self.ticket_url(key)?))
            }
            TenantAccess::App => {
                let connecting = |connection| {
                    let connecting = Connection {
                        state: ConnectionState::Connecting,
                        problem: None,
                        ..connection
                    };
                    Some((connecting, RefreshToken::Kept))
                };
                tenant.change_connection(&self.shared, connecting).await?;
                let attempt = self.connect_application(&tenant);
                if tokio::time::timeout(ATTEMPT_LASTS_MAX, attempt)
                    .await
                    .is_err()
                {
                    tracing::info!(tenant = %key, "Microsoft is slow; the connection is tried again by the next run");
                }
                Ok(None)
            }
        }
    }

    async fn leave_disconnected(&self, tenant: &TenantState) -> Result<(), Refusal> {
        let waiting = |connection: Connection| {
            (connection.state == ConnectionState::Disconnected).then(|| {
                let waiting = Connection {
                    organization_id: connection.organization_id,
                    ..Connection::new(tenant.access)
                };
                (waiting, RefreshToken::Kept)
            })
        };
        tenant.change_connection(&self.shared, waiting).await?;
        Ok(())
    }

    fn ticket_url(&self, key: &TenantKey) -> Result<Url, Refusal> {
        let ticket = self.tickets.open(key.clone(), self.shared.clock.now())?;
        let mut url = self.public_url.clone();
        url.set_path(&format!("/connect/{key}"));
        url.query_pairs_mut()
            .append_pair("ticket", ticket.expose_secret());
        Ok(url)
    }

    /// Tries an application's credentials; what comes of it is the tenant's connection.
    async fn connect_application(&self, tenant: &Arc<TenantState>) {
        let meter = Meter::new(self.shared.stopping.child_token());
        match tenant.client.organization(&meter).await {
            Ok(organization) => {
                if let Err(problem) = tenant.verify(&organization) {
                    let message = problem.to_string();
                    tenant
                        .note_problem(&self.shared, ConnectionState::Misconfigured, message)
                        .await;
                    return;
                }
                if let Err(error) = tenant.note_connected(&self.shared, &organization).await {
                    tracing::error!(tenant = %tenant.key, %error, "the connection could not be stored");
                    return;
                }
                self.start_first(tenant).await;
            }
            Err(msgraph::Error::SignIn(error)) => {
                tenant.note_sign_in_failure(&self.shared, &error).await
            }
            Err(error) => {
                tracing::warn!(tenant = %tenant.key, %error, "the tenant could not be tried; the next run tries again");
            }
        }
    }

    /// Whoever just connected wants data, not a schedule.
    async fn start_first(&self, tenant: &TenantState) {
        let trigger = match self.shared.index(&tenant.key).as_of().is_some() {
            true => SyncTrigger::Manual,
            false => SyncTrigger::First,
        };
        if let Err(refusal) = self.start(&tenant.key, trigger).await {
            tracing::warn!(tenant = %tenant.key, %refusal, "the first run could not be started");
        }
    }

    /// Deletes the tenant's tokens at once; with `purge`, every stored fact of it too.
    pub async fn disconnect(&self, key: &TenantKey, purge: bool) -> Result<(), Refusal> {
        let tenant = self.state(key)?;
        let disconnected = |connection: Connection| Connection {
            state: ConnectionState::Disconnected,
            problem: Some(
                "Disconnected by an administrator. Connect it again with connectTenant.".to_owned(),
            ),
            granted_scopes: None,
            organization_id: connection.organization_id.filter(|_| !purge),
        };
        let disconnect = |connection| Some((disconnected(connection), RefreshToken::Deleted));
        // First nothing new may begin, then what runs is stopped, then the facts go.
        tenant.change_connection(&self.shared, disconnect).await?;
        self.tickets.forget(|of| of == key);
        self.sign_ins.forget(|begun| begun.tenant == *key);
        let running = tenant
            .running
            .lock()
            .await
            .as_ref()
            .map(|running| running.id);
        if let Some(id) = running {
            match self.cancel(key, id).await {
                // It ended by itself meanwhile.
                Ok(_) | Err(Refusal::Conflict(_)) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        if purge {
            self.purge(tenant, disconnected).await?;
        }
        Ok(())
    }

    async fn purge(
        &self,
        tenant: &TenantState,
        disconnected: impl FnOnce(Connection) -> Connection,
    ) -> Result<(), Refusal> {
        {
            let _declaring = self.declaring.lock().await;
            tenant.purge(&self.shared, disconnected).await?;
            self.forget_declared(&tenant.key);
        }
        self.shared.names.forget_tenant(&tenant.key);
        {
            // A rename at this moment must not publish the purged facts again.
            let _publishing = super::lock(&tenant.publishing);
            let decisions = decide::after_purge(&self.shared.index(&tenant.key));
            let empty = TenantIndex::remembering(tenant.key.clone(), decisions, Vec::new());
            self.shared.engine.publish(empty);
        }
        *super::lock(&tenant.damage) = None;
        *super::lock(&tenant.experience) = super::Experience::default();
        tenant.newest_run.send_replace(None);
        Ok(())
    }

    /// Uses up a ticket; true when it was good for this tenant.
    pub fn redeem_ticket(&self, key: &TenantKey, ticket: &str) -> bool {
        self.tickets
            .redeem(ticket, self.shared.clock.now())
            .as_ref()
            == Some(key)
    }

    /// Begins the browser flow, after the caller proved its right to it.
    pub fn begin_sign_in(&self, key: &TenantKey) -> Result<SignInStart, Refusal> {
        let tenant = self.state(key)?;
        if tenant.access != TenantAccess::Delegated {
            return Err(Refusal::Conflict(format!(
                "{key} signs in as an application: no browser is needed. Call connectTenant to try it."
            )));
        }
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (begun, browser_secret) = BegunSignIn::new(
            key.clone(),
            SecretString::from(verifier.secret().clone()),
            tenant.era.current(),
        )?;
        let state = self.sign_ins.open(begun, self.shared.clock.now())?;
        let url = tenant.login.authorize_url(
            &self.callback_url(),
            state.expose_secret(),
            challenge.as_str(),
        );
        Ok(SignInStart {
            url,
            browser_secret,
        })
    }

    /// The redirect URI, exactly as registered with the application.
    fn callback_url(&self) -> Url {
        let mut url = self.public_url.clone();
        url.set_path("/connect/callback");
        url
    }

    /// Ends the browser flow: checks state and browser, redeems the code, proves by `/organization`
    /// that the right tenant answered, stores the tokens, and starts the first run.
    pub async fn finish_sign_in(
        &self,
        callback: Callback,
        browser_secret: Option<&str>,
    ) -> Result<TenantKey, SignInRefused> {
        let state = callback
            .state
            .as_deref()
            .ok_or_else(SignInRefused::forged)?;
        let begun = self
            .sign_ins
            .redeem(state, self.shared.clock.now())
            .filter(|begun| begun.is_of_browser(browser_secret))
            .ok_or_else(SignInRefused::forged)?;
        let tenant = Arc::clone(
            self.state(&begun.tenant)
                .map_err(|_| SignInRefused::forged())?,
        );
        if let Some(error) = &callback.error {
            let error = SignInError::from_callback(error, callback.error_description.as_deref());
            return Err(SignInRefused::because(error.message));
        }
        let code = callback.code.as_deref().ok_or_else(SignInRefused::forged)?;
        let answer = tenant
            .login
            .redeem_code(code, &begun.pkce_verifier, &self.callback_url())
            .await
            .map_err(|error| SignInRefused::because(error.message))?;
        let organization = self.verify_new_token(&tenant, &answer).await?;
        self.adopt(&tenant, begun.era, answer, &organization)
            .await?;
        self.start_first(&tenant).await;
        Ok(tenant.key.clone())
    }

    async fn verify_new_token(
        &self,
        tenant: &TenantState,
        answer: &TokenAnswer,
    ) -> Result<Organization, SignInRefused> {
        let token = NewToken(Arc::new(answer.access_token.clone()));
        let client = Client::new(
            self.shared.http.clone(),
            tenant.endpoints.clone(),
            Arc::new(token),
        );
        let meter = Meter::new(self.shared.stopping.child_token());
        let organization = client
            .organization(&meter)
            .await
            .map_err(|error| SignInRefused::because(error.to_string()))?;
        tenant
            .verify(&organization)
            .map_err(|problem| SignInRefused::because(problem.message))?;
        Ok(organization)
    }

    async fn adopt(
        &self,
        tenant: &TenantState,
        begun_in: u64,
        answer: TokenAnswer,
        organization: &Organization,
    ) -> Result<(), SignInRefused> {
        let Some(refresh_token) = answer.refresh_token.clone() else {
            return Err(SignInRefused::because(
                "Microsoft gave no refresh token: offline_access was not consented to. Grant it to the application in Entra and sign in again.",
            ));
        };
        let connection = Connection {
            state: ConnectionState::Connected,
            problem: None,
            granted_scopes: answer.scopes.clone(),
            organization_id: Some(organization.id),
        };
        let storing = tenant.change_connection(&self.shared, |_| {
            let is_wanted = !tenant.era.is_over(begun_in);
            is_wanted.then_some((connection, RefreshToken::Replaced(refresh_token)))
        });
        match tenant.tokens.adopt(&answer, storing).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(SignInRefused::because(
                "The tenant was disconnected meanwhile. Begin again with `seatwise connect` or connectTenant.",
            )),
            Err(error) => Err(SignInRefused::because(format!(
                "The sign-in could not be stored: {error}"
            ))),
        }
    }

    /// Tries every dataset of a tenant with its smallest request and says what each met.
    pub async fn probe(
        &self,
        key: &TenantKey,
    ) -> Result<Vec<(Dataset, Result<(), Problem>)>, Refusal> {
        let tenant = self.state(key)?;
        let meter = Meter::new(CancellationToken::new());
        let now = self.shared.clock.now();
        let verify = |organization: &Organization| tenant.verify(organization);
        Ok(probe(&tenant.client, &meter, now, verify).await)
    }
}
