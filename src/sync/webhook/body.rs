//! What events say: numbers, names of licenses, ids and days. No person is in any of them.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::ids::TenantKey;
use crate::domain::license::License;
use crate::domain::money::{Currency, Money};
use crate::domain::renewal::Purchase;
use crate::domain::renewal::due::Reached;
use crate::domain::renewal::milestones::Milestone;
use crate::domain::renewal::reminder::Reminder;
use crate::domain::webhook::EventKind;
use crate::domain::webhook::threshold::{Crossing, Level};

/// A purchase that has reached a step.
pub(super) struct Reminded<'a> {
    pub(super) tenant: &'a TenantKey,
    pub(super) license: &'a License,
    pub(super) name: &'a str,
    pub(super) purchase: &'a Purchase<'a>,
    pub(super) milestone: Milestone,
    pub(super) reached: Reached,
    pub(super) days_left: i64,
    pub(super) yearly_cost: Option<Money>,
}

pub(super) fn reminder(id: Uuid, at: Timestamp, of: &Reminded<'_>) -> Value {
    let subscription = of.purchase.subscription;
    let mut event = envelope(id, EventKind::RenewalReminder, at);
    event["tenant"] = json!(of.tenant.as_str());
    event["license"] = json!({"skuId": of.license.sku_id.to_string(), "name": of.name});
    event["subscriptionId"] = json!(subscription.id.to_string());
    event["renewal"] = json!({
        "on": of.reached.on.to_string(),
        "isDeclared": of.milestone.change.is_declared(),
        "daysLeft": of.days_left,
        "step": step(of.reached.step),
    });
    event["seats"] = json!({"bought": subscription.seats, "assigned": of.license.seats.consumed});
    event["yearlyCost"] = match of.yearly_cost {
        Some(cost) => json!({
            "amount": cost.amount_text(),
            "currency": cost.currency().to_string(),
        }),
        None => Value::Null,
    };
    event
}

/// Numbers that the findings of a tenant have come to.
pub(super) struct Crossed<'a> {
    pub(super) tenant: &'a TenantKey,
    pub(super) level: Level,
    /// Of savings.
    pub(super) currency: Option<Currency>,
    pub(super) crossings: &'a [Crossing],
}

pub(super) fn threshold(id: Uuid, at: Timestamp, of: &Crossed<'_>) -> Value {
    let crossed = of.crossings.iter().map(|own| {
        json!({
            "measure": own.threshold.measure.word(),
            "atLeast": own.threshold.at_least.to_string(),
            "before": own.before.map(|before| before.to_string()),
            "now": own.now.to_string(),
        })
    });
    let savings = of.level.monthly_savings.zip(of.currency);
    let mut event = envelope(id, EventKind::FindingsThreshold, at);
    event["tenant"] = json!(of.tenant.as_str());
    event["crossed"] = crossed.collect();
    event["openFindings"] = json!(of.level.open_findings);
    event["monthlySavings"] = match savings {
        Some((amount, currency)) => {
            json!({"amount": amount.to_string(), "currency": currency.to_string()})
        }
        None => Value::Null,
    };
    event
}

pub(super) fn test(id: Uuid, at: Timestamp) -> Value {
    envelope(id, EventKind::Test, at)
}

fn envelope(id: Uuid, kind: EventKind, at: Timestamp) -> Value {
    json!({"id": id.to_string(), "event": kind.word(), "at": at.to_string()})
}

/// As the schema spells it.
fn step(step: Reminder) -> &'static str {
    match step {
        Reminder::Review => "REVIEW",
        Reminder::EvidenceFreeze => "EVIDENCE_FREEZE",
        Reminder::Decide => "DECIDE",
        Reminder::Order => "ORDER",
        Reminder::LastCheck => "LAST_CHECK",
        Reminder::ReductionWindow => "REDUCTION_WINDOW",
    }
}
