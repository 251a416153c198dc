//! A request as the endpoints see it and an answer as they give it: no server in between, so that an
//! endpoint is a function.

use std::time::Duration;

use url::form_urlencoded;

/// Which of the hosts is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Host {
    /// The login service.
    Login,
    /// Microsoft Graph.
    Graph,
    /// Where Graph sends those who want a usage report.
    Downloads,
}

/// What was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path, percent-decoded.
    pub(crate) path: String,
    /// Path and query as they came.
    pub(crate) target: String,
    /// The query, decoded, in its order.
    pub(crate) query: Vec<(String, String)>,
    /// Headers with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Takes a request apart.
    pub(crate) fn new(
        method: &str,
        target: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_owned(),
            path: percent_decoded(path),
            target: target.to_owned(),
            query: pairs(query.as_bytes()),
            headers,
            body,
        }
    }

    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// A query option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// The fields of a form that was posted.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        pairs(&self.body)
    }
}

/// The first value of `name`.
pub(crate) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

fn percent_decoded(path: &str) -> String {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let hex = (ahead.next(), ahead.next());
        match (byte, hex) {
            (b'%', (Some(high), Some(low)))
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
                decoded.push(digit(high) * 16 + digit(low));
                bytes = ahead;
            }
            _ => decoded.push(byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) delivery: Delivery,
}

/// How the body goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// As a server should: compressed where asked for.
    Whole,
    /// As it is: it is compressed already, or must not be.
    AsIs,
    /// Half of it, then the connection closes; the head announced all of it.
    Cut,
    /// Half of it in chunks, then the connection closes without the last chunk.
    CutChunk,
    /// The connection closes before the head.
    Closed,
    /// A byte at a time.
    Dripped(Duration),
}

pub(crate) const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
pub(crate) const TEXT: &str = "text/plain";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

impl Answer {
    /// An answer with this body.
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type,
            headers: Vec::new(),
            body: body.into(),
            delivery: Delivery::Whole,
        }
    }

    /// The same with another header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A page for a person.
    pub(crate) fn html(status: u16, title: &str, body: &str) -> Self {
        let page = format!(
            "<!DOCTYPE html>\r\n<html><head><title>{title}</title></head><body>{body}</body></html>\r\n"
        );
        Self::new(status, HTML, page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart_and_decoded() {
        let request = Request::new(
            "GET",
            "/v1.0/users/a_b.com%23EXT%23@x+y?%24top=5&$select=id%2Cmail&q=a+b",
            vec![],
            vec![],
        );
        assert_eq!(request.path, "/v1.0/users/a_b.com#EXT#@x+y");
        assert_eq!(request.option("$top"), Some("5"));
        assert_eq!(request.option("$select"), Some("id,mail"));
        assert_eq!(request.option("q"), Some("a b"));
        assert_eq!(percent_decoded("/100%/%zz/%c3%a9"), "/100%/%zz/é");
    }
}
