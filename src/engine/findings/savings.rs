//! What findings would save: all of a tenant, those about a license, and by groups of users.

use std::collections::BTreeMap;

use crate::domain::filter::UserDimension;
use crate::domain::finding::{KnownFinding, Saved, Saving, Savings};
use crate::domain::ids::SkuId;
use crate::domain::money::{Money, Rate, Sums};

use super::Findings;
use crate::engine::breakdown::Group;
use crate::engine::index::TenantIndex;
use crate::engine::rates::Members;
use crate::engine::select::{Part, UserSelection};

/// What all findings of a tenant add up to: worked out when they are judged, and read by whoever asks.
#[derive(Default, PartialEq)]
pub(super) struct Tally {
    savings: Savings,
    /// How many held seats of each license come free for sure.
    freed: BTreeMap<SkuId, u32>,
}

impl Tally {
    pub(super) fn of(findings: &Findings) -> Self {
        let mut tally = Self::default();
        let verdicts = &findings.verdicts;
        for (verdict, count) in verdicts.all().zip(verdicts.counts()) {
            if count == 0 {
                continue;
            }
            tally.savings.add(&verdict.saved(), count.into());
            if verdict.frees_seat() {
                let freed = tally.freed.entry(verdict.sku_id).or_default();
                *freed = freed.saturating_add(count);
            }
        }
        let others = findings.others();
        others.for_each(|known| tally.savings.add(&Saved::from(known), 1));
        tally
    }
}

impl Findings {
    /// Those that are about no row.
    pub(super) fn others(&self) -> impl Iterator<Item = &KnownFinding> {
        let of_gone = self.of_gone.values().flatten();
        self.of_tenant.iter().chain(of_gone)
    }
}

impl TenantIndex {
    /// How many held seats of a license come free for sure by following open findings. A seat that a
    /// smaller license would replace is not among them: somebody goes on using it until then.
    pub fn reclaimable_seats(&self, id: SkuId) -> u32 {
        let freed = &self.findings().tally.freed;
        freed.get(&id).copied().unwrap_or(0)
    }

    /// What following the open findings about a license would save a month, without those for review;
    /// `None` where a seat that would be saved has no price, or they are in several currencies.
    pub fn monthly_savings(&self, id: SkuId) -> Option<Money> {
        let savings = &self.findings().tally.savings;
        let saved = savings.of_license(id, self.monthly_spend(id));
        let total = match saved.monthly.totals() {
            [] => Money::zero(self.seat_rate(id)?.currency()),
            _ => saved.monthly.only()?,
        };
        (saved.unpriced_seats == 0).then_some(total)
    }

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

    /// The sums of all findings.
    pub(super) fn savings(&self) -> &Savings {
        &self.findings().tally.savings
    }
}

impl UserSelection {
    /// What open findings about the users of each group of a breakdown would save a month. Those for
    /// review (confidence LOW) are left out.
    pub fn savings_of(&self, by: UserDimension, groups: &[Group]) -> Vec<Sums> {
        let mut sums = vec![Sums::default(); groups.len()];
        for part in &self.parts {
            let saved = saved_by(part);
            for (group, sums) in groups.iter().zip(&mut sums) {
                match Members::of(part, by, group.key.as_deref()) {
                    // What few have is looked up of each: groups are many, and share no work.
                    Members::Some(rows) if rows.count() < saved.len() as u64 => {
                        rows.iter().for_each(|row| add_of(&saved, row, sums));
                    }
                    members => {
                        let own = saved.iter().filter(|(row, _)| members.contains(*row));
                        own.for_each(|(_, money)| sums.add(*money));
                    }
                }
            }
        }
        sums
    }
}

/// What findings about selected users would save, each with its row, in order of row.
fn saved_by(part: &Part) -> Vec<(u32, Money)> {
    let findings = part.tenant.findings();
    let savings = findings
        .verdicts
        .all()
        .map(|verdict| match verdict.sure_saving() {
            Saving::Monthly(money) => Some(money),
            Saving::Nothing | Saving::Unpriced => None,
        });
    let savings: Vec<Option<Money>> = savings.collect();
    let entries = findings.chunks.iter().flat_map(|chunk| chunk.entries());
    let saved = entries.filter_map(|entry| {
        let money = savings.get(entry.verdict as usize).copied().flatten()?;
        part.rows.contains(entry.row).then_some((entry.row, money))
    });
    saved.collect()
}

fn add_of(saved: &[(u32, Money)], row: u32, sums: &mut Sums) {
    let first = saved.partition_point(|(other, _)| *other < row);
    let own = saved
        .iter()
        .skip(first)
        .take_while(|(other, _)| *other == row);
    own.for_each(|(_, money)| sums.add(*money));
}
