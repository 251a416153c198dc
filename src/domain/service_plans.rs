//! Which services a license opens: from Microsoft's names of service plans to workloads.

use super::usage::Workload;

/// Service plans by how their name (`servicePlanName`) begins, without regard to case; what follows
/// is a size, a cloud or a kind of organization (`_GOV`, `_EDU`, `_MIDMARKET`).
///
/// Only plans that give somebody a place to work in are here. Add-ons of such a place (archives, phone
/// numbers, Teams Premium), licenses of devices and robots, and `EXCHANGE_S_FOUNDATION`, which is in
/// nearly every product and is no mailbox, show no use of their own. Neither does Skype for Business,
/// which ended in 2021, nor Office for the web, whose work lies in OneDrive and SharePoint.
const PLANS: [(&str, &[Workload]); 28] = [
    ("EXCHANGE_S_STANDARD", OUTLOOK),
    ("EXCHANGE_S_ENTERPRISE", OUTLOOK),
    ("EXCHANGE_S_DESKLESS", OUTLOOK),
    ("EXCHANGE_S_ESSENTIALS", OUTLOOK),
    ("EXCHANGE_B_STANDARD", OUTLOOK),
    ("EXCHANGE_L_STANDARD", OUTLOOK),
    ("TEAMS1", TEAMS),
    ("TEAMS_AR_", TEAMS),
    ("TEAMS_DESKLESS", TEAMS),
    ("TEAMS_FREE", TEAMS),
    ("TEAMS_GOV", TEAMS),
    ("TeamsEss", TEAMS),
    ("MCO_TEAMS_IW", TEAMS),
    ("SHAREPOINTSTANDARD", FILES),
    ("SHAREPOINTENTERPRISE", FILES),
    ("SHAREPOINTDESKLESS", FILES),
    ("SHAREPOINTLITE", FILES),
    ("SHAREPOINT_S_DEVELOPER", FILES),
    ("SharePoint Plan ", FILES),
    ("ONEDRIVE", &[Workload::OneDrive]),
    ("YAMMER_", VIVA_ENGAGE),
    ("VIVAENGAGE_", VIVA_ENGAGE),
    // The apps on a server that nobody sits at.
    ("OFFICESUBSCRIPTION_unattended", &[]),
    ("OFFICESUBSCRIPTION", APPS),
    ("OFFICE_BUSINESS", APPS),
    ("OFFICE_PRO_PLUS_SUBSCRIPTION_SMBIZ", APPS),
    ("OFFICEMOBILE_SUBSCRIPTION", APPS),
    ("M365_COPILOT_", COPILOT),
];

const OUTLOOK: &[Workload] = &[Workload::Outlook];
const TEAMS: &[Workload] = &[Workload::Teams];
/// One plan gives sites and everybody's own files.
const FILES: &[Workload] = &[Workload::OneDrive, Workload::SharePoint];
const VIVA_ENGAGE: &[Workload] = &[Workload::VivaEngage];
const APPS: &[Workload] = &[Workload::Apps];
const COPILOT: &[Workload] = &[Workload::Copilot];

/// The workloads that a service plan opens; none for a plan that is not known.
pub fn workloads_of_plan(value: &str) -> &'static [Workload] {
    let begins = |start: &str| {
        let beginning = value.as_bytes().get(..start.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(start.as_bytes()))
    };
    let known = PLANS.iter().find(|(start, _)| begins(start));
    known.map_or(&[], |(_, workloads)| workloads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(workloads: &[Workload], plans: &[&str]) {
        for plan in plans {
            assert_eq!(workloads_of_plan(plan), workloads, "{plan}");
            assert_eq!(workloads_of_plan(&plan.to_lowercase()), workloads, "{plan}");
        }
    }

    #[test]
    fn a_plan_opens_the_workload_that_people_work_in() {
        check(
            OUTLOOK,
            &[
                "EXCHANGE_B_STANDARD",
                "EXCHANGE_L_STANDARD",
                "EXCHANGE_S_DESKLESS",
                "EXCHANGE_S_DESKLESS_GOV",
                "EXCHANGE_S_ENTERPRISE",
                "EXCHANGE_S_ENTERPRISE_GOV",
                "EXCHANGE_S_ESSENTIALS",
                "EXCHANGE_S_STANDARD",
                "EXCHANGE_S_STANDARD_GOV",
                "EXCHANGE_S_STANDARD_MIDMARKET",
            ],
        );
        check(
            TEAMS,
            &[
                "MCO_TEAMS_IW",
                "TEAMS1",
                "TEAMS_AR_DOD",
                "TEAMS_AR_GCCHIGH",
                "TEAMS_DESKLESS",
                "TEAMS_FREE",
                "TEAMS_FREE_SERVICE",
                "TEAMS_GOV",
                "TeamsEss",
            ],
        );
        check(
            FILES,
            &[
                "SHAREPOINTDESKLESS",
                "SHAREPOINTDESKLESS_GOV",
                "SHAREPOINTENTERPRISE",
                "SHAREPOINTENTERPRISE_EDU",
                "SHAREPOINTENTERPRISE_GOV",
                "SHAREPOINTENTERPRISE_MIDMARKET",
                "SHAREPOINTLITE",
                "SHAREPOINTSTANDARD",
                "SHAREPOINTSTANDARD_EDU",
                "SHAREPOINT_S_DEVELOPER",
                "SharePoint Plan 1G",
            ],
        );
        check(
            &[Workload::OneDrive],
            &[
                "ONEDRIVECLIPCHAMP",
                "ONEDRIVEENTERPRISE",
                "ONEDRIVELITE_IW",
                "ONEDRIVESTANDARD",
                "ONEDRIVE_BASIC",
                "ONEDRIVE_BASIC_GOV",
                "ONEDRIVE_BASIC_P2",
            ],
        );
        check(
            VIVA_ENGAGE,
            &[
                "VIVAENGAGE_COMMUNITIES_AND_COMMUNICATIONS",
                "VIVAENGAGE_CORE",
                "VIVAENGAGE_KNOWLEDGE",
                "YAMMER_BASIC",
                "YAMMER_EDU",
                "YAMMER_ENTERPRISE",
                "YAMMER_MIDSIZE",
            ],
        );
        check(
            APPS,
            &[
                "OFFICEMOBILE_SUBSCRIPTION",
                "OFFICEMOBILE_SUBSCRIPTION_GOV",
                "OFFICESUBSCRIPTION",
                "OFFICESUBSCRIPTION_GOV",
                "OFFICE_BUSINESS",
                "OFFICE_PRO_PLUS_SUBSCRIPTION_SMBIZ",
            ],
        );
        check(
            COPILOT,
            &[
                "M365_COPILOT_APPS",
                "M365_COPILOT_BUSINESS_CHAT",
                "M365_COPILOT_CONNECTORS",
                "M365_COPILOT_INTELLIGENT_SEARCH",
                "M365_COPILOT_SHAREPOINT",
                "M365_COPILOT_TEAMS",
            ],
        );
    }

    #[test]
    fn a_plan_that_shows_no_use_of_its_own_opens_nothing() {
        check(
            &[],
            &[
                "",
                "AAD_PREMIUM",
                "COPILOT_STUDIO_IN_COPILOT_FOR_M365",
                "EOP_ENTERPRISE",
                "EXCHANGEONLINE_MULTIGEO",
                "EXCHANGE_ANALYTICS",
                "EXCHANGE_FOUNDATION_GOV",
                "EXCHANGE_S_ARCHIVE",
                "EXCHANGE_S_ARCHIVE_ADDON",
                "EXCHANGE_S_FOUNDATION",
                "EXCHANGE_S_FOUNDATION_GOV",
                "INTUNE_O365",
                "MCOEV",
                "MCOEV_VIRTUALUSER",
                "MCOMEETADV",
                "MCOSTANDARD",
                "MCO_VIRTUAL_APPT",
                "OFFICESUBSCRIPTION_unattended",
                "OFFICESUBSCRIPTION_unattended_GOV",
                "OFFICE_FORMS_PLAN_2",
                "OFFICE_PROPLUS_DEVICE",
                "OFFICE_SHARED_COMPUTER_ACTIVATION",
                "PROJECT_CLIENT_SUBSCRIPTION",
                "SHAREPOINTONLINE_MULTIGEO",
                "SHAREPOINTSTORAGE",
                "SHAREPOINTWAC",
                "SHAREPOINTWAC_EDU",
                "SHAREPOINT_PROJECT",
                "TEAMSMULTIGEO",
                "TEAMSPRO_MGMT",
                "TEAMS_ADVCOMMS",
                "Teams_Room_Standard",
                "Teams_Rooms_Pro",
                "VISIO_CLIENT_SUBSCRIPTION",
                "VIVA_LEARNING_SEEDED",
                "Éclair",
            ],
        );
    }
}
