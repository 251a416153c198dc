//! Users, read a page at a time.

use std::sync::Arc;

use async_graphql::Variables;

use super::{Listed, OfTenant, argument, tenant_key_column, tenant_name_column};
use crate::api::error::Error;
use crate::api::export::cell::{Cell, Kind};
use crate::api::export::column::Column;
use crate::api::ids::GlobalId;
use crate::api::scalars::word;
use crate::api::types::activity::{ActivityState, MailboxType};
use crate::api::types::nesting::FilterInput as _;
use crate::api::types::order::{UserOrderInput, user_orders};
use crate::api::types::reading::Reading;
use crate::api::types::user::UserType;
use crate::api::types::user_inputs::{UserFilterInput, parse_search};
use crate::domain::filter::{UserOrder, UserText};
use crate::domain::usage::Workload;
use crate::engine::{
    LicenseText, Position, TenantIndex, UserRow, UserSelection, Window, gather, select_while,
};

/// The selected users, behind those that were read.
pub(super) struct Users {
    selection: UserSelection,
    orders: Vec<UserOrder>,
    after: Option<Position>,
    is_over: bool,
}

impl Listed for Users {
    type Row = UserRow;

    const NAME: &'static str = "users";
    const QUESTION: &'static str = "query ($filter: UserFilter, $search: String, $orderBy: [UserOrder!]) \
         {users(filter: $filter, search: $search, orderBy: $orderBy) {__typename}}";
    const TAKES: &'static [&'static str] = &["filter", "search", "orderBy"];
    const EXAMPLE: &'static str = r#"{department: {eq: "Sales"}}"#;
    const COLUMNS: &'static [Column<UserRow>] = &[
        tenant_key_column(),
        tenant_name_column(),
        Column::each("id", Kind::Text, |row| {
            let id = GlobalId::User(row.tenant().key().clone(), row.object_id());
            Cell::text(id.to_id().0)
        }),
        Column::each("objectId", Kind::Text, |row| {
            Cell::text(row.object_id().to_string())
        }),
        Column::all("userPrincipalName", Kind::Text, |rows| {
            texts(rows, UserText::UserPrincipalName)
        }),
        Column::all("displayName", Kind::Text, |rows| {
            texts(rows, UserText::DisplayName)
        }),
        Column::all("mail", Kind::Text, |rows| texts(rows, UserText::Mail)),
        Column::all("employeeId", Kind::Text, |rows| {
            texts(rows, UserText::EmployeeId)
        }),
        Column::all("employeeType", Kind::Text, |rows| {
            texts(rows, UserText::EmployeeType)
        }),
        Column::all("jobTitle", Kind::Text, |rows| {
            texts(rows, UserText::JobTitle)
        }),
        Column::all("department", Kind::Text, |rows| {
            texts(rows, UserText::Department)
        }),
        Column::all("companyName", Kind::Text, |rows| {
            texts(rows, UserText::CompanyName)
        }),
        Column::all("officeLocation", Kind::Text, |rows| {
            texts(rows, UserText::OfficeLocation)
        }),
        Column::all("country", Kind::Text, |rows| texts(rows, UserText::Country)),
        Column::all("usageLocation", Kind::Text, |rows| {
            texts(rows, UserText::UsageLocation)
        }),
        Column::each("userType", Kind::Text, |row| {
            Cell::text(word(UserType::from(row.user_type())))
        }),
        Column::each("isResourceAccount", Kind::Flag, |row| {
            row.is_resource_account().into()
        }),
        Column::each("accountEnabled", Kind::Flag, |row| {
            row.account_enabled().into()
        }),
        Column::each("mailboxType", Kind::Text, |row| {
            let kind = row.mailbox_type().map(MailboxType::from);
            kind.map(word).into()
        }),
        Column::each("createdAt", Kind::Time, |row| row.created_at().into()),
        Column::each("hiredOn", Kind::Day, |row| row.hired_on().into()),
        Column::each("isSyncedFromOnPremises", Kind::Flag, |row| {
            row.is_synced_from_on_premises().into()
        }),
        Column::each("manager.userPrincipalName", Kind::Text, |row| {
            let manager = row.manager();
            manager
                .map(|manager| manager.user_principal_name().to_owned())
                .into()
        }),
        Column::each("manager.displayName", Kind::Text, |row| {
            let name = row
                .manager()
                .and_then(|manager| manager.display_name().map(str::to_owned));
            name.into()
        }),
        Column::each("licenseNames", Kind::Texts, |row| {
            Cell::Texts(row.license_texts(LicenseText::Name))
        }),
        Column::each("licenseValues", Kind::Texts, |row| {
            Cell::Texts(row.license_texts(LicenseText::Value))
        }),
        Column::each("lastSignInAt", Kind::Time, |row| {
            let activity = row.sign_in_activity();
            activity.and_then(|activity| activity.succeeded_at).into()
        }),
        Column::each("lastSignInAttemptAt", Kind::Time, |row| {
            let activity = row.sign_in_activity();
            activity.and_then(|activity| activity.attempted_at).into()
        }),
        Column::each("lastActiveOn", Kind::Day, |row| row.last_active_on().into()),
        Column::each("activityState", Kind::Text, |row| {
            Cell::text(word(ActivityState::from(row.activity_state())))
        }),
        Column::each("activity.outlook.lastActiveOn", Kind::Day, |row| {
            row.workload_last_active_on(Workload::Outlook).into()
        }),
        Column::each("activity.teams.lastActiveOn", Kind::Day, |row| {
            row.workload_last_active_on(Workload::Teams).into()
        }),
        Column::each("activity.oneDrive.lastActiveOn", Kind::Day, |row| {
            row.workload_last_active_on(Workload::OneDrive).into()
        }),
        Column::each("activity.sharePoint.lastActiveOn", Kind::Day, |row| {
            row.workload_last_active_on(Workload::SharePoint).into()
        }),
        Column::each("activity.vivaEngage.lastActiveOn", Kind::Day, |row| {
            row.workload_last_active_on(Workload::VivaEngage).into()
        }),
        Column::each("activity.apps.lastActiveOn", Kind::Day, |row| {
            row.workload_last_active_on(Workload::Apps).into()
        }),
        Column::each("activity.copilot.lastActiveOn", Kind::Day, |row| {
            row.workload_last_active_on(Workload::Copilot).into()
        }),
    ];

    fn open(
        reading: &Arc<Reading>,
        arguments: &Variables,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Self, Error> {
        let filter: Option<UserFilterInput> = argument(arguments, "filter")?;
        let filter = filter.unwrap_or_default().into_filter()?;
        let search: Option<String> = argument(arguments, "search")?;
        let search = parse_search(search.as_deref())?;
        let orders: Option<Vec<UserOrderInput>> = argument(arguments, "orderBy")?;
        Ok(Self {
            selection: select_while(reading.indexes(), &filter, &search, is_wanted),
            orders: user_orders(orders),
            after: None,
            is_over: false,
        })
    }

    fn count(&self) -> u64 {
        self.selection.count()
    }

    fn next(&mut self, most: usize) -> Vec<UserRow> {
        if self.is_over {
            return Vec::new();
        }
        let window = Window {
            size: most,
            after: self.after.take(),
            ..Window::default()
        };
        let page = self.selection.page(&self.orders, &window);
        self.after = page.rows.last().map(|row| row.position(&self.orders));
        self.is_over = !page.has_next;
        page.rows
    }
}

impl OfTenant for UserRow {
    fn tenant(&self) -> &TenantIndex {
        UserRow::tenant(self)
    }
}

fn texts(rows: &[UserRow], text: UserText) -> Vec<Cell<'_>> {
    let texts = gather::texts(rows, text).into_iter();
    texts.map(Cell::from).collect()
}
