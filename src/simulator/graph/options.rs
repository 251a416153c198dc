//! What the query of a request asks for.

use super::error::GraphError;
use crate::simulator::message::Request;

/// Refuses options that the endpoint does not know, and those given twice.
pub(crate) fn check_known(request: &Request, known: &[&str]) -> Result<(), GraphError> {
    for (position, (name, _)) in request.query.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            return Err(GraphError::unsupported(format!(
                "The query option '{name}' is not supported."
            )));
        }
        if request
            .query
            .iter()
            .take(position)
            .any(|(earlier, _)| earlier == name)
        {
            return Err(GraphError::bad_request(format!(
                "Query option '{name}' was specified more than once, but it must be specified at most once."
            )));
        }
    }
    Ok(())
}

/// Refuses a query with quotes that are not percent-encoded.
pub(crate) fn check_encoded(request: &Request) -> Result<(), GraphError> {
    let query = request
        .target
        .split_once('?')
        .map_or("", |(_, query)| query);
    if query.contains(['\'', '"']) {
        return Err(GraphError::bad_request(
            "The query has characters that must be percent-encoded.",
        ));
    }
    Ok(())
}

/// `$top`, from 1 to 999; 100 without it.
pub(crate) fn page_size(request: &Request) -> Result<usize, GraphError> {
    let Some(top) = request.option("$top") else {
        return Ok(100);
    };
    let Ok(size) = top.parse::<i64>() else {
        return Err(GraphError::new(
            400,
            "BadRequest",
            format!(
                "Invalid value '{top}' for $top query option found. The $top query option requires a non-negative integer value."
            ),
        ));
    };
    match usize::try_from(size) {
        Ok(size @ 1..=999) => Ok(size),
        _ => Err(GraphError::unsupported(format!(
            "Invalid page size specified: '{size}'. Must be between 1 and 999 inclusive."
        ))),
    }
}

/// `$count=true`.
pub(crate) fn wants_count(request: &Request) -> Result<bool, GraphError> {
    match request.option("$count") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(GraphError::bad_request(format!(
            "Invalid value '{other}' for $count query option found. Valid values are '{{0}}' and '{{1}}'."
        ))),
    }
}

/// The names of a `$select`, without blanks.
pub(crate) fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// A `$select` of a property that the type does not have.
pub(crate) fn no_such_property(name: &str, of_type: &str) -> GraphError {
    GraphError::new(
        400,
        "BadRequest",
        format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type 'microsoft.graph.{of_type}'."
        ),
    )
}
