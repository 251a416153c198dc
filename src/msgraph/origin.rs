//! Where tokens may go: the hosts in force, and the one function that attaches a bearer. And where we
//! may go without one: to the download of a report, which lies elsewhere.

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Request, Url};
use secrecy::{ExposeSecret, SecretString};
use url::Host;

use crate::domain::tenant::Cloud;

/// The longest link that is followed; real ones have one or two kB.
const LINK_BYTES_MAX: usize = 16 * 1024;

/// Names that no public server has; a report is never there.
const LOCAL_DOMAINS: [&str; 4] = ["arpa", "internal", "local", "localhost"];

/// The login host and the Graph host in force for a tenant, each a bare origin.
#[derive(Debug, Clone)]
pub struct Endpoints {
    cloud: Cloud,
    login: Url,
    graph: Url,
}

/// A link that leads elsewhere. Deliberately without the link: it may hold anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UntrustedLink;

/// Why a request was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotSent {
    /// The URL is not of the Graph origin.
    UntrustedLink,
    /// The token holds characters that no header may hold.
    UnusableToken,
}

impl Endpoints {
    /// The cloud's own hosts, or the configured ones. Refuses URLs with path, query or user, and
    /// plain http anywhere but on loopback; the error says which setting is wrong and why.
    pub fn new(
        cloud: Cloud,
        login_url: Option<&str>,
        graph_url: Option<&str>,
    ) -> Result<Self, String> {
        // https://learn.microsoft.com/graph/deployments
        let (login, graph) = match cloud {
            Cloud::Global => ("login.microsoftonline.com", "graph.microsoft.com"),
            Cloud::UsGovHigh => ("login.microsoftonline.us", "graph.microsoft.us"),
            Cloud::UsGovDod => ("login.microsoftonline.us", "dod-graph.microsoft.us"),
            Cloud::China => ("login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
        };
        Ok(Self {
            cloud,
            login: origin("login_url", login_url, login)?,
            graph: origin("graph_url", graph_url, graph)?,
        })
    }

    /// The cloud that the tenant lives in.
    pub(super) fn cloud(&self) -> Cloud {
        self.cloud
    }

    /// The origin of Graph; its path is `/`.
    pub fn graph(&self) -> &Url {
        &self.graph
    }

    /// The origin of the login service; its path is `/`.
    pub fn login(&self) -> &Url {
        &self.login
    }

    /// An address of Graph v1.0; `query` is written as OData has it and encoded here.
    pub(super) fn api(&self, path: &str, query: Option<&str>) -> Url {
        let mut url = self.graph.clone();
        url.set_path(&format!("/v1.0/{path}"));
        url.set_query(query);
        url
    }

    /// An address of the login service, within the tenant.
    pub(super) fn login_path(&self, tenant: &str, path: &str) -> Url {
        let mut url = self.login.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Pushing encodes: whatever the tenant is called, it stays one segment.
            segments.clear().push(tenant).extend(path.split('/'));
        }
        url
    }

    /// The name of a permission as this cloud's login service wants it. Plain names mean the global
    /// cloud's Graph; elsewhere the cloud's own Graph stands before them.
    pub(super) fn scope(&self, name: &str) -> String {
        let is_protocol_scope = name == "offline_access";
        match self.cloud {
            Cloud::Global => name.to_owned(),
            Cloud::UsGovHigh | Cloud::UsGovDod | Cloud::China if is_protocol_scope => {
                name.to_owned()
            }
            Cloud::UsGovHigh | Cloud::UsGovDod | Cloud::China => self.resource_scope(name),
        }
    }

    /// A permission with Graph's origin before it, such as `https://graph.microsoft.com/.default`.
    pub(super) fn resource_scope(&self, name: &str) -> String {
        format!("{}/{name}", self.graph.origin().ascii_serialization())
    }

    /// Reads a link that Graph sent. It is taken as it is or not at all.
    pub(super) fn follow(&self, link: &str) -> Result<Url, UntrustedLink> {
        let url = parse_link(link)?;
        if self.is_graph(&url) {
            Ok(url)
        } else {
            Err(UntrustedLink)
        }
    }

    /// Reads the link to a download that Graph redirects to. It bears its own permission and leads to
    /// another host of Microsoft's, so any public one is followed, encrypted and at the usual port.
    /// What is near us is not, lest somebody in the middle make us ask our own network, unless Graph
    /// itself is on this machine.
    pub(super) fn download(&self, link: &str) -> Result<Url, UntrustedLink> {
        let url = parse_link(link)?;
        let is_plain_graph = self.graph.scheme() == "http";
        let is_allowed = match url.scheme() {
            "https" => self.is_graph(&url) || is_public(&url),
            "http" => is_plain_graph && is_loopback(&url),
            _ => false,
        };
        if is_allowed && !has_user(&url) {
            Ok(url)
        } else {
            Err(UntrustedLink)
        }
    }

    /// A GET that carries the token, made only if `url` is of the Graph origin in force. No other
    /// function attaches a bearer.
    pub(super) fn authorized_get(
        &self,
        url: &Url,
        token: &SecretString,
    ) -> Result<Request, NotSent> {
        if !self.is_graph(url) {
            return Err(NotSent::UntrustedLink);
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| NotSent::UnusableToken)?;
        bearer.set_sensitive(true);
        let mut request = Request::new(Method::GET, url.clone());
        request.headers_mut().insert(AUTHORIZATION, bearer);
        Ok(request)
    }

    fn is_graph(&self, url: &Url) -> bool {
        url.scheme() == self.graph.scheme()
            && url.host() == self.graph.host()
            && url.port_or_known_default() == self.graph.port_or_known_default()
            && !has_user(url)
    }
}

fn parse_link(link: &str) -> Result<Url, UntrustedLink> {
    // Parsers disagree on backslashes and stray spaces; a link that needs them is no link.
    let is_odd = |byte: u8| byte == b'\\' || byte <= b' ' || byte == 0x7f;
    if link.len() > LINK_BYTES_MAX || link.bytes().any(is_odd) {
        return Err(UntrustedLink);
    }
    Url::parse(link).map_err(|_| UntrustedLink)
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether a URL names a server that may be anywhere in the world: a name with a dot in it that is
/// not one of a local network, and no bare address, which Microsoft never sends.
fn is_public(url: &Url) -> bool {
    let Some(Host::Domain(name)) = url.host() else {
        return false;
    };
    // A dot at the end is the root's and changes nothing.
    match name.trim_end_matches('.').rsplit_once('.') {
        Some((_, top)) => url.port().is_none() && !LOCAL_DOMAINS.contains(&top),
        None => false,
    }
}

/// Whether a URL leads to this machine: 127.0.0.0/8, `::1` or the name localhost. Names below it are
/// browsers' business: our resolver may send them anywhere.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A URL of scheme, host and port alone, by http or https; `None` for any other text.
pub fn bare_origin(text: &str) -> Option<Url> {
    let is_bare = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    Url::parse(text).ok().filter(is_bare)
}

/// Whether nobody on the way to a URL can read along: it is https, or never leaves this machine.
pub fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

fn origin(key: &str, configured: Option<&str>, host: &str) -> Result<Url, String> {
    let own = format!("https://{host}");
    // The text itself is not repeated: it may hold a password.
    let url = bare_origin(configured.unwrap_or(&own)).ok_or_else(|| {
        format!("{key} must be scheme and host only, by https or http, such as \"{own}\"")
    })?;
    if is_private(&url) {
        return Ok(url);
    }
    Err(format!(
        "{key} must be https, such as \"{own}\": plain http is for 127.0.0.0/8, [::1] and localhost only, or tokens would travel in clear"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn global() -> Endpoints {
        Endpoints::new(Cloud::Global, None, None).unwrap()
    }

    #[track_caller]
    fn check_foreign(link: &str) {
        let endpoints = global();
        assert_eq!(endpoints.follow(link), Err(UntrustedLink), "{link}");
        if let Ok(url) = Url::parse(link)
            && !link.contains('\\')
            && !link.contains(char::is_whitespace)
        {
            let sent = endpoints.authorized_get(&url, &"t".into()).map(|_| ());
            assert_eq!(sent, Err(NotSent::UntrustedLink), "{link}");
        }
    }

    #[test]
    fn a_link_to_anywhere_else_gets_no_token() {
        check_foreign("https://evil.example/v1.0/users");
        check_foreign("http://graph.microsoft.com/v1.0/users");
        check_foreign("http://graph.microsoft.com:443/v1.0/users");
        check_foreign("https://graph.microsoft.com:444/v1.0/users");
        check_foreign("https://graph.microsoft.com:80/v1.0/users");
        check_foreign("https://user@graph.microsoft.com/v1.0/users");
        check_foreign("https://user:password@graph.microsoft.com/v1.0/users");
        check_foreign("https://:password@graph.microsoft.com/v1.0/users");
        check_foreign("https://graph.microsoft.com@evil.example/v1.0/users");
        check_foreign("https://graph.microsoft.com:443@evil.example/v1.0/users");
        check_foreign("//evil.example/v1.0/users");
        check_foreign("//graph.microsoft.com/v1.0/users");
        check_foreign("/v1.0/users?$skiptoken=a");
        check_foreign("v1.0/users");
        check_foreign("");
        check_foreign("https://graph.microsoft.com.evil/v1.0/users");
        check_foreign("https://graph.microsoft.com.evil.example/v1.0/users");
        check_foreign("https://evilgraph.microsoft.com/v1.0/users");
        check_foreign("https://graph.microsoft.com./v1.0/users");
        check_foreign("https://graph.microsoft.com%2eevil.example/v1.0/users");
        check_foreign("https://gr\u{430}ph.microsoft.com/v1.0/users"); // Cyrillic a
        check_foreign("https://graph.microsoft\u{3002}com.evil.example/v1.0/users");
        check_foreign("https://graph.microsoft.us/v1.0/users"); // another cloud
        check_foreign("https://login.microsoftonline.com/v1.0/users");
        check_foreign("https://169.254.169.254/metadata/instance");
        check_foreign("http://169.254.169.254/metadata/instance");
        check_foreign("https://2852039166/"); // 169.254.169.254 as one number
        check_foreign("https://127.0.0.1/v1.0/users");
        check_foreign("https://[::1]/v1.0/users");
        check_foreign("https://graph.microsoft.com\\@evil.example/v1.0/users");
        check_foreign("https:\\\\graph.microsoft.com\\v1.0\\users");
        check_foreign(" https://graph.microsoft.com/v1.0/users");
        check_foreign("https://graph.microsoft.com/v1.0/users\n");
        check_foreign("https://graph.micro\tsoft.com/v1.0/users");
        check_foreign("ftp://graph.microsoft.com/v1.0/users");
        check_foreign("file:///etc/passwd");
        check_foreign("javascript:alert(1)");
        check_foreign("data:application/json,{}");
    }

    #[test]
    fn a_link_of_the_graph_origin_is_followed_verbatim() {
        for link in [
            "https://graph.microsoft.com/v1.0/users?$top=999&$skiptoken=RFNwdAIAAQAAAA%2B~-_.",
            "https://graph.microsoft.com:443/v1.0/users?%24skiptoken=a",
            "https://GRAPH.microsoft.com/beta/x",
        ] {
            let url = global().follow(link).unwrap();
            assert!(link.ends_with(url.path()) || link.ends_with(url.query().unwrap()));
            let request = global().authorized_get(&url, &"t".into()).unwrap();
            assert_eq!(request.headers()[AUTHORIZATION], "Bearer t");
            assert!(request.headers()[AUTHORIZATION].is_sensitive());
        }
    }

    #[track_caller]
    fn check_download(graph: Option<&str>, link: &str, is_followed: bool) {
        let endpoints = Endpoints::new(Cloud::Global, None, graph).unwrap();
        assert_eq!(endpoints.download(link).is_ok(), is_followed, "{link}");
    }

    #[test]
    fn a_download_is_followed_to_any_public_server_and_to_none_near_us() {
        let check = |link, is_followed| check_download(None, link, is_followed);
        check("https://reports.office.com/data/download/JDF?a=b%20c", true);
        check("https://reportsncu.office.com:443/data/download/x", true);
        check("https://reportsweu.blob.core.windows.net/x?sig=%2B", true);
        check("https://graph.microsoft.com/v1.0/x", true);
        check("https://reports.office.com./x", true);
        check("http://reports.office.com/data/download/x", false);
        check("https://reports.office.com:8443/x", false);
        check("https://user@reports.office.com/x", false);
        check("https://user:password@reports.office.com/x", false);
        check("https://:password@reports.office.com/x", false);
        check("//reports.office.com/x", false);
        check("/data/download/x", false);
        check("data/download/x", false);
        check("", false);
        check("http://169.254.169.254/metadata/instance", false);
        check("https://169.254.169.254/metadata/instance", false);
        check("https://2852039166/", false); // 169.254.169.254 as one number
        check("https://0xa9.0xfe.0xa9.0xfe/", false);
        check("https://[fe80::1]/", false);
        check("https://[::ffff:10.0.0.1]/", false);
        check("https://10.0.0.1/", false);
        check("https://8.8.8.8/", false);
        check("http://127.0.0.1/", false);
        check("https://127.0.0.1/", false);
        check("https://localhost/", false);
        check("https://localhost./", false);
        check("https://reports.localhost/", false);
        check("https://intranet/", false);
        check("https://nas.local/", false);
        check("https://metadata.google.internal/", false);
        check("https://metadata.google.internal./", false);
        check("https://1.0.0.10.in-addr.arpa/", false);
        check("https:\\\\reports.office.com/x", false);
        check("https://reports.office.com/x\n", false);
        check(" https://reports.office.com/x", false);
        check("ftp://reports.office.com/x", false);
        check("file:///etc/passwd", false);
        check("data:text/csv,a", false);
        check(&format!("https://a.example/{}", "a".repeat(17_000)), false);
    }

    #[test]
    fn a_download_in_clear_is_followed_on_this_machine_only_and_only_if_graph_is_there_too() {
        let local = Some("http://127.0.0.1:1234");
        check_download(local, "http://127.0.0.1:999/x", true);
        check_download(local, "http://127.0.0.2:80/x", true);
        check_download(local, "http://[::1]:999/x", true);
        check_download(local, "http://localhost:999/x", true);
        check_download(local, "https://reports.office.com/x", true);
        check_download(local, "http://reports.office.com/x", false);
        check_download(local, "http://169.254.169.254/x", false);
        check_download(local, "http://10.0.0.1/x", false);
        check_download(local, "http://user@127.0.0.1:999/x", false);
        check_download(local, "https://10.0.0.1/x", false);
        let encrypted = Some("https://127.0.0.1:8443");
        check_download(encrypted, "https://127.0.0.1:8443/x", true);
        check_download(encrypted, "https://127.0.0.1:9999/x", false);
        check_download(encrypted, "http://127.0.0.1:8443/x", false);
    }

    #[test]
    fn a_link_longer_than_any_real_one_is_not_followed() {
        let link = |length| format!("https://graph.microsoft.com/{}", "a".repeat(length));
        assert!(global().follow(&link(16_000)).is_ok());
        assert!(global().follow(&link(17_000)).is_err());
    }

    #[test]
    fn a_token_that_is_no_header_is_not_sent() {
        let endpoints = global();
        let sent = endpoints
            .authorized_get(endpoints.graph(), &"a\nb".into())
            .map(|_| ());
        assert_eq!(sent, Err(NotSent::UnusableToken));
    }

    #[track_caller]
    fn check_hosts(cloud: Cloud, login: &str, graph: &str) {
        let endpoints = Endpoints::new(cloud, None, None).unwrap();
        assert_eq!(endpoints.login().as_str(), login);
        assert_eq!(endpoints.graph().as_str(), graph);
    }

    #[test]
    fn every_cloud_has_its_own_hosts() {
        check_hosts(
            Cloud::Global,
            "https://login.microsoftonline.com/",
            "https://graph.microsoft.com/",
        );
        check_hosts(
            Cloud::UsGovHigh,
            "https://login.microsoftonline.us/",
            "https://graph.microsoft.us/",
        );
        check_hosts(
            Cloud::UsGovDod,
            "https://login.microsoftonline.us/",
            "https://dod-graph.microsoft.us/",
        );
        check_hosts(
            Cloud::China,
            "https://login.chinacloudapi.cn/",
            "https://microsoftgraph.chinacloudapi.cn/",
        );
    }

    #[track_caller]
    fn check_override(url: &str, accepted: bool) {
        for (login, graph) in [(Some(url), None), (None, Some(url))] {
            let endpoints = Endpoints::new(Cloud::Global, login, graph);
            assert_eq!(endpoints.is_ok(), accepted, "{url}: {endpoints:?}");
        }
    }

    #[test]
    fn configured_hosts_are_bare_and_encrypted_or_local() {
        check_override("https://graph.example.com", true);
        check_override("https://graph.example.com/", true);
        check_override("https://graph.example.com:8443", true);
        check_override("http://127.0.0.1:1234", true);
        check_override("http://127.9.8.7:1", true);
        check_override("http://[::1]:1", true);
        check_override("http://localhost:1", true);
        check_override("http://graph.example.com", false);
        check_override("http://localhost.evil.example", false);
        check_override("http://128.0.0.1", false);
        check_override("https://graph.example.com/v1.0", false);
        check_override("https://graph.example.com/?a", false);
        check_override("https://graph.example.com/#a", false);
        check_override("https://user@graph.example.com", false);
        check_override("https://user:password@graph.example.com", false);
        check_override("ftp://graph.example.com", false);
        check_override("graph.example.com", false);
        check_override("", false);
    }

    #[test]
    fn a_refused_override_does_not_repeat_its_password() {
        let error = Endpoints::new(Cloud::Global, Some("https://a:hunter2@b"), None).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_tenant_is_one_segment_of_the_login_address() {
        let path = |tenant| global().login_path(tenant, "oauth2/v2.0/token").to_string();
        let host = "https://login.microsoftonline.com/";
        assert_eq!(
            path("contoso.com"),
            format!("{host}contoso.com/oauth2/v2.0/token")
        );
        assert_eq!(
            path("a/../b?c#d"),
            format!("{host}a%2F..%2Fb%3Fc%23d/oauth2/v2.0/token")
        );
    }

    #[test]
    fn scopes_carry_the_resource_in_sovereign_clouds_only() {
        let dod = Endpoints::new(Cloud::UsGovDod, None, None).unwrap();
        assert_eq!(global().scope("User.Read"), "User.Read");
        assert_eq!(
            dod.scope("User.Read"),
            "https://dod-graph.microsoft.us/User.Read"
        );
        assert_eq!(dod.scope("offline_access"), "offline_access");
        assert_eq!(
            global().resource_scope(".default"),
            "https://graph.microsoft.com/.default"
        );
    }
}
