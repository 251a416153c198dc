//! What bounds answers by plan: the same as without, and plans are for short work only.

use serde_json::{Value, json};

use crate::plans::{KEEPS_NOTHING, PLANNED, Place, literal};
use crate::support::PATIENCE;

const RUNNING: &str = "seatwise_graphql_operations_running";

/// Room for documents that no deadline fits.
const ROOMY: [(&str, &str); 7] = [
    ("LIMITS__TOKENS_MAX", "100000"),
    ("LIMITS__ALIASES_MAX", "100000"),
    ("LIMITS__ROOT_FIELDS_MAX", "10000"),
    ("LIMITS__EXPANDED_NODES_MAX", "100000"),
    ("LIMITS__COST_MAX", "100000000"),
    ("LIMITS__RUNNING_MAX", "1"),
    KEEPS_NOTHING,
];

/// So many lists, each of which looks everywhere for 95 texts that are nowhere: as many conditions
/// as a filter may have, and in a build for tests a minute for some thousand lists.
fn endless(lists: usize) -> (String, Value) {
    let lists: String = (0..lists)
        .map(|number| format!("a{number}: users(filter: $f) {{totalCount}} "))
        .collect();
    let nowhere: Vec<Value> = (0..95)
        .map(|number| json!({"userPrincipalName": {"contains": format!("zz{number}zz")}}))
        .collect();
    let document = format!("query ($f: UserFilter) {{{lists}}}");
    (document, json!({"f": {"or": nowhere}}))
}

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

#[tokio::test]
async fn limits_hold_for_answers_by_plan() {
    let place = Place::new(&[
        KEEPS_NOTHING,
        ("LIMITS__ANSWER_BYTES_MAX", "10000"),
        ("LIMITS__COST_MAX", "1000"),
        ("LIMITS__PAGE_ROWS_MAX", "150"),
        ("LIMITS__NESTING_MAX", "8"),
    ])
    .await;
    let page = "query ($n: Int) {users(first: $n) {nodes {id objectId userPrincipalName displayName mail}}}";
    place.check(page, json!({"n": 1}), true).await;
    for _ in 0..2 {
        // The answer, the cost, the page, and a page of nothing.
        for (rows, refusal) in [
            (100, "LIMIT_EXCEEDED"),
            (500, "LIMIT_EXCEEDED"),
            (151, "BAD_INPUT"),
            (0, "BAD_INPUT"),
        ] {
            let refused = place.server.query(page, json!({"n": rows})).await;
            assert_eq!(code(&refused), refusal, "{rows}: {refused}");
        }
        let deep = "{users(first: 1) {nodes {manager {manager {manager {manager {manager {manager {id}}}}}}}}}";
        let refused = place.server.query(deep, json!({})).await;
        assert_eq!(code(&refused), "LIMIT_EXCEEDED", "{refused}");
    }
}

/// The same document asked again is refused in the same words, whichever way the first one took.
#[tokio::test]
async fn refusals_are_the_same_whether_or_not_there_is_a_plan() {
    let place = Place::new(&[KEEPS_NOTHING, ("LIMITS__ANSWER_BYTES_MAX", "10000")]).await;
    let page = |first: &str| {
        format!(
            "query q($text: String) {{users(first: 100, {first}, filter: {{userPrincipalName: {{contains: $text}}}}) {{nodes {{id objectId mail}}}}}}"
        )
    };
    let document = page("search: \"\"");
    let large = place.server.raw(&document, &json!({"text": "o"})).await;
    place.check(&document, json!({"text": "zzzz"}), true).await;
    let by_plan = place.server.raw(&document, &json!({"text": "o"})).await;
    assert!(large.contains("LIMIT_EXCEEDED"), "{large}");
    assert_eq!(large, by_plan);
}

#[tokio::test]
async fn what_costs_much_is_left_to_the_long_way() {
    let place = Place::new(&[KEEPS_NOTHING]).await;
    let fields = "id objectId userPrincipalName displayName mail employeeId employeeType jobTitle department \
                  companyName officeLocation country usageLocation userType isResourceAccount accountEnabled";
    let page = |aliases: usize| {
        let aliased: String = (0..aliases)
            .map(|number| format!("a{number}: id "))
            .collect();
        let node = format!("{aliased} {fields} manager {{{fields}}}");
        format!("{{users(first: 500) {{nodes {{{node}}} edges {{node {{{fields}}}}}}}}}")
    };
    // Each field is priced for 500 rows: there are about 50 besides those with aliases, of which a document
    // may have 50.
    place.check(&page(30), json!({}), true).await;
    place.check(&page(50), json!({}), false).await;
}

#[tokio::test]
async fn what_would_look_at_everybody_too_often_is_left_to_the_long_way() {
    // 5,000 users, 95 parts of texts at 16 glances in each list: 64,000,000 are eight of them.
    let place = Place::of(5_000, &ROOMY).await;
    for (lists, is_planned) in [(8, true), (10, false)] {
        // Long variables have no plan in any case.
        let (document, variables) = endless(lists);
        let written = document.replacen("($f: UserFilter)", "", 1);
        let written = written.replace("$f", &literal(&variables["f"]));
        place.check(&written, json!({}), is_planned).await;
    }
}

#[tokio::test]
async fn the_deadline_ends_what_takes_the_long_way_and_stops_its_work() {
    let mut settings = ROOMY.to_vec();
    settings.push(("LIMITS__DEADLINE_SECONDS", "1"));
    let place = Place::new(&settings).await;
    let (document, variables) = endless(4_000);
    let planned = place.server.metric(PLANNED).await;
    for _ in 0..2 {
        let late = place.server.query(&document, variables.clone()).await;
        assert_eq!(code(&late), "LIMIT_EXCEEDED", "{late}");
        assert!(late.to_string().contains("longer than 1 s"), "{late}");
        nothing_runs(&place).await;
    }
    assert_eq!(place.server.metric(PLANNED).await, planned);
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_work() {
    let mut settings = ROOMY.to_vec();
    settings.push(("LIMITS__DEADLINE_SECONDS", "300"));
    let place = Place::new(&settings).await;
    let (document, variables) = endless(4_000);
    let asking = place.server.query(&document, variables);
    tokio::select! {
        answer = asking => panic!("it was to take minutes: {answer}"),
        () = something_runs(&place) => {}
    }
    nothing_runs(&place).await;
    place.server.data("{users {totalCount}}").await;
}

async fn something_runs(place: &Place) {
    while place.server.metric(RUNNING).await == 0 {}
}

async fn nothing_runs(place: &Place) {
    let ended = async { while place.server.metric(RUNNING).await > 0 {} };
    let ended = tokio::time::timeout(PATIENCE / 2, ended).await;
    ended.expect("what nobody waits for goes on");
}

#[tokio::test]
async fn the_memory_of_plans_and_answers_is_bounded_and_shown() {
    let place = Place::new(&[("LIMITS__ANSWERS_KEPT_BYTES_MAX", "20000")]).await;
    for number in 0..60 {
        let document =
            format!("query q{number} {{users(first: 20) {{nodes {{id mail displayName}}}}}}");
        for _ in 0..3 {
            let answer = place.server.raw(&document, &json!({})).await;
            assert!(answer.starts_with("{\"data\":"), "{answer}");
        }
    }
    let kept = place
        .server
        .metric("seatwise_graphql_answers_kept_bytes")
        .await;
    assert!((1..=20_000).contains(&kept), "{kept}");
    let plans = place.server.metric("seatwise_graphql_plans_bytes").await;
    assert!((60 * 100..60 * 10_000).contains(&plans), "{plans}");
}
