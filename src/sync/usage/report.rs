//! Reading one usage report and applying what it says.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::Applied;
use super::answer::Answer;
use super::combine::{Expected, Joined, Parts, left_out};
use super::due::{self, due};
use super::join::Joiner;
use super::packed::{People, Person};
use crate::domain::ids::{ObjectId, TenantKey};
use crate::domain::standing::{Fetch, Fetched, Standing};
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::domain::usage::{Usage, Values, Workload};
use crate::domain::user_fact::UserFact;
use crate::engine::{Change, HistoryDraft, UsersDraft};
use crate::msgraph::{Client, Error, Meter, Quarantined, Report, ReportAnswer, quarantine_problem};
use crate::store::{self, Staging};

/// A day of history is not waited for longer than this: it can be had later.
const DAY_PATIENCE: Duration = Duration::from_secs(5);

/// What a run read of one report, waiting for the users to be complete.
pub(in crate::sync) struct ReportReading {
    now: Timestamp,
    /// Of the last whole reading.
    rows_before: u64,
    /// As it is once everything is applied.
    standing: Standing,
    people: People,
    /// In the order in which they were asked for.
    answers: Vec<Answer>,
    /// Questions that were answered, be it with nothing new.
    answered: usize,
    /// Microsoft tells no more days for now.
    is_stopped: bool,
}

/// Reads everything that is due of one report: never more than Microsoft answers in one go, counted
/// over what earlier runs asked too.
///
/// # Errors
///
/// When a part of the report cannot be read. What Microsoft throttles after it told something is left
/// for a later run. A day that cannot be read is due again later, and one that Microsoft refuses to
/// tell is not asked for again: history may have holes.
pub(in crate::sync) async fn read_report(
    tenant: &TenantKey,
    client: &Client,
    standing: &Standing,
    meter: &Meter,
    now: Timestamp,
) -> Result<ReportReading, Error> {
    let mut reading = ReportReading::new(standing, now);
    while let Some(what) = reading.next_question() {
        if client.requests_left(standing.dataset) == Some(0) {
            // Somebody else asked as well: the rest is for a later run.
            break;
        }
        let etag = reading.etag(what);
        let meter = match what {
            Fetched::Day(_) => meter.clone().with_patience(DAY_PATIENCE),
            Fetched::Period(_) | Fetched::Whole => meter.clone(),
        };
        let answer = client
            .report(standing.dataset, what, etag.as_deref(), &meter)
            .await;
        match answer {
            Ok(answer) => reading.take(what, answer),
            Err(error) => {
                let problem = reading.fail(what, error)?;
                let dataset = standing.dataset.name();
                tracing::warn!(%tenant, dataset, %problem, "the rest of a report is left for a later run");
            }
        }
    }
    Ok(reading)
}

impl ReportReading {
    pub(super) fn new(standing: &Standing, now: Timestamp) -> Self {
        Self {
            now,
            rows_before: standing.rows,
            standing: standing.clone(),
            people: People::default(),
            answers: Vec::new(),
            answered: 0,
            is_stopped: false,
        }
    }

    /// Rows of the report, for comparison with those of the standing: of its widest part that came.
    /// Those of the standing when no part did.
    pub(in crate::sync) fn rows(&self) -> u64 {
        let main = self.main();
        main.map_or(self.rows_before, |answer| answer.row_count)
    }

    /// Rows that could not be read, in the part that has the most of them.
    pub(in crate::sync) fn quarantined(&self) -> u64 {
        let worst = self.parts().map(|answer| answer.quarantined).max();
        worst.unwrap_or(0)
    }

    /// One of them.
    pub(in crate::sync) fn example(&self) -> Option<&Quarantined> {
        self.parts().find_map(|answer| answer.example.as_ref())
    }

    /// Whether the tenant conceals names: then nothing of it is about anybody.
    pub(in crate::sync) fn is_concealed(&self) -> bool {
        self.standing.is_concealed
    }

    /// Whether anything was asked for, be it answered with nothing new.
    pub(in crate::sync) fn is_due(&self) -> bool {
        self.answered > 0
    }

    pub(super) fn next_question(&self) -> Option<Fetched> {
        let mut due = due(self.standing.dataset, &self.standing, self.now).into_iter();
        due.next().filter(|_| !self.is_stopped)
    }

    /// The `ETag` of the last answer to a question, where nothing was wrong with that.
    fn etag(&self, what: Fetched) -> Option<String> {
        let last = due::fetch(&self.standing, what)?;
        last.etag.clone().filter(|_| !self.is_concealed())
    }

    pub(super) fn take(&mut self, what: Fetched, answer: ReportAnswer) {
        self.answered += 1;
        match answer {
            ReportAnswer::Unchanged => self.note(what, None, None),
            ReportAnswer::Report(report) if report.is_concealed => {
                // Its refresh date stays that of what was held. All of it is needed again.
                self.standing.is_concealed = true;
                self.standing.reaches = None;
                self.note(what, None, Some(None));
                for fetch in &mut self.standing.fetches {
                    fetch.etag = None;
                }
            }
            ReportAnswer::Report(report) => {
                self.standing.is_concealed &= report.rows.is_empty();
                self.note(what, report.reported_on, Some(report.etag.clone()));
                if !is_unreadable_day(self.standing.dataset, what, &report) {
                    let answer = Answer::new(what, report, &mut self.people);
                    self.answers.push(answer);
                }
            }
        }
    }

    /// Remembers that a question was asked; what is `None` is as it was.
    fn note(&mut self, what: Fetched, reported_on: Option<Date>, etag: Option<Option<String>>) {
        let last = due::fetch(&self.standing, what);
        let answer = Fetch {
            what,
            at: self.now,
            reported_on: reported_on.or_else(|| last?.reported_on),
            etag: etag.unwrap_or_else(|| last?.etag.clone()),
        };
        due::remember(&mut self.standing, answer);
    }

    /// Goes on without a part that could not be read, where it can be done without; says why it is
    /// missing.
    pub(super) fn fail(&mut self, what: Fetched, error: Error) -> Result<Problem, Error> {
        let problem = match (what, error) {
            (Fetched::Day(_), Error::Problem(problem)) => problem,
            (_, Error::Problem(problem))
                if problem.kind == ProblemKind::Throttled && self.answered > 0 =>
            {
                problem
            }
            (_, error) => return Err(error),
        };
        self.answered += 1;
        if problem.kind == ProblemKind::Refused {
            self.note(what, None, None);
        } else {
            self.is_stopped = true;
        }
        Ok(problem)
    }

    /// The answers that are not about single days, the widest first.
    fn parts(&self) -> impl Iterator<Item = &Answer> {
        let parts = due::parts(self.standing.dataset).iter();
        parts.filter_map(|part| self.answers.iter().find(|answer| answer.what == *part))
    }

    /// The widest part.
    fn main(&self) -> Option<&Answer> {
        self.parts().next()
    }

    /// Joins rows to users and stages what changed. After the users of the run are complete.
    ///
    /// A report without rows leaves everything as it is; whoever a whole report no longer names loses
    /// what it said of them, and whoever one that may have lost rows no longer names is left out. What a tenant conceals is not told from memory either: everybody loses it.
    pub(in crate::sync) fn apply(
        self,
        joiner: &Joiner<'_>,
        draft: &mut UsersDraft,
        history: &mut HistoryDraft,
        staging: &mut Staging,
    ) -> Result<Applied, store::Error> {
        let mut applied = Applied {
            unmatched: 0,
            changed: 0,
            standing: self.next_standing(),
        };
        if self.is_concealed() {
            forget_unseen(self.standing.dataset, draft, staging, &mut applied)?;
            return Ok(applied);
        }
        let people = self.people.list();
        let parts = self.join(&people, joiner, &|id| draft.created_at(id));
        self.apply_parts(&parts, joiner, draft, staging, &mut applied)?;
        for day in self.days(&parts, &people, joiner, &|id| draft.created_at(id)) {
            let (new, day) = history.record(day.workload, day.on, day.users);
            new.iter()
                .try_for_each(|user| staging.put_history_user(user))?;
            staging.put_usage_day(&day)?;
            applied.changed += 1;
        }
        Ok(applied)
    }

    fn apply_parts(
        &self,
        parts: &Parts<'_>,
        joiner: &Joiner<'_>,
        draft: &mut UsersDraft,
        staging: &mut Staging,
        applied: &mut Applied,
    ) -> Result<(), store::Error> {
        let Some(main) = parts.joined.first() else {
            return Ok(());
        };
        let dataset = parts.dataset;
        applied.unmatched = main.unmatched();
        let users_before = draft.count_facts(dataset);
        let held = |draft: &UsersDraft, id| match draft.fact(dataset, id) {
            Some(UserFact::Usage(usage)) => Some(usage),
            _ => None,
        };
        let mut users: Vec<ObjectId> = parts.users().into_iter().collect();
        draft.sort_by_coming(&mut users);
        for id in users {
            let usage = parts.usage(id, held(draft, id));
            if !put(usage, draft, staging, applied)? {
                applied.unmatched += u64::from(main.has(id));
            }
        }
        for id in parts.doubtful() {
            let usage = left_out(dataset, id, held(draft, id));
            put(usage, draft, staging, applied)?;
        }
        if !self.is_widest(main.answer) {
            return Ok(());
        }
        if self.is_whole(parts, joiner, users_before, |id| draft.holds(id)) {
            applied.standing.reaches = main.answer.reported_on;
            return forget_unseen(dataset, draft, staging, applied);
        }
        if main.answer.row_count > 0 {
            for id in draft.unseen_facts(dataset) {
                let usage = left_out(dataset, id, held(draft, id));
                put(usage, draft, staging, applied)?;
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn people(&self) -> Vec<&Person> {
        self.people.list()
    }

    /// Whose the rows of the parts are.
    pub(super) fn join<'a>(
        &'a self,
        people: &[&Person],
        joiner: &Joiner<'_>,
        created_at: &impl Fn(ObjectId) -> Option<Timestamp>,
    ) -> Parts<'a> {
        let join = |answer| Joined::new(answer, people, joiner, created_at);
        Parts {
            dataset: self.standing.dataset,
            joined: self.parts().map(join).collect(),
        }
    }

    fn is_widest(&self, answer: &Answer) -> bool {
        due::parts(self.standing.dataset).first() == Some(&answer.what)
    }

    /// Whether whoever has no row in the parts is not in the report. Before, it told of so many users;
    /// `is_ours` says who is one.
    pub(super) fn is_whole(
        &self,
        parts: &Parts<'_>,
        joiner: &Joiner<'_>,
        users_before: u64,
        is_ours: impl Fn(ObjectId) -> bool,
    ) -> bool {
        let main = parts.joined.first();
        let main = main.filter(|main| self.is_widest(main.answer));
        main.is_some_and(|main| {
            let expected = Expected {
                rows: self.rows_before,
                users: users_before,
                are_names_known: joiner.knows_names(main.answer.reported_on),
            };
            main.tells_of_absence(expected, is_ours)
        })
    }

    /// Who was active on the days of which the answers tell, one day after the other.
    pub(super) fn days<'a>(
        &'a self,
        parts: &'a Parts<'a>,
        people: &'a [&'a Person],
        joiner: &'a Joiner<'_>,
        created_at: &'a impl Fn(ObjectId) -> Option<Timestamp>,
    ) -> impl Iterator<Item = ActiveDay> + 'a {
        let workload = due::workload(parts.dataset);
        let told = self.answers.iter().filter_map(|answer| match answer.what {
            Fetched::Day(on) => Some((answer, on)),
            Fetched::Period(_) | Fetched::Whole => None,
        });
        let told = told.map(|(answer, on)| {
            let joined = Joined::new(answer, people, joiner, created_at);
            (on, joined.active_on(on))
        });
        // Reports without sums have none of single days; the last days of use tell of one at least.
        let main = parts.joined.first();
        let main = main.filter(|_| workload.is_some() && !due::has_sums(parts.dataset));
        let last = main.and_then(|main| {
            let on = main.answer.reported_on?;
            Some((on, main.last_active_on(on)))
        });
        let days = told.chain(last);
        days.filter_map(move |(on, users)| {
            Some(ActiveDay {
                workload: workload?,
                on,
                users,
            })
        })
    }

    /// The standing to be stored. What has no rows or no names leaves the age of the facts as it is.
    pub(super) fn next_standing(&self) -> Standing {
        let mut next = self.standing.clone();
        let main = self.main();
        let is_read = match main {
            Some(answer) => answer.row_count > 0 || self.rows_before == 0,
            None => self.parts_are_current(),
        };
        if is_read && !next.is_concealed {
            next.as_of = Some(self.now);
        }
        if let Some(answer) = main.filter(|answer| answer.row_count > 0)
            && !next.is_concealed
        {
            next.rows = answer.row_count;
        }
        next
    }

    /// Whether Microsoft said of a part that what we hold is current.
    fn parts_are_current(&self) -> bool {
        let parts = due::parts(self.standing.dataset).iter();
        let mut asked = parts.filter_map(|part| due::fetch(&self.standing, *part));
        asked.any(|fetch| fetch.at == self.now)
    }
}

/// Takes in what a report says of a user; false when it is nobody we know.
fn put(
    usage: Usage,
    draft: &mut UsersDraft,
    staging: &mut Staging,
    applied: &mut Applied,
) -> Result<bool, store::Error> {
    let fact = UserFact::Usage(usage);
    let change = draft.set(&fact);
    if matches!(change, Some(Change::Added | Change::Changed)) {
        staging.put_user_fact(&fact)?;
        applied.changed += 1;
    }
    Ok(change.is_some())
}

/// Drops what a report said of everybody of whom it says nothing now.
fn forget_unseen(
    dataset: Dataset,
    draft: &mut UsersDraft,
    staging: &mut Staging,
    applied: &mut Applied,
) -> Result<(), store::Error> {
    for id in draft.remove_unseen_facts(dataset) {
        staging.remove_user_fact(dataset, id)?;
        applied.changed += 1;
    }
    Ok(())
}

/// Who used a workload on a day.
pub(super) struct ActiveDay {
    workload: Workload,
    pub(super) on: Date,
    pub(super) users: Vec<(ObjectId, Values)>,
}

/// Whether a report of a day has too many rows that cannot be read to be history.
fn is_unreadable_day(dataset: Dataset, what: Fetched, report: &Report) -> bool {
    let rows = report.rows.len() as u64;
    let quarantined = report.quarantined.len() as u64;
    matches!(what, Fetched::Day(_))
        && quarantine_problem(dataset, rows, quarantined, None).is_some()
}
