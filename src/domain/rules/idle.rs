//! People who do not use what they hold.

use crate::domain::finding::{Confidence, Fact, Note, Rule, Said, Threshold};
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{ActivityState, Workload};

use super::verdicts::{Frees, Seat, Verdicts, concluded, decided};

/// R01 and R02: [`ActivityState`] decides whether silence counts, and what it means.
pub(super) fn judge(verdicts: &mut Verdicts<'_>) {
    let rule = match verdicts.state {
        ActivityState::Inactive => Rule::Inactive,
        ActivityState::NeverActive => Rule::NeverActive,
        ActivityState::Active | ActivityState::Unknown => return,
    };
    let user = verdicts.user;
    // A disabled account does not sign in, and what is no person's is not expected to work.
    let is_person = user.account_enabled && !verdicts.nobodys.is_said();
    if !is_person || user.activity.licensed.is_empty() {
        return;
    }
    for seat in verdicts.paid_seats() {
        if verdicts.is_in_grace(&seat) {
            continue;
        }
        // Who was never seen may have come today, if nobody says when.
        if rule == Rule::NeverActive && verdicts.latest_beginning(&seat).is_none() {
            continue;
        }
        let (confidence, note) = confidence(verdicts, &seat);
        let mut facts = evidence(verdicts);
        facts.extend(verdicts.beginnings(&seat));
        facts.extend(note.map(|note| concluded(Said::Note(note))));
        verdicts.add(seat, rule, confidence, Frees::Seat, facts);
    }
}

/// With sign-ins everything was read that could show the user. Without, only workloads; and of a license
/// that opens none, its user may be at work unseen.
fn confidence(verdicts: &Verdicts<'_>, seat: &Seat<'_>) -> (Confidence, Option<Note>) {
    if verdicts.ground.horizon.tells_of_sign_ins() {
        (Confidence::High, None)
    } else if !seat.grant.workloads.is_empty() {
        (Confidence::Medium, None)
    } else {
        (Confidence::Low, Some(Note::UseIsNotReported))
    }
}

fn evidence(verdicts: &Verdicts<'_>) -> Vec<Fact> {
    let (user, policy) = (verdicts.user, verdicts.ground.policy);
    let mut facts = Vec::with_capacity(8);
    for workload in Workload::ALL {
        let on = user.activity.last_active_on[workload as usize];
        // A workload without a license need not be silent, but what it showed once is told.
        if user.activity.licensed.has(workload) || on.is_some() {
            facts.push(verdicts.told(workload.dataset(), Said::LastActive(workload, on)));
        }
    }
    if verdicts.ground.horizon.tells_of_sign_ins() {
        let said = Said::LastSignIn(user.activity.succeeded_on);
        facts.push(verdicts.told(Dataset::SignInActivity, said));
    }
    facts.push(decided(
        Threshold::InactiveAfterDays,
        policy.inactive_after_days,
    ));
    facts.push(decided(Threshold::GraceDays, policy.grace_days));
    facts
}
