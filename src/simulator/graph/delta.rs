//! What the delta rounds of all collections share: how one begins, goes on and ends.

use std::collections::BTreeSet;

use url::form_urlencoded::Serializer;
use uuid::Uuid;

use super::Call;
use super::delta_token::DeltaToken;
use super::delta_token::Stage;
use super::error::GraphError;
use super::json;
use super::json_answer;
use super::options::check_encoded;
use super::options::check_known;
use crate::simulator::message::Answer;
use crate::simulator::message::Request;
use crate::simulator::tenancy::DeltaEnd;
use crate::simulator::world::World;

/// A token lives so long.
const LIFETIME_S: i64 = 7 * 86_400;
/// The most objects that a `$filter` may name.
const IDS_MAX: usize = 50;

/// A round, as far as it has come.
pub(super) struct Round {
    token: DeltaToken,
    /// Nothing is told, only where the changes from now on are.
    is_latest: bool,
    /// Only what is different is told of a change: `Prefer: return=minimal`.
    pub(super) is_minimal: bool,
    ids: BTreeSet<Uuid>,
    /// Rows of a page.
    pub(super) page_rows: usize,
}

impl Round {
    /// Takes up a round of a collection where the request says.
    pub(super) fn take_up(call: &Call, collection: &str, version: u64) -> Result<Self, GraphError> {
        let request = call.request;
        let (is_b2c, epoch, page_rows) = {
            let tenancy = call.world.tenancy();
            let page_rows = tenancy.delta_page_rows;
            (tenancy.is_b2c, tenancy.delta_epoch, page_rows)
        };
        if is_b2c {
            return Err(GraphError::bad_request(
                "Change enumeration is not supported.",
            ));
        }
        check_known(
            request,
            &["$select", "$filter", "$deltatoken", "$skiptoken"],
        )?;
        check_encoded(request)?;
        let delta_token = request
            .option("$deltatoken")
            .filter(|text| !text.is_empty());
        let is_latest = delta_token == Some("latest");
        let text = delta_token
            .filter(|_| !is_latest)
            .or(request.option("$skiptoken"));
        let token = match text.filter(|text| !text.starts_with('~')) {
            Some(text) => opened(call, text, collection, epoch)?,
            None => DeltaToken {
                collection: collection.to_owned(),
                stage: Stage::Initial,
                position: 0,
                until: version,
                epoch,
                issued_at: 0,
                serial: 0,
                select: request.option("$select").map(str::to_owned),
                ids: request
                    .option("$filter")
                    .map(ids_of)
                    .transpose()?
                    .unwrap_or_default(),
            },
        };
        let is_followed_up = token.stage == Stage::Changes;
        let prefers_minimal = request
            .header("prefer")
            .is_some_and(|prefer| prefer.contains("return=minimal"));
        Ok(Self {
            ids: token
                .ids
                .split(',')
                .filter_map(|id| id.parse().ok())
                .collect(),
            is_latest,
            is_minimal: is_followed_up && prefers_minimal,
            page_rows,
            token: match text.is_some_and(|text| Some(text) == delta_token) {
                true => DeltaToken {
                    until: version, // A new round ends with what has happened by now.
                    ..token
                },
                false => token,
            },
        })
    }

    pub(super) fn select(&self) -> Option<&str> {
        self.token.select.as_deref()
    }

    pub(super) fn stage(&self) -> Stage {
        self.token.stage
    }

    /// Where this page begins.
    pub(super) fn position(&self) -> u64 {
        self.token.position
    }

    /// The events that the round tells, from this page on.
    pub(super) fn events(&self) -> std::ops::Range<u64> {
        self.token.position..self.token.until
    }

    /// Whether only the address of later changes is wanted.
    pub(super) fn is_latest(&self) -> bool {
        self.is_latest
    }

    /// Whether the round is about an object.
    pub(super) fn is_about(&self, id: Uuid) -> bool {
        self.ids.is_empty() || self.ids.contains(&id)
    }

    /// The page: `rows` is what stands between the brackets, `next` where the next page begins.
    pub(super) fn answer(
        self,
        call: &Call,
        context: &str,
        rows: &[u8],
        next: Option<u64>,
    ) -> Answer {
        let world = call.world;
        let (option, stage, position) = match next {
            Some(position) => ("skiptoken", self.token.stage, position),
            None => ("deltatoken", Stage::Changes, self.token.until),
        };
        let token = DeltaToken {
            stage,
            position,
            issued_at: world.now().as_second(),
            serial: world.tenancy().next_delta_token(),
            ..self.token
        };
        let link = format!(
            "{}/v1.0/{}/delta?${option}={}",
            world.graph_url,
            token.collection,
            token.seal(world.organization.seed)
        );
        let name = if next.is_some() {
            "@odata.nextLink"
        } else {
            "@odata.deltaLink"
        };
        let mut out = Vec::with_capacity(rows.len() + 1024);
        out.extend_from_slice(b"{\"@odata.context\":");
        let context = format!(
            "{}/v1.0/$metadata#{}{context}",
            world.graph_url, token.collection
        );
        json::text(&mut out, &context);
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        json::text(&mut out, &link);
        out.extend_from_slice(b",\"value\":[");
        out.extend_from_slice(rows);
        out.extend_from_slice(b"]}");
        json_answer(out)
    }
}

/// The request again under a link that differs: to the same page of a round.
pub(crate) fn link_again(world: &World, request: &Request, turn: u32) -> String {
    let is_token = |name: &str| name == "$skiptoken" || name == "$deltatoken";
    let mut query = Serializer::new(String::new());
    let mut is_marked = false;
    for (name, value) in &request.query {
        if is_token(name) && !value.is_empty() {
            let own = value.split('~').next().unwrap_or_default();
            query.append_pair(name, &format!("{own}~{turn}"));
            is_marked = true;
        } else if !is_token(name) {
            query.append_pair(name, value);
        }
    }
    if !is_marked {
        query.append_pair("$skiptoken", &format!("~{turn}"));
    }
    let query = query.finish().replace("%24", "$");
    format!("{}{}?{query}", world.graph_url, request.path)
}

/// Parts two rows.
pub(super) fn separate(rows: &mut Vec<u8>) {
    if !rows.is_empty() {
        rows.push(b',');
    }
}

/// Writes a row that says that an object is gone: for good, or for a while.
pub(super) fn write_removed(rows: &mut Vec<u8>, id: Uuid, is_for_good: bool) {
    separate(rows);
    rows.extend_from_slice(b"{\"id\":");
    json::guid(rows, id);
    let reason = if is_for_good { "deleted" } else { "changed" };
    rows.extend_from_slice(format!(",\"@removed\":{{\"reason\":\"{reason}\"}}}}").as_bytes());
}

/// Reads a token back, unless it is of no use any more.
fn opened(call: &Call, text: &str, collection: &str, epoch: u64) -> Result<DeltaToken, GraphError> {
    let world = call.world;
    let token = DeltaToken::open(text, world.organization.seed)
        .filter(|token| token.collection == collection)
        .ok_or_else(|| GraphError::new(400, "BadRequest", "The delta token is badly formed."))?;
    let age = world.now().as_second() - token.issued_at;
    if token.epoch == epoch && age <= LIFETIME_S {
        return Ok(token);
    }
    let words = "The sync state generation is not found; continue with a full synchronization.";
    Err(match world.tenancy().delta_end {
        DeltaEnd::Gone410WithLocation => {
            let mut query = Serializer::new(String::new());
            if let Some(select) = &token.select {
                query.append_pair("$select", select);
            }
            query.append_pair("$deltatoken", "");
            let location = format!(
                "{}/v1.0/{collection}/delta?{}",
                world.graph_url,
                query.finish().replace("%24", "$")
            );
            GraphError::new(410, "SyncStateNotFound", words).with("location", location)
        }
        DeltaEnd::SyncStateNotFound400 => GraphError::new(400, "SyncStateNotFound", words),
        DeltaEnd::BadRequest400 => {
            GraphError::new(400, "BadRequest", "The delta token cannot be used.")
        }
    })
}

/// The ids of `id eq '…' or id eq '…'`, parted by commas.
fn ids_of(filter: &str) -> Result<String, GraphError> {
    let ids: Option<Vec<String>> = filter
        .split(" or ")
        .map(|clause| {
            let text = clause.trim().strip_prefix("id eq '")?.strip_suffix('\'')?;
            text.parse::<Uuid>().ok().map(|id| id.to_string())
        })
        .collect();
    match ids {
        Some(ids) if ids.len() <= IDS_MAX => Ok(ids.join(",")),
        _ => Err(GraphError::unsupported(
            "Only 'id eq' of at most 50 objects is supported for delta queries.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_can_be_about_fifty_objects_at_most() {
        let check = |count: usize, is_taken: bool| {
            let clause = format!("id eq '{}'", Uuid::nil());
            let filter = vec![clause; count].join(" or ");
            assert_eq!(ids_of(&filter).is_ok(), is_taken, "{count}");
        };
        check(1, true);
        check(50, true);
        check(51, false);
        assert!(ids_of("id eq 'x'").is_err());
        assert!(ids_of("userType eq 'Guest'").is_err());
    }
}
