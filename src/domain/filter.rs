//! What may be asked of users: filters, orders and dimensions, already checked.
//!
//! The API parses its input into these; the engine answers them. A value that exists here is valid:
//! texts are folded, ranges are whole, the nesting is within [`NESTING_MAX`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use super::finding::FindingKind;
use super::ids::{ObjectId, SkuId, TenantKey};
use super::text::Folded;
use super::usage::{ActivityState, Workload};
use super::user::UserType;

/// How deep `and`, `or` and `not` may nest.
pub const NESTING_MAX: usize = 5;

/// A condition on users.
///
/// A negated condition holds for users whose value is absent: whoever has no department is not in
/// Sales.
#[derive(Debug, Clone, PartialEq)]
pub enum UserFilter {
    /// Every one must hold; none holds for everybody.
    And(Vec<UserFilter>),
    /// One must hold; none holds for nobody.
    Or(Vec<UserFilter>),
    /// Must not hold.
    Not(Box<UserFilter>),
    /// A text property.
    Text(UserText, TextCondition),
    /// A property that is true or false.
    Flag(UserFlag, bool),
    /// The user type is one of these.
    UserType(BTreeSet<UserType>),
    /// The normalized names of the user's licenses.
    LicenseNames(ListCondition),
    /// The part numbers of the user's licenses.
    LicenseValues(ListCondition),
    /// The user holds this license, whatever it is called.
    License(SkuId),
    /// The user is of one of these tenants.
    Tenant(BTreeSet<TenantKey>),
    /// When the account was created.
    CreatedAt(TimeCondition),
    /// A direct member of one of these groups.
    Group(BTreeSet<ObjectId>),
    /// Whether the user is in use.
    ActivityState(BTreeSet<ActivityState>),
    /// A finding of one of these kinds holds, be it open or exempt.
    Finding(BTreeSet<FindingKind>),
    /// The latest day on which anything shows the user.
    LastActiveOn(DayCondition),
    /// The last successful sign-in.
    LastSignInAt(TimeCondition),
    /// The last day of activity in one workload.
    WorkloadLastActiveOn(Workload, DayCondition),
}

impl UserFilter {
    /// Holds for everybody.
    pub const EVERYBODY: Self = Self::And(Vec::new());
}

/// The text properties of a user that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserText {
    /// `user.department`
    Department,
    /// `user.userPrincipalName`
    UserPrincipalName,
    /// `user.displayName`
    DisplayName,
    /// `user.mail`
    Mail,
    /// `user.employeeId`
    EmployeeId,
    /// `user.jobTitle`
    JobTitle,
    /// `user.companyName`
    CompanyName,
    /// `user.officeLocation`
    OfficeLocation,
    /// `user.country`
    Country,
    /// `user.usageLocation`
    UsageLocation,
    /// `user.employeeType`
    EmployeeType,
}

/// The properties of a user that are true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserFlag {
    /// `user.isResourceAccount`
    ResourceAccount,
    /// `user.accountEnabled`
    AccountEnabled,
    /// `user.onPremisesSyncEnabled`
    SyncedFromOnPremises,
}

/// A condition on one text. All compare folded texts.
#[derive(Debug, Clone, PartialEq)]
pub enum TextCondition {
    /// Is one of these; an empty list holds for nobody.
    In(BTreeSet<Folded>),
    /// Has this inside; the empty text is inside every present value.
    Contains(Folded),
    /// Begins with this.
    StartsWith(Folded),
    /// There is no value.
    IsAbsent,
}

impl TextCondition {
    /// Whether a text (`None` where it is absent) meets the condition. The engine answers from its
    /// columns; this is the meaning that it must agree with.
    pub fn holds(&self, folded: Option<&str>) -> bool {
        match (self, folded) {
            (Self::IsAbsent, value) => value.is_none(),
            (_, None) => false,
            (Self::In(texts), Some(value)) => texts.iter().any(|text| text.as_str() == value),
            (Self::Contains(part), Some(value)) => value.contains(part.as_str()),
            (Self::StartsWith(start), Some(value)) => value.starts_with(start.as_str()),
        }
    }
}

/// A condition on a list of texts, such as the names of a user's licenses.
#[derive(Debug, Clone, PartialEq)]
pub enum ListCondition {
    /// Has at least one of these; an empty list holds for nobody.
    HasSome(BTreeSet<Folded>),
    /// Has all of these; an empty list holds for everybody.
    HasEvery(BTreeSet<Folded>),
    /// Has none of these; an empty list holds for everybody.
    HasNone(BTreeSet<Folded>),
    /// Has nothing at all.
    IsEmpty,
}

/// A condition on an instant that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeCondition {
    /// Present, at or after `from` and before `before`, as far as these are given.
    Within {
        /// Inclusive.
        from: Option<Timestamp>,
        /// Exclusive.
        before: Option<Timestamp>,
    },
    /// There is no value.
    IsAbsent,
}

/// A condition on a day that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayCondition {
    /// Present, and within these days as far as they are given, both inclusive.
    Within {
        /// The first.
        from: Option<Date>,
        /// The last.
        to: Option<Date>,
    },
    /// There is no value.
    IsAbsent,
}

/// What to sort users by. Absent values come last, whichever the direction; ties are broken by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserOrder {
    /// By which property.
    pub field: UserOrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// The properties users can be sorted by. Texts sort by their folded form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserOrderField {
    /// `user.displayName`
    DisplayName,
    /// `user.userPrincipalName`
    UserPrincipalName,
    /// `user.department`
    Department,
    /// `user.createdDateTime`
    CreatedAt,
    /// How many licenses are assigned.
    LicenseCount,
    /// The latest day on which anything shows the user.
    LastActiveOn,
    /// What the assigned licenses cost a month: by currency, then by amount.
    MonthlyCost,
}

/// Which way to sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderDirection {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// The properties users can be counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserDimension {
    /// The tenant; its key is the tenant's.
    Tenant,
    /// `user.department`
    Department,
    /// `user.userType`
    UserType,
    /// `user.isResourceAccount`
    ResourceAccount,
    /// `user.accountEnabled`
    AccountEnabled,
    /// Names of assigned licenses: a user counts once for each name.
    LicenseName,
    /// Part numbers of assigned licenses: a user counts once for each.
    LicenseValue,
    /// `user.companyName`
    Company,
    /// `user.country`
    Country,
    /// `user.usageLocation`
    UsageLocation,
    /// `user.officeLocation`
    OfficeLocation,
    /// `user.jobTitle`
    JobTitle,
    /// `user.employeeType`
    EmployeeType,
    /// Whether the user is in use.
    ActivityState,
}
