//! Numbers among bytes, the shorter the smaller: seven bits a byte, the lowest first; the eighth says
//! that more follow.

/// Writes a number behind the bytes.
pub fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Takes the number that [`put`] wrote at the beginning of the bytes; of no bytes a zero.
pub fn take(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    while let Some((&byte, rest)) = bytes.split_first() {
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 || shift >= u64::BITS {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(value: u64, length: usize) {
        let mut bytes = Vec::new();
        put(&mut bytes, value);
        put(&mut bytes, 5);
        assert_eq!(bytes.len(), length + 1, "{value}");
        let mut rest = &*bytes;
        assert_eq!((take(&mut rest), take(&mut rest)), (value, 5));
        assert_eq!((rest.len(), take(&mut rest)), (0, 0));
    }

    #[test]
    fn a_number_takes_a_byte_for_each_seven_bits() {
        check(0, 1);
        check(127, 1);
        check(128, 2);
        check(16_383, 2);
        check(16_384, 3);
        check(u64::MAX, 10);
    }

    proptest! {
        #[test]
        fn any_bytes_are_numbers(bytes: Vec<u8>) {
            let mut rest = &*bytes;
            while !rest.is_empty() {
                let before = rest.len();
                take(&mut rest);
                prop_assert!(rest.len() < before);
            }
        }
    }
}
