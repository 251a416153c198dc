//! Costs of users, of groups of them, and of licenses.

use super::*;

const COST: &str = "{users(first: 500) {totalCount monthlyCost {amount currency} unpricedLicenses
    nodes {licenseValues monthlyCost {amount currency} unpricedLicenses}}}";

async fn cost(server: &Server) -> Value {
    data(server, COST, json!({})).await["users"].clone()
}

/// Vector 4: a license without a price changes no total and is counted apart.
#[tokio::test]
async fn a_license_without_a_price_changes_no_total_and_is_counted_apart() {
    let (_office, server) = opened().await;
    let before = cost(&server).await;
    assert_eq!(before["monthlyCost"], json!([]));
    let free = free_values(&server).await;
    assert!(free.contains(&json!("FLOW_FREE")), "{free:?}");
    let paid_by = |user: &Value| {
        let values = list(&user["licenseValues"]).iter();
        values.filter(|value| !free.contains(value)).count()
    };
    let held: usize = list(&before["nodes"]).iter().map(paid_by).sum();
    assert_eq!(number(&before["unpricedLicenses"]), held);
    assert!(
        list(&before["nodes"])
            .iter()
            .all(|user| user["monthlyCost"].is_null())
    );

    let license = e3(&server).await;
    let holders = number(&license["users"]["totalCount"]);
    set_price(&server, price_of(&license, "39.50")).await;
    let after = cost(&server).await;
    let total = 3_950 * i64::try_from(holders).unwrap();
    assert_eq!(after["monthlyCost"], json!([euros(total)]));
    assert_eq!(number(&after["unpricedLicenses"]), held - holders);
    for user in list(&after["nodes"]) {
        let all = list(&user["licenseValues"]);
        let holds = all.contains(&json!("SPE_E3"));
        let expected = if holds { euros(3_950) } else { Value::Null };
        assert_eq!(user["monthlyCost"], expected, "{user}");
        assert_eq!(
            number(&user["unpricedLicenses"]),
            paid_by(user) - usize::from(holds)
        );
    }
    // A price of nothing is a price.
    let others = licenses(&server).await;
    let other = others
        .values()
        .find(|own| own["value"] != "SPE_E3" && !free.contains(&own["value"]))
        .unwrap();
    set_price(&server, price_of(other, "0")).await;
    let others = number(&other["users"]["totalCount"]);
    let after = cost(&server).await;
    assert_eq!(after["monthlyCost"], json!([euros(total)]));
    assert_eq!(number(&after["unpricedLicenses"]), held - holders - others);
}

/// The part numbers of licenses that nobody pays for.
async fn free_values(server: &Server) -> Vec<Value> {
    let answer = data(server, "{licenses {nodes {value class}}}", json!({})).await;
    let licenses = list(&answer["licenses"]["nodes"]).iter();
    let free = licenses.filter(|own| own["class"] == "FREE" || own["class"] == "TRIAL");
    free.map(|own| own["value"].clone()).collect()
}

/// Vector 5: 36 until the end of June, 39 from July on. A year of the seat costs 6 × 36 + 6 × 39.
#[tokio::test]
async fn a_price_rises_at_midnight_and_no_answer_outlives_it() {
    let (office, server) = opened().await;
    let license = e3(&server).await;
    let price = price_of(&license, "36");
    let first_half =
        json!({"validFrom": "2026-01-01", "validTo": "2026-06-30", "source": "Invoice 7"});
    set_price(&server, with(price.clone(), first_half)).await;
    let second_half = json!({"validFrom": "2026-07-01", "amount": "39"});
    set_price(&server, with(price, second_half)).await;

    let document = "query ($id: ID!) {node(id: $id) {... on License {
        monthlySpend {amount} price {perSeat {amount currency} validFrom source}}}}";
    let ask = async || data(&server, document, json!({"id": license["id"]})).await["node"].clone();
    let (mut year, mut spends) = (0, Vec::new());
    for month in 1..=12 {
        // Clocks go back too; the price is that of the day.
        office.clock.turn_to(&format!("2026-{month:02}-01"));
        let answer = ask().await;
        year += cents(&answer["price"]["perSeat"]["amount"]);
        spends.push(cents(&answer["monthlySpend"]["amount"]));
    }
    assert_eq!(year, 45_000, "6 × 36 + 6 × 39 euros");
    let seats = i64::try_from(number(&license["seats"]["enabled"])).unwrap();
    assert_eq!(spends, [[3_600 * seats; 6], [3_900 * seats; 6]].concat());

    office.clock.turn_to("2026-06-30");
    // Asked for the third time it is answered by plan, and from memory.
    let listed = async || {
        let document = "{users(filter: {licenseValues: {has: \"SPE_E3\"}}, first: 1) {
            nodes {monthlyCost {amount currency}}}}";
        data(&server, document, json!({})).await["users"]["nodes"][0]["monthlyCost"].clone()
    };
    for _ in 0..3 {
        assert_eq!(listed().await, money("36.00", "EUR"));
    }
    let june = ask().await["price"].clone();
    assert_eq!(june["perSeat"], money("36.00", "EUR"));
    assert_eq!(june["source"], "Invoice 7");
    office.clock.turn_to("2026-07-01");
    assert_eq!(listed().await, money("39.00", "EUR"));
    assert_eq!(ask().await["price"]["perSeat"], money("39.00", "EUR"));
}

#[tokio::test]
async fn answers_that_are_kept_end_with_the_prices_that_they_are_of() {
    let simulator = Simulator::start(Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let environment = environment_for("contoso", &simulator, &[]);
    let server = Process::serve(directory.path(), &environment).unwrap();
    let tenant = server.tenant("contoso").await;
    server.last_run(&tenant).await;
    let document = "{users(first: 3) {nodes {displayName}}}";
    let tag = async |known: Option<&str>| {
        let answer = server.get_query(document, known).await;
        let tag = answer.headers().get("etag");
        let tag = tag.map(|tag| tag.to_str().unwrap().to_owned());
        (answer.status().as_u16(), tag)
    };
    tag(None).await;
    let (_, first) = tag(None).await;
    assert_eq!(tag(first.as_deref()).await.0, 304);
    let licenses = server.data("{licenses {nodes {skuId}}}").await;
    let price = price_of(&licenses["licenses"]["nodes"][0], "36");
    let set = server.query(SET_PRICE, json!({"input": price})).await;
    assert_eq!(set.get("errors"), None, "{set}");
    let (status, second) = tag(first.as_deref()).await;
    assert_eq!(status, 200);
    assert_ne!(first, second);
}

#[tokio::test]
async fn two_currencies_are_never_added_and_converted_only_where_that_is_asked_for() {
    let (_office, server) = opened().await;
    let all = licenses(&server).await;
    let holders = |value: &str| number(&all[value]["users"]["totalCount"]);
    // Whoever holds both has no one sum.
    let nodes = cost(&server).await["nodes"].clone();
    let has = |user: &Value, value: &str| list(&user["licenseValues"]).contains(&json!(value));
    let other = all.keys().find(|value| {
        let both = list(&nodes).iter();
        *value != "SPE_E3"
            && both
                .clone()
                .any(|user| has(user, "SPE_E3") && has(user, value))
    });
    let other = other.unwrap();
    set_price(&server, price_of(&all["SPE_E3"], "10")).await;
    let dollars = with(price_of(&all[other], "20"), json!({"currency": "usd"}));
    set_price(&server, dollars).await;

    let (in_euros, in_dollars) = (holders("SPE_E3") * 10, holders(other) * 20);
    let both = json!([
        money(&format!("{in_euros}.00"), "EUR"),
        money(&format!("{in_dollars}.00"), "USD")
    ]);
    let seen = cost(&server).await;
    assert_eq!(seen["monthlyCost"], both);
    for user in list(&seen["nodes"]) {
        let expected = match (has(user, "SPE_E3"), has(user, other)) {
            (true, false) => money("10.00", "EUR"),
            (false, true) => money("20.00", "USD"),
            _ => Value::Null,
        };
        assert_eq!(user["monthlyCost"], expected, "{user}");
    }

    let converted = "{users(first: 1) {monthlyCost(currency: \"EUR\") {amount currency}
        breakdown(by: TENANT) {monthlyCost(currency: \"EUR\") {amount currency}}}}";
    let answer = data(&server, converted, json!({})).await["users"].clone();
    assert_eq!(answer["monthlyCost"], both, "there is no rate");
    let tell = "mutation ($on: Date, $rate: Decimal) {
        setExchangeRate(from: \"USD\", to: \"EUR\", on: $on, rate: $rate) {from to on rate}}";
    data(&server, tell, json!({"on": "2026-03-16", "rate": "0.5"})).await;
    let answer = data(&server, converted, json!({})).await["users"].clone();
    assert_eq!(answer["monthlyCost"], both, "the rate begins tomorrow");
    let told = data(&server, tell, json!({"on": TODAY, "rate": "0.9"})).await;
    let rates = json!([
        {"from": "USD", "to": "EUR", "on": TODAY, "rate": "0.9"},
        {"from": "USD", "to": "EUR", "on": "2026-03-16", "rate": "0.5"},
    ]);
    assert_eq!(told["setExchangeRate"], rates);
    let answer = data(&server, converted, json!({})).await["users"].clone();
    let sum = in_euros + in_dollars * 9 / 10;
    let sum = json!([money(&format!("{sum}.00"), "EUR")]);
    assert_eq!(answer["monthlyCost"], sum);
    assert_eq!(answer["breakdown"][0]["monthlyCost"], sum);

    data(&server, tell, json!({"on": TODAY, "rate": null})).await;
    let again = json!({"on": TODAY, "rate": null});
    assert_eq!(refusal(&server, tell, again).await, "CONFLICT");
    let zero = json!({"on": TODAY, "rate": "0"});
    assert_eq!(refusal(&server, tell, zero).await, "BAD_INPUT");
    let unknown = "{users {monthlyCost(currency: \"EURO\") {amount}}}";
    assert_eq!(refusal(&server, unknown, json!({})).await, "BAD_INPUT");
}

#[tokio::test]
async fn the_groups_of_a_breakdown_add_up_to_the_whole_with_those_without_a_value() {
    let (_office, server) = opened().await;
    for (place, license) in (1_i64..).zip(licenses(&server).await.values()) {
        // Every third stays without a price.
        if place % 3 > 0 {
            let amount = format!("{place}.{place:02}");
            set_price(&server, price_of(license, &amount)).await;
        }
    }
    for filter in [json!({}), json!({"accountEnabled": true})] {
        for by in [
            "TENANT",
            "DEPARTMENT",
            "USER_TYPE",
            "RESOURCE_ACCOUNT",
            "ACCOUNT_ENABLED",
            "ACTIVITY_STATE",
            "COMPANY",
            "COUNTRY",
            "USAGE_LOCATION",
            "OFFICE_LOCATION",
            "JOB_TITLE",
            "EMPLOYEE_TYPE",
            "LICENSE_NAME",
            "LICENSE_VALUE",
        ] {
            let document = "query ($filter: UserFilter, $by: UserDimension!) {
                users(filter: $filter, first: 500) {
                    monthlyCost {amount} unpricedLicenses
                    nodes {department accountEnabled licenseValues monthlyCost {amount}}
                    breakdown(by: $by, first: 500) {key ...Cost}}}
                fragment Cost on UserGroup {monthlyCost {amount} unpricedLicenses}";
            let variables = json!({"filter": filter, "by": by});
            let users = data(&server, document, variables).await["users"].clone();
            let of_group = |group: &Value| -> i64 {
                list(&group["monthlyCost"])
                    .iter()
                    .map(|sum| cents(&sum["amount"]))
                    .sum()
            };
            let groups = list(&users["breakdown"]);
            // What the users of a page cost, one by one: the second way of asking.
            let one_by_one = |is_meant: &dyn Fn(&Value) -> bool| -> i64 {
                let meant = list(&users["nodes"]).iter().filter(|user| is_meant(user));
                let costs = meant.filter(|user| !user["monthlyCost"].is_null());
                costs
                    .map(|user| cents(&user["monthlyCost"]["amount"]))
                    .sum()
            };
            for group in groups {
                let key = &group["key"];
                let expected = match by {
                    "DEPARTMENT" => one_by_one(&|user| user["department"] == *key),
                    "ACCOUNT_ENABLED" => {
                        one_by_one(&|user| user["accountEnabled"] == (key == "true"))
                    }
                    "LICENSE_VALUE" => one_by_one(&|user| {
                        let held = list(&user["licenseValues"]);
                        held.contains(key) || (key.is_null() && held.is_empty())
                    }),
                    _ => continue,
                };
                assert_eq!(of_group(group), expected, "{by} {key}");
            }
            if by.starts_with("LICENSE") {
                continue;
            }
            let sum: i64 = groups.iter().map(of_group).sum();
            assert!(sum > 0);
            assert_eq!(sum, of_group(&users), "{by}");
            let unpriced: usize = groups
                .iter()
                .map(|group| number(&group["unpricedLicenses"]))
                .sum();
            assert!(unpriced > 0);
            assert_eq!(unpriced, number(&users["unpricedLicenses"]), "{by}");
        }
    }
}

#[tokio::test]
async fn licenses_are_sorted_by_what_they_cost_and_add_up_to_what_is_paid() {
    let (_office, server) = opened().await;
    for (place, license) in (1_i64..).zip(licenses(&server).await.values()) {
        if place % 4 > 0 {
            let currency = if place % 4 == 1 { "USD" } else { "EUR" };
            let amount = (place * 7 % 11).to_string();
            let price = with(price_of(license, &amount), json!({"currency": currency}));
            set_price(&server, price).await;
        }
    }
    let document = "query ($direction: OrderDirection!, $first: Int!, $after: String) {
        licenses(orderBy: [{field: MONTHLY_SPEND, direction: $direction}], first: $first, after: $after) {
            monthlySpend {amount currency} unpricedSeats
            nodes {id monthlySpend {amount currency} unpricedSeats} pageInfo {hasNextPage endCursor}}}";
    let mut orders = Vec::new();
    for direction in ["ASC", "DESC"] {
        let (mut nodes, mut after) = (Vec::new(), Value::Null);
        loop {
            let variables = json!({"direction": direction, "first": 5, "after": after});
            let page = data(&server, document, variables).await["licenses"].clone();
            nodes.extend(list(&page["nodes"]).to_vec());
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        let known = |node: &&Value| !node["monthlySpend"].is_null();
        let count = nodes.iter().filter(known).count();
        assert!(count > 10 && count < nodes.len());
        assert!(
            nodes.iter().take(count).all(|node| known(&node)),
            "absent ones are last"
        );
        let keys = nodes.iter().take(count).map(|node| {
            let spend = &node["monthlySpend"];
            (text(&spend["currency"]), cents(&spend["amount"]))
        });
        orders.push(keys.collect::<Vec<_>>());
    }
    assert!(orders[0].is_sorted());
    assert!(orders[1].iter().rev().is_sorted());
    assert_eq!(orders[0].len(), orders[1].len());

    let variables = json!({"direction": "ASC", "first": 500, "after": null});
    let all = data(&server, document, variables).await["licenses"].clone();
    let mut sums = BTreeMap::new();
    for (currency, amount) in &orders[0] {
        *sums.entry(currency.clone()).or_insert(0) += amount;
    }
    let totals = list(&all["monthlySpend"]).iter();
    let totals = totals.map(|sum| (text(&sum["currency"]), cents(&sum["amount"])));
    assert_eq!(totals.collect::<BTreeMap<_, _>>(), sums);
    let unpriced = list(&all["nodes"])
        .iter()
        .map(|node| number(&node["unpricedSeats"]));
    let unpriced: usize = unpriced.sum();
    assert!(unpriced > 0);
    assert_eq!(number(&all["unpricedSeats"]), unpriced);
}
