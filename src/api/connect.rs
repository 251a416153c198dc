//! `/connect/{tenant}` and `/connect/callback`: a browser goes to Microsoft and comes back.
//!
//! A browser that navigates carries no bearer token, so a one-time ticket is proof as well. What binds
//! the way there to the way back is a cookie that only this browser has; the rest (state, PKCE, the
//! redeeming of the code) happens below, in sync.

use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use async_trait::async_trait;
use secrecy::ExposeSecret;
use url::form_urlencoded;

use crate::api::auth::Denied;
use crate::api::caller::Role;
use crate::api::http::{Media, Problem, header_values, request};
use crate::api::server::Shared;
use crate::domain::ids::TenantKey;
use crate::sync::{Callback, Coordinator, Refusal, SignInRefused, SignInStart};

/// What connecting needs from below: [`Coordinator`], and its twin in tests, which need no Microsoft.
#[async_trait]
pub trait SignIn: Send + Sync {
    /// Uses up a ticket; true when it was good for this tenant.
    fn redeem_ticket(&self, tenant: &TenantKey, ticket: &str) -> bool;
    /// Begins the browser flow, after the caller proved its right to it.
    fn begin_sign_in(&self, tenant: &TenantKey) -> Result<SignInStart, Refusal>;
    /// Ends it.
    async fn finish_sign_in(
        &self,
        callback: Callback,
        browser_secret: Option<&str>,
    ) -> Result<TenantKey, SignInRefused>;
}

#[async_trait]
impl SignIn for Coordinator {
    fn redeem_ticket(&self, tenant: &TenantKey, ticket: &str) -> bool {
        Coordinator::redeem_ticket(self, tenant, ticket)
    }

    fn begin_sign_in(&self, tenant: &TenantKey) -> Result<SignInStart, Refusal> {
        Coordinator::begin_sign_in(self, tenant)
    }

    async fn finish_sign_in(
        &self,
        callback: Callback,
        browser_secret: Option<&str>,
    ) -> Result<TenantKey, SignInRefused> {
        Coordinator::finish_sign_in(self, callback, browser_secret).await
    }
}

const HTML: &str = "text/html; charset=utf-8";

/// The cookie that binds a sign-in to its browser.
const COOKIE: &str = "seatwise_sign_in";
/// As long as Microsoft's page may be left open.
const COOKIE_MINUTES: i64 = 10;
/// Marks a browser that was sent to the public address once already: a proxy that renames the host
/// would otherwise send it in circles.
const ONCE: &str = "public";

/// Says that a page may be asked for, and nothing of whether the link to it is good.
pub(super) async fn unused() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, HTML))
        .finish()
}

/// Sends the browser to Microsoft's sign-in.
pub(super) async fn begin(
    http: HttpRequest,
    tenant: Path<String>,
    shared: Data<Shared>,
) -> HttpResponse {
    let ticket = parameter(http.query_string(), "ticket");
    if ticket.is_some() && must_move(&http, &shared) {
        return move_to_public(&http, &shared);
    }
    let tenant = match prove(&http, &tenant, ticket.as_deref(), &shared) {
        Ok(tenant) => tenant,
        Err(Unproven::Denied(problem)) => {
            return problem.into_response(
                Media::Json,
                request::id(&http),
                shared.endpoint.limits(),
            );
        }
        Err(Unproven::BadTicket) => return page(StatusCode::NOT_FOUND, &BAD_TICKET),
    };
    if must_move(&http, &shared) {
        return move_to_public(&http, &shared);
    }
    match shared.sign_in.begin_sign_in(&tenant) {
        Ok(start) => HttpResponse::Found()
            .insert_header((header::LOCATION, start.url.as_str()))
            .cookie(state_cookie(
                &shared,
                start.browser_secret.expose_secret(),
                COOKIE_MINUTES,
            ))
            .finish(),
        Err(Refusal::NotFound) => page(StatusCode::NOT_FOUND, &BAD_TICKET),
        Err(refusal) => {
            let status = match refusal {
                Refusal::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::CONFLICT,
            };
            page(
                status,
                &Words {
                    title: "Not connected",
                    text: &refusal.to_string(),
                },
            )
        }
    }
}

/// Takes the browser back from Microsoft.
pub(super) async fn callback(http: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let query = http.query_string();
    let callback = Callback {
        code: parameter(query, "code"),
        state: parameter(query, "state"),
        error: parameter(query, "error"),
        error_description: parameter(query, "error_description"),
    };
    let cookie = http.cookie(COOKIE);
    let browser_secret = cookie.map(|cookie| cookie.value().to_owned());
    let sign_in = Arc::clone(&shared.sign_in);
    // Microsoft's code is good once: a page that is closed too early must not leave half a connection.
    let finishing = shared.endpoint.carry_out(async move {
        let browser_secret = browser_secret.as_deref();
        sign_in.finish_sign_in(callback, browser_secret).await
    });
    let finished = match finishing.await {
        Ok(finished) => finished,
        Err(failure) => {
            return Problem::from(failure).into_response(
                Media::Json,
                request::id(&http),
                shared.endpoint.limits(),
            );
        }
    };
    let mut response = match finished {
        Ok(tenant) => {
            let text = format!(
                "The tenant {tenant} is connected. Its first sync begins now; you may close this page."
            );
            page(
                StatusCode::OK,
                &Words {
                    title: "Connected",
                    text: &text,
                },
            )
        }
        Err(refused) if refused.is_forged => return page(StatusCode::BAD_REQUEST, &FORGED),
        Err(refused) => page(
            StatusCode::OK,
            &Words {
                title: "Not connected",
                text: &refused.message,
            },
        ),
    };
    // The flow is over, and its cookie good for nothing.
    let over = response.add_cookie(&state_cookie(&shared, "", 0));
    if over.is_err() {
        tracing::warn!("the cookie of a finished sign-in could not be removed");
    }
    response
}

enum Unproven {
    Denied(Problem),
    /// Unknown tenants and bad tickets look alike: nobody learns which tenants there are.
    BadTicket,
}

fn prove(
    http: &HttpRequest,
    tenant: &str,
    ticket: Option<&str>,
    shared: &Shared,
) -> Result<TenantKey, Unproven> {
    if header_values(http, header::AUTHORIZATION).next().is_some() {
        let caller = shared.authorize(http).map_err(Unproven::Denied)?;
        let tenant = TenantKey::parse(tenant).map_err(|_| Unproven::BadTicket)?;
        return match caller.role {
            Role::Admin => Ok(tenant),
        };
    }
    let ticket = ticket.ok_or(Unproven::Denied(Problem::Denied(Denied::Missing)))?;
    let tenant = TenantKey::parse(tenant).map_err(|_| Unproven::BadTicket)?;
    if shared.sign_in.redeem_ticket(&tenant, ticket) {
        Ok(tenant)
    } else {
        Err(Unproven::BadTicket)
    }
}

/// Whether the browser came by another name than Microsoft will send it back to: its cookie would be
/// lost on the way.
fn must_move(http: &HttpRequest, shared: &Shared) -> bool {
    let asked = header_values(http, header::HOST).next().unwrap_or_default();
    !shared.origins.is_public(asked) && parameter(http.query_string(), ONCE).is_none()
}

fn move_to_public(http: &HttpRequest, shared: &Shared) -> HttpResponse {
    let base = shared.settings.public_url.as_str().trim_end_matches('/');
    let query = http.query_string();
    let separator = if query.is_empty() { "" } else { "&" };
    let target = format!("{base}{}?{query}{separator}{ONCE}=1", http.path());
    HttpResponse::Found()
        .insert_header((header::LOCATION, target))
        .finish()
}

fn state_cookie(shared: &Shared, value: &str, minutes: i64) -> Cookie<'static> {
    let public = &shared.settings.public_url;
    Cookie::build(COOKIE, value.to_owned())
        .path(format!("{}/connect", public.path().trim_end_matches('/')))
        .http_only(true)
        // Lax, for the way back is a navigation from Microsoft's site.
        .same_site(SameSite::Lax)
        .secure(public.scheme() == "https")
        .max_age(time::Duration::minutes(minutes))
        .finish()
}

/// A parameter that is there once; twice is as good as forged and counts as absent.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let first = values.next();
    first
        .filter(|_| values.next().is_none())
        .map(|(_, value)| value.into_owned())
}

struct Words<'a> {
    title: &'a str,
    text: &'a str,
}

const BAD_TICKET: Words<'_> = Words {
    title: "This link is not good",
    text: "It was used already, is older than 10 minutes, or names no tenant of this server. \
           Ask for a new one: `seatwise connect NAME`, or the mutation connectTenant.",
};

const FORGED: Words<'_> = Words {
    title: "This sign-in was not begun here",
    text: "It was begun in another browser, finished already, or is older than 10 minutes. \
           Nothing was stored. Begin again with a new link: `seatwise connect NAME`, or the mutation connectTenant.",
};

/// A page of words: no script, nothing from elsewhere.
fn page(status: StatusCode, words: &Words<'_>) -> HttpResponse {
    let title = escape(words.title);
    let text = escape(words.text);
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} - Seatwise</title>\n\
         <style>body{{font:1.1em/1.5 system-ui,sans-serif;max-width:40em;margin:4em auto;padding:0 1em}}</style>\n\
         <h1>{title}</h1>\n<p>{text}</p>\n</html>\n"
    );
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, HTML))
        .body(body)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}
