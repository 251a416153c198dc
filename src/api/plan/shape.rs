//! What of a request's variables decides whether it is valid and what it costs.
//!
//! A document is judged with its variables: which fields their objects have, how long their lists
//! are, which numbers they hold. What a text says is not among it, with the exceptions that planning
//! leaves alone. So requests whose variables have one shape are judged alike, and once is enough.

use async_graphql::{Value, Variables};

/// The longest shape that is looked up; longer ones take the long way.
const LENGTH_MAX: usize = 4096;

/// The text under which a request's plan is kept; `None` where it would be too long.
pub(super) fn key(
    query: &str,
    operation_name: Option<&str>,
    variables: &Variables,
) -> Option<String> {
    let mut key = String::with_capacity(query.len() + 128);
    // Names of operations have no spaces, and a line break cannot be in a shape.
    key.push_str(operation_name.unwrap_or_default());
    key.push('\n');
    for (name, value) in variables.iter() {
        write_name(&mut key, name);
        write_shape(&mut key, value);
        if key.len() > LENGTH_MAX {
            return None;
        }
    }
    key.push('\n');
    key.push_str(query);
    Some(key)
}

fn write_shape(shape: &mut String, value: &Value) {
    match value {
        Value::Null => shape.push('-'),
        Value::String(_) => shape.push('s'),
        Value::Boolean(true) => shape.push('t'),
        Value::Boolean(false) => shape.push('f'),
        Value::Number(number) => {
            shape.push('#');
            shape.push_str(&number.to_string());
        }
        Value::Enum(name) => write_name(shape, name),
        Value::Binary(_) => shape.push('b'),
        Value::List(entries) => {
            shape.push('[');
            entries.iter().for_each(|entry| write_shape(shape, entry));
            shape.push(']');
        }
        Value::Object(fields) => {
            shape.push('{');
            for (name, value) in fields {
                write_name(shape, name);
                write_shape(shape, value);
            }
            shape.push('}');
        }
    }
}

/// A name, whatever its sender put into it, that cannot be taken for anything else.
fn write_name(shape: &mut String, name: &str) {
    shape.push('"');
    shape.push_str(&name.len().to_string());
    shape.push(':');
    shape.push_str(name);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn key_of(variables: Value) -> Option<String> {
        key("{a}", None, &Variables::from_json(variables))
    }

    #[track_caller]
    fn check(one: Value, other: Value, are_alike: bool) {
        assert_eq!(
            key_of(one.clone()) == key_of(other.clone()),
            are_alike,
            "{one} {other}"
        );
    }

    #[test]
    fn texts_do_not_matter_and_everything_else_does() {
        check(json!({"a": "x"}), json!({"a": "yy"}), true);
        check(
            json!({"a": {"b": ["x", null]}}),
            json!({"a": {"b": ["y", null]}}),
            true,
        );
        check(json!({"a": "x"}), json!({"b": "x"}), false);
        check(json!({"a": "x"}), json!({"a": null}), false);
        check(json!({"a": "x"}), json!({}), false);
        check(json!({"a": 1}), json!({"a": 2}), false);
        check(json!({"a": 1}), json!({"a": 1.5}), false);
        check(json!({"a": true}), json!({"a": false}), false);
        check(json!({"a": ["x"]}), json!({"a": ["x", "y"]}), false);
        check(json!({"a": ["x"]}), json!({"a": [["x"]]}), false);
        check(json!({"a": {"b": "x"}}), json!({"a": {"c": "x"}}), false);
        check(json!({"a": {"b": "x"}}), json!({"a": "x"}), false);
        check(
            json!({"a": {"b": {"c": "x"}}}),
            json!({"a": {"b": "x", "c": {}}}),
            false,
        );
    }

    #[test]
    fn a_name_cannot_pass_for_another_shape() {
        check(json!({"a\"1:b": "x"}), json!({"a": "x"}), false);
        check(json!({"as\"1:b": "x"}), json!({"a": "x", "b": "x"}), false);
        check(json!({"a\n": "x"}), json!({"a": "x"}), false);
    }

    #[test]
    fn another_document_or_operation_is_another_plan() {
        let key = |query, name| key(query, name, &Variables::default());
        assert_ne!(key("{a}", None), key("{b}", None));
        assert_ne!(key("{a}", None), key("{a}", Some("a")));
        assert_ne!(key("{a}", Some("a")), key("{a}", Some("b")));
    }

    #[test]
    fn a_shape_is_not_kept_at_any_length() {
        assert!(key_of(json!({"a": vec!["x"; 4_000]})).is_some());
        assert!(key_of(json!({"a": vec!["x"; 5_000]})).is_none());
    }
}
