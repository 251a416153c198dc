//! What becomes of a finding from sync to sync.

use std::collections::BTreeMap;
use std::iter::Peekable;

use crate::domain::day::Day;
use crate::domain::text::tidy_name;

use super::{Finding, FindingKey, Saving};

/// Where a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingState {
    /// Somebody may act on it.
    Open,
    /// Somebody decided to leave it for a time.
    Exempt,
    /// The seat is gone: what it cost is saved.
    Realized,
}

impl FindingState {
    /// Every state, in the order of the schema.
    pub const ALL: [Self; 3] = [Self::Open, Self::Exempt, Self::Realized];
}

/// A finding and what is known of it over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFinding {
    /// As it was found last.
    pub finding: Finding,
    /// Where it stands.
    pub state: FindingState,
    /// Since when it holds without a break.
    pub first_seen_on: Day,
    /// Since when its seat is gone.
    pub realized_on: Option<Day>,
    /// Why it is left; `None` unless it is exempt today.
    pub exemption: Option<Exemption>,
}

/// The longest reason and the longest name of an owner.
pub const EXEMPTION_CHARACTERS_MAX: usize = 500;

/// That somebody decided to leave a finding, until a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it counts.
    pub until: Day,
}

/// Why there is no [`Exemption`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExemption {
    /// Nobody would know why later.
    #[error("the reason of an exemption has 1 to {EXEMPTION_CHARACTERS_MAX} characters")]
    Reason,
    /// Nobody would know whom to ask.
    #[error("the owner of an exemption has 1 to {EXEMPTION_CHARACTERS_MAX} characters")]
    Owner,
    /// It would have expired before it began.
    #[error("an exemption ends today or later")]
    Past,
}

impl Exemption {
    /// From what somebody wrote, today.
    pub fn new(
        reason: &str,
        owner: &str,
        until: Day,
        today: Day,
    ) -> Result<Self, InvalidExemption> {
        let (reason, owner) = (tidy_name(reason), tidy_name(owner));
        let is_short = |text: &str| (1..=EXEMPTION_CHARACTERS_MAX).contains(&text.chars().count());
        if !is_short(&reason) {
            Err(InvalidExemption::Reason)
        } else if !is_short(&owner) {
            Err(InvalidExemption::Owner)
        } else if until < today {
            Err(InvalidExemption::Past)
        } else {
            Ok(Self {
                reason,
                owner,
                until,
            })
        }
    }

    /// Whether it counts on a day.
    pub fn is_live(&self, today: Day) -> bool {
        today <= self.until
    }
}

/// What is known of findings after a sync, by key: from what was known before it (in any order) and what
/// was found now.
///
/// A finding that holds no longer is [`FindingState::Realized`] only if it carried a saving and `is_gone`
/// says that the sync shows its seats gone; if the user came back to work, or the data is not fresh enough
/// to tell, nothing was saved and nothing remains. What was saved is told for `realized_days`.
pub fn carry(
    mut earlier: Vec<KnownFinding>,
    mut found: Vec<Finding>,
    exemptions: &BTreeMap<FindingKey, Exemption>,
    today: Day,
    realized_days: u32,
    is_gone: impl Fn(&Finding) -> bool,
) -> Vec<KnownFinding> {
    earlier.sort_unstable_by_key(|known| known.finding.key);
    found.sort_unstable_by_key(|finding| finding.key);
    let mut earlier = earlier.into_iter().peekable();
    let mut known = Vec::with_capacity(found.len());
    let leave = |left: KnownFinding| left.after_it_left(today, realized_days, &is_gone);
    for finding in found {
        let key = finding.key;
        known.extend(take_before(&mut earlier, key).filter_map(leave));
        let before = earlier.next_if(|before| before.finding.key == key);
        let held = before.filter(|before| before.state != FindingState::Realized);
        let exemption = exemptions.get(&key).filter(|own| own.is_live(today));
        known.push(KnownFinding {
            finding,
            state: match exemption {
                Some(_) => FindingState::Exempt,
                None => FindingState::Open,
            },
            first_seen_on: held.map_or(today, |held| held.first_seen_on),
            realized_on: None,
            exemption: exemption.cloned(),
        });
    }
    known.extend(earlier.filter_map(leave));
    known
}

/// The next ones that come before a key.
fn take_before(
    earlier: &mut Peekable<impl Iterator<Item = KnownFinding>>,
    key: FindingKey,
) -> impl Iterator<Item = KnownFinding> {
    std::iter::from_fn(move || earlier.next_if(|before| before.finding.key < key))
}

impl KnownFinding {
    /// What remains of a finding that was not found again.
    fn after_it_left(
        self,
        today: Day,
        realized_days: u32,
        is_gone: &impl Fn(&Finding) -> bool,
    ) -> Option<Self> {
        if self.state == FindingState::Realized {
            let since = self.realized_on?.number();
            return (today.number() - since <= i64::from(realized_days)).then_some(self);
        }
        let has_saved = self.finding.is_primary && self.finding.saving != Saving::Nothing;
        (has_saved && is_gone(&self.finding)).then_some(Self {
            state: FindingState::Realized,
            realized_on: Some(today),
            exemption: None,
            ..self
        })
    }
}
