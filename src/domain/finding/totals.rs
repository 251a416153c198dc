//! What findings would save together.

use std::collections::BTreeMap;

use crate::domain::ids::SkuId;
use crate::domain::money::{Money, Sums};

use super::{Confidence, FindingState, KnownFinding, Saving};

/// What some findings would save a month. No seat is counted twice, and no license saves more than is paid
/// for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// By what is open and sure enough to act on.
    pub monthly_savings: Sums,
    /// By what is open and for somebody to review first.
    pub monthly_savings_in_review: Sums,
    /// What exemptions leave on the table.
    pub monthly_savings_forgone: Sums,
    /// What was saved already.
    pub monthly_savings_realized: Sums,
    /// Seats that would be saved, and whose price is not known.
    pub unpriced_seats: u64,
}

impl Totals {
    /// Of these findings. `spend_of` tells what is paid a month for all seats of a license.
    ///
    /// Where more seats are in use than are paid for, the first ones that go save nothing.
    pub fn of<'a>(
        findings: impl IntoIterator<Item = &'a KnownFinding>,
        spend_of: impl Fn(SkuId) -> Option<Money>,
    ) -> Self {
        let mut totals = Self::default();
        let mut by_license: BTreeMap<SkuId, [Sums; 2]> = BTreeMap::new();
        for known in findings {
            let is_sure = known.finding.confidence != Confidence::Low;
            let saved = match known.finding.saving {
                Saving::Nothing => continue,
                Saving::Unpriced => {
                    if known.state == FindingState::Open && is_sure {
                        let seats = u64::from(known.finding.seats);
                        totals.unpriced_seats = totals.unpriced_seats.saturating_add(seats);
                    }
                    continue;
                }
                Saving::Monthly(saved) => saved,
            };
            match (known.state, known.finding.key.sku) {
                (FindingState::Open, Some(sku)) => {
                    let sums = by_license.entry(sku).or_default();
                    sums[usize::from(!is_sure)].add(saved);
                }
                (FindingState::Open, None) => totals.monthly_savings.add(saved),
                (FindingState::Exempt, _) => totals.monthly_savings_forgone.add(saved),
                (FindingState::Realized, _) => totals.monthly_savings_realized.add(saved),
            }
        }
        for (sku, [sure, in_review]) in &by_license {
            let spend = spend_of(*sku);
            totals.monthly_savings.add_all(&within(sure, spend));
            let left = spend.map(|spend| less(spend, sure));
            let in_review = within(in_review, left);
            totals.monthly_savings_in_review.add_all(&in_review);
        }
        totals
    }
}

/// Sums that do not exceed what is paid.
fn within(sums: &Sums, spend: Option<Money>) -> Sums {
    let totals = sums.totals().iter();
    let capped = totals.map(|total| match spend {
        Some(spend) if spend < *total => spend,
        _ => *total,
    });
    capped.collect()
}

/// What is left to be saved of what is paid.
fn less(spend: Money, saved: &Sums) -> Money {
    let left = saved
        .total_in(spend.currency())
        .and_then(|saved| spend.minus(saved));
    match left {
        Some(left) if left.is_positive() => left,
        Some(_) => Money::zero(spend.currency()),
        None => spend,
    }
}
