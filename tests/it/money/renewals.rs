//! Renewals, and what to order.

use super::*;

/// The seats that come free for sure by following what is found of a license.
async fn reclaimable(server: &Server, license: &Value) -> i64 {
    let document = "query ($license: ID!) {findings(first: 500, filter: {license: {eq: $license},
        confidence: {eq: HIGH}, state: {eq: OPEN}}) {nodes {kind user {id} monthlySavings {amount}}}}";
    let answer = data(server, document, json!({"license": license["id"]})).await;
    let findings = list(&answer["findings"]["nodes"]).iter();
    // Without a price the saving is null; of a seat that another finding frees it is 0.
    let of_seats = findings.filter(|one| !one["user"].is_null() && one["monthlySavings"].is_null());
    let seats = of_seats.filter(|one| {
        !["DUPLICATE_ASSIGNMENT", "DOWNGRADE", "ASSIGNMENT_ERROR"]
            .contains(&one["kind"].as_str().unwrap())
    });
    let users: std::collections::BTreeSet<&str> = seats
        .map(|one| one["user"]["id"].as_str().unwrap())
        .collect();
    i64::try_from(users.len()).unwrap()
}

/// Vector 1, for as many seats as the demo has: 20 of them may go, at 39.00 a month, when an annual term
/// ends in 4 months. 20 × 39 × 12 in a year, of which 20 × 39 × 8 can be realized within 12 months.
#[tokio::test]
async fn of_9360_that_could_be_saved_the_term_allows_6240() {
    let (_office, server) = opened().await;
    let license = single(&server).await;
    let purchase = &license["subscriptions"][0];
    let held = i64::try_from(number(&license["seats"]["enabled"])).unwrap();
    let consumed = i64::try_from(number(&license["seats"]["consumed"])).unwrap();
    let document = "query ($input: RenewalPlanInput!) {renewalPlan(input: $input) {needed buffer order
        drop grossSavings {amount currency} realizableSavings {amount currency} reassignFirst buy}}";
    let buffer = 3;
    let reclaimable = reclaimable(&server, &license).await;
    let used = consumed - reclaimable;
    let hires = (held - 20 - buffer - used).max(0);
    let leavers = (used + buffer - (held - 20)).max(0);
    let input =
        json!({"license": license["id"], "buffer": buffer, "hires": hires, "leavers": leavers});
    let plan = async || {
        let variables = json!({"input": input});
        data(&server, document, variables).await["renewalPlan"].clone()
    };
    let unpriced = plan().await;
    assert_eq!(unpriced["needed"], held - 23);
    assert_eq!(unpriced["buffer"], 3);
    assert_eq!(unpriced["order"], held - 20);
    assert_eq!(unpriced["drop"], 20);
    assert_eq!(unpriced["reassignFirst"], hires.min(held - used));
    assert_eq!(unpriced["grossSavings"], Value::Null);

    set_price(&server, price_of(&license, "39.00")).await;
    let undeclared = plan().await;
    assert_eq!(undeclared["grossSavings"], money("9360.00", "EUR"));
    assert_eq!(
        undeclared["realizableSavings"],
        Value::Null,
        "the term is unknown"
    );

    let terms = json!({"subscription": purchase["id"], "term": "ANNUAL", "billing": "MONTHLY",
        "autoRenews": true, "renewsOn": "2026-07-15"});
    let declared = declare(&server, terms).await;
    let expected = json!({"term": "ANNUAL", "billing": "MONTHLY", "autoRenews": true,
        "renewsOn": "2026-07-15"});
    assert_eq!(declared, expected);
    let planned = plan().await;
    assert_eq!(planned["grossSavings"], money("9360.00", "EUR"));
    assert_eq!(planned["realizableSavings"], money("6240.00", "EUR"));

    for (wrong, value) in [("hires", -1), ("horizonMonths", 0), ("horizonMonths", 121)] {
        let input = with(input.clone(), json!({wrong: value}));
        assert_eq!(
            refusal(&server, document, json!({"input": input})).await,
            "BAD_INPUT"
        );
    }
}

const RENEWALS: &str =
    "query ($days: Int!, $tenant: ID) {renewals(withinDays: $days, tenant: $tenant) {
    subscription {id terms {term}} on isDeclared daysLeft reminder seats assigned active
    recommendedSeats grossSavings {amount currency} realizableSavings {amount currency}}}";

#[tokio::test]
async fn renewals_are_listed_within_days_and_nothing_is_guessed_until_it_is_declared() {
    let (_office, server) = opened().await;
    let ask = async |days: i32| {
        let answer = data(&server, RENEWALS, json!({"days": days})).await;
        list(&answer["renewals"]).to_vec()
    };
    let year = ask(366).await;
    assert!(!year.is_empty());
    assert!(year.is_sorted_by_key(|renewal| text(&renewal["on"])));
    for renewal in &year {
        assert_eq!(renewal["isDeclared"], false);
        assert_eq!(renewal["subscription"]["terms"]["term"], "UNKNOWN");
        assert_eq!(renewal["realizableSavings"], Value::Null);
    }
    for days in [0, 30, 120] {
        let soon: Vec<_> = year
            .iter()
            .filter(|own| number(&own["daysLeft"]) <= days)
            .collect();
        let days = i32::try_from(days).unwrap();
        assert_eq!(ask(days).await.iter().collect::<Vec<_>>(), soon, "{days}");
    }

    let license = single(&server).await;
    let id = &license["subscriptions"][0]["id"];
    set_price(&server, price_of(&license, "10")).await;
    let terms =
        json!({"subscription": id, "term": "ANNUAL", "autoRenews": true, "renewsOn": "2025-05-14"});
    declare(&server, terms).await;
    let of = |renewals: Vec<Value>| {
        renewals
            .into_iter()
            .find(|own| own["subscription"]["id"] == *id)
    };
    assert_eq!(of(ask(59).await), None);
    let renewal = of(ask(60).await).unwrap();
    assert_eq!(renewal["on"], "2026-05-14");
    assert_eq!(
        (&renewal["isDeclared"], &renewal["daysLeft"]),
        (&json!(true), &json!(60))
    );
    assert_eq!(renewal["reminder"], "DECIDE");
    assert_eq!(renewal["seats"], license["seats"]["enabled"]);
    assert_eq!(renewal["assigned"], license["seats"]["consumed"]);
    let kept = number(&renewal["recommendedSeats"]);
    let goes = i64::try_from(number(&renewal["seats"]) - kept).unwrap();
    assert_eq!(renewal["grossSavings"], euros(goes * 12_000));
    // It renews in the third month from now: ten whole ones are left.
    assert_eq!(renewal["realizableSavings"], euros(goes * 10_000));

    let nothing = json!({"subscription": id, "term": "UNKNOWN"});
    let taken_back = declare(&server, nothing).await;
    let unknown =
        json!({"term": "UNKNOWN", "billing": "UNKNOWN", "autoRenews": null, "renewsOn": null});
    assert_eq!(taken_back, unknown);
    for days in [-1, 2_201] {
        assert_eq!(
            refusal(&server, RENEWALS, json!({"days": days})).await,
            "BAD_INPUT"
        );
    }
    let nobody = json!({"subscription": license["id"], "term": "ANNUAL"});
    assert_eq!(
        refusal(&server, DECLARE, json!({"input": nobody})).await,
        "BAD_INPUT"
    );
}
