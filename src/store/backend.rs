//! What the store asks of a storage engine: ordered bytes, batches that happen whole or not at all,
//! and a clear word on what is durable.
//!
//! Records, segments and tenants are the store's business; an engine sees keys and values. What is too
//! long for those is in [`Files`].

use std::ops::ControlFlow;

use super::files::Files;
use super::{Error, Health};

/// The longest value an engine is given. sled writes a leaf of up to 17 values as one piece and
/// moves pieces above 128 KiB to files that it never gives back; 17 × 7,000 bytes stay below.
pub(super) const VALUE_BYTES_MAX: usize = 7_000;

/// An engine under the store.
///
/// An implementation promises:
///
/// - **Order.** Within a table, keys are ordered as bytes.
/// - **Whole batches.** After a crash at any moment, a batch is there whole or not at all. Which of
///   the batches that were not made durable are there is not promised.
/// - **Durability.** Once [`make_durable`](Self::make_durable) has returned, everything written
///   before survives kill -9 and power loss.
/// - **Honest failure.** After a failed write or a failed `make_durable` nobody knows what is on
///   disk: the engine refuses further writes with [`Error::ReadOnly`] until [`heal`](Self::heal),
///   keeps answering reads where it can, and after `heal` shows what is really on disk.
/// - **No panic**, whatever the disk holds, and no empty answer in place of damaged data.
///
/// All keys of a tenant begin with the tenant's key and a zero byte, and a batch holds keys of one
/// tenant only (or of none: those begin with the zero byte), so an engine may keep tenants apart as
/// shards. Calls block and may come from several threads at once.
pub(super) trait Backend: Files {
    /// The value under a key.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Error>;

    /// Visits keys (without their table) and values of a range in order until `visit` breaks.
    /// Writes that happen meanwhile may or may not be seen.
    fn scan(&self, range: &Range, direction: Direction, visit: &mut Visit<'_>)
    -> Result<(), Error>;

    /// Applies a batch, whole or not at all; of several writes to one key the last counts. Not
    /// durable yet.
    fn write(&self, batch: Batch) -> Result<(), Error>;

    /// Returns when everything written so far is on stable storage.
    fn make_durable(&self) -> Result<(), Error>;

    /// Whether writes are taken.
    fn health(&self) -> Health;

    /// Tries to take writes again after a failure; does nothing to a healthy engine. Batches and parts
    /// of files that were not durable may be gone afterwards.
    fn heal(&self) -> Health;

    /// The bytes that the engine and its files occupy.
    fn bytes_on_disk(&self) -> u64;

    /// The bytes that it may still take up, where that can be known.
    fn bytes_free(&self) -> Option<u64>;
}

/// What a scan calls with each key and value.
pub(super) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// The tables, by the byte that stands before a key in an engine that has only one key space.
///
/// `Current` and `Manifest` vouch for each other, so the bulk of the data lies between them: damage
/// to one region of a file does not take both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Table {
    /// Format and key check; the hash of the admin token.
    Server = b'A',
    /// The updated catalog, in parts.
    Catalog = b'B',
    /// Which run is current.
    Current = b'C',
    /// The blocks of short segments.
    Block = b'F',
    /// Which segments make up a collection.
    Manifest = b'M',
    /// The ledger of sync runs.
    Run = b'R',
    /// Connections.
    Connection = b'S',
    /// Ciphertexts.
    Secret = b'T',
    /// The operator's names of licenses.
    LicenseName = b'U',
    /// What somebody says that licenses are.
    LicenseClass = b'N',
    /// Why findings are left.
    Exemption = b'E',
    /// Calendar feeds.
    CalendarFeed = b'K',
    /// What webhooks were told.
    Told = b'L',
    /// How much there was of findings when webhooks were told last.
    ToldLevel = b'J',
    /// What webhooks are still to be told.
    Delivery = b'Q',
    /// What is known of a run that did not end, in parts.
    Unfinished = b'V',
    /// The operator's price book.
    Price = b'W',
    /// What the operator declared of purchases.
    Terms = b'X',
    /// The operator's exchange rates.
    ExchangeRate = b'Y',
}

impl Table {
    /// The byte before the key.
    pub(super) fn prefix(self) -> u8 {
        self as u8
    }
}

/// A key of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Which table.
    pub(super) table: Table,
    /// The key inside the table.
    pub(super) bytes: Vec<u8>,
}

impl Key {
    /// The key as bytes of one key space, table first.
    pub(super) fn flat(&self) -> Vec<u8> {
        flat(self.table, &self.bytes)
    }
}

/// The bytes of a key with its table in front.
pub(super) fn flat(table: Table, bytes: &[u8]) -> Vec<u8> {
    let mut flat = Vec::with_capacity(bytes.len().saturating_add(1));
    flat.push(table.prefix());
    flat.extend_from_slice(bytes);
    flat
}

/// Keys of one table from `from` (included) until `until` (excluded).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    /// Which table.
    pub(super) table: Table,
    /// The first key that may be in it.
    pub(super) from: Vec<u8>,
    /// The first key behind it; `None` goes to the table's end.
    pub(super) until: Option<Vec<u8>>,
}

impl Range {
    /// All keys that begin with `prefix`.
    pub(super) fn prefix(table: Table, prefix: Vec<u8>) -> Self {
        Self {
            table,
            until: successor(&prefix),
            from: prefix,
        }
    }
}

/// The first key behind all that begin with `prefix`.
pub(super) fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut next = prefix.to_vec();
    while let Some(last) = next.pop() {
        if let Some(raised) = last.checked_add(1) {
            next.push(raised);
            return Some(next);
        }
    }
    None
}

/// Which end a scan begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// Puts and deletes that happen together.
#[derive(Debug, Clone, Default)]
pub(super) struct Batch {
    /// `None` deletes.
    pub(super) writes: Vec<(Key, Option<Vec<u8>>)>,
}

impl Batch {
    /// Files a value under a key, in place of what is there.
    pub(super) fn put(&mut self, key: Key, value: Vec<u8>) {
        self.writes.push((key, Some(value)));
    }

    /// Removes what is under a key.
    pub(super) fn delete(&mut self, key: Key) {
        self.writes.push((key, None));
    }

    /// Whether it does nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// The longest of its values.
    pub(super) fn value_bytes_max(&self) -> usize {
        let lengths = self.writes.iter().flat_map(|(_, value)| value);
        lengths.map(Vec::len).max().unwrap_or(0)
    }

    /// Refuses a batch that an engine must not be given; that is no failure of the engine.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.value_bytes_max() {
            0..=VALUE_BYTES_MAX => Ok(()),
            bytes => Err(Error::Io(format!(
                "a record of {bytes} bytes is longer than the {VALUE_BYTES_MAX} that one may have"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_successor(prefix: &[u8], expected: Option<&[u8]>) {
        assert_eq!(successor(prefix).as_deref(), expected);
    }

    #[test]
    fn the_successor_is_the_first_key_behind_a_prefix() {
        check_successor(b"ab", Some(b"ac"));
        check_successor(b"a\xff", Some(b"b"));
        check_successor(b"\xff\xff", None);
        check_successor(b"", None);
    }

    #[test]
    fn a_value_that_sled_would_put_into_a_file_of_its_own_is_refused() {
        let mut batch = Batch::default();
        let key = Key {
            table: Table::Server,
            bytes: vec![0],
        };
        batch.put(key.clone(), vec![0; VALUE_BYTES_MAX]);
        assert!(batch.check().is_ok());
        batch.put(key, vec![0; VALUE_BYTES_MAX + 1]);
        assert!(batch.check().is_err());
    }
}
