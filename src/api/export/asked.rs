//! What an address asks for; strictly read, for a parameter that is passed over could mean everybody.

use async_graphql::{Name, Value, Variables};
use url::form_urlencoded;

use super::column;
use super::format::Format;
use super::lists::List;
use super::value;
use crate::api::gate::Refusal;
use crate::api::settings::Limits;

/// What is exported, and how.
#[derive(Debug)]
pub(super) struct Asked {
    /// `filter`, `search`, `orderBy` and `license`, as far as they are said: variables of the list's
    /// question.
    pub(super) arguments: Variables,
    /// Places of columns.
    pub(super) columns: Vec<usize>,
    /// Where `format` is said.
    pub(super) format: Option<Format>,
    /// Whether a CSV file begins with a byte order mark.
    pub(super) has_bom: bool,
}

/// The parameters of every list, beside those that its question takes.
const PARAMETERS: [&str; 3] = ["columns", "format", "bom"];

impl Asked {
    /// From the query part of the address.
    pub(super) fn parse(query: &str, list: &List, limits: &Limits) -> Result<Self, Refusal> {
        let mut asked = Self {
            arguments: Variables::default(),
            columns: Vec::new(),
            format: None,
            has_bom: false,
        };
        let mut columns = None;
        let mut seen: Vec<String> = Vec::new();
        for (name, text) in form_urlencoded::parse(query.as_bytes()) {
            // The decoder puts this character where the bytes are not UTF-8.
            if text.contains('\u{fffd}') {
                return Err(Refusal::request("The parameters are not UTF-8."));
            }
            if seen.iter().any(|one| *one == name) {
                return Err(Refusal::request("A parameter is given twice."));
            }
            let takes = list.takes.contains(&name.as_ref());
            match name.as_ref() {
                "filter" if takes => {
                    asked.argument(&name, value::parse(&name, &text, list.example, limits)?);
                }
                "search" | "license" if takes => {
                    asked.argument(&name, Value::String(text.into_owned()));
                }
                "orderBy" if takes => asked.argument(&name, value::parse_orders(&text, limits)?),
                "columns" => columns = Some(text.into_owned()),
                "format" => asked.format = Some(Format::parse(&text)?),
                "bom" => asked.has_bom = parse_flag(&text)?,
                _ => {
                    let known = [list.takes, &PARAMETERS].concat().join(", ");
                    return Err(Refusal::request(format!(
                        "A parameter is none that an export of {} takes; it takes: {known}.",
                        list.name
                    )));
                }
            }
            seen.push(name.into_owned());
        }
        asked.columns = column::choose(list.name, &(list.columns)(), columns.as_deref())?;
        Ok(asked)
    }

    fn argument(&mut self, name: &str, value: Value) {
        self.arguments.insert(Name::new(name), value);
    }
}

fn parse_flag(text: &str) -> Result<bool, Refusal> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Refusal::request("`bom` takes true or false.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::export::lists;

    #[track_caller]
    fn refused(list: &str, query: &str, about: &str) {
        let list = lists::find(list).unwrap();
        let refusal = Asked::parse(query, list, &Limits::default()).unwrap_err();
        assert!(refusal.message.contains(about), "{}", refusal.message);
    }

    #[test]
    fn an_address_is_read_strictly() {
        let users = lists::find("users").unwrap();
        let query =
            "filter=%7B%7D&search=ann&orderBy=DEPARTMENT&columns=mail&format=jsonl&bom=false";
        let asked = Asked::parse(query, users, &Limits::default()).unwrap();
        assert_eq!(asked.arguments.len(), 3);
        assert_eq!(
            (asked.columns.len(), asked.format),
            (1, Some(Format::Lines))
        );
        refused(
            "users",
            "filters=%7B%7D",
            "it takes: filter, search, orderBy",
        );
        refused("groups", "orderBy=NAME", "it takes: filter, columns");
        refused("prices", "filter=%7B%7D", "it takes: license, columns");
        refused("users", "license=x", "it takes: filter, search");
        refused("users", "format=csv&format=csv", "twice");
        refused("users", "format=xls", "csv, jsonl or parquet");
        refused("users", "bom=1", "true or false");
        refused("users", "columns=nme", "userPrincipalName");
        refused("users", "search=%ff", "not UTF-8");
        refused("users", "filter=%7B", "neither JSON");
    }
}
