//! Reading what is about the tenant as a whole: organization, licenses, subscriptions.

use std::collections::HashSet;
use std::sync::Arc;

use super::merging::Merging;
use super::users::Tally;
use super::{Attempt, Stop, ending};
use crate::domain::standing::Standing;
use crate::domain::sync_run::{Dataset, ProblemKind};
use crate::domain::tenant::{ConnectionState, Organization};
use crate::engine::TenantIndex;
use crate::sync::tenant::lock;

impl Attempt<'_> {
    /// Reads the organization and proves that it is the configured one. Where that was proved before,
    /// a failure keeps the older facts and the run goes on.
    pub(super) async fn read_organization(&self) -> Result<Option<Organization>, Stop> {
        let dataset = Dataset::Organization;
        let meter = self.begin(dataset);
        let answer = self.tenant.client.organization(&meter).await;
        self.count(dataset, &meter, 0, 0);
        match answer {
            Ok(organization) => {
                if let Err(problem) = self.tenant.verify(&organization) {
                    let message = problem.to_string();
                    self.tenant
                        .note_problem(self.shared, ConnectionState::Misconfigured, message)
                        .await;
                    return Err(self.fail(dataset, problem));
                }
                self.tenant
                    .note_connected(self.shared, &organization)
                    .await
                    .map_err(ending::stop_of_store)?;
                self.count(dataset, &meter, 1, 0);
                let held = self.shared.index(&self.tenant.key);
                self.complete(dataset, held.organization() != Some(&organization));
                Ok(Some(organization))
            }
            Err(error) => {
                let stop = self.fail_by(dataset, error).await;
                let was_verified = lock(&self.tenant.connection).organization_id.is_some();
                match stop {
                    Stop::Failed(problem)
                        if was_verified && problem.kind != ProblemKind::SignIn =>
                    {
                        Ok(None)
                    }
                    stop => Err(stop),
                }
            }
        }
    }

    pub(super) async fn read_licenses(
        &self,
        base: &Arc<TenantIndex>,
        merging: &Merging,
    ) -> Result<(), Stop> {
        let dataset = Dataset::Licenses;
        let meter = self.begin(dataset);
        let mut page = match self.tenant.client.licenses(&meter).await {
            Ok(page) => page,
            Err(error) => {
                self.count(dataset, &meter, 0, 0);
                return Err(self.fail_by(dataset, error).await);
            }
        };
        let mut tally = Tally::default();
        tally.add(&page);
        self.count(dataset, &meter, tally.rows, tally.quarantined);
        self.judge_quarantine(
            dataset,
            tally.rows,
            tally.quarantined,
            tally.example.as_ref(),
        )
        .map_err(|problem| self.fail(dataset, problem))?;
        let listed = base.licenses().iter().filter(|entry| entry.is_listed);
        let told = tally.rows + tally.quarantined;
        self.hold_if_suspect(dataset, tally.rows, told, listed.count() as u64);
        // What cannot be read today is not gone, and a row that does not say whose it is may be any.
        let unread: HashSet<_> = page.quarantined.iter().filter_map(|row| row.id).collect();
        let listed = base.licenses().iter().filter(|entry| entry.is_listed);
        let kept = listed
            .map(|entry| &entry.license)
            .filter(|license| tally.nameless > 0 || unread.contains(&license.sku_id.0));
        page.rows.extend(kept.cloned());
        // Sorted as the index has them; a product that came twice counts once.
        page.rows.sort_by_key(|license| license.sku_id);
        page.rows.dedup_by_key(|license| license.sku_id);
        let standing = self.read_standing(dataset, tally.rows);
        let merged = merging.ask(move |merger| {
            merger.set_standing(standing)?;
            merger.set_licenses(page.rows)
        });
        if let Some(is_changed) = merged.await
            && !self.is_failed(dataset)
        {
            self.complete(dataset, is_changed);
        }
        Ok(())
    }

    pub(super) async fn read_subscriptions(&self, base: &Arc<TenantIndex>, merging: &Merging) {
        let dataset = Dataset::Subscriptions;
        let meter = self.begin(dataset);
        let mut page = match self.tenant.client.subscriptions(&meter).await {
            Ok(page) => page,
            Err(error) => {
                self.count(dataset, &meter, 0, 0);
                return self.miss(dataset, error).await;
            }
        };
        let mut tally = Tally::default();
        tally.add(&page);
        self.count(dataset, &meter, tally.rows, tally.quarantined);
        let believed = self
            .judge_quarantine(
                dataset,
                tally.rows,
                tally.quarantined,
                tally.example.as_ref(),
            )
            .and_then(|()| {
                let told = tally.rows + tally.quarantined;
                let before = base.subscriptions().len() as u64;
                self.check_drop(dataset, tally.rows, told, before)
            });
        if let Err(problem) = believed {
            self.fail(dataset, problem);
            return;
        }
        let unread: HashSet<_> = page.quarantined.iter().filter_map(|row| row.id).collect();
        let kept = base
            .subscriptions()
            .iter()
            .filter(|subscription| tally.nameless > 0 || unread.contains(&subscription.id.0));
        page.rows.extend(kept.cloned());
        page.rows.sort_by_key(|subscription| subscription.id);
        page.rows.dedup_by_key(|subscription| subscription.id);
        let standing = self.read_standing(dataset, tally.rows);
        let merged = merging.ask(move |merger| {
            merger.set_standing(standing)?;
            merger.set_subscriptions(page.rows)
        });
        if let Some(is_changed) = merged.await {
            self.complete(dataset, is_changed);
        }
    }

    /// The standing of a dataset that was just read whole.
    fn read_standing(&self, dataset: Dataset, rows: u64) -> Standing {
        let mut standing = Standing::new(dataset);
        standing.as_of = Some(self.as_of);
        standing.rows = rows;
        standing
    }
}
