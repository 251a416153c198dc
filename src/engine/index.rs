//! All facts of one tenant, ready to be asked.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::group::Group;
use crate::domain::ids::{ObjectId, SkuId, TenantKey};
use crate::domain::license::License;
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::Dataset;
use crate::domain::tenant::Organization;
use crate::domain::text::Folded;
use crate::domain::usage::ActivityState;

use super::draft::UsersDraft;
use super::heap::{Heap, Parts};
use super::history::HistoryDraft;
use super::licenses::{LicenseEntry, Licenses, NameLicense};
use super::orders::Key;
use super::row::UserRow;
use super::users::Users;
use crate::domain::filter::UserOrderField;

/// All facts of one tenant as one sync run read them, ready to be asked. A clone shares everything.
#[derive(Clone)]
pub struct TenantIndex {
    key: TenantKey,
    as_of: Option<Timestamp>,
    organization: Option<Arc<Organization>>,
    licenses: Arc<Licenses>,
    users: Users,
}

/// What a run brings; `None` keeps what the index has.
pub struct TenantUpdate {
    /// What Microsoft says of the organization.
    pub organization: Option<Organization>,
    /// Every license that Microsoft lists.
    pub licenses: Option<Vec<License>>,
    /// The users, changed on top of this index.
    pub users: Option<UsersDraft>,
    /// Every group.
    pub groups: Option<Vec<Group>>,
    /// Every subscription.
    pub subscriptions: Option<Vec<Subscription>>,
    /// The history, changed on top of this index.
    pub history: Option<HistoryDraft>,
    /// Standings that changed.
    pub standings: Vec<Standing>,
    /// When the run that brought it read Microsoft.
    pub as_of: Option<Timestamp>,
    /// What time it is: activity is judged by it.
    pub now: Timestamp,
}

impl TenantIndex {
    /// A tenant of which nothing is known.
    pub fn empty(key: TenantKey) -> Self {
        Self {
            key,
            as_of: None,
            organization: None,
            licenses: Arc::default(),
            users: Users::default(),
        }
    }

    /// The tenant.
    pub fn key(&self) -> &TenantKey {
        &self.key
    }

    /// When the run that brought the latest facts read Microsoft; `None` before the first one.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// What Microsoft says of the organization; `None` while it was never read.
    pub fn organization(&self) -> Option<&Organization> {
        self.organization.as_deref()
    }

    /// By GUID. Products that only an assignment names are among them (status "Unknown", no seats).
    pub fn licenses(&self) -> &[LicenseEntry] {
        self.licenses.entries()
    }

    /// One license, by its GUID.
    pub fn license(&self, id: SkuId) -> Option<&LicenseEntry> {
        self.licenses.get(id)
    }

    /// By GUID.
    pub fn groups(&self) -> &[Group] {
        todo!()
    }

    /// One group, by its GUID.
    pub fn group(&self, _id: ObjectId) -> Option<&Group> {
        todo!()
    }

    /// How many direct members a group has.
    pub fn member_count(&self, _id: ObjectId) -> u64 {
        todo!()
    }

    /// By GUID.
    pub fn subscriptions(&self) -> &[Subscription] {
        todo!()
    }

    /// What is known of a dataset besides its rows; `None` while it was never read.
    pub fn standing(&self, _dataset: Dataset) -> Option<&Standing> {
        todo!()
    }

    /// Holders of a license by activity state, in the order of [`ActivityState::ALL`].
    pub fn holders_by_activity(&self, _id: SkuId) -> [u64; 4] {
        todo!()
    }

    /// The same facts, with activity judged at another time; `None` when nothing would differ.
    pub fn judged(&self, _now: Timestamp) -> Option<Self> {
        todo!()
    }

    /// How many users there are.
    pub fn user_count(&self) -> u64 {
        u64::from(self.users.live().len())
    }

    /// How many users hold a license, whatever Microsoft counts as consumed.
    pub fn holder_count(&self, id: SkuId) -> u64 {
        let holders = self.users.assignments().holders(id);
        holders.map_or(0, |holders| u64::from(holders.len()))
    }

    /// One user, by Microsoft's GUID.
    pub fn find(self: &Arc<Self>, id: ObjectId) -> Option<UserRow> {
        let row = self.users.find(id)?;
        Some(UserRow::new(self, row))
    }

    /// The user with a user principal name. Should a directory in flux have given it to two, the one
    /// with the smaller id.
    pub fn find_by_principal_name(self: &Arc<Self>, name: &Folded) -> Option<UserRow> {
        let field = UserOrderField::UserPrincipalName;
        let wanted = Some(Key::folded(name.as_str()));
        let sorted = &self.users.orders().get(field).present;
        let place = sorted.partition(|row| self.users.key(field, row) < wanted);
        let row = sorted.row_behind(place)?;
        (self.users.key(field, row) == wanted).then(|| UserRow::new(self, row))
    }

    /// Begins to change the users; shares everything that stays.
    pub fn draft(&self) -> UsersDraft {
        UsersDraft::new(&self.users)
    }

    /// The next index. Licenses are named anew: new users may hold products nobody held before.
    pub fn updated(&self, update: TenantUpdate, name: NameLicense<'_>) -> Self {
        let users = update
            .users
            .map_or_else(|| self.users.clone(), UsersDraft::finish);
        let listed = update.licenses.unwrap_or_else(|| self.licenses.listed());
        Self {
            key: self.key.clone(),
            as_of: update.as_of.or(self.as_of),
            organization: update
                .organization
                .map(Arc::new)
                .or_else(|| self.organization.clone()),
            licenses: Arc::new(Licenses::new(listed, users.assignments(), name)),
            users,
        }
    }

    /// The same facts under other license names.
    pub fn renamed(&self, name: NameLicense<'_>) -> Self {
        let licenses = Licenses::new(self.licenses.listed(), self.users.assignments(), name);
        Self {
            licenses: Arc::new(licenses),
            ..self.clone()
        }
    }

    /// Bytes on the heap that the users take, shared with other indexes or not. Reads the whole list
    /// of chunks: for a page of metrics, not for a query.
    pub fn heap_bytes(&self) -> usize {
        let mut parts = Parts::default();
        let own = self.users.heap(&mut parts);
        own + parts.bytes()
    }

    pub(super) fn users(&self) -> &Users {
        &self.users
    }

    pub(super) fn license_texts(&self) -> &Licenses {
        &self.licenses
    }
}
