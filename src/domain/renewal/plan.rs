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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::Purchase;
    use super::super::samples::{day, rate, subscription, terms};
    use super::*;
    use crate::domain::license::SeatCounts;
    use crate::domain::subscription::Subscription;
    use crate::domain::terms::{Term, Terms};

    const TODAY: &str = "2026-03-15";

    fn seats(enabled: u32, consumed: u32) -> SeatCounts {
        SeatCounts {
            enabled,
            consumed,
            ..SeatCounts::default()
        }
    }

    fn purchase(subscription: &Subscription, terms: Terms) -> Purchase<'_> {
        Purchase {
            subscription,
            terms,
            rate: None,
        }
    }

    fn plan(holding: &Holding<'_>, request: PlanRequest) -> RenewalPlan {
        holding.plan(request, day(TODAY), TermsPolicy::default())
    }

    fn request(buffer: Option<i64>, hires: i64, leavers: i64, months: i64) -> PlanRequest {
        PlanRequest::new(buffer, hires, leavers, months).unwrap()
    }

    fn text(money: Option<Money>) -> String {
        money.map_or("unknown".to_owned(), |money| money.to_string())
    }

    /// Vector 1: 100 seats at 39.00 a month, annual, renewing in 4 months; 88 assigned, of them 6 to
    /// disabled and 5 to inactive accounts.
    #[test]
    fn of_100_seats_77_are_needed_80_are_renewed_and_6240_of_9360_can_be_realized() {
        let bought = subscription(1, Some(100));
        let holding = Holding {
            seats: seats(100, 88),
            rate: rate(39, "EUR"),
            purchases: &[purchase(&bought, terms(Term::Annual, "2026-07-15"))],
            reclaimable: 6 + 5,
        };
        let plan = plan(&holding, PlanRequest::default());
        assert_eq!((plan.needed, plan.buffer), (77, 3));
        assert_eq!((plan.order, plan.drop), (80, 20));
        assert_eq!(text(plan.gross), "9360.00 EUR");
        assert_eq!(text(plan.realizable), "6240.00 EUR");
        assert_eq!(plan.lots[0].falls_on, Some(day("2026-07-15")));
        assert_eq!(plan.lots[0].recommended_seats(), 80);
        assert_eq!((plan.reassign_first, plan.buy), (0, 0));
        assert_eq!(text(plan.redeployable), "0.00 EUR");
    }

    #[track_caller]
    fn check_buffer(needed: u64, expected: u64) {
        assert_eq!(usual_buffer(needed), expected, "{needed}");
    }

    #[test]
    fn the_buffer_is_three_percent_rounded_up_and_at_least_two() {
        check_buffer(0, 2);
        check_buffer(66, 2);
        check_buffer(67, 3);
        check_buffer(77, 3);
        check_buffer(100, 3);
        check_buffer(101, 4);
    }

    /// 100 seats of which so many are held, with 10 reclaimable.
    #[track_caller]
    fn check_order(consumed: u32, request: PlanRequest, expected: (u64, u64, u64)) {
        let holding = Holding {
            seats: seats(100, consumed),
            rate: rate(39, "EUR"),
            purchases: &[],
            reclaimable: 10,
        };
        let plan = plan(&holding, request);
        assert_eq!((plan.needed, plan.order, plan.drop), expected);
    }

    #[test]
    fn what_is_ordered_follows_who_comes_and_goes_and_never_falls_below_nothing() {
        check_order(90, request(Some(0), 0, 0, 12), (80, 80, 20));
        check_order(90, request(Some(5), 7, 2, 12), (85, 90, 10));
        check_order(90, request(Some(0), 20, 0, 12), (100, 100, 0));
        check_order(90, request(Some(0), 21, 0, 12), (101, 101, 0));
        check_order(90, request(Some(0), 0, 80, 12), (0, 0, 100));
        check_order(90, request(Some(0), 0, 81, 12), (0, 0, 100));
        check_order(4, request(Some(0), 0, 0, 12), (0, 0, 100));
        check_order(200, request(Some(0), 0, 0, 12), (190, 190, 0));
    }

    #[track_caller]
    fn check_demand(hires: i64, leavers: i64, expected: (u64, u64), redeployable: &str) {
        // 6 free and 4 reclaimable seats.
        let holding = Holding {
            seats: seats(100, 94),
            rate: rate(10, "EUR"),
            purchases: &[],
            reclaimable: 4,
        };
        let plan = plan(&holding, request(None, hires, leavers, 12));
        assert_eq!((plan.reassign_first, plan.buy), expected);
        assert_eq!(text(plan.redeployable), redeployable);
    }

    #[test]
    fn free_seats_are_given_out_first_then_reclaimed_ones_and_only_then_some_are_bought() {
        check_demand(0, 0, (0, 0), "0.00 EUR");
        check_demand(6, 0, (6, 0), "0.00 EUR");
        check_demand(7, 0, (7, 0), "120.00 EUR");
        check_demand(10, 0, (10, 0), "480.00 EUR");
        check_demand(11, 0, (10, 1), "480.00 EUR");
        check_demand(11, 1, (10, 0), "480.00 EUR");
        check_demand(1, 5, (0, 0), "0.00 EUR");
    }

    /// Drops 30 of 100 seats that three purchases have.
    fn three_purchases(terms: [Terms; 3], rates: [Option<Rate>; 3]) -> RenewalPlan {
        let bought = [(1, 20), (2, 40), (3, 40)].map(|(id, count)| subscription(id, Some(count)));
        let mut places = 0..;
        let purchases = [&bought[0], &bought[1], &bought[2]].map(|subscription| {
            let place = places.next().unwrap();
            Purchase {
                subscription,
                terms: terms[place],
                rate: rates[place],
            }
        });
        let holding = Holding {
            seats: seats(100, 70),
            rate: rate(10, "EUR"),
            purchases: &purchases,
            reclaimable: 0,
        };
        plan(&holding, request(Some(0), 0, 0, 12))
    }

    #[track_caller]
    fn check_drops(plan: &RenewalPlan, expected: &[(u128, u64)]) {
        let id = |number| Some(SubscriptionId(Uuid::from_u128(number)));
        let drops: Vec<_> = plan
            .lots
            .iter()
            .map(|lot| (lot.subscription, lot.drops))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(number, drops)| (id(*number), *drops))
            .collect();
        assert_eq!(drops, expected);
    }

    #[test]
    fn the_purchase_that_renews_first_becomes_smaller_first_and_one_of_unknown_terms_last() {
        let annual = |on| terms(Term::Annual, on);
        let known = [
            annual("2026-09-15"),
            annual("2026-06-15"),
            annual("2027-01-15"),
        ];
        let plan = three_purchases(known, [None; 3]);
        check_drops(&plan, &[(2, 30), (1, 0), (3, 0)]);
        assert_eq!(text(plan.realizable), "2700.00 EUR");

        let one_known = [annual("2026-09-15"), Terms::UNKNOWN, Terms::UNKNOWN];
        let plan = three_purchases(one_known, [None; 3]);
        check_drops(&plan, &[(1, 20), (2, 10), (3, 0)]);
        assert_eq!(text(plan.lots[0].realizable), "1200.00 EUR");
        // Ten seats may go nobody knows when, so the whole is not known either.
        assert_eq!(text(plan.realizable), "unknown");
        assert_eq!(text(plan.gross), "3600.00 EUR");
    }

    #[test]
    fn each_seat_saves_the_price_of_its_purchase_and_currencies_are_not_added() {
        let annual = |on| terms(Term::Annual, on);
        let known = [
            annual("2026-09-15"),
            annual("2026-12-15"),
            annual("2027-01-15"),
        ];
        let plan = three_purchases(known, [rate(20, "EUR"), None, None]);
        check_drops(&plan, &[(1, 20), (2, 10), (3, 0)]);
        assert_eq!(text(plan.gross), "6000.00 EUR");
        assert_eq!(text(plan.realizable), "2700.00 EUR");

        let plan = three_purchases(known, [rate(20, "USD"), None, None]);
        assert_eq!(text(plan.gross), "unknown");
        // What does not become smaller does not count.
        let plan = three_purchases(known, [None, None, rate(20, "USD")]);
        assert_eq!(text(plan.gross), "3600.00 EUR");
    }

    #[track_caller]
    fn check_realizable(terms: Terms, horizon: i64, expected: &str) {
        let bought = subscription(1, Some(10));
        let holding = Holding {
            seats: seats(10, 0),
            rate: rate(10, "EUR"),
            purchases: &[purchase(&bought, terms)],
            reclaimable: 0,
        };
        let plan = plan(&holding, request(Some(0), 0, 0, horizon));
        assert_eq!(text(plan.realizable), expected);
        // What could go is always told for a year.
        assert_eq!(text(plan.gross), "1200.00 EUR");
    }

    #[test]
    fn what_can_be_realized_are_the_whole_months_that_the_horizon_leaves() {
        check_realizable(terms(Term::Annual, "2026-07-14"), 12, "800.00 EUR");
        check_realizable(terms(Term::Annual, "2026-07-15"), 12, "800.00 EUR");
        check_realizable(terms(Term::Annual, "2026-07-16"), 12, "700.00 EUR");
        check_realizable(terms(Term::Annual, "2026-07-15"), 4, "0.00 EUR");
        check_realizable(terms(Term::Annual, "2026-07-15"), 5, "100.00 EUR");
        check_realizable(terms(Term::ThreeYears, "2028-03-15"), 12, "0.00 EUR");
        check_realizable(terms(Term::ThreeYears, "2028-03-15"), 36, "1200.00 EUR");
        check_realizable(terms(Term::Annual, "2026-03-08"), 12, "1200.00 EUR");
        check_realizable(terms(Term::Monthly, "2026-04-01"), 12, "1100.00 EUR");
        check_realizable(terms(Term::Monthly, ""), 12, "1100.00 EUR");
        check_realizable(Terms::UNKNOWN, 12, "unknown");
        check_realizable(terms(Term::Unknown, "2026-07-15"), 12, "unknown");
    }

    #[test]
    fn what_nobody_gave_a_price_saves_an_unknown_amount() {
        let bought = subscription(1, Some(10));
        let holding = Holding {
            seats: seats(10, 0),
            rate: None,
            purchases: &[purchase(&bought, terms(Term::Annual, "2026-07-15"))],
            reclaimable: 0,
        };
        let plan = plan(&holding, PlanRequest::default());
        assert_eq!(plan.drop, 8);
        assert_eq!(
            (plan.gross, plan.realizable, plan.redeployable),
            (None, None, None)
        );
    }

    #[test]
    fn seats_that_microsoft_does_not_number_by_purchase_belong_to_the_only_one_or_to_none() {
        let (first, second) = (subscription(1, None), subscription(2, None));
        let lots = |purchases: &[Purchase<'_>]| {
            let holding = Holding {
                seats: seats(10, 0),
                rate: rate(10, "EUR"),
                purchases,
                reclaimable: 0,
            };
            let plan = plan(&holding, PlanRequest::default());
            let lots = plan.lots.iter().map(|lot| (lot.subscription, lot.seats));
            (lots.collect::<Vec<_>>(), text(plan.realizable))
        };
        let annual = terms(Term::Annual, "2026-07-15");
        let (only, saved) = lots(&[purchase(&first, annual)]);
        assert_eq!(
            (only, saved.as_str()),
            (vec![(Some(first.id), 10)], "640.00 EUR")
        );
        let (none, saved) = lots(&[purchase(&first, annual), purchase(&second, annual)]);
        assert_eq!((none, saved.as_str()), (vec![(None, 10)], "unknown"));
    }

    #[test]
    fn a_plan_is_asked_for_within_bounds() {
        let check = |buffer, hires, leavers, months, expected| {
            let outcome = PlanRequest::new(buffer, hires, leavers, months);
            assert_eq!(outcome.err(), expected);
        };
        let most = i64::from(PEOPLE_MAX);
        check(None, 0, 0, 1, None);
        check(Some(most), most, most, 120, None);
        check(None, 0, 0, 0, Some(InvalidPlanRequest::Horizon));
        check(None, 0, 0, 121, Some(InvalidPlanRequest::Horizon));
        check(
            Some(-1),
            0,
            0,
            12,
            Some(InvalidPlanRequest::Number("buffer")),
        );
        check(
            None,
            most + 1,
            0,
            12,
            Some(InvalidPlanRequest::Number("hires")),
        );
        check(
            None,
            0,
            i64::MIN,
            12,
            Some(InvalidPlanRequest::Number("leavers")),
        );
        assert_eq!(PlanRequest::new(None, 0, 0, 12), Ok(PlanRequest::default()));
    }

    /// Term, days until the renewal, seats (some untold) and price of a purchase.
    type Bought = (Term, Option<i64>, Option<u32>, Option<i64>);

    fn any_purchase() -> impl Strategy<Value = Bought> {
        let terms = vec![Term::Monthly, Term::Annual, Term::ThreeYears, Term::Unknown];
        (
            prop::sample::select(terms),
            prop::option::of(-800i64..800),
            prop::option::weighted(0.8, 0u32..200),
            prop::option::of(0i64..100),
        )
    }

    proptest! {
        #[test]
        fn what_is_realized_is_part_of_what_is_saved_and_no_seat_is_counted_twice(
            bought in prop::collection::vec(any_purchase(), 0..6),
            (enabled, consumed, reclaimable) in (0u32..600, 0u32..600, 0u32..700),
            (hires, leavers) in (0i64..100, 0i64..100),
            buffer in prop::option::of(0i64..20),
            horizon in 1i64..=12,
        ) {
            let today = day(TODAY);
            let subscriptions: Vec<_> = bought.iter().zip(1..).map(|((_, _, seats, _), id)| subscription(id, *seats)).collect();
            let mut purchases: Vec<_> = bought.iter().zip(&subscriptions).map(|((term, renews, _, price), subscription)| Purchase {
                subscription,
                terms: Terms {
                    renews_on: renews.and_then(|days| crate::domain::day::date(crate::domain::day::number(today) + days)),
                    ..terms(*term, "")
                },
                rate: price.and_then(|amount| rate(amount, "EUR")),
            }).collect();
            let planned = |purchases: &[Purchase<'_>]| {
                let holding = Holding { seats: seats(enabled, consumed), rate: rate(7, "EUR"), purchases, reclaimable };
                (plan(&holding, request(buffer, hires, leavers, horizon)), holding.cost())
            };
            let (plan, cost) = planned(&purchases);
            purchases.reverse();
            prop_assert_eq!(&planned(&purchases).0, &plan);

            // The lots are the license, and what they drop is what is dropped.
            let sum = |of: fn(&PlannedLot) -> u64| plan.lots.iter().map(of).sum::<u64>();
            prop_assert_eq!(sum(|lot| lot.seats), u64::from(enabled));
            prop_assert_eq!(sum(|lot| lot.drops), plan.drop);
            prop_assert_eq!(plan.order.max(u64::from(enabled)), plan.order + plan.drop);
            let gross = plan.gross.unwrap();
            let parts: Sums = plan.lots.iter().filter_map(|lot| lot.gross).collect();
            prop_assert!(parts.totals().is_empty() || parts.only() == Some(gross));

            // Realizable is part of gross, and gross of what is paid.
            for lot in &plan.lots {
                prop_assert!(lot.realizable.is_none_or(|realizable| realizable <= lot.gross.unwrap()));
            }
            prop_assert!(plan.realizable.is_none_or(|realizable| realizable <= gross));
            let paid = cost.spend.monthly.only().map(|monthly| monthly.times(12));
            prop_assert!(paid.map_or(gross.is_zero(), |paid| gross <= paid));

            // A reclaimed seat is dropped or given out again, not both.
            let demand = u64::try_from((hires - leavers).max(0)).unwrap();
            prop_assert_eq!(plan.reassign_first + plan.buy, demand);
            let free = u64::from(enabled.saturating_sub(consumed));
            let given_out = plan.reassign_first.saturating_sub(free);
            let idle = free + u64::from(reclaimable.min(consumed));
            let leaving = u64::try_from((leavers - hires).max(0)).unwrap();
            prop_assert!(plan.drop + given_out <= idle + leaving);
        }
    }
}
