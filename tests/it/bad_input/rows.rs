//! Rows that cannot be read cost themselves only, and nobody is gone by one.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::asking::walk;
use crate::support::people::{People, SERVED, difference, served_in, told_by};

/// Poisons the row of that number, which has its id in a field of this name.
type Poison = fn(FaultPoint, usize, &str) -> Fault;

const POISON: [(&str, Poison); 9] = [
    ("a number for a text", |at, row, _| {
        at.wrong_type_in_row(row)
    }),
    ("no id", |at, row, _| at.null_id_in_row(row)),
    (OF_ANOTHER, |at, row, _| at.duplicate_id_in_row(row)),
    ("ten megabytes", |at, row, _| {
        at.huge_text_in_row(row, 10_000_000)
    }),
    (REMOVED, |at, row, _| at.removed_row(row)),
    ("no object", |at, row, _| at.no_object_in_row(row)),
    ("a hundred thousand lists", |at, row, _| {
        at.deep_nesting_in_row(row, 100_000)
    }),
    ("an infinite number", |at, row, id| {
        at.raw_in_row(row, id, "1e400")
    }),
    ("an object for an id", |at, row, id| {
        at.raw_in_row(row, id, r#"{"a":[1]}"#)
    }),
];

const OF_ANOTHER: &str = "the id of another";
const REMOVED: &str = "removed";

#[tokio::test]
async fn a_poisoned_row_is_left_out_and_counted_and_nobody_is_gone_by_it() {
    let server = synced().await;
    let before = served(&server).await;
    for (poison, strike) in POISON {
        let struck = [
            (USERS, 7, "id"),
            (LICENSES, 3, "skuId"),
            (SUBSCRIPTIONS, 5, "id"),
        ];
        let struck = struck.map(|(path, row, id)| strike(Fault::at(path), row, id));
        let run = whole_run_with(&server, struck).await;
        assert_eq!(run["state"], "COMPLETE", "{poison}: {run}");
        for name in ["USERS", "LICENSES", "SUBSCRIPTIONS"] {
            assert_eq!(
                dataset(&run, name)["quarantinedRows"],
                1,
                "{name}: {poison}"
            );
        }
        check_served(&server, &before, poison).await;
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_read_is_not_missed() {
    let server = synced().await;
    let microsoft = server.microsoft();
    // Two rows of one user, and one that says that a user is gone, are what changes may well be.
    let poison = POISON.into_iter();
    let poison = poison.filter(|(poison, _)| ![OF_ANOTHER, REMOVED].contains(poison));
    for (round, (poison, strike)) in (1..).zip(poison) {
        microsoft.change_users(6, round);
        let run = run_with(&server, [strike(Fault::at(USER_CHANGES), 2, "id")]).await;
        assert_eq!(run["state"], "COMPLETE", "{poison}: {run}");
        let told = told_by(microsoft).await;
        let served = served_people(&server).await;
        assert!(difference(&told, &served).is_empty(), "{poison}");
    }
}

async fn served_people(server: &Server) -> People {
    let tenant = json!({"tenant": server.tenant_id().await});
    served_in(&server.query(SERVED, tenant).await)
}

#[tokio::test]
async fn too_many_poisoned_rows_are_not_believed() {
    let server = synced().await;
    let before = served(&server).await;
    let nameless = |page: &mut Value| {
        for row in page["value"].as_array_mut().unwrap().iter_mut().take(4) {
            row["id"] = Value::Null;
            row["skuId"] = Value::Null;
        }
    };
    let run = run_with(&server, [Fault::at(SUBSCRIPTIONS).rewrite(nameless)]).await;
    assert_eq!(run["state"], "PARTIAL");
    check_failed(&run, "SUBSCRIPTIONS", "QUARANTINE", "4 of ");
    assert_eq!(dataset(&run, "SUBSCRIPTIONS")["quarantinedRows"], 4);
    for (path, name) in [(LICENSES, "LICENSES"), (USERS, "USERS")] {
        let run = whole_run_with(&server, [Fault::at(path).rewrite(nameless)]).await;
        assert_eq!(run["state"], "FAILED");
        check_failed(&run, name, "QUARANTINE", "is missing");
        check_served(&server, &before, name).await;
    }
}

#[tokio::test]
async fn a_word_that_nobody_knows_yet_is_served_as_unknown() {
    let server = synced().await;
    let struck = [USERS, LICENSES].map(|path| Fault::at(path).unknown_enum_in_row(4));
    let run = whole_run_with(&server, struck).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    for name in ["USERS", "LICENSES"] {
        assert_eq!(dataset(&run, name)["quarantinedRows"], 0, "{name}");
    }
    let unknown = server
        .data("{users(filter: {userType: {eq: UNKNOWN}}, first: 5) {nodes {userType licenses {state}}}
            licenses(first: 100) {nodes {status}}}")
        .await;
    let users = unknown["users"]["nodes"].as_array().unwrap();
    assert_eq!(users.len(), 1);
    let licenses = unknown["licenses"]["nodes"].as_array().unwrap();
    let hibernating = licenses.iter().filter(|one| one["status"] == "Hibernating");
    assert_eq!(hibernating.count(), 1);
    assert_eq!(server.user_count().await, server.microsoft().user_count());
}

/// What Microsoft says of a name, as JSON; how it is shown; and another way of writing the same.
const NAMES: [(&str, &str, &str); 12] = [
    (r#""Ed \ud83d""#, "Ed \u{fffd}", "ED \u{fffd}"),
    (r#""Zoe\u0000\u0007 Nul""#, "Zoe Nul", "ZOE NUL"),
    (r#""Ann \u202egnp.exe""#, "Ann gnp.exe", "ann GNP.exe"),
    (
        r#""\u2066Isa\u2069 Isolated""#,
        "Isa Isolated",
        "isa isolated",
    ),
    (
        r#""\u0130lker I\u015f\u0131k""#,
        "İlker Işık",
        "I\u{307}LKER i\u{15f}ık",
    ),
    (r#""Stra\u00dfer""#, "Straßer", "STRASSER"),
    (r#""Ame\u0301lie""#, "Ame\u{301}lie", "AM\u{c9}LIE"),
    (r#""No\u00e9mie""#, "Noémie", "Noe\u{301}mie"),
    (r#""\ud83e\udd80 Crab""#, "🦀 Crab", "🦀 CRAB"),
    (
        r#""\u05d3\u05d5\u05d3 \u0643\u0631\u064a\u0645""#,
        "דוד كريم",
        "דוד كريم",
    ),
    (r#""\ufb01nn""#, "\u{fb01}nn", "FINN"),
    (
        r#""q\u0301\u0323\u0301\u0323""#,
        "q\u{301}\u{323}\u{301}\u{323}",
        "Q\u{323}\u{323}\u{301}\u{301}",
    ),
];

#[tokio::test]
async fn names_of_all_scripts_and_of_none_are_shown_found_and_sorted() {
    let server = synced().await;
    let names = NAMES.map(|(json, ..)| format!("\"displayName\":{json}"));
    let rename = move |body: &mut Vec<u8>| {
        // As bytes: not all of these texts are such that a tree of JSON could hold them.
        let mut text = String::from_utf8(std::mem::take(body)).unwrap();
        let mut from = 0;
        for name in &names {
            let start = from + text[from..].find("\"displayName\":").unwrap();
            let length = text[start..].find(",\"").unwrap();
            text.replace_range(start..start + length, name);
            from = start + name.len();
        }
        *body = text.into_bytes();
    };
    let run = whole_run_with(&server, [Fault::at(USERS).rewrite_bytes(rename)]).await;
    assert_eq!(run["state"], "COMPLETE", "{run}");
    assert_eq!(dataset(&run, "USERS")["quarantinedRows"], 0);
    assert_eq!(server.user_count().await, server.microsoft().user_count());
    let find = "query ($filter: UserFilter, $search: String) {
        users(filter: $filter, search: $search, first: 100) {nodes {displayName}}}";
    for (json, shown, other) in NAMES {
        for asked in [
            json!({"filter": {"displayName": {"eq": other}}}),
            json!({"search": other}),
        ] {
            let answer = server.query(find, asked.clone()).await;
            assert_eq!(answer.get("errors"), None, "{json}");
            let found = answer["data"]["users"]["nodes"].as_array().unwrap();
            let is_shown = |user: &Value| user["displayName"] == shown;
            assert!(found.iter().any(is_shown), "{json} by {asked}: {found:?}");
        }
    }
    // A total order, walked page by page: everybody once.
    let order = json!([{"field": "DISPLAY_NAME", "direction": "ASC"}]);
    for is_backward in [false, true] {
        let walked = walk(&server, order.clone(), 50, is_backward).await;
        let ids = walked.iter().map(|user| user["objectId"].to_string());
        let ids: BTreeSet<_> = ids.collect();
        assert_eq!(ids.len() as u64, server.microsoft().user_count());
    }
}
