//! Looking at the rows of a column, where no set of rows knows the answer.

use memchr::memmem::Finder;

use crate::domain::day::{self, Day};
use crate::domain::filter::{DayCondition, TextCondition, TimeCondition};
use crate::domain::text::{Folded, words};

use super::bits::{BLOCK_ROWS, Words, gathered, lanes, ones};
use super::chunked::{CHUNK_ROWS, Chunks};
use super::facts::Days;
use super::pieces::{PieceBlock, Wanted};
use super::texts::{BLOCK_CHUNKS, TextChunk, Texts};
use super::times::Times;

const CHUNK_WORDS: usize = CHUNK_ROWS / 64;

/// With so few rows of a chunk in question each is looked at alone.
const FEW_ROWS: u32 = 64;

/// With so few rows of a block in question no index is asked.
const FEW_ROWS_OF_BLOCK: u32 = if cfg!(test) { 4 } else { 256 };

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
    wanted: Wanted,
}

/// What is asked of a folded text.
#[derive(Debug, Clone)]
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
    /// Comparing numbers is cheaper than looking for texts.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Self::Time { .. } | Self::Day { .. } => 8,
            Self::Text(_) => 9,
        }
    }

    /// Keeps the rows of a block that meet the condition; whether any is left.
    pub(super) fn narrow(&self, block: u16, words: &mut Words) -> bool {
        if let Self::Text(scan) = self
            && let Some(pieces) = scan.column.pieces(usize::from(block))
            && lanes::count(words) > FEW_ROWS_OF_BLOCK
        {
            scan.narrow_by(pieces, block, words);
            return lanes::is_any(words);
        }
        let mut buffer = String::new();
        let mut left = false;
        let first = usize::from(block) * BLOCK_CHUNKS;
        for (index, rows) in (first..).zip(words.chunks_exact_mut(CHUNK_WORDS)) {
            if rows.iter().all(|word| *word == 0) {
                continue;
            }
            match self {
                Self::Text(scan) => scan.read(index, rows, scan.holds, &mut buffer),
                Self::Time {
                    column,
                    condition,
                    holds,
                } => {
                    let mut met = [0; CHUNK_WORDS];
                    let none = Times::default();
                    let times = column.get(index).unwrap_or(&none);
                    times.add_meeting(*condition, &mut met);
                    keep_met(rows, *holds, &met);
                }
                Self::Day {
                    column,
                    condition,
                    holds,
                } => keep_met(rows, *holds, &days_meeting(*condition, column.chunk(index))),
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
            wanted: Wanted::of(&test),
            test,
            holds,
            needle,
        }
    }

    /// Keeps the rows of a block that meet the condition, by the pieces of their texts.
    fn narrow_by(&self, pieces: &PieceBlock, block: u16, words: &mut Words) {
        let read = |words: &mut Words| {
            let mut buffer = String::new();
            let first = usize::from(block) * BLOCK_CHUNKS;
            for (index, rows) in (first..).zip(words.chunks_exact_mut(CHUNK_WORDS)) {
                self.read(index, rows, true, &mut buffer);
            }
        };
        let mut met = [0; BLOCK_ROWS / 64];
        self.wanted.add_to(pieces, words, &mut met, read);
        let mut loose = [0; BLOCK_ROWS / 64];
        self.column.loose().add_to(block, &mut loose);
        for ((met, loose), asked) in met.iter_mut().zip(&mut loose).zip(&*words) {
            *met &= !*loose;
            *loose &= asked;
        }
        read(&mut loose);
        for ((word, met), loose) in words.iter_mut().zip(&met).zip(&loose) {
            let met = met | loose;
            *word &= if self.holds { met } else { !met };
        }
    }

    /// Keeps the rows of a chunk whose text passes, or does not pass, by reading it.
    fn read(&self, index: usize, rows: &mut [u64], holds: bool, buffer: &mut String) {
        let count = lanes::count(rows);
        if count == 0 {
            return;
        }
        let Some(chunk) = self.column.chunk(index) else {
            return keep(rows, holds, |_| self.test.passes(None));
        };
        if count < FEW_ROWS {
            return keep(rows, holds, |at| self.passes(chunk.folded_into(at, buffer)));
        }
        chunk.lower(buffer);
        match &self.needle {
            None => keep(rows, holds, |at| self.test.passes(chunk.folded(at, buffer))),
            Some(needle) => keep_met(rows, holds, &self.search(chunk, buffer, needle)),
        }
    }

    fn passes(&self, folded: Option<&str>) -> bool {
        match (&self.test, &self.needle, folded) {
            (TextTest::Condition(TextCondition::Contains(_)), Some(needle), Some(text)) => {
                needle.find(text.as_bytes()).is_some()
            }
            _ => self.test.passes(folded),
        }
    }

    /// The rows of a chunk that pass, by searching all texts at once.
    fn search(&self, chunk: &TextChunk, lower: &str, needle: &Finder<'_>) -> [u64; CHUNK_WORDS] {
        let mut passing = [0; CHUNK_WORDS];
        let mut look_at = |at: usize| {
            if self.passes(chunk.folded(at, lower))
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
fn keep(rows: &mut [u64], holds: bool, mut test: impl FnMut(usize) -> bool) {
    for (index, word) in rows.iter_mut().enumerate() {
        for bit in ones(&[*word]) {
            if test(index * 64 + bit as usize) != holds {
                *word &= !(1 << bit);
            }
        }
    }
}

fn keep_met(rows: &mut [u64], holds: bool, met: &[u64; CHUNK_WORDS]) {
    for (word, met) in rows.iter_mut().zip(met) {
        *word &= if holds { *met } else { !met };
    }
}

/// The days of a chunk that meet a condition. What is behind the last is absent.
fn days_meeting(condition: DayCondition, days: &[Option<Day>]) -> [u64; CHUNK_WORDS] {
    // Days are numbers above 0, so that an absent one can be 0.
    let (first, last) = match condition {
        DayCondition::IsAbsent => (0, 0),
        DayCondition::Within { from, to } => (
            from.map_or(1, |from| day::number(from).max(1)),
            to.map_or(i64::MAX, day::number).min(i64::from(u16::MAX)),
        ),
    };
    let mut met = [0; CHUNK_WORDS];
    let (Ok(first), Ok(last)) = (u16::try_from(first), u16::try_from(last)) else {
        return met;
    };
    if first > last {
        return met;
    }
    let values = days.chunks(64).chain(std::iter::repeat(&[][..]));
    for (met, values) in met.iter_mut().zip(values) {
        *met = gathered(values, |day| {
            let number = day.map_or(0, |day| day.number() as u16); // As it is kept.
            number.wrapping_sub(first) <= last - first
        });
        if first == 0 {
            *met |= u64::MAX.checked_shl(values.len() as u32).unwrap_or(0); // At most 64.
        }
    }
    met
}
