//! What the tests of this room share: time that passes at once, and a token source that counts.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use wiremock::MockServer;

use super::client::{Client, TokenSource};
use super::http::{Http, NetworkSettings};
use super::origin::Endpoints;
use super::paging::{LIMITS, Limits};
use super::timing::Timing;
use super::{SignInError, SignInErrorKind};
use crate::clock::Clock;
use crate::domain::tenant::Cloud;

/// Time that passes only by being waited for. Chance always gives 1: the longest waits.
pub(super) struct TestTiming {
    start: Instant,
    now: Mutex<Instant>,
}

impl Default for TestTiming {
    fn default() -> Self {
        let start = Instant::now();
        Self {
            start,
            now: Mutex::new(start),
        }
    }
}

impl TestTiming {
    pub(super) fn elapsed(&self) -> Duration {
        *self.now.lock().unwrap() - self.start
    }

    pub(super) fn in_seconds(&self, seconds: u64) -> Instant {
        *self.now.lock().unwrap() + Duration::from_secs(seconds)
    }
}

#[async_trait::async_trait]
impl Timing for TestTiming {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap()
    }

    async fn sleep_until(&self, at: Instant) {
        tokio::task::yield_now().await;
        let mut now = self.now.lock().unwrap();
        *now = at.max(*now);
    }

    fn chance(&self) -> f64 {
        1.0
    }
}

/// A wall clock that stands still.
pub(super) struct FixedClock(pub(super) Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Hands out `token-0`; each time that one is refused, the next.
#[derive(Default)]
pub(super) struct TestTokens {
    pub(super) refreshes: AtomicUsize,
    pub(super) is_dead: bool,
}

#[async_trait::async_trait]
impl TokenSource for TestTokens {
    async fn access_token(
        &self,
        stale: Option<&SecretString>,
    ) -> Result<Arc<SecretString>, SignInError> {
        if self.is_dead {
            return Err(SignInError {
                kind: SignInErrorKind::NeedsConsent,
                aadsts: Some(700_082),
                message: "AADSTS700082: dead".to_owned(),
            });
        }
        if let Some(stale) = stale {
            let current = self.refreshes.load(Ordering::SeqCst);
            if stale.expose_secret() == format!("token-{current}") {
                self.refreshes.fetch_add(1, Ordering::SeqCst);
            }
        }
        let current = self.refreshes.load(Ordering::SeqCst);
        Ok(Arc::new(format!("token-{current}").into()))
    }
}

/// A client whose Microsoft is a mock server, and the time that it has waited.
pub(super) struct Bench {
    pub(super) server: MockServer,
    pub(super) client: Client,
    pub(super) timing: Arc<TestTiming>,
    pub(super) tokens: Arc<TestTokens>,
}

impl Bench {
    pub(super) async fn start() -> Self {
        Self::with(
            Http::new(&NetworkSettings::default()).unwrap(),
            TestTokens::default(),
        )
        .await
    }

    pub(super) async fn with(http: Http, tokens: TestTokens) -> Self {
        Self::bounded(http, tokens, LIMITS).await
    }

    pub(super) async fn bounded(http: Http, tokens: TestTokens, limits: Limits) -> Self {
        let server = MockServer::start().await;
        let timing = Arc::new(TestTiming::default());
        let tokens = Arc::new(tokens);
        let endpoints = endpoints_of(&server);
        let client = Client::bounded(http, endpoints, tokens.clone(), timing.clone(), limits);
        Self {
            server,
            client,
            timing,
            tokens,
        }
    }

    /// How many requests the server got.
    pub(super) async fn requests(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }
}

/// Login service and Graph at one mock server.
pub(super) fn endpoints_of(server: &MockServer) -> Endpoints {
    Endpoints::new(Cloud::Global, Some(&server.uri()), Some(&server.uri())).unwrap()
}

/// What a [`RawServer`] does once it has answered.
#[derive(Clone, Copy)]
pub(super) enum Then {
    /// Closes the connection.
    HangsUp,
    /// Keeps it open, and answers the next request in the same way.
    Stays,
}

/// A server that answers every request with the same bytes, right or wrong.
pub(super) struct RawServer {
    pub(super) url: String,
    connections: Arc<AtomicUsize>,
}

impl RawServer {
    pub(super) fn start(answer: &'static str, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(stream, answer.as_bytes(), then));
            }
        });
        Self { url, connections }
    }

    /// How many connections were made.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, answer: &[u8], then: Then) {
    let mut request = [0; 4_096];
    while stream.read(&mut request).is_ok_and(|read| read > 0) {
        let is_over = stream.write_all(answer).is_err() || matches!(then, Then::HangsUp);
        if is_over {
            break;
        }
    }
}
