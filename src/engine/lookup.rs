//! A hash table of rows or codes that indexes share.
//!
//! It holds no keys: whoever asks compares with the column that has them. It grows by linear
//! hashing, one bucket split at a time, so that no insertion pays for the whole table.

use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;

use super::chunked::Chunks;
use super::fit::fit;
use super::heap::{Heap, Parts};

/// Entries of a bucket on average before another is split off.
const BUCKET_FILL: usize = 192;

/// Values by the hash of their key.
#[derive(Clone, Default)]
pub(super) struct Lookup {
    /// Hash and value, sorted by both.
    buckets: Chunks<Vec<(u32, u32)>>,
    len: usize,
    /// Keyed, so that nobody outside can choose keys that collide.
    hasher: RandomState,
}

impl Lookup {
    /// The hash of a key in this table.
    pub(super) fn hash<K: Hash + ?Sized>(&self, key: &K) -> u32 {
        self.hasher.hash_one(key) as u32
    }

    /// The value with this hash that is the one looked for.
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let bucket = self.buckets.get(bucket_of(hash, self.buckets.len()))?;
        bucket[first_of(bucket, hash)..]
            .iter()
            .take_while(|entry| entry.0 == hash)
            .map(|entry| entry.1)
            .find(|value| is_it(*value))
    }

    /// Adds a value that is not there.
    pub(super) fn insert(&mut self, hash: u32, value: u32) {
        let count = self.buckets.len().max(1);
        let bucket = self.buckets.edit(bucket_of(hash, count));
        let (Ok(index) | Err(index)) = bucket.binary_search(&(hash, value));
        bucket.insert(index, (hash, value));
        self.len += 1;
        if self.len > count * BUCKET_FILL {
            self.split(count);
        }
    }

    /// A table of this one's hashes with values given with theirs; and the values that are the same as one
    /// below them, which it does not have. Made at once, it takes a fraction of what it would one by one.
    pub(super) fn filled(
        &self,
        hashed: Vec<(u32, u32)>,
        are_same: impl Fn(u32, u32) -> bool,
    ) -> (Self, Vec<u32>) {
        let count = hashed.len().div_ceil(BUCKET_FILL).max(1);
        let mut buckets: Vec<Vec<(u32, u32)>> = Vec::new();
        buckets.resize_with(count, || Vec::with_capacity(BUCKET_FILL));
        for entry in hashed {
            buckets[bucket_of(entry.0, count)].push(entry);
        }
        let (mut len, mut others) = (0, Vec::new());
        for bucket in &mut buckets {
            bucket.sort_unstable();
            let mut at = 0;
            while at < bucket.len() {
                let (hash, value) = bucket[at];
                let of_hash = bucket[..at]
                    .iter()
                    .rev()
                    .take_while(|entry| entry.0 == hash);
                if of_hash.into_iter().any(|entry| are_same(entry.1, value)) {
                    others.push(value);
                    bucket.remove(at);
                } else {
                    at += 1;
                }
            }
            len += bucket.len();
        }
        let filled = Self {
            buckets: buckets.into_iter().collect(),
            len,
            hasher: self.hasher.clone(),
        };
        (filled, others)
    }

    /// Takes a value out, if it is there.
    pub(super) fn remove(&mut self, hash: u32, value: u32) {
        let index = bucket_of(hash, self.buckets.len());
        let holds = |bucket: &Vec<(u32, u32)>| bucket.binary_search(&(hash, value)).is_ok();
        if self.buckets.get(index).is_some_and(holds) {
            self.buckets
                .edit(index)
                .retain(|entry| *entry != (hash, value));
            self.len -= 1;
        }
    }

    /// Gives every value another number.
    pub(super) fn renumber(&mut self, number_of: impl Fn(u32) -> u32) {
        for index in 0..self.buckets.len() {
            let bucket = self.buckets.edit(index);
            for (_, value) in bucket.iter_mut() {
                *value = number_of(*value);
            }
            // Values of one hash may stand otherwise now.
            bucket.sort_unstable();
        }
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.buckets.shrink(fit);
    }

    /// Adds the bucket number `count` and moves there what belongs there.
    fn split(&mut self, count: usize) {
        let parent = count & !(1 << count.ilog2());
        let bucket = self.buckets.edit(parent);
        let belongs = |entry: &(u32, u32)| bucket_of(entry.0, count + 1) == count;
        let moved = bucket.iter().copied().filter(belongs).collect();
        bucket.retain(|entry| !belongs(entry));
        *self.buckets.edit(count) = moved;
    }
}

/// The first place of a bucket that is not below a hash. Hashes are spread evenly, so it is a few steps
/// from where the hash stands among all numbers.
fn first_of(bucket: &[(u32, u32)], hash: u32) -> usize {
    let mut place = ((u64::from(hash) * bucket.len() as u64) >> u32::BITS) as usize;
    while place > 0 && bucket[place - 1].0 >= hash {
        place -= 1;
    }
    while bucket.get(place).is_some_and(|entry| entry.0 < hash) {
        place += 1;
    }
    place
}

/// The bucket of a hash among `count` buckets.
fn bucket_of(hash: u32, count: usize) -> usize {
    let wide = count.max(1).next_power_of_two();
    let index = hash as usize & (wide - 1);
    if index < count.max(1) {
        index
    } else {
        index & (wide / 2 - 1)
    }
}

impl Heap for Lookup {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.buckets.heap(parts)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn find(lookup: &Lookup, key: u32) -> Option<u32> {
        lookup.find(lookup.hash(&key), |value| value == key)
    }

    #[test]
    fn everything_is_found_while_the_table_grows_and_shrinks() {
        let mut lookup = Lookup::default();
        let count = BUCKET_FILL as u32 * 21;
        for key in 0..count {
            assert_eq!(find(&lookup, key), None);
            lookup.insert(lookup.hash(&key), key);
            assert_eq!(find(&lookup, key), Some(key));
            assert_eq!(find(&lookup, key / 2), Some(key / 2));
        }
        assert_eq!(lookup.buckets.len(), 21);
        for key in 0..count {
            lookup.remove(lookup.hash(&key), key);
            assert_eq!(find(&lookup, key), None);
        }
        assert_eq!(lookup.len, 0);
    }

    #[test]
    fn values_are_found_under_their_new_numbers() {
        let mut lookup = Lookup::default();
        for value in [3, 9, 5] {
            lookup.insert(7, value);
        }
        lookup.renumber(|value| 10 - value);
        for value in [1, 5, 7] {
            assert_eq!(lookup.find(7, |found| found == value), Some(value));
            lookup.remove(7, value);
        }
        assert_eq!(lookup.len, 0);
    }

    #[test]
    fn a_table_made_at_once_has_the_first_of_the_same_and_takes_in_more() {
        let count = BUCKET_FILL as u32 * 5;
        let lookup = Lookup::default();
        // The values 10 and 510 are of one key, and 11 and 511.
        let key_of = |value: u32| {
            if (510..512).contains(&value) {
                value - 500
            } else {
                value
            }
        };
        let hashed = (0..count).map(|value| (lookup.hash(&key_of(value)), value));
        let are_same = |one, other| key_of(one) == key_of(other);
        let (mut filled, mut others) = lookup.filled(hashed.collect(), are_same);
        others.sort_unstable();
        assert_eq!(others, [510, 511]);
        assert_eq!(filled.len, count as usize - 2);
        for value in (0..count).filter(|value| !others.contains(value)) {
            assert_eq!(find(&filled, value), Some(value));
        }
        for value in count..2 * count {
            filled.insert(filled.hash(&value), value);
        }
        assert!((512..2 * count).all(|value| find(&filled, value) == Some(value)));
        let (none, others) = lookup.filled(Vec::new(), are_same);
        assert_eq!((find(&none, 1), others), (None, vec![]));
    }

    #[test]
    fn an_insertion_copies_at_most_two_buckets() {
        let mut lookup = Lookup::default();
        for key in 0..10_000u32 {
            lookup.insert(lookup.hash(&key), key);
        }
        for key in 10_000..10_500u32 {
            let old = lookup.clone();
            lookup.insert(lookup.hash(&key), key);
            let pairs = old.buckets.iter().zip(lookup.buckets.iter());
            let copied = pairs.filter(|(old, new)| !std::ptr::eq(*old, *new)).count();
            assert!(copied <= 2, "{copied} old buckets");
            assert!(lookup.buckets.len() <= old.buckets.len() + 1);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        #[test]
        fn equal_hashes_do_not_mix_values_up(edits in prop::collection::vec((any::<bool>(), 0..40u32), 0..200)) {
            let mut lookup = Lookup::default();
            let mut model = BTreeSet::new();
            for (adds, key) in edits {
                let hash = key % 5;
                if adds && model.insert(key) {
                    lookup.insert(hash, key);
                } else if !adds && model.remove(&key) {
                    lookup.remove(hash, key);
                }
            }
            for key in 0..40 {
                let found = lookup.find(key % 5, |value| value == key);
                prop_assert_eq!(found.is_some(), model.contains(&key));
            }
        }
    }
}
