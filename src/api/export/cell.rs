//! What stands in one column of one row.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;

/// What a column holds. A cell of any column may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Texts: a list where the format has lists, else one text.
    Texts,
    Flag,
    Number,
    /// A day in UTC.
    Day,
    /// An instant.
    Time,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    /// Not known, or not there: null.
    Absent,
    Text(Cow<'a, str>),
    Texts(Vec<&'a str>),
    Flag(bool),
    Number(i64),
    Day(Date),
    Time(Timestamp),
}

/// What parts the texts of a list where a format has no lists.
const BETWEEN_TEXTS: &str = "; ";

/// The texts of a list as one text.
pub(super) fn joined(texts: &[&str]) -> String {
    texts.join(BETWEEN_TEXTS)
}

impl<'a> Cell<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Absent, Self::text)
    }
}

impl From<Option<String>> for Cell<'_> {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Absent, Self::text)
    }
}

impl From<bool> for Cell<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i32> for Cell<'_> {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<Option<Date>> for Cell<'_> {
    fn from(day: Option<Date>) -> Self {
        day.map_or(Self::Absent, Self::Day)
    }
}

impl From<Option<Timestamp>> for Cell<'_> {
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Absent, Self::Time)
    }
}
