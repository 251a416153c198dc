//! A report as a table: what each column says of a line, written as CSV the way Microsoft does.

use std::cell::OnceCell;

use sha2::Digest as _;
use sha2::Sha256;
use uuid::Uuid;

use super::asked::Asked;
use super::subject::Subject;
use crate::simulator::organization::usage::AppsUsed;
use crate::simulator::organization::usage::Deed;
use crate::simulator::organization::usage::Workload;

/// Stands before the text: without taking it off, nobody finds the first column.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
const LINE_END: &[u8] = b"\r\n";

/// What stands in one field.
pub(super) enum Cell {
    Blank,
    Text(String),
    Word(&'static str),
    Number(u64),
    /// A day since 1970.
    Day(i64),
    /// Seconds, written as `PT1H2M3S`.
    Span(u64),
}

/// What a column says of a line.
type Fill = fn(&Line) -> Cell;
/// A column's name and what it says.
pub(super) type Column = (&'static str, Fill);

/// `True` or `False`.
pub(super) fn truth(is_so: bool) -> Cell {
    Cell::Word(if is_so { "True" } else { "False" })
}

/// `Yes` or `No`.
pub(super) fn yes(is_so: bool) -> Cell {
    Cell::Word(if is_so { "Yes" } else { "No" })
}

/// The day, or a blank.
pub(super) fn day(day: Option<i64>) -> Cell {
    day.map_or(Cell::Blank, Cell::Day)
}

/// One line of a report.
pub(super) struct Line<'a> {
    pub(super) asked: &'a Asked,
    pub(super) subject: &'a Subject,
    /// Which of the lines about the same account it is.
    pub(super) part: usize,
    /// Many columns ask for these.
    pub(super) apps: OnceCell<AppsUsed>,
}

impl Line<'_> {
    pub(super) fn refreshed_on(&self) -> Cell {
        Cell::Day(self.asked.refreshed_on)
    }

    /// `7` for seven days.
    pub(super) fn period(&self) -> Cell {
        let days = self.asked.last - self.asked.first + 1;
        Cell::Number(days.unsigned_abs())
    }

    pub(super) fn principal_name(&self) -> Cell {
        self.name(&self.subject.principal_name, "principal name")
    }

    pub(super) fn display_name(&self) -> Cell {
        self.name(&self.subject.display_name, "display name")
    }

    pub(super) fn object_id(&self) -> Cell {
        let id = match self.asked.shape.conceals_names {
            true => Uuid::nil(),
            false => self.subject.object_id,
        };
        Cell::Text(id.to_string())
    }

    pub(super) fn is_deleted(&self) -> Cell {
        truth(self.subject.deleted_on.is_some())
    }

    pub(super) fn deleted_on(&self) -> Cell {
        day(self.subject.deleted_on)
    }

    pub(super) fn assigned_products(&self) -> Cell {
        Cell::Text(super::assigned_products::names(self.subject.person.held))
    }

    /// How often it was done in the days that the report is about.
    pub(super) fn sum(&self, deed: Deed) -> u64 {
        self.subject
            .life
            .sum(deed, self.asked.first, self.asked.last)
    }

    pub(super) fn count(&self, deed: Deed) -> Cell {
        Cell::Number(self.sum(deed))
    }

    /// The applications that were used in those days.
    pub(super) fn apps(&self) -> AppsUsed {
        *self.apps.get_or_init(|| {
            self.subject
                .life
                .apps_used(self.asked.first, self.asked.last)
        })
    }

    /// When the workload was used last: of all time, not only of the report's days.
    pub(super) fn last(&self, workload: Workload) -> Cell {
        day(self.subject.life.latest(workload, self.asked.refreshed_on))
    }

    /// The name, or what stands for it in every report when names are concealed.
    fn name(&self, name: &str, kind: &str) -> Cell {
        if name.is_empty() {
            return Cell::Blank;
        }
        if !self.asked.shape.conceals_names {
            return Cell::Text(name.to_owned());
        }
        let key = format!("{kind} {}", self.subject.object_id);
        let hash = Sha256::digest(key.as_bytes());
        Cell::Text(
            hash.iter()
                .take(16)
                .map(|byte| format!("{byte:02X}"))
                .collect(),
        )
    }
}

/// What the table is made of, after the columns were bent to the asker's taste.
pub(super) struct Writer<'a> {
    /// `None` is a column that nobody knows.
    columns: Vec<(&'a str, Option<Fill>)>,
    out: Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Begins with the header.
    pub(super) fn new(asked: &'a Asked) -> Self {
        let shape = &asked.shape;
        let mut columns: Vec<(&str, Option<Fill>)> = asked
            .report
            .columns
            .iter()
            .filter(|(name, _)| !shape.dropped_columns.iter().any(|dropped| dropped == name))
            .map(|&(name, cell)| (name, Some(cell)))
            .collect();
        // New columns come before the period, as they do at Microsoft.
        let at = columns
            .iter()
            .position(|(name, _)| *name == "Report Period")
            .unwrap_or(columns.len());
        let added = shape.added_columns.iter().map(|name| (name.as_str(), None));
        columns.splice(at..at, added);
        if shape.reverses_columns {
            columns.reverse();
        }
        let mut out = BYTE_ORDER_MARK.to_vec();
        for (position, (name, _)) in columns.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            write_text(&mut out, name);
        }
        out.extend_from_slice(LINE_END);
        Self { columns, out }
    }

    /// Adds a line.
    pub(super) fn line(&mut self, line: &Line) {
        for (position, (name, cell)) in self.columns.iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            match cell {
                Some(cell) => write_cell(&mut self.out, &cell(line)),
                None => write_text(&mut self.out, &format!("new in \"{name}\"")),
            }
        }
        self.out.extend_from_slice(LINE_END);
    }

    /// The whole text.
    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }
}

fn write_cell(out: &mut Vec<u8>, cell: &Cell) {
    match cell {
        Cell::Blank => {}
        Cell::Text(text) => write_text(out, text),
        Cell::Word(word) => out.extend_from_slice(word.as_bytes()),
        Cell::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Cell::Day(day) => out.extend_from_slice(date(*day).as_bytes()),
        Cell::Span(seconds) => out.extend_from_slice(span(*seconds).as_bytes()),
    }
}

/// Quoted where it must be.
fn write_text(out: &mut Vec<u8>, text: &str) {
    if text.contains(['"', ',', '\r', '\n']) {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// `2026-11-21`.
pub(super) fn date(day: i64) -> String {
    let at = jiff::Timestamp::from_second(day.saturating_mul(86_400)).unwrap_or_default();
    jiff::tz::Offset::UTC.to_datetime(at).date().to_string()
}

fn span(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("PT{rest}S"),
        (0, _) => format!("PT{minutes}M{rest}S"),
        _ => format!("PT{hours}H{minutes}M{rest}S"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_written_as_microsoft_writes_them() {
        let check = |cell: Cell, expected: &str| {
            let mut out = Vec::new();
            write_cell(&mut out, &cell);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check(Cell::Blank, "");
        check(Cell::Number(0), "0");
        check(Cell::Day(20_778), "2026-11-21");
        check(Cell::Span(0), "PT0S");
        check(Cell::Span(754), "PT12M34S");
        check(Cell::Span(3723), "PT1H2M3S");
        check(truth(true), "True");
        check(yes(false), "No");
        check(Cell::Text("Adele Vance".to_owned()), "Adele Vance");
        check(Cell::Text("Vance, Adele".to_owned()), "\"Vance, Adele\"");
        check(Cell::Text("5\" screen".to_owned()), "\"5\"\" screen\"");
    }
}
