//! What the sign-in log and the directory tell of when people signed in.

use jiff::Timestamp;

use super::ids::{ApplicationId, ObjectId};

/// When a user signed in last: Graph's `user.signInActivity`. Up to a day late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInActivity {
    /// The user.
    pub object_id: ObjectId,
    /// `lastSuccessfulSignInDateTime`: interactive or not. Microsoft records it since late 2023, so
    /// that absence alone does not prove that nobody ever signed in.
    pub succeeded_at: Option<Timestamp>,
    /// The later of `lastSignInDateTime` and `lastNonInteractiveSignInDateTime`: an attempt, successful
    /// or not.
    pub attempted_at: Option<Timestamp>,
}

/// The applications that a user signed in to, as far as the sign-in log was read
/// ([`Standing::known_since`](super::standing::Standing::known_since)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationUses {
    /// The user.
    pub object_id: ObjectId,
    /// By application; never empty.
    pub applications: Vec<ApplicationUse>,
}

/// Interactive sign-ins of one user to one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationUse {
    /// `appId`.
    pub application: ApplicationId,
    /// `appDisplayName`.
    pub name: Option<String>,
    /// The latest success (`status.errorCode` 0).
    pub succeeded_at: Timestamp,
    /// How many succeeded.
    pub successes: u32,
}
