use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::{Context, Object, Schema, Subscription};
use async_trait::async_trait;
use futures_util::{Stream, StreamExt};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::api::auth::{AccessControl, TokenDigest};
use crate::api::caller::Caller;
use crate::api::connect::SignIn;
use crate::api::connections::Connections;
use crate::api::error::{Code, Error};
use crate::api::health::Health;
use crate::api::http::Endpoint;
use crate::api::origin::tests::settings;
use crate::api::pages::Asset;
use crate::api::server::Server;
use crate::api::settings::ServerSettings;
use crate::domain::ids::TenantKey;
use crate::sync::{Callback, Refusal, SignInRefused, SignInStart};

pub(super) const TOKEN: &str = "the-token-of-the-tests";

/// What the test's resolvers count and wait for.
#[derive(Default)]
pub(super) struct World {
    pub(super) mutations: AtomicUsize,
    pub(super) waiting: AtomicUsize,
    /// Notified when a resolver of `wait` begins.
    pub(super) waits: Notify,
    /// Lets those resolvers go on.
    pub(super) go: CancellationToken,
    /// Whether something that was waited for was dropped.
    pub(super) dropped: Notify,
}

struct NotifyOnDrop(Arc<World>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

struct Query;

#[Object]
impl Query {
    async fn hello(&self) -> &str {
        "hello"
    }

    async fn caller<'a>(&self, context: &Context<'a>) -> &'a str {
        &context.data_unchecked::<Caller>().name
    }

    async fn echo(&self, text: String) -> String {
        text
    }

    async fn times(&self, number: i32) -> i32 {
        number
    }

    async fn large(&self, bytes: usize) -> String {
        "x".repeat(bytes)
    }

    async fn wait(&self, context: &Context<'_>) -> bool {
        let world = Arc::clone(context.data_unchecked::<Arc<World>>());
        let _guard = NotifyOnDrop(Arc::clone(&world));
        world.waiting.fetch_add(1, Ordering::SeqCst);
        world.waits.notify_one();
        world.go.cancelled().await;
        true
    }

    async fn panic(&self, #[graphql(default = true)] really: bool) -> bool {
        assert!(!really, "on purpose");
        really
    }

    async fn nullable(&self) -> Option<Result<bool, Error>> {
        Some(Err(Error::new(Code::Conflict, "not now")))
    }

    async fn broken(&self) -> Result<bool, Error> {
        Err(Error::new(Code::NotFound, "not there"))
    }

    async fn faulty(&self) -> Result<bool, Error> {
        Err(Error::internal("a fault on purpose"))
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn change(&self, context: &Context<'_>) -> usize {
        context
            .data_unchecked::<Arc<World>>()
            .mutations
            .fetch_add(1, Ordering::SeqCst)
            + 1
    }
}

struct Subscriptions;

#[Subscription]
impl Subscriptions {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        futures_util::stream::iter(0..to)
    }

    async fn forever(&self, context: &Context<'_>) -> impl Stream<Item = i32> {
        let guard = NotifyOnDrop(Arc::clone(context.data_unchecked::<Arc<World>>()));
        async_stream::stream! {
            let _guard = guard;
            yield 1;
            std::future::pending::<()>().await;
        }
    }

    async fn failing(&self) -> impl Stream<Item = Result<i32, Error>> {
        futures_util::stream::iter([Ok(1), Err(Error::new(Code::Unavailable, "over"))])
    }

    async fn panicking(&self) -> impl Stream<Item = i32> {
        futures_util::stream::iter(0..1).map(|_| panic!("on purpose"))
    }
}

/// Signs in without a Microsoft, and remembers what it was asked.
#[derive(Default)]
pub(super) struct FakeSignIn {
    pub(super) asked: Mutex<Vec<String>>,
    /// Notified when Microsoft is asked about the code "slow", and when it has answered.
    pub(super) waits: Notify,
    pub(super) ended: Notify,
    /// Lets it answer.
    pub(super) go: CancellationToken,
}

#[async_trait]
impl SignIn for FakeSignIn {
    fn redeem_ticket(&self, tenant: &TenantKey, ticket: &str) -> bool {
        self.asked
            .try_lock()
            .unwrap()
            .push(format!("redeem {tenant} {ticket}"));
        tenant.as_str() == "contoso" && ticket == "good"
    }

    fn begin_sign_in(&self, tenant: &TenantKey) -> Result<SignInStart, Refusal> {
        match tenant.as_str() {
            "contoso" => Ok(SignInStart {
                url: "https://login.example.com/authorize?state=s"
                    .parse()
                    .unwrap(),
                browser_secret: "browser-secret".to_owned().into(),
            }),
            "fabrikam" => Err(Refusal::Conflict(
                "fabrikam signs in as an <app>".to_owned(),
            )),
            _ => Err(Refusal::NotFound),
        }
    }

    async fn finish_sign_in(
        &self,
        callback: Callback,
        secret: Option<&str>,
    ) -> Result<TenantKey, SignInRefused> {
        let Callback {
            code,
            state,
            error,
            error_description,
        } = callback;
        if state.as_deref() != Some("s") || secret != Some("browser-secret") {
            return Err(SignInRefused {
                is_forged: true,
                message: "forged".to_owned(),
            });
        }
        if code.as_deref() == Some("slow") {
            self.waits.notify_one();
            self.go.cancelled().await;
            self.ended.notify_one();
        }
        match (code, error) {
            (Some(_), None) => Ok(TenantKey::parse("contoso").unwrap()),
            _ => Err(SignInRefused {
                is_forged: false,
                message: error_description.unwrap_or_default(),
            }),
        }
    }
}

/// A running server and a client for it.
pub(super) struct Running {
    pub(super) base: String,
    pub(super) world: Arc<World>,
    pub(super) sign_in: Arc<FakeSignIn>,
    pub(super) shutdown: CancellationToken,
    pub(super) stopped: tokio::task::JoinHandle<std::io::Result<()>>,
    pub(super) health: Arc<std::sync::Mutex<Health>>,
    pub(super) client: Client,
    pub(super) connections: Connections,
}

/// The recorder of this process: metrics has one for all threads.
fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    let install = || PrometheusBuilder::new().install_recorder().unwrap();
    RECORDER.get_or_init(install).clone()
}

/// A server with settings of its own.
pub(super) fn start_with(change: impl FnOnce(&mut ServerSettings)) -> Running {
    let mut settings = settings();
    change(&mut settings);
    let world = Arc::new(World::default());
    let sign_in = Arc::new(FakeSignIn::default());
    let shutdown = CancellationToken::new();
    let health = Arc::new(std::sync::Mutex::new(Health {
        is_ready: true,
        degraded: Vec::new(),
    }));

    let schema = Schema::build(Query, Mutation, Subscriptions)
        .data(Arc::clone(&world))
        .limit_complexity(500)
        .finish();
    let attach =
        Arc::new(|request: async_graphql::Request, caller: &Caller| request.data(caller.clone()));
    let of_health = Arc::clone(&health);
    let server = Server {
        endpoint: Endpoint::new(schema, attach, settings.limits.clone(), Handle::current()),
        access: Arc::new(AccessControl::new(
            TokenDigest::of(TOKEN),
            settings.limits.failed_tokens_per_minute_max,
        )),
        settings,
        sign_in: Arc::clone(&sign_in) as Arc<dyn SignIn>,
        calendars: Arc::new(|token| (token == "good").then(|| "BEGIN:VCALENDAR\r\n".to_owned())),
        health: Arc::new(move || of_health.lock().unwrap().clone()),
        pages: Arc::new(asset),
        metrics: Some(recorder()),
        shutdown: shutdown.clone(),
    };
    let listening = server.listen().unwrap();
    let base = format!("http://{}", listening.address());
    let connections = listening.connections();
    let stopped = Handle::current().spawn(listening.run());
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .no_proxy()
        .build()
        .unwrap();
    Running {
        base,
        world,
        sign_in,
        shutdown,
        stopped,
        health,
        client,
        connections,
    }
}

/// A server with the settings that operators have who set nothing.
pub(super) fn start() -> Running {
    start_with(|_| {})
}

fn asset(path: &str, encodings: &str) -> Option<Asset> {
    let (text, is_immutable): (&'static str, bool) = match path {
        "/" => ("<!doctype html>front", false),
        "/assets/main-1a2b.js" => ("script", true),
        _ => return None,
    };
    let is_packed = is_immutable && encodings.contains("br");
    Some(Asset {
        bytes: Cow::Borrowed(if is_packed {
            b"packed"
        } else {
            text.as_bytes()
        }),
        content_type: if is_immutable {
            "text/javascript"
        } else {
            "text/html; charset=utf-8"
        },
        etag: format!("\"{path}-{is_packed}\"").replace('/', "-"),
        is_immutable,
        content_encoding: is_packed.then_some("br"),
    })
}

impl Running {
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A POST to `/graphql` with a good token and a body as it is.
    pub(super) fn post(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, "/graphql")
            .bearer_auth(TOKEN)
            .header("content-type", "application/json")
            .header("accept", "application/graphql-response+json")
            .body(body)
    }

    pub(super) async fn ask(&self, query: &str) -> Answer {
        Answer::of(
            self.post(json!({"query": query}).to_string())
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    /// Bytes in, bytes out, until the server closes.
    pub(super) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.base.strip_prefix("http://").unwrap())
            .await
            .unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// What must happen, and at once; a test that waits in vain shall fail and not hang.
pub(super) async fn soon<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), awaited)
        .await
        .expect("it happens soon")
}

/// An answer, read whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) async fn of(response: Response) -> Self {
        let status = response.status();
        let headers = response.headers().clone();
        Self {
            status,
            headers,
            text: response.text().await.unwrap(),
        }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// Code of the first error.
    pub(super) fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Status and code of a refusal, which has no `data` and a bounded size.
    #[track_caller]
    pub(super) fn refused(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status.as_u16(), self.code().as_str()),
            (status, code),
            "{}",
            self.text
        );
        assert!(self.json().get("data").is_none(), "{}", self.text);
        assert!(self.text.len() <= 16_000, "{} bytes", self.text.len());
        for error in self.json()["errors"].as_array().unwrap() {
            assert!(error["extensions"]["code"].is_string(), "{}", self.text);
        }
    }
}
