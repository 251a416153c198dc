//! What other datasets say of users, as columns.
//!
//! What crowds are asked for (groups, days of activity, sign-ins) stands in columns and sets of its
//! own; everything else is noted in as few bits as it needs and read when somebody looks at one user.
//! A user of whom nothing is said takes nearly nothing.

mod bit_stream;
mod coded;
mod interned;
mod notes;
mod reports;

use jiff::Timestamp;
use uuid::Uuid;

use super::bits::Bits;
use super::chunked::{Chunked, Chunks, split_row};
use super::draft::Change;
use super::heap::{Heap, Parts};
use super::times::Times;
use crate::domain::activity::{Evidence, Reported, Shown, Workloads, active_users_metric};
use crate::domain::audit::{DirectoryChange, DirectoryChanges};
use crate::domain::day::Day;
use crate::domain::group::Memberships;
use crate::domain::ids::ObjectId;
use crate::domain::sign_in::{ApplicationUse, ApplicationUses, SignInActivity};
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{MailboxType, Usage, Values, Workload};
use crate::domain::user_fact::UserFact;

use bit_stream::Written;
use coded::Vocabulary;
use interned::Interned;
use notes::Notes;

pub(super) use reports::Reports;

/// A day of each row, where it has one.
pub(super) type Days = Chunked<Option<Day>>;

/// The facts of all rows.
#[derive(Clone, Default)]
pub(super) struct Facts {
    /// Under the dataset's number as tag.
    notes: Notes,
    vocabulary: Vocabulary,
    groups: Interned<Uuid>,
    /// The rows of each group, at its code.
    members: Chunked<Bits, 64>,
    succeeded_at: Chunks<Times>,
    attempted_at: Chunks<Times>,
    /// How many rows have a successful sign-in.
    succeeded: u32,
    /// The last day of activity, at the place of each [`Workload`].
    workload_days: [Days; 7],
    /// The latest of these and of the successful sign-in.
    last_active_on: Days,
    /// The workloads whose reports have each row, and those that left it out, which are few.
    told: Chunked<Workloads>,
    left_out: Chunked<Workloads>,
}

/// What a report says of a user, in the form in which it is kept. Making it is most of the work, and
/// needs nothing of the user's tenant: any thread may do it.
pub struct CodedUsage {
    object_id: ObjectId,
    dataset: Dataset,
    note: Written,
    is_left_out: bool,
}

impl CodedUsage {
    /// The same in fewer bytes.
    pub fn of(usage: &Usage) -> Self {
        Self {
            object_id: usage.object_id,
            dataset: usage.dataset,
            note: coded::code_usage(usage),
            is_left_out: usage.is_left_out,
        }
    }

    /// Of whom.
    pub(super) fn object_id(&self) -> ObjectId {
        self.object_id
    }
}

/// What taking in a fact changed of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) change: Change,
    /// What activity is judged by.
    pub(super) evidence: bool,
    /// The key of the order by it.
    pub(super) last_active_on: bool,
}

impl Told {
    const NOTHING: Self = Self {
        change: Change::Unchanged,
        evidence: false,
        last_active_on: false,
    };

    fn of(change: Change) -> Self {
        Self {
            change,
            ..Self::NOTHING
        }
    }
}

fn tag(dataset: Dataset) -> u8 {
    dataset as u8
}

impl Facts {
    /// Takes in a fact of a row. One that is empty takes out what was there.
    pub(super) fn set(&mut self, row: u32, fact: &UserFact) -> Told {
        let dataset = fact.dataset();
        match fact {
            UserFact::Memberships(fact) => self.set_groups(row, &fact.groups),
            UserFact::SignInActivity(fact) => {
                self.set_sign_ins(row, fact.succeeded_at, fact.attempted_at)
            }
            UserFact::ApplicationUses(fact) if fact.applications.is_empty() => {
                self.remove(row, dataset)
            }
            UserFact::ApplicationUses(fact) => {
                let note = self.vocabulary.code_applications(&fact.applications);
                Told::of(self.note(row, dataset, Some(&note)))
            }
            UserFact::DirectoryChanges(fact) if fact.changes.is_empty() => {
                self.remove(row, dataset)
            }
            UserFact::DirectoryChanges(fact) => {
                let note = self.vocabulary.code_changes(&fact.changes);
                Told::of(self.note(row, dataset, Some(&note)))
            }
            UserFact::Usage(fact) => self.set_usage(row, &CodedUsage::of(fact)),
        }
    }

    /// Takes in what a report says of a row.
    pub(super) fn set_usage(&mut self, row: u32, usage: &CodedUsage) -> Told {
        let change = self.note(row, usage.dataset, Some(&usage.note));
        self.told_usage(row, usage.dataset, Some(usage.is_left_out), change)
    }

    /// Takes out what a dataset says of a row; [`Change::Unchanged`] when it said nothing.
    pub(super) fn remove(&mut self, row: u32, dataset: Dataset) -> Told {
        match dataset {
            Dataset::Groups => self.set_groups(row, &[]),
            Dataset::SignInActivity => self.set_sign_ins(row, None, None),
            _ => {
                let change = self.note(row, dataset, None);
                self.told_usage(row, dataset, None, change)
            }
        }
    }

    /// Takes out everything said of a row.
    pub(super) fn clear(&mut self, row: u32) {
        self.set_groups(row, &[]);
        self.set_sign_ins(row, None, None);
        self.notes.clear(row);
        for days in &mut self.workload_days {
            days.set(row as usize, None);
        }
        self.last_active_on.set(row as usize, None);
        self.told.set(row as usize, Workloads::default());
        self.left_out.set(row as usize, Workloads::default());
    }

    /// Whether a dataset says anything of a row.
    pub(super) fn has(&self, row: u32, dataset: Dataset) -> bool {
        match dataset {
            Dataset::SignInActivity => self.sign_in_activity(row).is_some(),
            _ => self.notes.get(row, tag(dataset)).is_some(),
        }
    }

    /// What a dataset says of a row.
    pub(super) fn get(&self, row: u32, dataset: Dataset, object_id: ObjectId) -> Option<UserFact> {
        Some(match dataset {
            Dataset::Groups => UserFact::Memberships(Memberships {
                object_id,
                groups: Some(self.group_ids(row)).filter(|groups| !groups.is_empty())?,
            }),
            Dataset::SignInActivity => {
                let (succeeded_at, attempted_at) = self.sign_in_activity(row)?;
                UserFact::SignInActivity(SignInActivity {
                    object_id,
                    succeeded_at,
                    attempted_at,
                })
            }
            Dataset::SignIns => UserFact::ApplicationUses(ApplicationUses {
                object_id,
                applications: self.application_uses(row)?,
            }),
            Dataset::DirectoryAudits => UserFact::DirectoryChanges(DirectoryChanges {
                object_id,
                changes: self.directory_changes(row)?,
            }),
            _ => UserFact::Usage(self.usage(row, dataset, object_id)?),
        })
    }

    /// What a report says of a row.
    pub(super) fn usage(&self, row: u32, dataset: Dataset, object_id: ObjectId) -> Option<Usage> {
        if !Dataset::REPORTS.contains(&dataset) {
            return None;
        }
        coded::usage(self.notes.get(row, tag(dataset))?, object_id, dataset)
    }

    /// What the mailbox of a row is for, where the report says it.
    pub(super) fn mailbox_type(&self, row: u32) -> Option<MailboxType> {
        let note = self.notes.get(row, tag(Dataset::MailboxUsage))?;
        coded::mailbox_type(note)
    }

    pub(super) fn application_uses(&self, row: u32) -> Option<Vec<ApplicationUse>> {
        let note = self.notes.get(row, tag(Dataset::SignIns))?;
        self.vocabulary.applications(note)
    }

    pub(super) fn directory_changes(&self, row: u32) -> Option<Vec<DirectoryChange>> {
        let note = self.notes.get(row, tag(Dataset::DirectoryAudits))?;
        self.vocabulary.changes(note)
    }

    /// The groups of a row, by GUID.
    pub(super) fn group_ids(&self, row: u32) -> Vec<ObjectId> {
        let codes = self.group_codes(row);
        let ids = codes.iter().filter_map(|code| self.groups.get(*code));
        let mut ids: Vec<ObjectId> = ids.copied().map(ObjectId).collect();
        ids.sort_unstable();
        ids
    }

    /// The rows of a group; `None` where it never had one.
    pub(super) fn members(&self, group: ObjectId) -> Option<&Bits> {
        self.members.get(self.groups.find(&group.0)? as usize)
    }

    /// When a row last succeeded to sign in and when it last tried; `None` where neither is known.
    pub(super) fn sign_in_activity(
        &self,
        row: u32,
    ) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
        let (chunk, at) = split_row(row);
        let instant = |column: &Chunks<Times>| column.get(chunk)?.get(at);
        let instants = (instant(&self.succeeded_at), instant(&self.attempted_at));
        (instants != (None, None)).then_some(instants)
    }

    /// The last successful sign-ins, by chunks of rows.
    pub(super) fn succeeded_column(&self) -> &Chunks<Times> {
        &self.succeeded_at
    }

    /// The last days of activity in a workload.
    pub(super) fn workload_days(&self, workload: Workload) -> &Days {
        &self.workload_days[workload as usize]
    }

    /// The latest days on which anything shows the rows.
    pub(super) fn last_active_days(&self) -> &Days {
        &self.last_active_on
    }

    /// What activity of a row is judged by.
    pub(super) fn evidence(&self, row: u32, licensed: Workloads) -> Evidence {
        let (succeeded_at, attempted_at) = self.sign_in_activity(row).unwrap_or_default();
        let day = |days: &Days| days.get(row as usize).copied().flatten();
        Evidence {
            last_active_on: self.workload_days.each_ref().map(day),
            succeeded_on: succeeded_at.and_then(Day::of_instant),
            was_attempted: attempted_at.is_some(),
            licensed,
            reported: self.reported(row),
        }
    }

    fn reported(&self, row: u32) -> Reported {
        let of_row = |workloads: &Chunked<Workloads>| {
            let workloads = workloads.get(row as usize);
            workloads.copied().unwrap_or_default()
        };
        Reported {
            told: of_row(&self.told),
            left_out: of_row(&self.left_out),
        }
    }

    /// What shows anybody at all.
    pub(super) fn shown(&self) -> Shown {
        let has_days = |workload: &Workload| self.workload_days(*workload).len() > 0;
        let workloads: Vec<Workload> = Workload::ALL.into_iter().filter(has_days).collect();
        Shown {
            workloads: Workloads::default().and(&workloads),
            sign_ins: self.succeeded > 0,
        }
    }

    /// Gives back room to spare.
    pub(super) fn shrink(&mut self) {
        self.notes.shrink();
        self.vocabulary.applications.shrink();
        self.vocabulary.texts.shrink();
        self.groups.shrink();
        self.members.shrink_each(Bits::shrink);
        self.succeeded_at.shrink(Times::shrink);
        self.attempted_at.shrink(Times::shrink);
        for days in &mut self.workload_days {
            days.shrink();
        }
        self.last_active_on.shrink();
        self.told.shrink();
        self.left_out.shrink();
    }

    fn note(&mut self, row: u32, dataset: Dataset, note: Option<&[u8]>) -> Change {
        let old = self.notes.get(row, tag(dataset));
        if old == note {
            return Change::Unchanged;
        }
        let change = match old {
            None => Change::Added,
            Some(_) => Change::Changed,
        };
        self.notes.set(row, tag(dataset), note);
        change
    }

    fn group_codes(&self, row: u32) -> Vec<u32> {
        let note = self.notes.get(row, tag(Dataset::Groups));
        note.and_then(coded::groups).unwrap_or_default()
    }

    fn set_groups(&mut self, row: u32, groups: &[ObjectId]) -> Told {
        let old = self.group_codes(row);
        let mut new: Vec<u32> = groups
            .iter()
            .map(|group| self.groups.code(&group.0, |id| *id))
            .collect();
        new.sort_unstable();
        new.dedup();
        for code in old.iter().filter(|code| new.binary_search(code).is_err()) {
            self.members.edit(*code as usize).remove(row);
        }
        for code in new.iter().filter(|code| old.binary_search(code).is_err()) {
            self.members.edit(*code as usize).insert(row);
        }
        let note = (!new.is_empty()).then(|| coded::code_groups(&new));
        Told::of(self.note(row, Dataset::Groups, note.as_deref()))
    }

    fn set_sign_ins(
        &mut self,
        row: u32,
        succeeded_at: Option<Timestamp>,
        attempted_at: Option<Timestamp>,
    ) -> Told {
        let old = self.sign_in_activity(row);
        let (had_succeeded, had_attempted) = old.unwrap_or_default();
        if (had_succeeded, had_attempted) == (succeeded_at, attempted_at) {
            return Told::NOTHING;
        }
        let (chunk, at) = split_row(row);
        if had_succeeded != succeeded_at {
            self.succeeded_at.edit(chunk).set(at, succeeded_at);
            self.succeeded -= u32::from(had_succeeded.is_some());
            self.succeeded += u32::from(succeeded_at.is_some());
        }
        if had_attempted != attempted_at {
            self.attempted_at.edit(chunk).set(at, attempted_at);
        }
        Told {
            change: match old {
                None => Change::Added,
                Some(_) => Change::Changed,
            },
            evidence: true,
            last_active_on: self.update_last_active_on(row),
        }
    }

    /// Brings what activity is judged by up to date after a report said something else of a row, with a
    /// fact or without.
    fn told_usage(
        &mut self,
        row: u32,
        dataset: Dataset,
        is_left_out: Option<bool>,
        change: Change,
    ) -> Told {
        if change == Change::Unchanged {
            return Told::NOTHING;
        }
        let mut told = Told::of(change);
        told.evidence = self.set_reported(row, dataset, is_left_out);
        let mut has_moved = false;
        // Read once for all workloads.
        let active_user = self.notes.get(row, tag(Dataset::ActiveUsers));
        let active_user = active_user.and_then(as_active_user);
        for workload in Workload::ALL {
            if dataset == workload.dataset() || dataset == Dataset::ActiveUsers {
                let own = self.notes.get(row, tag(workload.dataset()));
                let day = day_told(workload, own, active_user.as_ref());
                has_moved |= self.workload_days[workload as usize].set(row as usize, day);
            }
        }
        told.evidence |= has_moved;
        told.last_active_on = has_moved && self.update_last_active_on(row);
        told
    }

    /// Notes whether the report of a workload has a row, and whether it may have lost one.
    fn set_reported(&mut self, row: u32, dataset: Dataset, is_left_out: Option<bool>) -> bool {
        let of_report = |workload: &Workload| workload.dataset() == dataset;
        let Some(workload) = Workload::ALL.into_iter().find(of_report) else {
            return false;
        };
        let own = Workloads::default().and(&[workload]);
        let with = |workloads: Workloads, is_in: bool| match is_in {
            true => workloads.or(own),
            false => workloads.without(own),
        };
        let Reported { told, left_out } = self.reported(row);
        let told = with(told, is_left_out == Some(false));
        let left_out = with(left_out, is_left_out == Some(true));
        let row = row as usize;
        self.told.set(row, told) | self.left_out.set(row, left_out)
    }

    fn update_last_active_on(&mut self, row: u32) -> bool {
        let latest = self.latest_evidence(row);
        self.last_active_on.set(row as usize, latest)
    }

    fn latest_evidence(&self, row: u32) -> Option<Day> {
        self.evidence(row, Workloads::default()).last_seen_on()
    }
}

/// What the report of active users says of one, out of its note.
fn as_active_user(note: &[u8]) -> Option<Values> {
    coded::standing(note, Dataset::ActiveUsers)
}

/// The last day of activity in a workload by the note of its own report and that of active users.
fn day_told(
    workload: Workload,
    own: Option<&[u8]>,
    as_active_user: Option<&Values>,
) -> Option<Day> {
    let own = own.and_then(coded::last_active_on).and_then(Day::of);
    let as_active_user = active_users_metric(workload).and_then(|metric| {
        let number = as_active_user?.get(metric)?;
        Day::numbered(i64::try_from(number).ok()?)
    });
    own.max(as_active_user)
}

impl Heap for Facts {
    fn heap(&self, parts: &mut Parts) -> usize {
        let days: usize = self.workload_days.iter().map(|days| days.heap(parts)).sum();
        self.notes.heap(parts)
            + self.vocabulary.applications.heap(parts)
            + self.vocabulary.texts.heap(parts)
            + self.groups.heap(parts)
            + self.members.heap(parts)
            + self.succeeded_at.heap(parts)
            + self.attempted_at.heap(parts)
            + days
            + self.last_active_on.heap(parts)
            + self.told.heap(parts)
            + self.left_out.heap(parts)
    }
}
