//! The products that the organization holds seats of: real ones, with Microsoft's ids and part
//! numbers, and one that no catalog knows.

use super::service_plans::*;

/// A product: what Graph's `subscribedSku` says of it whoever buys it.
#[derive(Debug)]
pub(crate) struct Product {
    /// `skuPartNumber`.
    pub(crate) part_number: &'static str,
    /// `skuId`.
    pub(crate) sku_id: &'static str,
    /// How many seats the organization bought.
    pub(crate) purchase: Purchase,
    /// The services inside it.
    pub(crate) plans: &'static [ServicePlan],
}

/// How the seats of a product relate to those in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purchase {
    /// So many seats for a thousand in use, rounded up to a lot.
    PerMille(u64),
    /// Part of the seats has expired and is in the time of grace.
    PartlyInGrace,
    /// All seats have expired and are in the time of grace.
    InGrace,
    /// All seats are suspended; people still hold them.
    Suspended,
    /// Free, with this many seats.
    Free(u64),
    /// Held by the organization; nobody can be assigned it.
    CompanyWide(u64),
}

/// What `subscribedSku.prepaidUnits` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PrepaidUnits {
    pub(crate) enabled: u64,
    pub(crate) warning: u64,
    pub(crate) suspended: u64,
    pub(crate) locked_out: u64,
}

impl Purchase {
    /// The seats bought by an organization that uses `consumed` of them.
    pub(crate) fn prepaid(self, consumed: u64) -> PrepaidUnits {
        let none = PrepaidUnits::default();
        match self {
            Self::PerMille(share) => {
                let wanted = consumed * share / 1000 + u64::from(share > 1000);
                let lot = if wanted > 200 { 25 } else { 5 };
                let enabled = if share < 1000 {
                    wanted
                } else {
                    wanted.next_multiple_of(lot)
                };
                PrepaidUnits { enabled, ..none }
            }
            Self::PartlyInGrace => PrepaidUnits {
                enabled: consumed * 7 / 10,
                warning: consumed * 4 / 10 + 2,
                ..none
            },
            Self::InGrace => PrepaidUnits {
                warning: (consumed + 3).next_multiple_of(5),
                ..none
            },
            Self::Suspended => PrepaidUnits {
                suspended: (consumed + 1).next_multiple_of(25),
                ..none
            },
            Self::Free(seats) | Self::CompanyWide(seats) => PrepaidUnits {
                enabled: seats.max(consumed),
                ..none
            },
        }
    }

    /// `capabilityStatus`.
    pub(crate) fn capability_status(self) -> &'static str {
        match self {
            Self::InGrace => "Warning",
            Self::Suspended => "Suspended",
            _ => "Enabled",
        }
    }

    /// `appliesTo`.
    pub(crate) fn applies_to(self) -> &'static str {
        match self {
            Self::CompanyWide(_) => "Company",
            _ => "User",
        }
    }
}

const fn product(
    part_number: &'static str,
    sku_id: &'static str,
    purchase: Purchase,
    plans: &'static [ServicePlan],
) -> Product {
    Product {
        part_number,
        sku_id,
        purchase,
        plans,
    }
}

/// All products, the most used first; their positions are the bits of [`Held`](super::licensing::Held).
pub(crate) const PRODUCTS: [Product; 29] = [
    product(
        "SPE_E3",
        "05e9a617-0261-4cee-bb44-138d3ef5d965",
        Purchase::PerMille(1060),
        &[
            EXCHANGE_S_ENTERPRISE,
            TEAMS1,
            SHAREPOINTENTERPRISE,
            OFFICESUBSCRIPTION,
            AAD_PREMIUM,
            MFA_PREMIUM,
            INTUNE_A,
            YAMMER_ENTERPRISE,
            SWAY,
        ],
    ),
    product(
        "SPE_E5",
        "06ebc4ee-1bb5-47dd-8120-11324bc54e06",
        Purchase::PerMille(1035),
        &[
            EXCHANGE_S_ENTERPRISE,
            TEAMS1,
            SHAREPOINTENTERPRISE,
            OFFICESUBSCRIPTION,
            AAD_PREMIUM,
            AAD_PREMIUM_P2,
            MFA_PREMIUM,
            INTUNE_A,
            YAMMER_ENTERPRISE,
            SWAY,
            BI_AZURE_P2,
            MCOEV,
            THREAT_INTELLIGENCE,
            WINDEFATP,
        ],
    ),
    product(
        "SPE_F1",
        "66b55226-6b4f-492c-910c-a3b7a3c9d993",
        Purchase::PerMille(1120),
        &[
            EXCHANGE_S_DESKLESS,
            TEAMS1,
            SHAREPOINTDESKLESS,
            OFFICEMOBILE_SUBSCRIPTION,
            AAD_PREMIUM,
            INTUNE_A,
            YAMMER_ENTERPRISE,
            SWAY,
        ],
    ),
    product(
        "SPB",
        "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46",
        Purchase::PerMille(1090),
        &[
            EXCHANGE_S_STANDARD,
            TEAMS1,
            SHAREPOINTSTANDARD,
            AAD_PREMIUM,
            INTUNE_A,
            YAMMER_ENTERPRISE,
            SWAY,
        ],
    ),
    product(
        "ENTERPRISEPACK",
        "6fd2c87f-b296-42f0-b197-1e91e994b900",
        Purchase::PerMille(1350),
        &[
            EXCHANGE_S_ENTERPRISE,
            TEAMS1,
            SHAREPOINTENTERPRISE,
            OFFICESUBSCRIPTION,
            YAMMER_ENTERPRISE,
            SWAY,
            FLOW_O365_P2,
        ],
    ),
    product(
        "STANDARDPACK",
        "18181a46-0d4e-45cd-891e-60aabd171b4e",
        Purchase::PerMille(1200),
        &[
            EXCHANGE_S_STANDARD,
            TEAMS1,
            SHAREPOINTSTANDARD,
            OFFICEMOBILE_SUBSCRIPTION,
            YAMMER_ENTERPRISE,
            SWAY,
        ],
    ),
    product(
        "EXCHANGESTANDARD",
        "4b9405b0-7788-4568-add1-99614e613b69",
        Purchase::PerMille(1150),
        &[EXCHANGE_S_STANDARD, INTUNE_O365, BPOS_S_TODO_1],
    ),
    product(
        "EXCHANGEENTERPRISE",
        "19ec0d23-8335-4cbd-94ac-6050e30712fa",
        Purchase::PerMille(1100),
        &[EXCHANGE_S_ENTERPRISE],
    ),
    product(
        "TEAMS_EXPLORATORY",
        "710779e8-3d4a-4c88-adb9-386c958d1fdf",
        Purchase::Free(100),
        &[
            TEAMS1,
            EXCHANGE_S_STANDARD,
            SHAREPOINTSTANDARD,
            YAMMER_ENTERPRISE,
            SWAY,
        ],
    ),
    product(
        "FLOW_FREE",
        "f30db892-07e9-47e9-837c-80727f46fd3d",
        Purchase::Free(10_000),
        &[EXCHANGE_S_FOUNDATION, DYN365_CDS_VIRAL, FLOW_P2_VIRAL],
    ),
    product(
        "POWER_BI_STANDARD",
        "a403ebcc-fae0-4ca2-8c8c-7a907fd6c235",
        Purchase::Free(1_000_000),
        &[EXCHANGE_S_FOUNDATION, BI_AZURE_P0],
    ),
    product(
        "POWER_BI_PRO",
        "f8a1db68-be16-40ed-86d5-cb42ce701560",
        Purchase::PerMille(1080),
        &[EXCHANGE_S_FOUNDATION, BI_AZURE_P2],
    ),
    product(
        "EMS",
        "efccb6f7-5641-4e0e-bd10-b4976e1bf68e",
        Purchase::PerMille(1040),
        &[
            EXCHANGE_S_FOUNDATION,
            AAD_PREMIUM,
            RMS_S_PREMIUM,
            MFA_PREMIUM,
            ADALLOM_S_DISCOVERY,
            INTUNE_A,
        ],
    ),
    product(
        "EMSPREMIUM",
        "b05e124f-c7cc-45a0-a6aa-8cf78c946968",
        Purchase::InGrace,
        &[
            EXCHANGE_S_FOUNDATION,
            AAD_PREMIUM,
            AAD_PREMIUM_P2,
            RMS_S_PREMIUM2,
            MFA_PREMIUM,
            ADALLOM_S_STANDALONE,
            INTUNE_A,
            ATA,
        ],
    ),
    product(
        "AAD_PREMIUM",
        "078d2b04-f1bd-4111-bbd4-b4b1b354cef4",
        Purchase::PerMille(1100),
        &[
            EXCHANGE_S_FOUNDATION,
            AAD_PREMIUM,
            MFA_PREMIUM,
            ADALLOM_S_DISCOVERY,
        ],
    ),
    product(
        "AAD_PREMIUM_P2",
        "84a661c4-e949-4bd2-a560-ed7766fcaf2b",
        Purchase::PerMille(1250),
        &[
            EXCHANGE_S_FOUNDATION,
            AAD_PREMIUM,
            AAD_PREMIUM_P2,
            MFA_PREMIUM,
        ],
    ),
    product(
        "Microsoft_365_Copilot",
        "639dec6b-bb19-468b-871c-c5c441c4b0cb",
        Purchase::PerMille(1150),
        &[
            M365_COPILOT_BUSINESS_CHAT,
            M365_COPILOT_APPS,
            M365_COPILOT_TEAMS,
            M365_COPILOT_CONNECTORS,
        ],
    ),
    product(
        "MCOEV",
        "e43b5b99-8dfb-405f-9987-dc307f34bcbd",
        Purchase::PerMille(1070),
        &[MCOEV],
    ),
    product(
        "Microsoft_Teams_Rooms_Pro",
        "4cde982a-ede4-4409-9ae6-b003453c8ea6",
        Purchase::PerMille(1200),
        &[
            TEAMS1,
            MCOSTANDARD,
            MCOMEETADV,
            MCOEV,
            AAD_PREMIUM,
            INTUNE_A,
            WHITEBOARD_PLAN3,
        ],
    ),
    product(
        "VISIOCLIENT",
        "c5928f49-12ba-48f7-ada3-0d743a3601d5",
        Purchase::PartlyInGrace,
        &[
            EXCHANGE_S_FOUNDATION,
            VISIOONLINE,
            VISIO_CLIENT_SUBSCRIPTION,
            ONEDRIVE_BASIC,
        ],
    ),
    product(
        "VISIO_PLAN1_DEPT",
        "ca7f3140-d88c-455b-9a1c-7f0679e31a76",
        Purchase::PerMille(1300),
        &[EXCHANGE_S_FOUNDATION, VISIOONLINE, ONEDRIVE_BASIC],
    ),
    product(
        "PROJECTPROFESSIONAL",
        "53818b1b-4a27-454b-8896-0dba576410e6",
        Purchase::PerMille(860),
        &[
            EXCHANGE_S_FOUNDATION,
            DYN365_CDS_PROJECT,
            SHAREPOINTENTERPRISE,
            PROJECT_PROFESSIONAL,
            PROJECT_CLIENT_SUBSCRIPTION,
        ],
    ),
    product(
        "PROJECTPREMIUM",
        "09015f9f-377f-4538-bbb5-f75ceb09358a",
        Purchase::PerMille(1400),
        &[
            SHAREPOINTENTERPRISE,
            PROJECT_CLIENT_SUBSCRIPTION,
            SHAREPOINT_PROJECT,
        ],
    ),
    product(
        "INTUNE_A",
        "061f9ace-7d42-4136-88ac-31dc755f143f",
        Purchase::PerMille(1100),
        &[INTUNE_A],
    ),
    product(
        "ATP_ENTERPRISE",
        "4ef96642-f096-40de-a3e9-d83fb2f90211",
        Purchase::PerMille(1050),
        &[ATP_ENTERPRISE],
    ),
    product(
        "MDATP_XPLAT",
        "b126b073-72db-4a9d-87a4-b17afe41d4ab",
        Purchase::PerMille(1200),
        &[EXCHANGE_S_FOUNDATION, INTUNE_DEFENDER, WINDEFATP],
    ),
    // Invented: what a tenant holds and no published list names.
    product(
        "CONTOSO_PHONE_SYSTEM_E5",
        "c0a7f3d2-5b1e-4e86-9a4d-3f6b8e21d790",
        Purchase::PerMille(1100),
        &[MCOEV],
    ),
    product(
        "STREAM",
        "1f2f344a-700d-42c9-9427-5cea1d5d7ba6",
        Purchase::Suspended,
        &[EXCHANGE_S_FOUNDATION, MICROSOFT_STREAM],
    ),
    product(
        "WINDOWS_STORE",
        "6470687e-a428-4b7a-bef2-8a291ad947c9",
        Purchase::CompanyWide(25),
        &[EXCHANGE_S_FOUNDATION, WINDOWS_STORE],
    ),
];

/// Positions in [`PRODUCTS`].
pub(crate) mod position {
    pub(crate) const SPE_E3: usize = 0;
    pub(crate) const SPE_E5: usize = 1;
    pub(crate) const SPE_F1: usize = 2;
    pub(crate) const SPB: usize = 3;
    pub(crate) const ENTERPRISEPACK: usize = 4;
    pub(crate) const STANDARDPACK: usize = 5;
    pub(crate) const EXCHANGESTANDARD: usize = 6;
    pub(crate) const EXCHANGEENTERPRISE: usize = 7;
    pub(crate) const TEAMS_EXPLORATORY: usize = 8;
    pub(crate) const FLOW_FREE: usize = 9;
    pub(crate) const POWER_BI_STANDARD: usize = 10;
    pub(crate) const POWER_BI_PRO: usize = 11;
    pub(crate) const EMS: usize = 12;
    pub(crate) const EMSPREMIUM: usize = 13;
    pub(crate) const AAD_PREMIUM: usize = 14;
    pub(crate) const AAD_PREMIUM_P2: usize = 15;
    pub(crate) const MICROSOFT_365_COPILOT: usize = 16;
    pub(crate) const MCOEV: usize = 17;
    pub(crate) const MICROSOFT_TEAMS_ROOMS_PRO: usize = 18;
    pub(crate) const VISIOCLIENT: usize = 19;
    pub(crate) const VISIO_PLAN1_DEPT: usize = 20;
    pub(crate) const PROJECTPROFESSIONAL: usize = 21;
    pub(crate) const PROJECTPREMIUM: usize = 22;
    pub(crate) const INTUNE_A: usize = 23;
    pub(crate) const ATP_ENTERPRISE: usize = 24;
    pub(crate) const MDATP_XPLAT: usize = 25;
    pub(crate) const CONTOSO_PHONE_SYSTEM_E5: usize = 26;
    pub(crate) const STREAM: usize = 27;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_name_the_products_that_they_point_at() {
        assert_eq!(PRODUCTS[position::SPE_E3].part_number, "SPE_E3");
        assert_eq!(PRODUCTS[position::POWER_BI_PRO].part_number, "POWER_BI_PRO");
        assert_eq!(PRODUCTS[position::STREAM].part_number, "STREAM");
        for product in &PRODUCTS {
            assert!(product.sku_id.parse::<uuid::Uuid>().is_ok());
        }
    }

    #[test]
    fn seats_are_ample_short_in_grace_suspended_or_free() {
        let check = |purchase: Purchase, consumed, enabled, warning, suspended| {
            let expected = PrepaidUnits {
                enabled,
                warning,
                suspended,
                locked_out: 0,
            };
            assert_eq!(
                purchase.prepaid(consumed),
                expected,
                "{purchase:?} of {consumed}"
            );
        };
        check(Purchase::PerMille(1060), 1000, 1075, 0, 0);
        check(Purchase::PerMille(1060), 0, 5, 0, 0);
        check(Purchase::PerMille(860), 100, 86, 0, 0);
        check(Purchase::PartlyInGrace, 100, 70, 42, 0);
        check(Purchase::InGrace, 9, 0, 15, 0);
        check(Purchase::Suspended, 14, 0, 0, 25);
        check(Purchase::Free(100), 14, 100, 0, 0);
        check(Purchase::CompanyWide(25), 0, 25, 0, 0);
    }
}
