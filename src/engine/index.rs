//! All facts of one tenant, ready to be asked.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::activity::Horizon;
use crate::domain::declared::Declared;
use crate::domain::filter::UserOrderField;
use crate::domain::finding::{FindingKey, FindingsPast};
use crate::domain::group::Group;
use crate::domain::ids::{ObjectId, SkuId, SubscriptionId, TenantKey};
use crate::domain::license::License;
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::Dataset;
use crate::domain::tenant::Organization;
use crate::domain::text::Folded;

use super::activity::Activity;
use super::bits::Bits;
use super::changes::ChangeLog;
use super::draft::{Stirred, UsersDraft};
use super::findings::{Decisions, Findings, Judged};
use super::heap::{Heap, Parts};
use super::history::{History, HistoryDraft};
use super::licenses::{LicenseEntry, Licenses, NameLicense};
use super::orders::Key;
use super::rates::Rates;
use super::row::UserRow;
use super::users::Users;

/// All facts of one tenant as one sync run read them, ready to be asked. A clone shares everything.
#[derive(Clone)]
pub struct TenantIndex {
    key: TenantKey,
    as_of: Option<Timestamp>,
    organization: Option<Arc<Organization>>,
    licenses: Arc<Licenses>,
    /// By GUID.
    groups: Arc<Vec<Group>>,
    /// By GUID.
    subscriptions: Arc<Vec<Subscription>>,
    /// In the order of [`Dataset::ALL`].
    standings: Arc<Vec<Standing>>,
    users: Users,
    activity: Arc<Activity>,
    pub(super) findings: Findings,
    pub(super) decisions: Arc<Decisions>,
    history: Arc<History>,
    pub(super) changes: Arc<ChangeLog>,
    /// When it was judged last; `None` while there is nothing to judge.
    judged_at: Option<Timestamp>,
}

/// What a run brings; `None` keeps what the index has.
pub struct TenantUpdate {
    /// What Microsoft says of the organization.
    pub organization: Option<Organization>,
    /// Every license that Microsoft lists.
    pub licenses: Option<Vec<License>>,
    /// The users, changed on top of this index.
    pub users: Option<UsersDraft>,
    /// Every group.
    pub groups: Option<Vec<Group>>,
    /// Every subscription.
    pub subscriptions: Option<Vec<Subscription>>,
    /// The history, changed on top of this index.
    pub history: Option<HistoryDraft>,
    /// Standings that changed.
    pub standings: Vec<Standing>,
    /// When the run that brought it read Microsoft.
    pub as_of: Option<Timestamp>,
    /// What time it is: activity is judged by it.
    pub now: Timestamp,
}

impl TenantIndex {
    /// A tenant of which nothing is known.
    pub fn empty(key: TenantKey) -> Self {
        Self {
            key,
            as_of: None,
            organization: None,
            licenses: Arc::default(),
            groups: Arc::default(),
            subscriptions: Arc::default(),
            standings: Arc::default(),
            users: Users::default(),
            activity: Arc::default(),
            findings: Findings::default(),
            decisions: Arc::default(),
            history: Arc::default(),
            changes: Arc::default(),
            judged_at: None,
        }
    }

    /// A tenant of which nothing is known but what the operator decided and what is remembered of
    /// findings.
    pub fn remembering(key: TenantKey, decisions: Decisions, past: Vec<FindingsPast>) -> Self {
        Self {
            findings: Findings::remembering(past),
            decisions: Arc::new(decisions),
            ..Self::empty(key)
        }
    }

    /// The tenant.
    pub fn key(&self) -> &TenantKey {
        &self.key
    }

    /// When the run that brought the latest facts read Microsoft; `None` before the first one.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// What Microsoft says of the organization; `None` while it was never read.
    pub fn organization(&self) -> Option<&Organization> {
        self.organization.as_deref()
    }

    /// By GUID. Products that only an assignment names are among them (status "Unknown", no seats).
    pub fn licenses(&self) -> &[LicenseEntry] {
        self.licenses.entries()
    }

    /// One license, by its GUID.
    pub fn license(&self, id: SkuId) -> Option<&LicenseEntry> {
        self.licenses.get(id)
    }

    /// By GUID.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// One group, by its GUID.
    pub fn group(&self, id: ObjectId) -> Option<&Group> {
        let place = self
            .groups
            .binary_search_by_key(&id, |group| group.object_id)
            .ok()?;
        self.groups.get(place)
    }

    /// How many direct members a group has among the users.
    pub fn member_count(&self, id: ObjectId) -> u64 {
        let members = self.users.facts().members(id);
        members.map_or(0, |members| u64::from(members.len()))
    }

    /// By GUID.
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// One subscription, by its GUID.
    pub fn subscription(&self, id: SubscriptionId) -> Option<&Subscription> {
        let subscriptions = &self.subscriptions;
        let place = subscriptions.binary_search_by_key(&id, |own| own.id).ok()?;
        subscriptions.get(place)
    }

    /// What is known of a dataset besides its rows; `None` while it was never read.
    pub fn standing(&self, dataset: Dataset) -> Option<&Standing> {
        standing_of(&self.standings, dataset)
    }

    /// Holders of a license by activity state, in the order of
    /// [`ActivityState::ALL`](crate::domain::usage::ActivityState::ALL).
    pub fn holders_by_activity(&self, id: SkuId) -> [u64; 4] {
        let none = Bits::default();
        let holders = self.users.assignments().holders(id).unwrap_or(&none);
        let sets = self.activity.sets().each_ref();
        sets.map(|set| holders.count_common(set))
    }

    /// The same facts judged at another time; `None` when neither anybody's state nor a finding would
    /// differ. As long as it is the same day and all reports are fresh, that costs next to nothing.
    pub fn judged(&self, now: Timestamp) -> Option<Self> {
        let judged = self.judged_by(Arc::clone(&self.decisions), now, &Bits::default());
        let is_same = Arc::ptr_eq(&judged.activity, &self.activity)
            && judged.findings.is_same(&self.findings);
        (!is_same).then_some(judged)
    }

    /// The same facts judged by other decisions.
    pub fn decided(&self, decisions: Decisions, now: Timestamp) -> Self {
        let (old, new) = (&self.decisions.exemptions, &decisions.exemptions);
        let is_changed = |key: &&FindingKey| old.get(*key) != new.get(*key);
        let changed = old.keys().chain(new.keys()).filter(is_changed);
        let touched = Findings::rows_about(&self.users, changed);
        self.judged_by(Arc::new(decisions), now, &touched)
    }

    /// `touched` holds the rows that may be judged otherwise though nothing changed for everybody.
    fn judged_by(&self, decisions: Arc<Decisions>, now: Timestamp, touched: &Bits) -> Self {
        let horizon = horizon_of(&self.users, &self.standings, &decisions, now);
        let findings = self.findings.followed_by(&Judged {
            tenant: &self.key,
            users: &self.users,
            before: &self.users,
            touched,
            licenses: &self.licenses,
            subscriptions: &self.subscriptions,
            standings: &self.standings,
            horizon: &horizon,
            decisions: &decisions,
            now,
        });
        let activity = self.activity.judged(&self.users, horizon);
        Self {
            activity: activity.map_or_else(|| Arc::clone(&self.activity), Arc::new),
            findings,
            decisions,
            judged_at: Some(now),
            ..self.clone()
        }
    }

    /// How many users there are.
    pub fn user_count(&self) -> u64 {
        u64::from(self.users.live().len())
    }

    /// How many users hold a license, whatever Microsoft counts as consumed.
    pub fn holder_count(&self, id: SkuId) -> u64 {
        let holders = self.users.assignments().holders(id);
        holders.map_or(0, |holders| u64::from(holders.len()))
    }

    /// One user, by Microsoft's GUID.
    pub fn find(self: &Arc<Self>, id: ObjectId) -> Option<UserRow> {
        let row = self.users.find(id)?;
        Some(UserRow::new(self, row))
    }

    /// The user with a user principal name. Should a directory in flux have given it to two, the one
    /// with the smaller id.
    pub fn find_by_principal_name(self: &Arc<Self>, name: &Folded) -> Option<UserRow> {
        let field = UserOrderField::UserPrincipalName;
        let wanted = Some(Key::folded(name.as_str()));
        let sorted = &self.users.orders().get(field).present;
        let place = sorted.partition(|row| self.users.key(field, row) < wanted);
        let row = sorted.row_behind(place)?;
        (self.users.key(field, row) == wanted).then(|| UserRow::new(self, row))
    }

    /// Begins to change the users; shares everything that stays.
    pub fn draft(&self) -> UsersDraft {
        UsersDraft::new(&self.users)
    }

    /// The next index. Licenses are named anew: new users may hold products nobody held before.
    pub fn updated(&self, update: TenantUpdate, name: NameLicense<'_>) -> Self {
        let (users, stirred) = match update.users {
            Some(draft) => draft.finish(),
            None => (self.users.clone(), Stirred::default()),
        };
        let listed = update.licenses.unwrap_or_else(|| self.licenses.listed());
        let licenses = Licenses::new(listed, users.assignments(), name);
        let standings = with_standings(&self.standings, update.standings);
        let horizon = horizon_of(&users, &standings, &self.decisions, update.now);
        let subscriptions = sorted_or(update.subscriptions, &self.subscriptions, |own| own.id);
        let findings = self.findings.followed_by(&Judged {
            tenant: &self.key,
            users: &users,
            before: &self.users,
            touched: &stirred.findings,
            licenses: &licenses,
            subscriptions: &subscriptions,
            standings: &standings,
            horizon: &horizon,
            decisions: &self.decisions,
            now: update.now,
        });
        let activity = self
            .activity
            .followed_by(&users, &licenses, horizon, &stirred.evidence);
        Self {
            key: self.key.clone(),
            as_of: update.as_of.or(self.as_of),
            organization: update
                .organization
                .map(Arc::new)
                .or_else(|| self.organization.clone()),
            licenses: Arc::new(licenses),
            groups: sorted_or(update.groups, &self.groups, |group| group.object_id),
            subscriptions,
            standings,
            users,
            activity,
            findings,
            decisions: Arc::clone(&self.decisions),
            history: update
                .history
                .map_or_else(|| Arc::clone(&self.history), HistoryDraft::finish),
            changes: Arc::clone(&self.changes),
            judged_at: Some(update.now),
        }
    }

    pub(super) fn set_history(&mut self, history: HistoryDraft) {
        self.history = history.finish();
    }

    /// The same facts under other license names.
    pub fn renamed(&self, name: NameLicense<'_>) -> Self {
        let licenses = Licenses::new(self.licenses.listed(), self.users.assignments(), name);
        Self {
            licenses: Arc::new(licenses),
            ..self.clone()
        }
    }

    /// The same facts at the prices of a day, and judged by them.
    pub(super) fn priced(&self, declared: &Arc<Declared>, day: Date) -> Self {
        let decisions = match Arc::ptr_eq(&self.decisions.declared, declared) {
            true => Arc::clone(&self.decisions),
            false => Arc::new(Decisions {
                declared: Arc::clone(declared),
                ..(*self.decisions).clone()
            }),
        };
        let judged = match self.judged_at {
            // Whoever publishes after the day of the prices has judged by a later one.
            Some(at) => {
                let begin = day.to_zoned(TimeZone::UTC).map(|begin| begin.timestamp());
                self.judged_by(
                    decisions,
                    begin.map_or(at, |begin| begin.max(at)),
                    &Bits::default(),
                )
            }
            None => Self {
                decisions,
                ..self.clone()
            },
        };
        let rates = Rates::new(&judged, declared, day);
        Self {
            users: judged.users.clone().priced(rates),
            ..judged
        }
    }

    /// Bytes on the heap that the users and what is said of them take, shared with other indexes or
    /// not. Reads the whole list of chunks: for a page of metrics, not for a query.
    pub fn heap_bytes(&self) -> usize {
        let mut parts = Parts::default();
        let own = self.heap(&mut parts);
        own + parts.bytes()
    }

    /// The same by part, each with its name. What two parts share counts with the first.
    pub fn heap_by_part(&self) -> Vec<(&'static str, usize)> {
        let mut parts = Parts::default();
        let mut by_part = self.users.heap_by_part(&mut parts);
        by_part.push(("activity", parts.grown_by(&*self.activity)));
        by_part.push(("findings", parts.grown_by(&self.findings)));
        by_part.push(("history", parts.grown_by(&*self.history)));
        by_part.push(("changes", parts.grown_by(&*self.changes)));
        by_part
    }

    pub(super) fn activity(&self) -> &Activity {
        &self.activity
    }

    pub(super) fn findings(&self) -> &Findings {
        &self.findings
    }

    pub(super) fn history(&self) -> &Arc<History> {
        &self.history
    }

    pub(super) fn changes(&self) -> &Arc<ChangeLog> {
        &self.changes
    }

    /// The rows in each state, as they would be judged at another time.
    pub(super) fn activity_sets_at(&self, at: Timestamp) -> [Bits; 4] {
        let horizon = horizon_of(&self.users, &self.standings, &self.decisions, at);
        let judged = self.activity.judged(&self.users, horizon);
        let activity = judged.as_ref().unwrap_or(&self.activity);
        activity.sets().clone()
    }

    pub(super) fn users(&self) -> &Users {
        &self.users
    }

    pub(super) fn license_texts(&self) -> &Licenses {
        &self.licenses
    }
}

impl Heap for TenantIndex {
    fn heap(&self, parts: &mut Parts) -> usize {
        self.users.heap(parts)
            + self.activity.heap(parts)
            + self.findings.heap(parts)
            + self.history.heap(parts)
            + self.changes.heap(parts)
    }
}

fn horizon_of(
    users: &Users,
    standings: &[Standing],
    decisions: &Decisions,
    now: Timestamp,
) -> Horizon {
    let standing = |dataset| standing_of(standings, dataset);
    Horizon::new(now, standing, users.facts().shown(), &decisions.policy)
}

fn standing_of(standings: &[Standing], dataset: Dataset) -> Option<&Standing> {
    let place = standings
        .binary_search_by_key(&dataset, |standing| standing.dataset)
        .ok()?;
    standings.get(place)
}

/// The standings with those that changed in the place of older ones.
fn with_standings(old: &Arc<Vec<Standing>>, changed: Vec<Standing>) -> Arc<Vec<Standing>> {
    if changed.is_empty() {
        return Arc::clone(old);
    }
    let mut standings = old.to_vec();
    for standing in changed {
        match standings.binary_search_by_key(&standing.dataset, |own| own.dataset) {
            Ok(place) => standings[place] = standing,
            Err(place) => standings.insert(place, standing),
        }
    }
    Arc::new(standings)
}

/// A new list by its key, or the old one.
fn sorted_or<T, K: Ord>(
    new: Option<Vec<T>>,
    old: &Arc<Vec<T>>,
    key: impl Fn(&T) -> K,
) -> Arc<Vec<T>> {
    let Some(mut new) = new else {
        return Arc::clone(old);
    };
    new.sort_by_key(&key);
    new.dedup_by_key(|entry| key(entry));
    Arc::new(new)
}
