//! The steps from a request to its answer, each alone.

use std::hint::black_box;
use std::sync::Arc;

use async_graphql::Variables;
use bytes::Bytes;
use clap::ValueEnum;
use jiff::Timestamp;
use seatwise::api::gate;
use seatwise::api::settings::Limits;
use seatwise::domain::filter::{
    OrderDirection, TimeCondition, UserDimension, UserFilter, UserFlag, UserOrder, UserOrderField,
    UserText,
};
use seatwise::domain::text::search_words;
use seatwise::domain::user::UserType;
use seatwise::engine::{GroupDetail, TenantIndex, UserSelection, Window, select};
use serde_json::json;

use crate::Outcome;
use crate::organization::{self, contains, is};
use crate::service::serve;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// A document through the gate: tokens, syntax, size and cost
    Gate,
    /// A request for a known plan that finds nobody: its JSON, the plan, its arguments
    Parse,
    /// A document becomes a plan
    Plan,
    /// A filter of sets, ranges and instants, counted
    Filter,
    /// Parts of texts, and words of a search, counted
    Search,
    /// The first, the last and a later page, of few users and of many
    Page,
    /// Few users and many by a property of few values, of many, and by license
    Breakdown,
    /// A request for a known plan that finds a full page: rows as JSON
    Encode,
}

/// How often each is done: that what is random or lazy in a process weighs little.
const ROUNDS: usize = 20;

/// Where counting begins and ends, unless a step is inside the program: see [`Step::counted`].
#[inline(never)]
fn counted<T>(mut work: impl FnMut(usize) -> T) {
    for round in 0..ROUNDS {
        black_box(work(round));
    }
}

/// A page of 500 users has more.
const FULL_PAGE_BYTES: usize = 200_000;

/// A page as a frontend asks for it; what is searched for comes in variables.
const PAGE: &str = "query ($filter: UserFilter, $first: Int, $after: String) {
    users(filter: $filter, first: $first, after: $after) {
        totalCount pageInfo {hasNextPage endCursor}
        nodes {id displayName userPrincipalName mail department jobTitle userType accountEnabled
               createdAt lastActiveOn activityState licenseNames manager {id displayName}
               licenses {state assignedDirectly license {id name value}}}}}";

impl Step {
    /// The function inside which instructions count, and whatever it calls.
    pub(crate) fn counted(self) -> &'static str {
        match self {
            Self::Plan => "seatwise::api::plan::Planner::learn",
            _ => "instructions::steps::counted",
        }
    }

    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Does it, with everything around it that it needs.
    pub(crate) fn run(self) -> Outcome<()> {
        match self {
            Self::Gate => pass_the_gate(),
            Self::Parse => serve(|ask| {
                let body = body_of(PAGE, "Department of nobody", 50);
                prepare(ask, &body)?;
                counted(|_| ask(&body));
                Ok(())
            })?,
            Self::Plan => serve(|ask| {
                for round in 0..ROUNDS {
                    // Another name is another document.
                    let document = PAGE.replacen("query", &format!("query q{round}"), 1);
                    prepare(ask, &body_of(&document, "Department of nobody", 50))?;
                }
                Ok(())
            })?,
            Self::Encode => serve(|ask| {
                let body = body_of(PAGE, "Department 1", 500);
                let bytes = prepare(ask, &body)?;
                if bytes < FULL_PAGE_BYTES {
                    return Err(format!("a full page has more than {bytes} bytes").into());
                }
                counted(|_| ask(&body));
                Ok(())
            })?,
            Self::Filter => filter(&[Arc::new(organization::index()?)]),
            Self::Search => search(&[Arc::new(organization::index()?)]),
            Self::Page => page(&[Arc::new(organization::index()?)])?,
            Self::Breakdown => breakdown(&[Arc::new(organization::index()?)]),
        }
        Ok(())
    }
}

/// Has a request answered as often as it takes until it has a plan; how long the answer is.
fn prepare(ask: &dyn Fn(&str) -> Bytes, body: &str) -> Outcome<usize> {
    let answers = [(); 3].map(|()| ask(body));
    let answer = std::str::from_utf8(&answers[0])?;
    match answer.starts_with("{\"data\":") && answers[1] == answers[2] {
        true => Ok(answer.len()),
        false => Err(format!("not an answer: {answer}").into()),
    }
}

fn body_of(document: &str, department: &str, first: usize) -> String {
    let filter = json!({
        "department": {"in": [department]}, "isResourceAccount": false,
        "or": [{"userType": {"in": ["MEMBER"]}}, {"not": {"country": {"contains": "1"}}}],
    });
    let variables = json!({"filter": filter, "first": first});
    json!({"query": document, "variables": variables}).to_string()
}

fn pass_the_gate() {
    let limits = Limits::default();
    let variables = json!({"filter": {"department": {"in": ["a", "b"]}}, "first": 50});
    let variables = Variables::from_json(variables);
    counted(|_| gate::check(PAGE, &variables, None, &limits).is_ok());
}

fn created_since(seconds: i64) -> UserFilter {
    UserFilter::CreatedAt(TimeCondition::Within {
        from: Timestamp::from_second(seconds).ok(),
        before: None,
    })
}

/// What few users are: of one department, members, no resources.
fn few() -> UserFilter {
    UserFilter::And(vec![
        is(UserText::Department, "Department 40"),
        UserFilter::Flag(UserFlag::ResourceAccount, false),
        UserFilter::UserType([UserType::Member].into()),
        UserFilter::License(organization::sku(2)),
    ])
}

/// What many users are.
fn many() -> UserFilter {
    UserFilter::Or(vec![
        UserFilter::Not(Box::new(is(UserText::Department, "Department 0"))),
        UserFilter::License(organization::sku(0)),
    ])
}

fn filter(tenants: &[Arc<TenantIndex>]) {
    let nested = UserFilter::Or(vec![
        few(),
        UserFilter::And(vec![
            many(),
            created_since(1_550_000_000),
            UserFilter::Not(Box::new(UserFilter::Or(vec![
                contains(UserText::JobTitle, "7"),
                created_since(1_690_000_000),
                UserFilter::Flag(UserFlag::AccountEnabled, false),
            ]))),
        ]),
    ]);
    counted(|_| {
        let one = |filter| select(tenants, filter, &[]).count();
        one(&few()) + one(&many()) + one(&nested)
    });
}

fn search(tenants: &[Arc<TenantIndex>]) {
    let parts = ["ann", "ber", "smith", "a", "zzzz"];
    let words = search_words("ann sm");
    counted(|_| {
        let mut found = select(tenants, &UserFilter::EVERYBODY, &words).count();
        for part in parts {
            for of in [UserText::DisplayName, UserText::UserPrincipalName] {
                found += select(tenants, &contains(of, part), &[]).count();
            }
        }
        found
    });
}

fn selections(tenants: &[Arc<TenantIndex>]) -> [UserSelection; 3] {
    let filters = [few(), many(), UserFilter::EVERYBODY];
    filters.map(|filter| select(tenants, &filter, &[]))
}

fn page(tenants: &[Arc<TenantIndex>]) -> Outcome<()> {
    let order = |field, direction| UserOrder { field, direction };
    let orders = [
        vec![order(
            UserOrderField::DisplayName,
            OrderDirection::Ascending,
        )],
        vec![order(UserOrderField::CreatedAt, OrderDirection::Descending)],
        vec![
            order(UserOrderField::Department, OrderDirection::Ascending),
            order(UserOrderField::DisplayName, OrderDirection::Descending),
        ],
    ];
    let selections = selections(tenants);
    let mut asked = Vec::new();
    for orders in &orders {
        for selection in &selections {
            let window = |size, from_end| Window {
                size,
                from_end,
                ..Window::default()
            };
            let before = selection.page(orders, &window(100, false));
            let last = before.rows.last().ok_or("a selection is empty")?;
            let later = Window {
                after: Some(last.position(orders)),
                ..window(50, false)
            };
            for window in [window(50, false), window(50, true), later] {
                asked.push((selection, orders, window));
            }
        }
    }
    counted(|_| {
        let pages = asked.iter();
        let pages = pages.map(|(selection, orders, window)| selection.page(orders, window));
        pages.map(|page| page.rows.len()).sum::<usize>()
    });
    Ok(())
}

fn breakdown(tenants: &[Arc<TenantIndex>]) {
    let selections = selections(tenants);
    let dimensions = [
        UserDimension::Country,
        UserDimension::JobTitle,
        UserDimension::LicenseName,
        UserDimension::ActivityState,
    ];
    counted(|_| {
        let groups = selections.iter().flat_map(|selection| {
            let groups = dimensions.map(|by| selection.breakdown(by, 50, GroupDetail::Activity));
            groups.map(|groups| groups.len())
        });
        groups.sum::<usize>()
    });
}
