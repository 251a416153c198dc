//! Identifiers as newtypes, so that a license's id never passes for a user's.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// The name of a tenant in `config.toml`, in `/connect/{key}` and on the command line.
///
/// One to 63 characters of `[a-z0-9_]`; it is what every stored fact of the tenant is filed under.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantKey(Arc<str>);

/// Why a text is not a [`TenantKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tenant's key is 1 to 63 characters of a-z, 0-9 and _, such as \"contoso\"")]
pub struct InvalidTenantKey;

impl TenantKey {
    /// The longest key; it becomes part of file names, URLs and environment variables.
    pub const LENGTH_MAX: usize = 63;

    /// Reads a key as the operator wrote it.
    pub fn parse(text: &str) -> Result<Self, InvalidTenantKey> {
        let valid = (1..=Self::LENGTH_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(InvalidTenantKey)
        }
    }

    /// The key as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for TenantKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", &*self.0)
    }
}

macro_rules! guid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Reads a GUID in any of its usual spellings; `None` for anything else.
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text.trim()).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(formatter)
            }
        }
    };
}

guid_newtype! {
    /// Microsoft's GUID of a directory object: a user or a group (`user.id`). The only stable key:
    /// principal names and mail addresses change.
    ObjectId
}
guid_newtype! {
    /// Microsoft's GUID of a product (`subscribedSku.skuId`); the same in every tenant.
    SkuId
}
guid_newtype! {
    /// Microsoft's GUID of a service inside a product (`servicePlanInfo.servicePlanId`).
    PlanId
}
guid_newtype! {
    /// Microsoft's GUID of an organization (`organization.id`), which it calls the tenant id.
    OrganizationId
}
guid_newtype! {
    /// Microsoft's GUID of a purchase (`companySubscription.id`).
    SubscriptionId
}
guid_newtype! {
    /// Microsoft's GUID of an application that people sign in to (`signIn.appId`).
    ApplicationId
}
guid_newtype! {
    /// One entry of the price book.
    PriceId
}
guid_newtype! {
    /// A calendar that is read by a token of its own.
    CalendarFeedId
}
guid_newtype! {
    /// One sync run. A version 7 UUID: sorting by id sorts by start.
    RunId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(TenantKey::parse(text).is_ok(), valid, "{text:?}");
    }

    #[test]
    fn a_tenant_key_is_lower_case_letters_digits_and_underscores() {
        check("contoso", true);
        check("a_1", true);
        check(&"a".repeat(63), true);
        check(&"a".repeat(64), false);
        check("", false);
        check("Contoso", false);
        check("con-toso", false);
        check("con toso", false);
        check("../x", false);
    }
}
