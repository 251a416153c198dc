//! `GET /subscribedSkus`: the products that the organization holds seats of, unpaged.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::json_answer;
use super::options::check_known;
use super::options::names;
use super::options::no_such_property;
use crate::simulator::message::Answer;
use crate::simulator::organization::products::PRODUCTS;
use crate::simulator::organization::products::Product;
use crate::simulator::organization::products::Purchase;
use crate::simulator::organization::subscriptions::subscriptions;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/subscribedSkus",
    permissions: &[
        "LicenseAssignment.Read.All",
        "Organization.Read.All",
        "Directory.Read.All",
    ],
    cost: 3,
    answer,
};

fn answer(call: &Call) -> Result<Answer, GraphError> {
    check_known(call.request, &["$select"])?;
    let organization = &call.world.organization;
    let founding_use = organization.founding_use();
    let seats_in_use = organization.view().seats_in_use();
    let rows = PRODUCTS
        .iter()
        .zip(founding_use.iter().zip(seats_in_use))
        .map(|(product, (&bought_for, consumed))| row(call, product, bought_for, consumed))
        .map(|row| selected(row, call.request.option("$select"), "subscribedSku"));
    let rows: Vec<Value> = rows.collect::<Result<_, _>>()?;
    let context = format!("{}/v1.0/$metadata#subscribedSkus", call.world.graph_url);
    Ok(json_answer(
        json!({"@odata.context": context, "value": rows}).to_string(),
    ))
}

/// The properties of a row that `select` names.
pub(super) fn selected(
    row: Value,
    select: Option<&str>,
    of_type: &str,
) -> Result<Value, GraphError> {
    let Some(select) = select else { return Ok(row) };
    let mut shown = Map::new();
    for name in names(select) {
        let value = row
            .get(name)
            .ok_or_else(|| no_such_property(name, of_type))?;
        shown.insert(name.to_owned(), value.clone());
    }
    Ok(Value::Object(shown))
}

fn row(call: &Call, product: &Product, bought_for: u64, consumed: u64) -> Value {
    let organization = &call.world.organization;
    let prepaid = product.purchase.prepaid(bought_for);
    let status = if product.purchase == Purchase::Suspended {
        "Disabled"
    } else {
        "Success"
    };
    let service_plans: Vec<Value> = product
        .plans
        .iter()
        .map(|plan| {
            let applies_to = if plan.name == "EXCHANGE_S_FOUNDATION" {
                "Company"
            } else {
                product.purchase.applies_to()
            };
            json!({
                "servicePlanId": plan.id,
                "servicePlanName": plan.name,
                "servicePlanType": plan.service, // In no published schema, and on the wire.
                "provisioningStatus": status,
                "appliesTo": applies_to,
            })
        })
        .collect();
    let tenant_id = organization.tenant_id;
    let now = call.world.now().as_second();
    let subscription_ids: Vec<Uuid> = subscriptions(organization, product, bought_for, now)
        .iter()
        .filter(|subscription| subscription.status != "Deleted")
        .map(|subscription| subscription.id)
        .collect();
    json!({
        "id": format!("{tenant_id}_{}", product.sku_id),
        "accountId": tenant_id,
        "accountName": organization.initial_domain.split('.').next(),
        "skuId": product.sku_id,
        "skuPartNumber": product.part_number,
        "appliesTo": product.purchase.applies_to(),
        "capabilityStatus": product.purchase.capability_status(),
        "consumedUnits": consumed,
        "prepaidUnits": {
            "enabled": prepaid.enabled,
            "warning": prepaid.warning,
            "suspended": prepaid.suspended,
            "lockedOut": prepaid.locked_out,
        },
        "servicePlans": service_plans,
        "subscriptionIds": subscription_ids,
    })
}
