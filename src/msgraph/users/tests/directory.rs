use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The largest page that is answered.
const PAGE_ROWS_MAX: usize = 250;

/// A directory of users that answers `GET /users` as Graph does: filtered by time of creation, counted
/// on the first page if that is asked for, linked by token.
pub(super) struct Directory {
    origin: String,
    /// When each was created, if that is known; the place is the id.
    pub(super) created: Vec<Option<i64>>,
    fault: Fault,
    /// Links of an earlier day are forgotten.
    day: Arc<AtomicUsize>,
    /// By filter: who is in the list.
    lists: Mutex<HashMap<Option<String>, Arc<Vec<usize>>>>,
}

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Filters are refused with this status.
    RefusesFilter(u16),
    /// Filters count for nothing.
    IgnoresFilter,
    /// The last so many users are in no filtered list.
    Hides(usize),
    /// It says that there are so many users.
    Counts(u64),
    /// It does not count.
    CountsNothing,
    /// Filtered lists are not answered within the hour.
    Hangs,
    /// Lists that are to be counted are refused with this status.
    RefusesCount(u16),
    /// Each page of a filtered list has its first row twice.
    Repeats,
    /// The links of filtered lists lead elsewhere.
    LinksElsewhere,
    /// Each page of a filtered list links to the one that it linked to first.
    Loops,
    /// Links of another day are refused with this status.
    Forgets(u16),
}

impl Directory {
    /// Users created at these seconds.
    pub(super) fn of(created: impl IntoIterator<Item = Option<i64>>, fault: Fault) -> Self {
        Self {
            origin: String::new(),
            created: created.into_iter().collect(),
            fault,
            day: Arc::default(),
            lists: Mutex::default(),
        }
    }

    /// So many users, created at any time in twenty years, some nobody knows when.
    pub(super) fn spread(users: u64, fault: Fault) -> Self {
        let created = (0..users).map(|user| {
            // Any mixing will do: neighbors must not be created one after the other.
            let mixed = user.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            let second = 1_100_000_000 + (mixed % 600_000_000) as i64;
            (mixed % 50 != 0).then_some(second)
        });
        Self::of(created, fault)
    }

    /// Puts it into service. Raise what is returned, and the next day begins.
    pub(super) async fn mount(mut self, server: &MockServer) -> Arc<AtomicUsize> {
        self.origin = server.uri();
        let day = self.day.clone();
        Mock::given(path("/v1.0/users"))
            .respond_with(self)
            .mount(server)
            .await;
        day
    }

    fn list(&self, filter: Option<&str>) -> Arc<Vec<usize>> {
        let mut lists = self.lists.lock().unwrap();
        let list = lists.entry(filter.map(str::to_owned)).or_insert_with(|| {
            let users = 0..self.created.len();
            Arc::new(users.filter(|user| self.holds(filter, *user)).collect())
        });
        list.clone()
    }

    fn holds(&self, filter: Option<&str>, user: usize) -> bool {
        let Some(filter) = filter.filter(|_| self.fault != Fault::IgnoresFilter) else {
            return true;
        };
        if matches!(self.fault, Fault::Hides(hidden) if user + hidden >= self.created.len()) {
            return false;
        }
        let created = self.created[user];
        filter.split(" and ").all(|condition| {
            let words: Vec<_> = condition.split(' ').collect();
            let ["createdDateTime", operator, value] = words[..] else {
                panic!("no filter of Graph's: {condition}");
            };
            match (operator, value) {
                ("eq", "null") => created.is_none(),
                ("ge", at) => created.is_some_and(|created| created >= second(at)),
                ("le", at) => created.is_some_and(|created| created <= second(at)),
                _ => panic!("no filter of Graph's: {condition}"),
            }
        })
    }

    fn row(&self, user: usize) -> Value {
        json!({
            "id": Uuid::from_u128(user as u128 + 1),
            "userPrincipalName": format!("user{user}@contoso.com"),
            "createdDateTime": self.created[user].map(|at| Timestamp::from_second(at).unwrap().to_string()),
        })
    }

    fn page(&self, filter: Option<&str>, size: usize, from: usize, is_counted: bool) -> Value {
        let all = self.list(filter);
        let mut rows: Vec<_> = all
            .iter()
            .skip(from)
            .take(size)
            .map(|user| self.row(*user))
            .collect();
        if self.fault == Fault::Repeats && filter.is_some() {
            rows.extend(rows.first().cloned());
        }
        let mut page = json!({"value": rows});
        if from == 0 && is_counted && self.fault != Fault::CountsNothing {
            page["@odata.count"] = match self.fault {
                Fault::Counts(count) if filter.is_none() => json!(count),
                _ => json!(all.len()),
            };
        }
        if from + size < all.len() {
            let next = match self.fault {
                Fault::Loops if filter.is_some() => size,
                _ => from + size,
            };
            let origin = match self.fault {
                Fault::LinksElsewhere if filter.is_some() => "http://127.0.0.2:9",
                _ => &self.origin,
            };
            let day = self.day.load(Ordering::SeqCst);
            let filter = filter.unwrap_or_default().replace(' ', "%20");
            page["@odata.nextLink"] = json!(format!(
                "{origin}/v1.0/users?$filter={filter}&$count={is_counted}&$top={size}&$skiptoken={day}-{next}"
            ));
        }
        page
    }
}

impl Respond for Directory {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let option = |wanted: &str| {
            let found = request.url.query_pairs().find(|(name, _)| name == wanted);
            found
                .map(|(_, value)| value.into_owned())
                .filter(|value| !value.is_empty())
        };
        let filter = option("$filter");
        let size: usize = option("$top").unwrap().parse().unwrap();
        let is_counted = option("$count").is_some_and(|value| value == "true");
        let is_advanced = request.headers.contains_key("consistencylevel");
        assert_eq!(is_advanced, is_counted, "the one needs the other");
        if size > PAGE_ROWS_MAX {
            return refusal(400, "Invalid page size specified.");
        }
        if let (Some(_), Fault::RefusesFilter(status)) = (&filter, self.fault) {
            return refusal(status, "Not this filter.");
        }
        if let (true, Fault::RefusesCount(status)) = (is_counted, self.fault) {
            return refusal(status, "Not to be counted.");
        }
        let mut from = 0;
        if let Some(token) = option("$skiptoken") {
            let (day, next) = token.split_once('-').unwrap();
            let is_old = day != self.day.load(Ordering::SeqCst).to_string();
            if let (true, Fault::Forgets(status)) = (is_old, self.fault) {
                return refusal(status, "The token has expired.");
            }
            from = next.parse().unwrap();
        }
        let delay = match (&filter, self.fault) {
            (Some(_), Fault::Hangs) => Duration::from_secs(3_600),
            _ => Duration::ZERO,
        };
        let answer = ResponseTemplate::new(200).set_delay(delay);
        answer.set_body_json(self.page(filter.as_deref(), size, from, is_counted))
    }
}

fn second(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

fn refusal(status: u16, message: &str) -> ResponseTemplate {
    let body = json!({"error": {"code": "Request_UnsupportedQuery", "message": message}});
    ResponseTemplate::new(status).set_body_json(body)
}
