//! A finding in one sentence.

use crate::domain::day::Day;
use crate::domain::ids::SkuId;
use crate::domain::usage::Workload;

use super::fact::{ErrorCode, Said, SubscriptionStatus, Threshold};
use super::kind::Rule;
use super::words::{day_text, mailbox_word, workload_words};
use super::{Finding, Note};

impl Finding {
    /// The finding in one plain sentence. Licenses are called as `name_of` says; nobody is named.
    pub fn summary(&self, name_of: &dyn Fn(SkuId) -> String) -> String {
        let license = self
            .key
            .sku
            .map_or_else(|| "The license".to_owned(), name_of);
        match self.rule {
            Rule::Inactive => format!(
                "{license} is held by somebody who shows no activity for {} days or more{}.",
                self.threshold(Threshold::InactiveAfterDays),
                self.last_seen()
            ),
            Rule::NeverActive => {
                format!("{license} is held by somebody who was never seen in use.")
            }
            Rule::DisabledAccount => format!(
                "{license} is held by an account that is disabled{}.",
                self.disabled_since()
            ),
            Rule::Guest => {
                format!("{license} is held by a guest, whose own organization has licenses.")
            }
            Rule::ResourceAccount => {
                format!(
                    "{license} is held by an account that is no person's{}.",
                    self.mailbox()
                )
            }
            Rule::SharedMailbox => self.of_shared_mailbox(&license),
            Rule::DirectAndGroup => format!(
                "{license} is assigned directly and by a group: it takes one seat, and stays when one of them ends."
            ),
            Rule::Overlap => format!(
                "{license} gives nothing that {} does not give.",
                self.given_by(name_of)
            ),
            Rule::UnionOverlap => format!(
                "{license} gives nothing that {} do not give together.",
                self.given_by(name_of)
            ),
            Rule::Consolidate => format!(
                "{license} is part of a bundle, {}, that costs less than its parts.",
                self.listed(name_of, |said| match said {
                    Said::PartOf(sku) => Some(sku),
                    _ => None,
                })
            ),
            Rule::Downgrade => format!(
                "{} would be enough in place of {license}.",
                self.listed(name_of, |said| match said {
                    Said::Enough(sku) => Some(sku),
                    _ => None,
                })
            ),
            Rule::EmptyLicense => {
                format!("{license} is held with every service switched off that people work in.")
            }
            Rule::CopilotUnused => format!(
                "{license} was not used in any application for {} days or more.",
                self.threshold(Threshold::CopilotUnusedAfterDays)
            ),
            Rule::CopilotUnderused => format!(
                "{license} was used in fewer than {} applications in {} days.",
                self.threshold(Threshold::CopilotAppsMin),
                self.threshold(Threshold::CopilotUnusedAfterDays)
            ),
            Rule::AddonUnused => format!(
                "{license} was not used for {} days or more.",
                self.threshold(Threshold::AddonUnusedAfterDays)
            ),
            Rule::UnassignedSeats => format!(
                "{} of {license}: paid for, held by nobody and not kept in reserve.",
                seats(self.seats)
            ),
            Rule::OverConsumed => format!(
                "{} of {license} in use beyond those that are paid for.",
                seats(self.seats)
            ),
            Rule::AssignmentError => {
                format!("{license} could not be assigned: {}.", self.error().words())
            }
            Rule::SubscriptionChange => self.of_change(&license),
            Rule::TrialEnding => self.of_trial(&license),
        }
    }

    fn find<T>(&self, wanted: impl Fn(Said) -> Option<T>) -> Option<T> {
        self.facts.iter().find_map(|fact| wanted(fact.said))
    }

    fn threshold(&self, wanted: Threshold) -> u32 {
        let value = self.find(|said| match said {
            Said::Threshold(threshold, value) if threshold == wanted => Some(value),
            _ => None,
        });
        value.unwrap_or_default()
    }

    /// "; last seen on 2026-03-01 in Teams"
    fn last_seen(&self) -> String {
        let seen = self.facts.iter().filter_map(|fact| match fact.said {
            Said::LastActive(workload, Some(on)) => Some((on, Some(workload))),
            Said::LastSignIn(Some(on)) => Some((on, None)),
            _ => None,
        });
        let latest: Option<(Day, Option<Workload>)> = seen.max_by_key(|(on, _)| *on);
        match latest {
            Some((on, Some(workload))) => format!(
                ", last on {} in {}",
                day_text(on),
                workload_words(workload).0
            ),
            Some((on, None)) => format!(", and signed in last on {}", day_text(on)),
            None => String::new(),
        }
    }

    fn disabled_since(&self) -> String {
        let since = self.find(|said| match said {
            Said::Disabled(since) => since,
            _ => None,
        });
        // A sync shows that it is, and not when it was done.
        let words = |on| format!(" since {} or earlier", day_text(on));
        since.map_or_else(String::new, words)
    }

    fn mailbox(&self) -> String {
        let kind = self.find(|said| match said {
            Said::Mailbox(kind) => Some(kind),
            _ => None,
        });
        kind.map_or_else(String::new, |kind| {
            format!(" (mailbox type {})", mailbox_word(kind))
        })
    }

    fn of_shared_mailbox(&self, license: &str) -> String {
        match self
            .notes()
            .any(|note| note == Note::ReplaceByMailboxLicense)
        {
            true => format!(
                "{license} is held by a shared mailbox, for which Exchange Online Plan 2 is enough."
            ),
            false => format!(
                "{license} is held by a shared mailbox, which needs none unless it is under a hold."
            ),
        }
    }

    fn given_by(&self, name_of: &dyn Fn(SkuId) -> String) -> String {
        self.listed(name_of, |said| match said {
            Said::GivenBy(sku) => Some(sku),
            _ => None,
        })
    }

    /// Names with commas and an "and".
    fn listed(
        &self,
        name_of: &dyn Fn(SkuId) -> String,
        wanted: impl Fn(Said) -> Option<SkuId>,
    ) -> String {
        let skus = self.facts.iter().filter_map(|fact| wanted(fact.said));
        let names: Vec<String> = skus.map(name_of).collect();
        match names.split_last() {
            None => "another license".into(),
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        }
    }

    fn error(&self) -> ErrorCode {
        let code = self.find(|said| match said {
            Said::Error(code) => Some(code),
            _ => None,
        });
        code.unwrap_or(ErrorCode::Other)
    }

    fn next_change(&self) -> Option<String> {
        self.find(|said| match said {
            Said::NextChange(on) => Some(day_text(on)),
            _ => None,
        })
    }

    fn of_change(&self, license: &str) -> String {
        let status = self.find(|said| match said {
            Said::Status(status) => Some(status.name()),
            _ => None,
        });
        let status = status.unwrap_or(SubscriptionStatus::Unknown.name());
        let is_past = self.find(|said| match said {
            Said::DaysLeft(days) => Some(days < 0),
            _ => None,
        });
        match (self.next_change(), is_past) {
            (None, _) => format!("A subscription of {license} is {status}."),
            (Some(on), Some(true)) => {
                format!(
                    "A subscription of {license} is {status}; its state was due to change on {on}."
                )
            }
            (Some(on), _) => format!(
                "A subscription of {license} is {status}; its state changes on {on} unless somebody acts."
            ),
        }
    }

    fn of_trial(&self, license: &str) -> String {
        match self.next_change() {
            Some(on) => format!("A trial of {license} ends on {on}."),
            None => format!("A trial of {license} ends."),
        }
    }
}

fn seats(count: u32) -> String {
    match count {
        1 => "1 seat".into(),
        count => format!("{count} seats"),
    }
}
