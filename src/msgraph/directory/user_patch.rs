//! What a round of changes says of a user.

use jiff::Timestamp;
use jiff::civil::Date;

use super::changes::{Change, Patch};
use super::patched::Patched;
use super::wire::{LinkChange, UserChange};
use crate::domain::ids::ObjectId;
use crate::domain::user::{LicenseAssignment, User, UserType};
use crate::msgraph::assignments::assignments;
use crate::msgraph::into_domain::{day, user_type};
use crate::msgraph::scalars::{Reason, required_guid, text, time};
use crate::msgraph::wire::{self, AssignedLicense, LicenseAssignmentState, Text};

/// What a delta round says of a user. A property that it does not name stays as it was, one that it
/// sets to null is gone.
#[derive(Debug, Clone)]
pub struct UserPatch {
    /// The user.
    pub object_id: ObjectId,
    user_principal_name: Patched<String>,
    display_name: Patched<Option<String>>,
    mail: Patched<Option<String>>,
    employee_id: Patched<Option<String>>,
    employee_type: Patched<Option<String>>,
    job_title: Patched<Option<String>>,
    department: Patched<Option<String>>,
    company_name: Patched<Option<String>>,
    office_location: Patched<Option<String>>,
    country: Patched<Option<String>>,
    usage_location: Patched<Option<String>>,
    user_type: Patched<UserType>,
    is_resource_account: Patched<bool>,
    account_enabled: Patched<bool>,
    created_at: Patched<Option<Timestamp>>,
    hired_on: Patched<Option<Date>>,
    is_synced_from_on_premises: Patched<bool>,
    manager: ManagerPatch,
    assignments: AssignmentsPatch,
}

/// What happened to the manager.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ManagerPatch {
    Same,
    /// `None`: somebody who is no user.
    Now(Option<ObjectId>),
    /// These are it no longer, whoever is.
    NoLonger(Vec<ObjectId>),
}

/// What happened to the licenses. Microsoft has two lists of them and may tell one alone.
#[derive(Debug, Clone, PartialEq, Eq)]
enum AssignmentsPatch {
    Same,
    /// Both lists.
    Whole(Vec<LicenseAssignment>),
    /// Which products are held, not by which paths.
    Products(Vec<LicenseAssignment>),
    /// The paths; products without any are as they were.
    Paths(Vec<LicenseAssignment>),
}

impl UserPatch {
    /// The user as it is now, given what we hold. `None` when a user that we do not hold comes without
    /// a user principal name.
    pub fn apply(&self, held: Option<User>) -> Option<User> {
        let mut user = match held {
            Some(user) => user,
            None => self.newcomer()?,
        };
        self.user_principal_name
            .apply(&mut user.user_principal_name);
        self.display_name.apply(&mut user.display_name);
        self.mail.apply(&mut user.mail);
        self.employee_id.apply(&mut user.employee_id);
        self.employee_type.apply(&mut user.employee_type);
        self.job_title.apply(&mut user.job_title);
        self.department.apply(&mut user.department);
        self.company_name.apply(&mut user.company_name);
        self.office_location.apply(&mut user.office_location);
        self.country.apply(&mut user.country);
        self.usage_location.apply(&mut user.usage_location);
        self.user_type.apply(&mut user.user_type);
        self.is_resource_account
            .apply(&mut user.is_resource_account);
        self.account_enabled.apply(&mut user.account_enabled);
        self.created_at.apply(&mut user.created_at);
        self.hired_on.apply(&mut user.hired_on);
        self.is_synced_from_on_premises
            .apply(&mut user.is_synced_from_on_premises);
        self.manager.apply(&mut user.manager);
        self.assignments.apply(&mut user.assignments);
        Some(user)
    }

    /// A user of whom nothing but the name is known, and everything else as if it were null.
    fn newcomer(&self) -> Option<User> {
        let Patched::Now(user_principal_name) = &self.user_principal_name else {
            return None;
        };
        Some(User {
            object_id: self.object_id,
            user_principal_name: user_principal_name.clone(),
            display_name: None,
            mail: None,
            employee_id: None,
            employee_type: None,
            job_title: None,
            department: None,
            company_name: None,
            office_location: None,
            country: None,
            usage_location: None,
            user_type: UserType::Member,
            is_resource_account: false,
            account_enabled: true,
            created_at: None,
            hired_on: None,
            is_synced_from_on_premises: false,
            manager: None,
            assignments: Vec::new(),
        })
    }
}

impl ManagerPatch {
    fn apply(&self, held: &mut Option<ObjectId>) {
        match self {
            Self::Same => {}
            Self::Now(manager) => *held = *manager,
            Self::NoLonger(former) => *held = held.filter(|manager| !former.contains(manager)),
        }
    }
}

impl AssignmentsPatch {
    fn apply(&self, held: &mut Vec<LicenseAssignment>) {
        match self {
            Self::Same => {}
            Self::Whole(now) => held.clone_from(now),
            Self::Products(now) => {
                let before = std::mem::take(held);
                let find = |one: &LicenseAssignment| {
                    before
                        .iter()
                        .find(|old| old.sku_id == one.sku_id && old.holds_seat())
                };
                held.extend(now.iter().map(|one| match find(one) {
                    Some(old) => LicenseAssignment {
                        disabled_plans: one.disabled_plans.clone(),
                        ..old.clone()
                    },
                    None => one.clone(),
                }));
                // A license that could not be given is on the other list only.
                held.extend(
                    others(&before, now)
                        .filter(|old| !old.holds_seat())
                        .cloned(),
                );
            }
            Self::Paths(now) => {
                let before = std::mem::replace(held, now.clone());
                held.extend(others(&before, now).filter(|old| old.holds_seat()).cloned());
            }
        }
        held.sort_by_key(|assignment| assignment.sku_id);
    }
}

/// Those of other products.
fn others<'a>(
    before: &'a [LicenseAssignment],
    now: &'a [LicenseAssignment],
) -> impl Iterator<Item = &'a LicenseAssignment> {
    before
        .iter()
        .filter(|old| now.iter().all(|one| one.sku_id != old.sku_id))
}

impl Patch for UserPatch {
    fn read(json: &str) -> Result<Change<Self>, String> {
        let user: UserChange<'_> = wire::read(json)?;
        let object_id = ObjectId(required_guid("id", user.id.as_ref())?);
        match user.removed {
            Some(_) => Ok(Change::Removed(object_id)),
            None => patch(object_id, user).map(Change::Changed),
        }
    }

    fn object_id(&self) -> ObjectId {
        self.object_id
    }
}

fn patch(object_id: ObjectId, user: UserChange<'_>) -> Result<UserPatch, Reason> {
    let texts = |field: &'static str, told| Patched::read(told, |value| text(field, value));
    let flag = |told: Option<Option<bool>>, none: bool| {
        Patched::read(told, |value| Ok::<_, Reason>(value.unwrap_or(none)))
    };
    Ok(UserPatch {
        object_id,
        user_principal_name: Patched::read(user.user_principal_name, |name| {
            text("userPrincipalName", name)?
                .ok_or_else(|| "userPrincipalName is missing".to_owned())
        })?,
        display_name: texts("displayName", user.display_name)?,
        mail: texts("mail", user.mail)?,
        employee_id: texts("employeeId", user.employee_id)?,
        employee_type: texts("employeeType", user.employee_type)?,
        job_title: texts("jobTitle", user.job_title)?,
        department: texts("department", user.department)?,
        company_name: texts("companyName", user.company_name)?,
        office_location: texts("officeLocation", user.office_location)?,
        country: texts("country", user.country)?,
        usage_location: texts("usageLocation", user.usage_location)?,
        user_type: Patched::read(user.user_type, |value| {
            Ok::<_, Reason>(user_type(value.as_ref()))
        })?,
        is_resource_account: flag(user.is_resource_account, false)?,
        account_enabled: flag(user.account_enabled, true)?,
        created_at: Patched::read(user.created_date_time, |value: Option<Text<'_>>| {
            time("createdDateTime", value.as_ref())
        })?,
        hired_on: Patched::read(user.employee_hire_date, |value: Option<Text<'_>>| {
            day("employeeHireDate", value.as_ref())
        })?,
        is_synced_from_on_premises: flag(user.on_premises_sync_enabled, false)?,
        manager: manager(user.manager.unwrap_or_default())?,
        assignments: licenses(user.assigned_licenses, user.license_assignment_states)?,
    })
}

/// Whoever came counts, whatever is said of who went.
fn manager(links: Vec<LinkChange<'_>>) -> Result<ManagerPatch, Reason> {
    let mut patch = ManagerPatch::Same;
    for link in links {
        let id = ObjectId(required_guid("manager@delta.id", link.id.as_ref())?);
        patch = match (&link.removed, patch) {
            (None, _) => ManagerPatch::Now(link.is_user().then_some(id)),
            (Some(_), ManagerPatch::Now(manager)) => ManagerPatch::Now(manager),
            (Some(_), ManagerPatch::NoLonger(mut former)) => {
                former.push(id);
                ManagerPatch::NoLonger(former)
            }
            (Some(_), ManagerPatch::Same) => ManagerPatch::NoLonger(vec![id]),
        };
    }
    Ok(patch)
}

fn licenses(
    products: Option<Option<Vec<AssignedLicense<'_>>>>,
    paths: Option<Option<Vec<LicenseAssignmentState<'_>>>>,
) -> Result<AssignmentsPatch, Reason> {
    Ok(match (products, paths) {
        (None, None) => AssignmentsPatch::Same,
        (Some(products), None) => {
            AssignmentsPatch::Products(assignments(products.unwrap_or_default(), Vec::new())?)
        }
        (None, Some(paths)) => {
            AssignmentsPatch::Paths(assignments(Vec::new(), paths.unwrap_or_default())?)
        }
        (Some(products), Some(paths)) => AssignmentsPatch::Whole(assignments(
            products.unwrap_or_default(),
            paths.unwrap_or_default(),
        )?),
    })
}
