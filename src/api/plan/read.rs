//! What is read of a page of users before it is written, and what is written once for many of them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::fields::{Object, UserField};
use super::json::{Json, Text};
use crate::domain::ids::ObjectId;
use crate::engine::{LicenseText, TenantIndex, UserRow, gather};

/// A page of users that is being written.
///
/// What lies scattered in memory is read for all rows before any is written: see [`gather`].
pub(super) struct Read<'r> {
    /// The texts of all rows, those of one field together.
    texts: Vec<Text<'r>>,
    /// Empty where they are not asked for.
    object_ids: Vec<ObjectId>,
    /// Empty where nothing of licenses is asked for.
    grants: Vec<&'r [u32]>,
    rows: usize,
    /// Where the texts of licenses were written for the first user who holds the same.
    license_texts: HashMap<Holding<'r>, Range<usize>, RandomState>,
}

/// Which list of texts: equal for users who hold the same licenses in one tenant.
#[derive(PartialEq, Eq, Hash)]
struct Holding<'r> {
    tenant: *const TenantIndex,
    grants: &'r [u32],
    text: LicenseText,
}

impl<'r> Read<'r> {
    /// Reads what an object has of each row.
    pub(super) fn new(rows: &'r [UserRow], fields: &Object<UserField>) -> Self {
        let mut read = Self {
            texts: Vec::new(),
            object_ids: Vec::new(),
            grants: Vec::new(),
            rows: rows.len(),
            license_texts: HashMap::default(),
        };
        for field in fields
            .entries
            .iter()
            .filter_map(|entry| entry.field.as_ref())
        {
            match field {
                UserField::Text(text) => {
                    let texts = gather::texts(rows, *text).into_iter().map(Text::new);
                    read.texts.extend(texts);
                }
                UserField::Id | UserField::ObjectId if read.object_ids.is_empty() => {
                    read.object_ids = gather::object_ids(rows);
                }
                UserField::LicenseNames | UserField::LicenseValues if read.grants.is_empty() => {
                    read.grants = gather::grants(rows);
                }
                _ => {}
            }
        }
        read
    }

    /// The object id of a row, where it is asked for.
    pub(super) fn object_id(&self, row: usize) -> Option<ObjectId> {
        self.object_ids.get(row).copied()
    }

    /// The text of a row for one of the object's fields that are texts.
    pub(super) fn text(&self, field: usize, row: usize) -> Option<Text<'r>> {
        self.texts.get(field * self.rows + row).copied()
    }

    /// Writes a text of each license that a user holds, sorted, without repeats.
    pub(super) fn write_license_texts(
        &mut self,
        json: &mut Json,
        row: &'r UserRow,
        place: usize,
        text: LicenseText,
    ) {
        let holding = Holding {
            tenant: Arc::as_ptr(row.tenant()),
            grants: self.grants.get(place).copied().unwrap_or_default(),
            text,
        };
        if let Some(written) = self.license_texts.get(&holding) {
            json.again(written.clone());
            return;
        }
        let start = json.len();
        json.texts(&row.license_texts(text));
        self.license_texts.insert(holding, start..json.len());
    }
}
