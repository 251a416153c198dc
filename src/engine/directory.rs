//! Who has which user principal name: for joining rows of reports, which mostly name nothing else.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use super::ids::Ids;
use super::texts::Texts;
use super::users::Users;
use crate::domain::ids::ObjectId;
use crate::domain::text::Folded;

/// Who has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// Nobody.
    Nobody,
    /// One user.
    One(ObjectId),
    /// Several, in a directory in flux: what is said under the name may be of any of them.
    Several,
}

impl From<Option<ObjectId>> for Named {
    fn from(one: Option<ObjectId>) -> Self {
        one.map_or(Self::Nobody, Self::One)
    }
}

/// Who has which name, in a draft as it was when this was made.
pub struct Directory {
    /// Hash of the folded name and row, sorted.
    rows: Vec<(u64, u32)>,
    /// Keyed, so that nobody outside can choose names that collide.
    hasher: RandomState,
    names: Texts,
    ids: Ids,
}

impl Directory {
    pub(super) fn new(users: &Users) -> Self {
        let hasher = RandomState::default();
        let names = users.principal_names();
        let hashed = users.live().iter().filter_map(|row| {
            let name = names.lowered(row)?;
            Some((hasher.hash_one(&*name.folded()), row))
        });
        let mut rows: Vec<(u64, u32)> = hashed.collect();
        rows.sort_unstable();
        Self {
            rows,
            names: names.clone(),
            ids: users.ids().clone(),
            hasher,
        }
    }

    /// Who has a user principal name.
    pub fn find(&self, name: &Folded) -> Named {
        let hash = self.hasher.hash_one(name.as_str());
        let start = self.rows.partition_point(|entry| entry.0 < hash);
        let hashed_alike = self.rows.iter().skip(start);
        let rows = hashed_alike
            .take_while(|entry| entry.0 == hash)
            .map(|entry| entry.1);
        let mut named = rows.filter(|row| {
            let own = self.names.lowered(*row);
            own.is_some_and(|own| own.folded() == name.as_str())
        });
        match (named.next(), named.next()) {
            (None, _) => Named::Nobody,
            (Some(row), None) => Named::One(self.ids.get(row)),
            (Some(_), Some(_)) => Named::Several,
        }
    }
}
