//! What other datasets say of users, on top of an index.

use jiff::Timestamp;

use super::draft::{Change, UsersDraft};
use crate::domain::ids::ObjectId;
use crate::domain::sync_run::Dataset;
use crate::domain::text::Folded;
use crate::domain::user::User;
use crate::domain::user_fact::UserFact;

/// Who has which name, in a draft as it was when this was made: for joining reports.
pub struct Directory {}

impl Directory {
    /// The user with a user principal name; `None` also where two have it.
    pub fn find(&self, _name: &Folded) -> Option<ObjectId> {
        todo!()
    }
}

impl UsersDraft {
    /// Takes in what a dataset says of a user, and remembers that it said something. `None` when there
    /// is no such user: nothing is kept then.
    pub fn set(&mut self, _fact: &UserFact) -> Option<Change> {
        todo!()
    }

    /// What a dataset says of a user now.
    pub fn fact(&self, _dataset: Dataset, _id: ObjectId) -> Option<UserFact> {
        todo!()
    }

    /// Removes what a dataset says of a user; false when it said nothing.
    pub fn remove_fact(&mut self, _dataset: Dataset, _id: ObjectId) -> bool {
        todo!()
    }

    /// After a complete reading of a dataset: removes what it said of users of whom it says nothing
    /// now, and says of whom.
    pub fn remove_unseen_facts(&mut self, _dataset: Dataset) -> Vec<ObjectId> {
        todo!()
    }

    /// A user as the draft has it.
    pub fn user(&self, _id: ObjectId) -> Option<User> {
        todo!()
    }

    /// When a user was created; `None` also for nobody.
    pub fn created_at(&self, _id: ObjectId) -> Option<Timestamp> {
        todo!()
    }

    /// The direct members of a group.
    pub fn members(&self, _group: ObjectId) -> Vec<ObjectId> {
        todo!()
    }

    /// Who has which user principal name.
    pub fn directory(&self) -> Directory {
        todo!()
    }
}
