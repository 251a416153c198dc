//! Looking at the rows of a column, where no set of rows knows the answer.

use memchr::memmem::Finder;

use crate::domain::day::{self, Day};
use crate::domain::filter::{DayCondition, TextCondition, TimeCondition};
use crate::domain::text::{Folded, words};

use super::bits::{BLOCK_ROWS, Words, count_ones, ones};
use super::chunked::{CHUNK_ROWS, Chunks};
use super::facts::Days;
use super::texts::{TextChunk, Texts};
use super::times::Times;

const CHUNK_WORDS: usize = CHUNK_ROWS / 64;
const BLOCK_CHUNKS: usize = BLOCK_ROWS / CHUNK_ROWS;

/// With so few rows of a chunk in question each is looked at alone.
const FEW_ROWS: u32 = 32;

/// What is asked of every row.
pub(super) enum Scan<'a> {
    Text(TextScan<'a>),
    Time {
        column: &'a Chunks<Times>,
        condition: TimeCondition,
        holds: bool,
    },
    Day {
        column: &'a Days,
        condition: DayCondition,
        holds: bool,
    },
}

/// A condition on a text column.
pub(super) struct TextScan<'a> {
    column: &'a Texts,
    test: TextTest,
    holds: bool,
    /// What a text must have inside to pass the test.
    needle: Option<Box<Finder<'static>>>,
}

/// What is asked of a folded text.
pub(super) enum TextTest {
    Condition(TextCondition),
    /// One of its words begins with this.
    Word(Folded),
}

impl TextTest {
    fn passes(&self, folded: Option<&str>) -> bool {
        match self {
            Self::Condition(condition) => condition.holds(folded),
            Self::Word(start) => {
                folded.is_some_and(|text| words(text).any(|word| word.starts_with(start.as_str())))
            }
        }
    }

    fn needle(&self) -> Option<&str> {
        let needle = match self {
            Self::Condition(TextCondition::Contains(text) | TextCondition::StartsWith(text))
            | Self::Word(text) => text,
            Self::Condition(TextCondition::In(texts)) if texts.len() == 1 => texts.first()?,
            Self::Condition(TextCondition::In(_) | TextCondition::IsAbsent) => return None,
        };
        Some(needle.as_str()).filter(|needle| !needle.is_empty())
    }
}

impl Scan<'_> {
    /// Keeps the rows of a block that meet the condition; whether any is left.
    pub(super) fn narrow(&self, block: u16, words: &mut Words) -> bool {
        let mut lower = String::new();
        let mut left = false;
        let first = usize::from(block) * BLOCK_CHUNKS;
        for (index, rows) in (first..).zip(words.chunks_exact_mut(CHUNK_WORDS)) {
            let count = count_ones(rows);
            if count == 0 {
                continue;
            }
            match self {
                Self::Text(scan) => scan.narrow(index, rows, count, &mut lower),
                Self::Time {
                    column,
                    condition,
                    holds,
                } => {
                    let times = column.get(index);
                    let value = |at| times.and_then(|times| times.get(at));
                    keep(rows, *holds, |at| meets(*condition, value(at)));
                }
                Self::Day {
                    column,
                    condition,
                    holds,
                } => {
                    let meets = day_test(*condition);
                    let first = index * CHUNK_ROWS;
                    let value = |at: usize| column.get(first + at).copied().flatten();
                    keep(rows, *holds, |at| meets(value(at)));
                }
            }
            left |= rows.iter().any(|word| *word != 0);
        }
        left
    }
}

impl<'a> TextScan<'a> {
    pub(super) fn new(column: &'a Texts, test: TextTest, holds: bool) -> Self {
        let needle = test
            .needle()
            .map(|needle| Box::new(Finder::new(needle).into_owned()));
        Self {
            column,
            test,
            holds,
            needle,
        }
    }

    fn narrow(&self, index: usize, rows: &mut [u64], count: u32, lower: &mut String) {
        let Some(chunk) = self.column.chunk(index) else {
            return keep(rows, self.holds, |_| self.test.passes(None));
        };
        if count < FEW_ROWS {
            return keep(rows, self.holds, |at| {
                let folded = chunk.lowered(at).map(|text| text.folded());
                self.test.passes(folded.as_deref())
            });
        }
        chunk.lower(lower);
        match &self.needle {
            None => keep(rows, self.holds, |at| {
                self.test.passes(chunk.folded(at, lower))
            }),
            Some(needle) => {
                let passing = self.search(chunk, lower, needle);
                for (word, passing) in rows.iter_mut().zip(passing) {
                    *word &= if self.holds { passing } else { !passing };
                }
            }
        }
    }

    /// The rows of a chunk that pass, by searching all texts at once.
    fn search(&self, chunk: &TextChunk, lower: &str, needle: &Finder<'_>) -> [u64; CHUNK_WORDS] {
        let mut passing = [0; CHUNK_WORDS];
        let mut look_at = |at: usize| {
            if self.test.passes(chunk.folded(at, lower))
                && let Some(word) = passing.get_mut(at / 64)
            {
                *word |= 1 << (at % 64);
            }
        };
        let mut from = 0;
        while let Some(found) = lower
            .as_bytes()
            .get(from..)
            .and_then(|rest| needle.find(rest))
        {
            // A find may reach into the next text or lie in one that folds in another way: the row
            // itself is asked.
            let at = chunk.row_at(from + found);
            look_at(at);
            from = chunk.bounds(at).1.max(from + found + 1);
        }
        for at in chunk.odd_rows() {
            look_at(at);
        }
        passing
    }
}

/// Keeps the rows of a chunk for which the test answers `holds`.
fn keep(rows: &mut [u64], holds: bool, test: impl Fn(usize) -> bool) {
    for (index, word) in rows.iter_mut().enumerate() {
        for bit in ones(&[*word]) {
            if test(index * 64 + bit as usize) != holds {
                *word &= !(1 << bit);
            }
        }
    }
}

fn meets(condition: TimeCondition, value: Option<jiff::Timestamp>) -> bool {
    match (condition, value) {
        (TimeCondition::IsAbsent, value) => value.is_none(),
        (TimeCondition::Within { .. }, None) => false,
        (TimeCondition::Within { from, before }, Some(value)) => {
            from.is_none_or(|from| value >= from) && before.is_none_or(|before| value < before)
        }
    }
}

/// The test of a condition on a day, whose ends are told as numbers once.
fn day_test(condition: DayCondition) -> impl Fn(Option<Day>) -> bool {
    let (is_present, from, to) = match condition {
        DayCondition::IsAbsent => (false, None, None),
        DayCondition::Within { from, to } => (true, from, to),
    };
    let (from, to) = (
        from.map_or(i64::MIN, day::number),
        to.map_or(i64::MAX, day::number),
    );
    move |value| match value {
        None => !is_present,
        Some(value) => is_present && (from..=to).contains(&value.number()),
    }
}
