//! Which products a user holds: two lists of Microsoft's, merged into one assignment a product.

use jiff::Timestamp;

use super::scalars::{Reason, guid, required_guid, text, time};
use super::wire::{self, Text};
use crate::domain::ids::{ObjectId, PlanId, SkuId};
use crate::domain::user::{AssignmentState, LicenseAssignment};

/// One path by which a product reaches a user.
struct Path {
    sku_id: SkuId,
    state: AssignmentState,
    error: Option<String>,
    group: Option<ObjectId>,
    /// Sorted, each once.
    disabled_plans: Vec<PlanId>,
    last_updated_at: Option<Timestamp>,
}

/// What `assignedLicenses` says of a product.
struct Held {
    sku_id: SkuId,
    /// Counts where no path is known. Sorted, each once.
    disabled_plans: Vec<PlanId>,
}

/// One assignment a product, of `assignedLicenses` and `licenseAssignmentStates` together.
///
/// A product that only a state names is an assignment as well: Microsoft lists no license that could
/// not be given, and that is just what an administrator looks for. Its state is `Error`. A product
/// without any state has the state `Unknown`, and is neither direct nor by a group: nobody said.
pub(super) fn assignments(
    licenses: Vec<wire::AssignedLicense<'_>>,
    states: Vec<wire::LicenseAssignmentState<'_>>,
) -> Result<Vec<LicenseAssignment>, Reason> {
    let held = licenses.into_iter().map(held);
    let mut held: Vec<Held> = held.collect::<Result<_, _>>()?;
    held.sort_by_key(|held| held.sku_id);
    let paths = states.into_iter().map(path);
    let mut paths: Vec<Path> = paths.collect::<Result<_, _>>()?;
    // Of a product the worst state first, then by word: the same facts give the same assignment in
    // whatever order Microsoft lists them.
    paths.sort_by(|left, right| {
        (left.sku_id, right.state, &left.error).cmp(&(right.sku_id, left.state, &right.error))
    });
    let named = held.iter().map(|held| held.sku_id);
    let mut products: Vec<SkuId> = named.chain(paths.iter().map(|path| path.sku_id)).collect();
    products.sort_unstable();
    products.dedup();
    let mut rest = paths.as_mut_slice();
    Ok(products
        .into_iter()
        .map(|sku_id| {
            let own = rest.partition_point(|path| path.sku_id == sku_id);
            let (own, others) = std::mem::take(&mut rest).split_at_mut(own);
            rest = others;
            match own {
                [] => without_path(sku_id, &held),
                [worst, others @ ..] => of_paths(worst, others),
            }
        })
        .collect())
}

fn held(license: wire::AssignedLicense<'_>) -> Result<Held, Reason> {
    let sku_id = required_guid("assignedLicenses.skuId", license.sku_id.as_ref())?;
    Ok(Held {
        sku_id: SkuId(sku_id),
        disabled_plans: plans("assignedLicenses.disabledPlans", license.disabled_plans)?,
    })
}

fn path(state: wire::LicenseAssignmentState<'_>) -> Result<Path, Reason> {
    let sku_id = required_guid("licenseAssignmentStates.skuId", state.sku_id.as_ref())?;
    let error = text("licenseAssignmentStates.error", state.error)?;
    let at = "licenseAssignmentStates.lastUpdatedDateTime";
    Ok(Path {
        sku_id: SkuId(sku_id),
        state: assignment_state(state.state.as_ref()),
        // The wire also writes the word for no error.
        error: error.filter(|error| !error.eq_ignore_ascii_case("None")),
        group: guid(
            "licenseAssignmentStates.assignedByGroup",
            state.assigned_by_group.as_ref(),
        )?
        .map(ObjectId),
        disabled_plans: plans(
            "licenseAssignmentStates.disabledPlans",
            state.disabled_plans,
        )?,
        last_updated_at: time(at, state.last_updated_date_time.as_ref())?,
    })
}

fn assignment_state(text: Option<&Text<'_>>) -> AssignmentState {
    let text = text.map(|text| text.0.trim()).unwrap_or_default();
    let known = [
        ("Active", AssignmentState::Active),
        ("ActiveWithError", AssignmentState::ActiveWithError),
        ("Disabled", AssignmentState::Disabled),
        ("Error", AssignmentState::Error),
    ];
    let known = known
        .into_iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name));
    known.map_or(AssignmentState::Unknown, |(_, state)| state)
}

/// The assignment of a product that is among those held, nobody says by which path.
fn without_path(sku_id: SkuId, held: &[Held]) -> LicenseAssignment {
    // The last word counts, should Microsoft name a product twice.
    let named = held.partition_point(|held| held.sku_id <= sku_id);
    let held = held[..named].last();
    LicenseAssignment {
        sku_id,
        state: AssignmentState::Unknown,
        error: None,
        assigned_directly: false,
        assigned_by_groups: Vec::new(),
        disabled_plans: held.map_or_else(Vec::new, |held| held.disabled_plans.clone()),
        last_updated_at: None,
    }
}

/// The assignment of a product by its paths, of which there is at least one.
fn of_paths(worst: &mut Path, others: &[Path]) -> LicenseAssignment {
    let mut off_on_every_path = std::mem::take(&mut worst.disabled_plans);
    off_on_every_path.retain(|plan| {
        let mut others = others.iter();
        others.all(|path| path.disabled_plans.binary_search(plan).is_ok())
    });
    let paths = || std::iter::once(&*worst).chain(others);
    let mut groups: Vec<ObjectId> = paths().filter_map(|path| path.group).collect();
    groups.sort_unstable();
    groups.dedup();
    LicenseAssignment {
        sku_id: worst.sku_id,
        // Sorted the worst first.
        state: others.last().map_or(worst.state, |best| best.state),
        error: paths().find_map(|path| path.error.clone()),
        assigned_directly: paths().any(|path| path.group.is_none()),
        assigned_by_groups: groups,
        disabled_plans: off_on_every_path,
        last_updated_at: paths().filter_map(|path| path.last_updated_at).max(),
    }
}

/// Sorted, each once.
fn plans(field: &str, plans: Option<Vec<Option<Text<'_>>>>) -> Result<Vec<PlanId>, Reason> {
    let plans = plans.unwrap_or_default();
    let mut ids = Vec::with_capacity(plans.len());
    for plan in plans {
        ids.extend(guid(field, plan.as_ref())?.map(PlanId));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
    const E5: &str = "06ebc4ee-1bb5-47dd-8120-11324bc54e06";
    const GROUP_A: &str = "aaaaaaaa-0000-0000-0000-000000000000";
    const GROUP_B: &str = "bbbbbbbb-0000-0000-0000-000000000000";
    const PLAN_1: &str = "11111111-0000-0000-0000-000000000000";
    const PLAN_2: &str = "22222222-0000-0000-0000-000000000000";

    fn merge(licenses: &Value, states: &Value) -> Result<Vec<LicenseAssignment>, String> {
        let licenses = licenses.to_string();
        let states = states.to_string();
        assignments(
            serde_json::from_str(&licenses).unwrap(),
            serde_json::from_str(&states).unwrap(),
        )
    }

    /// The one assignment of E3, by its states.
    fn e3(states: &Value) -> LicenseAssignment {
        let held = json!([{"skuId": E3, "disabledPlans": [PLAN_1]}]);
        let mut merged = merge(&held, states).unwrap();
        assert_eq!(merged.len(), 1);
        merged.remove(0)
    }

    fn path(state: &str, group: Option<&str>, error: Option<&str>) -> Value {
        json!({"skuId": E3, "state": state, "assignedByGroup": group, "error": error, "disabledPlans": []})
    }

    fn group(id: &str) -> ObjectId {
        ObjectId::parse(id).unwrap()
    }

    fn plan(id: &str) -> PlanId {
        PlanId::parse(id).unwrap()
    }

    #[test]
    fn several_paths_to_a_product_are_one_assignment() {
        let assignment = e3(&json!([
            path("Active", Some(GROUP_B), None),
            path("Active", None, Some("None")),
            path("Active", Some(GROUP_A), None),
            path("Active", Some(GROUP_A), None),
        ]));
        assert!(assignment.assigned_directly);
        assert_eq!(
            assignment.assigned_by_groups,
            [group(GROUP_A), group(GROUP_B)]
        );
        assert_eq!(assignment.state, AssignmentState::Active);
        assert_eq!(assignment.error, None);
    }

    #[test]
    fn a_path_by_a_group_alone_is_not_direct() {
        assert!(!e3(&json!([path("Active", Some(GROUP_A), None)])).assigned_directly);
    }

    #[track_caller]
    fn check_state(states: &[(&str, Option<&str>)], state: AssignmentState, error: Option<&str>) {
        let forward: Vec<Value> = states
            .iter()
            .map(|(state, error)| path(state, None, *error))
            .collect();
        let backward: Vec<Value> = forward.iter().rev().cloned().collect();
        for paths in [forward, backward] {
            let assignment = e3(&Value::Array(paths));
            assert_eq!(
                (assignment.state, assignment.error.as_deref()),
                (state, error)
            );
        }
    }

    #[test]
    fn the_best_state_counts_and_the_failing_path_says_why() {
        use AssignmentState::{Active, ActiveWithError, Disabled, Error, Unknown};

        check_state(&[("Active", None)], Active, None);
        check_state(&[("active", Some("none"))], Active, None);
        check_state(
            &[("Active", None), ("Error", Some("CountViolation"))],
            Active,
            Some("CountViolation"),
        );
        check_state(
            &[
                ("ActiveWithError", Some("Other")),
                ("Error", Some("CountViolation")),
            ],
            ActiveWithError,
            Some("CountViolation"),
        );
        check_state(
            &[
                ("Error", Some("DependencyViolation")),
                ("Error", Some("CountViolation")),
            ],
            Error,
            Some("CountViolation"),
        );
        check_state(&[("Disabled", None), ("Error", None)], Disabled, None);
        check_state(&[("SomethingNew", None)], Unknown, None);
        check_state(&[], Unknown, None);
    }

    #[test]
    fn a_plan_is_off_only_if_every_path_switches_it_off() {
        let states = json!([
            {"skuId": E3, "state": "Active", "disabledPlans": [PLAN_2, PLAN_1, null]},
            {"skuId": E3, "state": "Active", "disabledPlans": [PLAN_2], "assignedByGroup": GROUP_A},
        ]);
        assert_eq!(e3(&states).disabled_plans, [plan(PLAN_2)]);
    }

    #[test]
    fn without_paths_the_license_itself_says_which_plans_are_off() {
        let assignment = e3(&json!([]));
        assert_eq!(assignment.disabled_plans, [plan(PLAN_1)]);
        assert!(!assignment.assigned_directly);
        assert!(assignment.assigned_by_groups.is_empty());
    }

    #[test]
    fn the_latest_change_of_any_path_counts() {
        let states = json!([
            {"skuId": E3, "lastUpdatedDateTime": "2024-01-02T03:04:05Z"},
            {"skuId": E3, "lastUpdatedDateTime": "2025-01-02T03:04:05.1234567Z"},
            {"skuId": E3, "lastUpdatedDateTime": "0001-01-01T00:00:00Z"},
        ]);
        let latest = "2025-01-02T03:04:05.1234567Z".parse().unwrap();
        assert_eq!(e3(&states).last_updated_at, Some(latest));
    }

    #[test]
    fn a_license_that_could_not_be_given_is_an_assignment_in_error() {
        let states = json!([{"skuId": E5, "state": "Error", "error": "CountViolation", "assignedByGroup": GROUP_A}]);
        let merged = merge(&json!([{"skuId": E3}]), &states).unwrap();
        let products: Vec<_> = merged
            .iter()
            .map(|one| (one.sku_id.to_string(), one.state))
            .collect();
        assert_eq!(
            products,
            [
                (E3.to_owned(), AssignmentState::Unknown),
                (E5.to_owned(), AssignmentState::Error),
            ]
        );
        assert_eq!(merged[1].error.as_deref(), Some("CountViolation"));
    }

    #[track_caller]
    fn check_refused(licenses: &Value, states: &Value, reason: &str) {
        assert_eq!(merge(licenses, states), Err(reason.to_owned()));
    }

    #[test]
    fn what_names_no_product_or_group_spoils_the_row() {
        let none = json!([]);
        check_refused(&json!([{}]), &none, "assignedLicenses.skuId is missing");
        check_refused(
            &json!([{"skuId": "E3"}]),
            &none,
            "assignedLicenses.skuId is not a GUID",
        );
        check_refused(
            &none,
            &json!([{"state": "Active"}]),
            "licenseAssignmentStates.skuId is missing",
        );
        check_refused(
            &none,
            &json!([{"skuId": E3, "assignedByGroup": "x"}]),
            "licenseAssignmentStates.assignedByGroup is not a GUID",
        );
        check_refused(
            &none,
            &json!([{"skuId": E3, "disabledPlans": ["x"]}]),
            "licenseAssignmentStates.disabledPlans is not a GUID",
        );
        check_refused(
            &none,
            &json!([{"skuId": E3, "lastUpdatedDateTime": "x"}]),
            "licenseAssignmentStates.lastUpdatedDateTime is not a time",
        );
    }
}
