use jiff::civil::date;

use super::*;
use crate::domain::ids::ObjectId;
use crate::domain::user::{AssignmentState, User, UserType};
use crate::msgraph::directory::changes::{Change, Patch};
use crate::msgraph::directory::{GroupPatch, UserPatch};
use crate::msgraph::paging::Row;

fn user_patch(row: &Value) -> Result<UserPatch, String> {
    match Change::<UserPatch>::read(&row.to_string())? {
        Change::Changed(patch) => Ok(patch),
        Change::Removed(_) => panic!("removed: {row}"),
    }
}

/// Ann as a whole list tells her.
fn ann_row() -> Value {
    json!({
        "id": ANN, "userPrincipalName": "ann@contoso.com", "displayName": "Ann Lee",
        "mail": "ann@contoso.com", "employeeId": "7", "employeeType": "Employee",
        "jobTitle": "Engineer", "department": "Sales", "companyName": "Contoso",
        "officeLocation": "2/1", "country": "Norway", "usageLocation": "NO",
        "userType": "Guest", "isResourceAccount": true, "accountEnabled": false,
        "createdDateTime": "2020-03-13T19:15:41Z", "employeeHireDate": "2020-03-01T00:00:00Z",
        "onPremisesSyncEnabled": true,
        "assignedLicenses": [{"skuId": E3, "disabledPlans": []}],
        "licenseAssignmentStates": [
            {"skuId": E3, "state": "Active", "assignedByGroup": SALES, "disabledPlans": []},
            {"skuId": E5, "state": "Error", "error": "CountViolation", "disabledPlans": []},
        ],
    })
}

fn ann() -> User {
    let mut row = ann_row();
    row["manager"] = json!({"@odata.type": USER, "id": BEN});
    User::read(&row.to_string()).unwrap()
}

/// Ann after a patch with these properties.
fn patched(properties: &Value) -> User {
    let mut row = properties.clone();
    row["id"] = json!(ANN);
    user_patch(&row).unwrap().apply(Some(ann())).unwrap()
}

#[test]
fn a_patch_of_everything_is_the_same_user_as_the_list_tells() {
    let mut row = ann_row();
    row["manager@delta"] = json!([{"@odata.type": USER, "id": BEN}]);
    let patch = user_patch(&row).unwrap();
    assert_eq!(patch.apply(None), Some(ann()));
    assert_eq!(patch.apply(Some(ann())), Some(ann()));
}

#[test]
fn what_a_patch_does_not_name_stays() {
    assert_eq!(patched(&json!({})), ann());
}

#[test]
fn what_a_patch_sets_to_null_is_as_in_a_list_where_it_is_null() {
    for property in ann_row().as_object().unwrap().keys() {
        if property == "id" || property == "userPrincipalName" || property.contains("icense") {
            continue;
        }
        let mut row = ann_row();
        row[property] = json!(null);
        let listed = User::read(&row.to_string()).unwrap();
        let patched = patched(&json!({property: null}));
        assert_eq!(
            User {
                manager: None,
                ..patched.clone()
            },
            listed,
            "{property}"
        );
        assert_ne!(patched, ann(), "{property}");
    }
}

#[test]
fn what_a_patch_names_is_so_now() {
    let user = patched(
        &json!({"department": "Legal", "accountEnabled": true, "employeeHireDate": "2021-01-01T00:00:00Z"}),
    );
    assert_eq!(user.department.as_deref(), Some("Legal"));
    assert_eq!(user.hired_on, Some(date(2021, 1, 1)));
    let expected = User {
        department: user.department.clone(),
        account_enabled: true,
        hired_on: user.hired_on,
        ..ann()
    };
    assert_eq!(user, expected);
}

#[test]
fn a_user_that_we_do_not_hold_needs_a_name() {
    let unnamed = user_patch(&json!({"id": ANN, "department": "Legal"})).unwrap();
    assert_eq!(unnamed.apply(None), None);
    let named = user_patch(&json!({"id": ANN, "userPrincipalName": "ann"})).unwrap();
    let user = named.apply(None).unwrap();
    assert_eq!(user.user_principal_name, "ann");
    assert!(user.account_enabled && user.user_type == UserType::Member);
}

#[test]
fn a_patch_applied_twice_is_applied_once() {
    let patch = user_patch(
        &json!({"id": ANN, "department": null, "manager@delta": [{"id": BEN, "@removed": {}}], "assignedLicenses": []}),
    );
    let patch = patch.unwrap();
    let once = patch.apply(Some(ann()));
    assert_eq!(patch.apply(once.clone()), once);
}

#[track_caller]
fn check_manager(links: &Value, expected: Option<&str>) {
    let manager = patched(&json!({"manager@delta": links})).manager;
    assert_eq!(manager, expected.and_then(ObjectId::parse), "{links}");
}

#[test]
fn the_manager_is_whoever_came_and_nobody_if_ours_went() {
    let came = |id: &str| json!({"@odata.type": USER, "id": id});
    let went = |id: &str| json!({"@odata.type": USER, "id": id, "@removed": {"reason": "changed"}});
    check_manager(&json!(null), Some(BEN));
    check_manager(&json!([]), Some(BEN));
    check_manager(&json!([came(CAT)]), Some(CAT));
    check_manager(&json!([went(BEN), came(CAT)]), Some(CAT));
    check_manager(&json!([came(CAT), went(BEN)]), Some(CAT));
    check_manager(&json!([went(BEN)]), None);
    check_manager(&json!([went(CAT)]), Some(BEN));
    check_manager(&json!([went(CAT), went(BEN)]), None);
    check_manager(&json!([{"id": CAT}]), Some(CAT));
    check_manager(
        &json!([{"@odata.type": "#microsoft.graph.orgContact", "id": CAT}]),
        None,
    );
}

#[track_caller]
fn check_licenses(properties: &Value, expected: &[(&str, AssignmentState, bool)]) {
    let assignments = patched(properties).assignments;
    let read: Vec<_> = assignments
        .iter()
        .map(|one| (one.sku_id.to_string(), one.state, one.assigned_directly))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(sku, state, direct)| ((*sku).to_owned(), *state, *direct))
        .collect();
    assert_eq!(read, expected, "{properties}");
}

#[test]
fn one_list_of_licenses_without_the_other_changes_what_it_tells() {
    use AssignmentState::{Active, Error, Unknown};

    let path = |sku: &str| json!({"skuId": sku, "state": "Active"});
    let held = (E3, Active, false);
    let failed = (E5, Error, true);
    check_licenses(&json!({}), &[held, failed]);
    // Products alone: how they are held stays, and so does what could not be given.
    check_licenses(
        &json!({"assignedLicenses": [{"skuId": E3}]}),
        &[held, failed],
    );
    check_licenses(&json!({"assignedLicenses": []}), &[failed]);
    check_licenses(&json!({"assignedLicenses": null}), &[failed]);
    check_licenses(
        &json!({"assignedLicenses": [{"skuId": E5}]}),
        &[(E5, Unknown, false)],
    );
    // Paths alone: what is held and has none stays.
    check_licenses(&json!({"licenseAssignmentStates": []}), &[held]);
    check_licenses(
        &json!({"licenseAssignmentStates": [path(E3)]}),
        &[(E3, Active, true)],
    );
    check_licenses(
        &json!({"licenseAssignmentStates": [path(E5)]}),
        &[held, (E5, Active, true)],
    );
    // Both.
    check_licenses(
        &json!({"assignedLicenses": [{"skuId": E5}], "licenseAssignmentStates": [path(E5)]}),
        &[(E5, Active, true)],
    );
    check_licenses(
        &json!({"assignedLicenses": [], "licenseAssignmentStates": []}),
        &[],
    );
}

#[test]
fn plans_that_are_switched_off_come_with_the_products() {
    let user = patched(&json!({"assignedLicenses": [{"skuId": E3, "disabledPlans": [CAT]}]}));
    assert_eq!(user.assignments[0].disabled_plans.len(), 1);
    assert_eq!(
        user.assignments[0].assigned_by_groups,
        ann().assignments[0].assigned_by_groups
    );
}

#[track_caller]
fn check_refused<T: Patch>(row: &Value, reason: &str) {
    let read = Change::<T>::read(&row.to_string()).map(|_| ());
    assert_eq!(read, Err(reason.to_owned()));
}

#[test]
fn a_row_that_cannot_be_applied_is_refused_with_the_name_of_what_is_wrong() {
    check_refused::<UserPatch>(&json!({"displayName": "x"}), "id is missing");
    check_refused::<UserPatch>(&json!({"id": "x", "@removed": {}}), "id is not a GUID");
    check_refused::<UserPatch>(
        &json!({"id": ANN, "userPrincipalName": null}),
        "userPrincipalName is missing",
    );
    check_refused::<UserPatch>(&json!({"id": ANN, "mail": 5}), "mail is a number");
    check_refused::<UserPatch>(
        &json!({"id": ANN, "manager@delta": [{"id": null}]}),
        "manager@delta.id is missing",
    );
    check_refused::<UserPatch>(
        &json!({"id": ANN, "manager@delta": {"id": BEN}}),
        "manager@delta is an object",
    );
    check_refused::<GroupPatch>(&json!({}), "id is missing");
    check_refused::<GroupPatch>(
        &json!({"id": SALES, "members@delta": [{"id": "x"}]}),
        "members@delta.id is not a GUID",
    );
    check_refused::<GroupPatch>(
        &json!({"id": SALES, "groupTypes": "Unified"}),
        "groupTypes is a text",
    );
}

#[test]
fn a_removed_row_needs_nothing_but_its_id() {
    for reason in ["changed", "deleted", "unknownFutureValue"] {
        let row = json!({"id": ANN, "@removed": {"reason": reason}, "displayName": null});
        let id = ObjectId::parse(ANN).unwrap();
        let read = Change::<GroupPatch>::read(&row.to_string());
        assert_eq!(read, Ok(Change::Removed(id)));
    }
}

#[test]
fn members_come_and_go_and_the_last_word_counts() {
    let came = |id: &str| json!({"@odata.type": USER, "id": id});
    let went = |id: &str| json!({"@odata.type": USER, "id": id, "@removed": {"reason": "deleted"}});
    let untyped = json!({"id": CAT, "@removed": {"reason": "deleted"}});
    let row = json!({"id": SALES, "members@delta": [came(BEN), went(ANN), went(BEN), came(ANN), untyped]});
    let Ok(Change::Changed(patch)) = Change::<GroupPatch>::read(&row.to_string()) else {
        panic!("a patch");
    };
    let ids =
        |ids: &[&str]| -> Vec<_> { ids.iter().filter_map(|id| ObjectId::parse(id)).collect() };
    assert_eq!(patch.members_added, ids(&[ANN]));
    assert_eq!(patch.members_removed, ids(&[BEN, CAT]));
}

#[test]
fn a_group_keeps_what_it_assigns_and_what_a_patch_does_not_name() {
    let whole = json!({"id": SALES, "displayName": "Sales", "mail": "s@contoso.com", "groupTypes": ["DynamicMembership"], "onPremisesSyncEnabled": true});
    let read = |row: Value| match Change::<GroupPatch>::read(&row.to_string()) {
        Ok(Change::Changed(patch)) => patch,
        other => panic!("{other:?}"),
    };
    let mut held = read(whole).apply(None);
    assert!(held.is_dynamic && held.is_synced_from_on_premises && held.assigns.is_empty());
    held.assigns = vec![crate::domain::ids::SkuId::parse(E3).unwrap()];
    assert_eq!(read(json!({"id": SALES})).apply(Some(held.clone())), held);
    let cleared =
        json!({"id": SALES, "mail": null, "groupTypes": [], "onPremisesSyncEnabled": null});
    let group = read(cleared).apply(Some(held.clone()));
    assert_eq!(group.display_name.as_deref(), Some("Sales"));
    assert_eq!(
        (
            group.mail,
            group.is_dynamic,
            group.is_synced_from_on_premises
        ),
        (None, false, false)
    );
    assert_eq!(group.assigns, held.assigns);
}
