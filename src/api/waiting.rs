//! Whether anybody still waits for what is being worked out.
//!
//! A task can be aborted only where it waits, and resolvers of the read model never do: they work. So
//! whoever begins something long asks here whether it is still wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

tokio::task_local! {
    static IS_OVER: Arc<AtomicBool>;
}

/// Somebody who waits for work.
pub(super) struct Wait(Arc<AtomicBool>);

/// Somebody who waits until this is dropped.
pub(super) struct UntilDropped(Arc<AtomicBool>);

/// Work, and who waits for it.
pub(super) fn awaited<F: Future>(work: F) -> (Wait, impl Future<Output = F::Output>) {
    let is_over = Arc::new(AtomicBool::new(false));
    let wait = Wait(Arc::clone(&is_over));
    (wait, IS_OVER.scope(is_over, work))
}

/// Whether somebody still waits for the work that asks. What is asked elsewhere is waited for.
pub(super) fn is_awaited() -> bool {
    let is_over = IS_OVER.try_with(|is_over| is_over.load(Ordering::Relaxed));
    !is_over.unwrap_or(false)
}

impl Wait {
    pub(super) fn until_dropped(self) -> UntilDropped {
        UntilDropped(self.0)
    }
}

impl Drop for UntilDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_awaited_until_nobody_waits() {
        assert!(is_awaited());
        let (wait, work) = awaited(async {
            let before = is_awaited();
            tokio::task::yield_now().await;
            (before, is_awaited())
        });
        let wait = wait.until_dropped();
        let gone = async { drop(wait) };
        let ((before, after), ()) = tokio::join!(work, gone);
        assert!(before && !after);
    }

    #[tokio::test]
    async fn work_that_is_carried_to_its_end_is_always_awaited() {
        let (wait, work) = awaited(async { is_awaited() });
        drop(wait);
        assert!(work.await);
    }
}
