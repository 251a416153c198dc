//! The layers as one tree whose every value knows where it was written.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::origin::{Origin, Problem};

/// What all our variables begin with.
const PREFIX: &str = "SEATWISE_";

/// Keys of which one excludes the others. Where a higher layer sets one, the others of lower layers
/// go: a secret in the environment replaces a file that is named in config.toml.
const ALTERNATIVES: [&[&str]; 4] = [
    &["admin_token", "admin_token_file"],
    &["encryption_key", "encryption_key_file"],
    &["secret", "secret_file"],
    &["client_secret", "client_secret_file", "certificate_file"],
];

/// Keys with their values.
pub(super) type Table = BTreeMap<String, Node>;

/// A value and where its key was written.
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// A value as written. It has no `Debug`: it may be a secret.
pub(super) enum Value {
    Text(String),
    Whole(i64),
    List(Vec<Node>),
    Table(Table),
    /// Of an environment variable: what it means depends on the key.
    Untyped(String),
    /// Nothing that a key of ours takes, in words.
    Other(&'static str),
}

/// Reads a TOML document: the operator's from `path`, or the shipped one.
pub(super) fn from_toml(text: &str, path: Option<&Path>) -> Result<Table, ConfigError> {
    let lines = LineStarts::new(text);
    let document = DeTable::parse(text).map_err(|error| {
        let place = lines.line_and_column(error.span().map_or(0, |span| span.start));
        let name = path.map_or("compiled-in config.toml".into(), |path| {
            path.display().to_string()
        });
        ConfigError::one(format!(
            "{name}:{}:{}: {}",
            place.0,
            place.1,
            error.message()
        ))
    })?;
    let origin = |start: usize| match path {
        Some(path) => Origin::File {
            path: path.to_owned(),
            line: lines.line_and_column(start).0,
        },
        None => Origin::Shipped,
    };
    Ok(table(document.into_inner(), &origin))
}

fn table(document: DeTable<'_>, origin: &dyn Fn(usize) -> Origin) -> Table {
    document
        .into_iter()
        .map(|(key, value)| {
            let node = Node {
                origin: origin(key.span().start),
                value: self::value(value.into_inner(), origin),
            };
            (key.into_inner().into_owned(), node)
        })
        .collect()
}

// The parser bounds how deep values nest, so this recursion is bounded too.
fn value(written: DeValue<'_>, origin: &dyn Fn(usize) -> Origin) -> Value {
    match written {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Whole(number),
            Err(_) => Value::Other("a number out of range"),
        },
        DeValue::Boolean(_) => Value::Other("true or false"),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => {
            let node = |item: Spanned<DeValue<'_>>| Node {
                origin: origin(item.span().start),
                value: value(item.into_inner(), origin),
            };
            Value::List(items.into_iter().map(node).collect())
        }
        DeValue::Table(document) => Value::Table(table(document, origin)),
    }
}

/// Reads our variables: those with `__` between section and key. Others that begin with `SEATWISE_`
/// are no settings, unless they look like one that was misspelled.
pub(super) fn from_environment(environment: &[(OsString, OsString)]) -> Result<Table, ConfigError> {
    let mut tree = Table::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let rest = name[PREFIX.len()..].to_lowercase();
        let Some((section, key)) = rest.split_once("__") else {
            refuse_single_underscore(name, &rest)?;
            continue;
        };
        let origin = Origin::Environment {
            name: name.to_owned(),
        };
        let Some(value) = value.to_str() else {
            return Err(Problem::new("the value is not UTF-8")
                .at(&origin, "")
                .into());
        };
        let leaf = Node {
            value: Value::Untyped(value.to_owned()),
            origin: origin.clone(),
        };
        match key.rsplit_once("__") {
            Some((tenant, key)) if section == "tenants" => match tenant.strip_suffix("__policy") {
                Some(tenant) => insert(&mut tree, &[section, tenant, "policy", key], leaf),
                None => insert(&mut tree, &[section, tenant, key], leaf),
            },
            Some((name, key)) if section == "webhooks" => {
                insert(&mut tree, &[section, name, key], leaf);
            }
            _ => insert(&mut tree, &[section, key], leaf),
        }
    }
    Ok(tree)
}

fn refuse_single_underscore(name: &str, rest: &str) -> Result<(), ConfigError> {
    let Some((section, key)) = rest.split_once('_') else {
        return Ok(());
    };
    if !super::raw::SECTIONS.contains(&section) {
        return Ok(());
    }
    let meant = format!("{PREFIX}{section}__{key}").to_uppercase();
    Err(ConfigError::one(format!(
        "{name}: two underscores stand between a section and its key; did you mean {meant}?"
    )))
}

/// Puts a value under its path; tables on the way are made, and counted as written where it was.
fn insert(tree: &mut Table, path: &[&str], leaf: Node) {
    match path {
        [] => {}
        [key] => {
            tree.insert((*key).to_owned(), leaf);
        }
        [key, rest @ ..] => {
            let mut below = match tree.remove(*key).map(|node| node.value) {
                Some(Value::Table(table)) => table,
                _ => Table::new(),
            };
            let origin = leaf.origin.clone();
            insert(&mut below, rest, leaf);
            let value = Value::Table(below);
            tree.insert((*key).to_owned(), Node { value, origin });
        }
    }
}

/// Lays `upper` on top of `base`.
pub(super) fn overlay(base: &mut Table, upper: Table) {
    for group in ALTERNATIVES {
        if group.iter().any(|key| upper.contains_key(*key)) {
            base.retain(|key, _| !group.contains(&key.as_str()));
        }
    }
    for (key, node) in upper {
        match (base.get_mut(&key), node) {
            (
                Some(Node {
                    value: Value::Table(below),
                    ..
                }),
                Node {
                    value: Value::Table(above),
                    ..
                },
            ) => overlay(below, above),
            (_, node) => {
                base.insert(key, node);
            }
        }
    }
}

/// Where the value under `path` was written; for one that is absent, where its table was.
pub(super) fn origin_of<'tree>(tree: &'tree Table, path: &[&str]) -> Option<&'tree Origin> {
    let (first, rest) = path.split_first()?;
    let node = tree.get(*first)?;
    let below = match &node.value {
        Value::Table(table) => origin_of(table, rest),
        _ => None,
    };
    Some(below.unwrap_or(&node.origin))
}

/// Where the lines of a text begin.
struct LineStarts<'text> {
    text: &'text str,
    starts: Vec<usize>,
}

impl<'text> LineStarts<'text> {
    fn new(text: &'text str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(index, _)| index + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(after_breaks).collect(),
        }
    }

    /// Both counted from 1, the column in characters.
    fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or("");
        (line, before.chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let lines = LineStarts::new("aé=1\n\nb");
        let check = |offset, place| assert_eq!(lines.line_and_column(offset), place);
        check(0, (1, 1));
        check(3, (1, 3)); // é is two bytes
        check(5, (1, 5)); // the line break belongs to its line
        check(6, (2, 1));
        check(7, (3, 1));
        check(99, (3, 1));
    }
}
