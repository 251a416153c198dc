//! One sync: fetch, decide what changed, commit, publish.
//!
//! Datasets are read at the same time, the reports once the users are there. Pages of users are merged
//! into a draft of the next index and staged on disk while they arrive; what other datasets say of
//! users follows once the users are complete. Only what differs from what we hold is written, and
//! readers see nothing of it before the whole run is durable.
//!
//! Without users or licenses nothing is published. Whatever else fails keeps its older facts.

mod absent;
mod commit;
mod ending;
mod groups;
mod guard;
mod merger;
mod merging;
mod part;
mod sign_in_activity;
mod tenant_facts;
#[cfg(test)]
mod tests;
mod use_of;
mod users;

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub(super) use self::commit::{Effort, commit, finish};
pub(super) use self::ending::{end, interrupt, problem_of_sign_in};
pub(super) use self::merger::Merger;

use self::merging::Merging;
use super::tenant::{Shared, TenantState, lock};
use crate::domain::sync_run::{Dataset, Problem, SyncRun, SyncState};
use crate::engine::TenantIndex;
use crate::store;

/// Why a run ends without being published.
#[derive(Debug)]
enum Stop {
    Canceled,
    Failed(Problem),
}

/// Carries out the run that stands queued as the tenant's newest. The run as it ended is filed and
/// returned, with what publishing it took; watchers hear of the end from the caller, once the next
/// run may start.
pub(super) async fn execute(
    shared: &Arc<Shared>,
    tenant: &Arc<TenantState>,
    cancel: CancellationToken,
) -> (SyncRun, Option<Effort>) {
    let attempt = Attempt::new(shared, tenant, cancel);
    attempt.update(|run| run.state = SyncState::Running);
    let outcome = match attempt.gather().await {
        Ok(merger) => attempt.publish(merger).await,
        Err(stop) => Err(stop),
    };
    match outcome {
        Ok((run, effort)) => (run, Some(effort)),
        Err(stop) => (attempt.end_unpublished(stop).await, None),
    }
}

/// One attempt to read a tenant.
struct Attempt<'a> {
    shared: &'a Arc<Shared>,
    tenant: &'a Arc<TenantState>,
    cancel: CancellationToken,
    /// Canceled too when the run can no longer be published: the rest need not be read then.
    rest: CancellationToken,
    /// When the run began: what it reads is as of then.
    as_of: Timestamp,
    /// The run before this one.
    previous: Option<SyncRun>,
    /// Why the run is held back, if it is.
    held: OnceLock<Problem>,
}

impl<'a> Attempt<'a> {
    fn new(
        shared: &'a Arc<Shared>,
        tenant: &'a Arc<TenantState>,
        cancel: CancellationToken,
    ) -> Self {
        let started_at = tenant
            .newest_run
            .borrow()
            .as_ref()
            .map(|run| run.started_at);
        Self {
            shared,
            tenant,
            rest: cancel.child_token(),
            cancel,
            as_of: started_at.unwrap_or_else(|| shared.clock.now()),
            previous: lock(&tenant.previous_run).clone(),
            held: OnceLock::new(),
        }
    }

    /// Reads everything; what has come of it is ready to be committed.
    async fn gather(&self) -> Result<Merger, Stop> {
        self.check_room().await?;
        let organization = self.read_organization().await?;
        self.forget_damaged().await?;
        let base = self.shared.index(&self.tenant.key);
        let merging = self.begin_merging(&base).await?;
        let read = self.read_all(&base, &merging).await;
        // Where the merging failed, the reading ends too, and does not know why.
        let merger = merging.finish().await;
        let mut merger =
            merger.map_err(|error| self.fail(Dataset::Users, ending::problem_of_store(&error)))?;
        read?;
        if let Some(organization) = organization {
            merger
                .set_organization(organization)
                .map_err(ending::stop_of_store)?;
        }
        merger.keep_absent().map_err(ending::stop_of_store)?;
        Ok(merger)
    }

    /// Everything but the organization, at the same time. After the users come the reports (they can be
    /// joined no sooner, and a hundred megabytes of them would hold up whoever is awaited) and the
    /// sign-in activity, whose pages would take half of the requests that the users may have at once.
    async fn read_all(&self, base: &Arc<TenantIndex>, merging: &Merging) -> Result<(), Stop> {
        let are_users_read = CancellationToken::new();
        let users = async {
            let read = self
                .essential(merging, self.read_users(base, merging))
                .await;
            are_users_read.cancel();
            read
        };
        let reports = async {
            are_users_read.cancelled().await;
            self.read_reports(base, merging).await;
        };
        let sign_in_activity = async {
            are_users_read.cancelled().await;
            self.read_sign_in_activity(base, merging).await;
        };
        let licenses = self.essential(merging, self.read_licenses(base, merging));
        let (users, licenses, ..) = tokio::join!(
            users,
            licenses,
            self.read_subscriptions(base, merging),
            self.read_groups(base, merging),
            sign_in_activity,
            reports,
            self.read_sign_ins(base, merging),
            self.read_directory_audits(base, merging),
        );
        // All are awaited before a failure ends the run, so that each says what it met.
        users?;
        licenses
    }

    /// What a run cannot do without: when it fails, the rest is given up.
    async fn essential(
        &self,
        merging: &Merging,
        reading: impl Future<Output = Result<(), Stop>>,
    ) -> Result<(), Stop> {
        let read = reading.await;
        if read.is_err() {
            self.rest.cancel();
            merging.give_up().await;
        }
        read
    }

    async fn check_room(&self) -> Result<(), Stop> {
        self.shared
            .with_store(store::Store::check_free_space)
            .await
            .map_err(ending::stop_of_store)
    }

    /// Damaged facts make room for those that are about to be read: nobody was served them, and a
    /// change cannot be written on top of them.
    async fn forget_damaged(&self) -> Result<(), Stop> {
        if lock(&self.tenant.damage).is_none() {
            return Ok(());
        }
        let key = self.tenant.key.clone();
        self.shared
            .with_store(move |store| store.forget_facts(&key))
            .await
            .map_err(ending::stop_of_store)
    }

    /// The thread that merges, from the beginning or from where a run was cut.
    async fn begin_merging(&self, base: &Arc<TenantIndex>) -> Result<Merging, Stop> {
        let (key, run) = (self.tenant.key.clone(), self.current().id);
        let (base, as_of) = (Arc::clone(base), self.as_of);
        let merger = self
            .shared
            .with_store(move |store| Merger::begin(store, &key, run, base, as_of));
        Ok(Merging::spawn(merger.await.map_err(ending::stop_of_store)?))
    }
}
