//! A client without opinions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use reqwest::Client;
use reqwest::Response;
use reqwest::redirect::Policy;
use serde_json::Value;

use crate::simulator::Settings;
use crate::simulator::Simulator;

/// What a sync would ask of users.
pub(super) const USERS: &str = "/v1.0/users?$select=id,userPrincipalName,displayName,department,userType,accountEnabled,createdDateTime,assignedLicenses,licenseAssignmentStates&$expand=manager($levels%3D1;$select%3Did)&$count=true&$top=999";

/// A clock that a test turns on, from 2026-11-23T12:00:00Z; a Monday.
#[derive(Clone)]
pub(super) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(super) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// A report as it was read: the names of its columns and, by these, the fields of each line.
pub(super) struct Table {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<BTreeMap<String, String>>,
}

impl Table {
    pub(super) fn parse(body: &[u8]) -> Self {
        let text = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let mut reader = csv::Reader::from_reader(text);
        let header: Vec<String> = reader
            .headers()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        let rows = reader.deserialize().map(Result::unwrap).collect();
        Self { header, rows }
    }

    /// The line of this principal name, however it is written.
    pub(super) fn of(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        let mut rows = self.rows.iter();
        rows.find(|row| {
            let own = row.get("User Principal Name");
            let own = own.or_else(|| row.get("Owner Principal Name"));
            own.is_some_and(|own| own.eq_ignore_ascii_case(name))
        })
    }
}

/// A simulator and somebody who asks it.
pub(super) struct Visit {
    pub(super) microsoft: Simulator,
    pub(super) http: Client,
    pub(super) token: String,
}

impl Visit {
    /// To an organization of `users`, as the application itself.
    pub(super) async fn to(users: u64) -> Self {
        Self::with(Settings {
            users,
            ..Settings::default()
        })
        .await
    }

    pub(super) async fn with(settings: Settings) -> Self {
        let microsoft = Simulator::start(settings).unwrap();
        let http = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .build()
            .unwrap();
        let mut visit = Self {
            microsoft,
            http,
            token: String::new(),
        };
        visit.token = visit.application_token().await;
        visit
    }

    /// With a clock that stands still until it is turned on.
    pub(super) async fn by_clock(users: u64) -> (Self, Clock) {
        let clock = Clock(Arc::new(AtomicI64::new(1_795_435_200)));
        let own = clock.clone();
        let settings = Settings {
            users,
            now: Some(Arc::new(move || {
                Timestamp::from_second(own.0.load(Ordering::SeqCst)).unwrap()
            })),
            ..Settings::default()
        };
        (Self::with(settings).await, clock)
    }

    /// Where Graph sends who asks for a report.
    pub(super) async fn location(&self, call: &str) -> String {
        let answer = self.get(&format!("/v1.0/reports/{call}")).await;
        assert_eq!(answer.status(), 302, "{call}");
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    /// The bytes behind a link, which needs no token.
    pub(super) async fn download(&self, link: &str) -> Vec<u8> {
        let answer = self.http.get(link).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{link}");
        answer.bytes().await.unwrap().to_vec()
    }

    /// A report, by way of the redirect.
    pub(super) async fn report(&self, call: &str) -> Table {
        let link = self.location(call).await;
        Table::parse(&self.download(&link).await)
    }

    /// POSTs a form to the token endpoint.
    pub(super) async fn ask_token(&self, tenant: &str, form: &[(&str, &str)]) -> Response {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.microsoft.login_url());
        self.http.post(url).form(form).send().await.unwrap()
    }

    pub(super) async fn application_token(&self) -> String {
        let (id, secret) = (self.microsoft.client_id(), self.microsoft.client_secret());
        let scope = format!("{}/.default", self.microsoft.graph_url());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &id),
            ("client_secret", &secret),
            ("scope", &scope),
        ];
        let answer: Value = self
            .ask_token(&self.microsoft.tenant_id(), &form)
            .await
            .json()
            .await
            .unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// GETs a path of Graph, with the header of advanced queries.
    pub(super) async fn get(&self, target: &str) -> Response {
        self.try_get(target).await.unwrap()
    }

    pub(super) async fn try_get(&self, target: &str) -> reqwest::Result<Response> {
        self.plain(target)
            .header("ConsistencyLevel", "eventual")
            .send()
            .await
    }

    /// The request without that header.
    pub(super) fn plain(&self, target: &str) -> reqwest::RequestBuilder {
        let url = match target.strip_prefix('/') {
            Some(_) => format!("{}{target}", self.microsoft.graph_url()),
            None => target.to_owned(),
        };
        self.http.get(url).bearer_auth(&self.token)
    }

    /// The JSON of a good answer.
    pub(super) async fn json(&self, target: &str) -> Value {
        let answer = self.get(target).await;
        let status = answer.status();
        let body = answer.text().await.unwrap();
        assert_eq!(status, 200, "{target}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The status and error code of a refusal.
    pub(super) async fn refusal(&self, target: &str) -> (u16, String) {
        refusal_of(self.get(target).await).await
    }

    /// All rows behind a link and the pages that follow it.
    pub(super) async fn all(&self, target: &str) -> Vec<Value> {
        let (mut rows, mut next) = (Vec::new(), Some(target.to_owned()));
        while let Some(target) = next {
            let mut page = self.json(&target).await;
            rows.append(page["value"].as_array_mut().unwrap());
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        rows
    }
}

pub(super) async fn refusal_of(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (
        status,
        body["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

/// The text at `pointer` of each row that has one.
pub(super) fn texts<'a>(rows: &'a [Value], pointer: &str) -> Vec<&'a str> {
    rows.iter()
        .filter_map(|row| row.pointer(pointer)?.as_str())
        .collect()
}
