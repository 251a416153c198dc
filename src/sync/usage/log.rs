//! Reading a log: newest entries first, within a budget, and no entry twice.
//!
//! Entries may arrive hours after their time, so the last hours stay open: they are read again by the
//! next run, which knows the entries that it counted by hashes of their ids.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::spans::{after, cover, newest_gap, uncover};
use crate::domain::ids::ObjectId;
use crate::domain::standing::{Span, Standing};
use crate::domain::sync_run::Problem;
use crate::msgraph::{Error, LogPages, Meter, Quarantined, Rows};

/// For how long entries are waited for.
const LATE_TIME: SignedDuration = SignedDuration::from_hours(6);

/// So many entries are remembered; where the last hours have more, less of them stays open.
const RECENT_MAX: usize = 10_000;

/// How long Microsoft keeps the logs of a tenant with Entra ID P1 or P2, and of others. An hour less,
/// since a request for more is refused and a run takes its time.
const KEPT_PREMIUM: SignedDuration = SignedDuration::from_hours(30 * 24 - 1);
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24 - 1);

/// An entry of a log.
pub(in crate::sync) trait Entry {
    /// What Microsoft calls it; never twice.
    fn id(&self) -> &str;
    /// When it happened.
    fn at(&self) -> Timestamp;
    /// Whether anything is to be learned from it.
    fn counts(&self) -> bool;
    /// Whom it is about.
    fn users(&self) -> &[ObjectId];
}

/// What a run read of a log.
pub(in crate::sync) struct LogReading<E> {
    pub(super) standing: Standing,
    /// What is to be counted, newest first within a gap.
    pub(super) entries: Vec<E>,
    now: Timestamp,
    window: Span,
    /// Entries that an earlier run counted and that may come again.
    counted: HashSet<u64>,
    /// Entries of this run.
    met: HashSet<u64>,
    /// Those of the last hours, to know them again.
    late: Vec<(Timestamp, u64)>,
    /// Where the newest gap of this run began: nothing before was read again.
    opened_from: Option<Timestamp>,
    quarantined: u64,
    example: Option<Quarantined>,
    /// What ended the reading before its time.
    problem: Option<Problem>,
}

/// A gap that is being read.
pub(super) struct Gap<E> {
    pub(super) span: Span,
    /// The last entries, not yet counted: where the budget ends, those of their oldest instant may not
    /// be all of that instant.
    pending: Vec<E>,
}

impl<E: Entry + Send + 'static> LogReading<E> {
    pub(super) fn new(standing: &Standing, is_premium: bool, now: Timestamp) -> Self {
        let kept = if is_premium { KEPT_PREMIUM } else { KEPT };
        // A whole second, which every way of writing an instant can tell.
        let until = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Self {
            standing: standing.clone(),
            entries: Vec::new(),
            now,
            window: Span {
                from: until.saturating_sub(kept).unwrap_or(until),
                until,
            },
            counted: standing.recent.iter().copied().collect(),
            met: HashSet::new(),
            late: Vec::new(),
            opened_from: None,
            quarantined: 0,
            example: None,
            problem: None,
        }
    }

    /// Entries read, whatever they are about.
    pub(in crate::sync) fn rows(&self) -> u64 {
        self.met.len() as u64
    }

    /// Entries that could not be read.
    pub(in crate::sync) fn quarantined(&self) -> u64 {
        self.quarantined
    }

    /// One of them.
    pub(in crate::sync) fn example(&self) -> Option<&Quarantined> {
        self.example.as_ref()
    }

    /// What ended the reading before its time, if anything did; what came before stands.
    pub(in crate::sync) fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// Reads gap after gap until none is left or so many requests are spent. `pages` begins to read a
    /// span.
    ///
    /// # Errors
    ///
    /// When nothing at all could be read. After that a problem ends the reading as the budget would.
    pub(super) async fn read(
        &mut self,
        meter: &Meter,
        requests_max: u64,
        pages: impl Fn(Span) -> LogPages<E>,
    ) -> Result<(), Error> {
        let requests_end = meter.requests().saturating_add(requests_max);
        while let Some(mut gap) = self.next_gap() {
            let mut pages = pages(gap.span);
            loop {
                if meter.requests() >= requests_end {
                    self.cut(gap);
                    return Ok(());
                }
                match pages.next().await {
                    Ok(Some(page)) => self.take(&mut gap, page),
                    Ok(None) => break,
                    Err(Error::Problem(problem)) if self.has_read(&gap) => {
                        self.cut(gap);
                        self.problem = Some(problem);
                        return Ok(());
                    }
                    Err(error) => return Err(error),
                }
            }
            if let Some(begins_at) = pages.begins_at() {
                // What is before will never be told, and is not known.
                self.window.from = self.window.from.max(begins_at);
                gap.span.from = gap.span.from.max(begins_at);
            }
            if gap.span.from <= gap.span.until {
                self.end(gap);
            }
        }
        Ok(())
    }

    fn has_read(&self, gap: &Gap<E>) -> bool {
        !self.met.is_empty() || !gap.pending.is_empty()
    }

    /// The newest gap that is not read.
    pub(super) fn next_gap(&mut self) -> Option<Gap<E>> {
        let span = newest_gap(&self.standing.covered, self.window)?;
        if span.until == self.window.until {
            self.opened_from = Some(span.from);
        }
        Some(Gap {
            span,
            pending: Vec::new(),
        })
    }

    /// Takes in a page of a gap.
    pub(super) fn take(&mut self, gap: &mut Gap<E>, page: Rows<E>) {
        self.quarantined += page.quarantined.len() as u64;
        let example = page.quarantined.into_iter().next();
        self.example = self.example.take().or(example);
        let is_inside = |entry: &E| (gap.span.from..=gap.span.until).contains(&entry.at());
        let mut page: Vec<E> = page.rows.into_iter().filter(is_inside).collect();
        if page.is_empty() {
            return;
        }
        let oldest = oldest(&gap.pending);
        let settled = std::mem::take(&mut gap.pending);
        for entry in settled {
            if Some(entry.at()) == oldest {
                gap.pending.push(entry);
            } else {
                self.count(entry);
            }
        }
        gap.pending.append(&mut page);
    }

    /// A gap was read to its end.
    pub(super) fn end(&mut self, gap: Gap<E>) {
        gap.pending.into_iter().for_each(|entry| self.count(entry));
        self.standing.covered = cover(&self.standing.covered, gap.span);
    }

    /// The budget ended within a gap: the rest of it is left for a later run.
    pub(super) fn cut(&mut self, gap: Gap<E>) {
        let Some(oldest) = oldest(&gap.pending) else {
            return;
        };
        for entry in gap.pending {
            if entry.at() > oldest {
                self.count(entry);
            }
        }
        let read = Span {
            from: after(oldest),
            ..gap.span
        };
        self.standing.covered = cover(&self.standing.covered, read);
    }

    fn count(&mut self, entry: E) {
        let hash = hash(entry.id());
        if !self.met.insert(hash) {
            return; // It moved from one page to the next while they were read.
        }
        if entry.at() >= self.late_from() {
            self.late.push((entry.at(), hash));
        }
        if !self.counted.remove(&hash) && entry.counts() {
            self.entries.push(entry);
        }
    }

    /// Leaves entries about somebody whom we do not hold out of those that are known again: the log may
    /// tell of a user sooner than the directory, and the next run, which reads the last hours again, may
    /// hold that user.
    pub(super) fn await_users(&mut self, is_held: impl Fn(ObjectId) -> bool) {
        let is_awaited = |entry: &&E| !entry.users().iter().all(|id| is_held(*id));
        let awaited = self.entries.iter().filter(is_awaited);
        let awaited: HashSet<u64> = awaited.map(|entry| hash(entry.id())).collect();
        self.late.retain(|(_, hash)| !awaited.contains(hash));
    }

    /// From when on entries may still arrive.
    fn late_from(&self) -> Timestamp {
        let until = self.window.until;
        until.saturating_sub(LATE_TIME).unwrap_or(until)
    }

    /// The standing to be stored: what was read is covered, but for the last hours.
    pub(super) fn next_standing(&mut self) -> Standing {
        let mut next = self.standing.clone();
        next.as_of = Some(self.now);
        next.rows = self.rows();
        let is_cut = newest_gap(&next.covered, self.window).is_some();
        let newest = next.covered.first().copied();
        let is_of_use = |span: &Span| span.until >= self.window.from || Some(*span) == newest;
        next.covered.retain(is_of_use);
        let Some(opened_from) = self.opened_from else {
            return next; // The clock was set back: nothing of the last hours was read.
        };
        // Where something is left unread, entries that were counted before may be in it.
        let unread = self.counted.iter().copied().filter(|_| is_cut);
        next.recent = unread.collect();
        // Nor must what stays open keep the next run from getting further.
        let most = if is_cut {
            self.met.len() / 2
        } else {
            RECENT_MAX
        };
        let room = RECENT_MAX.saturating_sub(next.recent.len()).min(most);
        self.late.sort_unstable_by(|left, right| right.cmp(left));
        let mut open_from = opened_from.max(self.late_from());
        if let Some((at, _)) = self.late.get(room) {
            open_from = open_from.max(after(*at));
        }
        let open = self.late.iter().take_while(|(at, _)| *at >= open_from);
        next.recent.extend(open.map(|(_, hash)| *hash));
        next.covered = uncover(&next.covered, open_from);
        next
    }
}

fn oldest<E: Entry>(entries: &[E]) -> Option<Timestamp> {
    entries.iter().map(Entry::at).min()
}

/// The same in every run and on every machine.
fn hash(id: &str) -> u64 {
    let mut first = [0; 8];
    let hash = blake3::hash(id.as_bytes());
    for (own, byte) in first.iter_mut().zip(hash.as_bytes()) {
        *own = *byte;
    }
    u64::from_le_bytes(first)
}
