//! Entries of the price book.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::license::License;
use super::money::Money;
use super::reading::Reading;
use super::tenant::Tenant;
use super::tenant_subscription::TenantSubscription;
use crate::api::error::Error;
use crate::api::ids::GlobalId;
use crate::api::scalars::{Date, int};
use crate::domain::ids::{SkuId, TenantKey};
use crate::domain::{money, prices};
use crate::sync;

/// The schema's description is on its `Object`.
pub(crate) struct Price {
    reading: Arc<Reading>,
    price: Arc<prices::Price>,
}

impl Price {
    pub(crate) fn new(reading: Arc<Reading>, price: Arc<prices::Price>) -> Self {
        Self { reading, price }
    }

    /// The book as it stands today and as it will, of one license if that is asked for: what may count
    /// for its tenant.
    pub(crate) fn standing(
        reading: &Arc<Reading>,
        license: Option<&(TenantKey, SkuId)>,
    ) -> Vec<Self> {
        let entries = standing(reading, license).into_iter();
        entries
            .map(|price| Self::new(reading.clone(), price))
            .collect()
    }
}

/// The entries of [`Price::standing`].
pub(crate) fn standing(
    reading: &Reading,
    license: Option<&(TenantKey, SkuId)>,
) -> Vec<Arc<prices::Price>> {
    let declared = reading.declared();
    let standing = declared.prices.standing_on(reading.today());
    let is_asked = |price: &prices::Price| {
        license.is_none_or(|(tenant, sku_id)| {
            let of_tenant = price.scope.tenant().is_none_or(|own| own == tenant);
            let segment = declared.segments.get(tenant);
            let of_segment = price.segment.is_none() || price.segment.as_ref() == segment;
            of_tenant && of_segment && price.sku_id == *sku_id
        })
    };
    standing.filter(|price| is_asked(price)).cloned().collect()
}

/// What a seat costs, as the operator told it: Microsoft tells no price. Without `tenant` it is for every
/// tenant. Of those that are valid on a day the narrowest counts: the subscription's, then the tenant's,
/// then everybody's, and within each the one for the tenant's segment first.
#[Object]
impl Price {
    /// Opaque and unique among all types; `node(id:)` takes it.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::Price(self.price.id).to_id()
    }

    /// Microsoft's GUID of the product.
    async fn sku_id(&self) -> ID {
        ID(self.price.sku_id.to_string())
    }

    /// Whose price it is; null for every tenant, and for one that is not configured any more.
    async fn tenant(&self) -> Option<Tenant> {
        self.reading.tenant(self.price.scope.tenant()?)
    }

    /// The license of the tenant; null where the price is for every tenant, or the tenant has no such
    /// license.
    async fn license(&self) -> Option<License> {
        self.reading
            .license(self.price.scope.tenant()?, self.price.sku_id)
    }

    /// The purchase that it is for; null where it is for all of the license, or Microsoft does not list
    /// the purchase any more.
    async fn subscription(&self) -> Option<TenantSubscription> {
        let scope = &self.price.scope;
        self.reading
            .subscription(scope.tenant()?, scope.subscription()?)
    }

    /// The kind of customer that it is for: only tenants with this `segment` in config.toml. Null for
    /// all.
    async fn segment(&self) -> Option<&str> {
        let segment = self.price.segment.as_ref()?;
        Some(segment.as_str())
    }

    /// What one seat costs for one period, as it was told.
    async fn per_seat(&self) -> Money {
        Money::of_price(&self.price)
    }

    /// The period. A year is twelve months; nothing is rounded between them.
    async fn per(&self) -> BillingPeriod {
        self.price.per.into()
    }

    /// The first day on which it counts, in UTC.
    async fn valid_from(&self) -> Date {
        Date(self.price.validity.from())
    }

    /// The last day on which it counts; null while it has no end.
    async fn valid_to(&self) -> Option<Date> {
        self.price.validity.to().map(Date)
    }

    /// Where the operator has it from: an invoice, a price list.
    async fn source(&self) -> Option<&str> {
        let source = self.price.source.as_ref()?;
        Some(source.as_str())
    }
}

/// For which time a price is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "money::BillingPeriod")]
pub(crate) enum BillingPeriod {
    /// A calendar month.
    Month,
    /// Twelve of them.
    Year,
}

/// What an import of prices has done.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct ImportedPrices {
    /// How many entries are new.
    added: i32,
    /// How many took the place of an entry with the same id.
    replaced: i32,
    /// How many entries the price book has now.
    total: i32,
}

impl From<sync::ImportedPrices> for ImportedPrices {
    fn from(imported: sync::ImportedPrices) -> Self {
        Self {
            added: int(imported.added),
            replaced: int(imported.replaced),
            total: int(imported.total),
        }
    }
}

/// A price that is not there; errors name the remedy.
pub(crate) fn no_such_price() -> Error {
    use crate::api::error::Code;
    Error::new(
        Code::NotFound,
        "There is no such price: it may have been deleted already. `prices` lists those there are.",
    )
}
