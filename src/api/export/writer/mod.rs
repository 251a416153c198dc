//! How rows are written, a file a format.

mod csv;
mod lines;
mod parquet;

use std::io;

use super::column::{Column, Head};
use super::format::Format;
use super::output::Output;
use crate::api::metrics;

/// Rows that are read and written at a time where each is written for itself.
const ROWS_AT_ONCE: usize = 1_000;

/// What writes the rows of one export.
pub(super) struct Writer {
    form: Form,
    rows: u64,
}

enum Form {
    Csv(csv::Csv),
    Lines(lines::Lines),
    Parquet(Box<parquet::Parquet>),
}

impl Writer {
    /// Writes what comes before the first row.
    pub(super) fn begin(
        format: Format,
        has_bom: bool,
        heads: &[Head],
        output: Output,
    ) -> io::Result<Self> {
        let form = match format {
            Format::Csv => Form::Csv(csv::Csv::begin(has_bom, heads, output)?),
            Format::Lines => Form::Lines(lines::Lines::begin(heads, output)),
            Format::Parquet => Form::Parquet(Box::new(parquet::Parquet::begin(heads, output)?)),
        };
        Ok(Self { form, rows: 0 })
    }

    /// How many rows it wants at a time.
    pub(super) fn rows_at_once(&self) -> usize {
        match self.form {
            Form::Csv(_) | Form::Lines(_) => ROWS_AT_ONCE,
            Form::Parquet(_) => parquet::ROWS_OF_GROUP,
        }
    }

    /// Writes some rows.
    pub(super) fn write<R>(&mut self, columns: &[&Column<R>], rows: &[R]) -> io::Result<()> {
        match &mut self.form {
            Form::Csv(csv) => csv.write(columns, rows)?,
            Form::Lines(lines) => lines.write(columns, rows)?,
            Form::Parquet(parquet) => parquet.write(columns, rows)?,
        }
        let count = rows.len() as u64;
        self.rows = self.rows.saturating_add(count);
        metrics::count_exported_rows(count);
        Ok(())
    }

    /// Writes what comes behind the last row; how many rows and bytes it became.
    pub(super) fn end(self) -> io::Result<(u64, u64)> {
        let mut output = match self.form {
            Form::Csv(csv) => csv.end()?,
            Form::Lines(lines) => lines.end(),
            Form::Parquet(parquet) => parquet.end()?,
        };
        output.end()?;
        Ok((self.rows, output.bytes()))
    }
}

/// The cells of some rows, row by row.
fn by_row<'r, R>(
    columns: &[&Column<R>],
    rows: &'r [R],
    mut write: impl FnMut(&mut dyn Iterator<Item = super::cell::Cell<'r>>) -> io::Result<()>,
) -> io::Result<()> {
    // Read column by column, which is how they lie in memory.
    let read = columns.iter().map(|column| column.cells(rows).into_iter());
    let mut read: Vec<_> = read.collect();
    for _ in rows {
        write(&mut read.iter_mut().filter_map(Iterator::next))?;
    }
    Ok(())
}
