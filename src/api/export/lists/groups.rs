//! Groups, by display name.

use std::sync::Arc;
use std::vec;

use async_graphql::Variables;

use super::{Listed, OfTenant, argument, tenant_key_column, tenant_name_column};
use crate::api::error::Error;
use crate::api::export::cell::{Cell, Kind};
use crate::api::export::column::Column;
use crate::api::ids::GlobalId;
use crate::api::scalars::int;
use crate::api::types::group_connection;
use crate::api::types::group_inputs::GroupFilterInput;
use crate::api::types::nesting::FilterInput as _;
use crate::api::types::reading::Reading;
use crate::domain::group::Group;
use crate::domain::ids::ObjectId;
use crate::engine::{LicenseEntry, TenantIndex};

/// The groups that are still to be read: handles, for what they are called lies in the index.
pub(super) struct Groups {
    rows: vec::IntoIter<Row>,
}

/// A group of one index.
pub(super) struct Row {
    index: Arc<TenantIndex>,
    object_id: ObjectId,
}

impl Row {
    /// The selection found it, and an index never changes.
    fn group(&self) -> Option<&Group> {
        self.index.group(self.object_id)
    }

    /// What it assigns, as far as the tenant still holds any of it.
    fn assigned(&self) -> impl Iterator<Item = &LicenseEntry> {
        let assigned = self.group().map(|group| group.assigns.as_slice());
        let assigned = assigned.unwrap_or_default().iter();
        assigned.filter_map(|id| self.index.license(*id))
    }
}

impl Listed for Groups {
    type Row = Row;

    const NAME: &'static str = "groups";
    const QUESTION: &'static str =
        "query ($filter: GroupFilter) {groups(filter: $filter) {__typename}}";
    const TAKES: &'static [&'static str] = &["filter"];
    const EXAMPLE: &'static str = "{assignsLicenses: true}";
    const COLUMNS: &'static [Column<Row>] = &[
        tenant_key_column(),
        tenant_name_column(),
        Column::each("id", Kind::Text, |row| {
            let id = GlobalId::Group(row.index.key().clone(), row.object_id);
            Cell::text(id.to_id().0)
        }),
        Column::each("objectId", Kind::Text, |row| {
            Cell::text(row.object_id.to_string())
        }),
        Column::each("displayName", Kind::Text, |row| {
            let name = row.group().and_then(|group| group.display_name.as_deref());
            name.into()
        }),
        Column::each("mail", Kind::Text, |row| {
            row.group().and_then(|group| group.mail.as_deref()).into()
        }),
        Column::each("isDynamic", Kind::Flag, |row| {
            let group = row.group();
            group.map_or(Cell::Absent, |group| group.is_dynamic.into())
        }),
        Column::each("isSyncedFromOnPremises", Kind::Flag, |row| {
            let group = row.group();
            group.map_or(Cell::Absent, |group| {
                group.is_synced_from_on_premises.into()
            })
        }),
        Column::each("assignsLicenses.name", Kind::Texts, |row| {
            Cell::Texts(
                row.assigned()
                    .map(|entry| entry.name.text.as_str())
                    .collect(),
            )
        }),
        Column::each("assignsLicenses.value", Kind::Texts, |row| {
            let values = row
                .assigned()
                .map(|entry| entry.license.part_number.as_str());
            Cell::Texts(values.collect())
        }),
        Column::each("members.totalCount", Kind::Number, |row| {
            int(row.index.member_count(row.object_id)).into()
        }),
    ];

    fn open(
        reading: &Arc<Reading>,
        arguments: &Variables,
        _is_wanted: &dyn Fn() -> bool,
    ) -> Result<Self, Error> {
        let filter: Option<GroupFilterInput> = argument(arguments, "filter")?;
        let filter = filter.unwrap_or_default().into_filter()?;
        let selected = group_connection::selected(reading, &filter).into_iter();
        let rows = selected.filter_map(|position| {
            Some(Row {
                index: Arc::clone(reading.index(position.tenant())?),
                object_id: position.object_id(),
            })
        });
        Ok(Self {
            rows: rows.collect::<Vec<_>>().into_iter(),
        })
    }

    fn count(&self) -> u64 {
        self.rows.len() as u64
    }

    fn next(&mut self, most: usize) -> Vec<Row> {
        self.rows.by_ref().take(most).collect()
    }
}

impl OfTenant for Row {
    fn tenant(&self) -> &TenantIndex {
        &self.index
    }
}
