//! Answers that are kept as long as the world they are of.
//!
//! Most questions are asked once, and each would pay for keeping an answer that nobody asks for again. So
//! an answer is kept when its question comes for the second time.

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;
use moka::sync::Cache;

use super::Answer;

/// Answers by the bytes of the request, for the newest world alone. Cloning it is cheap.
#[derive(Clone)]
pub(super) struct Answers {
    kept: Cache<Vec<u8>, Answer, RandomState>,
    /// The version of the world that was answered from last.
    newest: Arc<AtomicU64>,
    asked: Arc<Asked>,
    bytes_max: u64,
}

/// What an entry takes besides its bytes, about.
const ENTRY_BYTES: usize = 200;

/// How many questions are remembered at most; of two that want the same place, the later one.
const ASKED_MAX: usize = 1 << 14;

/// Questions that were asked lately, by hash. Taking one for another only keeps an answer too early.
struct Asked {
    hasher: RandomState,
    hashes: Box<[AtomicU64]>,
}

impl Asked {
    fn new() -> Self {
        Self {
            hasher: RandomState::default(),
            hashes: (0..ASKED_MAX).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Remembers a request; whether it was known.
    fn again(&self, request: &[u8]) -> bool {
        let hash = self.hasher.hash_one(request);
        let place = &self.hashes[hash as usize % ASKED_MAX];
        // No other memory hangs on a hash. What is asked all the time is only read, so that threads do not
        // take the place from each other.
        let is_known = place.load(Ordering::Relaxed) == hash;
        if !is_known {
            place.store(hash, Ordering::Relaxed);
        }
        is_known
    }
}

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
                .build_with_hasher(RandomState::default()),
            newest: Arc::new(AtomicU64::new(0)),
            asked: Arc::new(Asked::new()),
            bytes_max,
        }
    }

    /// Remembers a request; whether its answer is kept, or worth it.
    pub(super) fn is_worth(&self, request: &[u8]) -> bool {
        self.bytes_max > 0 && self.asked.again(request)
    }

    /// The answer to a request in a version of the world.
    pub(super) fn get(&self, request: &[u8], version: u64) -> Option<Answer> {
        let answer = self.kept.get(request)?;
        (answer.version == version).then_some(answer)
    }

    pub(super) fn keep(&self, request: &[u8], answer: &Answer) {
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
