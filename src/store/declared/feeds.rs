//! Calendar feeds on disk: digests of their tokens, never the tokens.

use prost::Message;

use super::put;
use crate::domain::calendar_feed::CalendarFeed;
use crate::domain::ids::{CalendarFeedId, TenantKey};
use crate::store::backend::{Batch, Table};
use crate::store::envelope::Kind;
use crate::store::records::{damaged, timestamp};
use crate::store::{Error, Store, keys};

/// A calendar feed. Its id is in its key.
#[derive(Clone, PartialEq, Message)]
struct FeedRecord {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, optional, tag = "2")]
    tenant: Option<String>,
    #[prost(sint64, tag = "3")]
    created_second: i64,
    #[prost(bytes = "vec", tag = "4")]
    digest: Vec<u8>,
}

impl From<&CalendarFeed> for FeedRecord {
    fn from(feed: &CalendarFeed) -> Self {
        let CalendarFeed {
            id: _,
            name,
            tenant,
            created_at,
            digest,
        } = feed;
        Self {
            name: name.clone(),
            tenant: tenant.as_ref().map(ToString::to_string),
            created_second: created_at.as_second(),
            digest: digest.to_vec(),
        }
    }
}

impl FeedRecord {
    fn into_feed(self, id: CalendarFeedId) -> Result<CalendarFeed, Error> {
        let tenant = self.tenant.as_deref().map(TenantKey::parse).transpose();
        let digest = self.digest.try_into();
        Ok(CalendarFeed {
            id,
            name: self.name,
            tenant: tenant.map_err(|_| damaged("a calendar feed of no tenant's key"))?,
            created_at: timestamp(self.created_second, 0)?,
            digest: digest.map_err(|_| damaged("a digest of a wrong length"))?,
        })
    }
}

impl Store {
    /// Every calendar feed, by id.
    pub fn calendar_feeds(&self) -> Result<Vec<CalendarFeed>, Error> {
        let all = keys::all_of_nobody(Table::CalendarFeed);
        let mut feeds = Vec::new();
        self.each_record(&all, Kind::CalendarFeed, &mut |key, record: FeedRecord| {
            let id = keys::guid_of(&key.bytes).map(CalendarFeedId);
            let id = id.ok_or_else(|| damaged("the key of a calendar feed"))?;
            feeds.push(record.into_feed(id)?);
            Ok(())
        })?;
        Ok(feeds)
    }

    /// Files a calendar feed; durable on return.
    pub fn save_calendar_feed(&self, feed: &CalendarFeed) -> Result<(), Error> {
        let mut batch = Batch::default();
        let record = FeedRecord::from(feed).encode_to_vec();
        let key = keys::calendar_feed(feed.id);
        put(&mut batch, key, Kind::CalendarFeed, &record);
        self.write_durably(batch)
    }

    /// Deletes a calendar feed; durable on return.
    pub fn delete_calendar_feed(&self, id: CalendarFeedId) -> Result<(), Error> {
        let mut batch = Batch::default();
        batch.delete(keys::calendar_feed(id));
        self.write_durably(batch)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::records::decode;

    #[test]
    fn a_feed_reads_back_as_it_was() {
        for tenant in [None, TenantKey::parse("contoso").ok()] {
            let feed = CalendarFeed {
                id: CalendarFeedId(Uuid::from_u128(7)),
                name: "Purchasing".to_owned(),
                tenant,
                created_at: "2026-03-15T08:30:00Z".parse().unwrap(),
                digest: [9; 32],
            };
            let bytes = FeedRecord::from(&feed).encode_to_vec();
            let record: FeedRecord = decode(&bytes).unwrap();
            assert_eq!(record.into_feed(feed.id).unwrap(), feed);
        }
    }

    #[test]
    fn a_digest_of_a_wrong_length_is_damage() {
        let record = FeedRecord {
            digest: vec![0; 31],
            ..FeedRecord::default()
        };
        assert!(record.into_feed(CalendarFeedId(Uuid::nil())).is_err());
    }
}
