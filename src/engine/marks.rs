//! Rows that are marked, for what one draft keeps for itself. A set that indexes share is
//! [`Bits`](super::bits::Bits); these are not shared, so marking a row is one bit in one piece of memory.

use super::bits::ones;

/// A bit for every row up to the last that was marked.
#[derive(Default)]
pub(super) struct Marks {
    words: Vec<u64>,
    len: u32,
}

impl Marks {
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn contains(&self, row: u32) -> bool {
        let (word, bit) = split(row);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(super) fn insert(&mut self, row: u32) {
        let (word, bit) = split(row);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.len += u32::from(self.words[word] & bit == 0);
        self.words[word] |= bit;
    }

    pub(super) fn remove(&mut self, row: u32) {
        let (word, bit) = split(row);
        if let Some(word) = self.words.get_mut(word) {
            self.len -= u32::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    /// The same marks under the numbers that their rows have now; those of rows without one are gone.
    pub(super) fn renumbered(&self, number_of: impl Fn(u32) -> Option<u32>) -> Self {
        let mut renumbered = Self::default();
        for row in self.iter().filter_map(number_of) {
            renumbered.insert(row);
        }
        renumbered
    }

    /// In order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        ones(&self.words)
    }
}

/// The word that has a row's bit, and the bit.
fn split(row: u32) -> (usize, u64) {
    ((row / 64) as usize, 1 << (row % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_marked_once_and_until_it_is_removed() {
        let mut marks = Marks::default();
        assert!(marks.is_empty() && !marks.contains(70));
        for row in [70, 0, 63, 64, 70] {
            marks.insert(row);
        }
        marks.remove(63);
        marks.remove(63);
        marks.remove(1_000);
        assert_eq!(marks.iter().collect::<Vec<_>>(), [0, 64, 70]);
        assert_eq!(marks.len(), 3);
        assert!(marks.contains(70) && !marks.contains(63) && !marks.contains(1_000));
        let renumbered = marks.renumbered(|row| row.checked_sub(64));
        assert_eq!(renumbered.iter().collect::<Vec<_>>(), [0, 6]);
    }
}
