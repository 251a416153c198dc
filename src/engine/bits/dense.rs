//! A bit for every row from the first word of a block that has one to the last.

use std::ops::Range;

use super::{Words, bit, lanes, ones};
use crate::engine::fit::fit;
use crate::engine::heap::{Heap, Parts};

/// Many rows of one block.
#[derive(Clone)]
pub(super) struct Dense {
    /// The place of the first word in the block.
    from: usize,
    words: Vec<u64>,
    count: u32,
}

/// The words of a block that rows, which rise, are in.
pub(super) fn stretch(rows: &[u16]) -> Range<usize> {
    match rows {
        [] => 0..0,
        [first, ..] => word(*first)..rows.last().map_or(0, |last| word(*last) + 1),
    }
}

/// The word of a block that has a row's bit.
fn word(low: u16) -> usize {
    usize::from(low >> 6)
}

impl Dense {
    /// Rows that rise.
    pub(super) fn of(rows: &[u16]) -> Self {
        let stretch = stretch(rows);
        let mut words = vec![0; stretch.len()];
        for low in rows {
            words[word(*low) - stretch.start] |= bit(*low);
        }
        Self {
            from: stretch.start,
            words,
            count: rows.len() as u32, // At most 65,536.
        }
    }

    /// The rows of a whole block.
    pub(super) fn of_words(words: &Words) -> Self {
        let first = words.iter().position(|word| *word != 0);
        let behind = words.iter().rposition(|word| *word != 0);
        let stretch = first.unwrap_or(0)..behind.map_or(0, |last| last + 1);
        let words = words[stretch.clone()].to_vec();
        Self {
            from: stretch.start,
            count: lanes::count(&words),
            words,
        }
    }

    /// How many rows there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// How many words they are in.
    pub(super) fn words(&self) -> usize {
        self.words.len()
    }

    /// How many they are in with one row more.
    pub(super) fn words_with(&self, low: u16) -> usize {
        let stretch = self.stretch();
        let word = word(low);
        stretch.end.max(word + 1) - stretch.start.min(word)
    }

    pub(super) fn contains(&self, low: u16) -> bool {
        let place = word(low).checked_sub(self.from);
        let word = place.and_then(|place| self.words.get(place));
        word.is_some_and(|word| word & bit(low) != 0)
    }

    /// In order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let first = self.from as u32 * 64; // Below 65,536.
        ones(&self.words).map(move |place| first + place)
    }

    /// The same as a list.
    pub(super) fn to_list(&self) -> Vec<u16> {
        self.iter().map(|low| low as u16).collect()
    }

    /// Adds a row that is not there.
    pub(super) fn insert(&mut self, low: u16) {
        let word = word(low);
        if word < self.from {
            let missing = self.from - word;
            self.words.splice(..0, std::iter::repeat_n(0, missing));
            self.from = word;
        }
        let place = word - self.from;
        if self.words.len() <= place {
            self.words.resize(place + 1, 0);
        }
        self.words[place] |= bit(low);
        self.count += 1;
    }

    /// Takes out a row that is there.
    pub(super) fn remove(&mut self, low: u16) {
        self.words[word(low) - self.from] &= !bit(low);
        self.count -= 1;
    }

    /// Adds the rows to `words`.
    pub(super) fn add_to(&self, words: &mut Words) {
        lanes::add(&mut words[self.stretch()], &self.words);
    }

    /// Keeps of `words` what is here; whether anything is left.
    pub(super) fn keep_in(&self, words: &mut Words) -> bool {
        let stretch = self.stretch();
        words[..stretch.start].fill(0);
        words[stretch.end..].fill(0);
        lanes::keep(&mut words[stretch], &self.words)
    }

    /// Keeps of `words` what is not here; whether anything is left.
    pub(super) fn drop_from(&self, words: &mut Words) -> bool {
        let stretch = self.stretch();
        let is_any_left = lanes::take_out(&mut words[stretch.clone()], &self.words);
        is_any_left
            || lanes::is_any(&words[..stretch.start])
            || lanes::is_any(&words[stretch.end..])
    }

    /// How many of `words` are here.
    pub(super) fn count_in(&self, words: &Words) -> u32 {
        lanes::count_common(&words[self.stretch()], &self.words)
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        fit(&mut self.words);
    }

    fn stretch(&self) -> Range<usize> {
        self.from..self.from + self.words.len()
    }
}

impl Heap for Dense {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.words.heap(parts)
    }
}
