//! What a round of changes says of a group.

use super::changes::{Change, Patch};
use super::patched::Patched;
use super::wire::{GroupChange, LinkChange};
use crate::domain::group::Group;
use crate::domain::ids::ObjectId;
use crate::msgraph::scalars::{Reason, required_guid, text};
use crate::msgraph::wire;

/// What a delta round says of a group. A property that it does not name stays as it was, one that it
/// sets to null is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPatch {
    /// The group.
    pub object_id: ObjectId,
    /// Users who came in since, or all of them in the initial round. A large group comes in parts.
    pub members_added: Vec<ObjectId>,
    /// Users who left since. Nobody is both here and there.
    pub members_removed: Vec<ObjectId>,
    display_name: Patched<Option<String>>,
    mail: Patched<Option<String>>,
    is_dynamic: Patched<bool>,
    is_synced_from_on_premises: Patched<bool>,
}

impl GroupPatch {
    /// The group as it is now, given what we hold. What it assigns is not told here, and stays; see
    /// [`Client::licensing_groups`](crate::msgraph::Client::licensing_groups).
    pub fn apply(&self, held: Option<Group>) -> Group {
        let mut group = held.unwrap_or(Group {
            object_id: self.object_id,
            display_name: None,
            mail: None,
            is_dynamic: false,
            is_synced_from_on_premises: false,
            assigns: Vec::new(),
        });
        self.display_name.apply(&mut group.display_name);
        self.mail.apply(&mut group.mail);
        self.is_dynamic.apply(&mut group.is_dynamic);
        self.is_synced_from_on_premises
            .apply(&mut group.is_synced_from_on_premises);
        group
    }
}

impl Patch for GroupPatch {
    fn read(json: &str) -> Result<Change<Self>, String> {
        let group: GroupChange<'_> = wire::read(json)?;
        let object_id = ObjectId(required_guid("id", group.id.as_ref())?);
        match group.removed {
            Some(_) => Ok(Change::Removed(object_id)),
            None => patch(object_id, group).map(Change::Changed),
        }
    }

    fn object_id(&self) -> ObjectId {
        self.object_id
    }
}

fn patch(object_id: ObjectId, group: GroupChange<'_>) -> Result<GroupPatch, Reason> {
    let (members_added, members_removed) = members(group.members.unwrap_or_default())?;
    Ok(GroupPatch {
        object_id,
        members_added,
        members_removed,
        display_name: Patched::read(group.display_name, |value| text("displayName", value))?,
        mail: Patched::read(group.mail, |value| text("mail", value))?,
        is_dynamic: Patched::read(group.group_types, |types| {
            let mut types = types.into_iter().flatten().flatten();
            let is_dynamic = types.any(|kind| kind.0.eq_ignore_ascii_case("DynamicMembership"));
            Ok::<_, Reason>(is_dynamic)
        })?,
        is_synced_from_on_premises: Patched::read(group.on_premises_sync_enabled, |value| {
            Ok::<_, Reason>(value.unwrap_or(false))
        })?,
    })
}

/// Who came and who left, sorted; of one who did both, the last counts. Devices, contacts and other
/// groups are no members here: licenses do not reach through a group in a group.
fn members(links: Vec<LinkChange<'_>>) -> Result<(Vec<ObjectId>, Vec<ObjectId>), Reason> {
    let mut latest = std::collections::BTreeMap::new();
    for link in links.iter().filter(|link| link.is_user()) {
        let id = ObjectId(required_guid("members@delta.id", link.id.as_ref())?);
        latest.insert(id, link.removed.is_some());
    }
    let of = |wanted: bool| {
        let members = latest.iter().filter(|(_, removed)| **removed == wanted);
        members.map(|(id, _)| *id).collect()
    };
    Ok((of(false), of(true)))
}
