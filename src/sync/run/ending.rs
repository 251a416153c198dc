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
        end_part(part, problem.as_ref(), now);
    }
    run.problem = problem;
}

/// Ends the part of a run that will not go on.
fn end_part(part: &mut DatasetRun, problem: Option<&Problem>, now: Timestamp) {
    match part.state {
        DatasetState::Waiting => {
            part.state = DatasetState::Skipped;
            part.problem = problem.cloned();
        }
        DatasetState::Running => {
            part.state = match problem {
                Some(_) => DatasetState::Failed,
                None => DatasetState::Skipped,
            };
            part.finished_at = Some(now);
            part.problem = problem.cloned();
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
