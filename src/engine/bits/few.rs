//! Few rows of a block beside a set: each is looked up, and the rest of the set is not touched.

use super::{Bits, Rows};

/// A set that is larger than a list by so much is searched for each row of the list; a smaller one is
/// walked beside it.
const SEARCH_FACTOR: usize = 8;

impl Bits {
    /// Keeps of `lows`, which rise, what is in the set.
    pub(in crate::engine) fn keep_few(&self, key: u16, lows: &mut Vec<u16>) {
        match self.block(key) {
            None => lows.clear(),
            Some(rows) => rows.retain_few(lows, true),
        }
    }

    /// Keeps of `lows`, which rise, what is not in the set.
    pub(in crate::engine) fn drop_few(&self, key: u16, lows: &mut Vec<u16>) {
        if let Some(rows) = self.block(key) {
            rows.retain_few(lows, false);
        }
    }

    /// How many of `lows`, which rise, are in the set.
    pub(in crate::engine) fn count_few(&self, key: u16, lows: &[u16]) -> u32 {
        match self.block(key) {
            None => 0,
            Some(Rows::Dense(dense)) => {
                lows.iter().map(|low| u32::from(dense.contains(*low))).sum()
            }
            Some(rows @ Rows::Few(_)) => {
                let mut kept = lows.to_vec();
                rows.retain_few(&mut kept, true);
                kept.len() as u32 // At most 1,024.
            }
        }
    }
}

impl Rows {
    /// Keeps of `lows` those that are in the block, or those that are not.
    fn retain_few(&self, lows: &mut Vec<u16>, is_in: bool) {
        match self {
            Self::Dense(dense) => {
                retain(lows, |low| dense.contains(low) == is_in);
            }
            Self::Few(rows) if rows.len() > lows.len().saturating_mul(SEARCH_FACTOR) => {
                retain(lows, |low| rows.binary_search(&low).is_ok() == is_in);
            }
            Self::Few(rows) => {
                let mut rest = rows.as_slice();
                retain(lows, |low| {
                    while let [first, behind @ ..] = rest
                        && *first < low
                    {
                        rest = behind;
                    }
                    (rest.first() == Some(&low)) == is_in
                });
            }
        }
    }
}

/// Keeps what passes. Nobody can foresee which do, so nothing here waits for a branch.
fn retain(lows: &mut Vec<u16>, mut passes: impl FnMut(u16) -> bool) {
    let mut kept = 0;
    for place in 0..lows.len() {
        let low = lows[place];
        lows[kept] = low;
        kept += usize::from(passes(low));
    }
    lows.truncate(kept);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::engine::bits::tests::{of, row};

    proptest! {
        #[test]
        fn few_rows_are_kept_as_sets_say(
            set in prop::collection::btree_set(row(), 0..3000),
            few in prop::collection::btree_set(row(), 0..200),
            key in 0..3_u16,
        ) {
            let bits: Bits = set.iter().copied().collect();
            let lows: Vec<u16> = of(&few, key).into_iter().map(|row| row as u16).collect();
            let expected = |is_in: bool| -> Vec<u16> {
                let rows: BTreeSet<u32> = few.iter().copied().filter(|row| set.contains(row) == is_in).collect();
                of(&rows, key).into_iter().map(|row| row as u16).collect()
            };
            let (mut kept, mut dropped) = (lows.clone(), lows.clone());
            bits.keep_few(key, &mut kept);
            bits.drop_few(key, &mut dropped);
            prop_assert_eq!(bits.count_few(key, &lows) as usize, kept.len());
            prop_assert_eq!(kept, expected(true));
            prop_assert_eq!(dropped, expected(false));
        }
    }
}
