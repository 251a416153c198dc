use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio_util::sync::CancellationToken;
use wiremock::MockServer;
use wiremock::matchers::{header, header_exists, method};

use super::*;
use crate::domain::standing::Fetched;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::Period;
use crate::msgraph::{Report, ReportAnswer};

const CSV: &str = "\u{feff}Report Refresh Date,User Principal Name,Last Activity Date,Send Count,Report Period\r\n2026-11-20,ann@contoso.com,,5,7\r\n";
const WEEK: Fetched = Fetched::Period(Period::D7);
const GRAPH_PATH: &str = "/v1.0/reports/getEmailActivityUserDetail(period='D7')";

/// Graph, and the other host where reports lie.
struct Reports {
    graph: Bench,
    elsewhere: MockServer,
}

impl Reports {
    async fn start() -> Self {
        Self {
            graph: Bench::start().await,
            elsewhere: MockServer::start().await,
        }
    }

    fn redirect(&self, link: &str) -> ResponseTemplate {
        let link = format!("{}/data/download/{link}", self.elsewhere.uri());
        ResponseTemplate::new(302).insert_header("Location", link)
    }

    /// What Graph answers, so many times.
    async fn on_graph(&self, response: ResponseTemplate, times: u64) {
        Mock::given(path(GRAPH_PATH))
            .respond_with(response)
            .up_to_n_times(times)
            .mount(&self.graph.server)
            .await;
    }

    /// What a link leads to.
    async fn on_link(&self, link: &str, response: ResponseTemplate) {
        Mock::given(path(format!("/data/download/{link}")))
            .and(method("GET"))
            .respond_with(response)
            .mount(&self.elsewhere)
            .await;
    }

    async fn ask(&self) -> Result<ReportAnswer, Error> {
        self.ask_since(None, &Meter::default()).await
    }

    async fn ask_since(&self, etag: Option<&str>, meter: &Meter) -> Result<ReportAnswer, Error> {
        let client = &self.graph.client;
        client
            .report(Dataset::EmailActivity, WEEK, etag, meter)
            .await
    }

    async fn failure(&self) -> (ProblemKind, String) {
        problem(self.ask().await.unwrap_err())
    }

    /// How many requests Graph and the other host got.
    async fn requests(&self) -> (usize, usize) {
        let elsewhere = self.elsewhere.received_requests().await.unwrap();
        (self.graph.requests().await, elsewhere.len())
    }
}

fn csv() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(CSV, "application/octet-stream")
}

#[track_caller]
fn report(answer: Result<ReportAnswer, Error>) -> Report {
    match answer.unwrap() {
        ReportAnswer::Report(report) => report,
        ReportAnswer::Unchanged => panic!("unchanged"),
    }
}

#[tokio::test]
async fn a_report_is_downloaded_elsewhere_with_nothing_of_ours() {
    let reports = Reports::start().await;
    reports.on_graph(reports.redirect("a?sig=%2Bb"), 1).await;
    reports.on_link("a", csv()).await;
    let meter = Meter::default();
    let read = report(reports.ask_since(Some("\"old\""), &meter).await);
    assert_eq!(read.rows.len(), 1);
    assert_eq!(read.reported_on, Some("2026-11-20".parse().unwrap()));
    assert_eq!((reports.requests().await, meter.requests()), ((1, 1), 2));
    let asked = &reports.graph.server.received_requests().await.unwrap()[0];
    assert_eq!(asked.headers["authorization"], "Bearer token-0");
    assert_eq!(asked.headers["if-none-match"], "\"old\"");
    let downloaded = &reports.elsewhere.received_requests().await.unwrap()[0];
    assert_eq!(downloaded.url.query(), Some("sig=%2Bb"));
    let mut names: Vec<_> = downloaded
        .headers
        .keys()
        .map(|name| name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
}

#[tokio::test]
async fn a_report_may_also_come_at_once() {
    let graph = Bench::start().await;
    Mock::given(path(
        "/v1.0/copilot/reports/getMicrosoft365CopilotUsageUserDetail(period='D180')",
    ))
    .and(header_exists("authorization"))
    .respond_with(csv().insert_header("ETag", "W/\"1\""))
    .mount(&graph.server)
    .await;
    let half_a_year = Fetched::Period(Period::D180);
    let meter = Meter::default();
    let asked = graph
        .client
        .report(Dataset::CopilotUsage, half_a_year, None, &meter);
    let (kind, message) = problem(asked.await.unwrap_err());
    // The mock has one of a week only.
    assert_eq!(kind, ProblemKind::BadResponse, "{message}");
    assert!(message.contains("another period"), "{message}");
    assert_eq!(graph.requests().await, 1);

    let reports = Reports::start().await;
    reports
        .on_graph(csv().insert_header("ETag", "W/\"1\""), 1)
        .await;
    let read = report(reports.ask().await);
    assert_eq!(
        (read.rows.len(), read.etag.as_deref()),
        (1, Some("W/\"1\""))
    );
}

#[tokio::test]
async fn a_report_without_argument_is_asked_for_without_one() {
    let graph = Bench::start().await;
    Mock::given(path("/v1.0/reports/getOffice365ActivationsUserDetail"))
        .respond_with(csv())
        .mount(&graph.server)
        .await;
    let meter = Meter::default();
    let dataset = Dataset::AppsActivations;
    let asked = graph.client.report(dataset, Fetched::Whole, None, &meter);
    assert_eq!(report(asked.await).rows.len(), 1);
}

#[tokio::test]
async fn a_part_that_microsoft_does_not_tell_is_not_asked_for() {
    let graph = Bench::start().await;
    let day = Fetched::Day("2026-11-01".parse().unwrap());
    for (dataset, what) in [
        (Dataset::MailboxUsage, day),
        (Dataset::AppsActivations, WEEK),
        (Dataset::Users, WEEK),
    ] {
        let meter = Meter::default();
        let asked = graph.client.report(dataset, what, None, &meter);
        let (kind, _) = problem(asked.await.unwrap_err());
        assert_eq!(kind, ProblemKind::Internal);
    }
    assert_eq!(graph.requests().await, 0);
}

#[tokio::test]
async fn what_is_not_newer_is_unchanged() {
    let reports = Reports::start().await;
    Mock::given(path(GRAPH_PATH))
        .and(header("if-none-match", "\"1\""))
        .respond_with(ResponseTemplate::new(304))
        .mount(&reports.graph.server)
        .await;
    reports
        .on_graph(reports.redirect("a").insert_header("ETag", "\"1\""), 1)
        .await;
    reports
        .on_link("a", csv().insert_header("ETag", "\"of the other host\""))
        .await;
    let etag = report(reports.ask().await).etag;
    assert_eq!(etag.as_deref(), Some("\"1\""));
    let again = reports.ask_since(etag.as_deref(), &Meter::default()).await;
    assert!(matches!(again, Ok(ReportAnswer::Unchanged)));
    assert_eq!(reports.requests().await, (2, 1));
    // An ETag of a file that was tampered with is not sent.
    let odd = reports.ask_since(Some("a\nb"), &Meter::default()).await;
    assert!(odd.is_err());
    let requests = reports.graph.server.received_requests().await.unwrap();
    assert!(!requests[2].headers.contains_key("if-none-match"));
}

#[tokio::test]
async fn unchanged_since_nothing_is_a_bad_response() {
    let reports = Reports::start().await;
    reports.on_graph(ResponseTemplate::new(304), 1).await;
    assert_eq!(reports.failure().await.0, ProblemKind::BadResponse);
}

#[tokio::test]
async fn a_link_to_a_forbidden_place_is_not_followed() {
    let near_us = std::net::TcpListener::bind("127.0.0.3:0").unwrap();
    near_us.set_nonblocking(true).unwrap();
    let port = near_us.local_addr().unwrap().port();
    for link in [
        format!("https://127.0.0.3.nip.local:{port}/x"),
        format!("http://user@127.0.0.3:{port}/x"),
        format!("//127.0.0.3:{port}/x"),
        format!("http:\\\\127.0.0.3:{port}\\x"),
        format!("ftp://127.0.0.3:{port}/x"),
        "http://169.254.169.254/metadata/instance".to_owned(),
        "https://169.254.169.254/metadata/instance".to_owned(),
        "/data/download/x".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let reports = Reports::start().await;
        let redirect = ResponseTemplate::new(302).insert_header("Location", link.as_str());
        reports.on_graph(redirect, 1).await;
        let (kind, message) = reports.failure().await;
        assert_eq!(kind, ProblemKind::UntrustedLink, "{link}");
        assert!(
            !message.contains("127.0.0.3") && !message.contains("169.254"),
            "{message}"
        );
        assert_eq!(reports.requests().await, (1, 0));
    }
    let connection = near_us.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(connection, Err(std::io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_a_bad_response() {
    let reports = Reports::start().await;
    reports.on_graph(ResponseTemplate::new(302), 1).await;
    assert_eq!(reports.failure().await.0, ProblemKind::BadResponse);
}

#[tokio::test]
async fn a_second_redirect_is_not_followed() {
    for status in [301, 302, 307] {
        let reports = Reports::start().await;
        reports.on_graph(reports.redirect("a"), 1).await;
        let onward = format!("{}/data/download/b", reports.elsewhere.uri());
        let redirect = ResponseTemplate::new(status).insert_header("Location", onward);
        reports.on_link("a", redirect).await;
        reports.on_link("b", csv()).await;
        let (kind, message) = reports.failure().await;
        assert_eq!(kind, ProblemKind::BadResponse, "{message}");
        assert_eq!(reports.requests().await, (1, 1));
    }
}

#[tokio::test]
async fn for_a_refused_link_graph_gives_a_fresh_one() {
    for refusal in [403, 404, 410, 429, 500, 503] {
        let reports = Reports::start().await;
        reports.on_graph(reports.redirect("a"), 1).await;
        reports.on_graph(reports.redirect("b"), 1).await;
        reports.on_link("a", ResponseTemplate::new(refusal)).await;
        reports.on_link("b", csv()).await;
        assert_eq!(report(reports.ask().await).rows.len(), 1);
        assert_eq!(reports.requests().await, (2, 2));
        assert_eq!(reports.graph.timing.elapsed(), Duration::from_secs(1));
    }
}

#[tokio::test]
async fn four_links_are_tried_and_no_more() {
    for (status, expected) in [
        (403, ProblemKind::Unreachable),
        (429, ProblemKind::Throttled),
    ] {
        let reports = Reports::start().await;
        reports.on_graph(reports.redirect("a"), 100).await;
        let refusal = ResponseTemplate::new(status).insert_header("Retry-After", "7");
        reports.on_link("a", refusal).await;
        let (kind, message) = reports.failure().await;
        assert_eq!(kind, expected);
        assert!(message.contains(&status.to_string()), "{message}");
        assert!(
            !message.contains("download/a"),
            "the link is a secret: {message}"
        );
        assert_eq!(reports.requests().await, (4, 4));
        assert_eq!(reports.graph.timing.elapsed(), Duration::from_secs(21));
    }
}

#[tokio::test]
async fn graph_itself_is_asked_again_as_for_anything_else() {
    let reports = Reports::start().await;
    let throttled = ResponseTemplate::new(429).insert_header("Retry-After", "30");
    reports.on_graph(throttled, 1).await;
    reports.on_graph(ResponseTemplate::new(401), 1).await;
    reports.on_graph(ResponseTemplate::new(502), 1).await;
    reports.on_graph(reports.redirect("a"), 1).await;
    reports.on_link("a", csv()).await;
    assert_eq!(report(reports.ask().await).rows.len(), 1);
    assert_eq!(reports.requests().await, (4, 1));
    assert!(reports.graph.timing.elapsed() >= Duration::from_secs(30));
}

#[tokio::test]
async fn the_impatient_do_not_wait_and_a_throttled_report_holds_back_no_other() {
    let reports = Reports::start().await;
    let throttled = |wait| ResponseTemplate::new(429).insert_header("Retry-After", wait);
    reports.on_graph(throttled("10"), 1).await;
    reports.on_graph(throttled("600"), 1).await;
    let impatient = Meter::default().with_patience(Duration::from_secs(15));
    let waited = |seconds| Duration::from_secs(seconds);
    // The first wait is short enough. The second is not, and whoever comes next knows of it.
    for _ in 0..2 {
        let refused = reports.ask_since(None, &impatient).await.unwrap_err();
        assert_eq!(problem(refused).0, ProblemKind::Throttled);
        assert_eq!(reports.requests().await, (2, 0));
        assert!((waited(10)..=waited(11)).contains(&reports.graph.timing.elapsed()));
    }
    Mock::given(path("/v1.0/reports/getMailboxUsageDetail(period='D7')"))
        .respond_with(ResponseTemplate::new(304))
        .mount(&reports.graph.server)
        .await;
    let (client, meter) = (&reports.graph.client, Meter::default());
    let other = client.report(Dataset::MailboxUsage, WEEK, Some("\"known\""), &meter);
    assert!(matches!(other.await, Ok(ReportAnswer::Unchanged)));
    assert!(reports.graph.timing.elapsed() <= waited(11));
}

#[tokio::test]
async fn a_download_that_is_no_report_is_a_bad_response() {
    for (body, word) in [
        ("<html>sign in</html>", "HTML"),
        (r#"{"error":{"code":"x"}}"#, "JSON"),
        ("", "nothing"),
        (
            "Report Refresh Date,Send Count\r\n",
            "\"User Principal Name\"",
        ),
        ("\u{1f}\u{8b}", "Report Refresh Date"),
    ] {
        let reports = Reports::start().await;
        reports
            .on_graph(
                reports
                    .redirect("a")
                    .insert_header("request-id", REQUEST_ID),
                1,
            )
            .await;
        reports
            .on_link("a", ResponseTemplate::new(200).set_body_string(body))
            .await;
        let (kind, message) = reports.failure().await;
        assert_eq!(kind, ProblemKind::BadResponse, "{message}");
        assert!(
            message.contains(word) && message.contains(REQUEST_ID),
            "{message}"
        );
        assert_eq!(reports.requests().await, (1, 1));
    }
}

#[tokio::test]
async fn a_report_beyond_three_hundred_megabytes_is_cut_off_while_it_comes() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    let megabyte = vec![b' '; 1024 * 1024];
    for _ in 0..301 {
        bomb.write_all(&megabyte).unwrap();
    }
    let reports = Reports::start().await;
    reports.on_graph(reports.redirect("a"), 1).await;
    let bomb = ResponseTemplate::new(200)
        .insert_header("Content-Encoding", "gzip")
        .set_body_raw(bomb.finish().unwrap(), "application/octet-stream");
    reports.on_link("a", bomb).await;
    let (kind, message) = reports.failure().await;
    assert_eq!(kind, ProblemKind::TooLarge, "{message}");
    assert_eq!(reports.requests().await, (1, 1));
}

#[tokio::test]
async fn a_fifteenth_request_for_a_report_waits_and_other_reports_do_not() {
    let reports = Reports::start().await;
    reports.on_graph(csv(), 100).await;
    let dataset = Dataset::EmailActivity;
    assert_eq!(reports.graph.client.requests_left(dataset), Some(14));
    for _ in 0..14 {
        report(reports.ask().await);
    }
    assert_eq!(reports.graph.timing.elapsed(), Duration::ZERO);
    assert_eq!(reports.graph.client.requests_left(dataset), Some(0));
    assert_eq!(
        reports.graph.client.requests_left(Dataset::TeamsActivity),
        Some(14)
    );
    report(reports.ask().await);
    assert!(reports.graph.timing.elapsed() >= Duration::from_secs(600));
}

#[tokio::test]
async fn a_canceled_report_stops() {
    let reports = Reports::start().await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let asked = reports.ask_since(None, &Meter::new(cancel)).await;
    assert!(matches!(asked, Err(Error::Canceled)));
    assert_eq!(reports.requests().await, (0, 0));
}
