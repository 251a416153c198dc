//! Filters and search: every field and operator selects whom it should.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::asking::{
    COUNT, count, data, everybody, list, number, object, refusal, sentences, text,
};
use crate::support::Server;

sentences! { of one demo:
    the_mission_query_answers_with_exactly_those_it_asks_for
    every_operator_on_every_text_selects_whom_it_should
    flags_and_user_types_split_the_users
    lists_of_licenses_select_whom_they_should
    instants_split_the_users_at_their_bound
    a_tenant_is_selected_by_its_id
    and_or_and_not_obey_the_laws_of_logic
    filters_nest_five_deep
    a_search_finds_the_beginnings_of_words
}

/// A condition on a text, and the folded texts that it should hold for.
type TextCase<'a> = (Value, Box<dyn Fn(Option<&str>) -> bool + 'a>);

/// A condition on a list, and the lists that it should hold for.
type ListCase<'a> = (Value, Box<dyn Fn(&[Value]) -> bool + 'a>);

async fn the_mission_query_answers_with_exactly_those_it_asks_for(server: &Server) {
    let document = r#"{
        users(filter: {department: {eq: "Sales"}, isResourceAccount: false,
            licenseNames: {hasSome: ["Microsoft 365 E3"]}, userType: {eq: MEMBER}}, first: 50) {
            totalCount nodes {id displayName department licenseNames licenseValues userType}
        }
    }"#;
    let users = data(server, document, json!({})).await["users"].clone();
    let has_e3 = |user: &Value| list(&user["licenseNames"]).contains(&json!("Microsoft 365 E3"));
    let expected: BTreeSet<String> = everybody(server)
        .await
        .iter()
        .filter(|user| user["department"] == "Sales" && user["userType"] == "MEMBER")
        .filter(|user| user["isResourceAccount"] == false && has_e3(user))
        .map(|user| text(&user["id"]))
        .collect();
    assert!(!expected.is_empty(), "the demo has nobody in Sales on E3");
    assert_eq!(number(&users["totalCount"]), expected.len());
    let nodes = list(&users["nodes"]);
    assert_eq!(nodes.len(), expected.len().min(50));
    assert!(
        nodes
            .iter()
            .all(|user| expected.contains(&text(&user["id"])))
    );
    assert!(
        nodes
            .iter()
            .all(|user| list(&user["licenseValues"]).contains(&json!("SPE_E3")))
    );
}

const TEXTS: [&str; 11] = [
    "department",
    "userPrincipalName",
    "displayName",
    "mail",
    "employeeId",
    "jobTitle",
    "companyName",
    "officeLocation",
    "country",
    "usageLocation",
    "employeeType",
];

async fn every_operator_on_every_text_selects_whom_it_should(server: &Server) {
    let users = everybody(server).await;
    for field in TEXTS {
        let folded = |user: &Value| user[field].as_str().map(|text| text.trim().to_lowercase());
        // An ASCII value: for others, lower case is not all there is to folding.
        let sample = users
            .iter()
            .filter_map(folded)
            .find(|text| text.is_ascii() && text.len() >= 2);
        let sample = sample.unwrap_or_else(|| panic!("nobody has a {field}"));
        let (start, inner) = (sample[..2].trim(), sample[1..].trim());
        let cases: [TextCase<'_>; 9] = [
            (
                json!({"eq": format!(" {} ", sample.to_uppercase())}),
                Box::new(|value| value == Some(&sample)),
            ),
            (
                json!({"ne": sample}),
                Box::new(|value| value != Some(&sample)),
            ),
            (
                json!({"in": [sample, "nobody has this"]}),
                Box::new(|value| value == Some(&sample)),
            ),
            (json!({"in": []}), Box::new(|_| false)),
            (
                json!({"notIn": [sample]}),
                Box::new(|value| value != Some(&sample)),
            ),
            (
                json!({"contains": inner}),
                Box::new(|value| value.is_some_and(|value| value.contains(inner))),
            ),
            (
                json!({"startsWith": start}),
                Box::new(|value| value.is_some_and(|value| value.starts_with(start))),
            ),
            (json!({"isNull": true}), Box::new(|value| value.is_none())),
            (
                json!({"isNull": false, "ne": sample}),
                Box::new(|value| value.is_some_and(|value| value != sample)),
            ),
        ];
        for (condition, holds) in cases {
            let expected = users
                .iter()
                .filter(|user| holds(folded(user).as_deref()))
                .count();
            let filter = object(field, condition);
            assert_eq!(count(server, filter.clone()).await, expected, "{filter}");
        }
    }
}

async fn flags_and_user_types_split_the_users(server: &Server) {
    let users = everybody(server).await;
    let expected =
        |field: &str, value: Value| users.iter().filter(|user| user[field] == value).count();
    for field in [
        "isResourceAccount",
        "accountEnabled",
        "isSyncedFromOnPremises",
    ] {
        for is in [true, false] {
            let selected = count(server, object(field, json!(is))).await;
            assert_eq!(selected, expected(field, json!(is)), "{field}: {is}");
        }
    }
    let guests = expected("userType", json!("GUEST"));
    let members = expected("userType", json!("MEMBER"));
    assert!(guests > 0 && members > 0);
    let selected = |condition| count(server, json!({"userType": condition}));
    assert_eq!(selected(json!({"eq": "GUEST"})).await, guests);
    assert_eq!(selected(json!({"ne": "GUEST"})).await, users.len() - guests);
    assert_eq!(
        selected(json!({"in": ["GUEST", "MEMBER"]})).await,
        guests + members
    );
    assert_eq!(
        selected(json!({"notIn": ["GUEST", "MEMBER"]})).await,
        users.len() - guests - members
    );
    assert_eq!(selected(json!({"in": []})).await, 0);
}

async fn lists_of_licenses_select_whom_they_should(server: &Server) {
    let users = everybody(server).await;
    for field in ["licenseNames", "licenseValues"] {
        let several = users.iter().find(|user| list(&user[field]).len() >= 2);
        let several = list(&several.expect("nobody has two licenses")[field]);
        let (one, other) = (&several[0], &several[1]);
        let cases: [ListCase<'_>; 8] = [
            (
                json!({"has": text(one).to_uppercase()}),
                Box::new(|held| held.contains(one)),
            ),
            (
                json!({"hasSome": [one, other]}),
                Box::new(|held| held.contains(one) || held.contains(other)),
            ),
            (json!({"hasSome": []}), Box::new(|_| false)),
            (
                json!({"hasEvery": [one, other]}),
                Box::new(|held| held.contains(one) && held.contains(other)),
            ),
            (
                json!({"hasNone": [one, other]}),
                Box::new(|held| !held.contains(one) && !held.contains(other)),
            ),
            (json!({"hasNone": []}), Box::new(|_| true)),
            (json!({"isEmpty": true}), Box::new(<[Value]>::is_empty)),
            (
                json!({"isEmpty": false, "hasNone": [one]}),
                Box::new(|held| !held.is_empty() && !held.contains(one)),
            ),
        ];
        for (condition, holds) in cases {
            let expected = users
                .iter()
                .filter(|user| holds(list(&user[field])))
                .count();
            let filter = object(field, condition);
            assert_eq!(count(server, filter.clone()).await, expected, "{filter}");
        }
    }
}

async fn instants_split_the_users_at_their_bound(server: &Server) {
    let users = everybody(server).await;
    let mut instants: Vec<&str> = users
        .iter()
        .filter_map(|user| user["createdAt"].as_str())
        .collect();
    instants.sort_unstable();
    let bound = instants[instants.len() / 2];
    let selected = |condition| count(server, json!({"createdAt": condition}));
    let before = instants.iter().filter(|instant| **instant < bound).count();
    let at = instants.iter().filter(|instant| **instant == bound).count();
    assert_eq!(selected(json!({"lt": bound})).await, before);
    assert_eq!(selected(json!({"lte": bound})).await, before + at);
    assert_eq!(
        selected(json!({"gt": bound})).await,
        instants.len() - before - at
    );
    assert_eq!(
        selected(json!({"gte": bound})).await,
        instants.len() - before
    );
    assert_eq!(selected(json!({"gte": bound, "lte": bound})).await, at);
    assert_eq!(
        selected(json!({"isNull": true})).await,
        users.len() - instants.len()
    );
    assert_eq!(selected(json!({"isNull": false})).await, instants.len());
}

async fn a_tenant_is_selected_by_its_id(server: &Server) {
    let id = data(server, "{tenants {id}}", json!({})).await["tenants"][0]["id"].clone();
    let selected = |condition| count(server, json!({"tenant": condition}));
    let total = count(server, json!({})).await;
    // `Tenant:nobody` in the spelling of ids.
    let unknown = "VGVuYW50Om5vYm9keQ";
    assert_eq!(selected(json!({"eq": id})).await, total);
    assert_eq!(selected(json!({"in": [id, unknown]})).await, total);
    assert_eq!(selected(json!({"notIn": [id]})).await, 0);
    assert_eq!(selected(json!({"eq": unknown})).await, 0);
    let filter = json!({"filter": {"tenant": {"eq": "contoso"}}});
    assert_eq!(refusal(server, COUNT, filter).await, "BAD_INPUT");
}

async fn and_or_and_not_obey_the_laws_of_logic(server: &Server) {
    let a = json!({"department": {"eq": "Sales"}});
    let b = json!({"accountEnabled": true});
    let c = json!({"licenseNames": {"hasSome": ["Microsoft 365 E3"]}});
    let total = count(server, json!({})).await;
    let (in_a, in_b) = (
        count(server, a.clone()).await,
        count(server, b.clone()).await,
    );
    let both = count(server, json!({"and": [a, b]})).await;
    let either = count(server, json!({"or": [a, b]})).await;
    assert!(0 < both && both < in_b);
    assert_eq!(either, in_a + in_b - both);
    assert_eq!(count(server, json!({"not": a})).await, total - in_a);
    assert_eq!(
        count(server, json!({"not": {"or": [a, b]}})).await,
        total - either
    );
    assert_eq!(
        count(server, json!({"and": [{"not": a}, {"not": b}]})).await,
        total - either
    );
    let distributed = json!({"or": [{"and": [a, c]}, {"and": [b, c]}]});
    let factored = json!({"and": [c, {"or": [a, b]}]});
    assert_eq!(
        count(server, distributed).await,
        count(server, factored).await
    );
    assert_eq!(count(server, json!({"or": []})).await, 0);
    assert_eq!(count(server, json!({"and": []})).await, total);
}

async fn filters_nest_five_deep(server: &Server) {
    let nested = |depth| {
        (0..depth).fold(
            json!({"accountEnabled": true}),
            |inner, _| json!({"not": inner}),
        )
    };
    let total = count(server, json!({})).await;
    let enabled = count(server, nested(0)).await;
    assert_eq!(count(server, nested(5)).await, total - enabled);
    let filter = json!({"filter": nested(6)});
    assert_eq!(refusal(server, COUNT, filter).await, "BAD_INPUT");
}

async fn a_search_finds_the_beginnings_of_words(server: &Server) {
    let document = "query ($search: String!) {users(search: $search, first: 500) {nodes {id}}}";
    let found = async |search: String| {
        let users = data(server, document, json!({"search": search})).await;
        let ids = list(&users["users"]["nodes"]).iter();
        ids.map(|user| text(&user["id"])).collect::<BTreeSet<_>>()
    };
    let users = everybody(server).await;
    let is_two_words = |name: &str| name.is_ascii() && name.split(' ').count() == 2;
    let user = users
        .iter()
        .find(|user| user["displayName"].as_str().is_some_and(is_two_words));
    let user = user.expect("nobody has a first and a last name");
    let name = text(&user["displayName"]);
    let (first, last) = name.split_once(' ').unwrap();
    let id = text(&user["id"]);
    assert!(found(name.to_uppercase()).await.contains(&id));
    assert!(found(format!("{last} {}", &first[..1])).await.contains(&id));
    assert!(found(text(&user["userPrincipalName"])).await.contains(&id));
    assert!(!found(format!("{name} xyzzy")).await.contains(&id));
    let nothing = data(server, COUNT, json!({"search": " - "})).await;
    assert_eq!(number(&nothing["users"]["totalCount"]), users.len());
}
