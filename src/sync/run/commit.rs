//! The moment in which a run becomes current: durable, then visible.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::{Attempt, Merger, Stop, ending};
use crate::domain::sync_run::{DatasetState, Problem, ProblemKind, SyncRun, SyncState};
use crate::engine::TenantIndex;
use crate::store::{self, Staging};
use crate::sync::Retention;
use crate::sync::tenant::{Shared, TenantState, lock};

/// What it took to make a run current, for the log: each ought to be near the size of the change.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::sync) struct Effort {
    /// Users who came, went or differed.
    pub(in crate::sync) changed_users: u64,
    /// Comparing with what is in place and writing what differed, while answers came in.
    pub(in crate::sync) merging: Duration,
    /// Making the next index, after the last answer.
    pub(in crate::sync) indexing: Duration,
    /// Making what was written durable and current, after that.
    pub(in crate::sync) committing: Duration,
}

impl Attempt<'_> {
    /// Makes what was gathered durable, then visible; in that order.
    pub(super) async fn publish(&self, merger: Merger) -> Result<(SyncRun, Effort), Stop> {
        if self.cancel.is_cancelled() {
            return Err(Stop::Canceled);
        }
        if let Some(problem) = self.held.get() {
            return self.hold(merger, problem.clone()).await;
        }
        let mut run = self.current();
        finish(&mut run, self.shared.clock.now());
        let (shared, tenant) = (Arc::clone(self.shared), Arc::clone(self.tenant));
        let finished = run.clone();
        let committed =
            tokio::task::spawn_blocking(move || commit(&shared, &tenant, merger, &finished)).await;
        match committed {
            Ok(Ok(effort)) => Ok((run, effort)),
            Ok(Err(error)) => Err(ending::stop_of_store(error)),
            Err(_) => Err(Stop::Failed(Problem::new(
                ProblemKind::Internal,
                "the thread that commits failed; the log has more",
            ))),
        }
    }
}

impl Attempt<'_> {
    /// Keeps what was gathered aside until somebody accepts it or the next run begins.
    async fn hold(&self, merger: Merger, problem: Problem) -> Result<(SyncRun, Effort), Stop> {
        let mut run = self.current();
        ending::end(&mut run, Some(problem.clone()), self.shared.clock.now());
        let (filed, as_of) = (run.clone(), self.as_of);
        let held = self
            .shared
            .with_store(move |_| merger.staging.hold(&filed, as_of, &[]));
        match held.await {
            Ok(()) => Ok((run, Effort::default())),
            Err(error) => {
                tracing::warn!(tenant = %self.tenant.key, %error, "a run could not be held back; it is dropped");
                Err(Stop::Failed(problem))
            }
        }
    }
}

/// A run that was read as far as it could be is complete or partial.
pub(in crate::sync) fn finish(run: &mut SyncRun, now: jiff::Timestamp) {
    let has_failed = |state| matches!(state, DatasetState::Failed | DatasetState::Running);
    run.state = match run.datasets.iter().any(|part| has_failed(part.state)) {
        true => SyncState::Partial,
        false => SyncState::Complete,
    };
    run.finished_at = Some(now);
    run.progress = Some(1.0);
    run.problem = None;
}

/// Commits and publishes. Runs on a blocking thread.
pub(in crate::sync) fn commit(
    shared: &Shared,
    tenant: &TenantState,
    merger: Merger,
    run: &SyncRun,
) -> Result<Effort, store::Error> {
    let now = run.finished_at.unwrap_or_else(|| shared.clock.now());
    let changed = merger.draft.changed_users();
    let (update, mut staging, mut effort) = merger.into_parts(now);
    let _publishing = lock(&tenant.publishing);
    let names = |id, part_number: &str| shared.names.name(&tenant.key, id, part_number);
    // Built before the commit: nothing that could fail lies between durable and visible.
    let began = Instant::now();
    let before = shared.index(&tenant.key);
    let next = before.updated(update, &names);
    let (mut next, new) = next.with_changes_since(&before, &changed, run.id, now);
    effort.indexing = began.elapsed();
    for past in next.unsaved_findings() {
        staging.put_findings(&past)?;
    }
    for user in &new.users {
        staging.put_history_user(user)?;
    }
    if let Some(changes) = &new.changes {
        staging.put_user_changes(changes)?;
    }
    forget_old(&mut next, &mut staging, shared.retention, now)?;
    staging.commit(run, run.started_at)?;
    effort.committing = began.elapsed() - effort.indexing;
    shared.engine.publish(next.with_findings_saved());
    *lock(&tenant.damage) = None;
    Ok(effort)
}

/// Forgets what is older than the operator wants it to be kept.
fn forget_old(
    index: &mut TenantIndex,
    staging: &mut Staging,
    keep: Retention,
    now: Timestamp,
) -> Result<(), store::Error> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let oldest = |days: u16| today.checked_sub(i64::from(days).days()).ok();
    if let Some(day) = oldest(keep.usage_days) {
        for (workload, on) in index.forget_usage_before(day) {
            staging.remove_usage_day(workload, on)?;
        }
    }
    let begin = oldest(keep.changes_days).and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    if let Some(begin) = begin {
        for run in index.forget_changes_before(begin.timestamp()) {
            staging.remove_user_changes(run)?;
        }
    }
    Ok(())
}
