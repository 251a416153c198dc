//! What webhooks are still to be told, and what they were told of renewals and of findings: in one batch, so
//! that nothing is lost and nothing is told twice.

use jiff::civil::Date;
use prost::Message;
use uuid::Uuid;

use super::put;
use super::records::date;
use crate::domain::day;
use crate::domain::ids::{SubscriptionId, TenantKey};
use crate::domain::renewal::due::Reached;
use crate::domain::renewal::reminder::Reminder;
use crate::domain::webhook::delivery::Delivery;
use crate::domain::webhook::threshold::Level;
use crate::store::backend::{Batch, Table};
use crate::store::envelope::Kind;
use crate::store::numbers::Numbered as _;
use crate::store::records::{damaged, guid, known, timestamp};
use crate::store::{Error, Store, keys};

/// A purchase of a tenant, as one webhook is told of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToldKey {
    /// The webhook's name.
    pub webhook: String,
    /// Whose purchase.
    pub tenant: TenantKey,
    /// Which.
    pub subscription: SubscriptionId,
}

/// The findings of a tenant, as one webhook is told of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LevelKey {
    /// The webhook's name.
    pub webhook: String,
    /// Whose findings.
    pub tenant: TenantKey,
}

/// An event on its way to a webhook. Its id is in its key.
#[derive(Clone, PartialEq, Message)]
struct DeliveryRecord {
    #[prost(string, tag = "1")]
    webhook: String,
    #[prost(string, tag = "2")]
    event: String,
    #[prost(string, tag = "3")]
    body: String,
    #[prost(uint32, tag = "4")]
    tries: u32,
    #[prost(sint64, tag = "5")]
    next_second: i64,
}

/// The step of a renewal that a webhook was told last.
#[derive(Clone, PartialEq, Message)]
struct ToldRecord {
    #[prost(string, tag = "1")]
    webhook: String,
    #[prost(string, tag = "2")]
    tenant: String,
    #[prost(bytes = "vec", tag = "3")]
    subscription: Vec<u8>,
    #[prost(sint64, tag = "4")]
    on: i64,
    #[prost(uint32, tag = "5")]
    step: u32,
}

/// How much there was of findings when a webhook was told last.
#[derive(Clone, PartialEq, Message)]
struct LevelRecord {
    #[prost(string, tag = "1")]
    webhook: String,
    #[prost(string, tag = "2")]
    tenant: String,
    #[prost(uint64, tag = "3")]
    open_findings: u64,
    /// A decimal number.
    #[prost(string, optional, tag = "4")]
    monthly_savings: Option<String>,
}

impl From<&Delivery> for DeliveryRecord {
    fn from(delivery: &Delivery) -> Self {
        let Delivery {
            id: _,
            webhook,
            event,
            body,
            tries,
            next_at,
        } = delivery;
        Self {
            webhook: webhook.clone(),
            event: event.clone(),
            body: body.clone(),
            tries: *tries,
            next_second: next_at.as_second(),
        }
    }
}

impl DeliveryRecord {
    fn into_delivery(self, id: Uuid) -> Result<Delivery, Error> {
        Ok(Delivery {
            id,
            webhook: self.webhook,
            event: self.event,
            body: self.body,
            tries: self.tries,
            next_at: timestamp(self.next_second, 0)?,
        })
    }
}

impl ToldRecord {
    fn new(key: &ToldKey, told: Reached) -> Self {
        Self {
            webhook: key.webhook.clone(),
            tenant: key.tenant.to_string(),
            subscription: key.subscription.0.as_bytes().to_vec(),
            on: day::number(told.on),
            step: told.step.number(),
        }
    }

    fn into_told(self) -> Result<(ToldKey, Reached), Error> {
        let tenant = TenantKey::parse(&self.tenant);
        let key = ToldKey {
            webhook: self.webhook,
            tenant: tenant.map_err(|_| damaged("a reminder of no tenant's key"))?,
            subscription: SubscriptionId(guid(&self.subscription)?),
        };
        let on: Date = date(self.on)?;
        let step: Reminder = known(self.step, "reminder")?;
        Ok((key, Reached { on, step }))
    }
}

impl LevelRecord {
    fn new(key: &LevelKey, level: Level) -> Self {
        Self {
            webhook: key.webhook.clone(),
            tenant: key.tenant.to_string(),
            open_findings: level.open_findings,
            monthly_savings: level.monthly_savings.map(|amount| amount.to_string()),
        }
    }

    fn into_level(self) -> Result<(LevelKey, Level), Error> {
        let tenant = TenantKey::parse(&self.tenant);
        let key = LevelKey {
            webhook: self.webhook,
            tenant: tenant.map_err(|_| damaged("findings of no tenant's key"))?,
        };
        let amount = self.monthly_savings.map(|amount| amount.parse());
        let amount = amount.transpose();
        let level = Level {
            open_findings: self.open_findings,
            monthly_savings: amount.map_err(|_| damaged("savings that are no number"))?,
        };
        Ok((key, level))
    }
}

impl Store {
    /// Every delivery that is not over, by id: the oldest first.
    pub fn deliveries(&self) -> Result<Vec<Delivery>, Error> {
        let all = keys::all_of_nobody(Table::Delivery);
        let mut deliveries = Vec::new();
        self.each_record(&all, Kind::Delivery, &mut |key, record: DeliveryRecord| {
            let id = keys::guid_of(&key.bytes);
            let id = id.ok_or_else(|| damaged("the key of a delivery"))?;
            deliveries.push(record.into_delivery(id)?);
            Ok(())
        })?;
        Ok(deliveries)
    }

    /// What webhooks were told last of each purchase.
    pub fn told_reminders(&self) -> Result<Vec<(ToldKey, Reached)>, Error> {
        let all = keys::all_of_nobody(Table::Told);
        let mut told = Vec::new();
        self.each_record(&all, Kind::Told, &mut |_, record: ToldRecord| {
            told.push(record.into_told()?);
            Ok(())
        })?;
        Ok(told)
    }

    /// How much there was of findings when webhooks were told last.
    pub fn told_levels(&self) -> Result<Vec<(LevelKey, Level)>, Error> {
        let all = keys::all_of_nobody(Table::ToldLevel);
        let mut told = Vec::new();
        self.each_record(&all, Kind::ToldLevel, &mut |_, record: LevelRecord| {
            told.push(record.into_level()?);
            Ok(())
        })?;
        Ok(told)
    }

    /// Files deliveries together with how much there is now, all or nothing; durable on return.
    pub fn file_levels(
        &self,
        deliveries: &[Delivery],
        levels: &[(LevelKey, Level)],
    ) -> Result<(), Error> {
        let mut batch = Batch::default();
        put_deliveries(&mut batch, deliveries);
        for (of, level) in levels {
            let record = LevelRecord::new(of, *level).encode_to_vec();
            let key = keys::told_level(&of.webhook, &of.tenant);
            put(&mut batch, key, Kind::ToldLevel, &record);
        }
        self.write_durably(batch)
    }

    /// Files deliveries together with what they tell, all or nothing; durable on return.
    pub fn file_reminders(
        &self,
        deliveries: &[Delivery],
        told: &[(ToldKey, Reached)],
    ) -> Result<(), Error> {
        let mut batch = Batch::default();
        put_deliveries(&mut batch, deliveries);
        for (of, reached) in told {
            let record = ToldRecord::new(of, *reached).encode_to_vec();
            let key = keys::told(&of.webhook, &of.tenant, of.subscription);
            put(&mut batch, key, Kind::Told, &record);
        }
        self.write_durably(batch)
    }

    /// Deletes a delivery that is over; durable on return.
    pub fn delete_delivery(&self, id: Uuid) -> Result<(), Error> {
        let mut batch = Batch::default();
        batch.delete(keys::delivery(id));
        self.write_durably(batch)
    }
}

fn put_deliveries(batch: &mut Batch, deliveries: &[Delivery]) {
    for delivery in deliveries {
        let record = DeliveryRecord::from(delivery).encode_to_vec();
        let key = keys::delivery(delivery.id);
        put(batch, key, Kind::Delivery, &record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::records::decode;

    #[test]
    fn a_delivery_and_what_it_tells_read_back_as_they_were() {
        let delivery = Delivery {
            id: Uuid::from_u128(7),
            webhook: "erp".to_owned(),
            event: "renewal.reminder".to_owned(),
            body: "{}".to_owned(),
            tries: 3,
            next_at: "2026-03-15T08:30:00Z".parse().unwrap(),
        };
        let bytes = DeliveryRecord::from(&delivery).encode_to_vec();
        let record: DeliveryRecord = decode(&bytes).unwrap();
        assert_eq!(record.into_delivery(delivery.id).unwrap(), delivery);
        let key = ToldKey {
            webhook: "erp".to_owned(),
            tenant: TenantKey::parse("contoso").unwrap(),
            subscription: SubscriptionId(Uuid::from_u128(8)),
        };
        for step in Reminder::ALL {
            let on = "2026-05-14".parse().unwrap();
            let told = Reached { on, step };
            let bytes = ToldRecord::new(&key, told).encode_to_vec();
            let record: ToldRecord = decode(&bytes).unwrap();
            assert_eq!(record.into_told().unwrap(), (key.clone(), told));
        }
    }
    #[test]
    fn a_level_reads_back_as_it_was() {
        let key = LevelKey {
            webhook: "erp".to_owned(),
            tenant: TenantKey::parse("contoso").unwrap(),
        };
        for monthly_savings in [None, Some("1234.50".parse().unwrap())] {
            let level = Level {
                open_findings: u64::MAX,
                monthly_savings,
            };
            let bytes = LevelRecord::new(&key, level).encode_to_vec();
            let record: LevelRecord = decode(&bytes).unwrap();
            assert_eq!(record.into_level().unwrap(), (key.clone(), level));
        }
    }
}
