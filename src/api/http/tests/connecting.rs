//! A browser on its way to Microsoft and back.

use reqwest::Method;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::harness::{Answer, Running, TOKEN, soon, start, start_with};

const PUBLIC: (&str, &str) = ("host", "seats.example.com");

async fn get(server: &Running, path: &str) -> Answer {
    Answer::of(
        server
            .get(path)
            .header(PUBLIC.0, PUBLIC.1)
            .send()
            .await
            .unwrap(),
    )
    .await
}

async fn back(server: &Running, query: &str, cookie: &str) -> Answer {
    let request = server
        .get(&format!("/connect/callback?{query}"))
        .header(PUBLIC.0, PUBLIC.1);
    Answer::of(request.header("cookie", cookie).send().await.unwrap()).await
}

const COOKIE: &str = "seatwise_sign_in=browser-secret";

#[tokio::test(flavor = "multi_thread")]
async fn a_good_ticket_leads_to_microsoft_with_a_cookie_for_the_way_back() {
    let server = start();
    let answer = get(&server, "/connect/contoso?ticket=good").await;
    assert_eq!(answer.status, 302);
    assert_eq!(
        answer.header("location"),
        "https://login.example.com/authorize?state=s"
    );
    let cookie = answer.header("set-cookie");
    for part in [
        COOKIE,
        "HttpOnly",
        "SameSite=Lax",
        "Secure",
        "Path=/connect",
        "Max-Age=600",
    ] {
        assert!(
            cookie.split("; ").any(|attribute| attribute == part),
            "{part}: {cookie}"
        );
    }
    assert_eq!(*server.sign_in.asked.lock().await, ["redeem contoso good"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_where_a_link_leads_does_not_use_it_up() {
    let server = start();
    for path in [
        "/connect/contoso?ticket=good",
        "/connect/contoso?ticket=bad",
        "/connect/callback?code=c&state=s",
    ] {
        let request = server
            .request(Method::HEAD, path)
            .header(PUBLIC.0, PUBLIC.1);
        let answer = Answer::of(request.header("cookie", COOKIE).send().await.unwrap()).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("set-cookie"), "", "{path}");
        assert_eq!(answer.header("location"), "", "{path}");
    }
    assert!(
        server.sign_in.asked.lock().await.is_empty(),
        "neither the ticket nor the code was used"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admins_token_is_proof_as_well() {
    let server = start();
    let ask = |token: &str| {
        server
            .get("/connect/contoso")
            .header(PUBLIC.0, PUBLIC.1)
            .bearer_auth(token)
    };
    assert_eq!(ask(TOKEN).send().await.unwrap().status(), 302);
    Answer::of(ask("wrong").send().await.unwrap())
        .await
        .refused(401, "UNAUTHENTICATED");
    get(&server, "/connect/contoso")
        .await
        .refused(401, "UNAUTHENTICATED");
    assert!(
        server.sign_in.asked.lock().await.is_empty(),
        "no ticket was asked for"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_tenants_and_bad_tickets_look_alike() {
    let server = start();
    let mut texts = Vec::new();
    for path in [
        "/connect/contoso?ticket=bad",
        "/connect/nobody?ticket=good",
        "/connect/Not%20A%20Key?ticket=good",
        "/connect/contoso?ticket=good&ticket=good",
    ] {
        let answer = get(&server, path).await;
        if path.contains("&ticket") {
            answer.refused(401, "UNAUTHENTICATED");
        } else {
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(answer.header("set-cookie"), "", "{path}");
            texts.push(answer.text);
        }
    }
    texts.dedup();
    assert_eq!(texts.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_by_another_name_is_sent_to_the_public_one_before_its_ticket_is_used() {
    let server = start();
    let answer = Answer::of(
        server
            .get("/connect/contoso?ticket=good")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(answer.status, 302);
    let public = "https://seats.example.com/connect/contoso?ticket=good&public=1";
    assert_eq!(answer.header("location"), public);
    assert_eq!(answer.header("set-cookie"), "");
    assert!(
        server.sign_in.asked.lock().await.is_empty(),
        "the ticket is still good"
    );

    // Behind a proxy that renames the host it would go in circles.
    let again = server
        .get("/connect/contoso?ticket=good&public=1")
        .send()
        .await
        .unwrap();
    assert_eq!(
        again.headers()["location"],
        "https://login.example.com/authorize?state=s"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn over_plain_http_the_cookie_is_not_secure_only() {
    let server =
        start_with(|settings| settings.public_url = "http://localhost:8365".parse().unwrap());
    let request = server
        .get("/connect/contoso?ticket=good")
        .header("host", "localhost:8365");
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert!(answer.header("set-cookie").contains("HttpOnly"));
    assert!(!answer.header("set-cookie").contains("Secure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_ends_in_words() {
    let server = start();
    let answer = back(&server, "code=c&state=s", COOKIE).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(
        answer.text.contains("contoso is connected"),
        "{}",
        answer.text
    );
    assert!(
        answer.header("set-cookie").contains("Max-Age=0"),
        "the cookie is removed"
    );

    let refused =
        "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E%20denied&state=s";
    let answer = back(&server, refused, COOKIE).await;
    assert!(
        answer
            .text
            .contains("&lt;script&gt;alert(1)&lt;/script&gt; denied"),
        "{}",
        answer.text
    );
    assert!(!answer.text.contains("<script"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_ends_though_its_page_is_closed() {
    let server = start_with(|settings| settings.connections_per_address_max = 1);
    let address = server.base.strip_prefix("http://").unwrap();
    let mut browser = TcpStream::connect(address).await.unwrap();
    let back = format!(
        "GET /connect/callback?code=slow&state=s HTTP/1.1\r\nhost: seats.example.com\r\ncookie: {COOKIE}\r\n\r\n"
    );
    browser.write_all(back.as_bytes()).await.unwrap();
    soon(server.sign_in.waits.notified()).await;
    drop(browser);
    // The place of the connection is free once the server has given it up.
    let given_up = async {
        while server.get("/readyz").send().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(given_up).await;
    server.sign_in.go.cancel();
    soon(server.sign_in.ended.notified()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_ways_back_get_400_and_nothing_else() {
    let server = start();
    for (query, cookie) in [
        ("code=c&state=s", ""),
        ("code=c&state=s", "seatwise_sign_in=other"),
        ("code=c&state=other", COOKIE),
        ("code=c", COOKIE),
        ("code=c&state=s&state=s", COOKIE),
        ("", ""),
        ("error=x&error_description=%3Cb%3E", ""),
    ] {
        let answer = back(&server, query, cookie).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.header("set-cookie"), "", "{query}");
        assert!(!answer.text.contains("<b>"), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_begin_says_why() {
    let server = start();
    let ask = |tenant: &str| {
        server
            .get(&format!("/connect/{tenant}"))
            .header(PUBLIC.0, PUBLIC.1)
            .bearer_auth(TOKEN)
    };
    let answer = Answer::of(ask("fabrikam").send().await.unwrap()).await;
    assert_eq!(answer.status, 409);
    assert!(
        answer.text.contains("fabrikam signs in as an &lt;app&gt;"),
        "{}",
        answer.text
    );
    assert_eq!(ask("nobody").send().await.unwrap().status(), 404);
}
