//! Pages of a selection in an order.

use crate::domain::filter::UserOrder;

use super::position::{Position, compare_handles, effective};
use super::row::UserRow;
use super::select::Part;
use super::walk::{Begin, Toward, Walk};

/// Which part of an ordered list is wanted.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// How many rows at most.
    pub size: usize,
    /// Count from the end: the last rows instead of the first. Rows stay in order.
    pub from_end: bool,
    /// Only rows behind this position.
    pub after: Option<Position>,
    /// Only rows before this position.
    pub before: Option<Position>,
}

/// Rows in order.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// At most as many as the window's size.
    pub rows: Vec<T>,
    /// Whether the selection has a row before these; without rows, one not behind the window's
    /// `after`.
    pub has_previous: bool,
    /// Whether the selection has a row behind these; without rows, one not before the window's
    /// `before`.
    pub has_next: bool,
}

/// The page of all tenants: the best of each tenant's own page.
pub(super) fn page(parts: &[Part], orders: &[UserOrder], window: &Window) -> Page<UserRow> {
    let orders = effective(orders);
    let mut pages = parts.iter().map(|part| page_of(part, orders, window));
    let first = pages.next().unwrap_or_default();
    let mut page = pages.fold(first, |mut page, other| {
        page.rows.extend(other.rows);
        page.has_previous |= other.has_previous;
        page.has_next |= other.has_next;
        page
    });
    if parts.len() > 1 {
        page.rows
            .sort_by(|left, right| compare_handles(orders, left, right));
    }
    let surplus = page.rows.len().saturating_sub(window.size);
    if window.from_end {
        page.rows.drain(..surplus);
        page.has_previous |= surplus > 0;
    } else {
        page.rows.truncate(window.size);
        page.has_next |= surplus > 0;
    }
    page
}

/// The page of one tenant.
fn page_of(part: &Part, orders: &[UserOrder], window: &Window) -> Page<UserRow> {
    let walk = Walk {
        users: part.tenant.users(),
        tenant: part.tenant.key(),
        rows: &part.rows,
        orders,
    };
    let (toward, begin, stop) = if window.from_end {
        (Toward::Start, &window.before, &window.after)
    } else {
        (Toward::End, &window.after, &window.before)
    };
    let begin = |is_included| {
        begin.as_ref().map(|position| Begin {
            position,
            is_included,
        })
    };
    // One row more than wanted tells whether there are more.
    let mut rows = walk.ahead(toward, begin(false), window.size.saturating_add(1));
    let inside = rows
        .iter()
        .take_while(|row| is_before(&walk, toward, stop.as_ref(), **row))
        .count();
    let shown = inside.min(window.size);
    // Where nothing lies between the two places, what counts is whether anything lies beyond.
    let is_more_beyond = || {
        let begin = stop.as_ref().map(|position| Begin {
            position,
            is_included: true,
        });
        begin.is_some_and(|begin| !walk.ahead(toward, Some(begin), 1).is_empty())
    };
    let is_more_ahead = rows.len() > shown || (shown == 0 && is_more_beyond());
    rows.truncate(shown);
    let is_more_behind =
        begin(true).is_some_and(|begin| !walk.ahead(toward.opposite(), Some(begin), 1).is_empty());
    if window.from_end {
        rows.reverse();
    }
    let (has_previous, has_next) = match toward {
        Toward::End => (is_more_behind, is_more_ahead),
        Toward::Start => (is_more_ahead, is_more_behind),
    };
    Page {
        rows: UserRow::of_rows(&part.tenant, &rows),
        has_previous,
        has_next,
    }
}

/// Whether a row is met before the position at which to stop.
fn is_before(walk: &Walk<'_>, toward: Toward, stop: Option<&Position>, row: u32) -> bool {
    stop.is_none_or(|stop| {
        let ordering = stop.compare_row(walk.users, row, walk.tenant);
        match toward {
            Toward::End => ordering.is_lt(),
            Toward::Start => ordering.is_gt(),
        }
    })
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            has_previous: false,
            has_next: false,
        }
    }
}
