//! What reading one dataset costs, and the handle that stops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Counts what one dataset costs, while it is being read, and stops it. Clones share the counters.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    counts: Arc<Counts>,
    cancel: CancellationToken,
    patience: Option<Duration>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    throttled_requests: AtomicU64,
}

impl Meter {
    /// A meter at zero. Once `cancel` is canceled, whatever is being read under this meter stops at
    /// its next wait, even in the middle of a request.
    pub fn new(cancel: CancellationToken) -> Self {
        Self {
            counts: Arc::default(),
            cancel,
            patience: None,
        }
    }

    /// The same meter for somebody who rather goes without than waits: whatever Microsoft or its
    /// limits would make wait longer than this fails at once, as throttled or as it is.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = Some(self.patience.map_or(patience, |held| held.min(patience)));
        self
    }

    /// The longest single wait; `None` where only the end of all patience counts.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// Requests sent so far, repeated ones included.
    pub fn requests(&self) -> u64 {
        self.counts.requests.load(Ordering::Relaxed)
    }

    /// Requests that Microsoft answered with 429, or with 503 and a time to wait.
    pub fn throttled_requests(&self) -> u64 {
        self.counts.throttled_requests.load(Ordering::Relaxed)
    }

    pub(super) fn count_request(&self) {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_throttled(&self) {
        self.counts
            .throttled_requests
            .fetch_add(1, Ordering::Relaxed);
    }

    /// What `work` gives, or `None` as soon as the meter is canceled.
    pub(super) async fn unless_canceled<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.cancel.run_until_cancelled(work).await
    }
}
