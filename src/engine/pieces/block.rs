//! The pieces of the texts of one block of rows.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use memchr::memmem::Finder;

use crate::engine::bits::Words;
use crate::engine::chunked::CHUNK_ROWS;
use crate::engine::fit::fit;
use crate::engine::heap::{Heap, Parts};
use crate::engine::texts::TextChunk;

use super::cut::{Kind, Pieces};
use super::wanted::{Part, has_word};

/// Pieces of a group: about as many as fit a cache line.
const GROUP_PIECES: usize = 8;
/// Groups are counted in two bytes.
const GROUPS_MAX: usize = 1 << 16;
/// A piece of more than one row in so many has a bit for every row: that is smaller than the list.
const DENSE_SHARE: usize = 16;
/// Bytes of a needle by which groups are found.
const GRAM: usize = 3;
/// Bits of the hash of a gram.
const GRAM_BITS: std::ops::RangeInclusive<u32> = 4..=12;
/// Entries of a gram's bucket on average.
const BUCKET_FILL: usize = 8;

/// Every distinct piece of a block of rows, and the rows of each.
#[derive(Clone, Default)]
pub(in crate::engine) struct PieceBlock {
    /// The pieces in order, each behind the byte of its kind.
    text: Vec<u8>,
    /// Where each group of pieces begins, and where the last ends.
    groups: Vec<u32>,
    group_pieces: usize,
    /// Where the rows of each piece end; a piece without any is dense.
    ends: Vec<u32>,
    /// The rows of each piece, in order.
    rows: Vec<u16>,
    /// The pieces whose rows are bits, in order.
    dense: Vec<u32>,
    /// Their bits, `words` for each.
    bits: Vec<u64>,
    /// Words that have a bit for every row.
    words: usize,
    /// The rows that have a text.
    present: Vec<u64>,
    /// How far the hash of a gram is shifted to give its bucket.
    gram_shift: u32,
    /// Where the groups of each bucket end.
    bucket_ends: Vec<u32>,
    /// The groups that have a gram of the bucket.
    bucket_groups: Vec<u16>,
}

/// Pieces as they are met, row by row.
#[derive(Default)]
struct Met<'a> {
    numbers: HashMap<(Kind, &'a str), u32, FixedState>,
    pieces: Vec<Counted<'a>>,
    /// Piece and row, by row.
    places: Vec<(u32, u16)>,
}

struct Counted<'a> {
    kind: Kind,
    text: &'a str,
    rows: u32,
    last: u32,
}

impl<'a> Met<'a> {
    fn take(&mut self, row: u32, text: &'a str) {
        for (kind, text) in Pieces::new(text) {
            let number = *self.numbers.entry((kind, text)).or_insert_with(|| {
                self.pieces.push(Counted {
                    kind,
                    text,
                    rows: 0,
                    last: u32::MAX,
                });
                self.pieces.len() as u32 - 1 // Fewer than bytes of a block, which are below 2^32.
            });
            let piece = &mut self.pieces[number as usize];
            if piece.last != row {
                piece.last = row;
                piece.rows += 1;
                self.places.push((number, row as u16)); // Rows of a block are below 2^16.
            }
        }
    }
}

impl PieceBlock {
    /// The index of a block's chunks, which come in order.
    pub(in crate::engine) fn of(chunks: &[&TextChunk]) -> Self {
        let mut lower = vec![String::new(); chunks.len()];
        for (chunk, lower) in chunks.iter().zip(&mut lower) {
            chunk.lower(lower);
        }
        let words = chunks.len() * CHUNK_ROWS / 64;
        let mut met = Met::default();
        let mut present = vec![0; words];
        for ((chunk, lower), first) in chunks.iter().zip(&lower).zip((0..).step_by(CHUNK_ROWS)) {
            for at in 0..CHUNK_ROWS {
                if let Some(text) = chunk.folded(at, lower) {
                    set(&mut present, first + at);
                    met.take((first + at) as u32, text); // Below 2^16.
                }
            }
        }
        Self::arranged(met, present)
    }

    fn arranged(met: Met<'_>, present: Vec<u64>) -> Self {
        let mut order: Vec<u32> = (0..met.pieces.len() as u32).collect();
        order.sort_unstable_by_key(|number| {
            let piece = &met.pieces[*number as usize];
            (piece.kind, piece.text)
        });
        let mut block = Self {
            group_pieces: GROUP_PIECES.max(order.len().div_ceil(GROUPS_MAX)),
            words: present.len(),
            present,
            ..Self::default()
        };
        // Where the next row of a piece goes, by number: in `rows`, or bits in `bits`.
        let mut next = vec![0; order.len()];
        let mut end = 0;
        for (place, number) in (0..).zip(&order) {
            let piece = &met.pieces[*number as usize];
            if (place as usize).is_multiple_of(block.group_pieces) {
                block.groups.push(block.text.len() as u32); // Bytes of a block are below 2^32.
            }
            block.text.push(piece.kind.byte());
            block.text.extend_from_slice(piece.text.as_bytes());
            if piece.rows as usize * DENSE_SHARE > block.words * 64 {
                next[*number as usize] = block.dense.len() as u32;
                block.dense.push(place);
            } else {
                next[*number as usize] = end;
                end += piece.rows;
            }
            block.ends.push(end);
        }
        block.groups.push(block.text.len() as u32);
        block.rows = vec![0; end as usize];
        block.bits = vec![0; block.dense.len() * block.words];
        for (number, row) in &met.places {
            let piece = &met.pieces[*number as usize];
            let next = &mut next[*number as usize];
            if piece.rows as usize * DENSE_SHARE > block.words * 64 {
                let first = *next as usize * block.words;
                set(&mut block.bits[first..], usize::from(*row));
            } else {
                block.rows[*next as usize] = *row;
                *next += 1;
            }
        }
        block.find_grams();
        fit(&mut block.text);
        fit(&mut block.groups);
        fit(&mut block.ends);
        fit(&mut block.dense);
        block
    }

    /// Sorts the groups by the grams that they have.
    fn find_grams(&mut self) {
        let mut found: Vec<(u32, u16)> = Vec::new();
        let mut of_group: Vec<u32> = Vec::new();
        for (group, range) in (0..).zip(self.groups.windows(2)) {
            let text = &self.text[range[0] as usize..range[1] as usize];
            let grams = text
                .windows(GRAM)
                .filter(|gram| !gram.iter().any(|byte| Kind::is_byte(*byte)));
            of_group.clear();
            of_group.extend(grams.map(hash));
            of_group.sort_unstable();
            of_group.dedup();
            found.extend(of_group.iter().map(|hash| (*hash, group)));
        }
        let wanted = (found.len() / BUCKET_FILL).max(1).ilog2();
        self.gram_shift = u32::BITS - wanted.clamp(*GRAM_BITS.start(), *GRAM_BITS.end());
        for (hash, _) in &mut found {
            *hash >>= self.gram_shift;
        }
        found.sort_unstable();
        found.dedup();
        self.bucket_ends = vec![0; 1 << (u32::BITS - self.gram_shift)];
        for (bucket, _) in &found {
            self.bucket_ends[*bucket as usize] += 1;
        }
        let mut end = 0;
        for bucket in &mut self.bucket_ends {
            end += *bucket;
            *bucket = end;
        }
        self.bucket_groups = found.into_iter().map(|(_, group)| group).collect();
    }

    /// Adds the rows that have a text.
    pub(super) fn add_present(&self, met: &mut Words) {
        add_words(&self.present, met);
    }

    /// Adds the rows that have a piece like this.
    pub(super) fn add(&self, part: &Part, met: &mut Words) {
        match part {
            Part::Prefix(start) => self.each_from(start, |piece, bytes| {
                let is_one = bytes.starts_with(start);
                if is_one {
                    self.add_rows(piece, met);
                }
                is_one
            }),
            Part::Whole(wanted) => self.each_from(wanted, |piece, bytes| {
                if bytes == wanted {
                    self.add_rows(piece, met);
                }
                false
            }),
            Part::Inside(finder) => self.each_with(finder, |piece, _| self.add_rows(piece, met)),
            Part::Suffix(finder) => self.each_with(finder, |piece, bytes| {
                if bytes.ends_with(finder.needle()) {
                    self.add_rows(piece, met);
                }
            }),
            Part::DomainWord(finder) => {
                let visit = |piece, bytes: &[u8]| {
                    if let Some((kind, text)) = bytes.split_first()
                        && *kind == Kind::Domain.byte()
                        && has_word(text, finder.needle())
                    {
                        self.add_rows(piece, met);
                    }
                };
                self.each_domain_with(finder, visit);
            }
        }
    }

    fn add_rows(&self, piece: usize, met: &mut Words) {
        let start = piece.checked_sub(1).map_or(0, |before| self.ends[before]);
        let rows = &self.rows[start as usize..self.ends[piece] as usize];
        if rows.is_empty() {
            let place = self
                .dense
                .partition_point(|dense| (*dense as usize) < piece);
            add_words(&self.bits[place * self.words..][..self.words], met);
        }
        for row in rows {
            met[usize::from(row >> 6)] |= 1 << (row & 63);
        }
    }

    /// Visits pieces in order, from the first that is not below `start` on, until one is not wanted.
    fn each_from(&self, start: &[u8], mut is_wanted: impl FnMut(usize, &[u8]) -> bool) {
        let firsts = &self.groups[..self.groups.len().saturating_sub(1)];
        let behind = firsts.partition_point(|at| self.piece_at(*at as usize) < start);
        let group = behind.saturating_sub(1);
        let mut at = firsts.get(group).map_or(0, |at| *at as usize);
        let mut piece = group * self.group_pieces;
        while at < self.text.len() {
            let bytes = self.piece_at(at);
            if bytes >= start && !is_wanted(piece, bytes) {
                return;
            }
            at += bytes.len();
            piece += 1;
        }
    }

    /// Visits every piece that has a needle inside, which is not empty.
    fn each_with(&self, finder: &Finder<'_>, mut visit: impl FnMut(usize, &[u8])) {
        if let &[byte] = finder.needle() {
            // Most pieces have it: looking from one to the next costs more than walking.
            return self.each_from(&[], |piece, bytes| {
                if bytes.contains(&byte) {
                    visit(piece, bytes);
                }
                true
            });
        }
        let Some(groups) = self.groups_with(finder.needle()) else {
            return self.search(0, self.text.len(), 0, finder, &mut visit);
        };
        for group in groups.iter().map(|group| usize::from(*group)) {
            let (from, to) = (self.groups[group], self.groups[group + 1]);
            self.search(from as usize, to as usize, group, finder, &mut visit);
        }
    }

    /// The same for domains, though others may be visited too.
    fn each_domain_with(&self, finder: &Finder<'_>, mut visit: impl FnMut(usize, &[u8])) {
        if finder.needle().len() >= GRAM {
            return self.each_with(finder, visit);
        }
        // The kind of domains is the last.
        self.each_from(&[Kind::Domain.byte()], |piece, bytes| {
            visit(piece, bytes);
            true
        });
    }

    /// The groups that may have a needle inside; `None` where no gram tells.
    fn groups_with(&self, needle: &[u8]) -> Option<&[u16]> {
        let of_gram = |gram| {
            let bucket = (hash(gram) >> self.gram_shift) as usize;
            let start = bucket
                .checked_sub(1)
                .map_or(0, |before| self.bucket_ends[before]);
            &self.bucket_groups[start as usize..self.bucket_ends[bucket] as usize]
        };
        needle
            .windows(GRAM)
            .map(of_gram)
            .min_by_key(|groups| groups.len())
    }

    /// Visits every piece between two places of the text that has a needle inside. The first place is
    /// where a group begins.
    fn search(
        &self,
        from: usize,
        to: usize,
        mut group: usize,
        finder: &Finder<'_>,
        visit: &mut impl FnMut(usize, &[u8]),
    ) {
        let (mut piece, mut start, mut at) = (group * self.group_pieces, from, from);
        while let Some(found) = finder.find(&self.text[at..to]) {
            let found = at + found;
            if self.groups[group + 1] as usize <= found {
                while self.groups[group + 1] as usize <= found {
                    group += 1;
                }
                (piece, start) = (group * self.group_pieces, self.groups[group] as usize);
            }
            for (behind, byte) in (start + 1..).zip(&self.text[start + 1..found]) {
                if Kind::is_byte(*byte) {
                    (piece, start) = (piece + 1, behind);
                }
            }
            let bytes = self.piece_at(start);
            visit(piece, bytes);
            at = start + bytes.len();
        }
    }

    /// The piece that begins at a place of the text, behind the byte of its kind.
    fn piece_at(&self, at: usize) -> &[u8] {
        let rest = self.text.get(at + 1..).unwrap_or_default();
        let length = rest.iter().position(|byte| Kind::is_byte(*byte));
        &self.text[at..at + 1 + length.unwrap_or(rest.len())]
    }
}

fn hash(gram: &[u8]) -> u32 {
    let number = gram
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte));
    number.wrapping_mul(0x9e37_79b1)
}

fn set(words: &mut [u64], at: usize) {
    words[at / 64] |= 1 << (at % 64);
}

fn add_words(words: &[u64], met: &mut Words) {
    for (met, word) in met.iter_mut().zip(words) {
        *met |= word;
    }
}

impl Heap for PieceBlock {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.text.heap(parts)
            + self.groups.heap(parts)
            + self.ends.heap(parts)
            + self.rows.heap(parts)
            + self.dense.heap(parts)
            + self.bits.heap(parts)
            + self.present.heap(parts)
            + self.bucket_ends.heap(parts)
            + self.bucket_groups.heap(parts)
    }
}
