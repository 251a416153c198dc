use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wiremock::matchers::header;

use super::*;
use crate::msgraph::http::{Http, NetworkSettings};
use crate::msgraph::paging::{LIMITS, Limits};
use crate::msgraph::testing::TestTokens;

#[tokio::test]
async fn a_throttled_request_waits_as_long_as_it_is_told_and_not_less() {
    let bench = Bench::start().await;
    let throttled = graph_error(429, "TooManyRequests", "").insert_header("Retry-After", "17");
    bench.on_first(throttled, 2).await;
    bench.on_first(page(0..1, None), 1).await;
    let meter = Meter::default();
    all_users(&bench.client, &meter).await.unwrap();
    assert_eq!((meter.requests(), meter.throttled_requests()), (3, 2));
    // Twice 17 s and up to a second by chance.
    assert_eq!(bench.timing.elapsed(), Duration::from_secs(36));
}

#[tokio::test]
async fn throttling_of_one_dataset_holds_back_the_others_of_the_tenant_only() {
    let bench = Bench::start().await;
    let throttled = ResponseTemplate::new(429).insert_header("Retry-After", "60");
    bench.on_first(throttled, 1).await;
    let other_tenant = Bench::start().await;
    for bench in [&bench, &other_tenant] {
        Mock::given(path("/v1.0/subscribedSkus"))
            .respond_with(page(0..0, None))
            .mount(&bench.server)
            .await;
    }
    // Answers 429 once, then nobody may send for a minute.
    let cancel = CancellationToken::new();
    let meter = Meter::new(cancel.clone());
    let client = bench.client.clone();
    let mut users = client.users(None, &meter);
    let first = users.next();
    tokio::pin!(first);
    while meter.throttled_requests() == 0 {
        let _ = futures_util::poll!(&mut first);
        tokio::task::yield_now().await;
    }
    bench.client.licenses(&Meter::default()).await.unwrap();
    assert!(bench.timing.elapsed() >= Duration::from_secs(60));
    other_tenant
        .client
        .licenses(&Meter::default())
        .await
        .unwrap();
    assert_eq!(other_tenant.timing.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_storm_of_429_ends_after_eight_tries() {
    let bench = Bench::start().await;
    bench
        .on_first(graph_error(429, "TooManyRequests", ""), 100)
        .await;
    let (kind, message) = bench.failure().await;
    assert_eq!(kind, ProblemKind::Throttled);
    assert!(message.contains(REQUEST_ID), "{message}");
    assert_eq!(bench.requests().await, 8);
    // 1 + 2 + 4 + 8 + 16 + 32 + 60 seconds
    assert_eq!(bench.timing.elapsed(), Duration::from_secs(123));
}

#[tokio::test]
async fn failures_of_the_server_are_retried_with_growing_waits() {
    for status in [500, 502, 503, 504] {
        let bench = Bench::start().await;
        let html = ResponseTemplate::new(status).set_body_raw("<html>no</html>", "text/html");
        bench.on_first(html, 3).await;
        bench.on_first(page(0..1, None), 1).await;
        let meter = Meter::default();
        all_users(&bench.client, &meter).await.unwrap();
        assert_eq!(
            (meter.requests(), meter.throttled_requests()),
            (4, 0),
            "{status}"
        );
        assert_eq!(bench.timing.elapsed(), Duration::from_secs(7), "{status}");
    }
}

#[tokio::test]
async fn a_503_with_a_time_to_wait_is_throttling() {
    let bench = Bench::start().await;
    bench
        .on_first(
            ResponseTemplate::new(503).insert_header("Retry-After", "5"),
            1,
        )
        .await;
    bench.on_first(page(0..1, None), 1).await;
    let meter = Meter::default();
    all_users(&bench.client, &meter).await.unwrap();
    assert_eq!(meter.throttled_requests(), 1);
    assert_eq!(bench.timing.elapsed(), Duration::from_secs(6));
}

#[tokio::test]
async fn what_takes_longer_than_two_hours_is_given_up() {
    let bench = Bench::start().await;
    let throttled = || ResponseTemplate::new(429).insert_header("Retry-After", "1000000000");
    bench.on_first(throttled(), 7).await;
    bench.on_first(page(0..1, Some(bench.link("b"))), 1).await;
    bench.on_link("b", throttled(), 7).await;
    let (kind, message) = bench.failure().await;
    assert_eq!(kind, ProblemKind::TooLarge);
    assert!(message.contains("two hours"), "{message}");
    assert!(bench.timing.elapsed() <= Duration::from_secs(2 * 60 * 60));
}

#[tokio::test]
async fn failures_of_the_server_do_not_outlast_the_time_for_a_dataset() {
    let limits = Limits {
        time: Duration::from_secs(5),
        ..LIMITS
    };
    let http = Http::new(&NetworkSettings::default()).unwrap();
    let bench = Bench::bounded(http, TestTokens::default(), limits).await;
    bench.on_first(ResponseTemplate::new(500), 100).await;
    assert_eq!(bench.failure().await.0, ProblemKind::TooLarge);
    // After 1 + 2 + 4 seconds there is no time left for a fourth try.
    assert_eq!(bench.requests().await, 3);
}

#[tokio::test]
async fn every_page_that_fails_fails_the_whole() {
    for bad in 0..4 {
        let bench = Bench::start().await;
        for number in 0..4_u32 {
            let answer = if number == bad {
                graph_error(403, "Authorization_RequestDenied", "ann@contoso.com")
            } else {
                let link = (number < 3).then(|| bench.link(&(number + 1).to_string()));
                page(number..number + 1, link)
            };
            match number {
                0 => bench.on_first(answer, 1).await,
                _ => bench.on_link(&number.to_string(), answer, 1).await,
            }
        }
        let (kind, message) = bench.failure().await;
        assert_eq!(kind, ProblemKind::Permission);
        assert!(
            message.contains("User.Read.All") && message.contains(REQUEST_ID),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_refused_token_is_refreshed_once_and_the_request_repeated() {
    let bench = Bench::start().await;
    Mock::given(header("authorization", "Bearer token-0"))
        .respond_with(graph_error(401, "InvalidAuthenticationToken", "expired"))
        .mount(&bench.server)
        .await;
    Mock::given(header("authorization", "Bearer token-1"))
        .respond_with(page(0..1, None))
        .mount(&bench.server)
        .await;
    assert_eq!(bench.all_users().await.unwrap().len(), 1);
    assert_eq!(bench.tokens.refreshes.load(Ordering::SeqCst), 1);
    assert_eq!(bench.timing.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_token_that_stays_refused_is_not_refreshed_again() {
    let bench = Bench::start().await;
    bench
        .on_first(graph_error(401, "InvalidAuthenticationToken", "x"), 100)
        .await;
    assert_eq!(bench.failure().await.0, ProblemKind::SignIn);
    assert_eq!(bench.requests().await, 2);
    assert_eq!(bench.tokens.refreshes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_challenge_that_no_refresh_answers_is_not_refreshed() {
    let bench = Bench::start().await;
    let challenge = graph_error(401, "InvalidAuthenticationToken", "x").insert_header(
        "WWW-Authenticate",
        r#"Bearer error="insufficient_claims", claims="eyJ9""#,
    );
    bench.on_first(challenge, 100).await;
    let (kind, message) = bench.failure().await;
    assert_eq!(kind, ProblemKind::SignIn);
    assert!(message.contains("Conditional Access"), "{message}");
    assert_eq!(bench.requests().await, 1);
}

#[tokio::test]
async fn a_dead_sign_in_asks_graph_nothing() {
    let tokens = TestTokens {
        is_dead: true,
        ..TestTokens::default()
    };
    let bench = Bench::with(Http::new(&NetworkSettings::default()).unwrap(), tokens).await;
    let error = bench.all_users().await.unwrap_err();
    assert!(matches!(error, Error::SignIn(error) if error.aadsts == Some(700_082)));
    assert_eq!(bench.requests().await, 0);
}

#[tokio::test]
async fn canceling_stops_a_request_under_way_and_a_wait() {
    for answer in [
        page(0..1, None).set_delay(Duration::from_secs(60)),
        page(0..1, None),
    ] {
        let bench = Bench::start().await;
        bench.on_first(answer, 1).await;
        let cancel = CancellationToken::new();
        let meter = Meter::new(cancel.clone());
        let mut pages = bench.client.users(None, &meter);
        let next = pages.next();
        tokio::pin!(next);
        while meter.requests() == 0 {
            let _ = futures_util::poll!(&mut next);
            tokio::task::yield_now().await;
        }
        cancel.cancel();
        assert!(matches!(next.await, Err(Error::Canceled)));
        assert!(matches!(
            bench.client.organization(&meter).await,
            Err(Error::Canceled)
        ));
        assert_eq!(bench.client.user_count(&meter).await, None);
    }
}

#[tokio::test]
async fn a_page_that_was_given_up_is_not_skipped_silently() {
    let bench = Bench::start().await;
    bench.on_first(page(0..1, Some(bench.link("b"))), 1).await;
    bench.on_link("b", page(1..2, None), 1).await;
    let mut pages = bench.client.users(None, &Meter::default());
    {
        let next = pages.next();
        tokio::pin!(next);
        assert!(futures_util::poll!(&mut next).is_pending());
    }
    assert!(matches!(pages.next().await, Err(Error::Canceled)));
    assert!(matches!(pages.next().await, Err(Error::Canceled)));
}
