//! Which applications people sign in to, from the sign-in log.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Applied;
use super::log::{Entry, LogReading};
use crate::domain::ids::{ApplicationId, ObjectId};
use crate::domain::sign_in::{ApplicationUse, ApplicationUses};
use crate::domain::standing::Standing;
use crate::domain::sync_run::Dataset;
use crate::domain::user_fact::UserFact;
use crate::engine::{Change, UsersDraft};
use crate::msgraph::{Client, Error, Meter, SignIn};
use crate::store::{self, Staging};

/// What a run read of the sign-in log.
pub(in crate::sync) type SignInReading = LogReading<SignIn>;

/// Reads what is missing of the sign-in log, newest first, as far as the budget goes.
pub(in crate::sync) async fn read_sign_ins(
    client: &Client,
    standing: &Standing,
    requests_max: u64,
    meter: &Meter,
    now: Timestamp,
) -> Result<SignInReading, Error> {
    // Nobody else is told of them.
    let is_premium = true;
    let mut reading = LogReading::new(standing, is_premium, now);
    let pages = |span| client.sign_ins(span, meter);
    reading.read(meter, requests_max, pages).await?;
    Ok(reading)
}

impl Entry for SignIn {
    fn id(&self) -> &str {
        &self.id
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn counts(&self) -> bool {
        self.succeeded && self.user.is_some() && self.application.is_some()
    }

    fn users(&self) -> &[ObjectId] {
        self.user.as_slice()
    }
}

impl SignInReading {
    /// Adds successes to what is known of each user, and stages what changed.
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
            let held = match draft.fact(Dataset::SignIns, id) {
                Some(UserFact::ApplicationUses(held)) => held.applications,
                _ => Vec::new(),
            };
            let successes: u64 = new.values().map(|one| u64::from(one.successes)).sum();
            let fact = UserFact::ApplicationUses(ApplicationUses {
                object_id: id,
                applications: added(held, new),
            });
            match draft.set(&fact) {
                None => applied.unmatched += successes,
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

type ByApplication = BTreeMap<ApplicationId, ApplicationUse>;

/// Counts sign-ins by user and application.
fn by_user(entries: Vec<SignIn>) -> BTreeMap<ObjectId, ByApplication> {
    let mut users: BTreeMap<ObjectId, ByApplication> = BTreeMap::new();
    for entry in entries {
        let (Some(user), Some(application)) = (entry.user, entry.application) else {
            continue;
        };
        let one = ApplicationUse {
            application,
            name: entry.application_name,
            succeeded_at: entry.at,
            successes: 1,
        };
        add(users.entry(user).or_default(), one);
    }
    users
}

/// What was known with what is new, by application.
fn added(held: Vec<ApplicationUse>, new: ByApplication) -> Vec<ApplicationUse> {
    let mut all = ByApplication::new();
    for one in held.into_iter().chain(new.into_values()) {
        add(&mut all, one);
    }
    all.into_values().collect()
}

/// Adds a use; an application is called what it was called last.
fn add(uses: &mut ByApplication, one: ApplicationUse) {
    let Some(own) = uses.get_mut(&one.application) else {
        uses.insert(one.application, one);
        return;
    };
    own.successes = own.successes.saturating_add(one.successes);
    let (newer, older) = if one.succeeded_at > own.succeeded_at {
        (one.name, own.name.take())
    } else {
        (own.name.take(), one.name)
    };
    own.name = newer.or(older);
    own.succeeded_at = own.succeeded_at.max(one.succeeded_at);
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn sign_in(user: u128, application: u128, name: &str, second: i64) -> SignIn {
        SignIn {
            id: String::new(),
            at: Timestamp::from_second(second).unwrap(),
            user: Some(ObjectId(Uuid::from_u128(user))),
            application: Some(ApplicationId(Uuid::from_u128(application))),
            application_name: (!name.is_empty()).then(|| name.to_owned()),
            succeeded: true,
        }
    }

    /// Application, name, last success and number of successes.
    fn told(uses: &[ApplicationUse]) -> Vec<(u128, &str, i64, u32)> {
        let told = |one: &'_ ApplicationUse| {
            (
                one.application.0.as_u128(),
                one.succeeded_at.as_second(),
                one.successes,
            )
        };
        let name = |one: &'_ ApplicationUse| one.name.as_deref().unwrap_or("-").to_owned();
        let told = uses.iter().map(|one| (told(one), name(one).leak()));
        told.map(|((id, at, count), name)| (id, &*name, at, count))
            .collect()
    }

    #[test]
    fn sign_ins_are_counted_by_user_and_application() {
        let users = by_user(vec![
            sign_in(1, 7, "CRM", 30),
            sign_in(2, 7, "CRM", 25),
            sign_in(1, 8, "Wiki", 20),
            sign_in(1, 7, "Old CRM", 10),
            sign_in(1, 7, "", 40),
        ]);
        let users: Vec<_> = users
            .into_values()
            .map(|new| added(Vec::new(), new))
            .collect();
        assert_eq!(told(&users[0]), [(7, "CRM", 40, 3), (8, "Wiki", 20, 1)]);
        assert_eq!(told(&users[1]), [(7, "CRM", 25, 1)]);
    }

    #[test]
    fn what_is_new_is_added_to_what_was_known() {
        let held = by_user(vec![sign_in(1, 7, "CRM", 30), sign_in(1, 9, "Mail", 5)]);
        let held = added(Vec::new(), held.into_values().next().unwrap());
        let new = by_user(vec![sign_in(1, 8, "Wiki", 20), sign_in(1, 7, "Older", 10)]);
        let all = added(held, new.into_values().next().unwrap());
        assert_eq!(
            told(&all),
            [(7, "CRM", 30, 2), (8, "Wiki", 20, 1), (9, "Mail", 5, 1)]
        );
    }

    #[test]
    fn only_successes_of_somebody_at_something_count() {
        let entry = sign_in(1, 7, "CRM", 30);
        assert!(entry.counts());
        assert!(
            !SignIn {
                succeeded: false,
                ..entry.clone()
            }
            .counts()
        );
        assert!(
            !SignIn {
                user: None,
                ..entry.clone()
            }
            .counts()
        );
        assert!(
            !SignIn {
                application: None,
                ..entry
            }
            .counts()
        );
    }
}
