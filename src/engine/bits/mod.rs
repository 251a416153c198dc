//! Sets of rows: blocks of 65,536 rows, each a short list or a bit for every row of a stretch.
//!
//! A filter works block by block on 1,024 words; a set adds itself to them or keeps what it has in
//! common with them. A block belongs to every index that has not changed one of its rows. Rows that lie
//! side by side, as those of a department do, are a short stretch: little to keep and little to meet.

mod dense;
mod few;
pub(super) mod lanes;
mod listed;
mod renewed;

use std::sync::Arc;

use self::dense::Dense;
pub(super) use listed::Listed;
pub(super) use renewed::Renewed;

use super::fit::fit;
use super::heap::{Heap, Parts};

/// Rows of a block.
pub(super) const BLOCK_ROWS: usize = 1 << 16;

/// A bit for every row of a block.
pub(super) type Words = [u64; BLOCK_ROWS / 64];

/// The most rows of a block in a list: one in 64. Above it the bits are faster, and how much larger
/// they may be is bounded.
pub(super) const FEW_MAX: usize = BLOCK_ROWS / 64;

/// The most rows that are a list however near to each other they are.
const LIST_MIN: usize = 16;

/// Whether so many rows are a list, in a stretch of so many words.
fn is_few(rows: usize, words: usize) -> bool {
    rows <= words.max(LIST_MIN)
}

/// The block that holds a row, and the row's place in it.
fn split(row: u32) -> (u16, u16) {
    ((row >> 16) as u16, row as u16)
}

/// The places of the ones in `words`.
pub(super) fn ones(words: &[u64]) -> impl Iterator<Item = u32> + '_ {
    words.iter().zip(0u32..).flat_map(|(&word, index)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros();
            rest &= rest.checked_sub(1)?;
            Some(index * 64 + bit)
        })
    })
}

/// A bit for each of at most 64 values: whether it passes a test. Without branches, so that the compiler
/// tests many values at once.
pub(super) fn gathered<T>(values: &[T], passes: impl Fn(&T) -> bool) -> u64 {
    /// Moves the lowest bit of each byte to the uppermost byte, side by side.
    const SIDE_BY_SIDE: u64 = 0x0102_0408_1020_4080;
    let mut passed = [0; 64];
    for (passed, value) in passed.iter_mut().zip(values) {
        *passed = u8::from(passes(value));
    }
    let (eights, _) = passed.as_chunks::<8>();
    eights.iter().rev().fold(0, |word, eight| {
        word << 8 | u64::from_le_bytes(*eight).wrapping_mul(SIDE_BY_SIDE) >> 56
    })
}

/// A set of rows.
#[derive(Clone, Default)]
pub(super) struct Bits {
    blocks: Arc<Vec<Block>>,
    len: u32,
}

/// The rows of one block, at least one.
#[derive(Clone)]
struct Block {
    key: u16,
    rows: Rows,
}

#[derive(Clone)]
enum Rows {
    /// Sorted.
    Few(Arc<Vec<u16>>),
    Dense(Arc<Dense>),
}

impl Bits {
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many rows of a block there are.
    pub(super) fn len_of(&self, key: usize) -> u32 {
        let key = u16::try_from(key).ok();
        key.and_then(|key| self.block(key)).map_or(0, Rows::count)
    }

    /// The rows of a block, where they are a list.
    pub(super) fn few(&self, key: u16) -> Option<&[u16]> {
        match self.block(key)? {
            Rows::Few(rows) => Some(rows),
            Rows::Dense(_) => None,
        }
    }

    /// Takes out all rows of a block.
    pub(super) fn remove_block(&mut self, key: usize) {
        let Some(Ok(index)) = u16::try_from(key).ok().map(|key| self.place(key)) else {
            return;
        };
        self.len -= Arc::make_mut(&mut self.blocks).remove(index).rows.count();
    }

    /// How many words or listed rows it has: what meeting all of it costs.
    pub(super) fn extent(&self) -> u64 {
        let extents = self.blocks.iter().map(|block| match &block.rows {
            Rows::Few(rows) => rows.len(),
            Rows::Dense(dense) => dense.words(),
        });
        extents.map(|extent| extent as u64).sum()
    }

    /// Whether both are one set in memory. Equal sets may still be two.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.blocks, &other.blocks)
    }

    /// How many rows are in both.
    pub(super) fn count_common(&self, other: &Self) -> u64 {
        let count = |block: &Block| {
            let mut words = [0; BLOCK_ROWS / 64];
            self.add_to(block.key, &mut words);
            u64::from(other.count_in(block.key, &words))
        };
        self.blocks.iter().map(count).sum()
    }

    pub(super) fn contains(&self, row: u32) -> bool {
        let (key, low) = split(row);
        self.block(key).is_some_and(|rows| rows.contains(low))
    }

    /// The smallest row.
    pub(super) fn first(&self) -> Option<u32> {
        self.iter().next()
    }

    /// In order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.blocks.iter().flat_map(|block| {
            let (few, dense): (&[u16], _) = match &block.rows {
                Rows::Few(rows) => (rows, None),
                Rows::Dense(dense) => (&[], Some(dense.iter())),
            };
            let few = few.iter().map(|low| u32::from(*low));
            few.chain(dense.into_iter().flatten())
                .map(|low| (u32::from(block.key) << 16) | low)
        })
    }

    /// Adds a row; false, and nothing copied, when it is there already.
    pub(super) fn insert(&mut self, row: u32) -> bool {
        let (key, low) = split(row);
        let place = self.place(key);
        if place.is_ok_and(|index| self.blocks[index].rows.contains(low)) {
            return false;
        }
        let blocks = Arc::make_mut(&mut self.blocks);
        match place {
            Ok(index) => blocks[index].rows.insert(low),
            Err(index) => blocks.insert(
                index,
                Block {
                    key,
                    rows: Rows::Few(Arc::new(vec![low])),
                },
            ),
        }
        self.len += 1;
        true
    }

    /// Adds rows that rise and are not there.
    pub(super) fn add_all(&mut self, rows: &[u32]) {
        if rows.is_empty() {
            return;
        }
        let blocks = Arc::make_mut(&mut self.blocks);
        for rows in rows.chunk_by(|left, right| left >> 16 == right >> 16) {
            let (key, _) = split(rows[0]);
            let lows = rows.iter().map(|row| split(*row).1);
            match blocks.binary_search_by_key(&key, |block| block.key) {
                Ok(index) => blocks[index].rows.add_all(lows),
                Err(index) => {
                    let rows = Rows::from_sorted(lows.collect());
                    blocks.insert(index, Block { key, rows });
                }
            }
        }
        self.len += rows.len() as u32; // Distinct u32 values; a tenant never has all 2^32 of them.
    }

    /// Takes a row out; false, and nothing copied, when it is not there.
    pub(super) fn remove(&mut self, row: u32) -> bool {
        let (key, low) = split(row);
        let Some(index) = self.place(key).ok() else {
            return false;
        };
        if !self.blocks[index].rows.contains(low) {
            return false;
        }
        let blocks = Arc::make_mut(&mut self.blocks);
        if blocks[index].rows.remove(low) == 0 {
            blocks.remove(index);
        }
        self.len -= 1;
        true
    }

    /// Adds the set's rows of a block to `words`.
    pub(super) fn add_to(&self, key: u16, words: &mut Words) {
        match self.block(key) {
            None => {}
            Some(Rows::Few(rows)) => {
                for low in rows.iter() {
                    words[usize::from(low >> 6)] |= bit(*low);
                }
            }
            Some(Rows::Dense(dense)) => dense.add_to(words),
        }
    }

    /// Keeps of `words` what is in the set; whether anything is left.
    pub(super) fn keep_in(&self, key: u16, words: &mut Words) -> bool {
        match self.block(key) {
            None => {
                words.fill(0);
                false
            }
            Some(Rows::Few(rows)) => keep_few(rows, words),
            Some(Rows::Dense(dense)) => dense.keep_in(words),
        }
    }

    /// Keeps of `words` what is not in the set; whether anything is left.
    pub(super) fn drop_from(&self, key: u16, words: &mut Words) -> bool {
        match self.block(key) {
            None => lanes::is_any(words),
            Some(Rows::Few(rows)) => {
                for low in rows.iter() {
                    words[usize::from(low >> 6)] &= !bit(*low);
                }
                lanes::is_any(words)
            }
            Some(Rows::Dense(dense)) => dense.drop_from(words),
        }
    }

    /// How many of `words` are in the set.
    pub(super) fn count_in(&self, key: u16, words: &Words) -> u32 {
        match self.block(key) {
            None => 0,
            Some(Rows::Few(rows)) => rows
                .iter()
                .map(|low| u32::from(words[usize::from(low >> 6)] & bit(*low) != 0))
                .sum(),
            Some(Rows::Dense(dense)) => dense.count_in(words),
        }
    }

    /// Gives back room to spare in what nobody shares.
    pub(super) fn shrink(&mut self) {
        let Some(blocks) = Arc::get_mut(&mut self.blocks) else {
            return;
        };
        fit(blocks);
        for block in blocks {
            match &mut block.rows {
                Rows::Few(rows) => {
                    Arc::get_mut(rows).map(fit);
                }
                Rows::Dense(dense) => {
                    Arc::get_mut(dense).map(Dense::shrink);
                }
            }
        }
    }

    fn block(&self, key: u16) -> Option<&Rows> {
        let index = self.place(key).ok()?;
        self.blocks.get(index).map(|block| &block.rows)
    }

    /// Where the block is, or belongs. New rows come last, so that is where it is looked for first.
    fn place(&self, key: u16) -> Result<usize, usize> {
        match self.blocks.last() {
            Some(last) if last.key == key => Ok(self.blocks.len() - 1),
            _ => self.blocks.binary_search_by_key(&key, |block| block.key),
        }
    }
}

impl Bits {
    /// The set of many rows in any sequence: sorting a list of them would cost more than a bit for each
    /// row that there is.
    pub(super) fn of_many(rows: impl Iterator<Item = u32>) -> Self {
        let mut blocks: Vec<Option<Box<Words>>> = Vec::new();
        for row in rows {
            let (key, low) = split(row);
            if blocks.len() <= usize::from(key) {
                blocks.resize(usize::from(key) + 1, None);
            }
            let words = blocks[usize::from(key)].get_or_insert_with(|| Box::new([0; _]));
            words[usize::from(low >> 6)] |= bit(low);
        }
        let mut len = 0;
        let filled = (0..=u16::MAX).zip(blocks).filter_map(|(key, words)| {
            let rows = Rows::from_words(&*words?);
            len += rows.count();
            Some(Block { key, rows })
        });
        Self {
            blocks: Arc::new(filled.collect()),
            len,
        }
    }
}

impl FromIterator<u32> for Bits {
    fn from_iter<I: IntoIterator<Item = u32>>(rows: I) -> Self {
        let mut rows: Vec<u32> = rows.into_iter().collect();
        rows.sort_unstable();
        rows.dedup();
        let mut bits = Self::default();
        bits.add_all(&rows);
        bits
    }
}

fn bit(low: u16) -> u64 {
    1 << (low & 63)
}

fn keep_few(rows: &[u16], words: &mut Words) -> bool {
    let mut left = 0;
    let mut undecided = 0;
    for of_one_word in rows.chunk_by(|one, other| one >> 6 == other >> 6) {
        let index = usize::from(of_one_word[0] >> 6);
        let mask = of_one_word.iter().fold(0, |mask, low| mask | bit(*low));
        words[undecided..index].fill(0);
        words[index] &= mask;
        left |= words[index];
        undecided = index + 1;
    }
    words[undecided..].fill(0);
    left != 0
}

impl Rows {
    fn from_sorted(rows: Vec<u16>) -> Self {
        match is_few(rows.len(), dense::stretch(&rows).len()) {
            true => Self::Few(Arc::new(rows)),
            false => Self::Dense(Arc::new(Dense::of(&rows))),
        }
    }

    fn from_words(words: &Words) -> Self {
        let dense = Dense::of_words(words);
        match is_few(dense.count() as usize, dense.words()) {
            true => Self::Few(Arc::new(dense.to_list())),
            false => Self::Dense(Arc::new(dense)),
        }
    }

    fn count(&self) -> u32 {
        match self {
            Self::Few(rows) => rows.len() as u32, // At most 1,024.
            Self::Dense(dense) => dense.count(),
        }
    }

    fn contains(&self, low: u16) -> bool {
        match self {
            Self::Few(rows) => {
                rows.last().is_some_and(|last| *last >= low) && rows.binary_search(&low).is_ok()
            }
            Self::Dense(dense) => dense.contains(low),
        }
    }

    /// Adds a row that is not there.
    fn insert(&mut self, low: u16) {
        match self {
            Self::Few(rows) => {
                let rows = Arc::make_mut(rows);
                if rows.last().is_none_or(|last| *last < low) {
                    rows.push(low);
                } else {
                    let (Ok(index) | Err(index)) = rows.binary_search(&low);
                    rows.insert(index, low);
                }
                if !is_few(rows.len(), dense::stretch(rows).len()) {
                    *self = Self::from_sorted(std::mem::take(rows));
                }
            }
            Self::Dense(dense) => {
                let words = dense.words_with(low);
                let dense = Arc::make_mut(dense);
                if is_few(dense.count() as usize + 1, words) {
                    let mut rows = dense.to_list();
                    let (Ok(index) | Err(index)) = rows.binary_search(&low);
                    rows.insert(index, low);
                    *self = Self::Few(Arc::new(rows));
                } else {
                    dense.insert(low);
                }
            }
        }
    }

    /// Adds rows that are not there.
    fn add_all(&mut self, lows: impl Iterator<Item = u16>) {
        match self {
            Self::Few(rows) => {
                let mut rows = std::mem::take(Arc::make_mut(rows));
                rows.extend(lows);
                rows.sort_unstable();
                *self = Self::from_sorted(rows);
            }
            Self::Dense(_) => lows.for_each(|low| self.insert(low)),
        }
    }

    /// Takes out a row that is there and says how many are left.
    fn remove(&mut self, low: u16) -> u32 {
        match self {
            Self::Few(rows) => {
                let rows = Arc::make_mut(rows);
                rows.retain(|row| *row != low);
                rows.len() as u32 // At most 1,024.
            }
            Self::Dense(dense) => {
                let dense = Arc::make_mut(dense);
                dense.remove(low);
                let count = dense.count();
                // Half of what makes a list bits: a set at the border does not go back and forth.
                if is_few(count as usize * 2, dense.words()) {
                    *self = Self::Few(Arc::new(dense.to_list()));
                }
                count
            }
        }
    }
}

impl Heap for Bits {
    fn heap(&self, parts: &mut Parts) -> usize {
        parts.shared(&self.blocks)
    }
}

impl Heap for Block {
    fn heap(&self, parts: &mut Parts) -> usize {
        match &self.rows {
            Rows::Few(rows) => parts.shared(rows),
            Rows::Dense(dense) => parts.shared(dense),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn join(key: u16, low: u16) -> u32 {
        (u32::from(key) << 16) | u32::from(low)
    }

    /// Rows at the borders of words and blocks, and in crowds that make a block dense.
    pub(super) fn row() -> impl Strategy<Value = u32> {
        prop_oneof![
            0..200u32,
            65_500..65_600u32,
            131_000..135_000u32,
            Just(4_000_000)
        ]
    }

    pub(super) fn of(rows: &BTreeSet<u32>, key: u16) -> BTreeSet<u32> {
        rows.range(join(key, 0)..=join(key, u16::MAX))
            .copied()
            .collect()
    }

    pub(super) fn words(rows: &BTreeSet<u32>, key: u16) -> Box<Words> {
        let mut words = Box::new([0; BLOCK_ROWS / 64]);
        rows.iter()
            .copied()
            .collect::<Bits>()
            .add_to(key, &mut words);
        words
    }

    fn listed(words: &Words, key: u16) -> BTreeSet<u32> {
        ones(words).map(|low| join(key, low as u16)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn a_set_of_rows_is_a_set(edits in prop::collection::vec((any::<bool>(), row()), 0..400)) {
            let mut bits = Bits::default();
            let mut model = BTreeSet::new();
            for (adds, row) in edits {
                if adds {
                    prop_assert_eq!(bits.insert(row), model.insert(row));
                } else {
                    prop_assert_eq!(bits.remove(row), model.remove(&row));
                }
            }
            prop_assert_eq!(bits.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(bits.len() as usize, model.len());
            prop_assert_eq!(bits.first(), model.first().copied());
        }

        #[test]
        fn rows_that_are_added_together_are_as_if_added_one_by_one(
            there in prop::collection::btree_set(row(), 0..2500),
            new in prop::collection::btree_set(row(), 0..2500),
        ) {
            let old: Bits = there.iter().copied().collect();
            let mut bits = old.clone();
            bits.add_all(&new.difference(&there).copied().collect::<Vec<_>>());
            let all: Vec<u32> = (&there | &new).into_iter().collect();
            prop_assert_eq!(bits.len() as usize, all.len());
            for row in &new {
                prop_assert!(!bits.insert(*row));
            }
            prop_assert_eq!(bits.iter().collect::<Vec<_>>(), all);
            prop_assert_eq!(old.iter().collect::<Vec<_>>(), there.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn many_rows_in_any_sequence_are_one_set(rows in prop::collection::btree_set(row(), 0..2500)) {
            let bits = Bits::of_many(rows.iter().rev().copied());
            prop_assert_eq!(bits.iter().collect::<BTreeSet<_>>(), rows.clone());
            prop_assert_eq!(bits.len() as usize, rows.len());
            let mut without = bits.clone();
            without.remove_block(1);
            prop_assert_eq!(bits.len() - without.len(), bits.len_of(1));
            let expected = &rows - &of(&rows, 1);
            prop_assert_eq!(without.iter().collect::<BTreeSet<_>>(), expected);
        }

        #[test]
        fn block_operations_are_those_of_sets(
            left in prop::collection::btree_set(row(), 0..2500),
            right in prop::collection::btree_set(row(), 0..2500),
        ) {
            let set: Bits = left.iter().copied().collect();
            for key in 0..3 {
                let (left, right) = (of(&left, key), of(&right, key));
                let mut kept = words(&right, key);
                prop_assert_eq!(set.count_in(key, &kept) as usize, left.intersection(&right).count());
                prop_assert_eq!(set.keep_in(key, &mut kept), !left.is_disjoint(&right));
                prop_assert_eq!(listed(&kept, key), &left & &right);
                let mut dropped = words(&right, key);
                prop_assert_eq!(set.drop_from(key, &mut dropped), !right.is_subset(&left));
                prop_assert_eq!(listed(&dropped, key), &right - &left);
                let mut added = words(&right, key);
                set.add_to(key, &mut added);
                prop_assert_eq!(listed(&added, key), &left | &right);
            }
        }
    }

    #[test]
    fn a_crowded_block_becomes_bits_and_a_list_again() {
        let is_list = |bits: &Bits| matches!(bits.block(0), None | Some(Rows::Few(_)));
        let few = FEW_MAX as u32;
        let mut bits: Bits = [u32::from(u16::MAX)].into_iter().collect();
        for row in 0..few {
            assert!(is_list(&bits), "{row}");
            bits.insert(row);
        }
        assert!(!is_list(&bits));
        for row in (few / 2..few).rev() {
            assert!(!is_list(&bits), "{row}");
            bits.remove(row);
        }
        bits.remove(7);
        assert!(is_list(&bits));
        assert_eq!(bits.len(), few / 2);
        assert!(!bits.contains(7) && bits.contains(8));
    }

    #[test]
    fn rows_side_by_side_are_a_few_words_until_one_lies_far_off() {
        let mut bits: Bits = (1_000..1_500).collect();
        let stretch = |bits: &Bits| match bits.block(0) {
            Some(Rows::Dense(dense)) => Some(dense.words()),
            _ => None,
        };
        assert_eq!(stretch(&bits), Some(9));
        for (row, words) in [(1_600, Some(11)), (640, Some(16)), (50_000, None)] {
            bits.insert(row);
            assert_eq!(stretch(&bits), words, "{row}");
        }
        let all = [640].into_iter().chain(1_000..1_500).chain([1_600, 50_000]);
        assert!(bits.iter().eq(all));
    }

    #[test]
    fn a_change_copies_one_block() {
        let old: Bits = (0..10).map(|block| block << 16).collect();
        let mut new = old.clone();
        new.insert((3 << 16) + 5);
        let same = |left: &Block, right: &Block| match (&left.rows, &right.rows) {
            (Rows::Few(left), Rows::Few(right)) => Arc::ptr_eq(left, right),
            _ => false,
        };
        let shared = old
            .blocks
            .iter()
            .zip(new.blocks.iter())
            .filter(|(left, right)| same(left, right));
        assert_eq!(shared.count(), 9);
        assert!(!old.contains((3 << 16) + 5));
    }

    #[test]
    fn values_that_pass_a_test_become_bits() {
        for (values, expected) in [
            (vec![], 0),
            (vec![1, 0, 1], 0b101),
            (vec![1; 64], u64::MAX),
            ((0..64).collect(), u64::MAX - 1),
            ((0..64).map(|at| at % 9).collect(), !0x8040_2010_0804_0201),
        ] {
            assert_eq!(gathered(&values, |value| *value > 0), expected);
        }
    }
}
