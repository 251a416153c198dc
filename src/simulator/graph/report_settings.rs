//! `GET /admin/reportSettings`: whether reports conceal names.

use serde_json::json;

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::json_answer;
use super::options::check_known;
use super::reports::check_may;
use crate::simulator::message::Answer;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/admin/reportSettings",
    permissions: &[], // Checked below, as that of the reports.
    cost: 1,
    answer,
};

fn answer(call: &Call) -> Result<Answer, GraphError> {
    check_may(call, "ReportSettings.Read.All")?;
    check_known(call.request, &[])?;
    let settings = json!({
        "@odata.context": format!("{}/v1.0/$metadata#admin/reportSettings/$entity", call.world.graph_url),
        "displayConcealedNames": call.world.switches().shape.conceals_names,
    });
    Ok(json_answer(settings.to_string()))
}
