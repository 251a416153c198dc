//! The seats that findings would free, each once, and by which paths their holders have them.

use std::collections::hash_map::{Entry, HashMap};
use std::sync::Arc;

use crate::domain::finding::{FindingKind, FindingState, Totals};
use crate::domain::finding_filter::{FindingFilter, FindingOrder, FindingPosition};
use crate::domain::ids::{ObjectId, SkuId};
use crate::domain::reclaim::{self, Act, Membership, Path, Step};
use crate::engine::index::TenantIndex;

use super::row::FindingRow;
use super::select::{FindingSelection, select_findings};

/// What to call a license.
type NameOf<'a> = dyn Fn(SkuId) -> String + 'a;

/// The seats of one tenant that the open findings which a filter selects would free.
pub struct Reclaim {
    tenant: Arc<TenantIndex>,
    selection: FindingSelection,
    /// In order.
    seats: Vec<Seat>,
}

/// A seat, by the finding that stands for it.
struct Seat {
    /// Of the selection.
    place: usize,
    position: FindingPosition,
}

impl Reclaim {
    /// In the order of the findings. Of several about one seat the one that carries its saving stands for
    /// it, or else the first by kind.
    pub fn new(tenant: &Arc<TenantIndex>, filter: FindingFilter, orders: &[FindingOrder]) -> Self {
        let kinds = FindingKind::ALL.into_iter();
        let filter = FindingFilter::And(vec![
            filter,
            FindingFilter::State([FindingState::Open].into()),
            FindingFilter::Kind(kinds.filter(|kind| reclaim::frees_seats(*kind)).collect()),
        ]);
        let selection = select_findings(std::slice::from_ref(tenant), &filter, orders);
        Self {
            tenant: Arc::clone(tenant),
            seats: seats(tenant, &selection),
            selection,
        }
    }

    /// Whose seats they are.
    pub fn tenant(&self) -> &Arc<TenantIndex> {
        &self.tenant
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.seats.len()
    }

    /// Where each stands, in order: by the finding that stands for it.
    pub fn positions(&self) -> impl Iterator<Item = &FindingPosition> {
        self.seats.iter().map(|seat| &seat.position)
    }

    /// The finding that stands for the seat at a place of the order.
    pub fn finding(&self, place: usize) -> Option<FindingRow> {
        self.selection.row(self.seats.get(place)?.place)
    }

    /// What they would save together.
    pub fn totals(&self) -> Totals {
        let rows = (0..self.count()).filter_map(|place| self.finding(place));
        let known: Vec<_> = rows.map(|row| row.known().clone()).collect();
        Totals::of(&known, |sku| self.tenant.monthly_spend(sku))
    }

    /// What has to be done for the seat of a finding.
    pub fn act(&self, finding: &FindingRow, name_of: &NameOf<'_>) -> Option<Act> {
        let key = finding.known().finding.key;
        act(&self.tenant, key.kind, (key.user?, key.sku?), name_of)
    }

    /// The same with all that a file tells of it.
    pub fn step(&self, row: &FindingRow, name_of: &NameOf<'_>) -> Option<Step> {
        let finding = &row.known().finding;
        let user = self.tenant.find(finding.key.user?)?;
        let license = finding.key.sku?;
        Some(Step {
            user: user.object_id(),
            user_principal_name: user.user_principal_name().to_owned(),
            display_name: user.display_name().map(str::to_owned),
            license,
            license_name: name_of(license),
            replaced_by: reclaim::replacement(finding).map(|sku| (sku, name_of(sku))),
            kind: finding.key.kind,
            confidence: finding.confidence,
            summary: finding.summary(name_of),
            monthly_savings: row.monthly_savings(),
            act: self.act(row, name_of)?,
        })
    }
}

/// One finding for each seat that somebody could free.
fn seats(tenant: &Arc<TenantIndex>, selection: &FindingSelection) -> Vec<Seat> {
    let rank = |position: &FindingPosition| (!position.saves_anything(), position.key.kind);
    let mut best: HashMap<(ObjectId, SkuId), Seat> = HashMap::new();
    let positions = (0..selection.count()).filter_map(|place| {
        let row = selection.row(place)?;
        Some((place, row.position()))
    });
    for (place, position) in positions {
        let Some(about) = position.key.user.zip(position.key.sku) else {
            continue;
        };
        let seat = || Seat {
            place,
            position: position.clone(),
        };
        match best.entry(about) {
            Entry::Occupied(mut best) if rank(&position) < rank(&best.get().position) => {
                best.insert(seat());
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(none) => {
                none.insert(seat());
            }
        }
    }
    let is_freed = |(about, seat): &((ObjectId, SkuId), Seat)| {
        act(tenant, seat.position.key.kind, *about, &|_| String::new()).is_some()
    };
    let freed = best.into_iter().filter(is_freed);
    let mut seats: Vec<Seat> = freed.map(|(_, seat)| seat).collect();
    seats.sort_unstable_by_key(|seat| seat.place);
    seats
}

fn act(
    tenant: &Arc<TenantIndex>,
    kind: FindingKind,
    (user, license): (ObjectId, SkuId),
    name_of: &NameOf<'_>,
) -> Option<Act> {
    let assignments = tenant.find(user)?.assignments();
    let mut held = assignments.iter();
    let assignment = held.find(|assignment| assignment.sku_id == license)?;
    let lost = reclaim::lost_besides(&assignments, license).into_iter();
    let lost = lost.map(|sku| (sku, name_of(sku))).collect();
    reclaim::act(kind, assignment, |group| path(tenant, group), lost)
}

fn path(tenant: &TenantIndex, group: ObjectId) -> Path {
    let known = tenant.group(group);
    Path {
        group,
        name: known.and_then(|group| group.display_name.clone()),
        membership: match known {
            None => Membership::Unknown,
            Some(group) if group.is_synced_from_on_premises => Membership::OnPremises,
            Some(group) if group.is_dynamic => Membership::Dynamic,
            Some(_) => Membership::Assigned,
        },
    }
}
