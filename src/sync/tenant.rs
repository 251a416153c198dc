//! One configured tenant: its settings, its connection and the run in progress.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Retention;
use super::capability::Experience;
use super::era::Era;
use super::names::Names;
use super::tokens::TenantTokens;
use crate::clock::SharedClock;
use crate::domain::ids::{RunId, TenantKey};
use crate::domain::sync_run::{Dataset, Problem, ProblemKind, SyncRun};
use crate::domain::tenant::{Cloud, Connection, ConnectionState, Organization, TenantAccess};
use crate::engine::{Engine, TenantIndex};
use crate::msgraph::{Client, Http, Login, SignInError, SignInErrorKind};
use crate::store::{self, Store};

/// What every tenant shares.
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) engine: Arc<Engine>,
    pub(super) clock: SharedClock,
    pub(super) names: Names,
    pub(super) http: Http,
    pub(super) retention: Retention,
    /// Canceled when the server stops.
    pub(super) stopping: CancellationToken,
    pub(super) started_at: Timestamp,
}

impl Shared {
    /// The tenant's index as published; an empty one before the first.
    pub(super) fn index(&self, tenant: &TenantKey) -> Arc<TenantIndex> {
        let world = self.engine.world();
        match world.tenant(tenant) {
            Some(index) => Arc::clone(index),
            None => Arc::new(TenantIndex::empty(tenant.clone())),
        }
    }

    /// Runs a call that blocks on the disk. A panic inside it is a storage problem of that call only.
    pub(super) async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, store::Error> {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(result) => result,
            Err(_) => Err(store::Error::Io("the storage thread failed".to_owned())),
        }
    }
}

/// One tenant of the configuration.
pub(super) struct TenantState {
    pub(super) key: TenantKey,
    /// `tenant_id` as configured: a GUID or a verified domain.
    pub(super) configured_id: String,
    pub(super) cloud: Cloud,
    pub(super) access: TenantAccess,
    pub(super) endpoints: crate::msgraph::Endpoints,
    pub(super) login: Login,
    pub(super) tokens: TenantTokens,
    pub(super) client: Client,
    pub(super) era: Arc<Era>,
    pub(super) connection: Mutex<Connection>,
    /// The newest run; the one place where a running run's state lives.
    pub(super) newest_run: watch::Sender<Option<SyncRun>>,
    /// What is running; the lock makes starting a single flight.
    pub(super) running: tokio::sync::Mutex<Option<Running>>,
    /// The run before the newest.
    pub(super) previous_run: Mutex<Option<SyncRun>>,
    /// Datasets that the newest run believes, however short: somebody accepted what the one before saw.
    pub(super) accepted: Mutex<BTreeSet<Dataset>>,
    /// The day on which activity was judged last.
    pub(super) judged_on: Mutex<Option<Date>>,
    pub(super) experience: Mutex<Experience>,
    /// Held from reading the index to publishing the next, so that no change is lost between.
    pub(super) publishing: Mutex<()>,
    /// What is damaged about the stored facts, until a run has replaced them.
    pub(super) damage: Mutex<Option<String>>,
    /// Runs whose end could not be filed yet.
    pub(super) unfiled: Mutex<Vec<SyncRun>>,
}

/// What becomes of the refresh token when the connection changes.
pub(super) enum RefreshToken {
    /// It stays, if there is one.
    Kept,
    /// It is deleted, and with it whatever Microsoft still owes.
    Deleted,
    /// This one takes its place.
    Replaced(SecretString),
}

/// A run in progress.
pub(super) struct Running {
    pub(super) id: RunId,
    pub(super) cancel: CancellationToken,
}

impl TenantState {
    pub(super) fn connection(&self) -> Connection {
        lock(&self.connection).clone()
    }

    /// Changes the connection, in memory and on disk, with what becomes of the refresh token; one
    /// change after the other. `None` changes nothing; true when something was changed.
    pub(super) async fn change_connection(
        &self,
        shared: &Shared,
        change: impl FnOnce(Connection) -> Option<(Connection, RefreshToken)>,
    ) -> Result<bool, store::Error> {
        let _changing = self.era.lock().await;
        let Some((connection, refresh_token)) = change(self.connection()) else {
            return Ok(false);
        };
        let ends_era = matches!(refresh_token, RefreshToken::Deleted);
        let (key, filed) = (self.key.clone(), connection.clone());
        shared
            .with_store(move |store| {
                let token = match &refresh_token {
                    RefreshToken::Kept => None,
                    RefreshToken::Deleted => Some(None),
                    RefreshToken::Replaced(token) => Some(Some(token)),
                };
                store.save_connection(&key, &filed, token)
            })
            .await?;
        if ends_era {
            self.era.end();
        }
        *lock(&self.connection) = connection;
        Ok(true)
    }

    /// Deletes every stored fact, run and secret, and leaves of the connection what `left` makes of it,
    /// in memory and on disk: it is never forgotten that it was ended.
    pub(super) async fn purge(
        &self,
        shared: &Shared,
        left: impl FnOnce(Connection) -> Connection,
    ) -> Result<(), store::Error> {
        let _changing = self.era.lock().await;
        let connection = left(self.connection());
        let (key, filed) = (self.key.clone(), connection.clone());
        shared
            .with_store(move |store| store.purge(&key, Some(&filed)))
            .await?;
        self.era.end();
        *lock(&self.connection) = connection;
        Ok(())
    }

    /// Files how a run ended that was not published. Where the store does not take it, it is kept for
    /// [`file_unfiled`](Self::file_unfiled): else the ledger would say for ever that the run goes on.
    pub(super) async fn file_end(&self, shared: &Shared, run: SyncRun) {
        let filed = run.clone();
        let result = shared.with_store(move |store| store.record_run(&filed));
        if let Err(error) = result.await {
            tracing::error!(tenant = %self.key, %error, "the end of a run is not in the ledger yet");
            lock(&self.unfiled).push(run);
        }
    }

    /// Files what could not be filed before, now that the store takes writes again.
    pub(super) async fn file_unfiled(&self, shared: &Shared) {
        let unfiled = std::mem::take(&mut *lock(&self.unfiled));
        for run in unfiled {
            self.file_end(shared, run).await;
        }
    }

    /// What a failed sign-in makes of the connection.
    pub(super) async fn note_sign_in_failure(&self, shared: &Shared, error: &SignInError) {
        let state = match error.kind {
            SignInErrorKind::NeedsConsent => ConnectionState::NeedsConsent,
            SignInErrorKind::Misconfigured => ConnectionState::Misconfigured,
            SignInErrorKind::Transient => return,
        };
        self.note_problem(shared, state, error.message.clone())
            .await;
    }

    /// Files why the tenant is not connected.
    pub(super) async fn note_problem(
        &self,
        shared: &Shared,
        state: ConnectionState,
        problem: String,
    ) {
        let noted = self.change_connection(shared, |connection| {
            (connection.state != ConnectionState::Disconnected).then(|| {
                let noted = Connection {
                    state,
                    problem: Some(problem),
                    ..connection
                };
                (noted, RefreshToken::Kept)
            })
        });
        if let Err(error) = noted.await {
            tracing::warn!(tenant = %self.key, %error, "the connection's state could not be stored");
        }
    }

    /// Whether an organization that answered is the configured one, and the one whose facts we hold.
    pub(super) fn verify(&self, organization: &Organization) -> Result<(), Problem> {
        let configured = self.configured_id.to_lowercase();
        let is_configured =
            organization.id.to_string() == configured || organization.domains.contains(&configured);
        if !is_configured {
            return Err(Problem::new(
                ProblemKind::WrongTenant,
                format!(
                    "the organization that answered is {}, not {} of config.toml. Correct tenant_id, or sign in with an account of that organization.",
                    organization.id, self.configured_id
                ),
            ));
        }
        let held = lock(&self.connection).organization_id;
        if held.is_some_and(|held| held != organization.id) {
            return Err(Problem::new(
                ProblemKind::WrongTenant,
                format!(
                    "this tenant's stored facts are of another organization. Give {} a key of its own in config.toml, or delete the facts with disconnectTenant(purge: true) first.",
                    organization.id
                ),
            ));
        }
        Ok(())
    }

    /// Files that the verified organization answered. The problem of before is gone.
    pub(super) async fn note_connected(
        &self,
        shared: &Shared,
        organization: &Organization,
    ) -> Result<(), store::Error> {
        let connected = Connection {
            state: ConnectionState::Connected,
            problem: None,
            granted_scopes: self.tokens.granted_scopes().await,
            organization_id: Some(organization.id),
        };
        self.change_connection(shared, |connection| {
            let is_news =
                connection.state != ConnectionState::Disconnected && connection != connected;
            is_news.then_some((connected, RefreshToken::Kept))
        })
        .await
        .map(drop)
    }
}

/// Locks a mutex whose content is whole at every moment: a panic elsewhere does not spoil it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
