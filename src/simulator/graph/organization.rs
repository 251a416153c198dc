//! `GET /organization`: a list with the one organization that the token belongs to.

use serde_json::Value;
use serde_json::json;

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::json_answer;
use super::options::check_known;
use super::options::names;
use super::options::no_such_property;
use crate::simulator::login::tokens::Principal;
use crate::simulator::message::Answer;
use crate::simulator::tenancy::Premium;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/organization",
    permissions: &["Organization.Read.All", "Directory.Read.All", "User.Read"],
    cost: 1,
    answer,
};

/// What User.Read shows of it.
const SHOWN_TO_EVERYBODY: [&str; 3] = ["id", "displayName", "verifiedDomains"];

fn answer(call: &Call) -> Result<Answer, GraphError> {
    check_known(call.request, &["$select"])?;
    let sees_all = call.may(&["Organization.Read.All", "Directory.Read.All"]);
    if !sees_all && call.principal == Principal::Application {
        return Err(GraphError::denied());
    }
    let mut properties = properties(call);
    if !sees_all {
        for (name, value) in properties.iter_mut() {
            if !SHOWN_TO_EVERYBODY.contains(&name.as_str()) {
                *value = Value::Null;
            }
        }
    }
    let mut shown = serde_json::Map::new();
    match call.request.option("$select") {
        None => shown = properties,
        Some(select) => {
            for name in names(select) {
                let value = properties
                    .get(name)
                    .ok_or_else(|| no_such_property(name, "organization"))?;
                shown.insert(name.to_owned(), value.clone());
            }
        }
    }
    let context = format!("{}/v1.0/$metadata#organization", call.world.graph_url);
    Ok(json_answer(
        json!({"@odata.context": context, "value": [shown]}).to_string(),
    ))
}

fn properties(call: &Call) -> serde_json::Map<String, Value> {
    let organization = &call.world.organization;
    let (premium, is_b2c) = {
        let tenancy = call.world.tenancy();
        (tenancy.premium, tenancy.is_b2c)
    };
    // What was given up stays in the list.
    let status = |needs: Premium| {
        if premium >= needs {
            "Enabled"
        } else {
            "Deleted"
        }
    };
    let domain = |name: &str, is_default: bool| {
        json!({
            "capabilities": "Email, OfficeCommunicationsOnline",
            "isDefault": is_default,
            "isInitial": !is_default,
            "name": name,
            "type": "Managed",
        })
    };
    let properties = json!({
        "id": organization.tenant_id,
        "displayName": organization.name,
        "verifiedDomains": [domain(&organization.initial_domain, false), domain(&organization.domain, true)],
        "tenantType": if is_b2c { "AAD B2C" } else { "AAD" },
        "countryLetterCode": "US",
        "createdDateTime": "2011-01-01T08:00:00Z",
        "onPremisesSyncEnabled": true,
        "city": "Redmond",
        "preferredLanguage": "en",
        "assignedPlans": [
            {"assignedDateTime": "2019-03-02T10:00:00Z", "capabilityStatus": status(Premium::P1), "service": "AADPremiumService", "servicePlanId": "41781fb2-bc02-4b7c-bd55-b576c07bb09d"},
            {"assignedDateTime": "2019-03-02T10:00:00Z", "capabilityStatus": status(Premium::P2), "service": "AADPremiumService", "servicePlanId": "eec0eb4f-6444-4f95-aba0-50c24d67f998"},
            {"assignedDateTime": "2016-07-11T10:00:00Z", "capabilityStatus": "Deleted", "service": "YammerEnterprise", "servicePlanId": "7547a3fe-08ee-4ccb-b430-5077c5041653"},
        ],
    });
    match properties {
        Value::Object(properties) => properties,
        _ => serde_json::Map::new(),
    }
}
