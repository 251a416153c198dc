//! The licenses of one tenant under the names they have now.

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
}

struct Compared {
    name: Folded,
    value: Folded,
}

/// By which text licenses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LicenseText {
    Name,
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
        Self { entries, compared }
    }

    /// By GUID.
    pub(super) fn entries(&self) -> &[LicenseEntry] {
        &self.entries
    }

    pub(super) fn get(&self, id: SkuId) -> Option<&LicenseEntry> {
        let index = self
            .entries
            .binary_search_by_key(&id, |entry| entry.license.sku_id)
            .ok()?;
        self.entries.get(index)
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
