//! Calendars of renewals that may be subscribed to by their address alone.

use std::fmt;

use jiff::Timestamp;

use super::ids::{CalendarFeedId, TenantKey};

/// The longest name.
pub const NAME_CHARACTERS_MAX: usize = 100;

/// The most feeds there may be: every try of a token is compared with each of them.
pub const FEEDS_MAX: usize = 1_000;

/// A calendar that may be read by a token of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct CalendarFeed {
    /// What it is revoked by. Says nothing of its token.
    pub id: CalendarFeedId,
    /// The operator's own: whose calendar it is for.
    pub name: String,
    /// The only tenant whose renewals are in it; `None` has those of all.
    pub tenant: Option<TenantKey>,
    /// When it was made.
    pub created_at: Timestamp,
    /// SHA-256 of the token: all that is kept of it.
    pub digest: [u8; 32],
}

/// Without the digest.
impl fmt::Debug for CalendarFeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CalendarFeed")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("tenant", &self.tenant)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// Why a text is no name of a feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {NAME_CHARACTERS_MAX} characters, none of them a control character")]
pub struct InvalidFeedName;

/// A name as it is kept; spaces around it are dropped.
pub fn name(text: &str) -> Result<String, InvalidFeedName> {
    let name = text.trim();
    let length = name.chars().count();
    let is_fit = (1..=NAME_CHARACTERS_MAX).contains(&length) && !name.contains(char::is_control);
    is_fit.then(|| name.to_owned()).ok_or(InvalidFeedName)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(name(text).ok().as_deref(), expected);
    }

    #[test]
    fn a_name_is_short_and_of_one_line() {
        check(" Purchasing ", Some("Purchasing"));
        check("", None);
        check("  ", None);
        check("a\nb", None);
        let most = "\u{20ac}".repeat(NAME_CHARACTERS_MAX);
        check(&most, Some(&most));
        check(&format!("{most}x"), None);
    }
}
