//! Throttling as Graph does it: a bucket of resource units for each application and organization.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

/// The units flow back within this.
const WINDOW: Duration = Duration::from_secs(10);

/// The units spent, which drain away with time.
pub(crate) struct Bucket {
    /// Units for ten seconds; `None` is by the size of the organization.
    size: Option<u32>,
    spent: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(crate) fn new(size: Option<u32>) -> Self {
        Self {
            size,
            spent: Mutex::new((0.0, Instant::now())),
        }
    }

    /// Spends `cost`; returns how full the bucket is, from 0 to 1, or how long to wait.
    pub(crate) fn take(&self, cost: u32, users: u64) -> Result<f64, Duration> {
        self.take_at(cost, users, Instant::now())
    }

    fn take_at(&self, cost: u32, users: u64, now: Instant) -> Result<f64, Duration> {
        let size = f64::from(self.size.unwrap_or(match users {
            0..50 => 3500,
            50..=500 => 5000,
            _ => 8000,
        }));
        let per_second = size / WINDOW.as_secs_f64();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let drained = now.saturating_duration_since(spent.1).as_secs_f64() * per_second;
        let level = (spent.0 - drained).max(0.0) + f64::from(cost);
        if level > size {
            let wait = ((level - size) / per_second).ceil().max(1.0);
            return Err(Duration::from_secs_f64(wait));
        }
        *spent = (level, now);
        Ok(level / size)
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
        assert_eq!(bucket.take_at(60, 1, start), Err(Duration::from_secs(2)));
        let later = start + Duration::from_secs(2);
        assert!(bucket.take_at(60, 1, later).is_ok_and(|fill| fill > 0.95));
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
