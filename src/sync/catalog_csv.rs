//! Files of product names, as operators and Microsoft have them.
//!
//! Microsoft publishes its list as CSV, with a row for every service plan in every product; it has
//! come with and without a byte order mark, in UTF-8 and in Windows-1252. A short form with one row
//! a product and our own catalog format are read as well. What the names look like is the domain's
//! business; this file only finds them.

use std::collections::HashSet;

use crate::domain::catalog::{Catalog, ENTRIES_MAX};
use crate::domain::ids::{PlanId, SkuId};

/// The most bytes a file of product names may have; Microsoft's has about one million.
pub const FILE_BYTES_MAX: usize = 16_000_000;

/// A file as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogFile {
    /// The names it holds.
    pub catalog: Catalog,
    /// Rows without a GUID or a name; they are left out.
    pub skipped_rows: usize,
}

/// Why a file holds no product names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogFileError {
    /// See [`FILE_BYTES_MAX`].
    #[error("the file is larger than {} MB", FILE_BYTES_MAX / 1_000_000)]
    TooLarge,
    /// More products or plans than a catalog may hold.
    #[error("the file names more than {ENTRIES_MAX} products or service plans")]
    TooMany,
    /// A broken file in our own format.
    #[error(transparent)]
    Catalog(#[from] crate::domain::catalog::CatalogError),
    /// The columns are not there: an error page, say.
    #[error(
        "the first line names no columns of a product list; expected Product_Display_Name, String_Id, GUID (Microsoft's CSV), or product_name, string_id, guid"
    )]
    NotAProductList,
    /// The file is cut or is not CSV.
    #[error("line {line}: not CSV")]
    NotCsv {
        /// Counted from 1.
        line: u64,
    },
    /// More than one row in a hundred is unreadable: this is another kind of file.
    #[error("{skipped} of {rows} rows have no GUID or no name")]
    Unreadable {
        /// Rows that were left out.
        skipped: usize,
        /// All rows.
        rows: usize,
    },
}

/// Reads a file of product names in any of its forms.
pub fn read_catalog(bytes: &[u8]) -> Result<CatalogFile, CatalogFileError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(CatalogFileError::TooLarge);
    }
    let text = decoded(bytes);
    if text.starts_with("seatwise-catalog") {
        return Ok(CatalogFile {
            catalog: Catalog::parse(&text)?,
            skipped_rows: 0,
        });
    }
    read_csv(&text)
}

/// UTF-8 with or without a byte order mark, UTF-16 with one, else Windows-1252, in which every text
/// can be read.
fn decoded(bytes: &[u8]) -> String {
    let encoding = match std::str::from_utf8(bytes) {
        Ok(_) => encoding_rs::UTF_8,
        Err(_) => encoding_rs::WINDOWS_1252,
    };
    // A byte order mark at the beginning wins over what is asked for, and is removed.
    let (text, _, _) = encoding.decode(bytes);
    text.into_owned()
}

fn read_csv(text: &str) -> Result<CatalogFile, CatalogFileError> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(not_csv)?;
    let columns = Columns::find(header).ok_or(CatalogFileError::NotAProductList)?;
    let mut names = Names::default();
    let mut rows = 0;
    let mut skipped_rows = 0;
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(not_csv)? {
        rows += 1;
        if columns.read(&row, &mut names).is_none() {
            skipped_rows += 1;
        }
        if names.products.len().max(names.plans.len()) > ENTRIES_MAX {
            return Err(CatalogFileError::TooMany);
        }
    }
    if names.products.is_empty() || skipped_rows * 100 > rows {
        return Err(CatalogFileError::Unreadable {
            skipped: skipped_rows,
            rows,
        });
    }
    Ok(CatalogFile {
        catalog: names.catalog,
        skipped_rows,
    })
}

fn not_csv(error: csv::Error) -> CatalogFileError {
    CatalogFileError::NotCsv {
        line: error.position().map_or(1, csv::Position::line),
    }
}

/// What was read so far; of several names for one GUID the first counts.
#[derive(Default)]
struct Names {
    catalog: Catalog,
    products: HashSet<SkuId>,
    plans: HashSet<PlanId>,
}

/// Where the columns are.
struct Columns {
    product_name: usize,
    product_value: usize,
    product_id: usize,
    plan: Option<PlanColumns>,
}

struct PlanColumns {
    /// The friendly name; a plan without one is called by its value.
    name: usize,
    value: usize,
    id: usize,
}

impl Columns {
    fn find(header: &csv::StringRecord) -> Option<Self> {
        let column = |names: &[&str]| {
            header.iter().position(|cell| {
                let cell = cell.trim().to_ascii_lowercase();
                // A byte order mark that was read as text stands before the first name.
                names.iter().any(|name| {
                    cell.strip_suffix(name).is_some_and(|before| {
                        !before.contains(|c: char| c.is_ascii_alphanumeric() || c == '_')
                    })
                })
            })
        };
        let plan = || {
            Some(PlanColumns {
                name: column(&["service_plans_included_friendly_names"])?,
                value: column(&["service_plan_name"])?,
                id: column(&["service_plan_id"])?,
            })
        };
        Some(Self {
            product_name: column(&["product_display_name", "product_name"])?,
            product_value: column(&["string_id"])?,
            product_id: column(&["guid"])?,
            plan: plan(),
        })
    }

    /// `None` where the row names no product.
    fn read(&self, row: &csv::StringRecord, names: &mut Names) -> Option<()> {
        let cell = |column: usize| {
            row.get(column)
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
        };
        let id = SkuId::parse(cell(self.product_id)?)?;
        let (name, value) = (cell(self.product_name)?, cell(self.product_value)?);
        if names.products.insert(id) {
            names.catalog.insert_product(id, value, name);
        }
        if let Some(plan) = &self.plan
            && let Some(id) = cell(plan.id).and_then(PlanId::parse)
            && let (Some(name), Some(value)) = (cell(plan.name), cell(plan.value))
            && names.plans.insert(id)
        {
            names.catalog.insert_plan(id, value, name);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Product_Display_Name,String_Id,GUID,Service_Plan_Name,Service_Plan_Id,Service_Plans_Included_Friendly_Names";
    const E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
    const PLAN: &str = "efb87545-963c-4e0d-99df-69c6916d9eb0";

    fn microsofts(name: &str) -> String {
        format!(
            "{HEADER}\r\n{name},SPE_E3,{E3},EXCHANGE_S_ENTERPRISE,{PLAN},\"Exchange, Plan 2\"\r\n"
        )
    }

    #[track_caller]
    fn check(bytes: &[u8], name: &str) {
        let file = read_catalog(bytes).unwrap();
        let id = SkuId::parse(E3).unwrap();
        assert_eq!(file.catalog.product(id).unwrap().name, name);
        assert_eq!(file.catalog.product(id).unwrap().value, "SPE_E3");
    }

    #[track_caller]
    fn refused(bytes: &[u8], message: &str) {
        assert_eq!(read_catalog(bytes).unwrap_err().to_string(), message);
    }

    #[test]
    fn microsofts_list_is_read_with_its_plans() {
        let file = read_catalog(microsofts("Microsoft 365 E3").as_bytes()).unwrap();
        assert_eq!(file.catalog.product_count(), 1);
        assert_eq!(file.skipped_rows, 0);
        let plan = PlanId::parse(PLAN).unwrap();
        assert_eq!(file.catalog.plan_name(plan, ""), "Exchange, Plan 2");
    }

    #[test]
    fn a_list_is_read_in_every_encoding_it_has_come_in() {
        let text = microsofts("Café\u{a0}365");
        let windows = text
            .chars()
            .map(|c| u32::from(c) as u8)
            .collect::<Vec<u8>>();
        let utf_16 = "\u{feff}"
            .encode_utf16()
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes);
        check(text.as_bytes(), "Café 365");
        check(format!("\u{feff}{text}").as_bytes(), "Café 365");
        check(format!("ï»¿{text}").as_bytes(), "Café 365");
        check(format!("???{text}").as_bytes(), "Café 365");
        check(&windows, "Café 365");
        check(&utf_16.collect::<Vec<u8>>(), "Café 365");
    }

    #[test]
    fn names_are_tidied_and_the_first_of_several_counts() {
        let row = |name: &str| format!("{name},SPE_E3,{},,,\n", E3.to_uppercase());
        let text = format!("{HEADER}\n{}{}", row(" Microsoft  365 E3 "), row("Other"));
        check(text.as_bytes(), "Microsoft 365 E3");
    }

    #[test]
    fn the_short_form_and_our_own_are_read() {
        check(
            format!("product_name,string_id,guid\nMicrosoft 365 E3,SPE_E3,{E3}\n").as_bytes(),
            "Microsoft 365 E3",
        );
        check(
            format!("guid,string_id,product_name\n{E3},SPE_E3,Microsoft 365 E3\n").as_bytes(),
            "Microsoft 365 E3",
        );
        check(
            Catalog::compiled_in().to_text().as_bytes(),
            "Microsoft 365 E3",
        );
    }

    #[test]
    fn a_bad_row_is_left_out_and_counted_and_many_make_another_kind_of_file() {
        let good = |number: usize| {
            format!(
                "Product {number},P_{number},{}\n",
                uuid::Uuid::from_u128(number as u128)
            )
        };
        let rows: String = (0..199).map(good).collect();
        let file =
            read_catalog(format!("product_name,string_id,guid\n{rows}Odd,ODD,none\n").as_bytes())
                .unwrap();
        assert_eq!((file.catalog.product_count(), file.skipped_rows), (199, 1));
        let text = format!("product_name,string_id,guid\n{}A,B\n,,\n", good(1));
        refused(text.as_bytes(), "2 of 3 rows have no GUID or no name");
        refused(
            b"product_name,string_id,guid\n",
            "0 of 0 rows have no GUID or no name",
        );
    }

    #[test]
    fn another_kind_of_file_is_refused_in_words() {
        let columns = "the first line names no columns of a product list; expected Product_Display_Name, String_Id, GUID (Microsoft's CSV), or product_name, string_id, guid";
        refused(b"", columns);
        refused(b"<!DOCTYPE html><html>", columns);
        refused(b"\x00\xff\xfe\x00,,,\n", columns);
        refused(
            b"seatwise-catalog 1\nwhat\n",
            "line 2: expected kind, GUID, value and name, separated by tabs",
        );
        refused(
            &vec![b'a'; FILE_BYTES_MAX + 1],
            "the file is larger than 16 MB",
        );
    }

    #[test]
    fn a_list_of_absurd_length_is_refused() {
        let rows: String = (0..=ENTRIES_MAX as u128)
            .map(|n| format!("P,P,{}\n", uuid::Uuid::from_u128(n)))
            .collect();
        let text = format!("product_name,string_id,guid\n{rows}");
        refused(
            text.as_bytes(),
            "the file names more than 50000 products or service plans",
        );
    }
}
