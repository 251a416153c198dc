use std::collections::BTreeSet;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;

use super::support::Visit;
use super::support::refusal_of;
use super::support::texts;

const UNSUPPORTED: &str = "Request_UnsupportedQuery";

/// A request for ids with this filter.
fn filtered(filter: &str, rest: &str) -> String {
    format!("/v1.0/users?$select=id&$filter={filter}{rest}")
}

/// `createdDateTime` of everybody, cut into spans that share their ends.
const SPANS: [(&str, &str); 4] = [
    ("2000-01-01T00:00:00Z", "2015-06-01T00:00:00Z"),
    ("2015-06-01T00:00:00Z", "2018-06-01T00:00:00Z"),
    ("2018-06-01T00:00:00Z", "2023-01-01T00:00:00Z"),
    ("2023-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
];

fn span(from: &str, until: &str) -> String {
    format!("createdDateTime ge {from} and createdDateTime le {until}")
}

#[tokio::test]
async fn spans_of_creation_and_those_without_a_date_are_everybody_once() {
    let visit = Visit::to(700).await;
    visit.microsoft.remove_users(40);
    visit.microsoft.add_users(30);
    let everybody = visit.all("/v1.0/users?$select=id&$top=999").await;
    for size in [37, 999] {
        let mut ids: Vec<String> = Vec::new();
        for (from, until) in SPANS {
            let target = filtered(&span(from, until), &format!("&$top={size}&$count=true"));
            let counted = visit.json(&target).await["@odata.count"].as_u64().unwrap();
            let rows = visit.all(&target).await;
            assert_eq!(rows.len() as u64, counted, "{from}");
            assert!(counted > 30, "{counted} from {from}");
            ids.extend(texts(&rows, "/id").into_iter().map(str::to_owned));
        }
        let undated = filtered(
            "createdDateTime eq null",
            &format!("&$count=true&$top={size}"),
        );
        let undated = visit.all(&undated).await;
        assert!(undated.len() > 10);
        ids.extend(texts(&undated, "/id").into_iter().map(str::to_owned));
        let distinct: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        assert_eq!(distinct, texts(&everybody, "/id").into_iter().collect());
        assert_eq!(ids.len(), everybody.len(), "no two of them share a second");
    }
}

#[tokio::test]
async fn a_page_goes_on_where_the_one_before_ended_whoever_leaves_meanwhile() {
    let visit = Visit::to(400).await;
    let target = filtered(
        &span("2000-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
        "&$top=100",
    );
    let before = visit.all(&target).await;
    let first = visit.json(&target).await;
    let removed = visit.microsoft.remove_users(60);
    let mut seen: Vec<String> = texts(first["value"].as_array().unwrap(), "/id")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let rest = visit.all(first["@odata.nextLink"].as_str().unwrap()).await;
    seen.extend(texts(&rest, "/id").into_iter().map(str::to_owned));
    let missed: Vec<&str> = texts(&before, "/id")
        .into_iter()
        .filter(|id| !seen.iter().any(|seen| seen == id))
        .collect();
    assert!(!missed.is_empty());
    assert!(
        missed
            .iter()
            .all(|id| removed.iter().any(|gone| gone == id))
    );
}

#[tokio::test]
async fn what_a_filter_shows_is_what_it_says_and_the_count_agrees() {
    let visit = Visit::to(500).await;
    let all = visit
        .all("/v1.0/users?$select=id,userPrincipalName,userType,accountEnabled&$top=999")
        .await;
    let check = async |filter: &str, matches: &dyn Fn(&serde_json::Value) -> bool| {
        let expected: Vec<&str> = all
            .iter()
            .filter(|user| matches(user))
            .filter_map(|user| user["id"].as_str())
            .collect();
        assert!(!expected.is_empty(), "{filter}");
        let rows = visit.all(&filtered(filter, "&$top=50&$count=true")).await;
        assert_eq!(texts(&rows, "/id"), expected, "{filter}");
        let count = visit
            .get(&format!("/v1.0/users/$count?$filter={filter}"))
            .await;
        assert_eq!(
            count.text().await.unwrap(),
            expected.len().to_string(),
            "{filter}"
        );
    };
    let name =
        |user: &serde_json::Value| user["userPrincipalName"].as_str().unwrap().to_lowercase();
    let ids = [
        all[7]["id"].as_str().unwrap(),
        all[300]["id"].as_str().unwrap(),
    ];
    check("userType eq 'Guest'", &|user| user["userType"] == "Guest").await;
    check("userType eq 'Member'", &|user| user["userType"] == "Member").await;
    check("userType eq null", &|user| user["userType"].is_null()).await;
    check("accountEnabled eq false", &|user| {
        user["accountEnabled"] == false
    })
    .await;
    check("startsWith(userPrincipalName,'A')", &|user| {
        name(user).starts_with('a')
    })
    .await;
    check(&format!("id eq '{}'", ids[0]), &|user| user["id"] == ids[0]).await;
    check(&format!("id in ('{}','{}')", ids[0], ids[1]), &|user| {
        ids.iter().any(|id| user["id"] == *id)
    })
    .await;
    check(
        "userType eq 'Member' and accountEnabled eq false",
        &|user| user["userType"] == "Member" && user["accountEnabled"] == false,
    )
    .await;
}

#[tokio::test]
async fn filters_that_the_directory_does_not_answer_are_refused() {
    let visit = Visit::to(30).await;
    for filter in [
        "createdDateTime gt 2020-01-01T00:00:00Z",
        "userType ne 'Guest'",
        "not(accountEnabled eq true)",
        "department eq 'Sales'",
        "endsWith(mail,'com')",
        "signInActivity/lastSignInDateTime ge 2026-01-01T00:00:00Z and userType eq 'Guest'",
        "accountEnabled eq true or accountEnabled eq false",
    ] {
        let refusal = visit.refusal(&filtered(filter, "&$count=true")).await;
        assert_eq!(refusal, (400, UNSUPPORTED.to_owned()), "{filter}");
    }
    let undated = filtered("createdDateTime eq null", "");
    assert_eq!(visit.refusal(&undated).await.0, 400, "no $count=true");
    let plain = visit.plain(&format!("{undated}&$count=true")).send().await;
    let refusal = refusal_of(plain.unwrap()).await;
    assert_eq!(refusal, (400, UNSUPPORTED.to_owned()), "no header");
    let sign_in = "signInActivity/lastSignInDateTime ge 2020-01-01T00:00:00Z";
    let count = visit
        .refusal(&format!("/v1.0/users/$count?$filter={sign_in}"))
        .await;
    assert_eq!(count.0, 502);
}

#[tokio::test]
async fn quotes_must_be_percent_encoded() {
    let visit = Visit::to(30).await;
    let address = visit
        .microsoft
        .graph_url()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let status = |target: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let token = &visit.token;
        let head = format!(
            "GET {target} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer[9..12].to_owned()
    };
    assert_eq!(status("/v1.0/users?$filter=userType%20eq%20'Guest'"), "400");
    assert_eq!(
        status("/v1.0/users?$filter=userType%20eq%20%27Guest%27"),
        "200"
    );
}
