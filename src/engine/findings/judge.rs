//! Judging: everybody, or those of whom something changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::activity::{Horizon, Workloads};
use crate::domain::day::Day;
use crate::domain::finding::{Finding, FindingKey, KnownFinding, Said, carry};
use crate::domain::ids::{ObjectId, SkuId, TenantKey};
use crate::domain::rules::{Grant, Ground, Held, TenantFacts, UserFacts, judge_tenant, judge_user};
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;
use crate::engine::bits::Bits;
use crate::engine::chunked::CHUNK_ROWS;
use crate::engine::flags::Flag;
use crate::engine::licenses::Licenses;
use crate::engine::property::Property;
use crate::engine::users::Users;

use super::basis::Basis;
use super::chunk::Chunk;
use super::decisions::Decisions;
use super::savings::Tally;
use super::sets::{changed_sets, new_sets};
use super::usage::usage_numbers;
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
        let mut judging = Judging {
            by,
            old: self,
            grants: grants(by, &ground, is_known),
            opened: opened(by),
            ground: &ground,
            today,
            verdicts: Arc::clone(&self.verdicts),
            gone: (*self.of_gone).clone(),
            disabled: Arc::clone(&self.disabled),
            held_since: Arc::clone(&self.held_since),
            unsaved: (*self.unsaved).clone(),
            found: Vec::new(),
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
    ground: &'a Ground<'a>,
    /// At the code of each grant that is asked for.
    grants: Vec<Option<Grant>>,
    /// The workloads that it opens.
    opened: Vec<Workloads>,
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
    /// For reuse.
    found: Vec<Finding>,
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
        for row in &rows {
            self.leave(*row);
        }
        let mut chunks: Vec<Arc<Chunk>> = self.old.chunks.to_vec();
        for rows in rows.chunk_by(|one, other| chunk_of(*one) == chunk_of(*other)) {
            let Some(number) = rows.first().map(|row| chunk_of(*row)) else {
                continue;
            };
            if chunks.len() <= number {
                chunks.resize_with(number + 1, Arc::default);
            }
            let old = Arc::clone(&chunks[number]);
            let new = self.chunk(rows, &old);
            if new != *old {
                chunks[number] = Arc::new(new);
            }
        }
        chunks
    }

    /// Judges some rows of a chunk; the others stay.
    fn chunk(&mut self, rows: &[u32], old: &Chunk) -> Chunk {
        let mut new = Chunk::default();
        let mut copied = 0;
        for row in rows {
            let places = old.places_of(*row);
            new.copy(old, copied..places.start);
            copied = places.end;
            self.judge(*row, old, &mut new);
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
            self.forget_seats(user, |_| false);
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

    /// Judges a row.
    fn judge(&mut self, row: u32, old: &Chunk, new: &mut Chunk) {
        let Some(user) = holder(self.by.users, row) else {
            return;
        };
        let mut earlier = self.gone.remove(&user).unwrap_or_default();
        if holder(self.by.before, row) == Some(user) {
            let places = old.places_of(row);
            let outline = |place| old.outline(&self.verdicts, place, user);
            earlier.extend(places.filter_map(outline));
        }
        let mut found = std::mem::take(&mut self.found);
        self.find(row, user, &mut found);
        if earlier.is_empty() && found.is_empty() {
            self.found = found;
            return;
        }
        let before = turns(&earlier);
        let assignments = self.by.users.assignments();
        let is_gone = |finding: &Finding| {
            let sku = finding.key.sku;
            sku.is_some_and(|sku| !assignments.has_seat(row, sku))
        };
        let known = self.carry(earlier, std::mem::take(&mut found), is_gone);
        if turns(&known) != before {
            self.unsaved.insert(Some(user));
        }
        for known in &known {
            new.push(&mut self.verdicts, row, known, Some(old));
        }
        self.found = found;
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

    /// What the rules find of a user.
    fn find(&mut self, row: u32, user: ObjectId, found: &mut Vec<Finding>) {
        let users = self.by.users;
        let is_enabled = users.flags().has(row, Flag::AccountEnabled);
        let holds = || users.assignments().grants(row).next().is_some();
        let disabled_on = self.see(user, !is_enabled && holds());
        self.forget_seats(user, |sku_id| users.assignments().has_seat(row, sku_id));
        let mut licensed = Workloads::default();
        let mut seats = Vec::new();
        for (code, at) in users.assignments().held(row) {
            let place = code as usize;
            if let Some(opened) = self.opened.get(place) {
                licensed = licensed.or(*opened);
            }
            let grant = users.assignments().grant(code);
            if let (Some(Some(_)), Some(grant)) = (self.grants.get(place), grant) {
                let told = at.and_then(Day::of_instant);
                seats.push((place, self.since((user, grant.sku_id()), told)));
            }
        }
        let held = seats.into_iter().filter_map(|(place, since)| {
            let grant = self.grants.get(place)?.as_ref()?;
            Some(Held { grant, since })
        });
        let held: Vec<_> = held.collect();
        if held.is_empty() {
            return;
        }
        let usage = || usage_numbers(users, row, user, self.by.decisions);
        let facts = UserFacts {
            object_id: user,
            user_principal_name: users.principal_name(row),
            user_type: users.user_type(row),
            is_resource_account: users.flags().has(row, Flag::ResourceAccount),
            account_enabled: is_enabled,
            has_usage_location: users.values(Property::UsageLocation).text(row).is_some(),
            disabled_on,
            created_on: users.created_at(row).and_then(Day::of_instant),
            hired_on: users.hired_on(row).and_then(Day::of),
            mailbox_type: users.facts().mailbox_type(row),
            activity: users.facts().evidence(row, licensed),
            held: &held,
            usage: &usage,
        };
        judge_user(self.ground, &facts, found);
    }

    /// Takes note of whether an account is disabled, and since when it is.
    fn see(&mut self, user: ObjectId, is_disabled: bool) -> Option<Day> {
        let known = self.disabled.get(&user).copied();
        if known.is_some() != is_disabled {
            let disabled = Arc::make_mut(&mut self.disabled);
            match is_disabled {
                true => disabled.insert(user, self.today),
                false => disabled.remove(&user),
            };
            self.unsaved.insert(Some(user));
        }
        is_disabled.then(|| known.unwrap_or(self.today))
    }

    /// Since when a seat is held. Microsoft tells when the assignment was edited last; an edit of a seat
    /// that was held before makes nobody new. It is remembered as long as it makes a difference to rules.
    fn since(&mut self, seat: (ObjectId, SkuId), told: Option<Day>) -> Option<Day> {
        let told = told?;
        let remembered = self.held_since.get(&seat).copied();
        let earlier = match self.ground.asks_since(told) {
            true => remembered.into_iter().chain(self.told_before(seat)).min(),
            false => None,
        };
        let earlier = earlier.filter(|day| *day < told);
        if earlier != remembered {
            let held_since = Arc::make_mut(&mut self.held_since);
            match earlier {
                Some(day) => held_since.insert(seat, day),
                None => held_since.remove(&seat),
            };
            self.unsaved.insert(Some(seat.0));
        }
        Some(earlier.unwrap_or(told))
    }

    /// What Microsoft told of a seat in the index before.
    fn told_before(&self, (user, sku_id): (ObjectId, SkuId)) -> Option<Day> {
        let before = self.by.before;
        let row = before.find(user)?;
        let assignments = before.assignments();
        let mut held = assignments.held(row);
        let (_, at) = held.find(|(code, _)| {
            let grant = assignments.grant(*code);
            grant.is_some_and(|own| own.sku_id() == sku_id && own.holds_seat())
        })?;
        Day::of_instant(at?)
    }

    /// Forgets since when a user held seats that are gone.
    fn forget_seats(&mut self, user: ObjectId, is_held: impl Fn(SkuId) -> bool) {
        if self.held_since.is_empty() {
            return;
        }
        let remembered = of_user(&self.held_since, user).map(|(seat, _)| *seat);
        let gone: Vec<_> = remembered.filter(|(_, sku_id)| !is_held(*sku_id)).collect();
        for seat in gone {
            Arc::make_mut(&mut self.held_since).remove(&seat);
            self.unsaved.insert(Some(user));
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
        judge_tenant(self.ground, &mut found);
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

fn holder(users: &Users, row: u32) -> Option<ObjectId> {
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
