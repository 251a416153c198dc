//! CSV as RFC 4180 has it: a header, lines that end in CR LF, quotes where they are needed.
//!
//! Whatever a spreadsheet would take for a formula is guarded. Absent and empty cells look alike; who
//! must tell them apart takes another format.

use std::io::{self, Write as _};

use csv::{Terminator, WriterBuilder};

use super::by_row;
use crate::api::export::cell::{Cell, joined};
use crate::api::export::column::{Column, Head};
use crate::api::export::output::Output;
use crate::domain::cell::guarded;

/// By which spreadsheets know UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

pub(super) struct Csv {
    csv: csv::Writer<Output>,
}

impl Csv {
    pub(super) fn begin(has_bom: bool, heads: &[Head], mut output: Output) -> io::Result<Self> {
        if has_bom {
            output.write_all(BYTE_ORDER_MARK)?;
        }
        let mut csv = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .from_writer(output);
        csv.write_record(heads.iter().map(|head| head.name))?;
        Ok(Self { csv })
    }

    pub(super) fn write<R>(&mut self, columns: &[&Column<R>], rows: &[R]) -> io::Result<()> {
        by_row(columns, rows, |cells| {
            for cell in cells {
                match cell {
                    Cell::Absent => self.csv.write_field("")?,
                    Cell::Text(text) => self.csv.write_field(&*guarded(&text))?,
                    Cell::Texts(texts) => self.csv.write_field(&*guarded(&joined(&texts)))?,
                    Cell::Flag(flag) => {
                        self.csv.write_field(if flag { "true" } else { "false" })?
                    }
                    Cell::Number(number) => self.csv.write_field(number.to_string())?,
                    Cell::Day(day) => self.csv.write_field(day.to_string())?,
                    Cell::Time(at) => self.csv.write_field(at.to_string())?,
                }
            }
            self.csv.write_record(None::<&[u8]>)?;
            Ok(())
        })
    }

    pub(super) fn end(self) -> io::Result<Output> {
        self.csv
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
    }
}
