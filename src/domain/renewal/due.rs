//! Which step of a renewal somebody is to be told of, so that each is told once.

use jiff::civil::Date;

use super::Purchase;
use super::milestones::Milestone;
use super::reminder::Reminder;
use crate::domain::day;
use crate::domain::terms::TermsPolicy;

/// A step of a renewal that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The day of the renewal.
    pub on: Date,
    /// The step.
    pub step: Reminder,
}

impl Purchase<'_> {
    /// The step that a purchase is at; `None` before the first, and once its seats can become fewer no
    /// more.
    pub fn reached(&self, today: Date, policy: TermsPolicy) -> Option<(Milestone, Reached)> {
        let window = i64::from(policy.reduction_window_days);
        let since = day::date(day::number(today) - window).unwrap_or(today);
        let milestone = self.next_milestone(since)?;
        let step = if milestone.on <= today {
            // Microsoft's own change of state leaves no seats to reduce after its day.
            let is_open = milestone.change.is_declared() || milestone.on == today;
            is_open.then_some(Reminder::ReductionWindow)
        } else {
            let begun = self.steps_before(milestone.on);
            begun
                .filter(|(_, begins)| *begins <= today)
                .map(|(step, _)| step)
                .last()
        };
        let on = milestone.on;
        step.map(|step| (milestone, Reached { on, step }))
    }
}

/// Whether a step is to be told, given what was told last of the same purchase. Of steps that passed
/// untold only the latest is still of use, and a renewal on another day is another renewal.
pub fn is_to_be_told(told: Option<Reached>, now: Reached) -> bool {
    told != Some(now)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{day, subscription, terms};
    use super::Reminder::{Decide, LastCheck, Order, ReductionWindow, Review};
    use super::*;
    use crate::domain::terms::{Term, Terms};

    fn at(today: &str, terms: Terms) -> Option<Reached> {
        let subscription = subscription(1, Some(100));
        let purchase = Purchase {
            subscription: &subscription,
            terms,
            rate: None,
        };
        let reached = purchase.reached(day(today), TermsPolicy::default());
        reached.map(|(_, reached)| reached)
    }

    #[test]
    fn a_purchase_is_at_the_last_step_that_has_begun() {
        let annual = terms(Term::Annual, "2026-05-14");
        let check = |today, expected: Option<Reminder>| {
            assert_eq!(at(today, annual).map(|own| own.step), expected, "{today}");
        };
        check("2026-01-13", None);
        check("2026-01-14", Some(Review));
        check("2026-03-15", Some(Decide));
        check("2026-05-06", Some(Order));
        check("2026-05-07", Some(LastCheck));
        check("2026-05-13", Some(LastCheck));
        check("2026-05-14", Some(ReductionWindow));
        check("2026-05-21", Some(ReductionWindow));
        check("2026-05-22", None);
    }

    #[test]
    fn of_a_purchase_by_the_month_only_the_last_check_and_the_day_are_told() {
        let monthly = terms(Term::Monthly, "2026-05-14");
        let mut told = Vec::new();
        for number in 0..31 {
            let today = day::date(day::number(day("2026-04-22")) + number).unwrap();
            let now = at(&today.to_string(), monthly);
            if let Some(now) = now.filter(|now| is_to_be_told(told.last().copied(), *now)) {
                told.push(now);
            }
        }
        let steps: Vec<_> = told.iter().map(|own| own.step).collect();
        assert_eq!(steps, [LastCheck, ReductionWindow]);
    }

    #[test]
    fn each_step_is_told_once_and_that_of_another_day_again() {
        let annual = terms(Term::Annual, "2026-05-14");
        let first = at("2026-03-15", annual).unwrap();
        assert!(is_to_be_told(None, first));
        let next_day = at("2026-03-16", annual).unwrap();
        assert!(!is_to_be_told(Some(first), next_day));
        let moved = at("2026-03-16", terms(Term::Annual, "2026-05-13")).unwrap();
        assert!(is_to_be_told(Some(first), moved));
    }
}
