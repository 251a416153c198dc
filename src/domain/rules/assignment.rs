//! How a license was assigned: twice, not at all, or with nothing in it.

use crate::domain::finding::{Confidence, ErrorCode, Note, Rule, Said};
use crate::domain::sync_run::Dataset;
use crate::domain::user::AssignmentState;

use super::verdicts::{Frees, Verdicts, concluded};

/// R19: every service of the license that people work in is switched off. What is left on may be meant: a
/// suite can be held for the devices that it manages.
pub(super) fn judge_empty(verdicts: &mut Verdicts<'_>) {
    for seat in verdicts.paid_seats() {
        let is_in_force = matches!(
            seat.grant.state,
            AssignmentState::Active | AssignmentState::ActiveWithError
        );
        let opens_nothing = seat.grant.workloads.is_empty() && !seat.license.workloads.is_empty();
        if !is_in_force || !opens_nothing {
            continue;
        }
        let switched_on = Said::WorkloadPlans(seat.grant.workload_plans);
        let mut facts = vec![verdicts.told(Dataset::Users, switched_on)];
        let confidence = match seat.grant.offer.is_empty() {
            true => Confidence::High,
            false => {
                facts.push(concluded(Said::Note(Note::OtherServicesAreOn)));
                Confidence::Medium
            }
        };
        verdicts.add(seat, Rule::EmptyLicense, confidence, Frees::Seat, facts);
    }
}

/// R07 and R14: what saves nothing and wants tidying up, of licenses of every class.
pub(super) fn judge_path_and_errors(verdicts: &mut Verdicts<'_>) {
    for seat in verdicts.assignments() {
        let grant = seat.grant;
        if grant.is_direct && grant.groups > 0 && grant.state.holds_seat() {
            let facts = vec![verdicts.told(Dataset::Users, Said::AlsoByGroups(grant.groups))];
            let rule = Rule::DirectAndGroup;
            verdicts.add(seat, rule, Confidence::High, Frees::Nothing, facts);
        }
        let has_failed = matches!(
            grant.state,
            AssignmentState::Error | AssignmentState::ActiveWithError
        );
        if has_failed {
            let error = grant.error.unwrap_or(ErrorCode::Other);
            let mut facts = vec![
                verdicts.told(Dataset::Users, Said::Assignment(grant.state)),
                verdicts.told(Dataset::Users, Said::Error(error)),
            ];
            if !verdicts.user.has_usage_location {
                facts.push(verdicts.told(Dataset::Users, Said::NoUsageLocation));
            }
            let rule = Rule::AssignmentError;
            verdicts.add(seat, rule, Confidence::High, Frees::Nothing, facts);
        }
    }
}
