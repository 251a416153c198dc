//! Lists of users: pages, counts and breakdowns of one selection.

use std::iter;
use std::sync::{Arc, OnceLock};

use async_graphql::{ComplexObject, Context, Object, SimpleObject};

use super::activity::ActivityCounts;
use super::money::{Money, Told};
use super::nesting::FilterInput as _;
use super::order::{UserOrderInput, user_orders};
use super::paging::{Edge, PageArguments, PageInfo, rows};
use super::reading::Reading;
use super::tenant::tenant_name;
use super::user::User;
use super::user_inputs::{UserDimension, UserFilterInput, parse_search};
use crate::api::cursor;
use crate::api::error::Error;
use crate::api::ids::GlobalId;
use crate::api::scalars::int;
use crate::api::settings::Limits;
use crate::api::waiting;
use crate::domain::filter::{self, UserFilter, UserOrder};
use crate::domain::ids::TenantKey;
use crate::domain::money::{SeatCost, Sums};
use crate::domain::text::Folded;
use crate::engine::{
    self, GroupDetail, Page, Position, TenantIndex, UserRow, UserSelection, Window,
};

/// What a list of users is made of.
pub(crate) struct UserListing {
    /// The field, `Type.field`: cursors are bound to it.
    pub(crate) list: &'static str,
    pub(crate) tenants: Vec<Arc<TenantIndex>>,
    pub(crate) filter: UserFilter,
    pub(crate) search: Vec<Folded>,
    pub(crate) order_by: Option<Vec<UserOrderInput>>,
    pub(crate) page: PageArguments,
}

/// The schema's description is on its `Object`. What was asked is checked when it is opened; selecting
/// and sorting wait for a field that needs them, and then serve all fields.
pub(crate) struct UserConnection {
    reading: Arc<Reading>,
    tenants: Vec<Arc<TenantIndex>>,
    filter: UserFilter,
    search: Vec<Folded>,
    orders: Vec<UserOrder>,
    /// What cursors are bound to.
    scope: String,
    window: Window,
    selection: OnceLock<UserSelection>,
    page: OnceLock<Page<UserRow>>,
}

impl UserListing {
    /// The users of all tenants that the token may see, as `Query.users` asks for them.
    pub(crate) fn of_all(
        reading: &Reading,
        filter: Option<UserFilterInput>,
        search: Option<&str>,
        order_by: Option<Vec<UserOrderInput>>,
        page: PageArguments,
    ) -> Result<Self, Error> {
        Ok(Self {
            list: "Query.users",
            tenants: reading.indexes().to_vec(),
            filter: filter.unwrap_or_default().into_filter()?,
            search: parse_search(search)?,
            order_by,
            page,
        })
    }
}

impl UserConnection {
    pub(crate) fn open(reading: &Arc<Reading>, listing: UserListing) -> Result<Self, Error> {
        let orders = user_orders(listing.order_by);
        let scope = format!("{} {orders:?}", listing.list);
        let rooms = reading.rooms();
        let paging = listing.page.parse(rooms.page_rows_max)?;
        let place = |cursor: Option<String>| -> Result<Option<Position>, Error> {
            let Some(cursor) = cursor else {
                return Ok(None);
            };
            let bytes = rooms.cursors.open(&scope, &cursor)?;
            let position = Position::from_bytes(&bytes, &orders);
            position.ok_or_else(cursor::refused).map(Some)
        };
        let window = Window {
            size: paging.size,
            from_end: paging.from_end,
            after: place(paging.after)?,
            before: place(paging.before)?,
        };
        Ok(Self {
            reading: reading.clone(),
            tenants: listing.tenants,
            filter: listing.filter,
            search: listing.search,
            orders,
            scope,
            window,
            selection: OnceLock::new(),
            page: OnceLock::new(),
        })
    }

    fn selection(&self) -> &UserSelection {
        self.selection.get_or_init(|| {
            // Of what nobody waits for, nobody sees what it is.
            let (filter, search) = (&self.filter, &self.search);
            engine::select_while(&self.tenants, filter, search, waiting::is_awaited)
        })
    }

    /// The page that was asked for.
    pub(crate) fn page(&self) -> &Page<UserRow> {
        self.page
            .get_or_init(|| self.selection().page(&self.orders, &self.window))
    }

    /// The place of a row of it.
    pub(crate) fn cursor(&self, row: &UserRow) -> Result<String, Error> {
        let place = row.position(&self.orders).to_bytes();
        self.reading.rooms().cursors.seal(&self.scope, &place)
    }

    /// How many users are selected, on all pages.
    pub(crate) fn count(&self) -> i32 {
        int(self.selection().count())
    }

    /// The selected users of all pages, counted by one property.
    pub(crate) fn groups(
        &self,
        by: filter::UserDimension,
        first: usize,
        asked: AskedOfGroups,
    ) -> Vec<UserGroup> {
        let detail = match asked.activity {
            true => GroupDetail::Activity,
            false => GroupDetail::Count,
        };
        let groups = self.selection().breakdown(by, first, detail);
        let added_up = match asked.costs {
            true => {
                let savings = self.selection().savings_of(by, &groups);
                let costs = self.selection().costs_of(by, &groups).into_iter();
                costs.zip(savings).collect()
            }
            false => Vec::new(),
        };
        let added_up = added_up.into_iter().map(Some).chain(iter::repeat(None));
        let groups = groups.into_iter().zip(added_up);
        groups
            .map(|(group, added_up)| self.group(by, group, added_up))
            .collect()
    }

    fn group(
        &self,
        by: filter::UserDimension,
        group: engine::Group,
        added_up: Option<(SeatCost, Sums)>,
    ) -> UserGroup {
        let (key, label) = match group.key {
            None => (None, absent_label(by).to_owned()),
            Some(key) => {
                let label = self.label(by, &key);
                (Some(filter_value(by, key)), label)
            }
        };
        // Nobody reads what nobody asked for.
        let activity = ActivityCounts::from(group.by_activity.unwrap_or_default());
        UserGroup {
            key,
            label,
            count: int(group.count),
            active_count: activity.active,
            inactive_count: activity.inactive,
            unknown_count: activity.unknown,
            added_up,
            reading: self.reading.clone(),
        }
    }

    /// A key as a person would read it.
    fn label(&self, by: filter::UserDimension, key: &str) -> String {
        match by {
            filter::UserDimension::Tenant => {
                let mut tenants = self.tenants.iter();
                let index = tenants.find(|index| index.key().as_str() == key);
                index.map_or(key, |index| tenant_name(index)).to_owned()
            }
            filter::UserDimension::LicenseValue => {
                let mut entries = self.tenants.iter().flat_map(|index| index.licenses());
                let entry = entries.find(|entry| entry.license.part_number == key);
                entry.map_or(key, |entry| &entry.name.text).to_owned()
            }
            by => plain_label(by, key).to_owned(),
        }
    }
}

/// The label of a key that says all by itself.
fn plain_label(by: filter::UserDimension, key: &str) -> &str {
    match (by, key) {
        (filter::UserDimension::ResourceAccount, "true") => "Resource account",
        (filter::UserDimension::ResourceAccount, "false") => "Not a resource account",
        (filter::UserDimension::AccountEnabled, "true") => "Enabled",
        (filter::UserDimension::AccountEnabled, "false") => "Disabled",
        (filter::UserDimension::UserType, "MEMBER") => "Member",
        (filter::UserDimension::UserType, "GUEST") => "Guest",
        (filter::UserDimension::UserType, "UNKNOWN") => "Unknown",
        (filter::UserDimension::ActivityState, "ACTIVE") => "Active",
        (filter::UserDimension::ActivityState, "INACTIVE") => "Inactive",
        (filter::UserDimension::ActivityState, "NEVER_ACTIVE") => "Never active",
        (filter::UserDimension::ActivityState, "UNKNOWN") => "Unknown",
        _ => key,
    }
}

/// The key of a group as the filter on the same property takes it: a tenant is named by its id there.
fn filter_value(by: filter::UserDimension, key: String) -> String {
    match by {
        filter::UserDimension::Tenant => match TenantKey::parse(&key) {
            Ok(tenant) => GlobalId::Tenant(tenant).to_id().to_string(),
            Err(_) => key,
        },
        _ => key,
    }
}

/// The label of the users that have no value.
fn absent_label(by: filter::UserDimension) -> &'static str {
    match by {
        filter::UserDimension::Department => "No department",
        filter::UserDimension::LicenseName | filter::UserDimension::LicenseValue => "No license",
        filter::UserDimension::Company => "No company",
        filter::UserDimension::Country => "No country",
        filter::UserDimension::UsageLocation => "No usage location",
        filter::UserDimension::OfficeLocation => "No office location",
        filter::UserDimension::JobTitle => "No job title",
        filter::UserDimension::EmployeeType => "No employee type",
        filter::UserDimension::Tenant
        | filter::UserDimension::UserType
        | filter::UserDimension::ResourceAccount
        | filter::UserDimension::AccountEnabled
        | filter::UserDimension::ActivityState => "Unknown",
    }
}

/// A page of users, with counts of all that the filter and the search select.
#[Object]
impl UserConnection {
    /// The page's users with their cursors.
    async fn edges(&self) -> Result<Vec<Edge<User>>, Error> {
        let edge = |row: &UserRow| {
            Ok(Edge {
                cursor: self.cursor(row)?,
                node: User::new(self.reading.clone(), row.clone()),
            })
        };
        self.page().rows.iter().map(edge).collect()
    }

    /// The page's users.
    async fn nodes(&self) -> Vec<User> {
        let rows = self.page().rows.iter().cloned();
        rows.map(|row| User::new(self.reading.clone(), row))
            .collect()
    }

    /// Where the page lies in the list.
    async fn page_info(&self) -> Result<PageInfo, Error> {
        let page = self.page();
        let cursor = |row: Option<&UserRow>| row.map(|row| self.cursor(row)).transpose();
        Ok(PageInfo {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: cursor(page.rows.first())?,
            end_cursor: cursor(page.rows.last())?,
        })
    }

    /// How many users are selected, on all pages.
    async fn total_count(&self) -> i32 {
        self.count()
    }

    /// The selected users of all pages, counted by one property: the facets of a filter panel, or a
    /// report by department. Largest first, ties by key; users without a value are the group whose key
    /// is null. The counts of a single-valued property add up to `totalCount` when `first` takes in
    /// every group; by license, a user counts once for each.
    async fn breakdown(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The property to count by.")] by: UserDimension,
        #[graphql(default = 20, desc = "How many groups at most, 1 to 500.")] first: i32,
    ) -> Result<Vec<UserGroup>, Error> {
        let first = rows("first", first, Limits::PAGE_ROWS_MOST)?;
        let asked = ctx.look_ahead();
        let is_any_asked = |fields: [&str; 3]| {
            let mut fields = fields.into_iter();
            fields.any(|field| asked.field(field).exists())
        };
        let asked = AskedOfGroups {
            costs: is_any_asked(["monthlyCost", "monthlySavings", "unpricedLicenses"]),
            activity: is_any_asked(["activeCount", "inactiveCount", "unknownCount"]),
        };
        Ok(self.groups(by.into(), first, asked))
    }

    /// What the licenses of all selected users cost a month: an entry for each currency. Licenses without
    /// a price are not in it: `unpricedLicenses` counts them.
    async fn monthly_cost(
        &self,
        #[graphql(
            desc = "ISO 4217: the currency in which sums are told that a rate of today leads to."
        )]
        currency: Option<String>,
    ) -> Result<Vec<Money>, Error> {
        let told = Told::parse(currency.as_deref())?;
        Ok(told.sums(&self.reading, &self.selection().cost().monthly))
    }

    /// How many licenses of all selected users have no price.
    async fn unpriced_licenses(&self) -> i32 {
        int(self.selection().cost().unpriced_seats)
    }
}

/// What is asked of groups besides how many users they have: what is not is not worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AskedOfGroups {
    /// What their users cost and could save.
    pub(crate) costs: bool,
    /// How many of them are active.
    pub(crate) activity: bool,
}

/// The selected users that have one value of a property in common.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct UserGroup {
    /// The value, as the filter on the same property takes it; null for users without one. Spellings
    /// that differ in case or space are one group, under the most frequent of them.
    pub(crate) key: Option<String>,
    /// The value for people: a tenant's name for its id, "Enabled" for "true", "No department" for null.
    pub(crate) label: String,
    /// How many of the selected users have it.
    pub(crate) count: i32,
    /// How many of these are `ACTIVE`.
    pub(crate) active_count: i32,
    /// How many of these are `INACTIVE` or `NEVER_ACTIVE`.
    pub(crate) inactive_count: i32,
    /// Of how many of these nobody can tell.
    pub(crate) unknown_count: i32,
    /// What they cost and what could be saved; `None` where it was not added up.
    #[graphql(skip)]
    added_up: Option<(SeatCost, Sums)>,
    #[graphql(skip)]
    reading: Arc<Reading>,
}

impl UserGroup {
    fn added_up(&self) -> Result<&(SeatCost, Sums), Error> {
        let added_up = self.added_up.as_ref();
        added_up.ok_or_else(|| Error::internal("a breakdown was asked for costs that it left out"))
    }
}

#[ComplexObject]
impl UserGroup {
    /// What the licenses of these users cost a month: an entry for each currency. The sums of a
    /// single-valued property add up to those of the list when `first` takes in every group; by license,
    /// a user counts for each, with all that the user costs.
    async fn monthly_cost(
        &self,
        #[graphql(
            desc = "ISO 4217: the currency in which sums are told that a rate of today leads to."
        )]
        currency: Option<String>,
    ) -> Result<Vec<Money>, Error> {
        let told = Told::parse(currency.as_deref())?;
        Ok(told.sums(&self.reading, &self.added_up()?.0.monthly))
    }

    /// What following the open findings about these users would save a month: an entry for each
    /// currency. Findings for review (confidence `LOW`) are not counted.
    async fn monthly_savings(
        &self,
        #[graphql(
            desc = "ISO 4217: the currency in which sums are told that a rate of today leads to."
        )]
        currency: Option<String>,
    ) -> Result<Vec<Money>, Error> {
        let told = Told::parse(currency.as_deref())?;
        Ok(told.sums(&self.reading, &self.added_up()?.1))
    }

    /// How many licenses of these users have no price.
    async fn unpriced_licenses(&self) -> Result<i32, Error> {
        Ok(int(self.added_up()?.0.unpriced_seats))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::api::cursor::CursorSeal;
    use crate::domain;
    use crate::domain::catalog::{LicenseName, NameSource};
    use crate::domain::filter::UserDimension as By;
    use crate::domain::filter::UserOrderField;
    use crate::domain::ids::ObjectId;
    use crate::engine::TenantUpdate;

    #[track_caller]
    fn check(by: By, key: &str, label: &str) {
        assert_eq!(plain_label(by, key), label);
        assert_eq!(filter_value(by, key.to_owned()), key);
    }

    #[test]
    fn a_group_is_labeled_for_people_and_keyed_for_filters() {
        check(By::ResourceAccount, "true", "Resource account");
        check(By::ResourceAccount, "false", "Not a resource account");
        check(By::AccountEnabled, "true", "Enabled");
        check(By::AccountEnabled, "false", "Disabled");
        check(By::UserType, "GUEST", "Guest");
        check(By::ActivityState, "NEVER_ACTIVE", "Never active");
        check(By::ActivityState, "INACTIVE", "Inactive");
        check(By::Department, "Sales", "Sales");
        check(By::Department, "true", "true");
    }

    /// Of the longest texts that can be, and those that folding makes longest.
    #[test]
    fn a_cursor_opens_again_whatever_its_user_is_called() {
        let orders = [
            UserOrderField::DisplayName,
            UserOrderField::UserPrincipalName,
            UserOrderField::Department,
        ]
        .map(|field| UserOrder {
            field,
            direction: filter::OrderDirection::Ascending,
        });
        let seal = CursorSeal::new([7; 32]);
        for text in ["a", "Ü", "\u{1d160}", "\u{390}", "\u{958}", "\u{fb03}"] {
            let index = index_of_one_user(&text.repeat(100_000));
            let row = index.find(ObjectId(Uuid::from_u128(1))).unwrap();
            let place = row.position(&orders).to_bytes();
            let cursor = seal.seal("users", &place).unwrap();
            let opened = seal.open("users", &cursor).unwrap();
            assert!(Position::from_bytes(&opened, &orders).is_some(), "{text}");
        }
    }

    fn index_of_one_user(text: &str) -> Arc<TenantIndex> {
        let user = domain::user::User {
            object_id: ObjectId(Uuid::from_u128(1)),
            user_principal_name: text.to_owned(),
            display_name: Some(text.to_owned()),
            mail: None,
            employee_id: None,
            employee_type: None,
            job_title: None,
            department: Some(text.to_owned()),
            company_name: None,
            office_location: None,
            country: None,
            usage_location: None,
            user_type: domain::user::UserType::Member,
            is_resource_account: false,
            account_enabled: true,
            created_at: None,
            hired_on: None,
            is_synced_from_on_premises: false,
            manager: None,
            assignments: Vec::new(),
        };
        let empty = TenantIndex::empty(TenantKey::parse("contoso").unwrap());
        let mut draft = empty.draft();
        draft.merge(&user);
        let update = TenantUpdate {
            organization: None,
            licenses: None,
            users: Some(draft),
            groups: None,
            subscriptions: None,
            history: None,
            standings: Vec::new(),
            as_of: None,
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        let name = |_, value: &str| LicenseName {
            text: value.to_owned(),
            source: NameSource::PartNumber,
        };
        Arc::new(empty.updated(update, &name))
    }

    #[test]
    fn the_key_of_a_tenant_is_the_id_that_the_filter_takes() {
        let id = filter_value(By::Tenant, "contoso".into());
        let parsed = crate::api::ids::tenant(&id.into()).unwrap();
        assert_eq!(parsed.as_str(), "contoso");
    }
}
