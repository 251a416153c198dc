//! From an entry's JSON to what is kept of it.

use uuid::Uuid;

use super::{DirectoryAudit, SignIn};
use crate::domain::audit::{DirectoryChange, DirectoryChangeKind};
use crate::domain::ids::{ApplicationId, ObjectId};
use crate::msgraph::paging::{Key, Row};
use crate::msgraph::scalars::{Reason, guid, text, time};
use crate::msgraph::wire::{self, Text};

impl Row for SignIn {
    const ID: &'static str = "id";

    fn read(json: &str) -> Result<Self, String> {
        wire::read(json).and_then(sign_in)
    }

    fn key(&self) -> Key {
        Key::text(&self.id)
    }
}

impl Row for DirectoryAudit {
    const ID: &'static str = "id";

    fn read(json: &str) -> Result<Self, String> {
        wire::read(json).and_then(directory_audit)
    }

    fn key(&self) -> Key {
        Key::text(&self.id)
    }
}

/// `signIn`
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSignIn<'json> {
    #[serde(borrow)]
    id: Option<Text<'json>>,
    #[serde(borrow)]
    created_date_time: Option<Text<'json>>,
    #[serde(borrow)]
    user_id: Option<Text<'json>>,
    #[serde(borrow)]
    app_id: Option<Text<'json>>,
    #[serde(borrow)]
    app_display_name: Option<Text<'json>>,
    status: Option<WireSignInStatus>,
}

/// `signInStatus`. Its number is declared as a number, not as an integer.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSignInStatus {
    error_code: Option<f64>,
}

/// `directoryAudit`
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDirectoryAudit<'json> {
    #[serde(borrow)]
    id: Option<Text<'json>>,
    #[serde(borrow)]
    activity_date_time: Option<Text<'json>>,
    #[serde(borrow)]
    activity_display_name: Option<Text<'json>>,
    #[serde(borrow)]
    category: Option<Text<'json>>,
    #[serde(borrow)]
    result: Option<Text<'json>>,
    #[serde(borrow)]
    initiated_by: Option<WireInitiator<'json>>,
    #[serde(borrow)]
    target_resources: Option<Vec<WireTarget<'json>>>,
}

/// `auditActivityInitiator`: one of the two is null.
#[derive(serde::Deserialize)]
struct WireInitiator<'json> {
    #[serde(borrow)]
    user: Option<WireIdentity<'json>>,
    #[serde(borrow)]
    app: Option<WireIdentity<'json>>,
}

/// `userIdentity` or `appIdentity`
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireIdentity<'json> {
    #[serde(borrow)]
    id: Option<Text<'json>>,
    #[serde(borrow)]
    display_name: Option<Text<'json>>,
}

/// `targetResource`
#[derive(serde::Deserialize)]
struct WireTarget<'json> {
    #[serde(borrow)]
    id: Option<Text<'json>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'json>>,
}

fn sign_in(entry: WireSignIn<'_>) -> Result<SignIn, Reason> {
    let status = entry.status.and_then(|status| status.error_code);
    Ok(SignIn {
        id: text("id", entry.id)?.ok_or("id is missing")?,
        at: time("createdDateTime", entry.created_date_time.as_ref())?
            .ok_or("createdDateTime is missing")?,
        user: known_guid("userId", entry.user_id.as_ref())?.map(ObjectId),
        application: known_guid("appId", entry.app_id.as_ref())?.map(ApplicationId),
        application_name: text("appDisplayName", entry.app_display_name)?,
        succeeded: status == Some(0.0),
    })
}

/// A GUID; one that is all zeros stands for nobody and nothing.
fn known_guid(field: &str, text: Option<&Text<'_>>) -> Result<Option<Uuid>, Reason> {
    Ok(guid(field, text)?.filter(|id| !id.is_nil()))
}

fn directory_audit(entry: WireDirectoryAudit<'_>) -> Result<DirectoryAudit, Reason> {
    let at = time("activityDateTime", entry.activity_date_time.as_ref())?
        .ok_or("activityDateTime is missing")?;
    let activity = text("activityDisplayName", entry.activity_display_name)?.unwrap_or_default();
    let category = entry.category.as_ref().map_or("", |text| text.0.trim());
    let change = match kind(&activity, category) {
        Some(kind) => {
            let (by_user, by_application) = initiator(entry.initiated_by)?;
            Some(DirectoryChange {
                at,
                kind,
                activity,
                succeeded: succeeded(entry.result.as_ref()),
                by_user,
                by_application,
            })
        }
        None => None,
    };
    let targets = entry.target_resources.unwrap_or_default();
    Ok(DirectoryAudit {
        id: text("id", entry.id)?.ok_or("id is missing")?,
        at,
        change,
        users: targets.iter().filter_map(user).collect(),
    })
}

/// What an entry is about. Microsoft names activities in prose ("Change user license", "Add member to
/// role"), to which it adds now and then; the category of roles is one word.
fn kind(activity: &str, category: &str) -> Option<DirectoryChangeKind> {
    let activity = activity.to_ascii_lowercase();
    let is_membership =
        activity.contains("member to role") || activity.contains("member from role");
    if category.eq_ignore_ascii_case("RoleManagement") || is_membership {
        Some(DirectoryChangeKind::Role)
    } else if activity.contains("license") {
        Some(DirectoryChangeKind::License)
    } else {
        None
    }
}

fn succeeded(result: Option<&Text<'_>>) -> Option<bool> {
    match result?.0.to_ascii_lowercase().as_str() {
        "success" => Some(true),
        "failure" | "timeout" => Some(false),
        _ => None,
    }
}

/// Who did it: a user's id, or an application's name.
fn initiator(
    initiator: Option<WireInitiator<'_>>,
) -> Result<(Option<ObjectId>, Option<String>), Reason> {
    let Some(WireInitiator { user, app }) = initiator else {
        return Ok((None, None));
    };
    let by_user = user.and_then(|user| ObjectId::parse(&user.id?.0));
    let name = app.and_then(|app| app.display_name);
    Ok((by_user, text("initiatedBy.app.displayName", name)?))
}

fn user(target: &WireTarget<'_>) -> Option<ObjectId> {
    let is_user = target.kind.as_ref()?.0.eq_ignore_ascii_case("User");
    is_user.then(|| ObjectId::parse(&target.id.as_ref()?.0))?
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ANN: &str = "aaaaaaaa-0000-0000-0000-000000000001";
    const ADMIN: &str = "aaaaaaaa-0000-0000-0000-000000000002";
    const ZEROS: &str = "00000000-0000-0000-0000-000000000000";

    fn entry_of_ann() -> Value {
        json!({
            "id": "66ea54eb-6301-4ee5-be62-ff5a759b0100", "createdDateTime": "2026-11-01T16:03:35.1234567Z",
            "userId": ANN, "appId": "de8bc8b5-d9f9-48b1-a8ad-b748da725064",
            "appDisplayName": " Workday ", "status": {"errorCode": 0, "failureReason": "Other."},
            "conditionalAccessStatus": "unknownFutureValue",
        })
    }

    fn sign_in_with(property: &str, value: Value) -> Result<SignIn, String> {
        let mut entry = entry_of_ann();
        entry[property] = value;
        SignIn::read(&entry.to_string())
    }

    #[test]
    fn a_whole_sign_in_is_read() {
        let read = SignIn::read(&entry_of_ann().to_string()).unwrap();
        let expected = SignIn {
            id: "66ea54eb-6301-4ee5-be62-ff5a759b0100".to_owned(),
            at: "2026-11-01T16:03:35.1234567Z".parse().unwrap(),
            user: ObjectId::parse(ANN),
            application: ApplicationId::parse("de8bc8b5-d9f9-48b1-a8ad-b748da725064"),
            application_name: Some("Workday".to_owned()),
            succeeded: true,
        };
        assert_eq!(read, expected);
    }

    #[track_caller]
    fn check_success(status: Value, succeeded: bool) {
        let read = sign_in_with("status", status.clone()).unwrap();
        assert_eq!(read.succeeded, succeeded, "{status}");
    }

    #[test]
    fn only_error_code_zero_is_a_success() {
        check_success(json!({"errorCode": 0}), true);
        check_success(json!({"errorCode": 50126}), false);
        check_success(json!({"errorCode": null}), false);
        check_success(json!({}), false);
        check_success(json!(null), false);
    }

    #[track_caller]
    fn check_sign_in_refused(property: &str, value: Value, reason: &str) {
        let read = sign_in_with(property, value);
        assert_eq!(read.unwrap_err(), reason);
    }

    #[test]
    fn a_sign_in_without_id_or_time_or_with_a_wrong_shape_is_refused_by_name() {
        check_sign_in_refused("id", json!(" "), "id is missing");
        check_sign_in_refused("createdDateTime", json!(null), "createdDateTime is missing");
        check_sign_in_refused(
            "createdDateTime",
            json!("0001-01-01T00:00:00Z"),
            "createdDateTime is missing",
        );
        check_sign_in_refused(
            "createdDateTime",
            json!("now"),
            "createdDateTime is not a time",
        );
        check_sign_in_refused("userId", json!("ann"), "userId is not a GUID");
        check_sign_in_refused("appId", json!(5), "appId is a number");
        check_sign_in_refused("status", json!("ok"), "status is a text");
    }

    #[test]
    fn a_sign_in_of_nobody_to_nothing_has_neither() {
        for nothing in [json!(null), json!(""), json!(ZEROS)] {
            assert_eq!(sign_in_with("userId", nothing.clone()).unwrap().user, None);
            assert_eq!(sign_in_with("appId", nothing).unwrap().application, None);
        }
    }

    fn change_of_ann() -> Value {
        json!({
            "id": "Directory_VEKTC_1", "activityDateTime": "2026-11-01T10:00:00Z",
            "activityDisplayName": "Change user license", "category": "UserManagement",
            "result": "success",
            "initiatedBy": {"app": null, "user": {"id": ADMIN, "displayName": null, "userPrincipalName": "admin@contoso.com"}},
            "targetResources": [
                {"id": ANN, "type": "User", "userPrincipalName": "ann@contoso.com",
                 "modifiedProperties": [{"displayName": "AssignedLicense", "oldValue": "[]", "newValue": "[\"x\"]"}]},
                {"id": ADMIN, "type": "Group"},
            ],
        })
    }

    fn audit_with(property: &str, value: Value) -> Result<DirectoryAudit, String> {
        let mut entry = change_of_ann();
        entry[property] = value;
        DirectoryAudit::read(&entry.to_string())
    }

    #[test]
    fn a_whole_change_is_read() {
        let at = "2026-11-01T10:00:00Z".parse().unwrap();
        let expected = DirectoryAudit {
            id: "Directory_VEKTC_1".to_owned(),
            at,
            change: Some(DirectoryChange {
                at,
                kind: DirectoryChangeKind::License,
                activity: "Change user license".to_owned(),
                succeeded: Some(true),
                by_user: ObjectId::parse(ADMIN),
                by_application: None,
            }),
            users: vec![ObjectId::parse(ANN).unwrap()],
        };
        assert_eq!(
            DirectoryAudit::read(&change_of_ann().to_string()),
            Ok(expected)
        );
    }

    #[track_caller]
    fn check_kind(activity: &str, category: &str, expected: Option<DirectoryChangeKind>) {
        let mut entry = change_of_ann();
        entry["activityDisplayName"] = json!(activity);
        entry["category"] = json!(category);
        let read = DirectoryAudit::read(&entry.to_string()).unwrap();
        assert_eq!(
            read.change.map(|change| change.kind),
            expected,
            "{activity}"
        );
    }

    #[test]
    fn licenses_and_directory_roles_are_kept_and_nothing_else() {
        use DirectoryChangeKind::{License, Role};
        check_kind("Change user license", "UserManagement", Some(License));
        check_kind("Set license properties", "UserManagement", Some(License));
        check_kind("change USER LICENSE", "", Some(License));
        check_kind("Add member to role", "RoleManagement", Some(Role));
        check_kind(
            "Remove eligible member from role",
            "rolemanagement",
            Some(Role),
        );
        check_kind(
            "Remove member from role (PIM activation expired)",
            "",
            Some(Role),
        );
        check_kind("Update user", "UserManagement", None);
        check_kind("Add member to group", "GroupManagement", None);
        check_kind(
            "Add app role assignment grant to user",
            "UserManagement",
            None,
        );
        check_kind("", "", None);
    }

    #[track_caller]
    fn check_result(result: Value, succeeded: Option<bool>) {
        let read = audit_with("result", result.clone()).unwrap();
        assert_eq!(read.change.unwrap().succeeded, succeeded, "{result}");
    }

    #[test]
    fn a_result_that_is_not_known_is_neither_success_nor_failure() {
        check_result(json!("success"), Some(true));
        check_result(json!("Failure"), Some(false));
        check_result(json!("timeout"), Some(false));
        check_result(json!("unknownFutureValue"), None);
        check_result(json!(null), None);
    }

    #[track_caller]
    fn check_initiator(initiator: Value, user: Option<&str>, application: Option<&str>) {
        let read = audit_with("initiatedBy", initiator.clone()).unwrap();
        let change = read.change.unwrap();
        assert_eq!(
            change.by_user,
            user.and_then(ObjectId::parse),
            "{initiator}"
        );
        assert_eq!(change.by_application.as_deref(), application, "{initiator}");
    }

    #[test]
    fn a_user_or_an_application_did_it_or_nobody_knows_who() {
        check_initiator(
            json!({"user": {"id": ADMIN}, "app": null}),
            Some(ADMIN),
            None,
        );
        check_initiator(
            json!({"user": null, "app": {"displayName": "HR"}}),
            None,
            Some("HR"),
        );
        check_initiator(json!({"user": {"id": ""}}), None, None);
        check_initiator(
            json!({"user": {"id": null}, "app": {"displayName": " "}}),
            None,
            None,
        );
        check_initiator(json!({}), None, None);
        check_initiator(json!(null), None, None);
    }

    #[test]
    fn an_entry_without_targets_is_about_nobody() {
        assert!(
            audit_with("targetResources", json!(null))
                .unwrap()
                .users
                .is_empty()
        );
        let odd =
            json!([{"id": null, "type": "User"}, {"id": "x", "type": "User"}, {"id": ANN}, {}]);
        assert!(audit_with("targetResources", odd).unwrap().users.is_empty());
    }

    #[test]
    fn an_audit_with_a_wrong_shape_is_refused_by_name() {
        let reason = |property, value| audit_with(property, value).unwrap_err();
        assert_eq!(reason("id", json!(null)), "id is missing");
        assert_eq!(
            reason("activityDateTime", json!("")),
            "activityDateTime is missing"
        );
        assert_eq!(reason("initiatedBy", json!("ann")), "initiatedBy is a text");
        assert_eq!(
            reason("targetResources", json!([5])),
            "targetResources[0] is a number"
        );
    }

    #[test]
    fn an_id_is_a_text_and_its_key_depends_on_all_of_it() {
        let key_of = |id: &str| audit_with("id", json!(id)).unwrap().key();
        assert_eq!(key_of("Directory_VEKTC_1"), key_of("Directory_VEKTC_1"));
        assert_ne!(key_of("Directory_VEKTC_1"), key_of("Directory_VEKTC_2"));
    }
}
