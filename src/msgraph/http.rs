//! One HTTP stack for everything that leaves the server: no redirects, every wait and size bounded.

use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, NoProxy, Proxy, Request, StatusCode, Url};

use super::origin::is_loopback;

/// The largest body that is read from Graph, after decompression. A page of 999 users is about
/// 0.6 MB; what is larger than this is no page.
pub(super) const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The largest usage report that is read, after decompression. A row of the widest takes about 150 bytes,
/// so that one of a million users has half as much.
pub(super) const REPORT_BYTES_MAX: usize = 300 * 1024 * 1024;

/// The largest body that is read from the login service: tokens are a few kB.
pub(super) const LOGIN_BYTES_MAX: usize = 1024 * 1024;

/// How long one request may take.
#[derive(Clone, Copy)]
pub(super) struct Timeouts {
    /// Until the connection stands, TLS included.
    pub(super) connect: Duration,
    /// Between two bytes.
    pub(super) idle: Duration,
    /// From sending to the last byte.
    pub(super) whole: Duration,
}

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    idle: Duration::from_secs(30),
    whole: Duration::from_secs(120),
};

/// Outbound network settings.
#[derive(Clone, Default)]
pub struct NetworkSettings {
    /// A proxy for all requests but those to loopback; `None` takes the system's settings.
    pub proxy: Option<Url>,
    /// Hosts that are reached without the proxy: names, `.domain` suffixes, addresses or ranges.
    pub no_proxy: Vec<String>,
    /// PEM file of a private CA to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl fmt::Debug for NetworkSettings {
    /// Leaves out the proxy's password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NetworkSettings")
            .field(
                "proxy",
                &self
                    .proxy
                    .as_ref()
                    .map(|url| url.origin().ascii_serialization()),
            )
            .field("no_proxy", &self.no_proxy)
            .field("ca_file", &self.ca_file)
            .finish()
    }
}

/// One HTTP stack for everything: no redirects, TLS by rustls, timeouts. Clones share it.
#[derive(Clone)]
pub struct Http {
    /// For loopback. A proxy, wherever it is, would reach another machine's loopback.
    direct: Connections,
    /// For everything else, by the proxy if there is one.
    routed: Connections,
}

#[derive(Clone)]
struct Connections {
    pooled: reqwest::Client,
    fresh: reqwest::Client,
}

/// Which connection a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    /// An idle one, if there is one.
    Pooled,
    /// A new one: what answered 503 or broke off may be one bad machine behind the name.
    Fresh,
}

/// What came back, whatever the status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Whole and decompressed.
    pub(super) body: Vec<u8>,
}

/// Why nothing whole came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub(super) struct TransportError {
    pub(super) kind: TransportErrorKind,
    /// The innermost cause as the network stack words it; no URL, no header.
    pub(super) words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransportErrorKind {
    /// No connection: name, route, proxy or certificate.
    Connect,
    /// Too slow.
    Timeout,
    /// The body is larger than allowed.
    TooLarge,
    /// The connection broke off, or the body is not what its headers say.
    Broken,
}

impl Http {
    /// Sets up the stack. The error says which setting is wrong.
    pub fn new(settings: &NetworkSettings) -> Result<Self, String> {
        Self::with_timeouts(settings, TIMEOUTS)
    }

    pub(super) fn with_timeouts(
        settings: &NetworkSettings,
        timeouts: Timeouts,
    ) -> Result<Self, String> {
        if settings.proxy.is_none() && !settings.no_proxy.is_empty() {
            return Err(
                "network.no_proxy is set but network.proxy is not: set both, or name the hosts in the NO_PROXY variable of the system's own proxy settings"
                    .to_owned(),
            );
        }
        let authorities = match &settings.ca_file {
            Some(path) => read_authorities(path)?,
            None => Vec::new(),
        };
        let base = || base_client(timeouts).tls_certs_merge(authorities.iter().cloned());
        let routed = || match &settings.proxy {
            Some(url) => Ok::<_, String>(base().proxy(proxy(url, &settings.no_proxy)?)),
            None => Ok(base()),
        };
        Ok(Self {
            direct: Connections::build(base().no_proxy(), base().no_proxy())?,
            routed: Connections::build(routed()?, routed()?)?,
        })
    }

    /// Plain GET of a public document (the catalog), at most `bytes_max` after decompression; no
    /// bearer, https only (http on loopback), no redirect followed. The error is a sentence.
    pub async fn fetch_public(&self, url: &Url, bytes_max: usize) -> Result<Vec<u8>, String> {
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Err(format!("{url} is not an https address"));
        }
        let request = Request::new(reqwest::Method::GET, url.clone());
        let answer = self
            .send(request, bytes_max, Connection::Pooled)
            .await
            .map_err(|error| format!("{url} could not be read: {error}"))?;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            status if status.is_redirection() => Err(format!(
                "{url} answered {status}: give the address that it leads to, redirects are not followed"
            )),
            status => Err(format!("{url} answered {status}")),
        }
    }

    /// POST of a text to an address of the operator; no bearer, https only (http on loopback), no redirect
    /// followed. Answers with the status; the error is a sentence, without the address.
    pub async fn post_public(
        &self,
        url: &Url,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<u16, String> {
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Err("it is not an https address".to_owned());
        }
        let mut request = Request::new(reqwest::Method::POST, url.clone());
        for (name, value) in headers {
            let value = reqwest::header::HeaderValue::from_str(value);
            let value = value.map_err(|_| format!("{name} cannot be sent"))?;
            request.headers_mut().insert(*name, value);
        }
        *request.body_mut() = Some(body.into());
        // What it answers is not read: its status says it all.
        let route = if is_loopback(url) {
            &self.direct
        } else {
            &self.routed
        };
        let sent = route.pooled.execute(request).await;
        let answer = sent.map_err(|error| TransportError::from(error).to_string())?;
        Ok(answer.status().as_u16())
    }

    /// Sends one request, once, and reads the whole answer; `bytes_max` bounds the memory it takes.
    pub(super) async fn send(
        &self,
        request: Request,
        bytes_max: usize,
        connection: Connection,
    ) -> Result<Answer, TransportError> {
        let route = if is_loopback(request.url()) {
            &self.direct
        } else {
            &self.routed
        };
        let client = match connection {
            Connection::Pooled => &route.pooled,
            Connection::Fresh => &route.fresh,
        };
        let mut response = client.execute(request).await?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        // Growing to a megabyte bit by bit would copy a page as often again as it is long. A length is
        // only known of what is not compressed, and it is not believed: what counts is what comes out.
        let announced = usize::try_from(response.content_length().unwrap_or(0));
        let mut body = Vec::with_capacity(announced.unwrap_or(0).min(bytes_max));
        while let Some(chunk) = response.chunk().await? {
            if body.len().saturating_add(chunk.len()) > bytes_max {
                return Err(TransportError {
                    kind: TransportErrorKind::TooLarge,
                    words: format!("the answer is larger than {bytes_max} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            headers,
            body,
        })
    }
}

impl Connections {
    fn build(pooled: ClientBuilder, fresh: ClientBuilder) -> Result<Self, String> {
        let build = |builder: ClientBuilder| {
            builder
                .build()
                .map_err(|error| format!("the network could not be set up: {}", innermost(&error)))
        };
        Ok(Self {
            pooled: build(pooled)?,
            fresh: build(fresh.pool_max_idle_per_host(0))?,
        })
    }
}

fn base_client(timeouts: Timeouts) -> ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("seatwise/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.idle)
        .timeout(timeouts.whole)
        .gzip(true)
        .brotli(true)
}

fn read_authorities(path: &Path) -> Result<Vec<Certificate>, String> {
    let name = path.display();
    let pem = std::fs::read(path)
        .map_err(|error| format!("network.ca_file {name} cannot be read: {error}"))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(authorities) if !authorities.is_empty() => Ok(authorities),
        _ => Err(format!(
            "network.ca_file {name} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
        )),
    }
}

fn proxy(url: &Url, no_proxy: &[String]) -> Result<Proxy, String> {
    let proxy = Proxy::all(url.clone()).map_err(|_| {
        "network.proxy is not the address of a proxy, such as http://proxy.example.com:3128"
            .to_owned()
    })?;
    Ok(proxy.no_proxy(NoProxy::from_string(&no_proxy.join(","))))
}

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        let kind = if error.is_connect() {
            TransportErrorKind::Connect
        } else if error.is_timeout() {
            TransportErrorKind::Timeout
        } else {
            TransportErrorKind::Broken
        };
        Self {
            kind,
            words: innermost(&error),
        }
    }
}

/// The innermost cause: the outer ones say "error sending request" and name the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(
        || "the request could not be made".to_owned(),
        |cause| cause.to_string().chars().take(200).collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use wiremock::matchers::{header, method};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::msgraph::testing::{RawServer, Then};

    async fn fetch(answer: ResponseTemplate) -> Result<Vec<u8>, String> {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let http = Http::new(&NetworkSettings::default()).unwrap();
        let fetched = http
            .fetch_public(&Url::parse(&server.uri()).unwrap(), 10)
            .await;
        let requests = server.received_requests().await.unwrap();
        assert_eq!(requests.len(), 1);
        assert!(!requests[0].headers.contains_key("authorization"));
        fetched
    }

    #[tokio::test]
    async fn a_public_document_is_read_up_to_its_bound() {
        let body = |text: &str| ResponseTemplate::new(200).set_body_string(text);
        assert_eq!(
            fetch(body("0123456789")).await.as_deref(),
            Ok(b"0123456789".as_slice())
        );
        let error = fetch(body("0123456789a")).await.unwrap_err();
        assert!(error.contains("larger than 10 bytes"), "{error}");
    }

    #[tokio::test]
    async fn a_public_document_is_not_looked_for_elsewhere() {
        let moved = ResponseTemplate::new(301).insert_header("Location", "http://127.0.0.2:1/");
        let error = fetch(moved).await.unwrap_err();
        assert!(
            error.contains("301") && error.contains("redirects"),
            "{error}"
        );
        let error = fetch(ResponseTemplate::new(404)).await.unwrap_err();
        assert!(error.contains("404"), "{error}");
    }

    #[tokio::test]
    async fn a_public_document_is_not_read_in_clear() {
        let http = Http::new(&NetworkSettings::default()).unwrap();
        let url = Url::parse("http://catalog.example/a.csv").unwrap();
        let error = http.fetch_public(&url, 10).await.unwrap_err();
        assert!(error.contains("https"), "{error}");
    }

    #[tokio::test]
    async fn a_proxy_gets_everything_but_loopback_and_the_exceptions() {
        let proxy = MockServer::start().await;
        Mock::given(header("host", "catalog.invalid"))
            .respond_with(ResponseTemplate::new(200).set_body_string("by proxy"))
            .mount(&proxy)
            .await;
        let settings = NetworkSettings {
            proxy: Some(Url::parse(&proxy.uri()).unwrap()),
            no_proxy: vec!["direct.invalid".to_owned()],
            ca_file: None,
        };
        let http = Http::new(&settings).unwrap();
        let get = async |url: &str| {
            let request = Request::new(reqwest::Method::GET, Url::parse(url).unwrap());
            http.send(request, 100, Connection::Fresh)
                .await
                .map(|answer| answer.body)
        };
        assert_eq!(get("http://catalog.invalid/a").await.unwrap(), b"by proxy");
        assert_eq!(
            get("http://direct.invalid/a").await.unwrap_err().kind,
            TransportErrorKind::Connect
        );
        let local = MockServer::start().await;
        get(&local.uri()).await.unwrap();
        assert_eq!(local.received_requests().await.unwrap().len(), 1);
        assert_eq!(proxy.received_requests().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_fresh_connection_is_not_one_of_the_pool() {
        let server = RawServer::start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Stays);
        let http = Http::new(&NetworkSettings::default()).unwrap();
        for (connection, expected) in [
            (Connection::Pooled, 1),
            (Connection::Pooled, 1),
            (Connection::Fresh, 2),
            (Connection::Fresh, 3),
        ] {
            let request = Request::new(reqwest::Method::GET, Url::parse(&server.url).unwrap());
            http.send(request, 10, connection).await.unwrap();
            assert_eq!(server.connections(), expected);
        }
    }

    #[track_caller]
    fn check_refused(settings: &NetworkSettings, word: &str) {
        let error = Http::new(settings).map(|_| ()).unwrap_err();
        assert!(error.contains(word), "{error}");
    }

    #[test]
    fn settings_that_cannot_work_are_refused_by_name() {
        let exceptions_only = NetworkSettings {
            no_proxy: vec!["a".to_owned()],
            ..NetworkSettings::default()
        };
        check_refused(&exceptions_only, "network.no_proxy");
        let absent = NetworkSettings {
            ca_file: Some("/nonexistent/ca.pem".into()),
            ..NetworkSettings::default()
        };
        check_refused(&absent, "network.ca_file /nonexistent/ca.pem");
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"no certificate").unwrap();
        let empty = NetworkSettings {
            ca_file: Some(file.path().to_owned()),
            ..NetworkSettings::default()
        };
        check_refused(&empty, "no certificate in PEM form");
    }

    #[test]
    fn a_private_authority_is_taken() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(include_bytes!("fixtures/other_certificate.pem"))
            .unwrap();
        let settings = NetworkSettings {
            ca_file: Some(file.path().to_owned()),
            ..NetworkSettings::default()
        };
        assert!(Http::new(&settings).is_ok());
    }

    #[test]
    fn the_password_of_a_proxy_is_not_shown() {
        let settings = NetworkSettings {
            proxy: Some(Url::parse("http://user:hunter2@proxy.example:3128").unwrap()),
            ..NetworkSettings::default()
        };
        let shown = format!("{settings:?}");
        assert!(
            shown.contains("proxy.example:3128") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
