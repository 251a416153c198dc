//! The licenses of one tenant under the names they have now.

use std::collections::BTreeSet;

use smallvec::SmallVec;

use crate::domain::catalog::LicenseName;
use crate::domain::ids::SkuId;
use crate::domain::license::{License, SeatCounts};
use crate::domain::text::Folded;

use super::assignments::Assignments;

/// Gives a license its name: by its GUID and part number.
pub type NameLicense<'a> = &'a dyn Fn(SkuId, &str) -> LicenseName;

/// A license and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseEntry {
    /// What Microsoft says of it.
    pub license: License,
    /// What people call it.
    pub name: LicenseName,
    /// Microsoft's list of licenses has it; otherwise only an assignment names it.
    pub is_listed: bool,
}

/// All licenses of a tenant.
#[derive(Default)]
pub(super) struct Licenses {
    /// By GUID.
    entries: Vec<LicenseEntry>,
    /// What filters need of each entry.
    compared: Vec<Compared>,
    /// For each code of a grant, the place of the entry that it holds a seat of, or [`NOWHERE`]: of every
    /// row of an answer that shows licenses it is asked.
    held: Vec<u32>,
    /// For each entry, where its name stands among all names, and its value among all values. Equal texts
    /// stand at one place.
    ranks: Vec<[u32; 2]>,
}

struct Compared {
    name: Folded,
    value: Folded,
}

/// No entry.
const NOWHERE: u32 = u32::MAX;

/// By which text licenses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LicenseText {
    /// What people call a license.
    Name,
    /// Microsoft's part number.
    Value,
}

impl Licenses {
    /// The licenses that Microsoft lists and those that only an assignment names.
    pub(super) fn new(
        listed: Vec<License>,
        assignments: &Assignments,
        name: NameLicense<'_>,
    ) -> Self {
        let mut licenses: Vec<(License, bool)> =
            listed.into_iter().map(|license| (license, true)).collect();
        licenses.sort_by_key(|(license, _)| license.sku_id);
        licenses.dedup_by_key(|(license, _)| license.sku_id);
        for id in assignments.products() {
            let found = licenses.binary_search_by_key(&id, |(license, _)| license.sku_id);
            if let Err(index) = found {
                licenses.insert(index, (unlisted(id), false));
            }
        }
        let (mut entries, mut compared) = (Vec::new(), Vec::new());
        for (license, is_listed) in licenses {
            let name = name(license.sku_id, &license.part_number);
            compared.push(Compared {
                name: Folded::new(&name.text),
                value: Folded::new(&license.part_number),
            });
            entries.push(LicenseEntry {
                license,
                name,
                is_listed,
            });
        }
        let ranks = ranks(&entries);
        let mut licenses = Self {
            entries,
            compared,
            held: Vec::new(),
            ranks,
        };
        let codes = 0..assignments.grant_count() as u32; // Fewer than assignments in memory.
        let held = codes.map(|code| {
            let grant = assignments.grant(code).filter(|grant| grant.holds_seat());
            let place = grant.and_then(|grant| licenses.place(grant.sku_id()));
            place.map_or(NOWHERE, |place| place as u32) // Fewer than there are products.
        });
        licenses.held = held.collect();
        licenses
    }

    /// By GUID.
    pub(super) fn entries(&self) -> &[LicenseEntry] {
        &self.entries
    }

    pub(super) fn get(&self, id: SkuId) -> Option<&LicenseEntry> {
        self.entries.get(self.place(id)?)
    }

    fn place(&self, id: SkuId) -> Option<usize> {
        let entries = &self.entries;
        let found = entries.binary_search_by_key(&id, |entry| entry.license.sku_id);
        found.ok()
    }

    /// The licenses that a user with these grants holds a seat of, in their order.
    pub(super) fn held<'a>(&'a self, grants: &'a [u32]) -> impl Iterator<Item = &'a LicenseEntry> {
        self.places_held(grants)
            .filter_map(|place| self.entries.get(place))
    }

    fn places_held<'a>(&'a self, grants: &'a [u32]) -> impl Iterator<Item = usize> {
        let places = grants
            .iter()
            .filter_map(|code| self.held.get(*code as usize));
        places
            .filter(|place| **place != NOWHERE)
            .map(|place| *place as usize)
    }

    /// A text of each of them, sorted, without repeats.
    pub(super) fn texts_held(&self, grants: &[u32], by: LicenseText) -> Vec<&str> {
        let places = self.places_held(grants);
        let mut ranked: SmallVec<[(u32, usize); 16]> = places
            .filter_map(|place| Some((self.ranks.get(place)?[by as usize], place)))
            .collect();
        ranked.sort_unstable();
        ranked.dedup_by_key(|(rank, _)| *rank);
        let entries = ranked
            .iter()
            .filter_map(|(_, place)| self.entries.get(*place));
        entries.map(|entry| by.of(entry)).collect()
    }

    /// What Microsoft listed.
    pub(super) fn listed(&self) -> Vec<License> {
        let listed = self.entries.iter().filter(|entry| entry.is_listed);
        listed.map(|entry| entry.license.clone()).collect()
    }

    /// Each license with a text in the form that is compared. Several may share one.
    pub(super) fn texts(&self, by: LicenseText) -> impl Iterator<Item = (&LicenseEntry, &Folded)> {
        let texts = self.compared.iter().map(move |compared| match by {
            LicenseText::Name => &compared.name,
            LicenseText::Value => &compared.value,
        });
        self.entries.iter().zip(texts)
    }
}

impl LicenseText {
    /// The text as it is shown.
    pub(super) fn of(self, entry: &LicenseEntry) -> &str {
        match self {
            Self::Name => &entry.name.text,
            Self::Value => &entry.license.part_number,
        }
    }
}

/// Where the texts of each entry stand among those of all.
fn ranks(entries: &[LicenseEntry]) -> Vec<[u32; 2]> {
    let mut ranks = vec![[0; 2]; entries.len()];
    for by in [LicenseText::Name, LicenseText::Value] {
        let texts: BTreeSet<&str> = entries.iter().map(|entry| by.of(entry)).collect();
        let texts: Vec<&str> = texts.into_iter().collect();
        for (entry, ranks) in entries.iter().zip(&mut ranks) {
            let rank = texts.binary_search(&by.of(entry));
            ranks[by as usize] = rank.unwrap_or_default() as u32; // Each is among them.
        }
    }
    ranks
}

/// What is known of a product that only an assignment names.
fn unlisted(id: SkuId) -> License {
    License {
        sku_id: id,
        part_number: id.to_string(),
        status: "Unknown".to_owned(),
        is_company_wide: false,
        seats: SeatCounts::default(),
        service_plans: Vec::new(),
    }
}
