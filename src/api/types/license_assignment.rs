//! Who holds a seat, and how.

use std::sync::Arc;

use async_graphql::{Enum, Object};

use super::group::Group;
use super::license::{License, ServicePlan};
use super::reading::Reading;
use crate::api::error::Error;
use crate::api::scalars::DateTime;
use crate::domain::ids::PlanId;
use crate::domain::user;
use crate::engine::TenantIndex;

/// The schema's description is on its `Object`.
pub(crate) struct LicenseAssignment {
    reading: Arc<Reading>,
    index: Arc<TenantIndex>,
    assignment: user::LicenseAssignment,
}

impl LicenseAssignment {
    pub(crate) fn new(
        reading: Arc<Reading>,
        index: Arc<TenantIndex>,
        assignment: user::LicenseAssignment,
    ) -> Self {
        Self {
            reading,
            index,
            assignment,
        }
    }

    fn plan(&self, id: PlanId) -> ServicePlan {
        let entry = self.index.license(self.assignment.sku_id);
        let plans = entry.map(|entry| entry.license.service_plans.as_slice());
        let listed = plans
            .unwrap_or_default()
            .iter()
            .find(|plan| plan.plan_id == id);
        // A plan may be switched off that Microsoft no longer lists in the product.
        let value = listed.map_or_else(|| id.to_string(), |plan| plan.value.clone());
        ServicePlan::new(self.reading.catalog(), id, value)
    }
}

/// A license assigned to a user. One seat held by several paths, directly and through groups, is one
/// assignment: its state is the best of them, its error that of the failing path. An assignment in
/// `ERROR` failed on every path: it holds no seat, and `licenseNames`, `licenseValues` and filters by
/// license pass it over.
#[Object]
impl LicenseAssignment {
    /// The product.
    async fn license(&self) -> Result<License, Error> {
        License::find(&self.reading, &self.index, self.assignment.sku_id)
            .ok_or_else(|| Error::internal("an assignment names a license that its index lacks"))
    }

    /// The best state of all paths.
    async fn state(&self) -> AssignmentState {
        self.assignment.state.into()
    }

    /// Microsoft's word for why a path fails, such as `CountViolation`; null when none does.
    async fn error(&self) -> Option<&str> {
        self.assignment.error.as_deref()
    }

    /// Whether one of the paths is the user's own and not a group's.
    async fn assigned_directly(&self) -> bool {
        self.assignment.assigned_directly
    }

    /// The groups whose assignment is another of the paths. One that is gone has no name.
    async fn assigned_by_groups(&self) -> Vec<Group> {
        let groups = self.assignment.assigned_by_groups.iter();
        groups
            .map(|id| Group::named(&self.reading, &self.index, *id))
            .collect()
    }

    /// The service plans that are switched off on every path.
    async fn disabled_plans(&self) -> Vec<ServicePlan> {
        let plans = self.assignment.disabled_plans.iter();
        plans.map(|id| self.plan(*id)).collect()
    }

    /// When Microsoft last changed it. Switching a plan counts too: this is not the day on which it was
    /// assigned. Null where Microsoft does not say.
    async fn last_updated_at(&self) -> Option<DateTime> {
        self.assignment.last_updated_at.map(DateTime)
    }
}

/// Whether an assignment gives the user the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "user::AssignmentState")]
pub(crate) enum AssignmentState {
    /// In force.
    Active,
    /// In force, but the last change to it failed.
    ActiveWithError,
    /// Switched off.
    Disabled,
    /// Not in force; `error` says why.
    Error,
    /// A value of Microsoft's that this version does not know, or none.
    Unknown,
}
