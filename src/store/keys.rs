//! The key layout, whole, as one table.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `Server` | `0 "format"` | format of the store, check of the encryption key |
//! | `Server` | `0 "admin-token"` | SHA-256 of the admin token |
//! | `Catalog` | `0 part:u32` | part of the updated catalog; part 0 says how many and their digest |
//! | `Current` | `tenant 0` | the current run, its time, the digest of all manifests |
//! | `Manifest` | `tenant 0 collection:u8` | the segments that make up the collection, base first |
//! | `Block` | `tenant 0 collection:u8 run:16 part:u8 frame:u32 piece:u32` | piece of a frame of a short segment |
//! | `Unfinished` | `tenant 0 part:u32` | part of what is known of a run that did not end; part 0 says how many and their digest |
//! | `Run` | `tenant 0 run:16` | a run of the ledger; version 7 UUIDs sort by start |
//! | `Connection` | `tenant 0` | the connection |
//! | `Secret` | `tenant 0 kind:u8` | nonce and ciphertext |
//! | `LicenseName` | `tenant 0 sku:16` | the operator's name of a license |
//! | `Terms` | `tenant 0 subscription:16` | what the operator declared of a purchase |
//! | `Price` | `0 price:16` | an entry of the price book, whichever tenant it is for |
//! | `CalendarFeed` | `0 feed:16` | a calendar that is read by a token of its own |
//! | `Delivery` | `0 event:16` | an event that a webhook is still to be told |
//! | `Told` | `0 webhook 0 tenant 0 subscription:16` | the step of a renewal that it was told last |
//! | `ToldLevel` | `0 webhook 0 tenant` | how much there was of its findings when it was told last |
//! | `ExchangeRate` | `0 from:3 to:3 day:u32` | what one currency is worth in another from a day on |
//! | `LicenseClass` | `tenant 0 sku:16` | what somebody says that a license is to whoever pays |
//! | `Exemption` | `tenant 0 kind:u8 user:17 sku:17 subscription:17` | why a finding is left, and until when |
//!
//! Numbers are big-endian, so bytes sort as numbers do. A tenant's key has no zero byte in it, so
//! none is the prefix of another's. Few fixed tables, never one a tenant: sled grows out of
//! proportion with many trees. Prices are nobody's: a table of prices is imported whole or not at all,
//! and a batch is one tenant's or nobody's.

use jiff::civil::Date;
use uuid::Uuid;

use super::SecretKind;
use super::backend::{Key, Range, Table};
use super::collection::Collection;
use super::numbers::Numbered;
use crate::domain::day;
use crate::domain::ids::{CalendarFeedId, PriceId, RunId, SkuId, SubscriptionId, TenantKey};
use crate::domain::money::Currency;

/// Which segment: what one run wrote of one collection. A run begins a part for what it changes,
/// another one after it forgot that, one for each merge of older segments and one for each list of ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SegmentKey {
    /// Whose.
    pub(super) tenant: TenantKey,
    /// Of what.
    pub(super) collection: Collection,
    /// Written by.
    pub(super) run: RunId,
    /// See above.
    pub(super) part: u8,
}

/// Format and key check.
pub(super) fn format() -> Key {
    server("format")
}

/// SHA-256 of the admin token.
pub(super) fn admin_token() -> Key {
    server("admin-token")
}

/// A part of the catalog.
pub(super) fn catalog_part(part: u32) -> Key {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&part.to_be_bytes());
    Key {
        table: Table::Catalog,
        bytes,
    }
}

/// The pointer to what is current.
pub(super) fn current(tenant: &TenantKey) -> Key {
    of_tenant(Table::Current, tenant, &[])
}

/// The segments of a collection.
pub(super) fn manifest(tenant: &TenantKey, collection: Collection) -> Key {
    of_tenant(Table::Manifest, tenant, &[collection.number_byte()])
}

/// A part of what is known of the run that did not end.
pub(super) fn unfinished_part(tenant: &TenantKey, part: u32) -> Key {
    of_tenant(Table::Unfinished, tenant, &part.to_be_bytes())
}

/// A run of the ledger.
pub(super) fn run(tenant: &TenantKey, id: RunId) -> Key {
    of_tenant(Table::Run, tenant, id.0.as_bytes())
}

/// The runs of a tenant, of which only those before `before`.
pub(super) fn runs(tenant: &TenantKey, before: Option<RunId>) -> Range {
    let mut range = all_of(Table::Run, tenant);
    if let Some(before) = before {
        range.until = Some(run(tenant, before).bytes);
    }
    range
}

/// The connection.
pub(super) fn connection(tenant: &TenantKey) -> Key {
    of_tenant(Table::Connection, tenant, &[])
}

/// A ciphertext.
pub(super) fn secret(tenant: &TenantKey, kind: SecretKind) -> Key {
    of_tenant(Table::Secret, tenant, &[kind.number_byte()])
}

/// The operator's name of a license.
pub(super) fn license_name(tenant: &TenantKey, id: SkuId) -> Key {
    of_tenant(Table::LicenseName, tenant, id.0.as_bytes())
}

/// What was declared of a purchase.
pub(super) fn terms(tenant: &TenantKey, id: SubscriptionId) -> Key {
    of_tenant(Table::Terms, tenant, id.0.as_bytes())
}

/// An entry of the price book.
pub(super) fn price(id: PriceId) -> Key {
    of_nobody(Table::Price, id.0.as_bytes())
}

/// A calendar feed.
pub(super) fn calendar_feed(id: CalendarFeedId) -> Key {
    of_nobody(Table::CalendarFeed, id.0.as_bytes())
}

/// An event that a webhook is still to be told.
pub(super) fn delivery(id: Uuid) -> Key {
    of_nobody(Table::Delivery, id.as_bytes())
}

/// What a webhook was told last of a purchase.
pub(super) fn told(webhook: &str, tenant: &TenantKey, id: SubscriptionId) -> Key {
    let parts = [
        webhook.as_bytes(),
        &[0],
        tenant.as_str().as_bytes(),
        &[0],
        id.0.as_bytes(),
    ];
    of_nobody(Table::Told, &parts.concat())
}

/// How much there was of a tenant's findings when a webhook was told last.
pub(super) fn told_level(webhook: &str, tenant: &TenantKey) -> Key {
    let parts = [webhook.as_bytes(), &[0], tenant.as_str().as_bytes()];
    of_nobody(Table::ToldLevel, &parts.concat())
}

/// An exchange rate. Days sort as they follow each other, those before 1970 too.
pub(super) fn exchange_rate((from, to): (Currency, Currency), on: Date) -> Key {
    let day = i32::try_from(day::number(on)).unwrap_or(i32::MIN);
    let rising = day.cast_unsigned() ^ (1 << 31);
    let parts = [
        from.code().as_bytes(),
        to.code().as_bytes(),
        &rising.to_be_bytes(),
    ];
    of_nobody(Table::ExchangeRate, &parts.concat())
}

/// All of a table that is no tenant's.
pub(super) fn all_of_nobody(table: Table) -> Range {
    Range::prefix(table, vec![0])
}

/// What somebody says that a license is.
pub(super) fn license_class(tenant: &TenantKey, id: SkuId) -> Key {
    of_tenant(Table::LicenseClass, tenant, id.0.as_bytes())
}

/// Why a finding is left.
pub(super) fn exemption(tenant: &TenantKey, finding: &[u8]) -> Key {
    of_tenant(Table::Exemption, tenant, finding)
}

/// A piece of a frame.
pub(super) fn block(segment: &SegmentKey, frame: u32, piece: u32) -> Key {
    let mut key = of_tenant(Table::Block, &segment.tenant, &segment_bytes(segment));
    key.bytes.extend_from_slice(&frame.to_be_bytes());
    key.bytes.extend_from_slice(&piece.to_be_bytes());
    key
}

/// All pieces of a frame.
pub(super) fn frame(segment: &SegmentKey, frame: u32) -> Range {
    let mut prefix = tenant_prefix(&segment.tenant);
    prefix.extend_from_slice(&segment_bytes(segment));
    prefix.extend_from_slice(&frame.to_be_bytes());
    Range::prefix(Table::Block, prefix)
}

/// All pieces of a segment.
pub(super) fn segment(segment: &SegmentKey) -> Range {
    let mut prefix = tenant_prefix(&segment.tenant);
    prefix.extend_from_slice(&segment_bytes(segment));
    Range::prefix(Table::Block, prefix)
}

/// All of a tenant's keys in a table.
pub(super) fn all_of(table: Table, tenant: &TenantKey) -> Range {
    Range::prefix(table, tenant_prefix(tenant))
}

/// The tables that hold a tenant's records.
pub(super) const TENANT_TABLES: [Table; 11] = [
    Table::Current,
    Table::Manifest,
    Table::Unfinished,
    Table::Connection,
    Table::Secret,
    Table::LicenseName,
    Table::Terms,
    Table::LicenseClass,
    Table::Exemption,
    Table::Run,
    Table::Block,
];

/// The tables that hold what is no tenant's.
pub(super) const SHARED_TABLES: [Table; 8] = [
    Table::Server,
    Table::Catalog,
    Table::Price,
    Table::ExchangeRate,
    Table::CalendarFeed,
    Table::Delivery,
    Table::Told,
    Table::ToldLevel,
];

/// The tenant that a key of a tenant's table belongs to.
pub(super) fn tenant_of(bytes: &[u8]) -> Option<TenantKey> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
    TenantKey::parse(text).ok()
}

/// What follows the tenant in a key.
pub(super) fn after_tenant(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    bytes.get(end.checked_add(1)?..)
}

/// The GUID at the end of a key of runs, license names or terms.
pub(super) fn guid_of(bytes: &[u8]) -> Option<Uuid> {
    Uuid::from_slice(after_tenant(bytes)?).ok()
}

/// The place of a block: its segment, frame and piece.
pub(super) fn block_of(bytes: &[u8]) -> Option<(SegmentKey, u32, u32)> {
    let tenant = tenant_of(bytes)?;
    let (&[collection], rest) = after_tenant(bytes)?.split_first_chunk::<1>()?;
    let (run, rest) = rest.split_first_chunk::<16>()?;
    let (&[part], rest) = rest.split_first_chunk::<1>()?;
    let (frame, rest) = rest.split_first_chunk::<4>()?;
    let segment = SegmentKey {
        tenant,
        collection: Collection::from_number(collection.into())?,
        run: RunId(Uuid::from_bytes(*run)),
        part,
    };
    let piece = u32::from_be_bytes(rest.try_into().ok()?);
    Some((segment, u32::from_be_bytes(*frame), piece))
}

fn server(name: &str) -> Key {
    let mut bytes = vec![0];
    bytes.extend_from_slice(name.as_bytes());
    Key {
        table: Table::Server,
        bytes,
    }
}

fn of_nobody(table: Table, rest: &[u8]) -> Key {
    let bytes = [&[0], rest].concat();
    Key { table, bytes }
}

fn of_tenant(table: Table, tenant: &TenantKey, rest: &[u8]) -> Key {
    let mut bytes = tenant_prefix(tenant);
    bytes.extend_from_slice(rest);
    Key { table, bytes }
}

fn tenant_prefix(tenant: &TenantKey) -> Vec<u8> {
    let mut bytes = tenant.as_str().as_bytes().to_vec();
    bytes.push(0);
    bytes
}

fn segment_bytes(segment: &SegmentKey) -> [u8; 18] {
    let mut bytes = [0; 18];
    let [collection, run @ .., part] = &mut bytes;
    *collection = segment.collection.number_byte();
    *run = *segment.run.0.as_bytes();
    *part = segment.part;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(text: &str) -> TenantKey {
        TenantKey::parse(text).unwrap()
    }

    fn contains(range: &Range, key: &Key) -> bool {
        range.table == key.table
            && range.from <= key.bytes
            && range.until.as_ref().is_none_or(|until| key.bytes < *until)
    }

    #[test]
    fn a_block_key_reads_back_as_its_place() {
        let segment = SegmentKey {
            tenant: tenant("contoso"),
            collection: Collection::Users,
            run: RunId(Uuid::from_u128(7)),
            part: 3,
        };
        let key = block(&segment, 258, 4);
        assert_eq!(block_of(&key.bytes), Some((segment.clone(), 258, 4)));
        assert_eq!(block_of(&key.bytes[..key.bytes.len() - 1]), None);
        assert!(contains(&frame(&segment, 258), &key));
        assert!(!contains(&frame(&segment, 257), &key));
        assert!(contains(&super::segment(&segment), &key));
    }

    #[test]
    fn a_tenant_whose_key_begins_like_anothers_is_not_within_it() {
        let key = connection(&tenant("contoso_2"));
        assert!(!contains(
            &all_of(Table::Connection, &tenant("contoso")),
            &key
        ));
        assert!(contains(
            &all_of(Table::Connection, &tenant("contoso_2")),
            &key
        ));
    }

    #[test]
    fn runs_before_a_run_exclude_it() {
        let contoso = tenant("contoso");
        let id = |number| RunId(Uuid::from_u128(number));
        let range = runs(&contoso, Some(id(5)));
        assert!(contains(&range, &run(&contoso, id(4))));
        assert!(!contains(&range, &run(&contoso, id(5))));
        assert!(contains(&runs(&contoso, None), &run(&contoso, id(5))));
    }
}
