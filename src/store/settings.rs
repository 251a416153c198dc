//! What is kept beside facts and runs: connections, license names, the catalog, the token's hash.

use std::ops::ControlFlow;

use prost::Message;
use secrecy::SecretString;

use super::backend::{Batch, Direction};
use super::columns::small;
use super::envelope::{self, Kind};
use super::records::{ConnectionRecord, TextRecord, damaged, decode};
use super::{Error, SecretKind, Store, keys};
use crate::domain::ids::{SkuId, TenantKey};
use crate::domain::tenant::Connection;

/// The longest catalog: ten times what its bound on entries allows for is longer still.
const CATALOG_BYTES_MAX: usize = 32 << 20;
const CATALOG_PART_BYTES: usize = 4_000;
/// A catalog is written rarely and read at each start.
const CATALOG_LEVEL: i32 = 9;

impl Store {
    /// The connection, if one was ever saved.
    pub fn connection(&self, tenant: &TenantKey) -> Result<Option<Connection>, Error> {
        match self.read(&keys::connection(tenant), Kind::Connection)? {
            Some(bytes) => decode::<ConnectionRecord>(&bytes)?
                .into_connection()
                .map(Some),
            None => Ok(None),
        }
    }

    /// Files the connection and, in the same batch, the secret (`Some(None)` deletes it, `None`
    /// leaves it); durable on return.
    pub fn save_connection(
        &self,
        tenant: &TenantKey,
        connection: &Connection,
        refresh_token: Option<Option<&SecretString>>,
    ) -> Result<(), Error> {
        let mut batch = Batch::default();
        let key = keys::connection(tenant);
        let record = ConnectionRecord::from(connection).encode_to_vec();
        let value = envelope::seal(&key, Kind::Connection, &record);
        batch.put(key, value);
        match refresh_token {
            None => {}
            Some(None) => batch.delete(keys::secret(tenant, SecretKind::RefreshToken)),
            Some(Some(token)) => {
                self.put_secret(&mut batch, tenant, SecretKind::RefreshToken, token)?;
            }
        }
        self.write_durably(batch)
    }

    /// The operator's own names of licenses, by GUID.
    pub fn license_names(&self, tenant: &TenantKey) -> Result<Vec<(SkuId, String)>, Error> {
        let range = keys::all_of(super::Table::LicenseName, tenant);
        let mut names = Vec::new();
        self.inner
            .backend
            .scan(&range, Direction::Ascending, &mut |key, value| {
                let name = read_name(tenant, key, value);
                let flow = if name.is_ok() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                };
                names.push(name);
                flow
            })?;
        names.into_iter().collect()
    }

    /// Files the operator's name of a license; `None` deletes it. Durable on return.
    pub fn save_license_name(
        &self,
        tenant: &TenantKey,
        id: SkuId,
        name: Option<&str>,
    ) -> Result<(), Error> {
        let mut batch = Batch::default();
        let key = keys::license_name(tenant, id);
        match name {
            Some(name) => {
                let value = envelope::seal(&key, Kind::LicenseName, name.as_bytes());
                batch.put(key, value);
            }
            None => batch.delete(key),
        }
        self.write_durably(batch)
    }

    /// The updated catalog in its text form, if it ever was updated.
    pub fn catalog(&self) -> Result<Option<String>, Error> {
        let Some(head) = self.read(&keys::catalog_part(0), Kind::CatalogPart)? else {
            return Ok(None);
        };
        let head: TextRecord = decode(&head)?;
        let mut packed = Vec::new();
        for part in 1..=head.parts {
            let bytes = self.read(&keys::catalog_part(part), Kind::CatalogPart)?;
            packed.extend(bytes.ok_or_else(|| damaged("a part of the catalog is missing"))?);
        }
        let length = usize::try_from(head.text_bytes).unwrap_or(usize::MAX);
        if length > CATALOG_BYTES_MAX || blake3::hash(&packed).as_bytes() != head.digest.as_slice()
        {
            return Err(damaged("the catalog is not what was written"));
        }
        let text = zstd::bulk::decompress(&packed, length).ok();
        let text = text.and_then(|text| String::from_utf8(text).ok());
        text.map(Some)
            .ok_or_else(|| damaged("the catalog does not decompress"))
    }

    /// Files an updated catalog in place of the one that is there; durable on return.
    pub fn save_catalog(&self, text: &str) -> Result<(), Error> {
        if text.len() > CATALOG_BYTES_MAX {
            return Err(Error::Io(format!(
                "a catalog of {} bytes is too long",
                text.len()
            )));
        }
        let packed = zstd::bulk::compress(text.as_bytes(), CATALOG_LEVEL);
        let packed = packed.map_err(|error| Error::Io(error.to_string()))?;
        let parts: Vec<_> = packed.chunks(CATALOG_PART_BYTES).collect();
        let head = TextRecord {
            parts: small(parts.len()),
            text_bytes: text.len() as u64,
            digest: blake3::hash(&packed).as_bytes().to_vec(),
        };
        let mut batch = Batch::default();
        for key in self.keys_in(&keys::catalog(), usize::MAX)? {
            batch.delete(key);
        }
        let head = head.encode_to_vec();
        for (number, part) in (0..).zip([head.as_slice()].into_iter().chain(parts)) {
            let key = keys::catalog_part(number);
            let value = envelope::seal(&key, Kind::CatalogPart, part);
            batch.put(key, value);
        }
        self.write_durably(batch)
    }

    /// SHA-256 of the admin token that the first start made.
    pub fn admin_token_hash(&self) -> Result<Option<[u8; 32]>, Error> {
        let Some(bytes) = self.read(&keys::admin_token(), Kind::AdminToken)? else {
            return Ok(None);
        };
        let hash = bytes.try_into().map(Some);
        hash.map_err(|_| damaged("the hash of the admin token has a wrong length"))
    }

    /// Files the hash of the admin token; durable on return.
    pub fn save_admin_token_hash(&self, hash: [u8; 32]) -> Result<(), Error> {
        let mut batch = Batch::default();
        let key = keys::admin_token();
        let value = envelope::seal(&key, Kind::AdminToken, &hash);
        batch.put(key, value);
        self.write_durably(batch)
    }
}

fn read_name(tenant: &TenantKey, key: &[u8], value: &[u8]) -> Result<(SkuId, String), Error> {
    let id = keys::guid_of(key).map(SkuId);
    let id = id.ok_or_else(|| damaged("the key of a license's name"))?;
    let name = envelope::open(&keys::license_name(tenant, id), Kind::LicenseName, value)?;
    let name = String::from_utf8(name).map_err(|_| damaged("a license's name is no text"))?;
    Ok((id, name))
}
