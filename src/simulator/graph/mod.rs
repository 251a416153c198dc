//! Microsoft Graph v1.0. One file an endpoint: a new one is its file and a line in [`ENDPOINTS`].

pub(crate) mod audit_logs;
pub(crate) mod bucket;
mod delta;
pub(crate) mod delta_token;
pub(crate) mod error;
mod group_members;
mod group_rows;
mod groups;
mod groups_delta;
mod json;
mod me;
mod options;
mod organization;
pub(crate) mod quota;
mod report_settings;
pub(crate) mod reports;
pub(crate) mod row_cache;
pub(crate) mod skip_token;
mod subscribed_skus;
mod subscriptions;
mod user;
mod user_fields;
mod user_filter;
mod user_licenses;
mod user_sign_ins;
mod users;
mod users_count;
mod users_delta;

use std::collections::BTreeSet;

pub(crate) use delta::link_again as delta_link_again;
use error::GraphError;
pub(crate) use users::link;

use super::login::tokens::Principal;
use super::message::Answer;
use super::message::JSON;
use super::message::Request;
use super::world::World;

/// What can be asked.
const ENDPOINTS: &[Endpoint] = &[
    groups::ENDPOINT,
    groups_delta::ENDPOINT,
    group_members::ENDPOINT,
    group_members::USERS_ENDPOINT,
    me::ENDPOINT,
    organization::ENDPOINT,
    report_settings::ENDPOINT,
    reports::ENDPOINT,
    reports::COPILOT_ENDPOINT,
    audit_logs::SIGN_INS_ENDPOINT,
    audit_logs::DIRECTORY_AUDITS_ENDPOINT,
    subscribed_skus::ENDPOINT,
    subscriptions::ENDPOINT,
    users::ENDPOINT,
    users_count::ENDPOINT,
    users_delta::ENDPOINT,
    user::ENDPOINT, // After its namesakes: `{id}` matches anything.
];

/// An endpoint.
struct Endpoint {
    /// Its path below the version; `{…}` stands for one segment.
    path: &'static str,
    /// One of these must be granted.
    permissions: &'static [&'static str],
    /// Resource units before `$select` and `$expand` count.
    cost: u32,
    answer: fn(&Call) -> Result<Answer, GraphError>,
}

/// A request that may ask what it asks.
struct Call<'a> {
    world: &'a World,
    request: &'a Request,
    principal: Principal,
    granted: BTreeSet<String>,
    /// What stands where the path has `{…}`.
    key: &'a str,
}

impl Call<'_> {
    /// Whether one of the permissions was granted.
    fn may(&self, permissions: &[&str]) -> bool {
        permissions
            .iter()
            .any(|&permission| self.granted.contains(permission))
    }

    /// Whether the request asks for the consistency of advanced queries.
    fn is_eventual(&self) -> bool {
        self.request
            .header("consistencylevel")
            .is_some_and(|level| level.eq_ignore_ascii_case("eventual"))
    }
}

/// Answers a request to the Graph host.
pub(crate) fn answer(world: &World, request: &Request) -> Answer {
    respond(world, request).unwrap_or_else(|error| error.answer(world, request))
}

fn respond(world: &World, request: &Request) -> Result<Answer, GraphError> {
    let principal = authenticate(world, request)?;
    world.tenancy().check_there(&request.path)?;
    let (endpoint, key) = find_endpoint(&request.path)?;
    if request.method != "GET" {
        return Err(GraphError::new(
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        ));
    }
    let call = Call {
        world,
        request,
        principal,
        granted: granted(world, principal),
        key,
    };
    if !endpoint.permissions.is_empty() && !call.may(endpoint.permissions) {
        return Err(GraphError::denied());
    }
    let cost = cost(endpoint, request);
    let fill = world
        .bucket
        .take(cost, world.organization.view().count())
        .map_err(|refusal| GraphError::throttled(world, cost, refusal))?;
    let mut answer = (endpoint.answer)(&call)?;
    answer = error::identified(answer, world, request).with("x-ms-resource-unit", cost.to_string());
    if fill > 0.8 {
        answer = answer.with("x-ms-throttle-limit-percentage", format!("{fill:.1}"));
    }
    Ok(answer)
}

fn authenticate(world: &World, request: &Request) -> Result<Principal, GraphError> {
    let refused = |words: &str| GraphError::new(401, "InvalidAuthenticationToken", words);
    let Some(header) = request.header("authorization") else {
        return Err(refused("Access token is empty."));
    };
    let Some(token) = header.strip_prefix("Bearer ") else {
        return Err(refused(
            "The scheme of the Authorization header is not Bearer.",
        ));
    };
    world
        .tokens()
        .principal_of(token, world.now())
        .map_err(|was_one| match was_one {
            true => refused("Lifetime validation failed, the token is expired."),
            false => refused("IDX14100: JWT is not well formed, there are no dots (.)."),
        })
}

fn granted(world: &World, principal: Principal) -> BTreeSet<String> {
    let registration = world.registration();
    match principal {
        Principal::Application => registration.application_permissions.clone(),
        Principal::ServiceAccount => registration.delegated_permissions.clone(),
    }
}

fn find_endpoint(path: &str) -> Result<(&'static Endpoint, &str), GraphError> {
    let version = path
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default();
    let Some(rest) = path.strip_prefix("/v1.0") else {
        return Err(GraphError::new(
            404,
            "BadRequest",
            format!("Invalid version: {version}"),
        ));
    };
    let found = ENDPOINTS
        .iter()
        .find_map(|endpoint| Some((endpoint, key_of(endpoint.path, rest)?)));
    found.ok_or_else(|| {
        let segment = rest.trim_start_matches('/');
        GraphError::new(
            404,
            "BadRequest",
            format!("Resource not found for the segment '{segment}'."),
        )
    })
}

/// What stands for `{…}` if the path has the form of the pattern; empty where it has no `{…}`.
fn key_of<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let (mut pattern, mut path, mut key) = (pattern.split('/'), path.split('/'), "");
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return Some(key),
            (Some(wanted), Some(segment)) if wanted.starts_with('{') && !segment.is_empty() => {
                key = segment
            }
            (Some(wanted), Some(segment)) if wanted.eq_ignore_ascii_case(segment) => {}
            _ => return None,
        }
    }
}

/// `$select` saves a unit, `$expand` costs one, as does a page of twenty or more.
fn cost(endpoint: &Endpoint, request: &Request) -> u32 {
    let is_short = request
        .option("$top")
        .and_then(|top| top.parse::<u32>().ok())
        .is_some_and(|top| top < 20);
    let costs = endpoint.cost + u32::from(request.option("$expand").is_some());
    let saves = u32::from(request.option("$select").is_some()) + u32::from(is_short);
    costs.saturating_sub(saves).max(1)
}

/// An answer in JSON.
fn json_answer(body: impl Into<Vec<u8>>) -> Answer {
    Answer::new(200, JSON, body).with("odata-version", "4.0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_endpoints() {
        let check = |path: &str, expected: Option<(&str, &str)>| {
            let found = find_endpoint(path)
                .ok()
                .map(|(endpoint, key)| (endpoint.path, key));
            assert_eq!(found, expected, "{path}");
        };
        check("/v1.0/users", Some(("/users", "")));
        check("/v1.0/Users/$count", Some(("/users/$count", "")));
        check("/v1.0/users/a@b.c", Some(("/users/{id}", "a@b.c")));
        check("/v1.0/me", Some(("/me", "")));
        check("/v1.0/users/delta", Some(("/users/delta", "")));
        check("/v1.0/groups/delta", Some(("/groups/delta", "")));
        check(
            "/v1.0/groups/7/members",
            Some(("/groups/{id}/members", "7")),
        );
        check("/v1.0/groups/7", None);
        check("/v1.0/users/", None);
        check("/v1.0/users/1/manager", None);
        check("/v1.0/toys", None);
        check("/beta/users", None);
    }

    #[test]
    fn selecting_is_cheaper_and_expanding_dearer() {
        let check = |target: &str, expected| {
            let request = Request::new("GET", target, vec![], vec![]);
            assert_eq!(cost(&users::ENDPOINT, &request), expected, "{target}");
        };
        check("/v1.0/users", 2);
        check("/v1.0/users?$select=id", 1);
        check("/v1.0/users?$select=id&$expand=manager", 2);
        check("/v1.0/users?$select=id&$top=5", 1);
        let request = Request::new("GET", "/v1.0/groups/7/members?$top=999", vec![], vec![]);
        assert_eq!(cost(&group_members::ENDPOINT, &request), 3);
        assert_eq!(cost(&users_delta::ENDPOINT, &request), 1);
        assert_eq!(cost(&groups_delta::ENDPOINT, &request), 1);
        assert_eq!(cost(&groups::ENDPOINT, &request), 1);
        assert_eq!(cost(&subscriptions::ENDPOINT, &request), 1);
    }
}
