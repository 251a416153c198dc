//! The facts of a tenant: what is current, loading it, and sweeping up what is not.

use std::collections::{BTreeMap, HashSet};
use std::sync::mpsc;

use super::collection::Collection;
use super::envelope::Kind;
use super::frames::Row;
use super::keys::{self, SegmentKey};
use super::manifest::{Manifest, Segment, digest};
use super::records::{CurrentRecord, decode};
use super::segments::SegmentReader;
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

    /// All segments, in the order in which they are loaded.
    pub(super) fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.manifests
            .values()
            .flat_map(|manifest| &manifest.segments)
    }
}

/// Frames that wait to be visited; more would only hold memory.
const FRAMES_WAITING_MAX: usize = 1;
/// Room for so many ids is made at once, whatever a manifest says; for more, step by step.
const IDS_RESERVED_MAX: usize = 1 << 20;

impl Store {
    /// Reads all current facts of a tenant, each once; `None` when no run was ever committed. Standings
    /// come first, then organization, licenses, users, groups, subscriptions, what else is known of
    /// users, and the history: its users, then its days.
    ///
    /// Everything is compared to what was written before the first fact is visited. Should the disk
    /// change its mind between then and the visit, the answer is an error all the same, and what was
    /// visited until then is void.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] names tenant, dataset and run; see [`Store::forget_facts`].
    pub fn load(
        &self,
        tenant: &TenantKey,
        visit: &mut dyn FnMut(Fact),
    ) -> Result<Option<Published>, Error> {
        let _pin = LoadPin::new(self, tenant);
        let facts = self.facts(tenant)?;
        let mut reader = SegmentReader::new(self)?;
        facts
            .segments()
            .try_for_each(|segment| reader.verify(segment))?;
        for manifest in facts.manifests.values() {
            newest_rows(&mut reader, &manifest.segments, &mut |row| {
                if let Row::Put(fact) = row {
                    visit(fact);
                }
                Ok(())
            })?;
        }
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
        self.delete_range(&keys::all_of(Table::Block, tenant))
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

    /// Removes the blocks of a tenant that no manifest names, nor an unfinished run that can be gone on
    /// with: what was merged and what other runs left. Leaves them while somebody may still read or
    /// write them; the next sweep comes.
    pub(super) fn sweep(&self, tenant: &TenantKey, facts: &Facts) -> Result<(), Error> {
        let kept = self.kept(tenant, facts)?;
        let kept = kept.iter().flat_map(|kept| &kept.segments);
        let named: HashSet<&SegmentKey> = facts
            .segments()
            .chain(kept)
            .map(|segment| &segment.key)
            .collect();
        for segment in self.stored_segments(&keys::all_of(Table::Block, tenant))? {
            if !named.contains(&segment) && !self.is_in_use(&segment) {
                self.delete_range(&keys::segment(&segment))?;
            }
        }
        Ok(())
    }

    /// Sweeps all tenants that have facts whose manifests can be trusted. Where they cannot, nothing
    /// is removed: it may be what somebody wants to restore.
    pub(super) fn sweep_all(&self) -> Result<(), Error> {
        let all = Range::prefix(Table::Block, Vec::new());
        let mut tenants: Vec<_> = self.stored_segments(&all)?;
        tenants.dedup_by(|left, right| left.tenant == right.tenant);
        for SegmentKey { tenant, .. } in tenants {
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

/// Visits the newest row of each id. Reads backward, so that the first row of an id is the one that
/// counts. The next frames are read and unfolded by another thread meanwhile; memory holds a few
/// frames and the ids.
pub(super) fn newest_rows(
    reader: &mut SegmentReader<'_>,
    segments: &[Segment],
    visit: &mut dyn FnMut(Row) -> Result<(), Error>,
) -> Result<(), Error> {
    let rows = segments.iter().map(|segment| segment.rows).sum::<u64>();
    let mut seen = HashSet::with_capacity(usize::try_from(rows).unwrap_or(0).min(IDS_RESERVED_MAX));
    std::thread::scope(|scope| {
        let (sender, frames) = mpsc::sync_channel(FRAMES_WAITING_MAX);
        scope.spawn(move || {
            for segment in segments.iter().rev() {
                for number in (0..segment.frames).rev() {
                    let rows = reader.rows(segment, number);
                    let is_last = rows.is_err();
                    // Nobody waits for it once a visit has failed.
                    if sender.send(rows).is_err() || is_last {
                        return;
                    }
                }
            }
        });
        for rows in frames {
            for row in rows?.into_iter().rev() {
                if seen.insert(row.id()) {
                    visit(row)?;
                }
            }
        }
        Ok(())
    })
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
