//! What the rules find: a seat that costs money and does no good, or a license that wants looking at, each
//! with every fact that the verdict rests on.

mod code;
mod fact;
mod kind;
mod life;
mod past;
mod sentence;
mod totals;
mod words;

use super::ids::{ObjectId, SkuId, SubscriptionId};
use super::money::Money;

pub use code::Placed;
pub use fact::{
    AddonProduct, ErrorCode, Fact, Note, Said, Source, SubscriptionStatus, Threshold, Unseen,
};
pub use kind::{Confidence, FindingKind, Rule};
pub use life::{
    EXEMPTION_CHARACTERS_MAX, Exemption, FindingState, InvalidExemption, KnownFinding, carry,
};
pub use past::{FindingsPast, PastFinding, Realized};
pub use totals::{Saved, Savings, Totals};
pub use words::ShownFact;

/// One verdict of one rule. It holds as long as the facts do; what became of it over time is
/// [`KnownFinding`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about. The same finding has the same key in the next sync.
    pub key: FindingKey,
    /// By which rule.
    pub rule: Rule,
    /// How sure it is. What is [`Confidence::Low`] is for somebody to review, and saves nothing until then.
    pub confidence: Confidence,
    /// How many seats it is about; 0 of a whole purchase.
    pub seats: u32,
    /// What would be saved a month.
    pub saving: Saving,
    /// Of several findings about one seat, the one that carries the saving.
    pub is_primary: bool,
    /// Each fact that it rests on.
    pub facts: Vec<Fact>,
}

impl Finding {
    /// What a reader ought to know besides.
    pub fn notes(&self) -> impl Iterator<Item = Note> + '_ {
        self.facts.iter().filter_map(|fact| match fact.said {
            Said::Note(note) => Some(note),
            _ => None,
        })
    }
}

/// What a finding is about: the material of an identity that stays from sync to sync. Of each kind there is
/// at most one finding about the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingKey {
    /// Of the verdict.
    pub kind: FindingKind,
    /// Who holds the seat; `None` of a whole license.
    pub user: Option<ObjectId>,
    /// The license.
    pub sku: Option<SkuId>,
    /// The purchase, where it is about one.
    pub subscription: Option<SubscriptionId>,
}

impl FindingKey {
    /// About a seat.
    pub fn of_seat(kind: FindingKind, user: ObjectId, sku: SkuId) -> Self {
        Self {
            kind,
            user: Some(user),
            sku: Some(sku),
            subscription: None,
        }
    }

    /// About a license.
    pub fn of_license(kind: FindingKind, sku: SkuId) -> Self {
        Self {
            kind,
            user: None,
            sku: Some(sku),
            subscription: None,
        }
    }

    /// About a purchase.
    pub fn of_subscription(kind: FindingKind, sku: SkuId, subscription: SubscriptionId) -> Self {
        Self {
            kind,
            user: None,
            sku: Some(sku),
            subscription: Some(subscription),
        }
    }
}

/// What following a finding would save.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Saving {
    /// Nothing: it costs nothing, or another finding already frees the seat.
    Nothing,
    /// So much a month; never below zero.
    Monthly(Money),
    /// Money, but the price is not known. That is not nothing: such seats are counted.
    Unpriced,
}

#[cfg(test)]
mod tests;
