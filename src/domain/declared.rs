//! What operators told of money, all of it at one moment.
//!
//! A value: a change makes another one, and whoever reads keeps the one that it began with.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::ids::{SkuId, SubscriptionId, TenantKey};
use super::license::{License, SeatCounts};
use super::money::Rate;
use super::prices::book::{Asked, PriceBook};
use super::prices::exchange::ExchangeRates;
use super::prices::{Price, Segment};
use super::renewal::{Holding, Purchase};
use super::subscription::Subscription;
use super::terms::{Terms, TermsPolicy};

/// Prices, terms and exchange rates, with what the configuration adds to them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Every price there is.
    pub prices: Arc<PriceBook>,
    /// What was declared of purchases; of all others nothing is known.
    pub terms: Arc<BTreeMap<(TenantKey, SubscriptionId), Terms>>,
    /// What currencies are worth in others.
    pub exchange_rates: Arc<ExchangeRates>,
    /// The segment of each tenant that has one.
    pub segments: Arc<BTreeMap<TenantKey, Segment>>,
    /// What holds for every purchase.
    pub policy: TermsPolicy,
}

/// A license with its purchases, priced as of a day.
#[derive(Debug)]
pub struct Bought<'a> {
    seats: SeatCounts,
    rate: Option<Rate>,
    purchases: Vec<Purchase<'a>>,
}

impl Declared {
    /// What was declared of a purchase; unknown where nothing was.
    pub fn terms_of(&self, tenant: &TenantKey, id: SubscriptionId) -> Terms {
        let declared = self.terms.get(&(tenant.clone(), id));
        declared.copied().unwrap_or_default()
    }

    /// The price of an assigned seat of a license on a day, given its purchases.
    pub fn seat_price(
        &self,
        tenant: &TenantKey,
        sku_id: SkuId,
        purchases: impl IntoIterator<Item = SubscriptionId>,
        day: Date,
    ) -> Option<&Arc<Price>> {
        let asked = self.asked(tenant, sku_id, None);
        self.prices.seat_price_on(asked, purchases, day)
    }

    /// A license of a tenant with its purchases, which are those of it among `subscriptions`.
    pub fn bought<'a>(
        &self,
        tenant: &TenantKey,
        license: &License,
        subscriptions: &'a [Subscription],
        day: Date,
    ) -> Bought<'a> {
        let sku_id = license.sku_id;
        let own = subscriptions.iter().filter(|own| own.sku_id == sku_id);
        let purchase = |subscription: &'a Subscription| {
            let asked = self.asked(tenant, sku_id, Some(subscription.id));
            Purchase {
                subscription,
                terms: self.terms_of(tenant, subscription.id),
                rate: self.prices.price_on(asked, day).map(|price| price.rate),
            }
        };
        let ids = own.clone().map(|own| own.id);
        Bought {
            seats: license.seats,
            rate: self
                .seat_price(tenant, sku_id, ids, day)
                .map(|price| price.rate),
            purchases: own.map(purchase).collect(),
        }
    }

    fn asked<'a>(
        &'a self,
        tenant: &'a TenantKey,
        sku_id: SkuId,
        subscription: Option<SubscriptionId>,
    ) -> Asked<'a> {
        Asked {
            tenant,
            sku_id,
            subscription,
            segment: self.segments.get(tenant),
        }
    }
}

impl Bought<'_> {
    /// What is known of its renewals, when so many held seats could be reclaimed.
    pub fn holding(&self, reclaimable: u32) -> Holding<'_> {
        Holding {
            seats: self.seats,
            rate: self.rate,
            purchases: &self.purchases,
            reclaimable,
        }
    }

    /// Every purchase of it that is known.
    pub fn purchases(&self) -> &[Purchase<'_>] {
        &self.purchases
    }

    /// Whether any purchase of it is known.
    pub fn has_purchases(&self) -> bool {
        !self.purchases.is_empty()
    }
}
