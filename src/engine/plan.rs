//! What a filter becomes: sets of rows and scans, evaluated block by block.
//!
//! A plan narrows the rows that are still possible, cheapest part first, so that a scan looks only
//! at what the sets have left. Negation is gone: it sits in the leaves.

use super::bits::{BLOCK_ROWS, Bits, Words, lanes};
use super::rows::Chosen;
use super::scan::Scan;

/// A condition on the rows of one tenant. Says nothing about rows not in use.
pub(super) enum Plan<'a> {
    Everybody,
    Nobody,
    In(Bits),
    NotIn(Bits),
    Scan(Scan<'a>),
    /// Every one holds; cheapest first.
    All(Vec<Plan<'a>>),
    /// One holds; cheapest first.
    Any(Vec<Plan<'a>>),
}

impl<'a> Plan<'a> {
    /// A set of rows, or what is outside it.
    pub(super) fn of_set(set: Bits, holds: bool) -> Self {
        match (set.is_empty(), holds) {
            (true, true) => Self::Nobody,
            (true, false) => Self::Everybody,
            (false, true) => Self::In(set),
            (false, false) => Self::NotIn(set),
        }
    }

    /// Every one of the plans holds.
    pub(super) fn all(plans: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = Vec::new();
        for plan in plans {
            match plan {
                Self::Everybody => {}
                Self::Nobody => return Self::Nobody,
                Self::All(inner) => parts.extend(inner),
                other => parts.push(other),
            }
        }
        Self::joined(parts, Self::Everybody, Self::All)
    }

    /// One of the plans holds.
    pub(super) fn any(plans: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = Vec::new();
        for plan in plans {
            match plan {
                Self::Nobody => {}
                Self::Everybody => return Self::Everybody,
                Self::Any(inner) => parts.extend(inner),
                other => parts.push(other),
            }
        }
        Self::joined(parts, Self::Nobody, Self::Any)
    }

    /// The rows of a block that meet the condition, of those in use; `None` where there is none.
    pub(super) fn chosen(&self, live: &Bits, block: u16) -> Option<Chosen> {
        let parts = match self {
            Self::All(parts) => parts,
            plan => std::slice::from_ref(plan),
        };
        // Sets come first and have no row that is not in use.
        let (first, rest) = match parts {
            [Self::In(set), rest @ ..] => (set, rest),
            parts => (live, parts),
        };
        let first = Chosen::of_set(first, block)?;
        let mut rest = rest.iter();
        let chosen = rest.try_fold(first, |chosen, part| chosen.narrowed(part, block))?;
        Some(chosen.settled())
    }

    /// Keeps the rows of a block that meet the condition; whether any is left.
    pub(super) fn narrow(&self, block: u16, words: &mut Words) -> bool {
        match self {
            Self::Everybody => lanes::is_any(words),
            Self::Nobody => {
                words.fill(0);
                false
            }
            Self::In(set) => set.keep_in(block, words),
            Self::NotIn(set) => set.drop_from(block, words),
            Self::Scan(scan) => scan.narrow(block, words),
            Self::All(plans) => plans.iter().all(|plan| plan.narrow(block, words)),
            Self::Any(plans) => narrow_to_any(plans, block, words),
        }
    }

    fn joined(mut parts: Vec<Self>, of_none: Self, of_many: fn(Vec<Self>) -> Self) -> Self {
        parts.sort_by_key(Self::cost);
        match parts.len() {
            0 => of_none,
            1 => parts.pop().unwrap_or(of_none),
            _ => of_many(parts),
        }
    }

    /// Sets before combinations before scans; small sets first, since they leave little to do.
    fn cost(&self) -> (u8, u32) {
        match self {
            Self::Everybody | Self::Nobody => (0, 0),
            Self::In(set) => (1, set.len()),
            Self::NotIn(set) => (1, u32::MAX - set.len()),
            Self::Scan(scan) => (scan.cost(), 0),
            Self::All(plans) | Self::Any(plans) => {
                let most = plans.iter().map(|plan| plan.cost().0).max();
                (most.unwrap_or(0).max(1) + 1, plans.len() as u32)
            }
        }
    }
}

fn narrow_to_any(plans: &[Plan<'_>], block: u16, words: &mut Words) -> bool {
    let mut met = [0; BLOCK_ROWS / 64];
    for plan in plans {
        if let Plan::In(set) = plan {
            set.add_to(block, &mut met);
            continue;
        }
        // Only what no other part has let in already needs to be looked at.
        let mut open = *words;
        if lanes::take_out(&mut open, &met) && plan.narrow(block, &mut open) {
            lanes::add(&mut met, &open);
        }
    }
    lanes::keep(words, &met)
}
