//! Which spans of time of a log were read, and which were not.
//!
//! Microsoft's clock ticks in tenths of a microsecond, and so do the bounds of spans: both belong to
//! the span, and the next one begins a tick later.

use jiff::{SignedDuration, Timestamp};

use crate::domain::standing::Span;

/// The step from one instant of a log to the next.
const TICK: SignedDuration = SignedDuration::from_nanos(100);

/// So many spans are kept. Only a log that is cut in every run for weeks has more than a few.
const SPANS_MAX: usize = 64;

/// The instant after one.
pub(super) fn after(at: Timestamp) -> Timestamp {
    at.saturating_add(TICK).unwrap_or(at)
}

/// The instant before one.
pub(super) fn before(at: Timestamp) -> Timestamp {
    at.saturating_sub(TICK).unwrap_or(at)
}

/// The newest part of `window` that no span covers. `covered` is as [`cover`] leaves it.
pub(super) fn newest_gap(covered: &[Span], window: Span) -> Option<Span> {
    let mut until = window.until;
    for span in covered {
        if span.until < until {
            let from = after(span.until).max(window.from);
            return (from <= until).then_some(Span { from, until });
        }
        if span.from <= until {
            until = before(span.from);
        }
        if until < window.from {
            return None;
        }
    }
    let Span { from, .. } = window;
    (from <= until).then_some(Span { from, until })
}

/// The spans with one more: newest first, and none that meet or overlap.
pub(super) fn cover(covered: &[Span], span: Span) -> Vec<Span> {
    if span.from > span.until {
        return covered.to_vec();
    }
    let mut all: Vec<Span> = covered.iter().copied().chain([span]).collect();
    all.sort_by_key(|span| std::cmp::Reverse(span.until));
    let mut joined: Vec<Span> = Vec::with_capacity(all.len());
    for span in all {
        match joined.last_mut() {
            Some(newer) if after(span.until) >= newer.from => {
                newer.from = newer.from.min(span.from);
            }
            _ => joined.push(span),
        }
    }
    while joined.len() > SPANS_MAX {
        // The oldest gap is given up: to read it later would count nothing twice, but it would be
        // asked for among ever more others.
        let oldest = joined.pop();
        if let (Some(last), Some(oldest)) = (joined.last_mut(), oldest) {
            last.from = oldest.from;
        }
    }
    joined
}

/// The spans without what lies at or after an instant.
pub(super) fn uncover(covered: &[Span], from: Timestamp) -> Vec<Span> {
    let cut = |span: &Span| Span {
        until: span.until.min(before(from)),
        ..*span
    };
    let rest = covered.iter().map(cut);
    rest.filter(|span| span.from <= span.until).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// An instant some ticks into the log.
    fn tick(number: i64) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(number) * 100).unwrap()
    }

    fn span((from, until): (i64, i64)) -> Span {
        Span {
            from: tick(from),
            until: tick(until),
        }
    }

    fn ticks(spans: &[Span]) -> BTreeSet<i64> {
        let number = |at: Timestamp| i64::try_from(at.as_nanosecond() / 100).unwrap();
        let each = |span: &Span| number(span.from)..=number(span.until);
        spans.iter().flat_map(each).collect()
    }

    fn is_tidy(spans: &[Span]) -> bool {
        spans.iter().all(|span| span.from <= span.until)
            && spans.is_sorted_by(|newer, older| after(older.until) < newer.from)
    }

    #[track_caller]
    fn check_gap(covered: &[(i64, i64)], expected: Option<(i64, i64)>) {
        let covered: Vec<_> = covered.iter().copied().map(span).collect();
        assert_eq!(newest_gap(&covered, span((10, 20))), expected.map(span));
    }

    #[test]
    fn the_newest_gap_comes_first() {
        check_gap(&[], Some((10, 20)));
        check_gap(&[(0, 5)], Some((10, 20)));
        check_gap(&[(0, 14)], Some((15, 20)));
        check_gap(&[(14, 20)], Some((10, 13)));
        check_gap(&[(14, 30)], Some((10, 13)));
        check_gap(&[(30, 40)], Some((10, 20)));
        check_gap(&[(18, 20), (12, 14)], Some((15, 17)));
        check_gap(&[(15, 20), (0, 14)], None);
        check_gap(&[(10, 20)], None);
        check_gap(&[(0, 40)], None);
    }

    fn any_span() -> impl Strategy<Value = (i64, i64)> {
        (0..60_i64, 0..12_i64).prop_map(|(from, length)| (from, from + length))
    }

    #[derive(Debug, Clone)]
    enum Edit {
        Cover((i64, i64)),
        Uncover(i64),
    }

    fn any_edits() -> impl Strategy<Value = Vec<Edit>> {
        let edit = prop_oneof![
            4 => any_span().prop_map(Edit::Cover),
            1 => (0..70_i64).prop_map(Edit::Uncover),
        ];
        prop::collection::vec(edit, 0..16)
    }

    fn edited(edits: &[Edit]) -> (Vec<Span>, BTreeSet<i64>) {
        let (mut covered, mut model) = (Vec::new(), BTreeSet::new());
        for edit in edits {
            match edit {
                Edit::Cover((from, until)) => {
                    covered = cover(&covered, span((*from, *until)));
                    model.extend(*from..=*until);
                }
                Edit::Uncover(from) => {
                    covered = uncover(&covered, tick(*from));
                    model.retain(|at| at < from);
                }
            }
        }
        (covered, model)
    }

    proptest! {
        #[test]
        fn spans_never_meet_and_hold_exactly_what_was_covered(edits in any_edits()) {
            let (covered, model) = edited(&edits);
            prop_assert!(is_tidy(&covered), "{covered:?}");
            prop_assert_eq!(ticks(&covered), model);
        }

        #[test]
        fn a_gap_is_the_newest_run_of_what_is_missing(edits in any_edits(), window in any_span()) {
            let (covered, model) = edited(&edits);
            let missing = |at: &i64| !model.contains(at);
            let newest = (window.0..=window.1).rev().find(missing);
            let expected = newest.map(|until| {
                let from = (window.0..=until).rev().take_while(missing).last().unwrap();
                span((from, until))
            });
            prop_assert_eq!(newest_gap(&covered, span(window)), expected);
        }

        #[test]
        fn covering_every_gap_leaves_none(edits in any_edits(), window in any_span()) {
            let (mut covered, _) = edited(&edits);
            for _ in 0..=edits.len() {
                if let Some(gap) = newest_gap(&covered, span(window)) {
                    covered = cover(&covered, gap);
                }
            }
            prop_assert_eq!(newest_gap(&covered, span(window)), None);
            prop_assert!(ticks(&covered).is_superset(&ticks(&[span(window)])));
        }
    }

    #[test]
    fn of_too_many_spans_the_oldest_become_one() {
        let mut covered = Vec::new();
        for number in 0..200 {
            covered = cover(&covered, span((number * 10, number * 10 + 3)));
            assert!(covered.len() <= SPANS_MAX && is_tidy(&covered));
        }
        assert_eq!(covered[0], span((1_990, 1_993)));
        assert_eq!(covered.last().unwrap().from, tick(0));
    }
}
