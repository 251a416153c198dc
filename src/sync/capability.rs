//! What works for a tenant and what does not, judged from what its runs met.

use jiff::Timestamp;

use crate::domain::sync_run::{
    Capability, CapabilityState, Dataset, DatasetRun, DatasetState, ProblemKind, SyncRun,
};

/// What the newest attempt at each dataset met, and when each was last read whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Experience {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    dataset: Dataset,
    last_attempt: Option<DatasetRun>,
    as_of: Option<Timestamp>,
}

impl Experience {
    /// Nothing was ever tried.
    pub(super) fn none() -> Self {
        let entries = Dataset::ALL.map(|dataset| Entry {
            dataset,
            last_attempt: None,
            as_of: None,
        });
        Self {
            entries: entries.to_vec(),
        }
    }

    /// What runs of the past, newest first, tell.
    pub(super) fn from_newest_first<'a>(runs: impl Iterator<Item = &'a SyncRun>) -> Self {
        let mut experience = Self::none();
        let mut runs: Vec<&SyncRun> = runs.collect();
        runs.reverse();
        for run in runs {
            experience.learn(run);
        }
        experience
    }

    /// Takes in a run that is over.
    pub(super) fn learn(&mut self, run: &SyncRun) {
        for entry in &mut self.entries {
            let Some(part) = run.dataset(entry.dataset) else {
                continue;
            };
            match part.state {
                DatasetState::Complete | DatasetState::Unchanged => {
                    entry.last_attempt = Some(part.clone());
                    if run.state.is_published() {
                        entry.as_of = Some(run.started_at);
                    }
                }
                DatasetState::Failed => entry.last_attempt = Some(part.clone()),
                DatasetState::Waiting | DatasetState::Running | DatasetState::Skipped => {}
            }
        }
    }

    /// Whether anything was ever published.
    pub(super) fn was_published(&self) -> bool {
        self.entries.iter().any(|entry| entry.as_of.is_some())
    }

    /// One capability a dataset.
    pub(super) fn capabilities(&self) -> Vec<Capability> {
        self.entries.iter().map(Entry::capability).collect()
    }
}

impl Entry {
    fn capability(&self) -> Capability {
        let (state, remedy) = match &self.last_attempt {
            None => (CapabilityState::Unknown, None),
            Some(attempt) => match &attempt.problem {
                None => (CapabilityState::Ok, None),
                Some(problem) if problem.kind == ProblemKind::Permission => {
                    (CapabilityState::MissingScope, Some(problem.message.clone()))
                }
                Some(problem) => (CapabilityState::Failing, Some(problem.to_string())),
            },
        };
        Capability {
            dataset: self.dataset,
            state,
            as_of: self.as_of,
            remedy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RunId, TenantKey};
    use crate::domain::sync_run::{Problem, SyncState, SyncTrigger};

    fn run(started_at: &str, users: Result<(), ProblemKind>) -> SyncRun {
        let mut run = SyncRun::queued(
            RunId(uuid::Uuid::nil()),
            TenantKey::parse("contoso").unwrap(),
            SyncTrigger::Schedule,
            started_at.parse().unwrap(),
        );
        run.state = if users.is_ok() {
            SyncState::Complete
        } else {
            SyncState::Failed
        };
        let part = run.dataset_mut(Dataset::Users).unwrap();
        part.state = if users.is_ok() {
            DatasetState::Complete
        } else {
            DatasetState::Failed
        };
        part.problem = users
            .err()
            .map(|kind| Problem::new(kind, "grant User.Read.All"));
        run
    }

    fn users(experience: &Experience) -> Capability {
        experience
            .capabilities()
            .into_iter()
            .find(|one| one.dataset == Dataset::Users)
            .unwrap()
    }

    #[test]
    fn a_withdrawn_permission_is_shown_while_the_older_facts_keep_their_age() {
        let mut experience = Experience::none();
        assert_eq!(users(&experience).state, CapabilityState::Unknown);
        experience.learn(&run("2026-11-01T00:00:00Z", Ok(())));
        assert_eq!(users(&experience).state, CapabilityState::Ok);
        experience.learn(&run("2026-11-02T00:00:00Z", Err(ProblemKind::Permission)));
        let seen = users(&experience);
        assert_eq!(seen.state, CapabilityState::MissingScope);
        assert_eq!(seen.remedy.as_deref(), Some("grant User.Read.All"));
        assert_eq!(seen.as_of, Some("2026-11-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn another_failure_is_failing_with_its_kind() {
        let runs = [
            run("2026-11-02T00:00:00Z", Err(ProblemKind::Throttled)),
            run("2026-11-01T00:00:00Z", Ok(())),
        ];
        let seen = users(&Experience::from_newest_first(runs.iter()));
        assert_eq!(seen.state, CapabilityState::Failing);
        assert_eq!(
            seen.remedy.as_deref(),
            Some("THROTTLED: grant User.Read.All")
        );
    }
}
