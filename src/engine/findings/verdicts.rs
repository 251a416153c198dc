//! What findings have in common that are told of alike. A hundred thousand findings are some hundred
//! verdicts, so whatever only depends on those is worked out for each of them once.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::domain::finding::{
    Confidence, FindingKind, FindingState, KnownFinding, Rule, Saved, Saving,
};
use crate::domain::finding_filter::{FindingLead, FindingPosition, SavingKey};
use crate::domain::ids::{SkuId, TenantKey};
use crate::engine::heap::{Heap, Parts};

use super::chunk::Chunk;

/// A finding about a seat without whose it is, since when it holds and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Verdict {
    pub(super) kind: FindingKind,
    pub(super) rule: Rule,
    pub(super) confidence: Confidence,
    pub(super) state: FindingState,
    pub(super) is_primary: bool,
    pub(super) sku_id: SkuId,
    pub(super) saving: Saving,
}

impl Verdict {
    /// Of a finding about this license.
    pub(super) fn of(known: &KnownFinding, sku_id: SkuId) -> Self {
        Self {
            kind: known.finding.key.kind,
            rule: known.finding.rule,
            confidence: known.finding.confidence,
            state: known.state,
            is_primary: known.finding.is_primary,
            sku_id,
            saving: known.finding.saving,
        }
    }

    /// Whether following it frees a held seat for sure. A seat that a smaller license would replace is not
    /// free: somebody goes on using it until then.
    pub(super) fn frees_seat(&self) -> bool {
        self.state == FindingState::Open
            && self.confidence == Confidence::High
            && self.kind != FindingKind::Downgrade
            && self.saving != Saving::Nothing
    }

    /// What an open finding that is sure enough to act on would save a month.
    pub(super) fn sure_saving(&self) -> Saving {
        match self.state == FindingState::Open && self.confidence != Confidence::Low {
            true => self.saving,
            false => Saving::Nothing,
        }
    }

    /// As sums see one of them. A user holds one seat of a license.
    pub(super) fn saved(&self) -> Saved {
        Saved {
            state: self.state,
            confidence: self.confidence,
            sku_id: Some(self.sku_id),
            saving: self.saving,
            seats: 1,
        }
    }
}

/// The verdicts that there are, each with its number. A number keeps its meaning from one index to the
/// next, so chunks of findings are shared between them.
#[derive(Clone, Default)]
pub(super) struct Verdicts {
    known: Vec<Known>,
    /// No key of it can be chosen from outside.
    numbers: HashMap<Verdict, u32, FixedState>,
}

/// A verdict and how many findings are so.
#[derive(Clone)]
struct Known {
    verdict: Verdict,
    /// What it is sorted by.
    key: Option<SavingKey>,
    count: u32,
}

/// So many verdicts that no finding has any more are kept.
const IDLE_MAX: usize = 4_096;

impl Verdicts {
    /// The number of a verdict; a new one, and a copy, where nobody asked before.
    pub(super) fn number(verdicts: &mut Arc<Self>, verdict: Verdict) -> u32 {
        match verdicts.numbers.get(&verdict) {
            Some(number) => *number,
            None => Arc::make_mut(verdicts).add(verdict),
        }
    }

    fn add(&mut self, verdict: Verdict) -> u32 {
        *self.numbers.entry(verdict).or_insert_with(|| {
            self.known.push(Known {
                verdict,
                key: FindingPosition::savings(verdict.saving),
                count: 0,
            });
            self.known.len() as u32 - 1 // Fewer than findings.
        })
    }

    pub(super) fn get(&self, number: u32) -> Option<&Verdict> {
        let known = self.known.get(number as usize)?;
        Some(&known.verdict)
    }

    /// In order of number.
    pub(super) fn all(&self) -> impl ExactSizeIterator<Item = &Verdict> {
        self.known.iter().map(|known| &known.verdict)
    }

    /// How many findings have each, in order of number.
    pub(super) fn counts(&self) -> impl ExactSizeIterator<Item = u32> {
        self.known.iter().map(|known| known.count)
    }

    /// What findings of a verdict are sorted by.
    pub(super) fn lead<'a>(
        &'a self,
        number: u32,
        tenant: &'a TenantKey,
    ) -> Option<FindingLead<'a>> {
        let known = self.known.get(number as usize)?;
        Some(FindingLead {
            monthly_savings: known.key.as_ref(),
            kind: known.verdict.kind,
            tenant,
        })
    }

    /// Counts the findings of a chunk that takes the place of another.
    pub(super) fn recount(&mut self, old: &Chunk, new: &Chunk) {
        for entry in old.entries() {
            if let Some(known) = self.known.get_mut(entry.verdict as usize) {
                known.count = known.count.saturating_sub(1);
            }
        }
        for entry in new.entries() {
            if let Some(known) = self.known.get_mut(entry.verdict as usize) {
                known.count = known.count.saturating_add(1);
            }
        }
    }

    /// Whether many are kept that no finding has any more: prices come and go.
    pub(super) fn is_untidy(&self) -> bool {
        let idle = self.known.iter().filter(|known| known.count == 0);
        idle.count() > IDLE_MAX
    }

    /// Forgets those. Answers the new number of each.
    pub(super) fn tidied(&mut self) -> Vec<u32> {
        let old = std::mem::take(self);
        let mut numbers = Vec::with_capacity(old.known.len());
        for known in old.known {
            let number = self.known.len() as u32; // Fewer than before.
            numbers.push(number);
            if known.count > 0 {
                self.numbers.insert(known.verdict, number);
                self.known.push(known);
            }
        }
        numbers
    }
}

impl Heap for Verdicts {
    fn heap(&self, _parts: &mut Parts) -> usize {
        self.known.capacity() * size_of::<Known>()
            + self.numbers.capacity() * size_of::<(Verdict, u32)>()
    }
}
