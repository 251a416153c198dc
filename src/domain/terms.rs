//! For how long a purchase binds, and when its seats may become fewer.
//!
//! Microsoft Graph tells neither: what [`Subscription::next_change_at`] holds is the next change of state,
//! and a term cannot be read from it. So terms are declared by the operator; until then they are
//! unknown, and nothing that follows from them is guessed.
//!
//! [`Subscription::next_change_at`]: super::subscription::Subscription::next_change_at

use jiff::civil::Date;

use super::day::{self, months_after};

/// So many terms after a declared renewal, the declaration is as good as none.
const TERMS_MAX: i32 = 1_200;

/// What was declared of a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Terms {
    /// For how long the purchase binds.
    pub term: Term,
    /// When it is paid.
    pub billing: Billing,
    /// Whether it goes on by itself after its renewal date; `None` while nobody has said so.
    pub auto_renews: Option<bool>,
    /// A day on which the purchase renews, in the past or ahead; `None` while nobody has said so.
    pub renews_on: Option<Date>,
}

/// For how long a purchase binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// One month.
    Monthly,
    /// One year.
    Annual,
    /// Three years.
    ThreeYears,
    /// Nobody has said so.
    Unknown,
}

impl Term {
    /// How many months; `None` while it is unknown.
    pub fn months(self) -> Option<i32> {
        match self {
            Self::Monthly => Some(1),
            Self::Annual => Some(12),
            Self::ThreeYears => Some(36),
            Self::Unknown => None,
        }
    }
}

/// When a purchase is paid. Says nothing of how long it binds: a year may be paid by the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Billing {
    /// Every month.
    Monthly,
    /// Every year.
    Annual,
    /// Once, for the whole term.
    Upfront,
    /// Nobody has said so.
    Unknown,
}

/// What holds for every purchase of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermsPolicy {
    /// For so many days after a purchase or a renewal its seats may still be reduced. Partners' terms
    /// say 7 days, and older ones 3.
    pub reduction_window_days: u16,
}

impl Default for TermsPolicy {
    fn default() -> Self {
        Self {
            reduction_window_days: 7,
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

impl Terms {
    /// Of a purchase of which nothing was declared.
    pub const UNKNOWN: Self = Self {
        term: Term::Unknown,
        billing: Billing::Unknown,
        auto_renews: None,
        renews_on: None,
    };

    /// The next renewal, on this day or later; `None` where what was declared does not tell.
    ///
    /// A declared day that has passed tells the next one only where the purchase renews by itself.
    pub fn next_renewal(&self, today: Date) -> Option<Date> {
        self.next_in_series(today).map(|(_, next)| next)
    }

    /// The next renewal, and how many terms after the declared one it is.
    fn next_in_series(&self, today: Date) -> Option<(i32, Date)> {
        let declared = self.renews_on?;
        if declared >= today {
            return Some((0, declared));
        }
        self.auto_renews.filter(|renews| *renews)?;
        let months = self.term.months()?;
        // From the last whole term on, so that the first that fits is near.
        let passed = i32::try_from(day::whole_months(declared, today)).ok()?;
        let first = passed / months;
        let mut terms = first..=first.saturating_add(2).min(TERMS_MAX);
        terms.find_map(|term| {
            let day = months_after(declared, term.saturating_mul(months))?;
            (day >= today).then_some((term, day))
        })
    }

    /// The day on which the running term began, as far as what was declared tells: the last renewal, or
    /// the purchase where that is later.
    pub fn began_on(&self, bought_on: Option<Date>, today: Date) -> Option<Date> {
        let renewed = self.next_in_series(today).and_then(|(terms, next)| {
            if next == today {
                return Some(next);
            }
            months_after(self.renews_on?, (terms - 1) * self.term.months()?)
        });
        // A declared day that has passed without another one known is the last renewal known.
        let days = [renewed, self.renews_on, bought_on].into_iter().flatten();
        days.filter(|day| *day <= today).max()
    }

    /// The first day on which seats may become fewer: today while the window after a purchase or renewal
    /// is open, else at the next renewal. `None` while the term or the day is unknown.
    ///
    /// A monthly term ends within a month, whichever its day: where that is unknown, a month from now is
    /// late enough to be true.
    pub fn seats_may_fall_on(
        &self,
        bought_on: Option<Date>,
        today: Date,
        policy: TermsPolicy,
    ) -> Option<Date> {
        if self.term == Term::Unknown {
            return None;
        }
        let began = self.began_on(bought_on, today);
        let open_days = i64::from(policy.reduction_window_days);
        if began.is_some_and(|began| day::number(today) - day::number(began) <= open_days) {
            return Some(today);
        }
        match (self.next_renewal(today), self.term) {
            (renewal, Term::Monthly) => renewal.into_iter().chain(months_after(today, 1)).min(),
            (renewal, _) => renewal,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn terms(term: Term, auto_renews: Option<bool>, renews_on: &str) -> Terms {
        Terms {
            term,
            billing: Billing::Unknown,
            auto_renews,
            renews_on: renews_on.parse().ok(),
        }
    }

    #[track_caller]
    fn check_next(terms: Terms, today: &str, expected: Option<&str>) {
        assert_eq!(terms.next_renewal(day(today)), expected.map(day));
    }

    #[test]
    fn the_next_renewal_is_the_declared_day_until_it_has_passed() {
        let annual = terms(Term::Annual, Some(true), "2026-07-15");
        check_next(annual, "2026-01-01", Some("2026-07-15"));
        check_next(annual, "2026-07-14", Some("2026-07-15"));
        check_next(annual, "2026-07-15", Some("2026-07-15"));
        check_next(annual, "2026-07-16", Some("2027-07-15"));
        check_next(annual, "2031-07-15", Some("2031-07-15"));
        check_next(annual, "2031-07-16", Some("2032-07-15"));
    }

    #[test]
    fn each_term_counts_on_from_the_declared_day() {
        let of = |term| terms(term, Some(true), "2026-07-15");
        check_next(of(Term::Monthly), "2026-08-15", Some("2026-08-15"));
        check_next(of(Term::Monthly), "2026-08-16", Some("2026-09-15"));
        check_next(of(Term::ThreeYears), "2026-07-16", Some("2029-07-15"));
        check_next(of(Term::ThreeYears), "2029-07-16", Some("2032-07-15"));
    }

    #[test]
    fn a_day_that_has_passed_tells_nothing_of_what_does_not_surely_renew() {
        let later = "2026-07-16";
        check_next(terms(Term::Annual, Some(false), "2026-07-15"), later, None);
        check_next(terms(Term::Annual, None, "2026-07-15"), later, None);
        check_next(terms(Term::Unknown, Some(true), "2026-07-15"), later, None);
        check_next(terms(Term::Annual, Some(true), ""), later, None);
        check_next(Terms::UNKNOWN, later, None);
        // A day ahead needs no term.
        check_next(terms(Term::Unknown, None, "2026-07-16"), later, Some(later));
    }

    #[test]
    fn a_renewal_at_the_end_of_a_month_stays_there() {
        let monthly = terms(Term::Monthly, Some(true), "2026-01-31");
        check_next(monthly, "2026-02-01", Some("2026-02-28"));
        check_next(monthly, "2026-02-28", Some("2026-02-28"));
        check_next(monthly, "2026-03-01", Some("2026-03-31"));
        check_next(monthly, "2026-04-01", Some("2026-04-30"));
        let leap = terms(Term::Annual, Some(true), "2024-02-29");
        check_next(leap, "2024-03-01", Some("2025-02-28"));
        check_next(leap, "2027-03-01", Some("2028-02-29"));
    }

    #[track_caller]
    fn check_fall(terms: Terms, bought_on: &str, today: &str, expected: Option<&str>) {
        let policy = TermsPolicy::default();
        let falls = terms.seats_may_fall_on(bought_on.parse().ok(), day(today), policy);
        assert_eq!(falls, expected.map(day), "{terms:?}");
    }

    #[test]
    fn seats_of_a_term_fall_at_its_renewal() {
        let annual = terms(Term::Annual, Some(true), "2026-07-15");
        check_fall(annual, "2023-07-15", "2026-03-15", Some("2026-07-15"));
        check_fall(annual, "", "2026-03-15", Some("2026-07-15"));
        let ends = terms(Term::Annual, Some(false), "2026-07-15");
        check_fall(ends, "", "2026-03-15", Some("2026-07-15"));
        check_fall(ends, "", "2026-07-23", None);
    }

    #[test]
    fn seats_fall_at_once_for_seven_days_after_a_renewal() {
        let annual = terms(Term::Annual, Some(true), "2026-07-15");
        check_fall(annual, "", "2026-07-14", Some("2026-07-15"));
        check_fall(annual, "", "2026-07-15", Some("2026-07-15"));
        check_fall(annual, "", "2026-07-21", Some("2026-07-21"));
        check_fall(annual, "", "2026-07-22", Some("2026-07-22"));
        check_fall(annual, "", "2026-07-23", Some("2027-07-15"));
        // The running term began where the declared one would end a year later.
        check_fall(annual, "", "2025-07-22", Some("2025-07-22"));
        check_fall(annual, "", "2025-07-23", Some("2026-07-15"));
        // Ends of months are not a chain: the term that ends in April began on 31 March.
        let month_end = terms(Term::Monthly, Some(true), "2026-01-31");
        check_fall(month_end, "", "2026-04-07", Some("2026-04-07"));
        check_fall(month_end, "", "2026-04-08", Some("2026-04-30"));
        // The day that was declared has passed: its window is known, the next renewal is not.
        let unsure = terms(Term::Annual, None, "2026-07-15");
        check_fall(unsure, "", "2026-07-22", Some("2026-07-22"));
        check_fall(unsure, "", "2026-07-23", None);
    }

    #[test]
    fn seats_fall_at_once_for_seven_days_after_the_purchase() {
        let annual = terms(Term::Annual, None, "");
        check_fall(annual, "2026-03-15", "2026-03-22", Some("2026-03-22"));
        check_fall(annual, "2026-03-15", "2026-03-23", None);
        let known = terms(Term::Annual, None, "2027-03-15");
        check_fall(known, "2026-03-15", "2026-03-23", Some("2027-03-15"));
        let bought_later = terms(Term::Annual, None, "2027-01-01");
        check_fall(bought_later, "2026-03-15", "2026-03-20", Some("2026-03-20"));
        // Microsoft's clock may be ahead: what is yet to be bought has begun nothing.
        check_fall(annual, "2026-03-16", "2026-03-15", None);
    }

    #[test]
    fn seats_of_a_month_fall_at_the_next_one_and_a_month_from_now_at_the_latest() {
        let monthly = terms(Term::Monthly, Some(true), "2026-01-10");
        check_fall(monthly, "", "2026-03-25", Some("2026-04-10"));
        check_fall(monthly, "", "2026-03-12", Some("2026-03-12"));
        let undated = terms(Term::Monthly, None, "");
        check_fall(undated, "2020-01-01", "2026-01-31", Some("2026-02-28"));
        let far = terms(Term::Monthly, None, "2026-09-10");
        check_fall(far, "", "2026-03-25", Some("2026-04-25"));
        let ended = terms(Term::Monthly, None, "2026-01-10");
        check_fall(ended, "", "2026-03-25", Some("2026-04-25"));
    }

    #[test]
    fn nothing_is_guessed_of_terms_that_nobody_declared() {
        check_fall(Terms::UNKNOWN, "2026-03-15", "2026-03-15", None);
        let dated = terms(Term::Unknown, Some(true), "2026-07-15");
        check_fall(dated, "2026-03-15", "2026-03-15", None);
        assert_eq!(Terms::default(), Terms::UNKNOWN);
    }

    #[test]
    fn the_window_is_as_long_as_the_policy_says() {
        let annual = terms(Term::Annual, Some(true), "2026-07-15");
        let check = |reduction_window_days, today: &str, expected: &str| {
            let policy = TermsPolicy {
                reduction_window_days,
            };
            let falls = annual.seats_may_fall_on(None, day(today), policy);
            assert_eq!(falls, Some(day(expected)));
        };
        check(0, "2026-07-15", "2026-07-15");
        check(0, "2026-07-16", "2027-07-15");
        check(3, "2026-07-18", "2026-07-18");
        check(3, "2026-07-19", "2027-07-15");
    }

    fn any_terms() -> impl Strategy<Value = Terms> {
        let terms = vec![Term::Monthly, Term::Annual, Term::ThreeYears, Term::Unknown];
        let auto = prop::sample::select(vec![None, Some(true), Some(false)]);
        (
            prop::sample::select(terms),
            auto,
            prop::option::of(18_000i64..22_000),
        )
            .prop_map(|(term, auto_renews, renews_on)| Terms {
                term,
                billing: Billing::Unknown,
                auto_renews,
                renews_on: renews_on.and_then(day::date),
            })
    }

    proptest! {
        #[test]
        fn no_renewal_is_before_today_and_none_is_left_out(terms in any_terms(), today in 18_000i64..22_000) {
            let today = day::date(today).unwrap();
            let policy = TermsPolicy::default();
            if let Some(falls) = terms.seats_may_fall_on(None, today, policy) {
                prop_assert!(falls >= today);
                prop_assert!(terms.term != Term::Unknown);
            }
            if let Some(began) = terms.began_on(None, today) {
                prop_assert!(began <= today);
            }
            let Some(next) = terms.next_renewal(today) else {
                return Ok(());
            };
            prop_assert!(next >= today);
            let declared = terms.renews_on.unwrap();
            if next != declared {
                // It is one of the series, and the first of it that is not before today.
                let months = terms.term.months().unwrap();
                let mut series = (1..).map_while(|count| months_after(declared, count * months));
                prop_assert_eq!(series.find(|day| *day >= today), Some(next));
            }
        }
    }
}
