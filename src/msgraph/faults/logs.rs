use std::time::Duration;

use wiremock::matchers::header_exists;

use super::*;
use crate::domain::standing::Span;
use crate::msgraph::{DirectoryAudit, LogPages, SignIn};

const PATH: &str = "/v1.0/auditLogs/signIns";

fn span() -> Span {
    Span {
        from: "2026-11-01T00:00:00Z".parse().unwrap(),
        until: "2026-11-20T12:00:00.5Z".parse().unwrap(),
    }
}

fn entry(number: u32) -> Value {
    json!({"id": format!("entry-{number}"), "createdDateTime": "2026-11-19T00:00:00Z", "activityDateTime": "2026-11-19T00:00:00Z"})
}

fn entries(numbers: std::ops::Range<u32>, next_link: Option<String>) -> ResponseTemplate {
    let mut body = json!({"value": numbers.map(entry).collect::<Vec<_>>()});
    if let Some(link) = next_link {
        body["@odata.nextLink"] = json!(link);
    }
    ResponseTemplate::new(200).set_body_json(body)
}

impl Bench {
    fn log_link(&self, token: u32) -> String {
        format!("{}{PATH}?$skiptoken={token}", self.server.uri())
    }

    /// The first page of sign-ins, from this instant on.
    async fn on_log(&self, from: &str, response: ResponseTemplate, times: u64) {
        Mock::given(path(PATH))
            .and(query_param_contains("$filter", format!("ge {from} and")))
            .respond_with(response)
            .up_to_n_times(times)
            .mount(&self.server)
            .await;
    }

    async fn on_log_link(&self, token: u32, response: ResponseTemplate) {
        Mock::given(path(PATH))
            .and(query_param("$skiptoken", token.to_string()))
            .respond_with(response)
            .mount(&self.server)
            .await;
    }

    fn sign_ins(&self) -> LogPages<SignIn> {
        self.client.sign_ins(span(), &Meter::default())
    }
}

async fn ids(mut pages: LogPages<SignIn>) -> Result<Vec<String>, Error> {
    let mut ids = Vec::new();
    while let Some(page) = pages.next().await? {
        ids.extend(page.rows.into_iter().map(|entry| entry.id));
    }
    assert!(pages.next().await.unwrap().is_none());
    Ok(ids)
}

const FROM: &str = "2026-11-01T00:00:00Z";

#[tokio::test]
async fn a_span_of_a_log_is_read_newest_first_to_its_end() {
    let bench = Bench::start().await;
    bench
        .on_log(FROM, entries(0..2, Some(bench.log_link(1))), 1)
        .await;
    bench
        .on_log_link(1, entries(2..2, Some(bench.log_link(2))))
        .await;
    bench.on_log_link(2, entries(1..3, None)).await;
    // An entry that moved to the next page is not told twice.
    assert_eq!(
        ids(bench.sign_ins()).await.unwrap(),
        ["entry-0", "entry-1", "entry-2"]
    );
    let requests = bench.server.received_requests().await.unwrap();
    let query: std::collections::HashMap<_, _> = requests[0].url.query_pairs().collect();
    assert_eq!(
        query["$filter"],
        "createdDateTime ge 2026-11-01T00:00:00Z and createdDateTime le 2026-11-20T12:00:00.5Z and status/errorCode eq 0"
    );
    assert_eq!(query["$orderby"], "createdDateTime desc");
    assert_eq!(query["$top"], "1000");
    assert_eq!(
        query["$select"],
        "id,createdDateTime,userId,appId,appDisplayName,status"
    );
}

#[tokio::test]
async fn the_audit_log_has_its_own_path_and_time() {
    let bench = Bench::start().await;
    Mock::given(path("/v1.0/auditLogs/directoryAudits"))
        .and(query_param_contains(
            "$filter",
            "activityDateTime ge 2026-11-01T00:00:00Z",
        ))
        .and(header_exists("authorization"))
        .respond_with(entries(0..3, None))
        .mount(&bench.server)
        .await;
    let mut pages = bench.client.directory_audits(span(), &Meter::default());
    let page = pages.next().await.unwrap().unwrap();
    let ids: Vec<_> = page
        .rows
        .iter()
        .map(|entry: &DirectoryAudit| entry.id.as_str())
        .collect();
    assert_eq!(ids, ["entry-0", "entry-1", "entry-2"]);
    assert!(pages.next().await.unwrap().is_none());
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_does_not_spoil_the_others() {
    let bench = Bench::start().await;
    let rows = json!([entry(0), {"id": "x"}, entry(1), 5]);
    let page = ResponseTemplate::new(200).set_body_json(json!({"value": rows}));
    bench.on_log(FROM, page, 1).await;
    let page = bench.sign_ins().next().await.unwrap().unwrap();
    assert_eq!((page.rows.len(), page.quarantined.len()), (2, 2));
    assert_eq!(page.quarantined[0].reason, "createdDateTime is missing");
}

fn too_early(begins: &str) -> ResponseTemplate {
    let message = format!(
        "Specified argument was out of the range of valid values. (Parameter 'Minimum allowed time for createdDateTime is {begins}')"
    );
    graph_error(400, "BadRequest", &message)
}

#[tokio::test]
async fn a_log_that_begins_later_is_read_from_its_beginning() {
    let bench = Bench::start().await;
    bench
        .on_log(FROM, too_early("11/13/2026 12:00:00 AM"), 1)
        .await;
    bench
        .on_log("2026-11-13T00:00:00Z", too_early("2026-11-13T00:00:05Z"), 1)
        .await;
    bench
        .on_log("2026-11-13T00:00:05Z", entries(0..1, None), 1)
        .await;
    let mut pages = bench.sign_ins();
    assert_eq!(pages.begins_at(), None);
    assert_eq!(pages.next().await.unwrap().unwrap().rows.len(), 1);
    assert_eq!(
        pages.begins_at(),
        Some("2026-11-13T00:00:05Z".parse().unwrap())
    );
    assert!(pages.next().await.unwrap().is_none());
    assert_eq!(bench.requests().await, 3);
}

#[tokio::test]
async fn a_span_before_the_beginning_is_empty() {
    let bench = Bench::start().await;
    bench.on_log(FROM, too_early("2026-11-21"), 1).await;
    assert!(ids(bench.sign_ins()).await.unwrap().is_empty());
    assert_eq!(bench.requests().await, 1);
}

#[tokio::test]
async fn the_beginning_may_also_be_met_on_a_later_page() {
    let bench = Bench::start().await;
    bench
        .on_log(FROM, entries(0..2, Some(bench.log_link(1))), 1)
        .await;
    bench.on_log_link(1, too_early("2026-11-13")).await;
    assert_eq!(ids(bench.sign_ins()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_beginning_that_never_suits_is_refused() {
    let same = Bench::start().await;
    same.on_log(FROM, too_early(FROM), 100).await;
    assert_eq!(
        problem(ids(same.sign_ins()).await.unwrap_err()).0,
        ProblemKind::Refused
    );
    assert_eq!(same.requests().await, 1);
    let moving = Bench::start().await;
    for day in 1..10 {
        let from = format!("2026-11-0{day}T00:00:00Z");
        moving
            .on_log(&from, too_early(&format!("2026-11-0{}", day + 1)), 1)
            .await;
    }
    assert_eq!(
        problem(ids(moving.sign_ins()).await.unwrap_err()).0,
        ProblemKind::Refused
    );
    assert_eq!(moving.requests().await, 4);
}

#[tokio::test]
async fn a_page_size_that_is_refused_is_halved() {
    let bench = Bench::start().await;
    let message = "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.";
    bench
        .on_log(
            FROM,
            graph_error(400, "Request_UnsupportedQuery", message),
            1,
        )
        .await;
    bench.on_log(FROM, entries(0..1, None), 1).await;
    assert_eq!(ids(bench.sign_ins()).await.unwrap().len(), 1);
    let requests = bench.server.received_requests().await.unwrap();
    assert!(requests[1].url.query().unwrap().ends_with("$top=500"));
}

#[tokio::test]
async fn a_tenant_without_premium_has_no_sign_ins() {
    let bench = Bench::start().await;
    let code = "Authentication_RequestFromNonPremiumTenantOrB2CTenant";
    bench.on_log(FROM, graph_error(403, code, "x"), 1).await;
    let mut pages = bench.sign_ins();
    let (kind, message) = problem(pages.next().await.unwrap_err());
    assert_eq!(kind, ProblemKind::NeedsPremium, "{message}");
    assert!(pages.next().await.unwrap().is_none());
    assert_eq!(bench.requests().await, 1);
}

#[tokio::test]
async fn a_log_links_neither_elsewhere_nor_back() {
    let elsewhere = Bench::start().await;
    let bench = Bench::start().await;
    bench
        .on_log(FROM, entries(0..1, Some(elsewhere.log_link(1))), 1)
        .await;
    assert_eq!(
        problem(ids(bench.sign_ins()).await.unwrap_err()).0,
        ProblemKind::UntrustedLink
    );
    assert_eq!(elsewhere.requests().await, 0);
    let bench = Bench::start().await;
    bench
        .on_log(FROM, entries(0..1, Some(bench.log_link(1))), 1)
        .await;
    bench
        .on_log_link(1, entries(1..2, Some(bench.log_link(1))))
        .await;
    assert_eq!(
        problem(ids(bench.sign_ins()).await.unwrap_err()).0,
        ProblemKind::Loop
    );
    assert_eq!(bench.requests().await, 2);
}

#[tokio::test]
async fn no_ten_seconds_see_more_than_five_requests_for_logs() {
    let bench = Bench::start().await;
    bench
        .on_log(FROM, entries(0..1, Some(bench.log_link(1))), 1)
        .await;
    for page in 1..12 {
        let link = (page < 11).then(|| bench.log_link(page + 1));
        bench.on_log_link(page, entries(page..page + 1, link)).await;
    }
    let mut pages = bench.sign_ins();
    let mut asked_at = Vec::new();
    while pages.next().await.unwrap().is_some() {
        asked_at.push(bench.timing.elapsed());
    }
    assert_eq!(asked_at.len(), 12);
    for window in asked_at.windows(6) {
        assert!(
            window[5] - window[0] > Duration::from_secs(10),
            "{asked_at:?}"
        );
    }
}

#[tokio::test]
async fn a_page_that_nobody_waited_for_is_asked_for_again() {
    let bench = Bench::start().await;
    bench.on_log(FROM, entries(0..1, None), 2).await;
    let mut pages = bench.sign_ins();
    {
        let next = pages.next();
        tokio::pin!(next);
        while bench.requests().await == 0 {
            assert!(futures_util::poll!(&mut next).is_pending());
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(ids(pages).await.unwrap(), ["entry-0"]);
    assert_eq!(bench.requests().await, 2);
}
