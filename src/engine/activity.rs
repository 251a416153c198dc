//! Who of a tenant is in use: a set of rows for each state, judged when an index is made.

use std::sync::Arc;

use crate::domain::activity::{Horizon, Workloads};
use crate::domain::usage::ActivityState;

use super::bits::{BLOCK_ROWS, Bits, Renewed, Words, ones};
use super::heap::{Heap, Parts};
use super::licenses::Licenses;
use super::users::Users;

/// Up to one row in so many is judged alone; beyond, judging everybody is cheaper than editing sets.
const REBUILD_SHARE: u32 = 8;

/// The state of every user. Each row in use is in one set.
#[derive(Clone, Default)]
pub(super) struct Activity {
    horizon: Option<Horizon>,
    /// The workloads that each grant opens, at its code.
    opened: Vec<Workloads>,
    /// At the place of each [`ActivityState`].
    sets: [Bits; 4],
}

/// What everybody is judged by.
struct Judge<'a> {
    users: &'a Users,
    horizon: &'a Horizon,
    opened: &'a [Workloads],
}

impl Activity {
    /// The rows in a state.
    pub(super) fn set(&self, state: ActivityState) -> &Bits {
        &self.sets[state as usize]
    }

    /// The four sets, in the order of [`ActivityState::ALL`].
    pub(super) fn sets(&self) -> &[Bits; 4] {
        &self.sets
    }

    /// The state of a row in use.
    pub(super) fn state(&self, row: u32) -> ActivityState {
        let states = ActivityState::ALL.into_iter();
        let mut held = states.filter(|state| self.set(*state).contains(row));
        held.next().unwrap_or(ActivityState::Unknown)
    }

    /// The states that follow. `touched` holds the rows that came, went, or of which something is said
    /// now that activity is judged by. Only they are judged as long as nothing changed for everybody.
    pub(super) fn followed_by(
        self: &Arc<Self>,
        users: &Users,
        licenses: &Licenses,
        horizon: Horizon,
        touched: &Bits,
    ) -> Arc<Self> {
        let plans_of = |id| {
            let entry = licenses.get(id);
            entry.map_or(&[][..], |entry| &entry.license.service_plans)
        };
        let opened = users.assignments().workloads_by_grant(plans_of);
        let is_known = self.horizon.as_ref() == Some(&horizon) && opened.starts_with(&self.opened);
        if is_known && touched.is_empty() {
            return Arc::clone(self);
        }
        let few = touched.len() <= users.live().len() / REBUILD_SHARE;
        let judge = Judge {
            users,
            horizon: &horizon,
            opened: &opened,
        };
        let sets = match is_known && few {
            true => judge.changed(&self.sets, touched),
            false => judge.everybody(&self.sets),
        };
        Arc::new(Self {
            sets,
            opened,
            horizon: Some(horizon),
        })
    }

    /// The same users judged from another horizon; `None` where everybody stays in the same state.
    pub(super) fn judged(&self, users: &Users, horizon: Horizon) -> Option<Self> {
        if self.horizon.as_ref() == Some(&horizon) {
            return None;
        }
        let judge = Judge {
            users,
            horizon: &horizon,
            opened: &self.opened,
        };
        let sets = judge.everybody(&self.sets);
        let mut pairs = sets.iter().zip(&self.sets);
        if pairs.all(|(new, old)| new.is_same(old)) {
            return None;
        }
        Some(Self {
            sets,
            opened: self.opened.clone(),
            horizon: Some(horizon),
        })
    }
}

impl Judge<'_> {
    fn state(&self, row: u32) -> ActivityState {
        let codes = self.users.assignments().grant_codes(row);
        let opened = codes
            .iter()
            .filter_map(|code| self.opened.get(*code as usize));
        let licensed = opened.fold(Workloads::default(), |all, own| all.or(*own));
        self.horizon
            .judge(&self.users.facts().evidence(row, licensed))
    }

    /// Judges some rows and moves them to the sets where they belong now.
    fn changed(&self, old: &[Bits; 4], touched: &Bits) -> [Bits; 4] {
        let mut sets = old.clone();
        for row in touched.iter() {
            let is_live = self.users.live().contains(row);
            let state = is_live.then(|| self.state(row));
            for (own, set) in ActivityState::ALL.into_iter().zip(&mut sets) {
                match state == Some(own) {
                    true => set.insert(row),
                    false => set.remove(row),
                };
            }
        }
        sets
    }

    /// Judges every row, block by block: columns are read in the order in which they lie in memory, a
    /// few dozen nanoseconds a row.
    fn everybody(&self, old: &[Bits; 4]) -> [Bits; 4] {
        let mut renewed = old.each_ref().map(Renewed::of);
        for key in 0..self.users.block_count() {
            let key = key as u16; // Rows are u32: there are at most 65,536 blocks.
            let mut live: Words = [0; BLOCK_ROWS / 64];
            self.users.live().add_to(key, &mut live);
            let mut states = vec![[0; BLOCK_ROWS / 64]; 4];
            for low in ones(&live) {
                let state = self.state((u32::from(key) << 16) | low);
                states[state as usize][low as usize / 64] |= 1 << (low % 64);
            }
            for (set, words) in renewed.iter_mut().zip(&states) {
                set.push(key, words);
            }
        }
        renewed.map(Renewed::finish)
    }
}

impl Heap for Activity {
    fn heap(&self, parts: &mut Parts) -> usize {
        let sets: usize = self.sets.iter().map(|set| set.heap(parts)).sum();
        self.opened.capacity() * size_of::<Workloads>() + sets
    }
}
