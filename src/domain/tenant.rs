//! A Microsoft 365 organization and our connection to it.

use super::ids::OrganizationId;

/// What Graph's `organization` says of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// `id`: what Microsoft calls the tenant id.
    pub id: OrganizationId,
    /// `displayName`.
    pub display_name: Option<String>,
    /// The `verifiedDomains`, lower case, the default one first.
    pub domains: Vec<String>,
    /// `countryLetterCode`.
    pub country: Option<String>,
}

impl Organization {
    /// The default verified domain.
    pub fn primary_domain(&self) -> Option<&str> {
        self.domains.first().map(String::as_str)
    }
}

/// Microsoft's clouds; a token of one is worth nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// The worldwide cloud, GCC included.
    Global,
    /// US Government L4, GCC High.
    UsGovHigh,
    /// US Government L5, `DoD`.
    UsGovDod,
    /// Operated by 21Vianet.
    China,
}

/// How we sign in to a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TenantAccess {
    /// Client credentials: the application itself.
    App,
    /// A service account that signed in and consented.
    Delegated,
}

/// What stands between us and the tenant's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// Configured for [`TenantAccess::App`]; Microsoft has not answered yet.
    Connecting,
    /// `/organization` answered with the configured tenant.
    Connected,
    /// Nobody has signed in and consented yet, or what was consented has died.
    NeedsConsent,
    /// Microsoft refuses the tenant, client, secret or certificate of the configuration.
    Misconfigured,
    /// Disconnected by an administrator; nothing is read until connected again.
    Disconnected,
}

/// The connection to one tenant, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Where it stands.
    pub state: ConnectionState,
    /// Why it is not connected and what to do, with Microsoft's AADSTS code.
    pub problem: Option<String>,
    /// `scope` of the token answer; `None` where it says nothing, as for an application.
    pub granted_scopes: Option<Vec<String>>,
    /// The organization that answered; facts of another one are never mixed into this tenant's.
    pub organization_id: Option<OrganizationId>,
}

impl Connection {
    /// The connection of a tenant that was just configured.
    pub fn new(access: TenantAccess) -> Self {
        let (state, problem) = match access {
            TenantAccess::App => (ConnectionState::Connecting, None),
            TenantAccess::Delegated => (
                ConnectionState::NeedsConsent,
                Some("Nobody has signed in yet. Run `seatwise connect`, or call connectTenant, and open the address it prints.".to_owned()),
            ),
        };
        Self {
            state,
            problem,
            granted_scopes: None,
            organization_id: None,
        }
    }
}
