use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::support::Visit;
use super::support::texts;
use crate::simulator::DeltaEnd;
use crate::simulator::Fault;
use crate::simulator::Settings;

pub(super) const START: &str = "/v1.0/users/delta?$select=id,displayName,department,officeLocation,state,accountEnabled,surname,assignedLicenses,licenseAssignmentStates,manager";

/// A round to its end: its rows, and the link to the next one.
pub(super) async fn round(visit: &Visit, target: &str) -> (Vec<Value>, String) {
    let (mut rows, mut target) = (Vec::new(), target.to_owned());
    loop {
        let mut page = visit.json(&target).await;
        rows.append(page["value"].as_array_mut().unwrap());
        let link = |name: &str| page[name].as_str().map(str::to_owned);
        match (link("@odata.nextLink"), link("@odata.deltaLink")) {
            (Some(next), None) => target = next,
            (None, Some(delta)) => return (rows, delta),
            links => panic!("one link, never both: {links:?}"),
        }
    }
}

/// What a reader holds after rows were merged into it: absent properties stay.
pub(super) fn merge(held: &mut BTreeMap<String, Value>, rows: &[Value]) {
    for row in rows {
        let id = row["id"].as_str().unwrap().to_owned();
        if row.get("@removed").is_some() {
            held.remove(&id);
            continue;
        }
        let object = held
            .entry(id)
            .or_insert_with(|| Value::Object(serde_json::Map::new()));
        for (name, value) in row.as_object().unwrap() {
            object[name.as_str()] = value.clone();
        }
    }
}

/// The users as a list shows them, with what a delta round leaves out left out.
async fn listed(visit: &Visit) -> BTreeMap<String, Value> {
    let select = START
        .split_once("$select=")
        .unwrap()
        .1
        .replace(",manager", "");
    let users = visit
        .all(&format!("/v1.0/users?$select={select}&$top=999"))
        .await;
    users
        .into_iter()
        .map(|mut user| {
            user.as_object_mut()
                .unwrap()
                .retain(|_, value| !value.is_null());
            (user["id"].as_str().unwrap().to_owned(), user)
        })
        .collect()
}

/// Without nulls and managers, to compare with a list.
fn bare(held: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let mut bare = held.clone();
    for user in bare.values_mut() {
        let user = user.as_object_mut().unwrap();
        user.retain(|name, value| !value.is_null() && name != "manager@delta");
    }
    bare
}

#[tokio::test]
async fn rounds_that_are_merged_are_the_list() {
    let visit = Visit::to(300).await;
    visit.microsoft.set_delta_page_rows(40);
    let (rows, mut link) = round(&visit, START).await;
    assert_eq!(rows.len(), 300);
    assert_eq!(visit.microsoft.requests_to("/v1.0/users/delta").len(), 8);
    let mut held = BTreeMap::new();
    merge(&mut held, &rows);
    assert_eq!(bare(&held), listed(&visit).await);
    for turn in 1..5 {
        visit.microsoft.change_users(60, turn);
        visit.microsoft.add_users(7);
        visit.microsoft.remove_users(9);
        visit.microsoft.restore_users(3);
        visit.microsoft.purge_users(1);
        visit.microsoft.change_users(20, turn + 100);
        let (rows, next) = round(&visit, &link).await;
        assert!(rows.len() < 150, "only what changed: {}", rows.len());
        let ids: BTreeSet<&str> = texts(&rows, "/id").into_iter().collect();
        assert!(ids.len() < rows.len(), "some come twice");
        merge(&mut held, &rows);
        assert_eq!(bare(&held), listed(&visit).await, "round {turn}");
        assert_ne!(link, next);
        link = next;
    }
    let (rows, next) = round(&visit, &link).await;
    assert_eq!(rows, Vec::<Value>::new());
    assert_ne!(link, next, "a new link also when nothing changed");
}

#[tokio::test]
async fn what_was_never_set_is_absent_and_what_was_cleared_is_null() {
    let visit = Visit::to(400).await;
    let (rows, link) = round(&visit, START).await;
    let nulls = |rows: &[Value]| {
        let values = rows
            .iter()
            .flat_map(|row| row.as_object().unwrap().values());
        values.filter(|value| value.is_null()).count()
    };
    assert_eq!(nulls(&rows), 0);
    assert!(rows.iter().any(|row| row.get("department").is_none()));
    assert!(rows.iter().any(|row| row.get("state").is_none()));
    visit.microsoft.change_users(300, 1);
    let (rows, _) = round(&visit, &link).await;
    let cleared = rows
        .iter()
        .filter(|row| row.get("state") == Some(&Value::Null));
    assert!(
        cleared.count() > 0,
        "whoever moved to a country without states"
    );
    assert!(rows.iter().any(|row| row.get("state").is_none()));
}

#[tokio::test]
async fn only_changes_of_what_is_selected_are_told() {
    let visit = Visit::to(300).await;
    let latest = async |select: &str| {
        let target = format!("/v1.0/users/delta?$select={select}&$deltatoken=latest");
        let (rows, link) = round(&visit, &target).await;
        assert_eq!(rows, Vec::<Value>::new());
        link
    };
    let enabled = latest("accountEnabled").await;
    let licenses = latest("id,assignedLicenses").await;
    let states = latest("id,licenseAssignmentStates").await;
    let both = latest("assignedLicenses,licenseAssignmentStates").await;
    visit.microsoft.change_assignment_states(50, 1);
    for link in [&enabled, &licenses, &states, &both] {
        assert_eq!(round(&visit, link).await.0, Vec::<Value>::new());
    }
    visit.microsoft.change_users(120, 1);
    let count = async |link: &str| round(&visit, link).await.0.len();
    let (enabled, licenses) = (count(&enabled).await, count(&licenses).await);
    assert!(enabled > 10 && licenses > 10 && enabled + licenses < 120);
    assert_eq!(count(&states).await, 0, "they alone are not followed");
    assert_eq!(count(&both).await, licenses);
}

#[tokio::test]
async fn states_change_on_exactly_the_users_that_are_named() {
    let visit = Visit::to(300).await;
    let target = "/v1.0/users?$select=id,assignedLicenses,licenseAssignmentStates&$top=999";
    let before = visit.all(target).await;
    let seats = visit.microsoft.seats_in_use();
    let mut named = visit.microsoft.change_assignment_states(40, 1);
    let after = visit.all(target).await;
    let mut changed = Vec::new();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before["assignedLicenses"], after["assignedLicenses"]);
        if before != after {
            changed.push(after["id"].as_str().unwrap().to_owned());
        }
    }
    named.sort();
    changed.sort();
    assert_eq!(changed, named);
    assert_eq!(visit.microsoft.seats_in_use(), seats);
}

#[tokio::test]
async fn removed_users_are_named_for_a_while_or_for_good() {
    let visit = Visit::to(300).await;
    let (_, link) = round(&visit, START).await;
    let mut removed = BTreeSet::new();
    for _ in 0..10 {
        removed.extend(visit.microsoft.remove_users(8));
    }
    let (rows, _) = round(&visit, &link).await;
    let (gone, rest): (Vec<Value>, Vec<Value>) = rows
        .into_iter()
        .partition(|row| row.get("@removed").is_some());
    let ids: BTreeSet<String> = texts(&gone, "/id").into_iter().map(str::to_owned).collect();
    assert_eq!(ids, removed);
    let reasons: BTreeSet<&str> = texts(&gone, "/@removed/reason").into_iter().collect();
    assert_eq!(reasons, BTreeSet::from(["changed", "deleted"]));
    assert!(gone.iter().all(|row| row.as_object().unwrap().len() == 2));
    assert!(!rest.is_empty(), "whom they led is told too");
    for row in &rest {
        let manager = &row["manager@delta"][0];
        assert_eq!(manager["@removed"]["reason"], "deleted", "{row}");
        assert!(removed.contains(manager["id"].as_str().unwrap()));
    }
    let (again, _) = round(&visit, START).await;
    let named = again.iter().filter(|row| row.get("@removed").is_some());
    assert_eq!(
        named.count(),
        80,
        "a round from the beginning names them too"
    );
}

#[tokio::test]
async fn who_is_restored_is_told_like_anybody_or_not_at_all() {
    let visit = Visit::to(300).await;
    visit.microsoft.remove_users(30);
    let (_, link) = round(&visit, START).await;
    let restored = visit.microsoft.restore_users(2);
    visit.microsoft.restore_users_untold(2);
    let purged = visit.microsoft.purge_users(2);
    assert_eq!(listed(&visit).await.len(), 300 - 30 + 4);
    let (rows, _) = round(&visit, &link).await;
    let told = texts(&rows, "/id");
    assert!(restored.iter().all(|id| told.contains(&id.as_str())));
    let (gone, there): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row.get("@removed").is_some());
    assert!(there.iter().all(|row| row.get("displayName").is_some()));
    let gone: Vec<_> = gone.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(gone, purged);
}

#[tokio::test]
async fn changes_that_are_held_back_are_told_later() {
    let visit = Visit::to(60).await;
    let (_, link) = round(&visit, START).await;
    visit.microsoft.hold_back_user_changes(true);
    let added = visit.microsoft.add_users(2);
    let (rows, link) = round(&visit, &link).await;
    assert_eq!(rows, Vec::<Value>::new());
    visit.microsoft.hold_back_user_changes(false);
    let (rows, _) = round(&visit, &link).await;
    assert_eq!(texts(&rows, "/id"), added);
}

#[tokio::test]
async fn managers_come_as_a_list_of_one() {
    let visit = Visit::to(60).await;
    let (rows, _) = round(&visit, START).await;
    let listed = visit.all(super::support::USERS).await;
    for (row, user) in rows.iter().zip(&listed) {
        assert_eq!(row["id"], user["id"]);
        assert_eq!(
            row.pointer("/manager@delta/0/id"),
            user.pointer("/manager/id"),
            "{row}"
        );
        assert_eq!(row.get("manager"), None);
    }
    let (plain, _) = round(&visit, "/v1.0/users/delta").await;
    assert!(plain.iter().all(|row| row.get("manager@delta").is_none()));
    assert!(plain.iter().all(|row| row.get("displayName").is_some()));
}

#[tokio::test]
async fn a_minimal_answer_has_only_what_is_different() {
    let visit = Visit::to(300).await;
    let (_, link) = round(&visit, START).await;
    visit.microsoft.change_users(60, 1);
    let full = visit.json(&link).await;
    let minimal = visit.plain(&link).header("Prefer", "return=minimal");
    let minimal: Value = minimal.send().await.unwrap().json().await.unwrap();
    let rows = |page: &Value| page["value"].as_array().unwrap().clone();
    assert_eq!(rows(&full).len(), rows(&minimal).len());
    for (full, minimal) in rows(&full).iter().zip(rows(&minimal)) {
        let minimal = minimal.as_object().unwrap();
        assert!((2..6).contains(&minimal.len()), "{minimal:?}");
        assert!(minimal.iter().all(|(name, value)| full[name] == *value));
    }
}

#[tokio::test]
async fn what_rounds_do_not_support_is_refused() {
    let visit = Visit::to(30).await;
    for option in [
        "$top=5",
        "$expand=manager",
        "$orderby=id",
        "$search=x",
        "$count=true",
        "$skip=1",
    ] {
        let target = format!("/v1.0/users/delta?{option}");
        assert_eq!(visit.refusal(&target).await.0, 400, "{option}");
    }
    let refused = visit
        .get("/v1.0/users/delta?$select=id,signInActivity")
        .await;
    assert_eq!(refused.status(), 400);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "BadRequest");
    let words = "Invalid request for delta query: for this entity set, $expand/$select is not supported for the following properties: signInActivity";
    assert_eq!(body["error"]["message"], words);
    assert_eq!(
        visit.refusal("/v1.0/users/delta?$select=skills").await.0,
        501
    );
    assert_eq!(
        visit.refusal("/v1.0/users/delta?$deltatoken=abc").await.0,
        400
    );
    let (_, groups) = round(&visit, "/v1.0/groups/delta?$deltatoken=latest").await;
    let foreign = groups.replace("/groups/", "/users/");
    assert_eq!(
        visit.refusal(&foreign).await.0,
        400,
        "a token of another collection"
    );
    visit.microsoft.set_b2c(true);
    let body: Value = visit.get(START).await.json().await.unwrap();
    assert_eq!(
        body["error"]["message"],
        "Change enumeration is not supported."
    );
}

#[tokio::test]
async fn a_round_can_be_about_some_users_only() {
    let visit = Visit::to(60).await;
    let users = visit.all("/v1.0/users?$select=id").await;
    let ids = [
        users[5]["id"].as_str().unwrap(),
        users[50]["id"].as_str().unwrap(),
    ];
    let filter = format!("id eq '{}' or id eq '{}'", ids[0], ids[1]);
    let target = format!("/v1.0/users/delta?$select=accountEnabled&$filter={filter}");
    let (rows, link) = round(&visit, &target).await;
    assert_eq!(texts(&rows, "/id"), ids);
    visit.microsoft.remove_users(57);
    let (rows, _) = round(&visit, &link).await;
    assert_eq!(rows.len(), 2);
    let refused = visit
        .refusal("/v1.0/users/delta?$filter=userType eq 'Guest'")
        .await;
    assert_eq!(refused.0, 400);
}

#[tokio::test]
async fn tokens_end_as_they_are_told_to() {
    let visit = Visit::to(30).await;
    for (end, status, code) in [
        (DeltaEnd::Gone410WithLocation, 410, "SyncStateNotFound"),
        (DeltaEnd::SyncStateNotFound400, 400, "SyncStateNotFound"),
        (DeltaEnd::BadRequest400, 400, "BadRequest"),
    ] {
        let (_, link) = round(&visit, START).await;
        assert_eq!(visit.get(&link).await.status(), 200);
        visit.microsoft.expire_delta_tokens(end);
        let answer = visit.get(&link).await;
        let location = answer.headers().get("location").cloned();
        let refusal = super::support::refusal_of(answer).await;
        assert_eq!(refusal, (status, code.to_owned()));
        assert_eq!(location.is_some(), status == 410);
        if let Some(location) = location {
            let (rows, _) = round(&visit, location.to_str().unwrap()).await;
            assert_eq!(rows.len(), 30, "everything anew");
            assert!(
                rows[2].get("manager@delta").is_some(),
                "of what was selected"
            );
        }
    }
}

#[tokio::test]
async fn tokens_live_for_seven_days() {
    let now = Arc::new(AtomicI64::new(1_795_000_000));
    let clock = Arc::clone(&now);
    let mut visit = Visit::with(Settings {
        users: 30,
        now: Some(Arc::new(move || {
            jiff::Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap()
        })),
        ..Settings::default()
    })
    .await;
    let (_, link) = round(&visit, START).await;
    now.fetch_add(7 * 86_400 - 60, Ordering::SeqCst);
    visit.token = visit.application_token().await;
    assert_eq!(visit.get(&link).await.status(), 200);
    now.fetch_add(120, Ordering::SeqCst);
    assert_eq!(visit.get(&link).await.status(), 410);
}

#[tokio::test]
async fn an_empty_page_is_followed_to_the_rows() {
    let visit = Visit::to(30).await;
    let (_, link) = round(&visit, START).await;
    for target in [START, &link] {
        visit.microsoft.clear_faults();
        let fault = Fault::on("/v1.0/users/delta").first(2).empty_page();
        visit.microsoft.fault(fault);
        visit.microsoft.clear_requests();
        let (rows, _) = round(&visit, target).await;
        assert_eq!(rows.len(), if target == START { 30 } else { 0 });
        assert_eq!(visit.microsoft.requests().len(), 3);
    }
}
