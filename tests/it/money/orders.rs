//! Lists in the order of money.

use super::*;

/// Every row of a list, page by page.
async fn walked(server: &Server, list_name: &str, field: &str, direction: &str) -> Vec<Value> {
    let (type_name, amount) = match list_name {
        "users" => ("UserOrder", "monthlyCost {amount currency}"),
        _ => ("LicenseOrder", "monthlySavings {amount currency}"),
    };
    let document = format!(
        "query ($orderBy: [{type_name}!], $after: String) {{
            {list_name}(orderBy: $orderBy, first: 9, after: $after) {{
                nodes {{id money: {amount}}} pageInfo {{hasNextPage endCursor}}}}}}"
    );
    let (mut rows, mut after) = (Vec::new(), Value::Null);
    loop {
        let order = json!([{"field": field, "direction": direction}]);
        let variables = json!({"orderBy": order, "after": after});
        let page = data(server, &document, variables).await[list_name].clone();
        rows.extend(list(&page["nodes"]).to_vec());
        if page["pageInfo"]["hasNextPage"] == false {
            return rows;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// Whether the rows are in order, those without an amount last, and none is there twice.
#[track_caller]
fn check(rows: &[Value], direction: &str, known: impl Fn(usize) -> bool) {
    let amounts = rows.iter().map(|row| {
        let money = &row["money"];
        let key = || (text(&money["currency"]), cents(&money["amount"]));
        (!money.is_null()).then(key)
    });
    let amounts: Vec<Option<(String, i64)>> = amounts.collect();
    let count = amounts.iter().flatten().count();
    assert!(known(count), "{count} of {} have an amount", rows.len());
    assert!(amounts.iter().take(count).all(Option::is_some));
    let mut sorted: Vec<_> = amounts.iter().flatten().collect();
    if direction == "DESC" {
        sorted.reverse();
    }
    assert!(sorted.is_sorted(), "{direction}");
    let mut ids: Vec<_> = rows.iter().map(|row| text(&row["id"])).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), rows.len());
}

/// Some licenses cost euros, some dollars, and some nobody knows what.
async fn price_some(server: &Server, factor: i64) {
    for (place, license) in (1_i64..).zip(licenses(server).await.values()) {
        if place % 5 > 0 {
            let currency = if place % 5 == 1 { "USD" } else { "EUR" };
            let amount = format!("{}.50", place * factor % 11);
            let price = with(price_of(license, &amount), json!({"currency": currency}));
            set_price(server, price).await;
        }
    }
}

#[tokio::test]
async fn users_are_sorted_by_what_their_licenses_cost_as_prices_come() {
    let (_office, server) = opened().await;
    let count =
        number(&data(&server, "{users {totalCount}}", json!({})).await["users"]["totalCount"]);
    for direction in ["ASC", "DESC"] {
        let rows = walked(&server, "users", "MONTHLY_COST", direction).await;
        assert_eq!(rows.len(), count);
        check(&rows, direction, |known| known == 0);
    }
    price_some(&server, 7).await;
    for direction in ["ASC", "DESC"] {
        let rows = walked(&server, "users", "MONTHLY_COST", direction).await;
        assert_eq!(rows.len(), count);
        check(&rows, direction, |known| known > 50 && known < count);
    }
    let filter = "{users(filter: {licenseValues: {has: \"SPE_E3\"}}, first: 2,
        orderBy: [{field: MONTHLY_COST, direction: DESC}, {field: DISPLAY_NAME}])
        {nodes {displayName monthlyCost {amount currency}}}}";
    let top = data(&server, filter, json!({})).await["users"]["nodes"].clone();
    for _ in 0..3 {
        let again = data(&server, filter, json!({})).await["users"]["nodes"].clone();
        assert_eq!(again, top, "by plan, and from memory");
    }
    // A cursor from before a price came is still a place.
    let page = "query ($after: String) {users(first: 9, after: $after,
        orderBy: [{field: MONTHLY_COST, direction: DESC}]) {pageInfo {endCursor} nodes {id}}}";
    let first = data(&server, page, json!({})).await["users"].clone();
    let dearest = licenses(&server).await.into_values().find(|license| {
        let is_free = license["value"] == "FLOW_FREE";
        is_free && number(&license["users"]["totalCount"]) > 0
    });
    set_price(&server, price_of(&dearest.unwrap(), "0.01")).await;
    let after = json!({"after": first["pageInfo"]["endCursor"]});
    let next = data(&server, page, after).await["users"].clone();
    assert_eq!(list(&next["nodes"]).len(), 9);
    for direction in ["ASC", "DESC"] {
        let rows = walked(&server, "users", "MONTHLY_COST", direction).await;
        assert_eq!(rows.len(), count);
        check(&rows, direction, |known| known > 50);
    }
}

#[tokio::test]
async fn licenses_are_sorted_by_what_could_be_saved() {
    let (_office, server) = opened().await;
    price_some(&server, 3).await;
    for direction in ["ASC", "DESC"] {
        let rows = walked(&server, "licenses", "MONTHLY_SAVINGS", direction).await;
        assert_eq!(rows.len(), licenses(&server).await.len());
        check(&rows, direction, |known| known > 10 && known < rows.len());
    }
}
