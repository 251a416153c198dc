//! The properties of a group.

use jiff::Timestamp;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::error::GraphError;
use super::options::names;
use super::options::no_such_property;
use crate::simulator::organization::Organization;
use crate::simulator::organization::groups::Group;

/// Properties that come only when they are selected.
const ONLY_SELECTED: [&str; 2] = ["assignedLicenses", "licenseProcessingState"];

/// All properties.
const NAMES: [&str; 17] = [
    "assignedLicenses",
    "classification",
    "createdDateTime",
    "description",
    "displayName",
    "groupTypes",
    "id",
    "licenseProcessingState",
    "mail",
    "mailEnabled",
    "mailNickname",
    "membershipRule",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "securityEnabled",
    "uniqueName",
    "visibility",
];

/// The properties that a request wants of groups; `None` is the default.
pub(super) struct GroupSelection(Option<Vec<&'static str>>);

impl GroupSelection {
    /// What `$select` names.
    pub(super) fn parse(select: Option<&str>) -> Result<Self, GraphError> {
        let wanted: Vec<&str> = select.map(|list| names(list).collect()).unwrap_or_default();
        if wanted.is_empty() {
            return Ok(Self(None));
        }
        let mut known: Vec<&'static str> = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            let name = NAMES
                .iter()
                .find(|name| name.eq_ignore_ascii_case(wanted))
                .ok_or_else(|| no_such_property(wanted, "group"))?;
            if !known.contains(name) {
                known.push(name);
            }
        }
        Ok(Self(Some(known)))
    }

    /// The selection as `@odata.context` shows it.
    pub(super) fn context(&self) -> String {
        match &self.0 {
            Some(names) => format!("({})", names.join(",")),
            None => String::new(),
        }
    }

    /// The group as a list shows it.
    pub(super) fn row(&self, organization: &Organization, group: &Group) -> Map<String, Value> {
        let mut row = properties(organization, group);
        row.retain(|name, _| match &self.0 {
            Some(names) => names.contains(&name.as_str()),
            None => !ONLY_SELECTED.contains(&name.as_str()),
        });
        row
    }

    /// The group as a delta round tells it: with its id, and without what was never set.
    pub(super) fn tracked_row(
        &self,
        organization: &Organization,
        group: &Group,
    ) -> Map<String, Value> {
        let mut row = self.row(organization, group);
        row.retain(|_, value| !value.is_null());
        row.insert("id".to_owned(), json!(group.id(organization.seed)));
        row
    }
}

fn properties(organization: &Organization, group: &Group) -> Map<String, Value> {
    let seed = organization.seed;
    let nickname = group.mail_nickname();
    let mail = group
        .is_mail_enabled()
        .then(|| format!("{nickname}@{}", organization.domain));
    let rule = group.rule();
    let unified = group.is_unified().then_some("Unified");
    let dynamic = rule.is_some().then_some("DynamicMembership");
    let types: Vec<&str> = dynamic.into_iter().chain(unified).collect();
    let addresses: Vec<String> = mail.iter().map(|mail| format!("SMTP:{mail}")).collect();
    let assigned: Vec<Value> = group
        .product()
        .into_iter()
        .map(|product| json!({"disabledPlans": [], "skuId": product.sku_id}))
        .collect();
    let processing = group
        .product()
        .map(|_| json!({"state": "ProcessingComplete"}));
    let created_at = Timestamp::from_second(group.created_at(seed)).unwrap_or_default();
    let properties = json!({
        "assignedLicenses": assigned,
        "classification": null,
        "createdDateTime": created_at.to_string(),
        "description": unified.map(|_| group.display_name(organization)),
        "displayName": group.display_name(organization),
        "groupTypes": types,
        "id": group.id(seed),
        "licenseProcessingState": processing,
        "mail": mail,
        "mailEnabled": group.is_mail_enabled(),
        "mailNickname": nickname,
        "membershipRule": rule,
        "onPremisesSyncEnabled": group.is_synced(),
        "proxyAddresses": addresses,
        "securityEnabled": group.is_security_enabled(),
        "uniqueName": null,
        "visibility": group.visibility(),
    });
    match properties {
        Value::Object(properties) => properties,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_property_and_licenses_come_only_when_selected() {
        let organization = Organization::new(3, 100, "Contoso");
        let group = Group::new(&organization, 0);
        let all: Vec<String> = properties(&organization, &group)
            .into_iter()
            .map(|p| p.0)
            .collect();
        assert_eq!(all, NAMES);
        let row = |select| {
            let selection = GroupSelection::parse(select).ok().unwrap();
            selection.row(&organization, &group)
        };
        assert!(!row(None).contains_key("assignedLicenses"));
        let selected = row(Some("id, AssignedLicenses"));
        assert_eq!(selected.len(), 2);
        assert_eq!(
            selected["assignedLicenses"][0]["skuId"],
            "05e9a617-0261-4cee-bb44-138d3ef5d965"
        );
        assert_eq!(
            GroupSelection::parse(Some("shoeSize"))
                .err()
                .unwrap()
                .status,
            400
        );
    }
}
