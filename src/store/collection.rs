//! Collections: what the facts of a tenant are kept apart by.
//!
//! A dataset is what is read from Microsoft as one whole; a collection is what is stored as one. Most
//! datasets fill one collection, some several: groups tell of themselves and of who is in them, and
//! every dataset has a standing.

use super::numbers::Numbered;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::Workload;

/// Facts of one kind. The order is the one in which they are loaded: standings first, a user's
/// licenses before the user, and what others say of a user after the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Collection {
    /// What is known of a dataset besides its rows: one row.
    Standing(Dataset),
    /// One row.
    Organization,
    Licenses,
    Users,
    Groups,
    Subscriptions,
    /// Who is in which group: one row a user.
    Memberships,
    /// One row a user.
    SignInActivity,
    /// What the sign-in log says: one row a user.
    ApplicationUses,
    /// What the audit log says: one row a user.
    DirectoryChanges,
    /// A usage report, one of [`Dataset::REPORTS`]: one row a user.
    Usage(Dataset),
    /// The numbers that the history has for users.
    HistoryUsers,
    /// One row a day.
    UsageDays(Workload),
    /// What is remembered of findings: one row a user, and one of all that is about no user.
    Findings,
    /// What changed of users: one row a run.
    UserChanges,
}

/// Where the numbers of collections that there are several of begin. Thirty-two apart: there are
/// fewer datasets and workloads than that.
const USAGE: u32 = 32;
const USAGE_DAYS: u32 = 64;
const STANDING: u32 = 96;

impl Collection {
    /// Every collection, in order.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let single = [
            Self::Organization,
            Self::Licenses,
            Self::Users,
            Self::Groups,
            Self::Subscriptions,
            Self::Memberships,
            Self::SignInActivity,
            Self::ApplicationUses,
            Self::DirectoryChanges,
        ];
        let standings = Dataset::ALL.into_iter().map(Self::Standing);
        standings
            .chain(single)
            .chain(Dataset::REPORTS.into_iter().map(Self::Usage))
            .chain([Self::HistoryUsers])
            .chain(Workload::ALL.into_iter().map(Self::UsageDays))
            .chain([Self::Findings, Self::UserChanges])
    }

    /// What a dataset says of users; `None` for one that says nothing of them in rows of its own.
    pub(super) fn of_user_facts(dataset: Dataset) -> Option<Self> {
        match dataset {
            Dataset::Groups => Some(Self::Memberships),
            Dataset::SignInActivity => Some(Self::SignInActivity),
            Dataset::SignIns => Some(Self::ApplicationUses),
            Dataset::DirectoryAudits => Some(Self::DirectoryChanges),
            report if Dataset::REPORTS.contains(&report) => Some(Self::Usage(report)),
            _ => None,
        }
    }

    /// The dataset that it is read with. The history's users have none: a number that was given
    /// stays, whatever becomes of the report that it was given for. Findings rest on all of them, and so
    /// does what changed.
    pub(super) fn dataset(self) -> Option<Dataset> {
        Some(match self {
            Self::Standing(dataset) | Self::Usage(dataset) => dataset,
            Self::Organization => Dataset::Organization,
            Self::Licenses => Dataset::Licenses,
            Self::Users => Dataset::Users,
            Self::Groups | Self::Memberships => Dataset::Groups,
            Self::Subscriptions => Dataset::Subscriptions,
            Self::SignInActivity => Dataset::SignInActivity,
            Self::ApplicationUses => Dataset::SignIns,
            Self::DirectoryChanges => Dataset::DirectoryAudits,
            Self::HistoryUsers | Self::Findings | Self::UserChanges => return None,
            Self::UsageDays(workload) => workload.dataset(),
        })
    }

    /// Whether its rows are known by the ids of users, so that a list of those serves it.
    pub(super) fn is_by_user(self) -> bool {
        matches!(
            self,
            Self::Users
                | Self::Memberships
                | Self::SignInActivity
                | Self::ApplicationUses
                | Self::DirectoryChanges
                | Self::Usage(_)
                | Self::HistoryUsers
        )
    }

    /// Whether it has one row, so that a new one replaces all before it.
    pub(super) fn has_one_row(self) -> bool {
        matches!(self, Self::Standing(_) | Self::Organization)
    }

    /// What it holds, for messages.
    pub(super) fn name(self) -> String {
        let name = match self {
            Self::Standing(dataset) => return format!("standing of {}", dataset.name()),
            Self::UsageDays(workload) => return format!("days of {}", workload.dataset().name()),
            Self::Usage(dataset) => dataset.name(),
            Self::Organization => "organization",
            Self::Licenses => "licenses",
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Subscriptions => "subscriptions",
            Self::Memberships => "memberships",
            Self::SignInActivity => "sign-in activity",
            Self::ApplicationUses => "application uses",
            Self::DirectoryChanges => "directory changes",
            Self::HistoryUsers => "users of the history",
            Self::Findings => "findings",
            Self::UserChanges => "changes of users",
        };
        name.to_owned()
    }
}

impl Numbered for Collection {
    /// Never reused, and below 128; 1 to 3 are what the first version kept.
    fn number(self) -> u32 {
        match self {
            Self::Organization => 1,
            Self::Users => 2,
            Self::Licenses => 3,
            Self::Groups => 4,
            Self::Subscriptions => 5,
            Self::Memberships => 6,
            Self::SignInActivity => 7,
            Self::ApplicationUses => 8,
            Self::DirectoryChanges => 9,
            Self::HistoryUsers => 10,
            Self::Findings => 11,
            Self::UserChanges => 12,
            Self::Usage(dataset) => USAGE.saturating_add(dataset.number()),
            Self::UsageDays(workload) => USAGE_DAYS.saturating_add(workload.number()),
            Self::Standing(dataset) => STANDING.saturating_add(dataset.number()),
        }
    }

    fn from_number(number: u32) -> Option<Self> {
        Self::all().find(|collection| collection.number() == number)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_collection_has_a_number_of_its_own_and_reads_back() {
        let numbers: BTreeSet<_> = Collection::all().map(Collection::number).collect();
        assert_eq!(numbers.len(), Collection::all().count());
        assert!(numbers.iter().all(|number| (1..128).contains(number)));
        for collection in Collection::all() {
            assert_eq!(
                Collection::from_number(collection.number()),
                Some(collection)
            );
        }
        assert_eq!(Collection::from_number(0), None);
        assert_eq!(Collection::from_number(127), None);
    }

    #[test]
    fn the_numbers_on_disk_never_change() {
        #[track_caller]
        fn check(collection: Collection, number: u32) {
            assert_eq!(collection.number(), number);
        }
        check(Collection::Organization, 1);
        check(Collection::Users, 2);
        check(Collection::Licenses, 3);
        check(Collection::Groups, 4);
        check(Collection::Subscriptions, 5);
        check(Collection::Memberships, 6);
        check(Collection::SignInActivity, 7);
        check(Collection::ApplicationUses, 8);
        check(Collection::DirectoryChanges, 9);
        check(Collection::HistoryUsers, 10);
        check(Collection::Findings, 11);
        check(Collection::UserChanges, 12);
        check(Collection::Usage(Dataset::ActiveUsers), 41);
        check(Collection::Usage(Dataset::CopilotUsage), 51);
        check(Collection::UsageDays(Workload::Outlook), 65);
        check(Collection::UsageDays(Workload::Copilot), 71);
        check(Collection::Standing(Dataset::Organization), 97);
        check(Collection::Standing(Dataset::CopilotUsage), 115);
    }

    #[test]
    fn collections_are_listed_in_the_order_of_loading() {
        let all: Vec<_> = Collection::all().collect();
        assert!(all.is_sorted());
        let place = |wanted| all.iter().position(|collection| *collection == wanted);
        assert!(place(Collection::Licenses) < place(Collection::Users));
        assert!(place(Collection::Users) < place(Collection::Groups));
        assert!(place(Collection::Subscriptions) < place(Collection::Memberships));
    }

    #[test]
    fn every_dataset_has_a_standing_and_rows() {
        for dataset in Dataset::ALL {
            let own = Collection::all().filter(|found| found.dataset() == Some(dataset));
            let own: Vec<_> = own.collect();
            assert!(own.contains(&Collection::Standing(dataset)), "{dataset:?}");
            assert!(own.len() > 1, "{dataset:?}");
            if let Some(facts) = Collection::of_user_facts(dataset) {
                assert!(own.contains(&facts), "{dataset:?}");
            }
        }
    }
}
