//! Client assertions: a JWT, signed with the certificate's key, instead of a secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::DecodingKey;
use serde_json::Value;

use super::error::LoginError;
use crate::simulator::registration::RegisteredCertificate;
use crate::simulator::world::World;

/// No assertion may live longer.
const LIFETIME_MAX_SECONDS: i64 = 24 * 60 * 60;
/// Clocks may differ by this much.
const SKEW_SECONDS: i64 = 300;

/// Accepts an assertion for the token endpoint of `tenant`, or says what is wrong with it.
pub(super) fn check(world: &World, tenant: &str, assertion: &str) -> Result<(), LoginError> {
    judge(world, tenant, assertion).map_err(|reason| {
        LoginError::new(700_027, format!("The certificate with identifier used to sign the client assertion is not registered on application, or the assertion is not valid. [Reason - {reason}]"))
    })
}

fn judge(world: &World, tenant: &str, assertion: &str) -> Result<(), String> {
    let (signed, signature) = assertion.rsplit_once('.').ok_or("it is not a JWT")?;
    let (header, claims) = signed.split_once('.').ok_or("it is not a JWT")?;
    let (header, claims) = (parsed(header)?, parsed(claims)?);
    let algorithm = match header["alg"].as_str() {
        Some("PS256") => Algorithm::PS256,
        Some("RS256") => Algorithm::RS256,
        other => return Err(format!("alg is {other:?}")),
    };
    check_claims(world, tenant, &claims)?;
    let thumbprint = header["x5t#S256"].as_str().unwrap_or_default();
    if URL_SAFE_NO_PAD.decode(thumbprint).map(|bytes| bytes.len()) != Ok(32) {
        return Err("x5t#S256 is not a SHA-256 thumbprint".to_owned());
    }
    let registered = world.registration().certificates.clone();
    if registered.is_empty() {
        return Ok(()); // Nothing was registered to hold it against.
    }
    let certificate = registered
        .iter()
        .find(|certificate| certificate.thumbprint == thumbprint)
        .ok_or("the key was not found")?;
    verify(certificate, signed, signature, algorithm)
}

fn verify(
    certificate: &RegisteredCertificate,
    signed: &str,
    signature: &str,
    algorithm: Algorithm,
) -> Result<(), String> {
    let key =
        DecodingKey::from_rsa_pem(certificate.pem.as_bytes()).map_err(|error| error.to_string())?;
    match jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, algorithm) {
        Ok(true) => Ok(()),
        Ok(false) => Err("the signature is wrong".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn check_claims(world: &World, tenant: &str, claims: &Value) -> Result<(), String> {
    let audience = format!("{}/{tenant}/oauth2/v2.0/token", world.login_url);
    if claims["aud"] != audience.as_str() {
        return Err(format!("aud is not {audience}"));
    }
    for name in ["iss", "sub"] {
        if claims[name].as_str().and_then(|id| id.parse().ok()) != Some(world.client_id) {
            return Err(format!("{name} is not the client id"));
        }
    }
    if claims["jti"].as_str().is_none_or(str::is_empty) {
        return Err("jti is missing".to_owned());
    }
    let now = world.now().as_second();
    let expires_at = claims["exp"].as_i64().ok_or("exp is missing")?;
    if expires_at <= now - SKEW_SECONDS {
        return Err("it has expired".to_owned());
    }
    if expires_at > now + LIFETIME_MAX_SECONDS {
        return Err("exp is too far ahead".to_owned());
    }
    match claims.get("nbf").map(Value::as_i64) {
        Some(None) => Err("nbf is not a number".to_owned()),
        Some(Some(from)) if from > now + SKEW_SECONDS => Err("it is not valid yet".to_owned()),
        _ => Ok(()),
    }
}

fn parsed(part: &str) -> Result<Value, String> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| "a part is not base64url")?;
    serde_json::from_slice(&bytes).map_err(|_| "a part is not JSON".to_owned())
}
