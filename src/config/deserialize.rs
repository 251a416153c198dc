//! Serde over the layered tree, so that the raw settings are plain structs and every refusal still
//! names its line or variable.
//!
//! An environment variable is text; what it means (a number, a list) is settled here, where the type
//! that the key wants is known.

use serde::de::value::{SeqDeserializer, StrDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::origin::{Problem, suggestion};
use super::tree::{Node, Table, Value};

/// Reads one value, or the whole tree.
pub(super) struct Reader<'tree> {
    written: Written<'tree>,
    /// The sections and the key down to here, such as "sync.schedule"; empty for the whole tree.
    key: String,
}

#[derive(Clone, Copy)]
enum Written<'tree> {
    Root(&'tree Table),
    Node(&'tree Node),
}

impl<'tree> Reader<'tree> {
    pub(super) fn new(root: &'tree Table) -> Self {
        Self {
            written: Written::Root(root),
            key: String::new(),
        }
    }

    fn below(&self, key: &str, node: &'tree Node) -> Self {
        let separator = if self.key.is_empty() { "" } else { "." };
        Self {
            written: Written::Node(node),
            key: format!("{}{separator}{key}", self.key),
        }
    }

    fn table(&self) -> Option<&'tree Table> {
        match self.written {
            Written::Root(table) => Some(table),
            Written::Node(node) => match &node.value {
                Value::Table(table) => Some(table),
                _ => None,
            },
        }
    }

    fn value(&self) -> Option<&'tree Value> {
        match self.written {
            Written::Root(_) => None,
            Written::Node(node) => Some(&node.value),
        }
    }

    /// Says what was found, never its value: it may be a secret.
    fn unlike(&self, expected: &str) -> Problem {
        let found = match self.value() {
            None | Some(Value::Table(_)) => "a section",
            Some(Value::Text(_) | Value::Untyped(_)) => "text",
            Some(Value::Whole(_)) => "a number",
            Some(Value::List(_)) => "a list",
            Some(Value::Other(found)) => found,
        };
        Problem::new(format!("expected {expected}, found {found}"))
    }

    fn text(&self) -> Option<&'tree str> {
        match self.value() {
            Some(Value::Text(text) | Value::Untyped(text)) => Some(text),
            _ => None,
        }
    }

    /// Refuses keys that the section does not have.
    fn check_keys(&self, table: &Table, valid: &[&str]) -> Result<(), Problem> {
        let unknown = |(key, _): &(&String, &Node)| !valid.contains(&key.as_str());
        let Some((key, node)) = table.iter().find(unknown) else {
            return Ok(());
        };
        let is_section = matches!(node.value, Value::Table(_));
        let (what, place) = match (self.key.as_str(), is_section) {
            ("", true) => (format!("unknown section [{key}]"), "sections"),
            ("", false) => (
                format!("unknown key \"{key}\" outside of a section"),
                "sections",
            ),
            (section, _) => (format!("unknown key \"{key}\" in [{section}]"), "keys"),
        };
        let suggestion = suggestion(key, valid);
        let text = format!("{what}{suggestion} Valid {place}: {}", valid.join(", "));
        Err(Problem::new(text).at(&node.origin, ""))
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.text() {
            Some(text) => visitor.visit_str(text),
            None => Err(self.unlike("text in quotes")),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let number = match self.value() {
            Some(Value::Whole(number)) => u64::try_from(*number).ok(),
            Some(Value::Untyped(text)) => text.trim().parse().ok(),
            _ => return Err(self.unlike("a whole number")),
        };
        match number {
            Some(number) => visitor.visit_u64(number),
            None => Err(Problem::new("expected a whole number from 0 up")),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value() {
            Some(Value::List(items)) => {
                let readers = items.iter().map(|node| Self {
                    written: Written::Node(node),
                    key: self.key.clone(),
                });
                visitor.visit_seq(SeqDeserializer::new(readers))
            }
            Some(Value::Untyped(text)) => {
                let items = text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                visitor.visit_seq(SeqDeserializer::new(items))
            }
            _ => Err(self.unlike("a list, such as [\"one\", \"two\"]")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.table() {
            Some(table) => visitor.visit_map(Entries {
                rest: table.iter(),
                next: None,
                reader: &self,
            }),
            None => Err(self.unlike("a section")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        if let Some(table) = self.table() {
            self.check_keys(table, fields)?;
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.text() {
            Some(text) => visitor.visit_enum(StrDeserializer::new(text)),
            None => Err(self.unlike("text in quotes")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, Problem> for Reader<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The entries of a section, one after the other.
struct Entries<'tree, 'reader> {
    rest: std::collections::btree_map::Iter<'tree, String, Node>,
    next: Option<(&'tree String, &'tree Node)>,
    reader: &'reader Reader<'tree>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        self.next = self.rest.next();
        match self.next {
            Some((key, _)) => {
                let key: StringDeserializer<Problem> = key.clone().into_deserializer();
                seed.deserialize(key).map(Some)
            }
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let Some((key, node)) = self.next.take() else {
            return Err(Problem::custom("a value was asked for before its key"));
        };
        let reader = self.reader.below(key, node);
        let name = reader.key.clone();
        seed.deserialize(reader)
            .map_err(|problem| problem.at(&node.origin, &name))
    }
}

impl std::error::Error for Problem {}

impl Error for Problem {
    fn custom<T: std::fmt::Display>(text: T) -> Self {
        Self::new(text.to_string())
    }

    fn unknown_variant(word: &str, choices: &'static [&'static str]) -> Self {
        let suggestion = suggestion(word, choices);
        Self::new(format!(
            "\"{word}\" is not a choice{suggestion} Valid choices: {}",
            choices.join(", ")
        ))
    }
}
