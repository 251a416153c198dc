//! Judging: everybody, or those of whom something changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::activity::{Horizon, Workloads};
use crate::domain::day::Day;
use crate::domain::finding::{Finding, FindingKey, KnownFinding, Said, carry};
use crate::domain::ids::{ObjectId, SkuId, TenantKey};
use crate::domain::rules::{Grant, Ground, TenantFacts, judge_tenant};
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;
use crate::engine::bits::Bits;
use crate::engine::chunked::CHUNK_ROWS;
use crate::engine::cores::on_all_cores;
use crate::engine::licenses::Licenses;
use crate::engine::users::Users;

use super::basis::Basis;
use super::chunk::Chunk;
use super::decisions::Decisions;
use super::find::{Finder, OfRow};
use super::savings::Tally;
use super::sets::{changed_sets, new_sets};
use super::verdicts::Verdicts;
use super::{Findings, HeldSince};

/// What a judgement is made from.
pub(in crate::engine) struct Judged<'a> {
    pub(in crate::engine) tenant: &'a TenantKey,
    /// As they are now.
    pub(in crate::engine) users: &'a Users,
    /// As they were when they were judged before.
    pub(in crate::engine) before: &'a Users,
    /// The rows of which something changed since.
    pub(in crate::engine) touched: &'a Bits,
    pub(in crate::engine) licenses: &'a Licenses,
    pub(in crate::engine) subscriptions: &'a [Subscription],
    pub(in crate::engine) standings: &'a [Standing],
    pub(in crate::engine) horizon: &'a Horizon,
    pub(in crate::engine) decisions: &'a Decisions,
    pub(in crate::engine) now: Timestamp,
}

/// With fewer rows another thread is not worth its start.
const ROWS_ON_ALL_CORES_MIN: usize = 2 * CHUNK_ROWS;

impl Findings {
    /// The findings that follow.
    pub(in crate::engine) fn followed_by(&self, by: &Judged<'_>) -> Self {
        let Some(today) = Day::of_instant(by.now) else {
            return self.clone();
        };
        let basis = Basis::new(by);
        let licenses = basis.license_facts(by);
        let others = basis.other_products();
        let ground = Ground::new(&TenantFacts {
            now: by.now,
            policy: &by.decisions.policy,
            families: by.decisions.families(),
            horizon: by.horizon,
            standings: by.standings,
            licenses: &licenses,
            other_products: &others,
            subscriptions: by.subscriptions,
        });
        let is_known = self.basis.as_deref() == Some(&basis);
        let finder = Finder {
            by,
            old: self,
            grants: grants(by, &ground, is_known),
            opened: opened(by),
            ground: &ground,
            today,
        };
        let mut judging = Judging {
            by,
            old: self,
            finder: &finder,
            today,
            verdicts: Arc::clone(&self.verdicts),
            gone: (*self.of_gone).clone(),
            disabled: Arc::clone(&self.disabled),
            held_since: Arc::clone(&self.held_since),
            unsaved: (*self.unsaved).clone(),
        };
        let chunks = judging.chunks(is_known);
        let verdicts = &judging.verdicts;
        let sets = match is_known {
            true => changed_sets(&self.sets, &chunks, verdicts, by.touched),
            false => new_sets(&chunks, verdicts),
        };
        judging.settle_gone();
        let of_tenant = judging.of_tenant();
        let (of_gone, unsaved) = (judging.gone, judging.unsaved);
        let (disabled, held_since) = (judging.disabled, judging.held_since);
        let (verdicts, chunks) = counted(judging.verdicts, &self.chunks, chunks);
        drop((licenses, others));
        let findings = Self {
            basis: Some(match (&self.basis, is_known) {
                (Some(old), true) => Arc::clone(old),
                _ => Arc::new(basis),
            }),
            chunks: kept(&self.chunks, chunks),
            verdicts,
            of_tenant: kept_if_equal(&self.of_tenant, of_tenant),
            of_gone: kept_if_equal(&self.of_gone, of_gone),
            disabled,
            held_since,
            sets,
            tally: Arc::default(),
            unsaved: kept_if_equal(&self.unsaved, unsaved),
        };
        Self {
            tally: kept_if_equal(&self.tally, Tally::of(&findings)),
            ..findings
        }
    }

    /// Whether the same is answered from both.
    pub(in crate::engine) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chunks, &other.chunks)
            && Arc::ptr_eq(&self.of_tenant, &other.of_tenant)
            && Arc::ptr_eq(&self.of_gone, &other.of_gone)
    }

    /// The rows whose findings an exemption is about.
    pub(in crate::engine) fn rows_about<'a>(
        users: &Users,
        keys: impl Iterator<Item = &'a FindingKey>,
    ) -> Bits {
        let rows = keys.filter_map(|key| users.find(key.user?));
        let rows: BTreeSet<u32> = rows.collect();
        rows.into_iter().collect()
    }
}

/// A judgement as it goes on.
struct Judging<'a> {
    by: &'a Judged<'a>,
    old: &'a Findings,
    finder: &'a Finder<'a>,
    today: Day,
    /// Those of the findings before, and new ones.
    verdicts: Arc<Verdicts>,
    /// What is known of users who have no row, or had another one.
    gone: BTreeMap<ObjectId, Vec<KnownFinding>>,
    /// See [`Findings`].
    disabled: Arc<BTreeMap<ObjectId, Day>>,
    /// See [`Findings`].
    held_since: Arc<HeldSince>,
    unsaved: BTreeSet<Option<ObjectId>>,
}

/// What of a finding is remembered.
type Turn = (FindingKey, Day, Option<Day>);

fn turns(known: &[KnownFinding]) -> Vec<Turn> {
    let turn = |own: &KnownFinding| (own.finding.key, own.first_seen_on, own.realized_on);
    let mut turns: Vec<Turn> = known.iter().map(turn).collect();
    turns.sort_unstable();
    turns
}

impl Judging<'_> {
    /// Judges the users and says in which chunks what was found of them stands.
    fn chunks(&mut self, is_known: bool) -> Vec<Arc<Chunk>> {
        let rows: Vec<u32> = match is_known {
            true => self.by.touched.iter().collect(),
            false => (0..self.by.users.row_count()).collect(),
        };
        // Whoever left a row is known before anybody is judged: they may have another row now.
        let had_users = 0..self.by.before.row_count();
        for row in rows.iter().filter(|row| had_users.contains(row)) {
            self.leave(*row);
        }
        let by_chunk: Vec<&[u32]> = rows
            .chunk_by(|one, other| chunk_of(*one) == chunk_of(*other))
            .collect();
        let finds = |rows: &&[u32]| self.finder.found(rows, &self.gone);
        let found: Vec<Vec<OfRow>> = match rows.len() < ROWS_ON_ALL_CORES_MIN {
            true => by_chunk.iter().map(finds).collect(),
            false => on_all_cores(&by_chunk, finds),
        };
        let mut chunks: Vec<Arc<Chunk>> = self.old.chunks.to_vec();
        for (rows, found) in by_chunk.into_iter().zip(found) {
            let Some(number) = rows.first().map(|row| chunk_of(*row)) else {
                continue;
            };
            if chunks.len() <= number {
                chunks.resize_with(number + 1, Arc::default);
            }
            let old = Arc::clone(&chunks[number]);
            let new = self.chunk(found, &old);
            if new != *old {
                chunks[number] = Arc::new(new);
            }
        }
        chunks
    }

    /// Puts what was found of some rows of a chunk in the place of what was; the other rows stay.
    fn chunk(&mut self, found: Vec<OfRow>, old: &Chunk) -> Chunk {
        let mut new = Chunk::default();
        let mut copied = 0;
        for of_row in found {
            let places = old.places_of(of_row.row);
            new.copy(old, copied..places.start);
            copied = places.end;
            self.judge(of_row, old, &mut new);
        }
        new.copy(old, copied..old.entries().len());
        new.shrink();
        new
    }

    /// Sets aside what is known of a user who had a row and has it no longer.
    fn leave(&mut self, row: u32) {
        let (before, now) = (holder(self.by.before, row), holder(self.by.users, row));
        let Some(user) = before.filter(|_| before != now) else {
            return;
        };
        if self.by.users.find(user).is_none() {
            self.see(user, false);
            self.forget_seats(user);
        }
        let Some(chunk) = self.old.chunk(row) else {
            return;
        };
        let known = chunk.places_of(row);
        let known: Vec<_> = known
            .filter_map(|place| chunk.known(&self.verdicts, place, user, None))
            .collect();
        if !known.is_empty() {
            self.gone.entry(user).or_default().extend(known);
        }
    }

    /// Brings together what was found of a row with what was known of its user.
    fn judge(&mut self, of_row: OfRow, old: &Chunk, new: &mut Chunk) {
        let row = of_row.row;
        let Some(user) = holder(self.by.users, row) else {
            return;
        };
        self.see(user, of_row.is_disabled);
        for (sku_id, day) in of_row.held_since {
            self.remember((user, sku_id), day);
        }
        let mut earlier = self.gone.remove(&user).unwrap_or_default();
        if holder(self.by.before, row) == Some(user) {
            let places = old.places_of(row);
            let outline = |place| old.outline(&self.verdicts, place, user);
            earlier.extend(places.filter_map(outline));
        }
        if earlier.is_empty() && of_row.found.is_empty() {
            return;
        }
        let before = turns(&earlier);
        let assignments = self.by.users.assignments();
        let is_gone = |finding: &Finding| {
            let sku = finding.key.sku;
            sku.is_some_and(|sku| !assignments.has_seat(row, sku))
        };
        let known = self.carry(earlier, of_row.found, is_gone);
        if turns(&known) != before {
            self.unsaved.insert(Some(user));
        }
        for known in &known {
            new.push(&mut self.verdicts, row, known, Some(old));
        }
    }

    fn carry(
        &self,
        earlier: Vec<KnownFinding>,
        found: Vec<Finding>,
        is_gone: impl Fn(&Finding) -> bool,
    ) -> Vec<KnownFinding> {
        let decisions = self.by.decisions;
        carry(
            earlier,
            found,
            &decisions.exemptions,
            self.today,
            decisions.policy.settings().realized_days,
            is_gone,
        )
    }

    /// Takes note of whether an account is disabled.
    fn see(&mut self, user: ObjectId, is_disabled: bool) {
        if self.disabled.contains_key(&user) != is_disabled {
            let disabled = Arc::make_mut(&mut self.disabled);
            match is_disabled {
                true => disabled.insert(user, self.today),
                false => disabled.remove(&user),
            };
            self.unsaved.insert(Some(user));
        }
    }

    /// Takes note of since when a seat is held, or that it need not be known.
    fn remember(&mut self, seat: (ObjectId, SkuId), day: Option<Day>) {
        let held_since = Arc::make_mut(&mut self.held_since);
        match day {
            Some(day) => held_since.insert(seat, day),
            None => held_since.remove(&seat),
        };
        self.unsaved.insert(Some(seat.0));
    }

    /// Forgets what is known of the seats of a user who is gone.
    fn forget_seats(&mut self, user: ObjectId) {
        let remembered = of_user(&self.held_since, user).map(|(seat, _)| *seat);
        for seat in remembered.collect::<Vec<_>>() {
            self.remember(seat, None);
        }
    }

    /// What becomes of the findings about those who have no row.
    fn settle_gone(&mut self) {
        let gone = std::mem::take(&mut self.gone);
        for (user, earlier) in gone {
            let before = turns(&earlier);
            let known = self.carry(earlier, Vec::new(), |_| true);
            if turns(&known) != before {
                self.unsaved.insert(Some(user));
            }
            if !known.is_empty() {
                self.gone.insert(user, known);
            }
        }
    }

    /// Findings about licenses and purchases. Seats that nobody held are gone once fewer are paid for.
    fn of_tenant(&mut self) -> Vec<KnownFinding> {
        let mut found = Vec::new();
        judge_tenant(self.finder.ground, &mut found);
        let is_gone = |finding: &Finding| {
            let said = finding.facts.iter().find_map(|fact| match fact.said {
                Said::SeatsUsable(count) => Some(count),
                _ => None,
            });
            let now = finding.key.sku.and_then(|sku| self.by.licenses.get(sku));
            let now = now.map_or(0, |entry| {
                let seats = entry.license.seats;
                seats.enabled.saturating_add(seats.warning)
            });
            said.is_some_and(|said| now < said)
        };
        let earlier = (*self.old.of_tenant).clone();
        let before = turns(&earlier);
        let known = self.carry(earlier, found, is_gone);
        if turns(&known) != before {
            self.unsaved.insert(None);
        }
        known
    }
}

/// What is remembered of one user's seats.
pub(super) fn of_user(
    held_since: &HeldSince,
    user: ObjectId,
) -> impl Iterator<Item = (&(ObjectId, SkuId), &Day)> {
    let (first, last) = (SkuId(Uuid::nil()), SkuId(Uuid::max()));
    held_since.range((user, first)..=(user, last))
}

fn chunk_of(row: u32) -> usize {
    row as usize / CHUNK_ROWS
}

pub(super) fn holder(users: &Users, row: u32) -> Option<ObjectId> {
    let is_live = users.live().contains(row);
    is_live.then(|| users.object_id(row))
}

/// The grants that are asked for, ready to be judged by.
fn grants(by: &Judged<'_>, ground: &Ground<'_>, is_known: bool) -> Vec<Option<Grant>> {
    let assignments = by.users.assignments();
    let grant = |code: u32| ground.grant(&assignments.grant(code)?.facts());
    let count = assignments.grant_count() as u32; // Fewer than assignments in memory.
    if !is_known {
        return (0..count).map(grant).collect();
    }
    let mut grants = vec![None; count as usize];
    for row in by.touched.iter() {
        for code in assignments.grant_codes(row) {
            if let Some(place @ None) = grants.get_mut(*code as usize) {
                *place = grant(*code);
            }
        }
    }
    grants
}

/// The workloads that each grant opens, as activity is judged by.
fn opened(by: &Judged<'_>) -> Vec<Workloads> {
    by.users.assignments().workloads_by_grant(|id| {
        let entry = by.licenses.get(id);
        entry.map_or(&[][..], |entry| &entry.license.service_plans)
    })
}

/// The verdicts with how many findings have each now; many that none has any more are forgotten.
fn counted(
    mut verdicts: Arc<Verdicts>,
    old: &[Arc<Chunk>],
    mut new: Vec<Arc<Chunk>>,
) -> (Arc<Verdicts>, Vec<Arc<Chunk>>) {
    let none = Arc::default();
    for (place, new) in new.iter().enumerate() {
        let old = old.get(place).unwrap_or(&none);
        if !Arc::ptr_eq(old, new) {
            Arc::make_mut(&mut verdicts).recount(old, new);
        }
    }
    if verdicts.is_untidy() {
        let numbers = Arc::make_mut(&mut verdicts).tidied();
        for chunk in &mut new {
            *chunk = Arc::new(chunk.renumbered(&numbers));
        }
    }
    (verdicts, new)
}

/// The older list where each chunk is the same one.
fn kept(old: &Arc<Vec<Arc<Chunk>>>, new: Vec<Arc<Chunk>>) -> Arc<Vec<Arc<Chunk>>> {
    let is_same =
        old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| Arc::ptr_eq(old, new));
    match is_same {
        true => Arc::clone(old),
        false => Arc::new(new),
    }
}

fn kept_if_equal<T: PartialEq>(old: &Arc<T>, new: T) -> Arc<T> {
    match **old == new {
        true => Arc::clone(old),
        false => Arc::new(new),
    }
}
