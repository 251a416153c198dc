//! A believable organization of any size: each account is a function of (seed, number), and what is
//! edited while it runs lies over that.

mod addresses;
pub(crate) mod departments;
pub(crate) mod licensing;
pub(crate) mod names;
pub(crate) mod offices;
pub(crate) mod person;
pub(crate) mod products;
pub(crate) mod service_plans;
pub(crate) mod usage;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::RwLockWriteGuard;

use uuid::Uuid;

use super::random::Draws;
use super::random::Stream;
use super::random::guid;
use person::Kind;
use person::Person;
use person::RENAMING;
use products::PRODUCTS;

/// The chief executive, the account that signs in and the first salesperson are never edited away.
const FOUNDERS: u64 = 3;

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
}

/// What was edited since the organization was founded.
#[derive(Debug, Default)]
struct Edits {
    added: u64,
    removed: BTreeSet<u64>,
    /// The rounds that changed an account, in their order.
    rounds: BTreeMap<u64, Vec<u32>>,
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
        }
    }

    /// The organization as it is now, which stays so while the view is held.
    pub(crate) fn view(&self) -> View<'_> {
        View {
            organization: self,
            edits: self.edits.read().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Changes `count` accounts, or as many as there are to change; returns their numbers.
    pub(crate) fn change(&self, count: u64, round: u32) -> Vec<u64> {
        let chosen = self.choose(count, u64::from(round));
        self.add_round(&chosen, round);
        chosen
    }

    /// Gives `count` employees another surname, in their addresses too; returns their numbers.
    pub(crate) fn rename(&self, count: u64, round: u32) -> Vec<u64> {
        let round = round | RENAMING;
        let mut chosen = self.choose(u64::MAX, u64::from(round));
        let view = self.view();
        chosen.retain(|&index| {
            let person = view.person(index);
            person.is_some_and(|person| person.kind == Kind::Employee)
        });
        drop(view);
        chosen.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        self.add_round(&chosen, round);
        chosen
    }

    /// Accounts that were there before any edit.
    pub(crate) fn founded_with(&self) -> u64 {
        self.founded_with
    }

    fn add_round(&self, chosen: &[u64], round: u32) {
        let mut edits = self.edit();
        for &index in chosen {
            edits.rounds.entry(index).or_default().push(round);
        }
    }

    /// Removes `count` accounts, or as many as there are to remove; returns their numbers.
    pub(crate) fn remove(&self, count: u64) -> Vec<u64> {
        let removed_before = self.edit().removed.len() as u64;
        let chosen = self.choose(count, u64::MAX - removed_before);
        self.edit().removed.extend(&chosen);
        chosen
    }

    /// Adds `count` accounts; returns their numbers.
    pub(crate) fn add(&self, count: u64) -> Vec<u64> {
        let mut edits = self.edit();
        let from = self.founded_with + edits.added;
        edits.added += count;
        (from..from + count).collect()
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

    /// `count` accounts that are there, the same for the same choice.
    fn choose(&self, count: u64, choice: u64) -> Vec<u64> {
        let view = self.view();
        let end = view.end();
        let mut draws = Draws::about(self.seed, Stream::Edit, choice);
        let from = draws.below(end);
        // A step without a divisor in common with `end` meets every account once.
        let step = (draws.below(end).max(1)..)
            .find(|&step| greatest_common_divisor(step, end) == 1)
            .unwrap_or(1);
        (0..end)
            .map(|turn| (u128::from(from) + u128::from(turn) * u128::from(step)) % u128::from(end))
            .map(|index| index as u64)
            .filter(|&index| index >= FOUNDERS && view.is_there(index))
            .take(usize::try_from(count).unwrap_or(usize::MAX))
            .collect()
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
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
        let mut person = Person::new(self.organization.seed, index);
        for &round in self.edits.rounds.get(&index).into_iter().flatten() {
            person.change(self.organization.seed, round);
        }
        // Microsoft drops the link to a manager who is gone.
        person.manager = person.manager.filter(|&manager| self.is_there(manager));
        person
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

    fn is_there(&self, index: u64) -> bool {
        index < self.end() && !self.edits.removed.contains(&index)
    }
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
        assert_eq!(organization.view().count(), FOUNDERS);
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
