//! Short segments, among the values of the engine: a frame cut into pieces of at most
//! [`PIECE_BYTES_MAX`].
//!
//! A run touches some thirty collections, most of them by a few rows. A file for each would cost a
//! call to the disk that waits, and a page of the file system; a value costs neither.

use std::ops::ControlFlow;

use super::backend::{Batch, Direction, Key, Range, Table};
use super::envelope::{self, Kind};
use super::frames::small;
use super::keys::{self, SegmentKey};
use super::{Error, Store};

/// sled moves values above 128 KiB to files that it never gives back, and writes up to 17 values as
/// one; pieces of 4 kB stay far below.
const PIECE_BYTES_MAX: usize = 4_000;
/// How many pieces a batch holds: an eighth of a megabyte.
const BATCH_PIECES: usize = 32;

impl Store {
    /// Writes a frame of a segment. Not durable yet.
    pub(super) fn write_blocks(
        &self,
        segment: &SegmentKey,
        frame: u32,
        bytes: &[u8],
    ) -> Result<(), Error> {
        for (first, pieces) in bytes.chunks(PIECE_BYTES_MAX * BATCH_PIECES).enumerate() {
            let first = first.saturating_mul(BATCH_PIECES);
            let mut batch = Batch::default();
            for (index, piece) in pieces.chunks(PIECE_BYTES_MAX).enumerate() {
                let key = keys::block(segment, frame, small(first.saturating_add(index)));
                let value = envelope::seal(&key, Kind::Block, piece);
                batch.put(key, value);
            }
            self.inner.backend.write(batch)?;
        }
        Ok(())
    }

    /// The pieces of a frame, put together.
    pub(super) fn read_blocks(&self, segment: &SegmentKey, frame: u32) -> Result<Vec<u8>, Error> {
        let range = keys::frame(segment, frame);
        let mut bytes = Vec::new();
        let mut next_piece: u32 = 0;
        let mut problem = None;
        let mut visit = |found: &[u8], value: &[u8]| {
            let key = keys::block(segment, frame, next_piece);
            let piece = if key.bytes == found {
                envelope::open_block(&key, value)
            } else {
                Err(Error::Damaged(format!(
                    "piece {next_piece} of frame {frame} is missing"
                )))
            };
            match piece {
                Ok(piece) => bytes.extend_from_slice(piece),
                Err(error) => {
                    problem = Some(error);
                    return ControlFlow::Break(());
                }
            }
            next_piece = next_piece.saturating_add(1);
            ControlFlow::Continue(())
        };
        self.inner
            .backend
            .scan(&range, Direction::Ascending, &mut visit)?;
        match problem {
            Some(error) => Err(error),
            None if next_piece == 0 => Err(Error::Damaged(format!("frame {frame} is missing"))),
            None => Ok(bytes),
        }
    }

    /// The segments of which there are any blocks within a range, named by a manifest or not. Jumps
    /// from one to the next, so it reads few keys of each.
    pub(super) fn segments_in_blocks(&self, range: &Range) -> Result<Vec<SegmentKey>, Error> {
        let mut found = Vec::new();
        let mut rest = range.clone();
        while let Some(Key { bytes, .. }) = self.keys_in(&rest, 1)?.pop() {
            let Some((segment, _, _)) = keys::block_of(&bytes) else {
                return Err(Error::Damaged("a block under no key of ours".to_owned()));
            };
            let Some(behind) = keys::segment(&segment).until else {
                break;
            };
            rest = Range {
                table: Table::Block,
                from: behind,
                until: range.until.clone(),
            };
            found.push(segment);
        }
        Ok(found)
    }
}
