//! Changing the users of an index without disturbing it.

mod loading;

use jiff::Timestamp;

use crate::domain::filter::UserOrderField;
use crate::domain::ids::ObjectId;
use crate::domain::sync_run::Dataset;
use crate::domain::user::User;
use crate::domain::user_fact::UserFact;

pub use loading::UsersLoading;

use super::arrangement::Arrangement;
use super::bits::Bits;
use super::changes::ChangedUsers;
use super::directory::Directory;
use super::facts::Told;
use super::marks::Marks;
use super::orders::{FIELDS, Orders};
use super::users::{Touched, Users};

/// What a change of anything touches.
const EVERYTHING: Touched = Touched {
    anything: true,
    evidence: true,
    findings: true,
    orders: [true; FIELDS.len()],
};

/// The rows that may have to be judged anew.
#[derive(Default)]
pub(super) struct Stirred {
    /// Whether they are in use.
    pub(super) evidence: Bits,
    /// What the rules find of them.
    pub(super) findings: Bits,
}

/// What taking in a user, or a fact of one, changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Added,
    /// Something differed.
    Changed,
    /// Nothing differed, and nothing was copied.
    Unchanged,
}

/// Users being changed on top of an index. Shares with it everything that stays.
pub struct UsersDraft {
    base: Users,
    next: Users,
    seen: Marks,
    /// The rows of which a dataset said something, at its place in [`Dataset::ALL`]. A row that is
    /// freed stays: whoever takes it has only facts that were told in this draft.
    told: [Marks; Dataset::ALL.len()],
    /// For each order, the rows whose place in it may have changed.
    touched: [Marks; FIELDS.len()],
    /// The rows whose activity may have to be judged anew.
    evidence: Marks,
    /// The rows whose findings may have to be.
    findings: Marks,
    /// The rows of users who came, went or differ.
    changed: Marks,
    is_changed: bool,
    /// How rows were put in order, where they were.
    arrangement: Option<Arrangement>,
    /// Of whom the last fact was that was taken in: when it came, of all users.
    last: u32,
}

/// Facts come in the order in which users came, or against it, with a few left out: the next one is looked
/// for so many users around the last before it is looked for everywhere.
const NEAR_USERS: u32 = 4;

impl UsersDraft {
    pub(super) fn new(base: &Users) -> Self {
        Self {
            base: base.clone(),
            next: base.clone(),
            seen: Marks::default(),
            told: Default::default(),
            touched: Default::default(),
            evidence: Marks::default(),
            findings: Marks::default(),
            changed: Marks::default(),
            is_changed: false,
            arrangement: None,
            last: 0,
        }
    }

    /// Puts the users of a first list in the order in which they are best read, once all of them are there.
    /// Where there were users before, or something was said of one already, rows stay where they are.
    pub fn arrange(&mut self) {
        let is_first = self.base.row_count() == 0;
        let is_told = self.told.iter().any(|told| !told.is_empty());
        if !is_first || is_told {
            return;
        }
        let arrangement = Arrangement::new(&self.next);
        self.next.arrange(&arrangement);
        let marks = [
            &mut self.seen,
            &mut self.evidence,
            &mut self.findings,
            &mut self.changed,
        ];
        for marks in marks.into_iter().chain(&mut self.touched) {
            *marks = marks.renumbered(|row| arrangement.number_of(row));
        }
        self.arrangement = Some(arrangement);
    }

    /// The row of a user who is best looked for near the last.
    fn find_near(&mut self, id: ObjectId) -> Option<u32> {
        self.found(id, |draft, row| draft.next.is_at(row, id))
    }

    /// The same while no row changes hands.
    fn find_near_settled(&mut self, id: ObjectId) -> Option<u32> {
        self.found(id, |draft, row| {
            draft.arrangement.is_some() || draft.next.is_at(row, id)
        })
    }

    fn found(&mut self, id: ObjectId, is_there: impl Fn(&Self, u32) -> bool) -> Option<u32> {
        let row_of = |came: u32| {
            let row = match &self.arrangement {
                Some(arrangement) => arrangement.number_of_user(came, id)?,
                None => came,
            };
            is_there(self, row).then_some((came, row))
        };
        let last = self.last;
        let near = (1..=NEAR_USERS).find_map(|step| {
            let before = last.checked_sub(step).and_then(row_of);
            before.or_else(|| row_of(last.saturating_add(step)))
        });
        let (came, row) = match near {
            Some(near) => near,
            None => {
                let row = self.next.find(id)?;
                (self.came(row), row)
            }
        };
        self.last = came;
        Some(row)
    }

    /// When the user of a row came, of all users.
    fn came(&self, row: u32) -> u32 {
        let arrangement = self.arrangement.as_ref();
        let came = arrangement.and_then(|arrangement| arrangement.rows().get(row as usize));
        came.copied().unwrap_or(row)
    }

    /// Brings ids of users in the order in which they came, which is that in which they are best stored:
    /// they are found one beside the other when they are loaded.
    pub fn sort_by_coming(&self, ids: &mut [ObjectId]) {
        ids.sort_by_cached_key(|id| self.next.find(*id).map(|row| self.came(row)));
    }

    /// Takes in a user as Microsoft says it is now, and remembers that it was seen.
    pub fn merge(&mut self, user: &User) -> Change {
        let Some(row) = self.next.find(user.object_id) else {
            let row = self.next.add(user);
            self.seen.insert(row);
            self.changed.insert(row);
            self.touch(row, EVERYTHING);
            return Change::Added;
        };
        self.seen.insert(row);
        let touched = self.next.change(row, user);
        if !touched.anything {
            return Change::Unchanged;
        }
        self.changed.insert(row);
        self.touch(row, touched);
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
        self.changed.insert(row);
        self.touch(row, EVERYTHING);
        true
    }

    /// After a complete list: who was not merged.
    pub fn unseen(&self) -> Vec<ObjectId> {
        let live = self.next.live().iter();
        live.filter(|row| !self.seen.contains(*row))
            .map(|row| self.next.object_id(row))
            .collect()
    }

    /// The direct members of a group.
    pub fn members(&self, group: ObjectId) -> Vec<ObjectId> {
        let members = self.next.facts().members(group).into_iter();
        members
            .flat_map(|rows| rows.iter())
            .map(|row| self.next.object_id(row))
            .collect()
    }

    /// Takes in what a dataset says of a user, and remembers that it said something. `None` when there
    /// is no such user: nothing is kept then. A fact that says nothing, such as sign-in activity
    /// without a time, is as good as removed.
    pub fn set(&mut self, fact: &UserFact) -> Option<Change> {
        let row = self.find_near(fact.object_id())?;
        self.told[fact.dataset() as usize].insert(row);
        let told = self.next.facts_mut().set(row, fact);
        Some(self.take_in(row, fact.dataset(), told))
    }

    /// What a dataset says of a user now.
    pub fn fact(&self, dataset: Dataset, id: ObjectId) -> Option<UserFact> {
        self.next.facts().get(self.next.find(id)?, dataset, id)
    }

    /// Removes what a dataset says of a user; false when it said nothing.
    pub fn remove_fact(&mut self, dataset: Dataset, id: ObjectId) -> bool {
        let Some(row) = self.next.find(id) else {
            return false;
        };
        let told = self.next.facts_mut().remove(row, dataset);
        self.take_in(row, dataset, told) != Change::Unchanged
    }

    /// After a complete reading of a dataset: removes what it said of users of whom it says nothing
    /// now, and says of whom.
    pub fn remove_unseen_facts(&mut self, dataset: Dataset) -> Vec<ObjectId> {
        let unseen = self.unseen_facts(dataset);
        for id in &unseen {
            self.remove_fact(dataset, *id);
        }
        unseen
    }

    /// Of whom a dataset said something before, and says nothing now.
    pub fn unseen_facts(&self, dataset: Dataset) -> Vec<ObjectId> {
        let told = &self.told[dataset as usize];
        let unseen = self.rows_with(dataset).filter(|row| !told.contains(*row));
        unseen.map(|row| self.next.object_id(row)).collect()
    }

    /// Of how many users a dataset says something.
    pub fn count_facts(&self, dataset: Dataset) -> u64 {
        self.rows_with(dataset).count() as u64
    }

    fn rows_with(&self, dataset: Dataset) -> impl Iterator<Item = u32> + '_ {
        let facts = self.next.facts();
        let live = self.next.live().iter();
        live.filter(move |row| facts.has(*row, dataset))
    }

    /// Whether there is such a user.
    pub fn holds(&self, id: ObjectId) -> bool {
        self.next.find(id).is_some()
    }

    /// A user as the draft has it.
    pub fn user(&self, id: ObjectId) -> Option<User> {
        self.next.find(id).map(|row| self.next.to_user(row))
    }

    /// When a user was created; `None` also for nobody.
    pub fn created_at(&self, id: ObjectId) -> Option<Timestamp> {
        self.next.created_at(self.next.find(id)?)
    }

    /// Who has which user principal name now.
    pub fn directory(&self) -> Directory {
        Directory::new(&self.next)
    }

    /// Whether anything was changed. A change that a later one undid counts too.
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// The users who came, went or were changed, if only for a while.
    pub fn changed_users(&self) -> ChangedUsers {
        ChangedUsers {
            rows: self.changed.iter().collect(),
        }
    }

    /// How many users there are now.
    pub fn len(&self) -> u64 {
        u64::from(self.next.live().len())
    }

    /// Whether there are no users.
    pub fn is_empty(&self) -> bool {
        self.next.live().is_empty()
    }

    /// The columns as they are now.
    #[cfg(test)]
    pub(super) fn users(&self) -> &Users {
        &self.next
    }

    /// The users with every order brought up to date, and the rows that may have to be judged anew.
    pub(super) fn finish(mut self) -> (Users, Stirred) {
        let stirred = Stirred {
            evidence: self.evidence.iter().collect(),
            findings: self.findings.iter().collect(),
        };
        if !self.is_changed {
            return (self.base, stirred);
        }
        self.next.settle();
        Orders::update(&self.base, &mut self.next, &self.touched);
        self.next.index_texts();
        if self.base.live().len() < self.next.live().len() / 2 {
            // Most is new, so most chunks grew one row at a time and have room to spare.
            self.next.shrink();
        } else {
            // Facts are told of users who were there before. What is shared is not looked into.
            self.next.facts_mut().shrink();
        }
        (self.next, stirred)
    }

    fn take_in(&mut self, row: u32, dataset: Dataset, told: Told) -> Change {
        // No rule asks who is in which group, or what the logs have.
        let is_judged = !matches!(
            dataset,
            Dataset::Groups | Dataset::SignIns | Dataset::DirectoryAudits
        );
        if told.change != Change::Unchanged {
            let mut touched = Touched {
                anything: true,
                evidence: told.evidence,
                findings: told.evidence || is_judged,
                ..Touched::default()
            };
            touched.orders[UserOrderField::LastActiveOn as usize] = told.last_active_on;
            self.touch(row, touched);
        }
        told.change
    }

    fn touch(&mut self, row: u32, touched: Touched) {
        self.is_changed = true;
        if touched.evidence {
            self.evidence.insert(row);
        }
        if touched.findings {
            self.findings.insert(row);
        }
        for (rows, touched) in self.touched.iter_mut().zip(touched.orders) {
            if touched {
                rows.insert(row);
            }
        }
    }
}
