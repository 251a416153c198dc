//! Edits while the organization lives: each chooses accounts or groups by chance, the same ones for
//! the same choice, and notes in the journal what a delta round has to tell of it.

use super::Organization;
use super::View;
use super::edits::Edits;
use super::edits::Event;
use super::edits::is_purged_when_removed;
use super::groups::Group;
use super::groups::GroupKind;
use super::groups::groups_of;
use super::person::Kind;
use super::person::RENAMING;
use super::person::TEAM;
use crate::simulator::random::Draws;
use crate::simulator::random::Stream;

/// The chief executive, the account that signs in and the first salesperson are never edited away.
const FOUNDERS: u64 = 3;
/// Members of a group that is added.
const MEMBERS_OF_ADDED: u64 = 12;

/// Which accounts are chosen: for the same round, another edit chooses others.
fn choice(edit: u64, round: u64) -> u64 {
    edit << 56 | round
}

/// Users.
impl Organization {
    /// Changes `count` accounts, or as many as there are to change; returns their numbers.
    pub(crate) fn change(&self, count: u64, round: u32) -> Vec<u64> {
        let chosen = self.choose(count, u64::from(round), |_, _| true);
        self.add_round(&chosen, round);
        chosen
    }

    /// Gives `count` employees another surname, in their addresses too; returns their numbers.
    pub(crate) fn rename(&self, count: u64, round: u32) -> Vec<u64> {
        let round = round | RENAMING;
        let is_employee = |view: &View, index| {
            view.person(index)
                .is_some_and(|person| person.kind == Kind::Employee)
        };
        let chosen = self.choose(count, u64::from(round), is_employee);
        self.add_round(&chosen, round);
        chosen
    }

    /// Changes accounts in one round.
    fn add_round(&self, chosen: &[u64], round: u32) {
        let mut edits = self.edit();
        for &user in chosen {
            let before = groups_of(self, &self.person_after_edits(&edits, user));
            let rounds = edits.rounds.entry(user).or_default();
            let rounds_before = rounds.len();
            rounds.push(round);
            edits.note(Event::UserChanged {
                user,
                rounds_before,
            });
            let after = groups_of(self, &self.person_after_edits(&edits, user));
            note_moves(&mut edits, user, &before, &after);
        }
    }

    /// Removes `count` accounts, or as many as there are to remove; returns their numbers.
    pub(crate) fn remove(&self, count: u64) -> Vec<u64> {
        let removed_before = self.edit().removed.len() as u64;
        let chosen = self.choose(count, u64::MAX - removed_before, |_, _| true);
        let mut edits = self.edit();
        for &user in &chosen {
            let led = self.led_after_edits(&edits, user);
            edits.removed.insert(user);
            edits.note(Event::UserRemoved(user));
            for user_led in led {
                edits.note(Event::ManagerLost {
                    user: user_led,
                    manager: user,
                });
            }
            if is_purged_when_removed(user) {
                self.end_for_good(&mut edits, user);
            }
        }
        chosen
    }

    /// Restores `count` accounts of those that were removed for a while, or as many as there are, in the
    /// groups where they were; returns their numbers. Of an account that is not `told`, no delta round
    /// says that it is back.
    pub(crate) fn restore(&self, count: u64, told: bool) -> Vec<u64> {
        let mut edits = self.edit();
        let chosen = removed_for_a_while(&edits, count);
        for &user in &chosen {
            edits.removed.remove(&user);
            let led = self.led_after_edits(&edits, user);
            for user in std::iter::once(user).chain(led) {
                match told {
                    true => edits.note(Event::UserRestored(user)),
                    false => edits.touch(user),
                }
            }
        }
        chosen
    }

    /// Removes for good `count` accounts of those that were removed for a while, or as many as there
    /// are, as Microsoft does after thirty days; returns their numbers.
    pub(crate) fn purge(&self, count: u64) -> Vec<u64> {
        let mut edits = self.edit();
        let chosen = removed_for_a_while(&edits, count);
        for &user in &chosen {
            edits.note(Event::UserPurged(user));
            self.end_for_good(&mut edits, user);
        }
        chosen
    }

    /// An account that is gone for good is in no group any more.
    fn end_for_good(&self, edits: &mut Edits, user: u64) {
        let groups = self.groups_after_edits(edits, user);
        edits.purged.insert(user);
        note_moves(edits, user, &groups, &[]);
    }

    /// The accounts whose manager it is.
    fn led_after_edits(&self, edits: &Edits, manager: u64) -> Vec<u64> {
        led_by(manager)
            .filter(|&index| {
                self.is_there(edits, index)
                    && self.person_after_edits(edits, index).manager == Some(manager)
            })
            .collect()
    }

    /// Adds `count` accounts; returns their numbers.
    pub(crate) fn add(&self, count: u64) -> Vec<u64> {
        let mut edits = self.edit();
        let from = self.founded_with + edits.added;
        edits.added += count;
        for user in from..from + count {
            edits.note(Event::UserAdded(user));
            let groups = groups_of(self, &self.person_after_edits(&edits, user));
            note_moves(&mut edits, user, &[], &groups);
        }
        (from..from + count).collect()
    }

    /// Changes the state of an assignment of `count` accounts, and nothing else of them; returns their
    /// numbers.
    pub(crate) fn change_assignment_states(&self, count: u64, round: u32) -> Vec<u64> {
        let holds = |view: &View, index| {
            view.person(index)
                .is_some_and(|person| !person.held.is_empty())
        };
        let chosen = self.choose(count, choice(1, u64::from(round)), holds);
        let mut edits = self.edit();
        for &user in &chosen {
            *edits.state_changes.entry(user).or_default() += 1;
            edits.touch(user); // The journal does not tell: no delta round follows these.
        }
        chosen
    }

    /// Lets `count` accounts sign in at `now`; returns their numbers.
    pub(crate) fn sign_in(&self, count: u64, round: u32, now: i64) -> Vec<u64> {
        let chosen = self.choose(count, choice(2, u64::from(round)), |_, _| true);
        let mut edits = self.edit();
        for &user in &chosen {
            edits.signed_in.insert(user, now);
        }
        chosen
    }
}

/// Groups.
impl Organization {
    /// Lets `count` accounts join or leave a project group; returns the group, the account and whether
    /// it is in it now.
    pub(crate) fn change_members(&self, count: u64, round: u32) -> Vec<(u64, u64, bool)> {
        let chosen = self.choose(count, choice(3, u64::from(round)), |_, _| true);
        let mut edits = self.edit();
        let assigned = self.assigned_groups(&edits);
        let mut draws = Draws::about(self.seed, Stream::Member, u64::from(round));
        let mut changes = Vec::with_capacity(chosen.len());
        for user in chosen {
            let Some(&group) = draws.choice(&assigned) else {
                continue;
            };
            let is_member = !self.groups_after_edits(&edits, user).contains(&group);
            set_member(&mut edits, group, user, is_member);
            changes.push((group, user, is_member));
        }
        changes
    }

    /// Adds `count` groups with a few members each; returns their numbers.
    pub(crate) fn add_groups(&self, count: u64) -> Vec<u64> {
        let mut added = Vec::new();
        for _ in 0..count {
            let number = self.founding_groups() + self.edit().added_groups;
            let members = self.choose(MEMBERS_OF_ADDED, choice(4, number), |_, _| true);
            let mut edits = self.edit();
            edits.added_groups += 1;
            edits.note(Event::GroupAdded(number));
            for user in members {
                set_member(&mut edits, number, user, true);
            }
            added.push(number);
        }
        added
    }

    /// Removes `count` groups that assign no licenses and follow no rule, or as many as there are;
    /// returns their numbers.
    pub(crate) fn remove_groups(&self, count: u64) -> Vec<u64> {
        let mut edits = self.edit();
        let mut there = self.assigned_groups(&edits);
        let mut security: Vec<u64> = (0..self.founding_groups())
            .filter(|number| !edits.removed_groups.contains(number))
            .filter(|&number| Group::new(self, number).kind == GroupKind::Empty)
            .collect();
        there.append(&mut security);
        let turn = edits.removed_groups.len() as u64;
        let mut draws = Draws::about(self.seed, Stream::Member, choice(5, turn));
        let mut removed = Vec::new();
        while (removed.len() as u64) < count && !there.is_empty() {
            let at = draws.below(there.len() as u64) as usize;
            let number = there.swap_remove(at);
            edits.removed_groups.insert(number);
            edits.note(Event::GroupRemoved(number));
            removed.push(number);
        }
        removed
    }

    fn assigned_groups(&self, edits: &Edits) -> Vec<u64> {
        (0..self.founding_groups() + edits.added_groups)
            .filter(|number| !edits.removed_groups.contains(number))
            .filter(|&number| Group::new(self, number).is_assigned())
            .collect()
    }

    /// The groups that an account is in, by what it is and by what was told.
    fn groups_after_edits(&self, edits: &Edits, user: u64) -> Vec<u64> {
        let mut groups = groups_of(self, &self.person_after_edits(edits, user));
        groups.retain(|&group| edits.membership(group, user) != Some(false));
        let told = edits
            .memberships
            .iter()
            .filter(|(_, users)| users.get(&user) == Some(&true))
            .map(|(&group, _)| group);
        groups.extend(told);
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

/// Choosing.
impl Organization {
    /// `count` accounts that are there and may be chosen, the same for the same choice.
    fn choose(&self, count: u64, choice: u64, may: impl Fn(&View, u64) -> bool) -> Vec<u64> {
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
            .filter(|&index| index >= FOUNDERS && view.is_there(index) && may(&view, index))
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

/// The accounts that may have this one as their manager: its team, and those who lead teams below it.
fn led_by(manager: u64) -> impl Iterator<Item = u64> {
    let team = manager..manager + TEAM;
    let leaders = (manager..manager + TEAM).map(|team| team * TEAM);
    let is_leader = manager.is_multiple_of(TEAM);
    team.chain(leaders)
        .filter(move |&index| is_leader && index != manager)
}

/// The first `count` of those that can be restored.
fn removed_for_a_while(edits: &Edits, count: u64) -> Vec<u64> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let kept = edits.removed.difference(&edits.purged);
    kept.take(count).copied().collect()
}

fn set_member(edits: &mut Edits, group: u64, user: u64, is_member: bool) {
    edits
        .memberships
        .entry(group)
        .or_default()
        .insert(user, is_member);
    edits.note(if is_member {
        Event::MemberJoined { group, user }
    } else {
        Event::MemberLeft { group, user }
    });
}

/// Notes which groups an account left and joined by what became of it.
fn note_moves(edits: &mut Edits, user: u64, before: &[u64], after: &[u64]) {
    for &group in before.iter().filter(|group| !after.contains(group)) {
        edits.note(Event::MemberLeft { group, user });
    }
    for &group in after.iter().filter(|group| !before.contains(group)) {
        edits.note(Event::MemberJoined { group, user });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn events_since(organization: &Organization, version: usize) -> Vec<Event> {
        organization
            .edit()
            .journal
            .iter()
            .skip(version)
            .copied()
            .collect()
    }

    #[test]
    fn a_change_is_told_with_the_groups_that_it_moves_the_account_between() {
        let organization = Organization::new(3, 600, "Contoso");
        let changed = organization.change(300, 1);
        let events = events_since(&organization, 0);
        let told = events
            .iter()
            .filter(|event| matches!(event, Event::UserChanged { .. }));
        assert_eq!(told.count(), changed.len());
        let departments: Vec<&Event> = events
            .iter()
            .filter(|event| matches!(event, Event::MemberJoined { group, .. } if (28..52).contains(group)))
            .collect();
        assert!(departments.len() > 20, "a sixth changes the department");
    }

    #[test]
    fn who_loses_the_manager_is_told() {
        let organization = Organization::new(3, 600, "Contoso");
        organization.remove(300);
        let lost: Vec<Event> = events_since(&organization, 0)
            .into_iter()
            .filter(|event| matches!(event, Event::ManagerLost { .. }))
            .collect();
        assert!(lost.len() > 30, "{}", lost.len());
        for event in lost {
            let Event::ManagerLost { user, manager } = event else {
                unreachable!("filtered above");
            };
            assert!(user > manager && organization.edit().removed.contains(&manager));
        }
    }

    #[test]
    fn only_who_is_gone_for_good_leaves_the_groups() {
        let organization = Organization::new(3, 600, "Contoso");
        let removed = organization.remove(60);
        let left: BTreeSet<u64> = events_since(&organization, 0)
            .into_iter()
            .filter_map(|event| match event {
                Event::MemberLeft { user, .. } => Some(user),
                _ => None,
            })
            .collect();
        assert!(!left.is_empty());
        assert!(left.iter().all(|user| user.is_multiple_of(3)));
        assert!(removed.iter().any(|user| !user.is_multiple_of(3)));
    }

    #[test]
    fn who_is_restored_is_in_the_groups_of_before_and_who_is_purged_in_none() {
        let organization = Organization::new(3, 600, "Contoso");
        let groups_of = |user: u64| {
            let view = organization.view();
            let has = |group: &Group| view.members(group.number, user, 1) == [user];
            view.groups().filter(has).count()
        };
        let before: Vec<usize> = (0..600).map(groups_of).collect();
        organization.remove(60);
        let version = organization.edit().journal.len();
        let restored = organization.restore(10, true);
        let untold = organization.restore(10, false);
        let events = events_since(&organization, version);
        for user in restored.iter().chain(&untold) {
            assert_eq!(groups_of(*user), before[*user as usize]);
            let is_told = events.contains(&Event::UserRestored(*user));
            assert_eq!(is_told, restored.contains(user));
        }
        assert_eq!((restored.len(), untold.len()), (10, 10));
        let purged = organization.purge(1_000);
        assert!(purged.len() > 10);
        assert!(purged.iter().all(|&user| groups_of(user) == 0));
        assert!(organization.restore(1_000, true).is_empty());
        assert_eq!(organization.view().count(), 600 - 60 + 20);
    }

    #[test]
    fn changed_states_are_not_in_the_journal() {
        let organization = Organization::new(3, 600, "Contoso");
        let chosen = organization.change_assignment_states(40, 1);
        assert_eq!(chosen.len(), 40);
        assert_eq!(events_since(&organization, 0), []);
        let view = organization.view();
        assert!(chosen.iter().all(|&user| view.state_changes(user) == 1));
        assert!(chosen.iter().all(|&user| view.touches(user) == 1));
    }

    #[test]
    fn groups_that_assign_licenses_or_follow_a_rule_stay() {
        let organization = Organization::new(3, 600, "Contoso");
        organization.add_groups(2);
        let removed = organization.remove_groups(1000);
        assert_eq!(removed.len() as u64, 10 + 2 + 1, "projects, added, empty");
        let view = organization.view();
        assert!(view.groups().all(|group| !group.is_assigned()));
        assert!(view.groups().any(|group| group.product().is_some()));
    }
}
