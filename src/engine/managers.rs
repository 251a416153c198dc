//! Who the manager of each row is. Few people manage many, so an id is kept once.

use uuid::Uuid;

use crate::domain::ids::ObjectId;

use super::chunked::Chunked;
use super::heap::{Heap, Parts};
use super::lookup::Lookup;

/// The managers of all rows.
#[derive(Clone, Default)]
pub(super) struct Managers {
    /// 0 for none, else one more than the manager's place in `ids`.
    codes: Chunked<u32>,
    ids: Chunked<Uuid>,
    by_id: Lookup,
}

impl Managers {
    pub(super) fn get(&self, row: u32) -> Option<ObjectId> {
        let place = self.codes.get(row as usize)?.checked_sub(1)?;
        self.ids.get(place as usize).copied().map(ObjectId)
    }

    /// Sets a row's manager; false when it is that already.
    pub(super) fn set(&mut self, row: u32, manager: Option<ObjectId>) -> bool {
        if self.get(row) == manager {
            return false;
        }
        let code = manager.map_or(0, |manager| self.code(manager));
        self.codes.set(row as usize, code)
    }

    /// Brings the rows into another order.
    pub(super) fn arrange(&mut self, rows: &[u32]) {
        self.codes = self.codes.arranged(rows);
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.codes.shrink();
        self.ids.shrink();
        self.by_id.shrink();
    }

    fn code(&mut self, manager: ObjectId) -> u32 {
        let hash = self.by_id.hash(&manager);
        let is_it = |place| self.ids.get(place as usize) == Some(&manager.0);
        if let Some(place) = self.by_id.find(hash, is_it) {
            return place + 1;
        }
        let place = self.ids.push(manager.0) as u32; // Fewer than users ever merged.
        self.by_id.insert(hash, place);
        place + 1
    }
}

impl Heap for Managers {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.codes.heap(parts) + self.ids.heap(parts) + self.by_id.heap(parts)
    }
}
