//! What findings would save, by group of users and by license.

use crate::domain::filter::UserDimension;
use crate::domain::finding::{Confidence, FindingKind, FindingState, Saving};
use crate::domain::ids::SkuId;
use crate::domain::money::{Money, Sums};

use super::Findings;
use super::chunk::{Chunk, Entry};
use crate::engine::breakdown::Group;
use crate::engine::index::TenantIndex;
use crate::engine::rates::Members;
use crate::engine::select::UserSelection;

impl Findings {
    fn open(&self) -> impl Iterator<Item = (&Chunk, &Entry)> {
        let all = self.chunks.iter().flat_map(|chunk| {
            let chunk = &**chunk;
            chunk.entries().iter().map(move |entry| (chunk, entry))
        });
        all.filter(|(_, entry)| entry.state == FindingState::Open)
    }

    /// What open findings that are sure enough to act on would save a month, each with its user's row.
    fn savings(&self) -> impl Iterator<Item = (u32, Money)> {
        let sure = self
            .open()
            .filter(|(_, entry)| entry.confidence != Confidence::Low);
        sure.filter_map(|(chunk, entry)| match chunk.saving(entry) {
            Saving::Monthly(money) => Some((entry.row, money)),
            Saving::Nothing | Saving::Unpriced => None,
        })
    }
}

impl TenantIndex {
    /// How many held seats of a license come free for sure by following open findings. A seat that a
    /// smaller license would replace is not among them: somebody goes on using it until then.
    pub fn reclaimable_seats(&self, id: SkuId) -> u32 {
        let frees = |(chunk, entry): &(&Chunk, &Entry)| {
            entry.confidence == Confidence::High
                && entry.kind != FindingKind::Downgrade
                && chunk.sku_id(entry) == Some(id)
                && chunk.saving(entry) != Saving::Nothing
        };
        let seats = self.findings().open().filter(frees).count();
        u32::try_from(seats).unwrap_or(u32::MAX)
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
