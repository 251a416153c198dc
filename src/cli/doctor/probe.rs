//! Asking Microsoft for one page of each dataset of a tenant, as the application.
//!
//! Nothing is stored. It answers what a first setup wants to know: is the secret right, and which
//! permission is missing.

use std::sync::Arc;

use secrecy::SecretString;

use crate::clock::SystemClock;
use crate::config::TenantConfig;
use crate::domain::sync_run::Dataset;
use crate::domain::tenant::Organization;
use crate::msgraph::{
    Client, Endpoints, Error, Http, Login, Meter, NetworkSettings, SignInError, TokenSource,
};

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

/// Signs in as the tenant's application and tries each dataset.
pub(super) async fn tenant(network: &NetworkSettings, tenant: &TenantConfig) -> Vec<Check> {
    let subject = format!("{}: sign-in", tenant.key);
    let (login, http, endpoints) = match login(network, tenant) {
        Ok(parts) => parts,
        Err(problem) => {
            return vec![Check::failed(
                &subject,
                &problem,
                "correct it in the configuration",
            )];
        }
    };
    let token = match login.client_credentials().await {
        Ok(answer) => answer.access_token,
        Err(error) => return vec![Check::failed(&subject, &error.message, "")],
    };
    let client = Client::new(http, endpoints, Arc::new(OneToken(Arc::new(token))));
    let meter = Meter::default();
    let organization = client.organization(&meter).await;
    let users = client.users(None, &meter).next().await.map(drop);
    let licenses = client.licenses(&meter).await.map(drop);
    let mut checks = vec![Check::ok(&subject, "accepted")];
    checks.push(organization_check(tenant, organization));
    checks.push(dataset_check(tenant, Dataset::Users, users));
    checks.push(dataset_check(tenant, Dataset::Licenses, licenses));
    checks
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
fn organization_check(tenant: &TenantConfig, read: Result<Organization, Error>) -> Check {
    let configured = &tenant.tenant_id;
    match read {
        Ok(organization)
            if organization.id.to_string() != *configured
                && !organization.domains.contains(configured) =>
        {
            Check::failed(
                &subject(tenant, Dataset::Organization),
                &format!("{} answered, not {configured}", organization.id),
                "set tenant_id to the tenant that is meant",
            )
        }
        read => dataset_check(tenant, Dataset::Organization, read.map(drop)),
    }
}

fn dataset_check(tenant: &TenantConfig, dataset: Dataset, read: Result<(), Error>) -> Check {
    let subject = subject(tenant, dataset);
    match read {
        Ok(()) => Check::ok(&subject, "readable"),
        // The words of a problem hold the remedy.
        Err(error) => Check::failed(&subject, &error.to_string(), ""),
    }
}

fn subject(tenant: &TenantConfig, dataset: Dataset) -> String {
    format!("{}: {}", tenant.key, dataset.name())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use crate::cli::doctor::report::Report;
    use crate::domain::ids::{OrganizationId, TenantKey};
    use crate::domain::sync_run::{Problem, ProblemKind};
    use crate::domain::tenant::{Cloud, TenantAccess};
    use crate::msgraph::Credential;

    use super::*;

    fn contoso(tenant_id: &str) -> TenantConfig {
        TenantConfig {
            key: TenantKey::parse("contoso").unwrap(),
            tenant_id: tenant_id.into(),
            client_id: String::new(),
            credential: Credential::Secret("s".into()),
            access: TenantAccess::App,
            cloud: Cloud::Global,
            login_url: None,
            graph_url: None,
        }
    }

    /// A Microsoft that knows one user, and refuses to show its licenses.
    async fn microsoft() -> MockServer {
        let server = MockServer::start().await;
        let answer = async |verb: &str, at: &str, status: u16, body: serde_json::Value| {
            let answer = ResponseTemplate::new(status).set_body_json(body);
            Mock::given(method(verb))
                .and(path(at))
                .respond_with(answer)
                .mount(&server)
                .await;
        };
        let id = "11111111-2222-4333-8444-555555555555";
        let token = json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": "t" });
        let organization = json!({
            "id": id, "displayName": "Contoso",
            "verifiedDomains": [{ "name": "contoso.com", "isDefault": true }],
        });
        let user = json!({ "id": id, "userPrincipalName": "ann@contoso.com" });
        let denied =
            json!({ "error": { "code": "Authorization_RequestDenied", "message": "No." } });
        answer("POST", "/contoso.com/oauth2/v2.0/token", 200, token).await;
        answer(
            "GET",
            "/v1.0/organization",
            200,
            json!({ "value": [organization] }),
        )
        .await;
        answer("GET", "/v1.0/users", 200, json!({ "value": [user] })).await;
        answer("GET", "/v1.0/subscribedSkus", 403, denied).await;
        server
    }

    #[tokio::test]
    async fn a_tenant_is_tried_and_each_dataset_told() {
        let microsoft = microsoft().await;
        let url = reqwest::Url::parse(&microsoft.uri()).unwrap();
        let mut contoso = contoso("contoso.com");
        (contoso.login_url, contoso.graph_url) = (Some(url.clone()), Some(url));
        let mut report = Report::default();
        report.extend(tenant(&NetworkSettings::default(), &contoso).await);
        let text = report.to_text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "ok       contoso: sign-in       accepted");
        assert_eq!(lines[1], "ok       contoso: organization  readable");
        assert_eq!(lines[2], "ok       contoso: users         readable");
        assert!(
            lines[3].starts_with("failed   contoso: licenses      PERMISSION: "),
            "{text}"
        );
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
        let mut report = Report::default();
        report.extend(tenant(&NetworkSettings::default(), &contoso).await);
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
        let check = |tenant_id: &str, expected: Check| {
            let organization = Organization {
                id: OrganizationId::parse(id).unwrap(),
                display_name: None,
                domains: vec!["contoso.com".into()],
                country: None,
            };
            assert_eq!(
                organization_check(&contoso(tenant_id), Ok(organization)),
                expected
            );
        };
        let subject = "contoso: organization";
        check(id, Check::ok(subject, "readable"));
        check("contoso.com", Check::ok(subject, "readable"));
        check(
            "fabrikam.com",
            Check::failed(
                subject,
                &format!("{id} answered, not fabrikam.com"),
                "set tenant_id to the tenant that is meant",
            ),
        );
    }

    #[test]
    fn a_dataset_that_cannot_be_read_says_why() {
        let problem = Problem::new(ProblemKind::Permission, "grant User.Read.All");
        assert_eq!(
            dataset_check(&contoso("x"), Dataset::Users, Err(Error::Problem(problem))),
            Check::failed("contoso: users", "PERMISSION: grant User.Read.All", "")
        );
    }
}
