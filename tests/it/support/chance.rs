//! Chance with a seed that is told, so that what it found can be found again.

use std::time::Duration;

/// Numbers that look random (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// Seeded by a variable; the same without one, so that a gate says the same twice. Hunt with
    /// `DAMAGE_SEED=$RANDOM`.
    pub(crate) fn seeded_by(variable: &str) -> Self {
        let seed = number(variable).unwrap_or(1);
        eprintln!("{variable}={seed}");
        Self(seed)
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// A moment of a time that is cut into `parts`: somewhere in the part of that number.
    pub(crate) fn moment_in(&mut self, whole: Duration, part: u32, parts: u32) -> Duration {
        let share = (self.bits() >> 11) as f64 / (1_u64 << 53) as f64;
        whole.mul_f64((f64::from(part) + share) / f64::from(parts))
    }
}

/// A number from the environment of the tests.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let value = std::env::var_os(variable)?;
    let value = value.to_str().and_then(|value| value.parse().ok());
    Some(value.unwrap_or_else(|| panic!("{variable} is no number")))
}
