//! What a run changes, on its way to disk, and the moment in which it becomes current.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;
use prost::Message;
use uuid::Uuid;

use super::backend::{Batch, Key};
use super::collection::Collection;
use super::envelope::{self, Kind};
use super::facts::Facts;
use super::frames::{FactRef, usage_day_id};
use super::ids::Listed;
use super::keys::{self, SegmentKey};
use super::manifest::{Place, Segment};
use super::naming::Naming;
use super::records::CurrentRecord;
use super::segments::SegmentWriter;
use super::{Error, Published, Store, TenantState, Unfinished, lock};
use crate::domain::finding::FindingsPast;
use crate::domain::group::Group;
use crate::domain::ids::{ObjectId, RunId, SkuId, SubscriptionId, TenantKey};
use crate::domain::license::License;
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::{Dataset, SyncRun};
use crate::domain::tenant::Organization;
use crate::domain::usage::{HistoryUser, UsageDay, Workload};
use crate::domain::user::User;
use crate::domain::user_change::RunChanges;
use crate::domain::user_fact::UserFact;

/// What one run changes, on its way to disk. Dropped without `commit`, it leaves nothing behind
/// (at the latest after the next open) but its last checkpoint, if it reached one.
///
/// Rows are written as they come, some thousand at a time; memory stays bounded. Of several rows of
/// one id the last counts. After the first error every further call answers it.
pub struct Staging {
    pub(super) store: Store,
    pub(super) tenant: TenantKey,
    pub(super) run: RunId,
    /// Of the collections that anything was staged of.
    pub(super) writers: BTreeMap<Collection, SegmentWriter>,
    /// The part that a collection's next segment is, where it is not the first.
    next_parts: BTreeMap<Collection, u8>,
    /// What it goes on with: segments of runs that did not end, oldest first.
    pub(super) resumed: BTreeMap<Collection, Vec<Segment>>,
    /// What it changes: the run that was current when it began.
    pub(super) base: Option<Published>,
    /// The collections that had facts then.
    filled: BTreeSet<Collection>,
    /// The list that the base of users had then.
    pub(super) list_of_base: Option<Segment>,
    /// The list that was used last.
    pub(super) list: Option<Listed>,
    /// Which opening of the engine its segments were written to.
    generation: u64,
    /// Whether a checkpoint may name its segments. Then they are not its own to remove.
    pub(super) has_checkpoint: bool,
    /// The runs whose segments it keeps from being swept. Without its own in a second staging of a run.
    pinned: BTreeSet<RunId>,
    outcome: Outcome,
}

/// What has become of a staging.
enum Outcome {
    /// Rows are taken.
    Open,
    /// Nothing more is taken, for this reason; nothing became visible.
    Failed(Error),
    /// It is current, or nobody knows: its segments are no longer ours to remove.
    Settled,
}

impl Store {
    /// Begins to stage what a run changes; nothing is visible before `commit`. What an earlier run
    /// left unfinished is forgotten. An error met here is answered by the first call.
    pub fn stage(&self, tenant: &TenantKey, run: RunId) -> Staging {
        Staging::begin(self, tenant, run, None)
    }

    /// Goes on with what an unfinished run had staged, under a new run's id, or under its own when
    /// somebody accepts what was held back; for the rest as [`stage`](Self::stage). Until the new run is committed or reaches a checkpoint of its own, the
    /// old one stays unfinished: should the new one break off before, it can be tried again.
    pub fn resume(&self, tenant: &TenantKey, unfinished: &Unfinished, run: RunId) -> Staging {
        Staging::begin(self, tenant, run, Some(unfinished))
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
        self.remove(Collection::Licenses, id.0)
    }

    /// Stages a user who is new or changed.
    pub fn put_user(&mut self, user: &User) -> Result<(), Error> {
        self.put(FactRef::User(user))
    }

    /// Stages that a user is gone.
    pub fn remove_user(&mut self, id: ObjectId) -> Result<(), Error> {
        self.remove(Collection::Users, id.0)
    }

    /// Stages a group that is new or changed.
    pub fn put_group(&mut self, group: &Group) -> Result<(), Error> {
        self.put(FactRef::Group(group))
    }

    /// Stages that a group is gone.
    pub fn remove_group(&mut self, id: ObjectId) -> Result<(), Error> {
        self.remove(Collection::Groups, id.0)
    }

    /// Stages a subscription that is new or changed.
    pub fn put_subscription(&mut self, subscription: &Subscription) -> Result<(), Error> {
        self.put(FactRef::Subscription(subscription))
    }

    /// Stages that a subscription is gone.
    pub fn remove_subscription(&mut self, id: SubscriptionId) -> Result<(), Error> {
        self.remove(Collection::Subscriptions, id.0)
    }

    /// Stages what a dataset says of a user.
    pub fn put_user_fact(&mut self, fact: &UserFact) -> Result<(), Error> {
        self.put(FactRef::UserFact(fact))
    }

    /// Stages that a dataset says nothing of a user any more.
    pub fn remove_user_fact(&mut self, dataset: Dataset, id: ObjectId) -> Result<(), Error> {
        match Collection::of_user_facts(dataset) {
            Some(collection) => self.remove(collection, id.0),
            None => self.refuse(),
        }
    }

    /// Stages a user's number in the history.
    pub fn put_history_user(&mut self, user: &HistoryUser) -> Result<(), Error> {
        self.put(FactRef::HistoryUser(user))
    }

    /// Stages who used a workload on a day, in place of what was said of that day.
    pub fn put_usage_day(&mut self, day: &UsageDay) -> Result<(), Error> {
        self.put(FactRef::UsageDay(day))
    }

    /// Stages that a day is forgotten.
    pub fn remove_usage_day(&mut self, workload: Workload, on: Date) -> Result<(), Error> {
        let id = usage_day_id(workload, on);
        self.remove(Collection::UsageDays(workload), id)
    }

    /// Stages what is remembered of findings about a user, or about none; of nothing, that nothing is.
    pub fn put_findings(&mut self, past: &FindingsPast) -> Result<(), Error> {
        match past.is_empty() {
            true => {
                let about = past.about.map_or_else(Uuid::nil, |user| user.0);
                self.remove(Collection::Findings, about)
            }
            false => self.put(FactRef::Findings(past)),
        }
    }

    /// Stages what a run changed of users.
    pub fn put_user_changes(&mut self, changes: &RunChanges) -> Result<(), Error> {
        self.put(FactRef::UserChanges(changes))
    }

    /// Stages that what a run changed is forgotten.
    pub fn remove_user_changes(&mut self, run: RunId) -> Result<(), Error> {
        self.remove(Collection::UserChanges, run.0)
    }

    /// Stages what is known of a dataset besides its rows. Of its lists the first 200 fetches and
    /// covered spans, the first 65,536 hashes and former names and the first 16,384 absent members are
    /// kept: the newest.
    pub fn set_standing(&mut self, standing: &Standing) -> Result<(), Error> {
        self.put(FactRef::Standing(standing))
    }

    /// Forgets what was staged of one dataset, its standing and its days of the history included: it
    /// failed, its older facts stay.
    pub fn discard(&mut self, dataset: Dataset) -> Result<(), Error> {
        self.check()?;
        let mut own = Collection::all().filter(|found| found.dataset() == Some(dataset));
        let result = own.try_for_each(|collection| self.forget(collection));
        self.remember(result)
    }

    /// Makes the staged facts current and files the finished run, both or neither; durable on return.
    ///
    /// After an error nothing of it is visible: where it is not known what reached the disk,
    /// [`Store::heal`] takes it back before writes are taken again, and a new start shows one or the
    /// other, whole.
    pub fn commit(mut self, run: &SyncRun, as_of: Timestamp) -> Result<(), Error> {
        self.check()?;
        self.check_run(run)?;
        self.alone(|staging, state, before| {
            let mut after = staging.finish_segments(before)?;
            after.published = Some(Published {
                run: staging.run,
                as_of,
            });
            let store = staging.store.clone();
            // The segments first, then the pointer to them: a pointer that survives has its segments.
            store.make_segments_durable(&staging.tenant)?;
            let mut batch = Batch::default();
            put_facts(&mut batch, &staging.tenant, before, &after);
            store.delete_kept(&mut batch, &staging.tenant)?;
            let runs = store.put_run(&mut batch, run, state.runs.take())?;
            staging.outcome = Outcome::Settled;
            store.write_or_undo(&staging.tenant, batch)?;
            state.runs = Some(runs);
            // What was staged and merged into something else is swept, too.
            staging.release();
            if let Err(error) = store.sweep(&staging.tenant, &after) {
                tracing::warn!(%error, "what the run replaced is not removed yet");
            }
            Ok(())
        })
    }

    fn begin(store: &Store, tenant: &TenantKey, run: RunId, from: Option<&Unfinished>) -> Self {
        let mut staging = Self {
            store: store.clone(),
            tenant: tenant.clone(),
            run,
            writers: BTreeMap::new(),
            next_parts: BTreeMap::new(),
            resumed: BTreeMap::new(),
            base: None,
            filled: BTreeSet::new(),
            list_of_base: None,
            list: None,
            generation: store.inner.generation.load(Ordering::SeqCst),
            has_checkpoint: false,
            pinned: BTreeSet::new(),
            outcome: Outcome::Open,
        };
        if let Err(error) = staging.try_begin(from) {
            staging.outcome = Outcome::Failed(error);
        }
        staging
    }

    fn try_begin(&mut self, from: Option<&Unfinished>) -> Result<(), Error> {
        let state = self.store.tenant(&self.tenant);
        let _state = lock(&state);
        self.pin(self.run)?;
        let facts = self.store.facts(&self.tenant)?;
        self.base = facts.published;
        self.filled = facts.manifests.keys().copied().collect();
        self.list_of_base = facts.list_of_users().cloned();
        let mut own = self.store.stored_segments(&self.tenant)?;
        own.retain(|(key, _)| key.run == self.run);
        let named = |key: &SegmentKey| {
            let mut named = facts.segments().flat_map(Segment::with_list);
            named.any(|segment| segment.key == *key)
        };
        if own.iter().any(|(key, _)| named(key)) {
            return Err(self.staged_before(self.run));
        }
        match from {
            Some(unfinished) => self.adopt(unfinished, &facts)?,
            None => self.store.forget_kept(&self.tenant)?,
        }
        // Left by an earlier try at the same run.
        let is_adopted = |key: &SegmentKey, place: Place| {
            let resumed = self.resumed.values().flatten();
            let mut resumed = resumed.flat_map(Segment::with_list);
            resumed.any(|one| (&one.key, one.place) == (key, place))
        };
        own.iter()
            .filter(|(key, place)| !is_adopted(key, *place))
            .try_for_each(|(key, place)| self.store.remove_segment(key, *place))
    }

    /// Keeps a run's segments from being swept; nobody else may be at it.
    pub(super) fn pin(&mut self, run: RunId) -> Result<(), Error> {
        let mut in_use = lock(&self.store.inner.in_use);
        if in_use.staging.insert((self.tenant.clone(), run)) {
            self.pinned.insert(run);
            return Ok(());
        }
        drop(in_use);
        Err(self.staged_before(run))
    }

    fn staged_before(&self, run: RunId) -> Error {
        Error::Io(format!("run {run} was staged before"))
    }

    fn put(&mut self, fact: FactRef<'_>) -> Result<(), Error> {
        match fact.collection() {
            Some(collection) => self.with(collection, |writer| writer.put(fact)),
            None => self.refuse(),
        }
    }

    fn remove(&mut self, collection: Collection, id: Uuid) -> Result<(), Error> {
        self.with(collection, |writer| writer.remove(id))
    }

    fn refuse(&mut self) -> Result<(), Error> {
        let error = "a dataset that says nothing of users in rows of its own";
        self.remember(Err(Error::Io(error.to_owned())))
    }

    /// Works on the writer of a collection.
    fn with(
        &mut self,
        collection: Collection,
        work: impl FnOnce(&mut SegmentWriter) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.check()?;
        let result = self.writer(collection).and_then(work);
        self.remember(result)
    }

    fn writer(&mut self, collection: Collection) -> Result<&mut SegmentWriter, Error> {
        if !self.writers.contains_key(&collection) {
            let segment = self.next_segment(collection)?;
            // What changes a base is short, and has rows of few users.
            let naming = match self.filled.contains(&collection) {
                true => Naming::Whole,
                false => self.naming_of_base(collection)?,
            };
            let writer = SegmentWriter::new(&self.store, segment, naming)?;
            self.writers.insert(collection, writer);
        }
        let writer = self.writers.get_mut(&collection);
        writer.ok_or_else(|| Error::Io("no writer".to_owned()))
    }

    /// A segment of the run that nothing was written to yet.
    pub(super) fn next_segment(&mut self, collection: Collection) -> Result<SegmentKey, Error> {
        let next = self.next_parts.entry(collection).or_default();
        let part = *next;
        *next = part
            .checked_add(1)
            .ok_or_else(|| Error::Io("a collection of too many parts".to_owned()))?;
        Ok(SegmentKey {
            tenant: self.tenant.clone(),
            collection,
            run: self.run,
            part,
        })
    }

    /// Takes a part of its own run for written.
    pub(super) fn skip_part(&mut self, key: &SegmentKey) {
        let next = self.next_parts.entry(key.collection).or_default();
        *next = (*next).max(key.part.saturating_add(1));
    }

    fn forget(&mut self, collection: Collection) -> Result<(), Error> {
        self.resumed.remove(&collection);
        match self.writers.remove(&collection) {
            // Until the next checkpoint, the last one is what is found after a crash.
            Some(writer) if !self.has_checkpoint => self.store.remove_everywhere(writer.key()),
            _ => Ok(()),
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.outcome {
            Outcome::Failed(error) => Err(error.clone()),
            Outcome::Open | Outcome::Settled => Ok(()),
        }
    }

    /// Refuses to file a run that is not the one that was staged.
    pub(super) fn check_run(&self, run: &SyncRun) -> Result<(), Error> {
        if run.id == self.run && run.tenant == self.tenant {
            return Ok(());
        }
        let error = "the run to file is not the one that was staged";
        Err(Error::Io(error.to_owned()))
    }

    pub(super) fn remember<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.outcome = Outcome::Failed(error.clone());
        }
        result
    }

    /// Leaves its segments to the sweep.
    fn release(&mut self) {
        let mut in_use = lock(&self.store.inner.in_use);
        for run in std::mem::take(&mut self.pinned) {
            in_use.staging.remove(&(self.tenant.clone(), run));
        }
    }

    /// Works on the tenant while nobody else does and the engine is not opened anew, so that what is
    /// durable stays so; only if the facts are still those that the run was compared to.
    pub(super) fn alone<T>(
        &mut self,
        work: impl FnOnce(&mut Self, &mut TenantState, &Facts) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let store = self.store.clone();
        let state = store.tenant(&self.tenant);
        let mut state = lock(&state);
        let healing = store.inner.healing.read();
        let _healing = healing.unwrap_or_else(PoisonError::into_inner);
        if store.inner.generation.load(Ordering::SeqCst) != self.generation {
            return Err(Error::Io(
                "the store was opened anew while the run was staged".to_owned(),
            ));
        }
        let facts = store.facts(&self.tenant)?;
        if facts.published != self.base {
            return Err(Error::Io("another run was committed meanwhile".to_owned()));
        }
        work(self, &mut state, &facts)
    }

    /// Writes the rest of what was staged; all segments, those that it went on with first.
    pub(super) fn flush(&mut self) -> Result<BTreeMap<Collection, Vec<Segment>>, Error> {
        let mut segments = self.resumed.clone();
        for (collection, writer) in &mut self.writers {
            if let Some(segment) = writer.flush()? {
                segments.entry(*collection).or_default().push(segment);
            }
        }
        Ok(segments)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.has_checkpoint && !matches!(self.outcome, Outcome::Settled) {
            // What cannot be removed now is swept at the next commit or open.
            let _ = self.next_parts.iter().try_for_each(|(collection, next)| {
                (0..*next).try_for_each(|part| {
                    let segment = SegmentKey {
                        tenant: self.tenant.clone(),
                        collection: *collection,
                        run: self.run,
                        part,
                    };
                    self.store.remove_everywhere(&segment)
                })
            });
        }
        self.release();
    }
}

/// Adds what differs between two states of a tenant's facts, and the pointer.
fn put_facts(batch: &mut Batch, tenant: &TenantKey, before: &Facts, after: &Facts) {
    for collection in Collection::all() {
        let (old, new) = (
            before.manifests.get(&collection),
            after.manifests.get(&collection),
        );
        let key = keys::manifest(tenant, collection);
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
    /// Writes a batch of a tenant, durable on return; for whoever holds `healing`. Where it fails and
    /// it is not known what reached the disk, [`heal`](Store::heal) takes it back.
    pub(super) fn write_or_undo(&self, tenant: &TenantKey, batch: Batch) -> Result<(), Error> {
        batch.check()?;
        let undo = self.restoring(&batch)?;
        lock(&self.inner.undo).insert(tenant.clone(), undo);
        self.inner.backend.write(batch)?;
        self.inner.backend.make_durable()?;
        lock(&self.inner.undo).remove(tenant);
        Ok(())
    }

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
