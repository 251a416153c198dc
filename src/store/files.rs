//! What the store asks of whoever keeps its files: long segments, each in a file of its own.
//!
//! An engine of keys and values keeps what was replaced until it finds a use for the room, and a
//! copy of what it read in memory. A file is gone when it is removed, and is read where it lies.

use super::Error;
use super::keys::SegmentKey;
use crate::domain::ids::TenantKey;

/// Files beside the values of a [`Backend`](super::backend::Backend).
///
/// An implementation promises:
///
/// - **Durability.** Once [`make_files_durable`](Self::make_files_durable) has returned, the tenant's
///   files are found after kill -9 and power loss with all that was appended before. Of what was
///   appended since, any part may be there; of removals, too.
/// - **Honest failure.** As with values: after a failed append nothing is appended until `heal`.
/// - **No panic**, and an error in place of bytes that are not there.
///
/// Nothing here says which files count: a file that no manifest names is nothing yet, or no more.
pub(super) trait Files: Send + Sync {
    /// Adds bytes to a file of which so many were written already; none: it is made anew.
    fn append(&self, file: &SegmentKey, written: u64, bytes: &[u8]) -> Result<(), Error>;

    /// So many bytes from an offset on; [`Error::Damaged`] where there are fewer.
    fn read_file(&self, file: &SegmentKey, offset: u64, length: usize) -> Result<Vec<u8>, Error>;

    /// Returns when all that was appended to files of a tenant is on stable storage. For one tenant,
    /// nobody calls it twice at a time.
    fn make_files_durable(&self, tenant: &TenantKey) -> Result<(), Error>;

    /// Removes a file if it is there.
    fn remove_file(&self, file: &SegmentKey) -> Result<(), Error>;

    /// The files of a tenant, whoever wrote them and however far.
    fn files(&self, tenant: &TenantKey) -> Result<Vec<SegmentKey>, Error>;

    /// The tenants that may have files.
    fn tenants_with_files(&self) -> Result<Vec<TenantKey>, Error>;
}
