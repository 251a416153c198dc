//! `GET /directory/subscriptions`: what was bought, unpaged.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::json_answer;
use super::options::check_known;
use super::subscribed_skus::selected;
use crate::simulator::message::Answer;
use crate::simulator::organization::person::SERVICE_ACCOUNT;
use crate::simulator::organization::products::PRODUCTS;
use crate::simulator::organization::products::Product;
use crate::simulator::organization::subscriptions::Subscription;
use crate::simulator::organization::subscriptions::subscriptions;
use crate::simulator::organization::user_id;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/directory/subscriptions",
    permissions: &["Organization.Read.All", "Directory.Read.All"],
    cost: 1,
    answer,
};

fn answer(call: &Call) -> Result<Answer, GraphError> {
    check_known(call.request, &["$select"])?;
    let organization = &call.world.organization;
    let now = call.world.now().as_second();
    let mut rows = Vec::new();
    for (product, &bought_for) in PRODUCTS.iter().zip(organization.founding_use()) {
        for subscription in subscriptions(organization, product, bought_for, now) {
            let row = row(call, product, &subscription);
            let select = call.request.option("$select");
            rows.push(selected(row, select, "companySubscription")?);
        }
    }
    let graph_url = &call.world.graph_url;
    let context = format!("{graph_url}/v1.0/$metadata#directory/subscriptions");
    Ok(json_answer(
        json!({"@odata.context": context, "value": rows}).to_string(),
    ))
}

fn row(call: &Call, product: &Product, subscription: &Subscription) -> Value {
    let organization = &call.world.organization;
    let provisioned = match subscription.status {
        "Enabled" | "Warning" => "Success",
        _ => "Disabled",
    };
    let service_status: Vec<Value> = product
        .plans
        .iter()
        .map(|plan| {
            json!({
                "servicePlanId": plan.id,
                "servicePlanName": plan.name,
                "serviceType": plan.service, // In no published schema, and on the wire.
                "provisioningStatus": provisioned,
                "appliesTo": product.purchase.applies_to(),
            })
        })
        .collect();
    let owner = match subscription.partner {
        Some(_) => Value::Null,
        None => json!(user_id(organization.seed, SERVICE_ACCOUNT)),
    };
    json!({
        "id": subscription.id,
        "commerceSubscriptionId": subscription.commerce_id,
        "skuId": product.sku_id,
        "skuPartNumber": product.part_number,
        "status": subscription.status,
        "totalLicenses": subscription.seats,
        "isTrial": subscription.is_trial,
        "createdDateTime": instant(subscription.created_at),
        "nextLifecycleDateTime": subscription.next_change_at.map(instant),
        "ownerId": owner,
        "ownerType": subscription.partner.is_none().then_some("User"),
        "ownerTenantId": subscription.partner,
        "serviceStatus": service_status,
    })
}

/// `2020-03-13T19:15:41Z`.
fn instant(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}
