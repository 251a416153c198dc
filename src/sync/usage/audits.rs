//! Who was given or lost licenses and roles, from the audit log.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Applied;
use super::log::{Entry, LogReading};
use crate::domain::audit::{DirectoryChange, DirectoryChanges};
use crate::domain::ids::ObjectId;
use crate::domain::standing::Standing;
use crate::domain::sync_run::Dataset;
use crate::domain::user_fact::UserFact;
use crate::engine::{Change, UsersDraft};
use crate::msgraph::{Client, DirectoryAudit, Error, Meter};
use crate::store::{self, Staging};

/// What a run read of the audit log.
pub(in crate::sync) type AuditReading = LogReading<DirectoryAudit>;

/// Reads what is missing of the audit log, newest first, as far as the budget goes.
pub(in crate::sync) async fn read_directory_audits(
    client: &Client,
    standing: &Standing,
    is_premium: bool,
    requests_max: u64,
    meter: &Meter,
    now: Timestamp,
) -> Result<AuditReading, Error> {
    let mut reading = LogReading::new(standing, is_premium, now);
    let pages = |span| client.directory_audits(span, meter);
    reading.read(meter, requests_max, pages).await?;
    Ok(reading)
}

impl Entry for DirectoryAudit {
    fn id(&self) -> &str {
        &self.id
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn counts(&self) -> bool {
        self.change.is_some() && !self.users.is_empty()
    }

    fn users(&self) -> &[ObjectId] {
        &self.users
    }
}

impl AuditReading {
    /// Adds changes to what is known of each user, and stages what changed.
    pub(in crate::sync) fn apply(
        mut self,
        draft: &mut UsersDraft,
        staging: &mut Staging,
    ) -> Result<Applied, store::Error> {
        self.await_users(|id| draft.holds(id));
        let mut applied = Applied {
            unmatched: 0,
            changed: 0,
            standing: self.next_standing(),
        };
        for (id, new) in by_user(self.entries) {
            let held = match draft.fact(Dataset::DirectoryAudits, id) {
                Some(UserFact::DirectoryChanges(held)) => held.changes,
                _ => Vec::new(),
            };
            let count = new.len() as u64;
            let fact = UserFact::DirectoryChanges(DirectoryChanges {
                object_id: id,
                changes: newest(held, new),
            });
            match draft.set(&fact) {
                None => applied.unmatched += count,
                Some(Change::Unchanged) => {}
                Some(Change::Added | Change::Changed) => {
                    staging.put_user_fact(&fact)?;
                    applied.changed += 1;
                }
            }
        }
        Ok(applied)
    }
}

/// The changes of each user.
fn by_user(entries: Vec<DirectoryAudit>) -> BTreeMap<ObjectId, Vec<DirectoryChange>> {
    let mut users: BTreeMap<ObjectId, Vec<DirectoryChange>> = BTreeMap::new();
    for mut entry in entries {
        let Some(change) = entry.change else {
            continue;
        };
        // One entry may name a user as several targets.
        entry.users.sort_unstable();
        entry.users.dedup();
        for user in entry.users {
            users.entry(user).or_default().push(change.clone());
        }
    }
    users
}

/// The newest changes of those that were known and those that are new, newest first. One that comes
/// again, for the sake of somebody else whom it names, is one.
fn newest(held: Vec<DirectoryChange>, new: Vec<DirectoryChange>) -> Vec<DirectoryChange> {
    let mut all = new;
    for change in held {
        if !all.contains(&change) {
            all.push(change);
        }
    }
    all.sort_by_key(|change| std::cmp::Reverse(change.at));
    all.truncate(DirectoryChanges::KEPT);
    all
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::audit::DirectoryChangeKind;

    fn change(second: i64) -> DirectoryChange {
        DirectoryChange {
            at: Timestamp::from_second(second).unwrap(),
            kind: DirectoryChangeKind::License,
            activity: "Change user license".to_owned(),
            succeeded: Some(true),
            by_user: None,
            by_application: None,
        }
    }

    fn seconds(changes: &[DirectoryChange]) -> Vec<i64> {
        changes.iter().map(|change| change.at.as_second()).collect()
    }

    fn entry(users: &[u128], second: i64) -> DirectoryAudit {
        let id = |user: &u128| ObjectId(Uuid::from_u128(*user));
        DirectoryAudit {
            id: String::new(),
            at: Timestamp::from_second(second).unwrap(),
            change: Some(change(second)),
            users: users.iter().map(id).collect(),
        }
    }

    #[test]
    fn a_change_is_told_of_every_user_it_names_once() {
        let users = by_user(vec![entry(&[1, 2, 1], 30), entry(&[2], 20)]);
        let users: Vec<_> = users.values().map(|changes| seconds(changes)).collect();
        assert_eq!(users, [vec![30], vec![30, 20]]);
    }

    #[test]
    fn the_newest_changes_are_kept() {
        let changes = |seconds: std::ops::Range<i64>| seconds.map(change).collect::<Vec<_>>();
        // Older days are read later, so what is new need not be newer.
        let kept = newest(changes(40..70), changes(0..30));
        let expected: Vec<i64> = (0..30).chain(40..70).rev().take(50).collect();
        assert_eq!(seconds(&kept), expected);
    }

    #[test]
    fn a_change_that_is_told_again_is_one() {
        let mut other = change(20);
        other.succeeded = Some(false);
        let held = vec![change(30), other, change(20), change(10)];
        let all = newest(held.clone(), vec![change(20), change(10)]);
        assert_eq!(seconds(&all), [30, 20, 20, 10]);
        assert!(held.iter().all(|one| all.contains(one)));
    }

    #[test]
    fn only_a_change_of_somebody_counts() {
        assert!(entry(&[1], 30).counts());
        assert!(!entry(&[], 30).counts());
        let other = DirectoryAudit {
            change: None,
            ..entry(&[1], 30)
        };
        assert!(!other.counts());
    }
}
