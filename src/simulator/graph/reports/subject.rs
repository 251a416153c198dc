//! Whom the lines of a report are about: the accounts, those that are gone, and some that no list of
//! users ever had.

use uuid::Uuid;

use crate::simulator::organization::Organization;
use crate::simulator::organization::person::Kind;
use crate::simulator::organization::person::Person;
use crate::simulator::organization::usage::FOUNDED_ON;
use crate::simulator::organization::usage::Life;
use crate::simulator::organization::user_id;
use crate::simulator::random::Draws;
use crate::simulator::random::Stream;
use crate::simulator::world::World;

/// Whoever was here before is drawn from another seed.
const FORMER: u64 = 0x00F0_12E2;

/// Whom a line is about, as the reports know them.
pub(super) struct Subject {
    pub(super) person: Person,
    pub(super) life: Life,
    pub(super) object_id: Uuid,
    /// Of the day the report tells of, in Microsoft's mix of cases; empty for some mailboxes of
    /// resources.
    pub(super) principal_name: String,
    pub(super) display_name: String,
    /// `Deleted Date`.
    pub(super) deleted_on: Option<i64>,
}

/// Shows everybody that a report refreshed up to this day knows.
pub(super) fn everybody(world: &World, refreshed_on: i64, mut show: impl FnMut(&Subject)) {
    let organization = &world.organization;
    let happened = world.happened().clone();
    let view = organization.view();
    for index in 0..view.end() {
        let renamed_on = happened.renamed.get(&index);
        let mut person = view.person_or_former(index);
        if renamed_on.is_some_and(|&renamed_on| refreshed_on < renamed_on) {
            person = person.before_renaming();
        }
        let removed_on = happened.removed.get(&index).copied();
        let disabled_on = happened.disabled.get(&index).copied();
        let life = Life::of(organization.seed, &person, disabled_on).ending_on(removed_on);
        let subject = Subject {
            object_id: user_id(organization.seed, index),
            principal_name: as_reported(&person, person.principal_name(organization)),
            display_name: person.display_name(),
            deleted_on: removed_on.filter(|&removed_on| removed_on <= refreshed_on),
            person,
            life,
        };
        if subject.life.made_on <= refreshed_on {
            show(&subject);
        }
    }
    for number in 0..view.end() / 80 + 3 {
        if let Some(subject) = former(organization, number, refreshed_on) {
            show(&subject);
        }
    }
}

/// Somebody who is in no list of users: most are known to be deleted, of the rest nothing is known.
fn former(organization: &Organization, number: u64, refreshed_on: i64) -> Option<Subject> {
    let seed = organization.seed ^ FORMER;
    let mut draws = Draws::about(seed, Stream::Former, number);
    let person = (0..64)
        .map(|attempt| Person::new(seed, 8 * (number * 64 + attempt) + 3))
        .find(|person| person.kind == Kind::Employee && person.held.brings_mailbox())?;
    let gone_on = FOUNDED_ON - draws.below(150) as i64;
    let life = Life::of(seed, &person, None).ending_on(Some(gone_on));
    let (given, surname) = (person.given.address, person.surname.address);
    let deleted_on = (number % 3 != 2 && gone_on <= refreshed_on).then_some(gone_on);
    Some(Subject {
        object_id: user_id(seed, number),
        // A full stop before the number: nobody else is called so.
        principal_name: format!("{given}.{surname}.{number}@{}", organization.domain),
        display_name: person.display_name(),
        deleted_on,
        person,
        life,
    })
}

/// The reports write names in other cases than the directory, and leave those of some resources out.
fn as_reported(person: &Person, name: String) -> String {
    match person.kind {
        Kind::Room if person.index.is_multiple_of(2) => String::new(),
        _ => match person.index % 5 {
            0 => capitalized(&name),
            1 => name.to_ascii_uppercase(),
            _ => name,
        },
    }
}

/// `Adele.Vance7@Contoso.Com`.
fn capitalized(name: &str) -> String {
    let mut begins = true;
    name.chars()
        .map(|letter| {
            let shown = if begins {
                letter.to_ascii_uppercase()
            } else {
                letter
            };
            begins = !letter.is_ascii_alphanumeric();
            shown
        })
        .collect()
}
