//! A reclaim plan as the text of a file.

use async_graphql::Enum;
use serde_json::{Value, json};

use super::reading::Reading;
use super::tenant::tenant_name;
use crate::api::error::Error;
use crate::domain::ids::SkuId;
use crate::domain::reclaim::{Path, Step, Tenant, script, table};
use crate::engine::Reclaim;

/// The most seats of one file: as many as somebody can answer for.
const STEPS_MAX: usize = 10_000;

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ReclaimFormat {
    /// RFC 4180, UTF-8, a header. Texts that a spreadsheet would run begin with an apostrophe.
    Csv,
    /// An array of objects.
    Json,
    /// A script for Microsoft Graph PowerShell. It asks who runs it to sign in, looks each seat up again, and
    /// changes nothing unless it is run with `-Apply`.
    Powershell,
}

/// Writes all of a plan.
pub(super) fn write(
    reading: &Reading,
    plan: &Reclaim,
    format: ReclaimFormat,
) -> Result<String, Error> {
    if plan.count() > STEPS_MAX {
        return Err(Error::bad_input(format!(
            "The plan has {} seats and a file at most {STEPS_MAX}: narrow `filter`, by license or by department.",
            plan.count()
        )));
    }
    let name_of = |sku| reading.product_name(plan.tenant(), sku);
    let findings = (0..plan.count()).filter_map(|place| plan.finding(place));
    let steps: Vec<Step> = findings
        .filter_map(|finding| plan.step(&finding, &name_of))
        .collect();
    Ok(match format {
        ReclaimFormat::Csv => table(&steps),
        ReclaimFormat::Json => Value::Array(steps.iter().map(object).collect()).to_string(),
        ReclaimFormat::Powershell => script(&tenant(plan)?, &steps),
    })
}

fn tenant(plan: &Reclaim) -> Result<Tenant, Error> {
    let index = plan.tenant();
    // Without its organization nothing of a tenant is ever read, and so nothing found.
    let organization = index
        .organization()
        .ok_or_else(|| Error::not_found("organization"))?;
    Ok(Tenant {
        id: organization.id.0,
        name: tenant_name(index).to_owned(),
        as_of: index.as_of().map(|at| at.to_string()).unwrap_or_default(),
    })
}

/// Under the names of the columns of the table.
fn object(step: &Step) -> Value {
    let group = |path: &Path| {
        json!({
            "id": path.group.to_string(),
            "displayName": path.name,
            "membership": path.membership.name(),
        })
    };
    let product =
        |(sku_id, name): &(SkuId, String)| json!({"skuId": sku_id.to_string(), "name": name});
    json!({
        "userId": step.user.to_string(),
        "userPrincipalName": step.user_principal_name,
        "displayName": step.display_name,
        "skuId": step.license.to_string(),
        "license": step.license_name,
        "finding": step.kind.name(),
        "confidence": step.confidence.name(),
        "monthlySavings": step.monthly_savings.map(|money| money.amount_text()),
        "currency": step.monthly_savings.map(|money| money.currency().to_string()),
        "act": step.act.name(),
        "groupsToLeave": step.act.groups().iter().map(group).collect::<Vec<_>>(),
        "alsoTaken": step.act.takes_also().iter().map(product).collect::<Vec<_>>(),
        "replacedBy": step.replaced_by.as_ref().map(product),
        "summary": step.summary,
    })
}
