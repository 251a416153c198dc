//! The encryption key, and what is kept under it.
//!
//! AES-256-GCM-SIV with a random nonce; the associated data name the tenant and the kind, so a
//! ciphertext that was moved or edited does not decrypt. The key itself encrypts nothing: every use
//! has a key of its own, derived by HKDF-SHA256.

use std::fmt;
use std::sync::Arc;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Key as CipherKey, Nonce};
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::backend::Batch;
use super::envelope::{self, Kind};
use super::numbers::Numbered;
use super::{Error, Store, keys};
use crate::domain::ids::TenantKey;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of a nonce, which stands before the ciphertext.
const NONCE_BYTES: usize = 12;
/// 32 random bytes have about 30 different values; fewer than this means that somebody typed them.
const DISTINCT_BYTES_MIN: usize = 12;
const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The key under which secrets are kept. Wiped from memory with its last clone, never shown.
#[derive(Clone)]
pub struct EncryptionKey(Arc<SecretBox<[u8; KEY_BYTES]>>);

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EncryptionKey([redacted])")
    }
}

impl EncryptionKey {
    /// From 32 bytes in base64 (standard or URL alphabet, padded or not) or 64 hex digits. Refuses
    /// anything else, and bytes that are plainly no key: a repeated pattern, a count, a text. The
    /// error does not repeat the input.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = decode_hex(text.trim()).or_else(|| decode_base64(text.trim()));
        let bytes = bytes.ok_or(
            "an encryption key is 32 random bytes, as 44 characters of base64 or 64 hex digits, such as `openssl rand -base64 32` prints",
        )?;
        match weakness(&bytes) {
            None => Ok(Self::new(*bytes)),
            Some(weakness) => Err(format!(
                "the encryption key is weak: {weakness}; take 32 random bytes, such as `openssl rand -base64 32` prints"
            )),
        }
    }

    /// A new random key.
    ///
    /// # Panics
    ///
    /// Where the operating system has no random numbers to give.
    pub fn random() -> Self {
        use aes_gcm_siv::aead::Generate;
        let key = Zeroizing::new(<[u8; KEY_BYTES]>::from(
            CipherKey::<Aes256GcmSiv>::generate(),
        ));
        Self::new(*key)
    }

    /// In the form that `parse` reads: base64 in the standard alphabet.
    pub fn to_text(&self) -> SecretString {
        SecretString::from(STANDARD.encode(self.0.expose_secret()))
    }

    /// A key for another purpose (cursors, say), derived by HKDF-SHA256. It says nothing about this
    /// key or those of other purposes.
    pub fn derive(&self, purpose: &str) -> [u8; KEY_BYTES] {
        let mut derived = [0; KEY_BYTES];
        let expanded = Hkdf::<Sha256>::new(Some(b"seatwise"), self.0.expose_secret())
            .expand(purpose.as_bytes(), &mut derived);
        debug_assert!(expanded.is_ok(), "HKDF-SHA256 gives up to 8,160 bytes");
        derived
    }

    fn new(mut bytes: [u8; KEY_BYTES]) -> Self {
        let key = Self(Arc::new(SecretBox::new(Box::new(bytes))));
        bytes.zeroize();
        key
    }

    fn cipher(&self) -> Aes256GcmSiv {
        let key = Zeroizing::new(self.derive("secrets at rest"));
        Aes256GcmSiv::new(&CipherKey::<Aes256GcmSiv>::from(*key))
    }
}

fn decode_hex(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    if pairs.len() != KEY_BYTES {
        return None;
    }
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        let high = char::from(high).to_digit(16)?;
        let low = char::from(low).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

fn decode_base64(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let alphabets = [alphabet::STANDARD, alphabet::URL_SAFE];
    alphabets.iter().find_map(|alphabet| {
        let decoded = GeneralPurpose::new(alphabet, ANY_PADDING)
            .decode(text)
            .ok()?;
        let decoded = Zeroizing::new(decoded);
        Some(Zeroizing::new(decoded.as_slice().try_into().ok()?))
    })
}

/// What shows that these bytes were not drawn at random. A random key fails with a probability below
/// 10^-12.
fn weakness(bytes: &[u8; KEY_BYTES]) -> Option<&'static str> {
    let mut distinct = bytes.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let count = distinct.len();
    distinct.zeroize();
    let step = |pair: &[u8]| match pair {
        [left, right] => right.wrapping_sub(*left),
        _ => 0,
    };
    let mut steps = bytes.windows(2).map(step);
    let first = steps.next();
    if steps.all(|step| Some(step) == first) {
        Some("its bytes follow a pattern")
    } else if count < DISTINCT_BYTES_MIN {
        Some("its bytes repeat")
    } else if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        Some("it is a text")
    } else {
        None
    }
}

/// What is kept encrypted for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// The refresh token of a service account that signed in.
    RefreshToken,
}

impl Store {
    /// The secret of a kind. `Err(Damaged)` when the ciphertext does not belong here or was edited.
    pub fn secret(
        &self,
        tenant: &TenantKey,
        kind: SecretKind,
    ) -> Result<Option<SecretString>, Error> {
        let Some(sealed) = self.read(&keys::secret(tenant, kind), Kind::Secret)? else {
            return Ok(None);
        };
        decrypt(&self.inner.key, tenant, kind, &sealed)
            .map(Some)
            .ok_or_else(|| Error::Damaged(format!("tenant {tenant}: a secret does not decrypt")))
    }

    /// Files a secret in place of the one that is there; durable on return.
    pub fn save_secret(
        &self,
        tenant: &TenantKey,
        kind: SecretKind,
        secret: &SecretString,
    ) -> Result<(), Error> {
        let mut batch = Batch::default();
        self.put_secret(&mut batch, tenant, kind, secret)?;
        self.write_durably(batch)
    }

    pub(super) fn put_secret(
        &self,
        batch: &mut Batch,
        tenant: &TenantKey,
        kind: SecretKind,
        secret: &SecretString,
    ) -> Result<(), Error> {
        let sealed = encrypt(&self.inner.key, tenant, kind, secret)?;
        let key = keys::secret(tenant, kind);
        let value = envelope::seal(&key, Kind::Secret, &sealed);
        batch.put(key, value);
        Ok(())
    }
}

fn encrypt(
    key: &EncryptionKey,
    tenant: &TenantKey,
    kind: SecretKind,
    secret: &SecretString,
) -> Result<Vec<u8>, Error> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|error| Error::Io(error.to_string()))?;
    let aad = associated_data(tenant, kind);
    let payload = Payload {
        msg: secret.expose_secret().as_bytes(),
        aad: &aad,
    };
    let ciphertext = key
        .cipher()
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| Error::Io("a secret is too long to encrypt".to_owned()))?;
    Ok([nonce.as_slice(), &ciphertext].concat())
}

fn decrypt(
    key: &EncryptionKey,
    tenant: &TenantKey,
    kind: SecretKind,
    sealed: &[u8],
) -> Option<SecretString> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let aad = associated_data(tenant, kind);
    let payload = Payload {
        msg: ciphertext,
        aad: &aad,
    };
    let plain = key.cipher().decrypt(&Nonce::from(*nonce), payload).ok()?;
    let plain = Zeroizing::new(plain);
    Some(SecretString::from(std::str::from_utf8(&plain).ok()?))
}

/// Names what a ciphertext belongs to: tenant, kind, and the id within the kind, of which there is
/// one so far.
fn associated_data(tenant: &TenantKey, kind: SecretKind) -> Vec<u8> {
    format!("seatwise secret 1\0{tenant}\0{}\0", kind.number()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples::tenant;

    #[track_caller]
    fn check_refused(text: &str, why: &str) {
        let refusal = EncryptionKey::parse(text).unwrap_err();
        assert!(refusal.contains(why), "{refusal}");
        assert!(text.is_empty() || !refusal.contains(text), "{refusal}");
    }

    #[test]
    fn a_key_reads_back_in_every_spelling() {
        let key = EncryptionKey::random();
        let bytes = *key.0.expose_secret();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let standard = STANDARD.encode(bytes);
        let url = standard.replace('+', "-").replace('/', "_");
        for text in [
            &hex,
            &hex.to_lowercase(),
            &standard,
            &url,
            url.trim_end_matches('='),
            &format!(" {hex}\n"),
        ] {
            assert_eq!(
                *EncryptionKey::parse(text).unwrap().0.expose_secret(),
                bytes
            );
        }
        assert_eq!(key.to_text().expose_secret(), standard);
    }

    #[test]
    fn what_is_no_key_or_a_weak_one_is_refused() {
        check_refused("", "32 random bytes");
        check_refused("changeme", "32 random bytes");
        check_refused(&STANDARD.encode([7; 31]), "32 random bytes");
        check_refused(&"zz".repeat(32), "32 random bytes");
        check_refused(&"00".repeat(32), "follow a pattern");
        check_refused(&STANDARD.encode([0xff; 32]), "follow a pattern");
        check_refused(
            &STANDARD.encode(std::array::from_fn::<u8, 32, _>(|i| i as u8)),
            "follow a pattern",
        );
        check_refused(&"deadbeef".repeat(8), "repeat");
        check_refused(
            &STANDARD.encode(b"correct horse battery staple, 32"),
            "it is a text",
        );
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = EncryptionKey::random();
        assert_eq!(format!("{key:?}"), "EncryptionKey([redacted])");
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_by_key() {
        let key = EncryptionKey::random();
        assert_eq!(key.derive("cursors"), key.clone().derive("cursors"));
        assert_ne!(key.derive("cursors"), key.derive("tickets"));
        assert_ne!(
            key.derive("cursors"),
            EncryptionKey::random().derive("cursors")
        );
        assert_ne!(&key.derive(""), key.0.expose_secret());
    }

    #[test]
    fn a_secret_decrypts_only_where_it_belongs() {
        let key = EncryptionKey::random();
        let (contoso, fabrikam) = (tenant("contoso"), tenant("fabrikam"));
        let secret = SecretString::from("0.AXoA-token");
        let kind = SecretKind::RefreshToken;
        let sealed = encrypt(&key, &contoso, kind, &secret).unwrap();
        let plain = decrypt(&key, &contoso, kind, &sealed).unwrap();
        assert_eq!(plain.expose_secret(), secret.expose_secret());
        assert!(decrypt(&key, &fabrikam, kind, &sealed).is_none());
        assert!(decrypt(&EncryptionKey::random(), &contoso, kind, &sealed).is_none());
        for index in 0..sealed.len() {
            let mut edited = sealed.clone();
            edited[index] ^= 1;
            assert!(decrypt(&key, &contoso, kind, &edited).is_none());
            assert!(decrypt(&key, &contoso, kind, &sealed[..index]).is_none());
        }
    }

    #[test]
    fn equal_secrets_have_different_ciphertexts() {
        let key = EncryptionKey::random();
        let secret = SecretString::from("token");
        let sealed = || encrypt(&key, &tenant("a"), SecretKind::RefreshToken, &secret).unwrap();
        assert_ne!(sealed(), sealed());
    }
}
