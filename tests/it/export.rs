//! Exports: what is in them, read by readers of their own, beside what GraphQL says.

use bytes::Bytes;
use jiff::civil::date;
use jiff::{Timestamp, ToSpan as _};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::support::{Options, Server, TOKEN};

/// Rows by column.
pub(crate) type Rows = Vec<Map<String, Value>>;

/// What every list is asked for here: its name, a filter as GraphQL writes it, the same as JSON, orders.
const ASKED: [(&str, &str, &str, Option<&str>); 4] = [
    (
        "users",
        r#"{userType: {eq: MEMBER}, department: {in: ["Sales", "Marketing"]}}"#,
        r#"{"userType": {"eq": "MEMBER"}, "department": {"in": ["Sales", "Marketing"]}}"#,
        Some("[{field: LAST_ACTIVE_ON, direction: DESC}, {field: DISPLAY_NAME}]"),
    ),
    (
        "licenses",
        "{available: {gte: 0}}",
        r#"{"available": {"gte": 0}}"#,
        Some("[{field: CONSUMED, direction: DESC}]"),
    ),
    (
        "groups",
        "{assignsLicenses: true}",
        r#"{"assignsLicenses": true}"#,
        None,
    ),
    (
        "findings",
        "{kind: {in: [GUEST, OVERLAP, UNASSIGNED_SEATS, SUBSCRIPTION_CHANGE, NEVER_ACTIVE]}}",
        r#"{"kind": {"in": ["GUEST", "OVERLAP", "UNASSIGNED_SEATS", "SUBSCRIPTION_CHANGE",
            "NEVER_ACTIVE"]}}"#,
        Some("[{field: KIND, direction: DESC}]"),
    ),
];

async fn ask(server: &Server, list: &str, parameters: &[(&str, &str)]) -> Response {
    let client = reqwest::Client::new();
    let request = client.get(server.url(&format!("/export/{list}")));
    let request = request.query(parameters).bearer_auth(TOKEN);
    request.send().await.unwrap()
}

pub(crate) async fn exported(server: &Server, list: &str, parameters: &[(&str, &str)]) -> Bytes {
    let answer = ask(server, list, parameters).await;
    let status = answer.status();
    let body = answer.bytes().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body:?}");
    body
}

/// Status, code and message of a refusal.
async fn refused(answer: Response) -> (u16, String, String) {
    let status = answer.status().as_u16();
    let kind = answer.headers()[header::CONTENT_TYPE].clone();
    assert_eq!(kind, "application/json; charset=utf-8");
    let answer: Value = answer.json().await.unwrap();
    let error = &answer["errors"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (
        status,
        text(&error["extensions"]["code"]),
        text(&error["message"]),
    )
}

pub(crate) fn rows_of_lines(body: &[u8]) -> Rows {
    let lines = std::str::from_utf8(body).unwrap().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// All columns of a list, in their order.
async fn columns(server: &Server, list: &str) -> Vec<String> {
    let body = exported(server, list, &[("format", "csv")]).await;
    let mut reader = csv::Reader::from_reader(&*body);
    reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect()
}

/// `a.b` as a selection.
fn selection(column: &str) -> String {
    match column.split_once('.') {
        Some((outer, inner)) => format!("{outer} {{{}}}", selection(inner)),
        None => column.to_owned(),
    }
}

/// What stands at the path of a column; of a list, what each of its members has there.
fn at(node: &Value, column: &str) -> Value {
    let (outer, inner) = match column.split_once('.') {
        Some((outer, inner)) => (outer, Some(inner)),
        None => (column, None),
    };
    match (&node[outer], inner) {
        (Value::Array(members), Some(inner)) => {
            members.iter().map(|member| at(member, inner)).collect()
        }
        (value, Some(inner)) => at(value, inner),
        (value, None) => value.clone(),
    }
}

/// The list as GraphQL pages through it.
async fn paged(
    server: &Server,
    list: &str,
    filter: &str,
    order_by: Option<&str>,
    columns: &[String],
) -> Rows {
    let fields: Vec<String> = columns.iter().map(|column| selection(column)).collect();
    let fields = fields.join(" ");
    let orders = order_by.map_or(String::new(), |orders| format!("orderBy: {orders}"));
    let mut rows = Rows::new();
    let mut after = Value::Null;
    loop {
        let document = format!(
            "query ($after: String) {{{list}(filter: {filter} {orders} first: 100 after: $after)
                {{nodes {{{fields}}} pageInfo {{hasNextPage endCursor}}}}}}"
        );
        let answer = server.query(&document, json!({"after": after})).await;
        assert_eq!(answer.get("errors"), None, "{document}");
        let page = &answer["data"][list];
        for node in page["nodes"].as_array().unwrap() {
            let row = columns
                .iter()
                .map(|column| (column.clone(), at(node, column)));
            rows.push(row.collect());
        }
        if page["pageInfo"]["hasNextPage"] == false {
            return rows;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// A value where there are no lists.
fn flat(value: &Value) -> Value {
    let Value::Array(texts) = value else {
        return value.clone();
    };
    let texts: Vec<&str> = texts.iter().map(|text| text.as_str().unwrap()).collect();
    json!(texts.join("; "))
}

/// A value as CSV tells it; nothing in the demo needs a guard.
fn cell(value: &Value) -> String {
    match flat(value) {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A value of a Parquet file as GraphQL would tell it.
fn of_field(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => json!(flag),
        Field::Long(number) => json!(number),
        Field::Str(text) => json!(text),
        Field::Date(days) => json!((date(1970, 1, 1) + days.days()).to_string()),
        Field::TimestampMicros(micros) => {
            json!(Timestamp::from_microsecond(*micros).unwrap().to_string())
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) fn rows_of_parquet(body: Bytes) -> Rows {
    let reader = SerializedFileReader::new(body).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    let row = |row: parquet::record::Row| {
        let fields = row.get_column_iter();
        fields
            .map(|(name, field)| (name.clone(), of_field(field)))
            .collect()
    };
    rows.map(|one| row(one.unwrap())).collect()
}

#[tokio::test]
async fn json_lines_are_what_graphql_pages_say() {
    let server = Server::demo().await;
    for (list, filter, as_json, orders) in ASKED {
        let columns = columns(server, list).await;
        let expected = paged(server, list, filter, orders, &columns).await;
        assert!(expected.len() > 5, "{list}");
        for filter in [filter, as_json] {
            let mut parameters = vec![("filter", filter), ("format", "jsonl")];
            parameters.extend(orders.map(|orders| ("orderBy", orders)));
            let body = exported(server, list, &parameters).await;
            assert!(rows_of_lines(&body) == expected, "{list} {filter}");
        }
    }
}

#[tokio::test]
async fn csv_is_what_graphql_pages_say() {
    let server = Server::demo().await;
    for (list, filter, _, orders) in ASKED {
        let columns = columns(server, list).await;
        let rows = paged(server, list, filter, orders, &columns).await;
        let row = |row: &Map<String, Value>| {
            let cells = columns.iter().map(|column| cell(&row[column]));
            cells.collect::<Vec<_>>()
        };
        let expected: Vec<_> = rows.iter().map(row).collect();
        let mut parameters = vec![("filter", filter)];
        parameters.extend(orders.map(|orders| ("orderBy", orders)));
        let body = exported(server, list, &parameters).await;
        assert!(body.ends_with(b"\r\n"), "{list}");
        let mut reader = csv::Reader::from_reader(&*body);
        let told = reader.records().map(|record| {
            let record = record.unwrap();
            record.iter().map(str::to_owned).collect::<Vec<_>>()
        });
        assert!(told.collect::<Vec<_>>() == expected, "{list}");
    }
}

#[tokio::test]
async fn parquet_is_what_graphql_pages_say() {
    let server = Server::demo().await;
    for (list, filter, _, orders) in ASKED {
        let columns = columns(server, list).await;
        let mut expected = paged(server, list, filter, orders, &columns).await;
        for value in expected.iter_mut().flat_map(Map::values_mut) {
            *value = flat(value);
        }
        let mut parameters = vec![("filter", filter), ("format", "parquet")];
        parameters.extend(orders.map(|orders| ("orderBy", orders)));
        let body = exported(server, list, &parameters).await;
        assert!(rows_of_parquet(body) == expected, "{list}");
    }
}

#[tokio::test]
async fn columns_search_and_short_orders_are_as_they_are_asked_for() {
    let server = Server::demo().await;
    let all = exported(server, "users", &[("columns", "department,mail")]).await;
    let mut reader = csv::Reader::from_reader(&*all);
    assert_eq!(reader.headers().unwrap(), vec!["department", "mail"]);
    assert_eq!(reader.records().count() as u64, server.user_count().await);

    let short = [
        ("search", "an"),
        ("orderBy", "department desc, displayName"),
        ("columns", "objectId"),
        ("format", "jsonl"),
    ];
    let document = r#"{users(search: "an", first: 500, orderBy:
        [{field: DEPARTMENT, direction: DESC}, {field: DISPLAY_NAME}]) {nodes {objectId}}}"#;
    let expected = server.data(document).await;
    let told = Value::from_iter(rows_of_lines(&exported(server, "users", &short).await));
    assert_eq!(told, expected["users"]["nodes"]);
}

#[tokio::test]
async fn a_file_says_its_name_its_kind_and_its_length() {
    let server = Server::demo().await;
    let today = server.coordinator.now().strftime("%F").to_string();
    let tenant = server.tenant_id().await;
    let filter = format!("{{tenant: {{eq: {tenant:?}}}}}");
    for (accept, extension, kind) in [
        ("*/*", "csv", "text/csv; charset=utf-8; header=present"),
        (
            "application/x-ndjson",
            "jsonl",
            "application/x-ndjson; charset=utf-8",
        ),
        (
            "application/vnd.apache.parquet",
            "parquet",
            "application/vnd.apache.parquet",
        ),
    ] {
        let client = reqwest::Client::new();
        let request = client.get(server.url("/export/users"));
        let request = request.query(&[("filter", &filter)]).bearer_auth(TOKEN);
        let answer = request.header(header::ACCEPT, accept).send().await.unwrap();
        let headers = answer.headers();
        assert_eq!(headers[header::CONTENT_TYPE], kind);
        let name = format!("attachment; filename=\"seatwise-users-contoso-{today}.{extension}\"");
        assert_eq!(headers[header::CONTENT_DISPOSITION], name);
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        let count = headers["x-total-count"].to_str().unwrap();
        assert_eq!(count, server.user_count().await.to_string());
        // Read to its end, so that its place is free again.
        answer.bytes().await.unwrap();
    }
    let marked = exported(server, "licenses", &[("bom", "true")]).await;
    assert!(marked.starts_with("\u{feff}tenant.key,".as_bytes()));
    let plain = exported(server, "licenses", &[]).await;
    assert_eq!(plain, marked["\u{feff}".len()..]);
}

#[tokio::test]
async fn what_graphql_refuses_is_refused_in_its_words() {
    let server = Server::demo().await;
    let deep = format!("{}{{}}{}", "{not: ".repeat(6), "}".repeat(6));
    let words = vec!["a"; 21].join(" ");
    let many = vec!["{}"; 300].join(",");
    let many = format!("{{and: [{many}]}}");
    for (name, kind, value, short) in [
        ("filter", "UserFilter", r#"{departmnt: {eq: "x"}}"#, None),
        ("filter", "UserFilter", "{department: 7}", None),
        ("filter", "UserFilter", r#"{tenant: {eq: "nobody"}}"#, None),
        ("filter", "UserFilter", &deep, None),
        ("filter", "UserFilter", &many, None),
        ("search", "String", &format!("{words:?}"), Some(&*words)),
        ("orderBy", "[UserOrder!]", "[{field: SHOE_SIZE}]", None),
        (
            "orderBy",
            "[UserOrder!]",
            "[{field: SHOE_SIZE}]",
            Some("shoeSize"),
        ),
    ] {
        let _ = kind;
        let document = format!("{{users({name}: {value}) {{__typename}}}}");
        let answer = server.query(&document, json!({})).await;
        let error = &answer["errors"][0];
        let expected = (
            400,
            error["extensions"]["code"].as_str().unwrap().to_owned(),
            error["message"].as_str().unwrap().to_owned(),
        );
        let asked = [(name, short.unwrap_or(value))];
        let told = refused(ask(server, "users", &asked).await).await;
        assert_eq!(told, expected, "{name}: {value}");
    }
}

#[tokio::test]
async fn what_an_export_does_not_know_is_refused_with_what_it_knows() {
    let server = Server::demo().await;
    let check = async |list: &str, asked: &[(&str, &str)], status: u16, code: &str, about: &str| {
        let told = refused(ask(server, list, asked).await).await;
        assert_eq!((told.0, &*told.1), (status, code), "{told:?}");
        assert!(told.2.contains(about), "{told:?}");
    };
    check("tenants", &[], 404, "NOT_FOUND", "users, licenses, groups").await;
    check(
        "users",
        &[("columns", "shoe")],
        400,
        "BAD_INPUT",
        "licenseNames",
    )
    .await;
    check(
        "users",
        &[("format", "xls")],
        400,
        "BAD_INPUT",
        "csv, jsonl",
    )
    .await;
    check("users", &[("filtre", "{}")], 400, "BAD_INPUT", "filter").await;
    check(
        "users",
        &[("filter", "{")],
        400,
        "BAD_INPUT",
        "neither JSON",
    )
    .await;
    check(
        "prices",
        &[("filter", "{}")],
        400,
        "BAD_INPUT",
        "it takes: license",
    )
    .await;
    let license = [("license", "x")];
    check("prices", &license, 400, "BAD_INPUT", "no id of this server").await;
    check(
        "groups",
        &[("search", "x")],
        400,
        "BAD_INPUT",
        "it takes: filter",
    )
    .await;
    let deep = "[".repeat(200_000);
    check(
        "users",
        &[("filter", &deep[..5_000])],
        400,
        "LIMIT_EXCEEDED",
        "24 deep",
    )
    .await;

    let client = reqwest::Client::new();
    let url = server.url("/export/users");
    let request = client.get(&url).bearer_auth(TOKEN);
    let told = request.header(header::ACCEPT, "image/png").send().await;
    assert_eq!(refused(told.unwrap()).await.0, 406);
    let told = client.post(&url).bearer_auth(TOKEN).send().await;
    assert_eq!(refused(told.unwrap()).await.0, 405);
    for token in [None, Some("another-token-0123456789")] {
        let request = client.request(Method::GET, &url);
        let request = token
            .into_iter()
            .fold(request, |request, token| request.bearer_auth(token));
        let told = refused(request.send().await.unwrap()).await;
        assert_eq!((told.0, &*told.1), (401, "UNAUTHENTICATED"));
    }
}

#[tokio::test]
async fn a_cell_that_a_spreadsheet_would_run_is_guarded_in_csv_and_nowhere_else() {
    const FORMULA: &str = "=HYPERLINK(\"http://evil.example\",\"E3\")";
    let server = Server::fresh(Options::default()).await;
    let licenses = server.data("{licenses {nodes {id value}}}").await;
    let nodes = licenses["licenses"]["nodes"].as_array().unwrap();
    let e3 = nodes.iter().find(|node| node["value"] == "SPE_E3").unwrap();
    let rename = "mutation ($license: ID!, $name: String) {renameLicense(license: $license, name: $name) {name}}";
    let renamed = server
        .query(rename, json!({"license": e3["id"], "name": FORMULA}))
        .await;
    assert_eq!(renamed.get("errors"), None, "{renamed}");

    let only = r#"{value: {eq: "SPE_E3"}}"#;
    let asked = [("filter", only), ("columns", "name,value")];
    let csv = exported(&server, "licenses", &asked).await;
    let expected =
        "name,value\r\n\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"E3\"\")\",SPE_E3\r\n";
    assert_eq!(csv, expected);
    let asked = [asked.as_slice(), &[("format", "jsonl")]].concat();
    let lines = rows_of_lines(&exported(&server, "licenses", &asked).await);
    assert_eq!(lines[0]["name"], FORMULA);
    let asked = [("columns", "licenseNames")];
    let names = exported(&server, "users", &asked).await;
    let names = String::from_utf8(names.to_vec()).unwrap();
    assert!(
        names.contains("\n\"'=HYPER"),
        "lists that begin with it too"
    );
    assert!(
        !names.contains("\n\"=") && !names.contains("\n="),
        "{names}"
    );
}
