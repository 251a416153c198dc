//! Work that is done on all cores at once.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

/// Does every piece of work, and answers the results in the order of the work. A single one is done
/// where it is asked for.
pub(super) fn on_all_cores<W: Sync, R: Send + Sync>(
    work: &[W],
    does: impl Fn(&W) -> R + Sync,
) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    if work.len().min(cores) < 2 {
        return work.iter().map(does).collect();
    }
    let results: Vec<OnceLock<R>> = work.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let takes_work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let (Some(work), Some(result)) = (work.get(place), results.get(place)) else {
                return;
            };
            result.get_or_init(|| does(work));
        }
    };
    // A thread that panics takes the scope with it, so every result is there behind it.
    thread::scope(|scope| {
        for _ in 1..cores.min(work.len()) {
            scope.spawn(takes_work);
        }
        takes_work();
    });
    results
        .into_iter()
        .filter_map(OnceLock::into_inner)
        .collect()
}

/// A piece of work that has nothing in common with others.
pub(super) type Work<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Does all of it on all cores; the longest had better come first.
pub(super) fn all_at_once(work: Vec<Work<'_>>) {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let others = cores.min(work.len()).saturating_sub(1);
    let rest = Mutex::new(work.into_iter());
    let takes_work = || {
        loop {
            let next = lock(&rest).next();
            match next {
                Some(work) => work(),
                None => return,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..others {
            scope.spawn(takes_work);
        }
        takes_work();
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done in it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_of_work_is_done_once() {
        for count in [0, 1, 100] {
            let mut done = vec![0; count];
            let work = done
                .iter_mut()
                .map(|done| Box::new(|| *done += 1) as Work<'_>);
            all_at_once(work.collect());
            assert_eq!(done, vec![1; count]);
        }
    }

    #[test]
    fn results_are_in_the_order_of_the_work() {
        for count in [0, 1, 2, 1000] {
            let work: Vec<u64> = (0..count).collect();
            let squares: Vec<u64> = work.iter().map(|number| number * number).collect();
            assert_eq!(on_all_cores(&work, |number| number * number), squares);
        }
    }
}
