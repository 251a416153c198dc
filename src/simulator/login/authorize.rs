//! `/{tenant}/oauth2/v2.0/authorize`: where a browser signs in.

use std::collections::BTreeSet;

use url::Url;

use super::check_client;
use super::check_tenant;
use super::error::LoginError;
use crate::simulator::message::Answer;
use crate::simulator::message::Request;
use crate::simulator::registration::DELEGATED_SCOPES;
use crate::simulator::registration::SignIn;
use crate::simulator::world::World;

pub(crate) fn answer(world: &World, request: &Request, tenant: &str) -> Answer {
    world.tokens().requests.authorize += 1;
    let redirect_uri = match destination(world, request, tenant) {
        Ok(uri) => uri,
        Err(error) => return error.page(world), // Nobody is sent to an address that was not registered.
    };
    let state = request.option("state").filter(|state| !state.is_empty());
    let sign_in = world.registration().sign_in;
    let outcome = check(world, request, state).and_then(|challenge| match sign_in {
        SignIn::Declined => Err(LoginError::new(
            65_004,
            "User declined to consent to access the app.",
        )),
        SignIn::AdminConsentMissing => Err(LoginError::new(
            90_094,
            "The grant requires administrator permission.",
        )),
        SignIn::AtOnce | SignIn::Page => Ok(challenge),
    });
    let mut back = redirect_uri.clone();
    match outcome {
        Ok(challenge) => {
            world.registration().is_consent_given = true; // Who signs in is asked, and consents.
            let asked_uri = request.option("redirect_uri").unwrap_or_default();
            let code = world.tokens().issue_code(challenge, asked_uri, world.now());
            back.query_pairs_mut().append_pair("code", &code);
        }
        Err(error) => {
            let description = error.description(world);
            back.query_pairs_mut()
                .append_pair("error", error.code())
                .append_pair("error_description", &description);
        }
    }
    if let Some(state) = state {
        back.query_pairs_mut().append_pair("state", state);
    }
    if sign_in == SignIn::Page {
        let link = back.as_str().replace('&', "&amp;").replace('"', "&quot;");
        return Answer::html(
            200,
            "Sign in to your account",
            &format!("<a id=\"sign-in\" href=\"{link}\">Sign in</a>"),
        );
    }
    Answer::new(302, crate::simulator::message::HTML, "").with("location", back.as_str())
}

/// Where the browser is sent back to, once it is clear that this is a place to send it to.
fn destination(world: &World, request: &Request, tenant: &str) -> Result<Url, LoginError> {
    check_tenant(world, tenant)?;
    check_client(world, request.option("client_id"))?;
    let asked = request.option("redirect_uri").unwrap_or_default();
    let mismatch = || {
        let client_id = world.client_id;
        LoginError::new(
            50_011,
            format!(
                "The redirect URI '{asked}' specified in the request does not match the redirect URIs configured for the application '{client_id}'."
            ),
        )
    };
    if !world.registration().allows_redirect_to(asked) {
        return Err(mismatch());
    }
    Url::parse(asked).map_err(|_| mismatch())
}

/// Checks the rest of the request; returns the PKCE challenge.
fn check<'a>(
    world: &World,
    request: &'a Request,
    state: Option<&str>,
) -> Result<&'a str, LoginError> {
    let invalid = |words: &str| Err(LoginError::new(900_144, words));
    if request.method != "GET" {
        return invalid("The sign-in page answers GET only.");
    }
    if request.option("response_type") != Some("code") {
        return Err(LoginError::new(70_007, "'response_type' must be 'code'."));
    }
    if !matches!(request.option("response_mode"), None | Some("query")) {
        return invalid("'response_mode' must be 'query'.");
    }
    if state.is_none() {
        return invalid("The request must contain the following parameter: 'state'.");
    }
    if request.option("code_challenge_method") != Some("S256") {
        return Err(LoginError::new(
            501_491,
            "'code_challenge_method' must be 'S256'.",
        ));
    }
    check_scopes(world, request.option("scope").unwrap_or_default())?;
    match request.option("code_challenge") {
        Some(challenge) if challenge.len() == 43 && challenge.bytes().all(is_unreserved) => {
            Ok(challenge)
        }
        _ => Err(LoginError::new(
            501_491,
            "Invalid size of Code_Challenge parameter.",
        )),
    }
}

/// The seven scopes, no more and no less. A real login service would ask for consent to others; here a
/// difference is a mistake that should be seen.
pub(super) fn check_scopes(world: &World, scope: &str) -> Result<(), LoginError> {
    let own = format!("{}/", world.graph_url);
    let asked: BTreeSet<&str> = scope
        .split(' ')
        .filter(|scope| !scope.is_empty())
        .map(|scope| scope.strip_prefix(&own).unwrap_or(scope))
        .collect();
    let wanted = BTreeSet::from(DELEGATED_SCOPES);
    if asked == wanted {
        return Ok(());
    }
    let too_many: Vec<&&str> = asked.difference(&wanted).collect();
    let missing: Vec<&&str> = wanted.difference(&asked).collect();
    Err(LoginError::new(
        70_011,
        format!(
            "The provided value for the input parameter 'scope' is not valid. Not expected: {too_many:?}; missing: {missing:?}."
        ),
    ))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
