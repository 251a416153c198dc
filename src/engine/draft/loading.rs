//! The users of a tenant and what is said of them, as they come from disk at a start.
//!
//! All of it comes once and nobody reads before it is there. So nothing is looked for that cannot be there
//! yet, and what costs less for many than for each is done when all have come.

use super::UsersDraft;
use crate::domain::ids::ObjectId;
use crate::domain::sync_run::Dataset;
use crate::domain::user::User;
use crate::domain::user_fact::UserFact;
use crate::engine::facts::{CodedUsage, Reports};
use crate::engine::users::Users;

/// So many users are put into columns at once: as many as a frame on disk has.
const USERS_AT_ONCE: usize = 8_192;

/// Users wait for each other, and are large: they are not moved about.
#[allow(clippy::vec_box, reason = "a batch takes in boxes as they come")]
type Batch = Vec<Box<User>>;

/// Users being loaded: best all of them before anything that is said of one.
pub struct UsersLoading {
    draft: UsersDraft,
    /// Those who are not in the draft yet.
    waiting: Batch,
    /// Those of the last batch, whose memory is given back beside the next one.
    done: Batch,
    are_complete: bool,
    reports: Reports,
}

impl UsersLoading {
    /// Nobody yet.
    pub fn new() -> Self {
        Self {
            draft: UsersDraft::new(&Users::default()),
            waiting: Vec::with_capacity(USERS_AT_ONCE),
            done: Vec::new(),
            are_complete: false,
            reports: Reports::default(),
        }
    }

    /// Takes in a user. Of one who comes twice the first counts.
    pub fn user(&mut self, user: Box<User>) {
        if self.are_complete {
            if self.draft.next.find(user.object_id).is_none() {
                self.draft.merge(&user);
            }
            return;
        }
        self.waiting.push(user);
        if self.waiting.len() == USERS_AT_ONCE {
            self.take_waiting();
        }
    }

    /// Takes in what a dataset says of a user. Of two facts of one dataset and user the first counts.
    pub fn fact(&mut self, fact: &UserFact) {
        if let UserFact::Usage(usage) = fact {
            return self.usage(&CodedUsage::of(usage));
        }
        if let Some(row) = self.untold(fact.dataset(), fact.object_id()) {
            self.draft.next.facts_mut().set(row, fact);
        }
    }

    /// The same of a report.
    pub fn usage(&mut self, usage: &CodedUsage) {
        self.complete();
        if let Some(row) = self.draft.find_near_settled(usage.object_id()) {
            self.reports.push(row, usage);
        }
    }

    /// All of it, on top of no users.
    pub fn finish(mut self) -> UsersDraft {
        self.complete();
        self.draft.next.facts_mut().take_reports(self.reports);
        self.draft
    }

    /// The row of a user of whom a dataset said nothing yet; it counts as told from now on.
    fn untold(&mut self, dataset: Dataset, id: ObjectId) -> Option<u32> {
        self.complete();
        let row = self.draft.find_near_settled(id)?;
        let told = &mut self.draft.told[dataset as usize];
        let is_untold = !told.contains(row);
        told.insert(row);
        is_untold.then_some(row)
    }

    fn take_waiting(&mut self) {
        let users: Vec<&User> = self.waiting.iter().map(|user| &**user).collect();
        let done = std::mem::take(&mut self.done);
        std::thread::scope(|scope| {
            scope.spawn(move || drop(done));
            self.draft.next.append(&users);
        });
        let room = Vec::with_capacity(USERS_AT_ONCE);
        self.done = std::mem::replace(&mut self.waiting, room);
    }

    /// Makes the users who came ready for what is said of them.
    fn complete(&mut self) {
        if self.are_complete {
            return;
        }
        self.are_complete = true;
        self.take_waiting();
        let draft = &mut self.draft;
        draft.next.end_appending();
        draft.arrange();
        for row in 0..draft.next.row_count() {
            draft.seen.insert(row);
            draft.touch(row, super::EVERYTHING);
        }
    }
}

impl Default for UsersLoading {
    fn default() -> Self {
        Self::new()
    }
}
