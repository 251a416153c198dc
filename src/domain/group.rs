//! Groups: who is in them, and the licenses they assign.

use super::ids::{ObjectId, SkuId};

/// A group of the directory: Graph's `group`. Who is in it stands with the users; see
/// [`Memberships`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `id`.
    pub object_id: ObjectId,
    /// `displayName`.
    pub display_name: Option<String>,
    /// `mail`.
    pub mail: Option<String>,
    /// `groupTypes` has `DynamicMembership`: a rule decides who is in it.
    pub is_dynamic: bool,
    /// `onPremisesSyncEnabled` is true; null and false are both false.
    pub is_synced_from_on_premises: bool,
    /// The products that it assigns to its members (`assignedLicenses`), sorted.
    pub assigns: Vec<SkuId>,
}

/// The groups that a user is a direct member of: `members` of the groups, told from the user's side,
/// so that one change of members is one small row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memberships {
    /// The user.
    pub object_id: ObjectId,
    /// The groups, sorted; never empty.
    pub groups: Vec<ObjectId>,
}
