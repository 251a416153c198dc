//! Rows of the directory as they are on the wire, beside those of [`crate::msgraph::wire`].

use serde::de::{Deserialize, Deserializer, IgnoredAny};

use crate::msgraph::wire::{AssignedLicense, LicenseAssignmentState, Text};

/// A property of a row of changes: `None` where it is absent, `Some(None)` where it is null.
type Told<T> = Option<Option<T>>;

/// Reads a property that is there; where it is not, the default counts.
fn told<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Told<T>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `user` in a round of changes.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserChange<'json> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) user_principal_name: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) display_name: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) mail: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) employee_id: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) employee_type: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) job_title: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) department: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) company_name: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) office_location: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) country: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) usage_location: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) user_type: Told<Text<'json>>,
    #[serde(default, deserialize_with = "told")]
    pub(super) is_resource_account: Told<bool>,
    #[serde(default, deserialize_with = "told")]
    pub(super) account_enabled: Told<bool>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) created_date_time: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) employee_hire_date: Told<Text<'json>>,
    #[serde(default, deserialize_with = "told")]
    pub(super) on_premises_sync_enabled: Told<bool>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) assigned_licenses: Told<Vec<AssignedLicense<'json>>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) license_assignment_states: Told<Vec<LicenseAssignmentState<'json>>>,
    #[serde(borrow, rename = "manager@delta")]
    pub(super) manager: Option<Vec<LinkChange<'json>>>,
    #[serde(rename = "@removed")]
    pub(super) removed: Option<IgnoredAny>,
}

/// `group` in a round of changes.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupChange<'json> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) display_name: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) mail: Told<Text<'json>>,
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) group_types: Told<Vec<Option<Text<'json>>>>,
    #[serde(default, deserialize_with = "told")]
    pub(super) on_premises_sync_enabled: Told<bool>,
    #[serde(borrow, rename = "members@delta")]
    pub(super) members: Option<Vec<LinkChange<'json>>>,
    #[serde(rename = "@removed")]
    pub(super) removed: Option<IgnoredAny>,
}

/// Another object that an object came to be linked with, or no longer is.
#[derive(serde::Deserialize)]
pub(super) struct LinkChange<'json> {
    #[serde(borrow, rename = "@odata.type")]
    odata_type: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) id: Option<Text<'json>>,
    #[serde(rename = "@removed")]
    pub(super) removed: Option<IgnoredAny>,
}

impl LinkChange<'_> {
    /// Whether the other object is a user, or may be one.
    pub(super) fn is_user(&self) -> bool {
        self.odata_type
            .as_ref()
            .is_none_or(|kind| kind.0 == "#microsoft.graph.user")
    }
}

/// `user`, with its licenses alone.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicensedUser<'json> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) created_date_time: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) assigned_licenses: Option<Vec<AssignedLicense<'json>>>,
    #[serde(borrow)]
    pub(super) license_assignment_states: Option<Vec<LicenseAssignmentState<'json>>>,
}

/// `user`, with its sign-ins alone.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedInUser<'json> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) created_date_time: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) sign_in_activity: Option<SignInActivity<'json>>,
}

/// `signInActivity`
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignInActivity<'json> {
    #[serde(borrow)]
    pub(super) last_sign_in_date_time: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) last_non_interactive_sign_in_date_time: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) last_successful_sign_in_date_time: Option<Text<'json>>,
}

/// `group`, with its licenses alone.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicensingGroup<'json> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) assigned_licenses: Option<Vec<AssignedLicense<'json>>>,
}

/// `companySubscription`. Its number is declared as a number, not as an integer.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CompanySubscription<'json> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) commerce_subscription_id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) sku_id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) sku_part_number: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'json>>,
    pub(super) total_licenses: Option<f64>,
    pub(super) is_trial: Option<bool>,
    #[serde(borrow)]
    pub(super) created_date_time: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) next_lifecycle_date_time: Option<Text<'json>>,
}
