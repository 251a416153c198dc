//! Lists of changes, newest first. They are counted run by run, and only a page is read.

use std::sync::Arc;

use async_graphql::Object;
use jiff::Timestamp;
use uuid::Uuid;

use super::change::{Change, ChangeCount};
use super::paging::{Edge, PageArguments, PageInfo};
use super::reading::Reading;
use crate::api::cursor;
use crate::api::error::Error;
use crate::api::scalars::{DateTime, int};
use crate::domain::ids::{RunId, TenantKey};
use crate::domain::user_change::{UserChangeFilter, UserChangePosition};
use crate::engine::{ChangeRow, ChangeSelection, select_changes};

const SCOPE: &str = "Query.changes";

/// The schema's description is on its `Object`.
pub(crate) struct ChangeConnection {
    reading: Arc<Reading>,
    selection: ChangeSelection,
    rows: Vec<ChangeRow>,
    has_previous: bool,
    has_next: bool,
}

impl ChangeConnection {
    pub(crate) fn open(
        reading: &Arc<Reading>,
        filter: UserChangeFilter,
        page: PageArguments,
    ) -> Result<Self, Error> {
        let rooms = reading.rooms();
        let paging = page.parse(rooms.page_rows_max)?;
        let place = |cursor: &Option<String>| -> Result<Option<UserChangePosition>, Error> {
            let Some(cursor) = cursor else {
                return Ok(None);
            };
            let bytes = rooms.cursors.open(SCOPE, cursor)?;
            from_bytes(&bytes).ok_or_else(cursor::refused).map(Some)
        };
        let (after, before) = (place(&paging.after)?, place(&paging.before)?);
        let selection = select_changes(reading.indexes(), filter);
        let count = selection.count();
        let start = after.map_or(0, |after| selection.around(&after).1);
        let end = before.map_or(count, |before| selection.around(&before).0);
        let (end, size) = (end.max(start), paging.size as u64);
        let (start, end) = match paging.from_end {
            true => (start.max(end.saturating_sub(size)), end),
            false => (start, end.min(start.saturating_add(size))),
        };
        Ok(Self {
            reading: reading.clone(),
            rows: selection.rows(start..end),
            has_previous: start > 0,
            has_next: end < count,
            selection,
        })
    }

    fn cursor(&self, row: &ChangeRow) -> Result<String, Error> {
        let place = to_bytes(&row.position());
        self.reading.rooms().cursors.seal(SCOPE, &place)
    }

    fn node(&self, row: &ChangeRow) -> Change {
        Change::new(self.reading.clone(), row.clone())
    }
}

fn to_bytes(position: &UserChangePosition) -> Vec<u8> {
    let UserChangePosition {
        seen_at,
        tenant,
        run,
        place,
    } = position;
    [
        &seen_at.as_nanosecond().to_be_bytes()[..],
        run.0.as_bytes(),
        &place.to_be_bytes(),
        tenant.as_str().as_bytes(),
    ]
    .concat()
}

fn from_bytes(bytes: &[u8]) -> Option<UserChangePosition> {
    let (seen_at, rest) = bytes.split_first_chunk()?;
    let (run, rest) = rest.split_first_chunk()?;
    let (place, tenant) = rest.split_first_chunk()?;
    Some(UserChangePosition {
        seen_at: Timestamp::from_nanosecond(i128::from_be_bytes(*seen_at)).ok()?,
        tenant: TenantKey::parse(std::str::from_utf8(tenant).ok()?).ok()?,
        run: RunId(Uuid::from_bytes(*run)),
        place: u32::from_be_bytes(*place),
    })
}

/// A page of changes, with the counts of all that the filter selects.
#[Object]
impl ChangeConnection {
    /// The page's changes with their cursors.
    async fn edges(&self) -> Result<Vec<Edge<Change>>, Error> {
        let edge = |row: &ChangeRow| {
            Ok(Edge {
                cursor: self.cursor(row)?,
                node: self.node(row),
            })
        };
        self.rows.iter().map(edge).collect()
    }

    /// The page's changes.
    async fn nodes(&self) -> Vec<Change> {
        self.rows.iter().map(|row| self.node(row)).collect()
    }

    /// Where the page lies in the list.
    async fn page_info(&self) -> Result<PageInfo, Error> {
        let cursor = |row: Option<&ChangeRow>| row.map(|row| self.cursor(row)).transpose();
        Ok(PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: cursor(self.rows.first())?,
            end_cursor: cursor(self.rows.last())?,
        })
    }

    /// How many changes are selected, on all pages.
    async fn total_count(&self) -> i32 {
        int(self.selection.count())
    }

    /// The same by kind; kinds without changes are left out.
    async fn counts(&self) -> Vec<ChangeCount> {
        self.selection.counts().map(ChangeCount::new).collect()
    }

    /// Since when changes are known: the end of the first sync, or what config.toml (`changes_days`) has
    /// left of the past; of several tenants the latest. Null before the first sync. That nothing is told of
    /// a day before does not mean that nothing changed.
    async fn known_since(&self) -> Option<DateTime> {
        self.selection.known_since().map(DateTime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_being_written_and_read() {
        let position = UserChangePosition {
            seen_at: "2026-11-23T02:00:00.123456789Z".parse().unwrap(),
            tenant: TenantKey::parse("contoso").unwrap(),
            run: RunId(Uuid::from_u128(7)),
            place: 70_000,
        };
        let bytes = to_bytes(&position);
        assert_eq!(from_bytes(&bytes), Some(position));
        assert_eq!(from_bytes(&bytes[..36]), None);
        assert_eq!(from_bytes(b"short"), None);
    }
}
