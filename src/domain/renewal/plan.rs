//! How many seats to order, which purchases that makes smaller, and what it saves.

use jiff::civil::Date;

use super::{Holding, Lot};
use crate::domain::day::{months_after, whole_months};
use crate::domain::ids::SubscriptionId;
use crate::domain::money::{Money, Rate, Sums};
use crate::domain::terms::TermsPolicy;

/// The most months that a plan looks ahead: the longest term, and as much again with some room.
pub const HORIZON_MONTHS_MAX: u32 = 120;

/// The most people that come or go in a plan; Microsoft has no larger customer.
pub const PEOPLE_MAX: u32 = 10_000_000;

/// The smallest buffer that is kept unless another one is asked for, in seats.
const BUFFER_MIN: u64 = 2;
/// The share of the needed seats that is kept as a buffer, in percent.
const BUFFER_PERCENT: u64 = 3;

/// What a plan is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanRequest {
    buffer: Option<u32>,
    hires: u32,
    leavers: u32,
    horizon_months: u32,
}

/// Why a plan cannot be asked for so. Each says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlanRequest {
    /// A number of seats or people that is none.
    #[error("{0} is a whole number from 0 to {PEOPLE_MAX}")]
    Number(&'static str),
    /// The horizon is too near or too far.
    #[error("horizonMonths is a whole number from 1 to {HORIZON_MONTHS_MAX}")]
    Horizon,
}

impl Default for PlanRequest {
    fn default() -> Self {
        Self {
            buffer: None,
            hires: 0,
            leavers: 0,
            horizon_months: 12,
        }
    }
}

impl PlanRequest {
    /// Checks what was asked for: seats to keep free (`None` for the usual share), people who will come
    /// and go until the renewal, and how many months ahead what can be realized is added up.
    pub fn new(
        buffer: Option<i64>,
        hires: i64,
        leavers: i64,
        horizon_months: i64,
    ) -> Result<Self, InvalidPlanRequest> {
        let count = |number: i64, name| {
            let number = u32::try_from(number).ok();
            let number = number.filter(|number| *number <= PEOPLE_MAX);
            number.ok_or(InvalidPlanRequest::Number(name))
        };
        let horizon = u32::try_from(horizon_months).ok();
        let horizon = horizon.filter(|months| (1..=HORIZON_MONTHS_MAX).contains(months));
        Ok(Self {
            buffer: buffer.map(|buffer| count(buffer, "buffer")).transpose()?,
            hires: count(hires, "hires")?,
            leavers: count(leavers, "leavers")?,
            horizon_months: horizon.ok_or(InvalidPlanRequest::Horizon)?,
        })
    }
}

/// What to order of a license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalPlan {
    /// Seats that will be in use: those held less those that can be reclaimed, and who comes less who
    /// goes.
    pub needed: u64,
    /// Seats to keep free.
    pub buffer: u64,
    /// Seats to hold after the renewal: needed and buffer.
    pub order: u64,
    /// Seats that are held now and not ordered.
    pub drop: u64,
    /// Where they are from, in the order in which purchases become smaller: whichever may first, does.
    pub lots: Vec<PlannedLot>,
    /// What the dropped seats cost in a year. `None` where one has no price, or several currencies.
    pub gross: Option<Money>,
    /// What of it the terms allow within the horizon. `None` where `gross` is, or where a purchase that
    /// has to become smaller has unknown terms.
    pub realizable: Option<Money>,
    /// Free or reclaimable seats to give out to those who come.
    pub reassign_first: u64,
    /// Seats to buy for those who come, once these are given out.
    pub buy: u64,
    /// What the reclaimed seats among those given out would have cost within the horizon. They are not
    /// among the dropped, so it may be added to neither other sum for the same seat.
    pub redeployable: Option<Money>,
}

/// The seats of one purchase in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedLot {
    /// The purchase; `None` for seats of the license that no purchase tells of.
    pub subscription: Option<SubscriptionId>,
    /// Seats now.
    pub seats: u64,
    /// Seats that are not ordered again.
    pub drops: u64,
    /// The first day on which they may go; `None` while the terms are unknown.
    pub falls_on: Option<Date>,
    /// What the dropped seats cost in a year; `None` without a price.
    pub gross: Option<Money>,
    /// What of it the term allows within the horizon; `None` without a price or a term.
    pub realizable: Option<Money>,
}

impl PlannedLot {
    /// Seats to order again.
    pub fn recommended_seats(&self) -> u64 {
        self.seats.saturating_sub(self.drops)
    }
}

impl Holding<'_> {
    /// Plans what to order, as things are today.
    pub fn plan(&self, request: PlanRequest, today: Date, policy: TermsPolicy) -> RenewalPlan {
        let held = self.held();
        let consumed = u64::from(self.seats.consumed);
        let reclaimable = u64::from(self.reclaimable).min(consumed);
        let (hires, leavers) = (u64::from(request.hires), u64::from(request.leavers));
        let needed = (consumed - reclaimable + hires).saturating_sub(leavers);
        let buffer = request
            .buffer
            .map_or_else(|| usual_buffer(needed), u64::from);
        let order = needed + buffer;
        let drop = held.saturating_sub(order);
        let lots = self.planned_lots(drop, request, today, policy);

        let demand = hires.saturating_sub(leavers);
        let free = held.saturating_sub(consumed);
        let reassign_first = demand.min(free + reclaimable);
        let redeployed = reassign_first.saturating_sub(free);
        let over_horizon = |rate: Rate| rate.over_months(request.horizon_months);
        RenewalPlan {
            needed,
            buffer,
            order,
            drop,
            gross: self.total(&lots, |lot| lot.gross),
            realizable: self.total(&lots, |lot| lot.realizable),
            lots,
            reassign_first,
            buy: demand - reassign_first,
            redeployable: self.rate.map(|rate| over_horizon(rate).times(redeployed)),
        }
    }

    /// The lots, those that may become smaller first in front, with what each drops.
    fn planned_lots(
        &self,
        drop: u64,
        request: PlanRequest,
        today: Date,
        policy: TermsPolicy,
    ) -> Vec<PlannedLot> {
        let falls_on = |lot: &Lot<'_>| {
            let purchase = lot.purchase?;
            let bought_on = purchase.bought_on();
            purchase.terms.seats_may_fall_on(bought_on, today, policy)
        };
        let lots = self.lots().into_iter();
        let mut lots: Vec<_> = lots.map(|lot| (lot, falls_on(&lot))).collect();
        lots.sort_by_key(|(lot, falls_on)| {
            let id = lot.purchase.map(|purchase| purchase.subscription.id);
            (falls_on.is_none(), *falls_on, id.is_none(), id)
        });
        let ends = i32::try_from(request.horizon_months).ok();
        let ends = ends.and_then(|months| months_after(today, months));
        let mut left = drop;
        let planned = lots.into_iter().map(|(lot, falls_on)| {
            let drops = lot.seats.min(left);
            left -= drops;
            let months = falls_on.zip(ends).map(|(from, to)| whole_months(from, to));
            let dropped = |months| lot.rate.map(|rate| rate.over_months(months).times(drops));
            PlannedLot {
                subscription: lot.purchase.map(|purchase| purchase.subscription.id),
                seats: lot.seats,
                drops,
                falls_on,
                gross: dropped(12),
                realizable: months.and_then(dropped),
            }
        });
        planned.collect()
    }

    /// The sum of what the dropping lots save; nothing where none drops.
    fn total(
        &self,
        lots: &[PlannedLot],
        saved: impl Fn(&PlannedLot) -> Option<Money>,
    ) -> Option<Money> {
        let dropping = lots.iter().filter(|lot| lot.drops > 0);
        let sums: Sums = dropping.map(saved).collect::<Option<Sums>>()?;
        if sums.totals().is_empty() {
            let rates = self.rate.map(Rate::currency);
            let currency =
                rates.or_else(|| lots.iter().find_map(|lot| Some(lot.gross?.currency())));
            return currency.map(Money::zero);
        }
        sums.only()
    }
}

/// Three in a hundred, rounded up, and at least two.
fn usual_buffer(needed: u64) -> u64 {
    let share = needed.saturating_mul(BUFFER_PERCENT).div_ceil(100);
    share.max(BUFFER_MIN)
}
