//! Whether one license gives everything that another one does.
//!
//! Comparing service plans as sets is wrong: of the 51 plans of Microsoft 365 E3, 14 are not in E5, since
//! E5 has the next larger plan in the place of each. So plans stand in [`Families`] by size, and a license
//! is within another one when each of its plans is in the other, outranked there by one of its family, or
//! missed by nobody.
//!
//! Everything is worked out once a tenant, over the plans that the tenant itself gets: what each plan
//! makes up for is a set of numbers, and to compare two licenses is to compare a few words of bits.

mod families;
mod plan_set;

use std::collections::BTreeMap;

use super::ids::PlanId;
use super::license::ServicePlan;
use super::text::fold;

pub use families::{Families, FamiliesError};
use plan_set::PlanSet;

/// The service plans of a tenant's licenses, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Containment {
    numbers: BTreeMap<PlanId, usize>,
    /// At each plan's number, the plans that nobody lacks who has it: itself and those it outranks.
    makes_up_for: Vec<PlanSet>,
    /// Plans that nobody misses.
    carriers: PlanSet,
}

/// What somebody has by a license: all its service plans, or those that are not switched off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// The plans that count.
    plans: PlanSet,
    /// What they make up for.
    makes_up_for: PlanSet,
}

impl Containment {
    /// Of the licenses with these plans.
    pub fn new<'a>(
        families: &Families,
        licenses: impl IntoIterator<Item = &'a [ServicePlan]>,
    ) -> Self {
        let mut numbers = BTreeMap::new();
        let mut plans = Vec::new();
        for plan in licenses.into_iter().flatten() {
            numbers.entry(plan.plan_id).or_insert_with(|| {
                plans.push((fold(&plan.value), families.find(plan)));
                plans.len() - 1
            });
        }
        let (mut by_family, mut by_name) = (BTreeMap::new(), BTreeMap::new());
        for (number, (name, known)) in plans.iter().enumerate() {
            insert(&mut by_name, name.as_str(), number);
            for step in known.iter().flat_map(|known| &known.steps) {
                insert(&mut by_family, step.family, (step.tier, number));
            }
        }
        let mut carriers = PlanSet::default();
        let makes_up_for = plans.iter().enumerate().map(|(number, (name, known))| {
            if known.is_some_and(|known| known.is_carrier) {
                carriers.insert(number);
            }
            // One plan may have two GUIDs.
            let mut made_up_for: PlanSet = by_name[name.as_str()].iter().copied().collect();
            for step in known.iter().flat_map(|known| &known.steps) {
                let below = by_family[&step.family].iter();
                let below = below.filter(|(tier, _)| *tier <= step.tier);
                made_up_for.extend(below.map(|(_, number)| *number));
            }
            made_up_for
        });
        Self {
            makes_up_for: makes_up_for.collect(),
            numbers,
            carriers,
        }
    }

    /// What a license with these plans offers to whom these are switched off.
    pub fn offer(&self, plans: &[ServicePlan], disabled: &[PlanId]) -> Offer {
        let mut offer = Offer::default();
        let enabled = plans
            .iter()
            .filter(|plan| !disabled.contains(&plan.plan_id));
        for number in enabled.filter_map(|plan| self.numbers.get(&plan.plan_id)) {
            offer.makes_up_for.insert_all(&self.makes_up_for[*number]);
            if !self.carriers.contains(*number) {
                offer.plans.insert(*number);
            }
        }
        offer
    }
}

fn insert<K: Ord, V>(places: &mut BTreeMap<K, Vec<V>>, key: K, value: V) {
    places.entry(key).or_default().push(value);
}

impl Offer {
    /// Whether there is nothing in it that anybody would miss.
    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    /// Whether another one gives everything that this one does. What gives nothing is within nothing:
    /// that no plan is known of it proves nothing.
    pub fn is_within(&self, other: &Self) -> bool {
        self.is_within_all(std::iter::once(other))
    }

    /// Whether others together give everything that this one does.
    pub fn is_within_all<'a>(&self, others: impl Iterator<Item = &'a Self> + Clone) -> bool {
        let made_up_for = others.map(|other| &other.makes_up_for);
        !self.is_empty() && self.plans.is_within(made_up_for)
    }

    /// Few of the others that together give everything that this one does, by place: the first is given
    /// up first wherever the rest does without it, so that none of those left can be spared. `None`
    /// where not even all of them are enough.
    pub fn cover(&self, others: &[&Self]) -> Option<Vec<usize>> {
        if !self.is_within_all(others.iter().copied()) {
            return None;
        }
        let mut kept: Vec<usize> = (0..others.len()).collect();
        for place in 0..others.len() {
            let rest = kept.iter().filter(|own| **own != place);
            if self.is_within_all(rest.map(|own| others[*own])) {
                kept.retain(|own| *own != place);
            }
        }
        Some(kept)
    }
}

#[cfg(test)]
pub(super) mod tests;
