use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use super::support::Visit;
use super::support::texts;
use super::users_delta::round;

const GROUPS: &str = "/v1.0/groups?$select=id,displayName,groupTypes,mailEnabled,securityEnabled,membershipRule,visibility,onPremisesSyncEnabled,assignedLicenses&$top=999";

async fn group(visit: &Visit, name: &str) -> String {
    let groups = visit.all(GROUPS).await;
    let group = groups.iter().find(|group| group["displayName"] == name);
    group.unwrap()["id"].as_str().unwrap().to_owned()
}

/// By group, its members by `members@delta` of rows that are merged in their order.
fn merge(held: &mut BTreeMap<String, BTreeSet<String>>, rows: &[Value]) {
    for row in rows {
        let id = row["id"].as_str().unwrap().to_owned();
        if row.get("@removed").is_some() {
            held.remove(&id);
            continue;
        }
        let members = held.entry(id).or_default();
        for member in row["members@delta"].as_array().into_iter().flatten() {
            if member["@odata.type"] != "#microsoft.graph.user" {
                continue;
            }
            let id = member["id"].as_str().unwrap().to_owned();
            match member.get("@removed") {
                None => members.insert(id),
                Some(_) => members.remove(&id),
            };
        }
    }
}

/// What the handle says, without groups whose members an application does not see.
async fn expected(visit: &Visit) -> BTreeMap<String, BTreeSet<String>> {
    let mut members = visit.microsoft.group_members();
    members.insert(group(visit, "Board").await, BTreeSet::new());
    members
}

/// Without accounts that were removed and can be restored: groups keep those.
async fn without_the_gone(
    visit: &Visit,
    held: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeMap<String, BTreeSet<String>> {
    let users = visit.all("/v1.0/users?$select=id&$top=999").await;
    let there: BTreeSet<&str> = texts(&users, "/id").into_iter().collect();
    let mut held = held.clone();
    for members in held.values_mut() {
        members.retain(|id| there.contains(id.as_str()));
    }
    held
}

#[tokio::test]
async fn there_are_groups_of_every_kind() {
    let visit = Visit::to(900).await;
    let groups = visit.all(GROUPS).await;
    assert_eq!(groups.len() as u64, visit.microsoft.group_count());
    let check = |what: &str, at_least: usize, matches: &dyn Fn(&Value) -> bool| {
        let count = groups.iter().filter(|group| matches(group)).count();
        assert!(count >= at_least, "{count} {what}");
    };
    let has = |group: &Value, of_type: &str| {
        group["groupTypes"]
            .as_array()
            .unwrap()
            .contains(&Value::from(of_type))
    };
    check("Microsoft 365", 20, &|group| {
        has(group, "Unified") && group["mailEnabled"] == true
    });
    check("dynamic", 20, &|group| {
        has(group, "DynamicMembership") && group["membershipRule"].is_string()
    });
    check("security", 20, &|group| {
        group["securityEnabled"] == true && group["mailEnabled"] == false
    });
    check("distribution", 10, &|group| {
        group["securityEnabled"] == false && !has(group, "Unified")
    });
    check("synced", 10, &|group| {
        group["onPremisesSyncEnabled"] == true
    });
    check("formerly synced", 1, &|group| {
        group["onPremisesSyncEnabled"] == false
    });
    check("hidden", 1, &|group| {
        group["visibility"] == "HiddenMembership"
    });
    check("licensing", 20, &|group| {
        group["assignedLicenses"] != Value::Array(vec![])
    });
    let plain = visit.json("/v1.0/groups").await;
    assert_eq!(
        plain["value"].as_array().unwrap().len(),
        groups.len().min(100)
    );
    assert_eq!(
        plain["value"][0].get("assignedLicenses"),
        None,
        "only when selected"
    );
    assert_eq!(visit.all("/v1.0/groups?$top=7").await.len(), groups.len());
}

#[tokio::test]
async fn groups_understand_one_filter_and_little_else() {
    let visit = Visit::to(60).await;
    let licensing = visit
        .all("/v1.0/groups?$select=id,assignedLicenses&$filter=assignedLicenses/any()&$top=9")
        .await;
    assert_eq!(
        licensing.len(),
        28,
        "of every product but the organization's own"
    );
    assert!(
        licensing
            .iter()
            .all(|group| group["assignedLicenses"][0]["skuId"].is_string())
    );
    for query in [
        "$filter=displayName eq 'x'",
        "$filter=createdDateTime ge 2020-01-01T00:00:00Z",
        "$skip=5",
        "$top=1000",
        "$orderby=displayName",
        "$select=shoeSize",
        "$expand=members",
    ] {
        assert_eq!(
            visit.refusal(&format!("/v1.0/groups?{query}")).await.0,
            400,
            "{query}"
        );
    }
    visit.microsoft.withdraw_permission("GroupMember.Read.All");
    let denied = (403, "Authorization_RequestDenied".to_owned());
    assert_eq!(visit.refusal("/v1.0/groups").await, denied);
    assert_eq!(visit.refusal("/v1.0/groups/delta").await, denied);
}

/// The paths that assignments take through groups agree with who is in them, also after edits.
async fn check_paths(visit: &Visit) {
    let groups = visit.all(GROUPS).await;
    let products: BTreeMap<&str, &str> = groups
        .iter()
        .filter_map(|group| {
            Some((
                group["id"].as_str()?,
                group.pointer("/assignedLicenses/0/skuId")?.as_str()?,
            ))
        })
        .collect();
    let mut named: BTreeSet<(String, String)> = BTreeSet::new();
    let (mut gone, mut failing) = (0, 0);
    let users = visit
        .all("/v1.0/users?$select=id,licenseAssignmentStates&$top=999")
        .await;
    for user in &users {
        for state in user["licenseAssignmentStates"].as_array().unwrap() {
            let Some(group) = state["assignedByGroup"].as_str() else {
                continue;
            };
            failing += u32::from(state["error"] == "CountViolation");
            match products.get(group) {
                Some(sku_id) => assert_eq!(state["skuId"], *sku_id),
                None => gone += 1, // The group was deleted.
            }
            if products.contains_key(group) {
                named.insert((group.to_owned(), user["id"].as_str().unwrap().to_owned()));
            }
        }
    }
    assert!(gone > 0 && failing > 0, "{gone} {failing}");
    let members = visit.microsoft.group_members();
    let held: BTreeSet<(String, String)> = products
        .keys()
        .flat_map(|&group| {
            members[group]
                .iter()
                .map(move |user| (group.to_owned(), user.clone()))
        })
        .collect();
    assert!(named.len() > 300);
    assert_eq!(held, named);
}

#[tokio::test]
async fn assignments_by_group_agree_with_the_members() {
    let visit = Visit::to(900).await;
    check_paths(&visit).await;
    visit.microsoft.change_users(300, 1);
    visit.microsoft.remove_users(100);
    visit.microsoft.add_users(50);
    check_paths(&visit).await;
}

#[tokio::test]
async fn members_are_of_many_types_and_come_page_by_page() {
    let visit = Visit::to(300).await;
    let everybody = group(&visit, "All Contoso").await;
    let target = format!("/v1.0/groups/{everybody}/members?$select=id");
    let all = visit.all(&target).await;
    assert!(all.len() > 200);
    for size in [1, 2, 50, 999] {
        assert_eq!(
            visit.all(&format!("{target}&$top={size}")).await,
            all,
            "pages of {size}"
        );
    }
    let mixed = group(&visit, "Shop floor devices").await;
    let rows = visit
        .all(&format!(
            "/v1.0/groups/{mixed}/members?$select=id,displayName"
        ))
        .await;
    let types: BTreeSet<&str> = texts(&rows, "/@odata.type").into_iter().collect();
    let expected = ["device", "group", "orgContact", "servicePrincipal", "user"];
    assert_eq!(
        types,
        expected
            .map(|name| format!("#microsoft.graph.{name}"))
            .iter()
            .map(String::as_str)
            .collect()
    );
    let device = rows
        .iter()
        .find(|row| row["@odata.type"] == "#microsoft.graph.device")
        .unwrap();
    assert_eq!(
        device["displayName"],
        Value::Null,
        "of a type that may not be read"
    );
    let users = format!("/v1.0/groups/{mixed}/members/microsoft.graph.user?$count=true");
    let page = visit.json(&users).await;
    let count = rows
        .iter()
        .filter(|row| row["@odata.type"] == "#microsoft.graph.user")
        .count();
    assert_eq!(page["@odata.count"], count);
    assert_eq!(page["value"].as_array().unwrap().len(), count);
    assert_eq!(visit.get(&users).await.headers()["x-ms-resource-unit"], "3");
    let unknown = "/v1.0/groups/00000000-0000-0000-0000-000000000000/members";
    assert_eq!(
        visit.refusal(unknown).await,
        (404, "Request_ResourceNotFound".to_owned())
    );
}

#[tokio::test]
async fn members_are_hidden_where_they_may_not_be_seen() {
    let visit = Visit::to(900).await;
    let board = group(&visit, "Board").await;
    let target = format!("/v1.0/groups/{board}/members");
    assert_eq!(visit.all(&target).await, Vec::<Value>::new());
    visit.microsoft.grant_permission("Member.Read.Hidden");
    let members = visit.all(&target).await;
    assert!(!members.is_empty());
    visit.microsoft.withdraw_permission("User.Read.All");
    let hidden = visit.all(&target).await;
    assert_eq!(hidden[0]["id"], members[0]["id"]);
    assert_eq!(hidden[0]["displayName"], Value::Null);
    assert!(members[0]["displayName"].is_string());
}

#[tokio::test]
async fn rounds_that_are_merged_are_the_members() {
    let visit = Visit::to(600).await;
    visit.microsoft.set_delta_page_rows(6);
    let (rows, mut link) = round(&visit, "/v1.0/groups/delta").await;
    let everybody = group(&visit, "All Contoso").await;
    let parts = rows
        .iter()
        .filter(|row| row["id"] == everybody.as_str())
        .count();
    assert!(parts > 3, "a large group comes in {parts} parts");
    assert!(
        rows.iter().any(|row| row.get("members@delta").is_none()),
        "an empty group"
    );
    assert!(
        rows.iter()
            .all(|row| row.get("members@delta") != Some(&Value::Array(vec![])))
    );
    assert!(rows.iter().all(|row| {
        row.as_object()
            .unwrap()
            .values()
            .all(|value| !value.is_null())
    }));
    let mut held = BTreeMap::new();
    merge(&mut held, &rows);
    assert_eq!(held, expected(&visit).await);
    for turn in 1..5 {
        visit.microsoft.change_members(40, turn);
        visit.microsoft.change_users(80, turn);
        let added = visit.microsoft.add_groups(2);
        visit.microsoft.remove_groups(1);
        visit.microsoft.add_users(10);
        visit.microsoft.remove_users(15);
        visit.microsoft.change_members(10, turn + 50);
        let (rows, next) = round(&visit, &link).await;
        merge(&mut held, &rows);
        let now = without_the_gone(&visit, &held).await;
        assert_eq!(now, expected(&visit).await, "round {turn}");
        assert!(added.iter().any(|id| held.contains_key(id)));
        link = next;
    }
    assert_eq!(round(&visit, &link).await.0, Vec::<Value>::new());
}

#[tokio::test]
async fn a_round_begun_while_members_move_misses_nobody() {
    let visit = Visit::to(600).await;
    visit.microsoft.set_delta_page_rows(5);
    let mut held = BTreeMap::new();
    let mut target = "/v1.0/groups/delta".to_owned();
    let mut turn = 0;
    let link = loop {
        let page = visit.json(&target).await;
        merge(&mut held, page["value"].as_array().unwrap());
        turn += 1;
        visit.microsoft.change_members(5, turn);
        visit.microsoft.change_users(5, turn);
        match page["@odata.nextLink"].as_str() {
            Some(next) => target = next.to_owned(),
            None => break page["@odata.deltaLink"].as_str().unwrap().to_owned(),
        }
    };
    assert!(turn > 20);
    let (rows, _) = round(&visit, &link).await;
    merge(&mut held, &rows);
    assert_eq!(held, expected(&visit).await);
}

#[tokio::test]
async fn removed_groups_and_members_are_told_with_their_reason() {
    let visit = Visit::to(600).await;
    let (_, link) = round(&visit, "/v1.0/groups/delta?$select=displayName,members").await;
    let before = visit.all(GROUPS).await;
    let removed = visit.microsoft.remove_groups(1000);
    let (rows, next) = round(&visit, &link).await;
    assert_eq!(rows.len(), removed.len());
    for row in &rows {
        let group = before
            .iter()
            .find(|group| group["id"] == row["id"])
            .unwrap();
        let is_unified = group["groupTypes"]
            .as_array()
            .unwrap()
            .contains(&Value::from("Unified"));
        let reason = if is_unified { "changed" } else { "deleted" };
        assert_eq!(row["@removed"]["reason"], reason);
    }
    let reasons: BTreeSet<&str> = texts(&rows, "/@removed/reason").into_iter().collect();
    assert_eq!(reasons.len(), 2);
    let added = visit.microsoft.add_groups(1);
    let changes = visit.microsoft.change_members(30, 1);
    assert!(
        changes.iter().all(|change| change.group_id == added[0]),
        "there is no other"
    );
    let (rows, _) = round(&visit, &next).await;
    assert!(
        rows.iter()
            .all(|row| row["id"] == added[0].as_str() && row["displayName"].is_string())
    );
    let left: BTreeSet<&str> = changes
        .iter()
        .filter(|change| !change.is_member)
        .map(|change| change.user_id.as_str())
        .collect();
    let mut told = BTreeSet::new();
    for row in &rows {
        for member in row["members@delta"].as_array().into_iter().flatten() {
            if member.pointer("/@removed/reason") == Some(&Value::from("deleted")) {
                told.insert(member["id"].as_str().unwrap());
            }
        }
    }
    assert_eq!(told, left);
}

#[tokio::test]
async fn members_are_followed_unless_others_are_selected() {
    let visit = Visit::to(200).await;
    let (rows, link) = round(&visit, "/v1.0/groups/delta?$select=displayName").await;
    assert!(rows.iter().all(|row| row.get("members@delta").is_none()));
    let keys: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["displayName", "id"]);
    visit.microsoft.change_members(20, 1);
    assert_eq!(round(&visit, &link).await.0, Vec::<Value>::new());
    let (rows, _) = round(&visit, "/v1.0/groups/delta?$select=members").await;
    assert!(rows.iter().any(|row| row.get("members@delta").is_some()));
    let (rows, _) = round(&visit, "/v1.0/groups/delta?$deltatoken=latest").await;
    assert_eq!(rows, Vec::<Value>::new());
}

#[tokio::test]
async fn whoever_is_removed_for_a_while_stays_a_member() {
    let visit = Visit::to(300).await;
    let (_, link) = round(&visit, "/v1.0/groups/delta").await;
    let removed = visit.microsoft.remove_users(30);
    let users = round(&visit, super::users_delta::START).await.0;
    let for_good: BTreeSet<&str> = users
        .iter()
        .filter(|row| row.pointer("/@removed/reason") == Some(&Value::from("deleted")))
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    assert!(!for_good.is_empty() && for_good.len() < removed.len());
    let (rows, _) = round(&visit, &link).await;
    let mut left = BTreeSet::new();
    for row in &rows {
        left.extend(texts(row["members@delta"].as_array().unwrap(), "/id"));
    }
    assert_eq!(left, for_good);
}
