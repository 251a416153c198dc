//! Access tokens of one tenant: fetched once for everybody, kept in memory only.
//!
//! A refresh token rotates: the new one is durable before the access token that came with it is
//! used, so that a crash never leaves us with a token that Microsoft has replaced. A refusal is
//! remembered for a while, so that a dead consent is not asked about again and again. A disconnect
//! waits for no answer: one that comes after it is not kept.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use super::era::Era;
use crate::clock::SharedClock;
use crate::domain::ids::TenantKey;
use crate::domain::tenant::TenantAccess;
use crate::msgraph::{Login, SignInError, SignInErrorKind, TokenAnswer, TokenSource};
use crate::store::{SecretKind, Store};

/// A token is not used in its last minutes: the request that carries it may be a slow one.
const EXPIRY_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// After Microsoft refused for good, how long it is not asked again unless a person asks.
const REFUSAL_HOLDS: SignedDuration = SignedDuration::from_mins(15);

/// The tokens of one tenant. Clones share them.
#[derive(Clone)]
pub(super) struct TenantTokens(Arc<Inner>);

struct Inner {
    tenant: TenantKey,
    access: TenantAccess,
    login: Login,
    store: Store,
    clock: SharedClock,
    era: Arc<Era>,
    /// The lock is held while a token is fetched: one refresh at a time.
    held: Mutex<Held>,
}

/// What is known of one era.
#[derive(Default)]
struct Held {
    era: u64,
    token: Option<(Arc<SecretString>, Timestamp)>,
    refused: Option<(SignInError, Timestamp)>,
    granted_scopes: Option<Vec<String>>,
}

impl TenantTokens {
    pub(super) fn new(
        tenant: TenantKey,
        access: TenantAccess,
        login: Login,
        store: Store,
        clock: SharedClock,
        era: Arc<Era>,
    ) -> Self {
        Self(Arc::new(Inner {
            tenant,
            access,
            login,
            store,
            clock,
            era,
            held: Mutex::default(),
        }))
    }

    /// Forgets tokens and refusals: a person asks for a fresh attempt. Where one is under way this
    /// very moment, there is nothing to forget and nothing to wait for.
    pub(super) fn forget(&self) {
        if let Ok(mut held) = self.0.held.try_lock() {
            *held = Held::of(self.0.era.current());
        }
    }

    /// Forgets what was refused, since a person asks; a good token stays. While somebody is asking
    /// Microsoft already there is nothing to forget, and nobody waits.
    pub(super) fn forget_refusal(&self) {
        if let Ok(mut held) = self.0.held.try_lock() {
            held.refused = None;
        }
    }

    /// Takes in what a sign-in brought, once `storing` has made its refresh token durable; false when
    /// that decided against it. No refresh is under way meanwhile, so none overtakes the sign-in.
    pub(super) async fn adopt<E>(
        &self,
        answer: &TokenAnswer,
        storing: impl Future<Output = Result<bool, E>>,
    ) -> Result<bool, E> {
        let mut held = self.0.held.lock().await;
        let era = self.0.era.current();
        let is_stored = storing.await?;
        if is_stored {
            *held = Held::of(era);
            self.0.hold(&mut held, answer);
        }
        Ok(is_stored)
    }

    /// What the last token answer granted; `None` where it said nothing.
    pub(super) async fn granted_scopes(&self) -> Option<Vec<String>> {
        self.0.held.lock().await.granted_scopes.clone()
    }
}

impl Held {
    fn of(era: u64) -> Self {
        Self {
            era,
            ..Self::default()
        }
    }
}

impl Inner {
    fn hold(&self, held: &mut Held, answer: &TokenAnswer) -> Arc<SecretString> {
        let token = Arc::new(answer.access_token.clone());
        let lives = SignedDuration::try_from(answer.expires_in).unwrap_or(SignedDuration::ZERO);
        let expires_at = self
            .clock
            .now()
            .saturating_add(lives)
            .unwrap_or(Timestamp::MAX);
        held.token = Some((Arc::clone(&token), expires_at));
        held.granted_scopes.clone_from(&answer.scopes);
        token
    }

    async fn fetch(&self, era: u64) -> Result<TokenAnswer, SignInError> {
        match self.access {
            TenantAccess::App => self.login.client_credentials().await,
            TenantAccess::Delegated => {
                let refresh_token = self.stored_refresh_token().await?;
                let answer = self.login.refresh(&refresh_token).await?;
                if let Some(rotated) = &answer.refresh_token {
                    self.keep_refresh_token(rotated.clone(), era).await?;
                }
                Ok(answer)
            }
        }
    }

    async fn stored_refresh_token(&self) -> Result<SecretString, SignInError> {
        let (store, tenant) = (self.store.clone(), self.tenant.clone());
        let stored = blocking(move || store.secret(&tenant, SecretKind::RefreshToken)).await?;
        stored
            .map_err(|error| match error {
                // Ciphertext that was edited, moved or made under another key is as good as none.
                crate::store::Error::Damaged(_) => {
                    needs_consent("The stored sign-in cannot be read any more")
                }
                other => transient(&other.to_string()),
            })?
            .ok_or_else(|| needs_consent("Nobody has signed in yet"))
    }

    async fn keep_refresh_token(&self, rotated: SecretString, era: u64) -> Result<(), SignInError> {
        let _changing = self.era.lock().await;
        if self.era.is_over(era) {
            return Err(disconnected());
        }
        let (store, tenant) = (self.store.clone(), self.tenant.clone());
        blocking(move || store.save_secret(&tenant, SecretKind::RefreshToken, &rotated))
            .await?
            .map_err(|error| {
                transient(&format!(
                    "the new refresh token could not be stored: {error}"
                ))
            })
    }
}

impl Inner {
    /// The token in force, else a fresh one.
    async fn access_token(
        &self,
        stale: Option<&SecretString>,
    ) -> Result<Arc<SecretString>, SignInError> {
        let mut held = self.held.lock().await;
        let (era, now) = (self.era.current(), self.clock.now());
        if held.era != era {
            *held = Held::of(era);
        }
        if let Some((token, expires_at)) = &held.token {
            let is_refused =
                stale.is_some_and(|stale| stale.expose_secret() == token.expose_secret());
            if !is_refused && expires_at.duration_since(now) > EXPIRY_MARGIN {
                return Ok(Arc::clone(token));
            }
        }
        if let Some((error, until)) = &held.refused
            && now < *until
        {
            return Err(error.clone());
        }
        match self.fetch(era).await {
            Ok(_) if self.era.is_over(era) => Err(disconnected()),
            Ok(answer) => {
                held.refused = None;
                Ok(self.hold(&mut held, &answer))
            }
            Err(error) => {
                held.token = None;
                if error.kind != SignInErrorKind::Transient {
                    let until = now.saturating_add(REFUSAL_HOLDS).unwrap_or(Timestamp::MAX);
                    held.refused = Some((error.clone(), until));
                }
                Err(error)
            }
        }
    }
}

#[async_trait::async_trait]
impl TokenSource for TenantTokens {
    #[allow(
        clippy::disallowed_methods,
        reason = "whoever asked may be canceled; a redeemed refresh token must be stored all the same"
    )]
    async fn access_token(
        &self,
        stale: Option<&SecretString>,
    ) -> Result<Arc<SecretString>, SignInError> {
        let inner = Arc::clone(&self.0);
        let stale = stale.cloned();
        let fetched = tokio::spawn(async move { inner.access_token(stale.as_ref()).await });
        fetched.await.unwrap_or_else(|_| {
            Err(transient(
                "the token could not be fetched; the log has more",
            ))
        })
    }

    /// `None` also while a token is being fetched: then nothing is known for sure.
    fn granted_scopes(&self) -> Option<Vec<String>> {
        let held = self.0.held.try_lock().ok()?;
        held.granted_scopes.clone()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SignInError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| transient("the store did not answer"))
}

fn needs_consent(what: &str) -> SignInError {
    SignInError {
        kind: SignInErrorKind::NeedsConsent,
        aadsts: None,
        message: format!(
            "{what}. Run `seatwise connect`, or call connectTenant, and sign in with the service account."
        ),
    }
}

fn disconnected() -> SignInError {
    transient("the tenant was disconnected while Microsoft was asked")
}

fn transient(what: &str) -> SignInError {
    SignInError {
        kind: SignInErrorKind::Transient,
        aadsts: None,
        message: what.to_owned(),
    }
}
