//! Purchases of licenses.

use std::sync::Arc;

use async_graphql::{ID, Object};

use super::license::License;
use super::reading::Reading;
use super::terms::Terms;
use crate::api::error::Error;
use crate::api::ids::GlobalId;
use crate::api::scalars::{DateTime, int};
use crate::domain::ids::{SkuId, SubscriptionId};
use crate::domain::subscription::Subscription;
use crate::engine::TenantIndex;

/// The schema's description is on its `Object`.
pub(crate) struct TenantSubscription {
    reading: Arc<Reading>,
    index: Arc<TenantIndex>,
    subscription: Subscription,
}

impl TenantSubscription {
    /// A purchase, where the index has it and the license that was bought.
    pub(crate) fn find(
        reading: &Arc<Reading>,
        index: &Arc<TenantIndex>,
        id: SubscriptionId,
    ) -> Option<Self> {
        let subscription = index.subscription(id)?;
        index.license(subscription.sku_id)?;
        Some(Self::new(reading, index, subscription))
    }

    /// The purchases of one license.
    pub(crate) fn of_license(
        reading: &Arc<Reading>,
        index: &Arc<TenantIndex>,
        sku_id: SkuId,
    ) -> Vec<Self> {
        let all = index.subscriptions().iter();
        let of_license = all.filter(|subscription| subscription.sku_id == sku_id);
        of_license
            .map(|subscription| Self::new(reading, index, subscription))
            .collect()
    }

    fn new(reading: &Arc<Reading>, index: &Arc<TenantIndex>, subscription: &Subscription) -> Self {
        Self {
            reading: reading.clone(),
            index: index.clone(),
            subscription: subscription.clone(),
        }
    }
}

/// A purchase of a license: Microsoft's companySubscription. A license may have several.
#[Object]
impl TenantSubscription {
    /// Opaque and unique among all types; `node(id:)` takes it.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::Subscription(self.index.key().clone(), self.subscription.id).to_id()
    }

    /// Microsoft's own GUID of the purchase.
    async fn subscription_id(&self) -> ID {
        ID(self.subscription.id.to_string())
    }

    /// The number that invoices give it; null where Microsoft does not say.
    async fn commerce_id(&self) -> Option<&str> {
        self.subscription.commerce_id.as_deref()
    }

    /// What was bought.
    async fn license(&self) -> Result<License, Error> {
        License::find(&self.reading, &self.index, self.subscription.sku_id)
            .ok_or_else(|| Error::internal("a subscription is of a license that its index lacks"))
    }

    /// How many seats were bought; null where Microsoft does not say.
    async fn seats(&self) -> Option<i32> {
        self.subscription.seats.map(int)
    }

    /// Microsoft's word: `Enabled`, `Warning`, `Suspended`, `Deleted` or `LockedOut`.
    async fn status(&self) -> &str {
        &self.subscription.status
    }

    /// Whether it costs nothing for a while; null where Microsoft does not say.
    async fn is_trial(&self) -> Option<bool> {
        self.subscription.is_trial
    }

    /// When it was bought; null where Microsoft does not say.
    async fn created_at(&self) -> Option<DateTime> {
        self.subscription.created_at.map(DateTime)
    }

    /// When the state changes next unless somebody acts; not necessarily the renewal. Null where
    /// Microsoft does not say.
    async fn next_change_at(&self) -> Option<DateTime> {
        self.subscription.next_change_at.map(DateTime)
    }

    /// For how long it binds, as `declareTerms` says; `UNKNOWN` and null until then, for Microsoft does
    /// not tell it.
    async fn terms(&self) -> Option<Terms> {
        let declared = self.reading.declared();
        let terms = declared.terms_of(self.index.key(), self.subscription.id);
        Some(terms.into())
    }
}
