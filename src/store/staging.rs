//! What a run changes, on its way to disk, and the moment in which it becomes current.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;
use prost::Message;

use super::backend::{Batch, Key, Range};
use super::envelope::{self, Kind};
use super::facts::{Facts, newest_rows};
use super::frames::{FactRef, Row};
use super::keys::{self, SegmentKey};
use super::manifest::{Manifest, Merge, Segment};
use super::records::CurrentRecord;
use super::segments::{SegmentReader, SegmentWriter};
use super::{Error, Published, Store, Table, lock};
use crate::domain::group::Group;
use crate::domain::ids::{ObjectId, RunId, SkuId, SubscriptionId, TenantKey};
use crate::domain::license::License;
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::{Dataset, SyncRun};
use crate::domain::tenant::Organization;
use crate::domain::usage::{HistoryUser, UsageDay, Workload};
use crate::domain::user::User;
use crate::domain::user_fact::UserFact;

/// What one run changes, on its way to disk. Dropped without `commit`, it leaves nothing behind
/// (at the latest after the next open).
///
/// Rows are written as they come, some thousand at a time; memory stays bounded. Of several rows of
/// one id the last counts. After the first error every further call answers it.
pub struct Staging {
    store: Store,
    tenant: TenantKey,
    run: RunId,
    /// Of the datasets that anything was staged of.
    writers: BTreeMap<Dataset, SegmentWriter>,
    /// What it changes: the run that was current when it began.
    base: Option<Published>,
    /// Which opening of the engine its blocks were written to.
    generation: u64,
    /// Whether there may be blocks of it.
    has_blocks: bool,
    /// Whether it keeps its blocks from being swept. False for a second staging of a run, too.
    is_registered: bool,
    outcome: Outcome,
}

/// What has become of a staging.
enum Outcome {
    /// Rows are taken.
    Open,
    /// Nothing more is taken, for this reason; nothing became visible.
    Failed(Error),
    /// It is current, or nobody knows: its blocks are no longer ours to remove.
    Settled,
}

impl Store {
    /// Begins to stage what a run changes; nothing is visible before `commit`. An error met here is
    /// answered by the first call.
    pub fn stage(&self, tenant: &TenantKey, run: RunId) -> Staging {
        let mut staging = Staging {
            store: self.clone(),
            tenant: tenant.clone(),
            run,
            writers: BTreeMap::new(),
            base: None,
            generation: self.inner.generation.load(Ordering::SeqCst),
            has_blocks: false,
            is_registered: false,
            outcome: Outcome::Open,
        };
        staging.is_registered = lock(&self.inner.in_use)
            .staging
            .insert((tenant.clone(), run));
        if let Err(error) = staging.begin() {
            staging.outcome = Outcome::Failed(error);
        }
        staging
    }
}

impl Staging {
    /// Stages the organization.
    pub fn set_organization(&mut self, organization: &Organization) -> Result<(), Error> {
        self.put(FactRef::Organization(organization))
    }

    /// Stages a license that is new or changed.
    pub fn put_license(&mut self, license: &License) -> Result<(), Error> {
        self.put(FactRef::License(license))
    }

    /// Stages that a license is gone.
    pub fn remove_license(&mut self, id: SkuId) -> Result<(), Error> {
        self.with(Dataset::Licenses, |writer| writer.remove(id.0))
    }

    /// Stages a user who is new or changed.
    pub fn put_user(&mut self, user: &User) -> Result<(), Error> {
        self.put(FactRef::User(user))
    }

    /// Stages that a user is gone.
    pub fn remove_user(&mut self, id: ObjectId) -> Result<(), Error> {
        self.with(Dataset::Users, |writer| writer.remove(id.0))
    }

    /// Stages a group that is new or changed.
    pub fn put_group(&mut self, _group: &Group) -> Result<(), Error> {
        todo!()
    }

    /// Stages that a group is gone.
    pub fn remove_group(&mut self, _id: ObjectId) -> Result<(), Error> {
        todo!()
    }

    /// Stages a subscription that is new or changed.
    pub fn put_subscription(&mut self, _subscription: &Subscription) -> Result<(), Error> {
        todo!()
    }

    /// Stages that a subscription is gone.
    pub fn remove_subscription(&mut self, _id: SubscriptionId) -> Result<(), Error> {
        todo!()
    }

    /// Stages what a dataset says of a user.
    pub fn put_user_fact(&mut self, _fact: &UserFact) -> Result<(), Error> {
        todo!()
    }

    /// Stages that a dataset says nothing of a user any more.
    pub fn remove_user_fact(&mut self, _dataset: Dataset, _id: ObjectId) -> Result<(), Error> {
        todo!()
    }

    /// Stages a user's number in the history.
    pub fn put_history_user(&mut self, _user: &HistoryUser) -> Result<(), Error> {
        todo!()
    }

    /// Stages who used a workload on a day, in place of what was said of that day.
    pub fn put_usage_day(&mut self, _day: &UsageDay) -> Result<(), Error> {
        todo!()
    }

    /// Stages that a day is forgotten.
    pub fn remove_usage_day(&mut self, _workload: Workload, _on: Date) -> Result<(), Error> {
        todo!()
    }

    /// Stages what is known of a dataset besides its rows.
    pub fn set_standing(&mut self, _standing: &Standing) -> Result<(), Error> {
        todo!()
    }

    /// Forgets what was staged of one dataset: it failed, its older facts stay.
    pub fn discard(&mut self, dataset: Dataset) -> Result<(), Error> {
        self.check()?;
        self.writers.remove(&dataset);
        let result = self
            .store
            .delete_range(&keys::segment(&self.segment(dataset, 0)));
        self.remember(result)
    }

    /// Makes the staged facts current and files the finished run, both or neither; durable on return.
    ///
    /// After an error nothing of it is visible: where it is not known what reached the disk,
    /// [`Store::heal`] takes it back before writes are taken again, and a new start shows one or the
    /// other, whole.
    pub fn commit(mut self, run: &SyncRun, as_of: Timestamp) -> Result<(), Error> {
        self.check()?;
        if run.id != self.run || run.tenant != self.tenant {
            return Err(Error::Io(
                "the run to file is not the one that was staged".to_owned(),
            ));
        }
        let store = self.store.clone();
        let state = store.tenant(&self.tenant);
        let mut state = lock(&state);
        // While this is held the engine is not opened anew: what is durable below stays so.
        let healing = store.inner.healing.read();
        let healing = healing.unwrap_or_else(PoisonError::into_inner);
        if store.inner.generation.load(Ordering::SeqCst) != self.generation {
            return Err(Error::Io(
                "the store was opened anew while the run was staged".to_owned(),
            ));
        }
        let before = store.facts(&self.tenant)?;
        if before.published != self.base {
            return Err(Error::Io("another run was committed meanwhile".to_owned()));
        }
        let mut after = self.finish_segments(&before)?;
        after.published = Some(Published {
            run: self.run,
            as_of,
        });

        // The blocks first, then the pointer to them: a pointer that survives has its blocks.
        let backend = &store.inner.backend;
        backend.make_durable()?;
        let mut batch = Batch::default();
        put_facts(&mut batch, &self.tenant, &before, &after);
        let runs = store.put_run(&mut batch, run, state.runs.take())?;
        let undo = store.restoring(&batch)?;
        lock(&store.inner.undo).insert(self.tenant.clone(), undo);
        self.outcome = Outcome::Settled;
        backend.write(batch)?;
        backend.make_durable()?;
        lock(&store.inner.undo).remove(&self.tenant);
        drop(healing);

        state.runs = Some(runs);
        // What was staged and merged into something else is swept, too.
        self.release();
        if let Err(error) = store.sweep(&self.tenant, &after) {
            tracing::warn!(%error, "what the run replaced is not removed yet");
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Error> {
        let facts = self.store.facts(&self.tenant)?;
        self.base = facts.published;
        let stored = self
            .store
            .stored_segments(&keys::all_of(Table::Block, &self.tenant))?;
        let own: Vec<_> = stored
            .iter()
            .filter(|segment| segment.run == self.run)
            .collect();
        let named = |key: &SegmentKey| {
            let mut segments = facts
                .manifests
                .values()
                .flat_map(|manifest| &manifest.segments);
            segments.any(|segment| segment.key == *key)
        };
        if !self.is_registered || own.iter().any(|segment| named(segment)) {
            return Err(Error::Io(format!("run {} was staged before", self.run)));
        }
        // Left by an earlier try at the same run.
        own.into_iter()
            .try_for_each(|segment| self.store.delete_range(&keys::segment(segment)))
    }

    fn put(&mut self, fact: FactRef<'_>) -> Result<(), Error> {
        self.with(fact.dataset(), |writer| writer.put(fact))
    }

    /// Works on the writer of a dataset.
    fn with(
        &mut self,
        dataset: Dataset,
        work: impl FnOnce(&mut SegmentWriter) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.check()?;
        let result = self.writer(dataset).and_then(work);
        self.remember(result)
    }

    fn writer(&mut self, dataset: Dataset) -> Result<&mut SegmentWriter, Error> {
        if !self.writers.contains_key(&dataset) {
            let writer = SegmentWriter::new(&self.store, self.segment(dataset, 0))?;
            self.writers.insert(dataset, writer);
            self.has_blocks = true;
        }
        let writer = self.writers.get_mut(&dataset);
        writer.ok_or_else(|| Error::Io("no writer".to_owned()))
    }

    fn segment(&self, dataset: Dataset, part: u8) -> SegmentKey {
        SegmentKey {
            tenant: self.tenant.clone(),
            dataset,
            run: self.run,
            part,
        }
    }

    fn check(&self) -> Result<(), Error> {
        match &self.outcome {
            Outcome::Failed(error) => Err(error.clone()),
            Outcome::Open | Outcome::Settled => Ok(()),
        }
    }

    fn remember<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.outcome = Outcome::Failed(error.clone());
        }
        result
    }

    /// Leaves its blocks to the sweep.
    fn release(&mut self) {
        if std::mem::take(&mut self.is_registered) {
            let mut in_use = lock(&self.store.inner.in_use);
            in_use.staging.remove(&(self.tenant.clone(), self.run));
        }
    }

    /// Writes the rest of what was staged, and what is to be merged.
    fn finish_segments(&mut self, before: &Facts) -> Result<Facts, Error> {
        let mut after = before.clone();
        for (dataset, writer) in std::mem::take(&mut self.writers) {
            let Some(segment) = writer.finish()? else {
                continue;
            };
            let manifest = after.manifests.entry(dataset).or_default();
            if dataset == Dataset::Organization {
                // There is one, so a new one replaces all before it.
                manifest.segments.clear();
            }
            manifest.segments.push(segment);
            let mut part: u8 = 1;
            while let Some(merge) = manifest.due_merge() {
                let merged = self.merge(manifest, &merge, part)?;
                manifest.apply(&merge, merged);
                part = part.saturating_add(1);
            }
        }
        after
            .manifests
            .retain(|_, manifest| !manifest.segments.is_empty());
        Ok(after)
    }

    /// Writes the newest rows of some segments as one segment; `None` when none are left.
    fn merge(
        &self,
        manifest: &Manifest,
        merge: &Merge,
        part: u8,
    ) -> Result<Option<Segment>, Error> {
        let Some(segments) = manifest.segments.get(merge.segments.clone()) else {
            return Ok(None);
        };
        let Some(dataset) = segments.first().map(|segment| segment.key.dataset) else {
            return Ok(None);
        };
        let mut reader = SegmentReader::new(&self.store)?;
        // Damage must not be merged into something that looks whole.
        segments
            .iter()
            .try_for_each(|segment| reader.verify(segment))?;
        let mut writer = SegmentWriter::new(&self.store, self.segment(dataset, part))?;
        newest_rows(&mut reader, segments, &mut |row| match row {
            Row::Put(fact) => writer.put((&fact).into()),
            // Below the base there is nothing left to remove.
            Row::Removed(_) if merge.is_base => Ok(()),
            Row::Removed(id) => writer.remove(id),
        })?;
        writer.finish()
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.has_blocks && !matches!(self.outcome, Outcome::Settled) {
            // What cannot be removed now is swept at the next commit or open.
            let _ = Dataset::ALL.into_iter().try_for_each(|dataset| {
                let last = keys::segment(&self.segment(dataset, u8::MAX));
                self.store.delete_range(&Range {
                    until: last.until,
                    ..keys::segment(&self.segment(dataset, 0))
                })
            });
        }
        self.release();
    }
}

/// Adds what differs between two states of a tenant's facts, and the pointer.
fn put_facts(batch: &mut Batch, tenant: &TenantKey, before: &Facts, after: &Facts) {
    for dataset in Dataset::ALL {
        let (old, new) = (
            before.manifests.get(&dataset),
            after.manifests.get(&dataset),
        );
        let key = keys::manifest(tenant, dataset);
        match new {
            _ if old == new => {}
            None => batch.delete(key),
            Some(manifest) => {
                let value = envelope::seal(&key, Kind::Manifest, &manifest.encode());
                batch.put(key, value);
            }
        }
    }
    if let Some(published) = after.published {
        let key = keys::current(tenant);
        let record = CurrentRecord::new(published, after.digest()).encode_to_vec();
        let value = envelope::seal(&key, Kind::Current, &record);
        batch.put(key, value);
    }
}

impl Store {
    /// The batch that puts back what a batch is about to change.
    fn restoring(&self, batch: &Batch) -> Result<Batch, Error> {
        let restore = |(key, _): &(Key, Option<Vec<u8>>)| {
            let value = self.inner.backend.get(key)?;
            Ok((key.clone(), value))
        };
        let writes = batch
            .writes
            .iter()
            .map(restore)
            .collect::<Result<_, Error>>()?;
        Ok(Batch { writes })
    }
}
