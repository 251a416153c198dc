//! What the rules find in a tenant: judged when an index is made, and read when somebody asks.
//!
//! Findings about users stand by chunks of rows, a few numbers and a handful of bytes of evidence each; a
//! chunk in which nothing changes is shared with the index before. As long as everybody is judged by the
//! same, only the users are judged of whom something changed. What is the same of many findings is a
//! verdict ([`verdicts`]), and how many have it is counted: sums are read from these counts, and not from
//! findings.
//!
//! Here is no rule and no price: [`crate::domain::rules`] judges, and [`Decisions`] says by what.

mod basis;
mod chunk;
mod decisions;
mod filter;
mod find;
mod judge;
mod page;
mod reclaim;
mod row;
mod savings;
mod select;
mod sets;
mod usage;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::day::Day;
use crate::domain::finding::{
    FindingKey, FindingKind, FindingsPast, KnownFinding, PastFinding, Placed as _,
};
use crate::domain::ids::{ObjectId, SkuId};
use crate::domain::license_class::LicenseClass;
use crate::domain::money::Rate;

use super::bits::Bits;
use super::chunked::CHUNK_ROWS;
use super::heap::{Heap, Parts};
use super::index::TenantIndex;
use super::users::Users;

use basis::Basis;
use chunk::Chunk;
pub(super) use judge::Judged;
use savings::Tally;
use verdicts::Verdicts;

pub use decisions::Decisions;
pub use page::FindingWindow;
pub use reclaim::Reclaim;
pub use row::FindingRow;
pub use select::{FindingSelection, select_findings};

/// By user and license.
type HeldSince = BTreeMap<(ObjectId, SkuId), Day>;

/// What is known of all findings of a tenant.
#[derive(Clone, Default)]
pub(super) struct Findings {
    /// By what everybody was judged; `None` before the first time.
    basis: Option<Arc<Basis>>,
    /// About users, by rows.
    chunks: Arc<Vec<Arc<Chunk>>>,
    /// What findings about users have in common.
    verdicts: Arc<Verdicts>,
    /// About licenses and purchases, by key.
    of_tenant: Arc<Vec<KnownFinding>>,
    /// About users who are gone, what was saved. Before the first judgement, all that is remembered.
    of_gone: Arc<BTreeMap<ObjectId, Vec<KnownFinding>>>,
    /// Since when an account that holds a license was seen disabled.
    disabled: Arc<BTreeMap<ObjectId, Day>>,
    /// Since when seats are held of which Microsoft tells a later day.
    held_since: Arc<HeldSince>,
    /// The rows with a finding of a kind that holds, at the place of each [`FindingKind`].
    sets: [Bits; 16],
    /// What all of them add up to.
    tally: Arc<Tally>,
    /// About whom something else is to be remembered than what is stored; `None`: about the tenant.
    unsaved: Arc<BTreeSet<Option<ObjectId>>>,
}

impl Findings {
    /// Nothing but what is remembered.
    pub(super) fn remembering(past: Vec<FindingsPast>) -> Self {
        let mut findings = Self::default();
        for past in past {
            if let (Some(user), Some(on)) = (past.about, past.disabled_on) {
                Arc::make_mut(&mut findings.disabled).insert(user, on);
            }
            if let (Some(user), held @ [_, ..]) = (past.about, &*past.held_since) {
                let held = held.iter().map(|(sku_id, day)| ((user, *sku_id), *day));
                Arc::make_mut(&mut findings.held_since).extend(held);
            }
            let known: Vec<_> = past.findings.into_iter().map(KnownFinding::from).collect();
            match past.about {
                Some(_) if known.is_empty() => {}
                Some(user) => {
                    Arc::make_mut(&mut findings.of_gone).insert(user, known);
                }
                None => findings.of_tenant = Arc::new(known),
            }
        }
        findings.tally = Arc::new(Tally::of(&findings));
        findings
    }

    /// The rows with a finding of a kind that holds.
    pub(super) fn set(&self, kind: FindingKind) -> &Bits {
        &self.sets[usize::from(kind.place())]
    }

    #[cfg(test)]
    pub(super) fn verdict_count(&self) -> usize {
        self.verdicts.all().len()
    }

    /// The same of every kind, in their order.
    pub(super) fn sets(&self) -> &[Bits; 16] {
        &self.sets
    }

    /// What a license is to whoever pays; [`LicenseClass::Unknown`] of one that nobody has.
    pub(super) fn class(&self, id: SkuId) -> LicenseClass {
        let basis = self.basis.as_deref();
        basis.map_or(LicenseClass::Unknown, |basis| basis.class(id))
    }

    /// What a seat of a license costs; `None` where nobody said.
    fn rate(&self, id: SkuId) -> Option<Rate> {
        self.basis.as_deref()?.rate(id)
    }

    /// What is to be stored so that the same is answered after a restart.
    fn unsaved(&self, users: &Users) -> Vec<FindingsPast> {
        let past = self.unsaved.iter().map(|about| FindingsPast {
            about: *about,
            disabled_on: about.and_then(|user| self.disabled.get(&user).copied()),
            held_since: about
                .map(|user| self.held_since_of(user))
                .unwrap_or_default(),
            findings: self.past_of(*about, users),
        });
        past.collect()
    }

    fn held_since_of(&self, user: ObjectId) -> Vec<(SkuId, Day)> {
        let held = judge::of_user(&self.held_since, user);
        held.map(|((_, sku_id), day)| (*sku_id, *day)).collect()
    }

    fn past_of(&self, about: Option<ObjectId>, users: &Users) -> Vec<PastFinding> {
        let Some(user) = about else {
            return self.of_tenant.iter().map(PastFinding::from).collect();
        };
        if let Some(row) = users.find(user) {
            return self.past_of_row(row, user);
        }
        let gone = self.of_gone.get(&user).into_iter().flatten();
        gone.map(PastFinding::from).collect()
    }

    /// What is to be remembered of a row: the facts of what holds are found again.
    fn past_of_row(&self, row: u32, user: ObjectId) -> Vec<PastFinding> {
        let Some(chunk) = self.chunk(row) else {
            return Vec::new();
        };
        let known = chunk
            .places_of(row)
            .filter_map(|place| match chunk.entry(place)?.holds() {
                true => chunk.outline(&self.verdicts, place, user),
                false => chunk.known(&self.verdicts, place, user, None),
            });
        known.map(|known| PastFinding::from(&known)).collect()
    }

    fn chunk(&self, row: u32) -> Option<&Chunk> {
        self.chunks
            .get(row as usize / CHUNK_ROWS)
            .map(|chunk| &**chunk)
    }
}

impl TenantIndex {
    /// What the operator decided, by which findings and activity are judged.
    pub fn decisions(&self) -> &Arc<Decisions> {
        &self.decisions
    }

    /// What a license is to whoever pays, as the rules see it.
    pub fn class(&self, id: SkuId) -> LicenseClass {
        self.findings().class(id)
    }

    /// What is to be stored of findings with the run that shows them: all whose life took a turn since.
    /// Nothing is left of those without findings.
    pub fn unsaved_findings(&self) -> Vec<FindingsPast> {
        self.findings().unsaved(self.users())
    }

    /// The same facts, of whose findings everything is stored now.
    pub fn with_findings_saved(mut self) -> Self {
        self.findings.unsaved = Arc::default();
        self
    }

    /// One finding; `None` where nothing of it is known.
    pub fn finding(self: &Arc<Self>, key: &FindingKey) -> Option<FindingRow> {
        FindingRow::find(self, key)
    }
}

impl Heap for Findings {
    fn heap(&self, parts: &mut Parts) -> usize {
        let sets: usize = self.sets.iter().map(|set| set.heap(parts)).sum();
        let rest = self.of_tenant.len() + self.of_gone.values().map(Vec::len).sum::<usize>();
        parts.shared(&self.chunks)
            + parts.shared(&self.verdicts)
            + sets
            + rest * size_of::<KnownFinding>()
            + self.disabled.len() * size_of::<(ObjectId, Day)>()
            + self.held_since.len() * size_of::<((ObjectId, SkuId), Day)>()
    }
}
