//! An answer of Microsoft that waits until a test lets it go: what lies between a question and its
//! answer can be looked at without hurry.

use std::sync::{Arc, Mutex, mpsc};

use seatwise::simulator::{FaultPoint, Handle};
use tokio::sync::Semaphore;

use crate::support::PATIENCE;

/// Holds one answer; lets go when it is dropped.
pub(crate) struct Hold {
    reached: Arc<Semaphore>,
    _release: mpsc::Sender<()>,
}

impl Hold {
    /// Will hold the next answer at a point.
    pub(crate) fn at(microsoft: &Handle, point: FaultPoint) -> Self {
        let reached = Arc::new(Semaphore::new(0));
        let (release, released) = mpsc::channel::<()>();
        let (reaching, released) = (Arc::clone(&reached), Mutex::new(released));
        microsoft.fault(point.first(1).rewrite(move |_| {
            reaching.add_permits(1);
            // An error means the same: the sender is gone.
            let _ = released.lock().unwrap().recv_timeout(PATIENCE);
        }));
        Self {
            reached,
            _release: release,
        }
    }

    /// Waits until the answer is ready and held.
    pub(crate) async fn reached(&self) {
        let reached = tokio::time::timeout(PATIENCE, self.reached.acquire());
        reached
            .await
            .expect("nobody asked for what is held")
            .unwrap()
            .forget();
    }
}
