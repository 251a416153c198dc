//! What was asked, for tests that assert it.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Instant;

use super::message::Host;
use super::message::Request;

/// Older requests are forgotten beyond this, so that a demo can run for months.
const KEPT_MAX: usize = 100_000;

/// Headers that tests ask about.
const HEADERS_OF_INTEREST: [&str; 12] = [
    "accept",
    "accept-encoding",
    "authorization",
    "client-request-id",
    "consistencylevel",
    "content-type",
    "cookie",
    "host",
    "if-none-match",
    "prefer",
    "user-agent",
    "x-ms-throttle-priority",
];

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// Which host it came to.
    pub host: Host,
    /// `GET` or another.
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// Headers of interest, names in lower case.
    pub headers: Vec<(String, String)>,
    /// When it arrived.
    pub at: Instant,
    /// The status that was answered; `None` while it runs, or when the client gave up.
    pub status: Option<u16>,
}

impl RecordedRequest {
    /// A header of interest, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        super::message::find(&self.headers, name)
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or(&self.target)
    }
}

#[derive(Default)]
struct Book {
    requests: VecDeque<RecordedRequest>,
    /// Requests that were forgotten: numbers go on.
    forgotten: u64,
    running: u64,
    running_max: u64,
}

/// Writes down every request.
#[derive(Default)]
pub(crate) struct Recorder {
    book: Mutex<Book>,
}

impl Recorder {
    /// Writes the request down; it runs until the ticket is dropped.
    pub(crate) fn arrived(&self, host: Host, request: &Request) -> Ticket<'_> {
        let headers = request
            .headers
            .iter()
            .filter(|(name, _)| HEADERS_OF_INTEREST.contains(&name.as_str()))
            .cloned()
            .collect();
        let mut book = self.book();
        if book.requests.len() == KEPT_MAX {
            book.requests.pop_front();
            book.forgotten += 1;
        }
        book.requests.push_back(RecordedRequest {
            host,
            method: request.method.clone(),
            target: request.target.clone(),
            headers,
            at: Instant::now(),
            status: None,
        });
        book.running += 1;
        book.running_max = book.running_max.max(book.running);
        let number = book.forgotten + book.requests.len() as u64 - 1;
        Ticket {
            recorder: self,
            number,
        }
    }

    /// All requests that are remembered.
    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        self.book().requests.iter().cloned().collect()
    }

    /// How many ran at once, at most.
    pub(crate) fn running_max(&self) -> u64 {
        self.book().running_max
    }

    /// Forgets all requests and begins to count anew.
    pub(crate) fn clear(&self) {
        let mut book = self.book();
        book.forgotten += book.requests.len() as u64;
        book.requests.clear();
        book.running_max = book.running;
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that runs.
pub(crate) struct Ticket<'a> {
    recorder: &'a Recorder,
    number: u64,
}

impl Ticket<'_> {
    /// Notes what is answered.
    pub(crate) fn answered(&self, status: u16) {
        let mut book = self.recorder.book();
        let position = self.number.checked_sub(book.forgotten);
        if let Some(request) =
            position.and_then(|position| book.requests.get_mut(position as usize))
        {
            request.status = Some(status);
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut book = self.recorder.book();
        book.running = book.running.saturating_sub(1);
    }
}
