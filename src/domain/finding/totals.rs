//! What findings would save together.

use std::collections::BTreeMap;

use crate::domain::ids::SkuId;
use crate::domain::money::{Money, SeatCost, Sums};

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
    pub fn of<'a>(
        findings: impl IntoIterator<Item = &'a KnownFinding>,
        spend_of: impl Fn(SkuId) -> Option<Money>,
    ) -> Self {
        let mut savings = Savings::default();
        for known in findings {
            savings.add(&Saved::from(known), 1);
        }
        savings.totals(spend_of)
    }

    /// Adds those of other licenses.
    pub fn add_all(&mut self, others: &Self) {
        self.monthly_savings.add_all(&others.monthly_savings);
        let review = &others.monthly_savings_in_review;
        self.monthly_savings_in_review.add_all(review);
        let forgone = &others.monthly_savings_forgone;
        self.monthly_savings_forgone.add_all(forgone);
        let realized = &others.monthly_savings_realized;
        self.monthly_savings_realized.add_all(realized);
        self.unpriced_seats = self.unpriced_seats.saturating_add(others.unpriced_seats);
    }
}

/// All that sums ask of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// Where it stands.
    pub state: FindingState,
    /// How sure it is.
    pub confidence: Confidence,
    /// The license that it is about.
    pub sku_id: Option<SkuId>,
    /// What it would save.
    pub saving: Saving,
    /// How many seats it is about.
    pub seats: u32,
}

impl From<&KnownFinding> for Saved {
    fn from(known: &KnownFinding) -> Self {
        Self {
            state: known.state,
            confidence: known.finding.confidence,
            sku_id: known.finding.key.sku,
            saving: known.finding.saving,
            seats: known.finding.seats,
        }
    }
}

/// What findings would save, license by license. They may be added in any order, and many at once where
/// they are alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Savings {
    /// What is open; without a license, what is about none.
    open: BTreeMap<Option<SkuId>, Open>,
    forgone: Sums,
    realized: Sums,
}

/// What is open about one license.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Open {
    sure: Sums,
    in_review: Sums,
    unpriced_seats: u64,
}

impl Open {
    fn add(&mut self, saved: &Saved, count: u64) {
        let is_sure = saved.confidence != Confidence::Low;
        match saved.saving {
            Saving::Monthly(money) if is_sure => self.sure.add(money.times(count)),
            Saving::Monthly(money) => self.in_review.add(money.times(count)),
            Saving::Unpriced if is_sure => {
                let seats = u64::from(saved.seats).saturating_mul(count);
                self.unpriced_seats = self.unpriced_seats.saturating_add(seats);
            }
            Saving::Unpriced | Saving::Nothing => {}
        }
    }
}

impl Savings {
    /// Adds so many findings that are alike.
    pub fn add(&mut self, saved: &Saved, count: u64) {
        match (saved.state, saved.saving) {
            (_, Saving::Nothing) => {}
            (FindingState::Open, _) => {
                let open = self.open.entry(saved.sku_id).or_default();
                open.add(saved, count);
            }
            (_, Saving::Unpriced) => {}
            (FindingState::Exempt, Saving::Monthly(money)) => self.forgone.add(money.times(count)),
            (FindingState::Realized, Saving::Monthly(money)) => {
                self.realized.add(money.times(count));
            }
        }
    }

    /// What all of them would save. `spend_of` tells what is paid a month for all seats of a license.
    ///
    /// Where more seats are in use than are paid for, the first ones that go save nothing.
    pub fn totals(&self, spend_of: impl Fn(SkuId) -> Option<Money>) -> Totals {
        let mut totals = Totals {
            monthly_savings_forgone: self.forgone.clone(),
            monthly_savings_realized: self.realized.clone(),
            ..Totals::default()
        };
        for (sku_id, open) in &self.open {
            let spend = sku_id.and_then(&spend_of);
            totals.monthly_savings.add_all(&within(&open.sure, spend));
            let left = spend.map(|spend| less(spend, &open.sure));
            let in_review = within(&open.in_review, left);
            totals.monthly_savings_in_review.add_all(&in_review);
            totals.unpriced_seats = totals.unpriced_seats.saturating_add(open.unpriced_seats);
        }
        totals
    }

    /// What is open and sure enough to act on about one license, of which so much is paid a month, and the
    /// seats that would be saved and have no price.
    pub fn of_license(&self, sku_id: SkuId, spend: Option<Money>) -> SeatCost {
        let open = self.open.get(&Some(sku_id));
        open.map_or_else(SeatCost::default, |open| SeatCost {
            monthly: within(&open.sure, spend),
            unpriced_seats: open.unpriced_seats,
        })
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
