//! Asking the server that is running: GraphQL over HTTP, with its administrator's token.
//!
//! It talks to the address that the configuration says the server listens on, never through a proxy,
//! and follows no redirect: the token goes nowhere else.

mod events;

use std::time::Duration;

use reqwest::{StatusCode, Url, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::config::Config;
use crate::domain::ids::TenantKey;

use super::Environment;
use super::exit::{Exit, Failure};
use super::progress::Snapshot;

use events::Events;

/// The variable with the token.
const TOKEN_VARIABLE: &str = "SEATWISE_TOKEN";

/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 16_000_000;

/// How often in a row asking may fail before the server counts as gone.
const FAILED_POLLS_MAX: u32 = 10;

/// What is asked of a run.
const RUN_FIELDS: &str = "id state progress problem tenant { key } \
    datasets { dataset state rows quarantinedRows throttledRequests problem }";

/// Why the server gave no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RemoteError {
    #[error("a server is to be asked at {0}: set {TOKEN_VARIABLE} to its administrator's token")]
    TokenMissing(String),
    #[error("{0} refused the token in {TOKEN_VARIABLE}")]
    TokenRefused(String),
    #[error("no server answers at {0}: start it with `seatwise serve`, or correct server.listen")]
    Unreachable(String),
    #[error(
        "server.listen has port 0, so nobody can know where the server is: set public_url to its address"
    )]
    PortUnknown,
    #[error("what answers at {0} is not Seatwise (HTTP {1})")]
    NotSeatwise(String, u16),
    /// In the server's own words.
    #[error("{0}")]
    Refused(String),
    #[error("no tenant \"{key}\" on the server; it has: {known}")]
    NoTenant { key: String, known: String },
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        let exit = match &error {
            RemoteError::TokenMissing(_) | RemoteError::TokenRefused(_) => Exit::TokenRefused,
            RemoteError::Unreachable(_) | RemoteError::NotSeatwise(..) => Exit::Unreachable,
            RemoteError::PortUnknown => Exit::Config,
            RemoteError::Refused(_) | RemoteError::NoTenant { .. } => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

/// A running server.
pub(super) struct Remote {
    http: reqwest::Client,
    /// Without a slash at the end.
    base: String,
    token: SecretString,
    /// How long to wait between two questions about a run.
    poll_every: Duration,
}

/// A tenant of the server: its key and its global id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct RemoteTenant {
    pub(super) id: String,
    pub(super) key: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    message: String,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Deserialize, Default)]
struct Extensions {
    #[serde(default)]
    code: String,
}

impl Remote {
    /// The server of this configuration; nothing is asked yet.
    pub(super) fn new(config: &Config, environment: &Environment) -> Result<Self, RemoteError> {
        let base = base(config)?;
        let token = environment
            .iter()
            .find(|(name, _)| name == TOKEN_VARIABLE)
            .and_then(|(_, value)| value.to_str())
            .map(str::trim)
            .filter(|token| !token.is_empty())
            .ok_or_else(|| RemoteError::TokenMissing(base.clone()))?;
        Self::at(base, token.into())
    }

    fn at(base: String, token: SecretString) -> Result<Self, RemoteError> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(30))
            .build()
            .map_err(|_| RemoteError::Unreachable(base.clone()))?;
        Ok(Self {
            http,
            base,
            token,
            poll_every: Duration::from_secs(1),
        })
    }

    /// Asks one question; an answer with any error is a refusal.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        query: &str,
        variables: Value,
    ) -> Result<T, RemoteError> {
        let response = self.send(query, variables, "application/json").await?;
        let status = response.status();
        let body = self.body(response).await?;
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|_| self.not_seatwise(status))?;
        let data = self.data(answer)?;
        serde_json::from_value(data).map_err(|_| self.not_seatwise(status))
    }

    /// Asks for a list as a file; what is answered is still to be read.
    pub(super) async fn export(
        &self,
        list: &str,
        parameters: &[(&str, String)],
    ) -> Result<reqwest::Response, RemoteError> {
        let request = self
            .http
            .get(format!("{}/export/{list}", self.base))
            .query(parameters)
            .bearer_auth(self.token.expose_secret());
        let response = request.send().await.map_err(|_| self.unreachable())?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            return Err(RemoteError::TokenRefused(self.base.clone()));
        }
        if status == StatusCode::OK {
            return Ok(response);
        }
        let body = self.body(response).await?;
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|_| self.not_seatwise(status))?;
        self.data(answer)?;
        Err(self.not_seatwise(status))
    }

    /// All tenants of the server, in its order.
    pub(super) async fn tenants(&self) -> Result<Vec<RemoteTenant>, RemoteError> {
        #[derive(Deserialize)]
        struct Tenants {
            tenants: Vec<RemoteTenant>,
        }
        let answer: Tenants = self.ask("{ tenants { id key } }", json!({})).await?;
        Ok(answer.tenants)
    }

    /// The tenant of a key.
    pub(super) async fn tenant(&self, key: &TenantKey) -> Result<RemoteTenant, RemoteError> {
        let tenants = self.tenants().await?;
        let keys: Vec<_> = tenants.iter().map(|tenant| tenant.key.clone()).collect();
        tenants
            .into_iter()
            .find(|tenant| tenant.key == key.as_str())
            .ok_or_else(|| RemoteError::NoTenant {
                key: key.to_string(),
                known: if keys.is_empty() {
                    "none".into()
                } else {
                    keys.join(", ")
                },
            })
    }

    /// Starts a sync, or joins the one that is running.
    pub(super) async fn start_sync(&self, tenant: &RemoteTenant) -> Result<Snapshot, RemoteError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Started {
            start_sync: Snapshot,
        }
        let query =
            format!("mutation($tenant: ID!) {{ startSync(tenant: $tenant) {{ {RUN_FIELDS} }} }}");
        let answer: Started = self.ask(&query, json!({ "tenant": tenant.id })).await?;
        Ok(answer.start_sync)
    }

    /// Follows a run to its end and shows every state of it: by subscription while that lasts, then
    /// by asking once a second. A server that restarts meanwhile is waited for.
    pub(super) async fn follow(
        &self,
        tenant: &RemoteTenant,
        run: &str,
        mut show: impl FnMut(&Snapshot),
    ) -> Result<Snapshot, RemoteError> {
        if let Ok(Some(last)) = self.subscribe(tenant, run, &mut show).await {
            return Ok(last);
        }
        let mut failures = 0;
        loop {
            match self.run(run).await {
                Ok(snapshot) => {
                    failures = 0;
                    show(&snapshot);
                    if snapshot.state.is_over() {
                        return Ok(snapshot);
                    }
                }
                Err(RemoteError::Unreachable(_)) if failures < FAILED_POLLS_MAX => failures += 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(self.poll_every).await;
        }
    }

    /// `None` when the subscription ended before the run did, or went on with another run.
    async fn subscribe(
        &self,
        tenant: &RemoteTenant,
        run: &str,
        show: &mut impl FnMut(&Snapshot),
    ) -> Result<Option<Snapshot>, RemoteError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Progress {
            sync_progress: Snapshot,
        }
        let query = format!(
            "subscription($tenant: ID!) {{ syncProgress(tenant: $tenant) {{ {RUN_FIELDS} }} }}"
        );
        let variables = json!({ "tenant": tenant.id });
        let mut response = self.send(&query, variables, "text/event-stream").await?;
        let is_stream = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if !is_stream {
            return Ok(None);
        }
        let mut events = Events::default();
        while let Some(chunk) = response.chunk().await.map_err(|_| self.unreachable())? {
            for data in events.push(&chunk) {
                let Ok(answer) = serde_json::from_str::<Answer>(&data) else {
                    return Ok(None);
                };
                let Ok(progress) = serde_json::from_value::<Progress>(self.data(answer)?) else {
                    return Ok(None);
                };
                let snapshot = progress.sync_progress;
                if snapshot.id != run {
                    return Ok(None);
                }
                show(&snapshot);
                if snapshot.state.is_over() {
                    return Ok(Some(snapshot));
                }
            }
        }
        Ok(None)
    }

    async fn run(&self, id: &str) -> Result<Snapshot, RemoteError> {
        #[derive(Deserialize)]
        struct Node {
            node: Option<Snapshot>,
        }
        let query =
            format!("query($id: ID!) {{ node(id: $id) {{ ... on SyncRun {{ {RUN_FIELDS} }} }} }}");
        let answer: Node = self.ask(&query, json!({ "id": id })).await?;
        answer.node.ok_or_else(|| {
            RemoteError::Refused("the server does not know the sync run any more".into())
        })
    }

    async fn send(
        &self,
        query: &str,
        variables: Value,
        accept: &str,
    ) -> Result<reqwest::Response, RemoteError> {
        let response = self
            .http
            .post(format!("{}/graphql", self.base))
            .bearer_auth(self.token.expose_secret())
            .header(header::ACCEPT, accept)
            .json(&json!({ "query": query, "variables": variables }))
            .send()
            .await
            .map_err(|_| self.unreachable())?;
        match response.status() {
            StatusCode::UNAUTHORIZED => Err(RemoteError::TokenRefused(self.base.clone())),
            _ => Ok(response),
        }
    }

    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, RemoteError> {
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| self.unreachable())? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(self.not_seatwise(status));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn data(&self, answer: Answer) -> Result<Value, RemoteError> {
        match answer.errors.into_iter().next() {
            Some(error) if error.extensions.code == "UNAUTHENTICATED" => {
                Err(RemoteError::TokenRefused(self.base.clone()))
            }
            Some(error) => Err(RemoteError::Refused(error.message)),
            None => Ok(answer.data.unwrap_or_default()),
        }
    }

    fn unreachable(&self) -> RemoteError {
        RemoteError::Unreachable(self.base.clone())
    }

    fn not_seatwise(&self, status: StatusCode) -> RemoteError {
        RemoteError::NotSeatwise(self.base.clone(), status.as_u16())
    }
}

/// Where the server listens, as this machine reaches it. With port 0 only `public_url` can say.
fn base(config: &Config) -> Result<String, RemoteError> {
    let mut address = config.server.listen;
    if address.port() == 0 {
        return public_base(&config.server.public_url);
    }
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(format!("http://{address}"))
}

/// The shipped `public_url` says nothing about a server on a port that was picked at its start.
fn public_base(url: &Url) -> Result<String, RemoteError> {
    let base = url.as_str().trim_end_matches('/');
    match base {
        "http://localhost:8365" => Err(RemoteError::PortUnknown),
        base => Ok(base.to_owned()),
    }
}

#[cfg(test)]
mod tests;
