//! `$filter` of the logs: comparisons joined with "and".

use jiff::Timestamp;
use serde_json::Value;

use super::log::Log;
use crate::simulator::graph::error::GraphError;

/// What can be compared how.
pub(super) enum Property {
    /// `eq`, and `startsWith`.
    Text(&'static str),
    /// `eq`.
    Exact(&'static str),
}

/// A filter that was understood.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// The earliest tick, included.
    pub(super) from: Option<i64>,
    /// The latest one, included.
    pub(super) to: Option<i64>,
    tests: Vec<Test>,
}

#[derive(Debug)]
enum Test {
    Equals(String, Value),
    Begins(String, String),
    HasTarget(String),
}

impl Filter {
    /// Reads a filter; the empty one admits everything.
    pub(super) fn parse(text: &str, log: &Log) -> Result<Self, GraphError> {
        let mut filter = Self::default();
        if text.trim().is_empty() {
            return Ok(filter);
        }
        for condition in conditions(text) {
            filter.add(condition.trim(), log)?;
        }
        Ok(filter)
    }

    /// Whether an entry fits; its time has been looked at before.
    pub(super) fn admits(&self, entry: &Value) -> bool {
        let at = |path: &str| entry.pointer(&format!("/{path}"));
        self.tests.iter().all(|test| match test {
            Test::Equals(path, wanted) => match (at(path), wanted) {
                (Some(Value::String(text)), Value::String(wanted)) => {
                    text.eq_ignore_ascii_case(wanted)
                }
                (value, wanted) => value.unwrap_or(&Value::Null) == wanted,
            },
            Test::Begins(path, start) => at(path)
                .and_then(Value::as_str)
                .is_some_and(|text| text.to_lowercase().starts_with(&start.to_lowercase())),
            Test::HasTarget(id) => entry["targetResources"]
                .as_array()
                .is_some_and(|targets| targets.iter().any(|target| target["id"] == id.as_str())),
        })
    }

    fn add(&mut self, condition: &str, log: &Log) -> Result<(), GraphError> {
        let call = condition
            .strip_suffix(')')
            .and_then(|call| call.split_once('('));
        if let Some((name, arguments)) = call {
            return self.add_call(name, arguments, log);
        }
        let mut words = condition.splitn(3, ' ');
        let (Some(path), Some(operator), Some(literal)) =
            (words.next(), words.next(), words.next())
        else {
            return Err(not_understood(condition));
        };
        if path == log.time {
            return self.bound(operator, literal);
        }
        let is_known = log.properties.iter().any(|property| match property {
            Property::Text(name) | Property::Exact(name) => *name == path,
        });
        if !is_known {
            return Err(GraphError::new(
                400,
                "BadRequest",
                format!(
                    "Could not find a property named '{path}' on type 'microsoft.graph.{}'.",
                    log.name.trim_end_matches('s')
                ),
            ));
        }
        let wanted = value(literal).filter(|_| operator == "eq");
        let wanted = wanted.ok_or_else(|| not_understood(condition))?;
        self.tests.push(Test::Equals(path.to_owned(), wanted));
        Ok(())
    }

    /// `startsWith(userPrincipalName,'a')` or `targetResources/any(t:t/id eq 'x')`.
    fn add_call(&mut self, name: &str, arguments: &str, log: &Log) -> Result<(), GraphError> {
        if name == "targetResources/any" && log.refuses_older {
            let id = arguments.split_once(':').and_then(|(variable, test)| {
                let test = test.strip_prefix(variable)?.strip_prefix("/id eq ")?;
                value(test)?.as_str().map(str::to_owned)
            });
            let id = id.ok_or_else(|| not_understood(arguments))?;
            self.tests.push(Test::HasTarget(id));
            return Ok(());
        }
        let start = arguments.split_once(',').and_then(|(path, literal)| {
            let is_text = log
                .properties
                .iter()
                .any(|property| matches!(property, Property::Text(name) if *name == path.trim()));
            let start = value(literal.trim())?.as_str()?.to_owned();
            is_text.then(|| Test::Begins(path.trim().to_owned(), start))
        });
        let start = start.filter(|_| name.eq_ignore_ascii_case("startswith"));
        self.tests.push(start.ok_or_else(|| not_understood(name))?);
        Ok(())
    }

    fn bound(&mut self, operator: &str, literal: &str) -> Result<(), GraphError> {
        let at: Timestamp = literal.parse().map_err(|_| not_understood(literal))?;
        let ticks = (at.as_nanosecond() / 100) as i64;
        match operator {
            "ge" => self.from = Some(self.from.unwrap_or(i64::MIN).max(ticks)),
            "le" => self.to = Some(self.to.unwrap_or(i64::MAX).min(ticks)),
            "eq" => (self.from, self.to) = (Some(ticks), Some(ticks)),
            _ => return Err(not_understood(operator)),
        }
        Ok(())
    }
}

fn not_understood(what: &str) -> GraphError {
    GraphError::new(
        400,
        "BadRequest",
        format!("Invalid filter clause: '{what}' is not supported."),
    )
}

/// The parts between "and", which may stand in quotes too.
fn conditions(text: &str) -> Vec<String> {
    let mut conditions = vec![String::new()];
    let mut is_quoted = false;
    for word in text.split(' ') {
        if !is_quoted && word.eq_ignore_ascii_case("and") {
            conditions.push(String::new());
            continue;
        }
        is_quoted ^= word.matches('\'').count() % 2 == 1;
        if let Some(condition) = conditions.last_mut() {
            if !condition.is_empty() {
                condition.push(' ');
            }
            condition.push_str(word);
        }
    }
    conditions
}

/// A literal: a quoted text, a number, null, true or false.
fn value(literal: &str) -> Option<Value> {
    let quoted = literal
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    match quoted {
        Some(text) if text.replace("''", "").contains('\'') => None,
        Some(text) => Some(Value::from(text.replace("''", "'"))),
        None => serde_json::from_str(literal)
            .ok()
            .filter(|value: &Value| !value.is_string() && !value.is_object() && !value.is_array()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::directory_audits;
    use super::super::sign_ins;
    use super::*;

    #[test]
    fn filters_admit_what_they_say() {
        let entry = json!({
            "userPrincipalName": "o'brien and sons@contoso.com",
            "appId": "a1",
            "status": {"errorCode": 0},
        });
        let check = |text: &str, expected: bool| {
            let filter = Filter::parse(text, &sign_ins::LOG).unwrap();
            assert_eq!(filter.admits(&entry), expected, "{text}");
        };
        check("", true);
        check("appId eq 'A1'", true);
        check("appId eq 'a2'", false);
        check(
            "userPrincipalName eq 'o''brien and sons@contoso.com' and appId eq 'a1'",
            true,
        );
        check("startsWith(userPrincipalName,'O''Brien and')", true);
        check("startswith(userPrincipalName, 'x')", false);
        check("status/errorCode eq 0", true);
        check("appId eq 'a1' and status/errorCode eq 50126", false);
    }

    #[test]
    fn both_bounds_are_included_and_to_the_tick() {
        let text = "createdDateTime ge 2026-11-01T00:00:00.0000001Z and createdDateTime le 2026-11-02T00:00:00Z";
        let filter = Filter::parse(text, &sign_ins::LOG).unwrap();
        let (from, to) = (filter.from.unwrap(), filter.to.unwrap());
        assert_eq!(to - from, 86_400 * super::super::TICKS - 1);
        let only = Filter::parse("createdDateTime eq 2026-11-02T00:00:00Z", &sign_ins::LOG);
        assert_eq!(only.unwrap().from, Some(to));
    }

    #[test]
    fn what_the_logs_do_not_know_is_refused() {
        let check = |text: &str, log: &Log, expected: bool| {
            assert_eq!(Filter::parse(text, log).is_ok(), expected, "{text}");
        };
        check(
            "createdDateTime gt 2026-11-01T00:00:00Z",
            &sign_ins::LOG,
            false,
        );
        check("createdDateTime ge yesterday", &sign_ins::LOG, false);
        check(
            "activityDateTime ge 2026-11-01T00:00:00Z",
            &sign_ins::LOG,
            false,
        );
        check(
            "activityDateTime ge 2026-11-01T00:00:00Z",
            &directory_audits::LOG,
            true,
        );
        check("signInEventTypes/any(t:t eq 'x')", &sign_ins::LOG, false);
        check(
            "targetResources/any(t:t/id eq 'x')",
            &directory_audits::LOG,
            true,
        );
        check("targetResources/any(t:t/id eq 'x')", &sign_ins::LOG, false);
        check("appId eq 'a' or appId eq 'b'", &sign_ins::LOG, false);
        check("startsWith(appId,'a')", &sign_ins::LOG, false);
        check("appId", &sign_ins::LOG, false);
    }
}
