//! Formats of an export: which one is wanted, and what a file of it is called.

use crate::api::gate::Refusal;
use crate::api::http::best_of;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    /// JSON Lines: an object a row.
    Lines,
    Parquet,
}

/// Media types by which a client may ask for a format.
const OFFERED: [(Format, &str, &str); 5] = [
    (Format::Csv, "text", "csv"),
    (Format::Lines, "application", "x-ndjson"),
    (Format::Lines, "application", "jsonl"),
    (Format::Lines, "application", "ndjson"),
    (Format::Parquet, "application", "vnd.apache.parquet"),
];

impl Format {
    /// What `format=` says.
    pub(super) fn parse(word: &str) -> Result<Self, Refusal> {
        let all = [Self::Csv, Self::Lines, Self::Parquet];
        let named = all.into_iter().find(|format| format.extension() == word);
        named.ok_or_else(|| Refusal::request("`format` takes csv, jsonl or parquet."))
    }

    /// What `Accept` asks for; CSV where it leaves the choice, `None` where it names nothing we have.
    pub(super) fn of_accept<'a>(header: impl Iterator<Item = &'a str>) -> Option<Self> {
        best_of(header, &OFFERED)
    }

    /// Behind the dot of a file's name, and the word in `format=`.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Lines => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// The value of `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Lines => "application/x-ndjson; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expected: Option<Format>) {
        assert_eq!(
            Format::of_accept([accept].into_iter()),
            expected,
            "{accept}"
        );
    }

    #[test]
    fn a_format_is_chosen_by_its_media_type() {
        assert_eq!(Format::of_accept(std::iter::empty()), Some(Format::Csv));
        check("*/*", Some(Format::Csv));
        check("text/html, */*;q=0.8", Some(Format::Csv));
        check("text/csv", Some(Format::Csv));
        check("application/x-ndjson", Some(Format::Lines));
        check(
            "application/jsonl;q=0.5, text/csv;q=0.1",
            Some(Format::Lines),
        );
        check(
            "application/vnd.apache.parquet, */*;q=0.1",
            Some(Format::Parquet),
        );
        check("text/html", None);
        check("text/csv;q=0", None);
    }
}
