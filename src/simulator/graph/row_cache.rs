//! Rows and reports as they were written once, for benchmarks: a row is written again only when its
//! account, or the manager it shows, was edited, and a report when anything was.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::RwLock;

use crate::simulator::organization::View;

/// A row and what it depends on.
#[derive(Clone)]
struct Row {
    text: Arc<[u8]>,
    touches: u64,
    /// The manager's number and how often that account had been touched.
    manager: Option<(u64, u64)>,
}

/// Rows of one selection of properties, by the account's number.
#[derive(Default)]
pub(super) struct Rows {
    rows: RwLock<HashMap<u64, Row>>,
}

/// All rows and reports that were written.
#[derive(Default)]
pub(crate) struct RowCache {
    selections: Mutex<HashMap<String, Arc<Rows>>>,
    reports: Mutex<HashMap<String, Arc<Vec<u8>>>>,
}

impl RowCache {
    /// The rows of one selection.
    pub(super) fn rows(&self, selection: &str) -> Arc<Rows> {
        let mut selections = self
            .selections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(selections.entry(selection.to_owned()).or_default())
    }

    /// The report that a text names whole, written now if it never was.
    pub(super) fn report(&self, name: String, write: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
        let reports = || self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = reports().get(&name).cloned();
        let report = kept.unwrap_or_else(|| {
            let report = Arc::new(write());
            reports().insert(name, Arc::clone(&report));
            report
        });
        report.to_vec()
    }
}

impl Rows {
    /// Writes the account's row if it is known and nothing has changed it since.
    pub(super) fn write(&self, out: &mut Vec<u8>, view: &View, index: u64) -> bool {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let row = rows.get(&index).filter(|row| {
            let is_same = |&(index, touches)| view.touches(index) == touches;
            row.touches == view.touches(index) && row.manager.as_ref().is_none_or(is_same)
        });
        if let Some(row) = row {
            out.extend_from_slice(&row.text);
        }
        row.is_some()
    }

    /// Keeps a row that was written.
    pub(super) fn keep(&self, view: &View, index: u64, manager: Option<u64>, text: &[u8]) {
        let row = Row {
            text: text.into(),
            touches: view.touches(index),
            manager: manager.map(|manager| (manager, view.touches(manager))),
        };
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        rows.insert(index, row);
    }
}
