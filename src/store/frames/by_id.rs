//! Facts that are kept by column under an id of 16 bytes, such as what a report says of each user.

use prost::Message;
use uuid::Uuid;

use super::columns::{cut, small};
use super::places::{Id, Places, PlacesRecord};
use super::{FactRef, Row, Rows, TakeRow};
use crate::domain::ids::ObjectId;
use crate::store::collection::Collection;
use crate::store::records::decode;
use crate::store::{Error, Fact};

/// What is kept of facts of one kind besides their ids. A removed row is in no column.
pub(super) trait Columns: Default + Send {
    /// The columns on disk.
    type Record: Message + Default;

    /// Adds the next row; false, and nothing, when the fact is of another kind.
    fn push(&mut self, fact: FactRef<'_>) -> bool;

    /// About how long the record would be.
    fn bytes(&self) -> usize;

    /// The record of all rows; none are left. `ids` are those of the frame, 16 bytes each.
    fn take(&mut self, ids: &[u8]) -> Self::Record;

    /// What reads a record row by row.
    fn reader<'a>(
        collection: Collection,
        record: &'a Self::Record,
        ids: &'a [[u8; 16]],
    ) -> Result<ReadFact<'a>, Error>;
}

/// Reads the next row that was not removed; its id is given.
pub(super) type ReadFact<'a> = Box<dyn FnMut(ObjectId) -> Result<Fact, Error> + 'a>;

/// The rows of a frame.
#[derive(Default)]
pub(super) struct ById<C> {
    /// 16 bytes a row.
    ids: Vec<u8>,
    /// The places of rows that were removed.
    removed: Vec<u32>,
    columns: C,
    /// What stands for the ids, once they were listed.
    listed: Option<(PlacesRecord, Vec<u8>)>,
}

#[derive(Clone, PartialEq, Message)]
struct ByIdRecord {
    /// 16 bytes a row; with places, only of those that have none.
    #[prost(bytes = "vec", tag = "1")]
    ids: Vec<u8>,
    /// The places of rows that were removed, in order.
    #[prost(uint32, repeated, tag = "2")]
    removed: Vec<u32>,
    /// A record of columns.
    #[prost(bytes = "vec", tag = "3")]
    columns: Vec<u8>,
    #[prost(message, optional, tag = "4")]
    places: Option<PlacesRecord>,
}

impl<C: Columns> Rows for ById<C> {
    fn put(&mut self, fact: FactRef<'_>) -> bool {
        let is_ours = self.columns.push(fact);
        if is_ours {
            self.ids.extend_from_slice(fact.id().as_bytes());
        }
        is_ours
    }

    fn remove(&mut self, id: Uuid) {
        self.removed.push(small(self.rows()));
        self.ids.extend_from_slice(id.as_bytes());
    }

    fn rows(&self) -> usize {
        self.ids.len() / 16
    }

    fn bytes(&self) -> usize {
        let removed = self.removed.len().saturating_mul(2);
        let ids = self.ids.len().saturating_add(removed);
        self.columns.bytes().saturating_add(ids)
    }

    fn list_ids(&mut self, places: &mut dyn Places) -> usize {
        let (record, rest) = PlacesRecord::of(&self.ids, places);
        let unlisted = rest.len() / 16;
        self.listed = Some((record, rest));
        unlisted
    }

    fn take(&mut self) -> Vec<u8> {
        let columns = self.columns.take(&self.ids).encode_to_vec();
        let own = std::mem::take(&mut self.ids);
        let (places, ids) = match self.listed.take() {
            Some((places, rest)) => (Some(places), rest),
            None => (None, own),
        };
        let record = ByIdRecord {
            ids,
            places,
            removed: std::mem::take(&mut self.removed),
            columns,
        };
        record.encode_to_vec()
    }
}

/// Reads the rows of a frame, in the order in which they were added.
pub(super) fn read<C: Columns>(
    collection: Collection,
    bytes: &[u8],
    list: &[Id],
    take: &mut TakeRow<'_>,
) -> Result<(), Error> {
    let mut record: ByIdRecord = decode(bytes)?;
    let columns: C::Record = decode(&record.columns)?;
    if let Some(places) = &record.places {
        record.ids = places.ids(&record.ids, list)?;
    }
    let (ids, []) = record.ids.as_chunks::<16>() else {
        return Err(cut());
    };
    let mut read = C::reader(collection, &columns, ids)?;
    let mut removed = record.removed.iter().copied().peekable();
    for (place, id) in (0..).zip(ids) {
        let id = Uuid::from_bytes(*id);
        take(match removed.next_if_eq(&place) {
            Some(_) => Row::Removed(id),
            None => Row::Put(read(ObjectId(id))?),
        })?;
    }
    match removed.next() {
        None => Ok(()),
        Some(_) => Err(cut()),
    }
}
