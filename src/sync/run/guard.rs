//! The guard against a complete list that is much too short: Microsoft was seen to answer so.

use super::Attempt;
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::sync::tenant::lock;

/// So few may go at once, in however small a tenant.
const ROWS_GONE_MIN: u64 = 5;

impl Attempt<'_> {
    /// Why what was read is held back, if it is: it leaves less than half of what was `before`, nobody
    /// accepted it, and the run before did not read just as many rows.
    pub(super) fn check_drop(
        &self,
        dataset: Dataset,
        read: u64,
        left: u64,
        before: u64,
    ) -> Result<(), Problem> {
        if !is_suspect(left, before) || lock(&self.tenant.accepted).contains(&dataset) {
            return Ok(());
        }
        let seen = self.previous.as_ref().and_then(|run| run.dataset(dataset));
        let was_suspect = seen.is_some_and(|part| {
            let kind = part.problem.as_ref().map(|problem| problem.kind);
            kind == Some(ProblemKind::Suspect) && part.rows == read
        });
        if was_suspect {
            tracing::warn!(tenant = %self.tenant.key, dataset = dataset.name(), left, before, "a second run saw as few rows; they are believed");
            return Ok(());
        }
        Err(Problem::new(
            ProblemKind::Suspect,
            format!(
                "Microsoft told of {left} where {before} were before. They are held back, and what was before is served. If so many are really gone, call acceptSync with this run; otherwise wait: a second run that sees the same is believed.",
            ),
        ))
    }
}

/// More than half is gone, and more than a handful.
fn is_suspect(left: u64, before: u64) -> bool {
    let gone = before.saturating_sub(left);
    gone >= ROWS_GONE_MIN && gone > before / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(left: u64, before: u64, suspect: bool) {
        assert_eq!(is_suspect(left, before), suspect, "{left} of {before}");
    }

    #[test]
    fn more_than_half_gone_is_suspect_and_a_handful_never() {
        check(0, 5_000, true);
        check(2_499, 5_000, true);
        check(2_500, 5_000, false);
        check(5_001, 5_000, false);
        check(0, 4, false);
        check(0, 5, true);
        check(0, 0, false);
    }
}
