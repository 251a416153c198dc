//! What may be asked of groups, already checked, and what it means.
//!
//! A group is judged one by one from its facts: there are few beside the users, and nobody counts them.

use super::filter::TextCondition;
use super::group::Group;
use super::ids::{ObjectId, TenantKey};
use super::text::sort_key;

/// A condition on groups.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupFilter {
    /// Every one must hold; none holds for every group.
    And(Vec<GroupFilter>),
    /// One must hold; none holds for no group.
    Or(Vec<GroupFilter>),
    /// Must not hold.
    Not(Box<GroupFilter>),
    /// The group is of one of these tenants.
    Tenant(Vec<TenantKey>),
    /// What it is called.
    DisplayName(TextCondition),
    /// Whether it assigns any license.
    AssignsLicenses(bool),
}

impl GroupFilter {
    /// Whether a group meets the condition.
    pub fn holds(&self, facts: GroupFacts<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(facts)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(facts)),
            Self::Not(part) => !part.holds(facts),
            Self::Tenant(keys) => keys.contains(facts.tenant),
            Self::DisplayName(condition) => condition.holds(facts.folded_name),
            Self::AssignsLicenses(does) => facts.group.assigns.is_empty() != *does,
        }
    }
}

/// What a group is judged by.
#[derive(Debug, Clone, Copy)]
pub struct GroupFacts<'a> {
    /// Whose it is.
    pub tenant: &'a TenantKey,
    /// What Microsoft says of it.
    pub group: &'a Group,
    /// Its display name, folded: once, for many conditions.
    pub folded_name: Option<&'a str>,
}

/// Where a group stands: by display name, those without one last; ties are broken by GUID, then by
/// tenant. It stays a place when the group is gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupPosition {
    name: Name,
    object_id: ObjectId,
    tenant: TenantKey,
}

/// In this order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Present(String),
    Absent,
}

impl GroupPosition {
    /// Of a group by what it is called.
    pub fn new(display_name: Option<&str>, object_id: ObjectId, tenant: TenantKey) -> Self {
        let name = display_name.map(sort_key);
        Self::of_sort_key(name, object_id, tenant)
    }

    /// Of the parts of a position.
    pub fn of_sort_key(name: Option<String>, object_id: ObjectId, tenant: TenantKey) -> Self {
        Self {
            name: name.map_or(Name::Absent, Name::Present),
            object_id,
            tenant,
        }
    }

    /// What the group is sorted by; `None` where it has no name.
    pub fn sort_key(&self) -> Option<&str> {
        match &self.name {
            Name::Present(name) => Some(name),
            Name::Absent => None,
        }
    }

    /// The group.
    pub fn object_id(&self) -> ObjectId {
        self.object_id
    }

    /// Whose it is.
    pub fn tenant(&self) -> &TenantKey {
        &self.tenant
    }
}

impl std::fmt::Debug for Name {
    /// Whether there is one: what a group is called may name a person.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Present(_) => "Present",
            Self::Absent => "Absent",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SkuId;
    use crate::domain::text::{Folded, fold};

    fn key(text: &str) -> TenantKey {
        TenantKey::parse(text).unwrap()
    }

    fn id(number: u128) -> ObjectId {
        ObjectId(uuid::Uuid::from_u128(number))
    }

    fn group(display_name: Option<&str>, assigns: &[u128]) -> Group {
        Group {
            object_id: id(1),
            display_name: display_name.map(str::to_owned),
            mail: None,
            is_dynamic: false,
            is_synced_from_on_premises: false,
            assigns: assigns
                .iter()
                .map(|number| SkuId(uuid::Uuid::from_u128(*number)))
                .collect(),
        }
    }

    #[track_caller]
    fn check(filter: GroupFilter, group: &Group, holds: bool) {
        let folded = group.display_name.as_deref().map(fold);
        let facts = GroupFacts {
            tenant: &key("contoso"),
            group,
            folded_name: folded.as_deref(),
        };
        assert_eq!(filter.holds(facts), holds, "{filter:?}");
        assert_eq!(GroupFilter::Not(Box::new(filter)).holds(facts), !holds);
    }

    #[test]
    fn a_group_is_judged_by_every_fact_a_filter_names() {
        let (sales, nameless) = (group(Some(" Sales "), &[7]), group(None, &[]));
        let named = |text| GroupFilter::DisplayName(TextCondition::In([Folded::new(text)].into()));
        check(named("sales"), &sales, true);
        check(named("sale"), &sales, false);
        check(named("sales"), &nameless, false);
        let absent = || GroupFilter::DisplayName(TextCondition::IsAbsent);
        check(absent(), &sales, false);
        check(absent(), &nameless, true);
        check(GroupFilter::AssignsLicenses(true), &sales, true);
        check(GroupFilter::AssignsLicenses(true), &nameless, false);
        check(GroupFilter::AssignsLicenses(false), &nameless, true);
        check(GroupFilter::Tenant(vec![key("contoso")]), &sales, true);
        check(GroupFilter::Tenant(vec![key("fabrikam")]), &sales, false);
        check(
            GroupFilter::And(vec![named("sales"), absent()]),
            &sales,
            false,
        );
        check(
            GroupFilter::Or(vec![named("sales"), absent()]),
            &sales,
            true,
        );
        check(GroupFilter::And(vec![]), &sales, true);
        check(GroupFilter::Or(vec![]), &sales, false);
    }

    #[test]
    fn groups_stand_by_name_without_case_then_by_id_and_nameless_ones_last() {
        let place = |name, number| GroupPosition::new(name, id(number), key("contoso"));
        let sorted = [
            place(Some("alpha"), 9),
            place(Some("Beta"), 1),
            place(Some("BETA"), 2),
            place(Some("gamma"), 0),
            place(None, 0),
            place(None, 3),
        ];
        assert!(sorted.is_sorted());
        let elsewhere = GroupPosition::new(None, id(3), key("fabrikam"));
        assert!(sorted[5] < elsewhere);
    }

    #[test]
    fn names_that_begin_alike_for_long_stand_by_id() {
        let long = "a".repeat(5_000);
        let place = |end, number| {
            GroupPosition::new(Some(&format!("{long}{end}")), id(number), key("contoso"))
        };
        assert!(place("b", 1) < place("a", 2));
        assert!(place("b", 1).sort_key().unwrap().len() <= 1_024);
    }
}
