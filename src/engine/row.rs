//! One user of one index.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::audit::DirectoryChange;
use crate::domain::day::Day;
use crate::domain::filter::UserOrder;
use crate::domain::ids::ObjectId;
use crate::domain::sign_in::{ApplicationUse, SignInActivity};
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{ActivityState, MailboxType, Usage, Workload};
use crate::domain::user::{LicenseAssignment, User, UserType};

use super::facts::Facts;
use super::flags::Flag;
use super::index::TenantIndex;
use super::licenses::{LicenseEntry, LicenseText};
use super::position::Position;
use super::property::Property;
use super::users::Users;

/// One user of one index: a cheap handle whose getters read the columns.
#[derive(Clone)]
pub struct UserRow {
    page: Arc<PageOf>,
    row: u32,
}

/// What the rows of one page hold together. If each of them were counted at the index, all cores would
/// wait for that one count.
struct PageOf {
    tenant: Arc<TenantIndex>,
}

impl UserRow {
    pub(super) fn new(tenant: &Arc<TenantIndex>, row: u32) -> Self {
        let tenant = Arc::clone(tenant);
        Self {
            page: Arc::new(PageOf { tenant }),
            row,
        }
    }

    /// Several rows of one index.
    pub(super) fn of_rows(tenant: &Arc<TenantIndex>, rows: &[u32]) -> Vec<Self> {
        let tenant = Arc::clone(tenant);
        let page = Arc::new(PageOf { tenant });
        let row = |row: &u32| Self {
            page: Arc::clone(&page),
            row: *row,
        };
        rows.iter().map(row).collect()
    }

    /// The index that the user is of.
    pub fn tenant(&self) -> &Arc<TenantIndex> {
        &self.page.tenant
    }

    /// `user.id`
    pub fn object_id(&self) -> ObjectId {
        self.users().object_id(self.row)
    }

    /// `user.userPrincipalName`
    pub fn user_principal_name(&self) -> &str {
        self.users().principal_name(self.row)
    }

    /// `user.displayName`
    pub fn display_name(&self) -> Option<&str> {
        self.users().display_name(self.row)
    }

    /// `user.mail`
    pub fn mail(&self) -> Option<&str> {
        self.users().mail(self.row)
    }

    /// `user.employeeId`
    pub fn employee_id(&self) -> Option<&str> {
        self.users().employee_id(self.row)
    }

    /// `user.employeeType`
    pub fn employee_type(&self) -> Option<&str> {
        self.value(Property::EmployeeType)
    }

    /// `user.jobTitle`
    pub fn job_title(&self) -> Option<&str> {
        self.value(Property::JobTitle)
    }

    /// `user.department`
    pub fn department(&self) -> Option<&str> {
        self.value(Property::Department)
    }

    /// `user.companyName`
    pub fn company_name(&self) -> Option<&str> {
        self.value(Property::CompanyName)
    }

    /// `user.officeLocation`
    pub fn office_location(&self) -> Option<&str> {
        self.value(Property::OfficeLocation)
    }

    /// `user.country`
    pub fn country(&self) -> Option<&str> {
        self.value(Property::Country)
    }

    /// `user.usageLocation`
    pub fn usage_location(&self) -> Option<&str> {
        self.value(Property::UsageLocation)
    }

    /// `user.userType`
    pub fn user_type(&self) -> UserType {
        self.users().user_type(self.row)
    }

    /// `user.isResourceAccount`
    pub fn is_resource_account(&self) -> bool {
        self.flag(Flag::ResourceAccount)
    }

    /// `user.accountEnabled`
    pub fn account_enabled(&self) -> bool {
        self.flag(Flag::AccountEnabled)
    }

    /// `user.onPremisesSyncEnabled`
    pub fn is_synced_from_on_premises(&self) -> bool {
        self.flag(Flag::SyncedFromOnPremises)
    }

    /// `user.createdDateTime`
    pub fn created_at(&self) -> Option<Timestamp> {
        self.users().created_at(self.row)
    }

    /// The day of `user.employeeHireDate`
    pub fn hired_on(&self) -> Option<Date> {
        self.users().hired_on(self.row)
    }

    /// The manager's id, whether or not that user is known.
    pub fn manager_id(&self) -> Option<ObjectId> {
        self.users().manager_id(self.row)
    }

    /// The manager, where that user is known.
    pub fn manager(&self) -> Option<UserRow> {
        self.page.tenant.find(self.manager_id()?)
    }

    /// By GUID of the product.
    pub fn assignments(&self) -> Vec<LicenseAssignment> {
        self.users().assignments().get(self.row)
    }

    /// The licenses that the user holds a seat of, by GUID. Failed assignments are not among them.
    pub fn licenses(&self) -> impl Iterator<Item = &LicenseEntry> + '_ {
        let grants = self.users().assignments().grant_codes(self.row);
        self.page.tenant.license_texts().held(grants)
    }

    /// A text of each of them, sorted, without repeats.
    pub fn license_texts(&self, by: LicenseText) -> Vec<&str> {
        let grants = self.users().assignments().grant_codes(self.row);
        self.page.tenant.license_texts().texts_held(grants, by)
    }

    /// The groups that the user is a direct member of, by GUID.
    pub fn group_ids(&self) -> Vec<ObjectId> {
        self.facts().group_ids(self.row)
    }

    /// What the directory says of sign-ins.
    pub fn sign_in_activity(&self) -> Option<SignInActivity> {
        let (succeeded_at, attempted_at) = self.facts().sign_in_activity(self.row)?;
        Some(SignInActivity {
            object_id: self.object_id(),
            succeeded_at,
            attempted_at,
        })
    }

    /// What a report says.
    pub fn usage(&self, dataset: Dataset) -> Option<Usage> {
        self.facts().usage(self.row, dataset, self.object_id())
    }

    /// The last day of activity in a workload, from its own report or that of active users. A day that
    /// no service can mean (before 1970, far in the future) is none.
    pub fn workload_last_active_on(&self, workload: Workload) -> Option<Date> {
        let days = self.facts().workload_days(workload);
        days.get(self.row as usize)?.map(Day::date)
    }

    /// The latest day on which any workload or a successful sign-in shows the user.
    pub fn last_active_on(&self) -> Option<Date> {
        self.users().last_active_on(self.row).map(Day::date)
    }

    /// Whether the user is in use, as of when the index was made or judged last.
    pub fn activity_state(&self) -> ActivityState {
        self.page.tenant.activity().state(self.row)
    }

    /// What the mailbox is for, where the tenant's report says it.
    pub fn mailbox_type(&self) -> Option<MailboxType> {
        self.usage(Dataset::MailboxUsage)?.mailbox_type
    }

    /// The applications that the user signed in to.
    pub fn application_uses(&self) -> Vec<ApplicationUse> {
        let uses = self.facts().application_uses(self.row);
        uses.unwrap_or_default()
    }

    /// Changes of licenses and roles, newest first.
    pub fn directory_changes(&self) -> Vec<DirectoryChange> {
        let changes = self.facts().directory_changes(self.row);
        changes.unwrap_or_default()
    }

    /// All of it as the domain's value.
    pub fn to_user(&self) -> User {
        self.users().to_user(self.row)
    }

    /// Where the user stands in an order: what a cursor holds.
    pub fn position(&self, orders: &[UserOrder]) -> Position {
        Position::of(self, orders)
    }

    pub(super) fn users(&self) -> &Users {
        self.page.tenant.users()
    }

    pub(super) fn row(&self) -> u32 {
        self.row
    }

    fn facts(&self) -> &Facts {
        self.users().facts()
    }

    fn value(&self, property: Property) -> Option<&str> {
        self.users().values(property).text(self.row)
    }

    fn flag(&self, flag: Flag) -> bool {
        self.users().flags().has(self.row, flag)
    }
}

impl fmt::Debug for UserRow {
    /// The ids only: nothing of a person reaches a log by way of `{:?}`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.page.tenant.key(), self.object_id())
    }
}
