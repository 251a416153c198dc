//! One-time proofs of the browser flow: tickets that open it, and the state that closes it.
//!
//! Both live in memory, minutes only, and are used up by the first attempt, good or bad.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::secret::{NoRandomness, random_secret};
use crate::domain::ids::TenantKey;

/// How long a ticket and a begun sign-in are good.
pub(super) const GOOD_FOR: SignedDuration = SignedDuration::from_mins(10);

/// More open proofs than this are not kept; the oldest go first.
const OPEN_MAX: usize = 1_000;

/// One-time secrets, each for one purpose, kept as hashes.
pub(super) struct Proofs<T> {
    open: Mutex<HashMap<[u8; 32], Open<T>>>,
}

struct Open<T> {
    purpose: T,
    expires_at: Timestamp,
}

impl<T> Proofs<T> {
    pub(super) fn new() -> Self {
        Self {
            open: Mutex::default(),
        }
    }

    /// Opens a proof; the secret is told once.
    pub(super) fn open(&self, purpose: T, now: Timestamp) -> Result<SecretString, NoRandomness> {
        let secret = random_secret()?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, proof| proof.expires_at > now);
        if open.len() >= OPEN_MAX {
            let oldest = open
                .iter()
                .min_by_key(|(_, proof)| proof.expires_at)
                .map(|(hash, _)| *hash);
            if let Some(hash) = oldest {
                open.remove(&hash);
            }
        }
        let expires_at = now.saturating_add(GOOD_FOR).unwrap_or(Timestamp::MAX);
        open.insert(
            hash(secret.expose_secret()),
            Open {
                purpose,
                expires_at,
            },
        );
        Ok(secret)
    }

    /// Uses a proof up; what it was for, when it was good. Looking up a hash tells an attacker
    /// nothing about the secret, so no constant-time comparison is needed here.
    pub(super) fn redeem(&self, secret: &str, now: Timestamp) -> Option<T> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let proof = open.remove(&hash(secret))?;
        (proof.expires_at > now).then_some(proof.purpose)
    }

    /// Forgets every proof whose purpose matches.
    pub(super) fn forget(&self, is_meant: impl Fn(&T) -> bool) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, proof| !is_meant(&proof.purpose));
    }
}

/// A sign-in that a browser was sent to Microsoft for.
pub(super) struct BegunSignIn {
    pub(super) tenant: TenantKey,
    pub(super) pkce_verifier: SecretString,
    /// The tenant's era in which it was begun.
    pub(super) era: u64,
    browser: [u8; 32],
}

impl BegunSignIn {
    /// With a new secret that binds it to the browser that began it.
    pub(super) fn new(
        tenant: TenantKey,
        pkce_verifier: SecretString,
        era: u64,
    ) -> Result<(Self, SecretString), NoRandomness> {
        let browser_secret = random_secret()?;
        let begun = Self {
            tenant,
            pkce_verifier,
            era,
            browser: hash(browser_secret.expose_secret()),
        };
        Ok((begun, browser_secret))
    }

    /// Whether the browser that came back is the one that left.
    pub(super) fn is_of_browser(&self, browser_secret: Option<&str>) -> bool {
        browser_secret.is_some_and(|secret| hash(secret).ct_eq(&self.browser).into())
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn a_proof_is_good_once() {
        let proofs = Proofs::new();
        let secret = proofs.open("contoso", at(0)).unwrap();
        assert_eq!(
            proofs.redeem(secret.expose_secret(), at(1)),
            Some("contoso")
        );
        assert_eq!(proofs.redeem(secret.expose_secret(), at(1)), None);
    }

    #[test]
    fn a_proof_is_good_for_ten_minutes() {
        let proofs = Proofs::new();
        let (early, late) = (
            proofs.open((), at(0)).unwrap(),
            proofs.open((), at(0)).unwrap(),
        );
        assert_eq!(proofs.redeem(early.expose_secret(), at(9)), Some(()));
        assert_eq!(proofs.redeem(late.expose_secret(), at(10)), None);
    }

    #[test]
    fn a_guessed_proof_is_worth_nothing() {
        let proofs = Proofs::new();
        let secret = proofs.open((), at(0)).unwrap();
        assert_eq!(proofs.redeem("guess", at(1)), None);
        assert_eq!(proofs.redeem("", at(1)), None);
        assert_eq!(secret.expose_secret().len(), 43);
    }

    #[test]
    fn a_flood_of_proofs_is_bounded_and_drops_the_oldest() {
        let proofs = Proofs::new();
        let first = proofs.open(0, at(0)).unwrap();
        for number in 1..=OPEN_MAX {
            proofs.open(number, at(1)).unwrap();
        }
        assert_eq!(proofs.redeem(first.expose_secret(), at(2)), None);
        assert_eq!(proofs.open.lock().unwrap().len(), OPEN_MAX);
    }

    #[test]
    fn a_sign_in_belongs_to_the_browser_that_began_it() {
        let tenant = TenantKey::parse("contoso").unwrap();
        let (begun, secret) = BegunSignIn::new(tenant, SecretString::from("verifier"), 0).unwrap();
        assert!(begun.is_of_browser(Some(secret.expose_secret())));
        assert!(!begun.is_of_browser(Some("other")));
        assert!(!begun.is_of_browser(None));
    }
}
