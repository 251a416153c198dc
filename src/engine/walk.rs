//! Finding the next selected rows of a tenant in an order.
//!
//! A dense selection is met soon by walking the sorted order and testing bits; of a sparse one it is
//! cheaper to take all rows and keep the smallest. If selected rows lay evenly among the others, their
//! number would tell which it is. Where they do not, a walk may cost as much as the gathering would, and
//! then the rows are gathered: so it is at most twice the better.

use std::cmp::Ordering;

use crate::domain::filter::{OrderDirection, UserOrder};
use crate::domain::ids::TenantKey;

use super::bits::ones;
use super::labels::Labels;
use super::order::{Place, SortedRows};
use super::orders::{LABELED, Order};
use super::position::{Position, compare_rows};
use super::rows::Rows;
use super::users::Users;

/// What one row of a walk costs: a test of a bit somewhere.
const STEPS_PER_ROW: u64 = 2;
/// What finding the end of a run of equal keys costs.
const STEPS_PER_RUN: u64 = 32;
/// What gathering a selected row costs: reading and comparing its keys.
const STEPS_PER_GATHERED: u64 = 48;
/// What gathering costs for each word that has selected rows, where rows have labels.
const STEPS_PER_WORD: u64 = 2;
/// What it costs there besides for each row that is wanted.
const STEPS_PER_LABELED: u64 = 8;
/// What a walk may cost in any case.
const STEPS_MIN: u64 = 1024;

/// Which way rows are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Toward {
    End,
    Start,
}

impl Toward {
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::End => Self::Start,
            Self::Start => Self::End,
        }
    }
}

/// Where to begin.
#[derive(Clone, Copy)]
pub(super) struct Begin<'a> {
    pub(super) position: &'a Position,
    /// Whether a row that stands there is looked for too.
    pub(super) is_included: bool,
}

/// The selected rows of one tenant in an order.
pub(super) struct Walk<'a> {
    pub(super) users: &'a Users,
    pub(super) tenant: &'a TenantKey,
    pub(super) rows: &'a Rows,
    /// At least one.
    pub(super) orders: &'a [UserOrder],
}

/// What was found, how much is wanted, and what finding it may still cost.
struct Search {
    toward: Toward,
    found: Vec<u32>,
    need: usize,
    steps: u64,
}

impl Search {
    /// `None` when it has cost too much.
    fn spend(&mut self, steps: u64) -> Option<()> {
        self.steps = self.steps.checked_sub(steps)?;
        Some(())
    }

    fn is_done(&self) -> bool {
        self.found.len() >= self.need
    }
}

impl Walk<'_> {
    /// The next selected rows, at most `need`, in the order in which they are met.
    pub(super) fn ahead(&self, toward: Toward, begin: Option<Begin<'_>>, need: usize) -> Vec<u32> {
        let count = self.rows.count();
        if count == 0 || need == 0 {
            return Vec::new();
        }
        if !self.is_sorted() {
            return self.gathered(toward, begin, need);
        }
        let wanted = need as u64;
        let steps = match self.labels() {
            Some(_) => {
                self.rows.word_count() * STEPS_PER_WORD + wanted.min(count) * STEPS_PER_LABELED
            }
            None => count * STEPS_PER_GATHERED,
        };
        let steps = steps.max(STEPS_MIN);
        let met = wanted.saturating_mul(u64::from(self.users.live().len())) / count;
        let walked = match met.saturating_mul(STEPS_PER_ROW) <= steps {
            true => self.walked(toward, begin, need, steps),
            false => None,
        };
        walked.unwrap_or_else(|| self.gathered(toward, begin, need))
    }

    /// Whether the order that comes first is kept.
    fn is_sorted(&self) -> bool {
        let order = |order: &UserOrder| self.users.orders().get(order.field);
        self.orders.first().map(order).is_some_and(Order::is_made)
    }

    /// The labels of the rows, where they sort as is asked for.
    fn labels(&self) -> Option<&Labels> {
        let sorts = matches!(
            self.orders,
            [UserOrder {
                field: LABELED,
                direction: OrderDirection::Ascending
            }]
        );
        sorts.then(|| self.users.orders().labels())
    }

    /// The same by walking the sorted order; `None` when it costs more than so many steps.
    pub(super) fn walked(
        &self,
        toward: Toward,
        begin: Option<Begin<'_>>,
        need: usize,
        steps: u64,
    ) -> Option<Vec<u32>> {
        let mut search = Search {
            toward,
            found: Vec::new(),
            need,
            steps,
        };
        self.walk(&mut search, begin)?;
        Some(search.found)
    }

    /// The same by looking at every selected row.
    pub(super) fn gathered(
        &self,
        toward: Toward,
        begin: Option<Begin<'_>>,
        need: usize,
    ) -> Vec<u32> {
        if let Some(labels) = self.labels() {
            return self.gathered_by_label(labels, toward, begin, need);
        }
        let rows = self.rows.iter();
        let beyond = rows.filter(|row| self.is_beyond(toward, begin, *row));
        smallest(beyond, need, |left, right| {
            self.compare(toward, left, right)
        })
    }

    fn gathered_by_label(
        &self,
        labels: &Labels,
        toward: Toward,
        begin: Option<Begin<'_>>,
        need: usize,
    ) -> Vec<u32> {
        // Labels as they grow along the way.
        let label = |row| match toward {
            Toward::End => labels.get(row),
            Toward::Start => !labels.get(row),
        };
        // A row stands beyond the beginning if it stands behind the last one that does not.
        let last = begin.and_then(|begin| self.last_not_beyond(toward, begin));
        let last = last.map(label);
        let mut smallest = Smallest::new(need, |left: (u32, u32), right| left.cmp(&right));
        for (first, word) in self.rows.words() {
            let bounds = labels.bounds(first);
            let (low, high) = match toward {
                Toward::End => (*bounds.start(), *bounds.end()),
                Toward::Start => (!bounds.end(), !bounds.start()),
            };
            if Some(high) <= last || smallest.is_full_below((low, first)) {
                continue;
            }
            for row in ones(&[word]).map(|place| first + place) {
                let label = label(row);
                if Some(label) > last {
                    smallest.offer((label, row));
                }
            }
        }
        let found = smallest.into_sorted().into_iter();
        found.map(|(_, row)| row).collect()
    }

    /// The row of the tenant, selected or not, that is met last of those before the beginning; `None`
    /// where all are behind it.
    fn last_not_beyond(&self, toward: Toward, begin: Begin<'_>) -> Option<u32> {
        let order = self.users.orders().get(LABELED);
        let (present, absent) = (&order.present, &order.absent);
        let has_key = begin.position.first_key().is_some();
        let list = if has_key { present } else { absent };
        let is_beyond = |row| self.is_beyond(toward, Some(begin), row);
        match toward {
            Toward::End => {
                let last = list.row_before(list.partition(|row| !is_beyond(row)));
                last.or_else(|| present.row_before(present.end()).filter(|_| !has_key))
            }
            Toward::Start => {
                let last = list.row_behind(list.partition(is_beyond));
                last.or_else(|| absent.row_behind(absent.start()).filter(|_| has_key))
            }
        }
    }

    fn walk(&self, search: &mut Search, begin: Option<Begin<'_>>) -> Option<()> {
        let order = self.users.orders().get(self.orders.first()?.field);
        let lists = match search.toward {
            Toward::End => [(&order.present, true), (&order.absent, false)],
            Toward::Start => [(&order.absent, false), (&order.present, true)],
        };
        let begins_in = begin.map(|begin| begin.position.first_key().is_some());
        let is_past_first = begins_in.is_some_and(|has_keys| has_keys != lists[0].1);
        for (list, has_keys) in lists.into_iter().skip(usize::from(is_past_first)) {
            let here = begin.filter(|_| begins_in == Some(has_keys));
            if !has_keys {
                self.walk_absent(search, list, here)?;
            } else if self.orders.len() == 1
                && self.keys_rise(search.toward) == (search.toward == Toward::End)
            {
                let range = self.narrowed(search.toward, list, (list.start(), list.end()), here);
                self.take_sorted(search, list, range, here)?;
            } else {
                self.walk_runs(search, list, here)?;
            }
            if search.is_done() {
                break;
            }
        }
        Some(())
    }

    /// Rows without a value are one run, sorted by id.
    fn walk_absent(
        &self,
        search: &mut Search,
        list: &SortedRows,
        begin: Option<Begin<'_>>,
    ) -> Option<()> {
        let range = (list.start(), list.end());
        if self.orders.len() > 1 {
            return self.take_unsorted(search, list, range, begin);
        }
        let range = self.narrowed(search.toward, list, range, begin);
        self.take_sorted(search, list, range, begin)
    }

    /// Goes from one run of equal keys to the next: inside a run, rows do not stand as the list has
    /// them.
    fn walk_runs(
        &self,
        search: &mut Search,
        list: &SortedRows,
        begin: Option<Begin<'_>>,
    ) -> Option<()> {
        let field = self.orders.first()?.field;
        let key = |row| self.users.key(field, row);
        let wanted = begin.map(|begin| begin.position.first_key());
        let rises = self.keys_rise(search.toward);
        let mut rest = (list.start(), list.end());
        match wanted {
            Some(wanted) if rises => rest.0 = list.partition(|row| key(row) < wanted),
            Some(wanted) => rest.1 = list.partition(|row| key(row) <= wanted),
            None => {}
        }
        while rest.0 < rest.1 && !search.is_done() {
            let row = if rises {
                list.row_behind(rest.0)?
            } else {
                list.row_before(rest.1)?
            };
            if !self.rows.contains(row) {
                // Only a run that has a selected row needs to be known.
                search.spend(STEPS_PER_ROW)?;
                if rises {
                    rest.0 = list.after(rest.0);
                } else {
                    rest.1 = list.before(rest.1);
                }
                continue;
            }
            search.spend(STEPS_PER_RUN)?;
            // Most runs are a single row; only a longer one is searched for its other end.
            let run = if rises {
                let next = list.after(rest.0);
                let is_longer = list
                    .row_behind(next)
                    .is_some_and(|other| key(other) == key(row));
                (
                    rest.0,
                    if is_longer {
                        list.partition(|other| key(other) <= key(row))
                    } else {
                        next
                    },
                )
            } else {
                let previous = list.before(rest.1);
                let is_longer = list
                    .row_before(previous)
                    .is_some_and(|other| key(other) == key(row));
                (
                    if is_longer {
                        list.partition(|other| key(other) < key(row))
                    } else {
                        previous
                    },
                    rest.1,
                )
            };
            let here = begin.filter(|_| wanted == Some(key(row)));
            if self.orders.len() == 1 {
                let range = self.narrowed(search.toward, list, run, here);
                self.take_sorted(search, list, range, here)?;
            } else {
                self.take_unsorted(search, list, run, here)?;
            }
            if rises {
                rest.0 = run.1;
            } else {
                rest.1 = run.0;
            }
        }
        Some(())
    }

    /// The part of a range that is not before the beginning. The range must be sorted, first by the
    /// only order and then by id, in the direction of the walk.
    fn narrowed(
        &self,
        toward: Toward,
        list: &SortedRows,
        range: (Place, Place),
        begin: Option<Begin<'_>>,
    ) -> (Place, Place) {
        let (Some(begin), Some(order)) = (begin, self.orders.first()) else {
            return range;
        };
        let wanted = (begin.position.first_key(), begin.position.object_id());
        let stands =
            |row| (self.users.key(order.field, row), self.users.object_id(row)).cmp(&wanted);
        match toward {
            Toward::End => (
                range.0.max(list.partition(|row| stands(row).is_lt())),
                range.1,
            ),
            Toward::Start => (
                range.0,
                range.1.min(list.partition(|row| stands(row).is_le())),
            ),
        }
    }

    /// Takes the selected rows of a range as they stand.
    fn take_sorted(
        &self,
        search: &mut Search,
        list: &SortedRows,
        range: (Place, Place),
        begin: Option<Begin<'_>>,
    ) -> Option<()> {
        // Of what a beginning leaves only the row that stands there may not be meant.
        let is_meant = |row| {
            begin.is_none_or(|begin| {
                self.users.object_id(row) != begin.position.object_id()
                    || self.is_beyond(search.toward, Some(begin), row)
            })
        };
        let mut rows = list.between(range.0, range.1);
        let mut found = std::mem::take(&mut search.found);
        let mut steps = search.steps;
        while found.len() < search.need {
            let next = match search.toward {
                Toward::End => rows.next(),
                Toward::Start => rows.next_back(),
            };
            let Some(row) = next else { break };
            steps = steps.checked_sub(STEPS_PER_ROW)?;
            if self.rows.contains(row) && is_meant(row) {
                found.push(row);
            }
        }
        search.found = found;
        search.steps = steps;
        Some(())
    }

    /// Takes the selected rows of a run, sorted by what the list is not sorted by.
    fn take_unsorted(
        &self,
        search: &mut Search,
        list: &SortedRows,
        run: (Place, Place),
        begin: Option<Begin<'_>>,
    ) -> Option<()> {
        let toward = search.toward;
        let mut met = Vec::new();
        for row in list.between(run.0, run.1) {
            search.spend(STEPS_PER_ROW)?;
            if self.rows.contains(row) {
                search.spend(STEPS_PER_GATHERED)?;
                met.push(row);
            }
        }
        let beyond = met
            .into_iter()
            .filter(|row| self.is_beyond(toward, begin, *row));
        let need = search.need - search.found.len();
        search.found.extend(smallest(beyond, need, |left, right| {
            self.compare(toward, left, right)
        }));
        Some(())
    }

    /// Whether keys of the first order grow along the way.
    fn keys_rise(&self, toward: Toward) -> bool {
        let ascends = self
            .orders
            .first()
            .is_none_or(|order| order.direction == OrderDirection::Ascending);
        ascends == (toward == Toward::End)
    }

    fn is_beyond(&self, toward: Toward, begin: Option<Begin<'_>>, row: u32) -> bool {
        let Some(begin) = begin else {
            return true;
        };
        match (
            begin.position.compare_row(self.users, row, self.tenant),
            toward,
        ) {
            (Ordering::Equal, _) => begin.is_included,
            (ordering, Toward::End) => ordering.is_gt(),
            (ordering, Toward::Start) => ordering.is_lt(),
        }
    }

    fn compare(&self, toward: Toward, left: u32, right: u32) -> Ordering {
        match toward {
            Toward::End => compare_rows(self.users, self.orders, left, right),
            Toward::Start => compare_rows(self.users, self.orders, right, left),
        }
    }
}

/// The smallest `need` of some rows, sorted.
fn smallest<T: Copy>(
    rows: impl Iterator<Item = T>,
    need: usize,
    compare: impl Fn(T, T) -> Ordering,
) -> Vec<T> {
    let mut smallest = Smallest::new(need, compare);
    rows.for_each(|row| smallest.offer(row));
    smallest.into_sorted()
}

/// The smallest `need` of what was offered. Holds at most twice as many at a time.
struct Smallest<T, C> {
    kept: Vec<T>,
    need: usize,
    /// Whatever is not smaller is not among them.
    bound: Option<T>,
    compare: C,
}

impl<T: Copy, C: Fn(T, T) -> Ordering> Smallest<T, C> {
    fn new(need: usize, compare: C) -> Self {
        Self {
            kept: Vec::new(),
            need,
            bound: None,
            compare,
        }
    }

    /// Whether there are enough that are smaller than this.
    fn is_full_below(&self, value: T) -> bool {
        let bound = self.bound;
        bound.is_some_and(|bound| (self.compare)(value, bound).is_ge())
    }

    fn offer(&mut self, value: T) {
        if self.is_full_below(value) {
            return;
        }
        self.kept.push(value);
        if self.need > 0 && self.kept.len() >= self.need.saturating_mul(2) {
            let by = |left: &T, right: &T| (self.compare)(*left, *right);
            let (_, at, _) = self.kept.select_nth_unstable_by(self.need - 1, by);
            self.bound = Some(*at);
            self.kept.truncate(self.need);
        }
    }

    fn into_sorted(mut self) -> Vec<T> {
        self.kept
            .sort_unstable_by(|left, right| (self.compare)(*left, *right));
        self.kept.truncate(self.need);
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_rows_are_found_in_any_sequence() {
        let rows = |count: u32| (0..count).map(move |row| row * 7919 % count);
        for (count, need) in [(0, 3), (5, 3), (1009, 1), (1009, 50), (1009, 2000), (10, 0)] {
            let expected: Vec<u32> = (0..count).take(need).collect();
            assert_eq!(
                smallest(rows(count), need, |left, right| left.cmp(&right)),
                expected,
                "{need} of {count}"
            );
        }
    }
}
