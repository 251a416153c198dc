//! What the rules ask to be told. Everything is borrowed: there are a hundred thousand users.

use jiff::Timestamp;

use crate::domain::activity::{Evidence, Horizon};
use crate::domain::containment::Families;
use crate::domain::day::Day;
use crate::domain::ids::{ObjectId, SkuId};
use crate::domain::license::License;
use crate::domain::license_class::LicenseClass;
use crate::domain::money::Rate;
use crate::domain::policy::Policy;
use crate::domain::standing::Standing;
use crate::domain::subscription::Subscription;
use crate::domain::usage::MailboxType;
use crate::domain::user::UserType;

use super::addon::AddonUse;
use super::ground::Grant;

/// What is known of a tenant.
pub struct TenantFacts<'a> {
    /// The time of the judgement.
    pub now: Timestamp,
    /// What the operator decides.
    pub policy: &'a Policy,
    /// Which service plans take the place of which.
    pub families: &'a Families,
    /// From where activity is measured; made under the same policy.
    pub horizon: &'a Horizon,
    /// How old each dataset is.
    pub standings: &'a [Standing],
    /// Every license that the tenant lists or anybody is assigned.
    pub licenses: &'a [LicenseFacts<'a>],
    /// Products of which the tenant has no seats: where a step down or a bundle may lead to.
    pub other_products: &'a [OtherProduct<'a>],
    /// Every purchase.
    pub subscriptions: &'a [Subscription],
}

/// What is known of a license.
#[derive(Debug, Clone, Copy)]
pub struct LicenseFacts<'a> {
    /// What Microsoft says of it.
    pub license: &'a License,
    /// What it is to whoever pays.
    pub class: LicenseClass,
    /// What a seat costs today; `None` where nobody said.
    pub rate: Option<Rate>,
}

/// A product that is known by its public name and perhaps its price.
#[derive(Debug, Clone, Copy)]
pub struct OtherProduct<'a> {
    /// `skuId`.
    pub sku_id: SkuId,
    /// `skuPartNumber`.
    pub part_number: &'a str,
    /// What a seat costs today; `None` where nobody said.
    pub rate: Option<Rate>,
}

/// What is known of a user, as far as rules ask.
#[derive(Clone, Copy)]
pub struct UserFacts<'a> {
    /// `id`.
    pub object_id: ObjectId,
    /// `userPrincipalName`.
    pub user_principal_name: &'a str,
    /// `userType`.
    pub user_type: UserType,
    /// `isResourceAccount`.
    pub is_resource_account: bool,
    /// `accountEnabled`.
    pub account_enabled: bool,
    /// Whether there is a `usageLocation`.
    pub has_usage_location: bool,
    /// The day on which we first saw the account disabled, and it was so ever since; `None` of one that is
    /// not.
    pub disabled_on: Option<Day>,
    /// The day of `createdDateTime`.
    pub created_on: Option<Day>,
    /// `employeeHireDate`; may be in the future.
    pub hired_on: Option<Day>,
    /// `Recipient Type` of the mailbox report.
    pub mailbox_type: Option<MailboxType>,
    /// What shows the user in use.
    pub activity: Evidence,
    /// The assignments, one a product.
    pub held: &'a [Held<'a>],
    /// Numbers that few rules ask for. Called once at most, and of few users.
    pub usage: &'a dyn Fn() -> UsageNumbers,
}

/// An assignment of a user.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// What it has in common with others.
    pub grant: &'a Grant,
    /// The earliest day on which it is known to be held: by our history, else the day of
    /// `lastUpdatedDateTime`, which any edit of service plans moves. `None` where neither says.
    pub since: Option<Day>,
}

/// Numbers of the usage reports about a user; `None` where the report has no row of the user, or a blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageNumbers {
    /// `Storage Used` of the mailbox report.
    pub mailbox_bytes: Option<u64>,
    /// `Has Archive` of the mailbox report.
    pub has_archive: Option<bool>,
    /// `Storage Used` of the OneDrive report.
    pub files_bytes: Option<u64>,
    /// Whether Office was used on Windows or Mac, by the shortest period of the apps report that is no
    /// shorter than the policy's `inactive_after_days`.
    pub used_on_desktop: Option<bool>,
    /// Devices with Windows or Mac on which Office is activated.
    pub desktop_activations: Option<u64>,
    /// The last day of use in each application of the Copilot report.
    pub copilot_apps: [Option<Day>; 8],
    /// The use of each add-on, at the place of its
    /// [`AddonProduct`](crate::domain::finding::AddonProduct).
    pub addons: [AddonUse; 4],
}
