//! What the audit log tells of.

/// An activity, as the log calls it.
pub(super) struct Activity {
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    pub(super) operation: &'static str,
    pub(super) service: &'static str,
    pub(super) about: About,
    /// Of a thousand entries.
    pub(super) share: u64,
}

/// What an activity changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The licenses of somebody.
    License,
    /// That somebody has a role.
    Role,
    /// That somebody is in a group.
    Membership,
    /// Something else of somebody.
    User,
    /// Nobody.
    Application,
}

const DIRECTORY: &str = "Core Directory";

const fn activity(
    name: &'static str,
    category: &'static str,
    operation: &'static str,
    about: About,
    share: u64,
) -> Activity {
    Activity {
        name,
        category,
        operation,
        service: DIRECTORY,
        about,
        share,
    }
}

#[rustfmt::skip] // One line an activity.
const ACTIVITIES: [Activity; 12] = [
    activity("Change user license", "UserManagement", "Update", About::License, 290),
    activity("Set license properties", "UserManagement", "Update", About::License, 30),
    activity("Add member to role", "RoleManagement", "Assign", About::Role, 60),
    activity("Remove member from role", "RoleManagement", "Unassign", About::Role, 30),
    activity("Update user", "UserManagement", "Update", About::User, 250),
    activity("Add user", "UserManagement", "Add", About::User, 50),
    activity("Delete user", "UserManagement", "Delete", About::User, 30),
    activity("Disable account", "UserManagement", "Update", About::User, 30),
    activity("Reset user password", "UserManagement", "Update", About::User, 60),
    activity("Add member to group", "GroupManagement", "Assign", About::Membership, 90),
    Activity { service: "Self-service Group Management", ..activity("Add member to group", "GroupManagement", "Assign", About::Membership, 40) },
    activity("Add service principal", "ApplicationManagement", "Add", About::Application, 40),
];

/// The activity at `per_mille` when all stand in line.
pub(super) fn activity_at(per_mille: u64) -> &'static Activity {
    let mut left = per_mille;
    for activity in &ACTIVITIES {
        if left < activity.share {
            return activity;
        }
        left -= activity.share;
    }
    &ACTIVITIES[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_a_thousand() {
        let sum: u64 = ACTIVITIES.iter().map(|activity| activity.share).sum();
        assert_eq!(sum, 1000);
        assert_eq!(activity_at(0).about, About::License);
        assert_eq!(activity_at(999).about, About::Application);
    }
}
