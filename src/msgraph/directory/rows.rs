//! What else is listed of the directory, row by row.

use super::wire::{CompanySubscription, LicensedUser, LicensingGroup, SignedInUser};
use super::{GroupLicenses, SIGN_IN_ACTIVITY, USER_ASSIGNMENTS, UserAssignments};
use crate::domain::ids::{ObjectId, SkuId, SubscriptionId};
use crate::domain::sign_in::SignInActivity;
use crate::domain::subscription::Subscription;
use crate::msgraph::assignments::assignments;
use crate::msgraph::paging::{Key, Row};
use crate::msgraph::scalars::{count, required_guid, text, time};
use crate::msgraph::users::{List, Listed, UserRow};
use crate::msgraph::wire;

impl UserRow for UserAssignments {
    const LIST: List = USER_ASSIGNMENTS;

    fn read_listed(json: &str) -> Result<Listed<Self>, String> {
        let user: LicensedUser<'_> = wire::read(json)?;
        let object_id = ObjectId(required_guid("id", user.id.as_ref())?);
        let assignments = assignments(
            user.assigned_licenses.unwrap_or_default(),
            user.license_assignment_states.unwrap_or_default(),
        )?;
        Ok(Listed {
            object_id,
            created_at: time("createdDateTime", user.created_date_time.as_ref())?,
            row: Self {
                object_id,
                assignments,
            },
        })
    }
}

impl UserRow for SignInActivity {
    const LIST: List = SIGN_IN_ACTIVITY;

    fn read_listed(json: &str) -> Result<Listed<Self>, String> {
        let user: SignedInUser<'_> = wire::read(json)?;
        let object_id = ObjectId(required_guid("id", user.id.as_ref())?);
        Ok(Listed {
            object_id,
            created_at: time("createdDateTime", user.created_date_time.as_ref())?,
            row: sign_in_activity(object_id, user.sign_in_activity.as_ref())?,
        })
    }
}

/// Also told outside of lists of everybody: those who signed in since an instant.
impl Row for SignInActivity {
    const ID: &'static str = "id";

    fn read(json: &str) -> Result<Self, String> {
        Self::read_listed(json).map(|listed| listed.row)
    }

    fn key(&self) -> Key {
        Key::Id(self.object_id.0)
    }
}

fn sign_in_activity(
    object_id: ObjectId,
    activity: Option<&super::wire::SignInActivity<'_>>,
) -> Result<SignInActivity, String> {
    let Some(activity) = activity else {
        return Ok(SignInActivity {
            object_id,
            succeeded_at: None,
            attempted_at: None,
        });
    };
    let interactive = time(
        "signInActivity.lastSignInDateTime",
        activity.last_sign_in_date_time.as_ref(),
    )?;
    let other = time(
        "signInActivity.lastNonInteractiveSignInDateTime",
        activity.last_non_interactive_sign_in_date_time.as_ref(),
    )?;
    Ok(SignInActivity {
        object_id,
        succeeded_at: time(
            "signInActivity.lastSuccessfulSignInDateTime",
            activity.last_successful_sign_in_date_time.as_ref(),
        )?,
        attempted_at: interactive.max(other),
    })
}

impl Row for GroupLicenses {
    const ID: &'static str = "id";

    fn read(json: &str) -> Result<Self, String> {
        let group: LicensingGroup<'_> = wire::read(json)?;
        let object_id = ObjectId(required_guid("id", group.id.as_ref())?);
        let licenses = group.assigned_licenses.unwrap_or_default();
        let mut assigns = Vec::with_capacity(licenses.len());
        for license in licenses {
            let sku_id = required_guid("assignedLicenses.skuId", license.sku_id.as_ref())?;
            assigns.push(SkuId(sku_id));
        }
        assigns.sort_unstable();
        assigns.dedup();
        Ok(Self { object_id, assigns })
    }

    fn key(&self) -> Key {
        Key::Id(self.object_id.0)
    }
}

/// A part number or a status that is missing is replaced by what is known instead, as with licenses.
impl Row for Subscription {
    const ID: &'static str = "id";

    fn read(json: &str) -> Result<Self, String> {
        let subscription: CompanySubscription<'_> = wire::read(json)?;
        let sku_id = SkuId(required_guid("skuId", subscription.sku_id.as_ref())?);
        let created_at = subscription.created_date_time.as_ref();
        let next_change_at = subscription.next_lifecycle_date_time.as_ref();
        Ok(Self {
            id: SubscriptionId(required_guid("id", subscription.id.as_ref())?),
            commerce_id: text(
                "commerceSubscriptionId",
                subscription.commerce_subscription_id,
            )?,
            sku_id,
            part_number: text("skuPartNumber", subscription.sku_part_number)?
                .unwrap_or_else(|| sku_id.to_string()),
            status: text("status", subscription.status)?.unwrap_or_else(|| "Unknown".to_owned()),
            seats: subscription.total_licenses.map(|seats| count(Some(seats))),
            is_trial: subscription.is_trial,
            created_at: time("createdDateTime", created_at)?,
            next_change_at: time("nextLifecycleDateTime", next_change_at)?,
        })
    }

    fn key(&self) -> Key {
        Key::Id(self.id.0)
    }
}
