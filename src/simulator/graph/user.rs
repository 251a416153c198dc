//! `GET /users/{id}`: one account, by object id or userPrincipalName.

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::json;
use super::json_answer;
use super::options::check_known;
use super::user_fields::Card;
use super::user_fields::Selection;
use super::users::check_sign_ins_told;
use crate::simulator::message::Answer;
use crate::simulator::organization::View;
use crate::simulator::organization::person::Person;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/users/{id}",
    permissions: &["User.Read.All", "Directory.Read.All"],
    cost: 1,
    answer,
};

fn answer(call: &Call) -> Result<Answer, GraphError> {
    let view = call.world.organization.view();
    let person = view.find(call.key).ok_or_else(|| {
        let key = call.key;
        GraphError::new(404, "Request_ResourceNotFound", format!("Resource '{key}' does not exist or one of its queried reference-property objects are not present."))
    })?;
    entity(call, &view, &person)
}

/// The account as an object of its own.
pub(super) fn entity(call: &Call, view: &View, person: &Person) -> Result<Answer, GraphError> {
    check_known(call.request, &["$select"])?;
    let fields = Selection::parse(call.request.option("$select"))?;
    if fields.has("signInActivity") {
        check_sign_ins_told(call)?;
        if call.key.parse::<uuid::Uuid>().is_err() && !call.key.is_empty() {
            return Err(GraphError::bad_request(
                "Get By Key only supports UserId and the key has to be a valid Guid",
            ));
        }
    }
    let graph_url = &call.world.graph_url;
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(b"{\"@odata.context\":");
    json::text(
        &mut out,
        &format!(
            "{graph_url}/v1.0/$metadata#users{}/$entity",
            fields.context()
        ),
    );
    out.push(b',');
    let now = call.world.now().as_second();
    fields.write(&mut out, &Card { view, person, now });
    out.push(b'}');
    Ok(json_answer(out))
}
