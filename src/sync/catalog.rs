//! Newer product names from where Microsoft publishes them, if the operator wants that.

use std::sync::Arc;

use jiff::SignedDuration;

use super::catalog_csv::{FILE_BYTES_MAX, read_catalog};
use super::{Coordinator, lock};

impl Coordinator {
    /// Looks for newer names when it is time to: at the start, then every so many days. A failure is
    /// logged and tried again after the same time; the names in force stay.
    pub(super) async fn refresh_catalog_if_due(self: &Arc<Self>) {
        let Some(source) = &self.catalog_source else {
            return;
        };
        let now = self.shared.clock.now();
        {
            let mut looked_at = lock(&self.catalog_looked_at);
            let wait = SignedDuration::from_hours(24 * i64::from(source.refresh_days));
            if looked_at.is_some_and(|at| now.duration_since(at) < wait) {
                return;
            }
            *looked_at = Some(now);
        }
        let coordinator = Arc::clone(self);
        let stopping = self.shared.stopping.clone();
        self.tasks.spawn(async move {
            stopping
                .run_until_cancelled(coordinator.refresh_catalog())
                .await;
        });
    }

    async fn refresh_catalog(&self) {
        let Some(source) = &self.catalog_source else {
            return;
        };
        let fetched = self
            .shared
            .http
            .fetch_public(&source.url, FILE_BYTES_MAX)
            .await;
        let read =
            fetched.and_then(|bytes| read_catalog(&bytes).map_err(|error| error.to_string()));
        let newer = match read {
            Ok(file) => file.catalog,
            Err(error) => {
                tracing::warn!(url = %source.url, error, "newer product names could not be read");
                return;
            }
        };
        match self.update_catalog(newer).await {
            Ok(changes) => tracing::info!(
                added = changes.added.len(),
                renamed = changes.renamed.len(),
                missing = changes.missing.len(),
                "product names were refreshed"
            ),
            Err(refusal) => tracing::warn!(%refusal, "newer product names could not be stored"),
        }
    }
}
