//! What a reader ought to know besides, added to whatever was found of a user.

use crate::domain::finding::{Confidence, Note, Said};
use crate::domain::usage::ActivityState;

use super::verdicts::{Verdicts, concluded};

/// R20 and R23.
pub(super) fn add(verdicts: &mut Verdicts<'_>) {
    if verdicts.found().is_empty() {
        return;
    }
    let user = verdicts.user;
    let mut privileged = verdicts.ground.policy.privileged_accounts.iter();
    let is_privileged = privileged.any(|name| name.matches_account(user.user_principal_name));
    // In use by a sign-in alone: no workload shows anything.
    let signs_in_only = verdicts.state == ActivityState::Active
        && !verdicts.ground.horizon.shows_work(&user.activity);
    for finding in verdicts.found() {
        if is_privileged && finding.key.kind.is_by_silence() {
            // An account for emergencies is silent by design.
            finding.confidence = Confidence::Low;
        }
        let notes = [
            (is_privileged, Note::Privileged),
            (signs_in_only, Note::SignsInOnly),
        ];
        let notes = notes.into_iter().filter(|(holds, _)| *holds);
        finding
            .facts
            .extend(notes.map(|(_, note)| concluded(Said::Note(note))));
    }
}
