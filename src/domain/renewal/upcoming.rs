//! Which purchases renew soon, and how many seats of each to keep.

use jiff::civil::Date;

use super::plan::PlanRequest;
use super::reminder::Reminder;
use super::{Holding, Purchase};
use crate::domain::day::{self, Day};
use crate::domain::ids::SubscriptionId;
use crate::domain::money::Money;
use crate::domain::terms::TermsPolicy;

/// A purchase that renews, or changes its state, before long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// The purchase.
    pub subscription: SubscriptionId,
    /// The declared renewal, else the day of the next change of state (UTC).
    pub on: Date,
    /// Whether the day was declared.
    pub is_declared: bool,
    /// Days until then; 0 on the day.
    pub days_left: i64,
    /// What to think of now.
    pub reminder: Option<Reminder>,
    /// `companySubscription.totalLicenses`
    pub seats: Option<u32>,
    /// Held seats of the license: Microsoft does not say from which purchase a seat comes.
    pub assigned: u32,
    /// Seats to keep; `None` for a purchase that is not renewed, as a trial or one that is suspended.
    pub recommended_seats: Option<u64>,
    /// What the seats that could go cost in a year; `None` without a price.
    pub gross: Option<Money>,
    /// What of it the term allows within the next 12 months; `None` while the term is unknown.
    pub realizable: Option<Money>,
}

/// When a purchase renews next, and whether that was declared.
fn next_on(purchase: &Purchase<'_>, today: Date) -> Option<(Date, bool)> {
    if let Some(declared) = purchase.terms.next_renewal(today) {
        return Some((declared, true));
    }
    let changes = purchase.subscription.next_change_at?;
    let on = Day::of_instant(changes)?.date();
    (on >= today).then_some((on, false))
}

/// The purchases of some licenses that renew, or change their state, from today within so many days: the
/// soonest first.
pub fn upcoming<'a>(
    holdings: impl IntoIterator<Item = &'a Holding<'a>>,
    within_days: u32,
    today: Date,
    policy: TermsPolicy,
) -> Vec<Renewal> {
    let mut renewals = Vec::new();
    for holding in holdings {
        let soon = holding.purchases.iter().filter_map(|purchase| {
            let (on, is_declared) = next_on(purchase, today)?;
            let days_left = day::number(on) - day::number(today);
            let is_soon = days_left <= i64::from(within_days);
            is_soon.then_some((purchase, on, is_declared, days_left))
        });
        let soon: Vec<_> = soon.collect();
        if soon.is_empty() {
            continue;
        }
        let plan = holding.plan(PlanRequest::default(), today, policy);
        for (purchase, on, is_declared, days_left) in soon {
            let subscription = purchase.subscription.id;
            let mut lots = plan.lots.iter();
            let lot = lots.find(|lot| lot.subscription == Some(subscription));
            renewals.push(Renewal {
                subscription,
                on,
                is_declared,
                days_left,
                reminder: Reminder::at(days_left, policy),
                seats: purchase.subscription.seats,
                assigned: holding.seats.consumed,
                recommended_seats: lot.map(|lot| lot.recommended_seats()),
                gross: lot.and_then(|lot| lot.gross),
                realizable: lot.and_then(|lot| lot.realizable),
            });
        }
    }
    renewals.sort_by_key(|renewal| (renewal.on, renewal.subscription));
    renewals
}
