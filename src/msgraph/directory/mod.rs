//! What the directory tells besides the first full list of users: changes, groups, subscriptions,
//! sign-in activity.

mod changes;
mod group_patch;
mod patched;
mod rows;
#[cfg(test)]
mod tests;
mod user_patch;
mod wire;

use std::borrow::Cow;

use jiff::Timestamp;

use self::changes::Begin;
use super::client::{Client, Error};
use super::meter::Meter;
use super::paging::{PAGE_ROWS_MAX, Pages, Query, Rows};
use super::problem;
use super::users::{List, UserPages};
use crate::domain::ids::{ObjectId, SkuId};
use crate::domain::sign_in::SignInActivity;
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::Dataset;
use crate::domain::user::LicenseAssignment;

pub(super) use self::changes::Change;
pub use self::changes::{ChangePages, Changes};
pub use self::group_patch::GroupPatch;
pub use self::user_patch::UserPatch;

/// Exactly what `domain::user::User` is made of: what is not selected is not followed. Graph follows
/// the products that a user holds, though not by which paths they are assigned; those come along.
const USER_CHANGES: Query = Query {
    dataset: Dataset::Users,
    path: "users/delta",
    query: Cow::Borrowed(USER_CHANGES_SELECT),
    is_advanced: false,
    page_rows: None,
};

const USER_CHANGES_SELECT: &str = "$select=id,userPrincipalName,displayName,mail,employeeId,employeeType,jobTitle,department,companyName,officeLocation,country,usageLocation,userType,isResourceAccount,accountEnabled,createdDateTime,employeeHireDate,onPremisesSyncEnabled,assignedLicenses,licenseAssignmentStates,manager";

/// Members come only if they are selected.
const GROUP_CHANGES: Query = Query {
    dataset: Dataset::Groups,
    path: "groups/delta",
    query: Cow::Borrowed("$select=id,displayName,mail,groupTypes,onPremisesSyncEnabled,members"),
    is_advanced: false,
    page_rows: None,
};

const LICENSING_GROUPS: Query = Query {
    dataset: Dataset::Groups,
    path: "groups",
    query: Cow::Borrowed("$select=id,assignedLicenses&$filter=assignedLicenses/any()"),
    is_advanced: false,
    page_rows: Some(PAGE_ROWS_MAX),
};

const USER_ASSIGNMENTS: List = List {
    dataset: Dataset::Users,
    columns: "$select=id,createdDateTime,assignedLicenses,licenseAssignmentStates",
    page_rows: PAGE_ROWS_MAX,
    is_always_advanced: false,
};

/// No option is documented for it.
const SUBSCRIPTIONS: Query = Query {
    dataset: Dataset::Subscriptions,
    path: "directory/subscriptions",
    query: Cow::Borrowed(""),
    is_advanced: false,
    page_rows: None,
};

const SIGN_IN_ACTIVITY: List = List {
    dataset: Dataset::SignInActivity,
    columns: "$select=id,createdDateTime,signInActivity",
    page_rows: SIGN_IN_ACTIVITY_ROWS_MAX,
    is_always_advanced: false,
};

/// The most rows a page while sign-in activity is selected. It was 120 for a while, so that less is
/// asked for if Graph complains.
const SIGN_IN_ACTIVITY_ROWS_MAX: u32 = 500;

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

/// Pages of sign-in activity, in no order.
pub struct SignInActivityPages(SignedIn);

/// Whose sign-in activity is read.
enum SignedIn {
    /// That of everybody.
    Everybody(UserPages<SignInActivity>),
    /// That of those who signed in since an instant. The filter that says so takes no other beside it,
    /// so that it is all in one chain.
    Since(Pages<SignInActivity>),
}

impl SignInActivityPages {
    /// The next page; `None` after the last, and after an error. What comes after it is asked for
    /// before it is handed out. To stop, cancel the meter: if this future is dropped instead, its page
    /// is lost, and every later call says that reading was canceled rather than skip it.
    pub async fn next(&mut self) -> Result<Option<Rows<SignInActivity>>, Error> {
        match &mut self.0 {
            SignedIn::Everybody(pages) => pages.next().await,
            SignedIn::Since(pages) => pages.next().await,
        }
    }
}

impl Client {
    /// The link under which Microsoft will tell the changes of users from now on, without telling
    /// what there is: `GET /users/delta?$deltatoken=latest`.
    ///
    /// Ask for it before the list of users, so that no change falls between the two.
    /// [`Error::Expired`] if this kind of tenant has no changes to tell (Azure AD B2C): then there is
    /// nothing to follow, and every sync reads the whole list.
    pub async fn begin_user_changes(&self, meter: &Meter) -> Result<String, Error> {
        let query = Query {
            query: Cow::Owned(format!("{USER_CHANGES_SELECT}&$deltatoken=latest")),
            ..USER_CHANGES
        };
        let mut pages =
            ChangePages::<UserPatch>::new(self.caller.clone(), query, Begin::Now, meter.clone());
        while pages.next().await?.is_some() {}
        let link = pages.delta_link().map(str::to_owned);
        link.ok_or_else(|| {
            let what = "its pages of changes ended without a link to the next ones";
            Error::Problem(problem::bad_response(Dataset::Users, None, what))
        })
    }

    /// What changed of users since the round that gave the link.
    ///
    /// It does not tell when only the path of a license changed
    /// ([`user_assignments`](Self::user_assignments) does) and nothing of sign-ins.
    pub fn user_changes(&self, delta_link: &str, meter: &Meter) -> ChangePages<UserPatch> {
        let begin = Begin::After(delta_link.to_owned());
        ChangePages::new(self.caller.clone(), USER_CHANGES, begin, meter.clone())
    }

    /// The licenses of all users, with the paths by which they are assigned:
    /// `GET /users?$select=id,assignedLicenses,licenseAssignmentStates`, in parallel parts.
    pub fn user_assignments(&self, meter: &Meter) -> UserPages<UserAssignments> {
        UserPages::new(self.caller.clone(), meter.clone())
    }

    /// When users signed in last: those who succeeded since an instant, or everybody. Who never did
    /// comes without any instant.
    ///
    /// A user who is not in the directory any more may be among them.
    pub fn sign_in_activity(&self, since: Option<Timestamp>, meter: &Meter) -> SignInActivityPages {
        let (caller, meter) = (self.caller.clone(), meter.clone());
        // Whole seconds, rounded down: earlier is only more.
        let since = since.map(|since| Timestamp::from_second(since.as_second()));
        SignInActivityPages(match since {
            Some(Ok(since)) => SignedIn::Since(Pages::new(caller, signed_in_since(since), meter)),
            Some(Err(_)) | None => SignedIn::Everybody(UserPages::new(caller, meter)),
        })
    }

    /// All groups with their members (no link), or what changed since the round that gave the link:
    /// `GET /groups/delta`.
    ///
    /// A group may come several times, each time with further members. Without a link it is
    /// [`Error::Expired`] only if Microsoft forgot us in the middle; a tenant without changes to tell
    /// (Azure AD B2C) refuses it.
    pub fn group_changes(
        &self,
        delta_link: Option<&str>,
        meter: &Meter,
    ) -> ChangePages<GroupPatch> {
        let begin = match delta_link {
            Some(link) => Begin::After(link.to_owned()),
            None => Begin::Everything,
        };
        ChangePages::new(self.caller.clone(), GROUP_CHANGES, begin, meter.clone())
    }

    /// The groups that assign licenses: `GET /groups?$filter=assignedLicenses/any()`.
    pub async fn licensing_groups(&self, meter: &Meter) -> Result<Rows<GroupLicenses>, Error> {
        self.all(LICENSING_GROUPS, meter).await
    }

    /// The purchases of licenses: `GET /directory/subscriptions`.
    pub async fn subscriptions(&self, meter: &Meter) -> Result<Rows<Subscription>, Error> {
        self.all(SUBSCRIPTIONS, meter).await
    }
}

fn signed_in_since(since: Timestamp) -> Query {
    Query {
        dataset: Dataset::SignInActivity,
        path: "users",
        query: Cow::Owned(format!(
            "$select=id,signInActivity&$filter=signInActivity/lastSuccessfulSignInDateTime ge {since}"
        )),
        is_advanced: false,
        page_rows: Some(SIGN_IN_ACTIVITY_ROWS_MAX),
    }
}
