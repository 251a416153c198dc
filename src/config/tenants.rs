//! The sections `[tenants.…]`: who is read, and how the application proves who it is.

use std::path::Path;
use std::sync::Arc;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::domain::ids::TenantKey;
use crate::domain::policy::Policy;
use crate::domain::prices::Segment;
use crate::domain::tenant::{Cloud, TenantAccess};
use crate::msgraph::{Certificate, Credential, is_private};

use super::checks::{Invalid, is_host_name, origin};
use super::raw::{RawAccess, RawCloud, RawSecret, RawTenant};
use super::{TenantConfig, secret_file};

/// Microsoft's own tenant names that stand for no tenant in particular.
const NOT_A_TENANT: [&str; 3] = ["common", "organizations", "consumers"];

pub(super) fn tenant(
    key: &str,
    raw: RawTenant,
    policy: Arc<Policy>,
    directory: &Path,
) -> Result<TenantConfig, Invalid> {
    let parsed = TenantKey::parse(key)
        .map_err(|error| Invalid::new("", format!("\"{key}\" is no name of a tenant: {error}")))?;
    let credential = credential(&raw, directory)?;
    Ok(TenantConfig {
        key: parsed,
        tenant_id: tenant_id(raw.tenant_id.as_deref()).map_err(Invalid::of("tenant_id"))?,
        client_id: client_id(raw.client_id.as_deref()).map_err(Invalid::of("client_id"))?,
        credential,
        access: match raw.access {
            RawAccess::App => TenantAccess::App,
            RawAccess::Delegated => TenantAccess::Delegated,
        },
        cloud: match raw.cloud {
            RawCloud::Global => Cloud::Global,
            RawCloud::UsGovHigh => Cloud::UsGovHigh,
            RawCloud::UsGovDod => Cloud::UsGovDod,
            RawCloud::China => Cloud::China,
        },
        segment: segment(raw.segment.as_deref()).map_err(Invalid::of("segment"))?,
        login_url: host_url(raw.login_url.as_deref()).map_err(Invalid::of("login_url"))?,
        graph_url: host_url(raw.graph_url.as_deref()).map_err(Invalid::of("graph_url"))?,
        policy,
    })
}

fn segment(text: Option<&str>) -> Result<Option<Segment>, String> {
    Segment::parse(text.unwrap_or_default()).map_err(|error| error.to_string())
}

/// A GUID, or a domain by the grammar of host names. It becomes a segment of the login service's
/// paths, so nothing else is let through.
fn tenant_id(text: Option<&str>) -> Result<String, String> {
    let text = text.ok_or(
        "is missing: the directory (tenant) id, or a verified domain such as \"contoso.com\"",
    )?;
    let lower = text.to_ascii_lowercase();
    if NOT_A_TENANT.contains(&lower.as_str()) {
        return Err(format!(
            "\"{text}\" is no tenant of its own; name the one to read"
        ));
    }
    if let Some(id) = guid(text) {
        return Ok(id);
    }
    if is_host_name(&lower) && lower.contains('.') {
        return Ok(lower);
    }
    Err(format!(
        "\"{text}\" is neither a GUID nor a domain such as \"contoso.com\""
    ))
}

fn client_id(text: Option<&str>) -> Result<String, String> {
    let text = text.ok_or("is missing: the application (client) id of the app registration")?;
    guid(text).ok_or_else(|| format!("\"{text}\" is not a GUID"))
}

/// The spelling that Microsoft uses, of that spelling alone.
fn guid(text: &str) -> Option<String> {
    let id = Uuid::try_parse(text).ok().filter(|_| text.len() == 36)?;
    Some(id.as_hyphenated().to_string())
}

fn credential(raw: &RawTenant, directory: &Path) -> Result<Credential, Invalid> {
    let secret = raw.client_secret.as_ref();
    let secret_file = raw.client_secret_file.as_deref();
    let certificate = raw.certificate_file.as_deref();
    match (secret, secret_file, certificate) {
        (Some(RawSecret(secret)), None, None) => {
            check_secret(secret).map_err(Invalid::of("client_secret"))?;
            Ok(Credential::Secret(secret.clone()))
        }
        (None, Some(path), None) => secret_file::read_line(&directory.join(path))
            .map(Credential::Secret)
            .map_err(Invalid::of("client_secret_file")),
        (None, None, Some(path)) => read_certificate(&directory.join(path))
            .map(Credential::Certificate)
            .map_err(Invalid::of("certificate_file")),
        (None, None, None) => Err(Invalid::new(
            "",
            "has no credential: set client_secret, client_secret_file or certificate_file",
        )),
        _ => Err(Invalid::new(
            "",
            "has more than one of client_secret, client_secret_file and certificate_file; keep one",
        )),
    }
}

fn check_secret(secret: &SecretString) -> Result<(), String> {
    let text = secret.expose_secret();
    if text.is_empty() {
        return Err("is empty".into());
    }
    if text.contains(|character: char| character.is_control() || character.is_whitespace()) {
        return Err("holds a space or a line break; copy the secret's value once more".into());
    }
    Ok(())
}

fn read_certificate(path: &Path) -> Result<Certificate, String> {
    let pem = secret_file::read(path)?;
    Certificate::from_pem(pem.expose_secret().as_bytes())
        .map_err(|problem| format!("{}: {problem}", path.display()))
}

fn host_url(text: Option<&str>) -> Result<Option<Url>, String> {
    let Some(text) = text else { return Ok(None) };
    let url = origin(text)?;
    if !is_private(&url) {
        return Err(format!(
            "\"{text}\" would send tokens in the clear; only a loopback address goes without https"
        ));
    }
    Ok(Some(url))
}
