//! The heartbeat: every ten seconds it asks what is due. What is due, the plan decides.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use super::Coordinator;
use super::tenant::{TenantState, lock};
use crate::store::Health;

/// Only the tick is the scheduler's: it shifts by an hour at a change of the clock, starts overlapping
/// runs and makes nothing up after downtime, so zone, single flight and catch-up are ours.
const TICK: &str = "*/10 * * * * *";

/// The running heartbeat.
pub struct Heartbeat {
    scheduler: JobScheduler,
}

impl Heartbeat {
    /// Starts ticking; the first tick comes at once.
    pub async fn start(coordinator: Arc<Coordinator>) -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        let ticked = Arc::clone(&coordinator);
        scheduler
            .add(Job::new_async(TICK, move |_, _| {
                let coordinator = Arc::clone(&ticked);
                Box::pin(async move { coordinator.tick().await })
            })?)
            .await?;
        coordinator.tick().await;
        scheduler.start().await?;
        Ok(Self { scheduler })
    }

    /// Stops ticking; what runs goes on.
    pub async fn stop(mut self) {
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::warn!(%error, "the scheduler did not stop cleanly");
        }
    }
}

impl Coordinator {
    /// Starts what is due, heals what can be healed. Calling it twice starts nothing twice.
    pub async fn tick(self: &Arc<Self>) {
        self.heal_store().await;
        if self.shared.store.health() == Health::Ok {
            for tenant in self.tenants.values() {
                tenant.file_unfiled(&self.shared).await;
            }
        }
        let now = self.shared.clock.now();
        for tenant in self.tenants.values() {
            self.judge_anew(tenant, now).await;
            if tenant.running.lock().await.is_some() {
                continue;
            }
            let Some((due, trigger)) = self.next_due(tenant) else {
                continue;
            };
            if due > now {
                continue;
            }
            if let Err(refusal) = self.start(&tenant.key, trigger).await {
                tracing::warn!(tenant = %tenant.key, %refusal, "a due run could not be started");
            }
        }
        self.tell_webhooks().await;
        self.refresh_catalog_if_due().await;
    }

    /// Activity is a matter of days: once a day it is judged anew, though nothing was read.
    async fn judge_anew(&self, tenant: &Arc<TenantState>, now: Timestamp) {
        let today = now.to_zoned(TimeZone::UTC).date();
        if lock(&tenant.judged_on).replace(today) == Some(today) {
            return;
        }
        let (shared, tenant) = (Arc::clone(&self.shared), Arc::clone(tenant));
        let judging = tokio::task::spawn_blocking(move || {
            let _publishing = lock(&tenant.publishing);
            if let Some(judged) = shared.index(&tenant.key).judged(now) {
                shared.engine.publish(judged);
            }
        });
        if judging.await.is_err() {
            tracing::error!("activity could not be judged anew; the log has more");
        }
    }

    /// A store that refused a write is opened anew once the disk has room again.
    async fn heal_store(&self) {
        let store = self.shared.store.clone();
        let healed = tokio::task::spawn_blocking(move || match store.health() {
            Health::Ok => None,
            Health::ReadOnly { .. } => Some(store.heal()),
        })
        .await;
        match healed {
            Ok(Some(Health::Ok)) => tracing::info!("the store takes writes again"),
            Ok(Some(Health::ReadOnly { reason })) => {
                tracing::warn!(reason, "the store is read-only");
            }
            Ok(None) | Err(_) => {}
        }
    }
}
