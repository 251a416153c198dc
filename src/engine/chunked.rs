//! Persistent arrays: cut in chunks that indexes share until one of them is edited.
//!
//! A clone costs one counter. An edit copies the list of chunks once and then only the chunks that
//! it touches, so what a small sync costs is near the size of what it changed.

use std::sync::Arc;

use super::fit::fit;
use super::heap::{Heap, Parts};

/// Rows of a chunk of a column.
pub(super) const CHUNK_ROWS: usize = 1024;

/// Where a row is: its chunk and its place inside.
pub(super) fn split_row(row: u32) -> (usize, usize) {
    let row = row as usize;
    (row / CHUNK_ROWS, row % CHUNK_ROWS)
}

/// A list of chunks of any make.
pub(super) struct Chunks<C> {
    chunks: Arc<Vec<Arc<C>>>,
}

impl<C> Clone for Chunks<C> {
    fn clone(&self) -> Self {
        Self {
            chunks: Arc::clone(&self.chunks),
        }
    }
}

impl<C> Default for Chunks<C> {
    fn default() -> Self {
        Self {
            chunks: Arc::default(),
        }
    }
}

impl<C> Chunks<C> {
    pub(super) fn len(&self) -> usize {
        self.chunks.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&C> {
        self.chunks.get(index).map(|chunk| &**chunk)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &C> {
        self.chunks.iter().map(|chunk| &**chunk)
    }

    /// The chunks themselves, for whoever adds or removes some in the middle.
    pub(super) fn list_mut(&mut self) -> &mut Vec<Arc<C>> {
        Arc::make_mut(&mut self.chunks)
    }
}

impl<C> FromIterator<C> for Chunks<C> {
    fn from_iter<I: IntoIterator<Item = C>>(chunks: I) -> Self {
        Self {
            chunks: Arc::new(chunks.into_iter().map(Arc::new).collect()),
        }
    }
}

impl<C: Clone + Default> Chunks<C> {
    /// A chunk to change, made if it is not there. Copies it if somebody else holds it too.
    pub(super) fn edit(&mut self, index: usize) -> &mut C {
        let chunks = self.list_mut();
        if chunks.len() <= index {
            chunks.resize_with(index + 1, Arc::default);
        }
        Arc::make_mut(&mut chunks[index])
    }

    /// Lets `shrink` give back the room to spare in every chunk that nobody shares.
    pub(super) fn shrink(&mut self, shrink: impl Fn(&mut C)) {
        let Some(chunks) = Arc::get_mut(&mut self.chunks) else {
            return;
        };
        fit(chunks);
        for chunk in chunks.iter_mut().filter_map(Arc::get_mut) {
            shrink(chunk);
        }
    }
}

impl<C: Heap> Heap for Chunks<C> {
    fn heap(&self, parts: &mut Parts) -> usize {
        parts.shared(&self.chunks)
    }
}

/// An array of values in chunks of `LEN`. What was never set is the default value.
pub(super) struct Chunked<T, const LEN: usize = CHUNK_ROWS> {
    chunks: Chunks<Vec<T>>,
    len: usize,
}

impl<T, const LEN: usize> Clone for Chunked<T, LEN> {
    fn clone(&self) -> Self {
        Self {
            chunks: self.chunks.clone(),
            len: self.len,
        }
    }
}

impl<T, const LEN: usize> Default for Chunked<T, LEN> {
    fn default() -> Self {
        Self {
            chunks: Chunks::default(),
            len: 0,
        }
    }
}

impl<T: Clone + Default, const LEN: usize> Chunked<T, LEN> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / LEN)?.get(index % LEN)
    }

    /// The values of a chunk, as far as they were set.
    pub(super) fn chunk(&self, index: usize) -> &[T] {
        self.chunks.get(index).map_or(&[], Vec::as_slice)
    }

    /// The values in order; without gaps only when they were pushed.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    /// A value to change; what is not there yet becomes the default.
    pub(super) fn edit(&mut self, index: usize) -> &mut T {
        self.len = self.len.max(index + 1);
        let chunk = self.chunks.edit(index / LEN);
        if chunk.len() <= index % LEN {
            chunk.resize_with(index % LEN + 1, T::default);
        }
        &mut chunk[index % LEN]
    }

    /// Adds a value behind the last and says where.
    pub(super) fn push(&mut self, value: T) -> usize {
        let index = self.len;
        *self.edit(index) = value;
        index
    }

    /// The values of some places, one behind the other.
    pub(super) fn arranged(&self, places: &[u32]) -> Self {
        let value = |place: &u32| self.get(*place as usize).cloned().unwrap_or_default();
        let chunk = |places: &[u32]| places.iter().map(value).collect();
        Self {
            chunks: places.chunks(LEN).map(chunk).collect(),
            len: places.len(),
        }
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.chunks.shrink(fit);
    }

    /// The same, after `shrink` has done so inside every value that nobody shares.
    pub(super) fn shrink_each(&mut self, shrink: impl Fn(&mut T)) {
        self.chunks.shrink(|chunk| {
            chunk.iter_mut().for_each(&shrink);
            fit(chunk);
        });
    }
}

impl<T: Clone, const LEN: usize> Chunked<T, LEN> {
    /// All values at once.
    pub(super) fn of(values: &[T]) -> Self {
        Self {
            chunks: values.chunks(LEN).map(<[T]>::to_vec).collect(),
            len: values.len(),
        }
    }
}

impl<T: Clone + Default + PartialEq, const LEN: usize> Chunked<T, LEN> {
    /// Sets all values of a chunk; those behind the last that is not the default are as if never set.
    pub(super) fn set_chunk(&mut self, index: usize, mut values: Vec<T>) {
        let is_set = |value: &T| *value != T::default();
        values.truncate(values.iter().rposition(is_set).map_or(0, |last| last + 1));
        if !values.is_empty() || self.chunks.get(index).is_some() {
            self.len = self.len.max(index * LEN + values.len());
            fit(&mut values);
            *self.chunks.edit(index) = values;
        }
    }

    /// Sets a value; false, and nothing copied, when it is that already.
    pub(super) fn set(&mut self, index: usize, value: T) -> bool {
        let changes = match self.get(index) {
            Some(old) => *old != value,
            None => value != T::default(),
        };
        if changes {
            *self.edit(index) = value;
        }
        changes
    }
}

impl<T: Heap, const LEN: usize> Heap for Chunked<T, LEN> {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.chunks.heap(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_copies_one_chunk_and_leaves_the_older_array_as_it_was() {
        let mut old: Chunked<u32, 4> = Chunked::default();
        for value in 0..20 {
            old.push(value);
        }
        let mut new = old.clone();
        assert!(new.set(9, 90));
        assert_eq!(
            old.iter().copied().collect::<Vec<_>>(),
            (0..20).collect::<Vec<_>>()
        );
        assert_eq!(new.get(9), Some(&90));
        let shared = old
            .chunks
            .iter()
            .zip(new.chunks.iter())
            .filter(|(old, new)| std::ptr::eq(*old, *new))
            .count();
        assert_eq!((shared, new.chunks.len()), (4, 5));
    }

    #[test]
    fn values_are_arranged_as_they_are_asked_for() {
        let values: Chunked<u32, 4> = Chunked::of(&[10, 11, 12, 13, 14, 15]);
        let arranged = values.arranged(&[5, 0, 3, 3, 9, 1]);
        assert_eq!(
            arranged.iter().copied().collect::<Vec<_>>(),
            [15, 10, 13, 13, 0, 11]
        );
        assert_eq!(arranged.len(), 6);
    }

    #[test]
    fn setting_what_is_there_copies_nothing() {
        let mut old: Chunked<u32, 4> = Chunked::default();
        old.push(7);
        let mut new = old.clone();
        assert!(!new.set(0, 7));
        assert!(!new.set(5, 0), "the default is what was never set");
        assert!(Arc::ptr_eq(&old.chunks.chunks, &new.chunks.chunks));
    }
}
