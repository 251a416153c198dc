//! What was edited since the organization was founded, and the journal of it that delta rounds are
//! read from.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// One edit, as far as a delta round tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    UserAdded(u64),
    UserChanged {
        user: u64,
        /// How often it had been changed before.
        rounds_before: usize,
    },
    /// The account is gone; see [`is_purged_when_removed`].
    UserRemoved(u64),
    /// The account was gone for a while, and is now for good.
    UserPurged(u64),
    /// The account is back, or its manager is.
    UserRestored(u64),
    /// The account's manager is gone.
    ManagerLost {
        user: u64,
        manager: u64,
    },
    GroupAdded(u64),
    GroupRemoved(u64),
    MemberJoined {
        group: u64,
        user: u64,
    },
    MemberLeft {
        group: u64,
        user: u64,
    },
}

/// What was edited.
#[derive(Debug, Default)]
pub(super) struct Edits {
    pub(super) added: u64,
    pub(super) removed: BTreeSet<u64>,
    /// Those of the removed who are gone for good.
    pub(super) purged: BTreeSet<u64>,
    /// The rounds that changed an account, in their order.
    pub(super) rounds: BTreeMap<u64, Vec<u32>>,
    /// How often the states of an account's assignments were changed.
    pub(super) state_changes: BTreeMap<u64, u32>,
    /// When accounts were made to sign in, seconds since 1970.
    pub(super) signed_in: BTreeMap<u64, i64>,
    pub(super) added_groups: u64,
    pub(super) removed_groups: BTreeSet<u64>,
    /// By group: accounts that joined (true) or left (false), whatever they are otherwise.
    pub(super) memberships: BTreeMap<u64, BTreeMap<u64, bool>>,
    /// Everything in its order; the number of events is the version of the organization.
    pub(super) journal: Vec<Event>,
    /// How often an account was touched, by what the journal tells and by what it does not.
    touches: BTreeMap<u64, u64>,
}

impl Edits {
    /// Notes an event.
    pub(super) fn note(&mut self, event: Event) {
        match event {
            Event::UserAdded(user)
            | Event::UserChanged { user, .. }
            | Event::UserRemoved(user)
            | Event::UserPurged(user)
            | Event::UserRestored(user)
            | Event::ManagerLost { user, .. } => self.touch(user),
            Event::GroupAdded(_)
            | Event::GroupRemoved(_)
            | Event::MemberJoined { .. }
            | Event::MemberLeft { .. } => {}
        }
        self.journal.push(event);
    }

    /// Notes that an account's rows look different.
    pub(super) fn touch(&mut self, user: u64) {
        *self.touches.entry(user).or_default() += 1;
    }

    /// How often an account was touched.
    pub(super) fn touches(&self, user: u64) -> u64 {
        self.touches.get(&user).copied().unwrap_or(0)
    }

    /// Whether an account was told to be in a group, or not to be; `None` leaves it to what it is.
    pub(super) fn membership(&self, group: u64, user: u64) -> Option<bool> {
        self.memberships.get(&group)?.get(&user).copied()
    }
}

/// Whether an account that is removed is gone for good at once. Others can be restored for a month:
/// they vanish from lists, and groups keep them until then.
pub(crate) fn is_purged_when_removed(user: u64) -> bool {
    user.is_multiple_of(3)
}
