//! What a demo or a test does with the directory besides its users: groups, sign-ins, states, and what
//! the organization bought or its cloud lacks.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::handle::Handle;
use super::organization::user_id;
use super::tenancy::Cloud;
use super::tenancy::DeltaEnd;
use super::tenancy::Missing;
use super::tenancy::Premium;

/// Somebody who joined a group or left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberChange {
    /// The group's object id.
    pub group_id: String,
    /// The account's object id.
    pub user_id: String,
    /// Whether the account is in the group now.
    pub is_member: bool,
}

/// Sign-ins and assignments.
impl Handle {
    /// Lets `count` accounts sign in now, and nobody else. The same round chooses the same accounts.
    /// Returns their object ids.
    pub fn sign_in_users(&self, count: u64, round: u32) -> Vec<String> {
        let now = self.world.now().as_second();
        self.user_ids(self.world.organization.sign_in(count, round, now))
    }

    /// Changes the state and error of one assignment of `count` accounts, and nothing else of them:
    /// delta rounds do not tell of it. Returns their object ids.
    pub fn change_assignment_states(&self, count: u64, round: u32) -> Vec<String> {
        let changed = self
            .world
            .organization
            .change_assignment_states(count, round);
        self.user_ids(changed)
    }

    fn user_ids(&self, indexes: Vec<u64>) -> Vec<String> {
        let seed = self.world.organization.seed;
        indexes
            .into_iter()
            .map(|index| user_id(seed, index).to_string())
            .collect()
    }
}

/// Groups.
impl Handle {
    /// How many groups there are now.
    pub fn group_count(&self) -> u64 {
        self.world.organization.view().groups().count() as u64
    }

    /// The users of every group by object id, those with hidden members included; a group without
    /// users has an empty set.
    pub fn group_members(&self) -> BTreeMap<String, BTreeSet<String>> {
        let view = self.world.organization.view();
        let seed = self.world.organization.seed;
        view.groups()
            .map(|group| {
                let members = view.members(group.number, 0, usize::MAX);
                let ids = members
                    .into_iter()
                    .map(|user| user_id(seed, user).to_string());
                (group.id(seed).to_string(), ids.collect())
            })
            .collect()
    }

    /// Lets `count` accounts join or leave a group each, of those that somebody keeps by hand.
    pub fn change_members(&self, count: u64, round: u32) -> Vec<MemberChange> {
        let changes = self.world.organization.change_members(count, round);
        let view = self.world.organization.view();
        let seed = self.world.organization.seed;
        changes
            .into_iter()
            .filter_map(|(group, user, is_member)| {
                Some(MemberChange {
                    group_id: view.group(group)?.id(seed).to_string(),
                    user_id: user_id(seed, user).to_string(),
                    is_member,
                })
            })
            .collect()
    }

    /// Adds `count` groups with a dozen members each; returns their object ids.
    pub fn add_groups(&self, count: u64) -> Vec<String> {
        self.group_ids(&self.world.organization.add_groups(count))
    }

    /// Removes `count` groups that assign no licenses and follow no rule; returns their object ids.
    pub fn remove_groups(&self, count: u64) -> Vec<String> {
        self.group_ids(&self.world.organization.remove_groups(count))
    }

    fn group_ids(&self, numbers: &[u64]) -> Vec<String> {
        let organization = &self.world.organization;
        numbers
            .iter()
            .map(|&number| organization.group_id(number).to_string())
            .collect()
    }
}

/// What the organization bought, and what Microsoft offers it.
impl Handle {
    /// Which premium of the directory it has from now on; P1 at first.
    pub fn set_premium(&self, premium: Premium) {
        self.world.tenancy().premium = premium;
    }

    /// Whether it is one of Azure AD B2C, which has neither changes nor sign-ins to tell.
    pub fn set_b2c(&self, is_b2c: bool) {
        self.world.tenancy().is_b2c = is_b2c;
    }

    /// Refuses pages of more users than this when they show sign-ins (it was 120 once); `None` cuts
    /// them to 500, as is documented.
    pub fn refuse_sign_in_pages_above(&self, size: Option<usize>) {
        self.world.tenancy().sign_in_page_max = size;
    }

    /// Takes an endpoint away ("/groups/delta"), with everything below it.
    pub fn withhold(&self, path: &str, how: Missing) {
        self.world.tenancy().withhold(path, how);
    }

    /// Moves the organization to a cloud; endpoints that were taken away before are back.
    pub fn set_cloud(&self, cloud: Cloud) {
        self.world.tenancy().set_cloud(cloud);
    }

    /// Rows of a page of delta rounds from now on; a page of groups has up to twenty members for each.
    pub fn set_delta_page_rows(&self, rows: usize) {
        self.world.tenancy().delta_page_rows = rows;
    }

    /// Holds back the changes of users that come from now on, until it is called with false: rounds of
    /// groups tell of whoever rounds of users do not tell of yet.
    pub fn hold_back_user_changes(&self, holds: bool) {
        let version = self.world.organization.view().version();
        self.world.tenancy().users_told_until = holds.then_some(version);
    }

    /// Ends all delta tokens that were handed out so far. Those that end by age end the same way.
    pub fn expire_delta_tokens(&self, end: DeltaEnd) {
        let mut tenancy = self.world.tenancy();
        tenancy.delta_epoch += 1;
        tenancy.delta_end = end;
    }
}
