//! On which day accounts were disabled, renamed and removed while the simulator ran: reports lag
//! behind, and tell of an edit only once they are refreshed up to its day.

use std::collections::BTreeMap;

use super::super::View;

/// The days of edits, by number of the account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Happened {
    pub(crate) disabled: BTreeMap<u64, i64>,
    pub(crate) renamed: BTreeMap<u64, i64>,
    pub(crate) removed: BTreeMap<u64, i64>,
}

impl Happened {
    /// Notes what an edit left of these accounts.
    pub(crate) fn note(&mut self, view: &View, indexes: &[u64], today: i64) {
        for &index in indexes {
            match view.person(index) {
                None => {
                    self.removed.entry(index).or_insert(today);
                }
                Some(person) => {
                    self.removed.remove(&index);
                    match person.is_enabled {
                        true => self.disabled.remove(&index),
                        false => Some(*self.disabled.entry(index).or_insert(today)),
                    };
                }
            }
        }
    }

    /// Notes that these accounts have other names.
    pub(crate) fn note_names(&mut self, indexes: &[u64], today: i64) {
        self.renamed
            .extend(indexes.iter().map(|&index| (index, today)));
    }
}
