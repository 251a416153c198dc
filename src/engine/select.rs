//! Which users a filter selects.

use std::sync::Arc;

use crate::domain::filter::{UserDimension, UserFilter, UserOrder};
use crate::domain::text::Folded;

use super::bits::{BLOCK_ROWS, Bits, Words, count_ones, ones};
use super::breakdown::{self, Group};
use super::filter::planned;
use super::index::TenantIndex;
use super::page::{self, Page, Window};
use super::plan::Plan;
use super::row::UserRow;

/// Selects users of some tenants of one world: those that a filter holds for and in whose names every
/// word of a search is found.
pub fn select(
    tenants: &[Arc<TenantIndex>],
    filter: &UserFilter,
    search: &[Folded],
) -> UserSelection {
    let part = |tenant: &Arc<TenantIndex>| Part {
        rows: Rows::new(tenant, &planned(tenant, filter, search)),
        tenant: Arc::clone(tenant),
    };
    UserSelection {
        parts: tenants.iter().map(part).collect(),
    }
}

/// The users that a filter selects. Holds bit sets, no list of rows.
pub struct UserSelection {
    pub(super) parts: Vec<Part>,
}

/// The selected users of one tenant.
pub(super) struct Part {
    pub(super) tenant: Arc<TenantIndex>,
    pub(super) rows: Rows,
}

/// Selected rows: a bit for every row of the blocks that have any.
pub(super) struct Rows {
    blocks: Vec<Option<Box<Words>>>,
    count: u64,
}

impl UserSelection {
    /// How many users are selected.
    pub fn count(&self) -> u64 {
        self.parts.iter().map(|part| part.rows.count).sum()
    }

    /// A page in an order (none means display name ascending).
    pub fn page(&self, orders: &[UserOrder], window: &Window) -> Page<UserRow> {
        page::page(&self.parts, orders, window)
    }

    /// Counts by one property, largest first, ties by key; at most `first` groups.
    pub fn breakdown(&self, by: UserDimension, first: usize) -> Vec<Group> {
        breakdown::breakdown(&self.parts, by, first)
    }
}

impl Rows {
    fn new(tenant: &TenantIndex, plan: &Plan<'_>) -> Self {
        let users = tenant.users();
        let mut count = 0;
        let blocks = (0..users.block_count()).map(|block| {
            let block = block as u16; // Rows are u32: there are at most 65,536 blocks.
            let mut words = Box::new([0; BLOCK_ROWS / 64]);
            users.live().add_to(block, &mut words);
            plan.narrow(block, &mut words).then(|| {
                count += u64::from(count_ones(&*words));
                words
            })
        });
        Self {
            blocks: blocks.collect(),
            count,
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Those that are in a set.
    pub(super) fn kept_in(&self, set: &Bits) -> Self {
        let mut count = 0;
        let keep = |(block, words): (u16, &Option<Box<Words>>)| {
            let mut words = words.clone()?;
            set.keep_in(block, &mut words).then(|| {
                count += u64::from(count_ones(&*words));
                words
            })
        };
        Self {
            blocks: (0..=u16::MAX).zip(&self.blocks).map(keep).collect(),
            count,
        }
    }

    pub(super) fn contains(&self, row: u32) -> bool {
        let block = self.blocks.get(row as usize / BLOCK_ROWS);
        block.and_then(Option::as_ref).is_some_and(|words| {
            let low = row as usize % BLOCK_ROWS;
            words[low / 64] & (1 << (low % 64)) != 0
        })
    }

    /// In order of row.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.filled()
            .flat_map(|(block, words)| ones(words).map(move |low| (u32::from(block) << 16) | low))
    }

    /// How many of them are in a set.
    pub(super) fn count_in(&self, set: &Bits) -> u64 {
        self.filled()
            .map(|(block, words)| u64::from(set.count_in(block, words)))
            .sum()
    }

    /// How many of them are in one of several sets.
    pub(super) fn count_in_any(&self, sets: &[&Bits]) -> u64 {
        if let [set] = sets {
            return self.count_in(set);
        }
        let count = |(block, words): (u16, &Words)| {
            let mut joined = [0; BLOCK_ROWS / 64];
            for set in sets {
                set.add_to(block, &mut joined);
            }
            let both = joined.iter().zip(words).map(|(left, right)| left & right);
            both.map(|word| u64::from(word.count_ones())).sum::<u64>()
        };
        self.filled().map(count).sum()
    }

    /// How many blocks have any.
    pub(super) fn filled_count(&self) -> usize {
        self.filled().count()
    }

    fn filled(&self) -> impl Iterator<Item = (u16, &Words)> {
        (0..=u16::MAX)
            .zip(&self.blocks)
            .filter_map(|(block, words)| Some((block, &**words.as_ref()?)))
    }
}
