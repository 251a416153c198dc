//! `$skiptoken`: where the next page begins, sealed, so that only what was handed out is taken back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::simulator::random::mix;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SkipToken {
    /// The number of its first row.
    pub(crate) from: u64,
    /// Differs where the same page is offered under two links.
    pub(crate) turn: u32,
}

impl SkipToken {
    /// As it stands in a link.
    pub(crate) fn seal(self, seed: u64) -> String {
        let mut bytes = [0; 20];
        let (from, rest) = bytes.split_at_mut(8);
        let (turn, check) = rest.split_at_mut(4);
        from.copy_from_slice(&self.from.to_be_bytes());
        turn.copy_from_slice(&self.turn.to_be_bytes());
        check.copy_from_slice(&self.check(seed).to_be_bytes());
        format!("RFNwdAIA{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads one back; `None` when it was not sealed here.
    pub(crate) fn open(text: &str, seed: u64) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text.strip_prefix("RFNwdAIA")?)
            .ok()?;
        let bytes: [u8; 20] = bytes.try_into().ok()?;
        let (from, rest) = bytes.split_first_chunk::<8>()?;
        let (turn, check) = rest.split_first_chunk::<4>()?;
        let token = Self {
            from: u64::from_be_bytes(*from),
            turn: u32::from_be_bytes(*turn),
        };
        (check == token.check(seed).to_be_bytes()).then_some(token)
    }

    fn check(self, seed: u64) -> u64 {
        mix(mix(seed ^ 0x736b_6970) ^ self.from ^ (u64::from(self.turn) << 32).rotate_left(7))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_here_opens() {
        let token = SkipToken { from: 999, turn: 3 };
        let sealed = token.seal(1);
        assert_eq!(SkipToken::open(&sealed, 1), Some(token));
        assert_eq!(SkipToken::open(&sealed, 2), None);
        assert_eq!(SkipToken::open(&sealed[..sealed.len() - 1], 1), None);
        assert_eq!(SkipToken::open("", 1), None);
        let other = SkipToken {
            from: 1998,
            turn: 3,
        }
        .seal(1);
        assert_ne!(other, sealed);
    }
}
