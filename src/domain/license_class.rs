//! Whether somebody pays for a license: what is free is never waste.
//!
//! Microsoft Graph does not say it. Free products and trials that people take for themselves come with ten
//! thousand seats and more, and would drown whatever costs money. So the operator's word counts first, then
//! what is known of a purchase, then Microsoft's part numbers; what none of them tells is
//! [`LicenseClass::Unknown`], and no waste either.

/// What a license is to whoever pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LicenseClass {
    /// Costs money, and stands for itself.
    Paid,
    /// Costs money, and adds to another license.
    Addon,
    /// Costs nothing, and ends.
    Trial,
    /// Costs nothing.
    Free,
    /// Nobody said.
    Unknown,
}

impl LicenseClass {
    /// Every class, in the order of the schema.
    pub const ALL: [Self; 5] = [
        Self::Paid,
        Self::Addon,
        Self::Trial,
        Self::Free,
        Self::Unknown,
    ];

    /// Whether a seat that nobody needs is money lost.
    pub fn is_paid(self) -> bool {
        match self {
            Self::Paid | Self::Addon => true,
            Self::Trial | Self::Free | Self::Unknown => false,
        }
    }

    /// The word for settings, exports and evidence: "PAID".
    pub fn name(self) -> &'static str {
        match self {
            Self::Paid => "PAID",
            Self::Addon => "ADDON",
            Self::Trial => "TRIAL",
            Self::Free => "FREE",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Reads [`Self::name`], in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let mut classes = Self::ALL.into_iter();
        classes.find(|class| class.name().eq_ignore_ascii_case(text.trim()))
    }
}

/// What the class of a license is decided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassFacts<'a> {
    /// `skuPartNumber`.
    pub part_number: &'a str,
    /// What the operator says it is.
    pub operator: Option<LicenseClass>,
    /// How many of its subscriptions are trials (`isTrial` is true).
    pub trials: usize,
    /// How many are not, or do not say.
    pub purchases: usize,
    /// The price book has a price of it that is not zero.
    pub is_priced: bool,
    /// Microsoft's public list of products has it.
    pub is_listed: bool,
}

impl ClassFacts<'_> {
    /// The class.
    pub fn class(&self) -> LicenseClass {
        if let Some(class) = self.operator {
            return class;
        }
        if self.trials > 0 && self.purchases == 0 {
            return LicenseClass::Trial;
        }
        match class_of_part_number(self.part_number) {
            Some(class) => class,
            None if self.is_priced || self.is_listed => LicenseClass::Paid,
            None => LicenseClass::Unknown,
        }
    }
}

/// How a part number is recognized.
#[derive(Debug, Clone, Copy)]
enum Is {
    /// It is this one.
    Exactly(&'static str),
    /// It begins so.
    Begins(&'static str),
    /// It has this anywhere.
    Has(&'static str),
}

impl Is {
    fn holds(self, part_number: &str) -> bool {
        let (part_number, text) = (part_number.as_bytes(), self.text().as_bytes());
        let mut places = part_number.windows(text.len());
        match self {
            Self::Exactly(_) => part_number.eq_ignore_ascii_case(text),
            Self::Begins(_) => places
                .next()
                .is_some_and(|start| start.eq_ignore_ascii_case(text)),
            Self::Has(_) => places.any(|part| part.eq_ignore_ascii_case(text)),
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Exactly(text) | Self::Begins(text) | Self::Has(text) => text,
        }
    }
}

/// The first that holds tells the class. From Microsoft's public list of products.
const PART_NUMBERS: &[(Is, LicenseClass)] = {
    use Is::{Begins, Exactly, Has};
    use LicenseClass::{Addon, Free, Trial};
    &[
        // Taken by people for themselves, for some weeks, or for as long as Microsoft likes.
        (Has("VIRAL"), Trial),
        (Has("TRIAL"), Trial),
        (Has("EXPLORATORY"), Trial),
        (Exactly("D365_SALES_PRO_IW"), Trial),
        (Exactly("DYN365_AI_SERVICE_INSIGHTS"), Trial),
        (Exactly("DYN365_ENTERPRISE_P1_IW"), Trial),
        (Exactly("DYN365_REGULATORY_SERVICE"), Trial),
        (Exactly("FORMS_PRO"), Trial),
        (Exactly("MS_TEAMS_IW"), Trial),
        (Exactly("PROJECT_MADEIRA_PREVIEW_IW_SKU"), Trial),
        // Free for everybody.
        (Exactly("FLOW_FREE"), Free),
        (Exactly("TEAMS_FREE"), Free),
        (Exactly("POWER_BI_STANDARD"), Free),
        (Exactly("POWER_BI_STANDARD_FACULTY"), Free),
        (Exactly("POWER_BI_STANDARD_STUDENT"), Free),
        (Exactly("POWERAPPS_DEV"), Free),
        (Exactly("POWERAPPS_PER_APP_IW"), Free),
        (Exactly("RIGHTSMANAGEMENT_ADHOC"), Free),
        (Exactly("SMB_APPS"), Free),
        (Exactly("SPZA_IW"), Free),
        (Exactly("STREAM"), Free),
        (Exactly("WINDOWS_STORE"), Free),
        // Free for what answers phones and sits in rooms, up to a number.
        (Begins("PHONESYSTEM_VIRTUALUSER"), Free),
        (Begins("MICROSOFT_TEAMS_ROOMS_BASIC"), Free),
        // Free for schools, and for their students where teachers are paid for.
        (Begins("STANDARDWOFFPACK_"), Free),
        (Has("_STUUSEBNFT"), Free),
        // Free for who develops.
        (Exactly("DEVELOPERPACK"), Free),
        (Exactly("DEVELOPERPACK_E5"), Free),
        // Adds to another license.
        (Has("ADDON"), Addon),
        (Has("ADD_ON"), Addon),
        (Has("COPILOT"), Addon),
        (Begins("VISIO"), Addon),
        (Begins("PROJECT"), Addon),
        (Begins("POWER_BI_"), Addon),
        (Begins("POWERBI_"), Addon),
        (Begins("PBI_PREMIUM_"), Addon),
        (Begins("POWERAPPS_"), Addon),
        (Begins("POWERAUTOMATE_"), Addon),
        (Begins("POWER_PAGES_"), Addon),
        (Begins("FLOW_"), Addon),
        (Begins("CDSAI"), Addon),
        (Begins("VIRTUAL_AGENT"), Addon),
        (Begins("POWER_VIRTUAL_AGENTS"), Addon),
        (Begins("MCOEV"), Addon),
        (Begins("MCOMEET"), Addon),
        (Begins("MCOPSTN"), Addon),
        (Begins("MCOACBYOT"), Addon),
        (Exactly("MICROSOFT_TEAMS_PREMIUM"), Addon),
        (Begins("TEAMS_PREMIUM_"), Addon),
        (Exactly("ADV_COMMS"), Addon),
        (Begins("SPE_F5_"), Addon),
        (Begins("IDENTITY_THREAT_PROTECTION"), Addon),
        (Begins("INFORMATION_PROTECTION_COMPLIANCE"), Addon),
        (Begins("M365_E5_"), Addon),
        (Begins("M365_F5_"), Addon),
        (Begins("M365_SECURITY_COMPLIANCE"), Addon),
        (Begins("M365_INFO_PROTECTION"), Addon),
        (Begins("AAD_PREMIUM"), Addon),
        (Begins("MICROSOFT_ENTRA_"), Addon),
        (Begins("ATP_ENTERPRISE"), Addon),
        (Begins("THREAT_INTELLIGENCE"), Addon),
        (Begins("ADALLOM_"), Addon),
        (Exactly("ATA"), Addon),
        (Begins("WIN_DEF_ATP"), Addon),
        (Begins("MDATP_"), Addon),
        (Begins("DEFENDER_ENDPOINT_"), Addon),
        (Begins("TVM_"), Addon),
        (Begins("RIGHTSMANAGEMENT"), Addon),
        (Begins("EQUIVIO_ANALYTICS"), Addon),
        (Begins("LOCKBOX"), Addon),
        (Begins("EXCHANGEARCHIVE"), Addon),
        (Begins("SHAREPOINTSTORAGE"), Addon),
        (Begins("STREAM_"), Addon),
        (Begins("WORKPLACE_ANALYTICS"), Addon),
        (Begins("VIVA"), Addon),
        (Begins("MICROSOFT_VIVA_"), Addon),
        (Begins("CMPA_"), Addon),
    ]
};

fn class_of_part_number(part_number: &str) -> Option<LicenseClass> {
    let mut known = PART_NUMBERS.iter();
    let (_, class) = known.find(|(is, _)| is.holds(part_number.trim()))?;
    Some(*class)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: ClassFacts<'_> = ClassFacts {
        part_number: "SPE_E3",
        operator: None,
        trials: 0,
        purchases: 1,
        is_priced: false,
        is_listed: true,
    };

    #[track_caller]
    fn check(facts: ClassFacts<'_>, class: LicenseClass) {
        assert_eq!(facts.class(), class, "{facts:?}");
    }

    #[track_caller]
    fn check_part_numbers(class: LicenseClass, part_numbers: &[&str]) {
        for part_number in part_numbers {
            let facts = ClassFacts {
                part_number,
                ..LISTED
            };
            check(facts, class);
        }
    }

    #[test]
    fn a_part_number_tells_what_is_free_a_trial_or_an_addon() {
        check_part_numbers(
            LicenseClass::Paid,
            &[
                "SPE_E3",
                "SPE_E5",
                "ENTERPRISEPACK",
                "STANDARDPACK",
                "SPB",
                "EMS",
                "EXCHANGESTANDARD",
                "SHAREPOINTSTANDARD",
                "Microsoft_Teams_Rooms_Pro",
                "M365EDU_A3_FACULTY",
                "O365_BUSINESS",
            ],
        );
        check_part_numbers(
            LicenseClass::Addon,
            &[
                "Microsoft_365_Copilot",
                "VISIOCLIENT",
                "PROJECTPROFESSIONAL",
                "POWER_BI_PRO",
                "MCOEV",
                "MCOMEETADV",
                "AAD_PREMIUM_P2",
                "TVM_Premium_Add_on",
            ],
        );
        check_part_numbers(
            LicenseClass::Trial,
            &[
                "POWERAPPS_VIRAL",
                "TEAMS_EXPLORATORY",
                "Microsoft_Teams_Exploratory_Dept",
                "Power_Pages_vTrial_for_Makers",
                "CCIBOTS_PRIVPREV_VIRAL",
            ],
        );
        check_part_numbers(
            LicenseClass::Free,
            &[
                "FLOW_FREE",
                "power_bi_standard",
                " WINDOWS_STORE ",
                "PHONESYSTEM_VIRTUALUSER_GOV",
                "STANDARDWOFFPACK_STUDENT",
                "STREAM",
            ],
        );
    }

    #[test]
    fn the_operator_is_believed_first_and_then_the_purchase() {
        let trial = ClassFacts {
            trials: 1,
            purchases: 0,
            ..LISTED
        };
        check(trial, LicenseClass::Trial);
        // Tried and then bought.
        check(
            ClassFacts {
                purchases: 1,
                ..trial
            },
            LicenseClass::Paid,
        );
        for class in LicenseClass::ALL {
            check(
                ClassFacts {
                    operator: Some(class),
                    ..trial
                },
                class,
            );
        }
    }

    #[test]
    fn what_nobody_knows_is_paid_only_where_it_has_a_price() {
        let new = ClassFacts {
            part_number: "SOMETHING_NEW",
            is_listed: false,
            ..LISTED
        };
        check(new, LicenseClass::Unknown);
        check(
            ClassFacts {
                is_priced: true,
                ..new
            },
            LicenseClass::Paid,
        );
        check(ClassFacts::default(), LicenseClass::Unknown);
    }

    #[test]
    fn only_what_costs_money_can_be_wasted() {
        let paid = LicenseClass::ALL.map(LicenseClass::is_paid);
        assert_eq!(paid, [true, true, false, false, false]);
    }

    #[test]
    fn a_class_is_read_as_it_is_written() {
        for class in LicenseClass::ALL {
            assert_eq!(LicenseClass::parse(class.name()), Some(class));
            assert_eq!(
                LicenseClass::parse(&format!(" {} ", class.name().to_lowercase())),
                Some(class)
            );
        }
        assert_eq!(LicenseClass::parse("CHEAP"), None);
    }
}
