//! What the directory tells of changes, groups, subscriptions and sign-ins, on good days and bad.

/// Collections that are listed whole.
mod lists;
/// Rows that anything may have happened to.
mod mutations;
/// What a row says, property by property.
mod patches;
/// Rounds of changes over HTTP: links, expiry, trust.
mod rounds;

use serde_json::{Value, json};
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, ResponseTemplate};

use crate::msgraph::testing::Bench;

const ANN: &str = "aaaaaaaa-0000-0000-0000-000000000001";
const BEN: &str = "aaaaaaaa-0000-0000-0000-000000000002";
const CAT: &str = "aaaaaaaa-0000-0000-0000-000000000003";
const SALES: &str = "bbbbbbbb-0000-0000-0000-000000000001";
const E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
const E5: &str = "06ebc4ee-1bb5-47dd-8120-11324bc54e06";
const USER: &str = "#microsoft.graph.user";

/// A page of rows, and how it goes on.
fn page(rows: &[Value], link: Option<(&str, String)>) -> ResponseTemplate {
    let mut body = json!({"value": rows});
    if let Some((name, link)) = link {
        body[name] = json!(link);
    }
    ResponseTemplate::new(200).set_body_json(body)
}

impl Bench {
    fn next_link(&self, path: &str, token: &str) -> Option<(&'static str, String)> {
        let origin = self.server.uri();
        let link = format!("{origin}/v1.0/{path}?$skiptoken={token}");
        Some(("@odata.nextLink", link))
    }

    fn delta_link(&self, path: &str, token: &str) -> Option<(&'static str, String)> {
        Some(("@odata.deltaLink", self.delta_url(path, token)))
    }

    fn delta_url(&self, path: &str, token: &str) -> String {
        format!("{}/v1.0/{path}?$deltatoken={token}", self.server.uri())
    }

    /// What a request with an option of this value is answered.
    async fn on(&self, at: &str, option: (&str, &str), answer: ResponseTemplate) {
        Mock::given(path(format!("/v1.0/{at}")))
            .and(query_param(option.0, option.1))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// The query of each request so far, decoded.
    async fn queries(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let query = |request: &wiremock::Request| {
            let pairs = request.url.query_pairs();
            let pairs = pairs.map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join("&")
        };
        requests.iter().map(query).collect()
    }
}
