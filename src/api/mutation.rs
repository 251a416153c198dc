//! What can be changed.

use async_graphql::{Context, ID, Object};

use super::error::Error;
use super::ids;
use super::types::catalog_update::CatalogUpdate;
use super::types::license::License;
use super::types::reading::Reading;
use super::types::sync_run::SyncRun;
use super::types::tenant::{Tenant, TenantConnecting};
use crate::domain::catalog::Catalog;
use crate::domain::sync_run::SyncTrigger;

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
