//! Values longer than one may be: compressed, cut into parts, with a first part that says what all the
//! others must turn out to be.

use prost::Message;

use super::backend::{Batch, Key, Range, successor};
use super::envelope::{self, Kind};
use super::frames::small;
use super::records::{PartsRecord, damaged, decode};
use super::{Error, Store};

/// sled writes up to 17 values as one piece; parts of 4 kB stay far below what it does not bear.
const PART_BYTES: usize = 4_000;

/// Where a long value is, and how long it may be.
pub(super) struct Parts<'a> {
    /// For messages.
    pub(super) what: &'static str,
    pub(super) kind: Kind,
    /// The key of a part. All keys of all parts stand side by side, and no others between.
    pub(super) key: &'a (dyn Fn(u32) -> Key + Sync),
    /// Before compression.
    pub(super) bytes_max: usize,
    /// Of compression.
    pub(super) level: i32,
}

impl Parts<'_> {
    /// The value, if there is one.
    pub(super) fn read(&self, store: &Store) -> Result<Option<Vec<u8>>, Error> {
        let Some(head) = store.read(&(self.key)(0), self.kind)? else {
            return Ok(None);
        };
        let head: PartsRecord = decode(&head)?;
        let mut packed = Vec::new();
        for part in 1..=head.parts {
            let bytes = store.read(&(self.key)(part), self.kind)?;
            packed.extend(bytes.ok_or_else(|| self.damaged("misses a part"))?);
        }
        let length = usize::try_from(head.bytes).unwrap_or(usize::MAX);
        if length > self.bytes_max || blake3::hash(&packed).as_bytes() != head.digest.as_slice() {
            return Err(self.damaged("is not what was written"));
        }
        let bytes = zstd::bulk::decompress(&packed, length);
        bytes
            .map(Some)
            .map_err(|_| self.damaged("does not decompress"))
    }

    /// Adds a value to a batch, in place of the one that is there.
    pub(super) fn put(&self, store: &Store, batch: &mut Batch, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() > self.bytes_max {
            return Err(Error::Io(format!(
                "{} of {} bytes is too long",
                self.what,
                bytes.len()
            )));
        }
        let packed = zstd::bulk::compress(bytes, self.level);
        let packed = packed.map_err(|error| Error::Io(error.to_string()))?;
        let parts: Vec<_> = packed.chunks(PART_BYTES).collect();
        let head = PartsRecord {
            parts: small(parts.len()),
            bytes: bytes.len() as u64,
            digest: blake3::hash(&packed).as_bytes().to_vec(),
        };
        self.delete(store, batch)?;
        let head = head.encode_to_vec();
        for (number, part) in (0..).zip([head.as_slice()].into_iter().chain(parts)) {
            let key = (self.key)(number);
            let value = envelope::seal(&key, self.kind, part);
            batch.put(key, value);
        }
        Ok(())
    }

    /// Adds the deletion of all that is there to a batch, readable or not.
    pub(super) fn delete(&self, store: &Store, batch: &mut Batch) -> Result<(), Error> {
        let first = (self.key)(0);
        let range = Range {
            table: first.table,
            from: first.bytes,
            until: successor(&(self.key)(u32::MAX).bytes),
        };
        for key in store.keys_in(&range, usize::MAX)? {
            batch.delete(key);
        }
        Ok(())
    }

    fn damaged(&self, how: &str) -> Error {
        damaged(&format!("{} {how}", self.what))
    }
}
