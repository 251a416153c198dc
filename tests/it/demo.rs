//! `seatwise demo`, as it meets whoever tries it: every kind of finding with its evidence and what it
//! costs, purchases that renew soon and later, and the commands that a person would run next.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::asking::{list, number, text};
use crate::evidence::{KINDS, TIDY, is_of, says_what_it_rests_on};
use crate::export::rows_of_lines;
use crate::support::process::{Asker, Environment, Process, run};
use crate::support::{PATIENCE, environment};

/// Purchases of which the demo leaves the terms unknown, though they have a price.
const OPEN: [&str; 2] = ["VISIO_PLAN1_DEPT", "MDATP_XPLAT"];

#[tokio::test]
async fn the_demo_shows_every_kind_of_finding_and_what_it_costs() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Process::demo(directory.path(), "2000");
    let demo = demo.unwrap_or_else(|ended| panic!("{ended:?}"));
    let tenant = demo.tenant("contoso").await;
    assert_eq!(demo.last_run(&tenant).await["state"], "COMPLETE");
    let found = findings(&demo).await;
    every_kind_is_there_with_its_evidence(&found);
    savings_are_in_one_currency_and_rest_on_a_price(&demo, &found).await;
    purchases_renew_soon_and_later_by_terms_that_were_declared(&demo).await;
    what_is_exported_is_what_was_answered(&demo, directory.path(), &found).await;
    demo.terminate().with(0);
}

async fn findings(demo: &Asker) -> Vec<Value> {
    let document = "query ($after: String) {findings(first: 500, after: $after) {nodes {
        id kind state confidence summary seats monthlySavings {amount currency} user {id}
        evidence {fact value source asOf}} pageInfo {hasNextPage endCursor}}}";
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let answer = demo.query(document, json!({"after": after})).await;
        let page = &answer["data"]["findings"];
        found.extend_from_slice(list(&page["nodes"]));
        if page["pageInfo"]["hasNextPage"] == false {
            return found;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

fn every_kind_is_there_with_its_evidence(found: &[Value]) {
    for kind in KINDS {
        assert!(found.iter().any(|own| own["kind"] == kind), "no {kind}");
    }
    for finding in found {
        assert_eq!(finding["state"], "OPEN", "{finding}");
        says_what_it_rests_on(finding);
    }
    let is_likely = |own: &&Value| own["kind"] == "DOWNGRADE" && own["confidence"] == "MEDIUM";
    assert!(found.iter().any(|own| is_likely(&own)), "only for review");
}

fn saves(finding: &Value) -> bool {
    let amount = &finding["monthlySavings"]["amount"];
    amount.as_str().is_some_and(|amount| amount != "0.00")
}

async fn savings_are_in_one_currency_and_rest_on_a_price(demo: &Asker, found: &[Value]) {
    for kind in KINDS {
        let of_kind = found.iter().filter(|own| own["kind"] == kind);
        let is_money = of_kind.clone().any(saves);
        assert_eq!(is_money, !TIDY.contains(&kind), "{kind}");
    }
    for finding in found.iter().filter(|own| saves(own)) {
        assert_eq!(finding["monthlySavings"]["currency"], "EUR");
        let evidence = list(&finding["evidence"]);
        let is_priced = evidence.iter().any(|fact| fact["source"] == "price book");
        assert!(is_priced && !is_of(finding, &TIDY), "{finding}");
    }
    let answer = demo
        .data("{findings(first: 1) {monthlySavings {amount currency}}}")
        .await;
    let sums = list(&answer["findings"]["monthlySavings"]);
    assert_eq!(sums.len(), 1);
    assert_eq!(sums[0]["currency"], "EUR");
    assert!(text(&sums[0]["amount"]).parse::<f64>().unwrap() > 1_000.0);
    let answer = demo.data("{prices {source}}").await;
    for price in list(&answer["prices"]) {
        assert!(text(&price["source"]).starts_with("invented"), "{price}");
    }
}

/// The purchases of what has a price, once all of them were told.
async fn purchases(demo: &Asker) -> Vec<Value> {
    let document = "{licenses(first: 100) {nodes {value price {per}
        subscriptions {status terms {term renewsOn autoRenews}}}}}";
    let asking = async {
        loop {
            let answer = demo.data(document).await;
            let licenses = list(&answer["licenses"]["nodes"]).iter();
            let priced = licenses.filter(|own| !own["price"].is_null());
            let told = priced.filter(|own| !OPEN.contains(&own["value"].as_str().unwrap()));
            let bought = told.flat_map(|own| list(&own["subscriptions"]));
            let in_force: Vec<Value> = bought
                .filter(|own| own["status"] == "Enabled")
                .cloned()
                .collect();
            if in_force.iter().all(|own| own["terms"]["term"] != "UNKNOWN") {
                return in_force;
            }
        }
    };
    let purchases = tokio::time::timeout(PATIENCE, asking).await;
    purchases.expect("the terms are not declared")
}

async fn purchases_renew_soon_and_later_by_terms_that_were_declared(demo: &Asker) {
    let purchases = purchases(demo).await;
    let terms: BTreeSet<String> = purchases
        .iter()
        .map(|own| text(&own["terms"]["term"]))
        .collect();
    let expected = ["ANNUAL", "MONTHLY", "THREE_YEARS"].map(str::to_owned);
    assert_eq!(terms, BTreeSet::from(expected));
    let document = "{renewals(withinDays: 400) {isDeclared daysLeft
        subscription {terms {term}} grossSavings {amount} realizableSavings {amount currency}}}";
    let answer = demo.data(document).await;
    let (declared, undeclared): (Vec<&Value>, Vec<&Value>) = list(&answer["renewals"])
        .iter()
        .partition(|own| own["isDeclared"] == true);
    for renewal in &declared {
        assert_eq!(renewal["realizableSavings"]["currency"], "EUR", "{renewal}");
        let is_monthly = renewal["subscription"]["terms"]["term"] == "MONTHLY";
        let is_soon = number(&renewal["daysLeft"]) <= 31;
        assert!(is_soon || !is_monthly, "{renewal}");
    }
    let is_soon = |own: &&&Value| number(&own["daysLeft"]) <= 31;
    let soon = declared.iter().filter(is_soon).count();
    assert!(soon > 2 && soon + 2 < declared.len(), "{declared:?}");
    let open = undeclared
        .iter()
        .filter(|own| own["realizableSavings"].is_null());
    assert_eq!(open.count(), undeclared.len(), "{undeclared:?}");
    assert!(!undeclared.is_empty());
}

/// The environment of a person who asks the demo by commands.
fn asking(demo: &Asker) -> Environment {
    let listen = [("SERVER__LISTEN".to_owned(), demo.address().to_owned())];
    let mut environment = environment(&listen);
    environment.push(("SEATWISE_TOKEN".into(), demo.token.clone().into()));
    environment
}

async fn what_is_exported_is_what_was_answered(demo: &Asker, directory: &Path, found: &[Value]) {
    let environment = asking(demo);
    let command = |arguments: &[&str]| run(directory, &environment, arguments).with(0).stdout;
    let filter = "{confidence: {in: [HIGH, MEDIUM]}}";
    let told = command(&[
        "export",
        "findings",
        "--filter",
        filter,
        "--format",
        "jsonl",
        "--columns",
        "id,kind,user.id,summary,evidence.value,seats,monthlySavings.amount",
    ]);
    let expected: Vec<Value> = found
        .iter()
        .filter(|own| own["confidence"] != "LOW")
        .map(|own| {
            let values = list(&own["evidence"]).iter();
            let values: Value = values.map(|fact| fact["value"].clone()).collect();
            json!({"id": own["id"], "kind": own["kind"], "user.id": own["user"]["id"],
                "summary": own["summary"], "evidence.value": values, "seats": own["seats"],
                "monthlySavings.amount": own["monthlySavings"]["amount"]})
        })
        .collect();
    let told: Vec<Value> = rows_of_lines(told.as_bytes())
        .into_iter()
        .map(Value::Object)
        .collect();
    assert!(told == expected, "{} and {}", told.len(), expected.len());

    let answer = demo.data("{priceTable}").await;
    let book = text(&answer["priceTable"]);
    let saved = command(&["export", "prices", "-o", "prices.csv"]);
    let prices = book.lines().count() - 1;
    let expected = format!("prices.csv: {prices} prices, ");
    assert!(saved.starts_with(&expected), "{saved}");
    // Nothing has ended, so the list and the book are the same table.
    let table = fs::read_to_string(directory.join("prices.csv")).unwrap();
    assert_eq!(table, book);
}
