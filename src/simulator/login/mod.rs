//! The login service: Microsoft's identity platform, OAuth 2.0 v2.0.

mod assertion;
mod authorize;
pub(crate) mod error;
mod token;
pub(crate) mod tokens;

use error::LoginError;

use super::message::Answer;
use super::message::Request;
use super::world::World;
use super::world::http_date;

/// Answers a request to the login host.
pub(crate) fn answer(world: &World, request: &Request) -> Answer {
    let answered = match endpoint_of(&request.path) {
        Some((tenant, Endpoint::Authorize)) => authorize::answer(world, request, tenant),
        Some((tenant, Endpoint::Token)) => token::answer(world, request, tenant)
            .unwrap_or_else(|error| error.answer(world, request)),
        None => Answer::html(
            404,
            "Not found",
            "AADSTS90014: There is nothing at this address.",
        ),
    };
    answered
        .with("date", http_date(world.now()))
        .with("cache-control", "no-store, no-cache")
        .with("pragma", "no-cache")
}

/// What the login service says when it has no time.
pub(crate) fn trouble(world: &World, request: &Request, status: u16) -> Answer {
    let mut answer = LoginError::new(90_055, "The server is too busy to handle this request.")
        .answer(world, request);
    answer.status = status;
    answer.with("date", http_date(world.now()))
}

/// Whether the path leads to the token endpoint.
pub(crate) fn is_token_path(path: &str) -> bool {
    matches!(endpoint_of(path), Some((_, Endpoint::Token)))
}

/// Whether the path leads to the authorize endpoint.
pub(crate) fn is_authorize_path(path: &str) -> bool {
    matches!(endpoint_of(path), Some((_, Endpoint::Authorize)))
}

enum Endpoint {
    Authorize,
    Token,
}

fn endpoint_of(path: &str) -> Option<(&str, Endpoint)> {
    let (tenant, rest) = path.strip_prefix('/')?.split_once('/')?;
    match rest {
        "oauth2/v2.0/authorize" => Some((tenant, Endpoint::Authorize)),
        "oauth2/v2.0/token" => Some((tenant, Endpoint::Token)),
        _ => None,
    }
}

/// Refuses a path whose tenant is not ours, or is no tenant at all.
fn check_tenant(world: &World, tenant: &str) -> Result<(), LoginError> {
    if ["common", "organizations", "consumers"].contains(&tenant) {
        return Err(LoginError::new(
            50_194,
            "The application is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such applications.",
        ));
    }
    if world.is_tenant(tenant) {
        return Ok(());
    }
    Err(LoginError::new(
        90_002,
        format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
        ),
    ))
}

/// Refuses another application than the registered one.
fn check_client(world: &World, client_id: Option<&str>) -> Result<(), LoginError> {
    let Some(client_id) = client_id else {
        return Err(LoginError::new(
            900_144,
            "The request body must contain the following parameter: 'client_id'.",
        ));
    };
    if client_id.parse() == Ok(world.client_id) {
        return Ok(());
    }
    let directory = &world.organization.name;
    Err(LoginError::new(
        700_016,
        format!(
            "Application with identifier '{client_id}' was not found in the directory '{directory}'."
        ),
    ))
}
