//! The columns of a table of prices: what goes into a cell and what is read from it.

use jiff::civil::Date;

use super::TableFault;
use crate::domain::cell::{guarded, unguarded};
use crate::domain::ids::{PriceId, SkuId, SubscriptionId, TenantKey};
use crate::domain::money::{BillingPeriod, parse_amount};
use crate::domain::prices::{Price, ToldPrice};

/// The columns, as they are exported.
pub(super) const COLUMNS: [&str; 11] = [
    "id",
    "tenant",
    "skuId",
    "subscription",
    "segment",
    "amount",
    "currency",
    "per",
    "validFrom",
    "validTo",
    "source",
];

/// The cells of a price, in the order of [`COLUMNS`].
pub(super) fn cells(price: &Price) -> [String; 11] {
    let segment = price.segment.as_ref().map(|segment| segment.as_str());
    let source = price.source.as_ref().map(|source| source.as_str());
    [
        price.id.to_string(),
        price
            .scope
            .tenant()
            .map(ToString::to_string)
            .unwrap_or_default(),
        price.sku_id.to_string(),
        price
            .scope
            .subscription()
            .map(|id| id.to_string())
            .unwrap_or_default(),
        guarded(segment.unwrap_or_default()).into_owned(),
        price.amount_text(),
        price.rate.currency().to_string(),
        per_name(price.per).to_owned(),
        price.validity.from().to_string(),
        price
            .validity
            .to()
            .map(|to| to.to_string())
            .unwrap_or_default(),
        guarded(source.unwrap_or_default()).into_owned(),
    ]
}

fn per_name(per: BillingPeriod) -> &'static str {
    match per {
        BillingPeriod::Month => "MONTH",
        BillingPeriod::Year => "YEAR",
    }
}

/// Where each of [`COLUMNS`] is in a table.
pub(super) struct Columns([Option<usize>; COLUMNS.len()]);

impl Columns {
    pub(super) fn find(header: &csv::StringRecord) -> Result<Self, TableFault> {
        let mut places = [None; COLUMNS.len()];
        for (place, name) in header.iter().enumerate() {
            let name = name.trim();
            let known = COLUMNS
                .iter()
                .position(|own| own.eq_ignore_ascii_case(name));
            let Some(column) = known else {
                let shown = name.chars().take(60).collect();
                return Err(TableFault::UnknownColumn(shown));
            };
            if places[column].replace(place).is_some() {
                return Err(TableFault::RepeatedColumn(COLUMNS[column]));
            }
        }
        let columns = Self(places);
        for name in ["skuId", "amount", "currency", "validFrom"] {
            if columns.place(name).is_none() {
                return Err(TableFault::MissingColumn(name));
            }
        }
        Ok(columns)
    }

    fn place(&self, name: &str) -> Option<usize> {
        let column = COLUMNS.iter().position(|own| *own == name)?;
        self.0[column]
    }

    /// What a cell says; `None` where it is empty, or there is no such column.
    fn cell<'a>(&self, record: &'a csv::StringRecord, name: &str) -> Option<&'a str> {
        let cell = record.get(self.place(name)?)?;
        Some(unguarded(cell.trim())).filter(|text| !text.is_empty())
    }

    /// What a cell says, read; `None` where it is empty.
    fn read_cell<T>(
        &self,
        record: &csv::StringRecord,
        (column, expected): (&'static str, &'static str),
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, TableFault> {
        let cell = self.cell(record, column).map(read);
        match cell {
            None => Ok(None),
            Some(Some(value)) => Ok(Some(value)),
            Some(None) => Err(TableFault::Cell { column, expected }),
        }
    }

    /// The price that a row tells; one without an id gets the next.
    pub(super) fn read(
        &self,
        record: &csv::StringRecord,
        next_id: impl FnOnce() -> PriceId,
    ) -> Result<Price, TableFault> {
        const GUID: &str = "expected a GUID, such as 05e9a617-0261-4cee-bb44-138d3ef5d965";
        const DATE: &str = "expected a date, such as 2026-01-31";
        let date = |text: &str| text.parse::<Date>().ok();
        let missing = |column, expected| TableFault::Cell { column, expected };
        let id = self.read_cell(record, ("id", GUID), PriceId::parse)?;
        let sku_id = self.read_cell(record, ("skuId", GUID), SkuId::parse)?;
        let valid_from = self.read_cell(record, ("validFrom", DATE), date)?;
        let amount = self.cell(record, "amount").unwrap_or_default();
        let told = ToldPrice {
            tenant: self.read_cell(
                record,
                ("tenant", "expected the key of a tenant, such as contoso"),
                |text| TenantKey::parse(text).ok(),
            )?,
            subscription: self.read_cell(record, ("subscription", GUID), SubscriptionId::parse)?,
            sku_id: sku_id.ok_or(missing("skuId", GUID))?,
            segment: self.cell(record, "segment"),
            amount: parse_amount(amount).map_err(TableFault::Amount)?,
            currency: self.cell(record, "currency").unwrap_or_default(),
            per: self
                .read_cell(record, ("per", "expected MONTH or YEAR"), read_per)?
                .unwrap_or(BillingPeriod::Month),
            valid_from: valid_from.ok_or(missing("validFrom", DATE))?,
            valid_to: self.read_cell(record, ("validTo", DATE), date)?,
            source: self.cell(record, "source"),
        };
        Ok(Price::new(id.unwrap_or_else(next_id), told)?)
    }
}

fn read_per(text: &str) -> Option<BillingPeriod> {
    let periods = [BillingPeriod::Month, BillingPeriod::Year];
    let mut periods = periods.into_iter();
    periods.find(|per| text.eq_ignore_ascii_case(per_name(*per)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::{TableError, parse};
    use super::*;

    const HEADER: &str =
        "id,tenant,skuId,subscription,segment,amount,currency,per,validFrom,validTo,source";
    const E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";

    #[track_caller]
    fn check_faults(text: &str, expected: &[&str]) {
        let faults = parse(text, || PriceId(Uuid::nil()))
            .err()
            .unwrap_or_default();
        let faults: Vec<_> = faults.iter().map(TableError::to_string).collect();
        assert_eq!(faults, expected);
    }

    #[test]
    fn a_header_that_does_not_fit_is_refused() {
        check_faults(
            "",
            &["line 1: there is no column \"skuId\"; the first line names the columns"],
        );
        check_faults(
            "skuId,amount,currency\n",
            &["line 1: there is no column \"validFrom\"; the first line names the columns"],
        );
        check_faults(
            "skuId,amount,currency,validFrom,skuid\n",
            &["line 1: the column \"skuId\" is there twice"],
        );
        check_faults(
            "skuId,price\n",
            &[
                "line 1: the column \"price\" is not one of id, tenant, skuId, subscription, segment, amount, currency, per, validFrom, validTo, source",
            ],
        );
    }

    /// One row after a header with every column.
    #[track_caller]
    fn check_row(row: &str, expected: Option<&str>) {
        let expected: Vec<_> = expected
            .map(|fault| format!("line 2: {fault}"))
            .into_iter()
            .collect();
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        check_faults(&format!("{HEADER}\n{row}\n"), &expected);
    }

    #[test]
    fn each_cell_is_checked() {
        const GUID: &str = "expected a GUID, such as 05e9a617-0261-4cee-bb44-138d3ef5d965";
        check_row(
            &format!(",,{E3},,,1,EUR,MONTH,2026-01-01,2026-01-01,"),
            None,
        );
        check_row(
            &format!("7,,{E3},,,1,EUR,,2026-01-01,,"),
            Some(&format!("id: {GUID}")),
        );
        check_row(",,,,,1,EUR,,2026-01-01,,", Some(&format!("skuId: {GUID}")));
        check_row(
            &format!(",,{E3},x,,1,EUR,,2026-01-01,,"),
            Some(&format!("subscription: {GUID}")),
        );
        check_row(
            &format!(",Contoso,{E3},,,1,EUR,,2026-01-01,,"),
            Some("tenant: expected the key of a tenant, such as contoso"),
        );
        check_row(
            &format!(",,{E3},{E3},,1,EUR,,2026-01-01,,"),
            Some("the price of a subscription names the tenant that bought it"),
        );
        check_row(
            &format!(",,{E3},,,\"1,5\",EUR,,2026-01-01,,"),
            Some(
                "amount: an amount is written with digits and a point, such as 36.00, without separators or a sign of currency",
            ),
        );
        check_row(
            &format!(",,{E3},,,1,,,2026-01-01,,"),
            Some("a currency is one of the three-letter codes of ISO 4217, such as EUR or USD"),
        );
        check_row(
            &format!(",,{E3},,,1,EUR,WEEK,2026-01-01,,"),
            Some("per: expected MONTH or YEAR"),
        );
        check_row(
            &format!(",,{E3},,,1,EUR,,,,"),
            Some("validFrom: expected a date, such as 2026-01-31"),
        );
        check_row(
            &format!(",,{E3},,,1,EUR,,2026-02-29,,"),
            Some("validFrom: expected a date, such as 2026-01-31"),
        );
        check_row(
            &format!(",,{E3},,,1,EUR,,2026-01-01,31.12.2026,"),
            Some("validTo: expected a date, such as 2026-01-31"),
        );
        check_row(
            &format!(",,{E3},,,1,EUR,,2026-01-01,2025-12-31,"),
            Some(
                "validTo 2025-12-31 is before validFrom 2026-01-01; a price for one day has both the same",
            ),
        );
        check_row(
            &format!("{E3},1,EUR"),
            Some("the row has 3 cells and the first line 11; a text with commas goes in quotes"),
        );
    }
}
