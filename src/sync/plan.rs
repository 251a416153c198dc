//! What is due: a pure judgement about one tenant at one moment.
//!
//! The tick behind it only asks "now?". Due times, the time zone with its daylight saving, the one
//! catch-up after downtime and the wait after a failure are decided here, on stored facts.

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::sync_run::{ProblemKind, SyncRun, SyncState, SyncTrigger};

/// How long a tenant that was never read waits after a failed attempt.
const RETRY_FIRST_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Runs that were missed while the server was down are spread over this many seconds.
const CATCH_UP_SPREAD_SECONDS: i64 = 60;

/// When tenants are read: a cron expression and the zone whose clock it means.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Six fields, seconds first.
    pub cron: Cron,
    /// Local times that daylight saving skips or repeats are met once a day.
    pub zone: TimeZone,
}

impl Schedule {
    /// The first due time after an instant; `None` for an expression that never comes again.
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        let local = instant.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&local, false).ok()?;
        Some(next.timestamp())
    }
}

/// What is known of a tenant when the question is asked.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The newest run, over or not.
    pub last_run: Option<&'a SyncRun>,
    /// Whether any run was ever published.
    pub was_published: bool,
    /// When this process started: what was due before it was missed.
    pub server_started_at: Timestamp,
    /// A number that differs between tenants, to spread what was missed.
    pub spread: u64,
}

/// When the next run is due and why it will begin.
pub fn next_due(
    situation: Situation<'_>,
    schedule: &Schedule,
    now: Timestamp,
) -> Option<(Timestamp, SyncTrigger)> {
    let Some(last) = situation.last_run else {
        return Some((situation.server_started_at, SyncTrigger::First));
    };
    // A clock that was set back must not stop the schedule until it has caught up.
    let began = last.started_at.min(now);
    if was_interrupted(last) {
        return Some((caught_up_at(situation), SyncTrigger::CatchUp));
    }
    let scheduled = schedule.next_after(began);
    if !situation.was_published && last.state == SyncState::Failed {
        let retry = last.finished_at.unwrap_or(began).min(now) + RETRY_FIRST_AFTER;
        let due = scheduled.map_or(retry, |scheduled| scheduled.min(retry));
        return Some((due, SyncTrigger::First));
    }
    let due = scheduled?;
    if due < situation.server_started_at {
        return Some((caught_up_at(situation), SyncTrigger::CatchUp));
    }
    Some((due, SyncTrigger::Schedule))
}

fn was_interrupted(run: &SyncRun) -> bool {
    run.state == SyncState::Failed
        && run
            .problem
            .as_ref()
            .is_some_and(|problem| problem.kind == ProblemKind::Interrupted)
}

fn caught_up_at(situation: Situation<'_>) -> Timestamp {
    let wait = (situation.spread % CATCH_UP_SPREAD_SECONDS.unsigned_abs()).cast_signed();
    situation.server_started_at + SignedDuration::from_secs(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RunId, TenantKey};
    use crate::domain::sync_run::Problem;
    use std::str::FromStr as _;

    fn schedule(cron: &str, zone: &str) -> Schedule {
        Schedule {
            cron: Cron::from_str(cron).unwrap(),
            zone: TimeZone::get(zone).unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn run(started_at: &str, state: SyncState) -> SyncRun {
        let mut run = SyncRun::queued(
            RunId(uuid::Uuid::nil()),
            TenantKey::parse("contoso").unwrap(),
            SyncTrigger::Schedule,
            at(started_at),
        );
        run.state = state;
        run.finished_at = state.is_over().then_some(run.started_at);
        run
    }

    #[track_caller]
    fn check(
        last_run: Option<&SyncRun>,
        server_started_at: &str,
        now: &str,
        due: &str,
        trigger: SyncTrigger,
    ) {
        let situation = Situation {
            last_run,
            was_published: last_run.is_some_and(|run| run.state.is_published()),
            server_started_at: at(server_started_at),
            spread: 7,
        };
        let six_hourly = schedule("0 0 */6 * * *", "UTC");
        assert_eq!(
            next_due(situation, &six_hourly, at(now)),
            Some((at(due), trigger))
        );
    }

    #[test]
    fn a_tenant_never_read_is_due_at_once() {
        check(
            None,
            "2026-11-23T09:00:00Z",
            "2026-11-23T09:00:01Z",
            "2026-11-23T09:00:00Z",
            SyncTrigger::First,
        );
    }

    #[test]
    fn a_tenant_is_due_at_the_next_time_of_the_schedule() {
        let last = run("2026-11-23T06:00:05Z", SyncState::Complete);
        check(
            Some(&last),
            "2026-11-23T01:00:00Z",
            "2026-11-23T07:00:00Z",
            "2026-11-23T12:00:00Z",
            SyncTrigger::Schedule,
        );
    }

    #[test]
    fn days_of_downtime_are_made_up_by_one_run_that_is_spread() {
        let last = run("2026-11-20T06:00:00Z", SyncState::Complete);
        check(
            Some(&last),
            "2026-11-23T09:00:00Z",
            "2026-11-23T09:00:01Z",
            "2026-11-23T09:00:07Z",
            SyncTrigger::CatchUp,
        );
        let caught_up = run("2026-11-23T09:00:07Z", SyncState::Complete);
        check(
            Some(&caught_up),
            "2026-11-23T09:00:00Z",
            "2026-11-23T09:10:00Z",
            "2026-11-23T12:00:00Z",
            SyncTrigger::Schedule,
        );
    }

    #[test]
    fn a_run_that_the_server_stopped_in_is_made_up() {
        let mut last = run("2026-11-23T08:59:00Z", SyncState::Failed);
        last.problem = Some(Problem::new(ProblemKind::Interrupted, "stopped"));
        check(
            Some(&last),
            "2026-11-23T09:00:00Z",
            "2026-11-23T09:00:01Z",
            "2026-11-23T09:00:07Z",
            SyncTrigger::CatchUp,
        );
    }

    #[test]
    fn a_first_read_that_failed_is_tried_again_after_a_quarter_of_an_hour() {
        let last = run("2026-11-23T09:00:00Z", SyncState::Failed);
        check(
            Some(&last),
            "2026-11-23T08:59:00Z",
            "2026-11-23T09:01:00Z",
            "2026-11-23T09:15:00Z",
            SyncTrigger::First,
        );
    }

    #[test]
    fn a_clock_set_back_by_a_day_stalls_nothing_for_longer_than_a_period() {
        let last = run("2026-11-24T06:00:00Z", SyncState::Complete);
        check(
            Some(&last),
            "2026-11-22T01:00:00Z",
            "2026-11-23T07:00:00Z",
            "2026-11-23T12:00:00Z",
            SyncTrigger::Schedule,
        );
    }

    #[test]
    fn a_local_time_comes_once_a_day_across_daylight_saving() {
        // Berlin skips 02:30 on 2026-03-29 and repeats it on 2026-10-25.
        let nightly = schedule("0 30 2 * * *", "Europe/Berlin");
        let days_with_runs = |from: &str, count: usize| -> Vec<String> {
            let mut instant = at(from);
            (0..count)
                .map(|_| {
                    instant = nightly.next_after(instant).unwrap();
                    instant.to_zoned(nightly.zone.clone()).date().to_string()
                })
                .collect()
        };
        assert_eq!(
            days_with_runs("2026-03-27T12:00:00Z", 3),
            ["2026-03-28", "2026-03-29", "2026-03-30"]
        );
        assert_eq!(
            days_with_runs("2026-10-23T12:00:00Z", 3),
            ["2026-10-24", "2026-10-25", "2026-10-26"]
        );
    }

    #[test]
    fn a_schedule_keeps_local_time_when_the_offset_changes() {
        let morning = schedule("0 0 4 * * *", "Europe/Berlin");
        assert_eq!(
            morning.next_after(at("2026-03-28T00:00:00Z")),
            Some(at("2026-03-28T03:00:00Z"))
        );
        assert_eq!(
            morning.next_after(at("2026-03-29T00:00:00Z")),
            Some(at("2026-03-29T02:00:00Z"))
        );
    }
}
