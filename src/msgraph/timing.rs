//! Time and chance, as waiting needs them: passed in, so that a storm of an hour is tested in no time.

use std::time::Duration;

use tokio::time::Instant;

/// A monotonic clock that can be waited on, and a source of jitter.
#[async_trait::async_trait]
pub(super) trait Timing: Send + Sync {
    /// The current instant of the monotonic clock.
    fn now(&self) -> Instant;
    /// Returns once `at` has come.
    async fn sleep_until(&self, at: Instant);
    /// A number in `0..1`, evenly distributed.
    fn chance(&self) -> f64;
}

/// The clock and the random numbers of this machine.
pub(super) struct SystemTiming;

#[async_trait::async_trait]
impl Timing for SystemTiming {
    fn now(&self) -> Instant {
        Instant::now()
    }

    async fn sleep_until(&self, at: Instant) {
        tokio::time::sleep_until(at).await;
    }

    fn chance(&self) -> f64 {
        // Without random numbers everybody waits the same time: worse manners, still correct.
        getrandom::u32().map_or(0.5, |number| {
            f64::from(number) / (f64::from(u32::MAX) + 1.0)
        })
    }
}

/// The first wait when nobody says how long.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// The longest wait when nobody says how long.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// How long to wait after the `failures`-th failure in a row: doubling, capped, and between half of
/// it and all of it by chance, so that clients that failed together do not return together.
pub(super) fn backoff(failures: u32, chance: f64) -> Duration {
    let doubled = BACKOFF_FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(BACKOFF_MAX).mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failures: u32, chance: f64, millis: u64) {
        assert_eq!(backoff(failures, chance), Duration::from_millis(millis));
    }

    #[test]
    fn the_wait_doubles_up_to_a_minute_and_varies_by_half() {
        check(1, 0.0, 500);
        check(1, 1.0, 1_000);
        check(2, 0.5, 1_500);
        check(5, 1.0, 16_000);
        check(7, 1.0, 60_000);
        check(7, 0.0, 30_000);
        check(u32::MAX, 1.0, 60_000);
    }
}
