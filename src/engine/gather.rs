//! One property of many rows, for answers.
//!
//! A value lies behind its chunk, the chunk's list of ends and a buffer, each somewhere else in memory.
//! Followed row by row, the processor waits for one after the other. So all rows take the first step
//! before any takes the next: steps of different rows do not wait for each other, and the processor
//! makes a dozen at the same time. Nothing of a page of answers costs as much as these waits.

use std::ops::Range;

use crate::domain::filter::UserText;
use crate::domain::ids::ObjectId;

use super::dictionary::Dictionary;
use super::row::UserRow;
use super::texts::TextCell;
use super::users::Column;
use super::values::CodeCell;

/// A text of each row, or that it has none.
pub fn texts(rows: &[UserRow], text: UserText) -> Vec<Option<&str>> {
    let cells = rows.iter().map(|row| Cell::of(row, text));
    let cells: Vec<Cell<'_>> = cells.collect();
    let found: Vec<Found<'_>> = cells.into_iter().map(Cell::found).collect();
    found.into_iter().map(Found::text).collect()
}

/// The object id of each row.
pub fn object_ids(rows: &[UserRow]) -> Vec<ObjectId> {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| row.users().ids().cell(row.row()))
        .collect();
    cells.into_iter().map(|cell| cell.id()).collect()
}

/// For each row a list that is equal for two users of one index whose assignments are alike in all but
/// their times.
pub fn grants(rows: &[UserRow]) -> Vec<&[u32]> {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| row.users().assignments().cell(row.row()))
        .collect();
    let spans: Vec<_> = cells.into_iter().map(|cell| cell.span()).collect();
    spans.into_iter().map(|span| span.grants()).collect()
}

/// Where a row's text is to be looked up.
enum Cell<'a> {
    Text(TextCell<'a>),
    Code(&'a Dictionary, CodeCell<'a>),
}

impl<'a> Cell<'a> {
    fn of(row: &'a UserRow, text: UserText) -> Self {
        match row.users().column(text, row.row()) {
            Column::Texts(texts) => Self::Text(texts.cell(row.row())),
            Column::Values(values) => Self::Code(values.dictionary(), values.cell(row.row())),
        }
    }

    fn found(self) -> Found<'a> {
        match self {
            Self::Text(cell) => Found::Text(cell.text, cell.range()),
            Self::Code(dictionary, cell) => Found::Code(dictionary, cell.code()),
        }
    }
}

/// Where a row's text is.
enum Found<'a> {
    Text(&'a str, Option<Range<usize>>),
    Code(&'a Dictionary, u32),
}

impl<'a> Found<'a> {
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text, range) => text.get(range?),
            Self::Code(dictionary, code) => dictionary.text(code),
        }
    }
}
