//! Lines that numbers cross: for findings, when there are too many or they would save too much.

use rust_decimal::Decimal;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// How many findings are open.
    OpenFindings,
    /// What they would save a month, in the currency that the operator chose.
    MonthlySavings,
}

impl Measure {
    /// As events name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::OpenFindings => "OPEN_FINDINGS",
            Self::MonthlySavings => "MONTHLY_SAVINGS",
        }
    }
}

/// How much of each measure there was when somebody looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Findings that are open.
    pub open_findings: u64,
    /// What they would save a month; `None` where nobody said in which currency.
    pub monthly_savings: Option<Decimal>,
}

impl Level {
    fn of(&self, measure: Measure) -> Option<Decimal> {
        match measure {
            Measure::OpenFindings => Some(self.open_findings.into()),
            Measure::MonthlySavings => self.monthly_savings,
        }
    }
}

/// A line: so much of a measure, or more, is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// Of what.
    pub measure: Measure,
    /// From how much on.
    pub at_least: Decimal,
}

/// A line that was crossed upward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    /// Which.
    pub threshold: Threshold,
    /// How much there was before; `None` where nobody had looked, or it could not be told.
    pub before: Option<Decimal>,
    /// How much there is now.
    pub now: Decimal,
}

/// The lines that were crossed since somebody looked, in their order. A number that stays above its
/// line tells nothing, and one that cannot be told now crosses none.
pub fn crossings(before: Option<Level>, now: Level, thresholds: &[Threshold]) -> Vec<Crossing> {
    let crossing = |threshold: &Threshold| {
        let before = before.and_then(|level| level.of(threshold.measure));
        let now = now.of(threshold.measure)?;
        let was_above = before.is_some_and(|before| before >= threshold.at_least);
        (now >= threshold.at_least && !was_above).then_some(Crossing {
            threshold: *threshold,
            before,
            now,
        })
    };
    thresholds.iter().filter_map(crossing).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HUNDRED: [Threshold; 2] = [
        Threshold {
            measure: Measure::OpenFindings,
            at_least: Decimal::ONE_HUNDRED,
        },
        Threshold {
            measure: Measure::MonthlySavings,
            at_least: Decimal::ONE_THOUSAND,
        },
    ];

    fn level(open_findings: u64, monthly_savings: Option<i64>) -> Level {
        Level {
            open_findings,
            monthly_savings: monthly_savings.map(Decimal::from),
        }
    }

    #[track_caller]
    fn check(before: Option<Level>, now: Level, expected: &[Measure]) {
        let crossed = crossings(before, now, &HUNDRED);
        let measures: Vec<_> = crossed.iter().map(|own| own.threshold.measure).collect();
        assert_eq!(measures, expected);
    }

    #[test]
    fn a_line_is_crossed_when_it_is_reached_from_below() {
        use Measure::{MonthlySavings, OpenFindings};
        check(Some(level(99, None)), level(99, None), &[]);
        check(Some(level(99, None)), level(100, None), &[OpenFindings]);
        check(Some(level(100, None)), level(101, None), &[]);
        check(Some(level(100, None)), level(99, None), &[]);
        check(None, level(99, Some(999)), &[]);
        check(
            None,
            level(100, Some(1_000)),
            &[OpenFindings, MonthlySavings],
        );
        check(
            Some(level(0, None)),
            level(0, Some(1_000)),
            &[MonthlySavings],
        );
        check(Some(level(0, Some(1_000))), level(0, None), &[]);
        check(
            Some(level(0, Some(999))),
            level(0, Some(1_000)),
            &[MonthlySavings],
        );
    }

    proptest! {
        #[test]
        fn what_stays_tells_nothing_and_what_is_told_is_above(a in 0..300u64, b in 0..300u64) {
            let (before, now) = (level(a, None), level(b, None));
            prop_assert!(crossings(Some(now), now, &HUNDRED).is_empty());
            for crossing in crossings(Some(before), now, &HUNDRED) {
                prop_assert!(crossing.now >= crossing.threshold.at_least);
                prop_assert!(crossing.before.is_some_and(|own| own < crossing.threshold.at_least));
            }
        }
    }
}
