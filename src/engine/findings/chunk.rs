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
    /// The licenses and savings that there are: few for so many rows.
    sku_ids: Vec<SkuId>,
    savings: Vec<Saving>,
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
    /// The place of the license.
    sku: u16,
    /// The place of what it would save.
    saving: u16,
    pub(super) first_seen_on: Day,
    pub(super) realized_on: Option<Day>,
    /// Where its facts end.
    end: u32,
}

impl Entry {
    /// Whether it is so today: a saving of the past is not.
    pub(super) fn holds(&self) -> bool {
        self.state != FindingState::Realized
    }
}

impl Chunk {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What a finding is about.
    pub(super) fn key(&self, entry: &Entry, user: ObjectId) -> FindingKey {
        FindingKey {
            sku: self.sku_id(entry),
            ..FindingKey::of_seat(entry.kind, user, SkuId(uuid::Uuid::nil()))
        }
    }

    /// The license that it is about.
    pub(super) fn sku_id(&self, entry: &Entry) -> Option<SkuId> {
        self.sku_ids.get(usize::from(entry.sku)).copied()
    }

    /// What it would save.
    pub(super) fn saving(&self, entry: &Entry) -> Saving {
        let saving = self.savings.get(usize::from(entry.saving));
        saving.copied().unwrap_or(Saving::Nothing)
    }

    fn to_known(
        &self,
        entry: &Entry,
        user: ObjectId,
        facts: Vec<Fact>,
        exemption: Option<Exemption>,
    ) -> KnownFinding {
        KnownFinding {
            finding: Finding {
                key: self.key(entry, user),
                rule: entry.rule,
                confidence: entry.confidence,
                // A user holds one of a license.
                seats: 1,
                saving: self.saving(entry),
                is_primary: entry.is_primary,
                facts,
            },
            state: entry.state,
            first_seen_on: entry.first_seen_on,
            realized_on: entry.realized_on,
            exemption,
        }
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
            let sku = |entry: &Entry| self.sku_ids.get(usize::from(entry.sku)).copied();
            entry.is_some_and(|entry| entry.kind == kind && sku(entry) == Some(sku_id))
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
        Some(self.to_known(entry, user, facts, exemption))
    }

    /// The same without what it rests on.
    pub(super) fn outline(&self, place: usize, user: ObjectId) -> Option<KnownFinding> {
        let entry = self.entries.get(place)?;
        Some(self.to_known(entry, user, Vec::new(), None))
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
        let sku = place_in(&mut self.sku_ids, sku_id);
        let saving = place_in(&mut self.savings, finding.saving);
        self.entries.push(Entry {
            row,
            kind: finding.key.kind,
            rule: finding.rule,
            confidence: finding.confidence,
            state: known.state,
            is_primary: finding.is_primary,
            sku,
            saving,
            first_seen_on: known.first_seen_on,
            realized_on: known.realized_on,
            end: self.facts.len() as u32, // Of 1,024 rows.
        });
    }

    /// Adds the findings of a row of which nothing changed.
    pub(super) fn copy(&mut self, row: u32, old: &Self) {
        for place in old.places_of(row) {
            let Some(entry) = old.entries.get(place) else {
                continue;
            };
            self.facts.extend_from_slice(old.facts_of(place));
            let sku_id = old.sku_ids.get(usize::from(entry.sku)).copied();
            let sku_id = sku_id.unwrap_or(SkuId(uuid::Uuid::nil()));
            self.entries.push(Entry {
                sku: place_in(&mut self.sku_ids, sku_id),
                saving: place_in(&mut self.savings, old.saving(entry)),
                end: self.facts.len() as u32, // Of 1,024 rows.
                ..entry.clone()
            });
        }
    }

    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
        self.facts.shrink_to_fit();
        self.sku_ids.shrink_to_fit();
        self.savings.shrink_to_fit();
    }
}

/// The place of a value in a list, put there if it is new. What a chunk has of them fits into 16 bits: nobody
/// holds more than 64 licenses, and no organization has so many of its own.
fn place_in<T: PartialEq>(list: &mut Vec<T>, value: T) -> u16 {
    let place = list.iter().position(|own| *own == value);
    let place = place.unwrap_or_else(|| {
        list.push(value);
        list.len() - 1
    });
    u16::try_from(place).unwrap_or(u16::MAX)
}

impl Heap for Chunk {
    fn heap(&self, _parts: &mut Parts) -> usize {
        let listed = self.sku_ids.capacity() * size_of::<SkuId>()
            + self.savings.capacity() * size_of::<Saving>();
        self.entries.capacity() * size_of::<Entry>() + self.facts.capacity() + listed
    }
}
