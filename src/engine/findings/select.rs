//! Which findings a filter selects, and in which order.

use std::sync::{Arc, OnceLock};

use crate::domain::finding::{FindingKey, KnownFinding, Saved, Savings, Totals};
use crate::domain::finding_filter::{
    FindingFilter, FindingLead, FindingOrder, FindingPlace, FindingPosition, SavingKey,
};
use crate::domain::ids::SkuId;
use crate::engine::chunked::CHUNK_ROWS;
use crate::engine::index::TenantIndex;

use super::Findings;
use super::chunk::Entry;
use super::filter::{Answer, Compiled, Outline, Whose};
use super::row::{FindingRow, Place};

/// The findings that a filter selects. Holds no list of them: they are counted by verdict, and gone through
/// for a page.
pub struct FindingSelection {
    pub(super) parts: Vec<Part>,
    pub(super) orders: Vec<FindingOrder>,
    /// Where each is, in order; once somebody wants all of them.
    sorted: OnceLock<Vec<Found>>,
}

/// Findings are looked up of users who are fewer than one in so many, else all are gone through.
const FEW_SHARE: u64 = 8;

/// What is selected of one tenant.
pub(super) struct Part {
    tenant: Arc<TenantIndex>,
    filter: Compiled,
    /// Whether it holds, at the number of each verdict.
    answers: Vec<Answer>,
    /// The sort key of the saving of each that is about no row, and where it is.
    others: Vec<(Option<SavingKey>, Place)>,
    /// How many are selected, at the number of each verdict.
    counts: OnceLock<Vec<u32>>,
}

/// One of the selected, with all that it is sorted by.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) place: FindingPlace<'a>,
    pub(super) found: Found,
}

/// The number of a tenant of the selection, and where there.
#[derive(Clone, Copy)]
pub(super) struct Found {
    part: usize,
    place: Place,
}

/// Selects findings of some tenants of one world.
pub fn select_findings(
    tenants: &[Arc<TenantIndex>],
    filter: &FindingFilter,
    orders: &[FindingOrder],
) -> FindingSelection {
    let parts = tenants.iter().map(|tenant| Part::new(tenant, filter));
    FindingSelection {
        parts: parts.collect(),
        orders: orders.to_vec(),
        sorted: OnceLock::new(),
    }
}

impl Part {
    fn new(tenant: &Arc<TenantIndex>, filter: &FindingFilter) -> Self {
        let filter = Compiled::new(tenant, filter);
        let findings = tenant.findings();
        let answers = findings.verdicts.all().map(|own| filter.answer(own));
        let others = findings.of_others();
        let others = others.filter(|(known, _)| filter.holds(&Outline::of_known(known)));
        let key = |known: &KnownFinding| FindingPosition::savings(known.finding.saving);
        Self {
            answers: answers.collect(),
            others: others.map(|(known, place)| (key(known), place)).collect(),
            counts: OnceLock::new(),
            filter,
            tenant: Arc::clone(tenant),
        }
    }

    /// The findings about users that may be selected, with where they are.
    fn entries(&self) -> impl Iterator<Item = (usize, usize, &Entry)> {
        let chunks = &self.findings().chunks;
        let few = self.filter.rows();
        let all = self.tenant.users().live().len();
        let few = few.filter(|rows| rows.count() < u64::from(all) / FEW_SHARE);
        let of_row = |row: u32| {
            let number = row as usize / CHUNK_ROWS;
            let chunk = chunks.get(number).into_iter();
            chunk.flat_map(move |chunk| {
                let entries = chunk.places_of(row);
                entries.filter_map(move |place| Some((number, place, chunk.entry(place)?)))
            })
        };
        let rest = match few {
            Some(_) => &[][..],
            None => &chunks[..],
        };
        let rest = rest.iter().enumerate().flat_map(|(number, chunk)| {
            let entries = chunk.entries().iter().enumerate();
            entries.map(move |(place, entry)| (number, place, entry))
        });
        let few = few.into_iter().flat_map(|rows| rows.iter());
        few.flat_map(of_row).chain(rest)
    }

    fn findings(&self) -> &Findings {
        self.tenant.findings()
    }

    /// Whether a finding is selected, by what the filter answers for its verdict.
    fn has(&self, answer: Answer, entry: &Entry) -> bool {
        match answer {
            Answer::Never => false,
            Answer::Always => true,
            Answer::Ask => {
                let verdict = self.findings().verdicts.get(entry.verdict);
                let whose = Whose::Row(self.tenant.users(), entry.row);
                verdict.is_some_and(|own| self.filter.holds(&Outline::of_verdict(own, whose)))
            }
        }
    }

    /// How many are selected of each verdict: counted before, unless it depends on whose they are.
    fn counts(&self) -> &[u32] {
        self.counts.get_or_init(|| {
            let of_verdicts = self.answers.iter().zip(self.findings().verdicts.counts());
            let mut counts: Vec<u32> = of_verdicts
                .map(|(answer, count)| match answer {
                    Answer::Always => count,
                    Answer::Never | Answer::Ask => 0,
                })
                .collect();
            if !self.answers.contains(&Answer::Ask) {
                return counts;
            }
            for (_, _, entry) in self.entries() {
                let number = entry.verdict as usize;
                let is_asked = self.answers.get(number) == Some(&Answer::Ask);
                if is_asked && self.has(Answer::Ask, entry) {
                    counts[number] += 1;
                }
            }
            counts
        })
    }

    fn count(&self) -> usize {
        let counts = self.counts().iter().map(|count| *count as usize);
        counts.sum::<usize>() + self.others.len()
    }

    fn totals(&self) -> Totals {
        let spend_of = |sku_id| self.tenant.monthly_spend(sku_id);
        let findings = self.findings();
        let is_all = self.answers.iter().all(|answer| *answer == Answer::Always);
        if is_all && self.others.len() == findings.others().count() {
            return self.tenant.savings().totals(spend_of);
        }
        let mut savings = Savings::default();
        for (verdict, count) in findings.verdicts.all().zip(self.counts()) {
            if *count > 0 {
                savings.add(&verdict.saved(), (*count).into());
            }
        }
        for (_, place) in &self.others {
            if let Some(known) = findings.other_at(*place) {
                savings.add(&Saved::from(known), 1);
            }
        }
        savings.totals(spend_of)
    }

    /// Calls with each that is selected and that the sieve leaves in.
    pub(super) fn each<'a>(
        &'a self,
        part: usize,
        sieve: &mut Sieve<'a>,
        mut call: impl FnMut(Candidate<'a>, &mut Sieve<'a>),
    ) {
        let (users, findings) = (self.tenant.users(), self.findings());
        for (number, place, entry) in self.entries() {
            let Some((answer, lead, sku_id)) = sieve.get(entry.verdict) else {
                continue;
            };
            if !self.has(answer, entry) {
                continue;
            }
            let key = FindingKey::of_seat(lead.kind, users.object_id(entry.row), sku_id);
            let place = Place::Row(number, place);
            let candidate = Candidate {
                place: FindingPlace {
                    lead,
                    first_seen_on: entry.first_seen_on,
                    key,
                },
                found: Found { part, place },
            };
            call(candidate, sieve);
        }
        for (savings, place) in &self.others {
            let Some(known) = findings.other_at(*place) else {
                continue;
            };
            let candidate = Candidate {
                place: FindingPlace {
                    lead: FindingLead {
                        monthly_savings: savings.as_ref(),
                        kind: known.finding.key.kind,
                        tenant: self.tenant.key(),
                    },
                    first_seen_on: known.first_seen_on,
                    key: known.finding.key,
                },
                found: Found {
                    part,
                    place: *place,
                },
            };
            call(candidate, sieve);
        }
    }
}

/// Which verdicts are still asked for, and what their findings share.
pub(super) struct Sieve<'a>(Vec<Option<(Answer, FindingLead<'a>, SkuId)>>);

impl<'a> Sieve<'a> {
    /// All that a part selects.
    pub(super) fn of(part: &'a Part) -> Self {
        let (verdicts, tenant) = (&part.findings().verdicts, part.tenant.key());
        let asked = (0..).zip(verdicts.all()).zip(&part.answers);
        let asked = asked.map(|((number, verdict), answer)| {
            let is_asked = *answer != Answer::Never;
            let lead = is_asked.then(|| verdicts.lead(number, tenant)).flatten()?;
            Some((*answer, lead, verdict.sku_id))
        });
        Self(asked.collect())
    }

    fn get(&self, verdict: u32) -> Option<(Answer, FindingLead<'a>, SkuId)> {
        self.0.get(verdict as usize).copied().flatten()
    }

    /// Leaves out more of them.
    pub(super) fn leave_out(&mut self, is_done: impl Fn(&FindingLead<'a>) -> bool) {
        for asked in &mut self.0 {
            if asked.as_ref().is_some_and(|(_, lead, _)| is_done(lead)) {
                *asked = None;
            }
        }
    }
}

impl FindingSelection {
    /// How many findings are selected.
    pub fn count(&self) -> usize {
        self.parts.iter().map(Part::count).sum()
    }

    /// The one at a place of the order. For whoever wants all of them: they are sorted once.
    pub fn row(&self, place: usize) -> Option<FindingRow> {
        let sorted = self.sorted.get_or_init(|| {
            let mut all = Vec::with_capacity(self.count());
            for (number, part) in self.parts.iter().enumerate() {
                part.each(number, &mut Sieve::of(part), |own, _| all.push(own));
            }
            all.sort_unstable_by(|one, other| one.place.compare(&other.place, &self.orders));
            all.iter().map(|own| own.found).collect()
        });
        self.at(*sorted.get(place)?)
    }

    /// What is where something was found.
    pub(super) fn at(&self, found: Found) -> Option<FindingRow> {
        FindingRow::at(&self.parts.get(found.part)?.tenant, found.place)
    }

    /// What they would save together.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let parts = self.parts.iter();
        parts.for_each(|part| totals.add_all(&part.totals()));
        totals
    }
}
