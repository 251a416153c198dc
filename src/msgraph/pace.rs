//! How fast requests may follow each other: one pace for all requests of a tenant.
//!
//! Microsoft counts by application and tenant, not by caller, and what is sent too early counts
//! against us as well. So one answer of 429 holds back everything that shares the pace.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use tokio::time::Instant;

use super::timing::Timing;

/// The shortest and the longest wait that a `Retry-After` can ask for.
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);

/// The distance between requests right after being throttled.
const STORM_INTERVAL: Duration = Duration::from_secs(1);

/// Below this distance requests need no distance any more.
const INTERVAL_MIN: Duration = Duration::from_millis(50);

/// The pace of one tenant's requests. Clones share it.
#[derive(Clone)]
pub(super) struct Pace {
    timing: Arc<dyn Timing>,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Nothing is sent before this.
    not_before: Instant,
    /// The distance that the next request keeps to the one after it.
    interval: Duration,
}

/// The deadline comes before the turn does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLate;

impl Pace {
    pub(super) fn new(timing: Arc<dyn Timing>) -> Self {
        let state = State {
            not_before: timing.now(),
            interval: Duration::ZERO,
        };
        Self {
            timing,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Returns when the caller may send one request; gives up at once if that is after `deadline`.
    pub(super) async fn turn(&self, deadline: Instant) -> Result<(), TooLate> {
        if self.timing.now() > deadline {
            return Err(TooLate);
        }
        // Asked again after every wait: somebody else may have been throttled, or have gone first.
        while let Some(at) = self.take_turn() {
            if at > deadline {
                return Err(TooLate);
            }
            self.timing.sleep_until(at).await;
        }
        Ok(())
    }

    /// Takes the turn, or says when to ask again.
    fn take_turn(&self) -> Option<Instant> {
        let now = self.timing.now();
        let mut state = self.lock();
        if state.not_before > now {
            return Some(state.not_before);
        }
        state.not_before = now + state.interval;
        None
    }

    /// Microsoft throttled: nobody sends anything for `wait`, and then slowly.
    pub(super) fn throttled(&self, wait: Duration) {
        let until = self.timing.now() + wait;
        let mut state = self.lock();
        state.not_before = state.not_before.max(until);
        state.interval = STORM_INTERVAL;
    }

    /// Microsoft answered: the distance halves until none is left.
    pub(super) fn answered(&self) {
        let mut state = self.lock();
        state.interval /= 2;
        if state.interval < INTERVAL_MIN {
            state.interval = Duration::ZERO;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // The state is two plain values; a panic elsewhere cannot leave it half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What `Retry-After` asks for, as seconds or as a date, between one second and ten minutes.
/// `None` without one that can be read.
///
/// A date is compared with the answer's own `Date`: two clocks that disagree would turn one minute
/// into none or into ten.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = header(headers, &RETRY_AFTER)?;
    let wait = match seconds(text) {
        Some(wait) => wait,
        None => {
            let until = date(text)?;
            let now = date(header(headers, &DATE)?)?;
            Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX))
}

/// Whole seconds; fewer than none are none, more than can be counted are the most there are.
fn seconds(text: &str) -> Option<Duration> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if is_negative {
        return Some(Duration::ZERO);
    }
    Some(Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

fn date(text: &str) -> Option<jiff::Timestamp> {
    DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(text)
        .ok()
}

fn header<'headers>(headers: &'headers HeaderMap, name: &HeaderName) -> Option<&'headers str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msgraph::testing::TestTiming;

    #[track_caller]
    fn check(header: &str, seconds: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, header.parse().unwrap());
        headers.insert(DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        assert_eq!(
            retry_after(&headers),
            seconds.map(Duration::from_secs),
            "{header:?}"
        );
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_date_and_clamped() {
        check("30", Some(30));
        check(" 30 ", Some(30));
        check("0", Some(1));
        check("-5", Some(1));
        check("600", Some(600));
        check("601", Some(600));
        check("1000000000", Some(600));
        check("99999999999999999999999999", Some(600));
        check("-99999999999999999999999999", Some(1));
        check("Sun, 06 Nov 1994 08:50:07 GMT", Some(30));
        check("Sun, 06 Nov 1994 08:49:07 GMT", Some(1)); // past
        check("Mon, 07 Nov 1994 08:49:37 GMT", Some(600));
        check("Fri, 31 Dec 9999 23:59:59 GMT", None); // beyond what a date can be
        check("abc", None);
        check("", None);
        check("-", None);
        check("1.5", None);
        check("30s", None);
    }

    #[test]
    fn a_date_means_nothing_without_the_servers_own() {
        let mut headers = HeaderMap::new();
        headers.insert(
            RETRY_AFTER,
            "Sun, 06 Nov 1994 08:50:07 GMT".parse().unwrap(),
        );
        assert_eq!(retry_after(&headers), None);
    }

    async fn turns(pace: &Pace, timing: &TestTiming, count: usize) -> Vec<u64> {
        let mut at = Vec::new();
        for _ in 0..count {
            pace.turn(timing.in_seconds(10_000)).await.unwrap();
            at.push(timing.elapsed().as_millis().try_into().unwrap());
            pace.answered();
        }
        at
    }

    #[tokio::test]
    async fn after_a_throttle_requests_are_a_second_apart_and_speed_up_again() {
        let timing = Arc::new(TestTiming::default());
        let pace = Pace::new(timing.clone());
        assert_eq!(turns(&pace, &timing, 3).await, [0, 0, 0]);
        pace.throttled(Duration::from_secs(10));
        let at = turns(&pace, &timing, 9).await;
        assert_eq!(
            at,
            [
                10_000, 11_000, 11_500, 11_750, 11_875, 11_937, 11_937, 11_937, 11_937
            ]
        );
    }

    #[tokio::test]
    async fn a_storm_lets_through_one_request_a_second_at_most() {
        let timing = Arc::new(TestTiming::default());
        let pace = Pace::new(timing.clone());
        pace.throttled(Duration::from_secs(1));
        for second in 1..50 {
            pace.clone().turn(timing.in_seconds(10_000)).await.unwrap();
            assert!(timing.elapsed() >= Duration::from_secs(second));
            pace.throttled(Duration::from_secs(1));
        }
    }

    #[tokio::test]
    async fn a_turn_after_the_deadline_is_not_waited_for() {
        let timing = Arc::new(TestTiming::default());
        let pace = Pace::new(timing.clone());
        pace.throttled(Duration::from_secs(60));
        assert_eq!(pace.turn(timing.in_seconds(59)).await, Err(TooLate));
        assert_eq!(timing.elapsed(), Duration::ZERO);
        assert_eq!(pace.turn(timing.in_seconds(60)).await, Ok(()));
    }
}
