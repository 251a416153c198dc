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

/// When a purchase renews next, on this day or later, and whether that was declared.
pub(super) fn next_on(purchase: &Purchase<'_>, today: Date) -> Option<(Date, bool)> {
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

#[cfg(test)]
mod tests {
    use super::super::samples::{day, rate, subscription, terms};
    use super::*;
    use crate::domain::license::SeatCounts;
    use crate::domain::subscription::Subscription;
    use crate::domain::terms::{Term, Terms};

    const TODAY: &str = "2026-03-15";

    fn changing(number: u128, next_change_at: &str) -> Subscription {
        Subscription {
            next_change_at: next_change_at.parse().ok(),
            ..subscription(number, Some(50))
        }
    }

    /// What renews of a license of 100 seats, 80 of them assigned.
    fn renewals(purchases: &[(Subscription, Terms)], within_days: u32) -> Vec<Renewal> {
        let purchases: Vec<_> = purchases
            .iter()
            .map(|(subscription, terms)| Purchase {
                subscription,
                terms: *terms,
                rate: None,
            })
            .collect();
        let holding = Holding {
            seats: SeatCounts {
                enabled: 100,
                consumed: 80,
                ..SeatCounts::default()
            },
            rate: rate(10, "EUR"),
            purchases: &purchases,
            reclaimable: 10,
        };
        upcoming([&holding], within_days, day(TODAY), TermsPolicy::default())
    }

    #[track_caller]
    fn check_day(subscription: Subscription, terms: Terms, expected: Option<(&str, i64, bool)>) {
        let found = renewals(&[(subscription, terms)], 120);
        let found = found
            .first()
            .map(|own| (own.on.to_string(), own.days_left, own.is_declared));
        let found = found
            .as_ref()
            .map(|(on, left, declared)| (on.as_str(), *left, *declared));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_declared_day_counts_before_the_next_change_of_state() {
        let at = "2026-04-15T23:30:00-02:00"; // The 16th in UTC.
        let annual = |on| terms(Term::Annual, on);
        check_day(
            changing(1, at),
            Terms::UNKNOWN,
            Some(("2026-04-16", 32, false)),
        );
        check_day(
            changing(1, at),
            annual("2026-05-01"),
            Some(("2026-05-01", 47, true)),
        );
        check_day(changing(1, at), annual("2027-05-01"), None);
        check_day(
            changing(1, ""),
            annual("2025-05-01"),
            Some(("2026-05-01", 47, true)),
        );
        check_day(changing(1, ""), Terms::UNKNOWN, None);
    }

    #[test]
    fn what_renews_from_today_to_the_last_day_asked_for_is_listed() {
        let check = |at, expected| check_day(changing(1, at), Terms::UNKNOWN, expected);
        check("2026-03-14T23:59:59Z", None);
        check("2026-03-15T00:00:00Z", Some(("2026-03-15", 0, false)));
        check("2026-07-13T00:00:00Z", Some(("2026-07-13", 120, false)));
        check("2026-07-14T00:00:00Z", None);
    }

    #[test]
    fn the_soonest_is_first_and_each_says_what_to_keep_and_what_that_saves() {
        let purchases = [
            (changing(1, ""), terms(Term::Annual, "2026-06-15")),
            (changing(2, ""), terms(Term::Annual, "2026-04-15")),
        ];
        let found = renewals(&purchases, 120);
        // 70 needed and 3 to spare: 27 of 100 may go, all from the one that renews first.
        let told: Vec<_> = found
            .iter()
            .map(|own| {
                (
                    own.subscription,
                    own.seats,
                    own.assigned,
                    own.recommended_seats,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (purchases[1].0.id, Some(50), 80, Some(23)),
                (purchases[0].0.id, Some(50), 80, Some(50)),
            ]
        );
        assert_eq!(found[0].gross.unwrap().to_string(), "3240.00 EUR");
        assert_eq!(found[0].realizable.unwrap().to_string(), "2970.00 EUR");
        assert_eq!(found[0].reminder, Some(Reminder::Decide));
        assert_eq!(found[1].reminder, Some(Reminder::Review));
        assert_eq!(found[1].gross.unwrap().to_string(), "0.00 EUR");
    }

    #[test]
    fn what_can_be_realized_is_unknown_while_the_term_is() {
        let found = renewals(
            &[(changing(1, "2026-04-15T00:00:00Z"), Terms::UNKNOWN)],
            120,
        );
        assert_eq!(found[0].gross.unwrap().to_string(), "3240.00 EUR");
        assert_eq!(found[0].realizable, None);
    }

    #[test]
    fn a_trial_and_what_is_suspended_change_but_are_not_renewed() {
        let at = "2026-04-15T00:00:00Z";
        let trial = Subscription {
            is_trial: Some(true),
            ..changing(1, at)
        };
        let suspended = Subscription {
            status: "Suspended".into(),
            ..changing(2, at)
        };
        let found = renewals(&[(trial, Terms::UNKNOWN), (suspended, Terms::UNKNOWN)], 120);
        let kept: Vec<_> = found.iter().map(|own| own.recommended_seats).collect();
        assert_eq!(kept, [None, None]);
        assert!(found.iter().all(|own| own.gross.is_none()));
    }
}
