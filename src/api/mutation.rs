//! What can be changed.

use async_graphql::{Context, ID, Object};

use super::error::Error;
use super::ids;
use super::scalars::{Date, Decimal};
use super::types::calendar_feed::{self, CalendarFeedInput, CreatedCalendarFeed};
use super::types::catalog_update::CatalogUpdate;
use super::types::finding::Finding;
use super::types::finding_inputs::ExemptionInput;
use super::types::license::{License, LicenseClass};
use super::types::money::ExchangeRate;
use super::types::money_inputs::{PriceInput, TermsInput};
use super::types::price::{ImportedPrices, Price, no_such_price};
use super::types::reading::Reading;
use super::types::sync_run::SyncRun;
use super::types::tenant::{Tenant, TenantConnecting};
use super::types::tenant_subscription::TenantSubscription;
use crate::domain::catalog::Catalog;
use crate::domain::license_class;
use crate::domain::money::Currency;
use crate::domain::sync_run::SyncTrigger;
use crate::sync::ExemptionDraft;

/// The root of mutations.
pub struct Mutation;

/// What can be changed. Each field is done before the next one begins, and its answer shows the change.
/// All of it needs the role ADMIN.
#[Object]
impl Mutation {
    /// Starts a sync now; while one is running, answers with that one. `CONFLICT` while the tenant is
    /// `NEEDS_CONSENT` or `DISCONNECTED`, `NOT_FOUND` for an unknown tenant.
    async fn start_sync(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant's `id`.")] tenant: ID,
    ) -> Result<SyncRun, Error> {
        let reading = Reading::of_admin(ctx)?;
        let key = ids::tenant(&tenant)?;
        let run = reading
            .coordinator()
            .start(&key, SyncTrigger::Manual)
            .await?;
        Ok(SyncRun::new(reading.renewed(), run))
    }

    /// Stops a sync; nothing of it will show. A run that is over stays as it is: `CONFLICT`.
    async fn cancel_sync(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run's `id`.")] run: ID,
    ) -> Result<SyncRun, Error> {
        let reading = Reading::of_admin(ctx)?;
        let (key, id) = ids::sync_run(&run)?;
        let run = reading.coordinator().cancel(&key, id).await?;
        Ok(SyncRun::new(reading.renewed(), run))
    }

    /// Publishes a run that was held back because more than half of its rows were gone. Its facts show
    /// as if nobody had doubted them. `CONFLICT` where nothing is held back, or a newer run took its
    /// place.
    async fn accept_sync(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run's `id`.")] run: ID,
    ) -> Result<SyncRun, Error> {
        let reading = Reading::of_admin(ctx)?;
        let (key, id) = ids::sync_run(&run)?;
        let run = reading.coordinator().accept(&key, id).await?;
        Ok(SyncRun::new(reading.renewed(), run))
    }

    /// Connects a tenant for the first time, or again after `NEEDS_CONSENT`, `MISCONFIGURED`
    /// or `DISCONNECTED`.
    async fn connect_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant's `id`.")] tenant: ID,
    ) -> Result<TenantConnecting, Error> {
        let reading = Reading::of_admin(ctx)?;
        let key = ids::tenant(&tenant)?;
        let url = reading.coordinator().connect(&key).await?;
        let tenant = reading.renewed().tenant(&key);
        Ok(TenantConnecting {
            tenant: tenant.ok_or_else(|| Error::not_found("tenant"))?,
            url: url.map(String::from),
        })
    }

    /// Deletes the tenant's tokens at once; nothing is read until `connectTenant`. What was read stays
    /// readable unless it is purged.
    async fn disconnect_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant's `id`.")] tenant: ID,
        #[graphql(
            default = false,
            desc = "Whether to delete every stored fact of the tenant too."
        )]
        purge: bool,
    ) -> Result<Tenant, Error> {
        let reading = Reading::of_admin(ctx)?;
        let key = ids::tenant(&tenant)?;
        reading.coordinator().disconnect(&key, purge).await?;
        let tenant = reading.renewed().tenant(&key);
        tenant.ok_or_else(|| Error::not_found("tenant"))
    }

    /// Gives a license the operator's own name, everywhere and at once: in answers, filters and
    /// breakdowns.
    async fn rename_license(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The license's `id`.")] license: ID,
        #[graphql(
            desc = "The name, of 1 to 200 characters; spaces around it and doubled ones are dropped. Null goes back to the catalog's."
        )]
        name: Option<String>,
    ) -> Result<License, Error> {
        let reading = Reading::of_admin(ctx)?;
        let (key, id) = ids::license(&license)?;
        let coordinator = reading.coordinator();
        coordinator
            .rename_license(&key, id, name.as_deref())
            .await?;
        let license = reading.renewed().license(&key, id);
        license.ok_or_else(|| Error::not_found("license"))
    }

    /// Adds a price of a seat to the price book. It counts everywhere and at once: in sums, orders and
    /// plans. `CONFLICT` where a price for the same seats counts on some of the days; the message says
    /// how to make room.
    async fn set_price(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What a seat costs, whose and when.")] input: PriceInput,
    ) -> Result<Price, Error> {
        let reading = Reading::of_admin(ctx)?;
        let told = input.told(reading.today())?;
        let id = reading.coordinator().set_price(told).await?;
        reading.renewed().price(id).ok_or_else(no_such_price)
    }

    /// Takes a price out of the price book, as if it had never been told. To let one end, delete it and
    /// set it anew with `validTo`, in one request. Answers with its `id`.
    async fn delete_price(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The price's `id`.")] id: ID,
    ) -> Result<ID, Error> {
        let reading = Reading::of_admin(ctx)?;
        let price = ids::price(&id)?;
        reading.renewed().price(price).ok_or_else(no_such_price)?;
        reading.coordinator().delete_price(price).await?;
        Ok(id)
    }

    /// Takes a table of prices into the price book: all of it, or nothing, and then the message says what
    /// is wrong in which line. A row with the id of an entry takes its place, a row without one is new;
    /// entries that the table does not have stay.
    async fn import_prices(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "CSV with commas or semicolons, as `priceTable` tells it. The first line names the columns: skuId, amount, currency and validFrom, and perhaps id, tenant (its key), subscription (its GUID), segment, per, validTo and source."
        )]
        table: String,
    ) -> Result<ImportedPrices, Error> {
        let reading = Reading::of_admin(ctx)?;
        let imported = reading.coordinator().import_prices(table).await?;
        Ok(imported.into())
    }

    /// Declares what Microsoft does not tell of a purchase: term, billing, automatic renewal and its day.
    /// It takes the place of all that was declared before; `UNKNOWN` alone takes that back.
    async fn declare_terms(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which purchase, and what.")] input: TermsInput,
    ) -> Result<TenantSubscription, Error> {
        let reading = Reading::of_admin(ctx)?;
        let (key, id) = ids::subscription(&input.subscription)?;
        let missing = || Error::not_found("subscription");
        reading.subscription(&key, id).ok_or_else(missing)?;
        let terms = input.terms();
        reading.coordinator().declare_terms(&key, id, terms).await?;
        reading.renewed().subscription(&key, id).ok_or_else(missing)
    }

    /// Tells what one unit of a currency is worth in another, from a day on until the next rate of the
    /// two. Sums are converted only where a field is asked for a `currency`. Answers with every rate.
    async fn set_exchange_rate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "ISO 4217: the currency that is converted.")] from: String,
        #[graphql(desc = "ISO 4217: the currency that it is converted to.")] to: String,
        #[graphql(desc = "The first day, in UTC; today when unsaid.")] on: Option<Date>,
        #[graphql(
            desc = "How many units of `to` one unit of `from` is worth, with at most 10 decimals; null takes back what was told for the day."
        )]
        rate: Option<Decimal>,
    ) -> Result<Vec<ExchangeRate>, Error> {
        let reading = Reading::of_admin(ctx)?;
        let currency = |name: &str, code: &str| {
            let parsed = Currency::parse(code);
            parsed.map_err(|invalid| Error::bad_input(format!("`{name}`: {invalid}.")))
        };
        let pair = (currency("from", &from)?, currency("to", &to)?);
        let rate = rate.as_ref().map(Decimal::exact).transpose()?;
        let on = on.map_or(reading.today(), |day| day.0);
        let coordinator = reading.coordinator();
        coordinator.set_exchange_rate(pair, on, rate).await?;
        Ok(ExchangeRate::all(&reading.renewed()))
    }

    /// Says what a license is to whoever pays, at once and over restarts. It goes before config.toml and
    /// before what is known of the product; findings follow from it.
    async fn classify_license(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The license's `id`.")] license: ID,
        #[graphql(desc = "What it is. Null goes back to what is known of it otherwise.")]
        class: Option<LicenseClass>,
    ) -> Result<License, Error> {
        let reading = Reading::of_admin(ctx)?;
        let (key, id) = ids::license(&license)?;
        let coordinator = reading.coordinator();
        let class = class.map(license_class::LicenseClass::from);
        coordinator.classify_license(&key, id, class).await?;
        let license = reading.renewed().license(&key, id);
        license.ok_or_else(|| Error::not_found("license"))
    }

    /// Leaves a finding for a time; one that is left already gets the new reason and day. It is open again by
    /// itself after its last day. `CONFLICT` where its seat is gone.
    async fn exempt_finding(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, why, by whom and until when.")] input: ExemptionInput,
    ) -> Result<Finding, Error> {
        let reading = Reading::of_admin(ctx)?;
        let (key, finding) = ids::finding(&input.finding)?;
        let draft = ExemptionDraft {
            reason: input.reason,
            owner: input.owner,
            until: input.until.0,
        };
        let coordinator = reading.coordinator();
        coordinator.exempt_finding(&key, finding, draft).await?;
        let finding = reading.renewed().finding(&key, &finding);
        finding.ok_or_else(|| Error::not_found("finding"))
    }

    /// Ends an exemption before its day. A finding that is open stays open.
    async fn reopen_finding(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The finding's `id`.")] finding: ID,
    ) -> Result<Finding, Error> {
        let reading = Reading::of_admin(ctx)?;
        let (key, finding) = ids::finding(&finding)?;
        reading.coordinator().reopen_finding(&key, finding).await?;
        let finding = reading.renewed().finding(&key, &finding);
        finding.ok_or_else(|| Error::not_found("finding"))
    }

    /// Makes a calendar of renewals that calendar programs subscribe to, and tells its address this once.
    /// Whoever knows the address reads the calendar and nothing else, until it is revoked.
    async fn create_calendar_feed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom it is for, and whose renewals.")] input: CalendarFeedInput,
    ) -> Result<CreatedCalendarFeed, Error> {
        let reading = Reading::of_admin(ctx)?;
        let tenant = input.tenant()?;
        let coordinator = reading.coordinator();
        let made = coordinator.create_calendar_feed(input.name(), tenant);
        Ok(CreatedCalendarFeed::new(reading.renewed(), made.await?))
    }

    /// Revokes a calendar: its address reads nothing from now on. Answers with its `id`.
    async fn revoke_calendar_feed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The feed's `id`.")] id: ID,
    ) -> Result<ID, Error> {
        let reading = Reading::of_admin(ctx)?;
        let feed = calendar_feed::feed_id(&id)?;
        match reading.coordinator().revoke_calendar_feed(feed).await? {
            true => Ok(id),
            false => Err(Error::not_found("calendar feed")),
        }
    }

    /// Takes in newer names of products and service plans. They show at once wherever the operator
    /// gave no name; products that the text lacks keep theirs.
    async fn update_catalog(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The catalog in Seatwise's own text format: a first line \"seatwise-catalog 1\", then a line each of `product` or `plan`, GUID, part number and name, separated by tabs. `seatwise catalog update` makes it from Microsoft's published list."
        )]
        catalog: String,
    ) -> Result<CatalogUpdate, Error> {
        let reading = Reading::of_admin(ctx)?;
        let newer = Catalog::parse(&catalog)
            .map_err(|error| Error::bad_input(format!("The catalog is not one: {error}.")))?;
        let changes = reading.coordinator().update_catalog(newer).await?;
        Ok(CatalogUpdate::new(reading.renewed().catalog(), changes))
    }
}
