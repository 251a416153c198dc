//! What a run changed of users: the index that it makes, compared with the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Told;
use crate::domain::finding::{FindingKind, Placed as _};
use crate::domain::ids::{ObjectId, RunId, SkuId};
use crate::domain::text::Folded;
use crate::domain::usage::{ActivityState, HistoryUser};
use crate::domain::user_change::{CodedChanges, FormerUser, RunChanges, UserChange};
use crate::engine::bits::{BLOCK_ROWS, Bits, Words, ones};
use crate::engine::index::TenantIndex;
use crate::engine::property::Property;
use crate::engine::users::Users;

/// The users who came, went or differ in a draft.
pub struct ChangedUsers {
    /// Their rows, in order.
    pub(in crate::engine) rows: Vec<u32>,
}

/// What is to be stored of the changes of a run.
#[derive(Default)]
pub struct NewChanges {
    /// Those who have a number in the history now, and had none.
    pub users: Vec<HistoryUser>,
    /// What changed; `None` where nothing did.
    pub changes: Option<RunChanges>,
}

/// Changes in the making, with the ids of users.
#[derive(Default)]
struct Found {
    changes: BTreeMap<UserChange, BTreeSet<ObjectId>>,
    /// Who has another name now, or is gone.
    former: BTreeSet<ObjectId>,
}

impl TenantIndex {
    /// The same index, remembering what a run changed against the index before, and what is to be stored
    /// of it. What the first run of a tenant finds is the beginning, and no change; it is remembered
    /// that from then on changes are known.
    pub fn with_changes_since(
        mut self,
        before: &Self,
        changed: &ChangedUsers,
        run: RunId,
        now: Timestamp,
    ) -> (Self, NewChanges) {
        let found = match before.as_of() {
            Some(_) => Comparison::new(before, &self).found(changed),
            None => Found::default(),
        };
        let told = Told {
            activity: self.activity().sets().clone(),
            findings: self.findings().sets().clone(),
        };
        let is_news = !found.changes.is_empty() || !found.former.is_empty();
        let log = Arc::make_mut(&mut self.changes);
        log.told = told;
        if !is_news && !log.runs.is_empty() {
            return (self, NewChanges::default());
        }
        let mut history = self.history_draft();
        let mut new = Vec::new();
        let mut number = |id: &ObjectId| history.number(*id, &mut new);
        let coded: BTreeMap<_, BTreeSet<_>> = found
            .changes
            .into_iter()
            .map(|(change, users)| (change, users.iter().filter_map(&mut number).collect()))
            .collect();
        let former = found.former.iter().filter_map(|id| {
            let row = before.users().find(*id)?;
            Some(FormerUser {
                number: number(id)?,
                user_principal_name: before.users().principal_name(row).to_owned(),
                display_name: before.users().display_name(row).map(str::to_owned),
            })
        });
        let mut former: Vec<_> = former.collect();
        former.sort_by_key(|own| own.number);
        let changes = RunChanges {
            run,
            seen_at: now,
            changes: CodedChanges::new(&coded),
            former,
        };
        Arc::make_mut(&mut self.changes).add(changes.clone());
        let new = NewChanges {
            users: new,
            changes: Some(changes),
        };
        self.set_history(history);
        (self, new)
    }
}

/// Two indexes of a tenant, one after the other.
struct Comparison<'a> {
    before: &'a Users,
    told: &'a Told,
    after: &'a TenantIndex,
    now: &'a Users,
    blocks: usize,
}

impl<'a> Comparison<'a> {
    fn new(before: &'a TenantIndex, after: &'a TenantIndex) -> Self {
        let (old, new) = (before.users(), after.users());
        Self {
            before: old,
            told: &before.changes.told,
            after,
            now: new,
            blocks: old.block_count().max(new.block_count()),
        }
    }

    fn found(&self, changed: &ChangedUsers) -> Found {
        let mut found = Found::default();
        for id in self.users_of(&changed.rows) {
            self.compare(id, &mut found);
        }
        // Whoever came, went or moved to another row is in no set at the same place as before.
        let is_moved = |row: &u32| holder(self.before, *row) != holder(self.now, *row);
        let moved = changed.rows.iter().copied().filter(is_moved);
        let moved: Vec<u32> = moved.collect();
        self.compare_states(&moved, &mut found);
        for kind in FindingKind::ALL {
            self.compare_findings(kind, &moved, &mut found);
        }
        found
    }

    /// Those who have these rows, or had them.
    fn users_of(&self, rows: &[u32]) -> Vec<ObjectId> {
        let both = |row: &u32| [holder(self.before, *row), holder(self.now, *row)];
        let mut users: Vec<_> = rows.iter().flat_map(both).flatten().collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    fn compare(&self, id: ObjectId, found: &mut Found) {
        let (was, is) = (self.before.find(id), self.now.find(id));
        let mut tell = |change| {
            found.changes.entry(change).or_default().insert(id);
        };
        let (held, holds) = (seats(self.before, was), seats(self.now, is));
        for sku in holds.difference(&held) {
            tell(UserChange::LicenseAssigned(*sku));
        }
        for sku in held.difference(&holds) {
            tell(UserChange::LicenseRemoved(*sku));
        }
        match (was, is) {
            (None, None) => {}
            (None, Some(_)) => tell(UserChange::Joined),
            (Some(_), None) => {
                tell(UserChange::Left);
                found.former.insert(id);
            }
            (Some(was), Some(is)) => {
                let from = self.before.values(Property::Department).text(was);
                let to = self.now.values(Property::Department).text(is);
                if from != to && from.map(Folded::new) != to.map(Folded::new) {
                    tell(UserChange::DepartmentChanged {
                        from: from.map(str::to_owned),
                        to: to.map(str::to_owned),
                    });
                }
                let is_renamed = self.before.principal_name(was) != self.now.principal_name(is)
                    || self.before.display_name(was) != self.now.display_name(is);
                if is_renamed {
                    found.former.insert(id);
                }
            }
        }
    }

    fn compare_states(&self, moved: &[u32], found: &mut Found) {
        let sets = self.told.activity.iter().zip(self.after.activity().sets());
        let mut rows: Vec<u32> = sets
            .flat_map(|(old, new)| differing(old, new, self.blocks))
            .chain(moved.iter().copied())
            .collect();
        rows.sort_unstable();
        rows.dedup();
        for id in self.users_of(&rows) {
            let (Some(was), Some(is)) = (self.before.find(id), self.now.find(id)) else {
                continue;
            };
            let mut states = ActivityState::ALL.into_iter().zip(&self.told.activity);
            let from = states.find_map(|(state, rows)| rows.contains(was).then_some(state));
            let to = self.after.activity().state(is);
            if let Some(from) = from.filter(|from| *from != to) {
                let change = UserChange::ActivityStateChanged { from, to };
                found.changes.entry(change).or_default().insert(id);
            }
        }
    }

    fn compare_findings(&self, kind: FindingKind, moved: &[u32], found: &mut Found) {
        let old = &self.told.findings[usize::from(kind.place())];
        let new = self.after.findings().set(kind);
        let mut rows = differing(old, new, self.blocks);
        rows.extend_from_slice(moved);
        for id in self.users_of(&rows) {
            let was = self.before.find(id).is_some_and(|row| old.contains(row));
            let is = self.now.find(id).is_some_and(|row| new.contains(row));
            let change = match (was, is) {
                (false, true) => UserChange::FindingOpened(kind),
                (true, false) => UserChange::FindingClosed(kind),
                (true, true) | (false, false) => continue,
            };
            found.changes.entry(change).or_default().insert(id);
        }
    }
}

fn holder(users: &Users, row: u32) -> Option<ObjectId> {
    let is_live = users.live().contains(row);
    is_live.then(|| users.object_id(row))
}

/// The licenses of which a row holds a seat.
fn seats(users: &Users, row: Option<u32>) -> BTreeSet<SkuId> {
    let grants = row
        .into_iter()
        .flat_map(|row| users.assignments().grants(row));
    let seats = grants.filter(|grant| grant.holds_seat());
    seats.map(|grant| grant.sku_id()).collect()
}

/// The rows that are in one of two sets.
fn differing(old: &Bits, new: &Bits, blocks: usize) -> Vec<u32> {
    if old.is_same(new) {
        return Vec::new();
    }
    let mut rows = Vec::new();
    for key in 0..blocks {
        let key = key as u16; // Rows are u32: there are at most 65,536 blocks.
        let mut words: [Words; 2] = [[0; BLOCK_ROWS / 64]; 2];
        old.add_to(key, &mut words[0]);
        new.add_to(key, &mut words[1]);
        let [old, new] = &mut words;
        for (new, old) in new.iter_mut().zip(old.iter()) {
            *new ^= *old;
        }
        rows.extend(ones(&words[1]).map(|low| (u32::from(key) << 16) | low));
    }
    rows
}
