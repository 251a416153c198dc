//! Values in an address: as JSON, like a variable, or as GraphQL writes them.

use async_graphql::parser::types::{DocumentOperations, Selection};
use async_graphql::{Name, Value, Variables};

use crate::api::gate::{self, Fault, Refusal, parse_json};
use crate::api::settings::Limits;

/// A value of one parameter; empty is null.
///
/// Nesting is bounded before any parser recurses.
pub(super) fn parse(
    name: &str,
    text: &str,
    example: &str,
    limits: &Limits,
) -> Result<Value, Refusal> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    let json = parse_json::<serde_json::Value>(text.as_bytes(), limits.nesting_max);
    let refused = || {
        Refusal::request(format!(
            "`{name}` is neither JSON nor a value as GraphQL writes it, such as {example}."
        ))
    };
    match json {
        Ok(json) => Value::from_json(json).map_err(|_| refused()),
        Err(refusal) if refusal.fault == Fault::Limit => Err(refusal),
        Err(_) => match literal(text, limits) {
            Ok(Some(value)) => Ok(value),
            Err(refusal) if refusal.fault == Fault::Limit => Err(refusal),
            Ok(None) | Err(_) => Err(refused()),
        },
    }
}

/// Orders, as a value or in short: `DEPARTMENT, lastActiveOn DESC`.
pub(super) fn parse_orders(text: &str, limits: &Limits) -> Result<Value, Refusal> {
    let example = "[{field: NAME, direction: DESC}], or NAME DESC in short";
    if text.trim_start().starts_with(['[', '{']) || text.trim().is_empty() {
        return parse("orderBy", text, example, limits);
    }
    let order = |order: &str| {
        let mut words = order.split_whitespace();
        let field = words.next()?;
        let mut order = vec![(Name::new("field"), word(field)?)];
        if let Some(direction) = words.next() {
            order.push((Name::new("direction"), word(direction)?));
        }
        let is_all = words.next().is_none();
        is_all.then(|| Value::Object(order.into_iter().collect()))
    };
    let orders: Option<Vec<Value>> = text.split(',').map(order).collect();
    orders.map(Value::List).ok_or_else(|| {
        Refusal::request(format!(
            "`orderBy` cannot be read; it is written {example}."
        ))
    })
}

/// A value of an enum, spelled as the schema spells it or as the field that it stands for.
fn word(text: &str) -> Option<Value> {
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return None;
    }
    let is_shouted = !text.bytes().any(|byte| byte.is_ascii_lowercase());
    let mut shouted = String::with_capacity(text.len() + 4);
    for letter in text.chars() {
        if letter.is_ascii_uppercase() && !is_shouted && !shouted.is_empty() {
            shouted.push('_');
        }
        shouted.push(letter.to_ascii_uppercase());
    }
    Some(Value::Enum(Name::new(shouted)))
}

/// A value as a GraphQL document would hold it; `None` where the text is more or less than one value.
fn literal(text: &str, limits: &Limits) -> Result<Option<Value>, Refusal> {
    // On lines of its own, so that a comment in it ends where it ends.
    let document = format!("{{x(v:\n{text}\n)}}");
    let admitted = gate::check(&document, &Variables::default(), None, limits)?;
    let DocumentOperations::Single(operation) = admitted.document.operations else {
        return Ok(None);
    };
    // What closes the brackets early and goes on is not a value.
    if !admitted.document.fragments.is_empty() || !operation.node.directives.is_empty() {
        return Ok(None);
    }
    let [selection] = operation.node.selection_set.node.items.as_slice() else {
        return Ok(None);
    };
    let Selection::Field(field) = &selection.node else {
        return Ok(None);
    };
    let is_bare =
        field.node.directives.is_empty() && field.node.selection_set.node.items.is_empty();
    let [(_, value)] = field.node.arguments.as_slice() else {
        return Ok(None);
    };
    Ok(is_bare.then(|| value.node.clone().into_const()).flatten())
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Value>) {
        let parsed = parse("filter", text, "{a: 1}", &Limits::default());
        assert_eq!(parsed.ok(), expected, "{text}");
    }

    #[test]
    fn a_value_is_json_or_a_literal_and_nothing_more() {
        check("", Some(Value::Null));
        check("null", Some(Value::Null));
        check("{}", Some(value!({})));
        check(r#"{"a": {"eq": "x"}}"#, Some(value!({"a": {"eq": "x"}})));
        check(r#"{a: {eq: "x", is: MEMBER}}"#, {
            let member = Value::Enum(Name::new("MEMBER"));
            Some(value!({"a": {"eq": "x", "is": member}}))
        });
        check("{a: 1} # a comment", Some(value!({"a": 1})));
        check("{a: $b}", None);
        check("{a: 1}) y(v: 2", None);
        check("{a: 1}) {b}  #", None);
        check("{a: 1}) @skip(if: true", None);
        check("1, w: 2", None);
        check(r#"{"a": 1,}"#, None);
        check("{a: 1", None);
        check(&"[".repeat(100_000), None);
    }

    #[track_caller]
    fn check_orders(text: &str, expected: Option<Value>) {
        let parsed = parse_orders(text, &Limits::default());
        assert_eq!(parsed.ok(), expected, "{text}");
    }

    #[test]
    fn orders_can_be_written_in_short() {
        let (name, day) = (
            Value::Enum(Name::new("DISPLAY_NAME")),
            Value::Enum(Name::new("LAST_ACTIVE_ON")),
        );
        let down = Value::Enum(Name::new("DESC"));
        let expected = value!([{"field": name.clone()}, {"field": day, "direction": down}]);
        check_orders("DISPLAY_NAME, lastActiveOn desc", Some(expected));
        check_orders("[{field: DISPLAY_NAME}]", Some(value!([{"field": name}])));
        check_orders("", Some(Value::Null));
        check_orders("a b c", None);
        check_orders("a,,b", None);
        check_orders("a-b", None);
    }
}
