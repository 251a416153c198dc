//! Reading the groups: all of them with their members once, then what changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::merging::Merging;
use super::users::Tally;
use super::{Attempt, Merger};
use crate::domain::group::Group;
use crate::domain::ids::ObjectId;
use crate::domain::standing::Standing;
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::engine::TenantIndex;
use crate::msgraph::{self, Changes, GroupLicenses, GroupPatch, Meter, Rows};
use crate::store;

/// All groups are read anew after this, whatever became of the changes: Microsoft does not remember for
/// longer where somebody was in them, so that it can be no burden.
const WHOLE_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The same where a change could not be read.
const GAPS_STAY: SignedDuration = SignedDuration::from_hours(24);

const NOT_TOLD: &str = "Microsoft tells neither changes nor members of groups of this kind of tenant, which Azure AD B2C is. There is nothing to do, and everything else is read.";

/// What a round of changes told.
struct Round {
    /// The groups as they are now.
    groups: BTreeMap<ObjectId, Group>,
    /// For each user, the groups that it came into (true) or left, the last word on each.
    moves: HashMap<ObjectId, BTreeMap<ObjectId, bool>>,
    /// Groups that are gone.
    removed: HashSet<ObjectId>,
    /// Groups of which a row could not be read.
    unread: HashSet<ObjectId>,
    /// Everything was told, not only what changed.
    is_whole: bool,
    delta_link: Option<String>,
    tally: Tally,
}

impl Attempt<'_> {
    pub(super) async fn read_groups(&self, base: &Arc<TenantIndex>, merging: &Merging) {
        let dataset = Dataset::Groups;
        if !self.may_ask(dataset) {
            return;
        }
        let meter = self.begin(dataset);
        let mut standing = self.standing(base, dataset);
        let link = standing.delta_link.take();
        let link = link.filter(|_| !is_due_whole(&standing, self.as_of));
        let told = match self.read_round(link.as_deref(), base, &meter).await {
            Err(msgraph::Error::Expired) if link.is_some() => {
                tracing::info!(tenant = %self.tenant.key, "the changes of groups are no longer told from where we were; all groups are read");
                self.read_round(None, base, &meter).await
            }
            Err(msgraph::Error::Problem(problem)) if problem.kind == ProblemKind::Refused => {
                Err(self.refusal(problem, &meter).await)
            }
            told => told,
        };
        let licensing = match &told {
            Ok(_) => self.tenant.client.licensing_groups(&meter).await,
            Err(_) => Ok(msgraph::Rows::default()),
        };
        let (mut round, licensing) = match (told, licensing) {
            (Ok(round), Ok(licensing)) => (round, licensing),
            (Err(error), _) | (_, Err(error)) => {
                self.count(dataset, &meter, 0, 0);
                return self.miss(dataset, error).await;
            }
        };
        let has_gaps = round.tally.quarantined > 0;
        round.keep_unread(base);
        round.tally.add_counts(0, &licensing.quarantined);
        round.set_licenses(licensing, base);
        let tally = &round.tally;
        self.count(dataset, &meter, tally.rows, tally.quarantined);
        let count = round.groups.len() as u64;
        let believed = self
            .judge_quarantine(
                dataset,
                tally.rows,
                tally.quarantined,
                tally.example.as_ref(),
            )
            .and_then(|()| self.check_drop(dataset, tally.rows, count, base.groups().len() as u64));
        if let Err(problem) = believed {
            self.fail(dataset, problem);
            return;
        }
        standing.as_of = Some(self.as_of);
        standing.rows = count;
        if round.is_whole {
            standing.whole_at = Some(self.as_of);
            standing.has_gaps = false;
        }
        standing.has_gaps |= has_gaps;
        standing.delta_link = round.delta_link.take();
        let merged = merging.later(move |merger| merger.take_groups(round, standing));
        if let Some(is_changed) = merged.await {
            self.complete(dataset, is_changed);
        }
    }

    /// What it means that Microsoft refuses a round. Where it tells no changes of users either, this is
    /// a tenant of a kind that has none.
    async fn refusal(&self, problem: Problem, meter: &Meter) -> msgraph::Error {
        match self.tenant.client.begin_user_changes(meter).await {
            Err(msgraph::Error::Expired) => {
                msgraph::Error::Problem(Problem::new(ProblemKind::UnsupportedCloud, NOT_TOLD))
            }
            Ok(_) | Err(_) => msgraph::Error::Problem(problem),
        }
    }

    async fn read_round(
        &self,
        link: Option<&str>,
        base: &TenantIndex,
        meter: &Meter,
    ) -> Result<Round, msgraph::Error> {
        let mut round = Round::new(link.is_none(), base);
        let mut pages = self.tenant.client.group_changes(link, meter);
        while let Some(page) = pages.next().await? {
            round.take(page);
            self.count(
                Dataset::Groups,
                meter,
                round.tally.rows,
                round.tally.quarantined,
            );
        }
        round.delta_link = pages.delta_link().map(str::to_owned);
        Ok(round)
    }
}

/// Whether all groups are to be read, not only what changed.
fn is_due_whole(standing: &Standing, now: Timestamp) -> bool {
    let every = match standing.has_gaps {
        true => GAPS_STAY,
        false => WHOLE_EVERY,
    };
    let is_fresh = |at| now.duration_since(at) < every;
    !standing.whole_at.is_some_and(is_fresh)
}

impl Round {
    fn new(is_whole: bool, base: &TenantIndex) -> Self {
        let held = base.groups().iter().filter(|_| !is_whole);
        Self {
            groups: held.map(|group| (group.object_id, group.clone())).collect(),
            moves: HashMap::new(),
            removed: HashSet::new(),
            unread: HashSet::new(),
            is_whole,
            delta_link: None,
            tally: Tally::default(),
        }
    }

    fn take(&mut self, page: Changes<GroupPatch>) {
        let rows = page.changed.len() + page.removed.len();
        self.tally.add_counts(rows, &page.quarantined);
        for patch in page.changed {
            let id = patch.object_id;
            for (members, is_in) in [
                (&patch.members_added, true),
                (&patch.members_removed, false),
            ] {
                for member in members {
                    self.moves.entry(*member).or_default().insert(id, is_in);
                }
            }
            self.removed.remove(&id);
            let group = patch.apply(self.groups.remove(&id));
            self.groups.insert(id, group);
        }
        for id in page.removed {
            self.groups.remove(&id);
            self.removed.insert(id);
        }
        let unread = page.quarantined.iter().filter_map(|row| row.id);
        self.unread.extend(unread.map(ObjectId));
    }

    /// What cannot be read today is not gone. A row that does not say which group it is may be any that
    /// was not told.
    fn keep_unread(&mut self, base: &TenantIndex) {
        if !self.is_whole {
            return;
        }
        for group in base.groups() {
            let id = group.object_id;
            let is_told = self.groups.contains_key(&id) || self.removed.contains(&id);
            if !is_told && self.tally.nameless > 0 {
                self.unread.insert(id);
            }
            if !is_told && self.unread.contains(&id) {
                self.groups.insert(id, group.clone());
            }
        }
    }

    /// The list of licensing groups has the last word on what groups assign, as far as it can be read.
    fn set_licenses(&mut self, licensing: Rows<GroupLicenses>, base: &TenantIndex) {
        let is_any_nameless = licensing.quarantined.iter().any(|row| row.id.is_none());
        let unread = licensing.quarantined.iter().filter_map(|row| row.id);
        let unread: HashSet<ObjectId> = unread.map(ObjectId).collect();
        let told = licensing.rows.into_iter();
        let mut assigns: HashMap<ObjectId, _> =
            told.map(|told| (told.object_id, told.assigns)).collect();
        for (id, group) in &mut self.groups {
            let is_unread = is_any_nameless || unread.contains(id);
            let held = base.group(*id).filter(|_| is_unread);
            group.assigns = match (assigns.remove(id), held) {
                (Some(told), _) => told,
                (None, Some(held)) => held.assigns.clone(),
                (None, None) => Vec::new(),
            };
        }
    }
}

impl Merger {
    /// Takes in a round; whether it told anything new.
    fn take_groups(&mut self, round: Round, standing: Standing) -> Result<bool, store::Error> {
        let mut is_news = match round.is_whole {
            false => self.let_in()?,
            true => {
                // It tells of them anew.
                self.absent.take_present(|id| self.draft.holds(id));
                false
            }
        };
        let mut moves = round.moves;
        for group in round.removed {
            for member in self.members(group) {
                moves.entry(member).or_default().insert(group, false);
            }
        }
        if round.is_whole {
            // What cannot be read today is not gone: nor are the members.
            for group in round.unread {
                for member in self.members(group) {
                    let told = moves.entry(member).or_default();
                    told.entry(group).or_insert(true);
                }
            }
        }
        for (member, moves) in moves {
            match self.draft.holds(member) {
                true => is_news |= self.move_user(member, &moves, round.is_whole)?,
                false => {
                    let now = self.as_of;
                    self.absent.move_member(member, &moves, round.is_whole, now);
                }
            }
        }
        if round.is_whole {
            is_news |= self.remove_unseen_facts(Dataset::Groups)? > 0;
        }
        is_news |= self.set_groups(round.groups.into_values().collect())?;
        self.set_standing(standing)?;
        Ok(is_news)
    }

    /// The members of a group, users or not.
    fn members(&self, group: ObjectId) -> Vec<ObjectId> {
        let mut members = self.draft.members(group);
        members.extend(self.absent.members(group));
        members
    }
}
