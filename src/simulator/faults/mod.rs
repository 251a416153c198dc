//! Everything that can go wrong between us and Microsoft, switched on where and when a test wants it.

mod answers;
mod fault;
mod rows;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Value;

use super::login::is_authorize_path;
use super::login::is_token_path;
use super::message::Host;
use super::message::Request;

pub(crate) use answers::answer;
pub use fault::Fault;
pub use fault::FaultPoint;

/// Which requests a fault is about.
#[derive(Debug, Clone)]
enum Target {
    /// The path and everything below it, at Graph.
    Below(String),
    /// The path itself, at Graph.
    Path(String),
    /// Any report that is fetched.
    Download,
    /// A report of this function that is fetched.
    DownloadOf(String),
    Token,
    Authorize,
}

impl Target {
    fn matches(&self, host: Host, request: &Request) -> bool {
        let path = request.path.as_str();
        match (self, host) {
            (Self::Below(prefix), Host::Graph) => {
                path.strip_prefix(prefix.as_str()).is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with(['/', '(']) || prefix.ends_with('/')
                })
            }
            (Self::Path(wanted), Host::Graph) => path == wanted,
            (Self::Download, Host::Downloads) => true,
            (Self::DownloadOf(function), Host::Downloads) => {
                path.split('/').any(|part| part == function)
            }
            (Self::Token, Host::Login) => is_token_path(path),
            (Self::Authorize, Host::Login) => is_authorize_path(path),
            _ => false,
        }
    }
}

/// Which of the requests that match, counted from the moment the fault is switched on.
#[derive(Debug, Clone, Copy)]
struct Occurrence {
    /// Let so many pass first.
    after: u64,
    /// Then strike so many.
    times: u64,
    /// Of those, every so many-th.
    every: u64,
}

impl Occurrence {
    /// Whether request number `number`, from 1, is struck.
    fn strikes(self, number: u64) -> bool {
        let Some(turn) = number.checked_sub(self.after).filter(|&turn| turn > 0) else {
            return false;
        };
        turn.is_multiple_of(self.every) && turn / self.every <= self.times
    }
}

/// How a refusal says when to come back.
#[derive(Debug, Clone)]
pub enum RetryAfter {
    /// It does not.
    Missing,
    /// In seconds.
    Seconds(u64),
    /// As the date that is so far ahead.
    Date(Duration),
    /// In any text: "abc", "-5", "1000000000".
    Text(String),
}

/// What happens to a request.
#[derive(Clone)]
enum Effect {
    Refuse {
        status: u16,
        retry_after: RetryAfter,
    },
    Login(u32),
    Respond {
        status: u16,
        content_type: &'static str,
        body: Arc<Vec<u8>>,
    },
    Delay(Duration),
    Hang,
    Drip(Duration),
    CutBody,
    CutChunk,
    CloseConnection,
    ByteOrderMark,
    InvalidUtf8,
    HugeBody(usize),
    GzipBomb(usize),
    PageSizeMax(u64),
    EmptyPage,
    NextLinkToItself,
    NextLink(String),
    Count(u64),
    Row {
        row: usize,
        fault: rows::RowFault,
    },
    Rewrite(Arc<dyn Fn(&mut Value) + Send + Sync>),
    RewriteBytes(BytesChange),
    /// `None` is to the address that was asked for.
    Redirect(Option<String>),
    ExpiredLink,
}

/// A change to the bytes of an answer.
type BytesChange = Arc<dyn Fn(&mut Vec<u8>) + Send + Sync>;

/// A fault that is switched on.
struct Armed {
    fault: Fault,
    met: u64,
}

/// The faults that are switched on, in their order.
#[derive(Default)]
pub(crate) struct Faults {
    armed: Mutex<Vec<Armed>>,
}

/// What strikes one request.
pub(crate) struct Strike {
    effect: Effect,
    /// How often the fault has met a request, this one included.
    number: u64,
}

impl Strike {
    /// How long the answer waits; `None` is for ever.
    pub(crate) fn delay(&self) -> Option<Duration> {
        match self.effect {
            Effect::Delay(delay) => Some(delay),
            Effect::Hang => None,
            _ => Some(Duration::ZERO),
        }
    }
}

impl Faults {
    /// Switches a fault on.
    pub(crate) fn arm(&self, fault: Fault) {
        self.armed().push(Armed { fault, met: 0 });
    }

    /// Switches all faults off.
    pub(crate) fn clear(&self) {
        self.armed().clear();
    }

    /// What strikes this request: the first fault whose turn it is. All that match count it.
    pub(crate) fn strike(&self, host: Host, request: &Request) -> Option<Strike> {
        let mut strike = None;
        for armed in self.armed().iter_mut() {
            let point = &armed.fault.point;
            if !point.target.matches(host, request) {
                continue;
            }
            armed.met += 1;
            if strike.is_none() && point.occurrence.strikes(armed.met) {
                strike = Some(Strike {
                    effect: armed.fault.effect.clone(),
                    number: armed.met,
                });
            }
        }
        strike
    }

    fn armed(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the first ten requests that are struck.
    fn check(point: FaultPoint, expected: &[u64]) {
        let struck: Vec<u64> = (1..=10)
            .filter(|&number| point.occurrence.strikes(number))
            .collect();
        assert_eq!(struck, expected, "{point:?}");
    }

    #[test]
    fn a_fault_strikes_when_it_was_told_to() {
        let on = || Fault::on("/v1.0/users");
        check(on(), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        check(on().nth(3), &[3]);
        check(on().first(2), &[1, 2]);
        check(on().after(7), &[8, 9, 10]);
        check(on().after(4).first(2), &[5, 6]);
        check(on().every(4), &[4, 8]);
    }

    #[test]
    fn a_fault_strikes_where_it_was_told_to() {
        let check = |point: FaultPoint, host, path: &str, expected| {
            let request = Request::new("GET", path, vec![], vec![]);
            assert_eq!(point.target.matches(host, &request), expected, "{path}");
        };
        check(
            Fault::on("/v1.0/users"),
            Host::Graph,
            "/v1.0/users?$top=1",
            true,
        );
        check(
            Fault::on("/v1.0/users"),
            Host::Graph,
            "/v1.0/users/$count",
            true,
        );
        check(
            Fault::on("/v1.0/users"),
            Host::Graph,
            "/v1.0/usersettings",
            false,
        );
        check(Fault::on("/v1.0/users"), Host::Login, "/v1.0/users", false);
        check(Fault::on("/"), Host::Graph, "/v1.0/organization", true);
        check(
            Fault::at("/v1.0/users"),
            Host::Graph,
            "/v1.0/users/$count",
            false,
        );
        check(
            Fault::on("/v1.0/reports/getX"),
            Host::Graph,
            "/v1.0/reports/getX(period='D7')",
            true,
        );
        check(
            Fault::on("/v1.0/reports/getX"),
            Host::Graph,
            "/v1.0/reports/getXY(period='D7')",
            false,
        );
        check(Fault::at_download(), Host::Downloads, "/any", true);
        check(Fault::at_download(), Host::Graph, "/any", false);
        check(Fault::on("/"), Host::Downloads, "/any", false);
        let of_mail = || Fault::at_download_of("getMail");
        check(of_mail(), Host::Downloads, "/data/download/getMail/1", true);
        check(
            of_mail(),
            Host::Downloads,
            "/data/download/getMails/1",
            false,
        );
        check(of_mail(), Host::Graph, "/data/download/getMail/1", false);
        check(
            Fault::at_token(),
            Host::Login,
            "/contoso.com/oauth2/v2.0/token",
            true,
        );
        check(
            Fault::at_token(),
            Host::Login,
            "/contoso.com/oauth2/v2.0/authorize",
            false,
        );
        check(
            Fault::at_authorize(),
            Host::Login,
            "/contoso.com/oauth2/v2.0/authorize",
            true,
        );
    }

    #[test]
    fn the_first_fault_wins_and_all_count() {
        let faults = Faults::default();
        faults.arm(Fault::on("/").nth(1).status(500));
        faults.arm(Fault::on("/").nth(2).status(502));
        let request = Request::new("GET", "/v1.0/users", vec![], vec![]);
        let status = || match faults.strike(Host::Graph, &request)?.effect {
            Effect::Refuse { status, .. } => Some(status),
            _ => None,
        };
        assert_eq!([status(), status(), status()], [Some(500), Some(502), None]);
    }
}
