//! What somebody decided of findings and licenses: exemptions, and classes of licenses.

use std::ops::ControlFlow;

use prost::Message;
use uuid::Uuid;

use super::backend::{Batch, Direction, Key, Table};
use super::envelope::{self, Kind};
use super::records::{damaged, decode};
use super::{Error, Store, keys};
use crate::domain::day::Day;
use crate::domain::finding::{Exemption, FindingKey, FindingKind, Placed as _};
use crate::domain::ids::{ObjectId, SkuId, SubscriptionId, TenantKey};
use crate::domain::license_class::LicenseClass;

#[derive(Clone, PartialEq, Message)]
struct ExemptionRecord {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    owner: String,
    /// The last day, by number.
    #[prost(uint32, tag = "3")]
    until: u32,
}

/// Reads what follows the tenant in a key, and the value.
type Reader<'a, T> = dyn Fn(&[u8], &[u8]) -> Result<T, Error> + 'a;

impl Store {
    /// Every exemption of a tenant, those that are over too.
    pub fn exemptions(&self, tenant: &TenantKey) -> Result<Vec<(FindingKey, Exemption)>, Error> {
        self.decided(Table::Exemption, tenant, &|rest, value| {
            let finding = finding_of(rest).ok_or_else(|| damaged("the key of an exemption"))?;
            let key = keys::exemption(tenant, &bytes_of(&finding));
            let record = envelope::open(&key, Kind::Exemption, value)?;
            let record: ExemptionRecord = decode(&record)?;
            let until = Day::numbered(record.until.into());
            let exemption = Exemption {
                reason: record.reason,
                owner: record.owner,
                until: until.ok_or_else(|| damaged("the end of an exemption"))?,
            };
            Ok((finding, exemption))
        })
    }

    /// Files an exemption in place of the one that is there; `None` deletes it. Durable on return.
    pub fn save_exemption(
        &self,
        tenant: &TenantKey,
        finding: &FindingKey,
        exemption: Option<&Exemption>,
    ) -> Result<(), Error> {
        let key = keys::exemption(tenant, &bytes_of(finding));
        let record = exemption.map(|exemption| ExemptionRecord {
            reason: exemption.reason.clone(),
            owner: exemption.owner.clone(),
            until: u32::try_from(exemption.until.number()).unwrap_or_default(),
        });
        let record = record.map(|record| record.encode_to_vec());
        self.decide(key, Kind::Exemption, record.as_deref())
    }

    /// What somebody said that licenses are, by GUID.
    pub fn license_classes(&self, tenant: &TenantKey) -> Result<Vec<(SkuId, LicenseClass)>, Error> {
        self.decided(Table::LicenseClass, tenant, &|rest, value| {
            let id = Uuid::from_slice(rest).map(SkuId);
            let id = id.map_err(|_| damaged("the key of a license's class"))?;
            let key = keys::license_class(tenant, id);
            let class = envelope::open(&key, Kind::LicenseClass, value)?;
            let class = std::str::from_utf8(&class).ok();
            let class = class.and_then(LicenseClass::parse);
            Ok((id, class.ok_or_else(|| damaged("the class of a license"))?))
        })
    }

    /// Files what a license is; `None` deletes it. Durable on return.
    pub fn save_license_class(
        &self,
        tenant: &TenantKey,
        id: SkuId,
        class: Option<LicenseClass>,
    ) -> Result<(), Error> {
        let key = keys::license_class(tenant, id);
        let class = class.map(|class| class.name().as_bytes());
        self.decide(key, Kind::LicenseClass, class)
    }

    fn decide(&self, key: Key, kind: Kind, payload: Option<&[u8]>) -> Result<(), Error> {
        let mut batch = Batch::default();
        match payload {
            Some(payload) => {
                let value = envelope::seal(&key, kind, payload);
                batch.put(key, value);
            }
            None => batch.delete(key),
        }
        self.write_durably(batch)
    }

    /// Reads a tenant's part of a table.
    fn decided<T>(
        &self,
        table: Table,
        tenant: &TenantKey,
        read: &Reader<'_, T>,
    ) -> Result<Vec<T>, Error> {
        let range = keys::all_of(table, tenant);
        let mut found = Vec::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            let rest = keys::after_tenant(key).unwrap_or_default();
            let one = read(rest, value);
            let is_read = one.is_ok();
            found.push(one);
            match is_read {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        self.inner
            .backend
            .scan(&range, Direction::Ascending, &mut visit)?;
        found.into_iter().collect()
    }
}

/// A kind, then three GUIDs, each behind a byte that says whether there is one.
fn bytes_of(finding: &FindingKey) -> Vec<u8> {
    let FindingKey {
        kind,
        user,
        sku,
        subscription,
    } = finding;
    let guids = [
        user.map(|id| id.0),
        sku.map(|id| id.0),
        subscription.map(|id| id.0),
    ];
    let mut bytes = vec![kind.place()];
    for guid in guids {
        bytes.push(guid.is_some().into());
        bytes.extend_from_slice(guid.unwrap_or_default().as_bytes());
    }
    bytes
}

fn finding_of(bytes: &[u8]) -> Option<FindingKey> {
    let (kind, mut rest) = bytes.split_first()?;
    let mut guid = || {
        let (guid, after) = rest.split_first_chunk::<17>()?;
        rest = after;
        let [is_there, guid @ ..] = guid;
        Some((*is_there != 0).then_some(Uuid::from_bytes(*guid)))
    };
    Some(FindingKey {
        kind: FindingKind::at(u64::from(*kind))?,
        user: guid()?.map(ObjectId),
        sku: guid()?.map(SkuId),
        subscription: guid()?.map(SubscriptionId),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_finding_reads_back() {
        let id = Uuid::from_u128(7);
        for kind in FindingKind::ALL {
            for key in [
                FindingKey::of_seat(kind, ObjectId(Uuid::nil()), SkuId(id)),
                FindingKey::of_license(kind, SkuId(id)),
                FindingKey::of_subscription(kind, SkuId(id), SubscriptionId(id)),
            ] {
                assert_eq!(finding_of(&bytes_of(&key)), Some(key));
            }
        }
        assert_eq!(finding_of(&[]), None);
        assert_eq!(finding_of(&[0; 51]), None);
    }
}
