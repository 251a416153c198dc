//! What findings would save, by group of users and by license.

use crate::domain::filter::UserDimension;
use crate::domain::finding::{Confidence, FindingKind, FindingState, Saving};
use crate::domain::ids::SkuId;
use crate::domain::money::{Money, Sums};

use super::Findings;
use super::chunk::Entry;
use crate::engine::breakdown::Group;
use crate::engine::index::TenantIndex;
use crate::engine::rates::Members;
use crate::engine::select::UserSelection;

impl Findings {
    fn open(&self) -> impl Iterator<Item = &Entry> {
        let entries = self.chunks.iter().flat_map(|chunk| chunk.entries());
        entries.filter(|entry| entry.state == FindingState::Open)
    }

    /// What open findings that are sure enough to act on would save a month, each with its user's row.
    fn savings(&self) -> impl Iterator<Item = (u32, Money)> {
        let sure = self
            .open()
            .filter(|entry| entry.confidence != Confidence::Low);
        sure.filter_map(|entry| match entry.saving {
            Saving::Monthly(money) => Some((entry.row, money)),
            Saving::Nothing | Saving::Unpriced => None,
        })
    }
}

impl TenantIndex {
    /// How many held seats of a license come free for sure by following open findings. A seat that a
    /// smaller license would replace is not among them: somebody goes on using it until then.
    pub fn reclaimable_seats(&self, id: SkuId) -> u32 {
        let frees = |entry: &&Entry| {
            entry.sku_id == id
                && entry.confidence == Confidence::High
                && entry.saving != Saving::Nothing
                && entry.kind != FindingKind::Downgrade
        };
        let seats = self.findings().open().filter(frees);
        seats.map(|entry| entry.seats).sum()
    }
}

impl UserSelection {
    /// What open findings about the users of each group of a breakdown would save a month. Those for
    /// review (confidence LOW) are left out.
    pub fn savings_of(&self, by: UserDimension, groups: &[Group]) -> Vec<Sums> {
        let mut sums = vec![Sums::default(); groups.len()];
        for part in &self.parts {
            let savings = part.tenant.findings().savings();
            let selected: Vec<(u32, Money)> = savings
                .filter(|(row, _)| part.rows.contains(*row))
                .collect();
            for (group, sums) in groups.iter().zip(&mut sums) {
                let members = Members::of(part, by, group.key.as_deref());
                let own = selected.iter().filter(|(row, _)| members.contains(*row));
                own.for_each(|(_, money)| sums.add(*money));
            }
        }
        sums
    }
}
