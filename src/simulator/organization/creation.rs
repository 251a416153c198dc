//! Accounts in the order of `createdDateTime`: a page of those made between two instants is cut out
//! without looking at everybody.

use std::ops::Range;

use super::person::creation_of;

/// All accounts that ever were, by when they were made as far as Microsoft knows.
pub(crate) struct CreationOrder {
    /// Instant and number, ascending.
    dated: Vec<(i64, u64)>,
    /// Numbers of those without a date, ascending.
    undated: Vec<u64>,
    /// One past the highest number in it.
    pub(super) end: u64,
}

impl CreationOrder {
    pub(super) fn new(seed: u64, end: u64) -> Self {
        let (mut dated, mut undated) = (Vec::new(), Vec::new());
        for index in 0..end {
            match creation_of(seed, index).known {
                Some(at) => dated.push((at, index)),
                None => undated.push(index),
            }
        }
        dated.sort_unstable();
        Self {
            dated,
            undated,
            end,
        }
    }

    /// The places of those made from `from` to `until`, both included.
    pub(crate) fn between(&self, from: i64, until: i64) -> Range<usize> {
        let start = self.dated.partition_point(|&(at, _)| at < from);
        let end = self.dated.partition_point(|&(at, _)| at <= until);
        start..end.max(start)
    }

    /// The place of an account that has a date.
    pub(crate) fn place_of(&self, at: i64, index: u64) -> usize {
        self.dated.partition_point(|&entry| entry < (at, index))
    }

    /// The number of the account at a place.
    pub(crate) fn at(&self, place: usize) -> Option<u64> {
        self.dated.get(place).map(|&(_, index)| index)
    }

    /// The numbers of those without a date, ascending.
    pub(crate) fn undated(&self) -> &[u64] {
        &self.undated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_in_one_span_or_without_a_date() {
        let order = CreationOrder::new(5, 3000);
        let middle = 1_500_000_000;
        let before = order.between(i64::MIN, middle);
        let after = order.between(middle + 1, i64::MAX);
        assert_eq!(before.end, after.start);
        assert!(before.len() > 500 && after.len() > 500);
        assert_eq!(before.len() + after.len() + order.undated().len(), 3000);
        assert!(order.undated().len() > 50);
    }

    #[test]
    fn both_ends_of_a_span_are_in_it() {
        let order = CreationOrder::new(5, 300);
        let (at, index) = order.dated[150];
        let span = order.between(at, at);
        assert!(span.contains(&150));
        assert_eq!(order.place_of(at, index), 150);
        assert_eq!(order.at(150), Some(index));
        assert!(order.between(at, at - 1).is_empty());
    }
}
