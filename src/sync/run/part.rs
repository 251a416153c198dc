//! The part of a run that reads one dataset: where it stands, for watchers and for the ledger.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Attempt, Stop, ending};
use crate::domain::standing::Standing;
use crate::domain::sync_run::{
    Dataset, DatasetRun, DatasetState, Problem, ProblemKind, SyncRun, SyncTrigger,
};
use crate::engine::TenantIndex;
use crate::msgraph::{self, Meter, Quarantined};
use crate::sync::tenant::lock;

/// What Microsoft does not have for a tenant is asked for again after this.
const ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The longest that a report or a log makes a run wait for which somebody waits: as long as Microsoft
/// counts requests for a log, and not as long as those for a report.
const PATIENCE: Duration = Duration::from_secs(15);

/// Progress says 1 only when the run is over.
const PROGRESS_MAX: f64 = 0.99;

impl Attempt<'_> {
    pub(super) fn begin(&self, dataset: Dataset) -> Meter {
        let now = self.shared.clock.now();
        self.update_part(dataset, |part| {
            part.state = DatasetState::Running;
            part.started_at = Some(now);
        });
        let cancel = match dataset.is_essential() || dataset == Dataset::Organization {
            true => &self.cancel,
            false => &self.rest,
        };
        let meter = Meter::new(cancel.clone());
        match self.may_wait_for_later(dataset) {
            true => meter.with_patience(PATIENCE),
            false => meter,
        }
    }

    /// Whether a dataset that Microsoft throttles is left to later runs.
    fn may_wait_for_later(&self, dataset: Dataset) -> bool {
        let is_use = Dataset::REPORTS.contains(&dataset)
            || matches!(dataset, Dataset::SignIns | Dataset::DirectoryAudits);
        is_use && self.is_awaited()
    }

    /// Whether somebody waits for the run: then it takes what can be had at once and leaves the rest
    /// to later runs.
    pub(super) fn is_awaited(&self) -> bool {
        self.current().trigger != SyncTrigger::Schedule
    }

    pub(super) fn count(&self, dataset: Dataset, meter: &Meter, rows: u64, quarantined: u64) {
        self.update_part(dataset, |part| {
            part.rows = rows;
            part.quarantined_rows = quarantined;
            part.requests = meter.requests();
            part.throttled_requests = meter.throttled_requests();
        });
    }

    pub(super) fn count_unmatched(&self, dataset: Dataset, unmatched: u64) {
        self.update_part(dataset, |part| part.unmatched_rows = unmatched);
    }

    pub(super) fn complete(&self, dataset: Dataset, is_changed: bool) {
        let state = match is_changed {
            true => DatasetState::Complete,
            false => DatasetState::Unchanged,
        };
        self.finish_part(dataset, state, None);
    }

    /// Ends a dataset that need not be read, or of which nothing can be told.
    pub(super) fn skip(&self, dataset: Dataset, problem: Option<Problem>) {
        self.finish_part(dataset, DatasetState::Skipped, problem);
    }

    /// A dataset of which too much could not be read is not believed at all.
    pub(super) fn judge_quarantine(
        &self,
        dataset: Dataset,
        rows: u64,
        quarantined: u64,
        example: Option<&Quarantined>,
    ) -> Result<(), Problem> {
        if let Some(example) = example {
            tracing::warn!(tenant = %self.tenant.key, dataset = dataset.name(), quarantined, example = example.reason, "rows were left out");
        }
        match msgraph::quarantine_problem(dataset, rows, quarantined, example) {
            None => Ok(()),
            Some(problem) => Err(problem),
        }
    }

    pub(super) fn fail(&self, dataset: Dataset, problem: Problem) -> Stop {
        tracing::warn!(tenant = %self.tenant.key, dataset = dataset.name(), %problem, "a dataset could not be read");
        self.finish_part(dataset, DatasetState::Failed, Some(problem.clone()));
        Stop::Failed(problem)
    }

    pub(super) async fn fail_by(&self, dataset: Dataset, error: msgraph::Error) -> Stop {
        match error {
            msgraph::Error::Canceled => Stop::Canceled,
            msgraph::Error::Problem(problem) => self.fail(dataset, problem),
            msgraph::Error::Expired => self.fail(
                dataset,
                Problem::new(
                    ProblemKind::BadResponse,
                    "Microsoft forgot where we were in the changes as often as we asked for them. The next run reads everything anew.",
                ),
            ),
            msgraph::Error::SignIn(error) => {
                self.tenant.note_sign_in_failure(self.shared, &error).await;
                self.fail(dataset, ending::problem_of_sign_in(&error))
            }
        }
    }

    /// Ends a dataset that the run can do without: what Microsoft does not have for this tenant is
    /// no failure, nor is what is left to a later run.
    pub(super) async fn miss(&self, dataset: Dataset, error: msgraph::Error) {
        match error {
            msgraph::Error::Problem(problem) if is_out_of_reach(problem.kind) => {
                tracing::info!(tenant = %self.tenant.key, dataset = dataset.name(), kind = problem.kind.code(), "a dataset cannot be had");
                self.skip(dataset, Some(problem));
            }
            msgraph::Error::Problem(problem)
                if problem.kind == ProblemKind::Throttled && self.may_wait_for_later(dataset) =>
            {
                tracing::info!(tenant = %self.tenant.key, dataset = dataset.name(), "a dataset is left to a later run");
                self.skip(dataset, Some(problem));
            }
            error => {
                self.fail_by(dataset, error).await;
            }
        }
    }

    /// Whether a dataset of this run has failed.
    pub(super) fn is_failed(&self, dataset: Dataset) -> bool {
        let run = self.current();
        let part = run.dataset(dataset);
        part.is_some_and(|part| part.state == DatasetState::Failed)
    }

    /// Whether it is worth asking: what the tenant has not bought or its cloud lacks is asked for once
    /// a day, and when somebody starts a run. Says so in the run where it is not.
    pub(super) fn may_ask(&self, dataset: Dataset) -> bool {
        if self.current().trigger == SyncTrigger::Manual {
            return true;
        }
        let last = lock(&self.tenant.experience).last_attempt(dataset).cloned();
        let refusal = last.and_then(|part| {
            let at = part.finished_at?;
            let problem = part.problem?;
            let stays = matches!(
                problem.kind,
                ProblemKind::NeedsPremium | ProblemKind::UnsupportedCloud
            );
            (stays && self.as_of.duration_since(at) < ASKED_AGAIN_AFTER).then_some(problem)
        });
        let may_ask = refusal.is_none();
        if !may_ask {
            self.skip(dataset, refusal);
        }
        may_ask
    }

    pub(super) fn show_progress(&self, rows: u64, expected: Option<u64>) {
        let Some(expected) = expected.filter(|expected| *expected > 0) else {
            return;
        };
        let share = (rows as f64 / expected as f64).min(PROGRESS_MAX);
        self.update(|run| run.progress = Some(share));
    }

    /// The standing of a dataset as it is published; a fresh one before the first.
    pub(super) fn standing(&self, base: &TenantIndex, dataset: Dataset) -> Standing {
        let standing = base.standing(dataset).cloned();
        standing.unwrap_or_else(|| Standing::new(dataset))
    }

    pub(super) fn current(&self) -> SyncRun {
        // A run is queued before it is executed, so there always is one; the other branch keeps the
        // type honest.
        let newest = self.tenant.newest_run.borrow().clone();
        newest.unwrap_or_else(|| {
            SyncRun::queued(
                crate::sync::new_run_id(self.as_of),
                self.tenant.key.clone(),
                SyncTrigger::Manual,
                self.as_of,
            )
        })
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut SyncRun)) {
        self.tenant.newest_run.send_modify(|run| {
            if let Some(run) = run {
                change(run);
            }
        });
    }

    fn update_part(&self, dataset: Dataset, change: impl FnOnce(&mut DatasetRun)) {
        self.update(|run| {
            if let Some(part) = run.dataset_mut(dataset) {
                change(part);
            }
        });
    }

    fn finish_part(&self, dataset: Dataset, state: DatasetState, problem: Option<Problem>) {
        let now = self.shared.clock.now();
        self.update_part(dataset, |part| {
            part.state = state;
            part.finished_at = Some(now);
            part.problem = problem;
        });
    }
}

/// What no retry and no patience gives: the tenant has not bought it, or its cloud lacks it.
fn is_out_of_reach(kind: ProblemKind) -> bool {
    matches!(
        kind,
        ProblemKind::NeedsPremium | ProblemKind::UnsupportedCloud | ProblemKind::Concealed
    )
}
