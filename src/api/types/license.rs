//! Licenses, their seats and service plans.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::activity::{ActivityCounts, Workload};
use super::money::Money;
use super::nesting::FilterInput as _;
use super::order::UserOrderInput;
use super::paging::PageArguments;
use super::price::Price;
use super::reading::Reading;
use super::renewal::bought;
use super::tenant::Tenant;
use super::tenant_subscription::TenantSubscription;
use super::user_connection::{UserConnection, UserListing};
use super::user_inputs::UserFilterInput;
use crate::api::error::Error;
use crate::api::ids::GlobalId;
use crate::api::scalars::{int, signed_int};
use crate::domain::catalog::{self, Catalog};
use crate::domain::filter::UserFilter;
use crate::domain::ids::{PlanId, SkuId};
use crate::domain::license;
use crate::domain::license_class;
use crate::domain::money::{self, SeatCost};
use crate::domain::service_plans::workloads_of_plan;
use crate::domain::usage;
use crate::engine::{LicenseEntry, TenantIndex};

/// A license of one index: a handle. The schema's description is on its `Object`.
#[derive(Clone)]
pub(crate) struct License {
    reading: Arc<Reading>,
    index: Arc<TenantIndex>,
    sku_id: SkuId,
}

impl License {
    /// The license, where the index has it.
    pub(crate) fn find(
        reading: &Arc<Reading>,
        index: &Arc<TenantIndex>,
        sku_id: SkuId,
    ) -> Option<Self> {
        index.license(sku_id)?;
        Some(Self {
            reading: reading.clone(),
            index: index.clone(),
            sku_id,
        })
    }

    /// What its paid seats cost a month.
    pub(crate) fn spend(&self) -> Option<SeatCost> {
        let entry = self.index.license(self.sku_id)?;
        Some(monthly_spend(&self.reading, &self.index, &entry.license))
    }

    /// [`License::find`] looked before, and an index never changes.
    fn entry(&self) -> Result<&LicenseEntry, Error> {
        self.index
            .license(self.sku_id)
            .ok_or_else(|| Error::internal("an index lost a license"))
    }

    /// Selects those who hold the license; part numbers are not unique, so it goes by the product.
    fn holders(&self) -> UserFilter {
        UserFilter::License(self.sku_id)
    }
}

/// A product that the tenant holds seats of: Microsoft's subscribedSku. All purchases of one product
/// are one license. A product that Microsoft no longer lists but users still hold is a license too, of
/// status "Unknown" and without seats.
#[Object]
impl License {
    /// Opaque and unique among all types; `node(id:)` takes it.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::License(self.index.key().clone(), self.sku_id).to_id()
    }

    /// The tenant that holds the seats.
    async fn tenant(&self) -> Result<Tenant, Error> {
        self.reading.tenant_of_node(self.index.key())
    }

    /// Microsoft's GUID of the product; the same in every tenant.
    async fn sku_id(&self) -> ID {
        ID(self.sku_id.to_string())
    }

    /// What the product is called: "Microsoft 365 E3". `nameSource` says by whom.
    async fn name(&self) -> Result<&str, Error> {
        Ok(&self.entry()?.name.text)
    }

    /// Who named it.
    async fn name_source(&self) -> Result<NameSource, Error> {
        Ok(self.entry()?.name.source.into())
    }

    /// Microsoft's part number: `SPE_E3`.
    async fn value(&self) -> Result<&str, Error> {
        Ok(&self.entry()?.license.part_number)
    }

    /// What it is to whoever pays, by what the operator says, the purchases and the part number. Only what is
    /// `PAID` or `ADDON` can be wasted.
    async fn class(&self) -> LicenseClass {
        self.index.class(self.sku_id).into()
    }

    /// Microsoft's `capabilityStatus`: `Enabled`, `Warning`, `Suspended`, `Deleted` or `LockedOut`.
    async fn status(&self) -> Result<&str, Error> {
        Ok(&self.entry()?.license.status)
    }

    /// Held by the organization; nobody can be assigned it (Microsoft's `appliesTo` is Company).
    async fn is_company_wide(&self) -> Result<bool, Error> {
        Ok(self.entry()?.license.is_company_wide)
    }

    /// The services inside it as this tenant gets them, in Microsoft's order.
    async fn service_plans(&self) -> Result<Vec<ServicePlan>, Error> {
        let catalog = self.reading.catalog();
        let plans = self.entry()?.license.service_plans.iter();
        Ok(plans
            .map(|plan| ServicePlan::new(catalog, plan.plan_id, plan.value.clone()))
            .collect())
    }

    /// How many seats there are and how many are in use.
    async fn seats(&self) -> Result<SeatCounts, Error> {
        let holders = self.index.holders_by_activity(self.sku_id);
        Ok(SeatCounts::new(self.entry()?.license.seats, holders))
    }

    /// What an assigned seat costs today. Microsoft does not say from which purchase a seat comes, so
    /// where those have prices of their own the lowest counts. Null where nobody gave it a price.
    async fn price(&self) -> Option<Price> {
        let own = self.index.subscriptions().iter();
        let own = own
            .filter(|own| own.sku_id == self.sku_id)
            .map(|own| own.id);
        let (declared, today) = (self.reading.declared(), self.reading.today());
        let price = declared.seat_price(self.index.key(), self.sku_id, own, today)?;
        Some(Price::new(self.reading.clone(), price.clone()))
    }

    /// What the seats that are bought and usable cost a month, assigned or not, each at the price of its
    /// purchase; trials cost nothing. Null where a seat has no price, or they are in several currencies.
    async fn monthly_spend(&self) -> Option<Money> {
        whole(&self.spend()?).map(Money::from)
    }

    /// What following the open findings about it would save a month; those for review (confidence `LOW`) are
    /// not counted. Null where a seat that would be saved has no price, or they are in several currencies.
    async fn monthly_savings(&self) -> Option<Money> {
        self.index.monthly_savings(self.sku_id).map(Money::from)
    }

    /// How many of these seats have no price.
    async fn unpriced_seats(&self) -> i32 {
        int(self.spend().map_or(0, |spend| spend.unpriced_seats))
    }

    /// The purchases that its seats come from.
    async fn subscriptions(&self) -> Vec<TenantSubscription> {
        TenantSubscription::of_license(&self.reading, &self.index, self.sku_id)
    }

    /// Those who hold a seat of it.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument of the schema"
    )]
    async fn users(
        &self,
        #[graphql(desc = "Only holders of whom all this is true; all of them when unsaid.")]
        filter: Option<UserFilterInput>,
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
        let asked = filter.unwrap_or_default().into_filter()?;
        UserConnection::open(
            &self.reading,
            UserListing {
                list: "License.users",
                tenants: vec![self.index.clone()],
                filter: UserFilter::And(vec![self.holders(), asked]),
                search: Vec::new(),
                order_by,
                page: PageArguments {
                    first,
                    after,
                    last,
                    before,
                },
            },
        )
    }
}

/// What the paid seats of a license cost a month.
pub(crate) fn monthly_spend(
    reading: &Reading,
    index: &TenantIndex,
    license: &license::License,
) -> SeatCost {
    // What could be reclaimed changes nothing that is paid now.
    let mut spend = bought(reading, index, license).holding(0).cost().spend;
    let class = index.class(license.sku_id);
    if matches!(
        class,
        license_class::LicenseClass::Free | license_class::LicenseClass::Trial
    ) {
        spend.unpriced_seats = 0;
    }
    spend
}

/// One sum of all seats; `None` where that would leave some out.
pub(crate) fn whole(cost: &SeatCost) -> Option<money::Money> {
    cost.monthly.only().filter(|_| cost.unpriced_seats == 0)
}

/// Who named a license; the first that has a name wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "catalog::NameSource")]
pub(crate) enum NameSource {
    /// The operator of this server, by `renameLicense`.
    Operator,
    /// Microsoft's published list of products, as this server holds it.
    Catalog,
    /// Nobody: the name is made from Microsoft's part number.
    PartNumber,
}

/// What a license is to whoever pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "license_class::LicenseClass")]
pub(crate) enum LicenseClass {
    /// Costs money, and stands for itself.
    Paid,
    /// Costs money, and adds to another license.
    Addon,
    /// Costs nothing, and ends.
    Trial,
    /// Costs nothing: never waste.
    Free,
    /// Nobody knows: no waste either.
    Unknown,
}

/// A service inside a license.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct ServicePlan {
    /// Microsoft's GUID of the service; the same in every product and tenant.
    plan_id: ID,
    /// Microsoft's own word for it, `EXCHANGE_S_ENTERPRISE`; its GUID where Microsoft does not list it.
    value: String,
    /// What it is called: "Exchange Online (Plan 2)"; made from `value` where the catalog lacks it.
    name: String,
    /// The workload whose use it is for; null where none of those that are reported.
    workload: Option<Workload>,
}

impl ServicePlan {
    pub(crate) fn new(catalog: &Catalog, id: PlanId, value: String) -> Self {
        Self {
            plan_id: ID(id.to_string()),
            name: catalog.plan_name(id, &value),
            workload: workload_of_plan(&value).map(Workload::from),
            value,
        }
    }
}

/// The workload that a service plan is for: SharePoint for its plans, though they open OneDrive too.
fn workload_of_plan(value: &str) -> Option<usage::Workload> {
    workloads_of_plan(value).iter().max().copied()
}

/// Seats of one license in one tenant; one seat licenses one user. Microsoft's own counts, and those
/// who hold a seat by whether they are in use.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct SeatCounts {
    /// Bought and in force.
    enabled: i32,
    /// Expired a short time ago and in grace: still usable.
    warning: i32,
    /// Expired longer ago: not assignable.
    suspended: i32,
    /// Locked out by Microsoft: not assignable.
    locked_out: i32,
    /// Held by users. May exceed what is usable.
    consumed: i32,
    /// Seats that could still be given out: enabled + warning - consumed. Below zero when more are used
    /// than held.
    available: i32,
    /// Users who hold a seat and are `ACTIVE`.
    active: i32,
    /// Users who hold a seat and are `INACTIVE` or `NEVER_ACTIVE`.
    inactive: i32,
    /// Users who hold a seat and of whom nobody can tell.
    unknown: i32,
}

impl SeatCounts {
    /// `holders` in the order of the domain's activity states.
    fn new(seats: license::SeatCounts, holders: [u64; 4]) -> Self {
        let activity = ActivityCounts::from(holders);
        Self {
            enabled: int(seats.enabled),
            warning: int(seats.warning),
            suspended: int(seats.suspended),
            locked_out: int(seats.locked_out),
            consumed: int(seats.consumed),
            available: signed_int(seats.available()),
            active: activity.active,
            inactive: activity.inactive,
            unknown: activity.unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_counted_by_whether_they_are_in_use() {
        let counts = SeatCounts::new(license::SeatCounts::default(), [1, 20, 300, 4_000]);
        assert_eq!(
            (counts.active, counts.inactive, counts.unknown),
            (1, 320, 4_000)
        );
    }

    #[track_caller]
    fn check(value: &str, workload: Option<usage::Workload>) {
        assert_eq!(workload_of_plan(value), workload, "{value}");
    }

    #[test]
    fn a_plan_is_for_one_workload_at_most() {
        check("EXCHANGE_S_ENTERPRISE", Some(usage::Workload::Outlook));
        check("EXCHANGE_S_FOUNDATION", None);
        check("TEAMS1", Some(usage::Workload::Teams));
        check("SHAREPOINTENTERPRISE", Some(usage::Workload::SharePoint));
        check("ONEDRIVEENTERPRISE", Some(usage::Workload::OneDrive));
        check("YAMMER_ENTERPRISE", Some(usage::Workload::VivaEngage));
        check("OFFICESUBSCRIPTION", Some(usage::Workload::Apps));
        check("M365_COPILOT_APPS", Some(usage::Workload::Copilot));
        check("AAD_PREMIUM", None);
        check("", None);
    }
}
