//! `GET /reports/getX(…)`: a redirect to the report; `GET /copilot/reports/getX(…)`: the report. One
//! file a service: a new report is its columns and a line in [`REPORTS`].

mod active_users;
mod apps;
mod asked;
mod assigned_products;
mod copilot;
pub(crate) mod downloads;
mod engage;
mod files;
mod mail;
mod report;
mod subject;
mod table;
mod teams;

use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::options::check_known;
use crate::simulator::login::tokens::Principal;
use crate::simulator::message::Answer;
use asked::Asked;
use report::Report;
use report::csv;

const REPORTS: &[&Report] = &[
    &active_users::DETAIL,
    &mail::ACTIVITY,
    &mail::MAILBOXES,
    &teams::ACTIVITY,
    &files::ONEDRIVE_ACTIVITY,
    &files::ONEDRIVE_USAGE,
    &files::SHAREPOINT_ACTIVITY,
    &engage::ACTIVITY,
    &apps::USAGE,
    &apps::ACTIVATIONS,
];

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/reports/{function}",
    permissions: &[], // Checked below: the refusal is of another shape.
    cost: 1,
    answer: redirect,
};

pub(super) const COPILOT_ENDPOINT: Endpoint = Endpoint {
    path: "/copilot/reports/{function}",
    permissions: &[],
    cost: 1,
    answer: at_once,
};

fn redirect(call: &Call) -> Result<Answer, GraphError> {
    let asked = ask(call, REPORTS)?;
    let etag = etag(&asked);
    let gives_etags = call.world.switches().gives_etags;
    if gives_etags && call.request.header("if-none-match") == Some(&etag) {
        return Ok(Answer::new(304, "text/plain", "").with("etag", etag));
    }
    let path = call.world.downloads.offer(call.world, asked);
    let location = format!("{}{path}", call.world.download_url);
    let answer = Answer::new(302, "text/plain", "").with("location", location);
    Ok(match gives_etags {
        true => answer.with("etag", etag),
        false => answer,
    })
}

fn at_once(call: &Call) -> Result<Answer, GraphError> {
    let asked = ask(call, &[&copilot::USAGE])?;
    let body = csv(call.world, &asked);
    Ok(Answer::new(200, "application/octet-stream", body))
}

/// What is asked for, if it may be.
fn ask(call: &Call, reports: &[&'static Report]) -> Result<Asked, GraphError> {
    let world = call.world;
    if !world.switches().has_reports {
        return Err(GraphError::new(
            404,
            "BadRequest",
            "Resource not found for the segment 'reports'.",
        ));
    }
    check_may(call, "Reports.Read.All")?;
    check_known(call.request, &["$format"])?;
    if call
        .request
        .option("$format")
        .is_some_and(|format| format != "text/csv")
    {
        return Err(GraphError::bad_request(
            "The requested format is not supported.",
        ));
    }
    let asked = Asked::parse(world, reports, call.key)?;
    if world.switches().limits_reports {
        world.report_quota.take(world, asked.report.function)?;
    }
    Ok(asked)
}

/// Refuses whoever lacks the permission, or the role that people need beside it. The refusal comes from
/// another service, and is wrapped.
pub(super) fn check_may(call: &Call, permission: &'static str) -> Result<(), GraphError> {
    let refused = |words: &str| {
        let inner = json!({"error": {"code": "S2SUnauthorized", "message": words}});
        Err(GraphError::new(403, "UnknownError", inner.to_string()))
    };
    if !call.may(&[permission]) {
        return refused("Invalid permission.");
    }
    if call.principal == Principal::ServiceAccount && !call.world.switches().has_reports_role {
        return refused("User is not in the allowed roles.");
    }
    Ok(())
}

/// Changes when there is something new: once a day, unless the report is late.
fn etag(asked: &Asked) -> String {
    let hash = Sha256::digest(asked.content());
    let text: String = hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02X}"))
        .collect();
    format!("\"0x{text}\"")
}
