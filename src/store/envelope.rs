//! What is wrapped around every value: `version, kind, codec, crc32, payload`.
//!
//! The checksum covers the key too. A value that was flipped, cut or ended up under another key is
//! noticed when it is read, not when somebody wonders about the answer.

use super::Error;
use super::backend::Key;

/// The only version so far.
const VERSION: u8 = 1;
/// Bytes before the payload.
const HEADER_BYTES: usize = 7;
/// Payloads from this size on are compressed, where that makes them smaller.
const COMPRESS_FROM_BYTES: usize = 128;
/// The most that a payload may unfold to.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;
const LEVEL: i32 = 3;

/// What a value is. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Format = 1,
    AdminToken = 2,
    CatalogPart = 3,
    Current = 4,
    Manifest = 5,
    Block = 6,
    Run = 7,
    Connection = 8,
    Secret = 9,
    LicenseName = 10,
    UnfinishedPart = 11,
    Price = 12,
    Terms = 13,
    ExchangeRate = 14,
    Exemption = 20,
    LicenseClass = 21,
    CalendarFeed = 30,
    Delivery = 31,
    Told = 32,
    ToldLevel = 33,
}

/// How a payload is kept.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// Wraps a payload, compressed where that pays.
pub(super) fn seal(key: &Key, kind: Kind, payload: &[u8]) -> Vec<u8> {
    // Blocks are compressed already, ciphertexts cannot be.
    let may_shrink =
        !matches!(kind, Kind::Block | Kind::Secret) && payload.len() >= COMPRESS_FROM_BYTES;
    let packed = if may_shrink {
        zstd::bulk::compress(payload, LEVEL).ok()
    } else {
        None
    };
    match packed {
        Some(packed) if packed.len() < payload.len() => wrap(key, kind, ZSTD, &packed),
        _ => wrap(key, kind, PLAIN, payload),
    }
}

fn wrap(key: &Key, kind: Kind, codec: u8, payload: &[u8]) -> Vec<u8> {
    let head = [VERSION, kind as u8, codec];
    let mut value = Vec::with_capacity(HEADER_BYTES.saturating_add(payload.len()));
    value.extend_from_slice(&head);
    value.extend_from_slice(&checksum(key, head, payload).to_le_bytes());
    value.extend_from_slice(payload);
    value
}

/// Unwraps a payload.
pub(super) fn open(key: &Key, kind: Kind, value: &[u8]) -> Result<Vec<u8>, Error> {
    match parts(key, kind, value)? {
        (PLAIN, payload) => Ok(payload.to_vec()),
        (ZSTD, payload) => zstd::bulk::decompress(payload, PAYLOAD_BYTES_MAX)
            .map_err(|_| damaged(kind, "it does not decompress")),
        (codec, _) => Err(damaged(kind, &format!("unknown codec {codec}"))),
    }
}

/// The payload of a block, which is never compressed again.
pub(super) fn open_block<'a>(key: &Key, value: &'a [u8]) -> Result<&'a [u8], Error> {
    match parts(key, Kind::Block, value)? {
        (PLAIN, payload) => Ok(payload),
        (codec, _) => Err(damaged(Kind::Block, &format!("unexpected codec {codec}"))),
    }
}

fn parts<'a>(key: &Key, kind: Kind, value: &'a [u8]) -> Result<(u8, &'a [u8]), Error> {
    let Some((&[version, found, codec], rest)) = value.split_first_chunk::<3>() else {
        return Err(damaged(kind, "it is cut short"));
    };
    let Some((sum, payload)) = rest.split_first_chunk::<4>() else {
        return Err(damaged(kind, "it is cut short"));
    };
    if checksum(key, [version, found, codec], payload) != u32::from_le_bytes(*sum) {
        return Err(damaged(kind, "its checksum is wrong"));
    }
    if version != VERSION {
        return Err(damaged(kind, &format!("it is of version {version}")));
    }
    if found != kind as u8 {
        return Err(damaged(kind, &format!("it is of kind {found}")));
    }
    Ok((codec, payload))
}

fn checksum(key: &Key, head: [u8; 3], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[key.table.prefix()]);
    hasher.update(&key.bytes);
    hasher.update(&head);
    hasher.update(payload);
    hasher.finalize()
}

fn damaged(kind: Kind, what: &str) -> Error {
    Error::Damaged(format!("{kind:?} record: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::TenantKey;
    use crate::store::keys;

    fn key(tenant: &str) -> Key {
        keys::connection(&TenantKey::parse(tenant).unwrap())
    }

    #[test]
    fn a_payload_reads_back_and_long_ones_shrink() {
        for length in [0, 1, 127, 128, 5_000] {
            let payload = vec![b'x'; length];
            let value = seal(&key("a"), Kind::Connection, &payload);
            assert_eq!(open(&key("a"), Kind::Connection, &value).unwrap(), payload);
        }
        assert!(seal(&key("a"), Kind::Connection, &[b'x'; 5_000]).len() < 100);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let value = seal(&key("a"), Kind::Connection, b"payload");
        for bit in 0..value.len() * 8 {
            let mut flipped = value.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                open(&key("a"), Kind::Connection, &flipped).is_err(),
                "bit {bit}"
            );
        }
        for length in 0..value.len() {
            assert!(open(&key("a"), Kind::Connection, &value[..length]).is_err());
        }
    }

    #[test]
    fn a_value_is_bound_to_its_key_and_kind() {
        let value = seal(&key("a"), Kind::Connection, b"payload");
        assert!(open(&key("b"), Kind::Connection, &value).is_err());
        assert!(open(&key("a"), Kind::Secret, &value).is_err());
    }
}
