//! Segments: writing one frame by frame, and reading it back, checked.
//!
//! A segment is what one run wrote of one collection. It only grows at its end, is never changed after
//! its run, and is invisible until a manifest names it. Its frames are cut into pieces of at most [`PIECE_BYTES_MAX`].

use std::ops::ControlFlow;

use uuid::Uuid;
use zstd::bulk::{Compressor, Decompressor};

use super::backend::{Batch, Direction, Key, Range, Table};
use super::envelope::{self, Kind};
use super::frames::{FactRef, FrameWriter, Row, compressor, decompressor, read_frame, small};
use super::keys::{self, SegmentKey};
use super::manifest::Segment;
use super::{Error, Store};

/// sled moves values above 128 KiB to files that it never gives back, and writes up to 17 values as
/// one; pieces of 4 kB stay far below.
const PIECE_BYTES_MAX: usize = 4_000;
/// How many pieces a batch holds: an eighth of a megabyte.
const BATCH_PIECES: usize = 32;

/// Writes a segment; holds at most one frame in memory.
pub(super) struct SegmentWriter {
    store: Store,
    key: SegmentKey,
    frame: FrameWriter,
    compressor: Compressor<'static>,
    hasher: blake3::Hasher,
    frames: u32,
    rows: u64,
    bytes: u64,
}

impl SegmentWriter {
    pub(super) fn new(store: &Store, key: SegmentKey) -> Result<Self, Error> {
        Ok(Self {
            store: store.clone(),
            frame: FrameWriter::new(key.collection),
            compressor: compressor()?,
            hasher: blake3::Hasher::new(),
            frames: 0,
            rows: 0,
            bytes: 0,
            key,
        })
    }

    /// Which segment.
    pub(super) fn key(&self) -> &SegmentKey {
        &self.key
    }

    /// Adds a fact of the segment's collection.
    pub(super) fn put(&mut self, fact: FactRef<'_>) -> Result<(), Error> {
        self.frame.put(fact)?;
        self.write_if_full()
    }

    /// Adds the removal of a fact.
    pub(super) fn remove(&mut self, id: Uuid) -> Result<(), Error> {
        self.frame.remove(id);
        self.write_if_full()
    }

    /// Writes what was added since the last frame; the segment as it is then. `None` when nothing was
    /// ever added. Not durable yet.
    pub(super) fn flush(&mut self) -> Result<Option<Segment>, Error> {
        if self.frame.rows() > 0 {
            self.write_frame()?;
        }
        Ok((self.rows > 0).then(|| Segment {
            key: self.key.clone(),
            frames: self.frames,
            rows: self.rows,
            bytes: self.bytes,
            digest: *self.hasher.finalize().as_bytes(),
        }))
    }

    fn write_if_full(&mut self) -> Result<(), Error> {
        if self.frame.is_full() {
            self.write_frame()
        } else {
            Ok(())
        }
    }

    fn write_frame(&mut self) -> Result<(), Error> {
        let rows = self.frame.rows() as u64;
        let bytes = self.frame.take(&mut self.compressor)?;
        let length = bytes.len() as u64;
        self.hasher.update(&length.to_le_bytes());
        self.hasher.update(&bytes);
        for (batch, pieces) in bytes.chunks(PIECE_BYTES_MAX * BATCH_PIECES).enumerate() {
            let first = batch.saturating_mul(BATCH_PIECES);
            self.write_pieces(first, pieces)?;
        }
        self.frames = self.frames.saturating_add(1);
        self.rows = self.rows.saturating_add(rows);
        self.bytes = self.bytes.saturating_add(length);
        Ok(())
    }

    fn write_pieces(&self, first: usize, bytes: &[u8]) -> Result<(), Error> {
        let mut batch = Batch::default();
        for (index, piece) in bytes.chunks(PIECE_BYTES_MAX).enumerate() {
            let number = small(first.saturating_add(index));
            let key = keys::block(&self.key, self.frames, number);
            let value = envelope::seal(&key, Kind::Block, piece);
            batch.put(key, value);
        }
        self.store.inner.backend.write(batch)
    }
}

/// Reads segments; keeps what unfolds frames.
pub(super) struct SegmentReader<'a> {
    store: &'a Store,
    decompressor: Decompressor<'static>,
}

impl<'a> SegmentReader<'a> {
    pub(super) fn new(store: &'a Store) -> Result<Self, Error> {
        Ok(Self {
            store,
            decompressor: decompressor()?,
        })
    }

    /// Reads all bytes of a segment and compares them to its counts and its digest.
    pub(super) fn verify(&self, segment: &Segment) -> Result<(), Error> {
        self.check(segment).map_err(|error| name(segment, error))
    }

    fn check(&self, segment: &Segment) -> Result<(), Error> {
        let mut hasher = blake3::Hasher::new();
        let mut bytes: u64 = 0;
        for number in 0..segment.frames {
            let frame = self.frame_bytes(&segment.key, number)?;
            hasher.update(&(frame.len() as u64).to_le_bytes());
            hasher.update(&frame);
            bytes = bytes.saturating_add(frame.len() as u64);
        }
        if bytes != segment.bytes || *hasher.finalize().as_bytes() != segment.digest {
            return Err(Error::Damaged(format!(
                "{bytes} bytes where {} were written, or others",
                segment.bytes
            )));
        }
        Ok(())
    }

    /// The rows of a frame.
    pub(super) fn rows(&mut self, segment: &Segment, number: u32) -> Result<Vec<Row>, Error> {
        let bytes = self.frame_bytes(&segment.key, number);
        let rows = bytes
            .and_then(|bytes| read_frame(segment.key.collection, &bytes, &mut self.decompressor));
        rows.map_err(|error| name(segment, error))
    }

    /// The pieces of a frame, put together.
    fn frame_bytes(&self, segment: &SegmentKey, number: u32) -> Result<Vec<u8>, Error> {
        let range = keys::frame(segment, number);
        let mut bytes = Vec::new();
        let mut next_piece: u32 = 0;
        let mut problem = None;
        self.store
            .inner
            .backend
            .scan(&range, Direction::Ascending, &mut |found, value| {
                let key = keys::block(segment, number, next_piece);
                let piece = if key.bytes == found {
                    envelope::open_block(&key, value)
                } else {
                    Err(Error::Damaged(format!(
                        "piece {next_piece} of frame {number} is missing"
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
            })?;
        match problem {
            Some(error) => Err(error),
            None if next_piece == 0 => Err(Error::Damaged(format!("frame {number} is missing"))),
            None => Ok(bytes),
        }
    }
}

/// Says what is damaged.
fn name(segment: &Segment, error: Error) -> Error {
    let SegmentKey {
        tenant,
        collection,
        run,
        ..
    } = &segment.key;
    match error {
        Error::Damaged(what) => Error::Damaged(format!(
            "tenant {tenant}, dataset {}, run {run}: {what}",
            collection.name()
        )),
        other => other,
    }
}

impl Store {
    /// The segments of which anything is stored within a range of blocks, named by a manifest or
    /// not. Jumps from one to the next, so it reads few keys of each.
    pub(super) fn stored_segments(&self, range: &Range) -> Result<Vec<SegmentKey>, Error> {
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
