//! Reading the groups: all of them with their members once, then what changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::merging::Merging;
use super::users::Tally;
use super::{Attempt, Merger};
use crate::domain::group::{Group, Memberships};
use crate::domain::ids::ObjectId;
use crate::domain::standing::Standing;
use crate::domain::sync_run::Dataset;
use crate::domain::user_fact::UserFact;
use crate::engine::TenantIndex;
use crate::msgraph::{self, Changes, GroupLicenses, GroupPatch, Meter};
use crate::store;

/// What a round of changes told.
struct Round {
    /// The groups as they are now.
    groups: BTreeMap<ObjectId, Group>,
    /// For each user, the groups that it came into (true) or left, the last word on each.
    moves: HashMap<ObjectId, BTreeMap<ObjectId, bool>>,
    /// Groups that are gone.
    removed: HashSet<ObjectId>,
    /// Everything was told, not only what changed.
    is_whole: bool,
    delta_link: Option<String>,
    tally: Tally,
}

impl Attempt<'_> {
    pub(super) async fn read_groups(&self, base: &Arc<TenantIndex>, merging: &Merging) {
        let dataset = Dataset::Groups;
        let meter = self.begin(dataset);
        let mut standing = self.standing(base, dataset);
        let link = standing.delta_link.take();
        let told = match self.read_round(link.as_deref(), base, &meter).await {
            Err(msgraph::Error::Expired) if link.is_some() => {
                tracing::info!(tenant = %self.tenant.key, "the changes of groups are no longer told from where we were; all groups are read");
                self.read_round(None, base, &meter).await
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
        round.tally.add_counts(0, &licensing.quarantined);
        round.set_licenses(licensing.rows);
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
        }
        // A row that could not be read is told only once: the next run reads everything.
        standing.delta_link = round
            .delta_link
            .take()
            .filter(|_| round.tally.quarantined == 0);
        let merged = merging.later(move |merger| merger.take_groups(round, standing));
        if let Some(is_changed) = merged.await {
            self.complete(dataset, is_changed);
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
            round.take(page, base);
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

impl Round {
    fn new(is_whole: bool, base: &TenantIndex) -> Self {
        let held = base.groups().iter().filter(|_| !is_whole);
        Self {
            groups: held.map(|group| (group.object_id, group.clone())).collect(),
            moves: HashMap::new(),
            removed: HashSet::new(),
            is_whole,
            delta_link: None,
            tally: Tally::default(),
        }
    }

    fn take(&mut self, page: Changes<GroupPatch>, base: &TenantIndex) {
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
        // What cannot be read today is not gone.
        let unread = page
            .quarantined
            .iter()
            .filter_map(|row| row.id)
            .map(ObjectId);
        for group in unread.filter_map(|id| base.group(id)) {
            self.groups
                .entry(group.object_id)
                .or_insert_with(|| group.clone());
        }
    }

    /// The list of licensing groups has the last word on what groups assign.
    fn set_licenses(&mut self, licensing: Vec<GroupLicenses>) {
        let mut assigns: HashMap<ObjectId, _> = licensing
            .into_iter()
            .map(|told| (told.object_id, told.assigns))
            .collect();
        for group in self.groups.values_mut() {
            group.assigns = assigns.remove(&group.object_id).unwrap_or_default();
        }
    }
}

impl Merger {
    /// Takes in a round; whether it told anything new.
    fn take_groups(&mut self, round: Round, standing: Standing) -> Result<bool, store::Error> {
        let mut moves = round.moves;
        for group in round.removed {
            for member in self.draft.members(group) {
                moves.entry(member).or_default().insert(group, false);
            }
        }
        let mut is_news = false;
        for (user, moves) in moves {
            is_news |= self.move_user(user, &moves, round.is_whole)?;
        }
        if round.is_whole {
            is_news |= self.remove_unseen_facts(Dataset::Groups)? > 0;
        }
        is_news |= self.set_groups(round.groups.into_values().collect())?;
        self.set_standing(standing)?;
        Ok(is_news)
    }

    fn move_user(
        &mut self,
        user: ObjectId,
        moves: &BTreeMap<ObjectId, bool>,
        is_whole: bool,
    ) -> Result<bool, store::Error> {
        let held = match self.draft.fact(Dataset::Groups, user) {
            Some(UserFact::Memberships(held)) if !is_whole => held.groups,
            _ => Vec::new(),
        };
        let mut groups: Vec<ObjectId> = held;
        groups.retain(|group| moves.get(group) != Some(&false));
        groups.extend(
            moves
                .iter()
                .filter(|(_, is_in)| **is_in)
                .map(|(group, _)| *group),
        );
        groups.sort_unstable();
        groups.dedup();
        if groups.is_empty() {
            let was_told = self.draft.remove_fact(Dataset::Groups, user);
            if was_told {
                self.staging.remove_user_fact(Dataset::Groups, user)?;
            }
            return Ok(was_told);
        }
        self.put_user_fact(&UserFact::Memberships(Memberships {
            object_id: user,
            groups,
        }))
    }
}
