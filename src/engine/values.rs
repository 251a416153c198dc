//! A text property with few distinct values: a code per row, a set of rows per value.

use super::bits::{Bits, Listed};
use super::chunked::{CHUNK_ROWS, Chunked, Chunks, split_row};
use super::dictionary::{ABSENT, Dictionary};
use super::fit::fit;
use super::heap::{Heap, Parts};

/// One property of all rows.
#[derive(Clone, Default)]
pub(super) struct Values {
    dictionary: Dictionary,
    codes: Chunks<Codes>,
    /// The rows of each group; the rows without a value are group 0. Together they are all live rows.
    sets: Chunked<Bits, 64>,
    /// Rows from here on are neither in a set nor counted yet.
    settled: u32,
}

/// Codes of one chunk of rows, in two bytes each as long as that is enough.
#[derive(Clone)]
enum Codes {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

/// Where one row's code is to be looked up: what its chunk has at hand.
#[derive(Clone, Copy)]
pub(super) struct CodeCell<'a> {
    codes: CodeList<'a>,
    at: usize,
}

#[derive(Clone, Copy)]
enum CodeList<'a> {
    Narrow(&'a [u16]),
    Wide(&'a [u32]),
}

impl CodeCell<'_> {
    pub(super) fn code(self) -> u32 {
        match self.codes {
            CodeList::Narrow(codes) => codes.get(self.at).map_or(ABSENT, |code| u32::from(*code)),
            CodeList::Wide(codes) => codes.get(self.at).copied().unwrap_or(ABSENT),
        }
    }
}

impl Values {
    pub(super) fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    pub(super) fn text(&self, row: u32) -> Option<&str> {
        self.dictionary.text(self.code(row))
    }

    pub(super) fn group(&self, row: u32) -> u32 {
        self.dictionary.group(self.code(row))
    }

    /// For each group its place among all groups by folded text.
    pub(super) fn group_ranks(&self) -> Vec<u32> {
        let mut groups: Vec<u32> = (0..self.dictionary.group_count()).collect();
        groups.sort_unstable_by_key(|group| self.dictionary.folded(*group));
        let mut ranks = vec![0; groups.len()];
        for (rank, group) in (0..).zip(groups) {
            ranks[group as usize] = rank;
        }
        ranks
    }

    /// The rows of a group; `None` where it never had one.
    pub(super) fn set(&self, group: u32) -> Option<&Bits> {
        self.sets.get(group as usize)
    }

    /// Gives a new row its value.
    pub(super) fn add(&mut self, row: u32, text: Option<&str>) {
        let code = text.map_or(ABSENT, |text| self.dictionary.code(text));
        self.put(row, code);
    }

    /// Gives a row another value; false when it has it already.
    pub(super) fn change(&mut self, row: u32, text: Option<&str>) -> bool {
        if self.text(row) == text {
            return false;
        }
        self.remove(row);
        self.add(row, text);
        true
    }

    /// Takes a row out.
    pub(super) fn remove(&mut self, row: u32) {
        let code = self.code(row);
        if row < self.settled {
            self.dictionary.count_less(code);
            let group = self.dictionary.group(code);
            self.sets.edit(group as usize).remove(row);
        }
        self.set_code(row, ABSENT);
    }

    /// Puts new rows into the sets of their values. Those in use are `rows`, all are below `end`.
    pub(super) fn settle(&mut self, rows: &[u32], end: u32) {
        self.settled = end;
        let mut by_code = Listed::default();
        for row in rows {
            by_code.push(self.code(*row), *row);
        }
        for (code, rows) in by_code.lists() {
            self.dictionary.count_more(code, rows.len() as u32); // Distinct rows.
            let group = self.dictionary.group(code);
            self.sets.edit(group as usize).add_all(rows);
        }
    }

    /// Brings rows that are in no set yet into another order.
    pub(super) fn arrange(&mut self, rows: &[u32]) {
        let chunk = |rows: &[u32]| {
            let mut codes = Codes::default();
            for (at, row) in rows.iter().enumerate() {
                codes.set(at, self.code(*row));
            }
            codes
        };
        self.codes = rows.chunks(CHUNK_ROWS).map(chunk).collect();
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.dictionary.shrink();
        self.codes.shrink(|codes| match codes {
            Codes::Narrow(codes) => fit(codes),
            Codes::Wide(codes) => fit(codes),
        });
        self.sets.shrink_each(Bits::shrink);
    }

    /// Where a row's code is to be looked up.
    pub(super) fn cell(&self, row: u32) -> CodeCell<'_> {
        let (chunk, at) = split_row(row);
        let codes = self.codes.get(chunk);
        CodeCell {
            codes: codes.map_or(CodeList::Narrow(&[]), Codes::list),
            at,
        }
    }

    fn code(&self, row: u32) -> u32 {
        self.cell(row).code()
    }

    fn put(&mut self, row: u32, code: u32) {
        if row < self.settled {
            self.dictionary.count_more(code, 1);
            let group = self.dictionary.group(code);
            self.sets.edit(group as usize).insert(row);
        }
        self.set_code(row, code);
    }

    fn set_code(&mut self, row: u32, code: u32) {
        let (chunk, at) = split_row(row);
        if self.code(row) != code {
            self.codes.edit(chunk).set(at, code);
        }
    }
}

impl Default for Codes {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

impl Codes {
    fn list(&self) -> CodeList<'_> {
        match self {
            Self::Narrow(codes) => CodeList::Narrow(codes),
            Self::Wide(codes) => CodeList::Wide(codes),
        }
    }

    fn set(&mut self, at: usize, code: u32) {
        if let (Self::Narrow(codes), Err(_)) = (&*self, u16::try_from(code)) {
            *self = Self::Wide(codes.iter().map(|code| u32::from(*code)).collect());
        }
        match (self, u16::try_from(code)) {
            (Self::Narrow(codes), Ok(code)) => put(codes, at, code),
            (Self::Wide(codes), _) => put(codes, at, code),
            (Self::Narrow(_), Err(_)) => {} // Widened above.
        }
    }
}

fn put<T: Clone + Default>(codes: &mut Vec<T>, at: usize, code: T) {
    if codes.len() <= at {
        codes.resize(at + 1, T::default());
    }
    codes[at] = code;
}

impl Heap for Values {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.dictionary.heap(parts) + self.codes.heap(parts) + self.sets.heap(parts)
    }
}

impl Heap for Codes {
    fn heap(&self, parts: &mut Parts) -> usize {
        match self {
            Self::Narrow(codes) => codes.heap(parts),
            Self::Wide(codes) => codes.heap(parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_the_set_of_its_group() {
        let mut values = Values::default();
        for (row, text) in [Some("Sales"), None, Some("SALES"), Some("Legal")]
            .into_iter()
            .enumerate()
        {
            values.add(row as u32, text);
        }
        values.settle(&[0, 1, 2, 3], 4);
        let rows = |values: &Values, group| values.set(group).unwrap().iter().collect::<Vec<_>>();
        assert_eq!(rows(&values, values.group(0)), [0, 2]);
        assert_eq!(rows(&values, ABSENT), [1]);
        assert!(values.change(2, None));
        assert!(!values.change(2, None));
        assert!(values.change(3, Some("sales")));
        values.remove(0);
        assert_eq!(rows(&values, values.group(3)), [3]);
        assert_eq!(rows(&values, ABSENT), [1, 2]);
        assert_eq!(values.text(3), Some("sales"));
        let spellings = values.dictionary().spellings(values.group(3));
        assert_eq!(
            spellings.collect::<Vec<_>>(),
            [("sales", 1)],
            "nobody has the others"
        );
    }

    #[test]
    fn a_row_that_is_new_is_in_no_set_until_all_are_put_there() {
        let mut values = Values::default();
        for row in 0..3 {
            values.add(row, Some("Sales"));
        }
        assert!(values.change(1, Some("Legal")));
        values.remove(2);
        assert!(values.set(values.group(0)).is_none());
        values.settle(&[0, 1], 3);
        values.add(2, Some("SALES"));
        values.settle(&[], 3);
        let rows = |row| {
            values
                .set(values.group(row))
                .unwrap()
                .iter()
                .collect::<Vec<_>>()
        };
        assert_eq!((rows(0), rows(1)), (vec![0, 2], vec![1]));
        let spellings = values.dictionary().spellings(values.group(0));
        assert_eq!(spellings.collect::<Vec<_>>(), [("SALES", 1), ("Sales", 1)]);
    }

    #[test]
    fn codes_widen_when_two_bytes_are_not_enough() {
        let mut codes = Codes::default();
        codes.set(3, 65_535);
        assert!(matches!(codes, Codes::Narrow(_)));
        codes.set(1, 65_536);
        assert_eq!(
            [0, 1, 2, 3, 4].map(|at| {
                let codes = codes.list();
                CodeCell { codes, at }.code()
            }),
            [0, 65_536, 0, 65_535, 0]
        );
    }
}
