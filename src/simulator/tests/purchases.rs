use std::collections::BTreeMap;

use serde_json::Value;

use super::support::Visit;
use crate::simulator::Premium;

const SUBSCRIPTIONS: &str = "/v1.0/directory/subscriptions";

#[tokio::test]
async fn purchases_sum_to_the_seats_that_the_products_show() {
    let visit = Visit::to(2000).await;
    let subscriptions = visit.all(SUBSCRIPTIONS).await;
    let licenses = visit.all("/v1.0/subscribedSkus").await;
    let mut by_license: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for subscription in &subscriptions {
        let sku_id = subscription["skuId"].as_str().unwrap();
        by_license.entry(sku_id).or_default().push(subscription);
    }
    assert_eq!(by_license.len(), licenses.len());
    for license in &licenses {
        let all = &by_license[license["skuId"].as_str().unwrap()];
        let ids: Vec<&Value> = all
            .iter()
            .filter(|subscription| subscription["status"] != "Deleted")
            .map(|subscription| &subscription["id"])
            .collect();
        assert_eq!(
            ids,
            license["subscriptionIds"]
                .as_array()
                .unwrap()
                .iter()
                .collect::<Vec<_>>()
        );
        if all
            .iter()
            .any(|subscription| subscription["totalLicenses"].is_null())
        {
            continue;
        }
        for (status, units) in [
            ("Enabled", "enabled"),
            ("Warning", "warning"),
            ("Suspended", "suspended"),
        ] {
            let sum: u64 = all
                .iter()
                .filter(|subscription| subscription["status"] == status)
                .map(|subscription| subscription["totalLicenses"].as_u64().unwrap())
                .sum();
            assert_eq!(
                license["prepaidUnits"][units], sum,
                "{} {status}",
                license["skuPartNumber"]
            );
        }
    }
    let count =
        |matches: &dyn Fn(&Value) -> bool| subscriptions.iter().filter(|s| matches(s)).count();
    assert!(by_license.values().filter(|all| all.len() > 1).count() > 3);
    assert!(count(&|s| s["status"] == "Deleted") > 0);
    assert!(count(&|s| s["isTrial"] == true) > 0);
    assert!(count(&|s| s["totalLicenses"].is_null()) > 0);
    assert!(count(&|s| s["nextLifecycleDateTime"].is_null()) > 0);
    assert!(count(&|s| s["ownerTenantId"].is_string() && s["ownerId"].is_null()) > 0);
    let selected = visit
        .json(&format!("{SUBSCRIPTIONS}?$select=id,status"))
        .await;
    assert_eq!(selected["value"][0].as_object().unwrap().len(), 2);
    assert_eq!(
        visit.refusal(&format!("{SUBSCRIPTIONS}?$top=5")).await.0,
        400
    );
}

#[tokio::test]
async fn purchases_need_the_permission_of_the_organization() {
    let visit = Visit::to(30).await;
    assert_eq!(visit.get(SUBSCRIPTIONS).await.status(), 200);
    visit.microsoft.withdraw_permission("Organization.Read.All");
    assert_eq!(visit.get("/v1.0/subscribedSkus").await.status(), 200);
    let denied = (403, "Authorization_RequestDenied".to_owned());
    assert_eq!(visit.refusal(SUBSCRIPTIONS).await, denied);
    visit.microsoft.grant_permission("Directory.Read.All");
    assert_eq!(visit.get(SUBSCRIPTIONS).await.status(), 200);
}

#[tokio::test]
async fn plans_say_which_premium_there_is_and_what_was_given_up_stays() {
    let visit = Visit::to(30).await;
    let check = async |p1: &str, p2: &str| {
        let page = visit.json("/v1.0/organization").await;
        let plans = page["value"][0]["assignedPlans"].as_array().unwrap();
        let status = |id: &str| {
            let plan = plans.iter().find(|plan| plan["servicePlanId"] == id);
            plan.unwrap()["capabilityStatus"].as_str().unwrap()
        };
        assert_eq!(status("41781fb2-bc02-4b7c-bd55-b576c07bb09d"), p1);
        assert_eq!(status("eec0eb4f-6444-4f95-aba0-50c24d67f998"), p2);
    };
    check("Enabled", "Deleted").await;
    visit.microsoft.set_premium(Premium::P2);
    check("Enabled", "Enabled").await;
    visit.microsoft.set_premium(Premium::None);
    check("Deleted", "Deleted").await;
    visit.microsoft.set_b2c(true);
    let page = visit.json("/v1.0/organization").await;
    assert_eq!(page["value"][0]["tenantType"], "AAD B2C");
}
