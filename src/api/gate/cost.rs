//! What an operation costs: its fields, as often as they may be answered, with the conditions of
//! their filters.
//!
//! A connection answers its `nodes` and `edges` once a row and everything else once; other lists have
//! a usual length. It is worked out here and not by async-graphql, which takes a variable that was
//! left out for an error while it prices, though leaving it out is right; and here it is known before
//! anything is validated.

use std::collections::HashMap;

use async_graphql::Variables;
use async_graphql::parser::types::{ExecutableDocument, Field};
use async_graphql::{Name, Value};
use jiff::civil::Date;

use super::expand::Cost;
use crate::api::settings::Limits;
use crate::api::types::usage::DAYS_MAX;
use crate::domain::sync_run::Dataset;

/// Price of one condition of a filter, or of a search. It may look through every text of a property,
/// some milliseconds for a million of them, and nothing can interrupt that.
const CONDITION_PRICE: usize = 20;

/// Groups of a breakdown when nobody says how many.
const GROUPS_DEFAULT: usize = 20;

/// Price of counting all selected users by a property of many values, however few groups are shown:
/// what a condition or two cost.
const COUNTING_PRICE: usize = 40;

/// The same for a property of a handful of values.
const COUNTING_FEW_PRICE: usize = 10;

/// Properties with a handful of values.
const FEW_VALUED: [&str; 5] = [
    "TENANT",
    "USER_TYPE",
    "RESOURCE_ACCOUNT",
    "ACCOUNT_ENABLED",
    "ACTIVITY_STATE",
];

/// Price of a day of a usage series: everybody who was active on it is looked at.
const DAY_PRICE: usize = 20;

/// Price of a whole plan as a file: some ten thousand lines.
const FILE_PRICE: usize = 10_000;

/// Price of a day of changes: all of them are looked at where a filter asks for a license or user.
const CHANGES_DAY_PRICE: usize = 5;

/// Prices the fields of one document with the variables of one request.
pub(super) struct Prices<'a> {
    variables: &'a Variables,
    /// The largest default of each variable, over all operations of the document.
    defaults: Vec<(&'a Name, usize)>,
    /// Conditions that a variable holds, as it is given or by default.
    conditions: HashMap<&'a str, usize>,
}

impl<'a> Prices<'a> {
    pub(super) fn new(document: &'a ExecutableDocument, variables: &'a Variables) -> Self {
        let definitions = document
            .operations
            .iter()
            .flat_map(|(_, operation)| &operation.node.variable_definitions);
        let defaults = definitions
            .filter_map(|definition| {
                let default = definition.node.default_value.as_ref()?;
                Some((&definition.node.name.node, length(&default.node)?))
            })
            .collect();
        let mut conditions = HashMap::new();
        for definition in document
            .operations
            .iter()
            .flat_map(|(_, operation)| &operation.node.variable_definitions)
        {
            let name = &definition.node.name.node;
            let default = definition.node.default_value.as_ref();
            let held = variables.get(name).or(default.map(|default| &default.node));
            let most: &mut usize = conditions.entry(name.as_str()).or_default();
            *most = held.map_or(0, conditions_of).max(*most);
        }
        Self {
            variables,
            defaults,
            conditions,
        }
    }

    /// What a field adds to the selection it stands in, given what its own selection costs.
    pub(super) fn of_field(&self, field: &Field, children: Cost) -> Cost {
        let name = field.name.node.as_str();
        let page = || self.asked(field, "first").max(self.asked(field, "last"));
        let whole = match name {
            // Its groups are rows of its own, whatever page is asked for around it.
            "breakdown" => children
                .whole()
                .saturating_mul(page().unwrap_or(GROUPS_DEFAULT))
                .saturating_add(self.counting_price(field)),
            "usage" => {
                let days = self.days(field);
                let points = self.points(field, days);
                children
                    .whole()
                    .saturating_mul(points)
                    .saturating_add(days.saturating_mul(DAY_PRICE))
            }
            "file" => FILE_PRICE,
            _ if children.by_row > 0 || name == "changes" => {
                let days = match name {
                    "changes" => self.days(field),
                    _ => 0,
                };
                children
                    .by_row
                    .saturating_mul(page().unwrap_or(Limits::PAGE_ROWS_UNSAID))
                    .saturating_add(children.once)
                    .saturating_add(days.saturating_mul(CHANGES_DAY_PRICE))
            }
            _ => {
                let entries = self.asked(field, "ids").unwrap_or(usual_length(name));
                children.once.saturating_mul(entries)
            }
        };
        let conditions = ["filter", "search"].map(|name| self.conditions(field, name));
        let looked_for = conditions.into_iter().fold(0, usize::saturating_add);
        let whole = whole
            .saturating_add(looked_for.saturating_mul(CONDITION_PRICE))
            .saturating_add(1);
        match name {
            "nodes" | "edges" => Cost {
                once: 0,
                by_row: whole,
            },
            _ => Cost {
                once: whole,
                by_row: 0,
            },
        }
    }

    /// What counting by the property of a breakdown costs; the most where it is not known.
    fn counting_price(&self, field: &Field) -> usize {
        let is_few = |word: &str| FEW_VALUED.contains(&word);
        match self.value(field, "by") {
            Some(Value::Enum(name)) if is_few(name.as_str()) => COUNTING_FEW_PRICE,
            Some(Value::String(name)) if is_few(&name) => COUNTING_FEW_PRICE,
            _ => COUNTING_PRICE,
        }
    }

    /// The days of a usage series; the most that there may be where they are not known.
    fn days(&self, field: &Field) -> usize {
        let day = |name| match self.value(field, name)? {
            Value::String(text) => text.parse::<Date>().ok(),
            _ => None,
        };
        let span = day("from").zip(day("to")).map(|(from, to)| to - from);
        let days = span.map_or(DAYS_MAX, |span| span.get_days().saturating_add(1));
        // An absurd range is refused by its resolver, not priced.
        usize::try_from(days.clamp(0, DAYS_MAX)).unwrap_or_default()
    }

    /// The points that a series of so many days may have.
    fn points(&self, field: &Field, days: usize) -> usize {
        let step = match self.value(field, "by") {
            Some(Value::Enum(name)) => days_of_a_point(name.as_str()),
            Some(Value::String(name)) => days_of_a_point(&name),
            _ => 1,
        };
        match step {
            1 => days,
            step => days.div_ceil(step).saturating_add(1),
        }
    }

    /// An argument as it is written or given; `None` where it is not there, or by default only.
    fn value(&self, field: &Field, name: &str) -> Option<Value> {
        let argument = field.get_argument(name)?.node.clone();
        let given = argument.into_const_with(|name| self.variables.get(&name).cloned().ok_or(()));
        given.ok()
    }

    /// How many conditions an argument holds.
    fn conditions(&self, field: &Field, name: &str) -> usize {
        let Some(argument) = field.get_argument(name) else {
            return 0;
        };
        let mut in_variables: usize = 0;
        let literal = argument.node.clone().into_const_with(|name| {
            let held = self.conditions.get(name.as_str()).copied();
            in_variables = in_variables.saturating_add(held.unwrap_or(0));
            Ok::<_, std::convert::Infallible>(Value::Null)
        });
        match literal {
            Ok(literal) => conditions_of(&literal).saturating_add(in_variables),
            Err(never) => match never {},
        }
    }

    /// How many rows an argument asks for; `None` where it is not there, null or no number.
    fn asked(&self, field: &Field, name: &str) -> Option<usize> {
        let argument = field.get_argument(name)?.node.clone();
        let mut variable = None;
        let value = argument.into_const_with(|name| {
            let given = self.variables.get(&name).cloned();
            variable = Some(name);
            given.ok_or(())
        });
        let rows = match value {
            Ok(value) => length(&value),
            Err(()) => {
                let defaults = self.defaults.iter();
                let own = defaults.filter(|(name, _)| Some(*name) == variable.as_ref());
                own.map(|(_, rows)| *rows).max()
            }
        };
        // An absurd wish is refused by its resolver, not priced.
        rows.map(|rows| rows.min(Limits::PAGE_ROWS_MOST))
    }
}

/// Conditions of a filter, however they nest. A list of texts is one condition.
fn conditions_of(value: &Value) -> usize {
    let sum = |values: &mut dyn Iterator<Item = &Value>| {
        values.map(conditions_of).fold(0, usize::saturating_add)
    };
    match value {
        Value::Null => 0,
        Value::Object(fields) => sum(&mut fields.values()),
        Value::List(entries) => {
            let is_nested = |entry: &Value| matches!(entry, Value::Object(_) | Value::Null);
            match entries.iter().any(is_nested) {
                true => sum(&mut entries.iter()),
                false => 1,
            }
        }
        _ => 1,
    }
}

/// The number that a value is, or the length of a list.
fn length(value: &Value) -> Option<usize> {
    match value {
        // The cast saturates: below zero nothing is asked for, beyond every number all of it.
        Value::Number(number) => Some(number.as_f64().unwrap_or_default() as usize),
        Value::List(entries) => Some(entries.len()),
        _ => None,
    }
}

/// The fewest days that one point of a series stands for, unless it is the first or the last.
fn days_of_a_point(by: &str) -> usize {
    match by {
        "MONTH" => 28,
        "WEEK" => 7,
        _ => 1,
    }
}

/// How long the lists are that have no pages.
fn usual_length(field: &str) -> usize {
    match field {
        // Of 50 that are kept at most, and of as many applications as a person uses.
        "directoryChanges" | "applications" | "servicePlans" => 20,
        // As many as a tenant has licenses, with a rise of each ahead.
        "prices" | "renewals" | "exchangeRates" => 50,
        "datasets" | "capabilities" => Dataset::ALL.len(),
        "tenants" | "metrics" => 10,
        // Of one finding; and of one user, where it is no page.
        "evidence" => 8,
        // As many as there are kinds.
        "counts" => 8,
        "byApp" => 8,
        "licenses" | "disabledPlans" => 5,
        "assignedByGroups" | "assignsLicenses" | "subscriptions" | "findings" => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;
    use serde_json::{Value, json};

    use crate::api::gate;
    use crate::api::settings::Limits;

    /// Holds that an operation costs exactly this: it passes a limit of as much, and none of less.
    #[track_caller]
    fn check_with(document: &str, variables: Value, cost: usize) {
        let passes = |cost_max| {
            let limits = Limits {
                cost_max,
                ..Limits::default()
            };
            let variables = Variables::from_json(variables.clone());
            gate::check(document, &variables, None, &limits).is_ok()
        };
        assert!(passes(cost), "{document} costs more than {cost}");
        assert!(!passes(cost - 1), "{document} costs less than {cost}");
    }

    #[track_caller]
    fn check(document: &str, cost: usize) {
        check_with(document, json!({}), cost);
    }

    #[test]
    fn a_page_costs_its_rows_and_the_rest_once() {
        check(
            "{users(first: 10) {totalCount nodes {id displayName}}}",
            1 + 1 + 10 * 3,
        );
        check("{users(last: 10) {edges {node {id}}}}", 1 + 10 * 3);
        check("{users {nodes {id}}}", 1 + 50 * 2);
        check("{users(first: 500) {totalCount}}", 2);
        check(
            "{users(first: 500) {...page}} fragment page on UserConnection {nodes {id}}",
            1 + 500 * 2,
        );
    }

    #[test]
    fn a_breakdown_costs_its_groups_whatever_the_page_around_it() {
        check(
            "{users(first: 500) {breakdown(by: DEPARTMENT, first: 100) {key count}}}",
            1 + 1 + 40 + 100 * 2,
        );
        check("{users {breakdown(by: DEPARTMENT) {key}}}", 1 + 1 + 40 + 20);
    }

    #[test]
    fn counting_is_priced_by_its_property_however_few_groups_are_shown() {
        let by = |by: &str| format!("{{users {{breakdown(by: {by}, first: 1) {{key}}}}}}");
        check(&by("LICENSE_NAME"), 1 + 1 + 40 + 1);
        check(&by("JOB_TITLE"), 1 + 1 + 40 + 1);
        check(&by("ACTIVITY_STATE"), 1 + 1 + 10 + 1);
        let document = "query ($by: UserDimension!) {users {breakdown(by: $by, first: 1) {key}}}";
        check_with(document, json!({"by": "TENANT"}), 1 + 1 + 10 + 1);
        check_with(document, json!({"by": "COUNTRY"}), 1 + 1 + 40 + 1);
        // By default only, and so unknown here.
        let document = "query ($by: UserDimension! = TENANT) {
            users {breakdown(by: $by, first: 1) {key}}}";
        check_with(document, json!({}), 1 + 1 + 40 + 1);
        let nested = "{licenses(first: 500) {nodes {users {
            breakdown(by: LICENSE_VALUE, first: 1) {key}}}}}";
        check(nested, 1 + 500 * (1 + 1 + 1 + 40 + 1));
    }

    #[test]
    fn a_series_costs_its_days_and_its_points() {
        let usage = |rest: &str| {
            format!("{{usage(workload: TEAMS, from: \"2026-01-01\", {rest}) {{on activeUsers}}}}")
        };
        check(&usage("to: \"2026-01-10\""), 1 + 10 * 20 + 10 * 2);
        check(&usage("to: \"2026-01-28\", by: WEEK"), 1 + 28 * 20 + 5 * 2);
        check(
            &usage("to: \"2026-12-31\", by: MONTH"),
            1 + 365 * 20 + 15 * 2,
        );
        check(&usage("to: \"2025-01-01\""), 1);
        check(&usage("to: \"9999-12-31\""), 1 + 400 * 20 + 400 * 2);
        check(
            "{usage(workload: TEAMS, from: \"x\", to: 7) {metrics {name}}}",
            1 + 400 * 20 + 400 * (1 + 10),
        );
        let document = "query ($from: Date!, $to: Date!, $by: Granularity = MONTH) {
            usage(workload: TEAMS, from: $from, to: $to, by: $by) {on}}";
        let variables = json!({"from": "2026-01-01", "to": "2026-01-28", "by": "WEEK"});
        check_with(document, variables, 1 + 28 * 20 + 5);
        let variables = json!({"from": "2026-01-01", "to": "2026-01-28"});
        check_with(document, variables, 1 + 28 * 20 + 28);
    }

    #[test]
    fn changes_cost_their_days_their_filter_and_their_page() {
        let changes = |rest: &str| format!("{{changes(from: \"2026-01-01\", {rest}}}");
        let january = changes("to: \"2026-01-31\") {totalCount}");
        check(&january, 1 + 31 * 5 + 1);
        let page = changes("to: \"2026-01-31\", first: 10) {nodes {kind user {id}} counts {kind}}");
        check(&page, 1 + 31 * 5 + 10 * (1 + 1 + 2) + (1 + 8));
        let filter = changes("to: \"9999-12-31\", filter: {kind: {eq: LEFT}}) {totalCount}");
        check(&filter, 1 + 400 * 5 + 1 + 20);
    }

    #[test]
    fn what_hangs_on_users_and_groups_costs_its_usual_length() {
        check(
            "{users(first: 10) {nodes {activity {outlook {emailsSent} copilot {byApp {app}}}}}}",
            1 + 10 * (1 + 1 + (1 + 1) + 1 + (1 + 8)),
        );
        check(
            "{users(first: 10) {nodes {groups(first: 5) {nodes {members(first: 20) {nodes {id}}}}}}}",
            1 + 10 * (1 + 1 + 5 * (1 + 1 + 20 * 2)),
        );
        check(
            "{users(first: 10) {nodes {licenses {assignedByGroups {displayName}}}}}",
            1 + 10 * (1 + 1 + 5 * (1 + 3)),
        );
        check(
            "{users(first: 10) {nodes {applications {name} directoryChanges {at}}}}",
            1 + 10 * (1 + (1 + 20) * 2),
        );
        check("{tenants {capabilities {state}}}", 1 + 10 * (1 + 19));
        check(
            "{users(filter: {activity: [{workload: TEAMS, lastActiveOn: {lt: \"2026-01-01\"}}]}) {
                totalCount}}",
            2 + 2 * 20,
        );
    }

    #[test]
    fn conditions_are_priced_however_they_come() {
        check("{users(filter: {}) {totalCount}}", 2);
        check(
            "{users(filter: {department: {in: [\"a b\", \"c\"], isNull: false}}) {totalCount}}",
            2 + 2 * 20,
        );
        check(
            "{users(filter: {or: [{mail: {eq: \"a\"}}, {not: {mail: {ne: \"b\"}}}]}) {totalCount}}",
            2 + 2 * 20,
        );
        check("{users(search: \"ann von\") {totalCount}}", 2 + 20);
        let document = "query ($filter: UserFilter, $text: String = \"x\") {
            users(filter: {and: [$filter], mail: {eq: $text}}) {totalCount}}";
        let filter = json!({"or": [{"mail": {"eq": "a"}}, {"department": {"eq": "b"}}]});
        check_with(document, json!({"filter": filter}), 2 + 3 * 20);
        check_with(document, json!({}), 2 + 20);
        check(
            "{licenses(first: 10) {nodes {users(filter: {mail: {contains: \"a\"}}) {totalCount}}}}",
            1 + 10 * (1 + 2 + 20),
        );
    }

    #[test]
    fn pages_in_pages_multiply() {
        check(
            "{users(first: 10) {nodes {manager {license {users(first: 20) {nodes {id}}}}}}}",
            1 + 10 * (3 + 1 + 20 * 2),
        );
    }

    #[test]
    fn a_list_costs_its_usual_length_or_that_of_its_ids() {
        check("{tenants {id name}}", 1 + 10 * 2);
        check("{nodes(ids: [\"a\", \"b\", \"c\"]) {id}}", 1 + 3);
        check_with(
            "query ($ids: [ID!]!) {nodes(ids: $ids) {id}}",
            json!({"ids": ["a", "b"]}),
            1 + 2,
        );
    }

    #[test]
    fn a_variable_counts_as_given_or_by_default_and_may_be_left_out() {
        let document =
            "query ($first: Int, $last: Int) {users(first: $first, last: $last) {nodes {id}}}";
        check_with(document, json!({"first": 7}), 1 + 7 * 2);
        check_with(document, json!({"first": null}), 1 + 50 * 2);
        check_with(document, json!({}), 1 + 50 * 2);
        check(
            "query ($first: Int = 9) {users(first: $first) {nodes {id}}}",
            1 + 9 * 2,
        );
    }

    #[test]
    fn an_absurd_wish_costs_no_more_than_the_largest_page() {
        for first in ["2147483647", "99999999999999999999"] {
            check(
                &format!("{{users(first: {first}) {{nodes {{id}}}}}}"),
                1 + 500 * 2,
            );
        }
        check("{users(first: -1) {nodes {id}}}", 1);
    }
}
