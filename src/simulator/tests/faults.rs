use std::time::Duration;

use serde_json::Value;

use super::support::Visit;
use super::support::texts;
use crate::simulator::Fault;
use crate::simulator::Host;
use crate::simulator::Listener;
use crate::simulator::RetryAfter;
use crate::simulator::Settings;

const USERS: &str = "/v1.0/users";

async fn text(visit: &Visit, fault: Fault) -> String {
    visit.microsoft.clear_faults();
    visit.microsoft.fault(fault);
    visit.get(USERS).await.text().await.unwrap()
}

async fn page(visit: &Visit, fault: Fault) -> Value {
    serde_json::from_str(&text(visit, fault).await).unwrap()
}

#[tokio::test]
async fn refusals_come_with_their_status_and_their_wait() {
    let visit = Visit::to(10).await;
    let check = async |fault: Fault, status: u16, code: &str, wait: Option<&str>| {
        visit.microsoft.clear_faults();
        visit.microsoft.fault(fault);
        let answer = visit.get(USERS).await;
        assert_eq!(
            answer
                .headers()
                .get("retry-after")
                .map(|wait| wait.to_str().unwrap()),
            wait
        );
        assert_eq!(
            super::support::refusal_of(answer).await,
            (status, code.to_owned())
        );
    };
    let on = || Fault::on(USERS);
    check(
        on().throttle(RetryAfter::Missing),
        429,
        "TooManyRequests",
        None,
    )
    .await;
    check(
        on().throttle(RetryAfter::Seconds(7)),
        429,
        "TooManyRequests",
        Some("7"),
    )
    .await;
    check(
        on().throttle(RetryAfter::Text("abc".to_owned())),
        429,
        "TooManyRequests",
        Some("abc"),
    )
    .await;
    check(
        on().unavailable(RetryAfter::Seconds(1)),
        503,
        "ServiceUnavailable",
        Some("1"),
    )
    .await;
    check(on().status(500), 500, "InternalServerError", None).await;
    check(on().status(502), 502, "BadGateway", None).await;
    check(on().status(504), 504, "GatewayTimeout", None).await;
    check(on().status(401), 401, "InvalidAuthenticationToken", None).await;
    check(on().status(403), 403, "Authorization_RequestDenied", None).await;
    visit.microsoft.clear_faults();
    visit
        .microsoft
        .fault(on().throttle(RetryAfter::Date(Duration::from_secs(90))));
    let date = visit.get(USERS).await.headers()["retry-after"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(date.ends_with(" GMT"), "{date}");
    visit.microsoft.clear_faults();
    assert_eq!(visit.get(USERS).await.status(), 200);
}

#[tokio::test]
async fn only_the_named_request_is_struck() {
    let visit = Visit::to(10).await;
    visit.microsoft.fault(Fault::at(USERS).nth(2).status(500));
    let mut statuses = Vec::new();
    for target in [
        USERS,
        "/v1.0/users/$count",
        USERS,
        USERS,
        "/v1.0/organization",
    ] {
        statuses.push(visit.get(target).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 500, 200, 200]);
    let recorded: Vec<Option<u16>> = visit
        .microsoft
        .requests_to("/v1.0/")
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(recorded, statuses.into_iter().map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_login_service_fails_by_number_or_altogether() {
    let visit = Visit::to(10).await;
    let form = [("grant_type", "refresh_token")];
    visit
        .microsoft
        .fault(Fault::at_token().first(1).aadsts(50_196));
    visit
        .microsoft
        .fault(Fault::at_token().after(1).status(503));
    let looped = visit.ask_token("contoso.com", &form).await;
    assert_eq!(looped.status(), 400);
    let looped: Value = looped.json().await.unwrap();
    assert_eq!(
        (&looped["error"], &looped["error_codes"][0]),
        (&Value::from("invalid_grant"), &Value::from(50_196))
    );
    let down = visit.ask_token("contoso.com", &form).await;
    assert_eq!(down.status(), 503);
    assert_eq!(
        down.json::<Value>().await.unwrap()["error"],
        "temporarily_unavailable"
    );
}

#[tokio::test]
async fn bodies_are_html_empty_marked_spoiled_deep_and_whatever_is_wanted() {
    let visit = Visit::to(10).await;
    let on = || Fault::on(USERS);
    assert!(
        text(&visit, on().html())
            .await
            .starts_with("<!DOCTYPE html>")
    );
    assert_eq!(text(&visit, on().empty_body()).await, "");
    assert_eq!(
        text(&visit, on().respond(200, "text/plain", "hello")).await,
        "hello"
    );
    assert_eq!(
        text(&visit, on().deep_nesting(1000))
            .await
            .matches('[')
            .count(),
        1000
    );
    let bytes = async |fault: Fault| {
        visit.microsoft.clear_faults();
        visit.microsoft.fault(fault);
        visit.get(USERS).await.bytes().await.unwrap()
    };
    let marked = bytes(on().byte_order_mark()).await;
    assert!(marked.starts_with(b"\xEF\xBB\xBF{"));
    assert!(serde_json::from_slice::<Value>(&marked[3..]).is_ok());
    assert!(std::str::from_utf8(&bytes(on().invalid_utf8()).await).is_err());
    assert_eq!(bytes(on().huge_body(3_000_000)).await.len(), 3_000_000);
}

#[tokio::test]
async fn a_bomb_is_small_on_the_wire() {
    let visit = Visit::to(10).await;
    visit
        .microsoft
        .fault(Fault::on(USERS).gzip_bomb(20_000_000));
    let answer = reqwest::Client::builder()
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .build()
        .unwrap();
    let url = format!("{}{USERS}", visit.microsoft.graph_url());
    let packed = answer.get(url).send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert!(packed.bytes().await.unwrap().len() < 100_000);
    assert!(visit.get(USERS).await.bytes().await.unwrap().len() > 20_000_000);
}

#[tokio::test]
async fn connections_break_off_in_every_way() {
    let visit = Visit::to(50).await;
    let on = || Fault::on(USERS);
    for fault in [on().cut_body(), on().cut_chunk()] {
        visit.microsoft.clear_faults();
        visit.microsoft.fault(fault.clone());
        let mut answer = visit.get(USERS).await;
        assert_eq!(answer.status(), 200, "{fault:?}");
        let mut came = 0;
        let broken = loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => came += chunk.len(),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert!(broken && came > 0, "{came} bytes, broken: {broken}");
    }
    visit.microsoft.clear_faults();
    visit.microsoft.fault(on().close_connection());
    assert!(visit.try_get(USERS).await.is_err());
    visit.microsoft.clear_faults();
    assert_eq!(visit.get(USERS).await.status(), 200);
}

#[tokio::test]
async fn answers_are_late_never_there_or_dripping() {
    let visit = Visit::to(10).await;
    let delay = Duration::from_millis(60);
    let wait = async |target: &str| {
        let before = std::time::Instant::now();
        visit.get(target).await.text().await.unwrap();
        before.elapsed()
    };
    visit.microsoft.fault(Fault::on(USERS).delay(delay));
    assert!(wait(USERS).await >= delay);
    visit.microsoft.clear_faults();
    visit.microsoft.set_latency(delay);
    assert!(wait("/v1.0/organization").await >= delay);
    visit.microsoft.set_latency(Duration::ZERO);
    visit
        .microsoft
        .fault(Fault::on(USERS).drip(Duration::from_millis(2)));
    let mut dripping = visit.get(USERS).await;
    assert_eq!(
        dripping.chunk().await.unwrap().unwrap().first(),
        Some(&b'{')
    );
    drop(dripping);
    visit.microsoft.clear_faults();
    visit.microsoft.fault(Fault::on(USERS).hang());
    visit.microsoft.clear_requests();
    tokio::select! {
        _ = visit.get(USERS) => unreachable!("a hanging request is never answered"),
        () = until(|| visit.microsoft.requests().len() == 1) => {}
    }
    assert_eq!(visit.microsoft.requests()[0].status, None);
}

/// Waits for what another thread does.
async fn until(is_so: impl Fn() -> bool) {
    let turns = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), turns)
        .await
        .unwrap();
}

#[tokio::test]
async fn one_row_is_poisoned_and_the_rest_is_well() {
    let visit = Visit::to(10).await;
    let on = || Fault::on(USERS);
    let clean = page(&visit, on().nth(99).status(500)).await;
    let poisoned = page(&visit, on().wrong_type_in_row(4)).await;
    assert_eq!(poisoned["value"][4]["userPrincipalName"], 42);
    assert_eq!(poisoned["value"][3], clean["value"][3]);
    assert_eq!(
        page(&visit, on().null_id_in_row(0)).await["value"][0]["id"],
        Value::Null
    );
    assert_eq!(
        page(&visit, on().duplicate_id_in_row(5)).await["value"][5]["id"],
        clean["value"][4]["id"]
    );
    assert_eq!(
        page(&visit, on().removed_row(1)).await["value"][1]["@removed"]["reason"],
        "changed"
    );
    assert_eq!(
        page(&visit, on().no_object_in_row(1)).await["value"][1],
        "row"
    );
    assert_eq!(
        page(&visit, on().unknown_enum_in_row(1)).await["value"][1]["userType"],
        "Hologram"
    );
    let huge = page(&visit, on().huge_text_in_row(2, 1_000_000)).await;
    assert_eq!(
        huge["value"][2]["displayName"].as_str().unwrap().len(),
        1_000_000
    );
    assert!(
        text(&visit, on().deep_nesting_in_row(2, 500))
            .await
            .contains(&"[".repeat(500))
    );
    assert!(
        text(&visit, on().raw_in_row(2, "mail", "1e400"))
            .await
            .contains("\"mail\":1e400")
    );
}

#[tokio::test]
async fn pages_loop_are_empty_lead_away_or_lie() {
    let visit = Visit::to(30).await;
    let on = || Fault::at(USERS);
    let link = |page: &Value| page["@odata.nextLink"].as_str().map(str::to_owned);
    let foreign = "https://graph.microsoft.com.evil.example/v1.0/users";
    assert_eq!(
        link(&page(&visit, on().next_link(foreign)).await).as_deref(),
        Some(foreign)
    );
    let itself = format!("{}{USERS}", visit.microsoft.graph_url());
    assert_eq!(
        link(&page(&visit, on().next_link_to_itself()).await),
        Some(itself)
    );

    visit.microsoft.clear_faults();
    visit.microsoft.fault(on().first(3).empty_page());
    visit.microsoft.clear_requests();
    let rows = visit.all("/v1.0/users?$top=20").await;
    assert_eq!(rows.len(), 30, "nobody is lost behind empty pages");
    let asked = visit.microsoft.requests();
    assert_eq!(asked.len(), 5);
    let distinct: std::collections::BTreeSet<&str> = asked
        .iter()
        .map(|request| request.target.as_str())
        .collect();
    assert_eq!(distinct.len(), 5, "always another link");

    let dropped = page(&visit, on().drop_rows()).await;
    assert_eq!(
        (&dropped["value"], link(&dropped)),
        (&Value::Array(vec![]), None)
    );
    assert_eq!(
        page(&visit, on().keep_rows(4)).await["value"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    visit.microsoft.clear_faults();
    visit.microsoft.fault(Fault::on(USERS).count(7));
    assert_eq!(
        visit.get("/v1.0/users/$count").await.text().await.unwrap(),
        "7"
    );
    assert_eq!(
        visit.json("/v1.0/users?$count=true").await["@odata.count"],
        7
    );
    visit
        .microsoft
        .fault(Fault::on("/v1.0/organization").organization_id("somebody-else"));
    assert_eq!(
        visit.json("/v1.0/organization").await["value"][0]["id"],
        "somebody-else"
    );
    visit
        .microsoft
        .fault(Fault::on("/v1.0/subscribedSkus").wrong_type_in_row(0));
    assert_eq!(
        visit.json("/v1.0/subscribedSkus").await["value"][0]["skuId"],
        42
    );
}

#[tokio::test]
async fn large_pages_may_be_refused() {
    let visit = Visit::to(150).await;
    visit.microsoft.fault(Fault::at(USERS).page_size_max(120));
    assert_eq!(
        visit.refusal("/v1.0/users?$top=121").await,
        (400, "Request_BadRequest".to_owned())
    );
    assert_eq!(visit.all("/v1.0/users?$top=120").await.len(), 150);
    assert_eq!(visit.all(USERS).await.len(), 150);
}

#[tokio::test]
async fn graph_throttles_by_itself_when_its_units_are_spent() {
    let settings = Settings {
        users: 10,
        resource_units: Some(4),
        ..Settings::default()
    };
    let visit = Visit::with(settings).await;
    assert_eq!(visit.get("/v1.0/subscribedSkus").await.status(), 200);
    let refused = visit.get("/v1.0/subscribedSkus").await;
    assert_eq!(refused.status(), 429);
    assert_eq!(
        refused.headers()["x-ms-throttle-information"],
        "ResourceUnitLimitExceeded"
    );
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
}

#[tokio::test]
async fn requests_are_recorded_with_headers_and_at_once() {
    let visit = Visit::to(10).await;
    visit.microsoft.clear_requests();
    visit.microsoft.fault(Fault::on("/").hang());
    let three = async {
        tokio::join!(
            visit.get(USERS),
            visit.get("/v1.0/organization"),
            visit.get("/v1.0/subscribedSkus")
        )
    };
    tokio::select! {
        _ = three => unreachable!("hanging requests are never answered"),
        () = until(|| visit.microsoft.concurrent_requests_max() == 3) => {}
    }
    assert_eq!(visit.microsoft.concurrent_requests_max(), 3);
    let requests = visit.microsoft.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(
            (request.host, request.method.as_str()),
            (Host::Graph, "GET")
        );
        assert_eq!(request.header("consistencylevel"), Some("eventual"));
        assert!(
            request
                .header("authorization")
                .unwrap()
                .ends_with(&visit.token)
        );
    }
    let secrets = visit.microsoft.secrets();
    assert!(secrets.contains(&visit.token) && secrets.contains(&visit.microsoft.client_secret()));
}

#[tokio::test]
async fn a_listener_counts_its_visitors_and_hears_what_they_say() {
    let listener = Listener::start("127.0.0.2").unwrap();
    assert_eq!(listener.connections(), 0);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .get(format!("{}/x", listener.url()))
        .bearer_auth("abc")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(listener.connections(), 1);
    assert!(
        String::from_utf8(listener.received().remove(0))
            .unwrap()
            .contains("Bearer abc")
    );
}

#[tokio::test]
async fn a_dropped_simulator_is_gone_even_while_it_hangs() {
    let visit = Visit::to(10).await;
    visit.microsoft.fault(Fault::on("/").hang());
    let hanging = visit
        .plain(USERS)
        .timeout(Duration::from_millis(50))
        .send()
        .await;
    assert!(hanging.is_err());
    let Visit {
        microsoft, http, ..
    } = visit;
    let url = format!("{}{USERS}", microsoft.graph_url());
    drop(microsoft);
    assert!(http.get(url).send().await.is_err());
}

#[tokio::test]
async fn two_simulators_are_two_organizations() {
    let one = Visit::to(10).await;
    let settings = Settings {
        seed: 2,
        users: 10,
        name: "Fabrikam".to_owned(),
        ..Settings::default()
    };
    let other = Visit::with(settings).await;
    assert_ne!(one.microsoft.tenant_id(), other.microsoft.tenant_id());
    assert_eq!(other.microsoft.domain(), "fabrikam.com");
    let (mine, theirs) = (one.all(USERS).await, other.all(USERS).await);
    assert!(
        texts(&mine, "/id")
            .iter()
            .all(|id| !texts(&theirs, "/id").contains(id))
    );
    let foreign = other
        .http
        .get(format!("{}{USERS}", other.microsoft.graph_url()))
        .bearer_auth(&one.token);
    assert_eq!(foreign.send().await.unwrap().status(), 401);
}
