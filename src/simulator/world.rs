//! What all hosts know.

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
use super::graph::audit_logs::HeldBack;
use super::graph::bucket::Bucket;
use super::graph::quota::Quota;
use super::graph::reports::downloads::Downloads;
use super::graph::row_cache::RowCache;
use super::login::tokens::Tokens;
use super::organization::Organization;
use super::organization::usage::Happened;
use super::random::Stream;
use super::random::guid;
use super::recorder::Recorder;
use super::registration::Registration;
use super::switches::Switches;
use super::tenancy::Tenancy;

/// Says what time it is.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The simulated Microsoft.
pub(crate) struct World {
    pub(crate) organization: Organization,
    /// `http://127.0.0.1:{port}` of the login service.
    pub(crate) login_url: String,
    /// `http://127.0.0.1:{port}` of Graph.
    pub(crate) graph_url: String,
    /// `http://127.0.0.1:{port}` of the host that reports are fetched from.
    pub(crate) download_url: String,
    pub(crate) client_id: Uuid,
    registration: Mutex<Registration>,
    tokens: Mutex<Tokens>,
    pub(crate) bucket: Bucket,
    /// For each report function.
    pub(crate) report_quota: Quota,
    /// For both logs together.
    pub(crate) log_quota: Quota,
    pub(crate) downloads: Downloads,
    switches: Mutex<Switches>,
    happened: Mutex<Happened>,
    held_back: Mutex<HeldBack>,
    pub(crate) faults: Faults,
    pub(crate) recorder: Recorder,
    pub(crate) compresses: bool,
    /// Rows of users as they were written; `None` writes them each time.
    pub(crate) row_cache: Option<RowCache>,
    tenancy: Mutex<Tenancy>,
    latency_us: AtomicU64,
    answers: AtomicU64,
    now: Now,
}

impl World {
    pub(crate) fn new(
        organization: Organization,
        [login_url, graph_url, download_url]: [String; 3],
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
            report_quota: Quota::new(14, Duration::from_secs(10 * 60)),
            log_quota: Quota::new(5, Duration::from_secs(10)),
            downloads: Downloads::default(),
            switches: Mutex::default(),
            happened: Mutex::default(),
            held_back: Mutex::default(),
            faults: Faults::default(),
            recorder: Recorder::default(),
            compresses,
            row_cache: None,
            tenancy: Mutex::default(),
            latency_us: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            now,
            organization,
            login_url,
            graph_url,
            download_url,
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

    pub(crate) fn tenancy(&self) -> MutexGuard<'_, Tenancy> {
        self.tenancy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fresh id for an answer: `request-id`, or the login service's trace id.
    pub(crate) fn answer_id(&self) -> Uuid {
        guid(
            self.organization.seed,
            Stream::RequestId,
            self.answer_number(),
        )
    }

    /// A number that no other answer has.
    pub(crate) fn answer_number(&self) -> u64 {
        self.answers.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn switches(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When accounts were disabled, renamed and removed.
    pub(crate) fn happened(&self) -> MutexGuard<'_, Happened> {
        self.happened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entries of the logs that are held back.
    pub(crate) fn held_back(&self) -> MutexGuard<'_, HeldBack> {
        self.held_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Today, in days since 1970.
    pub(crate) fn today(&self) -> i64 {
        self.now().as_second().div_euclid(86_400)
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
