//! Cursors: a place in a list, sealed.
//!
//! A place holds the sort keys of the row that stood there, and so a person's name. It travels through
//! URLs, logs and histories of browsers, therefore it is encrypted, and authenticated together with
//! the list and the order it belongs to: a cursor that was made up, or is used elsewhere, does not open.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::Error;

/// The longest cursor that is opened. Users are sorted by three texts at most, and each is folded from
/// one of at most 4 KiB, which folding makes three times as long at worst: 49 kB in base64.
const LENGTH_MAX: usize = 65_536;

const NONCE_BYTES: usize = 12;

/// Seals and opens cursors under the server's key.
pub(crate) struct CursorSeal {
    cipher: Aes256GcmSiv,
    nonce_key: [u8; 32],
}

impl CursorSeal {
    /// A seal whose cursors open again, after a restart too, under the same key.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self {
            cipher: Aes256GcmSiv::new(&Key::<Aes256GcmSiv>::from(key)),
            nonce_key: blake3::derive_key("seatwise 2026-11-23 cursor nonces", &key),
        }
    }

    /// Seals a place of the list and order that `scope` names. Equal places make equal cursors, so
    /// that a client may compare and cache them.
    pub(crate) fn seal(&self, scope: &str, place: &[u8]) -> Result<String, Error> {
        let nonce = self.nonce(scope, place);
        let payload = Payload {
            msg: place,
            aad: scope.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Error::internal("a cursor could not be sealed"))?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens a cursor of the list and order that `scope` names.
    pub(crate) fn open(&self, scope: &str, cursor: &str) -> Result<Vec<u8>, Error> {
        self.opened(scope, cursor).ok_or_else(refused)
    }

    fn opened(&self, scope: &str, cursor: &str) -> Option<Vec<u8>> {
        if cursor.len() > LENGTH_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: sealed,
            aad: scope.as_bytes(),
        };
        self.cipher.decrypt(&Nonce::from(*nonce), payload).ok()
    }

    /// The nonce shows in the cursor. A plain hash of the place would let anybody test guesses of the
    /// name in it; under a key it says nothing. That one place repeats its nonce is what the SIV
    /// construction is for: it tells only that the two are equal.
    fn nonce(&self, scope: &str, place: &[u8]) -> [u8; NONCE_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.nonce_key);
        hasher.update(&(scope.len() as u64).to_le_bytes());
        hasher.update(scope.as_bytes());
        hasher.update(place);
        let mut nonce = [0; NONCE_BYTES];
        hasher.finalize_xof().fill(&mut nonce);
        nonce
    }
}

/// The error of every cursor that cannot be used; why it cannot is nobody's business.
pub(crate) fn refused() -> Error {
    Error::bad_input(
        "That cursor is not one of this list in this order: pass one that an answer to the same field \
         with the same orderBy gave, or none to begin anew.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> CursorSeal {
        CursorSeal::new([7; 32])
    }

    #[test]
    fn a_cursor_opens_to_the_place_it_was_made_of() {
        let cursor = seal().seal("users by name", b"ann").unwrap();
        assert_eq!(seal().open("users by name", &cursor).unwrap(), b"ann");
    }

    #[test]
    fn equal_places_make_equal_cursors_and_different_ones_different() {
        let cursor = |scope, place| seal().seal(scope, place).unwrap();
        assert_eq!(cursor("a", b"ann"), cursor("a", b"ann"));
        assert_ne!(cursor("a", b"ann"), cursor("a", b"bob"));
        assert_ne!(cursor("a", b"ann")[..16], cursor("a", b"bob")[..16]);
        assert_ne!(cursor("ab", b"c")[..16], cursor("a", b"bc")[..16]);
    }

    #[test]
    fn a_cursor_shows_nothing_of_the_place() {
        let name = b"Adele Vance adele@contoso.example";
        let bytes = URL_SAFE_NO_PAD
            .decode(seal().seal("users", name).unwrap())
            .unwrap();
        assert!(
            !name
                .windows(4)
                .any(|part| bytes.windows(4).any(|seen| seen == part))
        );
    }

    #[track_caller]
    fn check_refused(scope: &str, cursor: &str) {
        let error = seal().open(scope, cursor).unwrap_err();
        assert_eq!(error, refused());
    }

    #[test]
    fn a_cursor_of_another_list_order_or_key_is_refused() {
        let cursor = seal().seal("users by name", b"ann").unwrap();
        check_refused("users by mail", &cursor);
        check_refused("", &cursor);
        let foreign = CursorSeal::new([8; 32])
            .seal("users by name", b"ann")
            .unwrap();
        check_refused("users by name", &foreign);
    }

    #[test]
    fn a_changed_cursor_is_refused_wherever_it_was_changed() {
        let cursor = seal().seal("users", b"ann").unwrap();
        for position in 0..cursor.len() {
            let mut forged: Vec<u8> = cursor.clone().into_bytes();
            forged[position] = if forged[position] == b'A' { b'B' } else { b'A' };
            check_refused("users", &String::from_utf8(forged).unwrap());
        }
    }

    #[test]
    fn what_was_never_a_cursor_is_refused() {
        check_refused("users", "");
        check_refused("users", "AAAA");
        check_refused("users", "not base64!");
        check_refused("users", &"A".repeat(40));
        check_refused("users", &"A".repeat(LENGTH_MAX + 4));
    }
}
