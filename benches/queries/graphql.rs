//! Asks a question by HTTP and takes its answer apart.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::Outcome;

/// A place where questions are answered.
pub(crate) struct Endpoint<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) http: Client,
    pub(crate) name: &'static str,
    pub(crate) url: String,
    pub(crate) token: &'static str,
}

impl Endpoint<'_> {
    /// The text of an answer, whatever it says.
    pub(crate) fn text(&self, body: &str) -> Outcome<String> {
        let request = self.http.post(&self.url).bearer_auth(self.token);
        let request = request.header("Content-Type", "application/json");
        let request = request
            .timeout(Duration::from_secs(600))
            .body(body.to_owned());
        let answer = async { request.send().await?.text().await };
        Ok(self.runtime.block_on(answer)?)
    }

    /// What `data` is; errors of any kind end the benchmark.
    pub(crate) fn ask(&self, body: &str) -> Outcome<Value> {
        let text = self.text(body)?;
        let mut answer: Value = serde_json::from_str(&text)
            .map_err(|error| format!("{} answered {text:.200?}: {error}", self.name))?;
        if answer.get("errors").is_some() || answer["data"].is_null() {
            return Err(format!("{} answered {text:.800} to {body}", self.name).into());
        }
        Ok(answer["data"].take())
    }
}
