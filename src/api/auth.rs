//! Tokens: who holds one that is accepted, and who has guessed too often.
//!
//! The server keeps a digest and compares digests in constant time, so neither its memory nor its
//! timing tells a token. A right token always passes, also from an address that is told to wait:
//! behind one address stand many people, and 256 random bits are not guessed in the meantime. What
//! waits is every other token from there, before it is looked at.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use crate::api::caller::{Caller, Role};

/// How long refused tokens of an address are remembered.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered at the same time; beyond, newcomers share one count.
const ADDRESSES_MAX: usize = 10_000;

/// SHA-256 of a token: all that is kept of it. Tokens are 256 random bits, so a slow hash would buy
/// nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Digest of a token as its holder sends it.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// A digest that was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// To be stored.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for TokenDigest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TokenDigest")
    }
}

/// Why nobody was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// No token came, or not as `Bearer`.
    Missing,
    /// The token is not accepted.
    Refused,
    /// The address had too many tokens refused.
    Wait {
        /// Until it is listened to again.
        retry_after: Duration,
    },
}

/// Decides who is let in.
#[derive(Debug)]
pub struct AccessControl {
    admin: TokenDigest,
    failures: Mutex<Failures>,
}

impl AccessControl {
    /// Accepts one token, the ADMIN's; after `failures_per_minute_max` refused ones an address waits.
    pub fn new(admin: TokenDigest, failures_per_minute_max: u32) -> Self {
        let failures = Failures {
            per_minute_max: failures_per_minute_max,
            by_address: HashMap::new(),
        };
        Self {
            admin,
            failures: Mutex::new(failures),
        }
    }

    /// Judges the value of an `Authorization` header that came from an address.
    pub fn authorize(
        &self,
        header: Option<&str>,
        from: IpAddr,
        now: Instant,
    ) -> Result<Caller, Denied> {
        let token = header.and_then(bearer).ok_or(Denied::Missing)?;
        if bool::from(TokenDigest::of(token).0.ct_eq(&self.admin.0)) {
            return Ok(Caller {
                name: "admin".to_owned(),
                role: Role::Admin,
            });
        }
        Err(self.refuse(from, now))
    }

    /// What becomes of whoever brought a wrong token, of any kind: guesses of one kind count for all.
    pub fn refuse(&self, from: IpAddr, now: Instant) -> Denied {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.record(network_of(from), now)
    }
}

/// The token of `Bearer …`; the scheme's case does not matter.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// What counts as one address: a subscriber of IPv6 holds a whole /64.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[derive(Debug)]
struct Failures {
    per_minute_max: u32,
    by_address: HashMap<IpAddr, Window>,
}

/// Refusals of one address since `since`.
#[derive(Debug)]
struct Window {
    since: Instant,
    count: u32,
}

impl Failures {
    fn record(&mut self, from: IpAddr, now: Instant) -> Denied {
        let mut from = from;
        if !self.by_address.contains_key(&from) && self.by_address.len() >= ADDRESSES_MAX {
            self.by_address
                .retain(|_, window| now.duration_since(window.since) < WINDOW);
            if self.by_address.len() >= ADDRESSES_MAX {
                from = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let window = self.by_address.entry(from).or_insert(Window {
            since: now,
            count: 0,
        });
        let age = now.duration_since(window.since);
        if age >= WINDOW {
            *window = Window {
                since: now,
                count: 0,
            };
        } else if window.count >= self.per_minute_max {
            return Denied::Wait {
                retry_after: WINDOW.saturating_sub(age),
            };
        }
        window.count = window.count.saturating_add(1);
        Denied::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "192.0.2.1";

    struct Door(AccessControl, Instant);

    impl Door {
        fn new() -> Self {
            Self(
                AccessControl::new(TokenDigest::of("right"), 3),
                Instant::now(),
            )
        }

        fn knock(&self, header: &str, from: &str, after_secs: u64) -> Result<Caller, Denied> {
            let now = self.1 + Duration::from_secs(after_secs);
            self.0.authorize(Some(header), from.parse().unwrap(), now)
        }
    }

    #[test]
    fn the_right_token_is_let_in_whatever_the_case_of_its_scheme() {
        assert!(Door::new().knock("Bearer right", HERE, 0).is_ok());
        assert!(Door::new().knock("bearer  right ", HERE, 0).is_ok());
    }

    #[test]
    fn near_misses_are_refused() {
        for token in ["Right", "righ", "rightt", "right\0", "right right"] {
            assert_eq!(
                Door::new().knock(&format!("Bearer {token}"), HERE, 0),
                Err(Denied::Refused)
            );
        }
    }

    #[test]
    fn what_is_not_a_bearer_token_is_missing_and_does_not_count() {
        let door = Door::new();
        for _ in 0..10 {
            for header in ["", "Bearer", "Bearer ", "Basic right", "right"] {
                assert_eq!(door.knock(header, HERE, 0), Err(Denied::Missing));
            }
        }
        assert_eq!(door.knock("Bearer wrong", HERE, 0), Err(Denied::Refused));
    }

    #[test]
    fn an_address_that_guessed_too_often_waits_out_its_minute() {
        let door = Door::new();
        for second in 0..3 {
            assert_eq!(
                door.knock("Bearer wrong", HERE, second),
                Err(Denied::Refused)
            );
        }
        let wait = Denied::Wait {
            retry_after: Duration::from_secs(20),
        };
        assert_eq!(door.knock("Bearer wrong", HERE, 40), Err(wait));
        assert_eq!(
            door.knock("Bearer wrong", "192.0.2.2", 40),
            Err(Denied::Refused),
            "others do not wait"
        );
        assert!(
            door.knock("Bearer right", HERE, 40).is_ok(),
            "the right token does not wait"
        );
        assert_eq!(
            door.knock("Bearer wrong", HERE, 60),
            Err(Denied::Refused),
            "a new minute"
        );
    }

    #[test]
    fn one_network_of_ipv6_is_one_address() {
        let door = Door::new();
        for host in 1..=3 {
            assert_eq!(
                door.knock("Bearer wrong", &format!("2001:db8::{host}"), 0),
                Err(Denied::Refused)
            );
        }
        assert!(matches!(
            door.knock("Bearer wrong", "2001:db8::4", 0),
            Err(Denied::Wait { .. })
        ));
        assert_eq!(
            door.knock("Bearer wrong", "2001:db8:0:1::4", 0),
            Err(Denied::Refused)
        );
    }

    #[test]
    fn the_memory_of_failures_is_bounded() {
        let door = Door::new();
        for number in 0..20_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(number).to_string();
            let _ = door.knock("Bearer wrong", &address, 0);
        }
        let remembered = door.0.failures.lock().unwrap().by_address.len();
        assert!(remembered <= ADDRESSES_MAX + 1, "{remembered}");
    }

    #[test]
    fn debug_shows_no_digest() {
        assert_eq!(format!("{:?}", TokenDigest::of("right")), "TokenDigest");
    }
}
