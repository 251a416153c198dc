//! Numbers in as few bits as they need, one behind the other.
//!
//! Most numbers of a report are 0 or small. In the Elias delta code 0 takes one bit, 1 four, 100
//! eleven and 10,000 twenty.

use smallvec::SmallVec;

/// What was written; most of it is so short that it needs no memory of its own.
pub(super) type Written = SmallVec<[u8; 24]>;

/// How many bits a number has, up to its highest one; 0 has none.
pub(super) fn size_of_number(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// As many bits as are written in one go.
const HALF: u32 = 32;

/// The codes of numbers below are written in one go.
const SHORT_END: u64 = 1 << 16;

/// The code of a number below [`SHORT_END`], and its length in bits.
fn short_code(value: u64) -> (u64, u32) {
    let low = (value + 1).ilog2();
    let size = (low + 1).ilog2();
    let below = (value + 1) & ((1 << low) - 1);
    ((u64::from(low + 1) << low) | below, 2 * size + 1 + low)
}

/// Small numbers of either sign as small numbers.
fn zigzag(value: i64) -> u64 {
    (value << 1).cast_unsigned() ^ (value >> 63).cast_unsigned()
}

/// Bits being written.
#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Written,
    /// What is not a whole byte yet, in the lowest `held` bits.
    rest: u64,
    /// At most 31 between two calls.
    held: u32,
}

impl BitWriter {
    /// What was written; the last byte is filled up with zeros.
    pub(super) fn into_bytes(mut self) -> Written {
        while self.held >= 8 {
            self.held -= 8;
            self.bytes.push((self.rest >> self.held) as u8); // A byte at a time.
        }
        if self.held > 0 {
            self.bytes.push((self.rest << (8 - self.held)) as u8); // The bits above are written.
        }
        self.bytes
    }

    /// The lowest `count` bits of a value, highest first.
    pub(super) fn bits(&mut self, value: u64, count: u32) {
        if count > HALF {
            self.few_bits(value >> HALF, count - HALF);
            self.few_bits(value, HALF);
        } else {
            self.few_bits(value, count);
        }
    }

    /// The same for at most 32 bits.
    fn few_bits(&mut self, value: u64, count: u32) {
        self.rest = (self.rest << count) | (value & ((1 << count) - 1));
        self.held += count;
        if self.held >= HALF {
            self.held -= HALF;
            let whole = (self.rest >> self.held) as u32; // The bits above are written.
            self.bytes.extend_from_slice(&whole.to_be_bytes());
        }
    }

    pub(super) fn truth(&mut self, value: bool) {
        self.bits(u64::from(value), 1);
    }

    /// Any number, in the Elias delta code of its successor.
    pub(super) fn number(&mut self, value: u64) {
        if value < SHORT_END {
            let (code, length) = short_code(value);
            return self.few_bits(code, length);
        }
        let successor = u128::from(value) + 1;
        let low = successor.ilog2();
        let size = (low + 1).ilog2();
        self.bits(0, size);
        self.bits(u64::from(low + 1), size + 1);
        self.bits(successor as u64, low); // The bit above them is known.
    }

    /// A number that may be negative; small ones of either sign are short.
    pub(super) fn signed(&mut self, value: i64) {
        self.number(zigzag(value));
    }

    /// A number whose size in bits is guessed: the better the guess, the shorter the code.
    pub(super) fn guessed(&mut self, value: u64, size: u32) {
        let own = size_of_number(value);
        let below = own.saturating_sub(1); // The highest bit is known.
        let (code, length) = short_code(zigzag(i64::from(own) - i64::from(size)));
        if below + length <= HALF {
            // Most are short enough to be written in one go.
            self.few_bits(
                (code << below) | (value & ((1 << below) - 1)),
                below + length,
            );
        } else {
            self.few_bits(code, length);
            self.bits(value, below);
        }
    }

    pub(super) fn guid(&mut self, guid: uuid::Uuid) {
        let (high, low) = guid.as_u64_pair();
        self.bits(high, 64);
        self.bits(low, 64);
    }
}

/// Bits being read. Answers `None` at the end.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// How many bits were read.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn bits(&mut self, count: u32) -> Option<u64> {
        let mut value = 0;
        let mut left = count;
        while left > 0 {
            let byte = u64::from(*self.bytes.get(self.at / 8)?);
            let unread = 8 - (self.at % 8) as u32;
            let taken = left.min(unread);
            let part = (byte >> (unread - taken)) & ((1 << taken) - 1);
            value = (value << taken) | part;
            left -= taken;
            self.at += taken as usize;
        }
        Some(value)
    }

    pub(super) fn truth(&mut self) -> Option<bool> {
        self.bits(1).map(|bit| bit != 0)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut size = 0;
        while !self.truth()? {
            size += 1;
        }
        // The largest number has 64 bits behind the known one, and 65 has seven.
        let low = match size {
            0..=6 => ((1 << size) | self.bits(size)?) - 1,
            _ => return None,
        };
        if low > 64 {
            return None;
        }
        let rest = u128::from(self.bits(low as u32)?);
        u64::try_from(((1 << low) | rest) - 1).ok()
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    pub(super) fn guessed(&mut self, size: u32) -> Option<u64> {
        let own = self.signed()?.checked_add(i64::from(size))?;
        match u32::try_from(own).ok()? {
            0 => Some(0),
            own @ 1..=64 => Some((1 << (own - 1)) | self.bits(own - 1)?),
            _ => None,
        }
    }

    pub(super) fn guid(&mut self) -> Option<uuid::Uuid> {
        Some(uuid::Uuid::from_u64_pair(self.bits(64)?, self.bits(64)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(value: u64, bits: usize) {
        let mut writer = BitWriter::default();
        // Eight in a row end at the border of a byte.
        for _ in 0..8 {
            writer.number(value);
        }
        let bytes = writer.into_bytes();
        assert_eq!(bytes.len(), bits, "{value}");
        let mut reader = BitReader::new(&bytes);
        for _ in 0..8 {
            assert_eq!(reader.number(), Some(value));
        }
        assert_eq!(reader.truth(), None);
    }

    #[test]
    fn a_small_number_takes_few_bits_and_every_number_has_a_code() {
        check(0, 1);
        check(1, 4);
        check(2, 4);
        check(3, 5);
        check(100, 11);
        check(10_000, 20);
        check(u64::MAX - 1, 76);
        check(u64::MAX, 77);
    }

    #[derive(Debug, Clone)]
    enum Item {
        Bits(u64, u32),
        Number(u64),
        Signed(i64),
        Guessed(u64, u32),
        Guid(u128),
    }

    fn item() -> impl Strategy<Value = Item> {
        let sized = (any::<u64>(), 0..64u32).prop_map(|(value, shift)| value >> shift);
        let guessed = (any::<u64>(), 0..64u32, 0..=64u32);
        prop_oneof![
            guessed.prop_map(|(value, shift, size)| Item::Guessed(value >> shift, size)),
            (any::<u64>(), 0..=64u32).prop_map(|(value, count)| Item::Bits(value, count)),
            sized.prop_map(Item::Number),
            (any::<i64>(), 0..64u32).prop_map(|(value, shift)| Item::Signed(value >> shift)),
            any::<u128>().prop_map(Item::Guid),
        ]
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(items in prop::collection::vec(item(), 0..20)) {
            let mut writer = BitWriter::default();
            for item in &items {
                match item {
                    Item::Bits(value, count) => writer.bits(*value, *count),
                    Item::Number(value) => writer.number(*value),
                    Item::Signed(value) => writer.signed(*value),
                    Item::Guessed(value, size) => writer.guessed(*value, *size),
                    Item::Guid(guid) => writer.guid(uuid::Uuid::from_u128(*guid)),
                }
            }
            let bytes = writer.into_bytes();
            let mut reader = BitReader::new(&bytes);
            for item in items {
                match item {
                    Item::Bits(value, count) => {
                        let kept = u64::try_from(u128::from(value) & ((1 << count) - 1)).unwrap();
                        prop_assert_eq!(reader.bits(count), Some(kept));
                    }
                    Item::Number(value) => prop_assert_eq!(reader.number(), Some(value)),
                    Item::Signed(value) => prop_assert_eq!(reader.signed(), Some(value)),
                    Item::Guessed(value, size) => prop_assert_eq!(reader.guessed(size), Some(value)),
                    Item::Guid(guid) => prop_assert_eq!(reader.guid(), Some(uuid::Uuid::from_u128(guid))),
                }
            }
        }

        #[test]
        fn bytes_that_nobody_wrote_end_in_nothing(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = BitReader::new(&bytes);
            while reader.number().is_some() && reader.guessed(7).is_some() {}
        }
    }
}
