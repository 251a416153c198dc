//! What is told of money, and what is asked of a renewal.

use async_graphql::{ID, InputObject};
use jiff::civil;

use super::price::BillingPeriod;
use super::terms::{Billing, Term};
use crate::api::error::Error;
use crate::api::ids;
use crate::api::scalars::{Date, Decimal};
use crate::domain::ids::{SkuId, SubscriptionId, TenantKey};
use crate::domain::money::parse_amount;
use crate::domain::prices::ToldPrice;
use crate::domain::renewal::plan::PlanRequest;
use crate::domain::terms::Terms;

/// A price of a seat. Without `tenant` it is for every tenant.
#[derive(Debug, Clone, InputObject)]
#[graphql(name = "PriceInput")]
pub(crate) struct PriceInput {
    /// The `id` of the tenant that it is for; every tenant when unsaid.
    tenant: Option<ID>,
    /// Microsoft's GUID of the product, as `License.skuId` tells it.
    sku_id: ID,
    /// The `id` of the purchase that it is for; all of the license when unsaid.
    subscription: Option<ID>,
    /// Only for tenants with this `segment` in config.toml: at most 60 characters, case does not matter.
    segment: Option<String>,
    /// What one seat costs for one period: not below zero, with at most 6 decimals.
    amount: Decimal,
    /// ISO 4217: "EUR".
    currency: String,
    /// The period.
    #[graphql(default_with = "BillingPeriod::Month")]
    per: BillingPeriod,
    /// The first day on which it counts, in UTC; today when unsaid.
    valid_from: Option<Date>,
    /// The last day on which it counts; no end when unsaid.
    valid_to: Option<Date>,
    /// Where it is from, in at most 500 characters: an invoice, a price list.
    source: Option<String>,
}

impl PriceInput {
    /// What was told, read; the rest is checked where it is kept.
    pub(crate) fn told(&self, today: civil::Date) -> Result<ToldPrice<'_>, Error> {
        let (tenant, subscription) = self.scope()?;
        let amount = parse_amount(&self.amount.0);
        Ok(ToldPrice {
            tenant,
            subscription,
            sku_id: SkuId::parse(&self.sku_id)
                .ok_or_else(|| Error::bad_input("`skuId` is not a GUID: pass `License.skuId`."))?,
            segment: self.segment.as_deref(),
            amount: amount.map_err(|invalid| Error::bad_input(format!("`amount`: {invalid}.")))?,
            currency: &self.currency,
            per: self.per.into(),
            valid_from: self.valid_from.map_or(today, |day| day.0),
            valid_to: self.valid_to.map(|day| day.0),
            source: self.source.as_deref(),
        })
    }

    /// The id of a purchase says whose it is.
    fn scope(&self) -> Result<(Option<TenantKey>, Option<SubscriptionId>), Error> {
        let tenant = self.tenant.as_ref().map(ids::tenant).transpose()?;
        let subscription = self.subscription.as_ref().map(ids::subscription);
        match (tenant, subscription.transpose()?) {
            (tenant, None) => Ok((tenant, None)),
            (Some(tenant), Some((owner, _))) if tenant != owner => Err(Error::bad_input(
                "`subscription` is a purchase of another tenant than `tenant`: leave `tenant` out.",
            )),
            (_, Some((owner, id))) => Ok((Some(owner), Some(id))),
        }
    }
}

/// What is declared of a purchase, all of it: what is left out is unknown.
#[derive(Debug, Clone, InputObject)]
#[graphql(name = "TermsInput")]
pub(crate) struct TermsInput {
    /// The purchase's `id`.
    pub(crate) subscription: ID,
    /// For how long it binds.
    term: Term,
    /// When it is paid.
    #[graphql(default_with = "Billing::Unknown")]
    billing: Billing,
    /// Whether it goes on by itself after its renewal.
    auto_renews: Option<bool>,
    /// A day on which it renews, or renewed once, in UTC. Of one that goes on by itself, later renewals
    /// follow from it and the term.
    renews_on: Option<Date>,
}

impl TermsInput {
    pub(crate) fn terms(&self) -> Terms {
        Terms {
            term: self.term.into(),
            billing: self.billing.into(),
            auto_renews: self.auto_renews,
            renews_on: self.renews_on.map(|day| day.0),
        }
    }
}

/// What a plan of a renewal is asked for.
#[derive(Debug, Clone, InputObject)]
#[graphql(name = "RenewalPlanInput")]
pub(crate) struct RenewalPlanInput {
    /// The license's `id`.
    pub(crate) license: ID,
    /// Seats to keep free; 3 in a hundred of those needed and at least 2 when unsaid.
    buffer: Option<i32>,
    /// People who will come until the renewal.
    #[graphql(default = 0)]
    hires: i32,
    /// People who will go until then.
    #[graphql(default = 0)]
    leavers: i32,
    /// How many months ahead realizable savings are added up, 1 to 120.
    #[graphql(default = 12)]
    horizon_months: i32,
}

impl RenewalPlanInput {
    pub(crate) fn request(&self) -> Result<PlanRequest, Error> {
        let request = PlanRequest::new(
            self.buffer.map(i64::from),
            self.hires.into(),
            self.leavers.into(),
            self.horizon_months.into(),
        );
        request.map_err(|invalid| Error::bad_input(format!("{invalid}.")))
    }
}
