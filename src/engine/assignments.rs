//! Who holds which license: eight bytes an assignment, and a set of rows per product.
//!
//! Everything of an assignment but its time is a grant, and few grants are distinct: they are coded
//! like spellings are.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::activity::Workloads;
use crate::domain::ids::{ObjectId, PlanId, SkuId};
use crate::domain::license::ServicePlan;
use crate::domain::rules::AssignmentFacts;
use crate::domain::service_plans::workloads_of_plan;
use crate::domain::user::{AssignmentState, LicenseAssignment};

use super::bits::{Bits, Listed};
use super::chunked::{CHUNK_ROWS, Chunked, Chunks, split_row};
use super::ends::{EndList, Ends};
use super::fit::fit;
use super::heap::{Heap, Parts};
use super::lookup::Lookup;
use super::times::Times;

/// The assignments of all rows.
#[derive(Clone, Default)]
pub(super) struct Assignments {
    rows: Chunks<Spans>,
    grants: Chunked<Option<Arc<Grant>>, 256>,
    by_grant: Lookup,
    /// The number of each product that was ever assigned; a tenant has some hundreds at most.
    numbers: Arc<BTreeMap<SkuId, u32>>,
    /// The rows that hold a seat of a product, at its number.
    holders: Chunked<Bits, 64>,
    /// The rows whose assignment of a product failed, at its number: they hold no seat.
    failed: Chunked<Bits, 64>,
    unlicensed: Bits,
    /// Rows from here on are in no set yet.
    settled: u32,
}

/// What many assignments have in common.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Grant {
    sku_id: SkuId,
    /// The product's number.
    product: u32,
    state: AssignmentState,
    error: Option<Box<str>>,
    assigned_directly: bool,
    assigned_by_groups: Box<[ObjectId]>,
    disabled_plans: Box<[PlanId]>,
}

/// The assignments of one chunk of rows, one behind the other.
#[derive(Clone, Default)]
struct Spans {
    /// Where each row's assignments end.
    ends: Ends,
    grants: Vec<u32>,
    updated_at: Times,
}

/// Where one row's grants are to be looked up: what its chunk has at hand.
#[derive(Clone, Copy)]
pub(super) struct GrantsCell<'a> {
    ends: EndList<'a>,
    grants: &'a [u32],
    at: usize,
}

/// Where one row's grants are.
#[derive(Clone, Copy)]
pub(super) struct GrantsSpan<'a> {
    grants: &'a [u32],
    bounds: (usize, usize),
}

impl<'a> GrantsCell<'a> {
    pub(super) fn span(self) -> GrantsSpan<'a> {
        GrantsSpan {
            grants: self.grants,
            bounds: self.ends.bounds(self.at, self.grants.len()),
        }
    }
}

impl<'a> GrantsSpan<'a> {
    pub(super) fn grants(self) -> &'a [u32] {
        let (start, end) = self.bounds;
        self.grants.get(start..end).unwrap_or_default()
    }
}

impl Grant {
    pub(super) fn sku_id(&self) -> SkuId {
        self.sku_id
    }

    /// The product's number.
    pub(super) fn product(&self) -> u32 {
        self.product
    }

    /// The set that rows with this grant are in: the product's number, and whether they hold a seat.
    fn place(&self) -> (u32, bool) {
        (self.product, self.holds_seat())
    }

    /// Whether an assignment under this grant takes a seat.
    pub(super) fn holds_seat(&self) -> bool {
        self.state.holds_seat()
    }

    /// What the rules ask of it.
    pub(super) fn facts(&self) -> AssignmentFacts<'_> {
        AssignmentFacts {
            sku_id: self.sku_id,
            state: self.state,
            error: self.error.as_deref(),
            assigned_directly: self.assigned_directly,
            groups: self.assigned_by_groups.len(),
            disabled_plans: &self.disabled_plans,
        }
    }

    /// The workloads that an assignment under this grant opens, out of the product's plans.
    fn opens(&self, plans: &[ServicePlan]) -> Workloads {
        let is_in_force = match self.state {
            AssignmentState::Active
            | AssignmentState::ActiveWithError
            | AssignmentState::Unknown => true,
            AssignmentState::Disabled | AssignmentState::Error => false,
        };
        let enabled = plans
            .iter()
            .filter(|plan| is_in_force && !self.disabled_plans.contains(&plan.plan_id));
        enabled.fold(Workloads::default(), |workloads, plan| {
            workloads.and(workloads_of_plan(&plan.value))
        })
    }

    fn is_of(&self, assignment: &LicenseAssignment) -> bool {
        self.sku_id == assignment.sku_id
            && self.state == assignment.state
            && self.error.as_deref() == assignment.error.as_deref()
            && self.assigned_directly == assignment.assigned_directly
            && *self.assigned_by_groups == *assignment.assigned_by_groups
            && *self.disabled_plans == *assignment.disabled_plans
    }

    fn to_assignment(&self, updated_at: Option<Timestamp>) -> LicenseAssignment {
        LicenseAssignment {
            sku_id: self.sku_id,
            state: self.state,
            error: self.error.as_deref().map(str::to_owned),
            assigned_directly: self.assigned_directly,
            assigned_by_groups: self.assigned_by_groups.to_vec(),
            disabled_plans: self.disabled_plans.to_vec(),
            last_updated_at: updated_at,
        }
    }
}

impl Assignments {
    /// How many seats a row holds.
    pub(super) fn seats(&self, row: u32) -> u32 {
        let held = self.grants(row).filter(|grant| grant.holds_seat());
        held.count() as u32 // Some hundreds at most.
    }

    /// The grants of a row, in the order of its assignments.
    pub(super) fn grants(&self, row: u32) -> impl Iterator<Item = &Grant> {
        let codes = self.grant_codes(row);
        codes.iter().filter_map(|code| self.grant(*code))
    }

    /// The codes of a row's grants.
    pub(super) fn grant_codes(&self, row: u32) -> &[u32] {
        self.cell(row).span().grants()
    }

    /// Where a row's grants are to be looked up.
    pub(super) fn cell(&self, row: u32) -> GrantsCell<'_> {
        let (chunk, at) = split_row(row);
        let spans = self.rows.get(chunk);
        GrantsCell {
            ends: spans.map(|spans| spans.ends.list()).unwrap_or_default(),
            grants: spans.map_or(&[], |spans| &spans.grants),
            at,
        }
    }

    /// The workloads that each grant opens, at its code.
    pub(super) fn workloads_by_grant<'a>(
        &self,
        plans_of: impl Fn(SkuId) -> &'a [ServicePlan],
    ) -> Vec<Workloads> {
        let codes = 0..self.grants.len() as u32; // Fewer than assignments in memory.
        let opened = codes.map(|code| {
            let grant = self.grant(code);
            grant.map_or_else(Workloads::default, |grant| {
                grant.opens(plans_of(grant.sku_id))
            })
        });
        opened.collect()
    }

    /// How many codes of grants there are.
    pub(super) fn grant_count(&self) -> usize {
        self.grants.len()
    }

    /// The codes of a row's grants, each with the time of its last change.
    pub(super) fn held(&self, row: u32) -> impl Iterator<Item = (u32, Option<Timestamp>)> + '_ {
        let (start, _) = self.span(row);
        let spans = self.rows.get(split_row(row).0);
        let codes = self.grant_codes(row).iter().copied().zip(start..);
        codes.map(move |(code, index)| {
            let at = spans.and_then(|spans| spans.updated_at.get(index));
            (code, at)
        })
    }

    /// Whether a row holds a seat of a product.
    pub(super) fn has_seat(&self, row: u32, id: SkuId) -> bool {
        let holders = self.holders(id);
        holders.is_some_and(|holders| holders.contains(row))
    }

    /// A row's assignments as they were merged.
    pub(super) fn get(&self, row: u32) -> Vec<LicenseAssignment> {
        let (start, _) = self.span(row);
        let Some(spans) = self.rows.get(split_row(row).0) else {
            return Vec::new();
        };
        self.grants(row)
            .zip(start..)
            .map(|(grant, index)| grant.to_assignment(spans.updated_at.get(index)))
            .collect()
    }

    /// Whether a row has exactly these.
    pub(super) fn are(&self, row: u32, assignments: &[LicenseAssignment]) -> bool {
        let (start, end) = self.span(row);
        if end - start != assignments.len() {
            return false;
        }
        let Some(spans) = self.rows.get(split_row(row).0) else {
            return assignments.is_empty();
        };
        let mut held = self.grants(row).zip(start..).zip(assignments);
        held.all(|((grant, index), assignment)| {
            grant.is_of(assignment) && spans.updated_at.get(index) == assignment.last_updated_at
        })
    }

    /// Gives a new row its assignments.
    pub(super) fn add(&mut self, row: u32, assignments: &[LicenseAssignment]) {
        if row >= self.settled {
            self.put(row, assignments);
        } else if !self.give(row, assignments, &[]) {
            self.unlicensed.insert(row);
        }
    }

    /// Gives a row other assignments; false, and nothing copied, when it has these already.
    pub(super) fn change(&mut self, row: u32, assignments: &[LicenseAssignment]) -> bool {
        if self.are(row, assignments) {
            return false;
        }
        if row >= self.settled {
            self.put(row, assignments);
            return true;
        }
        let old: Vec<(u32, bool)> = self.grants(row).map(Grant::place).collect();
        let held = old.iter().any(|(_, holds_seat)| *holds_seat);
        match (held, self.give(row, assignments, &old)) {
            (true, false) => {
                self.unlicensed.insert(row);
            }
            (false, true) => {
                self.unlicensed.remove(row);
            }
            (true, true) | (false, false) => {}
        }
        true
    }

    /// Moves a row from the sets of the products that it had to those that it has now; whether it
    /// holds any seat now.
    fn give(&mut self, row: u32, assignments: &[LicenseAssignment], old: &[(u32, bool)]) -> bool {
        self.put(row, assignments);
        let new: Vec<(u32, bool)> = self.grants(row).map(Grant::place).collect();
        for place in old.iter().filter(|place| !new.contains(place)) {
            self.edit_set(*place).remove(row);
        }
        for place in new.iter().filter(|place| !old.contains(place)) {
            self.edit_set(*place).insert(row);
        }
        new.iter().any(|(_, holds_seat)| *holds_seat)
    }

    fn edit_set(&mut self, (product, holds_seat): (u32, bool)) -> &mut Bits {
        let sets = match holds_seat {
            true => &mut self.holders,
            false => &mut self.failed,
        };
        sets.edit(product as usize)
    }

    /// Takes a row out.
    pub(super) fn remove(&mut self, row: u32) {
        self.change(row, &[]);
        self.unlicensed.remove(row);
    }

    /// Puts new rows into the sets of their products. Those in use are `rows`, all are below `end`.
    pub(super) fn settle(&mut self, rows: &[u32], end: u32) {
        self.settled = end;
        let (mut holders, mut failed) = (Listed::default(), Listed::default());
        let mut unlicensed = Vec::new();
        for row in rows {
            let mut is_licensed = false;
            for (product, holds_seat) in self.grants(*row).map(Grant::place) {
                is_licensed |= holds_seat;
                match holds_seat {
                    true => holders.push(product, *row),
                    false => failed.push(product, *row),
                }
            }
            if !is_licensed {
                unlicensed.push(*row);
            }
        }
        for (product, rows) in holders.lists() {
            self.holders.edit(product as usize).add_all(rows);
        }
        for (product, rows) in failed.lists() {
            self.failed.edit(product as usize).add_all(rows);
        }
        self.unlicensed.add_all(&unlicensed);
    }

    /// Brings rows that are in no set yet into another order.
    pub(super) fn arrange(&mut self, rows: &[u32]) {
        let chunk = |rows: &[u32]| {
            let mut spans = Spans::default();
            for (at, row) in rows.iter().enumerate() {
                let (codes, times): (Vec<u32>, Vec<_>) = self.held(*row).unzip();
                spans.put(at, &codes, times.into_iter());
            }
            spans
        };
        self.rows = rows.chunks(CHUNK_ROWS).map(chunk).collect();
    }

    /// The products that somebody holds or failed to get.
    pub(super) fn products(&self) -> impl Iterator<Item = SkuId> {
        let is_named = |number: u32| {
            let sets = [&self.holders, &self.failed].map(|sets| sets.get(number as usize));
            sets.into_iter().flatten().any(|rows| !rows.is_empty())
        };
        let numbers = self.numbers.iter();
        numbers
            .filter(move |(_, number)| is_named(**number))
            .map(|(id, _)| *id)
    }

    /// Every product that was ever assigned, with its number, by GUID.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (SkuId, u32)> {
        self.numbers.iter().map(|(id, number)| (*id, *number))
    }

    /// Who holds a product.
    pub(super) fn holders(&self, id: SkuId) -> Option<&Bits> {
        let number = self.numbers.get(&id)?;
        self.holders.get(*number as usize)
    }

    /// The rows that hold nothing.
    pub(super) fn unlicensed(&self) -> &Bits {
        &self.unlicensed
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.rows.shrink(Spans::shrink);
        self.grants.shrink();
        self.by_grant.shrink();
        self.holders.shrink_each(Bits::shrink);
        self.failed.shrink_each(Bits::shrink);
        self.unlicensed.shrink();
    }

    pub(super) fn grant(&self, code: u32) -> Option<&Grant> {
        self.grants.get(code as usize)?.as_deref()
    }

    /// The code of an assignment's grant, made if it is new.
    fn code(&mut self, assignment: &LicenseAssignment) -> u32 {
        let hash = self.by_grant.hash(&(
            (assignment.sku_id, assignment.state, &assignment.error),
            (assignment.assigned_directly, &assignment.assigned_by_groups),
            &assignment.disabled_plans,
        ));
        let is_it = |code| {
            self.grant(code)
                .is_some_and(|grant| grant.is_of(assignment))
        };
        if let Some(code) = self.by_grant.find(hash, is_it) {
            return code;
        }
        let grant = Grant {
            sku_id: assignment.sku_id,
            product: self.numbered(assignment.sku_id),
            state: assignment.state,
            error: assignment.error.as_deref().map(Box::from),
            assigned_directly: assignment.assigned_directly,
            assigned_by_groups: assignment.assigned_by_groups.as_slice().into(),
            disabled_plans: assignment.disabled_plans.as_slice().into(),
        };
        let code = self.grants.push(Some(Arc::new(grant))) as u32; // Fewer than assignments in memory.
        self.by_grant.insert(hash, code);
        code
    }

    fn numbered(&mut self, id: SkuId) -> u32 {
        let next = self.numbers.len() as u32; // Some hundreds.
        match self.numbers.get(&id) {
            Some(number) => *number,
            None => *Arc::make_mut(&mut self.numbers).entry(id).or_insert(next),
        }
    }

    /// Where a row's assignments begin and end in its chunk.
    fn span(&self, row: u32) -> (usize, usize) {
        let (chunk, at) = split_row(row);
        self.rows
            .get(chunk)
            .map_or((0, 0), |spans| spans.bounds(at))
    }

    /// Writes down a row's assignments, whatever sets it is in.
    fn put(&mut self, row: u32, assignments: &[LicenseAssignment]) {
        let codes: Vec<u32> = assignments
            .iter()
            .map(|assignment| self.code(assignment))
            .collect();
        let (chunk, at) = split_row(row);
        let times = assignments
            .iter()
            .map(|assignment| assignment.last_updated_at);
        self.rows.edit(chunk).put(at, &codes, times);
    }
}

impl Spans {
    /// Writes down a row's grants and the time of the last change of each.
    fn put(&mut self, at: usize, codes: &[u32], times: impl Iterator<Item = Option<Timestamp>>) {
        self.ends.reserve_first(CHUNK_ROWS);
        self.ends.grow(at + 1, self.grants.len());
        let (start, end) = self.bounds(at);
        self.ends.shift(at, end - start, codes.len());
        self.grants.splice(start..end, codes.iter().copied());
        self.updated_at.replace(start, end - start, times);
        if at + 1 == CHUNK_ROWS {
            // The chunk is full, and few of its assignments will change.
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        self.ends.shrink();
        fit(&mut self.grants);
        self.updated_at.shrink();
    }

    fn bounds(&self, at: usize) -> (usize, usize) {
        self.ends.list().bounds(at, self.grants.len())
    }
}

impl Heap for Assignments {
    fn heap(&self, parts: &mut Parts) -> usize {
        // A tree's nodes are at least half full; twice its entries is what it holds at most.
        let numbers = self.numbers.len() * 2 * size_of::<(SkuId, u32)>();
        self.rows.heap(parts)
            + self.grants.heap(parts)
            + self.by_grant.heap(parts)
            + self.holders.heap(parts)
            + self.failed.heap(parts)
            + self.unlicensed.heap(parts)
            + numbers
    }
}

impl Heap for Spans {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.ends.heap(parts) + self.grants.heap(parts) + self.updated_at.heap(parts)
    }
}

impl Heap for Grant {
    fn heap(&self, _parts: &mut Parts) -> usize {
        self.error.as_deref().map_or(0, str::len)
            + size_of_val(&*self.assigned_by_groups)
            + size_of_val(&*self.disabled_plans)
    }
}
