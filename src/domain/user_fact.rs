//! What other datasets say of a user, under the user's id.

use super::audit::DirectoryChanges;
use super::group::Memberships;
use super::ids::ObjectId;
use super::sign_in::{ApplicationUses, SignInActivity};
use super::sync_run::Dataset;
use super::usage::Usage;

/// A fact about a user that has a dataset of its own, so that it can be late or missing by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum UserFact {
    /// From groups.
    Memberships(Memberships),
    /// From the directory.
    SignInActivity(SignInActivity),
    /// From the sign-in log.
    ApplicationUses(ApplicationUses),
    /// From the audit log.
    DirectoryChanges(DirectoryChanges),
    /// From a usage report.
    Usage(Usage),
}

impl UserFact {
    /// The user.
    pub fn object_id(&self) -> ObjectId {
        match self {
            Self::Memberships(fact) => fact.object_id,
            Self::SignInActivity(fact) => fact.object_id,
            Self::ApplicationUses(fact) => fact.object_id,
            Self::DirectoryChanges(fact) => fact.object_id,
            Self::Usage(fact) => fact.object_id,
        }
    }

    /// Where it is from: one dataset has at most one fact of a user.
    pub fn dataset(&self) -> Dataset {
        match self {
            Self::Memberships(_) => Dataset::Groups,
            Self::SignInActivity(_) => Dataset::SignInActivity,
            Self::ApplicationUses(_) => Dataset::SignIns,
            Self::DirectoryChanges(_) => Dataset::DirectoryAudits,
            Self::Usage(fact) => fact.dataset,
        }
    }
}
