use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::sign_in::signed_in;
use super::support::Clock;
use super::support::Visit;
use super::support::texts;
use crate::simulator::Premium;

const SIGN_INS: &str = "/v1.0/auditLogs/signIns";
const AUDITS: &str = "/v1.0/auditLogs/directoryAudits";

/// Without limits, and with a token that outlives the test.
async fn visit(users: u64) -> (Visit, Clock) {
    let (mut visit, clock) = Visit::by_clock(users).await;
    visit.microsoft.set_log_limits(false);
    visit
        .microsoft
        .set_token_lifetime(std::time::Duration::from_secs(10_000_000));
    visit.token = visit.application_token().await;
    (visit, clock)
}

fn ids(rows: &[Value]) -> BTreeSet<&str> {
    texts(rows, "/id").into_iter().collect()
}

#[tokio::test]
async fn logs_come_newest_first_and_everything_once() {
    let (visit, _) = visit(120).await;
    for (log, time, at_least) in [
        (SIGN_INS, "/createdDateTime", 1500),
        (AUDITS, "/activityDateTime", 150),
    ] {
        let whole = visit.all(log).await;
        assert!(whole.len() > at_least, "{log}: {}", whole.len());
        let times = texts(&whole, time);
        assert!(times.is_sorted_by(|a, b| a >= b));
        assert!(
            times
                .iter()
                .all(|time| time.len() == "2026-11-22T19:15:41.6195833Z".len())
        );
        assert!(
            *times.last().unwrap() >= "2026-10-24T12:00:00.0000000Z",
            "thirty days are kept"
        );
        assert!(*times.last().unwrap() < "2026-10-26");
        assert!(times[0] > "2026-11-23T06");
        assert_eq!(ids(&whole).len(), whole.len());
        let small = visit.all(&format!("{log}?$top=77")).await;
        assert_eq!(small, whole, "whatever the size of a page");
        let mut upward = visit
            .all(&format!("{log}?$orderby={}%20asc&$top=500", &time[1..]))
            .await;
        upward.reverse();
        assert_eq!(upward, whole, "and from the other end");
    }
}

#[tokio::test]
async fn both_bounds_of_a_span_are_in_it() {
    let (visit, _) = visit(120).await;
    for (log, time) in [(SIGN_INS, "createdDateTime"), (AUDITS, "activityDateTime")] {
        let whole = visit.all(&format!("{log}?$top=100")).await;
        let at = |place: usize| whole[place][time].as_str().unwrap();
        let span = |from: &str, to: &str| {
            format!("{log}?$filter={time}%20ge%20{from}%20and%20{time}%20le%20{to}&$top=7")
        };
        assert_eq!(visit.all(&span(at(40), at(10))).await, whole[10..=40]);
        assert_eq!(visit.all(&span(at(40), at(40))).await, whole[40..=40]);
        assert_eq!(visit.all(&span(at(10), at(40))).await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn entries_arrive_late_and_none_is_lost() {
    let (visit, clock) = visit(1500).await;
    let span = "?$filter=createdDateTime%20ge%202026-11-23T06:00:00Z%20and%20createdDateTime%20le%202026-11-23T12:00:00Z";
    let at_noon = visit.all(&format!("{SIGN_INS}{span}")).await;
    clock.advance(5 * 3600);
    let later = visit.all(&format!("{SIGN_INS}{span}")).await;
    assert!(
        later.len() > at_noon.len(),
        "{} {}",
        later.len(),
        at_noon.len()
    );
    assert!(ids(&at_noon).is_subset(&ids(&later)));
    let newest = at_noon[0]["createdDateTime"].as_str().unwrap();
    let between = later
        .iter()
        .filter(|row| !ids(&at_noon).contains(row["id"].as_str().unwrap()));
    assert!(
        between
            .clone()
            .any(|row| row["createdDateTime"].as_str().unwrap() < newest)
    );
}

#[tokio::test]
async fn entries_are_held_back_until_released() {
    let (visit, clock) = visit(120).await;
    for log in [SIGN_INS, AUDITS] {
        let before = visit.all(log).await;
        visit.microsoft.hold_back_log(5);
        assert_eq!(visit.all(log).await, before[5..]);
        clock.advance(86_400);
        let meanwhile = visit.all(log).await;
        let held: BTreeSet<&str> = ids(&before[..5]);
        assert!(held.is_disjoint(&ids(&meanwhile)));
        assert!(
            !ids(&before).contains(meanwhile[0]["id"].as_str().unwrap()),
            "newer ones come"
        );
        visit.microsoft.release_log();
        assert!(held.is_subset(&ids(&visit.all(log).await)));
    }
}

#[tokio::test]
async fn an_entry_may_be_on_two_pages() {
    let (visit, _) = visit(60).await;
    let once = visit.all(&format!("{AUDITS}?$top=50")).await;
    visit.microsoft.repeat_log_entries(true);
    let twice = visit.all(&format!("{AUDITS}?$top=50")).await;
    assert!(twice.len() > once.len());
    assert_eq!(ids(&twice), ids(&once));
    assert_eq!(twice[49], twice[50]);
}

#[tokio::test]
async fn people_sign_in_to_microsofts_and_to_other_applications_and_fail_at_times() {
    let (visit, _) = visit(300).await;
    let users = visit
        .all("/v1.0/users?$select=id,userPrincipalName,userType,accountEnabled&$top=999")
        .await;
    let by_id: BTreeMap<&str, &Value> = users
        .iter()
        .map(|user| (user["id"].as_str().unwrap(), user))
        .collect();
    let rows = visit.all(SIGN_INS).await;
    let (mut failed, mut applications) = (0, BTreeMap::new());
    for row in &rows {
        let user = by_id[row["userId"].as_str().unwrap()];
        let name = row["userPrincipalName"].as_str().unwrap();
        assert_eq!(
            name,
            user["userPrincipalName"].as_str().unwrap().to_lowercase()
        );
        let succeeds = row["status"]["errorCode"] == 0;
        let is_late = row["createdDateTime"].as_str().unwrap() > "2026-10-31";
        assert!(
            !succeeds || !is_late || user["accountEnabled"] == true,
            "who left only fails"
        );
        assert_eq!(row["isInteractive"], true);
        failed += usize::from(!succeeds);
        let names: &mut BTreeSet<&str> = applications
            .entry(row["appDisplayName"].as_str().unwrap())
            .or_default();
        names.insert(row["appId"].as_str().unwrap());
    }
    assert!(
        failed * 100 > rows.len() && failed * 5 < rows.len(),
        "{failed} of {}",
        rows.len()
    );
    assert!(applications.len() >= 10, "{applications:?}");
    assert!(
        applications.values().all(|ids| ids.len() == 1),
        "an id each"
    );
    assert!(
        applications.contains_key("Salesfield CRM") && applications.contains_key("Microsoft Teams")
    );
}

#[tokio::test]
async fn the_audit_log_tells_of_licenses_roles_and_more() {
    let (visit, _) = visit(300).await;
    let rows = visit.all(AUDITS).await;
    let mut activities = BTreeSet::new();
    let (mut by_user, mut by_application) = (0, 0);
    for row in &rows {
        let id = row["id"].as_str().unwrap();
        assert!(
            id.parse::<Uuid>().is_err()
                && (id.starts_with("Directory_") || id.starts_with("SSGM_")),
            "{id}"
        );
        let by = &row["initiatedBy"];
        assert_ne!(by["user"].is_null(), by["app"].is_null());
        by_user += u32::from(by["app"].is_null());
        by_application += u32::from(by["user"].is_null());
        let activity = row["activityDisplayName"].as_str().unwrap();
        activities.insert(activity);
        let target = &row["targetResources"][0];
        let property = &target["modifiedProperties"][0];
        if activity == "Change user license" {
            assert_eq!(
                (&row["category"], &target["type"]),
                (&Value::from("UserManagement"), &Value::from("User"))
            );
            assert_eq!(property["displayName"], "AssignedLicense");
            for name in ["oldValue", "newValue"] {
                let inner: Value = serde_json::from_str(property[name].as_str().unwrap()).unwrap();
                assert!(inner.is_array(), "{inner}");
            }
        }
        if activity == "Add member to role" {
            assert_eq!(row["targetResources"][1]["type"], "Role");
            assert!(
                property["oldValue"].is_null()
                    && property["newValue"].as_str().unwrap().starts_with('"')
            );
        }
    }
    assert!(by_user > 20 && by_application > 20);
    for activity in [
        "Change user license",
        "Add member to role",
        "Remove member from role",
        "Update user",
    ] {
        assert!(activities.contains(activity), "{activity}");
    }
    let results: BTreeSet<&str> = texts(&rows, "/result").into_iter().collect();
    assert!(results.contains("success") && results.contains("failure"));
}

#[tokio::test]
async fn logs_are_filtered_selected_and_refuse_the_rest() {
    let (visit, _) = visit(120).await;
    let rows = visit.all(SIGN_INS).await;
    let user = rows[3]["userId"].as_str().unwrap();
    let own = visit
        .all(&format!(
            "{SIGN_INS}?$filter=userId%20eq%20'{user}'&$select=id,userId"
        ))
        .await;
    let expected: Vec<&str> = rows
        .iter()
        .filter(|row| row["userId"] == user)
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    assert_eq!(texts(&own, "/id"), expected);
    assert!(own.iter().all(|row| row.as_object().unwrap().len() == 2));
    let target = visit.all(AUDITS).await[0]["targetResources"][0]["id"].clone();
    let about = visit
        .all(
            &format!("{AUDITS}?$filter=targetResources/any(t:t/id%20eq%20{target})")
                .replace('"', "'"),
        )
        .await;
    assert!(!about.is_empty());
    for bad in [
        "$top=1001",
        "$top=0",
        "$top=x",
        "$filter=createdDateTime%20gt%202026-11-01T00:00:00Z",
        "$filter=signInEventTypes/any(t:t%20eq%20'x')",
        "$orderby=appId",
        "$skiptoken=abc",
        "$count=true",
    ] {
        assert_eq!(
            visit.get(&format!("{SIGN_INS}?{bad}")).await.status(),
            400,
            "{bad}"
        );
    }
    assert_eq!(
        visit.json(&format!("{SIGN_INS}?$top=1000")).await["value"]
            .as_array()
            .unwrap()
            .len(),
        1000
    );
}

#[tokio::test]
async fn both_logs_together_may_be_asked_five_times_in_ten_seconds() {
    let (visit, clock) = Visit::by_clock(20).await;
    for log in [SIGN_INS, AUDITS, SIGN_INS, AUDITS, SIGN_INS] {
        assert_eq!(visit.get(log).await.status(), 200);
    }
    clock.advance(3);
    let refused = visit.get(AUDITS).await;
    assert_eq!(
        (
            refused.status().as_u16(),
            refused.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "7")
    );
    visit.microsoft.set_limits_tell_when(false);
    assert_eq!(visit.get(SIGN_INS).await.headers().get("retry-after"), None);
    clock.advance(7);
    assert_eq!(visit.get(SIGN_INS).await.status(), 200);
    visit.microsoft.set_log_limits(false);
    for _ in 0..10 {
        assert_eq!(visit.get(SIGN_INS).await.status(), 200);
    }
}

#[tokio::test]
async fn without_premium_there_are_no_sign_ins_and_a_week_of_audits() {
    let (visit, _) = visit(120).await;
    visit.microsoft.set_premium(Premium::None);
    assert_eq!(
        visit.refusal(SIGN_INS).await,
        (
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant".to_owned()
        )
    );
    let week = visit.all(AUDITS).await;
    let oldest = week.last().unwrap()["activityDateTime"].as_str().unwrap();
    assert!(
        ("2026-11-16T12".."2026-11-18").contains(&oldest),
        "{oldest}"
    );
    let older = format!("{AUDITS}?$filter=activityDateTime%20ge%202026-11-16T11:59:59Z");
    let answer = visit.get(&older).await;
    assert_eq!(answer.status(), 400);
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("The minimum allowed date is 2026-11-16T12:00:00.0000000Z")
    );
    visit.microsoft.set_premium(Premium::P1);
    assert_eq!(visit.get(&older).await.status(), 200);
    let much_older =
        |log: &str, time: &str| format!("{log}?$filter={time}%20ge%202026-01-01T00:00:00Z");
    assert_eq!(
        visit
            .get(&much_older(AUDITS, "activityDateTime"))
            .await
            .status(),
        400
    );
    assert_eq!(
        visit
            .get(&much_older(SIGN_INS, "createdDateTime"))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn logs_need_their_permission_and_people_a_role() {
    let (mut visit, _) = visit(20).await;
    visit.microsoft.withdraw_permission("AuditLog.Read.All");
    let missing = (403, "Authentication_MSGraphPermissionMissing".to_owned());
    assert_eq!(visit.refusal(SIGN_INS).await, missing);
    assert_eq!(visit.refusal(AUDITS).await, missing);
    visit.microsoft.grant_permission("AuditLog.Read.All");
    visit.microsoft.set_reports_role(false);
    assert_eq!(visit.get(SIGN_INS).await.status(), 200);
    visit.token = signed_in(&visit).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        visit.refusal(AUDITS).await,
        (
            403,
            "Authentication_RequestFromUnsupportedUserRole".to_owned()
        )
    );
    visit.microsoft.set_reports_role(true);
    assert_eq!(visit.get(AUDITS).await.status(), 200);
}
