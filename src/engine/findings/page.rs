//! Pages of findings. A page is the best of one pass over what is selected: few findings are held at a
//! time, and whole verdicts are left out as soon as none of their findings can be on the page.

use std::cmp::Ordering;

use crate::domain::finding_filter::{FindingLead, FindingOrder, FindingPlace, FindingPosition};
use crate::engine::page::Page;

use super::row::FindingRow;
use super::select::{Candidate, FindingSelection, Sieve};

/// Which part of an ordered list of findings is wanted.
#[derive(Debug, Clone, Default)]
pub struct FindingWindow {
    /// How many at most.
    pub size: usize,
    /// Count from the end: the last ones instead of the first. They stay in order.
    pub from_end: bool,
    /// Only findings behind this position.
    pub after: Option<FindingPosition>,
    /// Only findings before this position.
    pub before: Option<FindingPosition>,
}

/// A page as it is looked for.
struct Search<'a> {
    orders: &'a [FindingOrder],
    from_end: bool,
    /// One more than the page has: it tells whether there are more.
    need: usize,
    after: Option<FindingPlace<'a>>,
    /// Not before `after`.
    before: Option<FindingPlace<'a>>,
    /// The best so far, at most twice as many as are needed.
    kept: Vec<Candidate<'a>>,
    /// Nothing beyond it can be on the page.
    bound: Option<FindingPlace<'a>>,
    /// Whether something selected is not behind `after`.
    is_any_previous: bool,
    /// Whether something selected is not before `before`.
    is_any_next: bool,
}

impl<'a> Search<'a> {
    fn new(orders: &'a [FindingOrder], window: &'a FindingWindow) -> Self {
        let after = window.after.as_ref().map(FindingPosition::place);
        let before = window.before.as_ref().map(FindingPosition::place);
        // Two places the wrong way round have nothing between them.
        let before = before.map(|before| match after {
            Some(after) if before.compare(&after, orders).is_lt() => after,
            _ => before,
        });
        Self {
            orders,
            from_end: window.from_end,
            need: window.size.saturating_add(1),
            after,
            before,
            kept: Vec::new(),
            bound: None,
            is_any_previous: false,
            is_any_next: false,
        }
    }

    /// How two stand along the way from the beginning of the page, which may be the end of the list.
    fn compare(&self, one: &FindingPlace<'_>, other: &FindingPlace<'_>) -> Ordering {
        match self.from_end {
            true => other.compare(one, self.orders),
            false => one.compare(other, self.orders),
        }
    }

    fn compare_leads(&self, one: &FindingLead<'_>, other: &FindingLead<'_>) -> Ordering {
        match self.from_end {
            true => other.compare(one, self.orders),
            false => one.compare(other, self.orders),
        }
    }

    /// Takes in a finding; true when less is asked for from now on.
    fn offer(&mut self, candidate: Candidate<'a>) -> bool {
        let place = &candidate.place;
        let stands = |other| place.compare(other, self.orders);
        if self
            .after
            .as_ref()
            .is_some_and(|after| stands(after).is_le())
        {
            return !std::mem::replace(&mut self.is_any_previous, true);
        }
        if self
            .before
            .as_ref()
            .is_some_and(|before| stands(before).is_ge())
        {
            return !std::mem::replace(&mut self.is_any_next, true);
        }
        let is_beyond = |bound| self.compare(place, bound).is_ge();
        if self.bound.as_ref().is_some_and(is_beyond) {
            return false;
        }
        self.kept.push(candidate);
        if self.kept.len() < self.need.saturating_mul(2) {
            return false;
        }
        self.cut();
        let bound = self.kept.last().map(|last| last.place);
        let old = std::mem::replace(&mut self.bound, bound);
        old.zip(bound)
            .is_none_or(|(old, new)| self.compare_leads(&new.lead, &old.lead).is_ne())
    }

    /// Keeps what is needed, the last of it at the end.
    fn cut(&mut self) {
        let mut kept = std::mem::take(&mut self.kept);
        if kept.len() > self.need {
            let last = self.need - 1;
            kept.select_nth_unstable_by(last, |one, other| self.compare(&one.place, &other.place));
            kept.truncate(self.need);
        }
        self.kept = kept;
    }

    /// Whether no finding with this lead can change anything any more.
    fn is_done(&self, lead: &FindingLead<'_>) -> bool {
        let stands = |place: &FindingPlace<'_>| lead.compare(&place.lead, self.orders);
        let is_before = |after| stands(after).is_lt();
        let is_behind = |before| stands(before).is_gt();
        let is_beyond = |bound: &FindingPlace<'_>| self.compare_leads(lead, &bound.lead).is_gt();
        (self.is_any_previous && self.after.as_ref().is_some_and(is_before))
            || (self.is_any_next && self.before.as_ref().is_some_and(is_behind))
            || self.bound.as_ref().is_some_and(is_beyond)
    }
}

impl FindingSelection {
    /// A page of what is selected.
    pub fn page(&self, window: &FindingWindow) -> Page<FindingRow> {
        let mut search = Search::new(&self.orders, window);
        for (number, part) in self.parts.iter().enumerate() {
            let mut sieve = Sieve::of(part);
            sieve.leave_out(|lead| search.is_done(lead));
            part.each(number, &mut sieve, |candidate, sieve| {
                if search.offer(candidate) {
                    sieve.leave_out(|lead| search.is_done(lead));
                }
            });
        }
        let mut kept = std::mem::take(&mut search.kept);
        kept.sort_unstable_by(|one, other| search.compare(&one.place, &other.place));
        let is_more = kept.len() > window.size;
        kept.truncate(window.size);
        if window.from_end {
            kept.reverse();
        }
        Page {
            rows: kept.iter().filter_map(|own| self.at(own.found)).collect(),
            has_previous: search.is_any_previous || (window.from_end && is_more),
            has_next: search.is_any_next || (!window.from_end && is_more),
        }
    }
}
