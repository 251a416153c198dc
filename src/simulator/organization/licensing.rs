//! Who holds which product, and by which path.

use uuid::Uuid;

use super::departments::Work;
use super::person::Kind;
use super::products::PRODUCTS;
use super::products::Product;
use super::products::position::*;
use crate::simulator::random::Draws;
use crate::simulator::random::Stream;
use crate::simulator::random::guid;

/// The products that one account holds: a bit a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Held(u32);

impl Held {
    /// Whether the product at this position of [`PRODUCTS`] is held.
    pub(crate) fn has(self, position: usize) -> bool {
        self.0 & (1 << position) != 0
    }

    /// Takes the product up, or gives it back.
    pub(crate) fn toggle(&mut self, position: usize) {
        self.0 ^= 1 << position;
    }

    fn add(&mut self, position: usize) {
        self.0 |= 1 << position;
    }

    /// Whether nothing is held.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one of the products brings a mailbox.
    pub(crate) fn brings_mailbox(self) -> bool {
        (SPE_E3..=TEAMS_EXPLORATORY).any(|position| self.has(position))
    }

    /// Positions of the products, in the order of [`PRODUCTS`].
    pub(crate) fn positions(self) -> impl Iterator<Item = usize> {
        (0..PRODUCTS.len()).filter(move |&position| self.has(position))
    }
}

/// A path by which an account came to a product: one row of `licenseAssignmentStates`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Path {
    /// `assignedByGroup`; `None` is a direct assignment.
    pub(crate) group: Option<Uuid>,
    /// `state`.
    pub(crate) state: &'static str,
    /// `error`; `None` is written as null, or as the text "None".
    pub(crate) error: Option<&'static str>,
    /// The plans of the product that are off, a bit each.
    pub(crate) disabled: u32,
    /// `lastUpdatedDateTime`, seconds since 1970.
    pub(crate) updated_at: i64,
}

impl Path {
    /// What becomes of the path when its state changes so often: it stays in force, with an error or
    /// without.
    pub(crate) fn change_state(&mut self, times: u32) {
        if !times.is_multiple_of(2) {
            (self.state, self.error) = match self.state {
                "Active" => ("ActiveWithError", Some("DependencyViolation")),
                _ => ("Active", None),
            };
        }
        self.updated_at += i64::from(times) * 3600;
    }
}

/// The ways of one account to one product; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paths {
    pub(crate) first: Path,
    pub(crate) second: Option<Path>,
}

impl Paths {
    /// The paths, one after the other.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.first).chain(self.second.as_ref())
    }

    /// Plans that are off on every path in force: what `assignedLicenses.disabledPlans` says.
    pub(crate) fn disabled_everywhere(&self) -> u32 {
        self.iter()
            .filter(|path| path.state.starts_with("Active"))
            .fold(u32::MAX, |off, path| off & path.disabled)
    }
}

/// The group that hands out a product.
pub(crate) fn licensing_group(seed: u64, position: usize) -> Uuid {
    guid(seed, Stream::GroupId, position as u64)
}

/// What an account is given when it is made.
pub(crate) fn first_products(seed: u64, index: u64, kind: Kind, work: Work, leads: bool) -> Held {
    let mut draws = Draws::about(seed, Stream::Licenses, index);
    let mut held = Held::default();
    match kind {
        Kind::Employee => give_employee(&mut held, &mut draws, work, leads),
        Kind::Guest => {
            give(
                &mut held,
                &mut draws,
                &[
                    (POWER_BI_STANDARD, 30),
                    (POWER_BI_PRO, 15),
                    (AAD_PREMIUM, 20),
                ],
            );
        }
        Kind::Room => {
            // Some were given what is meant for people.
            let chances = [(MICROSOFT_TEAMS_ROOMS_PRO, 600), (SPE_F1, 150)];
            give(&mut held, &mut draws, &chances);
        }
        Kind::SharedMailbox => {
            give(
                &mut held,
                &mut draws,
                &[(EXCHANGESTANDARD, 120), (SPE_E3, 40)],
            );
        }
        Kind::ServiceAccount => {
            give(
                &mut held,
                &mut draws,
                &[(EXCHANGESTANDARD, 150), (AAD_PREMIUM_P2, 80), (SPE_E5, 50)],
            );
        }
    }
    held
}

/// Each product with its chance of a thousand.
fn give(held: &mut Held, draws: &mut Draws, chances: &[(usize, u64)]) {
    for &(position, per_mille) in chances {
        if draws.chance(per_mille) {
            held.add(position);
        }
    }
}

/// One suite at most, the share of each of a thousand.
const SUITES_AT_A_DESK: [(usize, u64); 9] = [
    (SPE_E3, 490),
    (SPE_E5, 200),
    (SPE_F1, 30),
    (SPB, 65),
    (ENTERPRISEPACK, 60),
    (STANDARDPACK, 45),
    (EXCHANGESTANDARD, 25),
    (EXCHANGEENTERPRISE, 15),
    (TEAMS_EXPLORATORY, 20),
];

/// The same for people without a desk.
const SUITES_AT_THE_FRONT: [(usize, u64); 4] = [
    (SPE_F1, 620),
    (SPE_E3, 140),
    (STANDARDPACK, 60),
    (EXCHANGESTANDARD, 40),
];

const EXTRAS: [(usize, u64); 13] = [
    (FLOW_FREE, 330),
    (POWER_BI_STANDARD, 210),
    (EMS, 60),
    (EMSPREMIUM, 12),
    (AAD_PREMIUM, 45),
    (AAD_PREMIUM_P2, 18),
    (MCOEV, 80),
    (VISIO_PLAN1_DEPT, 15),
    (INTUNE_A, 14),
    (ATP_ENTERPRISE, 20),
    (MDATP_XPLAT, 11),
    (CONTOSO_PHONE_SYSTEM_E5, 8),
    (STREAM, 6),
];

fn give_employee(held: &mut Held, draws: &mut Draws, work: Work, leads: bool) {
    let suites: &[(usize, u64)] = match work {
        Work::Frontline if !leads => &SUITES_AT_THE_FRONT,
        _ => &SUITES_AT_A_DESK,
    };
    let mut left = draws.below(1000);
    for &(position, share) in suites {
        if left < share {
            held.add(position);
            break;
        }
        left -= share;
    }
    if held.is_empty() {
        return; // Without a suite, nobody bothers to hand out extras.
    }
    give(held, draws, &EXTRAS);
    let by_work: [(usize, u64); 5] = match work {
        Work::Figures => [
            (POWER_BI_PRO, 420),
            (MICROSOFT_365_COPILOT, 80),
            (VISIOCLIENT, 10),
            (PROJECTPROFESSIONAL, 8),
            (PROJECTPREMIUM, 2),
        ],
        Work::Projects => [
            (POWER_BI_PRO, 70),
            (MICROSOFT_365_COPILOT, 90),
            (VISIOCLIENT, 120),
            (PROJECTPROFESSIONAL, 110),
            (PROJECTPREMIUM, 35),
        ],
        Work::Technical => [
            (POWER_BI_PRO, 40),
            (MICROSOFT_365_COPILOT, 90),
            (VISIOCLIENT, 70),
            (PROJECTPROFESSIONAL, 15),
            (PROJECTPREMIUM, 4),
        ],
        Work::Desk => [
            (POWER_BI_PRO, 60),
            (MICROSOFT_365_COPILOT, 70),
            (VISIOCLIENT, 12),
            (PROJECTPROFESSIONAL, 10),
            (PROJECTPREMIUM, 3),
        ],
        Work::Frontline => [
            (POWER_BI_PRO, 5),
            (MICROSOFT_365_COPILOT, 3),
            (VISIOCLIENT, 3),
            (PROJECTPROFESSIONAL, 3),
            (PROJECTPREMIUM, 1),
        ],
    };
    give(held, draws, &by_work);
    if leads {
        give(
            held,
            draws,
            &[(MICROSOFT_365_COPILOT, 300), (POWER_BI_PRO, 150)],
        );
    }
}

/// How `index` came to the product at `position`, which it holds since about `since`.
pub(crate) fn paths(seed: u64, index: u64, position: usize, since: i64) -> Paths {
    let mut draws = Draws::about(seed, Stream::Paths, index * 32 + position as u64);
    let plans = PRODUCTS
        .get(position)
        .map_or(&[][..], |product| product.plans);
    let mut direct = active(&mut draws, None, plans.len(), since);
    let group = if draws.chance(15) {
        guid(seed, Stream::FormerGroupId, position as u64) // The group is gone, the row still names it.
    } else {
        licensing_group(seed, position)
    };
    let mut by_group = active(&mut draws, Some(group), plans.len(), since);
    // Somebody took the services away one by one and left the license: drawn apart, so that all else stays.
    let key = (index * 32 + position as u64) | 1 << 60;
    if plans.len() >= 5 && Draws::about(seed, Stream::Paths, key).chance(6) {
        let all = u32::MAX >> (32 - plans.len().min(32));
        (direct.disabled, by_group.disabled) = (all, all);
    }
    let way = draws.below(1000);
    let (by_group_below, both_below) = if position <= TEAMS_EXPLORATORY {
        (640, 720)
    } else {
        (250, 290)
    };
    if way < by_group_below {
        Paths {
            first: by_group,
            second: None,
        }
    } else if way < both_below {
        Paths {
            first: direct,
            second: Some(by_group),
        }
    } else if way < both_below + 8 {
        let failing = Path {
            state: "Error",
            error: Some("CountViolation"),
            ..by_group
        };
        Paths {
            first: direct,
            second: Some(failing),
        }
    } else if way < both_below + 12 {
        let off = Path {
            state: "Disabled",
            ..by_group
        };
        Paths {
            first: direct,
            second: Some(off),
        }
    } else {
        Paths {
            first: direct,
            second: None,
        }
    }
}

fn active(draws: &mut Draws, group: Option<Uuid>, plans: usize, since: i64) -> Path {
    let (state, error) = match draws.below(1000) {
        0..4 => ("ActiveWithError", Some("DependencyViolation")),
        4..8 => ("ActiveWithError", Some("MutuallyExclusiveViolation")),
        8..10 => ("ActiveWithError", Some("Other")),
        _ => ("Active", None),
    };
    // The services that organizations switch off are at the end of the larger products.
    let disabled = if plans >= 5 && draws.chance(140) {
        match draws.below(3) {
            0 => 1 << (plans - 1),
            1 => 1 << (plans - 2),
            _ => (1 << (plans - 1)) | (1 << (plans - 2)),
        }
    } else {
        0
    };
    Path {
        group,
        state,
        error,
        disabled,
        updated_at: since + draws.below(300 * 86_400) as i64,
    }
}

/// A product that an employee should get by a group and does not: the row is there, the seat is not.
pub(crate) fn failing_product(
    seed: u64,
    index: u64,
    held: Held,
    since: i64,
) -> Option<(usize, Path)> {
    const FAILURES: [(usize, &str); 4] = [
        (PROJECTPROFESSIONAL, "CountViolation"),
        (MCOEV, "DependencyViolation"),
        (MICROSOFT_365_COPILOT, "ProhibitedInUsageLocationViolation"),
        (ENTERPRISEPACK, "MutuallyExclusiveViolation"),
    ];
    let mut draws = Draws::about(seed, Stream::Paths, index * 32 + 31);
    if !draws.chance(12) {
        return None;
    }
    let &(position, error) = draws.choice(&FAILURES)?;
    let path = Path {
        group: Some(licensing_group(seed, position)),
        state: "Error",
        error: Some(error),
        disabled: 0,
        updated_at: since,
    };
    (!held.has(position)).then_some((position, path))
}

/// The ids of the plans of `product` that `disabled` names.
pub(crate) fn disabled_plans(
    product: &Product,
    disabled: u32,
) -> impl Iterator<Item = &'static str> {
    product
        .plans
        .iter()
        .enumerate()
        .filter(move |(position, _)| disabled & (1 << position) != 0)
        .map(|(_, plan)| plan.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_off_only_if_it_is_off_on_every_path_in_force() {
        let path = |state, disabled| Path {
            group: None,
            state,
            error: None,
            disabled,
            updated_at: 0,
        };
        let check = |first, second, expected| {
            assert_eq!(Paths { first, second }.disabled_everywhere(), expected);
        };
        check(path("Active", 0b11), None, 0b11);
        check(path("Active", 0b11), Some(path("Active", 0b01)), 0b01);
        check(path("Active", 0b11), Some(path("ActiveWithError", 0)), 0);
        check(path("Active", 0b11), Some(path("Error", 0)), 0b11);
    }

    #[test]
    fn a_path_whose_state_changes_stays_in_force() {
        let check = |state, error, times, expected: (&str, Option<&str>)| {
            let mut path = Path {
                group: None,
                state,
                error,
                disabled: 0,
                updated_at: 0,
            };
            path.change_state(times);
            assert_eq!((path.state, path.error), expected, "{state} {times}");
            assert_eq!(path.updated_at > 0, times > 0);
        };
        let failing = ("ActiveWithError", Some("DependencyViolation"));
        check("Active", None, 0, ("Active", None));
        check("Active", None, 1, failing);
        check("Active", None, 2, ("Active", None));
        check("ActiveWithError", Some("Other"), 1, ("Active", None));
    }

    #[test]
    fn paths_are_direct_by_group_and_both() {
        let (mut direct, mut by_group, mut both) = (0, 0, 0);
        for index in 0..1000 {
            let paths = paths(1, index, SPE_E3, 0);
            match (paths.first.group, paths.second) {
                (None, None) => direct += 1,
                (Some(_), None) => by_group += 1,
                (None, Some(second)) => {
                    assert!(second.group.is_some());
                    both += 1;
                }
                (Some(_), Some(_)) => unreachable!("a second path comes after a direct one"),
            }
        }
        assert!(
            direct > 200 && by_group > 550 && both > 50,
            "{direct} {by_group} {both}"
        );
    }

    #[test]
    fn a_failing_product_is_never_one_that_is_held() {
        let mut all = Held::default();
        for position in 0..PRODUCTS.len() {
            all.add(position);
        }
        assert!((0..2000).all(|index| failing_product(1, index, all, 0).is_none()));
        assert!((0..2000).any(|index| failing_product(1, index, Held::default(), 0).is_some()));
    }
}
