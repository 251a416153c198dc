//! Answers by plan, and answers that are kept: the same bytes as without either.

use seatwise::simulator::{Settings, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::chance::{Chance, number};
use crate::support::process::{Process, environment_for};

/// Documents that are made up; people ask for more by `PLANNED_DOCUMENTS`.
const DOCUMENTS: u64 = 150;

pub(crate) const PLANNED: &str = "seatwise_graphql_answers_planned_total";
const HITS: &str = "seatwise_graphql_answers_kept_total{result=\"hit\"}";

/// A synced server of its own, for what it counts.
pub(crate) struct Place {
    pub(crate) server: Process,
    tenant: Value,
    simulator: Simulator,
    _directory: TempDir,
}

impl Place {
    pub(crate) async fn new(settings: &[(&str, &str)]) -> Self {
        Self::of(400, settings).await
    }

    pub(crate) async fn of(users: u64, settings: &[(&str, &str)]) -> Self {
        let simulator = Simulator::start(Settings {
            users,
            ..Settings::default()
        })
        .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let environment = environment_for("contoso", &simulator, settings);
        let served = Process::serve(directory.path(), &environment);
        let server = served.unwrap_or_else(|ended| panic!("{ended:?}"));
        let tenant = server.tenant("contoso").await;
        server.sync(&tenant).await;
        Self {
            server,
            tenant,
            simulator,
            _directory: directory,
        }
    }

    async fn planned(&self) -> u64 {
        self.server.metric(PLANNED).await
    }

    /// Asks twice; both answers must be the same bytes, the second one by plan or not.
    pub(crate) async fn check(&self, document: &str, variables: Value, is_planned: bool) {
        let first = self.server.raw(document, &variables).await;
        let before = self.planned().await;
        let second = self.server.raw(document, &variables).await;
        assert_eq!(first, second, "{document} {variables}");
        let planned = self.planned().await - before;
        assert_eq!(
            planned,
            u64::from(is_planned),
            "{document} {variables} {first}"
        );
    }
}

/// Nothing is kept, so that every answer is made.
pub(crate) const KEEPS_NOTHING: (&str, &str) = ("LIMITS__ANSWERS_KEPT_BYTES_MAX", "0");

#[tokio::test]
async fn a_document_that_was_answered_once_is_answered_by_plan() {
    let place = Place::new(&[KEEPS_NOTHING]).await;
    let by_variables = "query ($filter: UserFilter, $first: Int = 7, $after: String) {
        users(filter: $filter, first: $first, after: $after) {
            totalCount pageInfo {hasNextPage endCursor} nodes {id displayName}}}";
    let sales = json!({"filter": {"department": {"eq": "Sales"}}});
    place.check(by_variables, sales, true).await;
    let before = place.planned().await;
    let finance = json!({"filter": {"department": {"eq": "Finance"}}});
    let answer = place.server.query(by_variables, finance).await;
    assert_eq!(answer.get("errors"), None);
    assert_eq!(
        place.planned().await,
        before + 1,
        "other texts are the same plan"
    );

    place
        .check(
            "{users(first: 3) {__typename edges {__typename cursor node {__typename id}}}}",
            json!({}),
            true,
        )
        .await;
    place
        .check(
            "{a: users(first: 1) {nodes {x: mail}} b: users(last: 1) {nodes {x: id}} __typename}",
            json!({}),
            true,
        )
        .await;
    place
        .check(
            "{users(first: 2) {...page ... on UserConnection {nodes {mail ...named}}}}
         fragment page on UserConnection {nodes {displayName manager {id}} totalCount}
         fragment named on Node {id ... on User {manager {displayName}}}",
            json!({}),
            true,
        )
        .await;
    place
        .check("query a {users {totalCount}}", json!({}), true)
        .await;
}

#[tokio::test]
async fn what_a_plan_cannot_answer_is_answered_as_ever() {
    let place = Place::new(&[KEEPS_NOTHING]).await;
    let checks = [
        (
            "{users(first: 1) {nodes {id @include(if: true)}}}",
            json!({}),
        ),
        ("{users(first: 1) {nodes {id tenant {key}}}}", json!({})),
        ("{users {totalCount} viewer {role}}", json!({})),
        ("{tenants {key}}", json!({})),
        ("{__schema {queryType {name}}}", json!({})),
        (
            "query ($by: UserDimension!) {users {breakdown(by: $by) {key count}}}",
            json!({"by": "DEPARTMENT"}),
        ),
        ("{users(first: 0) {totalCount}}", json!({})),
        ("{users(after: \"x\") {nodes {id}}}", json!({})),
        (
            "query ($f: UserFilter) {users(filter: $f) {totalCount}}",
            json!({"f": {"departmnt": {"eq": "Sales"}}}),
        ),
        (
            "query ($f: UserFilter) {users(filter: $f) {totalCount}}",
            json!({"f": {"userType": {"eq": "NOBODY"}}}),
        ),
        (
            "query ($n: Int!) {users(first: $n) {totalCount}}",
            json!({"n": "1"}),
        ),
        (
            "query ($n: Int!) {users(first: $n) {totalCount}}",
            json!({}),
        ),
    ];
    for (document, variables) in checks {
        place.check(document, variables, false).await;
    }
}

/// A plan is made for one shape of variables, and whoever has another must not slip through.
#[tokio::test]
async fn a_plan_does_not_serve_variables_that_nobody_judged() {
    let place = Place::new(&[KEEPS_NOTHING]).await;
    let document =
        "query ($f: UserFilter, $n: Int) {users(filter: $f, first: $n) {totalCount nodes {id}}}";
    let good = json!({"f": {"department": {"eq": "Sales"}}, "n": 2});
    place.check(document, good.clone(), true).await;
    let bad = [
        json!({"f": {"departmnt": {"eq": "Sales"}}, "n": 2}),
        json!({"f": {"department": {"equals": "Sales"}}, "n": 2}),
        json!({"f": {"department": {"eq": 1}}, "n": 2}),
        json!({"f": {"department": {"eq": ["Sales"], "x": "y"}}, "n": 2}),
        json!({"f": {"userType": {"eq": "x"}}, "n": 2}),
        json!({"f": {"department": {"eq": "Sales"}}, "n": 0}),
        json!({"f": {"department": {"eq": "Sales"}}, "n": 501}),
        json!({"f": {"department": {"eq": "Sales"}}, "n": "2"}),
        json!({"f": [{"department": {"eq": "Sales"}}, {}], "n": 2}),
    ];
    for variables in bad {
        for _ in 0..2 {
            let answer = place.server.query(document, variables.clone()).await;
            assert!(answer["errors"].is_array(), "{variables} {answer}");
        }
    }
    place.check(document, good, true).await;
}

#[tokio::test]
async fn an_answer_is_kept_until_the_next_sync_changes_it() {
    let place = Place::new(&[]).await;
    let document = "{users {totalCount}}";
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(place.server.raw(document, &json!({})).await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(
        place.server.metric(HITS).await,
        2,
        "the first makes a plan, the second an answer"
    );
    assert!(
        place
            .server
            .metric("seatwise_graphql_answers_kept_bytes")
            .await
            > 0
    );

    place.simulator.remove_users(5);
    place.server.sync(&place.tenant).await;
    let later = place.server.raw(document, &json!({})).await;
    assert_ne!(
        later, answers[0],
        "what was true before the sync is not told after it"
    );
}

#[tokio::test]
async fn what_is_asked_once_is_not_kept() {
    let place = Place::new(&[]).await;
    let document = "query($d: String!) {users(filter: {department: {eq: $d}}) {totalCount}}";
    let ask = async |department: &str| place.server.raw(document, &json!({"d": department})).await;
    for number in 0..5 {
        ask(&format!("Department {number}")).await;
    }
    let kept = "seatwise_graphql_answers_kept_bytes";
    assert!(place.server.metric(PLANNED).await >= 4);
    assert_eq!(place.server.metric(kept).await, 0);
    for _ in 0..2 {
        ask("Department 4").await;
    }
    assert!(place.server.metric(kept).await > 0);
    assert_eq!(place.server.metric(HITS).await, 1);
}

#[tokio::test]
async fn who_has_an_answer_already_is_told_so() {
    let place = Place::new(&[]).await;
    let document = "{users(first: 2) {nodes {displayName}}}";
    let first = place.server.get_query(document, None).await;
    assert_eq!(first.status(), 200);
    let second = place.server.get_query(document, None).await;
    let tag = second.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(second.headers()["cache-control"], "private, no-cache");

    for known in [tag.clone(), format!("\"x\", W/{tag}")] {
        let third = place.server.get_query(document, Some(&known)).await;
        assert_eq!(third.status(), 304, "{known}");
        assert_eq!(third.headers()["cache-control"], "private, no-cache");
        assert_eq!(third.text().await.unwrap(), "");
    }
    let other = place
        .server
        .get_query("{users(first: 3) {nodes {displayName}}}", Some(&tag))
        .await;
    assert_eq!(other.status(), 200, "a tag is of one document");

    place.simulator.change_users(50, 1);
    place.server.sync(&place.tenant).await;
    let later = place.server.get_query(document, Some(&tag)).await;
    assert_eq!(later.status(), 200, "a tag is of one state");
}

#[tokio::test]
async fn random_documents_are_answered_alike_by_plan_and_without() {
    let place = Place::new(&[KEEPS_NOTHING]).await;
    let mut chance = Chance::seeded_by("PLANS_SEED");
    let cursors = cursors(&place).await;
    // Some users cost nothing that is known, some a sum, some two that are no sum.
    let prices = "mutation {
        a: setPrice(input: {skuId: \"05e9a617-0261-4cee-bb44-138d3ef5d965\", amount: \"36.05\", currency: \"EUR\"}) {id}
        b: setPrice(input: {skuId: \"f30db892-07e9-47e9-837c-80727f46fd3d\", amount: 1200, currency: \"JPY\"}) {id}}";
    place.server.data(prices).await;
    for _ in 0..number("PLANNED_DOCUMENTS").unwrap_or(DOCUMENTS) {
        let (document, variables) = MadeUp {
            chance: &mut chance,
            cursors: &cursors,
            fragments: Vec::new(),
        }
        .request();
        place.check(&document, variables, true).await;
    }
}

/// Cursors of the order in which nothing is said.
async fn cursors(place: &Place) -> Vec<String> {
    let data = place
        .server
        .data("{users(first: 100) {edges {cursor}}}")
        .await;
    let edges = data["users"]["edges"].as_array().unwrap();
    edges
        .iter()
        .map(|edge| edge["cursor"].as_str().unwrap().to_owned())
        .collect()
}

/// Makes up requests that plans answer.
struct MadeUp<'a> {
    chance: &'a mut Chance,
    cursors: &'a [String],
    fragments: Vec<String>,
}

const PLAIN: [&str; 30] = [
    "id",
    "objectId",
    "userPrincipalName",
    "displayName",
    "mail",
    "employeeId",
    "employeeType",
    "jobTitle",
    "department",
    "companyName",
    "officeLocation",
    "country",
    "usageLocation",
    "userType",
    "isResourceAccount",
    "accountEnabled",
    "mailboxType",
    "createdAt",
    "hiredOn",
    "isSyncedFromOnPremises",
    "licenseNames",
    "licenseValues",
    "lastSignInAt",
    "lastSignInAttemptAt",
    "lastActiveOn",
    "activityState",
    "monthlyCost {amount currency}",
    "unpricedLicenses",
    "__typename",
    "a: displayName",
];

const DIMENSIONS: [&str; 14] = [
    "TENANT",
    "DEPARTMENT",
    "USER_TYPE",
    "RESOURCE_ACCOUNT",
    "ACCOUNT_ENABLED",
    "LICENSE_NAME",
    "LICENSE_VALUE",
    "COMPANY",
    "COUNTRY",
    "USAGE_LOCATION",
    "OFFICE_LOCATION",
    "JOB_TITLE",
    "EMPLOYEE_TYPE",
    "ACTIVITY_STATE",
];

const TEXTS: [&str; 6] = [
    "department",
    "displayName",
    "mail",
    "jobTitle",
    "country",
    "userPrincipalName",
];
const VALUES: [&str; 8] = [
    "Sales", "an", "Finance", "a", "Germany", "de", "Account", "ü\"\\\\",
];

impl MadeUp<'_> {
    fn request(mut self) -> (String, Value) {
        let filter = self.filter(3);
        let (asked, variables) = match self.chance.below(2) {
            0 => {
                let written = literal(&filter);
                (
                    format!("users(filter: {written}{})", self.page()),
                    json!({}),
                )
            }
            _ => (
                format!("users(filter: $filter{})", self.page()),
                json!({"filter": filter}),
            ),
        };
        let head = if variables.as_object().unwrap().is_empty() {
            ""
        } else {
            "($filter: UserFilter)"
        };
        let mut fields: Vec<String> = (0..1 + self.chance.below(4))
            .map(|_| self.of_connection())
            .collect();
        fields.dedup();
        let mut document = format!("query q{head} {{{asked} {{{}}}}}", fields.join(" "));
        for (number, fragment) in self.fragments.iter().enumerate() {
            document += &format!(" fragment f{number} on User {{{fragment}}}");
        }
        (document, variables)
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.chance.below(of.len() as u64) as usize]
    }

    fn page(&mut self) -> String {
        let size = 1 + self.chance.below(20);
        let cursor = self.cursors[self.chance.below(self.cursors.len() as u64) as usize].clone();
        match self.chance.below(6) {
            0 => String::new(),
            1 => format!(", last: {size}"),
            2 => format!(", first: {size}, after: \"{cursor}\""),
            3 => format!(", last: {size}, before: \"{cursor}\""),
            4 => {
                let by = self.one(&[
                    "DISPLAY_NAME",
                    "DEPARTMENT",
                    "CREATED_AT",
                    "LICENSE_COUNT",
                    "LAST_ACTIVE_ON",
                    "MONTHLY_COST",
                ]);
                format!(", first: {size}, orderBy: [{{field: {by}, direction: DESC}}]")
            }
            _ => format!(", first: {size}, search: \"a\""),
        }
    }

    fn of_connection(&mut self) -> String {
        match self.chance.below(6) {
            0 => "totalCount".to_owned(),
            1 => "pageInfo {hasNextPage hasPreviousPage startCursor e: endCursor __typename}"
                .to_owned(),
            2 => format!("edges {{cursor node {{{}}}}}", self.of_user(2)),
            3 => {
                let (by, first) = (self.one(&DIMENSIONS), 1 + self.chance.below(30));
                let name = self.chance.below(1_000_000);
                format!(
                    "g{name}: breakdown(by: {by}, first: {first}) {{key label count activeCount inactiveCount unknownCount}}"
                )
            }
            _ => format!("nodes {{{}}}", self.of_user(2)),
        }
    }

    fn of_user(&mut self, depth: u32) -> String {
        let mut fields: Vec<String> = (0..1 + self.chance.below(8))
            .map(|_| self.one(&PLAIN).to_owned())
            .collect();
        if depth > 0 {
            match self.chance.below(5) {
                0 => fields.push(format!("manager {{{}}}", self.of_user(depth - 1))),
                1 => fields.push("licenses {state error assignedDirectly lastUpdatedAt license {id skuId name nameSource value status isCompanyWide}}".to_owned()),
                2 => fields.push(format!("... on User {{{}}}", self.of_user(depth - 1))),
                3 => {
                    let inner = self.of_user(depth - 1);
                    self.fragments.push(inner);
                    fields.push(format!("...f{}", self.fragments.len() - 1));
                }
                _ => {}
            }
        }
        fields.join(" ")
    }

    fn filter(&mut self, depth: u32) -> Value {
        if depth == 0 || self.chance.below(3) == 0 {
            return match self.chance.below(5) {
                0 => json!({"isResourceAccount": self.chance.below(2) == 0}),
                1 => json!({"licenseValues": {"hasSome": ["SPE_E3", "SPE_E5"]}}),
                2 => json!({"createdAt": {"gte": "2020-01-01T00:00:00Z"}}),
                _ => {
                    let operator = self.one(&["eq", "contains", "startsWith", "ne"]);
                    let (text, value) = (self.one(&TEXTS), self.one(&VALUES));
                    json!({text: {operator: value}})
                }
            };
        }
        let parts: Vec<Value> = (0..1 + self.chance.below(2))
            .map(|_| self.filter(depth - 1))
            .collect();
        match self.chance.below(3) {
            0 => json!({"and": parts}),
            1 => json!({"or": parts}),
            _ => json!({"not": parts[0]}),
        }
    }
}

/// JSON as GraphQL writes it: names without quotes.
pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| format!("{name}: {}", literal(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(entries) => {
            format!(
                "[{}]",
                entries.iter().map(literal).collect::<Vec<_>>().join(", ")
            )
        }
        plain => plain.to_string(),
    }
}
