//! Segments: writing one frame by frame, and reading it back, checked.
//!
//! A segment is what one run wrote of one collection. It only grows at its end, is never changed after
//! its run, and is invisible until a manifest names it. A short one is in blocks among the values of
//! the engine; one that grows longer is in a file of its own from then on.
//!
//! In a file, every frame has a head: its length and its digest. The digest of the segment is that of
//! the heads, so a segment is known to be whole when its heads were read and each frame was compared
//! to its own as it was read: nothing is read twice, and frames are read in any order.

use std::cell::RefCell;
use std::sync::Arc;

use uuid::Uuid;
use zstd::bulk::{Compressor, Decompressor};

use super::frames::{
    FactRef, FrameWriter, Id, TakeRow, compressor, decompressor, read_frame, small,
};
use super::ids::{IdList, ListWriter, Listed};
use super::keys::{self, SegmentKey};
use super::manifest::{Place, Segment};
use super::naming::Naming;
use super::{Error, Store, Table};
use crate::domain::ids::TenantKey;

/// What is kept where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// The longest segment that is kept in blocks.
    pub(super) blocks_bytes_max: u64,
    /// A frame of fewer rows keeps its ids: a list would cost a file.
    pub(super) listed_rows_min: usize,
}

impl Layout {
    /// What a run of a small change writes stays in blocks; a hundredth of 100,000 users does not.
    pub(super) const STANDARD: Self = Self {
        blocks_bytes_max: 16 << 10,
        listed_rows_min: 1_024,
    };
}

/// The bytes before a frame in a file: its length, its blake3.
const HEAD_BYTES: usize = 4 + DIGEST_BYTES;
const DIGEST_BYTES: usize = 32;

/// Writes a segment; holds at most one frame in memory.
pub(super) struct SegmentWriter {
    store: Store,
    key: SegmentKey,
    frame: FrameWriter,
    compressor: Compressor<'static>,
    naming: Naming,
    written: Written,
    frames: u32,
    rows: u64,
    unlisted: u64,
    bytes: u64,
}

/// What was written.
enum Written {
    /// To blocks: these frames.
    Blocks(Vec<Vec<u8>>),
    File(FramedFile),
}

/// A file of frames that is written.
#[derive(Default)]
pub(super) struct FramedFile {
    written: u64,
    /// Of the heads so far.
    heads: Box<blake3::Hasher>,
}

impl FramedFile {
    /// Adds a frame.
    pub(super) fn append(
        &mut self,
        store: &Store,
        key: &SegmentKey,
        frame: &[u8],
    ) -> Result<(), Error> {
        let mut bytes = small(frame.len()).to_le_bytes().to_vec();
        bytes.extend_from_slice(blake3::hash(frame).as_bytes());
        self.heads.update(&bytes);
        bytes.extend_from_slice(frame);
        store.inner.backend.append(key, self.written, &bytes)?;
        self.written = self.written.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// The digest of its segment, as far as it is written.
    pub(super) fn digest(&self) -> [u8; 32] {
        *self.heads.finalize().as_bytes()
    }
}

impl SegmentWriter {
    pub(super) fn new(store: &Store, key: SegmentKey, naming: Naming) -> Result<Self, Error> {
        Ok(Self {
            store: store.clone(),
            frame: FrameWriter::new(key.collection),
            compressor: compressor()?,
            naming,
            written: Written::Blocks(Vec::new()),
            frames: 0,
            rows: 0,
            unlisted: 0,
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
        let (place, digest) = match &self.written {
            Written::Blocks(frames) => (Place::Blocks, digest_of_frames(frames)),
            Written::File(file) => (Place::File, file.digest()),
        };
        let list = match &self.naming {
            Naming::Whole => None,
            Naming::Listed(listed) => Some(listed.list().clone()),
            Naming::Listing(list) => list.segment(),
        };
        Ok((self.rows > 0).then(|| Segment {
            key: self.key.clone(),
            place,
            frames: self.frames,
            rows: self.rows,
            bytes: self.bytes,
            digest,
            list: list.map(Box::new),
            unlisted: self.unlisted,
        }))
    }

    /// The list that is written beside this segment, with all that was added to it.
    pub(super) fn list(&mut self) -> Result<Option<&ListWriter>, Error> {
        self.flush()?;
        match &self.naming {
            Naming::Listing(list) => Ok(Some(list)),
            Naming::Whole | Naming::Listed(_) => Ok(None),
        }
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
        let unlisted = match &mut self.naming {
            Naming::Listed(listed) => self.frame.list_ids(&mut listed.finder()),
            Naming::Listing(list)
                if self.frame.rows() >= self.store.inner.layout.listed_rows_min =>
            {
                let unlisted = self.frame.list_ids(&mut list.appender());
                list.write(&self.store)?;
                unlisted
            }
            Naming::Whole | Naming::Listing(_) => self.frame.rows(),
        };
        let frame = self.frame.take(&mut self.compressor)?;
        let bytes = self.bytes.saturating_add(frame.len() as u64);
        if let Written::Blocks(frames) = &mut self.written
            && bytes > self.store.inner.layout.blocks_bytes_max
        {
            // What is in blocks stays there as long as a checkpoint names it.
            let frames = std::mem::take(frames);
            self.written = Written::File(FramedFile::default());
            frames.iter().try_for_each(|frame| self.write(frame))?;
        }
        self.write(&frame)?;
        if let Written::Blocks(frames) = &mut self.written {
            frames.push(frame);
        }
        self.frames = self.frames.saturating_add(1);
        self.rows = self.rows.saturating_add(rows);
        self.unlisted = self.unlisted.saturating_add(unlisted as u64);
        self.bytes = bytes;
        Ok(())
    }

    /// Writes a frame to where the segment is.
    fn write(&mut self, frame: &[u8]) -> Result<(), Error> {
        match &mut self.written {
            Written::Blocks(_) => self.store.write_blocks(&self.key, self.frames, frame),
            Written::File(file) => file.append(&self.store, &self.key, frame),
        }
    }
}

/// The digest of a segment in blocks.
fn digest_of_frames(frames: &[Vec<u8>]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for frame in frames {
        hasher.update(&(frame.len() as u64).to_le_bytes());
        hasher.update(frame);
    }
    *hasher.finalize().as_bytes()
}

/// A frame to be read.
#[derive(Clone)]
pub(super) struct FrameAt<'a> {
    segment: &'a Segment,
    at: At,
    list: Option<Arc<IdList>>,
}

#[derive(Clone, Copy)]
enum At {
    /// By number.
    Blocks(u32),
    File {
        offset: u64,
        length: usize,
        digest: [u8; DIGEST_BYTES],
    },
}

/// Reads segments; keeps what unfolds frames.
pub(super) struct SegmentReader<'a> {
    store: &'a Store,
    decompressor: Decompressor<'static>,
    /// The list that was read last: many segments have the same.
    list: RefCell<Option<Listed>>,
}

impl<'a> SegmentReader<'a> {
    pub(super) fn new(store: &'a Store) -> Result<Self, Error> {
        Ok(Self {
            store,
            decompressor: decompressor()?,
            list: RefCell::default(),
        })
    }

    /// The frames of a segment, oldest first: those that were written, as soon as they can be read.
    pub(super) fn frames<'s>(&self, segment: &'s Segment) -> Result<Vec<FrameAt<'s>>, Error> {
        let found = match segment.place {
            Place::Blocks => self.compare_blocks(segment),
            Place::File => self.compare_heads(segment),
        };
        let found = found.map_err(|error| name(segment, error))?.into_iter();
        let list = segment.list.as_ref().map(|list| self.list(list));
        let list = list.transpose()?;
        let frame = |at| FrameAt {
            segment,
            at,
            list: list.clone(),
        };
        Ok(found.map(frame).collect())
    }

    /// A list of ids.
    pub(super) fn list(&self, segment: &Segment) -> Result<Arc<IdList>, Error> {
        if let Some(last) = self.list.borrow().as_ref()
            && last.list() == segment
        {
            return Ok(last.ids());
        }
        let mut ids: Vec<Id> = Vec::new();
        for frame in self.frames(segment)? {
            ids.extend_from_slice(self.bytes(&frame)?.as_chunks().0);
        }
        let listed = Listed::new(segment.clone(), ids);
        let ids = listed.ids();
        self.list.replace(Some(listed));
        Ok(ids)
    }

    /// Reads all bytes of a segment and compares them to what was written.
    pub(super) fn verify(&self, segment: &Segment) -> Result<(), Error> {
        let mut frames = self.frames(segment)?.into_iter();
        frames.try_for_each(|frame| self.bytes(&frame).map(drop))
    }

    /// Reads the rows of a frame, in order.
    pub(super) fn rows(
        &mut self,
        frame: &FrameAt<'_>,
        take: &mut TakeRow<'_>,
    ) -> Result<(), Error> {
        let bytes = self.bytes(frame)?;
        let collection = frame.segment.key.collection;
        let list = frame.list.as_ref().map_or(&[][..], |list| list.ids());
        let read = read_frame(collection, &bytes, &mut self.decompressor, list, take);
        read.map_err(|error| name(frame.segment, error))
    }

    /// The bytes of a frame: in a file, those that were written.
    fn bytes(&self, frame: &FrameAt<'_>) -> Result<Vec<u8>, Error> {
        let key = &frame.segment.key;
        let bytes = match frame.at {
            At::Blocks(number) => self.store.read_blocks(key, number),
            At::File {
                offset,
                length,
                digest,
            } => {
                let read = self.store.inner.backend.read_file(key, offset, length);
                read.and_then(|bytes| match *blake3::hash(&bytes).as_bytes() == digest {
                    true => Ok(bytes),
                    false => Err(Error::Damaged(format!(
                        "the {length} bytes at {offset} are not what was written"
                    ))),
                })
            }
        };
        bytes.map_err(|error| name(frame.segment, error))
    }

    /// The frames of a segment in blocks, all of which were compared to what was written.
    fn compare_blocks(&self, segment: &Segment) -> Result<Vec<At>, Error> {
        let mut hasher = blake3::Hasher::new();
        let mut bytes: u64 = 0;
        for number in 0..segment.frames {
            let frame = self.store.read_blocks(&segment.key, number)?;
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
        Ok((0..segment.frames).map(At::Blocks).collect())
    }

    /// The frames of a file, whose heads were compared to what was written.
    fn compare_heads(&self, segment: &Segment) -> Result<Vec<At>, Error> {
        let mut hasher = blake3::Hasher::new();
        let mut found = Vec::new();
        let mut offset: u64 = 0;
        for _ in 0..segment.frames {
            let backend = &self.store.inner.backend;
            let head = backend.read_file(&segment.key, offset, HEAD_BYTES)?;
            hasher.update(&head);
            let Some((length, digest)) = head.split_first_chunk::<4>() else {
                break;
            };
            let length = u32::from_le_bytes(*length);
            offset = offset.saturating_add(HEAD_BYTES as u64);
            found.push(At::File {
                offset,
                length: usize::try_from(length).unwrap_or(usize::MAX),
                digest: digest.try_into().unwrap_or_default(),
            });
            offset = offset.saturating_add(length.into());
        }
        match *hasher.finalize().as_bytes() == segment.digest {
            true => Ok(found),
            false => Err(Error::Damaged(
                "the heads of its frames are not what was written".to_owned(),
            )),
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
    /// The segments of a tenant of which anything is stored, and where; named by a manifest or not.
    pub(super) fn stored_segments(
        &self,
        tenant: &TenantKey,
    ) -> Result<Vec<(SegmentKey, Place)>, Error> {
        let in_blocks = self.segments_in_blocks(&keys::all_of(Table::Block, tenant))?;
        let in_blocks = in_blocks.into_iter().map(|key| (key, Place::Blocks));
        let files = self.inner.backend.files(tenant)?;
        let files = files.into_iter().map(|key| (key, Place::File));
        Ok(in_blocks.chain(files).collect())
    }

    /// Removes what is stored of a segment in one place.
    pub(super) fn remove_segment(&self, key: &SegmentKey, place: Place) -> Result<(), Error> {
        match place {
            Place::Blocks => self.delete_range(&keys::segment(key)),
            Place::File => self.inner.backend.remove_file(key),
        }
    }

    /// Removes whatever is stored of a segment.
    pub(super) fn remove_everywhere(&self, key: &SegmentKey) -> Result<(), Error> {
        let places = [Place::Blocks, Place::File];
        let removed = places.map(|place| self.remove_segment(key, place));
        removed.into_iter().collect()
    }

    /// Makes all segments durable that were written of a tenant.
    pub(super) fn make_segments_durable(&self, tenant: &TenantKey) -> Result<(), Error> {
        self.inner.backend.make_files_durable(tenant)?;
        self.inner.backend.make_durable()
    }
}
