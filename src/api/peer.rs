//! Who is on the other end, also behind proxies.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::HeaderMap;

/// The address that a request counts for.
///
/// That is the socket's peer; where the peer is a trusted proxy, the last address of
/// `X-Forwarded-For` that is not one, because only that part of the header was written by a proxy.
pub(super) fn client_address(
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
    trusted: &[IpAddr],
) -> IpAddr {
    let peer = peer.map_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), |peer| {
        peer.ip().to_canonical()
    });
    let is_trusted =
        |address: &IpAddr| trusted.iter().any(|proxy| proxy.to_canonical() == *address);
    if !is_trusted(&peer) {
        return peer;
    }
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut nearest = peer;
    for entry in forwarded.into_iter().rev() {
        let Some(address) = parse_address(entry.trim()) else {
            return nearest;
        };
        nearest = address;
        if !is_trusted(&address) {
            return address;
        }
    }
    nearest
}

/// Whether a proxy stands between us and the address that a request counts for.
pub(super) fn is_proxied(peer: Option<SocketAddr>, client_address: IpAddr) -> bool {
    peer.is_some_and(|peer| peer.ip().to_canonical() != client_address)
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
fn parse_address(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    let address = address.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[track_caller]
    fn check(peer: &str, forwarded: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(
                HeaderName::from_static("x-forwarded-for"),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let trusted = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        let address = client_address(
            Some(SocketAddr::new(peer.parse().unwrap(), 1)),
            &headers,
            &trusted,
        );
        assert_eq!(address, expected.parse::<IpAddr>().unwrap());
    }

    #[test]
    fn a_stranger_cannot_name_another_address() {
        check("192.0.2.1", &["198.51.100.7"], "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_names_the_address_that_it_saw() {
        check("10.0.0.1", &["198.51.100.7"], "198.51.100.7");
        check("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7");
        check("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1");
        check("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7");
    }

    #[test]
    fn what_the_client_wrote_before_the_proxy_is_not_believed() {
        check("10.0.0.1", &["1.1.1.1, 198.51.100.7"], "198.51.100.7");
        check(
            "10.0.0.1",
            &["1.1.1.1", "198.51.100.7, 10.0.0.2"],
            "198.51.100.7",
        );
        check("10.0.0.1", &["1.1.1.1, nonsense"], "10.0.0.1");
        check("10.0.0.1", &[], "10.0.0.1");
    }
}
