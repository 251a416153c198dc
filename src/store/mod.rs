//! Disk only: facts, the ledger of sync runs, connections, secrets, settings and what operators told
//! of money.
//!
//! What a run changes is written under the run's id, where nobody looks: long segments to files, short
//! ones and all else among the values of a storage engine. Then one batch moves the
//! pointer and files the finished run, both or neither. An acknowledged commit is on stable storage,
//! an unfinished one never shows, though a later run may go on with what it had staged, and data that
//! does not match its digest is reported, not served.
//!
//! The store holds no rules about what it keeps, answers no queries and knows nothing of Microsoft
//! Graph. It never deletes or replaces facts that it cannot read.

mod backend;
mod blocks;
mod collection;
mod decisions;
mod declared;
mod directory;
mod envelope;
mod facts;
mod files;
mod folder;
mod frames;
mod ids;
mod keys;
mod ledger;
mod manifest;
#[cfg(test)]
mod memory;
mod merging;
mod naming;
mod numbers;
mod parts;
mod records;
#[cfg(test)]
mod samples;
mod secrets;
mod segments;
mod settings;
mod sled;
mod staging;
#[cfg(test)]
mod tests;
mod unfinished;

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;

use crate::domain::finding::FindingsPast;
use crate::domain::group::Group;
use crate::domain::ids::{RunId, TenantKey};
use crate::domain::license::License;
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;
use crate::domain::tenant::{Connection, Organization};
use crate::domain::usage::{HistoryUser, UsageDay};
use crate::domain::user::User;
use crate::domain::user_change::RunChanges;
use crate::domain::user_fact::UserFact;

use self::backend::{Backend, Batch, Direction, Key, Range, Table};
use self::directory::Directory;
use self::envelope::Kind;
use self::records::FormatRecord;
use self::segments::Layout;
use self::sled::SledBackend;

pub use self::declared::{LevelKey, ToldKey};
pub use self::frames::FORMER_NAMES_MAX;
pub use self::secrets::{EncryptionKey, SecretKind};
pub use self::staging::Staging;
pub use self::unfinished::{Replayed, Unfinished};

/// The format of the store as a whole. A version that reads less than a store has refuses it.
///
/// 1 had users, licenses and the organization. 2 has every dataset, standings and unfinished runs. All
/// that 1 has is the same in 2. 3 has prices, terms and exchange rates as well, and remembers findings; 4 has
/// calendar feeds and what webhooks are told. 5 has long segments in files, and reads those that are not
/// where they are; it also has what changed of users, and how much of findings webhooks were told. So
/// opening an older one makes it the newest.
const FORMAT: u32 = 5;
/// How many keys one batch deletes: long deletions do not hold up other writes.
const DELETE_KEYS_MAX: usize = 256;

/// Everything the server keeps. Calls block: run them on a blocking thread. Clones share one store,
/// and any thread may call; commits to one tenant happen one after the other.
///
/// After the first failed write the store is read-only ([`Health::ReadOnly`]): writes answer
/// [`Error::ReadOnly`], reads go on, and [`Store::heal`] tries to get out of it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Arc<dyn Backend>,
    key: EncryptionKey,
    free_bytes_min: u64,
    layout: Layout,
    /// Held for reading by whoever writes durably, for writing by `heal`: what was written before
    /// the engine was opened anew must not be acknowledged after.
    healing: RwLock<()>,
    /// How often the engine was opened anew; whoever staged before must not commit after.
    generation: AtomicU64,
    /// What takes back batches of which nobody knows whether they happened; see [`Store::write_or_undo`].
    undo: Mutex<HashMap<TenantKey, Batch>>,
    tenants: Mutex<HashMap<TenantKey, Arc<Mutex<TenantState>>>>,
    in_use: Mutex<InUse>,
}

/// What is remembered of a tenant, under the lock that orders its commits.
#[derive(Default)]
struct TenantState {
    /// How many runs the ledger has; `None` until counted.
    runs: Option<usize>,
}

/// What must not be swept though no manifest names it.
#[derive(Default)]
struct InUse {
    /// Runs being staged.
    staging: HashSet<(TenantKey, RunId)>,
    /// Loads going on: they read what was current when they began.
    loading: HashMap<TenantKey, usize>,
}

/// How to open a store.
pub struct OpenOptions {
    /// Where the data is; made if it is not there. It must be empty or hold a store.
    pub directory: PathBuf,
    /// 32 bytes, from a file or the environment, never from the data directory.
    pub key: EncryptionKey,
    /// A sync does not begin with less free disk than this or twice the store's size (0: unchecked).
    pub free_bytes_min: u64,
}

/// Why a store cannot be opened. Nothing was written in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it; 0 where its number could not be read.
    #[error("{path} is in use by process {pid}")]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The holder.
        pid: u32,
    },
    /// Secrets were encrypted under another key.
    #[error("the encryption key is not the one this store was made with")]
    WrongKey,
    /// A newer version has written it.
    #[error("the store is of format {found}, this version reads up to {known}")]
    Newer {
        /// The store's format.
        found: u32,
        /// The newest that this version reads.
        known: u32,
    },
    /// No space to open it; it opens again once there is some.
    #[error("the data directory is full")]
    Full,
    /// It cannot be read, or the directory holds something else. Nothing was deleted.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The file system refused.
    #[error("{0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        if is_disk_full(&error) {
            Self::Full
        } else {
            Self::Io(error)
        }
    }
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// This write found the disk full.
    #[error("the disk is full")]
    DiskFull,
    /// An earlier write failed, for this reason.
    #[error("the store is read-only since an earlier failure: {0}")]
    ReadOnly(String),
    /// What is on disk is not what was written; says what it is of.
    #[error("damaged data: {0}")]
    Damaged(String),
    /// The file system refused, or the call did.
    #[error("{0}")]
    Io(String),
}

impl From<&io::Error> for Error {
    fn from(error: &io::Error) -> Self {
        if is_disk_full(error) {
            Self::DiskFull
        } else {
            Self::Io(error.to_string())
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}

/// Whether the store takes writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Ok,
    /// It does not; reads go on.
    ReadOnly {
        /// The first failure, in words.
        reason: String,
    },
}

/// One fact of a tenant, as loaded at start.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every fact is the large one: a box each would slow loading down"
)]
pub enum Fact {
    /// What Microsoft says of the tenant itself.
    Organization(Organization),
    /// A product of which it holds seats.
    License(License),
    /// An account of its directory.
    User(User),
    /// A group of its directory.
    Group(Group),
    /// A purchase of a license.
    Subscription(Subscription),
    /// What another dataset says of a user.
    UserFact(UserFact),
    /// A user's number in the history.
    HistoryUser(HistoryUser),
    /// Who used a workload on a day.
    UsageDay(UsageDay),
    /// What is known of a dataset besides its rows.
    Standing(Standing),
    /// What is remembered of findings about one user, or about none.
    Findings(FindingsPast),
    /// What a run changed of users.
    UserChanges(RunChanges),
}

/// The run whose facts are current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The last run that was committed.
    pub run: RunId,
    /// When it read Microsoft.
    pub as_of: Timestamp,
}

impl Store {
    /// Whether a store was ever made in this directory.
    pub fn exists(directory: &Path) -> bool {
        Directory::holds_store(directory)
    }

    /// Opens the store in a directory, making one where there is nothing. Removes what runs left
    /// behind that cannot be gone on with.
    pub fn open(options: OpenOptions) -> Result<Self, OpenError> {
        let backend = Arc::new(SledBackend::open(&options.directory)?);
        Self::open_on(
            backend,
            options.key,
            options.free_bytes_min,
            Layout::STANDARD,
        )
    }

    /// Opens the store that an engine holds.
    fn open_on(
        backend: Arc<dyn Backend>,
        key: EncryptionKey,
        free_bytes_min: u64,
        layout: Layout,
    ) -> Result<Self, OpenError> {
        check_format(backend.as_ref(), &key)?;
        let store = Self {
            inner: Arc::new(Inner {
                backend,
                key,
                free_bytes_min,
                layout,
                healing: RwLock::default(),
                generation: AtomicU64::new(0),
                undo: Mutex::default(),
                tenants: Mutex::default(),
                in_use: Mutex::default(),
            }),
        };
        store.sweep_all()?;
        Ok(store)
    }

    /// Whether writes are taken.
    pub fn health(&self) -> Health {
        self.inner.backend.health()
    }

    /// Tries to open anew after a failed write; the state of afterwards. Commits that were answered
    /// with an error are taken back, whatever became of them on disk, so that what is stored is what
    /// the caller believes.
    pub fn heal(&self) -> Health {
        let guard = self.inner.healing.write();
        let _guard = guard.unwrap_or_else(PoisonError::into_inner);
        let mut undo = lock(&self.inner.undo);
        if self.health() == Health::Ok && undo.is_empty() {
            return Health::Ok;
        }
        self.inner.generation.fetch_add(1, Ordering::SeqCst);
        if let Health::ReadOnly { reason } = self.inner.backend.heal() {
            return Health::ReadOnly { reason };
        }
        let backend = &self.inner.backend;
        let undone = undo
            .values()
            .try_for_each(|batch| backend.write(batch.clone()));
        match undone.and_then(|()| backend.make_durable()) {
            Ok(()) => undo.clear(),
            Err(error) => tracing::warn!(%error, "the store is still read-only"),
        }
        self.health()
    }

    /// The bytes that the store occupies.
    pub fn bytes_on_disk(&self) -> u64 {
        self.inner.backend.bytes_on_disk()
    }

    /// Whether there is room to begin a sync: as much as the settings ask for, and twice the store.
    pub fn check_free_space(&self) -> Result<(), Error> {
        if self.inner.free_bytes_min == 0 {
            return Ok(());
        }
        let twice = self.bytes_on_disk().saturating_mul(2);
        let needed = self.inner.free_bytes_min.max(twice);
        match self.inner.backend.bytes_free() {
            Some(free) if free < needed => Err(Error::DiskFull),
            _ => Ok(()),
        }
    }

    /// Deletes every stored fact, run, name, price, term, connection and secret of a tenant, and files
    /// the connection that is to be left; all but the prices, which go before, both or neither. What was visible is gone at once and durably;
    /// old bytes may stay in the engine's files until it reuses them.
    pub fn purge(&self, tenant: &TenantKey, left: Option<&Connection>) -> Result<(), Error> {
        let state = self.tenant(tenant);
        let mut state = lock(&state);
        state.runs = None;
        self.delete_prices_of(tenant)?;
        let mut visible = Batch::default();
        for table in keys::TENANT_TABLES {
            if !matches!(table, Table::Run | Table::Block) {
                for key in self.keys_in(&keys::all_of(table, tenant), usize::MAX)? {
                    visible.delete(key);
                }
            }
        }
        if let Some(connection) = left {
            settings::put_connection(&mut visible, tenant, connection);
        }
        self.write_durably(visible)?;
        self.delete_range(&keys::all_of(Table::Run, tenant))?;
        self.remove_segments(tenant)?;
        self.make_durable()
    }

    /// Reads and unwraps one value.
    fn read(&self, key: &Key, kind: Kind) -> Result<Option<Vec<u8>>, Error> {
        match self.inner.backend.get(key)? {
            Some(value) => envelope::open(key, kind, &value).map(Some),
            None => Ok(None),
        }
    }

    /// Writes a batch; durable on return.
    fn write_durably(&self, batch: Batch) -> Result<(), Error> {
        let guard = self.inner.healing.read();
        let _guard = guard.unwrap_or_else(PoisonError::into_inner);
        if !batch.is_empty() {
            self.inner.backend.write(batch)?;
        }
        self.inner.backend.make_durable()
    }

    fn make_durable(&self) -> Result<(), Error> {
        self.write_durably(Batch::default())
    }

    /// The first keys of a range.
    fn keys_in(&self, range: &Range, count_max: usize) -> Result<Vec<Key>, Error> {
        let mut found = Vec::new();
        let mut visit = |bytes: &[u8], _: &[u8]| {
            found.push(Key {
                table: range.table,
                bytes: bytes.to_vec(),
            });
            if found.len() < count_max {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        self.inner
            .backend
            .scan(range, Direction::Ascending, &mut visit)?;
        Ok(found)
    }

    /// Deletes a range in small batches.
    fn delete_range(&self, range: &Range) -> Result<(), Error> {
        loop {
            let found = self.keys_in(range, DELETE_KEYS_MAX)?;
            if found.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::default();
            for key in found {
                batch.delete(key);
            }
            self.inner.backend.write(batch)?;
        }
    }

    /// What is remembered of a tenant; whoever locks it may change the tenant's facts and ledger.
    fn tenant(&self, tenant: &TenantKey) -> Arc<Mutex<TenantState>> {
        lock(&self.inner.tenants)
            .entry(tenant.clone())
            .or_default()
            .clone()
    }
}

/// Makes a new store's first record, or checks the one that is there and raises an older one, so that
/// a version that cannot read what is written from now on says so.
fn check_format(backend: &dyn Backend, key: &EncryptionKey) -> Result<(), OpenError> {
    let record_key = keys::format();
    let Some(value) = backend.get(&record_key)? else {
        if !is_empty(backend)? {
            return Err(OpenError::Damaged("its format record is lost".to_owned()));
        }
        return Ok(write_format(backend, key)?);
    };
    let record = envelope::open(&record_key, Kind::Format, &value)?;
    let record = FormatRecord::decode(&record)?;
    if record.version > FORMAT {
        return Err(OpenError::Newer {
            found: record.version,
            known: FORMAT,
        });
    }
    if !record.fits(key) {
        return Err(OpenError::WrongKey);
    }
    if record.version < FORMAT {
        tracing::info!(
            from = record.version,
            to = FORMAT,
            "the store is of an older format and is raised"
        );
        write_format(backend, key)?;
    }
    Ok(())
}

/// Files the format, durably.
fn write_format(backend: &dyn Backend, key: &EncryptionKey) -> Result<(), Error> {
    let record_key = keys::format();
    let record = FormatRecord::new(FORMAT, key).encode();
    let value = envelope::seal(&record_key, Kind::Format, &record);
    let mut batch = Batch::default();
    batch.put(record_key, value);
    backend.write(batch)?;
    backend.make_durable()
}

fn is_empty(backend: &dyn Backend) -> Result<bool, Error> {
    let mut is_empty = true;
    let tables = keys::TENANT_TABLES.into_iter();
    for table in tables.chain(keys::SHARED_TABLES) {
        let range = Range::prefix(table, Vec::new());
        backend.scan(&range, Direction::Ascending, &mut |_, _| {
            is_empty = false;
            ControlFlow::Break(())
        })?;
    }
    Ok(is_empty)
}

/// Whether an error says that there is no space, in the forms in which the kernel and sled say so.
fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    ) || error.to_string().contains("No space left")
}

/// Locks, also after a panic elsewhere: what these locks guard is valid between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
