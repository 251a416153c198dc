//! The days of a purchase that somebody should know of: its renewal, and the steps before it.
//!
//! What a plan would order is not asked here: a day is a day, whatever it costs.

use jiff::civil::Date;

use super::Purchase;
use super::reminder::Reminder;
use super::upcoming::next_on;

/// What happens to a purchase on its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It renews, as was declared.
    Renews,
    /// It ends unless somebody renews it, as was declared.
    Ends,
    /// A trial ends.
    TrialEnds,
    /// Microsoft will change its state: mostly since it renews, which nobody has declared.
    ChangesState,
}

impl Change {
    /// Whether the operator said so; otherwise it is Microsoft's next change of state.
    pub fn is_declared(self) -> bool {
        matches!(self, Self::Renews | Self::Ends)
    }
}

/// The day of a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Milestone {
    /// What happens.
    pub change: Change,
    /// When, in UTC.
    pub on: Date,
}

impl Purchase<'_> {
    /// The next day of the purchase, on this one or later.
    pub fn next_milestone(&self, from: Date) -> Option<Milestone> {
        let (on, is_declared) = next_on(self, from)?;
        let change = match (is_declared, self.terms.auto_renews) {
            (true, Some(false)) => Change::Ends,
            (true, _) => Change::Renews,
            (false, _) if self.is_trial() => Change::TrialEnds,
            (false, _) => Change::ChangesState,
        };
        Some(Milestone { change, on })
    }

    /// The steps before a day of the purchase and when each begins, the first first; the day itself is
    /// none of them.
    ///
    /// A step that would begin before the purchase was made, or that is longer than its term, is none: of
    /// a purchase by the month only the last check is left.
    pub fn steps_before(&self, on: Date) -> impl Iterator<Item = (Reminder, Date)> {
        // The shortest month counts: else a step would be there in some months and not in others.
        let months = self.terms.term.months();
        let shortest = months.map(|months| months.saturating_mul(28));
        let bought_on = self.bought_on();
        let steps = Reminder::ALL.into_iter();
        steps
            .filter(|step| *step != Reminder::ReductionWindow)
            .filter(move |step| shortest.is_none_or(|days| i32::from(step.days_before()) < days))
            .filter_map(move |step| Some((step, step.begins_on(on)?)))
            .filter(move |(_, begins)| bought_on.is_none_or(|bought| *begins > bought))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{day, subscription, terms};
    use super::*;
    use crate::domain::subscription::Subscription;
    use crate::domain::terms::{Term, Terms};

    fn changing(at: &str) -> Subscription {
        Subscription {
            next_change_at: at.parse().ok(),
            ..subscription(1, Some(50))
        }
    }

    #[track_caller]
    fn check(subscription: &Subscription, terms: Terms, expected: Option<(Change, &str)>) {
        let purchase = Purchase {
            subscription,
            terms,
            rate: None,
        };
        let found = purchase.next_milestone(day("2026-03-15"));
        let expected = expected.map(|(change, on)| Milestone {
            change,
            on: day(on),
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_day_says_what_happens_and_whether_that_was_declared() {
        let april = changing("2026-04-15T00:00:00Z");
        let changes = (Change::ChangesState, "2026-04-15");
        check(&april, Terms::UNKNOWN, Some(changes));
        let annual = terms(Term::Annual, "2026-05-01");
        check(&april, annual, Some((Change::Renews, "2026-05-01")));
        let ending = Terms {
            auto_renews: Some(false),
            ..annual
        };
        check(&april, ending, Some((Change::Ends, "2026-05-01")));
        let trial = Subscription {
            is_trial: Some(true),
            ..april
        };
        let ends = (Change::TrialEnds, "2026-04-15");
        check(&trial, Terms::UNKNOWN, Some(ends));
        check(&changing(""), Terms::UNKNOWN, None);
        check(&changing("2026-03-14T00:00:00Z"), Terms::UNKNOWN, None);
    }

    #[track_caller]
    fn check_steps(term: Term, bought_at: &str, expected: &[&str]) {
        let subscription = Subscription {
            created_at: bought_at.parse().ok(),
            ..subscription(1, Some(50))
        };
        let purchase = Purchase {
            subscription: &subscription,
            terms: terms(term, "2026-05-14"),
            rate: None,
        };
        let steps = purchase.steps_before(day("2026-05-14"));
        let days: Vec<_> = steps.map(|(_, begins)| begins.to_string()).collect();
        assert_eq!(days, expected);
    }

    #[test]
    fn a_step_is_never_before_the_term_that_it_is_of() {
        let all = [
            "2026-01-14",
            "2026-02-13",
            "2026-03-15",
            "2026-04-14",
            "2026-05-07",
        ];
        check_steps(Term::Annual, "", &all);
        check_steps(Term::Unknown, "2020-01-01T00:00:00Z", &all);
        check_steps(Term::Annual, "2026-01-13T00:00:00Z", &all);
        check_steps(Term::Annual, "2026-01-14T00:00:00Z", &all[1..]);
        check_steps(Term::Monthly, "", &all[4..]);
        check_steps(Term::Unknown, "2026-04-14T00:00:00Z", &all[4..]);
    }
}
