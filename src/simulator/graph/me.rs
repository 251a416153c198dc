//! `GET /me`: who signed in.

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::user::entity;
use crate::simulator::login::tokens::Principal;
use crate::simulator::message::Answer;
use crate::simulator::organization::person::SERVICE_ACCOUNT;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/me",
    permissions: &[], // Checked below: an application is refused for another reason.
    cost: 1,
    answer,
};

fn answer(call: &Call) -> Result<Answer, GraphError> {
    if call.principal == Principal::Application {
        return Err(GraphError::new(
            400,
            "BadRequest",
            "/me request is only valid with delegated authentication flow.",
        ));
    }
    if !call.may(&["User.Read", "User.Read.All", "Directory.Read.All"]) {
        return Err(GraphError::denied());
    }
    let view = call.world.organization.view();
    let person = view.person(SERVICE_ACCOUNT);
    let person = person
        .ok_or_else(|| GraphError::new(404, "Request_ResourceNotFound", "The account is gone."))?;
    entity(call, &view, &person)
}
