//! What a sync makes of bad input, by the front door: each fault is switched on in the simulated
//! Microsoft, and the run, what it says of itself, and what is served afterwards are looked at.
//!
//! What all of it has in common: whatever comes, the facts of before are served, whole, until better
//! ones are there; the run says which dataset was struck, by what, and what to do about it; and the
//! next run that meets no fault is as good as any.
//!
//! | what goes wrong | where |
//! |---|---|
//! | a page fails in the middle of many | `answers`, `sync`, `changes` |
//! | answers that are no pages, endless, packed, cut or slow | `answers` |
//! | links to other places, in circles, without end | `links` |
//! | throttling, whatever it says of the wait | `answers`, `sync`, `limits` of the reports in `reports` |
//! | rows that cannot be read, or not be believed | `rows`, `sync` |
//! | texts that nobody expects | `rows` |
//! | lists that are suddenly short, empty, or lie about their length | `lists`, `changes` |
//! | reports that lie elsewhere, break off, or are none | `downloads` |
//! | reports with other columns and other lines | `columns` |
//! | logs that are late, repeat themselves, and are longer than a run | `logs` |
//! | tokens and links to changes that have died | `sync`, `changes` |
//! | names that are concealed | `reports` |

mod answers;
mod columns;
mod downloads;
mod links;
mod lists;
mod logs;
mod rows;

use seatwise::simulator::{
    DeltaEnd, Fault, FaultPoint, Premium, RecordedRequest, Settings, Simulator,
};
use serde_json::Value;

use crate::support::people::EVERYBODY;
use crate::support::{Options, Server, dataset};

/// What strikes at a place.
type Strike = fn(FaultPoint) -> Fault;

const USERS: &str = "/v1.0/users";
const USER_CHANGES: &str = "/v1.0/users/delta";
const LICENSES: &str = "/v1.0/subscribedSkus";
const SUBSCRIPTIONS: &str = "/v1.0/directory/subscriptions";
const GROUP_CHANGES: &str = "/v1.0/groups/delta";

/// A synced server. Microsoft tells it no sign-ins, which are listed at the same path as users.
async fn synced() -> Server {
    against(|_| ()).await
}

/// The same, with a Microsoft that is prepared for its first sync.
async fn against(prepare: impl FnOnce(&Simulator) + Send + 'static) -> Server {
    let start = || {
        let microsoft = Simulator::start(Settings::default()).unwrap();
        microsoft.set_premium(Premium::None);
        prepare(&microsoft);
        let options = Options::default().with(EVERYBODY.0, EVERYBODY.1);
        Server::start_against(microsoft, options)
    };
    let server = tokio::task::spawn_blocking(start).await.unwrap();
    assert_eq!(server.synced().await["state"], "COMPLETE");
    server
}

/// A run that these faults strike, and nothing but them.
async fn run_with(server: &Server, faults: impl IntoIterator<Item = Fault>) -> Value {
    let microsoft = server.microsoft();
    microsoft.clear_requests();
    for fault in faults {
        microsoft.fault(fault);
    }
    let run = server.sync().await;
    microsoft.clear_faults();
    run
}

/// The same for a run that is not told what changed: it reads everybody and all groups.
async fn whole_run_with(server: &Server, faults: impl IntoIterator<Item = Fault>) -> Value {
    let microsoft = server.microsoft();
    microsoft.expire_delta_tokens(DeltaEnd::Gone410WithLocation);
    run_with(server, faults).await
}

/// Everything that is served of the directory and what was bought.
async fn served(server: &Server) -> Value {
    let document = "{
        users(first: 500) {totalCount nodes {objectId userPrincipalName displayName department userType
            accountEnabled manager {objectId} groups(first: 100) {nodes {objectId}}
            licenses {license {skuId} state disabledPlans {name}}}}
        licenses(first: 100) {totalCount nodes {skuId value status
            seats {enabled warning suspended consumed} subscriptions {id status seats}}}
        groups(first: 500) {totalCount nodes {objectId displayName assignsLicenses {skuId}
            members(first: 1) {totalCount}}}}";
    let served = server.data(document).await;
    assert!(served["users"]["totalCount"].as_u64() > Some(250));
    assert!(served["licenses"]["totalCount"].as_u64() > Some(8));
    served
}

/// Checks that nothing that is served has changed.
async fn check_served(server: &Server, expected: &Value, why: &str) {
    // Not `assert_eq!`: nobody wants to read all of it.
    assert!(
        served(server).await == *expected,
        "{why} changed what is served"
    );
}

/// Checks that a dataset of a run failed by this kind of problem, in such words.
#[track_caller]
fn check_failed(run: &Value, name: &str, kind: &str, words: &str) {
    let part = dataset(run, name);
    assert_eq!(part["state"], "FAILED", "{name}, {words}: {run}");
    let problem = problem(run, name);
    assert!(
        problem.starts_with(&format!("{kind}: ")),
        "{name}: {problem}"
    );
    assert!(problem.contains(words), "{name}, {words}: {problem}");
}

fn problem<'a>(run: &'a Value, name: &str) -> &'a str {
    dataset(run, name)["problem"].as_str().unwrap_or_default()
}

/// State, age and remedy of a dataset, as the tenant shows them.
async fn capability(server: &Server, dataset: &str) -> Value {
    let document = "{tenants {capabilities {dataset state asOf remedy}}}";
    let data = server.data(document).await;
    let all = data["tenants"][0]["capabilities"].as_array().unwrap();
    let mut all = all.iter();
    all.find(|one| one["dataset"] == dataset).unwrap().clone()
}

/// The requests to exactly this path.
fn requests_to(server: &Server, path: &str) -> Vec<RecordedRequest> {
    let mut requests = server.microsoft().requests_to(path);
    requests.retain(|request| request.path() == path);
    requests
}
