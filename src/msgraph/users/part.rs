//! Parts of all users that can be listed beside each other, each in a chain of its own.

use jiff::{Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};

/// How far outside of its part a user may lie. Times have up to seven digits after the second, and
/// nobody says how many of them are compared.
const TOLERANCE_SECONDS: i64 = 1;

/// The users that one chain asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Part {
    /// Everybody.
    All,
    /// Everybody as well, where Graph does not count them.
    Uncounted,
    /// Created in a span of time whose ends belong to it, as Graph knows no other. So neighbors share
    /// whoever was created at the very instant between them.
    Created {
        /// `None`: without beginning.
        from: Option<Timestamp>,
        /// `None`: without end.
        until: Option<Timestamp>,
    },
    /// Accounts from before June 2018 of which Microsoft does not know when they were created.
    Undated,
}

impl Part {
    /// Every user with a date.
    pub(super) const DATED: Self = Self::Created {
        from: None,
        until: None,
    };

    /// The condition that only its users meet; `None` for everybody.
    pub(super) fn filter(self) -> Option<String> {
        let (from, until) = match self {
            Self::All | Self::Uncounted => return None,
            Self::Undated => return Some("createdDateTime eq null".to_owned()),
            Self::Created { from, until } => (from, until),
        };
        let bounds = [("ge", from), ("le", until)];
        let conditions: Vec<String> = bounds
            .into_iter()
            .filter_map(|(operator, at)| Some(format!("createdDateTime {operator} {}", at?)))
            .collect();
        Some(conditions.join(" and ")).filter(|filter| !filter.is_empty())
    }

    /// Whether a user who was created then belongs here. If not, Graph did not filter.
    pub(super) fn may_hold(self, created_at: Option<Timestamp>) -> bool {
        match (self, created_at) {
            (Self::All | Self::Uncounted, _) | (Self::Undated, None) => true,
            (Self::Undated, Some(_)) | (Self::Created { .. }, None) => false,
            (Self::Created { from, until }, Some(at)) => {
                let at = at.as_second();
                from.is_none_or(|from| at >= from.as_second().saturating_sub(TOLERANCE_SECONDS))
                    && until.is_none_or(|until| {
                        at <= until.as_second().saturating_add(TOLERANCE_SECONDS)
                    })
            }
        }
    }

    /// At most as many parts that together are this one, and of about the same size if `sample` tells
    /// how its users are spread. This one alone if it cannot be parted.
    pub(super) fn split(self, mut sample: Vec<Timestamp>, parts: usize) -> Vec<Self> {
        let Self::Created { from, until } = self else {
            return vec![self];
        };
        sample.sort_unstable();
        let mut split = Vec::new();
        let mut start = from;
        for part in 1..parts {
            let boundary = gap_before(&sample, sample.len() * part / parts).filter(|boundary| {
                start.is_none_or(|start| start < *boundary)
                    && until.is_none_or(|until| *boundary < until)
            });
            if let Some(boundary) = boundary {
                split.push(Self::Created {
                    from: start,
                    until: Some(boundary),
                });
                start = Some(boundary);
            }
        }
        split.push(Self::Created { from: start, until });
        split
    }
}

/// A whole second between an instant of the sorted sample and the one before it that differs. Between
/// two, so that a crowd that was created at once is not on both sides; `None` for the first.
fn gap_before(sample: &[Timestamp], index: usize) -> Option<Timestamp> {
    let at = *sample.get(index)?;
    let others = sample.partition_point(|other| *other < at);
    let before = *sample.get(others.checked_sub(1)?)?;
    let middle = before + (at.duration_since(before) / 2);
    let whole = TimestampRound::new()
        .smallest(Unit::Second)
        .mode(jiff::RoundMode::Floor);
    middle.round(whole).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn created(from: Option<i64>, until: Option<i64>) -> Part {
        Part::Created {
            from: from.map(at),
            until: until.map(at),
        }
    }

    #[track_caller]
    fn check_filter(part: Part, expected: Option<&str>) {
        assert_eq!(part.filter().as_deref(), expected);
    }

    #[test]
    fn a_part_is_asked_for_by_the_time_of_creation() {
        check_filter(Part::All, None);
        check_filter(Part::Uncounted, None);
        check_filter(Part::DATED, None);
        check_filter(Part::Undated, Some("createdDateTime eq null"));
        check_filter(
            created(Some(0), None),
            Some("createdDateTime ge 1970-01-01T00:00:00Z"),
        );
        check_filter(
            created(None, Some(1)),
            Some("createdDateTime le 1970-01-01T00:00:01Z"),
        );
        check_filter(
            created(Some(0), Some(1)),
            Some(
                "createdDateTime ge 1970-01-01T00:00:00Z and createdDateTime le 1970-01-01T00:00:01Z",
            ),
        );
    }

    #[track_caller]
    fn check_split(part: Part, sample: &[i64], parts: usize, expected: &[Part]) {
        let sample = sample.iter().copied().map(at).collect();
        assert_eq!(part.split(sample, parts), expected);
    }

    #[test]
    fn boundaries_lie_in_gaps_of_the_sample() {
        let halves = [created(None, Some(25)), created(Some(25), None)];
        check_split(Part::DATED, &[40, 10, 30, 20], 2, &halves);
        // A crowd is not cut, and what would be cut twice is cut once.
        let beside_the_crowd = [created(None, Some(5)), created(Some(5), None)];
        check_split(Part::DATED, &[0, 10, 10, 10, 10, 10], 4, &beside_the_crowd);
        check_split(Part::DATED, &[10; 100], 4, &[Part::DATED]);
        check_split(Part::DATED, &[], 4, &[Part::DATED]);
        // Seconds are the finest.
        let seconds = [created(None, Some(10)), created(Some(10), None)];
        check_split(Part::DATED, &[10, 11], 2, &seconds);
        let one = created(Some(10), Some(11));
        check_split(one, &[10, 11], 2, &[one]);
        check_split(Part::All, &[10, 20], 2, &[Part::All]);
        check_split(Part::Undated, &[10, 20], 2, &[Part::Undated]);
    }

    proptest! {
        /// Whoever belongs to a part belongs to one of the parts that it is split into, and who is not
        /// at the very boundary to one alone.
        #[test]
        fn nobody_falls_between_parts(
            sample in proptest::collection::vec(-100_i64..100, 0..60),
            parts in 0_usize..30,
            from in proptest::option::of(-50_i64..0),
            until in proptest::option::of(0_i64..50),
            user in -100_i64..100,
        ) {
            let whole = created(from, until);
            let split = whole.split(sample.into_iter().map(at).collect(), parts);
            prop_assert!(split.len() <= parts.max(1));
            let holds = |part: &Part| match part {
                Part::Created { from, until } =>
                    from.is_none_or(|from| from <= at(user)) && until.is_none_or(|until| at(user) <= until),
                Part::All | Part::Uncounted | Part::Undated => false,
            };
            let holders = split.iter().filter(|part| holds(part)).count();
            prop_assert_eq!(holders > 0, holds(&whole));
            prop_assert!(holders <= 2);
        }
    }
}
