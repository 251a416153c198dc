//! A directory account and the licenses assigned to it.

use jiff::Timestamp;
use jiff::civil::Date;

use super::ids::{ObjectId, PlanId, SkuId};

/// A directory account, member or guest: Graph's `user`.
///
/// A text that Microsoft leaves out, sets to null or fills with spaces is `None`: an absent value is
/// one thing here, however it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `id`. The only key that never changes.
    pub object_id: ObjectId,
    /// `userPrincipalName`. Guests have `#EXT#` in it; compared without case.
    pub user_principal_name: String,
    /// `displayName`.
    pub display_name: Option<String>,
    /// `mail`; absent for most accounts without a mailbox.
    pub mail: Option<String>,
    /// `employeeId`.
    pub employee_id: Option<String>,
    /// `employeeType`: free text such as "Contractor".
    pub employee_type: Option<String>,
    /// `jobTitle`.
    pub job_title: Option<String>,
    /// `department`.
    pub department: Option<String>,
    /// `companyName`.
    pub company_name: Option<String>,
    /// `officeLocation`.
    pub office_location: Option<String>,
    /// `country`: free text.
    pub country: Option<String>,
    /// `usageLocation`: an ISO 3166 code of two letters; Microsoft wants it before licensing.
    pub usage_location: Option<String>,
    /// `userType`; null at Microsoft, on accounts synced long ago, counts as [`UserType::Member`].
    pub user_type: UserType,
    /// `isResourceAccount`; null counts as false. Microsoft calls it reserved: shared and room
    /// mailboxes mostly look like ordinary users here.
    pub is_resource_account: bool,
    /// `accountEnabled`; null, where it could not be read, counts as true: nobody is reported as
    /// disabled without proof.
    pub account_enabled: bool,
    /// `createdDateTime`; null for some accounts from before June 2018.
    pub created_at: Option<Timestamp>,
    /// The day of `employeeHireDate`, in UTC.
    pub hired_on: Option<Date>,
    /// `onPremisesSyncEnabled` is true; null (never synced) and false (no longer) are both false.
    pub is_synced_from_on_premises: bool,
    /// `manager.id`, where the manager is a user.
    pub manager: Option<ObjectId>,
    /// One entry a product, sorted by [`LicenseAssignment::sku_id`].
    pub assignments: Vec<LicenseAssignment>,
}

/// Graph's `user.userType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserType {
    /// Belongs to the organization.
    Member,
    /// Invited from elsewhere.
    Guest,
    /// A value that this version does not know.
    Unknown,
}

impl UserType {
    /// Every variant, in the order of the schema.
    pub const ALL: [Self; 3] = [Self::Member, Self::Guest, Self::Unknown];
}

/// A license assigned to a user, by one path or several. It holds one seat, unless every path failed.
///
/// Source: `user.assignedLicenses` says which products, `user.licenseAssignmentStates` by which path
/// and how it went. Several paths to one product hold one seat and are one assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseAssignment {
    /// `skuId`.
    pub sku_id: SkuId,
    /// The best state of all paths.
    pub state: AssignmentState,
    /// Microsoft's word for why a path fails, such as "`CountViolation`".
    pub error: Option<String>,
    /// A path that names no group.
    pub assigned_directly: bool,
    /// `assignedByGroup` of the other paths, sorted; may name groups that are gone.
    pub assigned_by_groups: Vec<ObjectId>,
    /// Service plans switched off on every path, sorted.
    pub disabled_plans: Vec<PlanId>,
    /// The latest `lastUpdatedDateTime`. Any edit of plans moves it: it is not the day of assignment.
    pub last_updated_at: Option<Timestamp>,
}

impl LicenseAssignment {
    /// Whether the assignment takes a seat. One that failed on every path does not: Microsoft counts
    /// no seat for it and leaves the product out of `assignedLicenses`.
    pub fn holds_seat(&self) -> bool {
        self.state.holds_seat()
    }
}

impl AssignmentState {
    /// Whether an assignment in this state takes a seat.
    pub fn holds_seat(self) -> bool {
        match self {
            Self::Active | Self::ActiveWithError | Self::Disabled | Self::Unknown => true,
            Self::Error => false,
        }
    }
}

/// Graph's `licenseAssignmentState.state`, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssignmentState {
    /// In force.
    Active,
    /// In force, but the last change to it failed.
    ActiveWithError,
    /// Switched off.
    Disabled,
    /// Not in force; the assignment's error says why.
    Error,
    /// A value that this version does not know, or none.
    Unknown,
}
