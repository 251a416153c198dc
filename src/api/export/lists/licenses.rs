//! Licenses. There are some dozens a tenant.

use std::sync::Arc;
use std::vec;

use async_graphql::Variables;

use super::{Listed, OfTenant, argument, tenant_key_column, tenant_name_column};
use crate::api::error::Error;
use crate::api::export::cell::{Cell, Kind};
use crate::api::export::column::Column;
use crate::api::ids::GlobalId;
use crate::api::scalars::{int, signed_int, word};
use crate::api::types::activity::ActivityCounts;
use crate::api::types::license::NameSource;
use crate::api::types::license_connection;
use crate::api::types::license_inputs::LicenseFilterInput;
use crate::api::types::nesting::FilterInput as _;
use crate::api::types::order::{LicenseOrderInput, license_orders};
use crate::api::types::reading::Reading;
use crate::domain::license::SeatCounts;
use crate::engine::{LicenseEntry, TenantIndex};

/// The licenses that are still to be read.
pub(super) struct Licenses {
    rows: vec::IntoIter<Row>,
}

/// A license of one index.
pub(super) struct Row {
    index: Arc<TenantIndex>,
    entry: LicenseEntry,
}

impl Row {
    fn seats(&self) -> SeatCounts {
        self.entry.license.seats
    }

    fn holders(&self) -> ActivityCounts {
        let holders = self.index.holders_by_activity(self.entry.license.sku_id);
        ActivityCounts::from(holders)
    }
}

impl Listed for Licenses {
    type Row = Row;

    const NAME: &'static str = "licenses";
    const QUESTION: &'static str = "query ($filter: LicenseFilter, $orderBy: [LicenseOrder!]) \
         {licenses(filter: $filter, orderBy: $orderBy) {__typename}}";
    const TAKES: &'static [&'static str] = &["filter", "orderBy"];
    const EXAMPLE: &'static str = "{available: {gt: 0}}";
    const COLUMNS: &'static [Column<Row>] = &[
        tenant_key_column(),
        tenant_name_column(),
        Column::each("id", Kind::Text, |row| {
            let id = GlobalId::License(row.index.key().clone(), row.entry.license.sku_id);
            Cell::text(id.to_id().0)
        }),
        Column::each("skuId", Kind::Text, |row| {
            Cell::text(row.entry.license.sku_id.to_string())
        }),
        Column::each("name", Kind::Text, |row| {
            Cell::text(row.entry.name.text.as_str())
        }),
        Column::each("nameSource", Kind::Text, |row| {
            Cell::text(word(NameSource::from(row.entry.name.source)))
        }),
        Column::each("value", Kind::Text, |row| {
            Cell::text(row.entry.license.part_number.as_str())
        }),
        Column::each("status", Kind::Text, |row| {
            Cell::text(row.entry.license.status.as_str())
        }),
        Column::each("isCompanyWide", Kind::Flag, |row| {
            row.entry.license.is_company_wide.into()
        }),
        Column::each("seats.enabled", Kind::Number, |row| {
            int(row.seats().enabled).into()
        }),
        Column::each("seats.warning", Kind::Number, |row| {
            int(row.seats().warning).into()
        }),
        Column::each("seats.suspended", Kind::Number, |row| {
            int(row.seats().suspended).into()
        }),
        Column::each("seats.lockedOut", Kind::Number, |row| {
            int(row.seats().locked_out).into()
        }),
        Column::each("seats.consumed", Kind::Number, |row| {
            int(row.seats().consumed).into()
        }),
        Column::each("seats.available", Kind::Number, |row| {
            signed_int(row.seats().available()).into()
        }),
        Column::each("seats.active", Kind::Number, |row| {
            row.holders().active.into()
        }),
        Column::each("seats.inactive", Kind::Number, |row| {
            row.holders().inactive.into()
        }),
        Column::each("seats.unknown", Kind::Number, |row| {
            row.holders().unknown.into()
        }),
    ];

    fn open(
        reading: &Arc<Reading>,
        arguments: &Variables,
        _is_wanted: &dyn Fn() -> bool,
    ) -> Result<Self, Error> {
        let filter: Option<LicenseFilterInput> = argument(arguments, "filter")?;
        let filter = filter.unwrap_or_default().into_filter()?;
        let orders: Option<Vec<LicenseOrderInput>> = argument(arguments, "orderBy")?;
        let orders = license_orders(orders);
        let selected = license_connection::selected(reading, &filter, &orders).into_iter();
        let rows = selected.filter_map(|position| {
            let index = reading.index(&position.tenant)?;
            Some(Row {
                entry: index.license(position.sku_id)?.clone(),
                index: Arc::clone(index),
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
