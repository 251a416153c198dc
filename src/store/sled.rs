//! sled 0.34.7 behind [`Backend`], with a guard for every way in which it is known to fail.
//!
//! - `flush()` does not survive a power cut: on Linux it calls `sync_file_range`, which promises
//!   nothing about metadata or the disk's cache. So every flush is followed by `fsync` of the log.
//! - The background flusher ends silently at its first error and would flush half a protocol; it is
//!   off, and what is durable is decided here.
//! - An open that was interrupted leaves `snap.*.generating`, which bricks the database; see
//!   [`Directory::tidy`]. A damaged snapshot does too: it is set aside once, and the log is replayed.
//! - Damage makes sled panic as often as it makes it answer an error: everything that touches the
//!   disk runs inside `catch_unwind`.
//! - After one failed write the handle refuses all others until it is opened anew; retrying `fsync`
//!   on it could report success for pages that the kernel has dropped. So the first failure makes
//!   the store read-only, and only [`heal`](Backend::heal) opens it anew.
//! - A flipped bit in the log may pass for the log's end, and an older state is opened as if nothing
//!   had happened. So every acknowledgement has a number, kept in the log and beside it; a log that
//!   does not reach the number beside it is damaged.
//! - Values above 128 KiB leak files; [`Batch::check`] refuses long ones.
//! - Everything is in the default tree, under a byte for the table: a batch is atomic within one tree.

use std::fs::File;
use std::io;
use std::ops::{Bound, ControlFlow};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError, RwLock, TryLockError};
use std::time::Duration;

use ::sled::Db;

use super::backend::{Backend, Batch, Direction, Key, Range, Visit, flat, successor};
use super::directory::Directory;
use super::files::Files;
use super::folder::Folder;
use super::keys::SegmentKey;
use super::{Error, Health, OpenError};
use crate::domain::ids::TenantKey;

/// Reads are answered from the read model; sled's cache only serves writing and starting.
const CACHE_BYTES: u64 = 8 << 20;
/// A full disk is not tried again before this much is free: an open writes a snapshot, and one that
/// fails would cost the handle that still reads.
const HEAL_FREE_BYTES_MIN: u64 = 16 << 20;
/// sled's threads may hold its file a moment longer than its handle.
const REOPEN_TRIES: u32 = 50;
const REOPEN_WAIT: Duration = Duration::from_millis(20);
/// Why nothing is written while `heal` is at it.
const OPENED_ANEW: &str = "it is being opened anew";
/// Where the number of the last acknowledgement is: a table of the engine's own.
const SEQUENCE_KEY: &[u8] = b"0sequence";

/// sled in a directory of its own, with files of segments beside it.
pub(super) struct SledBackend {
    /// Written to only by `heal`; `None` when that could not open it again.
    handle: RwLock<Option<Handle>>,
    /// The first failure since the handle was opened.
    failure: Mutex<Option<Error>>,
    folder: Folder,
    /// Last, so that the lock outlives the handle.
    directory: Directory,
}

/// An open database.
struct Handle {
    db: Db,
    /// sled's log, opened before anything is written through `db`, so that `fsync` on it reports
    /// every failed write-back since.
    log: File,
    /// The number of the last acknowledgement; held while the next one is made.
    sequence: Mutex<u64>,
}

impl SledBackend {
    /// Opens the database in a directory, or makes one where there is nothing.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let directory = Directory::claim(path)?;
        let handle = Handle::open(&directory)?;
        Ok(Self {
            handle: RwLock::new(Some(handle)),
            failure: Mutex::new(None),
            folder: Folder::new(path),
            directory,
        })
    }

    /// Runs `work` on the handle; its first error makes the store read-only.
    fn with<T>(&self, work: impl FnOnce(&Handle) -> Result<T, Error>) -> Result<T, Error> {
        let guard = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        let Some(handle) = guard.as_ref() else {
            return Err(Error::ReadOnly(self.reason()));
        };
        self.noted(work(handle))
    }

    /// A result, after which the store is read-only if it is an error.
    fn noted<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.inspect_err(|error| {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            if failure.is_none() {
                tracing::error!(%error, "the store is read-only from now on");
                *failure = Some(error.clone());
            }
        })
    }

    /// As if `heal` were at it, until what is answered is dropped.
    #[cfg(test)]
    pub(super) fn heal_for_test(&self) -> impl Drop + '_ {
        self.handle.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// As if the engine had failed.
    #[cfg(test)]
    pub(super) fn fail_for_test(&self, error: Error) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn refuse_if_failed(&self) -> Result<(), Error> {
        match self.health() {
            Health::Ok => Ok(()),
            Health::ReadOnly { reason } => Err(Error::ReadOnly(reason)),
        }
    }

    fn failure(&self) -> Option<Error> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone()
    }

    fn reason(&self) -> String {
        let failure = self.failure().map(|error| error.to_string());
        failure.unwrap_or_else(|| OPENED_ANEW.to_owned())
    }
}

impl Backend for SledBackend {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        self.with(|handle| {
            let value = guarded(|| handle.db.get(key.flat()))?;
            Ok(value.map(|value| value.to_vec()))
        })
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), Error> {
        let from = Bound::Included(flat(range.table, &range.from));
        let until = match &range.until {
            Some(until) => Bound::Excluded(flat(range.table, until)),
            None => successor(&[range.table.prefix()]).map_or(Bound::Unbounded, Bound::Excluded),
        };
        self.with(|handle| {
            let mut rows = handle.db.range((from, until));
            loop {
                let row = guarded(|| match direction {
                    Direction::Ascending => rows.next().transpose(),
                    Direction::Descending => rows.next_back().transpose(),
                })?;
                let Some((key, value)) = row else {
                    return Ok(());
                };
                let Some((_, key)) = key.split_first() else {
                    return Err(Error::Damaged("a key without a table".to_owned()));
                };
                if visit(key, &value) == ControlFlow::Break(()) {
                    return Ok(());
                }
            }
        })
    }

    fn write(&self, batch: Batch) -> Result<(), Error> {
        batch.check()?;
        self.refuse_if_failed()?;
        let mut writes = ::sled::Batch::default();
        for (key, value) in batch.writes {
            match value {
                Some(value) => writes.insert(key.flat(), value),
                None => writes.remove(key.flat()),
            }
        }
        self.with(|handle| guarded(|| handle.db.apply_batch(writes)))
    }

    fn make_durable(&self) -> Result<(), Error> {
        self.refuse_if_failed()?;
        self.with(|handle| {
            let mut sequence = handle
                .sequence
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let next = sequence.saturating_add(1);
            guarded(|| handle.db.insert(SEQUENCE_KEY, &next.to_be_bytes()))?;
            guarded(|| handle.db.flush())?;
            handle.log.sync_all().map_err(Error::from)?;
            self.directory.mark(next).map_err(Error::from)?;
            *sequence = next;
            Ok(())
        })
    }

    fn health(&self) -> Health {
        // Whoever asks must not wait for a disk that is being healed.
        let guard = match self.handle.try_read() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Health::ReadOnly {
                    reason: OPENED_ANEW.to_owned(),
                };
            }
        };
        if guard.is_some() && self.failure().is_none() {
            Health::Ok
        } else {
            Health::ReadOnly {
                reason: self.reason(),
            }
        }
    }

    fn heal(&self) -> Health {
        let Some(failure) = self.failure() else {
            return self.health();
        };
        let too_full = self
            .bytes_free()
            .is_some_and(|free| free < HEAL_FREE_BYTES_MIN);
        if matches!(failure, Error::DiskFull) && too_full {
            return self.health();
        }
        let mut guard = self.handle.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = guard.take() {
            handle.close();
        }
        self.folder.forget_open();
        let reopened = self
            .directory
            .tidy()
            .and_then(|()| Handle::open(&self.directory));
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match reopened {
            Ok(handle) => {
                *guard = Some(handle);
                *failure = None;
            }
            Err(error) => *failure = Some(error.into()),
        }
        drop((failure, guard));
        self.health()
    }

    fn bytes_on_disk(&self) -> u64 {
        self.directory.bytes()
    }

    fn bytes_free(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(self.directory.path()).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

impl Files for SledBackend {
    fn append(&self, file: &SegmentKey, written: u64, bytes: &[u8]) -> Result<(), Error> {
        self.refuse_if_failed()?;
        let done = self.folder.append(file, written, bytes);
        self.noted(done.map_err(Error::from))
    }

    fn read_file(&self, file: &SegmentKey, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        self.folder.read(file, offset, length)
    }

    fn make_files_durable(&self, tenant: &TenantKey) -> Result<(), Error> {
        self.refuse_if_failed()?;
        let done = self.folder.make_durable(tenant).map_err(Error::from);
        self.noted(done)
    }

    /// Also on a disk that is full: it makes room.
    fn remove_file(&self, file: &SegmentKey) -> Result<(), Error> {
        Ok(self.folder.remove(file)?)
    }

    fn files(&self, tenant: &TenantKey) -> Result<Vec<SegmentKey>, Error> {
        Ok(self.folder.files(tenant)?)
    }

    fn tenants_with_files(&self) -> Result<Vec<TenantKey>, Error> {
        Ok(self.folder.tenants()?)
    }
}

impl Drop for SledBackend {
    fn drop(&mut self) {
        let handle = self
            .handle
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = handle.take() {
            handle.close();
        }
    }
}

impl Handle {
    fn open(directory: &Directory) -> Result<Self, OpenError> {
        let handle = match Self::open_once(directory) {
            Err(OpenError::Damaged(reason)) if directory.set_snapshots_aside()? > 0 => {
                tracing::warn!(%reason, "sled's snapshot is damaged and set aside; its log is replayed");
                directory.tidy()?;
                Self::open_once(directory)?
            }
            other => other?,
        };
        if let Err(error) = handle.check_end(directory) {
            handle.close();
            return Err(error);
        }
        directory.restrict_modes()?;
        directory.make_durable()?;
        Ok(handle)
    }

    fn open_once(directory: &Directory) -> Result<Self, OpenError> {
        let config = ::sled::Config::default()
            .path(directory.path())
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None);
        let mut tries: u32 = 1;
        let db = loop {
            let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
            match opened {
                Ok(Ok(db)) => break db,
                Ok(Err(error)) if is_still_locked(&error) && tries < REOPEN_TRIES => {
                    tries = tries.saturating_add(1);
                    std::thread::sleep(REOPEN_WAIT);
                }
                Ok(Err(error)) => return Err(convert(&error).into()),
                Err(_) => return Err(OpenError::Damaged("sled cannot read it".to_owned())),
            }
        };
        let log = File::open(directory.log_path())?;
        let sequence = Mutex::new(Self::stored_sequence(&db)?);
        Ok(Self { db, log, sequence })
    }

    fn stored_sequence(db: &Db) -> Result<u64, Error> {
        match guarded(|| db.get(SEQUENCE_KEY))? {
            Some(bytes) => match bytes.as_ref().try_into() {
                Ok(bytes) => Ok(u64::from_be_bytes(bytes)),
                Err(_) => Err(Error::Damaged(
                    "the number of the last acknowledgement".to_owned(),
                )),
            },
            None => Ok(0),
        }
    }

    /// Refuses a log that ends before what was acknowledged.
    fn check_end(&self, directory: &Directory) -> Result<(), OpenError> {
        let stored = *self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        let marked = directory.marked_sequence();
        if stored < marked {
            return Err(OpenError::Damaged(format!(
                "its log ends at acknowledgement {stored} of {marked}; without {} it is opened as far as it goes",
                directory.marker_path().display()
            )));
        }
        Ok(())
    }

    /// Drops the handle. sled syncs its file then and panics where it cannot.
    fn close(self) {
        let Self { db, log, .. } = self;
        if catch_unwind(AssertUnwindSafe(|| drop(db))).is_err() {
            tracing::warn!("sled could not close its file");
        }
        // Where an fsync failed, the kernel may still hold pages that never reached the disk and
        // call them clean. Whoever opens next must read what the disk has.
        if let Err(error) = rustix::fs::fadvise(&log, 0, None, rustix::fs::Advice::DontNeed) {
            tracing::debug!(%error, "the page cache was not dropped");
        }
    }
}

/// Runs a call into sled; a panic inside is what damage looks like.
fn guarded<T>(call: impl FnOnce() -> ::sled::Result<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(convert(&error)),
        Err(_) => Err(Error::Damaged("sled cannot read it".to_owned())),
    }
}

fn convert(error: &::sled::Error) -> Error {
    match error {
        ::sled::Error::Io(error) => error.into(),
        ::sled::Error::Corruption { at, .. } => Error::Damaged(match at {
            Some(at) => format!("sled reports corruption at {at:?}"),
            None => "sled reports corruption".to_owned(),
        }),
        // Our settings never change, so settings that differ from those in its file are a damaged file.
        ::sled::Error::Unsupported(what) => Error::Damaged(format!("sled's settings: {what}")),
        other => Error::Io(other.to_string()),
    }
}

/// We hold our own lock on the directory, so it is only our own former handle that holds sled's.
fn is_still_locked(error: &::sled::Error) -> bool {
    matches!(error, ::sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        match error {
            Error::DiskFull => Self::Full,
            Error::Damaged(what) => Self::Damaged(what),
            Error::ReadOnly(what) | Error::Io(what) => Self::Io(io::Error::other(what)),
        }
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Full => Self::DiskFull,
            OpenError::Damaged(what) => Self::Damaged(what),
            other => Self::Io(other.to_string()),
        }
    }
}
