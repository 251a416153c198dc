//! What is not needed: the rules, as pure functions of facts, a time and a policy.
//!
//! Whatever is the same for a whole tenant is worked out once, into a [`Ground`]: which license is within
//! which, what a seat costs today, whose silence counts. Against it a user is judged by a few comparisons,
//! and memory is taken only where something is found. Users are judged one by one, so that after a small
//! sync only those need be judged again of whom something changed, as long as the ground is the same.
//!
//! Several rules may hold of one seat; all of them are told, and the first in the order of
//! [`FindingKind::precedence`](super::finding::FindingKind::precedence) carries the saving. So the order of
//! the calls in [`judge_user`] is the law.
//!
//! What the data cannot tell is no finding: each rule asks whether silence counts before it counts it.

mod account;
mod addon;
mod assignment;
mod downgrade;
mod facts;
mod ground;
mod idle;
mod notes;
mod overlap;
mod purchase;
mod seats;
mod verdicts;

use super::finding::Finding;

pub use addon::AddonUse;
pub use facts::{Held, LicenseFacts, OtherProduct, TenantFacts, UsageNumbers, UserFacts};
pub use ground::{AssignmentFacts, Grant, Ground};
pub use seats::unassigned_seats;
use verdicts::Verdicts;

/// Judges everything that is about one user, and adds what it finds, by key.
pub fn judge_user(ground: &Ground<'_>, user: &UserFacts<'_>, findings: &mut Vec<Finding>) {
    let mut verdicts = Verdicts::new(ground, user, findings);
    // In the order of precedence: the first rule that holds of a seat carries its saving.
    account::judge(&mut verdicts);
    assignment::judge_empty(&mut verdicts);
    idle::judge(&mut verdicts);
    overlap::judge(&mut verdicts);
    addon::judge(&mut verdicts);
    downgrade::judge(&mut verdicts);
    assignment::judge_path_and_errors(&mut verdicts);
    notes::add(&mut verdicts);
    verdicts.finish();
}

/// Judges everything that is about whole licenses and purchases, and adds what it finds, by key.
pub fn judge_tenant(ground: &Ground<'_>, findings: &mut Vec<Finding>) {
    let before = findings.len();
    seats::judge(ground, findings);
    purchase::judge(ground, findings);
    findings[before..].sort_unstable_by_key(|finding| finding.key);
}

#[cfg(test)]
mod tests;
