//! When to think of a renewal, and of what.

use jiff::civil::Date;

use crate::domain::day;
use crate::domain::terms::TermsPolicy;

/// A step on the way to a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reminder {
    /// Look at the findings, and exempt or reclaim.
    Review,
    /// Keep the findings as they are now: the evidence that the decision will rest on.
    EvidenceFreeze,
    /// Decide how many seats are needed.
    Decide,
    /// Order them.
    Order,
    /// See that the order is as decided: after the renewal it binds.
    LastCheck,
    /// It has renewed, and its seats may still be reduced.
    ReductionWindow,
}

impl Reminder {
    /// Every step, the first first.
    pub const ALL: [Self; 6] = [
        Self::Review,
        Self::EvidenceFreeze,
        Self::Decide,
        Self::Order,
        Self::LastCheck,
        Self::ReductionWindow,
    ];

    /// So many days before the renewal the step begins.
    pub fn days_before(self) -> u16 {
        match self {
            Self::Review => 120,
            Self::EvidenceFreeze => 90,
            Self::Decide => 60,
            Self::Order => 30,
            Self::LastCheck => 7,
            Self::ReductionWindow => 0,
        }
    }

    /// The step with so many days left; below zero they have passed since. `None` before the first step
    /// and once the window to reduce has closed.
    pub fn at(days_left: i64, policy: TermsPolicy) -> Option<Self> {
        if days_left < -i64::from(policy.reduction_window_days) {
            return None;
        }
        let mut last_first = Self::ALL.into_iter().rev();
        last_first.find(|step| days_left <= i64::from(step.days_before()))
    }

    /// The day on which the step begins, for a calendar.
    pub fn begins_on(self, renewal: Date) -> Option<Date> {
        day::date(day::number(renewal) - i64::from(self.days_before()))
    }

    /// The step that was reached since somebody last looked; `None` where it is the same as then, or
    /// there is none now. Of several steps in between only the latest is still of use.
    pub fn reached(days_left_then: i64, days_left_now: i64, policy: TermsPolicy) -> Option<Self> {
        let now = Self::at(days_left_now, policy)?;
        (Self::at(days_left_then, policy) != Some(now)).then_some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::Reminder::{Decide, EvidenceFreeze, LastCheck, Order, ReductionWindow, Review};
    use super::*;

    #[track_caller]
    fn check(days_left: i64, expected: Option<Reminder>) {
        assert_eq!(Reminder::at(days_left, TermsPolicy::default()), expected);
    }

    #[test]
    fn each_step_begins_on_its_day_and_lasts_to_the_next() {
        check(121, None);
        check(120, Some(Review));
        check(91, Some(Review));
        check(90, Some(EvidenceFreeze));
        check(61, Some(EvidenceFreeze));
        check(60, Some(Decide));
        check(31, Some(Decide));
        check(30, Some(Order));
        check(8, Some(Order));
        check(7, Some(LastCheck));
        check(1, Some(LastCheck));
        check(0, Some(ReductionWindow));
        check(-7, Some(ReductionWindow));
        check(-8, None);
    }

    #[test]
    fn the_window_to_reduce_is_as_long_as_the_policy_says() {
        let policy = TermsPolicy {
            reduction_window_days: 3,
        };
        assert_eq!(Reminder::at(-3, policy), Some(ReductionWindow));
        assert_eq!(Reminder::at(-4, policy), None);
    }

    #[test]
    fn a_calendar_has_each_step_on_the_day_that_it_begins() {
        let renewal: Date = "2027-03-01".parse().unwrap();
        for step in Reminder::ALL {
            let begins = step.begins_on(renewal).unwrap();
            let days_left = day::number(renewal) - day::number(begins);
            check(days_left, Some(step));
            assert_ne!(
                Reminder::at(days_left + 1, TermsPolicy::default()),
                Some(step)
            );
        }
        assert_eq!(Review.begins_on(Date::MIN), None);
    }

    #[test]
    fn a_step_is_told_once_when_it_is_reached() {
        let reached = |then, now| Reminder::reached(then, now, TermsPolicy::default());
        assert_eq!(reached(121, 120), Some(Review));
        assert_eq!(reached(120, 119), None);
        assert_eq!(reached(120, 20), Some(Order));
        assert_eq!(reached(1, 0), Some(ReductionWindow));
        assert_eq!(reached(-7, -8), None);
        assert_eq!(reached(200, 150), None);
    }
}
