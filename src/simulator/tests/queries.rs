use serde_json::Value;

use super::support::USERS;
use super::support::Visit;
use super::support::refusal_of;

#[tokio::test]
async fn what_is_not_selected_is_absent_and_what_is_unset_is_null() {
    let visit = Visit::to(60).await;
    let plain = visit.json("/v1.0/users").await;
    assert!(plain["value"][0].get("jobTitle").is_some());
    for absent in [
        "accountEnabled",
        "userType",
        "department",
        "assignedLicenses",
        "manager",
    ] {
        assert_eq!(
            plain["value"][0].get(absent),
            None,
            "{absent} comes only when selected"
        );
    }
    let selected = visit
        .json("/v1.0/users?$select=id,externalUserState,assignedLicenses")
        .await;
    let keys: Vec<&String> = selected["value"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["assignedLicenses", "externalUserState", "id"]);
    assert_eq!(selected["value"][0]["externalUserState"], Value::Null);
    let service_account = &selected["value"][1];
    assert_eq!(
        service_account["assignedLicenses"],
        Value::Array(vec![]),
        "never null"
    );
}

#[tokio::test]
async fn managers_come_trimmed_with_levels_only_in_advanced_queries() {
    let visit = Visit::to(60).await;
    let page = visit.json(USERS).await;
    let rows = page["value"].as_array().unwrap();
    assert_eq!(rows[0].get("manager"), None, "nobody manages the chief");
    let manager = rows.iter().find_map(|row| row.get("manager")).unwrap();
    assert_eq!(manager["@odata.type"], "#microsoft.graph.user");
    assert_eq!(
        manager.as_object().unwrap().len(),
        3,
        "type, @odata.id and id: {manager}"
    );
    let full = visit
        .plain("/v1.0/users?$select=id&$expand=manager")
        .send()
        .await
        .unwrap();
    let full: Value = full.json().await.unwrap();
    let manager = full["value"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|row| row.get("manager"))
        .unwrap();
    assert!(manager.get("displayName").is_some());

    let unsupported = (400, "Request_UnsupportedQuery".to_owned());
    let without_header = visit.plain(USERS).send().await.unwrap();
    assert_eq!(refusal_of(without_header).await, unsupported);
    assert_eq!(
        visit.refusal(&USERS.replace("&$count=true", "")).await,
        unsupported
    );
    assert_eq!(
        visit
            .refusal("/v1.0/users?$expand=manager($select%3Did)")
            .await,
        unsupported
    );
    assert_eq!(visit.refusal("/v1.0/users?$expand=memberOf").await.0, 400);
}

#[tokio::test]
async fn a_count_needs_the_header_and_is_text() {
    let visit = Visit::to(60).await;
    let counted = visit.get("/v1.0/users/$count").await;
    assert_eq!(counted.headers()["content-type"], "text/plain");
    assert_eq!(counted.text().await.unwrap(), "60");
    let refused = visit.plain("/v1.0/users/$count").send().await.unwrap();
    assert_eq!(
        refusal_of(refused).await,
        (400, "Request_BadRequest".to_owned())
    );
    let json_wanted = visit
        .plain("/v1.0/users/$count")
        .header("ConsistencyLevel", "eventual")
        .header("Accept", "application/json");
    assert_eq!(json_wanted.send().await.unwrap().status(), 415);
    let silent: Value = visit
        .plain("/v1.0/users?$count=true")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        silent.get("@odata.count"),
        None,
        "silently missing without the header"
    );
    assert_eq!(
        visit.json("/v1.0/users?$count=true").await["@odata.count"],
        60
    );
}

#[tokio::test]
async fn one_user_is_found_by_id_and_name_and_the_service_account_by_me() {
    let mut visit = Visit::to(60).await;
    let name = visit.microsoft.service_account();
    let by_name = visit
        .json(&format!("/v1.0/users/{name}?$select=id,userPrincipalName"))
        .await;
    assert_eq!(by_name["userPrincipalName"], name.as_str());
    let by_id = visit
        .json(&format!("/v1.0/users/{}", by_name["id"].as_str().unwrap()))
        .await;
    assert_eq!(by_id["userPrincipalName"], name.as_str());
    assert_eq!(
        visit.refusal("/v1.0/users/nobody@contoso.com").await,
        (404, "Request_ResourceNotFound".to_owned())
    );
    assert_eq!(
        visit.refusal("/v1.0/me").await.0,
        400,
        "an application is nobody"
    );
    visit.token = super::sign_in::signed_in(&visit).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        visit.json("/v1.0/me").await["userPrincipalName"],
        name.as_str()
    );
}

#[tokio::test]
async fn what_graph_does_not_know_is_refused_by_kind() {
    let visit = Visit::to(10).await;
    for (target, status) in [
        ("/v1.0/users?$select=id,shoeSize", 400),
        ("/v1.0/users?$select=skills", 501),
        ("/v1.0/users?$skip=5", 400),
        ("/v1.0/users?$top=5&$top=6", 400),
        ("/v1.0/users?$filter=id eq 'x'", 400),
        ("/v1.0/users?page=2", 400),
        ("/v1.0/users?$count=maybe", 400),
        ("/v1.0/users?$skiptoken=abc", 400),
        ("/v1.0/subscribedSkus?$top=5", 400),
        ("/v1.0/subscribedSkus?$select=price", 400),
        ("/v1.0/organization?$select=shoeSize", 400),
        ("/v1.0/toys", 404),
        ("/beta/users", 404),
    ] {
        assert_eq!(visit.refusal(target).await.0, status, "{target}");
    }
    let posted = visit
        .http
        .post(format!("{}/v1.0/users", visit.microsoft.graph_url()))
        .bearer_auth(&visit.token);
    assert_eq!(posted.send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn the_organization_is_a_list_of_one() {
    let visit = Visit::to(10).await;
    let page = visit.json("/v1.0/organization").await;
    assert_eq!(page["value"].as_array().unwrap().len(), 1);
    let organization = &page["value"][0];
    assert_eq!(organization["id"], visit.microsoft.tenant_id().as_str());
    assert_eq!(organization["displayName"], "Contoso");
    let domains = organization["verifiedDomains"].as_array().unwrap();
    let default = domains
        .iter()
        .find(|domain| domain["isDefault"] == true)
        .unwrap();
    assert_eq!(default["name"], visit.microsoft.domain());
    let selected = visit.json("/v1.0/organization?$select=id,tenantType").await;
    assert_eq!(selected["value"][0].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn answers_carry_the_ids_that_support_asks_for() {
    let visit = Visit::to(10).await;
    let id = "11111111-2222-4333-8444-555555555555";
    for (target, status) in [("/v1.0/organization", 200), ("/v1.0/toys", 404)] {
        let answer = visit
            .plain(target)
            .header("client-request-id", id)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["client-request-id"], id);
        assert_eq!(answer.headers()["request-id"].len(), 36);
        assert!(answer.headers()["date"].to_str().unwrap().ends_with("GMT"));
        let body: Value = answer.json().await.unwrap();
        if status == 404 {
            assert_eq!(body["error"]["innerError"]["client-request-id"], id);
            assert!(body["error"]["innerError"]["request-id"].is_string());
        }
    }
    assert_eq!(
        visit.get("/v1.0/subscribedSkus").await.headers()["x-ms-resource-unit"],
        "3"
    );
    let compressed = visit
        .http
        .get(format!(
            "{}/v1.0/subscribedSkus",
            visit.microsoft.graph_url()
        ))
        .bearer_auth(&visit.token);
    let requests = |visit: &Visit| visit.microsoft.requests_to("/v1.0/subscribedSkus").len();
    let before = requests(&visit);
    compressed.send().await.unwrap();
    assert_eq!(requests(&visit), before + 1);
}

#[tokio::test]
async fn answers_are_compressed_when_asked_for() {
    let visit = Visit::to(100).await;
    let bare = reqwest::Client::builder()
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .build()
        .unwrap();
    let url = format!("{}/v1.0/users", visit.microsoft.graph_url());
    let plain = bare
        .get(&url)
        .bearer_auth(&visit.token)
        .send()
        .await
        .unwrap();
    assert!(plain.headers().get("content-encoding").is_none());
    let plain = plain.bytes().await.unwrap();
    let asked = bare
        .get(&url)
        .bearer_auth(&visit.token)
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(asked.headers()["content-encoding"], "gzip");
    let packed = asked.bytes().await.unwrap();
    assert!(packed.len() * 2 < plain.len());
    let mut unpacked = Vec::new();
    std::io::copy(
        &mut flate2::read::GzDecoder::new(packed.as_ref()),
        &mut unpacked,
    )
    .unwrap();
    assert_eq!(unpacked, plain);
}

#[tokio::test]
async fn a_permission_that_is_withdrawn_is_missed_where_it_is_needed() {
    let visit = Visit::to(10).await;
    let denied = (403, "Authorization_RequestDenied".to_owned());
    let check = async |permission: &str, target: &str| {
        assert_eq!(visit.get(target).await.status(), 200, "{target}");
        visit.microsoft.withdraw_permission(permission);
        assert_eq!(visit.refusal(target).await, denied, "{target}");
        visit.microsoft.grant_permission(permission);
        assert_eq!(visit.get(target).await.status(), 200, "{target}");
    };
    check("User.Read.All", "/v1.0/users").await;
    check("User.Read.All", "/v1.0/users/$count").await;
    check("Organization.Read.All", "/v1.0/organization").await;
    visit.microsoft.withdraw_permission("Organization.Read.All");
    check("LicenseAssignment.Read.All", "/v1.0/subscribedSkus").await;
}

#[tokio::test]
async fn user_read_shows_little_of_the_organization() {
    let mut visit = Visit::to(10).await;
    visit.token = super::sign_in::signed_in(&visit).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    visit.microsoft.withdraw_permission("Directory.Read.All");
    let page = visit.json("/v1.0/organization").await;
    assert_eq!(page["value"][0]["displayName"], "Contoso");
    assert_eq!(page["value"][0]["countryLetterCode"], Value::Null);
}
