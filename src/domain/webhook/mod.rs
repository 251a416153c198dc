//! What is told to other systems when something crosses a line, and when a try that failed is repeated.

pub mod delivery;
pub mod retry;
pub mod threshold;

/// What a webhook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A purchase has reached a step of the way to its renewal.
    RenewalReminder,
    /// Open findings, or what they would save, have come to a number that the operator chose.
    FindingsThreshold,
    /// Somebody tries whether telling works.
    Test,
}

impl EventKind {
    /// What a webhook may be configured for.
    pub const TOLD: [Self; 2] = [Self::RenewalReminder, Self::FindingsThreshold];

    /// As it is written in configuration and events.
    pub fn word(self) -> &'static str {
        match self {
            Self::RenewalReminder => "renewal.reminder",
            Self::FindingsThreshold => "findings.threshold",
            Self::Test => "test",
        }
    }

    /// The kind that a word of the configuration names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::TOLD.into_iter().find(|kind| kind.word() == word)
    }
}
