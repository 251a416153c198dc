//! Ways of asking, and the macro that makes tests of sentences. Answers are held against a second way
//! of asking, never against counts: who is in the demo is the simulator's business.

use serde_json::{Map, Value, json};

use crate::support::Server;

/// Makes a test of each sentence: an `async fn` that is given a demo organization of 2,000 simulated
/// users behind the real front door. Those that only ask share one; those that change it have each
/// their own.
macro_rules! sentences {
    (of one demo: $($name:ident)*) => {
        mod tests {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::support::Server::demo().await).await;
                }
            )*
        }
    };
    (of a fresh demo each: $($name:ident)*) => {
        mod tests {
            $(
                #[tokio::test]
                async fn $name() {
                    let options = crate::support::Options { users: 2_000, ..Default::default() };
                    super::$name(&crate::support::Server::fresh(options).await).await;
                }
            )*
        }
    };
}
pub(crate) use sentences;

/// The data of an answer without errors.
pub(crate) async fn data(server: &Server, document: &str, variables: Value) -> Value {
    let answer = server.query(document, variables).await;
    assert_eq!(answer.get("errors"), None, "{document}");
    answer["data"].clone()
}

/// The code of the first error of an answer.
pub(crate) async fn refusal(server: &Server, document: &str, variables: Value) -> String {
    let answer = server.query(document, variables).await;
    let code = &answer["errors"][0]["extensions"]["code"];
    code.as_str()
        .unwrap_or_else(|| panic!("no error: {answer}"))
        .to_owned()
}

pub(crate) const COUNT: &str = "query ($filter: UserFilter, $search: String) {
    users(filter: $filter, search: $search, first: 1) {totalCount}}";

/// How many users a filter selects.
pub(crate) async fn count(server: &Server, filter: Value) -> usize {
    let data = data(server, COUNT, json!({"filter": filter})).await;
    number(&data["users"]["totalCount"])
}

pub(crate) fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}

/// `{name: value}`, for a name that is computed.
pub(crate) fn object(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

pub(crate) const PAGE: &str = "query ($filter: UserFilter, $orderBy: [UserOrder!], $first: Int, $after: String,
        $last: Int, $before: String) {
    users(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
        totalCount
        pageInfo {hasNextPage hasPreviousPage startCursor endCursor}
        edges {cursor}
        nodes {
            id objectId userPrincipalName displayName mail employeeId employeeType jobTitle department
            companyName officeLocation country usageLocation userType isResourceAccount accountEnabled
            createdAt isSyncedFromOnPremises licenseNames licenseValues
        }
    }
}";

pub(crate) async fn page(server: &Server, variables: Value) -> Value {
    data(server, PAGE, variables).await["users"].clone()
}

/// All users, walked through by pages from one end or the other, in order.
pub(crate) async fn walk(
    server: &Server,
    order_by: Value,
    size: usize,
    is_backward: bool,
) -> Vec<Value> {
    let mut users: Vec<Value> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let arguments = if is_backward {
            json!({"orderBy": order_by, "last": size, "before": cursor})
        } else {
            json!({"orderBy": order_by, "first": size, "after": cursor})
        };
        let page = page(server, arguments).await;
        let nodes = list(&page["nodes"]).to_vec();
        let (more, next) = if is_backward {
            users.splice(0..0, nodes);
            ("hasPreviousPage", "startCursor")
        } else {
            users.extend(nodes);
            ("hasNextPage", "endCursor")
        };
        if page["pageInfo"][more] == false {
            assert_eq!(users.len(), number(&page["totalCount"]));
            return users;
        }
        cursor = page["pageInfo"][next].clone();
    }
}

pub(crate) async fn everybody(server: &Server) -> Vec<Value> {
    walk(server, Value::Null, 500, false).await
}
