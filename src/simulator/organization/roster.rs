//! Who is in which group now: worked out once for all groups, and kept up by the journal.

use super::Organization;
use super::edits::Edits;
use super::edits::Event;
use super::groups::groups_of;

/// The accounts of each group, by the numbers of both, ascending. Accounts that were removed and can
/// be restored are still in it.
pub(super) struct Roster {
    groups: Vec<Vec<u64>>,
    /// How much of the journal is in it.
    version: usize,
}

impl Roster {
    pub(super) fn new(organization: &Organization, edits: &Edits) -> Self {
        let count = organization.founding_groups() + edits.added_groups;
        let mut groups = vec![Vec::new(); usize::try_from(count).unwrap_or(0)];
        for index in 0..organization.founded_with + edits.added {
            if edits.purged.contains(&index) {
                continue;
            }
            let person = organization.person_after_edits(edits, index);
            for number in groups_of(organization, &person) {
                if edits.membership(number, index) != Some(false)
                    && let Some(members) = groups.get_mut(number as usize)
                {
                    members.push(index);
                }
            }
        }
        let mut roster = Self {
            groups,
            version: edits.journal.len(),
        };
        for (&group, users) in &edits.memberships {
            let told = users
                .iter()
                .filter(|(user, is_in)| **is_in && !edits.purged.contains(user));
            for (&user, _) in told {
                roster.set(group, user, true);
            }
        }
        roster
    }

    /// Takes in what happened since.
    pub(super) fn follow(&mut self, edits: &Edits) {
        for event in edits.journal.iter().skip(self.version) {
            match *event {
                Event::GroupAdded(_) => self.groups.push(Vec::new()),
                Event::MemberJoined { group, user } => self.set(group, user, true),
                Event::MemberLeft { group, user } => self.set(group, user, false),
                _ => {}
            }
        }
        self.version = edits.journal.len();
    }

    /// The accounts of a group, ascending.
    pub(super) fn members(&self, group: u64) -> &[u64] {
        self.groups
            .get(group as usize)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    fn set(&mut self, group: u64, user: u64, is_member: bool) {
        let Some(members) = self.groups.get_mut(group as usize) else {
            return;
        };
        match (members.binary_search(&user), is_member) {
            (Err(place), true) => members.insert(place, user),
            (Ok(place), false) => {
                members.remove(place);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_that_follows_the_journal_is_the_one_that_is_made_anew() {
        let organization = Organization::new(3, 500, "Contoso");
        let mut roster = Roster::new(&organization, &organization.edit());
        organization.change(120, 1);
        organization.change_members(60, 1);
        organization.add_groups(3);
        organization.add(40);
        organization.remove(50);
        organization.restore(10, true);
        organization.purge(10);
        organization.change(120, 2);
        organization.change_members(60, 2);
        organization.remove_groups(2);
        let edits = organization.edit();
        assert!(edits.journal.len() > 400);
        roster.follow(&edits);
        let anew = Roster::new(&organization, &edits);
        assert_eq!(roster.groups.len(), anew.groups.len());
        for (number, members) in anew.groups.iter().enumerate() {
            assert_eq!(&roster.groups[number], members, "group {number}");
        }
    }
}
