//! `Assigned Products`: what the reports call the products.

use crate::simulator::organization::licensing::Held;
use crate::simulator::organization::products::PRODUCTS;

/// The products in capitals, joined with plus signs, which some of the names have in them too.
pub(super) fn names(held: Held) -> String {
    let names = held.positions().filter_map(|position| {
        let product = PRODUCTS.get(position)?;
        Some(name(product.part_number))
    });
    names.collect::<Vec<_>>().join("+")
}

/// What stands for a part number; one that nobody knows stands for itself.
pub(super) fn name(part_number: &'static str) -> &'static str {
    match part_number {
        "SPE_E3" => "MICROSOFT 365 E3",
        "SPE_E5" => "MICROSOFT 365 E5",
        "SPE_F1" => "MICROSOFT 365 F3",
        "SPB" => "MICROSOFT 365 BUSINESS PREMIUM",
        "ENTERPRISEPACK" => "OFFICE 365 E3",
        "STANDARDPACK" => "OFFICE 365 E1",
        "EXCHANGESTANDARD" => "EXCHANGE ONLINE (PLAN 1)",
        "EXCHANGEENTERPRISE" => "EXCHANGE ONLINE (PLAN 2)",
        "TEAMS_EXPLORATORY" => "MICROSOFT TEAMS EXPLORATORY",
        "FLOW_FREE" => "MICROSOFT POWER AUTOMATE FREE",
        "POWER_BI_STANDARD" => "MICROSOFT FABRIC (FREE)",
        "POWER_BI_PRO" => "POWER BI PRO",
        "EMS" => "ENTERPRISE MOBILITY + SECURITY E3",
        "EMSPREMIUM" => "ENTERPRISE MOBILITY + SECURITY E5",
        "AAD_PREMIUM" => "MICROSOFT ENTRA ID P1",
        "AAD_PREMIUM_P2" => "MICROSOFT ENTRA ID P2",
        "Microsoft_365_Copilot" => "MICROSOFT 365 COPILOT",
        "MCOEV" => "MICROSOFT TEAMS PHONE STANDARD",
        "Microsoft_Teams_Rooms_Pro" => "MICROSOFT TEAMS ROOMS PRO",
        "VISIOCLIENT" => "VISIO PLAN 2",
        "VISIO_PLAN1_DEPT" => "VISIO PLAN 1",
        "PROJECTPROFESSIONAL" => "PROJECT PLAN 3",
        "PROJECTPREMIUM" => "PROJECT PLAN 5",
        "INTUNE_A" => "MICROSOFT INTUNE PLAN 1",
        "ATP_ENTERPRISE" => "MICROSOFT DEFENDER FOR OFFICE 365 (PLAN 1)",
        "MDATP_XPLAT" => "MICROSOFT DEFENDER FOR ENDPOINT P2",
        "STREAM" => "MICROSOFT STREAM",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::organization::products::position::EMS;
    use crate::simulator::organization::products::position::SPE_E3;

    #[test]
    fn products_are_joined_with_pluses_that_names_have_too() {
        let mut held = Held::default();
        assert_eq!(names(held), "");
        held.toggle(SPE_E3);
        assert_eq!(names(held), "MICROSOFT 365 E3");
        held.toggle(EMS);
        assert_eq!(
            names(held),
            "MICROSOFT 365 E3+ENTERPRISE MOBILITY + SECURITY E3"
        );
    }
}
