//! JSON Lines: an object a row, its members named as the columns.

use std::io::{self, Write as _};

use super::by_row;
use crate::api::export::cell::Cell;
use crate::api::export::column::{Column, Head};
use crate::api::export::output::Output;

pub(super) struct Lines {
    output: Output,
    /// What stands before each value: a brace or comma, and its name.
    starts: Vec<String>,
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn begin(heads: &[Head], output: Output) -> Self {
        let start = |(place, head): (usize, &Head)| {
            let before = if place == 0 { '{' } else { ',' };
            // The names are ours, and need no escapes.
            format!("{before}\"{}\":", head.name)
        };
        Self {
            output,
            starts: heads.iter().enumerate().map(start).collect(),
            line: Vec::new(),
        }
    }

    pub(super) fn write<R>(&mut self, columns: &[&Column<R>], rows: &[R]) -> io::Result<()> {
        by_row(columns, rows, |cells| {
            self.line.clear();
            for (start, cell) in self.starts.iter().zip(cells) {
                self.line.extend_from_slice(start.as_bytes());
                let line = &mut self.line;
                match cell {
                    Cell::Absent => line.extend_from_slice(b"null"),
                    Cell::Text(text) => serde_json::to_writer(line, &*text)?,
                    Cell::Texts(texts) => serde_json::to_writer(line, &texts)?,
                    Cell::Flag(flag) => serde_json::to_writer(line, &flag)?,
                    Cell::Number(number) => serde_json::to_writer(line, &number)?,
                    Cell::Day(day) => write!(line, "\"{day}\"")?,
                    Cell::Time(at) => write!(line, "\"{at}\"")?,
                }
            }
            self.line.extend_from_slice(b"}\n");
            self.output.write_all(&self.line)
        })
    }

    pub(super) fn end(self) -> Output {
        self.output
    }
}
