use super::*;
use crate::domain::sign_in::SignInActivity;
use crate::domain::subscription::Subscription;
use crate::domain::sync_run::ProblemKind;
use crate::domain::user::AssignmentState;
use crate::msgraph::client::Error;
use crate::msgraph::directory::SignInActivityPages;
use crate::msgraph::meter::Meter;
use crate::msgraph::paging::{Quarantined, Row, Rows};

async fn read(pages: &mut SignInActivityPages) -> Result<Rows<SignInActivity>, Error> {
    let mut all = Rows::default();
    while let Some(page) = pages.next().await? {
        all.rows.extend(page.rows);
        all.quarantined.extend(page.quarantined);
    }
    Ok(all)
}

fn reasons(quarantined: &[Quarantined]) -> Vec<&str> {
    quarantined.iter().map(|row| row.reason.as_str()).collect()
}

#[tokio::test]
async fn sign_in_activity_is_asked_for_in_smaller_pages_the_more_graph_complains() {
    let bench = Bench::start().await;
    let complaint = json!({"error": {"code": "Request_UnsupportedQuery", "message": "Cannot query data for more than 120 users at a time."}});
    for rows in ["500", "250", "125"] {
        let answer = ResponseTemplate::new(400).set_body_json(&complaint);
        bench.on("users", ("$top", rows), answer).await;
    }
    let first = page(&[json!({"id": ANN})], bench.next_link("users", "b"));
    bench.on("users", ("$top", "62"), first).await;
    let rows = [
        json!({"id": BEN, "signInActivity": {"lastSuccessfulSignInDateTime": "2026-11-01T00:00:00Z"}}),
        json!({"id": ANN}),
        json!({"id": CAT, "signInActivity": 5}),
    ];
    bench
        .on("users", ("$skiptoken", "b"), page(&rows, None))
        .await;
    let mut pages = bench.client.sign_in_activity(None, &Meter::default());
    let read = read(&mut pages).await.unwrap();
    assert_eq!(read.rows.len(), 2);
    assert_eq!(
        reasons(&read.quarantined),
        ["signInActivity is a number", "its id came before"]
    );
    let queries = bench.queries().await;
    assert_eq!(
        queries[0],
        "$select=id,createdDateTime,signInActivity&$count=true&$top=500"
    );
    assert_eq!(queries.len(), 5);
}

#[tokio::test]
async fn recent_sign_ins_are_asked_for_by_one_filter_alone() {
    let bench = Bench::start().await;
    bench.on("users", ("$top", "500"), page(&[], None)).await;
    let since = "2026-11-01T10:20:30.987Z".parse().unwrap();
    let mut pages = bench
        .client
        .sign_in_activity(Some(since), &Meter::default());
    read(&mut pages).await.unwrap();
    assert_eq!(
        bench.queries().await,
        [
            "$select=id,signInActivity&$filter=signInActivity/lastSuccessfulSignInDateTime ge 2026-11-01T10:20:30Z&$top=500"
        ]
    );
    let requests = bench.server.received_requests().await.unwrap();
    assert!(!requests[0].headers.contains_key("consistencylevel"));
}

#[tokio::test]
async fn without_premium_sign_in_activity_alone_fails() {
    let bench = Bench::start().await;
    let body = json!({"error": {"code": "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "message": "x"}});
    let refused = ResponseTemplate::new(403).set_body_json(body);
    bench
        .on(
            "users",
            ("$select", "id,createdDateTime,signInActivity"),
            refused,
        )
        .await;
    let mut pages = bench.client.sign_in_activity(None, &Meter::default());
    let error = read(&mut pages).await.unwrap_err();
    assert!(
        matches!(&error, Error::Problem(problem) if problem.kind == ProblemKind::NeedsPremium),
        "{error:?}"
    );
    assert_eq!(bench.requests().await, 1);
}

#[track_caller]
fn check_activity(activity: &Value, succeeded: Option<&str>, attempted: Option<&str>) {
    let row = json!({"id": ANN, "signInActivity": activity});
    let read = SignInActivity::read(&row.to_string()).unwrap();
    let at = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    assert_eq!(
        (read.succeeded_at, read.attempted_at),
        (at(succeeded), at(attempted)),
        "{activity}"
    );
}

#[test]
fn all_ways_to_write_never_are_never() {
    const MARCH: &str = "2026-03-01T00:00:00Z";
    const APRIL: &str = "2026-04-01T00:00:00Z";
    check_activity(&json!(null), None, None);
    check_activity(&json!({}), None, None);
    let nothing = ["", " ", "0001-01-01T00:00:00Z"];
    for none in nothing
        .map(|text| json!(text))
        .into_iter()
        .chain([json!(null)])
    {
        check_activity(
            &json!({"lastSuccessfulSignInDateTime": none, "lastSignInDateTime": none, "lastNonInteractiveSignInDateTime": none, "lastSignInRequestId": ""}),
            None,
            None,
        );
        check_activity(
            &json!({"lastSuccessfulSignInDateTime": none, "lastSignInDateTime": MARCH, "lastNonInteractiveSignInDateTime": none}),
            None,
            Some(MARCH),
        );
    }
    check_activity(
        &json!({"lastSuccessfulSignInDateTime": MARCH, "lastSignInDateTime": APRIL, "lastNonInteractiveSignInDateTime": MARCH}),
        Some(MARCH),
        Some(APRIL),
    );
    check_activity(
        &json!({"lastSignInDateTime": MARCH, "lastNonInteractiveSignInDateTime": APRIL}),
        None,
        Some(APRIL),
    );
}

#[tokio::test]
async fn assignments_are_listed_with_their_paths_and_nothing_else() {
    let bench = Bench::start().await;
    let rows = [
        json!({"id": ANN, "assignedLicenses": [{"skuId": E5, "disabledPlans": []}, {"skuId": E3, "disabledPlans": []}],
            "licenseAssignmentStates": [{"skuId": E3, "state": "Active", "assignedByGroup": SALES}]}),
        json!({"id": BEN, "assignedLicenses": [], "licenseAssignmentStates": []}),
        json!({"id": CAT, "assignedLicenses": [{"skuId": null}]}),
    ];
    bench.on("users", ("$top", "999"), page(&rows, None)).await;
    let mut pages = bench.client.user_assignments(&Meter::default());
    let read = pages.next().await.unwrap().unwrap();
    let ann = &read.rows[0].assignments;
    let states: Vec<_> = ann
        .iter()
        .map(|one| (one.sku_id.to_string(), one.state))
        .collect();
    assert_eq!(
        states,
        [
            (E3.to_owned(), AssignmentState::Active),
            (E5.to_owned(), AssignmentState::Unknown)
        ]
    );
    assert!(read.rows[1].assignments.is_empty());
    assert_eq!(
        reasons(&read.quarantined),
        ["assignedLicenses.skuId is missing"]
    );
    assert_eq!(
        bench.queries().await,
        [
            "$select=id,createdDateTime,assignedLicenses,licenseAssignmentStates&$count=true&$top=999"
        ]
    );
    assert!(pages.next().await.unwrap().is_none());
}

#[tokio::test]
async fn licensing_groups_assign_each_product_once() {
    let bench = Bench::start().await;
    let rows =
        [json!({"id": SALES, "assignedLicenses": [{"skuId": E5}, {"skuId": E3}, {"skuId": E5}]})];
    bench
        .on(
            "groups",
            ("$filter", "assignedLicenses/any()"),
            page(&rows, None),
        )
        .await;
    let groups = bench
        .client
        .licensing_groups(&Meter::default())
        .await
        .unwrap();
    let assigns: Vec<_> = groups.rows[0]
        .assigns
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(assigns, [E3, E5]);
}

#[tokio::test]
async fn subscriptions_are_listed_without_any_option() {
    let bench = Bench::start().await;
    let rows = [
        json!({"id": SALES, "commerceSubscriptionId": ANN, "skuId": E3, "skuPartNumber": "SPE_E3", "status": "Enabled",
            "totalLicenses": 25, "isTrial": false, "createdDateTime": "2024-01-01T00:00:00Z",
            "nextLifecycleDateTime": "2027-01-01T00:00:00Z", "serviceStatus": [{"x": 1}], "serviceType": "y"}),
        json!({"id": BEN, "skuId": E5, "nextLifecycleDateTime": null, "totalLicenses": -1}),
        json!({"id": CAT}),
    ];
    let answer = Mock::given(path("/v1.0/directory/subscriptions")).respond_with(page(&rows, None));
    answer.mount(&bench.server).await;
    let read = bench.client.subscriptions(&Meter::default()).await.unwrap();
    let whole: &Subscription = &read.rows[0];
    assert_eq!(whole.commerce_id.as_deref(), Some(ANN));
    assert_eq!(
        (whole.part_number.as_str(), whole.status.as_str()),
        ("SPE_E3", "Enabled")
    );
    assert_eq!((whole.seats, whole.is_trial), (Some(25), Some(false)));
    assert!(whole.created_at < whole.next_change_at);
    let bare = &read.rows[1];
    assert_eq!(
        (bare.part_number.as_str(), bare.status.as_str()),
        (E5, "Unknown")
    );
    assert_eq!(
        (bare.seats, bare.is_trial, bare.next_change_at),
        (Some(0), None, None)
    );
    assert_eq!(reasons(&read.quarantined), ["skuId is missing"]);
    let requests = bench.server.received_requests().await.unwrap();
    assert_eq!(requests[0].url.query(), None);
}
