//! From Graph's JSON to the domain: every property of a row, and what its absence means.

use jiff::civil::Date;
use jiff::tz::Offset;

use super::assignments::assignments;
use super::paging::{Key, Row};
use super::scalars::{Reason, count, guid, required_guid, text, time};
use super::wire::{self, Text};
use crate::domain::ids::{ObjectId, OrganizationId, PlanId, SkuId};
use crate::domain::license::{License, SeatCounts, ServicePlan};
use crate::domain::tenant::Organization;
use crate::domain::user::{User, UserType};

impl Row for User {
    const ID: &'static str = "id";

    fn read(json: &str) -> Result<Self, String> {
        wire::read(json).and_then(user)
    }

    fn key(&self) -> Key {
        Key::Id(self.object_id.0)
    }
}

impl Row for License {
    const ID: &'static str = "skuId";

    fn read(json: &str) -> Result<Self, String> {
        wire::read(json).and_then(license)
    }

    fn key(&self) -> Key {
        Key::Id(self.sku_id.0)
    }
}

impl Row for Organization {
    const ID: &'static str = "id";

    fn read(json: &str) -> Result<Self, String> {
        wire::read(json).and_then(organization)
    }

    fn key(&self) -> Key {
        Key::Id(self.id.0)
    }
}

fn user(user: wire::User<'_>) -> Result<User, Reason> {
    if user.removed.is_some() {
        return Err("@removed stands on it, in a list of what exists".to_owned());
    }
    Ok(User {
        object_id: ObjectId(required_guid("id", user.id.as_ref())?),
        user_principal_name: text("userPrincipalName", user.user_principal_name)?
            .ok_or("userPrincipalName is missing")?,
        display_name: text("displayName", user.display_name)?,
        mail: text("mail", user.mail)?,
        employee_id: text("employeeId", user.employee_id)?,
        employee_type: text("employeeType", user.employee_type)?,
        job_title: text("jobTitle", user.job_title)?,
        department: text("department", user.department)?,
        company_name: text("companyName", user.company_name)?,
        office_location: text("officeLocation", user.office_location)?,
        country: text("country", user.country)?,
        usage_location: text("usageLocation", user.usage_location)?,
        user_type: user_type(user.user_type.as_ref()),
        is_resource_account: user.is_resource_account.unwrap_or(false),
        account_enabled: user.account_enabled.unwrap_or(true),
        created_at: time("createdDateTime", user.created_date_time.as_ref())?,
        hired_on: day("employeeHireDate", user.employee_hire_date.as_ref())?,
        is_synced_from_on_premises: user.on_premises_sync_enabled.unwrap_or(false),
        manager: manager(user.manager)?,
        assignments: assignments(
            user.assigned_licenses.unwrap_or_default(),
            user.license_assignment_states.unwrap_or_default(),
        )?,
    })
}

/// The day of an instant, in UTC.
pub(super) fn day(field: &str, text: Option<&Text<'_>>) -> Result<Option<Date>, Reason> {
    Ok(time(field, text)?.map(|at| Offset::UTC.to_datetime(at).date()))
}

pub(super) fn user_type(text: Option<&Text<'_>>) -> UserType {
    match text.map(|text| text.0.trim()) {
        None | Some("") => UserType::Member,
        Some(text) if text.eq_ignore_ascii_case("Member") => UserType::Member,
        Some(text) if text.eq_ignore_ascii_case("Guest") => UserType::Guest,
        Some(_) => UserType::Unknown,
    }
}

/// A manager may also be a contact of the organization, which is nobody that we know.
fn manager(manager: Option<wire::DirectoryObject<'_>>) -> Result<Option<ObjectId>, Reason> {
    let Some(manager) = manager else {
        return Ok(None);
    };
    match manager.odata_type {
        Some(kind) if kind.0 != "#microsoft.graph.user" => Ok(None),
        _ => Ok(guid("manager.id", manager.id.as_ref())?.map(ObjectId)),
    }
}

/// A part number, a plan's name or a status that is missing is replaced by what is known instead, so
/// that the product stays visible.
fn license(sku: wire::SubscribedSku<'_>) -> Result<License, Reason> {
    let sku_id = SkuId(required_guid("skuId", sku.sku_id.as_ref())?);
    let units = sku.prepaid_units.unwrap_or_default();
    let mut service_plans = Vec::new();
    for plan in sku.service_plans.unwrap_or_default() {
        let Some(plan_id) = guid("servicePlans.servicePlanId", plan.service_plan_id.as_ref())?
        else {
            continue;
        };
        let name = text("servicePlans.servicePlanName", plan.service_plan_name)?;
        service_plans.push(ServicePlan {
            plan_id: PlanId(plan_id),
            value: name.unwrap_or_else(|| plan_id.to_string()),
        });
    }
    Ok(License {
        sku_id,
        part_number: text("skuPartNumber", sku.sku_part_number)?
            .unwrap_or_else(|| sku_id.to_string()),
        status: text("capabilityStatus", sku.capability_status)?
            .unwrap_or_else(|| "Unknown".to_owned()),
        is_company_wide: text("appliesTo", sku.applies_to)?
            .is_some_and(|target| target.eq_ignore_ascii_case("Company")),
        seats: SeatCounts {
            enabled: count(units.enabled),
            warning: count(units.warning),
            suspended: count(units.suspended),
            locked_out: count(units.locked_out),
            consumed: count(sku.consumed_units),
        },
        service_plans,
    })
}

fn organization(organization: wire::Organization<'_>) -> Result<Organization, Reason> {
    let mut domains = Vec::new();
    for domain in organization.verified_domains.unwrap_or_default() {
        let Some(name) = text("verifiedDomains.name", domain.name)? else {
            continue;
        };
        let name = name.to_lowercase();
        if domains.contains(&name) {
            continue;
        }
        if domain.is_default == Some(true) {
            domains.insert(0, name);
        } else {
            domains.push(name);
        }
    }
    Ok(Organization {
        id: OrganizationId(required_guid("id", organization.id.as_ref())?),
        display_name: text("displayName", organization.display_name)?,
        domains,
        country: text("countryLetterCode", organization.country_letter_code)?,
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    const ANN: &str = "aaaaaaaa-0000-0000-0000-000000000001";
    const BOSS: &str = "aaaaaaaa-0000-0000-0000-000000000002";
    const E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";

    fn ann() -> Value {
        json!({
            "id": ANN, "userPrincipalName": "ann@contoso.com", "displayName": "Ann Lee",
            "mail": "ann@contoso.com", "employeeId": "7", "employeeType": "Employee",
            "jobTitle": "Engineer", "department": "Sales", "companyName": "Contoso",
            "officeLocation": "2/1", "country": "Norway", "usageLocation": "NO",
            "userType": "Member", "isResourceAccount": null, "accountEnabled": true,
            "createdDateTime": "2020-03-13T19:15:41.6195833Z",
            "employeeHireDate": "2020-03-01T00:00:00Z", "onPremisesSyncEnabled": true,
            "assignedLicenses": [{"skuId": E3, "disabledPlans": []}],
            "licenseAssignmentStates": [{"skuId": E3, "state": "Active", "error": "None",
                "assignedByGroup": null, "disabledPlans": [], "lastUpdatedDateTime": "2024-01-01T00:00:00Z"}],
            "manager": {"@odata.type": "#microsoft.graph.user", "id": BOSS},
            "@microsoft.graph.tips": {"unknown": [1, 2]},
        })
    }

    fn read(row: &Value) -> Result<User, String> {
        User::read(&row.to_string())
    }

    /// Ann with one property changed.
    fn ann_with(property: &str, value: Value) -> Result<User, String> {
        let mut row = ann();
        row[property] = value;
        read(&row)
    }

    #[test]
    fn a_whole_user_is_read() {
        let user = read(&ann()).unwrap();
        assert_eq!(user.object_id, ObjectId::parse(ANN).unwrap());
        assert_eq!(user.user_principal_name, "ann@contoso.com");
        assert_eq!(user.office_location.as_deref(), Some("2/1"));
        assert_eq!(user.usage_location.as_deref(), Some("NO"));
        assert_eq!(user.user_type, UserType::Member);
        assert_eq!(
            user.created_at,
            Some("2020-03-13T19:15:41.6195833Z".parse().unwrap())
        );
        assert_eq!(user.hired_on, Some(date(2020, 3, 1)));
        assert!(user.is_synced_from_on_premises && user.account_enabled);
        assert_eq!(user.manager, ObjectId::parse(BOSS));
        assert_eq!(user.assignments.len(), 1);
    }

    #[test]
    fn only_id_and_principal_name_are_needed() {
        let user = read(&json!({"id": ANN, "userPrincipalName": "a"})).unwrap();
        assert_eq!(user.display_name, None);
        assert_eq!(user.user_type, UserType::Member);
        assert!(user.account_enabled);
        assert!(!user.is_resource_account && !user.is_synced_from_on_premises);
        assert!(user.assignments.is_empty());
    }

    #[track_caller]
    fn check_user_type(json: Value, expected: UserType) {
        assert_eq!(ann_with("userType", json).unwrap().user_type, expected);
    }

    #[test]
    fn a_user_without_type_is_a_member() {
        check_user_type(json!(null), UserType::Member);
        check_user_type(json!(" "), UserType::Member);
        check_user_type(json!("member"), UserType::Member);
        check_user_type(json!("Guest"), UserType::Guest);
        check_user_type(json!("unknownFutureValue"), UserType::Unknown);
    }

    #[track_caller]
    fn check_flags(json: Value, is_resource: bool, is_enabled: bool, is_synced: bool) {
        let mut row = ann();
        for property in [
            "isResourceAccount",
            "accountEnabled",
            "onPremisesSyncEnabled",
        ] {
            row[property] = json.clone();
        }
        let user = read(&row).unwrap();
        assert_eq!(
            (
                user.is_resource_account,
                user.account_enabled,
                user.is_synced_from_on_premises
            ),
            (is_resource, is_enabled, is_synced)
        );
    }

    #[test]
    fn a_flag_that_is_null_proves_nothing() {
        check_flags(json!(true), true, true, true);
        check_flags(json!(false), false, false, false);
        check_flags(json!(null), false, true, false);
    }

    #[test]
    fn the_day_of_hire_is_the_day_in_utc() {
        let user = ann_with("employeeHireDate", json!("2020-03-01T23:30:00-02:00")).unwrap();
        assert_eq!(user.hired_on, Some(date(2020, 3, 2)));
    }

    #[track_caller]
    fn check_manager(json: Value, expected: Option<&str>) {
        let manager = ann_with("manager", json.clone()).unwrap().manager;
        assert_eq!(manager, expected.and_then(ObjectId::parse), "{json}");
    }

    #[test]
    fn only_a_user_is_a_manager() {
        check_manager(
            json!({"@odata.type": "#microsoft.graph.user", "id": BOSS}),
            Some(BOSS),
        );
        check_manager(json!({"id": BOSS}), Some(BOSS));
        check_manager(
            json!({"@odata.type": "#microsoft.graph.orgContact", "id": BOSS}),
            None,
        );
        check_manager(json!({"id": null}), None);
        check_manager(json!({}), None);
        check_manager(json!(null), None);
    }

    #[track_caller]
    fn check_poison(property: &str, value: Value, reason: &str) {
        assert_eq!(ann_with(property, value), Err(reason.to_owned()));
    }

    #[test]
    fn a_poison_row_is_refused_with_the_name_of_what_is_wrong() {
        check_poison("id", json!(null), "id is missing");
        check_poison("id", json!(""), "id is missing");
        check_poison("id", json!("7"), "id is not a GUID");
        check_poison("id", json!(7), "id is a number");
        check_poison(
            "userPrincipalName",
            json!(null),
            "userPrincipalName is missing",
        );
        check_poison(
            "userPrincipalName",
            json!(" "),
            "userPrincipalName is missing",
        );
        check_poison(
            "displayName",
            json!({"a": "ann"}),
            "displayName is an object",
        );
        check_poison(
            "displayName",
            json!("x".repeat(4_097)),
            "displayName is longer than 4096 characters",
        );
        check_poison(
            "displayName",
            json!("x".repeat(10_000_000)),
            "displayName is longer than 4096 characters",
        );
        check_poison("accountEnabled", json!("true"), "accountEnabled is a text");
        check_poison("manager", json!({"id": "x"}), "manager.id is not a GUID");
        check_poison(
            "assignedLicenses",
            json!({}),
            "assignedLicenses is an object",
        );
        check_poison(
            "@removed",
            json!({"reason": "deleted"}),
            "@removed stands on it, in a list of what exists",
        );
    }

    fn license(row: Value) -> License {
        License::read(&row.to_string()).unwrap()
    }

    #[test]
    fn seats_below_zero_or_beyond_counting_are_none_or_the_most() {
        let seats = license(json!({
            "skuId": E3, "consumedUnits": 14,
            "prepaidUnits": {"enabled": -3, "warning": null, "suspended": 25.0, "lockedOut": 1e300},
        }))
        .seats;
        let expected = SeatCounts {
            enabled: 0,
            warning: 0,
            suspended: 25,
            locked_out: u32::MAX,
            consumed: 14,
        };
        assert_eq!(seats, expected);
    }

    #[test]
    fn a_bare_product_is_still_a_license() {
        let bare = license(json!({"skuId": E3, "prepaidUnits": null, "servicePlans": null}));
        assert_eq!(bare.seats, SeatCounts::default());
        assert_eq!(
            (bare.part_number.as_str(), bare.status.as_str()),
            (E3, "Unknown")
        );
        assert!(!bare.is_company_wide);
    }

    #[test]
    fn a_license_is_read_whole() {
        let whole = license(json!({
            "skuId": E3, "skuPartNumber": "SPE_E3", "appliesTo": "Company", "capabilityStatus": "Warning",
            "consumedUnits": 1, "prepaidUnits": {"enabled": 2, "warning": 3, "suspended": 4, "lockedOut": 5},
            "servicePlans": [
                {"servicePlanId": BOSS, "servicePlanName": "B"}, {"servicePlanId": null},
                {"servicePlanId": ANN, "servicePlanName": null},
            ],
        }));
        assert_eq!(whole.part_number, "SPE_E3");
        assert_eq!(whole.status, "Warning");
        assert!(whole.is_company_wide);
        let plans: Vec<_> = whole
            .service_plans
            .iter()
            .map(|plan| plan.value.as_str())
            .collect();
        assert_eq!(plans, ["B", ANN]);
    }

    #[test]
    fn an_organization_has_its_default_domain_first() {
        let row = json!({
            "id": ANN, "displayName": " Contoso ", "countryLetterCode": "NO",
            "verifiedDomains": [
                {"name": "Contoso.onmicrosoft.com", "isDefault": false}, {"name": null},
                {"name": "CONTOSO.com", "isDefault": true}, {"name": "contoso.com", "isDefault": null},
            ],
        });
        let organization = Organization::read(&row.to_string()).unwrap();
        assert_eq!(organization.display_name.as_deref(), Some("Contoso"));
        assert_eq!(
            organization.domains,
            ["contoso.com", "contoso.onmicrosoft.com"]
        );
        assert_eq!(organization.primary_domain(), Some("contoso.com"));
        assert_eq!(organization.country.as_deref(), Some("NO"));
    }

    /// Any JSON that a mutated row may hold.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            Just(json!(BOSS)),
            Just(json!(E3)),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((any_property(), inner), 0..4)
                    .prop_map(|pairs| Value::Object(Map::from_iter(pairs))),
            ]
        })
    }

    fn any_property() -> impl Strategy<Value = String> + Clone {
        let mut names: Vec<String> = ann().as_object().unwrap().keys().cloned().collect();
        let inner = [
            "skuId",
            "disabledPlans",
            "state",
            "error",
            "assignedByGroup",
            "@removed",
            "x",
        ];
        names.extend(inner.map(str::to_owned));
        proptest::sample::select(names)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Whatever a row is mutated into, it is refused with a reason that holds none of its values,
        /// or it is still the same user, joined to ids that stand in the row.
        #[test]
        fn a_mutated_row_is_refused_or_still_the_same_user(
            changes in proptest::collection::vec((any_property(), any_json()), 0..4)
        ) {
            let mut row = ann();
            for (property, value) in changes {
                row[property] = value;
            }
            let text = row.to_string();
            match User::read(&text) {
                Ok(user) => {
                    prop_assert_eq!(Some(user.object_id), row["id"].as_str().and_then(ObjectId::parse));
                    let manager = row["manager"]["id"].as_str().and_then(ObjectId::parse);
                    prop_assert!(user.manager.is_none() || user.manager == manager);
                    for assignment in &user.assignments {
                        prop_assert!(text.contains(&assignment.sku_id.to_string()));
                    }
                    let products: Vec<_> = user.assignments.iter().map(|one| one.sku_id).collect();
                    prop_assert!(products.is_sorted_by(|left, right| left < right));
                }
                Err(reason) => {
                    prop_assert!(!reason.contains("ann@contoso.com") && !reason.contains(BOSS), "{}", reason);
                    prop_assert!(reason.len() < 120, "{}", reason);
                }
            }
        }

        /// Bytes that are no JSON at all do not panic either.
        #[test]
        fn a_damaged_row_never_panics(at in 0_usize..900, byte in any::<u8>(), cut in 0_usize..900) {
            let mut bytes = ann().to_string().into_bytes();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(cut.max(1));
            let text = String::from_utf8_lossy(&bytes);
            let _ = User::read(&text);
            let _ = wire::without_lone_surrogates(&text);
        }
    }
}
