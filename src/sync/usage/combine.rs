//! From the answers of a report to what is known of each user.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::answer::Answer;
use super::due;
use super::join::{Claim, Joiner, Owner};
use super::packed::{PackedRow, Person};
use crate::domain::ids::ObjectId;
use crate::domain::standing::Fetched;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{Metric, Period, Usage, Values};

/// Whose the rows of an answer are.
pub(super) struct Joined<'a> {
    pub(super) answer: &'a Answer,
    /// The row of each user.
    rows: HashMap<ObjectId, Place>,
    /// Users who may be meant by rows that are not taken as theirs.
    doubtful: Vec<ObjectId>,
    /// Rows that name somebody who is not deleted.
    named: u64,
    /// Of these, the rows that are nobody's.
    strange: u64,
}

/// What an answer is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// The rows that the report had before.
    pub(super) rows: u64,
    /// The users of whom it told before.
    pub(super) users: u64,
    /// Whether every name is known that the report may use.
    pub(super) are_names_known: bool,
}

/// Where a user's row is.
#[derive(Clone, Copy)]
struct Place {
    person: u32,
    last_active_on: Option<Date>,
    at: usize,
}

impl<'a> Joined<'a> {
    /// Finds out whose each row is. Of two rows under two names of one user the one with the later
    /// activity counts; rows are never added up. Of two that differ under one name, one may be somebody
    /// else's, who had the name before: neither counts.
    pub(super) fn new(
        answer: &'a Answer,
        people: &[&Person],
        joiner: &Joiner<'_>,
        created_at: &impl Fn(ObjectId) -> Option<Timestamp>,
    ) -> Self {
        let mut joined = Self {
            answer,
            rows: HashMap::new(),
            doubtful: Vec::new(),
            named: 0,
            strange: 0,
        };
        let mut ambiguous = HashSet::new();
        for (at, row) in answer.rows.iter() {
            let Some(person) = people.get(row.person as usize) else {
                continue;
            };
            joined.named += 1;
            let last_active_on = row.last_active_on;
            let claim = Claim {
                person,
                last_active_on,
                reported_on: answer.reported_on,
            };
            match joiner.owner(claim, created_at) {
                Owner::User(id) => {
                    let place = Place {
                        person: row.person,
                        last_active_on,
                        at,
                    };
                    let of_user = joined.rows.entry(id).or_insert(place);
                    if of_user.person == row.person && answer.rows.at(of_user.at) != row {
                        ambiguous.insert(id);
                        joined.strange += 1;
                    } else if of_user.last_active_on < last_active_on {
                        *of_user = place;
                    }
                }
                Owner::Perhaps(id) => {
                    joined.doubtful.push(id);
                    joined.strange += 1;
                }
                Owner::Nobody => joined.strange += 1,
            }
        }
        joined.strange += ambiguous.len() as u64;
        joined.rows.retain(|id, _| !ambiguous.contains(id));
        joined.doubtful.extend(ambiguous);
        joined
    }

    /// Rows that are nobody's.
    pub(super) fn unmatched(&self) -> u64 {
        self.answer.nobodys + self.answer.concealed + self.strange
    }

    /// Whether a user has a row.
    pub(super) fn has(&self, id: ObjectId) -> bool {
        self.rows.contains_key(&id)
    }

    /// Whether who is not in it is not in the report: every row could be read, it is not suspiciously
    /// short, most of its people are ours, and the others cannot be people of ours under names that we
    /// never knew. Else something may be wrong with the report or the directory, and nobody loses
    /// anything by it.
    pub(super) fn tells_of_absence(
        &self,
        expected: Expected,
        is_ours: impl Fn(ObjectId) -> bool,
    ) -> bool {
        let answer = self.answer;
        let told = self.rows.keys().filter(|id| is_ours(**id)).count() as u64;
        let is_most = |part: u64, whole: u64| part.saturating_mul(2) >= whole;
        answer.quarantined == 0
            && answer.concealed == 0
            && told > 0
            && is_most(told, expected.users)
            && is_most(answer.row_count, expected.rows)
            && is_most(self.named - self.strange, self.named)
            && (self.strange == 0 || expected.are_names_known)
    }

    fn row(&self, id: ObjectId) -> Option<PackedRow> {
        let place = self.rows.get(&id)?;
        Some(self.answer.rows.at(place.at))
    }

    /// Who was active on a day, with what they did on it, by id.
    pub(super) fn active_on(&self, day: Date) -> Vec<(ObjectId, Values)> {
        let rows = self.rows.iter().filter_map(|(id, place)| {
            let row = self.answer.rows.at(place.at);
            is_active(&row, day).then_some((*id, row.values))
        });
        by_id(rows)
    }

    /// Who was last active on a day, with a flag for each service whose own day it is: for a report of
    /// days of use, in place of a report of a day.
    pub(super) fn last_active_on(&self, day: Date) -> Vec<(ObjectId, Values)> {
        let number = day_number(day);
        let of_day = |values: &Values| {
            let services = values.iter().filter(|(_, value)| Some(*value) == number);
            Values::new(services.map(|(metric, _)| (metric, 1)))
        };
        let rows = self
            .rows
            .iter()
            .filter(|(_, place)| place.last_active_on == Some(day));
        by_id(rows.map(|(id, place)| (*id, of_day(&self.answer.rows.at(place.at).values))))
    }
}

/// In an order that does not depend on hashes, so that equal runs store equal things.
fn by_id(rows: impl Iterator<Item = (ObjectId, Values)>) -> Vec<(ObjectId, Values)> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_unstable_by_key(|(id, _)| *id);
    rows
}

/// Whether a row of a report of one day shows use on that day. The last activity may be of a later
/// day, and mail that merely came in is nothing that a user did.
fn is_active(row: &PackedRow, day: Date) -> bool {
    let did = |(metric, value)| value > 0 && metric != Metric::EmailsReceived;
    row.last_active_on == Some(day) || row.values.iter().any(did)
}

/// Days since 1970-01-01, as days are kept among numbers.
fn day_number(day: Date) -> Option<u64> {
    let since = day.duration_since(jiff::civil::date(1970, 1, 1));
    u64::try_from(since.as_hours() / 24).ok()
}

/// The parts of one report that came, joined.
pub(super) struct Parts<'a> {
    pub(super) dataset: Dataset,
    /// The widest first.
    pub(super) joined: Vec<Joined<'a>>,
}

impl Parts<'_> {
    /// Everybody who has a row.
    pub(super) fn users(&self) -> BTreeSet<ObjectId> {
        let users = self.joined.iter().flat_map(|joined| joined.rows.keys());
        users.copied().collect()
    }

    /// Users without a row whose rows may be hidden among those that are not joined.
    pub(super) fn doubtful(&self) -> BTreeSet<ObjectId> {
        let all = self.joined.iter().flat_map(|joined| &joined.doubtful);
        let without_row = |id: &&ObjectId| !self.joined.iter().any(|joined| joined.has(**id));
        all.filter(without_row).copied().collect()
    }

    /// What is known of a user now, given what was. Whatever was not asked for this time stays.
    pub(super) fn usage(&self, id: ObjectId, held: Option<Usage>) -> Usage {
        let mut usage = held.unwrap_or_else(|| Usage::nothing(self.dataset, id));
        usage.is_left_out = false;
        let has_sums = due::has_sums(self.dataset);
        let mut newest: Option<(Option<Date>, PackedRow)> = None;
        // The day is of all time, so that what an earlier answer said holds. But nobody is active after
        // the day up to which Microsoft has counted: a day that lies beyond was a mistake.
        let counted = self.joined.iter().map(|one| one.answer.reported_on).max();
        let is_possible = |on: &Date| counted.flatten().is_none_or(|counted| *on <= counted);
        usage.last_active_on = usage.last_active_on.filter(is_possible);
        for joined in &self.joined {
            let answer = joined.answer;
            let row = joined.row(id);
            if has_sums
                && let Some(sums) = place(answer.what).and_then(|at| usage.sums.get_mut(at))
                && (row.is_some() || answer.quarantined == 0)
            {
                *sums = row.as_ref().map(|row| row.values.clone());
            }
            let Some(row) = row else {
                continue;
            };
            usage.last_active_on = usage.last_active_on.max(row.last_active_on);
            // Of equally new ones the widest, which comes first.
            if newest
                .as_ref()
                .is_none_or(|(on, _)| *on < answer.reported_on)
            {
                newest = Some((answer.reported_on, row));
            }
        }
        if let Some((_, newest)) = newest {
            usage.mailbox_type = newest.mailbox_type;
            if !has_sums {
                usage.standing = newest.values;
            }
        }
        usage
    }
}

/// What is known of a user whom the newest answer left out: what was known before.
pub(super) fn left_out(dataset: Dataset, id: ObjectId, held: Option<Usage>) -> Usage {
    Usage {
        is_left_out: true,
        ..held.unwrap_or_else(|| Usage::nothing(dataset, id))
    }
}

/// Where the sums of a part stand in [`Usage::sums`].
fn place(what: Fetched) -> Option<usize> {
    match what {
        Fetched::Period(period) => Period::ALL.iter().position(|own| *own == period),
        Fetched::Day(_) | Fetched::Whole => None,
    }
}
