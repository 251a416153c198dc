//! The arguments of a field, with the variables of one request put in.

use async_graphql::{InputType, Name, Value, Variables};
use async_graphql_value::Value as Written;

/// The arguments of a field as the document writes them.
pub(super) struct Arguments {
    written: Vec<(Name, Written)>,
}

/// What variables stand for in one request.
pub(super) struct Given<'a> {
    pub(super) variables: &'a Variables,
    /// The defaults that the operation declares.
    pub(super) defaults: &'a [(Name, Value)],
}

impl Arguments {
    pub(super) fn new(written: Vec<(Name, Written)>) -> Self {
        Self { written }
    }

    /// What they take of memory, about.
    pub(super) fn bytes(&self) -> usize {
        let written = self.written.iter();
        written
            .map(|(name, value)| name.len() + bytes_of(value))
            .sum()
    }

    /// One argument; `None` where it is not what its type takes.
    pub(super) fn get<T: InputType>(&self, name: &str, given: &Given<'_>) -> Option<T> {
        T::parse(self.value(name, given)).ok()
    }

    /// One argument, whatever it is; `None` where it is not there.
    pub(super) fn value(&self, name: &str, given: &Given<'_>) -> Option<Value> {
        given.resolve(self.written(name)?)
    }

    /// One argument that does not depend on texts in variables: what it is, for every request that
    /// the plan serves.
    pub(super) fn written(&self, name: &str) -> Option<&Written> {
        let mut written = self.written.iter();
        let found = written.find(|(own, _)| own.as_str() == name)?;
        Some(&found.1)
    }
}

impl Given<'_> {
    /// A value without variables. One that was not given is not there: it leaves its field out, and is
    /// null in a list.
    pub(super) fn resolve(&self, written: &Written) -> Option<Value> {
        Some(match written {
            Written::Variable(name) => return self.variable(name),
            Written::Null => Value::Null,
            Written::Number(number) => Value::Number(number.clone()),
            Written::String(text) => Value::String(text.clone()),
            Written::Boolean(value) => Value::Boolean(*value),
            Written::Binary(bytes) => Value::Binary(bytes.clone()),
            Written::Enum(name) => Value::Enum(name.clone()),
            Written::List(entries) => {
                let entries = entries.iter().map(|entry| self.resolve(entry));
                Value::List(entries.map(Option::unwrap_or_default).collect())
            }
            Written::Object(fields) => {
                let fields = fields.iter().filter_map(|(name, value)| {
                    let value = self.resolve(value)?;
                    Some((name.clone(), value))
                });
                Value::Object(fields.collect())
            }
        })
    }

    fn variable(&self, name: &Name) -> Option<Value> {
        let given = self.variables.get(name);
        let default = || {
            let mut defaults = self.defaults.iter();
            let default = defaults.find(|(own, _)| own == name);
            default.map(|(_, value)| value)
        };
        given.or_else(default).cloned()
    }
}

/// What a value takes of memory, about; objects are trees whose nodes have room to spare.
fn bytes_of(value: &Written) -> usize {
    let inside: usize = match value {
        Written::Variable(name) | Written::Enum(name) => name.len(),
        Written::String(text) => text.len(),
        Written::List(entries) => entries.iter().map(bytes_of).sum(),
        Written::Object(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| name.len() + 2 * size_of::<Name>() + bytes_of(value))
                .sum()
        }
        _ => 0,
    };
    size_of::<Written>()
        .saturating_mul(2)
        .saturating_add(inside)
}
