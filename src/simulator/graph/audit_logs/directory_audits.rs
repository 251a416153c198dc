//! The audit log of the directory: who changed what. Without a premium tenant it works too.

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::activities::About;
use super::activities::Activity;
use super::activities::activity_at;
use super::filter::Property;
use super::log::Ledger;
use super::log::Log;
use super::log::Moment;
use super::log::written;
use crate::simulator::organization::licensing::licensing_group;
use crate::simulator::organization::person::Kind;
use crate::simulator::organization::person::Person;
use crate::simulator::organization::products::PRODUCTS;
use crate::simulator::organization::products::Product;
use crate::simulator::organization::user_id;
use crate::simulator::random::Draws;
use crate::simulator::random::Stream;
use crate::simulator::random::guid;

pub(super) const LOG: Log = Log {
    name: "directoryAudits",
    number: 1,
    time: "activityDateTime",
    properties: &[
        Property::Text("activityDisplayName"),
        Property::Exact("category"),
        Property::Exact("correlationId"),
        Property::Exact("id"),
        Property::Exact("loggedByService"),
        Property::Exact("initiatedBy/user/id"),
        Property::Text("initiatedBy/user/displayName"),
        Property::Text("initiatedBy/user/userPrincipalName"),
        Property::Exact("initiatedBy/app/appId"),
        Property::Text("initiatedBy/app/displayName"),
    ],
    refuses_older: true,
    entries_a_day: |accounts| accounts / 20 + 8,
    entry,
};

/// Administrators are among the first accounts: they change the others.
const ADMINISTRATORS: u64 = 8;

const ROLES: [&str; 6] = [
    "Helpdesk Administrator",
    "User Administrator",
    "License Administrator",
    "Reports Reader",
    "Exchange Administrator",
    "Global Reader",
];

fn entry(ledger: &Ledger, moment: Moment) -> Option<Value> {
    let mut draws = ledger.draws(Stream::Audit, moment);
    let (person, life) = ledger.somebody(&mut draws);
    if life.made_on > moment.day {
        return None;
    }
    let seed = ledger.world.organization.seed;
    let activity = activity_at(draws.below(1000));
    let (result, reason) = match draws.below(1000) {
        0..30 => ("failure", "Microsoft.Online.Workflows.ValidationException"),
        30..40 => ("timeout", "The request timed out."),
        _ => ("success", ""),
    };
    let correlation = guid(seed, Stream::Audit, moment.position);
    let prefix = match activity.service {
        "Core Directory" => "Directory",
        _ => "SSGM",
    };
    Some(json!({
        "id": format!("{prefix}_{correlation}_{:05}_{}", moment.position % 100_000, 1000 + draws.below(1 << 30)),
        "category": activity.category,
        "correlationId": correlation,
        "result": result,
        "resultReason": reason,
        "activityDisplayName": activity.name,
        "activityDateTime": written(moment.at),
        "loggedByService": activity.service,
        "operationType": activity.operation,
        "initiatedBy": initiator(ledger, activity, &mut draws),
        "targetResources": targets(ledger, activity, &person, &mut draws),
        "additionalDetails": [{"key": "User-Agent", "value": "EvoSTS"}],
    }))
}

/// A person or an application; the other one is null.
fn initiator(ledger: &Ledger, activity: &Activity, draws: &mut Draws) -> Value {
    let organization = &ledger.world.organization;
    let index = draws.below(ADMINISTRATORS.min(organization.founded_with()));
    let by_application = draws.chance(match activity.about {
        About::License => 550,
        About::Role => 100,
        _ => 300,
    });
    if by_application {
        let (name, number) = match activity.about {
            About::License => ("Microsoft Azure AD Group-Based Licensing", 100),
            _ => ("Microsoft Entra Connect", 101),
        };
        return json!({
            "user": null,
            "app": {
                "appId": null,
                "displayName": name,
                "servicePrincipalId": guid(organization.seed, Stream::Application, number),
                "servicePrincipalName": null,
            },
        });
    }
    let administrator = ledger.view.person_or_former(index);
    json!({
        "user": {
            "id": user_id(organization.seed, index),
            "displayName": null,
            "userPrincipalName": administrator.principal_name(organization),
            "ipAddress": "198.51.100.7",
            "userType": null,
            "homeTenantId": null,
            "homeTenantName": null,
        },
        "app": null,
    })
}

fn targets(ledger: &Ledger, activity: &Activity, person: &Person, draws: &mut Draws) -> Value {
    let organization = &ledger.world.organization;
    let seed = organization.seed;
    let user = |properties: Value| {
        json!({
            "id": user_id(seed, person.index),
            "displayName": null,
            "type": "User",
            "userPrincipalName": person.principal_name(organization),
            "groupType": null,
            "modifiedProperties": properties,
        })
    };
    let other = |id: Uuid, name: &str, kind: &str| {
        let group_type = if kind == "Group" {
            json!("azureAD")
        } else {
            Value::Null
        };
        json!({
            "id": id,
            "displayName": name,
            "type": kind,
            "userPrincipalName": null,
            "groupType": group_type,
            "modifiedProperties": [],
        })
    };
    match activity.about {
        About::License => {
            let position = draws.below(PRODUCTS.len() as u64) as usize;
            let product = PRODUCTS.get(position).unwrap_or(&PRODUCTS[0]);
            json!([user(license_change(ledger, product, draws.chance(500)))])
        }
        About::Role => {
            let number = draws.below(ROLES.len() as u64);
            let name = ROLES[number as usize];
            let id = guid(seed, Stream::Audit, number);
            let is_given = activity.operation == "Assign";
            let properties = json!([
                modified("Role.ObjectID", &json!(id), is_given),
                modified("Role.DisplayName", &json!(name), is_given),
            ]);
            json!([user(properties), other(id, name, "Role")])
        }
        About::Membership => {
            let position = draws.below(PRODUCTS.len() as u64) as usize;
            let id = licensing_group(seed, position);
            let properties = json!([modified("Group.ObjectID", &json!(id), true)]);
            json!([user(properties), other(id, "License group", "Group")])
        }
        About::User => {
            let name = match person.kind {
                Kind::Guest => "UserType",
                _ => "Department",
            };
            json!([user(json!([modified(name, &json!(["Sales"]), true)]))])
        }
        About::Application => {
            let number = draws.below(7);
            let id = guid(seed, Stream::Application, number);
            json!([other(id, "Application", "ServicePrincipal")])
        }
    }
}

/// What became of `AssignedLicense`, in the log's own way of writing it.
fn license_change(ledger: &Ledger, product: &Product, is_given: bool) -> Value {
    let account = ledger.world.organization.tenant_id;
    let license = format!(
        "[SkuName={}, AccountId={account}, SkuId={}, DisabledPlans=[]]",
        product.part_number, product.sku_id
    );
    let (old, new) = match is_given {
        true => (json!([]), json!([license])),
        false => (json!([license]), json!([])),
    };
    json!([
        {"displayName": "AssignedLicense", "oldValue": old.to_string(), "newValue": new.to_string()},
        {"displayName": "Included Updated Properties", "oldValue": null, "newValue": json!("AssignedLicense").to_string()},
    ])
}

/// Both values are JSON inside of a text.
fn modified(name: &str, value: &Value, is_new: bool) -> Value {
    let (old, new) = match is_new {
        true => (Value::Null, json!(value.to_string())),
        false => (json!(value.to_string()), Value::Null),
    };
    json!({"displayName": name, "oldValue": old, "newValue": new})
}
