//! The price book as a table of comma-separated values, for a spreadsheet and back.
//!
//! The first line names the columns, in any order and case:
//!
//! | column | meaning | when empty or missing |
//! |---|---|---|
//! | `id` | the entry that the row replaces | a new entry |
//! | `tenant` | the tenant's key | every tenant |
//! | `skuId` | Microsoft's GUID of the product | refused |
//! | `subscription` | Microsoft's GUID of the purchase; needs `tenant` | every purchase |
//! | `segment` | only for this segment | every segment |
//! | `amount` | what one seat costs, such as 36.00 | refused |
//! | `currency` | a code of ISO 4217 | refused |
//! | `per` | MONTH or YEAR | MONTH |
//! | `validFrom` | the first day, such as 2026-01-31 | refused |
//! | `validTo` | the last day | no end |
//! | `source` | where the price is from | nothing said |
//!
//! Spreadsheets of half of Europe write semicolons between the columns: both are read. A table is taken
//! whole or not at all.

mod columns;

use self::columns::{COLUMNS, Columns, cells};
use super::book::{PRICES_MAX, PriceBook, PriceConflict};
use super::{InvalidPrice, Price};
use crate::domain::ids::PriceId;
use crate::domain::money::InvalidAmount;

/// The largest table that is read, in bytes: [`PRICES_MAX`] rows with everything said.
pub const TABLE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// So many faults of a table are told at once.
const FAULTS_MAX: usize = 20;

/// What is wrong in a line of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct TableError {
    /// Counted from 1, as a text editor does.
    pub line: u64,
    /// What is wrong and what to do.
    pub fault: TableFault,
}

/// What may be wrong with a table. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableFault {
    /// More than [`TABLE_BYTES_MAX`].
    #[error("the table has more than {TABLE_BYTES_MAX} bytes; import it in parts")]
    TooLong,
    /// More than [`PRICES_MAX`] rows.
    #[error("the table has more than {PRICES_MAX} rows; leave out prices that have ended")]
    TooManyRows,
    /// A column that nobody knows.
    #[error("the column \"{0}\" is not one of {known}", known = COLUMNS.join(", "))]
    UnknownColumn(String),
    /// A column that is there twice.
    #[error("the column \"{0}\" is there twice")]
    RepeatedColumn(&'static str),
    /// A column that has to be there.
    #[error("there is no column \"{0}\"; the first line names the columns")]
    MissingColumn(&'static str),
    /// Another number of cells than columns.
    #[error(
        "the row has {cells} cells and the first line {columns}; a text with commas goes in quotes"
    )]
    Cells {
        /// How many there are.
        cells: u64,
        /// How many there are to be.
        columns: u64,
    },
    /// A cell that is no value of its column.
    #[error("{column}: {expected}")]
    Cell {
        /// The column.
        column: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// The amount is not one.
    #[error("amount: {0}")]
    Amount(InvalidAmount),
    /// What the row says together is not a price.
    #[error(transparent)]
    Price(#[from] InvalidPrice),
    /// The book does not take the price.
    #[error(transparent)]
    Conflict(#[from] PriceConflict),
}

/// A price of a table and the line that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Counted from 1.
    pub line: u64,
    /// What it says.
    pub price: Price,
}

/// Prices as a table: [`parse`] reads it back, and a spreadsheet runs nothing of it.
pub fn print<'a>(prices: impl IntoIterator<Item = &'a Price>) -> String {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // Writing to memory cannot fail, and every row has as many cells as the first.
    let _ = writer.write_record(COLUMNS);
    for price in prices {
        let _ = writer.write_record(cells(price));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// Takes a table into a book: all of it, or nothing with what is wrong. A row with the id of an entry
/// replaces it, a row without one is a new entry with the next id.
pub fn import(
    book: &PriceBook,
    text: &str,
    next_id: impl FnMut() -> PriceId,
) -> Result<PriceBook, Vec<TableError>> {
    taken(book, parse(text, next_id)?)
}

/// Takes the rows of a table into a book: all of them, or none with what is wrong.
pub fn taken(book: &PriceBook, rows: Vec<Row>) -> Result<PriceBook, Vec<TableError>> {
    let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
    let prices = rows.into_iter().map(|row| row.price).collect();
    book.with_all(prices).map_err(|(place, conflict)| {
        let line = lines.get(place).copied().unwrap_or_default();
        vec![error(line, conflict)]
    })
}

/// Reads a table. What is wrong with it is told together, the first twenty faults.
pub fn parse(
    text: &str,
    mut next_id: impl FnMut() -> PriceId,
) -> Result<Vec<Row>, Vec<TableError>> {
    if text.len() > TABLE_BYTES_MAX {
        return Err(vec![error(1, TableFault::TooLong)]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut lines = Lines::new(text);
    let mut records = reader.records();
    let header = records
        .next()
        .unwrap_or_else(|| Ok(csv::StringRecord::new()));
    let header = header.map_err(|broken| vec![not_a_row(&broken, &mut lines)])?;
    let columns = Columns::find(&header).map_err(|fault| vec![error(1, fault)])?;
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Ok(record) if record.iter().all(|cell| cell.trim().is_empty()) => {}
            Ok(record) => {
                let line = lines.number_at(record.position());
                if rows.len() >= PRICES_MAX {
                    return Err(vec![error(line, TableFault::TooManyRows)]);
                }
                match columns.read(&record, &mut next_id) {
                    Ok(price) => rows.push(Row { line, price }),
                    Err(fault) => faults.push(error(line, fault)),
                }
            }
            Err(broken) => faults.push(not_a_row(&broken, &mut lines)),
        }
        if faults.len() >= FAULTS_MAX {
            break;
        }
    }
    if faults.is_empty() {
        Ok(rows)
    } else {
        Err(faults)
    }
}

/// Which line of a text a row begins in. The reader of rows counts lines too, but is one behind where
/// they end as Windows ends them.
struct Lines<'a> {
    text: &'a str,
    counted: usize,
    number: u64,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            counted: 0,
            number: 1,
        }
    }

    /// The line of a row, which is not before the one asked for last.
    fn number_at(&mut self, position: Option<&csv::Position>) -> u64 {
        let byte = position.map_or(0, csv::Position::byte);
        let bytes = self.text.as_bytes();
        let mut begins = usize::try_from(byte).unwrap_or(0).min(bytes.len());
        while matches!(bytes.get(begins), Some(b'\r' | b'\n')) {
            begins += 1;
        }
        if let Some(passed) = bytes.get(self.counted..begins) {
            let ends = passed.iter().filter(|byte| **byte == b'\n').count();
            self.number = self.number.saturating_add(ends as u64);
            self.counted = begins;
        }
        self.number
    }
}

fn error(line: u64, fault: impl Into<TableFault>) -> TableError {
    TableError {
        line,
        fault: fault.into(),
    }
}

fn not_a_row(broken: &csv::Error, lines: &mut Lines<'_>) -> TableError {
    let fault = match broken.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => TableFault::Cells {
            cells: *len,
            columns: *expected_len,
        },
        _ => TableFault::Cell {
            column: "row",
            expected: "expected cells with commas or semicolons between them",
        },
    };
    error(lines.number_at(broken.position()), fault)
}

/// What stands between the names of columns, which have neither.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    if header.contains(';') { b';' } else { b',' }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;
    use uuid::Uuid;

    use super::super::ToldPrice;
    use super::*;
    use crate::domain::ids::{SkuId, SubscriptionId, TenantKey};
    use crate::domain::money::BillingPeriod;

    const HEADER: &str =
        "id,tenant,skuId,subscription,segment,amount,currency,per,validFrom,validTo,source";
    const E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";

    /// Ids 1001, 1002 and so on.
    fn ids() -> impl FnMut() -> PriceId {
        let mut numbers = 1_001..;
        move || PriceId(Uuid::from_u128(numbers.next().unwrap()))
    }

    #[test]
    fn a_small_table_says_what_it_must() {
        let text = format!("skuId,amount,currency,validFrom\n{E3},36,eur,2026-01-01\n");
        let rows = parse(&text, ids()).unwrap();
        let printed = print(rows.iter().map(|row| &row.price));
        let id = Uuid::from_u128(1_001);
        assert_eq!(
            printed,
            format!("{HEADER}\r\n{id},,{E3},,,36.00,EUR,MONTH,2026-01-01,,\r\n")
        );
        assert_eq!(rows[0].line, 2);
    }

    #[test]
    fn a_table_may_come_from_a_spreadsheet() {
        let text = format!(
            "\u{feff}SKUID;Amount;currency;per;validfrom;source\r\n{E3};432;EUR;year;2026-01-01;\"Invoice; 7\"\r\n;;;;;\r\n"
        );
        let rows = parse(&text, ids()).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].price.per, BillingPeriod::Year);
        assert_eq!(
            rows[0].price.source.as_ref().unwrap().as_str(),
            "Invoice; 7"
        );
    }

    #[test]
    fn an_exported_text_runs_nowhere_and_comes_back() {
        let text = format!(
            "skuId,amount,currency,validFrom,segment,source\n{E3},36,EUR,2026-01-01,@x,\"=1+1,2\"\n"
        );
        let rows = parse(&text, ids()).unwrap();
        let printed = print(rows.iter().map(|row| &row.price));
        assert!(printed.contains(",'@x,36.00,"), "{printed}");
        assert!(printed.ends_with(",\"'=1+1,2\"\r\n"), "{printed}");
        let again = parse(&printed, ids()).unwrap();
        assert_eq!(again, rows);
    }

    #[test]
    fn faults_are_told_together_with_their_lines_and_up_to_twenty() {
        let row = |amount: &str| format!("{E3},{amount},EUR,2026-01-01,\"two\nlines\"\n");
        let header = "skuId,amount,currency,validFrom,source\n";
        let text = format!("{header}{}\n{}{}1,2\n", row("x"), row("1"), row("-1"));
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            let faults = parse(&text, ids()).unwrap_err();
            let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
            assert_eq!(lines, [2, 7, 9]);
        }
        let many = format!("{header}{}", row("x").repeat(30));
        assert_eq!(parse(&many, ids()).unwrap_err().len(), FAULTS_MAX);
    }

    #[test]
    fn a_table_is_taken_whole_or_not_at_all() {
        let header = "skuId,amount,currency,validFrom,validTo\n";
        let rows = format!("{header}{E3},36,EUR,2026-01-01,2026-06-30\n{E3},39,EUR,2026-07-01,\n");
        let book = import(&PriceBook::default(), &rows, ids()).unwrap();
        assert_eq!(book.len(), 2);
        let clash = format!(
            "{header}{E3},30,EUR,2025-01-01,2025-12-31\n{E3},1,EUR,2026-06-30,2026-06-30\n"
        );
        let next = || PriceId(Uuid::new_v4());
        let faults = import(&book, &clash, next).unwrap_err();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].line, 3);
        assert!(matches!(
            faults[0].fault,
            TableFault::Conflict(PriceConflict::Overlap { .. })
        ));
        assert_eq!(book.len(), 2);
    }

    #[test]
    fn what_was_exported_may_be_edited_and_imported_again() {
        let header = "skuId,amount,currency,validFrom,validTo\n";
        let rows = format!("{header}{E3},36,EUR,2026-01-01,\n");
        let book = import(&PriceBook::default(), &rows, ids()).unwrap();
        let exported = print(book.entries().map(|price| &**price));
        let edited = exported.replace("36.00", "35.50");
        let again = import(&book, &edited, ids()).unwrap();
        assert_eq!(again.len(), 1);
        assert_eq!(again.entries().next().unwrap().amount_text(), "35.50");
        assert_eq!(import(&book, &exported, ids()), Ok(book));
    }

    #[test]
    fn the_size_of_a_table_is_bounded() {
        let header = "skuId,amount,currency,validFrom\n";
        let row = format!("{E3},1,EUR,2026-01-01\n");
        let full = format!("{header}{}", row.repeat(PRICES_MAX));
        assert_eq!(parse(&full, ids()).unwrap().len(), PRICES_MAX);
        let faults = parse(&format!("{full}{row}"), ids()).unwrap_err();
        assert_eq!(
            faults,
            [error(PRICES_MAX as u64 + 2, TableFault::TooManyRows)]
        );
        let long = " ".repeat(TABLE_BYTES_MAX + 1);
        assert_eq!(
            parse(&long, ids()).unwrap_err(),
            [error(1, TableFault::TooLong)]
        );
    }

    fn any_price() -> impl Strategy<Value = Price> {
        let text = || prop::option::of("[ -~äß＝€\"',;\n\r\t=+@-]{0,20}");
        let scope = (0u8..3, any::<u128>());
        let days = (0i64..40_000, prop::option::of(0i64..2_000));
        let amount = (0i64..=1_000_000_000_000_000, 0u32..=6);
        let currency = prop::sample::select(vec!["EUR", "JPY", "KWD"]);
        let per = prop::sample::select(vec![BillingPeriod::Month, BillingPeriod::Year]);
        (
            any::<u128>(),
            scope,
            (text(), text()),
            days,
            amount,
            currency,
            per,
        )
            .prop_map(
                |(
                    id,
                    (scope, guid),
                    (segment, source),
                    (from, length),
                    (units, digits),
                    currency,
                    per,
                )| {
                    let date = |number| crate::domain::day::date(number).unwrap();
                    let told = ToldPrice {
                        tenant: (scope > 0).then(|| TenantKey::parse("contoso").unwrap()),
                        subscription: (scope > 1).then_some(SubscriptionId(Uuid::from_u128(guid))),
                        sku_id: SkuId(Uuid::from_u128(guid)),
                        segment: segment.as_deref(),
                        amount: Decimal::new(units, 6).round_dp(digits),
                        currency,
                        per,
                        valid_from: date(from),
                        valid_to: length.map(|length| date(from + length)),
                        source: source.as_deref(),
                    };
                    Price::new(PriceId(Uuid::from_u128(id)), told).unwrap()
                },
            )
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again_to_the_letter(prices in prop::collection::vec(any_price(), 0..8)) {
            let rows = parse(&print(&prices), || unreachable!()).unwrap();
            let again: Vec<Price> = rows.into_iter().map(|row| row.price).collect();
            let names = |prices: &[Price]| -> Vec<Option<String>> {
                let segments = prices.iter().map(|price| price.segment.as_ref());
                segments.map(|segment| segment.map(|own| own.as_str().to_owned())).collect()
            };
            prop_assert_eq!(names(&again), names(&prices));
            prop_assert_eq!(again, prices);
        }

        #[test]
        fn no_table_of_whatever_bytes_breaks_the_reader(text in "\\PC{0,80}", rest in "[a-z0-9,;\"\n\r-]{0,200}") {
            let _ = parse(&text, ids());
            let _ = parse(&format!("{HEADER}\n{rest}"), ids());
        }
    }
}
