//! Global ids: one opaque text for every node, which says its kind, its tenant and its own key.

use async_graphql::ID;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::error::Error;
use crate::domain::finding::{FindingKey, FindingKind, Placed as _};
use crate::domain::ids::{ObjectId, PriceId, RunId, SkuId, SubscriptionId, TenantKey};

/// The longest id that is read: a kind, a tenant's key of 63 characters and a GUID fit well.
const LENGTH_MAX: usize = 256;

/// What a global id names. It need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GlobalId {
    /// A tenant.
    Tenant(TenantKey),
    /// A user of a tenant.
    User(TenantKey, ObjectId),
    /// A license of a tenant.
    License(TenantKey, SkuId),
    /// A group of a tenant.
    Group(TenantKey, ObjectId),
    /// A purchase of a license by a tenant.
    Subscription(TenantKey, SubscriptionId),
    /// An entry of the price book, whichever tenant it is for.
    Price(PriceId),
    /// A sync run of a tenant.
    SyncRun(TenantKey, RunId),
    /// A finding of a tenant, by what it is about.
    Finding(TenantKey, FindingKey),
}

impl GlobalId {
    /// Reads an id as a client sent it. Only the spelling that [`GlobalId::to_id`] writes is taken,
    /// so that a node has one id.
    pub(crate) fn parse(id: &ID) -> Result<Self, Error> {
        let parsed = Self::parse_text(id).filter(|parsed| parsed.to_id() == *id);
        parsed.ok_or_else(|| {
            Error::bad_input("That is no id of this server: pass an `id` as an answer gave it.")
        })
    }

    fn parse_text(text: &str) -> Option<Self> {
        if text.len() > LENGTH_MAX {
            return None;
        }
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (kind, rest) = plain.split_once(':')?;
        if kind == "Tenant" {
            return TenantKey::parse(rest).ok().map(Self::Tenant);
        }
        if kind == "Price" {
            return PriceId::parse(rest).map(Self::Price);
        }
        let (key, guid) = rest.split_once(':')?;
        let key = TenantKey::parse(key).ok()?;
        match kind {
            "User" => ObjectId::parse(guid).map(|id| Self::User(key, id)),
            "License" => SkuId::parse(guid).map(|id| Self::License(key, id)),
            "Group" => ObjectId::parse(guid).map(|id| Self::Group(key, id)),
            "TenantSubscription" => {
                SubscriptionId::parse(guid).map(|id| Self::Subscription(key, id))
            }
            "Finding" => finding_key(guid).map(|finding| Self::Finding(key, finding)),
            "SyncRun" => RunId::parse(guid).map(|id| Self::SyncRun(key, id)),
            _ => None,
        }
    }

    /// The id as clients see it.
    pub(crate) fn to_id(&self) -> ID {
        let kind = self.kind();
        let plain = match self {
            Self::Tenant(key) => format!("{kind}:{key}"),
            Self::User(key, id) => format!("{kind}:{key}:{id}"),
            Self::License(key, id) => format!("{kind}:{key}:{id}"),
            Self::Group(key, id) => format!("{kind}:{key}:{id}"),
            Self::Subscription(key, id) => format!("{kind}:{key}:{id}"),
            Self::Price(id) => format!("{kind}:{id}"),
            Self::SyncRun(key, id) => format!("{kind}:{key}:{id}"),
            Self::Finding(key, finding) => format!("{kind}:{key}:{}", finding_text(finding)),
        };
        ID(URL_SAFE_NO_PAD.encode(plain))
    }

    /// The type's name in the schema.
    fn kind(&self) -> &'static str {
        match self {
            Self::Tenant(_) => "Tenant",
            Self::User(..) => "User",
            Self::License(..) => "License",
            Self::Group(..) => "Group",
            Self::Subscription(..) => "TenantSubscription",
            Self::Price(_) => "Price",
            Self::SyncRun(..) => "SyncRun",
            Self::Finding(..) => "Finding",
        }
    }

    fn is_not(&self, wanted: &str) -> Error {
        let kind = self.kind();
        Error::bad_input(format!(
            "That is the id of a {kind}; this takes the id of a {wanted}."
        ))
    }
}

/// Reads the id of a tenant.
pub(crate) fn tenant(id: &ID) -> Result<TenantKey, Error> {
    match GlobalId::parse(id)? {
        GlobalId::Tenant(key) => Ok(key),
        other => Err(other.is_not("Tenant")),
    }
}

/// Reads the id of a user.
pub(crate) fn user(id: &ID) -> Result<(TenantKey, ObjectId), Error> {
    match GlobalId::parse(id)? {
        GlobalId::User(key, id) => Ok((key, id)),
        other => Err(other.is_not("User")),
    }
}

/// Reads the id of a license.
pub(crate) fn license(id: &ID) -> Result<(TenantKey, SkuId), Error> {
    match GlobalId::parse(id)? {
        GlobalId::License(key, id) => Ok((key, id)),
        other => Err(other.is_not("License")),
    }
}

/// Reads the id of a group.
pub(crate) fn group(id: &ID) -> Result<(TenantKey, ObjectId), Error> {
    match GlobalId::parse(id)? {
        GlobalId::Group(key, id) => Ok((key, id)),
        other => Err(other.is_not("Group")),
    }
}

/// Reads the id of a purchase.
pub(crate) fn subscription(id: &ID) -> Result<(TenantKey, SubscriptionId), Error> {
    match GlobalId::parse(id)? {
        GlobalId::Subscription(key, id) => Ok((key, id)),
        other => Err(other.is_not("TenantSubscription")),
    }
}

/// Reads the id of a price.
pub(crate) fn price(id: &ID) -> Result<PriceId, Error> {
    match GlobalId::parse(id)? {
        GlobalId::Price(id) => Ok(id),
        other => Err(other.is_not("Price")),
    }
}

/// What a finding is about: the place of its kind, then three GUIDs, of which some are blank.
fn finding_text(finding: &FindingKey) -> String {
    let guid = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    format!(
        "{}:{}:{}:{}",
        finding.kind.place(),
        guid(finding.user.map(|id| id.0)),
        guid(finding.sku.map(|id| id.0)),
        guid(finding.subscription.map(|id| id.0)),
    )
}

fn finding_key(text: &str) -> Option<FindingKey> {
    let mut parts = text.split(':');
    let kind = FindingKind::at(parts.next()?.parse().ok()?)?;
    let mut guid = || match parts.next()? {
        "" => Some(None),
        guid => Uuid::try_parse(guid).ok().map(Some),
    };
    Some(FindingKey {
        kind,
        user: guid()?.map(ObjectId),
        sku: guid()?.map(SkuId),
        subscription: guid()?.map(SubscriptionId),
    })
}

/// Reads the id of a finding.
pub(crate) fn finding(id: &ID) -> Result<(TenantKey, FindingKey), Error> {
    match GlobalId::parse(id)? {
        GlobalId::Finding(key, finding) => Ok((key, finding)),
        other => Err(other.is_not("Finding")),
    }
}

/// Reads the id of a sync run.
pub(crate) fn sync_run(id: &ID) -> Result<(TenantKey, RunId), Error> {
    match GlobalId::parse(id)? {
        GlobalId::SyncRun(key, id) => Ok((key, id)),
        other => Err(other.is_not("SyncRun")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::error::Code;

    const GUID: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";

    fn key() -> TenantKey {
        TenantKey::parse("contoso").unwrap()
    }

    fn encoded(plain: &str) -> ID {
        ID(URL_SAFE_NO_PAD.encode(plain))
    }

    #[track_caller]
    fn check(id: GlobalId, plain: &str) {
        assert_eq!(id.to_id(), encoded(plain));
        assert_eq!(GlobalId::parse(&id.to_id()).unwrap(), id);
    }

    #[test]
    fn an_id_says_kind_tenant_and_key_and_reads_back() {
        let user = ObjectId::parse(GUID).unwrap();
        let license = SkuId::parse(GUID).unwrap();
        let run = RunId::parse(GUID).unwrap();
        check(GlobalId::Tenant(key()), "Tenant:contoso");
        check(GlobalId::User(key(), user), &format!("User:contoso:{GUID}"));
        check(
            GlobalId::License(key(), license),
            &format!("License:contoso:{GUID}"),
        );
        check(
            GlobalId::Group(key(), user),
            &format!("Group:contoso:{GUID}"),
        );
        check(
            GlobalId::Subscription(key(), SubscriptionId::parse(GUID).unwrap()),
            &format!("TenantSubscription:contoso:{GUID}"),
        );
        check(
            GlobalId::Price(PriceId::parse(GUID).unwrap()),
            &format!("Price:{GUID}"),
        );
        check(
            GlobalId::SyncRun(key(), run),
            &format!("SyncRun:contoso:{GUID}"),
        );
    }

    #[track_caller]
    fn check_refused(id: ID) {
        assert_eq!(
            GlobalId::parse(&id).unwrap_err().code,
            Code::BadInput,
            "{id:?}"
        );
    }

    #[test]
    fn what_is_not_an_id_of_ours_is_refused() {
        check_refused(ID::from(""));
        check_refused(ID::from("contoso"));
        check_refused(ID::from("VGVuYW50OmNvbnRvc28="));
        check_refused(ID::from("a".repeat(LENGTH_MAX + 1)));
        check_refused(encoded(""));
        check_refused(encoded("Tenant:"));
        check_refused(encoded("Tenant:Contoso"));
        check_refused(encoded("Group:contoso"));
        check_refused(encoded("Price:contoso"));
        check_refused(encoded(&format!("Price:contoso:{GUID}")));
        check_refused(encoded(&format!("Subscription:contoso:{GUID}")));
        check_refused(encoded("User:contoso"));
        check_refused(encoded("User:contoso:1"));
        check_refused(encoded(&format!("User::{GUID}")));
    }

    #[test]
    fn a_second_spelling_of_the_same_guid_is_refused() {
        check_refused(encoded(&format!("User:contoso:{}", GUID.to_uppercase())));
        check_refused(encoded(&format!("User:contoso:{{{GUID}}}")));
        check_refused(encoded(&format!("User:contoso: {GUID}")));
    }

    #[test]
    fn an_id_of_another_type_is_refused_with_both_names() {
        let error = user(&GlobalId::Tenant(key()).to_id()).unwrap_err();
        assert_eq!(error.code, Code::BadInput);
        assert_eq!(
            error.message,
            "That is the id of a Tenant; this takes the id of a User."
        );
        let of_user = GlobalId::User(key(), ObjectId::parse(GUID).unwrap()).to_id();
        assert!(
            tenant(&of_user).is_err() && license(&of_user).is_err() && sync_run(&of_user).is_err()
        );
        assert!(group(&of_user).is_err());
    }
}
