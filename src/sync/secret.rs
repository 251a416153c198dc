//! Secrets made here: what opens a sign-in, and the administrator's first token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;

/// The operating system has no random numbers to give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random numbers: {0}")]
pub struct NoRandomness(String);

/// 256 random bits from the operating system, in base64url.
pub fn random_secret() -> Result<SecretString, NoRandomness> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
    Ok(SecretString::from(URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn no_two_secrets_are_alike_and_each_has_256_bits() {
        let secrets = [random_secret().unwrap(), random_secret().unwrap()];
        let bytes = secrets.map(|secret| URL_SAFE_NO_PAD.decode(secret.expose_secret()).unwrap());
        assert_eq!(bytes[0].len(), 32);
        assert_ne!(bytes[0], bytes[1]);
    }
}
