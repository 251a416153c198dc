//! Groups: which there are, and who is in them by what an account is.

use uuid::Uuid;

use super::Organization;
use super::departments::DEPARTMENTS;
use super::licensing::failing_product;
use super::licensing::licensing_group;
use super::licensing::paths;
use super::offices::OFFICES;
use super::person::Kind;
use super::person::Person;
use super::person::department_position;
use super::products::PRODUCTS;
use super::products::Product;
use crate::simulator::random::Draws;
use crate::simulator::random::Stream;
use crate::simulator::random::guid;

/// Accounts of one project group.
const PROJECT: u64 = 64;
/// The product that is the organization's and nobody's has no group: it is the last one.
const LICENSING_GROUPS: u64 = PRODUCTS.len() as u64 - 1;
const FIRST_DEPARTMENT: u64 = LICENSING_GROUPS;
const FIRST_OFFICE: u64 = FIRST_DEPARTMENT + DEPARTMENTS.len() as u64;
const EVERYBODY: u64 = FIRST_OFFICE + OFFICES.len() as u64;
const GUESTS: u64 = EVERYBODY + 1;
const BOARD: u64 = EVERYBODY + 2;
const MIXED: u64 = EVERYBODY + 3;
const EMPTY: u64 = EVERYBODY + 4;
const FIRST_PROJECT: u64 = EVERYBODY + 5;

/// What a group is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupKind {
    /// Hands out the product at this position of [`PRODUCTS`].
    Licensing(usize),
    /// A rule puts everybody of the department into it.
    Department(usize),
    /// A distribution list, synced from on premises.
    Office(usize),
    /// All employees.
    Everybody,
    /// A rule puts all guests into it.
    Guests,
    /// Its members are hidden.
    Board,
    /// Besides a few people: devices, a program, a contact, another group.
    Mixed,
    Empty,
    /// The people of a project.
    Project(u64),
    /// Made while the organization lives.
    Added(u64),
}

/// A group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) number: u64,
    pub(crate) kind: GroupKind,
}

/// A member that is no user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherMember {
    /// The last part of its `@odata.type`.
    pub(crate) of_type: &'static str,
    pub(crate) id: Uuid,
    pub(crate) name: String,
}

impl Group {
    /// The group with this number, of those that an organization may have.
    pub(crate) fn new(organization: &Organization, number: u64) -> Self {
        let position = |first: u64| (number - first) as usize;
        let kind = match number {
            0..FIRST_DEPARTMENT => GroupKind::Licensing(position(0)),
            FIRST_DEPARTMENT..FIRST_OFFICE => GroupKind::Department(position(FIRST_DEPARTMENT)),
            FIRST_OFFICE..EVERYBODY => GroupKind::Office(position(FIRST_OFFICE)),
            EVERYBODY => GroupKind::Everybody,
            GUESTS => GroupKind::Guests,
            BOARD => GroupKind::Board,
            MIXED => GroupKind::Mixed,
            EMPTY => GroupKind::Empty,
            _ => match number.checked_sub(organization.founding_groups()) {
                Some(turn) => GroupKind::Added(turn),
                None => GroupKind::Project(number - FIRST_PROJECT),
            },
        };
        Self { number, kind }
    }

    /// `id`.
    pub(crate) fn id(&self, seed: u64) -> Uuid {
        guid(seed, Stream::GroupId, self.number)
    }

    /// `displayName`.
    pub(crate) fn display_name(&self, organization: &Organization) -> String {
        match self.kind {
            GroupKind::Licensing(_) => {
                let part = self.product().map_or("", |product| product.part_number);
                format!("LIC-{part}")
            }
            GroupKind::Department(position) => department_name(position).to_owned(),
            GroupKind::Office(position) => {
                let site = OFFICES.get(position).map_or("", |office| office.site);
                format!("All of {site}")
            }
            GroupKind::Everybody => format!("All {}", organization.name),
            GroupKind::Guests => "All guests".to_owned(),
            GroupKind::Board => "Board".to_owned(),
            GroupKind::Mixed => "Shop floor devices".to_owned(),
            GroupKind::Empty => "Reserved".to_owned(),
            GroupKind::Project(number) => project_name(organization.seed, number),
            GroupKind::Added(number) => {
                format!(
                    "{} (new)",
                    project_name(organization.seed, self.number + number)
                )
            }
        }
    }

    /// `mailNickname`.
    pub(crate) fn mail_nickname(&self) -> String {
        match self.kind {
            GroupKind::Office(position) => format!("office{position}"),
            GroupKind::Everybody => "all".to_owned(),
            _ => format!("group{}", self.number),
        }
    }

    /// `groupTypes` has `Unified`: a Microsoft 365 group.
    pub(crate) fn is_unified(&self) -> bool {
        match self.kind {
            GroupKind::Department(position) => position.is_multiple_of(2),
            GroupKind::Everybody
            | GroupKind::Board
            | GroupKind::Project(_)
            | GroupKind::Added(_) => true,
            _ => false,
        }
    }

    /// `membershipRule` of a dynamic group.
    pub(crate) fn rule(&self) -> Option<String> {
        match self.kind {
            GroupKind::Department(position) => Some(format!(
                "user.department -eq \"{}\"",
                department_name(position)
            )),
            GroupKind::Guests => Some("user.userType -eq \"Guest\"".to_owned()),
            _ => None,
        }
    }

    /// `securityEnabled`.
    pub(crate) fn is_security_enabled(&self) -> bool {
        !self.is_unified() && !matches!(self.kind, GroupKind::Office(_))
    }

    /// `mailEnabled`.
    pub(crate) fn is_mail_enabled(&self) -> bool {
        !self.is_security_enabled()
    }

    /// `onPremisesSyncEnabled`; `None` is null.
    pub(crate) fn is_synced(&self) -> Option<bool> {
        match self.kind {
            GroupKind::Office(_) => Some(true),
            GroupKind::Licensing(position) if position.is_multiple_of(4) => Some(true),
            GroupKind::Licensing(1) => Some(false),
            _ => None,
        }
    }

    /// `visibility`.
    pub(crate) fn visibility(&self) -> Option<&'static str> {
        match self.kind {
            GroupKind::Board => Some("HiddenMembership"),
            GroupKind::Everybody => Some("Public"),
            _ if self.is_unified() => Some("Private"),
            _ => None,
        }
    }

    /// `createdDateTime`, seconds since 1970.
    pub(crate) fn created_at(&self, seed: u64) -> i64 {
        let mut draws = Draws::about(seed, Stream::Group, self.number);
        1_400_000_000 + draws.below(390_000_000) as i64
    }

    /// The product that it assigns to its members.
    pub(crate) fn product(&self) -> Option<&'static Product> {
        match self.kind {
            GroupKind::Licensing(position) => PRODUCTS.get(position),
            _ => None,
        }
    }

    /// Whether somebody decides by hand who is in it.
    pub(crate) fn is_assigned(&self) -> bool {
        matches!(self.kind, GroupKind::Project(_) | GroupKind::Added(_))
    }

    /// Its members that are no users.
    pub(crate) fn other_members(&self, organization: &Organization) -> Vec<OtherMember> {
        let seed = organization.seed;
        let other = |of_type: &'static str, turn: u64, name: &str| OtherMember {
            of_type,
            id: guid(seed, Stream::OtherMember, self.number * 8 + turn),
            name: name.to_owned(),
        };
        let nested = |number: u64| {
            let group = Group::new(organization, number);
            OtherMember {
                of_type: "group",
                id: group.id(seed),
                name: group.display_name(organization),
            }
        };
        match self.kind {
            GroupKind::Mixed => vec![
                other("device", 0, "KIOSK-017"),
                other("device", 1, "KIOSK-018"),
                other("servicePrincipal", 2, "Shift planner"),
                other("orgContact", 3, "Facility service desk"),
                nested(FIRST_DEPARTMENT),
            ],
            GroupKind::Office(0) => vec![other("orgContact", 0, "Building management")],
            GroupKind::Everybody => vec![nested(GUESTS)],
            _ => Vec::new(),
        }
    }
}

fn department_name(position: usize) -> &'static str {
    DEPARTMENTS
        .get(position)
        .map_or("", |department| department.name)
}

fn project_name(seed: u64, number: u64) -> String {
    const FIRST: [&str; 12] = [
        "Aurora", "Basalt", "Cirrus", "Delta", "Ember", "Falcon", "Granite", "Harbor", "Indigo",
        "Juniper", "Kestrel", "Lagoon",
    ];
    const SECOND: [&str; 6] = [
        "rollout",
        "migration",
        "launch",
        "audit",
        "redesign",
        "pilot",
    ];
    let mut draws = Draws::about(seed, Stream::Group, number | 1 << 40);
    let first = draws.choice(&FIRST).copied().unwrap_or_default();
    let second = draws.choice(&SECOND).copied().unwrap_or_default();
    format!("{first} {second} {number}")
}

/// How many groups an organization of so many accounts begins with.
pub(super) fn founding_groups(founded_with: u64) -> u64 {
    FIRST_PROJECT + founded_with.div_ceil(PROJECT)
}

/// The numbers of the groups that an account is in by what it is, ascending.
pub(super) fn groups_of(organization: &Organization, person: &Person) -> Vec<u64> {
    let mut groups = Vec::with_capacity(8);
    groups.extend(licensing_groups_of(organization.seed, person));
    if let Some(department) = person.department {
        groups.push(FIRST_DEPARTMENT + department_position(department) as u64);
    }
    if person.kind == Kind::Employee {
        let site = person.office.site;
        let office = OFFICES.iter().position(|office| office.site == site);
        groups.extend(office.map(|position| FIRST_OFFICE + position as u64));
        groups.push(EVERYBODY);
    }
    if person.user_type == Some("Guest") {
        groups.push(GUESTS);
    }
    if person.kind == Kind::Employee && person.index.is_multiple_of(512) {
        groups.push(BOARD);
    }
    if person.kind == Kind::Employee && (2..9).contains(&person.index) {
        groups.push(MIXED);
    }
    if person.is_human() {
        let last = founding_groups(organization.founded_with) - 1;
        groups.push((FIRST_PROJECT + person.index / PROJECT).min(last));
    }
    groups
}

/// The groups that `licenseAssignmentStates` names, whether the assignment works or not.
fn licensing_groups_of(seed: u64, person: &Person) -> Vec<u64> {
    let failing = (person.kind == Kind::Employee)
        .then(|| failing_product(seed, person.index, person.held, person.since))
        .flatten()
        .map(|(position, _)| position);
    let by_group = person.held.positions().filter(|&position| {
        let group = licensing_group(seed, position);
        paths(seed, person.index, position, person.since)
            .iter()
            .any(|path| path.group == Some(group))
    });
    let mut groups: Vec<u64> = by_group
        .chain(failing)
        .map(|position| position as u64)
        .collect();
    groups.sort_unstable();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_group_with_a_name_and_an_id_of_its_own() {
        let organization = Organization::new(3, 1000, "Contoso");
        let all: Vec<Group> = (0..organization.founding_groups() + 2)
            .map(|number| Group::new(&organization, number))
            .collect();
        let mut names: Vec<String> = all.iter().map(|g| g.display_name(&organization)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        assert_eq!(all[0].id(3), licensing_group(3, 0));
        assert_eq!(all[FIRST_PROJECT as usize].kind, GroupKind::Project(0));
        assert_eq!(all.last().unwrap().kind, GroupKind::Added(1));
        for group in all {
            assert!(group.is_unified() != group.is_security_enabled() || group.is_mail_enabled());
            assert!(!(group.is_assigned() && group.rule().is_some()));
        }
    }

    #[test]
    fn an_account_is_in_the_groups_that_its_assignments_name() {
        let organization = Organization::new(3, 1000, "Contoso");
        let mut named = 0;
        for person in (0..1000).map(|index| Person::new(3, index)) {
            let groups = groups_of(&organization, &person);
            assert!(groups.is_sorted_by(|a, b| a < b), "{groups:?}");
            for position in person.held.positions() {
                let id = licensing_group(3, position);
                let is_named = paths(3, person.index, position, person.since)
                    .iter()
                    .any(|path| path.group == Some(id));
                assert_eq!(groups.contains(&(position as u64)), is_named);
                named += u32::from(is_named);
            }
        }
        assert!(named > 500, "{named}");
    }
}
