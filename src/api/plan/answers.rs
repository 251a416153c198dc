//! Answers that are kept as long as the world they are of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;

use super::Answer;

/// Answers by the bytes of the request, for the newest world alone. Cloning it is cheap.
#[derive(Clone)]
pub(super) struct Answers {
    kept: Cache<Vec<u8>, Answer>,
    /// The version of the world that was answered from last.
    newest: Arc<AtomicU64>,
    bytes_max: u64,
}

/// What an entry takes besides its bytes, about.
const ENTRY_BYTES: usize = 200;

impl Answers {
    /// Keeps so many bytes of requests and answers at most; 0 keeps none.
    pub(super) fn new(bytes_max: u64) -> Self {
        let weight = |request: &Vec<u8>, kept: &Answer| {
            let bytes = request.len() + kept.json.len() + ENTRY_BYTES;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self {
            kept: Cache::builder()
                .weigher(weight)
                .max_capacity(bytes_max)
                .build(),
            newest: Arc::new(AtomicU64::new(0)),
            bytes_max,
        }
    }

    /// The answer to a request in a version of the world.
    pub(super) fn get(&self, request: &[u8], version: u64) -> Option<Answer> {
        let answer = self.kept.get(request)?;
        (answer.version == version).then_some(answer)
    }

    pub(super) fn keep(&self, request: &[u8], answer: &Answer) {
        if self.bytes_max == 0 {
            return;
        }
        let version = answer.version;
        // What is older is never asked for again, however often it was.
        if self.newest.fetch_max(version, Ordering::Relaxed) < version {
            self.kept.invalidate_all();
        }
        self.kept.insert(request.to_vec(), answer.clone());
    }

    /// Bytes of all requests and answers that are kept.
    pub(super) fn bytes(&self) -> u64 {
        // Sums are brought up to date from time to time only.
        self.kept.run_pending_tasks();
        self.kept.weighted_size()
    }
}
