//! What somebody would have to do so that seats come free: a list for people and a script for their hands.
//!
//! Nothing here changes a tenant, and nothing in this program could. A license that a group assigns
//! cannot be taken from the user, who has to leave the group; and leaving it may take away more. So each
//! step says by which path the seat is held and what else goes with it.

mod script;
mod table;

use super::finding::{Confidence, Finding, FindingKind, Said};
use super::ids::{ObjectId, SkuId};
use super::money::Money;
use super::user::LicenseAssignment;

pub use script::{Tenant, script};
pub use table::table;

/// One seat that a finding would have freed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Who holds it: `user.id`.
    pub user: ObjectId,
    /// `user.userPrincipalName`.
    pub user_principal_name: String,
    /// `user.displayName`.
    pub display_name: Option<String>,
    /// The license: `skuId`.
    pub license: SkuId,
    /// What people call it.
    pub license_name: String,
    /// The license that takes its place, where a smaller one is enough.
    pub replaced_by: Option<(SkuId, String)>,
    /// Why.
    pub kind: FindingKind,
    /// How sure that is.
    pub confidence: Confidence,
    /// The evidence as one sentence.
    pub summary: String,
    /// What a month would save; `None` where the seat has no price.
    pub monthly_savings: Option<Money>,
    /// What has to be done.
    pub act: Act,
}

/// What has to be done for one seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The license is assigned to the user: take it away. Groups of the list assign it too: without
    /// leaving them the seat stays.
    Unassign {
        /// Empty where the user holds it directly only.
        then_leave: Vec<Path>,
        /// What leaving all of these groups takes away besides.
        takes_also: Vec<(SkuId, String)>,
    },
    /// Only groups assign it: leave each.
    Leave {
        /// At least one.
        groups: Vec<Path>,
        /// What leaving all of them takes away besides.
        takes_also: Vec<(SkuId, String)>,
    },
    /// The user holds it twice: take away the direct one. The seat stays, since the groups assign it.
    UnassignTwin,
}

/// A group that assigns a license to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// `group.id`.
    pub group: ObjectId,
    /// `group.displayName`; `None` of a group that is gone or was never read.
    pub name: Option<String>,
    /// Who can take a member out.
    pub membership: Membership,
}

/// Who decides who is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// An administrator or owner.
    Assigned,
    /// A rule: what it looks at has to change.
    Dynamic,
    /// A directory on premises.
    OnPremises,
    /// The group was not read.
    Unknown,
}

impl Membership {
    /// As tables and scripts name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Dynamic => "dynamic",
            Self::OnPremises => "on premises",
            Self::Unknown => "unknown",
        }
    }
}

/// The licenses, besides one, that a user loses by leaving all groups that assign it: those that no other
/// path gives. Sorted.
pub fn lost_besides(assignments: &[LicenseAssignment], license: SkuId) -> Vec<SkuId> {
    let left = assignments
        .iter()
        .find(|one| one.sku_id == license)
        .map_or(&[][..], |one| &one.assigned_by_groups);
    let is_lost = |one: &&LicenseAssignment| {
        let mut groups = one.assigned_by_groups.iter();
        one.sku_id != license
            && one.holds_seat()
            && !one.assigned_directly
            && !one.assigned_by_groups.is_empty()
            && groups.all(|group| left.contains(group))
    };
    let lost = assignments.iter().filter(is_lost);
    let mut lost: Vec<SkuId> = lost.map(|one| one.sku_id).collect();
    lost.sort_unstable();
    lost
}

/// What frees the seat of an assignment, by what is known of its groups; `None` where the finding is not
/// about a seat that could be taken away.
pub fn act(
    kind: FindingKind,
    assignment: &LicenseAssignment,
    path_of: impl Fn(ObjectId) -> Path,
    takes_also: Vec<(SkuId, String)>,
) -> Option<Act> {
    if !frees_seats(kind) {
        return None;
    }
    let groups = || assignment.assigned_by_groups.iter().copied().map(&path_of);
    match (kind, assignment.assigned_directly) {
        (FindingKind::DuplicateAssignment, true) => Some(Act::UnassignTwin),
        (FindingKind::DuplicateAssignment, false) => None,
        (_, true) => Some(Act::Unassign {
            then_leave: groups().collect(),
            takes_also,
        }),
        (_, false) if assignment.assigned_by_groups.is_empty() => None,
        (_, false) => Some(Act::Leave {
            groups: groups().collect(),
            takes_also,
        }),
    }
}

/// Whether a finding of a kind is about a user's seat that could be taken away or exchanged.
pub fn frees_seats(kind: FindingKind) -> bool {
    match kind {
        FindingKind::Inactive
        | FindingKind::NeverActive
        | FindingKind::DisabledAccount
        | FindingKind::Guest
        | FindingKind::ResourceAccount
        | FindingKind::Overlap
        | FindingKind::DuplicateAssignment
        | FindingKind::Downgrade
        | FindingKind::EmptyLicense
        | FindingKind::CopilotUnused
        | FindingKind::AddonUnused => true,
        FindingKind::UnassignedSeats
        | FindingKind::OverConsumed
        | FindingKind::AssignmentError
        | FindingKind::SubscriptionChange
        | FindingKind::TrialEnding => false,
    }
}

/// The license that takes the place of the one that a finding is about: a smaller one that is enough, or
/// the bundle that it is a part of.
pub fn replacement(finding: &Finding) -> Option<SkuId> {
    finding.facts.iter().find_map(|fact| match fact.said {
        Said::Enough(sku) | Said::PartOf(sku) => Some(sku),
        _ => None,
    })
}

impl Act {
    /// The groups to leave.
    pub fn groups(&self) -> &[Path] {
        match self {
            Self::Unassign { then_leave, .. } => then_leave,
            Self::Leave { groups, .. } => groups,
            Self::UnassignTwin => &[],
        }
    }

    /// What leaving them takes away besides.
    pub fn takes_also(&self) -> &[(SkuId, String)] {
        match self {
            Self::Unassign { takes_also, .. } | Self::Leave { takes_also, .. } => takes_also,
            Self::UnassignTwin => &[],
        }
    }

    /// Whether the license is taken from the user.
    pub fn unassigns(&self) -> bool {
        match self {
            Self::Unassign { .. } | Self::UnassignTwin => true,
            Self::Leave { .. } => false,
        }
    }

    /// What to do, as one word of the schema.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unassign { then_leave, .. } if then_leave.is_empty() => "UNASSIGN",
            Self::Unassign { .. } => "UNASSIGN_AND_LEAVE_GROUPS",
            Self::Leave { .. } => "LEAVE_GROUPS",
            Self::UnassignTwin => "UNASSIGN_TWIN",
        }
    }
}

#[cfg(test)]
mod tests;
