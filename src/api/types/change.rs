//! What changed of users.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};
use jiff::tz::TimeZone;

use super::activity::ActivityState;
use super::finding::FindingKind;
use super::license::License;
use super::reading::Reading;
use super::sync_run::SyncRun;
use super::tenant::Tenant;
use super::user::User;
use crate::api::error::Error;
use crate::api::scalars::{Date, DateTime, int};
use crate::domain::user_change::{self, UserChange};
use crate::engine::ChangeRow;

/// The schema's description is on its `Object`.
#[derive(Clone)]
pub(crate) struct Change {
    reading: Arc<Reading>,
    row: ChangeRow,
}

impl Change {
    pub(crate) fn new(reading: Arc<Reading>, row: ChangeRow) -> Self {
        Self { reading, row }
    }
}

/// One change of one user, as a sync saw it: what differs from the sync before. What came and went between
/// two syncs is not told.
#[Object]
impl Change {
    /// What changed.
    async fn kind(&self) -> ChangeKind {
        self.row.change().kind().into()
    }

    /// Whose user.
    async fn tenant(&self) -> Result<Tenant, Error> {
        self.reading.tenant_of_node(self.row.tenant().key())
    }

    /// When the sync ended that saw it. It happened after the end of the sync before.
    async fn seen_at(&self) -> DateTime {
        DateTime(self.row.seen_at())
    }

    /// The day of `seenAt` in UTC: what `from` and `to` of the question go by.
    async fn on(&self) -> Date {
        Date(self.row.seen_at().to_zoned(TimeZone::UTC).date())
    }

    /// The sync that saw it; null once the list of runs no longer has it.
    async fn run(&self) -> Result<Option<SyncRun>, Error> {
        let key = self.row.tenant().key();
        self.reading.sync_run(key, self.row.run()).await
    }

    /// Whose change it is; null when the directory no longer has the user.
    async fn user(&self) -> Option<User> {
        let key = self.row.tenant().key();
        self.reading.user(key, self.row.object_id())
    }

    /// Microsoft's GUID of the user, there or gone.
    async fn object_id(&self) -> ID {
        ID(self.row.object_id().to_string())
    }

    /// What the user was called before the change; of one who joined, since.
    async fn display_name(&self) -> Option<String> {
        self.row.names().1
    }

    /// The user principal name before the change; of one who joined, since.
    async fn user_principal_name(&self) -> Option<String> {
        self.row.names().0
    }

    /// The license of `LICENSE_ASSIGNED` and `LICENSE_REMOVED`; null when the tenant no longer has it.
    async fn license(&self) -> Option<License> {
        let sku = self.row.change().sku()?;
        License::find(&self.reading, self.row.tenant(), sku)
    }

    /// Microsoft's GUID of that license, there or gone.
    async fn sku_id(&self) -> Option<ID> {
        let sku = self.row.change().sku()?;
        Some(ID(sku.to_string()))
    }

    /// What that license is called; where nobody knows a name, its GUID.
    async fn license_name(&self) -> Option<String> {
        let sku = self.row.change().sku()?;
        if let Some(entry) = self.row.tenant().license(sku) {
            return Some(entry.name.text.clone());
        }
        let listed = self.reading.catalog().product(sku);
        Some(listed.map_or_else(|| sku.to_string(), |entry| entry.name.clone()))
    }

    /// The department before `DEPARTMENT_CHANGED`; null also where there was none.
    async fn department_before(&self) -> Option<&str> {
        match self.row.change() {
            UserChange::DepartmentChanged { from, .. } => from.as_deref(),
            _ => None,
        }
    }

    /// The department since `DEPARTMENT_CHANGED`; null also where there is none.
    async fn department_after(&self) -> Option<&str> {
        match self.row.change() {
            UserChange::DepartmentChanged { to, .. } => to.as_deref(),
            _ => None,
        }
    }

    /// How the user was judged before `ACTIVITY_STATE_CHANGED`.
    async fn activity_state_before(&self) -> Option<ActivityState> {
        match self.row.change() {
            UserChange::ActivityStateChanged { from, .. } => Some((*from).into()),
            _ => None,
        }
    }

    /// How the user is judged since `ACTIVITY_STATE_CHANGED`.
    async fn activity_state_after(&self) -> Option<ActivityState> {
        match self.row.change() {
            UserChange::ActivityStateChanged { to, .. } => Some((*to).into()),
            _ => None,
        }
    }

    /// What was found, or is found no more, by `FINDING_OPENED` and `FINDING_CLOSED`.
    async fn finding_kind(&self) -> Option<FindingKind> {
        match self.row.change() {
            UserChange::FindingOpened(kind) | UserChange::FindingClosed(kind) => {
                Some((*kind).into())
            }
            _ => None,
        }
    }
}

/// What changed of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Enum)]
#[graphql(remote = "user_change::UserChangeKind")]
pub(crate) enum ChangeKind {
    /// The directory has the user, and had not. The licenses that it came with are told as
    /// `LICENSE_ASSIGNED`, too.
    Joined,
    /// The directory no longer has the user. The seats that it held are told as `LICENSE_REMOVED`, too.
    Left,
    /// The user holds a seat of a license, directly or through a group, and held none.
    LicenseAssigned,
    /// The user held a seat of a license, and holds none.
    LicenseRemoved,
    /// The user is in another department, or in one at last, or in none. Another spelling is none.
    DepartmentChanged,
    /// `activityState` of the user differs: because of what it did or did not do, because a report came or
    /// was late, or because of a day that went by.
    ActivityStateChanged,
    /// There is a finding of a kind about a seat of the user, and was none.
    FindingOpened,
    /// There was a finding of a kind about a seat of the user, and is none.
    FindingClosed,
}

/// How many changes of a kind there are.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub(crate) struct ChangeCount {
    /// Which.
    kind: ChangeKind,
    /// How many.
    count: i32,
}

impl ChangeCount {
    pub(crate) fn new((kind, count): (user_change::UserChangeKind, u64)) -> Self {
        Self {
            kind: kind.into(),
            count: int(count),
        }
    }
}
