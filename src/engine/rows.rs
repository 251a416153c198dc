//! Rows that a filter has selected.

use super::bits::{BLOCK_ROWS, Bits, FEW_MAX, Words, lanes, ones};
use super::plan::Plan;
use super::users::Users;

/// Selected rows of one tenant, block by block.
pub(super) struct Rows {
    blocks: Vec<Option<Chosen>>,
    count: u64,
}

/// The selected rows of one block, while they are narrowed down and afterwards; at least one.
///
/// Few of them are a list: what is still asked of them is looked up row by row, instead of reading the
/// whole block of every set.
pub(super) enum Chosen {
    /// They rise.
    Few(Vec<u16>),
    Many(Box<Words>),
}

impl Rows {
    /// The rows in use that meet a plan; those of further blocks are left out once nobody wants them.
    pub(super) fn new(users: &Users, plan: &Plan<'_>, is_wanted: &impl Fn() -> bool) -> Self {
        let blocks = (0..users.block_count()).map(|block| {
            let block = block as u16; // Rows are u32: there are at most 65,536 blocks.
            is_wanted().then(|| plan.chosen(users.live(), block))?
        });
        Self::of(blocks)
    }

    fn of(blocks: impl Iterator<Item = Option<Chosen>>) -> Self {
        let mut count = 0;
        let blocks = blocks
            .inspect(|chosen| count += chosen.as_ref().map_or(0, |chosen| chosen.count().into()))
            .collect();
        Self { blocks, count }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Those that are in a set.
    pub(super) fn kept_in(&self, set: &Bits) -> Self {
        let keep = |(block, chosen): (u16, &Option<Chosen>)| chosen.as_ref()?.kept_in(set, block);
        Self::of((0..=u16::MAX).zip(&self.blocks).map(keep))
    }

    pub(super) fn contains(&self, row: u32) -> bool {
        let block = self.blocks.get(row as usize / BLOCK_ROWS);
        block
            .and_then(Option::as_ref)
            .is_some_and(|chosen| chosen.contains(row as u16))
    }

    /// In order of row.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.filled().flat_map(|(block, chosen)| {
            let (few, words): (&[u16], &[u64]) = match chosen {
                Chosen::Few(lows) => (lows, &[]),
                Chosen::Many(words) => (&[], &**words),
            };
            let few = few.iter().map(|low| u32::from(*low));
            few.chain(ones(words))
                .map(move |low| (u32::from(block) << 16) | low)
        })
    }

    /// The same by 64: the first row of each word that has any, and the word.
    pub(super) fn words(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.filled().flat_map(|(block, chosen)| {
            let (few, many): (&[u16], &[u64]) = match chosen {
                Chosen::Few(lows) => (lows, &[]),
                Chosen::Many(words) => (&[], &**words),
            };
            let few = few.chunk_by(|one, other| one >> 6 == other >> 6);
            let few = few.map(|lows| {
                let word = lows.iter().fold(0, |word, low| word | bit(*low));
                (u32::from(lows[0] & !63), word)
            });
            let many = (0..).step_by(64).zip(many.iter().copied());
            let words = few.chain(many.filter(|(_, word)| *word != 0));
            words.map(move |(low, word)| ((u32::from(block) << 16) | low, word))
        })
    }

    /// How many words have any, or a few more.
    pub(super) fn word_count(&self) -> u64 {
        let counts = self.filled().map(|(_, chosen)| match chosen {
            Chosen::Few(lows) => lows.len() as u64,
            Chosen::Many(words) => lanes::count_filled(words.as_slice()).into(),
        });
        counts.sum()
    }

    /// How many of them are in a set.
    pub(super) fn count_in(&self, set: &Bits) -> u64 {
        let counts = self.filled().map(|(block, chosen)| match chosen {
            Chosen::Few(lows) => set.count_few(block, lows),
            Chosen::Many(words) => set.count_in(block, words),
        });
        counts.map(u64::from).sum()
    }

    /// How many of them are in one of several sets.
    pub(super) fn count_in_any(&self, sets: &[&Bits]) -> u64 {
        if let [set] = sets {
            return self.count_in(set);
        }
        let counts = self.filled().map(|(block, chosen)| {
            let mut joined = [0; BLOCK_ROWS / 64];
            for set in sets {
                set.add_to(block, &mut joined);
            }
            match chosen {
                Chosen::Few(lows) => {
                    let is_joined = |low: &&u16| joined[usize::from(**low >> 6)] & bit(**low) != 0;
                    lows.iter().filter(is_joined).count() as u64
                }
                Chosen::Many(words) => lanes::count_common(&joined, words.as_slice()).into(),
            }
        });
        counts.sum()
    }

    fn filled(&self) -> impl Iterator<Item = (u16, &Chosen)> {
        (0..=u16::MAX)
            .zip(&self.blocks)
            .filter_map(|(block, chosen)| Some((block, chosen.as_ref()?)))
    }
}

impl Chosen {
    /// The rows of a set in a block.
    pub(super) fn of_set(set: &Bits, block: u16) -> Option<Self> {
        if set.len_of(block.into()) == 0 {
            return None;
        }
        Some(match set.few(block) {
            Some(lows) => Self::Few(lows.to_vec()),
            None => {
                let mut words = Box::new([0; BLOCK_ROWS / 64]);
                set.add_to(block, &mut words);
                Self::Many(words)
            }
        })
    }

    /// Those that meet a plan.
    pub(super) fn narrowed(self, plan: &Plan<'_>, block: u16) -> Option<Self> {
        let (mut lows, mut words) = match self {
            Self::Few(lows) => (lows, None),
            Self::Many(words) => (Vec::new(), Some(words)),
        };
        let is_any_left = match (&mut words, plan) {
            (Some(words), plan) => plan.narrow(block, words),
            (None, plan) => {
                match plan {
                    Plan::In(set) => set.keep_few(block, &mut lows),
                    Plan::NotIn(set) => set.drop_few(block, &mut lows),
                    plan => {
                        let mut words = words_of(&lows);
                        plan.narrow(block, &mut words);
                        lows.retain(|low| words[usize::from(low >> 6)] & bit(*low) != 0);
                    }
                }
                !lows.is_empty()
            }
        };
        is_any_left.then(|| words.map_or(Self::Few(lows), Self::Many))
    }

    /// The same, as a list where they are few.
    pub(super) fn settled(self) -> Self {
        match self {
            Self::Many(words) if lanes::count(&*words) as usize <= FEW_MAX => {
                Self::Few(ones(&*words).map(|low| low as u16).collect())
            }
            chosen => chosen,
        }
    }

    fn kept_in(&self, set: &Bits, block: u16) -> Option<Self> {
        match self {
            Self::Few(lows) => {
                let mut lows = lows.clone();
                set.keep_few(block, &mut lows);
                (!lows.is_empty()).then_some(Self::Few(lows))
            }
            Self::Many(words) => {
                let mut words = words.clone();
                let is_any_left = set.keep_in(block, &mut words);
                is_any_left.then(|| Self::Many(words).settled())
            }
        }
    }

    fn count(&self) -> u32 {
        match self {
            Self::Few(lows) => lows.len() as u32, // At most 1,024.
            Self::Many(words) => lanes::count(&**words),
        }
    }

    fn contains(&self, low: u16) -> bool {
        match self {
            Self::Few(lows) => lows.binary_search(&low).is_ok(),
            Self::Many(words) => words[usize::from(low >> 6)] & bit(low) != 0,
        }
    }
}

fn words_of(lows: &[u16]) -> Words {
    let mut words = [0; BLOCK_ROWS / 64];
    for low in lows {
        words[usize::from(low >> 6)] |= bit(*low);
    }
    words
}

fn bit(low: u16) -> u64 {
    1 << (low & 63)
}
