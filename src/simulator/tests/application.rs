use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::EncodingKey;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use super::sign_in::aadsts;
use super::support::Visit;

#[tokio::test]
async fn an_application_is_refused_by_number() {
    let visit = Visit::to(10).await;
    let (id, secret) = (visit.microsoft.client_id(), visit.microsoft.client_secret());
    let (tenant, scope) = (
        visit.microsoft.tenant_id(),
        format!("{}/.default", visit.microsoft.graph_url()),
    );
    let ask = async |tenant: &str, id: &str, secret: &str, scope: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
            ("scope", scope),
        ];
        visit.ask_token(tenant, &form).await
    };
    let good: Value = ask(&tenant, &id, &secret, &scope)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(good.get("refresh_token"), None);
    assert_eq!(good.get("scope"), None);
    assert_eq!(
        ask("contoso.onmicrosoft.com", &id, &secret, &scope)
            .await
            .status(),
        200
    );
    let wrong = ask(&tenant, &id, "guess", &scope).await;
    assert_eq!(wrong.status(), 401);
    assert_eq!(aadsts(wrong).await, 7_000_215);
    assert_eq!(aadsts(ask(&tenant, &id, "", &scope).await).await, 7_000_218);
    assert_eq!(
        aadsts(
            ask(
                &tenant,
                "00000000-0000-4000-8000-000000000000",
                &secret,
                &scope
            )
            .await
        )
        .await,
        700_016
    );
    assert_eq!(
        aadsts(ask("fabrikam.com", &id, &secret, &scope).await).await,
        90_002
    );
    assert_eq!(
        aadsts(ask("common", &id, &secret, &scope).await).await,
        50_194
    );
    assert_eq!(
        aadsts(ask(&tenant, &id, &secret, "https://graph.microsoft.us/.default").await).await,
        500_011
    );
    assert_eq!(
        aadsts(ask(&tenant, &id, &secret, "User.Read").await).await,
        1_002_012
    );
    let other_kind = [
        ("grant_type", "password"),
        ("client_id", id.as_str()),
        ("client_secret", secret.as_str()),
    ];
    assert_eq!(
        aadsts(visit.ask_token(&tenant, &other_kind).await).await,
        70_003
    );
    visit.microsoft.expire_client_secret();
    assert_eq!(
        aadsts(ask(&tenant, &id, &secret, &scope).await).await,
        7_000_222
    );
    visit.microsoft.set_client_secret("another & better one");
    assert_eq!(
        aadsts(ask(&tenant, &id, &secret, &scope).await).await,
        7_000_215
    );
    let basic = visit
        .http
        .post(format!(
            "{}/{tenant}/oauth2/v2.0/token",
            visit.microsoft.login_url()
        ))
        .header(
            "authorization",
            format!(
                "Basic {}",
                STANDARD.encode(format!("{id}:another+%26+better+one"))
            ),
        )
        .form(&[
            ("grant_type", "client_credentials"),
            ("scope", scope.as_str()),
        ]);
    assert_eq!(basic.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_assertion_must_be_about_this_application_and_this_endpoint() {
    let visit = Visit::to(10).await;
    let (id, tenant) = (visit.microsoft.client_id(), visit.microsoft.tenant_id());
    let audience = format!("{}/{tenant}/oauth2/v2.0/token", visit.microsoft.login_url());
    let expires_at = super::super::machine_time().as_second() + 300;
    let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode([7; 32])});
    let claims = json!({"aud": audience, "iss": id, "sub": id, "jti": "1", "exp": expires_at, "nbf": expires_at - 400});
    let ask = async |header: &Value, claims: &Value| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let assertion = format!("{}.{}.c2lnbmF0dXJl", part(header), part(claims));
        let scope = format!("{}/.default", visit.microsoft.graph_url());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id.as_str()),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion.as_str()),
            ("scope", scope.as_str()),
        ];
        visit.ask_token(&tenant, &form).await
    };
    let with = |value: &Value, key: &str, other: Value| {
        let mut value = value.clone();
        value[key] = other;
        value
    };
    assert_eq!(ask(&header, &claims).await.status(), 200);
    for (key, value) in [
        ("aud", json!("https://login.microsoftonline.com/")),
        ("iss", json!("somebody")),
        ("sub", json!(null)),
        ("jti", json!("")),
        ("exp", json!(expires_at - 3600)),
        ("exp", json!(expires_at + 1_000_000)),
        ("nbf", json!(expires_at + 3600)),
    ] {
        assert_eq!(
            aadsts(ask(&header, &with(&claims, key, value)).await).await,
            700_027,
            "{key}"
        );
    }
    for (key, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("x5t#S256", json!("short")),
        ("x5t#S256", json!(null)),
    ] {
        assert_eq!(
            aadsts(ask(&with(&header, key, value), &claims).await).await,
            700_027,
            "{key}"
        );
    }
}

#[tokio::test]
async fn with_a_registered_certificate_the_signature_counts() {
    let visit = Visit::to(10).await;
    let certificate = include_str!("application.crt.pem");
    assert!(!visit.microsoft.register_certificate("no certificate"));
    assert!(visit.microsoft.register_certificate(certificate));
    let der: String = certificate
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(STANDARD.decode(der).unwrap()));
    let (id, tenant) = (visit.microsoft.client_id(), visit.microsoft.tenant_id());
    let claims = json!({
        "aud": format!("{}/{tenant}/oauth2/v2.0/token", visit.microsoft.login_url()),
        "iss": id,
        "sub": id,
        "jti": "1",
        "exp": super::super::machine_time().as_second() + 300,
    });
    let key = EncodingKey::from_rsa_pem(include_bytes!("application.key.pem")).unwrap();
    let signed = |algorithm, thumbprint: &str| {
        let header = json!({"alg": algorithm, "typ": "JWT", "x5t#S256": thumbprint});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(&claims));
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, algorithm).unwrap();
        format!("{text}.{signature}")
    };
    let ask = async |assertion: &str| {
        let scope = format!("{}/.default", visit.microsoft.graph_url());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id.as_str()),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion),
            ("scope", scope.as_str()),
        ];
        visit.ask_token(&tenant, &form).await
    };
    for algorithm in [Algorithm::PS256, Algorithm::RS256] {
        let assertion = signed(algorithm, &thumbprint);
        assert_eq!(ask(&assertion).await.status(), 200, "{algorithm:?}");
        let (text, _) = assertion.rsplit_once('.').unwrap();
        let forged = format!("{text}.{}", URL_SAFE_NO_PAD.encode([1; 256]));
        assert_eq!(aadsts(ask(&forged).await).await, 700_027, "{algorithm:?}");
    }
    let unknown = URL_SAFE_NO_PAD.encode([7; 32]);
    assert_eq!(
        aadsts(ask(&signed(Algorithm::PS256, &unknown)).await).await,
        700_027
    );
}
