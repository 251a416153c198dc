//! What is kept beside facts and runs: connections, license names, the catalog, the token's hash.

use std::ops::ControlFlow;

use prost::Message;
use secrecy::SecretString;

use super::backend::{Batch, Direction};
use super::envelope::{self, Kind};
use super::parts::Parts;
use super::records::{ConnectionRecord, damaged, decode};
use super::{Error, SecretKind, Store, keys};
use crate::domain::ids::{SkuId, TenantKey};
use crate::domain::tenant::Connection;

/// The updated catalog.
const CATALOG: Parts<'static> = Parts {
    what: "the catalog",
    kind: Kind::CatalogPart,
    key: &keys::catalog_part,
    // Ten times what its bound on entries allows for is longer still.
    bytes_max: 32 << 20,
    // It is written rarely and read at each start.
    level: 9,
};

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
        put_connection(&mut batch, tenant, connection);
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
        let text = CATALOG.read(self)?.map(String::from_utf8).transpose();
        text.map_err(|_| damaged("the catalog is no text"))
    }

    /// Files an updated catalog in place of the one that is there; durable on return.
    pub fn save_catalog(&self, text: &str) -> Result<(), Error> {
        let mut batch = Batch::default();
        CATALOG.put(self, &mut batch, text.as_bytes())?;
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

/// Adds a connection to a batch.
pub(super) fn put_connection(batch: &mut Batch, tenant: &TenantKey, connection: &Connection) {
    let key = keys::connection(tenant);
    let record = ConnectionRecord::from(connection).encode_to_vec();
    let value = envelope::seal(&key, Kind::Connection, &record);
    batch.put(key, value);
}

fn read_name(tenant: &TenantKey, key: &[u8], value: &[u8]) -> Result<(SkuId, String), Error> {
    let id = keys::guid_of(key).map(SkuId);
    let id = id.ok_or_else(|| damaged("the key of a license's name"))?;
    let name = envelope::open(&keys::license_name(tenant, id), Kind::LicenseName, value)?;
    let name = String::from_utf8(name).map_err(|_| damaged("a license's name is no text"))?;
    Ok((id, name))
}
