//! Webhooks: what is to be told is filed on disk together with the note that it was, then sent until
//! the receiver has it.
//!
//! Each kind of event has a `file_…` ([`Coordinator::file_reminders`], and `thresholds` for findings): it
//! reads the world, asks a pure function of the domain what is new, and files deliveries.

mod body;
mod send;
mod thresholds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use reqwest::Url;
use rust_decimal::Decimal;
use secrecy::SecretString;
use uuid::Uuid;

use self::body::Reminded;
use super::{Coordinator, new_run_id};
use crate::domain::day;
use crate::domain::ids::TenantKey;
use crate::domain::money::Currency;
use crate::domain::renewal::due::{Reached, is_to_be_told};
use crate::domain::webhook::delivery::Delivery;
use crate::domain::webhook::threshold::Level;
use crate::domain::webhook::{EventKind, retry};
use crate::engine::World;
use crate::msgraph::Http;
use crate::store::{self, LevelKey, Store, ToldKey};

/// Deliveries that wait for one webhook. Once there are so many, what is new waits where it comes from.
const QUEUE_MAX: usize = 1_000;

/// Where events are told.
pub struct WebhookSettings {
    /// Its name in the configuration.
    pub name: String,
    /// https, or http on loopback.
    pub url: Url,
    /// Under which events are signed.
    pub secret: SecretString,
    /// What it is told of.
    pub events: BTreeSet<EventKind>,
    /// Of which tenants; `None` for all.
    pub tenants: Option<BTreeSet<TenantKey>>,
    /// Purchases of fewer seats are not told.
    pub seats_min: u32,
    /// Purchases that cost less a year, in their own currency, are not told; those without a price are.
    pub yearly_cost_min: Decimal,
    /// So many open findings are told; `None`: never.
    pub open_findings_min: Option<u64>,
    /// Savings of so much a month are told; `None`: never.
    pub monthly_savings_min: Option<(Decimal, Currency)>,
}

impl WebhookSettings {
    fn is_told_of(&self, tenant: &TenantKey) -> bool {
        let tenants = self.tenants.as_ref();
        tenants.is_none_or(|tenants| tenants.contains(tenant))
    }
}

/// A webhook with what it is still to be told.
pub(super) struct Webhook {
    settings: WebhookSettings,
    /// The oldest first.
    queue: tokio::sync::Mutex<BTreeMap<Uuid, Delivery>>,
    /// Held while something is being sent.
    sending: tokio::sync::Mutex<()>,
}

/// All webhooks and what they were told.
pub(super) struct Webhooks {
    all: Vec<Webhook>,
    told: tokio::sync::Mutex<Told>,
}

#[derive(Default)]
struct Told {
    reminders: BTreeMap<ToldKey, Reached>,
    levels: BTreeMap<LevelKey, Level>,
    /// The world and the day of which nothing is left to be told, of renewals and of findings.
    seen: [Option<(u64, Date)>; 2],
}

impl Webhooks {
    pub(super) fn load(
        settings: Vec<WebhookSettings>,
        store: &Store,
    ) -> Result<Self, store::Error> {
        let mut queues: BTreeMap<String, BTreeMap<Uuid, Delivery>> = BTreeMap::new();
        for delivery in store.deliveries()? {
            let queue = queues.entry(delivery.webhook.clone()).or_default();
            queue.insert(delivery.id, delivery);
        }
        let all = settings.into_iter().map(|settings| Webhook {
            queue: tokio::sync::Mutex::new(queues.remove(&settings.name).unwrap_or_default()),
            sending: tokio::sync::Mutex::default(),
            settings,
        });
        let all = all.collect();
        // A webhook that left the configuration may come back, but nobody waits for its old news.
        for delivery in queues.into_values().flat_map(BTreeMap::into_values) {
            // A full disk is no reason not to start: the next start forgets it.
            if let Err(error) = store.delete_delivery(delivery.id) {
                tracing::warn!(webhook = delivery.webhook, %error, "an event of a webhook that is gone is still kept");
            }
        }
        let reminders = store.told_reminders()?.into_iter().collect();
        let levels = store.told_levels()?.into_iter().collect();
        Ok(Self {
            all,
            told: tokio::sync::Mutex::new(Told {
                reminders,
                levels,
                seen: [None; 2],
            }),
        })
    }
}

impl Coordinator {
    /// Files what is new, and sends what is due.
    pub(super) async fn tell_webhooks(self: &Arc<Self>) {
        if self.webhooks.all.is_empty() || self.shared.stopping.is_cancelled() {
            return;
        }
        self.file_reminders().await;
        self.file_thresholds().await;
        for index in 0..self.webhooks.all.len() {
            let coordinator = Arc::clone(self);
            self.tasks.spawn(async move {
                let stopping = coordinator.shared.stopping.clone();
                // What is cut off here is sent again after the next start, under the same id.
                let sending = coordinator.send_due(index);
                let _stopped = stopping.run_until_cancelled(sending).await;
            });
        }
    }

    /// Files the steps that purchases have reached and nobody was told of.
    async fn file_reminders(&self) {
        let (world, today) = self.moment();
        let mut told = self.webhooks.told.lock().await;
        if told.seen[0] == Some((world.version(), today)) {
            return;
        }
        let mut is_all = true;
        for webhook in &self.webhooks.all {
            if !webhook
                .settings
                .events
                .contains(&EventKind::RenewalReminder)
            {
                continue;
            }
            let mut queue = webhook.queue.lock().await;
            let now = self.shared.clock.now();
            let mut new = reminders(&webhook.settings, &told.reminders, &world, today, now);
            let room = QUEUE_MAX.saturating_sub(queue.len());
            is_all &= new.len() <= room;
            new.truncate(room);
            if new.is_empty() {
                continue;
            }
            let (deliveries, notes): (Vec<_>, Vec<_>) = new.into_iter().unzip();
            let filed = (deliveries.clone(), notes.clone());
            let filing = self
                .shared
                .with_store(move |store| store.file_reminders(&filed.0, &filed.1));
            if let Err(error) = filing.await {
                tracing::warn!(webhook = webhook.settings.name, %error, "events could not be filed; they are tried again");
                return;
            }
            told.reminders.extend(notes);
            queue.extend(deliveries.into_iter().map(|own| (own.id, own)));
            show_queue(&webhook.settings.name, queue.len());
        }
        if is_all {
            told.seen[0] = Some((world.version(), today));
        }
    }

    /// Sends what is due, the oldest first, up to the first failure: whoever does not answer would be
    /// waited for once for each.
    async fn send_due(&self, index: usize) {
        let Some(webhook) = self.webhooks.all.get(index) else {
            return;
        };
        let Ok(_sending) = webhook.sending.try_lock() else {
            return;
        };
        let name = &webhook.settings.name;
        loop {
            let now = self.shared.clock.now();
            let next = {
                let queue = webhook.queue.lock().await;
                let due = queue.values().find(|own| own.next_at <= now);
                due.cloned()
            };
            let Some(mut delivery) = next else { return };
            let tried = send::attempt(&self.shared.http, &webhook.settings, &delivery, now).await;
            let id = delivery.id;
            delivery.tries = delivery.tries.saturating_add(1);
            let wait = retry::wait_after(delivery.tries, chance());
            let outcome = match (&tried, wait) {
                (Ok(status), _) => {
                    tracing::info!(webhook = name, event = %id, status, "an event was delivered");
                    "delivered"
                }
                (Err(error), Some(wait)) => {
                    tracing::warn!(webhook = name, event = %id, error, wait_secs = wait.as_secs(), "an event was not delivered; it is tried again");
                    delivery.next_at = later(now, wait);
                    "failed"
                }
                (Err(error), None) => {
                    tracing::error!(webhook = name, event = %id, error, tries = delivery.tries, "an event was given up");
                    "given_up"
                }
            };
            metrics::counter!("seatwise_webhook_tries_total", "webhook" => name.clone(), "outcome" => outcome)
                .increment(1);
            let is_over = outcome != "failed";
            let kept = delivery.clone();
            let filing = self.shared.with_store(move |store| match is_over {
                true => store.delete_delivery(id),
                false => store.file_reminders(&[kept], &[]),
            });
            if let Err(error) = filing.await {
                // Told again after a restart, under the same id.
                tracing::warn!(webhook = name, event = %id, %error, "what became of an event could not be filed");
            }
            let mut queue = webhook.queue.lock().await;
            match is_over {
                true => queue.remove(&id),
                false => queue.insert(id, delivery),
            };
            show_queue(name, queue.len());
            if tried.is_err() {
                return;
            }
        }
    }
}

/// Sends a test event to a webhook, once; the status that it answered, or why it has not got it.
pub async fn test(http: &Http, webhook: &WebhookSettings, now: Timestamp) -> Result<u16, String> {
    let id = new_run_id(now).0;
    let delivery = Delivery {
        id,
        webhook: webhook.name.clone(),
        event: EventKind::Test.word().to_owned(),
        body: body::test(id, now).to_string(),
        tries: 0,
        next_at: now,
    };
    send::attempt(http, webhook, &delivery, now).await
}

/// What a webhook is to be told of renewals, with the note that it was.
fn reminders(
    webhook: &WebhookSettings,
    told: &BTreeMap<ToldKey, Reached>,
    world: &World,
    today: Date,
    now: Timestamp,
) -> Vec<(Delivery, (ToldKey, Reached))> {
    let declared = world.declared();
    let mut new = Vec::new();
    let tenants = world.tenants().iter();
    for index in tenants.filter(|index| webhook.is_told_of(index.key())) {
        for entry in index.licenses() {
            let license = &entry.license;
            let bought = declared.bought(index.key(), license, index.subscriptions(), today);
            for purchase in bought.purchases() {
                let Some((milestone, reached)) = purchase.reached(today, declared.policy) else {
                    continue;
                };
                let key = ToldKey {
                    webhook: webhook.name.clone(),
                    tenant: index.key().clone(),
                    subscription: purchase.subscription.id,
                };
                let seats = purchase.subscription.seats.unwrap_or(0);
                let rate = purchase.rate;
                let yearly_cost = rate.map(|rate| rate.yearly().times(seats.into()));
                let is_large = seats >= webhook.seats_min
                    && yearly_cost.is_none_or(|cost| cost.amount() >= webhook.yearly_cost_min);
                if !is_large || !is_to_be_told(told.get(&key).copied(), reached) {
                    continue;
                }
                let id = new_run_id(now).0;
                let told_of = Reminded {
                    tenant: index.key(),
                    license,
                    name: &entry.name.text,
                    purchase,
                    milestone,
                    reached,
                    days_left: day::number(reached.on) - day::number(today),
                    yearly_cost,
                };
                let delivery = Delivery {
                    id,
                    webhook: webhook.name.clone(),
                    event: EventKind::RenewalReminder.word().to_owned(),
                    body: body::reminder(id, now, &told_of).to_string(),
                    tries: 0,
                    next_at: now,
                };
                new.push((delivery, (key, reached)));
            }
        }
    }
    new
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// Any number: the same each time where the system has none to give, which only loses the spread.
fn chance() -> u16 {
    let mut bytes = [0; 2];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u16::from_le_bytes(bytes),
        Err(_) => u16::MAX,
    }
}

fn show_queue(webhook: &str, length: usize) {
    // At most a thousand.
    metrics::gauge!("seatwise_webhook_queue", "webhook" => webhook.to_owned()).set(length as f64);
}
