//! The properties of a user that tell of licenses.

use super::json;
use super::user_fields::Card;
use crate::simulator::organization::licensing::Path;
use crate::simulator::organization::licensing::disabled_plans;
use crate::simulator::organization::licensing::failing_product;
use crate::simulator::organization::licensing::paths;
use crate::simulator::organization::person::Kind;
use crate::simulator::organization::products::PRODUCTS;

pub(super) fn assigned_licenses(out: &mut Vec<u8>, card: &Card) {
    let person = card.person;
    json::list(out, person.held.positions(), |out, position| {
        let Some(product) = PRODUCTS.get(position) else {
            return;
        };
        let disabled =
            paths(card.seed(), person.index, position, person.since).disabled_everywhere();
        out.extend_from_slice(b"{\"disabledPlans\":");
        json::list(out, disabled_plans(product, disabled), json::text);
        out.extend_from_slice(b",\"skuId\":");
        json::text(out, product.sku_id);
        out.push(b'}');
    });
}

pub(super) fn license_assignment_states(out: &mut Vec<u8>, card: &Card) {
    let person = card.person;
    let held = person.held.positions().flat_map(|position| {
        let paths = paths(card.seed(), person.index, position, person.since);
        [Some(paths.first), paths.second]
            .into_iter()
            .flatten()
            .map(move |path| (position, path))
    });
    let failing = (person.kind == Kind::Employee)
        .then(|| failing_product(card.seed(), person.index, person.held, person.since))
        .flatten();
    // Half of the service writes "None" for no error, half null.
    let says_none = person.index.is_multiple_of(2);
    let mut changes = card.view.state_changes(person.index);
    json::list(out, held.chain(failing), |out, (position, mut path)| {
        // What changes is the first path, which is always in force.
        path.change_state(std::mem::take(&mut changes));
        write_path(out, position, &path, says_none)
    });
}

fn write_path(out: &mut Vec<u8>, position: usize, path: &Path, says_none: bool) {
    let Some(product) = PRODUCTS.get(position) else {
        return;
    };
    out.extend_from_slice(b"{\"skuId\":");
    json::text(out, product.sku_id);
    out.extend_from_slice(b",\"disabledPlans\":");
    json::list(out, disabled_plans(product, path.disabled), json::text);
    out.extend_from_slice(b",\"assignedByGroup\":");
    match path.group {
        Some(group) => json::guid(out, group),
        None => json::null(out),
    }
    out.extend_from_slice(b",\"state\":");
    json::text(out, path.state);
    out.extend_from_slice(b",\"error\":");
    json::text_or_null(out, path.error.or(says_none.then_some("None")));
    out.extend_from_slice(b",\"lastUpdatedDateTime\":");
    json::instant(out, path.updated_at);
    out.push(b'}');
}

pub(super) fn assigned_plans(out: &mut Vec<u8>, card: &Card) {
    let person = card.person;
    let plans = person
        .held
        .positions()
        .filter_map(|position| PRODUCTS.get(position))
        .flat_map(|product| product.plans);
    json::list(out, plans, |out, plan| {
        out.extend_from_slice(b"{\"assignedDateTime\":");
        json::instant(out, person.since);
        out.extend_from_slice(b",\"capabilityStatus\":\"Enabled\",\"service\":");
        json::text(out, plan.service);
        out.extend_from_slice(b",\"servicePlanId\":");
        json::text(out, plan.id);
        out.push(b'}');
    });
}
