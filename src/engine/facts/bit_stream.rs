//! Numbers in as few bits as they need, one behind the other.
//!
//! Most numbers of a report are 0 or small. In the Elias delta code 0 takes one bit, 1 four, 100
//! eleven and 10,000 twenty.

/// How many bits a number has, up to its highest one; 0 has none.
pub(super) fn size_of_number(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// Bits being written.
#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// What is not a whole byte yet, in the lowest `held` bits.
    rest: u64,
    /// At most 31 between two calls.
    held: u32,
}

impl BitWriter {
    /// A writer with room for a few numbers.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// What was written; the last byte is filled up with zeros.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
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
        const HALF: u32 = 32;
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
        if self.held >= 32 {
            self.held -= 32;
            let whole = (self.rest >> self.held) as u32; // The bits above are written.
            self.bytes.extend_from_slice(&whole.to_be_bytes());
        }
    }

    pub(super) fn truth(&mut self, value: bool) {
        self.bits(u64::from(value), 1);
    }

    /// Any number, in the Elias delta code of its successor.
    pub(super) fn number(&mut self, value: u64) {
        if value < 1 << 16 {
            // Most are: the same in one go.
            let low = (value + 1).ilog2();
            let size = (low + 1).ilog2();
            let below = (value + 1) & ((1 << low) - 1);
            return self.few_bits((u64::from(low + 1) << low) | below, 2 * size + 1 + low);
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
        self.number((value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned());
    }

    /// A number whose size in bits is guessed: the better the guess, the shorter the code.
    pub(super) fn guessed(&mut self, value: u64, size: u32) {
        let own = size_of_number(value);
        self.signed(i64::from(own) - i64::from(size));
        self.bits(value, own.saturating_sub(1)); // The highest bit is known.
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
