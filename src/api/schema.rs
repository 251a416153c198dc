//! The schema: what is served, from what, and within which limits.

use std::sync::Arc;

use async_graphql::{Request, SDLExportOptions, SchemaBuilder};

use super::caller::Caller;
use super::export::Exporter;
use super::mutation::Mutation;
use super::plan::Planner;
use super::query::Query;
use super::settings::Limits;
use super::subscription::Subscription;
use super::types::reading::{Reading, Rooms};
use crate::sync::Coordinator;

/// What the server executes requests against. Cloning it is cheap.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// What a schema answers from.
pub struct Parts {
    /// What happens to tenants.
    pub coordinator: Arc<Coordinator>,
    /// Seals cursors: secret, and the same after a restart so that cursors outlive it.
    pub cursor_key: [u8; 32],
    /// What one request may ask for.
    pub limits: Limits,
}

/// Builds the schema that is served.
pub fn build(parts: Parts) -> Schema {
    limited(&parts.limits)
        .data(Arc::new(Rooms::new(parts)))
        .finish()
}

/// Prepares requests for execution: every one is given its caller and the moment it is answered from.
/// Prepare a request when it is about to run, not when it arrives.
pub fn attach(schema: &Schema) -> impl Fn(Request, &Caller) -> Request + Clone + use<> {
    let rooms = schema.data::<Arc<Rooms>>().cloned();
    move |request, caller| {
        let request = request.data(caller.clone());
        match &rooms {
            Some(rooms) => request.data(Reading::now(rooms.clone())),
            None => request,
        }
    }
}

/// What answers the lists of a schema by plans.
pub fn planner(schema: &Schema, limits: &Limits) -> Option<Planner> {
    let rooms = schema.data::<Arc<Rooms>>()?;
    Some(Planner::new(Arc::clone(rooms), limits))
}

/// What exports the lists of a schema.
pub fn exporter(schema: &Schema, limits: &Limits) -> Option<Exporter> {
    let rooms = schema.data::<Arc<Rooms>>()?;
    Some(Exporter::new(Arc::clone(rooms), limits.exports_max))
}

/// The schema as text, the same whatever the server is configured for.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
        .prefer_single_line_descriptions()
        .use_space_ident();
    bare().finish().sdl_with_options(options)
}

/// As deep as the gate lets documents nest: the query by which editors learn the schema is 15 deep.
fn limited(limits: &Limits) -> SchemaBuilder<Query, Mutation, Subscription> {
    bare().limit_depth(limits.nesting_max)
}

/// Names that do not exist are not guessed at: the guess would cost time, and tell what it found.
fn bare() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query, Mutation, Subscription).disable_suggestions()
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;
    use serde_json::Value;

    use super::*;
    use crate::api::error::Code;
    use crate::api::gate;

    /// What GraphiQL asks first, with everything it may ask.
    const INTROSPECTION: &str = "
        query IntrospectionQuery {
          __schema {
            description
            queryType { name kind }
            mutationType { name kind }
            subscriptionType { name kind }
            types { ...FullType }
            directives {
              name description isRepeatable locations
              args(includeDeprecated: true) { ...InputValue }
            }
          }
        }
        fragment FullType on __Type {
          kind name description specifiedByURL isOneOf
          fields(includeDeprecated: true) {
            name description
            args(includeDeprecated: true) { ...InputValue }
            type { ...TypeRef }
            isDeprecated deprecationReason
          }
          inputFields(includeDeprecated: true) { ...InputValue }
          interfaces { ...TypeRef }
          enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
          possibleTypes { ...TypeRef }
        }
        fragment InputValue on __InputValue {
          name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
        }
        fragment TypeRef on __Type {
          kind name
          ofType { kind name ofType { kind name ofType { kind name ofType { kind name
            ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
        }";

    /// Executes without anything to answer from: what passes all checks fails as INTERNAL.
    async fn answer(document: &str) -> Value {
        let schema = limited(&Limits::default()).finish();
        serde_json::to_value(schema.execute(document).await).unwrap()
    }

    async fn introspected() -> Value {
        let answer = answer(INTROSPECTION).await;
        assert_eq!(answer["errors"], Value::Null);
        answer["data"]["__schema"].clone()
    }

    async fn first_error(document: &str) -> (String, Value) {
        let answer = answer(document).await;
        let error = &answer["errors"][0];
        let message = error["message"].as_str().unwrap_or_default();
        (message.to_owned(), error["extensions"]["code"].clone())
    }

    /// Costs are the gate's business; that they fit this schema is held here.
    async fn check_cost(document: &str, passes: bool) {
        let limits = Limits::default();
        let admitted = gate::check(document, &Variables::default(), None, &limits);
        if passes {
            assert!(admitted.is_ok(), "{document}: {admitted:?}");
            let (message, code) = first_error(document).await;
            assert_eq!(code, "INTERNAL", "{document}: {message}");
        } else {
            assert_eq!(
                admitted.unwrap_err().code(),
                Code::LimitExceeded,
                "{document}"
            );
        }
    }

    #[test]
    fn the_committed_schema_is_the_served_one() {
        let committed = include_str!("../../schema.graphql");
        assert_eq!(
            committed,
            sdl(),
            "rewrite it: cargo run -- schema > schema.graphql"
        );
    }

    #[tokio::test]
    async fn an_editor_may_ask_for_the_whole_schema() {
        let schema = introspected().await;
        assert_eq!(schema["queryType"]["name"], "Query");
        assert_eq!(schema["mutationType"]["name"], "Mutation");
        assert_eq!(schema["subscriptionType"]["name"], "Subscription");
    }

    /// Paths of everything in an introspected part that has a name of its own and no description.
    fn undescribed(path: &str, part: &Value, found: &mut Vec<String>) {
        let path = format!("{path}/{}", part["name"].as_str().unwrap_or_default());
        if part["description"].as_str().unwrap_or_default().is_empty() {
            found.push(path.clone());
        }
        for list in ["fields", "args", "inputFields", "enumValues"] {
            for inner in part[list].as_array().into_iter().flatten() {
                undescribed(&path, inner, found);
            }
        }
    }

    #[tokio::test]
    async fn everything_in_the_schema_is_described() {
        let schema = introspected().await;
        let types = schema["types"].as_array().unwrap().iter();
        let ours = types.filter(|one| {
            let name = one["name"].as_str().unwrap();
            name != "ID" && !name.starts_with("__")
        });
        let mut found = Vec::new();
        ours.for_each(|one| undescribed("", one, &mut found));
        assert_eq!(found, [] as [&str; 0]);
    }

    #[tokio::test]
    async fn what_a_dashboard_asks_for_passes() {
        check_cost(
            "{users(filter: {department: {eq: \"Sales\"}, isResourceAccount: false,
                licenseNames: {hasSome: [\"Microsoft 365 E3\"]}, userType: {eq: MEMBER}}, first: 50) {
                totalCount nodes {displayName department licenseNames licenseValues userType}}}",
            true,
        )
        .await;
        check_cost(
            "{users(first: 500) {
                totalCount pageInfo {hasNextPage endCursor}
                department: breakdown(by: DEPARTMENT, first: 500) {key label count}
                license: breakdown(by: LICENSE_NAME) {key label count}
                edges {cursor node {id displayName mail manager {displayName}
                    licenses {state license {name value}}}}}}",
            true,
        )
        .await;
        check_cost(
            "{licenses(first: 500) {nodes {name seats {consumed active inactive unknown}
                subscriptions {status seats nextChangeAt} users {totalCount}}}}",
            true,
        )
        .await;
        check_cost(
            "{users(filter: {activityState: {in: [INACTIVE, NEVER_ACTIVE]},
                activity: [{workload: TEAMS, lastActiveOn: {lt: \"2026-01-01\"}}]},
                orderBy: [{field: LAST_ACTIVE_ON}], first: 200) {
                breakdown(by: ACTIVITY_STATE) {label count activeCount inactiveCount unknownCount}
                nodes {displayName lastActiveOn lastSignInAt activityState mailboxType
                    groups(first: 5) {nodes {displayName}}
                    activity(period: D90) {
                        outlook {lastActiveOn emailsSent mailboxBytes} teams {meetings audioSeconds}
                        oneDrive {viewedOrEdited storageBytes} sharePoint {visitedPages}
                        vivaEngage {posted} apps {windows activatedPlatforms}
                        copilot {byApp {app lastActiveOn}}}}}}",
            true,
        )
        .await;
        check_cost(
            "{groups(filter: {assignsLicenses: true}, first: 50) {totalCount nodes {displayName
                isDynamic assignsLicenses {name} members(first: 20) {totalCount nodes {displayName}}}}
              usage(workload: TEAMS, from: \"2026-01-01\", to: \"2026-12-31\", by: WEEK) {
                on activeUsers metrics {name total}}
              tenants {signInsKnownSince capabilities {dataset state asOf remedy}}}",
            true,
        )
        .await;
    }

    #[tokio::test]
    async fn pages_inside_pages_are_refused_by_what_they_may_answer() {
        let nested =
            "{users(first: 500) {nodes {licenses {license {users(first: 500) {nodes {id}}}}}}}";
        check_cost(nested, false).await;
        let groups = "{licenses(first: 500) {nodes {users(first: 1) {
            breakdown(by: DEPARTMENT, first: 500) {key count}}}}}";
        check_cost(groups, false).await;
        let deeper = "{licenses {nodes {users {nodes {licenses {license {users {nodes {licenses {
            license {users {nodes {id}}}}}}}}}}}}}";
        check_cost(deeper, false).await;
        let members = "{users(first: 500) {nodes {groups(first: 10) {nodes {
            members(first: 10) {nodes {id}}}}}}}";
        check_cost(members, false).await;
        let year = "usage(workload: TEAMS, from: \"2026-01-01\", to: \"2026-12-31\") {on}";
        let years: Vec<_> = (0..14).map(|number| format!("u{number}: {year}")).collect();
        check_cost(&format!("{{{}}}", years.join(" ")), false).await;
    }

    #[tokio::test]
    async fn absurd_arguments_pass_the_cost_and_meet_their_check() {
        for first in ["-1", "0", "-2147483648", "2147483647"] {
            check_cost(&format!("{{users(first: {first}) {{totalCount}}}}"), true).await;
        }
        let (message, _) = first_error("{users(first: 99999999999) {totalCount}}").await;
        assert!(message.contains("Int"), "{message}");
    }

    #[tokio::test]
    async fn an_argument_out_of_its_range_is_bad_input_whichever_it_is() {
        let ids = "\"VGVuYW50OmNvbnRvc28\", ".repeat(501);
        let (message, code) = first_error(&format!("{{nodes(ids: [{ids}]) {{id}}}}")).await;
        assert_eq!(code, "BAD_INPUT", "{message}");
        assert!(
            message.contains("501") && message.contains("500"),
            "{message}"
        );
        let range = "{usage(workload: TEAMS, from: \"2025-01-01\", to: \"2026-12-31\") {on}}";
        let (message, code) = first_error(range).await;
        assert_eq!(code, "BAD_INPUT", "{message}");
        assert!(message.contains("400"), "{message}");
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_not_guessed_at() {
        let (message, _) = first_error("{userz {totalCount}}").await;
        assert!(
            message.contains("userz") && !message.contains("Did you mean"),
            "{message}"
        );
    }

    #[tokio::test]
    async fn nothing_is_changed_for_a_request_without_a_caller() {
        let (_, code) = first_error("mutation {startSync(tenant: \"x\") {id}}").await;
        assert_eq!(code, "UNAUTHENTICATED");
    }
}
