//! The sections `[webhooks.…]`: where events are told, and under which secret.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use reqwest::Url;
use rust_decimal::Decimal;
use secrecy::{ExposeSecret as _, SecretString};

use super::checks::Invalid;
use super::raw::{RawSecret, RawWebhook};
use super::secret_file;
use crate::domain::ids::TenantKey;
use crate::domain::money::{Currency, parse_amount};
use crate::domain::webhook::EventKind;
use crate::msgraph::is_loopback;

/// The fewest characters of a secret: 32 of a generator's are beyond guessing.
const SECRET_CHARACTERS_MIN: usize = 32;

/// One configured webhook.
#[derive(Clone)]
pub struct WebhookConfig {
    /// The name of its section.
    pub name: String,
    /// https, or http on loopback.
    pub url: Url,
    /// Under which events are signed.
    pub secret: SecretString,
    /// What it is told of.
    pub events: BTreeSet<EventKind>,
    /// Of which tenants; `None` for all.
    pub tenants: Option<BTreeSet<TenantKey>>,
    /// Purchases of fewer seats are not told.
    pub seats_min: u32,
    /// Purchases that cost less a year are not told.
    pub yearly_cost_min: Decimal,
    /// So many open findings are told; `None`: never.
    pub open_findings_min: Option<u64>,
    /// Savings of so much a month are told; `None`: never.
    pub monthly_savings_min: Option<(Decimal, Currency)>,
}

/// Without secret and address: some addresses are secrets.
impl fmt::Debug for WebhookConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WebhookConfig")
            .field("name", &self.name)
            .field("events", &self.events)
            .field("tenants", &self.tenants)
            .finish_non_exhaustive()
    }
}

pub(super) fn webhook(
    name: &str,
    raw: RawWebhook,
    directory: &Path,
) -> Result<WebhookConfig, Invalid> {
    // Names of webhooks and of tenants are written in the same places.
    if TenantKey::parse(name).is_err() {
        let text =
            format!("\"{name}\" is no name of a webhook: 1 to 63 characters of a-z, 0-9 and _");
        return Err(Invalid::new("", text));
    }
    let seats_min = raw.seats_min.unwrap_or(0);
    let cost = raw.yearly_cost_min.as_deref().unwrap_or("0");
    Ok(WebhookConfig {
        name: name.to_owned(),
        url: url(raw.url.as_deref()).map_err(Invalid::of("url"))?,
        events: events(raw.events).map_err(Invalid::of("events"))?,
        tenants: tenants(raw.tenants).map_err(Invalid::of("tenants"))?,
        seats_min: u32::try_from(seats_min)
            .map_err(|_| Invalid::new("seats_min", format!("{seats_min} is too many")))?,
        yearly_cost_min: parse_amount(cost)
            .map_err(|invalid| Invalid::new("yearly_cost_min", invalid.to_string()))?,
        open_findings_min: raw.open_findings_min,
        monthly_savings_min: raw
            .monthly_savings_min
            .as_deref()
            .map(amount)
            .transpose()
            .map_err(Invalid::of("monthly_savings_min"))?,
        secret: secret(raw.secret, raw.secret_file, directory)?,
    })
}

/// Reads "1000.00 EUR".
fn amount(text: &str) -> Result<(Decimal, Currency), String> {
    let refused = || format!("\"{text}\" is no amount with its currency, such as \"1000.00 EUR\"");
    let (amount, currency) = text.trim().split_once(' ').ok_or_else(refused)?;
    let mut amount = parse_amount(amount).map_err(|_| refused())?;
    let currency = Currency::parse(currency.trim()).map_err(|_| refused())?;
    // As events write it, beside what there is.
    amount.rescale(currency.minor_digits().max(amount.scale()));
    Ok((amount, currency))
}

fn url(text: Option<&str>) -> Result<Url, String> {
    let text = text.ok_or("is missing: the https address that events are sent to")?;
    // It is not repeated: the address of a webhook may be its secret.
    let url = Url::parse(text)
        .map_err(|_| "is no address, such as \"https://erp.contoso.com/seatwise\"")?;
    let is_fit = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if !is_fit {
        return Err("is no https address; only a loopback address goes without".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user or password; the signature says who sends".into());
    }
    Ok(url)
}

fn events(words: Option<Vec<String>>) -> Result<BTreeSet<EventKind>, String> {
    let Some(words) = words else {
        return Ok(EventKind::TOLD.into());
    };
    let parsed = words.iter().map(|word| {
        EventKind::parse(word).ok_or_else(|| {
            let known: Vec<_> = EventKind::TOLD.iter().map(|kind| kind.word()).collect();
            format!("\"{word}\" is no event; there are: {}", known.join(", "))
        })
    });
    parsed.collect()
}

fn tenants(keys: Option<Vec<String>>) -> Result<Option<BTreeSet<TenantKey>>, String> {
    let Some(keys) = keys else { return Ok(None) };
    let parsed = keys
        .iter()
        .map(|key| TenantKey::parse(key).map_err(|error| format!("\"{key}\": {error}")));
    parsed.collect::<Result<_, _>>().map(Some)
}

fn secret(
    secret: Option<RawSecret>,
    file: Option<String>,
    directory: &Path,
) -> Result<SecretString, Invalid> {
    let (key, secret) = match (secret, file) {
        (Some(RawSecret(secret)), None) => ("secret", Ok(secret)),
        (None, Some(path)) => ("secret_file", secret_file::read_line(&directory.join(path))),
        (None, None) => {
            return Err(Invalid::new("", "has no secret: set secret or secret_file"));
        }
        (Some(_), Some(_)) => {
            return Err(Invalid::new(
                "secret",
                "is set beside secret_file; keep one",
            ));
        }
    };
    let secret = secret.map_err(Invalid::of(key))?;
    let text = secret.expose_secret();
    if text.len() < SECRET_CHARACTERS_MIN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let text = "is no secret: at least 32 characters of plain ASCII without spaces (`openssl rand -hex 32`)";
        return Err(Invalid::new(key, text));
    }
    Ok(secret)
}
