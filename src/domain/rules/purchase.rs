//! Purchases whose state changes, and trials that end.

use crate::domain::day::Day;
use crate::domain::finding::{
    Confidence, Fact, Finding, FindingKey, Rule, Said, Saving, Source, SubscriptionStatus,
    Threshold,
};
use crate::domain::license_class::LicenseClass;
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::Dataset;

use super::ground::{Ground, LicenseGround};
use super::verdicts::decided;

/// R15 and R16.
pub(super) fn judge(ground: &Ground<'_>, findings: &mut Vec<Finding>) {
    for subscription in ground.subscriptions {
        let license = ground.find(subscription.sku_id).map(|(_, own)| own);
        let is_trial = subscription.is_trial == Some(true)
            || license.is_some_and(|own| own.class == LicenseClass::Trial);
        findings.extend(match is_trial {
            true => trial_ending(ground, subscription, license),
            false => change(ground, subscription),
        });
    }
}

/// R15. What changed already stays told: days past are days.
fn change(ground: &Ground<'_>, subscription: &Subscription) -> Option<Finding> {
    let days_max = ground.policy.subscription_change_days;
    let status = SubscriptionStatus::read(&subscription.status);
    let on = subscription.next_change_at.and_then(Day::of_instant);
    let is_soon = on.is_some_and(|on| -ground.age(on) <= i64::from(days_max));
    let holds = match status {
        SubscriptionStatus::Enabled => is_soon,
        SubscriptionStatus::Warning
        | SubscriptionStatus::Suspended
        | SubscriptionStatus::LockedOut
        | SubscriptionStatus::Deleted => true,
        // Whatever it means, a date that comes is a date.
        SubscriptionStatus::Unknown => is_soon,
    };
    let mut facts = facts(ground, subscription, status, on);
    facts.push(decided(Threshold::SubscriptionChangeDays, days_max));
    holds.then(|| finding(subscription, Rule::SubscriptionChange, facts))
}

/// R16. It saves nothing: whoever works with it is about to lose it.
fn trial_ending(
    ground: &Ground<'_>,
    subscription: &Subscription,
    license: Option<&LicenseGround<'_>>,
) -> Option<Finding> {
    let days_max = ground.policy.trial_ending_days;
    let on = subscription.next_change_at.and_then(Day::of_instant)?;
    if -ground.age(on) > i64::from(days_max) {
        return None;
    }
    let status = SubscriptionStatus::read(&subscription.status);
    let mut facts = facts(ground, subscription, status, Some(on));
    facts.extend(license.map(|own| Fact {
        said: Said::SeatsConsumed(own.license.seats.consumed),
        source: Source::Dataset(Dataset::Licenses),
        as_of: ground.as_of(Dataset::Licenses),
    }));
    facts.push(decided(Threshold::TrialEndingDays, days_max));
    Some(finding(subscription, Rule::TrialEnding, facts))
}

fn facts(
    ground: &Ground<'_>,
    subscription: &Subscription,
    status: SubscriptionStatus,
    on: Option<Day>,
) -> Vec<Fact> {
    let told = |said| Fact {
        said,
        source: Source::Dataset(Dataset::Subscriptions),
        as_of: ground.as_of(Dataset::Subscriptions),
    };
    let days_left = on.map(|on| told(Said::DaysLeft(-ground.age(on))));
    let on = on.map(|on| told(Said::NextChange(on)));
    let bought = subscription
        .seats
        .map(|seats| told(Said::SeatsBought(seats)));
    let facts = [Some(told(Said::Status(status))), on, days_left, bought];
    facts.into_iter().flatten().collect()
}

fn finding(subscription: &Subscription, rule: Rule, facts: Vec<Fact>) -> Finding {
    Finding {
        key: FindingKey::of_subscription(rule.kind(), subscription.sku_id, subscription.id),
        rule,
        confidence: Confidence::High,
        seats: 0,
        saving: Saving::Nothing,
        is_primary: false,
        facts,
    }
}
