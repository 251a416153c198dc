//! Where the parts of one buffer end: in two bytes each, as long as that is enough.

use super::fit::fit;
use super::heap::{Heap, Parts};

/// The ends of parts that stand one behind the other. They never fall.
#[derive(Clone)]
pub(super) enum Ends {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

/// The same, borrowed: who holds it need not go by way of [`Ends`] again.
#[derive(Clone, Copy)]
pub(super) enum EndList<'a> {
    Narrow(&'a [u16]),
    Wide(&'a [u32]),
}

impl Default for EndList<'_> {
    fn default() -> Self {
        Self::Narrow(&[])
    }
}

impl EndList<'_> {
    fn get(self, at: usize) -> Option<usize> {
        match self {
            Self::Narrow(ends) => ends.get(at).map(|end| usize::from(*end)),
            Self::Wide(ends) => ends.get(at).map(|end| *end as usize),
        }
    }

    /// Where a part begins and ends in a buffer of a length; those behind the last part have no bytes.
    pub(super) fn bounds(self, at: usize, length: usize) -> (usize, usize) {
        let end_of = |at: usize| self.get(at).unwrap_or(length);
        (at.checked_sub(1).map_or(0, end_of), end_of(at))
    }
}

impl Default for Ends {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

impl Ends {
    /// All ends at once.
    pub(super) fn of(ends: &[u32]) -> Self {
        let narrow = ends.iter().map(|end| u16::try_from(*end));
        match narrow.collect() {
            Ok(ends) => Self::Narrow(ends),
            Err(_) => Self::Wide(ends.to_vec()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Narrow(ends) => ends.len(),
            Self::Wide(ends) => ends.len(),
        }
    }

    /// Where a part ends; `None` behind the last.
    pub(super) fn get(&self, at: usize) -> Option<usize> {
        self.list().get(at)
    }

    /// The ends as they lie in memory.
    pub(super) fn list(&self) -> EndList<'_> {
        match self {
            Self::Narrow(ends) => EndList::Narrow(ends),
            Self::Wide(ends) => EndList::Wide(ends),
        }
    }

    /// How many parts end at a byte or before it.
    pub(super) fn count_until(&self, byte: usize) -> usize {
        match self {
            Self::Narrow(ends) => ends.partition_point(|end| usize::from(*end) <= byte),
            Self::Wide(ends) => ends.partition_point(|end| *end as usize <= byte),
        }
    }

    /// Makes room for so many in all, where there is none at all.
    pub(super) fn reserve_first(&mut self, count: usize) {
        if let Self::Narrow(ends) = self
            && ends.capacity() == 0
        {
            ends.reserve_exact(count);
        }
    }

    /// Adds empty parts behind the last until there are so many; all bytes there are is `last`.
    pub(super) fn grow(&mut self, count: usize, last: usize) {
        if self.len() < count {
            self.make_fit(last);
            match self {
                Self::Narrow(ends) => ends.resize(count, last as u16), // It fits.
                Self::Wide(ends) => ends.resize(count, last as u32), // Buffers are far below 4 GB.
            }
        }
    }

    /// Moves the ends of a part and of all behind it, in which bytes were replaced by others.
    pub(super) fn shift(&mut self, at: usize, old: usize, new: usize) {
        let last = self.len().checked_sub(1).and_then(|last| self.get(last));
        self.make_fit(last.unwrap_or(0) - old + new);
        match self {
            // They fit, and each is at least the length of what was before it.
            Self::Narrow(ends) => {
                for end in &mut ends[at..] {
                    *end = (usize::from(*end) - old + new) as u16;
                }
            }
            Self::Wide(ends) => {
                for end in &mut ends[at..] {
                    *end = (*end as usize - old + new) as u32;
                }
            }
        }
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        match self {
            Self::Narrow(ends) => fit(ends),
            Self::Wide(ends) => fit(ends),
        }
    }

    fn make_fit(&mut self, largest: usize) {
        if let (Self::Narrow(ends), Err(_)) = (&*self, u16::try_from(largest)) {
            *self = Self::Wide(ends.iter().map(|end| u32::from(*end)).collect());
        }
    }
}

impl Heap for Ends {
    fn heap(&self, parts: &mut Parts) -> usize {
        match self {
            Self::Narrow(ends) => ends.heap(parts),
            Self::Wide(ends) => ends.heap(parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(ends: &Ends) -> Vec<usize> {
        (0..ends.len()).filter_map(|at| ends.get(at)).collect()
    }

    #[test]
    fn ends_widen_when_two_bytes_are_not_enough_and_stay_what_they_were() {
        let mut ends = Ends::default();
        ends.grow(3, 0);
        ends.shift(1, 0, 65_535);
        assert!(matches!(ends, Ends::Narrow(_)));
        ends.shift(0, 0, 1);
        assert!(matches!(ends, Ends::Wide(_)));
        ends.grow(5, 65_536);
        ends.shift(3, 0, 7);
        ends.shift(1, 65_535, 5);
        assert_eq!(all(&ends), [1, 6, 6, 13, 13]);
        assert_eq!(ends.get(5), None);
        assert_eq!(
            [0, 1, 5, 6, 13].map(|byte| ends.count_until(byte)),
            [0, 1, 1, 3, 5]
        );
    }
}
