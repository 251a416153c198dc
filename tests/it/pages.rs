//! Orders, pages and cursors.

use std::collections::BTreeSet;

use serde_json::json;

use crate::asking::{PAGE, list, page, refusal, sentences, text, walk};
use crate::support::Server;

sentences! { of one demo:
    pages_in_both_directions_cover_everybody_once_in_order
    absent_values_come_last_whichever_the_direction
    a_page_out_of_bounds_is_refused
    a_cursor_that_was_forged_or_is_used_elsewhere_is_refused
    an_empty_page_has_no_cursors
}

async fn pages_in_both_directions_cover_everybody_once_in_order(server: &Server) {
    let orders = [
        json!(null),
        json!([{"field": "DISPLAY_NAME", "direction": "DESC"}]),
        json!([{"field": "USER_PRINCIPAL_NAME"}]),
        json!([{"field": "DEPARTMENT"}, {"field": "CREATED_AT", "direction": "DESC"}]),
        json!([{"field": "LICENSE_COUNT", "direction": "DESC"}]),
    ];
    for order in orders {
        let forward = walk(server, order.clone(), 333, false).await;
        let backward = walk(server, order.clone(), 271, true).await;
        assert_eq!(forward, backward, "{order}");
        let ids: BTreeSet<String> = forward.iter().map(|user| text(&user["id"])).collect();
        assert_eq!(ids.len(), forward.len(), "{order}");
    }
    let by_licenses = json!([{"field": "LICENSE_COUNT", "direction": "DESC"}]);
    let sorted = walk(server, by_licenses, 500, false).await;
    assert!(sorted.is_sorted_by_key(|user| std::cmp::Reverse(list(&user["licenseNames"]).len())));
}

async fn absent_values_come_last_whichever_the_direction(server: &Server) {
    for direction in ["ASC", "DESC"] {
        let order = json!([{"field": "DEPARTMENT", "direction": direction}]);
        let users = walk(server, order, 500, false).await;
        let departments = users
            .iter()
            .map(|user| user["department"].as_str().map(str::to_lowercase));
        let (present, absent): (Vec<_>, Vec<_>) = departments.clone().partition(Option::is_some);
        assert!(!present.is_empty() && !absent.is_empty());
        assert!(
            departments
                .skip(present.len())
                .all(|department| department.is_none())
        );
        let is_sorted = match direction {
            "ASC" => present.is_sorted(),
            _ => present.iter().rev().is_sorted(),
        };
        assert!(is_sorted, "{direction}");
    }
}

async fn a_page_out_of_bounds_is_refused(server: &Server) {
    let out_of_bounds = [
        json!({"first": 0}),
        json!({"first": -1}),
        json!({"first": 501}),
        json!({"last": 0}),
        json!({"last": 501}),
        json!({"first": 1, "last": 1}),
    ];
    for arguments in out_of_bounds {
        assert_eq!(
            refusal(server, PAGE, arguments.clone()).await,
            "BAD_INPUT",
            "{arguments}"
        );
    }
    assert_eq!(list(&page(server, json!({})).await["nodes"]).len(), 50);
    assert_eq!(
        list(&page(server, json!({"first": 500})).await["nodes"]).len(),
        500
    );
}

async fn a_cursor_that_was_forged_or_is_used_elsewhere_is_refused(server: &Server) {
    let by_name = page(server, json!({"first": 1})).await;
    let cursor = text(&by_name["pageInfo"]["endCursor"]);
    assert_eq!(by_name["edges"][0]["cursor"], cursor);
    assert_eq!(
        page(server, json!({"first": 1})).await["pageInfo"]["endCursor"],
        cursor
    );
    let mut forged = cursor.clone().into_bytes();
    forged[20] = if forged[20] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let mail = json!([{"field": "USER_PRINCIPAL_NAME"}]);
    let refused = [
        json!({"after": forged}),
        json!({"before": forged}),
        json!({"after": ""}),
        json!({"after": "1"}),
        json!({"after": cursor, "orderBy": mail}),
    ];
    for arguments in refused {
        assert_eq!(
            refusal(server, PAGE, arguments.clone()).await,
            "BAD_INPUT",
            "{arguments}"
        );
    }
    let elsewhere = "query ($after: String) {licenses(after: $after) {totalCount}}";
    assert_eq!(
        refusal(server, elsewhere, json!({"after": cursor})).await,
        "BAD_INPUT"
    );
}

async fn an_empty_page_has_no_cursors(server: &Server) {
    let nobody = page(server, json!({"filter": {"or": []}})).await;
    let expected = json!({
        "totalCount": 0,
        "pageInfo": {"hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null},
        "edges": [],
        "nodes": [],
    });
    assert_eq!(nobody, expected);
}
