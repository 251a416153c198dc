//! Trying each dataset of a tenant with its smallest request, as the application.
//!
//! Nothing is stored. It answers what a first setup wants to know: is the secret right, and which
//! permission is missing.

use std::sync::Arc;

use secrecy::SecretString;

use crate::clock::{Clock, SystemClock};
use crate::config::TenantConfig;
use crate::domain::sync_run::{Dataset, Problem, ProblemKind};
use crate::domain::tenant::Organization;
use crate::msgraph::{
    Client, Endpoints, Http, Login, Meter, NetworkSettings, SignInError, TokenSource,
};
use crate::sync::probe;

use super::report::Check;

/// One token, for as long as the doctor looks. A refused one is not replaced: it was just issued.
struct OneToken(Arc<SecretString>);

#[async_trait::async_trait]
impl TokenSource for OneToken {
    async fn access_token(
        &self,
        _stale: Option<&SecretString>,
    ) -> Result<Arc<SecretString>, SignInError> {
        Ok(self.0.clone())
    }
}

/// What each dataset met.
type Met = Vec<(Dataset, Result<(), Problem>)>;

/// Signs in as the tenant's application and tries each dataset; none where it is not let in.
pub(super) async fn tenant(
    network: &NetworkSettings,
    tenant: &TenantConfig,
    clock: &dyn Clock,
) -> (Check, Met) {
    let subject = format!("{}: sign-in", tenant.key);
    let (login, http, endpoints) = match login(network, tenant) {
        Ok(parts) => parts,
        Err(problem) => {
            let remedy = "correct it in the configuration";
            return (Check::failed(&subject, &problem, remedy), Vec::new());
        }
    };
    let token = match login.client_credentials().await {
        Ok(answer) => answer.access_token,
        Err(error) => return (Check::failed(&subject, &error.message, ""), Vec::new()),
    };
    let client = Client::new(http, endpoints, Arc::new(OneToken(Arc::new(token))));
    let verify = |organization: &Organization| verify(tenant, organization);
    let met = probe(&client, &Meter::default(), clock.now(), verify).await;
    (Check::ok(&subject, "accepted"), met)
}

fn login(
    network: &NetworkSettings,
    tenant: &TenantConfig,
) -> Result<(Login, Http, Endpoints), String> {
    let http = Http::new(network)?;
    let (login_url, graph_url) = (&tenant.login_url, &tenant.graph_url);
    let endpoints = Endpoints::new(
        tenant.cloud,
        login_url.as_ref().map(|url| url.as_str()),
        graph_url.as_ref().map(|url| url.as_str()),
    )?;
    let (id, client) = (&tenant.tenant_id, &tenant.client_id);
    let (credential, clock) = (tenant.credential.clone(), Arc::new(SystemClock));
    let login = Login::new(
        http.clone(),
        endpoints.clone(),
        id,
        client,
        credential,
        clock,
    );
    Ok((login, http, endpoints))
}

/// The organization that answers must be the configured one, by id or by a verified domain.
fn verify(tenant: &TenantConfig, organization: &Organization) -> Result<(), Problem> {
    let configured = &tenant.tenant_id;
    if organization.id.to_string() == *configured || organization.domains.contains(configured) {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::WrongTenant,
        format!(
            "{} answered, not {configured}; set tenant_id to the tenant that is meant",
            organization.id
        ),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::matchers::method;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use crate::cli::doctor::report::Report;
    use crate::domain::ids::{OrganizationId, TenantKey};
    use crate::domain::tenant::{Cloud, TenantAccess};
    use crate::msgraph::Credential;

    use super::*;

    fn contoso(tenant_id: &str) -> TenantConfig {
        TenantConfig {
            policy: Default::default(),
            key: TenantKey::parse("contoso").unwrap(),
            tenant_id: tenant_id.into(),
            client_id: String::new(),
            credential: Credential::Secret("s".into()),
            access: TenantAccess::App,
            cloud: Cloud::Global,
            segment: None,
            login_url: None,
            graph_url: None,
        }
    }

    #[tokio::test]
    async fn a_refused_sign_in_ends_the_examination() {
        let microsoft = MockServer::start().await;
        let refused = json!({
            "error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret.",
            "error_codes": [7000215],
        });
        let answer = ResponseTemplate::new(401).set_body_json(refused);
        Mock::given(method("POST"))
            .respond_with(answer)
            .expect(1)
            .mount(&microsoft)
            .await;
        let mut contoso = contoso("contoso.com");
        contoso.login_url = Some(microsoft.uri().parse().unwrap());
        let (sign_in, met) = tenant(&NetworkSettings::default(), &contoso, &SystemClock).await;
        assert!(met.is_empty());
        let mut report = Report::default();
        report.extend([sign_in]);
        let text = report.to_text();
        assert!(
            text.starts_with("failed   contoso: sign-in  AADSTS7000215"),
            "{text}"
        );
        assert_eq!(report.failed_count(), 1);
    }

    #[test]
    fn the_organization_that_answers_must_be_the_configured_one() {
        let id = "11111111-2222-4333-8444-555555555555";
        let check = |tenant_id: &str, is_meant: bool| {
            let organization = Organization {
                id: OrganizationId::parse(id).unwrap(),
                display_name: None,
                domains: vec!["contoso.com".into()],
                country: None,
            };
            let verified = verify(&contoso(tenant_id), &organization);
            assert_eq!(verified.is_ok(), is_meant, "{tenant_id}");
            let kind = verified.err().map(|problem| problem.kind);
            assert_eq!(kind, (!is_meant).then_some(ProblemKind::WrongTenant));
        };
        check(id, true);
        check("contoso.com", true);
        check("fabrikam.com", false);
    }
}
