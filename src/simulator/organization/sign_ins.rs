//! When people signed in last, as the directory tells it: a function of the account and of the time.

use super::person::Kind;
use super::person::Person;
use super::person::YOUNGEST;
use crate::simulator::random::Draws;
use crate::simulator::random::Stream;

/// 2020-05-01T00:00:00Z: Microsoft knows of no sign-in before.
const KEPT_SINCE: i64 = 1_588_291_200;
/// 2023-12-01T00:00:00Z: since then it is recorded whether the last one succeeded.
const SUCCESSES_ARE_KEPT_SINCE: i64 = 1_701_388_800;
/// How late the directory learns of a sign-in.
const DELAY: i64 = 6 * 3600;
const DAY: i64 = 86_400;

/// The last sign-ins of an account, seconds since 1970; `None` where there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SignIns {
    /// The last attempt of the person.
    pub(crate) interactive_at: Option<i64>,
    /// The last attempt of a program in the person's name.
    pub(crate) non_interactive_at: Option<i64>,
    /// The last success of either kind; `None` also where it was not recorded.
    pub(crate) succeeded_at: Option<i64>,
}

/// How an account is used.
enum Habit {
    Never,
    /// Every so many days.
    Regular(i64),
    /// Not any more, since that moment.
    Stopped(i64),
    /// By programs only, every day.
    Programs,
}

impl SignIns {
    /// What the directory knows at `now` of an account that nobody made sign in.
    pub(crate) fn of(seed: u64, person: &Person, now: i64) -> Self {
        let mut draws = Draws::about(seed, Stream::LastSignIn, person.index);
        let habit = habit(person, &mut draws);
        let hour = draws.below(DAY as u64) as i64;
        let fails = draws.chance(30);
        let is_recorded = !draws.chance(20);
        let known = Self::known_until(now);
        let last = match habit {
            Habit::Never => return Self::default(),
            Habit::Regular(days) => latest(known, days, person.index, hour),
            Habit::Stopped(at) => at,
            Habit::Programs => latest(known, 1, person.index, hour),
        };
        if last < KEPT_SINCE || last < person.since || last > known {
            return Self::default();
        }
        if matches!(habit, Habit::Programs) {
            return Self {
                interactive_at: None,
                non_interactive_at: Some(last),
                succeeded_at: is_recorded.then_some(last),
            };
        }
        // Programs go on after the person for an hour; some only ever use a browser.
        let refreshed = last + 3600 + (hour % 1800);
        let non_interactive_at = (person.index % 9 != 4 && refreshed <= known).then_some(refreshed);
        let success = match (non_interactive_at, fails) {
            (Some(at), _) => Some(at),
            (None, false) => Some(last),
            (None, true) => Some(last - 3 * DAY).filter(|&at| at > person.since),
        };
        Self {
            interactive_at: Some(last),
            non_interactive_at,
            succeeded_at: success.filter(|&at| is_recorded && at >= SUCCESSES_ARE_KEPT_SINCE),
        }
    }

    /// Until when the directory knows at `now` of sign-ins that nobody made.
    pub(crate) fn known_until(now: i64) -> i64 {
        now - DELAY
    }

    /// The same after a sign-in of the person that succeeded at `at`.
    pub(crate) fn after(self, at: i64) -> Self {
        Self {
            interactive_at: Some(at),
            succeeded_at: Some(at),
            ..self
        }
    }

    /// Whether the account never signed in as far as anybody knows.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn habit(person: &Person, draws: &mut Draws) -> Habit {
    let draw = draws.below(1000);
    let room = u64::try_from((YOUNGEST - person.since).max(1)).unwrap_or(1);
    let sometime = person.since + draws.below(room) as i64;
    match person.kind {
        Kind::Employee if !person.is_enabled => Habit::Stopped(sometime),
        Kind::Employee => match draw {
            0..760 => Habit::Regular(1),
            760..850 => Habit::Regular(3),
            850..900 => Habit::Regular(14),
            900..955 => Habit::Stopped(sometime),
            _ => Habit::Never,
        },
        Kind::Guest => match draw {
            0..300 => Habit::Regular(7),
            300..650 => Habit::Stopped(sometime),
            _ => Habit::Never,
        },
        Kind::ServiceAccount => Habit::Programs,
        Kind::Room if draw < 300 => Habit::Programs,
        Kind::Room | Kind::SharedMailbox => Habit::Never,
    }
}

/// The last moment before `known` of something that happens every so many days.
fn latest(known: i64, days: i64, index: u64, hour: i64) -> i64 {
    let period = days * DAY;
    let phase = (index as i64 % days) * DAY + hour;
    phase + (known - phase).div_euclid(period) * period
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000; // November 2026

    fn all(now: i64) -> Vec<(Person, SignIns)> {
        (0..3000)
            .map(|index| Person::new(9, index))
            .map(|person| {
                let sign_ins = SignIns::of(9, &person, now);
                (person, sign_ins)
            })
            .collect()
    }

    #[test]
    fn most_active_people_signed_in_lately_some_long_ago_and_some_never() {
        let (mut lately, mut long_ago, mut never, mut active) = (0, 0, 0, 0);
        for (person, sign_ins) in all(NOW) {
            if person.kind != Kind::Employee || !person.is_enabled {
                continue;
            }
            active += 1;
            match sign_ins.interactive_at {
                Some(at) if at > NOW - 15 * DAY => lately += 1,
                Some(at) if at < NOW - 90 * DAY => long_ago += 1,
                Some(_) => {}
                None => never += 1,
            }
        }
        assert!(lately * 100 > active * 80, "{lately} of {active}");
        assert!(long_ago > 20 && never > 50, "{long_ago} {never}");
    }

    #[test]
    fn no_sign_in_is_before_the_account_or_known_within_six_hours() {
        for (person, sign_ins) in all(NOW) {
            let times = [
                sign_ins.interactive_at,
                sign_ins.non_interactive_at,
                sign_ins.succeeded_at,
            ];
            for at in times.into_iter().flatten() {
                assert!(
                    at >= person.since && at <= NOW - 6 * 3600,
                    "{} at {at}",
                    person.index
                );
            }
        }
    }

    #[test]
    fn successes_lag_behind_attempts_and_are_missing_for_some() {
        let all = all(NOW);
        let count = |matches: fn(&SignIns) -> bool| {
            all.iter().filter(|(_, sign_ins)| matches(sign_ins)).count()
        };
        assert!(count(|s| s.interactive_at.is_some() && s.succeeded_at.is_none()) > 20);
        assert!(count(|s| s.interactive_at.is_none() && s.non_interactive_at.is_some()) > 5);
        assert!(count(|s| s.interactive_at.is_some() && s.non_interactive_at.is_none()) > 50);
        assert!(count(|s| s.succeeded_at.is_some() && s.succeeded_at < s.interactive_at) > 0);
    }

    #[test]
    fn a_minute_changes_hardly_anything_and_a_day_changes_most() {
        let (then, soon, later) = (all(NOW), all(NOW + 60), all(NOW + DAY));
        let different = |other: &[(Person, SignIns)]| {
            then.iter().zip(other).filter(|(a, b)| a.1 != b.1).count()
        };
        assert!(different(&soon) < 20);
        assert!(different(&later) > 1500);
    }
}
