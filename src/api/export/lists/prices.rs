//! Prices, as they stand today and as they will: what `prices` answers.
//!
//! Their columns are those of the table of prices and not fields of the schema, so that what is exported
//! as CSV can be changed in a spreadsheet and imported again.

use std::sync::Arc;
use std::vec;

use async_graphql::{ID, Variables};

use super::{Listed, argument};
use crate::api::error::Error;
use crate::api::export::cell::{Cell, Kind};
use crate::api::export::column::Column;
use crate::api::ids;
use crate::api::scalars::word;
use crate::api::types::price::{BillingPeriod, standing};
use crate::api::types::reading::Reading;
use crate::domain::prices::{Price, Segment, Source};

/// The prices that are still to be read.
pub(super) struct Prices {
    entries: vec::IntoIter<Arc<Price>>,
}

impl Listed for Prices {
    type Row = Arc<Price>;

    const NAME: &'static str = "prices";
    const QUESTION: &'static str = "query ($license: ID) {prices(license: $license) {__typename}}";
    const TAKES: &'static [&'static str] = &["license"];
    const EXAMPLE: &'static str = "";
    const COLUMNS: &'static [Column<Arc<Price>>] = &[
        Column::each("id", Kind::Text, |price| Cell::text(price.id.to_string())),
        Column::each("tenant", Kind::Text, |price| {
            price.scope.tenant().map(|tenant| tenant.as_str()).into()
        }),
        Column::each("skuId", Kind::Text, |price| {
            Cell::text(price.sku_id.to_string())
        }),
        Column::each("subscription", Kind::Text, |price| {
            let subscription = price.scope.subscription();
            subscription.map(|id| id.to_string()).into()
        }),
        Column::each("segment", Kind::Text, |price| {
            price.segment.as_ref().map(Segment::as_str).into()
        }),
        Column::each("amount", Kind::Text, |price| {
            Cell::text(price.amount_text())
        }),
        Column::each("currency", Kind::Text, |price| {
            Cell::text(price.rate.currency().to_string())
        }),
        Column::each("per", Kind::Text, |price| {
            Cell::text(word(BillingPeriod::from(price.per)))
        }),
        Column::each("validFrom", Kind::Day, |price| {
            Some(price.validity.from()).into()
        }),
        Column::each("validTo", Kind::Day, |price| price.validity.to().into()),
        Column::each("source", Kind::Text, |price| {
            price.source.as_ref().map(Source::as_str).into()
        }),
    ];

    fn open(
        reading: &Arc<Reading>,
        arguments: &Variables,
        _is_wanted: &dyn Fn() -> bool,
    ) -> Result<Self, Error> {
        let license: Option<ID> = argument(arguments, "license")?;
        let license = license.as_ref().map(ids::license).transpose()?;
        Ok(Self {
            entries: standing(reading, license.as_ref()).into_iter(),
        })
    }

    fn count(&self) -> u64 {
        self.entries.len() as u64
    }

    fn next(&mut self, most: usize) -> Vec<Arc<Price>> {
        self.entries.by_ref().take(most).collect()
    }
}
