//! Calendars that are read by a token of their own: making one, revoking it, and what is in it.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::{Coordinator, Refusal, random_secret};
use crate::domain::calendar_feed::{self, CalendarFeed, FEEDS_MAX, InvalidFeedName};
use crate::domain::ids::{CalendarFeedId, TenantKey};
use crate::domain::renewal::calendar::{self, Heading, Listed};
use crate::engine::TenantIndex;

/// Scanners for leaked secrets can look for it.
const TOKEN_PREFIX: &str = "swcal_";

/// A feed that was just made.
pub struct NewCalendarFeed {
    /// The feed.
    pub feed: CalendarFeed,
    /// Where it is read, with its token: shown once, for only the token's digest is kept.
    pub address: SecretString,
}

impl From<InvalidFeedName> for Refusal {
    fn from(invalid: InvalidFeedName) -> Self {
        Self::BadInput(invalid.to_string())
    }
}

impl Coordinator {
    /// Every feed, the oldest first.
    pub fn calendar_feeds(&self) -> Vec<CalendarFeed> {
        let mut feeds = self.calendar_feeds.load().as_ref().clone();
        feeds.sort_by_key(|feed| (feed.created_at, feed.id));
        feeds
    }

    /// Makes a feed of the renewals of every tenant, or of one.
    pub async fn create_calendar_feed(
        &self,
        name: &str,
        tenant: Option<TenantKey>,
    ) -> Result<NewCalendarFeed, Refusal> {
        if let Some(tenant) = &tenant {
            self.state(tenant)?;
        }
        let name = calendar_feed::name(name)?;
        let secret = random_secret()?;
        let token = SecretString::from(format!("{TOKEN_PREFIX}{}", secret.expose_secret()));
        let now = self.shared.clock.now();
        let feed = CalendarFeed {
            id: CalendarFeedId(Uuid::new_v4()),
            name,
            tenant,
            created_at: Timestamp::from_second(now.as_second()).unwrap_or(now),
            digest: digest(token.expose_secret()),
        };
        let _declaring = self.declaring.lock().await;
        let mut feeds = self.calendar_feeds.load().as_ref().clone();
        if feeds.len() >= FEEDS_MAX {
            return Err(Refusal::Conflict(format!(
                "there are {FEEDS_MAX} calendar feeds already: revoke those that nobody reads"
            )));
        }
        feeds.push(feed.clone());
        let saved = feed.clone();
        self.shared
            .with_store(move |store| store.save_calendar_feed(&saved))
            .await?;
        self.calendar_feeds.store(Arc::new(feeds));
        tracing::info!(feed = %feed.id, "a calendar feed was made");
        let base = self.public_url.as_str().trim_end_matches('/');
        let address = format!("{base}/calendar/{}.ics", token.expose_secret());
        Ok(NewCalendarFeed {
            feed,
            address: address.into(),
        })
    }

    /// Revokes a feed: whoever has its address reads nothing from now on. False where there is none.
    pub async fn revoke_calendar_feed(&self, id: CalendarFeedId) -> Result<bool, Refusal> {
        let _declaring = self.declaring.lock().await;
        let mut feeds = self.calendar_feeds.load().as_ref().clone();
        let before = feeds.len();
        feeds.retain(|feed| feed.id != id);
        if feeds.len() == before {
            return Ok(false);
        }
        self.shared
            .with_store(move |store| store.delete_calendar_feed(id))
            .await?;
        self.calendar_feeds.store(Arc::new(feeds));
        tracing::info!(feed = %id, "a calendar feed was revoked");
        Ok(true)
    }

    /// The calendar that a token reads; `None` where it reads none.
    pub fn calendar(&self, token: &str) -> Option<String> {
        let digest = digest(token);
        let mut found = None;
        // Every feed is looked at, so that the time taken does not tell which one was close.
        for feed in self.calendar_feeds.load().iter() {
            if bool::from(feed.digest.ct_eq(&digest)) {
                found = Some(feed.clone());
            }
        }
        Some(self.written(&found?))
    }

    fn written(&self, feed: &CalendarFeed) -> String {
        let (world, today) = self.moment();
        let declared = world.declared();
        let is_in =
            |index: &&Arc<TenantIndex>| feed.tenant.as_ref().is_none_or(|key| key == index.key());
        let indexes: Vec<_> = world.tenants().iter().filter(is_in).collect();
        let mut bought = Vec::new();
        for index in &indexes {
            for entry in index.licenses() {
                let license = &entry.license;
                let own = declared.bought(index.key(), license, index.subscriptions(), today);
                if own.has_purchases() {
                    bought.push((index, entry, own));
                }
            }
        }
        let name = match &feed.tenant {
            Some(tenant) => format!("License renewals of {tenant}"),
            None => "License renewals".to_owned(),
        };
        let heading = Heading {
            name: &name,
            names_tenants: feed.tenant.is_none() && self.tenants.len() > 1,
            today,
            policy: declared.policy,
        };
        let listed = bought.iter().flat_map(|(index, entry, own)| {
            own.purchases().iter().map(|purchase| Listed {
                tenant: index.key(),
                license: &entry.name.text,
                purchase: *purchase,
                assigned: entry.license.seats.consumed,
                as_of: index.as_of().unwrap_or(Timestamp::UNIX_EPOCH),
            })
        });
        calendar::write(heading, listed)
    }
}

/// SHA-256: a token is 256 random bits, so a slow hash would buy nothing.
fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
