//! Everything between a request's text and async-graphql: pure, bounded, fit for a fuzzer.
//!
//! async-graphql's parser recurses a stack frame for each bracket, and its validators walk every
//! expansion of every fragment before a limit is looked at: 3 kB of `[[[[` overflow the stack of an
//! unguarded process, 2.5 kB of fragments hold it for a minute. So a document is first read token by
//! token, then parsed, then measured with its fragments expanded on paper only. What passes is
//! small in every direction, and the parsed document travels on, so nothing is parsed twice.
//!
//! Messages are our own: they say where and what was expected, and never echo the document.

mod cost;
mod expand;
mod introspection;
mod json;
mod operation;
mod scan;
#[cfg(test)]
mod soundness;
#[cfg(test)]
mod tests;

use async_graphql::Pos;
use async_graphql::ServerError;
use async_graphql::Variables;
use async_graphql::parser::Error as ParseError;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationType};

use crate::api::error::{Code, Error};
use crate::api::settings::Limits;

pub use json::parse_json;

/// A document that may go on to async-graphql.
#[derive(Debug)]
pub struct Admitted {
    /// Parsed once; hand it on by `Request::set_parsed_query`.
    pub document: ExecutableDocument,
    /// What the chosen operation does; GET may only query.
    pub operation: OperationType,
    /// The chosen operation's name; `None` where the document's only operation has none.
    pub operation_name: Option<String>,
    /// What its dearest operation costs.
    pub cost: usize,
}

/// Who or what a refusal blames; the HTTP status follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request around the document: its JSON, a parameter's type.
    Request,
    /// The document: its syntax, its choice of operation, its variables.
    Document,
    /// Well formed, and more than one request may ask for.
    Limit,
}

/// Why something was not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whom it blames.
    pub fault: Fault,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// Where in the document; empty where no place can be named.
    pub locations: Vec<Pos>,
}

impl Refusal {
    /// The request around the document is wrong.
    pub fn request(message: impl Into<String>) -> Self {
        Self::new(Fault::Request, message, [])
    }

    fn document(message: impl Into<String>, locations: impl IntoIterator<Item = Pos>) -> Self {
        Self::new(Fault::Document, message, locations)
    }

    fn limit(message: impl Into<String>, locations: impl IntoIterator<Item = Pos>) -> Self {
        Self::new(Fault::Limit, message, locations)
    }

    fn new(
        fault: Fault,
        message: impl Into<String>,
        locations: impl IntoIterator<Item = Pos>,
    ) -> Self {
        Self {
            fault,
            message: message.into(),
            locations: locations.into_iter().collect(),
        }
    }

    /// For programs: `extensions.code`.
    pub fn code(&self) -> Code {
        match self.fault {
            Fault::Request | Fault::Document => Code::BadInput,
            Fault::Limit => Code::LimitExceeded,
        }
    }

    /// As an entry of `errors`.
    pub fn to_server_error(&self) -> ServerError {
        let error = async_graphql::Error::from(Error::new(self.code(), self.message.clone()));
        let mut outward = error.into_server_error(Pos::default());
        outward.locations.clone_from(&self.locations);
        outward
    }
}

/// Lets a document through, or says why not.
///
/// Time and memory grow with the length of the text and no faster, whatever it says; recursion is
/// bounded by `limits.nesting_max`.
pub fn check(
    text: &str,
    variables: &Variables,
    operation_name: Option<&str>,
    limits: &Limits,
) -> Result<Admitted, Refusal> {
    scan::scan(text, limits)?;
    let document = parse_query(text).map_err(|error| syntax_refusal(&error))?;
    let (sizes, cost) = expand::measure(&document, variables, limits)?;
    let chosen = operation::choose(&document, operation_name)?;
    operation::check_variables(chosen.definition, variables)?;
    operation::check_subscription(chosen.definition, &sizes)?;
    let operation = chosen.definition.node.ty;
    let operation_name = chosen.name.map(str::to_owned);
    Ok(Admitted {
        document,
        operation,
        operation_name,
        cost,
    })
}

/// The parser's complaint in our words: its own message draws the offending line.
fn syntax_refusal(error: &ParseError) -> Refusal {
    let message = match error {
        ParseError::Syntax { message, start, .. } => {
            format!(
                "Syntax error at line {}, column {}: {}.",
                start.line,
                start.column,
                expectation(message)
            )
        }
        ParseError::MultipleOperations { .. } => {
            "An operation without a name must be the only one of its document.".to_owned()
        }
        ParseError::OperationDuplicated { .. } => "Two operations have the same name.".to_owned(),
        ParseError::FragmentDuplicated { .. } => "Two fragments have the same name.".to_owned(),
        ParseError::MissingOperation => "The document has no operation, only fragments.".to_owned(),
        _ => "The document cannot be parsed.".to_owned(),
    };
    Refusal::document(message, error.positions().take(2))
}

/// What the parser expected, from the last line of its message (`  = expected field, or name`), which
/// holds names of grammar rules and nothing of the document.
fn expectation(message: &str) -> String {
    let listed = message
        .lines()
        .last()
        .and_then(|line| line.trim_start().strip_prefix("= expected "));
    let Some(listed) = listed else {
        return "a value that is not out of range was expected".to_owned();
    };
    let words: Vec<&str> = listed
        .split([',', ' '])
        .filter(|rule| !rule.is_empty() && *rule != "or")
        .map(rule_in_words)
        .collect();
    match words.split_last() {
        Some((last, [])) => format!("{last} was expected"),
        Some((last, others)) => format!("{} or {last} was expected", others.join(", ")),
        None => "something else was expected".to_owned(),
    }
}

fn rule_in_words(rule: &str) -> &str {
    match rule {
        "EOI" => "the end of the document",
        "executable_document" | "executable_definition" => "an operation or a fragment",
        "operation_definition" | "named_operation_definition" => "an operation",
        "fragment_definition" => "a fragment definition",
        "operation_type" => "query, mutation or subscription",
        "selection_set" => "a selection set",
        "selection" | "field" => "a field",
        "fragment_spread" => "a fragment spread",
        "inline_fragment" => "an inline fragment",
        "type_condition" => "a type condition",
        "variable_definitions" | "variable_definition" => "a variable definition",
        "variable" => "a variable",
        "type_" => "a type",
        "default_value" => "a default value",
        "directives" | "directive" => "a directive",
        "arguments" | "argument" => "an argument",
        "alias" => "an alias",
        "name" | "name_start" => "a name",
        "number" | "int" | "float" => "a number",
        "string" | "string_content" | "block_string_content" => "a string",
        "object_field" | "const_object_field" => "a field of an input object",
        _ => "a value",
    }
}
