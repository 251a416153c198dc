//! The sections `[policy]` and `[tenants.….policy]`: by what users and licenses are judged. What a tenant
//! does not say, the general section says for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::domain::catalog::Catalog;
use crate::domain::ids::SkuId;
use crate::domain::license_class::LicenseClass;
use crate::domain::policy::{
    Bundle, Freshness, InvalidPolicy, Ladder, Pattern, Policy, PolicySettings, Step, is_part_number,
};

use super::checks::Invalid;

/// As written. In the general section everything is there, in a tenant's what differs.
#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPolicy {
    inactive_after_days: Option<u64>,
    grace_days: Option<u64>,
    disabled_grace_days: Option<u64>,
    copilot_unused_after_days: Option<u64>,
    copilot_held_days: Option<u64>,
    copilot_apps_min: Option<u64>,
    addon_unused_after_days: Option<u64>,
    headroom_percent: Option<u64>,
    buffer_seats_min: Option<u64>,
    buffer_percent: Option<u64>,
    reports_fresh_days: Option<u64>,
    apps_fresh_days: Option<u64>,
    copilot_fresh_days: Option<u64>,
    sign_ins_fresh_days: Option<u64>,
    subscription_change_days: Option<u64>,
    trial_ending_days: Option<u64>,
    realized_days: Option<u64>,
    premium_services: Option<RawNeed>,
    resource_licenses: Option<Vec<String>>,
    shared_accounts: Option<Vec<String>>,
    privileged_accounts: Option<Vec<String>>,
    ladders: Option<Vec<String>>,
    bundles: Option<Vec<String>>,
    planned_hires: Option<Vec<String>>,
    classes: Option<Vec<String>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawNeed {
    Needed,
    NotNeeded,
}

/// The policy of everybody who says nothing, or of a tenant that says something.
pub(super) fn policy(general: &RawPolicy, own: Option<&RawPolicy>) -> Result<Arc<Policy>, Invalid> {
    let nothing = RawPolicy::default();
    let own = own.unwrap_or(&nothing);
    let usual = PolicySettings::default();
    /// What the tenant says, else the general section.
    macro_rules! said {
        ($key:ident) => {
            own.$key.as_ref().or(general.$key.as_ref())
        };
    }
    macro_rules! number {
        ($key:ident, $usual:expr) => {
            match said!($key) {
                Some(number) => u32::try_from(*number).map_err(|_| {
                    Invalid::new(stringify!($key), format!("{number} is far too much"))
                })?,
                None => $usual,
            }
        };
    }
    macro_rules! list {
        ($key:ident, $read:expr, $usual:expr) => {
            match said!($key) {
                Some(texts) => {
                    let read = texts.iter().map(|text| $read(text));
                    let read: Result<_, String> = read.collect();
                    read.map_err(Invalid::of(stringify!($key)))?
                }
                None => $usual,
            }
        };
    }
    let settings = PolicySettings {
        inactive_after_days: number!(inactive_after_days, usual.inactive_after_days),
        grace_days: number!(grace_days, usual.grace_days),
        disabled_grace_days: number!(disabled_grace_days, usual.disabled_grace_days),
        copilot_unused_after_days: number!(
            copilot_unused_after_days,
            usual.copilot_unused_after_days
        ),
        copilot_held_days: number!(copilot_held_days, usual.copilot_held_days),
        copilot_apps_min: number!(copilot_apps_min, usual.copilot_apps_min),
        addon_unused_after_days: number!(addon_unused_after_days, usual.addon_unused_after_days),
        headroom_percent: number!(headroom_percent, usual.headroom_percent),
        buffer_seats_min: number!(buffer_seats_min, usual.buffer_seats_min),
        buffer_percent: number!(buffer_percent, usual.buffer_percent),
        freshness: Freshness {
            reports_days: number!(reports_fresh_days, usual.freshness.reports_days),
            apps_days: number!(apps_fresh_days, usual.freshness.apps_days),
            copilot_days: number!(copilot_fresh_days, usual.freshness.copilot_days),
            sign_ins_days: number!(sign_ins_fresh_days, usual.freshness.sign_ins_days),
        },
        subscription_change_days: number!(subscription_change_days, usual.subscription_change_days),
        trial_ending_days: number!(trial_ending_days, usual.trial_ending_days),
        realized_days: number!(realized_days, usual.realized_days),
        premium_is_not_needed: said!(premium_services) == Some(&RawNeed::NotNeeded),
        resource_licenses: list!(resource_licenses, pattern, usual.resource_licenses),
        shared_accounts: list!(shared_accounts, pattern, usual.shared_accounts),
        privileged_accounts: list!(privileged_accounts, pattern, usual.privileged_accounts),
        ladders: list!(ladders, ladder, usual.ladders),
        bundles: list!(bundles, bundle, usual.bundles),
        planned_hires: products(said!(planned_hires), hires)
            .map_err(Invalid::of("planned_hires"))?,
        classes: products(said!(classes), class).map_err(Invalid::of("classes"))?,
    };
    Policy::new(settings)
        .map(Arc::new)
        .map_err(|error| invalid(&error))
}

/// What is wrong with the whole, by the key that says it.
fn invalid(error: &InvalidPolicy) -> Invalid {
    match error {
        InvalidPolicy::OutOfRange {
            name,
            value,
            min,
            max,
        } => {
            let key = match *name {
                "freshness.reports_days" => "reports_fresh_days",
                "freshness.apps_days" => "apps_fresh_days",
                "freshness.copilot_days" => "copilot_fresh_days",
                "freshness.sign_ins_days" => "sign_ins_fresh_days",
                name => name,
            };
            Invalid::new(key, format!("{value} is out of range: {min} to {max}"))
        }
        InvalidPolicy::TooMany { name, .. } => Invalid::new(name, error.to_string()),
        InvalidPolicy::Ladder { .. } => Invalid::new("ladders", error.to_string()),
        InvalidPolicy::Bundle { .. } => Invalid::new("bundles", error.to_string()),
    }
}

fn pattern(text: &String) -> Result<Pattern, String> {
    Pattern::parse(text).map_err(|error| format!("\"{text}\": {error}"))
}

/// "`SPE_E5 > SPE_E3: premium`"
fn ladder(text: &String) -> Result<Ladder, String> {
    let read = || {
        let (products, step) = text.split_once(':')?;
        let (from, to) = products.split_once('>')?;
        Some(Ladder {
            from: from.trim().to_owned(),
            to: to.trim().to_owned(),
            step: Step::parse(step)?,
        })
    };
    read().ok_or_else(|| {
        let steps = Step::ALL.map(Step::name).join(", ");
        format!(
            "\"{text}\" is no step down, such as \"SPE_E5 > SPE_E3: premium\"; what may be lost is one of {steps}"
        )
    })
}

/// "`ENTERPRISEPACK + EMS = SPE_E3`"
fn bundle(text: &String) -> Result<Bundle, String> {
    let (parts, whole) = text.split_once('=').ok_or_else(|| {
        format!("\"{text}\" is no bundle, such as \"ENTERPRISEPACK + EMS = SPE_E3\"")
    })?;
    let parts = parts.split('+').map(|part| part.trim().to_owned());
    Ok(Bundle {
        parts: parts.collect(),
        whole: whole.trim().to_owned(),
    })
}

/// Pairs of a product and something said of it, "`SPE_E3 = PAID`".
fn products<T: Copy>(
    texts: Option<&Vec<String>>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<BTreeMap<SkuId, T>, String> {
    let texts = texts.map_or(&[][..], Vec::as_slice);
    if texts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let catalog = Catalog::compiled_in();
    let mut said = BTreeMap::new();
    for text in texts {
        let (product, value) = text.split_once('=').ok_or_else(|| {
            format!("\"{text}\" is not a product and a value, such as \"SPE_E3 = PAID\" or \"SPE_E3 = 12\"")
        })?;
        let value = read(value.trim()).map_err(|error| format!("\"{text}\": {error}"))?;
        let ids = skus(product.trim(), &catalog);
        if ids.is_empty() {
            return Err(format!(
                "\"{}\" is neither a product's GUID (skuId) nor a part number of Microsoft's public list",
                product.trim()
            ));
        }
        said.extend(ids.into_iter().map(|id| (id, value)));
    }
    Ok(said)
}

/// A product by its GUID, or all that have a part number: there are some with two.
fn skus(text: &str, catalog: &Catalog) -> Vec<SkuId> {
    if let Some(id) = SkuId::parse(text) {
        return vec![id];
    }
    let products = catalog.products();
    let named = products.filter(|(_, entry)| is_part_number(&entry.value, text));
    named.map(|(id, _)| id).collect()
}

fn hires(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is not a number of seats"))
}

fn class(text: &str) -> Result<LicenseClass, String> {
    LicenseClass::parse(text).ok_or_else(|| {
        let classes = LicenseClass::ALL.map(LicenseClass::name).join(", ");
        format!("\"{text}\" is not one of {classes}")
    })
}
