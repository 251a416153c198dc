use std::collections::BTreeSet;

use super::support::USERS;
use super::support::Visit;
use super::support::refusal_of;
use super::support::texts;
use crate::simulator::Settings;

#[tokio::test]
async fn pages_show_everybody_once_whatever_their_size() {
    let visit = Visit::to(230).await;
    for (size, pages) in [(999, 1), (230, 1), (229, 2), (50, 5), (1, 230)] {
        visit.microsoft.clear_requests();
        let users = visit.all(&USERS.replace("999", &size.to_string())).await;
        let ids: BTreeSet<&str> = texts(&users, "/id").into_iter().collect();
        assert_eq!((users.len(), ids.len()), (230, 230), "pages of {size}");
        assert_eq!(visit.microsoft.requests().len(), pages, "pages of {size}");
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let mut bodies = Vec::new();
    for seed in [7, 7, 8] {
        let visit = Visit::with(Settings {
            seed,
            users: 120,
            ..Settings::default()
        })
        .await;
        let own = visit.microsoft.graph_url().to_owned();
        bodies.push(
            visit
                .get(USERS)
                .await
                .text()
                .await
                .unwrap()
                .replace(&own, ""),
        );
    }
    assert!(bodies[0].len() > 50_000);
    assert_eq!(bodies[0], bodies[1]);
    assert_ne!(bodies[0], bodies[2]);
}

#[tokio::test]
async fn links_are_absolute_opaque_and_keep_the_query_but_not_the_header() {
    let visit = Visit::to(30).await;
    let first = visit.json(&USERS.replace("999", "20")).await;
    assert_eq!(first["@odata.count"], 30);
    let link = first["@odata.nextLink"].as_str().unwrap();
    assert!(link.starts_with(visit.microsoft.graph_url()), "{link}");
    assert!(
        link.contains("$skiptoken=") && link.contains("$select=id%2C"),
        "{link}"
    );
    let refused = visit.plain(link).send().await.unwrap();
    assert_eq!(
        refusal_of(refused).await,
        (400, "Request_UnsupportedQuery".to_owned())
    );
    let second = visit.json(link).await;
    assert_eq!(
        second.get("@odata.count"),
        None,
        "only the first page counts"
    );
    assert_eq!(second["value"].as_array().unwrap().len(), 10);
    assert_eq!(second.get("@odata.nextLink"), None);
    let forged = link.replace("RFNwdAIAAAAA", "RFNwdAIAAAAB");
    assert_ne!(forged, link);
    assert_eq!(visit.refusal(&forged).await.0, 400);
}

#[tokio::test]
async fn page_sizes_are_refused_outside_of_1_to_999() {
    let visit = Visit::to(5).await;
    for size in ["0", "1000", "-1", "99999999999"] {
        let answer = visit.get(&format!("/v1.0/users?$top={size}")).await;
        assert_eq!(answer.status(), 400);
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], "Request_UnsupportedQuery");
        let words =
            format!("Invalid page size specified: '{size}'. Must be between 1 and 999 inclusive.");
        assert_eq!(body["error"]["message"], words.as_str());
    }
    assert_eq!(visit.refusal("/v1.0/users?$top=ten").await.0, 400);
    let hundred = Visit::to(150).await.json("/v1.0/users").await;
    assert_eq!(
        hundred["value"].as_array().unwrap().len(),
        100,
        "without $top"
    );
}
