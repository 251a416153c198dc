//! What a run makes of a tenant: the next index as a draft, and on disk what differs.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::absent::{AbsentMembers, moved};
use super::commit::Effort;
use crate::domain::group::{Group, Memberships};
use crate::domain::ids::{ObjectId, RunId, TenantKey};
use crate::domain::license::License;
use crate::domain::standing::{FormerName, Standing};
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::Dataset;
use crate::domain::tenant::Organization;
use crate::domain::text::Folded;
use crate::domain::user::User;
use crate::domain::user_fact::UserFact;
use crate::engine::{Change, Directory, HistoryDraft, TenantIndex, TenantUpdate, UsersDraft};
use crate::store::{self, Fact, Replayed, Staging, Store};

/// Of every user at most one name that it no longer has is remembered, and of a small tenant so many in
/// all; and so long: reports lag behind.
const FORMER_NAMES_MIN: usize = 1_000;
const FORMER_NAMES_KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// The draft of a tenant's next index, and the same change on its way to disk.
pub(in crate::sync) struct Merger {
    pub(super) base: Arc<TenantIndex>,
    pub(super) draft: UsersDraft,
    pub(super) history: HistoryDraft,
    pub(super) staging: Staging,
    pub(super) effort: Effort,
    /// When the run began.
    pub(super) as_of: Timestamp,
    /// What was staged before by a run that was cut, in its own words; see [`Staging::checkpoint`].
    pub(super) note: Option<Vec<u8>>,
    /// Users who are there, though nothing told that they came.
    pub(super) unheard_of: BTreeSet<ObjectId>,
    /// Members of groups who are no users.
    pub(super) absent: AbsentMembers,
    organization: Option<Organization>,
    licenses: Option<Vec<License>>,
    groups: Option<Vec<Group>>,
    subscriptions: Option<Vec<Subscription>>,
    standings: Vec<Standing>,
    renamed: Vec<FormerName>,
    /// Who has which name, once the users are complete.
    pub(super) directory: Option<Directory>,
}

impl Merger {
    /// On top of the published index. What a run that was cut had staged is gone on with, if nothing
    /// was published since and nothing had been published before: then whoever it had seen is known.
    pub(super) fn begin(
        store: &Store,
        tenant: &TenantKey,
        run: RunId,
        base: Arc<TenantIndex>,
        as_of: Timestamp,
    ) -> Result<Self, store::Error> {
        let unfinished = match base.as_of() {
            None => store.unfinished(tenant)?.filter(|left| !left.is_held),
            Some(_) => None,
        };
        let Some(unfinished) = unfinished else {
            return Ok(Self::new(base, store.stage(tenant, run), as_of));
        };
        tracing::info!(tenant = %tenant, run = %unfinished.run, "going on with what an earlier run had read");
        let staging = store.resume(tenant, &unfinished, run);
        let mut merger = Self::new(base, staging, as_of);
        merger.replay()?;
        merger.note = Some(unfinished.note);
        Ok(merger)
    }

    /// On top of the published index, with rows staged before or none.
    pub(in crate::sync) fn new(base: Arc<TenantIndex>, staging: Staging, as_of: Timestamp) -> Self {
        let groups = base.standing(Dataset::Groups);
        let absent = groups.map_or(&[][..], |standing| &standing.absent_members);
        Self {
            draft: base.draft(),
            history: base.history_draft(),
            absent: AbsentMembers::new(absent),
            base,
            staging,
            effort: Effort::default(),
            as_of,
            note: None,
            unheard_of: BTreeSet::new(),
            organization: None,
            licenses: None,
            groups: None,
            subscriptions: None,
            standings: Vec::new(),
            renamed: Vec::new(),
            directory: None,
        }
    }

    /// Takes into the draft what is staged already.
    pub(in crate::sync) fn replay(&mut self) -> Result<(), store::Error> {
        let (mut licenses, mut groups, mut subscriptions) = (
            self.listed_licenses(),
            self.base.groups().to_vec(),
            self.base.subscriptions().to_vec(),
        );
        let mut is_told = [false; 3];
        let (draft, history) = (&mut self.draft, &mut self.history);
        let (organization, standings) = (&mut self.organization, &mut self.standings);
        self.staging.replay(&mut |row| match row {
            Replayed::Put(Fact::Organization(fact)) => *organization = Some(fact),
            Replayed::Put(Fact::License(fact)) => {
                is_told[0] = true;
                put(&mut licenses, fact, |license| license.sku_id);
            }
            Replayed::RemovedLicense(id) => {
                is_told[0] = true;
                licenses.retain(|license| license.sku_id != id);
            }
            Replayed::Put(Fact::User(fact)) => {
                draft.merge(&fact);
            }
            Replayed::RemovedUser(id) => {
                draft.remove(id);
            }
            Replayed::Put(Fact::Group(fact)) => {
                is_told[1] = true;
                put(&mut groups, fact, |group| group.object_id);
            }
            Replayed::RemovedGroup(id) => {
                is_told[1] = true;
                groups.retain(|group| group.object_id != id);
            }
            Replayed::Put(Fact::Subscription(fact)) => {
                is_told[2] = true;
                put(&mut subscriptions, fact, |subscription| subscription.id);
            }
            Replayed::RemovedSubscription(id) => {
                is_told[2] = true;
                subscriptions.retain(|subscription| subscription.id != id);
            }
            Replayed::Put(Fact::UserFact(fact)) => {
                draft.set(&fact);
            }
            Replayed::RemovedUserFact(dataset, id) => {
                draft.remove_fact(dataset, id);
            }
            Replayed::Put(Fact::HistoryUser(user)) => history.load_user(user),
            // What is remembered of them, and what changed, is worked out when the run is committed.
            Replayed::Put(Fact::Findings(_) | Fact::UserChanges(_)) => {}
            Replayed::Put(Fact::UsageDay(day)) => history.load_day(&day),
            Replayed::Put(Fact::Standing(standing)) => standings.push(standing),
            Replayed::RemovedUsageDay(workload, on) => history.forget(workload, on),
        })?;
        self.licenses = is_told[0].then_some(licenses);
        self.groups = is_told[1].then_some(groups);
        self.subscriptions = is_told[2].then_some(subscriptions);
        Ok(())
    }

    /// Does a piece of work and counts its time.
    pub(super) fn timed(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), store::Error>,
    ) -> Result<(), store::Error> {
        let began = Instant::now();
        work(self)?;
        self.effort.merging += began.elapsed();
        Ok(())
    }

    pub(super) fn set_organization(
        &mut self,
        organization: Organization,
    ) -> Result<(), store::Error> {
        if self.base.organization() != Some(&organization) {
            self.staging.set_organization(&organization)?;
        }
        self.organization = Some(organization);
        let mut standing = Standing::new(Dataset::Organization);
        standing.as_of = Some(self.as_of);
        standing.rows = 1;
        self.set_standing(standing)
    }

    /// Takes in a user as Microsoft says it is now.
    pub(super) fn put_user(&mut self, user: &User) -> Result<(), store::Error> {
        match self.draft.merge(user) {
            Change::Unchanged => return Ok(()),
            Change::Added => {}
            Change::Changed => self.note_rename(user.object_id, Some(&user.user_principal_name)),
        }
        self.effort.changed_users += 1;
        self.staging.put_user(user)
    }

    /// Takes out a user who is gone, with everything that was said of it.
    pub(super) fn remove_user(&mut self, id: ObjectId) -> Result<(), store::Error> {
        self.unheard_of.remove(&id);
        if let Some(UserFact::Memberships(held)) = self.draft.fact(Dataset::Groups, id) {
            self.absent.put(held, self.as_of);
        }
        for dataset in Dataset::ALL {
            if self.draft.remove_fact(dataset, id) {
                self.staging.remove_user_fact(dataset, id)?;
            }
        }
        if self.draft.remove(id) {
            self.note_rename(id, None);
            self.effort.changed_users += 1;
            self.staging.remove_user(id)?;
        }
        Ok(())
    }

    /// After a complete list: whoever was not on it is gone.
    pub(super) fn remove_unseen_users(&mut self) -> Result<(), store::Error> {
        for id in self.draft.unseen() {
            self.remove_user(id)?;
        }
        Ok(())
    }

    /// Takes in what a dataset says of a user; whether that is news. Nothing is kept of nobody.
    pub(super) fn put_user_fact(&mut self, fact: &UserFact) -> Result<bool, store::Error> {
        match self.draft.set(fact) {
            None | Some(Change::Unchanged) => Ok(false),
            Some(Change::Added | Change::Changed) => {
                self.staging.put_user_fact(fact)?;
                Ok(true)
            }
        }
    }

    /// After a complete reading: a dataset says nothing any more of whom it did not name.
    pub(super) fn remove_unseen_facts(&mut self, dataset: Dataset) -> Result<u64, store::Error> {
        let unseen = self.draft.remove_unseen_facts(dataset);
        for id in &unseen {
            self.staging.remove_user_fact(dataset, *id)?;
        }
        Ok(unseen.len() as u64)
    }

    /// Every license that Microsoft lists, sorted; whether that is news.
    pub(super) fn set_licenses(&mut self, licenses: Vec<License>) -> Result<bool, store::Error> {
        let held = self.licenses.take();
        let held = held.unwrap_or_else(|| self.listed_licenses());
        let (changed, gone) = difference(&held, &licenses, |license| license.sku_id);
        for license in &changed {
            self.staging.put_license(license)?;
        }
        for id in &gone {
            self.staging.remove_license(*id)?;
        }
        let is_news = !changed.is_empty() || !gone.is_empty();
        self.licenses = Some(licenses);
        Ok(is_news)
    }

    /// Every subscription, sorted; whether that is news.
    pub(super) fn set_subscriptions(
        &mut self,
        subscriptions: Vec<Subscription>,
    ) -> Result<bool, store::Error> {
        let held = self.subscriptions.take();
        let held = held.as_deref().unwrap_or(self.base.subscriptions());
        let (changed, gone) = difference(held, &subscriptions, |subscription| subscription.id);
        for subscription in &changed {
            self.staging.put_subscription(subscription)?;
        }
        for id in &gone {
            self.staging.remove_subscription(*id)?;
        }
        let is_news = !changed.is_empty() || !gone.is_empty();
        self.subscriptions = Some(subscriptions);
        Ok(is_news)
    }

    /// Every group, sorted; whether that is news.
    pub(super) fn set_groups(&mut self, groups: Vec<Group>) -> Result<bool, store::Error> {
        let held = self.groups.take();
        let held = held.as_deref().unwrap_or(self.base.groups());
        let (changed, gone) = difference(held, &groups, |group| group.object_id);
        for group in &changed {
            self.staging.put_group(group)?;
        }
        for id in &gone {
            self.staging.remove_group(*id)?;
        }
        let is_news = !changed.is_empty() || !gone.is_empty();
        self.groups = Some(groups);
        Ok(is_news)
    }

    pub(super) fn set_standing(&mut self, mut standing: Standing) -> Result<(), store::Error> {
        if standing.dataset == Dataset::Users {
            self.keep_former_names(&mut standing);
        }
        self.staging.set_standing(&standing)?;
        self.standings.push(standing);
        Ok(())
    }

    /// The standing of the users, with the names that they no longer have; for joining reports.
    pub(super) fn users_standing(&self) -> Standing {
        let users = self.newest_standing(Dataset::Users).cloned();
        users.unwrap_or_else(|| Standing::new(Dataset::Users))
    }

    /// Where a user stands who came into groups (true) and left them; whether that is news.
    pub(super) fn move_user(
        &mut self,
        user: ObjectId,
        moves: &BTreeMap<ObjectId, bool>,
        is_whole: bool,
    ) -> Result<bool, store::Error> {
        let held = match self.draft.fact(Dataset::Groups, user) {
            Some(UserFact::Memberships(held)) if !is_whole => held.groups,
            _ => Vec::new(),
        };
        let groups = moved(held, moves);
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

    /// Those who were absent and are users now are in their groups; whether there are any.
    pub(super) fn let_in(&mut self) -> Result<bool, store::Error> {
        let mut is_news = false;
        for came in self.absent.take_present(|id| self.draft.holds(id)) {
            let joined = came.groups.into_iter().map(|group| (group, true));
            is_news |= self.move_user(came.object_id, &joined.collect(), false)?;
        }
        Ok(is_news)
    }

    /// Whatever came of the groups: nobody who came or went in this run loses its memberships.
    pub(super) fn keep_absent(&mut self) -> Result<(), store::Error> {
        self.let_in()?;
        let Some(standing) = self.newest_standing(Dataset::Groups) else {
            return Ok(());
        };
        let groups = self.groups.as_deref().unwrap_or(self.base.groups());
        let groups: HashSet<ObjectId> = groups.iter().map(|group| group.object_id).collect();
        let absent_members = self.absent.to_list(&groups, self.as_of);
        if absent_members == standing.absent_members {
            return Ok(());
        }
        let standing = Standing {
            absent_members,
            ..standing.clone()
        };
        self.set_standing(standing)
    }

    /// The standing of this run, else the one before it.
    fn newest_standing(&self, dataset: Dataset) -> Option<&Standing> {
        let mut told = self.standings.iter().rev();
        let told = told.find(|standing| standing.dataset == dataset);
        told.or_else(|| self.base.standing(dataset))
    }

    /// Everything but what is staged: what the next index is made of, and the staging.
    pub(super) fn into_parts(self, now: Timestamp) -> (TenantUpdate, Staging, Effort) {
        let update = TenantUpdate {
            organization: self.organization,
            licenses: self.licenses,
            users: Some(self.draft),
            groups: self.groups,
            subscriptions: self.subscriptions,
            history: Some(self.history),
            standings: self.standings,
            as_of: Some(self.as_of),
            now,
        };
        (update, self.staging, self.effort)
    }

    fn listed_licenses(&self) -> Vec<License> {
        let listed = self.base.licenses().iter().filter(|entry| entry.is_listed);
        listed.map(|entry| entry.license.clone()).collect()
    }

    /// Remembers the name that a user had, where it has another now or is gone.
    fn note_rename(&mut self, id: ObjectId, now: Option<&str>) {
        let Some(before) = self.base.find(id) else {
            return;
        };
        let name = Folded::new(before.user_principal_name());
        if now.map(Folded::new).as_ref() != Some(&name) {
            self.renamed.push(FormerName {
                name: name.as_str().to_owned(),
                object_id: id,
                until: self.as_of,
            });
        }
    }

    /// Adds the names of this run to those of before, newest first, as long as they are of use. Whatever
    /// does not fit makes names known only since then.
    fn keep_former_names(&self, users: &mut Standing) {
        users.former_names.extend(self.renamed.iter().cloned());
        let held = usize::try_from(self.draft.len()).unwrap_or(usize::MAX);
        let max = held.clamp(FORMER_NAMES_MIN, store::FORMER_NAMES_MAX);
        let lost_at = forget_names(&mut users.former_names, max);
        let since = users.names_since.unwrap_or(self.as_of);
        users.names_since = Some(since.max(lost_at.unwrap_or(since)));
    }
}

/// Sorts names, newest first, and forgets those that reports use no more. Of more than so many the
/// oldest are forgotten too, and the answer is when the newest of these was lost.
fn forget_names(names: &mut Vec<FormerName>, max: usize) -> Option<Timestamp> {
    names.sort_by_key(|name| std::cmp::Reverse(name.until));
    let newest = names.first()?.until;
    names.retain(|name| newest.duration_since(name.until) < FORMER_NAMES_KEPT);
    let lost_at = names.get(max).map(|name| name.until);
    names.truncate(max);
    lost_at
}

/// Puts a value in its place of a list that is sorted by key.
fn put<T, K: Ord>(list: &mut Vec<T>, value: T, key: impl Fn(&T) -> K) {
    match list.binary_search_by_key(&key(&value), &key) {
        Ok(place) => list[place] = value,
        Err(place) => list.insert(place, value),
    }
}

/// What is new or different in `next` against `held`, and what is gone; both are sorted by key.
fn difference<'a, T: PartialEq, K: Ord>(
    held: &[T],
    next: &'a [T],
    key: impl Fn(&T) -> K,
) -> (Vec<&'a T>, Vec<K>) {
    let changed = next.iter().filter(|one| {
        let place = held.binary_search_by(|other| key(other).cmp(&key(one)));
        place.ok().and_then(|place| held.get(place)) != Some(*one)
    });
    let gone = held.iter().filter(|one| {
        next.binary_search_by(|other| key(other).cmp(&key(one)))
            .is_err()
    });
    (changed.collect(), gone.map(&key).collect())
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    /// Names that were lost so many days after the first of November.
    fn lost_on(days: &[i64]) -> Vec<FormerName> {
        let first = jiff::civil::date(2026, 11, 1);
        let until = |days: &i64| (first + days.days()).to_zoned(jiff::tz::TimeZone::UTC);
        let name = |days| FormerName {
            name: "ann@x".to_owned(),
            object_id: ObjectId(uuid::Uuid::nil()),
            until: until(days).unwrap().timestamp(),
        };
        days.iter().map(name).collect()
    }

    #[track_caller]
    fn check(days: &[i64], max: usize, kept: &[i64], lost: Option<i64>) {
        let mut names = lost_on(days);
        let lost_at = forget_names(&mut names, max);
        assert_eq!(names, lost_on(kept));
        assert_eq!(lost_at, lost.map(|day| lost_on(&[day])[0].until));
    }

    #[test]
    fn names_are_forgotten_when_they_are_old_or_too_many_and_only_the_latter_is_a_loss() {
        check(&[], 3, &[], None);
        check(&[1, 3, 2], 3, &[3, 2, 1], None);
        check(&[0, 30, 29, 1], 3, &[30, 29, 1], None);
        check(&[4, 1, 3, 2], 2, &[4, 3], Some(2));
        check(&[5, 5, 5], 2, &[5, 5], Some(5));
    }
}
