//! From one disconnect of a tenant to the next.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, MutexGuard};

/// Which era a tenant's sign-in is of: what was asked of Microsoft before a disconnect is not kept
/// after it, and nobody has to wait for the answer.
#[derive(Default)]
pub(super) struct Era {
    number: AtomicU64,
    changing: Mutex<()>,
}

impl Era {
    /// Names the era of now.
    pub(super) fn current(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Whether there was a disconnect since.
    pub(super) fn is_over(&self, era: u64) -> bool {
        era != self.current()
    }

    /// To be held while the connection or its refresh token is changed on disk: one change does not
    /// undo another, and none is of an era that is over.
    pub(super) async fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Ends the era; for whoever holds the lock.
    pub(super) fn end(&self) {
        self.number.fetch_add(1, Ordering::AcqRel);
    }
}
