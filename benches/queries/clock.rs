//! A date that is the same in every benchmark, so that the organization and its reports are, too.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use seatwise::clock::Clock;

/// When every benchmark begins: 2026-11-23T06:00:00Z.
const BEGINNING: i64 = 1_795_413_600;

/// The time of this machine, moved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MovedClock {
    by: SignedDuration,
}

impl MovedClock {
    /// Begins now, wherever that is.
    pub(crate) fn beginning_now() -> Self {
        Self::moved_by(BEGINNING - Timestamp::now().as_second())
    }

    pub(crate) fn moved_by(seconds: i64) -> Self {
        Self {
            by: SignedDuration::from_secs(seconds),
        }
    }

    /// By how many seconds, for another process to move alike.
    pub(crate) fn seconds(self) -> i64 {
        self.by.as_secs()
    }

    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::now() + self.by
    }
}
