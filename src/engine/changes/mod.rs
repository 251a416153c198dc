//! What changed of users, run by run.
//!
//! The rest of the engine knows a user as of now; this is how that came about. A run compares the index
//! that it makes with the one before, and what differs is kept in the bytes in which it is stored: a few
//! for each change, less than a hundredth of what the history of use takes, so all of it is in memory,
//! and a request reads it from the same world as everything else.

mod record;
mod select;

use std::sync::Arc;

use jiff::Timestamp;

use super::bits::Bits;
use super::heap::{Heap, Parts};
use super::index::TenantIndex;
use crate::domain::finding::{FindingKind, FindingsPast, Placed as _};
use crate::domain::ids::{ObjectId, RunId};
use crate::domain::user_change::{FormerUser, RunChanges, UserChangeKind};

pub use record::{ChangedUsers, NewChanges};
pub use select::{ChangeRow, ChangeSelection, select_changes};

/// How many changes of each kind there are, at the place of each [`UserChangeKind`].
pub(super) type Counts = [u32; UserChangeKind::ALL.len()];

/// The changes of one tenant. A clone shares every run.
#[derive(Clone, Default)]
pub(super) struct ChangeLog {
    /// The oldest first.
    runs: Vec<Arc<LoggedRun>>,
    told: Told,
}

/// What one run changed.
struct LoggedRun {
    own: RunChanges,
    counts: Counts,
}

/// How everybody was judged when the newest run was committed. The clock goes on between two runs, and
/// what it changes, the next run sees.
#[derive(Clone, Default)]
struct Told {
    /// The rows in a state, in the order of [`ActivityState::ALL`](crate::domain::usage::ActivityState::ALL).
    activity: [Bits; 4],
    /// The rows with a finding that holds, at the place of each [`FindingKind`].
    findings: [Bits; 16],
}

impl LoggedRun {
    fn new(own: RunChanges) -> Self {
        let mut counts = Counts::default();
        for group in own.changes.groups() {
            let count = &mut counts[group.change.kind() as usize];
            *count = count.saturating_add(group.count);
        }
        Self { own, counts }
    }

    /// Where it stands among runs.
    fn place(&self) -> (Timestamp, RunId) {
        (self.own.seen_at, self.own.run)
    }
}

impl ChangeLog {
    /// Adds a run; nearly always the newest.
    fn add(&mut self, run: RunChanges) {
        let run = Arc::new(LoggedRun::new(run));
        let place = self.runs.partition_point(|own| own.place() < run.place());
        self.runs.insert(place, run);
    }

    /// What a user was called when a run saw a change; `None` where it is called so still.
    fn former(&self, run: &LoggedRun, number: u32) -> Option<&FormerUser> {
        let since = self.runs.partition_point(|own| own.place() < run.place());
        let runs = self.runs.get(since..).unwrap_or_default().iter();
        let mut former = runs.filter_map(|run| {
            let former = &run.own.former;
            let place = former.binary_search_by_key(&number, |own| own.number.0);
            former.get(place.ok()?)
        });
        former.next()
    }
}

/// Who has which findings that are remembered and hold, for [`TenantIndex::with_change_log`].
pub fn open_findings(past: &[FindingsPast]) -> Vec<(ObjectId, FindingKind)> {
    let of_users = past.iter().filter_map(|past| Some((past.about?, past)));
    let open = of_users.flat_map(|(user, past)| {
        let open = past.findings.iter().filter(|own| own.realized.is_none());
        open.map(move |own| (user, own.key.kind))
    });
    open.collect()
}

impl TenantIndex {
    /// The same facts with what runs changed, as it was stored, and the findings that were open then.
    /// The run that is current is told with the time at which it read Microsoft.
    pub fn with_change_log(
        mut self,
        runs: Vec<RunChanges>,
        open: &[(ObjectId, FindingKind)],
        (current, read_at): (RunId, Timestamp),
    ) -> Self {
        let mut log = ChangeLog::default();
        runs.into_iter().for_each(|run| log.add(run));
        // A run that kept no changes judged everybody as at its beginning.
        let mut newest = log.runs.iter().rev().map(|run| &run.own);
        let own = newest.find(|own| own.run == current);
        let judged_at = own.map_or(read_at, |own| own.seen_at);
        let mut findings: [Vec<u32>; 16] = std::array::from_fn(|_| Vec::new());
        for (user, kind) in open {
            if let Some(row) = self.users().find(*user) {
                findings[usize::from(kind.place())].push(row);
            }
        }
        log.told = Told {
            activity: self.activity_sets_at(judged_at),
            findings: findings.map(|rows| Bits::of_many(rows.into_iter())),
        };
        self.changes = Arc::new(log);
        self
    }

    /// Forgets what runs changed before an instant; which runs.
    pub fn forget_changes_before(&mut self, instant: Timestamp) -> Vec<RunId> {
        let runs = &self.changes.runs;
        let old = runs.partition_point(|run| run.own.seen_at < instant);
        if old == 0 {
            return Vec::new();
        }
        let log = Arc::make_mut(&mut self.changes);
        log.runs.drain(..old).map(|run| run.own.run).collect()
    }
}

impl Heap for ChangeLog {
    fn heap(&self, parts: &mut Parts) -> usize {
        for run in &self.runs {
            parts.shared(run);
        }
        let sets = self.told.activity.iter().chain(&self.told.findings);
        let sets: usize = sets.map(|set| set.heap(parts)).sum();
        size_of_val(&*self.runs) + sets
    }
}

impl Heap for LoggedRun {
    fn heap(&self, _parts: &mut Parts) -> usize {
        let former = self.own.former.iter().map(|own| {
            let name = own.display_name.as_ref().map_or(0, String::len);
            size_of::<FormerUser>() + own.user_principal_name.len() + name
        });
        self.own.changes.bytes().len() + former.sum::<usize>()
    }
}
