//! Everybody of an organization, as Microsoft tells it and as Seatwise serves it: two ways to what
//! must be the same.

use std::collections::{BTreeMap, BTreeSet};

use seatwise::simulator::Handle;
use serde_json::{Value, json};

use super::process::Asker;

/// By object id.
pub(crate) type People = BTreeMap<String, Person>;

/// Every property that the simulator's edits touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    display_name: Value,
    department: Value,
    job_title: Value,
    office: Value,
    is_enabled: Value,
    /// GUIDs of the products that are assigned, whether or not that is in force.
    licenses: BTreeSet<String>,
}

/// The setting under which everybody may be asked for in one answer, which is one moment. There must
/// not be more of them than a page holds.
pub(crate) const EVERYBODY: (&str, &str) = ("LIMITS__COST_MAX", "100000000");

/// Rows of a page at most.
pub(crate) const PAGE_ROWS_MAX: usize = 500;

/// A token of the application's own, to ask Microsoft past the product.
pub(crate) async fn token_of(microsoft: &Handle) -> String {
    let client = reqwest::Client::new();
    let (login, tenant) = (microsoft.login_url(), microsoft.tenant_id());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &microsoft.client_id()),
        ("client_secret", &microsoft.client_secret()),
        ("scope", &format!("{}/.default", microsoft.graph_url())),
    ];
    let asked = client
        .post(format!("{login}/{tenant}/oauth2/v2.0/token"))
        .form(&form);
    let token: Value = asked.send().await.unwrap().json().await.unwrap();
    token["access_token"].as_str().unwrap().to_owned()
}

/// Asks Microsoft itself, past the product.
pub(crate) async fn told_by(microsoft: &Handle) -> People {
    let client = reqwest::Client::new();
    let token = token_of(microsoft).await;
    let mut people = People::new();
    let mut link = format!(
        "{}/v1.0/users?$top=100&$select=id,displayName,department,jobTitle,officeLocation,accountEnabled,licenseAssignmentStates",
        microsoft.graph_url()
    );
    loop {
        let asked = client.get(&link).bearer_auth(&token).send();
        let page: Value = asked.await.unwrap().json().await.unwrap();
        let rows = page["value"].as_array().unwrap();
        people.extend(rows.iter().map(|row| {
            let person = Person {
                display_name: row["displayName"].clone(),
                department: row["department"].clone(),
                job_title: row["jobTitle"].clone(),
                office: row["officeLocation"].clone(),
                is_enabled: row["accountEnabled"].clone(),
                licenses: texts(&row["licenseAssignmentStates"], |path| &path["skuId"]),
            };
            (row["id"].as_str().unwrap().to_owned(), person)
        }));
        match page["@odata.nextLink"].as_str() {
            Some(next) => next.clone_into(&mut link),
            None => return people,
        }
    }
}

/// Asks the product, which must be started with [`EVERYBODY`].
pub(crate) async fn served_by(server: &Asker, tenant: &Value) -> People {
    let answer = server.query(SERVED, json!({"tenant": tenant})).await;
    served_in(&answer)
}

/// Asks for everybody of a tenant.
pub(crate) const SERVED: &str =
    "query ($tenant: ID!) {users(filter: {tenant: {eq: $tenant}}, first: 500) {
        totalCount
        nodes {objectId displayName department jobTitle officeLocation accountEnabled
            licenses {license {skuId}}}}}";

/// Everybody in an answer to that.
pub(crate) fn served_in(answer: &Value) -> People {
    let users = &answer["data"]["users"];
    let rows = users["nodes"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"));
    let people: People = rows
        .iter()
        .map(|row| {
            let person = Person {
                display_name: row["displayName"].clone(),
                department: row["department"].clone(),
                job_title: row["jobTitle"].clone(),
                office: row["officeLocation"].clone(),
                is_enabled: row["accountEnabled"].clone(),
                licenses: texts(&row["licenses"], |held| &held["license"]["skuId"]),
            };
            (row["objectId"].as_str().unwrap().to_owned(), person)
        })
        .collect();
    assert_eq!(users["totalCount"], people.len());
    assert!(people.len() < PAGE_ROWS_MAX);
    people
}

/// Who differs between two moments: as in the one, and as in the other.
pub(crate) fn difference<'a>(
    one: &'a People,
    other: &'a People,
) -> Vec<(Option<&'a Person>, Option<&'a Person>)> {
    let ids: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let pairs = ids.into_iter().map(|id| (one.get(id), other.get(id)));
    pairs.filter(|(one, other)| one != other).collect()
}

fn texts(list: &Value, text: impl Fn(&Value) -> &Value) -> BTreeSet<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|entry| text(entry).as_str().unwrap().to_lowercase())
        .collect()
}
