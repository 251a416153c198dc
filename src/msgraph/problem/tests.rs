//! What each refusal means, for whom and where.

use super::*;

pub(super) const ID: &str = "11111111-2222-3333-4444-555555555555";

pub(super) fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.as_bytes().to_vec(),
    }
}

fn body_of(code: &str) -> String {
    format!(r#"{{"error":{{"code":"{code}","message":"ann@contoso.com"}}}}"#)
}

fn problem_of(
    dataset: Dataset,
    cloud: Cloud,
    scopes: Option<&[String]>,
    answer: &Answer,
) -> Problem {
    let question = Question {
        dataset,
        cloud,
        scopes,
    };
    of_answer(&question, answer, &GraphError::read(answer))
}

#[track_caller]
fn check(status: u16, code: &str, kind: ProblemKind, word: &str) {
    let answer = answer(status, &body_of(code));
    let problem = problem_of(Dataset::Users, Cloud::Global, None, &answer);
    assert_eq!(problem.kind, kind, "{status} {code}");
    assert!(problem.message.contains(word), "{}", problem.message);
    assert!(
        problem.message.contains(&status.to_string()),
        "{}",
        problem.message
    );
    assert!(!problem.message.contains("ann@"), "{}", problem.message);
}

#[test]
fn every_status_has_a_kind_and_a_remedy() {
    check(
        400,
        "Request_UnsupportedQuery",
        ProblemKind::Refused,
        "Request_UnsupportedQuery",
    );
    check(
        401,
        "InvalidAuthenticationToken",
        ProblemKind::SignIn,
        "cloud",
    );
    check(
        401,
        "Authorization_IdentityNotFound",
        ProblemKind::Permission,
        "User.Read.All",
    );
    check(402, "", ProblemKind::Refused, "report it");
    check(
        403,
        "Authorization_RequestDenied",
        ProblemKind::Permission,
        "User.Read.All",
    );
    check(
        403,
        "insufficient_claims",
        ProblemKind::SignIn,
        "Conditional Access",
    );
    check(
        404,
        "Request_ResourceNotFound",
        ProblemKind::Refused,
        "graph_url",
    );
    check(410, "syncStateNotFound", ProblemKind::Refused, "report it");
    check(429, "TooManyRequests", ProblemKind::Throttled, "throttles");
    check(500, "", ProblemKind::Unreachable, "passes by itself");
    check(501, "NotImplemented", ProblemKind::Refused, "report it");
    check(
        503,
        "serviceNotAvailable",
        ProblemKind::Unreachable,
        "passes by itself",
    );
    check(302, "", ProblemKind::BadResponse, "proxy");
}

/// What a 403 is for somebody who consented to `scopes`; `None` is an application.
#[track_caller]
fn check_forbidden(
    dataset: Dataset,
    scopes: Option<&str>,
    code: &str,
    kind: ProblemKind,
    word: &str,
) {
    let scopes: Option<Vec<String>> =
        scopes.map(|scopes| scopes.split_whitespace().map(str::to_owned).collect());
    let answer = answer(403, &body_of(code));
    let problem = problem_of(dataset, Cloud::Global, scopes.as_deref(), &answer);
    assert_eq!(problem.kind, kind, "{dataset:?} {scopes:?} {code}");
    assert!(problem.message.contains(word), "{}", problem.message);
}

#[test]
fn a_403_is_a_missing_permission_where_it_was_not_consented_to() {
    use ProblemKind::Permission;
    let denied = "Authorization_RequestDenied";
    let missing = "Authentication_MSGraphPermissionMissing";
    check_forbidden(
        Dataset::Organization,
        None,
        denied,
        Permission,
        "Organization.Read.All",
    );
    check_forbidden(Dataset::Users, None, denied, Permission, "User.Read.All");
    check_forbidden(Dataset::Groups, None, denied, Permission, "Group.Read.All");
    check_forbidden(
        Dataset::Licenses,
        None,
        denied,
        Permission,
        "LicenseAssignment.Read.All",
    );
    check_forbidden(
        Dataset::Subscriptions,
        None,
        denied,
        Permission,
        "Organization.Read.All",
    );
    check_forbidden(
        Dataset::SignInActivity,
        None,
        missing,
        Permission,
        "AuditLog.Read.All",
    );
    check_forbidden(
        Dataset::SignIns,
        None,
        missing,
        Permission,
        "AuditLog.Read.All",
    );
    check_forbidden(
        Dataset::DirectoryAudits,
        None,
        "",
        Permission,
        "AuditLog.Read.All",
    );
    check_forbidden(
        Dataset::CopilotUsage,
        None,
        "",
        Permission,
        "Reports.Read.All",
    );
    for dataset in Dataset::REPORTS {
        check_forbidden(
            dataset,
            None,
            "S2SUnauthorized",
            Permission,
            "Grant admin consent",
        );
        check_forbidden(
            dataset,
            Some("User.Read.All"),
            "S2SUnauthorized",
            Permission,
            "Reports.Read.All",
        );
        check_forbidden(
            dataset,
            Some(""),
            "S2SUnauthorized",
            Permission,
            "Reports.Read.All",
        );
    }
    // Consented to, and yet not in the token.
    check_forbidden(
        Dataset::SignIns,
        Some("AuditLog.Read.All"),
        missing,
        Permission,
        "AuditLog.Read.All",
    );
}

#[test]
fn a_403_is_a_missing_role_where_the_account_consented_to_the_permission() {
    use ProblemKind::Role;
    for dataset in Dataset::REPORTS {
        check_forbidden(
            dataset,
            Some("Reports.Read.All"),
            "S2SUnauthorized",
            Role,
            "Reports Reader",
        );
        check_forbidden(
            dataset,
            Some("reports.read.all"),
            "UnknownError",
            Role,
            "Global Reader",
        );
    }
    check_forbidden(
        Dataset::EmailActivity,
        Some("https://graph.microsoft.com/Reports.Read.All"),
        "",
        Role,
        "Assigned roles",
    );
    check_forbidden(
        Dataset::CopilotUsage,
        Some("User.Read.All Reports.Read.All"),
        "",
        Role,
        "AI Administrator",
    );
    check_forbidden(
        Dataset::SignIns,
        Some("AuditLog.Read.All"),
        "Authorization_RequestDenied",
        Role,
        "Reports Reader",
    );
    check_forbidden(
        Dataset::DirectoryAudits,
        Some("Directory.Read.All"),
        "",
        Role,
        "Security Reader",
    );
    check_forbidden(
        Dataset::SignInActivity,
        Some("AuditLog.Read.All"),
        "",
        Role,
        "Reports Reader",
    );
    check_forbidden(
        Dataset::Users,
        Some("User.Read.All"),
        "Authorization_RequestDenied",
        Role,
        "Global Reader",
    );
}

#[test]
fn a_code_that_is_about_roles_needs_no_proof() {
    let code = "Authentication_RequestFromUnsupportedUserRole";
    for scopes in [None, Some(""), Some("AuditLog.Read.All")] {
        check_forbidden(
            Dataset::SignIns,
            scopes,
            code,
            ProblemKind::Role,
            "Assigned roles",
        );
    }
}

#[test]
fn the_code_under_the_wrapping_of_reports_decides() {
    let wrapped = r#"{"error":{"code":"UnknownError","message":"{\"error\":{\"code\":\"S2SUnauthorized\",\"message\":\"Invalid permission.\"}}","innerError":{"date":"x"}}}"#;
    let refused = answer(403, wrapped);
    let problem = problem_of(Dataset::TeamsActivity, Cloud::Global, None, &refused);
    assert_eq!(problem.kind, ProblemKind::Permission);
    assert!(
        problem.message.contains("403 S2SUnauthorized"),
        "{}",
        problem.message
    );
}

#[test]
fn a_tenant_without_premium_is_told_so_whoever_asks() {
    use ProblemKind::NeedsPremium;
    let code = "Authentication_RequestFromNonPremiumTenantOrB2CTenant";
    for dataset in [Dataset::SignIns, Dataset::SignInActivity] {
        for scopes in [None, Some("AuditLog.Read.All"), Some("")] {
            check_forbidden(dataset, scopes, code, NeedsPremium, "Entra ID P1 or P2");
            check_forbidden(
                dataset,
                scopes,
                &code.to_lowercase(),
                NeedsPremium,
                "Entra ID P1 or P2",
            );
        }
    }
}

#[track_caller]
fn check_cloud(cloud: Cloud, dataset: Dataset, status: u16, kind: ProblemKind) {
    let answer = answer(status, &body_of("Forbidden"));
    let problem = problem_of(dataset, cloud, None, &answer);
    assert_eq!(
        problem.kind, kind,
        "{cloud:?} {dataset:?} {status}: {}",
        problem.message
    );
}

#[test]
fn what_a_cloud_lacks_is_no_fault_of_anybody() {
    use ProblemKind::{Permission, Refused, SignIn, Throttled, Unreachable, UnsupportedCloud};
    let sovereign = [Cloud::UsGovHigh, Cloud::UsGovDod, Cloud::China];
    for cloud in sovereign {
        for dataset in Dataset::REPORTS {
            for status in [400, 403, 404, 405, 410, 501] {
                check_cloud(cloud, dataset, status, UnsupportedCloud);
            }
            check_cloud(cloud, dataset, 401, SignIn);
            check_cloud(cloud, dataset, 429, Throttled);
            check_cloud(cloud, dataset, 503, Unreachable);
        }
        check_cloud(cloud, Dataset::Users, 404, Refused);
        check_cloud(cloud, Dataset::Users, 403, Permission);
        check_cloud(cloud, Dataset::SignIns, 404, Refused);
    }
    check_cloud(
        Cloud::China,
        Dataset::DirectoryAudits,
        404,
        UnsupportedCloud,
    );
    check_cloud(Cloud::UsGovHigh, Dataset::DirectoryAudits, 404, Refused);
    check_cloud(Cloud::UsGovDod, Dataset::DirectoryAudits, 403, Permission);
    for dataset in Dataset::REPORTS {
        check_cloud(Cloud::Global, dataset, 404, Refused);
        check_cloud(Cloud::Global, dataset, 403, Permission);
    }
}

#[test]
fn an_absent_dataset_names_the_cloud_and_asks_for_nothing() {
    let refused = answer(404, "");
    let problem = problem_of(Dataset::EmailActivity, Cloud::UsGovHigh, None, &refused);
    for word in ["404", "GCC High", "worldwide", "`cloud`"] {
        assert!(problem.message.contains(word), "{}", problem.message);
    }
}

#[test]
fn conditional_access_is_told_from_a_missing_permission() {
    for cloud in [Cloud::Global, Cloud::China] {
        let refused = answer(403, &body_of("insufficient_claims"));
        let problem = problem_of(Dataset::EmailActivity, cloud, None, &refused);
        assert_eq!(problem.kind, ProblemKind::SignIn);
    }
}

#[test]
fn concealed_names_are_revealed_where_the_remedy_says() {
    let problem = concealed_problem(Dataset::TeamsActivity);
    assert_eq!(problem.kind, ProblemKind::Concealed);
    for words in [
        "Microsoft 365 admin center",
        "Settings, Org settings, Services, Reports",
        "Display concealed user, group, and site names",
    ] {
        assert!(problem.message.contains(words), "{}", problem.message);
    }
}
