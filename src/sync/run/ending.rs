//! How a run ends that is not published, and the words for what ended it.

use jiff::Timestamp;

use super::{Attempt, Stop};
use crate::domain::sync_run::{DatasetRun, DatasetState, Problem, ProblemKind, SyncRun, SyncState};
use crate::msgraph;
use crate::store;

impl Attempt<'_> {
    pub(super) async fn end_unpublished(&self, stop: Stop) -> SyncRun {
        let now = self.shared.clock.now();
        let is_stopping = self.shared.stopping.is_cancelled();
        let problem = match stop {
            Stop::Canceled if is_stopping => Some(interrupted()),
            Stop::Canceled => None,
            Stop::Failed(problem) => Some(problem),
        };
        let mut run = self.current();
        end(&mut run, problem, now);
        self.tenant.file_end(self.shared, run.clone()).await;
        run
    }
}

/// Ends a run that the server's end cut off.
pub(in crate::sync) fn interrupt(run: &mut SyncRun, now: Timestamp) {
    end(run, Some(interrupted()), now);
}

/// Ends a run without publishing it: failed by a problem, canceled without one.
pub(in crate::sync) fn end(run: &mut SyncRun, problem: Option<Problem>, now: Timestamp) {
    run.finished_at = Some(now);
    run.state = match problem {
        Some(_) => SyncState::Failed,
        None => SyncState::Canceled,
    };
    for part in &mut run.datasets {
        end_part(part, now);
    }
    run.problem = problem;
}

/// Ends the part of a run that will not go on. It met no problem of its own: what the run met says
/// nothing of what else works.
fn end_part(part: &mut DatasetRun, now: Timestamp) {
    match part.state {
        DatasetState::Waiting => part.state = DatasetState::Skipped,
        DatasetState::Running => {
            part.state = DatasetState::Skipped;
            part.finished_at = Some(now);
        }
        DatasetState::Complete
        | DatasetState::Unchanged
        | DatasetState::Skipped
        | DatasetState::Failed => {}
    }
}

fn interrupted() -> Problem {
    Problem::new(
        ProblemKind::Interrupted,
        "the server stopped in the middle of the run; it is made up after the start",
    )
}

pub(in crate::sync) fn problem_of_sign_in(error: &msgraph::SignInError) -> Problem {
    let kind = match error.kind {
        msgraph::SignInErrorKind::NeedsConsent | msgraph::SignInErrorKind::Misconfigured => {
            ProblemKind::SignIn
        }
        msgraph::SignInErrorKind::Transient => ProblemKind::Unreachable,
    };
    Problem::new(kind, error.message.clone())
}

pub(super) fn stop_of_store(error: store::Error) -> Stop {
    Stop::Failed(problem_of_store(&error))
}

pub(in crate::sync) fn problem_of_store(error: &store::Error) -> Problem {
    match error {
        store::Error::DiskFull => Problem::new(
            ProblemKind::DiskFull,
            "the disk of the data directory is full or nearly so. Free space; the next run begins by itself. What is held stays readable.",
        ),
        other => Problem::new(ProblemKind::Storage, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RunId, TenantKey};
    use crate::domain::sync_run::{Dataset, SyncTrigger};

    #[track_caller]
    fn check(problem: Option<Problem>, state: SyncState) {
        let tenant = TenantKey::parse("contoso").unwrap();
        let (id, now) = (RunId(uuid::Uuid::nil()), Timestamp::UNIX_EPOCH);
        let mut run = SyncRun::queued(id, tenant, SyncTrigger::Schedule, now);
        let own = Problem::new(ProblemKind::Permission, "of its own");
        let states = [
            (Dataset::Users, DatasetState::Failed, Some(own.clone())),
            (Dataset::Licenses, DatasetState::Complete, None),
            (Dataset::Groups, DatasetState::Running, None),
        ];
        for (dataset, state, problem) in states {
            let part = run.dataset_mut(dataset).unwrap();
            (part.state, part.problem) = (state, problem);
        }
        end(&mut run, problem.clone(), now);
        assert_eq!((run.state, &run.problem), (state, &problem));
        let part = |dataset| {
            let part = run.dataset(dataset).unwrap();
            (part.state, part.problem.clone())
        };
        assert_eq!(part(Dataset::Users), (DatasetState::Failed, Some(own)));
        assert_eq!(part(Dataset::Licenses), (DatasetState::Complete, None));
        assert_eq!(part(Dataset::Groups), (DatasetState::Skipped, None));
        assert_eq!(part(Dataset::SignIns), (DatasetState::Skipped, None));
    }

    #[test]
    fn what_ends_a_run_is_no_problem_of_the_parts_that_did_not_meet_it() {
        check(None, SyncState::Canceled);
        check(Some(interrupted()), SyncState::Failed);
        let withdrawn = Problem::new(ProblemKind::Permission, "of the users");
        check(Some(withdrawn), SyncState::Failed);
    }
}
