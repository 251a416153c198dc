//! Copilot, and add-ons whose use can be seen apart from that of a suite.

use crate::domain::activity::Workloads;
use crate::domain::day::Day;
use crate::domain::finding::{AddonProduct, Confidence, Rule, Said, Threshold};
use crate::domain::sync_run::Dataset;
use crate::domain::usage::Workload;

use super::verdicts::{Frees, Seat, Verdicts, decided};

/// When an add-on was used last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddonUse {
    /// Nothing says.
    #[default]
    Unknown,
    /// Nothing of it was ever seen where it would show.
    Never,
    /// The last day.
    On(Day),
}

/// R17 and R18.
pub(super) fn judge(verdicts: &mut Verdicts<'_>) {
    let copilot = Workloads::default().and(&[Workload::Copilot]);
    for seat in verdicts.paid_seats() {
        if seat.grant.workloads == copilot {
            judge_copilot(verdicts, seat);
        }
        if let Some(product) = seat.license.addon {
            judge_addon(verdicts, seat, product);
        }
    }
}

/// R17. Copilot is used in an application if that was less than so many days before the day up to which
/// the report tells.
fn judge_copilot(verdicts: &mut Verdicts<'_>, seat: Seat<'_>) {
    let (ground, user) = (verdicts.ground, verdicts.user);
    let policy = ground.policy;
    let held_days = seat.held.since.map(|since| ground.age(since));
    let is_held_long = held_days.is_some_and(|days| days >= i64::from(policy.copilot_held_days));
    let tells = ground
        .horizon
        .tells_of(Workload::Copilot, user.activity.reported);
    let Some(anchor) = ground
        .as_of(Dataset::CopilotUsage)
        .filter(|_| is_held_long && tells)
    else {
        return;
    };
    let is_recent = |on: Option<Day>| {
        let age = on.map(|on| anchor.number() - on.number());
        age.is_some_and(|age| age < i64::from(policy.copilot_unused_after_days))
    };
    let last = user.activity.last_active_on[Workload::Copilot as usize];
    let apps = verdicts.usage().copilot_apps;
    let apps_used = apps.iter().filter(|on| is_recent(**on)).count() as u32; // Of eight.
    let last_in_app = apps.into_iter().max().flatten();
    // Used of late, and the report does not say in which application.
    if is_recent(last) && last > last_in_app {
        return;
    }
    let (rule, confidence) = match apps_used {
        0 => (Rule::CopilotUnused, Confidence::High),
        used if used < policy.copilot_apps_min => (Rule::CopilotUnderused, Confidence::Medium),
        _ => return,
    };
    let last = last.max(last_in_app);
    let told = |said| verdicts.told(Dataset::CopilotUsage, said);
    let mut facts = vec![
        told(Said::LastActive(Workload::Copilot, last)),
        told(Said::CopilotApps(apps_used)),
        decided(
            Threshold::CopilotUnusedAfterDays,
            policy.copilot_unused_after_days,
        ),
        decided(Threshold::CopilotAppsMin, policy.copilot_apps_min),
        decided(Threshold::CopilotHeldDays, policy.copilot_held_days),
    ];
    facts.extend(verdicts.beginnings(&seat));
    verdicts.add(seat, rule, confidence, Frees::Seat, facts);
}

/// R18. Seen by activations, or by sign-ins to the product: likely, never sure.
fn judge_addon(verdicts: &mut Verdicts<'_>, seat: Seat<'_>, product: AddonProduct) {
    let policy = verdicts.ground.policy;
    let days_max = policy.addon_unused_after_days;
    if verdicts.is_in_grace(&seat) || !shows_use(verdicts, product, days_max) {
        return;
    }
    let last = match verdicts.usage().addons[product as usize] {
        AddonUse::Unknown => return,
        AddonUse::Never => None,
        AddonUse::On(day) => Some(day),
    };
    if last.is_some_and(|on| verdicts.ground.age(on) < i64::from(days_max)) {
        return;
    }
    let mut facts = vec![
        verdicts.told(source(product), Said::AddonUsed(product, last)),
        decided(Threshold::AddonUnusedAfterDays, days_max),
        decided(Threshold::GraceDays, policy.grace_days),
    ];
    facts.extend(verdicts.beginnings(&seat));
    verdicts.add(
        seat,
        Rule::AddonUnused,
        Confidence::Medium,
        Frees::Seat,
        facts,
    );
}

/// Where the use of a product shows.
fn source(product: AddonProduct) -> Dataset {
    match product {
        AddonProduct::Visio | AddonProduct::Project => Dataset::AppsActivations,
        AddonProduct::PowerBi | AddonProduct::PowerPlatform => Dataset::SignIns,
    }
}

/// Whether silence there counts: the report is of late, the log reaches back far enough. Who has no row in the
/// report is not told to use nothing, so it need not have had everybody.
fn shows_use(verdicts: &Verdicts<'_>, product: AddonProduct, days: u32) -> bool {
    let source = source(product);
    match source {
        Dataset::SignIns => verdicts.ground.reaches_back(source, days),
        _ => verdicts.ground.is_fresh(source),
    }
}

/// The add-on that a part number is of, where people use it themselves.
pub(super) fn product_of(part_number: &str) -> Option<AddonProduct> {
    const BEGINNINGS: [(&str, AddonProduct); 13] = [
        ("VISIO", AddonProduct::Visio),
        ("PROJECTESSENTIALS", AddonProduct::Project),
        ("PROJECTCLIENT", AddonProduct::Project),
        ("PROJECTPROFESSIONAL", AddonProduct::Project),
        ("PROJECTPREMIUM", AddonProduct::Project),
        ("PROJECTONLINE_PLAN", AddonProduct::Project),
        ("PROJECT_P", AddonProduct::Project),
        ("POWER_BI_PRO", AddonProduct::PowerBi),
        ("POWERBI_PRO", AddonProduct::PowerBi),
        ("PBI_PREMIUM_PER_USER", AddonProduct::PowerBi),
        ("POWERAPPS_PER_USER", AddonProduct::PowerPlatform),
        ("FLOW_PER_USER", AddonProduct::PowerPlatform),
        ("POWERAUTOMATE_ATTENDED_RPA", AddonProduct::PowerPlatform),
    ];
    let begins = |beginning: &str| {
        let start = part_number.trim().get(..beginning.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    };
    let mut known = BEGINNINGS.into_iter();
    known
        .find(|(beginning, _)| begins(beginning))
        .map(|(_, product)| product)
}
