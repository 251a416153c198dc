use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use super::support::USERS;
use super::support::Visit;
use super::support::texts;

/// Rows by id.
fn by_id(rows: Vec<Value>) -> BTreeMap<String, Value> {
    rows.into_iter()
        .map(|row| (row["id"].as_str().unwrap().to_owned(), row))
        .collect()
}

async fn check_consumed_units(visit: &Visit) {
    let mut held: BTreeMap<String, u64> = BTreeMap::new();
    for user in visit.all(USERS).await {
        let licenses = texts(user["assignedLicenses"].as_array().unwrap(), "/skuId")
            .into_iter()
            .collect::<BTreeSet<_>>();
        for sku_id in licenses {
            *held.entry(sku_id.to_owned()).or_default() += 1;
        }
    }
    let licenses = visit.all("/v1.0/subscribedSkus").await;
    assert_eq!(licenses.len(), 29);
    for license in &licenses {
        let holders = held
            .get(license["skuId"].as_str().unwrap())
            .copied()
            .unwrap_or(0);
        assert_eq!(
            license["consumedUnits"], holders,
            "{}",
            license["skuPartNumber"]
        );
        let by_handle = visit.microsoft.seats_in_use()[license["skuPartNumber"].as_str().unwrap()];
        assert_eq!(by_handle, holders);
    }
}

#[tokio::test]
async fn consumed_units_are_the_holders_also_after_edits() {
    let visit = Visit::to(400).await;
    check_consumed_units(&visit).await;
    visit.microsoft.change_users(100, 1);
    visit.microsoft.add_users(25);
    visit.microsoft.remove_users(60);
    check_consumed_units(&visit).await;
}

#[tokio::test]
async fn edits_show_on_exactly_the_users_that_they_name() {
    let visit = Visit::to(300).await;
    let before = by_id(visit.all(USERS).await);
    let mut changed = visit.microsoft.change_users(20, 7);
    let after = by_id(visit.all(USERS).await);
    let mut different: Vec<String> = after
        .iter()
        .filter(|(id, user)| before[*id] != **user)
        .map(|(id, _)| id.clone())
        .collect();
    // A row may change in a property that a sync does not ask for: the office.
    different.retain(|id| changed.contains(id));
    changed.sort();
    assert!(different.len() >= 10 && different.len() <= changed.len());
    let elsewhere = after
        .iter()
        .filter(|(id, user)| !changed.contains(id) && before[*id] != **user)
        .count();
    assert_eq!(elsewhere, 0, "nobody else changed");

    let added = visit.microsoft.add_users(5);
    let removed = visit.microsoft.remove_users(8);
    let last = by_id(visit.all(USERS).await);
    assert_eq!(last.len() as u64, visit.microsoft.user_count());
    assert_eq!(last.len(), 297);
    assert!(
        added
            .iter()
            .all(|id| last.contains_key(id) || removed.contains(id))
    );
    assert!(removed.iter().all(|id| !last.contains_key(id)));
    let gone: BTreeSet<&str> = removed.iter().map(String::as_str).collect();
    let managers = last
        .values()
        .filter_map(|user| user.pointer("/manager/id")?.as_str());
    assert_eq!(managers.filter(|manager| gone.contains(manager)).count(), 0);
}

#[tokio::test]
async fn the_people_are_of_every_kind_that_graph_shows() {
    let visit = Visit::to(900).await;
    let select = "id,userPrincipalName,displayName,mail,department,userType,accountEnabled,createdDateTime,isResourceAccount,externalUserState,onPremisesSyncEnabled,employeeHireDate,usageLocation,assignedLicenses,licenseAssignmentStates";
    let users = visit
        .all(&format!("/v1.0/users?$select={select}&$top=999"))
        .await;
    let count =
        |matches: &dyn Fn(&Value) -> bool| users.iter().filter(|user| matches(user)).count();
    let check = |what: &str, range: std::ops::Range<usize>, matches: &dyn Fn(&Value) -> bool| {
        let count = count(matches);
        assert!(range.contains(&count), "{count}: {what}");
    };
    let states = |user: &Value, state: &str| {
        texts(
            user["licenseAssignmentStates"].as_array().unwrap(),
            "/state",
        )
        .contains(&state)
    };
    let sku_e3 = "05e9a617-0261-4cee-bb44-138d3ef5d965";
    let holds_e3 = |user: &Value| {
        texts(user["assignedLicenses"].as_array().unwrap(), "/skuId").contains(&sku_e3)
    };
    check("guests", 60..85, &|user| {
        user["userType"] == "Guest"
            && user["userPrincipalName"]
                .as_str()
                .unwrap()
                .contains("#EXT#@contoso.onmicrosoft.com")
    });
    check("guests and nothing else have a state", 60..85, &|user| {
        !user["externalUserState"].is_null()
    });
    check("resource accounts", 3..15, &|user| {
        user["isResourceAccount"] == true
    });
    check("disabled with licenses", 15..60, &|user| {
        user["accountEnabled"] == false && user["assignedLicenses"] != Value::Array(vec![])
    });
    check("without a department", 50..150, &|user| {
        user["department"].is_null()
    });
    check("without a type", 3..40, &|user| user["userType"].is_null());
    check("without a creation date", 10..120, &|user| {
        user["createdDateTime"].is_null()
    });
    check("synced", 300..500, &|user| {
        user["onPremisesSyncEnabled"] == true
    });
    check("apostrophes", 3..100, &|user| {
        user["displayName"].as_str().unwrap().contains('\'')
    });
    check("in Sales with E3", 30..200, &|user| {
        user["department"] == "Sales"
            && user["userType"] == "Member"
            && holds_e3(user)
            && user["isResourceAccount"] != true
    });
    check("with an error in force", 1..30, &|user| {
        states(user, "ActiveWithError")
    });
    check("with a failing path", 2..40, &|user| states(user, "Error"));
    check("a path switched off", 1..20, &|user| {
        states(user, "Disabled")
    });
    check("some paths say None, some null", 200..700, &|user| {
        user.pointer("/licenseAssignmentStates/0/error") == Some(&Value::from("None"))
    });
    check("with plans off", 20..300, &|user| {
        user.pointer("/assignedLicenses/0/disabledPlans/0")
            .is_some()
    });
    check("direct and by group", 10..200, &|user| {
        let skus = texts(
            user["licenseAssignmentStates"].as_array().unwrap(),
            "/skuId",
        );
        skus.len() > skus.iter().collect::<BTreeSet<_>>().len()
    });
}

#[tokio::test]
async fn seats_are_unused_overdrawn_in_grace_suspended_and_company_wide() {
    let visit = Visit::to(2000).await;
    let licenses = visit.all("/v1.0/subscribedSkus").await;
    let license = |part: &str| {
        licenses
            .iter()
            .find(|license| license["skuPartNumber"] == part)
            .unwrap()
    };
    let number =
        |license: &Value, pointer: &str| license.pointer(pointer).unwrap().as_u64().unwrap();
    let e3 = license("SPE_E3");
    assert_eq!(e3["skuId"], "05e9a617-0261-4cee-bb44-138d3ef5d965");
    assert!(number(e3, "/prepaidUnits/enabled") > number(e3, "/consumedUnits"));
    let project = license("PROJECTPROFESSIONAL");
    assert!(number(project, "/prepaidUnits/enabled") < number(project, "/consumedUnits"));
    assert!(number(license("VISIOCLIENT"), "/prepaidUnits/warning") > 0);
    assert_eq!(license("EMSPREMIUM")["capabilityStatus"], "Warning");
    let stream = license("STREAM");
    assert_eq!(
        (
            &stream["capabilityStatus"],
            &stream["prepaidUnits"]["enabled"]
        ),
        (&Value::from("Suspended"), &Value::from(0))
    );
    assert!(number(stream, "/consumedUnits") > 0);
    assert_eq!(license("WINDOWS_STORE")["appliesTo"], "Company");
    assert_eq!(number(license("WINDOWS_STORE"), "/consumedUnits"), 0);
    assert!(number(license("CONTOSO_PHONE_SYSTEM_E5"), "/consumedUnits") > 0);
    assert_eq!(
        e3["id"],
        format!(
            "{}_{}",
            visit.microsoft.tenant_id(),
            e3["skuId"].as_str().unwrap()
        )
    );
    assert!(
        licenses
            .iter()
            .all(|license| !license["servicePlans"].as_array().unwrap().is_empty())
    );
}
