//! An event on its way to a webhook.

use jiff::Timestamp;
use uuid::Uuid;

/// An event that one webhook is still to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The same at every try: a receiver that has it already may drop it.
    pub id: Uuid,
    /// The webhook's name in the configuration.
    pub webhook: String,
    /// What is told, as a word.
    pub event: String,
    /// The JSON that is told, the same at every try.
    pub body: String,
    /// How often it was tried.
    pub tries: u32,
    /// When to try next.
    pub next_at: Timestamp,
}
