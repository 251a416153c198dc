//! Services inside products, as Microsoft publishes their names and ids.

/// A service inside a product: Graph's `servicePlanInfo`.
#[derive(Debug)]
pub(crate) struct ServicePlan {
    /// `servicePlanId`.
    pub(crate) id: &'static str,
    /// `servicePlanName`.
    pub(crate) name: &'static str,
    /// The service that provides it, as `assignedPlans` calls it.
    pub(crate) service: &'static str,
}

const fn plan(id: &'static str, name: &'static str, service: &'static str) -> ServicePlan {
    ServicePlan { id, name, service }
}

pub(crate) const AAD_PREMIUM: ServicePlan = plan(
    "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
    "AAD_PREMIUM",
    "AADPremiumService",
);
pub(crate) const AAD_PREMIUM_P2: ServicePlan = plan(
    "eec0eb4f-6444-4f95-aba0-50c24d67f998",
    "AAD_PREMIUM_P2",
    "AADPremiumService",
);
pub(crate) const ADALLOM_S_DISCOVERY: ServicePlan = plan(
    "932ad362-64a8-4783-9106-97849a1a30b9",
    "ADALLOM_S_DISCOVERY",
    "Adallom",
);
pub(crate) const ADALLOM_S_STANDALONE: ServicePlan = plan(
    "2e2ddb96-6af9-4b1d-a3f0-d6ecfd22edb2",
    "ADALLOM_S_STANDALONE",
    "Adallom",
);
pub(crate) const ATA: ServicePlan = plan(
    "14ab5db5-e6c4-4b20-b4bc-13e36fd2227f",
    "ATA",
    "AzureAdvancedThreatAnalytics",
);
pub(crate) const ATP_ENTERPRISE: ServicePlan = plan(
    "f20fedf3-f3c3-43c3-8267-2bfdd51c0939",
    "ATP_ENTERPRISE",
    "exchange",
);
pub(crate) const BI_AZURE_P0: ServicePlan = plan(
    "2049e525-b859-401b-b2a0-e0a31c4b1fe4",
    "BI_AZURE_P0",
    "PowerBI",
);
pub(crate) const BI_AZURE_P2: ServicePlan = plan(
    "70d33638-9c74-4d01-bfd3-562de28bd4ba",
    "BI_AZURE_P2",
    "PowerBI",
);
pub(crate) const BPOS_S_TODO_1: ServicePlan = plan(
    "5e62787c-c316-451f-b873-1d05acd4d12c",
    "BPOS_S_TODO_1",
    "exchange",
);
pub(crate) const DYN365_CDS_PROJECT: ServicePlan = plan(
    "50554c47-71d9-49fd-bc54-42a2765c555c",
    "DYN365_CDS_PROJECT",
    "CRM",
);
pub(crate) const DYN365_CDS_VIRAL: ServicePlan = plan(
    "17ab22cd-a0b3-4536-910a-cb6eb12696c0",
    "DYN365_CDS_VIRAL",
    "CRM",
);
pub(crate) const EXCHANGE_S_DESKLESS: ServicePlan = plan(
    "4a82b400-a79f-41a4-b4e2-e94f5787b113",
    "EXCHANGE_S_DESKLESS",
    "exchange",
);
pub(crate) const EXCHANGE_S_ENTERPRISE: ServicePlan = plan(
    "efb87545-963c-4e0d-99df-69c6916d9eb0",
    "EXCHANGE_S_ENTERPRISE",
    "exchange",
);
pub(crate) const EXCHANGE_S_FOUNDATION: ServicePlan = plan(
    "113feb6c-3fe4-4440-bddc-54d774bf0318",
    "EXCHANGE_S_FOUNDATION",
    "exchange",
);
pub(crate) const EXCHANGE_S_STANDARD: ServicePlan = plan(
    "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
    "EXCHANGE_S_STANDARD",
    "exchange",
);
pub(crate) const FLOW_O365_P2: ServicePlan = plan(
    "76846ad7-7776-4c40-a281-a386362dd1b9",
    "FLOW_O365_P2",
    "ProcessSimple",
);
pub(crate) const FLOW_P2_VIRAL: ServicePlan = plan(
    "50e68c76-46c6-4674-81f9-75456511b170",
    "FLOW_P2_VIRAL",
    "ProcessSimple",
);
pub(crate) const INTUNE_A: ServicePlan =
    plan("c1ec4a95-1f05-45b3-a911-aa3fa01094f5", "INTUNE_A", "SCO");
pub(crate) const INTUNE_O365: ServicePlan =
    plan("882e1d05-acd1-4ccb-8708-6ee03664b117", "INTUNE_O365", "SCO");
pub(crate) const INTUNE_DEFENDER: ServicePlan = plan(
    "1689aade-3d6a-4bfc-b017-46d2672df5ad",
    "Intune_Defender",
    "SCO",
);
pub(crate) const M365_COPILOT_APPS: ServicePlan = plan(
    "a62f8878-de10-42f3-b68f-6149a25ceb97",
    "M365_COPILOT_APPS",
    "M365Copilot",
);
pub(crate) const M365_COPILOT_BUSINESS_CHAT: ServicePlan = plan(
    "3f30311c-6b1e-48a4-ab79-725b469da960",
    "M365_COPILOT_BUSINESS_CHAT",
    "M365Copilot",
);
pub(crate) const M365_COPILOT_CONNECTORS: ServicePlan = plan(
    "89f1c4c8-0878-40f7-804d-869c9128ab5d",
    "M365_COPILOT_CONNECTORS",
    "M365Copilot",
);
pub(crate) const M365_COPILOT_TEAMS: ServicePlan = plan(
    "b95945de-b3bd-46db-8437-f2beb6ea2347",
    "M365_COPILOT_TEAMS",
    "M365Copilot",
);
pub(crate) const MCOEV: ServicePlan = plan(
    "4828c8ec-dc2e-4779-b502-87ac9ce28ab7",
    "MCOEV",
    "MicrosoftCommunicationsOnline",
);
pub(crate) const MCOMEETADV: ServicePlan = plan(
    "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40",
    "MCOMEETADV",
    "MicrosoftCommunicationsOnline",
);
pub(crate) const MCOSTANDARD: ServicePlan = plan(
    "0feaeb32-d00e-4d66-bd5a-43b5b83db82c",
    "MCOSTANDARD",
    "MicrosoftCommunicationsOnline",
);
pub(crate) const MFA_PREMIUM: ServicePlan = plan(
    "8a256a2b-b617-496d-b51b-e76466e88db0",
    "MFA_PREMIUM",
    "MultiFactorService",
);
pub(crate) const MICROSOFT_STREAM: ServicePlan = plan(
    "acffdce6-c30f-4dc2-81c0-372e33c515ec",
    "MICROSOFT STREAM",
    "MicrosoftStream",
);
pub(crate) const OFFICEMOBILE_SUBSCRIPTION: ServicePlan = plan(
    "c63d4d19-e8cb-460e-b37c-4d6c34603745",
    "OFFICEMOBILE_SUBSCRIPTION",
    "MicrosoftOffice",
);
pub(crate) const OFFICESUBSCRIPTION: ServicePlan = plan(
    "43de0ff5-c92c-492b-9116-175376d08c38",
    "OFFICESUBSCRIPTION",
    "MicrosoftOffice",
);
pub(crate) const ONEDRIVE_BASIC: ServicePlan = plan(
    "da792a53-cbc0-4184-a10d-e544dd34b3c1",
    "ONEDRIVE_BASIC",
    "SharePoint",
);
pub(crate) const PROJECT_CLIENT_SUBSCRIPTION: ServicePlan = plan(
    "fafd7243-e5c1-4a3a-9e40-495efcb1d3c3",
    "PROJECT_CLIENT_SUBSCRIPTION",
    "MicrosoftOffice",
);
pub(crate) const PROJECT_PROFESSIONAL: ServicePlan = plan(
    "818523f5-016b-4355-9be8-ed6944946ea7",
    "PROJECT_PROFESSIONAL",
    "MicrosoftOffice",
);
pub(crate) const RMS_S_PREMIUM: ServicePlan = plan(
    "6c57d4b6-3b23-47a5-9bc9-69f17b4947b3",
    "RMS_S_PREMIUM",
    "RMSOnline",
);
pub(crate) const RMS_S_PREMIUM2: ServicePlan = plan(
    "5689bec4-755d-4753-8b61-40975025187c",
    "RMS_S_PREMIUM2",
    "RMSOnline",
);
pub(crate) const SHAREPOINTDESKLESS: ServicePlan = plan(
    "902b47e5-dcb2-4fdc-858b-c63a90a2bdb9",
    "SHAREPOINTDESKLESS",
    "SharePoint",
);
pub(crate) const SHAREPOINTENTERPRISE: ServicePlan = plan(
    "5dbe027f-2339-4123-9542-606e4d348a72",
    "SHAREPOINTENTERPRISE",
    "SharePoint",
);
pub(crate) const SHAREPOINTSTANDARD: ServicePlan = plan(
    "c7699d2e-19aa-44de-8edf-1736da088ca1",
    "SHAREPOINTSTANDARD",
    "SharePoint",
);
pub(crate) const SHAREPOINT_PROJECT: ServicePlan = plan(
    "fe71d6c3-a2ea-4499-9778-da042bf08063",
    "SHAREPOINT_PROJECT",
    "SharePoint",
);
pub(crate) const SWAY: ServicePlan = plan("a23b959c-7ce8-4e57-9140-b90eb88a9e97", "SWAY", "Sway");
pub(crate) const TEAMS1: ServicePlan = plan(
    "57ff2da0-773e-42df-b2af-ffb7a2317929",
    "TEAMS1",
    "TeamspaceAPI",
);
pub(crate) const THREAT_INTELLIGENCE: ServicePlan = plan(
    "8e0c0a52-6a6c-4d40-8370-dd62790dcd70",
    "THREAT_INTELLIGENCE",
    "exchange",
);
pub(crate) const VISIOONLINE: ServicePlan = plan(
    "2bdbaf8f-738f-4ac7-9234-3c3ee2ce7d0f",
    "VISIOONLINE",
    "MicrosoftOffice",
);
pub(crate) const VISIO_CLIENT_SUBSCRIPTION: ServicePlan = plan(
    "663a804f-1c30-4ff0-9915-9db84f0d1cea",
    "VISIO_CLIENT_SUBSCRIPTION",
    "MicrosoftOffice",
);
pub(crate) const WHITEBOARD_PLAN3: ServicePlan = plan(
    "4a51bca5-1eff-43f5-878c-177680f191af",
    "WHITEBOARD_PLAN3",
    "WhiteboardServices",
);
pub(crate) const WINDEFATP: ServicePlan = plan(
    "871d91ec-ec1a-452b-a83f-bd76c7d770ef",
    "WINDEFATP",
    "WindowsDefenderATP",
);
pub(crate) const WINDOWS_STORE: ServicePlan = plan(
    "a420f25f-a7b3-4ff5-a9d0-5d58f73b537d",
    "WINDOWS_STORE",
    "WindowsStore",
);
pub(crate) const YAMMER_ENTERPRISE: ServicePlan = plan(
    "7547a3fe-08ee-4ccb-b430-5077c5041653",
    "YAMMER_ENTERPRISE",
    "YammerEnterprise",
);
