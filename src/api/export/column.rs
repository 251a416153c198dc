//! Columns of a list: their names, what they hold, and how it is read.

use super::cell::{Cell, Kind};
use crate::api::gate::Refusal;

/// What a format knows of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The path of the GraphQL field: `displayName`, `seats.available`. Of prices, the column of the table
    /// that they are imported from.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// A column of a list whose rows are of one type.
pub(super) struct Column<R: 'static> {
    pub(super) head: Head,
    read: Read<R>,
}

/// How the cells of a column are read.
enum Read<R: 'static> {
    /// Row by row.
    Each(fn(&R) -> Cell<'_>),
    /// All at once, where that is much faster.
    All(fn(&[R]) -> Vec<Cell<'_>>),
}

impl<R> Column<R> {
    /// A column that is read row by row.
    pub(super) const fn each(name: &'static str, kind: Kind, read: fn(&R) -> Cell<'_>) -> Self {
        Self {
            head: Head { name, kind },
            read: Read::Each(read),
        }
    }

    /// A column of which all rows are read at once.
    pub(super) const fn all(
        name: &'static str,
        kind: Kind,
        read: fn(&[R]) -> Vec<Cell<'_>>,
    ) -> Self {
        Self {
            head: Head { name, kind },
            read: Read::All(read),
        }
    }

    /// The cells of some rows, in their order.
    pub(super) fn cells<'r>(&self, rows: &'r [R]) -> Vec<Cell<'r>> {
        match self.read {
            Read::Each(read) => rows.iter().map(read).collect(),
            Read::All(read) => read(rows),
        }
    }
}

/// Which of a list's columns are wanted, by place: those that are named, in that order, or all of them.
pub(super) fn choose(list: &str, all: &[Head], named: Option<&str>) -> Result<Vec<usize>, Refusal> {
    let Some(named) = named else {
        return Ok((0..all.len()).collect());
    };
    let mut chosen = Vec::new();
    for name in named.split(',').map(str::trim) {
        let place = all.iter().position(|head| head.name == name);
        match place {
            Some(place) if chosen.contains(&place) => {
                return Err(Refusal::request("`columns` names a column twice."));
            }
            Some(place) => chosen.push(place),
            None => {
                let known: Vec<&str> = all.iter().map(|head| head.name).collect();
                let known = known.join(", ");
                return Err(Refusal::request(format!(
                    "`columns` names one that {list} do not have; they have: {known}."
                )));
            }
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(named: Option<&str>, expected: Result<&[usize], &str>) {
        let heads = ["a", "b", "c.d"].map(|name| Head {
            name,
            kind: Kind::Text,
        });
        let chosen = choose("things", &heads, named);
        let chosen = chosen
            .as_deref()
            .map_err(|refusal| refusal.message.as_str());
        assert_eq!(chosen, expected);
    }

    #[test]
    fn columns_come_as_they_are_named_and_once_each() {
        check(None, Ok(&[0, 1, 2]));
        check(Some("c.d, a"), Ok(&[2, 0]));
        check(Some("b"), Ok(&[1]));
        check(Some("a,a"), Err("`columns` names a column twice."));
        let unknown = "`columns` names one that things do not have; they have: a, b, c.d.";
        check(Some("x"), Err(unknown));
        check(Some(""), Err(unknown));
        check(Some("A"), Err(unknown));
    }
}
