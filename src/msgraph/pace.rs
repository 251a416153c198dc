//! How fast requests may follow each other, and how many may be under way: one pace for everything
//! that Microsoft counts together.
//!
//! It counts by application, tenant and service, not by caller, and what is sent too early counts
//! against us as well. So one answer of 429 holds back everything that shares the pace: the directory
//! is one service, the two logs are another. Of the reports each has a count of its own, in tens of
//! minutes, so that one that is used up holds back no other. Before that,
//! from 80 % of what it allows, Microsoft says in each answer how close we are: then fewer requests
//! are under way at a time, and more again while it says nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::timing::Timing;
use crate::domain::sync_run::Dataset;

/// The shortest and the longest wait that a `Retry-After` can ask for.
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);

/// The distance between requests right after being throttled.
const STORM_INTERVAL: Duration = Duration::from_secs(1);

/// Below this distance requests need no distance any more.
const INTERVAL_MIN: Duration = Duration::from_millis(50);

/// The most requests that are under way at a time, however many chains there are to read. While an
/// answer takes 150 ms, they are 160 a second, which cost two units at most: two fifths of what Microsoft
/// allows a tenant that is large enough to be read in so many chains (800 units a second).
const UNDER_WAY_MAX: usize = 24;

/// The share of what is allowed from which we step back.
const LOAD_HIGH: f64 = 0.8;

/// The paces of one tenant: Microsoft's services count and throttle apart, and one that has enough of us
/// says nothing of the others. Nor does one report say anything of another.
pub(super) struct Paces {
    directory: Pace,
    logs: Pace,
    reports: HashMap<Dataset, Pace>,
}

impl Paces {
    pub(super) fn new(timing: Arc<dyn Timing>) -> Self {
        let pace = || Pace::new(timing.clone());
        Self {
            directory: pace(),
            logs: pace(),
            reports: Dataset::REPORTS.map(|report| (report, pace())).into(),
        }
    }

    /// The pace of the service that tells a dataset.
    pub(super) fn of(&self, dataset: Dataset) -> &Pace {
        match dataset {
            Dataset::SignIns | Dataset::DirectoryAudits => &self.logs,
            other => self.reports.get(&other).unwrap_or(&self.directory),
        }
    }
}

/// The pace of one tenant's requests. Clones share it.
#[derive(Clone)]
pub(super) struct Pace {
    timing: Arc<dyn Timing>,
    state: Arc<Mutex<State>>,
    /// One permit for each request that may be under way.
    permits: Arc<Semaphore>,
}

struct State {
    /// Nothing is sent before this.
    not_before: Instant,
    /// The distance that the next request keeps to the one after it.
    interval: Duration,
    /// How many requests may be under way.
    limit: usize,
    /// Permits above the limit that are still held; each goes when it comes back.
    surplus: usize,
    /// Answers to what was sent before the limit was lowered last: they know nothing of it.
    settling: usize,
    /// Answers since then, or since the limit was raised, that told of no load.
    quiet: usize,
}

/// The right to have one request under way, until it is dropped.
pub(super) struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    state: Arc<Mutex<State>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        if state.surplus > 0 {
            state.surplus -= 1;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

/// The deadline comes before the turn does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLate;

impl Pace {
    pub(super) fn new(timing: Arc<dyn Timing>) -> Self {
        let state = State {
            not_before: timing.now(),
            interval: Duration::ZERO,
            limit: UNDER_WAY_MAX,
            surplus: 0,
            settling: 0,
            quiet: 0,
        };
        Self {
            timing,
            state: Arc::new(Mutex::new(state)),
            permits: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
        }
    }

    /// Returns when the caller may send one request; gives up at once if that is after `deadline`.
    pub(super) async fn turn(&self, deadline: Instant) -> Result<Turn, TooLate> {
        let turn = Turn {
            // Nobody closes the semaphore; if somebody did, requests would still go out.
            permit: self.permits.clone().acquire_owned().await.ok(),
            state: self.state.clone(),
        };
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
        Ok(turn)
    }

    /// Takes the turn, or says when to ask again.
    fn take_turn(&self) -> Option<Instant> {
        let now = self.timing.now();
        let mut state = lock(&self.state);
        if state.not_before > now {
            return Some(state.not_before);
        }
        state.not_before = now + state.interval;
        None
    }

    /// Microsoft throttled: nobody sends anything for `wait`, and then slowly, half as much at a time.
    pub(super) fn throttled(&self, wait: Duration) {
        let until = self.timing.now() + wait;
        let mut state = lock(&self.state);
        state.not_before = state.not_before.max(until);
        state.interval = STORM_INTERVAL;
        self.lower(&mut state, |limit| limit / 2);
    }

    /// Microsoft answered and said how close to its limit we are (see [`load`]), or nothing of it: the
    /// distance halves until none is left.
    pub(super) fn answered(&self, load: Option<f64>) {
        let mut state = lock(&self.state);
        state.interval /= 2;
        if state.interval < INTERVAL_MIN {
            state.interval = Duration::ZERO;
        }
        match load {
            Some(load) if load >= 1.0 => self.lower(&mut state, |limit| limit / 2),
            Some(load) if load >= LOAD_HIGH => {
                self.lower(&mut state, |limit| limit - limit.div_ceil(4))
            }
            _ => self.note_quiet(&mut state),
        }
    }

    /// Lets fewer requests be under way, but only once for all that are now.
    fn lower(&self, state: &mut State, lower: impl Fn(usize) -> usize) {
        if state.settling > 0 {
            state.settling -= 1;
            return;
        }
        let limit = lower(state.limit).max(1);
        let freed = state.limit - limit;
        // Those that nobody holds go at once, the others when they come back.
        state.surplus += freed - self.permits.forget_permits(freed);
        state.settling = state.limit - 1;
        state.limit = limit;
        state.quiet = 0;
    }

    /// Lets one more request be under way after as many quiet answers as may be now.
    fn note_quiet(&self, state: &mut State) {
        if state.settling > 0 {
            state.settling -= 1;
            return;
        }
        state.quiet += 1;
        if state.quiet < state.limit || state.limit == UNDER_WAY_MAX {
            return;
        }
        state.quiet = 0;
        state.limit += 1;
        if state.surplus > 0 {
            state.surplus -= 1;
        } else {
            self.permits.add_permits(1);
        }
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    // The state is plain values; a panic elsewhere cannot leave it half written.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How close an answer says we are to Microsoft's limit: 1 is the limit, and what is above will be
/// throttled soon. Microsoft says so from 0.8 on.
pub(super) fn load(headers: &HeaderMap) -> Option<f64> {
    let name = HeaderName::from_static("x-ms-throttle-limit-percentage");
    let load: f64 = header(headers, &name)?.parse().ok()?;
    load.is_finite().then_some(load)
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
            pace.answered(None);
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
        assert_eq!(pace.turn(timing.in_seconds(59)).await.err(), Some(TooLate));
        assert_eq!(timing.elapsed(), Duration::ZERO);
        assert!(pace.turn(timing.in_seconds(60)).await.is_ok());
    }

    /// How many turns are given out at the same time.
    async fn breadth(pace: &Pace, timing: &TestTiming) -> usize {
        let mut turns = Vec::new();
        loop {
            let turn = pace.turn(timing.in_seconds(10_000));
            tokio::pin!(turn);
            let mut given = None;
            // The first polls may end at a wait for the clock; for a permit it would wait for ever.
            for _ in 0..4 {
                if let std::task::Poll::Ready(turn) = futures_util::poll!(&mut turn) {
                    given = turn.ok();
                    break;
                }
            }
            match given {
                Some(turn) => turns.push(turn),
                None => return turns.len(),
            }
        }
    }

    async fn check_breadth(answers: &[Option<f64>], expected: usize) {
        let timing = Arc::new(TestTiming::default());
        let pace = Pace::new(timing.clone());
        for load in answers {
            pace.answered(*load);
        }
        assert_eq!(breadth(&pace, &timing).await, expected, "{answers:?}");
    }

    #[tokio::test]
    async fn close_to_the_limit_fewer_requests_are_under_way() {
        check_breadth(&[], 24).await;
        check_breadth(&[None, Some(0.5)], 24).await;
        check_breadth(&[Some(0.8)], 18).await;
        check_breadth(&[Some(1.0)], 12).await;
        check_breadth(&[Some(1.8)], 12).await;
        // What was under way already tells the same again.
        check_breadth(&[Some(0.9); 24], 18).await;
        check_breadth(&[Some(0.9); 25], 13).await;
        // Never none.
        check_breadth(&[Some(1.5); 200], 1).await;
    }

    #[tokio::test]
    async fn quiet_answers_let_more_requests_be_under_way_again() {
        let after = |quiet: usize| {
            let mut answers = vec![Some(1.0)];
            answers.resize(1 + 23 + quiet, None);
            answers
        };
        check_breadth(&after(11), 12).await;
        check_breadth(&after(12), 13).await;
        check_breadth(&after(12 + 13), 14).await;
        check_breadth(&after(1_000), 24).await;
    }

    #[tokio::test]
    async fn a_throttled_answer_halves_what_is_under_way_and_takes_back_what_is_out() {
        let timing = Arc::new(TestTiming::default());
        let pace = Pace::new(timing.clone());
        let mut out = Vec::new();
        for _ in 0..24 {
            out.push(pace.turn(timing.in_seconds(1)).await.unwrap());
        }
        pace.throttled(Duration::from_secs(1));
        out.truncate(12);
        assert_eq!(breadth(&pace, &timing).await, 0);
        out.clear();
        assert_eq!(breadth(&pace, &timing).await, 12);
        assert_eq!(breadth(&pace, &timing).await, 12);
    }

    #[track_caller]
    fn check_load(header: &str, expected: Option<f64>) {
        let mut headers = HeaderMap::new();
        headers.insert("x-ms-throttle-limit-percentage", header.parse().unwrap());
        assert_eq!(load(&headers), expected, "{header:?}");
    }

    #[test]
    fn the_load_is_a_plain_number_or_unknown() {
        check_load("0.8", Some(0.8));
        check_load(" 1.31 ", Some(1.31));
        check_load("2", Some(2.0));
        check_load("NaN", None);
        check_load("inf", None);
        check_load("80 %", None);
        check_load("", None);
        assert_eq!(load(&HeaderMap::new()), None);
    }
}
