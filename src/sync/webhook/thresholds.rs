//! Findings: told when there come to be so many, or when they would save so much.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::body::{self, Crossed};
use super::{QUEUE_MAX, WebhookSettings, show_queue};
use crate::domain::declared::Declared;
use crate::domain::finding::FindingState;
use crate::domain::finding_filter::{FindingFilter, USUAL_ORDER};
use crate::domain::webhook::EventKind;
use crate::domain::webhook::delivery::Delivery;
use crate::domain::webhook::threshold::{Level, Measure, Threshold, crossings};
use crate::engine::{TenantIndex, select_findings};
use crate::store::LevelKey;
use crate::sync::{Coordinator, new_run_id};

impl Coordinator {
    /// Files which numbers the findings have come to since a webhook was told last, and how much there is
    /// now: what stays above its line is told once, also after a restart.
    pub(super) async fn file_thresholds(&self) {
        let (world, today) = self.moment();
        let mut told = self.webhooks.told.lock().await;
        if told.seen[1] == Some((world.version(), today)) {
            return;
        }
        let mut is_all = true;
        for webhook in &self.webhooks.all {
            let thresholds = webhook.settings.thresholds();
            let mut queue = webhook.queue.lock().await;
            if thresholds.is_empty() {
                continue;
            }
            // What finds no room is told when there is some: nothing is noted until then.
            if queue.len().saturating_add(world.tenants().len()) > QUEUE_MAX {
                is_all = false;
                continue;
            }
            let now = self.shared.clock.now();
            let (mut deliveries, mut levels) = (Vec::new(), Vec::new());
            let tenants = world.tenants().iter();
            for index in tenants.filter(|index| webhook.settings.is_told_of(index.key())) {
                // Before the first sync nobody knows of anything.
                if index.as_of().is_none() {
                    continue;
                }
                let key = LevelKey {
                    webhook: webhook.settings.name.clone(),
                    tenant: index.key().clone(),
                };
                let level = webhook.settings.level(index, world.declared(), today);
                let before = told.levels.get(&key).copied();
                let crossed = crossings(before, level, &thresholds);
                if !crossed.is_empty() {
                    let crossed = Crossed {
                        tenant: index.key(),
                        level,
                        currency: webhook.settings.monthly_savings_min.map(|(_, own)| own),
                        crossings: &crossed,
                    };
                    deliveries.push(webhook.settings.delivery(&crossed, now));
                }
                if before != Some(level) {
                    levels.push((key, level));
                }
            }
            if levels.is_empty() {
                continue;
            }
            let filed = (deliveries.clone(), levels.clone());
            let filing = self
                .shared
                .with_store(move |store| store.file_levels(&filed.0, &filed.1));
            if let Err(error) = filing.await {
                tracing::warn!(webhook = webhook.settings.name, %error, "events could not be filed; they are tried again");
                return;
            }
            told.levels.extend(levels);
            queue.extend(deliveries.into_iter().map(|own| (own.id, own)));
            show_queue(&webhook.settings.name, queue.len());
        }
        if is_all {
            told.seen[1] = Some((world.version(), today));
        }
    }
}

impl WebhookSettings {
    /// The lines that it is told of.
    fn thresholds(&self) -> Vec<Threshold> {
        if !self.events.contains(&EventKind::FindingsThreshold) {
            return Vec::new();
        }
        let findings = self.open_findings_min.map(|at_least| Threshold {
            measure: Measure::OpenFindings,
            at_least: at_least.into(),
        });
        let savings = self.monthly_savings_min.map(|(at_least, _)| Threshold {
            measure: Measure::MonthlySavings,
            at_least,
        });
        findings.into_iter().chain(savings).collect()
    }

    /// How much there is in a tenant. Savings in other currencies count by the rates of today, and not
    /// where there is none: it is at least as much.
    fn level(&self, index: &Arc<TenantIndex>, declared: &Declared, today: Date) -> Level {
        let open = FindingFilter::State([FindingState::Open].into());
        let found = select_findings(std::slice::from_ref(index), &open, &[USUAL_ORDER]);
        let savings = self.monthly_savings_min.map(|(_, currency)| {
            let sums = found.totals().monthly_savings;
            let rates = &declared.exchange_rates;
            let sums = rates.converted_sums(&sums, currency, today);
            let total = sums.total_in(currency);
            let mut amount = total.map(|total| total.amount()).unwrap_or_default();
            amount.rescale(currency.minor_digits());
            amount
        });
        Level {
            open_findings: found.count() as u64,
            monthly_savings: savings,
        }
    }

    fn delivery(&self, crossed: &Crossed<'_>, now: Timestamp) -> Delivery {
        let id = new_run_id(now).0;
        Delivery {
            id,
            webhook: self.name.clone(),
            event: EventKind::FindingsThreshold.word().to_owned(),
            body: body::threshold(id, now, crossed).to_string(),
            tries: 0,
            next_at: now,
        }
    }
}
