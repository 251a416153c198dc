//! The findings about the users of some rows, one behind the other.

use std::ops::Range;

use crate::domain::day::Day;
use crate::domain::finding::{
    Confidence, Exemption, Fact, Finding, FindingKey, FindingKind, FindingState, KnownFinding,
    Rule, Saving,
};
use crate::domain::ids::{ObjectId, SkuId};
use crate::engine::heap::{Heap, Parts};

/// By row, and by key within a row.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Chunk {
    entries: Vec<Entry>,
    /// What each rests on, in few bytes.
    facts: Vec<u8>,
}

/// A finding without what it rests on.
#[derive(Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) row: u32,
    pub(super) kind: FindingKind,
    pub(super) rule: Rule,
    pub(super) confidence: Confidence,
    pub(super) state: FindingState,
    pub(super) is_primary: bool,
    pub(super) seats: u32,
    pub(super) sku_id: SkuId,
    pub(super) saving: Saving,
    pub(super) first_seen_on: Day,
    pub(super) realized_on: Option<Day>,
    /// Where its facts end.
    end: u32,
}

impl Entry {
    pub(super) fn key(&self, user: ObjectId) -> FindingKey {
        FindingKey::of_seat(self.kind, user, self.sku_id)
    }

    /// Whether it is so today: a saving of the past is not.
    pub(super) fn holds(&self) -> bool {
        self.state != FindingState::Realized
    }

    fn to_known(
        &self,
        user: ObjectId,
        facts: Vec<Fact>,
        exemption: Option<Exemption>,
    ) -> KnownFinding {
        KnownFinding {
            finding: Finding {
                key: self.key(user),
                rule: self.rule,
                confidence: self.confidence,
                seats: self.seats,
                saving: self.saving,
                is_primary: self.is_primary,
                facts,
            },
            state: self.state,
            first_seen_on: self.first_seen_on,
            realized_on: self.realized_on,
            exemption,
        }
    }
}

impl Chunk {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn entry(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place)
    }

    /// The places of a row's findings.
    pub(super) fn places_of(&self, row: u32) -> Range<usize> {
        let start = self.entries.partition_point(|entry| entry.row < row);
        let rest = self.entries.get(start..).unwrap_or_default();
        start..start + rest.partition_point(|entry| entry.row == row)
    }

    /// The place of one finding of a row.
    pub(super) fn find(&self, row: u32, kind: FindingKind, sku_id: SkuId) -> Option<usize> {
        self.places_of(row).find(|place| {
            let entry = self.entries.get(*place);
            entry.is_some_and(|entry| entry.kind == kind && entry.sku_id == sku_id)
        })
    }

    /// A finding as it was told.
    pub(super) fn known(
        &self,
        place: usize,
        user: ObjectId,
        exemption: Option<Exemption>,
    ) -> Option<KnownFinding> {
        let entry = self.entries.get(place)?;
        let facts = Fact::take_all(self.facts_of(place));
        Some(entry.to_known(user, facts, exemption))
    }

    /// The same without what it rests on.
    pub(super) fn outline(&self, place: usize, user: ObjectId) -> Option<KnownFinding> {
        let entry = self.entries.get(place)?;
        Some(entry.to_known(user, Vec::new(), None))
    }

    fn facts_of(&self, place: usize) -> &[u8] {
        let end_of = |place: usize| self.entries.get(place).map_or(0, |own| own.end as usize);
        let start = place.checked_sub(1).map_or(0, end_of);
        self.facts.get(start..end_of(place)).unwrap_or_default()
    }

    /// Adds a finding behind all others. What was saved just now rests on what it rested on before, in
    /// `old`.
    pub(super) fn push(&mut self, row: u32, known: &KnownFinding, old: Option<&Self>) {
        let finding = &known.finding;
        let Some(sku_id) = finding.key.sku else {
            return;
        };
        if finding.facts.is_empty() {
            let place = old.and_then(|old| Some((old, old.find(row, finding.key.kind, sku_id)?)));
            let facts = place.map(|(old, place)| old.facts_of(place));
            self.facts.extend_from_slice(facts.unwrap_or_default());
        }
        for fact in &finding.facts {
            fact.put(&mut self.facts);
        }
        self.entries.push(Entry {
            row,
            kind: finding.key.kind,
            rule: finding.rule,
            confidence: finding.confidence,
            state: known.state,
            is_primary: finding.is_primary,
            seats: finding.seats,
            sku_id,
            saving: finding.saving,
            first_seen_on: known.first_seen_on,
            realized_on: known.realized_on,
            end: self.facts.len() as u32, // Of 1,024 rows.
        });
    }

    /// Adds the findings of a row of which nothing changed.
    pub(super) fn copy(&mut self, row: u32, old: &Self) {
        for place in old.places_of(row) {
            self.facts.extend_from_slice(old.facts_of(place));
            let end = self.facts.len() as u32; // Of 1,024 rows.
            let entry = old.entries.get(place).cloned();
            self.entries
                .extend(entry.map(|entry| Entry { end, ..entry }));
        }
    }

    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
        self.facts.shrink_to_fit();
    }
}

impl Heap for Chunk {
    fn heap(&self, _parts: &mut Parts) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.facts.capacity()
    }
}
