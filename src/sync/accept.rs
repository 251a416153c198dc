//! Accepting a run that was held back because too much was gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::run::{self, Merger};
use super::tenant::lock;
use super::{Coordinator, Refusal};
use crate::domain::ids::{RunId, TenantKey};
use crate::domain::sync_run::{Dataset, DatasetState, ProblemKind, SyncRun, SyncTrigger};
use crate::store;

impl Coordinator {
    /// Publishes a run that was held back because more than half of its users or licenses were gone,
    /// and answers with it. For a run that was published without another suspicious dataset, starts
    /// a run that believes the dataset, and answers with that one.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when nothing of the run is held back: a later run has begun, or it was
    /// accepted already.
    pub async fn accept(&self, key: &TenantKey, id: RunId) -> Result<SyncRun, Refusal> {
        let tenant = Arc::clone(self.state(key)?);
        let run = self.run(key, id).await?.ok_or(Refusal::NotFound)?;
        let suspects = suspects(&run);
        let is_newest = tenant.newest_run.borrow().as_ref().map(|run| run.id) == Some(id);
        if suspects.is_empty() || !is_newest {
            return Err(Refusal::Conflict(
                "nothing of this run is held back. Look at the newest run: only that one can be accepted."
                    .to_owned(),
            ));
        }
        // Under the lock nothing else begins.
        let running = tenant.running.lock().await;
        if running.is_some() {
            return Err(Refusal::Conflict("a run is going on".to_owned()));
        }
        if run.state.is_published() {
            return self
                .begin(&tenant, running, SyncTrigger::Manual, suspects)
                .await;
        }
        let shared = Arc::clone(&self.shared);
        let publishing = Arc::clone(&tenant);
        let published = tokio::task::spawn_blocking(move || {
            let key = &publishing.key;
            let held = shared.store.unfinished(key)?;
            let Some(held) = held.filter(|held| held.is_held && held.run == id) else {
                return Ok(None);
            };
            let mut merger = Merger::new(
                shared.index(key),
                shared.store.resume(key, &held, id),
                run.started_at,
            );
            merger.replay()?;
            let mut run = run;
            believe(&mut run);
            run::finish(&mut run, shared.clock.now());
            run::commit(&shared, &publishing, merger, &run)?;
            Ok::<_, store::Error>(Some(run))
        });
        let published = published
            .await
            .map_err(|_| Refusal::Unavailable("the run could not be published".to_owned()))??;
        let run = published.ok_or_else(|| {
            Refusal::Conflict(
                "what this run had read is no longer kept. Start a sync; if it is held back again, accept that one."
                    .to_owned(),
            )
        })?;
        tracing::warn!(tenant = %key, run = %id, "a run that was held back was accepted");
        lock(&tenant.experience).learn(&run);
        tenant.newest_run.send_replace(Some(run.clone()));
        drop(running);
        Ok(run)
    }
}

/// The datasets of a run that were held back.
fn suspects(run: &SyncRun) -> BTreeSet<Dataset> {
    let parts = run.datasets.iter().filter(|part| {
        part.problem
            .as_ref()
            .is_some_and(|problem| problem.kind == ProblemKind::Suspect)
    });
    parts.map(|part| part.dataset).collect()
}

/// What was suspicious is taken for true.
fn believe(run: &mut SyncRun) {
    for part in &mut run.datasets {
        let kind = part.problem.as_ref().map(|problem| problem.kind);
        if kind == Some(ProblemKind::Suspect) {
            part.state = DatasetState::Complete;
            part.problem = None;
        }
    }
}
