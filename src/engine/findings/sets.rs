//! Who has a finding of a kind that holds: a set of rows for each kind.

use std::sync::Arc;

use crate::domain::finding::Placed as _;
use crate::engine::bits::Bits;
use crate::engine::chunked::CHUNK_ROWS;

use super::chunk::Chunk;
use super::verdicts::{Verdict, Verdicts};

/// The rows with a finding that holds, by kind.
pub(super) fn new_sets(chunks: &[Arc<Chunk>], verdicts: &Verdicts) -> [Bits; 16] {
    let mut rows: [Vec<u32>; 16] = std::array::from_fn(|_| Vec::new());
    let entries = chunks.iter().flat_map(|chunk| chunk.entries());
    let places: Vec<usize> = verdicts.all().map(place_of_kind).collect();
    for entry in entries.filter(|entry| entry.holds()) {
        let own = &mut rows[places[entry.verdict as usize]];
        // Somebody may have several of one kind.
        if own.last() != Some(&entry.row) {
            own.push(entry.row);
        }
    }
    rows.map(|rows| Bits::of_many(rows.into_iter()))
}

fn place_of_kind(verdict: &Verdict) -> usize {
    usize::from(verdict.kind.place())
}

/// The same, where only some rows may have changed.
pub(super) fn changed_sets(
    old: &[Bits; 16],
    chunks: &[Arc<Chunk>],
    verdicts: &Verdicts,
    touched: &Bits,
) -> [Bits; 16] {
    let mut sets = old.clone();
    for row in touched.iter() {
        let mut has = [false; 16];
        if let Some(chunk) = chunks.get(row as usize / CHUNK_ROWS) {
            let own = chunk.places_of(row);
            let own = own.filter_map(|place| chunk.entry(place));
            let own = own.filter(|entry| entry.holds());
            for verdict in own.filter_map(|entry| verdicts.get(entry.verdict)) {
                has[place_of_kind(verdict)] = true;
            }
        }
        for (set, has) in sets.iter_mut().zip(has) {
            match has {
                true => set.insert(row),
                false => set.remove(row),
            };
        }
    }
    sets
}
