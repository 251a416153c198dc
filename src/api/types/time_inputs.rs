//! Conditions on instants and days, as they are asked, whatever the property.

use async_graphql::InputObject;
use jiff::{SignedDuration, Timestamp, civil};

use super::nesting::Term;
use crate::api::scalars::{Date, DateTime};
use crate::domain::filter::{DayCondition, TimeCondition};

/// A condition on an instant. Every operator that is said must hold; `{}` and null hold for
/// everything. Only `isNull: true` holds where the value is absent.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct DateTimeFilter {
    /// Is before this instant.
    lt: Option<DateTime>,
    /// Is before this instant or at it.
    lte: Option<DateTime>,
    /// Is after this instant.
    gt: Option<DateTime>,
    /// Is after this instant or at it.
    gte: Option<DateTime>,
    /// True: is absent. False: is present.
    is_null: Option<bool>,
}

impl DateTimeFilter {
    pub(crate) fn terms(self) -> Vec<Term<TimeCondition>> {
        let terms = [
            self.lt.map(|end| within(None, Some(end.0))),
            // Nothing is behind the last instant, so "up to it" is no bound.
            self.lte.map(|end| within(None, following(end.0))),
            self.gt.map(|start| after(start.0)),
            self.gte.map(|start| within(Some(start.0), None)),
            self.is_null
                .map(|is| Term::is_if(is, TimeCondition::IsAbsent)),
        ];
        terms.into_iter().flatten().collect()
    }
}

fn within(from: Option<Timestamp>, before: Option<Timestamp>) -> Term<TimeCondition> {
    Term::is(TimeCondition::Within { from, before })
}

fn after(start: Timestamp) -> Term<TimeCondition> {
    match following(start) {
        Some(from) => within(Some(from), None),
        None => within(Some(start), Some(start)),
    }
}

/// The next instant there is: instants are whole nanoseconds.
fn following(instant: Timestamp) -> Option<Timestamp> {
    instant.checked_add(SignedDuration::from_nanos(1)).ok()
}

/// A condition on a calendar day. Every operator that is said must hold; `{}` and null hold for
/// everything. Only `isNull: true` holds where the value is absent.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct DateFilter {
    /// Is before this day.
    lt: Option<Date>,
    /// Is before this day or on it.
    lte: Option<Date>,
    /// Is after this day.
    gt: Option<Date>,
    /// Is after this day or on it.
    gte: Option<Date>,
    /// True: is absent. False: is present.
    is_null: Option<bool>,
}

impl DateFilter {
    pub(crate) fn terms(self) -> Vec<Term<DayCondition>> {
        let up_to = |day: civil::Date| days(None, Some(day));
        let from = |day: civil::Date| days(Some(day), None);
        let terms = [
            self.lt
                .map(|day| day.0.yesterday().map_or_else(|_| no_day(), up_to)),
            self.lte.map(|day| up_to(day.0)),
            self.gt
                .map(|day| day.0.tomorrow().map_or_else(|_| no_day(), from)),
            self.gte.map(|day| from(day.0)),
            self.is_null
                .map(|is| Term::is_if(is, DayCondition::IsAbsent)),
        ];
        terms.into_iter().flatten().collect()
    }
}

fn days(from: Option<civil::Date>, to: Option<civil::Date>) -> Term<DayCondition> {
    Term::is(DayCondition::Within { from, to })
}

/// Nothing is before the first day there is, or after the last.
fn no_day() -> Term<DayCondition> {
    days(Some(civil::Date::MAX), Some(civil::Date::MIN))
}

#[cfg(test)]
mod tests {
    use async_graphql::{InputType, Value, value};

    use super::*;

    fn parsed<T: InputType>(value: Value) -> T {
        T::parse(Some(value)).unwrap_or_else(|_| panic!("the input is well-formed"))
    }

    fn time_holds(filter: &Value, value: Option<Timestamp>) -> bool {
        let terms = parsed::<DateTimeFilter>(filter.clone()).terms();
        terms.iter().all(|term| {
            let holds = match (term.condition, value) {
                (TimeCondition::IsAbsent, value) => value.is_none(),
                (TimeCondition::Within { .. }, None) => false,
                (TimeCondition::Within { from, before }, Some(value)) => {
                    from.is_none_or(|from| from <= value)
                        && before.is_none_or(|before| value < before)
                }
            };
            holds != term.is_negated
        })
    }

    /// Whether a filter holds for the instant before, at and behind 2026-01-01, and for none.
    #[track_caller]
    fn check_time(filter: Value, expected: [bool; 4]) {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let nano = SignedDuration::from_nanos(1);
        let values = [Some(at - nano), Some(at), Some(at + nano), None];
        let holds = values.map(|value| time_holds(&filter, value));
        assert_eq!(holds, expected, "{filter}");
    }

    #[test]
    fn bounds_of_an_instant_are_exact_to_the_nanosecond() {
        check_time(
            value!({"lt": "2026-01-01T00:00:00Z"}),
            [true, false, false, false],
        );
        check_time(
            value!({"lte": "2026-01-01T00:00:00Z"}),
            [true, true, false, false],
        );
        check_time(
            value!({"gt": "2026-01-01T00:00:00Z"}),
            [false, false, true, false],
        );
        check_time(
            value!({"gte": "2026-01-01T00:00:00Z"}),
            [false, true, true, false],
        );
        check_time(
            value!({"gte": "2026-01-01T00:00:00Z", "lte": "2026-01-01T00:00:00Z"}),
            [false, true, false, false],
        );
        check_time(value!({"isNull": true}), [false, false, false, true]);
        check_time(value!({"isNull": false}), [true, true, true, false]);
        check_time(value!({}), [true, true, true, true]);
    }

    #[test]
    fn the_last_instant_there_is_bounds_nothing_from_above_and_all_from_below() {
        let last = Timestamp::MAX;
        let filter = |lte, gt| DateTimeFilter {
            lte,
            gt,
            ..DateTimeFilter::default()
        };
        let up_to = filter(Some(DateTime(last)), None).terms();
        assert_eq!(up_to, [within(None, None)]);
        let behind = filter(None, Some(DateTime(last))).terms();
        assert_eq!(behind, [within(Some(last), Some(last))]);
    }

    /// Whether a filter holds for the day before 2026-01-01, that day, the next, and for none.
    #[track_caller]
    fn check_day(filter: Value, expected: [bool; 4]) {
        let at = civil::date(2026, 1, 1);
        let terms = parsed::<DateFilter>(filter.clone()).terms();
        let holds = |value: Option<civil::Date>| {
            terms.iter().all(|term| {
                let holds = match (term.condition, value) {
                    (DayCondition::IsAbsent, value) => value.is_none(),
                    (DayCondition::Within { .. }, None) => false,
                    (DayCondition::Within { from, to }, Some(value)) => {
                        from.is_none_or(|from| from <= value) && to.is_none_or(|to| value <= to)
                    }
                };
                holds != term.is_negated
            })
        };
        let values = [at.yesterday().ok(), Some(at), at.tomorrow().ok(), None];
        assert_eq!(values.map(holds), expected, "{filter}");
    }

    #[test]
    fn bounds_of_a_day_are_exact() {
        check_day(value!({"lt": "2026-01-01"}), [true, false, false, false]);
        check_day(value!({"lte": "2026-01-01"}), [true, true, false, false]);
        check_day(value!({"gt": "2026-01-01"}), [false, false, true, false]);
        check_day(value!({"gte": "2026-01-01"}), [false, true, true, false]);
        check_day(
            value!({"gte": "2026-01-01", "lt": "2026-01-02"}),
            [false, true, false, false],
        );
        check_day(value!({"isNull": true}), [false, false, false, true]);
        check_day(value!({"isNull": false}), [true, true, true, false]);
        check_day(value!({}), [true, true, true, true]);
        check_day(value!({"gt": "9999-12-31"}), [false; 4]);
        let before_all = DateFilter {
            lt: Some(Date(civil::Date::MIN)),
            ..DateFilter::default()
        };
        assert_eq!(before_all.terms(), [no_day()]);
    }
}
