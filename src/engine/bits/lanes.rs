//! Loops over words of blocks, by the widest instructions that the processor has.
//!
//! A program that is to run on every x86-64 has not even an instruction that counts bits: a filter over a
//! million users spent most of its time on that. So these loops are there twice, and which is run is
//! decided when the program runs. They are plain loops: a function that the compiler does not take into
//! them would be the one for every processor.

use pulp::Arch;

/// Adds what is in another.
pub(in crate::engine) fn add(words: &mut [u64], other: &[u64]) {
    Arch::new().dispatch(|| {
        for (word, other) in words.iter_mut().zip(other) {
            *word |= other;
        }
    });
}

/// Keeps what is in another too; whether anything is left.
pub(in crate::engine) fn keep(words: &mut [u64], other: &[u64]) -> bool {
    Arch::new().dispatch(|| {
        let mut left = 0;
        for (word, other) in words.iter_mut().zip(other) {
            *word &= other;
            left |= *word;
        }
        left != 0
    })
}

/// Keeps what is not in another; whether anything is left.
pub(in crate::engine) fn take_out(words: &mut [u64], other: &[u64]) -> bool {
    Arch::new().dispatch(|| {
        let mut left = 0;
        for (word, other) in words.iter_mut().zip(other) {
            *word &= !other;
            left |= *word;
        }
        left != 0
    })
}

/// Whether there is anything.
pub(in crate::engine) fn is_any(words: &[u64]) -> bool {
    Arch::new().dispatch(|| {
        let mut any = 0;
        for word in words {
            any |= word;
        }
        any != 0
    })
}

/// How many ones there are.
pub(in crate::engine) fn count(words: &[u64]) -> u32 {
    Arch::new().dispatch(|| {
        let mut count = 0;
        for word in words {
            count += word.count_ones();
        }
        count
    })
}

/// How many words have any.
pub(in crate::engine) fn count_filled(words: &[u64]) -> u32 {
    Arch::new().dispatch(|| {
        let mut count = 0;
        for word in words {
            count += u32::from(*word != 0);
        }
        count
    })
}

/// How many ones are in both.
pub(in crate::engine) fn count_common(words: &[u64], other: &[u64]) -> u32 {
    Arch::new().dispatch(|| {
        let mut count = 0;
        for (word, other) in words.iter().zip(other) {
            count += (word & other).count_ones();
        }
        count
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::bits::Words;

    fn spread(seed: u64) -> Words {
        let mut state = seed | 1;
        std::array::from_fn(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Some words are empty.
            state & u64::from(state.is_multiple_of(3)).wrapping_neg()
        })
    }

    proptest! {
        #[test]
        fn whole_blocks_are_as_their_words_one_by_one(one: u64, other: u64) {
            let (one, other) = (spread(one), spread(other));
            let by_word = |join: fn(u64, u64) -> u64| -> Words {
                std::array::from_fn(|place| join(one[place], other[place]))
            };
            let ones = |words: &Words| words.iter().map(|word| word.count_ones()).sum::<u32>();
            let (both, either) = (by_word(|one, other| one & other), by_word(|one, other| one | other));
            let without = by_word(|one, other| one & !other);
            let mut words = one;
            prop_assert_eq!(keep(&mut words, &other), ones(&both) > 0);
            prop_assert_eq!(words, both);
            let mut words = one;
            prop_assert_eq!(take_out(&mut words, &other), ones(&without) > 0);
            prop_assert_eq!(words, without);
            let mut words = one;
            add(&mut words, &other);
            prop_assert_eq!(words, either);
            prop_assert_eq!(count(&one), ones(&one));
            prop_assert_eq!(count_filled(&one) as usize, one.iter().filter(|word| **word > 0).count());
            prop_assert_eq!(count_common(&one, &other), ones(&both));
            prop_assert!(is_any(&one));
            prop_assert!(!take_out(&mut words, &either));
            prop_assert!(!is_any(&words));
        }
    }
}
