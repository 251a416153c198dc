//! One try of one delivery: signed, bounded, and no further than the address of the operator.

use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use super::WebhookSettings;
use crate::domain::webhook::delivery::Delivery;
use crate::msgraph::Http;

/// Signs `time.body`, so that neither the body nor the time of an event can be changed on the way, and an
/// old one that is sent once more is known by its time.
pub(super) fn signature(secret: &SecretString, at: Timestamp, body: &str) -> Option<String> {
    let key = secret.expose_secret().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    let at = at.as_second();
    mac.update(format!("{at}.").as_bytes());
    mac.update(body.as_bytes());
    let mut signed = format!("t={at},v1=");
    for byte in mac.finalize().into_bytes() {
        signed += &format!("{byte:02x}");
    }
    Some(signed)
}

/// Tries once. Whatever the receiver answers but 2xx is a failure, told without its address: some
/// addresses are secrets.
pub(super) async fn attempt(
    http: &Http,
    webhook: &WebhookSettings,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<u16, String> {
    let signature = signature(&webhook.secret, now, &delivery.body)
        .ok_or_else(|| "it could not be signed".to_owned())?;
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("seatwise-signature", signature),
        ("seatwise-event", delivery.event.clone()),
        ("seatwise-event-id", delivery.id.to_string()),
    ];
    let body = delivery.body.clone();
    let status = http.post_public(&webhook.url, &headers, body).await?;
    match status {
        200..=299 => Ok(status),
        300..=399 => Err(format!(
            "it answered {status}, and redirects are not followed"
        )),
        _ => Err(format!("it answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_time_and_body() {
        // printf '1773576000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        let secret = SecretString::from("0123456789abcdef0123456789abcdef");
        let at = Timestamp::from_second(1_773_576_000).unwrap();
        let signed = signature(&secret, at, "{\"a\":1}").unwrap();
        assert_eq!(
            signed,
            "t=1773576000,v1=d13b6c558a30d19be542ed204a03bdfbca59f311a22c669f6c9a7d36da2970e5"
        );
    }
}
