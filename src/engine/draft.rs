//! Changing the users of an index without disturbing it.

use crate::domain::ids::ObjectId;
use crate::domain::user::User;

use super::bits::Bits;
use super::orders::Orders;
use super::users::{Touched, Users};

/// What merging one user changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The user was not there.
    Added,
    /// Some property differed.
    Changed,
    /// Nothing differed, and nothing was copied.
    Unchanged,
}

/// Users being changed on top of an index. Shares with it everything that stays.
pub struct UsersDraft {
    base: Users,
    next: Users,
    seen: Bits,
    /// For each order, the rows whose place in it may have changed.
    touched: [Bits; 5],
    is_changed: bool,
}

impl UsersDraft {
    pub(super) fn new(base: &Users) -> Self {
        Self {
            base: base.clone(),
            next: base.clone(),
            seen: Bits::default(),
            touched: Default::default(),
            is_changed: false,
        }
    }

    /// Takes in a user as Microsoft says it is now, and remembers that it was seen.
    pub fn merge(&mut self, user: &User) -> Change {
        let Some(row) = self.next.find(user.object_id) else {
            let row = self.next.add(user);
            self.seen.insert(row);
            self.touch(row, [true; 5]);
            return Change::Added;
        };
        self.seen.insert(row);
        let Touched { anything, orders } = self.next.change(row, user);
        if !anything {
            return Change::Unchanged;
        }
        self.touch(row, orders);
        Change::Changed
    }

    /// Remembers that a user was seen, though nothing new could be read of it: it keeps the facts it
    /// has, and is not taken for gone.
    pub fn keep(&mut self, id: ObjectId) {
        if let Some(row) = self.next.find(id) {
            self.seen.insert(row);
        }
    }

    /// Removes one user; false when it was not there.
    pub fn remove(&mut self, id: ObjectId) -> bool {
        let Some(row) = self.next.find(id) else {
            return false;
        };
        self.next.remove(row);
        self.seen.remove(row);
        self.touch(row, [true; 5]);
        true
    }

    /// After a complete list: removes every user that was not merged, and says which.
    pub fn remove_unseen(&mut self) -> Vec<ObjectId> {
        let unseen: Vec<ObjectId> = self
            .next
            .live()
            .iter()
            .filter(|row| !self.seen.contains(*row))
            .map(|row| self.next.object_id(row))
            .collect();
        for id in &unseen {
            self.remove(*id);
        }
        unseen
    }

    /// After a complete list: who was not merged.
    pub fn unseen(&self) -> Vec<ObjectId> {
        let live = self.next.live().iter();
        live.filter(|row| !self.seen.contains(*row))
            .map(|row| self.next.object_id(row))
            .collect()
    }

    /// Whether anything was changed. A change that a later one undid counts too.
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// How many users there are now.
    pub fn len(&self) -> u64 {
        u64::from(self.next.live().len())
    }

    /// Whether there are no users.
    pub fn is_empty(&self) -> bool {
        self.next.live().is_empty()
    }

    /// The users with every order brought up to date.
    pub(super) fn finish(mut self) -> Users {
        if !self.is_changed {
            return self.base;
        }
        Orders::update(&self.base, &mut self.next, &self.touched);
        if self.base.live().len() < self.next.live().len() / 2 {
            // Most is new, so most chunks grew one row at a time and have room to spare.
            self.next.shrink();
        }
        self.next
    }

    fn touch(&mut self, row: u32, orders: [bool; 5]) {
        self.is_changed = true;
        for (rows, touched) in self.touched.iter_mut().zip(orders) {
            if touched {
                rows.insert(row);
            }
        }
    }
}
