//! A certificate instead of a client secret: signs who we are, so that the secret never travels.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{Timestamp, ToSpan};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pem::Pem;
use reqwest::Url;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// How long an assertion is good, in minutes: it is used at once.
const ASSERTION_MINUTES: i64 = 5;

/// A certificate and its private key, read and checked.
#[derive(Clone)]
pub struct Certificate {
    key: EncodingKey,
    /// SHA-256 of the certificate, by which Microsoft finds its copy.
    thumbprint: String,
}

/// What a client assertion claims.
#[derive(serde::Serialize)]
struct Claims<'text> {
    aud: &'text str,
    iss: &'text str,
    sub: &'text str,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl Certificate {
    /// Reads a PEM file with an RSA private key (PKCS #8 or PKCS #1, not encrypted) and its
    /// certificate, in any order; of a chain the first certificate counts. The error is a sentence
    /// and holds nothing of the file.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let blocks = pem::parse_many(pem)
            .map_err(|_| "the file is not in PEM form (-----BEGIN ...-----)".to_owned())?;
        let tagged = |tags: &[&str]| blocks.iter().find(|block| tags.contains(&block.tag()));
        if tagged(&["ENCRYPTED PRIVATE KEY"]).is_some() {
            return Err("the private key is encrypted: write it without a passphrase (openssl pkey -in FILE) and keep the file readable by Seatwise only".to_owned());
        }
        if tagged(&["EC PRIVATE KEY"]).is_some() {
            return Err(NOT_RSA.to_owned());
        }
        let key = tagged(&["PRIVATE KEY", "RSA PRIVATE KEY"])
            .ok_or("the file holds no private key (-----BEGIN PRIVATE KEY-----)")?;
        let certificate = tagged(&["CERTIFICATE"])
            .ok_or("the file holds no certificate (-----BEGIN CERTIFICATE-----)")?;
        Self::new(key, certificate)
    }

    fn new(key: &Pem, certificate: &Pem) -> Result<Self, String> {
        let key = EncodingKey::from_rsa_pem(Zeroizing::new(pem::encode(key)).as_bytes())
            .map_err(|_| NOT_RSA.to_owned())?;
        let modulus = modulus(&key).ok_or(NOT_RSA)?;
        let der = certificate.contents();
        // A certificate holds its public key as it is, so it need not be parsed to be recognized.
        if !der.windows(modulus.len()).any(|window| window == modulus) {
            return Err("the certificate does not belong to the private key".to_owned());
        }
        Ok(Self {
            key,
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(der)),
        })
    }

    /// A signed statement that the bearer is `client_id`, for the token endpoint only, once.
    pub(super) fn assertion(
        &self,
        client_id: &str,
        token_endpoint: &Url,
        now: Timestamp,
    ) -> Result<SecretString, jsonwebtoken::errors::Error> {
        let mut header = Header::new(Algorithm::PS256);
        header.x5t_s256 = Some(self.thumbprint.clone());
        let expires = now
            .saturating_add(ASSERTION_MINUTES.minutes())
            .unwrap_or(now);
        let claims = Claims {
            aud: token_endpoint.as_str(),
            iss: client_id,
            sub: client_id,
            jti: Uuid::new_v4().to_string(),
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: expires.as_second(),
        };
        jsonwebtoken::encode(&header, &claims, &self.key).map(SecretString::from)
    }
}

const NOT_RSA: &str =
    "the private key is not an RSA key of 2048 bits or more, which Microsoft wants";

/// The modulus, which is in the public key as well.
fn modulus(key: &EncodingKey) -> Option<Vec<u8>> {
    match Jwk::from_encoding_key(key, Algorithm::PS256)
        .ok()?
        .algorithm
    {
        AlgorithmParameters::RSA(parameters) => URL_SAFE_NO_PAD.decode(parameters.n).ok(),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use secrecy::ExposeSecret;

    use super::*;

    pub(in crate::msgraph) const RSA: &str = include_str!("fixtures/rsa.pem");
    const RSA_PUBLIC: &str = include_str!("fixtures/rsa_public.pem");
    const OTHER_CERTIFICATE: &str = include_str!("fixtures/other_certificate.pem");
    const ELLIPTIC_CURVE: &str = include_str!("fixtures/elliptic_curve.pem");

    /// `openssl x509 -outform der | openssl dgst -sha256 -binary`, base64url.
    const RSA_THUMBPRINT: &str = "mb7SFUCC2F6w8BBa0oGQp-A90ar3xKCOPgRucn6wE4U";

    /// The claims of an assertion, if the key of `RSA` signed it for this audience.
    pub(in crate::msgraph) fn verified(assertion: &str, audience: &str) -> serde_json::Value {
        let mut validation = Validation::new(Algorithm::PS256);
        validation.set_audience(&[audience]);
        validation.validate_exp = false;
        let key = DecodingKey::from_rsa_pem(RSA_PUBLIC.as_bytes()).unwrap();
        jsonwebtoken::decode(assertion, &key, &validation)
            .unwrap()
            .claims
    }

    #[test]
    fn an_assertion_is_signed_and_names_the_certificate() {
        let certificate = Certificate::from_pem(RSA.as_bytes()).unwrap();
        let endpoint = Url::parse("https://login.example/t/oauth2/v2.0/token").unwrap();
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let assert = || certificate.assertion("client", &endpoint, now).unwrap();
        let assertion = assert();
        let header = jsonwebtoken::decode_header(assertion.expose_secret()).unwrap();
        assert_eq!(header.alg, Algorithm::PS256);
        assert_eq!(header.x5t_s256.as_deref(), Some(RSA_THUMBPRINT));
        let claims = verified(assertion.expose_secret(), endpoint.as_str());
        assert_eq!(claims["iss"], "client");
        assert_eq!(claims["sub"], "client");
        assert_eq!(claims["nbf"], now.as_second());
        assert_eq!(claims["exp"], now.as_second() + 300);
        let other = verified(assert().expose_secret(), endpoint.as_str());
        assert_ne!(claims["jti"], other["jti"]);
    }

    #[track_caller]
    fn check_refused(pem: &str, word: &str) {
        let error = Certificate::from_pem(pem.as_bytes())
            .map(|_| ())
            .unwrap_err();
        assert!(error.contains(word), "{error}");
    }

    #[test]
    fn a_file_that_cannot_sign_is_refused_with_the_reason() {
        let (key, certificate) = key_and_certificate();
        check_refused("", "no private key");
        check_refused(
            "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n",
            "PEM form",
        );
        check_refused(&certificate, "no private key");
        check_refused(&key, "no certificate");
        check_refused(&format!("{key}{OTHER_CERTIFICATE}"), "does not belong");
        check_refused(ELLIPTIC_CURVE, "not an RSA key");
        check_refused(&key.replace("PRIVATE", "ENCRYPTED PRIVATE"), "encrypted");
    }

    #[test]
    fn key_and_certificate_may_come_in_any_order_and_with_a_chain() {
        let (key, certificate) = key_and_certificate();
        let pem = format!("{certificate}{OTHER_CERTIFICATE}{key}");
        assert!(Certificate::from_pem(pem.as_bytes()).is_ok());
    }

    fn key_and_certificate() -> (String, String) {
        let at = RSA.find("-----BEGIN CERTIFICATE").unwrap();
        (RSA[..at].to_owned(), RSA[at..].to_owned())
    }
}
