//! What the tenant's logs say of a user.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::reading::Reading;
use super::user::User;
use crate::api::scalars::{DateTime, int};
use crate::domain::{audit, sign_in};
use crate::engine::TenantIndex;

/// An application that a user signed in to, as far as the sign-in log was read; see
/// `Tenant.signInsKnownSince`. Interactive sign-ins only.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub(crate) struct ApplicationUse {
    /// Microsoft's GUID of the application; the same in every tenant for Microsoft's own and for those of
    /// other makers.
    application_id: ID,
    /// What the application is called; null where the log does not say.
    name: Option<String>,
    /// The latest success.
    last_success_at: DateTime,
    /// How many attempts succeeded.
    successes: i32,
}

impl From<sign_in::ApplicationUse> for ApplicationUse {
    fn from(told: sign_in::ApplicationUse) -> Self {
        Self {
            application_id: ID(told.application.to_string()),
            name: told.name,
            last_success_at: DateTime(told.succeeded_at),
            successes: int(told.successes),
        }
    }
}

/// The schema's description is on its `Object`.
pub(crate) struct DirectoryChange {
    reading: Arc<Reading>,
    index: Arc<TenantIndex>,
    change: audit::DirectoryChange,
}

impl DirectoryChange {
    pub(crate) fn new(
        reading: &Arc<Reading>,
        index: &Arc<TenantIndex>,
        change: audit::DirectoryChange,
    ) -> Self {
        Self {
            reading: reading.clone(),
            index: index.clone(),
            change,
        }
    }
}

/// A change of a user's licenses or roles, from the tenant's audit log as far as it was read; see
/// `Tenant.directoryChangesKnownSince`.
#[Object]
impl DirectoryChange {
    /// When it was made.
    async fn at(&self) -> DateTime {
        DateTime(self.change.at)
    }

    /// What was changed.
    async fn kind(&self) -> DirectoryChangeKind {
        self.change.kind.into()
    }

    /// Microsoft's words for it, such as "Change user license".
    async fn activity(&self) -> &str {
        &self.change.activity
    }

    /// Whether it succeeded; null where Microsoft says neither.
    async fn succeeded(&self) -> Option<bool> {
        self.change.succeeded
    }

    /// Microsoft's GUID of the account that made it; null where an application did, or nobody is named.
    async fn by_object_id(&self) -> Option<ID> {
        Some(ID(self.change.by_user?.to_string()))
    }

    /// The user who made it; null as well where that user is not among the tenant's users any more.
    async fn by_user(&self) -> Option<User> {
        let row = self.index.find(self.change.by_user?)?;
        Some(User::new(self.reading.clone(), row))
    }

    /// What the application that made it is called; null where a user did.
    async fn by_application(&self) -> Option<&str> {
        self.change.by_application.as_deref()
    }
}

/// What an entry of the audit log is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "audit::DirectoryChangeKind")]
pub(crate) enum DirectoryChangeKind {
    /// The user's licenses.
    License,
    /// The user's directory roles.
    Role,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ApplicationId;

    #[test]
    fn an_application_is_told_with_its_last_success() {
        let at = "2026-11-20T08:00:00Z".parse().unwrap();
        let told = sign_in::ApplicationUse {
            application: ApplicationId(uuid::Uuid::from_u128(7)),
            name: Some("Salesforce".to_owned()),
            succeeded_at: at,
            successes: u32::MAX,
        };
        let expected = ApplicationUse {
            application_id: ID("00000000-0000-0000-0000-000000000007".to_owned()),
            name: Some("Salesforce".to_owned()),
            last_success_at: DateTime(at),
            successes: i32::MAX,
        };
        assert_eq!(ApplicationUse::from(told), expected);
    }
}
