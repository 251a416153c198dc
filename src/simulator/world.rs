//! What both hosts know.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::faults::Faults;
use super::graph::bucket::Bucket;
use super::login::tokens::Tokens;
use super::organization::Organization;
use super::random::Stream;
use super::random::guid;
use super::recorder::Recorder;
use super::registration::Registration;

/// Says what time it is.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The simulated Microsoft.
pub(crate) struct World {
    pub(crate) organization: Organization,
    /// `http://127.0.0.1:{port}` of the login service.
    pub(crate) login_url: String,
    /// `http://127.0.0.1:{port}` of Graph.
    pub(crate) graph_url: String,
    pub(crate) client_id: Uuid,
    registration: Mutex<Registration>,
    tokens: Mutex<Tokens>,
    pub(crate) bucket: Bucket,
    pub(crate) faults: Faults,
    pub(crate) recorder: Recorder,
    pub(crate) compresses: bool,
    latency_us: AtomicU64,
    answers: AtomicU64,
    now: Now,
}

impl World {
    pub(crate) fn new(
        organization: Organization,
        [login_url, graph_url]: [String; 2],
        bucket: Bucket,
        compresses: bool,
        now: Now,
    ) -> Self {
        let seed = organization.seed;
        let secret = format!("sim~{}", guid(seed, Stream::Client, 1).simple());
        Self {
            client_id: guid(seed, Stream::Client, 0),
            registration: Mutex::new(Registration::new(secret)),
            tokens: Mutex::new(Tokens::new(seed)),
            bucket,
            faults: Faults::default(),
            recorder: Recorder::default(),
            compresses,
            latency_us: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            now,
            organization,
            login_url,
            graph_url,
        }
    }

    /// The current time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    pub(crate) fn registration(&self) -> MutexGuard<'_, Registration> {
        self.registration
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fresh id for an answer: `request-id`, or the login service's trace id.
    pub(crate) fn answer_id(&self) -> Uuid {
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        guid(self.organization.seed, Stream::RequestId, number)
    }

    /// How long every answer of Graph takes.
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_us.load(Ordering::Relaxed))
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.store(micros, Ordering::Relaxed);
    }

    /// Whether a path's first segment names this tenant.
    pub(crate) fn is_tenant(&self, name: &str) -> bool {
        let organization = &self.organization;
        name.eq_ignore_ascii_case(&organization.domain)
            || name.eq_ignore_ascii_case(&organization.initial_domain)
            || name.parse() == Ok(organization.tenant_id)
    }
}

/// `Tue, 15 Nov 1994 08:12:31 GMT`.
pub(crate) fn http_date(at: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .unwrap_or_default()
}
