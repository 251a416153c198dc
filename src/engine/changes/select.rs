//! Changes that somebody asks for: counted run by run, and read only where a page lies.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{ChangeLog, Counts, LoggedRun};
use crate::domain::ids::{ObjectId, RunId};
use crate::domain::user_change::{
    ChangeGroup, UserChange, UserChangeFilter, UserChangeKind, UserChangePosition,
};
use crate::engine::index::TenantIndex;

/// The changes that a filter selects, newest run first.
pub struct ChangeSelection {
    filter: UserChangeFilter,
    runs: Vec<Selected>,
    /// At the place of each [`UserChangeKind`].
    counts: [u64; UserChangeKind::ALL.len()],
    known_since: Option<Timestamp>,
}

/// The selected changes of one run.
struct Selected {
    tenant: Arc<TenantIndex>,
    run: Arc<LoggedRun>,
    /// For each condition on users their numbers, in order; and whether they are those not wanted.
    users: Arc<[(Vec<u32>, bool)]>,
    /// How many there are, and in the runs before it in the list.
    count: u64,
    before: u64,
}

/// One change of one user.
#[derive(Clone)]
pub struct ChangeRow {
    tenant: Arc<TenantIndex>,
    run: Arc<LoggedRun>,
    change: UserChange,
    number: u32,
    place: u32,
}

/// Selects changes of tenants.
pub fn select_changes(tenants: &[Arc<TenantIndex>], filter: UserChangeFilter) -> ChangeSelection {
    let wanted = |tenant: &&Arc<TenantIndex>| {
        let only = filter.tenant.as_ref();
        only.is_none_or(|key| key == tenant.key())
    };
    let from = begin(filter.from).unwrap_or(Timestamp::MIN);
    let until = filter.to.tomorrow().ok().and_then(begin);
    let until = until.unwrap_or(Timestamp::MAX);
    let mut runs = Vec::new();
    let mut known_since = None;
    for tenant in tenants.iter().filter(wanted) {
        let log = tenant.changes();
        known_since = known_since.max(log.runs.first().map(|run| run.own.seen_at));
        let users = numbers(tenant, &filter);
        let first = log.runs.partition_point(|run| run.own.seen_at < from);
        let behind = log.runs.partition_point(|run| run.own.seen_at < until);
        let inside = log.runs.get(first..behind).unwrap_or_default().iter();
        runs.extend(inside.map(|run| Selected {
            tenant: Arc::clone(tenant),
            run: Arc::clone(run),
            users: Arc::clone(&users),
            count: 0,
            before: 0,
        }));
    }
    runs.sort_by(|one, other| {
        let later = other.run.own.seen_at.cmp(&one.run.own.seen_at);
        let by_tenant = || one.tenant.key().cmp(other.tenant.key());
        let newer = || other.run.own.run.cmp(&one.run.own.run);
        later.then_with(by_tenant).then_with(newer)
    });
    let mut selection = ChangeSelection {
        filter,
        runs: Vec::new(),
        counts: Default::default(),
        known_since,
    };
    let mut before = 0_u64;
    for mut selected in runs {
        let counts = selected.counts(&selection.filter);
        let sums = selection.counts.iter_mut().zip(counts);
        sums.for_each(|(sum, count)| *sum += u64::from(count));
        selected.count = counts.into_iter().map(u64::from).sum();
        selected.before = before;
        before += selected.count;
        selection.runs.push(selected);
    }
    selection
}

/// The first instant of a day in UTC; `None` where the calendar ends.
fn begin(day: Date) -> Option<Timestamp> {
    let begin = day.to_zoned(TimeZone::UTC).ok()?;
    Some(begin.timestamp())
}

/// The numbers of those whom conditions on users name.
fn numbers(tenant: &TenantIndex, filter: &UserChangeFilter) -> Arc<[(Vec<u32>, bool)]> {
    let conditions = filter.users.iter().map(|among| {
        let own = among.of_tenants.get(tenant.key()).into_iter().flatten();
        let mut numbers: Vec<u32> = own
            .filter_map(|id| tenant.history().number_of(*id))
            .collect();
        numbers.sort_unstable();
        (numbers, among.is_negated)
    });
    conditions.collect()
}

impl Selected {
    fn counts(&self, filter: &UserChangeFilter) -> Counts {
        let is_wanted = |kind| {
            filter
                .kinds
                .as_ref()
                .is_none_or(|kinds| kinds.contains(&kind))
        };
        let mut counts = Counts::default();
        if filter.licenses.is_empty() && filter.users.is_empty() {
            for kind in UserChangeKind::ALL
                .into_iter()
                .filter(|kind| is_wanted(*kind))
            {
                counts[kind as usize] = self.run.counts[kind as usize];
            }
            return counts;
        }
        for (_, group) in self.groups(filter) {
            let count = match self.users.is_empty() {
                true => group.count,
                // No more than it has users.
                false => group.users().filter(|user| self.wants(user.0)).count() as u32,
            };
            counts[group.change.kind() as usize] += count;
        }
        counts
    }

    /// The groups of which some change may be wanted, each with the place of its first change.
    fn groups<'a>(
        &'a self,
        filter: &'a UserChangeFilter,
    ) -> impl Iterator<Item = (u32, ChangeGroup<'a>)> {
        let mut place = 0_u32;
        let groups = self.run.own.changes.groups().map(move |group| {
            let first = place;
            place = place.saturating_add(group.count);
            (first, group)
        });
        groups.filter(|(_, group)| {
            let kinds = filter.kinds.as_ref();
            let sku = group.change.sku();
            let mut licenses = filter.licenses.iter();
            kinds.is_none_or(|kinds| kinds.contains(&group.change.kind()))
                && licenses.all(|among| among.has(self.tenant.key(), sku.as_ref()))
        })
    }

    fn wants(&self, number: u32) -> bool {
        let mut users = self.users.iter();
        users.all(|(numbers, is_negated)| numbers.binary_search(&number).is_ok() != *is_negated)
    }

    /// The selected changes, each with its place in the run.
    fn changes<'a>(
        &'a self,
        filter: &'a UserChangeFilter,
    ) -> impl Iterator<Item = (u32, u32, UserChange)> + 'a {
        self.groups(filter).flat_map(move |(first, group)| {
            let users: Vec<_> = group.users().map(|user| user.0).zip(first..).collect();
            let wanted = users.into_iter().filter(|(user, _)| self.wants(*user));
            wanted.map(move |(user, place)| (place, user, group.change.clone()))
        })
    }

    fn order(&self, position: &UserChangePosition) -> std::cmp::Ordering {
        let own = &self.run.own;
        let later = position.seen_at.cmp(&own.seen_at);
        let by_tenant = || self.tenant.key().cmp(&position.tenant);
        later
            .then_with(by_tenant)
            .then_with(|| position.run.cmp(&own.run))
    }
}

impl ChangeSelection {
    /// How many changes are selected.
    pub fn count(&self) -> u64 {
        self.runs.last().map_or(0, |last| last.before + last.count)
    }

    /// The same by kind, those of which there are any.
    pub fn counts(&self) -> impl Iterator<Item = (UserChangeKind, u64)> + '_ {
        let counts = UserChangeKind::ALL.into_iter().zip(self.counts);
        counts.filter(|(_, count)| *count > 0)
    }

    /// When the first run ended of which changes are known; of several tenants the latest. `None` before.
    pub fn known_since(&self) -> Option<Timestamp> {
        self.known_since
    }

    /// How many selected changes stand before a position (in the first place), and how many up to it.
    pub fn around(&self, position: &UserChangePosition) -> (u64, u64) {
        let at = self.runs.partition_point(|run| run.order(position).is_lt());
        let Some(run) = self.runs.get(at) else {
            return (self.count(), self.count());
        };
        if run.order(position).is_gt() {
            return (run.before, run.before);
        }
        let places = run.changes(&self.filter).map(|(place, ..)| place);
        let places: Vec<u32> = places.collect();
        let before = places.partition_point(|place| *place < position.place) as u64;
        let through = places.partition_point(|place| *place <= position.place) as u64;
        (run.before + before, run.before + through)
    }

    /// The changes at some places of the list.
    pub fn rows(&self, places: Range<u64>) -> Vec<ChangeRow> {
        let first = self
            .runs
            .partition_point(|run| run.before + run.count <= places.start);
        let runs = self.runs.get(first..).unwrap_or_default().iter();
        let inside = runs.take_while(|run| run.before < places.end);
        let rows = inside.flat_map(|run| {
            let skipped = places.start.saturating_sub(run.before);
            let taken = places.end - run.before.max(places.start);
            let changes = run.changes(&self.filter).skip(skipped as usize);
            changes
                .take(taken as usize)
                .map(|(place, number, change)| ChangeRow {
                    tenant: Arc::clone(&run.tenant),
                    run: Arc::clone(&run.run),
                    change,
                    number,
                    place,
                })
        });
        rows.collect()
    }
}

impl ChangeRow {
    /// Whose.
    pub fn tenant(&self) -> &Arc<TenantIndex> {
        &self.tenant
    }

    /// The run that saw it.
    pub fn run(&self) -> RunId {
        self.run.own.run
    }

    /// When.
    pub fn seen_at(&self) -> Timestamp {
        self.run.own.seen_at
    }

    /// What changed.
    pub fn change(&self) -> &UserChange {
        &self.change
    }

    /// Of whom.
    pub fn object_id(&self) -> ObjectId {
        self.tenant.history().user(self.number)
    }

    /// What the user was called before the run; `None` for both where nothing is known any more.
    pub fn names(&self) -> (Option<String>, Option<String>) {
        let log: &ChangeLog = self.tenant.changes();
        if let Some(former) = log.former(&self.run, self.number) {
            let name = former.user_principal_name.clone();
            return (Some(name), former.display_name.clone());
        }
        let users = self.tenant.users();
        let row = users.find(self.object_id());
        let name = row.map(|row| users.principal_name(row).to_owned());
        let display_name = row.and_then(|row| users.display_name(row));
        (name, display_name.map(str::to_owned))
    }

    /// Where it stands.
    pub fn position(&self) -> UserChangePosition {
        UserChangePosition {
            seen_at: self.seen_at(),
            tenant: self.tenant.key().clone(),
            run: self.run(),
            place: self.place,
        }
    }
}
