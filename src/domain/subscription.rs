//! A purchase of a license.

use jiff::Timestamp;

use super::ids::{SkuId, SubscriptionId};

/// A purchase of a license: Graph's `companySubscription`. A license may have several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// `id`.
    pub id: SubscriptionId,
    /// `commerceSubscriptionId`, as invoices call it.
    pub commerce_id: Option<String>,
    /// `skuId`.
    pub sku_id: SkuId,
    /// `skuPartNumber`.
    pub part_number: String,
    /// `status`: Enabled, Warning, Suspended, Deleted or `LockedOut`, as Microsoft wrote it.
    pub status: String,
    /// `totalLicenses`.
    pub seats: Option<u32>,
    /// `isTrial`.
    pub is_trial: Option<bool>,
    /// `createdDateTime`.
    pub created_at: Option<Timestamp>,
    /// `nextLifecycleDateTime`: when the state changes next unless somebody acts. Not necessarily the
    /// renewal.
    pub next_change_at: Option<Timestamp>,
}
