//! Lists of groups, by display name.

use std::sync::Arc;

use async_graphql::Object;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::group::Group;
use super::paging::{Cut, Edge, PageArguments, PageInfo, Paging, cut};
use super::reading::Reading;
use crate::api::cursor;
use crate::api::error::Error;
use crate::api::scalars::int;
use crate::domain::group_filter::{GroupFacts, GroupFilter, GroupPosition};
use crate::domain::ids::{ObjectId, TenantKey};
use crate::domain::text::fold;
use crate::engine::{TenantIndex, UserRow};

/// The schema's description is on its `Object`.
pub(crate) struct GroupConnection {
    reading: Arc<Reading>,
    /// What cursors are bound to.
    scope: &'static str,
    page: Cut<Row>,
    total: usize,
}

struct Row {
    position: GroupPosition,
    group: Group,
}

impl GroupConnection {
    /// The groups of all tenants for which a filter holds.
    pub(crate) fn open(
        reading: &Arc<Reading>,
        filter: &GroupFilter,
        page: PageArguments,
    ) -> Result<Self, Error> {
        let positions = selected(reading, filter);
        Self::of(reading, "Query.groups", positions, page)
    }

    /// The groups that a user is a direct member of.
    pub(crate) fn of_user(
        reading: &Arc<Reading>,
        user: &UserRow,
        page: PageArguments,
    ) -> Result<Self, Error> {
        let index = user.tenant();
        let ids = user.group_ids().into_iter();
        let mut positions: Vec<_> = ids.map(|id| position(index, id)).collect();
        positions.sort_unstable();
        Self::of(reading, "User.groups", positions.iter().collect(), page)
    }

    fn of(
        reading: &Arc<Reading>,
        scope: &'static str,
        sorted: Vec<&GroupPosition>,
        page: PageArguments,
    ) -> Result<Self, Error> {
        let rooms = reading.rooms();
        let paging = page.parse(rooms.page_rows_max)?;
        let place = |cursor: &Option<String>| -> Result<Option<GroupPosition>, Error> {
            let Some(cursor) = cursor else {
                return Ok(None);
            };
            let bytes = rooms.cursors.open(scope, cursor)?;
            from_bytes(&bytes).ok_or_else(cursor::refused).map(Some)
        };
        let bounds = (place(&paging.after)?, place(&paging.before)?);
        let total = sorted.len();
        let page = between(sorted, &paging, &bounds);
        let row = |position: &GroupPosition| {
            let index = reading.index(position.tenant())?;
            Some(Row {
                group: Group::named(reading, index, position.object_id()),
                position: position.clone(),
            })
        };
        Ok(Self {
            reading: reading.clone(),
            scope,
            page: Cut {
                rows: page.rows.into_iter().filter_map(row).collect(),
                has_previous: page.has_previous,
                has_next: page.has_next,
            },
            total,
        })
    }

    fn cursor(&self, row: &Row) -> Result<String, Error> {
        let place = to_bytes(&row.position)?;
        self.reading.rooms().cursors.seal(self.scope, &place)
    }
}

/// Where the groups of all tenants for which a filter holds stand, in their order.
pub(crate) fn selected<'r>(reading: &'r Reading, filter: &GroupFilter) -> Vec<&'r GroupPosition> {
    let is_selected = |sorted: &&SortedGroup| {
        let (tenant, id) = (sorted.position.tenant(), sorted.position.object_id());
        let group = reading.index(tenant).and_then(|index| index.group(id));
        group.is_some_and(|group| {
            filter.holds(GroupFacts {
                tenant,
                group,
                folded_name: sorted.folded_name.as_deref(),
            })
        })
    };
    let selected = reading.groups_by_name().iter().filter(is_selected);
    selected.map(|sorted| &sorted.position).collect()
}

/// A group in the list of all of them.
pub(crate) struct SortedGroup {
    position: GroupPosition,
    folded_name: Option<String>,
}

/// The groups of some tenants in the order of the list.
pub(crate) fn sorted(indexes: &[Arc<TenantIndex>]) -> Vec<SortedGroup> {
    let of_tenant = |index: &Arc<TenantIndex>| {
        let groups = index.groups().iter();
        let sorted = groups.map(|group| SortedGroup {
            position: position(index, group.object_id),
            folded_name: group.display_name.as_deref().map(fold),
        });
        sorted.collect::<Vec<_>>()
    };
    let mut groups: Vec<_> = indexes.iter().flat_map(of_tenant).collect();
    groups.sort_unstable_by(|left, right| left.position.cmp(&right.position));
    groups
}

/// Where a group stands; among the nameless where the index lacks it.
fn position(index: &TenantIndex, id: ObjectId) -> GroupPosition {
    let group = index.group(id);
    let name = group.and_then(|group| group.display_name.as_deref());
    GroupPosition::new(name, id, index.key().clone())
}

/// The page of what lies between two places.
fn between<'a>(
    sorted: Vec<&'a GroupPosition>,
    paging: &Paging,
    (after, before): &(Option<GroupPosition>, Option<GroupPosition>),
) -> Cut<&'a GroupPosition> {
    cut(
        sorted,
        paging,
        |place| after.as_ref().is_none_or(|after| *place > after),
        |place| before.as_ref().is_none_or(|before| *place < before),
    )
}

/// A position inside a cursor.
#[derive(Serialize, Deserialize)]
struct Place {
    name: Option<String>,
    object_id: Uuid,
    tenant: String,
}

fn to_bytes(position: &GroupPosition) -> Result<Vec<u8>, Error> {
    let place = Place {
        name: position.sort_key().map(str::to_owned),
        object_id: position.object_id().0,
        tenant: position.tenant().to_string(),
    };
    serde_json::to_vec(&place).map_err(|_| Error::internal("a group's place could not be written"))
}

fn from_bytes(bytes: &[u8]) -> Option<GroupPosition> {
    let place: Place = serde_json::from_slice(bytes).ok()?;
    let tenant = TenantKey::parse(&place.tenant).ok()?;
    let object_id = ObjectId(place.object_id);
    Some(GroupPosition::of_sort_key(place.name, object_id, tenant))
}

/// A page of groups, by display name; those without one come last. With the count of all that the
/// filter selects.
#[Object]
impl GroupConnection {
    /// The page's groups with their cursors.
    async fn edges(&self) -> Result<Vec<Edge<Group>>, Error> {
        let edge = |row: &Row| {
            Ok(Edge {
                cursor: self.cursor(row)?,
                node: row.group.clone(),
            })
        };
        self.page.rows.iter().map(edge).collect()
    }

    /// The page's groups.
    async fn nodes(&self) -> Vec<Group> {
        let rows = self.page.rows.iter();
        rows.map(|row| row.group.clone()).collect()
    }

    /// Where the page lies in the list.
    async fn page_info(&self) -> Result<PageInfo, Error> {
        let cursor = |row: Option<&Row>| row.map(|row| self.cursor(row)).transpose();
        Ok(PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: cursor(self.page.rows.first())?,
            end_cursor: cursor(self.page.rows.last())?,
        })
    }

    /// How many groups are selected, on all pages.
    async fn total_count(&self) -> i32 {
        int(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: Option<&str>, number: u128) -> GroupPosition {
        let tenant = TenantKey::parse("contoso").unwrap();
        GroupPosition::new(name, ObjectId(Uuid::from_u128(number)), tenant)
    }

    #[test]
    fn a_place_survives_being_written_and_read() {
        for position in [place(Some("Sales"), 7), place(None, 7), place(Some(""), 0)] {
            let bytes = to_bytes(&position).unwrap();
            assert_eq!(from_bytes(&bytes), Some(position));
        }
        assert_eq!(from_bytes(b"{}"), None);
    }

    #[test]
    fn pages_follow_each_other_through_equal_and_absent_names() {
        let all = [
            place(Some("All Staff"), 3),
            place(Some("Sales"), 1),
            place(Some("SALES"), 2),
            place(None, 0),
            place(None, 9),
        ];
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let paging = Paging {
                size: 2,
                from_end: false,
                after: None,
                before: None,
            };
            let page = between(all.iter().collect(), &paging, &(after.clone(), None));
            let has_next = page.has_next;
            seen.extend(page.rows.into_iter().cloned());
            after = seen.last().cloned();
            if !has_next {
                break;
            }
        }
        assert_eq!(seen, all);
    }
}
