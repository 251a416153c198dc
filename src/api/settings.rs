//! What the operator may set of the HTTP side.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Url;

/// Where and how to serve.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address that browsers use; its host is always an allowed one.
    pub public_url: Url,
    /// Further host names under which the server may be asked; loopback names are always allowed.
    pub allowed_hosts: Vec<String>,
    /// Origins whose pages may call the API from a browser; none by default.
    pub cors_origins: Vec<String>,
    /// Addresses of reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// How long running requests may take to end after SIGTERM.
    pub shutdown_grace: Duration,
    /// The most open connections of one address.
    pub connections_per_address_max: usize,
    /// What one request may ask for.
    pub limits: Limits,
}

/// What one request may ask for. Every refusal says which limit it met.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// Tokens of a document.
    pub tokens_max: usize,
    /// Nesting of selections, values and types in a document, and of JSON in a body. More than
    /// [`Self::NESTING_MOST`] counts as that: deeper documents could overflow a thread's stack.
    pub nesting_max: usize,
    /// Aliased fields of a document, fragments expanded.
    pub aliases_max: usize,
    /// Directives of a document, fragments expanded.
    pub directives_max: usize,
    /// Selections of a document, fragments expanded.
    pub expanded_nodes_max: usize,
    /// Fields of the operation itself, fragments expanded.
    pub root_fields_max: usize,
    /// Operations and fragments in one document.
    pub definitions_max: usize,
    /// Cost of an operation: fields times the rows that they may have, and conditions of filters.
    pub cost_max: usize,
    /// Rows of one page.
    pub page_rows_max: usize,
    /// Errors in one answer.
    pub errors_max: usize,
    /// Bytes of one answer.
    pub answer_bytes_max: usize,
    /// Bytes of answers that are kept for whoever asks the same again; 0 keeps none.
    pub answers_kept_bytes_max: u64,
    /// How long an operation may run.
    pub deadline: Duration,
    /// Operations that run at the same time; more are answered with 503.
    pub running_max: usize,
    /// Subscriptions open at the same time for one token.
    pub subscriptions_max: usize,
    /// Exports of lists that run at the same time; more are answered with 503.
    pub exports_max: usize,
    /// Refused tokens of one address in a minute before it is told to wait.
    pub failed_tokens_per_minute_max: u32,
}

impl Limits {
    /// The deepest nesting that an operator may allow.
    pub const NESTING_MOST: usize = 32;
    /// The most rows of one page that an operator may allow: the schema promises it.
    pub const PAGE_ROWS_MOST: usize = 500;
    /// Rows of a page when nobody says how many; the schema promises it too.
    pub const PAGE_ROWS_UNSAID: usize = 50;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 1_000_000,
            body_timeout: Duration::from_secs(10),
            tokens_max: 2_000,
            nesting_max: 24,
            aliases_max: 50,
            directives_max: 20,
            expanded_nodes_max: 3_000,
            root_fields_max: 50,
            definitions_max: 50,
            cost_max: 100_000,
            page_rows_max: 500,
            errors_max: 5,
            answer_bytes_max: 16_000_000,
            answers_kept_bytes_max: 64_000_000,
            deadline: Duration::from_secs(10),
            running_max: 64,
            subscriptions_max: 10,
            exports_max: 4,
            failed_tokens_per_minute_max: 10,
        }
    }
}
