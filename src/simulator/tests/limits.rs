use super::support::USERS;
use super::support::Visit;
use crate::simulator::Cloud;
use crate::simulator::Missing;
use crate::simulator::Settings;

#[tokio::test]
async fn answers_say_how_full_the_bucket_is_and_refusals_how_far_it_is_overdrawn() {
    let visit = Visit::with(Settings {
        users: 30,
        resource_units: Some(10),
        ..Settings::default()
    })
    .await;
    let percentage = |answer: &reqwest::Response| -> Option<f64> {
        let value = answer.headers().get("x-ms-throttle-limit-percentage")?;
        Some(value.to_str().unwrap().parse().unwrap())
    };
    let first = visit.get("/v1.0/users?$select=id").await;
    assert_eq!((first.status().as_u16(), percentage(&first)), (200, None));
    let (mut warned, mut refused) = (false, None);
    for _ in 0..40 {
        let answer = visit.get("/v1.0/users?$select=id").await;
        assert_eq!(answer.headers()["x-ms-resource-unit"], "1");
        match answer.status().as_u16() {
            200 => warned |= percentage(&answer).is_some_and(|fill| (0.8..=1.0).contains(&fill)),
            status => {
                assert_eq!(status, 429);
                refused = Some(answer);
            }
        }
    }
    assert!(warned);
    let refused = refused.unwrap();
    let fill = percentage(&refused).unwrap();
    assert!(fill > 1.0 && fill <= 1.8, "{fill}");
    let scope = refused.headers()["x-ms-throttle-scope"].to_str().unwrap();
    assert!(
        scope.starts_with("Tenant_Application/ReadWrite/"),
        "{scope}"
    );
    assert_eq!(
        refused.headers()["x-ms-throttle-information"],
        "ResourceUnitLimitExceeded"
    );
    assert!(refused.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn a_cloud_lacks_endpoints_and_others_can_be_taken_away() {
    let visit = Visit::to(30).await;
    let status = async |target: &str| visit.get(target).await.status().as_u16();
    visit.microsoft.set_cloud(Cloud::China);
    assert_eq!(
        status("/v1.0/reports/getEmailActivityUserDetail(period='D7')").await,
        400
    );
    assert_eq!(status("/v1.0/users/delta").await, 200);
    assert_eq!(status("/v1.0/groups/delta").await, 200);
    visit
        .microsoft
        .withhold("/groups/delta", Missing::NotFound404);
    assert_eq!(status("/v1.0/groups/delta").await, 404);
    assert_eq!(status("/v1.0/groups").await, 200);
    visit.microsoft.set_cloud(Cloud::Global);
    assert_eq!(status("/v1.0/groups/delta").await, 200);
}

#[tokio::test]
async fn rows_that_are_kept_are_those_that_would_be_written() {
    let both = [false, true].map(|caches_rows| Settings {
        users: 300,
        caches_rows,
        ..Settings::default()
    });
    let mut visits = Vec::new();
    for settings in both {
        visits.push(Visit::with(settings).await);
    }
    for turn in 0..4 {
        for target in [
            USERS,
            "/v1.0/users?$select=id,surname&$expand=manager&$top=999",
        ] {
            let mut pages = Vec::new();
            for visit in &visits {
                let answer = if target == USERS {
                    visit.get(target).await
                } else {
                    visit.plain(target).send().await.unwrap()
                };
                assert_eq!(answer.status(), 200);
                let own = visit.microsoft.graph_url().to_owned();
                pages.push(answer.text().await.unwrap().replace(&own, ""));
            }
            assert_eq!(pages[0], pages[1], "turn {turn}, {target}");
        }
        for visit in &visits {
            visit.microsoft.change_users(80, turn);
            visit.microsoft.change_assignment_states(20, turn);
            visit.microsoft.remove_users(10);
            visit.microsoft.add_users(5);
        }
    }
}
