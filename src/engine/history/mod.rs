//! Who used what on which day.
//!
//! The rest of the engine knows a user as of now; this is the past, so that use can be shown over
//! time for whichever users a filter selects today. A day is a few bytes a user and is never changed,
//! only replaced: indexes share it.

mod day;
mod series;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use uuid::Uuid;

use self::day::Day;
use super::heap::{Heap, Parts};
use super::ids::Ids;
use super::index::TenantIndex;
use crate::domain::ids::ObjectId;
use crate::domain::usage::{HistoryNumber, HistoryUser, Metric, UsageDay, Values, Workload};

/// No tenant ever had so many users; a number beyond would only ask for memory.
const NUMBERS_MAX: u32 = 1 << 26;

/// The history of one tenant. A clone shares every day.
#[derive(Clone, Default)]
pub(super) struct History {
    /// The user of every number. Nobody is taken out: a number is never given again.
    numbers: Ids,
    /// All numbers are below.
    numbers_end: u32,
    days: BTreeMap<(Workload, Date), Arc<Day>>,
}

/// The history being changed on top of an index.
pub struct HistoryDraft {
    history: History,
}

/// Who used a workload on a day, in the form in which it is kept. Any thread may make it.
pub struct CodedDay {
    key: (Workload, Date),
    day: Arc<Day>,
}

impl CodedDay {
    /// The same in fewer bytes.
    pub fn of(day: &UsageDay) -> Self {
        Self {
            key: (day.workload, day.on),
            day: Arc::new(Day::new(day)),
        }
    }
}

/// Use on one day, or over the days of a week or month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsagePoint {
    /// The first day.
    pub on: Date,
    /// Users who were active on one of the days.
    pub active_users: u64,
    /// Sums, by metric: of every metric that the days' reports had a number of.
    pub totals: Vec<(Metric, u64)>,
}

/// The steps of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// A point a day.
    Day,
    /// A point an ISO week, on its Monday.
    Week,
    /// A point a month, on its first.
    Month,
}

impl TenantIndex {
    /// Begins to change the history.
    pub fn history_draft(&self) -> HistoryDraft {
        HistoryDraft {
            history: History::clone(self.history()),
        }
    }

    /// The days of which a workload's use is known, sorted.
    pub fn history_days(&self, workload: Workload) -> Vec<Date> {
        let days = self.history().days_of(workload, Date::MIN, Date::MAX);
        days.map(|(on, _)| on).collect()
    }
}

impl TenantIndex {
    /// Forgets days before one; which.
    pub fn forget_usage_before(&mut self, day: Date) -> Vec<(Workload, Date)> {
        let is_old = |(_, on): &&(Workload, Date)| *on < day;
        if !self.history().days.keys().any(|key| is_old(&key)) {
            return Vec::new();
        }
        let mut draft = self.history_draft();
        let forgotten = draft.forget_before(day);
        self.set_history(draft);
        forgotten
    }
}

impl HistoryDraft {
    /// Forgets who used a workload on a day.
    pub fn forget(&mut self, workload: Workload, on: Date) {
        self.history.days.remove(&(workload, on));
    }

    /// Takes in who used a workload on a day, in place of what was said of that day; what is to be
    /// stored of it: new numbers, and the day. Of a user who comes twice the later counts.
    pub fn record(
        &mut self,
        workload: Workload,
        on: Date,
        users: Vec<(ObjectId, Values)>,
    ) -> (Vec<HistoryUser>, UsageDay) {
        let mut new = Vec::new();
        let mut numbered = BTreeMap::new();
        for (id, values) in users {
            if let Some(number) = self.number(id, &mut new) {
                numbered.insert(number, values);
            }
        }
        let day = UsageDay {
            workload,
            on,
            users: numbered.into_iter().collect(),
        };
        self.load_day(&day);
        (new, day)
    }

    /// The number of a user. Who has none is given one, and added to the new ones; `None` when there are
    /// none left.
    pub fn number(&mut self, id: ObjectId, new: &mut Vec<HistoryUser>) -> Option<HistoryNumber> {
        if let Some(number) = self.history.numbers.find(id) {
            return Some(HistoryNumber(number));
        }
        let user = self.history.number(id)?;
        new.push(user);
        Some(user.number)
    }

    /// Takes in a number as it was stored.
    pub fn load_user(&mut self, user: HistoryUser) {
        self.history.load_user(user);
    }

    /// Takes in a day as it was stored.
    pub fn load_day(&mut self, day: &UsageDay) {
        self.load_coded_day(CodedDay::of(day));
    }

    /// The same, with the work done.
    pub fn load_coded_day(&mut self, day: CodedDay) {
        self.history.days.insert(day.key, day.day);
    }

    /// Forgets days before one; which.
    pub fn forget_before(&mut self, day: Date) -> Vec<(Workload, Date)> {
        let days = self.history.days.keys().copied();
        let forgotten: Vec<_> = days.filter(|(_, on)| *on < day).collect();
        for key in &forgotten {
            self.history.days.remove(key);
        }
        forgotten
    }

    /// What the next index has.
    pub(super) fn finish(self) -> Arc<History> {
        Arc::new(self.history)
    }
}

impl History {
    /// The number of a user; `None` of one who has none.
    pub(super) fn number_of(&self, id: ObjectId) -> Option<u32> {
        self.numbers.find(id)
    }

    /// The user of a number.
    pub(super) fn user(&self, number: u32) -> ObjectId {
        self.numbers.get(number)
    }

    /// The days of a workload between two days, both included.
    fn days_of(
        &self,
        workload: Workload,
        from: Date,
        to: Date,
    ) -> impl Iterator<Item = (Date, &Day)> {
        // A range that ends before it starts would panic.
        let range = (from <= to).then(|| self.days.range((workload, from)..=(workload, to)));
        let days = range.into_iter().flatten();
        days.map(|((_, on), day)| (*on, &**day))
    }

    /// Gives a user who has none the next number; `None` when there are none left.
    fn number(&mut self, object_id: ObjectId) -> Option<HistoryUser> {
        let user = HistoryUser {
            object_id,
            number: HistoryNumber(self.numbers_end),
        };
        self.load_user(user).then_some(user)
    }

    /// False, and nothing changed, for a number that is taken or that nobody can have been given, and
    /// for a user who has one.
    fn load_user(&mut self, user: HistoryUser) -> bool {
        let HistoryUser {
            object_id,
            number: HistoryNumber(number),
        } = user;
        let is_free = number < NUMBERS_MAX && self.numbers.get(number) == ObjectId(Uuid::nil());
        if !is_free || self.numbers.find(object_id).is_some() {
            return false;
        }
        self.numbers.add(number, object_id);
        self.numbers_end = self.numbers_end.max(number + 1);
        true
    }
}

impl Heap for History {
    fn heap(&self, parts: &mut Parts) -> usize {
        for day in self.days.values() {
            parts.shared(day);
        }
        let entry = size_of::<(Workload, Date)>() + size_of::<Arc<Day>>();
        self.numbers.heap(parts) + self.days.len() * entry
    }
}
