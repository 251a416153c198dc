//! `GET /auditLogs/signIns` and `GET /auditLogs/directoryAudits`: what happened, newest first.

mod activities;
mod directory_audits;
mod filter;
mod log;
mod sign_ins;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::json_answer;
use super::link;
use super::options::check_known;
use super::options::names;
use super::skip_token::SkipToken;
use crate::simulator::login::tokens::Principal;
use crate::simulator::message::Answer;
use filter::Filter;
pub(crate) use log::HeldBack;
use log::Ledger;
use log::Log;
use log::Order;
use log::TICKS;

/// The most that a page has, and what it has unless told otherwise.
const PAGE_MAX: usize = 1000;
const DAY: i64 = 86_400 * TICKS;
/// How long entries are kept, with Entra ID P1 or P2 and without.
const KEPT_DAYS: [i64; 2] = [30, 7];

pub(super) const SIGN_INS_ENDPOINT: Endpoint = Endpoint {
    path: "/auditLogs/signIns",
    permissions: &[], // Checked below: the refusal names what is missing.
    cost: 1,
    answer: answer_sign_ins,
};

pub(super) const DIRECTORY_AUDITS_ENDPOINT: Endpoint = Endpoint {
    path: "/auditLogs/directoryAudits",
    permissions: &[],
    cost: 1,
    answer: answer_directory_audits,
};

fn answer_sign_ins(call: &Call) -> Result<Answer, GraphError> {
    check_may(call, &["AuditLog.Read.All"])?;
    if !call.world.tenancy().has_premium() {
        return Err(GraphError::new(
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "Neither tenant is B2C or tenant doesn't have premium license",
        ));
    }
    page(call, &sign_ins::LOG)
}

fn answer_directory_audits(call: &Call) -> Result<Answer, GraphError> {
    check_may(call, &["AuditLog.Read.All", "Directory.Read.All"])?;
    page(call, &directory_audits::LOG)
}

fn check_may(call: &Call, permissions: &[&str]) -> Result<(), GraphError> {
    if !call.may(permissions) {
        let missing = permissions.join(", ");
        return Err(GraphError::new(
            403,
            "Authentication_MSGraphPermissionMissing",
            format!(
                "The principal does not have required Microsoft Graph permission(s): {missing} to call this API."
            ),
        ));
    }
    if call.principal == Principal::ServiceAccount && !call.world.switches().has_reports_role {
        return Err(GraphError::new(
            403,
            "Authentication_RequestFromUnsupportedUserRole",
            "User is not in the allowed roles",
        ));
    }
    Ok(())
}

/// A page of a log.
fn page(call: &Call, log: &Log) -> Result<Answer, GraphError> {
    let (world, request) = (call.world, call.request);
    check_known(
        request,
        &["$filter", "$top", "$orderby", "$select", "$skiptoken"],
    )?;
    let ledger = Ledger::open(world);
    let keeps_long = world.tenancy().has_premium();
    let kept_since = ledger.now - KEPT_DAYS[usize::from(!keeps_long)] * DAY;
    let mut filter = Filter::parse(request.option("$filter").unwrap_or_default(), log)?;
    if log.refuses_older && filter.from.is_some_and(|from| from < kept_since) {
        let date = log::written(kept_since);
        return Err(GraphError::new(
            400,
            "BadRequest",
            format!(
                "The date range is out of the allowed limits. The minimum allowed date is {date}."
            ),
        ));
    }
    filter.from = Some(filter.from.unwrap_or(i64::MIN).max(kept_since));
    let size = page_size(request.option("$top"))?;
    let order = order(request.option("$orderby"), log)?;
    let first = request
        .option("$skiptoken")
        .map(|token| {
            SkipToken::open(token, world.organization.seed)
                .map(|token| token.from)
                .ok_or_else(|| GraphError::new(400, "BadRequest", "Skip token is not valid."))
        })
        .transpose()?;
    let switches = world.switches().clone();
    if switches.limits_logs {
        world.log_quota.take(world, "auditLogs")?;
    }
    let mut entries: Vec<(u64, Value)> = ledger
        .entries(log, &filter, order, first)
        .take(size + 1)
        .collect();
    let next = (entries.len() > size).then(|| {
        let repeated = entries
            .get(entries.len() - 2)
            .map(|(position, _)| *position);
        let last = entries.pop().map(|(position, _)| position);
        // A page of one that repeats itself would never get any further.
        repeated
            .filter(|_| switches.repeats_log_entries && size > 1)
            .or(last)
    });
    let select: Option<Vec<&str>> = request.option("$select").map(|list| names(list).collect());
    let rows: Vec<Value> = entries
        .into_iter()
        .map(|(_, entry)| selected(entry, select.as_deref()))
        .collect();
    let mut body = json!({
        "@odata.context": format!("{}/v1.0/$metadata#auditLogs/{}", world.graph_url, log.name),
        "value": rows,
    });
    if let Some(from) = next.flatten() {
        let token = SkipToken { from, turn: 0 };
        body["@odata.nextLink"] = Value::from(link(world, request, token));
    }
    Ok(json_answer(body.to_string()))
}

fn selected(entry: Value, select: Option<&[&str]>) -> Value {
    match (entry, select) {
        (Value::Object(mut fields), Some(names)) => {
            let chosen: Map<String, Value> = names
                .iter()
                .filter_map(|&name| Some((name.to_owned(), fields.remove(name)?)))
                .collect();
            Value::Object(chosen)
        }
        (entry, _) => entry,
    }
}

fn page_size(top: Option<&str>) -> Result<usize, GraphError> {
    let Some(top) = top else { return Ok(PAGE_MAX) };
    match top.parse() {
        Ok(size @ 1..=PAGE_MAX) => Ok(size),
        _ => Err(GraphError::new(
            400,
            "BadRequest",
            format!(
                "Invalid page size specified: '{top}'. Must be between 1 and {PAGE_MAX} inclusive."
            ),
        )),
    }
}

fn order(orderby: Option<&str>, log: &Log) -> Result<Order, GraphError> {
    let Some(orderby) = orderby else {
        return Ok(Order::NewestFirst);
    };
    let (property, direction) = orderby.split_once(' ').unwrap_or((orderby, "asc"));
    match direction.trim() {
        "asc" if property == log.time => Ok(Order::OldestFirst),
        "desc" if property == log.time => Ok(Order::NewestFirst),
        _ => Err(GraphError::unsupported(format!(
            "'$orderby={orderby}' is not supported."
        ))),
    }
}
