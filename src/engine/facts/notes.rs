//! Bytes noted of a row under a tag: facts that are shown of one user and asked of no crowd.
//!
//! A row without notes takes the two bytes that say where it ends, a chunk of rows without any
//! nothing at all. Chunks are short, since an edit copies one.

use super::super::chunked::Chunks;
use super::super::ends::Ends;
use super::super::fit::fit;
use super::super::heap::{Heap, Parts};

/// Rows of a chunk.
const ROWS: u32 = 64;

/// The longest note, in bytes. Hundreds of times what any user needs; it keeps the ends of a chunk
/// within four bytes whatever is sent, and nearly always within two. A longer one is not kept.
const NOTE_BYTES_MAX: usize = 1 << 20;

/// The notes of all rows.
#[derive(Clone, Default)]
pub(super) struct Notes {
    chunks: Chunks<NotesChunk>,
}

/// The notes of one chunk of rows, one behind the other: of each its tag, its length and its bytes.
#[derive(Clone, Default)]
pub(super) struct NotesChunk {
    bytes: Vec<u8>,
    /// Where each row's notes end.
    ends: Ends,
}

/// A note, and where it stands with its tag and length among those of its row.
struct Found<'a> {
    tag: u8,
    bytes: &'a [u8],
    start: usize,
    end: usize,
}

impl Notes {
    /// What is noted of a row under a tag.
    pub(super) fn get(&self, row: u32, tag: u8) -> Option<&[u8]> {
        let (chunk, at) = split(row);
        self.chunks
            .get(chunk)?
            .found(at, tag)
            .map(|found| found.bytes)
    }

    /// Notes something of a row in the place of what was noted under the tag; `None` takes that out.
    /// The caller has seen that it differs.
    pub(super) fn set(&mut self, row: u32, tag: u8, note: Option<&[u8]>) {
        if note.is_some_and(|note| note.len() > NOTE_BYTES_MAX) {
            return;
        }
        let (chunk, at) = split(row);
        if note.is_some() || self.get(row, tag).is_some() {
            self.chunks.edit(chunk).set(at, tag, note);
        }
    }

    /// Takes out everything noted of a row.
    pub(super) fn clear(&mut self, row: u32) {
        let (chunk, at) = split(row);
        if self
            .chunks
            .get(chunk)
            .is_some_and(|chunk| !chunk.row(at).is_empty())
        {
            self.chunks.edit(chunk).splice(at, 0, None, &[]);
        }
    }

    /// Everything noted of a row, for whoever writes it anew.
    pub(super) fn of_row(&self, row: u32) -> &[u8] {
        let (chunk, at) = split(row);
        self.chunks.get(chunk).map_or(&[], |chunk| chunk.row(at))
    }

    /// Puts chunks in the place of those from a row on, which is the first of a chunk.
    pub(super) fn set_rows(&mut self, first_row: usize, chunks: Vec<NotesChunk>) {
        let numbers = first_row / ROWS as usize..;
        for (number, chunk) in numbers.zip(chunks) {
            if !chunk.bytes.is_empty() || self.chunks.get(number).is_some() {
                *self.chunks.edit(number) = chunk;
            }
        }
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.chunks.shrink(|chunk| {
            fit(&mut chunk.bytes);
            chunk.ends.shrink();
        });
    }
}

fn split(row: u32) -> (usize, usize) {
    ((row / ROWS) as usize, (row % ROWS) as usize)
}

impl NotesChunk {
    fn bounds(&self, at: usize) -> (usize, usize) {
        let end_of = |at: usize| self.ends.get(at).unwrap_or(self.bytes.len());
        (at.checked_sub(1).map_or(0, end_of), end_of(at))
    }

    fn row(&self, at: usize) -> &[u8] {
        let (start, end) = self.bounds(at);
        self.bytes.get(start..end).unwrap_or_default()
    }

    fn found(&self, at: usize, tag: u8) -> Option<Found<'_>> {
        notes_of(self.row(at)).find(|found| found.tag == tag)
    }

    fn set(&mut self, at: usize, tag: u8, note: Option<&[u8]>) {
        let old = self.found(at, tag).map(|found| (found.start, found.end));
        let mut written = Vec::new();
        if let Some(note) = note {
            write_note(tag, note, &mut written);
        }
        let (start, end) = old.map_or((self.row(at).len(), None), |(start, end)| {
            (start, Some(end))
        });
        // Without an old note nothing gives way to the new one.
        self.splice(at, start, Some(end.unwrap_or(start)), &written);
    }

    /// Replaces bytes of a row, by their places among the row's; `None` for the end of the row.
    fn splice(&mut self, at: usize, from: usize, to: Option<usize>, bytes: &[u8]) {
        self.ends.grow(at + 1, self.bytes.len());
        let (start, end) = self.bounds(at);
        let (from, to) = (start + from, to.map_or(end, |to| start + to));
        self.bytes.splice(from..to, bytes.iter().copied());
        self.ends.shift(at, to - from, bytes.len());
    }
}

/// Writes the notes of rows that stand one behind the other, from the first of a chunk on.
#[derive(Default)]
pub(super) struct NotesWriter {
    done: Vec<NotesChunk>,
    /// Of the chunk that is being written.
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl NotesWriter {
    /// Adds what was noted of the row before; see [`Notes::of_row`].
    pub(super) fn copy(&mut self, notes: &[u8]) {
        self.bytes.extend_from_slice(notes);
    }

    /// Adds a note of the row, under a tag that it has none under.
    pub(super) fn add(&mut self, tag: u8, note: &[u8]) {
        if note.len() <= NOTE_BYTES_MAX {
            write_note(tag, note, &mut self.bytes);
        }
    }

    /// Goes on to the next row.
    pub(super) fn end_row(&mut self) {
        self.ends.push(self.bytes.len() as u32); // Buffers are far below 4 GB.
        if self.ends.len() == ROWS as usize {
            self.end_chunk();
        }
    }

    /// The chunks of all rows.
    pub(super) fn into_chunks(mut self) -> Vec<NotesChunk> {
        if !self.ends.is_empty() {
            self.end_chunk();
        }
        self.done
    }

    fn end_chunk(&mut self) {
        // Rows behind the last end have no notes.
        let last = self.bytes.len() as u32;
        let count = self.ends.partition_point(|end| *end < last);
        self.ends.truncate(if last == 0 { 0 } else { count + 1 });
        self.done.push(NotesChunk {
            bytes: self.bytes.as_slice().to_vec(),
            ends: Ends::of(&self.ends),
        });
        self.bytes.clear();
        self.ends.clear();
    }
}

/// The notes of one row.
fn notes_of(row: &[u8]) -> impl Iterator<Item = Found<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let tag = *row.get(start)?;
        let (length, from) = read_length(row, start + 1)?;
        let end = from + length;
        let found = Found {
            tag,
            bytes: row.get(from..end)?,
            start,
            end,
        };
        start = end;
        Some(found)
    })
}

fn write_note(tag: u8, note: &[u8], into: &mut Vec<u8>) {
    into.push(tag);
    write_length(note.len(), into);
    into.extend_from_slice(note);
}

/// Seven bits a byte, lowest first; the highest bit says that more follow.
fn write_length(mut length: usize, into: &mut Vec<u8>) {
    while length >= 0x80 {
        into.push(length as u8 | 0x80);
        length >>= 7;
    }
    into.push(length as u8);
}

/// A length, and where it ends.
fn read_length(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((length, at));
        }
        shift += 7;
        if shift > 21 {
            return None; // Longer than any note.
        }
    }
}

impl Heap for Notes {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.chunks.heap(parts)
    }
}

impl Heap for NotesChunk {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.bytes.heap(parts) + self.ends.heap(parts)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn note() -> impl Strategy<Value = Option<Vec<u8>>> {
        let lengths =
            prop_oneof![4 => 0..6usize, 1 => Just(127), 1 => Just(128), 1 => Just(20_000)];
        prop::option::weighted(0.7, lengths.prop_map(|length| vec![length as u8; length]))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn every_row_keeps_its_own_notes(
            edits in prop::collection::vec((0..130u32, 0..4u8, note()), 0..60),
            cleared in prop::collection::vec(0..130u32, 0..20),
        ) {
            let mut notes = Notes::default();
            let mut model: BTreeMap<(u32, u8), Vec<u8>> = BTreeMap::new();
            for (row, tag, note) in edits {
                notes.set(row, tag, note.as_deref());
                match note {
                    Some(note) => model.insert((row, tag), note),
                    None => model.remove(&(row, tag)),
                };
            }
            let is_kept = |notes: &Notes, model: &BTreeMap<(u32, u8), Vec<u8>>| {
                (0..140).all(|row| (0..5).all(|tag| notes.get(row, tag) == model.get(&(row, tag)).map(Vec::as_slice)))
            };
            prop_assert!(is_kept(&notes, &model));
            let (old, old_model) = (notes.clone(), model.clone());
            for row in cleared {
                notes.clear(row);
                model.retain(|(other, _), _| *other != row);
            }
            notes.shrink();
            prop_assert!(is_kept(&notes, &model));
            prop_assert!(is_kept(&old, &old_model), "a clone stays as it was");
        }
    }

    #[test]
    fn a_note_that_is_absurdly_long_is_not_kept() {
        let mut notes = Notes::default();
        notes.set(3, 1, Some(&[7; 10]));
        notes.set(3, 1, Some(&vec![0; NOTE_BYTES_MAX + 1]));
        assert_eq!(notes.get(3, 1), Some(&[7; 10][..]));
        let longest = vec![1; NOTE_BYTES_MAX];
        notes.set(3, 1, Some(&longest));
        assert_eq!(notes.get(3, 1), Some(&longest[..]));
    }
}
