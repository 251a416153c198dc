//! Where each row of a report begins and ends.
//!
//! Names are quoted where they hold a comma or a line break, but a name may also begin with a quote
//! that nobody doubled or closed. Read as CSV has it, such a row would swallow those that follow, and
//! end with the numbers of somebody else; here it costs itself.

use std::borrow::Cow;

/// The most lines that a quoted cell may have: as many as a name may have characters.
const CELL_LINES_MAX: usize = 256;

/// The most bytes that are looked through after a line for the end of a quote that opened in it.
const CELL_BYTES_MAX: usize = 64 * 1024;

/// More rows than this are not dropped one by one: what has so many open quotes is not this CSV.
const DROPPED_ROWS_MAX: usize = 1_000;

/// The text without the lines at which a quote opens that is not closed, and how many those were.
///
/// What is left is CSV in which every row ends where it seems to. A row goes on in the next line only
/// where its quotes are those of a careful writer and make it as wide as the first row.
pub(super) fn without_open_quotes(text: &str) -> Result<(Cow<'_, str>, usize), &'static str> {
    if memchr::memchr(b'"', text.as_bytes()).is_none() {
        return Ok((Cow::Borrowed(text), 0));
    }
    let mut kept = String::new();
    let mut kept_until = 0;
    let mut dropped = 0;
    let mut width = None;
    let mut at = 0;
    while let Some(start) = next_line(text, at) {
        let record = Record::at(text.as_bytes(), start);
        let is_wide = width.is_none_or(|width| width == record.cells);
        match record.end {
            Some(end) if end == record.line_end || is_wide => {
                width.get_or_insert(record.cells);
                at = end;
            }
            _ => {
                kept.push_str(text.get(kept_until..start).unwrap_or_default());
                kept_until = record.line_end;
                dropped += 1;
                at = record.line_end;
            }
        }
        if dropped > DROPPED_ROWS_MAX {
            return Err("its quotes open and do not close");
        }
    }
    if dropped == 0 {
        return Ok((Cow::Borrowed(text), 0));
    }
    kept.push_str(text.get(kept_until..).unwrap_or_default());
    Ok((Cow::Owned(kept), dropped))
}

/// Where the next line begins that has anything in it.
fn next_line(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let blank = rest.find(|character| !matches!(character, '\r' | '\n'))?;
    Some(at + blank)
}

/// One row as its quotes make it.
struct Record {
    /// Where the first line ends.
    line_end: usize,
    /// Where the row ends, if its quotes are closed.
    end: Option<usize>,
    cells: usize,
}

#[derive(Clone, Copy)]
enum Place {
    CellStart,
    Plain,
    Quoted,
    /// After a quote within a quoted cell: its end, or the first of two.
    AfterQuote,
}

impl Record {
    fn at(bytes: &[u8], start: usize) -> Self {
        let mut place = Place::CellStart;
        let mut cells = 1;
        let mut lines = 1;
        let mut line_end = None;
        // Text goes on after a closing quote: nobody doubled the quotes of this row.
        let mut is_careless = false;
        for (at, byte) in bytes.iter().enumerate().skip(start) {
            place = match (place, byte) {
                (Place::Quoted, b'"') => Place::AfterQuote,
                (Place::Quoted, b'\r' | b'\n') => {
                    line_end.get_or_insert(at);
                    // The two bytes of a Windows line break are one.
                    let goes_on = *byte == b'\r' && bytes.get(at + 1) == Some(&b'\n');
                    lines += usize::from(!goes_on);
                    Place::Quoted
                }
                (Place::Quoted, _) | (Place::CellStart | Place::AfterQuote, b'"') => Place::Quoted,
                (_, b',') => {
                    cells += 1;
                    Place::CellStart
                }
                (_, b'\r' | b'\n') => {
                    return Self {
                        line_end: line_end.unwrap_or(at),
                        end: Some(at),
                        cells,
                    };
                }
                (Place::AfterQuote, _) => {
                    is_careless = true;
                    Place::Plain
                }
                (Place::CellStart | Place::Plain, _) => Place::Plain,
            };
            let is_too_long = line_end.is_some_and(|line_end| {
                is_careless || lines > CELL_LINES_MAX || at - line_end > CELL_BYTES_MAX
            });
            if is_too_long {
                place = Place::Quoted;
                break;
            }
        }
        let is_closed = !matches!(place, Place::Quoted);
        Self {
            line_end: line_end.unwrap_or(bytes.len()),
            end: is_closed.then_some(bytes.len()),
            cells,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, kept: &str, dropped: usize) {
        let (own, own_dropped) = without_open_quotes(text).unwrap();
        assert_eq!((own.as_ref(), own_dropped), (kept, dropped), "{text:?}");
    }

    #[track_caller]
    fn check_kept(text: &str) {
        check(text, text, 0);
    }

    #[test]
    fn what_is_closed_stays() {
        check_kept("");
        check_kept("a,b\r\nc,d\r\n");
        check_kept("a,b\n\"Vance, Adele\",d\n");
        check_kept("a,b\n\"Ann \"\"The Boss\"\" Lee\",d");
        check_kept("a,b\n5\" disk,d\n");
        check_kept("a,b\n\"Ann\" Lee,d\n");
        check_kept("a,b\n\"\",\"\"\n");
        check_kept("\n\r\n\"a\",b\n");
    }

    #[test]
    fn a_quoted_cell_may_have_more_lines() {
        check_kept("a,b\r\n\"Ann\r\nLee\",d\r\n");
        check_kept("a,b\n\"1\n2\r3\n4\",d\n");
        // A name that is made to look like a row of somebody else.
        check_kept("a,b\n\"Ann\n2026-11-01,bob@contoso.com\n\",d\n");
        let lines = "\n".repeat(255);
        check_kept(&format!("a,b\n\"{lines}\",d\n"));
    }

    #[test]
    fn a_row_with_an_open_quote_costs_itself_only() {
        check("a,b\n\"Ann,c\ne,f\n", "a,b\n\ne,f\n", 1);
        check("a,b\r\n\"Ann,c\r\ne,f\r\n", "a,b\r\n\r\ne,f\r\n", 1);
        check("a,b\nc,\"d", "a,b\n", 1);
        check("a,b\n\"c,d\n\"e,f\n\"g,h\n", "a,b\n\n\n\n", 3);
        check("a,b\n\"Ann\" Lee,\"c\nd\"\n", "a,b\n\nd\"\n", 1);
        check("\"", "", 1);
    }

    #[test]
    fn an_open_quote_does_not_end_at_the_quote_of_another_row() {
        check("a,b\n\"c,d\n\"e\",f\n", "a,b\n\n\"e\",f\n", 1);
        check("a,b\nx,\"c\ny,\"d\"\n", "a,b\n\ny,\"d\"\n", 1);
        check("a,b,c\n1,\"2,3\n4,\",5\",6\n", "a,b,c\n\n4,\",5\",6\n", 1);
    }

    #[test]
    fn what_never_closes_is_looked_for_within_bounds() {
        let rows = |count| format!("a,b\n{}", "\"c,d\n".repeat(count));
        assert_eq!(without_open_quotes(&rows(1_000)).unwrap().1, 1_000);
        assert!(without_open_quotes(&rows(1_001)).is_err());
        let far = |length| format!("a,b\n\"c\n{}\",d\n", "x".repeat(length));
        assert_eq!(without_open_quotes(&far(60_000)).unwrap().1, 0);
        assert_eq!(without_open_quotes(&far(70_000)).unwrap().1, 1);
    }
}
