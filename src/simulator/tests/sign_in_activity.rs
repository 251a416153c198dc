use std::collections::BTreeSet;

use serde_json::Value;

use super::support::Visit;
use super::support::texts;
use crate::simulator::Premium;

const ALL: &str = "/v1.0/users?$select=id,signInActivity&$top=999";
const YEAR_ONE: &str = "0001-01-01T00:00:00Z";

fn since(property: &str, at: &str) -> String {
    format!(
        "/v1.0/users?$select=id,displayName,signInActivity&$filter=signInActivity/{property} ge {at}"
    )
}

#[tokio::test]
async fn without_the_permission_or_premium_the_whole_page_is_refused() {
    let visit = Visit::to(30).await;
    let premium = "Authentication_RequestFromNonPremiumTenantOrB2CTenant";
    let filtered = since("lastSignInDateTime", "2026-01-01T00:00:00Z");
    let check = async |expected: Option<&str>| {
        for target in [ALL, &filtered] {
            let (status, code) = match visit.get(target).await.status().as_u16() {
                200 => (200, String::new()),
                _ => visit.refusal(target).await,
            };
            let refused = expected.map_or((200, String::new()), |code| (403, code.to_owned()));
            assert_eq!((status, code), refused, "{target}");
        }
        assert_eq!(visit.get("/v1.0/users?$select=id").await.status(), 200);
    };
    check(None).await;
    visit.microsoft.withdraw_permission("AuditLog.Read.All");
    check(Some("Authentication_MSGraphPermissionMissing")).await;
    let body: Value = visit.get(ALL).await.json().await.unwrap();
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("AuditLog.Read.All"), "{message}");
    visit.microsoft.grant_permission("AuditLog.Read.All");
    visit.microsoft.set_premium(Premium::None);
    check(Some(premium)).await;
    visit.microsoft.set_premium(Premium::P2);
    check(None).await;
    visit.microsoft.set_b2c(true);
    check(Some(premium)).await;
}

#[tokio::test]
async fn pages_with_sign_ins_are_cut_to_500_or_refused() {
    let visit = Visit::to(700).await;
    let rows = |page: &Value| page["value"].as_array().unwrap().len();
    assert_eq!(rows(&visit.json(ALL).await), 500);
    assert_eq!(rows(&visit.json("/v1.0/users?$top=999").await), 700);
    assert_eq!(visit.all(ALL).await.len(), 700);
    visit.microsoft.refuse_sign_in_pages_above(Some(120));
    let refused = visit.get(ALL).await;
    assert_eq!(refused.status(), 400);
    let body: Value = refused.json().await.unwrap();
    let words = "Cannot query data for more than 120 users at a time.";
    assert_eq!(body["error"]["message"], words);
    assert_eq!(visit.all(&ALL.replace("999", "120")).await.len(), 700);
}

#[tokio::test]
async fn what_is_not_known_is_absent_empty_or_of_the_year_one() {
    let visit = Visit::to(900).await;
    let users = visit.all(ALL).await;
    let count = |matches: &dyn Fn(&Value) -> bool| {
        users
            .iter()
            .filter(|user| matches(&user["signInActivity"]))
            .count()
    };
    let absent = users
        .iter()
        .filter(|user| user.get("signInActivity").is_none());
    assert!((50..400).contains(&absent.count()));
    assert!(
        users
            .iter()
            .all(|user| user.get("signInActivity") != Some(&Value::Null))
    );
    assert!(count(&|activity| activity["lastNonInteractiveSignInDateTime"] == YEAR_ONE) > 5);
    assert!(count(&|activity| activity["lastNonInteractiveSignInDateTime"] == "") > 5);
    assert!(count(&|activity| activity["lastNonInteractiveSignInRequestId"] == "") > 5);
    let unproven = count(&|activity| {
        activity.get("lastSignInDateTime").is_some()
            && activity.get("lastSuccessfulSignInDateTime").is_none()
    });
    assert!(unproven > 5, "{unproven}");
    assert!(count(&|activity| activity["lastSuccessfulSignInDateTime"].is_string()) > 500);
}

#[tokio::test]
async fn one_user_is_asked_by_id_and_not_by_name() {
    let visit = Visit::to(30).await;
    let users = visit.all("/v1.0/users?$select=id,userPrincipalName").await;
    let of = |key: &Value| {
        format!(
            "/v1.0/users/{}?$select=signInActivity",
            key.as_str().unwrap()
        )
    };
    assert_eq!(visit.get(&of(&users[0]["id"])).await.status(), 200);
    let refused = visit.refusal(&of(&users[0]["userPrincipalName"])).await;
    assert_eq!(refused, (400, "Request_BadRequest".to_owned()));
}

#[tokio::test]
async fn exactly_those_who_sign_in_have_done_so_since() {
    let visit = Visit::to(300).await;
    let before = visit.all(ALL).await;
    // Nobody does by themselves so late: the directory hears of it hours later.
    let now = jiff::Timestamp::from_second(visit.microsoft.world.now().as_second()).unwrap();
    let signed_in: BTreeSet<String> = visit.microsoft.sign_in_users(25, 1).into_iter().collect();
    assert_eq!(signed_in.len(), 25);
    for property in ["lastSuccessfulSignInDateTime", "lastSignInDateTime"] {
        let rows = visit.all(&since(property, &now.to_string())).await;
        let ids: BTreeSet<String> = texts(&rows, "/id").into_iter().map(str::to_owned).collect();
        assert_eq!(ids, signed_in, "{property}");
    }
    let after = visit.all(ALL).await;
    let changed = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after);
    assert_eq!(changed.count(), 25);
    let again: BTreeSet<String> = visit.microsoft.sign_in_users(25, 1).into_iter().collect();
    assert_eq!(again, signed_in, "the same round, the same people");
}

#[tokio::test]
async fn those_who_are_gone_show_where_sign_ins_are_asked_for() {
    let visit = Visit::to(300).await;
    let target = since("lastSignInDateTime", "2020-06-01T00:00:00Z");
    let before = visit.all(&target).await.len();
    let removed = visit.microsoft.remove_users(60);
    let rows = visit.all(&target).await;
    let gone: Vec<&Value> = rows
        .iter()
        .filter(|row| removed.iter().any(|id| row["id"] == id.as_str()))
        .collect();
    assert!(gone.len() > 10, "{}", gone.len());
    for row in &gone {
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["id", "signInActivity"]);
    }
    assert!(rows.len() < before, "others are gone for good");
    let all = visit.all(ALL).await;
    assert!(
        all.iter()
            .all(|row| removed.iter().all(|id| row["id"] != id.as_str()))
    );
}
