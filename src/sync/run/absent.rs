//! Members of groups who are no users: not yet, or no longer.
//!
//! Groups and users are told apart, so that groups may tell of somebody whom the users tell of only in
//! the next run; and groups keep whoever is removed for as long as it can be restored, and say nothing
//! when it is. Either is told once. What was told is kept aside until the user comes.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::group::Memberships;
use crate::domain::ids::ObjectId;
use crate::domain::standing::AbsentMember;

/// So long Microsoft lets a removed user be restored, and a day more.
const KEPT: SignedDuration = SignedDuration::from_hours(31 * 24);

/// More are not kept: of those who have been gone the longest, the next whole reading tells.
const MAX: usize = 16_384;

/// The groups of those who are no users.
#[derive(Debug, Default)]
pub(super) struct AbsentMembers(BTreeMap<ObjectId, Absent>);

#[derive(Debug)]
struct Absent {
    /// Sorted.
    groups: Vec<ObjectId>,
    since: Timestamp,
}

impl AbsentMembers {
    pub(super) fn new(members: &[AbsentMember]) -> Self {
        let absent = |member: &AbsentMember| {
            let Memberships { object_id, groups } = member.memberships.clone();
            let since = member.since;
            (object_id, Absent { groups, since })
        };
        Self(members.iter().map(absent).collect())
    }

    /// Keeps the groups of somebody who is no user any more.
    pub(super) fn put(&mut self, memberships: Memberships, now: Timestamp) {
        let Memberships { object_id, groups } = memberships;
        let absent = Absent { groups, since: now };
        self.0.insert(object_id, absent);
    }

    /// Takes in where somebody who is no user came into groups (true) and left them. With `is_whole` it
    /// is in no others.
    pub(super) fn move_member(
        &mut self,
        id: ObjectId,
        moves: &BTreeMap<ObjectId, bool>,
        is_whole: bool,
        now: Timestamp,
    ) {
        let held = self.0.remove(&id).filter(|_| !is_whole);
        let groups = moved(held.map_or_else(Vec::new, |absent| absent.groups), moves);
        if !groups.is_empty() {
            self.0.insert(id, Absent { groups, since: now });
        }
    }

    /// Those who are in a group.
    pub(super) fn members(&self, group: ObjectId) -> impl Iterator<Item = ObjectId> {
        let is_in = move |absent: &Absent| absent.groups.binary_search(&group).is_ok();
        let members = self.0.iter().filter(move |(_, absent)| is_in(absent));
        members.map(|(id, _)| *id)
    }

    /// Takes out those who are users after all.
    pub(super) fn take_present(&mut self, is_user: impl Fn(ObjectId) -> bool) -> Vec<Memberships> {
        let present = self.0.extract_if(.., |id, _| is_user(*id));
        let memberships = |(object_id, absent): (_, Absent)| Memberships {
            object_id,
            groups: absent.groups,
        };
        present.map(memberships).collect()
    }

    /// Those who may still come, in groups that there are; the latest first.
    pub(super) fn to_list(
        &self,
        is_group: &HashSet<ObjectId>,
        now: Timestamp,
    ) -> Vec<AbsentMember> {
        let kept = self.0.iter().filter_map(|(id, absent)| {
            let groups = absent.groups.iter().copied();
            let groups: Vec<_> = groups.filter(|group| is_group.contains(group)).collect();
            let may_come = now.duration_since(absent.since) < KEPT && !groups.is_empty();
            may_come.then_some(AbsentMember {
                memberships: Memberships {
                    object_id: *id,
                    groups,
                },
                since: absent.since,
            })
        });
        let mut list: Vec<_> = kept.collect();
        list.sort_by_key(|member| std::cmp::Reverse(member.since));
        list.truncate(MAX);
        list
    }
}

/// The groups of somebody who came into some (true) and left others; sorted.
pub(super) fn moved(mut groups: Vec<ObjectId>, moves: &BTreeMap<ObjectId, bool>) -> Vec<ObjectId> {
    groups.retain(|group| moves.get(group) != Some(&false));
    let joined = moves.iter().filter(|(_, is_in)| **is_in);
    groups.extend(joined.map(|(group, _)| *group));
    groups.sort_unstable();
    groups.dedup();
    groups
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> ObjectId {
        ObjectId(Uuid::from_u128(number))
    }

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    fn moves(joined: &[u128], left: &[u128]) -> BTreeMap<ObjectId, bool> {
        let joined = joined.iter().map(|group| (id(*group), true));
        let left = left.iter().map(|group| (id(*group), false));
        joined.chain(left).collect()
    }

    /// Somebody in groups 1 and 2 since day 0, listed on `day` where groups 1, 2 and 3 are.
    #[track_caller]
    fn check(change: impl FnOnce(&mut AbsentMembers), day: i64, groups: &[u128]) {
        let mut members = AbsentMembers::default();
        members.move_member(id(9), &moves(&[1, 2], &[]), false, at(0));
        change(&mut members);
        let list = members.to_list(&[id(1), id(2), id(3)].into(), at(day));
        let listed: Vec<_> = list
            .iter()
            .flat_map(|member| &member.memberships.groups)
            .copied()
            .collect();
        let expected: Vec<_> = groups.iter().copied().map(id).collect();
        assert_eq!(listed, expected);
        assert_eq!(
            AbsentMembers::new(&list).to_list(&[id(1), id(2), id(3)].into(), at(day)),
            list
        );
    }

    #[test]
    fn what_was_told_of_the_absent_is_kept_for_a_month() {
        let nothing = |_: &mut AbsentMembers| ();
        check(nothing, 30, &[1, 2]);
        check(nothing, 31, &[]);
        let again = |members: &mut AbsentMembers| {
            members.move_member(id(9), &moves(&[3], &[]), false, at(20));
        };
        check(again, 50, &[1, 2, 3]);
    }

    #[test]
    fn the_absent_join_and_leave_groups_like_anybody() {
        let moving = |joined: &'static [u128], left: &'static [u128], is_whole| {
            move |members: &mut AbsentMembers| {
                members.move_member(id(9), &moves(joined, left), is_whole, at(1));
            }
        };
        check(moving(&[3], &[1], false), 1, &[2, 3]);
        check(moving(&[], &[1, 2], false), 1, &[]);
        check(moving(&[3], &[], true), 1, &[3]);
        check(moving(&[3, 4], &[], false), 1, &[1, 2, 3]);
    }

    #[test]
    fn whoever_comes_is_absent_no_more() {
        let coming = |members: &mut AbsentMembers| {
            assert_eq!(members.members(id(2)).collect::<Vec<_>>(), [id(9)]);
            assert_eq!(members.take_present(|_| false), []);
            let came = members.take_present(|user| user == id(9));
            assert_eq!(came[0].groups, [id(1), id(2)]);
        };
        check(coming, 1, &[]);
    }

    #[test]
    fn those_gone_the_longest_are_forgotten_where_they_are_too_many() {
        let mut members = AbsentMembers::default();
        for number in 0..20_000 {
            let since = Timestamp::from_second(number as i64).unwrap();
            members.move_member(id(number), &moves(&[1], &[]), false, since);
        }
        let list = members.to_list(&[id(1)].into(), at(1));
        assert_eq!(list.len(), MAX);
        assert_eq!(list[0].memberships.object_id, id(19_999));
    }
}
