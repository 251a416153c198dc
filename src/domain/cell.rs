//! Texts in the cells of a spreadsheet.
//!
//! Whoever may choose a display name may choose one that begins as a formula does, and a spreadsheet
//! that opens our file would run it. Such a text gets an apostrophe in front, which spreadsheets take
//! for "this is text", and loses it when the file is read again.

use std::borrow::Cow;

/// The text as it is put into a cell: whatever a spreadsheet would run begins with an apostrophe.
///
/// A number that we wrote ourselves needs no guard, and would not be a number with it.
pub fn guarded(text: &str) -> Cow<'_, str> {
    if is_formula(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text that a cell was written for.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text) => text,
        _ => cell,
    }
}

/// Whether a text begins as a formula, or as one that is guarded already.
fn is_formula(text: &str) -> bool {
    // Spreadsheets skip spaces, and some take the wide forms of East Asian keyboards.
    let start = text.trim_start_matches(['\'', ' ', '\u{feff}']);
    start.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, cell: &str) {
        assert_eq!(guarded(text), cell);
        assert_eq!(unguarded(cell), text);
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_guarded_and_nothing_else() {
        check("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")");
        check("+1", "'+1");
        check("-1", "'-1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\t=1");
        check("\r=1", "'\r=1");
        check(" =1", "' =1");
        check("＝1", "'＝1");
        check("'=1", "''=1");
        check("'tis", "'tis");
        check("a=b", "a=b");
        check("", "");
        check("'", "'");
    }

    proptest! {
        #[test]
        fn every_text_comes_back_and_no_cell_begins_as_a_formula(text in "['=+@ \\-\t\ra\u{feff}＝]{0,8}") {
            let cell = guarded(&text);
            prop_assert_eq!(unguarded(&cell), &*text);
            let first = cell.chars().find(|character| *character != ' ' && *character != '\u{feff}');
            prop_assert!(first.is_none_or(|first| !"=+-@\t\r\n＝".contains(first)));
        }
    }
}
