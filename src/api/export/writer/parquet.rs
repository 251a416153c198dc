//! Parquet: typed columns, a row group at a time, so that a file is written as the list is read.
//!
//! What stays in memory to the end is the table of contents that Parquet puts there: some hundred bytes
//! for each column of each row group.

use std::io;
use std::sync::Arc;

use jiff::civil::{Date, date};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use crate::api::export::cell::{Cell, Kind, joined};
use crate::api::export::column::{Column, Head};
use crate::api::export::output::Output;

/// Rows of a group. Of these one column is in memory at a time; small for Parquet, so that this is little.
pub(super) const ROWS_OF_GROUP: usize = 20_000;

pub(super) struct Parquet {
    file: SerializedFileWriter<Output>,
}

impl Parquet {
    pub(super) fn begin(heads: &[Head], output: Output) -> io::Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            // An index of pages would be kept for the end of the file, and groups are small.
            .set_offset_index_disabled(true)
            .set_created_by(concat!("seatwise ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let schema = schema(heads).map_err(other)?;
        let file = SerializedFileWriter::new(output, schema, Arc::new(properties));
        Ok(Self {
            file: file.map_err(other)?,
        })
    }

    pub(super) fn write<R>(&mut self, columns: &[&Column<R>], rows: &[R]) -> io::Result<()> {
        let mut group = self.file.next_row_group().map_err(other)?;
        for column in columns {
            if let Some(mut writer) = group.next_column().map_err(other)? {
                write_cells(&mut writer, column.head.kind, column.cells(rows)).map_err(other)?;
                writer.close().map_err(other)?;
            }
        }
        group.close().map_err(other)?;
        Ok(())
    }

    pub(super) fn end(self) -> io::Result<Output> {
        self.file.into_inner().map_err(other)
    }
}

/// Every column may be absent: what Microsoft does not say is null.
fn schema(heads: &[Head]) -> Result<TypePtr, ParquetError> {
    let column = |head: &Head| {
        let (physical, logical) = match head.kind {
            Kind::Text | Kind::Texts => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Flag => (Physical::BOOLEAN, None),
            Kind::Number => (Physical::INT64, None),
            Kind::Day => (Physical::INT32, Some(LogicalType::Date)),
            Kind::Time => {
                let in_utc = LogicalType::timestamp(true, TimeUnit::MICROS);
                (Physical::INT64, Some(in_utc))
            }
        };
        let column = Type::primitive_type_builder(head.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        column.build().map(Arc::new)
    };
    let columns = heads.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let row = Type::group_type_builder("row").with_fields(columns);
    row.build().map(Arc::new)
}

fn write_cells(
    writer: &mut SerializedColumnWriter<'_>,
    kind: Kind,
    cells: Vec<Cell<'_>>,
) -> Result<(), ParquetError> {
    match kind {
        Kind::Text | Kind::Texts => {
            write_values::<ByteArrayType>(writer, cells, |cell| match cell {
                Cell::Text(text) => Some(ByteArray::from(text.into_owned().into_bytes())),
                Cell::Texts(texts) => Some(ByteArray::from(joined(&texts).into_bytes())),
                _ => None,
            })
        }
        Kind::Flag => write_values::<BoolType>(writer, cells, |cell| match cell {
            Cell::Flag(flag) => Some(flag),
            _ => None,
        }),
        Kind::Number => write_values::<Int64Type>(writer, cells, |cell| match cell {
            Cell::Number(number) => Some(number),
            _ => None,
        }),
        Kind::Day => write_values::<Int32Type>(writer, cells, |cell| match cell {
            Cell::Day(day) => Some(days_since_1970(day)),
            _ => None,
        }),
        Kind::Time => write_values::<Int64Type>(writer, cells, |cell| match cell {
            Cell::Time(at) => Some(at.as_microsecond()),
            _ => None,
        }),
    }
}

/// Writes those cells that have a value, and which of them those are.
fn write_values<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    cells: Vec<Cell<'_>>,
    value: impl Fn(Cell<'_>) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let mut values = Vec::with_capacity(cells.len());
    let mut is_there = Vec::with_capacity(cells.len());
    for cell in cells {
        let value = value(cell);
        is_there.push(i16::from(value.is_some()));
        values.extend(value);
    }
    let typed = writer.typed::<T>();
    typed.write_batch(&values, Some(&is_there), None)?;
    Ok(())
}

fn days_since_1970(day: Date) -> i32 {
    let hours = day.duration_since(date(1970, 1, 1)).as_hours();
    // A date has four digits of years: some three million days.
    i32::try_from(hours / 24).unwrap_or_default()
}

fn other(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970_both_ways() {
        let check = |day: Date, expected: i32| assert_eq!(days_since_1970(day), expected, "{day}");
        check(date(1970, 1, 1), 0);
        check(date(1970, 1, 2), 1);
        check(date(1969, 12, 31), -1);
        check(date(2026, 11, 23), 20_780);
        check(date(9999, 12, 31), 2_932_896);
    }
}
