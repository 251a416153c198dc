//! Accounts that should hold no paid seat at all: disabled, invited, or nobody's.

use crate::domain::finding::{Confidence, Fact, Note, Rule, Said, Source, Threshold};
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{MailboxType, Workload};
use crate::domain::user::UserType;

use super::verdicts::{Frees, Seat, Verdicts, concluded, decided};

/// Up to this size a shared mailbox needs no license.
const SHARED_MAILBOX_BYTES_MAX: u64 = 50 << 30;

pub(super) fn judge(verdicts: &mut Verdicts<'_>) {
    judge_disabled(verdicts);
    judge_guest(verdicts);
    judge_resource(verdicts);
}

/// R03. A day of grace is over when the day is: with none, the first sight is enough.
fn judge_disabled(verdicts: &mut Verdicts<'_>) {
    let user = verdicts.user;
    if user.account_enabled {
        return;
    }
    let grace = verdicts.ground.policy.disabled_grace_days;
    let age = user.disabled_on.map(|on| verdicts.ground.age(on));
    // Without a date of ours it may have been disabled today.
    if age.unwrap_or(0) < i64::from(grace) {
        return;
    }
    for seat in verdicts.paid_seats() {
        let mut facts = vec![verdicts.told(Dataset::Users, Said::Disabled(user.disabled_on))];
        facts.push(decided(Threshold::DisabledGraceDays, grace));
        facts.extend(mailbox_type(verdicts));
        let has_mailbox = has_mailbox(&seat);
        if has_mailbox {
            facts.push(concluded(Said::Note(Note::CheckRetention)));
        }
        // Nobody signs in to a shared mailbox: that its account is disabled says nothing.
        let confidence = match has_mailbox && is_shared(verdicts) {
            true => Confidence::Low,
            false => Confidence::High,
        };
        verdicts.add(seat, Rule::DisabledAccount, confidence, Frees::Seat, facts);
    }
}

/// R04. Some tenants license partners on purpose: likely, not sure.
fn judge_guest(verdicts: &mut Verdicts<'_>) {
    if verdicts.user.user_type != UserType::Guest {
        return;
    }
    for seat in verdicts.paid_seats() {
        let facts = vec![verdicts.told(Dataset::Users, Said::Guest)];
        verdicts.add(seat, Rule::Guest, Confidence::Medium, Frees::Seat, facts);
    }
}

/// R05 and R06.
fn judge_resource(verdicts: &mut Verdicts<'_>) {
    let nobodys = verdicts.nobodys;
    if !nobodys.is_said() {
        return;
    }
    for seat in verdicts.paid_seats() {
        if seat.license.is_for_resources {
            continue;
        }
        if is_shared(verdicts) && has_mailbox(&seat) {
            judge_shared_mailbox(verdicts, seat);
            continue;
        }
        let mut facts: Vec<Fact> = mailbox_type(verdicts).into_iter().collect();
        if nobodys.by_flag {
            facts.push(verdicts.told(Dataset::Users, Said::ResourceAccount));
        }
        if nobodys.by_policy {
            facts.push(Fact {
                said: Said::SharedByPolicy,
                source: Source::Policy,
                as_of: None,
            });
        }
        // Microsoft calls the property reserved: alone it is a hint.
        let confidence = match nobodys.by_mailbox || nobodys.by_policy {
            true => Confidence::High,
            false => Confidence::Medium,
        };
        verdicts.add(seat, Rule::ResourceAccount, confidence, Frees::Seat, facts);
    }
}

/// R06. Whether the mailbox is under a hold, which needs a license, is not visible: somebody has to look.
fn judge_shared_mailbox(verdicts: &mut Verdicts<'_>, seat: Seat<'_>) {
    let usage = *verdicts.usage();
    let told = |said| verdicts.told(Dataset::MailboxUsage, said);
    let mut facts: Vec<Fact> = mailbox_type(verdicts).into_iter().collect();
    facts.push(told(Said::MailboxBytes(usage.mailbox_bytes)));
    facts.push(told(Said::Archive(usage.has_archive)));
    let is_large = usage.has_archive == Some(true)
        || usage
            .mailbox_bytes
            .is_some_and(|bytes| bytes > SHARED_MAILBOX_BYTES_MAX);
    let frees = match is_large {
        true => match replaced_by_mailbox_license(verdicts, &seat) {
            Some(frees) => frees,
            None => return,
        },
        false => Frees::Seat,
    };
    facts.push(concluded(Said::Note(Note::CheckRetention)));
    if is_large {
        facts.push(concluded(Said::Note(Note::ReplaceByMailboxLicense)));
    }
    verdicts.add(seat, Rule::SharedMailbox, Confidence::Low, frees, facts);
}

/// What is freed when a seat gives way to one of Exchange Online Plan 2; `None` where nothing is.
fn replaced_by_mailbox_license(verdicts: &Verdicts<'_>, seat: &Seat<'_>) -> Option<Frees> {
    if seat.license.is_mailbox_license {
        return None;
    }
    let replacement = verdicts.ground.mailbox_license.and_then(|own| own.rate);
    let (Some(own), Some(other)) = (seat.license.rate, replacement) else {
        return Some(Frees::Unknown);
    };
    match own.monthly().minus(other.monthly()) {
        Some(less) if less.is_positive() => Some(Frees::Some(less)),
        Some(_) => None,
        None => Some(Frees::Unknown),
    }
}

fn is_shared(verdicts: &Verdicts<'_>) -> bool {
    verdicts.user.mailbox_type == Some(MailboxType::Shared)
}

fn has_mailbox(seat: &Seat<'_>) -> bool {
    seat.grant.workloads.has(Workload::Outlook)
}

fn mailbox_type(verdicts: &Verdicts<'_>) -> Option<Fact> {
    let kind = verdicts.user.mailbox_type?;
    Some(verdicts.told(Dataset::MailboxUsage, Said::Mailbox(kind)))
}
