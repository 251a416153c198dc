//! What is remembered of findings from one sync to the next, and over a restart: since when each holds,
//! and what was saved. All else of an open finding follows from the facts.

use crate::domain::day::Day;
use crate::domain::ids::{ObjectId, SkuId};

use super::{Confidence, Finding, FindingKey, FindingState, KnownFinding, Rule, Saving};

/// What is remembered of one user, as far as findings go, or of all findings that are about no user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingsPast {
    /// Who; `None`: licenses and purchases.
    pub about: Option<ObjectId>,
    /// The day on which the account was first seen disabled, of one that is and holds a license.
    pub disabled_on: Option<Day>,
    /// Since when seats are held of which Microsoft tells a later day, after an edit of their service plans;
    /// by license.
    pub held_since: Vec<(SkuId, Day)>,
    /// By key.
    pub findings: Vec<PastFinding>,
}

impl FindingsPast {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.disabled_on.is_none() && self.held_since.is_empty()
    }
}

/// What is remembered of one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastFinding {
    /// What it is about.
    pub key: FindingKey,
    /// Since when it holds, or held, without a break.
    pub first_seen_on: Day,
    /// What was saved; `None` while it holds.
    pub realized: Option<Realized>,
}

/// A finding whose seat is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realized {
    /// Since when.
    pub on: Day,
    /// As it was found last.
    pub finding: Finding,
}

impl From<&KnownFinding> for PastFinding {
    fn from(known: &KnownFinding) -> Self {
        Self {
            key: known.finding.key,
            first_seen_on: known.first_seen_on,
            realized: known.realized_on.map(|on| Realized {
                on,
                finding: known.finding.clone(),
            }),
        }
    }
}

impl From<PastFinding> for KnownFinding {
    /// What is not remembered of a finding that held is nothing: it is found anew, or it is gone unseen.
    fn from(past: PastFinding) -> Self {
        let (finding, state, realized_on) = match past.realized {
            Some(realized) => (realized.finding, FindingState::Realized, Some(realized.on)),
            None => (Finding::forgotten(past.key), FindingState::Open, None),
        };
        Self {
            finding,
            state,
            first_seen_on: past.first_seen_on,
            realized_on,
            exemption: None,
        }
    }
}

impl Finding {
    /// A finding of which only the key is known.
    fn forgotten(key: FindingKey) -> Self {
        let mut rules = Rule::ALL.into_iter();
        Self {
            key,
            rule: rules
                .find(|rule| rule.kind() == key.kind)
                .unwrap_or(Rule::Inactive),
            confidence: Confidence::Low,
            seats: 0,
            saving: Saving::Nothing,
            is_primary: false,
            facts: Vec::new(),
        }
    }
}
