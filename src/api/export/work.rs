//! One export, from its selection to its last byte, on a thread of its own.

use std::io;
use std::sync::Arc;

use async_graphql::Variables;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::format::Format;
use super::lists::{List, Readable};
use super::output::Output;
use super::writer::Writer;
use crate::api::error::Error;
use crate::api::metrics::{self, Running};
use crate::api::types::reading::Reading;

/// What is to be done.
pub(super) struct Work {
    pub(super) list: &'static List,
    pub(super) reading: Arc<Reading>,
    pub(super) arguments: Variables,
    /// Places of columns.
    pub(super) columns: Vec<usize>,
    pub(super) format: Format,
    pub(super) has_bom: bool,
    /// Free again when it is done.
    pub(super) place: OwnedSemaphorePermit,
}

impl Work {
    /// Tells how many rows there are, then writes them. Blocks while the reader is slower.
    pub(super) fn run(self, opened: oneshot::Sender<Result<u64, Error>>, output: Output) {
        let _while_it_runs = Running::export();
        let (is_wanted, failed) = (output.watch(), output.failed());
        let mut list = match self.list.open(&self.reading, &self.arguments, &is_wanted) {
            Ok(list) => list,
            Err(error) => {
                // Who no longer waits for the list needs no reason.
                let _ = opened.send(Err(error));
                return;
            }
        };
        let end = match opened.send(Ok(list.count())) {
            Ok(()) => self.write(list.as_mut(), output),
            // Nobody waited for the list to be opened.
            Err(_) => return,
        };
        let (word, (rows, bytes)) = match (end, failed.get()) {
            (Ok(written), _) => ("complete", written),
            (Err(_), Some(io::ErrorKind::TimedOut)) => ("stalled", (0, 0)),
            (Err(_), Some(_)) => ("abandoned", (0, 0)),
            (Err(_), None) => ("failed", (0, 0)),
        };
        let (name, format) = (self.list.name, self.format.extension());
        metrics::count_export(name, format, word);
        tracing::info!(
            list = name,
            format,
            end = word,
            rows,
            bytes,
            "an export ended"
        );
        drop(self.place);
    }

    fn write(&self, list: &mut dyn Readable, output: Output) -> io::Result<(u64, u64)> {
        let all = (self.list.columns)();
        let heads = self.columns.iter().filter_map(|place| all.get(*place));
        let heads: Vec<_> = heads.copied().collect();
        let mut writer = Writer::begin(self.format, self.has_bom, &heads, output)?;
        list.write(&self.columns, &mut writer)?;
        writer.end()
    }
}
