//! The numbers of usage reports that rules ask for.

use crate::domain::day::Day;
use crate::domain::ids::ObjectId;
use crate::domain::rules::{AddonUse, UsageNumbers};
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{Metric, Period, Usage};
use crate::engine::users::Users;

use super::decisions::Decisions;

/// The applications of the Copilot report.
const COPILOT_APPS: [Metric; 8] = [
    Metric::CopilotChatOn,
    Metric::CopilotTeamsOn,
    Metric::CopilotWordOn,
    Metric::CopilotExcelOn,
    Metric::CopilotPowerPointOn,
    Metric::CopilotOutlookOn,
    Metric::CopilotOneNoteOn,
    Metric::CopilotLoopOn,
];

/// What reports say of a user, of which few rules ask.
pub(super) fn usage_numbers(
    users: &Users,
    row: u32,
    user: ObjectId,
    decisions: &Decisions,
) -> UsageNumbers {
    let usage = |dataset| users.facts().usage(row, dataset, user);
    let standing = |usage: &Option<Usage>, metric| usage.as_ref()?.standing.get(metric);
    let mailbox = usage(Dataset::MailboxUsage);
    let files = usage(Dataset::OneDriveUsage);
    let activations = usage(Dataset::AppsActivations);
    let copilot = usage(Dataset::CopilotUsage);
    let counts = [
        Metric::ActivatedWindows,
        Metric::ActivatedMac,
        Metric::ActivatedWindowsMobile,
        Metric::ActivatedIos,
        Metric::ActivatedAndroid,
    ]
    .map(|metric| standing(&activations, metric));
    let all_known: Option<Vec<u64>> = counts.iter().copied().collect();
    // Activations are not told apart by product: only where there is none at all, there is none of it.
    let activated = match all_known {
        Some(counts) if counts.iter().all(|count| *count == 0) => AddonUse::Never,
        _ => AddonUse::Unknown,
    };
    let copilot_on = |metric| {
        let number = standing(&copilot, metric)?;
        Day::numbered(i64::try_from(number).ok()?)
    };
    UsageNumbers {
        mailbox_bytes: standing(&mailbox, Metric::MailboxBytes),
        has_archive: standing(&mailbox, Metric::HasArchive).map(|has| has > 0),
        files_bytes: standing(&files, Metric::StorageBytes),
        used_on_desktop: used_on_desktop(&usage(Dataset::AppsUsage), decisions),
        desktop_activations: match (counts[0], counts[1]) {
            (None, None) => None,
            (windows, mac) => Some(windows.unwrap_or(0).saturating_add(mac.unwrap_or(0))),
        },
        copilot_apps: COPILOT_APPS.map(copilot_on),
        addons: [activated, activated, AddonUse::Unknown, AddonUse::Unknown],
    }
}

/// By the shortest period that is no shorter than the policy's.
fn used_on_desktop(apps: &Option<Usage>, decisions: &Decisions) -> Option<bool> {
    let days = decisions.policy.settings().inactive_after_days;
    let period = match days {
        0..=7 => Period::D7,
        8..=30 => Period::D30,
        31..=90 => Period::D90,
        _ => Period::D180,
    };
    let sums = apps.as_ref()?.sums.get(period as usize)?.as_ref()?;
    match (sums.get(Metric::OnWindows), sums.get(Metric::OnMac)) {
        (None, None) => None,
        (windows, mac) => Some(windows.unwrap_or(0).saturating_add(mac.unwrap_or(0)) > 0),
    }
}
