//! One answer of a report: its rows, packed, and what was counted on the way.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::packed::{PackedRows, People, Person};
use crate::domain::standing::Fetched;
use crate::domain::usage::Values;
use crate::msgraph::{Quarantined, Report, ReportKey, ReportRow};

/// One answer of a report.
pub(super) struct Answer {
    /// What was asked for.
    pub(super) what: Fetched,
    /// The refresh date.
    pub(super) reported_on: Option<Date>,
    /// Rows that could be read.
    pub(super) row_count: u64,
    /// Those of people who are deleted, and of nobody at all.
    pub(super) nobodys: u64,
    /// Those of people whose names are concealed, where others are told.
    pub(super) concealed: u64,
    /// Rows that could not be read.
    pub(super) quarantined: u64,
    /// One of those.
    pub(super) example: Option<Quarantined>,
    /// The others.
    pub(super) rows: PackedRows,
}

impl Answer {
    /// Packs a report; whom it names are added to `people`.
    pub(super) fn new(what: Fetched, report: Report, people: &mut People) -> Self {
        let Report {
            reported_on,
            rows,
            quarantined,
            ..
        } = report;
        let row_count = rows.len() as u64;
        let is_concealed = |row: &&ReportRow| row.who == ReportKey::Concealed;
        let concealed = rows.iter().filter(is_concealed).count() as u64;
        let mut own: Vec<(u32, ReportRow)> = Vec::new();
        for row in rows {
            if let Some(person) = Person::of(&row.who).filter(|_| !row.is_deleted) {
                own.push((people.place(person), row));
            }
        }
        let nobodys = row_count - concealed - own.len() as u64;
        if what == Fetched::Whole {
            own = of_all_products(own);
        }
        let mut packed = PackedRows::default();
        for (person, row) in &own {
            packed.push(*person, row);
        }
        Self {
            what,
            reported_on,
            row_count,
            nobodys,
            concealed,
            quarantined: quarantined.len() as u64,
            example: quarantined.into_iter().next(),
            rows: packed,
        }
    }
}

/// The report of activations has a row for each product of a person. Products share devices, so the
/// largest number of each kind of device counts, and not the sum.
fn of_all_products(rows: Vec<(u32, ReportRow)>) -> Vec<(u32, ReportRow)> {
    let mut by_person: BTreeMap<u32, ReportRow> = BTreeMap::new();
    for (person, row) in rows {
        let Some(own) = by_person.get_mut(&person) else {
            by_person.insert(person, row);
            continue;
        };
        own.last_active_on = own.last_active_on.max(row.last_active_on);
        let larger = |(metric, value)| (metric, own.values.get(metric).unwrap_or(0).max(value));
        let larger: Vec<_> = row.values.iter().map(larger).collect();
        own.values = Values::new(own.values.iter().chain(larger));
    }
    by_person.into_iter().collect()
}
