//! Answers that are none: what is no page, what is endless, what breaks off, and what says "later".

use std::time::Duration;

use seatwise::simulator::RetryAfter;

use super::*;

/// More than a page may have, before or after it is unpacked.
const HUGE: usize = 34 * 1024 * 1024;

/// What is no page, the kind of problem that it is, and what is said of it.
const NO_PAGES: [(Strike, &str, &str); 11] = [
    (|at| at.html(), "BAD_RESPONSE", "HTML instead of JSON"),
    (|at| at.empty_body(), "BAD_RESPONSE", "cut or damaged"),
    (|at| json(at, "{}"), "BAD_RESPONSE", "not a page with rows"),
    (
        |at| json(at, r#"{"value":[{"id":NaN}]}"#),
        "BAD_RESPONSE",
        "cut or damaged",
    ),
    (|at| at.byte_order_mark(), "BAD_RESPONSE", "cut or damaged"),
    (|at| at.invalid_utf8(), "BAD_RESPONSE", "not UTF-8"),
    (
        |at| at.redirect_to("http://127.0.0.2:9/"),
        "BAD_RESPONSE",
        "sign-in page of your network",
    ),
    (
        |at| at.huge_body(HUGE),
        "TOO_LARGE",
        "more than Microsoft ever sends",
    ),
    (
        |at| at.gzip_bomb(HUGE),
        "TOO_LARGE",
        "more than Microsoft ever sends",
    ),
    (
        |at| at.deep_nesting(100_000),
        "QUARANTINE",
        "could not be read",
    ),
    (|at| at.status(404), "REFUSED", "please report it"),
];

fn json(at: FaultPoint, body: &str) -> Fault {
    at.respond(200, "application/json", body)
}

#[tokio::test]
async fn an_answer_that_is_no_page_is_told_by_kind_and_changes_nothing() {
    let server = synced().await;
    let before = served(&server).await;
    server.microsoft().add_users(2);
    server.microsoft().add_groups(1);
    for (strike, kind, words) in NO_PAGES {
        // Without users there is no run.
        let run = whole_run_with(&server, [strike(Fault::at(USERS))]).await;
        assert_eq!(run["state"], "FAILED", "{words}");
        check_failed(&run, "USERS", kind, words);
        if kind == "BAD_RESPONSE" {
            assert!(problem(&run, "USERS").contains("request-id"), "{run}");
        }
        check_served(&server, &before, words).await;
    }
    server
        .microsoft()
        .expire_delta_tokens(DeltaEnd::Gone410WithLocation);
    assert_eq!(server.sync().await["state"], "COMPLETE");
    let before = served(&server).await;
    for (strike, kind, words) in NO_PAGES {
        // Without the others there is.
        let struck = [SUBSCRIPTIONS, GROUP_CHANGES].map(|path| strike(Fault::at(path)));
        let run = run_with(&server, struck).await;
        assert_eq!(run["state"], "PARTIAL", "{words}");
        check_failed(&run, "SUBSCRIPTIONS", kind, words);
        match kind {
            // What is nested so deep does not say where the next changes will be either.
            "QUARANTINE" => check_failed(&run, "GROUPS", "BAD_RESPONSE", "next ones will be"),
            _ => check_failed(&run, "GROUPS", kind, words),
        }
        check_served(&server, &before, words).await;
    }
    for name in ["SUBSCRIPTIONS", "GROUPS"] {
        let shown = capability(&server, name).await;
        assert_eq!(shown["state"], "FAILING", "{shown}");
        assert!(
            shown["asOf"].is_string() && shown["remedy"].is_string(),
            "{shown}"
        );
    }
    assert_eq!(server.sync().await["state"], "COMPLETE");
    for name in ["SUBSCRIPTIONS", "GROUPS"] {
        assert_eq!(capability(&server, name).await["state"], "OK", "{name}");
    }
    assert_eq!(server.user_count().await, server.microsoft().user_count());
}

#[tokio::test]
async fn the_page_that_failed_is_named_with_microsofts_id_of_the_request() {
    let server = synced().await;
    let microsoft = server.microsoft();
    microsoft.set_delta_page_rows(10);
    microsoft.add_users(25);
    for (page, words) in [(1, None), (2, Some("page 2")), (3, Some("page 3"))] {
        let run = run_with(&server, [Fault::at(USER_CHANGES).nth(page).html()]).await;
        check_failed(&run, "USERS", "BAD_RESPONSE", "request-id");
        let problem = problem(&run, "USERS");
        match words {
            Some(words) => assert!(problem.contains(words), "{problem}"),
            None => assert!(!problem.contains("page 1"), "{problem}"),
        }
        assert_eq!(run["problem"], problem);
    }
}

/// What passes when the same is asked again.
const PASSING: [Strike; 5] = [
    |at| at.cut_body(),
    |at| at.cut_chunk(),
    |at| at.close_connection(),
    |at| at.status(504),
    |at| at.unavailable(RetryAfter::Missing),
];

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let server = synced().await;
    let microsoft = server.microsoft();
    let paths = [USER_CHANGES, LICENSES, SUBSCRIPTIONS, GROUP_CHANGES];
    for shift in 0..PASSING.len() {
        microsoft.add_users(1);
        let strikes = PASSING.iter().cycle().skip(shift);
        let struck = paths.iter().zip(strikes);
        let struck = struck.map(|(path, strike)| strike(Fault::at(path).first(1)));
        let run = run_with(&server, struck.collect::<Vec<_>>()).await;
        assert_eq!(run["state"], "COMPLETE", "{run}");
        for path in paths {
            assert_eq!(requests_to(&server, path).len(), 2, "{path}");
        }
        assert_eq!(server.user_count().await, microsoft.user_count());
    }
}

#[tokio::test]
async fn a_microsoft_that_fails_every_now_and_then_or_is_slow_is_read_all_the_same() {
    let server = synced().await;
    let microsoft = server.microsoft();
    microsoft.change_users(20, 1);
    microsoft.add_users(3);
    let now_and_then = Fault::on("/v1.0/").every(3).status(502);
    let run = whole_run_with(&server, [now_and_then]).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    let failed = microsoft.requests();
    let failed = failed.iter().filter(|request| request.status == Some(502));
    assert!(failed.count() > 1);
    assert_eq!(server.user_count().await, microsoft.user_count());
    microsoft.add_users(1);
    let drip = Fault::at(USER_CHANGES).drip(Duration::from_micros(100));
    let late = Fault::at(LICENSES).delay(Duration::from_millis(50));
    let run = run_with(&server, [drip, late]).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    assert_eq!(server.user_count().await, microsoft.user_count());
}

#[tokio::test]
async fn a_wait_is_obeyed_however_it_is_worded_and_nobody_waits_for_years() {
    let retry_after = |text: &str| RetryAfter::Text(text.to_owned());
    let server = against(move |microsoft| {
        for fault in [
            Fault::at(LICENSES).first(1).throttle(retry_after("abc")),
            Fault::at(SUBSCRIPTIONS)
                .first(1)
                .unavailable(retry_after("-5")),
            Fault::at(GROUP_CHANGES)
                .first(1)
                .unavailable(retry_after("Sun, 06 Nov 1994 08:49:37 GMT")),
            Fault::at("/v1.0/auditLogs/directoryAudits").throttle(retry_after("1000000000")),
            Fault::on("/v1.0/reports/getTeamsUserActivityUserDetail")
                .throttle(RetryAfter::Date(Duration::from_secs(86_400 * 365))),
        ] {
            microsoft.fault(fault);
        }
    })
    .await;
    let run = server.last_run().await;
    for name in ["LICENSES", "SUBSCRIPTIONS", "GROUPS"] {
        assert_eq!(dataset(&run, name)["state"], "COMPLETE", "{run}");
    }
    assert_eq!(dataset(&run, "LICENSES")["throttledRequests"], 1);
    // What would take longer than somebody waits for it is left to a later run, which says so.
    for name in ["DIRECTORY_AUDITS", "TEAMS_ACTIVITY"] {
        let part = dataset(&run, name);
        assert_eq!(part["state"], "SKIPPED", "{part}");
        assert_eq!(part["requests"], 1, "{part}");
        assert!(problem(&run, name).starts_with("THROTTLED: "), "{part}");
    }
    // And says nothing of its neighbors.
    assert_eq!(dataset(&run, "EMAIL_ACTIVITY")["state"], "COMPLETE");
}
