use std::net::TcpListener;

use wiremock::Request;
use wiremock::matchers::{header, header_exists, method};

use super::*;
use crate::domain::sync_run::Dataset;
use crate::msgraph::http::{Http, NetworkSettings};
use crate::msgraph::paging::{LIMITS, Limits, quarantine_problem};
use crate::msgraph::testing::TestTokens;

#[tokio::test]
async fn pages_are_followed_verbatim_with_the_headers_again() {
    let bench = Bench::start().await;
    bench
        .on_first(page(0..3, Some(bench.link("a%2Bb~"))), 1)
        .await;
    bench
        .on_link("a+b~", page(0..0, Some(bench.link("c"))), 1)
        .await;
    bench.on_link("c", page(3..5, None), 1).await;
    let meter = Meter::default();
    assert_eq!(all_users(&bench.client, &meter).await.unwrap().len(), 5);
    let requests = bench.server.received_requests().await.unwrap();
    assert_eq!(
        (requests.len(), meter.requests(), meter.throttled_requests()),
        (3, 3, 0)
    );
    let mut ids = std::collections::HashSet::new();
    for request in &requests {
        assert_eq!(request.headers["consistencylevel"], "eventual");
        assert_eq!(request.headers["x-ms-throttle-priority"], "low");
        assert_eq!(request.headers["authorization"], "Bearer token-0");
        assert_eq!(request.headers["accept"], "application/json");
        assert!(
            request.headers["user-agent"]
                .to_str()
                .unwrap()
                .starts_with("seatwise/")
        );
        assert!(ids.insert(request.headers["client-request-id"].clone()));
    }
    let first = requests[0].url.query().unwrap();
    assert!(
        first.ends_with("&$expand=manager($levels=1;$select=id)&$count=true&$top=999"),
        "{first}"
    );
    assert_eq!(requests[1].url.query(), Some("$skiptoken=a%2Bb~"));
}

#[tokio::test]
async fn the_next_page_is_asked_for_before_this_one_is_handed_out_and_only_that_one() {
    let bench = Bench::start().await;
    bench.on_first(page(0..1, Some(bench.link("b"))), 1).await;
    bench
        .on_link("b", page(1..2, Some(bench.link("c"))), 1)
        .await;
    bench.on_link("c", page(2..3, None), 1).await;
    let meter = Meter::default();
    let mut pages = bench.client.users(None, &meter);
    assert_eq!(meter.requests(), 0);
    assert!(pages.next().await.unwrap().is_some());
    while bench.requests().await < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!((bench.requests().await, meter.requests()), (2, 2));
}

#[tokio::test]
async fn a_link_to_another_place_is_not_followed_and_nothing_connects() {
    let elsewhere = TcpListener::bind("127.0.0.2:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    for link in [
        format!("http://127.0.0.2:{port}/v1.0/users?$skiptoken=b"),
        format!("http://user@127.0.0.2:{port}/v1.0/users?$skiptoken=b"),
        format!("//127.0.0.2:{port}/v1.0/users"),
        format!("http:\\\\127.0.0.2:{port}\\v1.0\\users"),
        "/v1.0/users?$skiptoken=b".to_owned(),
    ] {
        let bench = Bench::start().await;
        bench.on_first(page(0..1, Some(link.clone())), 1).await;
        let (kind, message) = bench.failure().await;
        assert_eq!(kind, ProblemKind::UntrustedLink, "{link}");
        assert!(!message.contains("127.0.0.2"), "{message}");
        assert_eq!(bench.requests().await, 1);
    }
    let connection = elsewhere.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(connection, Err(std::io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn a_repeated_link_is_a_loop() {
    let bench = Bench::start().await;
    bench.on_first(page(0..1, Some(bench.link("b"))), 1).await;
    bench
        .on_link("b", page(1..2, Some(bench.link("c"))), 1)
        .await;
    bench
        .on_link("c", page(2..3, Some(format!("{}&x=1", bench.link("b")))), 1)
        .await;
    assert_eq!(bench.failure().await.0, ProblemKind::Loop);
    assert_eq!(bench.requests().await, 3);
}

#[tokio::test]
async fn a_link_back_to_the_first_page_is_a_loop() {
    let bench = Bench::start().await;
    let origin = bench.server.uri();
    let back = move |request: &Request| {
        let query = request.url.query().unwrap();
        page(
            0..1,
            Some(format!("{origin}{}?{query}", request.url.path())),
        )
    };
    Mock::given(method("GET"))
        .respond_with(back)
        .mount(&bench.server)
        .await;
    assert_eq!(bench.failure().await.0, ProblemKind::Loop);
    assert_eq!(bench.requests().await, 1);
}

#[tokio::test]
async fn a_page_size_that_graph_refuses_is_halved() {
    let bench = Bench::start().await;
    let complaint = graph_error(
        400,
        "Request_UnsupportedQuery",
        "Cannot query data for more than 120 users at a time.",
    );
    bench.on_first(complaint, 4).await;
    bench.on_first(page(0..2, None), 1).await;
    assert_eq!(bench.all_users().await.unwrap().len(), 2);
    let requests = bench.server.received_requests().await.unwrap();
    let sizes: Vec<_> = requests
        .iter()
        .filter_map(|request| {
            request
                .url
                .query()?
                .rsplit_once('=')
                .map(|(_, size)| size.to_owned())
        })
        .collect();
    assert_eq!(sizes, ["999", "499", "249", "124", "62"]);
}

#[tokio::test]
async fn no_page_is_asked_for_smaller_than_twenty() {
    let bench = Bench::start().await;
    let complaint = graph_error(
        400,
        "Request_UnsupportedQuery",
        "Invalid page size specified: '20'.",
    );
    bench.on_first(complaint, 100).await;
    assert_eq!(bench.failure().await.0, ProblemKind::Refused);
    let requests = bench.server.received_requests().await.unwrap();
    assert!(
        requests
            .last()
            .unwrap()
            .url
            .query()
            .unwrap()
            .ends_with("$top=20")
    );
    assert_eq!(requests.len(), 7);
}

#[tokio::test]
async fn another_400_is_not_repeated() {
    let bench = Bench::start().await;
    bench
        .on_first(
            graph_error(400, "Request_UnsupportedQuery", "$expand is not supported"),
            9,
        )
        .await;
    let (kind, message) = bench.failure().await;
    assert_eq!(kind, ProblemKind::Refused);
    assert!(
        message.contains("Request_UnsupportedQuery") && message.contains(REQUEST_ID),
        "{message}"
    );
    assert_eq!(bench.requests().await, 1);
}

#[tokio::test]
async fn poison_rows_are_quarantined_and_the_others_are_read() {
    let bench = Bench::start().await;
    let rows = [
        user(1).to_string(),
        r#"{"id":null,"userPrincipalName":"a"}"#.to_owned(),
        user(2).to_string(),
        user(1).to_string(),
        format!(r#"{{"id":"{REQUEST_ID}","userPrincipalName":"a","displayName":"cut \ud83d"}}"#),
        "5".to_owned(),
    ];
    let body = format!(r#"{{"value":[{}]}}"#, rows.join(","));
    bench
        .on_first(
            ResponseTemplate::new(200).set_body_raw(body, "application/json"),
            1,
        )
        .await;
    let mut pages = bench.client.users(None, &Meter::default());
    let page = pages.next().await.unwrap().unwrap();
    assert_eq!(page.rows.len(), 3);
    assert_eq!(page.rows[2].display_name.as_deref(), Some("cut \u{fffd}"));
    let reasons: Vec<_> = page.quarantined.into_iter().map(|row| row.reason).collect();
    assert_eq!(
        reasons,
        ["id is missing", "the row is a number", "its id came before"]
    );
}

#[track_caller]
fn check_judged(rows: u64, quarantined: u64, is_problem: bool) {
    let problem = quarantine_problem(Dataset::Users, rows, quarantined, None);
    assert_eq!(problem.is_some(), is_problem, "{rows} and {quarantined}");
}

#[test]
fn more_than_a_handful_and_a_hundredth_of_bad_rows_is_too_many() {
    check_judged(0, 0, false);
    check_judged(10, 3, false);
    check_judged(10, 4, true);
    check_judged(0, 1, true);
    check_judged(990, 10, false);
    check_judged(989, 11, true);
    check_judged(u64::MAX, 1_000_000, false);
}

#[tokio::test]
async fn more_pages_or_rows_than_any_tenant_has_are_too_large() {
    for (pages, rows, is_fine) in [(3, 30, true), (2, 30, false), (3, 29, false)] {
        let limits = Limits {
            pages,
            rows,
            ..LIMITS
        };
        let http = Http::new(&NetworkSettings::default()).unwrap();
        let bench = Bench::bounded(http, TestTokens::default(), limits).await;
        bench.on_first(page(0..10, Some(bench.link("b"))), 1).await;
        bench
            .on_link("b", page(10..20, Some(bench.link("c"))), 1)
            .await;
        bench.on_link("c", page(20..30, None), 1).await;
        match bench.all_users().await {
            Ok(users) => assert!(is_fine && users.len() == 30),
            Err(error) => assert!(!is_fine && problem(error).0 == ProblemKind::TooLarge),
        }
    }
}

#[tokio::test]
async fn the_organization_is_exactly_one() {
    let one = json!({"id": REQUEST_ID, "displayName": "Contoso", "verifiedDomains": [{"name": "contoso.com", "isDefault": true}]});
    for (rows, is_fine) in [
        (json!([one]), true),
        (json!([]), false),
        (
            json!([one, {"id": "22222222-2222-3333-4444-555555555555"}]),
            false,
        ),
        (json!([{"id": null}]), false),
    ] {
        let bench = Bench::start().await;
        Mock::given(path("/v1.0/organization"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"value": rows})))
            .mount(&bench.server)
            .await;
        match bench.client.organization(&Meter::default()).await {
            Ok(organization) => {
                assert!(is_fine);
                assert_eq!(organization.primary_domain(), Some("contoso.com"));
            }
            Err(error) => {
                assert!(!is_fine);
                assert_eq!(problem(error).0, ProblemKind::BadResponse);
            }
        }
    }
}

#[tokio::test]
async fn licenses_are_selected_and_not_sized() {
    let bench = Bench::start().await;
    let body =
        json!({"value": [{"skuId": REQUEST_ID, "skuPartNumber": "SPE_E3"}, {"skuId": null}]});
    Mock::given(path("/v1.0/subscribedSkus"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&bench.server)
        .await;
    let licenses = bench.client.licenses(&Meter::default()).await.unwrap();
    assert_eq!((licenses.rows.len(), licenses.quarantined.len()), (1, 1));
    let requests = bench.server.received_requests().await.unwrap();
    let query = requests[0].url.query().unwrap();
    assert!(
        query.starts_with("$select=") && !query.contains("$top"),
        "{query}"
    );
    assert!(requests[0].headers.get("consistencylevel").is_none());
}

#[tokio::test]
async fn the_count_of_users_is_a_plain_number_or_unknown() {
    for (answer, expected) in [
        (
            ResponseTemplate::new(200).set_body_string("1234"),
            Some(1_234),
        ),
        (
            ResponseTemplate::new(200).set_body_string("\u{feff}1234"),
            Some(1_234),
        ),
        (ResponseTemplate::new(200).set_body_string("many"), None),
        (ResponseTemplate::new(200).set_body_string("-1"), None),
        (ResponseTemplate::new(429), None),
        (ResponseTemplate::new(400), None),
    ] {
        let bench = Bench::start().await;
        Mock::given(path("/v1.0/users/$count"))
            .and(header("consistencylevel", "eventual"))
            .and(header("accept", "text/plain"))
            .and(header_exists("authorization"))
            .respond_with(answer)
            .mount(&bench.server)
            .await;
        assert_eq!(bench.client.user_count(&Meter::default()).await, expected);
        assert_eq!(bench.requests().await, 1);
    }
}
