//! One finding, and where it is kept.

use std::sync::Arc;

use crate::domain::finding::{Exemption, FindingKey, FindingState, KnownFinding, Saving};
use crate::domain::finding_filter::FindingPosition;
use crate::domain::ids::ObjectId;
use crate::domain::money::Money;
use crate::engine::chunked::CHUNK_ROWS;
use crate::engine::index::TenantIndex;
use crate::engine::row::UserRow;

use super::Findings;

/// One finding of one index.
#[derive(Clone)]
pub struct FindingRow {
    tenant: Arc<TenantIndex>,
    known: KnownFinding,
}

/// Where a finding is kept.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// Of a chunk.
    Row(usize, usize),
    OfTenant(usize),
    /// By who is gone.
    OfGone(ObjectId, usize),
}

impl Findings {
    /// Those that are about no row, and where they are.
    pub(super) fn of_others(&self) -> impl Iterator<Item = (&KnownFinding, Place)> {
        let of_tenant = self.of_tenant.iter().enumerate();
        let of_tenant = of_tenant.map(|(place, known)| (known, Place::OfTenant(place)));
        let of_gone = self.of_gone.iter().flat_map(|(user, known)| {
            let known = known.iter().enumerate();
            known.map(|(place, known)| (known, Place::OfGone(*user, place)))
        });
        of_tenant.chain(of_gone)
    }

    pub(super) fn other_at(&self, place: Place) -> Option<&KnownFinding> {
        match place {
            Place::Row(..) => None,
            Place::OfTenant(place) => self.of_tenant.get(place),
            Place::OfGone(user, place) => self.of_gone.get(&user)?.get(place),
        }
    }

    fn at(&self, tenant: &TenantIndex, place: Place) -> Option<KnownFinding> {
        let Place::Row(number, place) = place else {
            return self.other_at(place).cloned();
        };
        let chunk = self.chunks.get(number)?;
        let entry = chunk.entry(place)?;
        let verdict = self.verdicts.get(entry.verdict)?;
        let user = tenant.users().object_id(entry.row);
        let key = FindingKey::of_seat(verdict.kind, user, verdict.sku_id);
        let exemption = live_exemption(tenant, &key, verdict.state);
        chunk.known(&self.verdicts, place, user, exemption)
    }

    fn place_of(&self, tenant: &TenantIndex, key: &FindingKey) -> Option<Place> {
        let Some(user) = key.user else {
            let by_key = |known: &KnownFinding| known.finding.key;
            let place = self.of_tenant.binary_search_by_key(key, by_key).ok()?;
            return Some(Place::OfTenant(place));
        };
        if let Some(row) = tenant.users().find(user) {
            let chunk = self.chunk(row)?;
            let place = chunk.find(&self.verdicts, row, key.kind, key.sku?)?;
            return Some(Place::Row(row as usize / CHUNK_ROWS, place));
        }
        let mut gone = self.of_gone.get(&user)?.iter();
        let place = gone.position(|known| known.finding.key == *key)?;
        Some(Place::OfGone(user, place))
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

impl FindingRow {
    /// The one at a place of an index.
    pub(super) fn at(tenant: &Arc<TenantIndex>, place: Place) -> Option<Self> {
        Some(Self {
            known: tenant.findings().at(tenant, place)?,
            tenant: Arc::clone(tenant),
        })
    }

    /// Of one index, by what it is about.
    pub(super) fn find(tenant: &Arc<TenantIndex>, key: &FindingKey) -> Option<Self> {
        Self::at(tenant, tenant.findings().place_of(tenant, key)?)
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
        FindingPosition {
            monthly_savings: FindingPosition::savings(self.known.finding.saving),
            first_seen_on: self.known.first_seen_on,
            key: self.known.finding.key,
            tenant: self.tenant.key().clone(),
        }
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
        let Some(chunk) = tenant.findings().chunk(self.row()) else {
            return Vec::new();
        };
        let number = self.row() as usize / CHUNK_ROWS;
        let places = chunk.places_of(self.row());
        let rows = places.filter_map(|place| FindingRow::at(tenant, Place::Row(number, place)));
        rows.collect()
    }
}
