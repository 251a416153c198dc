//! Rows on their way into sets.

/// Rows listed by a number: what many rows have is made a set at once.
#[derive(Default)]
pub(in crate::engine) struct Listed(Vec<Vec<u32>>);

impl Listed {
    /// Adds a row, which is not below those that the number has already. The same one again is no other.
    pub(in crate::engine) fn push(&mut self, number: u32, row: u32) {
        let number = number as usize;
        if self.0.len() <= number {
            self.0.resize_with(number + 1, Vec::new);
        }
        let rows = &mut self.0[number];
        if rows.last() != Some(&row) {
            rows.push(row);
        }
    }

    /// The numbers that have rows, and these, which rise.
    pub(in crate::engine) fn lists(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let lists = (0..).zip(&self.0);
        lists
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(number, rows)| (number, rows.as_slice()))
    }
}
