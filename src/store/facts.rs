//! The facts of a tenant: what is current, loading it, and sweeping up what is not.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::mpsc;

use foldhash::fast::RandomState;
use uuid::Uuid;

use super::collection::Collection;
use super::envelope::Kind;
use super::frames::Row;
use super::keys::{self, SegmentKey};
use super::manifest::{Manifest, Place, Segment, digest};
use super::records::{CurrentRecord, decode};
use super::segments::{FrameAt, SegmentReader};
use super::{Error, Fact, Published, Store, Table, backend::Batch, backend::Range, lock};
use crate::domain::ids::TenantKey;

/// What is current of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Facts {
    /// `None` when nothing was ever committed.
    pub(super) published: Option<Published>,
    /// Of the collections that have any facts.
    pub(super) manifests: BTreeMap<Collection, Manifest>,
}

impl Facts {
    /// What the pointer says of the manifests.
    pub(super) fn digest(&self) -> [u8; 32] {
        digest(
            self.manifests
                .iter()
                .map(|(collection, manifest)| (*collection, manifest)),
        )
    }

    /// The list by which the base of users names ids.
    pub(super) fn list_of_users(&self) -> Option<&Segment> {
        let base = self.manifests.get(&Collection::Users)?.segments.first()?;
        base.list.as_deref()
    }

    /// All segments, in the order in which they are loaded.
    pub(super) fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.manifests
            .values()
            .flat_map(|manifest| &manifest.segments)
    }
}

/// Frames that wait to be visited; more would only hold memory.
const FRAMES_WAITING_MAX: usize = 1;
/// So many threads read: whoever visits is rarely the slowest, and memory holds frames of each.
const READERS: usize = 2;

impl Store {
    /// Reads all current facts of a tenant, each once; `None` when no run was ever committed. Standings
    /// come first, then organization, licenses, users, groups, subscriptions, what else is known of
    /// users, the history: its users, then its days, and what is remembered of findings and changes.
    ///
    /// Every byte is read once and compared to what was written before anything is made of it. After
    /// an error, what was visited until then is void.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] names tenant, dataset and run; see [`Store::forget_facts`].
    pub fn load(
        &self,
        tenant: &TenantKey,
        visit: &mut dyn FnMut(Fact),
    ) -> Result<Option<Published>, Error> {
        self.visit_newest(tenant, Twice::Never, &|fact| fact, visit)
    }

    /// The same, with every fact made into something else by the threads that read. Of a user, and of
    /// what a dataset says of one, there may come two facts: the first is the one that counts. They
    /// are told apart more cheaply where they are taken in, by a bit in place of an id.
    pub fn load_prepared<P: Send>(
        &self,
        tenant: &TenantKey,
        prepare: &(impl Fn(Fact) -> P + Sync),
        visit: &mut dyn FnMut(P),
    ) -> Result<Option<Published>, Error> {
        self.visit_newest(tenant, Twice::InBase, prepare, visit)
    }

    fn visit_newest<P: Send>(
        &self,
        tenant: &TenantKey,
        twice: Twice,
        prepare: &(impl Fn(Fact) -> P + Sync),
        visit: &mut dyn FnMut(P),
    ) -> Result<Option<Published>, Error> {
        let _pin = LoadPin::new(self, tenant);
        let facts = self.facts(tenant)?;
        let manifests: Vec<&[Segment]> = facts
            .manifests
            .values()
            .map(|manifest| manifest.segments.as_slice())
            .collect();
        let prepare = |row| match row {
            Row::Put(fact) => Some(prepare(fact)),
            Row::Removed(_) => None,
        };
        newest_rows(self, &manifests, twice, &prepare, &mut |row| {
            if let Some(fact) = row {
                visit(fact);
            }
            Ok(())
        })?;
        Ok(facts.published)
    }

    /// Forgets the facts of a tenant and what an unfinished run had staged, so that its next run stores them anew. Its ledger, connection,
    /// secrets and names stay. The way out when facts are damaged; nothing else deletes those.
    pub fn forget_facts(&self, tenant: &TenantKey) -> Result<(), Error> {
        let state = self.tenant(tenant);
        let _state = lock(&state);
        let mut batch = Batch::default();
        for table in [Table::Current, Table::Manifest, Table::Unfinished] {
            for key in self.keys_in(&keys::all_of(table, tenant), usize::MAX)? {
                batch.delete(key);
            }
        }
        self.write_durably(batch)?;
        self.remove_segments(tenant)
    }

    /// Removes all segments of a tenant, which nothing names any more.
    pub(super) fn remove_segments(&self, tenant: &TenantKey) -> Result<(), Error> {
        self.delete_range(&keys::all_of(Table::Block, tenant))?;
        let backend = &self.inner.backend;
        let files = backend.files(tenant)?;
        files.iter().try_for_each(|file| backend.remove_file(file))
    }

    /// What is current. Pointer and manifests vouch for each other: when one of them is lost or
    /// older than the others, that is damage and not an empty or older answer.
    pub(super) fn facts(&self, tenant: &TenantKey) -> Result<Facts, Error> {
        self.read_facts(tenant).map_err(|error| match error {
            Error::Damaged(what) => Error::Damaged(format!("tenant {tenant}: {what}")),
            other => other,
        })
    }

    fn read_facts(&self, tenant: &TenantKey) -> Result<Facts, Error> {
        let mut facts = Facts::default();
        for collection in Collection::all() {
            if let Some(bytes) = self.read(&keys::manifest(tenant, collection), Kind::Manifest)? {
                let manifest = Manifest::decode(tenant, collection, &bytes)?;
                facts.manifests.insert(collection, manifest);
            }
        }
        let expected = match self.read(&keys::current(tenant), Kind::Current)? {
            Some(bytes) => {
                let record: CurrentRecord = decode(&bytes)?;
                facts.published = Some(record.published()?);
                Some(record.manifests)
            }
            None => None,
        };
        let fits = match expected {
            Some(expected) => expected == facts.digest(),
            None => facts.manifests.is_empty(),
        };
        if fits {
            Ok(facts)
        } else {
            Err(Error::Damaged(
                "pointer and manifests are of different runs".to_owned(),
            ))
        }
    }

    /// Removes the segments of a tenant that no manifest names, nor an unfinished run that can be gone on
    /// with: what was merged and what other runs left. Leaves them while somebody may still read or
    /// write them; the next sweep comes.
    pub(super) fn sweep(&self, tenant: &TenantKey, facts: &Facts) -> Result<(), Error> {
        let kept = self.kept(tenant, facts)?;
        let kept = kept.iter().flat_map(|kept| &kept.segments);
        let named: HashSet<(&SegmentKey, Place)> = facts
            .segments()
            .chain(kept)
            .flat_map(Segment::with_list)
            .map(|segment| (&segment.key, segment.place))
            .collect();
        for (key, place) in self.stored_segments(tenant)? {
            if !named.contains(&(&key, place)) && !self.is_in_use(&key) {
                self.remove_segment(&key, place)?;
            }
        }
        Ok(())
    }

    /// Sweeps all tenants that have facts whose manifests can be trusted. Where they cannot, nothing
    /// is removed: it may be what somebody wants to restore.
    pub(super) fn sweep_all(&self) -> Result<(), Error> {
        let all = Range::prefix(Table::Block, Vec::new());
        let in_blocks = self.segments_in_blocks(&all)?.into_iter();
        let mut tenants: BTreeSet<_> = in_blocks.map(|segment| segment.tenant).collect();
        tenants.extend(self.inner.backend.tenants_with_files()?);
        for tenant in tenants {
            match self.facts(&tenant) {
                Ok(facts) => self.sweep(&tenant, &facts)?,
                Err(Error::Damaged(what)) => tracing::error!(%tenant, "damaged facts: {what}"),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn is_in_use(&self, segment: &SegmentKey) -> bool {
        let in_use = lock(&self.inner.in_use);
        in_use.loading.contains_key(&segment.tenant)
            || in_use
                .staging
                .contains(&(segment.tenant.clone(), segment.run))
    }
}

/// Which rows of one id may be visited though a newer one was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twice {
    /// None.
    Never,
    /// Those of the base that are users or facts of users, when what is newer is of the base as well and
    /// no removal.
    /// To know all ids of the base costs more than to read it.
    InBase,
}

/// Visits the newest row of each id, one collection after the other. Reads backward, so that the first
/// row of an id is the one that counts. Other threads read, unfold and prepare the next frames, also of
/// the next collection; memory holds a few frames and the ids that must be known.
pub(super) fn newest_rows<P: Send>(
    store: &Store,
    collections: &[&[Segment]],
    twice: Twice,
    prepare: &(impl Fn(Row) -> P + Sync),
    visit: &mut dyn FnMut(P) -> Result<(), Error>,
) -> Result<(), Error> {
    let reader = SegmentReader::new(store)?;
    let mut frames = Vec::new();
    for (collection, segments) in collections.iter().enumerate() {
        for (place, segment) in segments.iter().enumerate().rev() {
            let of_segment = reader.frames(segment)?.into_iter().rev();
            frames.extend(of_segment.map(|at| Frame {
                collection,
                is_base: place == 0,
                kind: segment.key.collection,
                at,
            }));
        }
    }
    std::thread::scope(|scope| {
        let mut readers = Vec::with_capacity(READERS);
        for first in 0..READERS {
            let (sender, prepared) = mpsc::sync_channel(FRAMES_WAITING_MAX);
            let own = frames.iter().skip(first).step_by(READERS);
            let mut reader = SegmentReader::new(store)?;
            scope.spawn(move || {
                for frame in own {
                    let mut prepared = Vec::new();
                    let rows = reader.rows(&frame.at, &mut |row| {
                        let is_removal = matches!(row, Row::Removed(_));
                        prepared.push((row.id(), is_removal, prepare(row)));
                        Ok(())
                    });
                    let prepared = rows.map(|()| prepared);
                    let is_last = prepared.is_err();
                    // Nobody waits for it once a visit has failed.
                    if sender.send(prepared).is_err() || is_last {
                        return;
                    }
                }
            });
            readers.push(prepared);
        }
        let mut seen = Seen::default();
        for (frame, reader) in frames.iter().zip((0..READERS).cycle()) {
            let prepared = readers.get(reader).and_then(|reader| reader.recv().ok());
            let lost = || Err(Error::Io("a thread that reads is lost".to_owned()));
            let rows = prepared.unwrap_or_else(lost)?;
            let remembers = !(frame.is_base && twice == Twice::InBase && frame.is_of_users());
            seen.begin(frame.collection);
            for (id, is_removal, row) in rows.into_iter().rev() {
                // What was there before a removal must not come back.
                if seen.is_new(id, remembers || is_removal) {
                    visit(row)?;
                }
            }
        }
        Ok(())
    })
}

/// A frame in its turn.
struct Frame<'a> {
    /// The place of its collection.
    collection: usize,
    is_base: bool,
    kind: Collection,
    at: FrameAt<'a>,
}

impl Frame<'_> {
    fn is_of_users(&self) -> bool {
        let of_facts = |dataset| Collection::of_user_facts(dataset) == Some(self.kind);
        self.kind == Collection::Users || self.kind.dataset().is_some_and(of_facts)
    }
}

/// The ids that were met of a collection.
#[derive(Default)]
struct Seen {
    collection: usize,
    ids: HashSet<Uuid, RandomState>,
}

impl Seen {
    fn begin(&mut self, collection: usize) {
        if self.collection != collection {
            self.collection = collection;
            self.ids = HashSet::default();
        }
    }

    /// Whether an id was not met yet, as far as ids are remembered.
    fn is_new(&mut self, id: Uuid, remembers: bool) -> bool {
        match remembers {
            true => self.ids.insert(id),
            false => self.ids.is_empty() || !self.ids.contains(&id),
        }
    }
}

/// Keeps a tenant's segments from being swept while they are read.
struct LoadPin<'a> {
    store: &'a Store,
    tenant: &'a TenantKey,
}

impl<'a> LoadPin<'a> {
    fn new(store: &'a Store, tenant: &'a TenantKey) -> Self {
        let mut in_use = lock(&store.inner.in_use);
        let count = in_use.loading.entry(tenant.clone()).or_default();
        *count = count.saturating_add(1);
        Self { store, tenant }
    }
}

impl Drop for LoadPin<'_> {
    fn drop(&mut self) {
        let mut in_use = lock(&self.store.inner.in_use);
        if let Some(count) = in_use.loading.get_mut(self.tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                in_use.loading.remove(self.tenant);
            }
        }
    }
}
