//! Throttling as Graph does it: a bucket of resource units for each application and organization.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

/// The units flow back within this.
const WINDOW: Duration = Duration::from_secs(10);

/// Whoever does not wait can overdraw the bucket that far.
const FILL_MAX: f64 = 1.8;

/// The units spent, which drain away with time.
pub(crate) struct Bucket {
    /// Units for ten seconds; `None` is by the size of the organization.
    size: Option<u32>,
    spent: Mutex<Spent>,
}

struct Spent {
    units: f64,
    at: Instant,
    /// Calls before that were told to wait, and count all the same.
    refused_until: Instant,
}

/// A request that came too early.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) wait: Duration,
    /// How full the bucket is; above 1.
    pub(crate) fill: f64,
}

impl Bucket {
    pub(crate) fn new(size: Option<u32>) -> Self {
        Self {
            size,
            spent: Mutex::new(Spent {
                units: 0.0,
                at: Instant::now(),
                refused_until: Instant::now(),
            }),
        }
    }

    /// Spends `cost`; returns how full the bucket is, from 0 to 1, or how long to wait.
    pub(crate) fn take(&self, cost: u32, users: u64) -> Result<f64, Refusal> {
        self.take_at(cost, users, Instant::now())
    }

    fn take_at(&self, cost: u32, users: u64, now: Instant) -> Result<f64, Refusal> {
        let size = f64::from(self.size.unwrap_or(match users {
            0..50 => 3500,
            50..=500 => 5000,
            _ => 8000,
        }));
        let per_second = size / WINDOW.as_secs_f64();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let drained = now.saturating_duration_since(spent.at).as_secs_f64() * per_second;
        let level = (spent.units - drained).max(0.0) + f64::from(cost);
        if level <= size {
            spent.units = level;
            spent.at = now;
            return Ok(level / size);
        }
        let wait = ((level - size) / per_second).ceil().max(1.0);
        let wait = Duration::from_secs_f64(wait);
        let fill = (level / size).min(FILL_MAX);
        if now < spent.refused_until {
            spent.units = fill * size;
            spent.at = now;
        }
        spent.refused_until = now + wait;
        Err(Refusal { wait, fill })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_refuses_until_it_has_drained() {
        let bucket = Bucket::new(Some(100));
        let start = Instant::now();
        assert!(bucket.take_at(60, 1, start).is_ok_and(|fill| fill < 0.7));
        let refusal = bucket.take_at(60, 1, start).unwrap_err();
        assert_eq!(refusal.wait, Duration::from_secs(2));
        assert!(refusal.fill > 1.0 && refusal.fill < 1.3);
        let later = start + Duration::from_secs(2);
        assert!(bucket.take_at(60, 1, later).is_ok_and(|fill| fill > 0.95));
    }

    #[test]
    fn whoever_does_not_wait_waits_longer() {
        let bucket = Bucket::new(Some(100));
        let start = Instant::now();
        assert!(bucket.take_at(90, 1, start).is_ok());
        let wait = |after_ms: u64| {
            let at = start + Duration::from_millis(after_ms);
            bucket.take_at(30, 1, at).map_err(|refusal| refusal.wait)
        };
        assert_eq!(wait(0), Err(Duration::from_secs(2)));
        assert_eq!(wait(100), Err(Duration::from_secs(2)));
        assert_eq!(wait(200), Err(Duration::from_secs(5)));
        for _ in 0..20 {
            let refusal = bucket.take_at(30, 1, start + Duration::from_millis(200));
            assert!(refusal.unwrap_err().fill <= FILL_MAX);
        }
    }

    #[test]
    fn larger_organizations_may_ask_more() {
        let check = |users, units: u32| {
            let start = Instant::now();
            assert!(Bucket::new(None).take_at(units, users, start).is_ok());
            assert!(Bucket::new(None).take_at(units + 1, users, start).is_err());
        };
        check(49, 3500);
        check(50, 5000);
        check(500, 5000);
        check(501, 8000);
    }
}
