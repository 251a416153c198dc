//! One account of the organization, worked out from its number.

use super::departments::DEPARTMENTS;
use super::departments::Department;
use super::departments::EXECUTIVE_OFFICE;
use super::departments::Work;
use super::departments::department_at;
use super::licensing::Held;
use super::licensing::first_products;
use super::names::CULTURES;
use super::names::Name;
use super::offices::OFFICES;
use super::offices::Office;
use super::offices::office_at;
use super::products::position::POWER_BI_PRO;
use super::products::position::SPE_E3;
use crate::simulator::random::Draws;
use crate::simulator::random::Stream;
use crate::simulator::random::spread;

/// The account that signs in for the delegated flow.
pub(crate) const SERVICE_ACCOUNT: u64 = 1;
/// Somebody in Sales with Microsoft 365 E3, in every organization that has three accounts.
const SALESPERSON: u64 = 2;
/// Rounds of changes with this bit give people other surnames, in their addresses too.
pub(crate) const RENAMING: u32 = 1 << 31;
/// A team: its first member leads it.
pub(crate) const TEAM: u64 = 8;
/// 2026-10-31T00:00:00Z: nothing in a new organization is younger.
pub(crate) const YOUNGEST: i64 = 1_793_404_800;
/// 2011-01-01T00:00:00Z: nothing is older.
const OLDEST: i64 = 1_293_840_000;
/// 2018-06-01T00:00:00Z: Microsoft knows no creation date of some accounts from before.
const DATES_ARE_KEPT_SINCE: i64 = 1_527_811_200;

/// What an account stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Employee,
    /// Invited from a partner.
    Guest,
    /// A meeting room's mailbox.
    Room,
    /// A mailbox that many read.
    SharedMailbox,
    /// A program's account.
    ServiceAccount,
}

/// A title in two parts, so that nothing is put together before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Title {
    pub(crate) rank: &'static str,
    pub(crate) role: &'static str,
}

/// One account.
#[derive(Clone)]
pub(crate) struct Person {
    /// Its number; the manager's is always lower.
    pub(crate) index: u64,
    pub(crate) kind: Kind,
    /// `accountEnabled`.
    pub(crate) is_enabled: bool,
    pub(crate) given: &'static Name,
    pub(crate) surname: &'static Name,
    /// The surname in the addresses: it stays when the person takes another.
    pub(crate) first_surname: &'static Name,
    /// The surname in the addresses before the last renaming.
    pub(crate) former_surname: Option<&'static Name>,
    pub(crate) department: Option<&'static Department>,
    pub(crate) title: Option<Title>,
    pub(crate) office: &'static Office,
    /// `userType`; `None` is null.
    pub(crate) user_type: Option<&'static str>,
    /// `createdDateTime` in seconds since 1970; `None` is null.
    pub(crate) created_at: Option<i64>,
    /// When it was really made, known to Microsoft or not.
    pub(crate) since: i64,
    /// `employeeHireDate` in seconds since 1970; `None` is null.
    pub(crate) hired_at: Option<i64>,
    /// `onPremisesSyncEnabled`; `None` is null.
    pub(crate) is_synced: Option<bool>,
    /// `employeeType`.
    pub(crate) employee_type: Option<&'static str>,
    /// The manager's number.
    pub(crate) manager: Option<u64>,
    /// The products held.
    pub(crate) held: Held,
}

impl Person {
    /// The account as it was made: a function of the two numbers and of nothing else.
    pub(crate) fn new(seed: u64, index: u64) -> Self {
        let kind = kind(seed, index);
        let mut draws = Draws::about(seed, Stream::Person, index);
        let team = index / TEAM;
        let department = department(seed, index, team, &mut draws);
        let office = office(seed, team, &mut draws);
        let culture = if draws.chance(780) {
            office.culture
        } else {
            draws.below(CULTURES.len() as u64) as usize
        };
        let given = name_of(culture, |culture| culture.given, &mut draws);
        let surname = name_of(culture, |culture| culture.surnames, &mut draws);
        let leads = index.is_multiple_of(TEAM);
        let work = DEPARTMENTS
            .get(department)
            .map_or(Work::Desk, |department| department.work);
        let mut held = first_products(seed, index, kind, work, leads);
        let has_left =
            !leads && index != SALESPERSON && spread(seed, Stream::Leaving, index, 1000) < 50;
        if index == SERVICE_ACCOUNT {
            held = Held::default();
        } else if index == SALESPERSON && !held.has(SPE_E3) {
            held = Held::default();
            held.toggle(SPE_E3);
        }
        let mut dates = Draws::about(seed, Stream::Dates, index);
        let creation = creation(&mut dates);
        let since = creation.since;
        let is_synced = match (kind, draws.below(100)) {
            (Kind::Employee, 0..55) | (Kind::ServiceAccount, 0..30) => Some(true),
            (Kind::Employee, 55..57) => Some(false),
            _ => None,
        };
        let is_old = since < DATES_ARE_KEPT_SINCE;
        let user_type = match kind {
            Kind::Guest => Some("Guest"),
            Kind::Employee
                if is_old
                    && is_synced == Some(true)
                    && index != SALESPERSON
                    && draws.chance(60) =>
            {
                None
            }
            _ => Some("Member"),
        };
        Self {
            index,
            kind,
            is_enabled: match kind {
                // A device in the room signs in with its license.
                Kind::Room => !held.is_empty(),
                Kind::SharedMailbox => false,
                Kind::Employee => !has_left,
                Kind::Guest | Kind::ServiceAccount => true,
            },
            given,
            surname,
            first_surname: surname,
            former_surname: None,
            department: shown_department(index, kind, department, &mut draws),
            title: title(index, kind, department, &mut draws),
            office,
            user_type,
            created_at: creation.known,
            since,
            hired_at: hired_at(kind, since, &mut dates),
            is_synced,
            employee_type: employee_type(kind, &mut draws),
            manager: manager(index, kind, &mut draws),
            held,
        }
    }

    /// Whether it is an account of a human being.
    pub(crate) fn is_human(&self) -> bool {
        matches!(self.kind, Kind::Employee | Kind::Guest)
    }

    /// What happens to the account in one round of changes; every round leaves it different.
    pub(crate) fn change(&mut self, seed: u64, round: u32) {
        let mut draws = Draws::about(seed, Stream::Edit, self.index ^ (u64::from(round) << 40));
        if round & RENAMING != 0 {
            return self.rename(&mut draws);
        }
        let what = if self.kind == Kind::Employee {
            draws.below(6)
        } else {
            5
        };
        match what {
            0 => {
                let next =
                    1 + self.department.map_or(0, department_position) + draws.below(22) as usize;
                let next = next % EXECUTIVE_OFFICE; // Never into the executive office.
                self.department = DEPARTMENTS.get(next);
                self.title = title(self.index, self.kind, next, &mut draws);
            }
            1 => self.office = another(&OFFICES, self.office, |office| office.site, &mut draws),
            2 | 3 => self.held.toggle(POWER_BI_PRO),
            4 => {
                let all = CULTURES
                    .get(self.office.culture)
                    .map_or(&[][..], |culture| culture.surnames);
                self.surname = another(all, self.surname, |name| name.written, &mut draws);
            }
            _ => self.is_enabled = !self.is_enabled,
        }
    }

    /// The account under the name that it had before the last renaming.
    pub(crate) fn before_renaming(&self) -> Self {
        let surname = self.former_surname.unwrap_or(self.surname);
        Self {
            surname,
            first_surname: self.former_surname.unwrap_or(self.first_surname),
            ..self.clone()
        }
    }

    /// Another surname, that shows in the addresses too.
    fn rename(&mut self, draws: &mut Draws) {
        let all = CULTURES
            .get(self.office.culture)
            .map_or(&[][..], |culture| culture.surnames);
        self.former_surname = Some(self.first_surname);
        self.surname = another(all, self.first_surname, |name| name.address, draws);
        self.first_surname = self.surname;
    }
}

/// One of `all` whose key differs from that of `current`; `current` where there is none.
fn another<T>(
    all: &'static [T],
    current: &'static T,
    key: fn(&T) -> &str,
    draws: &mut Draws,
) -> &'static T {
    let from = draws.below(all.len() as u64) as usize;
    all.iter()
        .cycle()
        .skip(from)
        .take(all.len())
        .find(|candidate| key(candidate) != key(current))
        .unwrap_or(current)
}

/// When an account was made.
pub(crate) struct Creation {
    /// When it was really made.
    since: i64,
    /// What Microsoft knows of that: `createdDateTime`.
    pub(crate) known: Option<i64>,
}

/// When an account was made, without working out the rest of it.
pub(crate) fn creation_of(seed: u64, index: u64) -> Creation {
    creation(&mut Draws::about(seed, Stream::Dates, index))
}

fn creation(dates: &mut Draws) -> Creation {
    let since = OLDEST + dates.below((YOUNGEST - OLDEST) as u64) as i64;
    let is_forgotten = since < DATES_ARE_KEPT_SINCE && dates.chance(120);
    Creation {
        since,
        known: (!is_forgotten).then_some(since),
    }
}

/// Where a department stands in [`DEPARTMENTS`].
pub(crate) fn department_position(department: &Department) -> usize {
    DEPARTMENTS
        .iter()
        .position(|other| other.name == department.name)
        .unwrap_or(0)
}

fn kind(seed: u64, index: u64) -> Kind {
    if index == SERVICE_ACCOUNT {
        return Kind::ServiceAccount;
    }
    if index.is_multiple_of(TEAM) || index == SALESPERSON {
        return Kind::Employee;
    }
    // Of all accounts 8 % are guests, 1.5 % rooms and shared mailboxes: seven of eight are drawn here.
    match spread(seed, Stream::Kind, index, 10_000) {
        0..920 => Kind::Guest,
        920..1020 => Kind::Room,
        1020..1095 => Kind::SharedMailbox,
        1095..1165 => Kind::ServiceAccount,
        _ => Kind::Employee,
    }
}

/// Where the account belongs; nine of ten sit with their team.
fn department(seed: u64, index: u64, team: u64, draws: &mut Draws) -> usize {
    let own = draws.chance(100);
    let drawn = draws.below(1000);
    match index {
        0 => EXECUTIVE_OFFICE,
        SALESPERSON => 0,
        _ if own => department_at(drawn),
        _ => department_at(spread(seed, Stream::Team, team, 1000)),
    }
}

fn shown_department(
    index: u64,
    kind: Kind,
    department: usize,
    draws: &mut Draws,
) -> Option<&'static Department> {
    let is_unset = draws.chance(match kind {
        Kind::Employee if index == SALESPERSON => 0,
        Kind::Employee => 25,
        Kind::Guest => 850,
        Kind::Room => 900,
        Kind::SharedMailbox => 300,
        Kind::ServiceAccount => 600,
    });
    if is_unset {
        None
    } else {
        DEPARTMENTS.get(department)
    }
}

fn office(seed: u64, team: u64, draws: &mut Draws) -> &'static Office {
    let own = draws.chance(200);
    let drawn = draws.below(1000);
    let of_team = Draws::about(seed, Stream::Team, team).below(1000);
    let position = office_at(if own { drawn } else { of_team });
    OFFICES.get(position).unwrap_or(&OFFICES[0])
}

fn name_of(
    culture: usize,
    names: fn(&super::names::Culture) -> &'static [Name],
    draws: &mut Draws,
) -> &'static Name {
    const NOBODY: &Name = &Name {
        written: "Nestor",
        address: "nestor",
    };
    CULTURES
        .get(culture)
        .and_then(|culture| draws.choice(names(culture)))
        .unwrap_or(NOBODY)
}

fn title(index: u64, kind: Kind, department: usize, draws: &mut Draws) -> Option<Title> {
    let department = DEPARTMENTS.get(department)?;
    if kind != Kind::Employee {
        return None;
    }
    if index == 0 {
        return Some(Title {
            rank: "",
            role: "Chief Executive Officer",
        });
    }
    if index.is_multiple_of(TEAM) {
        let rank = match index {
            _ if index.is_multiple_of(TEAM * TEAM * TEAM) => "Vice President, ",
            _ if index.is_multiple_of(TEAM * TEAM) => "Director, ",
            _ => "Manager, ",
        };
        return Some(Title {
            rank,
            role: department.name,
        });
    }
    if draws.chance(20) {
        return None;
    }
    let rank = match draws.below(100) {
        0..22 => "Senior ",
        22..30 => "Junior ",
        30..33 => "Principal ",
        _ => "",
    };
    let role = draws.choice(department.titles)?;
    Some(Title { rank, role })
}

fn hired_at(kind: Kind, since: i64, draws: &mut Draws) -> Option<i64> {
    let is_known = kind == Kind::Employee && draws.chance(850);
    let day = (since / 86_400 - draws.below(20) as i64) * 86_400;
    is_known.then_some(day)
}

fn employee_type(kind: Kind, draws: &mut Draws) -> Option<&'static str> {
    let draw = draws.below(100);
    match kind {
        Kind::Employee => match draw {
            0..82 => Some("Employee"),
            82..90 => Some("Contractor"),
            90..93 => Some("Intern"),
            93..95 => Some("Apprentice"),
            _ => None,
        },
        Kind::Guest if draw < 10 => Some("External"),
        _ => None,
    }
}

fn manager(index: u64, kind: Kind, draws: &mut Draws) -> Option<u64> {
    let has_one = draws.chance(match kind {
        Kind::Employee => 985,
        Kind::Guest => 150,
        Kind::ServiceAccount => 500,
        Kind::Room | Kind::SharedMailbox => 0,
    });
    if index == 0 || !has_one {
        return None;
    }
    let team = index / TEAM;
    // Whoever leads a team reports to the one who leads the team of teams.
    Some(if index.is_multiple_of(TEAM) {
        team / TEAM * TEAM
    } else {
        team * TEAM
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(count: u64) -> Vec<Person> {
        (0..count).map(|index| Person::new(42, index)).collect()
    }

    fn share(people: &[Person], matches: impl Fn(&Person) -> bool) -> f64 {
        people.iter().filter(|person| matches(person)).count() as f64 * 100.0 / people.len() as f64
    }

    #[test]
    fn shares_hold_in_a_small_organization() {
        let people = people(800);
        let check = |percent: f64, tolerance: f64, matches: fn(&Person) -> bool| {
            let share = share(&people, matches);
            assert!(
                (share - percent).abs() <= tolerance,
                "{share} instead of {percent}"
            );
        };
        check(8.0, 0.5, |person| person.kind == Kind::Guest);
        check(1.5, 0.4, |person| {
            matches!(person.kind, Kind::Room | Kind::SharedMailbox)
        });
        check(4.0, 1.0, |person| {
            person.kind == Kind::Employee && !person.is_enabled
        });
        check(20.0, 5.0, |person| {
            person
                .department
                .is_some_and(|department| department.name == "Sales")
        });
        check(40.0, 8.0, |person| person.held.has(SPE_E3));
    }

    #[test]
    fn managers_form_a_tree_of_enabled_employees_below_the_chief() {
        let people = people(2000);
        assert_eq!(people[0].manager, None);
        for person in &people[1..] {
            let Some(manager) = person.manager else {
                continue;
            };
            assert!(manager < person.index);
            assert_eq!(people[manager as usize].kind, Kind::Employee);
            assert!(people[manager as usize].is_enabled);
        }
        let unmanaged = people
            .iter()
            .filter(|p| p.kind == Kind::Employee && p.manager.is_none())
            .count();
        assert!((1..80).contains(&unmanaged), "{unmanaged}");
    }

    #[test]
    fn old_accounts_lack_a_type_or_a_date_and_leavers_keep_licenses() {
        let people = people(2000);
        assert!(people.iter().any(|person| person.user_type.is_none()));
        assert!(people.iter().any(|person| person.created_at.is_none()));
        assert!(
            people
                .iter()
                .all(|person| person.created_at.is_some() || person.since < DATES_ARE_KEPT_SINCE)
        );
        let holding = people
            .iter()
            .filter(|p| p.kind == Kind::Employee && !p.is_enabled && !p.held.is_empty());
        assert!(holding.count() > 50);
    }

    #[test]
    fn there_is_always_a_salesperson_with_e3() {
        for seed in 0..200 {
            let person = Person::new(seed, SALESPERSON);
            assert!(person.is_enabled && person.held.has(SPE_E3));
            assert_eq!(person.user_type, Some("Member"));
            assert_eq!(
                person.department.map(|department| department.name),
                Some("Sales")
            );
        }
    }

    #[test]
    fn every_round_of_changes_leaves_an_account_different() {
        let shown = |person: &Person| {
            let department = person.department.map(|department| department.name);
            (
                department,
                person.title,
                person.office.site,
                person.held,
                person.surname.written,
                person.is_enabled,
            )
        };
        for mut person in people(400) {
            for round in 1..6 {
                let before = shown(&person);
                person.change(42, round);
                assert_ne!(
                    shown(&person),
                    before,
                    "person {} in round {round}",
                    person.index
                );
            }
        }
    }
}
