//! Runs that did not end: what they had staged, kept so that a later run goes on from there.
//!
//! A checkpoint makes all segments durable, as far as they have grown, and then files a record that
//! says how far that is. What a run stages after it lies behind, where nobody reads. A record counts only while the facts beneath are those that its run began with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use prost::Message;

use super::backend::{Batch, Key};
use super::collection::Collection;
use super::envelope::Kind;
use super::facts::Facts;
use super::frames::{Row, day_of_id};
use super::keys;
use super::manifest::Segment;
use super::numbers::Numbered;
use super::parts::Parts;
use super::records::{SegmentRecord, TimeRecord, damaged, decode, guid, known};
use super::segments::SegmentReader;
use super::{Error, Fact, Published, Staging, Store, lock};
use crate::domain::ids::{ObjectId, RunId, SkuId, SubscriptionId, TenantKey};
use crate::domain::sync_run::{Dataset, SyncRun};
use crate::domain::usage::Workload;

/// The longest note.
const NOTE_BYTES_MAX: usize = 64 << 10;
/// So many runs may go on one after the other; then everything is read anew. Each adds segments.
const RUNS_MAX: usize = 32;
/// The longest record: a note, and a segment of each collection of each run.
const RECORD_BYTES_MAX: usize = 1 << 20;

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
    /// A day of the history that was removed.
    RemovedUsageDay(Workload, Date),
}

impl Replayed {
    fn new(collection: Collection, row: Row) -> Result<Self, Error> {
        let id = match row {
            Row::Put(fact) => return Ok(Self::Put(fact)),
            Row::Removed(id) => id,
        };
        match collection {
            Collection::Users => Ok(Self::RemovedUser(ObjectId(id))),
            Collection::Groups => Ok(Self::RemovedGroup(ObjectId(id))),
            Collection::Licenses => Ok(Self::RemovedLicense(SkuId(id))),
            Collection::Subscriptions => Ok(Self::RemovedSubscription(SubscriptionId(id))),
            Collection::Memberships => Ok(Self::RemovedUserFact(Dataset::Groups, ObjectId(id))),
            Collection::SignInActivity => {
                let dataset = Dataset::SignInActivity;
                Ok(Self::RemovedUserFact(dataset, ObjectId(id)))
            }
            Collection::ApplicationUses => {
                Ok(Self::RemovedUserFact(Dataset::SignIns, ObjectId(id)))
            }
            Collection::DirectoryChanges => {
                let dataset = Dataset::DirectoryAudits;
                Ok(Self::RemovedUserFact(dataset, ObjectId(id)))
            }
            Collection::Usage(dataset) => Ok(Self::RemovedUserFact(dataset, ObjectId(id))),
            Collection::UsageDays(_) => {
                let (workload, on) = day_of_id(id).ok_or_else(|| damaged("the id of a day"))?;
                Ok(Self::RemovedUsageDay(workload, on))
            }
            // Findings and changes are staged in the moment of the commit, and no run goes on from there.
            Collection::Standing(_)
            | Collection::Organization
            | Collection::HistoryUsers
            | Collection::Findings
            | Collection::UserChanges => Err(damaged("the removal of what is never removed")),
        }
    }
}

/// A checkpoint: what is unfinished, and where it is.
pub(super) struct Kept {
    unfinished: Unfinished,
    /// The run whose facts it changes.
    base: Option<Published>,
    /// In the order in which they are loaded, oldest first.
    pub(super) segments: Vec<Segment>,
}

impl Store {
    /// What the last run left behind, if it can still be gone on from: the facts beneath it are those
    /// that are current, and every byte is what was written. What cannot be gone on from is forgotten.
    /// `None`, too, while somebody goes on with it.
    ///
    /// # Errors
    ///
    /// Damage is none: the log tells of it, and the answer is `None`.
    pub fn unfinished(&self, tenant: &TenantKey) -> Result<Option<Unfinished>, Error> {
        let state = self.tenant(tenant);
        let _state = lock(&state);
        match self.intact(tenant) {
            Ok(Some(kept)) => {
                let is_staged = kept.runs().any(|run| self.is_staged(tenant, run));
                Ok((!is_staged).then_some(kept.unfinished))
            }
            Ok(None) => self.forget_kept(tenant).map(|()| None),
            Err(Error::Damaged(what)) => {
                tracing::warn!(%tenant, what, "what a run left unfinished is damaged and forgotten");
                self.forget_kept(tenant).map(|()| None)
            }
            Err(error) => Err(error),
        }
    }

    /// Forgets what an unfinished run had staged.
    pub fn forget_unfinished(&self, tenant: &TenantKey) -> Result<(), Error> {
        let state = self.tenant(tenant);
        let _state = lock(&state);
        self.forget_kept(tenant)
    }

    /// The checkpoint, compared to what was written.
    fn intact(&self, tenant: &TenantKey) -> Result<Option<Kept>, Error> {
        let facts = self.facts(tenant)?;
        let Some(kept) = self.current_checkpoint(tenant, &facts)? else {
            return Ok(None);
        };
        let reader = SegmentReader::new(self)?;
        let mut segments = kept.segments.iter();
        segments.try_for_each(|segment| reader.verify(segment))?;
        Ok(Some(kept))
    }

    /// The checkpoint that can be gone on from, as far as its record tells; `None` where that does not
    /// read.
    pub(super) fn kept(&self, tenant: &TenantKey, facts: &Facts) -> Result<Option<Kept>, Error> {
        match self.current_checkpoint(tenant, facts) {
            Err(Error::Damaged(what)) => {
                tracing::warn!(%tenant, what, "what a run left unfinished is damaged");
                Ok(None)
            }
            other => other,
        }
    }

    fn current_checkpoint(&self, tenant: &TenantKey, facts: &Facts) -> Result<Option<Kept>, Error> {
        let key = |part| keys::unfinished_part(tenant, part);
        let Some(bytes) = parts(&key).read(self)? else {
            return Ok(None);
        };
        let kept = Kept::decode(tenant, &bytes)?;
        let is_current = kept.base == facts.published && kept.runs().count() <= RUNS_MAX;
        Ok(is_current.then_some(kept))
    }

    /// Forgets the checkpoint; for whoever holds the tenant's lock.
    pub(super) fn forget_kept(&self, tenant: &TenantKey) -> Result<(), Error> {
        let mut batch = Batch::default();
        self.delete_kept(&mut batch, tenant)?;
        if batch.is_empty() {
            return Ok(());
        }
        // The record first: one that survives has its segments.
        self.write_durably(batch)?;
        match self.facts(tenant) {
            Ok(facts) => self.sweep(tenant, &facts),
            // Nothing is swept then: it may be what somebody wants to restore.
            Err(Error::Damaged(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Adds the deletion of the checkpoint to a batch.
    pub(super) fn delete_kept(&self, batch: &mut Batch, tenant: &TenantKey) -> Result<(), Error> {
        let key = |part| keys::unfinished_part(tenant, part);
        parts(&key).delete(self, batch)
    }

    fn is_staged(&self, tenant: &TenantKey, run: RunId) -> bool {
        let in_use = lock(&self.inner.in_use);
        in_use.staging.contains(&(tenant.clone(), run))
    }
}

impl Staging {
    /// Visits what was staged before it was gone on with: collection after collection as in
    /// [`Store::load`], each in the order in which it was staged. Rows that a later one of the same id
    /// replaces are visited, too.
    pub fn replay(&self, visit: &mut dyn FnMut(Replayed)) -> Result<(), Error> {
        self.check()?;
        let mut reader = SegmentReader::new(&self.store)?;
        for (collection, segments) in &self.resumed {
            for segment in segments {
                for frame in reader.frames(segment)? {
                    reader.rows(&frame, &mut |row| {
                        visit(Replayed::new(*collection, row)?);
                        Ok(())
                    })?;
                }
            }
        }
        Ok(())
    }

    /// From here on, what is staged so far outlives this process ([`Store::unfinished`]). `note` is for
    /// whoever goes on, at most 64 KiB. After an error the checkpoint before is the last one.
    pub fn checkpoint(&mut self, as_of: Timestamp, note: &[u8]) -> Result<(), Error> {
        self.keep(None, as_of, note)
    }

    /// Keeps everything for [`Store::unfinished`] and files the run as it ended, both or neither.
    pub fn hold(mut self, run: &SyncRun, as_of: Timestamp, note: &[u8]) -> Result<(), Error> {
        self.check_run(run)?;
        self.keep(Some(run), as_of, note)
    }

    /// Makes a checkpoint, with the run to be filed where it is held.
    fn keep(&mut self, run: Option<&SyncRun>, as_of: Timestamp, note: &[u8]) -> Result<(), Error> {
        self.check()?;
        if note.len() > NOTE_BYTES_MAX {
            return Err(Error::Io(format!(
                "a note of {} bytes is longer than the {NOTE_BYTES_MAX} that one may have",
                note.len()
            )));
        }
        let result = self.alone(|staging, state, facts| {
            let kept = Kept {
                unfinished: Unfinished {
                    run: staging.run,
                    as_of,
                    note: note.to_vec(),
                    is_held: run.is_some(),
                },
                base: facts.published,
                segments: staging.flush()?.into_values().flatten().collect(),
            };
            let store = staging.store.clone();
            // From now on a record may name its segments, whether we get to know of it or not.
            staging.has_checkpoint = true;
            // The segments first, then the record: one that survives has its segments.
            store.make_segments_durable(&staging.tenant)?;
            let mut batch = Batch::default();
            let key = |part| keys::unfinished_part(&staging.tenant, part);
            parts(&key).put(&store, &mut batch, &kept.encode())?;
            let runs = match run {
                Some(run) => Some(store.put_run(&mut batch, run, state.runs.take())?),
                None => state.runs,
            };
            store.write_or_undo(&staging.tenant, batch)?;
            state.runs = runs;
            Ok(())
        });
        self.remember(result)
    }

    /// Goes on with a checkpoint: its segments come before those that are staged from now on.
    pub(super) fn adopt(&mut self, unfinished: &Unfinished, facts: &Facts) -> Result<(), Error> {
        let kept = self.store.current_checkpoint(&self.tenant, facts)?;
        let Some(kept) = kept.filter(|kept| kept.unfinished == *unfinished) else {
            let run = unfinished.run;
            return Err(Error::Io(format!("run {run} is no longer unfinished")));
        };
        let own = self.run;
        kept.runs()
            .filter(|run| *run != own)
            .try_for_each(|run| self.pin(run))?;
        let mut resumed: BTreeMap<Collection, Vec<Segment>> = BTreeMap::new();
        for segment in kept.segments {
            let collection = segment.key.collection;
            if segment.key.run == own {
                // What is staged from now on comes beside it, and if we break off, it stays.
                segment.with_list().for_each(|own| self.skip_part(&own.key));
                self.has_checkpoint = true;
            }
            resumed.entry(collection).or_default().push(segment);
        }
        self.resumed = resumed;
        Ok(())
    }
}

/// The run that an unfinished one is built on; nothing where there was none before.
#[derive(Clone, PartialEq, Message)]
struct PublishedRecord {
    #[prost(bytes = "vec", tag = "1")]
    run: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    as_of: Option<TimeRecord>,
}

impl From<Published> for PublishedRecord {
    fn from(published: Published) -> Self {
        Self {
            run: published.run.0.as_bytes().to_vec(),
            as_of: Some(published.as_of.into()),
        }
    }
}

impl PublishedRecord {
    fn into_published(self) -> Result<Published, Error> {
        let as_of = self.as_of.ok_or_else(|| damaged("a run without a time"))?;
        Ok(Published {
            run: RunId(guid(&self.run)?),
            as_of: as_of.into_time()?,
        })
    }
}

/// A run that did not end.
#[derive(Clone, PartialEq, Message)]
struct UnfinishedRecord {
    #[prost(bytes = "vec", tag = "1")]
    run: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    as_of: Option<TimeRecord>,
    #[prost(message, optional, tag = "3")]
    base: Option<PublishedRecord>,
    #[prost(bool, tag = "4")]
    is_held: bool,
    #[prost(bytes = "vec", tag = "5")]
    note: Vec<u8>,
    /// Of each collection, oldest first.
    #[prost(message, repeated, tag = "6")]
    segments: Vec<StagedRecord>,
}

/// A segment that no manifest names yet.
#[derive(Clone, PartialEq, Message)]
struct StagedRecord {
    #[prost(uint32, tag = "1")]
    collection: u32,
    #[prost(message, optional, tag = "2")]
    segment: Option<SegmentRecord>,
}

impl Kept {
    /// The runs that staged anything of it, and the one that left it.
    fn runs(&self) -> impl Iterator<Item = RunId> {
        let staged = self.segments.iter().map(|segment| segment.key.run);
        let mut runs: Vec<_> = staged.chain([self.unfinished.run]).collect();
        runs.sort_unstable();
        runs.dedup();
        runs.into_iter()
    }

    fn encode(&self) -> Vec<u8> {
        let Unfinished {
            run,
            as_of,
            note,
            is_held,
        } = &self.unfinished;
        let segment = |segment: &Segment| StagedRecord {
            collection: segment.key.collection.number(),
            segment: Some(segment.to_record()),
        };
        UnfinishedRecord {
            run: run.0.as_bytes().to_vec(),
            as_of: Some((*as_of).into()),
            base: self.base.map(PublishedRecord::from),
            is_held: *is_held,
            note: note.clone(),
            segments: self.segments.iter().map(segment).collect(),
        }
        .encode_to_vec()
    }

    fn decode(tenant: &TenantKey, bytes: &[u8]) -> Result<Self, Error> {
        let record: UnfinishedRecord = decode(bytes)?;
        let segment = |staged: StagedRecord| {
            let collection = known(staged.collection, "collection")?;
            let segment = staged.segment;
            let segment = segment.ok_or_else(|| damaged("a segment of nothing"))?;
            Segment::from_record(tenant, collection, segment)
        };
        let segments = record.segments.into_iter().map(segment);
        let as_of = record.as_of;
        Ok(Self {
            unfinished: Unfinished {
                run: RunId(guid(&record.run)?),
                as_of: as_of
                    .ok_or_else(|| damaged("a checkpoint without a time"))?
                    .into_time()?,
                note: record.note,
                is_held: record.is_held,
            },
            base: record
                .base
                .map(PublishedRecord::into_published)
                .transpose()?,
            segments: segments.collect::<Result<_, Error>>()?,
        })
    }
}

/// Where the record of a checkpoint is.
fn parts<'a>(key: &'a (dyn Fn(u32) -> Key + Sync)) -> Parts<'a> {
    Parts {
        what: "the record of an unfinished run",
        kind: Kind::UnfinishedPart,
        key,
        bytes_max: RECORD_BYTES_MAX,
        level: 3,
    }
}
