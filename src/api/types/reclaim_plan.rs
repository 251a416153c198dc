//! What somebody would have to do so that seats come free.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::finding::Finding;
use super::finding_connection::{from_bytes, to_bytes};
use super::finding_inputs::{FindingOrderInput, finding_orders};
use super::group::Group;
use super::money::{Money, Told};
use super::paging::{Cut, Edge, PageArguments, PageInfo, cut};
use super::reading::Reading;
use super::reclaim_file::{self, ReclaimFormat};
use super::tenant::Tenant;
use crate::api::cursor;
use crate::api::error::Error;
use crate::api::scalars::int;
use crate::domain::finding::Totals;
use crate::domain::finding_filter::{FindingFilter, FindingPosition};
use crate::domain::ids::{SkuId, TenantKey};
use crate::domain::reclaim::{Act, Membership, Path, replacement};
use crate::engine::{FindingRow, Reclaim, TenantIndex};

/// The schema's description is on its `Object`.
pub(crate) struct ReclaimPlan {
    reading: Arc<Reading>,
    /// What cursors are bound to.
    scope: String,
    plan: Reclaim,
    /// Once a field asks for them.
    totals: OnceLock<Totals>,
    page: Cut<FindingRow>,
}

impl ReclaimPlan {
    pub(crate) fn open(
        reading: &Arc<Reading>,
        tenant: Option<&TenantKey>,
        filter: FindingFilter,
        order_by: Option<Vec<FindingOrderInput>>,
        page: PageArguments,
    ) -> Result<Self, Error> {
        let index = the_tenant(reading, tenant)?;
        let orders = finding_orders(order_by);
        let scope = format!("Query.reclaimPlan {orders:?}");
        let rooms = reading.rooms();
        let paging = page.parse(rooms.page_rows_max)?;
        let place = |cursor: &Option<String>| -> Result<Option<FindingPosition>, Error> {
            let Some(cursor) = cursor else {
                return Ok(None);
            };
            let bytes = rooms.cursors.open(&scope, cursor)?;
            from_bytes(&bytes).ok_or_else(cursor::refused).map(Some)
        };
        let (after, before) = (place(&paging.after)?, place(&paging.before)?);
        let plan = Reclaim::new(index, filter, &orders);
        let is = |own: &FindingPosition, place: &Option<FindingPosition>, wanted: Ordering| {
            let place = place.as_ref();
            place.is_none_or(|place| own.compare(place, &orders) == wanted)
        };
        let page = cut(
            plan.positions().enumerate().collect(),
            &paging,
            |(_, own)| is(own, &after, Ordering::Greater),
            |(_, own)| is(own, &before, Ordering::Less),
        );
        let rows = page.rows.iter();
        Ok(Self {
            page: Cut {
                rows: rows.filter_map(|(at, _)| plan.finding(*at)).collect(),
                has_previous: page.has_previous,
                has_next: page.has_next,
            },
            reading: reading.clone(),
            scope,
            plan,
            totals: OnceLock::new(),
        })
    }

    fn totals(&self) -> &Totals {
        self.totals.get_or_init(|| self.plan.totals())
    }

    fn cursor(&self, row: &FindingRow) -> Result<String, Error> {
        let place = to_bytes(&row.position())?;
        self.reading.rooms().cursors.seal(&self.scope, &place)
    }

    fn node(&self, row: &FindingRow) -> Result<ReclaimStep, Error> {
        let name_of = |sku| self.reading.product_name(self.plan.tenant(), sku);
        let act = self.plan.act(row, &name_of);
        let act = act.ok_or_else(|| Error::internal("an index lost a seat that could go"))?;
        Ok(ReclaimStep {
            reading: self.reading.clone(),
            index: self.plan.tenant().clone(),
            row: row.clone(),
            act,
        })
    }
}

/// The tenant that is named, or the only one.
fn the_tenant<'a>(
    reading: &'a Arc<Reading>,
    tenant: Option<&TenantKey>,
) -> Result<&'a Arc<TenantIndex>, Error> {
    match (tenant, reading.indexes()) {
        (Some(key), _) => reading.index(key).ok_or_else(|| Error::not_found("tenant")),
        (None, [only]) => Ok(only),
        (None, []) => Err(Error::not_found("tenant")),
        (None, _) => Err(Error::bad_input(
            "There are several tenants: say by `tenant` whose seats are meant.",
        )),
    }
}

/// What somebody would have to do so that the seats of open findings come free: a page of it, and the whole
/// as a file. Each seat is there once, by the finding that carries its saving. It changes nothing, here or
/// at Microsoft.
#[Object]
impl ReclaimPlan {
    /// Whose seats they are.
    async fn tenant(&self) -> Result<Tenant, Error> {
        self.reading.tenant_of_node(self.plan.tenant().key())
    }

    /// The page's steps with their cursors.
    async fn edges(&self) -> Result<Vec<Edge<ReclaimStep>>, Error> {
        let edge = |row: &FindingRow| {
            Ok(Edge {
                cursor: self.cursor(row)?,
                node: self.node(row)?,
            })
        };
        self.page.rows.iter().map(edge).collect()
    }

    /// The page's steps.
    async fn nodes(&self) -> Result<Vec<ReclaimStep>, Error> {
        self.page.rows.iter().map(|row| self.node(row)).collect()
    }

    /// Where the page lies in the plan.
    async fn page_info(&self) -> Result<PageInfo, Error> {
        let cursor = |row: Option<&FindingRow>| row.map(|row| self.cursor(row)).transpose();
        Ok(PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: cursor(self.page.rows.first())?,
            end_cursor: cursor(self.page.rows.last())?,
        })
    }

    /// How many seats the plan would free, on all pages.
    async fn total_count(&self) -> i32 {
        int(self.plan.count())
    }

    /// What the whole plan would save a month: an entry for each currency. What is for review (confidence
    /// `LOW`) is not counted.
    async fn monthly_savings(
        &self,
        #[graphql(
            desc = "ISO 4217: the currency in which sums are told that a rate of today leads to."
        )]
        currency: Option<String>,
    ) -> Result<Vec<Money>, Error> {
        let told = Told::parse(currency.as_deref())?;
        Ok(told.sums(&self.reading, &self.totals().monthly_savings))
    }

    /// Seats of the plan that would be saved but whose price is not known; without what is for review.
    async fn unpriced_seats(&self) -> i32 {
        int(self.totals().unpriced_seats)
    }

    /// The whole plan as the text of a file, of 10,000 seats at most. It names people: keep it as you keep
    /// such data.
    async fn file(
        &self,
        #[graphql(desc = "How it is written.")] format: ReclaimFormat,
    ) -> Result<String, Error> {
        reclaim_file::write(&self.reading, &self.plan, format)
    }
}

/// What has to be done for one seat.
pub(crate) struct ReclaimStep {
    reading: Arc<Reading>,
    index: Arc<TenantIndex>,
    row: FindingRow,
    act: Act,
}

impl ReclaimStep {
    fn product(&self, sku_id: SkuId) -> ReclaimProduct {
        ReclaimProduct {
            sku_id: ID(sku_id.to_string()),
            name: self.reading.product_name(&self.index, sku_id),
        }
    }
}

/// What has to be done for one seat, by the path on which its holder has it.
#[Object]
impl ReclaimStep {
    /// Why: the finding, with user, license, evidence and saving.
    async fn finding(&self) -> Finding {
        Finding::new(self.reading.clone(), self.row.clone())
    }

    /// What to do.
    async fn act(&self) -> ReclaimAct {
        match &self.act {
            Act::Unassign { then_leave, .. } if then_leave.is_empty() => ReclaimAct::Unassign,
            Act::Unassign { .. } => ReclaimAct::UnassignAndLeaveGroups,
            Act::Leave { .. } => ReclaimAct::LeaveGroups,
            Act::UnassignTwin => ReclaimAct::UnassignTwin,
        }
    }

    /// The groups that assign the license: while the user is in one of them, the seat stays. Empty where
    /// it is assigned directly only.
    async fn groups_to_leave(&self) -> Vec<ReclaimPath> {
        let path = |path: &Path| ReclaimPath {
            group: Group::named(&self.reading, &self.index, path.group),
            membership: path.membership.into(),
        };
        self.act.groups().iter().map(path).collect()
    }

    /// The licenses that leaving all these groups takes away besides.
    async fn takes_also(&self) -> Vec<ReclaimProduct> {
        let also = self.act.takes_also().iter();
        also.map(|(sku_id, _)| self.product(*sku_id)).collect()
    }

    /// The license to assign instead: a smaller one that is enough, or a bundle. Null where none is needed.
    async fn replaced_by(&self) -> Option<ReclaimProduct> {
        let other = replacement(&self.row.known().finding)?;
        Some(self.product(other))
    }
}

/// A product, whether or not the tenant has any of it.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct ReclaimProduct {
    /// Microsoft's GUID of the product.
    sku_id: ID,
    /// What it is called here, or by Microsoft's public list.
    name: String,
}

/// A group that assigns a license to a user.
#[derive(SimpleObject)]
pub(crate) struct ReclaimPath {
    /// The group.
    group: Group,
    /// Who can take the user out of it.
    membership: GroupMembership,
}

/// What has to be done for one seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ReclaimAct {
    /// Take the license away from the user.
    Unassign,
    /// Take it away from the user, who has to leave groups that assign it too.
    UnassignAndLeaveGroups,
    /// Only groups assign it: the user has to leave them.
    LeaveGroups,
    /// It is assigned directly and by a group: take the direct assignment away. The seat stays.
    UnassignTwin,
}

/// Who decides who is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Membership")]
pub(crate) enum GroupMembership {
    /// An administrator or owner.
    Assigned,
    /// A rule: what it looks at has to change.
    Dynamic,
    /// A directory on premises.
    OnPremises,
    /// The group is gone, or was never read.
    Unknown,
}
