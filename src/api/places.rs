//! How many of something one holder may have at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts what each holder has: connections of an address, subscriptions of a token.
#[derive(Debug)]
pub(super) struct Places<K: Eq + Hash> {
    most: usize,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Eq + Hash> Clone for Places<K> {
    fn clone(&self) -> Self {
        Self {
            most: self.most,
            taken: Arc::clone(&self.taken),
        }
    }
}

impl<K: Eq + Hash + Clone> Places<K> {
    /// At most so many for one holder.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    /// One more, until the answer is dropped; `None` where the holder has its most already.
    pub(super) fn take(&self, holder: K) -> Option<Place<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(&holder).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        taken.insert(holder.clone(), count.saturating_add(1));
        Some(Place {
            holder,
            places: self.clone(),
        })
    }
}

/// One that is counted while it lives.
#[derive(Debug)]
pub(super) struct Place<K: Eq + Hash + Clone> {
    holder: K,
    places: Places<K>,
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self
            .places
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.holder) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_once_dropped() {
        let places = Places::new(2);
        let first = places.take("here");
        let second = places.take("here");
        assert!(first.is_some() && second.is_some());
        assert!(places.take("here").is_none());
        assert!(places.take("there").is_some(), "others have their own");
        drop(first);
        assert!(places.take("here").is_some());
        drop(second);
        assert!(
            places.taken.lock().unwrap().is_empty(),
            "nothing is kept of who left"
        );
    }
}
