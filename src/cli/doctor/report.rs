//! The doctor's findings as an aligned table.

use std::fmt::Write as _;

use crate::cli::progress::one_line;

/// How wide a line may be that is broken between words.
const LINE_WIDTH: usize = 100;

/// A remedy has at least this width, however long the subjects are.
const REMEDY_WIDTH_MIN: usize = 40;

/// What a remedy begins with.
const ARROW: &str = "-> ";

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    /// Not wrong, but not what the operator wants for long.
    Warning,
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    subject: String,
    state: State,
    finding: String,
    /// Empty when there is nothing to do, or when the finding says it.
    remedy: String,
}

impl Check {
    pub(super) fn ok(subject: &str, finding: &str) -> Self {
        Self::new(State::Ok, subject, finding, "")
    }

    pub(super) fn warning(subject: &str, finding: &str, remedy: &str) -> Self {
        Self::new(State::Warning, subject, finding, remedy)
    }

    pub(super) fn failed(subject: &str, finding: &str, remedy: &str) -> Self {
        Self::new(State::Failed, subject, finding, remedy)
    }

    fn new(state: State, subject: &str, finding: &str, remedy: &str) -> Self {
        Self {
            subject: one_line(subject),
            state,
            finding: one_line(finding),
            remedy: one_line(remedy),
        }
    }
}

/// Everything that was looked at, in that order.
#[derive(Debug, Default)]
pub(super) struct Report {
    checks: Vec<Check>,
}

impl Report {
    pub(super) fn extend(&mut self, checks: impl IntoIterator<Item = Check>) {
        self.checks.extend(checks);
    }

    pub(super) fn failed_count(&self) -> usize {
        let failed = |check: &&Check| check.state == State::Failed;
        self.checks.iter().filter(failed).count()
    }

    /// State, subject and finding in columns; a remedy on lines of its own under the finding.
    pub(super) fn to_text(&self) -> String {
        let state_width = word(State::Warning).len();
        let subjects = self
            .checks
            .iter()
            .map(|check| check.subject.chars().count());
        let subject_width = subjects.max().unwrap_or(0);
        let mut text = String::new();
        for check in &self.checks {
            let (state, subject) = (word(check.state), &check.subject);
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{state:state_width$}  {subject:subject_width$}  {}",
                check.finding
            );
            if !check.remedy.is_empty() {
                let indent = state_width + subject_width + 4;
                let width = LINE_WIDTH.saturating_sub(indent + ARROW.len());
                let mut mark = ARROW;
                for line in wrapped(&check.remedy, width.max(REMEDY_WIDTH_MIN)) {
                    let _ = writeln!(text, "{:indent$}{mark}{line}", "");
                    mark = "   ";
                }
            }
        }
        text
    }
}

/// The text in lines of at most `width` characters, broken between words; a longer word has a line of
/// its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_between_words() {
        let check = |text: &str, lines: &[&str]| assert_eq!(wrapped(text, 10), lines);
        check("", &[]);
        check("one two", &["one two"]);
        check("one two  three four", &["one two", "three four"]);
        check(
            "one https://example.com two",
            &["one", "https://example.com", "two"],
        );
        check("äöü äöü äöü", &["äöü äöü", "äöü"]);
    }
}
