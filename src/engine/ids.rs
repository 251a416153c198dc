//! Object ids: a column, and the way back from an id to its row.

use uuid::Uuid;

use crate::domain::ids::ObjectId;

use super::chunked::{Chunked, split_row};
use super::heap::{Heap, Parts};
use super::lookup::Lookup;

/// The id of every row.
#[derive(Clone, Default)]
pub(super) struct Ids {
    column: Chunked<Uuid>,
    rows: Lookup,
}

/// Where one row's id is to be looked up: what its chunk has at hand.
#[derive(Clone, Copy)]
pub(super) struct IdCell<'a> {
    ids: &'a [Uuid],
    at: usize,
}

impl IdCell<'_> {
    pub(super) fn id(self) -> ObjectId {
        ObjectId(self.ids.get(self.at).copied().unwrap_or_default())
    }
}

impl Ids {
    /// Where a row's id is to be looked up.
    pub(super) fn cell(&self, row: u32) -> IdCell<'_> {
        let (chunk, at) = split_row(row);
        IdCell {
            ids: self.column.chunk(chunk),
            at,
        }
    }

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

    /// Gives rows behind the last their ids, of which none is found before [`Self::look_up_all`].
    pub(super) fn append(&mut self, ids: impl Iterator<Item = ObjectId>) {
        for id in ids {
            self.column.push(id.0);
        }
    }

    /// Makes the ids of all rows findable, where none was; answers the rows whose id has a row before
    /// them, which are not found.
    pub(super) fn look_up_all(&mut self) -> Vec<u32> {
        let rows = 0..self.column.len() as u32; // Rows have four bytes.
        let hashed = rows
            .map(|row| (self.rows.hash(&self.get(row)), row))
            .collect();
        let (found, others) = self
            .rows
            .filled(hashed, |one, other| self.get(one) == self.get(other));
        self.rows = found;
        others
    }

    /// Forgets the id of a row. The column keeps it until the row is used again.
    pub(super) fn remove(&mut self, row: u32) {
        let hash = self.rows.hash(&self.get(row));
        self.rows.remove(hash, row);
    }

    /// Brings the rows in use into another order: `rows` names them, `number_of` what each becomes.
    pub(super) fn arrange(&mut self, rows: &[u32], number_of: impl Fn(u32) -> u32) {
        self.column = self.column.arranged(rows);
        self.rows.renumber(number_of);
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
