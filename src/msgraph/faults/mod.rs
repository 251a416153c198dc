//! Graph as it is on a bad day: throttling, failing, lying, never ending. Each fault over real HTTP.

/// What an answer may hold instead of a page.
mod answers;
/// The logs, within their limits.
mod logs;
/// How a collection goes on, and how it ends.
mod pages;
/// How long we wait, for what, and when we stop.
mod patience;
/// Usage reports, which lie elsewhere.
mod reports;

use serde_json::{Value, json};
use wiremock::matchers::{path, query_param, query_param_contains};
use wiremock::{Mock, ResponseTemplate};

use super::client::{Client, Error};
use super::meter::Meter;
use super::testing::Bench;
use crate::domain::sync_run::ProblemKind;
use crate::domain::user::User;

const REQUEST_ID: &str = "11111111-2222-3333-4444-555555555555";

fn user(number: u32) -> Value {
    json!({
        "id": format!("00000000-0000-0000-0000-{number:012}"),
        "userPrincipalName": format!("user{number}@contoso.com"),
    })
}

fn page(numbers: std::ops::Range<u32>, next_link: Option<String>) -> ResponseTemplate {
    let mut body = json!({"value": numbers.map(user).collect::<Vec<_>>()});
    if let Some(link) = next_link {
        body["@odata.nextLink"] = json!(link);
    }
    ResponseTemplate::new(200).set_body_json(body)
}

fn graph_error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    let body = json!({"error": {"code": code, "message": message, "innerError": {"request-id": REQUEST_ID}}});
    ResponseTemplate::new(status).set_body_json(body)
}

impl Bench {
    fn link(&self, token: &str) -> String {
        format!("{}/v1.0/users?$skiptoken={token}", self.server.uri())
    }

    /// The first page of users.
    async fn on_first(&self, response: ResponseTemplate, times: u64) {
        Mock::given(path("/v1.0/users"))
            .and(query_param_contains("$select", "userPrincipalName"))
            .respond_with(response)
            .up_to_n_times(times)
            .mount(&self.server)
            .await;
    }

    /// The page of a link.
    async fn on_link(&self, token: &str, response: ResponseTemplate, times: u64) {
        Mock::given(path("/v1.0/users"))
            .and(query_param("$skiptoken", token))
            .respond_with(response)
            .up_to_n_times(times)
            .mount(&self.server)
            .await;
    }

    async fn all_users(&self) -> Result<Vec<User>, Error> {
        all_users(&self.client, &Meter::default()).await
    }

    /// How reading all users fails.
    async fn failure(&self) -> (ProblemKind, String) {
        problem(self.all_users().await.unwrap_err())
    }
}

async fn all_users(client: &Client, meter: &Meter) -> Result<Vec<User>, Error> {
    let mut pages = client.users(None, meter);
    let mut users = Vec::new();
    while let Some(page) = pages.next().await? {
        users.extend(page.rows);
    }
    assert!(pages.next().await.unwrap().is_none());
    Ok(users)
}

fn problem(error: Error) -> (ProblemKind, String) {
    match error {
        Error::Problem(problem) => (problem.kind, problem.message),
        other => panic!("not a problem: {other}"),
    }
}
