//! Content lines of iCalendar (RFC 5545, 3.1 and 3.3.11): escaped, folded, ended by CRLF.

/// The most octets of a line, without its end.
const OCTETS_MAX: usize = 75;

/// A calendar as it is being written.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    /// A property whose value is written as it is: a date, a number, a name of the standard.
    pub(super) fn push(&mut self, name: &str, value: &str) {
        self.fold(name.chars().chain([':']).chain(value.chars()));
    }

    /// A property whose value is text of anybody.
    pub(super) fn push_text(&mut self, name: &str, text: &str) {
        self.push(name, &escaped(text));
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// Writes one line. A long one goes on behind a line end and a space, which is cut between two
    /// characters: a reader that does not join lines first would meet a half one.
    fn fold(&mut self, line: impl Iterator<Item = char>) {
        let mut octets = 0;
        for character in line {
            let width = character.len_utf8();
            if octets + width > OCTETS_MAX {
                self.0.push_str("\r\n ");
                octets = 1;
            }
            self.0.push(character);
            octets += width;
        }
        self.0.push_str("\r\n");
    }
}

/// Text as a value. Of control characters only the line end has a place in one.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            _ if character.is_control() => {}
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut lines = Lines::default();
        lines.push_text("SUMMARY", text);
        lines.into_text()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(written(text), expected);
    }

    #[test]
    fn what_has_a_meaning_in_a_line_is_escaped() {
        check("plain", "SUMMARY:plain\r\n");
        check("a,b;c\\d:\"e\"", "SUMMARY:a\\,b\\;c\\\\d:\"e\"\r\n");
        check("a\r\nb", "SUMMARY:a\\nb\r\n");
        check("\0a\u{7f}\u{85}\tb", "SUMMARY:ab\r\n");
        check("", "SUMMARY:\r\n");
    }

    #[test]
    fn a_line_has_at_most_75_octets_and_no_cut_character() {
        let most = "x".repeat(67);
        check(&most, &format!("SUMMARY:{most}\r\n"));
        check(&format!("{most}y"), &format!("SUMMARY:{most}\r\n y\r\n"));
        let one_less = "x".repeat(66);
        check(
            &format!("{one_less}€€"),
            &format!("SUMMARY:{one_less}\r\n €€\r\n"),
        );
    }

    /// As RFC 5545 says to read it.
    fn read(text: &str) -> String {
        let unfolded = text.replace("\r\n ", "");
        let value = unfolded.strip_prefix("SUMMARY:").unwrap();
        let value = value.strip_suffix("\r\n").unwrap();
        let (mut text, mut is_escaped) = (String::new(), false);
        for character in value.chars() {
            match (is_escaped, character) {
                (false, '\\') => is_escaped = true,
                (false, ',' | ';') => panic!("an end of the value: {value}"),
                (true, 'n') => {
                    text.push('\n');
                    is_escaped = false;
                }
                (_, character) => {
                    text.push(character);
                    is_escaped = false;
                }
            }
        }
        text
    }

    proptest! {
        #[test]
        fn text_reads_back_without_its_controls(text in "[ -~\n\r\u{1}äß€😀\\\\;,]{0,400}") {
            let kept = |character: &char| *character == '\n' || !character.is_control();
            let expected: String = text.chars().filter(kept).collect();
            prop_assert_eq!(read(&written(&text)), expected);
        }

        #[test]
        fn every_line_is_short_and_ends_well(text: String) {
            let written = written(&text);
            prop_assert!(written.ends_with("\r\n"));
            for line in written.split("\r\n") {
                prop_assert!(line.len() <= OCTETS_MAX);
                prop_assert!(!line.contains(char::is_control));
            }
        }
    }
}
