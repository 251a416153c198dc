//! Throttling by count: so many requests within a time, for each thing that is asked for.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;

use super::error::GraphError;
use crate::simulator::world::World;

/// When requests came that were let pass.
pub(crate) struct Quota {
    requests_max: usize,
    window: Duration,
    passed: Mutex<BTreeMap<&'static str, VecDeque<Timestamp>>>,
}

impl Quota {
    /// Lets `requests_max` pass within any `window`.
    pub(crate) fn new(requests_max: usize, window: Duration) -> Self {
        Self {
            requests_max,
            window,
            passed: Mutex::default(),
        }
    }

    /// Lets a request for `what` pass, or throttles it.
    pub(crate) fn take(&self, world: &World, what: &'static str) -> Result<(), GraphError> {
        self.take_at(what, world.now()).map_err(|wait| {
            let error = GraphError::new(429, "TooManyRequests", "Too Many Requests");
            match world.switches().tells_retry_after {
                true => error.with("retry-after", wait.as_secs().to_string()),
                false => error,
            }
        })
    }

    /// Lets it pass, or tells how many whole seconds to wait.
    fn take_at(&self, what: &'static str, now: Timestamp) -> Result<(), Duration> {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = passed.entry(what).or_default();
        let age = |at: &Timestamp| Duration::try_from(now.duration_since(*at)).unwrap_or_default();
        while passed.front().is_some_and(|at| age(at) >= self.window) {
            passed.pop_front();
        }
        match passed.front() {
            Some(oldest) if passed.len() >= self.requests_max => {
                let wait = self.window.saturating_sub(age(oldest)).as_secs_f64().ceil();
                Err(Duration::from_secs_f64(wait.max(1.0)))
            }
            _ => {
                passed.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_pass_until_there_are_too_many_within_the_window() {
        let quota = Quota::new(2, Duration::from_secs(10));
        let check = |what, millis: i64, expected: Result<(), u64>| {
            let now = Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap();
            let answer = quota.take_at(what, now).map_err(|wait| wait.as_secs());
            assert_eq!(answer, expected, "{what} at {millis}");
        };
        check("a", 0, Ok(()));
        check("a", 4_000, Ok(()));
        check("a", 4_500, Err(6));
        check("b", 4_500, Ok(()));
        check("a", 9_999, Err(1));
        check("a", 10_000, Ok(()));
        check("a", 10_001, Err(4));
    }
}
