//! Values that many rows have, each kept once and named by a code.
//!
//! Codes are never given anew, so an index and the drafts on top of it agree on what a code means.

use std::borrow::Borrow;
use std::hash::Hash;

use super::super::chunked::Chunked;
use super::super::heap::{Heap, Parts};
use super::super::lookup::Lookup;

/// Values by code.
#[derive(Clone)]
pub(super) struct Interned<T> {
    values: Chunked<T, 256>,
    codes: Lookup,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self {
            values: Chunked::default(),
            codes: Lookup::default(),
        }
    }
}

impl<T: Clone + Default> Interned<T> {
    pub(super) fn get(&self, code: u32) -> Option<&T> {
        self.values.get(code as usize)
    }

    /// The code of a value that has one.
    pub(super) fn find<Q>(&self, value: &Q) -> Option<u32>
    where
        T: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let is_it = |code| self.get(code).is_some_and(|own| own.borrow() == value);
        self.codes.find(self.codes.hash(value), is_it)
    }

    /// The code of a value, made if it is new.
    pub(super) fn code<Q>(&mut self, value: &Q, make: impl FnOnce(&Q) -> T) -> u32
    where
        T: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(code) = self.find(value) {
            return code;
        }
        let code = self.values.push(make(value)) as u32; // Fewer than facts ever told.
        self.codes.insert(self.codes.hash(value), code);
        code
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.values.shrink();
        self.codes.shrink();
    }
}

impl<T: Heap> Heap for Interned<T> {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.values.heap(parts) + self.codes.heap(parts)
    }
}
