//! Links to more, of which Microsoft is not the author, or which lead nowhere.

use seatwise::simulator::Listener;

use super::*;

/// Links that look like Graph's own from far enough. `GRAPH` stands for its address, `NEAR` for another
/// port of it, `FAR` for another host.
const SHAPES: [&str; 24] = [
    "http://FAR/v1.0/users?$skiptoken=2",
    "http://NEAR/v1.0/users?$skiptoken=2",
    "//FAR/v1.0/users?$skiptoken=2",
    "///FAR/v1.0/users",
    "https://GRAPH/v1.0/users?$skiptoken=2",
    "http://graph@FAR/v1.0/users",
    "http://GRAPH@FAR/v1.0/users",
    "http://GRAPH:80@FAR/v1.0/users",
    "http://admin@GRAPH/v1.0/users",
    "http://admin:secret@GRAPH/v1.0/users",
    "http://FAR\\@GRAPH/v1.0/users",
    "http:\\\\FAR\\v1.0\\users",
    " http://FAR/v1.0/users",
    "http://FA\tR/v1.0/users",
    "https://graph.microsoft.com/v1.0/users?$skiptoken=2",
    "https://graph.microsoft.com.evil.example/v1.0/users",
    "https://gr\u{430}ph.microsoft.com/v1.0/users",
    "http://169.254.169.254/metadata/identity/oauth2/token",
    "http://[::ffff:127.0.0.2]/v1.0/users",
    "ftp://GRAPH/v1.0/users",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "/v1.0/users?$skiptoken=2",
    "",
];

#[tokio::test]
async fn a_link_to_anywhere_else_is_not_followed_and_nothing_connects() {
    let far = Listener::start("127.0.0.2").unwrap();
    let near = Listener::start("127.0.0.1").unwrap();
    let server = synced().await;
    let before = served(&server).await;
    let graph = server.microsoft().graph_url().replace("http://", "");
    for shape in SHAPES {
        let link = shape.replace("GRAPH", &graph);
        let link = link.replace("NEAR", &near.address().to_string());
        let link = link.replace("FAR", &far.address().to_string());
        let to_more = Fault::at(SUBSCRIPTIONS).next_link(&link);
        // Kept, and followed by the next run.
        let kept = link.clone();
        let to_changes = Fault::at(GROUP_CHANGES)
            .rewrite(move |page| page["@odata.deltaLink"] = Value::from(kept.as_str()));
        let run = run_with(&server, [to_more, to_changes]).await;
        assert_eq!(run["state"], "PARTIAL", "{shape}");
        for name in ["SUBSCRIPTIONS", "GROUPS"] {
            check_failed(&run, name, "UNTRUSTED_LINK", "no token was sent");
        }
        check_served(&server, &before, shape).await;
    }
    for to_more in [true, false] {
        let link = format!("{}/v1.0/users", far.url());
        let at = Fault::at(USER_CHANGES);
        let fault = match to_more {
            true => at.next_link(&link),
            false => at.rewrite(move |page| page["@odata.deltaLink"] = Value::from(link.as_str())),
        };
        let run = run_with(&server, [fault]).await;
        assert_eq!(run["state"], "FAILED");
        check_failed(&run, "USERS", "UNTRUSTED_LINK", "Look for a proxy");
        check_served(&server, &before, "a link of users").await;
    }
    assert_eq!(far.connections() + near.connections(), 0);
    assert_eq!(server.sync().await["state"], "COMPLETE");
}

#[tokio::test]
async fn links_that_go_in_circles_end_the_dataset() {
    let server = synced().await;
    let before = served(&server).await;
    let circles = [SUBSCRIPTIONS, GROUP_CHANGES].map(|path| Fault::at(path).next_link_to_itself());
    let run = run_with(&server, circles).await;
    assert_eq!(run["state"], "PARTIAL");
    for name in ["SUBSCRIPTIONS", "GROUPS"] {
        check_failed(&run, name, "LOOP", "it would never end");
        assert!(dataset(&run, name)["requests"].as_u64() < Some(4), "{run}");
    }
    let run = run_with(&server, [Fault::at(USER_CHANGES).next_link_to_itself()]).await;
    check_failed(&run, "USERS", "LOOP", "it would never end");
    for (path, name) in [(USERS, "USERS"), (LICENSES, "LICENSES")] {
        let run = whole_run_with(&server, [Fault::at(path).next_link_to_itself()]).await;
        assert_eq!(run["state"], "FAILED", "{path}");
        check_failed(&run, name, "LOOP", "it would never end");
        check_served(&server, &before, path).await;
    }
    let run = whole_run_with(&server, []).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    check_served(&server, &before, "a run without faults").await;
}

#[tokio::test]
async fn empty_pages_with_a_link_to_more_are_followed() {
    let server = synced().await;
    let microsoft = server.microsoft();
    microsoft.add_users(4);
    microsoft.add_groups(1);
    let empty = |path| Fault::at(path).first(3).empty_page();
    let run = run_with(&server, [empty(USER_CHANGES), empty(GROUP_CHANGES)]).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    assert_eq!(dataset(&run, "USERS")["requests"], 4);
    assert_eq!(server.user_count().await, microsoft.user_count());
    microsoft.add_users(3);
    let run = whole_run_with(&server, [Fault::at(USERS).first(5).empty_page()]).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    assert!(requests_to(&server, USERS).len() > 4);
    assert_eq!(server.user_count().await, microsoft.user_count());
    let groups = server.data("{groups(first: 1) {totalCount}}").await;
    assert_eq!(groups["groups"]["totalCount"], microsoft.group_count());
}
