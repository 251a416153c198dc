//! Runs that did not end: what they had staged, kept so that a later run goes on from there.

use jiff::Timestamp;

use super::{Error, Fact, Staging, Store};
use crate::domain::ids::{ObjectId, RunId, SkuId, SubscriptionId, TenantKey};
use crate::domain::sync_run::{Dataset, SyncRun};

/// What a run left behind that did not end, or that was held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The run.
    pub run: RunId,
    /// When it began to read Microsoft.
    pub as_of: Timestamp,
    /// What it noted at its last checkpoint.
    pub note: Vec<u8>,
    /// It is complete, and waits for somebody's word.
    pub is_held: bool,
}

/// A row that an unfinished run had staged.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every row is the large one"
)]
pub enum Replayed {
    /// A fact that was put.
    Put(Fact),
    /// A user who was removed.
    RemovedUser(ObjectId),
    /// A group that was removed.
    RemovedGroup(ObjectId),
    /// A license that was removed.
    RemovedLicense(SkuId),
    /// A subscription that was removed.
    RemovedSubscription(SubscriptionId),
    /// A dataset's fact about a user that was removed.
    RemovedUserFact(Dataset, ObjectId),
}

impl Store {
    /// What the last run left behind, if it can still be gone on from: the facts beneath it are those
    /// that are current.
    pub fn unfinished(&self, _tenant: &TenantKey) -> Result<Option<Unfinished>, Error> {
        todo!()
    }

    /// Goes on with what an unfinished run had staged, under a new run's id. It is no longer
    /// unfinished: commit it, or let it reach a checkpoint.
    pub fn resume(&self, _tenant: &TenantKey, _unfinished: &Unfinished, _run: RunId) -> Staging {
        todo!()
    }

    /// Forgets what an unfinished run had staged.
    pub fn forget_unfinished(&self, _tenant: &TenantKey) -> Result<(), Error> {
        todo!()
    }
}

impl Staging {
    /// Visits what was staged before it was gone on with, in the order in which it was staged.
    pub fn replay(&self, _visit: &mut dyn FnMut(Replayed)) -> Result<(), Error> {
        todo!()
    }

    /// From here on, what is staged so far outlives this process ([`Store::unfinished`]). `note` is for
    /// whoever goes on, at most 64 KiB.
    pub fn checkpoint(&mut self, _as_of: Timestamp, _note: &[u8]) -> Result<(), Error> {
        todo!()
    }

    /// Keeps everything for [`Store::unfinished`] and files the run as it ended, both or neither.
    pub fn hold(self, _run: &SyncRun, _as_of: Timestamp, _note: &[u8]) -> Result<(), Error> {
        todo!()
    }
}
