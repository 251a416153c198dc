//! `/{tenant}/oauth2/v2.0/token`: codes, refresh tokens and client credentials for access tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use super::assertion;
use super::authorize::check_scopes;
use super::check_client;
use super::check_tenant;
use super::error::JSON;
use super::error::LoginError;
use super::tokens::Principal;
use crate::simulator::message::Answer;
use crate::simulator::message::Request;
use crate::simulator::message::find;
use crate::simulator::world::World;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The form of a token request.
struct Form(Vec<(String, String)>);

impl Form {
    fn field(&self, name: &str) -> Option<&str> {
        find(&self.0, name).filter(|value| !value.is_empty())
    }

    fn wanted(&self, name: &str) -> Result<&str, LoginError> {
        self.field(name).ok_or_else(|| {
            LoginError::new(
                900_144,
                format!("The request body must contain the following parameter: '{name}'."),
            )
        })
    }
}

pub(crate) fn answer(world: &World, request: &Request, tenant: &str) -> Result<Answer, LoginError> {
    let form = Form(request.form());
    let grant_type = form.field("grant_type").unwrap_or_default().to_owned();
    count(world, &grant_type);
    let granted = grant(world, request, tenant, &form, &grant_type);
    if granted.is_err() {
        world.tokens().requests.refused += 1;
    }
    granted
}

fn count(world: &World, grant_type: &str) {
    let mut tokens = world.tokens();
    let requests = &mut tokens.requests;
    *match grant_type {
        "authorization_code" => &mut requests.authorization_code,
        "refresh_token" => &mut requests.refresh_token,
        "client_credentials" => &mut requests.client_credentials,
        _ => &mut requests.other,
    } += 1;
}

fn grant(
    world: &World,
    request: &Request,
    tenant: &str,
    form: &Form,
    grant_type: &str,
) -> Result<Answer, LoginError> {
    if request.method != "POST" {
        return Err(LoginError::new(
            900_561,
            "The endpoint only accepts POST requests.",
        ));
    }
    let content_type = request.header("content-type").unwrap_or_default();
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return Err(LoginError::new(
            900_144,
            "The request body must be a form: application/x-www-form-urlencoded.",
        ));
    }
    check_tenant(world, tenant)?;
    let basic = basic_credentials(request);
    let client_id = form
        .field("client_id")
        .or(basic.as_ref().map(|(id, _)| id.as_str()));
    check_client(world, client_id)?;
    check_credential(
        world,
        tenant,
        form,
        basic.as_ref().map(|(_, secret)| secret.as_str()),
    )?;
    match grant_type {
        "authorization_code" => redeem_code(world, form),
        "refresh_token" => refresh(world, form),
        "client_credentials" => application_token(world, form),
        _ => Err(LoginError::new(
            70_003,
            format!("The app requested an unsupported grant type '{grant_type}'."),
        )),
    }
}

fn basic_credentials(request: &Request) -> Option<(String, String)> {
    let encoded = request.header("authorization")?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let plain = |text: &str| {
        let form = format!("v={}", text.replace('&', "%26"));
        url::form_urlencoded::parse(form.as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

fn check_credential(
    world: &World,
    tenant: &str,
    form: &Form,
    basic: Option<&str>,
) -> Result<(), LoginError> {
    if let Some(assertion) = form.field("client_assertion") {
        if form.field("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(LoginError::new(
                50_027,
                format!("'client_assertion_type' must be '{ASSERTION_TYPE}'."),
            ));
        }
        return assertion::check(world, tenant, assertion);
    }
    let Some(secret) = form.field("client_secret").or(basic) else {
        return Err(LoginError::new(
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        ));
    };
    let registration = world.registration();
    if secret != registration.client_secret {
        let client_id = world.client_id;
        return Err(LoginError::new(
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client_id}'."
            ),
        ));
    }
    if registration.is_secret_expired {
        return Err(LoginError::by_number(7_000_222));
    }
    Ok(())
}

fn redeem_code(world: &World, form: &Form) -> Result<Answer, LoginError> {
    let code = form.wanted("code")?;
    let verifier = form.wanted("code_verifier")?;
    let redirect_uri = form.wanted("redirect_uri")?;
    if let Some(scope) = form.field("scope") {
        check_scopes(world, scope)?;
    }
    check_consent(world)?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    world
        .tokens()
        .redeem_code(code, &challenge, redirect_uri, world.now())?;
    Ok(delegated_answer(world))
}

fn refresh(world: &World, form: &Form) -> Result<Answer, LoginError> {
    let token = form.wanted("refresh_token")?;
    world.tokens().redeem_refresh_token(token)?;
    check_consent(world)?;
    Ok(delegated_answer(world))
}

fn check_consent(world: &World) -> Result<(), LoginError> {
    if world.registration().is_consent_given {
        return Ok(());
    }
    let client_id = world.client_id;
    Err(LoginError::new(
        65_001,
        format!(
            "The user or administrator has not consented to use the application with ID '{client_id}'. Send an interactive authorization request for this user and resource."
        ),
    ))
}

fn delegated_answer(world: &World) -> Answer {
    // offline_access is granted by the refresh token itself and not listed.
    let scopes: Vec<String> = world
        .registration()
        .delegated_permissions
        .iter()
        .filter(|scope| *scope != "offline_access")
        .cloned()
        .collect();
    let mut tokens = world.tokens();
    let body = json!({
        "token_type": "Bearer",
        "scope": scopes.join(" "),
        "expires_in": tokens.lifetime.as_secs(),
        "ext_expires_in": tokens.lifetime.as_secs(),
        "access_token": tokens.issue_access_token(Principal::ServiceAccount, world.now()),
        "refresh_token": tokens.issue_refresh_token(),
    });
    Answer::new(200, JSON, body.to_string())
}

fn application_token(world: &World, form: &Form) -> Result<Answer, LoginError> {
    let scope = form.wanted("scope")?;
    if scope != format!("{}/.default", world.graph_url) {
        let (aadsts, words) = if scope.ends_with("/.default") {
            (
                500_011,
                format!("The resource principal named {scope} was not found in the tenant."),
            )
        } else {
            (
                1_002_012,
                format!(
                    "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier."
                ),
            )
        };
        return Err(LoginError::new(aadsts, words));
    }
    let mut tokens = world.tokens();
    let body = json!({
        "token_type": "Bearer",
        "expires_in": tokens.lifetime.as_secs(),
        "ext_expires_in": tokens.lifetime.as_secs(),
        "access_token": tokens.issue_access_token(Principal::Application, world.now()),
    });
    Ok(Answer::new(200, JSON, body.to_string()))
}
