use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::domain::sign_in::SignInActivity;
use crate::domain::subscription::Subscription;
use crate::msgraph::directory::changes::Change;
use crate::msgraph::directory::{GroupLicenses, GroupPatch, UserAssignments, UserPatch};
use crate::msgraph::paging::{Key, Row, decode};
use crate::msgraph::users::Listed;
use crate::msgraph::wire::Envelope;

/// A text that no reason may repeat.
const SECRET: &str = "ann.lee.secret";

/// One row of each kind, all properties in one object: each kind reads its own.
fn row() -> Value {
    json!({
        "id": ANN, "userPrincipalName": SECRET, "displayName": SECRET, "mail": SECRET,
        "accountEnabled": true, "userType": "Member", "createdDateTime": "2020-03-13T19:15:41Z",
        "assignedLicenses": [{"skuId": E3, "disabledPlans": [CAT]}],
        "licenseAssignmentStates": [{"skuId": E3, "state": "Active", "assignedByGroup": SALES}],
        "manager@delta": [{"@odata.type": USER, "id": BEN}],
        "members@delta": [{"@odata.type": USER, "id": BEN}, {"id": CAT, "@removed": {"reason": "deleted"}}],
        "groupTypes": ["Unified"], "onPremisesSyncEnabled": null,
        "signInActivity": {"lastSignInDateTime": "2026-03-13T19:15:41Z", "lastSuccessfulSignInDateTime": ""},
        "skuId": E5, "skuPartNumber": "SPE_E5", "status": "Enabled", "totalLicenses": 25,
        "isTrial": false, "nextLifecycleDateTime": null,
    })
}

fn any_property() -> impl Strategy<Value = String> + Clone {
    let mut names: Vec<String> = row().as_object().unwrap().keys().cloned().collect();
    let inner = [
        "@removed",
        "@odata.type",
        "disabledPlans",
        "state",
        "reason",
        "lastSignInDateTime",
        "x",
    ];
    names.extend(inner.map(str::to_owned));
    proptest::sample::select(names)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!(BEN)),
        Just(json!("0001-01-01T00:00:00Z")),
        Just(json!(USER)),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((any_property(), inner), 0..4)
                .prop_map(|pairs| Value::Object(Map::from_iter(pairs))),
        ]
    })
}

/// A page of rows, each with some properties replaced.
fn any_page() -> impl Strategy<Value = Vec<Value>> {
    let changes = proptest::collection::vec((any_property(), any_json()), 0..4);
    let mutated = changes.prop_map(|changes| {
        let mut row = row();
        for (property, value) in changes {
            row[property] = value;
        }
        row
    });
    proptest::collection::vec(prop_oneof![4 => mutated, 1 => any_json()], 0..5)
}

/// Every row is read as what it says, or is counted with a reason that tells nothing of it.
fn check<T: Row>(body: &str, sent: &[Value]) -> Result<(), TestCaseError> {
    let envelope = Envelope::read(body).unwrap();
    let page = decode::<T>(body, &envelope.rows(body));
    prop_assert_eq!(page.rows.len() + page.quarantined.len(), sent.len());
    let ids: Vec<Key> = sent
        .iter()
        .filter_map(|row| uuid::Uuid::try_parse(row["id"].as_str()?.trim()).ok())
        .map(Key::Id)
        .collect();
    for row in &page.rows {
        prop_assert!(ids.contains(&row.key()));
    }
    for row in &page.quarantined {
        prop_assert!(
            row.reason.len() < 120 && !row.reason.contains(SECRET),
            "{}",
            row.reason
        );
        prop_assert!(!row.reason.contains(BEN), "{}", row.reason);
        prop_assert!(row.id.is_none_or(|id| ids.contains(&Key::Id(id))));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn each_row_of_a_mutated_page_is_read_or_quarantined(sent in any_page()) {
        let body = json!({"value": sent}).to_string();
        check::<Change<UserPatch>>(&body, &sent)?;
        check::<Change<GroupPatch>>(&body, &sent)?;
        check::<Listed<UserAssignments>>(&body, &sent)?;
        check::<GroupLicenses>(&body, &sent)?;
        check::<Listed<SignInActivity>>(&body, &sent)?;
        check::<Subscription>(&body, &sent)?;
    }

    /// Whatever comes is applied without a panic, to the same user, whose licenses stay in order.
    #[test]
    fn a_mutated_patch_leaves_a_sound_user(first in any_page(), second in any_page()) {
        let mut held = None;
        for row in first.iter().chain(&second) {
            if let Ok(Change::Changed(patch)) = Change::<UserPatch>::read(&row.to_string()) {
                let id = patch.object_id;
                let next = patch.apply(held.take_if(|user: &mut crate::domain::user::User| user.object_id == id));
                if let Some(user) = &next {
                    prop_assert_eq!(user.object_id, id);
                    let products: Vec<_> = user.assignments.iter().map(|one| one.sku_id).collect();
                    prop_assert!(products.is_sorted_by(|left, right| left < right));
                }
                held = next;
            }
        }
    }

    /// Bytes that are no JSON at all do not panic either.
    #[test]
    fn a_damaged_row_never_panics(at in 0_usize..900, byte in any::<u8>(), cut in 1_usize..1_200) {
        let mut bytes = row().to_string().into_bytes();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(cut);
        let text = String::from_utf8_lossy(&bytes);
        let _ = Change::<UserPatch>::read(&text);
        let _ = Change::<GroupPatch>::read(&text);
        let _ = SignInActivity::read(&text);
        let _ = Subscription::read(&text);
    }
}
