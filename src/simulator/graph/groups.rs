//! `GET /groups`: all groups, or those that assign licenses.

use serde_json::Value;
use serde_json::json;

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::group_rows::GroupSelection;
use super::json_answer;
use super::link;
use super::options::check_encoded;
use super::options::check_known;
use super::options::page_size;
use super::options::wants_count;
use super::skip_token::SkipToken;
use crate::simulator::message::Answer;
use crate::simulator::organization::groups::Group;

/// Whoever may see groups.
pub(super) const PERMISSIONS: &[&str] = &[
    "GroupMember.Read.All",
    "Group.Read.All",
    "Directory.Read.All",
];

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/groups",
    permissions: PERMISSIONS,
    cost: 1,
    answer,
};

fn answer(call: &Call) -> Result<Answer, GraphError> {
    let request = call.request;
    check_known(
        request,
        &["$select", "$top", "$filter", "$count", "$skiptoken"],
    )?;
    check_encoded(request)?;
    let selection = GroupSelection::parse(request.option("$select"))?;
    let size = page_size(request)?;
    let token = token(call)?;
    let only_licensing = match request.option("$filter").map(str::trim) {
        None => false,
        Some("assignedLicenses/any()") => true,
        Some(other) => {
            return Err(GraphError::unsupported(format!(
                "Unsupported or invalid query filter clause specified for '{other}'."
            )));
        }
    };
    let organization = &call.world.organization;
    let view = organization.view();
    let is_shown = |group: &Group| !only_licensing || group.product().is_some();
    let mut page = json!({
        "@odata.context": format!("{}/v1.0/$metadata#groups{}", call.world.graph_url, selection.context()),
    });
    let is_first = token == SkipToken::default();
    if wants_count(request)? && call.is_eventual() && is_first {
        page["@odata.count"] = json!(view.groups().filter(is_shown).count());
    }
    let mut groups = view
        .groups()
        .filter(is_shown)
        .filter(|group| group.number >= token.from);
    let rows: Vec<Value> = groups
        .by_ref()
        .take(size)
        .map(|group| Value::Object(selection.row(organization, &group)))
        .collect();
    if let Some(next) = groups.next() {
        let token = SkipToken {
            from: next.number,
            turn: 0,
        };
        page["@odata.nextLink"] = json!(link(call.world, request, token));
    }
    page["value"] = Value::Array(rows);
    Ok(json_answer(page.to_string()))
}

/// Where the page begins.
pub(super) fn token(call: &Call) -> Result<SkipToken, GraphError> {
    let Some(text) = call.request.option("$skiptoken") else {
        return Ok(SkipToken::default());
    };
    SkipToken::open(text, call.world.organization.seed)
        .ok_or_else(|| GraphError::new(400, "Directory_ExpiredPageToken", "The specified page token value has expired or is not valid and cannot be included in your request."))
}
