//! Groups.

use std::sync::Arc;

use async_graphql::{ID, Object};

use super::license::License;
use super::nesting::FilterInput as _;
use super::order::UserOrderInput;
use super::paging::PageArguments;
use super::reading::Reading;
use super::tenant::Tenant;
use super::user_connection::{UserConnection, UserListing};
use super::user_inputs::UserFilterInput;
use crate::api::error::Error;
use crate::api::ids::GlobalId;
use crate::domain::filter::UserFilter;
use crate::domain::group;
use crate::domain::ids::ObjectId;
use crate::engine::TenantIndex;

/// A group of one index, or one that is gone and still named there: a handle. The schema's description
/// is on its `Object`.
#[derive(Clone)]
pub(crate) struct Group {
    reading: Arc<Reading>,
    index: Arc<TenantIndex>,
    object_id: ObjectId,
}

impl Group {
    /// The group of that id, whether or not the index has it.
    pub(crate) fn named(
        reading: &Arc<Reading>,
        index: &Arc<TenantIndex>,
        object_id: ObjectId,
    ) -> Self {
        Self {
            reading: reading.clone(),
            index: index.clone(),
            object_id,
        }
    }

    /// The group, where the index has it.
    pub(crate) fn find(
        reading: &Arc<Reading>,
        index: &Arc<TenantIndex>,
        object_id: ObjectId,
    ) -> Option<Self> {
        index.group(object_id)?;
        Some(Self::named(reading, index, object_id))
    }

    fn entry(&self) -> Option<&group::Group> {
        self.index.group(self.object_id)
    }
}

/// A group of the directory. One that is gone may still be named by an assignment: then only its ids
/// are known, and nobody is its member.
#[Object]
impl Group {
    /// Opaque and unique among all types; `node(id:)` takes it while the group is there.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::Group(self.index.key().clone(), self.object_id).to_id()
    }

    /// Microsoft's own GUID of the group.
    async fn object_id(&self) -> ID {
        ID(self.object_id.to_string())
    }

    /// The tenant whose directory holds the group.
    async fn tenant(&self) -> Result<Tenant, Error> {
        self.reading.tenant_of_node(self.index.key())
    }

    /// The name shown in address books. Null for a group that is gone but still named by an assignment.
    async fn display_name(&self) -> Option<&str> {
        self.entry()?.display_name.as_deref()
    }

    /// The group's mail address; null where it has none.
    async fn mail(&self) -> Option<&str> {
        self.entry()?.mail.as_deref()
    }

    /// Whether a rule decides who is in it. Null for a group that is gone.
    async fn is_dynamic(&self) -> Option<bool> {
        Some(self.entry()?.is_dynamic)
    }

    /// Whether an on-premises directory is the group's source now. Null for a group that is gone.
    async fn is_synced_from_on_premises(&self) -> Option<bool> {
        Some(self.entry()?.is_synced_from_on_premises)
    }

    /// The licenses that the group assigns to its members. A product of which the tenant holds nothing
    /// any more is left out.
    async fn assigns_licenses(&self) -> Vec<License> {
        let assigned = self.entry().map(|group| group.assigns.as_slice());
        let assigned = assigned.unwrap_or_default().iter();
        assigned
            .filter_map(|id| License::find(&self.reading, &self.index, *id))
            .collect()
    }

    /// The users who are its direct members. Members of groups inside it are not among them.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument of the schema"
    )]
    async fn members(
        &self,
        #[graphql(desc = "Only members of whom all this is true; all of them when unsaid.")]
        filter: Option<UserFilterInput>,
        #[graphql(desc = "What to sort by, the first order first; by display name when unsaid.")]
        order_by: Option<Vec<UserOrderInput>>,
        #[graphql(
            desc = "How many rows from the beginning, 1 to 500; 50 when neither it nor `last` is said."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "How many rows from the end, 1 to 500; not together with `first`.")]
        last: Option<i32>,
        #[graphql(
            desc = "Only rows before this cursor; without `first` and `last`, the 50 next to it."
        )]
        before: Option<String>,
    ) -> Result<UserConnection, Error> {
        let asked = filter.unwrap_or_default().into_filter()?;
        let is_member = UserFilter::Group([self.object_id].into());
        UserConnection::open(
            &self.reading,
            UserListing {
                list: "Group.members",
                tenants: vec![self.index.clone()],
                filter: UserFilter::And(vec![is_member, asked]),
                search: Vec::new(),
                order_by,
                page: PageArguments {
                    first,
                    after,
                    last,
                    before,
                },
            },
        )
    }
}
