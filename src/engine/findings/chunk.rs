//! The findings about the users of some rows, one behind the other.

use std::ops::Range;
use std::sync::Arc;

use crate::domain::day::Day;
use crate::domain::finding::{Exemption, Fact, Finding, FindingKey, FindingKind, KnownFinding};
use crate::domain::ids::{ObjectId, SkuId};
use crate::engine::heap::{Heap, Parts};

use super::verdicts::{Verdict, Verdicts};

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
    /// The number of what it has in common with others.
    pub(super) verdict: u32,
    pub(super) first_seen_on: Day,
    pub(super) realized_on: Option<Day>,
    /// Where its facts end.
    end: u32,
}

impl Entry {
    /// Whether it is so today: a saving of the past is not.
    pub(super) fn holds(&self) -> bool {
        self.realized_on.is_none()
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
        let own = rest.iter().take_while(|entry| entry.row == row);
        start..start + own.count()
    }

    /// The place of one finding of a row.
    pub(super) fn find(
        &self,
        verdicts: &Verdicts,
        row: u32,
        kind: FindingKind,
        sku_id: SkuId,
    ) -> Option<usize> {
        self.places_of(row).find(|place| {
            let entry = self.entries.get(*place);
            let verdict = entry.and_then(|entry| verdicts.get(entry.verdict));
            verdict.is_some_and(|own| own.kind == kind && own.sku_id == sku_id)
        })
    }

    /// A finding as it was told.
    pub(super) fn known(
        &self,
        verdicts: &Verdicts,
        place: usize,
        user: ObjectId,
        exemption: Option<Exemption>,
    ) -> Option<KnownFinding> {
        let facts = Fact::take_all(self.facts_of(place));
        self.to_known(verdicts, place, user, facts, exemption)
    }

    /// The same without what it rests on.
    pub(super) fn outline(
        &self,
        verdicts: &Verdicts,
        place: usize,
        user: ObjectId,
    ) -> Option<KnownFinding> {
        self.to_known(verdicts, place, user, Vec::new(), None)
    }

    fn to_known(
        &self,
        verdicts: &Verdicts,
        place: usize,
        user: ObjectId,
        facts: Vec<Fact>,
        exemption: Option<Exemption>,
    ) -> Option<KnownFinding> {
        let entry = self.entries.get(place)?;
        let verdict = verdicts.get(entry.verdict)?;
        Some(KnownFinding {
            finding: Finding {
                key: FindingKey::of_seat(verdict.kind, user, verdict.sku_id),
                rule: verdict.rule,
                confidence: verdict.confidence,
                // A user holds one of a license.
                seats: 1,
                saving: verdict.saving,
                is_primary: verdict.is_primary,
                facts,
            },
            state: verdict.state,
            first_seen_on: entry.first_seen_on,
            realized_on: entry.realized_on,
            exemption,
        })
    }

    fn facts_of(&self, place: usize) -> &[u8] {
        let end_of = |place: usize| self.entries.get(place).map_or(0, |own| own.end as usize);
        let start = place.checked_sub(1).map_or(0, end_of);
        self.facts.get(start..end_of(place)).unwrap_or_default()
    }

    /// Adds a finding behind all others. What was saved just now rests on what it rested on before, in
    /// `old`.
    pub(super) fn push(
        &mut self,
        verdicts: &mut Arc<Verdicts>,
        row: u32,
        known: &KnownFinding,
        old: Option<&Self>,
    ) {
        let finding = &known.finding;
        let Some(sku_id) = finding.key.sku else {
            return;
        };
        if finding.facts.is_empty() {
            let place = |old: &Self| old.find(verdicts, row, finding.key.kind, sku_id);
            let place = old.and_then(|old| Some((old, place(old)?)));
            let facts = place.map(|(old, place)| old.facts_of(place));
            self.facts.extend_from_slice(facts.unwrap_or_default());
        }
        for fact in &finding.facts {
            fact.put(&mut self.facts);
        }
        self.entries.push(Entry {
            row,
            verdict: Verdicts::number(verdicts, Verdict::of(known, sku_id)),
            first_seen_on: known.first_seen_on,
            realized_on: known.realized_on,
            end: self.facts.len() as u32, // Of 1,024 rows.
        });
    }

    /// Adds a run of findings of which nothing changed.
    pub(super) fn copy(&mut self, old: &Self, places: Range<usize>) {
        let Some(entries) = old.entries.get(places.clone()) else {
            return;
        };
        let first = places.start.checked_sub(1);
        let start = first.and_then(|place| old.entries.get(place));
        let start = start.map_or(0, |entry| entry.end);
        let end = entries.last().map_or(start, |entry| entry.end);
        let base = self.facts.len() as u32; // Of 1,024 rows.
        let facts = old.facts.get(start as usize..end as usize);
        self.facts.extend_from_slice(facts.unwrap_or_default());
        self.entries.extend(entries.iter().map(|entry| Entry {
            end: entry.end - start + base,
            ..entry.clone()
        }));
    }

    /// The same under other numbers of verdicts.
    pub(super) fn renumbered(&self, numbers: &[u32]) -> Self {
        let mut new = self.clone();
        for entry in &mut new.entries {
            if let Some(number) = numbers.get(entry.verdict as usize) {
                entry.verdict = *number;
            }
        }
        new
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
