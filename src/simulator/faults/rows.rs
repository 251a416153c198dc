//! One poisoned row in a page.

use serde_json::Value;
use serde_json::json;

/// What is wrong with the row.
#[derive(Debug, Clone)]
pub(super) enum RowFault {
    WrongType,
    NullId,
    DuplicateId,
    HugeText(usize),
    UnknownEnum,
    Removed,
    NoObject,
    DeepNesting(usize),
    Raw { field: String, json: String },
}

/// Stands in a text for what is put in afterwards: a tree of JSON cannot hold it.
const PLACE: &str = "--- here ---";

/// Poisons row `row` of the page; returns the page as text.
pub(super) fn poisoned(mut page: Value, row: usize, fault: &RowFault) -> String {
    let Some(rows) = page["value"].as_array_mut().filter(|rows| !rows.is_empty()) else {
        return page.to_string();
    };
    let at = row % rows.len();
    let neighbor = if at == 0 { 1 % rows.len() } else { at - 1 };
    let other = rows.get(neighbor).cloned().unwrap_or_default();
    let Some(row) = rows.get_mut(at) else {
        return page.to_string();
    };
    let is_user = row.get("userPrincipalName").is_some() || row.get("skuId").is_none();
    let (key, name) = if is_user {
        ("userPrincipalName", "displayName")
    } else {
        ("skuId", "skuPartNumber")
    };
    let mut raw = None;
    match fault {
        RowFault::WrongType => row[key] = json!(42),
        RowFault::NullId => {
            row["id"] = Value::Null;
            if !is_user {
                row["skuId"] = Value::Null;
            }
        }
        RowFault::DuplicateId => {
            row["id"] = other["id"].clone();
            if !is_user {
                row["skuId"] = other["skuId"].clone();
            }
        }
        RowFault::HugeText(bytes) => row[name] = json!("x".repeat(*bytes)),
        RowFault::UnknownEnum if is_user => {
            row["userType"] = json!("Hologram");
            if let Some(state) = row.pointer_mut("/licenseAssignmentStates/0/state") {
                *state = json!("Dreaming");
            }
        }
        RowFault::UnknownEnum => {
            row["capabilityStatus"] = json!("Hibernating");
            row["appliesTo"] = json!("Planet");
        }
        RowFault::Removed => *row = json!({"id": row["id"], "@removed": {"reason": "changed"}}),
        RowFault::NoObject => *row = json!("row"),
        RowFault::DeepNesting(depth) => {
            row[name] = json!(PLACE);
            raw = Some("[".repeat(*depth) + &"]".repeat(*depth));
        }
        RowFault::Raw { field, json } => {
            row[field.as_str()] = json!(PLACE);
            raw = Some(json.clone());
        }
    }
    let text = page.to_string();
    match raw {
        Some(raw) => text.replacen(&format!("\"{PLACE}\""), &raw, 1),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_page() -> Value {
        json!({"value": [
            {"id": "a", "userPrincipalName": "a@b.c", "displayName": "A", "licenseAssignmentStates": [{"state": "Active"}]},
            {"id": "b", "userPrincipalName": "b@b.c", "displayName": "B", "licenseAssignmentStates": []},
        ]})
    }

    fn sku_page() -> Value {
        json!({"value": [{"id": "t_1", "skuId": "1", "skuPartNumber": "X"}, {"id": "t_2", "skuId": "2", "skuPartNumber": "Y"}]})
    }

    #[test]
    fn only_the_row_that_was_named_is_poisoned() {
        let check =
            |page: fn() -> Value, row: usize, fault: RowFault, at: &str, expected: Value| {
                let poisoned: Value = serde_json::from_str(&poisoned(page(), row, &fault)).unwrap();
                assert_eq!(poisoned.pointer(at), Some(&expected), "{fault:?}");
                let other = 1 - row % 2;
                assert_eq!(
                    poisoned["value"][other],
                    page()["value"][other],
                    "{fault:?}"
                );
            };
        check(
            user_page,
            1,
            RowFault::WrongType,
            "/value/1/userPrincipalName",
            json!(42),
        );
        check(
            user_page,
            3,
            RowFault::WrongType,
            "/value/1/userPrincipalName",
            json!(42),
        );
        check(
            sku_page,
            0,
            RowFault::WrongType,
            "/value/0/skuId",
            json!(42),
        );
        check(user_page, 0, RowFault::NullId, "/value/0/id", Value::Null);
        check(sku_page, 0, RowFault::NullId, "/value/0/skuId", Value::Null);
        check(
            user_page,
            0,
            RowFault::DuplicateId,
            "/value/0/id",
            json!("b"),
        );
        check(
            user_page,
            1,
            RowFault::DuplicateId,
            "/value/1/id",
            json!("a"),
        );
        check(
            sku_page,
            1,
            RowFault::DuplicateId,
            "/value/1/skuId",
            json!("1"),
        );
        check(
            user_page,
            0,
            RowFault::HugeText(3),
            "/value/0/displayName",
            json!("xxx"),
        );
        check(
            user_page,
            0,
            RowFault::UnknownEnum,
            "/value/0/licenseAssignmentStates/0/state",
            json!("Dreaming"),
        );
        check(
            user_page,
            1,
            RowFault::UnknownEnum,
            "/value/1/userType",
            json!("Hologram"),
        );
        check(
            sku_page,
            1,
            RowFault::UnknownEnum,
            "/value/1/appliesTo",
            json!("Planet"),
        );
        check(
            user_page,
            1,
            RowFault::Removed,
            "/value/1/@removed/reason",
            json!("changed"),
        );
        check(user_page, 1, RowFault::NoObject, "/value/1", json!("row"));
        check(
            user_page,
            1,
            RowFault::DeepNesting(2),
            "/value/1/displayName",
            json!([[]]),
        );
        let raw = RowFault::Raw {
            field: "mail".to_owned(),
            json: "true".to_owned(),
        };
        check(user_page, 1, raw, "/value/1/mail", json!(true));
    }

    #[test]
    fn a_page_without_rows_stays_as_it_is() {
        assert_eq!(
            poisoned(json!({"value": []}), 0, &RowFault::NoObject),
            "{\"value\":[]}"
        );
    }
}
