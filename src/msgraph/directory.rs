//! What the directory tells besides the first full list of users: changes, groups, subscriptions,
//! sign-in activity.

use jiff::Timestamp;

use super::client::{Client, Error};
use super::meter::Meter;
use super::paging::{Quarantined, Rows};
use crate::domain::ids::{ObjectId, SkuId};
use crate::domain::sign_in::SignInActivity;
use crate::domain::subscription::Subscription;
use crate::domain::user::{LicenseAssignment, User};

/// What a delta round says of a user. A property that it does not name stays as it was, one that it
/// sets to null is gone.
#[derive(Debug, Clone)]
pub struct UserPatch {
    /// The user.
    pub object_id: ObjectId,
}

impl UserPatch {
    /// The user as it is now, given what we hold. `None` when a user that we do not hold comes without
    /// a user principal name.
    pub fn apply(&self, held: Option<User>) -> Option<User> {
        todo!("{held:?}")
    }
}

/// What a delta round says of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPatch {
    /// The group.
    pub object_id: ObjectId,
    /// Users who came in since, or all of them in the initial round. A large group comes in parts.
    pub members_added: Vec<ObjectId>,
    /// Users who left since.
    pub members_removed: Vec<ObjectId>,
}

impl GroupPatch {
    /// The group as it is now, given what we hold.
    pub fn apply(&self, held: Option<crate::domain::group::Group>) -> crate::domain::group::Group {
        todo!("{held:?}")
    }
}

/// One page of a delta round.
#[derive(Debug)]
pub struct Changes<T> {
    /// In Microsoft's order: a later patch of an object is applied upon an earlier one.
    pub changed: Vec<T>,
    /// Objects that are gone, deleted softly or for good.
    pub removed: Vec<ObjectId>,
    /// Rows that could not be read.
    pub quarantined: Vec<Quarantined>,
}

/// The pages of a delta round, and then the link to the next one.
pub struct ChangePages<T> {
    row: std::marker::PhantomData<T>,
}

impl<T> ChangePages<T> {
    /// The next page; `None` after the last. [`Error::Expired`]: Microsoft forgot where we were;
    /// everything must be read anew.
    pub async fn next(&mut self) -> Result<Option<Changes<T>>, Error> {
        todo!()
    }

    /// Where the changes after these are told; `Some` after the last page.
    pub fn delta_link(&self) -> Option<&str> {
        todo!()
    }
}

/// The licenses of one user as the columns that delta does not follow tell them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAssignments {
    /// The user.
    pub object_id: ObjectId,
    /// One entry a product, sorted.
    pub assignments: Vec<LicenseAssignment>,
}

/// The licenses that a group assigns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLicenses {
    /// The group.
    pub object_id: ObjectId,
    /// The products, sorted.
    pub assigns: Vec<SkuId>,
}

/// Pages of a collection that is read in one chain.
pub struct RowPages<T> {
    row: std::marker::PhantomData<T>,
}

impl<T> RowPages<T> {
    /// The next page; `None` after the last, and after an error.
    pub async fn next(&mut self) -> Result<Option<Rows<T>>, Error> {
        todo!()
    }
}

impl Client {
    /// The link under which Microsoft will tell the changes of users from now on, without telling
    /// what there is: `GET /users/delta?$deltatoken=latest`.
    pub async fn begin_user_changes(&self, _meter: &Meter) -> Result<String, Error> {
        todo!()
    }

    /// What changed of users since the round that gave the link.
    pub fn user_changes(&self, _delta_link: &str, _meter: &Meter) -> ChangePages<UserPatch> {
        todo!()
    }

    /// The licenses of all users, with the paths by which they are assigned:
    /// `GET /users?$select=id,assignedLicenses,licenseAssignmentStates`.
    pub fn user_assignments(&self, _meter: &Meter) -> RowPages<UserAssignments> {
        todo!()
    }

    /// When users signed in last; those who succeeded since an instant, or all who ever did.
    pub fn sign_in_activity(
        &self,
        _since: Option<Timestamp>,
        _meter: &Meter,
    ) -> RowPages<SignInActivity> {
        todo!()
    }

    /// All groups with their members (no link), or what changed since the round that gave the link:
    /// `GET /groups/delta`.
    pub fn group_changes(
        &self,
        _delta_link: Option<&str>,
        _meter: &Meter,
    ) -> ChangePages<GroupPatch> {
        todo!()
    }

    /// The groups that assign licenses: `GET /groups?$filter=assignedLicenses/any()`.
    pub async fn licensing_groups(&self, _meter: &Meter) -> Result<Rows<GroupLicenses>, Error> {
        todo!()
    }

    /// The purchases of licenses: `GET /directory/subscriptions`.
    pub async fn subscriptions(&self, _meter: &Meter) -> Result<Rows<Subscription>, Error> {
        todo!()
    }
}
