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
    Csv(Box<csv::Csv>),
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
            Format::Csv => Form::Csv(Box::new(csv::Csv::begin(has_bom, heads, output)?)),
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

#[cfg(test)]
mod tests {
    use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
    use bytes::Bytes;
    use futures_util::StreamExt as _;
    use tokio::runtime::Handle;

    use super::*;
    use crate::api::export::cell::{Cell, Kind};
    use crate::api::export::output::way;

    const COLUMNS: [Column<u64>; 2] = [
        Column::each("number", Kind::Number, |row| Cell::Number(*row as i64)),
        Column::each("text", Kind::Text, |row| match row % 3 {
            0 => Cell::Absent,
            _ => Cell::text(format!("{row}").repeat(20)),
        }),
    ];

    /// A list of so many rows in a format, and how much of it came before its end was written.
    async fn written(format: Format, rows: u64) -> (Vec<u8>, usize) {
        let (output, mut chunks) = way(Handle::current());
        let heads = COLUMNS.map(|column| column.head);
        let columns: Vec<&Column<u64>> = COLUMNS.iter().collect();
        let (all_written, is_all_written) = std::sync::mpsc::channel();
        let (go_on, is_to_go_on) = std::sync::mpsc::channel::<()>();
        let work = tokio::task::spawn_blocking(move || {
            let mut writer = Writer::begin(format, false, &heads, output).unwrap();
            let all: Vec<u64> = (0..rows).collect();
            for some in all.chunks(writer.rows_at_once()) {
                writer.write(&columns, some).unwrap();
            }
            all_written.send(()).unwrap();
            is_to_go_on.recv().unwrap();
            writer.end().unwrap()
        });
        let mut body = Vec::new();
        while is_all_written.try_recv().is_err() {
            tokio::select! {
                chunk = chunks.next() => body.extend_from_slice(&chunk.unwrap().unwrap()),
                () = tokio::task::yield_now() => {}
            }
        }
        let before_its_end = body.len();
        go_on.send(()).unwrap();
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.unwrap());
        }
        assert_eq!(work.await.unwrap(), (rows, body.len() as u64));
        (body, before_its_end)
    }

    #[tokio::test]
    async fn parquet_is_written_a_group_of_rows_at_a_time() {
        let (body, before_its_end) = written(Format::Parquet, 50_000).await;
        assert!(before_its_end > body.len() / 2, "{before_its_end}");
        let file = SerializedFileReader::new(Bytes::from(body)).unwrap();
        let groups = file.metadata().row_groups().iter();
        let groups: Vec<i64> = groups.map(|group| group.num_rows()).collect();
        assert_eq!(groups, [20_000, 20_000, 10_000]);
        let rows = file.get_row_iter(None).unwrap();
        for (row, place) in rows.zip(0_u64..) {
            let text = match place % 3 {
                0 => "null".to_owned(),
                _ => format!("\"{}\"", place.to_string().repeat(20)),
            };
            let expected = format!("{{number: {place}, text: {text}}}");
            assert_eq!(row.unwrap().to_string(), expected);
        }
    }

    #[tokio::test]
    async fn a_list_without_rows_is_a_file_too() {
        assert_eq!(written(Format::Csv, 0).await.0, b"number,text\r\n");
        assert_eq!(written(Format::Lines, 0).await.0, b"");
        let (body, _) = written(Format::Parquet, 0).await;
        let file = SerializedFileReader::new(Bytes::from(body)).unwrap();
        assert_eq!(file.metadata().file_metadata().num_rows(), 0);
        assert_eq!(
            file.metadata().file_metadata().schema_descr().num_columns(),
            2
        );
    }
}
