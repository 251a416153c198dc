//! Lists of licenses. There are some dozens a tenant, so they are filtered and sorted one by one.

use std::sync::Arc;

use async_graphql::Object;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::license::{License, monthly_spend, whole};
use super::money::{Money, Told};
use super::order::{LicenseOrderInput, license_orders};
use super::paging::{Cut, Edge, PageArguments, PageInfo, cut};
use super::reading::Reading;
use crate::api::cursor;
use crate::api::error::Error;
use crate::api::scalars::int;
use crate::domain::ids::{SkuId, TenantKey};
use crate::domain::license_filter::{
    LicenseFacts, LicenseFilter, LicenseOrder, LicenseOrderField, LicensePosition, SortKey,
};
use crate::domain::money::{self, Currency, SeatCost};
use crate::engine::{LicenseEntry, TenantIndex};

/// The schema's description is on its `Object`.
pub(crate) struct LicenseConnection {
    reading: Arc<Reading>,
    /// What cursors are bound to.
    scope: String,
    page: Cut<Row>,
    /// All that the filter selects, on all pages.
    selected: Vec<License>,
}

struct Row {
    position: LicensePosition,
    license: License,
}

impl LicenseConnection {
    pub(crate) fn open(
        reading: &Arc<Reading>,
        filter: &LicenseFilter,
        order_by: Option<Vec<LicenseOrderInput>>,
        page: PageArguments,
    ) -> Result<Self, Error> {
        let orders = license_orders(order_by);
        let scope = format!("Query.licenses {orders:?}");
        let rooms = reading.rooms();
        let paging = page.parse(rooms.page_rows_max)?;
        let place = |cursor: &Option<String>| -> Result<Option<LicensePosition>, Error> {
            let Some(cursor) = cursor else {
                return Ok(None);
            };
            let bytes = rooms.cursors.open(&scope, cursor)?;
            from_bytes(&bytes).ok_or_else(cursor::refused).map(Some)
        };
        let (after, before) = (place(&paging.after)?, place(&paging.before)?);

        let row = |position: LicensePosition| {
            let index = reading.index(&position.tenant)?;
            let license = License::find(reading, index, position.sku_id)?;
            Some(Row { position, license })
        };
        let selected = selected(reading, filter, &orders).into_iter();
        let rows: Vec<Row> = selected.filter_map(row).collect();
        let selected = rows.iter().map(|row: &Row| row.license.clone()).collect();
        let is_between = |row: &Row, place: &LicensePosition| row.position.compare(place, &orders);
        let page = cut(
            rows,
            &paging,
            |row| {
                after
                    .as_ref()
                    .is_none_or(|after| is_between(row, after).is_gt())
            },
            |row| {
                before
                    .as_ref()
                    .is_none_or(|before| is_between(row, before).is_lt())
            },
        );
        Ok(Self {
            reading: reading.clone(),
            scope,
            page,
            selected,
        })
    }

    fn spend(&self) -> SeatCost {
        let mut all = SeatCost::default();
        for spend in self.selected.iter().filter_map(License::spend) {
            all.add_all(&spend);
        }
        all
    }

    fn cursor(&self, row: &Row) -> Result<String, Error> {
        let place = to_bytes(&row.position)?;
        self.reading.rooms().cursors.seal(&self.scope, &place)
    }
}

/// Where the licenses of all tenants for which a filter holds stand, in their order.
pub(crate) fn selected(
    reading: &Reading,
    filter: &LicenseFilter,
    orders: &[LicenseOrder],
) -> Vec<LicensePosition> {
    let by_spend = |order: &LicenseOrder| order.field == LicenseOrderField::MonthlySpend;
    let is_spend_asked = orders.iter().any(by_spend);
    let of_tenant = |index: &Arc<TenantIndex>| {
        let mut positions = Vec::new();
        for entry in index.licenses() {
            let spend = is_spend_asked.then(|| monthly_spend(reading, index, &entry.license));
            let facts = facts(index, entry, spend.as_ref().and_then(whole));
            if filter.holds(facts) {
                positions.push(LicensePosition::of(facts, orders));
            }
        }
        positions
    };
    let mut selected: Vec<_> = reading.indexes().iter().flat_map(of_tenant).collect();
    selected.sort_by(|left, right| left.compare(right, orders));
    selected
}

fn facts<'a>(
    index: &'a TenantIndex,
    entry: &'a LicenseEntry,
    monthly_spend: Option<money::Money>,
) -> LicenseFacts<'a> {
    LicenseFacts {
        tenant: index.key(),
        license: &entry.license,
        name: &entry.name,
        monthly_spend,
        monthly_savings: index.monthly_savings(entry.license.sku_id),
        class: index.class(entry.license.sku_id),
    }
}

/// A position inside a cursor.
#[derive(Serialize, Deserialize)]
struct Place {
    keys: Vec<Key>,
    tenant: String,
    sku_id: Uuid,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Number(i64),
    Text(String),
    Amount { currency: String, twelfths: String },
    Absent,
}

fn to_bytes(position: &LicensePosition) -> Result<Vec<u8>, Error> {
    let key = |key: &SortKey| match key {
        SortKey::Text(text) => Key::Text(text.clone()),
        SortKey::Number(number) => Key::Number(*number),
        SortKey::Amount(currency, twelfths) => Key::Amount {
            currency: currency.to_string(),
            twelfths: twelfths.to_string(),
        },
        SortKey::Absent => Key::Absent,
    };
    let place = Place {
        keys: position.keys.iter().map(key).collect(),
        tenant: position.tenant.to_string(),
        sku_id: position.sku_id.0,
    };
    serde_json::to_vec(&place)
        .map_err(|_| Error::internal("a license's place could not be written"))
}

fn from_bytes(bytes: &[u8]) -> Option<LicensePosition> {
    let place: Place = serde_json::from_slice(bytes).ok()?;
    let key = |key: Key| {
        Some(match key {
            Key::Text(text) => SortKey::Text(text),
            Key::Number(number) => SortKey::Number(number),
            Key::Amount { currency, twelfths } => {
                let twelfths = Decimal::from_str_exact(&twelfths).ok()?;
                SortKey::Amount(Currency::parse(&currency).ok()?, twelfths)
            }
            Key::Absent => SortKey::Absent,
        })
    };
    Some(LicensePosition {
        keys: place.keys.into_iter().map(key).collect::<Option<_>>()?,
        tenant: TenantKey::parse(&place.tenant).ok()?,
        sku_id: SkuId(place.sku_id),
    })
}

/// A page of licenses, with the count of all that the filter selects.
#[Object]
impl LicenseConnection {
    /// The page's licenses with their cursors.
    async fn edges(&self) -> Result<Vec<Edge<License>>, Error> {
        let edge = |row: &Row| {
            Ok(Edge {
                cursor: self.cursor(row)?,
                node: row.license.clone(),
            })
        };
        self.page.rows.iter().map(edge).collect()
    }

    /// The page's licenses.
    async fn nodes(&self) -> Vec<License> {
        let rows = self.page.rows.iter();
        rows.map(|row| row.license.clone()).collect()
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

    /// How many licenses are selected, on all pages.
    async fn total_count(&self) -> i32 {
        int(self.selected.len())
    }

    /// What the paid seats of all these licenses cost a month: an entry for each currency. Seats without
    /// a price are not in it: `unpricedSeats` counts them.
    async fn monthly_spend(
        &self,
        #[graphql(
            desc = "ISO 4217: the currency in which sums are told that a rate of today leads to."
        )]
        currency: Option<String>,
    ) -> Result<Vec<Money>, Error> {
        let told = Told::parse(currency.as_deref())?;
        Ok(told.sums(&self.reading, &self.spend().monthly))
    }

    /// How many of these seats have no price.
    async fn unpriced_seats(&self) -> i32 {
        int(self.spend().unpriced_seats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_being_written_and_read() {
        let position = LicensePosition {
            keys: vec![
                SortKey::Text("7".into()),
                SortKey::Number(-7),
                SortKey::Amount(Currency::parse("EUR").unwrap(), Decimal::new(123, 2)),
                SortKey::Absent,
            ],
            tenant: TenantKey::parse("contoso").unwrap(),
            sku_id: SkuId(Uuid::from_u128(7)),
        };
        let bytes = to_bytes(&position).unwrap();
        assert_eq!(from_bytes(&bytes), Some(position));
        assert_eq!(from_bytes(b"{}"), None);
    }
}
