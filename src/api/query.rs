//! What can be asked.

use async_graphql::{Context, ID, Object};

use super::error::Error;
use super::ids;
use super::scalars::Date;
use super::settings::Limits;
use super::types::activity::Workload;
use super::types::calendar_feed::CalendarFeed;
use super::types::change_connection::ChangeConnection;
use super::types::change_inputs::{ChangeArguments, ChangeFilter};
use super::types::finding_connection::FindingConnection;
use super::types::finding_inputs::{FindingFilterInput, FindingOrderInput};
use super::types::group_connection::GroupConnection;
use super::types::group_inputs::GroupFilterInput;
use super::types::license_connection::LicenseConnection;
use super::types::license_inputs::LicenseFilterInput;
use super::types::money::ExchangeRate;
use super::types::money_inputs::RenewalPlanInput;
use super::types::nesting::FilterInput as _;
use super::types::node::Node;
use super::types::order::{LicenseOrderInput, UserOrderInput};
use super::types::paging::PageArguments;
use super::types::price::Price;
use super::types::reading::{Reading, caller};
use super::types::reclaim_plan::ReclaimPlan;
use super::types::renewal::{Renewal, RenewalPlan};
use super::types::sync_run_connection::SyncRunConnection;
use super::types::tenant::Tenant;
use super::types::usage::{Granularity, UsagePoint, checked_range};
use super::types::user::User;
use super::types::user_connection::{UserConnection, UserListing};
use super::types::user_inputs::{UserBy, UserFilterInput};
use super::types::viewer::Viewer;
use crate::domain::ids::ObjectId;
use crate::domain::text::Folded;
use crate::engine::{self, UserRow};

/// The root of queries.
pub struct Query;

/// What can be asked. All fields of one request are answered from the same moment: a sync that ends
/// meanwhile shows in the next request.
#[Object]
impl Query {
    /// Anything that has a global id. Null where the id names nothing that is there or that the token
    /// may see; `BAD_INPUT` for a text that is no id.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `id` of a node.")] id: ID,
    ) -> Option<Result<Node, Error>> {
        find_node(ctx, &id).await.transpose()
    }

    /// As `node`, for several ids at once: one entry for each, in their order.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `id`s of nodes, 500 at most.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Result<Node, Error>>>, Error> {
        if ids.len() > Limits::PAGE_ROWS_MOST {
            let most = Limits::PAGE_ROWS_MOST;
            return Err(Error::bad_input(format!(
                "`ids` has {} ids; it takes at most {most}.",
                ids.len()
            )));
        }
        let mut nodes = Vec::with_capacity(ids.len());
        for id in &ids {
            nodes.push(find_node(ctx, id).await.transpose());
        }
        Ok(nodes)
    }

    /// Who is asking, and what the token allows.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer, Error> {
        Ok(Viewer {
            caller: caller(ctx)?.clone(),
            reading: Reading::of(ctx)?.clone(),
        })
    }

    /// The Microsoft 365 tenants that this server is configured for and the token may see, by key.
    async fn tenants(&self, ctx: &Context<'_>) -> Result<Vec<Tenant>, Error> {
        Ok(Reading::of(ctx)?.tenants())
    }

    /// One tenant; null where there is none of that id or the token may not see it.
    async fn tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant's `id`.")] id: ID,
    ) -> Option<Result<Tenant, Error>> {
        find_tenant(ctx, &id).transpose()
    }

    /// The users of all tenants that the token may see.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument of the schema"
    )]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only users of whom all this is true; everybody when unsaid.")]
        filter: Option<UserFilterInput>,
        #[graphql(
            desc = "Words that must all occur, each at the beginning of a word of display name, user principal name, mail or employee id. Case does not matter, punctuation parts words; 20 words at most, and without one nothing is searched for."
        )]
        search: Option<String>,
        #[graphql(desc = "What to sort by, the first order first; by display name when unsaid.")]
        order_by: Option<Vec<UserOrderInput>>,
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
    ) -> Result<UserConnection, Error> {
        let reading = Reading::of(ctx)?;
        let page = PageArguments {
            first,
            after,
            last,
            before,
        };
        let listing = UserListing::of_all(reading, filter, search.as_deref(), order_by, page)?;
        UserConnection::open(reading, listing)
    }

    /// One user; null where there is none or the token may not see it.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What names the user: exactly one of these.")] by: UserBy,
        #[graphql(
            desc = "The `id` of the tenant to look in; in all when unsaid. `BAD_INPUT` when several tenants hold such a user and it is missing."
        )]
        tenant: Option<ID>,
    ) -> Option<Result<User, Error>> {
        find_user_of(ctx, by, tenant.as_ref()).transpose()
    }

    /// The licenses of all tenants that the token may see.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument of the schema"
    )]
    async fn licenses(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only licenses of which all this is true; every license when unsaid.")]
        filter: Option<LicenseFilterInput>,
        #[graphql(desc = "What to sort by, the first order first; by name when unsaid.")]
        order_by: Option<Vec<LicenseOrderInput>>,
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
    ) -> Result<LicenseConnection, Error> {
        let filter = filter.unwrap_or_default().into_filter()?;
        let page = PageArguments {
            first,
            after,
            last,
            before,
        };
        LicenseConnection::open(Reading::of(ctx)?, &filter, order_by, page)
    }

    /// The groups of all tenants that the token may see, by display name; those without one come last.
    async fn groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only groups of which all this is true; every group when unsaid.")]
        filter: Option<GroupFilterInput>,
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
        let filter = filter.unwrap_or_default().into_filter()?;
        let page = PageArguments {
            first,
            after,
            last,
            before,
        };
        GroupConnection::open(Reading::of(ctx)?, &filter, page)
    }

    /// What costs money and does no good, or wants looking at, each with its evidence.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument of the schema"
    )]
    async fn findings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only findings of which all this is true; every finding when unsaid.")]
        filter: Option<FindingFilterInput>,
        #[graphql(
            desc = "What to sort by, the first order first; by monthly savings, the largest first, when unsaid."
        )]
        order_by: Option<Vec<FindingOrderInput>>,
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
    ) -> Result<FindingConnection, Error> {
        let filter = filter.unwrap_or_default().into_filter()?;
        let page = PageArguments {
            first,
            after,
            last,
            before,
        };
        FindingConnection::open(Reading::of(ctx)?, &filter, order_by, page)
    }

    /// What somebody would have to do so that the seats of open findings come free. It changes nothing:
    /// ask as often as you like.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument of the schema"
    )]
    async fn reclaim_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The `id` of the tenant whose seats are meant; it may be unsaid while there is one only."
        )]
        tenant: Option<ID>,
        #[graphql(
            desc = "Only findings of which all this is true; every finding when unsaid. Those that are not open, and those about no user's seat, are left out always."
        )]
        filter: Option<FindingFilterInput>,
        #[graphql(
            desc = "What to sort by, the first order first; by monthly savings, the largest first, when unsaid."
        )]
        order_by: Option<Vec<FindingOrderInput>>,
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
    ) -> Result<ReclaimPlan, Error> {
        let tenant = tenant.as_ref().map(ids::tenant).transpose()?;
        let filter = filter.unwrap_or_default().into_filter()?;
        let page = PageArguments {
            first,
            after,
            last,
            before,
        };
        ReclaimPlan::open(Reading::of(ctx)?, tenant.as_ref(), filter, order_by, page)
    }

    /// Use of a workload over time by the users that a filter selects, from this server's own history,
    /// oldest first. A day that no report covers has no point: its absence does not mean that nobody was
    /// active.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument of the schema"
    )]
    async fn usage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose use.")] workload: Workload,
        #[graphql(desc = "Only users of whom all this is true today; everybody when unsaid.")]
        filter: Option<UserFilterInput>,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The last day, at most 399 days later.")] to: Date,
        #[graphql(
            default_with = "Granularity::Day",
            desc = "How many days one point stands for. A week or month at either end counts the days inside the range only."
        )]
        by: Granularity,
    ) -> Result<Vec<UsagePoint>, Error> {
        let (from, to) = checked_range(from, to)?;
        let filter = filter.unwrap_or_default().into_filter()?;
        let users = engine::select(Reading::of(ctx)?.indexes(), &filter, &[]);
        let points = users.usage(workload.into(), from, to, by.into());
        Ok(points.into_iter().map(UsagePoint::from).collect())
    }

    /// What changed of users from one sync to the next, newest first: who came and went, got or lost a
    /// license, moved to another department, or is judged otherwise. From this server's own history, which
    /// begins with the first sync of a tenant.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument of the schema"
    )]
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day, in UTC.")] from: Date,
        #[graphql(desc = "The last day, at most 399 days later.")] to: Date,
        #[graphql(desc = "The `id` of the tenant whose changes are wanted; all when unsaid.")]
        tenant: Option<ID>,
        #[graphql(desc = "Only changes of which all this is true; every change when unsaid.")]
        filter: Option<ChangeFilter>,
        #[graphql(
            desc = "How many rows from the beginning, 1 to 500; 50 when neither it nor `last` is said."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor: older ones.")] after: Option<String>,
        #[graphql(desc = "How many rows from the end, 1 to 500; not together with `first`.")]
        last: Option<i32>,
        #[graphql(
            desc = "Only rows before this cursor: newer ones; without `first` and `last`, the 50 next to it."
        )]
        before: Option<String>,
    ) -> Result<ChangeConnection, Error> {
        let reading = Reading::of(ctx)?;
        let asked = ChangeArguments {
            from,
            to,
            tenant,
            filter,
        };
        let page = PageArguments {
            first,
            after,
            last,
            before,
        };
        ChangeConnection::open(reading, asked.parse(reading)?, page)
    }

    /// The purchases that renew, or change their state, from today within so many days: the soonest
    /// first.
    async fn renewals(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 120, desc = "How many days ahead, 0 to 2200.")] within_days: i32,
        #[graphql(desc = "The `id` of the tenant whose purchases are wanted; all when unsaid.")]
        tenant: Option<ID>,
    ) -> Result<Vec<Renewal>, Error> {
        let tenant = tenant.as_ref().map(ids::tenant).transpose()?;
        Renewal::within(Reading::of(ctx)?, within_days, tenant.as_ref())
    }

    /// What to order of a license at its renewal: how many seats, which are not needed, and what that
    /// saves. It changes nothing: ask as often as you like.
    async fn renewal_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which license, and what to reckon with.")] input: RenewalPlanInput,
    ) -> Result<RenewalPlan, Error> {
        let reading = Reading::of(ctx)?;
        let (key, id) = ids::license(&input.license)?;
        let request = input.request()?;
        let index = reading
            .index(&key)
            .ok_or_else(|| Error::not_found("license"))?;
        let entry = index
            .license(id)
            .ok_or_else(|| Error::not_found("license"))?;
        Ok(RenewalPlan::of(reading, index, &entry.license, request))
    }

    /// The price book, as it stands today and as it will: by license, the widest price first, then by
    /// day. What has ended is in `priceTable` only.
    async fn prices(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The `id` of a license: only prices of it that may count for its tenant; all when unsaid."
        )]
        license: Option<ID>,
    ) -> Result<Vec<Price>, Error> {
        let license = license.as_ref().map(ids::license).transpose()?;
        Ok(Price::standing(Reading::of(ctx)?, license.as_ref()))
    }

    /// The whole price book as CSV, with what has ended: for a spreadsheet, and for `importPrices`.
    /// Whatever a spreadsheet would run begins with an apostrophe.
    async fn price_table(&self, ctx: &Context<'_>) -> Result<String, Error> {
        Ok(Reading::of(ctx)?.price_table())
    }

    /// What currencies are worth in others, as the operator told: by pair, then by day.
    async fn exchange_rates(&self, ctx: &Context<'_>) -> Result<Vec<ExchangeRate>, Error> {
        Ok(ExchangeRate::all(Reading::of(ctx)?))
    }

    /// The calendars of renewals that calendar programs may read, the oldest first. It needs the role
    /// ADMIN.
    async fn calendar_feeds(&self, ctx: &Context<'_>) -> Result<Vec<CalendarFeed>, Error> {
        Ok(CalendarFeed::all(Reading::of_admin(ctx)?))
    }

    /// Every attempt to read a tenant from Microsoft, newest first, running ones included.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument of the schema"
    )]
    async fn sync_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The `id` of the tenant whose runs are wanted; those of all when unsaid."
        )]
        tenant: Option<ID>,
        #[graphql(
            desc = "How many rows from the beginning, 1 to 500; 50 when neither it nor `last` is said."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor: older ones.")] after: Option<String>,
        #[graphql(desc = "How many rows from the end, 1 to 500; not together with `first`.")]
        last: Option<i32>,
        #[graphql(
            desc = "Only rows before this cursor: newer ones; without `first` and `last`, the 50 next to it."
        )]
        before: Option<String>,
    ) -> Result<SyncRunConnection, Error> {
        let tenant = tenant.as_ref().map(ids::tenant).transpose()?;
        let page = PageArguments {
            first,
            after,
            last,
            before,
        };
        SyncRunConnection::open(Reading::of(ctx)?, tenant, page).await
    }
}

async fn find_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>, Error> {
    Node::find(Reading::of(ctx)?, id).await
}

fn find_tenant(ctx: &Context<'_>, id: &ID) -> Result<Option<Tenant>, Error> {
    let key = ids::tenant(id)?;
    Ok(Reading::of(ctx)?.tenant(&key))
}

fn find_user_of(ctx: &Context<'_>, by: UserBy, tenant: Option<&ID>) -> Result<Option<User>, Error> {
    let reading = Reading::of(ctx)?;
    let row = find_user(reading, by, tenant)?;
    Ok(row.map(|row| User::new(reading.clone(), row)))
}

/// The user that `Query.user` names.
pub(crate) fn find_user(
    reading: &Reading,
    by: UserBy,
    tenant: Option<&ID>,
) -> Result<Option<UserRow>, Error> {
    let tenant = tenant.map(ids::tenant).transpose()?;
    let is_asked = |key| tenant.as_ref().is_none_or(|tenant| tenant == key);
    let indexes = reading
        .indexes()
        .iter()
        .filter(|index| is_asked(index.key()));
    let rows = match by {
        UserBy::Id(id) => {
            let (key, id) = ids::user(&id)?;
            let index = reading.index(&key).filter(|_| is_asked(&key));
            return Ok(index.and_then(|index| index.find(id)));
        }
        UserBy::ObjectId(id) => {
            let id = ObjectId::parse(&id)
                .ok_or_else(|| Error::bad_input("`objectId` is not a GUID."))?;
            indexes.filter_map(|index| index.find(id)).take(2).collect()
        }
        UserBy::UserPrincipalName(name) => {
            let name = Folded::new(&name);
            let found = indexes.filter_map(|index| index.find_by_principal_name(&name));
            found.take(2).collect::<Vec<_>>()
        }
    };
    if rows.len() > 1 {
        return Err(Error::bad_input(
            "Several tenants hold such a user: say by `tenant` which one is meant.",
        ));
    }
    Ok(rows.into_iter().next())
}
