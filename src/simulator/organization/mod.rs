//! A believable organization of any size: each account is a function of (seed, number), and what is
//! edited while it runs lies over that.

mod addresses;
pub(crate) mod creation;
pub(crate) mod departments;
mod editing;
pub(crate) mod edits;
pub(crate) mod groups;
pub(crate) mod licensing;
pub(crate) mod names;
pub(crate) mod offices;
pub(crate) mod person;
pub(crate) mod products;
mod roster;
pub(crate) mod service_plans;
pub(crate) mod sign_ins;
pub(crate) mod subscriptions;
pub(crate) mod usage;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::RwLockWriteGuard;

use uuid::Uuid;

use super::random::Stream;
use super::random::guid;
use creation::CreationOrder;
use edits::Edits;
use edits::Event;
use groups::Group;
use person::Person;
use products::PRODUCTS;
use roster::Roster;
use sign_ins::SignIns;

/// Holders of each product, in the order of [`PRODUCTS`].
pub(crate) type Use = [u64; PRODUCTS.len()];

/// The organization.
pub(crate) struct Organization {
    /// Whatever is drawn is drawn from this.
    pub(crate) seed: u64,
    /// `displayName`.
    pub(crate) name: String,
    /// `id`.
    pub(crate) tenant_id: Uuid,
    /// The default verified domain.
    pub(crate) domain: String,
    /// The domain that every organization begins with.
    pub(crate) initial_domain: String,
    /// Accounts before any edit.
    founded_with: u64,
    /// Seats are bought for those.
    founding_use: OnceLock<Use>,
    edits: RwLock<Edits>,
    /// Made when somebody asks for a span of `createdDateTime`.
    creation_order: Mutex<Option<Arc<CreationOrder>>>,
    /// Made when somebody asks who is in a group.
    roster: Mutex<Option<Roster>>,
}

impl Organization {
    /// An organization of `users` accounts, at least the chief and the account that signs in.
    pub(crate) fn new(seed: u64, users: u64, name: &str) -> Self {
        let label: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let label = label.to_ascii_lowercase();
        Self {
            seed,
            name: name.to_owned(),
            tenant_id: guid(seed, Stream::Tenant, 0),
            domain: format!("{label}.com"),
            initial_domain: format!("{label}.onmicrosoft.com"),
            founded_with: users.max(2),
            founding_use: OnceLock::new(),
            edits: RwLock::default(),
            creation_order: Mutex::default(),
            roster: Mutex::default(),
        }
    }

    /// The organization as it is now, which stays so while the view is held.
    pub(crate) fn view(&self) -> View<'_> {
        View {
            organization: self,
            edits: self.edits.read().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Accounts that were there before any edit.
    pub(crate) fn founded_with(&self) -> u64 {
        self.founded_with
    }

    /// Seats in use when the organization was founded: what it bought seats for.
    pub(crate) fn founding_use(&self) -> &Use {
        self.founding_use.get_or_init(|| {
            let mut used = [0; PRODUCTS.len()];
            for index in 0..self.founded_with {
                count_in(&mut used, &Person::new(self.seed, index), u64::wrapping_add);
            }
            used
        })
    }

    fn edit(&self) -> RwLockWriteGuard<'_, Edits> {
        self.edits.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many groups it began with.
    pub(crate) fn founding_groups(&self) -> u64 {
        groups::founding_groups(self.founded_with)
    }

    /// The object id of a group.
    pub(crate) fn group_id(&self, number: u64) -> Uuid {
        Group::new(self, number).id(self.seed)
    }

    /// The account with this number as the edits left it, there or not.
    fn person_after_edits(&self, edits: &Edits, index: u64) -> Person {
        self.person_after_rounds(edits, index, usize::MAX)
    }

    /// The account as it was after so many of the rounds that changed it.
    fn person_after_rounds(&self, edits: &Edits, index: u64, rounds: usize) -> Person {
        let mut person = Person::new(self.seed, index);
        let all = edits.rounds.get(&index).into_iter().flatten();
        for &round in all.take(rounds) {
            person.change(self.seed, round);
        }
        // Microsoft drops the link to a manager who is gone.
        person.manager = person
            .manager
            .filter(|&manager| self.is_there(edits, manager));
        person
    }

    fn is_there(&self, edits: &Edits, index: u64) -> bool {
        index < self.founded_with + edits.added && !edits.removed.contains(&index)
    }
}

fn count_in(used: &mut Use, person: &Person, step: fn(u64, u64) -> u64) {
    for position in person.held.positions() {
        if let Some(holders) = used.get_mut(position) {
            *holders = step(*holders, 1);
        }
    }
}

/// The organization at one moment.
pub(crate) struct View<'a> {
    organization: &'a Organization,
    edits: RwLockReadGuard<'a, Edits>,
}

impl View<'_> {
    /// The organization that is viewed.
    pub(crate) fn organization(&self) -> &Organization {
        self.organization
    }

    /// One past the highest number of an account.
    pub(crate) fn end(&self) -> u64 {
        self.organization.founded_with + self.edits.added
    }

    /// How many accounts there are.
    pub(crate) fn count(&self) -> u64 {
        self.end() - self.edits.removed.len() as u64
    }

    /// The account with this number, unless it was removed or never was.
    pub(crate) fn person(&self, index: u64) -> Option<Person> {
        self.is_there(index).then(|| self.person_or_former(index))
    }

    /// The account with this number, even if it was removed: as it was then.
    pub(crate) fn person_or_former(&self, index: u64) -> Person {
        self.organization.person_after_edits(&self.edits, index)
    }

    /// The account with this number, also when it was removed and can be restored.
    pub(crate) fn person_or_remains(&self, index: u64) -> Option<Person> {
        let is_kept = index < self.end() && !self.is_purged(index);
        is_kept.then(|| self.person_or_former(index))
    }

    /// What the account was before each change, the oldest first.
    pub(crate) fn earlier(&self, index: u64) -> Vec<Person> {
        let rounds = self.edits.rounds.get(&index).map_or(0, Vec::len);
        (0..rounds)
            .map(|rounds| self.after_rounds(index, rounds))
            .collect()
    }

    /// What the account was after so many changes.
    pub(crate) fn after_rounds(&self, index: u64, rounds: usize) -> Person {
        self.organization
            .person_after_rounds(&self.edits, index, rounds)
    }

    /// The account with this object id or userPrincipalName.
    pub(crate) fn find(&self, key: &str) -> Option<Person> {
        match key.parse::<Uuid>() {
            Ok(id) => (0..self.end())
                .find(|&index| user_id(self.organization.seed, index) == id)
                .and_then(|index| self.person(index)),
            Err(_) => self.find_by_principal_name(key),
        }
    }

    fn find_by_principal_name(&self, name: &str) -> Option<Person> {
        // The number ends the part before the "@", or before the "_" of a guest's own domain.
        let local = name.split_once('@')?.0;
        let local = local.split_once('_').map_or(local, |(own, _)| own);
        let digits = local.trim_start_matches(|c: char| !c.is_ascii_digit());
        let person = self.person(digits.parse().ok()?)?;
        let found = person.principal_name(self.organization);
        found.eq_ignore_ascii_case(name).then_some(person)
    }

    /// Seats in use, every holder once.
    pub(crate) fn seats_in_use(&self) -> Use {
        let seed = self.organization.seed;
        let mut used = *self.organization.founding_use();
        let edited: BTreeSet<u64> = self
            .edits
            .removed
            .iter()
            .chain(self.edits.rounds.keys())
            .copied()
            .collect();
        for &index in edited
            .iter()
            .filter(|&&index| index < self.organization.founded_with)
        {
            count_in(&mut used, &Person::new(seed, index), u64::wrapping_sub);
        }
        let added = self.organization.founded_with..self.end();
        for index in edited
            .into_iter()
            .filter(|index| !added.contains(index))
            .chain(added.clone())
        {
            if let Some(person) = self.person(index) {
                count_in(&mut used, &person, u64::wrapping_add);
            }
        }
        used
    }

    /// Whether there is an account with this number.
    pub(crate) fn is_there(&self, index: u64) -> bool {
        self.organization.is_there(&self.edits, index)
    }

    /// Whether the account was removed, for a while or for good.
    pub(crate) fn is_removed(&self, index: u64) -> bool {
        self.edits.removed.contains(&index)
    }

    /// Whether the account was removed for good.
    pub(crate) fn is_purged(&self, index: u64) -> bool {
        self.edits.purged.contains(&index)
    }

    /// How many accounts were removed whose numbers `matches`.
    pub(crate) fn removed_count(&self, matches: impl Fn(u64) -> bool) -> u64 {
        self.edits
            .removed
            .iter()
            .filter(|&&index| matches(index))
            .count() as u64
    }

    /// How often the states of the account's assignments were changed.
    pub(crate) fn state_changes(&self, index: u64) -> u32 {
        self.edits.state_changes.get(&index).copied().unwrap_or(0)
    }

    /// How often the account was touched: its rows stay the same as long as this does.
    pub(crate) fn touches(&self, index: u64) -> u64 {
        self.edits.touches(index)
    }

    /// When the account signed in last, as it is known at `now`.
    pub(crate) fn sign_ins(&self, person: &Person, now: i64) -> SignIns {
        let sign_ins = SignIns::of(self.organization.seed, person, now);
        match self.edits.signed_in.get(&person.index) {
            Some(&at) if at <= now => sign_ins.after(at),
            _ => sign_ins,
        }
    }

    /// Whoever may have signed in at an instant or later, as far as is known at `now`, from an account on;
    /// `None` where that may be anybody.
    pub(crate) fn signed_in_from(
        &self,
        at: i64,
        now: i64,
        index: u64,
    ) -> Option<impl Iterator<Item = u64> + '_> {
        let made = self.edits.signed_in.range(index..);
        let made = made.map(|(&index, _)| index);
        (at > SignIns::known_until(now)).then_some(made)
    }

    /// How much happened so far.
    pub(crate) fn version(&self) -> u64 {
        self.edits.journal.len() as u64
    }

    /// What happened as number `version`, counted from 0.
    pub(crate) fn event(&self, version: u64) -> Option<Event> {
        let at = usize::try_from(version).ok()?;
        self.edits.journal.get(at).copied()
    }

    /// Everybody who ever was, by `createdDateTime`.
    pub(crate) fn creation_order(&self) -> Arc<CreationOrder> {
        let mut kept = lock(&self.organization.creation_order);
        match kept.as_ref().filter(|order| order.end == self.end()) {
            Some(order) => Arc::clone(order),
            None => {
                let order = CreationOrder::new(self.organization.seed, self.end());
                Arc::clone(kept.insert(Arc::new(order)))
            }
        }
    }
}

/// Groups.
impl View<'_> {
    /// One past the highest number of a group.
    pub(crate) fn groups_end(&self) -> u64 {
        self.organization.founding_groups() + self.edits.added_groups
    }

    /// The group with this number, unless it was removed or never was.
    pub(crate) fn group(&self, number: u64) -> Option<Group> {
        let is_there = number < self.groups_end() && !self.is_group_removed(number);
        is_there.then(|| Group::new(self.organization, number))
    }

    /// Whether the group was removed.
    pub(crate) fn is_group_removed(&self, number: u64) -> bool {
        self.edits.removed_groups.contains(&number)
    }

    /// The groups that there are.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Group> {
        (0..self.groups_end()).filter_map(|number| self.group(number))
    }

    /// The group with this id.
    pub(crate) fn find_group(&self, id: Uuid) -> Option<Group> {
        let seed = self.organization.seed;
        self.groups().find(|group| group.id(seed) == id)
    }

    /// At most `count` accounts of a group, ascending, from the number `from` on. Accounts that were
    /// removed do not show.
    pub(crate) fn members(&self, group: u64, from: u64, count: usize) -> Vec<u64> {
        let mut kept = lock(&self.organization.roster);
        let roster = kept.get_or_insert_with(|| Roster::new(self.organization, &self.edits));
        roster.follow(&self.edits);
        let members = roster.members(group);
        let start = members.partition_point(|&user| user < from);
        let members = members.get(start..).unwrap_or_default().iter().copied();
        members
            .filter(|&user| self.is_there(user))
            .take(count)
            .collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The object id of an account.
pub(crate) fn user_id(seed: u64, index: u64) -> Uuid {
    guid(seed, Stream::UserId, index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(organization: &Organization) -> Use {
        let view = organization.view();
        let mut used = [0; PRODUCTS.len()];
        for person in (0..view.end()).filter_map(|index| view.person(index)) {
            count_in(&mut used, &person, u64::wrapping_add);
        }
        used
    }

    #[test]
    fn seats_in_use_follow_every_edit() {
        let organization = Organization::new(3, 400, "Contoso");
        assert_eq!(organization.view().seats_in_use(), counted(&organization));
        let founding = *organization.founding_use();
        organization.change(60, 1);
        assert_eq!(organization.view().seats_in_use(), counted(&organization));
        organization.add(40);
        organization.change(120, 2);
        organization.remove(90);
        assert_eq!(organization.view().seats_in_use(), counted(&organization));
        organization.restore(40, true);
        assert_eq!(organization.view().seats_in_use(), counted(&organization));
        assert_ne!(counted(&organization), founding);
        assert_eq!(
            *organization.founding_use(),
            founding,
            "bought for the founders"
        );
    }

    #[test]
    fn edits_hit_as_many_distinct_accounts_as_asked() {
        let organization = Organization::new(3, 100, "Contoso");
        let distinct = |indexes: Vec<u64>| indexes.into_iter().collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(organization.change(50, 1)), 50);
        assert_eq!(distinct(organization.remove(30)), 30);
        assert_eq!(distinct(organization.remove(30)), 30);
        assert_eq!(organization.view().count(), 40);
        assert_eq!(organization.add(5), [100, 101, 102, 103, 104]);
        assert_eq!(organization.view().count(), 45);
        assert_eq!(distinct(organization.remove(1000)), 42, "the founders stay");
        assert_eq!(organization.view().count(), 3);
    }

    #[test]
    fn a_manager_who_is_gone_is_nobodys_manager() {
        let organization = Organization::new(3, 200, "Contoso");
        let led_by = |index| {
            organization
                .view()
                .person(index)
                .and_then(|person| person.manager)
        };
        let led = (9..16)
            .find(|&index| led_by(index) == Some(8))
            .expect("somebody is led by 8");
        organization.edit().removed.insert(8);
        assert_eq!(led_by(led), None);
    }

    #[test]
    fn accounts_are_found_by_id_and_by_principal_name() {
        let organization = Organization::new(3, 300, "Contoso");
        let view = organization.view();
        for index in 0..300 {
            let person = view.person(index).unwrap();
            let by_id = view.find(&user_id(3, index).to_string());
            assert_eq!(by_id.map(|found| found.index), Some(index));
            let name = person.principal_name(&organization).to_uppercase();
            assert_eq!(
                view.find(&name).map(|found| found.index),
                Some(index),
                "{name}"
            );
        }
        assert!(view.find("nobody@contoso.com").is_none());
        assert!(view.find(&Uuid::nil().to_string()).is_none());
    }
}
