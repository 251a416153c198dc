//! Calendars that are read by a token of their own.

use async_graphql::{ID, InputObject, Object, SimpleObject};
use secrecy::ExposeSecret as _;
use std::sync::Arc;

use super::reading::Reading;
use super::tenant::Tenant;
use crate::api::error::Error;
use crate::api::ids;
use crate::api::scalars::DateTime;
use crate::domain::calendar_feed;
use crate::domain::ids::{CalendarFeedId, TenantKey};
use crate::sync::NewCalendarFeed;

/// A calendar of renewals for calendar programs, as somebody asked for it.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct CalendarFeedInput {
    /// Whom or what it is for, in 1 to 100 characters: so that it is known which one to revoke.
    name: String,
    /// The `id` of the only tenant whose renewals are in it; all when unsaid.
    tenant: Option<ID>,
}

impl CalendarFeedInput {
    pub(crate) fn tenant(&self) -> Result<Option<TenantKey>, Error> {
        self.tenant.as_ref().map(ids::tenant).transpose()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// The schema's description is on its `Object`.
pub(crate) struct CalendarFeed {
    reading: Arc<Reading>,
    feed: calendar_feed::CalendarFeed,
}

impl CalendarFeed {
    /// Every feed, the oldest first.
    pub(crate) fn all(reading: &Arc<Reading>) -> Vec<Self> {
        let feeds = reading.coordinator().calendar_feeds().into_iter();
        feeds
            .map(|feed| Self {
                reading: reading.clone(),
                feed,
            })
            .collect()
    }
}

/// A calendar of renewals that calendar programs subscribe to by its address. The address is told once,
/// by `createCalendarFeed`; only a digest of its token is kept.
#[Object]
impl CalendarFeed {
    /// What `revokeCalendarFeed` takes.
    async fn id(&self) -> ID {
        ID(self.feed.id.to_string())
    }

    /// Whom or what it is for.
    async fn name(&self) -> &str {
        &self.feed.name
    }

    /// The only tenant whose renewals are in it; null where all are, or where the configuration has the
    /// tenant no more.
    async fn tenant(&self) -> Option<Tenant> {
        let tenant = self.feed.tenant.as_ref()?;
        self.reading.tenant(tenant)
    }

    /// Whether the renewals of every tenant are in it.
    async fn is_of_all_tenants(&self) -> bool {
        self.feed.tenant.is_none()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.feed.created_at)
    }
}

/// A feed that was just made.
#[derive(SimpleObject)]
pub(crate) struct CreatedCalendarFeed {
    /// The feed.
    feed: CalendarFeed,
    /// Where calendar programs read it. Whoever knows the address reads the calendar, and nothing else. It
    /// is told this once.
    address: String,
}

impl CreatedCalendarFeed {
    pub(crate) fn new(reading: Arc<Reading>, new: NewCalendarFeed) -> Self {
        Self {
            address: new.address.expose_secret().to_owned(),
            feed: CalendarFeed {
                reading,
                feed: new.feed,
            },
        }
    }
}

/// Reads the id of a feed.
pub(crate) fn feed_id(id: &ID) -> Result<CalendarFeedId, Error> {
    CalendarFeedId::parse(id).ok_or_else(|| {
        Error::bad_input("That is no id of a calendar feed: `calendarFeeds` tells them.")
    })
}
