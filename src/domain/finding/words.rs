//! Facts in words, for whoever reads them.

use std::fmt;

use crate::domain::day::Day;
use crate::domain::ids::SkuId;
use crate::domain::usage::{MailboxType, Workload};
use crate::domain::user::AssignmentState;

use super::fact::{AddonProduct, ErrorCode, Fact, Note, Said, Source, Threshold, Unseen};

/// A fact as it is read: one row of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownFact {
    /// What it is about: "last activity in Teams".
    pub fact: &'static str,
    /// What is so: "2026-03-01", "90 days".
    pub value: String,
    /// Who says it: "Teams activity", "policy".
    pub source: &'static str,
    /// Of which day it is.
    pub as_of: Option<jiff::civil::Date>,
}

impl Fact {
    /// The fact in words. Licenses are called as `name_of` says.
    pub fn shown(&self, name_of: &dyn Fn(SkuId) -> String) -> ShownFact {
        ShownFact {
            fact: self.said.name(),
            value: self.said.value(name_of),
            source: self.source.name(),
            as_of: self.as_of.map(Day::date),
        }
    }
}

impl Source {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dataset(dataset) => dataset.name(),
            Self::Policy => "policy",
            Self::PriceBook => "price book",
            Self::Seatwise => "Seatwise",
        }
    }
}

impl Said {
    fn name(self) -> &'static str {
        match self {
            Self::LastActive(workload, _) => workload_words(workload).1,
            Self::LastSignIn(_) => "last successful sign-in",
            Self::Threshold(threshold, _) => threshold.name(),
            Self::Disabled(_) => "account disabled",
            Self::Created(_) => "account created",
            Self::HeldSince(_) => "license held since",
            Self::Guest => "user type",
            Self::ResourceAccount | Self::SharedByPolicy => "resource account",
            Self::Mailbox(_) => "mailbox type",
            Self::MailboxBytes(_) => "mailbox size",
            Self::Archive(_) => "archive mailbox",
            Self::FilesBytes(_) => "size of own files",
            Self::DesktopApps(_) => "Office on Windows or Mac",
            Self::DesktopActivations(_) => "activations on Windows or Mac",
            Self::CopilotApps(_) => "applications with use of Copilot",
            Self::AddonUsed(..) => "last use of the add-on",
            Self::GivenBy(_) => "also given by",
            Self::PartOf(_) => "part of bundle",
            Self::Enough(_) => "enough",
            Self::Unseen(_) => "no use is reported of",
            Self::AlsoByGroups(_) => "also assigned by groups",
            Self::Assignment(_) => "assignment state",
            Self::Error(_) => "assignment error",
            Self::NoUsageLocation => "usage location",
            Self::WorkloadPlans(_) => "services with use switched on",
            Self::SeatsBought(_) => "seats of the subscription",
            Self::SeatsUsable(_) => "usable seats",
            Self::SeatsConsumed(_) => "seats in use",
            Self::SeatsReserved(_) => "seats in reserve",
            Self::SeatsPlanned(_) => "seats for planned hires",
            Self::SeatsShort(_) => "seats missing",
            Self::Status(_) => "state of the subscription",
            Self::NextChange(_) => "next change of state",
            Self::DaysLeft(_) => "days left",
            Self::Price(_) => "price of a seat a month",
            Self::ShortfallCost(_) => "cost of the missing seats a month",
            Self::Note(_) => "note",
        }
    }

    fn value(self, name_of: &dyn Fn(SkuId) -> String) -> String {
        match self {
            Self::LastActive(_, on) | Self::LastSignIn(on) | Self::AddonUsed(_, on) => {
                on.map_or_else(|| "never".into(), day_text)
            }
            Self::Disabled(on) => {
                let since = |on| format!("since {} or earlier", day_text(on));
                on.map_or_else(|| "yes".into(), since)
            }
            Self::Created(on) | Self::HeldSince(on) | Self::NextChange(on) => day_text(on),
            Self::Threshold(threshold, value) => threshold.value(value),
            Self::Guest => "GUEST".into(),
            Self::ResourceAccount => "yes".into(),
            Self::SharedByPolicy => "named in the policy".into(),
            Self::Mailbox(kind) => mailbox_word(kind).into(),
            Self::MailboxBytes(bytes) => bytes.map_or_else(|| "not reported".into(), bytes_text),
            Self::FilesBytes(bytes) => bytes_text(bytes),
            Self::Archive(has) => has.map_or("not reported", yes_no).into(),
            Self::DesktopApps(used) => yes_no(used).into(),
            Self::DesktopActivations(count) => count.to_string(),
            Self::CopilotApps(count)
            | Self::AlsoByGroups(count)
            | Self::WorkloadPlans(count)
            | Self::SeatsBought(count)
            | Self::SeatsUsable(count)
            | Self::SeatsConsumed(count)
            | Self::SeatsReserved(count)
            | Self::SeatsPlanned(count)
            | Self::SeatsShort(count) => count.to_string(),
            Self::GivenBy(sku) | Self::PartOf(sku) | Self::Enough(sku) => name_of(sku),
            Self::Unseen(unseen) => unseen.words().into(),
            Self::Assignment(state) => assignment_word(state).into(),
            Self::Error(code) => code.words().into(),
            Self::NoUsageLocation => "missing".into(),
            Self::Status(status) => status.name().into(),
            Self::DaysLeft(days) => days.to_string(),
            Self::Price(money) | Self::ShortfallCost(money) => money.to_string(),
            Self::Note(note) => note.words().into(),
        }
    }
}

impl Threshold {
    fn name(self) -> &'static str {
        match self {
            Self::InactiveAfterDays => "inactive after",
            Self::GraceDays => "grace for who is new",
            Self::DisabledGraceDays => "grace after disabling",
            Self::CopilotUnusedAfterDays => "Copilot unused after",
            Self::CopilotHeldDays => "Copilot judged after",
            Self::CopilotAppsMin => "applications expected",
            Self::AddonUnusedAfterDays => "add-on unused after",
            Self::HeadroomPercent => "share of the smaller room",
            Self::SubscriptionChangeDays => "changes are told",
            Self::TrialEndingDays => "ends of trials are told",
        }
    }

    fn value(self, value: u32) -> String {
        match self {
            Self::CopilotAppsMin => value.to_string(),
            Self::HeadroomPercent => format!("{value} %"),
            Self::SubscriptionChangeDays | Self::TrialEndingDays => format!("{value} days before"),
            _ => format!("{value} days"),
        }
    }
}

impl Unseen {
    fn words(self) -> &'static str {
        match self {
            Self::Security => "Defender",
            Self::Compliance => "Purview",
            Self::Identity => "Identity Protection and Privileged Identity Management",
            Self::Voice => "Teams Phone and audio conferencing",
            Self::PowerBi => "Power BI",
        }
    }
}

impl ErrorCode {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::CountViolation => "no seat is left",
            Self::MutuallyExclusive => "it cannot be held with another license of the user",
            Self::Dependency => "it needs a service that the user does not have",
            Self::ProhibitedInUsageLocation => "it is not offered where the user is",
            Self::Uniqueness => "an address of the user is already taken",
            Self::Other => "Microsoft gives no reason that is known",
        }
    }
}

impl Note {
    fn words(self) -> &'static str {
        match self {
            Self::CheckRetention => {
                "check retention and holds first: without a license the mailbox may be deleted"
            }
            Self::ReplaceByMailboxLicense => {
                "do not remove, replace: so large a mailbox, or one with an archive, needs Exchange Online Plan 2"
            }
            Self::Privileged => "an administrator's account, which may be meant to rest",
            Self::SignsInOnly => {
                "signs in, and works in nothing that is reported: training, or use by a service"
            }
            Self::UseIsNotReported => {
                "Microsoft reports no use of this license; its user is silent elsewhere"
            }
            Self::OtherServicesAreOn => "services that show no use are still switched on",
        }
    }
}

/// A day as it is written: "2026-03-01".
pub(super) fn day_text(on: Day) -> String {
    on.date().to_string()
}

/// A workload's name, and the words for its last activity.
pub(super) fn workload_words(workload: Workload) -> (&'static str, &'static str) {
    match workload {
        Workload::Outlook => ("Outlook", "last activity in Outlook"),
        Workload::Teams => ("Teams", "last activity in Teams"),
        Workload::OneDrive => ("OneDrive", "last activity in OneDrive"),
        Workload::SharePoint => ("SharePoint", "last activity in SharePoint"),
        Workload::VivaEngage => ("Viva Engage", "last activity in Viva Engage"),
        Workload::Apps => ("Microsoft 365 Apps", "last activity in Microsoft 365 Apps"),
        Workload::Copilot => ("Copilot", "last activity in Copilot"),
    }
}

/// Bytes as people read them: "1.5 GiB".
fn bytes_text(bytes: u64) -> String {
    const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let Some((shift, unit)) = UNITS.into_iter().find(|(shift, _)| bytes >> shift > 0) else {
        return format!("{bytes} B");
    };
    // Tenths, cut off: what is shown as fitting fits.
    let tenths = (u128::from(bytes) * 10) >> shift;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

fn yes_no(value: bool) -> &'static str {
    match value {
        true => "yes",
        false => "no",
    }
}

/// A mailbox type as the schema spells it.
pub(super) fn mailbox_word(kind: MailboxType) -> &'static str {
    match kind {
        MailboxType::User => "USER",
        MailboxType::Shared => "SHARED",
        MailboxType::Room => "ROOM",
        MailboxType::Equipment => "EQUIPMENT",
        MailboxType::Scheduling => "SCHEDULING",
        MailboxType::Unknown => "UNKNOWN",
    }
}

fn assignment_word(state: AssignmentState) -> &'static str {
    match state {
        AssignmentState::Active => "ACTIVE",
        AssignmentState::ActiveWithError => "ACTIVE_WITH_ERROR",
        AssignmentState::Disabled => "DISABLED",
        AssignmentState::Error => "ERROR",
        AssignmentState::Unknown => "UNKNOWN",
    }
}

impl fmt::Display for AddonProduct {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Visio => "Visio",
            Self::Project => "Project",
            Self::PowerBi => "Power BI",
            Self::PowerPlatform => "Power Platform",
        })
    }
}
