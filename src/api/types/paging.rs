//! Pages of lists, both ways.

use async_graphql::{OutputType, SimpleObject};

use super::change::Change;
use super::finding::Finding;
use super::group::Group;
use super::license::License;
use super::reclaim_plan::ReclaimStep;
use super::sync_run::SyncRun;
use super::user::User;
use crate::api::error::Error;
use crate::api::settings::Limits;

/// Where a page lies in its list.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether rows follow the page.
    pub(crate) has_next_page: bool,
    /// Whether rows precede the page.
    pub(crate) has_previous_page: bool,
    /// The first row's cursor, for `before`; null when the page is empty.
    pub(crate) start_cursor: Option<String>,
    /// The last row's cursor, for `after`; null when the page is empty.
    pub(crate) end_cursor: Option<String>,
}

/// A row of a page and its cursor.
#[derive(SimpleObject)]
#[graphql(
    concrete(name = "UserEdge", params(User)),
    concrete(name = "LicenseEdge", params(License)),
    concrete(name = "GroupEdge", params(Group)),
    concrete(name = "FindingEdge", params(Finding)),
    concrete(name = "ReclaimStepEdge", params(ReclaimStep)),
    concrete(name = "SyncRunEdge", params(SyncRun)),
    concrete(name = "ChangeEdge", params(Change))
)]
pub(crate) struct Edge<N: OutputType> {
    /// The row's place in its list: opaque, good for `after` and `before` of the same field in the
    /// same order, under any filter. It stays good when a sync changes or removes the row.
    pub(crate) cursor: String,
    /// The row.
    pub(crate) node: N,
}

/// The four arguments of every connection, as they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageArguments {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

/// Which page is wanted. The cursors are still sealed: only the list knows its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paging {
    /// How many rows at most; at least one.
    pub(crate) size: usize,
    /// The last rows instead of the first.
    pub(crate) from_end: bool,
    pub(crate) after: Option<String>,
    pub(crate) before: Option<String>,
}

impl PageArguments {
    /// Checks them. As in Relay's specification `after` and `before` bound the list, and `first` or
    /// `last` takes rows from one end of what lies between. With `before` alone the rows next to the
    /// cursor are meant, as with `after`.
    pub(crate) fn parse(self, rows_max: usize) -> Result<Paging, Error> {
        let (name, asked, from_end) = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(Error::bad_input(
                    "`first` and `last` exclude each other: one takes rows from the beginning, the \
                     other from the end.",
                ));
            }
            (Some(first), None) => ("first", Some(first), false),
            (None, Some(last)) => ("last", Some(last), true),
            (None, None) => ("first", None, self.before.is_some() && self.after.is_none()),
        };
        Ok(Paging {
            size: match asked {
                Some(asked) => rows(name, asked, rows_max)?,
                None => Limits::PAGE_ROWS_UNSAID.min(rows_max),
            },
            from_end,
            after: self.after,
            before: self.before,
        })
    }
}

/// Checks how many rows an argument asks for.
pub(crate) fn rows(name: &str, asked: i32, rows_max: usize) -> Result<usize, Error> {
    match usize::try_from(asked) {
        Ok(rows) if (1..=rows_max).contains(&rows) => Ok(rows),
        _ => Err(Error::bad_input(format!(
            "`{name}` is {asked}; it takes 1 to {rows_max}."
        ))),
    }
}

/// A page cut out of a list that is held whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) has_previous: bool,
    pub(crate) has_next: bool,
}

/// Cuts a page out of `sorted`. `follows` says whether a row lies behind `after`, `precedes` whether
/// it lies before `before`.
pub(crate) fn cut<T>(
    sorted: Vec<T>,
    paging: &Paging,
    follows: impl Fn(&T) -> bool,
    precedes: impl Fn(&T) -> bool,
) -> Cut<T> {
    let count = sorted.len();
    let start = sorted.partition_point(|row| !follows(row));
    let end = sorted.partition_point(|row| precedes(row)).max(start);
    let (start, end) = if paging.from_end {
        (start.max(end.saturating_sub(paging.size)), end)
    } else {
        (start, end.min(start.saturating_add(paging.size)))
    };
    Cut {
        rows: sorted.into_iter().skip(start).take(end - start).collect(),
        has_previous: start > 0,
        has_next: end < count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::error::Code;

    fn arguments(first: Option<i32>, last: Option<i32>) -> PageArguments {
        PageArguments {
            first,
            last,
            ..PageArguments::default()
        }
    }

    #[track_caller]
    fn check(first: Option<i32>, last: Option<i32>, expected: Option<(usize, bool)>) {
        let parsed = arguments(first, last).parse(500);
        match expected {
            Some((size, from_end)) => {
                let paging = parsed.unwrap();
                assert_eq!((paging.size, paging.from_end), (size, from_end));
            }
            None => assert_eq!(parsed.unwrap_err().code, Code::BadInput),
        }
    }

    #[test]
    fn a_page_is_1_to_500_rows_and_50_when_unsaid() {
        check(None, None, Some((50, false)));
        check(Some(1), None, Some((1, false)));
        check(Some(500), None, Some((500, false)));
        check(None, Some(1), Some((1, true)));
        check(None, Some(500), Some((500, true)));
        check(Some(0), None, None);
        check(Some(-1), None, None);
        check(Some(501), None, None);
        check(None, Some(0), None);
        check(None, Some(i32::MIN), None);
        check(None, Some(i32::MAX), None);
        check(Some(1), Some(1), None);
    }

    #[test]
    fn a_refusal_names_the_argument_its_value_and_its_range() {
        let refusal = |first, last| arguments(first, last).parse(200).unwrap_err().message;
        assert_eq!(refusal(Some(0), None), "`first` is 0; it takes 1 to 200.");
        assert_eq!(
            refusal(None, Some(201)),
            "`last` is 201; it takes 1 to 200."
        );
    }

    #[test]
    fn fewer_rows_than_the_default_may_be_all_that_is_allowed() {
        assert_eq!(arguments(None, None).parse(20).unwrap().size, 20);
    }

    #[test]
    fn before_alone_means_the_rows_next_to_it() {
        let from_end = |after: Option<&str>, before: Option<&str>, first| {
            let arguments = PageArguments {
                first,
                after: after.map(str::to_owned),
                last: None,
                before: before.map(str::to_owned),
            };
            arguments.parse(500).unwrap().from_end
        };
        assert!(from_end(None, Some("c"), None));
        assert!(!from_end(None, Some("c"), Some(3)));
        assert!(!from_end(Some("a"), Some("c"), None));
        assert!(!from_end(Some("a"), None, None));
    }

    #[track_caller]
    fn check_cut(
        (size, from_end): (usize, bool),
        (after, before): (Option<i32>, Option<i32>),
        (rows, has_previous, has_next): (&[i32], bool, bool),
    ) {
        let paging = Paging {
            size,
            from_end,
            after: None,
            before: None,
        };
        let page = cut(
            vec![1, 3, 5, 7],
            &paging,
            |row| after.is_none_or(|after| *row > after),
            |row| before.is_none_or(|before| *row < before),
        );
        let expected = Cut {
            rows: rows.to_vec(),
            has_previous,
            has_next,
        };
        assert_eq!(page, expected);
    }

    #[test]
    fn a_page_is_cut_from_either_end_of_what_lies_between_the_cursors() {
        check_cut((2, false), (None, None), (&[1, 3], false, true));
        check_cut((2, true), (None, None), (&[5, 7], true, false));
        check_cut((9, false), (None, None), (&[1, 3, 5, 7], false, false));
        check_cut((2, false), (Some(3), None), (&[5, 7], true, false));
        check_cut((1, false), (Some(1), Some(7)), (&[3], true, true));
        check_cut((1, true), (Some(1), Some(7)), (&[5], true, true));
        check_cut((2, true), (None, Some(5)), (&[1, 3], false, true));
    }

    #[test]
    fn a_cursor_whose_row_is_gone_is_still_a_place() {
        check_cut((1, false), (Some(4), None), (&[5], true, true));
        check_cut((1, true), (None, Some(4)), (&[3], true, true));
    }

    #[test]
    fn cursors_that_leave_nothing_between_them_make_an_empty_page() {
        check_cut((2, false), (Some(7), None), (&[], true, false));
        check_cut((2, true), (None, Some(1)), (&[], false, true));
        check_cut((2, false), (Some(5), Some(3)), (&[], true, true));
    }
}
