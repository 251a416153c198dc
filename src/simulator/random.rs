//! Deterministic chance: the same seed gives the same organization, on every machine and for ever.
//!
//! Everything about the n-th account is drawn from (seed, stream, n) alone, so that any page of a
//! million accounts is made when it is asked for and nothing has to be kept.

use uuid::Uuid;

/// What is drawn. Each has its own stream, so that a new property never moves an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Tenant,
    UserId,
    Kind,
    Leaving,
    Team,
    Person,
    Dates,
    Licenses,
    Paths,
    GroupId,
    FormerGroupId,
    Edit,
    Token,
    RequestId,
    Client,
    Subscription,
    LastSignIn,
    Group,
    OtherMember,
    Member,
    Year,
    Life,
    Trait,
    Deed,
    Former,
    Download,
    Moment,
    SignIn,
    Audit,
    Application,
}

/// Scrambles 64 bits: the finisher of splitmix64.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

fn start(seed: u64, stream: Stream, index: u64) -> u64 {
    mix(mix(seed ^ (stream as u64).wrapping_mul(0xA076_1D64_78BD_642F)) ^ index)
}

/// A sequence of draws.
#[derive(Debug, Clone)]
pub(crate) struct Draws {
    state: u64,
}

impl Draws {
    /// The draws about one thing.
    pub(crate) fn about(seed: u64, stream: Stream, index: u64) -> Self {
        Self {
            state: start(seed, stream, index),
        }
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        scale(self.bits(), end)
    }

    /// True in `per_mille` of 1000 cases.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of `choices`; `None` when there are none.
    pub(crate) fn choice<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let index = self.below(choices.len() as u64);
        choices.get(index as usize)
    }
}

/// A number below `end` that is spread evenly over consecutive indexes (a Weyl sequence): shares hold
/// in an organization of 300 as they do in one of a million.
pub(crate) fn spread(seed: u64, stream: Stream, index: u64, end: u64) -> u64 {
    let step = match stream {
        Stream::Kind => 0x9E37_79B9_7F4A_7C15, // the golden ratio
        Stream::Team => 0x6A09_E667_F3BC_C909, // the square root of 2
        _ => 0xBB67_AE85_84CA_A73B,            // the square root of 3
    };
    scale(
        index
            .wrapping_mul(step)
            .wrapping_add(start(seed, stream, 0)),
        end,
    )
}

/// The GUID of one thing.
pub(crate) fn guid(seed: u64, stream: Stream, index: u64) -> Uuid {
    let mut draws = Draws::about(seed, stream, index);
    let bits = (u128::from(draws.bits()) << 64) | u128::from(draws.bits());
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}

/// Maps 64 random bits to a number below `end`, without division.
fn scale(bits: u64, end: u64) -> u64 {
    ((u128::from(bits) * u128::from(end)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_below_their_end_and_reach_every_number() {
        let mut draws = Draws::about(7, Stream::Person, 1);
        let mut seen = [false; 10];
        for _ in 0..1000 {
            seen[draws.below(10) as usize] = true;
        }
        assert_eq!(seen, [true; 10]);
        assert_eq!(draws.below(0), 0);
    }

    #[test]
    fn a_spread_keeps_its_share_in_every_short_stretch() {
        for from in [0, 1_000, 987_654_321] {
            let hits = (from..from + 200)
                .filter(|&index| spread(7, Stream::Kind, index, 100) < 10)
                .count();
            assert!((18..=22).contains(&hits), "{hits} of 200");
        }
    }

    #[test]
    fn guids_are_distinct_and_depend_on_seed_stream_and_index() {
        let base = guid(1, Stream::UserId, 1);
        assert_eq!(base, guid(1, Stream::UserId, 1));
        assert_ne!(base, guid(2, Stream::UserId, 1));
        assert_ne!(base, guid(1, Stream::GroupId, 1));
        assert_ne!(base, guid(1, Stream::UserId, 2));
        assert_eq!(base.get_version_num(), 4);
    }
}
