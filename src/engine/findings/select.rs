//! Which findings a filter selects, and in which order.

use std::sync::Arc;

use crate::domain::filter::UserFilter;
use crate::domain::finding::{
    Confidence, Exemption, FindingKey, FindingState, KnownFinding, Saving, Totals,
};
use crate::domain::finding_filter::{FindingFilter, FindingOrder, FindingPosition};
use crate::domain::ids::SkuId;
use crate::domain::money::{Money, Rate};
use crate::engine::filter::planned;
use crate::engine::index::TenantIndex;
use crate::engine::row::UserRow;
use crate::engine::rows::Rows;

use super::Findings;

/// One finding of one index.
#[derive(Clone)]
pub struct FindingRow {
    tenant: Arc<TenantIndex>,
    known: KnownFinding,
}

/// The findings that a filter selects, in order.
pub struct FindingSelection {
    tenants: Vec<Arc<TenantIndex>>,
    selected: Vec<Selected>,
}

/// One of them, and where it is.
struct Selected {
    position: FindingPosition,
    tenant: usize,
    place: Place,
}

/// Where a finding is kept.
#[derive(Clone, Copy)]
enum Place {
    /// Of a chunk.
    Row(usize, usize),
    OfTenant(usize),
    OfGone(usize),
}

/// What filters ask of a finding.
struct Outline<'a> {
    key: &'a FindingKey,
    state: FindingState,
    confidence: Confidence,
    row: Option<u32>,
}

/// A filter, with the users of one tenant selected.
enum Compiled {
    And(Vec<Compiled>),
    Or(Vec<Compiled>),
    Not(Box<Compiled>),
    Kinds(u32),
    States(u32),
    Confidences(u32),
    Id(Vec<FindingKey>),
    License(Vec<SkuId>),
    User(Rows),
    Always(bool),
}

impl Compiled {
    fn new(tenant: &TenantIndex, filter: &FindingFilter) -> Self {
        let all = |parts: &[FindingFilter]| {
            let parts = parts.iter().map(|part| Self::new(tenant, part));
            parts.collect::<Vec<_>>()
        };
        match filter {
            FindingFilter::And(parts) => Self::And(all(parts)),
            FindingFilter::Or(parts) => Self::Or(all(parts)),
            FindingFilter::Not(part) => Self::Not(Box::new(Self::new(tenant, part))),
            FindingFilter::Kind(kinds) => Self::Kinds(bits(kinds.iter().map(|own| *own as u32))),
            FindingFilter::State(own) => Self::States(bits(own.iter().map(|own| *own as u32))),
            FindingFilter::Confidence(own) => {
                Self::Confidences(bits(own.iter().map(|own| *own as u32)))
            }
            FindingFilter::Tenant(keys) => Self::Always(keys.contains(tenant.key())),
            FindingFilter::Id(ids) => match ids.get(tenant.key()) {
                Some(keys) => Self::Id(keys.iter().copied().collect()),
                None => Self::Always(false),
            },
            FindingFilter::License(ids) => match ids.get(tenant.key()) {
                Some(ids) => Self::License(ids.iter().copied().collect()),
                None => Self::Always(false),
            },
            FindingFilter::User(filter) => Self::User(rows(tenant, filter)),
        }
    }

    fn holds(&self, finding: &Outline<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(finding)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(finding)),
            Self::Not(part) => !part.holds(finding),
            Self::Kinds(kinds) => kinds & (1 << finding.key.kind as u32) != 0,
            Self::States(states) => states & (1 << finding.state as u32) != 0,
            Self::Confidences(own) => own & (1 << finding.confidence as u32) != 0,
            Self::Id(keys) => keys.binary_search(finding.key).is_ok(),
            Self::License(ids) => finding
                .key
                .sku
                .is_some_and(|sku| ids.binary_search(&sku).is_ok()),
            Self::User(rows) => finding.row.is_some_and(|row| rows.contains(row)),
            Self::Always(holds) => *holds,
        }
    }
}

fn bits(numbers: impl Iterator<Item = u32>) -> u32 {
    numbers.fold(0, |bits, number| bits | (1 << number))
}

fn rows(tenant: &TenantIndex, filter: &UserFilter) -> Rows {
    Rows::new(tenant.users(), &planned(tenant, filter, &[]), &|| true)
}

/// Selects findings of some tenants of one world.
pub fn select_findings(
    tenants: &[Arc<TenantIndex>],
    filter: &FindingFilter,
    orders: &[FindingOrder],
) -> FindingSelection {
    let mut selected = Vec::new();
    for (number, tenant) in tenants.iter().enumerate() {
        let compiled = Compiled::new(tenant, filter);
        tenant
            .findings()
            .visit(tenant, &mut |outline, place, position| {
                if compiled.holds(outline) {
                    selected.push(Selected {
                        position: position(),
                        tenant: number,
                        place,
                    });
                }
            });
    }
    selected.sort_unstable_by(|one, other| one.position.compare(&other.position, orders));
    FindingSelection {
        tenants: tenants.to_vec(),
        selected,
    }
}

/// Is called with a finding, where it is, and what tells where it stands in lists.
type Visit<'a> = dyn FnMut(&Outline<'_>, Place, &dyn Fn() -> FindingPosition) + 'a;

impl Findings {
    fn visit(&self, tenant: &TenantIndex, visit: &mut Visit<'_>) {
        let users = tenant.users();
        for (number, chunk) in self.chunks.iter().enumerate() {
            for (place, entry) in chunk.entries().iter().enumerate() {
                let key = chunk.key(entry, users.object_id(entry.row));
                let outline = Outline {
                    key: &key,
                    state: entry.state,
                    confidence: entry.confidence,
                    row: Some(entry.row),
                };
                visit(&outline, Place::Row(number, place), &|| FindingPosition {
                    monthly_savings: FindingPosition::savings(chunk.saving(entry)),
                    first_seen_on: entry.first_seen_on,
                    key,
                    tenant: tenant.key().clone(),
                });
            }
        }
        let mut visit_known = |known: &KnownFinding, place| {
            let outline = Outline {
                key: &known.finding.key,
                state: known.state,
                confidence: known.finding.confidence,
                row: None,
            };
            visit(&outline, place, &|| position(tenant, known));
        };
        for (place, known) in self.of_tenant.iter().enumerate() {
            visit_known(known, Place::OfTenant(place));
        }
        for (place, known) in self.of_gone.values().flatten().enumerate() {
            visit_known(known, Place::OfGone(place));
        }
    }

    fn at(&self, tenant: &TenantIndex, place: Place) -> Option<KnownFinding> {
        match place {
            Place::Row(number, place) => {
                let chunk = self.chunks.get(number)?;
                let entry = chunk.entry(place)?;
                let user = tenant.users().object_id(entry.row);
                let exemption = live_exemption(tenant, &chunk.key(entry, user), entry.state);
                chunk.known(place, user, exemption)
            }
            Place::OfTenant(place) => self.of_tenant.get(place).cloned(),
            Place::OfGone(place) => self.of_gone.values().flatten().nth(place).cloned(),
        }
    }

    fn place_of(&self, tenant: &TenantIndex, key: &FindingKey) -> Option<Place> {
        let Some(user) = key.user else {
            let by_key = |known: &KnownFinding| known.finding.key;
            let place = self.of_tenant.binary_search_by_key(key, by_key).ok()?;
            return Some(Place::OfTenant(place));
        };
        if let Some(row) = tenant.users().find(user) {
            let place = self.chunk(row)?.find(row, key.kind, key.sku?)?;
            return Some(Place::Row(row as usize / super::CHUNK_ROWS, place));
        }
        let mut gone = self.of_gone.values().flatten();
        let place = gone.position(|known| known.finding.key == *key)?;
        Some(Place::OfGone(place))
    }
}

fn live_exemption(
    tenant: &TenantIndex,
    key: &FindingKey,
    state: FindingState,
) -> Option<Exemption> {
    let exemptions = &tenant.decisions().exemptions;
    let exemption = exemptions.get(key);
    exemption.filter(|_| state == FindingState::Exempt).cloned()
}

fn position(tenant: &TenantIndex, known: &KnownFinding) -> FindingPosition {
    FindingPosition {
        monthly_savings: FindingPosition::savings(known.finding.saving),
        first_seen_on: known.first_seen_on,
        key: known.finding.key,
        tenant: tenant.key().clone(),
    }
}

impl FindingSelection {
    /// How many findings are selected.
    pub fn count(&self) -> usize {
        self.selected.len()
    }

    /// Where each stands, in order.
    pub fn positions(
        &self,
    ) -> impl ExactSizeIterator<Item = &FindingPosition> + DoubleEndedIterator {
        self.selected.iter().map(|selected| &selected.position)
    }

    /// The one at a place of the order.
    pub fn row(&self, place: usize) -> Option<FindingRow> {
        let selected = self.selected.get(place)?;
        let tenant = self.tenants.get(selected.tenant)?;
        Some(FindingRow {
            known: tenant.findings().at(tenant, selected.place)?,
            tenant: Arc::clone(tenant),
        })
    }

    /// What they would save together.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (number, tenant) in self.tenants.iter().enumerate() {
            let own = self.selected.iter().filter(|own| own.tenant == number);
            let known: Vec<KnownFinding> = own
                .filter_map(|own| tenant.findings().outline_at(tenant, own.place))
                .collect();
            let own = Totals::of(&known, |sku| tenant.monthly_spend(sku));
            totals.monthly_savings.add_all(&own.monthly_savings);
            let (review, forgone) = (&own.monthly_savings_in_review, &own.monthly_savings_forgone);
            totals.monthly_savings_in_review.add_all(review);
            totals.monthly_savings_forgone.add_all(forgone);
            let realized = &own.monthly_savings_realized;
            totals.monthly_savings_realized.add_all(realized);
            totals.unpriced_seats = totals.unpriced_seats.saturating_add(own.unpriced_seats);
        }
        totals
    }
}

impl Findings {
    fn outline_at(&self, tenant: &TenantIndex, place: Place) -> Option<KnownFinding> {
        match place {
            Place::Row(number, place) => {
                let chunk = self.chunks.get(number)?;
                let row = chunk.entry(place)?.row;
                chunk.outline(place, tenant.users().object_id(row))
            }
            place => self.at(tenant, place),
        }
    }
}

impl FindingRow {
    /// Of one index, by what it is about.
    pub(super) fn find(tenant: &Arc<TenantIndex>, key: &FindingKey) -> Option<Self> {
        let findings = tenant.findings();
        let place = findings.place_of(tenant, key)?;
        Some(Self {
            known: findings.at(tenant, place)?,
            tenant: Arc::clone(tenant),
        })
    }

    /// The index that it is of.
    pub fn tenant(&self) -> &Arc<TenantIndex> {
        &self.tenant
    }

    /// All that is known of it.
    pub fn known(&self) -> &KnownFinding {
        &self.known
    }

    /// Where it stands in lists.
    pub fn position(&self) -> FindingPosition {
        position(&self.tenant, &self.known)
    }

    /// What following it would save a month at the prices of today; `None` where nobody said one.
    pub fn monthly_savings(&self) -> Option<Money> {
        match self.known.finding.saving {
            Saving::Monthly(money) => Some(money),
            Saving::Unpriced => None,
            Saving::Nothing => {
                let rate = self.tenant.seat_rate(self.known.finding.key.sku?)?;
                Some(Money::zero(rate.currency()))
            }
        }
    }
}

impl UserRow {
    /// What the rules find of the user, and what was saved, by key.
    pub fn findings(&self) -> Vec<FindingRow> {
        let tenant = self.tenant();
        let findings = tenant.findings();
        let Some(chunk) = findings.chunk(self.row()) else {
            return Vec::new();
        };
        let number = self.row() as usize / super::CHUNK_ROWS;
        let places = chunk.places_of(self.row());
        let known = places.filter_map(|place| findings.at(tenant, Place::Row(number, place)));
        let row = |known| FindingRow {
            tenant: Arc::clone(tenant),
            known,
        };
        known.map(row).collect()
    }
}

impl TenantIndex {
    /// What a seat of a license costs today; `None` where nobody said.
    pub fn seat_rate(&self, id: SkuId) -> Option<Rate> {
        self.findings().rate(id)
    }

    /// What all seats of a license that are paid for cost a month; `None` where nobody said.
    pub fn monthly_spend(&self, id: SkuId) -> Option<Money> {
        let seats = self.license(id)?.license.seats;
        let paid = seats.enabled.saturating_add(seats.warning);
        Some(self.seat_rate(id)?.monthly().times(paid.into()))
    }
}
