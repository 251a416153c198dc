//! A text property that differs from row to row: one buffer per chunk of rows.
//!
//! Folded texts are not stored. The folded form of nearly every text is its ASCII lower case, which
//! is made for a whole chunk faster than it is read from memory; the few others are kept beside.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use crate::domain::text::fold;

use super::bits::{BLOCK_ROWS, Bits};
use super::chunked::{CHUNK_ROWS, Chunks, split_row};
use super::ends::{EndList, Ends};
use super::fit::{fit, fit_text};
use super::heap::{Heap, Parts};
use super::pieces::PieceBlock;

/// The longest text that is kept, in bytes. Microsoft's own limits are below; this keeps a place in a
/// sorted list small enough for a cursor, whatever is sent.
const TEXT_BYTES_MAX: usize = 1 << 12;

/// Chunks of a block.
pub(super) const BLOCK_CHUNKS: usize = BLOCK_ROWS / CHUNK_ROWS;

/// So many rows of a block are read one by one: rows of a block that has no index, or rows that changed
/// since it was made. With more the block is indexed. Few in tests, so that they meet both.
const LOOSE_ROWS_MAX: u32 = if cfg!(test) { 3 } else { 256 };

/// One property of all rows.
#[derive(Clone, Default)]
pub(super) struct Texts {
    chunks: Chunks<TextChunk>,
    /// Which pieces of text the rows of each block have.
    pieces: Chunks<Option<PieceBlock>>,
    /// The rows of indexed blocks that have changed since.
    loose: Bits,
}

/// The texts of one chunk of rows.
#[derive(Clone, Default)]
pub(super) struct TextChunk {
    text: String,
    /// Where each row's text ends. A row whose text has no bytes has none ...
    ends: Ends,
    /// ... but for these, sorted: they have an empty one.
    empty: Vec<u16>,
    /// The folded texts that are not the ASCII lower case, by row.
    odd: Vec<(u16, Box<str>)>,
}

/// A text whose ASCII lower case is its folded form. Compares as the folded form does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lowered<'a>(&'a str);

impl<'a> Lowered<'a> {
    /// A text that is folded already.
    pub(super) fn of_folded(folded: &'a str) -> Self {
        Self(folded)
    }

    /// The folded text.
    pub(super) fn folded(self) -> Cow<'a, str> {
        if self.0.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(self.0.to_ascii_lowercase())
        } else {
            Cow::Borrowed(self.0)
        }
    }

    pub(super) fn starts_with(self, folded: &str) -> bool {
        self.0
            .as_bytes()
            .get(..folded.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(folded.as_bytes()))
    }

    /// The first bytes as a number that sorts as they do, and whether they are the whole text.
    pub(super) fn prefix(self) -> (u128, bool) {
        let mut bytes = [0; 16];
        for (byte, own) in bytes.iter_mut().zip(self.0.bytes()) {
            *byte = own.to_ascii_lowercase();
        }
        let is_whole = self.0.len() <= bytes.len() && !self.0.contains('\0');
        (u128::from_be_bytes(bytes), is_whole)
    }
}

impl Ord for Lowered<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let own = self.0.bytes().map(|byte| byte.to_ascii_lowercase());
        own.cmp(other.0.bytes().map(|byte| byte.to_ascii_lowercase()))
    }
}

impl PartialOrd for Lowered<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Lowered<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Lowered<'_> {}

/// The part of a text that is kept: all of it, unless it is absurdly long.
pub(super) fn kept(text: &str) -> &str {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    text.get(..end).unwrap_or(text)
}

impl Texts {
    pub(super) fn get(&self, row: u32) -> Option<&str> {
        let (chunk, at) = split_row(row);
        self.chunks.get(chunk)?.get(at)
    }

    /// Where a row's text is to be looked up.
    pub(super) fn cell(&self, row: u32) -> TextCell<'_> {
        let (chunk, at) = split_row(row);
        let chunk = self.chunks.get(chunk);
        chunk.map(|chunk| chunk.cell(at)).unwrap_or_default()
    }

    /// The text in the form that is compared.
    pub(super) fn lowered(&self, row: u32) -> Option<Lowered<'_>> {
        let (chunk, at) = split_row(row);
        self.chunks.get(chunk)?.lowered(at)
    }

    /// A chunk of rows; `None` behind the last.
    pub(super) fn chunk(&self, index: usize) -> Option<&TextChunk> {
        self.chunks.get(index)
    }

    /// Sets a row's text; false, and nothing copied, when it is that already.
    pub(super) fn set(&mut self, row: u32, text: Option<&str>) -> bool {
        let text = text.map(kept);
        let changes = self.get(row) != text;
        if changes {
            let (chunk, at) = split_row(row);
            self.chunks.edit(chunk).set(at, text);
            if self.pieces(chunk / BLOCK_CHUNKS).is_some() {
                self.loose.insert(row);
            }
        }
        changes
    }

    /// Which pieces of text the rows of a block have, but for those that are loose; `None` where the
    /// block is not indexed.
    pub(super) fn pieces(&self, block: usize) -> Option<&PieceBlock> {
        self.pieces.get(block)?.as_ref()
    }

    /// The rows of which [`Self::pieces`] does not tell, in blocks that it knows.
    pub(super) fn loose(&self) -> &Bits {
        &self.loose
    }

    /// The blocks of which too many rows are in no index.
    pub(super) fn unindexed(&self) -> Vec<usize> {
        let is_due = |block: &usize| match self.pieces(*block) {
            Some(_) => self.loose.len_of(*block) > LOOSE_ROWS_MAX,
            None => self.rows_of(*block) > LOOSE_ROWS_MAX as usize,
        };
        (0..self.chunks.len().div_ceil(BLOCK_CHUNKS))
            .filter(is_due)
            .collect()
    }

    /// The index of a block as it is now.
    pub(super) fn indexed(&self, block: usize) -> PieceBlock {
        let chunks: Vec<&TextChunk> = self.chunks_of(block).collect();
        PieceBlock::of(&chunks)
    }

    /// Takes in what [`Self::indexed`] made of a block.
    pub(super) fn take_index(&mut self, block: usize, pieces: PieceBlock) {
        *self.pieces.edit(block) = Some(pieces);
        self.loose.remove_block(block);
    }

    fn chunks_of(&self, block: usize) -> impl Iterator<Item = &TextChunk> {
        let first = block * BLOCK_CHUNKS;
        (first..first + BLOCK_CHUNKS).map_while(|index| self.chunks.get(index))
    }

    /// How many rows of a block have a text or had one.
    fn rows_of(&self, block: usize) -> usize {
        self.chunks_of(block).map(|chunk| chunk.ends.len()).sum()
    }

    /// Brings rows into another order; none of them may be indexed yet.
    pub(super) fn arrange(&mut self, rows: &[u32]) {
        let cell = |row: &u32| {
            let (chunk, at) = split_row(*row);
            Some((self.chunks.get(chunk)?, at))
        };
        let chunk = |rows: &[u32]| TextChunk::of(rows.iter().map(cell));
        self.chunks = rows.chunks(CHUNK_ROWS).map(chunk).collect();
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.chunks.shrink(|chunk| {
            fit_text(&mut chunk.text);
            chunk.ends.shrink();
            fit(&mut chunk.empty);
            fit(&mut chunk.odd);
        });
    }
}

/// Where one row's text is to be looked up: what its chunk has at hand.
#[derive(Clone, Copy, Default)]
pub(super) struct TextCell<'a> {
    /// All texts of the chunk.
    pub(super) text: &'a str,
    ends: EndList<'a>,
    /// See [`TextChunk::empty`].
    empty: &'a [u16],
    at: usize,
}

impl TextCell<'_> {
    /// Where in the chunk's texts the row's is; `None` where it has none.
    pub(super) fn range(self) -> Option<Range<usize>> {
        let (start, end) = self.ends.bounds(self.at, self.text.len());
        let is_empty_text = || self.empty.binary_search(&(self.at as u16)).is_ok(); // Below CHUNK_ROWS.
        (start < end || is_empty_text()).then_some(start..end)
    }
}

impl TextChunk {
    /// The texts of rows of other chunks, one behind the other.
    fn of<'a>(rows: impl Iterator<Item = Option<(&'a Self, usize)>>) -> Self {
        let mut chunk = Self::default();
        let mut ends = Vec::with_capacity(CHUNK_ROWS);
        for (at, row) in (0..).zip(rows) {
            if let Some((from, place)) = row
                && let Some(text) = from.get(place)
            {
                chunk.text.push_str(text);
                if text.is_empty() {
                    chunk.empty.push(at);
                }
                if let Some(odd) = from.odd(place) {
                    chunk.odd.push((at, odd.into()));
                }
            }
            ends.push(chunk.text.len() as u32); // Buffers are far below 4 GB.
        }
        fit_text(&mut chunk.text);
        chunk.ends = Ends::of(&ends);
        chunk
    }

    fn cell(&self, at: usize) -> TextCell<'_> {
        TextCell {
            text: &self.text,
            ends: self.ends.list(),
            empty: &self.empty,
            at,
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<&str> {
        self.text.get(self.cell(at).range()?)
    }

    pub(super) fn lowered(&self, at: usize) -> Option<Lowered<'_>> {
        let text = self.get(at)?;
        Some(Lowered(self.odd(at).unwrap_or(text)))
    }

    /// A row's folded text, made in a buffer unless it is kept.
    pub(super) fn folded_into<'a>(&'a self, at: usize, buffer: &'a mut String) -> Option<&'a str> {
        let text = self.get(at)?;
        if !is_plain(text)
            && let Some(odd) = self.odd(at)
        {
            return Some(odd);
        }
        buffer.clear();
        buffer.push_str(text);
        buffer.make_ascii_lowercase();
        Some(buffer)
    }

    /// All texts, one behind the other, in ASCII lower case.
    pub(super) fn lower(&self, into: &mut String) {
        into.clear();
        into.push_str(&self.text);
        into.make_ascii_lowercase();
    }

    /// A row's folded text, out of what [`Self::lower`] made.
    pub(super) fn folded<'a>(&'a self, at: usize, lower: &'a str) -> Option<&'a str> {
        let range = self.cell(at).range()?;
        self.odd(at).or_else(|| lower.get(range))
    }

    /// The row whose text holds this byte of the buffer.
    pub(super) fn row_at(&self, byte: usize) -> usize {
        self.ends.count_until(byte)
    }

    /// The rows whose folded text is kept beside.
    pub(super) fn odd_rows(&self) -> impl Iterator<Item = usize> {
        self.odd.iter().map(|(at, _)| usize::from(*at))
    }

    /// Where a row's text begins and ends.
    pub(super) fn bounds(&self, at: usize) -> (usize, usize) {
        self.ends.list().bounds(at, self.text.len())
    }

    fn odd(&self, at: usize) -> Option<&str> {
        let index = self
            .odd
            .binary_search_by_key(&at, |(row, _)| usize::from(*row))
            .ok()?;
        self.odd.get(index).map(|(_, folded)| &**folded)
    }

    fn set(&mut self, at: usize, text: Option<&str>) {
        // One row of a chunk is mostly followed by the others.
        self.ends.reserve_first(CHUNK_ROWS);
        self.ends.grow(at + 1, self.text.len());
        let (start, end) = self.bounds(at);
        let new = text.unwrap_or_default();
        if end == self.text.len() {
            // As new rows come: nothing is behind that would have to move.
            self.text.truncate(start);
            self.text.push_str(new);
        } else {
            self.text.replace_range(start..end, new);
        }
        self.ends.shift(at, end - start, new.len());
        self.set_empty(at, text == Some(""));
        self.set_odd(at, text);
        if at + 1 == CHUNK_ROWS {
            // The chunk is full, and hardly any of its texts will change.
            fit_text(&mut self.text);
            fit(&mut self.odd);
        }
    }

    fn set_empty(&mut self, at: usize, is_empty: bool) {
        match (self.empty.binary_search(&(at as u16)), is_empty) {
            (Err(place), true) => self.empty.insert(place, at as u16), // Below CHUNK_ROWS.
            (Ok(place), false) => {
                self.empty.remove(place);
            }
            _ => {}
        }
    }

    fn set_odd(&mut self, at: usize, text: Option<&str>) {
        let found = self
            .odd
            .binary_search_by_key(&at, |(row, _)| usize::from(*row));
        if let Ok(index) = found {
            self.odd.remove(index);
        }
        let (Ok(index) | Err(index)) = found;
        if let Some(folded) = text.and_then(odd_form) {
            self.odd.insert(index, (at as u16, folded)); // Below CHUNK_ROWS.
        }
    }
}

/// Whether the folded text is surely just the ASCII lower case.
fn is_plain(text: &str) -> bool {
    text.is_ascii() && text.trim().len() == text.len()
}

/// The folded text, where it is not just the ASCII lower case.
fn odd_form(text: &str) -> Option<Box<str>> {
    if is_plain(text) {
        return None;
    }
    let folded = fold(text);
    (folded != text.to_ascii_lowercase()).then(|| folded.into())
}

impl Texts {
    /// The texts without what finds them.
    pub(super) fn texts_only(&self) -> &dyn Heap {
        &self.chunks
    }

    /// What finds them.
    pub(super) fn index_only(&self) -> &dyn Heap {
        &self.pieces
    }
}

impl Heap for Texts {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.chunks.heap(parts) + self.pieces.heap(parts) + self.loose.heap(parts)
    }
}

impl Heap for TextChunk {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.text.heap(parts)
            + self.ends.heap(parts)
            + self.empty.heap(parts)
            + self.odd.heap(parts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Option<String>> {
        prop::option::of(prop_oneof![
            "[A-Ca-c]{0,4}",
            Just(" padded ".to_owned()),
            Just("Straße".to_owned()),
            Just("ÉCLAIR".to_owned()),
            Just("josé".to_owned()),
            Just("a\0b".to_owned()),
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn texts_keep_what_was_set_last_and_fold_it(edits in prop::collection::vec((0..40usize, text()), 0..120)) {
            let mut texts = Texts::default();
            let mut model = vec![None; 1100];
            for (at, text) in edits {
                let row = if at < 20 { at } else { at + CHUNK_ROWS - 30 };
                prop_assert_eq!(texts.set(row as u32, text.as_deref()), model[row] != text);
                model[row] = text;
            }
            let mut lower = String::new();
            for (row, text) in model.iter().enumerate() {
                prop_assert_eq!(texts.get(row as u32), text.as_deref());
                let folded = text.as_deref().map(fold);
                prop_assert_eq!(texts.lowered(row as u32).map(|text| text.folded().into_owned()), folded.clone());
                if let Some(chunk) = texts.chunk(row / CHUNK_ROWS) {
                    chunk.lower(&mut lower);
                    prop_assert_eq!(chunk.folded(row % CHUNK_ROWS, &lower), folded.as_deref());
                }
            }
        }

        #[test]
        fn lowered_texts_and_their_prefixes_sort_as_folded_texts_do(left in "[A-Ca-c\0]{0,20}", right in "[A-Ca-c\0]{0,20}") {
            let (one, other) = (Lowered(&left), Lowered(&right));
            let expected = left.to_ascii_lowercase().cmp(&right.to_ascii_lowercase());
            prop_assert_eq!(one.cmp(&other), expected);
            prop_assert_eq!(one == other, expected.is_eq());
            let ((one, one_whole), (other, other_whole)) = (one.prefix(), other.prefix());
            if one != other || (one_whole && other_whole) {
                prop_assert_eq!(one.cmp(&other), expected);
            }
        }
    }

    #[test]
    fn an_absurdly_long_text_is_cut_at_a_character_and_stays_unchanged() {
        let mut texts = Texts::default();
        let long = "é".repeat(TEXT_BYTES_MAX);
        assert!(texts.set(0, Some(&long)));
        assert!(!texts.set(0, Some(&long)));
        assert_eq!(texts.get(0).map(str::len), Some(TEXT_BYTES_MAX));
    }
}
