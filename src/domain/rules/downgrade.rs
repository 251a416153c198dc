//! R11: cheaper licenses that would be enough.

use crate::domain::finding::{Confidence, Fact, Rule, Said, Threshold, Unseen};
use crate::domain::money::Money;
use crate::domain::policy::Step;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::Workload;

use super::ground::StepDown;
use super::verdicts::{Frees, Seat, Verdicts, concluded, decided};

pub(super) fn judge(verdicts: &mut Verdicts<'_>) {
    for seat in verdicts.paid_seats() {
        let possible = seat.license.steps.iter().filter_map(|step| {
            let saved = saved(verdicts, &seat, step)?;
            let facts = evidence(verdicts, step.step)?;
            Some((step, saved, facts))
        });
        // Of several steps the one that saves most, of two alike the first that is configured.
        let best = possible.reduce(|best, next| match next.1 > best.1 {
            true => next,
            false => best,
        });
        let Some((step, saved, mut facts)) = best else {
            continue;
        };
        facts.insert(0, concluded(Said::Enough(step.to.sku_id)));
        let is_declared = verdicts.ground.policy.premium_is_not_needed;
        let confidence = match step.step.loses_what_nobody_sees() && !is_declared {
            true => {
                facts.extend(Unseen::ALL.map(|unseen| concluded(Said::Unseen(unseen))));
                Confidence::Low
            }
            // That nothing shows is never proof.
            false => Confidence::Medium,
        };
        verdicts.add(seat, Rule::Downgrade, confidence, Frees::Some(saved), facts);
    }
}

/// What a step down saves a month, where it leads to another, cheaper license and no other license of the
/// user is dropped for what this one gives.
fn saved(verdicts: &Verdicts<'_>, seat: &Seat<'_>, step: &StepDown) -> Option<Money> {
    let (own, other) = (seat.license.rate?.monthly(), step.to.rate?.monthly());
    let saved = own.minus(other).filter(|saved| saved.is_positive())?;
    let mut others = verdicts
        .assignments()
        .filter(|other| other.place != seat.place);
    let is_in_the_way = others.any(|other| {
        let relies_on_it =
            verdicts.dropped.has(other.place) && other.grant.offer.is_within(&seat.grant.offer);
        let still_gives = |offer| other.grant.offer.is_within(offer);
        other.license.license.sku_id == step.to.sku_id
            || relies_on_it && !step.offer.as_ref().is_some_and(still_gives)
    });
    (!is_in_the_way).then_some(saved)
}

/// What shows that nothing is used of what a step loses; `None` where it is used, or nobody can tell.
fn evidence(verdicts: &Verdicts<'_>, step: Step) -> Option<Vec<Fact>> {
    let mut facts = Vec::with_capacity(8);
    if step.loses_desktop_apps() {
        facts.extend(desktop_apps(verdicts)?);
    }
    let headroom = verdicts.ground.policy.headroom_percent;
    let room =
        |bytes: u64| bytes / 100 * u64::from(headroom) + bytes % 100 * u64::from(headroom) / 100;
    if let Some(bytes) = step.mailbox_bytes_left() {
        facts.push(mailbox(verdicts, room(bytes))?);
    }
    if step.loses_archive() {
        facts.push(archive(verdicts)?);
    }
    if let Some(bytes) = step.files_bytes_left() {
        facts.push(files(verdicts, room(bytes))?);
    }
    if step.mailbox_bytes_left().is_some() {
        facts.push(decided(Threshold::HeadroomPercent, headroom));
    }
    Some(facts)
}

/// Office is neither used on Windows or Mac nor activated there.
fn desktop_apps(verdicts: &Verdicts<'_>) -> Option<[Fact; 3]> {
    let (ground, user) = (verdicts.ground, verdicts.user);
    let reported = user.activity.reported;
    let is_told = ground.horizon.tells_of(Workload::Apps, reported)
        && ground.is_whole(Dataset::AppsActivations);
    let usage = verdicts.usage();
    let used = match (usage.used_on_desktop, reported.told.has(Workload::Apps)) {
        (Some(used), _) => used,
        // A row with a blank does not say; who has no row in a whole report did nothing.
        (None, has_row) => has_row,
    };
    let activations = usage.desktop_activations.unwrap_or(0);
    if !is_told || used || activations > 0 {
        return None;
    }
    Some([
        verdicts.told(Dataset::AppsUsage, Said::DesktopApps(false)),
        verdicts.told(Dataset::AppsActivations, Said::DesktopActivations(0)),
        decided(
            Threshold::InactiveAfterDays,
            ground.policy.inactive_after_days,
        ),
    ])
}

fn mailbox(verdicts: &Verdicts<'_>, room: u64) -> Option<Fact> {
    let bytes = verdicts.usage().mailbox_bytes?;
    let fits = verdicts.ground.is_fresh(Dataset::MailboxUsage) && bytes <= room;
    fits.then(|| verdicts.told(Dataset::MailboxUsage, Said::MailboxBytes(Some(bytes))))
}

fn archive(verdicts: &Verdicts<'_>) -> Option<Fact> {
    let has_archive = verdicts.usage().has_archive?;
    let is_free = verdicts.ground.is_fresh(Dataset::MailboxUsage) && !has_archive;
    is_free.then(|| verdicts.told(Dataset::MailboxUsage, Said::Archive(Some(false))))
}

fn files(verdicts: &Verdicts<'_>, room: u64) -> Option<Fact> {
    let ground = verdicts.ground;
    let bytes = match verdicts.usage().files_bytes {
        Some(bytes) if ground.is_fresh(Dataset::OneDriveUsage) => bytes,
        // Whoever is not in a whole report has no files.
        None if ground.is_whole(Dataset::OneDriveUsage) => 0,
        _ => return None,
    };
    let fact = || verdicts.told(Dataset::OneDriveUsage, Said::FilesBytes(bytes));
    (bytes <= room).then(fact)
}
