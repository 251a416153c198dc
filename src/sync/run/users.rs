//! Reading the users: all of them once, then what changed.

use std::sync::Arc;

use jiff::SignedDuration;

use super::merging::Merging;
use super::{Attempt, Merger, Stop};
use crate::domain::ids::ObjectId;
use crate::domain::standing::Standing;
use crate::domain::sync_run::{Dataset, ProblemKind};
use crate::domain::user::User;
use crate::engine::TenantIndex;
use crate::msgraph::{
    self, Changes, Meter, Quarantined, Rows, UserAssignments, UserPages, UserPatch, UsersCheckpoint,
};
use crate::store;

/// Columns that the changes do not tell are read anew after this.
pub(super) const WHOLE_COLUMNS_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// After so many pages, what was read so far outlives the process.
const CHECKPOINT_PAGES: u64 = 8;

/// What was read of a dataset so far.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) quarantined: u64,
    pub(super) example: Option<Quarantined>,
    /// Of the unreadable ones, those that do not even say which row they are.
    pub(super) nameless: u64,
}

impl Tally {
    pub(super) fn add<T>(&mut self, page: &Rows<T>) {
        self.add_counts(page.rows.len(), &page.quarantined);
    }

    /// Rows that were told, readable or not.
    fn told(&self) -> u64 {
        self.rows + self.quarantined
    }

    pub(super) fn add_counts(&mut self, rows: usize, quarantined: &[Quarantined]) {
        self.rows += rows as u64;
        self.quarantined += quarantined.len() as u64;
        self.nameless += quarantined.iter().filter(|row| row.id.is_none()).count() as u64;
        if self.example.is_none() {
            self.example = quarantined.first().cloned();
        }
    }
}

/// Why users could not be read one way; another may be left.
enum Detour {
    /// Everything must be read, for this reason.
    Whole(&'static str),
    Stop(Stop),
}

const FORGOTTEN: &str = "the changes are no longer told from where we were";
const UNREADABLE: &str = "a change could not be read, and is told only once";
const UNHEARD_OF: &str = "somebody is there of whom no change told";

impl Attempt<'_> {
    pub(super) async fn read_users(
        &self,
        base: &Arc<TenantIndex>,
        merging: &Merging,
    ) -> Result<(), Stop> {
        let meter = self.begin(Dataset::Users);
        let mut standing = self.standing(base, Dataset::Users);
        let link = standing
            .delta_link
            .take()
            .filter(|_| base.as_of().is_some());
        let read = match link {
            Some(link) => {
                let read = self.read_news(link, &mut standing, base, merging, &meter);
                match read.await {
                    Ok(()) => Ok(()),
                    Err(Detour::Whole(why)) => {
                        tracing::info!(tenant = %self.tenant.key, why, "all users are read");
                        self.read_whole(&mut standing, base, merging, &meter).await
                    }
                    Err(Detour::Stop(stop)) => Err(stop),
                }
            }
            None => self.read_whole(&mut standing, base, merging, &meter).await,
        };
        read?;
        standing.as_of = Some(self.as_of);
        let merged = merging.ask(move |merger| {
            standing.rows = merger.draft.len();
            merger.set_standing(standing)?;
            Ok(merger.draft.is_changed())
        });
        // Where the merging ended early, it says itself why.
        if let Some(is_changed) = merged.await
            && !self.is_failed(Dataset::Users)
        {
            self.complete(Dataset::Users, is_changed);
        }
        merging.users_are_complete().await;
        Ok(())
    }

    /// Every user. Where the changes from now on will be told is asked first: what changes meanwhile
    /// comes twice rather than never.
    async fn read_whole(
        &self,
        standing: &mut Standing,
        base: &Arc<TenantIndex>,
        merging: &Merging,
        meter: &Meter,
    ) -> Result<(), Stop> {
        let dataset = Dataset::Users;
        let note = merging.ask(|merger| Ok(merger.note.take())).await.flatten();
        let (link, left) = match note.as_deref().and_then(Note::from_bytes) {
            Some(note) => (note.delta_link, Some(note.left)),
            None => (self.begin_changes(meter).await?, None),
        };
        // Only then is whoever was read the same as what was staged.
        let is_first = base.as_of().is_none();
        let mut pages = self.tenant.client.users(left.as_ref(), meter);
        let kept = is_first.then_some(&link);
        let mut tally = self.read_list(&mut pages, kept, merging, meter).await?;
        let is_short = pages.expected().is_some_and(|all| tally.told() < all);
        let unseen = merging.ask(|merger| Ok(merger.draft.unseen().len()));
        if is_short && unseen.await.is_some_and(|unseen| unseen > 0) {
            tracing::info!(tenant = %self.tenant.key, "whoever is missing may be in none of the parts; the list is read in one");
            let mut pages = self.tenant.client.users(None, meter).in_one_chain();
            tally = self.read_list(&mut pages, None, merging, meter).await?;
        }
        self.judge_quarantine(
            dataset,
            tally.rows,
            tally.quarantined,
            tally.example.as_ref(),
        )
        .map_err(|problem| self.fail(dataset, problem))?;
        self.hold_if_suspect(dataset, tally.rows, tally.told(), base.user_count());
        standing.delta_link = link;
        standing.whole_at = Some(self.as_of);
        // A row that does not say whose it is may be anybody's: then nobody is gone for sure.
        if tally.nameless == 0 {
            merging.now(Merger::remove_unseen_users).await;
        }
        Ok(())
    }

    /// A list of users to its end. A first one is kept as far as it was read, with the link to the changes
    /// that come after it.
    async fn read_list(
        &self,
        pages: &mut UserPages<User>,
        kept: Option<&Option<String>>,
        merging: &Merging,
        meter: &Meter,
    ) -> Result<Tally, Stop> {
        let dataset = Dataset::Users;
        let (mut tally, mut page_count) = (Tally::default(), 0_u64);
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) => {
                    self.count(dataset, meter, tally.rows, tally.quarantined);
                    if let Some(link) = kept.filter(|_| self.passes(&error)) {
                        self.checkpoint(link, pages.checkpoint(), merging).await;
                    }
                    return Err(self.fail_by(dataset, error).await);
                }
            };
            tally.add(&page);
            self.count(dataset, meter, tally.rows, tally.quarantined);
            self.show_progress(tally.rows, pages.expected());
            if !merging.now(move |merger| merger.take_users(&page)).await {
                // Where the merging ended early, it says itself why.
                return Err(Stop::Canceled);
            }
            page_count += 1;
            if let Some(link) = kept.filter(|_| page_count.is_multiple_of(CHECKPOINT_PAGES)) {
                self.checkpoint(link, pages.checkpoint(), merging).await;
            }
        }
        self.count(dataset, meter, tally.rows, tally.quarantined);
        Ok(tally)
    }

    /// Where changes will be told from now on; `None` where Microsoft does not tell them: then
    /// everything is read every time.
    async fn begin_changes(&self, meter: &Meter) -> Result<Option<String>, Stop> {
        match self.tenant.client.begin_user_changes(meter).await {
            Ok(link) => Ok(Some(link)),
            Err(msgraph::Error::Canceled) => Err(Stop::Canceled),
            Err(msgraph::Error::SignIn(error)) => Err(self
                .fail_by(Dataset::Users, msgraph::Error::SignIn(error))
                .await),
            Err(error) => {
                tracing::info!(tenant = %self.tenant.key, %error, "Microsoft does not tell changes of users; all are read every time");
                Ok(None)
            }
        }
    }

    /// What changed since the last run, and once a day the columns that changes do not tell. These show
    /// also who is there though no change told of it: Microsoft was seen to restore users in silence.
    async fn read_news(
        &self,
        link: String,
        standing: &mut Standing,
        base: &Arc<TenantIndex>,
        merging: &Merging,
        meter: &Meter,
    ) -> Result<(), Detour> {
        let mut link = self.read_changes(&link, base, merging, meter).await?;
        let is_fresh = standing
            .whole_at
            .is_some_and(|at| self.as_of.duration_since(at) < WHOLE_COLUMNS_EVERY);
        // What is held back may be believed if the next run tells just as many changes.
        if !is_fresh && !self.is_failed(Dataset::Users) {
            self.read_columns(merging, meter)
                .await
                .map_err(Detour::Stop)?;
            standing.whole_at = Some(self.as_of);
        }
        if is_anybody_unheard_of(merging).await {
            // Who came meanwhile is told by now.
            link = self.read_changes(&link, base, merging, meter).await?;
            if is_anybody_unheard_of(merging).await {
                return Err(Detour::Whole(UNHEARD_OF));
            }
        }
        standing.delta_link = Some(link);
        Ok(())
    }

    /// What changed since the last run; where the changes after these are told.
    async fn read_changes(
        &self,
        link: &str,
        base: &Arc<TenantIndex>,
        merging: &Merging,
        meter: &Meter,
    ) -> Result<String, Detour> {
        let dataset = Dataset::Users;
        let mut pages = self.tenant.client.user_changes(link, meter);
        let mut tally = Tally::default();
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(msgraph::Error::Expired) => return Err(Detour::Whole(FORGOTTEN)),
                Err(error) => {
                    self.count(dataset, meter, tally.rows, tally.quarantined);
                    return Err(Detour::Stop(self.fail_by(dataset, error).await));
                }
            };
            tally.add_counts(page.changed.len() + page.removed.len(), &page.quarantined);
            self.count(dataset, meter, tally.rows, tally.quarantined);
            merging.now(move |merger| merger.take_changes(page)).await;
        }
        if tally.quarantined > 0 {
            let reason = tally.example.map(|row| row.reason).unwrap_or_default();
            tracing::warn!(tenant = %self.tenant.key, reason, "a change of a user could not be read");
            return Err(Detour::Whole(UNREADABLE));
        }
        // Whoever is removed may have been gone before.
        if let Some(left) = merging.ask(|merger| Ok(merger.draft.len())).await {
            self.hold_if_suspect(dataset, tally.rows, left, base.user_count());
        }
        match pages.delta_link() {
            Some(link) => Ok(link.to_owned()),
            None => Err(Detour::Whole(FORGOTTEN)),
        }
    }

    /// The columns that changes do not tell.
    async fn read_columns(&self, merging: &Merging, meter: &Meter) -> Result<(), Stop> {
        let dataset = Dataset::Users;
        let mut pages = self.tenant.client.user_assignments(meter);
        let mut tally = Tally::default();
        loop {
            match pages.next().await {
                Ok(Some(page)) => {
                    tally.add(&page);
                    self.count(dataset, meter, tally.rows, tally.quarantined);
                    merging
                        .now(move |merger| merger.take_assignments(page))
                        .await;
                }
                Ok(None) => break,
                Err(error) => {
                    self.count(dataset, meter, tally.rows, tally.quarantined);
                    return Err(self.fail_by(dataset, error).await);
                }
            }
        }
        self.judge_quarantine(
            dataset,
            tally.rows,
            tally.quarantined,
            tally.example.as_ref(),
        )
        .map_err(|problem| self.fail(dataset, problem))?;
        Ok(())
    }

    /// Makes what was read so far outlive this process.
    async fn checkpoint(&self, link: &Option<String>, left: UsersCheckpoint, merging: &Merging) {
        let note = Note {
            delta_link: link.clone(),
            left,
        };
        let (note, as_of) = (note.to_bytes(), self.as_of);
        merging
            .now(move |merger| merger.staging.checkpoint(as_of, &note))
            .await;
    }

    /// Whether a first reading that was cut short is gone on with by the next run.
    fn passes(&self, error: &msgraph::Error) -> bool {
        match error {
            msgraph::Error::Canceled => self.shared.stopping.is_cancelled(),
            msgraph::Error::Problem(problem) => matches!(
                problem.kind,
                ProblemKind::Throttled | ProblemKind::Unreachable
            ),
            msgraph::Error::SignIn(_) | msgraph::Error::Expired => false,
        }
    }

    /// Holds the whole run back when too much is gone. It is read to its end all the same, so that
    /// somebody may accept it.
    pub(super) fn hold_if_suspect(&self, dataset: Dataset, read: u64, left: u64, before: u64) {
        if let Err(problem) = self.check_drop(dataset, read, left, before) {
            self.fail(dataset, problem.clone());
            // Of two, the first is told.
            let _ = self.held.set(problem);
        }
    }
}

impl Merger {
    /// Takes in a page of the full list.
    fn take_users(&mut self, page: &Rows<User>) -> Result<(), store::Error> {
        // Who cannot be read today is not gone.
        for id in page.quarantined.iter().filter_map(|row| row.id) {
            self.draft.keep(ObjectId(id));
        }
        page.rows.iter().try_for_each(|user| self.put_user(user))
    }

    /// Takes in a page of changes, in Microsoft's order.
    fn take_changes(&mut self, page: Changes<UserPatch>) -> Result<(), store::Error> {
        for patch in page.changed {
            let held = self.draft.user(patch.object_id);
            match patch.apply(held) {
                Some(user) => self.put_user(&user)?,
                // It is told in part, as of somebody whom we should know.
                None => drop(self.unheard_of.insert(patch.object_id)),
            }
        }
        page.removed
            .into_iter()
            .try_for_each(|id| self.remove_user(id))
    }

    /// Takes in the licenses of users as a list told them.
    fn take_assignments(&mut self, page: Rows<UserAssignments>) -> Result<(), store::Error> {
        for told in page.rows {
            let Some(user) = self.draft.user(told.object_id) else {
                self.unheard_of.insert(told.object_id);
                continue;
            };
            if user.assignments != told.assignments {
                let assignments = told.assignments;
                self.put_user(&User {
                    assignments,
                    ..user
                })?;
            }
        }
        Ok(())
    }
}

/// Whether somebody is there whom we do not hold.
async fn is_anybody_unheard_of(merging: &Merging) -> bool {
    let asked = merging.ask(|merger| {
        merger.unheard_of.retain(|id| !merger.draft.holds(*id));
        Ok(!merger.unheard_of.is_empty())
    });
    asked.await.unwrap_or(false)
}

/// What a run that goes on with a first reading must know besides the rows.
struct Note {
    delta_link: Option<String>,
    left: UsersCheckpoint,
}

impl Note {
    /// The link's length, the link, and what is left.
    fn to_bytes(&self) -> Vec<u8> {
        let link = self.delta_link.as_deref().unwrap_or_default();
        let mut bytes = u32::try_from(link.len())
            .unwrap_or(0)
            .to_be_bytes()
            .to_vec();
        bytes.extend_from_slice(link.as_bytes());
        bytes.extend_from_slice(&self.left.to_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (link, left) = rest.split_at_checked(length)?;
        let link = std::str::from_utf8(link).ok()?;
        Some(Self {
            delta_link: (!link.is_empty()).then(|| link.to_owned()),
            left: UsersCheckpoint::from_bytes(left)?,
        })
    }
}
