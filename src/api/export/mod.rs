//! `/export/{list}`: a whole list as a file, under the filter that GraphQL takes.
//!
//! Nothing is judged twice: the filter, the search and the order are put to GraphQL first, behind its gate and
//! its limits, and what GraphQL refuses is refused here in the same words. What passes is read from
//! one world from beginning to end and written as it is read, by a thread that waits for its reader: an
//! export of a million users holds some thousand of them at a time.
//!
//! A list says in `lists` which columns it has and yields its rows; a format says how cells are written.
//! Neither knows the other.

mod answer;
mod asked;
mod cell;
mod column;
mod format;
mod lists;
mod output;
mod value;
mod work;
mod writer;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::settings::Limits;
use crate::api::types::reading::{Reading, Rooms};

pub(in crate::api) use answer::export;

/// Reads an argument of a list as addresses and command lines hold it: as JSON, or as GraphQL writes it.
///
/// # Errors
///
/// In words for whoever wrote it, with an example.
pub fn read_argument(name: &str, text: &str, example: &str) -> Result<serde_json::Value, String> {
    let value = value::parse(name, text, example, &Limits::default());
    let value = value.map_err(|refusal| refusal.message)?;
    value.into_json().map_err(|error| error.to_string())
}

/// What exports are made of. Cloning it is cheap.
#[derive(Clone)]
pub struct Exporter {
    rooms: Arc<Rooms>,
    running: Arc<Semaphore>,
}

impl Exporter {
    /// Exports what `rooms` hold, at most so many lists at the same time.
    pub(in crate::api) fn new(rooms: Arc<Rooms>, exports_max: usize) -> Self {
        Self {
            rooms,
            running: Arc::new(Semaphore::new(exports_max)),
        }
    }

    /// A place among the exports that run; `None` while all are taken.
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.running).try_acquire_owned().ok()
    }

    /// The moment that an export is read from.
    fn reading(&self) -> Arc<Reading> {
        Reading::now(Arc::clone(&self.rooms))
    }
}
