//! What covers a dataset, for those who ask and for those who grant: permissions, directory roles and
//! clouds. The remedies name what to click and whom to ask.

use crate::domain::sync_run::Dataset;
use crate::domain::tenant::Cloud;

/// What to do for data that only tenants with a premium directory are told.
pub(super) const PREMIUM: &str = "Microsoft tells this only to tenants with Microsoft Entra ID P1 or P2, which is also part of Microsoft 365 Business Premium, E3 and E5. There is nothing to set: it is read as soon as the tenant has such a license, up to a day later. Everything else is read without it.";

/// What to do about names that are concealed.
pub(super) const REVEAL: &str = "The tenant conceals them in usage reports, which is Microsoft's default, so nobody's activity can be told. If that is not wanted, a Global Administrator opens the Microsoft 365 admin center, Settings, Org settings, Services, Reports, clears \"Display concealed user, group, and site names in all reports\" and saves. The next sync reads the names.";

/// The permissions that cover a dataset, the one that we ask for first; each is enough.
fn permissions(dataset: Dataset) -> &'static [&'static str] {
    match dataset {
        Dataset::Organization | Dataset::Subscriptions => {
            &["Organization.Read.All", "Directory.Read.All"]
        }
        Dataset::Users => &["User.Read.All", "Directory.Read.All"],
        Dataset::Groups => &[
            "Group.Read.All",
            "GroupMember.Read.All",
            "Directory.Read.All",
        ],
        Dataset::Licenses => &[
            "LicenseAssignment.Read.All",
            "Organization.Read.All",
            "Directory.Read.All",
        ],
        Dataset::SignInActivity | Dataset::SignIns => &["AuditLog.Read.All"],
        Dataset::DirectoryAudits => &["AuditLog.Read.All", "Directory.Read.All"],
        Dataset::ActiveUsers
        | Dataset::EmailActivity
        | Dataset::MailboxUsage
        | Dataset::TeamsActivity
        | Dataset::OneDriveActivity
        | Dataset::OneDriveUsage
        | Dataset::SharePointActivity
        | Dataset::VivaEngageActivity
        | Dataset::AppsUsage
        | Dataset::AppsActivations
        | Dataset::CopilotUsage => &["Reports.Read.All"],
    }
}

/// The directory roles with which an account may read a dataset, the least one first.
fn roles(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::Organization
        | Dataset::Users
        | Dataset::Groups
        | Dataset::Licenses
        | Dataset::Subscriptions => "Directory Readers or Global Reader",
        Dataset::SignInActivity | Dataset::SignIns | Dataset::DirectoryAudits => {
            "Reports Reader, Security Reader or Global Reader"
        }
        Dataset::ActiveUsers
        | Dataset::EmailActivity
        | Dataset::MailboxUsage
        | Dataset::TeamsActivity
        | Dataset::OneDriveActivity
        | Dataset::OneDriveUsage
        | Dataset::SharePointActivity
        | Dataset::VivaEngageActivity
        | Dataset::AppsUsage
        | Dataset::AppsActivations => "Reports Reader or Global Reader",
        Dataset::CopilotUsage => "Reports Reader, Global Reader or AI Administrator",
    }
}

/// Whether one of the scopes that were consented to covers a dataset. Outside the worldwide cloud a
/// scope has the address of Graph before its name.
pub(super) fn is_granted(dataset: Dataset, scopes: &[String]) -> bool {
    scopes.iter().any(|scope| {
        let name = scope.rsplit('/').next().unwrap_or_default();
        permissions(dataset)
            .iter()
            .any(|permission| permission.eq_ignore_ascii_case(name))
    })
}

/// How to grant the permission.
pub(super) fn grant(dataset: Dataset) -> String {
    let permission = match permissions(dataset) {
        [own, .., widest] => format!("{own} (or {widest})"),
        one => one.concat(),
    };
    format!(
        "The permission is missing. In the Entra admin center open App registrations, your application, API permissions, Microsoft Graph, add {permission} (Application permissions for access = \"app\", Delegated for \"delegated\") and press \"Grant admin consent\". A service account signs in again afterwards and also needs a directory role that may read this: {}.",
        roles(dataset)
    )
}

/// How to assign the role.
pub(super) fn assign_role(dataset: Dataset) -> String {
    format!(
        "The permission is there, but the account that signed in has no directory role that may read this. In the Entra admin center open Users, the account, Assigned roles, Add assignments, and choose {}. It counts a few minutes later; no new consent is needed.",
        roles(dataset)
    )
}

/// Whether Microsoft documents that a cloud does not have a dataset.
pub(super) fn is_absent_from(dataset: Dataset, cloud: Cloud) -> bool {
    let is_report = Dataset::REPORTS.contains(&dataset);
    match cloud {
        Cloud::Global => false,
        Cloud::UsGovHigh | Cloud::UsGovDod => is_report,
        Cloud::China => is_report || dataset == Dataset::DirectoryAudits,
    }
}

/// That there is nothing to do about a dataset that a cloud does not have.
pub(super) fn absence(dataset: Dataset, cloud: Cloud) -> String {
    let home = match dataset {
        Dataset::DirectoryAudits => "the worldwide cloud and those of the US Government",
        _ => "the worldwide cloud",
    };
    let cloud = match cloud {
        Cloud::Global => "the worldwide cloud",
        Cloud::UsGovHigh => "the US Government's (L4, GCC High)",
        Cloud::UsGovDod => "the US Government's (L5, DoD)",
        Cloud::China => "the one of 21Vianet in China",
    };
    format!(
        "Microsoft has this in {home} only, and the tenant's cloud is {cloud}. There is nothing to do, and everything else is read. If the tenant does not live there, correct its `cloud`."
    )
}
