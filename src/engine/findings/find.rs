//! What the rules find of one user after the other, without changing anything: on any core.

use std::collections::BTreeMap;

use crate::domain::activity::Workloads;
use crate::domain::day::Day;
use crate::domain::finding::{Finding, KnownFinding};
use crate::domain::ids::{ObjectId, SkuId};
use crate::domain::rules::{Grant, Ground, Held, UserFacts, judge_user};
use crate::engine::flags::Flag;
use crate::engine::property::Property;

use super::Findings;
use super::judge::{Judged, holder, of_user};
use super::usage::usage_numbers;

/// What users are judged by.
pub(super) struct Finder<'a> {
    pub(super) by: &'a Judged<'a>,
    pub(super) old: &'a Findings,
    pub(super) ground: &'a Ground<'a>,
    /// At the code of each grant that is asked for.
    pub(super) grants: Vec<Option<Grant>>,
    /// The workloads that it opens.
    pub(super) opened: Vec<Workloads>,
    pub(super) today: Day,
}

/// A row of which something is found, was found, or is to be remembered.
pub(super) struct OfRow {
    pub(super) row: u32,
    pub(super) found: Vec<Finding>,
    /// Whether somebody holds licenses with an account that is disabled.
    pub(super) is_disabled: bool,
    /// The seats of which something else is to be remembered; see [`Findings`].
    pub(super) held_since: Vec<(SkuId, Option<Day>)>,
}

impl Finder<'_> {
    /// Those of some rows of a chunk of which there is anything, in order. `gone` are users of whom
    /// something is known who had no row.
    pub(super) fn found(
        &self,
        rows: &[u32],
        gone: &BTreeMap<ObjectId, Vec<KnownFinding>>,
    ) -> Vec<OfRow> {
        let of_row = |row: &u32| {
            let had_findings = || {
                let chunk = self.old.chunk(*row);
                chunk.is_some_and(|chunk| !chunk.places_of(*row).is_empty())
            };
            let Some(user) = holder(self.by.users, *row) else {
                // Somebody's findings are taken out.
                return had_findings().then(|| OfRow::nothing(*row));
            };
            let found = self.find(*row, user);
            let is_anything = !found.found.is_empty()
                || !found.held_since.is_empty()
                || found.is_disabled != self.old.disabled.contains_key(&user)
                || gone.contains_key(&user)
                || had_findings();
            is_anything.then_some(found)
        };
        rows.iter().filter_map(of_row).collect()
    }

    /// What the rules find of a user.
    fn find(&self, row: u32, user: ObjectId) -> OfRow {
        let users = self.by.users;
        let is_enabled = users.flags().has(row, Flag::AccountEnabled);
        let holds = || users.assignments().grants(row).next().is_some();
        let mut of_row = OfRow::nothing(row);
        of_row.is_disabled = !is_enabled && holds();
        self.forget_seats(user, &mut of_row);
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
                let since = self.since((user, grant.sku_id()), told, &mut of_row.held_since);
                seats.push((place, since));
            }
        }
        let held = seats.into_iter().filter_map(|(place, since)| {
            let grant = self.grants.get(place)?.as_ref()?;
            Some(Held { grant, since })
        });
        let held: Vec<_> = held.collect();
        if held.is_empty() {
            return of_row;
        }
        let disabled_on = || self.old.disabled.get(&user).copied().unwrap_or(self.today);
        let usage = || usage_numbers(users, row, user, self.by.decisions);
        let facts = UserFacts {
            object_id: user,
            user_principal_name: users.principal_name(row),
            user_type: users.user_type(row),
            is_resource_account: users.flags().has(row, Flag::ResourceAccount),
            account_enabled: is_enabled,
            has_usage_location: users.values(Property::UsageLocation).text(row).is_some(),
            disabled_on: of_row.is_disabled.then(disabled_on),
            created_on: users.created_at(row).and_then(Day::of_instant),
            hired_on: users.hired_on(row).and_then(Day::of),
            mailbox_type: users.facts().mailbox_type(row),
            activity: users.facts().evidence(row, licensed),
            held: &held,
            usage: &usage,
        };
        judge_user(self.ground, &facts, &mut of_row.found);
        of_row
    }

    /// Since when a seat is held. Microsoft tells when the assignment was edited last; an edit of a seat
    /// that was held before makes nobody new. It is remembered as long as it makes a difference to rules.
    fn since(
        &self,
        seat: (ObjectId, SkuId),
        told: Option<Day>,
        changes: &mut Vec<(SkuId, Option<Day>)>,
    ) -> Option<Day> {
        let told = told?;
        // A seat may come by several ways.
        let changed = changes.iter().rfind(|(sku_id, _)| *sku_id == seat.1);
        let remembered = match changed {
            Some((_, day)) => *day,
            None => self.old.held_since.get(&seat).copied(),
        };
        let earlier = match self.ground.asks_since(told) {
            true => remembered.into_iter().chain(self.told_before(seat)).min(),
            false => None,
        };
        let earlier = earlier.filter(|day| *day < told);
        if earlier != remembered {
            changes.push((seat.1, earlier));
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
    fn forget_seats(&self, user: ObjectId, of_row: &mut OfRow) {
        if self.old.held_since.is_empty() {
            return;
        }
        let assignments = self.by.users.assignments();
        let remembered = of_user(&self.old.held_since, user).map(|((_, sku_id), _)| *sku_id);
        let gone = remembered.filter(|sku_id| !assignments.has_seat(of_row.row, *sku_id));
        let gone: Vec<_> = gone.map(|sku_id| (sku_id, None)).collect();
        of_row.held_since.extend(gone);
    }
}

impl OfRow {
    fn nothing(row: u32) -> Self {
        Self {
            row,
            found: Vec::new(),
            is_disabled: false,
            held_since: Vec::new(),
        }
    }
}
