//! How often a plan looks at everybody, however few rows it answers.
//!
//! The cost of a document tells little of it: a row of an answer takes a tenth of a microsecond, a
//! condition up to 15 ms for a million users. A plan runs on the thread of its connection, where neither
//! the deadline nor a client that went away can stop it, so it only runs where it ends soon anyway.

use async_graphql::Value;

/// Glances at users that a plan may take. A glance takes at most a nanosecond a user, mostly a tenth of
/// that: the worst plan takes some 60 ms, and who asks for more loses nothing by waiting a bit longer.
pub(super) const GLANCES_MAX: u64 = 64_000_000;

/// Glances at each user for a part of a text. "a." in user principal names is among the worst there
/// are: 15 ms for a million users.
const OF_PART: u64 = 16;

/// Glances for a search: words that begin so, in four properties; the second word is looked for where
/// the first one was found.
pub(super) const OF_SEARCH: u64 = 4;

/// Glances for counting by a property: up to 3.6 ms for a million users.
pub(super) const OF_BREAKDOWN: u64 = 4;

/// Values of a list that are found in the time of one glance at a million users.
const VALUES_OF_GLANCE: u64 = 256;

/// The glances of a filter: one for each condition, more for those that look into texts.
pub(super) fn of_filter(filter: &Value) -> u64 {
    match filter {
        Value::Null => 0,
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| match name.as_str() {
                "contains" => OF_PART,
                _ => of_filter(value),
            });
            fields.sum()
        }
        Value::List(entries) => {
            let nested: u64 = entries.iter().map(of_nested).sum();
            nested.max(1 + entries.len() as u64 / VALUES_OF_GLANCE)
        }
        _ => 1,
    }
}

/// Of an entry of a list: values of a condition are none of their own.
fn of_nested(entry: &Value) -> u64 {
    match entry {
        Value::Object(_) | Value::List(_) => of_filter(entry),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(filter: serde_json::Value, glances: u64) {
        assert_eq!(of_filter(&Value::from_json(filter).unwrap()), glances);
    }

    #[test]
    fn every_condition_is_a_glance_and_a_part_of_a_text_is_many() {
        check(json!(null), 0);
        check(json!({}), 0);
        check(json!({"department": {"eq": "a"}}), 1);
        check(
            json!({"department": {"in": ["a", "b"], "contains": "c"}}),
            17,
        );
        check(
            json!({"or": [{"mail": {"contains": "a"}}, {"not": {"mail": {"ne": "b"}}}], "and": [{}]}),
            16 + 1 + 1,
        );
    }

    #[test]
    fn thousands_of_values_are_looked_for_longer() {
        check(json!({"mail": {"in": vec!["a"; 255]}}), 1);
        check(json!({"mail": {"in": vec!["a"; 1024]}}), 5);
    }
}
