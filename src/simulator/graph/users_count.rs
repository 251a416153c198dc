//! `GET /users/$count`: a number, as text.

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::options::check_encoded;
use super::options::check_known;
use super::user_filter::UserFilter;
use crate::simulator::message::Answer;
use crate::simulator::message::TEXT;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/users/$count",
    permissions: &["User.Read.All", "Directory.Read.All"],
    cost: 1,
    answer,
};

fn answer(call: &Call) -> Result<Answer, GraphError> {
    check_known(call.request, &["$filter"])?;
    check_encoded(call.request)?;
    if !call.is_eventual() {
        return Err(GraphError::bad_request(
            "$count is not currently supported. The header ConsistencyLevel: eventual is missing.",
        ));
    }
    if call.request.header("accept").is_some_and(refuses_text) {
        return Err(GraphError::new(
            415,
            "Request_UnsupportedMediaType",
            "A number is answered as text/plain.",
        ));
    }
    let filter = call.request.option("$filter");
    let filter = filter.map(|filter| UserFilter::parse(filter, true));
    let filter = filter.transpose()?.unwrap_or_default();
    if filter.is_about_sign_ins() {
        return Err(GraphError::by_status(call.world, 502)); // As it was seen to do.
    }
    let now = call.world.now().as_second();
    let count = filter.count(&call.world.organization.view(), now);
    Ok(Answer::new(200, TEXT, count.to_string()))
}

/// Whether an Accept header leaves no way to answer text.
fn refuses_text(accept: &str) -> bool {
    !["*/*", "text/*", "text/plain"]
        .iter()
        .any(|kind| accept.contains(kind))
}
