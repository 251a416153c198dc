//! Lists of findings.

use std::sync::{Arc, OnceLock};

use async_graphql::Object;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::finding::Finding;
use super::finding_inputs::{FindingOrderInput, finding_orders};
use super::money::{Money, Told};
use super::paging::{Edge, PageArguments, PageInfo};
use super::reading::Reading;
use crate::api::cursor;
use crate::api::error::Error;
use crate::api::scalars::int;
use crate::domain::day::Day;
use crate::domain::finding::{FindingKey, FindingKind, Placed as _, Totals};
use crate::domain::finding_filter::{FindingFilter, FindingPosition};
use crate::domain::ids::{ObjectId, SkuId, SubscriptionId, TenantKey};
use crate::domain::money::Currency;
use crate::engine::{FindingRow, FindingSelection, FindingWindow, Page, select_findings};

/// The schema's description is on its `Object`.
pub(crate) struct FindingConnection {
    reading: Arc<Reading>,
    /// What cursors are bound to.
    scope: String,
    selection: FindingSelection,
    /// Of all that are selected, once a field asks for them.
    totals: OnceLock<Totals>,
    page: Page<FindingRow>,
}

impl FindingConnection {
    pub(crate) fn open(
        reading: &Arc<Reading>,
        filter: &FindingFilter,
        order_by: Option<Vec<FindingOrderInput>>,
        page: PageArguments,
    ) -> Result<Self, Error> {
        let orders = finding_orders(order_by);
        let scope = format!("Query.findings {orders:?}");
        let rooms = reading.rooms();
        let paging = page.parse(rooms.page_rows_max)?;
        let place = |cursor: &Option<String>| -> Result<Option<FindingPosition>, Error> {
            let Some(cursor) = cursor else {
                return Ok(None);
            };
            let bytes = rooms.cursors.open(&scope, cursor)?;
            from_bytes(&bytes).ok_or_else(cursor::refused).map(Some)
        };
        let (after, before) = (place(&paging.after)?, place(&paging.before)?);
        let selection = select_findings(reading.indexes(), filter, &orders);
        Ok(Self {
            page: selection.page(&FindingWindow {
                size: paging.size,
                from_end: paging.from_end,
                after,
                before,
            }),
            reading: reading.clone(),
            scope,
            selection,
            totals: OnceLock::new(),
        })
    }

    fn totals(&self) -> &Totals {
        self.totals.get_or_init(|| self.selection.totals())
    }

    fn cursor(&self, row: &FindingRow) -> Result<String, Error> {
        let place = to_bytes(&row.position())?;
        self.reading.rooms().cursors.seal(&self.scope, &place)
    }

    fn node(&self, row: &FindingRow) -> Finding {
        Finding::new(self.reading.clone(), row.clone())
    }
}

/// A position inside a cursor.
#[derive(Serialize, Deserialize)]
struct Place {
    /// Currency and amount.
    savings: Option<(Option<String>, String)>,
    first_seen_on: i64,
    kind: u8,
    user: Option<Uuid>,
    sku: Option<Uuid>,
    subscription: Option<Uuid>,
    tenant: String,
}

/// The inside of a cursor.
pub(super) fn to_bytes(position: &FindingPosition) -> Result<Vec<u8>, Error> {
    let savings = position.monthly_savings.as_ref().map(|(currency, amount)| {
        let currency = currency.map(|currency| currency.code().to_owned());
        (currency, amount.to_string())
    });
    let key = &position.key;
    let place = Place {
        savings,
        first_seen_on: position.first_seen_on.number(),
        kind: key.kind.place(),
        user: key.user.map(|id| id.0),
        sku: key.sku.map(|id| id.0),
        subscription: key.subscription.map(|id| id.0),
        tenant: position.tenant.to_string(),
    };
    serde_json::to_vec(&place)
        .map_err(|_| Error::internal("a finding's place could not be written"))
}

/// What [`to_bytes`] wrote.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<FindingPosition> {
    let place: Place = serde_json::from_slice(bytes).ok()?;
    let monthly_savings = match place.savings {
        None => None,
        Some((currency, amount)) => {
            let currency = match currency {
                Some(code) => Some(Currency::parse(&code).ok()?),
                None => None,
            };
            let amount: Decimal = amount.parse().ok()?;
            Some((currency, amount))
        }
    };
    Some(FindingPosition {
        monthly_savings,
        first_seen_on: Day::numbered(place.first_seen_on)?,
        key: FindingKey {
            kind: FindingKind::at(place.kind.into())?,
            user: place.user.map(ObjectId),
            sku: place.sku.map(SkuId),
            subscription: place.subscription.map(SubscriptionId),
        },
        tenant: TenantKey::parse(&place.tenant).ok()?,
    })
}

/// A page of findings, with the count and the sums of all that the filter selects.
#[Object]
impl FindingConnection {
    /// The page's findings with their cursors.
    async fn edges(&self) -> Result<Vec<Edge<Finding>>, Error> {
        let edge = |row: &FindingRow| {
            Ok(Edge {
                cursor: self.cursor(row)?,
                node: self.node(row),
            })
        };
        self.page.rows.iter().map(edge).collect()
    }

    /// The page's findings.
    async fn nodes(&self) -> Vec<Finding> {
        self.page.rows.iter().map(|row| self.node(row)).collect()
    }

    /// Where the page lies in the list.
    async fn page_info(&self) -> Result<PageInfo, Error> {
        let cursor = |row: Option<&FindingRow>| row.map(|row| self.cursor(row)).transpose();
        Ok(PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: cursor(self.page.rows.first())?,
            end_cursor: cursor(self.page.rows.last())?,
        })
    }

    /// How many findings are selected, on all pages.
    async fn total_count(&self) -> i32 {
        int(self.selection.count())
    }

    /// What following the open findings would save a month: an entry for each currency. No seat is counted
    /// twice, and no license saves more than is paid for it. Findings for review (confidence `LOW`) are
    /// not counted.
    async fn monthly_savings(
        &self,
        #[graphql(
            desc = "ISO 4217: the currency in which sums are told that a rate of today leads to."
        )]
        currency: Option<String>,
    ) -> Result<Vec<Money>, Error> {
        let told = Told::parse(currency.as_deref())?;
        Ok(told.sums(&self.reading, &self.totals().monthly_savings))
    }

    /// What open findings for review (confidence `LOW`) would save besides.
    async fn monthly_savings_in_review(
        &self,
        #[graphql(
            desc = "ISO 4217: the currency in which sums are told that a rate of today leads to."
        )]
        currency: Option<String>,
    ) -> Result<Vec<Money>, Error> {
        let told = Told::parse(currency.as_deref())?;
        Ok(told.sums(&self.reading, &self.totals().monthly_savings_in_review))
    }

    /// What is not saved because somebody decided to leave the finding for a time.
    async fn monthly_savings_forgone(
        &self,
        #[graphql(
            desc = "ISO 4217: the currency in which sums are told that a rate of today leads to."
        )]
        currency: Option<String>,
    ) -> Result<Vec<Money>, Error> {
        let told = Told::parse(currency.as_deref())?;
        Ok(told.sums(&self.reading, &self.totals().monthly_savings_forgone))
    }

    /// What is saved already: the seats are gone.
    async fn monthly_savings_realized(
        &self,
        #[graphql(
            desc = "ISO 4217: the currency in which sums are told that a rate of today leads to."
        )]
        currency: Option<String>,
    ) -> Result<Vec<Money>, Error> {
        let told = Told::parse(currency.as_deref())?;
        Ok(told.sums(&self.reading, &self.totals().monthly_savings_realized))
    }

    /// Seats of open findings that would be saved but whose price is not known. Findings for review
    /// (confidence `LOW`) are not counted.
    async fn unpriced_seats(&self) -> i32 {
        int(self.totals().unpriced_seats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_being_written_and_read() {
        let sku = SkuId(Uuid::from_u128(7));
        let amount = "36.10".parse().unwrap();
        for monthly_savings in [
            None,
            Some((None, Decimal::ZERO)),
            Some((Currency::parse("EUR").ok(), amount)),
        ] {
            let position = FindingPosition {
                monthly_savings,
                first_seen_on: Day::numbered(20_000).unwrap(),
                key: FindingKey::of_license(FindingKind::UnassignedSeats, sku),
                tenant: TenantKey::parse("contoso").unwrap(),
            };
            let bytes = to_bytes(&position).unwrap();
            assert_eq!(from_bytes(&bytes), Some(position));
        }
        assert_eq!(from_bytes(b"{}"), None);
    }
}
