//! When a delivery that failed is tried again.

use std::time::Duration;

/// The wait after the first try.
const FIRST: Duration = Duration::from_secs(10);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(6 * 60 * 60);
/// Tries of one delivery: they span over two days, a weekend without anybody to look.
pub const TRIES_MAX: u32 = 24;

/// How long to wait after so many tries that failed; `None` when there is no other. `chance` is any
/// number: receivers that were down together are not asked together.
pub fn wait_after(tries: u32, chance: u16) -> Option<Duration> {
    if tries >= TRIES_MAX {
        return None;
    }
    let doubled = 1_u32
        .checked_shl(tries.saturating_sub(1))
        .unwrap_or(u32::MAX);
    let whole = FIRST.saturating_mul(doubled).min(LONGEST);
    // From half of it to all of it.
    let share = u32::from(chance).saturating_add(1);
    Some(whole / 2 + (whole / 2) * share / 65_536)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_until_they_are_as_long_as_they_get() {
        let longest = |tries| wait_after(tries, u16::MAX).map(|wait| wait.as_secs());
        assert_eq!(longest(1), Some(10));
        assert_eq!(longest(2), Some(20));
        assert_eq!(longest(12), Some(20_480));
        assert_eq!(longest(13), Some(21_600));
        assert_eq!(longest(TRIES_MAX - 1), Some(21_600));
        assert_eq!(longest(TRIES_MAX), None);
        let least: u64 = (1..TRIES_MAX)
            .map(|tries| wait_after(tries, 0).unwrap().as_secs())
            .sum();
        assert!(least > 36 * 60 * 60, "{least}");
    }

    proptest! {
        #[test]
        fn a_wait_is_between_half_and_all_of_what_it_may_be(tries in 1..TRIES_MAX, chance: u16) {
            let most = wait_after(tries, u16::MAX).unwrap();
            let wait = wait_after(tries, chance).unwrap();
            prop_assert!(wait >= most / 2 && wait <= most);
        }
    }
}
