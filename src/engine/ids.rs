//! Object ids: a column, and the way back from an id to its row.

use uuid::Uuid;

use crate::domain::ids::ObjectId;

use super::chunked::Chunked;
use super::heap::{Heap, Parts};
use super::lookup::Lookup;

/// The id of every row.
#[derive(Clone, Default)]
pub(super) struct Ids {
    column: Chunked<Uuid>,
    rows: Lookup,
}

impl Ids {
    /// The id of a row in use.
    pub(super) fn get(&self, row: u32) -> ObjectId {
        ObjectId(self.column.get(row as usize).copied().unwrap_or_default())
    }

    pub(super) fn find(&self, id: ObjectId) -> Option<u32> {
        self.rows
            .find(self.rows.hash(&id), |row| self.get(row) == id)
    }

    /// Gives a row its id, which no other row has.
    pub(super) fn add(&mut self, row: u32, id: ObjectId) {
        self.column.set(row as usize, id.0);
        self.rows.insert(self.rows.hash(&id), row);
    }

    /// Forgets the id of a row. The column keeps it until the row is used again.
    pub(super) fn remove(&mut self, row: u32) {
        let hash = self.rows.hash(&self.get(row));
        self.rows.remove(hash, row);
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.column.shrink();
        self.rows.shrink();
    }
}

impl Heap for Ids {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.column.heap(parts) + self.rows.heap(parts)
    }
}
