//! Names under which the server may be asked, and pages that may ask.
//!
//! A page of a foreign site can point its own name at this server's address and would then count as
//! same-origin; so every request must name the server by a name that it knows.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use reqwest::Url;

use crate::api::http::header_values;
use crate::api::settings::ServerSettings;

/// Host names and origins that are allowed.
#[derive(Debug, Clone)]
pub(super) struct Origins {
    /// Lower case, without port.
    hosts: Vec<String>,
    /// Pages that may call from a browser, as `scheme://host[:port]`.
    cors: Vec<String>,
    public: Url,
}

impl Origins {
    /// As the operator set them; the host of `public_url` and loopback names are always allowed.
    pub(super) fn new(settings: &ServerSettings) -> Self {
        let public = settings.public_url.host_str().unwrap_or_default();
        let hosts = settings
            .allowed_hosts
            .iter()
            .map(String::as_str)
            .chain([public]);
        Self {
            hosts: hosts
                .map(|host| host.trim_end_matches('.').to_ascii_lowercase())
                .collect(),
            cors: settings
                .cors_origins
                .iter()
                .map(|origin| normal_origin(origin))
                .collect(),
            public: settings.public_url.clone(),
        }
    }

    /// Whether a `Host` header, its port left aside, names this server.
    pub(super) fn allows_host(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else {
            return false;
        };
        is_loopback(&host) || self.hosts.contains(&host)
    }

    /// The origin of a request when it is one that may read answers.
    pub(super) fn cors_origin<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let origin = headers.get(header::ORIGIN)?.to_str().ok()?;
        self.cors.contains(&normal_origin(origin)).then_some(origin)
    }

    /// Whether the page that opens a WebSocket may: one of ours, or of a configured origin. Programs
    /// send no `Origin`.
    pub(super) fn allows_websocket(&self, http: &HttpRequest) -> bool {
        let mut origins = header_values(http, header::ORIGIN);
        let Some(origin) = origins.next() else {
            return !http.headers().contains_key(header::ORIGIN);
        };
        if origins.next().is_some() {
            return false;
        }
        let origin = normal_origin(origin);
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let asked = header_values(http, header::HOST).next();
        let is_same_host =
            authority.is_some() && authority == asked.map(str::to_ascii_lowercase).as_deref();
        is_same_host
            || origin == self.public.origin().ascii_serialization()
            || self.cors.contains(&origin)
    }

    /// Whether a request came by the address that browsers shall use, port included.
    pub(super) fn is_public(&self, authority: &str) -> bool {
        let public = Url::parse(&format!("{}://{authority}", self.public.scheme()));
        public.is_ok_and(|url| url.origin() == self.public.origin())
    }
}

/// An origin as browsers write it: lower case, no default port, no path.
fn normal_origin(origin: &str) -> String {
    match Url::parse(origin) {
        Ok(url) if url.origin().is_tuple() => url.origin().ascii_serialization(),
        _ => origin.to_ascii_lowercase(),
    }
}

/// `localhost:8365` -> `localhost`, `[::1]:8365` -> `[::1]`; `None` for what is not an authority.
fn host_of(authority: &str) -> Option<String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (inside, after) = rest.split_once(']')?;
            (
                format!("[{inside}]"),
                after
                    .strip_prefix(':')
                    .or_else(|| after.is_empty().then_some(""))?,
            )
        }
        None => {
            let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
            (host.to_owned(), port)
        }
    };
    let is_port = port.is_empty() || port.parse::<u16>().is_ok();
    let is_name = !host.is_empty() && !host.contains(['/', '@', ' ', '\\', '#', '?']);
    (is_port && is_name).then(|| host.trim_end_matches('.').to_ascii_lowercase())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use actix_web::test::TestRequest;

    use super::*;
    use crate::api::settings::Limits;

    /// Settings as a test wants them: a free port of loopback, known by a public name.
    pub(in crate::api) fn settings() -> ServerSettings {
        ServerSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            public_url: Url::parse("https://seats.example.com/").unwrap(),
            allowed_hosts: vec!["Inside.example.com".to_owned()],
            cors_origins: vec!["https://tools.example.com".to_owned()],
            trusted_proxies: Vec::new(),
            shutdown_grace: Duration::from_secs(2),
            connections_per_address_max: 64,
            limits: Limits::default(),
        }
    }

    #[track_caller]
    fn host(authority: &str, is_allowed: bool) {
        assert_eq!(
            Origins::new(&settings()).allows_host(authority),
            is_allowed,
            "{authority}"
        );
    }

    #[test]
    fn known_names_are_allowed_with_any_port() {
        for authority in [
            "localhost",
            "LOCALHOST:1",
            "app.localhost",
            "127.0.0.1:8365",
            "127.1.2.3",
            "[::1]:8365",
            "seats.example.com",
            "SEATS.example.com.:443",
            "inside.example.com:80",
        ] {
            host(authority, true);
        }
    }

    #[test]
    fn every_other_name_is_foreign() {
        for authority in [
            "",
            "evil.com",
            "localhost.evil.com",
            "seats.example.com.evil.com",
            "evil.com:localhost",
            "evil.com@localhost",
            "localhost@evil.com",
            "localhost/evil.com",
            "192.0.2.1",
            "[::1",
            "[::1]evil.com",
            ":80",
        ] {
            host(authority, false);
        }
    }

    #[track_caller]
    fn websocket(origin: Option<&str>, is_allowed: bool) {
        let mut http = TestRequest::default().insert_header((header::HOST, "127.0.0.1:8365"));
        if let Some(origin) = origin {
            http = http.insert_header((header::ORIGIN, origin));
        }
        assert_eq!(
            Origins::new(&settings()).allows_websocket(&http.to_http_request()),
            is_allowed,
            "{origin:?}"
        );
    }

    #[test]
    fn only_our_own_and_configured_pages_open_websockets() {
        websocket(None, true);
        websocket(Some("http://127.0.0.1:8365"), true);
        websocket(Some("https://seats.example.com"), true);
        websocket(Some("https://tools.example.com"), true);
        websocket(Some("http://127.0.0.1:9999"), false);
        websocket(Some("https://evil.com"), false);
        websocket(Some("null"), false);
        websocket(Some(""), false);
    }

    #[test]
    fn the_public_address_is_known_by_name_and_port() {
        let origins = Origins::new(&settings());
        assert!(origins.is_public("seats.example.com"));
        assert!(origins.is_public("seats.example.com:443"));
        assert!(!origins.is_public("seats.example.com:8443"));
        assert!(!origins.is_public("localhost"));
    }
}
