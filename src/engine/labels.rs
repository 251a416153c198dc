//! A number for each row that sorts as an order does.
//!
//! A page of a sparse selection needs its rows in order. Comparing their texts reads a place in memory
//! for every one of them; a number costs four bytes a row, and those of neighboring rows lie together.
//!
//! Numbers have gaps, so that a row finds one between its neighbors when it moves. When a gap is used
//! up, all rows are numbered anew.
//!
//! A page is made of few of the rows that are selected. So that not all have to be looked at, it is known
//! of every 64 of them between which numbers theirs are, and those that cannot matter are passed over.

use std::ops::RangeInclusive;

use super::chunked::Chunked;
use super::heap::{Heap, Parts};
use super::order::{Place, SortedRows};

/// One more than the largest number.
const END: u64 = 1 << 32;

/// Rows that share their bounds: those of a word of a set.
const BOUNDED_ROWS: u32 = 64;

/// Numbers of the rows of two lists, the second behind the first.
#[derive(Clone, Default)]
pub(super) struct Labels {
    of_rows: Chunked<u32>,
    /// By [`BOUNDED_ROWS`]. Where nothing is kept, the widest.
    bounds: Chunked<Bounds>,
}

/// Between which numbers those of some rows are. Numbers that rows had may be among them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Bounds {
    smallest: u32,
    /// How far the largest is below the largest of all numbers.
    largest_below: u32,
}

impl Bounds {
    fn of(label: u32) -> Self {
        Self {
            smallest: label,
            largest_below: !label,
        }
    }

    fn with(self, other: Self) -> Self {
        Self {
            smallest: self.smallest.min(other.smallest),
            largest_below: self.largest_below.min(other.largest_below),
        }
    }
}

/// A row that has no number yet, or one that is no longer right.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unlabeled {
    /// Of which list, the first or the second.
    pub(super) list: usize,
    /// Where the row stands there.
    pub(super) place: Place,
    pub(super) row: u32,
}

impl Labels {
    /// The number of a row of the lists.
    pub(super) fn get(&self, row: u32) -> u32 {
        self.of_rows.get(row as usize).copied().unwrap_or_default()
    }

    /// Between which numbers those of 64 rows are, from a multiple of 64 on.
    pub(super) fn bounds(&self, row: u32) -> RangeInclusive<u32> {
        let bounds = self.bounds_at(row);
        bounds.smallest..=!bounds.largest_below
    }

    fn bounds_at(&self, row: u32) -> Bounds {
        let bounds = self.bounds.get((row / BOUNDED_ROWS) as usize);
        bounds.copied().unwrap_or_default()
    }

    /// Numbers all rows of the lists, as far apart as there is room; `rows` is above each of them.
    pub(super) fn of(lists: [&SortedRows; 2], rows: u32) -> Self {
        let gap = END / (u64::from(rows) + 1);
        let mut labels = vec![0; rows as usize];
        let in_order = lists
            .into_iter()
            .flat_map(|list| list.between(list.start(), list.end()));
        for (place, row) in (1..).zip(in_order) {
            labels[row as usize] = label(place * gap);
        }
        let bounds = labels.chunks(BOUNDED_ROWS as usize).map(|labels| {
            // Rows that are in no list have none.
            let of_each = labels.iter().filter(|label| **label > 0);
            let bounds = of_each.map(|label| Bounds::of(*label));
            bounds.reduce(Bounds::with).unwrap_or_default()
        });
        Self {
            bounds: Chunked::of(&bounds.collect::<Vec<_>>()),
            of_rows: Chunked::of(&labels),
        }
    }

    fn set(&mut self, row: u32, label: u32) {
        self.of_rows.set(row as usize, label);
        let bounds = self.bounds_at(row).with(Bounds::of(label));
        self.bounds.set((row / BOUNDED_ROWS) as usize, bounds);
    }

    /// Numbers rows that are new in the lists or stand elsewhere than before.
    pub(super) fn update(
        &mut self,
        lists: [&SortedRows; 2],
        rows: u32,
        mut unlabeled: Vec<Unlabeled>,
    ) {
        unlabeled.sort_unstable();
        let mut rest = unlabeled.as_slice();
        while let Some(first) = rest.first() {
            let follows = |pair: &[Unlabeled]| match pair {
                [one, next] => before(lists, next) == Some(one.row),
                _ => false,
            };
            // Neighbors that have no numbers share the gap between those that have.
            let length = 1 + rest.windows(2).take_while(|pair| follows(pair)).count();
            let (run, behind) = rest.split_at(length);
            rest = behind;
            let low = before(lists, first).map_or(0, |row| u64::from(self.get(row)));
            let high = run.last().and_then(|last| after(lists, last));
            let high = high.map_or(END, |row| u64::from(self.get(row)));
            let gap = high.saturating_sub(low) / (length as u64 + 1);
            if gap == 0 {
                *self = Self::of(lists, rows);
                return;
            }
            for (place, unlabeled) in (1..).zip(run) {
                self.set(unlabeled.row, label(low + place * gap));
            }
        }
    }
}

/// A number below [`END`] as it is kept.
fn label(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The row before one of two lists.
fn before(lists: [&SortedRows; 2], here: &Unlabeled) -> Option<u32> {
    let list = lists[here.list];
    match list.row_before(here.place) {
        None if here.list == 1 => lists[0].row_before(lists[0].end()),
        row => row,
    }
}

/// The row behind one of two lists.
fn after(lists: [&SortedRows; 2], here: &Unlabeled) -> Option<u32> {
    let list = lists[here.list];
    match list.row_behind(list.after(here.place)) {
        None if here.list == 0 => lists[1].row_behind(lists[1].start()),
        row => row,
    }
}

impl Heap for Bounds {
    fn heap(&self, _: &mut Parts) -> usize {
        0
    }
}

impl Heap for Labels {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.of_rows.heap(parts) + self.bounds.heap(parts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_order(lists: [&SortedRows; 2]) -> Vec<u32> {
        lists
            .into_iter()
            .flat_map(|list| list.between(list.start(), list.end()))
            .collect()
    }

    #[track_caller]
    fn check(labels: &Labels, lists: [&SortedRows; 2]) {
        let rows = in_order(lists);
        assert!(
            rows.is_sorted_by(|one, next| labels.get(*one) < labels.get(*next)),
            "{:?}",
            rows.iter().map(|row| labels.get(*row)).collect::<Vec<_>>()
        );
        for row in rows {
            assert!(labels.bounds(row).contains(&labels.get(row)), "{row}");
        }
    }

    /// Rows sorted by their remainder, then by row: rows of even remainder first.
    struct Sorted {
        lists: [SortedRows; 2],
        labels: Labels,
    }

    impl Sorted {
        fn key(row: u32) -> (u32, u32) {
            (row % 97, row)
        }

        fn list(row: u32) -> usize {
            (row % 97 % 2) as usize
        }

        fn place(&mut self, rows: &[u32]) {
            for row in rows {
                let list = &mut self.lists[Self::list(*row)];
                list.insert(*row, |other| Self::key(other).cmp(&Self::key(*row)));
            }
            let lists = [&self.lists[0], &self.lists[1]];
            let unlabeled = rows.iter().map(|row| Unlabeled {
                list: Self::list(*row),
                place: lists[Self::list(*row)]
                    .partition(|other| Self::key(other) < Self::key(*row)),
                row: *row,
            });
            self.labels.update(lists, 10_000, unlabeled.collect());
        }
    }

    proptest! {
        #[test]
        fn numbers_sort_as_the_lists_do(batches in prop::collection::vec(prop::collection::btree_set(0..10_000u32, 1..80), 1..20)) {
            let mut sorted = Sorted { lists: Default::default(), labels: Labels::default() };
            let mut placed = std::collections::BTreeSet::new();
            for batch in batches {
                let new: Vec<u32> = batch.into_iter().filter(|row| placed.insert(*row)).collect();
                sorted.place(&new);
                check(&sorted.labels, [&sorted.lists[0], &sorted.lists[1]]);
            }
        }
    }

    #[test]
    fn a_gap_that_is_used_up_numbers_all_rows_anew() {
        let none = SortedRows::default();
        let mut rows = vec![0, 1];
        let mut labels = Labels::of([&SortedRows::from_sorted(&rows), &none], 100);
        for row in 2..100 {
            // Each right behind the first, so that one gap is halved again and again.
            rows.insert(1, row);
            let list = SortedRows::from_sorted(&rows);
            let place = list.after(list.start());
            let unlabeled = vec![Unlabeled {
                list: 0,
                place,
                row,
            }];
            labels.update([&list, &none], 100, unlabeled);
            check(&labels, [&list, &none]);
        }
    }
}
