//! What works for a tenant and what does not, judged from what its runs met.

use crate::domain::sync_run::{
    Capability, CapabilityState, Dataset, DatasetRun, DatasetState, SyncRun,
};
use crate::engine::TenantIndex;

/// What the newest attempt at each dataset met.
#[derive(Debug, Clone, Default)]
pub(super) struct Experience {
    /// In no order; datasets that were never tried are not in it.
    attempts: Vec<DatasetRun>,
}

impl Experience {
    /// What runs of the past, newest first, tell.
    pub(super) fn from_newest_first<'a>(runs: impl Iterator<Item = &'a SyncRun>) -> Self {
        let mut experience = Self::default();
        let mut runs: Vec<&SyncRun> = runs.collect();
        runs.reverse();
        for run in runs {
            experience.learn(run);
        }
        experience
    }

    /// Takes in a run that is over.
    pub(super) fn learn(&mut self, run: &SyncRun) {
        for part in run.datasets.iter().filter(|part| is_attempt(part)) {
            self.attempts.retain(|known| known.dataset != part.dataset);
            self.attempts.push(part.clone());
        }
    }

    /// The newest attempt at a dataset.
    pub(super) fn last_attempt(&self, dataset: Dataset) -> Option<&DatasetRun> {
        self.attempts.iter().find(|part| part.dataset == dataset)
    }

    /// One capability a dataset, with the age of what is served of it.
    pub(super) fn capabilities(&self, index: &TenantIndex) -> Vec<Capability> {
        let capability = |dataset| {
            let (state, remedy) = judge(self.last_attempt(dataset));
            Capability {
                dataset,
                state,
                as_of: index.standing(dataset).and_then(|standing| standing.as_of),
                remedy,
            }
        };
        Dataset::ALL.map(capability).to_vec()
    }
}

/// Whether Microsoft was asked; what was skipped says nothing new.
fn is_attempt(part: &DatasetRun) -> bool {
    match part.state {
        DatasetState::Complete | DatasetState::Unchanged | DatasetState::Failed => true,
        DatasetState::Skipped => part.problem.is_some() && part.requests > 0,
        DatasetState::Waiting | DatasetState::Running => false,
    }
}

fn judge(attempt: Option<&DatasetRun>) -> (CapabilityState, Option<String>) {
    let Some(attempt) = attempt else {
        return (CapabilityState::Unknown, None);
    };
    let Some(problem) = &attempt.problem else {
        return (CapabilityState::Ok, None);
    };
    let state = CapabilityState::after(problem.kind);
    let remedy = match state {
        CapabilityState::Failing => problem.to_string(),
        _ => problem.message.clone(),
    };
    (state, Some(remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RunId, TenantKey};
    use crate::domain::sync_run::{Problem, ProblemKind, SyncTrigger};

    fn run(state: DatasetState, kind: Option<ProblemKind>) -> SyncRun {
        let mut run = SyncRun::queued(
            RunId(uuid::Uuid::nil()),
            TenantKey::parse("contoso").unwrap(),
            SyncTrigger::Schedule,
            "2026-11-01T00:00:00Z".parse().unwrap(),
        );
        let part = run.dataset_mut(Dataset::Groups).unwrap();
        part.state = state;
        part.requests = 1;
        part.problem = kind.map(|kind| Problem::new(kind, "do this"));
        run
    }

    fn groups(experience: &Experience) -> Capability {
        let index = TenantIndex::empty(TenantKey::parse("contoso").unwrap());
        let capabilities = experience.capabilities(&index).into_iter();
        let mut groups = capabilities.filter(|one| one.dataset == Dataset::Groups);
        groups.next().unwrap()
    }

    #[track_caller]
    fn check(kind: ProblemKind, state: CapabilityState, remedy: &str) {
        let runs = [
            run(DatasetState::Failed, Some(kind)),
            run(DatasetState::Complete, None),
        ];
        let seen = groups(&Experience::from_newest_first(runs.iter()));
        assert_eq!((seen.state, seen.remedy.as_deref()), (state, Some(remedy)));
    }

    #[test]
    fn the_newest_attempt_decides_and_says_whose_move_it_is() {
        check(
            ProblemKind::Permission,
            CapabilityState::MissingScope,
            "do this",
        );
        check(ProblemKind::Role, CapabilityState::MissingRole, "do this");
        check(
            ProblemKind::NeedsPremium,
            CapabilityState::NeedsPremium,
            "do this",
        );
        check(
            ProblemKind::Concealed,
            CapabilityState::Concealed,
            "do this",
        );
        check(
            ProblemKind::UnsupportedCloud,
            CapabilityState::UnsupportedCloud,
            "do this",
        );
        check(
            ProblemKind::Throttled,
            CapabilityState::Failing,
            "THROTTLED: do this",
        );
    }

    #[test]
    fn what_was_not_asked_for_leaves_the_judgement_as_it_was() {
        let mut experience = Experience::default();
        assert_eq!(groups(&experience).state, CapabilityState::Unknown);
        experience.learn(&run(DatasetState::Failed, Some(ProblemKind::Permission)));
        experience.learn(&run(DatasetState::Skipped, None));
        assert_eq!(groups(&experience).state, CapabilityState::MissingScope);
        experience.learn(&run(DatasetState::Unchanged, None));
        assert_eq!(groups(&experience).state, CapabilityState::Ok);
    }
}
