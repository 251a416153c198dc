//! Which users a filter selects.

use std::sync::Arc;

use crate::domain::filter::{UserDimension, UserFilter, UserOrder};
use crate::domain::text::Folded;

use super::breakdown::{self, Group, GroupDetail};
use super::filter::planned;
use super::index::TenantIndex;
use super::page::{self, Page, Window};
use super::row::UserRow;
use super::rows::Rows;

/// Selects users of some tenants of one world: those that a filter holds for and in whose names every
/// word of a search is found.
pub fn select(
    tenants: &[Arc<TenantIndex>],
    filter: &UserFilter,
    search: &[Folded],
) -> UserSelection {
    select_while(tenants, filter, search, || true)
}

/// The same as long as it is wanted: what is selected of a block, when it no longer is, is nobody.
pub fn select_while(
    tenants: &[Arc<TenantIndex>],
    filter: &UserFilter,
    search: &[Folded],
    is_wanted: impl Fn() -> bool,
) -> UserSelection {
    let part = |tenant: &Arc<TenantIndex>| Part {
        rows: Rows::new(tenant.users(), &planned(tenant, filter, search), &is_wanted),
        tenant: Arc::clone(tenant),
    };
    UserSelection {
        parts: tenants.iter().map(part).collect(),
    }
}

/// The users that a filter selects. Holds bit sets, no list of rows.
pub struct UserSelection {
    pub(super) parts: Vec<Part>,
}

/// The selected users of one tenant.
pub(super) struct Part {
    pub(super) tenant: Arc<TenantIndex>,
    pub(super) rows: Rows,
}

impl UserSelection {
    /// How many users are selected.
    pub fn count(&self) -> u64 {
        self.parts.iter().map(|part| part.rows.count()).sum()
    }

    /// A page in an order (none means display name ascending).
    pub fn page(&self, orders: &[UserOrder], window: &Window) -> Page<UserRow> {
        page::page(&self.parts, orders, window)
    }

    /// Counts by one property, largest first, ties by key; at most `first` groups.
    pub fn breakdown(&self, by: UserDimension, first: usize, detail: GroupDetail) -> Vec<Group> {
        breakdown::breakdown(&self.parts, by, first, detail)
    }
}
