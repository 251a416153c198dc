//! Whose a row of a report is.
//!
//! Reports know people by user principal names, and names change hands. A row that may be one's or
//! another's is nobody's: to lose a row costs less than to show a person what another did.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::due::day_of;
use super::packed::Person;
use crate::domain::ids::ObjectId;
use crate::domain::standing::{FormerName, Standing};
use crate::domain::text::Folded;
use crate::engine::{Directory, Named};

/// Reports may use a name for so long after nobody has it.
const FORMER_TIME: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Reports are up to two days late, and so may be the names in them.
const LATE_DAYS: i64 = 2;

/// Finds out whose a row is.
pub(in crate::sync) struct Joiner<'a> {
    holder: Box<Holder<'a>>,
    /// Who had a name lately.
    former: HashMap<&'a str, Vec<&'a FormerName>>,
    /// Since when that is known of every name.
    names_since: Option<Timestamp>,
}

/// Who has a name.
type Holder<'a> = dyn Fn(&Folded) -> Named + 'a;

/// What a row says of whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) person: &'a Person,
    pub(super) last_active_on: Option<Date>,
    /// The refresh date of the report.
    pub(super) reported_on: Option<Date>,
}

/// Whose a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// This user's. With an object id, it may still be nobody we know.
    User(ObjectId),
    /// This user has the name now, but the report may mean somebody who had it before.
    Perhaps(ObjectId),
    /// Nobody's.
    Nobody,
}

impl<'a> Joiner<'a> {
    /// Joins to the people of a directory, whose standing tells of the names that they had.
    pub(in crate::sync) fn new(
        directory: &'a Directory,
        users: &'a Standing,
        now: Timestamp,
    ) -> Self {
        Self {
            names_since: users.names_since,
            ..Self::by(|name| directory.find(name), &users.former_names, now)
        }
    }

    pub(super) fn by<N: Into<Named>>(
        holder: impl Fn(&Folded) -> N + 'a,
        former_names: &'a [FormerName],
        now: Timestamp,
    ) -> Self {
        let mut former: HashMap<&str, Vec<&FormerName>> = HashMap::new();
        for name in former_names {
            if now.duration_since(name.until) <= FORMER_TIME {
                former.entry(&name.name).or_default().push(name);
            }
        }
        Self {
            holder: Box::new(move |name| holder(name).into()),
            former,
            names_since: Some(Timestamp::MIN),
        }
    }

    /// Whether every name is known that a report of a day may use. Before that, whoever has no row may
    /// have one under a name that we never knew.
    pub(super) fn knows_names(&self, reported_on: Option<Date>) -> bool {
        let (Some(since), Some(reported_on)) = (self.names_since, reported_on) else {
            return false;
        };
        reported_on > late_until(since)
    }

    /// Whose a row is; `created_at` says when a user was created.
    pub(super) fn owner(
        &self,
        claim: Claim<'_>,
        created_at: &impl Fn(ObjectId) -> Option<Timestamp>,
    ) -> Owner {
        let name = match claim.person {
            // An id is never given again.
            Person::Id(id) => return Owner::User(*id),
            Person::Name(name) => name,
        };
        let former = self
            .former
            .get(name.as_str())
            .map_or(&[][..], Vec::as_slice);
        let user = match (self.holder)(name) {
            Named::Several => return Owner::Nobody,
            Named::One(holder) => {
                let is_late = former.iter().any(|former| {
                    former.object_id != holder && may_be_meant(former, claim.reported_on)
                });
                if is_late {
                    return Owner::Perhaps(holder);
                }
                holder
            }
            Named::Nobody => match former {
                [one, others @ ..] if others.iter().all(|it| it.object_id == one.object_id) => {
                    one.object_id
                }
                _ => return Owner::Nobody,
            },
        };
        if was_active_before(claim.last_active_on, created_at(user)) {
            Owner::Nobody
        } else {
            Owner::User(user)
        }
    }
}

/// Whether a report may still use a name for who had it before.
fn may_be_meant(former: &FormerName, reported_on: Option<Date>) -> bool {
    reported_on.is_none_or(|reported_on| reported_on <= late_until(former.until))
}

/// The last day whose report may use the names of an instant.
fn late_until(at: Timestamp) -> Date {
    let last = day_of(at).checked_add(LATE_DAYS.days());
    last.unwrap_or(Date::MAX)
}

/// Whether somebody was active before a user was created, by more than the day that clocks and zones
/// may be apart: then it was somebody else, who had the name before.
fn was_active_before(last_active_on: Option<Date>, created_at: Option<Timestamp>) -> bool {
    let (Some(active), Some(created)) = (last_active_on, created_at) else {
        return false;
    };
    let earliest = day_of(created).yesterday().unwrap_or(Date::MIN);
    active < earliest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::msgraph::ReportKey;

    const ANN: ObjectId = ObjectId(Uuid::from_u128(1));
    const BO: ObjectId = ObjectId(Uuid::from_u128(2));
    const CY: ObjectId = ObjectId(Uuid::from_u128(3));

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn former(name: &str, object_id: ObjectId, until: &str) -> FormerName {
        FormerName {
            name: name.to_owned(),
            object_id,
            until: format!("{until}T08:00:00Z").parse().unwrap(),
        }
    }

    /// Ann has her name, and so has Bo, who was created on the 10th; "old@x" is nobody's now.
    fn owner(former: &[FormerName], who: ReportKey, active: &str, reported_on: &str) -> Owner {
        let holder = |name: &Folded| match name.as_str() {
            "ann@x" => Some(ANN),
            "bo@x" => Some(BO),
            _ => None,
        };
        let created_at = |id| (id == BO).then(|| "2026-11-10T23:00:00Z".parse().unwrap());
        let claim = Claim {
            person: &Person::of(&who).unwrap(),
            last_active_on: active.parse().ok(),
            reported_on: reported_on.parse().ok(),
        };
        Joiner::by(holder, former, now()).owner(claim, &created_at)
    }

    #[track_caller]
    fn check(former: &[FormerName], name: &str, active: &str, reported_on: &str, expected: Owner) {
        let who = ReportKey::PrincipalName(name.to_owned());
        assert_eq!(owner(former, who, active, reported_on), expected);
    }

    #[test]
    fn an_id_tells_whose_a_row_is() {
        let found = owner(&[], ReportKey::Id(CY), "2020-01-01", "2026-11-18");
        assert_eq!(found, Owner::User(CY));
    }

    #[test]
    fn a_name_is_found_whatever_its_case() {
        check(&[], "ann@x", "2026-11-01", "2026-11-18", Owner::User(ANN));
        check(&[], " Ann@X", "", "2026-11-18", Owner::User(ANN));
        check(&[], "nobody@x", "", "2026-11-18", Owner::Nobody);
    }

    #[test]
    fn who_was_active_before_the_user_was_created_is_somebody_else() {
        check(&[], "bo@x", "2026-11-10", "2026-11-18", Owner::User(BO));
        check(&[], "bo@x", "2026-11-09", "2026-11-18", Owner::User(BO));
        check(&[], "bo@x", "2026-11-08", "2026-11-18", Owner::Nobody);
        check(&[], "bo@x", "", "2026-11-18", Owner::User(BO));
    }

    #[test]
    fn a_former_name_counts_for_thirty_days_and_only_when_nobody_has_it() {
        let renamed = [former("old@x", CY, "2026-11-15")];
        check(
            &renamed,
            "old@x",
            "2026-11-14",
            "2026-11-18",
            Owner::User(CY),
        );
        let long_ago = [former("old@x", CY, "2026-10-20")];
        check(
            &long_ago,
            "old@x",
            "2026-10-14",
            "2026-11-18",
            Owner::Nobody,
        );
        let reborn = [former("old@x", BO, "2026-11-15")];
        check(&reborn, "old@x", "2026-11-01", "2026-11-18", Owner::Nobody);
        let own = [former("ann@x", ANN, "2026-11-19")];
        check(&own, "ann@x", "2026-11-18", "2026-11-18", Owner::User(ANN));
    }

    #[test]
    fn a_name_that_several_had_lately_is_nobodys() {
        let twice = [
            former("old@x", CY, "2026-11-15"),
            former("old@x", CY, "2026-11-12"),
        ];
        check(&twice, "old@x", "", "2026-11-18", Owner::User(CY));
        let several = [
            former("old@x", CY, "2026-11-15"),
            former("old@x", ANN, "2026-11-12"),
        ];
        check(&several, "old@x", "", "2026-11-18", Owner::Nobody);
    }

    #[test]
    fn a_name_that_changed_hands_is_doubtful_until_reports_have_caught_up() {
        let taken = [former("ann@x", CY, "2026-11-15")];
        check(
            &taken,
            "ann@x",
            "2026-11-14",
            "2026-11-14",
            Owner::Perhaps(ANN),
        );
        check(
            &taken,
            "ann@x",
            "2026-11-16",
            "2026-11-17",
            Owner::Perhaps(ANN),
        );
        check(
            &taken,
            "ann@x",
            "2026-11-16",
            "2026-11-18",
            Owner::User(ANN),
        );
        check(&taken, "ann@x", "2026-11-16", "", Owner::Perhaps(ANN));
    }

    #[test]
    fn names_are_known_to_reports_that_cannot_use_older_ones() {
        #[track_caller]
        fn check(since: Option<&str>, reported_on: &str, expected: bool) {
            let joiner = Joiner {
                names_since: since.map(|at| at.parse().unwrap()),
                ..Joiner::by(|_: &Folded| None, &[], now())
            };
            let known = joiner.knows_names(reported_on.parse().ok());
            assert_eq!(known, expected, "{since:?} {reported_on}");
        }
        check(Some("2026-11-15T23:59:00Z"), "2026-11-17", false);
        check(Some("2026-11-15T23:59:00Z"), "2026-11-18", true);
        check(Some("2026-11-15T23:59:00Z"), "", false);
        check(None, "2026-11-18", false);
    }

    proptest! {
        /// A year of people who are created, renamed, deleted and named alike, in a directory that
        /// is seen every day: reports name people as of up to two days before their refresh date.
        #[test]
        fn a_row_is_never_joined_to_somebody_else(
            changes in prop::collection::vec((0..40_i64, 0..4_usize, 0..3_usize), 0..30),
            lag in 0..=LATE_DAYS,
            seen in 0..40_i64,
            age in 0..=LATE_DAYS,
        ) {
            let day = |day: i64| jiff::civil::date(2026, 10, 1) + day.days();
            let noon = |on: i64| day(on).at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
            let ids = [1, 2, 3, 4].map(|id| ObjectId(Uuid::from_u128(id)));
            let names = ["a@x", "b@x", "c@x"];
            let mut changes = changes;
            changes.sort_by_key(|(on, _, _)| *on);

            // Whoever takes a name that is taken drives the other one out.
            let mut history: Vec<HashMap<&str, ObjectId>> = vec![HashMap::new(); 41];
            let mut current: HashMap<&str, ObjectId> = HashMap::new();
            let mut former: Vec<FormerName> = Vec::new();
            for on in 0..=seen {
                for (_, user, name) in changes.iter().filter(|(own, _, _)| *own == on) {
                    let (user, name) = (ids[*user], names[*name]);
                    let lost: Vec<_> = current
                        .iter()
                        .filter(|(own, id)| (**id == user) != (**own == name))
                        .map(|(own, id)| (*own, *id))
                        .collect();
                    for (lost, object_id) in lost {
                        current.remove(lost);
                        former.push(FormerName {
                            name: lost.to_owned(),
                            object_id,
                            until: noon(on).timestamp(),
                        });
                    }
                    current.insert(name, user);
                }
                history[on as usize] = current.clone();
            }

            let reported = (seen - age).max(0);
            let named = &history[(reported - lag).max(0) as usize];
            let holder = |name: &Folded| current.get(name.as_str()).copied();
            let joiner = Joiner::by(holder, &former, noon(seen).timestamp());
            for (name, meant) in named {
                let person = Person::Name(Folded::new(name));
                let claim = Claim {
                    person: &person,
                    last_active_on: None,
                    reported_on: Some(day(reported)),
                };
                if let Owner::User(found) = joiner.owner(claim, &|_| None) {
                    prop_assert_eq!(found, *meant);
                }
            }
        }
    }
}
