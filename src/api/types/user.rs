//! Users.

use std::cmp::Reverse;
use std::sync::Arc;

use async_graphql::{Enum, ID, Object};

use super::activity::{ActivityState, MailboxType, Period, UserActivity};
use super::finding::Finding;
use super::group_connection::GroupConnection;
use super::license_assignment::LicenseAssignment;
use super::money::Money;
use super::paging::PageArguments;
use super::reading::Reading;
use super::tenant::Tenant;
use super::user_log::{ApplicationUse, DirectoryChange};
use crate::api::error::Error;
use crate::api::ids::GlobalId;
use crate::api::scalars::{Date, DateTime, int};
use crate::domain::user;
use crate::engine::{LicenseText, UserRow};

/// One user of one index: a handle whose fields read the columns. The schema's description is on its
/// `Object`.
pub(crate) struct User {
    reading: Arc<Reading>,
    row: UserRow,
}

impl User {
    pub(crate) fn new(reading: Arc<Reading>, row: UserRow) -> Self {
        Self { reading, row }
    }
}

/// A directory account, member or guest. What Microsoft does not say is null.
#[Object]
impl User {
    /// Opaque and unique among all types; `node(id:)` takes it. It outlives changes of name and mail.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::User(self.row.tenant().key().clone(), self.row.object_id()).to_id()
    }

    /// Microsoft's own GUID of the account.
    async fn object_id(&self) -> ID {
        ID(self.row.object_id().to_string())
    }

    /// The tenant whose directory holds the account.
    async fn tenant(&self) -> Result<Tenant, Error> {
        self.reading.tenant_of_node(self.row.tenant().key())
    }

    /// The name used to sign in, such as "ann@contoso.com". Guests have "#EXT#" in it.
    async fn user_principal_name(&self) -> &str {
        self.row.user_principal_name()
    }

    /// The name shown in address books.
    async fn display_name(&self) -> Option<&str> {
        self.row.display_name()
    }

    /// The primary mail address; null for most accounts without a mailbox.
    async fn mail(&self) -> Option<&str> {
        self.row.mail()
    }

    /// The number or code the organization gave the person.
    async fn employee_id(&self) -> Option<&str> {
        self.row.employee_id()
    }

    /// The organization's own word, such as "Employee" or "Contractor".
    async fn employee_type(&self) -> Option<&str> {
        self.row.employee_type()
    }

    /// Such as "Account Manager".
    async fn job_title(&self) -> Option<&str> {
        self.row.job_title()
    }

    /// Such as "Sales".
    async fn department(&self) -> Option<&str> {
        self.row.department()
    }

    /// The company that the person works for; telling for guests.
    async fn company_name(&self) -> Option<&str> {
        self.row.company_name()
    }

    /// The place of work, such as "Building 7".
    async fn office_location(&self) -> Option<&str> {
        self.row.office_location()
    }

    /// The country of the address, as the directory spells it: free text.
    async fn country(&self) -> Option<&str> {
        self.row.country()
    }

    /// Where services are used: an ISO 3166 code of two letters. Microsoft wants it before it assigns
    /// a license.
    async fn usage_location(&self) -> Option<&str> {
        self.row.usage_location()
    }

    /// Member or guest. Null at Microsoft counts as MEMBER.
    async fn user_type(&self) -> UserType {
        self.row.user_type().into()
    }

    /// Whether the directory marks the account as a resource. Null at Microsoft counts as false, so
    /// many shared and room mailboxes look like ordinary users.
    async fn is_resource_account(&self) -> bool {
        self.row.is_resource_account()
    }

    /// Whether the account may sign in. Counts as true where Microsoft does not say.
    async fn account_enabled(&self) -> bool {
        self.row.account_enabled()
    }

    /// What the mailbox is for. Null where the tenant's mailbox report does not say it.
    async fn mailbox_type(&self) -> Option<MailboxType> {
        self.row.mailbox_type().map(MailboxType::from)
    }

    /// When the account was created; null for some from before June 2018.
    async fn created_at(&self) -> Option<DateTime> {
        self.row.created_at().map(DateTime)
    }

    /// The day on which the person was or will be hired, in UTC.
    async fn hired_on(&self) -> Option<Date> {
        self.row.hired_on().map(Date)
    }

    /// Whether an on-premises directory is the account's source now; false as well when it once was.
    async fn is_synced_from_on_premises(&self) -> bool {
        self.row.is_synced_from_on_premises()
    }

    /// The person's manager; null where none is named or the manager is not among the tenant's users.
    async fn manager(&self) -> Option<User> {
        let row = self.row.manager()?;
        Some(Self::new(self.reading.clone(), row))
    }

    /// The groups that the user is a direct member of, by display name.
    async fn groups(
        &self,
        #[graphql(
            desc = "How many rows from the beginning, 1 to 500; 50 when neither it nor `last` is said."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "How many rows from the end, 1 to 500; not together with `first`.")]
        last: Option<i32>,
        #[graphql(
            desc = "Only rows before this cursor; without `first` and `last`, the 50 next to it."
        )]
        before: Option<String>,
    ) -> Result<GroupConnection, Error> {
        let page = PageArguments {
            first,
            after,
            last,
            before,
        };
        GroupConnection::of_user(&self.reading, &self.row, page)
    }

    /// The names of the assigned licenses, sorted, without repeats: "Microsoft 365 E3". They are the
    /// names that `License.name` gives, the operator's own included.
    async fn license_names(&self) -> Vec<&str> {
        self.row.license_texts(LicenseText::Name)
    }

    /// Microsoft's part numbers of the assigned licenses, sorted, without repeats: `SPE_E3`.
    async fn license_values(&self) -> Vec<&str> {
        self.row.license_texts(LicenseText::Value)
    }

    /// The assigned licenses, one entry a product.
    async fn licenses(&self) -> Vec<LicenseAssignment> {
        let assignments = self.row.assignments().into_iter();
        assignments
            .map(|assignment| {
                LicenseAssignment::new(self.reading.clone(), self.row.tenant().clone(), assignment)
            })
            .collect()
    }

    /// What Microsoft's usage reports say of the user.
    async fn activity(
        &self,
        #[graphql(
            default_with = "Period::D30",
            desc = "Over how many days counts are summed."
        )]
        period: Period,
    ) -> UserActivity {
        UserActivity::new(self.row.clone(), period.into())
    }

    /// The last successful sign-in, with or without the person before the screen; up to a day late. Null
    /// where Microsoft does not say: it records it since late 2023, for tenants with Entra ID P1 or P2.
    async fn last_sign_in_at(&self) -> Option<DateTime> {
        let activity = self.row.sign_in_activity()?;
        activity.succeeded_at.map(DateTime)
    }

    /// The last attempt to sign in, successful or not; up to a day late. Null where Microsoft does not
    /// say.
    async fn last_sign_in_attempt_at(&self) -> Option<DateTime> {
        let activity = self.row.sign_in_activity()?;
        activity.attempted_at.map(DateTime)
    }

    /// The latest day on which any workload or a successful sign-in shows the user. Null where none
    /// does.
    async fn last_active_on(&self) -> Option<Date> {
        self.row.last_active_on().map(Date)
    }

    /// Whether the user is in use.
    async fn activity_state(&self) -> ActivityState {
        self.row.activity_state().into()
    }

    /// What the assigned licenses cost a month, each at the price of its seat today; null where none has
    /// a price, or they are in several currencies. Licenses without a price are not in it:
    /// `unpricedLicenses` counts them.
    async fn monthly_cost(&self) -> Option<Money> {
        self.row.cost().monthly.map(Money::from)
    }

    /// How many of the assigned licenses that cost something, or may, have no price. Free products and trials
    /// are not counted.
    async fn unpriced_licenses(&self) -> i32 {
        int(self.row.cost().unpriced_licenses)
    }

    /// What the rules find of the user's licenses, and what was saved, by kind.
    async fn findings(&self) -> Vec<Finding> {
        let rows = self.row.findings().into_iter();
        rows.map(|row| Finding::new(self.reading.clone(), row))
            .collect()
    }

    /// The applications that the user signed in to, those of other makers too: the latest first.
    async fn applications(&self) -> Vec<ApplicationUse> {
        let mut uses = self.row.application_uses();
        uses.sort_by_key(|one| (Reverse(one.succeeded_at), one.application));
        uses.into_iter().map(ApplicationUse::from).collect()
    }

    /// Changes of the user's licenses and directory roles, newest first; the newest 50 are kept.
    async fn directory_changes(&self) -> Vec<DirectoryChange> {
        let changes = self.row.directory_changes().into_iter();
        changes
            .map(|change| DirectoryChange::new(&self.reading, self.row.tenant(), change))
            .collect()
    }
}

/// Whether an account belongs to the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "user::UserType")]
pub(crate) enum UserType {
    /// Belongs to the organization.
    Member,
    /// Invited from elsewhere.
    Guest,
    /// A value of Microsoft's that this version does not know.
    Unknown,
}
