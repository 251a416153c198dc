//! A product of which a tenant holds seats.

use super::ids::{PlanId, SkuId};

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
