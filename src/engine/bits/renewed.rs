//! Sets made anew that share what did not change.

use std::sync::Arc;

use super::{Bits, Block, Rows, Words, lanes};

/// A set made anew block by block, that shares with an older one the blocks that are equal.
pub(in crate::engine) struct Renewed {
    old: Bits,
    new: Bits,
    is_equal: bool,
}

impl Renewed {
    pub(in crate::engine) fn of(old: &Bits) -> Self {
        Self {
            old: old.clone(),
            new: Bits::default(),
            is_equal: true,
        }
    }

    /// Adds the next block; their keys must rise.
    pub(in crate::engine) fn push(&mut self, key: u16, words: &Words) {
        let count = lanes::count(words);
        let old = self.old.block(key);
        let equal =
            old.filter(|old| old.count() == count && self.old.count_in(key, words) == count);
        self.is_equal &= equal.is_some() || (count == 0 && old.is_none());
        if count > 0 {
            let make = || Rows::from_words(words);
            let rows = equal.cloned().unwrap_or_else(make);
            Arc::make_mut(&mut self.new.blocks).push(Block { key, rows });
            self.new.len += count;
        }
    }

    /// The set, which is the older one where nothing differs.
    pub(in crate::engine) fn finish(self) -> Bits {
        match self.is_equal && self.new.len == self.old.len {
            true => self.old,
            false => self.new,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::tests::{of, row, words};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn a_set_made_anew_shares_the_blocks_that_are_equal(
            left in prop::collection::btree_set(row(), 0..2500),
            right in prop::collection::btree_set(row(), 0..2500),
        ) {
            let old: Bits = left.iter().copied().collect();
            let renewed = |rows: &BTreeSet<u32>| {
                let mut renewed = Renewed::of(&old);
                for key in 0..70 {
                    renewed.push(key, &words(rows, key));
                }
                renewed.finish()
            };
            prop_assert!(renewed(&left).is_same(&old));
            let mut mixed = of(&left, 0);
            mixed.extend(of(&right, 1));
            for rows in [&right, &mixed] {
                let new = renewed(rows);
                prop_assert_eq!(new.iter().collect::<BTreeSet<_>>(), rows.clone());
                prop_assert_eq!(new.len() as usize, rows.len());
                prop_assert_eq!(new.count_common(&old) as usize, rows.intersection(&left).count());
                prop_assert!(rows == &left || !new.is_same(&old));
            }
        }
    }

    #[test]
    fn as_many_other_rows_are_another_set() {
        let sets: [&[u32]; 3] = [&[1, 70_000], &[2, 70_000], &[1, 140_000]];
        let bits = |rows: &[u32]| rows.iter().copied().collect::<Bits>();
        for old in sets.map(bits) {
            for rows in sets {
                let mut renewed = Renewed::of(&old);
                let rows: BTreeSet<u32> = rows.iter().copied().collect();
                (0..3).for_each(|key| renewed.push(key, &words(&rows, key)));
                let new = renewed.finish();
                assert_eq!(new.iter().collect::<BTreeSet<_>>(), rows);
                assert_eq!(new.is_same(&old), old.iter().eq(rows.iter().copied()));
            }
        }
    }
}
