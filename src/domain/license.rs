//! A product of which a tenant holds seats.

use super::ids::{PlanId, SkuId};
use super::text::tidy_name;

/// The longest name that an operator gives a license, in characters; Microsoft's longest has 101.
pub const OPERATOR_NAME_CHARACTERS_MAX: usize = 200;

/// Why a text is not a name for a license.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a license takes 1 to {OPERATOR_NAME_CHARACTERS_MAX} characters; null goes back to the catalog's name"
)]
pub struct InvalidLicenseName;

/// Reads the operator's own name for a license: tidy, there, and of bounded length.
pub fn operator_name(text: &str) -> Result<String, InvalidLicenseName> {
    let name = tidy_name(text);
    match name.chars().count() {
        1..=OPERATOR_NAME_CHARACTERS_MAX => Ok(name),
        _ => Err(InvalidLicenseName),
    }
}

/// A product that the tenant holds seats of: Graph's `subscribedSku`. All purchases of the product
/// are one license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    /// `skuId`: the key. Part numbers and names are not unique.
    pub sku_id: SkuId,
    /// `skuPartNumber`, such as "`SPE_E3`".
    pub part_number: String,
    /// `capabilityStatus`: Enabled, Warning, Suspended, Deleted or `LockedOut`, as Microsoft wrote it.
    pub status: String,
    /// `appliesTo` is Company: held by the organization, nobody can be assigned it.
    pub is_company_wide: bool,
    /// How many there are and how many are in use.
    pub seats: SeatCounts,
    /// The services inside it, as this tenant gets them, in Microsoft's order.
    pub service_plans: Vec<ServicePlan>,
}

/// Seats of one [`License`] in one tenant; one seat licenses one user.
///
/// Source: `subscribedSku.prepaidUnits` and `subscribedSku.consumedUnits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeatCounts {
    /// Paid for and in force.
    pub enabled: u32,
    /// Expired, in the time of grace: still usable.
    pub warning: u32,
    /// Expired longer ago: not assignable.
    pub suspended: u32,
    /// Locked out: not assignable.
    pub locked_out: u32,
    /// Held by users. May exceed what is usable.
    pub consumed: u32,
}

impl SeatCounts {
    /// Seats that could still be given out: enabled + warning - consumed. Below zero when more are
    /// used than held.
    pub fn available(self) -> i64 {
        i64::from(self.enabled) + i64::from(self.warning) - i64::from(self.consumed)
    }
}

/// One service inside a license: Graph's `servicePlanInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePlan {
    /// `servicePlanId`.
    pub plan_id: PlanId,
    /// `servicePlanName`, such as "`EXCHANGE_S_ENTERPRISE`".
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_name(text: &str, name: Option<&str>) {
        assert_eq!(operator_name(text).ok().as_deref(), name);
    }

    #[test]
    fn an_operators_name_is_tidy_present_and_of_bounded_length() {
        check_name("  Office\u{a0} workers ", Some("Office workers"));
        check_name("", None);
        check_name(" \t ", None);
        check_name(&"ü".repeat(200), Some(&"ü".repeat(200)));
        check_name(&"ü".repeat(201), None);
    }

    #[test]
    fn available_counts_seats_in_grace_and_may_be_negative() {
        let seats = SeatCounts {
            enabled: 10,
            warning: 2,
            suspended: 25,
            locked_out: 1,
            consumed: 14,
        };
        assert_eq!(seats.available(), -2);
    }
}
