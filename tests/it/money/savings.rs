//! What findings about one user save together: no seat is counted twice.

use super::*;

const HOLDERS: &str = "query ($filter: UserFilter) {users(filter: $filter, first: 100) {nodes {
    userPrincipalName findings {kind license {value} monthlySavings {amount currency}}}}}";

/// Enough for some who work to hold both licenses.
const USERS: u64 = 2_000;

/// A round of changes that disables one of them.
const ROUND: u32 = 2;

/// A tenant in which Microsoft 365 E5 costs 60 and Entra ID P2, which E5 contains, 11 a month; nothing else
/// has a price.
async fn priced() -> (Office, Server) {
    let office = Office::of(USERS, &[]);
    let server = office.synced().await;
    let all = licenses(&server).await;
    set_price(&server, price_of(&all["SPE_E5"], "60")).await;
    set_price(&server, price_of(&all["AAD_PREMIUM_P2"], "11")).await;
    (office, server)
}

/// Those who hold both and of whom this holds, with what is found of the two.
async fn holders(server: &Server, mut filter: Value) -> Vec<(Value, Vec<(String, String, Value)>)> {
    filter["licenseValues"] = json!({"hasEvery": ["SPE_E5", "AAD_PREMIUM_P2"]});
    let answer = data(server, HOLDERS, json!({"filter": filter})).await;
    let holder = |user: &Value| {
        let findings = list(&user["findings"]).iter();
        let found = findings.map(|own| {
            let savings = own["monthlySavings"].clone();
            (text(&own["kind"]), text(&own["license"]["value"]), savings)
        });
        let of_two = found.filter(|(_, value, _)| value == "SPE_E5" || value == "AAD_PREMIUM_P2");
        (user["userPrincipalName"].clone(), of_two.collect())
    };
    let nodes = list(&answer["users"]["nodes"]).iter();
    nodes.map(holder).collect()
}

/// What findings of somebody save a year, in cents.
async fn yearly(server: &Server, user: &Value) -> i64 {
    let filter = json!({"user": {"userPrincipalName": {"eq": user}}});
    let document = "query ($filter: FindingFilter) {findings(filter: $filter, first: 1) {
        monthlySavings {amount currency}}}";
    let answer = data(server, document, json!({"filter": filter})).await;
    let sums = list(&answer["findings"]["monthlySavings"]);
    sums.iter().map(|sum| cents(&sum["amount"]) * 12).sum()
}

fn found(kind: &str, value: &str, saved: i64) -> (String, String, Value) {
    (kind.to_owned(), value.to_owned(), euros(saved))
}

/// Vector 3: of somebody who works with both, E5 stays and Entra ID P2 saves 11 × 12 = 132 a year. Vector 2:
/// once they are disabled each license has one finding that saves, (60 + 11) × 12 = 852 a year, and that
/// the one is contained in the other saves nothing more.
#[tokio::test]
async fn of_e5_and_entra_p2_a_user_in_use_saves_132_a_year_and_a_disabled_one_852() {
    let (office, server) = priced().await;
    let active = json!({"accountEnabled": true, "activityState": {"eq": "ACTIVE"}});
    let active = holders(&server, active).await;
    assert!(!active.is_empty(), "nobody in use holds both");
    let overlap = found("OVERLAP", "AAD_PREMIUM_P2", 1_100);
    for (user, of_two) in &active {
        assert!(of_two.contains(&overlap), "{of_two:?}");
        let mut others = of_two.iter().filter(|own| **own != overlap);
        assert!(others.all(|(.., saved)| *saved == euros(0)), "{of_two:?}");
        assert_eq!(yearly(&server, user).await, 13_200);
    }

    // Everybody is changed: of many the account is disabled.
    office.microsoft.change_users(USERS, ROUND);
    server.sync().await;
    let disabled = holders(&server, json!({"accountEnabled": false})).await;
    assert!(!disabled.is_empty(), "nobody who is disabled holds both");
    for (user, of_two) in &disabled {
        for expected in [
            found("DISABLED_ACCOUNT", "SPE_E5", 6_000),
            found("DISABLED_ACCOUNT", "AAD_PREMIUM_P2", 1_100),
            found("OVERLAP", "AAD_PREMIUM_P2", 0),
        ] {
            assert!(of_two.contains(&expected), "{of_two:?}");
        }
        assert_eq!(yearly(&server, user).await, 85_200);
    }
}
