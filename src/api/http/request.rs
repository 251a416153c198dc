//! What the shell around all handlers found out about a request, for them to use.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{HttpMessage, HttpRequest};

/// Found out once, at the door.
#[derive(Debug, Clone)]
pub(in crate::api) struct Facts {
    /// Names the request in the log and in `x-request-id`.
    pub(in crate::api) id: String,
    /// The address that it counts for.
    pub(in crate::api) client_address: IpAddr,
}

/// The request's id.
pub(in crate::api) fn id(http: &HttpRequest) -> String {
    http.extensions()
        .get::<Facts>()
        .map(|facts| facts.id.clone())
        .unwrap_or_default()
}

/// The address that the request counts for.
pub(in crate::api) fn client_address(http: &HttpRequest) -> IpAddr {
    let facts = http
        .extensions()
        .get::<Facts>()
        .map(|facts| facts.client_address);
    facts.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
