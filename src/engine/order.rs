//! Rows in a sorted order, in short chunks that indexes share.
//!
//! The list does not know what it is sorted by: whoever searches it compares rows with what is
//! looked for.

use std::cmp::Ordering;
use std::sync::Arc;

use super::chunked::Chunks;
use super::heap::{Heap, Parts};

/// A chunk that grows past this is cut in two.
const CHUNK_MAX: usize = 1024;
/// How full chunks are made, so that the next rows find room.
const CHUNK_FILL: usize = 768;
/// A chunk that shrinks below this joins its neighbor.
const CHUNK_MIN: usize = 256;

/// Rows in order.
#[derive(Clone, Default)]
pub(super) struct SortedRows {
    /// None is empty.
    chunks: Chunks<Vec<u32>>,
}

/// A place between two rows. The end of a chunk is the beginning of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    chunk: usize,
    offset: usize,
}

impl SortedRows {
    /// The list of rows that are in order already.
    pub(super) fn from_sorted(rows: &[u32]) -> Self {
        Self {
            chunks: rows.chunks(CHUNK_FILL).map(<[u32]>::to_vec).collect(),
        }
    }

    /// Before the first row.
    pub(super) fn start(&self) -> Place {
        Place {
            chunk: 0,
            offset: 0,
        }
    }

    /// Behind the last row.
    pub(super) fn end(&self) -> Place {
        Place {
            chunk: self.chunks.len(),
            offset: 0,
        }
    }

    /// The place before which `is_before` holds for every row, and behind which for none.
    pub(super) fn partition(&self, mut is_before: impl FnMut(u32) -> bool) -> Place {
        let (mut low, mut high) = (0, self.chunks.len());
        while low < high {
            let middle = low.midpoint(high);
            let last = self.chunks.get(middle).and_then(|rows| rows.last());
            if last.is_some_and(|row| is_before(*row)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let offset = self
            .chunks
            .get(low)
            .map_or(0, |rows| rows.partition_point(|row| is_before(*row)));
        Place { chunk: low, offset }
    }

    /// The place behind the row that is behind a place.
    pub(super) fn after(&self, place: Place) -> Place {
        let length = self.chunks.get(place.chunk).map_or(0, Vec::len);
        if place.offset + 1 < length {
            Place {
                offset: place.offset + 1,
                ..place
            }
        } else {
            Place {
                chunk: (place.chunk + 1).min(self.chunks.len()),
                offset: 0,
            }
        }
    }

    /// The place before the row that is before a place.
    pub(super) fn before(&self, place: Place) -> Place {
        if let Some(offset) = place.offset.checked_sub(1) {
            return Place { offset, ..place };
        }
        let chunk = place.chunk.saturating_sub(1);
        let length = self.chunks.get(chunk).map_or(0, Vec::len);
        let offset = if place.chunk == 0 {
            0
        } else {
            length.saturating_sub(1)
        };
        Place { chunk, offset }
    }

    /// How many rows are between two places.
    pub(super) fn distance(&self, from: Place, to: Place) -> usize {
        if to <= from {
            return 0;
        }
        let length = |index: usize| self.chunks.get(index).map_or(0, Vec::len);
        let whole: usize = (from.chunk..to.chunk).map(length).sum();
        whole + to.offset - from.offset
    }

    /// The row behind a place.
    pub(super) fn row_behind(&self, place: Place) -> Option<u32> {
        self.chunks.get(place.chunk)?.get(place.offset).copied()
    }

    /// The row before a place.
    pub(super) fn row_before(&self, place: Place) -> Option<u32> {
        match place.offset.checked_sub(1) {
            Some(offset) => self.chunks.get(place.chunk)?.get(offset).copied(),
            None => self
                .chunks
                .get(place.chunk.checked_sub(1)?)?
                .last()
                .copied(),
        }
    }

    /// The rows between two places, either way around.
    pub(super) fn between(&self, from: Place, to: Place) -> impl DoubleEndedIterator<Item = u32> {
        let chunks = from.chunk..to.chunk.saturating_add(1).max(from.chunk);
        chunks.flat_map(move |index| {
            let rows = self.chunks.get(index).map_or(&[][..], Vec::as_slice);
            let end = if index == to.chunk {
                to.offset
            } else {
                rows.len()
            };
            let start = if index == from.chunk { from.offset } else { 0 };
            rows.get(start..end).unwrap_or_default().iter().copied()
        })
    }

    /// Takes a row out; `compare` says how a row of the list stands to it.
    pub(super) fn remove(&mut self, row: u32, mut compare: impl FnMut(u32) -> Ordering) {
        let place = self.partition(|other| compare(other).is_lt());
        if self.row_behind(place) != Some(row) {
            return;
        }
        let chunk = self.chunks.edit(place.chunk);
        chunk.remove(place.offset);
        if chunk.len() < CHUNK_MIN {
            self.join(place.chunk);
        }
    }

    /// Puts a row where it belongs; `compare` says how a row of the list stands to it.
    pub(super) fn insert(&mut self, row: u32, mut compare: impl FnMut(u32) -> Ordering) {
        let mut place = self.partition(|other| compare(other).is_lt());
        if place.chunk == self.chunks.len() && place.chunk > 0 {
            // Behind the last row: the last chunk grows.
            place.chunk -= 1;
            place.offset = self.chunks.get(place.chunk).map_or(0, Vec::len);
        }
        let chunk = self.chunks.edit(place.chunk);
        chunk.insert(place.offset, row);
        if chunk.len() > CHUNK_MAX {
            let behind = chunk.split_off(CHUNK_MAX / 2);
            self.chunks
                .list_mut()
                .insert(place.chunk + 1, Arc::new(behind));
        }
    }

    /// Joins a short chunk with a neighbor where both fit in one; drops it when it is empty.
    fn join(&mut self, index: usize) {
        let length = |index: usize| self.chunks.get(index).map_or(0, Vec::len);
        if length(index) == 0 {
            self.chunks.list_mut().remove(index);
            return;
        }
        let first = if index + 1 < self.chunks.len() {
            index
        } else {
            index.saturating_sub(1)
        };
        let fits = length(first) + length(first + 1) <= CHUNK_FILL;
        if first + 1 < self.chunks.len() && fits {
            let behind = self.chunks.list_mut().remove(first + 1);
            self.chunks.edit(first).extend_from_slice(&behind);
        }
    }
}

impl Heap for SortedRows {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.chunks.heap(parts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(rows: &SortedRows) -> Vec<u32> {
        rows.between(rows.start(), rows.end()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]

        #[test]
        fn rows_stay_in_order_while_chunks_are_cut_and_joined(
            bulk in 0..4000u32,
            added in prop::collection::btree_set(0..9000u32, 0..1500),
            kept in 0..10u32,
        ) {
            let start: Vec<u32> = (0..bulk).map(|row| row * 2).collect();
            let mut rows = SortedRows::from_sorted(&start);
            let mut model: std::collections::BTreeSet<u32> = start.into_iter().collect();
            for row in added {
                if model.insert(row) {
                    rows.insert(row, |other| other.cmp(&row));
                }
            }
            prop_assert_eq!(all(&rows), model.iter().copied().collect::<Vec<_>>());
            for row in model.clone() {
                if row % 10 >= kept && model.remove(&row) {
                    rows.remove(row, |other| other.cmp(&row));
                    rows.remove(row, |other| other.cmp(&row));
                }
            }
            let expected: Vec<u32> = model.iter().copied().collect();
            prop_assert_eq!(all(&rows), &expected[..]);
            prop_assert!(rows.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK_MAX));
            let most = expected.len() / (CHUNK_MIN / 2) + 2;
            prop_assert!(rows.chunks.len() <= most, "{} chunks", rows.chunks.len());
            let (from, to) = (rows.partition(|row| row < 500), rows.partition(|row| row <= 6000));
            let between: Vec<u32> = model.range(500..=6000).copied().collect();
            prop_assert_eq!(rows.distance(from, to), between.len());
            prop_assert_eq!(rows.between(from, to).collect::<Vec<_>>(), &between[..]);
            prop_assert_eq!(rows.between(from, to).rev().collect::<Vec<_>>(), between.iter().rev().copied().collect::<Vec<_>>());
            prop_assert_eq!(rows.row_behind(from), model.range(500..).next().copied());
            prop_assert_eq!(rows.row_before(from), model.range(..500).next_back().copied());
            prop_assert_eq!(rows.distance(to, from), 0);
            if from > to || between.is_empty() {
                prop_assert_eq!(rows.between(to, from).count(), 0);
            }
        }
    }

    #[test]
    fn an_edit_copies_one_chunk() {
        let old = SortedRows::from_sorted(&(0..100_000).map(|row| row * 2).collect::<Vec<_>>());
        let mut new = old.clone();
        new.insert(77_777, |other| other.cmp(&77_777));
        let pairs = old.chunks.iter().zip(new.chunks.iter());
        let copied = pairs.filter(|(old, new)| !std::ptr::eq(*old, *new)).count();
        assert_eq!(copied, 1);
    }
}
